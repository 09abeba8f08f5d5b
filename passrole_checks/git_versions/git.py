"""Call git so that it reads objects and does nothing else.

No hook, filter, external diff, text conversion, file system monitor, transport or replacement of objects can run or
take effect: the command line and the environment override the repository's configuration and attributes. Sources: git's
manual pages git(1), "Environment Variables" (GIT_NO_LAZY_FETCH, GIT_ALLOW_PROTOCOL, GIT_NO_REPLACE_OBJECTS,
GIT_OPTIONAL_LOCKS), git-config(1) (core.fsmonitor, core.hooksPath, core.attributesFile), gitcli(7)
(``--end-of-options``).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path

from passrole_checks.errors import SnapshotError
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

OBJECT_ID = lazy_regex(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
TIMEOUT = 120  # seconds, for any one call

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
_LARGEST_BATCH = 64_000_000  # bytes of objects requested in one call


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
        completed = here._run(["rev-parse", "--is-inside-work-tree", "--show-prefix"])
        if completed.returncode:
            reason = _last_line(completed.stderr)
            if "not a git repository" in reason:
                return None
            trust = [
                line.strip()
                for line in completed.stderr.decode("utf-8", "replace").splitlines()
                if _TRUST_ADVICE in line
            ]
            raise SnapshotError(f"{folder}: git: {reason}{''.join(f': {line}' for line in trust)}")
        inside, _, prefix = os.fsdecode(completed.stdout).partition("\n")
        if inside != "true":
            return cls(folder)
        top = os.fsdecode(here.output(["rev-parse", "--show-toplevel"])).removesuffix("\n")
        return cls(folder, prefix.removesuffix("\n"), Path(top))

    # -- calls

    def _run(
        self, arguments: list[str], given: bytes = b"", extra: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GIT_") or _KEPT_VARIABLES.fullmatch(name)
        }
        try:
            return subprocess.run(
                ["git", "--no-pager", *settings, *arguments],
                input=given,
                capture_output=True,
                cwd=self.top or self.folder,
                env={**kept, **_FORCED_VARIABLES, **self.environment, **(extra or {})},
                timeout=TIMEOUT,
                check=False,
            )
        except FileNotFoundError:
            raise SnapshotError("git: not installed; it is needed to compare commits") from None
        except OSError as error:
            raise SnapshotError(f"git: cannot be run: {error.strerror or error}") from None
        except subprocess.TimeoutExpired:
            raise SnapshotError(f"git {arguments[0]}: timed out after {TIMEOUT} seconds") from None

    def output(self, arguments: list[str], given: bytes = b"", extra: Mapping[str, str] | None = None) -> bytes:
        """Return what git prints. Raises a :class:`SnapshotError` with the last error line if git fails."""
        completed_call = self._run(arguments, given, extra)
        if completed_call.returncode:
            raise SnapshotError(f"git {arguments[0]}: {_last_line(completed_call.stderr)}")
        return completed_call.stdout

    def names(self) -> list[str]:
        """Return the short names of branches and tags, including remote ones; at most 5,000."""
        command = ["for-each-ref", "--count=5000", "--format=%(refname:short)"]
        return os.fsdecode(self.output([*command, "refs/heads", "refs/tags", "refs/remotes"])).splitlines()

    def remote_url(self) -> str:
        """Return the URL of the remote ``origin`` as configured; "" if there is none. It may contain credentials."""
        completed_call = self._run(["config", "--get", "remote.origin.url"])
        return completed_call.stdout.decode("utf-8", "replace").strip() if completed_call.returncode == 0 else ""

    # -- history

    def resolve(self, name: str) -> str | None:
        """Return the id of the commit, or else of the tree, that ``name`` denotes; None if it is neither."""
        if "\0" in name or (named := self._verified(name)) is None:
            return None
        return self._verified(f"{named}^{{commit}}") or self._verified(f"{named}^{{tree}}")

    def _verified(self, name: str) -> str | None:
        completed_call = self._run(["rev-parse", "--verify", "--quiet", "--end-of-options", name])
        found = completed_call.stdout.decode("ascii", "replace").strip()
        return found if completed_call.returncode == 0 and OBJECT_ID.fullmatch(found) else None

    def empty_tree(self) -> str:
        """Return the id of the empty tree, which git knows without storing it."""
        return self.output(["hash-object", "-t", "tree", "--stdin"]).decode("ascii").strip()

    def merge_bases(self, one: str, other: str) -> list[str]:
        """Return the best common ancestors of two commits in git's order; empty if there are none."""
        completed_call = self._run(["merge-base", "--all", one, other])
        return [line for line in completed_call.stdout.decode("ascii", "replace").split() if OBJECT_ID.fullmatch(line)]

    def is_shallow(self) -> bool:
        """True if this is a shallow clone."""
        return self.output(["rev-parse", "--is-shallow-repository"]).strip() == b"true"

    # -- objects

    def sizes(self, ids: Iterable[str]) -> dict[str, int]:
        """Return the size in bytes of each blob; blobs missing from the repository are left out."""
        wanted = list(dict.fromkeys(ids))
        lines = self.output(["cat-file", "--batch-check", "--buffer"], "".join(f"{one}\n" for one in wanted).encode())
        found = {}
        for line in lines.decode("ascii", "replace").splitlines():
            parts = line.split()
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
                yield from self._batch(batch)
                batch, batch_size = [], 0
            batch.append(blob)
            batch_size += size
        if batch:
            yield from self._batch(batch)

    def _batch(self, ids: list[str]) -> Iterator[tuple[str, bytes]]:
        data = self.output(["cat-file", "--batch", "--buffer"], "".join(f"{one}\n" for one in ids).encode())
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
        fields = os.fsdecode(self.output([*command, *how, "--end-of-options", *sides])).split("\0")
        found = []
        while len(fields) > 1:
            status = fields.pop(0)
            first = fields.pop(0)
            if status.startswith("R"):
                found.append(FileChange(first, fields.pop(0)))
            else:
                found.append(FileChange(None if status == "A" else first, None if status == "D" else first))
        return found


def _last_line(said: bytes) -> str:
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("fatal: ", "error: "))]
    return (errors or lines or ["failed without a message"])[0].removeprefix("fatal: ").removeprefix("error: ")
