"""Dataclasses without the guard of ``frozen`` behave like those of the standard library otherwise."""

import copy
import dataclasses
import pickle
from typing import Any

import pytest

from passrole_checks.iam import fast_dataclass
from passrole_checks.iam.values.nodes import Position, StringNode, Unresolved


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


@fast_dataclass.dataclass(frozen=True, slots=True)
class _Longer(_Fast):
    items: list[str] = dataclasses.field(default_factory=list)
    length: int = dataclasses.field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.items:
            object.__setattr__(self, "length", len(self.items))


@fast_dataclass.dataclass(frozen=True, kw_only=True)
class _ByName:
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


def test_subclass_has_the_fields_and_defaults_of_both() -> None:
    assert repr(_Longer("a")) == "_Longer(name='a', line=0, items=[])"
    assert _Longer("a", 3, ["b"]).length == 1
    assert _Longer("a").length == 0
    assert _Longer("a").items is not _Longer("a").items
    assert _Longer("a") != _Fast("a")
    assert dataclasses.replace(_Longer("a"), name="b") == _Longer("b")
    assert _Longer.__match_args__ == ("name", "line", "items")


def test_each_subclass_gets_its_own_methods() -> None:
    @fast_dataclass.dataclass(frozen=True)
    class Base:
        name: str

    @fast_dataclass.dataclass(frozen=True)
    class Derived(Base):
        line: int

    class Plain(Base):
        """A class without fields of its own."""

    assert repr(Plain("a")).endswith("Plain(name='a')")
    assert repr(Derived("a", 1)).endswith("Derived(name='a', line=1)")
    assert Base("a") == Base("a")
    assert {Derived("a", 1), Derived("a", 1)} == {Derived("a", 1)}


def test_wrong_arguments_are_a_type_error() -> None:
    made: Any = _ByName
    for _ in range(2):  # the first call and later ones
        with pytest.raises(TypeError, match=r"_ByName\.__init__\(\) takes 1 positional argument"):
            made("a")
    assert _ByName(name="a").name == "a"


def test_methods_that_a_class_defines_stay() -> None:
    @fast_dataclass.dataclass(frozen=True)
    class Own:
        name: str

        def __repr__(self) -> str:
            return self.name

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

    assert repr(Own("a")) == "a"
    assert Own("a") == Own("b")


def test_method_is_compiled_once() -> None:
    _Mutable("a")
    compiled = _Mutable.__init__
    assert _Mutable("b").name == "b"
    assert _Mutable.__init__ is compiled


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
