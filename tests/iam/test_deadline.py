"""CPU-time limits: what each allows, and what all of a run share. The clock is fake."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from passrole_checks.iam import deadline
from passrole_checks.iam.values.nodes import (
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    nodes_in,
    strings_in,
    text,
)
from passrole_checks.iam.values.variants import flatten_variants

Work = Callable[[float], None]


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Let seconds pass, calling ``check`` after each tenth of them."""
    now = [0.0]
    monkeypatch.setattr(deadline.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(deadline.time, "thread_time", lambda: now[0])
    monkeypatch.setattr(deadline, "_CALLS_PER_CLOCK_READ", 1)

    def passing(seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            now[0] += 0.1
            deadline.check()

    return passing


def test_a_limit_raises_once_its_seconds_are_over(work: Work) -> None:
    with deadline.limited(2):
        work(1.9)
        with pytest.raises(deadline.OutOfTimeError):
            work(0.2)


def test_nothing_is_limited_outside_of_a_limit(work: Work) -> None:
    with deadline.limited(2):
        pass
    work(1000)


def test_a_file_adds_to_the_limit_and_to_the_pool(work: Work) -> None:
    with deadline.pooled(), deadline.limited(deadline.SECONDS, deadline.SECONDS_PER_MEGABYTE) as limit:
        before = limit.left
        deadline.grant(1_000_000)
        assert limit.left == pytest.approx(before + deadline.SECONDS_PER_MEGABYTE)


def test_limits_of_one_run_share_its_seconds(work: Work) -> None:
    with deadline.pooled():
        with deadline.limited(deadline.SECONDS):
            work(deadline.SECONDS - 3)
        with deadline.limited(deadline.SECONDS) as limit:
            assert limit.left == pytest.approx(3)
            with pytest.raises(deadline.OutOfTimeError):
                work(4)


def test_an_empty_pool_leaves_a_little_for_some_units_and_nothing_after_those(work: Work) -> None:
    with deadline.pooled():
        with deadline.limited(deadline.SECONDS):
            work(deadline.SECONDS - 0.1)
        left = []
        for _ in range(12):
            with deadline.limited(deadline.SECONDS) as limit:
                left.append(limit.left)
                work(min(limit.left, 0.1))
    assert left[1] > 0.1 and left[-1] == pytest.approx(0, abs=0.01)


def test_a_limit_within_a_limit_is_counted_once(work: Work) -> None:
    with deadline.pooled():
        with deadline.limited(deadline.SECONDS) as outer:
            work(2)
            with deadline.limited(deadline.SECONDS):
                work(3)
            work(1)
            assert outer.left == pytest.approx(deadline.SECONDS - 6)
        with deadline.limited(deadline.SECONDS) as limit:
            assert limit.left == pytest.approx(deadline.SECONDS - 6)


def test_a_pool_within_a_pool_is_the_same_one(work: Work) -> None:
    with deadline.pooled():
        with deadline.pooled(), deadline.limited(deadline.SECONDS):
            work(4)
        with deadline.limited(deadline.SECONDS) as limit:
            assert limit.left == pytest.approx(deadline.SECONDS - 4)


def test_each_run_has_a_pool_of_its_own(work: Work) -> None:
    for _ in range(3):
        with deadline.pooled(), deadline.limited(deadline.SECONDS):
            work(deadline.SECONDS - 1)


def test_a_limit_that_is_left_by_an_error_counts_as_well(work: Work) -> None:
    with deadline.pooled():
        with pytest.raises(deadline.OutOfTimeError), deadline.limited(5):
            work(10)
        with deadline.limited(deadline.SECONDS) as limit:
            assert limit.left == pytest.approx(deadline.SECONDS - 5, abs=0.2)


def doubled(times: int) -> Node:
    """Return an object whose two entries are one object, and so on: two to the power of ``times`` places."""
    at = Position("main.tf", 1)
    value: Node = text("x", at)
    for _ in range(times):
        value = ObjectNode((ObjectEntry(text("x", at), value), ObjectEntry(text("y", at), value)), at)
    return value


@pytest.mark.parametrize("walk", [nodes_in, strings_in])
def test_values_of_shared_parts_count_against_the_limit(walk: Callable[[Node], Iterator[object]]) -> None:
    """A value that has more places than can be visited ends with the limit."""
    with deadline.limited(0.05), pytest.raises(deadline.OutOfTimeError):
        for _ in walk(doubled(300)):
            pass


def test_elements_of_shared_parts_end_in_an_unresolved_value() -> None:
    """The elements of a list of principals or policies are limited in number, without a limit of time."""
    found = [value for _, value in flatten_variants(doubled(300))]
    assert len(found) < 10_000 and isinstance(found[-1], StringNode) and found[-1].only_unresolved is not None
    assert len(list(flatten_variants(doubled(10)))) == 2**10
