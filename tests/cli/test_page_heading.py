"""The heading of pages: what was scanned, when and by what, and links to the lines of the commit."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from git_repositories import Repository, empty_repository, terraform
from html_pages import Elements

from passrole_checks import __version__
from passrole_checks.cli import main

CI = re.compile("GITHUB_|GITLAB_|CI_|CI$|GITEA_|FORGEJO_")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Repository:
    """A repository with a remote on GitHub, outside of any pipeline."""
    for name in filter(CI.match, list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    found = empty_repository(tmp_path / "infra", monkeypatch, capsys)
    found.git("remote", "add", "origin", "https://secret@github.com/acme/infra.git")
    monkeypatch.chdir(found.folder)
    return found


def page(*arguments: str) -> str:
    assert main(["grants", *arguments, "--format", "html", "--output", "page.html"]) == 0
    return Path("page.html").read_text("ascii")


def links(text: str) -> list[str]:
    found = [str(attributes.get("href", "#")) for tag, attributes in Elements(text).found if tag == "a"]
    return [link for link in found if not link.startswith("#")]


def test_heading_names_repository_commit_time_version_and_account(repository: Repository) -> None:
    """Files that are not as in the commit are counted; credentials of the remote are not in the page."""
    commit = repository.commit({"app/main.tf": terraform("*"), "app/b.tf": ""})
    repository.put({"app/b.tf": "# changed"})
    text = page("app", "--account", "111122223333")
    words = " ".join(Elements(text).text.split())
    assert "PassRole access in acme/infra commit" in words
    assert f"commit {commit[:12]}, 1 file changed since" in words
    assert "folder app/" in words and "account 111122223333" in words
    assert f"2026-01-01 00:00 UTC \u00b7 passrole-checks {__version__}" in words
    assert "secret" not in text


def test_lines_are_linked_where_the_forge_is_known(repository: Repository) -> None:
    """Each statement leads to its lines in the commit."""
    commit = repository.commit({"app/main.tf": terraform("*")})
    base = f"https://github.com/acme/infra/blob/{commit}/app/main.tf#L"
    found = links(page("."))
    assert f"https://github.com/acme/infra/commit/{commit}" in found
    assert any(link.startswith(base) for link in found)
    repository.git("remote", "set-url", "origin", "https://git.example.com/acme/infra.git")
    assert links(page(".")) == []


def test_page_outside_of_a_repository_names_none(repository: Repository, tmp_path: Path) -> None:
    """The page then has its general title, and no links."""
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "main.tf").write_text(terraform("*"), "utf-8")
    text = page(str(tmp_path / "alone"))
    assert "PassRole access: who may pass which role to which service" in Elements(text).text
    assert links(text) == []


def test_time_that_is_no_number_is_an_error(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SOURCE_DATE_EPOCH is seconds since 1970."""
    repository.commit({"main.tf": terraform("*")})
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    assert main(["grants", ".", "--format", "html", "--output", "page.html"]) == 2
    assert "SOURCE_DATE_EPOCH" in capsys.readouterr().err
