"""The commit that is checked out, and the files that are not those of the commit."""

from __future__ import annotations

from pathlib import Path

import pytest
from git_repositories import Repository, empty_repository

from passrole_checks.git_versions.checkout import Checkout, checkout_of
from passrole_checks.git_versions.forge_links import GITEA, GITHUB, GITLAB, remote_repository


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Repository:
    return empty_repository(tmp_path / "infra", monkeypatch, capsys)


def checked_out(repository: Repository, *names: str) -> Checkout:
    found = checkout_of(repository.folder, [str(repository.folder / name) for name in names])
    assert found is not None
    return found


def test_changed_and_new_files_are_not_those_of_the_commit(repository: Repository) -> None:
    """Files are compared by content; a file outside of the repository has no path in it."""
    commit = repository.commit({"a.tf": "1", "b/b.tf": "2"})
    repository.put({"a.tf": "3", "c.tf": "4"})
    found = checked_out(repository, "a.tf", "b/b.tf", "c.tf", "../outside.tf")
    assert (found.name, found.commit) == ("infra", commit)
    assert sorted(found.paths.values()) == ["a.tf", "b/b.tf", "c.tf"]
    assert (found.changed, found.new) == ({"a.tf"}, {"c.tf"})


def test_links_lead_to_the_commit_on_its_forge(repository: Repository) -> None:
    """The remote names repository and forge; lines are linked only where the file is as in the commit."""
    commit = repository.commit({"a.tf": "1", "b.tf": "2"})
    repository.git("remote", "add", "origin", "https://secret@github.com/acme/infra.git")
    repository.put({"b.tf": "3"})
    found = checked_out(repository, "a.tf", "b.tf")
    links = found.links()
    assert found.name == "acme/infra"
    assert links.commit_url() == f"https://github.com/acme/infra/commit/{commit}"
    assert links.blob("a.tf", 3, 5) == f"https://github.com/acme/infra/blob/{commit}/a.tf#L3-L5"
    assert links.blob("b.tf", 3) == f"https://github.com/acme/infra/blob/{commit}/b.tf"


def test_the_pipeline_tells_an_unknown_forge(repository: Repository) -> None:
    """Without a known host there are no links, unless the environment of a pipeline names the forge."""
    commit = repository.commit({"a.tf": "1"})
    repository.git("remote", "add", "origin", "git@git.example.com:acme/infra.git")
    found = checked_out(repository, "a.tf")
    assert found.links().blob("a.tf") is None
    url = found.links(GITLAB, "https://git.example.com", "acme/infra").blob("a.tf")
    assert url == f"https://git.example.com/acme/infra/-/blob/{commit}/a.tf"


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://github.com/acme/infra", "https://github.com/acme/infra/blob/"),
        ("https://github.com/other/scanned", "https://github.com/other/scanned/blob/"),
        ("https://gitlab.com/acme/infra", "https://gitlab.com/acme/infra/-/blob/"),
        ("ssh://git@git.example.com:2222/acme/infra.git", ""),
    ],
)
def test_the_pipeline_of_another_repository_changes_no_link(repository: Repository, remote: str, expected: str) -> None:
    """A scanned checkout may be of another repository, or of another server, than the pipeline."""
    repository.commit({"a.tf": "1"})
    repository.git("remote", "add", "origin", remote)
    url = checked_out(repository, "a.tf").links(GITHUB, "https://github.com", "acme/infra").blob("a.tf")
    assert (url or "").startswith(expected) and bool(url) == bool(expected)


@pytest.mark.parametrize(
    ("server", "name", "expected"),
    [
        ("http://git.example.com:3000", "Acme/infra", "http://git.example.com:3000/Acme/infra/src/commit/"),
        ("http://git.example.com:3000", "acme/other", "https://git.example.com/acme/infra/src/commit/"),
    ],
)
def test_the_pipeline_tells_the_port_of_its_repository(
    repository: Repository, server: str, name: str, expected: str
) -> None:
    """A remote over SSH does not name the port of the pages; names are compared without case."""
    repository.commit({"a.tf": "1"})
    repository.git("remote", "add", "origin", "ssh://git@git.example.com:2222/acme/infra.git")
    url = checked_out(repository, "a.tf").links(GITEA, server, name).blob("a.tf")
    assert url is not None and url.startswith(expected)


def test_configured_filters_do_not_run(repository: Repository) -> None:
    """A clean filter that the repository configures is not started to compare files."""
    repository.commit({"a.tf": "1", ".gitattributes": "*.tf filter=mark\n"})
    repository.git("config", "filter.mark.clean", "touch ran; cat")
    repository.put({"a.tf": "2"})
    assert checked_out(repository, "a.tf").changed == {"a.tf"}
    assert not (repository.folder / "ran").exists()


def test_no_commit_is_no_checkout(repository: Repository, tmp_path: Path) -> None:
    """Neither a new repository nor a folder outside of all has one."""
    assert checkout_of(repository.folder, []) is None
    assert checkout_of(tmp_path, []) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("git@github.com:acme/infra.git", (GITHUB, "https://github.com", "acme/infra")),
        ("https://user:token@gitlab.com/a/b/c.git/", (GITLAB, "https://gitlab.com", "a/b/c")),
        ("ssh://git@codeberg.org:2222/acme/infra", (GITEA, "https://codeberg.org", "acme/infra")),
        ("https://git.example.com:8443/a/b", ("", "https://git.example.com:8443", "a/b")),
        ("/srv/git/infra.git", ("", "", "")),
        ('https://github.com/a/b"><script>', ("", "", "")),
    ],
)
def test_remotes_name_forge_and_repository(url: str, expected: tuple[str, str, str]) -> None:
    """URLs over HTTPS and SSH, without credentials; anything else names nothing."""
    assert remote_repository(url) == expected
