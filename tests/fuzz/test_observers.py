"""The observers of the fuzzer: each harm that a run may do is seen, and each planted one fails a sample."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fuzzing import commands, formats, git_objects, hostile, layout, running
from fuzzing.guard import Accesses, Forbidden, Guard, guarded, of_python
from fuzzing.layout import CANARY

from passrole_checks import cli
from passrole_checks.scan.scanner import ScanOptions, scan_paths

SOURCE = b'resource "aws_iam_role" "r" {\n  name = "r"\n}\n'


@pytest.fixture(autouse=True)
def _ground() -> Iterator[None]:
    yield
    commands.leave()


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder that may be written, and one that may not even be read."""
    mine, other = tmp_path.resolve() / "mine", tmp_path.resolve() / "other"
    for folder in (mine, other):
        folder.mkdir()
        (folder / "file").write_text("x")
    (mine / "link").symlink_to(other / "file")
    (mine / "out").symlink_to(other)
    return mine, other


HARM: dict[str, Callable[[Path, Path], object]] = {
    "read": lambda mine, other: (other / "file").read_text(),
    "read through a link": lambda mine, other: (mine / "link").read_text(),
    "read through a linked folder": lambda mine, other: (mine / "out" / "file").read_text(),
    "read by a descriptor": lambda mine, other: os.open(other / "file", os.O_RDONLY),
    "list": lambda mine, other: list(other.iterdir()),
    "list through a link": lambda mine, other: os.listdir(mine / "out"),
    "write": lambda mine, other: (other / "new").write_text("x"),
    "write through a link": lambda mine, other: (mine / "link").write_text("x"),
    "write through a linked folder": lambda mine, other: (mine / "out" / "new").write_text("x"),
    "rename": lambda mine, other: os.rename(mine / "file", other / "new"),
    "rename by a descriptor": lambda mine, other: os.rename(mine / "file", "new", dst_dir_fd=_opened[-1]),
    "remove": lambda mine, other: os.remove(mine / "out" / "file"),
    "make a folder": lambda mine, other: os.mkdir(other / "new"),
    "link": lambda mine, other: os.link(mine / "file", other / "new"),
    "symbolic link": lambda mine, other: os.symlink("x", other / "new"),
    "truncate": lambda mine, other: os.truncate(other / "file", 0),
    "permissions": lambda mine, other: os.chmod(other / "file", 0o777),
    "times": lambda mine, other: os.utime(other / "file"),
    "a program": lambda mine, other: subprocess.run(["true"], check=False),
    "a shell": lambda mine, other: os.system("true"),
    "a socket": lambda mine, other: socket.create_connection(("127.0.0.1", 9)),
    "a name server": lambda mine, other: socket.getaddrinfo("localhost", 9),
    "pickle": lambda mine, other: pickle.loads(pickle.dumps(Path("x"))),
}
_opened: list[int] = []  # the folder that may not be read


@pytest.mark.parametrize("harm", HARM)
def test_guard_stops_it_before_it_is_done(folders: tuple[Path, Path], harm: str) -> None:
    """It is stopped, nothing has changed, and code that swallows the exception fails all the same."""
    mine, other = folders
    _opened.append(os.open(other, os.O_RDONLY))
    guard = Guard((str(mine),), (str(mine), *of_python()))
    with pytest.raises(Forbidden), guarded(guard):
        HARM[harm](mine, other)
    assert [path.name for path in other.iterdir()] == ["file"]
    assert (other / "file").read_text() == "x"
    with pytest.raises(Forbidden), guarded(Guard((str(mine),), (str(mine), *of_python()))), suppress(BaseException):
        HARM[harm](mine, other)
    os.close(_opened.pop())


