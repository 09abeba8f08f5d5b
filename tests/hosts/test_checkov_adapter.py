"""The adapter in the real checkov, run as a separate process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("checkov")

from checkov_runs import FRAMEWORKS, LEAF, Run, run_checkov

from passrole_checks.checks import ALL
from passrole_checks.findings import Severity

SEVERE = {check.id for check in ALL if check.severity is not Severity.INFO}
INFOS = {check.id for check in ALL} - SEVERE

DOCUMENT = (
    '{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "{}"{}}}]}}'
)
SERVICE = ', "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}'
ROLE = "arn:aws:iam::111122223333:role/app-worker"
ANY_ROLE = DOCUMENT.format("*", SERVICE)
ONE_ROLE = DOCUMENT.format(ROLE, SERVICE)

MAIN_TF = f"""
resource "aws_iam_policy" "flagged" {{
  policy = jsonencode({ANY_ROLE})
}}

resource "aws_iam_policy" "clean" {{
  policy = jsonencode({ONE_ROLE})
}}

resource "aws_iam_policy" "silenced_for_checkov" {{
  #checkov:skip=PASSROLE_001:reviewed by checkov's users
  policy = jsonencode({ANY_ROLE})
}}

resource "aws_iam_policy" "silenced_for_us" {{
  # passrole:skip=PASSROLE_001 reviewed by ours
  policy = jsonencode({ANY_ROLE})
}}

resource "aws_iam_policy" "each" {{
  for_each = toset(["a", "b"])
  policy   = jsonencode({ANY_ROLE})
}}

resource "aws_iam_policy" "none" {{
  count  = 0
  policy = jsonencode({ANY_ROLE})
}}

variable "role_arn" {{}}

data "aws_iam_policy_document" "unknown" {{
  statement {{
    actions   = ["iam:PassRole"]
    resources = [var.role_arn]
  }}
}}

resource "aws_iam_role_policy" "unknown" {{
  role   = "deployer"
  policy = data.aws_iam_policy_document.unknown.json
}}

resource "aws_s3_bucket" "holds_no_policy" {{}}
"""

MODULE_TF = f"""
variable "roles" {{}}

resource "aws_iam_policy" "passing" {{
  policy = jsonencode({DOCUMENT.format("${var.roles}", SERVICE)})
}}
"""

CALL_TF = 'module "app" {{\n  source = "../../modules/app"\n  roles  = "{}"\n}}\n'

FILE_TF = """
resource "aws_iam_policy" "from_a_file" {
  policy = file("${path.module}/../../policies/any-role.json")
}
"""

TEMPLATE = f"""\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Flagged:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {ANY_ROLE}
  Clean:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {ONE_ROLE}
  SilencedForCheckov:
    Type: AWS::IAM::ManagedPolicy
    Metadata:
      checkov:
        skip:
          - id: PASSROLE_001
            comment: reviewed by checkov's users
    Properties:
      PolicyDocument: {ANY_ROLE}
  SilencedForUs:
    Type: AWS::IAM::ManagedPolicy
    # passrole:skip=PASSROLE_001 reviewed by ours
    Properties:
      PolicyDocument: {ANY_ROLE}
  NoProperties:
    Type: AWS::IAM::User
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Policies:
        - {ANY_ROLE}
  Malformed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: '{{"Statement": ['
"""


def planned(address: str, policy: str | None) -> dict[str, Any]:
    *module, kind, name = address.split(".")
    del module
    values = {} if policy is None else {"policy": policy}
    unknown = {"policy": True} if policy is None else {}
    change = {"actions": ["create"], "before": None, "after": values, "after_unknown": unknown}
    common = {"address": address, "mode": "managed", "type": kind, "name": name.split("[")[0]}
    return {"planned": {**common, "values": values}, "change": {**common, "change": change}}


def plan() -> str:
    root = [planned("aws_iam_policy.flagged", ANY_ROLE), planned("aws_iam_policy.clean", ONE_ROLE)]
    root.append(planned("aws_iam_policy.unknown", None))
    child = [planned("module.app.aws_iam_policy.flagged[0]", ANY_ROLE)]
    document = {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {
            "root_module": {
                "resources": [one["planned"] for one in root],
                "child_modules": [{"address": "module.app", "resources": [one["planned"] for one in child]}],
            }
        },
        "resource_changes": [one["change"] for one in root + child],
        "configuration": {"root_module": {}},
    }
    return json.dumps(document, indent=2)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    files = {
        "main.tf": MAIN_TF,
        "modules/app/main.tf": MODULE_TF,
        "envs/dev/main.tf": CALL_TF.format("*"),
        "envs/prod/main.tf": CALL_TF.format(ROLE),
        "envs/files/main.tf": FILE_TF,
        "policies/any-role.json": ANY_ROLE,
        "template.yaml": TEMPLATE,
        "plan.json": plan(),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(project: Path) -> Run:
    return run_checkov(project)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_check_but_the_infos_runs(run: Run, framework: str) -> None:
    """Each framework runs every check that is no info, as a check of its own, and answers with pass, fail or skip."""
    assert run.ids(framework) == SEVERE


def test_terraform_results(run: Run) -> None:
    """A flagged policy fails, a clean one passes, instances are distinguished, other resource types are ignored."""
    failed = {resource for file, resource in run.where("failed") if file == "/main.tf"}
    passed = {resource for file, resource in run.where("passed") if file == "/main.tf"}
    each = {'aws_iam_policy.each["a"]', 'aws_iam_policy.each["b"]'}
    assert failed == {"aws_iam_policy.flagged"} | each
    assert passed == {"aws_iam_policy.clean", "aws_iam_policy.none"}  # and no record of undetermined ones


def test_plan_verdicts(run: Run) -> None:
    """A plan's resources are judged by their own addresses, in modules as well."""
    addresses = {"aws_iam_policy.flagged", "module.app.aws_iam_policy.flagged[0]"}
    assert {resource for file, resource in run.where("failed") if file == "/plan.json"} == addresses


