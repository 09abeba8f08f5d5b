"""From paths to units of infrastructure code, told apart by content.

A Terraform unit is a root folder, any other unit one file. What is no infrastructure code is passed over in silence;
what looks like it and cannot be read is named.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from passrole_checks.errors import InputError, TookTooLongError
from passrole_checks.files.safe_read import why_not
from passrole_checks.iam import deadline
from passrole_checks.sources.files.access_log import at_file, at_lead, at_walk
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.read_boundary import Boundary, check_given, current, repository_around, within
from passrole_checks.sources.files.walk import files_to_scan
from passrole_checks.sources.model.configuration import (
    NO_INPUTS,
    Configuration,
    Framework,
    Inputs,
    Unreadable,
    noting_faults,
)
from passrole_checks.sources.recognize import LARGEST_PLAN, NOT_INFRASTRUCTURE, Recognized, is_candidate, recognize


@dataclass(frozen=True)
class Unit:
    """What is read in one go. ``path`` is resolved: a Terraform root folder, or else a file.

    ``only``: the one file of the folder that is asked about. ``content``: the text of the file, where whoever asks has
    it already. ``boundary``: the folder below which files may be read that the unit names; ``beside``: others that were
    given to the scan.
    """

    framework: Framework
    path: Path
    only: Path | None = None
    content: str | None = None
    boundary: Path | None = None
    beside: tuple[Path, ...] = ()

    @property
    def readable(self) -> Boundary:
        """The folders below which files may be read that the unit names."""
        own = self.path if self.framework is Framework.TERRAFORM else self.path.parent
        return Boundary.around(self.boundary or own, *self.beside)


@dataclass(frozen=True)
class Discovery:
    """``units`` in order of their paths; ``files_seen`` counts all files that were met, IaC or not. ``excluded``: what
    may hold IaC and is left out; folders, which end in ``/``, as a whole."""

    units: tuple[Unit, ...]
    unreadable: tuple[Unreadable, ...]
    files_seen: int
    excluded: tuple[str, ...] = ()


def discover(paths: Sequence[Path], exclusions: Exclusions = NO_EXCLUSIONS) -> Discovery:
    """Find the units below the given files and folders.

    Folders are walked as :func:`~passrole_checks.sources.files.walk.walk` says; a path that is given may itself be a
    symbolic link. Never raises: what cannot be opened, and a file given by name that is no infrastructure code, is
    unreadable; a fault of this package in one file is named, and costs none of the others. What ``exclusions`` leave
    out is left out under whatever name it is given.
    """
    search = _Search(exclusions)
    for path in paths:
        search.isolated(path, partial(search.add, path))
    return search.result()


def load(unit: Unit, *, unchanged: bool = False, inputs: Inputs = NO_INPUTS) -> Configuration:
    """Read a unit. ``unchanged``: of a plan or a change set, also what it leaves alone.

    Raises :class:`InputError`, also where reading takes longer than any real code of that size does.
    """
    with deadline.limited(deadline.SECONDS, deadline.SECONDS_PER_MEGABYTE) as limit:
        try:
            if limit.is_over:  # the other units of the run have taken all of it
                raise deadline.OutOfTimeError
            found = _load(unit, unchanged, inputs)
        except deadline.OutOfTimeError:
            reason = "not read to its end: that takes too long"
            raise TookTooLongError(str(unit.only or unit.path), reason) from None
        return replace(found, seconds_left=max(limit.left, _LEAST_SECONDS))


_LEAST_SECONDS = 1.0  # to judge a unit that was read in time


def _load(unit: Unit, unchanged: bool, inputs: Inputs) -> Configuration:
    if unit.framework is Framework.TERRAFORM:
        from passrole_checks.sources import terraform

        return terraform.load(unit.path, only=unit.only, boundary=unit.boundary, beside=unit.beside, inputs=inputs)
    if unit.content is not None:
        deadline.grant(len(unit.content))
    content = unit.content if unit.content is not None else _read(unit)
    if unit.framework is Framework.TERRAFORM_PLAN:
        from passrole_checks.sources import terraform_plan

        return terraform_plan.load(unit.path, content, unchanged=unchanged, inputs=inputs)
    from passrole_checks.sources import change_set, cloudformation

    if change_set.is_change_set(content):
        return change_set.load(unit.path, content, unchanged=unchanged)
    return cloudformation.load(unit.path, content, boundary=unit.boundary, beside=unit.beside, inputs=inputs)


def about_inputs(
    units: Sequence[Unit], inputs: Inputs, declared: frozenset[str] | None = None
) -> tuple[tuple[Unreadable, ...], tuple[Unreadable, ...]]:
    """What cannot be read of the inputs, and what of them nothing uses: no Terraform root among ``units``, and none of
    the templates, which declare these parameters (None: there are no templates)."""
    complaints: tuple[Unreadable, ...] = ()
    notes: tuple[Unreadable, ...] = ()
    if inputs.var_files or inputs.variables:
        from passrole_checks.sources import terraform

        complaints = terraform.unreadable_inputs(inputs)
        roots = [unit for unit in units if unit.framework is Framework.TERRAFORM]
        with within(Boundary.around(*(unit.boundary or unit.path for unit in roots))):
            notes = terraform.undeclared_inputs([unit.path for unit in roots], inputs) if roots else ()
    if inputs.parameters and declared is not None:
        from passrole_checks.sources.cloudformation.parameter_values import not_declared

        notes = (*notes, *not_declared(inputs.parameters, declared))
    return complaints, notes


def _read(unit: Unit) -> str:
    path = unit.path
    try:
        data = unit.readable.read(path, LARGEST_PLAN)
    except OSError as error:
        raise InputError(str(path), why_not(path, error)) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(str(path), "not UTF-8 text", data.count(b"\n", 0, error.start) + 1) from None


@dataclass
class _Search:
    exclusions: Exclusions
    units: dict[tuple[Path, Path | None], Unit] = field(default_factory=dict)
    unreadable: dict[tuple[str, str], Unreadable] = field(default_factory=dict)
    seen: set[Path] = field(default_factory=set)
    folders: dict[Path, None] = field(default_factory=dict)  # that hold Terraform files and were walked
    single: dict[Path, None] = field(default_factory=dict)  # Terraform files that were given by name
    given: dict[Path, None] = field(default_factory=dict)  # folders that were given
    repositories: dict[Path, Path | None] = field(default_factory=dict)  # around folders
    assembled: set[Path] = field(default_factory=set)  # templates that the manifest of a cloud assembly names
    excluded: dict[str, None] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        for at in (at_file, at_lead):
            at(os.path.abspath(path))
        try:
            resolved = path.resolve(strict=True)
            check_given(path)
            mode = resolved.stat().st_mode
        except FileNotFoundError as error:
            self.complain(path, why_not(path, error) if path.is_symlink() else "no such file or folder")
            return
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name that no file can have
            self.complain(path, why_not(path, error))
            return
        is_folder = stat.S_ISDIR(mode)
        if any(self.exclusions.excludes(name, folder=is_folder) for name in (resolved, os.path.abspath(path))):
            self.excluded[f"{resolved}/" if is_folder else str(resolved)] = None
        elif is_folder:
            self.given[resolved] = None
            with within(Boundary.around(resolved)):
                for file in self.below(resolved):
                    if file not in self.seen:
                        self.seen.add(file)
                        self.isolated(file, partial(self.walked, file))
        elif not stat.S_ISREG(mode):
            self.complain(resolved, "is no regular file")
        else:
            self.seen.add(resolved)
            with within(Boundary.around(self.boundary(resolved.parent))):
                self.named(resolved)

    def isolated(self, path: Path, look: Callable[[], None]) -> None:
        """Look at one path; a fault of this package there is named, and costs nothing of the others."""
        faults: list[Unreadable] = []
        with noting_faults(str(path), faults):
            look()
        self.unreadable.update({(fault.file, fault.reason): fault for fault in faults})

    def below(self, folder: Path) -> Sequence[Path]:
        broken: list[tuple[Path, OSError]] = []
        excluded: list[str] = []
        files = list(
            files_to_scan(folder, lambda path, error: broken.append((path, error)), self.exclusions, excluded.append)
        )
        for path, error in broken:
            self.cannot_open(path, error)
        at_walk(folder, None if broken else [*map(str, files), *excluded])
        self.excluded.update(dict.fromkeys(path for path in excluded if path.endswith("/") or _may_be_read(Path(path))))
        return files

    def walked(self, file: Path) -> None:
        if is_terraform_file(file):
            self.folders[file.parent] = None
        elif is_candidate(file):
            self.take(file, recognize(file))

    def named(self, file: Path) -> None:
        if is_terraform_file(file):
            self.single[file] = None
            return
        templates = _assembled(file)
        if templates:
            self.assembled.update(templates)
            for template in templates:
                self.add(template)
            return
        found = recognize(file, named=True)
        if not found.something and file in self.assembled:  # a stack without resources
            found = Recognized(Framework.CLOUDFORMATION)
        self.take(file, found if found.something else Recognized(unreadable=NOT_INFRASTRUCTURE))

    def take(self, file: Path, found: Recognized) -> None:
        if found.framework is not None:
            self.units.setdefault((file, None), Unit(found.framework, file))
        elif found.unreadable is not None:
            self.complain(file, found.unreadable, found.line)

    def cannot_open(self, path: Path, error: OSError) -> None:
        self.complain(path, why_not(path, error))

    def complain(self, path: Path, reason: str, line: int | None = None) -> None:
        self.unreadable.setdefault((str(path), reason), Unreadable(str(path), reason, line))

    def result(self) -> Discovery:
        roots = frozenset(self.folders)  # where it cannot be told, each is read for itself
        faults: list[Unreadable] = []
        bounded = within(Boundary.around(*map(self.boundary, self.folders), *self.given))
        with bounded, noting_faults(str(next(iter(self.folders), ".")), faults):
            roots = terraform_roots(self.folders, self.exclusions)
        self.unreadable.update({(fault.file, fault.reason): fault for fault in faults})
        for root in roots:
            self.units[root, None] = Unit(Framework.TERRAFORM, root)
        for file in self.single:
            if file.parent not in roots:
                self.units[file.parent, file] = Unit(Framework.TERRAFORM, file.parent, only=file)
        units = [self.bounded(unit) for unit in self.units.values()]
        return Discovery(
            tuple(sorted(_without_copies(units), key=lambda unit: (str(unit.path), str(unit.only or "")))),
            tuple(sorted(self.unreadable.values(), key=lambda item: (item.file, item.line or 0))),
            len(self.seen),
            tuple(sorted(self.excluded)),
        )

    def bounded(self, unit: Unit) -> Unit:
        boundary = self.boundary(unit.path if unit.framework is Framework.TERRAFORM else unit.path.parent)
        beside = tuple(sorted(given for given in self.given if not given.is_relative_to(boundary)))
        return replace(unit, boundary=boundary, beside=beside)

    def boundary(self, folder: Path) -> Path:
        """The folder that expressions may read files below: the repository that holds ``folder``, or else the
        outermost scanned folder around it."""
        if folder not in self.repositories:
            self.repositories[folder] = repository_around(folder)
        repository = self.repositories[folder]
        if repository is not None:
            return repository
        around = [given for given in self.given if folder.is_relative_to(given)]
        return min(around, key=lambda given: len(given.parts), default=folder)


def _may_be_read(file: Path) -> bool:
    return is_terraform_file(file) or is_candidate(file)


def _assembled(file: Path) -> tuple[Path, ...]:
    """The templates that a file names, where it is the manifest of a cloud assembly of the AWS CDK."""
    if file.name != "manifest.json":
        return ()
    from passrole_checks.sources.cloudformation.cdk import templates_in

    return tuple(
        template for template in templates_in(file.parent) if current().allows(template) and not template.is_symlink()
    )


def _without_copies(units: Iterable[Unit]) -> Iterator[Unit]:
    """The units without templates that are copied, as part of other files, into a cloud assembly of the AWS CDK."""
    known = list(units)
    files = [unit.path for unit in known if unit.framework in (Framework.CLOUDFORMATION, Framework.SAM)]
    if any("/asset." in file.as_posix() for file in files):
        from passrole_checks.sources.cloudformation.cdk import copies

        with within(Boundary.around(*(unit.boundary or unit.path for unit in known))):
            copied = copies(files)
        known = [unit for unit in known if unit.path not in copied]
    yield from known


def terraform_roots(folders: Iterable[Path], exclusions: Exclusions = NO_EXCLUSIONS) -> frozenset[Path]:
    """The folders that none of them calls as a module; those that call each other in a circle stay roots."""
    known = set(folders)
    if len(known) < 2:
        return frozenset(known)
    from passrole_checks.sources.terraform import called_folders, expect_reads  # heavy, and templates do without them

    calls = {folder: set(called_folders(folder, exclusions) & known) for folder in known}
    called = set().union(*calls.values())
    roots = frozenset(folder for folder in known if folder not in called or folder in _reached(calls, folder))
    expect_reads(Counter(str(folder) for root in roots for folder in {root, *_reached(calls, root)}))
    return roots


def _reached(calls: dict[Path, set[Path]], start: Path) -> set[Path]:
    """The folders that one calls, directly or not; itself where they call each other in a circle."""
    pending, seen = list(calls[start]), set[Path]()
    while pending:
        folder = pending.pop()
        if folder not in seen:
            seen.add(folder)
            pending.extend(calls[folder])
    return seen
