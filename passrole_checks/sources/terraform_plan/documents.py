"""Policy documents that a plan does not spell out.

A policy that mentions anything new (the ARN of a role that is about to be created) is "known after apply" as a whole.
Its statements are in the plan all the same: the ``aws_iam_policy_document`` behind it is a data resource whose reading
is planned, and the plan shows its statements with only the new values missing. Here the document is built from them.

The shape follows the provider's documentation of ``aws_iam_policy_document``: sources first, then the document's own
statements, then overrides; a statement replaces an earlier one of the same Sid.
"""

from __future__ import annotations

from collections.abc import Sequence

from passrole_checks.iam.json_document import MalformedDocument, parse_json
from passrole_checks.iam.values import Entry, Hole, Items, Kind, Mapping, Node, Part, Position, Text, join, text
from passrole_checks.sources.json_text import Json
from passrole_checks.sources.terraform_plan.plan_file import (
    DOCUMENT,
    PlanFile,
    PlannedResource,
    as_list,
    as_object,
    as_text,
    module_of,
)
from passrole_checks.sources.terraform_plan.references import Reference, References, without_index

AFTER_APPLY = "known after apply"

_DEPTH = 16
_VERSION = "2012-10-17"  # the provider's default
_LISTS = (
    ("actions", "Action"),
    ("not_actions", "NotAction"),
    ("resources", "Resource"),
    ("not_resources", "NotResource"),
)


