"""``data "aws_iam_policy_document"``: the document that AWS's provider builds from it.

Source: the provider's documentation of the data source, and its ``policy_document_data_source.go``: conditions of the
same test and variable add up; ``&{`` becomes ``${`` in resources, condition values and principals; a source document
comes first, statements of the document replace or follow it, an override replaces by Sid.
"""

from __future__ import annotations

from passrole_checks.iam.json_document import MalformedDocument, parse_json
from passrole_checks.iam.values import Absent, Choice, Entry, Hole, Items, Mapping, Node, Position, Text, text
from passrole_checks.sources.terraform.blocks import blocks_of
from passrole_checks.sources.terraform.scope import Scope, evaluate
from passrole_checks.sources.terraform.symbols import (
    Encoded,
    Rest,
    choice,
    hole,
    is_null,
    literal,
    under,
)
from passrole_checks.sources.terraform.syntax import Block

_LISTS = (
    ("actions", "Action"), ("not_actions", "NotAction"), ("resources", "Resource"), ("not_resources", "NotResource"),
)  # fmt: skip


def build(block: Block, scope: Scope) -> Mapping:
    """The policy document, each statement at its block. What is not known is a hole in its place."""
    at = scope.position(block.span)
    version = _value(block, "version", scope) or text("2012-10-17", at)
    statements = _from_documents(block, ("source_json", "source_policy_documents"), scope, [], override=False)
    for when, inner, inner_scope in blocks_of(block.body, "statement", scope):
        statements = _put(statements, [under(when, _statement(inner, inner_scope))], override=False)
    overrides = ("override_json", "override_policy_documents")
    statements = _from_documents(block, overrides, scope, statements, override=True)
    entries = [Entry(text("Version", at), version), Entry(text("Statement", at), Items(tuple(statements), at))]
    return Mapping(tuple(entries), at)


def _value(block: Block, name: str, scope: Scope) -> Node | None:
    attribute = block.body.get(name)
    if attribute is None:
        return None
    value = evaluate(attribute.value, scope.inside(attribute.source))
    return None if is_null(value) else value


def _statement(block: Block, scope: Scope) -> Mapping:
    at = scope.position(block.span)
    entries: list[Entry] = []
    sid = _value(block, "sid", scope)
    if sid is not None and literal(sid) != "":
        entries.append(Entry(text("Sid", at), sid))
    entries.append(Entry(text("Effect", at), _value(block, "effect", scope) or text("Allow", at)))
    for name, key in _LISTS:
        value = _value(block, name, scope)
        if value is None or (isinstance(value, Items) and not value.items):
            continue
        entries.append(Entry(text(key, at), value if "actions" in name else _variables(value)))
    for name, key in (("principals", "Principal"), ("not_principals", "NotPrincipal")):
        principals = _principals(block, name, scope)
        if principals is not None:
            entries.append(Entry(text(key, at), principals))
    condition = _conditions(block, scope)
    if condition is not None:
        entries.append(Entry(text("Condition", at), condition))
    return Mapping(tuple(entries), at)


def _variables(node: Node) -> Node:
    """``&{aws:username}`` as IAM writes it."""
    if isinstance(node, Text) and any(isinstance(part, str) and "&{" in part for part in node.parts):
        parts = tuple(part.replace("&{", "${") if isinstance(part, str) else part for part in node.parts)
        return Text(parts, node.at, defaults=node.defaults)
    if isinstance(node, Items):
        return Items(tuple(_variables(item) for item in node.items), node.at)
    if isinstance(node, Choice):
        return choice(node.condition, [(outcome, _variables(option)) for outcome, option in node.options], node.at)
    return node


def _principals(block: Block, name: str, scope: Scope) -> Node | None:
    found: dict[str, list[Node]] = {}
    at: Position | None = None
    entries: list[Entry] = []
    for when, inner, inner_scope in blocks_of(block.body, name, scope):
        at = at or inner_scope.position(inner.span)
        kind, identifiers = _value(inner, "type", inner_scope), _value(inner, "identifiers", inner_scope)
        key = literal(kind) if kind is not None else None
        values = _variables(identifiers) if identifiers is not None else Items((), at)
        if when or key is None:
            entries.append(_unknown_entry("; ".join(name for name, _ in when) or "principals", at))
            continue
        if key == "*" and isinstance(values, Items) and [literal(item) for item in values.items] == ["*"]:
            return text("*", at)
        found.setdefault(key, []).extend(_elements(values))
    if at is None:
        return None
    entries[:0] = [Entry(text(key, at), Items(tuple(values), at)) for key, values in found.items()]
    return Mapping(tuple(entries), at)


