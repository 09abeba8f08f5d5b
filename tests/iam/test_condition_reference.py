"""Evaluation of Condition blocks, against a slow and obvious interpreter of single requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from path_conditions_of_tests import choice
from profiles import examples

from passrole_checks.iam.conditions.passed_to_service import ConditionEffect, evaluate
from passrole_checks.iam.values.nodes import (
    Absent,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    Ternary,
    Unresolved,
    UnresolvedKind,
)

AT = Position("policy.json", 1)
PTS = "iam:passedtoservice"
SERVICES = frozenset(
    {
        "ec2.amazonaws.com",
        "ecs.amazonaws.com",
        "ecs-tasks.amazonaws.com",
        "lambda.amazonaws.com",
        "monitoring.rds.amazonaws.com",
        "states.amazonaws.com",
    }
)
NOBODYS = "quuxjquux.amazonaws.com"  # shares no letter with what the strategies below write before a domain

Block: TypeAlias = "list[tuple[str, list[tuple[str, str | list[str]]]]]"


# The reference: IAM's rules for one request, in the order in which AWS's page tells them.


def glob(pattern: str, value: str) -> bool:
    """True if a value matches a pattern of ``*`` and ``?``."""
    if not pattern:
        return not value
    if pattern[0] == "*":
        return glob(pattern[1:], value) or (value != "" and glob(pattern, value[1:]))
    return value != "" and pattern[0] in ("?", value[0]) and glob(pattern[1:], value[1:])


COMPARE = {
    "StringEquals": lambda policy, request: policy == request,
    "StringEqualsIgnoreCase": lambda policy, request: policy.lower() == request.lower(),
    "StringLike": glob,
}


def one_key(operator: str, policy: list[str], request: list[str] | None) -> bool | None:
    """Return whether the values of a key in a request meet an operator; None if AWS does not document it."""
    quantifier, _, plain = operator.rpartition(":")
    if plain == "Null":
        if quantifier:
            return quantifier == "ForAllValues"
        return ("true" if request is None else "false") in policy
    if_exists = plain.endswith("IfExists")
    plain = plain.removesuffix("IfExists")
    negated = plain.startswith("StringNot")
    compare = COMPARE[plain.replace("StringNot", "String")]

    def meets(value: str) -> bool:
        matching = [item for item in policy if compare(item, value)]
        return not matching if negated else bool(matching)

    if quantifier == "ForAnyValue" and if_exists and request is None:
        return None
    if quantifier == "ForAllValues":
        return all(meets(value) for value in request or [])
    if quantifier == "ForAnyValue":
        return any(meets(value) for value in request or [])
    if request is None:
        return if_exists or negated
    (value,) = request
    return meets(value)


def decide(block: Block, service: str | None) -> bool | None:
    """True if a request satisfies a block, None if unknown; every request satisfies keys other than the service's."""
    request = None if service is None else [service]
    answers: list[bool | None] = []
    for operator, keys in block:
        for key, values in keys:
            if key.lower() == PTS:
                answers.append(one_key(operator, [values] if isinstance(values, str) else values, request))
    if False in answers:
        return False
    return None if None in answers else True


# Blocks.

labels = st.sampled_from(["ec2", "ecs", "ecs-tasks", "lambda", "monitoring.rds", "brand-new"])
plain_values = st.one_of(
    labels.map(lambda label: f"{label}.amazonaws.com"),
    labels,
    st.sampled_from(["EC2.amazonaws.com", "Lambda.AmazonAWS.com", "", "arn:aws:iam::111122223333:role/x"]),
)
wild_values = st.one_of(
    st.sampled_from(["*", "*.amazonaws.com", "ec2*", "ecs?tasks.*", "e?2.amazonaws.com", "*.*.amazonaws.com", "**"]),
    st.text(alphabet="ecs*?.", min_size=1, max_size=4).map(lambda start: f"{start}.amazonaws.com"),
    st.text(alphabet="amzonws.c*", max_size=6).map(lambda end: f"*{end}"),
)
values = st.one_of(plain_values, wild_values)
string_operators = st.builds(
    lambda quantifier, base, suffix: f"{quantifier}{base}{suffix}",
    st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]),
    st.sampled_from(
        ["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
         "StringNotLike"]
    ),
    st.sampled_from(["", "", "IfExists"]),
)  # fmt: skip
null_operators = st.sampled_from(["Null", "ForAllValues:Null", "ForAnyValue:Null"])
service_keys = st.sampled_from(["iam:PassedToService", "IAM:passedtoservice", "iam:PASSEDTOSERVICE"])
other_keys = st.sampled_from(["aws:SourceVpc", "aws:ResourceTag/team", "iam:AssociatedResourceArn"])


def scalar_or_list(items: st.SearchStrategy[str]) -> st.SearchStrategy[str | list[str]]:
    return st.one_of(items, st.lists(items, min_size=1, max_size=3))


