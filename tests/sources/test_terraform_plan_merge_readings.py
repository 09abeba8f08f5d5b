"""Merging the planned and the configured version of a document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from path_conditions_of_tests import choice, outcome_of
from work import at_most

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
    UnresolvedKind,
)
from passrole_checks.sources.terraform_plan.merge_readings import merge_documents

PLAN, CODE = Position("plan.json", 1), Position("main.tf", 7)
ANY = {"Sid": "A", "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
TWO = {"Sid": "B", "Effect": "Allow", "Action": ["iam:PassRole", "iam:GetRole"], "Resource": ["r/a", "r/b"]}


def node(value: Any, at: Position) -> Node:
    """A value as a node; ``?name`` in a string is an unresolved part."""
    if isinstance(value, dict):
        if "?" in value:
            return choice(value["?"], tuple((key, node(item, at)) for key, item in value.items() if key != "?"), at)
        return ObjectNode(tuple(ObjectEntry(StringNode((key,), at), node(item, at)) for key, item in value.items()), at)
    if isinstance(value, list):
        return ListNode(tuple(node(item, at) for item in value), at)
    if value is None:
        return Absent(at)
    if not isinstance(value, str):
        return Const(value, at)
    first, mark, rest = value.partition("?")
    return StringNode(tuple(part for part in (first, Unresolved(rest) if mark else "") if part) or ("",), at)


def document(*statements: Any, at: Position) -> Node:
    return node({"Version": "2012-10-17", "Statement": list(statements)}, at)


def spelled(value: Node | None) -> Any:
    if isinstance(value, ObjectNode):
        return {str(entry.key): spelled(entry.value) for entry in value.entries}
    if isinstance(value, ListNode):
        return [spelled(item) for item in value.items]
    if isinstance(value, Choice):
        return {"?": value.condition, **{outcome_of(key): spelled(item) for key, item in value.options}}
    if isinstance(value, Const):
        return value.value
    return None if value is None or isinstance(value, Absent) else str(value)


def together(shown: Any, written: Any) -> Any:
    """The merged statements, None if the two documents contradict."""
    found = merge_documents(document(*shown, at=PLAN), document(*written, at=CODE))
    return None if found is None else spelled(found)["Statement"]


def test_equal_documents_have_configured_positions() -> None:
    """Two equal documents merge, at the positions of the configuration."""
    found = merge_documents(document(ANY, TWO, at=PLAN), document(ANY, TWO, at=CODE))
    assert found is not None
    assert found.at == CODE
    assert spelled(found) == {"Version": "2012-10-17", "Statement": [ANY, TWO]}


def test_unresolved_document_is_replaced() -> None:
    """A completely unresolved document is replaced by the other one."""
    hole, known = StringNode((Unresolved("x"),), PLAN), document(ANY, at=CODE)
    assert merge_documents(hole, known) is known
    assert merge_documents(known, StringNode((Unresolved("y"),), CODE)) is known


def test_unresolved_values_are_completed_by_either_side() -> None:
    """The configuration knows the services, the plan an ARN that the configuration composes."""
    shown = {**ANY, "Resource": ["arn:aws:iam::111122223333:role/x", "?aws_iam_role.y.arn"], "Condition": {
        "StringEquals": {"iam:PassedToService": ["?var.services"]}}}  # fmt: skip
    written = {**ANY, "Resource": ["?aws_iam_role.y.arn", "arn:?account:role/x"], "Condition": {
        "StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ecs.amazonaws.com"]}}}  # fmt: skip
    (found,) = together([shown], [written])
    assert found["Condition"] == written["Condition"]
    (filled,) = together([{**ANY, "Resource": ["arn:aws:iam::1:role/x", "*"]}], [{**ANY, "Resource": ["*", "arn:?a"]}])
    assert filled["Resource"] == ["*", "arn:aws:iam::1:role/x"]


@pytest.mark.parametrize(
    ("shown", "written"),
    [
        ([ANY], [{**ANY, "Effect": "Deny"}]),
        ([ANY], [{**ANY, "Resource": "r/x"}]),
        ([ANY], [{**ANY, "Resource": "arn:?x"}]),
        ([ANY], [{**ANY, "Resource": ["*", "r/x"]}]),
        ([{**ANY, "Resource": ["*", "r/x"]}], [ANY]),
        ([ANY], [{**ANY, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]),
        ([ANY], [ANY, ANY]),
        ([ANY, ANY], [ANY]),
        ([ANY, TWO], [TWO, ANY]),
        ([ANY], [{key: value for key, value in ANY.items() if key != "Action"} | {"NotAction": "iam:PassRole"}]),
    ],
)
def test_different_documents_contradict(shown: Any, written: Any) -> None:
    """A known statement, key or element in one document only is a contradiction."""
    assert together(shown, written) is None


def test_known_parts_of_unresolved_values_are_compared() -> None:
    """The ARN of a role with a known name is not that of another role."""
    arn = Unresolved(
        "aws_iam_role.x.arn",
        role="aws_iam_role.x",
        known=("arn:", Unresolved("p", UnresolvedKind.PARTITION), ":role/x"),
    )

    def passing(*roles: Any, at: Position) -> Node:
        items = ListNode(tuple(StringNode((role,), at) for role in roles), at)
        return ObjectNode(
            (
                ObjectEntry(
                    StringNode(("Statement",), at),
                    ListNode((ObjectNode((ObjectEntry(StringNode(("Resource",), at), items),), at),), at),
                ),
            ),
            at,
        )

    assert merge_documents(passing(arn, at=PLAN), passing("arn:aws:role/x", at=CODE)) is not None
    assert merge_documents(passing(arn, at=PLAN), passing("arn:aws:role/y", at=CODE)) is None
    assert merge_documents(passing(arn, at=PLAN), passing(Unresolved("other", role="aws_iam_role.y"), at=CODE)) is None


def test_order_and_single_element_lists_do_not_matter() -> None:
    """The provider sorts lists, turns single elements into strings, and omits an empty Sid."""
    shown = {"Effect": "Allow", "Action": ["iam:GetRole", "iam:PassRole"], "Resource": "*"}
    written = {"Sid": "", "Effect": "Allow", "Action": ["iam:PassRole", "iam:GetRole"], "Resource": ["*"]}
    assert together([shown], [written]) is not None
    multi = {**ANY, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    assert together([multi], [{**ANY, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": True}}}]) is not None


def test_plan_selects_alternatives() -> None:
    """Only alternatives consistent with the plan remain, and a conditional statement may be missing."""
    either = {"?": "var.wide", "true": ANY, "false": TWO}
    assert together([TWO], [either]) == [TWO]
    assert together(["?unknown"], [either]) == [either]
    assert together([TWO], [{"?": "var.wide", "true": ANY, "false": None}, TWO]) == [TWO]
    assert together([ANY, TWO], [{"?": "var.wide", "true": ANY, "false": None}, TWO]) == [ANY, TWO]
    assert together([{**ANY, "Resource": "r/x"}], [{**ANY, "Resource": {"?": "c", "true": "*", "false": "r/x"}}]) == [
        {**ANY, "Resource": "r/x"}
    ]


def test_unresolved_statement_matches_any_number() -> None:
    """An unknown source document is one unresolved value on one side and its statements on the other."""
    assert together(["?base", TWO], [ANY, ANY, TWO]) == [ANY, ANY, TWO]
    assert together([ANY, TWO], ["?base", TWO]) == [ANY, TWO]
    assert together([TWO], ["?base", TWO]) == [TWO]


def test_unreadable_text_contradicts() -> None:
    """A string that is not a policy contradicts every document."""
    assert merge_documents(StringNode(("{",), PLAN), document(ANY, at=CODE)) is None
    assert merge_documents(StringNode((json.dumps({"Statement": ANY}),), PLAN), document(ANY, at=CODE)) is not None


STATEMENT = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.lists(
            st.sampled_from(["iam:PassRole", "iam:GetRole", "s3:*"]), min_size=1, max_size=3, unique=True
        ),
        "Resource": st.lists(st.sampled_from(["*", "r/a", "r/b", "r/c"]), min_size=1, max_size=3, unique=True),
    },
    optional={"Sid": st.sampled_from(["A", "B"])},
)


def masked(statements: list[Any], data: st.DataObject) -> list[Any]:
    """The statements with some elements, lists or statements hidden, and lists in another order."""
    hidden: list[Any] = []
    for statement in statements:
        if data.draw(st.integers(0, 9)) == 0:
            hidden.append("?statement")
            continue
        other = dict(statement)
        for key in ("Action", "Resource"):
            items = [
                item if data.draw(st.integers(0, 3)) else "?element" for item in data.draw(st.permutations(other[key]))
            ]
            other[key] = items if data.draw(st.integers(0, 5)) else "?list"
        hidden.append(other)
    return hidden


@given(st.lists(STATEMENT, max_size=4), st.data())
def test_two_versions_of_one_document_always_merge(statements: list[Any], data: st.DataObject) -> None:
    """Two versions of one document never contradict, with any values hidden and in any order."""
    assert together(masked(statements, data), masked(statements, data)) is not None


@given(st.lists(STATEMENT, max_size=3), st.lists(STATEMENT, max_size=3))
def test_known_documents_merge_only_if_equal(first: list[Any], second: list[Any]) -> None:
    """Without unresolved values, documents merge if they are equal up to the order in lists."""

    def sorted_lists(statements: list[Any]) -> list[Any]:
        return [
            {key: sorted(value) if isinstance(value, list) else value for key, value in statement.items()}
            for statement in statements
        ]

    assert (together(first, second) is not None) == (sorted_lists(first) == sorted_lists(second))
    assert (together(first, first) is not None) is True


@given(st.lists(STATEMENT, max_size=3), st.data())
def test_merged_literals_come_from_the_document(statements: list[Any], data: st.DataObject) -> None:
    """Every literal of the merged document is in the original document."""
    found = together(masked(statements, data), masked(statements, data))
    values = [value for statement in statements for value in statement.values()]
    literals = {item for value in values for item in (value if isinstance(value, list) else [value])}
    for statement in found:
        if isinstance(statement, dict):
            for value in statement.values():
                for item in value if isinstance(value, list) else [value]:
                    assert item.startswith("${") or item in literals


def test_many_unknown_statements_end_in_time() -> None:
    """Many unknown documents on both sides are not tried in all combinations, and contradictions are still rejected."""
    with at_most(3_000_000):
        found = together([*["?a", ANY] * 40, "?a"], ["?b", TWO] * 40)
        refused = together([*["?a", ANY] * 40, {**ANY, "Effect": "Deny"}], [*["?b", TWO] * 40, ANY])
    assert found is not None and refused is None
    assert all(statement in found for statement in (ANY, TWO))


def test_plan_selects_alternative_document() -> None:
    """Of conditional documents, the one in the plan remains."""
    narrow = {**ANY, "Resource": "r/a"}
    written = choice("var.wide", (("true", document(ANY, at=CODE)), ("false", document(narrow, at=CODE))), CODE)
    found = merge_documents(document(narrow, at=PLAN), written)
    assert isinstance(found, ObjectNode)
    assert spelled(found)["Statement"] == [narrow]


def test_different_versions_contradict() -> None:
    """Two documents with different Versions contradict."""
    shown = node({"Version": "2008-10-17", "Statement": [ANY]}, PLAN)
    assert merge_documents(shown, document(ANY, at=CODE)) is None


@pytest.mark.parametrize(
    ("shown", "written", "expected"),
    [
        # a condition that only one of the two knows
        ({"Condition": "?later"}, {"Condition": {"Bool": {"a": "b"}}}, {"Condition": {"Bool": {"a": "b"}}}),
        ({"Condition": {"Bool": {"a": "b"}}}, {"Condition": "?var.c"}, {"Condition": {"Bool": {"a": "b"}}}),
        ({"Condition": {"Bool": {"a": "b"}}}, {"Condition": "text"}, None),
        # a list of which nothing is shown
        ({"Resource": "?later"}, {"Resource": ["r/a", "r/b"]}, {"Resource": ["r/a", "r/b"]}),
        # elements in alternatives
        ({"Resource": ["r/a"]}, {"Resource": [{"?": "c", "true": "r/a", "false": "r/b"}]}, {"Resource": ["r/a"]}),
        ({"Resource": ["r/a"]}, {"Resource": ["r/a", {"?": "c", "true": "r/b", "false": None}]},
         {"Resource": ["r/a", {"?": "c", "true": "r/b", "false": None}]}),
        ({"Resource": ["r/?x"]}, {"Resource": [{"?": "c", "true": "q/?y", "false": 7}]}, "any"),
        # two texts, both with unresolved values
        ({"Resource": ["r/?x"]}, {"Resource": ["r/?y"]}, {"Resource": ["r/${y}"]}),
    ],
)  # fmt: skip
def test_parts_known_on_one_side(shown: Any, written: Any, expected: Any) -> None:
    """Parts that are unknown on one side come from the other; different known parts contradict."""
    found = together([{**ANY, **shown}], [{**ANY, **written}])
    if expected is None:
        assert found is None
    elif expected != "any":
        assert found == [{**ANY, **expected}]
