"""Policy documents and statements.

Grammar: IAM User Guide, "Grammar of the IAM JSON policy language" (reference_policies_grammar): one statement or a list
of them, a scalar or a list in every element. An element twice in a statement is an error, as in IAM ("Individual
elements must not contain multiple instances of the same key"). Alternatives
(:class:`~passrole_checks.iam.values.nodes.Choice`) are expanded here, so that all later stages see statements
without them.
"""

from __future__ import annotations

from functools import lru_cache

from passrole_checks.iam.conditions.passed_to_service import without_positions
from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.documents.variants import statement_variants
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.identity_cache import BoundedCache, by_identity, cached_by_identity
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
    Unresolved,
    strings_in,
    unresolved_in,
)
from passrole_checks.iam.values.path_conditions import PathCondition, conjoin, implies_all
from passrole_checks.iam.values.variants import variants_of

_ELEMENTS = ("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition")


@dataclass(frozen=True, slots=True)
class PolicyError:
    """A part of a document that AWS would reject: its position, and the reason as a phrase."""

    at: Position
    reason: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, under one combination of alternatives.

    ``path`` are the keys from the document to it, joined by ``/``. ``effect`` is ``Allow``, ``Deny``, or None if
    unknown. Exactly one of ``actions``/``not_actions`` and of ``resources``/``not_resources`` is not None.
    ``variables``: ``${aws:...}`` are policy variables (Version 2012-10-17). ``when`` is the path condition of this
    variant. ``whole`` is False if the statement or the document is one single unresolved value. ``block``: the
    statement is a Terraform ``statement`` block.
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
    unresolved_parts: tuple[Unresolved, ...] = ()
    whole: bool = True
    block: bool = False

    @property
    def content(self) -> tuple[object, ...]:
        """All that decides what the statement allows or denies, without positions; hashable."""
        elements = (self.actions, self.not_actions, self.resources, self.not_resources)
        texts = (
            tuple((string.parts, string.optional) for string in strings) if strings is not None else None
            for strings in elements
        )
        return self.effect, *texts, without_positions(self.condition), self.variables, self.when, self.whole

    @property
    def identity(self) -> tuple[str, ...]:
        """The contents of the statement without positions: unchanged if the statement is only moved."""
        elements = self.actions, self.not_actions, self.resources, self.not_resources
        named = zip(("Action", "NotAction", "Resource", "NotResource"), elements, strict=True)
        texts = (f"{name}={value}" for name, strings in named for value in _texts(strings or ()))
        conditions = map(str, strings_in(self.condition)) if self.condition is not None else ()
        return self.sid or "", self.effect or "", *texts, *conditions


@cached_by_identity(64)
def _texts(strings: tuple[StringNode, ...]) -> tuple[str, ...]:
    return tuple(map(str, strings))


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """The statements of a document, and its problems."""

    statements: tuple[Statement, ...]
    problems: tuple[PolicyError, ...]


def parse_document(document: Node, *, trust: bool = False) -> PolicyDocument:
    """Parse a policy document: an object, JSON text, or an unresolved value. Malformed parts become problems, no
    exception.

    ``trust``: the document is a role's trust policy, whose statements name no resource (IAM User Guide, "AWS JSON
    policy elements: Resource") and apply to that role.

    Parts that are malformed only under some path conditions are no problem: such a document cannot be deployed, and
    grants nothing.
    """
    cached = _cache.get((id(document), trust))
    if cached is None:
        cached = _cache[id(document), trust] = (document, _parse(document, trust))
    return cached[1]


# several stages parse the same document; the cache keeps the node whose id is the key
_cache = by_identity(BoundedCache[tuple[int, bool], tuple[Node, PolicyDocument]](2048))
# Far more than any policy that AWS accepts: 32,768 characters for a permission set (IAM Identity Center API Reference,
# PutInlinePolicyToPermissionSet), 10,240 for the others (IAM User Guide, "IAM and AWS STS quotas")
MAX_STATEMENTS = 5_000
MAX_VALUES = 20_000


def _parse(document: Node, trust: bool) -> PolicyDocument:
    reader = _StatementReader(trust)
    problems_by_variant = [
        reader.document(alternative, when)
        for when, alternative in variants_of(document)
        if not isinstance(alternative, Absent)
    ]
    problems = reader.combine_problems(problems_by_variant)
    statements = [statement for statement in reader.statements if not reader.is_broken(statement.when)]
    return PolicyDocument(tuple(statements), tuple(dict.fromkeys(problem for _, problem in problems)))


_Problems = list[tuple[PathCondition, PolicyError]]  # each with its path condition


