"""Compare the access of the holders of a statement before and after an edit.

All policies of a holder count together, so that an edit adds nothing that another statement already allows. Access by
iam:PassRole is compared as in check 015 (:mod:`passrole_checks.iam.grants.access_comparison`), other actions by the
statements that allow them.

Source: IAM User Guide, "Policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from passrole_checks.access.access_model import AccessModel
from passrole_checks.access.derived_services import allowed_passing_actions, partition_of_roles
from passrole_checks.access.observed_role import replace_reference
from passrole_checks.aws.passing_actions import names_in_partition
from passrole_checks.aws.service_principals import known_services
from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.iam.conditions.passed_to_service import evaluate, without_positions
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.access_comparison import AccessComparison
from passrole_checks.iam.grants.access_set import Access, ServiceSet, Widening, access_of
from passrole_checks.iam.grants.grant import covers_pass_role
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.permissions.principal import PrincipalKind
from passrole_checks.iam.roles.arn import only_account
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.values.nodes import Part, Position, StringNode, Ternary
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.sources.model.configuration import PolicyKind

IsThere = Callable[[Position], bool]
"""True for the position of an edited statement."""

_MOST_ADDED = 5  # permissions of one kind that are named


@dataclass(frozen=True, slots=True)
class AccessEffect:
    """The effect of an edit on access.

    ``added``: what its statements allow, or may allow, that was not allowed before, each a phrase such as
    ``iam:PassRole on role/app to lambda.amazonaws.com``. ``keeps_use``: every role can still be passed to every service
    that an allowed action of its holder is known to send.
    """

    added: tuple[str, ...] = ()
    keeps_use: bool = True


def merge_effects(effects: Iterable[AccessEffect]) -> AccessEffect:
    """Return the effect of an edit in several configurations."""
    effects = list(effects)
    added = tuple(dict.fromkeys(phrase for one in effects for phrase in one.added))
    return AccessEffect(added, all(one.keeps_use for one in effects))


def effect_of_edit(
    before: AnalyzedConfiguration, after: AnalyzedConfiguration, was_there: IsThere, is_there: IsThere
) -> AccessEffect:
    """Return what the statements at some positions add and no longer allow, for all holders of their policies."""
    old, new = _holders(before.model, was_there), _holders(after.model, is_there)
    # principals with the same policies share their permissions
    pairs = {
        (id(pair[0]), id(pair[1])): pair
        for key in {**old, **new}
        for pair in [(old.get(key, _NO_PERMISSIONS), new.get(key, _NO_PERMISSIONS))]
    }
    compared = (_Comparison(before.model, after.model, *pair) for pair in pairs.values())
    return merge_effects(one.effect(was_there, is_there) for one in compared)


_NO_PERMISSIONS = Permissions(())


def _holders(model: AccessModel, is_there: IsThere) -> dict[tuple[str, str], Permissions]:
    """Return the permissions of the principals that have a statement at one of the positions."""
    return {
        (holder.name, policy.path if holder.kind is PrincipalKind.POLICY else ""): holder.permissions
        for policy in model.configuration.policies
        if policy.kind is PolicyKind.IDENTITY
        and any(is_there(statement.at) for statement in model.document(policy).statements)
        for holder in model.principals.of(policy)
    }


class _Comparison:
    """One principal before and after an edit."""

    def __init__(self, before: AccessModel, after: AccessModel, was: Permissions, now: Permissions) -> None:
        self._was, self._now, self._model = was, now, before
        self._names: dict[tuple[Part, ...], str] = {}  # of known roles, as the statements refer to them
        statements = self._with_known_roles(was, before), self._with_known_roles(now, after)
        self._old, self._new = (access_of(some, before.services) for some in statements)
        self._services = before.services
        # by the statements of the comparison, which live as long as it does
        self._written = {
            id(one): known.resources or known.not_resources or ()
            for one, known in zip(statements[0], was.statements, strict=True)
        }
        # where the principal is deployed: in the account that is known, or the only one that its roles name
        patterns = (
            pattern
            for statement in (*statements[0], *statements[1])
            if covers_pass_role(statement)[0] is not Ternary.NO
            for pattern in statement.resources or statement.not_resources or ()
        )
        self._where = Deployment(before.account or only_account(patterns), before.configuration.change.home.partitions)

    def _with_known_roles(self, permissions: Permissions, model: AccessModel) -> list[Statement]:
        """Return the statements with the ARNs of known roles instead of references."""

        def written(texts: tuple[StringNode, ...] | None) -> tuple[StringNode, ...] | None:
            if texts is None:
                return None
            arns = tuple(replace_reference(one, model.roles, model.roles_by_name) for one in texts)
            self._names.update((arn.parts, _text(one)) for arn, one in zip(arns, texts, strict=True) if arn is not one)
            return arns

        return [
            replace(one, resources=written(one.resources), not_resources=written(one.not_resources))
            for one in permissions.statements
        ]

    def effect(self, was_there: IsThere, is_there: IsThere) -> AccessEffect:
        """Return the effect of the edit on the principal."""
        gains = self._changes(self._old, self._new, is_there)
        added = [phrase for _, widening in gains for phrase in self._phrases(widening)]
        added += self._other_gains(is_there)
        lost = list(self._changes(self._new, self._old, was_there))
        sent = [value for item in allowed_passing_actions(self._was) for value in item.values] if lost else []
        is_used = any(
            _contains(widening.services, service)
            for statement, widening in lost
            for service in names_in_partition(sent, partition_of_roles(self._model, self._written[id(statement)]))
        )
        return AccessEffect(tuple(dict.fromkeys(added)), not is_used)

    def _changes(self, old: Access, new: Access, is_there: IsThere) -> Iterator[tuple[Statement, Widening]]:
        """Yield what the statements of one version at some positions allow, and the other version does not."""
        comparison = AccessComparison(old, new, self._services, self._where)
        for permission in new.allows:
            if is_there(permission.statement.at):
                gain = comparison.gain_of(permission.statement)
                yield from ((permission.statement, one) for one in (gain.widenings if gain is not None else ()))

    def _other_gains(self, is_there: IsThere) -> Iterator[str]:
        """Yield the other actions that the statements newly allow."""
        was = {key for statement in self._was.statements for key, _ in _allowed_actions(statement)}
        for statement in self._now.statements:
            if not is_there(statement.at):
                continue
            new = [name for key, name in _allowed_actions(statement) if key not in was]
            new = [name for name in new if self._is_added(name, statement)]
            on = listed([shortened(_text(one)) for one in statement.resources or ()]) or "all resources except some"
            yield from (f"{name} on {on}" for name in new[:_MOST_ADDED])
            if len(new) > _MOST_ADDED:
                yield f"{len(new) - _MOST_ADDED} more actions on {on}"

    def _phrases(self, widening: Widening) -> Iterator[str]:
        """Yield a phrase on one widening."""
        role = "all roles except some"
        if widening.role is not None:
            role = shortened(self._names.get(widening.role.parts) or _text(widening.role))
        names = [service for service in widening.services.names if not service.startswith("\0")]
        to = "any service" if widening.services.others else listed(names)
        to = to or "services that do not send iam:PassedToService"
        without = f" without the condition on {listed(list(widening.conditions))}" if widening.conditions else ""
        yield f"iam:PassRole on {role} to {to}{without}"

    def _is_added(self, name: str, statement: Statement) -> bool:
        """True if a statement allows, or may allow, an action that was not allowed before without conditions."""
        if {"*", "?"} & set(name) or not statement.resources:
            return True
        for resource in statement.resources:
            if self._now.allows(name.lower(), (resource,), statement.when) is None:
                continue  # it does not apply to such resources
            way = self._was.allows(name.lower(), (resource,), statement.when)
            if (
                way is None
                or way.certain is not Ternary.YES
                or way.conditions
                or not set(way.when) <= set(statement.when)
            ):
                return True
        return False


_ActionKey = tuple[str, tuple[tuple[Part, ...], ...] | None, tuple[tuple[Part, ...], ...] | None, object, PathCondition]


def _allowed_actions(statement: Statement) -> Iterator[tuple[_ActionKey, str]]:
    """Yield each action of an Allow except iam:PassRole, with all that decides when it is allowed.

    Yields nothing if a condition tests a key that only requests for iam:PassRole carry.
    """
    if statement.effect == "Deny" or not statement.whole:
        return
    if evaluate(statement.condition, known_services("aws"), variables=statement.variables).shared:
        return
    resources, not_resources = (
        tuple(one.parts for one in some) if some is not None else None
        for some in (statement.resources, statement.not_resources)
    )
    condition = without_positions(statement.condition)
    names = [str(action) for action in statement.actions or () if str(action).lower() != "iam:passrole"]
    if statement.actions is None:
        names = [f"NotAction {', '.join(map(str, statement.not_actions or ()))}"]
    for name in names:
        yield (name.lower(), resources, not_resources, condition, statement.when), name


def _text(pattern: StringNode) -> str:
    """Return a pattern for display; of one that is only a reference, the expression."""
    return pattern.only_unresolved.expression if pattern.only_unresolved is not None else str(pattern)


def _contains(services: ServiceSet, service: str) -> bool:
    """True if a set may contain a service."""
    if service in services.names or "*" in service:
        return True
    return services.others and service not in services.left_out
