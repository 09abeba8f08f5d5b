"""Action patterns, against the truth table and the standard library's matcher."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passrole_checks.iam.documents.action import best_match, is_explicit, matches, not_action_covers
from passrole_checks.iam.values.nodes import Position, StringNode, Ternary, Unresolved, UnresolvedKind

AT = Position("policy.json", 1)


def text(*parts: str | Unresolved) -> StringNode:
    return StringNode(parts, AT)


@pytest.mark.parametrize(
    "pattern",
    ["iam:PassRole", "IAM:passROLE", "iam:*", "*", "iam:Pass*", "iam:*Role", "iam:?assRole", "iam:PassRole*", "*:*",
     "iam:*pass*", "iam:P*"],
)  # fmt: skip
def test_pattern_matches_passrole(pattern: str) -> None:
    """Every spelling of the truth table's row 2 covers PassRole."""
    assert matches(text(pattern)) is Ternary.YES


@pytest.mark.parametrize(
    "pattern",
    ["iam:PassRole?", "iam:GetRole", "sts:PassRole", "iam:AddRoleToInstanceProfile", "PassRole", "", "iam:Pass Role",
     "iam:PassRole:x", "s*:PassRole"],
)  # fmt: skip
def test_pattern_does_not_match_passrole(pattern: str) -> None:
    """Other actions, and values that AWS refuses, cover nothing (rows 3 and 5)."""
    assert matches(text(pattern)) is Ternary.NO


@pytest.mark.parametrize("pattern", ["*:PassRole", "i*:*ole", "i*:PassRole"])
def test_wildcard_in_the_service_prefix_is_unknown(pattern: str) -> None:
    """AWS says nothing of wildcards in the service prefix (row 5)."""
    assert matches(text(pattern)) is Ternary.UNKNOWN


@pytest.mark.parametrize(
    ("parts", "answer"),
    [
        ((Unresolved("var.action"),), Ternary.UNKNOWN),
        (("iam:", Unresolved("var.action")), Ternary.UNKNOWN),
        (("iam:Get", Unresolved("var.action")), Ternary.NO),
        (("s3:", Unresolved("var.action")), Ternary.NO),
        (("iam:", Unresolved("var.verb", UnresolvedKind.NAME), "Role"), Ternary.UNKNOWN),
    ],
)
def test_unresolved_part_is_unknown_only_if_it_can_match(parts: tuple[str | Unresolved, ...], answer: Ternary) -> None:
    """An unresolved part makes the answer unknown only if some value of it would make the pattern match."""
    assert matches(text(*parts)) is answer


def test_best_match_is_the_most_explicit_pattern() -> None:
    """Of several patterns that grant PassRole, its own name is named before a wildcard."""
    answer, pattern = best_match([text("*"), text("iam:Pass*"), text("iam:passrole"), text("iam:*")])
    assert answer is Ternary.YES and str(pattern) == "iam:passrole"
    assert pattern is not None and is_explicit(pattern)


@pytest.mark.parametrize(
    ("not_actions", "answer"),
    [
        (["s3:*"], Ternary.YES),
        (["iam:Get*"], Ternary.YES),
        (["iam:*"], Ternary.NO),
        (["s3:*", "iam:passrole"], Ternary.NO),
        (["*"], Ternary.NO),
        ([], Ternary.YES),
    ],
)
def test_not_action_covers_unlisted_actions(not_actions: list[str], answer: Ternary) -> None:
    """NotAction grants PassRole unless one of its patterns names it (rows 6 and 7)."""
    assert not_action_covers([text(item) for item in not_actions]) is answer


names = st.text("iamPpasRole:*?", max_size=12)


@given(names)
def test_matching_agrees_with_fnmatch(rest: str) -> None:
    """Matching below a literal prefix is matching as shells do it, without case."""
    pattern = f"iam:{rest.replace(':', '')}"
    expected = fnmatchcase("iam:passrole", pattern.lower())
    assert matches(text(pattern)) is Ternary.of(expected)


@given(names)
def test_actions_are_case_insensitive(pattern: str) -> None:
    """An action pattern means the same in capitals."""
    assert matches(text(pattern)) is matches(text(pattern.swapcase()))


@given(names, st.integers(0, 12), st.integers(0, 12))
def test_unresolved_part_never_hides_a_match(pattern: str, start: int, length: int) -> None:
    """A pattern that covers PassRole is never answered with no once a part of it is unknown."""
    if matches(text(pattern)) is Ternary.NO:
        return
    holed = text(pattern[:start], Unresolved("var.x"), pattern[start + length :])
    assert matches(holed) is not Ternary.NO
