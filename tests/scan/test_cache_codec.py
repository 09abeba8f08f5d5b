"""Values become bytes and come back, and bytes of others make nothing but plain data of ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.findings import Severity
from passrole_checks.iam.values.nodes import Const, Position, StringNode, Unresolved, UnresolvedKind
from passrole_checks.scan.cache.codec import CLASSES, NotSerializable, from_bytes, to_bytes
from passrole_checks.sources.model.configuration import Framework, Unreadable

AT = Position("a.tf", 1, 2, 3, 4)


def classes() -> Iterable[type]:
    for module, names in CLASSES.items():
        for name in names:
            yield getattr(import_module(f"passrole_checks.{module}"), name)


@pytest.mark.parametrize("kind", list(classes()), ids=lambda kind: kind.__name__)
def test_what_is_kept_is_plain(kind: Any) -> None:
    """Each class that bytes may name is an enumeration, or a dataclass with a hash that does nothing when it is made
    but keep what it is given."""
    if issubclass(kind, Enum):
        assert all(from_bytes(to_bytes(member)) is member for member in kind)
        return
    assert is_dataclass(kind)
    assert kind.__hash__ is not None
    assert not hasattr(kind, "__post_init__")
    assert all(item.init and not item.kw_only for item in fields(kind))


@pytest.mark.parametrize(
    "value",
    [
        StringNode(("a", Unresolved("b", UnresolvedKind.NAME)), AT),
        Const(None, AT),
        (Unreadable("a", "b", None), Framework.SAM, frozenset({"a", "b"}), (1, 2.5, None, True, -0.0), "\udcff\ud800é"),
    ],
)
def test_values_survive_a_round_trip(value: object) -> None:
    """A stored value is restored as an equal value of the same types."""
    found = from_bytes(to_bytes(value))
    assert found == value
    assert repr(found) == repr(value)


class Word(str):
    """A text that is more than one."""


DEEP: tuple[object, ...] = ()
for _ in range(100_000):
    DEEP = (DEEP,)


@pytest.mark.parametrize(
    "value",
    [Path("x"), object(), print, int, ValueError("x"), [], {}, b"", frozenset({1}), Word("a"), "\ud800\udc00", DEEP],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_kept(value: object) -> None:
    """Nothing of another class is written."""
    with pytest.raises(NotSerializable):
        to_bytes((value,))


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "subprocess.check_output",
        "findings.dataclass",
        "findings.Finding.__init__",
        "findings.__builtins__",
        "cache.codec.import_module",
        "passrole_checks.findings.Finding",
        "..findings.Finding",
        "Finding",
        "",
        0,
        None,
        [],
    ],
)
def test_names_outside_of_the_list_are_rejected(name: object, tmp_path: Path) -> None:
    """A name is in the list or it is not: functions, other classes, attributes and imports of what is in it are not."""
    with pytest.raises(NotSerializable):
        from_bytes(json.dumps([[name], [f"touch {tmp_path}/called", [2, 0]]]).encode())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "document",
    [
        [[], []],
        [[], [[0, 0]]],
        [[], [[0, 1], 1]],
        [[], ["a", [2, 0]]],
        [[], ["a", [1, 0], [1, 1]]],
        [[], ["a", [-1, 0]]],
        [[], [{"a": 1}]],
        [[], [[]]],
        [["findings.Severity"], ["loud", [2, 0]]],
        [["sources.resource.Unreadable"], ["a", [2, 0]]],
        {},
        None,
        [1, 2],
    ],
)
def test_invalid_document_is_rejected(document: object) -> None:
    """A document with undefined parts, unknown kinds, or too few parts is rejected."""
    with pytest.raises(NotSerializable):
        from_bytes(json.dumps(document).encode())


def test_object_identity_is_preserved() -> None:
    """A shared object stays shared, and two equal objects stay distinct."""
    one, other = Unreadable("a", "b", 1), Unreadable("a", "b", 1)
    found = from_bytes(to_bytes((one, one, other)))
    assert found[0] is found[1] is not found[2]


@given(st.binary(max_size=60), st.integers(0, 10_000))
def test_any_bytes(noise: bytes, place: int) -> None:
    """Any bytes, and any change of those of a value, give a value or are none: never another exception."""
    data = to_bytes((Unreadable("a", "b", 1), StringNode(("a",), AT)))
    place %= len(data)
    for changed in (noise, data[:place] + noise + data[place:], data[:place] + noise + data[place + len(noise) :]):
        with suppress(NotSerializable):
            from_bytes(changed)


def test_a_value_alone_needs_no_checks() -> None:
    """Reading a value imports what its classes stand in, and neither checks nor parsers."""
    data = to_bytes((Unreadable("a", "b", 1), Severity.LOW))
    code = (
        "import sys; from passrole_checks.scan.cache.codec import from_bytes;"
        f"from_bytes({data!r});"
        "print(sorted(name for name in sys.modules if 'tree_sitter' in name or name in"
        " ('yaml', 'passrole_checks.checks', 'passrole_checks.scan.scanner', 'passrole_checks.scan.analyze')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "[]\n"
