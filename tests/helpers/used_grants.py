"""Grants in templates, and edges of logs that go by them, for the tests of what tells both."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from passrole_checks.cloudtrail import Edge, LogSummary, RequestOutcome, UsageQuery
from passrole_checks.cloudtrail.grant_usage import match_grants
from passrole_checks.cloudtrail.report import UsageReport
from passrole_checks.scan.scanner import ScanOptions, ScanResult, read_paths, scan_configurations

ACCOUNT = "111122223333"
ARN = f"arn:aws:iam::{ACCOUNT}:role/"
LAMBDA, EC2 = "lambda.amazonaws.com", "ec2.amazonaws.com"


def edge(
    role: str = f"{ARN}app",
    *services: str,
    principal: str = f"{ARN}deploy",
    passed: int = 1,
    denied: int = 0,
    last: str = "2026-03-02T00:00:00Z",
) -> Edge:
    """An edge of some requests, by default of one by ``deploy`` that passed ``app`` to Lambda."""
    names = services or (LAMBDA,)
    counts = Counter({RequestOutcome.PASSED: passed, RequestOutcome.DENIED: denied})
    made = Edge(principal, role, "", names, names[0], counts, "2026-03-01T00:00:00Z", last)
    made.accounts.add(ACCOUNT)
    return made


def statement(resource: Any = f"{ARN}app", *services: str, **more: Any) -> dict[str, Any]:
    """A statement that allows passing, to Lambda where nothing else is said."""
    condition = {"StringEquals": {"iam:PassedToService": list(services or (LAMBDA,))}}
    return {"Effect": "Allow", "Action": "iam:PassRole", "Resource": resource, "Condition": condition, **more}


def role(name: str, *statements: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    """A role of a template with a policy of its own."""
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    policies = [{"PolicyName": "p", "PolicyDocument": document}] if statements else []
    trust = {"AssumeRolePolicyDocument": {"Statement": []}}
    return {"Type": "AWS::IAM::Role", "Properties": {"RoleName": name, **trust, "Policies": policies, **properties}}


def policy(*statements: Mapping[str, Any], **properties: Any) -> dict[str, Any]:
    """A managed policy of a template."""
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document, **properties}}


def reported(
    folder: Path, resources: Mapping[str, Any], *edges: Edge, events: int = 5
) -> tuple[UsageReport, ScanResult]:
    """Return the usage report of edges on a template with these resources, and the scan result of that template."""
    (folder / "t.json").write_text(
        json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}, indent=1), "utf-8"
    )
    options = ScanOptions(account=ACCOUNT)
    units = [one for _, one in read_paths([folder / "t.json"], options).units]
    reading = LogSummary(files=1, events=events)
    if events:
        reading.first, reading.last = "2026-03-01T08:30:00Z", "2026-03-09T16:00:00Z"
    report = UsageReport(edges, reading, UsageQuery(), against=match_grants(edges, units, ACCOUNT))
    return report, scan_configurations(units, options)
