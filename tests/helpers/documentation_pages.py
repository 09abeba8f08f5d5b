"""The pages of documentation: the README, the other pages beside it, and those of the site."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
SITE = ROOT / "docs"
SITE_PAGES = sorted(SITE.rglob("*.md"))
BESIDE_README = [ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY", "THIRD_PARTY")]
PAGES = [README, *BESIDE_README, *SITE_PAGES]

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    """Return the path of a page in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the code blocks of a page in one of these languages, in their order."""
    return [body for found, body in FENCE.findall(page.read_text("utf-8")) if found in languages]


def all_blocks(*languages: str, pages: Iterable[Path] = (README, *SITE_PAGES)) -> Iterator[tuple[Path, str]]:
    """Yield the code blocks of several pages, each with its page."""
    return ((page, body) for page in pages for body in blocks(page, *languages))
