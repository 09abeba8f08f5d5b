"""Merge the facts of the packages with the overlay into the content of the data files."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

from tools.aws_facts.actions import Evidence
from tools.aws_facts.cloudformation import Candidate
from tools.aws_facts.overlay import (
    action_rule,
    added_actions,
    overlay,
    receiver_rule,
    split_services,
    terraform_services,
)

_SUFFIX = ".amazonaws.com"
_PRINCIPAL = re.compile(r"[a-z0-9][a-z0-9.-]*\.amazonaws\.com(?:\.cn)?")
# Placeholders, not services.
_NO_SERVICES = frozenset({"beep-boop", "service", "someservice", "automation", "servicename"})


class MissingServiceError(Exception):
    """A fact of a package for which the overlay has no service."""


@dataclass(frozen=True, slots=True)
class PrincipalEvidence:
    """Evidence for service principals, without ``.amazonaws.com``.

    `known` are all known ones, `used` those that AWS uses as ``iam:PassedToService`` in a managed policy.
    """

    known: frozenset[str]
    used: frozenset[str]


@dataclass(frozen=True, slots=True)
class ReceiverRow:
    """A receiver, in the short forms of the data file."""

    path: str
    kind: str
    how: str
    when: str
    passed: str
    trusted: str
    confidence: str

    def data(self) -> list[str]:
        """Return the row as in the data file."""
        row = [self.path, self.kind + self.how + self.confidence + self.when, self.passed]
        return row if self.trusted == self.passed else [*row, self.trusted]


def managed_policies(wheel: ZipFile) -> dict[str, list[Any]]:
    """Return all AWS managed policies by name: path, version, document."""
    source = ast.parse(wheel.read("moto/iam/aws_managed_policies.py"))
    text = next(node.value for node in source.body if isinstance(node, ast.Assign))
    policies = json.loads(ast.literal_eval(text))
    return {
        name: [entry.get("Path", "/").removeprefix("/"), entry["DefaultVersionId"], entry["Document"]]
        for name, entry in sorted(policies.items())
    }


def service_principals(
    floyd: ZipFile, policies: Mapping[str, list[Any]]
) -> tuple[dict[str, list[str]], PrincipalEvidence]:
    """Return the service principals by partition, and the evidence for them."""
    listed = floyd.read("iam_floyd/_aws_service_principals.py").decode("utf-8")
    listed_principals = set(re.findall(r"^    \w+ = '([\w.-]+)'$", listed, re.MULTILINE))
    used = {value for _, _, document in policies.values() for value in _passed_to_services(document)}
    extra = overlay()["principals"]
    everywhere = {name for name in listed_principals | used if _PRINCIPAL.fullmatch(name) and not name.endswith(".cn")}
    everywhere |= {f"{name}{_SUFFIX}" for name in extra["aws"]}
    everywhere = {name for name in everywhere if name.removesuffix(_SUFFIX) not in _NO_SERVICES}
    china = {name for name in used if _PRINCIPAL.fullmatch(name) and name.endswith(".cn")} | set(extra["aws-cn"])
    sure = PrincipalEvidence(
        frozenset(name.removesuffix(_SUFFIX) for name in everywhere),
        frozenset(name.removesuffix(_SUFFIX) for name in used),
    )
    return {"aws": sorted(everywhere), "aws-cn": sorted(china)}, sure


def retired_receivers() -> Iterator[Candidate]:
    """Yield the receivers of the overlay that the packages no longer name."""
    for rule in overlay()["retired"]:
        for kind in rule["types"]:
            for path in rule["paths"]:
                profile = re.search(r"instance_?profile", path, re.IGNORECASE) is not None
                yield Candidate(kind, path, "pattern", profile)


def cloudformation_receivers(
    candidates: Iterable[Candidate], passing_types: frozenset[str], sure: PrincipalEvidence
) -> dict[str, dict[str, ReceiverRow]]:
    """Return the receivers of CloudFormation, by type and path.

    `passing_types` are the types whose handlers need ``iam:PassRole``.
    """
    rows: dict[str, dict[str, ReceiverRow]] = {}
    for candidate in candidates:
        rule = receiver_rule(candidate.type, candidate.path)
        if rule.get("exclude") or not (candidate.why or rule.get("add")):
            continue
        namespace = candidate.type.split("::")[1]
        if namespace not in overlay()["cloudformation"]:
            raise MissingServiceError(f"{candidate.type}: no services for the namespace {namespace}")
        agreed = candidate.why in ("format", "pattern") or candidate.type in passing_types or "services" in rule
        row = _make_row(candidate, rule, overlay()["cloudformation"][namespace], agreed, sure)
        rows.setdefault(candidate.type, {})[candidate.path] = row
    return rows


def terraform_receivers(
    candidates: Iterable[Candidate], cloudformation: Mapping[str, Mapping[str, ReceiverRow]], sure: PrincipalEvidence
) -> dict[str, dict[str, ReceiverRow]]:
    """Return the receivers of the Terraform provider ``aws``, by resource and path.

    An argument named like a CloudFormation property has the services of that property.
    """
    by_name = {_normalized("".join(kind.split("::")[1:])): kind for kind in cloudformation if kind.startswith("AWS::")}
    namespaces = {name.lower(): value for name, value in overlay()["cloudformation"].items()}
    rows: dict[str, dict[str, ReceiverRow]] = {}
    for candidate in candidates:
        rule = receiver_rule(candidate.type, candidate.path)
        if rule.get("exclude") or not (candidate.why or rule.get("add")):
            continue
        name = candidate.type.removeprefix("aws_")
        kind = overlay()["aliases"].get(candidate.type) or by_name.get(_normalized(name))
        same_type = {_normalized(path): row for path, row in cloudformation.get(kind or "", {}).items()}
        counterpart = same_type.get(_normalized(candidate.path)) or _common_row(same_type.values())
        if counterpart is not None:
            base = {
                "services": f"{counterpart.passed} > {counterpart.trusted}",
                "how": counterpart.how,
                "when": counterpart.when,
            }
            base |= {"kind": counterpart.kind, "confidence": counterpart.confidence}
            row = _make_row(candidate, {**base, **_receiver_facts(rule)}, "", True, sure)
        else:
            listed = terraform_services(candidate.type)
            default = listed if listed is not None else namespaces.get(name.split("_")[0])
            if default is None and "services" not in rule:
                raise MissingServiceError(f"{candidate.type} {candidate.path}: no services")
            row = _make_row(candidate, rule, default or "", listed is not None or "services" in rule, sure)
        rows.setdefault(candidate.type, {})[candidate.path] = row
    return rows


def embedded_receivers() -> dict[str, list[dict[str, Any]]]:
    """Return the receivers inside JSON, templates and settings, by type, all from the overlay."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for rule in overlay()["embedded"]:
        passed, trusted = split_services(rule.get("services", ""))
        facts = {key: rule[key] for key in ("form", "where", "kind", "confidence", "by") if key in rule}
        for kind in rule["types"]:
            for inside in rule.get("inside", [""]):
                row = {"path": rule["path"], **facts, "inside": inside, "services": passed}
                rows.setdefault(kind, []).append(row if trusted == passed else {**row, "trusted": trusted})
    return dict(sorted(rows.items()))


