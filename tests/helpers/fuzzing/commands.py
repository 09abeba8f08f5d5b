"""The program itself, run in a hostile folder: it ends as it must, and neither reads nor writes outside."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from fuzzing import hostile
from fuzzing.guard import Accesses, Guard, guarded, of_python
from fuzzing.layout import CANARY, Ground, new_ground
from fuzzing.targets import Target, _check_output, changed_tree
from passrole_checks import cli
from passrole_checks.checks import ALL
from passrole_checks.scan.for_hosts import host_results

_STATUSES = (0, 1, 2)
_FAULTS = ("Traceback (most recent call last)", "internal error: ")
_WRITES_FINDINGS = "fix"
_CONTROL = frozenset(map(chr, (*range(9), *range(11, 32), *range(127, 160))))
_FILES_OF_FORMATS = ("json", "sarif", "gitlab", "junit", "text")


@dataclass(frozen=True)
class Ended:
    """How a run of the program ended."""

    status: int
    out: str
    err: str


_grounds: list[tuple[Ground, Accesses]] = []


def ground() -> Ground:
    """The place for samples of this process."""
    if not _grounds:
        made = new_ground()
        _grounds.append((made, Accesses(made.outside)))
    return _grounds[0][0]


def leave() -> None:
    """Remove the place for samples."""
    while _grounds:
        made, accesses = _grounds.pop()
        accesses.close()
        made.close()


def run(folder: Path, arguments: Sequence[str], standard_input: bytes = b"") -> Ended:
    """Run the program with the working directory ``folder``, and check all that holds whatever it reads.

    Raises :class:`AssertionError`, or what the guard raises.
    """
    place = ground()
    accesses = _grounds[0][1]
    accesses.taken()
    before = _state(folder)
    python = of_python()
    names_commit = arguments[0] in ("grants", "trail") and "html" in arguments
    programs = ("git",) if arguments[0] in ("diff", "review") or names_commit else ()
    writable = tuple(map(str, (folder, place.output, place.temporary, place.cache)))
    named = _linked_arguments(folder, arguments)
    guard = Guard(writable, (*writable, *python, *named), programs)
    with _surroundings(folder, place), _captured(standard_input) as (out, err), guarded(guard):
        status = cli.main(list(arguments))
    ended = Ended(status, _text(out), _text(err))
    trusted = bool(programs) and _git_leads_outside(folder, place)
    _check_accesses(accesses, trusted=trusted, named=named)
    _check_ending(ended, trusted=trusted, named=bool(named))
    _check_changes(before, _state(folder), _written(arguments), fixes=arguments[0] == _WRITES_FINDINGS)
    assert not os.listdir(place.temporary), f"temporary files are left: {os.listdir(place.temporary)}"
    return ended


def _linked_arguments(folder: Path, arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the targets of arguments that are symbolic links. Without a repository they may be read: the user named
    them."""
    if (folder / ".git").exists():
        return ()
    links = (folder / argument for argument in arguments if "\0" not in argument)
    return tuple(os.path.realpath(link) for link in links if link.is_symlink())


def _check_accesses(accesses: Accesses, *, trusted: bool = False, named: Sequence[str] = ()) -> None:
    """Nothing outside was accessed. ``trusted``: git may read what the repository's own configuration names;
    ``named``: files and folders that may be read."""
    allowed = tuple(f"opened {path}" for path in named)
    taken = {one for one in accesses.taken() if not (trusted and one.startswith("opened "))}
    outside = sorted(one for one in taken if not (allowed and one.startswith(allowed)))
    assert not outside, f"outside: {outside[:3]}"


def _git_leads_outside(folder: Path, place: Ground) -> bool:
    names = ("config", "objects/info/alternates", "info/attributes", "HEAD")
    files = [folder / ".git" / name for name in names]
    if (folder / ".git").is_symlink():
        return True
    return any(os.fsencode(place.outside.name) in file.read_bytes() for file in files if file.is_file())


def _check_ending(ended: Ended, *, trusted: bool = False, named: bool = False) -> None:
    for fault in _FAULTS:
        assert fault not in ended.err, ended.err.partition(fault)[2][:2000]
    assert ended.status in _STATUSES, f"status {ended.status}: {ended.err[-2000:]}"
    assert ended.status != 2 or ended.err, "status 2 without a word on standard error"
    controls = set(ended.err) & _CONTROL
    assert not controls, f"control characters on standard error: {sorted(controls)}"
    if named:
        return  # what a file outside contains may be reported
    for text in (ended.out, *([] if trusted else [ended.err])):  # git quotes its configuration
        assert CANARY not in text, f"a file outside is in the output: {_around(text)}"


def _around(text: str) -> str:
    at = text.index(CANARY)
    return text[max(at - 100, 0) : at + 60]


def _written(arguments: Sequence[str]) -> frozenset[str]:
    """The files that the command line says to write."""
    options = ("--output", "--write-baseline", "--offline-bundle")
    pairs = pairwise(arguments)
    return frozenset(os.path.normpath(value) for option, value in pairs if option in options)


State = dict[str, tuple[int, bytes]]


def _state(folder: Path) -> State:
    """Each entry below a folder with its kind and what it holds."""
    found: State = {}
    pending = [str(folder)]
    while pending:
        current = pending.pop()
        with os.scandir(current) as entries:
            for entry in entries:
                mode = entry.stat(follow_symlinks=False).st_mode
                content = b""
                if stat.S_ISDIR(mode):
                    pending.append(entry.path)
                elif stat.S_ISLNK(mode):
                    content = os.fsencode(os.readlink(entry.path))
                elif stat.S_ISREG(mode) and os.access(entry.path, os.R_OK):
                    with open(entry.path, "rb") as stream:
                        content = hashlib.blake2b(stream.read()).digest()
                found[os.path.relpath(entry.path, folder)] = (mode, content)
    return found


