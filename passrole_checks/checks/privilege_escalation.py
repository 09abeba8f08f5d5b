"""PASSROLE_008."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from passrole_checks.access.launches import Launch, launch_by, path_rank
from passrole_checks.access.passable_roles import PassableRoles, RoleGains
from passrole_checks.access.role_privilege import PrivilegeGain, can_do_everything
from passrole_checks.access.severity import PassedAccess, Roles, Services, Use, severity_of
from passrole_checks.checks.base.bounded_roles import BOUNDED, creates_only_bounded
from passrole_checks.checks.base.check import TO_LAMBDA, Check, Example, ExampleRole, allow
from passrole_checks.checks.base.context_wording import place_of
from passrole_checks.checks.base.escalations import cause_of_managed_policy, principal_name, verdicts_on_holders
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.base.grants import is_deployment, is_execution_role, is_handover, narrows_services, roles_of
from passrole_checks.checks.base.wording import (
    and_condition,
    beside,
    by_short_name,
    configuration_in_words,
    except_denied,
    limited_by_tags,
    narrow_execution_role,
    only_by_own_account,
)
from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.findings import Confidence, Escalation, Outcome, Severity, Verdict
from passrole_checks.iam.documents.trust import KnownRole, service_of_linked_role
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Ternary
from passrole_checks.iam.values.path_conditions import PathCondition, implies_all, is_off_by_default, negate

_START = allow(["lambda:CreateFunction", "lambda:InvokeFunction"], "*")
_APP = "arn:aws:iam::111122223333:role/app-*"


class PrivilegeEscalation(Check):
    """A principal can pass a role and start a workload that acts with it, so it can act as that role.

    A principal that can pass a role to Lambda and create a function runs code with that role's permissions; the same
    goes for instances, tasks, builds, notebooks, stacks and many more. The check considers all policies of a principal
    together, with those of its groups and AWS managed ones, less what a Deny, a permissions boundary, a condition or
    the trust policies of the roles exclude. It names published paths (by their pathfinding.cloud id) and inferred
    ones: actions that pass a role to a service which runs caller code.

    Severity high: any role in the account, or a role of this configuration that reaches IAM or everything. Less
    privileged roles of this configuration count as in stronger-role; roles no more privileged than the principal do
    not count. Unknown roles: a name pattern without a service condition is medium; otherwise info at low
    confidence, since deployments normally pass roles to the service that runs them. At most medium at low
    confidence, for principals that exist to deploy (only CloudFormation, Service Catalog, Fault Injection Service, or
    workflows of named repositories, can assume them), and for those that only their own account can assume, if they
    pass exactly named roles that only CloudFormation can assume. At most low for those that only EventBridge or Step
    Functions can assume, to start ECS tasks, or only a service that never runs caller code (AWS Backup, Batch).
    Administrators, and principals that can grant themselves every permission, are any-role.

    Remove one of the two: restrict `Resource` to roles no more privileged than the principal and add an
    `iam:PassedToService` condition; or remove the permissions that launch workloads with the role. Source: IAM User
    Guide, "Grant a user permissions to pass a role to an AWS service".
    """

    id = "PASSROLE_008"
    name = "privilege-escalation"
    title = "Ensure that no principal can both pass a role and launch a workload that acts with it"
    severity = Severity.HIGH
    checks_managed_policies = True
    needs_all_policies = True
    flagged = (
        Example("any role, and functions", (allow("iam:PassRole", "*", TO_LAMBDA),), beside=(_START,)),
        Example("a role that is an administrator",
                (allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-admin", TO_LAMBDA),), beside=(_START,),
                roles=(ExampleRole("app-admin", ("lambda.amazonaws.com",), (allow("*", "*"),)),)),
        Example("roles with a prefix, to any service (medium)", (allow("iam:PassRole", _APP),), beside=(_START,)),
        Example("roles with a prefix, to one service (info)",
                (allow("iam:PassRole", _APP, TO_LAMBDA),), beside=(_START,)),
    )  # fmt: skip
    clean = (
        Example("nothing that could be started", (allow("iam:PassRole", _APP, TO_LAMBDA), allow("lambda:Get*", "*"))),
        Example("another service", (allow("iam:PassRole", _APP, TO_LAMBDA),), beside=(allow("ec2:RunInstances", "*"),)),
        Example("a Deny in another policy", (allow("iam:PassRole", _APP, TO_LAMBDA),),
                beside=(_START, {"Effect": "Deny", "Action": "lambda:Create*", "Resource": "*"})),
        Example("administrators, who are any-role", (allow("*", "*"),)),
        Example("a role that can do no more",
                (allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-reader", TO_LAMBDA),),
                beside=(_START, allow("s3:Get*", "*")),
                roles=(ExampleRole("app-reader", ("lambda.amazonaws.com",), (allow("s3:GetObject", "*"),)),)),
    )  # fmt: skip

    def evaluate(self, context: GrantContext) -> Iterator[Verdict]:
        grant, reach = context.grant, context.passable_roles
        if grant.roles and not grant.complement and all(service_of_linked_role(role.pattern) for role in grant.roles):
            return  # service-linked roles: each can be assumed by its own service only, whose code no caller writes
        yield from verdicts_on_holders(context, partial(_about, context, reach))


_RESTRICT = "Restrict `Resource` to roles no more privileged than this principal"
_REPLACE = (
    "Replace the AWS managed policy with a customer managed one that names roles no more privileged than this principal"
    " in `Resource` and has an `iam:PassedToService` condition"
)
_WORKLOADS = ", or remove the permissions that launch workloads with the role."
_MOST_PATHS = 3  # published ones that are named; of more, some examples


def _about(context: GrantContext, reach: PassableRoles, holder: Principal) -> Iterator[Verdict]:
    grant = context.grant
    ways = reach.open_ways(holder, grant.statement.when)
    if context.policy.managed and holder.kind is PrincipalKind.POLICY:
        return  # passed to a module that is not downloaded: the other permissions of its principals are unknown
    if context.policy.managed:  # a way within the AWS managed policy itself is what managed-policy says
        ways = tuple(
            way for way in ways if any(one.at.file.rpartition("/")[2] != context.policy.managed for one in way.by)
        )
    if grant.granted_by == "*" and grant.scope is Scope.ANY_ROLE:  # everything, if only under a condition: any-role
        own = (grant.at, grant.statement.path)  # the statements of a text on one line have one place
        # a way that has something of it, and needs nothing that it does not give, it opens by itself
        everything = any(role.pattern.literal == "*" for role in grant.roles) and not grant.complement
        if everything and grant.statement.condition is None:
            return  # an administrator, wherever the statement is there
        other = all if everything else any
        ways = tuple(way for way in ways if other((one.at, one.path) != own for one in way.by))
    if not ways:
        return
    passing = context.effective_grant(holder)
    found = [one for way in ways if (one := launch_by(way, passing, reach)) is not None]
    published = {name for one in found if not one.way.way.derived for name in one.way.way.actions}
    found = [one for one in found if not (one.way.way.derived and one.way.way.actions[0] in published)]
    if not found:
        return
    found = [one for one in found if not can_do_everything(holder, one.when)]
    worst: Severity | None = None
    while found:  # one verdict for paths under the same path condition; others only if they gain more
        facts = min((one.when for one in [one for one in found if _is_sure(one)] or found), key=len)
        together = [one for one in found if implies_all(facts, one.when)]
        found = [one for one in found if one not in together]
        for verdict in _verdicts(context, reach, holder, together, facts):
            if worst is None or verdict.severity.rank > worst.rank:
                worst = verdict.severity
                yield verdict


def _verdicts(
    context: GrantContext, reach: PassableRoles, holder: Principal, found: Sequence[Launch], facts: PathCondition
) -> Iterator[Verdict]:
    """Yield the verdict on paths; before it, if a role that is off by default decides it, that without such roles."""
    verdict = _verdict(context, reach, holder, found, facts)
    off = [one for one in verdict.when if one.off_by_default] if verdict is not None else []
    if off and not is_off_by_default(facts):
        on = (*facts, *map(negate, off))
        others = [replace(one, roles=reach.roles_that_may_exist(one.roles, on)) for one in found]
        yield from filter(None, (_verdict(context, reach, holder, others, facts),))
    yield from filter(None, (verdict,))


def _verdict(
    context: GrantContext, reach: PassableRoles, holder: Principal, found: Sequence[Launch], facts: PathCondition
) -> Verdict | None:
    """Return the verdict on paths that are open under the same path condition; None if nothing is gained."""
    gained, _ = reach.strongest(reach.union([one.roles for one in found]), holder, facts)
    access = _access(context, found, [one for _, one in gained])
    if access is None:
        return None
    severity, otherwise = severity_of(access), _access(context, found, ())
    if otherwise is None or severity_of(otherwise).rank < severity.rank:  # it is what roles can do that decides
        facts = min((one.when for _, one in gained if one.severity is severity), key=len)
    gained = [item for item in gained if implies_all(facts, item[1].when)]
    found = [replace(one, roles=reach.roles_that_may_exist(one.roles, facts)) for one in found]
    trust = context.trust_of(holder)
    confidence = _confidence(context, holder, found, gained, severity, facts)
    unknown = any(not one.reached.all_known for one in found)
    may_be_none = not gained and context.limit_may_exclude_all(holder)
    reached = [role for role, _ in gained]
    access = replace(
        access,
        is_handover=is_handover(context, reached, holder),
        is_deployment=is_deployment(context, reached, holder, facts),
        holder=trust.holder,
        confidence=confidence,
        may_be_none=may_be_none,
        are_bounded=_are_bounded(holder, found, facts),
    )
    only = BOUNDED if access.are_bounded and not gained else ""
    only += only_by_own_account(trust, is_deployment=access.is_deployment)
    return Verdict(
        severity_of(access),
        _message(context, found, gained, unknown, holder.name, only),
        _remedy(context, holder, found, gained),
        confidence,
        who=(principal_name(holder),),
        when=facts,
        cause=_cause(context, holder, found, unknown=unknown and not gained),
        reaches=tuple(role.address for role, _ in gained if not any(map(_is_any, found))),
        escalations=(_escalation(found, gained, holder),),
    )


def _are_bounded(holder: Principal, found: Sequence[Launch], when: PathCondition) -> bool:
    """True if a principal can create and change all roles of the paths only with a permissions boundary."""
    return all(
        not one.passed.complement and creates_only_bounded(holder, one.passed.roles, when)
        for one in {one.passed.roles: one for one in found}.values()
    )


def _remedy(context: GrantContext, holder: Principal, found: Sequence[Launch], gained: RoleGains) -> str:
    """Return what to write: other roles, or if these are named and unknown here, their service."""
    if context.policy.managed:
        return _REPLACE + _WORKLOADS
    condition = and_condition(context.grant)
    if (
        gained
        and not any(_many(one) or _is_any(one) for one in found)
        and is_execution_role([role for role, _ in gained])
    ):
        return narrow_execution_role(context.grant, holder, is_bootstrap=context.is_cdk_bootstrap)
    is_named = not any(one.passed.complement or _is_any(one) for one in found)
    if is_named and not gained and condition.startswith(" and add "):
        them = "these roles" if any(map(_many, found)) else "this role"
        return f"A{condition[6:]} with the service that uses {them}{_WORKLOADS}"
    return f"{_RESTRICT}{condition}{_WORKLOADS}"


def _escalation(found: Sequence[Launch], gained: RoleGains, holder: Principal) -> Escalation:
    """Return what the named path is about: any role, the most privileged known roles, or patterns of unknown ones."""
    ranked, named = _named(_strongest(found), gained)
    first = ranked[0]
    way = first.way.way
    outcome, roles, gain = Outcome.ROLES, tuple(map(str, first.passed.roles)), ""
    if first.passed.scope is Scope.ANY_ROLE or first.passed.complement:
        outcome, roles = Outcome.ADMINISTRATOR, ()
    elif named:
        worst = named[0][1]
        outcome = Outcome.ADMINISTRATOR if worst.severity is Severity.HIGH else Outcome.MORE
        roles, gain = tuple(role.address for role, one in named if one.severity is worst.severity), worst.words
    return Escalation(principal_name(holder), outcome, roles, gain, next(iter(first.services), ""), way.actions, way.id)


def _cause(context: GrantContext, holder: Principal, found: Sequence[Launch], *, unknown: bool) -> str:
    """Return what equals for several statements with one cause: the AWS managed policy and the users of a principal, if
    that escalates to any role; the principal, if roles are ``unknown``; and the paths. "" if there is no such cause."""
    if context.policy.managed:
        cause = cause_of_managed_policy(context, holder) if all(map(_is_any, found)) else ""
    else:
        cause = context.name_of(holder) if unknown else ""
    return f"{cause} {_ids(_strongest(found))}" if cause else ""


def _is_any(one: Launch) -> bool:
    return one.passed.scope is Scope.ANY_ROLE and not one.passed.complement


def _is_sure(one: Launch) -> bool:
    return one.way.certain is Ternary.YES and one.passed.certain is Ternary.YES


def _access(context: GrantContext, found: Sequence[Launch], gained: Sequence[PrivilegeGain]) -> PassedAccess | None:
    """Return the access to roles by the open paths, before who can use the holder; None if nothing is gained.

    Deployments normally pass named roles to the service that runs them, and AWS names roles of one service in its
    policies, so these count as passed to the services of the paths.
    """
    roles = max((roles_of(one.passed.scope, one.passed.complement) for one in found), default=Roles.NONE)
    if roles is not Roles.ANY and all(one.reached.all_known for one in found):
        roles = Roles.NONE
    if not gained and not roles:
        return None
    is_open = roles is Roles.PATTERN and not narrows_services(context.grant) and not context.policy.managed
    gain = max((one.severity for one in gained), key=lambda grade: grade.rank, default=None)
    return PassedAccess(roles, Services.ANY if is_open else Services.CALLER_CODE, Use.LAUNCH, gain)


def _confidence(
    context: GrantContext,
    holder: Principal,
    found: Sequence[Launch],
    gained: RoleGains,
    severity: Severity,
    facts: PathCondition,
) -> Confidence:
    sure = [one for one in found if _is_sure(one)]
    if not sure or any(one.passed.scope is Scope.UNRESOLVED for one in sure):
        return Confidence.LOW
    wide = any(one.passed.scope is Scope.ANY_ROLE or one.passed.complement for one in sure)
    decided = [one for _, one in gained if one.severity is severity]
    if (
        not wide
        and (decided or severity.rank <= Severity.LOW.rank)
        and all(one.certain is not Ternary.YES for one in decided)
    ):
        return Confidence.LOW
    grant = context.grant
    open_questions = facts or grant.associated_resource_arn or grant.resource_tag or holder.unknown
    if open_questions or holder.kind is PrincipalKind.POLICY:
        return Confidence.MEDIUM
    return Confidence.HIGH


def _message(
    context: GrantContext, found: Sequence[Launch], gained: RoleGains, unknown: bool, own: str, only: str
) -> str:
    ranked, gained = _named(_strongest(found), gained)
    first = ranked[0]
    any_role = first.passed.scope is Scope.ANY_ROLE or first.passed.complement
    others = first.roles.all_but(own)
    if any_role:  # the examples are roles that the service can assume, whatever unresolved values are
        gained = [item for item in gained if not item[0].names_accounts]
        by_accounts = first.roles.named_by_accounts
        others = tuple(address for address in others if address not in by_accounts) if by_accounts else others
    escalates = gained or any_role or not unknown
    services = list(dict.fromkeys(_service_in_words(one, gained) for one in ranked[:_MOST_NAMED] if one.services))
    to = f" to {services[0]}" if services else ""
    actions = listed([f"`{action}`" for action in dict.fromkeys(first.way.way.actions)], 4)
    by_name = () if escalates or others else context.passable_roles.with_generated_names(first.passed, context.grant)
    words = f"can {'escalate to' if escalates else 'start a workload with'} {_roles(context, first, own, gained)}: "
    words += f"pass {'them' if _many(first) else 'it'}{to} with {actions}"
    words += f", or to {' or '.join(services[1:])}" if len(services) > 1 else ""
    words += f" ({_ids(ranked)})."
    words += (
        f" AWS managed policy {shortened(context.policy.managed)} allows passing." if context.policy.managed else ""
    )
    if gained or others:
        words += _known_in_words(context, gained, others, is_part=unknown)
    elif by_name:
        words += f" By the names that CloudFormation generates, these include {listed(list(map(shortened, by_name)))}."
    elif not escalates:
        configuration = context.model.configuration
        where = " or ".join(
            (f"this {configuration_in_words(configuration.framework)}", *configuration.surroundings.context.origins)
        )
        words += f" {'These roles are' if _many(first) else 'This role is'} not defined in {where}."
    said = {*context.grant.other_conditions}
    keys = listed([key for key in dict.fromkeys(first.way.conditions) if key not in said and not key.startswith("${")])
    words += f" These actions are allowed only under a condition on {keys}." if keys else ""
    reference = next((one.way.way.url for one in ranked if one.way.way.url), "")
    return (
        words
        + limited_by_tags(context.grant)
        + beside(context.grant)
        + only
        + (f" See {reference}." if reference else "")
    )


def _known_in_words(context: GrantContext, gained: RoleGains, others: Sequence[str], *, is_part: bool) -> str:
    """Return a sentence on the known roles: with what the more privileged ones can do, or the addresses of ``others``.

    ``is_part``: other roles are unknown.
    """
    if not gained:
        includes = "that includes" if is_part else "that is" if len(others) == 1 else "those are"
        return f" In {place_of(context, others)} {includes} {listed([*map(shortened, others[:3]), *others[3:]])}."
    include = "these include" if is_part else "that is" if len(gained) == 1 else "those are"
    named = by_short_name(gained)
    words = "; ".join(f"{name} (additional permissions: {one.words})" for name, one in named)
    more = f"; and {len(gained) - len(named)} more" if len(gained) > len(named) else ""
    return f" In {place_of(context, [role.address for role, _ in gained])} {include} {words}{more}."


_MOST_NAMED = 3  # of the paths whose services a message names


def _named(ranked: Sequence[Launch], gained: RoleGains) -> tuple[Sequence[Launch], RoleGains]:
    """Return the paths and the more privileged roles to name: roles that can be passed by the first paths.

    The first path that is open to any role comes first, else the first one to a role as privileged as any.
    """
    worst = [role for role, one in gained if one.severity is gained[0][1].severity]
    reaching = (one for one in ranked if any(_reaches(one, role) for role in worst))
    first = next((one for one in ranked if _is_any(one)), None) or next(reaching, ranked[0])
    ranked = [first, *(one for one in ranked if one is not first)]
    return ranked, [item for item in gained if any(_reaches(one, item[0]) for one in ranked[:_MOST_NAMED])]


def _reaches(one: Launch, role: KnownRole) -> bool:
    return role.address in one.roles.addresses


def _service_in_words(one: Launch, gained: RoleGains) -> str:
    """Return the service of a path, with the one that assumes the roles to name if it has another name."""
    service, trusted = one.services[0], one.way.way.trusted
    is_other = trusted and service not in trusted and any(_reaches(one, role) for role, _ in gained)
    return f"`{service}` (assumed by `{trusted[0]}`)" if is_other else f"`{service}`"


def _ids(ranked: Sequence[Launch]) -> str:
    """Return the ids of published paths and the first inferred one, that of the first path first; of many, examples."""
    published = [one.way.way.id for one in ranked if not one.way.way.derived]
    if len(published) > _MOST_PATHS:
        return f"{len(published)} published paths, e.g. {', '.join(published[:_MOST_PATHS])}"
    derived = list(dict.fromkeys(one.way.way.id for one in ranked if one.way.way.derived))
    others = f"; also {listed(published[1:], 2)}" if len(published) > 1 else ""
    words = f"path {published[0]}{others}" if published else ""
    count = len(derived) - 1
    if ranked[0].way.way.derived:  # its action is named already
        others = f"{count} more such path{'s' if count > 1 else ''}" if count > 0 else ""
        return "; ".join(filter(None, ["inferred, no published technique", others, words]))
    more = f" and {count} more" if count > 0 else ""
    inferred = f"inferred, no published technique: {derived[0]}{more}" if derived else ""
    return "; ".join(filter(None, [words, inferred]))


def _strongest(found: Sequence[Launch]) -> list[Launch]:
    """Return the paths in order: published, sure, of the services that attackers use most, short; of each service the
    first before the second."""
    ranked = sorted(found, key=lambda one: path_rank(one.way.way, sure=_is_sure(one)))
    firsts: dict[tuple[str, ...], Launch] = {}
    for one in ranked:
        firsts.setdefault(one.way.way.services, one)
    rest = [one for one in ranked if one not in firsts.values()]
    return sorted([*firsts.values(), *rest], key=lambda one: one.way.way.derived)


def _many(one: Launch) -> bool:
    is_pattern = one.passed.complement or one.passed.scope is Scope.PREFIX
    return not _is_any(one) and (is_pattern or len(one.passed.roles) > 1)


def _roles(context: GrantContext, one: Launch, own: str, gained: RoleGains) -> str:
    """Return the roles in words: first that of the principal itself, then those that gain something."""
    passed = one.passed
    if _is_any(one):
        return f"any role in the account{except_denied(passed)}"
    roles = (
        passed.roles
        if passed.complement
        else context.with_first(passed.roles, [own, *(role.address for role, _ in gained)])
    )
    names = listed(list(dict.fromkeys(shortened(str(role), 140) for role in roles)))
    return f"every role in the account except {names}" if passed.complement else names