def _conditions(block: Block, scope: Scope) -> Node | None:
    tests: dict[tuple[object, ...], tuple[Text, dict[tuple[object, ...], tuple[Text, list[Node]]]]] = {}
    unknown: list[Entry] = []
    at: Position | None = None
    for when, inner, inner_scope in blocks_of(block.body, "condition", scope):
        place = inner_scope.position(inner.span)
        at = at or place
        if when:
            unknown.append(_unknown_entry("; ".join(name for name, _ in when), place))
            continue
        test = _key(_value(inner, "test", inner_scope), "condition test", place)
        variable = _key(_value(inner, "variable", inner_scope), "condition variable", place)
        values = _value(inner, "values", inner_scope)
        keys = tests.setdefault(test.parts, (test, {}))[1]
        collected = keys.setdefault(variable.parts, (variable, []))[1]
        collected.extend(_elements(_variables(values)) if values is not None else ())
    if at is None:
        return None
    entries = [
        Entry(
            test,
            Mapping(tuple(Entry(key, Items(tuple(values), key.at)) for key, values in keys.values()), test.at),
        )
        for test, keys in tests.values()
    ]
    return Mapping((*entries, *unknown), at)


def _key(value: Node | None, words: str, at: Position) -> Text:
    if isinstance(value, Text):
        return value
    return hole(words, at)


def _unknown_entry(words: str, at: Position) -> Entry:
    return Entry(hole(words, at), hole(words, at))


def _elements(values: Node) -> list[Node]:
    return list(values.items) if isinstance(values, Items) else [values]


def _from_documents(
    block: Block, names: tuple[str, ...], scope: Scope, statements: list[Node], *, override: bool
) -> list[Node]:
    """Statements with those of other documents put in."""
    for name in names:
        value = _value(block, name, scope)
        documents = _elements(value) if value is not None else []
        for document in documents:
            statements = _put(statements, _statements_of(document), override=override)
    return statements


def _statements_of(document: Node) -> list[Node]:
    """The statements of a document given as JSON; a hole for one that is not known."""
    if isinstance(document, Choice):
        options = [(outcome, Items(tuple(_statements_of(option)), document.at)) for outcome, option in document.options]
        return [Choice(document.condition, tuple(options), document.at)]
    if isinstance(document, Absent) or is_null(document):
        return []
    tree: Node | None = document.value if isinstance(document, Encoded) else None
    if tree is None and isinstance(document, Text):
        if document.literal is not None and not document.literal.strip():
            return []
        if document.only_hole is not None:
            return [Rest(document.parts, document.at, defaults=document.defaults)]
        try:
            tree = parse_json(document)
        except MalformedDocument as error:
            return [Text((Hole(str(document)[:80], reason=error.reason),), document.at)]
    if isinstance(tree, Choice):
        return _statements_of(
            Choice(tree.condition, tuple((o, Encoded((Hole("…"),), n.at, value=n)) for o, n in tree.options), tree.at)
        )
    if isinstance(tree, Mapping):
        statement = tree.get("Statement")
        if statement is not None:
            return _elements(statement)
        return [hole("Statement", tree.at)] if any(entry.key.literal is None for entry in tree.entries) else []
    return [hole("…", document.at, "not a policy document")]


def _put(statements: list[Node], added: list[Node], *, override: bool) -> list[Node]:
    """Statements followed by others; one with the Sid of an earlier one takes its place."""
    result = list(statements)
    for statement in added:
        sid = _sid(statement)
        place = next((n for n, old in enumerate(result) if sid and _sid(old) == sid), None) if sid else None
        if place is None:
            result.append(statement)
        elif override or isinstance(statement, Mapping):
            result[place] = statement
    return result


def _sid(statement: Node) -> str | None:
    sid = statement.get("Sid") if isinstance(statement, Mapping) else None
    return literal(sid) if sid is not None else None
