"""Runs of the real checkov with our checks, as a process of its own."""

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

REPOSITORY = Path(__file__).resolve().parents[2]
LEAF = REPOSITORY / "passrole_checks" / "checkov_checks"
FRAMEWORKS = ("terraform", "terraform_plan", "cloudformation")

_CHECKOV = "import runpy; runpy.run_module('checkov.main', run_name='__main__')"


def without(*modules: str, before: str = "") -> tuple[str, ...]:
    """The start of a checkov in whose Python some modules are not installed. ``before`` is code that runs first."""
    missing = [f"sys.modules[{name!r}] = None" for name in modules]
    return "-c", "\n".join(["import sys", *missing, before, _CHECKOV])


NOT_INSTALLED = """
import importlib.util, os
sys.path = [path for path in sys.path if not os.path.isdir(os.path.join(path or ".", "passrole_checks"))]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
assert importlib.util.find_spec("passrole_checks") is None
"""
"""Code that makes the package one that is not installed, however it is installed here."""


@dataclass(frozen=True)
class Run:
    """What checkov said: its records by outcome, check and (file, resource); its standard error; its exit status."""

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
    start: Sequence[str] = ("-m", "checkov.main"),
    environment: dict[str, str] | None = None,
    files: Sequence[str] = (),
) -> Run:
    # --skip-download and --framework keep checkov off the network and away from parsers that are not asked for.
    external = [word for leaf in leaves for word in ("--external-checks-dir", str(leaf))]
    scanned = [word for file in files for word in ("-f", file)] or ["-d", "."]
    fixed = [*scanned, *external, "--framework", *frameworks, "--skip-download", "-o", "json"]
    done = subprocess.run(
        [sys.executable, *start, *fixed, *(arguments or ("-c", "PASSROLE_*,OTHER_*"))],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip(), done.stderr
    loaded = json.loads(done.stdout)
    records: dict[str, dict[str, dict[tuple[str, str], dict[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
    for report in loaded if isinstance(loaded, list) else [loaded]:
        for outcome in ("passed", "failed", "skipped"):
            for record in report.get("results", {}).get(f"{outcome}_checks", ()):
                record["framework"] = report["check_type"]
                records[outcome][record["check_id"]][record["file_path"], record["resource"]] = record
    return Run(done.returncode, done.stderr, records)
