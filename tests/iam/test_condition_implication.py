"""Implication between Condition blocks, against every request of a small world."""

from __future__ import annotations

import json
from itertools import chain, combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.iam.conditions.condition_implication import ConditionTest, condition_tests, implies
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.values.nodes import Position, Ternary, text

_OPERATORS = [
    "StringEquals", "StringNotEquals", "StringEqualsIfExists", "StringNotEqualsIfExists", "ForAllValues:StringEquals",
    "ForAnyValue:StringEquals", "ForAllValues:StringNotEquals", "ForAnyValue:StringNotEquals", "Null",
]  # fmt: skip
_VALUES = ["x", "y", "z"]
_KEYS = ["aws:a", "aws:b"]
# what a request carries for one key: nothing, one value, or several
_CARRIED = [set(found) for found in chain.from_iterable(combinations(_VALUES, size) for size in range(4))]


def limits(condition: Any) -> frozenset[ConditionTest]:
    """The tests of the condition of one statement."""
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    (parsed,) = parse_document(text(document, Position("policy.json", 1))).statements
    return condition_tests(parsed.condition)


def meets(operator: str, wanted: list[str], carried: set[str]) -> bool:
    """One test on one key, as IAM decides it."""
    if operator == "Null":
        return str(not carried).lower() in wanted
    quantifier, _, base = operator.rpartition(":")
    negated = "Not" in base
    if not carried:
        return quantifier == "ForAllValues" or (not quantifier and (negated or base.endswith("IfExists")))
    answers = [(value in wanted) is not negated for value in carried]
    return any(answers) if quantifier == "ForAnyValue" else all(answers)


def values_of(operator: str) -> st.SearchStrategy[list[str]]:
    values = ["true", "false"] if operator == "Null" else _VALUES
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


_blocks = st.dictionaries(
    st.sampled_from(_OPERATORS), st.dictionaries(st.sampled_from(_KEYS), st.just(None), min_size=1), max_size=3
).flatmap(
    lambda block: st.fixed_dictionaries(
        {
            operator: st.fixed_dictionaries({key: values_of(operator) for key in keys})
            for operator, keys in block.items()
        }
    )
)


@settings(max_examples=examples(300))
@given(_blocks, _blocks)
def test_implication_holds_for_every_request(narrow: Any, wide: Any) -> None:
    """Where one block is said to imply another, every request that meets the one meets the other."""
    if implies(limits(narrow), limits(wide))[0] is not Ternary.YES:
        return

    def allowed(block: Any, request: dict[str, set[str]]) -> bool:
        return all(
            meets(operator, values, request[key]) for operator, keys in block.items() for key, values in keys.items()
        )

    plain = any(":" not in operator and operator != "Null" for operator in (*narrow, *wide))
    for carried in product(_CARRIED, repeat=len(_KEYS)):
        request = dict(zip(_KEYS, carried, strict=True))
        if plain and any(len(values) > 1 for values in carried):
            continue  # a plain operator is for keys of one value
        assert not allowed(narrow, request) or allowed(wide, request), request


@pytest.mark.parametrize(
    ("narrow", "wide", "answer", "keys"),
    [
        ({}, {}, Ternary.YES, ()),
        ({"Bool": {"aws:MFA": "true"}}, {}, Ternary.YES, ()),
        ({}, {"Bool": {"aws:MFA": "true"}}, Ternary.NO, ("aws:MFA",)),
        ({"Bool": {"aws:mfa": True}}, {"Bool": {"aws:MFA": "true"}}, Ternary.YES, ()),
        ({"StringEquals": {"aws:a": "x"}}, {"StringEquals": {"aws:a": ["y", "x"]}}, Ternary.YES, ()),
        ({"StringEquals": {"aws:a": ["y", "x"]}}, {"StringEquals": {"aws:a": "x"}}, Ternary.UNKNOWN, ("aws:a",)),
        ({"StringNotEquals": {"aws:a": ["y", "x"]}}, {"StringNotEquals": {"aws:a": "x"}}, Ternary.YES, ()),
        ({"StringEquals": {"aws:a": "x"}}, {"StringEqualsIfExists": {"aws:a": "x"}}, Ternary.YES, ()),
        ({"StringEqualsIfExists": {"aws:a": "x"}}, {"StringEquals": {"aws:a": "x"}}, Ternary.UNKNOWN, ("aws:a",)),
        ({"StringLike": {"aws:a": "x"}}, {"StringEquals": {"aws:a": "x"}}, Ternary.UNKNOWN, ("aws:a",)),
        ({"StringEquals": "x"}, {"StringEquals": "x"}, Ternary.YES, ()),
    ],
)
def test_implication_examples(narrow: Any, wide: Any, answer: Ternary, keys: tuple[str, ...]) -> None:
    """More tests, fewer values, no IfExists: narrower. Nothing on a key: surely not. Another test on it: open."""
    assert implies(limits(narrow), limits(wide)) == (answer, keys)
