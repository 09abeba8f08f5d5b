"""Root modules and templates with the values in files that no option names.

Each such file is in the notes. One that matches exactly one root module or template, and sets a value that something
there reads, makes a further unit of it: a variant, of which only what is missing without these values is reported.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.escaping.terminal import display_path
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.result import ScannedUnit, ScanOptions
from passrole_checks.sources.files.read_boundary import Boundary, boundary_of_context
from passrole_checks.sources.model.configuration import (
    Configuration,
    Framework,
    Inputs,
    NoteKind,
    Unreadable,
    recording_faults,
)
from passrole_checks.sources.value_file import ValueFile
from passrole_checks.sources.value_files.read import read_value_files

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Discovery
    from passrole_checks.sources.unit import Unit

_MAX_VARIANTS = 20  # of one root module or template
_MAX_NAMES = 3  # of the root modules or templates that a file matches
_TEMPLATES = frozenset({Framework.CLOUDFORMATION, Framework.SAM})


@dataclass
class _Root:
    """A root module or template as it was read, and the files whose values make variants of it."""

    unit: Unit
    read: ScannedUnit | Configuration
    folder: Path
    is_terraform: bool
    files: list[ValueFile] = field(default_factory=list)

    @classmethod
    def of(cls, unit: Unit, read: ScannedUnit | Configuration) -> _Root | None:
        """Return the root; None for a plan, a unit of Terragrunt, and a single file of a module."""
        is_terraform, folder = unit.framework is Framework.TERRAFORM, unit.folder
        is_terragrunt = is_terraform and folder != unit.path
        if is_terragrunt or unit.only is not None or read.framework is Framework.TERRAFORM_PLAN:
            return None
        return cls(unit, read, folder, is_terraform)

    @property
    def name(self) -> str:
        """The path as displayed."""
        return display_path(str(self.unit.path))


def units_with_values(
    discovery: Discovery, read: Iterable[tuple[Unit, ScannedUnit | Configuration]], options: ScanOptions
) -> tuple[list[Unit], list[Unreadable]]:
    """Return the units to read in addition, and a note on each file with values.

    ``read``: the units of ``discovery`` that no other unit nests, as they were read. Never raises: a fault of this
    package is a note.
    """
    notes: list[Unreadable] = []
    roots: list[_Root] = []
    if discovery.value_files:
        with recording_faults(str(discovery.value_files[0]), notes):
            roots += (root for unit, found in read if (root := _Root.of(unit, found)) is not None)
            for file in _files(discovery, roots, options, notes):
                targets = _targets_of(file, [root for root in roots if root.is_terraform == file.is_terraform])
                if targets or file.is_certain:
                    notes.append(_assign(file, targets))
    return [replace(root.unit, values=file, request=None) for root in roots for file in root.files], notes


def _files(
    discovery: Discovery, roots: Iterable[_Root], options: ScanOptions, notes: list[Unreadable]
) -> Iterator[ValueFile]:
    """Yield the values in files, without those that options give, within a limit of time."""
    inputs = options.inputs
    given_files = {os.path.realpath(file) for file in inputs.var_files}
    has_templates = any(root.read.framework in _TEMPLATES for root in roots)
    folders = [folder for unit in discovery.units for folder in (unit.boundary or unit.path, *unit.beside)]
    with (
        boundary_of_context(Boundary.around(*folders, *(path.parent for path in discovery.value_files))),
        deadline.limited(deadline.SECONDS),
    ):
        given = _given_names(inputs)
        try:
            for file in read_value_files(discovery.value_files, parameters=has_templates):
                if file.path not in given_files and (file.problem or not file.names <= given[file.is_terraform]):
                    yield file
        except deadline.OutOfTimeError:
            reason = "reading of value files stopped: time limit reached"
            notes.append(Unreadable(str(discovery.value_files[0]), reason, kind=NoteKind.VALUE_FILE))


def _given_names(inputs: Inputs) -> dict[bool, frozenset[str]]:
    """Return the names to which options give values: of variables (true), of parameters (false)."""
    variables = {name for name, _ in inputs.variables}
    if inputs.var_files:
        from passrole_checks.sources.terraform.modules.tfvars import read_var_file  # slow to import

        parsed = map(read_var_file, inputs.var_files)
        variables.update(attribute.name for file in parsed for attribute in file.body.attributes)
    return {True: frozenset(variables), False: frozenset(name for name, _ in inputs.parameters)}


def _targets_of(file: ValueFile, roots: Sequence[_Root]) -> list[_Root]:
    """Return the root modules or templates that the values of a file may be for.

    ``roots``: those of its language. Those that declare all names come first; Terraform also accepts a file with names
    that are not declared. Of several, those in the nearest folder around the file remain.
    """
    named = [root for template in file.templates for root in roots if root.unit.path == template][:1]
    if named or file.is_named:
        return named
    matching = [root for root in roots if file.names and file.names.issubset(root.read.provisioning.parameters)]
    if not matching and file.is_terraform:
        matching = [root for root in roots if not file.names.isdisjoint(root.read.provisioning.parameters)]
    for folder in Path(file.path).parents:
        if around := [root for root in matching if root.folder == folder]:
            return around
    return matching


def _assign(file: ValueFile, targets: Sequence[_Root]) -> Unreadable:
    """Add a file to its root module or template, if that is one, and return the note on it."""
    if file.problem:
        reason = f"cannot be read: {file.problem}"
    elif not targets:
        reason = "matches no scanned root module or template"
    elif len(targets) > 1:
        more = f" and {len(targets) - _MAX_NAMES} more" if len(targets) > _MAX_NAMES else ""
        reason = f"matches {', '.join(root.name for root in targets[:_MAX_NAMES])}{more}"
    else:
        reason = _assign_to(file, targets[0])
    text = f"{file.labelled('value file that no option names')}: {reason}; to scan with it, add `{file.option}`"
    return Unreadable(file.path, text, file.line, kind=NoteKind.VALUE_FILE)


def _assign_to(file: ValueFile, root: _Root) -> str:
    """Add a file to a root if its values can change the result, and return the reason in the note."""
    name = "the working directory" if root.name == "." else root.name
    if not (file.attaches or file.names & root.read.provisioning.parameters_read):
        return f"no policy of {name} depends on its values"
    if len(root.files) >= _MAX_VARIANTS:
        return f"not evaluated, {_MAX_VARIANTS} other files are variants of {name}"
    root.files.append(file)
    return f"only what its values add to the findings of {name} is reported"
