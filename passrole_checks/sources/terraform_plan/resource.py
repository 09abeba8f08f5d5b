"""A resource of a plan, as :mod:`passrole_checks.sources.collect` reads it.

A document that refers to a new resource is "known after apply" as a whole; it is built from other parts of the plan.
Source: Terraform documentation, "JSON Output Format" ("Change Representation", "Expression Representation").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from passrole_checks.files.decoded_json import as_list, as_object, as_text
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import ListNode, Node, ObjectNode, Position, StringNode, text
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.iam.values.variants import flatten_variants
from passrole_checks.sources.collect import terraform_tables as tables
from passrole_checks.sources.collect.attachments import management_account, resolve_boundary
from passrole_checks.sources.collect.resource import (
    AttachedValue,
    AttachmentAttributes,
    BoundaryVariant,
    FoundDocument,
    Holders,
)
from passrole_checks.sources.collect.tables import AccessTables
from passrole_checks.sources.files.json_positions import Json
from passrole_checks.sources.model.configuration import ResourceDefinition
from passrole_checks.sources.terraform_plan.attachments import BOUNDARY, PlanAttachments
from passrole_checks.sources.terraform_plan.documents import PlanDocuments
from passrole_checks.sources.terraform_plan.model import PlannedResource
from passrole_checks.sources.terraform_plan.plan_file import uses_default_provider
from passrole_checks.sources.terraform_plan.source_configuration import PlanSource

_CALLER = lazy_regex(r"(?:^|\.)data\.aws_caller_identity\.")


@dataclass(frozen=True)
class PlanResource:
    """A resource of a plan. ``source``: the Terraform configuration of the plan, if given."""

    attachments: PlanAttachments
    documents_of_plan: PlanDocuments
    source: PlanSource | None
    resource: PlannedResource

    @property
    def definition(self) -> ResourceDefinition:
        return self.resource.definition

    @property
    def tables(self) -> AccessTables:
        return tables.TERRAFORM

    @property
    def principal(self) -> str:
        return self.resource.address

    def names(self) -> Iterable[str]:
        return dict.fromkeys((*self.resource.values, *as_object(self.resource.unknown)))

    def value(self, name: str) -> Node:
        return self.attachments.values.value_of(self.resource, name)

    def word(self, name: str) -> str | None:
        return as_text(self.resource.values.get(name))

    def documents(self, attribute: str, *, required: bool) -> Iterator[FoundDocument]:
        # an optional attribute that is omitted is often computed
        if not (required or self._written(attribute) is not None or self.word(attribute)):
            return
        document = self.document(attribute, required=required)
        if document is not None:
            yield FoundDocument(attribute, document, self.word(tables.POLICY_NAMES.get(self.resource.type, "")) or "")

    def document(self, attribute: str, *, required: bool) -> Node | None:
        """Return the document in an attribute, from other parts of the plan if it is known after apply only."""
        plan, resource = self.attachments.plan, self.resource
        value = resource.values.get(attribute)
        if isinstance(value, str) and (value.strip() or required):
            return plan.located_string(resource, value, attribute)
        if resource.is_unknown(attribute) or (value is None and required):
            at = plan.position_of_unknown(resource, attribute)
            return self.unknown_document(self._written(attribute), attribute, at)
        if value is not None and not isinstance(value, str):
            plan.add_unreadable(f"{resource.address}: {attribute} is not a string", resource.start, resource.address)
            return self.unknown_document(None, attribute, resource.at)
        return None

    def inline_policies(self, attribute: str, key: str) -> Iterator[FoundDocument]:
        """Yield the inline policies; without any, the plan has "known after apply" too."""
        plan, resource = self.attachments.plan, self.resource
        written, value = self._written(attribute), resource.values.get(attribute)
        blocks = as_list(written)
        if resource.is_unknown(attribute):
            yield from self._unknown_inline_policies(attribute, key)
            return
        if value is not None and not isinstance(value, list):
            plan.add_unreadable(f"{resource.address}: {attribute} is not a list", resource.start, resource.address)
        missing, values = as_list(as_object(resource.unknown).get(attribute)), as_list(value)
        for number, item in enumerate(values):
            block, path = as_object(item), f"{attribute}/{number}/{key}"
            policy, name = block.get(key), as_text(block.get(tables.INLINE_NAMES[key])) or ""
            hidden = missing[number] if number < len(missing) else False
            if isinstance(policy, str) and policy.strip():
                located = plan.located_string(resource, policy, attribute, number, key)
                yield FoundDocument(path, located, name)
            elif hidden is True or as_object(hidden).get(key) is True:
                # blocks are a set: only a single one certainly corresponds to the configuration
                expression = as_object(blocks[0]).get(key) if len(blocks) == len(values) == 1 else written
                at = plan.position_of(resource, attribute, number)
                yield FoundDocument(path, self.unknown_document(expression, path, at), name)
            elif policy is not None and not isinstance(policy, str):
                reason = f"{resource.address}: {attribute}[{number}].{key} is not a string"
                plan.add_unreadable(reason, resource.start, resource.address)

    def _unknown_inline_policies(self, attribute: str, key: str) -> Iterator[FoundDocument]:
        """Yield the inline policies of a list that is known after apply, from the configuration in the plan."""
        resource, written = self.resource, self._written(attribute)
        if isinstance(written, dict):  # an attribute: the plan has its references only
            yield FoundDocument(f"{attribute}/0/{key}", self.unknown_document(written, attribute, resource.at))
        elif not as_list(written) and self.source is not None:
            for number, document in enumerate(self.source.dynamic_policies(resource, attribute)):
                yield FoundDocument(f"{attribute}/{number}/{key}", document)
        for number, block in enumerate(as_list(written)):
            expression, path = as_object(block).get(key), f"{attribute}/{number}/{key}"
            constant = as_text(as_object(expression).get("constant_value"))
            if constant is not None:
                yield FoundDocument(path, text(constant, resource.at))
            else:
                yield FoundDocument(path, self.unknown_document(expression, path, resource.at))

    def unknown_document(self, expression: Json, path: str, at: Position) -> Node:
        """Return a document that the plan does not contain, at a path from the resource's attributes."""
        resource, plan_references = self.resource, self.attachments.references
        references = plan_references.follow(resource.module, expression, plan_references.owner_of(resource))
        attribute, *rest = path.split("/")
        label = f"{resource.address}.{attribute}" + (f"[{rest[0]}].{rest[1]}" if rest else "")
        document = self.documents_of_plan.resolve_unknown(at, references, label)
        return document if self.source is None else self.source.complete_document(resource, path, document, references)

    def _written(self, attribute: str) -> Json:
        return self.attachments.references.expressions_of(self.resource).get(attribute)

    def holders(self, attributes: Mapping[str, str]) -> Holders:
        return {principal: [()] for principal in self.attachments.principals_in(self.resource, attributes)}

    def attached(self, attributes: AttachmentAttributes) -> Iterator[AttachedValue]:
        attachments, resource, name = self.attachments, self.resource, attributes.policies
        addresses = list((attachments.by_names if attributes.by_name else attachments.policies_in)(resource, name))
        if resource.changed:
            attachments.attached_by_plan.update(addresses)
        yield AttachedValue((), None, addresses)
        external: Iterable[StringNode] = self._external_arns(name) if not attributes.by_name else ()
        if attributes.by_name and not addresses:
            external = _policy_names(self.value(name))
        yield from (AttachedValue((), policy) for policy in external)

    def _external_arns(self, attribute: str) -> Iterator[StringNode]:
        """Yield the ARNs of policies that are not in the plan; none for an attribute that others' attachments fill."""
        if not self._is_set(attribute):
            return
        is_planned = bool(list(self.attachments.referenced(self.resource, attribute, "policy")))
        for _, policy in flatten_variants(self.value(attribute)):
            if not isinstance(policy, StringNode) or (policy.literal is None and is_planned):
                continue
            if policy.literal is None or not list(self.attachments.by_arn(policy.literal)):
                yield policy

    def _is_set(self, attribute: str) -> bool:
        """True unless an attribute is empty or computed."""
        has_value = self.resource.values.get(attribute) is not None
        return has_value or self.attachments.is_configured(self.resource, attribute)

    def boundary(self) -> list[BoundaryVariant]:
        addresses = list(dict.fromkeys(self.attachments.boundary_policies(self.resource)))
        if addresses:
            self.attachments.index.boundary_uses.update(addresses)
            return [((), addresses[0])] if len(addresses) == 1 else []
        if not self._is_set(BOUNDARY):
            return []
        names = _policy_names(self.value(BOUNDARY))
        return resolve_boundary([((), name) for name in names], lambda name: ())

    def scp_targets(self, policy: str, targets: str) -> Iterator[tuple[StringNode, PathCondition, str]]:
        """Yield the targets; a known id identifies the policy, whatever else its expression refers to."""
        plan, references, resource = self.attachments.plan, self.attachments.references, self.resource
        addresses = [resource.address]
        if policy:
            written = references.expressions_of(resource).get(policy)
            referenced = {entry.resource for entry in references.follow(resource.module, written)}
            policy_id = as_text(resource.values.get(policy))
            addresses = [
                entry.address
                for entry in plan.resources.values()
                if entry.type in tables.ORGANIZATION_POLICIES
                and (entry.address in referenced if policy_id is None else policy_id == as_text(entry.values.get("id")))
            ]
        if len(addresses) > 1:
            return  # one of several, and unknown which
        is_own = self._is_attaching_account(targets)
        for when, value in flatten_variants(self.value(targets)):
            if isinstance(value, StringNode):
                value = management_account(value) if is_own else value
                yield from ((value, when, address) for address in addresses)

    def _is_attaching_account(self, attribute: str) -> bool:
        """True if an organization policy is attached to the account of the provider that attaches it."""
        plan, references, resource = self.attachments.plan, self.attachments.references, self.resource
        written = references.expressions_of(resource).get(attribute)
        targets = {entry.resource or "" for entry in references.follow(resource.module, written)}
        return (
            len(targets) == 1
            and all(_CALLER.search(target) is not None for target in targets)
            and all(uses_default_provider(plan.configuration, address) for address in (resource.address, *targets))
        )


def _policy_names(value: Node) -> Iterator[StringNode]:
    """Yield the strings in an attribute: an ARN, or in nested blocks an ARN or a name."""
    if isinstance(value, StringNode):
        yield value
    elif isinstance(value, ListNode):
        for item in value.items:
            yield from _policy_names(item)
    elif isinstance(value, ObjectNode):
        for entry in value.entries:
            if entry.key.literal in ("name", "managed_policy_arn", "customer_managed_policy_reference"):
                yield from _policy_names(entry.value)
