"""Load the overlay of hand-maintained facts (``overlay.toml``) and apply its rules."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FILE = Path(__file__).with_name("overlay.toml")

Rule = Mapping[str, Any]


@cache
def overlay() -> Mapping[str, Any]:
    """Return the overlay as in its file. Raises ``tomllib.TOMLDecodeError`` if it is not TOML."""
    return load(_FILE)


def load(file: Path) -> Mapping[str, Any]:
    """Return the content of a TOML file. Raises ``tomllib.TOMLDecodeError`` if it is not TOML."""
    facts: Mapping[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    return facts


def split_services(text: str) -> tuple[str, str]:
    """Return the services of a rule, in short form: those that a role is passed to, and those that it must trust."""
    passed, arrow, trusted = text.partition(">")
    return _normalize_list(passed), _normalize_list(trusted if arrow else passed)


def matches(pattern: str, text: str) -> bool:
    """True if a pattern with ``*`` for any text matches a text."""
    return _compile(pattern).fullmatch(text) is not None


def receiver_rule(resource_type: str, path: str) -> dict[str, Any]:
    """Return the overlay's facts for a property: all matching rules merged, later ones override earlier ones."""
    facts: dict[str, Any] = {}
    for rule in overlay()["receiver"]:
        if any(matches(kind, resource_type) for kind in rule.get("types", ())) and (
            "paths" not in rule or any(matches(pattern, path) for pattern in rule["paths"])
        ):
            facts.update({key: value for key, value in rule.items() if key not in ("types", "paths")})
    return facts


def action_rule(action: str) -> dict[str, Any]:
    """Return the overlay's facts for an action: all matching rules merged, later ones override earlier ones."""
    facts: dict[str, Any] = {}
    for rule in overlay()["action"]:
        if any(matches(pattern, action) for pattern in rule["actions"]):
            facts.update({key: value for key, value in rule.items() if key != "actions"})
    return facts


def added_actions() -> Iterator[str]:
    """Yield the actions that only the overlay names."""
    for rule in overlay()["action"]:
        if rule.get("add"):
            yield from rule["actions"]


def terraform_services(resource: str) -> str | None:
    """Return the overlay's services for a Terraform resource, by the longest matching pattern."""
    matching = [pattern for pattern in overlay()["terraform"] if matches(pattern, resource)]
    return str(overlay()["terraform"][max(matching, key=len)]) if matching else None


def _normalize_list(text: str) -> str:
    return ",".join(name.strip() for name in text.split(",") if name.strip())


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))) if "*" in pattern else re.escape(pattern))
