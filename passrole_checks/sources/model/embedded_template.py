"""The content of a CloudFormation template inside another format (``aws_cloudformation_stack``), as plain data, and the
parameters that a stack set overrides for some of its instances.

:mod:`passrole_checks.sources.cloudformation.read_embedded_template` reads it and is imported only when needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Absent, Choice, Node, StringNode
from passrole_checks.iam.values.path_conditions import none_of, one_of
from passrole_checks.sources.model.configuration import (
    NO_ATTACHMENTS,
    AttachedPolicy,
    Attachments,
    InstanceProfile,
    ReceivedRole,
    RoleDefinition,
    Suppression,
    Unreadable,
)

ONE_ACCOUNT = frozenset({"aws_cloudformation_stack", "awscc_cloudformation_stack"})
"""Types of stacks; those of the other types, stack sets, are in many accounts."""

TYPES = ONE_ACCOUNT | {"aws_cloudformation_stack_set", "awscc_cloudformation_stack_set"}

_PARTS = ("template_body", "parameters", "name", "iam_role_arn")
_OTHER_NAMES = {
    "awscc_cloudformation_stack": {"name": "stack_name", "iam_role_arn": "role_arn"},
    "awscc_cloudformation_stack_set": {"name": "stack_set_name"},
}
_MAX_GROUPS = 20  # groups of instances whose overrides are evaluated


def stack_attributes(type_: str) -> dict[str, str]:
    """Return the attributes that define a stack, by their names in ``aws_cloudformation_stack``.

    Source: Terraform Registry, providers ``hashicorp/aws`` and ``hashicorp/awscc``, ``…_cloudformation_stack`` and
    ``…_cloudformation_stack_set``.
    """
    return {part: _OTHER_NAMES.get(type_, {}).get(part, part) for part in _PARTS}


@dataclass(frozen=True)
class StackContent:
    """The content of a stack's template: passed roles, instance profiles, roles and policies.

    Roles and instance profiles have addresses below the stack's resource; policies belong to the stack's resource
    itself, like those of a stack set.

    ``named`` are the roles of a stack set with their names in the target accounts. ``file`` is the template if it is a
    file of its own. ``is_read`` is false if no template can be read; ``fault`` may give the reason. The other fields
    are as in :class:`~passrole_checks.sources.model.configuration.Configuration`.
    """

    received: tuple[ReceivedRole, ...] = ()
    profiles: tuple[InstanceProfile, ...] = ()
    roles: tuple[RoleDefinition, ...] = ()
    named: tuple[RoleDefinition, ...] = ()
    policies: tuple[AttachedPolicy, ...] = ()
    users: tuple[tuple[str, StringNode], ...] = ()
    attached: Attachments = NO_ATTACHMENTS
    suppressions: tuple[Suppression, ...] = ()
    not_evaluated: tuple[Unreadable, ...] = ()
    file: str = ""
    is_read: bool = False
    fault: str = ""

    @property
    def unread(self) -> str:
        """Reason to report for a stack that is not read."""
        fault = f"template cannot be read: {self.fault}" if self.fault else "template is not available"
        return f"CloudFormation stack: {fault}"

    def with_principals(self, rename: Callable[[str], str]) -> StackContent:
        """Return a copy with renamed principals."""
        return replace(
            self,
            policies=tuple(policy.with_principals(rename) for policy in self.policies),
            attached=self.attached.renamed(rename),
        )


NOTHING = StackContent()


def with_overrides(
    base: Mapping[str, Node], overrides: Mapping[str, Mapping[str, Node]], subject: str
) -> dict[str, Node]:
    """Return the overridden parameters, each with the value of the stack set and those of the groups of instances.

    ``overrides``: the values that differ, by a name of the group and of the parameter. ``subject``: the subject of the
    path conditions. A parameter without a value of the stack set has its default there.
    """
    groups = dict(list(overrides.items())[:_MAX_GROUPS])
    result: dict[str, Node] = {}
    for name in dict.fromkeys(name for values in groups.values() for name in values):
        own = {group: values[name] for group, values in groups.items() if name in values}
        at = next(iter(own.values())).at
        options = [(one_of(subject, [group]), value) for group, value in own.items()]
        result[name] = Choice(((none_of(subject, own), base.get(name, Absent(at))), *options), at)
    return result
