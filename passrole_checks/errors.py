"""One root, one error for each stage. The message of every error starts with the file."""

from __future__ import annotations

import os

DEBUG = "PASSROLE_CHECKS_DEBUG"  # the environment variable that lets unexpected exceptions pass
_LONGEST = 300  # characters of an exception's message


class PassRoleChecksError(Exception):
    """Whatever this package raises on purpose."""


class InputError(PassRoleChecksError):
    """A file that looks like infrastructure code and cannot be read.

    ``file`` is its path, ``line`` 1-based or None where no line can be named, ``reason`` a phrase for people.
    """

    def __init__(self, file: str, reason: str, line: int | None = None) -> None:
        self.file, self.reason, self.line = file, reason, line
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")


class TookTooLongError(InputError):
    """Raised for an input that takes longer to read than the limit of time allows."""


class ConfigurationError(PassRoleChecksError):
    """Options or a configuration file that cannot be used."""


class SnapshotError(PassRoleChecksError):
    """A version of a repository that cannot be had: no such commit, no history in common, git itself failing."""


class ExecutorError(PassRoleChecksError):
    """Other computers that were to scan, and cannot be used."""


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
