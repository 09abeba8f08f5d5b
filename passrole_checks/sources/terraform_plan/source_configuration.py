"""The Terraform configuration that a plan was created from, if given with ``--source``.

A plan has only the references of an expression ("JSON Output Format", expression representation); the configuration has
all of it. It is evaluated with the plan's variable values, and completes what the plan leaves unknown. Known values of
the plan take precedence: where the two differ, the configuration is of another version.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.files.decoded_json import as_list, as_object, as_text
from passrole_checks.files.safe_read import real_path
from passrole_checks.files.unsaved_texts import is_folder
from passrole_checks.iam.values.nodes import (
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    text,
    unresolved,
    unresolved_in,
)
from passrole_checks.sources.collect.terraform_tables import IDENTITY_POLICIES, NESTED_POLICIES, RESOURCE_POLICIES
from passrole_checks.sources.files.json_positions import Member, members
from passrole_checks.sources.files.read_boundary import repository_around
from passrole_checks.sources.model.addresses import without_key
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Configuration,
    Inputs,
    NoteKind,
    Suppression,
    Unreadable,
)
from passrole_checks.sources.model.missing_sources import without_keys
from passrole_checks.sources.terraform_plan.merge_readings import merge_documents
from passrole_checks.sources.terraform_plan.model import DOCUMENT, PlanFile, PlannedResource
from passrole_checks.sources.terraform_plan.references import PlanReference, without_index

if TYPE_CHECKING:
    from passrole_checks.sources.terraform.modules.module import Module

_COMPARED = ("name", "name_prefix", "path", "description")
_NAMES = frozenset({"id", "name"})
_MAX_DEPTH = 40


class PlanSource:
    """Policies and roles in a folder's configuration, by resource of the plan.

    ``unreadable``: what could not be read in the ``folder``, or that it has no configuration. ``files``: files that
    were read. ``excluded``: files excluded on request. ``configuration``: the evaluated folder, None if there is none.
    ``blocks``: positions of resources, outputs and module calls by address without instance keys. ``opaque``: such
    addresses of the module calls whose module is not available, or has no instance.
    """

    def __init__(self, plan: PlanFile, folder: Path, inputs: Inputs) -> None:
        from passrole_checks.sources import terraform  # slow import, needed only here

        self.policies: dict[str, list[AttachedPolicy]] = {}
        self.received: dict[tuple[str, str], Node] = {}  # by resource address and path of the value
        self.plan, self.folder = plan, folder
        self.unreadable: tuple[Unreadable, ...] = ()
        self.not_evaluated: tuple[Unreadable, ...] = ()
        self.files: tuple[str, ...] = ()
        self.excluded: tuple[str, ...] = ()
        self._literals: dict[tuple[str, str], str] = {}
        self._suppressions: tuple[Suppression, ...] = ()
        self._used: list[Position] = []
        self.configuration: Configuration | None = None
        self.blocks: dict[str, Position] = {}
        self.opaque: frozenset[str] = frozenset()
        self.unmatched = False  # true if a policy of the plan is not in the configuration
        full = Path(real_path(os.path.abspath(folder)))
        if not is_folder(full):
            self.unreadable = (Unreadable(str(folder), "--source: folder not found"),)
            return

        def look(root: Module) -> None:
            self._literals = dict(_identities(root))
            self.blocks, self.opaque = dict(_blocks(root)), frozenset(_opaque_calls(root))

        values = tuple(_variables(plan))
        source_inputs = replace(inputs, source=None, values=values)
        configuration = terraform.load(full, boundary=repository_around(full), inputs=source_inputs, inspect=look)
        if not configuration.files:
            self.unreadable = (Unreadable(str(folder), "--source: folder contains no Terraform configuration"),)
            return
        self.configuration = configuration
        for policy in configuration.policies:
            self.policies.setdefault(policy.resource.address, []).append(policy)
        self.received = {(role.resource.address, role.attribute): role.value for role in configuration.received}
        self.unreadable, self.not_evaluated = configuration.notes.unreadable, configuration.notes.not_evaluated
        self.files, self.excluded = configuration.files, configuration.notes.excluded
        self._suppressions = configuration.notes.suppressions

    @property
    def notes(self) -> tuple[Unreadable, ...]:
        """The notes that are about the plan as well: those on commands, of which a plan has the constant ones only, and
        all of them if a policy of the plan is not in the configuration."""
        return tuple(note for note in self.not_evaluated if self.unmatched or note.kind is NoteKind.COMMAND)

    def complete_document(
        self, resource: PlannedResource, path: str, shown: Node, references: tuple[PlanReference, ...]
    ) -> Node:
        """Return a partially unknown document of a plan (``shown``), completed by the configuration.

        ``path`` leads to it from the resource's attributes; ``references`` are those of its expression.
        """
        if next(unresolved_in(shown), None) is None:
            return shown
        candidates = self._candidates(resource, path)
        agreeing = [
            node
            for policy in candidates
            if _may_be_unknown(shown, references, policy.document)
            and _mentions(references, policy.document)
            and (node := merge_documents(shown, policy.document)) is not None
        ]
        if len(agreeing) != 1:
            self.unmatched = self.unmatched or not candidates
            return shown
        self._used.append(agreeing[0].at)
        return agreeing[0]

    def complete_role(self, resource: PlannedResource, attribute: str, shown: Node) -> Node:
        """Return the role that a resource receives, if the plan has ``shown`` only the references of its expression.

        A role that is not referenced, or not in the plan, shows that the configuration is of another version.
        """
        configured = self.received.get((resource.address, attribute))
        if configured is None:
            configured = self.received.get((without_keys(resource.address), attribute))
        if configured is None or not _is_undetermined(shown) or _is_undetermined(configured):
            return shown
        referenced, roles = _roles_in(shown), _roles_in(configured)
        is_same_version = roles <= self.plan.resources.keys() and (roles <= referenced or not referenced)
        return configured if is_same_version else shown

    def dynamic_policies(self, resource: PlannedResource, attribute: str) -> Iterator[Node]:
        """Yield the policies in ``dynamic`` blocks over unknown values, which a plan omits.

        If the configuration knew all of them, the plan would too: then the configuration is of another version.
        """
        nested = [policy for policy in self._policies(resource) if policy.path.startswith(f"{attribute}/")]
        if any(next(unresolved_in(policy.document), None) is not None for policy in nested):
            for policy in nested:
                self._used.append(policy.document.at)
                yield policy.document

    def _policies(self, resource: PlannedResource) -> list[AttachedPolicy]:
        """Return the configuration's policies of a resource; none if it has a different resource at that address."""
        address = resource.address
        policies = self.policies.get(address)
        if policies is None:
            # the configuration may not know instance keys before apply
            address = without_keys(address)
            policies = self.policies.get(address, [])
        return [] if self.differs(resource) else policies

    def differs(self, resource: PlannedResource) -> bool:
        """True if a resource has another name, path or description in the configuration."""
        whole = without_keys(resource.address)
        for attribute in _COMPARED:
            planned = as_text(resource.values.get(attribute))
            configured = self._literals.get((resource.address, attribute), self._literals.get((whole, attribute)))
            if planned is not None and configured is not None and planned != configured:
                return True
        return False

    def _candidates(self, resource: PlannedResource, path: str) -> list[AttachedPolicy]:
        """Return the policies of the configuration that may be a document of a resource."""
        policies = self._policies(resource)
        address = resource.address if resource.address in self.policies else without_keys(resource.address)
        if "/" not in path:
            return [policy for policy in policies if policy.path == path]
        # nested policies are a set in the plan: match by name, or by position if the plan has no values
        attribute, number, _ = path.split("/")
        nested = [policy for policy in policies if policy.path.startswith(f"{attribute}/")]
        blocks = as_list(resource.values.get(attribute))
        if not blocks:
            return [policy for policy in nested if policy.path == path]
        name = as_text(as_object(blocks[int(number)]).get("name")) if int(number) < len(blocks) else None
        candidates: list[AttachedPolicy] = []
        for policy in nested:
            own = self._literals.get((address, policy.path.rpartition("/")[0]))
            if name is None or own is None or own == name:
                candidates.append(policy)
        return candidates

    def suppressions(self, addresses: set[str]) -> tuple[Suppression, ...]:
        """Return the suppressions of these resources, and those around statements that came from the configuration."""
        return tuple(
            item
            for item in self._suppressions
            if item.resource in addresses
            or any(
                item.span is not None and item.span.file == at.file and item.span.covers(at.line) for at in self._used
            )
        )


