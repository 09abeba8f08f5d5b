"""The pipelines install the program's requirements, pinned by hash."""

from __future__ import annotations

import re
import sys

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from readme_examples import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_ENTRY = re.compile(r"^(\S+)==(\S+)(?: ; (.*?))? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)
LOCK = (ROOT / ".ci" / "requirements-bot.txt").read_text("utf-8")


def test_every_line_is_a_version_with_hashes() -> None:
    """There is nothing in the file but versions, hashes, and comments on why they are there."""
    left = re.sub(r"^ *#.*\n", "", _ENTRY.sub("", LOCK), flags=re.MULTILINE)
    assert left == ""


def test_it_holds_what_the_program_asks_for() -> None:
    """Each dependency, and that of the extra for forges, is there in a version that pyproject.toml allows; where it is
    there in several, each is for some environments, as it is where it is not always asked for.

    That all of their own dependencies are there too is checked where pip installs them, with --require-hashes.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    locked: dict[str, list[tuple[str, str]]] = {}
    for name, version, marker, _ in _ENTRY.findall(LOCK):
        locked.setdefault(name, []).append((version, marker))
    for text in (*project["dependencies"], *project["optional-dependencies"]["bot"]):
        asked = Requirement(text)
        found = locked[canonicalize_name(asked.name)]
        assert all(asked.specifier.contains(version) for version, _ in found), text
        assert all(bool(marker) is (bool(asked.marker) or len(found) > 1) for _, marker in found), text


def test_nothing_that_is_only_for_hosts_or_developers_is_installed() -> None:
    """The pipelines have neither checkov nor cfn-lint, which run what stands in the folder that they look at."""
    names = {name for name, *_ in _ENTRY.findall(LOCK)}
    assert not names & {"checkov", "cfn-lint", "python-hcl2", "pytest", "hatchling"}
    assert len(names) < 20
