"""Code blocks of fixes: to read, or as suggestions that a forge applies.

Sources: GitHub Docs, "Commenting on a pull request" (a ``suggestion`` block replaces the lines of the
comment); GitLab Docs, "Suggest changes" (``suggestion:-A+B``: from A lines above the commented line to B lines below,
at most 100 each).
"""

from __future__ import annotations

from textwrap import dedent

from passrole_checks.escaping.markup import can_be_shown, fence
from passrole_checks.review.code_excerpt import dedent_statement, diff_lines
from passrole_checks.review.report import Anchor, Replacement

_MAX_APPLICABLE = 20_000  # characters
_MAX_READABLE = 3_000
_MAX_GITLAB_LINES = 100
_LANGUAGES = {".tf": "hcl", ".tofu": "hcl", ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".template": "yaml"}


def replaces_lines_of(replacement: Replacement | None, anchor: Anchor) -> bool:
    """True if the replacement is of exactly the lines of ``anchor``."""
    if replacement is None or anchor.line < 1:
        return False
    lines = (replacement.file, replacement.line, replacement.end_line)
    return lines == (anchor.file, anchor.line, anchor.end_line)


def is_applicable(replacement: Replacement | None, *, gitlab: bool = False) -> bool:
    """True if the replacement can be a suggestion: it is fully visible and within the limits of forges."""
    if replacement is None or replacement.line < 1 or replacement.end_line < replacement.line:
        return False
    text = _lines(replacement.text)
    if len(text) > _MAX_APPLICABLE or not can_be_shown(text):
        return False
    return not gitlab or replacement.end_line - replacement.line <= _MAX_GITLAB_LINES


def suggestion_block(replacement: Replacement, *, gitlab_line: int | None = None) -> str | None:
    """Return the suggestion block; None if it should not be offered. On GitHub the comment must be on the lines of the
    replacement; on GitLab on ``gitlab_line``, one of them."""
    if not is_applicable(replacement, gitlab=gitlab_line is not None):
        return None
    info = "suggestion"
    if gitlab_line is not None:
        above, below = gitlab_line - replacement.line, replacement.end_line - gitlab_line
        if above < 0 or below < 0:
            return None
        info = f"suggestion:-{above}+{below}"
    return _block(info, _lines(replacement.text))


def change_block(replacement: Replacement) -> str | None:
    """Return a readable diff of a replacement, or its new lines if the old ones are unknown; None if it is empty or
    cannot be shown exactly."""
    if not replacement.old:
        return text_block(replacement.text, replacement.file)
    if not (can_be_shown(_lines(replacement.old)) and can_be_shown(_lines(replacement.text))):
        return None
    text = "\n".join(f"{mark} {line}".rstrip() for mark, line in diff_lines(replacement))
    return _block("diff", text) if 0 < len(text) <= _MAX_READABLE else None


def text_block(text: str, file: str) -> str | None:
    """Return lines of ``file`` as a readable block; None if they are empty, too long, or cannot be shown exactly."""
    text = dedent_statement(dedent(_lines(text)).strip("\n"))
    if not text or len(text) > _MAX_READABLE or not can_be_shown(text):
        return None
    return _block(
        next((language for suffix, language in _LANGUAGES.items() if file.lower().endswith(suffix)), ""), text
    )


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")  # the forge applies the line endings of the file


def _block(info: str, text: str) -> str:
    marks = fence(text)
    return f"{marks}{info}\n{text}\n{marks}" if text else f"{marks}{info}\n{marks}"
