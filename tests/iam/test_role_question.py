"""Answers that need no machine, and questions cut down to what matters: the same that the machines say in full."""

from __future__ import annotations

from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Deployment, Scope
from passrole_checks.iam.roles.arn_pattern import Reading, machine, spelled_out
from passrole_checks.iam.roles.role_question import _exists, _Question, exceeds_at_a_glance
from passrole_checks.iam.roles.role_shape import Role, covers, example_name, meet, names_one, shape_of
from passrole_checks.iam.roles.role_union import RoleSet, RoleUnion
from passrole_checks.iam.values import Hole, Kind, Part, Position, Text, Tri, join

AT = Position("policy.json", 1)
ACCOUNT, OTHER = "111122223333", "444455556666"
_PLACES: list[tuple[Part, ...]] = [
    (f"arn:aws:iam::{ACCOUNT}:role/",),
    (f"arn:aws:iam::{ACCOUNT}:role/",),
    (f"arn:aws:iam::{OTHER}:role/",),
    ("arn:aws:iam::*:role/",),
    (f"arn:aws-cn:iam::{ACCOUNT}:role/",),
    (f"arn:*:iam::{ACCOUNT}:role/",),
    ("arn:aws:iam::", Hole("account", Kind.ACCOUNT_ID), ":role/"),
    ("arn:", Hole("partition", Kind.PARTITION), f":iam::{ACCOUNT}:role/"),
    ("arn:aws:iam::", Hole("var.account"), ":role/"),
    (Hole("var.beginning"), ":role/"),
    ("arn:aws:iam::${aws:PrincipalAccount}:role/",),
    ("*:role/",),
]
_PIECES: list[Part] = [
    "a", "b", "ab", "a/", "/b", "*", "*", "?", "-", "${aws:username}", "${*}", "${aws:PrincipalAccount}",
    "aws-service-role/", Hole("var.any"), Hole("name", Kind.NAME), Hole("other", Kind.NAME),
    Hole("id", Kind.ACCOUNT_ID),
]  # fmt: skip
_WHOLE: list[tuple[Part, ...]] = [
    ("*",), ("arn:aws:iam::*",), (f"arn:aws:iam::{ACCOUNT}:*",), ("arn:aws:s3:::bucket",), ("arn:aws:iam",),
    (Hole("var.role_arn"),), (Hole("aws_iam_role.app.arn", role="aws_iam_role.app"),),
    (Hole("aws_iam_role.app.name", Kind.NAME, role="aws_iam_role.app"),),
    (Hole("local.arn", known=("arn:aws:iam::", Hole("account", Kind.ACCOUNT_ID), ":role/ab")),),
]  # fmt: skip
_named = st.builds(
    lambda place, name: join([*place, *name]), st.sampled_from(_PLACES), st.lists(st.sampled_from(_PIECES), max_size=4)
)
_parts = st.one_of(_named, _named, _named, st.sampled_from(_WHOLE))
_texts = st.builds(
    lambda parts, optional: Text(parts, AT, optional=optional), _parts, st.sampled_from([False] * 4 + [True])
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


@settings(max_examples=400, deadline=None)
@given(st.lists(_sets, min_size=1, max_size=2), st.booleans(), st.lists(_sets, max_size=4), st.booleans(), _wheres)
def test_a_glance_says_what_the_machines_say(
    within: list[RoleSet], wide: bool, but: list[RoleSet], but_over: bool, where: Deployment
) -> None:
    """Where a glance answers whether there is a role in these sets and in none of those, it is the machines' answer,
    and so is that of the machines which are shown only what comes near."""
    unions = (RoleUnion(but[:2]), RoleUnion(but[2:]))
    asked = tuple((roles, wide) for roles in within)
    whole = _Question(asked, unions, but_over, where)
    whole.__dict__["excluded"] = whole._there(entry for union in unions for entry in union.entries)
    slow = _exists(whole.terms(), where)
    question = _Question(asked, unions, but_over, where)
    if slow is not None:
        assert question.at_a_glance() in (None, slow)
        assert _exists(question.terms(), where) is slow


@settings(max_examples=400, deadline=None)
@given(_parts, st.booleans(), _roles)
def test_a_shape_holds_every_role_of_its_pattern(parts: tuple[Part, ...], variables: bool, role: Role) -> None:
    """What a pattern matches, however it is read, is of its shape; an exact shape is what surely matches."""
    shape = shape_of(parts, variables)
    text = f"arn:{role.partition}:iam::{role.account}:role/{role.name}"
    if machine((parts,), variables, Reading.OVERLAP).matches(text):
        assert shape.holds(role)
    if shape.exact:
        for reading in (Reading.SURE, Reading.DENIED, Reading.OVERLAP, Reading.OVERLAP_STRICT):
            assert machine((parts,), variables, reading).matches(text) is shape.holds(role)


@settings(max_examples=300, deadline=None)
@given(_parts, st.booleans(), st.booleans())
def test_an_example_is_one(parts: tuple[Part, ...], variables: bool, wide: bool) -> None:
    """The name that is given for a pattern is matched by it, in every place of its shape."""
    spelled = spelled_out(parts)
    name = example_name(spelled, variables, wide)
    shape = shape_of(parts, variables)
    if name is None:
        return
    reading = Reading.OVERLAP if wide else Reading.MAYBE
    for partition in [shape.partition] if shape.partition else ["aws", "aws-eusc"]:
        for account in [shape.account] if shape.account else [ACCOUNT, "000000000000"]:
            assert machine((parts,), variables, reading).matches(f"arn:{partition}:iam::{account}:role/{name}")


@settings(max_examples=300, deadline=None)
@given(st.lists(_parts, max_size=12), _parts, st.booleans())
def test_what_is_near_is_found(patterns: list[tuple[Part, ...]], parts: tuple[Part, ...], variables: bool) -> None:
    """The layout of many patterns finds those that may have a role in common with one, all and in their order."""
    union = RoleUnion(RoleSet((Text(item, AT),), variables) for item in patterns)
    shape = shape_of(parts, variables)
    assert union.near(shape) == [entry for entry in union.entries if meet(entry.shape, shape)]


@settings(max_examples=300, deadline=None)
@given(st.lists(_parts, max_size=12), _parts, st.booleans())
def test_covering_patterns_are_found(
    patterns: list[tuple[Part, ...]], parts: tuple[Part, ...], variables: bool
) -> None:
    """The layout of many patterns finds those that cover one, all and in their order, also where it is one of them."""
    union = RoleUnion(RoleSet((Text(item, AT),), variables) for item in (*patterns, parts))
    shape = shape_of(parts, variables)
    assert union.covering(shape) == [entry for entry in union.entries if covers(entry.shape, shape)]


@settings(max_examples=300, deadline=None)
@given(_parts, st.lists(_texts, max_size=8), st.data(), st.booleans(), _wheres)
def test_pattern_that_exceeds_a_union_exceeds_each_part_of_it(
    inner: tuple[Part, ...], outer: list[Text], data: st.DataObject, variables: bool, where: Deployment
) -> None:
    """A pattern with a role that is in none of many patterns is included in no selection of them; nor, with some of
    them ignored, in a selection of the others."""
    union = RoleUnion([RoleSet(tuple(outer), variables)])
    entries = st.lists(st.sampled_from(union.entries)) if outer else st.just([])
    ignored, chosen = data.draw(entries), data.draw(entries)
    if exceeds_at_a_glance(RoleSet((Text(inner, AT),), variables), union, where, ignored):
        left = [entry.text for entry in chosen if entry not in ignored]
        assert arn.included(Text(inner, AT), left, variables=variables, where=where) is not Tri.YES


@settings(max_examples=300, deadline=None)
@given(_parts, _parts, _roles)
def test_a_shape_that_covers_another_holds_its_roles(
    outer: tuple[Part, ...], inner: tuple[Part, ...], role: Role
) -> None:
    """Where one shape covers another one, every role of that is in the pattern of this; what they share, they share
    by a glance too."""
    one, other = shape_of(outer, True), shape_of(inner, True)
    if other.holds(role):
        if covers(one, other):
            assert one.holds(role)
        if one.holds(role):
            assert meet(one, other)


@settings(max_examples=200, deadline=None)
@given(_parts, st.booleans())
def test_one_role_or_several(parts: tuple[Part, ...], variables: bool) -> None:
    """Whether a pattern names one role is, where it can be seen, how many roles its machine matches."""
    one = names_one(spelled_out(parts), variables)
    if one is not None and arn._any_role.__wrapped__((parts,), variables) is Tri.NO:
        assert arn._size((parts,), variables, Reading.OVERLAP) > 0
        assert arn._size((parts,), variables, Reading.OVERLAP_STRICT) > 0
        assert (arn._size((parts,), variables, Reading.COUNT) == 1) is one


def test_many_roles_of_one_prefix_are_decided_at_a_glance() -> None:
    """A thousand roles before and one more after: no machine is needed to see that just this one is new."""
    before = RoleUnion([RoleSet(tuple(Text((f"arn:aws:iam::{ACCOUNT}:role/app-{n}",), AT) for n in range(1000)))])
    for name, found in (("app-1000", True), ("app-999", False), ("app-*", True), ("*-7", True)):
        inner = RoleSet((Text((f"arn:aws:iam::{ACCOUNT}:role/{name}",), AT),))
        assert _Question(((inner, True),), (before,), False, arn.ANYWHERE).at_a_glance() is found


def test_the_scope_of_a_thousand_patterns_is_seen() -> None:
    """Patterns of which none matches any name are together not any role, however many there are."""
    patterns = [Text((f"arn:aws:iam::{ACCOUNT}:role/*-{n}",), AT) for n in range(1000)]
    assert arn.union_scope(patterns) is Scope.PREFIX
    assert arn.complement_scope(patterns) is Scope.ANY_ROLE


class _Everything:
    """A union that finds every pattern near."""

    def __init__(self, patterns: tuple[tuple[Part, ...], ...], variables: bool) -> None:
        self.entries = RoleUnion([RoleSet(tuple(Text(parts, AT) for parts in patterns), variables)]).entries

    def near(self, _: object) -> tuple[object, ...]:
        return self.entries


@settings(max_examples=200, deadline=None)
@given(_parts, st.lists(_parts, max_size=3).map(tuple), st.booleans(), _wheres)
def test_questions_of_patterns_are_answered_as_by_the_machines(
    inner: tuple[Part, ...], outer: tuple[tuple[Part, ...], ...], variables: bool, where: Deployment
) -> None:
    """Inclusion, overlap and scope say at a glance what they say when there is none, unless that takes too much."""
    quick = (
        arn._included.__wrapped__(inner, outer, variables, where),
        [arn._overlaps.__wrapped__(inner, item, variables, where) for item in outer],
        arn._any_role.__wrapped__((inner, *outer), variables),
        arn._resource_scope.__wrapped__(inner, variables),
        arn._covers_service_linked.__wrapped__(inner, variables, False),
    )
    anything = shape_of((Hole("anything"),), True)
    with (
        mock.patch.object(arn, "covered_at_a_glance", lambda *_: None),
        mock.patch.object(arn, "overlap_at_a_glance", lambda *_: None),
        mock.patch.object(arn, "names_one", lambda *_: None),
        mock.patch.object(arn, "plain_role", lambda _: None),
        mock.patch.object(arn, "shape_of", lambda *_: anything),
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
