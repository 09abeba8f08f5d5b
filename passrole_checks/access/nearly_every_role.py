"""Sets of patterns that select no roles: they match nearly every name, although not every possible one."""

from __future__ import annotations

import re
from functools import lru_cache

from passrole_checks.aws.role_names import common_role_names
from passrole_checks.iam import deadline
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.partial_values import Part
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.arn_bounds import bounds_of

_NEARLY_ALL = 0.95
_FEW = 10  # patterns that select roles if each has a few characters
_SEPARATOR = lazy_regex(r"\*+[-_.]\*+")


def matches_nearly_every_name(grant: PassRoleGrant) -> bool:
    """True if the patterns of a grant match nearly every role name, so that they select no roles.

    That are 95 percent of the names in public code, or every name with a separator (``*-*``).
    """
    if grant.scope not in (Scope.PREFIX, Scope.UNRESOLVED) or grant.complement:
        return False
    patterns = tuple(role.pattern.parts for role in grant.roles if role.scope is Scope.PREFIX)
    return _nearly_every(patterns, grant.statement.variables)


@lru_cache(maxsize=1024)
def _nearly_every(patterns: tuple[tuple[Part, ...], ...], variables: bool) -> bool:
    bounds = [bounds_of(parts, variables) for parts in patterns]
    names = [one.name for one in bounds if one.exact and "/" not in one.name]  # no unresolved parts, and no path
    if any(_SEPARATOR.fullmatch(name) for name in names):
        return True
    if len(names) < _FEW and all(len(name.replace("*", "").replace("?", "")) > 1 for name in names):
        return False
    deadline.check()
    common = common_role_names()
    any_pattern = "|".join("".join({"*": ".*", "?": "."}.get(char) or re.escape(char) for char in one) for one in names)
    match = re.compile(any_pattern).fullmatch
    return sum(match(one) is None for one in common) <= (1 - _NEARLY_ALL) * len(common)
