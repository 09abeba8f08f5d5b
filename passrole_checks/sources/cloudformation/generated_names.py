"""Names that CloudFormation generates for resources that have none: stack name, logical id, random characters.

Source: CloudFormation User Guide, "Name Type" (``AWS::IAM::Role``, ``RoleName``).
"""

from __future__ import annotations

from passrole_checks.iam.partial_values import Part, Position, StringNode, Unresolved, UnresolvedKind, join

_STACK_NAME = "AWS::StackName"
_KEPT_LENGTH = 24  # characters of either name that are never truncated


def generated_name(stack: StringNode | None, logical_id: str, at: Position) -> StringNode:
    """Return the generated name of a role, as far as the stack name and logical id are not truncated.

    ``stack``: the name of the stack; None if it is unknown.
    """
    name: tuple[Part, ...] = stack.parts if stack is not None else (Unresolved(_STACK_NAME, UnresolvedKind.NAME),)
    literal = name[0] if len(name) == 1 and isinstance(name[0], str) else None
    prefix, generated = logical_id[:_KEPT_LENGTH], Unresolved("generated", UnresolvedKind.NAME)
    after: tuple[Part, ...] = (f"{prefix}-" if prefix == logical_id else prefix, generated)
    if literal is not None and len(literal) > _KEPT_LENGTH:
        return StringNode(join((literal[:_KEPT_LENGTH], generated, "-", *after)), at)
    return StringNode(join((*name, "-", *after)), at)
