"""Check that a commit can be released: ``python -m tools.release --tag v1.2.3``; ``--notes`` prints the release notes.

Without ``--tag`` only what holds in every commit: the version has the changelog's first section, and examples in README
and docs name its tag. Exit status 1 if something is to be done, which standard error lists. RELEASING.md has the steps.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from datetime import date, datetime, timezone
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PLACEHOLDERS = ("<owner>", "example.invalid")
SHIPPED = (  # texts that people paste from, with an address of the repository
    "*.md", "*.yml", "*.toml", ".*.yaml", "setup.cfg", "Dockerfile", "docs/**/*.md", "docs/schema/*", ".github/**/*",
    ".gitlab/*", "passrole_checks/**/*.py", "passrole_checks/output/page/*",
)  # fmt: skip
_VERSION = re.compile(r'^__version__ = "(\d+\.\d+\.\d+)"$', re.MULTILINE)
_SECTION = re.compile(r"^## (\S+) - ([^\n]*)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_TAG = re.compile(r"(?:passrole_checks@|\b(?:rev|ref): )(v\d+\.\d+\.\d+)\b")


class Section(NamedTuple):
    """A version in the changelog."""

    version: str
    released: str
    text: str


def version_of(root: Path) -> str:
    """Return the version of the package. Raises SystemExit if it is not three numbers."""
    found = _VERSION.search((root / "passrole_checks" / "__init__.py").read_text("utf-8"))
    return found[1] if found else sys.exit("passrole_checks/__init__.py: __version__ is not X.Y.Z")


def newest_section(root: Path) -> Section:
    """Return the first section of the changelog. Raises SystemExit if it has none."""
    found = _SECTION.search((root / "CHANGELOG.md").read_text("utf-8"))
    return Section(*found.groups()) if found else sys.exit("CHANGELOG.md: no section `## X.Y.Z - DATE`")


def inconsistencies(root: Path) -> Iterator[str]:
    """Yield what no commit may have: other versions than the package's in the changelog and in examples."""
    version = version_of(root)
    if newest_section(root).version != version:
        yield f"CHANGELOG.md: the first section is not that of {version}"
    for path in (root / "README.md", *sorted(root.glob("docs/**/*.md"))):
        for tag in sorted(set(_TAG.findall(path.read_text("utf-8"))) - {f"v{version}"}):
            yield f"{path.relative_to(root)}: an example names {tag}, not v{version}"


def left_to_do(root: Path, tag: str, today: date) -> Iterator[str]:
    """Yield what keeps this commit from being released as ``tag``."""
    yield from inconsistencies(root)
    if tag != f"v{version_of(root)}":
        yield f"{tag}: the tag of this version is v{version_of(root)}"
    section = newest_section(root)
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", section.released) or not _is_past(section.released, today):
        yield f"CHANGELOG.md: `{section.released}` is not the day of the release"
    if not section.text.strip():
        yield f"CHANGELOG.md: nothing about {section.version}"
    for path in shipped_texts(root):
        for placeholder in PLACEHOLDERS:
            if path.name not in ("RELEASING.md", "CHANGELOG.md") and placeholder in path.read_text("utf-8"):
                yield f"{path.relative_to(root)}: `{placeholder}` is a placeholder for the address of the repository"


def shipped_texts(root: Path) -> list[Path]:
    """Return the files that may name an address of the repository."""
    return sorted({path for pattern in SHIPPED for path in root.glob(pattern) if path.is_file()})


def _is_past(day: str, today: date) -> bool:
    try:
        return date.fromisoformat(day) <= today
    except ValueError:
        return False


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tag", help="the tag to release, v and the version")
    parser.add_argument("--notes", action="store_true", help="print the changelog's section")
    options = parser.parse_args(arguments)
    today = datetime.now(timezone.utc).date()
    problems = list(inconsistencies(ROOT) if options.tag is None else left_to_do(ROOT, options.tag, today))
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    if options.notes:
        print(newest_section(ROOT).text.strip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
