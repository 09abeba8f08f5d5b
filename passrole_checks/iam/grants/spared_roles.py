"""Roles that a Deny spares: its condition tests the ARN or the account of the role.

``ArnNotLike`` on ``aws:ResourceArn`` limits a Deny to the other roles, as NotResource does. AWS does not list the key
for iam:PassRole, so such a Deny is not relied on to exclude a role; but it does not count as less access for the roles
that it spares. Sources, in the IAM User Guide: "IAM JSON policy elements: Condition operators" and "AWS global
condition context keys" (``aws:ResourceAccount``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from passrole_checks.iam.conditions.condition_operators import Family, Operator, literal, parse_operator
from passrole_checks.iam.identity_cache import cached_by_identity
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles import role_set
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.roles.role_union import RoleSet
from passrole_checks.iam.values.nodes import ListNode, Node, ObjectNode, StringNode, join

_ARN, _ACCOUNT = "aws:resourcearn", "aws:resourceaccount"
_OWN_ACCOUNT = lazy_regex(r"\$\{aws:(?:Principal|Resource)Account\}", re.IGNORECASE)


def spares(condition: Node | None, roles: RoleSet, *, variables: bool, where: Deployment) -> bool:
    """True if a Deny with this condition excludes none of ``roles``, provided that requests carry the tested key.

    ``variables``: ``${...}`` in the condition are policy variables.
    """
    return any(
        role_set.surely_within(roles, [named], where=where)
        if is_negated
        else not role_set.may_intersect(named, roles, where)
        for is_negated, named in role_tests(condition, variables)
    )


@cached_by_identity(256)
def role_tests(condition: Node | None, variables: bool) -> tuple[tuple[bool, RoleSet], ...]:
    """Return the roles that each test on the ARN or the account of a role names, and whether its operator is
    negated."""
    return tuple(_read(condition, variables))


def _read(condition: Node | None, variables: bool) -> Iterator[tuple[bool, RoleSet]]:
    for entry in condition.entries if isinstance(condition, ObjectNode) else ():
        operator = parse_operator(literal(entry.key) or "")
        if operator is None or operator.family not in (Family.STRING, Family.ARN):
            continue
        for pair in entry.value.entries if isinstance(entry.value, ObjectNode) else ():
            key = (literal(pair.key) or "").lower()
            if key not in (_ARN, _ACCOUNT):
                continue
            values = pair.value.items if isinstance(pair.value, ListNode) else (pair.value,)
            patterns = [_pattern(value, key, operator) for value in values]
            named = tuple(pattern for pattern in patterns if pattern is not None)
            # what another spelling spares is not known, nor what a positive test of a malformed value names
            if operator.negated or (len(named) == len(values) and not operator.ignores_case):
                yield operator.negated, RoleSet(named, variables)


def _pattern(value: Node, key: str, operator: Operator) -> StringNode | None:
    """Return the roles that one value names as a Resource pattern, None if it names none or is malformed.

    A role is passed within its account, so the accounts of the principal and of the role are the same.
    """
    if not isinstance(value, StringNode):
        return None
    parts = tuple(_OWN_ACCOUNT.sub("*", part) if isinstance(part, str) else part for part in value.parts)
    if not operator.wildcards and any(isinstance(part, str) and {"*", "?"} & set(part) for part in value.parts):
        return None
    if key == _ACCOUNT:
        parts = ("arn:*:iam::", *parts, ":role/*")
    elif "".join(str(part) for part in parts).count(":") < 5:
        return None
    return replace(value, parts=join(parts))
