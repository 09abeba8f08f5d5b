"""``regex``, ``regexall``, and ``replace`` with a pattern.

Source: Terraform language documentation, "Functions", "regex" and "replace" (RE2 syntax).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Const, ListNode, Node, ObjectEntry, ObjectNode, StringNode, text
from passrole_checks.iam.values.variants import defaults_of
from passrole_checks.sources.terraform.evaluation.symbolic_values import MAX_ITEMS, MAX_TEXT, known_string
from passrole_checks.sources.terraform.functions.go_regexp import BadPattern, Regexp, Unsupported, compile_go
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare, exact_text

if TYPE_CHECKING:
    from regex import Match

_T = TypeVar("_T")
_MAX_LENGTH = 200_000
_STEPS_PER_TICK = 10  # of evaluation, for each whole 0.1 ms: a usual search costs none on any machine
_INSERT = lazy_regex(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)


def regex(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``regex``: the first match, or its groups; an error if nothing matches."""
    matches = _find_matches(call, arguments, all_=False)
    if isinstance(matches, list):
        return matches[0] if matches else call.fail("the pattern does not match")
    return matches


def regex_all(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``regexall``: each match, or its groups."""
    matches = _find_matches(call, arguments, all_=True)
    return ListNode(tuple(matches), call.at) if isinstance(matches, list) else matches


def _find_matches(call: FunctionCall, arguments: list[Node], *, all_: bool) -> list[Node] | StringNode | None:
    pattern, value = known_string(arguments[0]), exact_text(arguments[1])

    def find(compiled: Regexp) -> list[Node] | StringNode | None:
        if any(compiled.names) and None in compiled.names:
            return call.fail("named and unnamed groups are mixed")
        if value is None:
            return None
        result: list[Node] = []
        for match in compiled.matches(value):
            result.append(_captures(match, compiled, call, arguments[1]))
            if not all_:
                break
            if len(result) > MAX_ITEMS:
                return call.unresolved("too many elements")
        return result

    return None if pattern is None else _with_pattern(call, pattern, value, find)


def _with_pattern(
    call: FunctionCall, pattern: str, value: str | None, find: Callable[[Regexp], _T | StringNode | None]
) -> _T | StringNode | None:
    """Call ``find`` with the compiled pattern. What it takes counts as steps of the evaluation."""
    start = time.thread_time()
    try:
        compiled = compile_go(pattern)
        if value is not None and len(value) > _MAX_LENGTH:
            return call.unresolved("the text is too long for a regular expression")
        return find(compiled)
    except BadPattern as error:
        return call.fail(f"invalid regular expression: {error}")
    except Unsupported as error:
        return call.unresolved(str(error))
    finally:
        call.scope.budget.steps -= int((time.thread_time() - start) * 10_000) * _STEPS_PER_TICK


def _captures(match: Match[str], compiled: Regexp, call: FunctionCall, source: Node) -> Node:
    def node(value: str | None) -> Node:
        if value is None:
            return Const(None, call.at)
        return StringNode((value,), call.at, defaults=defaults_of([source]))

    groups = [node(match.group(number)) for number in range(1, len(compiled.names) + 1)]
    if not groups:
        return node(match.group(0))
    if compiled.names[0] is None:
        return ListNode(tuple(groups), call.at)
    named = zip(compiled.names, groups, strict=True)
    return ObjectNode(tuple(ObjectEntry(text(name or "", call.at), group) for name, group in named), call.at)


def replace_pattern(call: FunctionCall, arguments: list[Node], value: StringNode, pattern: str) -> Node | None:
    """Evaluate ``replace`` with a pattern.

    In the replacement, ``$1``, ``${1}`` and ``${name}`` are groups, and ``$$`` is a dollar.
    """
    new = known_string(arguments[2])
    known = exact_text(arguments[0]) if value.literal is not None else None

    def substitute(compiled: Regexp) -> Node | None:
        if known is None or new is None:
            return None
        pieces: list[str] = []
        position = length = 0
        for match in compiled.matches(known):
            pieces.extend((known[position : match.start()], _expand_template(new, match, compiled)))
            length += len(pieces[-2]) + len(pieces[-1])
            if length > MAX_TEXT:
                return call.unresolved("too long")
            position = match.end()
        return StringNode(("".join((*pieces, known[position:])),), call.at, defaults=defaults_of(arguments))

    return _with_pattern(call, pattern, known, substitute)


def _expand_template(new: str, match: Match[str], compiled: Regexp) -> str:
    def insert(reference: re.Match[str]) -> str:
        if reference.group(1):
            return "$"
        name = reference.group(2) or reference.group(3)
        if name.isdigit():
            number = int(name[:6])
            return match.group(number) or "" if number <= len(compiled.names) else ""
        return match.group(compiled.names.index(name) + 1) or "" if name in compiled.names else ""

    return _INSERT.sub(insert, new)


PATTERN = declare({"regex": (regex, "ss"), "regexall": (regex_all, "ss")})
