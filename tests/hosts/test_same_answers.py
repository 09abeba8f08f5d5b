"""One table: every sample, in every host that reads it, has the findings that the command line has."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from checkov_runs import checkov_process
from command_runs import run_command

from passrole_checks.checks import ALL
from passrole_checks.scan.for_hosts.host_results import TERRAFORM_TYPES

pytest.importorskip("checkov")
pytest.importorskip("cfnlint")

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLES = REPOSITORY / "sample_templates"
LEAVES = REPOSITORY / "passrole_checks"
ACCOUNT = "111122223333"

# The sources of the samples, by the folder that holds them, and the hosts that read them: all of them checkov.
FRAMEWORKS = ("terraform", "terraform_json", "terraform_plan", "cloudformation")
SOURCES = (
    *("terraform", "plan", "state", "source", "cloudformation", "sam", "cdk", "stacks", "change-set", "serverless"),
    *("policies", "other-names", "account"),
)
CFN_LINT = ("cloudformation", "sam", "cdk")
# By checkov: rows of the table of differences.
UNREAD = ("state", "serverless", "policies", "other-names", "account")

DEPLOYED = "templates that a Terraform stack resource deploys"
SAME_PLACE = "a second resource with the same statement, by an alias or a loop"
UNPARSED = "Terraform files that checkov cannot parse"
TERRAGRUNT = "inputs of Terragrunt"
VALUES = "value files that no option names"
SWITCHED_ON = "instances that a value file that no option names creates"
PARAMETERS = "parameter files that no option names"
OUTPUTS = "policies in outputs of Terraform"
MISSING = "policies that only a missing module, state or stored value decides"
MISSING_STACK = "policies that only a missing stack or stored value decides"
LINKED = "values that another root module or template passes"
LINKED_STACK = "values that another template passes"
CALLED_ROOTS = "modules that are root modules although other folders call them"
NO_PLAN = "truncated or malformed plans"


class Answer(NamedTuple):
    """One finding: the check, the file and the line of the statement, the resource, and whether it is suppressed."""

    check_id: str
    file: str
    line: int
    resource: str
    suppressed: bool = False


# The differences from the command line in the samples: (host, file, resource), with the row of README's table.
DIFFERENCES = {
    ("checkov", "terraform-files/terraform/opentofu/main.tofu", "aws_iam_policy.release"): "resources in `.tofu` files",
    ("checkov", "resources/terraform/stacks/builds.yaml", "Builder"): DEPLOYED,
    ("checkov", "stacks-and-products/terraform/stack.yaml", "Deploy"): DEPLOYED,
    ("checkov", "terragrunt/terraform/modules/deployer/main.tf", "aws_iam_policy.deploy"): TERRAGRUNT,
    ("checkov", "plans/plan/handed-out.json", "output.published"): OUTPUTS,
    ("checkov", "plans/plan/handed-out-before.json", "output.published"): OUTPUTS,
    ("checkov", "modules/terraform/published/main.tf", "aws_iam_policy.runner"): CALLED_ROOTS,
    ("checkov", "variables/terraform/main.tf", 'aws_iam_group_policy.team["web"]'): VALUES,
    ("checkov", "variables/terraform/main.tf", "aws_iam_group_policy.team"): SWITCHED_ON,
    ("cfn-lint", "intrinsics/cloudformation/loops.yaml", "Policyblueteam"): SAME_PLACE,
    ("cfn-lint", "yaml-and-other-tools/cloudformation/anchors.yaml", "Operate"): SAME_PLACE,
    ("checkov", "value-files/cloudformation/release.yaml", "Release"): VALUES,
    ("checkov", "value-files/cloudformation/tenants.yaml", "Tenants"): VALUES,
    ("checkov", "value-files/sam/template.yaml", "Starter"): VALUES,
    ("checkov", "value-files/terraform/envs/prod.tfvars", "aws_iam_policy.release"): VALUES,
    ("checkov", "value-files/terraform/main.tf", "aws_iam_policy.release"): VALUES,
    ("cfn-lint", "value-files/cloudformation/release.yaml", "Release"): PARAMETERS,
    ("cfn-lint", "value-files/cloudformation/tenants.yaml", "Tenants"): PARAMETERS,
    ("cfn-lint", "value-files/sam/template.yaml", "Starter"): PARAMETERS,
    ("checkov", "missing-sources/cloudformation/template.yaml", "Reader"): MISSING,
    ("checkov", "missing-sources/cloudformation/template.yaml", "Worker"): MISSING,
    ("checkov", "missing-sources/terraform/main.tf", "aws_iam_policy.platform"): MISSING,
    ("checkov", "missing-sources/terraform/main.tf", "aws_iam_policy.reader"): MISSING,
    ("checkov", "missing-sources/terraform/main.tf", "aws_iam_policy.stored"): MISSING,
    ("checkov", "missing-sources/terraform/main.tf", "aws_iam_policy.with_others"): MISSING,
    ("checkov", "resources/terraform/looked-up/main.tf", "aws_iam_policy.theirs"): MISSING,
    ("checkov", "across-roots/cloudformation/cdk.out/Deploy.template.json", "Policy23B91518"): LINKED,
    ("checkov", "across-roots/cloudformation/stacks/deploy.yaml", "Deploy"): LINKED,
    ("checkov", "across-roots/sam/template.yaml", "Starter"): LINKED,
    ("checkov", "across-roots/terraform/deploy/main.tf", "aws_iam_user_policy.deploy"): LINKED,
    ("checkov", "across-roots/terraform/local/deploy/main.tf", "aws_iam_user_policy.local"): LINKED,
    ("checkov", "across-roots/terraform/named/deploy/main.tf", "aws_iam_role_policy.pass"): LINKED,
    ("checkov", "across-roots/terraform/workspaces/deploy/main.tf", "aws_iam_user_policy.workspaces"): LINKED,
    ("cfn-lint", "across-roots/cloudformation/cdk.out/Deploy.template.json", "Policy23B91518"): LINKED_STACK,
    ("cfn-lint", "across-roots/cloudformation/stacks/deploy.yaml", "Deploy"): LINKED_STACK,
    ("cfn-lint", "across-roots/sam/template.yaml", "Starter"): LINKED_STACK,
    ("cfn-lint", "missing-sources/cloudformation/template.yaml", "Reader"): MISSING_STACK,
    ("cfn-lint", "missing-sources/cloudformation/template.yaml", "Worker"): MISSING_STACK,
}
# What the command line cannot read of `tests/unreadable` and checkov does not report, with the row.
NOT_REPORTED = {
    "half-typed/main.tf": UNPARSED,
    "wrong-json/main.tf.json": UNPARSED,
    "plans/truncated.json": NO_PLAN,
    "plans/wrong-types.json": NO_PLAN,
}

_STATEMENT = '{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}'
_DOCUMENT = '{"Version": "2012-10-17", "Statement": [' + _STATEMENT + "]}"

_RESOURCE = f'resource "aws_iam_policy" "p" {{\n  policy = jsonencode({_DOCUMENT})\n}}\n'
_VARIABLE = _RESOURCE.replace('"Resource": "*"', '"Resource": var.roles')
_TEMPLATE = f"Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties: {{PolicyDocument: {_DOCUMENT}}}\n"
_PARSED = json.dumps({
    "Resources": {"P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": json.loads(_DOCUMENT)}}}
})  # fmt: skip
_IMPORTING = _TEMPLATE.replace('"*"', '{"Fn::ImportValue": exported-role}')
_EXPORTING = "Resources: {T: {Type: AWS::SNS::Topic}}\nOutputs: {R: {Value: '*', Export: {Name: exported-role}}}\n"
_CONDITION = (
    "Parameters: {Stage: {Type: String, Default: test}}\nConditions: {InProduction: !Equals [!Ref Stage, production]}\n"
) + _TEMPLATE.replace("ManagedPolicy\n", "ManagedPolicy\n    Condition: InProduction\n")
_FOR_EACH = (
    "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::Each:\n    - Name\n    - [A, B]\n    - P${Name}:\n"
    f"        Type: AWS::IAM::ManagedPolicy\n        Properties: {{PolicyDocument: {_DOCUMENT}}}\n"
)
_GLOBALS = (
    f"Transform: AWS::Serverless-2016-10-31\nGlobals: {{Function: {{Policies: [{_DOCUMENT}]}}}}\n"
    "Resources: {F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b}}}\n"
)
_STATE = {
    "format_version": "1.0",
    "terraform_version": "1.9.0",
    "values": {
        "root_module": {
            "resources": [
                {
                    "address": "aws_iam_policy.p",
                    "mode": "managed",
                    "type": "aws_iam_policy",
                    "name": "p",
                    "values": {"policy": _DOCUMENT},
                }
            ]
        }
    },
}
_CHANGE = {
    "Action": "Add",
    "LogicalResourceId": "P",
    "ResourceType": "AWS::IAM::ManagedPolicy",
    "AfterContext": json.dumps({"Properties": {"PolicyDocument": json.loads(_DOCUMENT)}}),
}
_USER = "arn:aws:iam::111122223333:user/alice"
_INLINE = {"PolicyName": "pass", "PolicyDocument": json.loads(_DOCUMENT)}
_ACCOUNT_DETAILS = {"UserDetailList": [{"Arn": _USER, "UserName": "alice", "UserPolicyList": [_INLINE]}]}
_CHANGE_SET = {"Changes": [{"Type": "Resource", "ResourceChange": _CHANGE}], "ChangeSetName": "release"}
_SERVICE = f"service: orders\nprovider:\n  name: aws\n  iamRoleStatements: [{_STATEMENT}]\n"
_MODULE = 'module "m" {\n  source = "acme/m/aws"\n}\n'
_CALL = 'module "m" {\n  source = "./m"\n}\n'

_WIDE = 'variable "roles" {\n  default = ["*"]\n}\n' + _RESOURCE.replace('"Resource": "*"', '"Resource": var.roles')
_NARROW = 'module "m" {\n  source = "../"\n  roles  = ["arn:aws:iam::111122223333:role/app"]\n}\n'
_STACK = """\
resource "aws_cloudformation_stack" "s" {
  name          = "s"
  parameters    = { Role = "arn:aws:iam::111122223333:role/app" }
  template_body = file("${path.module}/stack.yaml")
}
"""
_PARAMETER = 'Parameters: {Role: {Type: String, Default: "*"}}\n' + _TEMPLATE.replace('"*"', "!Ref Role")
_ALIAS = (
    "Mappings: {M: {A: {B: c}}}\n"
    + _TEMPLATE.replace("PolicyDocument: ", "PolicyDocument: &d ")
    + "  Q:\n    Type: AWS::IAM::ManagedPolicy\n    Properties: {PolicyDocument: *d}\n"
)
_SUPPRESSED = _TEMPLATE.replace("    Type", "    # passrole:skip=PASSROLE_001 reviewed\n    Type")


class Form(NamedTuple):
    """Files (a folder of their own), and a resource of theirs with a finding that only one side has.

    ``more``: the host has it. Else it is the command line. ``check``: of the finding.
    """

    host: str
    files: dict[str, str]
    resource: str = "aws_iam_policy.p"
    more: bool = False
    check: str = "PASSROLE_001"


# And in general: what differs in a host, row by row of the table of differences.
FORMS: dict[str, Form] = {
    "resources in `.tofu` files": Form("checkov", {"main.tofu": _RESOURCE}, "aws_iam_policy.p"),
    "the calls of modules in `.tofu` files": Form(
        "checkov", {"main.tofu": _CALL, "m/main.tf": _RESOURCE}, "module.m.aws_iam_policy.p"
    ),
    "Terraform files that checkov cannot parse": Form(
        "checkov", {"main.tf": _RESOURCE + "locals {\n  a = !!true\n}\n"}, "aws_iam_policy.p"
    ),
    "folders whose names begin with a dot": Form("checkov", {".deploy/main.tf": _RESOURCE}, "aws_iam_policy.p"),
    "plans and templates with unusual file names": Form("checkov", {"template.cfn": _TEMPLATE}, "P"),
    "states (`terraform show -json` without a plan)": Form(
        "checkov", {"state.json": json.dumps(_STATE, indent=2)}, "aws_iam_policy.p"
    ),
    "IAM policy documents (JSON) that no code reads": Form("checkov", {"policy.json": _DOCUMENT}, "policy.json"),
    TERRAGRUNT: Form(
        "checkov",
        {
            "unit/terragrunt.hcl": 'terraform {\n  source = "../m"\n}\ninputs = {\n  role = "*"\n}\n',
            "m/main.tf": 'variable "role" {\n  default = "arn:aws:iam::111122223333:role/app"\n}\n'
            + _RESOURCE.replace('"Resource": "*"', '"Resource": var.role'),
        },
    ),
    "account details of IAM": Form("checkov", {"account.json": json.dumps(_ACCOUNT_DETAILS, indent=2)}, _USER),
    "services of the Serverless Framework": Form("checkov", {"serverless.yml": _SERVICE}, "IamRoleLambdaExecution"),
    OUTPUTS: Form("checkov", {"main.tf": f'output "p" {{\n  value = jsonencode({_DOCUMENT})\n}}\n'}, "output.p"),
    CALLED_ROOTS: Form("checkov", {"main.tf": _WIDE, "examples/main.tf": _NARROW}),
    DEPLOYED: Form("checkov", {"main.tf": _STACK, "stack.yaml": _PARAMETER}, "P", more=True),
    NO_PLAN: Form(
        "checkov", {"plan.json": '{"format_version": "1.2", "terraform_version": "1.9.0", "resource_changes'}, ""
    ),
    VALUES: Form(
        "checkov", {"main.tf": f'variable "roles" {{ default = [] }}\n{_VARIABLE}', "prod.tfvars": 'roles = ["*"]\n'}
    ),
    SWITCHED_ON: Form(
        "checkov",
        {
            "main.tf": 'variable "teams" { default = {} }\n'
            + _RESOURCE.replace("{\n", "{\n  for_each = var.teams\n", 1),
            "prod.tfvars": "teams = { web = {} }\n",
        },
        more=True,
    ),
    LINKED: Form("checkov", {"reader.yaml": _IMPORTING, "exporter.yaml": _EXPORTING}, "P"),
    MISSING: Form(
        "checkov",
        {"main.tf": _MODULE + _RESOURCE.split("=")[0] + "= module.m.json\n}\n"},
        more=True,
        check="PASSROLE_014",
    ),
    "Terraform files": Form("cfn-lint", {"main.tf": _RESOURCE}),
    SAME_PLACE: Form("cfn-lint", {"template.yaml": _ALIAS}, "Q"),
    "suppressed findings": Form("cfn-lint", {"template.yaml": _SUPPRESSED}, "P"),
    PARAMETERS: Form(
        "cfn-lint",
        {
            "template.yaml": _PARAMETER.replace('"*"', '"arn:aws:iam::111122223333:role/app"', 1),
            "params/prod.json": '{"Parameters": {"Role": "*"}}',
        },
        "P",
    ),
    LINKED_STACK: Form("cfn-lint", {"reader.yaml": _IMPORTING, "exporter.yaml": _EXPORTING}, "P"),
    MISSING_STACK: Form(
        "cfn-lint",
        {"template.yaml": _TEMPLATE.replace(_DOCUMENT, "!ImportValue policy")},
        "P",
        more=True,
        check="PASSROLE_014",
    ),
}


def samples() -> list[str]:
    """The folders of the samples of one kind in one format: ``001-any-role/terraform``. Logs are no code."""
    folders = (path for path in SAMPLES.glob("*/*") if path.is_dir() and path.name != "logs")
    return sorted(str(path.relative_to(SAMPLES)) for path in folders)


def test_every_sample_is_in_the_table() -> None:
    """Each sample belongs to a source that the table knows, and each difference names a sample, and a row."""
    assert {sample.partition("/")[2] for sample in samples()} == set(SOURCES)
    assert all((SAMPLES / file).is_file() for _, file, _ in DIFFERENCES)
    assert {*DIFFERENCES.values(), *NOT_REPORTED.values()} <= set(FORMS)
    assert all(FORMS[row].host == host for (host, _, _), row in DIFFERENCES.items())
    answers = command_line() | checkov() | cfn_lint()
    assert all(any(answer.file.startswith(f"{sample}/") for sample in samples()) for answer in answers)


@pytest.mark.parametrize("difference", DIFFERENCES, ids="-".join)
def test_every_difference_is_one(difference: tuple[str, str, str]) -> None:
    """An entry of the table that is none any more is outdated."""
    host, file, resource = difference
    ours, theirs = (
        {one for one in answers if (one.file, one.resource) == (file, resource)}
        for answers in (command_line(), checkov() if host == "checkov" else cfn_lint())
    )
    assert theirs - ours if FORMS[DIFFERENCES[difference]].more else ours - theirs


def test_every_check_has_findings_in_the_samples() -> None:
    """The samples make every check speak, so that equal answers are answers."""
    assert {answer.check_id for answer in command_line()} == {check.id for check in ALL}


def test_every_flaggable_type_is_registered() -> None:
    """The adapter registers every Terraform resource type that has a finding in the samples."""
    flagged = {
        answer.resource
        for answer in command_line()
        if ("/terraform/" in answer.file or "/plan/" in answer.file) and "handed-out" not in answer.file
    }
    types = {re.sub(r"\[.*?\]", "", address).split(".")[-2] for address in flagged}
    assert types and types - {"module"} <= {*TERRAFORM_TYPES, "aws_iam_policy_document"}


@pytest.mark.parametrize("sample", samples())
def test_same_answers(sample: str) -> None:
    """A sample has the same set of (check, file, resource) in each host, on the same lines."""
    if sample.partition("/")[2] in UNREAD:
        assert not only(sample, checkov())
        return
    assert offered("checkov", only(sample, checkov())) == offered("checkov", only(sample, command_line()))
    if sample.partition("/")[2] in CFN_LINT:
        # cfn-lint shows no suppressed matches
        open_answers = {answer for answer in only(sample, command_line()) if not answer.suppressed}
        assert offered("cfn-lint", only(sample, cfn_lint())) == offered("cfn-lint", open_answers)


def with_sources() -> dict[str, str]:
    """The samples whose plans are judged with the configuration that they were made from, and its folder."""
    options = {path.parent.name: json.loads(path.read_text()) for path in SAMPLES.glob("*/options.json")}
    return {folder: option["source"] for folder, option in sorted(options.items()) if "source" in option}


@pytest.mark.parametrize(("folder", "source"), with_sources().items())
def test_plans_with_their_source(folder: str, source: str) -> None:
    """A plan has the same findings where each host is given the configuration that it was made from."""
    plans, configuration = SAMPLES / folder / "plan", str(REPOSITORY / source)
    files = tuple(word for path in sorted(plans.glob("*.json")) for word in ("-f", path.name))
    enriched = ("--repo-root-for-plan-enrichment", configuration)
    said = command_line(plans, options=("--source", configuration))
    assert said and checkov(plans, ("terraform_plan",), enriched, files) == said


def with_var_files() -> dict[str, str]:
    """The samples that are judged with a file of values, and that file."""
    options = {path.parent.name: json.loads(path.read_text()) for path in SAMPLES.glob("*/options.json")}
    return {folder: option["var-file"] for folder, option in sorted(options.items()) if "var-file" in option}


@pytest.mark.parametrize(("folder", "file"), with_var_files().items())
def test_terraform_with_its_var_file(folder: str, file: str) -> None:
    """Terraform has the same findings where each host is given the same file of values, and others without it."""
    values = ("--var-file", str(REPOSITORY / file))
    said = command_line(SAMPLES / folder, options=values)
    assert said and checkov(SAMPLES / folder, ("terraform",), values) == said
    assert said != command_line(SAMPLES / folder)


def only(sample: str, answers: Iterable[Answer]) -> set[Answer]:
    return {answer for answer in answers if answer.file.startswith(f"{sample}/")}


def offered(host: str, answers: Iterable[Answer]) -> set[Answer]:
    return {answer for answer in answers if (host, answer.file, answer.resource) not in DIFFERENCES}


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forms")
    for number, form in enumerate(FORMS.values()):
        for name, text in form.files.items():
            path = folder / f"form{number}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return folder


@pytest.mark.parametrize("words", [words for words, form in FORMS.items() if form.resource])
def test_what_a_host_does_not_offer(forms: Path, words: str) -> None:
    """Only one side has the finding; where that changes, the table is outdated."""
    form, folder = FORMS[words], f"form{list(FORMS).index(words)}/"
    theirs = checkov(forms) if form.host == "checkov" else cfn_lint(forms, given(forms))
    said, shown = (
        {answer.resource for answer in answers if answer.file.startswith(folder) and answer.check_id == form.check}
        for answers in (command_line(forms), theirs)
    )
    assert (form.resource in said, form.resource in shown) == (not form.more, form.more)


def test_what_cannot_be_read_fails_in_checkov_or_is_in_the_table(tmp_path: Path) -> None:
    """Of what the command line cannot read, checkov fails a resource in that file, or the table says why not."""
    shutil.copytree(REPOSITORY / "tests" / "unreadable", tmp_path, dirs_exist_ok=True)
    unreadable = {entry["file"] for entry in scanned(tmp_path)["unreadable"]}
    assert unreadable >= set(NOT_REPORTED)
    (tmp_path / "plans" / "wrong-types.json").unlink()  # checkov ends with an error, and with two frameworks never
    records = checkov_records(tmp_path, FRAMEWORKS, (), ("-d", "."))
    failed = {record["file_path"].lstrip("/") for outcome, record in records if outcome == "failed"}
    assert unreadable - failed == set(NOT_REPORTED)


# Templates of which checkov shows nothing, or not everything: it drops a whole file for one part that it cannot parse.
DROPPED = {
    "empty-resource.yaml": _TEMPLATE + "  C: null\n",
    "empty-resource.json": json.dumps({"Resources": {**json.loads(_PARSED)["Resources"], "C": None}}, indent=1),
    "byte-order-mark.json": "\ufeff" + _PARSED,
    "number-as-key.yaml": _TEMPLATE + "  1: {Type: AWS::SNS::Topic}\n",
    "dot-in-a-name.yaml": _TEMPLATE + "  A.B: {Type: AWS::SNS::Topic}\n",
    "same-key-twice.yaml": _TEMPLATE + "  T:\n    Type: AWS::SNS::Topic\n    Type: AWS::SNS::Topic\n",
    "merged-key.yaml": "Mappings: {M: {A: &a {B: c}, D: {<<: *a, B: e}}}\n" + _TEMPLATE,
    "unknown-tag.yaml": _TEMPLATE + "Metadata: {A: !<tag:example.com,2000:a> b}\n",
    "no-date.yaml": _TEMPLATE + "Metadata: {A: 2020-13-45}\n",
    "list-of-properties.yaml": _TEMPLATE + "  T: {Type: AWS::SNS::Topic, Properties: []}\n",
    "list-of-resources.yaml": _TEMPLATE.replace("  P", "- P", 1),
    "two-documents.yaml": _TEMPLATE + "---\n" + _TEMPLATE,
    "false-condition.yaml": _CONDITION,
    "loop.yaml": _FOR_EACH,
    "loop-beside-a-role.yaml": _FOR_EACH + "  R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}\n",
    "globals.yaml": _GLOBALS,
    "output.yaml": f"Resources: {{T: {{Type: AWS::SNS::Topic}}}}\nOutputs: {{P: {{Value: '{_DOCUMENT}'}}}}\n",
    "part.yaml": _TEMPLATE.replace("    Type: AWS::IAM::ManagedPolicy\n", ""),
    "change-set.json": json.dumps(_CHANGE_SET, indent=2),
    "parent.yaml": "Resources: {S: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: nested/child.yaml}}}",
    "nested/child.yaml": _TEMPLATE + "  C: null\n",
}


@pytest.fixture(scope="module")
def dropped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dropped")
    (folder / "nested").mkdir()
    for name, text in DROPPED.items():
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.mark.parametrize("given", ["folder", "files", "folder and files"])
def test_what_checkov_drops_is_judged_all_the_same(dropped: Path, given: str) -> None:
    """Each finding has one record, and each template that cannot be read fails every check."""
    paths = [word for name in DROPPED for word in ("-f", name)] if given != "folder" else []
    paths += ["-d", "."] if given != "files" else []
    assert checkov(dropped, ("cloudformation",), (), tuple(paths)) == command_line(dropped)
    records = [record for _, record in checkov_records(dropped, ("cloudformation",), (), tuple(paths))]
    keys = [(record["check_id"], record["file_path"], record["resource"]) for record in records]
    assert len(keys) == len(set(keys))
    unread = {entry["file"].replace("nested/child", "parent") for entry in scanned(dropped)["unreadable"]}
    failed = {path.lstrip("/") for check_id, path, _ in keys if check_id == "PASSROLE_013"}
    assert len(unread) > 4 and failed == unread


def test_each_of_several_folders_fails_for_what_checkov_drops(tmp_path: Path) -> None:
    """checkov goes through one folder after the other; a clean one beside them fails nothing."""
    for name in ("empty-resource.yaml", "loop.yaml"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(DROPPED[name])
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "chart.yaml").write_text("Resources: {a: null}\nb: {{ .Values.b }}\n")
    asked = (
        "--external-checks-dir",
        str(LEAVES / "checkov_checks"),
        "-c",
        "PASSROLE_*",
        "--skip-download",
        "-o",
        "json",
    )
    for folders, frameworks in (
        (("clean", "empty-resource.yaml", "loop.yaml"), ("terraform", "cloudformation")),
        (("clean", "loop.yaml"), ("cloudformation",)),  # with one framework, checkov shows the first folder twice
        (("loop.yaml", "clean"), ("cloudformation",)),
        (("clean",), ("cloudformation",)),
    ):
        given = [word for folder in folders for word in ("-d", folder)]
        ran = process("checkov.main", *given, *asked, "--framework", *frameworks, folder=tmp_path)
        assert ran.returncode == (len(folders) > 1), ran.stderr
        assert all(f"/{folder}" in ran.stdout for folder in folders if folder != "clean")


CASES = {
    "clean": (0, _DOCUMENT.replace("iam:PassRole", "s3:GetObject")),
    "finding": (1, _DOCUMENT),
    "unreadable": (2, '{"Statement": 7}'),
}


@pytest.mark.parametrize("case", CASES)
def test_exit_statuses(tmp_path: Path, case: str) -> None:
    """Where the command line exits with 1 or 2, the hosts fail as well, and where it exits with 0 they do not.

    With a finding, checkov runs all its frameworks, which takes three times as long as those for these files.
    """
    status, document = CASES[case]
    frameworks = ("--framework", "terraform", "cloudformation") if case != "finding" else ()
    asked = ("--external-checks-dir", str(LEAVES / "checkov_checks"), "-c", "PASSROLE_*", "--skip-download")
    (tmp_path / "main.tf").write_text(_RESOURCE.replace(_DOCUMENT, document))
    (tmp_path / "template.yaml").write_text(_TEMPLATE.replace(_DOCUMENT, document))
    ran = [
        process(*command, folder=tmp_path).returncode
        for command in (
            ("passrole_checks", "scan", "."),
            ("checkov.main", "-d", ".", *asked, *frameworks),
            ("cfnlint.runner.cli", "-a", str(LEAVES / "cfnlint_rules"), "-t", "template.yaml"),
        )
    ]
    assert ran[0] == status and [bool(one) for one in ran[1:]] == [bool(status)] * 2


def test_every_sample_that_fails_the_command_line_fails_the_hosts() -> None:
    """A sample with a finding that makes the exit status 1 has an open finding in each host that reads it."""
    failing = {
        answer.file.rpartition("/")[0]
        for answer in command_line()
        if (answer.check_id, answer.file, answer.line, answer.resource) in severe()
    }
    for host, answers in (("checkov", checkov()), ("cfn-lint", cfn_lint())):
        open_folders = {answer.file.rpartition("/")[0] for answer in answers if not answer.suppressed}
        excused = {file.rpartition("/")[0] for one, file, _ in DIFFERENCES if one == host}
        read = {one for one in failing if one.split("/")[1] in (CFN_LINT if host == "cfn-lint" else SOURCES)}
        assert {one for one in read - open_folders - excused if one.split("/")[1] not in UNREAD} == set()


def test_the_table_of_differences() -> None:
    """The page of hosts lists what they do not offer, row by row as it is tested here, each with its host."""
    section = (
        (REPOSITORY / "docs" / "hosts" / "index.md")
        .read_text("utf-8")
        .partition("| differs from the command line | in |")[2]
    )
    rows = [line.split("|")[1:3] for line in section.partition("\n\n")[0].splitlines() if line.startswith("| ")]
    assert [(words.strip(), host.strip()) for words, host in rows] == [
        (words, form.host) for words, form in FORMS.items()
    ]


def process(*command: str, folder: Path, **asked: str) -> subprocess.CompletedProcess[str]:
    if command[0] == "checkov.main":
        return checkov_process(folder, *command[1:], environment=asked)
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **asked},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def run(*command: str, folder: Path) -> str:
    done = process(*command, folder=folder, PASSROLE_CHECKS_SEVERITY="info", PASSROLE_CHECKS_ACCOUNT=ACCOUNT)
    assert done.stdout.strip(), done.stderr
    return done.stdout


@cache
def scanned(folder: Path = SAMPLES, options: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the output of the command line, for the samples one by one: together they name roles of each other."""
    words = ("--format", "json", "--severity", "info", "--account", ACCOUNT, *options)
    if folder == SAMPLES:
        names = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())
        found = (json.loads(run_command("scan", name, *words, cwd=SAMPLES).stdout) for name in names)
        return {"findings": [finding for each in found for finding in each["findings"]]}
    loaded: dict[str, Any] = json.loads(run("passrole_checks", "scan", ".", *words, folder=folder))
    return loaded


