"""Expand loops (``Fn::ForEach``) whose collections are known.

Sources: AWS CloudFormation Template Reference, "Fn::ForEach" (in Conditions, Outputs and Resources; ``${Identifier}``
and ``&{Identifier}`` in keys and values, the latter without non-alphanumeric characters), "AWS::LanguageExtensions
transform".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

from passrole_checks.iam.values.nodes import Const, ListNode, StringNode, unresolved
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.strings import as_text
from passrole_checks.sources.cloudformation.template import (
    SubstitutedScalar,
    Template,
    intrinsic_call,
    loop_defaults,
    scalar,
    source_text,
    with_content,
)

SECTIONS = ("Conditions", "Outputs", "Resources")
MAX_NODES = 200_000  # added to a template by loops
MAX_VISITED = 500_000  # nodes visited to substitute variables
_TEXT = "tag:yaml.org,2002:str"

_Pair = tuple[yaml.Node, yaml.Node]


class _TooMany(Exception):
    """The loops of a template add more nodes than the limit."""


def expand_loops(template: Template) -> None:
    """Expand the loops of a template.

    A loop over an unknown or too large collection is kept as one iteration: below Resources, Conditions and Outputs
    with its variable unresolved, in a property as a whole. Raises :class:`InputError` if the template becomes too
    large.
    """
    if "Fn::ForEach" not in template.text:
        return
    loops = _LoopExpander(template)
    pairs = [
        (key, loops.expand(value, section=True))
        if isinstance(key, yaml.ScalarNode) and key.value in SECTIONS
        else (key, value)
        for key, value in template.root.value
    ]
    reason, at = "the collection of its loop is unknown", template.position(template.root)
    unknown = {name: unresolved(name, at, reason) for name in loops.open}
    template.placeholders = {**template.placeholders, **unknown}
    template.replace(with_content(template.root, pairs))


class _LoopExpander:
    """Expand the loops of one template."""

    def __init__(self, template: Template) -> None:
        self.evaluator = Evaluator(template, {})
        self.open: set[str] = set()  # variables of loops with an unknown collection
        self.added = self.visited = 0
        self.defaults: tuple[str, ...] = ()  # parameters whose defaults are collections of the enclosing loops

    def expand(self, node: yaml.Node, section: bool = False) -> yaml.Node:
        """Return the node with the loops below it expanded; the same node if there are none."""
        if isinstance(node, yaml.SequenceNode):
            return with_content(node, [self.expand(item) for item in node.value])
        if not isinstance(node, yaml.MappingNode):
            return node
        pairs: list[_Pair] = []
        for key, value in node.value:
            loop = _parse_loop(key, value)
            if loop is None:
                pairs.append((key, self.expand(value)))
            else:
                expanded = self.expand_loop(*loop, section=section)
                pairs.extend([(key, value)] if expanded is None else expanded)
        return with_content(node, pairs)

    def expand_loop(
        self, identifier: str, collection: yaml.Node, body: yaml.MappingNode, *, section: bool
    ) -> list[_Pair] | None:
        """Return the entries that a loop adds to its mapping; None if it stays unexpanded."""
        words = self.collection_words(collection)
        before, outer = self.added, self.defaults
        if words is not None:
            try:
                expanded: list[_Pair] = []
                for word in words:
                    self.defaults = (*outer, *word.defaults)
                    filled = self.substitute(body, identifier, word.literal or "")
                    inner = self.expand(filled, section=section)
                    expanded.extend(inner.value)
                return expanded
            except _TooMany:
                self.added = before
            finally:
                self.defaults = outer
        if not section:
            return None
        self.open.add(identifier)
        return list(self.expand(body, section=True).value)

    def collection_words(self, collection: yaml.Node) -> Sequence[StringNode] | None:
        """Return the elements of a collection; None if any is unknown."""
        value = self.evaluator.node(collection)
        if isinstance(value, StringNode) and value.literal:
            return [value]
        if not isinstance(value, ListNode):
            return None
        words: dict[str, StringNode] = {}
        for item in value.items:
            text = as_text(item) if isinstance(item, StringNode | Const) else None
            if text is None or text.literal is None:
                return None
            words[text.literal] = text
        return list(words.values())

    def substitute(self, node: yaml.Node, identifier: str, word: str) -> yaml.Node:
        """Return the node with the variable replaced; nodes without it are shared."""
        pattern = re.compile(r"([$&])\{" + re.escape(identifier) + r"\}")
        bare = re.sub(r"[^A-Za-z0-9]", "", word)

        def fill(current: yaml.Node) -> yaml.Node:
            self.count(visited=1)
            function = intrinsic_call(current)
            if function is not None and function[0] == "Ref" and scalar(function[1]) == identifier:
                return self.substituted_scalar(current, word, tag=_TEXT)
            if isinstance(current, yaml.ScalarNode):
                text = pattern.sub(lambda found: word if found.group(1) == "$" else bare, current.value)
                return current if text == current.value else self.substituted_scalar(current, text, tag=current.tag)
            if isinstance(current, yaml.SequenceNode):
                filled: yaml.Node = with_content(current, [fill(item) for item in current.value])
            elif isinstance(current, yaml.MappingNode):
                filled = with_content(current, [(fill(key), fill(value)) for key, value in current.value])
            else:
                return current
            self.count(added=int(filled is not current))
            return filled

        return fill(node)

    def substituted_scalar(self, node: yaml.Node, text: str, tag: str) -> yaml.ScalarNode:
        """Return a scalar with another text, recording the original and the defaults in use."""
        self.count(added=1)
        new = SubstitutedScalar(tag, text, node.start_mark, node.end_mark, getattr(node, "style", None))
        new.source_text = source_text(node) if isinstance(node, yaml.ScalarNode) else ""
        new.defaults = tuple(dict.fromkeys((*loop_defaults(node), *self.defaults)))
        return new

    def count(self, added: int = 0, visited: int = 0) -> None:
        """Count added and visited nodes. Raises :class:`_TooMany`."""
        self.added += added
        self.visited += visited
        if self.added > MAX_NODES or self.visited > MAX_VISITED:
            raise _TooMany


def _parse_loop(key: yaml.Node, value: yaml.Node) -> tuple[str, yaml.Node, yaml.MappingNode] | None:
    """Return the identifier, collection and body of a loop; None if it is not one, or malformed."""
    if not (isinstance(key, yaml.ScalarNode) and key.value.startswith("Fn::ForEach")):
        return None
    if not isinstance(value, yaml.SequenceNode) or len(value.value) != 3:
        return None
    identifier, (collection, body) = scalar(value.value[0]), value.value[1:]
    function = intrinsic_call(body)
    only_a_loop = function is not None and function[0].startswith("Fn::ForEach")
    if not identifier or not isinstance(body, yaml.MappingNode) or (function is not None and not only_a_loop):
        return None
    return identifier, collection, body
