"""Roles that the resources of a template receive, and the template's instance profiles.

Sources: AWS CloudFormation Template Reference, AWS::IAM::InstanceProfile (``Roles`` has exactly one name); AWS SAM
Developer Guide, "Generated CloudFormation resources", ApiAuth (``InvokeRole``), and EventSource types ``Schedule``,
``ScheduleV2``, ``EventBridgeRule``, ``CloudWatchEvent`` and ``Api``, which say for whom ``RoleArn`` is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import yaml

from passrole_checks.iam.partial_values import Node, StringNode
from passrole_checks.sources.cloudformation import sam_implicit_roles
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.stack_values import parent_name, to_parent
from passrole_checks.sources.cloudformation.template import Template, child, entries, scalar
from passrole_checks.sources.model.configuration import InstanceProfile, ReceivedRole, ResourceDefinition
from passrole_checks.sources.model.role_consumers import find_received_roles, may_receive_role

_PROFILE = "AWS::IAM::InstanceProfile"
_SERVERLESS = "AWS::Serverless::"
_NO_ROLES = frozenset({"CALLER_CREDENTIALS", "NONE"})  # values of SAM's InvokeRole without a role


class TemplateRoleConsumers:
    """Collect the received roles (``roles``) and the instance profiles (``profiles``) of a template."""

    def __init__(self, template: Template, evaluator: Evaluator, owners: Mapping[str, str]) -> None:
        self.template = template
        self.evaluator = evaluator
        self.implicit_roles = {owner: role for role, owner in owners.items()}  # SAM's execution roles by resource
        self.roles: list[ReceivedRole] = []
        self.profiles: list[InstanceProfile] = []

    def read(self, resource: ResourceDefinition, properties: yaml.MappingNode) -> None:
        """Add the roles that a resource receives, and the resource itself if it is an instance profile."""
        if resource.type == _PROFILE:
            self._add_profile(resource, properties)
        if may_receive_role(resource.type):
            for received in find_received_roles(resource, _PropertiesWithGlobals(self, resource, properties)):
                if received.attribute.endswith("InvokeRole") and _literal(received.value) in _NO_ROLES:
                    continue
                self.roles.append(
                    self._with_event_service(replace(received, value=self.evaluator.guarded(received.value)))
                )
        if resource.type.startswith(_SERVERLESS):
            execution_role = self.implicit_roles.get(resource.address)
            self.roles.extend(
                sam_implicit_roles.find_implicit_roles(self.template, resource, properties, execution_role)
            )

    def add_nested(self, inner: TemplateRoleConsumers, stack: str) -> None:
        """Add the roles received in a nested stack, with addresses below its logical id."""
        for received in inner.roles:
            resource = replace(received.resource, address=parent_name(received.resource.address, stack))
            self.roles.append(replace(received, resource=resource, value=to_parent(received.value, stack)))
        for profile in inner.profiles:
            address = parent_name(profile.address, stack)
            self.profiles.append(profile.converted(address, lambda value: to_parent(value, stack)))

    def add_stack_set(self, inner: TemplateRoleConsumers, stack_set: ResourceDefinition) -> None:
        """Add the roles received in a stack set's template.

        In each target account the role that acts for the stack set passes them, not the deployer of the stack set.
        """
        address = stack_set.address
        for received in inner.roles:
            attribute = f"TemplateBody/Resources/{received.resource.address}/Properties/{received.attribute}"
            value, by = to_parent(received.value, address), "resource" if received.by == "deployer" else received.by
            self.roles.append(replace(received, resource=stack_set, attribute=attribute, value=value, by=by))
        for profile in inner.profiles:
            below = f"{address}.{profile.address}"
            self.profiles.append(profile.converted(below, lambda value: to_parent(value, address)))

    def _with_event_service(self, received: ReceivedRole) -> ReceivedRole:
        """Return the role of a SAM event with the service of this event type."""
        steps = received.attribute.split("/")
        if not received.resource.type.startswith(_SERVERLESS) or steps[0] != "Events":
            return received
        resource = self.template.resources.get(received.resource.address)
        service = sam_implicit_roles.EVENT_SERVICES.get(scalar(child(resource, "Properties", *steps[:2], "Type")) or "")
        if service is None:
            return received
        return replace(received, receiver=replace(received.receiver, services=(service,), trusted=(service,)))

    def _add_profile(self, resource: ResourceDefinition, properties: yaml.MappingNode) -> None:
        """Add an instance profile."""
        nodes = child(properties, "InstanceProfileName"), child(properties, "Roles")
        name, roles = (self.evaluator.node(node) if node is not None else None for node in nodes)
        self.profiles.append(InstanceProfile(resource.address, name, roles))


class _PropertiesWithGlobals:
    """The properties of one resource, including those from SAM's Globals."""

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