class Documents:
    """The policy documents of one plan."""

    def __init__(self, plan: PlanFile, references: References) -> None:
        self.plan, self.references = plan, references

    def unknown(self, at: Position, found: Sequence[Reference], otherwise: str, index: str = "") -> Node:
        """A policy that is known after apply: its document where it can be built, else a hole that names what is
        missing (``otherwise`` where the configuration does not tell). ``index`` is the instance that asks."""
        named = without_index(found)
        document = self.behind(named[0], at, index) if len(named) == 1 else None
        if document is not None:
            return document
        return Text((missing_part(found, otherwise),), at)

    def element(self, found: Sequence[Reference], otherwise: str) -> Hole:
        """One text that is not known until apply. A role's ARN says which role it is, and what is known of its name."""
        if len(found) == 1:
            address, reference = found[0].resource, found[0]
            role = self.plan.resources.get(address) if address is not None else None
            if role is not None and role.type == "aws_iam_role" and reference.attribute == "arn":
                return Hole(reference.text, role=role.address, known=self._arn_of(role), reason=AFTER_APPLY)
        return missing_part(found, otherwise)

    def behind(self, reference: Reference, at: Position, index: str = "", depth: int = 0) -> Node | None:
        """The document that a reference to a data resource's JSON stands for, None where it cannot be built."""
        address = reference.resource
        if address is None or depth > _DEPTH or reference.attribute not in ("json", "minified_json", None):
            return None
        name = address[len(module_of(address)) :].lstrip(".")
        if not name.startswith(f"data.{DOCUMENT}."):
            return None
        known = [*self.plan.reads, *self.plan.known_documents]
        instances = [other for other in known if other == address or other.startswith(f"{address}[")]
        if f"{address}{index}" in instances:
            address = f"{address}{index}"
        elif len(instances) == 1:
            address = instances[0]
        elif instances and address not in instances:
            return None  # one of several instances, and nothing says which
        if address in self.plan.reads:
            return self._planned(self.plan.reads[address], depth)
        if address in self.plan.known_documents:
            return text(self.plan.known_documents[address], at)
        expressions = self.references.expressions(reference.module, name.partition("[")[0])
        return self._configured(reference.module, address, expressions, at) if expressions else None

    def _arn_of(self, role: PlannedResource) -> tuple[Part, ...]:
        """What is known of the ARN of a role that is about to be created."""
        arn = as_text(role.values.get("arn"))
        if arn:
            return (arn,)
        name, prefix = as_text(role.values.get("name")), as_text(role.values.get("name_prefix")) or ""
        path = as_text(role.values.get("path")) or "/"
        given: tuple[Part, ...] = (name,) if name else (prefix, Hole(f"{role.address}.name", Kind.NAME))
        account: Part = Hole("the account id", Kind.ACCOUNT_ID)
        if len(self.plan.accounts) == 1:
            account = next(iter(self.plan.accounts))
        return join(["arn:", Hole("the partition", Kind.PARTITION), ":iam::", account, f":role{path}", *given])

    # -- a data resource whose reading is planned: values with single elements missing

    def _planned(self, data: PlannedResource, depth: int) -> Node:
        name = f"data.{DOCUMENT}.{data.name}"
        written = self.references.expressions(data.module, name) or {}
        statements: list[Node] = []
        for attribute in ("source_json", "source_policy_documents"):
            self._merge(statements, self._included(data, attribute, written.get(attribute), depth))
        if data.is_unknown("statement"):
            found = self.references.follow(data.module, written.get("statement"))
            self._merge(statements, [Text((missing_part(found, f"{name}.statement"),), data.at)])
        else:
            self._merge(statements, self._statements(data, written.get("statement")))
        for attribute in ("override_json", "override_policy_documents"):
            self._merge(statements, self._included(data, attribute, written.get(attribute), depth))
        version = as_text(data.values.get("version")) or _VERSION
        return _document(version, statements, data.at)

    def _statements(self, data: PlannedResource, written: Json) -> list[Node]:
        values, unknown = as_list(data.values.get("statement")), as_object(data.unknown).get("statement")
        blocks = as_list(written)
        statements: list[Node] = []
        for number, value in enumerate(values):
            at = self.plan.position_of(data, "statement", number)
            missing = _at(unknown, number)
            # blocks made by "dynamic" are in the values and not in the configuration
            block = as_object(blocks[number]) if len(blocks) == len(values) else {}
            label = f"{data.address}.statement[{number}]"
            if missing is True or not isinstance(value, dict):
                statements.append(Text((missing_part(self.references.follow(data.module, block), label),), at))
            else:
                reader = _StatementReader(self, data.module, label, at)
                statements.append(reader.statement(value, missing, block))
        return statements

    def _included(self, data: PlannedResource, attribute: str, written: Json, depth: int) -> list[Node]:
        """The statements of the documents that an attribute names."""
        value, missing = data.values.get(attribute), as_object(data.unknown).get(attribute)
        label = f"{data.address}.{attribute}"
        found = self.references.follow(data.module, written)
        at = self.plan.position_of(data, attribute)
        if missing is True and attribute.endswith("_documents"):
            return [Text((missing_part(found, label),), at)]
        values, unknown = (value, missing) if isinstance(value, list) else ([value], [missing])
        lacking = [number for number, item in enumerate(values) if _at(unknown, number) is True]
        statements: list[Node] = []
        for number, item in enumerate(values):
            document: Node | None = None
            if number in lacking:
                if len(found) == len(lacking):
                    document = self.behind(found[lacking.index(number)], at, data.index, depth + 1)
                if document is None:
                    statements.append(Text((missing_part(found, label),), at))
                    continue
            elif isinstance(item, str) and item.strip():
                document = text(item, at)
            if document is not None:
                statements.extend(_statements_of(document))
        return statements

    @staticmethod
    def _merge(statements: list[Node], more: list[Node]) -> None:
        """Add the statements of one document: each takes the place of an earlier document's statement of its Sid."""
        places = {sid: place for place, earlier in enumerate(statements) if (sid := _sid(earlier))}
        for statement in more:
            sid = _sid(statement)
            place = places.pop(sid, None) if sid else None
            if place is None:
                statements.append(statement)
            else:
                statements[place] = statement

    # -- no values at all: only what the configuration says

    def _configured(self, module: str, label: str, expressions: dict[str, Json], at: Position) -> Node | None:
        blocks = as_list(expressions.get("statement"))
        if not blocks:
            return None
        statements: list[Node] = []
        for attribute in ("source_json", "source_policy_documents"):
            if attribute in expressions:
                found = self.references.follow(module, expressions[attribute])
                statements.append(Text((missing_part(found, f"{label}.{attribute}"),), at))
        for number, block in enumerate(map(as_object, blocks)):
            value = {key: _constant(item) for key, item in block.items()}
            missing = {key: _is_missing(item) for key, item in block.items()}
            reader = _StatementReader(self, module, f"{label}.statement[{number}]", at, whole_lists=True)
            statements.append(reader.statement(value, missing, block))
        return _document(str(_constant(expressions.get("version")) or _VERSION), statements, at)


