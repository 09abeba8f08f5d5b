"""Blocks that declare or attach a policy that may allow PassRole, and that have no instance with the known values.

Source: Terraform language documentation, "The count Meta-Argument", "The for_each Meta-Argument" and "dynamic Blocks".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from passrole_checks.iam.values.nodes import Node, unresolved
from passrole_checks.sources.collect.handed_out import document_of, pass_role_statements
from passrole_checks.sources.collect.terraform_tables import (
    ATTACHMENTS,
    IDENTITY_POLICIES,
    NESTED_POLICIES,
    OWN_ATTACHMENTS,
)
from passrole_checks.sources.model.configuration import NoteKind, Unreadable
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.to_plain import to_document
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.text_search import reference_names
from passrole_checks.sources.terraform.policies.unknown_resources import DOCUMENT
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.blocks import each_object, expand_dynamic, iterator_name
from passrole_checks.sources.terraform.resources.data_document import build_document, build_statement

_TYPES = frozenset({*IDENTITY_POLICIES, *NESTED_POLICIES, *ATTACHMENTS, *OWN_ATTACHMENTS})
_Place = tuple[str, int]


def blocks_without_instance(
    root: Module, granted_by: Callable[[Module, Block], tuple[str, ...]]
) -> Iterator[Unreadable]:
    """Yield a note on each resource, and each ``dynamic`` block of a policy, without an instance.

    There is none if another call of its module has an instance. ``granted_by``: the statements that may allow PassRole
    in the policies that a resource block declares or attaches.
    """
    notes: dict[_Place, Unreadable | None] = {}
    existing: set[_Place] = set()
    absent: dict[_Place, list[tuple[Module, Block]]] = {}  # what they may grant is evaluated last, if at all
    for module in root.walk():
        for block in module.folder.resources:
            if block.labels[0] not in _TYPES:
                continue
            place = block.source.file, block.span.line
            if module.instances(block).items:
                existing.add(place)
                for type_ in NESTED_POLICIES.get(block.labels[0], ())[:1]:
                    _note_dynamic(module, block, type_, notes, existing)
            else:
                notes.setdefault(place)
                absent.setdefault(place, []).append((module, block))
        for block in module.folder.data:
            if block.labels[0] == DOCUMENT and module.possible_instances(block)[1]:
                _note_dynamic(module, block, "statement", notes, existing)
    for place, note in notes.items():
        if place in existing:
            continue
        if note is not None:
            yield note
        calls = absent.get(place, [])
        content = tuple(dict.fromkeys(text for module, block in calls for text in granted_by(module, block)))
        if content:
            module, block = calls[0]
            yield _note(block.address, block, module.instance_count_text(block), content)


def documents_without_instance(module: Module, block: Block, path: str) -> list[Node]:
    """Return the policy documents of the data sources that an argument refers to, if none of these has an instance."""
    argument = block.body.get(path)
    references_ = reference_names(argument.source_bytes) if argument is not None else ()
    names = [name.second for name in references_ if name.is_data and name.first == DOCUMENT]
    documents = [document for name in names if (document := module.folder.data_source(DOCUMENT, name)) is not None]
    if any(module.instances(document).items for document in documents):
        return []
    return [build_document(document, module.instance_scope(document, None)) for document in documents]


def _note_dynamic(
    module: Module, block: Block, type_: str, notes: dict[_Place, Unreadable | None], existing: set[_Place]
) -> None:
    """Add a note on each ``dynamic`` block of a type that generates no block."""
    if block.source_bytes is not None and b"dynamic" not in block.source_bytes:
        return
    for inner in block.body.all("dynamic"):
        if inner.labels[:1] != (type_,):
            continue
        place = inner.source.file, inner.span.line
        scope = module.instance_scope(block, None).in_source(inner.source)
        if any(True for _ in expand_dynamic(inner, scope)):
            existing.add(place)
        elif place not in notes and (content := tuple(_generated_statements(inner, type_, scope))):
            for_each = inner.body.get("for_each")
            text = scope.source_text(for_each.value.span) if for_each is not None else ""
            notes[place] = _note(f'{block.address}: dynamic "{type_}"', inner, f"for_each = {text}", content)


def _generated_statements(block: Block, type_: str, scope: EvaluationScope) -> Iterator[str]:
    """Yield the statements of a ``dynamic`` block, with an unknown element, that may allow PassRole."""
    at = scope.position(block.span)
    name = iterator_name(block)
    element = each_object(unresolved(f"{name}.key", at), unresolved(f"{name}.value", at), at)
    inner = scope.with_variables({name: element}, {})
    for content in block.body.all("content"):
        if type_ == "statement":
            yield from pass_role_statements(document_of([build_statement(content, inner)], at))
        elif (value := references.value_of(content, "policy", inner)) is not None:
            yield from pass_role_statements(to_document(value))


def _note(address: str, block: Block, count: str, content: tuple[str, ...]) -> Unreadable:
    reason = f"{address} has no instance ({count})"
    return Unreadable(block.source.file, reason, block.span.line, kind=NoteKind.NO_INSTANCE, content=content)
