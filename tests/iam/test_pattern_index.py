"""The pattern index misses no matching pattern."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.iam.patterns import glob
from passrole_checks.iam.patterns.pattern_index import PatternIndex
from passrole_checks.iam.values.nodes import Unresolved

_HOLE = glob.symbol_for(Unresolved("var.x"))
PATTERNS = st.lists(st.text(alphabet="ab:/*?#", max_size=8), min_size=9, max_size=30)


def _spelled(written: str) -> str:
    return glob.from_text(written).replace("#", _HOLE)


@given(PATTERNS, st.text(alphabet="ab:/*?#", max_size=8))
def test_index_finds_every_pattern_that_may_match(written: list[str], asked: str) -> None:
    """Wildcards and unresolved parts may be anywhere in the patterns and in the request."""
    patterns = [_spelled(one) for one in written]
    request = glob.representative(_spelled(asked))
    near = glob.build_index(patterns).near(request)
    matching = {place for place, one in enumerate(patterns) if glob.may_match(one, request)}
    meeting = {place for place, one in enumerate(patterns) if glob.may_intersect(one, _spelled(asked))}
    assert near == sorted(set(near)) and matching | meeting <= set(near)


@given(st.lists(st.text(alphabet="ab*?", max_size=16), min_size=9, max_size=30), st.text(alphabet="ab*?", max_size=16))
def test_index_finds_every_pattern_contained_in_a_string(patterns: list[str], asked: str) -> None:
    """So is every one that matches the text, whose wildcards only wildcards match."""
    found = PatternIndex(patterns, re.compile("[*?]")).contained_in(asked)
    spelled = {
        place
        for place, one in enumerate(patterns)
        if one == asked or ("*" in one and glob.must_match(_spelled(one), glob.representative(_spelled(asked))))
    }
    assert found == sorted(set(found)) and spelled <= set(found)


@given(PATTERNS, st.text(alphabet="ab:/*?#", max_size=8))
def test_indexed_patterns_agree_with_single_patterns(written: list[str], asked: str) -> None:
    """The answers are those of a look at every pattern."""
    patterns = [_spelled(one) for one in written]
    request = glob.representative(_spelled(asked))
    many = glob.Patterns(patterns)
    assert many.must_match(request) == any(glob.must_match(one, request) for one in patterns)
    assert many.may_match(request) == any(glob.may_match(one, request) for one in patterns)
