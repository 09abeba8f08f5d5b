"""Many patterns: none that matches is passed over."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.iam.pattern_index import PatternIndex
from passrole_checks.iam.permissions import glob
from passrole_checks.iam.values import Hole
from passrole_checks.iam.wildcard import takes

_HOLE = glob.letter(Hole("var.x"))
PATTERNS = st.lists(st.text(alphabet="ab:/*?#", max_size=8), min_size=9, max_size=30)


def _spelled(written: str) -> str:
    return glob.pattern(written).replace("#", _HOLE)


@given(PATTERNS, st.text(alphabet="ab:/*?#", max_size=8))
def test_every_pattern_that_may_match_is_near(written: list[str], asked: str) -> None:
    """Whatever wildcards and holes stand in the patterns and in what is asked about."""
    patterns = [_spelled(one) for one in written]
    request = glob.request(_spelled(asked))
    near = glob.index_of(patterns).near(request)
    matching = {place for place, one in enumerate(patterns) if glob.possibly(one, request)}
    meeting = {place for place, one in enumerate(patterns) if glob.may_meet(one, _spelled(asked))}
    assert near == sorted(set(near)) and matching | meeting <= set(near)


@given(st.lists(st.text(alphabet="ab*?", max_size=16), min_size=9, max_size=30), st.text(alphabet="ab*?", max_size=16))
def test_every_pattern_whose_literal_text_is_in_a_text_is_found(patterns: list[str], asked: str) -> None:
    """So is every one that matches the text, whose wildcards only wildcards match."""
    found = PatternIndex(patterns, re.compile("[*?]")).spelled_in(asked)
    spelled = {
        place for place, one in enumerate(patterns) if one == asked or ("*" in one and takes(one, asked, but="*"))
    }
    assert found == sorted(set(found)) and spelled <= set(found)


@given(PATTERNS, st.text(alphabet="ab:/*?#", max_size=8))
def test_many_patterns_answer_as_each_of_them(written: list[str], asked: str) -> None:
    """The answers are those of a look at every pattern."""
    patterns = [_spelled(one) for one in written]
    request = glob.request(_spelled(asked))
    many = glob.Patterns(patterns)
    assert many.surely(request) == any(glob.surely(one, request) for one in patterns)
    assert many.possibly(request) == any(glob.possibly(one, request) for one in patterns)
