"""Read the policies and roles of a template.

Sources: AWS CloudFormation Template Reference, AWS::IAM::*, AWS::SSO::PermissionSet (``InlinePolicy`` is an object or
its JSON text), AWS::Organizations::Policy, AWS::CloudFormation::StackSet.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import yaml

from passrole_checks.errors import InputError
from passrole_checks.iam.values.nodes import Node, StringNode
from passrole_checks.sources.cloudformation import sam
from passrole_checks.sources.cloudformation.attachments import TemplateAttachments
from passrole_checks.sources.cloudformation.consumed_roles import TemplateRoleConsumers
from passrole_checks.sources.cloudformation.documents import (
    PropertyNode,
    TemplateDocuments,
    existence_conditions,
    is_no_value,
)
from passrole_checks.sources.cloudformation.handed_out import (
    collect_handed_out,
    collect_outputs,
    grants_held,
    handed_out_managed_policies,
    is_opaque_consumer,
)
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.nested import APPLICATION, STACK, NestedStacks, NestingContext
from passrole_checks.sources.cloudformation.nested_attachments import NestedAttachments
from passrole_checks.sources.cloudformation.resource import POLICY_KEYS, TemplateResource
from passrole_checks.sources.cloudformation.resource_types import CLOUDFORMATION, policy_properties
from passrole_checks.sources.cloudformation.serverless import Serverless
from passrole_checks.sources.cloudformation.stack_set import as_stack_set_policy, read_template_body
from passrole_checks.sources.cloudformation.suppressions import read_suppressions
from passrole_checks.sources.cloudformation.template import (
    Template,
    child,
    entries,
    intrinsic_call,
    mapping_node,
    scalar,
    type_of,
)
from passrole_checks.sources.collect.attachments import read_attachments
from passrole_checks.sources.collect.handed_out import without_attached
from passrole_checks.sources.collect.policies import policies_of
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Framework,
    NoteKind,
    PolicyKind,
    ResourceDefinition,
    RoleDefinition,
    Suppression,
    Unreadable,
)

_PRODUCTS = frozenset(
    {"AWS::ServiceCatalog::CloudFormationProduct", "AWS::ServiceCatalog::CloudFormationProvisionedProduct"}
)
_NAMES = {"AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName"}
_OWN_TRANSFORMS = ("AWS::Serverless-", "AWS::LanguageExtensions", "AWS::CodeDeployBlueGreen", "AWS::SecretsManager-")

# keys whose duplicates are noted
_SECTIONS = frozenset({"Conditions", "Globals", "Mappings", "Parameters", "Resources", "Transform"})
_PARAMETER_KEYS = frozenset({"AllowedPattern", "AllowedValues", "Default", "Type"})
_RESOURCE_KEYS = frozenset({"Condition", "Properties", "Type"})


def construct_of(resource: yaml.Node) -> str:
    """Return the path of the AWS CDK construct that a resource was synthesized from; empty if there is none.

    Source: AWS CDK Developer Guide, "Identifiers and the AWS CDK": ``aws:cdk:path`` in the Metadata. The last part,
    ``Resource`` or ``Default``, represents the resource within its construct and is omitted.
    """
    path = scalar(child(resource, "Metadata", "aws:cdk:path")) or ""
    return path.removesuffix("/Resource").removesuffix("/Default")


def make_reader(template: Template, context: NestingContext | None = None) -> PolicyReader:
    """Return a reader for a template and its framework."""
    return PolicyReader(template, Framework.SAM if sam.is_sam(template) else Framework.CLOUDFORMATION, context)


class PolicyReader:
    """Read all resources of a template; its lists are then the parts of a Configuration.

    ``context``: the path of the template, needed to read its nested stacks.
    """

    def __init__(self, template: Template, framework: Framework, context: NestingContext | None = None) -> None:
        self.template = template
        self.framework = framework
        self.owners = sam.implicit_roles(template) if framework is Framework.SAM else {}
        self.evaluator = Evaluator(
            template, {role: sam.properties_with_globals(template, owner) for role, owner in self.owners.items()}
        )
        self.nested = NestedStacks(template, self.evaluator, context, make_reader)
        self.evaluator.output = self.nested.output
        self.documents = TemplateDocuments(template, self.evaluator)
        self.serverless = Serverless(template, self.documents, self.owners)
        self.received = TemplateRoleConsumers(template, self.evaluator, self.owners)
        self.resources: list[ResourceDefinition] = []
        self.policies = self.documents.policies
        self.roles: list[RoleDefinition] = self.serverless.roles
        self.users: list[tuple[str, StringNode]] = []
        self.handed_out: list[AttachedPolicy] = []
        self.unreadable = self.documents.unreadable
        self.not_evaluated = self.documents.not_evaluated
        self.missing: list[tuple[str, Unreadable]] = []

    def read(self) -> None:
        """Read the template, once; parts that cannot be read are added to ``unreadable``."""
        self._check_sections()
        self.attachments = TemplateAttachments(self.template, self.evaluator, self.owners, self.nested.is_only_boundary)
        self.nested_attachments = NestedAttachments(self.documents, self.attachments)
        for key, node in entries(child(self.template.root, "Resources")):
            if key.value.startswith("Fn::ForEach"):
                self._read_loop(key, node)
            elif key.value.startswith("Fn::"):
                self.documents.skip(key, f"{key.value} adds resources at deployment")
            else:
                self._read_resource(key.value, key, node)
        if self.framework is Framework.SAM:
            self.serverless.read_globals()
        self.policies.extend(without_attached(self.handed_out, self.policies))
        self.attachments.finish(self.policies)

    def read_outputs(self) -> None:
        """Read the policy documents in the outputs, unless the template attaches them as well."""
        found = collect_outputs(self.documents, self.framework)
        self.policies.extend(without_attached(found, self.policies))

    def suppressions(self) -> list[Suppression]:
        """Return the suppressions in the template and in its nested stacks."""
        own = {
            name: resource.at for resource in self.resources if (name := resource.address) in self.template.resources
        }
        return [*read_suppressions(self.template, own), *self.nested.suppressions]

    def _check_sections(self) -> None:
        """Report malformed sections, duplicate keys, macros and transforms."""
        self.documents.note_duplicates(self.template.root, _SECTIONS)
        for name in ("Resources", "Parameters", "Mappings", "Conditions", "Globals"):
            node = child(self.template.root, name)
            is_empty = isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")
            is_malformed = not isinstance(node, yaml.MappingNode) or not node.tag.endswith(":map")
            if node is not None and is_malformed and not is_empty:
                self.documents.fail(node, f"{name} is not a mapping")
            for key in node.value if isinstance(node, yaml.MappingNode) else ():
                if not isinstance(key[0], yaml.ScalarNode):
                    self.documents.fail(key[0], f"a key in {name} is not a string")
        for name in ("Parameters", "Conditions"):
            self.documents.note_duplicates(child(self.template.root, name), None, f"{name}: ")
        self.documents.note_duplicates(child(self.template.root, "Resources"), None, "Resources: ", resource=None)
        for name, node in self.template.parameters.items():
            self.documents.note_duplicates(node, _PARAMETER_KEYS, f"the parameter {name}: ")
        self.documents.note_duplicates(child(self.template.root, "Mappings"), None, "Mappings: ")
        for name, node in self.template.mappings.items():
            self.documents.note_duplicates(node, None, f"the mapping {name}: ")
            for key, below in entries(node):
                self.documents.note_duplicates(below, None, f"the mapping {name}: {key.value}: ")
        for name in sam.transform_names(self.template):
            if not name.startswith(_OWN_TRANSFORMS):
                node = child(self.template.root, "Transform") or self.template.root
                self.documents.skip(node, f"macro {name} may change the template at deployment")
        for key, _ in entries(self.template.root):
            if key.value == "Fn::Transform":
                self.documents.skip(key, "Fn::Transform adds sections at deployment")

    def _read_loop(self, key: yaml.ScalarNode, node: yaml.Node) -> None:
        """Read the resources of an unexpanded loop once, with the loop's variable unresolved."""
        body = node.value[2] if isinstance(node, yaml.SequenceNode) and len(node.value) == 3 else None
        if not isinstance(body, yaml.MappingNode):
            self.documents.fail(key, f"{key.value} is malformed: expected identifier, collection and template")
            return
        for name, resource in entries(body):
            if name.value.startswith("Fn::ForEach"):
                self._read_loop(name, resource)
            else:
                self._read_resource(name.value, name, resource)

    def _is_part(self) -> bool:
        """True if no resource has a type, so that another tool must complete the template."""
        resources = entries(child(self.template.root, "Resources"))
        is_complete = any(type_of(node) is not None or key.value.startswith("Fn::") for key, node in resources)
        return not is_complete and child(self.template.root, "AWSTemplateFormatVersion") is None

    def _read_resource(self, logical_id: str, key: yaml.Node, node: yaml.Node) -> None:
        """Read one resource, under its condition."""
        if not isinstance(node, yaml.MappingNode) or intrinsic_call(node):
            self.documents.fail(key, f"{logical_id} is not a mapping", logical_id)
            return
        type_node, properties = child(node, "Type"), child(node, "Properties")
        resource_type = type_of(node)
        # the directive, as a tag or a mapping, by which the tool Rain inserts a module
        is_directive = [key.value for key, _ in entries(type_node)] == ["Rain::Module"]
        if type_node is not None and (is_directive or type_node.tag == "!Rain::Module"):
            self.documents.skip(type_node, f"{logical_id}: Rain module, which another tool expands")
            return
        if type_node is not None and intrinsic_call(type_node):
            self.documents.skip(type_node, f"{logical_id}: its type is a placeholder of another tool")
            return
        if resource_type is None:
            if self._is_part():
                self.documents.skip(key, f"{logical_id} has no Type: another tool completes it")
            else:
                self.documents.fail(key, f"{logical_id} has no Type", logical_id)
            resource_type = ""  # its policies are judged like bare policy documents
            properties = properties if isinstance(properties, yaml.MappingNode) else None
        if resource_type.endswith("::MODULE"):
            reason = f"{logical_id}: the resources of this CloudFormation module are not available"
            self.documents.skip(type_node or key, reason, NoteKind.MODULE)
            self.missing.append((logical_id, self.not_evaluated[-1]))
        at = self.template.position(node, start=key)
        resource = ResourceDefinition(logical_id, resource_type, self.framework, at, construct_of(node))
        self.documents.note_duplicates(node, _RESOURCE_KEYS, f"{logical_id}: ", logical_id)
        self.documents.note_duplicates(properties, POLICY_KEYS, f"{logical_id}: ", logical_id)
        self.resources.append(resource)
        if properties is None or is_no_value(properties) or properties.value == "":
            properties = mapping_node([], key)
        condition = scalar(child(node, "Condition"))
        if condition is None:
            self._read_properties(resource, properties)
        else:
            never = self.evaluator.decided_outcome(condition) is False
            with self.evaluator.assume(condition, True):
                self._read_properties(resource, properties)
                if never and (content := tuple(grants_held(self.documents, properties))):
                    reason = f"{logical_id} is never created: its condition {condition} is always false"
                    self.documents.skip(key, reason, NoteKind.NO_INSTANCE, content)

    def _read_properties(self, resource: ResourceDefinition, node: yaml.Node) -> None:
        """Read the properties of a resource; if they are under ``Fn::If``, each variant."""
        listed = intrinsic_call(node) is None and isinstance(node, yaml.SequenceNode)
        for element, in_list in (
            [(PropertyNode("", node), True)] if listed else self.documents.find_elements(node, "Properties")
        ):
            function = intrinsic_call(element.node)
            if function is not None:
                name = function[0]
                self.documents.skip(element.node, f"{resource.address}: {name} adds properties at deployment")
            elif in_list or not isinstance(element.node, yaml.MappingNode):
                self.documents.fail(element.node, f"{resource.address}: Properties is not a mapping", resource.address)
            else:
                for key, _ in entries(element.node):
                    if key.value.startswith("Fn::"):
                        self.documents.skip(key, f"{resource.address}: {key.value} adds properties at deployment")
                with ExitStack() as assumptions:
                    for condition, outcome in element.conditions:
                        assumptions.enter_context(self.evaluator.assume(condition, outcome))
                    self._read_by_type(resource, element.node)

    def _read_by_type(self, definition: ResourceDefinition, properties: yaml.MappingNode) -> None:
        """Read the policies, principals and roles of a resource by its type."""
        kind = definition.type
        resource = TemplateResource(self.documents, self.attachments, definition, properties)
        self.received.read(resource)
        read_attachments(resource, self.attachments.index)
        trust: Node | None = None
        for policy in policies_of(resource):
            trust = policy.document if policy.kind is PolicyKind.TRUST else trust
            self.policies.append(replace(policy, document=self.evaluator.guarded(policy.document)))
        if kind == "AWS::IAM::Role":
            name, path = (self.documents.string_value(child(properties, key)) for key in ("RoleName", "Path"))
            self.roles.append(RoleDefinition(definition, name, path, trust, existence_conditions(self.evaluator)))
        elif kind in _NAMES:
            if (name := self.documents.string_value(child(properties, _NAMES[kind]))) is not None:
                self.users.append((definition.address, name))
        elif kind.startswith("AWS::Serverless::"):
            self.serverless.read(definition, properties)
        elif kind == "AWS::CloudFormation::StackSet":
            self._read_stack_set(definition, properties)
        elif kind in _PRODUCTS:
            reason = f"{definition.address}: Service Catalog: template is not available"
            self.documents.skip(properties, reason, NoteKind.DEFINED_ELSEWHERE)
        elif kind not in (STACK, APPLICATION, *CLOUDFORMATION.identity):
            self._read_handed_out(definition, properties)
        if kind in (STACK, APPLICATION):
            self.nested.read(definition, self)
            if definition.address not in self.nested.templates:
                self._read_handed_out(definition, properties)

    def _read_handed_out(self, resource: ResourceDefinition, properties: yaml.Node) -> None:
        """Read the policies in a resource of a type that does not attach policies itself."""
        known = policy_properties(resource.type)
        self.handed_out.extend(collect_handed_out(self.documents, resource, properties, known))
        if is_opaque_consumer(resource.type):
            found = handed_out_managed_policies(self.documents, resource, properties)
            self.attachments.index.managed_policies.extend(found)

    def _read_stack_set(self, resource: ResourceDefinition, properties: yaml.Node) -> None:
        """Read the template of a stack set if it is in this file: its policies belong to the stack set."""
        node = child(properties, "TemplateBody") or child(properties, "TemplateURL")
        try:
            template = read_template_body(self.evaluator, properties, resource.address)
        except InputError as error:
            # PyYAML reports the line behind a text that ends too early; lines of a text with escapes are its own
            first, last = self.template.line_of(node or properties), (node or properties).end_mark.line + 1
            line = max(first, min(error.line or last, last))
            reason = f"{resource.address}: TemplateBody: {error.reason}"
            self.unreadable.append(Unreadable(error.file, reason, line, resource=resource.address))
            return
        if template is None:
            if node is not None:
                reason = f"{resource.address}: the template of this stack set is not in this file"
                self.documents.skip(node, reason, NoteKind.DEFINED_ELSEWHERE)
            return
        reader = make_reader(template)
        reader.read()
        for policy in reader.policies:
            document = self.evaluator.guarded(policy.document)
            self.policies.append(as_stack_set_policy(replace(policy, document=document), resource))
        self.nested_attachments.add_stack_set(reader.attachments.index, resource)
        self.received.add_stack_set(reader.received, resource)
        for role in reader.roles:  # roles in other accounts
            inner = replace(role.resource, address=f"{resource.address}.{role.resource.address}")
            self.roles.append(RoleDefinition(inner, trust=role.trust))
        for problems, collected in ((reader.unreadable, self.unreadable), (reader.not_evaluated, self.not_evaluated)):
            collected.extend(replace(problem, reason=f"{resource.address}: {problem.reason}") for problem in problems)
