"""ScanOptions and ScanResult as plain data, so that renderers need not import the checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.path_conditions import is_off_by_default
from passrole_checks.sources.model.configuration import (
    NO_INPUTS,
    NO_PROVISIONING,
    Framework,
    HandedTo,
    Inputs,
    NamedEntities,
    Provisioning,
    ResourceDefinition,
    Suppression,
    Unreadable,
    faults_in,
)
from passrole_checks.sources.model.links import LinkSurface

if TYPE_CHECKING:
    from passrole_checks.checks.base.check import Check
    from passrole_checks.iam.grants.grant import PassRoleGrant
    from passrole_checks.iam.values.path_conditions import PathCondition
    from passrole_checks.sources.files.path_states import FileFingerprints


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """The options of a scan.

    ``checks``/``skip_checks``: ids ``PASSROLE_nnn`` (empty ``checks``: all). ``account``: twelve digits, or None.
    ``unchanged``: also check what a plan leaves unchanged. ``inputs``: values and files given beside the paths.
    ``missing_as_findings``: report policies of which nothing is known as findings, for hosts that show no notes.
    ``account_details``: files with the IAM entities of accounts, which are context only. ``inventory``: files with what
    other repositories declare and pass to others; ``repository``: the name of the scanned one there, if it is not that
    of its remote.
    """

    account: str | None = None
    checks: frozenset[str] = frozenset()
    skip_checks: frozenset[str] = frozenset()
    minimum_severity: Severity = Severity.LOW
    minimum_confidence: Confidence = Confidence.LOW
    unchanged: bool = False
    inputs: Inputs = NO_INPUTS
    missing_as_findings: bool = False
    account_details: tuple[Path, ...] = ()
    inventory: tuple[Path, ...] = ()
    repository: str = ""

    def runs(self, check: type[Check]) -> bool:
        """True if the check is requested."""
        return (not self.checks or check.id in self.checks) and check.id not in self.skip_checks

    def shows(self, finding: Finding) -> bool:
        """True if the finding has at least the requested severity and confidence."""
        return (
            finding.severity.rank >= self.minimum_severity.rank
            and finding.confidence.rank >= self.minimum_confidence.rank
        )


@dataclass(frozen=True, slots=True)
class LocatedGrant:
    """A statement about PassRole, or one variant of it, at its location.

    ``effect_on_passrole``: "allow", "deny", or "none" if it has no effect. ``when``: the path conditions under which
    this variant applies, each of them sufficient; empty if it always applies. ``managed``: the name of the AWS managed
    policy that contains it, empty for other policies. ``handed_to``: the kind of ``resource`` if the policy leaves the
    configuration there. ``account_policy``: the name of the customer managed policy that contains it, if that is
    declared elsewhere.
    """

    grant: PassRoleGrant
    resource: ResourceDefinition
    statement_path: str
    principals: tuple[str, ...]
    effect_on_passrole: str  # "allow", "deny", "none"
    when: tuple[PathCondition, ...] = ()
    managed: str = ""
    handed_to: HandedTo | None = None
    account_policy: str = ""

    @property
    def off_by_default(self) -> bool:
        """True if it applies only under conditions that the defaults of variables contradict."""
        return bool(self.when) and all(map(is_off_by_default, self.when))

    @property
    def origin(self) -> str:
        """Return where the statement comes from: "policy", "aws_managed_policy", "account_policy" for an attached
        policy that is declared elsewhere, or "handed_out" for a document that leaves the configuration."""
        if self.managed or self.account_policy:
            return "aws_managed_policy" if self.managed else "account_policy"
        return "policy" if self.handed_to is None else "handed_out"

    @property
    def managed_in_words(self) -> str:
        """The managed policy that contains the statement, with its kind; "" if it stands in the code."""
        if self.managed or self.account_policy:
            return f"{self.managed} (AWS managed)" if self.managed else f"{self.account_policy} (customer managed)"
        return ""

    @property
    def is_about_passrole(self) -> bool:
        """True if the statement grants or denies PassRole, or would if a Deny or its own condition did not prevent
        it."""
        return self.effect_on_passrole != "none" or self.grant.denied or self.grant.condition.dead


def statements_by_effect(entries: Iterable[LocatedGrant]) -> Counter[str]:
    """Count statements by their effect on PassRole, each once: "allow" if any of its variants allows, else "deny"."""
    effects: dict[tuple[object, ...], set[str]] = {}
    for entry in entries:
        key = (entry.grant.at, entry.resource, entry.statement_path, entry.principals)
        effects.setdefault(key, set()).add(entry.effect_on_passrole)
    return Counter(
        next(effect for effect in ("allow", "deny", "none") if effect in found) for found in effects.values()
    )


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The result of a scan.

    ``findings``: in order of file, line, check, with suppressed ones. ``files``: those read as infrastructure code.
    ``unreadable``: what was not checked in full, with the ``faults``, where this package failed. ``excluded``: the
    paths left out; folders end in ``/``.
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
        """Where this package failed, one entry for each unit or policy."""
        return faults_in(self.unreadable)


@dataclass(frozen=True, slots=True)
class DependentPolicy:
    """A policy that something missing decides, by the ``address`` of its resource and its ``path`` there.

    ``note``: about the module, the state or the value that is missing. ``option``: what makes the policy known.
    """

    note: Unreadable
    address: str
    path: str
    option: str = ""

    @property
    def subject(self) -> str:
        """The subject of the note."""
        return subject_of(self.note)


def subject_of(note: Unreadable) -> str:
    """Return the subject of a note, or its location and reason."""
    return note.subject or f"{note.file}:{note.line} {note.reason}"


@dataclass(frozen=True, slots=True)
class Analysis:
    """The results for one configuration as plain data.

    ``dependents``: policies of which nothing is known, for lack of something that the configuration does not contain.
    ``out_of_time``: part of it was not analyzed.
    """

    findings: tuple[Finding, ...]
    grants: tuple[LocatedGrant, ...]
    unreadable: tuple[Unreadable, ...]
    not_evaluated: tuple[Unreadable, ...]
    unused_suppressions: tuple[Suppression, ...]
    files: tuple[str, ...]
    dependents: tuple[DependentPolicy, ...] = ()
    out_of_time: bool = False

    @property
    def is_complete(self) -> bool:
        """True if the next scan of the same files cannot return more: nothing failed or ran out of time."""
        return not self.out_of_time and not faults_in(self.unreadable)


@dataclass(frozen=True, slots=True)
class ScannedUnit:
    """The result for one unit, without syntax trees, so that it is small and the same in every process.

    ``path``: a file or a Terraform root folder. ``analysis``: None if the unit could not be read; ``unreadable`` has
    the reason. ``provisioning``: that of its configuration. ``folders``:
    the folders of its resources. ``excluded``: its files that were left out. ``accesses``: the files that were
    accessed; None if it was not scanned. ``surface``, ``declared``: the answers to the request of the unit.
    """

    path: Path
    framework: Framework
    analysis: Analysis | None = None
    unreadable: Unreadable | None = None
    provisioning: Provisioning = NO_PROVISIONING
    folders: frozenset[str] = frozenset()
    excluded: tuple[str, ...] = ()
    surface: LinkSurface | None = None
    declared: tuple[NamedEntities | None, ...] = field(default=(), compare=False)
    accesses: FileFingerprints | None = field(default=None, compare=False, repr=False)
    out_of_time: bool = False  # it took too long to read

    @property
    def is_complete(self) -> bool:
        """True if the next scan of the same files cannot return more."""
        failed = self.unreadable is not None and self.unreadable.fault
        return not (failed or self.out_of_time) and (self.analysis is None or self.analysis.is_complete)
