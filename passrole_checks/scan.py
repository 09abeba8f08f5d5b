"""The one path from files to findings."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from passrole_checks import suppressions
from passrole_checks.check import Check, Subject, shortened
from passrole_checks.checks import ALL
from passrole_checks.errors import InputError
from passrole_checks.findings import Confidence, Finding, Severity, Verdict
from passrole_checks.iam.arn import Scope
from passrole_checks.iam.passrole import PassRoleGrant, grants_of
from passrole_checks.iam.policy import PolicyDocument, parse_document
from passrole_checks.iam.trust import KnownRole, trusted_services
from passrole_checks.iam.values import Position, Text
from passrole_checks.knowledge.service_principals import known_services
from passrole_checks.sources.resource import (
    NO_INPUTS,
    AttachedPolicy,
    Configuration,
    Inputs,
    PolicyKind,
    ResourceDefinition,
    RoleDefinition,
    Suppression,
    Unreadable,
)

# a permission set is provisioned into many accounts, so a literal account in it is no mistake
_MANY_ACCOUNTS = frozenset({"AWS::SSO::PermissionSet", "aws_ssoadmin_permission_set_inline_policy"})


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
        return (not self.checks or check.id in self.checks) and check.id not in self.skip_checks

    def shows(self, finding: Finding) -> bool:
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
    """``findings`` in order of file, line, check; suppressed ones included. ``files`` are those read as IaC."""

    findings: tuple[Finding, ...]
    grants: tuple[LocatedGrant, ...]
    unreadable: tuple[Unreadable, ...]
    not_evaluated: tuple[Unreadable, ...]
    unused_suppressions: tuple[Suppression, ...]
    files: tuple[str, ...]


def scan_paths(paths: Sequence[Path], options: ScanOptions) -> ScanResult:
    """Scan files and folders. What cannot be read is in ``unreadable``, and the rest is scanned all the same."""
    from passrole_checks.sources import detect  # the readers are heavy, and a host that has read brings none

    discovery = detect.discover(paths)
    configurations: list[Configuration] = []
    unreadable = list(discovery.unreadable)
    for unit in discovery.units:
        try:
            configurations.append(detect.load(unit, unchanged=options.unchanged, inputs=options.inputs))
        except InputError as error:
            unreadable.append(Unreadable(error.file, error.reason, error.line))
    result = scan_configurations(configurations, options)
    return replace(result, unreadable=_in_order([*unreadable, *result.unreadable]))


def scan_configurations(configurations: Sequence[Configuration], options: ScanOptions) -> ScanResult:
    """Judge configurations that a source has read."""
    judged = [_Judge(configuration, options) for configuration in configurations]
    findings = sorted(
        (finding for judge in judged for finding in judge.findings),
        key=lambda item: (item.at.file, item.at.line, item.at.column, item.check_id, item.resource.address),
    )
    return ScanResult(
        findings=tuple(_numbered(item for item in findings if options.shows(item))),
        grants=tuple(
            sorted(
                (grant for judge in judged for grant in judge.grants),
                key=lambda item: (
                    item.grant.at.file,
                    item.grant.at.line,
                    item.grant.at.column,
                    item.resource.address,
                    item.statement_path,
                ),
            )
        ),
        unreadable=_in_order(item for judge in judged for item in judge.unreadable),
        not_evaluated=_in_order(item for configuration in configurations for item in configuration.not_evaluated),
        unused_suppressions=tuple(item for judge in judged for item in judge.unused),
        files=tuple(sorted({file for configuration in configurations for file in configuration.files})),
    )


class _Judge:
    """One configuration, judged: its findings, its grants, and what is wrong with its documents."""

    def __init__(self, configuration: Configuration, options: ScanOptions) -> None:
        self.configuration = configuration
        self.options = options
        self.account = options.account or configuration.account
        self.services: dict[str, Collection[str]] = {name: known_services(name) for name in ("aws", "aws-cn")}
        self.roles, self.roles_by_name = _known_roles(configuration.roles)
        self.grants: list[LocatedGrant] = []
        self.unreadable = list(configuration.unreadable)
        found: list[Finding] = []
        documents: dict[int, PolicyDocument] = {}
        for policy in configuration.policies:
            document = documents.get(id(policy.document))
            if document is None:
                document = documents[id(policy.document)] = parse_document(policy.document)
            found.extend(self._policy(policy, document))
        marked, used = suppressions.apply(found, configuration.suppressions)
        self.findings = list(_one_for_each_statement(marked))
        ran = {check.id for check in ALL if options.runs(check)}
        self.unused = [
            item
            for item in configuration.suppressions
            if item not in used and item.check_id in ran and item.origin != "cfn-lint"
        ]

    def _policy(self, policy: AttachedPolicy, document: PolicyDocument) -> Iterator[Finding]:
        account = None if policy.resource.type in _MANY_ACCOUNTS else self.account
        grants = grants_of(document.statements, self.services, account)
        judged = policy.kind is PolicyKind.IDENTITY
        by_statement: dict[tuple[Position, str], list[PassRoleGrant]] = {}
        for grant in grants:
            by_statement.setdefault((grant.at, grant.statement.path), []).append(grant)
        for variants in by_statement.values():
            widest = min(variants, key=lambda item: (item.denied, item.scope.width))
            dead = widest.scope is Scope.NOT_A_ROLE and not widest.complement
            effect = "none" if not judged or dead else widest.effect.lower()
            path = _path(policy, widest)
            self.grants.append(LocatedGrant(widest, policy.resource, path, policy.principals, effect))
        if not judged:
            return
        self.unreadable.extend(
            Unreadable(problem.at.file, f"{policy.resource.address}: {problem.reason}", problem.at.line)
            for problem in document.problems
        )
        for grant in grants:
            subject = Subject(
                grant=grant,
                statements=document.statements,
                roles=self.roles,
                roles_by_name=self.roles_by_name,
                account=self.account,
                many_accounts=policy.resource.type in _MANY_ACCOUNTS,
            )
            for check in ALL:
                if self.options.runs(check):
                    for verdict in check().evaluate(subject):
                        yield self._finding(check, verdict, policy, grant)

    def _finding(self, check: type[Check], verdict: Verdict, policy: AttachedPolicy, grant: PassRoleGrant) -> Finding:
        address = policy.resource.address
        return Finding(
            check_id=check.id,
            name=check.name,
            severity=verdict.severity,
            confidence=verdict.confidence,
            message=verdict.message,
            remediation=verdict.remediation,
            at=grant.at,
            framework=self.configuration.framework,
            resource=policy.resource,
            uses=(address,),
            statement_path=_path(policy, grant),
            sid=grant.sid,
            principals=policy.principals,
            grant=grant,
            fingerprint=_digest(check.id, self.configuration.framework.value, address, *grant.statement.identity),
        )


def _path(policy: AttachedPolicy, grant: PassRoleGrant) -> str:
    return "/".join(part for part in (policy.path, grant.statement.path) if part)


def _known_roles(definitions: Iterable[RoleDefinition]) -> tuple[dict[str, KnownRole], dict[str, KnownRole]]:
    by_address: dict[str, KnownRole] = {}
    by_name: dict[str, KnownRole] = {}
    for definition in definitions:
        role = KnownRole(definition.resource.address, trusted_services(definition.trust))
        by_address[definition.resource.address] = role
        name = _literal(definition.name)
        path = _literal(definition.role_path) if definition.role_path is not None else "/"
        if name and path is not None:
            by_name[f"{path.strip('/')}/{name}".lstrip("/")] = role
    return by_address, by_name


def _literal(value: Text | None) -> str | None:
    return value.literal if value is not None else None


def _one_for_each_statement(findings: Iterable[Finding]) -> Iterator[Finding]:
    """One statement used by ten resources is one finding with ten uses; where its alternatives differ, the worst one
    speaks for the statement."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        # statements of a JSON text on one line share their place, so the path within the document tells them apart
        within = finding.grant.statement.path if finding.grant is not None else ""
        groups.setdefault((finding.check_id, finding.at, within, finding.suppressed is None), []).append(finding)
    for group in groups.values():
        by_address: dict[str, Finding] = {}
        for finding in group:
            known = by_address.get(finding.resource.address)
            if known is None or _badness(finding) > _badness(known):
                by_address[finding.resource.address] = finding
        verdicts: dict[Severity, list[Finding]] = {}
        for finding in by_address.values():
            verdicts.setdefault(finding.severity, []).append(finding)
        for same in verdicts.values():
            uses = tuple(dict.fromkeys(finding.resource.address for finding in same))
            principals = tuple(dict.fromkeys(name for finding in same for name in finding.principals))
            message = same[0].message + _circumstances([item for item in group if item.severity is same[0].severity])
            yield replace(same[0], uses=uses, principals=principals, message=message)


