r"""Run the command line as on Windows, as far as another system can: ``python -m windows_simulation FOLDER OTHER``.

Each line of standard input is a JSON list of arguments; each line of standard output the JSON list of exit status,
standard output and standard error of that command; for an empty list, that of all imported modules. ``FOLDER`` is
``C:\clone``, the working directory, ``OTHER`` is drive ``D:``, and the rest of the file system is drive ``C:``.

Paths are those of ``ntpath`` and ``pathlib.WindowsPath``, and modules, functions and flags that Python lacks on Windows
are missing (Python's documentation: "Availability: Unix"). Not simulated: names in another case, reserved names, short
names, locked files, and consoles.
"""

from __future__ import annotations

import asyncio
import builtins
import fcntl
import importlib
import io
import json
import logging
import multiprocessing.connection  # these and the packages below are imported as on this system
import ntpath
import os
import pkgutil
import posixpath
import shutil
import signal
import subprocess
import sys
import tempfile
import types
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import click
import pathspec
import platformdirs
import rich.console
import tree_sitter_hcl
import yaml

IMPORTED = (asyncio, logging, multiprocessing, subprocess, tempfile, ProcessPoolExecutor, click, pathspec, platformdirs)
IMPORTED_TOO = (rich.console, tree_sitter_hcl, yaml)
MISSING_MODULES = ("fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty")
MISSING_IN_OS = (
    "O_CLOEXEC", "O_DIRECTORY", "O_DSYNC", "O_NOATIME", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK", "O_PATH", "O_SYNC",
    "WNOHANG", "chown", "confstr", "fchdir", "fchmod", "fchown", "fork", "getegid", "geteuid", "getgid", "getgroups",
    "getloadavg", "getpgid", "getpriority", "getsid", "getuid", "killpg", "lchown", "lockf", "mkfifo", "mknod", "nice",
    "openpty", "pipe2", "posix_spawn", "pread", "register_at_fork", "sched_getaffinity", "sendfile", "setpgid",
    "setpriority", "setsid", "statvfs", "sync", "sysconf", "ttyname", "uname", "wait", "wait4",
)  # fmt: skip
MISSING_IN_SIGNAL = (
    "ITIMER_REAL", "SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP", "SIGTSTP",
    "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIG_BLOCK", "SIG_SETMASK", "SIG_UNBLOCK", "alarm", "getitimer", "pause",
    "pthread_kill", "pthread_sigmask", "setitimer", "siginterrupt", "sigpending", "sigwait",
)  # fmt: skip
CLONE = "C:\\clone"
NOT_CORE = (
    "checkov_checks",
    "cfnlint_rules",
    "mcp_server",
    "lsp",
    "__main__",
)  # hosts and SDKs know the platform themselves


class Drives:
    """The file system of this machine, under names of Windows; ``folders`` become ``C:\\clone`` and ``D:``."""

    def __init__(self, *folders: str) -> None:
        self.folders = dict(zip((CLONE, "D:"), folders, strict=True))
        self.getcwd = os.getcwd

    def real(self, path: Any) -> Any:
        """Return the path here for one of Windows; descriptors stay as they are."""
        if isinstance(path, int):
            return path
        text = os.fspath(path)
        assert isinstance(text, str), text
        drive, rest = ntpath.splitdrive(text.replace("/", "\\"))
        for top, folder in self.folders.items():
            if f"{drive}{rest}\\".lower().startswith(f"{top}\\".lower()):
                return (folder + text[len(top) :]).replace("\\", "/")
        rest = rest.replace("\\", "/")
        if drive.upper() not in ("", "C:") or rest.startswith(("/proc/", "/dev/")):
            return f"/nonexistent/{rest}"
        return rest

    def windows(self, path: str) -> str:
        """Return the path of Windows for an absolute one here."""
        for top, folder in self.folders.items():
            if f"{path}/".startswith(f"{folder}/"):
                return (top + (path[len(folder) :] or "/"[: 3 - len(top)])).replace("/", "\\")
        return f"C:{path}".replace("/", "\\")

    def calling(self, function: Callable[..., Any], paths: int = 1) -> Callable[..., Any]:
        """Return a function that translates its first arguments, as many as are ``paths``."""

        def call(*arguments: Any, **more: Any) -> Any:
            return function(*(self.real(one) for one in arguments[:paths]), *arguments[paths:], **more)

        return partial(call)

    def mount(self) -> None:
        """Make all functions that take paths take those of Windows."""
        scandir, readlink, listdir = os.scandir, os.readlink, os.listdir

        def list_folder(path: Any = ".") -> Any:
            return _Listing(scandir(self.real(path)), os.fspath(path))

        def target(path: Any, **_: Any) -> str:
            found = readlink(self.real(path))
            if os.fspath(path).startswith("/"):  # asked for by posixpath
                return found
            return self.windows(found) if found.startswith("/") else found.replace("/", "\\")

        def resolved(path: Any, *, strict: bool = False) -> str:
            return self.windows(posixpath.realpath(self.real(ntpath.abspath(path)), strict=strict))

        for name in (
            "open",
            "stat",
            "lstat",
            "mkdir",
            "rmdir",
            "unlink",
            "remove",
            "access",
            "chmod",
            "utime",
            "chdir",
        ):
            setattr(os, name, self.calling(getattr(os, name)))
        for name in ("rename", "replace", "link", "symlink"):
            setattr(os, name, self.calling(getattr(os, name), 2))
        changed = {
            "scandir": list_folder, "readlink": target, "listdir": lambda path=".": listdir(self.real(path)),
            "getcwd": lambda: self.windows(self.getcwd()), "path": ntpath, "sep": "\\", "altsep": "/", "pathsep": ";",
            "linesep": "\r\n", "name": "nt", "supports_dir_fd": set(), "supports_follow_symlinks": set(),
        }  # fmt: skip
        for name, value in changed.items():
            setattr(os, name, partial(value) if callable(value) else value)  # no method, where a class has it
        sys.modules["os.path"] = ntpath
        ntpath.realpath = resolved
        for module in (io, builtins):
            module.__dict__["open"] = self.calling(open)


