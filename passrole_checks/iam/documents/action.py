"""Action patterns.

IAM User Guide, "IAM JSON policy elements: Action" (reference_policies_elements_action): service prefix and action name
are case-insensitive; ``*`` and ``?`` may occur anywhere in the name. Wildcards in the prefix are not documented, so
they give UNKNOWN.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.patterns.glob import wildcard_match
from passrole_checks.iam.values.nodes import Part, StringNode, Ternary

_EVERYTHING = ("*", "*:*")
_WILDCARD = lazy_regex("[*?]")


def matches(pattern: StringNode, name: str = "iam:PassRole") -> Ternary:
    """Return whether an action pattern matches the action ``name`` (``prefix:Name``); UNKNOWN if an unresolved part
    decides."""
    name = name.lower()
    if not name.startswith(_literal_prefix(pattern.parts)):
        return Ternary.NO  # fast path for most patterns
    return _matches(pattern.parts, name)


def best_match(patterns: Sequence[StringNode], name: str = "iam:PassRole") -> tuple[Ternary, StringNode | None]:
    """Return the best answer of several patterns, and the pattern that gives it.

    Of equal answers the most explicit pattern counts: the action name itself, then the pattern with the most
    characters.
    """
    best: tuple[Ternary, StringNode | None] = (Ternary.NO, None)
    for pattern in patterns:
        answer = matches(pattern, name)
        if answer is Ternary.NO:
            continue
        if best[1] is None or (answer is Ternary.YES, _literal_length(pattern)) > (
            best[0] is Ternary.YES,
            _literal_length(best[1]),
        ):
            best = (answer, pattern)
    return best


def not_action_covers(not_actions: Sequence[StringNode], name: str = "iam:PassRole") -> Ternary:
    """Return whether a NotAction with these patterns includes the action, that is, whether none of them matches it."""
    answer = Ternary.YES
    for pattern in not_actions:
        answer = answer & ~matches(pattern, name)
    return answer


def is_explicit(pattern: StringNode, name: str = "iam:PassRole") -> bool:
    """True if a pattern is the action name itself, ignoring case."""
    literal = pattern.literal
    return literal is not None and literal.lower() == name.lower()


def matches_only_pass_role(pattern: str) -> bool:
    """True if iam:PassRole is the only action that a pattern such as ``iam:Pass*`` matches.

    No other action of IAM starts with ``Pa`` (Service Authorization Reference, "Actions, resources, and condition keys
    for AWS Identity and Access Management (IAM)").
    """
    lower = pattern.lower()
    return lower.startswith("iam:pa") and wildcard_match(lower, "iam:passrole")


def _literal_length(pattern: StringNode) -> int:
    """Return the number of characters that are no wildcards."""
    return sum(len(re.sub(r"[*?]", "", part)) for part in pattern.parts if isinstance(part, str))


@lru_cache(maxsize=4096)
def _literal_prefix(parts: tuple[Part, ...]) -> str:
    """Return the prefix, in lower case, that all actions matching a pattern share."""
    first = parts[0] if parts and isinstance(parts[0], str) else ""
    return _WILDCARD.split(first.lower(), maxsplit=1)[0]


@lru_cache(maxsize=4096)
def _matches(parts: tuple[Part, ...], name: str) -> Ternary:
    literal = "".join(part if isinstance(part, str) else "\0" for part in parts).lower()
    if literal in _EVERYTHING:
        return Ternary.YES
    if "\0" in literal:
        return Ternary.of(wildcard_match(literal.replace("\0", "*"), name)) & Ternary.UNKNOWN
    prefix, colon, rest = literal.partition(":")
    if not colon or ":" in rest or not wildcard_match(literal, name):
        return Ternary.NO
    return Ternary.UNKNOWN if {"*", "?"} & set(prefix) else Ternary.YES
