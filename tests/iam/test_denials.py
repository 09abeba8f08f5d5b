"""Many denials: which of them matter to an Allow is looked up, and the answer is that of a comparison with all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.passing import denials, passrole
from passrole_checks.iam.passing.denials import Denials
from passrole_checks.iam.passing.passing import Passing
from passrole_checks.iam.passing.passrole import PassRoleGrant, grants_apart, grants_of
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.roles import arn, role_union
from passrole_checks.iam.roles.arn import Deployment
from passrole_checks.iam.values import Entry, Hole, Items, Kind, Mapping, Part, Position, Text, join, text

AT = Position("policy.json", 1)
EC2, LAMBDA, OTHER = "ec2.amazonaws.com", "lambda.amazonaws.com", "other.amazonaws.com"
SERVICES = {"aws": [EC2, LAMBDA], "aws-cn": [f"{EC2}.cn"]}
ROLE = "arn:aws:iam::111122223333:role/"
PASS_ROLE = (text("iam:PassRole", AT),)

_PLACES: list[tuple[Part, ...]] = [
    (ROLE,), (ROLE,), (ROLE,), ("arn:aws:iam::*:role/",), ("arn:aws:iam::444455556666:role/",), ("*:role/",),
    ("arn:aws:iam::", Hole("var.account"), ":role/"),
]  # fmt: skip
_PIECES: list[Part] = ["a", "b", "ab", "*", "*", "?", "Q", "${aws:username}", Hole("var.any"), Hole("n", Kind.NAME)]
_WHOLE: list[tuple[Part, ...]] = [("*",), ("arn:aws:s3:::bucket",), (Hole("var.arn"),), (f"{ROLE}*",)]
_parts = st.one_of(
    st.builds(lambda place, name: join([*place, *name]), st.sampled_from(_PLACES),
              st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4)),
    st.builds(lambda place, name: join([*place, *name]), st.sampled_from(_PLACES),
              st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4)),
    st.sampled_from(_WHOLE),
)  # fmt: skip
_optional = st.sampled_from([False] * 4 + [True])
_texts = st.builds(lambda parts, optional: Text(parts, AT, optional=optional), _parts, _optional)
_patterns = st.lists(_texts, min_size=1, max_size=3).map(tuple)


def _condition(key: str, *values: str) -> Mapping:
    block = Mapping((Entry(text(key, AT), Items(tuple(text(value, AT) for value in values), AT)),), AT)
    operator = "Bool" if key == "aws:MultiFactorAuthPresent" else "StringEquals"
    return Mapping((Entry(text(operator, AT), block),), AT)


_CONDITIONS = [
    None, None, None, None, _condition("iam:PassedToService", EC2), _condition("iam:PassedToService", EC2, LAMBDA),
    _condition("iam:PassedToService", OTHER), _condition("aws:MultiFactorAuthPresent", "true"),
]  # fmt: skip
_WHENS = [(), (), (), (("var.a", "true"),), (("var.a", "false"),), (("var.b", "true"),)]


def _statement(
    effect: str, patterns: tuple[Text, ...], all_but: bool, condition: Mapping | None, when: tuple[tuple[str, str], ...]
) -> Statement:
    named = (None, patterns) if all_but else (patterns, None)
    return Statement("Statement/0", AT, None, effect, PASS_ROLE, None, *named, condition, True, when)


def _statements(effect: str) -> st.SearchStrategy[Statement]:
    all_but = st.sampled_from([False] * 7 + [True])
    return st.builds(
        _statement, st.just(effect), _patterns, all_but, st.sampled_from(_CONDITIONS), st.sampled_from(_WHENS)
    )


_documents = st.builds(
    lambda allows, denials: (*allows, *denials),
    st.lists(_statements("Allow"), min_size=1, max_size=2),
    st.lists(_statements("Deny"), max_size=7),
)


def _forget() -> None:
    """Forget the answers that hang on a layout of patterns."""
    for remembered in (arn._union, arn._within, arn._included):
        remembered.cache_clear()


@contextmanager
def _looked_up(index: bool) -> Iterator[None]:
    """With ``index``, look up few denials and patterns as well; without, compare an Allow with every Deny, and each
    pattern with every other."""
    _forget()
    few = 0 if index else 1_000_000
    taking = Denials.taking if index else lambda every, *_: every.all
    with (
        mock.patch.object(denials, "_FEW", 0),
        mock.patch.object(role_union, "_FEW", few),
        mock.patch.object(Denials, "taking", taking),
    ):
        yield


@settings(max_examples=200, deadline=None)
@given(_documents, st.sampled_from([None, "111122223333"]))
def test_grants_are_those_of_a_comparison_with_every_denial(
    statements: tuple[Statement, ...], account: str | None
) -> None:
    """What denials leave of the Allows of a document does not depend on which of them are looked at."""
    with _looked_up(True):
        looked_up = passrole._grants_of(statements, SERVICES, account)
    with _looked_up(False):
        assert looked_up == passrole._grants_of(statements, SERVICES, account)


@settings(max_examples=200, deadline=None)
@given(_documents, st.sampled_from([None, "111122223333"]))
def test_passable_roles_are_those_of_a_comparison_with_every_denial(
    statements: tuple[Statement, ...], account: str | None
) -> None:
    """What one principal can pass does not depend on which of its denials are looked at."""
    (grant, *_) = grants_apart(statements, dict(SERVICES), account)

    def passed() -> list[object]:
        one = Passing(grant, Permissions(statements), SERVICES, account)
        return [one.anything, *(one.to(service) for service in (EC2, LAMBDA, OTHER))]

    with _looked_up(True):
        looked_up = passed()
    with _looked_up(False):
        assert looked_up == passed()


def _many(*denied: str) -> list[PassRoleGrant]:
    """One Allow of three patterns after many denials that only cross them, and these."""
    crossing = [f"{ROLE}*c{number}*d" for number in range(50)]
    statements = [
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": [f"{ROLE}{name}" for name in ("a1*", "a2*b", "x")]},
        *({"Effect": "Deny", "Action": "iam:PassRole", "Resource": each} for each in (*crossing, *denied)),
    ]
    document = text(json.dumps({"Version": "2012-10-17", "Statement": statements}), AT)
    return list(grants_of(parse_document(document).statements, SERVICES))


@pytest.mark.parametrize(
    ("denied", "left"),
    [
        ((), ["a1*", "a2*b", "x"]),
        ((f"{ROLE}a1*",), ["a2*b", "x"]),
        ((f"{ROLE}a*",), ["x"]),
        ((f"{ROLE}a2*", f"{ROLE}x"), ["a1*"]),
        ((f"{ROLE}a2*?b", f"{ROLE}a2b"), ["a1*", "x"]),
        (("*",), []),
    ],
)
def test_denials_that_cover_a_pattern_take_it_among_many_that_cross_it(
    denied: tuple[str, ...], left: list[str]
) -> None:
    """Also where only two of them together cover it."""
    allowed = _many(*denied)[0]
    assert allowed.denied is (not left)
    assert allowed.denied or [str(role.pattern) for role in allowed.roles] == [ROLE + name for name in left]


def test_allows_near_the_same_denials_share_them() -> None:
    """The denials that have roles in common with each of many Allows are one object, made once."""
    found = Denials([grant for grant in _many() if grant.effect == "Deny"])
    allows = [_statement("Allow", (text(f"{ROLE}a{number}*", AT),), False, None, ()) for number in range(20)]
    near = {id(found.near(grant)) for grant in grants_apart(allows, dict(SERVICES))}
    assert len(near) == 1


def test_denials_that_only_cross_an_allow_are_not_compared_with_it() -> None:
    """Of many denials no one decides what is left of a pattern that has a role which none of them takes."""
    allowed, *others = _many(f"{ROLE}a2*")
    (grant,) = grants_apart([allowed.statement], dict(SERVICES))
    taking = Denials(others).taking(grant, Deployment(None, ("aws",)))
    assert [str(role.pattern) for denial in taking for role in denial.roles] == [f"{ROLE}a2*"]
