"""Blocks that a click applies."""

from __future__ import annotations

from dataclasses import replace

import pytest

from passrole_checks.review.markdown.suggestion import is_applicable, replaces_lines_of, suggestion_block, text_block
from passrole_checks.review.report import Anchor, Replacement

TWO = Replacement("a/iam.tf", 7, 8, '  actions = ["iam:PassRole"]\n  resources = [local.app]', "Names the role.")


def test_a_block_for_github() -> None:
    """The block holds the new lines as they are."""
    assert suggestion_block(TWO) == ('```suggestion\n  actions = ["iam:PassRole"]\n  resources = [local.app]\n```')


@pytest.mark.parametrize(("line", "word"), [(7, "suggestion:-0+1"), (8, "suggestion:-1+0")])
def test_a_block_for_gitlab(line: int, word: str) -> None:
    """GitLab counts lines above and below the one that the comment is on."""
    assert (suggestion_block(TWO, gitlab_line=line) or "").splitlines()[0] == f"```{word}"


def test_no_block_for_gitlab_elsewhere() -> None:
    """On a line outside of the replacement, or for more than 100 lines, GitLab gets no block."""
    assert suggestion_block(TWO, gitlab_line=9) is None
    assert suggestion_block(replace(TWO, end_line=108), gitlab_line=7) is None
    assert suggestion_block(replace(TWO, end_line=107), gitlab_line=7) is not None


def test_lines_can_be_taken_out() -> None:
    """A replacement without text is a block without lines."""
    assert suggestion_block(replace(TWO, text="")) == "```suggestion\n```"


def test_the_fence_is_longer_than_any_within() -> None:
    """A text with a fence in it is held by a longer one."""
    assert suggestion_block(replace(TWO, text="a\n`````\nb")) == "``````suggestion\na\n`````\nb\n``````"


def test_line_breaks_are_the_forges() -> None:
    """Carriage returns at the ends of lines are left to the forge, which writes those of the file."""
    assert suggestion_block(replace(TWO, text="a\r\nb")) == "```suggestion\na\nb\n```"


@pytest.mark.parametrize(
    "text", ["a\u202eb", "a\rb", "x\n/close", "# <!-- x -->", pytest.param("x" * 20_001, id="long")]
)
def test_what_nobody_should_accept(text: str) -> None:
    """Text with characters that nobody sees, with commands of GitLab, with comments of HTML, or without end is not
    offered."""
    assert not is_applicable(replace(TWO, text=text))
    assert suggestion_block(replace(TWO, text=text)) is None
    assert text_block(text, TWO.file) is None


def test_only_on_exactly_its_lines() -> None:
    """A block is for a comment that is on exactly the lines of the replacement, in its file."""
    assert replaces_lines_of(TWO, Anchor("a/iam.tf", 7, 8))
    for other in (Anchor("a/iam.tf", 7, 7), Anchor("a/iam.tf", 6, 8), Anchor("b.tf", 7, 8), Anchor("a/iam.tf", 0, 0)):
        assert not replaces_lines_of(TWO, other)
    assert not replaces_lines_of(None, Anchor("a/iam.tf", 7, 8))


def test_a_block_to_read() -> None:
    """In the summary the lines are shown without their common indentation, in the colours of their language."""
    assert text_block(TWO.text, TWO.file) == '```hcl\nactions = ["iam:PassRole"]\nresources = [local.app]\n```'
    assert (text_block("a: b", "a.yml") or "").splitlines()[0] == "```yaml"
    assert (text_block("a", "a.txt") or "").splitlines()[0] == "```"
    assert text_block("x\n" * 2_000, "a.tf") is None
    assert text_block("", "a.tf") is None