def _may_be_unknown(shown: Node, references: tuple[PlanReference, ...], document: Node) -> bool:
    """True if a document can be one that is known after apply: a completely known one is of another version.

    Exception: role names from a role's ``id`` are known here, while Terraform knows them after apply only.
    """
    whole = isinstance(shown, StringNode) and shown.only_unresolved is not None
    return (
        not whole
        or next(unresolved_in(document), None) is not None
        or any(reference.attribute in _NAMES for reference in references)
    )


def _roles_in(node: Node) -> set[str]:
    return {part.role for part in unresolved_in(node) if part.role is not None}


def _is_undetermined(node: Node) -> bool:
    """True if a value is completely unresolved or has alternatives."""
    only = node.only_unresolved if isinstance(node, StringNode) else None
    return isinstance(node, Choice) or (only is not None and only.role is None and only.known is None)


def _mentions(references: tuple[PlanReference, ...], document: Node) -> bool:
    """True if the roles in a document can be those that the plan's expression refers to."""
    targets = without_index(references)
    if not targets or any(item.resource is None or f"{DOCUMENT}." in item.text for item in targets):
        return True  # not all references are roles
    known = {without_key(item.resource) for item in targets if item.resource is not None}
    return all(part.role is None or without_key(part.role) in known for part in unresolved_in(document))