def test_cloudformation_verdicts(run: Run) -> None:
    """Templates are judged by logical id, SAM's functions as well; a resource without properties passes."""
    failed = {resource for file, resource in run.where("failed") if file == "/template.yaml"}
    passed = {resource for file, resource in run.where("passed") if file == "/template.yaml"}
    flagged = {"AWS::IAM::ManagedPolicy.Flagged", "AWS::Serverless::Function.Function"}
    assert failed == flagged | {"AWS::IAM::ManagedPolicy.Malformed"}
    assert {"AWS::IAM::ManagedPolicy.Clean", "AWS::IAM::User.NoProperties"} <= passed


def test_undetermined_value_fails_014(run: Run) -> None:
    """A value that is not known before deployment fails 014, and a document that cannot be read every check."""
    failed = run.records["failed"]["PASSROLE_014"]
    terraform = failed["/main.tf", "aws_iam_role_policy.unknown"]
    assert "var.role_arn" in " ".join(terraform["details"])
    assert ("/plan.json", "aws_iam_policy.unknown") in failed
    for check_id in SEVERE:
        malformed = run.records["failed"][check_id]["/template.yaml", "AWS::IAM::ManagedPolicy.Malformed"]
        assert "not valid JSON" in " ".join(malformed["check_result"]["details"])
        assert malformed["severity"] == "HIGH"
    assert run.errors.count("Malformed: the policy document is not valid JSON") == 1
    assert ("/main.tf", "aws_iam_policy.flagged") not in failed


def test_two_roots_that_call_one_module_get_their_own_verdicts(run: Run) -> None:
    """The same file and address are flagged for the root that hands in a wildcard, and clean for the other."""
    place = ("/modules/app/main.tf", "module.app.aws_iam_policy.passing")
    assert run.records["failed"]["PASSROLE_001"][place]["caller_file_path"] == "/envs/dev/main.tf"
    assert run.records["passed"]["PASSROLE_001"][place]["caller_file_path"] == "/envs/prod/main.tf"


def test_policies_in_files_of_the_scanned_folder(run: Run) -> None:
    """A document that file() takes from elsewhere in the scanned folder is read, and its place is named."""
    record = run.records["failed"]["PASSROLE_001"]["/envs/files/main.tf", "aws_iam_policy.from_a_file"]
    assert record["details"][0].endswith("(policies/any-role.json:1)")


def test_a_record_says_what_is_wrong(run: Run) -> None:
    """A failed record carries the check's sentence, its severity, the guide, and the finding's message and place."""
    record = run.records["failed"]["PASSROLE_001"]["/main.tf", "aws_iam_policy.flagged"]
    assert record["check_name"] == next(check.title for check in ALL if check.id == "PASSROLE_001")
    assert record["severity"] == "MEDIUM"  # as the finding, which a condition narrows
    assert record["guideline"].startswith("https://docs.aws.amazon.com/")
    (detail,) = record["details"]
    assert detail.endswith("(main.tf:3)") and "any role" in detail.lower()
    assert record["check_result"]["evaluated_keys"] == ["policy/Statement/0"]
    template = run.records["failed"]["PASSROLE_001"]["/template.yaml", "AWS::IAM::ManagedPolicy.Flagged"]
    assert template["check_result"]["details"][0].endswith("(template.yaml:6)")


def test_suppressions_of_both_notations_skip(run: Run) -> None:
    """checkov's comments and Metadata and our own comments make SKIPPED records, each with its reason."""
    skipped = {
        place: record["check_result"]["suppress_comment"]
        for place, record in run.records["skipped"]["PASSROLE_001"].items()
    }
    assert skipped == {
        ("/main.tf", "aws_iam_policy.silenced_for_checkov"): "reviewed by checkov's users",
        ("/main.tf", "aws_iam_policy.silenced_for_us"): "reviewed by ours",
        ("/template.yaml", "AWS::IAM::ManagedPolicy.SilencedForCheckov"): "reviewed by checkov's users",
        ("/template.yaml", "AWS::IAM::ManagedPolicy.SilencedForUs"): "reviewed by ours",
    }


