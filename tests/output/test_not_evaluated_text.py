"""Text counts what was not evaluated, one line for each kind, and ``--verbose`` lists each item."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from command_runs import run_command
from git_repositories import Repository, git_alone

from passrole_checks.output.not_evaluated_text import not_evaluated_in_words
from passrole_checks.sources.model.configuration import NoteKind, Unreadable

MODULE = 'module "{name}" {{\n  source = "acme/{name}/aws"\n}}\n'
POLICY = 'resource "aws_iam_policy" "{name}" {{\n  policy = module.{name}.json\n}}\n'
CLEAN = 'resource "aws_iam_role" "app" {\n  name               = "app"\n  assume_role_policy = "{}"\n}\n'


def entries(*kinds: NoteKind) -> list[Unreadable]:
    return [Unreadable("main.tf", f"item {number}", number, kind=kind) for number, kind in enumerate(kinds, 1)]


def locations(items: Sequence[Unreadable], *, verbose: bool = False) -> list[int | None]:
    """Return the lines of the notes; None for one that counts items."""
    return [note.line for note in not_evaluated_in_words(items, verbose=verbose)]


def test_items_of_one_kind_are_counted() -> None:
    """One line has the number of items."""
    (note,) = not_evaluated_in_words(entries(*[NoteKind.MODULE] * 12), verbose=False)
    assert note.file == ""
    assert "12 " in note.words
    assert "--verbose" in note.words


def test_only_item_of_a_kind_is_named() -> None:
    """A line that counts it would not be shorter."""
    assert locations(entries(NoteKind.COMMAND, NoteKind.MODULE, NoteKind.MODULE)) == [None, 1]


def test_first_three_value_files_are_named() -> None:
    """Each has the option that evaluates it."""
    assert locations(entries(*[NoteKind.VALUE_FILE] * 3)) == [1, 2, 3]
    assert locations(entries(*[NoteKind.VALUE_FILE] * 5)) == [1, 2, 3, None]


def test_verbose_names_every_item_in_order() -> None:
    """Kinds do not matter."""
    items = entries(NoteKind.MODULE, NoteKind.COMMAND, NoteKind.MODULE, *[NoteKind.VALUE_FILE] * 5)
    assert locations(items, verbose=True) == [*range(1, 9)]


@pytest.mark.parametrize("kind", NoteKind)
def test_every_kind_has_words(kind: NoteKind) -> None:
    """A new kind needs a noun."""
    assert any("7 " in note.words for note in not_evaluated_in_words(entries(*[kind] * 7), verbose=False)) or (
        kind is NoteKind.VALUE_FILE
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PASSROLE_CHECKS_CACHE_DIR", "")
    names = [f"m{number}" for number in range(12)]
    text = "".join(MODULE.format(name=name) + POLICY.format(name=name) for name in names)
    (tmp_path / "main.tf").write_text(text + CLEAN)
    return tmp_path


@pytest.mark.parametrize("command", ["scan", "grants", "required", "suggest", "fix"])
def test_commands_count_and_list(folder: Path, command: str) -> None:
    """Every command that prints notes."""
    shown = run_command(command, "main.tf").stdout
    assert "acme/m11/aws" not in shown
    assert len([line for line in shown.splitlines() if "12 unresolved modules" in line]) == 1
    listed = run_command(command, "main.tf", "--verbose").stdout
    assert all(f"acme/m{number}/aws" in listed for number in range(12))
    assert "12 unresolved modules" not in listed
    assert "note:" not in run_command(command, "main.tf", "--verbose", "--quiet").stdout


def test_diff_and_review_count_and_list(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of what the change adds."""
    git_alone(monkeypatch)
    repository = Repository(folder / "repository", capsys)
    base = repository.commit({"other.tf": CLEAN})
    head = repository.commit({"main.tf": (folder / "main.tf").read_text().replace(CLEAN, "")})
    for command in ("diff", "review"):
        shown = run_command(command, base, head, cwd=repository.folder).stdout
        assert "acme/m11/aws" not in shown
        assert "--verbose" in shown
        listed = run_command(command, base, head, "--verbose", cwd=repository.folder).stdout
        assert all(f"acme/m{number}/aws" in listed for number in range(12))
