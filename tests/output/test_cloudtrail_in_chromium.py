"""The page of ``trail --against`` in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contrast import CONTRAST
from used_grants import ARN, EC2, edge, reported, role, statement

from passrole_checks.cloudtrail import Edge
from passrole_checks.output.cloudtrail_page import trail_page

HOSTILE = "</script><script>document.title='taken'</script><img src='http://127.0.0.1:9/x'>"
SAMPLE = {
    "Deploy": role("deploy", statement([f"{ARN}app", f"{ARN}old"]), statement("*", EC2)),
    "Build": role("build", statement({"Ref": "Which"})),
}
PASSES = (edge(passed=1_200, denied=2), edge(principal=f"{ARN}build", last="2026-03-05T00:00:00Z"))

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Return a function that writes the page of a template and some edges."""
    monkeypatch.chdir(tmp_path)

    def written(resources: dict[str, Any] = SAMPLE, edges: tuple[Edge, ...] = PASSES) -> Path:
        report, result = reported(tmp_path, resources, *edges)
        assert report.against is not None
        (tmp_path / "page.html").write_text(trail_page(report, report.against, result), "ascii")
        return tmp_path / "page.html"

    return written


def lines(page: Any) -> dict[str, tuple[str, str]]:
    """Return the class and the usage text of each drawn line."""
    found: list[list[str]] = page.value(
        "[...document.querySelectorAll('.edge:not(.then)')].map((one) =>"
        " [one.getAttribute('aria-label'), one.querySelector('.line').getAttribute('class')])"
    )
    return {label.partition(":")[0]: (style.split()[1], label.partition("; ")[2]) for label, style in found}


def untick(page: Any, *values: str) -> None:
    """Uncheck filter boxes: used, possibly used, never used."""
    for value in values:
        page.click(f"document.querySelector('[name=use][value={value}]')")


def test_lines_show_their_use(browser: Any, make: Make) -> None:
    """Used, possibly used and unused lines are drawn differently, with counts and the last day."""
    file = make()
    page = browser.open(file)
    used, never = "used 1,200 times, last 2026-03-02, denied 2 times", "never used in these logs"
    perhaps = "possibly used once, last 2026-03-05"
    assert lines(page) == {
        "Deploy \u2192 app": ("used", used),
        "Deploy \u2192 old": ("unused", never),
        "Deploy \u2192 ec2.amazonaws.com": ("unused", never),  # any role
        "Build \u2192 Which": ("perhaps", perhaps),
        "app \u2192 lambda.amazonaws.com": ("used", used),
        "old \u2192 lambda.amazonaws.com": ("unused", never),
        "Which \u2192 lambda.amazonaws.com": ("perhaps", perhaps),
    }
    width = "getComputedStyle(document.querySelector('.edge .line.{}')).strokeWidth"
    assert [page.value(width.format(state)) for state in ("used", "perhaps", "unused")] == ["4px", "2.5px", "1.5px"]
    idle = "[...document.querySelectorAll('.node.idle')].map((one) => one.getAttribute('aria-label').split(',')[0])"
    assert page.value(idle) == [f"Role: {ARN}old", "Service: ec2.amazonaws.com"]
    assert page.complaints() == []
    assert page.requests() == [file.as_uri()]


def test_usage_filter_narrows_the_graph(browser: Any, make: Make) -> None:
    """The filter applies to lines, boxes and statements; only the matching part of a statement is drawn."""
    page = browser.open(make())
    matched = "document.querySelector('.matched').textContent"
    untick(page, "used", "perhaps")
    assert sorted(lines(page)) == [
        "Deploy \u2192 ec2.amazonaws.com", "Deploy \u2192 old",
        "old \u2192 lambda.amazonaws.com",
    ]  # fmt: skip
    assert page.value(matched) == "2 of 3 statements"
    page.click("document.querySelector('[name=clear]')")
    assert page.value(matched) == "3 statements"
    untick(page, "unused", "perhaps")
    assert sorted(lines(page)) == ["Deploy \u2192 app", "app \u2192 lambda.amazonaws.com"]
    untick(page, "used")
    assert (lines(page), page.value(matched)) == ({}, "0 of 3 statements")


def test_line_details_list_each_pass(browser: Any, make: Make) -> None:
    """By keyboard: from a box to its line, and to the statement with who passed what, how often and when."""
    page = browser.open(make())
    here = "document.activeElement.getAttribute('aria-label')"
    page.value("document.querySelector('[name=save]').focus()")
    page.press("Tab")
    assert page.value(here).startswith("Who: Deploy")
    page.press("ArrowRight")
    while not page.value(here).startswith("Deploy \u2192 app"):
        page.press("ArrowDown")
    page.press("Enter")
    passes = page.value("document.querySelector('.panel .uses').textContent")
    assert passes == (
        f"{ARN}deploy \u2192 {ARN}app \u2192 lambda.amazonaws.com:"
        " passed 1,200 times, 2026-03-01 00:00 to 2026-03-02 00:00; denied 2 times"
    )


def test_tables_work_without_javascript(browser: Any, make: Make) -> None:
    """The page has the statements with their use, and all passes."""
    page = browser.open(make(), scripts=False)
    page.call("Emulation.setScriptExecutionDisabled", value=False)  # for the questions of this test
    assert page.value("[...document.querySelectorAll('#statements tr .badge.used, #passes tbody')].length") == 3
    assert page.value("document.querySelector('.stage').getClientRects().length") == 0


def test_hostile_names_execute_nothing(browser: Any, make: Make) -> None:
    """Names from logs and configuration are shown as text."""
    hostile = edge(f"{ARN}{HOSTILE}", HOSTILE), edge(f"{ARN}{HOSTILE}", HOSTILE, principal=HOSTILE)
    file = make({"Deploy": role("deploy", statement(f"{ARN}*", Sid=HOSTILE, Condition={}))}, hostile)
    page = browser.open(file)
    assert page.value("[...document.querySelectorAll('.pill.used')].length") == 2  # any role, any service
    page.click("document.querySelector('.node')")
    assert page.value("document.title") == "Granted and observed PassRole access"
    assert page.complaints() == []
    assert page.requests() == [file.as_uri()]


def test_grouped_links_combine_the_use_of_their_parts(browser: Any, make: Make) -> None:
    """A hundred grouped grants with two thousand edges."""
    resources = {f"R{number:03}": role(f"r{number}", statement(f"{ARN}r{number}-*")) for number in range(100)}
    edges = [edge(f"{ARN}r{number % 50}-{number}", principal=f"{ARN}r{number % 50}") for number in range(2_000)]
    page = browser.open(make(resources, tuple(edges)))
    assert [used for used, _ in lines(page).values()] == ["used", "used"]
    assert all(use == "used 2,000 times, last 2026-03-02" for _, use in lines(page).values())
    untick(page, "used", "perhaps")
    assert page.value("document.querySelector('.matched').textContent") == "50 of 100 statements"


@pytest.mark.parametrize("dark", [False, True])
def test_page_is_responsive_and_has_contrast(browser: Any, make: Make, dark: bool) -> None:
    """On a small screen only the graph scrolls sideways, and contrast is sufficient in both color schemes."""
    page = browser.open(make(), width=360, dark=dark)
    assert page.value("document.documentElement.scrollWidth <= innerWidth")
    assert page.value(CONTRAST) >= 4.5
