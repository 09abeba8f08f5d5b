"""Go's regular expressions: matches, rejected patterns, and bounded run time."""

from __future__ import annotations

import contextlib
import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples
from work import at_most

from passrole_checks.sources.terraform.functions import go_regexp
from passrole_checks.sources.terraform.functions.go_regexp import BadPattern, Unsupported, compile_go


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
        ("(a*)?", "aab", ["aa", ""]),
        ("|a", "aa", ["", "", ""]),
        ("[^a]|[^b]", "abc", ["a", "b", "c"]),
        ("[[:^upper:]-]+", "ab-C", ["ab-"]),
        ("(?i)[[:^upper:]]", "aK-", ["-"]),
        ("(?i)[^k]|[k-l]{2}", "Kl\N{KELVIN SIGN}i", ["Kl", "i"]),
        ("(?i)i", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}I", ["I"]),
        (r"\s+", "\v\t", ["\t"]),
        (r"[\W\d]+", "aé1", ["é1"]),
        (r"\101\0?\12", "A\n", ["A\n"]),
        ("a(?i)?b(?-i)c", "bc aBc BC", ["bc", "aBc"]),
        ("a{01}{x", "a{01}{x", ["a{01}{x"]),
        (r"(?m)(?:a|b)$", "a\nb", ["a", "b"]),
        ("(?<n>a)(?P<m>b)", "ab", ["ab"]),
        (r"\Qa*", "a*", ["a*"]),
        ("[a&&b]+", "&&ab", ["&&ab"]),
        ("a{e<=1}", "a{e<=1}", ["a{e<=1}"]),
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
        "{2}",
        "|*",
        "(a{100}){11}",
        "a++",
        "(?>a)",
        "(?R)",
        "(?(1)a)",
        "(?#a)",
        "(?|a)",
        "(?i-)",
        "(?x)a",
        r"\Z",
        r"\C",
        r"\G",
        r"\8",
        r"\x{110000}",
        "[a-\\d]",
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


@pytest.mark.parametrize(
    "pattern",
    [
        r"\p{Greek}",
        r"[\pL]",
        "(?i)é",
        "(?i)[a-é]",
        "(?P<n>a)(?P<n>b)",
        "(a*)+",
        r"(?:a|\B)*",
        "(?:){2}",
        "a" * 5_000,
        "(" * 500 + ")" * 500,
    ],
)
def test_unsupported_pattern_is_reported(pattern: str) -> None:
    """Unicode classes, case-insensitive non-ASCII, repeated empty matches and large patterns are unsupported."""
    with pytest.raises(Unsupported):
        compile_go(pattern)


@pytest.mark.parametrize(
    ("pattern", "length"),
    [
        ("(a*)*b", 2_000),
        ("(a*)*(a|a)*b", 45_000),
        ("(a|aa|aaa|a*)*(b|c*)*$x", 192_000),
        ("(a|a)*b", 2_000),
        ("(a|aa)+$", 2_000),
        ("(a+)+$", 2_000),
        ("(.*)(.*)(.*)(.*)(.*)x", 2_000),
        ("(?:a?){50}a{50}$", 2_000),
        ("(?:a{1,31}){1,32}b", 2_000),
        ("a?" * 1_000 + "a" * 1_000, 1_000),
        ("(?:a|b)*c", 200_000),
        ("((((((){1000}){1000}){1000}){9}))", 1),
    ],
)
def test_run_time_is_bounded(pattern: str, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns that make a backtracking engine hang end soon, without a match or as unsupported."""
    monkeypatch.setattr(go_regexp, "SECONDS", 0.1)
    with at_most(3_000_000), contextlib.suppress(Unsupported):
        assert matched_texts(pattern, "a" * length + "!") == []


def test_missing_package_leaves_patterns_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone beside a host without the package reports patterns."""
    monkeypatch.setitem(sys.modules, "regex", None)
    with pytest.raises(Unsupported, match="not installed"):
        compile_go.__wrapped__("a")


PIECES = st.sampled_from([
    "a", "b", "ab", "[ab]", "[^a]", ".", "(a)", "(a|b)", "(?:ab|a)", "a*", "b+", "a?", "(ab)*", "(a|b)+?", "^", "$",
    r"\b", r"\d", r"\W", r"\s", r"[\w-]", "(?:(a)|b){1,2}", "(?i:A)", "(?s:.)",
])  # fmt: skip


@settings(max_examples=examples(300))
@given(st.lists(PIECES, min_size=1, max_size=5).map("".join), st.text("aabbcA1 é\n", max_size=8))
def test_first_match_equals_python(pattern: str, text: str) -> None:
    """Where the two syntaxes agree, the first match and its groups equal those of Python's engine."""
    mine = next(compile_go(pattern).matches(text), None)
    theirs = re.search(pattern.replace("$", r"\Z"), text, re.ASCII)
    assert (mine and (mine.span(), mine.groups())) == (theirs and (theirs.span(), theirs.groups()))
