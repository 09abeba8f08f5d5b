"""Nothing that people paste installs what others own: this package by name, an address of it, or a scanned folder."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from readme_examples import HAS_ADDRESS, OURS, PROJECT, REPOSITORY, ROOT

from passrole_checks.distribution import HOSTS, OPTIONAL, REQUIRED
from tools.release import shipped_texts

# An installer's command up to the name of this package, if that is neither a path nor followed by a reference.
BY_NAME = re.compile(
    r"\b(?:pip3?|pipx|uvx|uv)\b(?:\s+-\S+|\s+(?:install|run|add|tool|pip))*\s+[^\n&;|]*?"
    r"(?<![\w./-])passrole[-_]checks\b(?:\[[^\]\n]*\])?(?!\s*@)(?![\[/.\w-])"
)
FOLDER = re.compile(r"\b(?:pip3?|pipx|uv)\b[^\n&;|]*\binstall\b[^\n&;|]*?\s[\"']?\.(?=[\[\s\"'`]|$)", re.MULTILINE)
ADDRESS = re.compile(
    r"(?:\w+://|\bgit@|\b[\w.-]+\.(?:com|org|io|dev|net)[/:]|\b(?:uses|repo|project|image):[ \t]*|--repo[ =]|^FROM "
    r"|@(?=[\w-]+/))[^\s`]*?passrole[-_]checks\b",
    re.MULTILINE,
)
RANGE = re.compile(r"\bpip3? install [\"']([\w-]+)(?:\[[\w,-]+\])?>=([\d.]+)[\"']")
ABOUT_CLONES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/install.md")  # commands to run in a clone
# Placeholders in characters that no login may have, and reserved domains (RFC 2606).
# The link that the release shows after its upload to PyPI is ours then.
NOT_OWNED = re.compile(
    r"<(?:owner|group)>/|//example\.invalid/|(?:^|[/.])example\.com/|^https://pypi\.org/project/"
    rf"|{OURS if HAS_ADDRESS else '$^'}"
)


def texts() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each shipped file and of the tools."""
    for path in [*shipped_texts(ROOT), *ROOT.glob("tools/**/*.py"), *ROOT.glob(".ci/*")]:
        if path.is_file() and "requirements" not in path.name:
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def owned(text: str) -> list[str]:
    """Return the addresses of this package in a text whose owner can be anyone."""
    return [match[0] for match in ADDRESS.finditer(text) if not NOT_OWNED.search(match[0])]


def test_shipped_texts_are_searched() -> None:
    """The search is not empty: it covers every kind of text that is shipped."""
    names = {name for name, _ in texts()}
    assert {
        "README.md", "action.yml", "Dockerfile", "pyproject.toml", "setup.cfg", "mkdocs.yml", "docs/ci/github.md",
        "docs/schema/scan.json",
        ".pre-commit-hooks.yaml", ".pre-commit-config.yaml", ".github/CODEOWNERS", ".github/ISSUE_TEMPLATE/config.yml",
        ".gitlab/passrole-checks.gitlab-ci.yml", ".ci/run", "passrole_checks/distribution.py", "tools/release.py",
    } <= names  # fmt: skip


def test_no_text_names_an_address_that_others_can_own() -> None:
    assert {name: addresses for name, text in texts() if (addresses := owned(text))} == {}


def test_no_text_installs_this_package_by_its_name() -> None:
    """Until the name is registered, which comes with the address."""
    names = {name: matches for name, text in texts() if (matches := BY_NAME.findall(text))}
    assert HAS_ADDRESS or names == {}


def test_only_texts_about_a_clone_install_the_working_directory() -> None:
    """Elsewhere it is the scanned repository, whose build would run."""
    names = {name for name, text in texts() if FOLDER.search(text)}
    assert {name for name in names if not name.startswith((*ABOUT_CLONES, ".ci/"))} == set()


def test_texts_install_the_versions_of_the_metadata() -> None:
    """:mod:`passrole_checks.distribution` has those of pyproject.toml (``tests/doctor/test_diagnosis.py``)."""
    named = {match.groups() for _, text in texts() for match in RANGE.finditer(text)}
    assert {name for name, _ in named} >= {"checkov", "cfn-lint", "duckdb", "distributed", "mcp", "pygls"}
    assert named <= (REQUIRED | OPTIONAL | HOSTS).items()


@pytest.mark.parametrize(
    ("text", "is_by_name", "is_folder"),
    [
        ("pip install passrole-checks", True, False),
        ("run: python -m pip install --upgrade 'passrole-checks[bot]'", True, False),
        ("pipx install passrole_checks==1.0", True, False),
        ("uvx passrole-checks scan .", True, False),
        ("uv tool install passrole-checks", True, False),
        ("pip install 'passrole-checks[bot] @ git+https://example.com/x'", False, False),
        ("pip install . && .venv/bin/passrole-checks scan .", False, True),
        ("pip install ./passrole_checks", False, False),
        ("pip install '.[bot]' | passrole-checks", False, True),
        ("It needs `pip install '.[dask]'`; more", False, True),
        ("pip install --quiet .", False, True),
        ("pip install 'pygls>=2.0'", False, False),
    ],
)
def test_installs_are_recognized(text: str, is_by_name: bool, is_folder: bool) -> None:
    """The patterns of the tests above."""
    assert (bool(BY_NAME.search(text)), bool(FOLDER.search(text))) == (is_by_name, is_folder)


@pytest.mark.parametrize(
    ("text", "is_owned"),
    [
        ("      - uses: acme/passrole_checks@v1", True),
        ("      - uses: <owner>/passrole_checks@v1", False),
        ("      - uses: https://gitea.example.com/<owner>/passrole_checks@v1", False),
        ("  - repo: https://github.com/acme/passrole_checks\n    rev: v1", True),
        ("  - repo: https://example.invalid/passrole_checks\n    rev: v1", False),
        ("  - project: your-group/passrole_checks", True),
        ("  image: acme/passrole-checks:1.0", True),
        ("  image: passrole-checks", True),
        ("FROM acme/passrole-checks", True),
        ("docker run ghcr.io/acme/passrole_checks", True),
        ("gh attestation verify FILE --repo acme/passrole_checks", True),
        ("gh attestation verify oci://ghcr.io/<owner>/passrole_checks --repo <owner>/passrole_checks", False),
        ('"passrole-checks @ git+https://github.com/acme/passrole_checks@v1"', True),
        ('"passrole-checks @ git+https://example.invalid/passrole_checks@v1"', False),
        ('"passrole-checks @ git+ssh://git@github.com/acme/passrole_checks"', True),
        ("git clone git@github.com:acme/passrole_checks", True),
        ("* @acme/passrole-checks-maintainers", True),
        ('"$id": "https://acme.github.io/passrole_checks/scan.json"', True),
        ("/opt/passrole/bin/passrole-checks scan .", False),
        ("docker run --rm passrole-checks scan .", False),
    ],
)  # fmt: skip
def test_addresses_are_recognized(text: str, is_owned: bool) -> None:
    """The pattern of the test above."""
    assert bool(owned(text)) is is_owned


def test_urls_of_the_project_are_in_the_repository() -> None:
    """A release replaces one address."""
    assert set(PROJECT["urls"]) == {"Repository", "Documentation", "Changelog", "Issues", "Security"}
    assert all(url.startswith(REPOSITORY) for url in PROJECT["urls"].values())
