"""A unit of infrastructure code: the files that are read as one configuration."""

from __future__ import annotations

from pathlib import Path

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.files.read_boundary import Boundary
from passrole_checks.sources.hcl_files import is_terragrunt
from passrole_checks.sources.model.configuration import Framework, NamedEntities
from passrole_checks.sources.model.links import Link, LinkRequest
from passrole_checks.sources.value_file import NO_VALUES, ValueFile


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
