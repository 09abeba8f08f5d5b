"""Two versions of a repository, laid out side by side and compared: what ``diff`` and ``review`` both begin with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from passrole_checks import configuration
from passrole_checks.difference import Difference, Side, difference_between
from passrole_checks.difference.units import AS_BEFORE
from passrole_checks.errors import ConfigurationError, InputError
from passrole_checks.scan import ScanOptions
from passrole_checks.snapshots import Comparison, Snapshots, with_known_names
from passrole_checks.sources.recognize import LARGEST_TEMPLATE
from passrole_checks.sources.resource import Inputs, Unreadable


class Find(Protocol):
    """Finds a path that was given as an option: as it is in one version, None where it is in the other one only; what
    is in neither stays as it was given."""

    def __call__(self, name: str, *, folder: bool = False) -> str | None: ...


InputsOf = Callable[[Find], Inputs]
"""Makes the values for one version of what was given as options."""


def sides_of(asked: Comparison, snapshots: Snapshots, inputs_of: InputsOf) -> tuple[Side, Side]:
    """Both versions, each with its values. Raises an :class:`InputError` for a file of values that cannot be used."""
    first, second = (_side(asked, snapshots, number, inputs_of) for number in (0, 1))
    return first, second


def compared(
    sides: tuple[Side, Side], snapshots: Snapshots, options: ScanOptions, *, judged: bool = False
) -> Difference:
    """What differs between the two; files are named as they are laid out (:func:`named` gives them their names back).

    What is wrong in both versions alike is in ``standing``. ``judged``: also scan both. Another folder may stand in the
    place of the new version; its files are named as if they were laid out there.
    """
    found = difference_between(
        *sides,
        options,
        renames=snapshots.renames,
        changed=[(change.old, change.new) for change in snapshots.changed],
        trusted=False,
        judged=judged,
    )
    if sides[1].path != snapshots.folders[1]:
        found = with_known_names(found, {str(sides[1].path): str(snapshots.folders[1])})
    lost = _no_more_recognized(found, snapshots)
    return _without_old_news(replace(found, unreadable=(*found.unreadable, *lost)), snapshots)


def named(found: Difference, snapshots: Snapshots) -> Difference:
    """The same with files named from the top of the repository; what both versions say is told once."""
    known = with_known_names(found, names_of(snapshots))
    return replace(
        known,
        unreadable=tuple(dict.fromkeys(known.unreadable)),
        not_evaluated=tuple(dict.fromkeys(known.not_evaluated)),
        standing=tuple(dict.fromkeys(known.standing)),
    )


def names_of(snapshots: Snapshots) -> dict[str, str]:
    """For the folders of both versions: the top of the repository."""
    return {str(folder): "" for folder in snapshots.folders}


def found_in(asked: Comparison, snapshots: Snapshots, number: int) -> Find:
    """Finds what is given as a path of the working tree in one of the versions (0 or 1)."""

    def there(name: str, *, folder: bool = False) -> str | None:
        top = asked.repository.top
        if top is None:
            return name
        path = os.path.abspath(name.removeprefix("file://"))
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        below = os.path.relpath(real, os.path.realpath(top))
        if below.split(os.sep)[0] == os.pardir:
            return name
        exists = os.path.isdir if folder else os.path.isfile
        places = [os.path.join(place, below) for place in snapshots.folders]
        if exists(places[number]):
            return places[number]
        return None if exists(places[1 - number]) else name

    return there


def _side(asked: Comparison, snapshots: Snapshots, number: int, inputs_of: InputsOf) -> Side:
    try:
        inputs = inputs_of(found_in(asked, snapshots, number))
    except InputError as error:
        raise InputError(with_known_names(error.file, names_of(snapshots)), error.reason, error.line) from None
    return Side(
        snapshots.folders[number],
        inputs,
        tuple(snapshots.unreadable[number]),
        tuple(snapshots.skipped[number]),
        sealed=True,
    )


def _without_old_news(found: Difference, snapshots: Snapshots) -> Difference:
    """What cannot be read, or is not evaluated, in both versions alike makes no difference, unless it is touched."""
    touched = snapshots.touched()
    terraform = any(map(_is_terraform, touched))
    same = _in_both(found.unreadable, snapshots)
    as_before = [
        entry
        for path, entry in same
        if path not in touched and not (terraform and _is_terraform(path))  # it may hide what another file does
    ]
    standing = [entry for path, entry in _in_both(found.not_evaluated, snapshots) if path not in touched]
    return replace(
        found,
        unreadable=tuple(entry for entry in found.unreadable if entry not in as_before),
        not_evaluated=tuple(entry for entry in found.not_evaluated if entry not in standing),
        standing=(*(replace(entry, reason=f"{AS_BEFORE}: {entry.reason}") for entry in as_before), *standing),
    )


def _no_more_recognized(found: Difference, snapshots: Snapshots) -> list[Unreadable]:
    """What was infrastructure code before it was changed, and cannot be told for it now because it is broken.

    What is in a file is told by its content; one of which nothing is left to tell it by would pass for one that holds
    nothing, and what it held for removed.
    """
    old, new = (set(files) for files in found.files)
    known = {entry.file for entry in found.unreadable}
    lost = []
    for change in snapshots.changed:
        if change.old is None or change.new is None:
            continue
        before, after = (
            str(folder / name) for folder, name in zip(snapshots.folders, (change.old, change.new), strict=True)
        )
        if before in old and after not in new and after not in known and (reason := _is_broken(after)):
            lost.append(Unreadable(after, f"was infrastructure code before, and is {reason}"))
    return lost


def _is_broken(file: str) -> str:
    """Why a text is neither JSON nor YAML; nothing where it is, or is no file at all."""
    import yaml

    try:
        with open(file, "rb") as stream:
            text = stream.read(LARGEST_TEMPLATE + 1).decode("utf-8-sig")
    except OSError:
        return ""  # it is not laid out, which is told elsewhere
    except UnicodeDecodeError:
        return "not UTF-8 text now"
    try:
        json.loads(text)
        return ""
    except (ValueError, RecursionError):
        pass
    try:
        for _ in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            pass
    except (yaml.YAMLError, RecursionError):
        return "neither JSON nor YAML now"
    return ""


def _in_both(entries: Sequence[Unreadable], snapshots: Snapshots) -> list[tuple[str, Unreadable]]:
    """Those of ``entries`` that both versions give, of either version, each with its path in the repository."""
    sides: list[dict[tuple[str, str, int | None], Unreadable]] = [{}, {}]
    for entry in entries:
        for side, folder in zip(sides, snapshots.folders, strict=True):
            if entry.file.startswith(f"{folder}/"):
                side[entry.file.removeprefix(f"{folder}/"), entry.reason, entry.line] = entry
    return [(key[0], side[key]) for key in sides[0] if key in sides[1] for side in sides]


def _is_terraform(path: str) -> bool:
    return ".tf" in path or ".tofu" in path


def about_configuration(asked: Comparison, snapshots: Snapshots) -> list[Unreadable]:
    """A note where the new version has another configuration, which does not count."""
    tables: list[object] = []
    for folder in snapshots.folders:
        try:
            tables.append(configuration.load(folder / asked.repository.prefix))
        except ConfigurationError as error:
            tables.append(str(error))
    if tables[0] == tables[1]:
        return []
    file = snapshots.folders[1] / asked.repository.prefix / configuration.FILE
    return [Unreadable(str(file), f"[{configuration.TABLE}] differs from that of {asked.base.name}, which is used")]
