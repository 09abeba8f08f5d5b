"""Statements of source and override documents, and their merge by Sid.

Source: ``policy_model.go`` of the AWS provider (``Merge``): a statement replaces an earlier one of the same Sid; all
others are appended. Keys are case-insensitive, as in Go's JSON decoder.
"""

from __future__ import annotations

from collections.abc import Iterable

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    StringNode,
    UnknownTail,
    Unresolved,
    map_children,
    text,
    unresolved,
    unresolved_in,
)
from passrole_checks.iam.values.path_conditions import Assumption, Predicate, negate
from passrole_checks.iam.values.variants import make_choice
from passrole_checks.sources.terraform.evaluation.symbolic_values import Encoded, is_null, known_string

_ELEMENTS = {
    name.lower(): name
    for name in (
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
    )
}  # fmt: skip


def elements(values: Node) -> list[Node]:
    """Return the elements of a list; for any other value, the value itself."""
    return list(values.items) if isinstance(values, ListNode) else [values]


def statements_of(document: Node, versions: list[Node]) -> list[Node]:
    """Return the statements of a JSON document, one unresolved value for an unknown document; append its Version."""
    if isinstance(document, Choice):
        options = [
            (outcome, ListNode(tuple(statements_of(option, versions)), document.at))
            for outcome, option in document.options
        ]
        return [Choice(tuple(options), document.at)]
    if isinstance(document, ListNode):
        return [statement for item in document.items for statement in statements_of(item, versions)]
    if isinstance(document, Absent) or is_null(document):
        return []
    tree: Node | None = document.value if isinstance(document, Encoded) else None
    if tree is None and isinstance(document, StringNode):
        if document.literal is not None and not document.literal.strip():
            return []
        if document.only_unresolved is not None:
            return [UnknownTail(document.parts, document.at, defaults=document.defaults)]
        try:
            tree = parse_json(document)
        except MalformedDocument as error:
            return [StringNode((Unresolved(str(document)[:80], reason=error.reason),), document.at)]
    if isinstance(tree, Choice):
        trees = tuple((outcome, Encoded((Unresolved("…"),), inner.at, value=inner)) for outcome, inner in tree.options)
        return statements_of(Choice(trees, tree.at), versions)
    if isinstance(tree, ObjectNode):
        version = _field(tree, "version")
        if version is not None:
            versions.append(version)
        statement = _field(tree, "statement")
        if statement is not None:
            return [_normalize_case(item) for item in elements(statement)]
        return [unresolved("Statement", tree.at)] if any(entry.key.literal is None for entry in tree.entries) else []
    return [unresolved("…", document.at, "not a policy document")]


def _field(tree: ObjectNode, name: str) -> Node | None:
    """Return the last value of a key, compared case-insensitively."""
    values = [entry.value for entry in tree.entries if (entry.key.literal or "").lower() == name]
    return values[-1] if values else None


def _normalize_case(statement: Node) -> Node:
    """Return a statement with its elements spelled as IAM spells them."""
    if not isinstance(statement, ObjectNode):
        return map_children(statement, _normalize_case)
    entries: list[ObjectEntry] = []
    for entry in statement.entries:
        name = entry.key.literal
        normalized = _ELEMENTS.get(name.lower(), name) if name is not None else None
        entries.append(entry if normalized == name else ObjectEntry(text(normalized or "", entry.key.at), entry.value))
    return ObjectNode(tuple(entries), statement.at, statement.block)


def merge_by_sid(statements: list[Node], added: list[Node]) -> list[Node]:
    """Return the statements with others merged in: each replaces an earlier one of its Sid, or is appended.

    If it is unknown whether a statement is added, or which Sid it has, the statements that it may replace become
    conditional.
    """
    result, appended = _merge(statements, added)
    return [*result, *appended]


def _merge(statements: list[Node], added: Iterable[Node]) -> tuple[list[Node], list[Node]]:
    """Merge statements. Return the earlier ones, some of them replaced, and those to append."""
    appended: list[Node] = []
    for statement in added:
        statements, new = _merge_statement(statements, statement)
        appended.extend(new)
    return statements, appended


def _merge_statement(statements: list[Node], added: Node) -> tuple[list[Node], list[Node]]:
    """Merge one statement; as :func:`_merge`."""
    if isinstance(added, Choice):
        return _merge_choice(statements, added)
    if isinstance(added, ListNode):
        return _merge(statements, added.items)
    if isinstance(added, Absent):
        return statements, []
    sid = added.get("Sid") if isinstance(added, ObjectNode) else None
    has_no_sid = sid is None or is_null(sid) or known_string(sid) == ""
    if isinstance(added, ObjectNode) and has_no_sid and all(entry.key.literal for entry in added.entries):
        return statements, [added]
    name = known_string(sid) if sid is not None else None
    if name is not None:
        if any(_has_sid(old, name) for old in statements):
            return [added if _has_sid(old, name) else old for old in statements], []
        return [_unless_replaced(old, name, f'"{name}"') for old in statements], [added]
    unknown = dict.fromkeys(unresolved_in(sid or added))
    description = str(sid) if isinstance(sid, StringNode) else ", ".join(part.expression for part in unknown) or "…"
    return [_unless_replaced(old, None, description) for old in statements], [added]


def _merge_choice(statements: list[Node], added: Choice) -> tuple[list[Node], list[Node]]:
    outcomes = [(outcome, *_merge_statement(statements, option)) for outcome, option in added.options]
    result = [
        make_choice([(outcome, replaced[index]) for outcome, replaced, _ in outcomes], added.at)
        for index in range(len(statements))
    ]
    appended: list[tuple[Assumption, Node]] = []
    for outcome, _, new in outcomes:
        several = ListNode(tuple(new), added.at) if new else Absent(added.at)
        appended.append((outcome, new[0] if len(new) == 1 else several))
    return result, [make_choice(appended, added.at)]


def _has_sid(statement: Node, name: str) -> bool:
    sid = statement.get("Sid") if isinstance(statement, ObjectNode) else None
    return sid is not None and known_string(sid) == name


def _unless_replaced(statement: Node, name: str | None, description: str) -> Node:
    """Return a statement, absent where an added one replaces it.

    ``name`` is the Sid of the added statement, None if it is unknown; ``description`` names it in the path condition.
    """
    if isinstance(statement, Choice):
        options = [(outcome, _unless_replaced(option, name, description)) for outcome, option in statement.options]
        return make_choice(options, statement.at)
    if isinstance(statement, ListNode):
        return ListNode(tuple(_unless_replaced(item, name, description) for item in statement.items), statement.at)
    sid = statement.get("Sid") if isinstance(statement, ObjectNode) else None
    if sid is None or known_string(sid) == "":
        return statement
    own = known_string(sid)
    if own is not None and name is not None:
        return statement if own != name else Absent(statement.at)
    name = own if own is not None else str(sid)
    replaced = Assumption(description, frozenset({name}), predicate=Predicate.REPLACES)
    return Choice(((replaced, Absent(statement.at)), (negate(replaced), statement)), statement.at)
