"""What the packages say and what the overlay says, put together: the content of the data files."""

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
from tools.aws_facts.overlay import action_rule, added_actions, overlay, receiver_rule, services, terraform_services

_SUFFIX = ".amazonaws.com"
_PRINCIPAL = re.compile(r"[a-z0-9][a-z0-9.-]*\.amazonaws\.com(?:\.cn)?")
# Placeholders, not services.
_NO_SERVICES = frozenset({"beep-boop", "service", "someservice", "automation", "servicename"})


class Unplaced(Exception):
    """Something was found in a package that the overlay gives no service for."""


@dataclass(frozen=True, slots=True)
class Sure:
    """What makes a service principal believable: `known` are all that are known, `used` those that AWS itself gives as
    ``iam:PassedToService`` in a managed policy; both without ``.amazonaws.com``."""

    known: frozenset[str]
    used: frozenset[str]


@dataclass(frozen=True, slots=True)
class Row:
    """A receiver, in the short forms of the data file."""

    path: str
    kind: str
    how: str
    when: str
    passed: str
    trusted: str
    confidence: str

    def data(self) -> list[str]:
        row = [self.path, self.kind + self.how + self.confidence + self.when, self.passed]
        return row if self.trusted == self.passed else [*row, self.trusted]


def managed_policies(wheel: ZipFile) -> dict[str, list[Any]]:
    """All AWS managed policies, by name: path, version, document."""
    source = ast.parse(wheel.read("moto/iam/aws_managed_policies.py"))
    text = next(node.value for node in source.body if isinstance(node, ast.Assign))
    policies = json.loads(ast.literal_eval(text))
    return {
        name: [entry.get("Path", "/").removeprefix("/"), entry["DefaultVersionId"], entry["Document"]]
        for name, entry in sorted(policies.items())
    }


def principals(floyd: ZipFile, policies: Mapping[str, list[Any]]) -> tuple[dict[str, list[str]], Sure]:
    """The service principals by partition, and what makes them believable."""
    listed = floyd.read("iam_floyd/_aws_service_principals.py").decode("utf-8")
    found = set(re.findall(r"^    \w+ = '([\w.-]+)'$", listed, re.MULTILINE))
    used = {value for _, _, document in policies.values() for value in _passed_to(document)}
    extra = overlay()["principals"]
    everywhere = {name for name in found | used if _PRINCIPAL.fullmatch(name) and not name.endswith(".cn")}
    everywhere |= {f"{name}{_SUFFIX}" for name in extra["aws"]}
    everywhere = {name for name in everywhere if name.removesuffix(_SUFFIX) not in _NO_SERVICES}
    china = {name for name in used if _PRINCIPAL.fullmatch(name) and name.endswith(".cn")} | set(extra["aws-cn"])
    sure = Sure(
        frozenset(name.removesuffix(_SUFFIX) for name in everywhere),
        frozenset(name.removesuffix(_SUFFIX) for name in used),
    )
    return {"aws": sorted(everywhere), "aws-cn": sorted(china)}, sure


def retired() -> Iterator[Candidate]:
    """The receivers that the packages no longer name, from the overlay."""
    for rule in overlay()["retired"]:
        for kind in rule["types"]:
            for path in rule["paths"]:
                profile = re.search(r"instance_?profile", path, re.IGNORECASE) is not None
                yield Candidate(kind, path, "pattern", profile)


def receivers(candidates: Iterable[Candidate], passing_types: frozenset[str], sure: Sure) -> dict[str, dict[str, Row]]:
    """The receivers of CloudFormation, by type and path. `passing_types` are those whose handlers need
    ``iam:PassRole``."""
    found: dict[str, dict[str, Row]] = {}
    for candidate in candidates:
        rule = receiver_rule(candidate.type, candidate.path)
        if rule.get("exclude") or not (candidate.why or rule.get("add")):
            continue
        namespace = candidate.type.split("::")[1]
        if namespace not in overlay()["cloudformation"]:
            raise Unplaced(f"{candidate.type}: no services for the namespace {namespace}")
        agreed = candidate.why in ("format", "pattern") or candidate.type in passing_types or "services" in rule
        row = _row(candidate, rule, overlay()["cloudformation"][namespace], agreed, sure)
        found.setdefault(candidate.type, {})[candidate.path] = row
    return found


def terraform_receivers(
    candidates: Iterable[Candidate], cloudformation: Mapping[str, Mapping[str, Row]], sure: Sure
) -> dict[str, dict[str, Row]]:
    """The receivers of the Terraform provider ``aws``, by resource and path. An argument with the name of a
    CloudFormation property has its services."""
    by_name = {_plain("".join(kind.split("::")[1:])): kind for kind in cloudformation if kind.startswith("AWS::")}
    namespaces = {name.lower(): value for name, value in overlay()["cloudformation"].items()}
    found: dict[str, dict[str, Row]] = {}
    for candidate in candidates:
        rule = receiver_rule(candidate.type, candidate.path)
        if rule.get("exclude") or not (candidate.why or rule.get("add")):
            continue
        name = candidate.type.removeprefix("aws_")
        kind = overlay()["aliases"].get(candidate.type) or by_name.get(_plain(name))
        alike = {_plain(path): row for path, row in cloudformation.get(kind or "", {}).items()}
        same = alike.get(_plain(candidate.path)) or _only(alike.values())
        if same is not None:
            base = {"services": f"{same.passed} > {same.trusted}", "how": same.how, "when": same.when}
            base |= {"kind": same.kind, "confidence": same.confidence}
            row = _row(candidate, {**base, **_short(rule)}, "", True, sure)
        else:
            listed = terraform_services(candidate.type)
            default = listed if listed is not None else namespaces.get(name.split("_")[0])
            if default is None and "services" not in rule:
                raise Unplaced(f"{candidate.type} {candidate.path}: no services")
            row = _row(candidate, rule, default or "", listed is not None or "services" in rule, sure)
        found.setdefault(candidate.type, {})[candidate.path] = row
    return found


