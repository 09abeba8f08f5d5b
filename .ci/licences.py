"""Writes `THIRD_PARTY.md`: what is installed beside this program, and under which licences.

``python .ci/licences.py`` asks the metadata of what is installed in its environment (that of the tests) and keeps the
rows of what is not; ``--check`` changes nothing and ends with exit status 1 where the page is not in step (but for the
addresses of sources, which may move). The names are those of `.ci/requirements-bot.txt`, which holds all that is
installed, and of the extras in pyproject.toml.

Sources: PyPA, "Core metadata specifications" (License-Expression, License, Classifier); SPDX License List.
"""

from __future__ import annotations

import argparse
import re
import sys
from importlib import metadata
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
PAGE, LOCK, PROJECT = ROOT / "THIRD_PARTY.md", ROOT / ".ci" / "requirements-bot.txt", ROOT / "pyproject.toml"
HEADER = """\
# Third-party software

This program is under the [Apache License 2.0](LICENSE), and ships no code of others. Its data files hold facts about
AWS from the sources that [their notice](passrole_checks/aws/NOTICE) names, with their licences.

These packages are installed with it, or with one of its extras, each under its own licence. Written by
`python .ci/licences.py`; do not edit.

| package | licence | installed | source |
|---|---|---|---|
"""
FOOTER = """
checkov, cfn-lint and distributed bring many packages of their own, which are not listed here; `pip inspect` tells of
them. What only the tests and the pipelines of this repository use comes with nothing that is shipped.
"""
# What packages that do not yet state an SPDX expression say instead.
SPDX = {
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
_LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(.*)$", re.MULTILINE)
_OF_BOT = frozenset({"certifi", "charset-normalizer", "idna", "requests", "urllib3"})
_WANTED = re.compile(r"[A-Za-z0-9._-]+")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def packages() -> dict[str, str]:
    """Each package with when it is installed: ``always``, or the extra that brings it."""
    extras = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["optional-dependencies"]
    found = {}
    for extra, wanted in extras.items():
        if extra not in ("all", "dev"):
            names = [match[0] for one in wanted if (match := _WANTED.match(one))]
            found.update({normal(name): f"with `[{extra}]`" for name in names})
    found.update(dict.fromkeys(("lark", "regex"), "with `[python-hcl2]`"))  # what python-hcl2 stands on
    for name, marker in _LOCKED.findall(LOCK.read_text("utf-8")):
        found[name] = "with Python 3.10" if "< '3.11'" in marker else "with `[bot]`" if name in _OF_BOT else "always"
    return found


def licence(about: metadata.PackageMetadata) -> str:
    """The licence as SPDX has it. Raises SystemExit where the metadata do not tell it."""
    fields = {key.lower(): value for key, value in about.items()}
    if expression := fields.get("license-expression"):
        return expression
    classifiers = [one.rpartition(" :: ")[2] for one in about.get_all("Classifier") or () if one.startswith("License")]
    for told in (fields.get("license", ""), *classifiers):
        if told in SPDX or re.fullmatch(r"[A-Za-z0-9.+-]{2,30}", told):
            return SPDX.get(told, told)
    sys.exit(f"{about['Name']}: its metadata do not tell its licence")


def source(about: metadata.PackageMetadata) -> str:
    links = dict(one.split(", ", 1) for one in about.get_all("Project-URL") or ())
    links = {label.lower(): url for label, url in links.items()}
    known = (links.get(label) for label in ("source", "source code", "code", "repository", "homepage"))
    return next(filter(None, known), about.get("Home-page") or "")


def rows(page: str) -> dict[str, str]:
    """The rows that the page has, by package."""
    return {normal(line.split("|")[1].strip()): f"{line}\n" for line in page.splitlines() if line.startswith("| ")}


def written(page: str) -> str:
    """The page as it should be. Raises SystemExit for a package that is neither installed nor on the page."""
    there = rows(page)
    made = []
    for name, when in sorted(packages().items()):
        try:
            about = metadata.metadata(name)
        except metadata.PackageNotFoundError:
            if name not in there:
                sys.exit(f"{name}: not installed here, and not on the page")
            cells = there[name].split(" | ")
            made.append(" | ".join([*cells[:2], when, *cells[3:]]))
        else:
            made.append(f"| {about['Name']} | {licence(about)} | {when} | {source(about)} |\n")
    return HEADER + "".join(made) + FOOTER


def without_sources(page: str) -> str:
    return re.sub(r" \| https?://\S+ \|$", "", page, flags=re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    page = PAGE.read_text("utf-8") if PAGE.exists() else ""
    made = written(page)
    if not asked.check:
        PAGE.write_text(made, "utf-8")
    elif without_sources(made) != without_sources(page):
        print(f"{PAGE.name} is not in step with what is installed: run `python .ci/licences.py`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
