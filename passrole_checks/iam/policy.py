"""Policy documents and statements.

Grammar: IAM User Guide, "Grammar of the IAM JSON policy language" (reference_policies_grammar): one statement or a
list of them, a scalar or a list in every element. Alternatives (:class:`~passrole_checks.iam.values.Choice`) are
expanded here, so that everything behind this room sees statements without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from passrole_checks.iam.json_document import MalformedDocument, parse_json
from passrole_checks.iam.outcomes import When, added, both, consistent
from passrole_checks.iam.readings import readings
from passrole_checks.iam.values import (
    Absent,
    Choice,
    Const,
    Entry,
    Hole,
    Items,
    Mapping,
    Node,
    Position,
    Text,
    holes_in,
    texts_in,
)

_ELEMENTS = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a document that AWS would refuse: the place, and a phrase that says what."""

    at: Position
    reason: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, under one combination of alternatives.

    ``path`` are the keys from the document to it, joined by ``/``. ``effect`` is ``Allow``, ``Deny`` or None where it
    cannot be told. Of ``actions``/``not_actions`` and of ``resources``/``not_resources`` exactly one is not None.
    ``variables``: whether ``${aws:...}`` are policy variables here (Version 2012-10-17). ``when`` names the outcomes
    of unknown conditions under which the statement reads like this. ``whole`` is False where the statement or the
    document is one hole, of which nothing is known.
    """

    path: str
    at: Position
    sid: str | None
    effect: str | None
    actions: tuple[Text, ...] | None
    not_actions: tuple[Text, ...] | None
    resources: tuple[Text, ...] | None
    not_resources: tuple[Text, ...] | None
    condition: Node | None
    variables: bool
    when: When = ()
    defaults: tuple[str, ...] = ()
    holes: tuple[Hole, ...] = ()
    whole: bool = True

    @property
    def identity(self) -> tuple[str, ...]:
        """What the statement says, without places: the same for a statement that was only moved."""
        return (
            self.sid or "",
            self.effect or "",
            *(
                f"{name}={value}"
                for name, texts in (
                    ("Action", self.actions),
                    ("NotAction", self.not_actions),
                    ("Resource", self.resources),
                    ("NotResource", self.not_resources),
                )
                for value in texts or ()
            ),
            *(map(str, texts_in(self.condition)) if self.condition is not None else ()),
        )


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """The statements of a document, and what is wrong with it."""

    statements: tuple[Statement, ...]
    problems: tuple[Problem, ...]


def parse_document(document: Node) -> PolicyDocument:
    """Read a policy document: an object, a JSON text, or a hole. What is malformed becomes a problem, never a crash."""
    reader = _Reader()
    for when, alternative in alternatives_of(document):
        reader.document(alternative, when)
    return PolicyDocument(tuple(reader.statements), tuple(dict.fromkeys(reader.problems)))


def alternatives_of(node: Node) -> Iterator[tuple[When, Node]]:
    """The readings of a node whose outermost layer is a choice; a node that is none has one."""
    pending: list[tuple[When, Node]] = [((), node)]
    while pending:
        when, current = pending.pop(0)
        if not isinstance(current, Choice):
            yield when, current
            continue
        pending[:0] = [
            (added(when, current.condition, outcome), option)
            for outcome, option in current.options
            if consistent(when, current.condition, outcome)
        ]


class _Reader:
    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.problems: list[Problem] = []

    def document(self, node: Node, when: When) -> None:
        if isinstance(node, Absent):
            return
        if isinstance(node, Text):
            if node.only_hole:
                self.unknown("", node, when, variables=True)
                return
            if node.literal is not None and not node.literal.strip():
                return  # an empty text is how "no policy" is written
            written = node
            try:
                node = parse_json(written)
            except MalformedDocument as error:
                if _starts_with_hole(written):
                    self.unknown("", written, when, variables=True)
                else:
                    self.problems.append(Problem(error.at, error.reason))
                return
        if not isinstance(node, Mapping):
            self.problems.append(Problem(node.at, "the policy document is not an object"))
            return
        for key in ("Version", "Statement"):
            given = [entry for entry in node.entries if entry.key.literal == key]
            if len(given) > 1:
                self.problems.append(Problem(given[1].key.at, f"{key} is given twice in one policy document"))
                return
        version = node.get("Version")
        literal = version.literal if isinstance(version, Text) else None
        known = version is None or literal is not None
        variables = literal == "2012-10-17" or not known
        statement = node.get("Statement")
        if statement is None:
            unknown = next((entry.value for entry in node.entries if entry.key.literal is None), None)
            if unknown is not None:
                self.unknown("Statement", unknown, when, variables=variables)
            elif node.entries:
                self.problems.append(Problem(node.at, "the policy document has no Statement"))
            return
        self.statement_list(statement, "Statement", when, variables)

    def statement_list(self, node: Node, path: str, when: When, variables: bool) -> None:
        for chosen, alternative in alternatives_of(node):
            merged = both(when, chosen)
            if merged is None or isinstance(alternative, Absent):
                continue
            if isinstance(alternative, Items):
                for index, item in enumerate(alternative.items):
                    nested = path if _inside_list(path) else f"{path}/{index}"
                    self.statement_list(item, nested, merged, variables)
            elif isinstance(alternative, Text) and alternative.holes:
                self.unknown(path, alternative, merged, variables=variables)
            elif isinstance(alternative, Mapping):
                self.statement(alternative, path, merged, variables)
            else:
                self.problems.append(Problem(alternative.at, "a statement is not an object"))

    def statement(self, node: Mapping, path: str, when: When, variables: bool) -> None:
        relevant: list[Entry] = []
        seen: set[str] = set()
        for entry in node.entries:
            key = entry.key.literal
            if key in _ELEMENTS:
                if key in seen:
                    self.problems.append(Problem(entry.key.at, f"{key} is given twice in one statement"))
                    return
                seen.add(key)
                relevant.append(entry)
            elif key is None:
                relevant.append(entry)
        for chosen, alternative in readings(Mapping(tuple(relevant), node.at), when):
            self.variant(alternative, path, chosen, variables)

    def variant(self, node: Mapping, path: str, when: When, variables: bool) -> None:
        if any(entry.key.literal is None for entry in node.entries):
            self.unknown(path, node, when, variables=variables)
            return
        try:
            self.statements.append(_statement(node, path, when, variables))
        except MalformedDocument as error:
            self.problems.append(Problem(error.at, error.reason))

    def unknown(self, path: str, node: Node, when: When, *, variables: bool) -> None:
        """A statement, or a whole document, of which nothing is known but its expression."""
        holes = tuple(dict.fromkeys(holes_in(node))) or (Hole("?"),)
        hole = Text((holes[0],), node.at)
        self.statements.append(
            Statement(
                path, node.at, None, None, (hole,), None, (hole,), None, hole, variables, when, (), holes, whole=False
            )
        )


def _statement(node: Mapping, path: str, when: When, variables: bool) -> Statement:
    """A statement without alternatives. Raises MalformedDocument."""
    sid, effect = node.get("Sid"), _effect(node)
    # what may not be there is not relied on where it narrows: in what a Deny names, in what an Allow leaves out
    sure = ("Action", "Resource") if effect == "Deny" else ("NotAction", "NotResource")
    texts = {key: _texts(node.get(key), key) for key in ("Action", "NotAction", "Resource", "NotResource")}
    for first, second in (("Action", "NotAction"), ("Resource", "NotResource")):
        both = [key for key in (first, second) if texts[key] is not None]
        if len(both) == 2:
            raise MalformedDocument(node.at, f"a statement holds {first} and {second}, which AWS refuses")
        if not both:
            raise MalformedDocument(node.at, f"a statement holds neither {first} nor {second}")
    for key in sure:
        found = texts[key]
        if found is not None:
            texts[key] = tuple(item for item in found if not item.optional)
    return Statement(
        path=path,
        at=node.at,
        sid=(str(sid) or None) if isinstance(sid, Text) else None,
        effect=effect,
        actions=texts["Action"],
        not_actions=texts["NotAction"],
        resources=texts["Resource"],
        not_resources=texts["NotResource"],
        condition=_condition(node.get("Condition")),
        variables=variables,
        when=when,
        defaults=tuple(dict.fromkeys(name for item in texts_in(node) for name in item.defaults)),
        holes=tuple(dict.fromkeys(holes_in(node))),
    )


def _effect(node: Mapping) -> str | None:
    """``Allow``, ``Deny``, or None where it cannot be told."""
    value = node.get("Effect")
    if value is None or isinstance(value, Absent):
        raise MalformedDocument(node.at, "a statement has no Effect")
    literal = value.literal if isinstance(value, Text) else str(getattr(value, "value", "an object"))
    if literal is not None and literal not in ("Allow", "Deny"):
        raise MalformedDocument(value.at, f"Effect is '{literal[:40]}'; it must be Allow or Deny")
    return literal


def _texts(node: Node | None, key: str) -> tuple[Text, ...] | None:
    """The strings of an element, or None where it is absent."""
    if node is None or isinstance(node, Absent):
        return None
    found: list[Text] = []
    pending: list[Node] = [node]
    while pending:
        item = pending.pop(0)
        if isinstance(item, Text):
            found.append(item)
        elif isinstance(item, Items):
            pending[:0] = item.items
        elif isinstance(item, Mapping) or (isinstance(item, Const) and item.value is not None):
            raise MalformedDocument(item.at, f"{key} holds something that is not a string")
    return tuple(found)


def _condition(node: Node | None) -> Node | None:
    if node is None or isinstance(node, Absent):
        return None
    if isinstance(node, Const) and node.value is None:
        return Mapping((), node.at)  # like an empty block: it limits nothing, and what it does to a Deny is open
    if isinstance(node, Mapping) or (isinstance(node, Text) and node.holes):
        return node
    raise MalformedDocument(node.at, "Condition is not an object")


def _inside_list(path: str) -> bool:
    return path.count("/") > 0


def _starts_with_hole(node: Text) -> bool:
    first = next((part for part in node.parts if isinstance(part, Hole) or part.strip()), "")
    return isinstance(first, Hole)
