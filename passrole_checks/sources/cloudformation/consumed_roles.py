"""Which resources of a template receive which role, and the template's instance profiles.

Sources: AWS CloudFormation Template Reference, AWS::IAM::InstanceProfile (``Roles`` holds one name); AWS SAM Developer
Guide, "Generated CloudFormation resources", ApiAuth (``InvokeRole``), and EventSource types ``Schedule``,
``ScheduleV2``, ``EventBridgeRule``, ``CloudWatchEvent`` and ``Api``, which say for whom ``RoleArn`` is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import yaml

from passrole_checks.iam.partial_values import ListNode, Node, StringNode
from passrole_checks.sources.cloudformation import sam_implicit_roles
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.stack_values import brought_up, name_above
from passrole_checks.sources.cloudformation.template import Template, child, entries, scalar
from passrole_checks.sources.model.configuration import InstanceProfile, ReceivedRole, ResourceDefinition
from passrole_checks.sources.model.role_consumers import find_received_roles, may_receive_role

_PROFILE = "AWS::IAM::InstanceProfile"
_SERVERLESS = "AWS::Serverless::"
_NO_ROLES = frozenset({"CALLER_CREDENTIALS", "NONE"})  # values of SAM's InvokeRole that stand for no role


class TemplateRoleConsumers:
    """Collects what the resources of a template receive: ``roles`` and ``profiles``."""

    def __init__(self, template: Template, evaluator: Evaluator, owners: Mapping[str, str]) -> None:
        self.template = template
        self.evaluator = evaluator
        self.made = {owner: role for role, owner in owners.items()}  # SAM's execution roles by what they are made for
        self.roles: list[ReceivedRole] = []
        self.profiles: list[InstanceProfile] = []

    def read(self, resource: ResourceDefinition, properties: yaml.MappingNode) -> None:
        """Add what a resource receives; of an instance profile also what it is."""
        if resource.type == _PROFILE:
            self._profile(resource, properties)
        if may_receive_role(resource.type):
            for found in find_received_roles(resource, _Properties(self, resource, properties)):
                if found.attribute.endswith("InvokeRole") and _literal(found.value) in _NO_ROLES:
                    continue
                self.roles.append(self._for_event(replace(found, value=self.evaluator.there(found.value))))
        if resource.type.startswith(_SERVERLESS):
            made = self.made.get(resource.address)
            self.roles.extend(sam_implicit_roles.roles_for(self.template, resource, properties, made))

    def of_nested(self, inner: TemplateRoleConsumers, stack: str) -> None:
        """Add what the resources of a nested stack receive, named below its logical id."""
        for one in inner.roles:
            resource = replace(one.resource, address=name_above(one.resource.address, stack))
            self.roles.append(replace(one, resource=resource, value=brought_up(one.value, stack)))
        for profile in inner.profiles:
            name = profile.name and brought_up(profile.name, stack)
            role = profile.role and brought_up(profile.role, stack)
            address = name_above(profile.address, stack)
            self.profiles.append(InstanceProfile(address, _text(name), role, profile.at))

    def of_stack_set(self, inner: TemplateRoleConsumers, stack_set: ResourceDefinition) -> None:
        """Add what the resources of a stack set's template receive. In each target account the role that acts for the
        stack set passes it, and not whoever deploys the stack set."""
        address = stack_set.address
        for one in inner.roles:
            attribute = f"TemplateBody/Resources/{one.resource.address}/Properties/{one.attribute}"
            value, by = brought_up(one.value, address), "resource" if one.by == "deployer" else one.by
            self.roles.append(replace(one, resource=stack_set, attribute=attribute, value=value, by=by))
        for profile in inner.profiles:
            role = profile.role and brought_up(profile.role, address)
            name = profile.name and brought_up(profile.name, address)
            self.profiles.append(InstanceProfile(f"{address}.{profile.address}", _text(name), role, profile.at))

    def _for_event(self, found: ReceivedRole) -> ReceivedRole:
        """The role of a SAM event, for the service that this type of event comes from."""
        steps = found.attribute.split("/")
        if not found.resource.type.startswith(_SERVERLESS) or steps[0] != "Events":
            return found
        resource = self.template.resources.get(found.resource.address)
        service = sam_implicit_roles.EVENT_SERVICES.get(scalar(child(resource, "Properties", *steps[:2], "Type")) or "")
        if service is None:
            return found
        return replace(found, receiver=replace(found.receiver, services=(service,), trusted=(service,)))

    def _profile(self, resource: ResourceDefinition, properties: yaml.MappingNode) -> None:
        roles = child(properties, "Roles")
        name = child(properties, "InstanceProfileName")
        value = self.evaluator.node(roles) if roles is not None else None
        if isinstance(value, ListNode):
            value = value.items[0] if value.items else None
        text = self.evaluator.node(name) if name is not None else None
        self.profiles.append(InstanceProfile(resource.address, _text(text), value, resource.at))


class _Properties:
    """The properties of one resource, with those that SAM's Globals give it."""

    def __init__(
        self, received: TemplateRoleConsumers, resource: ResourceDefinition, properties: yaml.MappingNode
    ) -> None:
        self.received, self.properties = received, properties
        kind = resource.type.removeprefix(_SERVERLESS) if resource.type.startswith(_SERVERLESS) else ""
        self.shared = child(received.template.root, "Globals", kind) if kind else None

    def names(self) -> list[str]:
        return list(dict.fromkeys(key.value for key, _ in entries(self.properties)))

    def value(self, name: str) -> Node | None:
        node = child(self.properties, name) or child(self.shared, name)
        return self.received.evaluator.node(node) if node is not None else None


def _literal(node: Node) -> str | None:
    return node.literal if isinstance(node, StringNode) else None


def _text(node: Node | None) -> StringNode | None:
    return node if isinstance(node, StringNode) else None
