"""Fail closed: the blocks of a host that must fail because input could not be analyzed.

The command line names such input and exits 2 or 3. A host has only the blocks that it shows to its checks, so each
problem fails the blocks that it concerns, or the nearest ones if the host does not show those.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import field

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.model.addresses import Segments, contains, names_of, segments_of
from passrole_checks.sources.model.configuration import EVERY_RESOURCE, Unreadable


@dataclass(frozen=True, slots=True)
class HostBlock:
    """A block that a host shows to its checks.

    ``key`` is the host's own name for it. ``callers`` are the files whose module calls lead to its file, the nearest
    first. ``is_resource`` is False for module calls and data sources, which fail only if no resource can.
    """

    key: Hashable
    address: str
    file: str
    lines: tuple[int, int] | None = None
    callers: tuple[str, ...] = ()
    is_resource: bool = True


@dataclass(frozen=True)
class ShownBlocks:
    """The blocks of one unit (a Terraform root, a plan, a template) that a host shows, indexed."""

    blocks: Sequence[HostBlock]
    real: Callable[[str], str] = os.path.realpath
    _by_names: dict[tuple[str, ...], list[tuple[Segments, HostBlock]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _by_file: dict[str, list[HostBlock]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for block in self.blocks:
            segments = segments_of(block.address)
            self._by_names[names_of(segments)].append((segments, block))
            self._by_file[self.real(block.file)].append(block)

    def failed_by(self, problems: Iterable[Unreadable]) -> Mapping[Hashable, Sequence[Unreadable]]:
        """Return the problems that each block must fail for, by the keys of the blocks."""
        failed: dict[Hashable, list[Unreadable]] = defaultdict(list)
        for problem in problems:
            for block in self._concerned(problem):
                failed[block.key].append(problem)
        return failed

    def _concerned(self, problem: Unreadable) -> Sequence[HostBlock]:
        """Return the blocks that a problem concerns: by address, by location, in the same file, or else all of the
        unit."""
        here = self._by_file.get(self.real(problem.file), ())
        if problem.resource == EVERY_RESOURCE:
            return _resources(self.blocks) or self.blocks
        return (
            self._around(problem.resource)
            or [block for block in _resources(here) if _holds_line(block, problem.line)]
            or _resources(here)
            or _resources(self.blocks)
            or here
            or self.blocks
        )

    def _around(self, address: str) -> Sequence[HostBlock]:
        """Return the block with this address, or the innermost module call or nested stack around it."""
        segments = segments_of(address)
        names = names_of(segments)
        for depth in range(len(segments), 0, -1):
            blocks = [one for outer, one in self._by_names.get(names[:depth], ()) if contains(outer, segments)]
            if blocks:
                return blocks
        return ()


def _resources(blocks: Iterable[HostBlock]) -> list[HostBlock]:
    return [block for block in blocks if block.is_resource]


def _holds_line(block: HostBlock, line: int | None) -> bool:
    return line is not None and block.lines is not None and block.lines[0] <= line <= block.lines[1]
