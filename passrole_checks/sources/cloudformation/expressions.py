"""Function calls of a template as people would write them, for messages.

Source: AWS CloudFormation Template Reference, "Intrinsic function reference".
"""

from __future__ import annotations

import re

import yaml

from passrole_checks.sources.cloudformation.template import call, entries

MAX_EXPRESSION = 120
_WORD = re.compile(r"[\w*]")


def expression_of(name: str, argument: yaml.Node) -> str:
    """A function call on one line, cut where it is long."""
    words = f"{name} {words_of(argument)}".strip()
    return words if len(words) <= MAX_EXPRESSION else words[: MAX_EXPRESSION - 1] + "…"


def words_of(node: yaml.Node, depth: int = 0) -> str:
    """A node in words: references as ``${Name}``, other functions by their names."""
    function = call(node)
    if depth > 5:
        return "…"
    if function:
        name, argument = function
        words = words_of(argument, depth + 1)
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
        return ", ".join(words_of(item, depth + 1) for item in node.value[:20])
    return ", ".join(f"{key.value}: {words_of(value, depth + 1)}" for key, value in entries(node)[:20])
