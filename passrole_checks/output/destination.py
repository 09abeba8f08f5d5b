"""Where output goes: standard output or a file, with colours only where a person sees them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from passrole_checks.errors import ConfigurationError
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.files.write_atomically import check_file, replace_file


@dataclass(frozen=True, slots=True)
class Destination:
    """A file that the command line names, or standard output (``-``). In and below the folders ``guarded``, which may
    contain links that a pull request planted, writing follows no symbolic link."""

    path: str
    guarded: tuple[Path, ...] = ()

    def __str__(self) -> str:
        return "standard output" if self.path == "-" else sanitize(self.path)

    def check(self) -> None:
        """Raise a :class:`ConfigurationError` where the file cannot be written: before the work, not after it."""
        if self.path != "-":
            try:
                check_file(self.path, guarded=self.guarded)
            except OSError as error:
                raise _unwritable(self, error) from error


STANDARD_OUTPUT = Destination("-")


def pair_with_formats(
    formats: Sequence[str], outputs: Sequence[str], guarded: tuple[Path, ...] = ()
) -> list[tuple[str, Destination]]:
    """Each format with its destination: the n-th output for the n-th format, standard output where none is left.

    Raises:
        ConfigurationError: more outputs than formats, two formats for one destination, or one that cannot be written.
    """
    if len(outputs) > len(formats):
        raise ConfigurationError(f"--output {outputs[len(formats)]}: there is no --format for it")
    destinations = [Destination(path, guarded) for path in [*outputs, *["-"] * (len(formats) - len(outputs))]]
    places = [one.path if one == STANDARD_OUTPUT else os.path.abspath(one.path) for one in destinations]
    for destination, place in zip(destinations, places, strict=True):
        if places.count(place) > 1:
            raise ConfigurationError(f"two formats for {destination}: give each --format an --output of its own")
        destination.check()
    return list(zip(formats, destinations, strict=True))


def is_terminal(destination: Destination) -> bool:
    """Whether a person sees what is written there."""
    # a program whose standard output was closed before it began has none
    return destination.path == "-" and sys.stdout is not None and sys.stdout.isatty()


def wants_color(destination: Destination) -> bool:
    """Whether colours make sense there; the environment variable ``NO_COLOR`` says that they do not."""
    return is_terminal(destination) and not os.environ.get("NO_COLOR")


def write(destination: Destination, text: str) -> None:
    """Write to standard output or replace the file.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        if destination.path != "-":
            replace_file(destination.path, text.encode("utf-8", "backslashreplace"), guarded=destination.guarded)
        elif sys.stdout is None:
            raise ConfigurationError(f"{destination}: cannot be written: it is closed")
        else:
            write_to(sys.stdout, text)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise _unwritable(destination, error) from error


def _unwritable(destination: Destination, error: OSError | ValueError) -> ConfigurationError:
    reason = getattr(error, "strerror", None) or error
    return ConfigurationError(f"{destination}: cannot be written: {reason}")


def write_to(stream: TextIO, text: str) -> None:
    """Write to a standard stream. A reader that has gone away (``| head``) is no error: the verdict stands."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # What is still buffered would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
