"""Find what is judged together with an open document: the roots and templates that read it.

For a Terraform file these are the root modules that reach its folder; for any other file its own unit, the templates
that may nest it, and the root modules whose files name it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources import detect
from passrole_checks.sources.detect import Discovery, Unit
from passrole_checks.sources.files.exclude_patterns import Exclusions
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.read_boundary import Boundary, boundary_of_context, repository_around
from passrole_checks.sources.files.walk import is_ignored_folder
from passrole_checks.sources.hcl_files import is_terragrunt
from passrole_checks.sources.links.text_references import TemplateReferences, is_usual, template_references
from passrole_checks.sources.model.configuration import Framework, Unreadable
from passrole_checks.sources.recognize import LARGEST_TEMPLATE, NOT_INFRASTRUCTURE

_TEMPLATES = (Framework.CLOUDFORMATION, Framework.SAM)
_DEPLOYED = (Framework.TERRAFORM_PLAN, Framework.ACCOUNT)


@dataclass(frozen=True)
class Scope:
    """Units that are judged together. ``unreadable``: why a document is none of them. ``value_files``: as of
    :class:`Discovery`."""

    units: tuple[Unit, ...]
    unreadable: tuple[Unreadable, ...] = ()
    value_files: tuple[Path, ...] = ()

    @property
    def is_generated(self) -> bool:
        """True if all units are large generated files, which people do not edit: plans, and details of an account."""
        return bool(self.units) and all(unit.framework in _DEPLOYED for unit in self.units)

    @property
    def discovery(self) -> Discovery:
        """The scope as what was found on paths."""
        return Discovery(self.units, self.unreadable, value_files=self.value_files)


class WorkspaceFolder:
    """A folder that is open in the editor. Its files are listed when they are needed, and again after
    :meth:`forget`."""

    def __init__(self, path: Path, exclusions: Exclusions) -> None:
        self.path, self.exclusions = path, exclusions
        self._found: Discovery | None = None
        self._references: dict[Path, TemplateReferences] | None = None

    @property
    def discovery(self) -> Discovery:
        """The files and units that a scan of the folder finds."""
        if self._found is None:
            self._found = detect.discover([self.path], self.exclusions)
        return self._found

    def forget(self) -> None:
        """List the files again."""
        self._found = self._references = None

    @cached_property
    def boundary(self) -> Boundary:
        """The folders in which files may be read."""
        return Boundary.around(repository_around(self.path) or self.path)

    def calls_changed(self, file: str) -> bool:
        """True if the folder of a Terraform file calls other modules than when the files were listed, or is new."""
        if self._found is None:
            return False
        folder = Path(file).parent
        if folder not in self._found.calls:
            return not self.is_left_out(file)
        from passrole_checks.sources.terraform import called_folders  # slow to import

        with boundary_of_context(self.boundary):
            called = called_folders(folder, self.exclusions)
        return called & self._found.calls.keys() != self._found.calls[folder]

    def is_left_out(self, file: str) -> bool:
        """True if a scan of the folder leaves a file out: it is excluded, or in a folder of downloads."""
        parts = os.path.relpath(file, self.path).split(os.sep)
        return any(map(is_ignored_folder, parts[:-1])) or self.exclusions.excludes(file, folder=False)

    def scope_of(self, file: str) -> Scope:
        """Return the scope of a file below the folder; without units if nothing reads it."""
        if self.is_left_out(file):
            return Scope(())
        path = Path(file)
        if is_terraform_file(path) or path.name.endswith(".tfvars"):
            return self._with_values(tuple(self._units_reaching(path.parent)))
        found = Discovery((), ())
        if not path.is_symlink():  # a walk does not follow it
            found = detect.discover_file(path, self.path, self.exclusions)
        units = dict.fromkeys((*found.units, *self._nesting(path), *self._naming(path)))
        return self._with_values(tuple(units), tuple(one for one in found.unreadable if one.file == file))

    def _with_values(self, units: tuple[Unit, ...], unreadable: tuple[Unreadable, ...] = ()) -> Scope:
        """Return the scope of units, with the files of values that can only be theirs."""
        every = self.discovery.units
        values = self.discovery.value_files
        if len(units) < len(every):
            own = [unit.path for unit in units if unit.framework is Framework.TERRAFORM]
            values = tuple(file for file in values if any(file.is_relative_to(root) for root in own))
        return Scope(units, unreadable, values if units else ())

    def _units_reaching(self, folder: Path) -> Iterator[Unit]:
        """Yield the root modules that are a folder or call it, at any depth."""
        for unit in self.discovery.units:
            if unit.framework is not Framework.TERRAFORM:
                continue
            start = _module_of(unit)
            if start is not None and (
                start == folder or folder in detect.reachable_folders(self.discovery.calls, start)
            ):
                yield unit

    def _nesting(self, path: Path) -> Iterator[Unit]:
        """Yield the templates that may nest or include a file, at any depth."""
        by_path = {unit.path: unit for unit in self.discovery.units if unit.framework in _TEMPLATES}
        pending, seen = [path], {path}
        while pending:
            name = pending.pop().name
            unusual = () if is_usual(name) else (name,)
            for other, references in self._template_references(by_path).items():
                named = references.names({name}, unusual) or any(name.endswith(end) for end in references.endings)
                if named and other not in seen:
                    seen.add(other)
                    pending.append(other)
                    yield by_path[other]

    def _template_references(self, templates: dict[Path, Unit]) -> dict[Path, TemplateReferences]:
        if self._references is None:
            self._references = {}
            for path, unit in templates.items():
                try:
                    references = template_references(unit.readable.read(path, LARGEST_TEMPLATE))
                except OSError:
                    continue
                if references is not None:
                    self._references[path] = references
        return self._references

    def _naming(self, path: Path) -> Iterator[Unit]:
        """Yield the root modules with a file that names another file."""
        name = os.fsencode(path.name)
        for folder in self.discovery.calls:
            if self._names(folder, name):
                yield from self._units_reaching(folder)

    def _names(self, folder: Path, name: bytes) -> bool:
        from passrole_checks.sources.terraform.reading.files import MAX_FILE_BYTES, terraform_files  # slow to import

        for file in terraform_files(folder, self.exclusions):
            try:
                if name in self.boundary.read(file, MAX_FILE_BYTES):
                    return True
            except OSError:
                continue
        return False


def _module_of(unit: Unit) -> Path | None:
    """Return the folder of the module that a unit evaluates first; None for a module that is not local."""
    if not is_terragrunt(unit.path):
        return unit.path
    from passrole_checks.sources.terraform import local_module  # slow to import

    with boundary_of_context(unit.readable):
        return local_module(unit.path)


def scope_outside(file: str, exclusions: Exclusions) -> Scope:
    """Return the scope of a file outside of all workspace folders: itself, as the command line scans a given file."""
    found = detect.discover([Path(file)], exclusions)
    unreadable = tuple(one for one in found.unreadable if one.reason != NOT_INFRASTRUCTURE)
    return Scope(tuple(replace(unit, named=False) for unit in found.units), unreadable)


def innermost(folders: Sequence[WorkspaceFolder], file: str) -> WorkspaceFolder | None:
    """Return the innermost of the folders that contain a file; None if none does."""
    around = [folder for folder in folders if Path(file).is_relative_to(folder.path)]
    return max(around, key=lambda folder: len(folder.path.parts), default=None)
