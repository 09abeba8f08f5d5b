"""Look up values of the Mappings section; an unknown key yields all its possible values.

Source: AWS CloudFormation Template Reference, "Fn::FindInMap" and "Fn::FindInMap enhancements".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import yaml

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Choice, ListNode, Node, Position, StringNode, Unresolved, UnresolvedKind
from passrole_checks.iam.values.path_conditions import Assumption, PathCondition, consistent, none_of, one_of
from passrole_checks.sources.cloudformation.conditions import TemplateConditions
from passrole_checks.sources.cloudformation.strings import mark_dynamic_references, plain_text
from passrole_checks.sources.cloudformation.template import entries

MAX_OUTCOMES = 32  # different values for one unknown key

_KINDS = {
    UnresolvedKind.ACCOUNT_ID: r"\d{12}",
    UnresolvedKind.PARTITION: r"aws[\w-]*",
    UnresolvedKind.REGION: r"[a-z]+(?:-[a-z]+)+-\d+",
    UnresolvedKind.NAME: r"[^:/]+",
}


@dataclass(eq=False)
class Lookup:
    """One lookup.

    ``subject`` returns the name of an unknown key; ``possible`` is True if it can be a word; ``closed`` returns all
    words that it can be, if known; ``outcome`` returns the assumption that it is one of them; ``fallback`` returns the
    DefaultValue, if there is one.
    """

    at: Position
    conditions: TemplateConditions
    when: PathCondition
    fallback: Callable[[], Node] | None
    has_too_many: bool = False  # too many different values

    def possible(self, key: StringNode, word: str) -> bool:
        """True if a key can have a value under the path condition."""
        unresolved = key.only_unresolved
        is_allowed = unresolved is None or self.conditions.parameters.may_equal(unresolved.expression, word)
        return is_allowed and consistent(self.when, one_of(self.conditions.subject(key), [word]))

    def outcome(self, key: StringNode, words: Sequence[str]) -> Assumption:
        """Return the assumption that a key has one of these values."""
        unresolved = key.only_unresolved
        if unresolved is None:
            return one_of(self.conditions.subject(key), words)
        return self.conditions.parameters.outcome(unresolved.expression, words)

    def find(self, node: yaml.Node | None, keys: Sequence[StringNode]) -> Node | None:
        """Return the value at a path of keys; None if there is none, or there are too many."""
        defaults = tuple(dict.fromkeys(name for key in keys for name in key.defaults))
        return self._find(node, list(keys), defaults)

    def _find(self, node: yaml.Node | None, keys: list[StringNode], defaults: tuple[str, ...]) -> Node | None:
        """Look up the first key, and the others below it; an unknown key is looked up for each value that it can
        have."""
        if node is None:
            return self.fallback() if self.fallback is not None else None
        if not keys:
            return _literal_value(node, self.at, defaults)
        key, *others = keys
        # by key as written and as YAML 1.1 parses it; the last of equal keys
        below = {
            word: value for name, value in entries(node) for word in (name.value, plain_text(name)) if word is not None
        }
        if key.literal is not None:
            return self._find(below.get(key.literal), others, defaults)
        groups: list[tuple[list[str], Node]] = []
        names = (plain_text(name) or name.value for name, _ in entries(node))
        for name in dict.fromkeys(name for name in names if may_equal(key, name) and self.possible(key, name)):
            value = self._find(below.get(name), others, defaults)
            if self.has_too_many:
                return None
            if value is None:
                continue  # the deployment would fail there
            same = next((words for words, other in groups if other == value), None)
            if same is not None:
                same.append(name)
            elif len(groups) >= MAX_OUTCOMES:
                self.has_too_many = True
                return None
            else:
                groups.append(([name], value))
        return self._choice(key, groups)

    def _choice(self, key: StringNode, groups: list[tuple[list[str], Node]]) -> Node | None:
        """Return the variants of values, each with the words that the key has there; None if there are none."""
        unresolved = key.only_unresolved
        words = self.conditions.parameters.allowed_values(unresolved.expression) if unresolved is not None else None
        allowed = words and [word for word in words if self.possible(key, word)]
        named = {word for group in groups for word in group[0]}
        remaining = [word for word in allowed or () if word not in named]
        if self.fallback is not None and (allowed is None or remaining):
            groups.append((remaining, self.fallback()))
        if len(groups) < 2:
            return groups[0][1] if groups else None
        most = max(groups, key=lambda group: len(group[0]))
        rest = None
        if allowed is not None:
            if self.fallback is None:
                most[0].extend(remaining)  # the deployment would fail for these
        elif self.fallback is not None:
            rest = groups[-1]
        elif len(most[0]) > 1:
            rest = most  # the complement of the others
        counted = [word for group in groups if group is not rest for word in group[0]]
        other = none_of(self.conditions.subject(key), counted)
        options = tuple((other if group is rest else self.outcome(key, group[0]), group[1]) for group in groups)
        return Choice(options, self.at)


def may_equal(text: StringNode, word: str) -> bool:
    """True if a text can equal a word, judging by its literal parts and the kinds of its unresolved parts."""
    pattern = "".join(
        _KINDS.get(part.kind, ".*") if isinstance(part, Unresolved) else re.escape(part) for part in text.parts[:20]
    )
    return re.fullmatch(pattern + (".*" if len(text.parts) > 20 else ""), word, re.DOTALL) is not None


def _literal_value(node: yaml.Node, at: Position, defaults: tuple[str, ...]) -> Node | None:
    """Return a value of the Mappings section, which contains only literals."""
    if isinstance(node, yaml.SequenceNode):
        words = [plain_text(item) for item in node.value]
        if None in words:
            return None
        return ListNode(
            tuple(mark_dynamic_references(StringNode((word or "",), at, defaults=defaults)) for word in words), at
        )
    word = plain_text(node)
    return None if word is None else mark_dynamic_references(StringNode((word,), at, defaults=defaults))
