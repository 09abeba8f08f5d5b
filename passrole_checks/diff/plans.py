"""Compare Terraform plans in place of the roots that they are plans of.

A plan has the values that the source does not show; its positions are those of the source (see
:mod:`passrole_checks.sources.terraform_plan.source_lines`). HEAD is what the plan leads to; BASE is what the plan
changes, or what the plan or state of BASE leads to, if given.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from passrole_checks.diff.read_versions import Side, providing_files
from passrole_checks.diff.units import UnitPair, Versions
from passrole_checks.errors import InputError, TookTooLongError
from passrole_checks.files.safe_read import open_error_reason, read_bounded
from passrole_checks.files.unsaved_texts import is_folder, names_in
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Position
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.configuration import Framework, NoteKind, Unreadable
from passrole_checks.sources.recognize import LARGEST_PLAN, recognize_bytes
from passrole_checks.sources.terraform_plan import PlanVersion, load_version

_MIN_SECONDS = 1.0  # for the analysis of a plan that was read in time


@dataclass(frozen=True, slots=True)
class GivenPlan:
    """A plan or a state: its ``name`` as given, its absolute ``path``, its text, and its path in the working tree, ""
    if it is outside."""

    name: str
    path: Path
    content: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class RootPlan:
    """The plan of HEAD for the Terraform root ``folder``, relative to the top of the repository with forward slashes,
    and the plan or state ``before`` of BASE, if given."""

    folder: str
    plan: GivenPlan
    before: GivenPlan | None = None

    @property
    def place(self) -> str:
        """The folder in words."""
        return self.folder if self.folder != "." else "the top folder"


def read_plan_file(name: str, top: str) -> GivenPlan:
    """Read a plan or a state; ``top``: the working tree. Raises an :class:`InputError` if it cannot be read, or is
    something else."""
    path = Path(os.path.abspath(name))
    try:
        data = read_bounded(path, LARGEST_PLAN, pipes=True)
    except OSError as error:
        raise InputError(name, open_error_reason(path, error)) from None
    recognized = recognize_bytes(data, named=True, name=path.name)
    if recognized.framework is not Framework.TERRAFORM_PLAN:
        reason = recognized.unreadable or "not a Terraform plan; expected the output of terraform show -json"
        raise InputError(name, reason, recognized.line)
    place = os.path.relpath(os.path.realpath(path), os.path.realpath(top))
    return GivenPlan(name, path, data.decode("utf-8-sig"), "" if place.split(os.sep)[0] == os.pardir else place)


def shown_names(plans: Sequence[RootPlan]) -> dict[str, str]:
    """Map the paths of plans to unique names: relative to the working directory, else the file name, with the folder of
    the root if two are equal."""
    names: dict[str, str] = {}
    for plan in plans:
        for file in (plan.plan, plan.before):
            if file is not None and str(file.path) not in names:
                relative = os.path.relpath(file.path)
                name = file.path.name if relative.split(os.sep)[0] == os.pardir else Path(relative).as_posix()
                taken = names.values()
                options = (name, f"{plan.folder}/{name}", *(f"{name}.{number}" for number in range(2, len(names) + 3)))
                names[str(file.path)] = next(option for option in options if option not in taken)
    return names


def with_plans(versions: Versions, plans: Sequence[RootPlan], sides: tuple[Side, Side]) -> Versions:
    """Return the versions with the units of ``plans`` in place of their roots.

    A root stays as well if its plan does not fit the source of HEAD. Files of plans are no units of their own.

    Raises an :class:`InputError` for an unusable plan.
    """
    if not plans:
        return versions
    statics = {pair.place: pair for pair in versions.pairs}
    replaced = {file.place for plan in plans for file in (plan.plan, plan.before) if file is not None and file.place}
    pairs: list[UnitPair] = []
    notes: list[Unreadable] = []
    for plan in plans:
        pair, problems = _read(plan, sides, statics.get(os.path.normpath(plan.folder)))
        pairs.append(pair)
        notes += problems
        if not problems:
            replaced.add(os.path.normpath(plan.folder))
    kept = [pair for pair in versions.pairs if pair.place not in replaced]
    return replace(versions, pairs=(*kept, *pairs), notes=(*versions.notes, *notes))


def _read(plan: RootPlan, sides: tuple[Side, Side], static: UnitPair | None) -> tuple[UnitPair, tuple[Unreadable, ...]]:
    """Return the unit of a plan, and the reasons why it does not fit the source."""
    folder = sides[1].path / plan.folder
    new = _load(plan.plan, plan.folder, sides[1], before=False)
    if plan.before is not None:
        old = _load(plan.before, plan.folder, sides[0], before=False)
    elif new.has_changes or not (new.configuration.policies or new.configuration.attached.managed_policies):
        old = _load(plan.plan, plan.folder, sides[0], before=True)
    else:
        raise InputError(plan.plan.name, "no changes in it to compare; give the plan or state of BASE as well")
    has_source = new.configuration.framework is Framework.TERRAFORM
    problems = tuple(_problems(plan, new, folder)) if has_source else (_without_source(plan, folder),)
    trial = static if static is not None and not static.is_same else None
    pair = UnitPair(old.configuration, new.configuration, os.path.normpath(plan.folder), from_plan=True, trial=trial)
    return _aligned(pair), problems


def _aligned(pair: UnitPair) -> UnitPair:
    """Return the pair with both sides of one framework, account and deployment."""
    old, new = pair.old, pair.new
    return replace(
        pair,
        old=replace(
            old,
            framework=new.framework,
            account=old.account or new.account,
            change=replace(old.change, home=new.change.home),
        ),
    )


def _load(file: GivenPlan, folder: str, side: Side, *, before: bool) -> PlanVersion:
    place = side.path / folder
    with deadline.limited(deadline.SECONDS, deadline.SECONDS_PER_MEGABYTE) as limit, providing_files(side):
        has_source = is_folder(place) and any(is_terraform_file(place / name) for name in names_in(place))
        inputs = replace(side.inputs, source=place if has_source else None)
        deadline.grant(len(file.content))
        try:
            version = load_version(file.path, file.content, before=before, inputs=inputs)
        except deadline.OutOfTimeError:
            raise TookTooLongError(file.name, "reading stopped: time limit exceeded") from None
        except InputError as error:
            raise InputError(file.name, error.reason, error.line) from None
        seconds = max(limit.left, _MIN_SECONDS)
        return replace(version, configuration=replace(version.configuration, seconds_left=seconds))


def _without_source(plan: RootPlan, folder: Path) -> Unreadable:
    known = f"plan {plan.plan.path}: no Terraform files in {plan.place}, so no lines are known"
    reason = f"{known}; name the folder as FILE=DIR"
    return Unreadable(str(folder), reason, kind=NoteKind.INCOMPLETE)


def _problems(plan: RootPlan, version: PlanVersion, folder: Path) -> Iterator[Unreadable]:
    """Yield why a plan may be of another commit, one reason of each kind."""
    somewhere = Position(str(folder), 0)
    for found, predicates in (
        ([(address, somewhere) for address in version.missing_in_source], ("is", "are", f" not in {plan.place}")),
        (version.missing_in_plan, ("is", "are", " not in it")),
        (version.differing, ("differs", "differ", " from it")),
    ):
        if found:
            (address, at), others = found[0], len(found) - 1
            words = f"{address} {predicates[0]}" if not others else f"{address} and {others} more {predicates[1]}"
            reason = f"plan {plan.plan.path} may be of another commit: {words}{predicates[2]}"
            yield Unreadable(at.file, reason, at.line or None, kind=NoteKind.INCOMPLETE)
