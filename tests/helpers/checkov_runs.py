"""Runs of the real checkov with our checks, each in a process of its own.

Importing checkov takes about two seconds, most of a run, so a server imports it once for each worker of pytest and
forks for each run. Runs with another start, runs under coverage (which measures processes that Python starts), and
systems without ``os.fork`` start a new Python.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
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
sys.path = [path for path in sys.path if not os.path.isfile(os.path.join(path or ".", "passrole_checks/__init__.py"))]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
found = importlib.util.find_spec("passrole_checks")  # an editable install has data files in a folder of this name
assert found is None or found.origin is None
"""
"""Code that makes the package one that is not installed, however it is installed here."""


_SERVER = """
import json, os, sys, traceback
import checkov.main
for line in sys.stdin:
    request = json.loads(line)
    child = os.fork()
    if child == 0:
        files = [os.open(os.devnull, os.O_RDONLY)]
        files += [os.open(request[name], os.O_WRONLY | os.O_CREAT) for name in ("out", "err")]
        for number, file in enumerate(files):
            os.dup2(file, number)
        os.chdir(request["cwd"])
        os.environ.clear()
        os.environ.update(request["env"])
        status = 0
        try:
            status = checkov.main.Checkov(request["arguments"]).run() or 0
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@cache
def _server() -> subprocess.Popen[str]:
    """Start the process that has checkov imported; it ends with this one."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(process.kill)
    return process


def _forked(arguments: Sequence[str], cwd: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run checkov in a child of the server."""
    server = _server()
    assert server.stdin is not None and server.stdout is not None
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        request = {"arguments": arguments, "cwd": str(cwd), "env": environment, "out": str(out), "err": str(err)}
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        return subprocess.CompletedProcess([*arguments], status, out.read_text("utf-8"), err.read_text("utf-8"))


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
    if start or not hasattr(os, "fork") or "COVERAGE_PROCESS_CONFIG" in os.environ:
        return _started(start or ("-m", "checkov.main"), arguments, folder, variables)
    return _forked(arguments, folder, variables)


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
