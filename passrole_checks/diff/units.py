"""The units of two versions, each with its counterpart: a template with a template, a Terraform root with a root."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from passrole_checks.diff.read_versions import Readings, Side
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.scan.scanner import ReadPaths
from passrole_checks.sources.files.access_log import FileAccessLog
from passrole_checks.sources.model.configuration import Configuration, Framework, Unreadable
from passrole_checks.sources.recognize import NOT_INFRASTRUCTURE

AS_BEFORE = "as before, cannot be read"
"""How the reason begins that is given for what can be read in neither version, and that nobody has touched."""


@dataclass(frozen=True, slots=True)
class UnitPair:
    """A unit in two versions. One that is in one version only has an empty configuration in the other. ``place`` leads
    from the new version's folder to it.

    Where it was read once for both, ``new`` is ``old`` itself, with the places of the old version. ``is_idle``: no
    change concerns it. ``looked_at``: what the reading of each has looked at; None where
    there is nothing to be read.
    """

    old: Configuration
    new: Configuration
    place: str = ""
    is_idle: bool = False
    looked_at: tuple[FileAccessLog | None, FileAccessLog | None] = (None, None)

    @property
    def is_same(self) -> bool:
        return self.old is self.new


@dataclass(frozen=True, slots=True)
class Versions:
    """``notes``: what is not compared, because its counterpart cannot be read, and what of the inputs nothing uses.
    ``excluded``: the paths of either version that were left out."""

    pairs: tuple[UnitPair, ...]
    unreadable: tuple[Unreadable, ...]
    notes: tuple[Unreadable, ...]
    files: tuple[tuple[str, ...], tuple[str, ...]]
    excluded: tuple[str, ...] = ()


def versions_of(old: Side, new: Side, readings: Readings, renames: Mapping[str, str] | None = None) -> Versions:
    """Read two files or two folders and pair what is in them.

    Two files are a pair. In folders the same path below them makes a pair; then ``renames``, which leads from paths of
    files in the old folder to those in the new one; and what is left over is one where it holds exactly the same (it
    was moved). What is a unit in one version, and a module or a nested stack in the other, is compared as if it stood
    for itself there too. Nothing is compared with what cannot be read.
    """
    sides = old, new
    read = [_read(side, readings, number) for number, side in enumerate(sides)]
    found = [dict(_by_key(got, side.path)) for got, side in zip(read, sides, strict=True)]
    one_file = not all(os.path.isdir(side.path) for side in sides)
    single = one_file and all(len(side.units) <= 1 for side in read)
    notes = [note for side in read for note in side.notes]
    for number, other in ((0, 1), (1, 0)):
        for entry in (*read[number].unreadable, *sides[number].missing):
            if entry.reason == NOT_INFRASTRUCTURE:
                continue  # it holds nothing, so that there is nothing that it could not tell
            lost = _key(entry.file, sides[number].path)
            for key in [key for key, unit in found[other].items() if single or _concerns(lost, key, unit)]:
                if key in found[number] and not single:
                    continue  # a part of it could not be read
                configuration = found[other].pop(key)
                reason = "not compared, because its counterpart cannot be read"
                notes.append(Unreadable((configuration.files or (entry.file,))[0], reason))
    for number, other in ((0, 1), (1, 0)) if not one_file else ():
        for key in sorted(found[number].keys() - found[other].keys()):
            part = _part(sides[other], key, found[other], readings, other)
            if part is not None:
                found[other][key] = part
    if single:
        keys = {key: "" for side in found for key in side}
        found = [{keys[key]: unit for key, unit in side.items()} for side in found]
    return Versions(
        tuple(_settled(pair, readings) for pair in _pairs(found[0], found[1], renames or {})),
        (*read[0].unreadable, *read[1].unreadable),
        tuple(dict.fromkeys(notes)),
        (_files(read[0]), _files(read[1])),
        (*read[0].excluded, *read[1].excluded),
    )


def _settled(pair: UnitPair, readings: Readings) -> UnitPair:
    """The pair with its new side as a whole, and what is known of the reading of both."""
    return replace(
        pair,
        new=readings.whole(pair.old, pair.new),
        is_idle=bool(pair.new.files) and readings.is_unchanged(pair.old),
        looked_at=(readings.looked_at(pair.old), readings.looked_at(pair.new)),
    )


def _part(
    side: Side, key: str, units: Mapping[str, Configuration], readings: Readings, number: int
) -> Configuration | None:
    """What is a part of other units of this version, read for itself; None where it is no part of them."""
    place = os.path.realpath(side.path / key)
    for unit in units.values():
        called = unit.framework is Framework.TERRAFORM and any(
            os.path.dirname(os.path.realpath(file)) == place for file in unit.files
        )
        if called or place in map(os.path.realpath, unit.nested):
            alone = readings.read(number, Path(place)).units
            return next((other for path, other in alone if os.path.realpath(path) == place), None)
    return None


def _read(side: Side, readings: Readings, number: int) -> ReadPaths:
    found = readings.read(number)
    return replace(found, unreadable=(*found.unreadable, *side.unreadable), notes=(*found.notes, *side.missing))


def _pairs(
    old: dict[str, Configuration], new: dict[str, Configuration], renames: Mapping[str, str]
) -> Iterator[UnitPair]:
    for key in sorted(old.keys() & new.keys()):
        yield UnitPair(old[key], new[key], key)
    gone = {key: unit for key, unit in sorted(old.items()) if key not in new}
    added = {key: unit for key, unit in sorted(new.items()) if key not in old}
    for before, after in _moved(gone, added, renames):
        yield UnitPair(gone.pop(before), added.pop(after), after)
    for key, unit in added.items():
        alike = next((other for other, was in gone.items() if _says(was) == _says(unit)), None)
        yield UnitPair(gone.pop(alike) if alike is not None else _nothing(unit), unit, key)
    for unit in gone.values():
        yield UnitPair(unit, _nothing(unit))


def _moved(
    gone: Mapping[str, Configuration], added: Mapping[str, Configuration], renames: Mapping[str, str]
) -> list[tuple[str, str]]:
    """The units that were moved with their files: a template is one file, a Terraform root the files in its folder, of
    which more were moved there than anywhere else."""
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


def _says(unit: Configuration) -> Sequence[object]:
    """What a unit lets whom do, without places."""
    policies = (*unit.policies, *unit.unchanged)
    found = [
        (policy.resource.address, policy.path, policy.kind.value, policy.principals,
         tuple(one.identity for one in parse_document(policy.document).statements))
        for policy in policies
    ]  # fmt: skip
    return sorted(found)


def _nothing(like: Configuration) -> Configuration:
    return Configuration(like.framework, (), account=like.account, home=like.home)


def _by_key(side: ReadPaths, root: Path) -> Iterator[tuple[str, Configuration]]:
    for path, configuration in side.units:
        yield _key(str(path), root), configuration


def _key(file: str, root: Path) -> str:
    return os.path.relpath(os.path.realpath(file), os.path.realpath(root))


def _concerns(lost: str, key: str, unit: Configuration) -> bool:
    """Whether what could not be had is the unit, holds it, or is a Terraform file of its folder."""
    if key == lost or key.startswith(lost + os.sep):
        return True
    folder, name = os.path.split(lost)
    is_terraform = ".tf" in name or ".tofu" in name
    return unit.framework is Framework.TERRAFORM and is_terraform and (folder or ".") == key


def _files(side: ReadPaths) -> tuple[str, ...]:
    return tuple(sorted({file for _, unit in side.units for file in unit.files}))
