"""The Terraform configuration that a plan was made from, where it is at hand.

A plan tells of an expression only the names that it mentions ("JSON Output Format", expression representation); the
configuration has it whole. It is evaluated with the values that the plan has for its variables, and completes what the
plan leaves open. What the plan knows wins: where the two differ, the configuration is of another version.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.iam.partial_values import (
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    holes_in,
    text,
    unknown,
)
from passrole_checks.sources.files.access_log import log_file, log_links
from passrole_checks.sources.files.json_positions import Member, members
from passrole_checks.sources.files.read_boundary import repository_around
from passrole_checks.sources.model.configuration import AttachedPolicy, Inputs, Suppression, Unreadable
from passrole_checks.sources.model.terraform_policy_attributes import (
    IDENTITY_POLICIES,
    NESTED_POLICIES,
    RESOURCE_POLICIES,
)
from passrole_checks.sources.terraform_plan.merge_readings import agreed
from passrole_checks.sources.terraform_plan.model import (
    DOCUMENT,
    PlanFile,
    PlannedResource,
    as_list,
    as_object,
    as_text,
    module_steps,
    without_key,
)
from passrole_checks.sources.terraform_plan.references import PlanReference, without_index

if TYPE_CHECKING:
    from passrole_checks.sources.terraform.modules.module import Module

_COMPARED = ("name", "name_prefix", "path", "description")
_NAMES = frozenset({"id", "name"})
_DEPTH = 40


class PlanSource:
    """What the configuration in a folder says of the resources of a plan.

    ``unreadable``: what in the folder could not be read, and that there is none. ``files``: those that were read,
    ``excluded``: those that were left out on request.
    """

    def __init__(self, plan: PlanFile, folder: Path, inputs: Inputs) -> None:
        from passrole_checks.sources import terraform  # heavy, and needed only here

        self.policies: dict[str, list[AttachedPolicy]] = {}
        self.received: dict[tuple[str, str], Node] = {}  # by the address of the resource, and the way to the value
        self.plan = plan
        self.unreadable: tuple[Unreadable, ...] = ()
        self.not_evaluated: tuple[Unreadable, ...] = ()
        self.files: tuple[str, ...] = ()
        self.excluded: tuple[str, ...] = ()
        self._literals: dict[tuple[str, str], str] = {}
        self._suppressions: tuple[Suppression, ...] = ()
        self._used: list[Position] = []
        self.missed = False  # whether a document was not found
        log_links(os.path.abspath(folder))
        full = Path(os.path.realpath(folder))
        log_file(full)
        if not os.path.isdir(full):
            self.unreadable = (Unreadable(str(folder), "no such folder (--source)"),)
            return

        def look(root: Module) -> None:
            self._literals = dict(_literals(root))

        values = tuple(_variables(plan))
        given = replace(inputs, source=None, values=values)
        found = terraform.load(full, boundary=repository_around(full), inputs=given, look=look)
        if not found.files:
            self.unreadable = (Unreadable(str(folder), "no Terraform configuration here (--source)"),)
            return
        for policy in found.policies:
            self.policies.setdefault(policy.resource.address, []).append(policy)
        self.received = {(one.resource.address, one.attribute): one.value for one in found.received}
        self.unreadable, self.not_evaluated, self.files = found.unreadable, found.not_evaluated, found.files
        self._suppressions, self.excluded = found.suppressions, found.excluded

    def completed(self, resource: PlannedResource, path: str, shown: Node, found: tuple[PlanReference, ...]) -> Node:
        """A document that a plan has ``shown`` with holes, with what the configuration says of it.

        ``path`` leads to it from the resource's attributes; ``found`` are the names that its expression mentions.
        """
        if next(holes_in(shown), None) is None:
            return shown
        candidates = self._candidates(resource, path)
        agreeing = [
            node
            for policy in candidates
            if _may_be_unknown(shown, found, policy.document)
            and _mentions(found, policy.document)
            and (node := agreed(shown, policy.document)) is not None
        ]
        if len(agreeing) != 1:
            self.missed = self.missed or not candidates
            return shown
        self._used.append(agreeing[0].at)
        return agreeing[0]

    def given(self, resource: PlannedResource, attribute: str, shown: Node) -> Node:
        """The role that a resource is given, where a plan has ``shown`` nothing but the names in its expression, of
        which it is one. What is none of them is of another version, as is a role that the plan does not have."""
        said = self.received.get((resource.address, attribute))
        if said is None:
            said = self.received.get((_without_keys(resource.address), attribute))
        named = {hole.role for hole in holes_in(shown) if hole.role is not None}
        meant = {hole.role for hole in holes_in(said) if hole.role is not None} if said is not None else set()
        if said is None or not _is_open(shown) or _is_open(said) or not (meant <= named or not named):
            return shown
        return said if all(role in self.plan.resources for role in meant) else shown

    def made_by_dynamic(self, resource: PlannedResource, attribute: str) -> Iterator[Node]:
        """The policies in blocks of which a plan tells nothing at all: ``dynamic`` makes them of what is not known.

        Where the configuration knows all of them, the plan would as well: it is of another version.
        """
        nested = [policy for policy in self._policies(resource) if policy.path.startswith(f"{attribute}/")]
        if any(next(holes_in(policy.document), None) is not None for policy in nested):
            for policy in nested:
                self._used.append(policy.document.at)
                yield policy.document

    def _policies(self, resource: PlannedResource) -> list[AttachedPolicy]:
        """The policies that the configuration has in a resource, none where it is another resource there."""
        address = resource.address
        policies = self.policies.get(address)
        if policies is None:
            # keys that the configuration does not know before apply
            address = _without_keys(address)
            policies = self.policies.get(address, [])
        for attribute in _COMPARED:
            planned, said = as_text(resource.values.get(attribute)), self._literals.get((address, attribute))
            if planned is not None and said is not None and planned != said:
                return []
        return policies

    def _candidates(self, resource: PlannedResource, path: str) -> list[AttachedPolicy]:
        """The policies that the configuration may mean by a document of a resource."""
        policies = self._policies(resource)
        address = resource.address if resource.address in self.policies else _without_keys(resource.address)
        if "/" not in path:
            return [policy for policy in policies if policy.path == path]
        # of nested policies the plan has a set: they go by their name, and by their place where the plan has none
        attribute, number, _ = path.split("/")
        nested = [policy for policy in policies if policy.path.startswith(f"{attribute}/")]
        blocks = as_list(resource.values.get(attribute))
        if not blocks:
            return [policy for policy in nested if policy.path == path]
        name = as_text(as_object(blocks[int(number)]).get("name")) if int(number) < len(blocks) else None
        found: list[AttachedPolicy] = []
        for policy in nested:
            own = self._literals.get((address, policy.path.rpartition("/")[0]))
            if name is None or own is None or own == name:
                found.append(policy)
        return found

    def suppressions(self, addresses: set[str]) -> tuple[Suppression, ...]:
        """The suppressions that speak of these resources, or of statements that stand in the configuration."""
        return tuple(
            item
            for item in self._suppressions
            if item.resource in addresses
            or any(
                item.span is not None and item.span.file == at.file and item.span.covers(at.line) for at in self._used
            )
        )


def _may_be_unknown(shown: Node, found: tuple[PlanReference, ...], document: Node) -> bool:
    """Whether a document can be one that is not known until apply: one without any hole is of another version.

    Here the name of a role is known that Terraform knows only after apply when it is taken from the role's ``id``.
    """
    whole = isinstance(shown, StringNode) and shown.only_hole is not None
    return (
        not whole
        or next(holes_in(document), None) is not None
        or any(reference.attribute in _NAMES for reference in found)
    )


def _is_open(node: Node) -> bool:
    """Whether a value is one of which nothing is known, or has alternatives."""
    only = node.only_hole if isinstance(node, StringNode) else None
    return isinstance(node, Choice) or (only is not None and only.role is None and only.known is None)


def _mentions(found: tuple[PlanReference, ...], document: Node) -> bool:
    """Whether the roles in a document can be those that the plan's configuration names."""
    named = without_index(found)
    if not named or any(item.resource is None or f"{DOCUMENT}." in item.text for item in named):
        return True  # not all of the names are told
    known = {without_key(item.resource) for item in named if item.resource is not None}
    return all(hole.role is None or without_key(hole.role) in known for hole in holes_in(document))


