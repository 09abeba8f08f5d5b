"""Policy documents and statements.

Grammar: IAM User Guide, "Grammar of the IAM JSON policy language" (reference_policies_grammar): one statement or a list
of them, a scalar or a list in every element. Alternatives (:class:`~passrole_checks.iam.partial_values.Choice`) are
expanded here, so that everything behind this room sees statements without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from passrole_checks.iam.conditions.passed_to_service import words_of
from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.documents.variants import readings
from passrole_checks.iam.partial_values import (
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
    holes_in,
    texts_in,
)
from passrole_checks.iam.path_conditions import PathCondition, conjoin, consistent, extend, implies

_ELEMENTS = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")


@dataclass(frozen=True, slots=True)
class PolicyError:
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
    document is one hole, of which nothing is known. ``block``: it is written in the words of Terraform's ``statement``
    blocks.
    """

    path: str
    at: Position
    sid: str | None
    effect: str | None
    actions: tuple[StringNode, ...] | None
    not_actions: tuple[StringNode, ...] | None
    resources: tuple[StringNode, ...] | None
    not_resources: tuple[StringNode, ...] | None
    condition: Node | None
    variables: bool
    when: PathCondition = ()
    defaults: tuple[str, ...] = ()
    holes: tuple[Unresolved, ...] = ()
    whole: bool = True
    block: bool = False

    @property
    def content(self) -> tuple[object, ...]:
        """All that decides what the statement allows or denies and how that is said, without places."""
        elements = (self.actions, self.not_actions, self.resources, self.not_resources)
        texts = (tuple((one.parts, one.optional) for one in item) if item is not None else None for item in elements)
        return self.effect, *texts, words_of(self.condition), self.variables, self.when, self.whole

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
    problems: tuple[PolicyError, ...]


def parse_document(document: Node, *, trust: bool = False) -> PolicyDocument:
    """Read a policy document: an object, a JSON text, or a hole. What is malformed becomes a problem, never a crash.

    ``trust``: it is the trust policy of a role, whose statements name no resource (IAM User Guide, "AWS JSON policy
    elements: Resource") and speak of that role.

    What is malformed under some outcomes of unknown conditions only is none: such a document cannot be deployed, and
    grants nothing.
    """
    known = _remembered.get((id(document), trust))
    if known is None:
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        known = _remembered[id(document), trust] = (document, _parsed(document, trust))
    return known[1]


# a document is read by those who judge it, and by those who look at all that its holders have; it is kept with its id
_remembered: dict[tuple[int, bool], tuple[Node, PolicyDocument]] = {}
_MOST_REMEMBERED = 2048
# Far more than in any policy that AWS takes: of a permission set 32,768 characters (IAM Identity Center API Reference,
# PutInlinePolicyToPermissionSet), of the others 10,240 (IAM User Guide, "IAM and AWS STS quotas")
MAX_STATEMENTS = 5_000
MAX_VALUES = 20_000


def _parsed(document: Node, trust: bool) -> PolicyDocument:
    reader = _Reader(trust)
    found = [
        reader.document(alternative, when) for when, alternative in alternatives_of(document) if _there(alternative)
    ]
    problems = reader.in_all(found)
    statements = [one for one in reader.statements if not reader.cannot_be(one.when)]
    return PolicyDocument(tuple(statements), tuple(dict.fromkeys(problem for _, problem in problems)))


def alternatives_of(node: Node) -> Iterator[tuple[PathCondition, Node]]:
    """The readings of a node whose outermost layer is a choice; a node that is none has one."""
    pending: list[tuple[PathCondition, Node]] = [((), node)]
    while pending:
        when, current = pending.pop(0)
        if not isinstance(current, Choice):
            yield when, current
            continue
        pending[:0] = [
            (extend(when, current.condition, outcome), option)
            for outcome, option in current.options
            if consistent(when, current.condition, outcome)
        ]


_Problems = list[tuple[PathCondition, PolicyError]]  # each with the facts under which it is there


