"""Resource types that a request for an action always has.

A request is allowed only if each of its resources is. Hand-kept, from the Service Authorization Reference: the resource
types that the page of a service marks as required (*) for an action, of the actions that start workloads of passed
roles. Left out: actions without such types, and those of which one resource of several types suffices.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_TYPES = {
    # "Actions, resources, and condition keys for Amazon EC2"; volumes, key pairs and launch templates are optional
    "ec2:RequestSpotInstances": ("spot-instances-request/*",),
    "ec2:RunInstances": ("image/*", "instance/*", "network-interface/*", "security-group/*", "subnet/*"),
    # "… for Amazon Elastic Container Service": the cluster is a condition key
    "ecs:CreateService": ("service/*",),
    "ecs:RunTask": ("task-definition/*",),
    "ecs:StartTask": ("task-definition/*",),
    # "… for AWS Lambda"
    "lambda:AddPermission": ("function:*",),
    "lambda:CreateFunction": ("function:*",),
    "lambda:InvokeFunction": ("function:*",),
    # "… for AWS CodeBuild"
    "codebuild:CreateProject": ("project/*",),
    "codebuild:StartBuild": ("project/*",),
    "codebuild:StartBuildBatch": ("project/*",),
    # "… for AWS CloudFormation"
    "cloudformation:CreateStack": ("stack/*",),
    # "… for AWS Step Functions"
    "states:CreateStateMachine": ("stateMachine:*",),
    "states:StartExecution": ("stateMachine:*",),
}

REQUIRED_RESOURCES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    action: tuple(f"arn:aws:{action.partition(':')[0]}:*:*:{kind}" for kind in kinds)
    for action, kinds in _TYPES.items()
})  # fmt: skip
"""The ARN patterns of the required types, by action as in the escalation paths; any partition is written as ``aws``."""
