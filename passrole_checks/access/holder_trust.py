"""The users of the permissions of a principal that passes roles, by its trust policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from passrole_checks.access.service_trust import acts_for_callers
from passrole_checks.access.severity import Holder
from passrole_checks.iam.documents.trust import AUTHENTICATED, KnownRole
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.permissions.escalation import OpenPath, normalize_service
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.values.nodes import StringNode
from passrole_checks.iam.values.path_conditions import PathCondition

_CLOUDFORMATION = "cloudformation.amazonaws.com"
_DEPLOYING = frozenset({_CLOUDFORMATION, "servicecatalog.amazonaws.com", "fis.amazonaws.com"})
_STARTERS = frozenset(f"{name}.amazonaws.com" for name in ("events", "pipes", "scheduler", "states"))
_RUN_TASK = "ecs:RunTask"


@dataclass(frozen=True, slots=True)
class HolderTrust:
    """The users of a principal's permissions; ``names``: these services, repositories or kinds of people, none if they
    are unknown. Those who can use a service that runs caller code are ``ANYONE``. ``by_trust_policy``: True if the
    trust policy of a role names them."""

    holder: Holder
    names: tuple[str, ...] = ()
    by_trust_policy: bool = True

    @property
    def is_cloudformation(self) -> bool:
        """True if only CloudFormation uses the permissions, for those who pass it the role."""
        return self.holder is Holder.DEPLOYMENT and set(map(normalize_service, self.names)) == {_CLOUDFORMATION}


_ANYONE = HolderTrust(Holder.ANYONE)


def trust_of(
    holder: Principal, role: KnownRole | None, paths: Callable[[], Iterable[OpenPath]], when: PathCondition = ()
) -> HolderTrust:
    """Return who can use the permissions of a principal.

    ``role``: the role of this configuration that it is, if any. ``paths``: returns the escalation paths that are open
    to it. ``when``: the path condition under which it has these permissions.

    A role that only EventBridge can assume, and whose one path is to run ECS tasks, is the role that AWS describes for
    scheduled tasks ("Amazon ECS EventBridge IAM Role", with a managed policy that allows any task and role). A
    principal with events:PutTargets,
    scheduler:CreateSchedule or pipes:CreatePipe can use it if it may also pass it: it then chooses the container's
    command, and one of the roles that this one passes, for task definitions that exist. That is reported for the
    principal that may pass the role. A state machine starts tasks in the same way (Step Functions Developer Guide, "IAM
    policies for Amazon ECS/AWS Fargate").

    CloudFormation acts for those who may pass it a role, too, or who update a stack that has one, Service Catalog for
    those who launch a product with one ("AWS Service Catalog Launch Constraints"), Fault Injection Service for those
    who create experiments with one ("IAM roles for AWS FIS experiments"), and a repository's workflows for those who
    can push to it: each of them needs PassRole or access to the repository. Users of identity providers, named
    accounts, groups and permission sets count only if they are administrators already: these gain nothing by passing
    roles, whereas a developer or an operator can become one. IAM users and accounts may be workloads; members of a
    group are people ("IAM user groups", which describes one for administrators), unless the configuration creates
    access keys.
    """
    is_administrator = holder.certain_permissions.is_administrator_when(when)
    if holder.kind is PrincipalKind.PERMISSION_SET and is_administrator:
        return trust_of_people(("IAM Identity Center",))
    if role is None:
        return _ANYONE
    if role.people and is_administrator:
        return trust_of_people(role.people)
    if role.repositories:
        return HolderTrust(Holder.DEPLOYMENT, role.repositories)
    if not role.only_services or not role.presumed:
        return _ANYONE
    names = tuple(sorted(role.presumed))
    others = {name for name in map(normalize_service, role.presumed) if acts_for_callers(name)}
    if not others:
        return HolderTrust(Holder.OWN_WORK, names)
    if others <= _DEPLOYING:
        return HolderTrust(Holder.DEPLOYMENT, names)
    if others <= _STARTERS and _runs_only_tasks(list(paths())):
        return HolderTrust(Holder.TASKS, names)
    return replace(_ANYONE, names=names)


def trust_of_people(kinds: tuple[str, ...]) -> HolderTrust:
    """Return the trust of an administrator that only people of these kinds, as :func:`trusted_people` returns them, can
    use."""
    return HolderTrust(Holder.PEOPLE if AUTHENTICATED.issuperset(kinds) else Holder.ACCOUNTS, kinds)


def least_restricted(trusts: Iterable[HolderTrust]) -> HolderTrust:
    """Return the trust of the principal that most others can use, with the names of all if anyone can use it; anyone if
    there is no principal."""
    found = list(trusts)
    most = max(found, key=lambda trust: trust.holder, default=_ANYONE)
    if most.holder is not Holder.ANYONE:
        return most
    are_named = all(trust.names for trust in found)
    return replace(most, names=tuple(sorted({name for trust in found for name in trust.names})) if are_named else ())


def _runs_only_tasks(paths: list[OpenPath]) -> bool:
    """True if the only thing that can be started with a passed role are ECS tasks."""
    paths = [path for path in paths if not _changes_only_managed_rules(path)]
    return bool(paths) and all(set(path.way.actions) == {_RUN_TASK} for path in paths)


def _changes_only_managed_rules(path: OpenPath) -> bool:
    """True if a path needs a target of a rule, and only rules that Step Functions manages can have one: only that
    service changes these, to learn when a task has ended."""
    return "events:PutTargets" in path.way.actions and all(
        one.resources is not None and all(map(_names_managed_rule, one.resources)) for one in path.by
    )


def _names_managed_rule(resource: StringNode) -> bool:
    written = "".join(part if isinstance(part, str) else "$" for part in resource.parts)
    return ":rule/StepFunctions" in written or ":managed-rule/" in written
