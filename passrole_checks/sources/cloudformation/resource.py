"""A resource of a template, as :mod:`passrole_checks.sources.collect` reads it.

Sources: AWS CloudFormation Template Reference, AWS::IAM::Role, User and Group (``ManagedPolicyArns``,
``PermissionsBoundary``), AWS::SSO::PermissionSet (``ManagedPolicies``, ``CustomerManagedPolicyReferences``,
``PermissionsBoundary``), AWS::Organizations::Policy (``TargetIds``); AWS SAM Developer Guide, AWS::Serverless::Function
and StateMachine (``Policies``, ``PermissionsBoundary``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import yaml

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Node, StringNode, Unresolved
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.iam.values.variants import flatten_variants, value_variants
from passrole_checks.sources.cloudformation import sam
from passrole_checks.sources.cloudformation.attachments import TemplateAttachments
from passrole_checks.sources.cloudformation.documents import PropertyNode, TemplateDocuments
from passrole_checks.sources.cloudformation.references import ACCOUNT
from passrole_checks.sources.cloudformation.resource_types import CLOUDFORMATION
from passrole_checks.sources.cloudformation.strings import written_name
from passrole_checks.sources.cloudformation.template import child, entries, intrinsic_call, scalar, sequence_node
from passrole_checks.sources.collect.attachments import management_account, resolve_boundary
from passrole_checks.sources.collect.resource import (
    AttachedValue,
    AttachmentAttributes,
    BoundaryVariant,
    FoundDocument,
    Holders,
)
from passrole_checks.sources.collect.tables import AccessTables
from passrole_checks.sources.model.configuration import ResourceDefinition

_BOUNDARY = "PermissionsBoundary"
_NAMES = {"AWS::IAM::Policy": "PolicyName", "AWS::IAM::ManagedPolicy": "ManagedPolicyName"}

# keys of a policy whose duplicates are noted
POLICY_KEYS = frozenset(
    {"AssumeRolePolicyDocument", "Groups", "InlinePolicy", "ManagedPolicyArns", "PermissionsBoundary", "Policies",
     "PolicyDocument", "Role", "Roles", "Users"}
)  # fmt: skip


@dataclass(frozen=True)
class TemplateResource:
    """A resource with its ``properties``, under the conditions that the evaluator assumes."""

    template_documents: TemplateDocuments
    attachments: TemplateAttachments
    definition: ResourceDefinition
    properties: yaml.MappingNode

    @property
    def tables(self) -> AccessTables:
        return CLOUDFORMATION

    @property
    def principal(self) -> str | None:
        """The principal that it is; of a SAM resource, the role that SAM creates for it."""
        if self.definition.type in sam.ROLES:
            return self.attachments.implicit_roles.get(self.definition.address)
        return self.definition.address

    def names(self) -> list[str]:
        return [key.value for key, _ in entries(self.properties)]

    def value(self, name: str) -> Node | None:
        """Return the value of a property, that in Globals if it has none."""
        kind = self.definition.type.removeprefix("AWS::Serverless::")
        root = self.template_documents.template.root
        shared = child(root, "Globals", kind) if kind != self.definition.type else None
        node = child(self.properties, name) or child(shared, name)
        return self.template_documents.evaluator.node(node) if node is not None else None

    def word(self, name: str) -> str | None:
        return scalar(child(self.properties, name))

    def documents(self, attribute: str, *, required: bool) -> Iterator[FoundDocument]:
        keys, definition = attribute.split("/"), self.definition
        node = child(self.properties, *keys)
        if node is not None:
            name = self._name(self.properties, _NAMES.get(definition.type, "PolicyName"))
            yield from map(name, self.template_documents.found_at(definition, PropertyNode(attribute, node)))
        elif required:
            reason = f"{definition.address} has no {keys[-1]}"
            self.template_documents.fail(self.properties, reason, definition.address)

    def inline_policies(self, attribute: str, key: str) -> Iterator[FoundDocument]:
        documents, definition, node = self.template_documents, self.definition, child(self.properties, attribute)
        address = definition.address
        for element, in_list in documents.find_elements(node, attribute) if node is not None else ():
            if intrinsic_call(element.node):
                yield from documents.found_at(definition, element)
            elif not in_list:
                documents.fail(element.node, f"{address}: {element.path} is not a list", address)
            elif not isinstance(element.node, yaml.MappingNode):
                documents.fail(element.node, f"{address}: {element.path} is not a mapping", address)
            else:
                document = child(element.node, key)
                documents.note_duplicates(element.node, POLICY_KEYS, f"{address}: {element.path}: ", address)
                added = next((name.value for name, _ in entries(element.node) if name.value.startswith("Fn::")), None)
                if document is not None:
                    name = self._name(element.node, "PolicyName")
                    yield from map(name, documents.found_at(definition, element.within(key, document)))
                elif added is not None:
                    yield documents.unknown_at(element, added, "inserted at deployment")
                else:
                    documents.fail(element.node, f"{address}: {element.path} has no {key}", address)

    def _name(self, node: yaml.Node, key: str) -> Callable[[FoundDocument], FoundDocument]:
        """Return a function that adds the name of a policy in a property, as far as it is known."""
        unknown = Unresolved(f"{self.definition.address}.{key}")
        written = written_name(child(node, key), unknown, self.definition.at)
        known = written.literal if written is not None else ""
        return lambda found: found._replace(name=known or "", partial_name=written if known is None else None)

    def holders(self, attributes: Mapping[str, str]) -> Holders:
        holders: dict[str, list[PathCondition]] = {}
        for key, kind in attributes.items():
            for when, value in flatten_variants(self._evaluate(child(self.properties, key))):
                for name in self.attachments.resolve_principals(value, kind):
                    holders.setdefault(name, []).append(when)
        return holders

    def attached(self, attributes: AttachmentAttributes) -> Iterator[AttachedValue]:
        """Yield the managed policies that are not in the template; uses of the others are found in all resources."""
        documents, name = self.template_documents, attributes.policies
        node = child(self.properties, name) if self.principal is not None else None
        for element, _ in documents.find_elements(node, name) if node is not None else ():
            inside, path = element.node, element.path
            if attributes.by_name:
                named = child(inside, "Name")
                inside, path = (named, f"{path}/Name") if named is not None else (inside, path)
            elif isinstance(inside, yaml.MappingNode):
                function = intrinsic_call(inside)
                if function is None or function[0] in ("Fn::Transform", "Fn::ForEach"):  # which may insert any object
                    continue  # a policy document or a SAM policy template
            value = documents.evaluator.guarded(documents.evaluate_under(element.conditions, inside))
            for when, policy in flatten_variants(value):
                if isinstance(policy, StringNode) and not self.attachments.find_policies(policy, attributes.by_name):
                    yield AttachedValue(when, policy, path=path)

    def boundary(self) -> list[BoundaryVariant]:
        properties: yaml.Node | None = self.properties
        template, address = self.template_documents.template, self.definition.address
        if self.definition.type in sam.ROLES:
            properties = sam.properties_with_globals(template, address) if address in template.resources else None
        node, by_name = child(properties, _BOUNDARY), False
        if isinstance(node, yaml.MappingNode) and intrinsic_call(node) is None:
            keys = {key.value: value for key, value in entries(node)}
            by_name = "ManagedPolicyArn" not in keys
            node = keys.get("ManagedPolicyArn") or child(node, "CustomerManagedPolicyReference", "Name")
        if node is None:
            return []
        return resolve_boundary(
            value_variants(self._evaluate(node)), lambda name: self.attachments.find_policies(name, by_name)
        )

    def scp_targets(self, policy: str, targets: str) -> Iterator[tuple[StringNode, PathCondition, str]]:
        for when, target in flatten_variants(self._evaluate(child(self.properties, targets))):
            if isinstance(target, StringNode):
                target = management_account(target) if target.only_unresolved == ACCOUNT else target
                yield target, when, self.definition.address

    def _evaluate(self, node: yaml.Node | None) -> Node:
        empty = sequence_node([], self.template_documents.template.root)
        return self.template_documents.evaluator.node(node if node is not None else empty)
