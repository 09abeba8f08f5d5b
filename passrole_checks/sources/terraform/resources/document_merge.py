"""Documents that others are made of: the statements of each, and one after the other replacing by Sid.

Source: ``policy_model.go`` of AWS's provider (``Merge``): a statement with the Sid of an earlier one takes its place,
every other one is added at the end. Keys are read as Go reads JSON, whatever their case.
"""

from __future__ import annotations

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    Unresolved,
    holes_in,
    text,
)
from passrole_checks.sources.terraform.evaluation.conditional_values import make_choice
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Encoded,
    UnknownTail,
    is_null,
    known_string,
    unresolved,
)

_ELEMENTS = {
    name.lower(): name
    for name in (
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
    )
}  # fmt: skip


def elements(values: Node) -> list[Node]:
    """The elements of a list; a value that is none is the only one."""
    return list(values.items) if isinstance(values, ListNode) else [values]


def statements_of(document: Node, versions: list[Node]) -> list[Node]:
    """The statements of a document given as JSON; a hole for one that is not known. Its Version joins ``versions``."""
    if isinstance(document, Choice):
        options = [
            (outcome, ListNode(tuple(statements_of(option, versions)), document.at))
            for outcome, option in document.options
        ]
        return [Choice(document.condition, tuple(options), document.at)]
    if isinstance(document, ListNode):
        return [statement for item in document.items for statement in statements_of(item, versions)]
    if isinstance(document, Absent) or is_null(document):
        return []
    tree: Node | None = document.value if isinstance(document, Encoded) else None
    if tree is None and isinstance(document, StringNode):
        if document.literal is not None and not document.literal.strip():
            return []
        if document.only_hole is not None:
            return [UnknownTail(document.parts, document.at, defaults=document.defaults)]
        try:
            tree = parse_json(document)
        except MalformedDocument as error:
            return [StringNode((Unresolved(str(document)[:80], reason=error.reason),), document.at)]
    if isinstance(tree, Choice):
        trees = tuple((outcome, Encoded((Unresolved("…"),), one.at, value=one)) for outcome, one in tree.options)
        return statements_of(Choice(tree.condition, trees, tree.at), versions)
    if isinstance(tree, ObjectNode):
        version = _field(tree, "version")
        if version is not None:
            versions.append(version)
        statement = _field(tree, "statement")
        if statement is not None:
            return [_in_case(item) for item in elements(statement)]
        return [unresolved("Statement", tree.at)] if any(entry.key.literal is None for entry in tree.entries) else []
    return [unresolved("…", document.at, "not a policy document")]


def _field(tree: ObjectNode, name: str) -> Node | None:
    """The last value under a key, whatever its case."""
    found = [entry.value for entry in tree.entries if (entry.key.literal or "").lower() == name]
    return found[-1] if found else None


def _in_case(statement: Node) -> Node:
    """A statement whose elements are spelled as IAM spells them."""
    if isinstance(statement, Choice):
        options = tuple((outcome, _in_case(option)) for outcome, option in statement.options)
        return Choice(statement.condition, options, statement.at)
    if isinstance(statement, ListNode):
        return ListNode(tuple(_in_case(item) for item in statement.items), statement.at)
    if not isinstance(statement, ObjectNode):
        return statement
    entries: list[ObjectEntry] = []
    for entry in statement.entries:
        name = entry.key.literal
        right = _ELEMENTS.get(name.lower(), name) if name is not None else None
        entries.append(entry if right == name else ObjectEntry(text(right or "", entry.key.at), entry.value))
    return ObjectNode(tuple(entries), statement.at, statement.block)


def put(statements: list[Node], added: list[Node]) -> list[Node]:
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
    if isinstance(added, ListNode):
        result, more = statements, list[Node]()
        for statement in added.items:
            result, after = _put_one(result, statement)
            more.extend(after)
        return result, more
    if isinstance(added, Absent):
        return statements, []
    sid = added.get("Sid") if isinstance(added, ObjectNode) else None
    nameless = sid is None or is_null(sid) or known_string(sid) == ""
    if isinstance(added, ObjectNode) and nameless and all(entry.key.literal for entry in added.entries):
        return statements, [added]
    name = known_string(sid) if sid is not None else None
    if name is not None:
        if any(_exactly(old, name) for old in statements):
            return [added if _exactly(old, name) else old for old in statements], []
        return [_unless(old, name, f'"{name}"') for old in statements], [added]
    words = (
        str(sid)
        if isinstance(sid, StringNode)
        else ", ".join(unresolved.expression for unresolved in _holes(sid or added)) or "…"
    )
    return [_unless(old, None, words) for old in statements], [added]


def _put_choice(statements: list[Node], added: Choice) -> tuple[list[Node], list[Node]]:
    outcomes = [(outcome, *_put_one(statements, option)) for outcome, option in added.options]
    result = [
        make_choice(added.condition, [(outcome, replaced[place]) for outcome, replaced, _ in outcomes], added.at)
        for place in range(len(statements))
    ]
    after = [(outcome, _together(more, added.at)) for outcome, _, more in outcomes]
    return result, [make_choice(added.condition, after, added.at)]


def _together(statements: list[Node], at: Position) -> Node:
    if not statements:
        return Absent(at)
    return statements[0] if len(statements) == 1 else ListNode(tuple(statements), at)


def _exactly(statement: Node, name: str) -> bool:
    sid = statement.get("Sid") if isinstance(statement, ObjectNode) else None
    return sid is not None and known_string(sid) == name


def _unless(statement: Node, name: str | None, words: str) -> Node:
    """A statement, gone where one that was put in replaces it. ``name``: the Sid of that one, None if not known."""
    if isinstance(statement, Choice):
        options = [(outcome, _unless(option, name, words)) for outcome, option in statement.options]
        return make_choice(statement.condition, options, statement.at)
    if isinstance(statement, ListNode):
        return ListNode(tuple(_unless(item, name, words) for item in statement.items), statement.at)
    sid = statement.get("Sid") if isinstance(statement, ObjectNode) else None
    if sid is None or known_string(sid) == "":
        return statement
    own = known_string(sid)
    if own is not None and name is not None:
        return statement if own != name else Absent(statement.at)
    replaced = f'{words} replaces the statement "{own if own is not None else sid}"'
    return Choice(replaced, (("true", Absent(statement.at)), ("false", statement)), statement.at)


def _holes(node: Node) -> tuple[Unresolved, ...]:
    return tuple(dict.fromkeys(holes_in(node)))
