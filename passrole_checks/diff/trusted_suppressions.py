"""In an untrusted new version, honor only suppressions that the old version had in the same place."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path

from passrole_checks.diff.units import UnitPair
from passrole_checks.sources.model.configuration import Configuration, Suppression, Unreadable


class _Texts(dict[str, list[str]]):
    """The lines of files, read once."""

    def __missing__(self, file: str) -> list[str]:
        try:
            lines = Path(file).read_text("utf-8-sig", errors="replace").splitlines()
        except OSError:
            lines = []
        self[file] = [" ".join(line.split()) for line in lines]
        return self[file]


IGNORED = "is ignored: it is new in this version"
"""End of the note on a suppression that only the new version has."""


def with_trusted_suppressions(
    pair: UnitPair, roots: tuple[Path, Path], renames: Mapping[str, str], *, with_scans: bool = False
) -> UnitPair:
    """Return the pair with only those suppressions of the new version that the old one has too.

    They must be for the same check, and for the same resource (even if renamed), for the block with the same header, or
    for the same file. A note reports each other one; unless all checks run (``with_scans``), only those of new-access.
    ``renames``: old file paths mapped to new ones.
    """
    if pair.is_same:
        return pair
    if pair.trial is not None:
        pair = replace(pair, trial=with_trusted_suppressions(pair.trial, roots, renames, with_scans=with_scans))
    texts = _Texts()
    known = {_key(suppression, roots[0], renames, texts) for suppression in pair.old.notes.suppressions}
    gone = set(_enclosing_blocks(pair.old, pair.new, texts).values())
    bodies = _enclosing_blocks(pair.new, pair.old, texts)
    counting: list[Suppression] = []
    others: list[Suppression] = []
    for number, one in enumerate(pair.new.notes.suppressions):
        is_trusted = _key(one, roots[1], {}, texts) in known or bodies.get(number) in gone
        (counting if is_trusted else others).append(one)
    notes = tuple(
        Unreadable(other.at.file, f"the suppression of {other.check_id} {IGNORED}", other.at.line)
        for other in others
        if with_scans or other.check_id == "PASSROLE_015"
    )
    new = replace(
        pair.new,
        notes=replace(
            pair.new.notes, suppressions=tuple(counting), not_evaluated=(*pair.new.notes.not_evaluated, *notes)
        ),
    )
    return replace(pair, new=new)


def _key(one: Suppression, root: Path, renames: Mapping[str, str], texts: _Texts) -> Hashable:
    if one.resource is not None:
        return one.check_id, one.resource
    file = os.path.relpath(os.path.realpath(one.at.file), os.path.realpath(root))
    return one.check_id, renames.get(file, file), _block_key(one, texts)


def _enclosing_blocks(side: Configuration, other: Configuration, texts: _Texts) -> dict[int, Hashable]:
    """Map suppressions (by index) of resources that the other version does not have to their check and the block around
    them, without the header, which contains the name.
    """
    other_addresses = {resource.address for resource in other.resources}
    places = {resource.address: resource.at for resource in side.resources}
    found: dict[int, Hashable] = {}
    for number, one in enumerate(side.notes.suppressions):
        span = one.span or (places.get(one.resource) if one.resource is not None else None)
        if one.resource is None or one.resource in other_addresses or span is None:
            continue
        body = texts[span.file][span.line : max(span.line, span.end_line)]
        if any(body):
            found[number] = one.check_id, tuple(body)
    return found


def _block_key(one: Suppression, texts: _Texts) -> Hashable:
    """Return the block of a suppression: its header if unique in the file, else its whole text."""
    if one.span is None:
        return None
    lines = texts[one.span.file]
    block = lines[one.span.line - 1 : max(one.span.line, one.span.end_line)]
    header = block[0] if block else ""
    return header if Counter(lines)[header] == 1 else tuple(block)
