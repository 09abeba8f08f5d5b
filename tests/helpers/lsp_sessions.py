"""A client of the language server, with a workspace folder for each test."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient

SERVER = ClientServerConfig([sys.executable, "-m", "passrole_checks", "lsp", "--stdio"])
_SECONDS = 60.0


class Session:
    """Documents of one test, in a workspace folder of their own."""

    def __init__(self, client: LanguageClient, folder: Path, *, is_workspace: bool = True) -> None:
        self.client, self.folder, self._versions = client, folder.resolve(), dict[str, int]()
        self._event = types.WorkspaceFolder(self.folder.as_uri(), folder.name)
        if is_workspace:
            self._change_folders(added=[self._event])

    def _change_folders(self, **event: list[types.WorkspaceFolder]) -> None:
        changes = types.WorkspaceFoldersChangeEvent(**{"added": [], "removed": [], **event})
        self.client.workspace_did_change_workspace_folders(types.DidChangeWorkspaceFoldersParams(changes))

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def open(self, name: str, text: str | None = None, language: str = "terraform") -> None:
        """Open a document with the text of its file, or with another one."""
        text = (self.folder / name).read_text("utf-8") if text is None else text
        self._versions[name] = 1
        item = types.TextDocumentItem(self.uri(name), language, 1, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def type(self, name: str, text: str) -> None:
        """Change the text of a document."""
        self._versions[name] += 1
        identifier = types.VersionedTextDocumentIdentifier(uri=self.uri(name), version=self._versions[name])
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))

    def save(self, name: str) -> None:
        identifier = types.TextDocumentIdentifier(self.uri(name))
        self.client.text_document_did_save(types.DidSaveTextDocumentParams(identifier))

    def close(self) -> None:
        """Close all documents and the folder."""
        for name in self._versions:
            identifier = types.TextDocumentIdentifier(self.uri(name))
            self.client.text_document_did_close(types.DidCloseTextDocumentParams(identifier))
        self._change_folders(removed=[self._event])

    def changed_on_disk(self, name: str, kind: types.FileChangeType) -> None:
        event = types.FileEvent(self.uri(name), kind)
        self.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))

    async def settle(self, name: str) -> None:
        """Wait until the current text of a document is judged: an answer about it comes after its diagnostics."""
        await asyncio.wait_for(self.hover(name, 0, 0), _SECONDS)

    async def diagnostics(self, name: str, settled: str = "") -> list[types.Diagnostic]:
        """Return the diagnostics of a file. ``settled``: an open document to wait for, if the file is not open."""
        await self.settle(settled or name)
        return list(self.client.diagnostics.get(self.uri(name), []))

    async def codes(self, name: str, settled: str = "") -> list[str]:
        """Return the codes of the diagnostics of a file, without hints."""
        hint = types.DiagnosticSeverity.Hint
        return [str(one.code) for one in await self.diagnostics(name, settled) if one.severity is not hint]

    async def hover(self, name: str, line: int, character: int) -> types.Hover | None:
        identifier, position = types.TextDocumentIdentifier(self.uri(name)), types.Position(line, character)
        return await self.client.text_document_hover_async(types.HoverParams(identifier, position))

    async def actions(self, name: str, line: int) -> dict[str, Any]:
        """Return the code actions on a line by title. The client takes one with a command only for the command."""
        at = types.Position(line, 0)
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(self.uri(name)), types.Range(at, at), types.CodeActionContext([])
        )
        found = await asyncio.wait_for(self.client.text_document_code_action_async(params), _SECONDS)
        return {action.title: action for action in found or ()}


def line_of(text: str, words: str) -> int:
    """Return the number of the first line that contains words, from 0."""
    return next(number for number, line in enumerate(text.split("\n")) if words in line)


def applied(text: str, edit: types.WorkspaceEdit) -> str:
    """Return an ASCII text after the edits of one document."""
    assert edit.document_changes is not None
    (document,) = edit.document_changes
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines) + 1)]

    def offset(at: types.Position) -> int:
        return starts[at.line] + at.character

    for one in sorted(document.edits, key=lambda one: -offset(one.range.start)):
        text = text[: offset(one.range.start)] + one.new_text + text[offset(one.range.end) :]
    return text


def capabilities() -> types.ClientCapabilities:
    """Return what the client of the tests supports: related information, versions of documents, disabled actions."""
    return pytest_lsp.client_capabilities("visual-studio-code")
