"""A unit of infrastructure code: the files that are read as one configuration, and its names in messages."""

from __future__ import annotations

import os
from pathlib import Path

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.files.read_boundary import Boundary
from passrole_checks.sources.hcl_files import is_terragrunt
from passrole_checks.sources.model.configuration import Framework, NamedEntities
from passrole_checks.sources.model.links import Link, LinkRequest
from passrole_checks.sources.value_file import NO_VALUES, ValueFile

RECORDED = Path(os.sep, "passrole-checks inventory")
"""In place of the folder of repositories that are not scanned."""


@dataclass(frozen=True)
class Unit:
    """One root folder of Terraform, or one other file, that is read as a whole. ``path`` is resolved.

    ``only``: the one file of the folder to report on. ``content``: the text of the file, if the caller already has it.
    ``boundary``: files that the unit names are read only below this folder, or below the folders ``beside`` it, which
    were also given to the scan. ``lenient``: if it cannot be read, that is a note. ``named``: the file was given by
    name. ``values``: a file whose values apply unless an option gives others. ``links``: values that other units pass;
    ``entities``: roles and policies that they declare. ``request``: what other units may need of it; None for nothing.
    ``pages``: other files of the same account.
    """

    framework: Framework
    path: Path
    only: Path | None = None
    content: str | None = None
    boundary: Path | None = None
    beside: tuple[Path, ...] = ()
    lenient: bool = False
    named: bool = False
    values: ValueFile = NO_VALUES
    links: tuple[Link, ...] = ()
    entities: tuple[NamedEntities, ...] = ()
    request: LinkRequest | None = None
    pages: tuple[Unit, ...] = ()

    @property
    def readable(self) -> Boundary:
        """Boundary of the files that the unit may name."""
        return Boundary.around(self.boundary or self.folder, *self.beside)

    @property
    def folder(self) -> Path:
        """The folder of the unit: for a Terraform root, itself."""
        is_root = self.framework is Framework.TERRAFORM and not is_terragrunt(self.path)
        return self.path if is_root else self.path.parent


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
