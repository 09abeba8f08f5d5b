"""Intrinsic functions, evaluated as far as a template alone tells their values.

Source: AWS CloudFormation Template Reference, "Intrinsic function reference". What is not evaluated, or is written
in a way that CloudFormation would refuse, is a hole that carries the expression; nothing here raises.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import yaml

from passrole_checks.iam import values
from passrole_checks.iam.values import Absent, Choice, Const, Entry, Items, Node, Position, Text, unknown
from passrole_checks.sources.cloudformation.references import References
from passrole_checks.sources.cloudformation.strings import (
    advanced,
    alternatives,
    as_text,
    concatenated,
    placeholders,
    resolved,
    split,
)
from passrole_checks.sources.cloudformation.template import Template, call, child, entries, scalar

_REASONS = {
    "Fn::ImportValue": "exported by another stack",
    "Fn::Transform": "inserted by a macro at deployment",
    "Fn::GetStackOutput": "an output of another stack",
}
_MALFORMED = "not written as CloudFormation expects it"
MAX_EXPRESSION = 120


class Evaluator:
    """Turns the nodes of a template into values with holes."""

    def __init__(self, template: Template, implicit_roles: Mapping[str, yaml.Node | None]) -> None:
        self.template = template
        self.references = References(template, self.node, implicit_roles)
        self._assumed: dict[str, bool] = {}
        self._functions = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::If": self._if,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::ToJsonString": self._to_json_string,
        }

    @contextmanager
    def assuming(self, condition: str, outcome: bool) -> Iterator[None]:
        """Within it, ``Fn::If`` on this condition gives the one alternative that can be."""
        before = dict(self._assumed)
        self._assumed[condition] = outcome
        try:
            yield
        finally:
            self._assumed = before

    def assumed(self, condition: str) -> bool | None:
        return self._assumed.get(condition)

    def node(self, node: yaml.Node) -> Node:
        """The value of a node and of everything below it."""
        function = call(node)
        at = self.template.position(node)
        if function:
            name, argument = function
            value = self._functions[name](argument, at) if name in self._functions else None
            if value is None:
                reason = _MALFORMED if name in self._functions else _REASONS.get(name, "known after deployment")
                return unknown(self.expression(name, argument), at, reason)
            return _without_empty_default(value)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, at)
        if isinstance(node, yaml.SequenceNode):
            return Items(tuple(self.node(item) for item in node.value), at)
        return values.Mapping(tuple(Entry(self._key(key, value), self.node(value)) for key, value in entries(node)), at)

    def _key(self, key: yaml.ScalarNode, value: yaml.Node) -> Text:
        """A key; a function beside other keys adds keys at deployment, of which none is known."""
        at = self.template.position(key)
        if key.value.startswith(("Fn::Transform", "Fn::ForEach")):
            return unknown(self.expression(key.value, value), at, "inserted at deployment")
        return self._literal(key, at)

    def _scalar(self, node: yaml.ScalarNode, at: Position) -> Node:
        kind, value = node.tag.rsplit(":", 1)[-1], node.value
        if kind == "null":
            return Const(None, at)
        if kind == "bool":
            return Const(value.lower() in ("true", "yes", "on"), at)
        if kind in ("int", "float"):
            number = _number(value, kind)
            if number is not None:
                return Const(number, at)
        return resolved(self._literal(node, at))

    def _literal(self, node: yaml.ScalarNode, at: Position) -> Text:
        layout = self.template.layout(node)
        if layout is None:
            return Text((node.value,), at)
        return Text((node.value,), at, ((layout[0], layout[1]),), layout[2])

    def expression(self, name: str, argument: yaml.Node) -> str:
        """A function call as people would write it, cut to a line."""
        words = f"{name} {self._words(argument)}".strip()
        return words if len(words) <= MAX_EXPRESSION else words[: MAX_EXPRESSION - 1] + "…"

    def _words(self, node: yaml.Node, depth: int = 0) -> str:
        function = call(node)
        if depth > 5:
            return "…"
        if function:
            name, argument = function
            words = self._words(argument, depth + 1)
            if name == "Ref":
                return f"${{{words}}}"
            if name == "Fn::Sub" and isinstance(argument, yaml.ScalarNode):
                return words
            if name == "Fn::GetAtt":
                return "${" + words.replace(", ", ".") + "}"
            return f"{name} {words}"
        if isinstance(node, yaml.ScalarNode):
            return " ".join(node.value[: 2 * MAX_EXPRESSION].split())
        if isinstance(node, yaml.SequenceNode):
            return ", ".join(self._words(item, depth + 1) for item in node.value[:20])
        return ", ".join(f"{key.value}: {self._words(value, depth + 1)}" for key, value in entries(node)[:20])

    # Each function returns None where it is not written as CloudFormation expects it.

    def _ref(self, argument: yaml.Node, at: Position) -> Node | None:
        name = self._known(argument)
        return None if name is None else self.references.ref(name, at)

    def _known(self, node: yaml.Node) -> str | None:
        """The text of an argument that must be known by itself."""
        if isinstance(node, yaml.ScalarNode) and not call(node):
            return str(node.value)
        text = as_text(self.node(node)) if call(node) else None
        return text.literal if text else None

    def _get_att(self, argument: yaml.Node, at: Position) -> Node | None:
        if isinstance(argument, yaml.SequenceNode):
            words = [self._known(item) for item in argument.value]
        else:
            word = self._known(argument)
            words = list(word.split(".", 1)) if word is not None else []
        known = [word for word in words if word is not None]
        if len(known) < 2 or len(known) != len(words):
            return None
        return self.references.attribute(known[0], ".".join(known[1:]), at)

    def _sub(self, argument: yaml.Node, at: Position) -> Node | None:
        variables: dict[str, yaml.Node] = {}
        if isinstance(argument, yaml.SequenceNode) and len(argument.value) == 2:
            argument, table = argument.value
            variables = {key.value: value for key, value in entries(table)}
        if not isinstance(argument, yaml.ScalarNode) or call(argument):
            return None
        source = argument.value
        layout = self.template.layout(argument) if source.lstrip().startswith(("{", "[")) else None
        nodes: list[Node] = []
        starts: list[tuple[int, int]] = []
        given: dict[str, Node] = {}
        for piece in placeholders(source):
            if not piece.reference:
                value: Node = Text((piece.value,), at)
            elif piece.value in variables:
                if piece.value not in given:
                    given[piece.value] = self.node(variables[piece.value])
                value = given[piece.value]
            else:
                value = self._placeholder(piece.value, at)
            nodes.append(value)
            if layout:
                starts.append(advanced(source, piece.offset, layout[:2], layout[2]))
        indent = layout[2] if layout else 0

        def build(chosen: Sequence[Node]) -> Node:
            texts = [as_text(node) or unknown(source, at, "not a text") for node in chosen]
            return concatenated(texts, at, starts, indent, source[:MAX_EXPRESSION])

        return alternatives(nodes, build, at)

    def _placeholder(self, name: str, at: Position) -> Node:
        logical_id, dot, attribute = name.partition(".")
        value = self.references.attribute(logical_id, attribute, at) if dot else self.references.ref(name, at)
        if as_text(value) is None and not isinstance(value, Choice):
            return unknown(name, at, "not a text")
        return value

    def _join(self, argument: yaml.Node, at: Position) -> Node | None:
        if not isinstance(argument, yaml.SequenceNode) or len(argument.value) != 2:
            return None
        delimiter = self._known(argument.value[0])
        if delimiter is None:
            return None
        expression = self.expression("Fn::Join", argument)

        def build_list(chosen: Sequence[Node]) -> Node:
            items = chosen[0]
            if isinstance(items, Items):
                return alternatives(items.items, build, at)
            return unknown(expression, at, "the list is not known")

        def build(chosen: Sequence[Node]) -> Node:
            texts: list[Text] = []
            for node in chosen:
                if isinstance(node, Absent):
                    continue
                if texts:
                    texts.append(Text((delimiter,), at))
                texts.append(as_text(node) or unknown(expression, at, "an element is no text"))
            return concatenated(texts, at, expression=expression)

        return alternatives([self.node(argument.value[1])], build_list, at)

    def _if(self, argument: yaml.Node, at: Position) -> Node | None:
        if not isinstance(argument, yaml.SequenceNode) or len(argument.value) != 3:
            return None
        condition = self._known(argument.value[0])
        if condition is None:
            return None
        known = self.assumed(condition)
        if known is not None:
            return self.node(argument.value[1 if known else 2])
        options: list[tuple[str, Node]] = []
        for label, outcome, branch in (("true", True, argument.value[1]), ("false", False, argument.value[2])):
            with self.assuming(condition, outcome):
                options.append((label, self.node(branch)))
        return Choice(condition, tuple(options), at)

    def _select(self, argument: yaml.Node, at: Position) -> Node | None:
        if not isinstance(argument, yaml.SequenceNode) or len(argument.value) != 2:
            return None
        index = self._known(argument.value[0])
        if index is None or not index.isdecimal():
            return None
        number = int(index) if len(index) < 6 else -1
        expression = self.expression("Fn::Select", argument)

        def build(chosen: Sequence[Node]) -> Node:
            items = chosen[0]
            if not isinstance(items, Items):
                return unknown(expression, at, "the list is not known")
            given = [item for item in items.items if not isinstance(item, Absent)]
            if 0 <= number < len(given) and not any(isinstance(item, Choice) for item in given[:number]):
                return given[number]
            return unknown(expression, at, "the list has no such element")

        return alternatives([self.node(argument.value[1])], build, at)

    def _split(self, argument: yaml.Node, at: Position) -> Node | None:
        if not isinstance(argument, yaml.SequenceNode) or len(argument.value) != 2:
            return None
        delimiter = self._known(argument.value[0])
        if not delimiter:
            return None
        expression = self.expression("Fn::Split", argument)

        def build(chosen: Sequence[Node]) -> Node:
            text = as_text(chosen[0])
            texts = split(text, delimiter) if text else None
            return Items(tuple(texts), at) if texts else unknown(expression, at, "the text is not known")

        return alternatives([self.node(argument.value[1])], build, at)

    def _find_in_map(self, argument: yaml.Node, at: Position) -> Node | None:
        if not isinstance(argument, yaml.SequenceNode) or len(argument.value) not in (3, 4):
            return None
        fallback = child(argument.value[3], "DefaultValue") if len(argument.value) == 4 else None
        expression = self.expression("Fn::FindInMap", argument)

        def build(chosen: Sequence[Node]) -> Node:
            texts = [as_text(node) for node in chosen]
            keys = [text.literal if text else None for text in texts]
            if None in keys:
                return unknown(expression, at, "a key is not known")
            first, *others = [key for key in keys if key is not None]
            found = child(self.template.mappings.get(first), *others)
            if found is None:
                return self.node(fallback) if fallback is not None else unknown(expression, at, "not in the map")
            defaults = tuple(dict.fromkeys(name for text in texts if text for name in text.defaults))
            return self._map_value(found, at, defaults) or unknown(expression, at, "not a literal in the map")

        return alternatives([self.node(key) for key in argument.value[:3]], build, at)

    def _map_value(self, node: yaml.Node, at: Position, defaults: tuple[str, ...]) -> Node | None:
        """A value of the Mappings section, which holds literals only."""
        if isinstance(node, yaml.SequenceNode):
            words = [scalar(item) for item in node.value]
            if None not in words:
                return Items(tuple(resolved(Text((word or "",), at, defaults=defaults)) for word in words), at)
            return None
        word = scalar(node)
        return None if word is None else resolved(Text((word,), at, defaults=defaults))

    def _to_json_string(self, argument: yaml.Node, at: Position) -> Node | None:
        """The object itself: whoever wants the text of a policy reads an object as well."""
        value = self.node(argument)
        return value if isinstance(value, values.Mapping | Items) else None


def _number(value: str, kind: str) -> int | float | None:
    digits = value.replace("_", "")
    try:
        if kind == "int" and len(digits) <= 1000:
            bare = digits.lstrip("+-").lower()
            sign = -1 if digits.startswith("-") else 1
            if bare.startswith(("0x", "0b")):
                return sign * int(bare, 0)
            # YAML 1.1: a leading zero means octal.
            return sign * (int(bare, 8) if bare.startswith("0") and len(bare) > 1 else int(bare))
        number = float(digits)
        return number if math.isfinite(number) else None
    except ValueError:
        return None


def _without_empty_default(value: Node) -> Node:
    """An empty text that comes from a default alone says "not given"; nobody deploys a policy with it."""
    if isinstance(value, Text) and value.literal == "" and value.defaults:
        return unknown(value.defaults[0], value.at, "its default is empty")
    return value
