"""Results are remembered by the identity of the first argument and the equality of the others."""

from __future__ import annotations

from passrole_checks.iam.identity_cache import BoundedCache, cached_by_identity


def test_result_is_computed_once_for_an_object_and_its_other_arguments() -> None:
    calls: list[tuple[object, str]] = []

    @cached_by_identity(8)
    def named(item: tuple[int, ...], word: str) -> str:
        calls.append((item, word))
        return f"{len(item)} {word}"

    first, second = tuple(range(2)), tuple(range(2))
    assert [named(first, "a"), named(first, "a"), named(first, "b"), named(second, "a")] == ["2 a", "2 a", "2 b", "2 a"]
    assert [word for _, word in calls] == ["a", "b", "a"]


def test_number_of_results_is_bounded_and_objects_of_equal_ids_are_not_mixed_up() -> None:
    @cached_by_identity(2)
    def total(item: tuple[int, ...]) -> int:
        return sum(item)

    assert [total(tuple(range(number, number + 2))) for number in range(100)] == [
        2 * number + 1 for number in range(100)
    ]


def test_bounded_cache_is_emptied_when_it_is_full() -> None:
    cache = BoundedCache[int, str](2)
    for number in range(5):
        cache[number] = str(number)
        assert cache.get(number) == str(number) and len(cache) <= 2
    assert cache == {4: "4"}
