"""Suppressions of a new version that is not trusted: they count where the old version has them in the same place."""

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


IGNORED = "does not count, since it is new here"
"""How the note ends on a suppression that only the new version has."""


def with_old_wishes(
    pair: UnitPair, roots: tuple[Path, Path], renames: Mapping[str, str], *, judged: bool = False
) -> UnitPair:
    """The pair with those suppressions of the new version only that the old one has too: of the same check, for the
    same resource (one that was only renamed included), or for the block of the same header or the whole file, in the
    same file. Of each other one is told that it does not count; unless all checks have ``judged``, of those of
    new-access alone. ``renames``: files of the old folder with their names in the new one."""
    if pair.is_same:
        return pair
    texts = _Texts()
    known = {_key(one, roots[0], renames, texts) for one in pair.old.suppressions}
    gone = set(_bodies(pair.old, pair.new, texts).values())
    bodies = _bodies(pair.new, pair.old, texts)
    counting: list[Suppression] = []
    others: list[Suppression] = []
    for number, one in enumerate(pair.new.suppressions):
        stood = _key(one, roots[1], {}, texts) in known or bodies.get(number) in gone
        (counting if stood else others).append(one)
    told = tuple(
        Unreadable(one.at.file, f"the suppression of {one.check_id} {IGNORED}", one.at.line)
        for one in others
        if judged or one.check_id == "PASSROLE_015"
    )
    new = replace(pair.new, suppressions=tuple(counting), not_evaluated=(*pair.new.not_evaluated, *told))
    return replace(pair, new=new)


def _key(one: Suppression, root: Path, renames: Mapping[str, str], texts: _Texts) -> Hashable:
    if one.resource is not None:
        return one.check_id, one.resource
    file = os.path.relpath(os.path.realpath(one.at.file), os.path.realpath(root))
    return one.check_id, renames.get(file, file), _holder(one, texts)


def _bodies(side: Configuration, other: Configuration, texts: _Texts) -> dict[int, Hashable]:
    """The suppressions, by their number, of resources that the other version does not have: each with its check and
    the block that it stands in, but for the header, which holds the name."""
    there = {resource.address for resource in other.resources}
    places = {resource.address: resource.at for resource in side.resources}
    found: dict[int, Hashable] = {}
    for number, one in enumerate(side.suppressions):
        span = one.span or (places.get(one.resource) if one.resource is not None else None)
        if one.resource is None or one.resource in there or span is None:
            continue
        body = texts[span.file][span.line : max(span.line, span.end_line)]
        if any(body):
            found[number] = one.check_id, tuple(body)
    return found


def _holder(one: Suppression, texts: _Texts) -> Hashable:
    """The block that a suppression stands in, told by its header; by its whole text where others have the same one."""
    if one.span is None:
        return None
    lines = texts[one.span.file]
    block = lines[one.span.line - 1 : max(one.span.line, one.span.end_line)]
    header = block[0] if block else ""
    return header if Counter(lines)[header] == 1 else tuple(block)
