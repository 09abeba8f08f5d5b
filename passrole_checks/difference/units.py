"""The units of two versions, each with its counterpart: a template with a template, a Terraform root with a root."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from passrole_checks.iam.policy import parse_document
from passrole_checks.scan import ReadPaths, ScanOptions, read_paths
from passrole_checks.sources.recognize import NOT_INFRASTRUCTURE
from passrole_checks.sources.resource import Configuration, Unreadable


@dataclass(frozen=True, slots=True)
class Pair:
    """A unit in two versions. One that is in one version only has an empty configuration in the other."""

    old: Configuration
    new: Configuration


@dataclass(frozen=True, slots=True)
class Versions:
    """``notes``: what is not compared, because its counterpart cannot be read, and what of the inputs nothing uses."""

    pairs: tuple[Pair, ...]
    unreadable: tuple[Unreadable, ...]
    notes: tuple[Unreadable, ...]
    files: tuple[tuple[str, ...], tuple[str, ...]]


def versions_of(old: Path, new: Path, options: ScanOptions) -> Versions:
    """Read two files or two folders and pair what is in them.

    Two files are a pair. In folders the same path below them makes a pair, and what is left over is one where it holds
    exactly the same (it was moved). Nothing is compared with what cannot be read.
    """
    read = read_paths([old], options), read_paths([new], options)
    found = [dict(_by_key(side, path)) for side, path in zip(read, (old, new), strict=True)]
    one_file = not (_is_folder(old) and _is_folder(new))
    single = one_file and all(len(side.units) <= 1 for side in read)
    notes = [note for side in read for note in side.notes]
    for number, other in ((0, 1), (1, 0)):
        for entry in read[number].unreadable:
            if entry.reason == NOT_INFRASTRUCTURE:
                continue  # it holds nothing, so that there is nothing that it could not tell
            lost = _key(entry.file, (old, new)[number])
            for key in [key for key in found[other] if single or key == lost or _is_below(lost, key)]:
                if key in found[number] and not single:
                    continue  # a part of it could not be read
                configuration = found[other].pop(key)
                reason = "not compared, because its counterpart cannot be read"
                notes.append(Unreadable((configuration.files or (entry.file,))[0], reason))
    if single:
        keys = {key: "" for side in found for key in side}
        found = [{keys[key]: unit for key, unit in side.items()} for side in found]
    return Versions(
        tuple(_pairs(found[0], found[1])),
        (*read[0].unreadable, *read[1].unreadable),
        tuple(dict.fromkeys(notes)),
        (_files(read[0]), _files(read[1])),
    )


def _pairs(old: dict[str, Configuration], new: dict[str, Configuration]) -> Iterator[Pair]:
    for key in sorted(old.keys() & new.keys()):
        yield Pair(old[key], new[key])
    gone = {key: unit for key, unit in sorted(old.items()) if key not in new}
    for key, unit in sorted(new.items()):
        if key in old:
            continue
        moved = next((other for other, was in gone.items() if _says(was) == _says(unit)), None)
        yield Pair(gone.pop(moved) if moved is not None else _nothing(unit), unit)
    for unit in gone.values():
        yield Pair(unit, _nothing(unit))


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


def _is_below(key: str, folder: str) -> bool:
    return folder == "." or key.startswith(folder + os.sep)


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)


def _files(side: ReadPaths) -> tuple[str, ...]:
    return tuple(sorted({file for _, unit in side.units for file in unit.files}))
