"""In the real checkov: findings without a resource to stand at, what it is given beside the files, its outputs."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("checkov")

from checkov_runs import checkov_process, without
from command_runs import run_command

from passrole_checks.checks import ALL

REPOSITORY = Path(__file__).resolve().parents[2]
LEAF = REPOSITORY / "passrole_checks" / "checkov_checks"
TITLE = next(check.title for check in ALL if check.id == "PASSROLE_001")

SERVICE = ', "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}'
POLICY = f"""
resource "aws_iam_policy" "passing" {{
  policy = jsonencode({{"Version": "2012-10-17", "Statement": [
    {{"Effect": "Allow", "Action": "iam:PassRole", "Resource": var.roles{SERVICE}}}
  ]}})
}}
"""
MODULE = 'variable "roles" {}\n' + POLICY
DOCUMENT = """
data "aws_iam_policy_document" "passing" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
"""
USING_DOCUMENT = """
resource "aws_iam_policy" "from_document" {
  policy = data.aws_iam_policy_document.passing.json
}
"""
BLOCKS = """
module "installed" {
  source  = "example/deployer/aws"
  version = "1.2.0"
  roles   = "*"
}

module "installed_and_reviewed" {
  # checkov:skip=PASSROLE_001:reviewed by checkov's users
  source  = "example/deployer/aws"
  version = "1.2.0"
  roles   = "*"
}

module "reviewed" {
  # checkov:skip=PASSROLE_001:reviewed by checkov's users
  source   = "./outer"
  for_each = toset(["a", "b"])
  roles    = "*"
}

module "reviewed_by_us" {
  # passrole:skip=PASSROLE_001 reviewed by ours
  source = "./outer"
  roles  = "*"
}

module "open" {
  source = "./outer"
  roles  = "*"
}

module "nowhere" {
  source = "example/nowhere/aws"
}
"""
OUTER = (
    MODULE
    + """
module "inner" {
  source = "../inner"
  roles  = var.roles
}
"""
)
NAMES = ("installed", "installed_and_reviewed")
MANIFEST = {
    "Modules": [
        {"Key": "", "Source": "", "Dir": "."},
        *(
            {
                "Key": name,
                "Source": "registry.terraform.io/example/deployer/aws",
                "Version": "1.2.0",
                "Dir": ".terraform/modules/installed",
            }
            for name in NAMES
        ),
    ]
}
BY_JSON = {"module": {"by_json": {"source": "./inner", "roles": "*"}}}
TOFU = MODULE.replace("passing", "of_opentofu").replace("var.roles", '"*"')


class Told(NamedTuple):
    """A finding in checkov's report: the file and the name of the record, the place and the resource of the finding."""

    outcome: str
    file: str
    shown: str
    place: str
    resource: str


class Run(NamedTuple):
    told: set[Told]
    passed: set[tuple[str, str]]
    errors: str

    def at(self, shown: str) -> set[tuple[str, str]]:
        return {(one.outcome, one.resource) for one in self.told if one.shown == shown}


def checkov(folder: Path, *arguments: str, paths: tuple[str, ...] = ("-d", ".")) -> subprocess.CompletedProcess[str]:
    return checkov_process(folder, *paths, "--external-checks-dir", str(LEAF), "--skip-download", *arguments)


def report(
    folder: Path,
    *arguments: str,
    paths: tuple[str, ...] = ("-d", "."),
    frameworks: tuple[str, ...] = ("terraform",),
    check: str = "PASSROLE_001",
) -> Run:
    done = checkov(folder, "--framework", *frameworks, "-c", check, "-o", "json", *arguments, paths=paths)
    assert done.stdout.strip(), done.stderr
    told: set[Told] = set()
    passed: set[tuple[str, str]] = set()
    for each in documents(done.stdout):
        results = each.get("results", {})
        passed |= {(record["file_path"], record["resource"]) for record in results.get("passed_checks", ())}
        for outcome in ("failed", "skipped"):
            for record in results.get(f"{outcome}_checks", ()):
                for detail in record["check_result"]["details"]:
                    match = re.search(r"\(([^()]+:\d+)(?:, (.+))?\)$", detail)
                    assert match is not None, detail
                    resource = match[2] or record["resource"]
                    told.add(Told(outcome, record["file_path"], record["resource"], match[1], resource))
    return Run(told, passed, done.stderr)