class _Reader:
    """Collects the statements of a document. What reads a part of it returns the problems that it has."""

    def __init__(self, trust: bool) -> None:
        self.trust = trust
        self.statements: list[Statement] = []
        self.broken: list[PathCondition] = []  # the facts under which the document cannot be deployed

    def in_all(self, readings_: list[_Problems]) -> _Problems:
        """The problems of several readings of one part: none as long as one of them can be deployed."""
        found = [one for problems in readings_ for one in problems]
        if all(readings_):
            return found
        self.broken.extend(when for when, _ in found)
        return []

    def cannot_be(self, when: PathCondition) -> bool:
        """Whether the document cannot be deployed where these facts hold."""
        return any(all(implies(when, fact) for fact in broken) for broken in self.broken)

    def document(self, node: Node, when: PathCondition) -> _Problems:
        if isinstance(node, StringNode):
            if node.only_hole:
                return self.unknown("", node, when, variables=True)
            if node.literal is not None and not node.literal.strip():
                return []  # an empty text is how "no policy" is written
            written = node
            try:
                node = parse_json(written)
            except MalformedDocument as error:
                if _starts_with_hole(written):
                    return self.unknown("", written, when, variables=True)
                return [(when, PolicyError(error.at, error.reason))]
        if not isinstance(node, ObjectNode):
            return [(when, PolicyError(node.at, "the policy document is not an object"))]
        for key in ("Version", "Statement"):
            given = [entry for entry in node.entries if entry.key.literal == key]
            if len(given) > 1:
                return [(when, PolicyError(given[1].key.at, f"{key} is given twice in one policy document"))]
        version = node.get("Version")
        literal = version.literal if isinstance(version, StringNode) else None
        known = version is None or literal is not None
        variables = literal == "2012-10-17" or not known
        statement = node.get("Statement")
        if statement is not None:
            return self.statement_list(statement, "Statement", when, variables)
        unknown = next((entry.value for entry in node.entries if entry.key.literal is None), None)
        if unknown is not None:
            return self.unknown("Statement", unknown, when, variables=variables)
        return [(when, PolicyError(node.at, "the policy document has no Statement"))] if node.entries else []

    def statement_list(self, node: Node, path: str, when: PathCondition, variables: bool) -> _Problems:
        found: list[_Problems] = []
        for chosen, alternative in alternatives_of(node):
            merged = conjoin(when, chosen)
            if merged is None or not _there(alternative):
                continue
            if isinstance(alternative, ListNode):
                if len(alternative.items) > MAX_STATEMENTS:
                    reason = f"the policy document holds more than {MAX_STATEMENTS:,} statements, which no policy can"
                    found.append([(merged, PolicyError(alternative.at, reason))])
                    continue
                problems: _Problems = []
                for index, item in enumerate(alternative.items):
                    nested = path if _inside_list(path) else f"{path}/{index}"
                    problems.extend(self.statement_list(item, nested, merged, variables))
                found.append(problems)
            elif isinstance(alternative, StringNode) and alternative.holes:
                found.append(self.unknown(path, alternative, merged, variables=variables))
            elif isinstance(alternative, ObjectNode):
                found.append(self.statement(alternative, path, merged, variables))
            else:
                found.append([(merged, PolicyError(alternative.at, "a statement is not an object"))])
        return self.in_all(found)

    def statement(self, node: ObjectNode, path: str, when: PathCondition, variables: bool) -> _Problems:
        relevant: list[ObjectEntry] = []
        seen: set[str] = set()
        for entry in node.entries:
            key = entry.key.literal
            if key in _ELEMENTS:
                if key in seen:
                    return [(when, PolicyError(entry.key.at, f"{key} is given twice in one statement"))]
                seen.add(key)
                relevant.append(entry)
            elif key is None:
                relevant.append(entry)
        unknown = [one for one in relevant if one.key.literal is None and not isinstance(one.value, (Absent, Choice))]
        if unknown and _behind(ObjectNode(tuple(relevant), node.at), unknown[-1]) is None:
            return self.unknown(path, ObjectNode(tuple(unknown), node.at, node.block), when, variables=variables)
        variants = readings(ObjectNode(tuple(relevant), node.at, node.block), when)
        return self.in_all([self.variant(alternative, path, chosen, variables) for chosen, alternative in variants])

    def variant(self, node: ObjectNode, path: str, when: PathCondition, variables: bool) -> _Problems:
        unknown = [entry for entry in node.entries if entry.key.literal is None]
        if unknown:
            known = _behind(node, unknown[-1])
            if known is None:
                return self.unknown(path, node, when, variables=variables)
            node = known
        try:
            self.statements.append(_statement(node, path, when, variables, trust=self.trust))
        except MalformedDocument as error:
            return [(when, PolicyError(error.at, error.reason))]
        return []

    def unknown(self, path: str, node: Node, when: PathCondition, *, variables: bool) -> _Problems:
        """A statement, or a whole document, of which nothing is known but its expression."""
        holes = tuple(dict.fromkeys(holes_in(node))) or (Unresolved("?"),)
        hole = StringNode((holes[0],), node.at)
        self.statements.append(
            Statement(
                path, node.at, None, None, (hole,), None, (hole,), None, hole, variables, when, (), holes, whole=False
            )
        )
        return []


def _behind(node: ObjectNode, unknown: ObjectEntry) -> ObjectNode | None:
    """A statement that has unknown elements, of which the later ones say all that these may not change.

    What these may add is a Condition: AWS refuses an element beside its opposite. None where they may be anything else.
    """
    later = node.entries[node.entries.index(unknown) + 1 :]
    names = {entry.key.literal for entry in later}
    if "Effect" not in names or not names & {"Action", "NotAction"} or not names & {"Resource", "NotResource"}:
        return None
    if "Condition" not in names:
        later = (
            *later,
            ObjectEntry(StringNode(("Condition",), unknown.key.at), StringNode(unknown.key.holes, unknown.key.at)),
        )
    return ObjectNode(later, node.at, node.block)


