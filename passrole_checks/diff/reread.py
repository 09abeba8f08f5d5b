"""The units that a change concerns, to be compared once more: with another text in the place of the new version's.

Whoever tries what a line would make of the difference need not read anew what no line concerns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from passrole_checks.diff.change import AccessDifference
from passrole_checks.diff.read_versions import Side
from passrole_checks.diff.trusted_suppressions import with_old_wishes
from passrole_checks.diff.units import UnitPair
from passrole_checks.errors import InputError, internal_error
from passrole_checks.files.relocate_paths import relocate
from passrole_checks.scan.scanner import Analysis, ReadPaths, ScanOptions, judged
from passrole_checks.sources.files.read_boundary import Boundary
from passrole_checks.sources.model.configuration import Configuration, Framework, Inputs


class Touched:
    """``pairs``: the units that differ. ``settle`` makes a difference of pairs, and of what the checks say of the old
    side of each. Places are those of the two folders that were compared."""

    def __init__(
        self,
        pairs: Sequence[UnitPair],
        sides: tuple[Side, Side],
        options: ScanOptions,
        renames: Mapping[str, str],
        settle: Callable[[Sequence[UnitPair], Sequence[Analysis]], AccessDifference],
    ) -> None:
        self._pairs, self._sides, self._options, self._renames = pairs, sides, options, renames
        self._settle = settle
        self._before: list[Analysis] | None = None

    def __len__(self) -> int:
        return len(self._pairs)

    @property
    def read(self) -> ReadPaths:
        """The units of the new version."""
        top = self._sides[1].path
        units = ((top / pair.place if pair.place not in ("", ".") else top, pair.new) for pair in self._pairs)
        return ReadPaths(tuple(unit for unit in units if unit[1].files), (), (), boundary=Boundary.around(top))

    def again(self, top: Path) -> AccessDifference | None:
        """What differs where the folder ``top`` stands for the new version, of these units alone, with their places as
        if it were that; None where one of them cannot be read any more. No causes are looked for."""
        if self._before is None:
            self._before = [judged(pair.old, self._options) for pair in self._pairs]
        pairs = []
        for pair in self._pairs:
            try:
                other = self._read(pair, top) if pair.new.files else pair.new
            except (InputError, OSError):
                return None
            except Exception as error:  # of what was tried, and not of either version
                internal_error(error)
                return None
            roots = self._sides[0].path, top
            pairs.append(with_old_wishes(replace(pair, new=other), roots, self._renames, judged=True))
        return relocate(self._settle(pairs, self._before), {str(top): str(self._sides[1].path)})

    def _read(self, pair: UnitPair, top: Path) -> Configuration:
        from passrole_checks.sources import detect  # the readers are heavy

        place = top / pair.place if pair.place not in ("", ".") else top
        if pair.new.framework is Framework.TERRAFORM and not place.is_dir():
            raise InputError(str(place), "no folder")
        unit = detect.Unit(pair.new.framework, place, boundary=top)
        return detect.load(unit, unchanged=True, inputs=self._inputs(top))

    def _inputs(self, top: Path) -> Inputs:
        root = Path(os.path.realpath(self._sides[1].path))

        def there(path: Path) -> Path:
            real = Path(os.path.realpath(path))
            return top / real.relative_to(root) if real.is_relative_to(root) else path

        inputs = self._sides[1].inputs
        source = there(inputs.source) if inputs.source is not None else None
        exclusions = inputs.exclusions.relocated(str(root), str(top))
        return replace(inputs, var_files=tuple(map(there, inputs.var_files)), source=source, exclusions=exclusions)
