"""Find the CloudTrail events that pass a role: API operations (botocore) with the paths of their role parameters,
merged with the known actions and receivers and with ``events.toml``.

CloudTrail has no schema of its parameters. According to the CloudTrail User Guide ("CloudTrail record contents") and
published sample events, ``eventSource`` is the name that requests are signed for, ``eventName`` the operation (Lambda
and CloudFront append a date), and members in ``requestParameters`` are spelled as in the model but in lower camel case.
Some EC2 operations differ, which readers of a path must handle (`passrole_checks.cloudtrail.parameter_paths`).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tools.aws_facts.actions import find_role_inputs, reads_only
from tools.aws_facts.models import ServiceModel, plain_name
from tools.aws_facts.overlay import Rule, matches

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE = Path(__file__).with_name("events.toml")
_VERB = re.compile(
    r"(?:BatchPut|Create|Update|Put|Modify|Register|Start|Run|Request|Add|Associate|Set|Import|Restore|Export|Enable|"
    r"Attach|Activate|Replace|Rotate|Submit|Upload|Send|Configure|Bundle|Purchase|Continue|Execute|Delete|Clone)"
)
_NAMED = re.compile(r"(?:Name|Id|Identifier|Arn|ARN)$")
_NOT_A_NAME = re.compile(r"token|role|kms|requestid|account|owner|vpc|subnet|profile", re.IGNORECASE)
_TEMPLATES = ("ec2", "autoscaling")  # services whose launch templates can contain an instance profile
_KINDS = {"role": "r", "profile": "i", "template": "t"}


@dataclass(frozen=True, slots=True)
class RolePath:
    """The location of a role in an event.

    ``kind``: ``r`` a role, ``i`` an instance profile, ``t`` a launch template that may contain one. ``services`` in
    short form. ``where``: values required beside it.
    """

    path: str
    kind: str
    services: str
    where: tuple[tuple[str, str], ...] = ()

    def data(self) -> list[Any]:
        """Return the location as in the data file."""
        row: list[Any] = [self.path, self.kind, self.services]
        return [*row, dict(self.where)] if self.where else row


@dataclass(slots=True)
class Event:
    """An event that passes a role; several models may describe the same one (``rds``, ``docdb`` and ``neptune``).

    ``last``: the last release of botocore with the operation, if the current one does not have it.
    """

    action: str
    confidence: str
    last: str = ""
    places: set[RolePath] = field(default_factory=set)
    resource: list[str] = field(default_factory=list)

    def data(self) -> list[Any]:
        """Return the event as in the data file."""
        places = sorted((place.data() for place in self.places), key=json.dumps)
        row = [self.action, self.confidence, places, self.resource]
        return [*row, self.last] if self.last else row


@dataclass(frozen=True, slots=True)
class PassingActions:
    """The actions that pass a role: ``rows`` by prefix and name (`assemble.passing_actions`), and ``values``, those of
    ``iam:PassedToService`` with their sources (`passing.passing_values`)."""

    rows: Mapping[str, Mapping[str, Sequence[Any]]]
    values: Mapping[str, Mapping[str, Sequence[Any]]]

    def facts(self, action: str) -> tuple[str, str] | None:
        """Return the letter of the confidence and the services of an action; None if it is not known to pass a role.

        Sources that show that requests carry the services, with a model that shows the role, corroborate each other.
        """
        prefix, _, name = action.partition(":")
        row = self.rows.get(prefix, {}).get(name)
        if row is not None and row[0][0] != "h":
            return row[0][0], row[2]
        value = self.values.get(prefix, {}).get(name)
        if value is not None and value[0][1] == "s":
            return "c", ",".join(service for service in value[1].split(",") if "*" not in service)
        return None


def collect_events(
    models: Iterable[ServiceModel], known: Mapping[str, str], prefixes: Mapping[str, str], passing: PassingActions
) -> dict[str, Any]:
    """Return the content of ``cloudtrail_events.json``.

    It has ``events`` by source and name (``lambda CreateFunction``), and ``aliases``, other names of sources. `models`
    are the current ones, then those of retired operations. `known` are the IAM actions, `prefixes` those of the
    services (see `actions`).
    """
    all_events: dict[str, Event] = {}
    aliases: dict[str, str] = {}
    for model in models:
        metadata = model.content["metadata"]
        source = metadata.get("signingName") or metadata["endpointPrefix"]
        aliases.setdefault(metadata["endpointPrefix"], source)
        service = str(metadata.get("serviceId", "")).replace(" ", "").lower()
        tried = [prefixes.get(service), metadata.get("signingName"), metadata["endpointPrefix"], model.folder, service]
        for name, operation in model.content["operations"].items():
            if "input" not in operation:
                continue
            plain = plain_name(name)
            names = [p for p in dict.fromkeys(tried) if p]
            action = next((a for p in names if (a := known.get(f"{p}:{plain}".lower()))), f"{names[0]}:{plain}")
            event = _make_event(action, operation, model.content["shapes"], passing)
            if event is None:
                continue
            event.last = model.last
            known_event = all_events.setdefault(f"{source} {plain}", event)
            if known_event.last == event.last:
                known_event.places |= event.places
                known_event.resource = list(dict.fromkeys([*known_event.resource, *event.resource]))
    sources = {key.partition(" ")[0] for key in all_events}
    return {
        "events": {key: event.data() for key, event in sorted(all_events.items())},
        "aliases": {
            alias: source for alias, source in sorted(aliases.items()) if source in sources and alias not in sources
        },
    }


def find_unused_rules(content: Mapping[str, Any]) -> list[str]:
    """Return the operations that ``events.toml`` adds something to and that no model has."""
    names = {f"{row[0].partition(':')[0]}:{key.partition(' ')[2]}" for key, row in content["events"].items()}
    added = (pattern for rule in rules() if "add" in rule or "action" in rule for pattern in rule["operations"])
    return sorted(operation for operation in set(added) if not any(matches(operation, name) for name in names))


@cache
def rules() -> Sequence[Rule]:
    """Return the rules of ``events.toml``. Raises ``tomllib.TOMLDecodeError`` if it is not TOML."""
    listed: Sequence[Rule] = tomllib.loads(_FILE.read_text(encoding="utf-8"))["event"]
    return listed


def cloudtrail_spelling(path: str) -> str:
    """Return a path of a model as CloudTrail spells it: members begin with a lower-case letter."""
    return "/".join(part[:1].lower() + part[1:] for part in path.split("/"))


def _make_event(
    operation: str, model: Mapping[str, Any], shapes: Mapping[str, Any], passing: PassingActions
) -> Event | None:
    """Return the event of an operation, given by its IAM action; None if it passes no role."""
    matching_rules = [rule for rule in rules() if any(matches(pattern, operation) for pattern in rule["operations"])]
    operation_rules = [rule for rule in matching_rules if "paths" not in rule]
    if any(rule.get("exclude") for rule in operation_rules):
        return None
    action = str(next((rule["action"] for rule in reversed(operation_rules) if "action" in rule), operation))
    facts = passing.facts(action)
    if facts is None:
        return None
    confidence, action_services = facts
    event = Event(action, confidence)
    operation_name = operation.partition(":")[2]
    paths = () if reads_only(operation_name) else find_role_inputs(shapes, model["input"]["shape"])
    for path in sorted(set(paths)):
        path_rules = [
            rule
            for rule in matching_rules
            if "paths" in rule and any(matches(pattern, path) for pattern in rule["paths"])
        ]
        if not any(rule.get("exclude") for rule in path_rules):
            facts_rules = [*(rule for rule in operation_rules if "add" not in rule), *path_rules]
            services = next((rule["services"] for rule in reversed(facts_rules) if "services" in rule), action_services)
            kind = next((rule["kind"] for rule in reversed(facts_rules) if "kind" in rule), _kind(path))
            event.places.add(RolePath(cloudtrail_spelling(path), _KINDS[kind], services))
    for rule in operation_rules:
        for path in rule.get("add", ()):
            mark = ">" if path.startswith(">") else ""
            where = tuple(sorted((cloudtrail_spelling(key), value) for key, value in rule.get("where", {}).items()))
            kind = _KINDS[rule.get("kind", "role")]
            event.places.add(
                RolePath(mark + cloudtrail_spelling(path.removeprefix(">")), kind, rule["services"], where)
            )
    if action.partition(":")[0] in _TEMPLATES:
        event.places |= {
            RolePath(cloudtrail_spelling(path), "t", "ec2")
            for path in _launch_template_paths(shapes, model["input"]["shape"])
        }
    resource_paths = [path for rule in operation_rules for path in rule.get("resource", ())]
    event.resource = resource_paths or list(_resource_paths(operation_name, model, shapes))
    return event if event.places else None


def _kind(path: str) -> str:
    return "profile" if re.search(r"instanceprofile", path, re.IGNORECASE) else "role"


def _launch_template_paths(
    shapes: Mapping[str, Any], name: str, path: tuple[str, ...] = (), through: tuple[str, ...] = ()
) -> Iterator[str]:
    """Yield the paths of the objects that select a version of a launch template."""
    shape = shapes[name]
    if name in through:
        return
    if shape["type"] == "structure":
        members = shape.get("members", {})
        if {"LaunchTemplateId", "LaunchTemplateName", "Version"} <= members.keys() and path:
            yield "/".join(path)
            return
        for member, target in members.items():
            yield from _launch_template_paths(shapes, target["shape"], (*path, member), (*through, name))
    elif shape["type"] == "list":
        yield from _launch_template_paths(shapes, shape["member"]["shape"], (*path, "*"), (*through, name))


def _resource_paths(operation: str, model: Mapping[str, Any], shapes: Mapping[str, Any]) -> Iterator[str]:
    """Yield where an operation names the resource that receives the role, most specific first: the ARN in the response,
    else a name or id in the request."""
    verb = _VERB.match(operation)
    noun = operation[verb.end() :] if verb else operation
    if "output" in model:
        yield from (
            f">{cloudtrail_spelling(path)}"
            for path in _response_arns(shapes, model["output"]["shape"], noun.lower())[:1]
        )
    members = shapes[model["input"]["shape"]].get("members", {})
    required = shapes[model["input"]["shape"]].get("required", [])
    texts = [name for name, target in members.items() if shapes[target["shape"]]["type"] == "string"]
    wanted = [f"{noun}{end}".lower() for end in ("Name", "Id", "Identifier", "Arn", "")] + ["name", "id", "resourcearn"]
    likely = [name for name in texts if name.lower() in wanted]
    likely.sort(key=lambda name: wanted.index(name.lower()))
    likely += [name for name in texts if name in required and _NAMED.search(name) and not _NOT_A_NAME.search(name)]
    likely += [name for name in texts if name.lower() in ("clustername", "functionname", "dbinstanceidentifier")]
    yield from (f"<{cloudtrail_spelling(path)}" for path in list(dict.fromkeys(likely))[:2])


def _response_arns(shapes: Mapping[str, Any], name: str, noun: str) -> list[str]:
    """Return the ARNs of the resource in a response, most likely first: ``FunctionArn`` in a
    ``FunctionConfiguration``."""
    ranked: list[tuple[int, str]] = []
    for member, target in shapes[name].get("members", {}).items():
        shape, plain = shapes[target["shape"]], member.lower()
        if shape["type"] == "string" and plain.endswith("arn") and noun.startswith(plain[:-3]):
            ranked.append((3 if plain == "arn" else 1 if plain[:-3] == noun else 2, member))
        elif shape["type"] == "structure":
            for inner, inner_target in shape.get("members", {}).items():
                own = (f"{noun}arn", f"{plain}arn", "arn")
                if shapes[inner_target["shape"]]["type"] == "string" and inner.lower() in own:
                    ranked.append((2 if noun.startswith(plain) else 4, f"{member}/{inner}"))
    return [path for _, path in sorted(ranked)]