def _there(node: Node) -> bool:
    return not isinstance(node, Absent)


def _statement(node: ObjectNode, path: str, when: PathCondition, variables: bool, *, trust: bool = False) -> Statement:
    """A statement without alternatives. Raises MalformedDocument."""
    sid, effect = node.get("Sid"), _effect(node)
    parts = [(entry.key.literal, entry.value) for entry in node.entries]
    # what may not be there is not relied on where it narrows: in what a Deny names, in what an Allow leaves out
    sure = ("Action", "Resource") if effect == "Deny" else ("NotAction", "NotResource")
    texts = {key: _texts(node.get(key), key) for key in ("Action", "NotAction", "Resource", "NotResource")}
    if trust and texts["Resource"] is None and texts["NotResource"] is None:
        texts["Resource"] = (StringNode(("*",), node.at),)
    for first, second in (("Action", "NotAction"), ("Resource", "NotResource")):
        conjoin = [key for key in (first, second) if texts[key] is not None]
        if len(conjoin) == 2:
            raise MalformedDocument(node.at, f"a statement holds {first} and {second}, which AWS refuses")
        if not conjoin:
            raise MalformedDocument(node.at, f"a statement holds neither {first} nor {second}")
    for key in sure:
        found = texts[key]
        if found is not None:
            texts[key] = tuple(item for item in found if not item.optional)
    return Statement(
        path=path,
        at=node.at,
        sid=(str(sid) or None) if isinstance(sid, StringNode) else None,
        effect=effect,
        actions=texts["Action"],
        not_actions=texts["NotAction"],
        resources=texts["Resource"],
        not_resources=texts["NotResource"],
        condition=_condition(node.get("Condition")),
        variables=variables,
        when=when,
        defaults=tuple(dict.fromkeys(name for item in texts_in(node) for name in item.defaults)),
        holes=tuple(dict.fromkeys(found for key, value in parts for found in holes_in(value) if key != "Sid")),
        block=node.block,
    )


def _effect(node: ObjectNode) -> str | None:
    """``Allow``, ``Deny``, or None where it cannot be told."""
    value = node.get("Effect")
    if value is None or isinstance(value, Absent):
        raise MalformedDocument(node.at, "a statement has no Effect")
    literal = value.literal if isinstance(value, StringNode) else str(getattr(value, "value", "an object"))
    if literal is not None and literal not in ("Allow", "Deny"):
        raise MalformedDocument(value.at, f"Effect is '{literal[:40]}'; it must be Allow or Deny")
    return literal


def _texts(node: Node | None, key: str) -> tuple[StringNode, ...] | None:
    """The strings of an element, or None where it is absent."""
    if node is None or isinstance(node, Absent):
        return None
    if isinstance(node, Const) and node.value is None:
        raise MalformedDocument(node.at, f"{key} is null")
    found: list[StringNode] = []
    pending: list[Node] = [node]  # the next one last
    while pending:
        item = pending.pop()
        if len(found) + len(pending) > MAX_VALUES:
            raise MalformedDocument(node.at, f"{key} holds more than {MAX_VALUES:,} values, which no policy can")
        if isinstance(item, StringNode):
            found.append(item)
        elif isinstance(item, ListNode):
            pending.extend(reversed(item.items))
        elif isinstance(item, ObjectNode) or (isinstance(item, Const) and item.value is not None):
            raise MalformedDocument(item.at, f"{key} holds something that is not a string")
    return tuple(found)


def _condition(node: Node | None) -> Node | None:
    if node is None or isinstance(node, Absent):
        return None
    if isinstance(node, Const) and node.value is None:
        return ObjectNode((), node.at)  # like an empty block: it limits nothing, and what it does to a Deny is open
    if isinstance(node, ObjectNode):
        _no_operator_twice(node)
        return node
    if isinstance(node, StringNode) and node.holes:
        return node
    raise MalformedDocument(node.at, "Condition is not an object")


def _no_operator_twice(condition: ObjectNode) -> None:
    """Raises MalformedDocument: IAM refuses it, and readers of JSON that do not keep the last of the two only."""
    seen: set[str] = set()
    for entry in condition.entries:
        operator = entry.key.literal
        if operator is not None and operator in seen:
            raise MalformedDocument(entry.key.at, f"{operator} is given twice in one Condition")
        seen.add(operator or "")


def _inside_list(path: str) -> bool:
    return path.count("/") > 0


def _starts_with_hole(node: StringNode) -> bool:
    first = next((part for part in node.parts if isinstance(part, Unresolved) or part.strip()), "")
    return isinstance(first, Unresolved)
