"""What a principal can do with a role that it may pass: the ways to act as that role, and whether they are open.

A way is open where the principal may pass a role to one of the way's services, has every further action, and the role
trusts that service. All policies of the principal count together; a Deny anywhere wins, and every limit (a permissions
boundary, a service control policy) has to allow as well.

Sources: IAM User Guide, "Policy evaluation logic", "Permissions boundaries for IAM entities", and "Grant a user
permissions to pass a role to an AWS service". The ways themselves are handed in; they are no knowledge of this room.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from passrole_checks.iam.documents import action
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.partial_values import Ternary
from passrole_checks.iam.path_conditions import PathCondition, conjoin
from passrole_checks.iam.patterns import glob
from passrole_checks.iam.permissions.statement_matcher import rule_of
from passrole_checks.iam.roles.arn_pattern import expand, fields_of

if TYPE_CHECKING:
    from passrole_checks.iam.permissions.permissions import Permissions

_MOST_PAIRS = 200  # of resource patterns that are looked at for two actions


@dataclass(frozen=True, slots=True)
class Way:
    """A way to act as a passed role.

    ``id`` of the published path, or, where the way is ``derived`` from what an API does, the action that passes the
    role. ``actions`` are all that is needed beside iam:PassRole; ``services`` the values of ``iam:PassedToService`` of
    which one has to be let through (none: any); ``trusted`` the service principals of which the role has to trust one.
    """

    id: str
    url: str
    actions: tuple[str, ...]
    services: tuple[str, ...]
    trusted: tuple[str, ...]
    derived: bool = False


@dataclass(frozen=True, slots=True)
class OpenWay:
    """A way whose actions a principal has. ``certain``: UNKNOWN where a hole, or something that cannot be decided, is
    in between. ``by``: for each action a statement that allows it. ``conditions``: keys that these ask for. ``when``:
    the facts under which all of them do."""

    way: Way
    certain: Ternary
    by: tuple[Statement, ...]
    conditions: tuple[str, ...]
    when: PathCondition = ()


def open_ways(permissions: Permissions, ways: Iterable[Way], when: PathCondition = ()) -> tuple[OpenWay, ...]:
    """The ways whose actions the principal has where the facts ``when`` hold, PassRole apart.

    An action that only a statement could give of whose actions nothing is known opens no way by itself.
    """
    return tuple(found for way in ways if (found := _opens(permissions, way, when)) is not None)


def _opens(permissions: Permissions, way: Way, when: PathCondition) -> OpenWay | None:
    if any(permissions.allows(name, (), when) is None for name in way.actions):
        return None
    together = permissions.together([(name, ()) for name in way.actions], when)
    if together is None:
        return None
    found, facts = together
    doubtful = [(one.by, name) for one, name in zip(found, way.actions, strict=True) if one.certain is not Ternary.YES]
    if not all(_may_be_about(*item) for item in doubtful):
        return None
    if len(doubtful) == len(found) and not any(_says(*item) for item in doubtful):
        return None
    if not _about_the_same(permissions, way, [one.by for one in found], facts):
        return None
    certain = Ternary.YES if all(one.certain is Ternary.YES for one in found) else Ternary.UNKNOWN
    conditions = dict.fromkeys(key for one in found for key in one.conditions)
    return OpenWay(way, certain, tuple(one.by for one in found), tuple(conditions), facts)


def _about_the_same(permissions: Permissions, way: Way, by: Sequence[Statement], facts: PathCondition) -> bool:
    """Whether two actions of a service that are allowed on resources of one kind are allowed on the same ones: who may
    create only the functions ``a-*`` does not start one of them by being allowed to invoke ``b-*``."""
    for index, (first, name) in enumerate(zip(by, way.actions, strict=True)):
        for second, other in zip(by[index + 1 :], way.actions[index + 1 :], strict=True):
            if first is second or name.partition(":")[0] != other.partition(":")[0]:
                continue
            firsts, seconds = (
                dict.fromkeys(pattern for item in items for pattern in _patterns(item, permissions))
                for items in ([first, *_speaking_of(permissions, name, facts)],
                              [second, *_speaking_of(permissions, other, facts)])
            )  # fmt: skip
            if len(firsts) * len(seconds) <= _MOST_PAIRS and not any(
                _share(permissions, (name, other), pair, facts) for pair in product(firsts, seconds)
            ):
                return False
    return True


def _speaking_of(permissions: Permissions, name: str, facts: PathCondition) -> list[Statement]:
    """The statements that may allow an action where some facts hold."""
    return [
        item
        for item in permissions.statements
        if item.effect != "Deny" and conjoin(facts, item.when) is not None and _may_act(item, name)
    ]


def _may_act(statement: Statement, name: str) -> bool:
    if statement.actions is None:
        return action.left_out_by(statement.not_actions or (), name) is not Ternary.NO
    return action.granted_by(statement.actions, name)[0] is not Ternary.NO


def _patterns(statement: Statement, permissions: Permissions) -> tuple[str, ...]:
    """The resources of a statement, as patterns."""
    resources = rule_of(statement, permissions.account, permissions.owner).resources
    return (*resources.sure, *resources.doubtful) if statement.resources is not None else (glob.RUN,)


def _share(permissions: Permissions, names: tuple[str, str], pair: tuple[str, str], facts: PathCondition) -> bool:
    """Whether two actions may be allowed on one resource of two patterns; where these are of two kinds (a function,
    an event source mapping) it is not known which belong together."""
    kinds = {kind for pattern in pair if (kind := _kind(pattern))}
    if len(kinds) > 1:
        return True
    common = glob.meeting(*pair)
    if common is None:
        return glob.may_meet(*pair)
    pattern = glob.as_pattern(common)
    return pattern == glob.RUN or all(permissions.ways_of(name.lower(), (pattern,), facts) for name in names)


def _kind(pattern: str) -> str:
    """The kind of the resources of a pattern (``function`` of ``…:function:app-*``), "" where it is open."""
    fields = pattern.split(":", 5)
    named = re.match(r"([a-zA-Z-]+)[:/]", fields[5]) if len(fields) > 5 else None
    return named[1] if named is not None else ""


def _says(statement: Statement, name: str) -> bool:
    """Whether a statement speaks of an action with more than a hole."""
    if not statement.whole:
        return False
    if statement.actions is None:
        return True
    return any(
        pattern.only_hole is None and action.matches(pattern, name) is not Ternary.NO for pattern in statement.actions
    )


def _may_be_about(statement: Statement, name: str) -> bool:
    """Whether a resource of a statement can be one of the service of an action: an ARN of another service is none."""
    if statement.resources is None:
        return True
    service = name.partition(":")[0]
    for resource in statement.resources:
        fields = fields_of(expand(resource.parts))
        named = "".join(part if isinstance(part, str) else "*" for part in fields[2]) if len(fields) > 2 else "*"
        if named == service or {"*", "?"} & set(named):
            return True
    return False


_REGION = re.compile(r"^(?P<name>.+?)\.[a-z]{2}(?:-[a-z]+)+-\d\.(?P<rest>amazonaws\.com)$")


def plain_name(service: str) -> str:
    """A service principal without Region and without the suffix of China, as different spellings of one service."""
    name = service.lower().removesuffix(".cn")
    found = _REGION.match(name)
    return f"{found['name']}.{found['rest']}" if found is not None else name


def family(service: str) -> str:
    """The service that a service principal belongs to: ``rds`` of ``monitoring.rds.amazonaws.com``."""
    return plain_name(service).removesuffix(".amazonaws.com").rpartition(".")[2]