class _StatementReader:
    """One ``statement`` block. ``whole_lists``: of a list only the names are known, not how many elements it has."""

    def __init__(
        self, documents: Documents, module: str, label: str, at: Position, *, whole_lists: bool = False
    ) -> None:
        self.documents, self.module, self.label, self.at = documents, module, label, at
        self.whole_lists = whole_lists

    def statement(self, value: dict[str, Json], missing: Json, block: dict[str, Json]) -> Node:
        unknown = as_object(missing)
        entries: list[tuple[str, Node]] = []
        sid = self.scalar("sid", value, unknown, block)
        if sid is not None and sid.literal != "":
            entries.append(("Sid", sid))
        entries.append(("Effect", self.scalar("effect", value, unknown, block) or text("Allow", self.at)))
        for key in ("principals", "not_principals"):
            principal = self.principals(key, value.get(key), unknown.get(key), block.get(key))
            if principal is not None:
                entries.append(("Principal" if key == "principals" else "NotPrincipal", principal))
        for attribute, element in _LISTS:
            items = self.strings(attribute, value.get(attribute), unknown.get(attribute), block.get(attribute))
            if items is not None:
                entries.append((element, items))
        condition = self.conditions(value.get("condition"), unknown.get("condition"), block.get("condition"))
        if condition is not None:
            entries.append(("Condition", condition))
        return self.mapping(entries)

    def mapping(self, entries: Sequence[tuple[str, Node]]) -> Mapping:
        return Mapping(tuple(Entry(text(key, self.at), node) for key, node in entries), self.at)

    def hole(self, attribute: str, expression: Json) -> Hole:
        found = self.documents.references.follow(self.module, expression)
        return missing_part(found, f"{self.label}.{attribute}")

    def scalar(
        self, attribute: str, value: dict[str, Json], unknown: dict[str, Json], block: dict[str, Json]
    ) -> Text | None:
        if unknown.get(attribute) is True:
            return Text((self.hole(attribute, block.get(attribute)),), self.at)
        known = as_text(value.get(attribute))
        return text(_interpolated(known), self.at) if known is not None else None

    def strings(self, attribute: str, value: Json, unknown: Json, expression: Json) -> Node | None:
        """A list of texts; each missing element is a hole, which names its role where the names tell which it is."""
        found = self.documents.references.follow(self.module, expression)
        label = f"{self.label}.{attribute}"
        if unknown is True:
            holes = [self.documents.element([reference], label) for reference in found]
            if self.whole_lists and holes and all(hole.role for hole in holes):
                return Items(tuple(Text((hole,), self.at) for hole in holes), self.at)
            # the whole list is missing: one role's name in it does not say that nothing else is in it
            return Text((missing_part(found, label),), self.at)
        values = as_list(value)
        lacking = [number for number, item in enumerate(values) if _at(unknown, number) is True or item is None]
        holes = [self.documents.element([reference], label) for reference in found]
        if len(holes) != len(lacking):
            if len(holes) > len(lacking) > 0 and all(hole.role for hole in holes):
                # two unknown elements of a set may be shown as one
                known = [Text((_interpolated(item),), self.at) for item in values if isinstance(item, str)]
                return Items((*known, *(Text((hole,), self.at) for hole in holes)), self.at)
            holes = [missing_part(found, label) for _ in lacking]  # which name is in which element is not told
        items: list[Node] = []
        for number, item in enumerate(values):
            if number in lacking:
                items.append(Text((holes[lacking.index(number)],), self.at))
            elif isinstance(item, str):
                items.append(text(_interpolated(item), self.at))
            else:
                self.documents.plan.complain(f"{label}: an element is no text")
        return Items(tuple(items), self.at) if items else None

    def principals(self, attribute: str, value: Json, unknown: Json, expression: Json) -> Node | None:
        if unknown is True:
            return Text((self.hole(attribute, expression),), self.at)
        entries: list[tuple[str, Node]] = []
        blocks = as_list(expression)
        for number, item in enumerate(map(as_object, as_list(value))):
            block = as_object(blocks[number]) if len(blocks) == len(as_list(value)) else {}
            missing = as_object(_at(unknown, number))
            name = f"{attribute}[{number}].identifiers"
            identifiers = self.strings(
                name, item.get("identifiers"), missing.get("identifiers"), block.get("identifiers")
            )
            kind = as_text(item.get("type"))
            if identifiers is None or kind is None:
                continue
            if kind == "*":
                return text("*", self.at)
            entries.append((kind, identifiers))
        return self.mapping(entries) if entries else None

    def conditions(self, value: Json, unknown: Json, expression: Json) -> Node | None:
        if unknown is True:
            return Text((self.hole("condition", expression),), self.at)
        operators: dict[Text, dict[Text, list[Node]]] = {}
        blocks = as_list(expression)
        for number, item in enumerate(map(as_object, as_list(value))):
            block = as_object(blocks[number]) if len(blocks) == len(as_list(value)) else {}
            missing = as_object(_at(unknown, number))
            label = f"condition[{number}]"
            test = self.scalar("test", item, missing, block) or Text((self.hole(f"{label}.test", None),), self.at)
            key = self.scalar("variable", item, missing, block) or Text(
                (self.hole(f"{label}.variable", None),), self.at
            )
            values = self.strings(f"{label}.values", item.get("values"), missing.get("values"), block.get("values"))
            given = operators.setdefault(test, {}).setdefault(key, [])
            if isinstance(values, Items):
                given.extend(values.items)
            elif values is not None:
                given.append(values)
        if not operators:
            return None
        return Mapping(
            tuple(
                Entry(
                    test,
                    Mapping(tuple(Entry(key, Items(tuple(given), self.at)) for key, given in keys.items()), self.at),
                )
                for test, keys in operators.items()
            ),
            self.at,
        )


