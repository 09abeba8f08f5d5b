"""Documents of managed policies that a configuration attaches, or looks up as ``data "aws_iam_policy"`` does, and that
are known from what is around it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from passrole_checks.iam.values.nodes import (
    ListNode,
    Node,
    ObjectNode,
    Position,
    StringNode,
    map_children,
    map_strings,
    moved_to,
    unresolved_in,
)
from passrole_checks.sources.model.configuration import AttachedPolicy, ManagedAttachment

FindDocument = Callable[[StringNode], "tuple[Node, str] | None"]
"""Returns the document of a managed policy by its ARN or name, and its origin in words, "" for the configuration; None
if it is not known."""


def with_documents(policy: AttachedPolicy, find: FindDocument) -> AttachedPolicy:
    """Return a policy with the documents that it looks up, at the positions where it uses them; itself without any."""
    if not any(part.document_of for part in unresolved_in(policy.document)):
        return policy
    return replace(policy, document=_known(policy.document, find))


def attached_documents(
    attachments: Iterable[tuple[ManagedAttachment, AttachedPolicy]], origin: str
) -> Iterator[AttachedPolicy]:
    """Yield managed policies with their documents where the configuration attaches them, as if these stood there.

    ``attachments``: each with its policy, as it is around the configuration; ``origin``: where that is, in words.
    """
    together: dict[tuple[object, ...], tuple[ManagedAttachment, AttachedPolicy, dict[str, None]]] = {}
    for one, policy in attachments:
        key = (policy.resource.address, one.resource, one.path, one.at, one.when)
        together.setdefault(key, (one, policy, {}))[2][one.holder] = None
    for first, policy, holders in together.values():
        defaults = (*first.policy.defaults, f"the policy {policy.name} of {origin}")
        own, value = first.resource.at, first.at  # a variable has its value in another block
        at = value if value.file == own.file and own.covers(value.line) else own
        document = _moved(policy.document, at, defaults)
        yield replace(first.as_policy(document, holders), account_policy=policy.name)


def _known(node: Node, find: FindDocument) -> Node:
    if isinstance(node, StringNode):
        document = _document(node, find)
        return node if document is None else document
    if isinstance(node, ListNode):
        return replace(node, items=tuple(_statements(node, find)))
    return map_children(node, lambda child: _known(child, find))


def _statements(statements: ListNode, find: FindDocument) -> Iterator[Node]:
    """Yield the statements of a document with those of the documents that it contains.

    Of two with one Sid, which one counts depends on their order in the code: such a document stays unknown.
    """
    own = set(_sids(statements.items))
    for item in statements.items:
        document = _document(item, find) if isinstance(item, StringNode) else None
        found = document.get("Statement") if document is not None else None
        parts = found.items if isinstance(found, ListNode) else (found,) if isinstance(found, ObjectNode) else None
        if parts is None or not own.isdisjoint(_sids(parts)):
            yield item
        else:
            yield from parts


def _sids(statements: tuple[Node, ...]) -> Iterator[str]:
    for statement in statements:
        sid = statement.get("Sid") if isinstance(statement, ObjectNode) else None
        if isinstance(sid, StringNode) and sid.literal:
            yield sid.literal


def _document(value: StringNode, find: FindDocument) -> ObjectNode | None:
    """Return the document that a value is; None if the value is anything else, or the policy is not known."""
    part = value.only_unresolved
    found = find(StringNode(part.document_of, value.at)) if part is not None and part.document_of else None
    if found is None:
        return None
    document, origin = found
    moved = _moved(document, value.at, (*value.defaults, *filter(None, [origin])))
    return moved if isinstance(moved, ObjectNode) else None


def _moved(document: Node, at: Position, defaults: tuple[str, ...]) -> Node:
    """Return a document as if it stood at a position; ``defaults``: where its values are from."""
    return moved_to(
        map_strings(document, lambda text: replace(text, starts=(), indent=0, defaults=defaults), keys=True), at
    )
