"""Set aside what only the old version cannot be read, so that a change that mends it can be compared.

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
"""End of the note on what only the old version could not be read."""


def set_aside(
    read: Sequence[ReadPaths], roots: Sequence[str], renames: Mapping[str, str]
) -> tuple[list[ReadPaths], tuple[Unreadable, ...]]:
    """Return both versions without the old units that cannot be read, and a note on each reason.

    ``roots``: the folders of the versions, resolved. A file that neither version can read stays. ``renames``: old file
    paths mapped to new ones.
    """
    old, new = read
    # a unit that is equal in both versions is read once, with the paths of the old one
    broken = {_name(entry, root, {}) for entry in (*new.unreadable, *_unreadable_in(new)) for root in roots}

    def is_mended(entry: Unreadable) -> bool:
        return not entry.fault and entry.reason != NOT_INFRASTRUCTURE and _name(entry, roots[0], renames) not in broken

    alone = [entry for entry in old.unreadable if is_mended(entry)]
    lost = {_name(entry, roots[0], {}) for entry in alone}
    units, variants = [], []
    for path, unit in old.units:
        mended = [entry for entry in unreadable_of(unit) if is_mended(entry)]
        if mended or any(_is_part(os.path.join(roots[0], file), str(path), unit) for file in lost):
            alone += mended
        else:
            units.append((path, unit))
            variants += [variant for variant in old.variants if variant.path == path]
    rest = tuple(entry for entry in old.unreadable if entry not in alone)
    notes = tuple(replace(entry, reason=f"could not be read ({entry.reason}){COUNTS_AS_NEW}") for entry in alone)
    return [replace(old, units=tuple(units), variants=tuple(variants), unreadable=rest), new], notes


def _unreadable_in(version: ReadPaths) -> list[Unreadable]:
    return [entry for _, unit in version.units for entry in unreadable_of(unit)]


def _name(entry: Unreadable, root: str, renames: Mapping[str, str]) -> str:
    name = os.path.relpath(os.path.realpath(entry.file), root)
    return renames.get(name, name)


def _is_part(file: str, unit_path: str, unit: Configuration) -> bool:
    """True if a file belongs to the unit at a path: the template itself, or a file in a folder of a root."""
    if unit.framework is not Framework.TERRAFORM:
        return file == os.path.realpath(unit_path)
    folders = {os.path.dirname(os.path.realpath(other)) for other in unit.files}
    return is_terraform_file(Path(file)) and os.path.dirname(file) in {os.path.realpath(unit_path), *folders}
