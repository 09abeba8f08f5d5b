"""Code excerpts to display."""

from __future__ import annotations

from passrole_checks.review.code_excerpt import dedent_statement, diff_lines
from passrole_checks.review.report import Replacement


def changed(old: str, new: str) -> list[str]:
    found = diff_lines(Replacement("a.tf", 1, 1, new, "Changes.", old=old))
    return [f"{mark} {line}" for mark, line in found]


def test_diff_is_dedented() -> None:
    """Unchanged lines are shown around changes, all without their common indentation."""
    assert changed("    a {\n      b = 1\n    }", "    a {\n      b = 2\n      c = 3\n    }") == [
        "  a {",
        "-   b = 1",
        "+   b = 2",
        "+   c = 3",
        "  }",
    ]


def test_removed_or_added_lines_only() -> None:
    """Without new lines there are only removals; without known old lines only additions."""
    assert changed("  a", "") == ["- a"]
    assert changed("", "  a") == ["+ a"]
    assert changed("a\r\nb", "a\nc") == ["  a", "- b", "+ c"]
    assert changed("", "") == []


def test_context_is_limited() -> None:
    """At most three unchanged lines are shown on either side of a change."""
    old = [str(number) for number in range(20)]
    new = ["first", *old[1:19], "last"]
    assert changed("\n".join(old), "\n".join(new)) == [
        *("- 0", "+ first", "  1", "  2", "  3"),
        "… ",
        *("  16", "  17", "  18", "- 19", "+ last"),
    ]


def test_many_lines_are_not_compared() -> None:
    """Too many lines are shown as all removed and all added."""
    assert changed("a\n" * 150, "a\n" * 150) == [*["- a"] * 150, "- ", *["+ a"] * 150, "+ "]


def test_statement_is_dedented_to_its_first_line() -> None:
    """The further lines of a statement are dedented to its first line, which followed other text."""
    assert dedent_statement("{\n      a = 1\n    }") == "{\n  a = 1\n}"
    for other in ("{\n  a = 1\n}", "- a: 1\n  b: 2", "Effect: Allow\n  b: 2", "one line", "  {\n    a = 1\n  }"):
        assert dedent_statement(other) == other
