"""Results of comparing two versions."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Protocol

from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.documents.trust_comparison import TrustedPrincipal
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Position
from passrole_checks.scan.scanner import LocatedGrant, ReadPaths, ScanResult
from passrole_checks.sources.model.configuration import Unreadable

StatementKey = tuple[Position, str]
"""The position and the path of a statement."""


@dataclass(frozen=True, slots=True)
class GrantChange:
    """A statement that grants more, or less, than before.

    ``grant.principals``: those whose access differs. ``before``: the counterpart in the old version, if any. ``cause``:
    the position that causes the difference, if outside the statement; ``cause_removed``: it is in the old version and
    was removed. ``severity`` and ``confidence`` are those of the check new-access; ``suppressed``: that check is
    suppressed here. ``context``: what else decides on the access in the new version, as texts
    (:func:`passrole_checks.diff.context.context_of`). ``values``: if it moved, the expressions whose values may be
    others in the other unit. ``repeats``: the path of the example that has the same access already, if it did not move.
    """

    grant: LocatedGrant
    before: LocatedGrant | None
    cause: Position | None
    severity: Severity
    confidence: Confidence
    message: str
    suppressed: bool
    cause_removed: bool = False
    context: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    repeats: str = ""


@dataclass(frozen=True, slots=True)
class TrustChange:
    """A role of both versions that principals may newly assume: ``trusted``, by the statement ``at`` a position of its
    trust policy in the new version."""

    role: str
    at: Position
    trusted: tuple[TrustedPrincipal, ...]


@dataclass(frozen=True, slots=True)
class AccessDifference:
    """The difference in access between two versions.

    ``unchanged``: number of Allow statements of the new version in none of the lists. ``renamed``: old and new
    addresses treated as the same. ``unreadable``: files of either version that could not be read. ``moved``: statements
    moved to another unit, with the old one in ``before``. ``left_out_files``: changed paths that are deliberately not
    read (symbolic links, submodules), each once with the reason; ``left_out`` counts them. ``standing``: items not
    evaluated in either version for the same reason, and unchanged. ``scans``: scan results of both versions if
    requested, with the trusted suppressions in HEAD; ``touched``: then the units that differ, for comparing again.
    ``counterparts``: statements of the new version, each with that of the old one that it was, if in another resource
    or file of its unit. ``excluded``: paths of either version excluded by request. ``unused_values``: files of the new
    version with values that were not evaluated. ``trusts``: the roles that more principals may assume.
    """

    new: tuple[GrantChange, ...]
    widened: tuple[GrantChange, ...]
    narrowed: tuple[GrantChange, ...]
    removed: tuple[GrantChange, ...]
    unchanged: int
    renamed: tuple[tuple[str, str], ...]
    unreadable: tuple[Unreadable, ...]
    not_evaluated: tuple[Unreadable, ...]
    files: tuple[tuple[str, ...], tuple[str, ...]]  # files read as IaC, of the old and of the new version
    left_out: int = 0
    standing: tuple[Unreadable, ...] = ()
    scans: tuple[ScanResult, ScanResult] | None = None
    left_out_files: tuple[Unreadable, ...] = ()
    excluded: tuple[str, ...] = ()
    moved: tuple[GrantChange, ...] = ()
    counterparts: tuple[tuple[StatementKey, StatementKey], ...] = ()
    unused_values: tuple[str, ...] = ()
    trusts: tuple[TrustChange, ...] = ()
    touched: ReplayableUnits | None = field(default=None, repr=False, compare=False)


class ReplayableUnits(Protocol):
    """The units that differ between both versions (:class:`passrole_checks.diff.reread.AffectedUnits`)."""

    @property
    def read(self) -> ReadPaths:
        """Return the units of the new version."""

    def compare_with(self, top: Path) -> AccessDifference | None:
        """Compare again, with another folder in place of the new version; None if it cannot be read."""
