"""Privilege escalation paths through passed roles, and whether they are open to a principal.

A path is open if the principal can pass a role to one of the path's services, has all other actions on resources of
each type that they require, and the role trusts that service. All policies of the principal count together; an
explicit Deny wins, and each limit (a permissions boundary, a service control policy) has to allow as well.

Sources: IAM User Guide, "Policy evaluation logic", "Permissions boundaries for IAM entities", and "Grant a user
permissions to pass a role to an AWS service". The paths themselves are arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product
from operator import itemgetter
from typing import TYPE_CHECKING

from passrole_checks.iam.documents import action
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.identity_cache import cached_by_identity
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.patterns import glob
from passrole_checks.iam.permissions.statement_matcher import matcher_of
from passrole_checks.iam.roles.arn_pattern import expand, fields_of
from passrole_checks.iam.values.nodes import Ternary
from passrole_checks.iam.values.path_conditions import PathCondition, conjoin

if TYPE_CHECKING:
    from passrole_checks.iam.permissions.permissions import Permissions

_MAX_PAIRS = 200  # of resource patterns compared for two actions


@dataclass(frozen=True, slots=True)
class PassedRolePath:
    """A way to act as a passed role.

    ``id`` is that of the published path or, if the path is ``derived`` from what an API does, the action that passes
    the role. ``actions`` are all that is needed besides iam:PassRole; ``services`` are values of
    ``iam:PassedToService``, one of which has to be allowed (none: any); ``trusted`` are service principals, one of
    which the role has to trust. ``required`` are actions with ARN patterns, one for each resource type that a request
    always has.
    """

    id: str
    url: str
    actions: tuple[str, ...]
    services: tuple[str, ...]
    trusted: tuple[str, ...]
    derived: bool = False
    required: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OpenPath:
    """A path whose actions a principal has.

    ``certain``: UNKNOWN if an unresolved or undecidable part is involved. ``by``: one statement per action that allows
    it. ``conditions``: the keys that these test. ``when``: the path condition under which all of them apply.
    """

    way: PassedRolePath
    certain: Ternary
    by: tuple[Statement, ...]
    conditions: tuple[str, ...]
    when: PathCondition = ()


def open_paths(
    permissions: Permissions, ways: Iterable[PassedRolePath], when: PathCondition = ()
) -> tuple[OpenPath, ...]:
    """Return the paths whose actions, except PassRole, the principal has under ``when``.

    An action that is allowed only by a statement with entirely unresolved actions does not open a path by itself.
    """
    by_services = _by_services(tuple(ways))
    services = {name for name in frozenset[str]().union(*by_services) if permissions.may_allow_service(name)}
    # most paths need a service that no statement mentions, and are excluded without a search
    possible = sorted(
        (pair for needed, pairs in by_services.items() if needed <= services for pair in pairs), key=itemgetter(0)
    )
    return tuple(open_way for _, way in possible if (open_way := _open_path(permissions, way, when)) is not None)


@cached_by_identity(8)
def _by_services(ways: tuple[PassedRolePath, ...]) -> dict[frozenset[str], list[tuple[int, PassedRolePath]]]:
    """Return numbered paths by the services of their actions, in lower case."""
    services = (frozenset(name.partition(":")[0].lower() for name in way.actions) for way in ways)
    return grouped(zip(services, enumerate(ways), strict=True))


def _open_path(permissions: Permissions, way: PassedRolePath, when: PathCondition) -> OpenPath | None:
    if any(permissions.allows(name, (), when) is None for name in way.actions):
        return None
    together = permissions.together([(name, ()) for name in way.actions], when)
    if together is None:
        return None
    allowed, assumptions = together
    doubtful = [
        (action_.by, name)
        for action_, name in zip(allowed, way.actions, strict=True)
        if action_.certain is not Ternary.YES
    ]
    if not all(_may_match_service(*pair) for pair in doubtful):
        return None
    if len(doubtful) == len(allowed) and not any(_names_action(*pair) for pair in doubtful):
        return None
    if not _on_common_resources(permissions, way, [action_.by for action_ in allowed], assumptions):
        return None
    certain = Ternary.YES if all(action_.certain is Ternary.YES for action_ in allowed) else Ternary.UNKNOWN
    requests = ((name.lower(), (glob.from_text(pattern),)) for name, pattern in way.required)
    if not all(permissions.ways_for(name, resources, assumptions) for name, resources in requests):
        if permissions.complete:
            return None
        certain = Ternary.UNKNOWN  # a policy of unknown content may allow the rest
    conditions = dict.fromkeys(key for action_ in allowed for key in action_.conditions)
    return OpenPath(way, certain, tuple(action_.by for action_ in allowed), tuple(conditions), assumptions)


def _on_common_resources(
    permissions: Permissions, way: PassedRolePath, by: Sequence[Statement], assumptions: PathCondition
) -> bool:
    """True if actions of one service on resources of one kind are allowed on the same resources.

    Permission to create only the functions ``a-*`` does not combine with permission to invoke ``b-*``.
    """
    for index, (first, name) in enumerate(zip(by, way.actions, strict=True)):
        for second, other in zip(by[index + 1 :], way.actions[index + 1 :], strict=True):
            if first is second or name.partition(":")[0] != other.partition(":")[0]:
                continue
            firsts, seconds = (
                dict.fromkeys(pattern for item in items for pattern in _patterns(item, permissions))
                for items in ([first, *_statements_for(permissions, name, assumptions)],
                              [second, *_statements_for(permissions, other, assumptions)])
            )  # fmt: skip
            if len(firsts) * len(seconds) <= _MAX_PAIRS and not any(
                _may_share_resource(permissions, (name, other), pair, assumptions) for pair in product(firsts, seconds)
            ):
                return False
    return True


def _statements_for(permissions: Permissions, name: str, assumptions: PathCondition) -> list[Statement]:
    """Return the statements that may allow an action under some path condition."""
    return [
        statement
        for statement in permissions.statements
        if statement.effect != "Deny"
        and conjoin(assumptions, statement.when) is not None
        and _may_match_action(statement, name)
    ]


def _may_match_action(statement: Statement, name: str) -> bool:
    if statement.actions is None:
        return action.not_action_covers(statement.not_actions or (), name) is not Ternary.NO
    return action.best_match(statement.actions, name)[0] is not Ternary.NO


def _patterns(statement: Statement, permissions: Permissions) -> tuple[str, ...]:
    """Return the resources of a statement as patterns."""
    resources = matcher_of(statement, permissions.account, permissions.owner).resources
    return resources.all if statement.resources is not None else (glob.STAR,)


def _may_share_resource(
    permissions: Permissions, names: tuple[str, str], pair: tuple[str, str], assumptions: PathCondition
) -> bool:
    """True if two actions may be allowed on one resource of two patterns.

    Also true for patterns of two kinds (a function, an event source mapping): which of these belong together is
    unknown.
    """
    kinds = {kind for pattern in pair if (kind := _kind(pattern))}
    if len(kinds) > 1:
        return True
    common = glob.intersect(*pair)
    if common is None:
        return glob.may_intersect(*pair)
    pattern = glob.to_pattern(common)
    return pattern == glob.STAR or all(permissions.ways_for(name.lower(), (pattern,), assumptions) for name in names)


def _kind(pattern: str) -> str:
    """Return the kind of resource of a pattern (``function`` of ``…:function:app-*``), "" if it is open."""
    fields = pattern.split(":", 5)
    named = re.match(r"([a-zA-Z-]+)[:/]", fields[5]) if len(fields) > 5 else None
    return named[1] if named is not None else ""


def _names_action(statement: Statement, name: str) -> bool:
    """True if a statement covers an action by more than an unresolved value."""
    if not statement.whole:
        return False
    if statement.actions is None:
        return True
    return any(
        pattern.only_unresolved is None and action.matches(pattern, name) is not Ternary.NO
        for pattern in statement.actions
    )


def _may_match_service(statement: Statement, name: str) -> bool:
    """True if a resource of a statement can belong to the service of an action; an ARN of another service cannot."""
    if statement.resources is None:
        return True
    service = name.partition(":")[0]
    for resource in statement.resources:
        fields = fields_of(expand(resource.parts))
        named = "".join(part if isinstance(part, str) else "*" for part in fields[2]) if len(fields) > 2 else "*"
        if named == service or {"*", "?"} & set(named):
            return True
    return False


_REGION = lazy_regex(r"^(?P<name>.+?)\.[a-z]{2}(?:-[a-z]+)+-\d\.(?P<rest>amazonaws\.com)$")


@lru_cache(4_096)
def normalize_service(service: str) -> str:
    """Return a service principal without Region and China suffix; these are different spellings of one service."""
    name = service.lower().removesuffix(".cn")
    match = _REGION.match(name)
    return f"{match['name']}.{match['rest']}" if match is not None else name


def service_family(service: str) -> str:
    """Return the service that a service principal belongs to: ``rds`` for ``monitoring.rds.amazonaws.com``."""
    return normalize_service(service).removesuffix(".amazonaws.com").rpartition(".")[2]
