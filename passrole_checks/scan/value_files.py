"""Scan root modules and templates again with the values in files that no option names.

Each such file is in the notes. One that matches exactly one root module or template, and sets a value that something
there reads, is scanned as a variant; the findings that are missing without it are added.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.escaping.terminal import display_path
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.merge_variants import with_variants
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
from passrole_checks.sources.value_files.match import targets_of
from passrole_checks.sources.value_files.model import Target, ValueFile
from passrole_checks.sources.value_files.read import read_value_files

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Discovery, Unit

_MAX_VARIANTS = 20  # of one root module or template
_MAX_NAMES = 3  # of the root modules or templates that a file matches
_Scanner = Callable[[Sequence["Unit"], ScanOptions], Iterable[ScannedUnit]]
_TEMPLATES = frozenset({Framework.CLOUDFORMATION, Framework.SAM})


@dataclass
class Base:
    """A unit that was read, and the files whose values are variants of it. ``read``: the names of values it read."""

    unit: Unit
    target: Target
    read: frozenset[str]
    variants: list[ValueFile] = field(default_factory=list)


def scan_value_files(
    discovery: Discovery, scanned: Sequence[ScannedUnit], roots: set[Path], options: ScanOptions, scanner: _Scanner
) -> tuple[list[ScannedUnit], tuple[Unreadable, ...]]:
    """Return the scanned units with the findings of their variants, and a note on each file with values.

    ``scanned``: the results for the units of ``discovery``, in their order. ``roots``: the paths of those that no other
    unit nests. Never raises: a fault of this package is a note.
    """
    if not discovery.value_files:
        return list(scanned), ()
    notes: list[Unreadable] = []
    result = list(scanned)
    with recording_faults(str(discovery.value_files[0]), notes):
        bases = [
            base_of(unit, found) if found.analysis is not None and found.path in roots else None
            for unit, found in zip(discovery.units, scanned, strict=True)
        ]
        notes += assign_value_files(discovery, [base for base in bases if base is not None], options)
        result = _with_variants(scanned, bases, options, scanner)
    return result, tuple(notes)


def base_of(unit: Unit, read: ScannedUnit | Configuration) -> Base | None:
    """Return a root module or template; None for a plan, a unit of Terragrunt, and a single file of a module."""
    is_terragrunt = unit.framework is Framework.TERRAFORM and unit.folder != unit.path
    if is_terragrunt or unit.only is not None or read.framework is Framework.TERRAFORM_PLAN:
        return None
    return Base(unit, Target(unit.path, read.framework, frozenset(read.parameters)), read.parameters_read)


def assign_value_files(discovery: Discovery, bases: Sequence[Base], options: ScanOptions) -> tuple[Unreadable, ...]:
    """Add the files with values to the ``variants`` of their units, and return a note on each."""
    notes: list[Unreadable] = []
    by_target = {base.target: base for base in bases}
    for file in _files(discovery, bases, options, notes) if discovery.value_files else ():
        targets = targets_of(file, list(by_target))
        if targets or file.is_certain:
            notes.append(_assign(file, targets, by_target))
    return tuple(notes)


def _files(
    discovery: Discovery, bases: Iterable[Base], options: ScanOptions, notes: list[Unreadable]
) -> Iterator[ValueFile]:
    """Yield the values in files, without those that options give, within a limit of time."""
    inputs = options.inputs
    given_files = {os.path.realpath(file) for file in inputs.var_files}
    has_templates = any(base.target.framework in _TEMPLATES for base in bases)
    folders = [folder for unit in discovery.units for folder in (unit.boundary or unit.path, *unit.beside)]
    with (
        boundary_of_context(Boundary.around(*folders, *(path.parent for path in discovery.value_files))),
        deadline.limited(deadline.SECONDS),
    ):
        given = _given_names(inputs)
        try:
            for file in read_value_files(discovery.value_files, parameters=has_templates):
                names = given[file.framework is Framework.TERRAFORM]
                if str(file.path) not in given_files and (file.problem or not file.names <= names):
                    yield file
        except deadline.OutOfTimeError:
            notes.append(
                Unreadable(
                    str(discovery.value_files[0]),
                    "reading of value files stopped: time limit reached",
                    kind=NoteKind.VALUE_FILE,
                )
            )


def _given_names(inputs: Inputs) -> dict[bool, frozenset[str]]:
    """Return the names to which options give values: of variables (true), of parameters (false)."""
    variables = {name for name, _ in inputs.variables}
    if inputs.var_files:
        from passrole_checks.sources.terraform.modules.tfvars import read_var_file  # slow to import

        parsed = map(read_var_file, inputs.var_files)
        variables.update(attribute.name for file in parsed for attribute in file.body.attributes)
    return {True: frozenset(variables), False: frozenset(name for name, _ in inputs.parameters)}


def _assign(file: ValueFile, targets: Sequence[Target], bases: dict[Target, Base]) -> Unreadable:
    """Add a file to the variants of its root module or template, if it is one, and return the note on it."""
    if file.problem:
        reason = f"cannot be read: {file.problem}"
    elif not targets:
        reason = "matches no scanned root module or template"
    elif len(targets) > 1:
        names = [display_path(str(target.path)) for target in targets]
        more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
        reason = f"matches {', '.join(names[:_MAX_NAMES])}{more}"
    else:
        reason = _assign_to(file, bases[targets[0]])
    text = f"{_subject(file)} {reason}; to scan with it, add `{file.option}`"
    return Unreadable(str(file.path), text, file.line, kind=NoteKind.VALUE_FILE)


def _subject(file: ValueFile) -> str:
    return f"value file that no option names{f' ({file.part})' if file.part else ''}:"


def _assign_to(file: ValueFile, base: Base) -> str:
    """Add a file to the variants of a unit if its values can change the result, and return the reason in the note."""
    path = display_path(str(base.target.path))
    name = "the working directory" if path == "." else path
    if not (file.attaches or file.names & base.read):
        return f"no policy of {name} depends on its values"
    if len(base.variants) >= _MAX_VARIANTS:
        return f"not evaluated, {_MAX_VARIANTS} other files are variants of {name}"
    base.variants.append(file)
    return f"only what its values add to the findings of {name} is reported"


def _with_variants(
    scanned: Sequence[ScannedUnit], bases: Sequence[Base | None], options: ScanOptions, scanner: _Scanner
) -> list[ScannedUnit]:
    """Scan all variants, and return the units with what their variants add."""
    units = [unit_with(base.unit, file) for base in bases if base is not None for file in base.variants]
    variants = iter(scanner(units, options) if units else ())
    merged: list[ScannedUnit] = []
    for found, base in zip(scanned, bases, strict=True):
        results = [(file, next(variants)) for file in (base.variants if base is not None else ())]
        if results and found.analysis is not None:
            found = replace(found, analysis=with_variants(found.analysis, results))
        merged.append(found)
    return merged


def unit_with(unit: Unit, file: ValueFile) -> Unit:
    """Return a unit that is read with the values of a file."""
    if file.framework is Framework.TERRAFORM:
        return replace(unit, var_files=(file.path,), request=None)
    return replace(unit, parameters=file.parameters, request=None)
