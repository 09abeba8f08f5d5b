"""Policy documents: their forms, their variants, and malformed ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from path_conditions_of_tests import choice as alternatives
from path_conditions_of_tests import pairs
from work import calls_of

from passrole_checks.iam.documents.policy import MAX_STATEMENTS, MAX_VALUES, PolicyDocument, parse_document
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    Unresolved,
)

AT = Position("template.yaml", 1)
PASS: dict[str, Any] = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}


def node(value: Any) -> Node:
    """A tree from a Python value; trees in it stay as they are."""
    if isinstance(value, dict):
        return ObjectNode(tuple(ObjectEntry(StringNode((key,), AT), node(item)) for key, item in value.items()), AT)
    if isinstance(value, list):
        return ListNode(tuple(node(item) for item in value), AT)
    if isinstance(value, str):
        return StringNode((value,), AT)
    return Const(value, AT) if value is None or isinstance(value, bool | int | float) else value


def parse(value: Any) -> PolicyDocument:
    return parse_document(node(value))


def choice(yes: Any, no: Any, condition: str = "IsProd") -> Choice:
    return alternatives(condition, (("true", node(yes)), ("false", node(no))), AT)


@pytest.mark.parametrize(
    ("document", "path"),
    [
        ({"Statement": PASS}, "Statement"),
        ({"Statement": [PASS]}, "Statement/0"),
        ({"Version": "2012-10-17", "Id": "x", "Statement": [{**PASS, "Sid": "Pass", "Extra": 1}]}, "Statement/0"),
        (json.dumps({"Statement": [{**PASS, "Action": ["iam:PassRole"]}]}), "Statement/0"),
    ],
)
def test_all_document_forms_are_equivalent(document: Any, path: str) -> None:
    """One statement or a list, scalar or list, extra keys, no Version, and JSON text all give the same statement."""
    parsed = parse(document)
    assert parsed.problems == ()
    (statement,) = parsed.statements
    assert statement.path == path
    assert [str(action) for action in statement.actions or ()] == ["iam:PassRole"]


@pytest.mark.parametrize(("version", "variables"), [("2012-10-17", True), ("2008-10-17", False), (None, False)])
def test_policy_variables_need_version_2012_10_17(version: str | None, variables: bool) -> None:
    """Policy variables are such only in Version 2012-10-17."""
    document: dict[str, Any] = {"Statement": PASS} | ({"Version": version} if version else {})
    assert parse(document).statements[0].variables is variables


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{", "not valid JSON"),
        ([], "not an object"),
        ({"Version": "2012-10-17"}, "no Statement"),
        ('{"Statement": [], "Statement": []}', "duplicate Statement"),
        ('{"Version": "2012-10-17", "Version": "2008-10-17", "Statement": []}', "duplicate Version"),
        ({"Statement": ["x"]}, "a statement is not an object"),
        ({"Statement": {"Action": "*", "Resource": "*"}}, "no Effect"),
        ({"Statement": {**PASS, "Effect": "allow"}}, "Effect is 'allow'"),
        ({"Statement": {**PASS, "NotAction": "*"}}, "Action and NotAction"),
        ({"Statement": {"Effect": "Allow", "Resource": "*"}}, "neither Action nor NotAction"),
        ({"Statement": {"Effect": "Allow", "Action": "*"}}, "neither Resource nor NotResource"),
        ({"Statement": {"Effect": "Allow", "Action": None, "Resource": "*"}}, "Action is null"),
        ({"Statement": {"Effect": "Allow", "Action": "*", "Resource": None}}, "Resource is null"),
        ({"Statement": {**PASS, "Action": {"a": "b"}}}, "Action contains a value that is not a string"),
        ({"Statement": {**PASS, "Resource": [1]}}, "Resource contains a value that is not a string"),
        ({"Statement": {**PASS, "Condition": "x"}}, "Condition is not an object"),
        ('{"Statement": {"Effect": "Allow", "Effect": "Deny", "Action": "*", "Resource": "*"}}', "duplicate Effect"),
    ],
)
def test_malformed_document_is_a_problem(document: Any, reason: str) -> None:
    """A malformed document is a problem with its place, never a crash and never a grant."""
    parsed = parse(document)
    assert parsed.statements == ()
    (problem,) = parsed.problems
    assert reason in problem.reason and problem.at.file == "template.yaml"


def test_malformed_statement_hides_no_other() -> None:
    """The statements beside a malformed one are read."""
    parsed = parse({"Statement": [{**PASS, "Effect": "allow"}, PASS]})
    assert len(parsed.problems) == 1
    assert [statement.path for statement in parsed.statements] == ["Statement/1"]


def test_unresolved_statement_keeps_the_others() -> None:
    """One unknown element of a list is a statement of which nothing is known; the others stay as they are."""
    parsed = parse({"Statement": [PASS, StringNode((Unresolved("var.more"),), AT)]})
    known, unknown = parsed.statements
    assert known.whole and not unknown.whole
    assert unknown.unresolved_parts[0].expression == "var.more"


def test_unresolved_document_is_one_unresolved_statement() -> None:
    """A document that is one unresolved part is never an empty document."""
    (statement,) = parse(StringNode((Unresolved("var.policy"),), AT)).statements
    assert not statement.whole and statement.path == ""


HOLE = StringNode((Unresolved("var.x"),), AT)
ALLOW = ObjectEntry(StringNode(("Effect",), AT), StringNode(("Allow",), AT))


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (StringNode((Unresolved("var.x"), " {"), AT), ""),
        (ObjectNode((ObjectEntry(HOLE, StringNode(("x",), AT)),), AT), "Statement"),
        ({"Statement": ObjectNode((ObjectEntry(HOLE, HOLE), ALLOW), AT)}, "Statement"),
        ({"Statement": ObjectNode((ALLOW, ObjectEntry(HOLE, choice("a", "b"))), AT)}, "Statement"),
    ],
    ids=["text", "key", "statement", "alternatives"],
)
def test_document_with_unresolved_keys_is_unresolved(document: Any, path: str) -> None:
    """A text that begins with an unresolved part, and an object whose keys are not known, may be anything."""
    parsed = parse(document)
    assert parsed.problems == ()
    assert {(statement.path, statement.whole) for statement in parsed.statements} == {(path, False)}


def test_elements_after_an_unresolved_entry_apply() -> None:
    """Elements after an unresolved entry that form a whole statement apply, with their own condition."""
    limited = {**PASS, "Condition": {"Bool": {"a": "true"}}}
    later = node(limited)
    assert isinstance(later, ObjectNode)
    (statement,) = parse({"Statement": ObjectNode((ObjectEntry(HOLE, HOLE), *later.entries), AT)}).statements
    assert statement.whole and isinstance(statement.condition, ObjectNode)


@pytest.mark.parametrize("empty", ["", "  "])
def test_empty_text_is_no_policy(empty: str) -> None:
    """An empty text is how "no policy" is written."""
    assert parse(empty) == parse({})


def test_null_list_element_is_ignored() -> None:
    """An element of a list of actions that is null is none."""
    (statement,) = parse({"Statement": {**PASS, "Action": ["iam:PassRole", None, ["iam:GetRole"]]}}).statements
    assert [str(action) for action in statement.actions or ()] == ["iam:PassRole", "iam:GetRole"]


def test_alternatives_are_consistent() -> None:
    """Two alternatives under one condition are not mixed, and an absent one leaves its element out."""
    parsed = parse({"Statement": [{**PASS, "Resource": choice("a", ["b", Absent(AT)]), "Sid": choice("Yes", "No")}]})
    read = {(s.sid, tuple(map(str, s.resources or ())), pairs(s.when)) for s in parsed.statements}
    assert read == {("Yes", ("a",), (("IsProd", "true"),)), ("No", ("b",), (("IsProd", "false"),))}


def test_absent_statement_is_ignored() -> None:
    """``AWS::NoValue`` in a list of statements leaves only the other alternative."""
    (statement,) = parse({"Statement": [choice(PASS, Absent(AT))]}).statements
    assert pairs(statement.when) == (("IsProd", "true"),)


def test_alternatives_in_a_list_are_split() -> None:
    """Nine resources that are one or another are eighteen variants of their statement, each under one condition."""
    resources = [choice(f"a{index}", f"b{index}", f"Condition{index}") for index in range(9)]
    found = parse({"Statement": [{**PASS, "Resource": resources}]}).statements
    assert [(str(statement.resources[0]), pairs(statement.when)) for statement in found if statement.resources] == [
        (f"{letter}{index}", ((f"Condition{index}", outcome),))
        for index in range(9)
        for letter, outcome in (("a", "true"), ("b", "false"))
    ]


@pytest.mark.parametrize(
    ("effect", "element", "kept"),
    [("Deny", "Resource", False), ("Deny", "NotResource", True), ("Allow", "Resource", True),
     ("Allow", "NotResource", False)],
)  # fmt: skip
def test_optional_elements_never_narrow(effect: str, element: str, kept: bool) -> None:
    """An element that may be missing counts in what an Allow names, and not in what a Deny names; the complements the
    other way round."""
    perhaps = ListNode((StringNode(("*",), AT, optional=True),), AT)
    (statement,) = parse({"Statement": {"Effect": effect, "Action": "iam:PassRole", element: perhaps}}).statements
    found = statement.resources if element == "Resource" else statement.not_resources
    assert bool(found) is kept


def test_undeployable_variant_grants_nothing() -> None:
    """A problem under one outcome only is none, and what would be granted under it is not granted."""
    limited = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": choice("*", Absent(AT))}
    parsed = parse({"Statement": [limited, choice(Absent(AT), {**PASS, "Sid": "Never"}), {**PASS, "Sid": "Always"}]})
    assert parsed.problems == ()
    assert [(one.sid, pairs(one.when)) for one in parsed.statements] == [(None, (("IsProd", "true"),)), ("Always", ())]
    assert parse(choice({"Statement": [{**PASS, "Effect": "No"}]}, {"Statement": [PASS]})).problems == ()


@pytest.mark.parametrize(
    "document",
    [
        {"Statement": [{**PASS, "Effect": choice("Yes", "No")}]},
        {"Statement": [choice({**PASS, "Effect": "No"}, Absent(AT))]},
        choice({"Statement": 5}, Absent(AT)),
        choice({"Statement": 5}, {"Statement": [{"Effect": "Allow"}]}),
    ],
)
def test_document_malformed_in_every_variant_is_a_problem(document: Any) -> None:
    """A problem in every variant of a statement or a document is one, also where it may not be there at all."""
    assert parse(document).problems


def test_trust_policy_needs_no_resource() -> None:
    """A statement without Resource is read where it is one of a trust policy, and is malformed elsewhere."""
    statement = {"Effect": "Allow", "Action": ["sts:AssumeRole", "iam:PassRole"], "Principal": {"Service": "x"}}
    document = node({"Statement": [statement]})
    trusted, identity = parse_document(document, trust=True), parse_document(document)
    assert [str(item) for item in trusted.statements[0].resources or ()] == ["*"] and not trusted.problems
    assert not identity.statements and identity.problems


@pytest.mark.slow
def test_oversized_document_is_a_problem() -> None:
    """A document of more statements, or a statement of more values, than AWS takes in any policy is a problem,
    reported at the list; each value is read a few times at most."""
    assert len(parse({"Statement": [PASS] * MAX_STATEMENTS}).statements) == MAX_STATEMENTS
    found = parse({"Statement": [PASS] * (MAX_STATEMENTS + 1)})
    assert found.statements == ()
    assert [problem.reason for problem in found.problems] == ["the policy document contains more than 5,000 statements"]
    for key in ("Action", "Resource"):
        assert parse({"Statement": {**PASS, key: ["*"] * MAX_VALUES}}).problems == ()
        found = parse({"Statement": [PASS, {**PASS, key: [["*"] * 200] * 200}]})
        assert len(found.statements) == 1
        assert [problem.reason for problem in found.problems] == [f"{key} contains more than 20,000 values"]
    values = node({"Statement": {**PASS, "Resource": ["*"] * 100_000}})
    assert calls_of(lambda: parse_document(values)) < 300_000
