"""Values of a template's parameters: given values, defaults, and all values that they can have.

Of the Rules section, only rules without a RuleCondition always apply, and only assertions that list values of one
parameter are used. Others (``Fn::ValueOf``, several parameters in one) are ignored, which may leave too many values.

Sources: AWS CloudFormation User Guide, "Parameters section syntax reference" (an AllowedPattern must match the whole
value), "Specify existing resources at runtime with CloudFormation-supplied parameter types", "CloudFormation template
Rules syntax" (a template with a failed assertion is not deployed); Template Reference, "Rule-specific intrinsic
functions" (Fn::Contains, Fn::Equals, Fn::And, Fn::Or).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import yaml

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    ListNode,
    Node,
    Position,
    StringNode,
    UnresolvedKind,
    at_position,
    map_strings,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, consistent, implies, none_of, one_of
from passrole_checks.sources.cloudformation.compose_yaml import nodes_below
from passrole_checks.sources.cloudformation.strings import as_text, boolean_text, mark_dynamic_references, plain_text
from passrole_checks.sources.cloudformation.template import Template, child, entries, intrinsic_call, scalar
from passrole_checks.sources.model.links import LinkKind, follows_links, linked_value
from passrole_checks.sources.model.secrets import hides_secrets

MAX_ALLOWED_VALUES = 50
_PASSED = "passed by the parent stack"

# One piece of a pattern that matches no colon, slash or wildcard.
_CLASS = r"\[(?:[A-Za-z0-9_. ,@=+]|\\[-.wd+_]|-)+\]"
_QUANTIFIER = r"(?:[+*?]|\{\d{1,4}(?:,\d{0,4})?\})?"
_PIECE = lazy_regex(rf"(?P<atom>{_CLASS}|\\[wd.-]|[A-Za-z0-9_-])(?P<quantifier>{_QUANTIFIER})")
_TWELVE_DIGITS = lazy_regex(r"(?:\\d|\[0-9\])\{12\}")
_DIGITS = lazy_regex(r"(?:\\d|\[0-9\])(?:\+|\*|\{\d+(?:,\d*)?\})")
_WORDS = lazy_regex(r"\(?(?:\?:)?([\w-]+(?:\|[\w-]+)+)\)?", re.ASCII)
_Values = dict[str, tuple[str, ...]]  # allowed values by parameter
_DEPTH = 10  # of nested Fn::And and Fn::Or


class Parameters:
    """The parameters of a template and the values given for them (``template.given``)."""

    def __init__(self, template: Template) -> None:
        self.nodes = template.parameters
        self.read: set[str] = set()  # names of those whose values were read
        self.given = {
            name: self._as_in_template(name, value) for name, value in template.given.items() if name in self.nodes
        }
        self.stack_call = template.stack_call
        self.rule_values = values_by_rules(template)
        self._conditions = template.conditions
        self._complements: dict[str, str] = {}
        self.denies = template.may_deny

    def _as_in_template(self, name: str, value: str) -> str:
        """Return a given value; ``Yes`` as YAML parses it if the template has it unquoted."""
        values = child(self.nodes[name], "AllowedValues")
        for item in values.value if isinstance(values, yaml.SequenceNode) else [child(self.nodes[name], "Default")]:
            word, parsed = scalar(item), plain_text(item)
            if parsed != word and word == value:
                return parsed or value
            if parsed != word and parsed in ("true", "false"):
                return boolean_text(value) or value
        return value

    def subject(self, name: str) -> str:
        """Return the name of a parameter in path conditions: its own name, unless a condition has the same name."""
        return f"Ref {name}" if name in self._conditions else name

    def value(self, name: str, at: Position, when: PathCondition, *, open_default: bool = False) -> Node:
        """Return the value of a parameter under the path condition ``when``.

        ``open_default``: the default is only one of the possible values, as for conditions.
        """
        node = self.nodes[name]
        self.read.add(name)
        if hides_secrets() and boolean_text(scalar(child(node, "NoEcho")) or "") == "true":
            return unresolved(name, at, "NoEcho")
        kind = scalar(child(node, "Type")) or "String"
        if kind.startswith("AWS::SSM::Parameter::Value"):
            return self._stored_value(name, kind, at)
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        given = self.given.get(name)
        if given is not None:
            return _split_list(given, at, ()) if is_list else _text(given, at)
        if self.stack_call is not None and not self.stack_call.complete:
            return unresolved(name, at, _PASSED)
        if self.stack_call is not None and name in self.stack_call.passed:
            argument = self.stack_call.passed[name]
            return self._argument_value(argument.open if open_default else argument.value, name, is_list, at, when)
        return self._own_value(name, at, when, is_list, open_default)

    def _stored_value(self, name: str, kind: str, at: Position) -> Node:
        """Return the value of the SSM parameter that another scanned root writes; unresolved if none does.

        Source: AWS CloudFormation User Guide, "Specify existing resources at runtime with CloudFormation-supplied
        parameter types": the value of the parameter is the name of the SSM parameter.
        """
        key = self.given.get(name) or plain_text(child(self.nodes[name], "Default"))
        is_own = self.stack_call is None and key is not None and follows_links()
        unknown = unresolved(name, at, "SSM parameter, resolved at deployment")
        if not is_own or key is None:
            return unknown
        linked = linked_value(LinkKind.PARAMETER, StringNode((key,), at), unknown)
        is_list = "List<" in kind or "CommaDelimitedList" in kind
        return map_strings(linked, lambda text: _listed(text, at)) if is_list and linked is not unknown else linked

    def _argument_value(self, node: Node, name: str, is_list: bool, at: Position, when: PathCondition) -> Node:
        """Return an argument of the parent stack; the template's own value if the argument is ``AWS::NoValue``."""
        if isinstance(node, Choice):
            options = [
                (outcome, self._argument_value(option, name, is_list, at, when))
                for outcome, option in node.options
                if consistent(when, outcome)
            ]
            if len(options) < 2:
                return options[0][1] if options else unresolved(name, at, _PASSED)
            return replace(node, options=tuple(options), at=at)
        if isinstance(node, Absent):
            return self._own_value(name, at, when, is_list, False)
        if isinstance(node, ListNode):
            return replace(
                node, items=tuple(at_position(item, at) for item in node.items if isinstance(item, StringNode)), at=at
            )
        text = as_text(node)
        if text is None:
            return unresolved(name, at, _PASSED)
        if not is_list or text.only_unresolved is not None:
            return at_position(text, at)
        if text.literal is not None:
            return _split_list(text.literal, at, text.defaults)
        return unresolved(name, at, _PASSED)  # an unknown value may contain a comma, like names of roles

    def _own_value(self, name: str, at: Position, when: PathCondition, is_list: bool, open_default: bool) -> Node:
        """Return the value that the template itself defines: its default, or all values that it can have."""
        node = self.nodes[name]
        default = plain_text(child(node, "Default"))
        if default is not None and self.stack_call is not None:
            return _split_list(default, at, ()) if is_list else _text(default, at)
        if is_list:
            uses_default = default is not None and not open_default
            return _split_list(default or "", at, (name,)) if uses_default else unresolved(name, at, "no default")
        subject = self.subject(name)
        if default is not None and not open_default and consistent(when, one_of(subject, [default])):
            certain = implies(when, self.outcome(name, [default]))
            return _text(default, at, () if certain else (name,))
        reason = "no default" if default is None else "set at deployment"
        allowed = self.allowed_values(name)
        remaining = [
            word for word in allowed or stated_values(when, subject) if consistent(when, one_of(subject, [word]))
        ]
        if len(remaining) == 1:
            return _text(remaining[0], at)
        if remaining and not open_default:
            return Choice(tuple((self.outcome(name, [word]), _text(word, at)) for word in remaining), at)
        return unresolved(name, at, reason, self.kind(name))

    def allowed_values(self, name: str) -> tuple[str, ...] | None:
        """Return all values that a parameter can have; None if they are not listed or too many."""
        node = self.nodes.get(name)
        self.read.add(name)
        if name in self.given:
            return (self.given[name],)
        declared = self._declared_values(name)
        by_rules = self.rule_values.get(name)
        if by_rules is None or node is None or len(by_rules) > MAX_ALLOWED_VALUES:
            return declared
        both = tuple(word for word in declared if word in by_rules) if declared is not None else by_rules
        return both or declared  # rules without a common value allow no deployment

    def _declared_values(self, name: str) -> tuple[str, ...] | None:
        """Return the values that a parameter's definition lists; None if it lists none, or too many."""
        values = child(self.nodes.get(name), "AllowedValues")
        if isinstance(values, yaml.SequenceNode):
            words = [plain_text(item) for item in values.value]
            declared = tuple(word for word in dict.fromkeys(words) if word is not None)
            return declared if declared and None not in words and len(declared) <= MAX_ALLOWED_VALUES else None
        match = _WORDS.fullmatch(self._pattern(name))
        return tuple(dict.fromkeys(match.group(1).split("|"))) if match else None

    def outcome(self, name: str, words: Sequence[str]) -> Assumption:
        """Return the assumption that a parameter has one of these values.

        If all values are known and the template contains a Deny, one value is always expressed as the complement of the
        others: Deny statements under all values then leave nothing, even without knowing the values.
        """
        closed = self.denies and name in self.nodes and name not in self.given
        allowed = self.allowed_values(name) if closed else None
        others = [word for word in allowed or () if word not in words]
        if allowed is None or not others or self._complement(name, allowed) not in words:
            return one_of(self.subject(name), words)
        return none_of(self.subject(name), others)

    def contradicts_default(self, assumption: Assumption) -> bool:
        """True if an assumption is about a parameter of the root stack and does not hold for its default."""
        name = assumption.subject.removeprefix("Ref ")
        if name not in self.nodes or name in self.given or self.stack_call is not None:
            return False
        default = plain_text(child(self.nodes[name], "Default"))
        return default is not None and not consistent((assumption,), one_of(assumption.subject, [default]))

    def _complement(self, name: str, allowed: Sequence[str]) -> str:
        """Return the value that is expressed as the complement: the one that the conditions mention least."""
        if name not in self._complements:
            nodes = (node for condition in self._conditions.values() for node in nodes_below(condition))
            named = Counter(plain_text(node) or str(node.value) for node in nodes if isinstance(node, yaml.ScalarNode))
            self._complements[name] = min(allowed, key=lambda word: named[word])
        return self._complements[name]

    def may_equal(self, name: str, word: str) -> bool:
        """True if a parameter can have a value, as far as its allowed values are known."""
        allowed = self.allowed_values(name) if name in self.nodes else None
        return allowed is None or word in allowed

    def kind(self, name: str) -> UnresolvedKind:
        """Return what is known of a parameter's text from its type, AllowedPattern and length."""
        node = self.nodes[name]
        kind = scalar(child(node, "Type")) or "String"
        pattern = self._pattern(name)
        minimum, maximum = (scalar(child(node, key)) or "" for key in ("MinLength", "MaxLength"))
        if _TWELVE_DIGITS.fullmatch(pattern) or (_DIGITS.fullmatch(pattern) and minimum == maximum == "12"):
            return UnresolvedKind.ACCOUNT_ID
        if kind == "Number" or kind.endswith(("::Id", "::KeyName")):
            return UnresolvedKind.NAME
        shortest = _shortest_match(pattern)
        if shortest is not None and (shortest or (minimum.isdecimal() and int(minimum[:9]))):
            return UnresolvedKind.NAME
        return UnresolvedKind.ANYTHING

    def _pattern(self, name: str) -> str:
        pattern = scalar(child(self.nodes.get(name), "AllowedPattern")) or ""
        return pattern.removeprefix("^").removesuffix("$")


