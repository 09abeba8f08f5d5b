"""Policy documents that are known after apply only.

A policy that refers to a new resource (the ARN of a role to be created) is "known after apply" as a whole. Its
statements are in the plan if it comes from an ``aws_iam_policy_document`` that is read during apply: its planned values
lack the new values only. This module builds the document from them.

The order follows the provider's documentation of ``aws_iam_policy_document``: source documents, the document's own
statements, override documents; a statement replaces an earlier one of the same Sid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passrole_checks.files.decoded_json import as_list, as_object, as_text
from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.values.nodes import ListNode, Node, ObjectNode, Position, StringNode, Unresolved, text
from passrole_checks.sources.collect.handed_out import document_of
from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.model.addresses import without_key
from passrole_checks.sources.terraform_plan.model import DOCUMENT, PlanFile, PlannedResource, module_of
from passrole_checks.sources.terraform_plan.references import (
    BlockInstance,
    PlanReference,
    PlanReferences,
    unknown_part,
    without_index,
)
from passrole_checks.sources.terraform_plan.statements import StatementReader, unknown_element

_MAX_DEPTH = 16
_DEFAULT_VERSION = "2012-10-17"  # the provider's default
_SOURCES = ("source_json", "source_policy_documents")
_OVERRIDES = ("override_json", "override_policy_documents")


class PlanDocuments:
    """Policy documents of one plan."""

    def __init__(self, plan: PlanFile, references: PlanReferences) -> None:
        self.plan, self.references = plan, references

    def resolve_unknown(self, at: Position, references: Sequence[PlanReference], label: str) -> Node:
        """Return a policy that is known after apply: its document if it can be built, else an unresolved value.

        ``label`` names the value if the configuration has no references.
        """
        targets = without_index(references)
        document = self.referenced_document(targets[0], at) if len(targets) == 1 else None
        if document is not None:
            return document
        return StringNode((unknown_part(references, label),), at)

    def referenced_document(self, reference: PlanReference, at: Position, depth: int = 0) -> Node | None:
        """Return the document of a data source whose JSON is referenced; None if it cannot be built."""
        address = reference.resource
        if address is None or depth > _MAX_DEPTH or reference.attribute not in ("json", "minified_json", None):
            return None
        name = address[len(module_of(address)) :].lstrip(".")
        if not name.startswith(f"data.{DOCUMENT}."):
            return None
        if address not in self.plan.reads and address not in self.plan.known_documents:
            instances = self.plan.instances(address)
            if f"{address}{reference.index}" in instances:
                address = f"{address}{reference.index}"
            elif len(instances) == 1:
                address = instances[0]
            elif instances:
                return None  # one of several instances, and unknown which
        if address in self.plan.reads:
            return self._planned_document(self.plan.reads[address], depth)
        if address in self.plan.known_documents:
            return text(self.plan.known_documents[address], at)
        expressions = self.references.expressions(reference.module, name.partition("[")[0])
        if not expressions:
            return None
        owner = self.references.owner(reference.module, without_key(name), name[len(without_key(name)) :])
        return self._configured_document(reference.module, address, expressions, at, owner)

    # -- data source read during apply: values with unknown elements

    def _planned_document(self, data: PlannedResource, depth: int) -> Node:
        name = f"data.{DOCUMENT}.{data.name}"
        written = self.references.expressions(data.module, name) or {}
        owner = self.references.owner(data.module, name, data.index)
        statements: list[Node] = []

        def include(attributes: tuple[str, ...]) -> None:
            for name in attributes:
                self._merge_by_sid(statements, self._included_statements(data, name, written.get(name), owner, depth))

        include(_SOURCES)
        if data.is_unknown("statement"):
            references = self.references.follow(data.module, written.get("statement"), owner)
            self._merge_by_sid(statements, [StringNode((unknown_part(references, f"{name}.statement"),), data.at)])
        else:
            self._merge_by_sid(statements, self._statements(data, written.get("statement"), owner))
        include(_OVERRIDES)
        return document_of(statements, data.at, as_text(data.values.get("version")) or _DEFAULT_VERSION)

    def _statements(self, data: PlannedResource, written: Json, owner: BlockInstance) -> list[Node]:
        values, unknown = as_list(data.values.get("statement")), as_object(data.unknown).get("statement")
        blocks = as_list(written)
        statements: list[Node] = []
        for number, value in enumerate(values):
            at = self.plan.position_of(data, "statement", number)
            missing = unknown_element(unknown, number)
            # blocks from "dynamic" are in the values but not in the configuration
            block = as_object(blocks[number]) if len(blocks) == len(values) else {}
            label = f"{data.address}.statement[{number}]"
            if missing is True or not isinstance(value, dict):
                statements.append(
                    StringNode((unknown_part(self.references.follow(data.module, block, owner), label),), at)
                )
            else:
                reader = StatementReader(self.references, data.module, label, at, owner)
                statements.append(reader.statement(value, missing, block))
        return statements

    def _included_statements(
        self, data: PlannedResource, attribute: str, written: Json, owner: BlockInstance, depth: int
    ) -> list[Node]:
        """Return the statements of the documents in an attribute."""
        value, missing = data.values.get(attribute), as_object(data.unknown).get(attribute)
        if not value and not missing:
            return []
        label = f"{data.address}.{attribute}"
        references = self.references.follow(data.module, written, owner)
        targets = without_index(references)
        at = self.plan.position_of(data, attribute)
        if missing is True and attribute.endswith("_documents"):
            return [StringNode((unknown_part(references, label),), at)]
        values, unknown = (value, missing) if isinstance(value, list) else ([value], [missing])
        unknown_indexes = [number for number, item in enumerate(values) if unknown_element(unknown, number) is True]
        statements: list[Node] = []
        for number, item in enumerate(values):
            document: Node | None = None
            if number in unknown_indexes:
                if len(targets) == len(unknown_indexes):
                    document = self.referenced_document(targets[unknown_indexes.index(number)], at, depth + 1)
                if document is None:
                    statements.append(StringNode((unknown_part(references, label),), at))
                    continue
            elif isinstance(item, str) and item.strip():
                document = text(item, at)
            if document is not None:
                statements.extend(_statements_of(document))
        return statements

    @staticmethod
    def _merge_by_sid(statements: list[Node], more: list[Node]) -> None:
        """Add the statements of a document; each replaces an earlier document's statement of the same Sid."""
        indexes = {sid: index for index, earlier in enumerate(statements) if (sid := _sid(earlier))}
        for statement in more:
            sid = _sid(statement)
            index = indexes.pop(sid, None) if sid else None
            if index is None:
                statements.append(statement)
            else:
                statements[index] = statement

    # -- no values, only the configuration

    def _configured_document(
        self, module: str, label: str, expressions: dict[str, Json], at: Position, owner: BlockInstance
    ) -> Node | None:
        blocks = as_list(expressions.get("statement"))
        if not blocks:
            return None

        def unshown_documents(attributes: tuple[str, ...]) -> Iterator[Node]:
            """Yield the included documents, of which only the references are known, as unresolved values."""
            for attribute in attributes:
                if attribute in expressions:
                    references = self.references.follow(module, expressions[attribute], owner)
                    yield StringNode((unknown_part(references, f"{label}.{attribute}"),), at)

        statements: list[Node] = []
        statements += unshown_documents(_SOURCES)
        for number, block in enumerate(map(as_object, blocks)):
            value = {key: _constant_values(item) for key, item in block.items()}
            missing = {key: _unknown_marks(item) for key, item in block.items()}
            reader = StatementReader(
                self.references, module, f"{label}.statement[{number}]", at, owner, whole_lists=True
            )
            statements.append(reader.statement(value, missing, block))
        statements += unshown_documents(_OVERRIDES)
        return document_of(statements, at, str(_constant_values(expressions.get("version")) or _DEFAULT_VERSION))


def _statements_of(document: Node) -> list[Node]:
    if isinstance(document, StringNode) and document.only_unresolved is None:
        try:
            document = parse_json(document)
        except MalformedDocument as error:
            return [StringNode((Unresolved(str(document)[:60], reason=error.reason),), document.at)]
    if isinstance(document, ObjectNode):
        statement = document.get("Statement")
        if isinstance(statement, ListNode):
            return list(statement.items)
        return [statement] if statement is not None else []
    return [document]


def _sid(statement: Node) -> str | None:
    sid = statement.get("Sid") if isinstance(statement, ObjectNode) else None
    return sid.literal if isinstance(sid, StringNode) else None


def _constant_values(expression: Json) -> Json:
    if isinstance(expression, list):
        return [{key: _constant_values(item) for key, item in as_object(block).items()} for block in expression]
    return as_object(expression).get("constant_value")


def _unknown_marks(expression: Json) -> Json:
    if isinstance(expression, list):
        return [{key: _unknown_marks(item) for key, item in as_object(block).items()} for block in expression]
    return "constant_value" not in as_object(expression)
