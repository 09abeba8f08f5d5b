"""Find the CloudFormation properties that may receive a role in the schemas of the package cfn-lint.

All schemas of all Regions are read (``schemas/providers/*.json`` names a schema for each type,
``schemas/resources/*.json`` contains it). A string is a candidate by its format ``AWS::IAM::Role.Arn``, by a pattern
for role ARNs, or by its name; the overlay removes those that are not roles and adds those with other names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

Schema = Mapping[str, Any]

_ROOT = "cfnlint/data/schemas/"
_ROLE_NAME = re.compile(
    r"(?:.*Role|.*RoleArns?|.*RoleARNs?|.*RoleNames?|IamRoles|Roles|.*IAMRole|.*InstanceProfile(?:Name|Arn)?)"
)
_PROFILE_NAME = re.compile(r".*(?:InstanceProfile(?:Name|Arn)?|IamInstanceProfile)", re.IGNORECASE)
_ROLE_PATTERN = re.compile(r"iam.*role", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A string in a resource type.

    `path` is as in `Receiver.path`, with slashes. `why` is ``format``, ``pattern``, ``name``, or ``""`` if only the
    overlay can make it a receiver.
    """

    type: str
    path: str
    why: str
    profile: bool


@dataclass(frozen=True, slots=True)
class Handlers:
    """The actions that the handlers of a type need to create and update a resource."""

    passes: bool
    actions: frozenset[str]


def schemas(wheel: ZipFile) -> dict[str, Schema]:
    """Return the schemas of all resource types, by type. If Regions differ, the most common schema is used."""
    versions: dict[str, dict[str, int]] = {}
    for name in sorted(wheel.namelist()):
        if name.startswith(f"{_ROOT}providers/") and name.endswith(".json"):
            for resource_type, key in json.loads(wheel.read(name)).items():
                count = versions.setdefault(resource_type, {})
                count[key] = count.get(key, 0) + 1
    chosen = {kind: max(sorted(count), key=count.__getitem__) for kind, count in versions.items()}
    return {kind: json.loads(wheel.read(f"{_ROOT}resources/{key}.json")) for kind, key in sorted(chosen.items())}


def candidates(resource_type: str, schema: Schema) -> Iterator[Candidate]:
    """Yield the strings of a resource type; those that may be a role have a reason."""
    read_only = {path.removeprefix("/properties/") for path in schema.get("readOnlyProperties", ())}
    seen: set[str] = set()
    for path, leaf in _find_strings(schema, schema, (), ()):
        text = "/".join(path)
        if text in seen or any(_below(text, prefix) for prefix in read_only):
            continue
        seen.add(text)
        name = next((part for part in reversed(path) if part not in ("*", "{}")), "")
        yield Candidate(resource_type, text, _reason(name, leaf), bool(_PROFILE_NAME.fullmatch(name)))


def handlers(schema: Schema) -> Handlers:
    """Return the actions needed to create and update a resource, according to the schema."""
    declared = schema.get("handlers", {})
    needed = {action for verb in ("create", "update") for action in declared.get(verb, {}).get("permissions", ())}
    return Handlers("iam:passrole" in {action.lower() for action in needed}, frozenset(needed))


def _reason(name: str, leaf: Schema) -> str:
    """Return why a string may be a role; empty if nothing suggests it."""
    formats = {leaf.get("format")} | {part.get("format") for part in leaf.get("anyOf", ()) if isinstance(part, dict)}
    if "AWS::IAM::Role.Arn" in formats:
        return "format"
    if "enum" in leaf:
        return ""
    if _ROLE_PATTERN.search(str(leaf.get("pattern", ""))):
        return "pattern"
    return "name" if _ROLE_NAME.fullmatch(name) else ""


def _below(path: str, prefix: str) -> bool:
    plain = "/".join(part for part in path.split("/") if part not in ("*", "{}"))
    wanted = "/".join(part for part in prefix.split("/") if part not in ("*", "properties", "items"))
    return plain == wanted or plain.startswith(f"{wanted}/")


def _find_strings(
    root: Schema, node: Any, path: tuple[str, ...], through: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Yield the strings below a node, with their paths.

    `through` are the references that led here: a recursive type is visited once.
    """
    if not isinstance(node, dict):
        return
    reference = node.get("$ref")
    if isinstance(reference, str):
        if reference not in through:
            yield from _find_strings(root, _resolve_reference(root, reference), path, (*through, reference))
        return
    for keyword in ("anyOf", "oneOf", "allOf"):
        for part in node.get(keyword, ()):
            yield from _find_strings(root, part, path, through)
    for name, part in node.get("properties", {}).items():
        yield from _find_strings(root, part, (*path, name), through)
    for part in node.get("patternProperties", {}).values():
        yield from _find_strings(root, part, (*path, "{}"), through)
    if isinstance(node.get("additionalProperties"), dict):
        yield from _find_strings(root, node["additionalProperties"], (*path, "{}"), through)
    if "items" in node:
        yield from _find_strings(root, node["items"], (*path, "*"), through)
    kinds = node.get("type")
    if path and (kinds == "string" or (isinstance(kinds, list) and "string" in kinds) or _untyped(node)):
        yield path, node


def _untyped(node: Schema) -> bool:
    return not {"type", "properties", "items", "anyOf", "oneOf", "allOf", "patternProperties"} & set(node)


def _resolve_reference(root: Schema, reference: str) -> Any:
    node: Any = root
    for part in reference.removeprefix("#/").split("/"):
        node = node.get(part.replace("~1", "/"), {}) if isinstance(node, dict) else {}
    return node