def _check_changes(before: State, after: State, written: frozenset[str], *, fixes: bool) -> None:
    """Only what the command line names is new, and only ``fix`` changes files that were there: no links, no kinds."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new or name in written:
            continue
        assert old is not None, f"{name!r} is new"
        assert new is not None, f"{name!r} is gone"
        assert old[0] == new[0], f"{name!r} is of another kind"
        assert fixes, f"{name!r} has changed"
        assert stat.S_ISREG(old[0]), f"{name!r} is no file, and has changed"


@contextmanager
def _surroundings(folder: Path, place: Ground) -> Iterator[None]:
    """The working directory, the environment and the temporary folder of a run."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_", "CI_"))}
    named = {
        "PASSROLE_CHECKS_CACHE_DIR": str(place.cache),
        "PASSROLE_CHECKS_DEBUG": "1",  # a fault shows with its traceback
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(place.top),
        "HOME": str(place.temporary),
        "TMPDIR": str(place.temporary),
    }
    before, directory, temporary = dict(os.environ), os.getcwd(), tempfile.tempdir
    os.environ.clear()
    os.environ.update(kept | named)
    os.chdir(folder)
    tempfile.tempdir = str(place.temporary)
    try:
        yield
    finally:
        tempfile.tempdir = temporary
        os.chdir(directory)
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _captured(standard_input: bytes) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    out, err = io.BytesIO(), io.BytesIO()
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = io.TextIOWrapper(io.BytesIO(standard_input), "utf-8")
    sys.stdout = io.TextIOWrapper(out, "utf-8", newline="\n", write_through=True)
    sys.stderr = io.TextIOWrapper(err, "utf-8", newline="\n", write_through=True)
    streams = sys.stdout, sys.stderr
    try:
        yield out, err
    finally:
        sys.stdin, sys.stdout, sys.stderr = before
        for stream in streams:
            stream.detach()  # so that the bytes outlive it


def _text(stream: io.BytesIO) -> str:
    return stream.getvalue().decode("utf-8")


# -- targets


def _arguments(folder: Path) -> list[str]:
    lines = (folder.parent / "arguments").read_bytes().decode("utf-8", "surrogateescape")
    return lines.split("\n")


def _standard_input(folder: Path) -> bytes:
    file = folder.parent / "stdin"
    return file.read_bytes() if file.is_file() else b""


def _command(folder: Path) -> None:
    """A command ends, and what it writes can be read again in the format that was asked for."""
    arguments, given = _arguments(folder), _standard_input(folder)
    ended = run(folder, arguments, given)
    if not _linked_arguments(folder, arguments):  # else output may contain what was read outside
        _check_formats(folder, arguments, ended)
    if arguments[0] == "scan" and "--no-cache" not in arguments and not _written(arguments):
        assert run(folder, arguments, given) == ended, "what is kept of a scan is another answer"


def _check_formats(folder: Path, arguments: Sequence[str], ended: Ended) -> None:
    formats = [value for option, value in pairwise(arguments) if option == "--format"]
    outputs = [value for option, value in pairwise(arguments) if option == "--output"]
    for name, file in zip(formats, outputs, strict=False):
        where = folder / file
        if where.is_file() and not where.is_symlink() and ended.status != 2:
            _check_written(where.read_bytes().decode("utf-8"), name)
    rest = formats[len(outputs) :] or ([] if formats else ["text"])
    if len(rest) == 1 and ended.out:
        _check_written(ended.out, rest[0])


def _check_written(text: str, name: str) -> None:
    assert CANARY not in text, f"a file outside is in the output: {_around(text)}"
    if name in _FILES_OF_FORMATS:
        _check_output(text, name)


def _adapters(folder: Path) -> None:
    """The engine behind the adapters answers for each file, and says so where it cannot read one."""
    place = ground()
    writable = tuple(map(str, (folder, place.temporary)))
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    accesses = _grounds[0][1]
    accesses.taken()
    for file in files[:4]:
        if not host_results.is_terraform_file(file) and file.suffix not in (".json", ".yaml", ".yml"):
            continue
        guard = Guard(writable, (*writable, *of_python()))
        with _surroundings(folder, place), _captured(b"") as (_, err), guarded(guard):
            answers = host_results.scan_for_host(str(file), [str(file)], str(folder))
            failures = answers.template_failures(str(file))
            told = [host_results.one_line(finding) for check in ALL for finding in answers.of(check.id)]
        assert "internal error" not in answers.fault, answers.fault
        assert answers.result is not None or failures, "nothing was read, and nothing is said"
        if answers.result is not None:
            named = {os.path.realpath(entry.file) for entry in answers.result.unreadable}
            assert os.path.realpath(file) not in named or failures, f"{file.name} is unreadable, and nothing is said"
        for text in (*told, *(reason for _, reason in failures), _text(err)):
            assert CANARY not in text, _around(text)
            assert not set(text) & _CONTROL, f"control characters: {text!r}"
    _check_accesses(accesses)


TARGETS = (
    Target("command", hostile.with_command, _command, 40),
    Target("repository", hostile.repository, _command, 6),
    Target("logs", hostile.logs, _command, 6),
    Target("adapters", lambda rng: hostile.folder(rng) if rng.random() < 0.7 else changed_tree(rng), _adapters, 6),
)
