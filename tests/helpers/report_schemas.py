"""SARIF and JUnit reports, checked against the parts of their schemas that we use."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

# The parts of the OASIS schema that our output uses: for each object the keys that it must have and those that it may
# have. `additionalProperties` is false throughout the schema (but for property bags), so an unknown key is an error.
_SCHEMA: dict[str, tuple[set[str], set[str]]] = {
    "log": ({"version", "runs"}, {"$schema"}),
    "run": ({"tool"}, {"automationDetails", "columnKind", "originalUriBaseIds", "invocations", "results"}),
    "driver": ({"name"}, {"semanticVersion", "rules"}),
    "rule": (
        {"id"},
        {"name", "shortDescription", "fullDescription", "help", "helpUri", "defaultConfiguration", "properties"},
    ),
    "message": ({"text"}, {"markdown"}),
    "invocation": ({"executionSuccessful"}, {"exitCode", "toolExecutionNotifications"}),
    "notification": ({"message"}, {"level", "locations"}),
    "result": (
        {"message"},
        {"ruleId", "ruleIndex", "level", "locations", "partialFingerprints", "suppressions", "properties"}
        | {"baselineState"},
    ),
    "location": (set(), {"physicalLocation", "logicalLocations"}),
    "physicalLocation": ({"artifactLocation"}, {"region"}),
    "artifactLocation": ({"uri"}, {"uriBaseId"}),
    "logicalLocation": (set(), {"fullyQualifiedName", "kind"}),
    "region": ({"startLine"}, {"startColumn", "endLine", "endColumn"}),
    "automationDetails": ({"id"}, set()),
    "suppression": ({"kind"}, {"justification", "location"}),
}
_LEVELS = {"none", "note", "warning", "error"}


def _conforms(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    required, optional = _SCHEMA[kind]
    assert required <= set(value), f"{kind} lacks {required - set(value)}"
    assert set(value) <= required | optional, f"{kind} has {set(value) - required - optional}"
    return value


def _check_location(value: dict[str, Any], base_ids: set[str]) -> None:
    physical = _conforms("physicalLocation", _conforms("location", value)["physicalLocation"])
    artifact = _conforms("artifactLocation", physical["artifactLocation"])
    assert re.fullmatch(r"[A-Za-z0-9\-._~:/%]+", artifact["uri"])
    assert artifact.get("uriBaseId") in {None, *base_ids}
    if "region" in physical:
        region = _conforms("region", physical["region"])
        assert all(isinstance(number, int) and number >= 1 for number in region.values())
        assert (region["startLine"], region.get("startColumn", 1)) < (
            region.get("endLine", region["startLine"] + 1),
            region.get("endColumn", 1),
        )
    for logical in value.get("logicalLocations", ()):
        _conforms("logicalLocation", logical)


def conforming_run(log: dict[str, Any]) -> dict[str, Any]:
    """Return the only run of a log that conforms to the schema."""
    assert _conforms("log", log)["version"] == "2.1.0"
    (run,) = log["runs"]
    _conforms("run", run)
    assert _conforms("automationDetails", run["automationDetails"])["id"] == "passrole-checks/"
    base_ids = set(run["originalUriBaseIds"])
    rules = _conforms("driver", run["tool"]["driver"])["rules"]
    for rule in rules:
        _conforms("rule", rule)
        assert rule["defaultConfiguration"]["level"] in _LEVELS
        for key in ("shortDescription", "fullDescription", "help"):
            assert 0 < len(_conforms("message", rule[key])["text"]) <= (1024 if key != "help" else 30_000)
    for invocation in run["invocations"]:
        for notification in _conforms("invocation", invocation)["toolExecutionNotifications"]:
            _conforms("message", _conforms("notification", notification)["message"])
            for location in notification["locations"]:
                _check_location(location, base_ids)
    for result in run["results"]:
        _conforms("message", _conforms("result", result)["message"])
        assert result["level"] in _LEVELS
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())
        for location in result["locations"]:
            _check_location(location, base_ids)
        for suppression in result["suppressions"]:
            assert _conforms("suppression", suppression)["kind"] in {"inSource", "external"}
            if suppression["kind"] == "inSource":
                _check_location(suppression["location"], base_ids)
        assert result.get("baselineState", "new") in {"new", "unchanged", "updated", "absent"}
    fingerprints = [result["partialFingerprints"]["passroleFinding/v1"] for result in run["results"]]
    assert len(fingerprints) == len(set(fingerprints))
    return run


def junit_cases(document: str) -> dict[tuple[str, str], ElementTree.Element | None]:
    """Return each test case by class and name, with its only child, and verify all counts."""
    root = ElementTree.fromstring(document)
    assert root.tag == "testsuites"
    found: dict[tuple[str, str], ElementTree.Element | None] = {}
    for suite in root:
        assert suite.tag == "testsuite"
        kinds = [child.tag for case in suite for child in case]
        names = {"failures": "failure", "errors": "error", "skipped": "skipped"}
        counts = {name: str(kinds.count(kind)) for name, kind in names.items()}
        assert suite.attrib == {"name": suite.attrib["name"], "tests": str(len(suite)), **counts}
        for case in suite:
            assert (case.tag, set(case.attrib)) == ("testcase", {"classname", "name", "time"})
            assert case.attrib["classname"] == suite.attrib["name"]
            assert len(case) <= 1
            key = (case.attrib["classname"], case.attrib["name"])
            assert key not in found, "GitLab ignores a second case of the same name"
            found[key] = case[0] if len(case) else None
    for name in ("tests", "failures", "errors"):
        assert root.attrib[name] == str(sum(int(suite.attrib[name]) for suite in root))
    return found
