"""Suppressions of a new version that is not trusted: they count where the old version has them in the same place."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path

from passrole_checks.difference.units import Pair
from passrole_checks.sources.resource import Suppression, Unreadable


class _Texts(dict[str, list[str]]):
    """The lines of files, read once."""

    def __missing__(self, file: str) -> list[str]:
        try:
            lines = Path(file).read_text("utf-8-sig", errors="replace").splitlines()
        except OSError:
            lines = []
        self[file] = [" ".join(line.split()) for line in lines]
        return self[file]


def with_old_wishes(pair: Pair, roots: tuple[Path, Path], renames: Mapping[str, str]) -> Pair:
    """The pair with those suppressions of the new version only that the old one has too: of the same check, for the
    same resource, or for the block of the same header or the whole file, in the same file. Of each other one is told
    that it does not count. ``renames``: files of the old folder with their names in the new one."""
    texts = _Texts()
    known = {_key(one, roots[0], renames, texts) for one in pair.old.suppressions}
    counting: list[Suppression] = []
    others: list[Suppression] = []
    for one in pair.new.suppressions:
        (counting if _key(one, roots[1], {}, texts) in known else others).append(one)
    told = tuple(
        Unreadable(one.at.file, f"the suppression of {one.check_id} does not count, since it is new here", one.at.line)
        for one in others
        if one.check_id == "PASSROLE_015"
    )
    new = replace(pair.new, suppressions=tuple(counting), not_evaluated=(*pair.new.not_evaluated, *told))
    return replace(pair, new=new)


def _key(one: Suppression, root: Path, renames: Mapping[str, str], texts: _Texts) -> Hashable:
    if one.resource is not None:
        return one.check_id, one.resource
    file = os.path.relpath(os.path.realpath(one.at.file), os.path.realpath(root))
    return one.check_id, renames.get(file, file), _holder(one, texts)


def _holder(one: Suppression, texts: _Texts) -> Hashable:
    """The block that a suppression stands in, told by its header; by its whole text where others have the same one."""
    if one.span is None:
        return None
    lines = texts[one.span.file]
    block = lines[one.span.line - 1 : max(one.span.line, one.span.end_line)]
    header = block[0] if block else ""
    return header if Counter(lines)[header] == 1 else tuple(block)
