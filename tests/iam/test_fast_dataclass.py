"""Dataclasses without the guard of ``frozen`` behave like those of the standard library otherwise."""

import copy
import dataclasses
import pickle

import pytest

from passrole_checks.iam import fast_dataclass
from passrole_checks.iam.partial_values import Position, StringNode, Unresolved


@dataclasses.dataclass(frozen=True, slots=True)
class _Frozen:
    name: str
    line: int = dataclasses.field(default=0, compare=False)


@fast_dataclass.dataclass(frozen=True, slots=True)
class _Fast:
    name: str
    line: int = dataclasses.field(default=0, compare=False)


@fast_dataclass.dataclass(frozen=True)
class _OwnHash:
    name: str

    def __hash__(self) -> int:
        return 7


@fast_dataclass.dataclass(frozen=True, eq=False)
class _ByIdentity:
    name: str


@fast_dataclass.dataclass
class _Mutable:
    name: str


def test_equality_and_hash_are_those_of_a_frozen_dataclass() -> None:
    assert _Fast("a", 1) == _Fast("a", 2) != _Fast("b", 1)
    assert hash(_Fast("a", 1)) == hash(_Fast("a", 2)) == hash(_Frozen("a"))
    assert hash(_OwnHash("a")) == 7
    assert _ByIdentity("a") != _ByIdentity("a")
    assert len({_ByIdentity("a"), _ByIdentity("a")}) == 2


def test_mutable_dataclass_has_no_hash() -> None:
    with pytest.raises(TypeError):
        hash(_Mutable("a"))


def test_slots_and_text_are_those_of_a_frozen_dataclass() -> None:
    assert not hasattr(_Fast("a"), "__dict__")
    assert repr(_Fast("a")) == "_Fast(name='a', line=0)"


@pytest.mark.parametrize(
    "value", [_Fast("a", 3), _OwnHash("a"), StringNode(("a", Unresolved("var.b")), Position("main.tf", 1))]
)
def test_pickles_and_copies_are_equal(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == copy.copy(value) == copy.deepcopy(value) == value


def test_pickle_has_no_names_of_fields() -> None:
    assert b"line" not in pickle.dumps(_Fast("a", 3))
