"""Line comments: their items, positions and texts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reports_of_tests import ALL_KINDS, ANY_ROLE, EMPTY, LINKS, NEW, NEW_ACCESS, UNKNOWN, WIDENED

from passrole_checks.findings import Severity
from passrole_checks.review.markdown.inline import comment_anchor, comment_text, fixed_reply, group_items
from passrole_checks.review.markdown.markers import INLINE, MAX_KEYS, CommentMarker
from passrole_checks.review.markdown.words import utf16_length
from passrole_checks.review.report import Anchor, Item, Location, Replacement, ReportNote

BY_HAND = replace(NEW, replacement=None, advice="Name the service.")


def at(item: Item, line: int, key: str = "", file: str = "release/template.yaml") -> Item:
    """The same item, elsewhere."""
    return replace(item, key=key or f"k{line}", at=Location(file, line, line), anchor=Anchor(file, line, line))


def keys(items: list[Item], most: int = 10) -> list[list[str]]:
    return [[item.key for item in group] for _, group in group_items(items, most)]


def test_a_comment_is_on_the_lines_of_its_suggestion() -> None:
    """A comment is on the lines of the item's replacement, else on its anchor; without both there is none."""
    assert comment_anchor(NEW) == Anchor("release/template.yaml", 32, 34)
    assert comment_anchor(BY_HAND) == Anchor("release/template.yaml", 31, 34)
    assert comment_anchor(replace(NEW, replacement=replace(NEW.replacement, text="a\u202eb"))) == BY_HAND.anchor
    assert comment_anchor(replace(BY_HAND, anchor=None)) is None
    assert group_items([replace(BY_HAND, anchor=None)]) == []


def test_items_on_the_same_lines_share_a_comment() -> None:
    """Items on the same lines share one comment, the worst first."""
    low = replace(at(BY_HAND, 5, "low"), severity=Severity.LOW)
    high = replace(at(WIDENED, 5, "high"), replacement=None)
    other = at(replace(WIDENED, replacement=None), 5, "other", "b.tf")
    assert keys([low, high, other]) == [["high", "low"], ["other"]]


def test_each_place_has_its_own_comment() -> None:
    """Items of the same check have a comment each, in one file and in several, with and without replacements."""
    items = [at(BY_HAND, 1), at(replace(BY_HAND, severity=Severity.HIGH), 9), at(BY_HAND, 1, "b", "b.tf")]
    assert keys(items) == [["k9"], ["k1"], ["b"]]
    items = [replace(NEW, key=str(line), replacement=Replacement("a.tf", line, line, "x", "")) for line in (1, 5)]
    assert keys(items) == [["1"], ["5"]]


def test_repeats_beyond_the_limit_share_a_comment() -> None:
    """Beyond ``max_inline`` the least severe repeats of a check share a comment, which leaves room for other checks."""
    items = [at(BY_HAND, line, file=f"{line}.tf") for line in range(1, 13)]
    assert keys(items) == [*([f"k{line}"] for line in range(1, 10)), ["k10", "k11", "k12"]]
    high = at(replace(BY_HAND, severity=Severity.HIGH), 20)
    other = at(replace(BY_HAND, remarks=(ANY_ROLE,)), 30)
    assert keys([*items[:3], other, high], 3) == [["k20"], ["k1", "k2", "k3"], ["k30"]]
    assert keys([*items[:3], other, high], 2) == [["k20", "k1", "k2", "k3"], ["k30"]]
    assert keys([*items[:3], other, high], 1) == [["k20", "k1", "k2", "k3"]]


def test_max_inline_keeps_the_worst_comments() -> None:
    """At most ``max_inline`` comments are returned, the worst; none for 0."""
    items = [
        replace(at(BY_HAND, line), severity=severity, remarks=(replace(ANY_ROLE, check_id=severity.value),))
        for line, severity in enumerate([Severity.LOW, Severity.HIGH, Severity.MEDIUM], 1)
    ]
    assert keys(items, 2) == [["k2"], ["k3"]]
    assert keys(items, 0) == []


def test_items_per_comment_are_limited() -> None:
    """A comment contains at most as many items as its marker can name."""
    items = [at(BY_HAND, line) for line in range(1, MAX_KEYS + 20)]
    ((_, first), (_, second)) = group_items(items, 2)
    assert (len(first), len(second)) == (19, MAX_KEYS)
    here = [replace(item, anchor=Anchor("a.tf", 1, 1)) for item in items]
    assert [len(group) for _, group in group_items(here)] == [MAX_KEYS]


def test_further_statements_are_listed_in_one_line_each() -> None:
    """The first item is described in full, the others in one line each, with their differences."""
    second = at(replace(BY_HAND, resource="Other"), 50)
    third = at(replace(BY_HAND, resource="Third", remarks=(replace(ANY_ROLE, message="Any role can be passed."),)), 60)
    page, _ = comment_text([BY_HAND, second, third], ALL_KINDS, LINKS, Anchor("release/template.yaml", 31, 34))
    link = f"https://github.com/acme/infra/blob/{LINKS.head}/release/template.yaml"
    assert page.partition("\n\nAlso:\n\n")[2] == (
        f"- [`release/template.yaml:50`]({link}#L50) `Other`\n"
        f"- [`release/template.yaml:60`]({link}#L60) `Third`: Any role can be passed."
    )
    alike, _ = comment_text([BY_HAND, second], ALL_KINDS, LINKS, Anchor("release/template.yaml", 31, 34))
    assert "\n\nSame problem:\n\n" in alike


