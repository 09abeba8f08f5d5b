"""What is in the template of a stack that another format describes (``aws_cloudformation_stack``), and where that
stands. Reading it is a matter of :mod:`passrole_checks.sources.cloudformation.stack_body`, which few need."""

from __future__ import annotations

from dataclasses import dataclass

from passrole_checks.sources.resource import InstanceProfile, ReceivedRole, RoleDefinition

ONE_ACCOUNT = "aws_cloudformation_stack"  # the other type is that of stack sets

TYPES = frozenset({ONE_ACCOUNT, "aws_cloudformation_stack_set"})

PARTS = ("template_body", "parameters", "name", "iam_role_arn")
"""The attributes that say what a stack is made of."""


@dataclass(frozen=True)
class StackContent:
    """What the template of a stack holds: the roles that its resources receive, named below the stack's resource; the
    instance profiles and the roles in it."""

    received: tuple[ReceivedRole, ...] = ()
    profiles: tuple[InstanceProfile, ...] = ()
    roles: tuple[RoleDefinition, ...] = ()


NOTHING = StackContent()
