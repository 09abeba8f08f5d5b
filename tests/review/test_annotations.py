"""Reports as annotations."""

from __future__ import annotations

from dataclasses import replace

from reports_of_tests import ALL_KINDS, EMPTY, NEW, UNKNOWN, WIDENED

from passrole_checks.findings import Severity
from passrole_checks.review.annotations import check_run_annotations, workflow_commands
from passrole_checks.review.report import ReportNote

UNREAD = ReportNote("broken.tf", 3, "a } is missing")


def test_workflow_commands_are_sorted() -> None:
    """Unreadable input comes first, then the items, worst first, each at its changed line."""
    report = replace(ALL_KINDS, items=(UNKNOWN, NEW), unreadable=(UNREAD,))
    assert workflow_commands(report) == (
        "::error file=broken.tf,line=3,title=iam%3APassRole%3A could not be read::a } is missing\n"
        "::warning file=release/template.yaml,line=31,endLine=34,title=PASSROLE_002 any-service (medium%2C new)::"
        "ReleasePolicy: arn:${AWS::Partition}:iam::${AWS::AccountId}:role/release-* can be passed to any service: "
        "no condition on iam:PassedToService.%0A"
        "Suggested change: Names the service that this configuration passes these roles to.\n"
        "::notice file=legacy/orders.json,line=8,title=PASSROLE_014 unresolved (low%2C new)::OrdersPolicy: Which roles "
        "can be passed cannot be told before deployment: it depends on Fn::ImportValue orders-task-role-arn (exported "
        "by another stack).%0AInstead: Find out which role orders-task-role-arn is, and name it in Resource.\n"
    )


def test_annotation_at_a_cause_names_the_statement() -> None:
    """An annotation at the cause names the statement that it is about."""
    (command,) = workflow_commands(replace(EMPTY, items=(WIDENED,))).splitlines()
    assert command.startswith("::error file=modules/deployer/variables.tf,line=4,title=PASSROLE_008")
    assert (
        "::This changes what module.deployer.aws_iam_role_policy.deploy grants in modules/deployer/iam.tf:12.%0A"
        in command
    )


def test_ten_annotations_of_each_level() -> None:
    """Ten annotations of each level are written, and the others counted."""
    items = [
        replace(WIDENED, severity=one) for one in (Severity.LOW, Severity.MEDIUM, Severity.HIGH) for _ in range(12)
    ]
    lines = workflow_commands(replace(EMPTY, items=tuple(items))).splitlines()
    kinds = [line.split(" ")[0] for line in lines]
    assert kinds == ["::error"] * 10 + ["::warning"] * 10 + ["::notice"] * 10 + ["6"]
    assert lines[-1] == "6 more without an annotation: 2 errors, 2 warnings, 2 notices"


def test_clean_report_has_no_annotations() -> None:
    """A report without items and with everything read has no annotations."""
    assert workflow_commands(EMPTY) == ""
    assert check_run_annotations(EMPTY) == []


def test_check_run_annotations_come_in_portions_of_fifty() -> None:
    """All annotations are written, 50 per request, without notes that have no file."""
    report = replace(EMPTY, items=(NEW,) * 120, unreadable=(UNREAD, ReportNote("", 0, "no merge base")))
    parts = check_run_annotations(report)
    assert [len(part) for part in parts] == [50, 50, 21]
    assert parts[0][0] == {
        "path": "broken.tf",
        "start_line": 3,
        "end_line": 3,
        "annotation_level": "failure",
        "title": "iam:PassRole: could not be read",
        "message": "a } is missing",
    }
    assert (parts[0][1]["start_line"], parts[0][1]["end_line"]) == (31, 34)
    assert parts[0][1]["annotation_level"] == "warning"


def test_long_texts_are_cut() -> None:
    """A title has at most 255 characters and a message at most 65,536."""
    remark = replace(NEW.remarks[0], name="n" * 500, message="m" * 90_000)
    ((one,),) = check_run_annotations(replace(EMPTY, items=(replace(NEW, remarks=(remark,) * 30),)))
    assert len(one["title"]) <= 255
    assert len(one["message"]) <= 65_536


def test_hostile_names_are_no_commands() -> None:
    """A line break or command in a name starts no command."""
    item = replace(NEW, resource="a\n::set-output name=x::y", at=replace(NEW.at, file="a,line=9::b\n.tf"), anchor=None)
    (command,) = workflow_commands(replace(EMPTY, items=(item,))).splitlines()
    assert command.startswith("::warning file=a%2Cline=9%3A%3Ab\\x0a.tf,line=31,endLine=34,title=")
    assert "\n" not in command
    assert "\n::" not in command.replace("%0A", "\n")
