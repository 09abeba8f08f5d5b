"""Output destinations: standard output or a file, with colors only on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TextIO

from passrole_checks.errors import ConfigurationError
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.files.write_atomically import check_file, replace_file
from passrole_checks.iam.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Destination:
    """A file named on the command line, or standard output (``-``).

    ``guarded``: folders in and below which writing follows no symbolic link, since a pull request may have planted
    some.
    """

    path: str
    guarded: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return "standard output" if self.path == "-" else sanitize(self.path)

    def check(self) -> None:
        """Verify that the file can be written, before the scan rather than after it.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        if self.path != "-":
            try:
                check_file(self.path, guarded=self.guarded)
            except OSError as error:
                raise _unwritable(self, error) from error


STANDARD_OUTPUT = Destination("-")


def pair_with_formats(
    formats: Sequence[str], outputs: Sequence[str], guarded: tuple[Path, ...] = ()
) -> list[tuple[str, Destination]]:
    """Return each format with its destination: the n-th output for the n-th format, standard output for the rest.

    Raises:
        ConfigurationError: more outputs than formats, one destination for two formats, or it cannot be written.
    """
    if len(outputs) > len(formats):
        raise ConfigurationError(f"--output {outputs[len(formats)]}: no matching --format")
    destinations = [Destination(path, guarded) for path in [*outputs, *["-"] * (len(formats) - len(outputs))]]
    paths = [
        "-" if destination == STANDARD_OUTPUT else os.path.abspath(destination.path) for destination in destinations
    ]
    for destination, path in zip(destinations, paths, strict=True):
        if paths.count(path) > 1:
            raise ConfigurationError(f"two formats for {destination}: give each --format its own --output")
        destination.check()
    return list(zip(formats, destinations, strict=True))


def is_terminal(destination: Destination) -> bool:
    """True if the destination is a terminal."""
    # standard output is None if it was closed before the program started
    return destination.path == "-" and sys.stdout is not None and sys.stdout.isatty()


def wants_color(destination: Destination) -> bool:
    """True if output to the destination is colored: a terminal, and the environment variable ``NO_COLOR`` is not
    set."""
    return is_terminal(destination) and not os.environ.get("NO_COLOR")


def write(destination: Destination, text: str) -> None:
    """Write to standard output, or replace the file.

    Raises:
        ConfigurationError: the destination cannot be written.
    """
    try:
        if destination.path != "-":
            replace_file(destination.path, text.encode("utf-8", "backslashreplace"), guarded=destination.guarded)
        elif sys.stdout is None:
            raise ConfigurationError(f"{destination}: cannot be written: closed")
        else:
            write_to(sys.stdout, text)
    except (OSError, ValueError) as error:  # ValueError: not a valid file name
        raise _unwritable(destination, error) from error


class OutputStream:
    """Output that is written piece by piece: at once to standard output, and to a file at the end of the context.

    If the context ends with an exception, the file is left as it was.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._spool: IO[bytes] | None = None

    def __enter__(self) -> OutputStream:
        if self._destination.path != "-":
            from tempfile import TemporaryFile  # slow to import, and needed only here

            self._spool = TemporaryFile()
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if self._spool is not None:
            with self._spool:
                if error is None:
                    self._replace_file(self._spool)

    def write(self, text: str) -> None:
        """Write a piece. Raises a :class:`ConfigurationError` if the destination cannot be written."""
        if self._spool is None:
            write(self._destination, text)
            return
        try:
            self._spool.write(text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise _unwritable(self._destination, error) from error

    def _replace_file(self, spool: IO[bytes]) -> None:
        try:
            spool.seek(0)
            replace_file(self._destination.path, spool, guarded=self._destination.guarded)
        except (OSError, ValueError) as error:
            raise _unwritable(self._destination, error) from error


def _unwritable(destination: Destination, error: OSError | ValueError) -> ConfigurationError:
    reason = getattr(error, "strerror", None) or error
    return ConfigurationError(f"{destination}: cannot be written: {reason}")


def write_to(stream: TextIO, text: str) -> None:
    """Write to a standard stream. A closed reader (``| head``) is not an error: the exit status is unaffected."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # buffered data would fail again when the interpreter exits
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
