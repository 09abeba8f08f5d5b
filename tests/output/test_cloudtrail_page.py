"""The text of the page of ``trail --against``: grants with observed use, and hostile names that stay text."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from html_pages import Elements, drawn
from used_grants import ARN, EC2, LAMBDA, edge, reported, role, statement

from passrole_checks.cloudtrail import Bounds, Edge, UnreadableLog, UsageQuery
from passrole_checks.output.cloudtrail import trail_lines
from passrole_checks.output.cloudtrail_markdown import trail_markdown
from passrole_checks.output.cloudtrail_page import trail_page
from passrole_checks.output.findings_text import to_plain_text
from passrole_checks.output.grants_html import grants_html

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>'\"&"
DEPLOY = {
    "Deploy": role(
        "deploy", statement(Sid="Used"), statement(f"{ARN}b*", EC2, Sid="Never"), statement({"Ref": "W"}, Sid="May")
    )
}


def page(folder: Path, *edges: Edge, resources: dict[str, Any] | None = None, events: int = 5, **changes: Any) -> str:
    """Return the page of a template and some edges."""
    report, result = reported(folder, DEPLOY if resources is None else resources, *edges, events=events)
    assert report.against is not None
    return trail_page(replace(report, **changes), report.against, result)


def words(text: str) -> str:
    """Return the text of a page on one line."""
    return " ".join(Elements(text).text.split())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_page_shows_observed_use(tmp_path: Path) -> None:
    """For each statement: whether, how often and when last it was used, and each pass; also the time window, and other
    principals."""
    stranger = edge(principal=f"{ARN}stranger")
    text = words(page(tmp_path, edge(passed=12, denied=3), edge(f"{ARN}elsewhere", EC2), stranger))
    for expected in (
        "In the logs: 14 passes of 2 roles by 2 principals, 3 denied",
        "5 events in 1 file, from 2026-03-01 08:30 to 2026-03-09 16:00 UTC (9 days)",
        "used 12 times, last 2026-03-02",
        f"{ARN}deploy \u2192 {ARN}app \u2192 {LAMBDA}: passed 12 times",
        "no pass in these logs",
        "possibly 12 times, last 2026-03-02",
        "denied 3 times",
        "Principals not defined in this code (1)",
        "Denied (1)",
        "All passes (3)",
        "PASSROLE_014",
    ):
        assert expected in text, expected
    assert text.count("no pass in these logs") == 1


def test_script_data_has_links_and_states(tmp_path: Path) -> None:
    """For each statement the used links and their states; the passes with their counts."""
    text = page(tmp_path, edge(passed=12, denied=3))
    found = drawn(text)
    assert found["passes"] == [[12, "2026-03-02", 3]]
    states = [(entry["e"], entry["x"], bool(entry["u"])) for entry in found["entries"]]
    assert states == [("allow", ["used"], True), ("allow", ["unused"], False), ("allow", ["perhaps"], True)]
    assert [label["value"] for _, label in Elements(text).found if label.get("name") == "use"] == [
        "used", "perhaps", "unused",
    ]  # fmt: skip


def test_used_grants_and_counters_come_first(tmp_path: Path) -> None:
    """The counts of grants by use, of denied passes and of those that the code does not explain are on top; in the
    table, used grants come first."""
    stranger = edge(principal=f"{ARN}stranger", passed=4)
    text = page(tmp_path, edge(passed=12, denied=3), edge(f"{ARN}elsewhere", EC2), stranger)
    counters = "1 used 1 possibly used 1 never used 3 denied 4 by unknown principals 1 not granted here"
    assert counters in words(text.partition("<main>")[0])
    rows = re.findall(r'<tr id="g\d+".*', text)
    assert ["badge used" in row for row in rows] == [True, False, False]
    assert ["badge perhaps" in row for row in rows] == [False, True, False]
    head = [label for tag, label in Elements(text).found if tag == "th" and "aria-sort" in label]
    assert [label["data-sort"] for label in head] == ["used"]


def test_text_begins_with_counters_and_used_grants(tmp_path: Path) -> None:
    """The text has the counts of the page in its first line, then the sections, then all passes."""
    report, _ = reported(tmp_path, DEPLOY, edge(passed=12, denied=3))
    lines = to_plain_text(trail_lines(report)).splitlines()
    assert lines[0] == (
        "Grants: 1 used, 1 possibly used, 1 never used. Passes: 3 denied, 0 by unknown principals, 0 not granted here."
    )
    headings = [line for line in lines[1:] if line and not line.startswith(" ")]
    assert headings[:5] == ["Used", "Possibly used", "Never used in these logs", "Denied", f"{ARN}deploy"]


def test_grants_page_shows_no_use(tmp_path: Path) -> None:
    """Without logs, nothing is marked as unused."""
    _, result = reported(tmp_path, DEPLOY)
    text = grants_html(result, result.grants)
    assert "used" not in words(text)
    assert "passes" not in drawn(text)


def test_page_without_events_says_so(tmp_path: Path) -> None:
    """Empty logs, or a time window without events, are stated."""
    assert "The logs contain no events; " in words(page(tmp_path, events=0))
    asked = UsageQuery(Bounds("2026-01-01T00:00:00Z", ""))
    assert "The logs contain no events that match the selection" in words(page(tmp_path, events=0, wanted=asked))
    assert "The logs contain no events" not in words(page(tmp_path))


def test_page_without_grants_lists_the_passes(tmp_path: Path) -> None:
    """A configuration without grants has a page, too."""
    text = words(page(tmp_path, edge(), resources={"A": role("a")}))
    assert "No PassRole grants in 1 file." in text and "All passes (1)" in text


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    """Principals, roles, services, times and files with hostile names are text."""
    plain, hostile = edge(denied=1), edge(f"{ARN}{HOSTILE}", HOSTILE, principal=HOSTILE, denied=1, last=HOSTILE)
    resources = {"Deploy": role("deploy", statement(f"{ARN}*", HOSTILE, Sid=HOSTILE), statement("*"))}
    own = edge(f"{ARN}{HOSTILE}", HOSTILE, last=HOSTILE)
    for one in (hostile, own):
        for listed in (one.resources, one.sources, one.sessions, one.errors):
            listed.add(HOSTILE)
        one.events[HOSTILE] += 1
    report, _ = reported(tmp_path, resources)
    report.reading.first = report.reading.last = HOSTILE
    report.reading.problems.append(UnreadableLog(HOSTILE, HOSTILE))
    report.reading.not_logs.append(HOSTILE)
    known = Elements(page(tmp_path, plain))
    found = Elements(page(tmp_path, hostile, own, resources=resources, reading=report.reading))
    assert {tag for tag, _ in found.found} <= {tag for tag, _ in known.found}
    assert [tag for tag, _ in found.found].count("script") == 2
    assert not any(name.startswith("on") for _, attributes in found.found for name in attributes)
    assert found.text.count("<script>alert(1)</script>") > 10


def test_page_is_ascii_and_deterministic(tmp_path: Path) -> None:
    """The page also loads nothing."""
    text = page(tmp_path, edge(f"{ARN}\u00fc\u202e"))
    assert text.isascii() and text == page(tmp_path, edge(f"{ARN}\u00fc\u202e"))
    assert "default-src 'none'" in text
    loaded = [value for _, found in Elements(text).found for name, value in found.items() if name in ("src", "href")]
    assert [value for value in loaded if not str(value).startswith("#")] == []


def test_many_passes_are_truncated_and_counted(tmp_path: Path) -> None:
    """With ten thousand edges, the page has the most frequent ones, with a note."""
    edges = [edge(f"{ARN}app-{number}", passed=1 + number % 7) for number in range(10_000)]
    text = page(tmp_path, *edges, resources={"Deploy": role("deploy", statement(f"{ARN}app-*"))})
    assert "and 9,960 more" in text and "Shows the 3,000 most frequent" in text
    assert text.count("<tbody") == 3_001
    assert len(text) < 4_000_000


def test_markdown_diagram_shows_observed_use(tmp_path: Path) -> None:
    """Thick arrows with counts, dotted ones for possibly or never used, and no syntax in names."""
    name = '"]; click n0 ==> x'
    report, result = reported(tmp_path, {**DEPLOY, "B": role("b", statement(f"{ARN}{name}"))}, edge(passed=12))
    arrows = re.findall(r"^  (n\d+ .*)$", trail_markdown(report, result), re.MULTILINE)
    assert len(arrows) == 8
    assert [one for one in arrows if "==" in one] == ["n0 == 12 times ==> n1", "n1 == 12 times ==> n2"]
    assert sum("-. possibly .->" in one for one in arrows) == 2
    assert sum(bool(re.fullmatch(r"n\d+ -\.-> n\d+", one)) for one in arrows) == 4
