"""Hostile names in every field of a report create no mentions, references, links, commands or markup."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from profiles import examples
from reports_of_tests import BASE, HEAD, LINKS

from passrole_checks.escaping.markup import is_safe_in_code_block
from passrole_checks.findings import Confidence, Severity
from passrole_checks.review.annotations import check_run_annotations, workflow_commands
from passrole_checks.review.markdown.inline import comment_text, group_items
from passrole_checks.review.markdown.markers import SUMMARY, CommentMarker, parse_marker
from passrole_checks.review.markdown.summary import BUDGET, summary
from passrole_checks.review.markdown.words import utf16_length
from passrole_checks.review.report import (
    Acceptance,
    Anchor,
    Fixed,
    GrantedAccess,
    IncreasedAccess,
    Item,
    Location,
    ReadInput,
    ReducedAccess,
    Remark,
    Replacement,
    ReportNote,
    ReviewReport,
)

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
PIECES = [
    "@octocat", "@acme/team", "#1", "GH-1", "acme/infra#2", "closes #3", "!4", "%5", "&6", "~bug", "deadbeefcafe",
    "https://evil.example", "www.evil.example", "a@evil.example", "[x](https://evil.example)", "![x](y)", "[[w]]",
    "<img src=x>", "</details>", "</summary>", "<details>", "<!--", "-->", "<!-- passrole-checks:summary v=1 -->",
    "`", "```", "````", "\n```\n", "\n~~~\n", "|", "\\|", "**b**", "# h", "\n# h\n", "\n/close\n", "/approve", "$`a`$",
    "\n", "\r\n", "\r", "\u2028", "\u202e", "\u200b", "\x1b[31m", "\x00", "::error::", "##[error]", "]]>", '"', "'",
    "<", ">", "word", "a", " ", "arn:aws:iam::111122223333:role/", "配", "\U0001f600", "(", ")", "]", "[", "suggestion",
]  # fmt: skip
NAME = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join)
NAMES = st.lists(NAME, max_size=4).map(tuple)
LINE = st.integers(0, 40)
SEVERITY, CONFIDENCE = st.sampled_from(list(Severity)), st.sampled_from(list(Confidence))
PLACE = st.builds(Location, NAME, LINE, LINE)
ACCESS = st.builds(
    GrantedAccess,
    NAMES,
    NAMES,
    st.sampled_from(["any_role", "unresolved", "prefix", "exact", "not_a_role"]) | NAME,
    st.booleans(),
    st.sampled_from(["absent", "exact", "exact_if_present", "pattern", "ineffective", "unresolved"]) | NAME,
    NAMES,
    NAMES,
)
REMARK = st.builds(Remark, NAME | st.just("PASSROLE_015"), NAME, SEVERITY, CONFIDENCE, NAME, NAME)
ITEM = st.builds(
    Item,
    key=NAME,
    group=st.sampled_from(["new", "worse"]) | NAME,
    change=st.sampled_from(["new", "widened", ""]) | NAME,
    severity=SEVERITY,
    confidence=CONFIDENCE,
    at=PLACE,
    framework=NAME,
    resource=NAME,
    uses=NAMES,
    sid=NAME,
    remarks=st.lists(REMARK, max_size=3).map(tuple),
    access=st.none() | ACCESS,
    before=st.none() | ACCESS,
    cause=st.none() | PLACE,
    cause_removed=st.booleans(),
    anchor=st.none() | st.builds(Anchor, NAME, LINE, LINE),
    replacement=st.none() | st.builds(Replacement, NAME, LINE, LINE, NAME, NAME, st.booleans(), NAME),
    advice=NAME,
    fingerprint=st.just("") | st.just("f" * 32),
    accepted=st.none() | st.builds(Acceptance, NAME, NAME),
)
NOTES = st.lists(st.builds(ReportNote, NAME, LINE, NAME), max_size=2).map(tuple)
MORE = st.builds(
    IncreasedAccess, st.sampled_from(["new", "widened"]), CONFIDENCE, PLACE, NAME, NAME, ACCESS, st.none() | ACCESS
)
LESS = st.builds(ReducedAccess, st.sampled_from(["narrowed", "removed"]), PLACE, NAME, NAME, ACCESS, st.none() | ACCESS)
REPORT = st.builds(
    ReviewReport,
    tool=NAME,
    base=NAME,
    head=NAME,
    base_name=NAME,
    head_name=NAME,
    items=st.lists(ITEM, max_size=3).map(tuple),
    fixed=st.lists(st.builds(Fixed, NAME, NAME, NAME, SEVERITY, PLACE, NAME), max_size=2).map(tuple),
    less=st.lists(LESS, max_size=2).map(tuple),
    unchanged=st.integers(0, 5),
    unreadable=NOTES,
    not_evaluated=NOTES,
    notes=NOTES,
    fail_on=st.none() | SEVERITY,
    read=st.builds(ReadInput, st.integers(0, 5)),
    more=st.lists(MORE, max_size=2).map(tuple),
    owners=NAMES,
)  # fmt: skip

OUR_LINK = re.compile(
    rf"https://github\.com/acme/infra/(?:blob/(?:{HEAD}|{BASE})/.*|actions/runs/7)|https://pathfinding\.cloud/paths/.*"
)
CODE = r"<code>[^<>\n]*</code>"
ITS_SUMMARY = rf"<b>\w+</b>(?:, accepted)?: {CODE}(?: {CODE})?\n{CODE} \({CODE}\)|[\w ,]+(?: \(\d+\))?"
OUR_HTML = re.compile(rf"(?:<details(?: open)?><summary>(?:{ITS_SUMMARY})</summary>|</details>)\n?")
OUR_HEADINGS = re.compile(r"iam:PassRole: [a-z0-9, ]+|Could not be read|Notes")
COMMAND = re.compile(
    r"::(?:error|warning|notice) (?:file=[^:,]*,)?(?:line=\d+,)?(?:endLine=\d+,)?title=[^:,]*::|\d+ more "
)
FOREIGN = re.compile(r"[@#~$^\[\]<>`|\\]|://|www\.|(?<![A-Za-z])GH-|(?<![A-Za-z])[0-9a-f]{7,}(?![A-Za-z])")


def tokens(page: str) -> Iterator[Token]:
    for token in MARKDOWN.parse(page):
        yield token
        yield from token.children or ()


def check(page: str, *, languages: set[str]) -> list[str]:
    """Assert that everything in a page is ours or code; return the texts of its code blocks."""
    blocks = []
    headings = False
    for token in tokens(page):
        if token.type == "text":
            assert not FOREIGN.search(token.content), token.content
        elif token.type == "link_open":
            assert OUR_LINK.fullmatch(str(token.attrs["href"])), token.attrs
        elif token.type == "html_block":
            assert OUR_HTML.fullmatch(token.content), token.content
        elif token.type == "html_inline":
            assert token.content == "<br>"
        elif token.type == "fence":
            assert token.info in languages, token.info
            blocks.append(token.content)
        elif token.type == "inline" and headings:
            assert OUR_HEADINGS.fullmatch(token.content), token.content
        else:
            assert token.type not in ("image", "code_block", "hr", "blockquote_open", "ordered_list_open"), token
        headings = token.type == "heading_open"
    html = [token.content for token in tokens(page) if token.type == "html_block"]
    assert sum(one.startswith("<details") for one in html) == sum(one.startswith("</details") for one in html)
    return blocks


@settings(max_examples=examples(60))
@given(REPORT, st.booleans())
def test_summary_contains_no_foreign_markup(report: ReviewReport, had_summary: bool) -> None:
    """A summary contains only our own mentions, references, links, images, HTML and headings, no HTML comment and no
    GitLab command, and fits its budget."""
    page = summary(report, LINKS, had_summary=had_summary)
    check(page, languages={"mermaid", "", "diff", "hcl", "yaml", "json"})
    assert utf16_length(page) <= BUDGET
    assert page.encode()
    assert "<!--" not in page
    assert not re.search("^ {0,3}/", page, re.MULTILINE)
    assert parse_marker(page) is None
    marker = CommentMarker(SUMMARY, report.tool, HEAD, 1)
    found = parse_marker(marker.prepend_to(page))
    assert found is not None
    assert (found.kind, found.head) == (SUMMARY, HEAD)


@settings(max_examples=examples(60))
@given(REPORT, st.booleans())
def test_line_comments_contain_no_foreign_markup(report: ReviewReport, gitlab: bool) -> None:
    """A line comment contains none of these either, and at most one suggestion, with the text of the replacement."""
    for anchor, items in group_items(report.items):
        page, _ = comment_text(items, report, LINKS, anchor, gitlab_line=anchor.line if gitlab else None)
        lines = max(anchor.end_line - anchor.line, 0)
        word = f"suggestion:-0+{lines}" if gitlab else "suggestion"
        check(page, languages={word, "", "diff", "hcl", "yaml", "json"})
        assert "<!--" not in page
        assert not re.search("^ {0,3}/", page, re.MULTILINE)
        offered = [token.content for token in tokens(page) if token.type == "fence" and token.info == word]
        assert len(offered) <= 1
        for text in offered:
            replacement = items[0].replacement
            assert replacement is not None
            assert is_safe_in_code_block(text)
            assert text == (f"{replacement.text}\n".replace("\r\n", "\n") if replacement.text else "")


@settings(max_examples=examples(40))
@given(REPORT)
def test_annotations_contain_no_foreign_commands(report: ReviewReport) -> None:
    """Each line of workflow commands is ours, and annotations of check runs are within their limits."""
    for line in workflow_commands(report).splitlines():
        assert COMMAND.match(line)
    for part in check_run_annotations(report):
        assert len(part) <= 50
        for one in part:
            assert len(one["title"]) <= 255
            assert 1 <= one["start_line"] <= one["end_line"]