string_keys = st.lists(
    st.one_of(
        st.tuples(service_keys, scalar_or_list(values)),
        st.tuples(service_keys, scalar_or_list(values)),
        st.tuples(other_keys, scalar_or_list(values)),
    ),
    min_size=1,
    max_size=2,
)
null_keys = st.lists(
    st.tuples(service_keys, scalar_or_list(st.sampled_from(["true", "false"]))), min_size=1, max_size=1
)
blocks: st.SearchStrategy[Block] = st.lists(
    st.one_of(
        st.tuples(string_operators, string_keys),
        st.tuples(string_operators, string_keys),
        st.tuples(null_operators, null_keys),
    ),
    max_size=3,
)


def literal(value: str) -> StringNode:
    return StringNode((value,), AT)


def node(block: Block) -> Node:
    operators = []
    for operator, keys in block:
        entries = []
        for key, given_values in keys:
            value: Node = (
                literal(given_values)
                if isinstance(given_values, str)
                else ListNode(tuple(literal(item) for item in given_values), AT)
            )
            entries.append(ObjectEntry(literal(key), value))
        operators.append(ObjectEntry(literal(operator), ObjectNode(tuple(entries), AT)))
    return ObjectNode(tuple(operators), AT)


def answer_of(effect: ConditionEffect, service: str) -> bool | None:
    if service in effect.allowed:
        return True
    return None if service in effect.possible else False


TRI = {True: Ternary.YES, False: Ternary.NO, None: Ternary.UNKNOWN}


@settings(max_examples=examples(400))
@given(blocks)
def test_evaluation_agrees_with_the_reference(block: Block) -> None:
    """For every known service, for one that is unknown and without the key, the answer is the reference's."""
    effect = evaluate(node(block), SERVICES)
    for service in SERVICES:
        assert answer_of(effect, service) is decide(block, service), service
    assert effect.unknown_service is TRI[decide(block, NOBODYS)]
    assert effect.without_key is TRI[decide(block, None)]
    assert effect.allowed <= effect.possible


@settings(max_examples=examples(200))
@given(blocks)
def test_unknown_service_in_the_block_is_evaluated(block: Block) -> None:
    """A service that is named and not known gets the reference's answer, and a dead block lets nobody through."""
    effect = evaluate(node(block), SERVICES)
    brand_new = "brand-new.amazonaws.com"
    if brand_new in effect.values:
        assert answer_of(effect, brand_new) is decide(block, brand_new)
    if effect.dead:
        assert not any(decide(block, request) for request in (*SERVICES, NOBODYS, brand_new, None))


@settings(max_examples=examples(150))
@given(blocks)
def test_key_case_and_scalar_values_are_irrelevant(block: Block) -> None:
    """The letter case of a key, and a scalar instead of a list of one, change nothing."""
    respelled: Block = [
        (operator, [(key.swapcase(), [given] if isinstance(given, str) else given) for key, given in keys])
        for operator, keys in block
    ]
    plain, other = evaluate(node(block), SERVICES), evaluate(node(respelled), SERVICES)
    for name in ("constraint", "values", "allowed", "possible", "unknown_service", "without_key", "dead", "unresolved"):
        assert getattr(plain, name) == getattr(other, name)
    assert [key.lower() for key in plain.shared] == [key.lower() for key in other.shared]


# A literal that becomes an unresolved value.


def texts_of(tree: Node) -> Iterator[StringNode]:
    """The texts of a tree that are replaced one at a time: operators, keys and values."""
    if isinstance(tree, StringNode):
        yield tree
    elif isinstance(tree, ListNode):
        for item in tree.items:
            yield from texts_of(item)
    elif isinstance(tree, ObjectNode):
        for entry in tree.entries:
            yield entry.key
            yield from texts_of(entry.value)


def replaced(tree: Node, old: Node, new: StringNode) -> Node:
    """The same tree with one node (that very object) replaced."""
    if tree is old:
        return new
    if isinstance(tree, ListNode):
        return ListNode(tuple(replaced(item, old, new) for item in tree.items), AT)
    if isinstance(tree, ObjectNode):
        entries = []
        for entry in tree.entries:
            key = new if entry.key is old else entry.key
            entries.append(ObjectEntry(key, replaced(entry.value, old, new)))
        return ObjectNode(tuple(entries), AT)
    return tree


def assert_less_known(exact: ConditionEffect, holed: ConditionEffect) -> None:
    """Everything certain with the unresolved part is certain without it, and everything possible stays possible."""
    assert exact.possible & SERVICES <= holed.possible & SERVICES
    assert holed.allowed & SERVICES <= exact.allowed & SERVICES
    for before, after in ((exact.unknown_service, holed.unknown_service), (exact.without_key, holed.without_key)):
        assert after in (before, Ternary.UNKNOWN)
    assert exact.dead or not holed.dead


@settings(max_examples=examples(400))
@given(st.data(), blocks)
def test_unresolved_literal_only_lowers_certainty(data: st.DataObject, block: Block) -> None:
    """Where an operator, a key, a value or a part of it is not known, nothing sure turns into its opposite."""
    tree = node(block)
    texts = list(texts_of(tree))
    if not texts:
        return
    old = data.draw(st.sampled_from(texts))
    (whole,) = old.parts
    assert isinstance(whole, str)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    parts = tuple(part for part in (whole[:start], Unresolved("x"), whole[end:]) if part)
    holed = evaluate(replaced(tree, old, StringNode(parts, AT)), SERVICES)
    assert_less_known(evaluate(tree, SERVICES), holed)


