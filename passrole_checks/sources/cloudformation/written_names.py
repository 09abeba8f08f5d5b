"""Names as a template writes them, with unknown parts for what is not text.

Nothing is evaluated: reading a parameter for a name alone would make its value matter.
Source: AWS CloudFormation Template Reference, "Fn::Sub", "Fn::Join".
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from passrole_checks.iam.partial_values import Part, Position, StringNode, Unresolved, join
from passrole_checks.sources.cloudformation.strings import parse_sub
from passrole_checks.sources.cloudformation.template import intrinsic_call, scalar


def written_name(node: yaml.Node | None, unknown: Unresolved, at: Position) -> StringNode | None:
    """Return the name that a property has, with ``unknown`` for its unknown parts; None if nothing of it is known."""
    parts = join(list(_parts(node, unknown))) if node is not None else ()
    return StringNode(parts, at) if any(isinstance(part, str) and part for part in parts) else None


def _parts(node: yaml.Node, unknown: Unresolved) -> Iterator[Part]:
    text, call = scalar(node), intrinsic_call(node)
    name, argument = call if call is not None else ("", node)
    listed = argument.value if isinstance(argument, yaml.SequenceNode) else []
    written = scalar(listed[0] if listed else argument)
    if text is not None:
        yield text
    elif name == "Fn::Sub" and written is not None:
        yield from (unknown if piece.reference else piece.value for piece in parse_sub(written))
    elif name == "Fn::Join" and written is not None and len(listed) == 2 and isinstance(listed[1], yaml.SequenceNode):
        for number, item in enumerate(listed[1].value):
            yield from ([written] if number else [])
            yield from _parts(item, unknown)
    else:
        yield unknown
