"""Search values that leave the configuration for policy documents and for ARNs of AWS managed policies."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator

from passrole_checks.iam.documents.json_document import json_or_none
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Choice, ListNode, Node, ObjectEntry, ObjectNode, Position, StringNode, text
from passrole_checks.iam.values.path_conditions import PathCondition, consistent, extend
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind

MAX_DEPTH = 6  # levels of lists and objects below an argument or a property

AWS_MANAGED = ":iam::aws:policy/"
_MANAGED_ARN = lazy_regex(rf'[^\s"]*{AWS_MANAGED}[^\s"]+')  # the ARN alone, not a document that contains it
_ENCODED_BRACE = ("eyJ", "ewo", "eyA", "ew0")  # the Base64 form of a brace and a quote, line break or blank
_REMOVING = ("detach", "delete", "remove")  # calls of APIs, and the property with the call when a stack is deleted


def is_document(node: Node) -> bool:
    """True if a value, in one of its variants, is a policy document with a readable statement."""
    if isinstance(node, Choice):
        return any(is_document(option) for _, option in node.options)
    if isinstance(node, StringNode):
        if not _mentions(node, '"Statement"'):
            return False
    elif not isinstance(node, ObjectNode) or node.get("Statement") is None:
        return False
    return bool(parse_document(node).statements)


def decode_base64(node: Node) -> Node:
    """Return the JSON text whose Base64 form a string is; any other value as it is."""
    if isinstance(node, Choice):
        return Choice(tuple((outcome, decode_base64(option)) for outcome, option in node.options), node.at)
    encoded = node.literal if isinstance(node, StringNode) else None
    if encoded is None or not encoded.startswith(_ENCODED_BRACE):
        return node
    try:
        return text(b64decode("".join(encoded.split()), validate=True).decode(), node.at)
    except ValueError:
        return node


def document_of(statements: Iterable[Node], at: Position, version: str = "2012-10-17") -> ObjectNode:
    """Return the policy document that a consumer builds from statements."""
    together = ListNode(tuple(statements), at)
    return ObjectNode(
        (ObjectEntry(text("Version", at), text(version, at)), ObjectEntry(text("Statement", at), together)), at
    )


def documents_in_text(node: Node, path: str, depth: int = MAX_DEPTH) -> Iterator[tuple[str, Node]]:
    """Yield the documents in a JSON text, at any depth, each with its path.

    An example is the API call that ``AwsCustomResource`` of the AWS CDK receives.
    """
    if isinstance(node, Choice):
        for outcome, option in node.options:
            for inner, document in documents_in_text(option, path, depth):
                yield inner, Choice(((outcome, document),), node.at)
    elif isinstance(node, StringNode) and depth and _mentions(node, "Statement"):
        decoded = json_or_none(node)
        if decoded is not None:
            yield from _documents_in_value(decoded, path, depth - 1)


def _documents_in_value(value: Node, path: str, depth: int) -> Iterator[tuple[str, Node]]:
    """Yield the documents at or below a decoded JSON value, each with its path."""
    if is_document(value):
        yield path, value
    elif isinstance(value, StringNode):
        yield from documents_in_text(value, path, depth)
    elif isinstance(value, ListNode):
        for number, item in enumerate(value.items):
            yield from _documents_in_value(item, f"{path}/{number}", depth)
    elif isinstance(value, ObjectNode):
        for entry in value.entries:
            yield from _documents_in_value(entry.value, f"{path}/{entry.key}", depth)


def managed_policies_in(
    value: Node, path: str, when: PathCondition = (), depth: int = MAX_DEPTH
) -> Iterator[tuple[str, PathCondition, StringNode]]:
    """Yield the ARNs of AWS managed policies in a value, each with its path and its path condition.

    Permissions boundaries, and calls that detach or delete policies, are left out.
    """
    if "boundary" in path.lower():
        return
    if isinstance(value, StringNode):
        if _MANAGED_ARN.fullmatch("".join(part if isinstance(part, str) else "x" for part in value.parts)):
            yield path, when, value
        elif depth and _mentions(value, AWS_MANAGED) and (decoded := json_or_none(value)) is not None:
            yield from managed_policies_in(decoded, path, when, depth - 1)
    elif depth and isinstance(value, Choice):
        for outcome, option in value.options:
            if consistent(when, outcome):
                yield from managed_policies_in(option, path, extend(when, outcome), depth - 1)
    elif depth and isinstance(value, ListNode):
        for number, item in enumerate(value.items):
            yield from managed_policies_in(item, f"{path}/{number}", when, depth - 1)
    elif depth and isinstance(value, ObjectNode) and not _removes(value):
        for entry in value.entries:
            yield from managed_policies_in(entry.value, f"{path}/{entry.key}", when, depth - 1)


def without_attached(
    handed: Iterable[AttachedPolicy], policies: Iterable[AttachedPolicy], *, by_position: bool = True
) -> Iterator[AttachedPolicy]:
    """Yield the documents that leave the configuration, except those that ``policies`` contain in full.

    Such a document is attached in the configuration as well, and is checked there. ``by_position``: false for a plan,
    which repeats a document wherever it is used.
    """
    pending = list(handed)
    attached = {
        statement
        for policy in (policies if pending else ())
        if policy.handed_to is None and policy.kind in (PolicyKind.IDENTITY, PolicyKind.BOUNDARY)
        for statement in _statements_of(policy, by_position)
    }
    for policy in pending:
        statements = _statements_of(policy, by_position)
        if not statements or not statements <= attached:
            yield policy


def _statements_of(policy: AttachedPolicy, by_position: bool) -> set[tuple[Position | None, tuple[str, ...]]]:
    statements = parse_document(policy.document).statements
    return {(statement.at if by_position else None, statement.identity) for statement in statements}


def _removes(call: ObjectNode) -> bool:
    """True if an object is a call of an API that detaches or deletes a policy."""
    action = call.get("action")
    name = action.literal if isinstance(action, StringNode) else None
    return name is not None and name.lower().startswith(_REMOVING)


def _mentions(node: StringNode, words: str) -> bool:
    return any(isinstance(part, str) and words in part for part in node.parts)
