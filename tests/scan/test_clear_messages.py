"""Messages that can be understood and acted on alone: conditions, names, differences, misspelled keys, remedies."""

from __future__ import annotations

import pytest
from path_conditions_of_tests import assume
from principals_of_tests import allow, configuration

from passrole_checks.escaping.shorten import shortened
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.output.findings_text import scan_lines, to_plain_text
from passrole_checks.scan.condition_words import when_in_words
from passrole_checks.scan.merge_findings import _differing_part
from passrole_checks.scan.scanner import ScanOptions, scan_configurations

MODULES = "module.environments_of_the_platform.module.functions_of_the_visualization."


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ('Fn::Join "", ${Policies}', "when Policies is empty"),
        ("Stage", "when Stage is empty"),
        ('Fn::Join "-", ${A}, ${B}', 'when `Fn::Join "-", ${A}, ${B}` is empty'),
    ],
)
def test_condition_on_an_empty_value_is_in_words(condition: str, words: str) -> None:
    """A joined list is empty if it is joined to nothing; other template syntax is quoted."""
    assert when_in_words([(assume(condition, '""'),)]) == words


def test_last_segment_of_an_address_is_never_cut() -> None:
    """Leading modules are cut, so that the resource's type and name can be searched for."""
    name = f"aws_iam_role.{'scheduler-' * 9}role[0]"
    assert shortened(f"{MODULES}{name}") == f"…{name}"
    assert shortened(f"arn:${{{MODULES}data.aws_partition.current.partition}}:iam::${{var.account}}:role/a") == (
        "arn:${…}:iam::${…}:role/a"
    )
    environment = 'yamldecode(file("./envs/${split("_", terraform.workspace)[1]}/env.enc")).environment'
    assert shortened(f"arn:aws:iam::111122223333:role/{'a-' * 20}${{{environment}}}-ingest") == (
        f"arn:aws:iam::111122223333:role/{'a-' * 20}${{…}}-ingest"
    )
    assert shortened(f"${{{MODULES}aws_iam_role.task_executor.arn}}") == "${…aws_iam_role.task_executor.arn}"


@pytest.mark.parametrize(
    ("message", "other", "part"),
    [
        ("roles a, b and 28 more", "roles a, b and 3 more", ""),
        ('never matches ("x.cn" can never match)', 'never matches ("y" can never match)', '"x.cn"'),
        ('never matches (not "x y" at all)', 'never matches (not "x z" at all)', ""),
        ("passes arn:aws:iam::*:role/a now", "passes arn:aws:iam::*:role/b now", "arn:aws:iam::*:role/a"),
    ],
)
def test_differing_part_is_clear_alone(message: str, other: str, part: str) -> None:
    """Numbers and half of what is in brackets or quotes are left out."""
    assert _differing_part(message, other) == part


def _findings(operator: str, key: str) -> dict[str, Finding]:
    statement = allow("iam:PassRole", "*", {operator: {key: "lambda.amazonaws.com"}})
    result = scan_configurations([configuration([[statement]])], ScanOptions())
    return {finding.check_id: finding for finding in result.findings}


@pytest.mark.parametrize(
    "key", ["iamPassedToService", "iam:PassToService", "iam:passedtoservices", "PassedToService", "aws:PassedToService"]
)
def test_misspelled_key_is_the_headline(key: str) -> None:
    """No request carries the key, so the statement grants nothing; what it would grant is low."""
    findings = _findings("StringEquals", key)
    misspelled, wide = findings["PASSROLE_003"], findings["PASSROLE_001"]
    assert (misspelled.severity, misspelled.confidence, misspelled.primary) == (Severity.LOW, Confidence.HIGH, True)
    assert key in misspelled.message and "iam:PassedToService" in misspelled.remediation
    assert (wide.severity, wide.confidence, wide.group) == (Severity.LOW, Confidence.LOW, misspelled.group)


@pytest.mark.parametrize("operator", ["StringEqualsIfExists", "StringNotEquals"])
def test_misspelled_key_that_restricts_nothing(operator: str) -> None:
    """The statement is as wide as without the condition; its finding names the right key."""
    findings = _findings(operator, "iamPassedToService")
    assert (findings["PASSROLE_001"].severity, findings["PASSROLE_003"].severity) == (Severity.HIGH, Severity.LOW)
    assert "iamPassedToService" in findings["PASSROLE_001"].message
    assert "iamPassedToService" in findings["PASSROLE_001"].remediation


def test_every_item_has_its_remedy() -> None:
    """Only an item directly below one of the same file and remedy refers to it."""
    statements = [[allow("iam:PassRole", f"arn:aws:iam::111122223333:role/{name}-*")] for name in "abc"]
    text = to_plain_text(scan_lines(scan_configurations([configuration(statements)], ScanOptions())))
    lines = [line.strip() for line in text.splitlines() if "Instead: " in line]
    assert len(lines) == len(statements) and lines[1:] == [lines[1]] * 2 and lines[0] != lines[1]