def test_guard_lets_pass_what_is_allowed(folders: tuple[Path, Path]) -> None:
    """Reading and writing within, the packages of Python, and the programs that are named."""
    mine, _ = folders
    with guarded(Guard((str(mine),), (str(mine), *of_python()), ("true",))):
        (mine / "new").write_text((mine / "file").read_text())
        os.rename(mine / "new", mine / "newer")
        os.remove(mine / "link")
        Path(json.__file__).read_text("utf-8")
        subprocess.run([shutil.which("true") or "true"], check=True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports accesses")
def test_kernel_reports_what_other_programs_access(tmp_path: Path) -> None:
    """Files in every folder below, read or made, by a program that Python's events say nothing of."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_text("x")
    accesses = Accesses(tmp_path)
    subprocess.run(["cat", tmp_path / "deep" / "file"], capture_output=True, check=True)
    assert f"opened {tmp_path / 'deep' / 'file'}" in accesses.taken()
    assert accesses.taken() == []
    subprocess.run(["touch", tmp_path / "new"], check=True)
    assert f"changed {tmp_path / 'new'}" in accesses.taken()
    accesses.close()


def _prints(text: str, status: int = 0, *, error: bool = False) -> Callable[[Path], int]:
    def act(_: Path) -> int:
        print(text, file=sys.stderr if error else sys.stdout)
        return status

    return act


def _after(action: Callable[[Path], object]) -> Callable[[Path], int]:
    def act(folder: Path) -> int:
        action(folder)
        return 0

    return act


def _raises(_: Path) -> int:
    raise KeyError("planted")


PLANTED: dict[str, Callable[[Path], int]] = {
    "a fault": _prints("passrole-checks: internal error: KeyError: 1 (please report it)", 3, error=True),
    "a traceback": _prints("Traceback (most recent call last):\n", 1, error=True),
    "a status of its own": _prints("", 3),
    "an exception": _raises,
    "no reason": _prints("", 2),
    "a control character": _prints("a\x1b[2J", 1, error=True),
    "a secret on standard output": _prints(CANARY),
    "a secret on standard error": _prints(CANARY, 2, error=True),
    "no JSON": _prints('{"version": '),
    "a new file": _after(lambda folder: (folder / "new").write_text("x")),
    "a changed file": _after(lambda folder: (folder / "main.tf").write_text("x")),
    "a removed file": _after(lambda folder: (folder / "main.tf").unlink()),
    "another kind": _after(lambda folder: (folder / "main.tf").chmod(0o777)),
    "a temporary file": _after(lambda _: tempfile.mkstemp()),
    "a file outside": _after(lambda folder: (folder.parent.parent / "outside" / "new").write_text("x")),
    "a file outside read": _after(lambda folder: (folder / "../../outside/secret.txt").read_text()),
    "a file of the system": _after(lambda _: Path("/etc/passwd").read_text()),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_planted_harm_fails_a_sample(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each promise is checked on every run of the program."""
    (target,) = (target for target in running.TARGETS if target.name == "command")
    tree = {"main.tf": SOURCE, "@arguments": b"scan\n--no-cache\n--format\njson\n."}
    assert running.fails(target, tree) is None
    monkeypatch.setattr(cli, "main", lambda _: PLANTED[planted](Path.cwd()))
    assert running.fails(target, tree) is not None


def test_only_fix_may_change_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """And only one that is a file; an output that the command line names is none of them."""
    (target,) = (target for target in running.TARGETS if target.name == "command")
    tree = {"main.tf": SOURCE, "@link x.tf": b"main.tf", "@arguments": b"fix\n."}
    monkeypatch.setattr(cli, "main", lambda _: _after(lambda folder: (folder / "main.tf").write_text("x"))(Path.cwd()))
    assert running.fails(target, tree) is None
    assert running.fails(target, {**tree, "@arguments": b"scan\n--no-cache\n--output\nmain.tf\n."}) is None
    assert running.fails(target, {**tree, "@arguments": b"scan\n--no-cache\n."}) is not None

    def replace(folder: Path) -> None:
        (folder / "x.tf").unlink()
        (folder / "x.tf").write_text("x")

    monkeypatch.setattr(cli, "main", lambda _: _after(replace)(Path.cwd()))
    assert running.fails(target, tree) is not None


# -- samples


@pytest.mark.parametrize("name", sorted(formats.BY_FORMAT))
def test_each_format_is_read_before_it_is_mutated(name: str, tmp_path: Path) -> None:
    """A folder of each format is read without a complaint, and a grant of PassRole is found in it."""
    tree = formats.BY_FORMAT[name]
    layout.write(tree, tmp_path)
    given = {"CDK": tmp_path / "cdk.out" / "manifest.json", "state": tmp_path / "state.json"}
    found = scan_paths([given.get(name, tmp_path)], ScanOptions(unchanged=True))
    assert found.unreadable == ()
    assert found.grants, found.not_evaluated


def test_hostile_folders_have_every_kind_of_entry() -> None:
    """Links, pipes, folders and closed files in place of files; commands of every kind; both kinds of logs."""
    (target,) = (target for target in running.TARGETS if target.name == "command")
    trees = [running.sample(target, 1, number) for number in range(600)]
    kinds = {name[1:].partition(" ")[0] for tree in trees for name in tree if name.startswith("@")}
    assert kinds >= {"link", "pipe", "folder", "closed", "arguments", "stdin"}
    commands_ = {tree["@arguments"].split(b"\n")[0].decode() for tree in trees}
    assert commands_ == {"scan", "grants", "required", "suggest", "fix", "diff"}
    targets = [content for tree in trees for name, content in tree.items() if name.startswith("@link")]
    assert any(content.startswith(b"{outside}") for content in targets)
    assert any(content.startswith(b"/proc") for content in targets)


def test_samples_do_not_depend_on_the_order_of_sets() -> None:
    """Another process, with other hashes, makes the same samples."""
    code = (
        "import hashlib, sys; sys.path[:0] = sys.argv[1:]; from fuzzing import running; "
        "print([hashlib.sha256(repr(sorted(running.sample(t, 1, n).items())).encode()).hexdigest()"
        " for t in running.TARGETS for n in range(15)])"
    )
    paths = [str(running.ROOT), str(running.ROOT / "tests" / "helpers")]
    told = {
        subprocess.run(
            [sys.executable, "-c", code, *paths],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


def test_a_repository_is_one_for_git(tmp_path: Path) -> None:
    """git reads both versions, with names that it would refuse to add."""
    base = [git_objects.Entry("100644", b"a/b.tf", b"x"), git_objects.Entry("100644", b"c", b"y")]
    head = [*base, git_objects.Entry("100644", b"../up", b"z"), git_objects.Entry(git_objects.LINK, b"l", b"c")]
    git_objects.write(tmp_path, base, head)
    listed = subprocess.run(
        ["git", "ls-tree", "-r", "--name-only", "head"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert listed.stdout.splitlines() == ["../up", "a/b.tf", "c", "l"]
    checked = subprocess.run(["git", "fsck"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "hasDotdot" in checked.stderr


def test_exports_are_lines_of_csv() -> None:
    """The export that logs are turned into has the fields of each event."""
    import csv

    (content, *_) = formats.cloudtrail().values()
    rows = list(csv.DictReader(io.StringIO(hostile.as_csv(content).decode())))
    events = json.loads(content)["Records"]
    assert [row["eventID"] for row in rows] == [event["eventID"] for event in events]


@pytest.mark.parametrize("name", ["out/new", "../other/new", "out/../../other/new", "@git new"])
def test_samples_are_laid_out_below_their_folder(folders: tuple[Path, Path], name: str) -> None:
    """Where a link of the same sample leads, or ``..``, nothing is written: not even a repository behind ``.git``."""
    mine, other = folders
    (mine / ".git").symlink_to(other)
    layout.write({name: b"x", "@base 100644 a.tf": SOURCE, "@head 100644 a.tf": SOURCE, "inside": b"x"}, mine)
    assert [path.name for path in other.iterdir()] == ["file"]
    assert (mine / "inside").is_file()
