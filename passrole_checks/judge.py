"""One configuration, judged: the grants of its policies, what the checks say of each, and what nobody can tell."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from passrole_checks import suppressions
from passrole_checks.check import Check, Subject, module_of, shortened
from passrole_checks.checks import ALL
from passrole_checks.comparison import Changes, Gainer
from passrole_checks.errors import internal_error
from passrole_checks.findings import Confidence, Finding, Severity, Verdict
from passrole_checks.grouping import one_for_each_statement, shared_places
from passrole_checks.iam import deadline
from passrole_checks.iam.documents.policy import PolicyDocument, parse_document
from passrole_checks.iam.documents.trust import KnownRole, only_others, only_services, trusted_services
from passrole_checks.iam.outcomes import When, both, implies
from passrole_checks.iam.passing.passrole import PassRoleGrant, grants_of, under
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values import Hole, Kind, Part, Position, Text, join
from passrole_checks.knowledge.service_principals import known_services
from passrole_checks.policy_size import too_long
from passrole_checks.principals import Principals
from passrole_checks.reach import Reach, name_key
from passrole_checks.receiving import Receiving
from passrole_checks.scanned import LocatedGrant, ScanOptions
from passrole_checks.sources.policy_attributes import MANY_ACCOUNTS
from passrole_checks.sources.resource import (
    EVERY_RESOURCE,
    AttachedPolicy,
    Configuration,
    PolicyKind,
    RoleDefinition,
    Unreadable,
    faults_in,
    uses_in_its_own_way,
)

# a permission set is provisioned into many accounts, so a literal account in it is no mistake
_MANY_ACCOUNTS = MANY_ACCOUNTS | {
    "AWS::CloudFormation::StackSet", "AWS::Organizations::Policy", "AWS::SSO::PermissionSet",
}  # fmt: skip


_MOST_SECONDS = 300.0  # of computing, for a configuration whose source sets no limit


class Judge:
    """One configuration, judged: its findings, its grants, and what is wrong with its documents. ``weighing``: checks
    that weigh others also learn what those say which are not asked for."""

    def __init__(self, configuration: Configuration, options: ScanOptions, *, weighing: bool = True) -> None:
        self.configuration = configuration
        self.options = options
        self.weighing = weighing
        self.account = options.account or configuration.account
        self.services: dict[str, Collection[str]] = {name: known_services(name) for name in ("aws", "aws-cn")}
        self.roles, self.roles_by_name = known_roles(configuration.roles)
        compared = configuration.before is not None and any(check.compares and options.runs(check) for check in ALL)
        self.changes = Changes(configuration, self.services, self.account) if compared else None
        self.principals = Principals(configuration, self.account)
        self.reach = Reach(
            self.roles,
            self.roles_by_name,
            self.services,
            self.account,
            self.principals,
            Receiving(configuration, self.account),
        )
        self.grants: list[LocatedGrant] = []
        self.unreadable = list(configuration.unreadable)
        found: list[Finding] = []
        documents: dict[int, PolicyDocument] = {}
        self.shared: set[Position] = set()  # places of more than one statement of a document
        self.notes = list(too_long(configuration.policies))
        self.out_of_time = False
        seconds = configuration.seconds_left if configuration.seconds_left is not None else _MOST_SECONDS
        at: AttachedPolicy | None = None
        with deadline.limited(seconds) as limit:
            try:
                for at in configuration.policies:
                    if limit.is_over:
                        raise deadline.OutOfTimeError
                    found.extend(self._isolated(at, self._policy(at, documents)))
                found.extend(self._widened_elsewhere())
                found.extend(self._managed())
                self.notes += self._not_known() if any(check.joint and options.runs(check) for check in ALL) else []
            except deadline.OutOfTimeError:
                self.out_of_time = True
                self.unreadable.append(_not_judged(configuration, at))
        self.marked, used = suppressions.apply(found, configuration.suppressions)
        self.findings = list(one_for_each_statement(self.marked, self.shared))
        whole = not self.out_of_time and not faults_in(self.unreadable)  # else some findings may be missing
        ran = {check.id for check in ALL if options.runs(check)} if whole else set()
        self.unused = list(suppressions.unused(configuration.suppressions, used, ran))

    def _isolated(self, policy: AttachedPolicy, findings: Iterator[Finding]) -> Iterator[Finding]:
        """The findings of one policy; a fault of this package costs none of another policy's."""
        try:
            yield from findings
        except Exception as error:
            self.unreadable.append(_fault_in(policy, error))

    def _policy(self, policy: AttachedPolicy, documents: dict[int, PolicyDocument]) -> Iterator[Finding]:
        document = documents.get(id(policy.document))
        if document is None:
            trust = policy.kind is PolicyKind.TRUST
            document = documents[id(policy.document)] = parse_document(policy.document, trust=trust)
            self.shared.update(shared_places(document.statements))
        account = None if policy.resource.type in _MANY_ACCOUNTS else self.account
        grants = grants_of(document.statements, self.services, account)
        judged = policy.kind is PolicyKind.IDENTITY
        subjects = [self._subject(policy, document, grant) for grant in grants] if judged else []
        by_statement: dict[tuple[Position, str], list[PassRoleGrant]] = {}
        for grant in [subject.grant for subject in subjects] or grants:
            by_statement.setdefault((grant.at, grant.statement.path), []).append(grant)
        for variants in by_statement.values():
            widest = min(variants, key=lambda item: (item.denied, item.scope.width))
            dead = widest.denied or widest.scope is Scope.NOT_A_ROLE
            counts = judged or (widest.effect == "Deny" and self.principals.is_limit(policy))
            effect = "none" if not counts or dead else widest.effect.lower()
            path = _path(policy, widest)
            self.grants.append(LocatedGrant(widest, policy.resource, path, policy.principals, effect))
        if not judged:
            return
        self.unreadable.extend(unreadable_in(policy, document))
        for subject in subjects:
            for check, verdict, part in self._verdicts(policy, subject):
                yield self._finding(check, verdict, policy, part)

    def _managed(self) -> Iterator[Finding]:
        """What is wrong with the AWS managed policies that are attached. Their statements stand where that is done."""
        if not any(check.judges_managed and self.options.runs(check) for check in ALL):
            return
        for policy in self.principals.managed:
            yield from self._isolated(policy, self._by_itself(policy))

    def _by_itself(
        self, policy: AttachedPolicy, counts: Callable[[type[Check]], bool] = lambda _: True
    ) -> Iterator[Finding]:
        """What the checks that count say of a policy that is not among those of the configuration."""
        document = parse_document(policy.document)
        account = None if policy.resource.type in _MANY_ACCOUNTS else self.account
        for grant in grants_of(document.statements, self.services, account):
            subject = self._subject(policy, document, grant)
            for check, verdict, part in self._verdicts(policy, subject):
                if counts(check):
                    yield self._finding(check, verdict, policy, part)

    def _not_known(self) -> list[Unreadable]:
        """The managed policies that are attached here, and of which nobody here knows what they allow; each once."""
        return [
            Unreadable(
                one.at.file,
                f"{shortened(str(one.policy))}, attached to {one.holder}, is not here: what it allows is not known",
                one.at.line,
                f"policy {one.policy}",
            )
            for one in self.principals.unknown
        ]

    def _widened_elsewhere(self) -> Iterator[Finding]:
        """What a change makes of policies that it leaves as they are: a Deny is gone, a user joins their group, or
        somebody who holds them gets another policy."""
        touched = {holder for policy in self.configuration.policies for holder in policy.principals}
        for policy in self.configuration.unchanged:
            joined = not touched.isdisjoint(policy.principals)
            yield from self._isolated(policy, self._widened(policy, joined))

    def _widened(self, policy: AttachedPolicy, joined: bool) -> Iterator[Finding]:
        widened = self.changes is not None and (
            self.changes.loses_a_denial(policy) or self.changes.reaches_more(policy)
        )
        if widened or joined:
            yield from self._by_itself(policy, lambda one: (one.compares and widened) or (one.joint and joined))

    def _subject(self, policy: AttachedPolicy, document: PolicyDocument, grant: PassRoleGrant) -> Subject:
        many_accounts = policy.resource.type in _MANY_ACCOUNTS
        gainers: tuple[Gainer, ...] = ()
        if self.changes is not None and grant.effect == "Allow" and not grant.denied:
            gainers = self.changes.gainers(policy, grant.statement, many_accounts=many_accounts)
        holders = self.principals.of(policy) if grant.effect == "Allow" else ()
        if (
            grant.effect == "Allow"
            and not grant.denied
            and not any(self._passes(one, grant, many_accounts) for one in holders)
        ):
            grant = replace(grant, denied=True)
        return Subject(
            grant=grant,
            statements=document.statements,
            roles=self.roles,
            roles_by_name=self.roles_by_name,
            account=self.account,
            many_accounts=many_accounts,
            gainers=gainers,
            module=module_of(policy.resource.address),
            holders=holders,
            reach=self.reach,
            managed=policy.managed,
        )

    def _passes(self, holder: Principal, grant: PassRoleGrant, many_accounts: bool) -> bool:
        """Whether anything is left of a grant after the Deny statements of all policies of its holder, and within its
        permissions boundary and service control policies."""
        permissions = holder.permissions
        if holder.kind is PrincipalKind.POLICY or not (permissions.limits or permissions.denials):
            return True
        return self.reach.passing(holder, grant, many_accounts=many_accounts).anything is not None

    def _by_facts(self, policy: AttachedPolicy, subject: Subject) -> list[Subject]:
        """A grant in the hands of those who hold it under the same facts, for the checks that look at all policies."""
        if not policy.held:
            return [subject]
        groups: dict[When, list[Principal]] = {}
        for holder in subject.holders:
            for facts in self.principals.facts(policy, holder.name):
                merged = both(subject.grant.statement.when, facts)
                if merged is not None:
                    groups.setdefault(merged, []).append(holder)
        return [
            replace(subject, grant=under(subject.grant, facts), holders=tuple(holders))
            for facts, holders in groups.items()
        ]

    def _verdicts(self, policy: AttachedPolicy, subject: Subject) -> Iterator[tuple[type[Check], Verdict, Subject]]:
        """What the checks that are asked for say of a grant, with what they looked at. One that weighs others is told
        which of them flag it."""
        parts = self._by_facts(policy, subject)
        asked = [check for check in ALL if check.judges_managed or not subject.managed]
        running = [check for check in asked if self.options.runs(check)]
        weighed = {name for check in running for name in check.weighs if subject.gainers and self.weighing}
        said = {
            check: [
                (said, part)
                for part in (parts if check.joint else [subject])
                for said in self._evaluated(check, policy, part)
            ]
            for check in asked
            if not check.weighs and (self.options.runs(check) or check.id in weighed)
        }
        serious = {
            check.id
            for check, verdicts in said.items()
            if any(verdict.severity.rank >= Severity.MEDIUM.rank for verdict, _ in verdicts)
        }
        for check in running:
            if check.weighs:
                knowing = replace(subject, flagged=frozenset(serious & set(check.weighs)))
                said[check] = [(verdict, subject) for verdict in self._evaluated(check, policy, knowing)]
            more = [
                other
                for one, verdicts in said.items()
                if one.id in check.yields_to and self.options.runs(one)
                for other, _ in verdicts
            ]
            for verdict, part in said[check]:
                known = (*part.grant.statement.when, *verdict.when)
                if not any(_says_as_much(other, verdict, known) for other in more):
                    yield check, verdict, part

    def _evaluated(self, check: type[Check], policy: AttachedPolicy, subject: Subject) -> list[Verdict]:
        """What one check says; a fault in it costs nothing that the others say."""
        try:
            return list(check().evaluate(subject))
        except Exception as error:
            self.unreadable.append(_fault_in(policy, error, check.id))
            return []

    def _finding(self, check: type[Check], verdict: Verdict, policy: AttachedPolicy, subject: Subject) -> Finding:
        address, grant = policy.resource.address, subject.grant
        confidence = verdict.confidence
        if uses_in_its_own_way(policy.resource.type) and confidence is Confidence.HIGH:
            confidence = Confidence.MEDIUM
        gainers = tuple(gainer.who for gainer in subject.gainers) if check.compares else ()
        if verdict.when:
            grant = under(grant, both(grant.statement.when, verdict.when) or grant.statement.when)
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
            statement_path=policy.path if policy.managed else _path(policy, grant),
            sid=grant.sid,
            principals=tuple(filter(None, verdict.who)) or policy.principals,
            grant=grant,
            fingerprint=digest(
                check.id,
                self.configuration.framework.value,
                address,
                *((policy.managed,) if policy.managed else grant.statement.identity),
            ),
            gainers=gainers,
            who=verdict.who,
            managed=policy.managed,
        )


