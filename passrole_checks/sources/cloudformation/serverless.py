"""Read the policies and roles of SAM resources.

Source: AWS SAM Developer Guide, AWS::Serverless::Function and AWS::Serverless::StateMachine, property ``Policies``:
policy documents, policy templates ("AWS SAM policy templates"), and names and ARNs of managed policies; "Globals
section".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from passrole_checks.aws.sam_policy_templates import PolicyTemplate, policy_templates
from passrole_checks.sources.cloudformation import sam
from passrole_checks.sources.cloudformation.documents import PropertyNode, TemplateDocuments, existence_conditions
from passrole_checks.sources.cloudformation.template import Template, child, entries, intrinsic_call, type_of
from passrole_checks.sources.collect.resource import FoundDocument
from passrole_checks.sources.model.configuration import Framework, PolicyKind, ResourceDefinition, RoleDefinition

# Functions that return the ARN of a managed policy. Others (a macro, a tag of another tool) may insert a document.
_ARN_FUNCTIONS = frozenset(
    {"Ref", "Fn::FindInMap", "Fn::GetAtt", "Fn::GetStackOutput", "Fn::If", "Fn::ImportValue", "Fn::Join", "Fn::Select",
     "Fn::Split", "Fn::Sub"}
)  # fmt: skip
_TAG = "tag:yaml.org,2002:"


class Serverless:
    """Reads resources of the types ``AWS::Serverless::…``.

    ``owners``: SAM's implicit roles with the logical ids of the resources that they are for.
    """

    def __init__(self, template: Template, documents: TemplateDocuments, owners: Mapping[str, str]) -> None:
        self.template = template
        self.documents = documents
        self.owners = owners
        self.roles: list[RoleDefinition] = []
        self._implicit_roles = {owner: role for role, owner in owners.items()}

    def read(self, resource: ResourceDefinition, properties: yaml.Node) -> None:
        """Read the documents of a resource and the role that SAM creates for it."""
        implicit_role = self._implicit_roles.get(resource.address)
        all_properties = properties
        if resource.address in self.template.resources:
            all_properties = sam.properties_with_globals(self.template, resource.address) or properties
        trust, node = None, child(all_properties, "AssumeRolePolicyDocument")
        if node is not None:
            found = self.documents.found_at(resource, PropertyNode("AssumeRolePolicyDocument", node))
            trust = self.documents.collect(resource, found, PolicyKind.TRUST)
        if implicit_role is not None:
            if trust is None:
                trust = sam.implicit_trust(self.template, resource.address, resource.at)
            role = ResourceDefinition(implicit_role, "AWS::IAM::Role", resource.framework, resource.at)
            path = self.documents.string_value(child(all_properties, "RolePath"))
            self.roles.append(RoleDefinition(role, None, path, trust, existence_conditions(self.documents.evaluator)))
        policies = child(properties, "Policies") if resource.type in sam.TYPES_WITH_POLICIES else None
        if policies is not None and (implicit_role is not None or child(properties, "Role") is None):
            self._read_policies(resource, policies, "Policies", (implicit_role,) if implicit_role is not None else ())

    def read_globals(self) -> None:
        """Read Globals.Function.Policies, which SAM may reject and which would apply to the role of every function."""
        node = child(self.template.root, "Globals")
        policies = child(node, "Function", "Policies")
        if node is None or policies is None:
            return
        function = "AWS::Serverless::Function"
        resource = ResourceDefinition("Globals", function, Framework.SAM, self.template.position(node))
        roles = [role for role, owner in self.owners.items() if type_of(self.template.resources[owner]) == function]
        self._read_policies(resource, policies, "Function/Policies", tuple(roles))

    def _read_policies(
        self, resource: ResourceDefinition, node: yaml.Node, path: str, principals: tuple[str, ...]
    ) -> None:
        """Collect the documents among the elements of ``Policies``."""
        documents = self.documents
        for element, _ in documents.find_elements(node, path):
            function = intrinsic_call(element.node)
            found: Iterable[FoundDocument] = ()
            if function is not None:
                if function[0] not in _ARN_FUNCTIONS:
                    found = documents.found_at(resource, element)
            elif isinstance(element.node, yaml.MappingNode):  # others are the name or ARN of a managed policy
                keys = [key.value for key, _ in entries(element.node)]
                used = policy_templates().get(keys[0]) if len(keys) == 1 else None
                if "Statement" in keys:
                    found = documents.found_at(resource, element)
                elif used is not None:
                    document = expand_policy_template(used, self.template, element.node)
                    found = documents.found_at(resource, element.within(used.name, document))
                elif len(keys) == 1 or any(key.startswith("Fn::") for key in keys):
                    reason = "not a SAM policy template" if len(keys) == 1 else "inserted at deployment"
                    found = [documents.unknown_at(element, ", ".join(keys), reason)]
                else:
                    forms = "a policy document, policy template or managed policy"
                    reason = f"{resource.address}: {element.path} is not {forms}"
                    documents.fail(element.node, reason, resource.address)
            documents.collect(resource, found, principals=principals)


def expand_policy_template(policy: PolicyTemplate, template: Template, use: yaml.Node) -> yaml.Node:
    """Return the policy document of a used policy template, with the position of its use.

    A missing argument, which SAM rejects, becomes an unresolved reference.
    """
    ((key, arguments),) = entries(use)
    place = template.position(use, start=key)
    start = yaml.Mark("", key.start_mark.index, place.line - 1, place.column - 1, None, 0)
    end = yaml.Mark("", key.start_mark.index, place.end_line - 1, place.end_column - 1, None, 0)

    def node(value: Any) -> yaml.Node:
        if isinstance(value, dict):
            name = value.get("Ref")
            if name in policy.parameters:
                argument = child(arguments, name)
                return node({"Ref": f"{policy.name}.{name}"}) if argument is None else argument
            rows = [(node(word), node(item)) for word, item in value.items()]
            return yaml.MappingNode(_TAG + "map", rows, start, end, True)
        if isinstance(value, list):
            return yaml.SequenceNode(_TAG + "seq", [node(item) for item in value], start, end, True)
        kind = "bool" if isinstance(value, bool) else "str"
        return yaml.ScalarNode(_TAG + kind, str(value).lower() if kind == "bool" else str(value), start, end)

    return node(dict(policy.definition))
