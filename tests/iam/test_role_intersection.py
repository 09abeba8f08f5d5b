"""Comparing a pattern with an indexed union gives the same answers as comparing all pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.iam.roles import arn, role_union
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.role_intersection import RoleLimit, included_in_one_set, indexes_within, overlapping
from passrole_checks.iam.roles.role_search import ANYWHERE, Deployment
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion
from passrole_checks.iam.values.nodes import Part, Position, StringNode, Ternary, Unresolved, UnresolvedKind, join

AT = Position("policy.json", 1)
ROLE = "arn:aws:iam::111122223333:role/"
OWN = Deployment("111122223333", ("aws",))
_PLACES: list[tuple[Part, ...]] = [
    (ROLE,), (ROLE,), (ROLE,), ("arn:aws:iam::*:role/",), ("arn:aws:iam::444455556666:role/",), ("*:role/",),
    ("arn:aws:iam::*",), ("arn:aws:iam::", Unresolved("var.account"), ":role/"),
]  # fmt: skip
_PIECES: list[Part] = [
    "a", "b", "ab", "/", "*", "*", "?", "a*", "*b", "${aws:username}", "${*}",
    Unresolved("var.any"), Unresolved("n", UnresolvedKind.NAME), Unresolved("i", UnresolvedKind.ACCOUNT_ID),
]  # fmt: skip
_WHOLE: list[tuple[Part, ...]] = [("*",), ("arn:aws:s3:::bucket",), (Unresolved("var.arn"),), (f"{ROLE}*",)]
_named = st.builds(
    lambda place, name: join([*place, *name]),
    st.sampled_from(_PLACES),
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4),
)
_patterns = st.builds(StringNode, st.one_of(_named, _named, _named, st.sampled_from(_WHOLE)), st.just(AT))
_lists = st.lists(_patterns, max_size=7)
_where = st.sampled_from([ANYWHERE, OWN])


@pytest.fixture(autouse=True)
def _indexed() -> Iterator[None]:
    """Use the indexes even for few patterns."""
    arn._union.cache_clear()
    with mock.patch.object(role_union, "_FEW", 0):
        yield
    arn._union.cache_clear()


def _includes(outer: Sequence[StringNode], inner: StringNode, where: Deployment) -> bool:
    return arn.included(inner, outer, where=where) is Ternary.YES


def _overlap(one: StringNode, other: StringNode, where: Deployment) -> bool:
    return arn.overlaps(one, other, where=where) is not Ternary.NO


@settings(max_examples=examples(300))
@given(_patterns, _lists, _where)
def test_index_finds_the_same_patterns_as_comparing_each(
    role: StringNode, patterns: list[StringNode], where: Deployment
) -> None:
    """For inclusion in a pattern and for overlap with it."""
    union = RoleUnion([RoleSet(tuple(patterns))])
    overlaps = [number for number, other in enumerate(patterns) if _overlap(other, role, where)]
    within = [number for number in overlaps if _includes([role], patterns[number], where)]
    assert sorted(overlapping(role, union, variables=True, where=where)) == overlaps
    assert indexes_within(role, union, variables=True, where=where) == within
    rest = overlapping(role, union, skip=within, variables=True, where=where)
    assert sorted(rest) == [number for number in overlaps if number not in within]


@settings(max_examples=examples(300))
@given(_patterns, st.lists(st.lists(_patterns, min_size=1, max_size=3), max_size=4), _where)
def test_inclusion_by_one_set_is_that_of_any(role: StringNode, sets: list[list[StringNode]], where: Deployment) -> None:
    """Sets of a union are not combined."""
    union = RoleUnion(RoleSet(tuple(patterns)) for patterns in sets)
    expected = any(_includes(patterns, role, where) for patterns in sets)
    assert included_in_one_set(role, union, variables=True, where=where) == expected


def _pairwise(patterns: Sequence[StringNode], limits: Sequence[StringNode], where: Deployment) -> Iterator[StringNode]:
    """Yield the roles of ``patterns`` within ``limits``, each pair compared."""
    for pattern in patterns:
        if _includes(limits, pattern, where):
            yield pattern
            continue
        for limit in limits:
            if _includes([pattern], limit, where):
                yield limit
            elif _overlap(pattern, limit, where):
                narrower = arn.resource_scope(limit).width > arn.resource_scope(pattern).width
                yield limit if narrower else pattern


@settings(max_examples=examples(300))
@given(_lists, _lists, _where)
def test_intersection_is_that_of_all_pairs(
    patterns: list[StringNode], limits: list[StringNode], where: Deployment
) -> None:
    """Except for patterns that match no role, and for their order."""
    found = RoleLimit(limits, True).intersection(patterns, where)
    expected = set(_pairwise(patterns, limits, where))
    roles = {one for one in expected if _overlap(one, StringNode(("*",), AT), where)}
    assert {one for one in found if _overlap(one, StringNode(("*",), AT), where)} == roles
    assert len(found) <= len(patterns) + len(limits)


def test_intersection_keeps_the_order_of_both() -> None:
    def texts(*names: str) -> list[StringNode]:
        return [StringNode((ROLE + name,), AT) for name in names]

    found = RoleLimit(texts("b-2", "a-*", "b-1"), True).intersection(texts("c", "b-*", "a-x", "*-2", "a-y"), ANYWHERE)
    assert [str(one).removeprefix(ROLE) for one in found] == ["a-x", "*-2", "a-y", "b-2", "b-1"]
    assert arn.resource_scope(found[1]) is Scope.PREFIX
