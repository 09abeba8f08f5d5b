"""Roles that the resources of a template receive, those that SAM creates for them, and its instance profiles.

Sources: AWS CloudFormation Template Reference, AWS::IAM::InstanceProfile (``Roles`` has exactly one name); AWS SAM
Developer Guide, "Generated CloudFormation resources" (AWS::Serverless::Function, StateMachine, GraphQLApi), ApiAuth
(``InvokeRole``), and EventSource types ``Schedule``, ``ScheduleV2``, ``EventBridgeRule``, ``CloudWatchEvent`` and
``Api``, which say for whom ``RoleArn`` is; the package aws-sam-translator, which is the transform and determines the
logical ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import yaml

from passrole_checks.aws.role_properties import Receiver
from passrole_checks.iam.values.nodes import Position, StringNode, Unresolved, UnresolvedKind
from passrole_checks.sources.cloudformation import sam
from passrole_checks.sources.cloudformation.documents import is_no_value
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.resource import TemplateResource
from passrole_checks.sources.cloudformation.stack_values import parent_name, to_parent
from passrole_checks.sources.cloudformation.template import Template, child, entries, scalar
from passrole_checks.sources.collect.consumers import find_received_roles
from passrole_checks.sources.model.configuration import InstanceProfile, ReceivedRole, ResourceDefinition

_PROFILE = "AWS::IAM::InstanceProfile"
_SERVERLESS = "AWS::Serverless::"
_NO_ROLES = frozenset({"CALLER_CREDENTIALS", "NONE"})  # values of SAM's InvokeRole without a role
EVENT_SERVICES = {
    "Api": "apigateway.amazonaws.com",
    "CloudWatchEvent": "events.amazonaws.com",
    "EventBridgeRule": "events.amazonaws.com",
    "Schedule": "events.amazonaws.com",
    "ScheduleV2": "scheduler.amazonaws.com",
}
"""The service that needs a role to deliver events, by event type."""

_FUNCTION, _STATE_MACHINE, _GRAPHQL = (
    f"AWS::Serverless::{name}" for name in ("Function", "StateMachine", "GraphQLApi")
)
_CODE_DEPLOY_ROLE = "CodeDeployServiceRole"  # shared by all functions of a template


class TemplateRoleConsumers:
    """Collect the received roles (``roles``) and the instance profiles (``profiles``) of a template."""

    def __init__(self, template: Template, evaluator: Evaluator, owners: Mapping[str, str]) -> None:
        self.template = template
        self.evaluator = evaluator
        self.implicit_roles = {owner: role for role, owner in owners.items()}  # SAM's execution roles by resource
        self.roles: list[ReceivedRole] = []
        self.profiles: list[InstanceProfile] = []

    def read(self, resource: TemplateResource) -> None:
        """Add the roles that a resource receives, and the resource itself if it is an instance profile."""
        definition, properties = resource.definition, resource.properties
        if definition.type == _PROFILE:
            name, roles = resource.value("InstanceProfileName"), resource.value("Roles")
            self.profiles.append(InstanceProfile(definition.address, name, roles))
        for received in find_received_roles(resource):
            literal = received.value.literal if isinstance(received.value, StringNode) else None
            if not received.attribute.endswith("InvokeRole") or literal not in _NO_ROLES:
                guarded = replace(received, value=self.evaluator.guarded(received.value))
                self.roles.append(self._with_event_service(guarded))
        if definition.type.startswith(_SERVERLESS):
            execution_role = self.implicit_roles.get(definition.address)
            self.roles.extend(find_implicit_roles(self.template, definition, properties, execution_role))

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
        service = EVENT_SERVICES.get(scalar(child(resource, "Properties", *steps[:2], "Type")) or "")
        if service is None:
            return received
        return replace(received, receiver=replace(received.receiver, services=(service,), trusted=(service,)))


def find_implicit_roles(
    template: Template, resource: ResourceDefinition, properties: yaml.Node, execution_role: str | None
) -> Iterator[ReceivedRole]:
    """Yield the roles that SAM creates for a resource. ``execution_role``: the logical id of its implicit execution
    role."""

    def received(attribute: str, role: str, service: str, node: yaml.Node | None = None) -> ReceivedRole:
        at = template.position(node) if node is not None else resource.at
        at = Position(at.file, at.line, at.column, at.line, at.column)
        path = tuple(attribute.split("/"))
        receiver = Receiver(resource.type, path, "role", "passed", (service,), (service,), "documented")
        value = StringNode((Unresolved(role, UnresolvedKind.NAME, role=role, reason="created by SAM"),), at)
        return ReceivedRole(resource, attribute, value, at, receiver)

    name = resource.address
    if execution_role is not None:
        implicit_role = sam.ROLES.get(resource.type)
        if implicit_role is not None:
            yield received(implicit_role.role_property, execution_role, implicit_role.service)
    if resource.type in (_FUNCTION, _STATE_MACHINE):
        for key, event in entries(child(properties, "Events")):
            service = _event_service(resource.type, event)
            if service is not None:
                yield received(f"Events/{key.value}/Properties/RoleArn", f"{name}{key.value}Role", service, key)
    if resource.type == _FUNCTION and _has_gradual_deployment(template, properties):
        node = child(properties, "DeploymentPreference")
        yield received("DeploymentPreference/Role", _CODE_DEPLOY_ROLE, "codedeploy.amazonaws.com", node)
    if resource.type == _GRAPHQL:
        appsync = "appsync.amazonaws.com"
        logging = child(properties, "Logging")
        if scalar(logging) not in ("false", "False") and _is_omitted(logging, "CloudWatchLogsRoleArn"):
            yield received("Logging/CloudWatchLogsRoleArn", f"{name}CloudWatchRole", appsync, logging)
        for kind, word in (("DynamoDb", "DynamoDB"), ("Lambda", "Lambda")):
            for key, source in entries(child(properties, "DataSources", kind)):
                if _is_omitted(source, "ServiceRoleArn"):
                    path = f"DataSources/{kind}/{key.value}/ServiceRoleArn"
                    yield received(path, f"{name}{key.value}{word}DataSourceRole", appsync, key)


def _event_service(kind: str, event: yaml.Node) -> str | None:
    """Return the service for which SAM creates a role if an event names none; None if it creates none."""
    type_ = scalar(child(event, "Type")) or ""
    if kind == _FUNCTION and type_ != "ScheduleV2":
        return None  # the others use the function's resource-based policy instead
    named = type_ in ("Schedule", "ScheduleV2") and not _is_omitted(child(event, "Properties"), "RoleArn")
    return None if named else EVENT_SERVICES.get(type_)


def _has_gradual_deployment(template: Template, properties: yaml.Node) -> bool:
    """True if CodeDeploy shifts the traffic of a function with a role that SAM creates."""
    own = child(properties, "DeploymentPreference")
    shared = child(template.root, "Globals", "Function", "DeploymentPreference")
    if own is None and shared is None:
        return False
    settings = {name: child(own, name) or child(shared, name) for name in ("Enabled", "Role", "Type")}
    if (scalar(settings["Enabled"]) or "").lower() == "false" or settings["Type"] is None:
        return False
    return settings["Role"] is None or is_no_value(settings["Role"])


def _is_omitted(node: yaml.Node | None, name: str) -> bool:
    value = child(node, name)
    return value is None or is_no_value(value)