def documents(text: str) -> list[Any]:
    """The reports in an output: one for each framework in a list, and one such document for each folder."""
    found: list[Any] = []
    while text := text.strip():
        loaded, end = json.JSONDecoder().raw_decode(text)
        found.extend(loaded if isinstance(loaded, list) else [loaded])
        text = text[end:]
    return found


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(
        tmp_path_factory.mktemp("blocks"),
        {
            "main.tf": BLOCKS,
            "outer/main.tf": OUTER,
            "inner/main.tf": MODULE,
            ".terraform/modules/installed/main.tf": MODULE,
            ".terraform/modules/modules.json": json.dumps(MANIFEST),
            "document.tf": DOCUMENT,
            "uses.tofu": USING_DOCUMENT,
            "more.tofu": TOFU.replace('variable "roles" {}\n', ""),
            "json/main.tf.json": json.dumps(BY_JSON).replace("./inner", "../inner"),
        },
    )


@pytest.fixture(scope="module")
def run(project: Path) -> Run:
    return report(project, frameworks=("terraform", "terraform_json"))


def test_findings_in_an_installed_module_stand_at_its_module_block(run: Run) -> None:
    """checkov does not load what terraform init has installed; the findings in there fail the call."""
    assert run.at("installed") == {("failed", "module.installed.aws_iam_policy.passing")}
    (told,) = [one for one in run.told if one.shown == "installed"]
    assert (told.file, told.place) == ("/main.tf", ".terraform/modules/installed/main.tf:5")


def test_skip_comment_in_a_module_block_suppresses_the_whole_call(run: Run) -> None:
    """In both notations, for what checkov loads and what it does not, for instances and inner modules."""
    skipped = {one.resource for one in run.told if one.outcome == "skipped"}
    policy = "aws_iam_policy.passing"
    assert skipped == {
        f"module.installed_and_reviewed.{policy}",
        *(f'module.reviewed["{key}"].{inner}{policy}' for key in "ab" for inner in ("", "module.inner.")),
        *(f"module.reviewed_by_us.{inner}{policy}" for inner in ("", "module.inner.")),
    }
    failed = {one.resource for one in run.told if one.outcome == "failed"}
    assert {f"module.open.{policy}", f"module.open.module.inner.{policy}"} <= failed
    assert not failed & skipped


def test_command_line_suppresses_the_same_findings(project: Path, run: Run) -> None:
    """The command line marks the same findings as suppressed, and finds no suppression unused."""
    done = run_command("scan", ".", "--check", "001", "--format", "json", cwd=project)
    loaded = json.loads(done.stdout)
    said = {
        ("skipped" if finding["suppressed"] else "failed", f"{finding['file']}:{finding['line']}", use)
        for finding in loaded["findings"]
        for use in finding["uses"]
    }
    shown = {(one.outcome, one.place, one.resource) for one in run.told}
    assert {one for one in said if "of_opentofu" not in one[2]} == shown
    assert "suppresses nothing" not in done.stdout + done.stderr


def test_module_block_without_its_own_findings_has_no_record(run: Run) -> None:
    """A module block neither passes nor fails if checkov shows its resources or nothing can evaluate them."""
    blocks = {"open", "reviewed_by_us", "nowhere", 'reviewed["a"]', "module.open.inner"}
    assert not blocks & {one.shown for one in run.told}
    assert not blocks & {resource for _, resource in run.passed}


def test_policy_passed_to_missing_module_is_checked(tmp_path: Path) -> None:
    """A policy document in the arguments of a module that cannot be evaluated is checked, and fails the module call."""
    policy = re.search(r"jsonencode\(.*\)", POLICY.replace("var.roles", '"*"'), re.DOTALL)
    assert policy is not None
    call = f'module "given" {{\n  source = "example/policy/aws"\n  policy = {policy[0]}\n}}\n'
    write(tmp_path, {"main.tf": call})
    assert report(tmp_path).told == {Told("failed", "/main.tf", "given", "main.tf:4", "module.given")}


def test_missing_module_is_a_note(run: Run) -> None:
    """A module that cannot be evaluated is reported once on standard error, with its location, and fails nothing."""
    (line,) = [line for line in run.errors.splitlines() if "passrole_checks" in line and "nowhere" in line]
    assert re.search(r"main\.tf:33: .*example/nowhere/aws", line)


