"""The state of accessed paths: of files their content, of everything else its type and target."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions
from passrole_checks.sources.files.fingerprints import (
    FileFingerprints,
    Fingerprint,
    current_walk_digest,
    fingerprint,
    fingerprint_of_status,
    is_file,
    is_settled,
    listing_digest,
    tree_digest,
)

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_PIECE = 1 << 20
_SIZE = 16  # bytes of a digest

_Value = TypeVar("_Value")


class AccessedPaths(NamedTuple):
    """The paths of a :class:`~passrole_checks.sources.files.access_log.FileAccessLog`, in order."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    trees: tuple[str, ...]
    leads: tuple[str, ...]
    walks: tuple[str, ...]


class DiskState:
    """The state of the disk at one moment; after :meth:`refresh`, at a later one.

    A file is read once while its status is the same. ``exclusions``: paths left out when a folder is walked.
    """

    def __init__(self, exclusions: Exclusions = NO_EXCLUSIONS) -> None:
        self._walk_again = partial(current_walk_digest, exclusions=exclusions)
        self._held: dict[str, tuple[Fingerprint, int, bytes]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the state anew from now on."""
        self._seen: dict[str, Fingerprint] = {}
        self._states: dict[str, bytes | None] = {}
        self._listings: dict[str, bytes | None] = {}
        self._trees: dict[str, bytes | None] = {}
        self._walks: dict[str, bytes | None] = {}
        self._leads: dict[str, str] = {}

    def digest_of(self, looks: AccessedPaths) -> str | None:
        """Return a digest of everything at these paths; None if something is unreadable, or may differ on each read."""
        leads = self._where(looks)
        others = self._what(looks)
        return None if leads is None or others is None else f"{leads}-{others}"

    def is_same(self, looks: AccessedPaths, told: str) -> bool:
        """True if :meth:`digest_of` returns this digest. A file is not opened if the symbolic links to it have
        changed."""
        leads, _, others = told.partition("-")
        return self._where(looks) == leads and self._what(looks) == others

    def _where(self, looks: AccessedPaths) -> str | None:
        folders = {os.path.dirname(path) for path in looks.files}
        return self._digest([(sorted(folders.union(looks.folders, looks.trees, looks.walks, looks.leads)), self._lead)])

    def _what(self, looks: AccessedPaths) -> str | None:
        return self._digest(
            [
                (looks.folders, self._listing),
                (looks.trees, self._tree),
                (looks.walks, self._walk),
                (looks.files, self._state),
            ]
        )

    def _digest(self, kinds: Iterable[tuple[Sequence[str], Callable[[str], bytes | None]]]) -> str | None:
        told = hashlib.blake2b(digest_size=_SIZE)
        for paths, state in kinds:
            for path in paths:
                found = state(path)
                if found is None:
                    return None
                told.update(path.encode("utf-8", "surrogatepass"))
                told.update(b"\0%d\0" % len(found))
                told.update(found)
            told.update(b"\n")
        return told.hexdigest()

    def stamp(self, found: FileFingerprints) -> tuple[AccessedPaths, str] | None:
        """Return the accessed paths with their digest; None if one may have changed since, or only just before."""
        self.refresh()
        for path, seen in found.seen.items():
            if self._sight(path) != seen or not is_settled(seen, found.began):
                return None
        for then, now in (
            (found.listed, self._listing),
            (found.trees_seen, self._tree),
            (found.walks_seen, self._walk),
        ):
            for path, told in then.items():
                if told is None or now(path) != told:
                    return None
        kinds = (found.files, found.folders, found.trees, found.links, found.walks)
        looks = AccessedPaths(*(tuple(sorted(paths)) for paths in kinds))
        digest = self.digest_of(looks)
        return None if digest is None else (looks, digest)

    def _sight(self, path: str) -> Fingerprint:
        return _cached(self._seen, path, fingerprint)

    def _state(self, path: str) -> bytes | None:
        return _cached(self._states, path, self._looked_up)

    def _listing(self, path: str) -> bytes | None:
        return _cached(self._listings, path, listing_digest)

    def _tree(self, path: str) -> bytes | None:
        return _cached(self._trees, path, tree_digest)

    def _walk(self, path: str) -> bytes | None:
        return _cached(self._walks, path, self._walk_again)

    def _lead(self, path: str) -> bytes | None:
        return self._real(path).encode("utf-8", "surrogatepass")

    def _looked_up(self, path: str) -> bytes | None:
        found = self._sight(path)
        if not is_file(found):
            (kind,) = found
            return b"%d" % kind if kind < 0 or kind == stat.S_IFDIR else None
        if os.path.basename(path) == ".git":  # only its presence counts, and it may be a link that leads outside
            return b"%d" % stat.S_IFREG
        known = self._held.get(path)
        if known is None or known[0] != found or not is_settled(found, known[1]):
            now, digest = time.time_ns(), _content(path, found)
            if digest is None:
                return None
            known = self._held[path] = found, now, digest
        return known[2]

    def _real(self, path: str) -> str:
        """Return the resolved path, as :func:`os.path.realpath`, which looks up each parent folder in every call."""
        pending = []  # a loop, because a folder can be deeper than Python recurses
        while path not in self._leads:
            pending.append(path)
            parent = os.path.dirname(path)
            if parent == path:
                break
            path = parent
        for one in reversed(pending):
            self._leads[one] = self._resolved(one)
        return self._leads[pending[0] if pending else path]

    def _resolved(self, path: str) -> str:
        """Return the resolved path of a file whose parent folder is in ``_leads``."""
        parent, name = os.path.split(path)
        if os.name != "posix" or not os.path.isabs(path) or name in (os.curdir, os.pardir):
            return _realpath(path)
        if not name:
            return path if parent == path == os.sep else _realpath(path)
        if self._leads[parent] != parent:
            return _realpath(path)
        try:
            is_link = stat.S_ISLNK(os.lstat(path).st_mode)
        except (OSError, ValueError):
            return path
        return _realpath(path) if is_link else path


def _cached(known: dict[str, _Value], path: str, look: Callable[[str], _Value]) -> _Value:
    if path not in known:
        known[path] = look(path)
    return known[path]


def _realpath(path: str) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return ""


def _content(path: str, seen: Fingerprint) -> bytes | None:
    """Return the digest of a regular file; None if it cannot be read, or was replaced meanwhile."""
    try:
        handle = os.open(path, _FLAGS)
    except (OSError, ValueError):
        return None
    try:
        if fingerprint_of_status(os.fstat(handle)) != seen:
            return None
        told = hashlib.blake2b(digest_size=_SIZE)
        while piece := os.read(handle, _PIECE):
            told.update(piece)
        return told.digest()
    except OSError:
        return None
    finally:
        os.close(handle)


def union(parts: Iterable[AccessedPaths]) -> AccessedPaths:
    """Return all accessed paths of several units."""
    return AccessedPaths(*(tuple(sorted(frozenset().union(*paths))) for paths in zip(*parts, strict=True)))
