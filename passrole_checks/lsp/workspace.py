"""The open documents with their scopes and results: only what a change concerns is judged again.

Nothing here knows the connection to the client. All methods run in one worker thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lsprotocol import types

from passrole_checks.errors import internal_error
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.files.safe_read import open_error_reason
from passrole_checks.files.unsaved_texts import reading_texts
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.identity_cache import clear_identity_caches
from passrole_checks.iam.values.nodes import Position
from passrole_checks.lsp.actions import actions_of, statements_in
from passrole_checks.lsp.diagnostics import diagnostics_by_file
from passrole_checks.lsp.hover import statement_markdown
from passrole_checks.lsp.judged import Judged, judge
from passrole_checks.lsp.positions import TextPositions
from passrole_checks.lsp.scopes import Scope, WorkspaceFolder, innermost, scope_outside
from passrole_checks.scan.result import ScanOptions
from passrole_checks.sources.files.exclude_patterns import make_exclusions
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.read_boundary import Boundary, repository_around
from passrole_checks.sources.model.configuration import faults_in
from passrole_checks.sources.recognize import LARGEST_TEMPLATE, is_candidate
from passrole_checks.suggest.suggestion import Edit

Diagnostics = dict[str, list[types.Diagnostic]]


@dataclass(frozen=True, slots=True)
class Document:
    """An open document. ``path``: its file, below its folder without symbolic links, as in a listing of that."""

    uri: str
    path: str
    version: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Changes:
    """Paths that changed since the last update. ``typed``: texts in the editor; ``saved``: files that were opened,
    saved, closed, or changed on disk; ``others``: files that appeared or vanished."""

    typed: frozenset[str] = frozenset()
    saved: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()

    @property
    def modified(self) -> tuple[str, ...]:
        """The paths of files with other content, with symbolic links, and without."""
        paths = self.typed | self.saved
        return tuple(paths | {os.path.realpath(path) for path in paths})


@dataclass(frozen=True, slots=True)
class Client:
    """Capabilities of the client. ``log``: sends a line to its log, from any thread."""

    encoding: str = types.PositionEncodingKind.Utf16
    related: bool = True
    disabled_actions: bool = True
    document_changes: bool = True
    log: Callable[[types.MessageType, str], None] = lambda kind, words: None


class Workspace:
    """Open documents, and the results of their scopes. ``exclude``: the patterns of ``--exclude``."""

    def __init__(self, options: ScanOptions, exclude: Sequence[str], client: Client) -> None:
        self._options, self._exclude, self._client = options, tuple(exclude), client
        self._folders: dict[Path, WorkspaceFolder] = {}
        self._documents: Mapping[str, Document] = {}
        self._on_disk: set[str] = set()  # documents with the text of their file
        self._scopes: dict[str, Scope] = {}
        self._judged: dict[Scope, Judged] = {}
        self._shown: dict[Scope, Diagnostics] = {}  # by file
        self._logged: set[str] = set()

    # -- changes

    def update(self, documents: Mapping[str, Document], folders: Collection[Path], changes: Changes) -> Diagnostics:
        """Judge again what changes concern. Return all diagnostics, by URI.

        ``documents``: all that are open, by path. ``folders``: those of the workspace, without symbolic links.
        """
        listed_again = self._set_folders(folders)
        self._documents = documents
        self._compare_with_disk(changes)
        with reading_texts(self._unsaved):
            for folder in self._folders.values():
                listed_again |= self._list_again(folder, changes)
            self._find_scopes(changes, every=listed_again)
            self._judge_scopes(changes)
            found = self._all_diagnostics()
        clear_identity_caches()
        return found

    def _set_folders(self, folders: Collection[Path]) -> bool:
        changed = set(folders) != self._folders.keys()
        exclusions = make_exclusions(self._exclude, tuple(folders))
        self._folders = {
            path: WorkspaceFolder(path, exclusions) if changed else self._folders[path] for path in folders
        }
        return changed

    def _compare_with_disk(self, changes: Changes) -> None:
        """Find the documents whose text is that of their file: these are read from disk."""
        self._on_disk &= self._documents.keys() - changes.typed
        for path in (changes.saved | changes.others) & self._documents.keys():
            expected = self._documents[path].text.encode("utf-8", "surrogatepass")
            try:
                if os.path.islink(path) or self._boundary_of(path).read(path, LARGEST_TEMPLATE) == expected:
                    self._on_disk.add(path)
                    continue
            except OSError as error:
                if not isinstance(error, FileNotFoundError):
                    self._log_once(types.MessageType.Warning, path, open_error_reason(path, error))
            self._on_disk.discard(path)

    def _boundary_of(self, path: str) -> Boundary:
        folder = innermost(tuple(self._folders.values()), path)
        parent = Path(path).parent
        return folder.boundary if folder is not None else Boundary.around(repository_around(parent) or parent)

    @property
    def _unsaved(self) -> dict[str, str]:
        return {path: one.text for path, one in self._documents.items() if path not in self._on_disk}

    def _list_again(self, folder: WorkspaceFolder, changes: Changes) -> bool:
        """Forget the listing of a folder if its files or the calls of its modules have changed. Return True then."""
        below = [path for path in changes.others if Path(path).is_relative_to(folder.path)]
        terraform = [path for path in changes.typed | changes.saved if is_terraform_file(Path(path))]
        if below or any(folder.calls_changed(path) for path in terraform if Path(path).is_relative_to(folder.path)):
            folder.forget()
            return True
        return False

    def _find_scopes(self, changes: Changes, *, every: bool) -> None:
        """Find the scopes of documents that are new or changed; ``every``: of all."""
        scopes: dict[str, Scope] = {}
        changed = changes.typed | changes.saved
        for path in self._documents:
            known = self._scopes.get(path)
            is_typed = path in changes.typed and path not in changes.saved
            if known is not None and known.is_generated and is_typed:
                scopes[path] = known  # when it is saved
            elif known is None or every or (path in changed and not is_terraform_file(Path(path))):
                try:
                    scopes[path] = self._scope_of(path)
                except Exception as error:  # others go on
                    self._client.log(types.MessageType.Error, f"{path}: {sanitize(internal_error(error))}")
                    scopes[path] = known or Scope(())
            else:
                scopes[path] = known
        self._scopes = scopes

    def _scope_of(self, path: str) -> Scope:
        folder = innermost(tuple(self._folders.values()), path)
        if folder is None:
            return scope_outside(path, make_exclusions(self._exclude, (path,)))
        scope = folder.scope_of(path)
        if not scope.units and not scope.unreadable and is_candidate(Path(path)) and folder.is_left_out(path):
            self._log_once(types.MessageType.Info, path, "not scanned: excluded, or in a folder of downloads")
        elif not scope.units and Path(path).is_symlink() and not is_terraform_file(Path(path)):
            self._log_once(types.MessageType.Warning, path, "not scanned: a symbolic link, which is not followed")
        return scope

    def _judge_scopes(self, changes: Changes) -> None:
        judged: dict[Scope, Judged] = {}
        for scope in dict.fromkeys(self._scopes.values()):
            known = self._judged.get(scope)
            modified = changes.modified
            if scope.is_generated:  # large, and of no use before it is saved
                modified = replace(changes, typed=frozenset()).modified
            if known is not None and not known.is_changed_by(modified, tuple(changes.others)):
                judged[scope] = known
                continue
            self._shown.pop(scope, None)
            if not scope.units and not scope.unreadable:
                continue
            try:
                judged[scope] = judge(scope, self._options_of(scope))
            except Exception as error:  # others go on
                name = scope.units[0].path if scope.units else "."
                self._client.log(types.MessageType.Error, f"{name}: {sanitize(internal_error(error))}")
                continue
            for fault in faults_in(judged[scope].result.unreadable):
                self._client.log(types.MessageType.Error, f"{fault.file}: internal error: {sanitize(fault.reason)}")
        self._judged = judged
        self._shown = {scope: shown for scope, shown in self._shown.items() if scope in judged}

    def _options_of(self, scope: Scope) -> ScanOptions:
        folders = [str(folder) for folder in self._folders] or [str(unit.folder) for unit in scope.units]
        inputs = replace(self._options.inputs, exclusions=make_exclusions(self._exclude, folders))
        return replace(self._options, inputs=inputs)

    def _log_once(self, kind: types.MessageType, path: str, words: str) -> None:
        line = sanitize(f"{path}: {words}")
        if line not in self._logged:
            self._logged.add(line)
            self._client.log(kind, line)

    # -- answers

    def _all_diagnostics(self) -> Diagnostics:
        """Return the diagnostics of each document by its own scope, and of other files by the widest that reads
        them."""
        found: Diagnostics = {document.uri: [] for document in self._documents.values()}  # these first
        for scope in sorted(self._judged, key=lambda scope: (-len(scope.units), str(scope.units[:1]))):
            if scope not in self._shown:
                judged = self._judged[scope]
                self._shown[scope] = diagnostics_by_file(
                    judged, self._positions_of(judged), self._uri_of, with_related=self._client.related
                )
            for file, several in self._shown[scope].items():
                if file not in self._documents:
                    found.setdefault(self._uri_of(file), several)
        for path, document in self._documents.items():
            found[document.uri] = self._shown.get(self._scopes[path], {}).get(path, [])
        return found

    def _positions_of(self, judged: Judged) -> Callable[[str], TextPositions]:
        known: dict[str, TextPositions] = {}

        def positions(file: str) -> TextPositions:
            if file not in known:
                document = self._documents.get(file)
                try:
                    text = judged.text(file) if document is None else document.text
                except (OSError, ValueError):
                    text = ""
                known[file] = TextPositions(text, self._client.encoding)
            return known[file]

        return positions

    def _uri_of(self, file: str) -> str:
        document = self._documents.get(file)
        return document.uri if document is not None else Path(os.path.abspath(file)).as_uri()

    def hover(self, path: str, position: types.Position) -> tuple[str, types.Range] | None:
        """Return what the statement at a position lets principals pass, as Markdown, and its range."""
        judged = self._judged.get(self._scopes.get(path, Scope(())))
        if judged is None:
            return None
        positions = self._positions_of(judged)(path)
        offset = positions.offset(position)
        around: dict[Position, tuple[int, int]] = {}
        for located in judged.result.grants:
            at = located.grant.at
            if at.file == path and at not in around and located.is_about_passrole:
                start, end = positions.span(at)
                if start <= offset <= end:
                    around[at] = (start, end)
        if not around:
            return None
        inner = min(around, key=lambda at: around[at][1] - around[at][0])
        grants = [one for one in judged.result.grants if one.grant.at == inner and one.is_about_passrole]
        return statement_markdown(judged.result, grants), positions.range(*around[inner])

    def actions(self, path: str, span: types.Range) -> list[types.CodeAction]:
        """Return the code actions for the statements that touch a range."""
        judged = self._judged.get(self._scopes.get(path, Scope(())))
        if judged is None:
            return []
        shown = self._shown.get(self._scopes[path], {}).get(path, [])
        positions = self._positions_of(judged)
        own = positions(path)

        def about(at: Position) -> list[types.Diagnostic]:
            return [one for one in shown if one.range == own.range_of(at) and one.code_description is not None]

        with reading_texts(self._unsaved):
            statements = statements_in(judged, path, own.offset(span.start), own.offset(span.end), positions)
            return [
                action
                for statement in statements
                for action in actions_of(
                    judged,
                    statement,
                    lambda edits: self._workspace_edit(edits, positions),
                    about,
                    with_disabled=self._client.disabled_actions,
                )
            ]

    def _workspace_edit(self, edits: Iterable[Edit], positions: Callable[[str], TextPositions]) -> types.WorkspaceEdit:
        """Return edits for the versions of the documents that were judged."""
        by_file: dict[str, list[types.TextEdit]] = {}
        for edit in edits:
            span = positions(edit.file).range(edit.start, edit.end)
            by_file.setdefault(edit.file, []).append(types.TextEdit(span, edit.text))
        if not self._client.document_changes:
            return types.WorkspaceEdit(changes={self._uri_of(file): several for file, several in by_file.items()})
        changes: list[types.TextDocumentEdit | types.CreateFile | types.RenameFile | types.DeleteFile] = []
        for file, several in by_file.items():
            document = self._documents.get(file)
            version = document.version if document is not None else None
            identifier = types.OptionalVersionedTextDocumentIdentifier(self._uri_of(file), version)
            changes.append(types.TextDocumentEdit(identifier, list(several)))
        return types.WorkspaceEdit(document_changes=changes)
