"""Roles become one pattern by the beginnings of their names and by their paths."""

from __future__ import annotations

import pytest

from passrole_checks.iam.values.nodes import Position, StringNode, Unresolved, UnresolvedKind, text
from passrole_checks.suggest.from_logs.group_roles import group_roles

AT = Position("", 0)
ARN = "arn:aws:iam::111122223333:role/"


def patterns(*names: str) -> dict[str, str]:
    """The roles that become a part of a pattern, each with that."""
    found = group_roles([text(f"{ARN}{name}", AT) for name in names], lambda _: True)
    return {str(role).removeprefix(ARN): str(pattern).removeprefix(ARN) for role, pattern in found.items()}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("orders-a", "orders-b"), "orders-*"),
        (("orders-api-a", "orders-api-b"), "orders-api-*"),
        (("orders.a", "orders.b"), "orders.*"),
        (("app/a", "app/b"), "app/*"),
        (("app/orders-a", "app/orders-b"), "app/orders-*"),
        (("app/orders-a", "app/orders-b", "app/x"), "app/*"),
    ],
)
def test_similar_roles_become_one_pattern(names: tuple[str, ...], expected: str) -> None:
    """The longest beginning that all of them share, up to a separator; else the path, where there is one."""
    assert patterns(*names) == dict.fromkeys(names, expected)


@pytest.mark.parametrize(
    "names", [("a",), ("a", "b"), ("ab-x", "ab-y"), ("orders", "orders2"), ("app/a", "b"), ("app/a", "app/b/c"), ()]
)
def test_dissimilar_roles_stay_separate(names: tuple[str, ...]) -> None:
    """A beginning is four characters or more, and a path one that is the same."""
    assert patterns(*names) == {}


def test_disallowed_pattern_is_not_used() -> None:
    """The caller decides which patterns are allowed; an unresolved account stays unresolved."""
    account = Unresolved("AWS::AccountId", UnresolvedKind.ACCOUNT_ID)
    roles = [StringNode(("arn:aws:iam::", account, f":role/orders-{name}"), AT) for name in "ab"]
    assert group_roles(roles, lambda _: False) == {}
    assert {pattern.parts for pattern in group_roles(roles, lambda _: True).values()} == {
        ("arn:aws:iam::", account, ":role/orders-*")
    }
