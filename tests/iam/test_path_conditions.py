"""Path conditions, against all assignments of a small world."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.iam.path_conditions import (
    Assumption,
    PathCondition,
    compatible,
    conjoin,
    extend,
    implies,
    negate,
    none_of,
    one_of,
    quoted,
    simplify,
)

VALUES = ("a", "b", "c")  # beside them there is always a value that nobody names
FACTS: tuple[Assumption, ...] = (
    *((name, outcome) for name in ("x", "y", "!x") for outcome in ("true", "false")),
    *(("e", one_of(map(quoted, names))) for names in (("a",), ("b",), ("a", "b"), ("b", "c"), ("a", "c"))),
    *(("e", none_of(map(quoted, names))) for names in (("a",), ("b",), ("a", "b"))),
    *((f'e {operator} "a"', outcome) for operator in ("==", "!=") for outcome in ("true", "false")),
)
WORLDS = [
    {"x": x, "y": y, "e": e} for x, y, e in product(("true", "false"), ("true", "false"), (*VALUES, "something else"))
]


def holds(world: dict[str, str], fact: Assumption) -> bool:
    """True if an assumption holds in a world, by definition."""
    condition, outcome = fact
    if condition in ("x", "y"):
        return world[condition] == outcome
    if condition == "!x":
        return world["x"] != outcome
    if condition.startswith("e "):
        equal = world["e"] == "a"
        return (equal if "==" in condition else not equal) is (outcome == "true")
    named = f'"{world["e"]}"' in outcome
    return not named if outcome.startswith("not ") else named


def worlds(when: PathCondition) -> list[dict[str, str]]:
    return [world for world in WORLDS if all(holds(world, fact) for fact in when)]


facts = st.sampled_from(FACTS)


@given(first=facts, second=facts)
def test_compatible_assumptions_share_a_world(first: Assumption, second: Assumption) -> None:
    """Two facts are compatible exactly if there is a world in which both hold."""
    assert compatible(first, second) is bool(worlds((first, second)))


@given(fact=facts)
def test_negation_is_the_complement(fact: Assumption) -> None:
    """In every world exactly one of an outcome and its opposite holds."""
    other = (fact[0], negate(fact[1]))
    assert all(holds(world, fact) is not holds(world, other) for world in WORLDS)


@given(known=facts, wanted=facts)
def test_implication_is_inclusion_of_worlds(known: Assumption, wanted: Assumption) -> None:
    """One fact implies another exactly if the other holds in all of its worlds."""
    assert implies((known,), wanted) is all(holds(world, wanted) for world in worlds((known,)))


@given(first=st.lists(facts, max_size=4), second=st.lists(facts, max_size=4))
def test_conjunction_is_the_intersection_of_worlds(first: list[Assumption], second: list[Assumption]) -> None:
    """Facts put together hold in the worlds of all of them; None is returned only if there are no such worlds."""
    merged = conjoin(tuple(first), tuple(second))
    wanted = worlds((*first, *second))
    assert worlds(merged) == wanted if merged is not None else not wanted


@given(st.lists(st.lists(facts, max_size=3), min_size=1, max_size=6))
def test_simplified_disjunction_is_equivalent(readings: list[list[Assumption]]) -> None:
    """Fewer variants hold in the same worlds as those that they were made of."""
    before = [world for world in WORLDS if any(all(holds(world, fact) for fact in one) for one in readings)]
    united = simplify([tuple(one) for one in readings])
    assert [world for world in WORLDS if any(all(holds(world, fact) for fact in one) for one in united)] == before
    assert len(united) <= len(readings)


@pytest.mark.parametrize(
    ("readings", "united"),
    [
        ([(("e", '"a"'),), (("e", '"b"'),)], ((("e", '"a" or "b"'),),)),
        ([(("x", "true"),), (("x", "false"),)], ((),)),
        ([(("x", "true"), ("y", "true")), (("x", "true"), ("y", "false"))], ((("x", "true"),),)),
        ([(("x", "true"),), (("x", "true"), ("y", "true"))], ((("x", "true"),),)),
        ([(("AllowedValues", "dev"),), (("AllowedValues", "prod"),)], None),
        ([(("x", "true"), ("y", "true")), (("x", "true"),)], ((("x", "true"),),)),
        ([(("e", 'not "a" or "b"'),), (("e", '"a" or "b" or "c"'),)], ((),)),
        ([(("e", 'not "a"'),), (("e", 'not "b"'),)], ((),)),
        ([(("e", 'not "a" or "b"'),), (("e", '"a"'),)], ((("e", 'not "b"'),),)),
    ],
)
def test_simplify_examples(readings: list[PathCondition], united: tuple[PathCondition, ...] | None) -> None:
    """Values are listed, both outcomes of a condition are not mentioned, words that are no values stay apart."""
    assert simplify(readings) == (united if united is not None else tuple(readings))


def test_extend_drops_implied_assumptions() -> None:
    """A narrower fact takes the place of the wider one, and a wider one adds nothing."""
    wide, narrow = ("e", '"a" or "b"'), ("e", '"a"')
    assert extend((wide,), *narrow) == (narrow,)
    assert extend((narrow,), *wide) == (narrow,)
