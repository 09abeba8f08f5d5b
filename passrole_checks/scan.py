"""The one path from files to findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.iam.passrole import PassRoleGrant
from passrole_checks.sources.resource import Configuration, Framework, ResourceDefinition, Suppression, Unreadable


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What a scan is asked for.

    ``checks``/``skip_checks``: ids ``PASSROLE_nnn`` (empty ``checks``: all). ``account``: twelve digits, or None.
    ``unchanged``: judge what a plan leaves alone as well.
    """

    account: str | None = None
    checks: frozenset[str] = frozenset()
    skip_checks: frozenset[str] = frozenset()
    minimum_severity: Severity = Severity.LOW
    minimum_confidence: Confidence = Confidence.LOW
    unchanged: bool = False


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
    """``findings`` in order of file, line, check; suppressed ones included. ``files`` are those read as IaC."""

    findings: tuple[Finding, ...]
    grants: tuple[LocatedGrant, ...]
    unreadable: tuple[Unreadable, ...]
    not_evaluated: tuple[Unreadable, ...]
    unused_suppressions: tuple[Suppression, ...]
    files: tuple[str, ...]


def scan_paths(paths: Sequence[Path], options: ScanOptions) -> ScanResult:
    """Scan files and folders."""
    raise NotImplementedError


def scan_configurations(configurations: Sequence[Configuration], options: ScanOptions) -> ScanResult:
    """Judge configurations that a source has read."""
    raise NotImplementedError
