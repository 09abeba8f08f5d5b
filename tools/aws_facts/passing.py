"""Find all values of ``iam:PassedToService`` that an action can send, with their sources.

The values and the sources are those of the rules in ``passing.toml``, else those of ``passrole_actions.json`` and of
the AWS managed policies that limit ``iam:PassRole`` to them (`policy_evidence`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tools.aws_facts.assemble import MissingServiceError
from tools.aws_facts.overlay import Rule, load, matches, split_services

_FILE = Path(__file__).with_name("passing.toml")
_SUFFIX = ".amazonaws.com"
# A request without the key does not meet these operators.
_STRICT = ("stringequals", "stringlike", "stringequalsignorecase")


@dataclass(frozen=True, slots=True)
class PolicyEvidence:
    """Evidence of the AWS managed policies: the policies that limit passing a role to a service, by service without
    ``.amazonaws.com``, and the patterns of actions that each of these policies allows, in lower case."""

    policies: Mapping[str, tuple[str, ...]]
    actions: Mapping[str, frozenset[str]]

    def source(self, action: str, services: tuple[str, ...]) -> str:
        """Return the managed policies that show that requests of an action carry these services; "" if none does.

        A policy that allows the action and names all services is the best one.
        """
        found: dict[str, None] = {}
        for service in services:
            names = self.policies.get(service, ())
            if not names:
                return ""
            allowing = [name for name in names if any(matches(p, action.lower()) for p in self.actions[name])]
            found[(allowing or names)[0]] = None
        return f"MP {', '.join(found)}" if found else ""


def passing_values(
    rows: Mapping[str, Mapping[str, list[Any]]], known: Mapping[str, str], evidence: PolicyEvidence
) -> dict[str, Any]:
    """Return the content of the data file: the sources, and by prefix and name of an action its letters, its services
    and the number of its source.

    `rows` are the actions of ``passrole_actions.json``, `known` all IAM actions by name in lower case. The letters are
    ``c`` or ``o`` (closed, open) and ``s`` or ``u`` (the key is sent, unknown). Raises
    `assemble.MissingServiceError` if a rule matches no action, or adds one that IAM does not have.
    """
    passed = {f"{prefix}:{name}": row[2] for prefix, names in rows.items() for name, row in names.items()}
    added = {action for rule in _rules() if rule.get("add") for action in rule["actions"]}
    wrong = sorted(action for action in added if known.get(action.lower()) != action)
    idle = [p for rule in _rules() for p in rule["actions"] if not any(matches(p, a) for a in {*passed, *added})]
    if wrong or idle:
        raise MissingServiceError(f"passing.toml names unknown actions: {', '.join([*wrong, *idle])}")
    sources: dict[str, int] = {}
    actions: dict[str, dict[str, list[Any]]] = {}
    for action in sorted({*passed, *added}, key=str.lower):
        if is_excluded(action):
            continue
        facts = _facts(action)
        services, _ = split_services(facts.get("services", passed.get(action, "")))
        source = facts.get("source") or evidence.source(action, tuple(filter(None, services.split(","))))
        sent = bool(services and source) and facts.get("key", "sent") == "sent"
        letters = ("c" if sent and not facts.get("open") else "o") + ("s" if sent else "u")
        prefix, _, name = action.partition(":")
        number = sources.setdefault(" ".join(source.split()), len(sources))
        actions.setdefault(prefix, {})[name] = [letters, services, number]
    return {"evidence": list(sources), "actions": actions}


def is_excluded(action: str) -> bool:
    """True if the rules say that an action passes no role."""
    return bool(_facts(action).get("exclude"))


def policy_evidence(policies: Mapping[str, list[Any]]) -> PolicyEvidence:
    """Return the evidence of the AWS managed policies, by name as in ``managed_policies.json.xz``."""
    naming: dict[str, dict[str, None]] = {}
    actions: dict[str, frozenset[str]] = {}
    for name, (_, _, document) in sorted(policies.items()):
        statements = [item for item in _listed(document["Statement"]) if item["Effect"] == "Allow"]
        allowed = [(item, [str(p).lower() for p in _listed(item.get("Action", []))]) for item in statements]
        actions[name] = frozenset(pattern for _, patterns in allowed for pattern in patterns)
        for item, patterns in allowed:
            if any(matches(pattern, "iam:passrole") for pattern in patterns):
                for value in _strict_values(item.get("Condition", {})):
                    naming.setdefault(value, {})[name] = None
    return PolicyEvidence({value: tuple(names) for value, names in naming.items()}, actions)


def _strict_values(condition: Mapping[str, Any]) -> Iterator[str]:
    """Yield the services that a condition requires the key to have, without ``.amazonaws.com``."""
    for operator, block in condition.items():
        if operator.rpartition(":")[2].lower() in _STRICT and "forallvalues" not in operator.lower():
            for key, values in block.items():
                if key.lower() == "iam:passedtoservice":
                    yield from (str(value).removesuffix(_SUFFIX) for value in _listed(values))


@cache
def _rules() -> list[Rule]:
    rules: list[Rule] = load(_FILE)["rule"]
    return rules


def _facts(action: str) -> dict[str, Any]:
    """Return the facts of the rules for an action: all matching rules merged, later ones override earlier ones."""
    facts: dict[str, Any] = {}
    for rule in _rules():
        if any(matches(pattern, action) for pattern in rule["actions"]):
            facts.update(rule)
    return facts


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