def passing_actions(evidence: Mapping[str, Evidence], sure: PrincipalEvidence) -> dict[str, dict[str, list[Any]]]:
    """Return the actions that pass a role, by prefix and name: letters, parameters, services, trusted principals, also,
    also_any."""
    actions: dict[str, dict[str, list[Any]]] = {}
    for action in sorted({*evidence, *added_actions()}, key=str.lower):
        rule = action_rule(action)
        if rule.get("exclude"):
            continue
        prefix, _, name = action.partition(":")
        known_evidence = evidence.get(action, Evidence())
        passed, trusted = split_services(rule.get("services", overlay()["prefixes"].get(prefix, prefix)))
        if not _known(f"{passed},{trusted}", sure):
            passed, trusted = "", ""
        letters = _confidence(rule, known_evidence.kinds) + {"code": "c", "calls": "a"}.get(rule.get("runs", ""), "-")
        parameters = sorted(
            {*known_evidence.parameters, *rule.get("parameters", ())}, key=lambda path: (path.count("/"), path)
        )
        also = [rule.get("also", []), rule.get("also_any", [])]
        actions.setdefault(prefix, {})[name] = [letters, parameters, passed, trusted, *also]
    return actions


def check_actions(known: Mapping[str, str]) -> None:
    """Raise `MissingServiceError` if the overlay names an action that IAM does not have, or spells it differently."""
    named = [action for rule in overlay()["action"] for key in ("also", "also_any") for action in rule.get(key, ())]
    named += [*added_actions(), *(action for path in overlay()["paths"].values() for action in path["actions"])]
    wrong = sorted({action for action in named if known.get(action.lower()) != action})
    if wrong:
        raise MissingServiceError(f"unknown IAM actions: {', '.join(wrong)}")


