"""Compare the changed units again, with another text in place of the new version's.

Used to try what a line would change, without reading unaffected units again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from passrole_checks.diff.change import AccessDifference
from passrole_checks.diff.read_versions import Side
from passrole_checks.diff.trusted_suppressions import with_trusted_suppressions
from passrole_checks.diff.units import UnitPair, read_in
from passrole_checks.errors import InputError, internal_error
from passrole_checks.files.relocate_paths import relocate
from passrole_checks.scan.scanner import Analysis, ReadPaths, ScanOptions, analyze_or_fault
from passrole_checks.sources.files.read_boundary import Boundary


class AffectedUnits:
    """``pairs``: the units that differ. ``variants``: units with the values of files, and their labels.
    ``compare_again`` returns the difference of pairs, given the results for their old sides. Paths are those of the two
    folders that were compared.
    """

    def __init__(
        self,
        pairs: Sequence[UnitPair],
        variants: Sequence[tuple[str, UnitPair]],
        sides: tuple[Side, Side],
        options: ScanOptions,
        renames: Mapping[str, str],
        compare_again: Callable[[Sequence[UnitPair], Sequence[Analysis]], AccessDifference],
    ) -> None:
        self._pairs, self._sides, self._options, self._renames = pairs, sides, options, renames
        self._variants = variants
        self._compare_again = compare_again
        self._before: list[Analysis] | None = None

    def __len__(self) -> int:
        return len(self._pairs)

    @property
    def read(self) -> ReadPaths:
        """Return the units of the new version, and those with the values of files."""
        top = self._sides[1].path
        units = {
            pair.place: (top / pair.place if pair.place not in ("", ".") else top, pair.new)
            for pair in self._pairs
            if pair.new.files
        }
        variants = ((units[pair.place][0], pair.new) for _, pair in self._variants if pair.place in units)
        return ReadPaths(tuple(units.values()), (), (), boundary=Boundary.around(top), variants=tuple(variants))

    def compare_with(self, top: Path) -> AccessDifference | None:
        """Compare these units with the folder ``top`` in place of the new version; paths are named as in the new
        version.

        None if one of them cannot be read any more. Causes are not searched.
        """
        if self._before is None:
            self._before = [analyze_or_fault(pair.old, self._options) for pair in self._pairs]
        pairs = []
        for pair in self._pairs:
            try:
                other = read_in(pair, self._sides[1], top) if pair.new.files else pair.new
            except (InputError, OSError):
                return None
            except Exception as error:  # caused by the trial, not by either version
                internal_error(error)
                return None
            roots = self._sides[0].path, top
            pairs.append(with_trusted_suppressions(replace(pair, new=other), roots, self._renames, with_scans=True))
        return relocate(self._compare_again(pairs, self._before), {str(top): str(self._sides[1].path)})