def embedded() -> dict[str, list[dict[str, Any]]]:
    """The receivers inside JSON, templates and settings, by type, all from the overlay."""
    found: dict[str, list[dict[str, Any]]] = {}
    for rule in overlay()["embedded"]:
        passed, trusted = services(rule.get("services", ""))
        facts = {key: rule[key] for key in ("form", "where", "kind", "confidence", "by") if key in rule}
        for kind in rule["types"]:
            for inside in rule.get("inside", [""]):
                row = {"path": rule["path"], **facts, "inside": inside, "services": passed}
                found.setdefault(kind, []).append(row if trusted == passed else {**row, "trusted": trusted})
    return dict(sorted(found.items()))


def passing_actions(evidence: Mapping[str, Evidence], sure: Sure) -> dict[str, dict[str, list[Any]]]:
    """The actions that pass a role, by prefix and name: letters, parameters, services, trusted principals, also,
    also_any."""
    found: dict[str, dict[str, list[Any]]] = {}
    for action in sorted({*evidence, *added_actions()}, key=str.lower):
        rule = action_rule(action)
        if rule.get("exclude"):
            continue
        prefix, _, name = action.partition(":")
        known = evidence.get(action, Evidence())
        passed, trusted = services(rule.get("services", overlay()["prefixes"].get(prefix, prefix)))
        if not _known(f"{passed},{trusted}", sure):
            passed, trusted = "", ""
        letters = _confidence(rule, known.kinds) + {"code": "c", "calls": "a"}.get(rule.get("runs", ""), "-")
        parameters = sorted({*known.parameters, *rule.get("parameters", ())}, key=lambda path: (path.count("/"), path))
        also = [rule.get("also", []), rule.get("also_any", [])]
        found.setdefault(prefix, {})[name] = [letters, parameters, passed, trusted, *also]
    return found


def all_known(known: Mapping[str, str]) -> None:
    """Raises `Unplaced` where the overlay names an action that IAM does not have, or spells it otherwise."""
    named = [action for rule in overlay()["action"] for key in ("also", "also_any") for action in rule.get(key, ())]
    named += [*added_actions(), *(action for path in overlay()["paths"].values() for action in path["actions"])]
    wrong = sorted({action for action in named if known.get(action.lower()) != action})
    if wrong:
        raise Unplaced(f"no actions of IAM: {', '.join(wrong)}")


def escalation_paths() -> dict[str, list[Any]]:
    """The published escalation paths, by identifier: actions, services, trusted principals."""
    return {name: [path["actions"], *services(path["services"])] for name, path in sorted(overlay()["paths"].items())}


def _row(candidate: Candidate, rule: Mapping[str, Any], default: str, agreed: bool, sure: Sure) -> Row:
    passed, trusted = services(rule.get("services", default))
    assumed = rule.get("how", "passed") in ("assumed", "a")
    confidence = rule.get("confidence")
    if confidence is None:
        sound = _known(f"{passed},{trusted}", sure) and (agreed or any(name in sure.used for name in passed.split(",")))
        confidence = "corroborated" if sound and (passed or assumed) else "hint"
    kind = rule.get("kind") or ("instance_profile" if candidate.profile else "role")
    return Row(
        path=candidate.path,
        kind=kind[0],
        how="a" if assumed else "p",
        when=rule.get("when", "create")[0],
        passed=passed,
        trusted=trusted,
        confidence=confidence[0],
    )


def _short(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in rule.items() if key in ("services", "how", "when", "kind", "confidence")}


def _only(rows: Iterable[Row]) -> Row | None:
    """The row that stands for all: where all properties of a type are alike but for their paths."""
    different = {(row.kind, row.how, row.when, row.passed, row.trusted, row.confidence): row for row in rows}
    return next(iter(different.values())) if len(different) == 1 else None


def _known(passed: str, sure: Sure) -> bool:
    return all(name in sure.known or name in sure.used for name in passed.split(",") if name)


def _confidence(rule: Mapping[str, Any], kinds: set[str]) -> str:
    if "confidence" in rule:
        return str(rule["confidence"][0])
    if "reference" in kinds:
        return "d"
    return "c" if "dataset" in kinds or {"model", "handler"} <= kinds else "h"


def _passed_to(node: Any) -> Iterator[str]:
    """The values of ``iam:PassedToService`` in the conditions of a document."""
    if isinstance(node, list):
        for part in node:
            yield from _passed_to(part)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key.lower() == "iam:passedtoservice":
                yield from value if isinstance(value, list) else [value]
            else:
                yield from _passed_to(value)


def _plain(path: str) -> str:
    """A path or a name without marks, separators and case."""
    return re.sub(r"[/_{}*]", "", path).lower()
