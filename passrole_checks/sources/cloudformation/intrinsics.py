"""Evaluate intrinsic functions as far as a template alone determines their values.

Source: AWS CloudFormation Template Reference, "Intrinsic function reference". Functions that are not evaluated or are
malformed become unresolved values with their expression; nothing here raises.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import yaml

from passrole_checks.iam import deadline
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values import nodes
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    Position,
    StringNode,
    UnresolvedKind,
    failure,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, consistent, extend, one_of
from passrole_checks.iam.values.variants import drop_options, map_variants
from passrole_checks.sources.cloudformation.conditions import TemplateConditions, Tree, choose, implied_condition, prune
from passrole_checks.sources.cloudformation.mappings import MAX_OUTCOMES, Lookup
from passrole_checks.sources.cloudformation.parameters import Parameters
from passrole_checks.sources.cloudformation.references import TemplateReferences
from passrole_checks.sources.cloudformation.strings import (
    MAX_EXPRESSION,
    SubPiece,
    advance,
    as_text,
    concatenate,
    format_call,
    mark_dynamic_references,
    mark_foreign_placeholders,
    parse_number,
    parse_sub,
    split,
)
from passrole_checks.sources.cloudformation.template import (
    Template,
    child,
    entries,
    intrinsic_call,
    loop_defaults,
    scalar,
)
from passrole_checks.sources.model.links import LinkKind, follows_links, linked_value, with_linked_parameters
from passrole_checks.sources.model.missing_sources import INCLUDED_AT_DEPLOYMENT, OTHER_STACK_EXPORT, OTHER_STACK_OUTPUT

_REASONS = {
    "Fn::ImportValue": OTHER_STACK_EXPORT,
    "Fn::Transform": "inserted by a macro at deployment",
    "Fn::GetStackOutput": OTHER_STACK_OUTPUT,
    "Fn::GetAZs": "Availability Zones of a Region",
    "Fn::Cidr": "computed at deployment",
    **dict.fromkeys(
        ("Condition", "Fn::And", "Fn::Equals", "Fn::Not", "Fn::Or"), "allowed only in the Conditions section"
    ),
}
_URL = lazy_regex(r"(?:s3|https):")
_UNKNOWN = "unknown intrinsic function"
_FOREIGN_TAG = "unknown YAML tag"
_MALFORMED = "malformed intrinsic function"


class Evaluator:
    """Evaluate the nodes of a template to values, which may be unresolved."""

    def __init__(self, template: Template, implicit_roles: Mapping[str, yaml.Node | None]) -> None:
        self.template = template
        self.parameters = Parameters(template)
        self.references = TemplateReferences(template, self.parameters, self, implicit_roles)
        self.conditions = TemplateConditions(template, self.parameters, self._all_values)
        self.when: PathCondition = ()  # path condition of the current node
        self.open_defaults = False  # consider all values of parameters, as conditions do
        self._assumed: dict[str, bool] = {}
        self.output: Callable[[str, str, Position], Node] | None = None  # returns the output of a nested stack
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
            "Fn::Length": self._length,
            "Fn::Base64": self._base64,
        }
        self._follows_links = follows_links()
        if self._follows_links:
            self._functions["Fn::ImportValue"] = self._import_value

    @contextmanager
    def assume(self, condition: str, outcome: bool) -> Iterator[None]:
        """Assume an outcome of a condition within this context, with its consequences for other conditions."""
        before, when = dict(self._assumed), self.when
        self._assumed[condition] = outcome
        self.when = implied_condition(self.conditions.tree(condition), outcome, when)
        try:
            yield
        finally:
            self._assumed, self.when = before, when

    def decided_outcome(self, condition: str) -> bool | None:
        """Return the outcome of a condition, if assumptions or the template decide it; else None."""
        if condition in self._assumed:
            return self._assumed[condition]
        tree = prune(self.conditions.tree(condition), self.when)
        return tree if isinstance(tree, bool) else None

    def guarded_by(self, condition: str, outcome: bool, value: Node) -> Node:
        """Return a value that exists only if a condition has this outcome."""
        absent = Absent(value.at)
        yes, no = (value, absent) if outcome else (absent, value)
        return choose(self.conditions.tree(condition), yes, no, value.at)

    def guarded(self, value: Node) -> Node:
        """Return a value that exists only if all current assumptions hold."""
        for condition, outcome in self._assumed.items():
            value = self.guarded_by(condition, outcome, value)
        return value

    @contextmanager
    def isolated(self, *, open_defaults: bool) -> Iterator[None]:
        """Suspend all assumptions within this context."""
        before = self.open_defaults, self.when, self._assumed
        self.open_defaults, self.when, self._assumed = open_defaults, (), {}
        try:
            yield
        finally:
            self.open_defaults, self.when, self._assumed = before

    def _all_values(self, node: yaml.Node) -> Node:
        """Return a node's value as conditions see it, with any value of parameters instead of defaults."""
        with self.isolated(open_defaults=True):
            return self.node(node)

    def node(self, node: yaml.Node) -> Node:
        """Return the value of a node and of everything below it."""
        value = self._node(node)
        return with_linked_parameters(value) if self._follows_links else value

    def _node(self, node: yaml.Node) -> Node:
        deadline.check()
        function = intrinsic_call(node)
        at = self.template.position(node)
        if function:
            name, argument = function
            value = self._functions[name](argument, at) if name in self._functions else None
            if value is None:
                reason = _MALFORMED if name in self._functions else _REASONS.get(name, _UNKNOWN)
                if reason is _UNKNOWN and not node.tag.startswith("tag:"):
                    name, reason = node.tag, _FOREIGN_TAG
                elif name == "Fn::Transform" and _includes_url(argument):
                    reason = INCLUDED_AT_DEPLOYMENT
                return unresolved(format_call(name, argument), at, reason)
            if isinstance(value, StringNode) and value.literal == "" and value.defaults:
                # an empty string from a default means "not set", and no policy is deployed with it
                return unresolved(value.defaults[0], value.at, "its default is empty")
            return value
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, at)
        if isinstance(node, yaml.SequenceNode):
            return ListNode(tuple(self.node(item) for item in node.value), at)
        return nodes.ObjectNode(
            tuple(ObjectEntry(self._key(key, value), self.node(value)) for key, value in entries(node)), at
        )

    def _key(self, key: yaml.ScalarNode, value: yaml.Node) -> StringNode:
        """Return a key; a function beside other keys adds unknown keys at deployment."""
        at = self.template.position(key)
        if key.value.startswith(("Fn::Transform", "Fn::ForEach")):
            return unresolved(format_call(key.value, value), at, "inserted at deployment")
        return self._literal(key, at)

    def _scalar(self, node: yaml.ScalarNode, at: Position) -> Node:
        """Return the value of a scalar, with the type of its YAML tag."""
        kind, value = node.tag.rsplit(":", 1)[-1], node.value
        if kind == "null":
            return Const(None, at)
        if kind == "bool":
            return Const(value.lower() in ("true", "yes", "on"), at)
        if kind in ("int", "float"):
            number = parse_number(value, kind)
            if number is not None:
                return Const(number, at)
        if kind == "binary":
            return unresolved(f"!!binary {value[:MAX_EXPRESSION]}", at, _FOREIGN_TAG)
        return mark_dynamic_references(self._literal(node, at))

    def _literal(self, node: yaml.ScalarNode, at: Position) -> StringNode:
        """Return the string of a scalar, with its positions and the placeholders of other tools."""
        layout = self.template.layout(node)
        text = (
            StringNode((node.value,), at) if layout is None else StringNode((node.value,), at, (layout[:2],), layout[2])
        )
        text = mark_foreign_placeholders(text, self.template.placeholders)
        return replace(text, defaults=loop_defaults(node)) if loop_defaults(node) else text

    # Each function returns None if it is malformed.

    def _ref(self, argument: yaml.Node, at: Position) -> Node | None:
        name = self._known_text(argument)
        return None if name is None else self.references.ref(name, at)

    def _known_text(self, node: yaml.Node) -> str | None:
        """Return the text of an argument that must be a known string."""
        if isinstance(node, yaml.ScalarNode) and not intrinsic_call(node):
            return str(node.value)
        text = as_text(self.node(node)) if intrinsic_call(node) else None
        return text.literal if text else None

    def _get_att(self, argument: yaml.Node, at: Position) -> Node | None:
        if isinstance(argument, yaml.SequenceNode):
            words = [self._known_text(item) for item in argument.value]
        else:
            word = self._known_text(argument)
            words = list(word.split(".", 1)) if word is not None else []
        known_words = [word for word in words if word is not None]
        if len(known_words) < 2 or len(known_words) != len(words):
            return None
        return self.references.attribute(known_words[0], ".".join(known_words[1:]), at)

    def sub_text(
        self, argument: yaml.Node, at: Position
    ) -> tuple[yaml.ScalarNode, list[SubPiece], dict[str, Node]] | None:
        """Return the text of ``Fn::Sub``, its pieces, and the values of its references by name; None if malformed."""
        variables: dict[str, yaml.Node] = {}
        if isinstance(argument, yaml.SequenceNode) and len(argument.value) == 2:
            argument, table = argument.value
            variables = {key.value: value for key, value in entries(table)}
        if not isinstance(argument, yaml.ScalarNode) or intrinsic_call(argument):
            return None
        pieces = list(parse_sub(argument.value))
        values: dict[str, Node] = {}
        for name in (piece.value for piece in pieces if piece.reference):
            if name not in values:
                values[name] = self.node(variables[name]) if name in variables else self._placeholder(name, at)
        return argument, pieces, values

    def _sub(self, argument: yaml.Node, at: Position) -> Node | None:
        found = self.sub_text(argument, at)
        if found is None:
            return None
        written, pieces, known = found
        source = written.value
        layout = self.template.layout(written) if source.lstrip().startswith(("{", "[")) else None
        nodes: list[Node] = []
        starts: list[tuple[int, int]] = []
        for piece in pieces:
            literal = StringNode((piece.value,), at, defaults=loop_defaults(written))
            nodes.append(known[piece.value] if piece.reference else literal)
            if layout:
                starts.append(advance(source, piece.offset, layout[:2], layout[2]))
        indent = layout[2] if layout else 0

        def build(*values: Node) -> Node:
            texts = [as_text(node) or unresolved(source, at, "not a string") for node in values]
            return concatenate(texts, at, starts, indent, source[:MAX_EXPRESSION])

        return map_variants(build, *nodes)

    def _placeholder(self, name: str, at: Position) -> Node:
        """Return the value of a ``${...}`` in Fn::Sub."""
        logical_id, dot, attribute = name.partition(".")
        value = self.references.attribute(logical_id, attribute, at) if dot else self.references.ref(name, at)
        if as_text(value) is None and not isinstance(value, Choice):
            return unresolved(name, at, "not a string")
        return value

    def _join(self, argument: yaml.Node, at: Position) -> Node | None:
        if not isinstance(argument, yaml.SequenceNode) or len(argument.value) != 2:
            return None
        delimiter = self._known_text(argument.value[0])
        if delimiter is None:
            return None
        expression = format_call("Fn::Join", argument)

        def build_list(items: Node) -> Node:
            if isinstance(items, ListNode):
                return map_variants(build, *items.items)
            return unresolved(expression, at, "the list is unknown")

        def build(*values: Node) -> Node:
            texts: list[StringNode] = []
            for node in values:
                if isinstance(node, Absent):
                    continue
                if texts:
                    texts.append(StringNode((delimiter,), at))
                texts.append(as_text(node) or unresolved(expression, at, "an element is not a string"))
            return concatenate(texts, at, expression=expression)

        return map_variants(build_list, self.node(argument.value[1]))

    def _if(self, argument: yaml.Node, at: Position) -> Node | None:
        if not isinstance(argument, yaml.SequenceNode) or len(argument.value) != 3:
            return None
        condition = self._known_text(argument.value[0])
        if condition is None:
            return None
        outcome = self.decided_outcome(condition)
        if outcome is not None:
            return self.node(argument.value[1 if outcome else 2])
        tree = self.conditions.tree(condition)
        return self._branches(condition, tree, argument.value[1], argument.value[2], at)

    def _branches(self, condition: str, tree: Tree, yes: yaml.Node, no: yaml.Node, at: Position) -> Node:
        """Return one of two nodes selected by a decision, each evaluated under its path condition."""
        if isinstance(tree, bool):
            before = dict(self._assumed)
            self._assumed[condition] = tree
            try:
                return self.node(yes if tree else no)
            finally:
                self._assumed = before
        options: list[tuple[Assumption, Node]] = []
        for outcome, below in tree.options:
            if consistent(self.when, outcome):
                when = self.when
                self.when = extend(when, outcome)
                try:
                    options.append((outcome, self._branches(condition, below, yes, no, at)))
                finally:
                    self.when = when
        return options[0][1] if len(options) == 1 else Choice(tuple(options), at)

    def _select(self, argument: yaml.Node, at: Position) -> Node | None:
        if not isinstance(argument, yaml.SequenceNode) or len(argument.value) != 2:
            return None
        expression = format_call("Fn::Select", argument)

        def build(chosen: Node, items: Node) -> Node:
            index = as_text(chosen)
            if not isinstance(items, ListNode):
                return unresolved(expression, at, "the list is unknown")
            if index is None or index.literal is None:
                return self._any_element(index, items, expression, at)
            number = int(index.literal) if index.literal.isdecimal() and len(index.literal) < 6 else -1
            if all(map(_is_single_element, items.items)) and 0 <= number < len(items.items):
                return items.items[number]
            return map_variants(lambda *present: _element(present, number, expression, at), *items.items)

        return _without_failures(map_variants(build, *map(self.node, argument.value)))

    def _any_element(self, index: StringNode | None, items: ListNode, expression: str, at: Position) -> Node:
        """Return the variants of an element with an unknown index."""
        if index is None or not 0 < len(items.items) <= MAX_OUTCOMES or not all(map(_is_single_element, items.items)):
            return unresolved(expression, at, "the index is unknown")
        subject = self.conditions.subject(index)
        return Choice(tuple((one_of(subject, [str(place)]), item) for place, item in enumerate(items.items)), at)

    def _split(self, argument: yaml.Node, at: Position) -> Node | None:
        if not isinstance(argument, yaml.SequenceNode) or len(argument.value) != 2:
            return None
        delimiter = self._known_text(argument.value[0])
        if not delimiter:
            return None
        expression = format_call("Fn::Split", argument)

        def build(value: Node) -> Node:
            text = as_text(value)
            texts = split(text, delimiter) if text else None
            return ListNode(tuple(texts), at) if texts else unresolved(expression, at, "the string is unknown")

        return map_variants(build, self.node(argument.value[1]))

    def _find_in_map(self, argument: yaml.Node, at: Position) -> Node | None:
        if not isinstance(argument, yaml.SequenceNode) or len(argument.value) not in (3, 4):
            return None
        default = child(argument.value[3], "DefaultValue") if len(argument.value) == 4 else None
        fallback = (lambda: self.node(default)) if default is not None else None
        expression = format_call("Fn::FindInMap", argument)

        def build(*chosen_keys: Node) -> Node:
            keys = [text for text in map(as_text, chosen_keys) if text is not None]
            if len(keys) < 3 or keys[0].literal is None:
                return unresolved(expression, at, "a key is unknown")
            lookup = Lookup(at, self.conditions, self.when, fallback)
            value = lookup.find(self.template.mappings.get(keys[0].literal), keys[1:])
            if value is not None:
                return value
            if lookup.has_too_many:
                return unresolved(expression, at, "too many different values")
            return failure(expression, at, "no such key in the mapping")

        return _without_failures(map_variants(build, *map(self.node, argument.value[:3])))

    def _length(self, argument: yaml.Node, at: Position) -> Node | None:
        expression = format_call("Fn::Length", argument)

        def build(items: Node) -> Node:
            if isinstance(items, ListNode) and all(map(_is_single_element, items.items)):
                return Const(len(items.items), at)
            return unresolved(expression, at, "the list is unknown", UnresolvedKind.NAME)

        return map_variants(build, self.node(argument))

    def _base64(self, argument: yaml.Node, at: Position) -> Node | None:
        expression = format_call("Fn::Base64", argument)

        def build(value: Node) -> Node:
            text = as_text(value)
            if text is None or text.literal is None:
                return unresolved(expression, at, "the string is unknown")
            encoded = base64.b64encode(text.literal.encode("utf-8", "surrogatepass")).decode()
            return StringNode((encoded,), at, defaults=text.defaults)

        return map_variants(build, self.node(argument))

    def _import_value(self, argument: yaml.Node, at: Position) -> Node:
        """Return the export of another scanned template."""
        expression = format_call("Fn::ImportValue", argument)

        def build(value: Node) -> Node:
            name, unknown = as_text(value), unresolved(expression, at, OTHER_STACK_EXPORT)
            return linked_value(LinkKind.EXPORT, name, unknown) if name is not None else unknown

        return map_variants(build, self.node(argument))

    def _to_json_string(self, argument: yaml.Node, at: Position) -> Node | None:
        """Return the object itself, since consumers of a policy's text accept an object as well."""
        value = self.node(argument)
        return None if isinstance(value, Const | Absent) else value


def _element(items: Sequence[Node], number: int, expression: str, at: Position) -> Node:
    present = [item for item in items if not isinstance(item, Absent)]
    if 0 <= number < len(present):
        return present[number]
    return failure(expression, at, "no such element in the list")


def _without_failures(value: Node) -> Node:
    """Return a value without the variants for which CloudFormation stops with an error, if others remain."""
    return drop_options(value, lambda variant: isinstance(variant, nodes.Failure)) or value


def _is_single_element(node: Node) -> bool:
    """True if an element of a list is exactly one element in every variant."""
    if isinstance(node, Choice):
        return all(_is_single_element(option) for _, option in node.options)
    return not isinstance(node, Absent | nodes.UnknownTail)


def _includes_url(transform: yaml.Node) -> bool:
    """True if a transform includes an object of Amazon S3."""
    location = scalar(child(transform, "Parameters", "Location")) or ""
    return scalar(child(transform, "Name")) == "AWS::Include" and _URL.match(location) is not None
