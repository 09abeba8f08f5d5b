"""Escalations in words, the worst one of each principal, and the worst principals of a graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from passrole_checks.findings import Escalation, Outcome, Severity
from passrole_checks.output.access_graph import AccessGraph, Column, build_graph
from passrole_checks.output.outcomes import RatedEscalation, launch_words, outcome_label, outcome_note
from passrole_checks.output.principal_names import split_address
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.model.configuration import Suppression

SAMPLE = Path(__file__).resolve().parents[2] / "sample_templates" / "008-privilege-escalation" / "cloudformation"
ADMINISTRATOR = Escalation("ann", Outcome.ADMINISTRATOR)
ANY_ROLE = replace(ADMINISTRATOR, actions=("ec2:RunInstances",), path="ec2-001")
ONE_ROLE = replace(ANY_ROLE, roles=("module.app.aws_iam_role.admin",), gain="iam:*")
UNKNOWN = Escalation(
    "ann", Outcome.ROLES, ("arn:aws:iam::1:role/a-*", "arn:aws:iam::1:role/b"), "", "", ("a:B",), "a:B"
)


def scanned() -> ScanResult:
    return scan_paths([SAMPLE], ScanOptions())


def graph(result: ScanResult) -> AccessGraph:
    return build_graph(result, result.grants)


@pytest.mark.parametrize(
    ("escalation", "label", "note", "launch"),
    [
        (ADMINISTRATOR, "be an administrator", "without another role", ""),
        (ANY_ROLE, "act as any role", "administrators included", "with ec2:RunInstances (ec2-001)"),
        (ONE_ROLE, "act as admin", "iam:*", "with ec2:RunInstances (ec2-001)"),
        (UNKNOWN, "act as a-* and 1 more", "unknown permissions", "with a:B"),
        (replace(ONE_ROLE, actions=()), "act as admin", "iam:*", "no permission to launch a workload in this code"),
    ],
)
def test_outcomes_in_words(escalation: Escalation, label: str, note: str, launch: str) -> None:
    """The role, what it can do, and how a workload is launched; an inferred path has no id of its own."""
    assert (outcome_label(escalation), outcome_note(escalation), launch_words(escalation)) == (label, note, launch)


def test_severity_ranks_before_outcome() -> None:
    """A severe finding about fewer permissions is worse than a mild one about an administrator."""
    ranked = [
        RatedEscalation(UNKNOWN, Severity.HIGH),
        RatedEscalation(ANY_ROLE, Severity.MEDIUM),
        RatedEscalation(ONE_ROLE, Severity.MEDIUM),
        RatedEscalation(ADMINISTRATOR, Severity.MEDIUM),
        RatedEscalation(UNKNOWN, Severity.MEDIUM),
    ]
    assert sorted(ranked, key=lambda rated: rated.rank, reverse=True) == ranked


def test_worst_principals_are_listed_once_each() -> None:
    """Principals that become administrators, with the statement of their worst path; others are not among them."""
    found = graph(scanned())
    worst = [(found.nodes[one.principal].label, one.rated.escalation.path) for one in found.worst_principals]
    assert worst == [("DeveloperRole", "lambda-001"), ("operators", "ec2-001")]
    labels = [node.label for node in found.nodes if node.column is Column.OUTCOME]
    assert labels == ["act as any role", "act as AdminRole"]


def test_suppressed_findings_have_no_outcome() -> None:
    """A suppressed escalation is accepted."""
    result = scanned()
    silenced = Suppression("PASSROLE_008", "accepted", result.findings[0].at, "passrole")
    findings = tuple(replace(finding, suppressed=silenced) for finding in result.findings)
    assert graph(replace(result, findings=findings)).worst_principals == ()


@pytest.mark.parametrize(
    ("address", "name", "beside"),
    [
        ("aws_iam_role.deploy", "deploy", "aws_iam_role"),
        ('module.a["x.y"].module.b[0].aws_iam_user.u["k"]', 'u["k"]', 'aws_iam_user in module.a["x.y"].module.b[0]'),
        ("data.aws_iam_role.seen", "seen", "data.aws_iam_role"),
        ("Workloads.Operator", "Workloads.Operator", ""),
        ("arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/ann", ""),
        ("first.last", "first.last", ""),
    ],
)
def test_names_come_before_their_types(address: str, name: str, beside: str) -> None:
    """Terraform addresses are split; logical ids, ARNs and names are not."""
    split = split_address(address)
    assert (split.name, split.beside) == (name, beside)
