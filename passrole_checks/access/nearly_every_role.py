"""Patterns that select no roles: they match nearly every name, or every name for some value of a policy variable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from passrole_checks.aws.role_names import common_role_names
from passrole_checks.aws.service_principals import known_services
from passrole_checks.iam import deadline
from passrole_checks.iam.conditions.passed_to_service import allowed_services
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.identity_cache import cached_by_identity
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.roles.arn import Scope, union_scope
from passrole_checks.iam.roles.arn_bounds import LITERALS, ROLE, VARIABLE, bounds_of
from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.iam.values.nodes import Part, Position, StringNode, Unresolved, UnresolvedKind, join

_Patterns = tuple[tuple[Part, ...], ...]
_NEARLY_ALL = 0.95
_FEW = 10  # patterns that select roles if each has a few characters
_SEPARATOR = lazy_regex(r"\*+[-_.]\*+")
_DEFAULT = lazy_regex(r",\s*'([^']*)'\s*\}$")
# sent by the caller, who can choose any value, or set by it when it assumes a role
_CHOSEN = frozenset({"aws:referer", "aws:useragent", "aws:sourceidentity"})
# IAM User Guide, "AWS global condition context keys" and "IAM and AWS STS condition context keys"; others, such as the
# values of tags and the claims of identity providers, may be empty ("Tags for AWS Identity and Access Management
# resources")
_NEVER_EMPTY = frozenset({
    "aws:calledviafirst", "aws:calledvialast", "aws:currenttime", "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc", "aws:epochtime", "aws:federatedprovider", "aws:multifactorauthage",
    "aws:multifactorauthpresent", "aws:principalaccount", "aws:principalarn", "aws:principalisawsservice",
    "aws:principalorgid", "aws:principaltype", "aws:requestedregion", "aws:resourceaccount", "aws:resourceorgid",
    "aws:securetransport", "aws:sourceaccount", "aws:sourcearn", "aws:sourceip", "aws:sourceorgid", "aws:sourcevpc",
    "aws:sourcevpce", "aws:tokenissuetime", "aws:userid", "aws:username", "aws:viaawsservice", "aws:vpcsourceip",
    "ec2:sourceinstancearn", "sts:externalid", "sts:rolesessionname",
})  # fmt: skip


def matches_nearly_every_name(grant: PassRoleGrant) -> bool:
    """True if the patterns of a grant match nearly every role name, so that they select no roles.

    That are 95 percent of the names in public code, whatever their case, since an account may have names of one case
    only; or every name with a separator (``*-*``).
    """
    return _is_pattern(grant) and _nearly_every(_patterns(grant), grant.statement.variables)


def match_nearly_every_name_together(grant: PassRoleGrant, permissions: Permissions) -> bool:
    """True if the patterns of a grant and of the other statements of a principal that allow at least its services do so
    together, and those of this grant have their part in it."""
    if not _is_pattern(grant) or not any(map(_is_short, _names(_patterns(grant), grant.statement.variables))):
        return False
    services = allowed_services(grant.condition, surely=False)
    patterns = (
        pattern
        for other in _allows_of(permissions)
        if other.applies_under(grant.statement.when) and services <= allowed_services(other.condition, surely=False)
        for pattern in _patterns(other)
    )
    return _nearly_every(tuple(dict.fromkeys((*_patterns(grant), *patterns))), grant.statement.variables)


def widening_variables(grant: PassRoleGrant) -> tuple[str, ...]:
    """Return the policy variables, as written, without which the patterns of a grant match every role of an account, or
    nearly every one: ``role/${aws:PrincipalTag/team}*``, since the value of a tag may be empty.

    Empty if there are none. A value that the caller chooses counts as a wildcard.
    """
    if not _is_pattern(grant) or not grant.statement.variables:
        return ()
    found: dict[str, None] = {}
    for pattern in _patterns(grant):
        variables: dict[str, None] = {}
        widest = tuple(_widest(pattern, variables))
        text = StringNode(join(widest), Position("", 0))
        if variables and (union_scope([text]) is Scope.ANY_ROLE or _nearly_every((text.parts,), True)):
            found.update(variables)
    return tuple(found)


def _widest(pattern: tuple[Part, ...], variables: dict[str, None]) -> Iterator[Part]:
    """Yield a pattern with the widest value of each policy variable in its path and name; ``variables`` receives
    these."""

    def value(match: re.Match[str]) -> str:
        widest = _widest_value(match[0])
        if widest != match[0]:
            variables[match[0]] = None
        return widest

    is_name = False
    for part in pattern:
        if isinstance(part, Unresolved):
            is_variable = is_name and part.kind is UnresolvedKind.POLICY_VARIABLE
            yield VARIABLE.sub(value, part.written) if is_variable else part
            continue
        start, separator, name = ("", "", part) if is_name else part.partition(ROLE)
        is_name = is_name or bool(separator)
        yield start + separator + VARIABLE.sub(value, name)


def _widest_value(variable: str) -> str:
    """Return the widest value of ``${key}`` or ``${key, 'default'}`` in a pattern; the variable if it is a name."""
    key = variable[2:-1].partition(",")[0].strip().lower()
    if variable in LITERALS:
        return variable
    if key in _CHOSEN:
        return "*"
    default = _DEFAULT.search(variable)
    return variable if key in _NEVER_EMPTY and (default is None or default[1]) else ""


@cached_by_identity(64)
def _allows_of(permissions: Permissions) -> tuple[PassRoleGrant, ...]:
    """Return what the statements of a principal allow to pass by pattern, less what others of them deny."""
    services = {name: known_services(name) for name in ("aws", "aws-cn")}
    grants = grants_of(permissions.statements, dict(services), permissions.account)
    return tuple(grant for grant in grants if grant.effect == "Allow" and not grant.denied and not grant.condition.dead)


def _is_pattern(grant: PassRoleGrant) -> bool:
    return grant.scope in (Scope.PREFIX, Scope.UNRESOLVED) and not grant.complement


def _patterns(grant: PassRoleGrant) -> _Patterns:
    return tuple(role.pattern.parts for role in grant.roles if role.scope is Scope.PREFIX)


def _names(patterns: _Patterns, variables: bool) -> list[str]:
    """Return the names of patterns, without those with unresolved parts, policy variables or a path."""
    names = []
    for parts in patterns:
        bounds = bounds_of(parts, variables)
        text = "".join(part if isinstance(part, str) else "\0" for part in expand(parts))
        is_wild = not text.partition(ROLE)[2].strip("*?") and ROLE in text  # such as ???*
        if (bounds.exact or is_wild) and "/" not in bounds.name:
            names.append(bounds.name)
    return names


def _is_short(name: str) -> bool:
    return len(name.replace("*", "").replace("?", "")) <= 1


@lru_cache(maxsize=1024)
def _nearly_every(patterns: _Patterns, variables: bool) -> bool:
    names = _names(patterns, variables)
    if any(_SEPARATOR.fullmatch(name) for name in names):
        return True
    if len(names) < _FEW and not any(map(_is_short, names)):
        return False
    deadline.check()
    common = common_role_names()
    any_pattern = "|".join("".join({"*": ".*", "?": "."}.get(char) or re.escape(char) for char in one) for one in names)
    match = re.compile(any_pattern, re.IGNORECASE).fullmatch
    return sum(match(one) is None for one in common) <= (1 - _NEARLY_ALL) * len(common)
