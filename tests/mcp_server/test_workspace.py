"""Paths of a client: inside of its roots, or an error that says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.files.unsaved_texts import reading_texts
from passrole_checks.mcp_server.workspace import Workspace, WorkspaceError, path_of_uri, workspace_of_roots


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    """Two roots beside a folder that is none; a link leads from the first to that."""
    for name in ("one/sub/a.tf", "two/b.tf", "both/x.tf", "outside/secret.tf", "one/both.tf", "two/both.tf"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tmp_path / "one" / "link").symlink_to(tmp_path / "outside")
    return tmp_path / "one", tmp_path / "two"


@pytest.fixture
def workspace(roots: tuple[Path, Path]) -> Workspace:
    return Workspace.of_folders(roots)


def test_paths_are_relative_to_a_root_or_absolute(workspace: Workspace, roots: tuple[Path, Path]) -> None:
    one, two = roots
    for name, path in {
        "sub/a.tf": one / "sub" / "a.tf",
        "./sub/../sub/a.tf": one / "sub" / "a.tf",
        "b.tf": two / "b.tf",
        str(two / "b.tf"): two / "b.tf",
        str(one): one,
        (one / "sub" / "a.tf").as_uri(): one / "sub" / "a.tf",
    }.items():
        assert workspace.locate(name) == str(path)


@pytest.mark.parametrize(
    "name",
    ["../outside/secret.tf", "link/secret.tf", "link", "/etc/passwd", "/", "sub/../../outside", "file:///etc/passwd"],
)
def test_paths_outside_are_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(WorkspaceError, match="outside"):
        workspace.locate(name)
    with pytest.raises(WorkspaceError, match="outside"):
        workspace.locate(name, may_be_new=True)


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 5_000, "nothing.tf", "~", "https://example.com/main.tf"])
def test_paths_that_name_nothing_are_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(WorkspaceError):
        workspace.locate(name)


def test_folder_whose_name_only_begins_like_a_root_is_outside(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root-2").mkdir()
    with pytest.raises(WorkspaceError, match="outside"):
        Workspace.of_folders([tmp_path / "root"]).locate(str(tmp_path / "root-2"))


def test_name_in_several_roots_is_refused(workspace: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="absolute"):
        workspace.locate("both.tf")
    with pytest.raises(WorkspaceError, match="absolute"):
        workspace.locate("new.tf", may_be_new=True)


def test_new_file_is_in_the_root_that_has_its_folder(workspace: Workspace, roots: tuple[Path, Path]) -> None:
    path = workspace.locate("sub/new.tf", may_be_new=True)
    assert path == str(roots[0] / "sub" / "new.tf")
    with reading_texts({path: ""}):
        assert workspace.locate("sub/new.tf") == path
    with pytest.raises(WorkspaceError, match="no such file"):
        workspace.locate("sub/new.tf")


def test_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(WorkspaceError):
        Workspace.of_folders([tmp_path]).locate("a/x.tf")


def test_root_behind_a_link_is_the_folder_itself(tmp_path: Path, roots: tuple[Path, Path]) -> None:
    (tmp_path / "alias").symlink_to(roots[0])
    workspace = Workspace.of_folders([tmp_path / "alias", roots[0]])
    assert workspace.roots == (str(roots[0]),)
    assert workspace.base == str(roots[0])
    assert workspace.locate(str(tmp_path / "alias" / "sub" / "a.tf")) == str(roots[0] / "sub" / "a.tf")


def test_roots_are_uris_of_folders(tmp_path: Path) -> None:
    folder = tmp_path / "with space and ü"
    folder.mkdir()
    (tmp_path / "file").write_text("")
    uris = [folder.as_uri(), (tmp_path / "file").as_uri(), (tmp_path / "missing").as_uri(), "vscode-remote://x/y"]
    assert workspace_of_roots(uris).roots == (str(folder),)


@pytest.mark.parametrize("uris", [[], ["https://example.com/"], ["file://other-host/etc"], ["file:///no/such/folder"]])
def test_client_without_a_folder_is_told(uris: list[str]) -> None:
    with pytest.raises(WorkspaceError, match="no folder is open"):
        workspace_of_roots(uris)


@pytest.mark.parametrize("uri", ["file://[", "file:///a%00b", "FILE:///tmp", "file://localhost/tmp", "x"])
def test_odd_uris_never_raise(uri: str) -> None:
    path_of_uri(uri)
    with pytest.raises(WorkspaceError):
        workspace_of_roots([uri.replace("tmp", "none")])