def test_gitlab_suggestion_counts_from_its_line() -> None:
    """GitLab's suggestion block counts lines from the line of the comment."""
    page, _ = comment_text([NEW], ALL_KINDS, LINKS, Anchor("release/template.yaml", 32, 34), gitlab_line=34)
    assert "\n```suggestion:-2+0\n" in page


@pytest.mark.parametrize("anchor", [Anchor("release/template.yaml", 31, 34), Anchor("release/template.yaml", 0, 0)])
def test_no_suggestion_on_other_lines(anchor: Anchor) -> None:
    """On other lines a replacement is a readable code block with the lines that it replaces."""
    page, _ = comment_text([NEW], ALL_KINDS, LINKS, anchor)
    assert "```suggestion" not in page
    assert "**Suggestion** for [`release/template.yaml:32-34`](" in page
    assert "\n```yaml\nAction: iam:PassRole\n" in page


def test_empty_replacement_removes_lines() -> None:
    """A replacement without text says that its lines are to be removed."""
    gone = replace(NEW, replacement=replace(NEW.replacement, text="", says=""))
    assert comment_text([gone], ALL_KINDS, LINKS, Anchor("release/template.yaml", 32, 34))[0].endswith(
        "\n```suggestion\n```"
    )
    page, _ = comment_text([gone], ALL_KINDS, LINKS, Anchor("release/template.yaml", 0, 0))
    assert "**Suggestion:** remove [`release/template.yaml:32-34`](" in page


def test_statement_of_advice_is_a_code_block() -> None:
    """The statement below the first line of advice is a code block; a remediation is not repeated as advice."""
    advice = 'Fill in the role.\nstatement {\n  resources = ["<the role>"]\n}\n'
    page, _ = comment_text([replace(BY_HAND, advice=advice)], ALL_KINDS, LINKS, Anchor("release/template.yaml", 31, 34))
    assert page.endswith(
        '\n\n**Instead:** Fill in the role.\n\n```yaml\nstatement {\n  resources = ["<the role>"]\n}\n```'
    )
    own = replace(BY_HAND, advice=BY_HAND.remarks[0].remediation)
    page, _ = comment_text([own], ALL_KINDS, LINKS, Anchor("release/template.yaml", 31, 34))
    assert page.count("**Instead:**") == 1
    assert ' **Instead:** Add `"Condition"' in page


def test_comment_with_marker_is_within_the_limit() -> None:
    """A comment with its marker has at most 65,536 characters, however many items it has."""
    remark = replace(NEW.remarks[0], message="\U0001f600 " * 900)
    big = replace(
        NEW,
        key="f" * 32,
        remarks=(remark,) * 20,
        replacement=Replacement("release/template.yaml", 31, 34, "\U0001f600" * 10_000, ""),
    )
    items = [big, *(replace(big, at=Location("x" * 400, line, line)) for line in range(MAX_KEYS - 1))]
    page, _ = comment_text(items, ALL_KINDS, LINKS, Anchor("release/template.yaml", 31, 34))
    assert utf16_length(CommentMarker(INLINE, items=tuple(item.key for item in items)).prepend_to(page)) <= 65_536
    assert page.splitlines()[-1].endswith(" more, listed in the summary")


def test_fixed_reply_needs_a_complete_report() -> None:
    """The reply to a fixed comment names the commit; there is none if something could not be read."""
    assert fixed_reply(EMPTY) == "Fixed in `f00df00df00d`: no longer found."
    assert fixed_reply(replace(EMPTY, unreadable=(ReportNote("a.tf", 1, "no"),))) is None


def test_item_without_suggestion_ends_with_its_advice() -> None:
    """Advice follows the findings of an item without a suggestion."""
    page, _ = comment_text([UNKNOWN], ALL_KINDS, LINKS, Anchor("legacy/orders.json", 0, 0))
    assert page.endswith("\n\n**Instead:** Find out which role orders-task-role-arn is, and name it in Resource.")


def test_new_access_is_described_once() -> None:
    """The message of the check that compares access replaces our sentence and is not listed again."""
    (where,) = [place for place in [comment_anchor(WIDENED)] if place is not None]
    page, _ = comment_text([WIDENED], ALL_KINDS, LINKS, where)
    assert page.count("could pass") == 1
    assert page.count("PASSROLE_015") == 1
    alone = replace(WIDENED, remarks=(NEW_ACCESS,), replacement=None)
    page, _ = comment_text([alone], ALL_KINDS, LINKS, where)
    assert page.endswith(
        "(high, `PASSROLE_015 new-access`)\n\n**Instead:** Confirm the change is intended; otherwise revert it."
    )
    assert comment_text([replace(alone, advice=NEW_ACCESS.remediation)], ALL_KINDS, LINKS, where)[0] == page
