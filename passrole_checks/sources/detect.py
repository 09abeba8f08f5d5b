"""Find the units of infrastructure code below paths, recognized by content, and load them.

A Terraform unit is a root folder; any other unit is one file. Files that are not infrastructure code are skipped
silently; files that look like it and cannot be read are reported.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import field, replace
from pathlib import Path
from typing import Protocol

from passrole_checks.errors import ForeignTemplateError, InputError, TookTooLongError
from passrole_checks.files.safe_read import NOT_REGULAR, open_error_reason
from passrole_checks.files.unsaved_texts import mode_of
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.read_boundary import (
    Boundary,
    boundary_of_context,
    current_boundary,
    decoded,
    repository_around,
    resolve_given_path,
)
from passrole_checks.sources.files.walk import find_files_to_scan, is_real_folder
from passrole_checks.sources.hcl_files import is_terragrunt, note_on
from passrole_checks.sources.model.configuration import (
    NO_INPUTS,
    Configuration,
    Framework,
    Inputs,
    NoteKind,
    Notes,
    Unreadable,
    recording_faults,
)
from passrole_checks.sources.model.links import links_of_context
from passrole_checks.sources.model.named_entities import entities_for, with_entities
from passrole_checks.sources.recognize import (
    LARGEST_PLAN,
    NOT_INFRASTRUCTURE,
    Recognized,
    has_scanned_extension,
    is_candidate,
    recognize,
)
from passrole_checks.sources.skipped_paths import SkippedPaths, is_service_program, note_on_script
from passrole_checks.sources.unit import Unit as Unit
from passrole_checks.sources.value_files.names import is_loaded_by_terraform, is_terraform_values, may_have_parameters

_HCL = (".hcl", ".tftest.json", ".tofutest.json")


class TextReader(Protocol):
    """Reads the contents of files that are found."""

    def add(self, folder: Path, texts: Sequence[bytes]) -> None:
        """Read the configuration files in a folder."""

    def add_template(self, file: Path, content: bytes) -> None:
        """Read a template."""


@dataclass(frozen=True)
class Discovery:
    """Units and problems below the given paths.

    ``units`` are sorted by path. ``excluded`` are the excluded paths that may contain IaC; an excluded folder ends in
    ``/``. ``not_evaluated`` are notes on paths that were skipped. ``value_files`` are files that may contain values
    for variables and parameters, without those that Terraform loads by itself. ``calls``: each Terraform folder with
    those that it calls as modules.
    """

    units: tuple[Unit, ...]
    unreadable: tuple[Unreadable, ...]
    excluded: tuple[str, ...] = ()
    not_evaluated: tuple[Unreadable, ...] = ()
    value_files: tuple[Path, ...] = ()
    calls: Mapping[Path, frozenset[Path]] = field(default_factory=dict)


def discover(
    paths: Sequence[Path], exclusions: Exclusions = NO_EXCLUSIONS, texts: TextReader | None = None
) -> Discovery:
    """Find the units below the given files and folders.

    Folders are walked by :func:`~passrole_checks.sources.files.walk.walk`; a given path may itself be a symbolic link.
    Never raises: files that cannot be opened, and given files that are not infrastructure code, are unreadable. An
    internal error in one file is reported and does not affect the others. ``exclusions`` apply to every path, also to
    the given ones. ``texts``: gets the contents of the Terraform folders and templates that are read.
    """
    search = _Search(exclusions, texts)
    for path in paths:
        with search.faults_at(path):
            search.add(path)
    return search.result()


def discover_file(file: Path, folder: Path, exclusions: Exclusions = NO_EXCLUSIONS) -> Discovery:
    """Find the unit of one file below a folder, as :func:`discover` does when it walks the folder; never a root folder
    that calls the file's folder. ``file``: its path below the folder without symbolic links, as in the walk."""
    search = _Search(exclusions)
    search.given_folders[folder] = None
    with boundary_of_context(Boundary.around(folder)), search.faults_at(file):
        search.add_walked_file(file)
    return search.result()


