"""Names of units, as other units call them in messages."""

from __future__ import annotations

import os
from pathlib import Path

from passrole_checks.sources.unit import Unit

RECORDED = Path(os.sep, "passrole-checks inventory")
"""In place of the folder of repositories that are not scanned."""


def place_of(unit: Unit, seen_from: Unit) -> str:
    """Return the path of a unit in its repository, below the name of the repository if that is another one."""
    path, repository, is_other = _names(unit, seen_from)
    if is_other:
        return repository if path == "." else f"{repository}/{path}"
    return path if path != "." else repository


def in_words(unit: Unit, seen_from: Unit) -> str:
    """Return where a unit is, in words."""
    path, repository, is_other = _names(unit, seen_from)
    if is_other and path == ".":
        return f"repository `{repository}`"
    return f"`{path if path != '.' else repository}`{repository_in_words(unit, seen_from)}"


def repository_in_words(unit: Unit, seen_from: Unit) -> str:
    """Return the words for the repository of a unit, to append to a name; none in the same repository."""
    _, repository, is_other = _names(unit, seen_from)
    return f" in repository `{repository}`" if is_other else ""


def _names(unit: Unit, seen_from: Unit) -> tuple[str, str, bool]:
    """Return the path of a unit in its repository, the name of that, and True if it is another repository."""
    around = unit.boundary or unit.folder
    path = Path(os.path.relpath(unit.path, around)).as_posix()
    name = around.relative_to(RECORDED).as_posix() if around.is_relative_to(RECORDED) else around.name
    return path, name, around != (seen_from.boundary or seen_from.folder)