def _text(value: str, at: Position, defaults: tuple[str, ...] = ()) -> StringNode:
    """Return a parameter value as a property receives it, with dynamic references unresolved."""
    return mark_dynamic_references(StringNode((value,), at, defaults=defaults))


def _split_list(value: str, at: Position, defaults: tuple[str, ...]) -> Node:
    texts = tuple(_text(word.strip(), at, defaults) for word in value.split(","))
    return ListNode(texts, at) if value else texts[0]


def _listed(text: StringNode, at: Position) -> Node:
    return text if text.literal is None else _split_list(text.literal, at, text.defaults)


@lru_cache(maxsize=1000)
def _shortest_match(pattern: str) -> int | None:
    """Return the length of the shortest match of a pattern of simple pieces; None for other patterns."""
    done = length = 0
    while done < len(pattern):
        match = _PIECE.match(pattern, done)
        if match is None:
            return None
        done = match.end()
        quantifier = match["quantifier"]
        digits = re.match(r"\{(\d+)", quantifier)
        length += int(digits.group(1)) if digits else 0 if quantifier in ("*", "?") else 1
    return length if pattern else None


def stated_values(when: PathCondition, subject: str) -> tuple[str, ...]:
    """Return the values of a parameter that a path condition lists, sorted; none if it lists none."""
    stated = (one.values for one in when if one.subject == subject and one.lists_values and not one.negated)
    return tuple(sorted(next(stated, ())))