def load(unit: Unit, *, unchanged: bool = False, inputs: Inputs = NO_INPUTS) -> Configuration:
    """Read a unit.

    ``unchanged``: also return the resources that a plan or a change set leaves unchanged.

    Raises :class:`InputError`, also if reading exceeds the time limit for code of that size.
    """
    with deadline.limited(deadline.SECONDS, deadline.SECONDS_PER_MEGABYTE) as limit:
        try:
            if limit.is_over:  # the other units of the run used it up
                raise deadline.OutOfTimeError
            with links_of_context(unit.links) if unit.links or unit.request else nullcontext():
                configuration = _load_leniently(unit, unchanged, inputs)
        except deadline.OutOfTimeError:
            reason = "reading stopped: time limit exceeded"
            raise TookTooLongError(str(unit.only or unit.path), reason) from None
        declared = entities_for(configuration, unit.request.entities) if unit.request is not None else ()
        configuration = with_entities(configuration, unit.entities) if unit.entities else configuration
        return replace(
            configuration,
            seconds_left=max(limit.left, _MIN_SECONDS),
            surroundings=replace(
                configuration.surroundings,
                links=unit.links,
                entities=unit.entities,
                values=unit.values,
                declared=declared,
            ),
        )


_MIN_SECONDS = 1.0  # for the analysis of a unit that was read in time


UNREADABLE_TEMPLATE = "looks like a CloudFormation template and cannot be read"
"""The beginning of the note on a whole file, which only its content suggests, or which another tool completes."""


def _load_leniently(unit: Unit, unchanged: bool, inputs: Inputs) -> Configuration:
    """Load a unit; one that cannot be read is a note if only its content suggests it, or if it is another tool's."""
    try:
        return _load(unit, unchanged, inputs)
    except InputError as error:
        if not unit.lenient and (not isinstance(error, ForeignTemplateError) or unit.named):
            raise
        reason = f"{UNREADABLE_TEMPLATE}: {error.reason}"
        note = Unreadable(error.file, reason, error.line)
        return Configuration(unit.framework, (str(unit.path),), notes=Notes(not_evaluated=(note,)))


def _load(unit: Unit, unchanged: bool, inputs: Inputs) -> Configuration:
    """Load a unit with the source of its format."""
    inputs = inputs.after(unit.values)
    if unit.framework is Framework.TERRAFORM:
        from passrole_checks.sources import terraform

        if is_terragrunt(unit.path):
            return terraform.load_terragrunt(unit.path, boundary=unit.boundary, beside=unit.beside, inputs=inputs)
        return terraform.load(
            unit.path,
            only=unit.only,
            boundary=unit.boundary,
            beside=unit.beside,
            inputs=inputs,
            with_unused=not unit.values.path,  # the same without the values of a file notes it
            offers=unit.request.offers if unit.request is not None else None,
        )
    if unit.content is not None:
        deadline.grant(len(unit.content))
    if unit.framework is Framework.ACCOUNT:
        from passrole_checks.sources.account_units import load_account

        return load_account(unit)
    content = unit.content if unit.content is not None else _read_text(unit)
    if unit.framework is Framework.TERRAFORM_PLAN:
        from passrole_checks.sources import terraform_plan

        return terraform_plan.load(unit.path, content, unchanged=unchanged, inputs=inputs)
    if unit.framework is Framework.POLICY_DOCUMENT:
        from passrole_checks.sources import policy_document

        return policy_document.load(unit.path, content, unit.boundary)
    from passrole_checks.sources import change_set, cloudformation

    if change_set.is_change_set(content):
        return change_set.load(unit.path, content, unchanged=unchanged)
    return cloudformation.load(unit.path, content, boundary=unit.boundary, beside=unit.beside, inputs=inputs)


def check_inputs(
    units: Sequence[Unit], inputs: Inputs, declared: frozenset[str] | None = None
) -> tuple[tuple[Unreadable, ...], tuple[Unreadable, ...]]:
    """Return the inputs that cannot be read, and notes on the inputs that no unit uses.

    An input is unused if no Terraform root among ``units`` declares the variable, and no template the parameter.
    ``declared`` are the parameters of all templates; None if there are no templates.
    """
    unreadable: tuple[Unreadable, ...] = ()
    notes: tuple[Unreadable, ...] = ()
    if inputs.var_files or inputs.variables:
        from passrole_checks.sources import terraform

        unreadable = terraform.unreadable_inputs(inputs)
        roots = [unit for unit in units if unit.framework is Framework.TERRAFORM and not is_terragrunt(unit.path)]
        with boundary_of_context(Boundary.around(*(unit.boundary or unit.path for unit in roots))):
            notes = terraform.undeclared_inputs([unit.path for unit in roots], inputs) if roots else ()
    if inputs.parameters and declared is not None:
        from passrole_checks.sources.cloudformation.parameter_values import undeclared_parameters

        notes = (*notes, *undeclared_parameters(inputs.parameters, declared))
    return unreadable, notes


