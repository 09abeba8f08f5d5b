"""Role patterns against a slow and obvious reference: every role of a small world."""

from __future__ import annotations

from itertools import product
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Position, StringNode, Ternary, Unresolved, UnresolvedKind

A = "arn:aws:iam::111122223333:role/"


def text(*parts: str | Unresolved) -> StringNode:
    return StringNode(parts, Position("policy.json", 1))


def glob(pattern: str, name: str) -> bool:
    """Matching by definition: ``*`` is any run, ``?`` one character."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(glob(pattern[1:], name[place:]) for place in range(len(name) + 1))
    return bool(name) and pattern[0] in ("?", name[0]) and glob(pattern[1:], name[1:])


def world() -> list[str]:
    """Paths and names of up to four characters over a, b and the slash, as AWS allows them."""
    names = ("".join(letters) for length in range(1, 5) for letters in product("ab/", repeat=length))
    return [name for name in names if not name.startswith("/") and not name.endswith("/") and "//" not in name]


WORLD = world()
patterns = st.text("ab/*?", min_size=1, max_size=5)


@given(patterns, st.sampled_from(WORLD))
def test_matching(pattern: str, name: str) -> None:
    """A pattern matches a role exactly if the definition says so."""
    assert arn.matches(text(A + pattern), A + name) is Ternary.of(glob(pattern, name))


@given(patterns, patterns)
def test_overlap(first: str, second: str) -> None:
    """Two patterns that meet in the small world overlap; two that do not overlap meet nowhere in it."""
    meet = any(glob(first, name) and glob(second, name) for name in WORLD)
    answer = arn.overlaps(text(A + first), text(A + second))
    assert answer is not Ternary.UNKNOWN
    assert answer is Ternary.YES or not meet


@given(patterns, st.lists(patterns, min_size=1, max_size=3))
def test_inclusion(inner: str, outer: list[str]) -> None:
    """A subset has no role outside of the outer patterns; others have one, in the small world or beyond it."""
    outside = any(glob(inner, name) and not any(glob(item, name) for item in outer) for name in WORLD)
    answer = arn.included(text(A + inner), [text(A + item) for item in outer])
    assert answer is not Ternary.UNKNOWN
    assert answer is Ternary.NO or not outside
    if answer is Ternary.NO and not outside:
        longer = ("".join(letters) for length in (5, 6, 7) for letters in product("az/", repeat=length))
        tried = [*WORLD, "z", "zz", "za", "az", "zzz", "z/z", "a/z", "z/a", "b/z", "bz", "zb", *longer]
        tried += [name.replace("z", "b") for name in tried]
        assert any(
            glob(inner, name) and not any(glob(item, name) for item in outer)
            for name in tried
            if not name.startswith("/") and not name.endswith("/") and "//" not in name
        )


@given(patterns)
def test_any_role_is_every_role(pattern: str) -> None:
    """A pattern that is said to hold any role holds each role of the small world; one that does not, misses one."""
    scope = arn.resource_scope(text(A + pattern))
    missed = [name for name in [*WORLD, "zzzzz", "z/z/z/z"] if not glob(pattern, name)]
    assert (scope is Scope.ANY_ROLE) == (not missed)


@given(patterns)
def test_scope_counts_roles(pattern: str) -> None:
    """The scope (no role, exactly one, several) agrees with the number of roles in the small world."""
    scope = arn.resource_scope(text(A + pattern))
    found = sum(glob(pattern, name) for name in WORLD)
    if scope is Scope.NOT_A_ROLE:
        assert found == 0
    elif scope is Scope.EXACT:
        assert found <= 1
    if found > 1:
        assert scope in (Scope.PREFIX, Scope.ANY_ROLE)


@given(patterns, st.integers(0, 5))
def test_widening_never_narrows(pattern: str, place: int) -> None:
    """A star put anywhere into a pattern never makes its scope narrower."""
    before = arn.resource_scope(text(A + pattern))
    after = arn.resource_scope(text(A + pattern[:place] + "*" + pattern[place:]))
    assert after.width <= before.width


@given(patterns, st.integers(0, 40), st.integers(0, 40))
def test_unresolved_part_never_hides_a_role(pattern: str, start: int, length: int) -> None:
    """Where a part of a pattern that matches roles is not known, it is never said to match none."""
    whole = A + pattern
    if arn.resource_scope(text(whole)) is Scope.NOT_A_ROLE:
        return
    holed = arn.resource_scope(text(whole[:start], Unresolved("var.x"), whole[start + length :]))
    assert holed is not Scope.NOT_A_ROLE


@given(st.lists(st.sampled_from(["a", "-", "/b", "*", "1", "111122223333"]), min_size=1, max_size=5))
def test_unresolved_account_id_in_a_name_never_hides_a_role(pieces: list[str]) -> None:
    """A name that holds an account id which is not known matches a role wherever one with the id written out does."""
    account = Unresolved("AWS::AccountId", UnresolvedKind.ACCOUNT_ID)
    holed = text("arn:aws:iam::", account, ":role/", *(account if len(piece) == 12 else piece for piece in pieces))
    if arn.resource_scope(text(A + "".join(pieces))) is not Scope.NOT_A_ROLE:
        assert arn.resource_scope(holed) is not Scope.NOT_A_ROLE


PLACES = st.sampled_from(["arn:aws:iam::111122223333", "arn:*:iam::*", "arn:aws-cn:iam::111122223333", "arn:xx:iam::1"])


@given(PLACES, st.text("ab-/*?:$", min_size=1, max_size=6))
def test_plain_role_scope_agrees_with_the_automaton(place: str, name: str) -> None:
    """The quick answer for the usual form of a Resource is the answer of the pattern automaton."""
    pattern = text(f"{place}:role/{name}")
    plain = arn.plain_role(pattern.parts)
    if plain is None:
        return
    with mock.patch.object(arn, "plain_role", lambda _: None):
        slow = arn._resource_scope.__wrapped__(pattern.parts, True)
    assert arn.resource_scope(pattern) is slow
    assert slow in (Scope.EXACT, Scope.PREFIX)
