"""Counts with a noun in singular or plural, and excluded paths as outputs count and name them."""

from __future__ import annotations

from collections.abc import Sequence

from passrole_checks.escaping.terminal import display_path


def count_noun(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: ``1 file``, ``2 files``, ``1,000 passes``."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def excluded_paths(paths: Sequence[str]) -> list[str]:
    """Return the paths relative to the working directory; a folder, excluded as a whole, ends in ``/``."""
    return sorted(f"{display_path(path)}/" if path.endswith("/") else display_path(path) for path in paths)


def excluded_summary(paths: Sequence[str]) -> str:
    """Return a count of files and folders: ``2 folders and 1 file excluded``."""
    folders = sum(path.endswith("/") for path in paths)
    counts = ((folders, "folder"), (len(paths) - folders, "file"))
    return f"{' and '.join(count_noun(number, noun) for number, noun in counts if number)} excluded"