@cache
def command_line(folder: Path = SAMPLES, options: tuple[str, ...] = ()) -> frozenset[Answer]:
    return frozenset(
        Answer(finding["check_id"], finding["file"], finding["line"], resource, finding["suppressed"] is not None)
        for finding in scanned(folder, options)["findings"]
        for resource in finding["uses"]
    )


def severe() -> set[tuple[str, str, int, str]]:
    """The findings that make the exit status 1."""
    return {
        (finding["check_id"], finding["file"], finding["line"], resource)
        for finding in scanned()["findings"]
        if finding["severity"] in ("medium", "high") and finding["suppressed"] is None
        for resource in finding["uses"]
    }


@cache
def checkov_records(
    folder: Path, frameworks: tuple[str, ...], options: tuple[str, ...], paths: tuple[str, ...]
) -> list[tuple[str, dict[str, Any]]]:
    """The records of failed and skipped checks, each with that word."""
    leaf = str(LEAVES / "checkov_checks")
    output = run(
        *("checkov.main", *paths, "--external-checks-dir", leaf, "-c", "PASSROLE_*", "--framework", *frameworks),
        *("--skip-download", "-o", "json", *options),
        folder=folder,
    )
    loaded = json.loads(output)
    return [
        (outcome, record)
        for report in (loaded if isinstance(loaded, list) else [loaded])
        for outcome in ("failed", "skipped")
        for record in report.get("results", {}).get(f"{outcome}_checks", ())
    ]


