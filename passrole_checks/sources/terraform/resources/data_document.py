"""``data "aws_iam_policy_document"``: the document that AWS's provider builds from it.

Source: the provider's documentation of the data source, and its ``policy_document_data_source.go`` and
``policy_model.go``: conditions of the same test and variable add up; ``&{`` becomes ``${`` in resources, condition
values and principals; a source document comes first, statements of the document replace or follow it, an override
replaces by Sid; the highest Version of all counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    text,
)
from passrole_checks.iam.path_conditions import PathCondition, negate
from passrole_checks.sources.terraform.evaluation.conditional_values import guard, make_choice, map_choices, variants_of
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    UnknownTail,
    is_null,
    is_unknown,
    known_string,
    unresolved,
)
from passrole_checks.sources.terraform.reading.syntax import Block, Literal, Tuple
from passrole_checks.sources.terraform.resources.blocks import blocks_of
from passrole_checks.sources.terraform.resources.document_merge import elements, put, statements_of

_LISTS = (
    ("actions", "Action"), ("not_actions", "NotAction"), ("resources", "Resource"), ("not_resources", "NotResource"),
)  # fmt: skip
_WORDS = ("Action", "NotAction")
_NEWEST = "2012-10-17"
_OPTIONAL_CONDITIONS = 4  # condition blocks of one statement that are followed both with and without


def build(block: Block, scope: EvaluationScope) -> ObjectNode:
    """The policy document, each statement at its block. What is not known is a hole in its place."""
    at = scope.position(block.span)
    versions: list[Node] = [_value(block, "version", scope) or text(_NEWEST, at)]
    statements: list[Node] = []
    for name in ("source_json", "source_policy_documents"):  # two sources with the same Sid are an error: both count
        for found in _documents(block, name, scope, versions):
            statements.extend(found)
    own = [
        guard(when, _where_written(_statement(inner, around), around))
        for when, inner, around in blocks_of(block.body, "statement", scope)
    ]
    statements = put(statements, own)
    for name in ("override_json", "override_policy_documents"):
        for found in _documents(block, name, scope, versions):
            for statement in found:
                statements = put(statements, [statement])
    entries = [
        ObjectEntry(text("Version", at), _highest(versions)),
        ObjectEntry(text("Statement", at), ListNode(tuple(statements), at)),
    ]
    policy_id = _value(block, "policy_id", scope)
    if policy_id is not None:
        entries.insert(1, ObjectEntry(text("Id", at), policy_id))
    return ObjectNode(tuple(entries), at)


def _highest(versions: list[Node]) -> Node:
    """The highest of the Versions of all documents; of one that is not known, only where that makes a difference."""
    known = [(known_string(version), version) for version in versions]
    newest = max(known, key=lambda pair: pair[0] or "")
    if (newest[0] or "") >= _NEWEST:
        return newest[1]
    return next((version for written, version in known if written is None), newest[1])


def _value(block: Block, name: str, scope: EvaluationScope) -> Node | None:
    attribute = block.body.get(name)
    if attribute is None:
        return None
    value = _without_nulls(evaluate(attribute.value, scope.in_source(attribute.source)))
    return None if is_null(value) else value


def _without_nulls(value: Node) -> Node:
    """A value whose alternatives are absent where they are null or empty lists, which the provider leaves out. An
    unknown value that may be absent is an unknown value: it may be null all the same."""
    if not isinstance(value, Choice):
        return value
    readings = variants_of(value)
    unknown = [one for one in readings if is_unknown(one)]
    if unknown and all(is_unknown(one) or is_null(one) or _is_nothing(one) for one in readings):
        return unknown[0]
    options = [(outcome, _without_nulls(option)) for outcome, option in value.options]
    options = [(o, Absent(n.at) if is_null(n) or _is_nothing(n) else n) for o, n in options]
    return make_choice(value.condition, options, value.at)


def _statement(block: Block, scope: EvaluationScope) -> ObjectNode:
    at = scope.position(block.span)
    entries: list[ObjectEntry] = []
    sid = _value(block, "sid", scope)
    if sid is not None and known_string(sid) != "":
        entries.append(ObjectEntry(text("Sid", at), sid))
    effect = _value(block, "effect", scope) or Absent(at)
    allow = text("Allow", at)
    entries.append(
        ObjectEntry(text("Effect", at), map_choices(lambda one: allow if isinstance(one, Absent) else one, effect))
    )
    for (name, key), (opposite, opposite_key) in (_LISTS[:2], _LISTS[2:]):
        given, left_out = _value(block, name, scope) or Absent(at), _value(block, opposite, scope) or Absent(at)
        if _is_nothing(given) and _is_nothing(left_out):
            given = _to_be_given(block, name, scope) or given
            left_out = left_out if not _is_nothing(given) else _to_be_given(block, opposite, scope) or left_out
        for element, value in (
            (key, map_choices(_either, given, left_out)),
            (opposite_key, map_choices(_or_else, given, left_out)),
        ):
            if not isinstance(value, Absent) and not (isinstance(value, ListNode) and not value.items):
                entries.append(ObjectEntry(text(element, at), value if "Action" in element else _variables(value)))
    for name, key in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        principals = _principals(block, name, scope)
        if principals is not None:
            entries.append(ObjectEntry(text(key, at), principals))
    condition = _conditions(block, scope)
    if condition is not None:
        entries.append(ObjectEntry(text("Condition", at), condition))
    return ObjectNode(tuple(entries), at, block=True)


def _where_written(statement: ObjectNode, scope: EvaluationScope) -> ObjectNode:
    """The statement at the object that holds its actions, where the block only spells out an element of a loop: whoever
    reads a finding looks for them, and they stand with the caller of a module, or in a local."""
    places = [node.at for entry in statement.entries if entry.key.literal in _WORDS for node in elements(entry.value)]
    if not places or any(_holds(statement.at, place) for place in places):
        return statement
    for value in reversed(list(scope.variables.values())):
        element = value.get("value") if isinstance(value, ObjectNode) else None
        if isinstance(element, ObjectNode) and all(_holds(element.at, place) for place in places):
            return replace(statement, at=element.at)
    return statement


def _holds(span: Position, place: Position) -> bool:
    """Whether a place lies within a span."""
    end = (place.end_line, place.end_column) if place.end_line else (place.line, place.column)
    return (
        span.file == place.file
        and (span.line, span.column) <= (place.line, place.column)
        and end <= (span.end_line, span.end_column)
    )


def _to_be_given(block: Block, name: str, scope: EvaluationScope) -> Node | None:
    """A list that is computed and comes out empty, as from a variable whose default is ``[]``, as a value that is still
    to be given: AWS refuses a statement without one. None where the list is not computed."""
    attribute = block.body.get(name)
    if attribute is None or isinstance(attribute.value, (Tuple, Literal)):
        return None
    inner = scope.in_source(attribute.source)
    if is_null(evaluate(attribute.value, inner)):
        return None
    span = attribute.value.span
    return unresolved(inner.condition(inner.unique_text(span)), inner.position(span), "empty, which AWS refuses")


def _either(given: Node, left_out: Node) -> Node:
    """``actions`` beside ``not_actions``, of which one is null or empty: what is not known is not there if the other is
    known, and both together are one unknown list."""
    if not is_unknown(given) or not isinstance(given, StringNode):
        return given
    if isinstance(left_out, StringNode) and is_unknown(left_out):
        return unresolved(", ".join(part.expression for part in (*given.holes, *left_out.holes)), given.at)
    return given if _is_nothing(left_out) else Absent(given.at)


def _or_else(given: Node, left_out: Node) -> Node:
    """``not_actions`` beside ``actions``."""
    return Absent(left_out.at) if is_unknown(left_out) and not _is_nothing(given) else left_out


def _is_nothing(value: Node) -> bool:
    return isinstance(value, Absent) or (isinstance(value, ListNode) and not value.items)


def _variables(node: Node) -> Node:
    """``&{aws:username}`` as IAM writes it."""
    if isinstance(node, StringNode) and any(isinstance(part, str) and "&{" in part for part in node.parts):
        parts = tuple(part.replace("&{", "${") if isinstance(part, str) else part for part in node.parts)
        return StringNode(parts, node.at, defaults=node.defaults)
    if isinstance(node, ListNode):
        return ListNode(tuple(_variables(item) for item in node.items), node.at)
    if isinstance(node, Choice):
        return make_choice(node.condition, [(outcome, _variables(option)) for outcome, option in node.options], node.at)
    return node


def _principals(block: Block, name: str, scope: EvaluationScope) -> Node | None:
    found: dict[str, list[Node]] = {}
    at: Position | None = None
    entries: list[ObjectEntry] = []
    for when, inner, inner_scope in blocks_of(block.body, name, scope):
        at = at or inner_scope.position(inner.span)
        kind, identifiers = _value(inner, "type", inner_scope), _value(inner, "identifiers", inner_scope)
        key = known_string(kind) if kind is not None else None
        values = _variables(identifiers) if identifiers is not None else ListNode((), at)
        if when or key is None:
            entries.append(_unknown_entry("; ".join(name for name, _ in when) or "principals", at))
            continue
        if key == "*" and isinstance(values, ListNode) and [known_string(item) for item in values.items] == ["*"]:
            return text("*", at)
        found.setdefault(key, []).extend(elements(values))
    if at is None:
        return None
    entries[:0] = [ObjectEntry(text(key, at), ListNode(tuple(values), at)) for key, values in found.items()]
    return ObjectNode(tuple(entries), at)


def _conditions(block: Block, scope: EvaluationScope) -> Node | None:
    """The Condition element; with alternatives where a block is there under conditions only."""
    found = [
        (when, _Condition.of(inner, inner_scope))
        for when, inner, inner_scope in blocks_of(block.body, "condition", scope)
    ]
    left = _OPTIONAL_CONDITIONS
    unknown: list[ObjectEntry] = []
    blocks: list[tuple[PathCondition, _Condition]] = []
    for when, one in found:
        if when and (left <= 0 or one.test.literal is None or one.variable.literal is None):
            unknown.append(_unknown_entry("; ".join(name for name, _ in when), one.at))
            continue
        left -= bool(when)
        blocks.append((when, one))
    return _with_conditions(blocks, [], unknown, found[0][1].at) if found else None


def _with_conditions(
    blocks: list[tuple[PathCondition, _Condition]], sure: list[_Condition], unknown: list[ObjectEntry], at: Position
) -> Node:
    """The Condition of blocks that are surely there and of some that may be."""
    for place, (when, one) in enumerate(blocks):
        if not when:
            continue
        before = [*sure, *(other for _, other in blocks[:place])]
        (condition, outcome), others = when[0], when[1:]
        there = _with_conditions([(others, one), *blocks[place + 1 :]], before, unknown, at)
        gone = _with_conditions(blocks[place + 1 :], before, unknown, at)
        return make_choice(condition, [(outcome, there), (negate(outcome), gone)], one.at)
    return _condition_element([*sure, *(one for _, one in blocks)], unknown, at)


def _condition_element(blocks: list[_Condition], unknown: list[ObjectEntry], at: Position) -> Node:
    tests: dict[tuple[object, ...], tuple[StringNode, dict[tuple[object, ...], tuple[StringNode, list[Node]]]]] = {}
    for one in blocks:
        keys = tests.setdefault(one.test.parts, (one.test, {}))[1]
        keys.setdefault(one.variable.parts, (one.variable, []))[1].extend(one.values)
    entries = [
        ObjectEntry(
            test,
            ObjectNode(
                tuple(ObjectEntry(key, ListNode(tuple(values), key.at)) for key, values in keys.values()), test.at
            ),
        )
        for test, keys in tests.values()
    ]
    if not entries and not unknown:
        return Absent(at)
    return ObjectNode((*entries, *unknown), at)


@dataclass(frozen=True)
class _Condition:
    """One ``condition`` block."""

    test: StringNode
    variable: StringNode
    values: list[Node]
    at: Position

    @classmethod
    def of(cls, block: Block, scope: EvaluationScope) -> _Condition:
        at = scope.position(block.span)
        values = _value(block, "values", scope)
        return cls(
            _key(_value(block, "test", scope), "condition test", at),
            _key(_value(block, "variable", scope), "condition variable", at),
            elements(_variables(values)) if values is not None else [],
            at,
        )


def _key(value: Node | None, words: str, at: Position) -> StringNode:
    if isinstance(value, StringNode):
        return value
    return unresolved(words, at)


def _unknown_entry(words: str, at: Position) -> ObjectEntry:
    return ObjectEntry(unresolved(words, at), unresolved(words, at))


def _documents(block: Block, name: str, scope: EvaluationScope, versions: list[Node]) -> Iterator[list[Node]]:
    """The statements of each of the documents that an attribute gives; their Versions are added to ``versions``."""
    value, attribute = _value(block, name, scope), block.body.get(name)
    if value is None or attribute is None:
        return
    at = scope.in_source(attribute.source).position(attribute.value.span)
    for document in elements(value):
        found = statements_of(document, versions)
        # a document that is not known is a statement here, not where the variable was first read
        yield [replace(item, at=at) if isinstance(item, UnknownTail) else item for item in found]
