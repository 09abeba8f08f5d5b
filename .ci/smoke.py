"""Smoke test of an installed wheel: the command line, then the adapters in the real checkov and the real cfn-lint.

The argument names the packages installed beside it: ``nothing``, ``checkov``, ``cfn-lint``, ``both`` (the default), or
``python-hcl2``, which is then also tested without tree-sitter.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import passrole_checks
from passrole_checks.checks import ALL
from passrole_checks.mcp_server.tools import TOOLS

TERRAFORM = "sample_templates/001-any-role/terraform/flagged"
SAM = "sample_templates/sam-policies"
CLOUDFORMATION = "sample_templates/001-any-role/cloudformation/flagged.yaml"
# The second parser of Terraform is used if tree-sitter cannot be imported.
WITHOUT_TREE_SITTER = """
import sys
sys.modules["tree_sitter"] = None
from passrole_checks.cli import main
from passrole_checks.doctor.diagnosis import _terraform_reader
assert _terraform_reader() == "python-hcl2", _terraform_reader()
sys.exit(main(["scan", sys.argv[1]]))
"""


def run(*command: str, expected: set[int]) -> str:
    """Run a command that must end with one of the ``expected`` exit statuses, and return its standard output."""
    print("$", *command, flush=True)
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    if completed.returncode not in expected:
        sys.exit(f"exit status {completed.returncode}\n{completed.stdout}\n{completed.stderr}")
    return completed.stdout


def checks_of(report: Any, outcome: str) -> set[str]:
    reports = report if isinstance(report, list) else [report]
    return {check["check_id"] for each in reports for check in each["results"][f"{outcome}_checks"]}


def main(beside: str) -> None:
    if Path(passrole_checks.__file__).is_relative_to(Path.cwd() / "passrole_checks"):
        sys.exit("this is not the installed wheel")
    print(run("passrole-checks", "--version", expected={0}), end="")

    scanned = json.loads(run("passrole-checks", "scan", TERRAFORM, "--format", "json", expected={1}))
    ids = {finding["check_id"] for finding in scanned["findings"]}
    assert "PASSROLE_001" in ids, ids

    scanned = json.loads(run("passrole-checks", "scan", SAM, "--format", "json", expected={1}))
    unknown = [finding["resource"] for finding in scanned["findings"] if finding["check_id"] == "PASSROLE_014"]
    assert unknown == ["Archive"], unknown  # SAM's policy templates are in the wheel

    assert all(tool.output_schema for tool in TOOLS if tool.reads_files)  # the schemas are in the wheel

    page = run("passrole-checks", "grants", TERRAFORM, "--format", "html", expected={0})
    assert page.startswith("<!DOCTYPE html>") and "PASSROLE_001" in page  # its script and style are in the wheel

    doctor = json.loads(run("passrole-checks", "doctor", "--format", "json", expected={0}))
    hosts = {host["name"]: host["checks"] for host in doctor["hosts"]}
    wanted = {"both": {"checkov", "cfn-lint"}, "checkov": {"checkov"}, "cfn-lint": {"cfn-lint"}}.get(beside, set())
    assert set(hosts) == wanted and all(hosts.values()), hosts
    assert doctor["terraform_reader"] == "tree-sitter-hcl", doctor
    print("doctor:", doctor["passrole_checks"]["installed"], *(f"{name} {checks}" for name, checks in hosts.items()))
    if "checkov" in wanted:
        in_checkov()
    if "cfn-lint" in wanted:
        in_cfn_lint()
    if beside == "python-hcl2":
        run(sys.executable, "-c", WITHOUT_TREE_SITTER, TERRAFORM, expected={1})


def in_checkov() -> None:
    folder = run("passrole-checks", "where", "checkov", expected={0}).strip()
    report = json.loads(
        run(
            *("checkov", "-d", TERRAFORM, "--external-checks-dir", folder, "-c", "PASSROLE_*"),
            *("-o", "json", "--compact", "--skip-download"),
            expected={1},
        )
    )
    failed, passed = checks_of(report, "failed"), checks_of(report, "passed")
    print("checkov: failed", *sorted(failed), "passed", *sorted(passed))
    assert "PASSROLE_001" in failed, failed
    expected = {check.id for check in ALL if check.severity.value != "info"}
    assert failed | passed == expected, expected - failed - passed


def in_cfn_lint() -> None:
    folder = run("passrole-checks", "where", "cfn-lint", expected={0}).strip()
    for rules in (folder, "passrole_checks.cfnlint_rules"):
        output = run("cfn-lint", "-a", rules, "--format", "json", "-t", CLOUDFORMATION, expected=set(range(1, 16)))
        matches = {match["Rule"]["Id"] for match in json.loads(output)}
        print("cfn-lint:", *sorted(matches))
        assert "E9501" in matches, matches


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "both")
