"""Literal names of users, groups, roles and permission sets, which say nothing of their kind.

A name is unique among the entities of its kind only: a user and a group may both be called ``one`` (IAM User Guide,
"IAM and AWS STS quotas", "IAM name requirements"). While a source reads, a principal that is known by its name alone
stands with its kind (:func:`literal`); the finished configuration has the bare name, and the kind after it where the
name would mean two principals (:func:`told_apart`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration

_MARK, _WRITTEN_OUT = "\0", "\\0"
_KINDS = frozenset({"role", "user", "group", "permission-set"})
_KIND = re.compile(r"(?:_|::)(role|user|group)$", re.IGNORECASE)

_Literal = tuple[str, str]  # kind and name


def literal(kind: str, name: str) -> str:
    """What stands for a principal of a kind (role, user, group, permission-set) while a source reads.

    A NUL in the name, which no principal can have, is written out, so that only the mark before the kind is one.
    """
    return f"{name.replace(_MARK, _WRITTEN_OUT)}{_MARK}{kind}"


def bare(principal: str) -> str:
    """The name alone of what :func:`literal` gives; an address as it is."""
    known = kind_and_name(principal)
    return principal if known is None else known[1]


def kind_and_name(principal: str) -> tuple[str, str] | None:
    """What :func:`literal` was given; None for an address."""
    name, _, kind = principal.rpartition(_MARK)
    return (kind, name) if kind in _KINDS and principal != kind else None


def renamed(principal: str, rename: Callable[[str], str]) -> str:
    """A principal under a new name; one with a kind keeps it."""
    known = kind_and_name(principal)
    return rename(principal) if known is None else literal(known[0], rename(known[1]))


def told_apart(configuration: Configuration) -> Configuration:
    """A configuration as its source read it with the names of its principals as they are shown."""
    principals = set(_principals(configuration))
    literals = {key: known for key in principals if (known := kind_and_name(key)) is not None}
    if not literals:
        return configuration
    addresses = _addresses(configuration).keys() | (principals - literals.keys())
    shown = _shown(literals.values(), _roles(configuration), lambda one: one[1] in addresses)
    found = _called(configuration, {key: shown[one] for key, one in literals.items()})
    return replace(found, literals=tuple(sorted((shown[one], *one) for one in literals.values())))


def told_apart_in_both(old: Configuration, new: Configuration) -> tuple[Configuration, Configuration]:
    """Two versions in which one name is one principal, and one principal has one name."""
    if not old.literals and not new.literals:
        return old, new
    sides = [(_addresses(side), {(kind, name) for _, kind, name in side.literals}) for side in (old, new)]

    def is_taken(one: _Literal) -> bool:
        """Whether the name is the address of something else. A principal that one version names and the other one
        defines may well be the same."""
        kind, name = one
        return any(
            name in addresses and (one in own or _kind_of(addresses[name]) not in ("", kind))
            for addresses, own in sides
        )

    shown = _shown(sides[0][1] | sides[1][1], _roles(old) | _roles(new), is_taken)

    def called(side: Configuration) -> Configuration:
        names = {was: shown[kind, name] for was, kind, name in side.literals if was != shown[kind, name]}
        if not names:
            return side
        own = tuple(sorted((shown[kind, name], kind, name) for _, kind, name in side.literals))
        return replace(_called(side, names), literals=own)

    return called(old), called(new)


def _shown(
    literals: Iterable[_Literal], roles: Collection[str], is_taken: Callable[[_Literal], bool]
) -> dict[_Literal, str]:
    """How each is shown. ``roles``: the names of the roles of the configuration, which stand at addresses of theirs."""
    known = dict.fromkeys(literals)
    kinds: dict[str, set[str]] = {}
    for kind, name in known:
        kinds.setdefault(name, {"role"} if name in roles else set()).add(kind)
    return {
        (kind, name): f"{name} ({kind.replace('-', ' ')})"
        if len(kinds[name]) > 1 or is_taken((kind, name))
        else name
        for kind, name in known
    }  # fmt: skip


def _addresses(configuration: Configuration) -> dict[str, str]:
    """The addresses of a configuration with the types of what stands there."""
    found = {one.address: one.type for one in configuration.resources}
    return found | {role.resource.address: role.resource.type for role in configuration.roles}


def _roles(configuration: Configuration) -> frozenset[str]:
    names = (role.name.literal for role in configuration.roles if role.name is not None)
    return frozenset(name for name in names if name)


def _kind_of(type_: str) -> str:
    found = _KIND.search(type_)
    return found[1].lower() if found is not None else ""


def _principals(configuration: Configuration) -> Iterator[str]:
    whole = configuration
    for policy in (*whole.policies, *whole.unchanged, *whole.beside, *(whole.before or ())):
        yield from policy.principals
    for pair in (*whole.members, *whole.members_before):
        yield from pair
    for holder, _ in (*whole.boundaries, *whole.boundaries_before):
        yield holder
    yield from (holder for holder, _ in (*whole.boundary_names, *whole.boundary_names_before))
    yield from (holder for holder, _, _ in whole.boundary_readings)
    yield from (one.holder for one in (*whole.attachments, *whole.attachments_before))
    yield from whole.boundary_unknown
    yield from whole.incomplete


def _called(whole: Configuration, names: dict[str, str]) -> Configuration:
    """The configuration with its principals under other names."""

    def to(name: str) -> str:
        return names.get(name, name)

    def pairs(members: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple((to(group), to(user)) for group, user in members)

    def holding(policy: AttachedPolicy) -> AttachedPolicy:
        if names.keys().isdisjoint(policy.principals):
            return policy
        return replace(
            policy,
            principals=tuple(map(to, policy.principals)),
            held=tuple((to(who), facts) for who, facts in policy.held),
        )

    def policies(found: tuple[AttachedPolicy, ...]) -> tuple[AttachedPolicy, ...]:
        return tuple(map(holding, found))

    def bounded(found: tuple[tuple[str, AttachedPolicy], ...]) -> tuple[tuple[str, AttachedPolicy], ...]:
        return tuple((to(who), holding(policy)) for who, policy in found)

    return replace(
        whole,
        policies=policies(whole.policies),
        unchanged=policies(whole.unchanged),
        beside=policies(whole.beside),
        before=policies(whole.before) if whole.before is not None else None,
        members=pairs(whole.members),
        members_before=pairs(whole.members_before),
        boundaries=bounded(whole.boundaries),
        boundaries_before=bounded(whole.boundaries_before),
        boundary_unknown=tuple(map(to, whole.boundary_unknown)),
        boundary_names=tuple((to(who), name) for who, name in whole.boundary_names),
        boundary_names_before=tuple((to(who), name) for who, name in whole.boundary_names_before),
        boundary_readings=tuple(
            (to(who), facts, holding(bound) if isinstance(bound, AttachedPolicy) else bound)
            for who, facts, bound in whole.boundary_readings
        ),
        attachments=tuple(replace(one, holder=to(one.holder)) for one in whole.attachments),
        attachments_before=tuple(replace(one, holder=to(one.holder)) for one in whole.attachments_before),
        incomplete=frozenset(map(to, whole.incomplete)),
    )
