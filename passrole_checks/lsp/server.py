"""The language server on standard input and output.

Source: Language Server Protocol 3.17. The event loop keeps the connection; one worker thread judges. Changes are
collected for a moment, and answers about a version of a document that has changed since are dropped.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from lsprotocol.validators import UINTEGER_MAX_VALUE
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, default_converter
from pygls.uris import to_fs_path

from passrole_checks import __version__
from passrole_checks.distribution import NAME
from passrole_checks.errors import ConfigurationError, internal_error
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.findings import check_page_url
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.lsp.actions import EXPLAIN
from passrole_checks.lsp.workspace import Changes, Client, Diagnostics, Document, Workspace
from passrole_checks.scan import settings
from passrole_checks.scan.result import ScanOptions

WAIT = 0.05  # seconds for more changes, before they are judged
_WATCHED = "**/*.{tf,tofu,tfvars,hcl,json,yaml,yml,template,tpl,tftpl}"
_Answer = TypeVar("_Answer")


@dataclass
class _Pending:
    """Changes that are not judged yet."""

    typed: set[str] = field(default_factory=set)
    saved: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    folders: bool = False

    def __bool__(self) -> bool:
        return bool(self.typed or self.saved or self.others or self.folders)

    @property
    def changes(self) -> Changes:
        return Changes(frozenset(self.typed), frozenset(self.saved), frozenset(self.others))


class _Protocol(LanguageServerProtocol):
    """The protocol with an answer to invalid requests, too (JSON-RPC 2.0, "Response object"), which pygls lacks."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            if "id" in data and "method" in data:
                self._send_response(data["id"], error=error.to_response_error())
            raise


def _converter() -> Any:
    """Return pygls's converter, which rejects a message with a position that the protocol cannot have; here it is the
    nearest one that it can have.
    """

    def position(value: Any, _type: object) -> types.Position:
        return types.Position(*(min(max(value[name], 0), UINTEGER_MAX_VALUE) for name in ("line", "character")))

    create: Callable[[], Any] = default_converter
    converter = create()
    converter.register_structure_hook(types.Position, position)
    return converter


