"""Compare units with the values of files that no option names, such as a changed ``envs/prod.tfvars``."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Protocol

from passrole_checks.diff.change import GrantChange
from passrole_checks.findings import Confidence
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.merge_variants import with_files
from passrole_checks.scan.scanner import ReadPaths
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.sources.value_files.model import ValueFile, Variant


class ComparedUnit(Protocol):
    """The new and widened access of a unit, and the statements that moved to it."""

    new: list[GrantChange]
    widened: list[GrantChange]
    moved: list[GrantChange]


@dataclass(frozen=True, slots=True)
class VariantPair:
    """A unit with the values of one file, in its two versions.

    ``place``: the relative path of the unit. ``label``: the file, relative to the version, with its part. ``file``: the
    file of the new version. ``is_in_both``: the old version has the file; else ``old`` is the unit without its values.
    """

    place: str
    label: str
    old: Configuration
    new: Configuration
    file: ValueFile
    is_in_both: bool = True


@dataclass
class _Added:
    change: GrantChange
    group: str
    place: str
    labels: list[str] = field(default_factory=list)


def pair_variants(
    read: Sequence[ReadPaths],
    roots: Sequence[Path],
    bases: Mapping[str, Configuration],
    renames: Mapping[str, str],
) -> Iterator[VariantPair]:
    """Yield the variants of the new version, each with its counterpart in the old one.

    That is the unit with the values of the same file or, if there is none, the unit without these values. ``bases``:
    the units of the old version by the relative path of those of the new one. ``renames``: old file paths mapped to new
    ones.
    """
    old = {key: variant.configuration for key, variant in _by_key(read[0], roots[0], renames)}
    for (place, label), new in _by_key(read[1], roots[1], {}):
        if place in bases:
            before = old.get((place, label))
            known = before if before is not None else bases[place]
            yield VariantPair(place, label, known, new.configuration, new.file, is_in_both=before is not None)


def _by_key(side: ReadPaths, root: Path, renames: Mapping[str, str]) -> Iterator[tuple[tuple[str, str], Variant]]:
    for variant in side.variants:
        file = variant.file
        name = key_of(file.path, root)
        name = renames.get(name, name)
        label = f"{name} ({file.part})" if file.part else name
        yield (key_of(variant.path, root), label), variant


def key_of(file: str | Path, root: Path) -> str:
    """Return the path of a file below the root of its version."""
    return os.path.relpath(os.path.realpath(file), os.path.realpath(root))


def add_changes(units: Mapping[str, ComparedUnit], variants: Iterable[tuple[VariantPair, ComparedUnit]]) -> None:
    """Add to units the new and widened access that only their variants have, with the files as path condition."""
    added: dict[Hashable, _Added] = {}
    for pair, compared in variants:
        base = units[pair.place]
        known = {_key(change) for change in (*base.new, *base.widened, *base.moved)}
        for group in ("new", "widened"):
            for change in getattr(compared, group):
                key = _key(change)
                if key not in known:
                    added.setdefault((pair.place, key), _Added(change, group, pair.place)).labels.append(pair.label)
    for entry in added.values():
        change, labels = entry.change, list(dict.fromkeys(entry.labels))
        grant = replace(change.grant, when=with_files(change.grant.when, labels))
        confidence = change.confidence if change.confidence is Confidence.LOW else Confidence.MEDIUM
        getattr(units[entry.place], entry.group).append(replace(change, grant=grant, confidence=confidence))


def _key(change: GrantChange) -> Hashable:
    located = change.grant
    return located.grant.at, located.resource.address, located.statement_path, located.principals, located.grant.meaning
