"""Who is who in two versions of a configuration: principals and policies at addresses that have changed.

Told apart are two ways to know it. A role that bears the same literal name is the same role in AWS, whoever refers to
it. What has no name of its own is taken for the same where it is of the same type and holds exactly the same statements
(the trust policy included): whoever compares access then compares equal things, and nothing else is concluded of it; in
particular a role that is passed is never taken for another one that only looks like it. A role that keeps its address
and gets another name is the same to those who refer to it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from passrole_checks.iam import partial_values
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.partial_values import (
    Choice,
    ListNode,
    Node,
    ObjectEntry,
    StringNode,
    Unresolved,
    UnresolvedKind,
    holes_in,
    texts_in,
)
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, PolicyKind, RoleDefinition

_Profile = tuple[str, frozenset[tuple[tuple[str, ...], int]]]


def named_alike(old: Configuration, new: Configuration) -> dict[str, str]:
    """For addresses (or literal names) of ``old``: those by which ``new`` knows the roles of the same name and path.

    A literal name means one principal in both
    (:func:`~passrole_checks.sources.model.principal_names.align_principal_names`).
    """
    before, after = _by_name(old.roles), _by_name(new.roles)
    there, here = _addresses(old), _addresses(new)
    literals = _literal_roles(new)
    found: dict[str, str] = {}
    for name, address in before.items():
        bearer = after.get(name)
        if address not in here and bearer is not None and bearer not in there:
            found[address] = bearer
        elif address not in here and bearer is None and name in literals:
            found[address] = literals[name]  # the role is defined elsewhere now, and is still named
    for name, shown in _literal_roles(old).items():
        bearer = after.get(name)
        if name not in before and bearer is not None and bearer not in there:
            found[shown] = bearer
    return found


def holding_alike(
    old: Configuration, policies: Iterable[AttachedPolicy], new: Configuration, names: Mapping[str, str]
) -> dict[str, str]:
    """For addresses of ``old`` that ``new`` does not have: what holds exactly the same statements there, at an address
    that ``old`` does not have. ``policies``: those of ``old``, with references and names as in ``new``.

    Of several that are equal each stands for one other, in the order of their addresses.
    """
    there, here = _addresses(old), _addresses(new)
    gone = there - here - names.keys()
    added = here - there - set(names.values())
    if not gone or not added:
        return {}
    before = _alike(old, policies, gone)
    after = _alike(new, (*new.policies, *new.unchanged), added)
    own_names = {role.resource.address: _name(role) for role in (*old.roles, *new.roles)}
    found: dict[str, str] = {}
    for profile, addresses in before.items():
        for address, other in zip(sorted(addresses), sorted(after.get(profile, ())), strict=False):
            first, second = own_names.get(address), own_names.get(other)
            if first is None or second is None:  # two names that are known, and differ, are two roles
                found[address] = other
    return found


def renamed(policy: AttachedPolicy, names: Mapping[str, str]) -> AttachedPolicy:
    """The policy with its resource, its principals and the roles that it refers to under their new names."""
    if not names:
        return policy
    address = policy.resource.address
    return replace(
        policy,
        resource=replace(policy.resource, address=names.get(address, address)),
        principals=tuple(dict.fromkeys(names.get(name, name) for name in policy.principals)),
        document=_referring(policy.document, names),
    )


def called_anew(
    policies: Iterable[AttachedPolicy], old: Configuration, new: Configuration, names: Mapping[str, str]
) -> list[AttachedPolicy]:
    """Policies of ``old``, in which roles that are at one address in both versions are called as ``new`` calls them.

    A reference to a role means what stands at its address, whatever that is called: who could pass it still can.
    """
    there = {names.get(role.resource.address, role.resource.address) for role in old.roles}
    both = there & {role.resource.address for role in new.roles}
    found: dict[tuple[str, UnresolvedKind], set[tuple[str | Unresolved, ...]]] = {}
    for policy in (*new.policies, *new.unchanged) if both else ():
        for hole in holes_in(policy.document):
            if hole.role in both and hole.known is not None:
                found.setdefault((hole.role, hole.kind), set()).add(hole.known)
    called = {key: spelled.pop() for key, spelled in found.items() if len(spelled) == 1}
    return [
        policy
        if (document := _called(policy.document, called)) is policy.document
        else replace(policy, document=document)
        for policy in policies
    ]


def relabelled(policy: AttachedPolicy, names: Mapping[str, str]) -> AttachedPolicy:
    """The policy with its resource and its principals under new names; what it says stays."""
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
    """The addresses of roles by path and name, where one alone bears it."""
    counts = Counter(name for role in roles if (name := _name(role)))
    return {name: role.resource.address for role in roles if (name := _name(role)) and counts[name] == 1}


def _literal_roles(configuration: Configuration) -> dict[str, str]:
    """The names of roles that are known by their literal names, and what they are called."""
    return {name: shown for shown, kind, name in configuration.literals if kind == "role"}


def _alike(
    configuration: Configuration, policies: Iterable[AttachedPolicy], addresses: set[str]
) -> dict[_Profile, list[str]]:
    """Addresses by what they hold; only those that hold a statement of an identity-based policy."""
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
            said = [("trust", *map(str, texts_in(policy.document)))]  # its principals are no part of a statement here
        else:
            said = [statement.identity for statement in parse_document(policy.document).statements]
        for address, relation in relevant:
            held.setdefault(address, Counter()).update((relation, *words) for words in said)
            if policy.kind is PolicyKind.IDENTITY and said:
                granting.add(address)
    types = {resource.address: resource.type for resource in configuration.resources}
    types |= {role.resource.address: role.resource.type for role in configuration.roles}
    found: dict[_Profile, list[str]] = {}
    for address in granting:
        profile = (types.get(address, ""), frozenset(held[address].items()))
        found.setdefault(profile, []).append(address)
    return found


def _referring(node: Node, names: Mapping[str, str]) -> Node:
    return _with_texts(
        node,
        lambda text: (
            replace(text, parts=tuple(_part(part, names) for part in text.parts))
            if any(hole.role in names for hole in text.holes)
            else text
        ),
    )


def _called(node: Node, called: Mapping[tuple[str, UnresolvedKind], tuple[str | Unresolved, ...]]) -> Node:
    """A value in which references to roles say what these are called."""

    def of(text: StringNode) -> StringNode:
        parts = tuple(
            replace(part, known=called[part.role, part.kind])
            if isinstance(part, Unresolved) and part.role is not None and (part.role, part.kind) in called
            else part
            for part in text.parts
        )
        return text if parts == text.parts else replace(text, parts=parts)

    return _with_texts(node, of)


def _with_texts(node: Node, change: Callable[[StringNode], StringNode]) -> Node:
    """The same value with its texts changed; itself where none of them is."""
    if isinstance(node, StringNode):
        return change(node)
    if isinstance(node, ListNode):
        items = tuple(_with_texts(item, change) for item in node.items)
        return node if _same(items, node.items) else ListNode(items, node.at)
    if isinstance(node, partial_values.ObjectNode):
        found = tuple(_with_texts(one.value, change) for one in node.entries)
        if _same(found, [one.value for one in node.entries]):
            return node
        entries = tuple(ObjectEntry(one.key, value) for one, value in zip(node.entries, found, strict=True))
        return partial_values.ObjectNode(entries, node.at)
    if isinstance(node, Choice):
        options = tuple(_with_texts(option, change) for _, option in node.options)
        if _same(options, [option for _, option in node.options]):
            return node
        labels = (label for label, _ in node.options)
        return replace(node, options=tuple(zip(labels, options, strict=True)))
    return node


def _same(found: Sequence[Node], before: Sequence[Node]) -> bool:
    return all(one is other for one, other in zip(found, before, strict=True))


def _part(part: str | Unresolved, names: Mapping[str, str]) -> str | Unresolved:
    if isinstance(part, str):
        return part
    known = tuple(_part(inner, names) for inner in part.known) if part.known is not None else None
    if part.role is None or part.role not in names:
        return replace(part, known=known)
    word = re.compile(rf"(?<![\w.]){re.escape(part.role)}(?![\w-])")
    new = names[part.role]
    return replace(part, expression=word.sub(lambda _: new, part.expression), role=new, known=known)