def _read_text(unit: Unit) -> str:
    """Return the text of a unit's file. Raises :class:`InputError`."""
    path = unit.path
    try:
        return decoded(path, unit.readable.read(path, LARGEST_PLAN))
    except OSError as error:
        raise InputError(str(path), open_error_reason(path, error)) from None


def _with_joined_accounts(units: Sequence[Unit]) -> Sequence[Unit]:
    if not any(unit.framework is Framework.ACCOUNT for unit in units):
        return units
    from passrole_checks.sources.account_units import join_account_files  # slow to import

    return join_account_files(units)


@dataclass
class _Search:
    """Collect units, problems and excluded paths, one given path at a time."""

    exclusions: Exclusions
    texts: TextReader | None = None
    units: dict[tuple[Path, Path | None], Unit] = field(default_factory=dict)
    unreadable: dict[tuple[str, str], Unreadable] = field(default_factory=dict)
    seen_files: set[Path] = field(default_factory=set)
    terraform_folders: dict[Path, None] = field(default_factory=dict)  # walked folders with Terraform files
    named_terraform_files: dict[Path, None] = field(default_factory=dict)
    given_folders: dict[Path, None] = field(default_factory=dict)
    repositories: dict[Path, Path | None] = field(default_factory=dict)  # by folder
    terragrunt_files: dict[Path, None] = field(default_factory=dict)
    notes: list[Unreadable] = field(default_factory=list)
    assembly_templates: set[Path] = field(default_factory=set)  # templates named in the manifest of a cloud assembly
    excluded: dict[str, None] = field(default_factory=dict)
    skipped: SkippedPaths = field(default_factory=SkippedPaths)
    value_files: dict[Path, None] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """Search a given path."""
        try:
            resolved = resolve_given_path(path)
            mode = mode_of(resolved)
        except FileNotFoundError as error:
            self.report_unreadable(
                path, open_error_reason(path, error) if path.is_symlink() else "no such file or folder"
            )
            return
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, or an invalid name
            self.report_unreadable(path, open_error_reason(path, error))
            return
        is_folder = stat.S_ISDIR(mode)
        if any(self.exclusions.excludes(name, folder=is_folder) for name in (resolved, os.path.abspath(path))):
            self.excluded[f"{resolved}/" if is_folder else str(resolved)] = None
        elif is_folder:
            self.given_folders[resolved] = None
            with boundary_of_context(Boundary.around(resolved)):
                for file in self.list_files(resolved):
                    deadline.check()
                    if file not in self.seen_files:
                        self.seen_files.add(file)
                        with self.faults_at(file):
                            self.add_walked_file(file)
        elif not stat.S_ISREG(mode):
            self.report_unreadable(resolved, NOT_REGULAR)
        else:
            self.seen_files.add(resolved)
            with boundary_of_context(Boundary.around(self.boundary_of(resolved.parent))):
                self.add_named_file(resolved)

    @contextmanager
    def faults_at(self, path: Path) -> Iterator[None]:
        """Record an unexpected exception as an internal error at a path, so that other paths are not affected."""
        faults: list[Unreadable] = []
        with recording_faults(str(path), faults):
            yield
        self.unreadable.update({(fault.file, fault.reason): fault for fault in faults})

    def list_files(self, folder: Path) -> Sequence[Path]:
        """Return the files to scan below a folder, and record errors and excluded paths."""
        excluded: list[str] = []
        skipped: list[str] = []
        paths = list(find_files_to_scan(folder, self.report_error, self.exclusions, excluded.append, skipped.append))
        for name in skipped:
            if is_real_folder(name) or os.path.islink(name):
                self.skipped.add(name)
            elif has_scanned_extension(Path(name)):
                self.report_unreadable(Path(name), NOT_REGULAR)
        self.excluded.update(
            dict.fromkeys(
                path
                for path in excluded
                if path.endswith("/") or is_terraform_file(Path(path)) or is_candidate(Path(path))
            )
        )
        return [Path(path) for path in paths]

    def add_walked_file(self, file: Path) -> None:
        """Add a file found on a walk."""
        if is_terraform_file(file):
            self.terraform_folders[file.parent] = None
        elif file.name.endswith(_HCL):
            self.add_hcl_file(file)
        elif is_terraform_values(file):
            self.value_files[file] = None
        else:
            recognized = self.recognize(file) if is_candidate(file) else Recognized()
            self.add_recognized(file, recognized)
            if not recognized.is_infrastructure and may_have_parameters(file):
                self.value_files[file] = None
            if not is_candidate(file) and is_service_program(file):
                self.skipped.programs[str(file)] = None
            if not recognized.is_infrastructure:
                self.skipped.scripts.extend(note_on_script(file))

    def add_hcl_file(self, file: Path) -> bool:
        """Add a unit of Terragrunt, or note a file of tests or Stacks. Returns False for any other file."""
        if is_terragrunt(file):
            self.terragrunt_files[file] = None
            return True
        note = note_on(file)
        self.notes.extend([note] if note is not None else ())
        return note is not None

    def add_named_file(self, file: Path) -> None:
        """Add a file that was given by name."""
        if is_terraform_file(file):
            self.named_terraform_files[file] = None
            return
        if file.name.endswith(_HCL) and self.add_hcl_file(file):
            return
        templates = _assembly_templates(file)
        if templates:
            self.assembly_templates.update(templates)
            for template in templates:
                self.add(template)
            return
        recognized = self.recognize(file, named=True)
        if not recognized.is_infrastructure and file in self.assembly_templates:  # a stack without resources
            recognized = Recognized(Framework.CLOUDFORMATION)
        self.add_recognized(
            file, recognized if recognized.is_infrastructure else Recognized(unreadable=NOT_INFRASTRUCTURE), named=True
        )

    def recognize(self, file: Path, *, named: bool = False) -> Recognized:
        """Recognize a file; pass on the content of a template, so that it is not read again."""
        contents: list[bytes] = []
        recognized = recognize(file, named=named, contents=contents)
        if self.texts is not None and contents and recognized.framework in (Framework.CLOUDFORMATION, Framework.SAM):
            self.texts.add_template(file, contents[0])
        return recognized

    def add_recognized(self, file: Path, recognized: Recognized, *, named: bool = False) -> None:
        """Add a file as a unit, or report why it cannot be read."""
        if recognized.framework is not None:
            unit = Unit(recognized.framework, file, lenient=recognized.lenient, named=named)
            self.units.setdefault((file, None), unit)
        elif recognized.unreadable is not None:
            self.report_unreadable(file, recognized.unreadable, recognized.line)
        elif recognized.note:
            note = Unreadable(str(file), recognized.note, subject=str(file), kind=NoteKind.OTHER_TOOL)
            self.notes.append(note)

    def report_error(self, path: Path, error: OSError) -> None:
        """Report that a path cannot be opened."""
        self.report_unreadable(path, open_error_reason(path, error))

    def report_unreadable(self, path: Path, reason: str, line: int | None = None) -> None:
        """Report a path once per reason."""
        self.unreadable.setdefault((str(path), reason), Unreadable(str(path), reason, line))

    def result(self) -> Discovery:
        """Return the units and problems found, with Terraform roots determined."""
        roots = frozenset(self.terraform_folders)  # the fallback: each folder is a root
        notes: tuple[Unreadable, ...] = ()
        bounded = boundary_of_context(
            Boundary.around(
                *map(self.boundary_of, (*self.terraform_folders, *(file.parent for file in self.terragrunt_files))),
                *self.given_folders,
            )
        )
        calls: Mapping[Path, frozenset[Path]] = {}
        with bounded, self.faults_at(next(iter(self.terraform_folders), Path("."))):
            calls = terraform_calls(self.terraform_folders, self.exclusions, self.texts)
            roots = terraform_roots(calls, self.exclusions)
            if roots:  # else each unit of Terragrunt would be read here for nothing
                roots -= self.terragrunt_modules()
        bounded = boundary_of_context(Boundary.around(*map(self.boundary_of, self.given_folders)))
        with bounded, self.faults_at(next(iter(self.given_folders), Path("."))):
            notes = tuple(self.skipped.notes(tuple(self.given_folders)))
        for root in roots:
            self.units[root, None] = Unit(Framework.TERRAFORM, root)
        for file in self.terragrunt_files:
            self.units[file, None] = Unit(Framework.TERRAFORM, file)
        for file in self.named_terraform_files:
            if file.parent not in roots:
                self.units[file.parent, file] = Unit(Framework.TERRAFORM, file.parent, only=file)
        found = _drop_cdk_copies([self.with_boundary(unit) for unit in self.units.values()])
        units = sorted(found, key=lambda unit: (str(unit.path), str(unit.only or "")))
        return Discovery(
            tuple(_with_joined_accounts(units)),
            tuple(sorted(self.unreadable.values(), key=lambda item: (item.file, item.line or 0))),
            tuple(sorted(self.excluded)),
            (*self.notes, *notes),
            tuple(file for file in self.value_files if not is_loaded_by_terraform(file, self.terraform_folders)),
            calls,
        )

    def terragrunt_modules(self) -> frozenset[Path]:
        """Return the folders of the local modules that units of Terragrunt deploy."""
        if not self.terragrunt_files:
            return frozenset()
        from passrole_checks.sources.terraform import local_module  # slow to import; Terraform only

        return frozenset(folder for file in self.terragrunt_files if (folder := local_module(file)) is not None)

    def with_boundary(self, unit: Unit) -> Unit:
        """Return the unit with its read boundary set."""
        boundary = self.boundary_of(unit.folder)
        beside = tuple(sorted(folder for folder in self.given_folders if not folder.is_relative_to(boundary)))
        return replace(unit, boundary=boundary, beside=beside)

    def boundary_of(self, folder: Path) -> Path:
        """Return the folder below which files may be read: the repository around ``folder``, else the outermost given
        folder around it."""
        if folder not in self.repositories:
            self.repositories[folder] = repository_around(folder)
        repository = self.repositories[folder]
        if repository is not None:
            return repository
        around = [given_folder for given_folder in self.given_folders if folder.is_relative_to(given_folder)]
        return min(around, key=lambda given_folder: len(given_folder.parts), default=folder)