class _Listing:
    """The result of ``os.scandir``, with paths of Windows."""

    def __init__(self, entries: Iterable[os.DirEntry[str]], folder: str) -> None:
        self._entries = (_Entry(entry, ntpath.join(folder, entry.name)) for entry in entries)

    def __enter__(self) -> _Listing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[_Entry]:
        return self._entries

    def __next__(self) -> _Entry:
        return next(self._entries)

    def close(self) -> None:
        self._entries.close()


class _Entry:
    """An entry of a folder, with a path of Windows."""

    def __init__(self, entry: os.DirEntry[str], path: str) -> None:
        self._entry, self.name, self.path = entry, entry.name, path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)

    def __fspath__(self) -> str:
        return self.path


def file_locks() -> types.ModuleType:
    """Return ``msvcrt`` with the lock of a file, which is that of this system."""
    module = types.ModuleType("msvcrt")
    exclusive, flock = fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.flock
    vars(module).update(LK_NBLCK=2, locking=lambda handle, mode, size: flock(handle, exclusive))
    return module


def become_windows(*folders: str) -> None:
    """Change this process, before anything of passrole_checks is imported."""
    os.chdir(folders[0])
    Drives(*map(os.path.realpath, folders)).mount()
    for module, names in ((os, MISSING_IN_OS), (signal, MISSING_IN_SIGNAL)):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    sys.modules["msvcrt"] = file_locks()
    sys.modules.update(dict.fromkeys(MISSING_MODULES))  # importing them raises ImportError
    shutil.__dict__["_use_fd_functions"] = False
    sys.platform = "win32"
    for name in ("pathlib._local", "pathlib"):  # the first since Python 3.13
        if name in sys.modules:
            importlib.reload(sys.modules[name])


def core_modules() -> list[str]:
    """Import all modules but the adapters, and return their names."""
    package = importlib.import_module("passrole_checks")
    found = pkgutil.walk_packages(package.__path__, "passrole_checks.", onerror=lambda name: None)
    names = [module.name for module in found if module.name.split(".")[1] not in NOT_CORE]
    for name in names:
        importlib.import_module(name)
    return names


def run(arguments: list[str]) -> tuple[int, str, str]:
    from passrole_checks.cli import main

    written = [io.BytesIO() for _ in range(2)]
    sys.stdout, sys.stderr = streams = [io.TextIOWrapper(one, "utf-8", newline="") for one in written]
    try:
        status = main(arguments)
    finally:
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    for stream in streams:
        stream.flush()
    out, errors = (one.getvalue().decode("utf-8") for one in written)
    return status, out, errors


if __name__ == "__main__":
    become_windows(*sys.argv[1:])
    for line in sys.stdin:
        wanted = json.loads(line)
        print(json.dumps(run(wanted) if wanted else core_modules()), flush=True)
