"""The files of the pages on hosts, used by the real checkov and cfn-lint as the pages say."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from ci_recipes import files_of
from command_runs import run_command
from git_repositories import ANY, APP, template, terraform

pytest.importorskip("checkov")
pytest.importorskip("cfnlint")

from checkov_runs import Run, checkov_process, run_checkov, without

from passrole_checks.checks import ALL

RESOURCE = ("/main.tf", "aws_iam_role_policy.pass")
IDS = {check.id for check in ALL}


def repository(folder: Path, roles: str) -> Path:
    """Write the files of the page on ``.checkov.yaml`` beside code that lets ``roles`` be passed."""
    for file in files_of("hosts/checkov-yaml").values():
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, "utf-8")
    (folder / ".checkov/__init__.py").touch()
    (folder / "main.tf").write_text(terraform(roles) + 'module "other" {\n  source = "example/other/aws"\n}\n', "utf-8")
    (folder / "template.yaml").write_text(template(roles), "utf-8")
    return folder


def checked(folder: Path, start: Sequence[str] = ()) -> Run:
    """Run checkov without a folder of checks on the command line."""
    return run_checkov(folder, leaves=(), frameworks=("terraform", "cloudformation"), start=start)


@pytest.mark.parametrize(("roles", "outcome"), [(ANY, "failed"), (APP, "passed")])
def test_checkov_loads_the_checks_through_the_file_in_the_repository(tmp_path: Path, roles: str, outcome: str) -> None:
    """Flagged code fails and clean code passes, in Terraform and CloudFormation; the settings of the file apply."""
    run = checked(repository(tmp_path, roles))
    assert {RESOURCE, ("/template.yaml", "AWS::IAM::Policy.Pass")} <= run.where(outcome)
    assert run.status == int(outcome == "failed")
    settings = yaml.safe_load(files_of("hosts/checkov-yaml")[".checkov.yaml"].text)
    assert settings == {"external-checks-dir": [".checkov"], "soft-fail-on": ["LOW"]}


def test_without_the_package_the_file_in_the_repository_fails_every_check(tmp_path: Path) -> None:
    """Each id fails on each resource and module, also where the settings tolerate findings of low severity."""
    run = checked(repository(tmp_path, APP), start=without("passrole_checks"))
    assert run.status == 1
    assert run.ids("terraform") == run.ids("cloudformation") == IDS
    for check_id in IDS:
        failed = run.where("failed", check_id)
        assert {RESOURCE, ("/main.tf", "other"), ("/template.yaml", "AWS::IAM::Policy.Pass")} == failed
    assert not run.records["passed"]


def cfn_lint(folder: Path, *arguments: str) -> set[str]:
    """Return the rules that match ``template.yaml``, by the arguments that the extension for VS Code passes.

    Source: cfn-lint-visual-studio-code, server/src/server/handlers/validationHandler.ts.
    """
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json", "--include-checks", "I", *arguments]
    command += ["--", str(folder / "template.yaml")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return {match["Rule"]["Id"] for match in json.loads(done.stdout)}


@pytest.mark.parametrize(("place", "roles", "rule"), [("settings", ANY, "E9501"), (".cfnlintrc", APP, "I9512")])
def test_extension_of_cfn_lint_gets_the_rules(tmp_path: Path, place: str, roles: str, rule: str) -> None:
    """The setting for more rules, and the file in the folder that is open, both load them, with information."""
    files = files_of("hosts/vs-code")
    (tmp_path / "template.yaml").write_text(template(roles), "utf-8")
    arguments: list[str] = []
    if place == "settings":
        for rules in json.loads(files["settings.json"].text)["cfnLint.appendRules"]:
            arguments += ["--append-rules", rules]
    else:
        (tmp_path / place).write_text(files[place].text, "utf-8")
    assert cfn_lint(tmp_path, *arguments) == {rule}


def test_extension_of_checkov_gets_the_checks(tmp_path: Path) -> None:
    """The arguments that the extension passes for one file find what is flagged in it.

    Source: checkov-vscode, src/checkov/checkovRunner.ts.
    """
    setting = json.loads(files_of("hosts/vs-code")["json"].text)["checkov.externalChecksDir"]
    folder = run_command("where", "checkov").stdout.strip()
    assert Path(folder).parts[-2:] == Path(setting).parts[-2:]
    (tmp_path / "main.tf").write_text(terraform(ANY), "utf-8")
    given = ["-s", "--repo-id", "vscode/default", "-f", str(tmp_path / "main.tf"), "-o", "json"]
    done = checkov_process(tmp_path, *given, "--external-checks-dir", folder, "--skip-check", "BC_LIC*")
    assert done.returncode == 0
    reports = json.loads(done.stdout)
    reports = reports if isinstance(reports, list) else [reports]
    failed = {record["check_id"] for report in reports for record in report["results"]["failed_checks"]}
    assert "PASSROLE_001" in failed
