"""Texts with holes that hold YAML."""

from __future__ import annotations

import pytest

from passrole_checks.iam.values import Hole, Items, Mapping, Node, Part, Position, Text
from passrole_checks.sources.yaml_text import parse_yaml

AT = Position("template.yaml", 7)
ROLE, NAME = Hole("Role.Arn", role="Role"), Hole("AWS::StackName")


def told(node: Node | None) -> object:
    """A value in Python's words; of a text its parts, the literal alone where it has no hole."""
    if isinstance(node, Mapping):
        return {told(entry.key): told(entry.value) for entry in node.entries}
    if isinstance(node, Items):
        return [told(item) for item in node.items]
    if isinstance(node, Text):
        return node.literal if node.literal is not None else node.parts
    return node


def parsed(*parts: Part) -> object:
    return told(parse_yaml(Text(parts, AT)))


def test_holes_stay_in_their_places() -> None:
    """A hole is the value that it stands for, or a part of it, or of a key; what was quoted stays text."""
    assert parsed("a:\n  - ", ROLE, '\n  - "x-', NAME, '-y"\n', NAME, ": 1\n") == {
        "a": [(ROLE,), ("x-", NAME, "-y")],
        (NAME,): "1",
    }


def test_all_of_it_stands_where_the_text_does() -> None:
    """Each value is at the place of the text."""
    found = parse_yaml(Text(("a:\n- b\n",), AT))
    assert isinstance(found, Mapping)
    assert {found.at, found.entries[0].key.at, found.entries[0].value.at} == {AT}


@pytest.mark.parametrize(
    "written",
    [
        "a: \ue0000\ue001\n",  # the characters that a hole becomes
        'a: "\\ue0000\\ue001"\n',
        'a: "\\ue00099999999999999\\ue001"\n',
    ],
)
def test_no_text_can_pass_for_a_hole(written: str) -> None:
    """A text without holes has none, whatever characters YAML spells in it."""
    found = parsed(written)
    assert isinstance(found, dict)
    assert isinstance(found["a"], str)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "only a text",
        "a: [b\n",
        "a: &a [*a]\n",
        "x: " + "[" * 100_000 + "]" * 100_000 + "\n",
        "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)),
        "a: " + "b" * 1_000_001 + "\n",
    ],
    ids=["empty", "text", "broken", "endless", "deep", "aliases", "long"],
)
def test_what_is_no_object_is_none(written: str) -> None:
    """Neither broken text nor what grows without end is read, and nothing takes long."""
    assert parse_yaml(Text((written,), AT)) is None


def test_of_equal_keys_the_last_counts() -> None:
    """A key that stands twice has the value of the last."""
    assert parsed("a: 1\na: 2\n") == {"a": "2"}
