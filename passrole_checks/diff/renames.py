"""Match principals and policies of two versions whose addresses have changed.

There are two ways. A role with the same literal name is the same role in AWS, whatever refers to it. A resource without
a name matches one of the same type with exactly the same statements (including the trust policy): access is then
compared between equal things, and nothing else is inferred. In particular, a passed role is never matched with another
one that only looks the same. A role that keeps its address and gets another name is the same for references to it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.values.nodes import (
    Node,
    StringNode,
    Unresolved,
    UnresolvedKind,
    map_strings,
    strings_in,
    unresolved_in,
)
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, PolicyKind, RoleDefinition

_Profile = tuple[str, frozenset[tuple[tuple[str, ...], int]]]


def match_by_name(old: Configuration, new: Configuration) -> dict[str, str]:
    """Map addresses (or literal names) of ``old`` to those of roles with the same name and path in ``new``.

    A literal name denotes one principal in both
    (:func:`~passrole_checks.sources.model.principal_names.align_principal_names`).
    """
    before, after = _by_name(old.roles), _by_name(new.roles)
    old_addresses, new_addresses = _addresses(old), _addresses(new)
    literals = _literal_roles(new)
    found: dict[str, str] = {}
    for name, address in before.items():
        new_address = after.get(name)
        if address not in new_addresses and new_address is not None and new_address not in old_addresses:
            found[address] = new_address
        elif address not in new_addresses and new_address is None and name in literals:
            found[address] = literals[name]  # the role is now defined elsewhere but still referenced
    for name, shown in _literal_roles(old).items():
        new_address = after.get(name)
        if name not in before and new_address is not None and new_address not in old_addresses:
            found[shown] = new_address
    return found


def match_by_content(
    old: Configuration, policies: Iterable[AttachedPolicy], new: Configuration, names: Mapping[str, str]
) -> dict[str, str]:
    """Map addresses that exist only in ``old`` to addresses that exist only in ``new`` and have exactly the same
    statements.

    ``policies``: those of ``old``, with references and names as in ``new``. Several equal ones are paired in the order
    of their addresses.
    """
    old_addresses, new_addresses = _addresses(old), _addresses(new)
    removed = old_addresses - new_addresses - names.keys()
    added = new_addresses - old_addresses - set(names.values())
    if not removed or not added:
        return {}
    before = _group_by_content(old, policies, removed)
    after = _group_by_content(new, (*new.policies, *new.change.unchanged), added)
    own_names = {role.resource.address: _name(role) for role in (*old.roles, *new.roles)}
    found: dict[str, str] = {}
    for profile, addresses in before.items():
        for address, other in zip(sorted(addresses), sorted(after.get(profile, ())), strict=False):
            first, second = own_names.get(address), own_names.get(other)
            if first is None or second is None:  # two known, different names are two roles
                found[address] = other
    return found


def rename_policy(policy: AttachedPolicy, names: Mapping[str, str]) -> AttachedPolicy:
    """Return the policy with its resource, its principals and the roles that it refers to renamed."""
    if not names:
        return policy

    def renamed(text: StringNode) -> StringNode:
        if not any(unresolved.role in names for unresolved in text.unresolved_parts):
            return text
        return replace(text, parts=tuple(_rename_part(part, names) for part in text.parts))

    return replace(relabel_policy(policy, names), document=map_strings(policy.document, renamed))


def update_role_names(
    policies: Iterable[AttachedPolicy], old: Configuration, new: Configuration, names: Mapping[str, str]
) -> list[AttachedPolicy]:
    """Return policies of ``old`` in which roles with one address in both versions have their names in ``new``.

    A reference means the role at that address, whatever its name: a principal that could pass it still can.
    """
    old_addresses = {names.get(role.resource.address, role.resource.address) for role in old.roles}
    both = old_addresses & {role.resource.address for role in new.roles}
    found: dict[tuple[str, UnresolvedKind], set[tuple[str | Unresolved, ...]]] = {}
    for policy in (*new.policies, *new.change.unchanged) if both else ():
        for unresolved in unresolved_in(policy.document):
            if unresolved.role in both and unresolved.known is not None:
                found.setdefault((unresolved.role, unresolved.kind), set()).add(unresolved.known)
    called = {key: spelled.pop() for key, spelled in found.items() if len(spelled) == 1}
    return [
        policy
        if (document := _with_role_names(policy.document, called)) is policy.document
        else replace(policy, document=document)
        for policy in policies
    ]


def relabel_policy(policy: AttachedPolicy, names: Mapping[str, str]) -> AttachedPolicy:
    """Return the policy with its resource and its principals renamed; its document stays."""
    address = policy.resource.address
    return replace(
        policy,
        resource=replace(policy.resource, address=names.get(address, address)),
        principals=tuple(dict.fromkeys(names.get(name, name) for name in policy.principals)),
    )


def _addresses(configuration: Configuration) -> set[str]:
    found = {resource.address for resource in configuration.resources}
    return found | {role.resource.address for role in configuration.roles}


def _name(role: RoleDefinition) -> str | None:
    name = role.name.literal if role.name is not None else None
    path = role.role_path.literal if role.role_path is not None else "/"
    return f"{path.strip('/')}/{name}".lstrip("/") if name and path is not None else None


def _by_name(roles: Iterable[RoleDefinition]) -> dict[str, str]:
    """Map path and name of roles to their addresses, if unique."""
    counts = Counter(name for role in roles if (name := _name(role)))
    return {name: role.resource.address for role in roles if (name := _name(role)) and counts[name] == 1}


def _literal_roles(configuration: Configuration) -> dict[str, str]:
    """Map names of roles that are known by literal name to their labels."""
    return {name: shown for shown, kind, name in configuration.literals if kind == "role"}


def _group_by_content(
    configuration: Configuration, policies: Iterable[AttachedPolicy], addresses: set[str]
) -> dict[_Profile, list[str]]:
    """Group addresses by their statements; only those with a statement of an identity-based policy."""
    held: dict[str, Counter[tuple[str, ...]]] = {}
    granting: set[str] = set()
    for policy in policies:
        owners = [policy.resource.address] if policy.kind in (PolicyKind.IDENTITY, PolicyKind.TRUST) else []
        relations = [(owner, "own") for owner in owners]
        relations += [(name, "held") for name in policy.principals if policy.kind is PolicyKind.IDENTITY]
        relevant = [(address, relation) for address, relation in relations if address in addresses]
        if not relevant:
            continue
        if policy.kind is PolicyKind.TRUST:
            contents = [("trust", *map(str, strings_in(policy.document)))]  # a parsed statement has no Principal
        else:
            contents = [statement.identity for statement in parse_document(policy.document).statements]
        for address, relation in relevant:
            held.setdefault(address, Counter()).update((relation, *words) for words in contents)
            if policy.kind is PolicyKind.IDENTITY and contents:
                granting.add(address)
    types = {resource.address: resource.type for resource in configuration.resources}
    types |= {role.resource.address: role.resource.type for role in configuration.roles}
    return grouped(((types.get(one, ""), frozenset(held[one].items())), one) for one in granting)


def _with_role_names(node: Node, called: Mapping[tuple[str, UnresolvedKind], tuple[str | Unresolved, ...]]) -> Node:
    """Return a value whose references to roles carry the given names."""

    def of(text: StringNode) -> StringNode:
        parts = tuple(
            replace(part, known=called[part.role, part.kind])
            if isinstance(part, Unresolved) and part.role is not None and (part.role, part.kind) in called
            else part
            for part in text.parts
        )
        return text if parts == text.parts else replace(text, parts=parts)

    return map_strings(node, of)


def _rename_part(part: str | Unresolved, names: Mapping[str, str]) -> str | Unresolved:
    if isinstance(part, str):
        return part
    known = tuple(_rename_part(inner, names) for inner in part.known) if part.known is not None else None
    if part.role is None or part.role not in names:
        return replace(part, known=known)
    word = re.compile(rf"(?<![\w.]){re.escape(part.role)}(?![\w-])")
    new = names[part.role]
    return replace(part, expression=word.sub(lambda _: new, part.expression), role=new, known=known)
