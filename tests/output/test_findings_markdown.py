"""Findings as Markdown for a comment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from profiles import examples

from passrole_checks.escaping.markup import prose
from passrole_checks.findings import Finding, Severity
from passrole_checks.output.findings_markdown import BUDGET, scan_markdown
from passrole_checks.scan.baseline import Applied, BaselineEntry
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.model.configuration import Unreadable

TEMPLATE = """\
Resources:
  Deploy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - Effect: Allow
            Action: [iam:PassRole, iam:GetRole]
            Resource: '*'
          - Effect: Allow
            Action: [iam:PassRole, iam:GetRole]
            Resource: arn:aws:iam::111122223333:role/app
"""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> ScanResult:
    """Return a scan of the template above."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("scan"))
        Path("t.yaml").write_text(TEMPLATE, "utf-8")
        return scan_paths([Path("t.yaml")], ScanOptions())


def many(result: ScanResult, severities: list[Severity], words: str) -> tuple[Finding, ...]:
    first = result.findings[0]
    return tuple(
        replace(first, severity=severity, message=words, group=str(number))
        for number, severity in enumerate(severities)
    )


def units(text: str) -> int:
    return max(len(text), len(text.encode("utf-16-le", "surrogatepass")) // 2)


def test_page_of_one_template(result: ScanResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page has a title, a table by severity, the summary, and the findings, most severe first."""
    high, low = sorted((one for one in result.findings if not one.suppressed), key=lambda one: one.check_id)
    monkeypatch.chdir(Path(result.files[0]).parent)
    assert scan_markdown(result) == (
        "## iam:PassRole: 2 findings\n"
        "\n"
        "| severity | findings |\n"
        "|---|---|\n"
        "| **high** | 1 |\n"
        "| low | 1 |\n"
        "\n"
        "2 findings on 2 statements: 1 high, 1 low; 2 PassRole grants in 1 file\n"
        "\n"
        "### High\n"
        "\n"
        f"- **PASSROLE_001 any-role** `t.yaml:8` `Deploy`<br>{prose(high.message)} "
        f"*Instead:* {prose(high.remediation)}\n"
        "\n"
        "### Low\n"
        "\n"
        f"- **PASSROLE_002 any-service** `t.yaml:11` `Deploy`<br>{prose(low.message)} "
        f"*Instead:* {prose(low.remediation)}\n"
    )


def test_page_without_findings(result: ScanResult) -> None:
    """Without findings, the page has a title and the summary, with the number of hidden findings."""
    (first, second) = result.findings
    entry = BaselineEntry("0" * 32, "PASSROLE_002", "t.yaml", "Deploy", Severity.LOW)
    applied = Applied("b.json", ((first, entry),), (), (), (), (entry,))
    assert scan_markdown(replace(result, findings=()), [second], applied) == (
        "## iam:PassRole: no findings\n"
        "\n"
        "no findings; 2 PassRole grants in 1 file; 1 in the baseline, not shown; 1 below --severity, not shown\n"
        "\n"
        "### Baseline\n"
        "\n"
        "- `b.json`: `PASSROLE_002` of Deploy in `t.yaml` is no longer found: the entry can be removed\n"
    )


def test_unreadable_files_and_skipped_items_are_listed(result: ScanResult) -> None:
    """Unreadable files come before the findings, items not evaluated after them, and not with --quiet."""
    missing = replace(
        result, findings=(), unreadable=(Unreadable("b.tf", "no", 2),), not_evaluated=(Unreadable("m.tf", "not here"),)
    )
    page = scan_markdown(missing)
    assert page.endswith("### Could not be read\n\n- `b.tf:2`: no\n\n### Not evaluated\n\n- `m.tf`: not here\n")
    assert scan_markdown(missing, quiet=True).endswith("### Could not be read\n\n- `b.tf:2`: no\n")


def test_long_page_is_cut_between_findings(result: ScanResult) -> None:
    """Of 100 high and 5 low findings of 1,000 characters, those that fit are shown and the others counted."""
    findings = many(result, [Severity.LOW] * 5 + [Severity.HIGH] * 100, "word " * 200)
    page = scan_markdown(replace(result, findings=findings))
    assert BUDGET - 2_000 < units(page) <= BUDGET
    counted = page.count("- **PASSROLE_001 any-role**")
    assert page.endswith(f"**{105 - counted} more findings**: {100 - counted} high, 5 low.\n")
    assert "### Low" not in page


@settings(max_examples=examples(25))
@given(
    st.lists(st.sampled_from(list(Severity)), max_size=60),
    st.sampled_from(["`" * 300, "\U0001f600" * 900, "\x1b" * 500, "|" * 900, "a @b #1 " * 200]),
    st.integers(0, 60),
)
def test_page_stays_within_its_budget(result: ScanResult, severities: list[Severity], words: str, unread: int) -> None:
    """For any names and any number of findings, the page keeps its budget and counts omitted findings."""
    entries = tuple(Unreadable(f"{number}{words}.tf", words) for number in range(unread))
    full = replace(result, findings=many(result, severities, words), unreadable=entries, not_evaluated=entries)
    page = scan_markdown(full)
    assert units(page) <= BUDGET
    counted = page.count("\n- **PASSROLE_001 any-role**")
    assert (f"**{len(severities) - counted} more finding" in page) == (counted < len(severities))


def test_omitted_findings_are_never_more_severe_than_shown_ones(result: ScanResult) -> None:
    """If a long finding does not fit, shorter and less severe ones are omitted as well."""
    (long,) = many(result, [Severity.HIGH], "word " * 300)
    (short,) = many(result, [Severity.LOW], "Short.")
    page = scan_markdown(replace(result, findings=(short, long)), budget=1_500)
    assert "- **PASSROLE_001" not in page
    assert page.endswith("\n**2 more findings**: 1 high, 1 low.\n")


PIECES = (
    "@octocat", "#1", "GH-1", "https://evil.example", "[x](y)", "![x](y)", "<img>", "<!-- m -->", "</details>", "`",
    "```", "|", "\\", "*a*", "_b_", "~~c~~", "\n", "\n\n# d\n", "\r", "\u202e", "\x1b[1m", " ", "word", "&lt;",
)  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@settings(max_examples=examples(60))
@given(HOSTILE, HOSTILE, HOSTILE)
def test_hostile_names_do_not_change_the_page_structure(
    result: ScanResult, file: str, address: str, words: str
) -> None:
    """For any file and resource name, the page has its headings, its table, one item for the finding and one for the
    unreadable file, and no link, image or HTML except our own line break."""
    finding = result.findings[0]
    odd = replace(
        finding,
        message=words,
        remediation=words,
        at=replace(finding.at, file=f"x{file}"),
        resource=replace(finding.resource, address=address),
    )
    page = scan_markdown(replace(result, findings=(odd,), unreadable=(Unreadable(f"y{file}", words),)))
    blocks = MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(page)
    kinds = [block.type for block in blocks]
    assert (kinds.count("heading_open"), kinds.count("table_open"), kinds.count("list_item_open")) == (3, 1, 2)
    assert not {"html_block", "fence", "code_block", "blockquote_open", "hr"} & set(kinds)
    inline = [child for block in blocks if block.type == "inline" for child in block.children or ()]
    assert {child.type for child in inline} <= {
        "text", "code_inline", "strong_open", "strong_close", "em_open", "em_close", "html_inline",
    }  # fmt: skip
    assert [child.content for child in inline if child.type == "html_inline"] == ["<br>"]
    assert not any(mark in child.content for child in inline if child.type == "text" for mark in "@#<>[]`|\\&~\x1b")
