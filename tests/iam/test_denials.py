"""Indexed denials and limits give the same answers as comparing with all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.grants import denials, subtract_denials
from passrole_checks.iam.grants.denials import DenialIndex
from passrole_checks.iam.grants.effective_grant import EffectiveGrant
from passrole_checks.iam.grants.grant import PassRoleGrant, raw_grants
from passrole_checks.iam.grants.limits import Limit, PassableSet
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.roles import arn, role_union
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.values.nodes import (
    ListNode,
    ObjectEntry,
    ObjectNode,
    Part,
    Position,
    StringNode,
    Ternary,
    Unresolved,
    UnresolvedKind,
    join,
    text,
)
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, conjoin, negate

AT = Position("policy.json", 1)
EC2, LAMBDA, OTHER = "ec2.amazonaws.com", "lambda.amazonaws.com", "other.amazonaws.com"
SERVICES = {"aws": [EC2, LAMBDA], "aws-cn": [f"{EC2}.cn"]}
ROLE = "arn:aws:iam::111122223333:role/"
PASS_ROLE = (text("iam:PassRole", AT),)

_PLACES: list[tuple[Part, ...]] = [
    (ROLE,), (ROLE,), (ROLE,), ("arn:aws:iam::*:role/",), ("arn:aws:iam::444455556666:role/",), ("*:role/",),
    ("arn:aws:iam::", Unresolved("var.account"), ":role/"),
]  # fmt: skip
_PIECES: list[Part] = [
    "a",
    "b",
    "ab",
    "*",
    "*",
    "?",
    "Q",
    "${aws:username}",
    Unresolved("var.any"),
    Unresolved("n", UnresolvedKind.NAME),
]
_WHOLE: list[tuple[Part, ...]] = [("*",), ("arn:aws:s3:::bucket",), (Unresolved("var.arn"),), (f"{ROLE}*",)]
_parts = st.one_of(
    st.builds(lambda place, name: join([*place, *name]), st.sampled_from(_PLACES),
              st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4)),
    st.builds(lambda place, name: join([*place, *name]), st.sampled_from(_PLACES),
              st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4)),
    st.sampled_from(_WHOLE),
)  # fmt: skip
_optional = st.sampled_from([False] * 4 + [True])
_texts = st.builds(lambda parts, optional: StringNode(parts, AT, optional=optional), _parts, _optional)
_patterns = st.lists(_texts, min_size=1, max_size=3).map(tuple)


def _condition(key: str, *values: str) -> ObjectNode:
    block = ObjectNode((ObjectEntry(text(key, AT), ListNode(tuple(text(value, AT) for value in values), AT)),), AT)
    operator = "Bool" if key == "aws:MultiFactorAuthPresent" else "StringEquals"
    return ObjectNode((ObjectEntry(text(operator, AT), block),), AT)


_CONDITIONS = [
    None, None, None, None, _condition("iam:PassedToService", EC2), _condition("iam:PassedToService", EC2, LAMBDA),
    _condition("iam:PassedToService", OTHER), _condition("aws:MultiFactorAuthPresent", "true"),
]  # fmt: skip
_A, _B = Assumption("var.a"), Assumption("var.b")
_WHENS: list[PathCondition] = [(), (), (), (_A,), (negate(_A),), (_B,)]


def _statement(
    effect: str, patterns: tuple[StringNode, ...], all_but: bool, condition: ObjectNode | None, when: PathCondition
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
    """Clear the caches that depend on the layout of patterns."""
    for remembered in (arn._union, arn._included_in, arn._included):
        remembered.cache_clear()


@contextmanager
def _looked_up(index: bool) -> Iterator[None]:
    """Use the indexes even for few denials and patterns or, without ``index``, compare every pair."""
    _forget()
    few = 0 if index else 1_000_000
    taking = DenialIndex.deciding if index else lambda every, *_: every.all
    with (
        mock.patch.object(denials, "_FEW", 0),
        mock.patch.object(role_union, "_FEW", few),
        mock.patch.object(DenialIndex, "deciding", taking),
    ):
        yield


@settings(max_examples=examples(200))
@given(_documents, st.sampled_from([None, "111122223333"]))
def test_indexed_denials_give_the_same_grants(statements: tuple[Statement, ...], account: str | None) -> None:
    """The grants that remain after the Deny statements of a document do not depend on the index."""
    with _looked_up(True):
        looked_up = subtract_denials._grants_of(statements, SERVICES, account)
    with _looked_up(False):
        assert looked_up == subtract_denials._grants_of(statements, SERVICES, account)


@settings(max_examples=examples(200))
@given(_documents, st.sampled_from([None, "111122223333"]))
def test_indexed_denials_give_the_same_passable_roles(statements: tuple[Statement, ...], account: str | None) -> None:
    """The roles that a principal can pass do not depend on the index of its Deny statements."""
    (grant, *_) = raw_grants(statements, dict(SERVICES), account)

    def passed() -> list[object]:
        one = EffectiveGrant(grant, Permissions(statements), SERVICES, account)
        return [one.for_any_service, *(one.for_service(service) for service in (EC2, LAMBDA, OTHER))]

    with _looked_up(True):
        looked_up = passed()
    with _looked_up(False):
        assert looked_up == passed()


@settings(max_examples=examples(200))
@given(
    st.lists(_statements("Allow"), min_size=1, max_size=2),
    st.lists(_statements("Allow"), max_size=4),
    st.sampled_from([None, "111122223333"]),
)
def test_indexed_limit_allows_the_same_as_each_of_its_statements(
    allows: list[Statement], limit: list[Statement], account: str | None
) -> None:
    """A limit leaves what a comparison of each role with each of its patterns leaves."""
    (grant, *_), limiting = (raw_grants(each, dict(SERVICES), account) for each in (allows, limit))
    known = frozenset[str]().union(*SERVICES.values())
    where = Deployment(account, ("aws",))
    roles = tuple(role.pattern for role in grant.roles)
    before = PassableSet(roles, grant.complement, grant.scope, grant.certain, (), grant.statement.when)
    with _looked_up(True):
        found = Limit(limiting, known)
        answers = [(service, found.apply(before, service, where)) for service in (None, EC2, LAMBDA, OTHER)]
    with _looked_up(False):
        for service, left in answers:
            assert (left and _unordered(left)) == _limited(before, limiting, service, known, where)


def _unordered(passed: PassableSet) -> object:
    assert len({*passed.roles}) == len(passed.roles) or passed.complement
    return {*passed.roles}, passed.complement, passed.certain, passed.when, {*passed.denied}


def _limited(
    before: PassableSet, limit: Sequence[PassRoleGrant], service: str | None, known: frozenset[str], where: Deployment
) -> object:
    """Return what a limit allows, found by comparing each role with each statement and each of its patterns."""
    when = before.when
    answers = [(allow, allow.lets(service, known) if service else Ternary.YES) for allow in limit]
    allows = [
        (allow, answer is Ternary.YES and allow.applies_surely)
        for allow, answer in answers
        if answer is not Ternary.NO and conjoin(when, allow.statement.when) is not None
    ]
    if not allows:
        return None
    free = [
        conjoin(when, allow.statement.when) or ()
        for allow, surely in allows
        if surely
        and not allow.complement
        and allow.scope is Scope.ANY_ROLE
        and arn.complement_scope([role.pattern for role in allow.roles], where=where) is not Scope.ANY_ROLE
    ]
    if free:
        return _unordered(replace(before, when=min(free, key=len)))
    (only, surely), *others = allows
    if only.complement and surely and not others:
        named = [role.pattern for role in only.roles]
        left = [role for role in before.roles if before.complement or not _covers(named, role, where)]
        when = conjoin(when, only.statement.when) or ()
        return _unordered(replace(before, roles=tuple(left), denied=tuple(named), when=when))
    if before.complement:
        return _unordered(replace(before, certain=before.certain & Ternary.UNKNOWN))
    kept: dict[StringNode, Ternary] = {}
    for role in before.roles:
        for pattern, inside in _parts_within(role, allows, when, where):
            kept[pattern] = kept.get(pattern, Ternary.NO) | inside
    certain = before.certain & Ternary.UNKNOWN if Ternary.UNKNOWN in kept.values() else before.certain
    return _unordered(replace(before, roles=tuple(kept), certain=certain))


def _covers(patterns: Sequence[StringNode], role: StringNode, where: Deployment) -> bool:
    return arn.included(role, patterns, where=where) is Ternary.YES


def _parts_within(
    role: StringNode, allows: Sequence[tuple[PassRoleGrant, bool]], when: PathCondition, where: Deployment
) -> Iterator[tuple[StringNode, Ternary]]:
    parts: list[tuple[StringNode, Ternary]] = []
    for allow, applies in allows:
        patterns = [named.pattern for named in allow.roles]
        surely = Ternary.YES if applies and allow.applies_under(when) else Ternary.UNKNOWN
        covered = _covers(patterns, role, where)
        if not allow.statement.whole or (allow.complement and not covered):
            parts.append((role, Ternary.UNKNOWN))
        elif not allow.complement and covered:
            if surely is Ternary.YES:
                yield role, surely
                return
            parts.append((role, surely))
        elif not allow.complement:
            for pattern in patterns:
                if pattern.only_unresolved is not None:
                    parts.append((role, Ternary.UNKNOWN))
                elif arn.overlaps(role, pattern, where=where) is not Ternary.NO:
                    parts.append((pattern, surely) if _covers([role], pattern, where) else (role, Ternary.UNKNOWN))
    yield from parts


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
def test_covering_denials_are_found_among_many_overlapping(denied: tuple[str, ...], left: list[str]) -> None:
    """Also where only two of them together cover it."""
    allowed = _many(*denied)[0]
    assert allowed.denied is (not left)
    assert allowed.denied or [str(role.pattern) for role in allowed.roles] == [ROLE + name for name in left]


def test_allows_near_the_same_denials_share_them() -> None:
    """The denials that have roles in common with each of many Allows are one object, made once."""
    found = DenialIndex([grant for grant in _many() if grant.effect == "Deny"])
    allows = [_statement("Allow", (text(f"{ROLE}a{number}*", AT),), False, None, ()) for number in range(20)]
    near = {id(found.near(grant)) for grant in raw_grants(allows, dict(SERVICES))}
    assert len(near) == 1


def test_merely_overlapping_denials_are_skipped() -> None:
    """Of many denials no one decides what is left of a pattern that has a role which none of them takes."""
    allowed, *others = _many(f"{ROLE}a2*")
    (grant,) = raw_grants([allowed.statement], dict(SERVICES))
    taking = DenialIndex(others).deciding(grant, Deployment(None, ("aws",)))
    assert [str(role.pattern) for denial in taking for role in denial.roles] == [f"{ROLE}a2*"]
