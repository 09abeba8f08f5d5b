"""File names and foreign text as the output shows them."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import PurePath
from urllib.parse import quote

# Cc: control characters; Cf: invisible formatting, among it the marks that turn the direction of text around;
# Cs: lone surrogates, as which Python carries bytes of file names that are not UTF-8; Zl, Zp: line breaks of their own.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Letters, marks and symbols that are drawn as nothing: joiners and fillers (Unicode, Default_Ignorable_Code_Point, but
# for the selectors of emoji) and the blank of Braille.
BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_COMMAND = re.compile(r"(?:^|(?<=\s))::(?=[A-Za-z])")


def display_path(file: str) -> str:
    """``file`` relative to the working directory, with forward slashes; as it stands where no relative path exists."""
    try:
        relative = os.path.relpath(file)
    except ValueError:  # another drive, on Windows
        relative = file
    return PurePath(relative).as_posix()


def path_below(file: str, folder: str | None) -> str:
    """``file`` relative to ``folder``, with forward slashes, where it is in it; else as :func:`shown` has it.

    For services that look for files from the root of the repository, wherever in it the program runs.
    """
    if folder:
        try:
            relative = os.path.relpath(os.path.realpath(file), os.path.realpath(folder))
        except ValueError:
            return display_path(file)
        if relative.split(os.sep)[0] != os.pardir:
            return PurePath(relative).as_posix()
    return display_path(file)


def sanitize(foreign: str) -> str:
    """``foreign`` with everything that could steer a terminal or a runner of GitHub Actions spelled out (``\\x1b``), on
    one line.

    What is scanned is not trusted: an escape sequence in a Sid or in a file's name must not reach a terminal, and in
    the log of a workflow a name must not become a command (actions/runner, ``ActionCommand.cs``: ``##[…]`` anywhere,
    and ``::…::`` at the beginning of a line, where wrapping may put any word). Tabulators become four blanks.
    """
    words = foreign if foreign.isascii() and foreign.isprintable() else "".join(map(_escape_character, foreign))
    return _COMMAND.sub(r"\\x3a:", words.replace("##[", r"#\x23[")) if "##[" in words or "::" in words else words


def _escape_character(character: str) -> str:
    if character == "\t":
        return "    "
    if unicodedata.category(character) not in _INVISIBLE and character not in BLANKS:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def to_uri(file: str) -> tuple[str, bool]:
    """``file`` as a URI, and whether it is relative to the working directory; a file outside of it is ``file:``."""
    relative = display_path(file)
    if relative.startswith("../") or os.path.isabs(relative):
        return "file://" + quote(PurePath(os.path.abspath(file)).as_posix(), errors="surrogateescape"), False
    return quote(relative, errors="surrogateescape"), True
