"""The worker of the server: memory, faults, roots that nothing changed."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

if not os.environ.get("NEED_LSP"):
    pytest.importorskip("lsprotocol")

from lsprotocol import types

from passrole_checks.lsp import workspace as module
from passrole_checks.lsp.judged import Judged, judge
from passrole_checks.lsp.scopes import Scope
from passrole_checks.lsp.workspace import Changes, Client, Document, Workspace
from passrole_checks.scan.result import ScanOptions

WIDE = """resource "aws_iam_user_policy" "p" {
  user   = "dev"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}
"""


class Editor:
    """Edits files of a folder, as the server does."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lines = folder.resolve(), list[str]()
        self.files = Workspace(ScanOptions(), (), Client(log=lambda kind, words: self.lines.append(words)))
        self.open: dict[str, Document] = {}

    def edit(self, name: str, text: str) -> dict[str, list[str]]:
        """Return the codes of the diagnostics by file name after an edit."""
        path = str(self.folder / name)
        is_new = path not in self.open
        self.open[path] = Document(Path(path).as_uri(), path, len(text), text)
        changes = Changes(saved=frozenset([path])) if is_new else Changes(typed=frozenset([path]))
        found = self.files.update(self.open, [self.folder], changes)
        return {os.path.basename(uri): [str(one.code) for one in several] for uri, several in found.items()}


def test_only_scopes_with_the_changed_file_are_judged_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    judged: list[str] = []

    def counting(scope: Scope, options: ScanOptions) -> Judged:
        judged.extend(unit.path.name for unit in scope.units)
        return judge(scope, options)

    monkeypatch.setattr(module, "judge", counting)
    editor = Editor(tmp_path)
    editor.edit("one/a.tf", WIDE)
    editor.edit("other/b.tf", WIDE)
    judged.clear()
    assert editor.edit("one/a.tf", "") == {"a.tf": [], "b.tf": ["PASSROLE_001"]}
    assert judged == ["one"]


def test_fault_in_one_scope_is_logged_and_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PASSROLE_CHECKS_DEBUG", raising=False)

    def failing(scope: Scope, options: ScanOptions) -> Judged:
        if any(unit.path.name == "bad.yaml" for unit in scope.units):
            raise RuntimeError("on purpose")
        return judge(scope, options)

    monkeypatch.setattr(module, "judge", failing)
    editor = Editor(tmp_path)
    editor.edit("bad.yaml", "Resources: {R: {Type: 'AWS::IAM::Role', Properties: {}}}")
    assert editor.edit("good.tf", WIDE) == {"bad.yaml": [], "good.tf": ["PASSROLE_001"]}
    assert any("bad.yaml" in line and "on purpose" in line for line in editor.lines)


def test_long_session_keeps_nothing_of_old_versions(tmp_path: Path) -> None:
    """After the caches of the last versions are full, 40 edits leave no objects behind."""
    editor = Editor(tmp_path)

    def edit(number: int) -> None:
        role = "*" if number % 2 else "arn:aws:iam::111122223333:role/x"
        editor.edit("main.tf", WIDE.replace('"*"', f'"{role}"') + f"# {number}\n")

    def objects() -> Counter[str]:
        gc.collect()
        return Counter(type(one).__name__ for one in gc.get_objects())

    for number in range(20):
        edit(number)
    objects()  # Counter asks for the class of its argument, which abstract classes remember
    before = objects()
    for number in range(20, 60):
        edit(number)
    grown = objects() - before
    assert {name: count for name, count in grown.items() if count >= 40} == {}


@pytest.mark.slow
def test_end_without_a_shutdown_request_is_an_error() -> None:
    command = [sys.executable, "-m", "passrole_checks", "lsp"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, b"")


def test_positions_are_those_of_the_client(tmp_path: Path) -> None:
    path = str(tmp_path.resolve() / "main.tf")
    text = WIDE.replace("policy = jsonencode({", 'policy = jsonencode({ Id = "é",')
    columns = []
    for encoding in (types.PositionEncodingKind.Utf8, types.PositionEncodingKind.Utf16):
        files = Workspace(ScanOptions(), (), Client(encoding=encoding))
        document = Document(Path(path).as_uri(), path, 1, text)
        found = files.update({path: document}, [tmp_path.resolve()], Changes(saved=frozenset([path])))
        columns.append(found[document.uri][0].range.start.character)
    assert columns[0] == columns[1] + 1