def _assembly_templates(file: Path) -> tuple[Path, ...]:
    """Return the templates that a manifest of an AWS CDK cloud assembly names; none for any other file."""
    if file.name != "manifest.json":
        return ()
    from passrole_checks.sources.cloudformation.cdk import assembly_templates

    return tuple(
        template
        for template in assembly_templates(file.parent)
        if current_boundary().allows(template) and not template.is_symlink()
    )


def _drop_cdk_copies(units: Iterable[Unit]) -> Iterator[Unit]:
    """Yield the units except templates copied into an asset folder of an AWS CDK cloud assembly."""
    units_list = list(units)
    files = [unit.path for unit in units_list if unit.framework in (Framework.CLOUDFORMATION, Framework.SAM)]
    if any("/asset." in file.as_posix() for file in files):
        from passrole_checks.sources.cloudformation.cdk import find_asset_copies

        with boundary_of_context(Boundary.around(*(unit.boundary or unit.path for unit in units_list))):
            copied = find_asset_copies(files)
        units_list = [unit for unit in units_list if unit.path not in copied]
    yield from units_list


def terraform_calls(
    folders: Iterable[Path], exclusions: Exclusions = NO_EXCLUSIONS, texts: TextReader | None = None
) -> Mapping[Path, frozenset[Path]]:
    """Return each of the folders with those among them that it calls as modules. ``texts``: as of :func:`discover`."""
    all_folders = frozenset(folders)
    if len(all_folders) < 2:
        return dict.fromkeys(all_folders, frozenset[Path]())
    from passrole_checks.sources.terraform import called_folders  # slow to import; Terraform only

    calls: dict[Path, frozenset[Path]] = {}
    for folder in all_folders:
        read: list[bytes] = []
        calls[folder] = called_folders(folder, exclusions, read) & all_folders
        if texts is not None:
            texts.add(folder, read)
    return calls


def terraform_roots(calls: Mapping[Path, frozenset[Path]], exclusions: Exclusions = NO_EXCLUSIONS) -> frozenset[Path]:
    """Return the folders that no other folder calls as a module, and those that are called and roots all the same.

    Folders that call each other in a cycle stay roots. ``calls``: as :func:`terraform_calls` returns them.
    """
    if len(calls) < 2:
        return frozenset(calls)
    # slow to import; Terraform only
    from passrole_checks.sources.terraform import called_roots

    called = frozenset[Path]().union(*calls.values())
    return frozenset(
        folder for folder in calls if folder not in called or folder in reachable_folders(calls, folder)
    ).union(called_roots(calls, exclusions))


def reachable_folders(calls: Mapping[Path, frozenset[Path]], start: Path) -> set[Path]:
    """Return the folders that ``start`` calls, directly or not, including itself if they call each other in a cycle."""
    pending, seen = list(calls.get(start, ())), set[Path]()
    while pending:
        folder = pending.pop()
        if folder not in seen:
            seen.add(folder)
            pending.extend(calls.get(folder, ()))
    return seen
