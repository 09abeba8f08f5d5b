"""Variants of statements, against a reference that tries every outcome of every condition."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from path_conditions_of_tests import assume, choice, pairs
from profiles import examples
from work import at_most

from passrole_checks.iam.documents.policy import PolicyDocument, parse_document
from passrole_checks.iam.documents.variants import statement_variants as variants_of
from passrole_checks.iam.grants.subtract_denials import grants_of
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
    text,
)
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition

AT = Position("x", 1)
BOOLEANS = ("c0", "c1", "c2")
OUTCOMES = {
    **dict.fromkeys(BOOLEANS, ("true", "false")),
    "e": ('"a"', '"b" or "c"', 'not "a" or "b" or "c"'),
    "e ": ('"a"', 'not "a"'),
}
World = dict[str, str]
WORLDS: list[World] = [
    {**dict(zip(BOOLEANS, chosen, strict=True)), "e": value}
    for chosen in product(("true", "false"), repeat=len(BOOLEANS))
    for value in ("a", "b", "c", "d")
]


def holds(world: World, assumption: Assumption) -> bool:
    """True if an assumption holds in a world."""
    return (world[assumption.subject] in (assumption.values or {"true"})) is not assumption.negated


def resolved(node: Node, world: World) -> Node | None:
    """Return a node as it is in one world; None if it is absent there."""
    if isinstance(node, Choice):
        (option,) = (option for outcome, option in node.options if holds(world, outcome))
        return resolved(option, world)
    if isinstance(node, ListNode):
        found = (resolved(item, world) for item in node.items)
        return ListNode(tuple(item for item in found if item is not None), node.at)
    if isinstance(node, ObjectNode):
        pairs = ((entry.key, resolved(entry.value, world)) for entry in node.entries)
        return ObjectNode(tuple(ObjectEntry(key, value) for key, value in pairs if value is not None), node.at)
    return None if isinstance(node, Absent) else node


def meaning(statement: Node | None) -> set[tuple[str, str, str]]:
    """Return what a statement without alternatives covers: each action on each resource under its condition."""
    assert isinstance(statement, ObjectNode)
    actions, resources = statement.get("Action"), statement.get("Resource")
    condition = str(_plain(statement.get("Condition")))
    return {(action, resource, condition) for action in leaves(actions) for resource in leaves(resources)}


def leaves(node: Node | None) -> Iterator[str]:
    if isinstance(node, StringNode):
        yield str(node)
    elif isinstance(node, ListNode):
        for item in node.items:
            yield from leaves(item)


def _plain(node: Node | None) -> object:
    if isinstance(node, ObjectNode):
        return {str(entry.key): _plain(entry.value) for entry in node.entries}
    if isinstance(node, ListNode):
        return [_plain(item) for item in node.items]
    return str(node) if isinstance(node, StringNode) else node.value if isinstance(node, Const) else None


def leaf(values: tuple[str, ...]) -> st.SearchStrategy[Node]:
    return st.sampled_from([text(value, AT) for value in values])


@st.composite
def alternatives(draw: st.DrawFn, inner: st.SearchStrategy[Node], absent: bool) -> Node:
    condition = draw(st.sampled_from(sorted(OUTCOMES)))
    options = []
    for outcome in OUTCOMES[condition]:
        options.append((outcome, Absent(AT) if absent and draw(st.booleans()) else draw(inner)))
    return choice(condition.strip(), tuple(options), AT)


def lists(*values: str) -> st.SearchStrategy[Node]:
    """Lists with optional elements, elements that are one or another, and lists inside lists."""
    one = leaf(values)
    element = st.one_of(
        one,
        alternatives(st.one_of(one, alternatives(one, True)), True),
        st.lists(one, max_size=2).map(lambda items: ListNode(tuple(items), AT)),
    )
    flat: st.SearchStrategy[Node] = st.lists(element, min_size=1, max_size=7).map(
        lambda items: ListNode(tuple(items), AT)
    )
    return st.one_of(flat, flat, alternatives(flat, False))


ROLES = tuple(f"arn:aws:iam::111122223333:role/{name}" for name in ("a", "b", "c"))


@st.composite
def statements(draw: st.DrawFn, effects: tuple[str, ...] = ("Allow",)) -> ObjectNode:
    entries = [
        ("Effect", text(draw(st.sampled_from(effects)), AT)),
        ("Action", draw(lists("iam:PassRole", "iam:GetRole", "s3:*"))),
        ("Resource", draw(lists(*ROLES, "*"))),
    ]
    if effects == ("Allow",) and draw(st.booleans()):
        entries.append(("Condition", draw(alternatives(leaf(("x", "y")), True))))
    return ObjectNode(tuple(ObjectEntry(text(key, AT), value) for key, value in entries), AT)


@settings(max_examples=examples(80))
@given(statements())
def test_variants_are_equivalent_in_every_world(statement: ObjectNode) -> None:
    """In each world, the variants of that world together mean exactly what the statement means."""
    found = variants_of(statement)
    for world in WORLDS:
        said = {
            item for when, reading in found if all(holds(world, fact) for fact in when) for item in meaning(reading)
        }
        assert said == meaning(resolved(statement, world))


def passed(document: PolicyDocument, world: World | None = None) -> set[str]:
    """Return the role patterns that a document allows passing, in a world."""
    services = {"aws": ["lambda.amazonaws.com"], "aws-cn": []}
    return {
        str(role.pattern)
        for grant in grants_of(document.statements, services)
        if grant.effect == "Allow" and not grant.denied
        if world is None or all(holds(world, fact) for fact in grant.statement.when)
        for role in grant.roles
    }


@settings(max_examples=examples(40))
@given(st.lists(statements(("Allow", "Deny")), min_size=1, max_size=3))
def test_grants_are_correct_in_every_world(written: list[ObjectNode]) -> None:
    """In each world, the conditional grants of a document allow exactly the roles that the document allows there, after
    its Deny statements."""
    document = ObjectNode((ObjectEntry(text("Statement", AT), ListNode(tuple(written), AT)),), AT)
    together = parse_document(document)
    for world in WORLDS:
        alone = resolved(document, world)
        assert alone is not None
        single, whole = passed(parse_document(alone)), passed(together, world)
        assert single == whole


def conditional(number: int, yes: str, no: str | None) -> Choice:
    other: Node = text(no, AT) if no is not None else Absent(AT)
    return choice(f"many{number}", (("true", text(yes, AT)), ("false", other)), AT)


def statement_of(**entries: Node) -> ObjectNode:
    return ObjectNode(tuple(ObjectEntry(text(key, AT), value) for key, value in entries.items()), AT)


def test_optional_elements_add_up() -> None:
    """Twenty optional roles are twenty variants more, and each names the one condition that it needs."""
    resources = ListNode(tuple(conditional(number, f"role{number}", None) for number in range(20)), AT)
    found = variants_of(statement_of(Effect=text("Allow", AT), Action=text("iam:PassRole", AT), Resource=resources))
    assert len(found) == 20
    expected: list[PathCondition] = [(assume(f"many{number}"),) for number in range(20)]
    assert [when for when, _ in found] == expected


def test_optional_statements_add_up() -> None:
    """Ten optional statements of three alternatives each are thirty variants."""
    document: list[Node] = []
    for number in range(10):
        roles = choice(f"e{number}", tuple((f'"{n}"', text(f"role{n}", AT)) for n in range(3)), AT)
        written = statement_of(Effect=text("Allow", AT), Action=text("iam:PassRole", AT), Resource=roles)
        document.append(choice(f"many{number}", (("true", written), ("false", Absent(AT))), AT))
    with at_most(300_000):
        parsed = parse_document(statement_of(Statement=ListNode(tuple(document), AT)))
    assert len(parsed.statements) == 30 and not any(item.unresolved_parts for item in parsed.statements)


@pytest.mark.parametrize(
    ("effect", "element", "kept"),
    [("Allow", "NotResource", False), ("Deny", "NotResource", True), ("Allow", "NotAction", False)],
)
def test_unsplittable_elements_count_for_the_wider_variant(effect: str, element: str, kept: bool) -> None:
    """Where a list leaves out, and too many of its elements depend on conditions, they count for the wider variant."""
    items = ListNode(tuple(conditional(number, f"x{number}", f"y{number}") for number in range(9)), AT)
    entries = {"Effect": text(effect, AT), "Action": text("*", AT), "Resource": text("*", AT), element: items}
    del entries[element.removeprefix("Not")]
    (statement,) = parse_document(statement_of(Statement=statement_of(**entries))).statements
    found = statement.not_resources if element == "NotResource" else statement.not_actions
    assert bool(found) is kept


def test_too_many_alternatives_become_unresolved() -> None:
    """Elements with more combinations of conditions than the limit become unresolved parts, each with a reason."""
    values = ListNode(tuple(conditional(number, f"x{number}", f"y{number}") for number in range(9)), AT)
    condition = statement_of(StringNotEquals=statement_of(**{"iam:PassedToService": values}))
    written = statement_of(
        Effect=text("Allow", AT), Action=text("iam:PassRole", AT), Resource=text("*", AT), Condition=condition
    )
    ((when, reading),) = variants_of(written)
    assert when == () and "too many" not in json.dumps(_plain(reading.get("Action")))
    (statement,) = parse_document(statement_of(Statement=written)).statements
    assert {hole.reason for hole in statement.unresolved_parts} == {"too many alternatives"}


@pytest.mark.parametrize("operator", ["StringEquals", "StringLikeIfExists", "ArnLike"])
def test_condition_values_are_split(operator: str) -> None:
    """Nine values that may be there or not, under an operator that one of them meets, are a variant each."""
    values = ListNode((text("x", AT), *(conditional(n, f"x{n}", None) for n in range(9))), AT)
    condition = statement_of(Bool=statement_of(b=text("true", AT)), **{operator: statement_of(key=values)})
    written = statement_of(
        Effect=text("Allow", AT), Action=text("iam:PassRole", AT), Resource=text("*", AT), Condition=condition
    )
    found = {(pairs(when), json.dumps(_plain(reading.get("Condition")))) for when, reading in variants_of(written)}
    named = ["x", *(f"x{n}" for n in range(9))]
    assert found == {
        (
            (((f"many{name[1:]}", "true"),) if name != "x" else ()),
            json.dumps({"Bool": {"b": "true"}, operator: {"key": [name]}}),
        )
        for name in named
    }


def test_nested_lists_are_split() -> None:
    """Thirty optional elements, some in lists of their own, are a variant each, and those that are sure one more."""
    inner = ListNode(tuple(conditional(number, f"iam:A{number}", None) for number in range(30)), AT)
    actions = ListNode((inner, text("s3:x", AT)), AT)
    written = statement_of(Effect=text("Allow", AT), Action=actions, Resource=text("*", AT))
    assert len(variants_of(written)) == 31


def test_conditional_list_or_object_is_one_element() -> None:
    """An element whose alternatives hold lists and objects with conditions of their own depends on all of these."""

    def nested(number: int) -> Node:
        inside = statement_of(x=ListNode((conditional(number, "a", None),), AT))
        return choice(f"many{number}", (("true", ListNode((inside, text("b", AT)), AT)), ("false", Absent(AT))), AT)

    resources = ListNode(tuple(nested(number) for number in range(7)), AT)
    written = statement_of(Effect=text("Allow", AT), Action=text("*", AT), Resource=resources)
    assert len(variants_of(written)) == 7


def test_unsplittable_alternatives_become_optional() -> None:
    """Elements of one list under one condition, of which there are too many variants, are optional; no text is none."""
    elements = ListNode(tuple(conditional(number, f"a{number}", None) for number in range(9)), AT)
    more = choice("many0", (("true", ListNode((text("b", AT), Const(5, AT)), AT)), ("false", Absent(AT))), AT)
    action = choice("c0", (("true", ListNode((elements, more), AT)), ("false", text("c", AT))), AT)
    ((when, reading),) = variants_of(statement_of(Effect=text("Allow", AT), Action=action, Resource=text("*", AT)))
    actions = reading.get("Action")
    assert when == () and isinstance(actions, ListNode)
    texts = [item for item in actions.items if isinstance(item, StringNode)]
    assert [str(item) for item in texts] == [*(f"a{number}" for number in range(9)), "b", "c"]
    assert all(item.optional for item in texts)


def test_too_many_variants_become_one() -> None:
    """A list with more conditions than there may be variants is read as one, with all of its elements optional."""
    elements = ListNode(tuple(conditional(number, f"a{number}", None) for number in range(700)), AT)
    written = statement_of(Effect=text("Allow", AT), Action=elements, Resource=text("*", AT))
    assert len(variants_of(written)) == 1


def test_operator_without_keys_is_not_split() -> None:
    """An operator without keys is none whose values could be split."""
    values = ListNode(tuple(conditional(n, f"x{n}", None) for n in range(9)), AT)
    condition = statement_of(StringEquals=text("x", AT), StringLike=statement_of(key=values))
    written = statement_of(Effect=text("Allow", AT), Action=text("a", AT), Resource=text("*", AT), Condition=condition)
    assert len(variants_of(written)) == 9
