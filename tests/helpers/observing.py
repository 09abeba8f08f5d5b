"""Suggestions for files that a test writes, by passes that a test makes up."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from passrole_checks.cli.observed_use import Logs
from passrole_checks.cloudtrail import Bounds, Edge, LogSummary, RequestOutcome, UsageQuery
from passrole_checks.cloudtrail.report import UsageReport
from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ReadPaths, ScanOptions, read_paths, scan_configurations
from passrole_checks.suggest.edits import edits_for
from passrole_checks.suggest.observed_use import Evidence
from passrole_checks.suggest.suggest import Editor, Session

ACCOUNT = "111122223333"
ARN = f"arn:aws:iam::{ACCOUNT}:role/"
BOT = f"arn:aws:iam::{ACCOUNT}:user/bot"
LAMBDA, ECS = "lambda.amazonaws.com", "ecs-tasks.amazonaws.com"
SINCE, UNTIL = "2026-01-01T08:00:00Z", "2026-04-30T08:00:00Z"


def edge(
    role: str,
    *services: str,
    who: str = BOT,
    times: int = 1,
    outcome: RequestOutcome = RequestOutcome.PASSED,
    profile: str = "",
) -> Edge:
    """Return an edge: a principal passes a role, by its ARN or name, or an instance profile; to Lambda by default."""
    names = services if services else (LAMBDA,)
    names = () if names == ("",) else names
    made = Edge(who, role, profile, names, "", Counter({outcome: times}), SINCE, "2026-03-02T00:00:00Z")
    found = who.split(":")
    made.accounts.add(found[4] if len(found) > 4 and found[4] else ACCOUNT)
    return made


def logs(*edges: Edge, grouped: bool = False) -> Logs:
    """The logs that tell this."""
    reading = LogSummary(files=1, events=9, no_parameters=2, first=SINCE, last=UNTIL)
    return Logs(UsageReport(edges, reading, UsageQuery(Bounds())), grouped)


def evidence(read: ReadPaths, *edges: Edge, grouped: bool = False, account: str | None = None) -> Evidence:
    """Return the evidence from edges about configurations that were read."""
    return logs(*edges, grouped=grouped).find_evidence(
        [configuration for _, configuration in read.units], ScanOptions(account=account)
    )


def narrowed(
    folder: Path,
    files: Mapping[str, str],
    *edges: Edge,
    grouped: bool = False,
    account: str | None = None,
    checks: Collection[str] = (),
    edit: Editor = edits_for,
) -> Session:
    """Scan these files, and suggest something by what was passed."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode("utf-8"))
    options = ScanOptions(minimum_severity=Severity.LOW, account=account, checks=frozenset(checks))
    read = read_paths([folder], options)
    assert read.unreadable == ()
    result = scan_configurations([configuration for _, configuration in read.units], options)
    known = evidence(read, *edges, grouped=grouped, account=account)
    return Session(read, result.findings, options, edit=edit, evidence=known)


def added(found: Session) -> list[str]:
    """The lines that all that is suggested would add, without what they begin and end with."""
    lines = []
    for file, text in found.combine().changed.items():
        before = Path(file).read_bytes().decode("utf-8")
        differing = difflib.ndiff(before.split("\n"), text.split("\n"))
        lines += [line[2:].strip().rstrip(",") for line in differing if line.startswith("+ ")]
    return lines
