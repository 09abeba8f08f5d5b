"""What is in the template of a stack that another format describes (``aws_cloudformation_stack``), and where that
stands. Reading it is a matter of :mod:`passrole_checks.sources.cloudformation.read_embedded_template`, which few
need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from passrole_checks.iam.partial_values import StringNode
from passrole_checks.sources.model.attachments_elsewhere import AttachmentsElsewhere
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    InstanceProfile,
    ManagedAttachment,
    ReceivedRole,
    RoleDefinition,
    Suppression,
    Unreadable,
)

ONE_ACCOUNT = "aws_cloudformation_stack"  # the other type is that of stack sets

TYPES = frozenset({ONE_ACCOUNT, "aws_cloudformation_stack_set"})

PARTS = ("template_body", "parameters", "name", "iam_role_arn")
"""The attributes that say what a stack is made of."""


@dataclass(frozen=True)
class StackContent:
    """What the template of a stack holds: the roles that its resources receive, its instance profiles and roles, which
    are named below the stack's resource, and its policies, which are the stack's own, as those of a stack set are.

    ``named`` are the roles of a stack set with their names in the accounts that it is deployed to. ``file`` is the
    template, where it is a file of its own. ``is_read`` is false where there is no template that can be read; ``fault``
    may then say why. The rest is as in :class:`~passrole_checks.sources.model.configuration.Configuration`.
    """

    received: tuple[ReceivedRole, ...] = ()
    profiles: tuple[InstanceProfile, ...] = ()
    roles: tuple[RoleDefinition, ...] = ()
    named: tuple[RoleDefinition, ...] = ()
    policies: tuple[AttachedPolicy, ...] = ()
    users: tuple[tuple[str, StringNode], ...] = ()
    attachments: tuple[ManagedAttachment, ...] = ()
    members: tuple[tuple[str, str], ...] = ()
    boundary_unknown: tuple[str, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    not_evaluated: tuple[Unreadable, ...] = ()
    file: str = ""
    is_read: bool = False
    fault: str = ""

    @property
    def unread(self) -> str:
        """What to say of a stack that is not read."""
        fault = f"template cannot be read: {self.fault}" if self.fault else "policies are not read here"
        return f"a CloudFormation stack, whose {fault}"

    def called(self, who: Callable[[str], str]) -> StackContent:
        """The same with other names of those who hold something."""
        return replace(
            self,
            policies=tuple(
                replace(
                    one,
                    principals=tuple(map(who, one.principals)),
                    held=tuple((who(holder), facts) for holder, facts in one.held),
                )
                for one in self.policies
            ),
            attachments=tuple(replace(one, holder=who(one.holder)) for one in self.attachments),
            members=tuple((who(group), who(user)) for group, user in self.members),
            boundary_unknown=tuple(map(who, self.boundary_unknown)),
        )


NOTHING = StackContent()


def held_in(contents: Iterable[StackContent], held: AttachmentsElsewhere) -> AttachmentsElsewhere:
    """What principals of a configuration hold, with what those in the templates of its stacks do."""
    found = held.copy()
    for content in contents:
        found["attachments"] = (*found["attachments"], *content.attachments)
        found["members"] = (*found["members"], *content.members)
        found["boundary_unknown"] = (*found["boundary_unknown"], *content.boundary_unknown)
    return found
