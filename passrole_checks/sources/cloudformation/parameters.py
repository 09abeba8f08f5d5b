"""What is known of a template's parameters: values that are given, defaults, what they may be at all.

Sources: AWS CloudFormation User Guide, "Parameters section syntax reference" (an AllowedPattern must match the whole
value), "Specify existing resources at runtime with CloudFormation-supplied parameter types".
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import yaml

from passrole_checks.iam.partial_values import (
    Absent,
    Choice,
    ListNode,
    Node,
    Position,
    StringNode,
    UnresolvedKind,
    moved,
    unknown,
)
from passrole_checks.iam.path_conditions import PathCondition, consistent, implies, none_of, one_of, quoted
from passrole_checks.sources.cloudformation.rules import values_by_rules
from passrole_checks.sources.cloudformation.strings import as_text, plain, resolved, truth_of
from passrole_checks.sources.cloudformation.template import Template, child, scalar

MAX_ALLOWED_VALUES = 50
_PASSED = "passed by the outer stack"

# One piece of a pattern that leaves no room for a colon, a slash or a wildcard.
_CLASS = r"\[(?:[A-Za-z0-9_. ,@=+]|\\[-.wd+_]|-)+\]"
_QUANTIFIER = r"(?:[+*?]|\{\d{1,4}(?:,\d{0,4})?\})?"
_PIECE = re.compile(rf"(?P<atom>{_CLASS}|\\[wd.-]|[A-Za-z0-9_-])(?P<quantifier>{_QUANTIFIER})")
_TWELVE_DIGITS = re.compile(r"(?:\\d|\[0-9\])\{12\}")
_DIGITS = re.compile(r"(?:\\d|\[0-9\])(?:\+|\*|\{\d+(?:,\d*)?\})")
_WORDS = re.compile(r"\(?(?:\?:)?([\w-]+(?:\|[\w-]+)+)\)?", re.ASCII)
_DECODER = json.JSONDecoder()


class Parameters:
    """The parameters of a template and the values that are given for them (``template.given``)."""

    def __init__(self, template: Template) -> None:
        self.nodes = template.parameters
        self.given = {
            name: self._as_allowed(name, value) for name, value in template.given.items() if name in self.nodes
        }
        self.called = template.called
        self.ruled = values_by_rules(template)
        self._conditions = template.conditions
        self._rests: dict[str, str] = {}
        self.denies = template.mentions("Deny")

    def _as_allowed(self, name: str, value: str) -> str:
        """A given value; ``Yes`` where the template has it without quotes is what YAML makes of that."""
        values = child(self.nodes[name], "AllowedValues")
        for item in values.value if isinstance(values, yaml.SequenceNode) else [child(self.nodes[name], "Default")]:
            word, made = scalar(item), plain(item)
            if made != word and word == value:
                return made or value
            if made != word and made in ("true", "false"):
                return truth_of(value) or value
        return value

    def subject(self, name: str) -> str:
        """What a parameter (or pseudo parameter) is called where its value is a fact: its name, unless a condition has
        the same name."""
        return f"Ref {name}" if name in self._conditions else name

    def value(self, name: str, at: Position, when: PathCondition, *, open_default: bool = False) -> Node:
        """The value of a parameter where the facts ``when`` hold.

        ``open_default``: as a condition sees it, which may come out either way, whatever the default is.
        """
        node = self.nodes[name]
        kind = scalar(child(node, "Type")) or "String"
        if kind.startswith("AWS::SSM::Parameter::Value"):
            return unknown(name, at, "an SSM parameter, read at deployment")
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        given = self.given.get(name)
        if given is not None:
            return _listed(given, at, ()) if is_list else _text(given, at)
        if self.called is not None and not self.called.complete:
            return unknown(name, at, _PASSED)
        if self.called is not None and name in self.called.passed:
            handed = self.called.passed[name]
            return self._passed(handed.open if open_default else handed.value, name, is_list, at, when)
        return self._own(name, at, when, is_list, open_default)

    def _passed(self, node: Node, name: str, is_list: bool, at: Position, when: PathCondition) -> Node:
        """A value that the outer stack passes; where it passes none (``AWS::NoValue``), that of the template."""
        if isinstance(node, Choice):
            options = [
                (outcome, self._passed(option, name, is_list, at, when))
                for outcome, option in node.options
                if consistent(when, node.condition, outcome)
            ]
            return options[0][1] if len(options) == 1 else replace(node, options=tuple(options), at=at)
        if isinstance(node, Absent):
            return self._own(name, at, when, is_list, False)
        if isinstance(node, ListNode):
            return replace(
                node, items=tuple(moved(item, at) for item in node.items if isinstance(item, StringNode)), at=at
            )
        text = as_text(node)
        if text is None:
            return unknown(name, at, _PASSED)
        if not is_list or text.only_hole is not None:
            return moved(text, at)
        if text.literal is not None:
            return _listed(text.literal, at, text.defaults)
        return unknown(name, at, _PASSED)  # what is not known may hold a comma, as names of roles do

    def _own(self, name: str, at: Position, when: PathCondition, is_list: bool, open_default: bool) -> Node:
        node = self.nodes[name]
        default = plain(child(node, "Default"))
        if is_list and default is not None and self.called is not None:
            return _listed(default, at, ())
        if is_list:
            known = default is not None and not open_default
            return _listed(default or "", at, (name,)) if known else unknown(name, at, "no default")
        subject = self.subject(name)
        if default is not None and self.called is not None:
            return _text(default, at)
        if default is not None and not open_default and consistent(when, subject, quoted(default)):
            certain = implies(when, (subject, self.outcome(name, [default])))
            return _text(default, at, () if certain else (name,))
        reason = "no default" if default is None else "given at deployment"
        allowed = self.allowed(name)
        left = [word for word in stated(when, subject) or allowed or () if consistent(when, subject, quoted(word))]
        if len(left) == 1:
            return _text(left[0], at)
        if left and not open_default:
            return Choice(subject, tuple((self.outcome(name, [word]), _text(word, at)) for word in left), at)
        return unknown(name, at, reason, self.kind(name))

    def allowed(self, name: str) -> tuple[str, ...] | None:
        """All values that a parameter can have, None where they are not listed or too many."""
        node = self.nodes.get(name)
        if name in self.given:
            return (self.given[name],)
        known = self._listed(name)
        ruled = self.ruled.get(name)
        if ruled is None or node is None or len(ruled) > MAX_ALLOWED_VALUES:
            return known
        both = tuple(word for word in known if word in ruled) if known is not None else ruled
        return both or known  # rules that leave nothing let nothing be deployed

    def _listed(self, name: str) -> tuple[str, ...] | None:
        """The values that a parameter's own definition lists."""
        values = child(self.nodes.get(name), "AllowedValues")
        if isinstance(values, yaml.SequenceNode):
            words = [plain(item) for item in values.value]
            known = tuple(word for word in dict.fromkeys(words) if word is not None)
            return known if known and None not in words and len(known) <= MAX_ALLOWED_VALUES else None
        found = _WORDS.fullmatch(self._pattern(name))
        return tuple(dict.fromkeys(found.group(1).split("|"))) if found else None

    def outcome(self, name: str, words: Sequence[str]) -> str:
        """The outcome that a parameter has one of these values.

        Where all values are known, and something is denied, one of the values is always told as none of the others: so
        Deny statements under all values leave nothing over, for those as well who do not know the values.
        """
        closed = self.denies and name in self.nodes and name not in self.given
        allowed = self.allowed(name) if closed else None
        if allowed is None or self._rest(name, allowed) not in words:
            return one_of(map(quoted, words))
        others = [quoted(word) for word in allowed if word not in words]
        return none_of(others) if others else one_of(map(quoted, words))

    def _rest(self, name: str, allowed: Sequence[str]) -> str:
        """The value that is told as none of the others: the one that the conditions name least."""
        if name not in self._rests:
            named = Counter(_scalars(self._conditions.values()))
            self._rests[name] = min(allowed, key=lambda word: named[word])
        return self._rests[name]

    def may_be(self, name: str, word: str) -> bool:
        """Whether a parameter can have a value, as far as its AllowedValues tell."""
        allowed = self.allowed(name) if name in self.nodes else None
        return allowed is None or word in allowed

    def kind(self, name: str) -> UnresolvedKind:
        """What is known of a parameter's text: from its type, its AllowedPattern and its length."""
        node = self.nodes[name]
        kind = scalar(child(node, "Type")) or "String"
        pattern = self._pattern(name)
        least, most = (scalar(child(node, key)) or "" for key in ("MinLength", "MaxLength"))
        if _TWELVE_DIGITS.fullmatch(pattern) or (_DIGITS.fullmatch(pattern) and least == most == "12"):
            return UnresolvedKind.ACCOUNT_ID
        if kind == "Number" or kind.endswith(("::Id", "::KeyName")):
            return UnresolvedKind.NAME
        shortest = _shortest(pattern)
        if shortest is not None and (shortest or (least.isdecimal() and int(least[:9]))):
            return UnresolvedKind.NAME
        return UnresolvedKind.ANYTHING

    def _pattern(self, name: str) -> str:
        pattern = scalar(child(self.nodes.get(name), "AllowedPattern")) or ""
        return pattern.removeprefix("^").removesuffix("$")


