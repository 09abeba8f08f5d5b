"""One cause is one group of findings, with one primary."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.scan.group_findings import group_findings
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.model.configuration import Suppression

TEMPLATE = """\
Resources:
  Deployer:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: {Effect: Allow, Principal: {AWS: "arn:aws:iam::111122223333:root"}, Action: "sts:AssumeRole"}
  Deploy:
    Type: AWS::IAM::Policy
    Properties:
      Roles: [!Ref Deployer]
      PolicyName: deploy
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: iam:Pass*
            Resource: arn:aws:iam::111122223333:role/app-*
          - Effect: Allow
            Action: iam:PassRole
            Resource: arn:aws:iam::111122223333:user/app-*
"""
CHECKS = [f"PASSROLE_0{number:02}" for number in range(1, 18)]
GROUPED = {
    f"PASSROLE_{number}" for number in ("001", "002", "003", "004", "006", "007", "008", "009", "013", "014", "016")
}


@functools.cache
def scan() -> ScanResult:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "iam.yaml")
        path.write_text(TEMPLATE, "utf-8")
        return scan_paths([path], ScanOptions(minimum_severity=Severity.INFO))


def groups_of(findings: tuple[Finding, ...]) -> dict[str, list[Finding]]:
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.group, []).append(finding)
    return groups


def check_groups(findings: tuple[Finding, ...]) -> None:
    """Assert what is true of every group: one statement, one primary, the most severe one, and one side of
    suppressions."""
    for group, members in groups_of(findings).items():
        (primary,) = (finding for finding in members if finding.primary)
        assert primary.fingerprint == group
        assert (primary.severity.rank, primary.confidence.rank) == max(
            (finding.severity.rank, finding.confidence.rank) for finding in members
        )
        assert len({(finding.at, finding.framework, finding.suppressed is None) for finding in members}) == 1
        assert len(members) == 1 or {finding.check_id for finding in members} <= GROUPED


def test_checks_on_one_statement_are_one_group() -> None:
    """Checks of access on one statement are a group; a check of correctness is alone, as is another statement."""
    check_groups(scan().findings)
    groups = {frozenset(one.check_id for one in members) for members in groups_of(scan().findings).values()}
    assert {"PASSROLE_002", "PASSROLE_007"} in groups
    assert {"PASSROLE_010"} in groups


def test_primary_follows_selection_and_suppression() -> None:
    """If the primary is suppressed or not selected, the next finding is primary."""
    primary = next(finding for finding in scan().findings if finding.primary and finding.check_id in GROUPED)
    others = tuple(one for one in scan().findings if one is not primary)
    suppression = Suppression(primary.check_id, "reason", primary.at, "comment")
    suppressed = (*others, replace(primary, suppressed=suppression))
    for findings in (group_findings(others), group_findings(suppressed)):
        check_groups(findings)
        at_statement = [one for one in findings if one.at == primary.at and one.suppressed is None and one.primary]
        assert any(one.group != primary.group and one.check_id in GROUPED for one in at_statement)


@given(data=st.data())
@settings(max_examples=examples(300))
def test_every_group_has_one_primary(data: st.DataObject) -> None:
    """Each group of any findings has one primary, also after some are left out, and grouping again changes
    nothing."""
    first = replace(scan().findings[0], group="", primary=True)
    suppression = Suppression("PASSROLE_001", "reason", first.at, "comment")
    rows = st.tuples(
        st.sampled_from(CHECKS),
        st.sampled_from(Severity),
        st.sampled_from(Confidence),
        st.lists(st.sampled_from("abcd"), max_size=2),
        st.sampled_from([1, 2]),
        st.booleans(),
    )
    findings = tuple(
        replace(
            first,
            check_id=check,
            severity=severity,
            confidence=confidence,
            principals=tuple(principals),
            at=replace(first.at, line=line),
            suppressed=suppression if is_suppressed else None,
            fingerprint=str(number),
        )
        for number, (check, severity, confidence, principals, line, is_suppressed) in enumerate(
            data.draw(st.lists(rows, max_size=12))
        )
    )
    grouped = group_findings(findings)
    check_groups(grouped)
    assert [replace(one, group="", primary=True) for one in grouped] == list(findings)
    assert group_findings(grouped) == grouped
    kept = data.draw(st.lists(st.booleans(), min_size=len(grouped), max_size=len(grouped)))
    check_groups(group_findings(one for one, is_kept in zip(grouped, kept, strict=True) if is_kept))
    for one in grouped:
        for other in grouped:
            if {one.check_id, other.check_id} <= GROUPED and one.at == other.at and not one.suppressed:
                overlap = not (one.principals and other.principals) or not set(one.principals).isdisjoint(
                    other.principals
                )
                assert not overlap or other.suppressed or one.group == other.group


def test_statements_at_one_position_are_apart(tmp_path: Path) -> None:
    """Statements of a JSON text of unknown layout share a position, and are different groups."""
    statements = ", ".join(
        f'{{"Effect": "Allow", "Action": "iam:Pass*", "Resource": "arn:aws:iam::111122223333:role/{name}-*"}}'
        for name in ("a", "b")
    )
    document = f'{{"Version": "2012-10-17", "Statement": [{statements}]}}'.replace('"', '\\"')
    (tmp_path / "main.tf").write_text(f'resource "aws_iam_policy" "p" {{\n  policy = "{document}"\n}}\n', "utf-8")
    findings = scan_paths([tmp_path], ScanOptions()).findings
    check_groups(findings)
    assert len(groups_of(findings)) == 2
    assert {len(members) for members in groups_of(findings).values()} == {2}