def test_infos_and_the_account_come_from_the_environment(project: Path) -> None:
    """Info checks run on request only, and the account makes 005 speak."""
    environment = {"PASSROLE_CHECKS_SEVERITY": "info", "PASSROLE_CHECKS_ACCOUNT": "444455556666"}
    run = run_checkov(project, frameworks=["terraform"], environment=environment)
    assert run.ids() == SEVERE | INFOS
    assert ("/main.tf", "aws_iam_policy.clean") in run.where("failed", "PASSROLE_012")
    assert ("/main.tf", "aws_iam_policy.clean") in run.where("failed", "PASSROLE_005")


def test_a_wrong_environment_is_one_line(project: Path) -> None:
    """An account and a severity that mean nothing are named on standard error, and the checks run without them."""
    environment = {"PASSROLE_CHECKS_SEVERITY": "loud", "PASSROLE_CHECKS_ACCOUNT": "12"}
    run = run_checkov(project, frameworks=["cloudformation"], environment=environment)
    assert run.ids() == SEVERE
    assert run.errors.count("PASSROLE_CHECKS_SEVERITY=loud") == 1
    assert run.errors.count("PASSROLE_CHECKS_ACCOUNT=12") == 1


def test_checkovs_own_choice_of_checks_and_soft_failures(project: Path) -> None:
    """--check, --skip-check and --soft-fail-on do with these checks what they do with checkov's own."""
    softly = ["--soft-fail-on", ",".join(SEVERE)]
    skipping = run_checkov(project, "--skip-check", "CKV*,PASSROLE_002", *softly, frameworks=["terraform"])
    assert skipping.ids() == SEVERE - {"PASSROLE_002"}
    assert skipping.where("failed") and skipping.status == 0
    choosing = ["-c", "PASSROLE_001,PASSROLE_014", "--soft-fail-on", "PASSROLE_014"]
    chosen = run_checkov(project, *choosing, frameworks=["terraform"])
    assert chosen.ids() == {"PASSROLE_001", "PASSROLE_014"}
    assert chosen.status == 1


def test_checkovs_severities(project: Path) -> None:
    """A severity as --check chooses the checks that are at least so severe."""
    run = run_checkov(project, "-c", "HIGH", frameworks=["cloudformation"])
    assert run.ids() == {check.id for check in ALL if check.severity is Severity.HIGH}


def test_duplicate_foreign_and_broken_modules_do_not_change_results(project: Path, run: Run, tmp_path: Path) -> None:
    """Copies of the adapter, a check in another folder and modules that fail to import do not change the results."""
    copy, others = tmp_path / "copy", tmp_path / "others"
    shutil.copytree(LEAF, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "a_broken_sibling.py").write_text("import no_such_module_anywhere\n")
    (copy / "z_broken_sibling.py").write_text("def (\n")
    others.mkdir()
    (others / "__init__.py").touch()
    (others / "other_check.py").write_text(OTHER_CHECK)
    crowded = run_checkov(project, leaves=[LEAF, others, copy, LEAF])
    assert "a_broken_sibling" in crowded.errors and "z_broken_sibling" in crowded.errors
    outcomes = crowded.outcomes()
    other = {key for key in outcomes if key[0] == "OTHER_1"}
    assert ("OTHER_1", "/main.tf", "aws_iam_policy.flagged") in other
    assert {key: outcome for key, outcome in outcomes.items() if key not in other} == run.outcomes()


OTHER_CHECK = """
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck


class Other(BaseResourceCheck):
    def scan_resource_conf(self, conf):
        return CheckResult.FAILED


check = Other("Other", "OTHER_1", [CheckCategories.IAM], ["aws_iam_policy"])
"""


def test_single_files(project: Path, run: Run) -> None:
    """Files given one by one are answered like the folder that holds them."""
    names = ["main.tf", "template.yaml", "plan.json"]
    single = run_checkov(project, files=names)
    expected = {place for place in run.where("failed") if place[0].lstrip("/") in names}
    assert expected and expected <= single.where("failed")


def test_terraform_in_json(tmp_path: Path) -> None:
    """checkov's runner for .tf.json, which tells no address, gets answers by type and name."""
    policies = {"flagged": {"policy": ANY_ROLE}, "clean": {"policy": ONE_ROLE}}
    (tmp_path / "main.tf.json").write_text(json.dumps({"resource": {"aws_iam_policy": policies}}))
    run = run_checkov(tmp_path, frameworks=["terraform_json"])
    assert run.ids() == SEVERE
    assert run.where("failed") == {("/main.tf.json", "resource.flagged")}
    assert run.where("passed") == {("/main.tf.json", "resource.clean")}
