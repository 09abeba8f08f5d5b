"""The summary: what is in it, and that it fits."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest
from reports_of_tests import ALL_KINDS, BASE, EMPTY, HEAD, LINKS, NEW, UNKNOWN, WIDENED

from passrole_checks.findings import Severity
from passrole_checks.review.markdown.links import Links
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
def test_it_fits_whatever_the_names_are(name: str, budget: int) -> None:
    """With hundreds of items, notes and names of thousands of characters the summary is within its budget, and each
    part that is opened in it is closed."""
    page = summary(many(name, 300), LINKS, budget=budget)
    assert utf16_length(page) <= budget
    assert balanced(page)
    assert page.startswith("## iam:PassRole: ") or budget == 100


def test_ten_thousand_items() -> None:
    """Ten thousand items are told in a second or so: only those are written for which there is room."""
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


def test_the_summary_of_a_step_fits_in_bytes() -> None:
    """The budget for the summary of a step keeps it below 1 MiB, whatever the characters are."""
    report = many("配" * 200, 3_000)
    page = summary(report, LINKS, budget=STEP_SUMMARY_BUDGET)
    assert len(page.encode()) <= 1_048_576
    assert utf16_length(page) > STEP_SUMMARY_BUDGET // 2


def test_the_worst_come_first() -> None:
    """Items are told from the most severe on, in whatever order they come."""
    page = summary(replace(ALL_KINDS, items=(UNKNOWN, NEW, WIDENED)), LINKS)
    assert re.findall(r"<summary><b>(\w+)</b>", page) == ["high", "medium", "low"]
    assert page == summary(ALL_KINDS, LINKS)


def test_nothing_to_link_to() -> None:
    """Without a forge the places stand there in full, and nothing is a link."""
    page = summary(replace(ALL_KINDS, items=(NEW,)), Links())
    assert "](" not in page
    assert "`release/template.yaml:31`" in page


def test_what_is_gone_is_linked_in_base() -> None:
    """What is fixed or removed is linked where it was, what is there where it is."""
    item = replace(NEW, cause=Location("v.tf", 2, 2), cause_removed=True)
    page = summary(replace(ALL_KINDS, items=(item,)), LINKS)
    assert f"cause: [`v.tf:2`](https://github.com/acme/infra/blob/{BASE}/v.tf#L2) (removed)" in page
    assert f"[`old/iam.tf:3`](https://github.com/acme/infra/blob/{BASE}/old/iam.tf#L3-L9)" in page
    assert f"[`ci/old.tf:1`](https://github.com/acme/infra/blob/{BASE}/ci/old.tf#L1-L4)" in page
    assert f"[`ci/iam.tf:5`](https://github.com/acme/infra/blob/{HEAD}/ci/iam.tf#L5-L9)" in page


def test_items_that_could_not_be_commented_on_are_counted() -> None:
    """It is said how many of the items of this report have no comment at their lines though they should."""
    page = summary(ALL_KINDS, LINKS, not_inline=[NEW.key, UNKNOWN.key, "of another report"])
    assert "\n2 of these could not be posted as line comments: see below.\n" in page


def test_a_statement_that_grants_nothing() -> None:
    """An item about a statement that grants nothing says so, and what it granted before."""
    page = summary(replace(EMPTY, items=(replace(NEW, access=None, before=NEW.access, change=""),)), LINKS)
    assert "| `ReleaseRole` | nothing |  |" in page
    assert "Before this change `ReleaseRole` could pass `release-*` to **any service**." in page
    page = summary(replace(EMPTY, items=(replace(NEW, access=None),)), LINKS)
    assert "| any principal with `ReleasePolicy` | nothing |  |" in page


def test_items_without_a_comment_are_cut_last() -> None:
    """Among equals those that have no comment at their lines come first: this is the only place that tells of them."""
    items = tuple(replace(NEW, key=str(key), resource=f"policy-{key}") for key in range(500))
    page = summary(replace(EMPTY, items=items), LINKS, not_inline=["499"])
    assert re.findall("<code>(policy-[0-9]+)</code>", page)[:2] == ["policy-499", "policy-0"]
