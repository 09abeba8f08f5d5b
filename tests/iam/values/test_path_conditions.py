"""Path conditions, against all assignments of a small world."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from path_conditions_of_tests import assume, pairs

from passrole_checks.iam.values.path_conditions import (
    Assumption,
    PathCondition,
    Predicate,
    and_not,
    any_compatible,
    compatible,
    conjoin,
    consistent,
    extend,
    implies,
    implies_all,
    intersect,
    negate,
    none_of,
    one_of,
    simplify,
)

VALUES = ("a", "b", "c")  # beside them there is always a value that nobody names
TESTS = (
    Assumption("x", predicate=Predicate.NOT_EMPTY),
    Assumption("x", frozenset({"a"}), predicate=Predicate.CONTAINS),
)
POSITIVE = (
    Assumption("x"),
    Assumption("y"),
    *TESTS,
    *(one_of("e", names) for names in (("a",), ("b",), ("a", "b"), ("b", "c"), ("a", "c"), VALUES)),
    *(one_of("f", names) for names in (("a",), ("a", "b"))),
)
ASSUMPTIONS = (*POSITIVE, *map(negate, POSITIVE))
World = dict[object, object]
WORLDS: list[World] = [
    {"x": x, "y": y, TESTS[0]: first, TESTS[1]: second, "e": e, "f": f}
    for x, y, first, second in product((True, False), repeat=4)
    for e, f in product((*VALUES, "something else"), ("a", "b", "something else"))
]


def holds(world: World, assumption: Assumption) -> bool:
    """True if an assumption holds in a world, by definition."""
    if assumption.subject in ("e", "f"):
        answer = world[assumption.subject] in assumption.values
    else:
        test = negate(assumption) if assumption.negated else assumption
        answer = bool(world[test if assumption.predicate is not None else assumption.subject])
    return answer is not assumption.negated


TABLE = {one: frozenset(n for n, world in enumerate(WORLDS) if holds(world, one)) for one in ASSUMPTIONS}
EVERYWHERE = frozenset(range(len(WORLDS)))


def table(assumption: Assumption) -> frozenset[int]:
    """Return the worlds in which an assumption holds."""
    if assumption not in TABLE:
        TABLE[assumption] = frozenset(n for n, world in enumerate(WORLDS) if holds(world, assumption))
    return TABLE[assumption]


def worlds(*readings: PathCondition) -> frozenset[int]:
    """Return the worlds in which one of several path conditions holds."""
    return frozenset().union(*(EVERYWHERE.intersection(*map(table, reading)) for reading in readings))


assumptions = st.sampled_from(ASSUMPTIONS)
conditions = st.lists(assumptions, max_size=4).map(tuple)
disjunctions = st.lists(st.lists(assumptions, max_size=3).map(tuple), min_size=1, max_size=6)


@given(first=assumptions, second=assumptions)
def test_compatible_assumptions_share_a_world(first: Assumption, second: Assumption) -> None:
    """Two assumptions are compatible exactly if there is a world in which both hold."""
    assert compatible(first, second) is bool(worlds((first, second)))


@given(assumption=assumptions)
def test_negation_is_the_complement(assumption: Assumption) -> None:
    """In every world exactly one of an assumption and its opposite holds."""
    assert table(negate(assumption)) == EVERYWHERE - table(assumption)
    assert negate(negate(assumption)) == assumption


@given(when=conditions, wanted=assumptions)
def test_implication_is_inclusion_of_worlds(when: PathCondition, wanted: Assumption) -> None:
    """A consistent path condition implies an assumption exactly if that holds in all of its worlds."""
    mine = worlds(when)
    if mine:
        assert implies(when, wanted) is (mine <= table(wanted))
        assert consistent(when, wanted) is bool(mine & table(wanted))


@given(first=conditions, second=conditions)
def test_conjunction_is_the_intersection_of_worlds(first: PathCondition, second: PathCondition) -> None:
    """Path conditions put together hold in the worlds of both; None is returned only if there are no such worlds."""
    merged = conjoin(first, second)
    wanted = worlds((*first, *second))
    assert worlds(merged) == wanted if merged is not None else not wanted


@given(first=conditions, second=conditions)
def test_difference_excludes_the_worlds_of_the_subtracted(first: PathCondition, second: PathCondition) -> None:
    """The difference of path conditions lies outside the subtracted one; None is returned only if nothing remains."""
    remaining = and_not(first, second)
    outside = worlds(first) - worlds(second)
    assert not outside if remaining is None else worlds(remaining) <= outside


@given(first=disjunctions, second=disjunctions)
def test_intersection_of_disjunctions(first: list[PathCondition], second: list[PathCondition]) -> None:
    """Alternatives combined pairwise hold where one of each holds."""
    assert worlds(*intersect(first, second)) == worlds(*first) & worlds(*second)


@given(readings=disjunctions, when=conditions)
def test_compatible_alternative_shares_a_world(readings: list[PathCondition], when: PathCondition) -> None:
    """One of several alternatives is compatible with a path condition exactly if they share a world."""
    if worlds(when):
        assert any_compatible(readings, when) is bool(worlds(when) & worlds(*readings))


@given(disjunctions)
def test_simplified_disjunction_is_equivalent(readings: list[PathCondition]) -> None:
    """Fewer variants hold in the same worlds as those that they were made of."""
    united = simplify(readings)
    assert worlds(*united) == worlds(*readings)
    assert len(united) <= len(readings)


@given(conditions, conditions)
def test_implied_path_condition(first: PathCondition, second: PathCondition) -> None:
    """A path condition implies another exactly if its worlds are among those of the other."""
    mine = worlds(first)
    if mine:
        assert implies_all(first, second) is (mine <= worlds(second))


Pairs = tuple[tuple[str, str], ...]


@pytest.mark.parametrize(
    ("readings", "united"),
    [
        ([(("e", '"a"'),), (("e", '"b"'),)], ((("e", '"a" or "b"'),),)),
        ([(("x", "true"),), (("x", "false"),)], ((),)),
        ([(("x", "true"), ("y", "true")), (("x", "true"), ("y", "false"))], ((("x", "true"),),)),
        ([(("x", "true"),), (("x", "true"), ("y", "true"))], ((("x", "true"),),)),
        ([(("x", "true"), ("y", "true")), (("x", "true"),)], ((("x", "true"),),)),
        ([(("e", 'not "a" or "b"'),), (("e", '"a" or "b" or "c"'),)], ((),)),
        ([(("e", 'not "a"'),), (("e", 'not "b"'),)], ((),)),
        ([(("e", 'not "a" or "b"'),), (("e", '"a"'),)], ((("e", 'not "b"'),),)),
        ([(("e", '"true"'),), (("e", "false"),)], ((("e", '"true"'),), (("e", "false"),))),
    ],
)
def test_simplify_examples(readings: list[Pairs], united: tuple[Pairs, ...]) -> None:
    """Values are listed, both outcomes of a condition are not mentioned, truth and values stay apart."""
    written = [tuple(assume(*pair) for pair in reading) for reading in readings]
    assert tuple(map(pairs, simplify(written))) == united


def test_extend_drops_implied_assumptions() -> None:
    """A narrower assumption takes the place of the wider one, and a wider one adds nothing."""
    wide, narrow = one_of("e", ("a", "b")), one_of("e", ("a",))
    assert extend((wide,), narrow) == (narrow,)
    assert extend((narrow,), wide) == (narrow,)


def test_truth_is_the_value_true() -> None:
    """A condition and a comparison with its value are about one expression, whose other value is false."""
    on = Assumption("var.on")
    assert implies((on,), one_of("var.on", ["true"])) and implies((negate(on),), none_of("var.on", ["true"]))
    assert not compatible(on, one_of("var.on", ["false"])) and compatible(negate(on), one_of("var.on", ["false"]))


def test_text_of_a_condition_is_no_part_of_its_identity() -> None:
    """Two ways of writing one assumption are the same assumption."""
    plain = one_of("var.env", ["prod"])
    written = Assumption("var.env", frozenset({"prod"}), written='var.env == "prod"')
    assert plain == written and hash(plain) == hash(written)
    assert (plain.condition, written.condition) == ("var.env", 'var.env == "prod"')


def test_assumption_about_no_value_is_refused() -> None:
    """One of no values and none of no values are no assumptions: without values, an assumption is about truth."""
    for make in (one_of, none_of):
        with pytest.raises(ValueError, match="no values"):
            make("var.env", [])