def _circumstances(findings: Sequence[Finding]) -> str:
    """Sentences that name the outcomes under which all of these findings hold, and the defaults that were taken."""
    statements = [finding.grant.statement for finding in findings if finding.grant is not None]
    if not statements:
        return ""
    first, *others = statements
    when = [item for item in first.when if all(item in other.when for other in others)]
    words = ""
    if when:
        shown = " and ".join(f"{shortened(name)} is {value}" for name, value in when[:2])
        more = f", and {len(when) - 2} more conditions" if len(when) > 2 else ""
        words += f" This holds when {shown}{more}."
    if first.defaults:
        shown = ", ".join(first.defaults[:3])
        words += f" By default ({shown}{', …' if len(first.defaults) > 3 else ''})."
    return words


def _badness(finding: Finding) -> tuple[int, int]:
    return finding.severity.rank, finding.confidence.rank


def _numbered(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings with fingerprints that differ: the second of two equal ones is counted."""
    seen: dict[str, int] = {}
    for finding in findings:
        count = seen[finding.fingerprint] = seen.get(finding.fingerprint, 0) + 1
        yield finding if count == 1 else replace(finding, fingerprint=_digest(finding.fingerprint, str(count)))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _in_order(items: Iterable[Unreadable]) -> tuple[Unreadable, ...]:
    return tuple(sorted(set(items), key=lambda item: (item.file, item.line or 0, item.reason)))
