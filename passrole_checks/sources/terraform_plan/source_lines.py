"""Lines of the Terraform configuration in place of the lines of a plan.

Values are those of the plan. A resource gets the position of its block, and a statement that of its counterpart in the
same policy of the configuration: the one with the same content, else the same Sid, else the same index if both have
equally many. A resource without a block gets the position of the call of its module, and keeps that of the plan if
there is none either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from passrole_checks.files.decoded_json import as_list, as_object, as_text
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.values.nodes import ListNode, Node, ObjectEntry, ObjectNode, Position, at_position, moved_to
from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Attachments,
    Configuration,
    Framework,
    ManagedAttachment,
    NoteKind,
    PolicyKind,
    ResourceDefinition,
    RoleDefinition,
    Unreadable,
)
from passrole_checks.sources.model.missing_sources import without_keys
from passrole_checks.sources.terraform_plan.merge_readings import merge_documents, parse_tree
from passrole_checks.sources.terraform_plan.model import PlanFile
from passrole_checks.sources.terraform_plan.plan_file import AWS_TYPES
from passrole_checks.sources.terraform_plan.source_configuration import PlanSource

_COMPARED = frozenset({PolicyKind.IDENTITY, PolicyKind.BOUNDARY, PolicyKind.SCP})  # policies that decide on access


class SourceLines:
    """Positions in a plan's configuration. ``differing``: positions of policies that differ from those of the plan."""

    def __init__(self, plan: PlanFile, source: PlanSource) -> None:
        self._plan, self._source = plan, source
        self.differing: dict[str, Position] = {}
        configuration = source.configuration
        every = (*configuration.policies, *configuration.change.unchanged) if configuration is not None else ()
        self._policies: dict[tuple[str, str], list[AttachedPolicy]] = {}
        for policy in every:
            for address in {policy.resource.address, without_keys(policy.resource.address)}:
                self._policies.setdefault((address, policy.path), []).append(policy)
        attachments = configuration.attached.managed_policies if configuration is not None else ()
        self._attachments = {
            (without_keys(each.resource.address), each.path, str(each.policy)): each.at for each in attachments
        }

    def locate(self, configuration: Configuration) -> Configuration:
        """Return the configuration of the plan with positions in the source, as one of Terraform."""
        return replace(
            configuration,
            framework=Framework.TERRAFORM,
            resources=tuple(map(self._resource, configuration.resources)),
            policies=tuple(map(self._policy, configuration.policies)),
            roles=tuple(map(self._role, configuration.roles)),
            received=tuple(
                replace(role, resource=self._resource(role.resource), at=self._place(role.resource.address) or role.at)
                for role in configuration.received
            ),
            attached=self._attached(configuration.attached),
            change=replace(configuration.change, unchanged=tuple(map(self._policy, configuration.change.unchanged))),
            notes=replace(configuration.notes, not_evaluated=tuple(map(self._note, configuration.notes.not_evaluated))),
        )

    def missing_in_source(self) -> Iterator[str]:
        """Yield the addresses of resources of the plan that the configuration does not have."""
        for resource in self._plan.resources.values():
            address = without_keys(resource.address)
            if address not in self._source.blocks and not self._is_opaque(address):
                yield resource.address

    def missing_in_plan(self) -> Iterator[tuple[str, Position]]:
        """Yield the AWS resources of the configuration that the configuration in the plan does not have."""
        root = as_object(self._plan.configuration.get("root_module"))
        if root:
            known = set(_planned_blocks(root))
            for address, at in self._source.blocks.items():
                if AWS_TYPES.match(address.split(".")[-2]) and address not in known:
                    yield address, at

    # -- positions

    def _place(self, address: str) -> Position | None:
        steps = without_keys(address).split(".")
        for end in range(len(steps), 0, -2):
            at = self._source.blocks.get(".".join(steps[:end]))
            if at is not None:
                return at
        return None

    def _is_opaque(self, address: str) -> bool:
        steps = address.split(".")
        return any(".".join(steps[:end]) in self._source.opaque for end in range(2, len(steps), 2))

    def _resource(self, resource: ResourceDefinition) -> ResourceDefinition:
        return replace(resource, framework=Framework.TERRAFORM, at=self._place(resource.address) or resource.at)

    def _note(self, entry: Unreadable) -> Unreadable:
        """Return a note on a resource of the plan at its block, on commands where it is, any other on the folder."""
        if entry.file != self._plan.file or entry.kind is NoteKind.COMMAND:
            return entry
        address = entry.reason.partition(": ")[0]
        at = self._place(address) if address in self._plan.resources else None
        if at is None:
            return replace(entry, file=str(self._source.folder), line=None)
        return replace(entry, file=at.file, line=at.line)

    def _role(self, role: RoleDefinition) -> RoleDefinition:
        at = self._place(role.resource.address)
        trust = at_lines(role.trust, {}, at) if role.trust is not None and at is not None else role.trust
        return replace(role, resource=self._resource(role.resource), trust=trust)

    def _policy(self, policy: AttachedPolicy) -> AttachedPolicy:
        resource, at = self._resource(policy.resource), self._place(policy.resource.address)
        if at is None:
            return replace(policy, resource=resource)
        planned = self._plan.resources.get(policy.resource.address)
        if planned is not None and self._source.differs(planned):
            self.differing.setdefault(planned.address, at)
        if policy.document.at.file != self._plan.file:  # completed by the configuration
            return replace(policy, resource=resource)
        address = policy.resource.address
        candidates = self._policies.get((address, policy.path)) or self._policies.get(
            (without_keys(address), policy.path), []
        )
        written = {each.document.at: each.document for each in candidates}
        if len(written) != 1:
            return replace(policy, resource=resource, document=at_lines(policy.document, {}, at))
        (whole, document) = written.popitem()
        if policy.kind in _COMPARED and merge_documents(policy.document, document) is None:
            self.differing.setdefault(address, whole)
        statements = dict(_counterparts(policy.document, document))
        return replace(policy, resource=resource, document=at_lines(policy.document, statements, whole))

    def _attachment(self, attachment: ManagedAttachment) -> ManagedAttachment:
        resource = self._resource(attachment.resource)
        place = (without_keys(resource.address), attachment.path, str(attachment.policy))
        at = self._attachments.get(place) or self._place(attachment.resource.address)
        if at is None:
            return replace(attachment, resource=resource)
        return replace(attachment, resource=resource, at=at, policy=at_position(attachment.policy, at))

    def _attached(self, attached: Attachments) -> Attachments:
        return replace(
            attached,
            managed_policies=tuple(map(self._attachment, attached.managed_policies)),
            boundaries=tuple(
                replace(use, policy=self._policy(use.policy)) if isinstance(use.policy, AttachedPolicy) else use
                for use in attached.boundaries
            ),
            targets=tuple((target, when, self._policy(policy)) for target, when, policy in attached.targets),
        )


