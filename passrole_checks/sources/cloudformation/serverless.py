"""The policies and roles of SAM's resources.

Source: AWS SAM Developer Guide, AWS::Serverless::Function and AWS::Serverless::StateMachine, property ``Policies``:
policy documents, policy templates, and names and ARNs of managed policies; "Globals section".
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from passrole_checks.iam.partial_values import Node
from passrole_checks.sources.cloudformation import sam
from passrole_checks.sources.cloudformation.documents import TemplateDocuments, existence_conditions
from passrole_checks.sources.cloudformation.sam_policies import expanded, template_used
from passrole_checks.sources.cloudformation.template import Template, call, child, entries, type_of
from passrole_checks.sources.model.configuration import Framework, PolicyKind, ResourceDefinition, RoleDefinition

# What gives SAM the ARN of a managed policy. Another function (a macro, a tag of another tool) may insert a document.
_ARNS = frozenset(
    {"Ref", "Fn::FindInMap", "Fn::GetAtt", "Fn::GetStackOutput", "Fn::If", "Fn::ImportValue", "Fn::Join", "Fn::Select",
     "Fn::Split", "Fn::Sub"}
)  # fmt: skip


class Serverless:
    """Reads resources of the types ``AWS::Serverless::…``. ``owners``: SAM's implicit roles with what they are made
    for."""

    def __init__(self, template: Template, documents: TemplateDocuments, owners: Mapping[str, str]) -> None:
        self.template = template
        self.documents = documents
        self.owners = owners
        self.roles: list[RoleDefinition] = []
        self._made = {owner: role for role, owner in owners.items()}

    def read(self, resource: ResourceDefinition, properties: yaml.Node) -> None:
        """The documents that a resource holds, and the role that SAM makes for it."""
        made = self._made.get(resource.address)
        whole = sam.properties(self.template, resource.address) if resource.address in self.template.resources else None
        whole = whole or properties
        trust: Node | None = None
        if child(whole, "AssumeRolePolicyDocument") is not None:
            trust = self.documents.collect_at(resource, whole, ("AssumeRolePolicyDocument",), PolicyKind.TRUST)
        if made is not None:
            if trust is None:
                trust = sam.implicit_trust(self.template, resource.address, resource.at)
            role = ResourceDefinition(made, "AWS::IAM::Role", resource.framework, resource.at)
            path = self.documents.string_value(child(whole, "RolePath"))
            self.roles.append(RoleDefinition(role, None, path, trust, existence_conditions(self.documents.evaluator)))
        policies = child(properties, "Policies") if resource.type in sam.HOLDERS else None
        if policies is not None and (made is not None or child(properties, "Role") is None):
            self._policies(resource, policies, "Policies", (made,) if made is not None else ())

    def globals(self) -> None:
        """Globals.Function.Policies, which SAM may refuse, and which would go to every function's own role."""
        node = child(self.template.root, "Globals")
        policies = child(node, "Function", "Policies")
        if node is None or policies is None:
            return
        function = "AWS::Serverless::Function"
        resource = ResourceDefinition("Globals", function, Framework.SAM, self.template.position(node))
        roles = [role for role, owner in self.owners.items() if type_of(self.template.resources[owner]) == function]
        self._policies(resource, policies, "Function/Policies", tuple(roles))

    def _policies(self, resource: ResourceDefinition, node: yaml.Node, path: str, principals: tuple[str, ...]) -> None:
        for found, _ in self.documents.find_elements(node, path):
            function = call(found.node)
            if function is not None:
                if function[0] not in _ARNS:
                    self.documents.collect(resource, found, PolicyKind.IDENTITY, principals)
                continue
            if not isinstance(found.node, yaml.MappingNode):
                continue  # the name or the ARN of a managed policy
            keys = [key.value for key, _ in entries(found.node)]
            used = template_used(found.node)
            if "Statement" in keys:
                self.documents.collect(resource, found, PolicyKind.IDENTITY, principals)
            elif used is not None:
                document = expanded(used, self.template, found.node)
                self.documents.collect(resource, found.within(used.name, document), PolicyKind.IDENTITY, principals)
            elif len(keys) == 1 or any(key.startswith("Fn::") for key in keys):
                reason = "not among SAM's policy templates" if len(keys) == 1 else "inserted at deployment"
                self.documents.collect_unknown(resource, found, ", ".join(keys), reason, principals)
            else:
                self.documents.report_unreadable(
                    found.node,
                    f"{resource.address}: {found.path} is no policy document, policy template or managed policy",
                    resource.address,
                )
