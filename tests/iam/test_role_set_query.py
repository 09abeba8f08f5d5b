"""Fast answers agree with those of the automata, and so do queries reduced to the relevant patterns."""

from __future__ import annotations

from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.arn_bounds import Role, bounds_of, covers, example_name, may_intersect, names_single_role
from passrole_checks.iam.roles.arn_pattern import UnresolvedPolicy, automaton_of, expand
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.roles.role_set_query import _exists, _RoleSetQuery, fast_exceeds
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion
from passrole_checks.iam.values.nodes import Part, Position, StringNode, Ternary, Unresolved, UnresolvedKind, join

AT = Position("policy.json", 1)
ACCOUNT, OTHER = "111122223333", "444455556666"
_PLACES: list[tuple[Part, ...]] = [
    (f"arn:aws:iam::{ACCOUNT}:role/",),
    (f"arn:aws:iam::{ACCOUNT}:role/",),
    (f"arn:aws:iam::{OTHER}:role/",),
    ("arn:aws:iam::*:role/",),
    (f"arn:aws-cn:iam::{ACCOUNT}:role/",),
    (f"arn:*:iam::{ACCOUNT}:role/",),
    ("arn:aws:iam::", Unresolved("account", UnresolvedKind.ACCOUNT_ID), ":role/"),
    ("arn:", Unresolved("partition", UnresolvedKind.PARTITION), f":iam::{ACCOUNT}:role/"),
    ("arn:aws:iam::", Unresolved("var.account"), ":role/"),
    (Unresolved("var.beginning"), ":role/"),
    ("arn:aws:iam::${aws:PrincipalAccount}:role/",),
    ("*:role/",),
]
_PIECES: list[Part] = [
    "a",
    "b",
    "ab",
    "a/",
    "/b",
    "*",
    "*",
    "?",
    "-",
    "${aws:username}",
    "${*}",
    "${aws:PrincipalAccount}",
    "aws-service-role/",
    Unresolved("var.any"),
    Unresolved("name", UnresolvedKind.NAME),
    Unresolved("other", UnresolvedKind.NAME),
    Unresolved("id", UnresolvedKind.ACCOUNT_ID),
]
_WHOLE: list[tuple[Part, ...]] = [
    ("*",), ("arn:aws:iam::*",), (f"arn:aws:iam::{ACCOUNT}:*",), ("arn:aws:s3:::bucket",), ("arn:aws:iam",),
    (Unresolved("var.role_arn"),), (Unresolved("aws_iam_role.app.arn", role="aws_iam_role.app"),),
    (Unresolved("aws_iam_role.app.name", UnresolvedKind.NAME, role="aws_iam_role.app"),),
    (Unresolved("local.arn", known=("arn:aws:iam::", Unresolved("account", UnresolvedKind.ACCOUNT_ID), ":role/ab")),),
]  # fmt: skip
_named = st.builds(
    lambda place, name: join([*place, *name]), st.sampled_from(_PLACES), st.lists(st.sampled_from(_PIECES), max_size=4)
)
_parts = st.one_of(_named, _named, _named, st.sampled_from(_WHOLE))
_texts = st.builds(
    lambda parts, optional: StringNode(parts, AT, optional=optional), _parts, st.sampled_from([False] * 4 + [True])
)
_sets = st.builds(
    lambda patterns, variables, complement: RoleSet(tuple(patterns), variables, complement),
    st.lists(_texts, min_size=1, max_size=3),
    st.sampled_from([True, True, True, False]),
    st.sampled_from([False, False, False, True]),
)
_wheres = st.sampled_from(
    [arn.ANYWHERE, Deployment(ACCOUNT), Deployment(ACCOUNT, ("aws",)), Deployment(None, ("aws",)), Deployment(OTHER)]
)
_roles = st.builds(
    Role,
    st.sampled_from(["aws", "aws-cn"]),
    st.sampled_from([ACCOUNT, OTHER]),
    st.sampled_from(["a", "b", "ab", "a/b", "ab/ab", "a-b", "aws-service-role/a", "z", "aa/b-"]),
)


