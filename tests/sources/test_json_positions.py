"""Places in large JSON texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.sources.files.json_positions import Keys, Member, NotJson, decode_value, find_member, members, walk

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


def rebuilt(text: str, depth: int) -> Any:
    """The document, put together from what a walk that opens everything down to a depth gives."""
    root: dict[str, Any] = {}
    places: dict[Keys, Any] = {(): root}
    for path, member in walk(text, lambda keys: len(keys) <= depth):
        value: Any = member.value
        if member.opened:
            value = {} if text[member.start] == "{" else []
            places[path] = value
        around = places[path[:-1]]
        if isinstance(around, list):
            assert member.key == len(around)
            around.append(value)
        else:
            around[member.key] = value
    return root


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), st.integers(0, 5), st.sampled_from([None, 1]))
def test_walk_gives_the_document_piece_by_piece(document: dict[str, Any], depth: int, indent: int | None) -> None:
    """However deep a walk opens, its pieces are the document."""
    assert rebuilt(json.dumps(document, indent=indent), depth) == document


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), st.integers(0, 5))
def test_every_piece_stands_where_it_says(document: dict[str, Any], depth: int) -> None:
    """The text between a member's offsets is its value."""
    text = json.dumps(document, indent=1)
    for path, member in walk(text, lambda keys: len(keys) <= depth):
        if member.opened:
            found = find_member(text, 0, path)
            assert found is not None
            assert decode_value(text, member.start).value == found.value
        else:
            assert json.loads(text[member.start : member.end]) == member.value


@given(st.dictionaries(st.text(max_size=3), JSON, min_size=1, max_size=4), st.data())
def test_a_text_that_is_cut_off_is_refused(document: dict[str, Any], data: st.DataObject) -> None:
    """Whatever is opened, a text that lacks its end raises, after what stands before."""
    text = json.dumps(document)
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    with pytest.raises(NotJson) as caught:
        list(walk(cut, lambda keys: len(keys) <= 2))
    assert 0 <= caught.value.offset <= len(cut)


@pytest.mark.parametrize("text", ["[]", "3", '"x"', "null", "[1, 2]"])
def test_a_document_that_is_no_object_has_no_pieces(text: str) -> None:
    """Only objects are walked."""
    assert list(walk(text, lambda _: True)) == []


@pytest.mark.parametrize(
    "text", ['{"a": 1,}', '{"a" 1}', '{"a": [1 2]}', "{a: 1}", '{"a": {"b": }}', '{"a": 1}}', '{"a": [}']
)
def test_what_is_no_json_is_refused(text: str) -> None:
    """The mistakes of JSON are refused inside what is opened as well as outside."""
    with pytest.raises(NotJson):
        list(walk(text, lambda _: True))
    with pytest.raises(NotJson):
        list(walk(text, lambda _: False))


def test_nesting_without_end_is_no_recursion() -> None:
    """What is opened may nest as deep as it likes."""
    text = '{"a": ' * 3_000 + "1" + "}" * 3_000
    assert sum(member.opened for _, member in walk(text, lambda _: True)) == 2_999
    with pytest.raises(NotJson, match="nested too deeply"):
        list(walk('{"a": ' * 200_000, lambda keys: len(keys) < 3))


def test_members_of_a_scalar_are_none() -> None:
    """A scalar has no members, an object and a list have theirs with their keys."""
    assert list(members("3")) == []
    assert [member.key for member in members('{"a": 1, "b": 2}')] == ["a", "b"]
    assert list(members("[7]")) == [Member(0, 7, 1, 2)]