def values_by_rules(template: Template) -> Mapping[str, tuple[str, ...]]:
    """Return the values that the rules of a template allow, for the parameters whose values they list."""
    values: _Values = {}
    for _, rule in entries(child(template.root, "Rules")):
        if child(rule, "RuleCondition") is None:
            for assertion in _items(child(rule, "Assertions")):
                values = _intersect(values, _values_of_assertion(child(assertion, "Assert"), _DEPTH))
    return values


def _values_of_assertion(node: yaml.Node | None, depth: int) -> _Values:
    """Return the parameter values that an assertion allows."""
    function = intrinsic_call(node) if node is not None else None
    if function is None or not depth:
        return {}
    name, argument = function
    parts = list(_items(argument))
    if name == "Fn::And":
        values: _Values = {}
        for part in parts:
            values = _intersect(values, _values_of_assertion(part, depth - 1))
        return values
    if name == "Fn::Or":
        return _union([_values_of_assertion(part, depth - 1) for part in parts])
    if name == "Fn::Contains" and len(parts) == 2 and isinstance(parts[0], yaml.SequenceNode):
        return _values_of_comparison(parts[1], list(parts[0].value))
    if name == "Fn::Equals" and len(parts) == 2:
        return _values_of_comparison(parts[0], [parts[1]]) or _values_of_comparison(parts[1], [parts[0]])
    return {}


def _values_of_comparison(node: yaml.Node, values: list[yaml.Node]) -> _Values:
    """Return the allowed values of a compared parameter; none unless a reference is compared with literals."""
    function = intrinsic_call(node)
    words = [plain_text(value) if intrinsic_call(value) is None else None for value in values]
    known = tuple(dict.fromkeys(word for word in words if word is not None))
    if function is None or function[0] != "Ref" or not known or None in words:
        return {}
    name = plain_text(function[1])
    return {name: known} if name is not None else {}


def _intersect(first: _Values, second: _Values) -> _Values:
    values = dict(first)
    for name, words in second.items():
        values[name] = tuple(word for word in values[name] if word in words) if name in values else words
    return values


def _union(parts: list[_Values]) -> _Values:
    """Return the union of the values of each parameter that all parts restrict."""
    if not parts:
        return {}
    names = set(parts[0]).intersection(*parts[1:])
    return {name: tuple(dict.fromkeys(word for part in parts for word in part[name])) for name in sorted(names)}


def _items(node: yaml.Node | None) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