class PassRoleServer(LanguageServer):
    """The server with its open documents. ``exclude``: the patterns of ``--exclude``."""

    def __init__(self, options: ScanOptions, exclude: Sequence[str]) -> None:
        super().__init__(
            NAME, __version__, types.TextDocumentSyncKind.Full, protocol_cls=_Protocol, converter_factory=_converter
        )
        self._options, self._exclude = options, exclude
        self.is_shut_down = False
        self._files: Workspace | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=NAME)
        self._documents: dict[str, Document] = {}  # by URI
        self._pending = _Pending()
        self._settled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._published: Diagnostics = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def log(self, kind: types.MessageType, words: str) -> None:
        """Send a line to the client's log, from any thread."""
        if self._loop is not None:
            params = types.LogMessageParams(kind, words)
            self._loop.call_soon_threadsafe(self.window_log_message, params)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Log an error of a handler; the next messages are handled all the same."""
        self.log(types.MessageType.Error, sanitize(f"{NAME}: {internal_error(error)}"))

    # -- start and end

    def start(self, params: types.InitializeParams) -> None:
        """Prepare the workspace for the capabilities of the client."""
        self._loop = asyncio.get_running_loop()
        self._files = Workspace(self._options, self._exclude, self._client(params.capabilities))
        self._settled.set()

    def _client(self, capabilities: types.ClientCapabilities) -> Client:
        documents = capabilities.text_document or types.TextDocumentClientCapabilities()
        published, actions = documents.publish_diagnostics, documents.code_action
        edits = capabilities.workspace.workspace_edit if capabilities.workspace is not None else None
        return Client(
            self.workspace.position_encoding or types.PositionEncodingKind.Utf16,
            related=bool(published and published.related_information),
            disabled_actions=bool(actions and actions.disabled_support),
            document_changes=bool(edits and edits.document_changes),
            log=self.log,
        )

    def watch(self, _params: object) -> None:
        """Ask the client to report files that change on disk, and say what is not read."""
        workspace = self.client_capabilities.workspace
        watched = workspace.did_change_watched_files if workspace is not None else None
        if watched is not None and watched.dynamic_registration:
            options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(_WATCHED)])
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            self.client_register_capability(
                types.RegistrationParams([types.Registration("watched-files", method, options)])
            )
        self._note_configuration()

    def _note_configuration(self) -> None:
        """Log which settings of a folder do not count here: a pull request can bring them."""
        for folder in self._workspace_folders():
            try:
                table = settings.load(folder)
            except (ConfigurationError, OSError) as error:
                self.log(types.MessageType.Info, sanitize(f"{folder}: not used by the server: {error}"))
                continue
            if table:
                words = f"[{settings.TABLE}] is not used by the server, which takes options from its command line only"
                names = ", ".join(sorted(table))
                self.log(types.MessageType.Info, sanitize(f"{folder / settings.FILE}: {words}: {names}"))

    def stop(self, _params: object) -> None:
        """End the worker."""
        self.is_shut_down = True
        if self._task is not None:
            self._task.cancel()
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _workspace_folders(self) -> list[Path]:
        uris = [folder.uri for folder in self.workspace.folders.values()]
        if not uris and self.workspace.root_uri:
            uris = [self.workspace.root_uri]
        paths = [path for path in map(_path_of, uris) if path is not None and os.path.isdir(path)]
        return [Path(os.path.realpath(path)) for path in paths]

    # -- changes

    def opened(self, params: types.DidOpenTextDocumentParams) -> None:
        """Take over the text of an opened document."""
        document = params.text_document
        path = _listed(document.uri)
        if path is not None:
            self._documents[document.uri] = Document(document.uri, path, document.version, document.text)
            self._pending.saved.add(path)
            self._wake()

    def typed(self, params: types.DidChangeTextDocumentParams) -> None:
        """Take over the changed text of a document."""
        uri, version = params.text_document.uri, params.text_document.version
        known = self._documents.get(uri)
        if known is not None:
            text = self.workspace.get_text_document(uri).source
            self._documents[uri] = replace(known, version=version, text=text)
            self._pending.typed.add(known.path)
            self._wake()

    def saved(self, params: types.DidSaveTextDocumentParams) -> None:
        """Judge a document again that was saved."""
        self._judge_again(self._documents.get(params.text_document.uri))

    def closed(self, params: types.DidCloseTextDocumentParams) -> None:
        """Forget a document; its file counts again."""
        self._judge_again(self._documents.pop(params.text_document.uri, None))

    def _judge_again(self, known: Document | None) -> None:
        if known is not None:
            self._pending.saved.add(known.path)
            self._wake()

    def watched(self, params: types.DidChangeWatchedFilesParams) -> None:
        """Judge again what reads files that changed on disk."""
        for event in params.changes:
            path = _listed(event.uri)
            if path is not None:
                changed = event.type is types.FileChangeType.Changed
                (self._pending.saved if changed else self._pending.others).add(path)
        self._wake()

    def folders_changed(self, _params: object) -> None:
        """Judge again with other workspace folders."""
        self._pending.folders = True
        self._note_configuration()
        self._wake()

    def _wake(self) -> None:
        if self._pending:
            self._settled.clear()
            if self._task is None or self._task.done():
                self._task = asyncio.ensure_future(self._judge())

    async def _judge(self) -> None:
        """Judge changes until there are no more, and publish the diagnostics."""
        try:
            while self._pending:
                await asyncio.sleep(WAIT)
                pending, self._pending = self._pending, _Pending()
                documents = {one.path: one for one in self._documents.values()}
                update = partial(
                    Workspace.update, documents=documents, folders=self._workspace_folders(), changes=pending.changes
                )
                try:
                    found = await self._in_worker(update)
                except Exception as error:
                    self.log(types.MessageType.Error, sanitize(f"{NAME}: {internal_error(error)}"))
                    continue
                self._publish(found, {one.uri: one.version for one in documents.values()})
        finally:
            self._settled.set()

    def _publish(self, found: Diagnostics, versions: Mapping[str, int | None]) -> None:
        """Send diagnostics that differ from the last ones; none for a version that has changed since."""
        for uri in dict.fromkeys([*found, *self._published]):
            diagnostics = found.get(uri, [])
            current = self._documents.get(uri)
            if current is not None and (uri not in versions or current.version != versions[uri]):
                continue  # it is judged again
            if current is None and uri in versions:
                diagnostics = []  # it was closed in between
            version = current.version if current is not None else None
            if diagnostics != self._published.get(uri, []) or (current is not None and uri not in self._published):
                self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, diagnostics, version))
            if diagnostics or current is not None:
                self._published[uri] = diagnostics
            else:
                self._published.pop(uri, None)

    async def _in_worker(self, ask: Callable[[Workspace], _Answer]) -> _Answer:
        assert self._files is not None
        return await asyncio.get_running_loop().run_in_executor(self._worker, ask, self._files)

    # -- answers

    async def about(self, uri: str, ask: Callable[[Workspace, str], _Answer]) -> _Answer | None:
        """Return an answer about the current version of a document; None if it changes before."""
        known = self._documents.get(uri)
        if known is None:
            return None
        await self._settled.wait()
        if self._documents.get(uri) is not known:
            return None
        answer = await self._in_worker(lambda files: ask(files, known.path))
        return answer if self._documents.get(uri) is known else None

    async def explain(self, check: str) -> None:
        """Show the page of a check: in a browser, or, while the documentation is not published, as a message."""
        from passrole_checks.output import check_pages

        page = check_pages.check_page(check_pages.find_check(check))
        address = check_page_url(check)
        window = self.client_capabilities.window
        if address and window is not None and window.show_document is not None and window.show_document.support:
            await self.window_show_document_async(types.ShowDocumentParams(address, external=True))
        else:
            self.window_show_message(types.ShowMessageParams(types.MessageType.Info, page))


def _path_of(uri: str) -> str | None:
    """Return the path of a ``file:`` URI; None for any other."""
    try:
        path = to_fs_path(uri)
    except ValueError:
        return None
    return path if path and "\0" not in path and os.path.isabs(path) else None


def _listed(uri: str) -> str | None:
    """Return the path of a document below its folder without symbolic links, as a walk lists it."""
    path = _path_of(uri)
    if path is None:
        return None
    folder, name = os.path.split(os.path.normpath(path))
    return os.path.join(os.path.realpath(folder), name) if name else None


def create_server(options: ScanOptions, exclude: Sequence[str] = ()) -> PassRoleServer:
    """Return a server with its handlers."""
    server = PassRoleServer(options, exclude)
    handlers: dict[str, Callable[[Any], None]] = {
        types.INITIALIZE: server.start,
        types.INITIALIZED: server.watch,
        types.SHUTDOWN: server.stop,
        types.TEXT_DOCUMENT_DID_OPEN: server.opened,
        types.TEXT_DOCUMENT_DID_CHANGE: server.typed,
        types.TEXT_DOCUMENT_DID_SAVE: server.saved,
        types.TEXT_DOCUMENT_DID_CLOSE: server.closed,
        types.WORKSPACE_DID_CHANGE_WATCHED_FILES: server.watched,
        types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: server.folders_changed,
    }
    for method, handle in handlers.items():
        server.feature(method)(partial(handle))  # which has attributes, unlike a method

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        found = await server.about(params.text_document.uri, lambda files, path: files.hover(path, params.position))
        if found is None:
            return None
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, found[0]), found[1])

    kinds = [types.CodeActionKind.QuickFix]

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(kinds))
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction] | None:
        only = params.context.only
        if only and not any(types.CodeActionKind.QuickFix.value.startswith(kind) for kind in only):
            return None
        return await server.about(params.text_document.uri, lambda files, path: files.actions(path, params.range))

    @server.command(EXPLAIN)
    async def explain(check: str) -> None:
        await server.explain(check)

    return server


def serve(options: ScanOptions, exclude: Sequence[str] = ()) -> int:
    """Serve the client on standard input and output until it ends the session. Return 0 if it asked for a shutdown
    first, else 1 (Language Server Protocol, "Exit Notification").

    Only protocol is written to standard output: what else prints goes to standard error.
    """
    logging.getLogger("pygls").setLevel(logging.CRITICAL + 1)  # its tracebacks; report_server_error has the reasons
    protocol = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server = create_server(options, exclude)
    server.start_io(stdout=protocol)
    return 0 if server.is_shut_down else 1
