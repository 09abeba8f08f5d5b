"""Permissions boundaries that a policy document requires (condition key ``iam:PermissionsBoundary``)."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.partial_values import Node, ObjectNode, StringNode, nodes_in, strings_in

BOUNDARY_KEY = "iam:permissionsboundary"
"""The condition key in lower case."""


def demanded_boundaries(document: Node) -> Iterator[StringNode]:
    """Yield the ARNs that a document requires as a boundary, in any alternative; none for invalid JSON."""
    if isinstance(document, StringNode):
        if BOUNDARY_KEY not in str(document).lower():
            return
        try:
            document = parse_json(document)
        except MalformedDocument:
            return
    for node in nodes_in(document):
        for entry in node.entries if isinstance(node, ObjectNode) else ():
            if (entry.key.literal or "").lower() == BOUNDARY_KEY:
                yield from strings_in(entry.value)