@settings(max_examples=examples(200))
@given(st.data(), blocks)
def test_unresolved_operator_value_only_lowers_certainty(data: st.DataObject, block: Block) -> None:
    """Where everything under one operator, or the whole block, is not known, nothing sure turns into its opposite."""
    tree = node(block)
    assert isinstance(tree, ObjectNode)
    old = data.draw(st.sampled_from([tree, *(entry.value for entry in tree.entries)]))
    assert_less_known(
        evaluate(tree, SERVICES), evaluate(replaced(tree, old, StringNode((Unresolved("x"),), AT)), SERVICES)
    )


@settings(max_examples=examples(200))
@given(labels, st.sampled_from(["ec2", "lambda", "ecs-tasks"]), string_operators)
def test_unresolved_name_may_be_every_name(label: str, service: str, operator: str) -> None:
    """A generated name in the place of a service's own keeps every service with such a name possible."""
    value = StringNode((Unresolved("x", UnresolvedKind.NAME), ".amazonaws.com"), AT)
    tree = ObjectNode((ObjectEntry(literal(operator), ObjectNode((ObjectEntry(literal(PTS), value),), AT)),), AT)
    assert f"{service}.amazonaws.com" in evaluate(tree, SERVICES).possible
    assert evaluate(tree, SERVICES).allowed == frozenset()


# Widening.


@settings(max_examples=examples(300))
@given(st.data(), string_operators, st.lists(values, min_size=1, max_size=3), blocks)
def test_widening_a_value_never_removes_a_service(
    data: st.DataObject, operator: str, given_values: list[str], rest: Block
) -> None:
    """One more value, or a wildcard in place of a part of one, lets more through, and less under a negated operator."""
    wider = list(given_values)
    if "Like" in operator and data.draw(st.booleans()):
        index = data.draw(st.integers(0, len(wider) - 1))
        start = data.draw(st.integers(0, len(wider[index])))
        end = data.draw(st.integers(start, len(wider[index])))
        wider[index] = f"{wider[index][:start]}*{wider[index][end:]}"
    else:
        wider.append(data.draw(values))
    narrow = evaluate(node([(operator, [("iam:PassedToService", given_values)]), *rest]), SERVICES)
    wide = evaluate(node([(operator, [("iam:PassedToService", wider)]), *rest]), SERVICES)
    if "Not" in operator:
        narrow, wide = wide, narrow
    assert narrow.allowed & SERVICES <= wide.allowed & SERVICES
    assert narrow.possible & SERVICES <= wide.possible & SERVICES
    assert wide.dead <= narrow.dead
    assert (narrow.unknown_service, wide.unknown_service) != (Ternary.YES, Ternary.NO)
    assert narrow.without_key is wide.without_key


@settings(max_examples=examples(150))
@given(string_operators, string_keys)
def test_if_exists_never_removes_a_request(operator: str, keys: list[tuple[str, str | list[str]]]) -> None:
    """With IfExists the same services are let through, and never fewer requests without the key."""
    plain = operator.removesuffix("IfExists")
    without, with_suffix = (
        evaluate(node([(plain, keys)]), SERVICES),
        evaluate(node([(f"{plain}IfExists", keys)]), SERVICES),
    )
    assert without.allowed == with_suffix.allowed and without.possible == with_suffix.possible
    assert (without.without_key, with_suffix.without_key) != (Ternary.YES, Ternary.NO)


# Anything at all.

parts = st.one_of(
    st.sampled_from(["StringEquals", "Null", "iam:PassedToService", "${", "}", "*", "true", ".amazonaws.com"]),
    st.text(max_size=5),
    st.builds(Unresolved, st.text(max_size=3), st.sampled_from(UnresolvedKind)),
)
any_texts = st.lists(parts, min_size=1, max_size=3).map(lambda found: StringNode(tuple(found), AT))
any_constants = st.one_of(st.none(), st.booleans(), st.integers(), st.floats()).map(lambda value: Const(value, AT))
any_nodes: st.SearchStrategy[Node] = st.recursive(
    st.one_of(any_texts, any_constants, st.just(Absent(AT))),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda found: ListNode(tuple(found), AT)),
        st.lists(st.builds(ObjectEntry, any_texts, inner), max_size=3).map(lambda found: ObjectNode(tuple(found), AT)),
        inner.map(lambda option: choice("c", (("true", option),), AT)),
    ),
    max_leaves=8,
)


@settings(max_examples=examples(400))
@given(any_nodes, st.booleans())
def test_any_node_can_be_evaluated(tree: Node, variables: bool) -> None:
    """Any node in place of a block has a consistent result."""
    effect = evaluate(tree, SERVICES, variables=variables)
    assert effect.allowed <= effect.possible
    if effect.dead:
        assert not effect.possible and effect.unknown_service is effect.without_key is Ternary.NO
