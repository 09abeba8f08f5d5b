"""Policy documents and AWS managed policies that leave the configuration, in the values of a plan or a state.

As in :mod:`passrole_checks.sources.terraform.policies.handed_out`: resources of types that do not attach IAM policies
themselves, and outputs of the root module.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from passrole_checks.files.decoded_json import as_object
from passrole_checks.iam.documents.json_document import parse_json
from passrole_checks.iam.values.nodes import Node, text
from passrole_checks.sources.collect.handed_out import (
    AWS_MANAGED,
    MAX_DEPTH,
    decode_base64,
    documents_in_text,
    hands_nothing_out,
    infer_policy_kind,
    is_document,
    judged_by_name,
    makes_organization_policies,
    managed_policies_in,
)
from passrole_checks.sources.files.json_positions import Json, find_member
from passrole_checks.sources.model.configuration import (
    OUTPUT,
    AttachedPolicy,
    Framework,
    HandedTo,
    ManagedAttachment,
    PolicyKind,
    ResourceDefinition,
)
from passrole_checks.sources.terraform_plan.model import PlanFile, PlannedResource

AFTER, BEFORE = "after", "before"  # values of an output that a plan changes
_MARKS = ('"Statement"', "eyJ", "ewo", "eyA")


def handed_out_by(plan: PlanFile, resource: PlannedResource) -> Iterator[AttachedPolicy]:
    """Yield the policy documents in the values of a resource; ``path`` leads from the attribute to each."""
    if hands_nothing_out(resource.type) or not _mentions(resource.values, *_MARKS):
        return
    for keys, document in _documents(plan, resource, resource.values, (), MAX_DEPTH):
        policy = _policy(resource.definition, "/".join(map(str, keys)), document, HandedTo.RESOURCE)
        is_scp = makes_organization_policies(json.dumps(resource.values))
        yield replace(policy, kind=PolicyKind.SCP) if is_scp else judged_by_name(policy, (resource.name,))


def managed_policies_by(plan: PlanFile, resource: PlannedResource) -> Iterator[ManagedAttachment]:
    """Yield the AWS managed policies in the values of a resource of another provider, except permissions
    boundaries."""
    if resource.type.startswith(("aws_", "awscc_")) or hands_nothing_out(resource.type):
        return
    for name, value in resource.values.items():
        if not _mentions(value, AWS_MANAGED):
            continue
        node = parse_json(text(json.dumps(value), plan.position_of(resource, name)))
        for path, when, arn in managed_policies_in(node, name):
            yield ManagedAttachment(
                resource.address, arn, resource.definition, path, arn.at, when, handed_to=HandedTo.RESOURCE
            )


def handed_out_by_outputs(plan: PlanFile, *, unchanged: bool) -> Iterator[AttachedPolicy]:
    """Yield the policy documents in the outputs that a plan changes, with ``unchanged`` in all, or of a state."""
    for start, key, name, output in _outputs(plan):
        actions = output.get("actions")
        if actions not in (["no-op"], ["delete"]) or (unchanged and actions == ["no-op"]):
            yield from _handed_out_by_output(plan, start, name, output, key)


def handed_out_by_outputs_before(plan: PlanFile) -> Iterator[AttachedPolicy]:
    """Yield the policy documents in the outputs before a plan."""
    for start, key, name, output in _outputs(plan):
        if key == AFTER:
            yield from _handed_out_by_output(plan, start, name, output, BEFORE)


def _handed_out_by_output(
    plan: PlanFile, start: int, name: str, output: dict[str, Json], key: str
) -> Iterator[AttachedPolicy]:
    """Yield the policy documents in the value ``key`` of an output; the outputs begin at ``start``."""
    member = find_member(plan.text, start, (name,))
    if member is None or not _mentions(output.get(key), *_MARKS):
        return
    at = plan.lines.position(member.start, member.end)
    stand_in = PlannedResource(f"output.{name}", OUTPUT, name, "", "", True, output, False, at, member.start, ())
    definition = ResourceDefinition(stand_in.address, OUTPUT, Framework.TERRAFORM_PLAN, at)
    for keys, document in _documents(plan, stand_in, output.get(key), (key,), MAX_DEPTH):
        path = "/".join(("value", *map(str, keys[1:])))
        yield judged_by_name(_policy(definition, path, document, HandedTo.OUTPUT, name), (name,))


def _policy(
    definition: ResourceDefinition, path: str, document: Node, handed_to: HandedTo, name: str = ""
) -> AttachedPolicy:
    kind = infer_policy_kind(f"{name}/{path}", document)
    return AttachedPolicy(definition, path, document, kind, handed_to=handed_to)


def _documents(
    plan: PlanFile, resource: PlannedResource, value: Json, keys: tuple[str | int, ...], depth: int
) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    """Yield the documents at or below a value, each with the keys that lead to it."""
    if isinstance(value, str):
        if _mentions(value, *_MARKS):
            node = decode_base64(plan.located_string(resource, value, *keys))
            path = "/".join(map(str, keys))
            found = [(path, node)] if is_document(node) else documents_in_text(node, path)
            for place, document in found:
                yield (*keys, *place.removeprefix(path).split("/")[1:]), document
    elif isinstance(value, dict) and "Statement" in value:
        node = parse_json(text(json.dumps(value), plan.position_of(resource, *keys)))
        if is_document(node):
            yield keys, node
    elif depth and isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _documents(plan, resource, item, (*keys, key), depth - 1)


def _outputs(plan: PlanFile) -> Iterator[tuple[int, str, str, dict[str, Json]]]:
    """Yield each output, with the offset of all outputs, the key of its value, and its name."""
    for start, key in plan.outputs:
        with suppress(ValueError, RecursionError):
            for name, output in as_object(json.JSONDecoder().raw_decode(plan.text, start)[0]).items():
                yield start, key, name, as_object(output)


def _mentions(value: Json, *words: str) -> bool:
    """True if a string at or below a value contains one of some texts."""
    pending, shortest = [value], min(map(len, words))
    while pending:
        current = pending.pop()
        if isinstance(current, str):
            if len(current) >= shortest and any(word in current for word in words):
                return True
        elif isinstance(current, dict):
            if "Statement" in current:
                return True
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
    return False