@cache
def checkov(
    folder: Path = SAMPLES,
    frameworks: tuple[str, ...] = FRAMEWORKS,
    options: tuple[str, ...] = (),
    paths: tuple[str, ...] = ("-d", "."),
) -> frozenset[Answer]:
    return frozenset(
        Answer(record["check_id"], file, line, resource, outcome == "skipped")
        for outcome, record in checkov_records(folder, frameworks, options, paths)
        for file, line, resource in places(record)
    )


def places(record: dict[str, Any]) -> list[tuple[str, int, str]]:
    """Where the findings of a record are, which its details end with: file, line, and the resource if it is another.

    What could not be read is no finding: the command line names it beside them.
    """
    details = [one for one in record["check_result"]["details"] if not one.startswith("cannot be read")]
    found = [re.search(r"\(([^()]+):(\d+)(?:, (.+))?\)$", detail) for detail in details]
    assert all(found), details
    shown = record["resource"]
    if shown.startswith(("AWS::", "Custom::")):
        shown = shown.partition(".")[2]  # checkov writes AWS::IAM::Policy.LogicalId
    return [(match[1], int(match[2]), match[3] or shown) for match in found if match]


def given(folder: Path) -> tuple[str, ...]:
    """The files of the forms that are about cfn-lint."""
    hosts = [form.host for form in FORMS.values()]
    files = (path.relative_to(folder) for path in sorted(folder.glob("*/*")) if path.is_file())
    return tuple(str(file) for file in files if hosts[int(file.parts[0].removeprefix("form"))] == "cfn-lint")


@cache
def cfn_lint(folder: Path = SAMPLES, files: tuple[str, ...] = ()) -> frozenset[Answer]:
    templates = files or tuple(
        str(path.relative_to(SAMPLES))
        for source in CFN_LINT
        for path in sorted(SAMPLES.glob(f"*/{source}/**/*"))
        if path.suffix in (".yaml", ".json") and "Resources" in path.read_text()  # what a template includes is none
    )
    leaf = str(LEAVES / "cfnlint_rules")
    output = run("cfnlint.runner.cli", "-a", leaf, "-c", "I95", "--format", "json", "-t", *templates, folder=folder)
    return frozenset(
        Answer(
            f"PASSROLE_0{match['Rule']['Id'][-2:]}",
            match["Filename"],
            match["Location"]["Start"]["LineNumber"],
            in_stack[1]
            if (in_stack := re.search(r", in the stack as (\S+)\]$", match["Message"]))
            else f"{'Outputs.' if path[0] == 'Outputs' else ''}{path[1]}",
        )
        for match in json.loads(output)
        if re.fullmatch(r"[EWI]95\d\d", match["Rule"]["Id"]) and len(path := match["Location"]["Path"]) > 1
    )
