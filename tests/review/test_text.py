"""A review as text, line by line."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reports_of_tests import ALL_KINDS, ANY, APP, EMPTY, NEW, UNKNOWN, WIDENED

from passrole_checks.findings import Severity
from passrole_checks.output.findings_text import to_plain_text
from passrole_checks.review.report import GrantedAccess, Item, ReportNote, ReviewReport
from passrole_checks.review.text import review_lines


def text(report: ReviewReport, *, width: int = 100, quiet: bool = False) -> list[str]:
    return ["".join(span.text for span in line).rstrip() for line in review_lines(report, width=width, quiet=quiet)]


def told(item: Item, width: int = 100) -> list[str]:
    return text(replace(EMPTY, items=(item,)), width=width, quiet=True)


def test_order_of_the_sections() -> None:
    """Items come first, then fixed findings, other access changes and notes, and a summary line."""
    lines = text(ALL_KINDS)
    assert [line for line in lines if line[:2] in ("+ ", "! ")] == [
        "! modules/deployer/iam.tf:12  module.deployer.aws_iam_role_policy.deploy  PassToLambda  worse, wider access",
        "+ release/template.yaml:31  ReleasePolicy  new",
        "+ legacy/orders.json:8  OrdersPolicy  PassTaskRole  new",
    ]
    assert lines[-10:] == [
        "- old/iam.tf:3  aws_iam_policy.tags  PASSROLE_004 tag-condition  fixed",
        "Wider access that no check flags:",
        "  ci/iam.tf:31  aws_iam_role_policy.ci  PassToBuild  services lambda.amazonaws.com -> lambda.amazonaws.com, "
        "states.amazonaws.com",
        "- ci/iam.tf:5  aws_iam_role_policy.ci  narrowed",
        "- ci/old.tf:1  aws_iam_role_policy.old  removed",
        "main.tf:40: note: not evaluated: the module registry.example.com/net/vpc is not here",
        ".checkov.yaml: note: this change edits the configuration; the one of main was used",
        "note: there are several merge bases; the best one was taken",
        "",
        "2 new, 1 worse, 1 fixed; 12 unchanged; 2 fail (medium or more)",
    ]


def test_quiet_shows_only_items() -> None:
    """With ``quiet`` only the items are shown."""
    assert text(replace(ALL_KINDS, items=()), quiet=True) == []


def test_changed_access_is_a_diff() -> None:
    """A changed row appears twice, an unchanged one and a removed one once."""
    before: GrantedAccess = replace(APP, conditions=("aws:SourceAccount",))
    lines = told(replace(WIDENED, access=replace(ANY, services=()), before=before))
    assert lines[1:7] == [
        "    who       aws_iam_role.deployer",
        "  - roles     arn:${AWS::Partition}:iam::${AWS::AccountId}:role/app-*",
        "  + roles     * (any role)",
        "  - services  lambda.amazonaws.com",
        "  + services  any service",
        "  - if        aws:SourceAccount",
    ]
    allowing_but = replace(ANY, complement=True, conditions=("aws:SourceAccount",))
    new_rows = told(replace(WIDENED, access=allowing_but, before=APP))
    assert "  + all but   *" in new_rows
    assert "  + if        aws:SourceAccount" in new_rows
    assert told(replace(WIDENED, access=None))[1].startswith("    cause      modules/deployer/variables.tf:4")


@pytest.mark.parametrize(
    ("uses", "expected"), [(("A", "B"), "  also B"), (("A", "B", "C", "D", "E", "F"), "  also B, C, D and 2 more")]
)
def test_other_uses_are_limited(uses: tuple[str, ...], expected: str) -> None:
    """The first other resources are named, and the rest counted."""
    assert told(replace(NEW, resource="A", uses=uses))[1] == expected


def test_a_suggestion_or_advice() -> None:
    """Suggested lines are a diff; advice follows "Instead"."""
    short = told(WIDENED, width=160)
    place = short.index(
        "          Suggestion for modules/deployer/variables.tf:4: takes back the change of the default of var.roles."
    )
    assert short[place + 1 :] == [
        '            - default     = ["*"]',
        '            + default     = ["arn:aws:iam::111122223333:role/app-*"]',
        "",
    ]
    assert "          Suggestion for release/template.yaml:32-34:" in told(NEW)
    assert "          Instead: Find out which role orders-task-role-arn is, and name it in Resource." in told(UNKNOWN)
    with_lines = told(replace(UNKNOWN, advice='Write:\n{"Action": "iam:PassRole"}', cause=None))
    assert with_lines[-2] == '            {"Action": "iam:PassRole"}'
    assert not any("Instead" in line for line in told(replace(UNKNOWN, advice="")))


def test_removed_cause_is_marked() -> None:
    """A removed cause is marked as removed."""
    assert "    cause      modules/deployer/variables.tf:4  (removed)" in told(replace(WIDENED, cause_removed=True))


def test_long_sections_are_limited() -> None:
    """Beyond a limit notes are counted; with --verbose all are listed."""
    notes = tuple(ReportNote("a.tf", number, "x") for number in range(1, 14))
    report = replace(EMPTY, notes=notes)
    assert "3 more notes (--verbose lists them)" in text(report)
    assert "a.tf:13: note: x" in to_plain_text(review_lines(report, width=80, verbose=True))


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (EMPTY, "nothing new; 0 unchanged"),
        (replace(ALL_KINDS, items=(), fixed=()), "nothing new to flag; 12 unchanged"),
        (replace(ALL_KINDS, items=()), "1 fixed, nothing new to flag; 12 unchanged"),
        (replace(EMPTY, items=(NEW,)), "1 new; 0 unchanged; 1 fails (medium or more)"),
        (replace(EMPTY, items=(WIDENED,), fail_on=Severity.HIGH), "1 worse; 0 unchanged; 1 fails (high)"),
        (replace(EMPTY, items=(NEW,), fail_on=None), "1 new; 0 unchanged"),
        (
            replace(EMPTY, unreadable=(ReportNote("a.tf", 1, "x"), ReportNote("a.tf", 2, "y"))),
            "ERROR: 1 file could not be read; results are incomplete; 0 new; 0 unchanged",
        ),
    ],
)
def test_summary_line(report: ReviewReport, expected: str) -> None:
    """The last line counts each kind, the failing items, and says if something could not be read."""
    assert text(report)[-1] == expected
