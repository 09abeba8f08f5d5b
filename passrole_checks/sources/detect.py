"""From paths to units of infrastructure code, told apart by content.

A Terraform unit is a root folder, any other unit one file. What is no infrastructure code is passed over in silence;
what looks like it and cannot be read is named.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from passrole_checks.contents import content_of, why_not
from passrole_checks.errors import InputError
from passrole_checks.iam import deadline
from passrole_checks.sources.looked_at import at_file, at_lead, at_walk
from passrole_checks.sources.names import is_terraform_file
from passrole_checks.sources.recognize import LARGEST_PLAN, NOT_INFRASTRUCTURE, Recognized, is_candidate, recognize
from passrole_checks.sources.resource import NO_INPUTS, Configuration, Framework, Inputs, Unreadable
from passrole_checks.sources.walk import files_to_scan


@dataclass(frozen=True)
class Unit:
    """What is read in one go. ``path`` is resolved: a Terraform root folder, or else a file.

    ``only``: the one file of the folder that is asked about. ``content``: the text of the file, where whoever asks has
    it already. ``boundary``: the folder below which files may be read that the unit names.
    """

    framework: Framework
    path: Path
    only: Path | None = None
    content: str | None = None
    boundary: Path | None = None


@dataclass(frozen=True)
class Discovery:
    """``units`` in order of their paths; ``files_seen`` counts all files that were met, IaC or not."""

    units: tuple[Unit, ...]
    unreadable: tuple[Unreadable, ...]
    files_seen: int


def discover(paths: Sequence[Path]) -> Discovery:
    """Find the units below the given files and folders.

    Folders are walked as :func:`~passrole_checks.sources.walk.walk` says; a path that is given may itself be a symbolic
    link. Never raises: what cannot be opened, and a file given by name that is no infrastructure code, is unreadable.
    """
    search = _Search()
    for path in paths:
        search.add(path)
    return search.result()


def load(unit: Unit, *, unchanged: bool = False, inputs: Inputs = NO_INPUTS) -> Configuration:
    """Read a unit. ``unchanged``: of a plan or a change set, also what it leaves alone.

    Raises :class:`InputError`, also where reading takes longer than any real code of that size does.
    """
    with deadline.limited(SECONDS, _SECONDS_PER_MEGABYTE) as limit:
        try:
            found = _load(unit, unchanged, inputs)
        except deadline.OutOfTimeError:
            reason = f"not read to its end: that takes more than {limit.seconds:.0f} seconds"
            raise InputError(str(unit.only or unit.path), reason) from None
        return replace(found, seconds_left=max(limit.left, _LEAST_SECONDS))


# Of processor time, to read and to judge one unit. All real code that is known takes less than a tenth of that.
SECONDS = 15.0
_SECONDS_PER_MEGABYTE = 30.0
_LEAST_SECONDS = 1.0


def _load(unit: Unit, unchanged: bool, inputs: Inputs) -> Configuration:
    if unit.framework is Framework.TERRAFORM:
        from passrole_checks.sources import terraform

        return terraform.load(unit.path, only=unit.only, boundary=unit.boundary, inputs=inputs)
    if unit.content is not None:
        deadline.grant(len(unit.content))
    content = unit.content if unit.content is not None else _read(unit.path)
    if unit.framework is Framework.TERRAFORM_PLAN:
        from passrole_checks.sources import terraform_plan

        return terraform_plan.load(unit.path, content, unchanged=unchanged, inputs=inputs)
    from passrole_checks.sources import change_set, cloudformation

    if change_set.is_change_set(content):
        return change_set.load(unit.path, content, unchanged=unchanged)
    return cloudformation.load(unit.path, content, boundary=unit.boundary, inputs=inputs)


def about_inputs(
    roots: Sequence[Path], inputs: Inputs, declared: frozenset[str] | None = None
) -> tuple[tuple[Unreadable, ...], tuple[Unreadable, ...]]:
    """What cannot be read of the inputs, and what of them nothing uses: no Terraform root among ``roots``, and none of
    the templates, which declare these parameters (None: there are no templates)."""
    complaints: tuple[Unreadable, ...] = ()
    notes: tuple[Unreadable, ...] = ()
    if inputs.var_files or inputs.variables:
        from passrole_checks.sources import terraform

        complaints = terraform.unreadable_inputs(inputs)
        notes = terraform.undeclared(roots, inputs) if roots else ()
    if inputs.parameters and declared is not None:
        from passrole_checks.sources.cloudformation.parameter_values import not_declared

        notes = (*notes, *not_declared(inputs.parameters, declared))
    return complaints, notes


def _read(path: Path) -> str:
    at_file(path)
    try:
        data = content_of(path, LARGEST_PLAN)
    except OSError as error:
        raise InputError(str(path), why_not(path, error)) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(str(path), "not UTF-8 text", data.count(b"\n", 0, error.start) + 1) from None


@dataclass
class _Search:
    units: dict[tuple[Path, Path | None], Unit] = field(default_factory=dict)
    unreadable: dict[tuple[str, str], Unreadable] = field(default_factory=dict)
    seen: set[Path] = field(default_factory=set)
    folders: dict[Path, None] = field(default_factory=dict)  # that hold Terraform files and were walked
    single: dict[Path, None] = field(default_factory=dict)  # Terraform files that were given by name
    given: dict[Path, None] = field(default_factory=dict)  # folders that were given
    assembled: set[Path] = field(default_factory=set)  # templates that the manifest of a cloud assembly names

    def add(self, path: Path) -> None:
        for at in (at_file, at_lead):
            at(os.path.abspath(path))
        try:
            resolved = path.resolve(strict=True)
            mode = resolved.stat().st_mode
        except FileNotFoundError as error:
            self.complain(path, why_not(path, error) if path.is_symlink() else "no such file or folder")
            return
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name that no file can have
            self.complain(path, why_not(path, error))
            return
        if stat.S_ISDIR(mode):
            self.given[resolved] = None
            for file in self.below(resolved):
                if file not in self.seen:
                    self.seen.add(file)
                    self.walked(file)
        elif not stat.S_ISREG(mode):
            self.complain(resolved, "is no regular file")
        else:
            self.seen.add(resolved)
            self.named(resolved)

    def below(self, folder: Path) -> Sequence[Path]:
        broken: list[tuple[Path, OSError]] = []
        files = list(files_to_scan(folder, lambda path, error: broken.append((path, error))))
        for path, error in broken:
            self.cannot_open(path, error)
        at_walk(folder, None if broken else files)
        return files

    def walked(self, file: Path) -> None:
        if is_terraform_file(file):
            self.folders[file.parent] = None
        elif is_candidate(file):
            at_file(file)
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
        at_file(file)
        found = recognize(file, named=True)
        if not found.something and file in self.assembled:  # a stack without resources
            found = Recognized(Framework.CLOUDFORMATION)
        self.take(file, found if found.something else Recognized(unreadable=NOT_INFRASTRUCTURE))

    def take(self, file: Path, found: Recognized) -> None:
        if found.framework is not None:
            self.units.setdefault((file, None), Unit(found.framework, file, boundary=self.boundary(file.parent)))
        elif found.unreadable is not None:
            self.complain(file, found.unreadable, found.line)

    def cannot_open(self, path: Path, error: OSError) -> None:
        self.complain(path, why_not(path, error))

    def complain(self, path: Path, reason: str, line: int | None = None) -> None:
        self.unreadable.setdefault((str(path), reason), Unreadable(str(path), reason, line))

    def result(self) -> Discovery:
        roots = terraform_roots(self.folders)
        for root in roots:
            self.units[root, None] = Unit(Framework.TERRAFORM, root, boundary=self.boundary(root))
        for file in self.single:
            if file.parent not in roots:
                unit = Unit(Framework.TERRAFORM, file.parent, only=file, boundary=self.boundary(file.parent))
                self.units[file.parent, file] = unit
        return Discovery(
            tuple(
                sorted(_without_copies(self.units.values()), key=lambda unit: (str(unit.path), str(unit.only or "")))
            ),
            tuple(sorted(self.unreadable.values(), key=lambda item: (item.file, item.line or 0))),
            len(self.seen),
        )

    def boundary(self, folder: Path) -> Path:
        """The folder that expressions may read files below: the repository that holds ``folder``, or else the
        outermost scanned folder around it."""
        for parent in (folder, *folder.parents):
            at_file(parent / ".git")
            if os.path.lexists(parent / ".git"):
                return parent
        around = [given for given in self.given if folder.is_relative_to(given)]
        return min(around, key=lambda given: len(given.parts), default=folder)


def _assembled(file: Path) -> tuple[Path, ...]:
    """The templates that a file names, where it is the manifest of a cloud assembly of the AWS CDK."""
    if file.name != "manifest.json":
        return ()
    from passrole_checks.sources.cloudformation.cdk import templates_in

    templates = tuple(templates_in(file.parent))
    for template in templates:
        at_lead(template)
    return tuple(template for template in templates if not template.is_symlink())


def _without_copies(units: Iterable[Unit]) -> Iterator[Unit]:
    """The units without templates that are copied, as part of other files, into a cloud assembly of the AWS CDK."""
    known = list(units)
    files = [unit.path for unit in known if unit.framework in (Framework.CLOUDFORMATION, Framework.SAM)]
    if any("/asset." in file.as_posix() for file in files):
        from passrole_checks.sources.cloudformation.cdk import copies

        copied = copies(files)
        known = [unit for unit in known if unit.path not in copied]
    yield from known


def terraform_roots(folders: Iterable[Path]) -> frozenset[Path]:
    """The folders that none of them calls as a module; those that call each other in a circle stay roots."""
    known = set(folders)
    if len(known) < 2:
        return frozenset(known)
    from passrole_checks.sources.terraform import called_folders, will_be_read  # heavy, and templates do without them

    calls = {folder: set(called_folders(folder) & known) for folder in known}
    called = set().union(*calls.values())
    roots = frozenset(folder for folder in known if folder not in called or folder in _reached(calls, folder))
    will_be_read(Counter(str(folder) for root in roots for folder in {root, *_reached(calls, root)}))
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
