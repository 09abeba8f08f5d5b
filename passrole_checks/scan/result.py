"""What a scan is asked for and what it gives, as plain data: whoever only tells of it needs no checks for that."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.sources.model.configuration import (
    NO_INPUTS,
    Framework,
    Inputs,
    ResourceDefinition,
    Suppression,
    Unreadable,
    faults_in,
)

if TYPE_CHECKING:
    from passrole_checks.checks.base.check import Check
    from passrole_checks.iam.grants.grant import PassRoleGrant
    from passrole_checks.sources.files.fingerprints import FileFingerprints


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What a scan is asked for.

    ``checks``/``skip_checks``: ids ``PASSROLE_nnn`` (empty ``checks``: all). ``account``: twelve digits, or None.
    ``unchanged``: judge what a plan leaves alone as well. ``inputs``: what is known beside the files.
    """

    account: str | None = None
    checks: frozenset[str] = frozenset()
    skip_checks: frozenset[str] = frozenset()
    minimum_severity: Severity = Severity.LOW
    minimum_confidence: Confidence = Confidence.LOW
    unchanged: bool = False
    inputs: Inputs = NO_INPUTS

    def runs(self, check: type[Check]) -> bool:
        """Whether the check was asked for."""
        return (not self.checks or check.id in self.checks) and check.id not in self.skip_checks

    def shows(self, finding: Finding) -> bool:
        """Whether the finding is as severe and as sure as was asked for."""
        return (
            finding.severity.rank >= self.minimum_severity.rank
            and finding.confidence.rank >= self.minimum_confidence.rank
        )


@dataclass(frozen=True, slots=True)
class LocatedGrant:
    """A statement that grants or denies PassRole (or, with ``effect_on_passrole`` "none", cannot), at its place."""

    grant: PassRoleGrant
    resource: ResourceDefinition
    statement_path: str
    principals: tuple[str, ...]
    effect_on_passrole: str  # "allow", "deny", "none"


@dataclass(frozen=True, slots=True)
class ScanResult:
    """``findings`` in order of file, line, check; suppressed ones included. ``files`` are those read as IaC.

    ``unreadable`` includes the ``faults``: where this package itself failed. Neither was judged in full.
    ``excluded``: the paths that were left out; folders, which end in ``/``, as a whole.
    """

    findings: tuple[Finding, ...]
    grants: tuple[LocatedGrant, ...]
    unreadable: tuple[Unreadable, ...]
    not_evaluated: tuple[Unreadable, ...]
    unused_suppressions: tuple[Suppression, ...]
    files: tuple[str, ...]
    excluded: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[Unreadable, ...]:
        """Where this package itself failed, one entry for each unit or policy."""
        return faults_in(self.unreadable)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the checks say of one configuration, before it is put beside the others.

    ``out_of_time``: they did not get to see all of it.
    """

    findings: tuple[Finding, ...]
    grants: tuple[LocatedGrant, ...]
    unreadable: tuple[Unreadable, ...]
    not_evaluated: tuple[Unreadable, ...]
    unused_suppressions: tuple[Suppression, ...]
    files: tuple[str, ...]
    out_of_time: bool = False

    @property
    def is_complete(self) -> bool:
        """True if the next scan of the same files cannot return more: nothing failed or ran out of time."""
        return not self.out_of_time and not faults_in(self.unreadable)


@dataclass(frozen=True, slots=True)
class ScannedUnit:
    """What the scan of one unit gives: no syntax, so that it is small, and the same in whichever process it was made.

    ``path``: where the unit was found, a file or a Terraform root folder. ``judged``: None where the unit could not be
    read; ``unreadable`` then says why. ``nested``, ``stacks`` and ``parameters`` are those of its configuration,
    ``folders`` those that its resources are in; ``excluded``: the files of it that were left out. ``looked``: what its
    reading has looked at; None where it was not scanned.
    """

    path: Path
    framework: Framework
    judged: Analysis | None = None
    unreadable: Unreadable | None = None
    nested: tuple[str, ...] = ()
    stacks: tuple[tuple[str, str], ...] = ()
    parameters: tuple[str, ...] = ()
    folders: frozenset[str] = frozenset()
    excluded: tuple[str, ...] = ()
    looked: FileFingerprints | None = field(default=None, compare=False, repr=False)
    out_of_time: bool = False  # it took too long to read

    @property
    def is_complete(self) -> bool:
        """True if the next scan of the same files cannot return more."""
        failed = self.unreadable is not None and self.unreadable.fault
        return not (failed or self.out_of_time) and (self.judged is None or self.judged.is_complete)
