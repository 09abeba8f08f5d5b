"""Where output goes: standard output or a file, with colours only where a person sees them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from passrole_checks.errors import ConfigurationError
from passrole_checks.output.paths import harmless

STANDARD_OUTPUT = "-"


def paired(formats: Sequence[str], outputs: Sequence[str]) -> list[tuple[str, str]]:
    """Each format with its destination: the n-th output for the n-th format, standard output where none is left.

    Raises:
        ConfigurationError: more outputs than formats, or two formats for one destination.
    """
    if len(outputs) > len(formats):
        raise ConfigurationError(f"--output {outputs[len(formats)]}: there is no --format for it")
    destinations = [*outputs, *[STANDARD_OUTPUT] * (len(formats) - len(outputs))]
    for destination in destinations:
        if destinations.count(destination) > 1:
            where = "standard output" if destination == STANDARD_OUTPUT else destination
            raise ConfigurationError(f"two formats for {where}: give each --format an --output of its own")
    return list(zip(formats, destinations, strict=True))


def is_terminal(destination: str) -> bool:
    """Whether a person sees what is written there."""
    # a program whose standard output was closed before it began has none
    return destination == STANDARD_OUTPUT and sys.stdout is not None and sys.stdout.isatty()


def wants_colour(destination: str) -> bool:
    """Whether colours make sense there; the environment variable ``NO_COLOR`` says that they do not."""
    return is_terminal(destination) and not os.environ.get("NO_COLOR")


def write(destination: str, text: str) -> None:
    """Write to standard output or replace the file.

    Raises:
        ConfigurationError: it cannot be written.
    """
    try:
        if destination == STANDARD_OUTPUT:
            if sys.stdout is None:
                raise ConfigurationError("standard output: cannot be written: it is closed")
            write_to(sys.stdout, text)
        else:
            Path(destination).write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        name = "standard output" if destination == STANDARD_OUTPUT else harmless(destination)
        raise ConfigurationError(f"{name}: cannot be written: {getattr(error, 'strerror', None) or error}") from error


def write_to(stream: TextIO, text: str) -> None:
    """Write to a standard stream. A reader that has gone away (``| head``) is no error: the verdict stands."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # What is still buffered would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
