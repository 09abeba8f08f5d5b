"""A commit can be released if its version, changelog, examples and addresses agree."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tools import release

TODAY = date(2027, 3, 1)
FILES = {
    "passrole_checks/__init__.py": '__version__ = "1.2.0"\n',
    "pyproject.toml": 'urls = { Repository = "https://github.com/acme/passrole_checks" }\n',
    "CHANGELOG.md": "# Changelog\n\n## 1.2.0 - 2027-03-01\n\n- Better.\n\n## 1.1.0 - 2027-01-01\n\n- Good.\n",
    "README.md": "      - uses: acme/passrole_checks@v1.2.0\n    rev: v1.2.0\n",
    "docs/ci/gitlab.md": "    ref: v1.2.0\n",
    ".github/CODEOWNERS": "* @acme/maintainers\n",
    ".pre-commit-hooks.yaml": "# https://github.com/acme/passrole_checks\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository that can be released."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def test_this_commit_is_consistent() -> None:
    """Its version has the first section of the changelog, and the tags in README and docs are its own."""
    assert list(release.inconsistencies(release.ROOT)) == []


def test_a_complete_commit_can_be_released(root: Path) -> None:
    assert list(release.left_to_do(root, "v1.2.0", TODAY)) == []
    assert release.newest_section(root) == ("1.2.0", "2027-03-01", "\n- Better.\n\n")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("passrole_checks/__init__.py", "1.2.0", "1.2.1"),
        ("pyproject.toml", "github.com/acme", "example.invalid"),
        ("README.md", "acme/", "<owner>/"),
        (".github/CODEOWNERS", "@acme/", "@<owner>/"),
        (".pre-commit-hooks.yaml", "github.com/acme", "example.invalid"),
        ("CHANGELOG.md", "2027-03-01", "unreleased"),
        ("CHANGELOG.md", "2027-03-01", "2027-03-02"),
        ("CHANGELOG.md", "2027-03-01", "2027-02-30"),
        ("CHANGELOG.md", "- Better.", ""),
        ("CHANGELOG.md", "1.2.0", "1.3.0"),
        ("README.md", "@v1.2.0", "@v1.1.0"),
        ("README.md", "rev: v1.2.0", "rev: v1.1.0"),
        ("README.md", "    rev:", "repo: https://example.invalid/passrole_checks\n    rev:"),
        ("docs/ci/gitlab.md", "v1.2.0", "v0.9.0"),
    ],
)
def test_an_incomplete_commit_is_refused(root: Path, name: str, old: str, new: str) -> None:
    """The message begins with the file to change."""
    path = root / name
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    problems = list(release.left_to_do(root, "v1.2.0", TODAY))
    assert problems
    assert any(problem.startswith(f"{name}: ") for problem in problems) or "1.2.1" in problems[0]


def test_another_tag_is_refused(root: Path) -> None:
    assert [problem.partition(":")[0] for problem in release.left_to_do(root, "v1.2", TODAY)] == ["v1.2"]


@pytest.mark.parametrize(("name", "text"), [("passrole_checks/__init__.py", "x"), ("CHANGELOG.md", "# Changelog\n")])
def test_a_repository_without_version_or_changelog_is_refused(root: Path, name: str, text: str) -> None:
    (root / name).write_text(text)
    with pytest.raises(SystemExit, match=name):
        list(release.inconsistencies(root))


def test_status_and_notes(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The notes are the section without its heading."""
    monkeypatch.setattr(release, "ROOT", root)
    assert release.main(["--notes"]) == 0
    assert capsys.readouterr().out == "- Better.\n"
    assert release.main(["--tag", "v9.9.9", "--notes"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("v9.9.9: ")
