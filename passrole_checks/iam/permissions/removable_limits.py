"""Limits that their holder can remove: Deny statements of its policies, and its permissions boundary.

A limit counts only if it, or another one that the holder cannot remove, does not allow its removal. Service control
policies always count.

Sources: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management
(IAM)" (the resource types of the actions, ``iam:PolicyARN`` and ``iam:PermissionsBoundary``); IAM User Guide, "Policy
evaluation logic", "Permissions boundaries for IAM entities".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from passrole_checks.iam.conditions.condition_operators import Family, parse_operator
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.patterns import glob
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.permissions.statement_matcher import (
    PASS_ROLE_LOWERCASE,
    matcher_of,
    requested_resource,
    resource_glob,
)
from passrole_checks.iam.values.nodes import Const, ListNode, ObjectEntry, ObjectNode, StringNode, Ternary

_POLICY_ARN, _BOUNDARY = "iam:policyarn", "iam:permissionsboundary"  # the keys in lower case


@dataclass(frozen=True, eq=False)
class Removal:
    """An action that removes a limit, and the ARN that it has to be allowed on.

    ``detaches``: it also removes the Allow statements of the same policy, or (``leaves_group``) those of the group.
    """

    action: str
    resource: StringNode
    detaches: bool = False
    leaves_group: bool = False


@dataclass(frozen=True, eq=False)
class HeldPolicy:
    """A policy of a principal, or its permissions boundary, with the actions that remove it.

    ``name``: its address or ARN. ``arn``: its ARN if it is a managed policy, as far as it is known. ``group``: that by
    which the principal has it; "" if by none. ``content``: what its identity is compared by.
    """

    name: str
    statements: tuple[Statement, ...]
    removals: tuple[Removal, ...]
    arn: StringNode | None = None
    group: str = ""
    is_boundary: bool = False
    document: object = None

    @property
    def limits(self) -> bool:
        """True if it is a boundary of known content, or has a Deny."""
        if self.is_boundary:
            return all(statement.whole for statement in self.statements)
        return any(statement.effect == "Deny" for statement in self.statements)

    @property
    def allows_passing(self) -> bool:
        """True if one of its statements may allow passing a role."""
        return any(statement.effect != "Deny" and _is_about_passing(statement) for statement in self.statements)

    @property
    def limits_passing(self) -> bool:
        """True if it is a boundary, or one of its statements may deny passing a role."""
        denials = (statement for statement in self.statements if statement.effect == "Deny")
        return self.is_boundary or any(map(_is_about_passing, denials))


def _is_about_passing(statement: Statement) -> bool:
    return matcher_of(statement, None).matches_action(PASS_ROLE_LOWERCASE) is not Ternary.NO


@dataclass(frozen=True, eq=False)
class RemovableLimit:
    """A limit with an action by which its holder can remove it; ``certain``: UNKNOWN if it perhaps can."""

    limit: HeldPolicy
    action: str
    certain: Ternary


def removable_limits(
    policies: Sequence[HeldPolicy], others: Sequence[tuple[Statement, ...]], account: str | None
) -> tuple[RemovableLimit, ...]:
    """Return the limits that a principal with some policies can remove, one after the other.

    ``others``: the service control policies. A limit that is perhaps removable is among them.
    """
    found: dict[int, RemovableLimit] = {}
    while True:
        left = [policy for policy in policies if policy.limits and id(policy) not in found]
        new = {id(limit): one for limit in left if (one := _removal(limit, policies, found, others, account))}
        if not new:
            return tuple(found.values())
        found |= new


def statements_left(policies: Iterable[HeldPolicy], removed: Mapping[int, object]) -> Iterator[Statement]:
    """Yield the statements of policies that are no boundaries, of removed ones (by ``id``) without each Deny."""
    for policy in policies:
        for statement in () if policy.is_boundary else policy.statements:
            if statement.effect != "Deny" or id(policy) not in removed:
                yield statement


def _removal(
    limit: HeldPolicy,
    policies: Sequence[HeldPolicy],
    removed: Mapping[int, RemovableLimit],
    others: Sequence[tuple[Statement, ...]],
    account: str | None,
) -> RemovableLimit | None:
    """Return the action that surely removes a limit, else one that perhaps does, if there is one."""
    boundary = next((policy for policy in policies if policy.is_boundary), None)
    bounds = [boundary.statements] if boundary is not None and id(boundary) not in removed else []
    best: RemovableLimit | None = None
    for removal in limit.removals:
        if removal.detaches and not any(_is_kept(policy, limit, removal) for policy in policies):
            continue
        request = _Request(removal.action, limit.arn, boundary, account)
        permissions = Permissions(
            tuple(request.applicable(statements_left(policies, removed))),
            tuple(tuple(request.applicable(part)) for part in (*bounds, *others)),
            account=account,
        )
        way = permissions.allows(removal.action, (removal.resource,))
        if way is None:
            continue
        is_sure = way.certain is Ternary.YES and not {key.lower() for key in way.conditions} & {_POLICY_ARN, _BOUNDARY}
        if is_sure or best is None:
            best = RemovableLimit(limit, removal.action, Ternary.YES if is_sure else Ternary.UNKNOWN)
        if is_sure:
            break
    return best


def _is_kept(policy: HeldPolicy, limit: HeldPolicy, removal: Removal) -> bool:
    """True if a policy allows passing roles and stays when a limit is detached."""
    is_gone = policy is limit or policy.is_boundary or (removal.leaves_group and policy.group == limit.group)
    return not is_gone and policy.allows_passing


class _Request:
    """A request that removes a limit, with the values of the condition keys on policies that it carries."""

    def __init__(
        self, action: str, policy: StringNode | None, boundary: HeldPolicy | None, account: str | None
    ) -> None:
        self._account = account
        self._replaces = action.startswith("iam:Put") and action.endswith("PermissionsBoundary")
        self._values = {_POLICY_ARN: policy if action.startswith("iam:Detach") else None}
        is_bounded = boundary is not None and ("Role" in action or "User" in action) and "Group" not in action
        if boundary is None or not is_bounded:
            self._values[_BOUNDARY] = None
        elif boundary.arn is not None:
            self._values[_BOUNDARY] = boundary.arn

    def applicable(self, statements: Iterable[Statement]) -> Iterator[Statement]:
        """Yield the statements that may apply to the request, without the tests that it surely meets."""
        for statement in statements:
            if not isinstance(statement.condition, ObjectNode) or not statement.condition.entries:
                yield statement
                continue
            entries, answer = [], Ternary.YES
            for entry in statement.condition.entries:
                pairs = entry.value.entries if isinstance(entry.value, ObjectNode) else ()
                answers = [self._met(entry.key, pair, statement.effect) for pair in pairs]
                left = tuple(pair for pair, met in zip(pairs, answers, strict=True) if met is not Ternary.YES)
                answer = Ternary.NO if Ternary.NO in answers else answer
                if left or not pairs:
                    entries.append(
                        entry if len(left) == len(pairs) else replace(entry, value=ObjectNode(left, entry.value.at))
                    )
            if answer is not Ternary.NO:
                condition = replace(statement.condition, entries=tuple(entries)) if entries else None
                yield statement if condition == statement.condition else replace(statement, condition=condition)

    def _met(self, operator_text: StringNode, pair: ObjectEntry, effect: str | None) -> Ternary:
        """Return whether the request meets a test; UNKNOWN for other keys, whose tests stay."""
        key, operator = (pair.key.literal or "").lower(), parse_operator(operator_text.literal or "")
        if key not in self._values or operator is None:
            return Ternary.UNKNOWN
        value, values = self._values[key], pair.value.items if isinstance(pair.value, ListNode) else (pair.value,)
        if operator.family is Family.NULL:
            wanted = {str(one.value if isinstance(one, Const) else one).lower() for one in values}
            return Ternary.of((value is None) is (wanted == {"true"})) if len(wanted) == 1 else Ternary.UNKNOWN
        if value is None:
            return operator.absent
        requested, hit = requested_resource(value, self._account), Ternary.NO
        for one in values:
            pattern = (
                resource_glob(one.parts, True, account=self._account) if isinstance(one, StringNode) else glob.STAR
            )
            surely = isinstance(one, StringNode) and glob.must_match(pattern, requested)
            hit |= Ternary.YES if surely else Ternary.of(glob.may_match(pattern, requested)) & Ternary.UNKNOWN
        if self._replaces and key == _BOUNDARY:  # the request carries the new boundary
            is_same = hit is Ternary.YES and not operator.negated and len(values) == 1
            return Ternary.NO if is_same and effect == "Allow" else Ternary.UNKNOWN
        return ~hit if operator.negated else hit
