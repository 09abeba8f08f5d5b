"""Lines of code to be read."""

from __future__ import annotations

from passrole_checks.review.code_excerpt import dedent_statement, diff_lines
from passrole_checks.review.report import Replacement


def changed(old: str, new: str) -> list[str]:
    found = diff_lines(Replacement("a.tf", 1, 1, new, "Changes.", old=old))
    return [f"{mark} {line}" for mark, line in found]


def test_a_small_difference() -> None:
    """Lines that stay are shown beside those that go and come, all without the indentation that they have in common."""
    assert changed("    a {\n      b = 1\n    }", "    a {\n      b = 2\n      c = 3\n    }") == [
        "  a {",
        "-   b = 1",
        "+   b = 2",
        "+   c = 3",
        "  }",
    ]


def test_lines_that_go_or_come() -> None:
    """Where nothing takes their place, lines only go; where the old ones are not known, the new ones only come."""
    assert changed("  a", "") == ["- a"]
    assert changed("", "  a") == ["+ a"]
    assert changed("a\r\nb", "a\nc") == ["  a", "- b", "+ c"]
    assert changed("", "") == []


def test_far_from_a_change() -> None:
    """Of lines that stay only three are shown on either side of a change."""
    old = [str(number) for number in range(20)]
    new = ["first", *old[1:19], "last"]
    assert changed("\n".join(old), "\n".join(new)) == [
        *("- 0", "+ first", "  1", "  2", "  3"),
        "… ",
        *("  16", "  17", "  18", "- 19", "+ last"),
    ]


def test_very_many_lines() -> None:
    """Very many lines are not compared with each other: all of them go, and all come."""
    assert changed("a\n" * 150, "a\n" * 150) == [*["- a"] * 150, "- ", *["+ a"] * 150, "+ "]


def test_a_statement_out_of_its_file() -> None:
    """A statement whose first line stood behind something else has its further lines where that one is."""
    assert dedent_statement("{\n      a = 1\n    }") == "{\n  a = 1\n}"
    for other in ("{\n  a = 1\n}", "- a: 1\n  b: 2", "Effect: Allow\n  b: 2", "one line", "  {\n    a = 1\n  }"):
        assert dedent_statement(other) == other
