"""Roles that SAM creates and that the deployer passes to services.

Source: AWS SAM Developer Guide, "Generated CloudFormation resources" (AWS::Serverless::Function, StateMachine,
GraphQLApi), and the package aws-sam-translator, which is the transform and determines the logical ids.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from passrole_checks.aws.role_properties import Receiver
from passrole_checks.iam.partial_values import Position, StringNode, Unresolved, UnresolvedKind
from passrole_checks.sources.cloudformation import sam
from passrole_checks.sources.cloudformation.documents import is_no_value
from passrole_checks.sources.cloudformation.template import Template, child, entries, scalar
from passrole_checks.sources.model.configuration import ReceivedRole, ResourceDefinition

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
        implicit_role = sam.implicit_role_of_type(resource.type)
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