@settings(max_examples=examples(400))
@given(st.lists(_sets, min_size=1, max_size=2), st.booleans(), st.lists(_sets, max_size=4), st.booleans(), _wheres)
def test_quick_answers_agree_with_automata(
    within: list[RoleSet], wide: bool, but: list[RoleSet], but_over: bool, where: Deployment
) -> None:
    """Where a glance answers whether there is a role in these sets and in none of those, it is the automata' answer,
    and so is that of the automata which are shown only what comes near."""
    unions = (RoleUnion(but[:2]), RoleUnion(but[2:]))
    asked = tuple((roles, wide) for roles in within)
    whole = _RoleSetQuery(asked, unions, but_over, where)
    whole.__dict__["excluded"] = whole._counting(entry for union in unions for entry in union.entries)
    slow = _exists(whole.terms(), where)
    question = _RoleSetQuery(asked, unions, but_over, where)
    if slow is not None:
        assert question.quick_answer() in (None, slow)
        assert _exists(question.terms(), where) is slow


@settings(max_examples=examples(400))
@given(_parts, st.booleans(), _roles)
def test_bounds_contain_every_role_of_the_pattern(parts: tuple[Part, ...], variables: bool, role: Role) -> None:
    """Bounds contain every role that the pattern may match; exact bounds contain only roles that surely match."""
    bounds = bounds_of(parts, variables)
    text = f"arn:{role.partition}:iam::{role.account}:role/{role.name}"
    if automaton_of((parts,), variables, UnresolvedPolicy.OVERLAP).matches(text):
        assert bounds.contains(role)
    if bounds.exact:
        for reading in (
            UnresolvedPolicy.SURE,
            UnresolvedPolicy.DENIED,
            UnresolvedPolicy.OVERLAP,
            UnresolvedPolicy.OVERLAP_STRICT,
        ):
            assert automaton_of((parts,), variables, reading).matches(text) is bounds.contains(role)


@settings(max_examples=examples(300))
@given(_parts, st.booleans(), st.booleans())
def test_example_name_matches_the_pattern(parts: tuple[Part, ...], variables: bool, wide: bool) -> None:
    """The name that is given for a pattern is matched by it, in every place of its bounds."""
    spelled = expand(parts)
    name = example_name(spelled, variables, wide)
    bounds = bounds_of(parts, variables)
    if name is None:
        return
    reading = UnresolvedPolicy.OVERLAP if wide else UnresolvedPolicy.MAYBE
    for partition in [bounds.partition] if bounds.partition else ["aws", "aws-eusc"]:
        for account in [bounds.account] if bounds.account else [ACCOUNT, "000000000000"]:
            assert automaton_of((parts,), variables, reading).matches(f"arn:{partition}:iam::{account}:role/{name}")


@settings(max_examples=examples(300))
@given(st.lists(_parts, max_size=12), _parts, st.booleans())
def test_union_finds_near_patterns(patterns: list[tuple[Part, ...]], parts: tuple[Part, ...], variables: bool) -> None:
    """The layout of many patterns finds those that may have a role in common with one, all and in their order."""
    union = RoleUnion(RoleSet((StringNode(item, AT),), variables) for item in patterns)
    bounds = bounds_of(parts, variables)
    assert union.near(bounds) == [entry for entry in union.entries if may_intersect(entry.bounds, bounds)]


@settings(max_examples=examples(300))
@given(st.lists(_parts, max_size=12), _parts, st.booleans())
def test_union_finds_covering_patterns(
    patterns: list[tuple[Part, ...]], parts: tuple[Part, ...], variables: bool
) -> None:
    """The layout of many patterns finds those that cover one, all and in their order, also where it is one of them."""
    union = RoleUnion(RoleSet((StringNode(item, AT),), variables) for item in (*patterns, parts))
    bounds = bounds_of(parts, variables)
    assert union.covering(bounds) == [entry for entry in union.entries if covers(entry.bounds, bounds)]


@settings(max_examples=examples(300))
@given(_parts, st.lists(_texts, max_size=8), st.data(), st.booleans(), _wheres)
def test_pattern_that_exceeds_a_union_exceeds_each_part_of_it(
    inner: tuple[Part, ...], outer: list[StringNode], data: st.DataObject, variables: bool, where: Deployment
) -> None:
    """A pattern with a role that is in none of many patterns is included in no selection of them; nor, with some of
    them ignored, in a selection of the others."""
    union = RoleUnion([RoleSet(tuple(outer), variables)])
    entries = st.lists(st.sampled_from(union.entries)) if outer else st.just([])
    ignored, chosen = data.draw(entries), data.draw(entries)
    if fast_exceeds(RoleSet((StringNode(inner, AT),), variables), union, where, ignored):
        left = [entry.text for entry in chosen if entry not in ignored]
        assert arn.included(StringNode(inner, AT), left, variables=variables, where=where) is not Ternary.YES


