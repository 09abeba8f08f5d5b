"""The one path from files to findings."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from passrole_checks import suppressions
from passrole_checks.check import Check, Subject, module_of
from passrole_checks.checks import ALL
from passrole_checks.comparison import Changes, Gainer
from passrole_checks.errors import InputError
from passrole_checks.findings import Confidence, Finding, Severity, Verdict
from passrole_checks.grouping import one_for_all_roots, one_for_each_statement, shared_places
from passrole_checks.iam.arn import Scope
from passrole_checks.iam.passrole import PassRoleGrant, grants_of
from passrole_checks.iam.policy import PolicyDocument, parse_document
from passrole_checks.iam.trust import KnownRole, trusted_services
from passrole_checks.iam.values import Position, Text
from passrole_checks.knowledge.service_principals import known_services
from passrole_checks.sources.policy_attributes import MANY_ACCOUNTS
from passrole_checks.sources.resource import (
    NO_INPUTS,
    AttachedPolicy,
    Configuration,
    Framework,
    Inputs,
    PolicyKind,
    ResourceDefinition,
    RoleDefinition,
    Suppression,
    Unreadable,
    uses_in_its_own_way,
)

# a permission set is provisioned into many accounts, so a literal account in it is no mistake
_MANY_ACCOUNTS = MANY_ACCOUNTS | {
    "AWS::CloudFormation::StackSet", "AWS::Organizations::Policy", "AWS::SSO::PermissionSet",
}  # fmt: skip


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
    read = read_paths(paths, options)
    result = scan_configurations([configuration for _, configuration in read.units], options)
    folders = {os.path.dirname(item.at.file) for _, unit in read.units for item in unit.resources}
    return replace(
        result,
        unreadable=_in_order([*read.unreadable, *result.unreadable]),
        not_evaluated=_told_once(
            [*result.not_evaluated, *read.notes], {os.path.realpath(folder) for folder in folders}
        ),
    )


@dataclass(frozen=True, slots=True)
class ReadPaths:
    """``units``: each configuration with where it was found, a file or a Terraform root folder; ``notes``: what of the
    inputs nothing uses."""

    units: tuple[tuple[Path, Configuration], ...]
    unreadable: tuple[Unreadable, ...]
    notes: tuple[Unreadable, ...]


def read_paths(paths: Sequence[Path], options: ScanOptions) -> ReadPaths:
    """Read files and folders, judging nothing. Never raises: what cannot be read is in ``unreadable``."""
    from passrole_checks.sources import detect  # the readers are heavy, and a host that has read brings none

    discovery = detect.discover(paths)
    units: list[tuple[Path, Configuration]] = []
    unreadable = list(discovery.unreadable)
    for unit in discovery.units:
        try:
            found = detect.load(unit, unchanged=options.unchanged, inputs=options.inputs)
        except InputError as error:
            unreadable.append(Unreadable(error.file, error.reason, error.line))
        else:
            units.append((unit.only or unit.path, found))
    units = _called_by_none(units)
    roots = [unit.path for unit in discovery.units if unit.framework is Framework.TERRAFORM]
    templates = [unit for _, unit in units if unit.framework in (Framework.CLOUDFORMATION, Framework.SAM)]
    declared = frozenset(name for unit in templates for name in unit.parameters) if templates else None
    complaints, notes = detect.about_inputs(roots, options.inputs, declared)
    return ReadPaths(tuple(units), (*unreadable, *complaints), tuple(notes))


def _called_by_none(units: Sequence[tuple[Path, Configuration]]) -> list[tuple[Path, Configuration]]:
    """The units without the templates that another one was read with, as the template of a nested stack; those that
    call each other in a circle stay."""
    calls = {str(path): frozenset(unit.nested) for path, unit in units}
    left, roots = set(calls), set[str]()
    while left:  # what a root does not reach, because it lies too deep, is one itself
        called = {file for path in left for file in calls[path] if path not in calls.get(file, ())}
        found = (left - called) or left
        roots |= found
        left = left.difference(found, *(calls[path] for path in found))
    return [(path, unit) for path, unit in units if str(path) in roots]


def _told_once(notes: Iterable[Unreadable], evaluated: Collection[str]) -> tuple[Unreadable, ...]:
    """The notes, one for each subject, without those about a folder that was evaluated after all."""
    told: dict[object, Unreadable] = {}
    for note in _in_order(notes):
        if note.subject not in evaluated:
            told.setdefault(note.subject or note, note)
    return tuple(told.values())


def scan_configurations(configurations: Sequence[Configuration], options: ScanOptions) -> ScanResult:
    """Judge configurations that a source has read."""
    judged = [_Judge(configuration, options) for configuration in configurations]
    findings = sorted(
        one_for_all_roots(finding for judge in judged for finding in judge.findings),
        key=lambda item: (
            item.at.file,
            item.at.line,
            item.at.column,
            item.statement_path,
            item.check_id,
            item.resource.address,
        ),
    )
    return ScanResult(
        findings=tuple(_numbered(item for item in findings if options.shows(item))),
        grants=tuple(
            sorted(
                _different(grant for judge in judged for grant in judge.grants),
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


def findings_of_change(
    configuration: Configuration, options: ScanOptions
) -> tuple[tuple[Finding, ...], tuple[Unreadable, ...]]:
    """The findings of the checks that compare, one a policy and statement (under one combination of alternatives), for
    a configuration that says what was before it; and what in it cannot be read."""
    comparing = frozenset(check.id for check in ALL if check.compares)
    judge = _Judge(configuration, replace(options, checks=comparing, skip_checks=frozenset()))
    return tuple(judge.marked), tuple(judge.unreadable)


class _Judge:
    """One configuration, judged: its findings, its grants, and what is wrong with its documents."""

    def __init__(self, configuration: Configuration, options: ScanOptions) -> None:
        self.configuration = configuration
        self.options = options
        self.account = options.account or configuration.account
        self.services: dict[str, Collection[str]] = {name: known_services(name) for name in ("aws", "aws-cn")}
        self.roles, self.roles_by_name = _known_roles(configuration.roles)
        compared = configuration.before is not None and any(check.compares and options.runs(check) for check in ALL)
        self.changes = Changes(configuration, self.services, self.account) if compared else None
        self.grants: list[LocatedGrant] = []
        self.unreadable = list(configuration.unreadable)
        found: list[Finding] = []
        documents: dict[int, PolicyDocument] = {}
        self.shared: set[Position] = set()  # places of more than one statement of a document
        for policy in configuration.policies:
            document = documents.get(id(policy.document))
            if document is None:
                document = documents[id(policy.document)] = parse_document(policy.document)
                self.shared.update(shared_places(document.statements))
            found.extend(self._policy(policy, document))
        found.extend(self._widened_elsewhere())
        self.marked, used = suppressions.apply(found, configuration.suppressions)
        self.findings = list(one_for_each_statement(self.marked, self.shared))
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
            subject = self._subject(policy, document, grant)
            for check, verdict in self._verdicts(subject):
                yield self._finding(check, verdict, policy, subject)

    def _widened_elsewhere(self) -> Iterator[Finding]:
        """What a change makes of policies that it leaves as they are: a Deny is gone, or a user joins their group."""
        for policy in self.configuration.unchanged:
            if self.changes is None or not (self.changes.loses_a_denial(policy) or self.changes.reaches_more(policy)):
                continue
            document = parse_document(policy.document)
            account = None if policy.resource.type in _MANY_ACCOUNTS else self.account
            for grant in grants_of(document.statements, self.services, account):
                subject = self._subject(policy, document, grant)
                for check, verdict in self._verdicts(subject):
                    if check.compares:
                        yield self._finding(check, verdict, policy, subject)

    def _subject(self, policy: AttachedPolicy, document: PolicyDocument, grant: PassRoleGrant) -> Subject:
        many_accounts = policy.resource.type in _MANY_ACCOUNTS
        gainers: tuple[Gainer, ...] = ()
        if self.changes is not None and grant.effect == "Allow" and not grant.denied:
            gainers = self.changes.gainers(policy, grant.statement, many_accounts=many_accounts)
        return Subject(
            grant=grant,
            statements=document.statements,
            roles=self.roles,
            roles_by_name=self.roles_by_name,
            account=self.account,
            many_accounts=many_accounts,
            gainers=gainers,
            module=module_of(policy.resource.address),
        )

    def _verdicts(self, subject: Subject) -> Iterator[tuple[type[Check], Verdict]]:
        """What the checks that are asked for say of a grant. One that weighs others is told which of them flag it."""
        said = {
            check: list(check().evaluate(subject))
            for check in ALL
            if not check.weighs and (self.options.runs(check) or subject.gainers)
        }
        serious = {
            check.id
            for check, verdicts in said.items()
            if any(verdict.severity.rank >= Severity.MEDIUM.rank for verdict in verdicts)
        }
        for check in ALL:
            if self.options.runs(check):
                weighed = replace(subject, flagged=frozenset(serious & set(check.weighs)))
                for verdict in said[check] if check in said else check().evaluate(weighed):
                    yield check, verdict

    def _finding(self, check: type[Check], verdict: Verdict, policy: AttachedPolicy, subject: Subject) -> Finding:
        address, grant = policy.resource.address, subject.grant
        confidence = verdict.confidence
        if uses_in_its_own_way(policy.resource.type) and confidence is Confidence.HIGH:
            confidence = Confidence.MEDIUM
        gainers = tuple(gainer.who for gainer in subject.gainers) if check.compares else ()
        message = verdict.message
        if self.configuration.incomplete.intersection(gainers):
            message += " Other policies, which the change does not name, may have let them do so before."
            confidence = Confidence.MEDIUM if confidence is Confidence.HIGH else confidence
        return Finding(
            check_id=check.id,
            name=check.name,
            severity=verdict.severity,
            confidence=confidence,
            message=message,
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
            gainers=gainers,
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


def _different(grants: Iterable[LocatedGrant]) -> Iterator[LocatedGrant]:
    """The grants without those that another root brings in just the same."""
    seen: set[tuple[object, ...]] = set()
    for located in grants:
        grant = located.grant
        roles = tuple(str(role.pattern) for role in grant.roles)
        effect = (located.effect_on_passrole, grant.denied, grant.scope, grant.services, grant.other_conditions)
        key = (grant.at, located.resource, located.statement_path, located.principals, roles, *effect)
        if key not in seen:
            seen.add(key)
            yield located


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
