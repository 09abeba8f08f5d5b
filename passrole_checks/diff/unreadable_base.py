"""Set aside units that cannot be read in the old version only, so that a change that fixes them can be compared.

Nothing is known of the old version of such a unit, which may have denied what the new one grants. Everything that the
new version grants therefore counts as new.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from passrole_checks.scan.analyze import unreadable_of
from passrole_checks.scan.scanner import ReadPaths
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.configuration import Configuration, Framework, Unreadable
from passrole_checks.sources.recognize import NOT_INFRASTRUCTURE

COUNTS_AS_NEW = "; what it grants now counts as new"
"""End of the note on a file that cannot be read in the old version only."""


def set_aside(
    read: Sequence[ReadPaths], roots: Sequence[str], renames: Mapping[str, str], originals: Mapping[int, Configuration]
) -> tuple[list[ReadPaths], tuple[Unreadable, ...]]:
    """Return both versions without the old units that cannot be read, and a note on each reason.

    ``roots``: the folders of the versions, resolved. A file that cannot be read in both stays. ``renames``: old file
    paths mapped to new ones. ``originals``: the old units that are equal in the new version, by the id of that.
    """
    old, new = read
    others = {os.path.relpath(path, roots[1]): unit for path, unit in new.units}
    known = {_name(entry, roots[1], {}) for entry in new.unreadable}
    alone = [entry for entry in old.unreadable if _counts(entry) and _name(entry, roots[0], renames) not in known]
    lost = {_name(entry, roots[0], {}) for entry in alone}
    units = []
    for path, unit in old.units:
        key = os.path.relpath(path, roots[0])
        other = others.get(renames.get(key, key))
        is_equal = other is not None and originals.get(id(other)) is unit
        fixed = [] if is_equal else _fixed(unit, other, roots, renames)
        if fixed or any(_is_part(os.path.join(roots[0], file), str(path), unit) for file in lost):
            alone += fixed
        else:
            units.append((path, unit))
    kept = {path for path, _ in units}
    variants = tuple((path, variant) for path, variant in old.variants if path in kept)
    rest = tuple(entry for entry in old.unreadable if entry not in alone)
    notes = tuple(replace(entry, reason=f"could not be read ({entry.reason}){COUNTS_AS_NEW}") for entry in alone)
    return [replace(old, units=tuple(units), variants=variants, unreadable=rest), new], notes


def _fixed(
    unit: Configuration, other: Configuration | None, roots: Sequence[str], renames: Mapping[str, str]
) -> list[Unreadable]:
    """Return what cannot be read of a unit, without that in files which the ``other`` version cannot read either."""
    entries = [entry for entry in unreadable_of(unit) if _counts(entry)]
    if not entries or other is None:
        return entries
    broken = {_name(entry, root, {}) for entry in unreadable_of(other) for root in roots}
    return [entry for entry in entries if _name(entry, roots[0], renames) not in broken]


def _counts(entry: Unreadable) -> bool:
    return not entry.fault and entry.reason != NOT_INFRASTRUCTURE


def _name(entry: Unreadable, root: str, renames: Mapping[str, str]) -> str:
    name = os.path.relpath(os.path.realpath(entry.file), root)
    return renames.get(name, name)


def _is_part(file: str, unit_path: str, unit: Configuration) -> bool:
    """True if a file belongs to the unit at a path: the template itself, or a file in a folder of a root."""
    if unit.framework is not Framework.TERRAFORM:
        return file == os.path.realpath(unit_path)
    folders = {os.path.dirname(os.path.realpath(other)) for other in unit.files}
    return is_terraform_file(Path(file)) and os.path.dirname(file) in {os.path.realpath(unit_path), *folders}
