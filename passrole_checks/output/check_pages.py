"""The page of a check, and the names by which the command line accepts a check."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from passrole_checks.checks import ALL
from passrole_checks.checks.base.check import Check, Example, ExampleRole
from passrole_checks.errors import ConfigurationError, did_you_mean
from passrole_checks.iam.lazy_regex import lazy_regex

# 1, 001, PASSROLE_001, and the rule ids in cfn-lint: E9501, W9502, I9512.
_NUMBERED = lazy_regex(r"(?:PASSROLE[_-]?)?(\d{1,3})|[EWI]95(\d\d)", re.IGNORECASE)


def find_check(word: str) -> type[Check]:
    """Return the check named by its id, number, name, or cfn-lint rule id.

    Raises:
        ConfigurationError: there is no such check.
    """
    match = _NUMBERED.fullmatch(word.strip())
    name = f"PASSROLE_{int(match[1] or match[2]):03}" if match else word.strip().lower()
    for check in ALL:
        if name in (check.id, check.name):
            return check
    nearest = did_you_mean(name, (check.name for check in ALL))
    raise ConfigurationError(f"no such check: {word!r}{nearest} (list all checks with: passrole-checks explain)")


def check_ids(words: Iterable[str]) -> frozenset[str]:
    """Return the ids of the checks that ``words`` name; each word is one check or a comma-separated list.

    Raises:
        ConfigurationError: there is no such check.
    """
    return frozenset(find_check(word).id for words_ in words for word in words_.split(",") if word.strip())


def list_checks() -> str:
    """Return one line for each check."""
    width = max(len(check.name) for check in ALL)
    return "".join(
        f"{check.id}  {check.severity.value:<6}  {check.name:<{width}}  {short_description(check)}\n" for check in ALL
    )


def short_description(check: type[Check]) -> str:
    """Return the first paragraph of a check's documentation, on one line."""
    return " ".join(check.documentation().split("\n\n")[0].split())


def check_page(check: type[Check]) -> str:
    """Return the page of one check: problem, risk, fix, and examples."""
    parts = [
        f"{check.id} {check.name} ({check.severity.value})",
        check.documentation(),
        *_examples("Flagged", check.flagged),
        *_examples("Clean", check.clean),
    ]
    return "\n\n".join(parts) + "\n"


def _examples(heading: str, examples: Sequence[Example]) -> Iterator[str]:
    for example in examples:
        page = f"{heading}: {example.title}\n" + textwrap.indent(statements_json(example.statements), "    ")
        if example.before is not None:
            page += "\n  before:\n" + textwrap.indent(statements_json(example.before), "    ")
        if example.managed:
            page += f"\n  from the attached AWS managed policy {example.managed}"
        if example.beside:
            page += "\n  and in another policy:\n" + textwrap.indent(statements_json(example.beside), "    ")
        for role in example.roles:
            page += f"\n  {_role(role)}"
            if role.statements:
                page += "\n" + textwrap.indent(statements_json(role.statements), "    ")
        yield page


def statements_json(statements: Sequence[dict[str, Any]]) -> str:
    """Return statements as JSON that keeps short lists and objects on one line; a single one without the list."""
    return _compact_json(statements[0] if len(statements) == 1 else list(statements))


def _role(role: ExampleRole) -> str:
    words = f"role/{role.name}" + (f", which trusts {', '.join(role.trusts)}" if role.trusts else "")
    words += " and has this policy attached" if role.is_holder else ""
    return f"{words}, with these permissions:" if role.statements else words


def _compact_json(value: object, width: int = 100) -> str:
    """Format as JSON that keeps short lists and objects on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) <= width or not isinstance(value, (dict, list)) or not value:
        return line
    inner = width - 2
    if isinstance(value, dict):
        rows = [f"{json.dumps(key)}: {_compact_json(element, inner - len(key) - 4)}" for key, element in value.items()]
        return "{\n" + textwrap.indent(",\n".join(rows), "  ") + "\n}"
    return "[\n" + textwrap.indent(",\n".join(_compact_json(element, inner) for element in value), "  ") + "\n]"
