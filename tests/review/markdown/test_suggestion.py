"""Suggestion blocks and readable code blocks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from passrole_checks.review.markdown.suggestion import is_applicable, replaces_lines_of, suggestion_block, text_block
from passrole_checks.review.report import Anchor, Replacement

TWO = Replacement("a/iam.tf", 7, 8, '  actions = ["iam:PassRole"]\n  resources = [local.app]', "Names the role.")


def test_github_block_contains_the_new_lines() -> None:
    """The block contains the new lines unchanged."""
    assert suggestion_block(TWO) == ('```suggestion\n  actions = ["iam:PassRole"]\n  resources = [local.app]\n```')


@pytest.mark.parametrize(("line", "word"), [(7, "suggestion:-0+1"), (8, "suggestion:-1+0")])
def test_gitlab_block_counts_lines_around_its_position(line: int, word: str) -> None:
    """GitLab counts lines above and below the line of the comment."""
    assert (suggestion_block(TWO, gitlab_line=line) or "").splitlines()[0] == f"```{word}"


def test_gitlab_block_has_limits() -> None:
    """There is no GitLab block on a line outside the replacement, or for more than 100 lines."""
    assert suggestion_block(TWO, gitlab_line=9) is None
    assert suggestion_block(replace(TWO, end_line=108), gitlab_line=7) is None
    assert suggestion_block(replace(TWO, end_line=107), gitlab_line=7) is not None


def test_empty_replacement_is_an_empty_block() -> None:
    """A replacement without text is a block without lines."""
    assert suggestion_block(replace(TWO, text="")) == "```suggestion\n```"


def test_the_fence_is_longer_than_any_within() -> None:
    """A text that contains a fence has a longer fence."""
    assert suggestion_block(replace(TWO, text="a\n`````\nb")) == "``````suggestion\na\n`````\nb\n``````"


def test_carriage_returns_are_left_to_the_forge() -> None:
    """Carriage returns are removed, since the forge writes the line endings of the file."""
    assert suggestion_block(replace(TWO, text="a\r\nb")) == "```suggestion\na\nb\n```"


@pytest.mark.parametrize(
    "text", ["a\u202eb", "a\rb", "x\n/close", "# <!-- x -->", pytest.param("x" * 20_001, id="long")]
)
def test_unsafe_text_is_not_suggested(text: str) -> None:
    """Text with invisible characters, GitLab commands, HTML comments, or too much of it is not suggested."""
    assert not is_applicable(replace(TWO, text=text))
    assert suggestion_block(replace(TWO, text=text)) is None
    assert text_block(text, TWO.file) is None


def test_block_requires_the_exact_lines() -> None:
    """A block requires a comment on exactly the lines of the replacement, in its file."""
    assert replaces_lines_of(TWO, Anchor("a/iam.tf", 7, 8))
    for other in (Anchor("a/iam.tf", 7, 7), Anchor("a/iam.tf", 6, 8), Anchor("b.tf", 7, 8), Anchor("a/iam.tf", 0, 0)):
        assert not replaces_lines_of(TWO, other)
    assert not replaces_lines_of(None, Anchor("a/iam.tf", 7, 8))


def test_readable_block_is_dedented_and_highlighted() -> None:
    """A readable block has no common indentation, and the language of its file."""
    assert text_block(TWO.text, TWO.file) == '```hcl\nactions = ["iam:PassRole"]\nresources = [local.app]\n```'
    assert (text_block("a: b", "a.yml") or "").splitlines()[0] == "```yaml"
    assert (text_block("a", "a.txt") or "").splitlines()[0] == "```"
    assert text_block("x\n" * 2_000, "a.tf") is None
    assert text_block("", "a.tf") is None
