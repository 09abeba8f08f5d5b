"""The known events as rows for SQL, in a compact form, so that the statement stays far below Athena's limit.

A row is an event: the short names of its source and of itself, its action (empty if it is called like the event), the
services that it may pass roles to, and the lookups in it, separated by blanks. A lookup is ``kind:services:path``.
Services are short names separated by commas, empty for that of the source alone, a dash for none; a path that starts
with ``>`` starts in the response.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passrole_checks.aws.cloudtrail_events import RoleLocation, TrailEvent, trail_events
from passrole_checks.aws.data_files import SUFFIX
from passrole_checks.cloudtrail.instance_profiles import EC2, IAM, STATE_EVENTS
from passrole_checks.cloudtrail.sql.json_paths import EQUALS, SLASH, WHERE

# Kinds of lookups: what is passed, the resource, and facts about roles, profiles and templates.
KINDS = {"role": "r", "instance_profile": "i", "launch_template": "t"}
GIVEN = tuple(KINDS.values())
RESOURCE, ROLE_NAME, ROLE_ARN, PROFILE = "x", "n", "a", "p"
TEMPLATE_ID, TEMPLATE_NAME, VERSION, VERSION_PROFILE, SOURCE_VERSION, DEFAULT = "l", "m", "v", "q", "s", "d"
NO_SERVICE = "-"

_TEMPLATE_MADE = (
    (TEMPLATE_ID, ">launchTemplate/launchTemplateId"),
    (TEMPLATE_ID, ">launchTemplateVersion/launchTemplateId"),
    (TEMPLATE_ID, "launchTemplateId"),
    (TEMPLATE_NAME, ">launchTemplate/launchTemplateName"),
    (TEMPLATE_NAME, ">launchTemplateVersion/launchTemplateName"),
    (TEMPLATE_NAME, "launchTemplateName"),
    (VERSION, ">launchTemplate/versionNumber"),
    (VERSION, ">launchTemplateVersion/versionNumber"),
    (VERSION_PROFILE, "launchTemplateData/iamInstanceProfile/arn"),
    (VERSION_PROFILE, "launchTemplateData/iamInstanceProfile/name"),
)
# Lookups that `passrole_checks.cloudtrail.instance_profiles` makes in the events that change its state.
_STATE_LOOKUPS: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    (IAM, "CreateRole"): ((ROLE_NAME, "roleName"), (ROLE_ARN, ">role/arn")),
    (IAM, "AddRoleToInstanceProfile"): ((PROFILE, "instanceProfileName"), (ROLE_NAME, "roleName")),
    (IAM, "RemoveRoleFromInstanceProfile"): ((PROFILE, "instanceProfileName"),),
    (EC2, "CreateLaunchTemplate"): _TEMPLATE_MADE,
    (EC2, "CreateLaunchTemplateVersion"): (*_TEMPLATE_MADE, (SOURCE_VERSION, "sourceVersion")),
    (EC2, "ModifyLaunchTemplate"): (
        (TEMPLATE_ID, "launchTemplateId"),
        (TEMPLATE_NAME, "launchTemplateName"),
        (DEFAULT, "setDefaultVersion"),
        (DEFAULT, "defaultVersion"),
    ),
}
assert _STATE_LOOKUPS.keys() == STATE_EVENTS


def event_rows() -> Iterator[tuple[str, str, str, str, str]]:
    """Yield a row for each event that may pass a role or changes a profile or a template: source, name, action,
    services, lookups.
    """
    events = {(event.source, event.name): event for event in trail_events().values()}
    for key in sorted(events.keys() | STATE_EVENTS):
        event = events.get(key)
        source, name = key[0].removesuffix(SUFFIX), key[1]
        sought = [*_lookups(event)] if event else []
        sought += [_lookup(kind, NO_SERVICE, path) for kind, path in _STATE_LOOKUPS.get(key, ())]
        action = NO_SERVICE if event is None else "" if event.action == f"{source}:{name}" else event.action
        yield source, name, action, _all_services(event), " ".join(sought)


def source_aliases() -> Iterator[tuple[str, str]]:
    """Yield other names of sources, each with its name in `known`."""
    found = {source: event.source for (source, _), event in trail_events().items() if source != event.source}
    for alias, source in sorted(found.items()):
        yield alias.removesuffix(SUFFIX), source.removesuffix(SUFFIX)


def _lookups(event: TrailEvent) -> Iterator[str]:
    source = event.source.removesuffix(SUFFIX)
    for location in event.places:
        yield _lookup(
            KINDS[location.kind], _services(location.services, source), _path(_steps(location), location.answered)
        )
    for steps, answered in event.resources:
        yield _lookup(RESOURCE, NO_SERVICE, _path(steps, answered))
        if answered and len(steps) > 1:  # some responses omit the outermost name
            yield _lookup(RESOURCE, NO_SERVICE, _path(steps[1:], answered))


def _steps(location: RoleLocation) -> Sequence[str]:
    where = [f"{WHERE}{name}{EQUALS}{pattern.lower().replace('/', SLASH)}" for name, pattern in location.where]
    return [*location.path[:-1], *where, location.path[-1]]


def _all_services(event: TrailEvent | None) -> str:
    if event is None:
        return NO_SERVICE
    roles = [location for location in event.places if location.kind == "role"]
    every = dict.fromkeys(service for location in roles for service in location.services)
    return _services(tuple(every), event.source.removesuffix(SUFFIX))


def _services(services: Sequence[str], source: str) -> str:
    short = ",".join(service.removesuffix(SUFFIX) for service in services)
    return "" if short == source else short or NO_SERVICE


def _path(steps: Sequence[str], answered: bool) -> str:
    return (">" if answered else "") + "/".join(steps)


def _lookup(kind: str, services: str, path: str) -> str:
    found = f"{kind}:{services}:{path}"
    if " " in found or found.count(":") != 2:
        raise ValueError(found)  # not representable in the compact form
    return found
