"""Which events of CloudTrail pass a role, and where in them it stands.

The data (``cloudtrail_events.json``) is written by ``tools.aws_facts`` from the API models (botocore)
and a table kept by hand (``events.toml`` in the sources of the generator, each entry with its source). Passing a role
is no API call and leaves no event of its own: what tells of it is the event that makes or changes the resource which
receives the role (IAM User Guide, "Grant a user permissions to pass a role to an AWS service").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from passrole_checks.aws.load import CONFIDENCE, SUFFIX, principals, read_json

_FILE = "cloudtrail_events.json"
_KINDS = {"r": "role", "i": "instance_profile", "t": "launch_template"}
# Lambda and CloudFront add a date to the names of their operations: CreateFunction20150331,
# UpdateFunctionCode20150331v2, CreateDistribution2020_05_31 (Lambda DG, "Logging AWS Lambda API calls using AWS
# CloudTrail").
VERSION = r"\d{4}_?\d{2}_?\d{2}(?:v\d+)?$"
_VERSION = re.compile(VERSION)


@dataclass(frozen=True, slots=True)
class RoleLocation:
    """Where in an event a role stands.

    `path`: names as CloudTrail spells them; ``"*"`` is each element of a list, ``"{}"`` each value of a map, a name
    with ``*`` in it each name that fits, ``"@json"`` the value of a text that is JSON. It begins in
    ``responseElements`` where `answered`, else in ``requestParameters``. `kind` is ``"role"``, ``"instance_profile"``,
    or ``"launch_template"``: what chooses a version of one, which may hold an instance profile. `services` are the
    values of ``iam:PassedToService``; of several, any may be meant. `where`: names beside the value, each with a
    pattern (``*``) that its value has to fit.
    """

    path: tuple[str, ...]
    kind: str
    services: tuple[str, ...]
    answered: bool = False
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TrailEvent:
    """An event that passes a role.

    `source` is ``eventSource``, `name` ``eventName`` without a version. `action` is what IAM allows with it.
    `confidence` is that of the action (see `passing_actions`): ``"documented"`` or ``"corroborated"``. `resources`:
    where the resource that receives the role is named, most telling first; each a path, and whether it begins in
    ``responseElements``.
    """

    source: str
    name: str
    action: str
    confidence: str
    places: tuple[RoleLocation, ...]
    resources: tuple[tuple[tuple[str, ...], bool], ...]


@cache
def trail_events() -> Mapping[tuple[str, str], TrailEvent]:
    """All events that pass a role, by ``eventSource`` and ``eventName`` without a version."""
    data = read_json(_FILE)
    others: dict[str, list[str]] = {}
    for alias, source in data["aliases"].items():
        others.setdefault(source, []).append(alias)
    found: dict[tuple[str, str], TrailEvent] = {}
    for key, (action, letter, places, resources) in data["events"].items():
        source, _, name = key.partition(" ")
        event = TrailEvent(
            source=f"{source}{SUFFIX}",
            name=name,
            action=action,
            confidence=CONFIDENCE[letter],
            places=tuple(_place(*row) for row in places),
            resources=tuple((tuple(path[1:].split("/")), path.startswith(">")) for path in resources),
        )
        for one in (source, *others.get(source, ())):
            found[f"{one}{SUFFIX}", name] = event
    return MappingProxyType(found)


def trail_sources() -> Mapping[str, str]:
    """What the events are derived from besides the table kept by hand: names of packages, with their versions."""
    return MappingProxyType(dict(read_json(_FILE)["sources"]))


def trail_event(source: str, name: str) -> TrailEvent | None:
    """The event called `name`, with or without a version, from `source`; None where it passes no role."""
    return trail_events().get((source, without_version(name)))


def without_version(name: str) -> str:
    """The name of an event without the date that some services add to it."""
    return _VERSION.sub("", name) if name[-1:].isdigit() else name


def _place(path: str, kind: str, services: str, where: Mapping[str, str] = MappingProxyType({})) -> RoleLocation:
    return RoleLocation(
        path=tuple(path.removeprefix(">").split("/")),
        kind=_KINDS[kind],
        services=principals(services),
        answered=path.startswith(">"),
        where=tuple(sorted(where.items())),
    )
