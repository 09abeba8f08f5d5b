"""Placeholders that other tools replace before CloudFormation sees the template, as unresolved values.

Sources: Serverless Framework, "Variables" (``${self:custom.role}``, ``${file(./x.yml)}``, ``${aws:accountId}``), the
README of its plugin serverless-pseudo-parameters (``#{AWS::AccountId}``); Jinja, "Template Designer Documentation"
(``{{ account }}``), as Ansible and Sceptre use it. ``{{resolve:…}}`` is CloudFormation's own and is not changed here.
"""

from __future__ import annotations

import re

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.partial_values import Part, StringNode, Unresolved, UnresolvedKind, join
from passrole_checks.sources.cloudformation.strings import advance

_SERVERLESS = (
    r"\$\{(?:(?:self|opt|env|param|sls|cf|s3|ssm|custom|output|terraform|git|strToBool)(?:\([^{}()]*\))?:[^{}]*"
    r"|file\([^{}]*|aws:(?:accountId|region)(?:,[^{}]*)?)\}"
)
_PSEUDO = r"#\{AWS::\w+\}"
_JINJA = r"\{\{(?!resolve:)[^{}\n]*\}\}"
_FOREIGN = lazy_regex(rf"{_SERVERLESS}|{_PSEUDO}|{_JINJA}")
_ACCOUNT = lazy_regex(r"\$\{aws:accountId\}|#\{AWS::AccountId\}")


def mark_foreign_placeholders(text: StringNode, loop_variables: frozenset[str]) -> StringNode:
    """Return a text of one literal part with each placeholder of another tool as an unresolved part.

    ``loop_variables`` are those of loops with an unknown collection, ``${Name}`` and ``&{Name}``.
    """
    literal = text.parts[0]
    assert isinstance(literal, str)
    pattern = _FOREIGN
    if loop_variables:
        names = "|".join(map(re.escape, sorted(loop_variables)))
        pattern = re.compile(rf"{_FOREIGN.pattern}|[$&]\{{(?P<loop>{names})\}}")
    elif "{" not in literal:
        return text
    parts: list[Part] = []
    starts: list[tuple[int, int]] = []
    done = 0

    def add(part: Part, offset: int) -> None:
        if part != "":
            parts.append(part)
            if text.starts:
                starts.append(advance(literal, offset, text.starts[0], text.indent))

    for match in pattern.finditer(literal):
        add(literal[done : match.start()], done)
        add(_unresolved(match), match.start())
        done = match.end()
    if not parts:
        return text
    add(literal[done:], done)
    return StringNode(tuple(parts) if starts else join(parts), text.at, tuple(starts), text.indent, text.defaults)


def _unresolved(found: re.Match[str]) -> Unresolved:
    """Return the unresolved part for a matched placeholder."""
    if "loop" in found.re.groupindex and found["loop"] is not None:
        return Unresolved(found["loop"], reason="the collection of its loop is unknown")
    words = found.group()
    if words.startswith("{{changeSet:"):
        return Unresolved(words, reason="known after the change set is executed")
    kind = UnresolvedKind.ACCOUNT_ID if _ACCOUNT.fullmatch(words) else UnresolvedKind.ANYTHING
    expression = words[2:-1] if words.startswith(("$", "#")) else words
    return Unresolved(expression, kind, reason="placeholder of another tool")
