"""The roles of a configuration, indexed by address and by path and name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from passrole_checks.iam.documents.trust import (
    KnownRole,
    foreign_conditions,
    names_no_service,
    names_only_accounts,
    names_only_services,
    possible_services,
    trusted_people,
    trusted_repositories,
    trusted_services,
)
from passrole_checks.iam.identity_cache import cached_by_identity
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Part, StringNode, Unresolved, UnresolvedKind, join
from passrole_checks.sources.model.configuration import RoleDefinition


def resolve_role(
    pattern: StringNode, by_address: Mapping[str, KnownRole], by_name: Mapping[str, KnownRole]
) -> KnownRole | None:
    """Return the role of a configuration that a Resource names, if it names exactly one.

    ``by_name``: the roles by path and name (``app/worker``), as :func:`role_name_key` returns it.
    """
    last = pattern.parts[-1] if pattern.parts else ""
    if isinstance(last, Unresolved) and last.role is not None:
        # a reference may carry an instance's key where the definition is that of all instances
        return by_address.get(last.role) or by_address.get(re.sub(r"\[[^\[\]]*\]$", "", last.role))
    # wildcards before the name are the account's: passing stays within that
    name = _name_in(pattern)
    found = by_name.get(name) if name else None
    return found or by_name.get(_UNIQUE + name_looked_up(pattern))


def name_looked_up(pattern: StringNode) -> str:
    """Return the name of a role that a data source looks up, whose path is unknown before deployment; "" for other
    patterns."""
    only = pattern.only_unresolved
    if only is None or only.known is None or not _LOOKED_UP.search(only.expression):
        return ""
    name = only.known[-1]
    return name.rpartition("/")[2].lower() if isinstance(name, str) and not set("*?") & set(name) else ""


_LOOKED_UP = lazy_regex(r"(?:^|\.)data\.aws_iam_role\.[\w-]+(?:\[[^\[\]]*\])?\.arn$")
_UNIQUE = "\0"  # before the name of a role in lower case, where names are known to be unique


_CHANGING = lazy_regex(r"\b(?:each|count|self)\.|\b(?:uuid|timestamp|plantimestamp|bcrypt)\(")


def role_name_key(parts: Iterable[Part]) -> str:
    """Return a path and name as a key, with unresolved values as their expressions: equal expressions mean equal names.

    "" if the value may differ each time, or contains a wildcard.
    """
    written = []
    for part in parts:
        if isinstance(part, Unresolved) and _CHANGING.search(part.expression):
            return ""
        if isinstance(part, str) and {"*", "?"} & set(part):
            return ""
        written.append(part if isinstance(part, str) else part.written)
    return "".join(written)


def _name_in(pattern: StringNode) -> str:
    """Return the path and name after ``:role/`` in a pattern without wildcards, as :func:`role_name_key` does."""
    for index, part in enumerate(pattern.parts):
        if isinstance(part, str) and ":role/" in part:
            return role_name_key((part.split(":role/", 1)[1], *pattern.parts[index + 1 :]))
    return ""


def index_roles(
    definitions: Iterable[RoleDefinition], deployed: Collection[str] = ()
) -> tuple[dict[str, KnownRole], dict[str, KnownRole]]:
    """Return the roles of a configuration by address, and by path and name (``app/worker``).

    ``deployed``: the addresses of roles that are in the account, where names are unique without regard to paths (IAM
    User Guide, "IAM and AWS STS quotas", "IAM name requirements").
    """
    by_address: dict[str, KnownRole] = {}
    by_name: dict[str, KnownRole] = {}
    for definition in definitions:
        is_deployed = definition.resource.address in deployed
        role = _deployed_role(definition) if is_deployed else _known_role(definition)
        known = by_address.get(role.address)
        if known is not None:  # one whose properties are alternatives is there in each of them
            both = known.exists_when and role.exists_when
            possible = known.possible | role.possible if known.possible and role.possible else None
            role = replace(role, exists_when=(*known.exists_when, *role.exists_when) if both else (), possible=possible)
        by_address[role.address] = role
        path = role_name_key(definition.role_path.parts) if definition.role_path is not None else "/"
        name = role_name_key(definition.name.parts) if definition.name is not None else ""
        if name and path:
            by_name[f"{path.strip('/')}/{name}".lstrip("/")] = role
        if name and is_deployed:
            by_name[f"{_UNIQUE}{name.lower()}"] = role
    return by_address, by_name


def _known_role(definition: RoleDefinition) -> KnownRole:
    trust = definition.trust
    return KnownRole(
        definition.resource.address,
        trusted_services(trust),
        *names_no_service(trust),
        role_arn(definition),
        names_only_services(trust),
        definition.exists_when,
        trusted_repositories(trust),
        possible=possible_services(trust),
        people=trusted_people(trust),
        presumed=trusted_services(trust, is_lenient=True),
        names_accounts=names_only_accounts(trust),
        deployed=definition.deployed,
        foreign_when=foreign_conditions(trust),
    )


# the roles of an account are around many configurations
_deployed_role = cached_by_identity(20_000)(_known_role)


def role_arn(definition: RoleDefinition) -> StringNode:
    """Return the ARN of a role as far as the configuration defines it, with unresolved values for the rest."""
    address, at = definition.resource.address, definition.resource.at
    name = (
        definition.name.parts if definition.name is not None else (Unresolved(f"{address}.name", UnresolvedKind.NAME),)
    )
    path: tuple[Part, ...] = definition.role_path.parts if definition.role_path is not None else ("/",)
    place = (Unresolved("partition", UnresolvedKind.PARTITION), Unresolved("account id", UnresolvedKind.ACCOUNT_ID))
    return StringNode(join(["arn:", place[0], ":iam::", place[1], ":role", *path, *name]), at)
