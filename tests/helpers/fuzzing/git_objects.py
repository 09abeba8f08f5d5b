"""Write a git repository object by object, so that it can hold what git itself would refuse to add."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_WHO = b"someone <someone@example.com> 1767225600 +0000"
LINK, SUBMODULE, FOLDER = "120000", "160000", "40000"


@dataclass(frozen=True)
class Entry:
    """A file of a version: its mode in octal, its path (any bytes; ``/`` separates folders), its content."""

    mode: str
    path: bytes
    content: bytes


def write(folder: Path, base: Sequence[Entry], head: Sequence[Entry]) -> None:
    """Write ``folder/.git`` with the branches ``main`` (``base``) and ``head``, whose parent is ``main``."""
    git = folder / ".git"
    objects = git / "objects"
    for made in (objects, git / "refs" / "heads"):
        made.mkdir(parents=True, exist_ok=True)
    first = _commit(objects, _tree(objects, base), b"")
    second = _commit(objects, _tree(objects, head), first)
    for name, commit in (("main", first), ("head", second)):
        (git / "refs" / "heads" / name).write_bytes(commit + b"\n")
    (git / "HEAD").write_bytes(b"ref: refs/heads/head\n")
    (git / "config").write_bytes(b"[core]\n\trepositoryformatversion = 0\n\tbare = false\n")


def _commit(objects: Path, tree: bytes, parent: bytes) -> bytes:
    lines = [b"tree " + tree, *([b"parent " + parent] if parent else []), b"author " + _WHO, b"committer " + _WHO]
    return _object(objects, b"commit", b"\n".join(lines) + b"\n\nchange\n").hex().encode()


def _tree(objects: Path, entries: Sequence[Entry]) -> bytes:
    return _folder(objects, entries).hex().encode()


def _folder(objects: Path, entries: Sequence[Entry]) -> bytes:
    lines: list[tuple[bytes, bytes]] = []  # how git sorts the entry, and the entry
    below: dict[bytes, list[Entry]] = {}
    for entry in entries:
        name, slash, rest = entry.path.partition(b"/")
        name = name.replace(b"\0", b"")
        if slash:
            below.setdefault(name, []).append(Entry(entry.mode, rest, entry.content))
        else:
            identity = _identity(objects, entry)
            lines.append((name, entry.mode.encode() + b" " + name + b"\0" + identity))
    for name, there in below.items():
        lines.append((name + b"/", FOLDER.encode() + b" " + name + b"\0" + _folder(objects, there)))
    return _object(objects, b"tree", b"".join(line for _, line in sorted(lines)))


def _identity(objects: Path, entry: Entry) -> bytes:
    if entry.mode == SUBMODULE:
        return hashlib.sha1(entry.content, usedforsecurity=False).digest()
    return _object(objects, b"blob", entry.content)


def _object(objects: Path, kind: bytes, content: bytes) -> bytes:
    data = kind + b" %d\0" % len(content) + content
    identity = hashlib.sha1(data, usedforsecurity=False)
    name = identity.hexdigest()
    place = objects / name[:2] / name[2:]
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(zlib.compress(data, 1))
    return identity.digest()
