"""Runs of the real checkov with our checks, each in a process of its own.

Importing checkov takes about two seconds, most of a run, so a :class:`ForkServer` imports it once. Runs with another
start begin with a new Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fork_server import IS_USABLE, REPOSITORY, ForkServer

LEAF = REPOSITORY / "passrole_checks" / "checkov_checks"
FRAMEWORKS = ("terraform", "terraform_plan", "cloudformation")

_CHECKOV = "import runpy; runpy.run_module('checkov.main', run_name='__main__')"


def without(*modules: str, before: str = "") -> tuple[str, ...]:
    """The start of a checkov in whose Python some modules are not installed. ``before`` is code that runs first."""
    missing = [f"sys.modules[{name!r}] = None" for name in modules]
    return "-c", "\n".join(["import sys", *missing, before, _CHECKOV])


NOT_INSTALLED = """
import importlib.util, os
sys.path = [path for path in sys.path if not os.path.isfile(os.path.join(path or ".", "passrole_checks/__init__.py"))]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
found = importlib.util.find_spec("passrole_checks")  # an editable install has data files in a folder of this name
assert found is None or found.origin is None
"""
"""Code that makes the package one that is not installed, however it is installed here."""


_SERVER = ForkServer("checkov.main", "checkov.main.Checkov(sys.argv[1:]).run()")


def _started(
    start: Sequence[str], arguments: Sequence[str], cwd: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run checkov in a new Python."""
    command = [sys.executable, *start, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def checkov_process(
    folder: Path, *arguments: str, start: Sequence[str] = (), environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run checkov with these arguments in ``folder``. ``start``: see :func:`run_checkov`."""
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), **(environment or {})}
    if start or not IS_USABLE:
        return _started(start or ("-m", "checkov.main"), arguments, folder, variables)
    return _SERVER.run(arguments, folder, variables)


@dataclass(frozen=True)
class Run:
    """Records by outcome, check and (file, resource), with the standard error and the exit status of checkov."""

    status: int
    errors: str
    records: dict[str, dict[str, dict[tuple[str, str], dict[str, Any]]]]

    def ids(self, framework: str | None = None) -> set[str]:
        return {
            check_id
            for checks in self.records.values()
            for check_id, records in checks.items()
            if any(framework in (None, record["framework"]) for record in records.values())
        }

    def where(self, outcome: str, check_id: str = "PASSROLE_001") -> set[tuple[str, str]]:
        return set(self.records[outcome][check_id])

    def outcomes(self) -> dict[tuple[str, str, str], str]:
        return {
            (check_id, *place): outcome
            for outcome, checks in self.records.items()
            for check_id, records in checks.items()
            for place in records
        }


def run_checkov(
    folder: Path,
    *arguments: str,
    leaves: Sequence[Path] = (LEAF,),
    frameworks: Sequence[str] = FRAMEWORKS,
    start: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    files: Sequence[str] = (),
) -> Run:
    """Run checkov with our checks (``leaves``) on ``folder``, or on ``files`` in it.

    ``start``: arguments of Python that start a checkov other than the installed one.
    """
    # --skip-download and --framework keep checkov off the network and away from parsers that are not asked for.
    external = [word for leaf in leaves for word in ("--external-checks-dir", str(leaf))]
    scanned = [word for file in files for word in ("-f", file)] or ["-d", "."]
    fixed = [*scanned, *external, "--framework", *frameworks, "--skip-download", "-o", "json"]
    fixed += arguments or ("-c", "PASSROLE_*,OTHER_*")
    done = checkov_process(folder, *fixed, start=start, environment=environment)
    assert done.stdout.strip(), done.stderr
    loaded = json.loads(done.stdout)
    records: dict[str, dict[str, dict[tuple[str, str], dict[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
    for report in loaded if isinstance(loaded, list) else [loaded]:
        for outcome in ("passed", "failed", "skipped"):
            for record in report.get("results", {}).get(f"{outcome}_checks", ()):
                record["framework"] = report["check_type"]
                records[outcome][record["check_id"]][record["file_path"], record["resource"]] = record
    return Run(done.returncode, done.stderr, records)
