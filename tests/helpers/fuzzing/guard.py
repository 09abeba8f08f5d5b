"""Watch what a run opens, changes, starts and connects to, and stop it before it does harm.

Python reports these through audit events (PEP 578), before they happen; see "Audit events table" in its documentation.
What C code and other programs do is not among them: the kernel reports each access to the files outside (inotify(7)).
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from fuzzing.corpus import ROOT

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# The arguments that are paths, each with the place of its ``dir_fd``.
_CHANGES = {
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.link": ((1, 3),),
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.removexattr": ((0, None),),
    "os.rename": ((0, 2), (1, 3)),
    "os.rmdir": ((0, 1),),
    "os.setxattr": ((0, None),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.utime": ((0, 3),),
}
_LISTINGS = frozenset({"os.listdir", "os.scandir", "os.walk", "os.fwalk", "glob.glob"})
_PROGRAMS = frozenset({"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system"})
_FORBIDDEN = frozenset({"pickle.find_class", "ctypes.dlopen", "http.client.connect", "urllib.Request", "pty.spawn"})
# Files of the system that the interpreter, its libraries and this program read by themselves.
_OF_THE_SYSTEM = frozenset({"/dev/null", "/dev/urandom", "/etc/localtime", "/etc/timezone", "/sys/fs/cgroup/cpu.max"})


class Forbidden(BaseException):
    """Raised in the middle of what must not be done; no ``except Exception`` of the program stops it."""


@dataclass
class Guard:
    """Permissions of a run: write below ``writable``, read below ``readable``, and start the ``programs``."""

    writable: tuple[str, ...]
    readable: tuple[str, ...]
    programs: tuple[str, ...] = ()
    seen: list[str] = field(default_factory=list)

    def check(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Raise :class:`Forbidden` if the event is none of what is allowed."""
        if event == "open":
            path, mode, flags = arguments
            # os.open says not which folder a relative path is in (dir_fd); the kernel reports what is opened outside.
            known = isinstance(path, (str, bytes)) and (mode is not None or os.path.isabs(path))
            if known and isinstance(path, (str, bytes)) and isinstance(flags, int):
                where = _resolved(path, None, follow=not flags & os.O_NOFOLLOW)
                self._check_place(event, where, self.writable if flags & _WRITING else self.readable)
        elif event in _CHANGES:
            for place, of_folder in _CHANGES[event]:
                where = _resolved(arguments[place], None if of_folder is None else arguments[of_folder], follow=False)
                self._check_place(event, where, self.writable)
        elif event in _LISTINGS:
            if isinstance(arguments[0], (str, bytes)):
                self._check_place(event, _resolved(arguments[0], None, follow=True), self.readable)
        elif event == "subprocess.Popen":
            if os.path.basename(os.fsdecode(arguments[0])) not in self.programs:
                self._stop(f"{event} {arguments[1]!r}")
        elif event in _PROGRAMS or event in _FORBIDDEN or event.startswith("socket."):
            self._stop(f"{event} {arguments!r}")

    def _check_place(self, event: str, where: str | None, allowed: tuple[str, ...]) -> None:
        if where is None or where in _OF_THE_SYSTEM:
            return
        if not any(where == folder or where.startswith(f"{folder}{os.sep}") for folder in allowed):
            self._stop(f"{event} {where}")

    def _stop(self, what: str) -> None:
        self.seen.append(what)
        raise Forbidden(what)


def _resolved(path: object, folder: object, *, follow: bool) -> str | None:
    """The place that a path leads to; None for an open file."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None
    name = os.fsdecode(path)
    if isinstance(folder, int) and folder >= 0 and not os.path.isabs(name):
        name = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
    if follow:
        return os.path.realpath(name)
    head, tail = os.path.split(name)
    if tail in ("", ".", ".."):
        return os.path.realpath(name)
    return os.path.join(os.path.realpath(head), tail)


_active: Guard | None = None
_installed = False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    global _active
    guard = _active
    if guard is None:
        return
    _active = None  # the check itself is not guarded
    try:
        guard.check(event, arguments)
    finally:
        _active = guard


@contextmanager
def guarded(guard: Guard) -> Iterator[None]:
    """Limit the body to what the guard allows. Raises :class:`Forbidden`."""
    global _active, _installed
    if not _installed:
        sys.addaudithook(_hook)  # for the rest of the process
        _installed = True
    _active = guard
    try:
        yield
    finally:
        _active = None
    if guard.seen:  # it was raised, and something has swallowed it
        raise Forbidden(guard.seen[0])


@cache
def of_python() -> tuple[str, ...]:
    """The folders that the interpreter, the installed packages and this repository are in."""
    named = {sys.prefix, sys.base_prefix, str(ROOT), *sysconfig.get_paths().values()}
    named.update(path for path in sys.path if path)
    return tuple(sorted({os.path.realpath(path) for path in named} - {"/"}))


# -- what the kernel reports

_OPENED, _CHANGED = 0x20, 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400
_IN_NONBLOCK = 0o4000
_EVENT = struct.Struct("iIII")


class Accesses:
    """Accesses to the files below a folder, of any program; nothing where the platform cannot tell."""

    def __init__(self, folder: Path) -> None:
        self._folders: dict[int, Path] = {}
        self._descriptor = -1
        if sys.platform != "linux":
            return
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = libc.inotify_init1(_IN_NONBLOCK)
        for place in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            number = libc.inotify_add_watch(self._descriptor, os.fsencode(place), _OPENED | _CHANGED)
            self._folders[number] = place

    def taken(self) -> list[str]:
        """Return the accesses since the last call."""
        found = []
        while self._descriptor >= 0:
            try:
                data = os.read(self._descriptor, 65_536)
            except BlockingIOError:
                break
            start = 0
            while start < len(data):
                number, mask, _, length = _EVENT.unpack_from(data, start)
                start += _EVENT.size
                name = data[start : start + length].rstrip(b"\0")
                start += length
                place = self._folders.get(number, Path("?")) / os.fsdecode(name)
                found.append(f"{'opened' if mask & _OPENED else 'changed'} {place}")
        return found

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