def _literals(root: Module) -> Iterator[tuple[tuple[str, str], str]]:
    """The attributes of resources with policies that tell one version of a configuration from another."""
    from passrole_checks.sources.terraform.evaluation.symbolic_values import literal
    from passrole_checks.sources.terraform.resources.blocks import blocks_of
    from passrole_checks.sources.terraform.resources.entities import written

    kinds = {*IDENTITY_POLICIES, *NESTED_POLICIES, *RESOURCE_POLICIES}
    for module in root.walk():
        for block in module.folder.resources:
            if block.labels[0] not in kinds:
                continue
            for instance in module.instances(block).items:
                scope = module.scope(block.source, instance)
                address = module.prefixed(f"{block.labels[0]}.{block.labels[1]}{instance.suffix}")
                nested = NESTED_POLICIES.get(block.labels[0], ("", ""))[0]
                for place, (_, inner, own) in enumerate(blocks_of(block.body, nested, scope) if nested else ()):
                    value = written(inner, "name", own)
                    known = literal(value) if value is not None else None
                    if known is not None:
                        yield (address, f"{nested}/{place}"), known
                for attribute in _COMPARED:
                    value = written(block, attribute, scope)
                    known = literal(value) if value is not None else None
                    if known is not None:
                        yield (address, attribute), known


def _without_keys(address: str) -> str:
    """An address without any instance key, its modules' included."""
    steps = module_steps(address)
    rest = address[len(".".join(steps)) :].lstrip(".")
    return ".".join((*(step.partition("[")[0] for step in steps), without_key(rest)))


def _variables(plan: PlanFile) -> Iterator[tuple[str, Node]]:
    """The values that the plan was made with, by name, each with its place in the plan."""
    if plan.variables is None:
        return
    for variable in members(plan.text, plan.variables[0]):
        for part in members(plan.text, variable.start):
            if part.key == "value":
                yield str(variable.key), _node(plan, part, 0)


def _node(plan: PlanFile, member: Member, depth: int) -> Node:
    at, value = plan.lines.position(member.start, member.end), member.value
    if isinstance(value, str):
        return text(value, at)
    if value is None or isinstance(value, (bool, int, float)):
        return Const(value, at)
    if depth > _DEPTH:
        return unknown("…", at, "nested too deeply")
    found = [(item.key, _node(plan, item, depth + 1)) for item in members(plan.text, member.start)]
    if isinstance(value, list):
        return ListNode(tuple(node for _, node in found), at)
    return ObjectNode(tuple(ObjectEntry(StringNode((str(key),), at), node) for key, node in found), at)
