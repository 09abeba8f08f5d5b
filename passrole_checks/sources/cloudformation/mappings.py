"""Look up values of the Mappings section; an unknown key yields all its possible values.

Source: AWS CloudFormation Template Reference, "Fn::FindInMap" and "Fn::FindInMap enhancements".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import yaml

from passrole_checks.iam.partial_values import Choice, ListNode, Node, Position, StringNode, Unresolved, UnresolvedKind
from passrole_checks.iam.path_conditions import Assumption, none_of
from passrole_checks.sources.cloudformation.strings import mark_dynamic_references, plain_text
from passrole_checks.sources.cloudformation.template import entries

MAX_OUTCOMES = 32  # different values for one unknown key

_KINDS = {
    UnresolvedKind.ACCOUNT_ID: r"\d{12}",
    UnresolvedKind.PARTITION: r"aws[\w-]*",
    UnresolvedKind.REGION: r"[a-z]+(?:-[a-z]+)+-\d+",
    UnresolvedKind.NAME: r"[^:/]+",
}


class Lookup:
    """One lookup.

    ``subject`` returns the name of an unknown key; ``possible`` is True if it can be a word; ``closed`` returns all
    words that it can be, if known; ``outcome`` returns the assumption that it is one of them; ``fallback`` returns the
    DefaultValue, if there is one.
    """

    def __init__(
        self,
        at: Position,
        subject: Callable[[StringNode], str],
        possible: Callable[[StringNode, str], bool],
        closed: Callable[[StringNode], Sequence[str] | None],
        outcome: Callable[[StringNode, Sequence[str]], Assumption],
        fallback: Callable[[], Node] | None,
    ) -> None:
        self.at = at
        self.subject = subject
        self.possible = possible
        self.closed = closed
        self.outcome = outcome
        self.fallback = fallback
        self.has_too_many = False  # too many different values

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
        below = _values_by_key(node)
        if key.literal is not None:
            return self._find(below.get(key.literal), others, defaults)
        groups: list[tuple[list[str], Node]] = []
        words = [plain_text(name) or name.value for name, _ in entries(node)]
        names = [name for name in words if may_equal(key, name) and self.possible(key, name)]
        for name in dict.fromkeys(names):
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
        allowed = self.closed(key)
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
        other = none_of(self.subject(key), counted)
        options = tuple((other if group is rest else self.outcome(key, group[0]), group[1]) for group in groups)
        return Choice(options, self.at)


def _values_by_key(node: yaml.Node) -> dict[str, yaml.Node]:
    """Return the values below a node by key, both as written and as YAML 1.1 parses it; the last of equal keys."""
    return {word: value for key, value in entries(node) for word in (key.value, plain_text(key)) if word is not None}


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
