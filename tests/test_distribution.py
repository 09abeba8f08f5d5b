"""How to install the package is said in one place, and as it is: from the repository until it is on an index."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from passrole_checks import __version__, distribution

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
TEXTS = ("*.md", "*.yml", "*.py", "Dockerfile", ".ci/*", ".github/**/*", ".gitlab/*", "docs/**/*.md", "tools/**/*.py")
# An installer's command up to the name of this package, if that is neither a path nor followed by a reference.
FROM_INDEX = re.compile(
    r"\b(?:pip3?|pipx|uvx|uv)\b(?:\s+-\S+|\s+(?:install|run|add|tool|pip))*\s+[^\n&;|]*?"
    r"(?<![\w./-])passrole[-_]checks\b(?:\[[^\]\n]*\])?(?!\s*@)(?![\[/.\w-])"
)


def texts() -> Iterator[Path]:
    for pattern in (*TEXTS, "passrole_checks/**/*.py"):
        yield from (path for path in ROOT.glob(pattern) if path.is_file() and "requirements" not in path.name)


def test_no_text_installs_from_an_index() -> None:
    """Neither documentation nor messages; the command of :mod:`passrole_checks.distribution` is put together there."""
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in texts()
        for match in FROM_INDEX.finditer(path.read_text("utf-8"))
    }
    assert not found


@pytest.mark.parametrize(
    ("text", "is_from_index"),
    [
        ("pip install passrole-checks", True),
        ("run: python -m pip install --upgrade 'passrole-checks[bot]'", True),
        ("pipx install passrole_checks==1.0", True),
        ("uvx passrole-checks scan .", True),
        ("uv tool install passrole-checks", True),
        ("pip install 'passrole-checks[bot] @ git+https://example.com/x'", False),
        ("pip install . && .venv/bin/passrole-checks scan .", False),
        ("pip install ./passrole_checks", False),
        ("pip install '.[bot]' | passrole-checks", False),
    ],
)
def test_index_installs_are_recognized(text: str, is_from_index: bool) -> None:
    """The pattern of the test above."""
    assert bool(FROM_INDEX.search(text)) is is_from_index


def test_urls_of_the_project_are_in_the_repository() -> None:
    """The metadata and the messages name the same repository."""
    urls = PROJECT["urls"]
    assert set(urls) == {"Repository", "Documentation", "Changelog", "Issues", "Security"}
    assert urls["Repository"] == distribution.REPOSITORY
    assert all(url.startswith(distribution.REPOSITORY) for url in urls.values())


@pytest.mark.parametrize("extra", ["", "bot", "trail", "dask"])
def test_requirement_names_the_repository_until_the_package_is_published(
    extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tag of this version, so that an extra does not exchange the program."""
    assert not extra or extra in PROJECT["optional-dependencies"]
    name = f"passrole-checks[{extra}]" if extra else "passrole-checks"
    monkeypatch.setattr(distribution, "IS_ON_INDEX", False)
    assert distribution.requirement(extra) == f"{name} @ git+{distribution.REPOSITORY}@v{__version__}"
    monkeypatch.setattr(distribution, "IS_ON_INDEX", True)
    assert distribution.requirement(extra) == name