@settings(max_examples=examples(300))
@given(_parts, _parts, _roles)
def test_covering_bounds_contain_the_roles(outer: tuple[Part, ...], inner: tuple[Part, ...], role: Role) -> None:
    """Where one bounds covers another one, every role of that is in the pattern of this; what they share, they share
    by a glance too."""
    one, other = bounds_of(outer, True), bounds_of(inner, True)
    if other.contains(role):
        if covers(one, other):
            assert one.contains(role)
        if one.contains(role):
            assert may_intersect(one, other)


@settings(max_examples=examples(200))
@given(_parts, st.booleans())
def test_names_single_role_agrees_with_the_automaton(parts: tuple[Part, ...], variables: bool) -> None:
    """If known without the automaton, a pattern names one role exactly if its automaton matches one.

    The automaton counts a policy variable as one string, although it can match many.
    """
    one = names_single_role(expand(parts), variables)
    has_variable = variables and any("${" in part for part in parts if isinstance(part, str))
    if one is not None and not has_variable and arn._any_role.__wrapped__((parts,), variables) is Ternary.NO:
        assert arn._size((parts,), variables, UnresolvedPolicy.OVERLAP) > 0
        assert arn._size((parts,), variables, UnresolvedPolicy.OVERLAP_STRICT) > 0
        assert (arn._size((parts,), variables, UnresolvedPolicy.COUNT) == 1) is one


def test_thousand_role_names_need_no_automaton() -> None:
    """A thousand roles before and one more after: no automaton is needed to see that just this one is new."""
    before = RoleUnion([RoleSet(tuple(StringNode((f"arn:aws:iam::{ACCOUNT}:role/app-{n}",), AT) for n in range(1000)))])
    for name, found in (("app-1000", True), ("app-999", False), ("app-*", True), ("*-7", True)):
        inner = RoleSet((StringNode((f"arn:aws:iam::{ACCOUNT}:role/{name}",), AT),))
        assert _RoleSetQuery(((inner, True),), (before,), False, arn.ANYWHERE).quick_answer() is found


def test_scope_of_a_thousand_patterns_needs_no_automaton() -> None:
    """Patterns of which none matches any name are together not any role, however many there are."""
    patterns = [StringNode((f"arn:aws:iam::{ACCOUNT}:role/*-{n}",), AT) for n in range(1000)]
    assert arn.union_scope(patterns) is Scope.PREFIX
    assert arn.complement_scope(patterns) is Scope.ANY_ROLE


class _Everything:
    """A union in which every pattern is near."""

    def __init__(self, patterns: tuple[tuple[Part, ...], ...], variables: bool) -> None:
        self.entries = RoleUnion([RoleSet(tuple(StringNode(parts, AT) for parts in patterns), variables)]).entries

    def near(self, _: object) -> tuple[object, ...]:
        return self.entries


@settings(max_examples=examples(200))
@given(_parts, st.lists(_parts, max_size=3).map(tuple), st.booleans(), _wheres)
def test_fast_paths_agree_with_automata(
    inner: tuple[Part, ...], outer: tuple[tuple[Part, ...], ...], variables: bool, where: Deployment
) -> None:
    """The fast paths of inclusion, overlap and scope agree with the automata, unless these exceed their limits."""
    quick = (
        arn._included.__wrapped__(inner, outer, variables, where),
        [arn._overlaps.__wrapped__(inner, item, variables, where) for item in outer],
        arn._any_role.__wrapped__((inner, *outer), variables),
        arn._resource_scope.__wrapped__(inner, variables),
        arn._covers_service_linked.__wrapped__(inner, variables, False),
    )
    anything = bounds_of((Unresolved("anything"),), True)
    with (
        mock.patch.object(arn, "fast_is_subset", lambda *_: None),
        mock.patch.object(arn, "fast_overlap", lambda *_: None),
        mock.patch.object(arn, "names_single_role", lambda *_: None),
        mock.patch.object(arn, "plain_role", lambda _: None),
        mock.patch.object(arn, "bounds_of", lambda *_: anything),
        mock.patch.object(arn, "_union", _Everything),
    ):
        arn._any_role.cache_clear()
        slow = (
            arn._included.__wrapped__(inner, outer, variables, where),
            [arn._overlaps.__wrapped__(inner, item, variables, where) for item in outer],
            arn._any_role.__wrapped__((inner, *outer), variables),
            arn._resource_scope.__wrapped__(inner, variables),
            arn._covers_service_linked.__wrapped__(inner, variables, False),
        )
        arn._any_role.cache_clear()
    assert quick == slow
