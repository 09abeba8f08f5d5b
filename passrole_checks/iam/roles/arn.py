"""Resource patterns as sets of role ARNs: matching, overlap, inclusion, and scope.

A role's ARN is ``arn:PARTITION:iam::ACCOUNT:role/PATH+NAME`` (Service Authorization Reference, list_iam). A Resource
*is* the set of role ARNs that it matches (IAM User Guide, reference_policies_elements_resource): ``*`` is any run of
characters, ``/`` included, ``?`` one character. Only sets count, never spellings, and each answer is exact over all
role ARNs, or unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache

from passrole_checks.iam.patterns.automaton import Alphabet, Machine, OverBudgetError, States, alphabet
from passrole_checks.iam.roles.arn_bounds import ANY_NAME, bounds_of, depends_on_request, names_single_role, plain_role
from passrole_checks.iam.roles.arn_pattern import (
    PARTITIONS,
    UnresolvedPolicy,
    automaton_of,
    expand,
    fields_of,
    has_early_variable,
)
from passrole_checks.iam.roles.role_search import (
    ANYWHERE,
    Deployment,
    acceptances,
    count_accepted,
    first_match,
    some_role,
    states_before_role,
    states_by_partition,
)
from passrole_checks.iam.roles.role_set_query import fast_exceeds, fast_is_subset, fast_overlap
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion
from passrole_checks.iam.values.nodes import Part, Position, StringNode, Ternary, Unresolved, UnresolvedKind, join

_SERVICE_LINKED_PATH = "aws-service-role/"
_NO_POSITION = Position("", 0)


class Scope(str, Enum):
    """The width of a set of roles, widest first."""

    ANY_ROLE = "any_role"
    UNRESOLVED = "unresolved"
    PREFIX = "prefix"
    EXACT = "exact"
    ROLE_IN_TEMPLATE = "role_in_template"
    NOT_A_ROLE = "not_a_role"

    @property
    def width(self) -> int:
        """0 for the widest."""
        return _WIDTHS[self]


_WIDTHS = {scope: width for width, scope in enumerate(Scope)}


def widest(scopes: Sequence[Scope]) -> Scope:
    """Return the widest of several scopes; NOT_A_ROLE if there are none."""
    return min(scopes, key=lambda scope: scope.width, default=Scope.NOT_A_ROLE)


def resource_scope(resource: StringNode, *, variables: bool = True) -> Scope:
    """Return the scope of one Resource pattern."""
    return _resource_scope(resource.parts, variables)


def least_scope(resource: StringNode, *, variables: bool = True) -> Scope:
    """Return the narrowest scope that a pattern of unresolved scope can have: PREFIX if wildcards around its unresolved
    parts make it a pattern whatever they are, else EXACT. Other patterns have the scope of :func:`resource_scope`."""
    scope = resource_scope(resource, variables=variables)
    if scope is not Scope.UNRESOLVED:
        return scope
    return Scope.PREFIX if names_single_role(expand(resource.parts), variables) is False else Scope.EXACT


def is_any_role_if_empty(resource: StringNode, *, variables: bool = True) -> bool:
    """True if a pattern matches every role of an account when its unresolved strings are empty."""
    parts = tuple(
        part for part in expand(resource.parts) if isinstance(part, str) or part.kind is not UnresolvedKind.ANYTHING
    )
    return bool(parts) and _resource_scope(join(parts), variables) is Scope.ANY_ROLE


def excludes_no_role(resource: StringNode, *, variables: bool = True) -> bool:
    """True if a Deny on a pattern excludes no role, at least as one of AWS's pages reads the pattern, so that it is not
    relied on.

    ``arn:aws:iam:*:role/x`` has five fields and is completed to ``arn:aws:iam:*:role/x:*``, whose account is ``role/x``
    (IAM User Guide, "Identify AWS resources with ARNs"). A policy variable before the fifth colon is not substituted
    ("IAM policy elements: Variables and tags").
    """
    return _excludes_no_role(resource.parts, variables)


def union_scope(resources: Sequence[StringNode], *, variables: bool = True) -> Scope:
    """Return the scope of a union of patterns, which may cover every role although no single pattern does."""
    scope = widest([resource_scope(pattern, variables=variables) for pattern in resources])
    # a role of this configuration is a single role, whatever its name, and never completes "all roles"
    covers = _any_role(
        tuple(pattern.parts for pattern in resources if not _is_role_reference(pattern.parts)), variables
    )
    if covers is Ternary.YES:
        return Scope.ANY_ROLE
    return widest([scope, Scope.UNRESOLVED]) if covers is Ternary.UNKNOWN else scope


def complement_scope(left_out: Sequence[StringNode], *, variables: bool = True, where: Deployment = ANYWHERE) -> Scope:
    """Return the scope of NotResource: any role, unless the patterns cover every role (NOT_A_ROLE).

    Patterns that cover all roles of one account exclude none of any other account.
    """
    parts = tuple(pattern.parts for pattern in left_out)
    if not _may_match_any_name(parts, variables):
        return Scope.ANY_ROLE
    try:
        if _covers_all(parts, variables, UnresolvedPolicy.DENIED, where):
            return Scope.NOT_A_ROLE
        return Scope.UNRESOLVED if _covers_all(parts, variables, UnresolvedPolicy.MAYBE, where) else Scope.ANY_ROLE
    except OverBudgetError:
        return Scope.UNRESOLVED


def matches(resource: StringNode, role: str, *, variables: bool = True) -> Ternary:
    """Return whether a Resource pattern matches one ARN."""
    if automaton_of((resource.parts,), variables, UnresolvedPolicy.SURE).matches(role):
        return Ternary.YES
    possible = automaton_of((resource.parts,), variables, UnresolvedPolicy.OVERLAP).matches(role)
    return Ternary.UNKNOWN if possible else Ternary.NO


def overlaps(first: StringNode, second: StringNode, *, variables: bool = True, where: Deployment = ANYWHERE) -> Ternary:
    """Return whether two patterns have a role in common."""
    return _overlaps(first.parts, second.parts, variables, where)


def included(
    inner: StringNode, outer: Sequence[StringNode], *, variables: bool = True, where: Deployment = ANYWHERE
) -> Ternary:
    """Return whether every role of ``inner`` matches one of ``outer``, for all values of the unresolved parts of
    ``outer``.

    Passing stays within the account, so the id of the account deployed to in ``outer`` is that of the inner role.
    """
    if any(pattern.parts == inner.parts for pattern in outer):
        return Ternary.YES
    return _included(inner.parts, tuple(pattern.parts for pattern in outer), variables, where)


def union_of(patterns: Iterable[StringNode], *, variables: bool = True) -> RoleUnion:
    """Return an index of patterns for :func:`included_in` and :func:`surely_exceeds`; optional patterns count."""
    return _union(tuple(pattern.parts for pattern in patterns), variables)


def included_in(
    inner: StringNode, outer: RoleUnion, *, variables: bool = True, where: Deployment = ANYWHERE
) -> Ternary:
    """Return the answer of :func:`included` for an indexed union."""
    return Ternary.YES if inner.parts in outer.texts else _included_in(inner.parts, outer, variables, where)


def surely_exceeds(
    inner: StringNode, outer: RoleUnion, *, variables: bool = True, where: Deployment = ANYWHERE
) -> bool:
    """True if :func:`included_in` surely is not YES, for ``outer`` and any part of it; False if the fast path cannot
    decide."""
    return fast_exceeds(_single(inner.parts, variables), outer, where)


def covers_service_linked(resource: StringNode, *, variables: bool = True) -> Ternary:
    """Return whether a wildcard covers service-linked roles (``role/aws-service-role/SERVICE/NAME``).

    A pattern that names their path covers them if it matches more than one; any other pattern, if it matches all of
    them.
    """
    written = "".join(part for part in expand(resource.parts) if isinstance(part, str))
    return _covers_service_linked(resource.parts, variables, f"role/{_SERVICE_LINKED_PATH}" in written)


def account_of(resource: StringNode) -> str | None:
    """Return the account id (twelve digits) of an ARN, None if it is not literal."""
    account = _field(resource.parts, 4)
    return account if account is not None and len(account) == 12 and account.isdigit() else None


def only_account(resources: Iterable[StringNode]) -> str | None:
    """Return the account that ARNs name; None if they name none, or several."""
    named = {found for one in resources if (found := account_of(one)) is not None}
    return named.pop() if len(named) == 1 else None


def partition_of(resource: StringNode) -> str | None:
    """Return the partition of an ARN, None if it is not a known one."""
    partition = _field(resource.parts, 1)
    return partition if partition in PARTITIONS else None


@lru_cache(maxsize=65536)
def _field(parts: tuple[Part, ...], index: int) -> str | None:
    """Return one field of an ARN, None if it has unresolved parts."""
    fields = fields_of(expand(parts))
    if len(fields) <= index or any(isinstance(part, Unresolved) for part in fields[index]):
        return None
    return "".join(part for part in fields[index] if isinstance(part, str))


@lru_cache(maxsize=8192)
def _resource_scope(parts: tuple[Part, ...], variables: bool) -> Scope:
    plain = plain_role(parts)
    if plain is not None and not _is_role_reference(parts):
        return Scope.PREFIX if {"*", "?"} & set(plain.name) else Scope.EXACT
    covers = _any_role((parts,), variables)
    if covers is Ternary.YES:
        return Scope.ANY_ROLE
    if _is_role_reference(parts):
        return Scope.ROLE_IN_TEMPLATE
    if covers is Ternary.UNKNOWN:
        return Scope.UNRESOLVED
    single = names_single_role(expand(parts), variables)
    if single is not None:
        return Scope.EXACT if single else Scope.PREFIX
    try:
        if _size((parts,), variables, UnresolvedPolicy.OVERLAP) == 0:
            return Scope.NOT_A_ROLE
        if _size((parts,), variables, UnresolvedPolicy.OVERLAP_STRICT) == 0:
            return Scope.UNRESOLVED
        if variables and depends_on_request(expand(parts)):
            return Scope.PREFIX
        return Scope.EXACT if _size((parts,), variables, UnresolvedPolicy.COUNT) < 2 else Scope.PREFIX
    except OverBudgetError:
        return Scope.UNRESOLVED


@lru_cache(maxsize=8192)
def _excludes_no_role(parts: tuple[Part, ...], variables: bool) -> bool:
    if plain_role(parts) is not None:
        return False
    if variables and has_early_variable(parts):
        return True
    try:
        return _size((parts,), variables, UnresolvedPolicy.OVERLAP_STRICT) == 0
    except OverBudgetError:
        return False


def _may_match_any_name(patterns: Sequence[tuple[Part, ...]], variables: bool) -> bool:
    """False if there surely is a role name that none of the patterns matches, in any account."""
    return any(bounds_of(parts, variables).contains_name(ANY_NAME) for parts in patterns)


def _is_role_reference(parts: tuple[Part, ...]) -> bool:
    """True for one role of this configuration: its ARN, or an ARN that is literal up to a reference to its name."""
    last = parts[-1]
    if not isinstance(last, Unresolved) or last.role is None:
        return False
    if len(parts) == 1:
        return last.kind is not UnresolvedKind.NAME
    before = parts[-2]
    return isinstance(before, str) and ":role/" in before and not {"*", "?"} & set(before.split(":role/", 1)[1])


@lru_cache(maxsize=8192)
def _any_role(patterns: tuple[tuple[Part, ...], ...], variables: bool) -> Ternary:
    if not _may_match_any_name(patterns, variables):
        return Ternary.NO
    try:
        if _covers_one(patterns, variables, UnresolvedPolicy.SURE):
            return Ternary.YES
        return Ternary.UNKNOWN if _covers_one(patterns, variables, UnresolvedPolicy.MAYBE) else Ternary.NO
    except OverBudgetError:
        return Ternary.UNKNOWN


def _covers_one(patterns: tuple[tuple[Part, ...], ...], variables: bool, reading: UnresolvedPolicy) -> bool:
    """True if the patterns cover all roles of some account in some partition."""
    pattern = automaton_of(patterns, variables, reading)
    letters = alphabet([pattern])
    return any(
        _accepts_every_name(pattern, states, letters) for states in states_before_role([pattern], letters, ANYWHERE)
    )


@lru_cache(maxsize=8192)
def _covers_all(
    patterns: tuple[tuple[Part, ...], ...], variables: bool, reading: UnresolvedPolicy, where: Deployment
) -> bool:
    """True if the patterns cover all roles of every account: in each partition of the deployment, or if that is
    unknown, in at least one partition."""
    pattern = automaton_of(patterns, variables, reading)
    letters = alphabet([pattern])
    covered = (
        all(_accepts_every_name(pattern, states, letters) for states in accounts)
        for accounts in states_by_partition([pattern], letters, where)
    )
    return any(covered) if where.partitions == ANYWHERE.partitions else all(covered)


def _accepts_every_name(pattern: Machine, states: tuple[States, ...], letters: Alphabet) -> bool:
    return first_match(acceptances([pattern], states, letters), lambda found: not found[0]) is None


def _single(parts: tuple[Part, ...], variables: bool) -> RoleSet:
    return RoleSet((StringNode(parts, _NO_POSITION),), variables)


@lru_cache(maxsize=256)
def _union(patterns: tuple[tuple[Part, ...], ...], variables: bool) -> RoleUnion:
    return RoleUnion([RoleSet(tuple(StringNode(parts, _NO_POSITION) for parts in patterns), variables)])


@lru_cache(maxsize=8192)
def _overlaps(first: tuple[Part, ...], second: tuple[Part, ...], variables: bool, where: Deployment) -> Ternary:
    answer = fast_overlap(_single(first, variables), _single(second, variables), where)
    if answer is not None:
        return answer

    def can_meet(reading: UnresolvedPolicy) -> bool:
        return some_role([automaton_of((parts,), variables, reading) for parts in (first, second)], all, where)

    try:
        if not can_meet(UnresolvedPolicy.OVERLAP):
            return Ternary.NO
        return Ternary.YES if first == second or can_meet(UnresolvedPolicy.SURE) else Ternary.UNKNOWN
    except OverBudgetError:
        return Ternary.UNKNOWN


@lru_cache(maxsize=8192)
def _included(
    inner: tuple[Part, ...], outer: tuple[tuple[Part, ...], ...], variables: bool, where: Deployment
) -> Ternary:
    return _compare(inner, _union(outer, variables), variables, where)


@lru_cache(maxsize=8192)
def _included_in(inner: tuple[Part, ...], outer: RoleUnion, variables: bool, where: Deployment) -> Ternary:
    return _compare(inner, outer, variables, where)


def _compare(inner: tuple[Part, ...], union: RoleUnion, variables: bool, where: Deployment) -> Ternary:
    bounds = bounds_of(inner, variables)
    if not union.entries and bounds.exact and bounds.overlaps_deployment(where):
        return Ternary.NO
    answer = fast_is_subset(_single(inner, variables), union, where)
    if answer is not None:
        return answer
    outer = tuple(dict.fromkeys(entry.text.parts for entry in union.near(bounds)))

    def is_included(inner_reading: UnresolvedPolicy, outer_reading: UnresolvedPolicy) -> bool:
        pair = [automaton_of((inner,), variables, inner_reading), automaton_of(outer, variables, outer_reading)]
        return not some_role(pair, lambda answer: answer[0] and not answer[1], where)

    try:
        if is_included(UnresolvedPolicy.OVERLAP, UnresolvedPolicy.DENIED):
            return Ternary.YES
        return Ternary.UNKNOWN if is_included(UnresolvedPolicy.SURE, UnresolvedPolicy.OVERLAP) else Ternary.NO
    except OverBudgetError:
        return Ternary.UNKNOWN


@lru_cache(maxsize=4096)
def _covers_service_linked(parts: tuple[Part, ...], variables: bool, named: bool) -> Ternary:
    if not named and not bounds_of(parts, variables).contains_name(_SERVICE_LINKED_PATH + ANY_NAME):
        return Ternary.NO
    pattern = automaton_of((parts,), variables, UnresolvedPolicy.COUNT)
    letters = alphabet([pattern])
    answer = Ternary.NO
    try:
        for states in states_before_role([pattern], letters, ANYWHERE):
            linked = (pattern.run(states[0], _SERVICE_LINKED_PATH),)
            if named:
                covered = count_accepted(pattern, linked[0], letters) > 1
            else:
                covered = first_match(acceptances([pattern], linked, letters), lambda found: not found[0]) is None
            if covered:
                answer = Ternary.YES
    except OverBudgetError:
        return Ternary.UNKNOWN
    return answer


def _size(patterns: tuple[tuple[Part, ...], ...], variables: bool, reading: UnresolvedPolicy) -> int:
    """Return how many roles of one account the patterns match: 0, 1, or 2 for "more than one"."""
    pattern = automaton_of(patterns, variables, reading)
    letters = alphabet([pattern])
    return max(
        (count_accepted(pattern, states[0], letters) for states in states_before_role([pattern], letters, ANYWHERE)),
        default=0,
    )
