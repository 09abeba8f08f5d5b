"""Errors: one root, and one error for each stage. Each message starts with the file."""

from __future__ import annotations

import os
from collections.abc import Iterable

DEBUG = "PASSROLE_CHECKS_DEBUG"  # the environment variable that lets unexpected exceptions pass
_LONGEST = 300  # characters of an exception's message


class PassRoleChecksError(Exception):
    """Base class of all errors raised by passrole_checks."""


class InputError(PassRoleChecksError):
    """Raised if a file that looks like infrastructure code cannot be read.

    ``file``: its path. ``line``: 1-based, or None. ``reason``: a phrase for people.
    """

    def __init__(self, file: str, reason: str, line: int | None = None) -> None:
        self.file, self.reason, self.line = file, reason, line
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, int | None]]:
        """Return the arguments of the constructor, so that the error can be pickled."""
        return type(self), (self.file, self.reason, self.line)


class ForeignTemplateError(InputError):
    """Raised if a file is a template of another tool, whose placeholders make it unreadable before that has run."""


class TookTooLongError(InputError):
    """Raised if reading an input exceeds the time limit."""


class ConfigurationError(PassRoleChecksError):
    """Raised if options or a configuration file are invalid."""


class SnapshotError(PassRoleChecksError):
    """Raised if a version of a repository is unavailable: no such commit, no common history, or git fails."""


class ExecutorError(PassRoleChecksError):
    """Raised if the requested executor is unavailable."""


class WorkerEndedError(PassRoleChecksError):
    """Raised for a unit that ended the worker processes that read it."""


def internal_error(error: Exception, where: str = "") -> str:
    """Describe an exception that this package did not expect.

    ``where``: the part of a file that it concerns, such as the address of a resource. Raises the ``error`` itself if
    ``PASSROLE_CHECKS_DEBUG`` is set.
    """
    if os.environ.get(DEBUG):
        raise error
    message = " ".join(str(error).split())
    message = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
    described = ": ".join(filter(None, (where, "internal error", type(error).__name__, message)))
    return f"{described} (please report it, with the output of {DEBUG}=1)"


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the nearest of the known ``names``; "" if none is near."""
    from difflib import get_close_matches  # slow to import, and needed only here

    return "".join(f"; did you mean {name}?" for name in get_close_matches(word[:_LONGEST], list(names), n=1))
