"""Which services a role's trust policy lets assume it."""

from __future__ import annotations

from dataclasses import dataclass

from passrole_checks.iam import action
from passrole_checks.iam.json_document import MalformedDocument, parse_json
from passrole_checks.iam.policy import alternatives_of
from passrole_checks.iam.values import Items, Mapping, Node, Text, Tri


@dataclass(frozen=True, slots=True)
class KnownRole:
    """A role of the configuration: ``trusted`` are the service principals that may assume it, None if not known."""

    address: str
    trusted: frozenset[str] | None


def trusted_services(document: Node | None) -> frozenset[str] | None:
    """The service principals that the Allow statements of a trust policy name; None where that cannot be told.

    Trust policies are described in the IAM User Guide, "IAM roles: terms and concepts". A Deny, a condition, or
    NotPrincipal can only be read as "cannot be told" here.
    """
    if document is None:
        return None
    readings = [node for _, node in alternatives_of(document)]
    if len(readings) != 1:
        return None
    node = readings[0]
    if isinstance(node, Text):
        try:
            node = parse_json(node)
        except MalformedDocument:
            return None
    statements = node.get("Statement") if isinstance(node, Mapping) else None
    services: set[str] = set()
    for statement in _as_list(statements):
        found = _services_of(statement)
        if found is None:
            return None
        services |= found
    return frozenset(services) or None


def _services_of(statement: Node) -> set[str] | None:
    if not isinstance(statement, Mapping) or statement.get("NotPrincipal") is not None:
        return None
    effect = statement.get("Effect")
    if not isinstance(effect, Text) or effect.literal != "Allow":
        return None
    actions = [item for item in _as_list(statement.get("Action")) if isinstance(item, Text)]
    if action.granted_by(actions, "sts:AssumeRole")[0] is Tri.NO:
        return set()
    principal = statement.get("Principal")
    if isinstance(principal, Mapping):
        names: set[str] = set()
        for entry in principal.entries:
            if entry.key.literal != "Service":
                continue
            for item in _as_list(entry.value):
                if not isinstance(item, Text) or item.literal is None:
                    return None
                names.add(item.literal)
        return names
    return None


def _as_list(node: Node | None) -> tuple[Node, ...]:
    if node is None:
        return ()
    return node.items if isinstance(node, Items) else (node,)
