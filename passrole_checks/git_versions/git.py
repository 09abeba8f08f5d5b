"""Call git so that it reads objects and does nothing else.

No hook, filter, external diff, text conversion, file system monitor, transport or replacement of objects can run or
take effect: the command line and the environment override the repository's configuration and attributes. Sources: git's
manual pages git(1), "Environment Variables" (GIT_NO_LAZY_FETCH, GIT_ALLOW_PROTOCOL, GIT_NO_REPLACE_OBJECTS,
GIT_OPTIONAL_LOCKS), git-config(1) (core.fsmonitor, core.hooksPath, core.attributesFile), gitcli(7)
(``--end-of-options``).

What git prints is read as a stream, and git is stopped at a limit: a repository of a kilobyte can list 10^12 files.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from typing import IO

from passrole_checks.errors import SnapshotError
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

OBJECT_ID = lazy_regex(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
TIMEOUT = 120  # seconds, for any one call
LARGEST_OUTPUT = 100_000_000  # bytes that git prints in one call

_SETTINGS = (
    "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.attributesFile=/dev/null", "core.quotePath=false",
    "core.untrackedCache=false", "protocol.ext.allow=never", "diff.renameLimit=2000",
)  # fmt: skip
# Variables that locate the repository, its index and its objects (git sets them for hooks), and safe.directory.
_KEPT_VARIABLES = lazy_regex(
    r"GIT_(?:DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|CEILING_DIRECTORIES|"
    r"DISCOVERY_ACROSS_FILESYSTEM|EXEC_PATH|CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+))"
)
_FORCED_VARIABLES = {
    "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none",
    "GIT_NO_REPLACE_OBJECTS": "1", "GIT_ATTR_NOSYSTEM": "1", "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C",
}  # fmt: skip
_TRUST_ADVICE = "--add safe.directory"  # git's advice for a repository owned by another user
_LARGEST_BATCH = 50_000_000  # bytes of objects requested in one call, unless the first is larger
_LARGEST_HEADER = 100  # bytes before an object: its id, type and size
_PIECE = 1_000_000
_END_OF_ERRORS = 64_000  # bytes of standard error that are kept


class TooMuchOutputError(SnapshotError):
    """Raised if git prints more than the limit."""


class _FailedCallError(SnapshotError):
    """Raised if git fails. ``lines``: those on standard error."""

    def __init__(self, command: str, lines: list[str]) -> None:
        self.lines = [line for line in lines if line.strip()]
        errors = [line for line in self.lines if line.startswith(("fatal: ", "error: "))]
        reason = (errors or self.lines or ["failed without a message"])[0]
        self.reason = reason.removeprefix("fatal: ").removeprefix("error: ")
        super().__init__(f"git {command}: {self.reason}")


@dataclass(frozen=True)
class FileChange:
    """A file that differs between two trees; ``old`` is None if it was added, ``new`` is None if it was deleted."""

    old: str | None
    new: str | None


@dataclass(frozen=True)
class Repository:
    """The git repository that contains ``folder``. ``prefix`` is the path from its top to ``folder`` (``infra/``, or
    "").
    """

    folder: Path
    prefix: str = ""
    top: Path | None = None  # None for a bare repository
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def around(cls, folder: Path) -> Repository | None:
        """Return the repository that contains ``folder``, or None.

        Raises a :class:`SnapshotError` if git is not installed or refuses to read the repository.
        """
        here = cls(folder)
        try:
            answer = here.output(["rev-parse", "--is-inside-work-tree", "--show-prefix"])
        except _FailedCallError as error:
            if "not a git repository" in error.reason:
                return None
            trust = [f": {line.strip()}" for line in error.lines if _TRUST_ADVICE in line]
            raise SnapshotError(f"{folder}: git: {error.reason}{''.join(trust)}") from None
        inside, _, prefix = os.fsdecode(answer).partition("\n")
        if inside != "true":
            return cls(folder)
        top = os.fsdecode(here.output(["rev-parse", "--show-toplevel"])).removesuffix("\n")
        return cls(folder, prefix.removesuffix("\n"), Path(top))

    # -- calls

    def _start(self, arguments: list[str], extra: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GIT_") or _KEPT_VARIABLES.fullmatch(name)
        }
        try:
            return subprocess.Popen(
                ["git", "--no-pager", *settings, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.top or self.folder,
                env={**kept, **_FORCED_VARIABLES, **self.environment, **(extra or {})},
            )
        except FileNotFoundError:
            raise SnapshotError("git: not installed; it is needed to compare commits") from None
        except OSError as error:
            raise SnapshotError(f"git: cannot be run: {error.strerror or error}") from None

    def _pieces(
        self, arguments: list[str], given: bytes, extra: Mapping[str, str] | None, most: int
    ) -> Iterator[bytes]:
        """Yield what git prints, in pieces; git is stopped after ``most`` bytes, and if the caller reads no further."""
        process = self._start(arguments, extra)
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        size, expired, end_of_errors = 0, threading.Event(), bytearray()

        def expire() -> None:
            expired.set()
            process.kill()

        timer = threading.Timer(TIMEOUT, expire)
        threads = [
            threading.Thread(target=_write_all, args=(process.stdin, given), daemon=True),
            threading.Thread(target=_read_end, args=(process.stderr, end_of_errors), daemon=True),
            timer,
        ]
        timer.daemon = True
        try:
            for thread in threads:
                thread.start()
            while piece := process.stdout.read(_PIECE):
                size += len(piece)
                if size > most:
                    raise TooMuchOutputError(f"git {arguments[0]}: prints more than {most:,} bytes")
                yield piece
            status = process.wait()
        finally:
            timer.cancel()
            process.kill()
            process.wait()
            process.stdout.close()
            for thread in threads[:2]:
                thread.join()
        if expired.is_set():
            raise SnapshotError(f"git {arguments[0]}: timed out after {TIMEOUT} seconds")
        if status:
            raise _FailedCallError(arguments[0], end_of_errors.decode("utf-8", "replace").splitlines())

    def records(
        self, arguments: list[str], given: bytes = b"", *, separator: bytes = b"\0", most: int = LARGEST_OUTPUT
    ) -> Iterator[bytes]:
        """Yield what git prints, split at ``separator``, while git runs; it is stopped if the caller reads no further.

        Raises a :class:`SnapshotError` if git fails, and a :class:`TooMuchOutputError` after ``most`` bytes.
        """
        rest = b""
        for piece in self._pieces(arguments, given, None, most):
            *records, rest = (rest + piece).split(separator)
            yield from records
        if rest:
            yield rest

    def output(
        self,
        arguments: list[str],
        given: bytes = b"",
        extra: Mapping[str, str] | None = None,
        most: int = LARGEST_OUTPUT,
    ) -> bytes:
        """Return what git prints. Raises a :class:`SnapshotError` with the last error line if git fails, and a
        :class:`TooMuchOutputError` after ``most`` bytes.
        """
        return b"".join(self._pieces(arguments, given, extra, most))

    def _answer(self, arguments: list[str]) -> bytes:
        """Return what git prints; nothing if it fails."""
        try:
            return self.output(arguments)
        except _FailedCallError:
            return b""

    def names(self) -> list[str]:
        """Return the short names of branches and tags, including remote ones; at most 5,000."""
        command = ["for-each-ref", "--count=5000", "--format=%(refname:short)"]
        return os.fsdecode(self.output([*command, "refs/heads", "refs/tags", "refs/remotes"])).splitlines()

    def remote_url(self) -> str:
        """Return the URL of the remote ``origin`` as configured; "" if there is none. It may contain credentials."""
        return self._answer(["config", "--get", "remote.origin.url"]).decode("utf-8", "replace").strip()

    # -- history

    def resolve(self, name: str) -> str | None:
        """Return the id of the commit, or else of the tree, that ``name`` denotes; None if it is neither."""
        if "\0" in name or (named := self._verified(name)) is None:
            return None
        return self._verified(f"{named}^{{commit}}") or self._verified(f"{named}^{{tree}}")

    def _verified(self, name: str) -> str | None:
        answer = self._answer(["rev-parse", "--verify", "--quiet", "--end-of-options", name])
        found = answer.decode("ascii", "replace").strip()
        return found if OBJECT_ID.fullmatch(found) else None

    def empty_tree(self) -> str:
        """Return the id of the empty tree, which git knows without storing it."""
        return self.output(["hash-object", "-t", "tree", "--stdin"]).decode("ascii").strip()

    def merge_bases(self, one: str, other: str) -> list[str]:
        """Return the best common ancestors of two commits in git's order; empty if there are none."""
        answer = self._answer(["merge-base", "--all", one, other])
        return [line for line in answer.decode("ascii", "replace").split() if OBJECT_ID.fullmatch(line)]

    def is_shallow(self) -> bool:
        """True if this is a shallow clone."""
        return self.output(["rev-parse", "--is-shallow-repository"]).strip() == b"true"

    # -- objects

    def sizes(self, ids: Iterable[str]) -> dict[str, int]:
        """Return the size in bytes of each blob; blobs missing from the repository are left out."""
        wanted = "".join(f"{name}\n" for name in dict.fromkeys(ids)).encode()
        found = {}
        for line in self.records(["cat-file", "--batch-check", "--buffer"], wanted, separator=b"\n"):
            parts = line.decode("ascii", "replace").split()
            if len(parts) == 3 and parts[1] == "blob":
                found[parts[0]] = int(parts[2])
        return found

    def blobs(self, sizes: Mapping[str, int]) -> Iterator[tuple[str, bytes]]:
        """Yield the id and content of each blob, given their sizes; at most some tens of megabytes are in memory at a
        time.
        """
        batch: list[str] = []
        batch_size = 0
        for blob, size in sizes.items():
            if batch and batch_size + size > _LARGEST_BATCH:
                yield from self._batch(batch, batch_size)
                batch, batch_size = [], 0
            batch.append(blob)
            batch_size += size
        if batch:
            yield from self._batch(batch, batch_size)

    def _batch(self, ids: list[str], size: int) -> Iterator[tuple[str, bytes]]:
        command, most = ["cat-file", "--batch", "--buffer"], size + _LARGEST_HEADER * len(ids)
        data = self.output(command, "".join(f"{name}\n" for name in ids).encode(), most=most)
        at = 0
        while at < len(data):
            end = data.index(b"\n", at)
            header = data[at:end].decode("ascii", "replace").split()
            if len(header) != 3:
                raise SnapshotError(f"git cat-file: {' '.join(header)}")
            size = int(header[2])
            yield header[0], data[end + 1 : end + 1 + size]
            at = end + 1 + size + 1

    # -- differences

    def changes(self, old: str, new: str | None) -> list[FileChange]:
        """Return the files that differ between two trees, or between a tree and the index (None); git detects renames
        by content.
        """
        command = ["diff-tree", "-r"] if new is not None else ["diff-index", "--cached"]
        sides = [old] if new is None else [old, new]
        how = ["-M", "-z", "--name-status", "--no-ext-diff", "--no-textconv", "--no-color"]
        fields = map(os.fsdecode, self.records([*command, *how, "--end-of-options", *sides]))
        found = []
        for status in fields:
            first = next(fields)
            if status.startswith("R"):
                found.append(FileChange(first, next(fields)))
            else:
                found.append(FileChange(None if status == "A" else first, None if status == "D" else first))
        return found


def _write_all(stream: IO[bytes], data: bytes) -> None:
    with suppress(OSError), stream:  # git may end before it has read everything
        stream.write(data)


def _read_end(stream: IO[bytes], end: bytearray) -> None:
    with suppress(OSError), stream:
        while piece := stream.read(_END_OF_ERRORS):
            end += piece
            del end[:-_END_OF_ERRORS]