def missing_part(found: Sequence[Reference], otherwise: str) -> Hole:
    """A document or a part of one that is not known until apply: the names that it is made from, and no more."""
    return Hole(", ".join(reference.text for reference in found) or otherwise, reason=AFTER_APPLY)


def _document(version: str, statements: list[Node], at: Position) -> Mapping:
    return Mapping(
        (
            Entry(text("Version", at), text(version, at)),
            Entry(text("Statement", at), Items(tuple(statements), at)),
        ),
        at,
    )


def _statements_of(document: Node) -> list[Node]:
    if isinstance(document, Text) and document.only_hole is None:
        try:
            document = parse_json(document)
        except MalformedDocument as error:
            return [Text((Hole(str(document)[:60], reason=error.reason),), document.at)]
    if isinstance(document, Mapping):
        statement = document.get("Statement")
        if isinstance(statement, Items):
            return list(statement.items)
        return [statement] if statement is not None else []
    return [document]


def _sid(statement: Node) -> str | None:
    sid = statement.get("Sid") if isinstance(statement, Mapping) else None
    return sid.literal if isinstance(sid, Text) else None


def _interpolated(value: str) -> str:
    """``&{aws:username}`` is how the data resource spells the policy variable ``${aws:username}``."""
    return value.replace("&{", "${")


def _at(unknown: Json, number: int) -> Json:
    """What a mirror of shapes says of one element of a list."""
    if isinstance(unknown, list):
        return unknown[number] if number < len(unknown) else False
    return unknown is True


def _constant(expression: Json) -> Json:
    if isinstance(expression, list):
        return [{key: _constant(item) for key, item in as_object(block).items()} for block in expression]
    return as_object(expression).get("constant_value")


def _is_missing(expression: Json) -> Json:
    if isinstance(expression, list):
        return [{key: _is_missing(item) for key, item in as_object(block).items()} for block in expression]
    return "constant_value" not in as_object(expression)
