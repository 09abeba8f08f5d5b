"""The page of a check, and how a check is named on the command line."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from passrole_checks.checks import ALL
from passrole_checks.checks.base.check import Check, Example, ExampleRole
from passrole_checks.errors import ConfigurationError

# 001, PASSROLE_001, and the ids of the cfn-lint leaf: E9501, W9502, I9512.
_NUMBERED = re.compile(r"(?:PASSROLE[_-])?(\d{3})|[EWI]95(\d\d)", re.IGNORECASE)


def find(word: str) -> type[Check]:
    """The check that ``word`` names: its id, the id's number, its name, or its id in cfn-lint.

    Raises:
        ConfigurationError: there is no such check.
    """
    match = _NUMBERED.fullmatch(word.strip())
    wanted = f"PASSROLE_{int(match[1] or match[2]):03}" if match else word.strip().lower()
    for check in ALL:
        if wanted in (check.id, check.name):
            return check
    raise ConfigurationError(f"no check is called {word!r} (passrole-checks explain lists them)")


def ids(words: Iterable[str]) -> frozenset[str]:
    """The ids of the checks that ``words`` name, each word a check or several with commas between.

    Raises:
        ConfigurationError: one of them is no check.
    """
    return frozenset(find(word).id for words_ in words for word in words_.split(",") if word.strip())


def overview() -> str:
    """One line a check."""
    width = max(len(check.name) for check in ALL)
    return "".join(
        f"{check.id}  {check.severity.value:<6}  {check.name:<{width}}  {flagged_when(check)}\n" for check in ALL
    )


def flagged_when(check: type[Check]) -> str:
    """What a check is about: the first paragraph of its documentation, on one line."""
    return " ".join(check.documentation().split("\n\n")[0].split())


def page(check: type[Check]) -> str:
    """Everything about one check: what is wrong, what follows from it, how to mend it, examples."""
    parts = [
        f"{check.id} {check.name} ({check.severity.value})",
        check.documentation(),
        *_examples("Flagged", check.flagged),
        *_examples("Clean", check.clean),
    ]
    return "\n\n".join(parts) + "\n"


def _examples(heading: str, examples: Sequence[Example]) -> Iterator[str]:
    for example in examples:
        page = f"{heading}: {example.title}\n" + textwrap.indent(_statements(example.statements), "    ")
        if example.before is not None:
            page += "\n  before:\n" + textwrap.indent(_statements(example.before), "    ")
        if example.managed:
            page += f"\n  from the AWS managed policy {example.managed}, which is attached"
        if example.beside:
            page += "\n  and in another policy:\n" + textwrap.indent(_statements(example.beside), "    ")
        for role in example.roles:
            page += f"\n  {_role(role)}"
            if role.statements:
                page += "\n" + textwrap.indent(_statements(role.statements), "    ")
        yield page


def _statements(statements: Sequence[dict[str, Any]]) -> str:
    return _compact(statements[0] if len(statements) == 1 else list(statements))


def _role(role: ExampleRole) -> str:
    words = f"role/{role.name}" + (f", which trusts {', '.join(role.trusts)}" if role.trusts else "")
    words += " and holds this policy" if role.holds else ""
    return f"{words}, and can do:" if role.statements else words


def _compact(value: object, width: int = 100) -> str:
    """JSON that keeps short lists and objects on one line."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) <= width or not isinstance(value, (dict, list)) or not value:
        return line
    inner = width - 2
    if isinstance(value, dict):
        rows = [f"{json.dumps(key)}: {_compact(item, inner - len(key) - 4)}" for key, item in value.items()]
        return "{\n" + textwrap.indent(",\n".join(rows), "  ") + "\n}"
    return "[\n" + textwrap.indent(",\n".join(_compact(item, inner) for item in value), "  ") + "\n]"