def _not_judged(configuration: Configuration, policy: AttachedPolicy | None) -> Unreadable:
    """The entry for what was not judged: a policy, and all that follows it."""
    if policy is None:
        return Unreadable(
            configuration.files[0] if configuration.files else "",
            "not judged: it takes too long",
            resource=EVERY_RESOURCE,
        )
    at = policy.resource.at
    reason = f"{policy.resource.address} and what follows it is not judged to the end: it takes too long"
    return Unreadable(at.file, reason, at.line, resource=EVERY_RESOURCE)


def _fault_in(policy: AttachedPolicy, error: Exception, check: str = "") -> Unreadable:
    at, address = policy.resource.at, policy.resource.address
    return Unreadable(at.file, internal_error(error, f"{address}: {check}" if check else address), at.line, fault=True)


def unreadable_in(policy: AttachedPolicy, document: PolicyDocument) -> Iterator[Unreadable]:
    """What of a policy's document cannot be read."""
    for problem in document.problems:
        address = policy.resource.address
        yield Unreadable(problem.at.file, f"{address}: {problem.reason}", problem.at.line, resource=address)


def unreadable_of(configuration: Configuration) -> Iterator[Unreadable]:
    """What of a configuration, and of its identity-based policies, cannot be read: what a scan of it names."""
    yield from configuration.unreadable
    documents: dict[int, PolicyDocument] = {}
    for policy in configuration.policies:
        if policy.kind is PolicyKind.IDENTITY:
            try:
                document = documents.get(id(policy.document))
                if document is None:
                    document = documents[id(policy.document)] = parse_document(policy.document)
                yield from unreadable_in(policy, document)
            except Exception as error:
                yield _fault_in(policy, error)


