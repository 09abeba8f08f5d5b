"""Code blocks: what to write instead, to be read, or to be applied with a click.

Sources: GitHub Docs, "Commenting on a pull request" (a block ``suggestion`` stands for the lines that the comment is
on); GitLab Docs, "Suggest changes" (``suggestion:-A+B``: from A lines above the commented one to B lines below, at most
100 of either).
"""

from __future__ import annotations

from textwrap import dedent

from passrole_checks.escaping.markup import fence, is_safe_in_code_block
from passrole_checks.review.code_excerpt import aligned, changed_lines
from passrole_checks.review.report import Anchor, Replacement

_MOST_TO_APPLY = 20_000  # characters
_MOST_TO_READ = 3_000
_MOST_LINES_OF_GITLAB = 100
_LANGUAGES = {".tf": "hcl", ".tofu": "hcl", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".template": "yaml"}


def is_at(replacement: Replacement | None, anchor: Anchor) -> bool:
    """Whether the replacement is of exactly the lines that a comment at ``anchor`` is on."""
    if replacement is None or anchor.line < 1:
        return False
    here = (replacement.file, replacement.line, replacement.end_line)
    return here == (anchor.file, anchor.line, anchor.end_line)


def can_be_applied(replacement: Replacement | None, *, gitlab: bool = False) -> bool:
    """Whether the replacement can be a suggestion: a reader can see all of it, and no forge takes it for more."""
    if replacement is None or replacement.line < 1 or replacement.end_line < replacement.line:
        return False
    text = _lines(replacement.text)
    if len(text) > _MOST_TO_APPLY or not is_safe_in_code_block(text):
        return False
    return not gitlab or replacement.end_line - replacement.line <= _MOST_LINES_OF_GITLAB


def suggestion_block(replacement: Replacement, *, gitlab_line: int | None = None) -> str | None:
    """The block that a forge offers to apply; None where it should not be offered. For GitHub, on a comment that is on
    the lines of the replacement; for GitLab, on one at ``gitlab_line``, which is one of them."""
    if not can_be_applied(replacement, gitlab=gitlab_line is not None):
        return None
    word = "suggestion"
    if gitlab_line is not None:
        above, below = gitlab_line - replacement.line, replacement.end_line - gitlab_line
        if above < 0 or below < 0:
            return None
        word = f"suggestion:-{above}+{below}"
    return _block(word, _lines(replacement.text))


def change_block(replacement: Replacement) -> str | None:
    """What a replacement changes, to be read: a small difference where the old lines are known, and else the new ones;
    None where there is nothing of it to show, or it cannot be shown as it is."""
    if not replacement.old:
        return text_block(replacement.text, replacement.file)
    if not (is_safe_in_code_block(_lines(replacement.old)) and is_safe_in_code_block(_lines(replacement.text))):
        return None
    text = "\n".join(f"{mark} {line}".rstrip() for mark, line in changed_lines(replacement))
    return _block("diff", text) if 0 < len(text) <= _MOST_TO_READ else None


def text_block(text: str, file: str) -> str | None:
    """Lines of ``file`` to be read; None where they are none or too many, or cannot be shown as they are."""
    text = aligned(dedent(_lines(text)).strip("\n"))
    if not text or len(text) > _MOST_TO_READ or not is_safe_in_code_block(text):
        return None
    return _block(next((word for end, word in _LANGUAGES.items() if file.lower().endswith(end)), ""), text)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")  # a forge writes those of the file


def _block(word: str, text: str) -> str:
    marks = fence(text)
    return f"{marks}{word}\n{text}\n{marks}" if text else f"{marks}{word}\n{marks}"
