"""What ``diff`` compares: two paths, or two versions of a git repository.

As in the command line itself, only the standard library is imported before it is needed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passrole_checks import configuration
from passrole_checks.cli_options import scan_options
from passrole_checks.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from passrole_checks.difference import Difference, Side
    from passrole_checks.snapshots import Comparison, Snapshots
    from passrole_checks.sources.resource import Unreadable


def asked_for(names: Sequence[str], staged: bool) -> Comparison | None:
    """The versions that the arguments name; None where they are two paths."""
    from passrole_checks import snapshots

    return snapshots.asked_for(names, staged=staged, folder=Path.cwd())


def table_of(asked: Comparison | None) -> dict[str, Any]:
    """The configuration to go by: the working directory's, or, where versions are compared, that of BASE alone.

    Whoever proposes a change must not be able to change what it is judged by. Raises a
    :class:`~passrole_checks.errors.ConfigurationError` where it cannot be read.
    """
    if asked is None:
        return configuration.load(Path.cwd())
    content = asked.file_of_base(configuration.FILE)
    return {} if content is None else configuration.table_in(content)


def difference(asked: Comparison | None, names: Sequence[str], options: dict[str, Any]) -> Difference:
    """The difference between two paths or two versions; files of versions are named from the top of the repository."""
    from passrole_checks.difference import difference_between, difference_of

    if asked is None:
        return difference_of(Path(names[0]), Path(names[1]), scan_options(options))
    from passrole_checks.snapshots import with_known_names

    with asked.snapshots() as snapshots:
        found = difference_between(
            _side(asked, snapshots, 0, options),
            _side(asked, snapshots, 1, options),
            scan_options({**options, "var_file": (), "parameters": (), "source": None}),
            renames=snapshots.renames,
            changed=[(change.old, change.new) for change in snapshots.changed],
            trusted=False,
        )
        found = _without_old_news(found, snapshots)
        notes = _about_configuration(asked, snapshots)
        left_out = {
            entry.file.removeprefix(f"{folder}/")
            for folder, skipped in zip(snapshots.folders, snapshots.skipped, strict=True)
            for entry in skipped
        }
        left_out &= snapshots.touched()
        found = replace(found, not_evaluated=(*notes, *found.not_evaluated), left_out=len(left_out))
        return _told_once(with_known_names(found, {str(folder): "" for folder in snapshots.folders}))


def _side(asked: Comparison, snapshots: Snapshots, number: int, options: dict[str, Any]) -> Side:
    from passrole_checks.difference import Side
    from passrole_checks.snapshots import with_known_names

    def there(name: str, *, folder: bool = False) -> str | None:
        return _in_snapshot(asked, snapshots, number, name, folder=folder)

    source = there(options["source"], folder=True) if options["source"] is not None else None
    given = {
        **options,
        "var_file": tuple(path for name in options["var_file"] if (path := there(name)) is not None),
        "parameters": tuple(path for name in options["parameters"] if (path := there(name)) is not None),
        "source": source,
    }
    try:
        inputs = scan_options(given).inputs
    except InputError as error:
        raise InputError(
            with_known_names(error.file, {str(folder): "" for folder in snapshots.folders}), error.reason, error.line
        ) from None
    return Side(
        snapshots.folders[number],
        inputs,
        tuple(snapshots.unreadable[number]),
        tuple(snapshots.skipped[number]),
        sealed=True,
    )


def _in_snapshot(
    asked: Comparison, snapshots: Snapshots, number: int, name: str, *, folder: bool = False
) -> str | None:
    """A file (or a folder) of the repository as it is in one version; None where it is in the other one only. What is
    in neither, and what is no path, stays."""
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


def _without_old_news(found: Difference, snapshots: Snapshots) -> Difference:
    """What cannot be read, or is not evaluated, in both versions alike makes no difference, unless it is touched."""
    from passrole_checks.difference.units import AS_BEFORE

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


def _about_configuration(asked: Comparison, snapshots: Snapshots) -> list[Unreadable]:
    """A note where the new version has another configuration, which does not count."""
    from passrole_checks.sources.resource import Unreadable

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


def _told_once(found: Difference) -> Difference:
    """The notes and complaints that both versions give, once they bear the same names."""
    return replace(
        found,
        unreadable=tuple(dict.fromkeys(found.unreadable)),
        not_evaluated=tuple(dict.fromkeys(found.not_evaluated)),
        standing=tuple(dict.fromkeys(found.standing)),
    )
