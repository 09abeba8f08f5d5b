"""Go's regular expressions: matches, rejected patterns, and bounded run time."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples
from work import at_most

from passrole_checks.sources.terraform.functions.go_regexp import BadPattern, compile_go
from passrole_checks.sources.terraform.functions.go_regexp_machine import Unsupported


def matched_texts(pattern: str, text: str) -> list[str]:
    return [match.group(0) or "" for match in compile_go(pattern).matches(text)]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a*", "baac", ["", "aa", ""]),
        ("a*?", "aa", ["", "", ""]),
        ("a|ab", "ab", ["a"]),
        ("(?U)a+", "aaa", ["a", "a", "a"]),
        ("(?i)role", "ROLE", ["ROLE"]),
        ("(?i:R)ole", "rolE role", ["role"]),
        ("a.c", "a\nc abc", ["abc"]),
        ("(?s)a.c", "a\nc", ["a\nc"]),
        ("^a$", "a\n", []),
        ("(?m)^a$", "a\na", ["a", "a"]),
        (r"\Aa\z", "a", ["a"]),
        (r"\bfoo\b", "foo food", ["foo"]),
        (r"\Boo", "foo", ["oo"]),
        (r"[\w.-]+@", "a.b-c@", ["a.b-c@"]),
        ("[^a-c]+", "abcxyz", ["xyz"]),
        ("[]a]+", "]a", ["]a"]),
        ("[a-]+", "a-b", ["a-"]),
        ("[[:alpha:]_]+", "ab_1", ["ab_"]),
        ("[[:^digit:]]", "1a", ["a"]),
        (r"\d{2,3}", "1 12 1234", ["12", "123"]),
        ("a{,2}", "a{,2}", ["a{,2}"]),
        ("a{2}", "aaa", ["aa"]),
        (r"\Qa.b\E+", "a.bb", ["a.bb"]),
        (r"\x41\x{42}", "AB", ["AB"]),
        ("(a*)+", "aab", ["aa", ""]),
        ("(?:a|b)*c", "abac", ["abac"]),
        ("", "ab", ["", "", ""]),
        ("é", "é", ["é"]),
    ],
)
def test_matches(pattern: str, text: str, expected: list[str]) -> None:
    """Leftmost matches, the first alternative preferred, no empty match right after another."""
    assert matched_texts(pattern, text) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "a)",
        "[",
        "[b-a]",
        "*a",
        "a**",
        "a+*",
        "a{1}{2}",
        "a{2,1}",
        "a{1001}",
        r"\1",
        r"\é",
        "(?=a)",
        "(?!a)",
        "(?<=a)b",
        "(?P<n>a)(?P<n>b)",
        "(?P<a-b>c)",
        "[[:nope:]]",
        "\\",
        "(?z)a",
        r"\xzz",
    ],
)
def test_invalid_pattern_is_rejected(pattern: str) -> None:
    """Patterns that Go rejects are rejected."""
    with pytest.raises(BadPattern):
        compile_go(pattern)


@pytest.mark.parametrize("pattern", [r"\p{Greek}", "(?i)é", "(((((a{50}){50}){50}){50}){50})", "(" * 500 + ")" * 500])
def test_unsupported_pattern_is_reported(pattern: str) -> None:
    """Unicode classes, case-insensitive non-ASCII letters and large patterns are reported as unsupported."""
    with pytest.raises(Unsupported):
        compile_go(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a*)*b", "(a|a)*b", "(a|aa)+$", "(.*)(.*)(.*)(.*)(.*)x", "((((((){1000}){1000}){1000}){9}))"]
)
def test_run_time_is_bounded(pattern: str) -> None:
    """Patterns that make a backtracking engine hang end soon, with a result or as unsupported."""
    with at_most(3_000_000), contextlib.suppress(Unsupported):
        assert matched_texts(pattern, "a" * 2_000 + "!") in ([], [""] * 2_002)


PIECES = st.sampled_from(
    ["a", "b", "ab", "[ab]", "[^a]", ".", "(a)", "(a|b)", "(?:ab|a)", "a*", "b+", "a?", "(ab)*", "(a|b)+?", "^", "$"]
)


@settings(max_examples=examples(300))
@given(st.lists(PIECES, min_size=1, max_size=5).map("".join), st.text("abc", max_size=8))
def test_first_match_equals_python(pattern: str, text: str) -> None:
    """Where the two syntaxes agree, the first match and its groups equal those of Python's engine."""
    mine = compile_go(pattern).search(text)
    theirs = re.search(pattern.replace("$", r"\Z"), text)
    assert (mine is None) is (theirs is None)
    if mine is not None and theirs is not None:
        assert (mine.start, mine.end) == theirs.span()
        if "*" not in pattern.replace("a*", "") and "+" not in pattern.replace("b+", ""):
            assert [mine.group(n + 1) for n in range(theirs.re.groups)] == list(theirs.groups())
