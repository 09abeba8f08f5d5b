"""What the Rules section says of parameters: the values that its assertions leave them.

Only rules without a RuleCondition hold always, and only assertions that list values of one parameter say which ones:
others (``Fn::ValueOf``, several parameters in one) are not used, which leaves more values than there may be.

Source: AWS CloudFormation User Guide, "CloudFormation template Rules syntax" (a template whose assertions do not hold
is not deployed); Template Reference, "Rule-specific intrinsic functions" (Fn::Contains, Fn::Equals, Fn::And, Fn::Or).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from passrole_checks.sources.cloudformation.strings import plain
from passrole_checks.sources.cloudformation.template import Template, call, child, entries

_Values = dict[str, tuple[str, ...]]  # of each parameter that is spoken of those that it can have
_DEPTH = 10  # of Fn::And and Fn::Or in each other


def values_by_rules(template: Template) -> Mapping[str, tuple[str, ...]]:
    """The values that the rules of a template leave each of the parameters that they list values of."""
    found: _Values = {}
    for _, rule in entries(child(template.root, "Rules")):
        if child(rule, "RuleCondition") is None:
            for assertion in _items(child(rule, "Assertions")):
                found = _both(found, _asserted(child(assertion, "Assert"), _DEPTH))
    return found


def _asserted(node: yaml.Node | None, depth: int) -> _Values:
    function = call(node) if node is not None else None
    if function is None or not depth:
        return {}
    name, argument = function
    parts = list(_items(argument))
    if name == "Fn::And":
        found: _Values = {}
        for part in parts:
            found = _both(found, _asserted(part, depth - 1))
        return found
    if name == "Fn::Or":
        return _either([_asserted(part, depth - 1) for part in parts])
    if name == "Fn::Contains" and len(parts) == 2 and isinstance(parts[0], yaml.SequenceNode):
        return _one(parts[1], list(parts[0].value))
    if name == "Fn::Equals" and len(parts) == 2:
        return _one(parts[0], [parts[1]]) or _one(parts[1], [parts[0]])
    return {}


def _one(node: yaml.Node, values: list[yaml.Node]) -> _Values:
    """That a reference to a parameter is one of the values; nothing where it is no reference, or they no literals."""
    function = call(node)
    words = [plain(value) if call(value) is None else None for value in values]
    known = tuple(dict.fromkeys(word for word in words if word is not None))
    if function is None or function[0] != "Ref" or not known or None in words:
        return {}
    name = plain(function[1])
    return {name: known} if name is not None else {}


def _both(first: _Values, second: _Values) -> _Values:
    found = dict(first)
    for name, words in second.items():
        found[name] = tuple(word for word in found[name] if word in words) if name in found else words
    return found


def _either(parts: list[_Values]) -> _Values:
    """What holds in each part: of a parameter that all of them speak of, all its values."""
    if not parts:
        return {}
    names = set(parts[0]).intersection(*parts[1:])
    return {name: tuple(dict.fromkeys(word for part in parts for word in part[name])) for name in sorted(names)}


def _items(node: yaml.Node | None) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
