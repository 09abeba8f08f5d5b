"""Permissions against a slow and obvious reference: every short action on every short resource."""

from __future__ import annotations

import re
from functools import cache
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.permissions.extra_permissions import PermissionComparison
from passrole_checks.iam.permissions.permissions import ContentClasses, Permissions
from passrole_checks.iam.values.nodes import Position, Ternary, text

AT = Position("x.tf", 1)
# two letters that patterns mention, and one that none does
WORDS = ["".join(letters) for length in range(1, 5) for letters in product("abz", repeat=length)]
ACTIONS = [*(f"x:{word}" for word in WORDS), "y:z"]
# names and beginnings of names, of which two have one thing in common, or none
PATTERNS = st.builds(lambda name, end: f"{name}{end}", st.text("ab", max_size=2), st.sampled_from(["*", ""])).filter(
    bool
)


@cache
def matched(pattern: str) -> frozenset[str]:
    regex = re.compile(pattern.replace("*", ".*"))
    return frozenset(word for word in WORDS if regex.fullmatch(word))


@st.composite
def statement(draw: st.DrawFn) -> Statement:
    actions = tuple(text(f"x:{one}", AT) for one in draw(st.lists(PATTERNS, min_size=1, max_size=2)))
    resources = tuple(text(one, AT) for one in draw(st.lists(PATTERNS, min_size=1, max_size=2)))
    other_actions, other_resources = draw(st.booleans()), draw(st.booleans())
    return Statement(
        path="",
        at=AT,
        sid=None,
        effect=draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        actions=None if other_actions else actions,
        not_actions=actions if other_actions else None,
        resources=None if other_resources else resources,
        not_resources=resources if other_resources else None,
        condition=None,
        variables=True,
    )


STATEMENTS = st.lists(statement(), max_size=3).map(tuple)


def reach(statements: tuple[Statement, ...]) -> frozenset[tuple[str, str]]:
    """The requests that statements allow."""
    found: dict[str, set[tuple[str, str]]] = {"Allow": set(), "Deny": set()}
    for one in statements:
        actions = {f"x:{word}" for item in one.actions or one.not_actions or () for word in matched(str(item)[2:])}
        resources = {word for item in one.resources or one.not_resources or () for word in matched(str(item))}
        sides = (
            actions if one.actions is not None else set(ACTIONS) - actions,
            resources if one.resources is not None else set(WORDS) - resources,
        )
        found[one.effect or ""].update(product(*sides))
    return frozenset(found["Allow"] - found["Deny"])


@given(STATEMENTS, st.sampled_from(WORDS))
@settings(max_examples=examples(150))
def test_allowed_actions_agree_with_the_reference(statements: tuple[Statement, ...], action: str) -> None:
    """Without conditions and unresolved parts every answer is yes or no, and the right one for each resource that one
    may ask about."""
    allowed = reach(statements)
    permissions = Permissions(statements)
    for resource in ("a", "ab", "zz"):
        found = permissions.allows(f"x:{action}", (text(resource, AT),))
        assert (found is not None) == ((f"x:{action}", resource) in allowed)
        assert found is None or found.certain is Ternary.YES
    if permissions.allows(f"x:{action}") is not None:
        assert any(one == f"x:{action}" for one, _ in allowed)


@given(STATEMENTS, STATEMENTS)
@settings(max_examples=examples(200))
def test_extra_permissions_agree_with_the_reference(
    role: tuple[Statement, ...], principal: tuple[Statement, ...]
) -> None:
    """A certain extra permission means a request that only the role is allowed; no extra permission means no such
    request."""
    found = PermissionComparison(Permissions(principal), (), ContentClasses()).excess(Permissions(role))
    only = reach(role) - reach(principal)
    if found is None:
        assert not only
    elif found.pairs[0].certain is Ternary.YES:
        assert only
