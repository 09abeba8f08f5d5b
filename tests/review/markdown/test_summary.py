"""The summary: its contents and its length."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest
from reports_of_tests import ALL_KINDS, BASE, EMPTY, HEAD, LINKS, NEW, UNKNOWN, WIDENED

from passrole_checks.findings import Severity
from passrole_checks.git_versions.forge_links import Links
from passrole_checks.review.markdown.summary import BUDGET, STEP_SUMMARY_BUDGET, summary
from passrole_checks.review.markdown.words import utf16_length
from passrole_checks.review.report import GrantedAccess, Location, ReportNote, ReviewReport

EMOJI = "\U0001f600"
HOSTILE = {
    "emoji": EMOJI * 3_000,
    "backticks": "`" * 3_000,
    "bars": "|" * 3_000,
    "mentions": "a @b #1 " * 500,
    "escapes": "\x1b" * 3_000,
    "comments": "<!--" * 900,
    "ampersands": "&" * 3_000,
}


def many(name: str, number: int) -> ReviewReport:
    """A report of very many items, and of everything else, with one name everywhere."""
    access = GrantedAccess((name,) * 9, (name,) * 9, "prefix", False, "exact", (name,) * 9, (name,) * 9)
    remark = replace(NEW.remarks[0], check_id=name, name=name, message=name, remediation=name)
    item = replace(
        NEW,
        resource=name,
        uses=(name,) * 9,
        at=Location(name, 1, 2),
        cause=Location(name, 1, 1),
        remarks=(remark,) * 5,
        access=access,
        before=replace(access, services=(name[1:],)),
        replacement=None,
        advice=f"{name}\n{name}",
    )
    severities = (Severity.LOW, Severity.HIGH)
    items = tuple(replace(item, key=str(key), severity=severities[key % 2]) for key in range(number))
    notes = (ReportNote(name, 3, name),) * number
    return replace(
        ALL_KINDS,
        tool=name,
        base_name=name,
        head_name=name,
        items=items,
        fixed=tuple(replace(one, name=name, at=Location(name, 1, 2)) for one in ALL_KINDS.fixed * number),
        less=tuple(replace(one, before=access, after=access) for one in ALL_KINDS.less * number),
        unreadable=notes,
        not_evaluated=notes,
        notes=notes,
    )


def balanced(page: str) -> bool:
    outside = re.sub(r"(?ms)^(`{3,}).*?^\1$", "", page)
    return len(re.findall("^<details", outside, re.MULTILINE)) == outside.count("</details>")


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("budget", [BUDGET, 4_000, 1_000, 100])
def test_summary_fits_its_budget(name: str, budget: int) -> None:
    """With hundreds of items, notes and very long names the summary is within its budget, and its elements are
    balanced."""
    page = summary(many(name, 300), LINKS, budget=budget)
    assert utf16_length(page) <= budget
    assert balanced(page)
    assert page.startswith("## iam:PassRole: ") or budget == 100


def test_ten_thousand_items_are_rendered_quickly() -> None:
    """Only items that fit are rendered, so that ten thousand take about a second."""
    report = many("a name", 10_000)
    started = time.process_time()
    page = summary(report, LINKS)
    assert time.process_time() - started < 10
    assert utf16_length(page) <= BUDGET
    left_out = re.search(r"^\*\*(\d+) more\*\* omitted for length: (\d+) high, 5000 low\.", page, re.MULTILINE)
    assert left_out is not None
    assert page.count("<b>high</b>") == 10_000 - int(left_out[1]) == 5_000 - int(left_out[2])
    assert "<b>low</b>" not in page
    assert f"[The run]({LINKS.run}) lists them." in page


def test_step_summary_fits_in_bytes() -> None:
    """The budget of a step summary keeps it below 1 MiB in any script."""
    report = many("配" * 200, 3_000)
    page = summary(report, LINKS, budget=STEP_SUMMARY_BUDGET)
    assert len(page.encode()) <= 1_048_576
    assert utf16_length(page) > STEP_SUMMARY_BUDGET // 2


def test_items_are_sorted_by_severity() -> None:
    """Items are sorted by severity, whatever their order in the report."""
    page = summary(replace(ALL_KINDS, items=(UNKNOWN, NEW, WIDENED)), LINKS)
    assert re.findall(r"<summary><b>(\w+)</b>", page) == ["high", "medium", "low"]
    assert page == summary(ALL_KINDS, LINKS)


def test_without_a_forge_there_are_no_links() -> None:
    """Without a forge locations are written in full, without links."""
    page = summary(replace(ALL_KINDS, items=(NEW,)), Links())
    assert "](" not in page
    assert "`release/template.yaml:31`" in page


def test_removed_lines_are_linked_in_base() -> None:
    """Fixed and removed statements are linked in BASE, present ones in HEAD."""
    item = replace(NEW, cause=Location("v.tf", 2, 2), cause_removed=True)
    page = summary(replace(ALL_KINDS, items=(item,)), LINKS)
    assert f"cause: [`v.tf:2`](https://github.com/acme/infra/blob/{BASE}/v.tf#L2) (removed)" in page
    assert f"[`old/iam.tf:3`](https://github.com/acme/infra/blob/{BASE}/old/iam.tf#L3-L9)" in page
    assert f"[`ci/old.tf:1`](https://github.com/acme/infra/blob/{BASE}/ci/old.tf#L1-L4)" in page
    assert f"[`ci/iam.tf:5`](https://github.com/acme/infra/blob/{HEAD}/ci/iam.tf#L5-L9)" in page


def test_lost_line_comments_are_counted() -> None:
    """The summary counts the items whose line comments could not be posted."""
    page = summary(ALL_KINDS, LINKS, not_inline=[NEW.key, UNKNOWN.key, "of another report"])
    assert "\n2 of these could not be posted as line comments: see below.\n" in page


def test_statement_without_access_names_the_earlier_access() -> None:
    """An item about a statement that grants nothing names what it granted before."""
    page = summary(replace(EMPTY, items=(replace(NEW, access=None, before=NEW.access, change=""),)), LINKS)
    assert "| `ReleaseRole` | nothing |  |" in page
    assert "Before this change `ReleaseRole` could pass `release-*` to **any service**." in page
    page = summary(replace(EMPTY, items=(replace(NEW, access=None),)), LINKS)
    assert "| any principal with `ReleasePolicy` | nothing |  |" in page


def test_lost_line_comments_are_omitted_last() -> None:
    """Items without a line comment come first among equals, since only the summary contains them."""
    items = tuple(replace(NEW, key=str(key), resource=f"policy-{key}") for key in range(500))
    page = summary(replace(EMPTY, items=items), LINKS, not_inline=["499"])
    assert re.findall("<code>(policy-[0-9]+)</code>", page)[:2] == ["policy-499", "policy-0"]
