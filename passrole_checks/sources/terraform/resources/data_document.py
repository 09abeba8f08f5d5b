"""Build the policy document of a ``data "aws_iam_policy_document"`` as the AWS provider does.

Source: the provider's documentation of the data source, and its ``policy_document_data_source.go`` and
``policy_model.go``: conditions of the same test and variable are merged; ``&{`` becomes ``${`` in resources, condition
values and principals; source documents come first, statements of the document replace or follow theirs, an override
replaces by Sid; the highest Version of all documents is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    UnknownTail,
    text,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import PathCondition, is_off_by_default
from passrole_checks.iam.values.variants import choose, guard, make_choice, map_variants, variants_of
from passrole_checks.sources.model.condition_blocks import condition_entries
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.statement_position import at_actions
from passrole_checks.sources.terraform.evaluation.symbolic_values import is_null, is_unknown, known_string
from passrole_checks.sources.terraform.reading.syntax import Block, Literal, Tuple
from passrole_checks.sources.terraform.resources.blocks import blocks_of
from passrole_checks.sources.terraform.resources.document_merge import elements, merge_by_sid, statements_of
from passrole_checks.sources.terraform.resources.off_by_default import says_what

_LISTS = (
    ("actions", "Action"), ("not_actions", "NotAction"), ("resources", "Resource"), ("not_resources", "NotResource"),
)  # fmt: skip
_LATEST_VERSION = "2012-10-17"
_MAX_OPTIONAL_CONDITIONS = 4  # conditional condition blocks of one statement, each evaluated with and without


def build_document(block: Block, scope: EvaluationScope) -> ObjectNode:
    """Return the policy document, each statement at the position of its block. Unknown parts are unresolved values."""
    at = scope.position(block.span)
    versions: list[Node] = [_value_of(block, "version", scope) or text(_LATEST_VERSION, at)]
    statements: list[Node] = []
    for name in ("source_json", "source_policy_documents"):  # duplicate Sids in sources are an error: keep both
        for merged in _merged_documents(block, name, scope, versions):
            statements.extend(merged)
    blocks = blocks_of(block.body, "statement", scope)
    built = ((when, build_statement(inner, block_scope), block_scope) for when, inner, block_scope in blocks)
    own = [
        guard(when, at_actions(statement, map(_loop_element, reversed(list(block_scope.variables.values())))))
        for when, statement, block_scope in built
        if not is_off_by_default(when) or says_what(statement)
    ]
    statements = merge_by_sid(statements, own)
    for name in ("override_json", "override_policy_documents"):
        for merged in _merged_documents(block, name, scope, versions):
            for statement in merged:
                statements = merge_by_sid(statements, [statement])
    entries = [
        ObjectEntry(text("Version", at), _highest_version(versions)),
        ObjectEntry(text("Statement", at), ListNode(tuple(statements), at)),
    ]
    policy_id = _value_of(block, "policy_id", scope)
    if policy_id is not None:
        entries.insert(1, ObjectEntry(text("Id", at), policy_id))
    return ObjectNode(tuple(entries), at)


def _highest_version(versions: list[Node]) -> Node:
    """Return the highest Version of all documents; an unresolved one only if it could be the highest."""
    known = [(known_string(version), version) for version in versions]
    newest = max(known, key=lambda pair: pair[0] or "")
    if (newest[0] or "") >= _LATEST_VERSION:
        return newest[1]
    return next((version for written, version in known if written is None), newest[1])


def _value_of(block: Block, name: str, scope: EvaluationScope) -> Node | None:
    attribute = block.body.get(name)
    if attribute is None:
        return None
    value = _drop_nulls(evaluate(attribute.value, scope.in_source(attribute.source)))
    return None if is_null(value) else value


def _drop_nulls(value: Node) -> Node:
    """Return the value with Absent for alternatives that are null or empty lists, which the provider omits.

    If all other alternatives are unresolved, return the first of those: an unresolved value may be null anyway.
    """
    if not isinstance(value, Choice):
        return value
    readings = [reading for _, reading in variants_of(value)]
    unknown = [variant for variant in readings if is_unknown(variant)]
    if unknown and all(is_unknown(variant) or is_null(variant) or _is_empty(variant) for variant in readings):
        return unknown[0]
    options = [(outcome, _drop_nulls(option)) for outcome, option in value.options]
    options = [(o, Absent(n.at) if is_null(n) or _is_empty(n) else n) for o, n in options]
    return make_choice(options, value.at)


def build_statement(block: Block, scope: EvaluationScope) -> ObjectNode:
    """Return the statement of a ``statement`` block."""
    at = scope.position(block.span)
    sid, effect, allow = _value_of(block, "sid", scope), _value_of(block, "effect", scope), text("Allow", at)
    built = {
        "Sid": None if sid is None or known_string(sid) == "" else sid,
        "Effect": map_variants(lambda option: allow if isinstance(option, Absent) else option, effect or Absent(at)),
    }
    for (name, key), (opposite, opposite_key) in (_LISTS[:2], _LISTS[2:]):
        included, excluded = (_value_of(block, each, scope) or Absent(at) for each in (name, opposite))
        if _is_empty(included) and _is_empty(excluded):
            included = _required_list(block, name, scope) or included
            excluded = excluded if not _is_empty(included) else _required_list(block, opposite, scope) or excluded
        for element, chosen in ((key, _choose_list), (opposite_key, _choose_opposite)):
            value = map_variants(chosen, included, excluded)
            if not _is_empty(value):
                built[element] = value if "Action" in element else _policy_variables(value)
    built["Principal"] = _principals(block, "principals", scope)
    built["NotPrincipal"] = _principals(block, "not_principals", scope)
    built["Condition"] = _conditions(block, scope)
    entries = (ObjectEntry(text(element, at), value) for element, value in built.items() if value is not None)
    return ObjectNode(tuple(entries), at, block=True)


def _loop_element(variable: Node) -> Node | None:
    return variable.get("value") if isinstance(variable, ObjectNode) else None


def _required_list(block: Block, name: str, scope: EvaluationScope) -> Node | None:
    """Return an unresolved value for a computed list that is empty, as from a variable with the default ``[]``.

    AWS rejects a statement without the list, so a caller must set it. None if the list is not computed.
    """
    attribute = block.body.get(name)
    if attribute is None or isinstance(attribute.value, (Tuple, Literal)):
        return None
    inner = scope.in_source(attribute.source)
    if is_null(evaluate(attribute.value, inner)):
        return None
    span = attribute.value.span
    return unresolved(inner.condition(inner.unique_text(span)), inner.position(span), "empty, which AWS rejects")


def _choose_list(included: Node, excluded: Node) -> Node:
    """Return ``actions`` in presence of ``not_actions``, of which one must be null or empty.

    An unresolved list is absent if the other one is known; two unresolved lists become one.
    """
    if not is_unknown(included) or not isinstance(included, StringNode):
        return included
    if isinstance(excluded, StringNode) and is_unknown(excluded):
        unknown = (*included.unresolved_parts, *excluded.unresolved_parts)
        return unresolved(", ".join(part.expression for part in unknown), included.at)
    return included if _is_empty(excluded) else Absent(included.at)


def _choose_opposite(included: Node, excluded: Node) -> Node:
    """Return ``not_actions`` in presence of ``actions``."""
    return Absent(excluded.at) if is_unknown(excluded) and not _is_empty(included) else excluded


def _is_empty(value: Node) -> bool:
    return isinstance(value, Absent) or (isinstance(value, ListNode) and not value.items)


def _policy_variables(node: Node) -> Node:
    """Return the value with ``&{aws:username}`` as IAM spells it: ``${aws:username}``."""
    if isinstance(node, StringNode) and any(isinstance(part, str) and "&{" in part for part in node.parts):
        parts = tuple(part.replace("&{", "${") if isinstance(part, str) else part for part in node.parts)
        return StringNode(parts, node.at, defaults=node.defaults)
    if isinstance(node, ListNode):
        return ListNode(tuple(_policy_variables(item) for item in node.items), node.at)
    if isinstance(node, Choice):
        return make_choice([(outcome, _policy_variables(option)) for outcome, option in node.options], node.at)
    return node


def _principals(block: Block, name: str, scope: EvaluationScope) -> Node | None:
    identifiers_by_type: dict[str, list[Node]] = {}
    at: Position | None = None
    entries: list[ObjectEntry] = []
    for when, inner, inner_scope in blocks_of(block.body, name, scope):
        at = at or inner_scope.position(inner.span)
        kind, identifiers = (_value_of(inner, each, inner_scope) for each in ("type", "identifiers"))
        key = known_string(kind) if kind is not None else None
        values = _policy_variables(identifiers) if identifiers is not None else ListNode((), at)
        if when or key is None:
            entries.append(_unknown_entry(_conditions_text(when) or "principals", at))
            continue
        if key == "*" and isinstance(values, ListNode) and [known_string(item) for item in values.items] == ["*"]:
            return text("*", at)
        identifiers_by_type.setdefault(key, []).extend(elements(values))
    if at is None:
        return None
    known = (ObjectEntry(text(key, at), ListNode(tuple(names), at)) for key, names in identifiers_by_type.items())
    return ObjectNode((*known, *entries), at)


def _conditions(block: Block, scope: EvaluationScope) -> Node | None:
    """Return the Condition element; a choice if ``condition`` blocks are conditional."""
    inside = blocks_of(block.body, "condition", scope)
    conditions = [(when, _Condition.of(inner, inner_scope)) for when, inner, inner_scope in inside]
    remaining = _MAX_OPTIONAL_CONDITIONS
    unknown: list[ObjectEntry] = []
    blocks: list[tuple[PathCondition, _Condition]] = []
    for when, condition in conditions:
        if when and (remaining <= 0 or condition.test.literal is None or condition.variable.literal is None):
            unknown.append(_unknown_entry(_conditions_text(when), condition.at))
            continue
        remaining -= bool(when)
        blocks.append((when, condition))
    return _condition_variants(blocks, [], unknown, conditions[0][1].at) if conditions else None


def _conditions_text(when: PathCondition) -> str:
    """Return the expressions of a path condition, the name of what is unknown under it."""
    return "; ".join(assumption.condition for assumption in when)


def _condition_variants(
    blocks: list[tuple[PathCondition, _Condition]], certain: list[_Condition], unknown: list[ObjectEntry], at: Position
) -> Node:
    """Return the Condition for blocks that exist in every case (``certain``) and blocks that may exist."""
    for index, (when, block) in enumerate(blocks):
        if not when:
            continue
        before = [*certain, *(other for _, other in blocks[:index])]
        with_block = _condition_variants([(when[1:], block), *blocks[index + 1 :]], before, unknown, at)
        without = _condition_variants(blocks[index + 1 :], before, unknown, at)
        return choose(when[0], with_block, without, block.at)
    existing = (*certain, *(block for _, block in blocks))
    entries = condition_entries((block.test, block.variable, block.values) for block in existing)
    return ObjectNode((*entries, *unknown), at) if entries or unknown else Absent(at)


@dataclass(frozen=True)
class _Condition:
    """A ``condition`` block."""

    test: StringNode
    variable: StringNode
    values: list[Node]
    at: Position

    @classmethod
    def of(cls, block: Block, scope: EvaluationScope) -> _Condition:
        at = scope.position(block.span)
        values = _value_of(block, "values", scope)
        test, variable = (
            value
            if isinstance(value := _value_of(block, name, scope), StringNode)
            else unresolved(f"condition {name}", at)
            for name in ("test", "variable")
        )
        return cls(test, variable, elements(_policy_variables(values)) if values is not None else [], at)


def _unknown_entry(expression: str, at: Position) -> ObjectEntry:
    return ObjectEntry(unresolved(expression, at), unresolved(expression, at))


def _merged_documents(block: Block, name: str, scope: EvaluationScope, versions: list[Node]) -> Iterator[list[Node]]:
    """Yield the statements of each document in an attribute; append their Versions to ``versions``."""
    value, attribute = _value_of(block, name, scope), block.body.get(name)
    if value is None or attribute is None:
        return
    at = scope.in_source(attribute.source).position(attribute.value.span)
    for document in elements(value):
        statements = statements_of(document, versions)
        # locate an unknown document at this attribute, not where the variable was first evaluated
        yield [replace(item, at=at) if isinstance(item, UnknownTail) else item for item in statements]
