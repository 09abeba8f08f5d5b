"""Pair the units of two versions: a template with a template, a Terraform root with a root."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from passrole_checks.diff.read_versions import Side, VersionReader
from passrole_checks.diff.unreadable_base import set_aside
from passrole_checks.errors import InputError
from passrole_checks.files.access_log import FileAccessLog
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.scanner import ReadPaths
from passrole_checks.sources.hcl_files import is_terragrunt
from passrole_checks.sources.model.configuration import Configuration, Framework, PlannedChange, Unreadable
from passrole_checks.sources.recognize import NOT_INFRASTRUCTURE

AS_BEFORE = "as before, cannot be read"
"""Prefix of the reason for what is unreadable in both versions and was not changed."""

NOT_COMPARED = "not compared: its counterpart cannot be read"
"""The reason for a unit that is unreadable in the other version."""


@dataclass(frozen=True, slots=True)
class UnitPair:
    """A unit in two versions; in a version that does not have it, its configuration is empty.

    ``place``: its path relative to the new version's folder; ``old_place``: to the old one's. If it was read once for
    both, ``new`` is ``old`` itself, with paths of the old version. ``is_idle``: no change affects it. ``accesses``: the
    file accesses of reading each; None if there is nothing to read. ``from_plan``: both are from Terraform plans, which
    cannot be read again with another source; ``trial`` is then the pair to try changes with, if any.
    """

    old: Configuration
    new: Configuration
    place: str = ""
    is_idle: bool = False
    accesses: tuple[FileAccessLog | None, FileAccessLog | None] = (None, None)
    from_plan: bool = False
    trial: UnitPair | None = None
    old_place: str = ""

    @property
    def readable(self) -> UnitPair | None:
        """The pair whose new side can be read with another source: itself, unless it is from plans."""
        return self.trial if self.from_plan else self

    @property
    def is_same(self) -> bool:
        """True if both versions are the same object."""
        return self.old is self.new


@dataclass(frozen=True, slots=True)
class Versions:
    """``notes``: units not compared because their counterpart is unreadable, and unused inputs. ``excluded``: excluded
    paths of either version. ``variants``: units with the values of a file, and the label of the file. In an old version
    without the file it is the unit itself.
    """

    pairs: tuple[UnitPair, ...]
    unreadable: tuple[Unreadable, ...]
    notes: tuple[Unreadable, ...]
    files: tuple[tuple[str, ...], tuple[str, ...]]
    excluded: tuple[str, ...] = ()
    variants: tuple[tuple[str, UnitPair], ...] = ()
    unused_values: tuple[str, ...] = ()  # of the new version


def _drop_counterparts(
    entry: Unreadable, side: Side, own: Mapping[str, Configuration], other: dict[str, Configuration], *, single: bool
) -> Iterator[Unreadable]:
    """Remove from the units of the ``other`` version those whose counterpart cannot be read, and yield a note on each.

    ``own``: the units of the version that ``entry`` is about. ``single``: both versions have at most one unit.
    """
    if entry.reason == NOT_INFRASTRUCTURE:
        return  # it contains no policies
    lost = key_of(entry.file, side.path)
    for key in [key for key, unit in other.items() if single or _affects(lost, key, unit)]:
        if key in own and not single:
            continue  # only a part of it was unreadable
        configuration = other.pop(key)
        yield Unreadable((configuration.files or (entry.file,))[0], NOT_COMPARED)


def read_and_pair(
    old: Side,
    new: Side,
    readings: VersionReader,
    renames: Mapping[str, str] | None = None,
    *,
    new_if_unreadable: bool = False,
) -> Versions:
    """Read two files or two folders and pair their units.

    Two files are a pair. In folders, units with the same relative path are a pair; then ``renames`` (old file paths
    mapped to new ones); then remaining units with exactly the same content (moved). A unit that is a module or a nested
    stack in the other version is read as a unit there too. Nothing is compared with unreadable content.
    ``new_if_unreadable``: units that cannot be read in the old version only count as new.
    """
    sides = old, new
    read = [_read(side, readings, number) for number, side in enumerate(sides)]
    aside: tuple[Unreadable, ...] = ()
    if new_if_unreadable:
        tops = [os.path.realpath(side.path) for side in sides]
        read, aside = set_aside(read, tops, renames or {}, readings.originals)
    found = [{key_of(path, side.path): unit for path, unit in got.units} for got, side in zip(read, sides, strict=True)]
    one_file = not all(os.path.isdir(side.path) for side in sides)
    single = one_file and all(len(side.units) <= 1 for side in read)
    notes = [*aside, *(note for side in read for note in side.notes)]
    for number in (0, 1):
        missing = () if new_if_unreadable and number == 0 else sides[number].missing
        for entry in (*read[number].unreadable, *missing):
            notes += _drop_counterparts(entry, sides[number], found[number], found[1 - number], single=single)
    for number, other in ((0, 1), (1, 0)) if not one_file else ():
        for key in sorted(found[number].keys() - found[other].keys()):
            if (part := _read_part(sides[other], key, found[other], readings, other)) is not None:
                found[other][key] = part
    if single:
        keys = {key: "" for side in found for key in side}
        found = [{keys[key]: unit for key, unit in side.items()} for side in found]
    pairs = tuple(_complete_pair(pair, readings) for pair in _pairs(found[0], found[1], renames or {}))
    bases = {pair.place: pair.old for pair in pairs if pair.place in found[0] or not pair.old.files}
    return Versions(
        pairs,
        (*read[0].unreadable, *read[1].unreadable),
        tuple(dict.fromkeys(notes)),
        (_files(read[0]), _files(read[1])),
        (*read[0].excluded, *read[1].excluded),
        tuple(
            (label, replace(pair, new=readings.whole(pair.old, pair.new)))
            for label, pair in _variant_pairs(read, [side.path for side in sides], bases, renames or {})
        ),
        tuple(note.file for note in read[1].value_notes if note.file not in read[1].used_values),
    )


def _variant_pairs(
    read: Sequence[ReadPaths], roots: Sequence[Path], bases: Mapping[str, Configuration], renames: Mapping[str, str]
) -> Iterator[tuple[str, UnitPair]]:
    """Yield the variants of the new version, each with the label of its file and its counterpart in the old one.

    That is the unit with the values of the same file or, if there is none, the unit without these values. ``bases``:
    the units of the old version by the relative path of those of the new one.
    """
    old = dict(_variants_by_key(read[0], roots[0], renames))
    for (place, label), new in _variants_by_key(read[1], roots[1], {}):
        if place in bases:
            yield label, UnitPair(old.get((place, label), bases[place]), new, place)


def _variants_by_key(
    side: ReadPaths, root: Path, renames: Mapping[str, str]
) -> Iterator[tuple[tuple[str, str], Configuration]]:
    for path, variant in side.variants:
        name = key_of(variant.surroundings.values.path, root)
        yield (key_of(path, root), variant.surroundings.values.labelled(renames.get(name, name))), variant


def key_of(file: str | Path, root: Path) -> str:
    """Return the path of a file below the root of its version."""
    return os.path.relpath(os.path.realpath(file), os.path.realpath(root))


def read_in(pair: UnitPair, side: Side, top: Path) -> Configuration:
    """Read the new side of a pair from ``top``, which replaces the path of ``side``; input files move with it.

    Raises :class:`InputError` or OSError if it cannot be read.
    """
    from passrole_checks.sources import detect  # the readers are heavy

    root = Path(os.path.realpath(side.path))

    def moved(path: Path) -> Path:
        real = Path(os.path.realpath(path))
        return top / real.relative_to(root) if real.is_relative_to(root) else path

    place = top / pair.place if pair.place not in ("", ".") else top
    if pair.new.framework is Framework.TERRAFORM and not (place.is_dir() or is_terragrunt(place)):
        raise InputError(str(place), "not a Terraform folder")
    boundary = top if top.is_dir() else top.parent
    unit = detect.Unit(
        pair.new.framework,
        place,
        boundary=boundary,
        links=pair.new.surroundings.links,
        entities=pair.new.surroundings.entities,
    )
    inputs = replace(
        side.inputs,
        var_files=tuple(map(moved, side.inputs.var_files)),
        source=moved(side.inputs.source) if side.inputs.source is not None else None,
        exclusions=side.inputs.exclusions.relocated(str(root), str(top)),
    )
    return detect.load(unit, unchanged=True, inputs=inputs)


def _complete_pair(pair: UnitPair, readings: VersionReader) -> UnitPair:
    """Return the pair with its complete new side, and the file accesses of both."""
    return replace(
        pair,
        new=readings.whole(pair.old, pair.new),
        is_idle=bool(pair.new.files) and readings.is_unchanged(pair.old),
        accesses=(readings.accesses(pair.old), readings.accesses(pair.new)),
    )


def _read_part(
    side: Side, key: str, units: Mapping[str, Configuration], readings: VersionReader, number: int
) -> Configuration | None:
    """Read a part of other units of this version as a unit of its own; None if it is not a part of them."""
    place = os.path.realpath(side.path / key)
    for unit in units.values():
        called = unit.framework is Framework.TERRAFORM and any(
            os.path.dirname(os.path.realpath(file)) == place for file in unit.files
        )
        if called or place in map(os.path.realpath, unit.provisioning.nested):
            alone = readings.read(number, Path(place)).units
            return next((other for path, other in alone if os.path.realpath(path) == place), None)
    return None


def _read(side: Side, readings: VersionReader, number: int) -> ReadPaths:
    found = readings.read(number)
    return replace(found, unreadable=(*found.unreadable, *side.unreadable), notes=(*found.notes, *side.missing))


def _pairs(
    old: dict[str, Configuration], new: dict[str, Configuration], renames: Mapping[str, str]
) -> Iterator[UnitPair]:
    for key in sorted(old.keys() & new.keys()):
        yield UnitPair(old[key], new[key], key, old_place=key)
    gone = {key: unit for key, unit in sorted(old.items()) if key not in new}
    added = {key: unit for key, unit in sorted(new.items()) if key not in old}
    for before, after in _match_moved(gone, added, renames):
        yield UnitPair(gone.pop(before), added.pop(after), after, old_place=before)
    for key, unit in added.items():
        alike = next((other for other, left in gone.items() if _content_of(left) == _content_of(unit)), None)
        was = gone.pop(alike) if alike is not None else _empty_like(unit)
        yield UnitPair(was, unit, key, old_place=alike or "")
    for key, unit in gone.items():
        yield UnitPair(unit, _empty_like(unit), old_place=key)


def _match_moved(
    gone: Mapping[str, Configuration], added: Mapping[str, Configuration], renames: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return the units that moved with their files: a template is one file, a Terraform root moves with most of its
    files.
    """
    votes: Counter[tuple[str, str]] = Counter()
    for before, after in renames.items():
        votes[before, after] += 1
        votes[os.path.dirname(before) or ".", os.path.dirname(after) or "."] += 1
    found: dict[str, str] = {}
    for (before, after), _ in sorted(votes.items(), key=lambda item: (-item[1], item[0])):
        same = before in gone and after in added and gone[before].framework is added[after].framework
        if same and before not in found and after not in found.values():
            found[before] = after
    return list(found.items())


def _content_of(unit: Configuration) -> Sequence[object]:
    """Return the content of a unit, without positions."""
    policies = (*unit.policies, *unit.change.unchanged)
    found = [
        (policy.resource.address, policy.path, policy.kind.value, policy.principals,
         tuple(statement.identity for statement in parse_document(policy.document).statements))
        for policy in policies
    ]  # fmt: skip
    return sorted(found)


def _empty_like(like: Configuration) -> Configuration:
    return Configuration(like.framework, (), account=like.account, change=PlannedChange(home=like.change.home))


def _affects(lost: str, key: str, unit: Configuration) -> bool:
    """True if the missing path is the unit, contains it, or is a Terraform file in its folder."""
    if key == lost or key.startswith(lost + os.sep):
        return True
    folder, name = os.path.split(lost)
    is_terraform = ".tf" in name or ".tofu" in name
    return unit.framework is Framework.TERRAFORM and is_terraform and (folder or ".") == key


def _files(side: ReadPaths) -> tuple[str, ...]:
    return tuple(sorted({file for _, unit in side.units for file in unit.files}))
