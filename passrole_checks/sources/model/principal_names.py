"""Literal names of users, groups, roles and permission sets, which do not show their kind.

A name is unique only within its kind: a user and a group may both be called ``one`` (IAM User Guide, "IAM and AWS STS
quotas", "IAM name requirements"). While a source reads, a principal known only by name is encoded with its kind
(:func:`literal_principal`). The finished configuration has the bare name, followed by the kind if the name is ambiguous
(:func:`display_principal_names`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration

_MARK, _ESCAPED_MARK = "\0", "\\0"
_KINDS = frozenset({"role", "user", "group", "permission-set"})
_KIND = lazy_regex(r"(?:aws_iam_|awscc_iam_|AWS::IAM::)(role|user|group)$", re.IGNORECASE)

_Literal = tuple[str, str]  # kind and name


def literal_principal(kind: str, name: str) -> str:
    """Encode the name and kind (role, user, group, permission-set) of a principal while a source reads.

    A NUL in the name, which no principal can have, is escaped, so that only the mark before the kind is one.
    """
    return f"{name.replace(_MARK, _ESCAPED_MARK)}{_MARK}{kind}"


def bare_name(principal: str) -> str:
    """Return the name of a principal encoded by :func:`literal_principal`; an address unchanged."""
    decoded = kind_and_name(principal)
    return principal if decoded is None else decoded[1]


def kind_and_name(principal: str) -> tuple[str, str] | None:
    """Return the kind and name encoded by :func:`literal_principal`; None for an address."""
    name, _, kind = principal.rpartition(_MARK)
    return (kind, name) if kind in _KINDS and principal != kind else None


def rename_principal(principal: str, rename: Callable[[str], str]) -> str:
    """Return a principal with its name changed by ``rename``; an encoded kind is kept."""
    decoded = kind_and_name(principal)
    return rename(principal) if decoded is None else literal_principal(decoded[0], rename(decoded[1]))


def display_principal_names(configuration: Configuration) -> Configuration:
    """Return a configuration as read by its source with displayed names of principals."""
    principals = set(_principals(configuration))
    literals = {key: decoded for key in principals if (decoded := kind_and_name(key)) is not None}
    if not literals:
        return configuration
    addresses = _types_by_address(configuration).keys() | (principals - literals.keys())
    shown = _displayed_names(literals.values(), _roles(configuration), lambda literal: literal[1] in addresses)
    renamed = _rename_principals(configuration, {key: shown[literal] for key, literal in literals.items()})
    return replace(renamed, literals=tuple(sorted((shown[literal], *literal) for literal in literals.values())))


def align_principal_names(old: Configuration, new: Configuration) -> tuple[Configuration, Configuration]:
    """Return two versions in which equal names are equal principals, and each principal has one name."""
    if not old.literals and not new.literals:
        return old, new
    sides = [(_types_by_address(side), {(kind, name) for _, kind, name in side.literals}) for side in (old, new)]

    def is_taken(one: _Literal) -> bool:
        """True if the name is the address of another thing. A principal named in one version may be the one that the
        other version defines."""
        kind, name = one
        return any(
            name in addresses and (one in own or kind_of(addresses[name]) not in ("", kind)) for addresses, own in sides
        )

    shown = _displayed_names(sides[0][1] | sides[1][1], _roles(old) | _roles(new), is_taken)

    def called(side: Configuration) -> Configuration:
        names = {was: shown[kind, name] for was, kind, name in side.literals if was != shown[kind, name]}
        if not names:
            return side
        own = tuple(sorted((shown[kind, name], kind, name) for _, kind, name in side.literals))
        return replace(_rename_principals(side, names), literals=own)

    return called(old), called(new)


def _displayed_names(
    literals: Iterable[_Literal], roles: Collection[str], is_taken: Callable[[_Literal], bool]
) -> dict[_Literal, str]:
    """Return the displayed name of each literal. ``roles``: the names of the roles that the configuration defines."""
    unique = dict.fromkeys(literals)
    kinds: dict[str, set[str]] = {}
    for kind, name in unique:
        kinds.setdefault(name, {"role"} if name in roles else set()).add(kind)
    return {
        (kind, name): f"{name} ({kind.replace('-', ' ')})"
        if len(kinds[name]) > 1 or is_taken((kind, name))
        else name
        for kind, name in unique
    }  # fmt: skip


def _types_by_address(configuration: Configuration) -> dict[str, str]:
    """Return the resource types of a configuration by address."""
    types = {resource.address: resource.type for resource in configuration.resources}
    return types | {role.resource.address: role.resource.type for role in configuration.roles}


def _roles(configuration: Configuration) -> frozenset[str]:
    names = (role.name.literal for role in configuration.roles if role.name is not None)
    return frozenset(name for name in names if name)


def kind_of(type_: str) -> str:
    """Return the kind of principal of a resource type: role, user or group; "" for any other type."""
    found = _KIND.search(type_)
    return found[1].lower() if found is not None else ""


def _principals(configuration: Configuration) -> Iterator[str]:
    """Yield all principals of a configuration."""
    whole = configuration
    for policy in (*whole.policies, *whole.change.unchanged, *whole.other_policies, *(whole.change.before or ())):
        yield from policy.principals
    yield from whole.attached.principals()
    yield from whole.change.attached_before.principals()
    yield from whole.change.incomplete


def _rename_principals(whole: Configuration, names: dict[str, str]) -> Configuration:
    """Return the configuration with its principals renamed."""

    def to(name: str) -> str:
        return names.get(name, name)

    def rename_policies(policies: tuple[AttachedPolicy, ...]) -> tuple[AttachedPolicy, ...]:
        return tuple(policy.with_principals(to) for policy in policies)

    return replace(
        whole,
        policies=rename_policies(whole.policies),
        other_policies=rename_policies(whole.other_policies),
        attached=whole.attached.renamed(to),
        change=replace(
            whole.change,
            unchanged=rename_policies(whole.change.unchanged),
            before=rename_policies(whole.change.before) if whole.change.before is not None else None,
            attached_before=whole.change.attached_before.renamed(to),
            incomplete=frozenset(map(to, whole.change.incomplete)),
        ),
    )