def test_commands_of_a_file_are_a_note(tmp_path: Path) -> None:
    """Commands that attach policies are reported once for each file on standard error, and fail nothing."""
    commands = {"command": {"constant_value": "aws iam create-policy; aws iam put-role-policy"}}
    names = {"address": "null_resource.x", "mode": "managed", "type": "null_resource", "name": "x"}
    change = {**names, "change": {"actions": ["create"], "before": None, "after": {}}}
    configured = {**names, "provisioners": [{"type": "local-exec", "expressions": commands}]}
    plan = {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": [{**names, "values": {}}]}},
        "resource_changes": [change],
        "configuration": {"root_module": {"resources": [configured]}},
    }
    external = 'data "external" "x" {\n  program = ["aws", "iam", "attach-user-policy"]\n}\n'
    generated = {"resource": {"null_resource": {"x": {"triggers": {"x": "aws iam create-policy-version"}}}}}
    host = "Resources:\n  H:\n    Type: AWS::EC2::Instance\n    Properties: {UserData: aws iam attach-role-policy}\n"
    files = {
        "a/main.tf": external * 2,
        "t.yaml": host,
        "b/a.tf.json": json.dumps(generated),
        "p.json": json.dumps(plan),
    }
    write(tmp_path, files)
    run = report(tmp_path, frameworks=("terraform", "terraform_json", "terraform_plan", "cloudformation"))
    noted = re.findall(r"passrole_checks: (\S+): not evaluated: a file that calls `(.*)`", run.errors)
    assert sorted(noted) == [
        ("a/main.tf:2", "aws iam attach-user-policy"),
        ("b/a.tf.json:1", "aws iam create-policy-version"),
        ("p.json:1", "aws iam create-policy"),
        ("t.yaml:4", "aws iam attach-role-policy"),
    ]
    assert not run.told


def test_finding_of_an_unseen_resource_is_on_its_data_source(run: Run) -> None:
    """A resource in a file that checkov does not read fails the data source that its statement stands in."""
    assert run.at("aws_iam_policy_document.passing") == {("failed", "aws_iam_policy.from_document")}


def test_finding_without_a_block_is_reported(run: Run) -> None:
    """A resource that checkov does not read, with its statement in itself, is named on standard error."""
    assert not any("of_opentofu" in one.resource for one in run.told)
    (line,) = [line for line in run.errors.splitlines() if "aws_iam_policy.of_opentofu" in line]
    assert "more.tofu:4" in line and "PASSROLE_001 (medium)" in line


def test_a_module_called_in_json(run: Run) -> None:
    """checkov loads no modules for configurations in JSON: what is in there fails the call."""
    assert ("failed", "module.by_json.aws_iam_policy.passing") in run.at("module.by_json")


def test_downloaded_modules(tmp_path: Path) -> None:
    """Folders of --download-external-modules are read like local modules, and without it the call fails instead."""
    write(
        tmp_path,
        {
            "main.tf": 'module "deployer" {\n  source = "git::https://git.example.com/team/deployer.git//policies?ref=v1"'
            '\n  roles  = "*"\n}\n',
            ".external_modules/git.example.com/team/deployer/v1/policies/main.tf": MODULE,
        },
    )
    place = ".external_modules/git.example.com/team/deployer/v1/policies/main.tf"
    address = "module.deployer.aws_iam_policy.passing"
    loaded = report(tmp_path, "--download-external-modules", "true")
    assert loaded.told == {Told("failed", f"/{place}", address, f"{place}:5", address)}
    assert report(tmp_path).told == {Told("failed", "/main.tf", "deployer", f"{place}:5", address)}


def test_variable_files(tmp_path: Path) -> None:
    """--var-file gives the root's variables their values: more is flagged with it, and less with another."""
    write(
        tmp_path,
        {
            "main.tf": 'variable "roles" {\n  default = "*"\n}\n' + POLICY,
            "narrow.tfvars": 'roles = "arn:aws:iam::111122223333:role/app-worker"\n',
            "sub/main.tf": 'variable "roles" {\n  default = "arn:aws:iam::111122223333:role/app-worker"\n}\n' + POLICY,
            "wide.tfvars": 'roles = "*"\n',
        },
    )
    both = {("/main.tf", "aws_iam_policy.passing"), ("/sub/main.tf", "aws_iam_policy.passing")}
    assert report(tmp_path, "--var-file", "narrow.tfvars").passed == both
    wide = report(tmp_path, "--var-file", "wide.tfvars")
    assert {(one.file, one.shown) for one in wide.told} == both


