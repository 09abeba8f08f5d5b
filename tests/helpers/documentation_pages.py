"""The pages of documentation: the README, the other pages beside it, and those of the site."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SITE = ROOT / "docs"
SITE_PAGES = sorted(SITE.rglob("*.md"))
BESIDE_README = [ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY", "THIRD_PARTY")]
PAGES = [README, *BESIDE_README, *SITE_PAGES]

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"(?:#|//) (\S+)\n")


@dataclass(frozen=True)
class CodeBlock:
    """A code block of a page; ``name`` is in a comment in its first line, which ``text`` lacks, or else empty."""

    language: str
    name: str
    text: str


def code_blocks(text: str) -> Iterator[CodeBlock]:
    """Yield the code blocks of a page, given its text."""
    for language, body in FENCE.findall(text):
        named = _NAME.match(body)
        yield CodeBlock(language, named[1], body[named.end() :]) if named else CodeBlock(language, "", body)


def name_of(page: Path) -> str:
    """Return the path of a page in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the code blocks of a page in one of these languages, in their order."""
    return [body for found, body in FENCE.findall(page.read_text("utf-8")) if found in languages]


def all_blocks(*languages: str, pages: Iterable[Path] = (README, *SITE_PAGES)) -> Iterator[tuple[Path, str]]:
    """Yield the code blocks of several pages, each with its page."""
    return ((page, body) for page in pages for body in blocks(page, *languages))
