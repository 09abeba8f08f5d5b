"""Roles that a data source lists: all of them are any role, some of them a pattern."""

from __future__ import annotations

import pytest

from passrole_checks.sources.terraform.resources.data_sources import to_wildcards


@pytest.mark.parametrize(
    ("regex", "pattern"),
    [
        ("", "*"),
        (".*", "*"),
        ("^.+$", "*"),
        ("^app-.*", "app-*"),
        ("app", "*app*"),
        ("^app-[a-z0-9]+$", "app-*"),
        (r"^app\.v\d$", "app.v*"),
        ("^a.c$", "a?c"),
        ("^[a-z]+$", None),
        ("^(app|web)-", None),
        ("a|b", None),
        ("^ab*$", None),
        (r"^a\$", None),
        (None, None),
    ],
)
def test_wildcards_for_a_regular_expression(regex: str | None, pattern: str | None) -> None:
    """The pattern covers all names that the expression matches; an expression that is too complex has none."""
    assert to_wildcards(regex) == pattern
