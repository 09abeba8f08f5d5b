"""``yamldecode``: YAML 1.2's core forms, with positions of nothing but the whole text."""

from __future__ import annotations

import re

import yaml

from passrole_checks.iam.values import Const, Entry, Items, Mapping, Node, Text, text
from passrole_checks.sources.terraform.function import Call
from passrole_checks.sources.terraform.functions_collection import table
from passrole_checks.sources.terraform.symbols import Encoded, hole, literal

_DEPTH = 40
_LONGEST = 200_000
_NUMBER = re.compile(r"[-+]?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")


def yaml_decode(call: Call, arguments: list[Node]) -> Node | None:
    value = arguments[0]
    if isinstance(value, Encoded):
        return value.value
    content = literal(value)
    if content is None or len(content) > _LONGEST:
        return None
    try:
        tree = yaml.compose(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError):
        return call.fail("not YAML")
    return _node(tree, call, 0) if tree is not None else Const(None, call.at)


def _node(tree: yaml.Node, call: Call, depth: int) -> Node:
    if depth > _DEPTH:
        return hole(call.words, call.at, "nested too deeply")
    if isinstance(tree, yaml.SequenceNode):
        return Items(tuple([_node(item, call, depth + 1) for item in tree.value]), call.at)
    if isinstance(tree, yaml.MappingNode):
        entries = [
            Entry(_key(key, call), _node(value, call, depth + 1)) for key, value in tree.value if key.value != "<<"
        ]
        return Mapping(tuple(entries), call.at)
    return _scalar(tree, call)


def _key(key: yaml.Node, call: Call) -> Text:
    return text(key.value, call.at) if isinstance(key, yaml.ScalarNode) else hole(call.words, call.at)


def _scalar(tree: yaml.Node, call: Call) -> Node:
    value = str(tree.value)
    if getattr(tree, "style", None):
        return text(value, call.at)
    if value in ("", "~", "null", "Null", "NULL"):
        return Const(None, call.at)
    if value in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return Const(value.lower() == "true", call.at)
    if _NUMBER.fullmatch(value):
        return Const(float(value) if set(value) & set(".eE") else int(value), call.at)
    return text(value, call.at)


YAML = table({"yamldecode": (yaml_decode, 1, 1)})
