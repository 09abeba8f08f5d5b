"""A review shows the primary remark of a cause in full, and the others in one line each."""

from __future__ import annotations

from reviews_of_tests import APP, OPEN, Reviews, policy

from passrole_checks.review.annotations import workflow_commands
from passrole_checks.review.markdown.item import remark_lines
from passrole_checks.review.text import review_lines

WIDE = OPEN.replace("iam:PassRole", "iam:Pass*")


def test_remarks_on_one_cause_have_one_primary(repository: Reviews) -> None:
    """Of the findings of one cause, the primary one has its remediation, and the other one is a line."""
    report = repository.between({"main.tf": policy(APP)}, {"main.tf": policy(APP, WIDE)}).report
    (item,) = report.items
    assert {remark.check_id[-3:]: remark.primary for remark in item.remarks} == {"015": True, "002": True, "007": False}
    assert item.remarks[-1].check_id == "PASSROLE_007"
    remediation = item.remarks[2].remediation
    lines = ["".join(span.text for span in line) for line in review_lines(report, width=80)]
    assert sum(line.startswith("          + PASSROLE_007 implicit-grant (low): ") for line in lines) == 1
    shown = list(remark_lines(item))
    assert [("`PASSROLE_002" in line, "`PASSROLE_007" in line) for line in shown] == [(True, False), (False, True)]
    assert "Instead:" not in shown[1]
    assert "+ PASSROLE_007 implicit-grant (low): " in workflow_commands(report)
    assert remediation not in workflow_commands(report)


def test_remark_is_primary_if_the_more_severe_one_is_not_new(repository: Reviews) -> None:
    """If BASE has the primary finding too, the next one is primary: it is the only one that is shown."""
    report = repository.between({"main.tf": policy(OPEN)}, {"main.tf": policy(WIDE)}).report
    (item,) = report.items
    assert [(remark.check_id[-3:], remark.primary) for remark in item.remarks] == [("007", True)]
