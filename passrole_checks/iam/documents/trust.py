"""Which services a role's trust policy lets assume it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from passrole_checks.iam.conditions.condition_implication import limits_of
from passrole_checks.iam.conditions.condition_operators import parse_operator
from passrole_checks.iam.documents import action
from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.documents.policy import alternatives_of
from passrole_checks.iam.partial_values import Absent, ListNode, Node, ObjectNode, StringNode, Ternary
from passrole_checks.iam.path_conditions import PathCondition, may_hold


@dataclass(frozen=True, slots=True)
class KnownRole:
    """A role of the configuration: ``trusted`` are the service principals that may assume it, None if not known.

    ``no_service``: its trust policy surely names accounts, users, roles and identity providers only; ``federated``:
    providers among them. ``only_services``: it surely names services only. ``arn`` is its ARN as far as it is known,
    with holes for account and partition, or None. ``there``: the facts under which it is there, in sets of which each
    suffices; none where it is whatever holds.
    """

    address: str
    trusted: frozenset[str] | None
    no_service: bool = False
    federated: bool = False
    arn: StringNode | None = None
    only_services: bool = False
    there: tuple[PathCondition, ...] = ()

    def may_be_there(self, when: PathCondition) -> bool:
        """Whether it can be there where some facts hold."""
        return may_hold(self.there, when)


def linked_service(pattern: StringNode) -> str:
    """The service of the service-linked roles that an ARN pattern names (``role/aws-service-role/SERVICE/…``), the only
    one that can assume them and change them (IAM User Guide, "Using service-linked roles"); "" for other patterns."""
    written = "".join(part if isinstance(part, str) else "\0" for part in pattern.parts)
    service, found, _ = written.partition(":role/aws-service-role/")[2].partition("/")
    return service if found and not {"*", "?", "\0"} & set(service) else ""


def trusted_services(document: Node | None) -> frozenset[str] | None:
    """The service principals that the Allow statements of a trust policy name; None where that cannot be told.

    Trust policies are described in the IAM User Guide, "IAM roles: terms and concepts". A Deny, a condition, or
    NotPrincipal can only be read as "cannot be told" here.
    """
    services: set[str] = set()
    readings = _readings(document)
    for statement in readings[0] if len(readings) == 1 else ():
        found = _services_of(statement)
        if found is None:
            return None
        services |= found
    return frozenset(services) or None


def only_others(document: Node | None) -> tuple[bool, bool]:
    """Whether a trust policy surely lets no service assume the role, and whether it names an identity provider.

    Under ``AWS`` stand accounts, users and roles, or ``*`` for everybody, services included unless a condition asks for
    members of an organization; under ``Federated``
    identity providers (IAM User Guide, "AWS JSON policy elements: Principal"). Of alternatives all have to be such.
    """
    kinds = _kinds(document)
    return bool(kinds) and kinds <= {"AWS", "Federated"}, "Federated" in kinds


def only_services(document: Node | None) -> bool:
    """Whether a trust policy surely names services and nobody else."""
    return _kinds(document) == {"Service"}


def _kinds(document: Node | None) -> set[str]:
    """The kinds of principals in all readings of a trust policy; "" among them for what may be anybody."""
    readings = [list(_options(statements)) for statements in _readings(document)]
    if not all(readings):
        return set()
    return {kind for statements in readings for statement in statements for kind in _kinds_of(statement)}


def _kinds_of(statement: Node) -> Iterator[str]:
    """The kinds of principals that a statement names; "" for what may be anybody."""
    principal = statement.get("Principal") if isinstance(statement, ObjectNode) else None
    members = isinstance(statement, ObjectNode) and _is_for_members(statement)
    if members and isinstance(principal, StringNode) and principal.literal == "*":
        yield "AWS"
        return
    if not isinstance(principal, ObjectNode) or not principal.entries:
        yield ""
        return
    for entry in principal.entries:
        kind = entry.key.literal or ""
        known = kind == "Federated" or (members and kind == "AWS")
        known = known or all(
            isinstance(item, StringNode) and _is_account(item) for item in _options(_as_list(entry.value))
        )
        yield kind if known else ""


def _is_for_members(statement: ObjectNode) -> bool:
    """Whether a condition asks for members of an organization, which services are not: these keys are in a request only
    if the principal is one (IAM User Guide, "AWS global condition context keys")."""
    for test in limits_of(statement.get("Condition")):
        operator = parse_operator(test.operator)
        if (
            test.key in _OF_MEMBERS
            and operator is not None
            and operator.base != "Null"
            and operator.absent is Ternary.NO
        ):
            return True
    return False


_OF_MEMBERS = ("aws:principalorgid", "aws:principalorgpaths")


def _is_account(name: StringNode) -> bool:
    """Whether a text is an account id or an ARN, whatever its holes hold."""
    start = name.parts[0]
    return isinstance(start, str) and (start.startswith("arn:") or name.literal not in (None, "*"))


def _readings(document: Node | None) -> list[tuple[Node, ...]]:
    """The statements of a trust policy, of each of its alternatives; none of one that cannot be read."""
    return [_statements(node) for _, node in alternatives_of(document)] if document is not None else []


def _statements(node: Node) -> tuple[Node, ...]:
    if isinstance(node, StringNode):
        try:
            node = parse_json(node)
        except MalformedDocument:
            return ()
    return _as_list(node.get("Statement") if isinstance(node, ObjectNode) else None)


def _options(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes, of alternatives all that there may be."""
    for node in nodes:
        for _, option in alternatives_of(node):
            if not isinstance(option, Absent):
                yield from _options(option.items) if isinstance(option, ListNode) else (option,)


def _services_of(statement: Node) -> set[str] | None:
    if not isinstance(statement, ObjectNode) or statement.get("NotPrincipal") is not None:
        return None
    effect = statement.get("Effect")
    if not isinstance(effect, StringNode) or effect.literal != "Allow":
        return None
    actions = [item for item in _as_list(statement.get("Action")) if isinstance(item, StringNode)]
    if action.granted_by(actions, "sts:AssumeRole")[0] is Ternary.NO:
        return set()
    principal = statement.get("Principal")
    if isinstance(principal, ObjectNode):
        names: set[str] = set()
        for entry in principal.entries:
            if entry.key.literal != "Service":
                continue
            for item in _as_list(entry.value):
                if not isinstance(item, StringNode) or item.literal is None:
                    return None
                names.add(item.literal)
        return names
    return None


def _as_list(node: Node | None) -> tuple[Node, ...]:
    if node is None:
        return ()
    return node.items if isinstance(node, ListNode) else (node,)
