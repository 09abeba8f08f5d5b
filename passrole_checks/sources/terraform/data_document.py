"""``data "aws_iam_policy_document"``: the document that AWS's provider builds from it.

Source: the provider's documentation of the data source, and its ``policy_document_data_source.go``: conditions of the
same test and variable add up; ``&{`` becomes ``${`` in resources, condition values and principals; a source document
comes first, statements of the document replace or follow it, an override replaces by Sid.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from passrole_checks.iam.json_document import MalformedDocument, parse_json
from passrole_checks.iam.values import Absent, Choice, Entry, Hole, Items, Mapping, Node, Position, Text, holes_in, text
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
    statements: list[Node] = []
    for name in ("source_json", "source_policy_documents"):  # two sources with the same Sid are an error
        statements = _put(statements, [item for found in _documents(block, name, scope) for item in found])
    own = [under(when, _statement(inner, around)) for when, inner, around in blocks_of(block.body, "statement", scope)]
    statements = _put(statements, own)
    for name in ("override_json", "override_policy_documents"):
        for found in _documents(block, name, scope):
            statements = _put(statements, found)
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


def _documents(block: Block, name: str, scope: Scope) -> Iterator[list[Node]]:
    """The statements of each of the documents that an attribute gives."""
    value, attribute = _value(block, name, scope), block.body.get(name)
    if value is None or attribute is None:
        return
    at = scope.inside(attribute.source).position(attribute.value.span)
    for document in _elements(value):
        found = _statements_of(document)
        # a document that is not known is a statement here, not where the variable was first read
        yield [replace(item, at=at) if isinstance(item, Rest) else item for item in found]


def _statements_of(document: Node) -> list[Node]:
    """The statements of a document given as JSON; a hole for one that is not known."""
    if isinstance(document, Choice):
        options = [(outcome, Items(tuple(_statements_of(option)), document.at)) for outcome, option in document.options]
        return [Choice(document.condition, tuple(options), document.at)]
    if isinstance(document, Items):
        return [statement for item in document.items for statement in _statements_of(item)]
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


def _put(statements: list[Node], added: list[Node]) -> list[Node]:
    """Statements followed by others; one with the Sid of an earlier one takes its place.

    Where it is not known whether a statement is added, or what its Sid is, those that it may replace are there only
    under the condition that it does not.
    """
    result, more = list(statements), list[Node]()
    for statement in added:
        result, after = _put_one(result, statement)
        more.extend(after)
    return result + more


def _put_one(statements: list[Node], added: Node) -> tuple[list[Node], list[Node]]:
    """The statements after one was put in, and what follows them."""
    if isinstance(added, Choice):
        return _put_choice(statements, added)
    if isinstance(added, Items):
        result, more = statements, list[Node]()
        for statement in added.items:
            result, after = _put_one(result, statement)
            more.extend(after)
        return result, more
    if isinstance(added, Absent):
        return statements, []
    sid = added.get("Sid") if isinstance(added, Mapping) else None
    if isinstance(added, Mapping) and (sid is None or is_null(sid)) and all(e.key.literal for e in added.entries):
        return statements, [added]
    name = literal(sid) if sid is not None else None
    if name is not None:
        if any(_exactly(old, name) for old in statements):
            return [added if _exactly(old, name) else old for old in statements], []
        return [_unless(old, name, f'"{name}"') for old in statements], [added]
    words = str(sid) if isinstance(sid, Text) else ", ".join(hole.expression for hole in _holes(sid or added)) or "…"
    return [_unless(old, None, words) for old in statements], [added]


def _put_choice(statements: list[Node], added: Choice) -> tuple[list[Node], list[Node]]:
    outcomes = [(outcome, *_put_one(statements, option)) for outcome, option in added.options]
    result = [
        choice(added.condition, [(outcome, replaced[place]) for outcome, replaced, _ in outcomes], added.at)
        for place in range(len(statements))
    ]
    after = [(outcome, _together(more, added.at)) for outcome, _, more in outcomes]
    return result, [choice(added.condition, after, added.at)]


def _together(statements: list[Node], at: Position) -> Node:
    if not statements:
        return Absent(at)
    return statements[0] if len(statements) == 1 else Items(tuple(statements), at)


def _exactly(statement: Node, name: str) -> bool:
    sid = statement.get("Sid") if isinstance(statement, Mapping) else None
    return sid is not None and literal(sid) == name


def _unless(statement: Node, name: str | None, words: str) -> Node:
    """A statement, gone where one that was put in replaces it. ``name``: the Sid of that one, None if not known."""
    if isinstance(statement, Choice):
        options = [(outcome, _unless(option, name, words)) for outcome, option in statement.options]
        return choice(statement.condition, options, statement.at)
    if isinstance(statement, Items):
        return Items(tuple(_unless(item, name, words) for item in statement.items), statement.at)
    sid = statement.get("Sid") if isinstance(statement, Mapping) else None
    if sid is None or literal(sid) == "":
        return statement
    own = literal(sid)
    if own is not None and name is not None:
        return statement if own != name else Absent(statement.at)
    replaced = f'{words} replaces the statement "{own if own is not None else sid}"'
    return Choice(replaced, (("true", Absent(statement.at)), ("false", statement)), statement.at)


def _holes(node: Node) -> tuple[Hole, ...]:
    return tuple(dict.fromkeys(holes_in(node)))