class _StatementReader:
    """Collects the statements of a document. Each method returns the problems of the part that it reads."""

    def __init__(self, trust: bool) -> None:
        self.trust = trust
        self.statements: list[Statement] = []
        self.broken: list[PathCondition] = []  # path conditions under which the document cannot be deployed

    def combine_problems(self, readings_: list[_Problems]) -> _Problems:
        """Return the problems of several variants of one part: none if at least one variant has none."""
        problems_found = [problem for problems in readings_ for problem in problems]
        if all(readings_):
            return problems_found
        self.broken.extend(when for when, _ in problems_found)
        return []

    def is_broken(self, when: PathCondition) -> bool:
        """True if the document cannot be deployed under ``when``."""
        return any(implies_all(when, broken) for broken in self.broken)

    def document(self, node: Node, when: PathCondition) -> _Problems:
        if isinstance(node, StringNode):
            if node.only_unresolved:
                return self.unknown("", node, when, variables=True)
            if node.literal is not None and not node.literal.strip():
                return []  # empty text is the usual form of "no policy"
            written = node
            try:
                node = parse_json(written)
            except MalformedDocument as error:
                if _starts_unresolved(written):
                    return self.unknown("", written, when, variables=True)
                return [(when, PolicyError(error.at, error.reason))]
        if not isinstance(node, ObjectNode):
            return [(when, PolicyError(node.at, "the policy document is not an object"))]
        for key in ("Version", "Statement"):
            entries = [entry for entry in node.entries if entry.key.literal == key]
            if len(entries) > 1:
                return [(when, PolicyError(entries[1].key.at, f"duplicate {key} in the policy document"))]
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
        problems_by_variant: list[_Problems] = []
        for chosen, alternative in variants_of(node):
            merged = conjoin(when, chosen)
            if merged is None or isinstance(alternative, Absent):
                continue
            if isinstance(alternative, ListNode):
                if len(alternative.items) > MAX_STATEMENTS:
                    reason = f"the policy document contains more than {MAX_STATEMENTS:,} statements"
                    problems_by_variant.append([(merged, PolicyError(alternative.at, reason))])
                    continue
                problems: _Problems = []
                for index, element in enumerate(alternative.items):
                    nested = path if "/" in path else f"{path}/{index}"
                    problems.extend(self.statement_list(element, nested, merged, variables))
                problems_by_variant.append(problems)
            elif isinstance(alternative, StringNode) and alternative.unresolved_parts:
                problems_by_variant.append(self.unknown(path, alternative, merged, variables=variables))
            elif isinstance(alternative, ObjectNode):
                problems_by_variant.append(self.statement(alternative, path, merged, variables))
            else:
                problems_by_variant.append([(merged, PolicyError(alternative.at, "a statement is not an object"))])
        return self.combine_problems(problems_by_variant)

    def statement(self, node: ObjectNode, path: str, when: PathCondition, variables: bool) -> _Problems:
        relevant: list[ObjectEntry] = []
        seen: set[str] = set()
        for entry in node.entries:
            key = entry.key.literal
            if key in _ELEMENTS:
                if key in seen:
                    return [(when, PolicyError(entry.key.at, f"duplicate {key} in a statement"))]
                seen.add(key)
                relevant.append(entry)
            elif key is None:
                relevant.append(entry)
        unknown = [one for one in relevant if one.key.literal is None and not isinstance(one.value, (Absent, Choice))]
        if unknown and _overriding_entries(ObjectNode(tuple(relevant), node.at), unknown[-1]) is None:
            return self.unknown(path, ObjectNode(tuple(unknown), node.at, node.block), when, variables=variables)
        variants = statement_variants(ObjectNode(tuple(relevant), node.at, node.block), when)
        return self.combine_problems(
            [self.variant(alternative, path, chosen, variables) for chosen, alternative in variants]
        )

    def variant(self, node: ObjectNode, path: str, when: PathCondition, variables: bool) -> _Problems:
        unknown = [entry for entry in node.entries if entry.key.literal is None]
        if unknown:
            known = _overriding_entries(node, unknown[-1])
            if known is None:
                return self.unknown(path, node, when, variables=variables)
            node = known
        try:
            self.statements.append(_statement(node, path, when, variables, trust=self.trust))
        except MalformedDocument as error:
            return [(when, PolicyError(error.at, error.reason))]
        return []

    def unknown(self, path: str, node: Node, when: PathCondition, *, variables: bool) -> _Problems:
        """Add a statement (or a whole document) of which only the expression is known."""
        unresolved_parts = tuple(dict.fromkeys(unresolved_in(node))) or (Unresolved("?"),)
        unresolved = StringNode((unresolved_parts[0],), node.at)
        elements = (unresolved,), None, (unresolved,), None, unresolved
        unknown = Statement(path, node.at, None, None, *elements, variables, when, (), unresolved_parts, whole=False)
        self.statements.append(unknown)
        return []


