"""Format function calls of a template for messages.

Source: AWS CloudFormation Template Reference, "Intrinsic function reference".
"""

from __future__ import annotations

import yaml

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.cloudformation.template import entries, intrinsic_call

MAX_EXPRESSION = 120
_WORD = lazy_regex(r"[\w*]")


def format_call(name: str, argument: yaml.Node) -> str:
    """Return a function call on one line, truncated if it is long."""
    text = f"{name} {format_node(argument)}".strip()
    return text if len(text) <= MAX_EXPRESSION else text[: MAX_EXPRESSION - 1] + "…"


def format_node(node: yaml.Node, depth: int = 0) -> str:
    """Return a node as text: references as ``${Name}``, other functions by their names."""
    function = intrinsic_call(node)
    if depth > 5:
        return "…"
    if function:
        name, argument = function
        words = format_node(argument, depth + 1)
        if name == "Ref":
            return f"${{{words}}}"
        if name == "Fn::Sub" and isinstance(argument, yaml.ScalarNode):
            return words
        if name == "Fn::GetAtt":
            return "${" + words.replace(", ", ".") + "}"
        return f"{name} {words}"
    if isinstance(node, yaml.ScalarNode):
        words = " ".join(node.value[: 2 * MAX_EXPRESSION].split())
        return words if _WORD.search(words) else f'"{words}"'
    if isinstance(node, yaml.SequenceNode):
        return ", ".join(format_node(item, depth + 1) for item in node.value[:20])
    return ", ".join(f"{key.value}: {format_node(value, depth + 1)}" for key, value in entries(node)[:20])
