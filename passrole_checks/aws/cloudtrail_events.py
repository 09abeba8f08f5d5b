"""CloudTrail events that pass a role, and where they contain the role.

``tools.aws_facts`` writes the data (``cloudtrail_events.json``) from the API models (botocore) and a table maintained
by hand (``events.toml`` in the generator's sources, each entry with its source). Operations that AWS has retired come
from earlier releases of botocore. Passing a role is not an API call and has no event of its own; it shows in the event
that creates or changes the resource which receives the role (IAM User Guide, "Grant a user permissions to pass a role
to an AWS service").
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from passrole_checks.aws.data_files import CONFIDENCE, SUFFIX, expand_principals, read_json
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

_FILE = "cloudtrail_events.json"
_KINDS = {"r": "role", "i": "instance_profile", "t": "launch_template"}
# Lambda and CloudFront append a date to the names of their operations: CreateFunction20150331,
# UpdateFunctionCode20150331v2, CreateDistribution2020_05_31 (Lambda DG, "Logging AWS Lambda API calls using AWS
# CloudTrail").
VERSION = r"\d{4}_?\d{2}_?\d{2}(?:v\d+)?$"
_VERSION = lazy_regex(VERSION)


@dataclass(frozen=True, slots=True)
class RoleLocation:
    """The location of a role in an event.

    `path`: names as CloudTrail spells them; ``"*"`` is each element of a list, ``"{}"`` each value of a map, a name
    with ``*`` each matching name, ``"@json"`` the value of a JSON text. It begins in ``responseElements`` if
    `answered`, else in ``requestParameters``. `kind` is ``"role"``, ``"instance_profile"``, or ``"launch_template"``: a
    reference to a version of one, which may contain an instance profile. `services` are the values of
    ``iam:PassedToService``; several are alternatives. `where`: names beside the value, each with a pattern (``*``) that
    its value must match.
    """

    path: tuple[str, ...]
    kind: str
    services: tuple[str, ...]
    answered: bool = False
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TrailEvent:
    """An event that passes a role.

    `source` is ``eventSource``, `name` is ``eventName`` without a version. `action` is the IAM action that allows it.
    `confidence` is that of the action (see `passing_actions`): ``"documented"`` or ``"corroborated"``. `resources`:
    paths to the name of the resource that receives the role, most specific first, each with True if it begins in
    ``responseElements``. `retired`: the last release of botocore with the operation, if AWS has retired it, else empty.
    """

    source: str
    name: str
    action: str
    confidence: str
    places: tuple[RoleLocation, ...]
    resources: tuple[tuple[tuple[str, ...], bool], ...]
    retired: str = ""


@cache
def trail_events() -> Mapping[tuple[str, str], TrailEvent]:
    """Return all events that pass a role, by ``eventSource`` and ``eventName`` without a version."""
    data = read_json(_FILE)
    others: dict[str, list[str]] = {}
    for alias, source in data["aliases"].items():
        others.setdefault(source, []).append(alias)
    events: dict[tuple[str, str], TrailEvent] = {}
    for key, (action, letter, places, resources, *last) in data["events"].items():
        source, _, name = key.partition(" ")
        event = TrailEvent(
            source=f"{source}{SUFFIX}",
            name=name,
            action=action,
            confidence=CONFIDENCE[letter],
            places=tuple(_parse_location(*row) for row in places),
            resources=tuple((tuple(path[1:].split("/")), path.startswith(">")) for path in resources),
            retired="".join(last),
        )
        for name_of_source in (source, *others.get(source, ())):
            events[f"{name_of_source}{SUFFIX}", name] = event
    return MappingProxyType(events)


def trail_sources() -> Mapping[str, str]:
    """Return the packages that the events are derived from, with their versions."""
    return MappingProxyType(dict(read_json(_FILE)["sources"]))


def trail_event(source: str, name: str) -> TrailEvent | None:
    """Return the event called `name`, with or without a version, from `source`; None if it passes no role."""
    return trail_events().get((source, without_version(name)))


def without_version(name: str) -> str:
    """Return the name of an event without the date that some services append."""
    return _VERSION.sub("", name) if name[-1:].isdigit() else name


def _parse_location(
    path: str, kind: str, services: str, where: Mapping[str, str] = MappingProxyType({})
) -> RoleLocation:
    """Parse a row of the data: path, letter of the kind, services, and required neighbors."""
    return RoleLocation(
        path=tuple(path.removeprefix(">").split("/")),
        kind=_KINDS[kind],
        services=expand_principals(services),
        answered=path.startswith(">"),
        where=tuple(sorted(where.items())),
    )
