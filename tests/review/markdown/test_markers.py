"""Markers: parsing, and resistance to forgery."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from passrole_checks.review.markdown.markers import (
    FIXED,
    INLINE,
    MAX_KEYS,
    SUMMARY,
    CommentMarker,
    is_same_text,
    parse_marker,
    without_marker,
)

HOSTILE = st.text(max_size=20) | st.sampled_from(["-->", "--!>", "--", "\n<!--", "a b", "x=y", ",", "%", "\u2028", "ä"])
NUMBERS = st.integers(0, 10**15 - 1)


def test_marker_fields() -> None:
    """The marker contains the tool, kind, review, commit and run, in one HTML comment."""
    marker = CommentMarker(SUMMARY, "prod eu", "f00d" * 10, 12, 2)
    assert marker.line() == (
        "<!-- passrole-checks:summary v=1 key=prod%20eu head=f00df00df00df00df00df00df00df00df00df00d "
        "run=12 attempt=2 -->"
    )
    assert parse_marker(marker.prepend_to("text")) == marker


@given(
    st.sampled_from([SUMMARY, INLINE, FIXED]),
    HOSTILE,
    st.sampled_from(["", "f00d" * 10]),
    NUMBERS,
    NUMBERS,
    st.lists(HOSTILE.filter(bool), max_size=5).map(tuple),
)
def test_any_marker_round_trips(kind: str, key: str, head: str, run: int, attempt: int, items: tuple[str, ...]) -> None:
    """With any field values a marker is one line and one HTML comment, and parses to the same marker."""
    marker = CommentMarker(kind, key, head, run, attempt, items)
    line = marker.line()
    assert line.isascii()
    assert line.isprintable()
    assert [token.type for token in MarkdownIt().parse(f"{line}\n\nx")][:2] == ["html_block", "paragraph_open"]
    assert line.index("--", 4) == len(line) - 3
    if not any(0xD800 <= ord(character) < 0xE000 for word in (key, *items) for character in word):
        assert parse_marker(marker.prepend_to("x")) == marker


@pytest.mark.parametrize(
    "body",
    [
        "",
        "text",
        "\n<!-- passrole-checks:summary v=1 key=default head= run=1 attempt=0 -->",
        " <!-- passrole-checks:summary v=1 key=default head= run=1 attempt=0 -->",
        "> <!-- passrole-checks:summary v=1 key=default head= run=1 attempt=0 -->",
        "x <!-- passrole-checks:summary v=1 key=default head= run=1 attempt=0 -->",
        "<!-- passrole-checks:summary v=1 key=default head= run=1 attempt=0 --> x",
        "<!-- passrole-checks:other v=1 key=default head= run=1 attempt=0 -->",
        "<!-- other-checks:summary v=1 key=default head= run=1 attempt=0 -->",
        "<!-- passrole-checks:summary v=1 key=default head=HEAD run=1 attempt=0 -->",
        "<!-- passrole-checks:summary v=1 key=default head= run=-1 attempt=0 -->",
        "<!-- passrole-checks:summary v=1 key=default head= run=1 run=2 attempt=0 -->",
        f"<!-- passrole-checks:summary v=1 key=default head= run={'9' * 40} attempt=0 -->",
    ],
)
def test_only_the_exact_first_line_is_a_marker(body: str) -> None:
    """A later line, a quoted line, or a line with other text is not a marker."""
    assert parse_marker(body) is None


def test_unknown_fields_are_accepted() -> None:
    """A marker of a later version with an unknown field is ours."""
    line = "<!-- passrole-checks:inline v=2 key=default head= run=3 attempt=1 shape=round items=aa,bb -->"
    assert parse_marker(f"{line}\r\ntext") == CommentMarker(INLINE, "default", "", 3, 1, ("aa", "bb"))


def test_run_order() -> None:
    """The run number counts first, then the attempt."""
    markers = [
        CommentMarker(SUMMARY, run=2, attempt=1),
        CommentMarker(SUMMARY, run=1, attempt=3),
        CommentMarker(SUMMARY, run=2),
    ]
    assert [marker.order for marker in sorted(markers, key=lambda one: one.order)] == [(1, 3), (2, 0), (2, 1)]


def test_kind_and_key_identify_a_comment() -> None:
    """Two markers belong to one comment if kind and key are equal, whatever the commit and run."""
    marker = CommentMarker(SUMMARY, "a", "f00d", 1)
    assert marker.is_same_comment(CommentMarker(SUMMARY, "a", "beef", 2))
    assert not marker.is_same_comment(CommentMarker(SUMMARY, "b", "f00d", 1))
    assert not marker.is_same_comment(CommentMarker(INLINE, "a", "f00d", 1))


def test_items_in_a_marker_are_limited() -> None:
    """A marker names a limited number of items, and stays below 12,000 characters."""
    line = CommentMarker(INLINE, items=("f" * 32,) * (MAX_KEYS + 1)).line()
    assert len(line) < 12_000
    assert line.count("f" * 32) == MAX_KEYS


def test_text_comparison_ignores_marker_and_line_breaks() -> None:
    """Markers, line endings and outer whitespace do not matter when texts are compared."""
    body = CommentMarker(SUMMARY, run=1).prepend_to("a\r\nb\n")
    assert without_marker(body) == "a\nb"
    assert is_same_text(body, CommentMarker(SUMMARY, run=2).prepend_to("a\nb"))
    assert not is_same_text(body, CommentMarker(SUMMARY, run=1).prepend_to("a\nc"))
    assert without_marker("a\nb") == "a\nb"
