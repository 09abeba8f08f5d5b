"""Paths and untrusted text, safe to print."""

from __future__ import annotations

import os
import posixpath
import unicodedata
from collections.abc import Iterable
from pathlib import PurePath
from urllib.parse import quote

from passrole_checks.escaping.given_paths import given_paths
from passrole_checks.iam.lazy_regex import lazy_regex

# Cc: control characters; Cf: invisible formatting, including bidirectional marks; Cs: lone surrogates, which Python
# uses for bytes of file names that are not UTF-8; Zl, Zp: line and paragraph separators.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Letters, marks and symbols without a glyph: joiners and fillers (Unicode, Default_Ignorable_Code_Point, except the
# variation selectors of emoji) and the Braille blank.
BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_COMMAND = lazy_regex(r"(?:^|(?<=\s))::(?=[A-Za-z])")


def display_path(file: str) -> str:
    """Return ``file`` relative to the working directory, with forward slashes; unchanged if no relative path exists.

    :func:`~passrole_checks.escaping.given_paths.naming_files_from` selects another folder. Standard input has its own
    name. Text that people read names files by :func:`typed_path`.
    """
    given = given_paths()
    renamed = given.renamed.get(file)
    if renamed is not None:
        return renamed
    try:
        relative = os.path.abspath(file) if given.base == "" else os.path.relpath(file, given.base)
    except ValueError:  # another drive on Windows
        relative = file
    return PurePath(relative).as_posix()


def typed_path(file: str) -> str:
    """Return ``file`` as the command line names it: absolute below an absolute path; otherwise as :func:`display_path`.

    For text on a terminal; machine-readable formats do not depend on what was typed.
    """
    given = given_paths()
    return (given.typed_name(file) if file not in given.renamed else None) or display_path(file)


def common_folder(files: Iterable[str]) -> str:
    """Return the folder that files have in common, relative to the working directory, with a slash at its end; "" if
    there is none."""
    folders = {display_path(file).rpartition("/")[0] for file in files}
    try:
        folder = posixpath.commonpath(folders) if folders else ""
    except ValueError:  # absolute and relative paths
        return ""
    return f"{folder}/" if folder.strip("/") else ""


def path_in(file: str, folder: str) -> str:
    """Return ``file`` as :func:`display_path`, without the ``folder`` of :func:`common_folder`."""
    path = display_path(file)
    return path[len(folder) :] if path.startswith(folder) else "." if f"{path}/" == folder else path


def path_below(file: str, folder: str | None) -> str:
    """Return ``file`` relative to ``folder``, with forward slashes, if it is inside; otherwise as :func:`display_path`.

    For services that resolve paths from the repository's root, regardless of the working directory.
    """
    if folder and file not in given_paths().renamed:
        try:
            relative = os.path.relpath(os.path.realpath(file), os.path.realpath(folder))
        except ValueError:
            return display_path(file)
        if relative.split(os.sep)[0] != os.pardir:
            return PurePath(relative).as_posix()
    return display_path(file)


def sanitize(text: str) -> str:
    r"""Escape control and invisible characters (``\x1b``), and put the text on one line.

    Scanned text is untrusted: an escape sequence in a Sid or file name must not reach a terminal, and a name in a
    workflow log must not become a command of the GitHub Actions runner (actions/runner, ``ActionCommand.cs``: ``##[…]``
    anywhere, and ``::…::`` at the beginning of a line, which wrapping may produce). Tabs become four spaces.
    """
    escaped = text if text.isascii() and text.isprintable() else "".join(map(_escape_character, text))
    return (
        _COMMAND.sub(r"\\x3a:", escaped.replace("##[", r"#\x23[")) if "##[" in escaped or "::" in escaped else escaped
    )


def _escape_character(character: str) -> str:
    if character == "\t":
        return "    "
    if unicodedata.category(character) not in _INVISIBLE and character not in BLANKS:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def to_uri(file: str) -> tuple[str, bool]:
    """Return ``file`` as a URI, and True if it is relative to the working directory; files outside become ``file:``
    URIs (RFC 8089; appendix E.2 has the drives of Windows, E.3 its shares)."""
    relative = display_path(file)
    if relative.startswith("../") or os.path.isabs(relative):
        drive, path = os.path.splitdrive(os.path.abspath(file))
        start = "file:" if drive.startswith("\\\\") else "file:///" if drive else "file://"
        name = quote(path.replace(os.sep, "/"), errors="surrogateescape")
        return f"{start}{drive.replace(os.sep, '/')}{name}", False
    return quote(relative, errors="surrogateescape"), True
