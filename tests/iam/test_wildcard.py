"""Wildcard matching without backtracking."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from work import calls_of

from passrole_checks.iam.patterns.glob import wildcard_match

patterns = st.text("ab*?\n", max_size=12)
texts = st.text("ab*\n", max_size=12)


@given(patterns, texts)
def test_wildcard_match_agrees_with_a_regular_expression(pattern: str, text: str) -> None:
    """A text fits exactly where the regular expression of the pattern matches it."""
    expression = "".join({"*": ".*", "?": "."}.get(char) or re.escape(char) for char in pattern)
    assert wildcard_match(pattern, text) is (re.fullmatch(expression, text, re.DOTALL) is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("?", "", False),
        ("a*b", "ab", True),
        ("ab*ba", "aba", False),
        ("*a?c*", "xxabcabcx", True),
        ("(.)*[a]", "(.)x[a]", True),
    ],
)
def test_wildcard_match_examples(pattern: str, text: str, fits: bool) -> None:
    """Runs may be empty, single characters may not, and all others stand for themselves."""
    assert wildcard_match(pattern, text) is fits


@pytest.mark.parametrize("pattern", ["*a" * 2_000 + "b", "*" * 5_000 + "b", "*?a" * 1_000 + "b", "*?" * 2_000 + "ab"])
def test_wildcard_match_is_bounded(pattern: str) -> None:
    """Thousands of runs over a text that fits none of them take no more steps than there are pieces."""
    assert calls_of(lambda: wildcard_match(pattern, "a" * 10_000)) < 100_000
