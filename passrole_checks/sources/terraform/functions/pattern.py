"""``regex``, ``regexall`` and ``replace`` with a pattern.

Source: Terraform language documentation, "Functions", "regex" and "replace" (RE2 syntax).
"""

from __future__ import annotations

import re

from passrole_checks.iam.partial_values import Const, ListNode, Node, ObjectEntry, ObjectNode, StringNode, text
from passrole_checks.sources.terraform.evaluation.symbolic_values import MAX_ITEMS, MAX_TEXT, defaults_of, known_string
from passrole_checks.sources.terraform.functions.go_regexp import BadPattern, compile_go
from passrole_checks.sources.terraform.functions.go_regexp_machine import MOST_WORK, Match, Regexp, Unsupported
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare, exact

_LONGEST = 200_000
_CHEAP = 4  # steps of the machine in the time in which an expression is evaluated
_INSERT = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)


def regex(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``regex``: what the first match, or its groups, hold; an error where there is none."""
    found = _found(call, arguments, all_=False)
    if isinstance(found, list):
        return found[0] if found else call.fail("the pattern does not match")
    return found


def regex_all(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``regexall``: what each match, or its groups, hold."""
    found = _found(call, arguments, all_=True)
    return ListNode(tuple(found), call.at) if isinstance(found, list) else found


def _found(call: FunctionCall, arguments: list[Node], *, all_: bool) -> list[Node] | StringNode | None:
    pattern, value = known_string(arguments[0]), exact(arguments[1])
    if pattern is None:
        return None
    work = [MOST_WORK]
    try:
        compiled = compile_go(pattern)
        names = [name for name in compiled.names if name is not None]
        if names and len(names) != len(compiled.names):
            return call.fail("some groups have a name and some have none")
        if value is None:
            return None
        if len(value) > _LONGEST:
            return call.hole("a regular expression over a text too long")
        found: list[Node] = []
        for match in compiled.matches(value, work):
            found.append(_captured(match, compiled, call, arguments[1]))
            if not all_:
                break
            if len(found) > MAX_ITEMS:
                return call.hole("too many elements")
        return found
    except BadPattern as error:
        return call.fail(f"not a regular expression: {error}")
    except Unsupported as error:
        return call.hole(str(error))
    finally:
        call.scope.budget.steps -= (MOST_WORK - work[0]) // _CHEAP


def _captured(match: Match, compiled: Regexp, call: FunctionCall, source: Node) -> Node:
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


def replaced(call: FunctionCall, arguments: list[Node], value: StringNode, pattern: str) -> Node | None:
    """``replace`` with a pattern: ``$1``, ``${1}`` and ``${name}`` in the new text are groups, ``$$`` is a dollar."""
    new = known_string(arguments[2])
    work = [MOST_WORK]
    try:
        compiled = compile_go(pattern)
        known = exact(arguments[0]) if value.literal is not None else None
        if known is None or new is None:
            return None
        if len(known) > _LONGEST:
            return call.hole("a regular expression over a text too long")
        pieces: list[str] = []
        place = length = 0
        for match in compiled.matches(known, work):
            pieces.extend((known[place : match.start], _expanded(new, match, compiled)))
            length += len(pieces[-2]) + len(pieces[-1])
            if length > MAX_TEXT:
                return call.hole("too long")
            place = match.end
        return StringNode(("".join((*pieces, known[place:])),), call.at, defaults=defaults_of(arguments))
    except BadPattern as error:
        return call.fail(f"not a regular expression: {error}")
    except Unsupported as error:
        return call.hole(str(error))
    finally:
        call.scope.budget.steps -= (MOST_WORK - work[0]) // _CHEAP


def _expanded(new: str, match: Match, compiled: Regexp) -> str:
    def insert(found: re.Match[str]) -> str:
        if found.group(1):
            return "$"
        name = found.group(2) or found.group(3)
        if name.isdigit():
            number = int(name[:6])
            return match.group(number) or "" if number <= len(compiled.names) else ""
        return match.group(compiled.names.index(name) + 1) or "" if name in compiled.names else ""

    return _INSERT.sub(insert, new)


PATTERN = declare({"regex": (regex, "ss"), "regexall": (regex_all, "ss")})
