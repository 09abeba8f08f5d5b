"""The pipelines that the pages show as files: blocks of YAML whose first line is a comment with the file's name."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from documentation_pages import code_blocks

from passrole_checks import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
ACTION, TEMPLATE = ROOT / "action.yml", ROOT / ".gitlab" / "passrole-checks.gitlab-ci.yml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REPOSITORY: str = PROJECT["urls"]["Repository"]
HAS_ADDRESS = "example.invalid" not in REPOSITORY  # from the first release on
OURS = urlsplit(REPOSITORY).path[1:] if HAS_ADDRESS else "placeholder/passrole_checks"
TAG = f"v{__version__}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"  # for the tag and the placeholder, so that linters see a pinned one

_PAGES = ("README.md", *(f"docs/ci/{name}.md" for name in ("github", "gitlab", "gitea", "pre-commit")))


@dataclass(frozen=True)
class Example:
    """A file of an example; ``page`` is the name of the page that shows it."""

    name: str
    text: str
    page: str

    @property
    def content(self) -> Any:
        return yaml.safe_load(self.text)

    @property
    def triggers(self) -> dict[str, Any]:
        """The events of a workflow, with their settings. YAML 1.1 takes the key ``on`` for a boolean."""
        return dict(self.content[True])

    @property
    def is_workflow(self) -> bool:
        return self.name.startswith(".github/workflows/")

    def steps(self) -> list[dict[str, Any]]:
        return [step for job in self.content["jobs"].values() for step in job["steps"]]


def page_text(page: str | Path) -> str:
    """Return the text of a page with :data:`OURS` in place of the placeholder for it."""
    return (ROOT / page).read_text("utf-8").replace("<owner>/passrole_checks", OURS)


def examples(commit: str = COMMIT) -> list[Example]:
    """All of them, in the order of the pages, with ``commit`` in place of the tag or the commit of ours, and a login in
    place of ``<owner>``, so that linters see a reference as in a reader's copy."""
    return [
        Example(block.name, block.text.replace("COMMIT", commit).replace(f"PASSROLE_{commit}", "PASSROLE_COMMIT"), page)
        for page in _PAGES
        for block in code_blocks(page_text(page).replace(f"{OURS}@{TAG}", f"{OURS}@COMMIT"))
        if block.language == "yaml" and block.name
    ]


def workflows() -> list[Example]:
    """Those for GitHub Actions."""
    return [example for example in examples() if example.is_workflow]
