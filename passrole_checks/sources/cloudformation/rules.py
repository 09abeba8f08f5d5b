"""Parameter values that the assertions in the Rules section allow.

Only rules without a RuleCondition always apply, and only assertions that list values of one parameter are used. Others
(``Fn::ValueOf``, several parameters in one) are ignored, which may leave too many values.

Source: AWS CloudFormation User Guide, "CloudFormation template Rules syntax" (a template with a failed assertion is not
deployed); Template Reference, "Rule-specific intrinsic functions" (Fn::Contains, Fn::Equals, Fn::And, Fn::Or).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from passrole_checks.sources.cloudformation.strings import plain_text
from passrole_checks.sources.cloudformation.template import Template, child, entries, intrinsic_call

_Values = dict[str, tuple[str, ...]]  # allowed values by parameter
_DEPTH = 10  # of nested Fn::And and Fn::Or


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
