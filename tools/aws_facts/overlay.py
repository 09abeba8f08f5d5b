"""The overlay: the facts that are kept by hand (``overlay.toml``), and how its rules are put to use."""

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
    """The overlay as it stands in its file. Raises ``tomllib.TOMLDecodeError`` where it is not TOML."""
    facts: Mapping[str, Any] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return facts


def services(text: str) -> tuple[str, str]:
    """The services of a rule, in short form: those that a role is passed to, and those that it trusts."""
    passed, arrow, trusted = text.partition(">")
    return _list(passed), _list(trusted if arrow else passed)


def fits(pattern: str, text: str) -> bool:
    """Whether a pattern with ``*`` for any text fits a text."""
    return _regular(pattern).fullmatch(text) is not None


def receiver_rule(resource_type: str, path: str) -> dict[str, Any]:
    """What the overlay says of a property: all rules that fit, the later ones over the earlier."""
    found: dict[str, Any] = {}
    for rule in overlay()["receiver"]:
        if any(fits(kind, resource_type) for kind in rule.get("types", ())) and (
            "paths" not in rule or any(fits(pattern, path) for pattern in rule["paths"])
        ):
            found.update({key: value for key, value in rule.items() if key not in ("types", "paths")})
    return found


def action_rule(action: str) -> dict[str, Any]:
    """What the overlay says of an action: all rules that fit, the later ones over the earlier."""
    found: dict[str, Any] = {}
    for rule in overlay()["action"]:
        if any(fits(pattern, action) for pattern in rule["actions"]):
            found.update({key: value for key, value in rule.items() if key != "actions"})
    return found


def added_actions() -> Iterator[str]:
    """The actions that only the overlay names."""
    for rule in overlay()["action"]:
        if rule.get("add"):
            yield from rule["actions"]


def terraform_services(resource: str) -> str | None:
    """The services that the overlay gives for a Terraform resource: those of the longest pattern that fits."""
    fitting = [pattern for pattern in overlay()["terraform"] if fits(pattern, resource)]
    return str(overlay()["terraform"][max(fitting, key=len)]) if fitting else None


def _list(text: str) -> str:
    return ",".join(name.strip() for name in text.split(",") if name.strip())


@cache
def _regular(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))) if "*" in pattern else re.escape(pattern))