def at_lines(document: Node, statements: Mapping[str, Statement], whole: Position) -> Node:
    """Return a document whose statements, by their paths, have the positions and the notation of others, and all else
    the position ``whole``."""
    tree = parse_tree(document)
    if not isinstance(tree, ObjectNode):
        return moved_to(document, whole)

    def located(node: Node, path: str) -> Node:
        other = statements.get(path)
        moved = moved_to(node, other.at if other is not None else whole)
        return replace(moved, block=other.block) if other is not None and isinstance(moved, ObjectNode) else moved

    def value(entry: ObjectEntry) -> Node:
        if entry.key.literal != "Statement":
            return moved_to(entry.value, whole)
        if not isinstance(entry.value, ListNode):
            return located(entry.value, "Statement")
        items = enumerate(entry.value.items)
        return ListNode(tuple(located(item, f"Statement/{number}") for number, item in items), whole)

    entries = (ObjectEntry(at_position(entry.key, whole), value(entry)) for entry in tree.entries)
    return replace(tree, entries=tuple(entries), at=whole)


def _counterparts(planned: Node, written: Node) -> Iterator[tuple[str, Statement]]:
    """Yield the paths of the statements of a planned document that have a counterpart in the written one, with that."""
    rest = list(parse_document(planned).statements)
    counterparts = {statement.at: statement for statement in reversed(parse_document(written).statements)}
    if len(rest) == len(counterparts):
        in_order = sorted(counterparts.values(), key=lambda statement: (statement.at.line, statement.at.column))
        same_index = {id(one): other for one, other in zip(rest, in_order, strict=True)}
    else:
        same_index = {}
    for is_counterpart in (
        lambda one, other: one.identity == other.identity,
        lambda one, other: bool(one.sid) and one.sid == other.sid,
        lambda one, other: same_index.get(id(one)) is other,
    ):
        for statement in list(rest):
            other = next((each for each in counterparts.values() if is_counterpart(statement, each)), None)
            if other is not None:
                del counterparts[other.at]
                rest.remove(statement)
                yield statement.path, other


def _planned_blocks(module: dict[str, Json], prefix: str = "") -> Iterator[str]:
    """Yield the addresses of the resources in the configuration of a plan."""
    for resource in map(as_object, as_list(module.get("resources"))):
        yield f"{prefix}{as_text(resource.get('address'))}"
    for name, call in as_object(module.get("module_calls")).items():
        yield from _planned_blocks(as_object(as_object(call).get("module")), f"{prefix}module.{name}.")