def _says_as_much(other: Verdict, verdict: Verdict, known: When) -> bool:
    """Whether another verdict is on the same principal, holds where the facts ``known`` do, and is no less severe or
    sure."""
    return (
        other.who == verdict.who
        and all(implies(known, fact) for fact in other.when)
        and other.severity.rank >= verdict.severity.rank
        and other.confidence.rank >= verdict.confidence.rank
    )


def _path(policy: AttachedPolicy, grant: PassRoleGrant) -> str:
    return "/".join(part for part in (policy.path, grant.statement.path) if part)


def known_roles(definitions: Iterable[RoleDefinition]) -> tuple[dict[str, KnownRole], dict[str, KnownRole]]:
    """The roles of a configuration by address, and by path and name (``app/worker``)."""
    by_address: dict[str, KnownRole] = {}
    by_name: dict[str, KnownRole] = {}
    for definition in definitions:
        trust = definition.trust
        role = KnownRole(
            definition.resource.address,
            trusted_services(trust),
            *only_others(trust),
            _role_arn(definition),
            only_services(trust),
            definition.there,
        )
        known = by_address.get(role.address)
        if known is not None:  # one whose properties are alternatives is there in each of them
            role = replace(role, there=(*known.there, *role.there) if known.there and role.there else ())
        by_address[role.address] = role
        path = name_key(definition.role_path.parts) if definition.role_path is not None else "/"
        name = name_key(definition.name.parts) if definition.name is not None else ""
        if name and path:
            by_name[f"{path.strip('/')}/{name}".lstrip("/")] = role
    return by_address, by_name


def _role_arn(definition: RoleDefinition) -> Text:
    """The ARN of a role as far as the configuration tells it, with holes for what it does not."""
    address, at = definition.resource.address, definition.resource.at
    name = definition.name.parts if definition.name is not None else (Hole(f"{address}.name", Kind.NAME),)
    path: tuple[Part, ...] = definition.role_path.parts if definition.role_path is not None else ("/",)
    place = (Hole("partition", Kind.PARTITION), Hole("account id", Kind.ACCOUNT_ID))
    return Text(join(["arn:", place[0], ":iam::", place[1], ":role", *path, *name]), at)


def digest(*parts: str) -> str:
    """A short name for texts in their order, the same in every run and version; others have another one."""
    unambiguous = (part.replace("\1", "\1\1").replace("\0", "\1\0") for part in parts)
    return hashlib.sha256("\0".join(unambiguous).encode("utf-8", "surrogatepass")).hexdigest()[:32]


__all__ = ["Judge", "LocatedGrant", "ScanOptions", "digest", "known_roles", "unreadable_in", "unreadable_of"]
