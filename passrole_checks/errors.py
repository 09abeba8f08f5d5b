"""One root, one error for each stage. The message of every error starts with the file."""

from __future__ import annotations


class PassRoleChecksError(Exception):
    """Whatever this package raises on purpose."""


class InputError(PassRoleChecksError):
    """A file that looks like infrastructure code and cannot be read.

    ``file`` is its path, ``line`` 1-based or None where no line can be named, ``reason`` a phrase for people.
    """

    def __init__(self, file: str, reason: str, line: int | None = None) -> None:
        self.file, self.reason, self.line = file, reason, line
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")


class ConfigurationError(PassRoleChecksError):
    """Options or a configuration file that cannot be used."""


class SnapshotError(PassRoleChecksError):
    """A version of a repository that cannot be had: no such commit, no history in common, git itself failing."""


class ExecutorError(PassRoleChecksError):
    """Other computers that were to scan, and cannot be used."""
