"""Action and resource patterns, against a slow and obvious reference: every short string."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.iam.patterns import glob
from passrole_checks.iam.values.nodes import Unresolved, UnresolvedKind

# two letters that patterns mention, and one that none does
TEXTS = ["".join(letters) for length in range(8) for letters in product("abz", repeat=length)]
PATTERNS = st.text("ab*?", max_size=4)


def matched(pattern: str) -> frozenset[str]:
    """The short texts that a pattern matches."""
    regex = re.compile("".join({"*": ".*", "?": "."}.get(char, char) for char in pattern))
    return frozenset(text for text in TEXTS if regex.fullmatch(text))


@given(PATTERNS, PATTERNS)
@settings(max_examples=examples(300))
def test_pattern_matches_representative_of_included_pattern(outer: str, inner: str) -> None:
    """A pattern takes another one's general member exactly where it matches all that the other matches."""
    assert glob.must_match(glob.from_text(outer), glob.representative(glob.from_text(inner))) == (
        matched(inner) <= matched(outer)
    )


@given(PATTERNS, PATTERNS)
@settings(max_examples=examples(300))
def test_patterns_intersect_if_a_string_matches_both(first: str, second: str) -> None:
    """Two patterns meet exactly where a text matches both, and what they meet in lies within both."""
    common = glob.intersect(glob.from_text(first), glob.from_text(second))
    assert (common is not None) == bool(matched(first) & matched(second))
    assert glob.may_intersect(glob.from_text(first), glob.from_text(second)) == (common is not None)
    if common is not None:
        assert glob.must_match(glob.from_text(first), common) and glob.must_match(glob.from_text(second), common)


@given(st.text("ab*?", max_size=5), st.text("ab", max_size=6))
@settings(max_examples=examples(200))
def test_pattern_matches_its_members(pattern: str, text: str) -> None:
    """A text without anything open in it is taken where the pattern matches it, for sure and possibly alike."""
    matches = text in matched(pattern)
    assert glob.must_match(glob.from_text(pattern), text) == glob.may_match(glob.from_text(pattern), text) == matches


A, B = Unresolved("var.a"), Unresolved("var.b")
NAME = Unresolved("aws_x.y.name", UnresolvedKind.NAME)


@pytest.mark.parametrize(
    ("pattern", "text", "surely", "possibly"),
    [
        ("x/*", ("x/", A), True, True),
        (("x/", A), ("x/", A), True, True),
        (("x/", A), ("x/", B), False, True),
        (("x/", A), "x/app", False, True),
        ("x/app-*", ("x/", A), False, True),
        ("x/app/*", ("x/", A), False, True),
        ("x/app/*", ("x/", NAME), False, False),  # a name holds no slash
        ("y/*", ("x/", A), False, False),
        ("x/?", ("x/", A), False, True),  # its length is unknown
        (("x/", A, "/b"), ("x/", A, "/c"), False, False),
        (("x/", A, "/b"), ("x/", B), False, True),
    ],
)
def test_unresolved_part_is_one_unknown_string(pattern, text, surely, possibly) -> None:
    """The same unresolved part on both sides is the same text, another one may be, and a wildcard takes it whatever it
    is."""

    def written(parts, spell) -> str:
        parts = (parts,) if isinstance(parts, str) else parts
        return "".join(glob.symbol_for(part) if isinstance(part, Unresolved) else spell(part) for part in parts)

    found = written(pattern, glob.from_text), written(text, glob.escape)
    assert (glob.must_match(*found), glob.may_match(*found)) == (surely, possibly)


def test_intersection_is_rendered_in_policy_syntax() -> None:
    """The general member of two patterns keeps what either of them says."""
    common = glob.intersect(glob.from_text("s3:get*"), glob.from_text("s3:*acl"))
    assert common is not None and glob.to_text(common) == "s3:get*acl"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("arn:aws:lambda:*:111122223333:function:a-*", "arn:aws:lambda:*:111122223333:function:b-*", None),
        ("arn:aws:lambda:eu-west-1:*:function:*", "arn:aws:lambda:us-east-1:*:function:*", None),
        ("arn:aws:lambda:*:111122223333:function:*", "arn:aws:lambda:eu-west-1:*:function:b-*",
         "arn:aws:lambda:eu-west-1:111122223333:function:b-*"),
        ("arn:aws:s3:*:*:b/*", "arn:aws:s3:::b/x*", "arn:aws:s3:::b/x*"),
        ("arn:aws:s3*", "arn:aws:s3:::b/x*", "arn:aws:s3:::b/x*"),
        ("arn:aws:*:role/x", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:role/x"),
    ],
)  # fmt: skip
def test_arns_intersect_field_by_field(first: str, second: str, expected: str | None) -> None:
    """No wildcard of one field stands for another one, unless the ARN is written in fewer fields than it has."""
    common = glob.intersect(glob.from_text(first), glob.from_text(second))
    assert (glob.to_text(common) if common is not None else None) == expected
    assert glob.may_intersect(glob.from_text(first), glob.from_text(second)) is (expected is not None)


def test_many_wildcards_are_matched_in_bounded_time() -> None:
    """Matching is no search through all ways to match: a long run of wildcards against a long text ends at once."""
    pattern = glob.from_text("*a" * 60 + "b")
    assert not glob.must_match(pattern, "a" * 4000)
    assert glob.intersect(glob.from_text("*a" * 40), glob.from_text("*b" * 40)) is None
