"""What the comparison of two versions says."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.partial_values import Position
from passrole_checks.scan.scanner import LocatedGrant, ReadPaths, ScanResult
from passrole_checks.sources.model.configuration import Unreadable


@dataclass(frozen=True, slots=True)
class GrantChange:
    """A statement that gives more, or less, than before.

    ``grant.principals`` are those whose access differs. ``before`` is its counterpart in the old version, None where
    there is none. ``cause``: what makes the difference, where it is neither of the two; ``cause_removed``: it stood in
    the old version, and is gone. ``severity`` and ``confidence`` are those of the check new-access; ``suppressed``:
    that check is suppressed there.
    """

    grant: LocatedGrant
    before: LocatedGrant | None
    cause: Position | None
    severity: Severity
    confidence: Confidence
    message: str
    suppressed: bool
    cause_removed: bool = False


@dataclass(frozen=True, slots=True)
class AccessDifference:
    """``unchanged`` counts the Allow statements of the new version that are in none of the lists. ``renamed``: old and
    new addresses that were taken for the same. ``unreadable``: what of either version could not be read.
    ``moved``: statements that stand in another unit now, with ``before`` where they stood.
    ``left_out_files``: what has changed and is knowingly not read, as symbolic links and submodules, each path once,
    with the reason; ``left_out`` counts it. ``standing``: what is not evaluated in either version, for the same reason,
    and has not been touched. ``scans``: what the checks say of each version, where that was asked for, of HEAD with the
    suppressions that count; ``touched``: then, the units that are not the same in both, to be compared again.
    ``excluded``: the paths of either version that were left out on request."""

    new: tuple[GrantChange, ...]
    widened: tuple[GrantChange, ...]
    narrowed: tuple[GrantChange, ...]
    removed: tuple[GrantChange, ...]
    unchanged: int
    renamed: tuple[tuple[str, str], ...]
    unreadable: tuple[Unreadable, ...]
    not_evaluated: tuple[Unreadable, ...]
    files: tuple[tuple[str, ...], tuple[str, ...]]  # read as IaC, of the old version and of the new one
    left_out: int = 0
    standing: tuple[Unreadable, ...] = ()
    scans: tuple[ScanResult, ScanResult] | None = None
    left_out_files: tuple[Unreadable, ...] = ()
    excluded: tuple[str, ...] = ()
    moved: tuple[GrantChange, ...] = ()
    touched: Touching | None = field(default=None, repr=False, compare=False)


class Touching(Protocol):
    """The units that are not the same in both versions (:class:`passrole_checks.diff.reread.Touched`)."""

    @property
    def read(self) -> ReadPaths:
        """Those of the new version."""

    def again(self, top: Path) -> AccessDifference | None:
        """What differs where another folder stands for the new version; None where it cannot be read."""
