"""Files named by the scanned tree are read only inside the boundary, also if a link appears meanwhile."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from command_runs import run_command

from passrole_checks.files.access_log import recording_accesses
from passrole_checks.files.safe_read import OutsideError, RefusedError, open_regular
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.files import path_states
from passrole_checks.sources.files.read_boundary import Boundary, boundary_of_context
from passrole_checks.sources.files.tree_difference import same_below
from passrole_checks.sources.model.configuration import NoteKind
from passrole_checks.sources.terraform.reading.files import parse_file

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")

POLICY = (
    'resource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = '
    '[{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })\n}\n'
)
CALL = 'module "m" {\n  source = "%s"\n}\n'


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def flagged(*paths: Path) -> list[str]:
    """The files of the findings of a scan."""
    return sorted({os.path.basename(os.path.dirname(one.at.file)) for one in scan_paths(paths, ScanOptions()).findings})


def unreadable(*paths: Path) -> list[str]:
    return [one.reason for one in scan_paths(paths, ScanOptions()).unreadable]


def test_boundary_is_not_a_path_prefix(tmp_path: Path) -> None:
    """A boundary is a folder and what is in it, and no prefix of a path."""
    put(tmp_path, {"tree/a": "", "tree-2/a": ""})
    boundary = Boundary.around(tmp_path / "tree")
    assert boundary.allows(tmp_path / "tree/a")
    assert boundary.allows(tmp_path / "tree/gone/../a")
    assert not boundary.allows(tmp_path / "tree-2/a")
    assert not boundary.allows(tmp_path / "tree/../tree-2/a")
    assert not boundary.allows(tmp_path / "tree/a\0b")
    assert Boundary.around(Path("/")).allows(tmp_path / "tree-2/a")


def test_many_folders_contain_what_each_of_them_contains(tmp_path: Path) -> None:
    folders = [tmp_path / f"folder-{number}" for number in range(20)]
    many, each = Boundary.around(*folders), [Boundary.around(folder) for folder in folders]
    paths = [*folders, tmp_path, tmp_path / "folder-1" / "a" / "b.tf", tmp_path / "folder-20", tmp_path / "folder-19x"]
    for path in (os.path.realpath(path) for path in [*paths, Path("/")]):
        assert many.contains(path) == any(one.contains(path) for one in each)
    assert Boundary.around(*folders, Path("/")).contains("/etc")


def test_links_inside_are_followed(tmp_path: Path) -> None:
    """A module and a file behind links inside the repository are read, as in Terraform."""
    put(tmp_path, {".git/HEAD": "", "shared/main.tf": POLICY, "dev/main.tf": CALL % "./m", "prod/x.txt": ""})
    (tmp_path / "dev/m").symlink_to("../shared")
    (tmp_path / "prod/main.tf").symlink_to("../shared/main.tf")
    assert flagged(tmp_path / "dev") == ["m"]
    assert flagged(tmp_path / "prod") == ["prod"]


def test_given_link_is_followed(tmp_path: Path) -> None:
    """Its target is the boundary."""
    put(tmp_path, {"real/main.tf": CALL % "./m", "real/m/main.tf": POLICY, "given/x": ""})
    (tmp_path / "given/link").symlink_to("../real")
    (tmp_path / "given/one.tf").symlink_to("../real/m/main.tf")
    assert flagged(tmp_path / "given/link") == ["m"]
    assert flagged(tmp_path / "given/one.tf") == ["m"]


def test_given_link_out_of_its_repository_is_rejected(tmp_path: Path) -> None:
    """A pull request can turn a file that a pipeline names into a link, as with ``git diff --name-only``."""
    put(tmp_path, {"repository/.git/HEAD": "", "repository/main.tf": POLICY, "outside/m/main.tf": POLICY})
    for link in ("one.tf", "folder"):
        (tmp_path / "repository" / link).symlink_to(tmp_path / "outside/m" / ("main.tf" if link == "one.tf" else ""))
        given = (tmp_path / "repository" / link, tmp_path / "repository/main.tf")
        assert flagged(*given) == ["repository"]
        assert any("leads out" in reason for reason in unreadable(*given))
        (tmp_path / "repository" / link).unlink()


def test_other_given_folders_are_inside(tmp_path: Path) -> None:
    """A module outside of a root is read if its folder is given, too; if not, it is unresolved, like a missing one."""
    put(tmp_path, {"root/main.tf": CALL % "../modules/m", "modules/m/main.tf": POLICY})
    assert flagged(tmp_path / "root", tmp_path / "modules") == ["m"]
    assert unreadable(tmp_path / "root", tmp_path / "modules") == []
    assert flagged(tmp_path / "root") == []
    put(tmp_path, {"root/main.tf": CALL % "../modules/m" + (CALL % "./nothing").replace('"m"', '"n"')})
    result = scan_paths([tmp_path / "root"], ScanOptions())
    assert [(note.kind, note.line) for note in result.not_evaluated] == [(NoteKind.MODULE, 1), (NoteKind.MODULE, 4)]
    assert "../modules/m" in result.not_evaluated[0].reason and result.unreadable == ()


@pytest.mark.parametrize("target", ["/dev/zero", "pipe"])
def test_link_to_a_device_or_pipe_is_unreadable(tmp_path: Path, target: str) -> None:
    """Without blocking."""
    put(tmp_path, {"main.tf": POLICY})
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "x.tf").symlink_to(target)
    result = scan_paths([tmp_path], ScanOptions())
    assert [os.path.basename(one.file) for one in result.unreadable] == ["x.tf"]
    assert [one.check_id for one in result.findings] == ["PASSROLE_001"]


@pytest.mark.parametrize("command", ["scan", "grants", "suggest", "required"])
def test_pipe_or_socket_in_place_of_a_file_is_unreadable(tmp_path: Path, command: str) -> None:
    """In every command, for every extension that is read, and in a called module, which no walk finds; not for others,
    such as the sockets of tools."""
    names = (
        "p.tf", "p.tofu", "p.tf.json", "p.yaml", "p.yml", "p.json", "p.template", "p.tfplan", "p.hcl", "x.tfvars",
        "only/p.tf", ".terraform/called/p.tf",
    )  # fmt: skip
    put(tmp_path, {"main.tf": CALL % "./.terraform/called", ".terraform/called/main.tf": "", "only/text.md": ""})
    for name in (*names, "docker.sock", "control", "notes.md"):
        os.mkfifo(tmp_path / name)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(tmp_path / "socket.tf"))
    ran = run_command(command, ".", "--format", "json", cwd=tmp_path)
    assert ran.returncode == 2
    assert {entry["file"] for entry in json.loads(ran.stdout)["unreadable"]} == {*names, "socket.tf"}


def test_link_that_leads_out_is_not_counted(tmp_path: Path) -> None:
    """Such a link is not a file that was read."""
    put(tmp_path, {"tree/main.tf": POLICY, "secret.tf": POLICY})
    (tmp_path / "tree/x.tf").symlink_to("../secret.tf")
    result = scan_paths([tmp_path / "tree"], ScanOptions())
    assert [os.path.basename(file) for file in result.files] == ["main.tf"]


def _swap_file(tree: Path) -> None:
    (tree / "a/main.tf").unlink()
    (tree / "a/main.tf").symlink_to("../../outside/main.tf")


def _swap_folder(tree: Path) -> None:
    (tree / "a").rename(tree / "b")
    (tree / "a").symlink_to("../outside")


@pytest.mark.parametrize("swap", [_swap_file, _swap_folder])
def test_link_planted_after_the_check_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swap: Callable[[Path], None]
) -> None:
    """A file, or a folder on the way to it, that becomes a link after it was checked, is not read."""
    put(tmp_path, {"tree/a/main.tf": "# ours\n", "outside/main.tf": "secret {\n"})
    tree, real = tmp_path / "tree", os.open

    def late(path: str, flags: int, *arguments: int) -> int:
        swap(tree)
        return real(path, flags, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", late)
        if swap is _swap_folder and not os.path.isdir("/proc/self/fd"):
            pytest.skip("the platform does not tell what was opened")
        with boundary_of_context(Boundary.around(tree)):
            parsed = parse_file(tree / "a/main.tf")
    assert parsed.source.data == b""
    assert parsed.problems


def test_rejected_path_has_a_reason(tmp_path: Path) -> None:
    """It names the link and its target."""
    put(tmp_path, {"tree/x": "", "outside/main.tf": ""})
    (tmp_path / "tree/link.tf").symlink_to("../outside/main.tf")
    (tmp_path / "tree/folder").symlink_to("../outside")
    boundary = Boundary.around(tmp_path / "tree")
    for name, target in (("link.tf", "../outside/main.tf"), ("folder/main.tf", str(tmp_path / "outside/main.tf"))):
        with pytest.raises(OutsideError) as caught:
            boundary.read(tmp_path / "tree" / name, 10)
        assert target in str(caught.value.strerror)
    with pytest.raises(RefusedError):
        open_regular(tmp_path, boundary.contains, pipes=False).close()


def test_file_that_becomes_a_link_differs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link is not opened."""
    old, new = (put(tmp_path / name, {"main.tf": POLICY}) for name in ("old", "new"))
    put(tmp_path, {"outside.tf": POLICY})
    with recording_accesses() as looked, boundary_of_context(Boundary.around(old)):
        parse_file(old / "main.tf")
    assert same_below(looked, str(old), str(new))
    (new / "main.tf").unlink()
    (new / "main.tf").symlink_to("../outside.tf")
    monkeypatch.setattr(path_states, "_content", None)
    assert not same_below(looked, str(old), str(new))