def _overriding_entries(node: ObjectNode, unknown: ObjectEntry) -> ObjectNode | None:
    """Return a statement that has unresolved entries, reduced to the later entries if these override everything
    relevant.

    Unresolved entries can then add only a Condition: AWS rejects an element beside its opposite. None if they can
    change more.
    """
    later = node.entries[node.entries.index(unknown) + 1 :]
    names = {entry.key.literal for entry in later}
    if "Effect" not in names or not names & {"Action", "NotAction"} or not names & {"Resource", "NotResource"}:
        return None
    if "Condition" not in names:
        at = unknown.key.at
        condition = ObjectEntry(StringNode(("Condition",), at), StringNode(unknown.key.unresolved_parts, at))
        later = (*later, condition)
    return ObjectNode(later, node.at, node.block)


def _statement(node: ObjectNode, path: str, when: PathCondition, variables: bool, *, trust: bool = False) -> Statement:
    """Convert an object without alternatives to a statement. Raises MalformedDocument."""
    sid, effect = node.get("Sid"), _effect(node)
    parts = [(entry.key.literal, entry.value) for entry in node.entries]
    # optional elements are not relied on where they narrow: named in a Deny, excluded in an Allow
    sure = ("Action", "Resource") if effect == "Deny" else ("NotAction", "NotResource")
    texts = {key: _strings(node.get(key), key) for key in ("Action", "NotAction", "Resource", "NotResource")}
    if trust and texts["Resource"] is None and texts["NotResource"] is None:
        texts["Resource"] = (StringNode(("*",), node.at),)
    for first, second in (("Action", "NotAction"), ("Resource", "NotResource")):
        present = [key for key in (first, second) if texts[key] is not None]
        if len(present) == 2:
            raise MalformedDocument(node.at, f"a statement contains both {first} and {second}")
        if not present:
            raise MalformedDocument(node.at, f"a statement contains neither {first} nor {second}")
    for key in sure:
        unresolved = texts[key]
        if unresolved is not None:
            texts[key] = tuple(string for string in unresolved if not string.optional)
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
        defaults=tuple(dict.fromkeys(name for string in strings_in(node) for name in string.defaults)),
        unresolved_parts=tuple(
            dict.fromkeys(unresolved for key, value in parts for unresolved in unresolved_in(value) if key != "Sid")
        ),
        block=node.block,
    )


def _effect(node: ObjectNode) -> str | None:
    """Return ``Allow``, ``Deny``, or None if unknown."""
    value = node.get("Effect")
    if value is None or isinstance(value, Absent):
        raise MalformedDocument(node.at, "a statement has no Effect")
    literal = value.literal if isinstance(value, StringNode) else str(getattr(value, "value", "an object"))
    if literal is not None and literal not in ("Allow", "Deny"):
        raise MalformedDocument(value.at, f"Effect is '{literal[:40]}'; it must be Allow or Deny")
    return literal


def _strings(node: Node | None, key: str) -> tuple[StringNode, ...] | None:
    """Return the strings of an element, or None if it is absent."""
    if node is None or isinstance(node, Absent):
        return None
    if isinstance(node, Const) and node.value is None:
        raise MalformedDocument(node.at, f"{key} is null")
    strings: list[StringNode] = []
    pending: list[Node] = [node]  # a stack
    while pending:
        element = pending.pop()
        if len(strings) + len(pending) > MAX_VALUES:
            raise MalformedDocument(node.at, f"{key} contains more than {MAX_VALUES:,} values")
        if isinstance(element, StringNode):
            strings.append(element)
        elif isinstance(element, ListNode):
            pending.extend(reversed(element.items))
        elif isinstance(element, ObjectNode) or (isinstance(element, Const) and element.value is not None):
            raise MalformedDocument(element.at, f"{key} contains a value that is not a string")
    return _shared(tuple(strings))


@lru_cache(maxsize=64)
def _shared(strings: tuple[StringNode, ...]) -> tuple[StringNode, ...]:
    """Return one object for equal lists: instances of a resource name the same roles."""
    return strings


def _condition(node: Node | None) -> Node | None:
    if node is None or isinstance(node, Absent):
        return None
    if isinstance(node, Const) and node.value is None:
        return ObjectNode((), node.at)  # like an empty block: no restriction; its effect in a Deny is unknown
    if isinstance(node, ObjectNode):
        _check_duplicate_operators(node)
        return node
    if isinstance(node, StringNode) and node.unresolved_parts:
        return node
    raise MalformedDocument(node.at, "Condition is not an object")


def _check_duplicate_operators(condition: ObjectNode) -> None:
    """Raise MalformedDocument for a duplicate operator: IAM rejects it, and most JSON parsers keep only the last."""
    seen: set[str] = set()
    for entry in condition.entries:
        operator = entry.key.literal
        if operator is not None and operator in seen:
            raise MalformedDocument(entry.key.at, f"duplicate {operator} in a Condition")
        seen.add(operator or "")


def _starts_unresolved(node: StringNode) -> bool:
    first = next((part for part in node.parts if isinstance(part, Unresolved) or part.strip()), "")
    return isinstance(first, Unresolved)