def test_files_given_one_by_one(tmp_path: Path) -> None:
    """Of a file that is given by name, what stands in it is reported, wherever the rest of it is."""
    write(
        tmp_path,
        {
            "calls.tf": 'module "local" {\n  source = "./inner"\n  roles  = "*"\n}\n',
            "document.tf": DOCUMENT,
            "uses.tf": USING_DOCUMENT,
            "inner/main.tf": MODULE,
        },
    )
    document = report(tmp_path, paths=("-f", "document.tf"))
    assert document.at("aws_iam_policy_document.passing") == {("failed", "aws_iam_policy.from_document")}
    assert len(document.told) == 1
    calls = report(tmp_path, paths=("-f", "calls.tf", "-f", "uses.tf"))
    assert {(one.shown, one.resource) for one in calls.told} == {
        ("local", "module.local.aws_iam_policy.passing"),
        ("aws_iam_policy.from_document", "aws_iam_policy.from_document"),
    }


def test_several_folders(tmp_path: Path) -> None:
    """Each of several folders is a scan of its own: equal file names and addresses keep their own verdicts."""
    wide = 'module "local" {\n  source = "./inner"\n  roles  = "*"\n}\n'
    write(
        tmp_path,
        {
            "one/main.tf": wide,
            "one/inner/main.tf": MODULE,
            "two/main.tf": wide.replace("*", "arn:aws:iam::111122223333:role/app-worker"),
            "two/inner/main.tf": MODULE,
        },
    )
    # of one framework alone checkov takes the first folder for all of them (its issue 7327)
    run = report(tmp_path, paths=("-d", "one", "-d", "two"), frameworks=("terraform", "terraform_json"))
    assert {(one.shown, one.place) for one in run.told} == {
        ("module.local.aws_iam_policy.passing", "one/inner/main.tf:5")
    }
    assert ("/inner/main.tf", "module.local.aws_iam_policy.passing") in run.passed


def test_the_name_is_a_sentence_in_every_output(tmp_path: Path) -> None:
    """SARIF, JUnit and the compact text, which show a check's name only, show what is wrong in words."""
    write(tmp_path, {"main.tf": 'variable "roles" {\n  default = "*"\n}\n' + POLICY})
    outputs = ("-o", "sarif", "-o", "junitxml", "-o", "cli", "--output-file-path", "out", "--compact")
    done = checkov(tmp_path, "--framework", "terraform", "-c", "PASSROLE_001", *outputs)
    assert done.returncode == 1, done.stderr
    sarif = json.loads((tmp_path / "out" / "results_sarif.sarif").read_text())["runs"][0]
    (rule,) = sarif["tool"]["driver"]["rules"]
    (result,) = sarif["results"]
    assert rule["id"] == "PASSROLE_001" and TITLE in rule["shortDescription"]["text"]
    assert TITLE in result["message"]["text"] and result["level"] == "warning"
    cases = ElementTree.parse(tmp_path / "out" / "results_junitxml.xml").iter("testcase")
    assert any(TITLE in case.attrib["name"] for case in cases)
    assert TITLE in (tmp_path / "out" / "results_cli.txt").read_text()


TOLD = """
resource "custom_user" "told" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}
"""
SILENT = {
    "silent.tf": """
        resource "aws_s3_bucket" "a" {}
        resource "null_resource" "b" {}
        module "c" { source = "./c" }
        data "aws_iam_policy_document" "d" {
          statement {
            actions   = ["s3:GetObject"]
            resources = ["*"]
          }
        }
    """,
    "c/main.tf": "",
    "silent.yaml": "AWSTemplateFormatVersion: 2010-09-09\nResources:\n  A:\n    Type: AWS::S3::Bucket\n",
}


TELL_CHECKS = """
from checkov.common.checks.base_check_registry import BaseCheckRegistry
run_check = BaseCheckRegistry.run_check
def told(self, check, conf, name, kind, file, skipped):
    print("asked", check.id, file, file=sys.stderr)
    return run_check(self, check, conf, name, kind, file, skipped)
BaseCheckRegistry.run_check = told
"""


def test_checks_run_only_for_blocks_that_they_report(tmp_path: Path) -> None:
    write(tmp_path, {**SILENT, "told.tf": TOLD})
    arguments = ("-d", ".", "--external-checks-dir", str(LEAF), "--skip-download", "--framework")
    done = checkov_process(tmp_path, *arguments, "terraform", "cloudformation", start=without(before=TELL_CHECKS))
    asked = set(re.findall(r"asked (\S+) (\S+)", done.stderr))
    assert {file for _, file in asked} >= {"/silent.tf", "/silent.yaml"}, done.stderr
    assert {(check, file) for check, file in asked if check.startswith("PASSROLE")} == {("PASSROLE_001", "/told.tf")}
