"""Principals that a trust policy names newly: only those that could not assume the role before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from passrole_checks.iam.documents.trust_comparison import newly_trusted
from passrole_checks.iam.values.nodes import Part, Position, StringNode, Unresolved

ROOT, OTHER = "arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root"
EC2, LAMBDA = "ec2.amazonaws.com", "lambda.amazonaws.com"
HERE, THERE = Unresolved("var.here"), Unresolved("var.there")


def trust(principal: Any, condition: Any = None, **more: Any) -> StringNode:
    """A trust policy as JSON text; the words HERE and THERE in it are unresolved."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more}
    text = json.dumps({"Statement": [statement if condition is None else {**statement, "Condition": condition}]})
    parts: list[Part] = []
    for word, unresolved in (("THERE", THERE), ("HERE", HERE)):
        if word in text and not parts:
            before, _, after = text.partition(word)
            parts = [before, unresolved, after]
    return StringNode(tuple(parts or [text]), Position("trust.json", 1))


ORGANIZATION = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
SUBJECT = "token.actions.githubusercontent.com:sub"
WORKFLOW = {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        (trust({"AWS": ROOT}), trust({"AWS": [ROOT, OTHER]}), [OTHER]),
        (trust({"AWS": ROOT}), trust("*"), ["*"]),
        (trust({"Service": EC2}), trust({"Service": [EC2, LAMBDA]}), [LAMBDA]),
        (trust({"AWS": "HERE"}), trust({"AWS": ["HERE", OTHER]}), [OTHER]),
        (trust({"AWS": "HERE"}), trust({"AWS": "*"}), ["*"]),
        (trust({"AWS": ROOT}), trust({"AWS": "111122223333"}), []),
        (trust({"AWS": ROOT}), trust({"AWS": "arn:aws:iam::111122223333:role/x"}), []),
        (trust({"AWS": "*"}), trust({"AWS": OTHER}), []),
        (trust({"AWS": "HERE"}), trust({"AWS": OTHER}), []),  # which may be the same account
        (trust({"AWS": "HERE"}), trust({"AWS": "THERE"}), []),
        (trust({"AWS": ROOT}), trust({"AWS": OTHER}, Effect="Deny"), []),
        (trust({"AWS": ROOT}), trust({"AWS": [ROOT, OTHER]}, Action="sts:TagSession"), []),
        (StringNode(("{",), Position("trust.json", 1)), trust("*"), []),
        (trust({"AWS": ROOT}), trust({"AWS": "HERE"}), []),  # likewise
        (trust({"AWS": ROOT}), trust({"AWS": [ROOT, "HERE"]}), ["${var.here}"]),
        (trust({"Service": EC2}), trust({"AWS": "HERE"}), ["${var.here}"]),
        (trust("*", ORGANIZATION), trust({"AWS": OTHER}, ORGANIZATION), []),
        (trust({"AWS": ROOT}), trust({"AWS": ROOT}, ORGANIZATION), []),
    ],
)  # fmt: skip
def test_principals_that_are_new(old: StringNode, new: StringNode, names: list[str]) -> None:
    """A principal that the old policy names in other words, includes, or may name is not new."""
    assert [entry.name for entry in newly_trusted(old, new)] == names


@pytest.mark.parametrize(
    ("before", "after", "limits"),
    [
        (ORGANIZATION, None, [("aws:PrincipalOrgID",)]),
        ({"StringEquals": {SUBJECT: ["x"]}}, {"StringEquals": {SUBJECT: ["x", "y"]}}, [(SUBJECT,)]),
        ({"StringEquals": {SUBJECT: ["x", "y"]}}, {"StringEquals": {SUBJECT: ["x"]}}, []),
        ({"StringEquals": {SUBJECT: ["x"]}}, {"StringEquals": {SUBJECT: ["y"]}}, []),
    ],
)
def test_conditions_that_limited_a_principal(before: Any, after: Any, limits: list[tuple[str, ...]]) -> None:
    """A principal is new if its condition is removed or wider; with another condition that is unknown."""
    found = newly_trusted(trust(WORKFLOW, before), trust(WORKFLOW, after))
    assert [entry.limits for entry in found] == limits


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [(["x", "y"], ["x", "y"], []), (["x", "y"], ["x"], []), (["x", "y"], ["x", "y", "z"], [WORKFLOW["Federated"]])],
)
def test_statements_that_are_joined(old: list[str], new: list[str], names: list[str]) -> None:
    """Values of one condition that several statements allowed are not new in one statement."""
    before, after = ([{"StringEquals": {SUBJECT: value, "aws:PrincipalOrgID": "o-1"}} for value in old],
                     {"StringEquals": {SUBJECT: new, "aws:PrincipalOrgID": "o-1"}})  # fmt: skip
    statements = [json.loads(str(trust(WORKFLOW, condition)))["Statement"][0] for condition in before]
    text = StringNode((json.dumps({"Statement": statements}),), Position("trust.json", 1))
    assert [entry.name for entry in newly_trusted(text, trust(WORKFLOW, after))] == names