def escalation_paths() -> dict[str, list[Any]]:
    """Return the published escalation paths, by identifier: actions, services, trusted principals."""
    return {
        name: [path["actions"], *split_services(path["services"])] for name, path in sorted(overlay()["paths"].items())
    }


def _make_row(
    candidate: Candidate, rule: Mapping[str, Any], default: str, agreed: bool, sure: PrincipalEvidence
) -> ReceiverRow:
    """Return the row of a candidate by the overlay's rule; ``agreed``: sources agree that it is a role."""
    passed, trusted = split_services(rule.get("services", default))
    assumed = rule.get("how", "passed") in ("assumed", "a")
    confidence = rule.get("confidence")
    if confidence is None:
        sound = _known(f"{passed},{trusted}", sure) and (agreed or any(name in sure.used for name in passed.split(",")))
        confidence = "corroborated" if sound and (passed or assumed) else "hint"
    kind = rule.get("kind") or ("instance_profile" if candidate.profile else "role")
    return ReceiverRow(
        path=candidate.path,
        kind=kind[0],
        how="a" if assumed else "p",
        when=rule.get("when", "create")[0],
        passed=passed,
        trusted=trusted,
        confidence=confidence[0],
    )


def _receiver_facts(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key in ("services", "how", "when", "kind", "confidence")}


def _common_row(rows: Iterable[ReceiverRow]) -> ReceiverRow | None:
    """Return the row that represents all, if all properties of a type are equal except for their paths."""
    different = {(row.kind, row.how, row.when, row.passed, row.trusted, row.confidence): row for row in rows}
    return next(iter(different.values())) if len(different) == 1 else None


def _known(passed: str, sure: PrincipalEvidence) -> bool:
    return all(name in sure.known or name in sure.used for name in passed.split(",") if name)


def _confidence(rule: Mapping[str, Any], kinds: set[str]) -> str:
    """Return the letter of an action's confidence."""
    if "confidence" in rule:
        return str(rule["confidence"][0])
    if "reference" in kinds:
        return "d"
    return "c" if "dataset" in kinds or {"model", "handler"} <= kinds else "h"


def _passed_to_services(node: Any) -> Iterator[str]:
    """Yield the values of ``iam:PassedToService`` in the conditions of a document."""
    if isinstance(node, list):
        for part in node:
            yield from _passed_to_services(part)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key.lower() == "iam:passedtoservice":
                yield from value if isinstance(value, list) else [value]
            else:
                yield from _passed_to_services(value)


def _normalized(path: str) -> str:
    """Return a path or a name without markers, separators and case."""
    return re.sub(r"[/_{}*]", "", path).lower()