def _scalars(nodes: Iterable[yaml.Node]) -> Iterator[str]:
    """The words at and below nodes, each node once."""
    pending, seen = list(nodes), set[int]()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            yield plain(node) or str(node.value)
        elif isinstance(node, yaml.MappingNode):
            pending += [part for entry in node.value for part in entry]
        else:
            pending += node.value


def _text(value: str, at: Position, defaults: tuple[str, ...] = ()) -> StringNode:
    """A value as a property takes it: a dynamic reference in it is resolved there."""
    return resolved(StringNode((value,), at, defaults=defaults))


def _listed(value: str, at: Position, defaults: tuple[str, ...]) -> Node:
    texts = tuple(_text(word.strip(), at, defaults) for word in value.split(","))
    return ListNode(texts, at) if value else texts[0]


@lru_cache(maxsize=1000)
def _shortest(pattern: str) -> int | None:
    """The length of the shortest text that a pattern of plain pieces matches, None for any other pattern."""
    done = length = 0
    while done < len(pattern):
        found = _PIECE.match(pattern, done)
        if found is None:
            return None
        done = found.end()
        quantifier = found["quantifier"]
        digits = re.match(r"\{(\d+)", quantifier)
        length += int(digits.group(1)) if digits else 0 if quantifier in ("*", "?") else 1
    return length if pattern else None


def stated(when: PathCondition, subject: str) -> tuple[str, ...]:
    """The values that the facts leave a parameter, where they list them."""
    for condition, outcome in when:
        if condition == subject and outcome.startswith('"'):
            return tuple(words_in(outcome))
    return ()


def words_in(outcome: str) -> Iterator[str]:
    """The values that an outcome lists, in ``not "a" or "b"`` as well."""
    outcome = outcome.removeprefix("not ")
    place = 0
    while place < len(outcome):
        try:
            word, place = _DECODER.raw_decode(outcome, place)
        except ValueError:
            return
        yield str(word)
        place += len(" or ")
