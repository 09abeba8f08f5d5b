"""Positions in large JSON texts."""

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
    """Return the document assembled from a walk that opens collections down to a depth."""
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
def test_walk_yields_the_whole_document(document: dict[str, Any], depth: int, indent: int | None) -> None:
    """However deep it opens collections."""
    assert rebuilt(json.dumps(document, indent=indent), depth) == document


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), st.integers(0, 5))
def test_member_offsets_match_their_values(document: dict[str, Any], depth: int) -> None:
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
def test_truncated_text_is_rejected(document: dict[str, Any], data: st.DataObject) -> None:
    """After the members before the end."""
    text = json.dumps(document)
    cut = text[: data.draw(st.integers(1, len(text) - 1))]
    with pytest.raises(NotJson) as caught:
        list(walk(cut, lambda keys: len(keys) <= 2))
    assert 0 <= caught.value.offset <= len(cut)


@pytest.mark.parametrize("text", ["[]", "3", '"x"', "null", "[1, 2]"])
def test_only_objects_are_walked(text: str) -> None:
    """Only objects are walked."""
    assert list(walk(text, lambda _: True)) == []


@pytest.mark.parametrize(
    "text", ['{"a": 1,}', '{"a" 1}', '{"a": [1 2]}', "{a: 1}", '{"a": {"b": }}', '{"a": 1}}', '{"a": [}']
)
def test_invalid_json_is_rejected(text: str) -> None:
    """Inside opened collections as well as outside."""
    with pytest.raises(NotJson):
        list(walk(text, lambda _: True))
    with pytest.raises(NotJson):
        list(walk(text, lambda _: False))


def test_opened_collections_may_nest_deeply() -> None:
    """Without recursion."""
    text = '{"a": ' * 3_000 + "1" + "}" * 3_000
    assert sum(member.opened for _, member in walk(text, lambda _: True)) == 2_999
    with pytest.raises(NotJson, match="nested too deeply"):
        list(walk('{"a": ' * 200_000, lambda keys: len(keys) < 3))


def test_scalar_has_no_members() -> None:
    """A scalar has no members, an object and a list have theirs with their keys."""
    assert list(members("3")) == []
    assert [member.key for member in members('{"a": 1, "b": 2}')] == ["a", "b"]
    assert list(members("[7]")) == [Member(0, 7, 1, 2)]
