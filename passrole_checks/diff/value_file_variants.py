"""Add to the changes of units what they grant only with the values of files that no option names."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace

from passrole_checks.diff.change import GrantChange
from passrole_checks.diff.compared_unit import ComparedUnit
from passrole_checks.findings import Confidence
from passrole_checks.sources.value_file import added_by_files, with_files


def add_changes(units: Mapping[str, ComparedUnit], variants: Iterable[tuple[str, ComparedUnit]]) -> None:
    """Add to units the new and widened access that only their variants have, with the files as path condition.

    ``units``: by their paths. ``variants``: each with the label of its file.
    """
    bases = [(unit.pair.place, change) for unit in units.values() for change in (*unit.new, *unit.widened, *unit.moved)]
    changes = (
        (label, [(unit.pair.place, change, group) for group in ("new", "widened") for change in getattr(unit, group)])
        for label, unit in variants
    )
    known = {_key(*base, "") for base in bases}
    for ((place, change, group), *_), labels in added_by_files(known, changes, lambda added: _key(*added)):
        grant = replace(change.grant, when=with_files(change.grant.when, labels))
        confidence = change.confidence if change.confidence is Confidence.LOW else Confidence.MEDIUM
        getattr(units[place], group).append(replace(change, grant=grant, confidence=confidence))


def _key(place: str, change: GrantChange, _group: str) -> Hashable:
    located = change.grant
    at, address = located.grant.at, located.resource.address
    return place, at, address, located.statement_path, located.principals, located.grant.meaning