def _identities(root: Module) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield attributes of resources with policies that distinguish versions of a configuration."""
    from passrole_checks.sources.terraform.evaluation.symbolic_values import known_string
    from passrole_checks.sources.terraform.resources.blocks import blocks_of
    from passrole_checks.sources.terraform.resources.entities import value_of

    kinds = {*IDENTITY_POLICIES, *NESTED_POLICIES, *RESOURCE_POLICIES}
    for module in root.walk():
        for block in module.folder.resources:
            if block.labels[0] not in kinds:
                continue
            for instance in module.instances(block).items:
                scope = module.scope(block.source, instance)
                address = module.full_address(f"{block.labels[0]}.{block.labels[1]}{instance.suffix}")
                nested = NESTED_POLICIES.get(block.labels[0], ("", ""))[0]
                for index, (_, inner, own) in enumerate(blocks_of(block.body, nested, scope) if nested else ()):
                    value = value_of(inner, "name", own)
                    known = known_string(value) if value is not None else None
                    if known is not None:
                        yield (address, f"{nested}/{index}"), known
                for attribute in _COMPARED:
                    value = value_of(block, attribute, scope)
                    known = known_string(value) if value is not None else None
                    if known is not None:
                        yield (address, attribute), known


def _blocks(root: Module) -> Iterator[tuple[str, Position]]:
    """Yield the address, without instance keys, and the position of each resource, module call and root output."""
    for module in root.walk():
        prefix = "".join(f"module.{name}." for name in module.key)
        for block in module.folder.resources:
            yield f"{prefix}{block.labels[0]}.{block.labels[1]}", module.scope(block.source).position(block.span)
        for name, block in module.folder.modules.items():
            yield f"{prefix}module.{name}", module.scope(block.source).position(block.span)
    for name, block in root.folder.outputs.items():
        yield f"output.{name}", root.scope(block.source).position(block.span)


def _opaque_calls(root: Module) -> Iterator[str]:
    """Yield the module calls, as addresses without instance keys, below which the configuration shows nothing."""
    for module in root.walk():
        for name, block in module.folder.modules.items():
            if not module.children(block):
                yield ".".join(f"module.{step}" for step in (*module.key, name))


def _variables(plan: PlanFile) -> Iterator[tuple[str, Node]]:
    """Yield the variable values of the plan by name, each with its position."""
    if plan.variables is None:
        return
    for variable in members(plan.text, plan.variables[0]):
        for part in members(plan.text, variable.start):
            if part.key == "value":
                yield str(variable.key), _to_node(plan, part, 0)


def _to_node(plan: PlanFile, member: Member, depth: int) -> Node:
    at, value = plan.lines.position(member.start, member.end), member.value
    if isinstance(value, str):
        return text(value, at)
    if value is None or isinstance(value, (bool, int, float)):
        return Const(value, at)
    if depth > _MAX_DEPTH:
        return unresolved("…", at, "nested too deeply")
    children = [(item.key, _to_node(plan, item, depth + 1)) for item in members(plan.text, member.start)]
    if isinstance(value, list):
        return ListNode(tuple(node for _, node in children), at)
    return ObjectNode(tuple(ObjectEntry(StringNode((str(key),), at), node) for key, node in children), at)
