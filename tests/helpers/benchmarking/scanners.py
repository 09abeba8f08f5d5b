"""The commands that are compared: this program, the bare parsers, checkov and cfn-lint."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from benchmarking.runs import ROOT, Command

# checkov's checks of policies and roles, of Terraform's resources and documents and of CloudFormation's resources
CHECKOV_IAM = (
    "CKV_AWS_1", "CKV_AWS_40", "CKV_AWS_49", "CKV_AWS_60", "CKV_AWS_61", "CKV_AWS_62", "CKV_AWS_63", "CKV_AWS_107",
    "CKV_AWS_108", "CKV_AWS_109", "CKV_AWS_110", "CKV_AWS_111", "CKV_AWS_274", "CKV_AWS_275", "CKV_AWS_283",
    "CKV_AWS_286", "CKV_AWS_287", "CKV_AWS_288", "CKV_AWS_289", "CKV_AWS_290", "CKV_AWS_355", "CKV_AWS_356",
)  # fmt: skip
_CFN_LINT = "import sys; from cfnlint.runner import main; sys.exit(main())"  # it has no __main__
_REVIEW = (
    "import os, sys; os.chdir(sys.argv[1]); from passrole_checks import cli; "
    "sys.exit(cli.main(['review', 'HEAD~1', 'HEAD']))"
)
_LEAVES = ROOT / "passrole_checks"
CHECKS = _LEAVES / "checkov_checks"
IDLE_CHECKS = Path(__file__).with_name("idle_checks")


@cache
def options() -> frozenset[str]:
    """The options that ``scan`` has."""
    # asked in another process: the memory of this one would be the least that those it starts seem to need
    asked = [sys.executable, "-m", "passrole_checks", "scan", "--help"]
    told = subprocess.run(asked, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True)
    return frozenset(re.findall(r"--[a-z][a-z-]+", told.stdout.decode()))


def ours(path: Path, *, cache: Path | None = None, jobs: int = 1) -> Command:
    """A scan, in one process if the option exists. ``cache``: the cache directory, None for a cold scan."""
    more = ["--jobs", str(jobs)] if "--jobs" in options() else []
    if cache is None and "--no-cache" in options():
        more.append("--no-cache")
    where = {"PASSROLE_CHECKS_CACHE_DIR": str(cache)} if cache is not None else {}
    return Command(["-m", "passrole_checks", "scan", "--quiet", *more, str(path)], environment=where)


def ours_on_organization(path: Path, *, on_cluster: bool = False) -> Command:
    """A cold scan of many repositories in two processes; ``on_cluster``: in the two workers of a Dask cluster, whose
    start is included."""
    arguments = ["-m", "passrole_checks", "scan", "--quiet", "--no-cache", "--format", "jsonl", str(path)]
    if on_cluster:
        return Command([str(Path(__file__).with_name("on_cluster.py")), *arguments])
    return Command([*arguments, "--jobs", "2"])


def review(path: Path) -> Command:
    """A review of the last commit of a repository."""
    return Command(["-c", _REVIEW, str(path)])


def profiled(path: Path) -> Command:
    """The profile of a cold scan."""
    script = str(Path(__file__).with_name("profiled.py"))
    return Command([script, *ours(path).arguments[2:]], statuses=(0,))


def editing(path: Path) -> Command:
    """A hundred edits of a file of a root module, as in an editor; prints the processor time of one."""
    return Command([str(Path(__file__).with_name("editing.py")), str(path)], statuses=(0,))


def bare(parser: str, path: Path) -> Command:
    """The bare parse of all files of a corpus: ``parser`` is ``tree-sitter`` or ``libyaml``."""
    return Command([str(Path(__file__).with_name("bare.py")), parser, str(path)], statuses=(0,))


def checkov(path: Path, framework: str, *, checks: Path | None = None, iam: bool = False) -> Command:
    """A run of checkov without network access. ``checks``: a folder with external checks; ``iam``: only its built-in
    checks of identity policies."""
    more = ["--external-checks-dir", str(checks)] if checks is not None else []
    more += ["--check", ",".join(CHECKOV_IAM)] if iam else []
    asked = ["-d", str(path), "--framework", framework, "--quiet", "--compact", "--skip-download"]
    return Command(["-m", "checkov.main", *asked, *more])


def cfn_lint(path: Path, *, leaf: bool = False) -> Command:
    """A run of cfn-lint over all templates of a folder, with all rules that it has by default."""
    more = ["--append-rules", str(_LEAVES / "cfnlint_rules")] if leaf else []
    # its status tells by bits what was found: errors, warnings, information
    return Command(["-c", _CFN_LINT, *more, "-t", str(path / "**" / "*.*")], statuses=range(0, 16, 2))
