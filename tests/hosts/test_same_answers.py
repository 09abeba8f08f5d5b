"""One table: every sample, in every host that reads it, has the findings that the command line has."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from passrole_checks.checks import ALL
from passrole_checks.hosts import TERRAFORM_TYPES

pytest.importorskip("checkov")
pytest.importorskip("cfnlint")

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLES = REPOSITORY / "sample_templates"
LEAVES = REPOSITORY / "passrole_checks"
ACCOUNT = "111122223333"

# The sources of the samples, by the folder that holds them, and the hosts that read them: all of them checkov.
FRAMEWORKS = ("terraform", "terraform_json", "terraform_plan", "cloudformation")
SOURCES = ("terraform", "plan", "state", "source", "cloudformation", "sam", "cdk", "stacks", "change-set")
CFN_LINT = ("cloudformation", "sam", "cdk")
UNREAD = ("state", "change-set")  # by checkov: rows of README's table


class Answer(NamedTuple):
    """One finding: the check, the file and the line of the statement, the resource, and whether it is suppressed."""

    check_id: str
    file: str
    line: int
    resource: str
    suppressed: bool = False


# What a host does not offer to its checks, of the samples: (host, file, resource), with the reason.
NOT_OFFERED = {
    ("checkov", "terraform-files/terraform/opentofu/main.tofu", "aws_iam_policy.release"): "not read",
    ("checkov", "intrinsics/cloudformation/loops.yaml", "Policyredteam"): "a loop, not expanded",
    ("checkov", "intrinsics/cloudformation/loops.yaml", "Policyblueteam"): "a loop, not expanded",
    ("checkov", "intrinsics/cloudformation/loops.yaml", "Tenant${Tenant}"): "a loop, not expanded",
    ("cfn-lint", "intrinsics/cloudformation/loops.yaml", "Policyblueteam"): "one match for each place",
    ("checkov", "conditions-and-parameters/cloudformation/environments.yaml", "Sandbox"): "not there by default",
    ("checkov", "yaml-and-other-tools/cloudformation/anchors.yaml", "Deploy"): "cannot be parsed",
    ("checkov", "yaml-and-other-tools/cloudformation/anchors.yaml", "Operate"): "cannot be parsed",
    ("cfn-lint", "yaml-and-other-tools/cloudformation/anchors.yaml", "Operate"): "one match for each place",
}

# The other way round: hosts judge each file alone, with the defaults of its parameters, and the command line judges a
# template that another one nests as it is called there. (Its findings through the other one are in every host.)
JUDGED_ALONE = {
    ("nested-stacks/cloudformation/stacks/deployment.yaml", "Deployer"),
    ("nested-stacks/sam/notifier/template.yaml", "Notify"),
    ("cdk/cloudformation/cdk.out/PipelineJobs4E9BD2B3.nested.template.json", "StartPolicy5C9DEBF2"),
    ("resources/terraform/stacks/builds.yaml", "Builder"),
}

_STATEMENT = '{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}'
_DOCUMENT = '{"Version": "2012-10-17", "Statement": [' + _STATEMENT + "]}"

_RESOURCE = f'resource "aws_iam_policy" "p" {{\n  policy = jsonencode({_DOCUMENT})\n}}\n'
_TEMPLATE = f"Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties: {{PolicyDocument: {_DOCUMENT}}}\n"
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
_CHANGE_SET = {"Changes": [{"Type": "Resource", "ResourceChange": _CHANGE}], "ChangeSetName": "release"}
_CALL = 'module "m" {\n  source = "./m"\n}\n'

# And in general: what is not offered, as README's table says it, in files (one folder each), and a resource of those.
FORMS: dict[str, tuple[dict[str, str], str]] = {
    "resources in `.tofu` files": ({"main.tofu": _RESOURCE}, "aws_iam_policy.p"),
    "the calls of modules in `.tofu` files": (
        {"main.tofu": _CALL, "m/main.tf": _RESOURCE},
        "module.m.aws_iam_policy.p",
    ),
    "Terraform files that checkov cannot parse": (
        {"main.tf": _RESOURCE + "locals {\n  a = !!true\n}\n"},
        "aws_iam_policy.p",
    ),
    "templates that write a merged key (`<<`) again": (
        {"template.yaml": "Mappings: {M: {A: &a {B: c}, D: {<<: *a, B: e}}}\n" + _TEMPLATE},
        "P",
    ),
    "folders whose names begin with a dot": ({".deploy/main.tf": _RESOURCE}, "aws_iam_policy.p"),
    "plans and templates in files of unusual names": ({"template.cfn": _TEMPLATE}, "P"),
    "states (`terraform show -json` without a plan)": (
        {"state.json": json.dumps(_STATE, indent=2)},
        "aws_iam_policy.p",
    ),
    "change sets of CloudFormation": ({"release.json": json.dumps(_CHANGE_SET, indent=2)}, "P"),
    "CloudFormation resources whose `Condition` is false by the defaults": ({"template.yaml": _CONDITION}, "P"),
    "`Fn::ForEach` of CloudFormation": ({"template.yaml": _FOR_EACH}, "PA"),
    "policies in the `Globals` of SAM": ({"template.yaml": _GLOBALS}, "Globals"),
}


def samples() -> list[str]:
    """The folders of the samples of one kind in one format: ``001-any-role/terraform``. Logs are no code."""
    folders = (path for path in SAMPLES.glob("*/*") if path.is_dir() and path.name != "logs")
    return sorted(str(path.relative_to(SAMPLES)) for path in folders)


def test_every_sample_is_in_the_table() -> None:
    """Each sample belongs to a source that the table knows, and what is not offered names samples that exist."""
    assert {sample.partition("/")[2] for sample in samples()} == set(SOURCES)
    assert all((SAMPLES / file).is_file() for _, file, _ in NOT_OFFERED)
    lint = cfn_lint() | {answer for answer in checkov() if "/terraform/" in answer.file}  # which it does not read
    alone = {(answer.file, answer.resource) for answer in (checkov() & lint) - command_line()}
    assert alone == JUDGED_ALONE
    answers = command_line() | checkov() | cfn_lint()
    assert all(any(answer.file.startswith(f"{sample}/") for sample in samples()) for answer in answers)


def test_every_check_speaks() -> None:
    """The samples make every check speak, so that equal answers are answers."""
    assert {answer.check_id for answer in command_line()} == {check.id for check in ALL}


def test_every_flaggable_type_is_asked() -> None:
    """Every type of Terraform resource that the samples have a finding on is one that the leaf asks checkov for."""
    flagged = {answer.resource for answer in command_line() if "/terraform/" in answer.file or "/plan/" in answer.file}
    types = {re.sub(r"\[.*?\]", "", address).split(".")[-2] for address in flagged}
    assert types and types - {"module"} <= set(TERRAFORM_TYPES)


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
    return {
        answer
        for answer in answers
        if (host, answer.file, answer.resource) not in NOT_OFFERED
        and (answer.file, answer.resource) not in JUDGED_ALONE
    }


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forms")
    for number, (files, _) in enumerate(FORMS.values()):
        for name, text in files.items():
            path = folder / f"form{number}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return folder


@pytest.mark.parametrize("words", FORMS)
def test_what_checkov_does_not_offer(forms: Path, words: str) -> None:
    """The command line has a finding that checkov has no record of; where that changes, the table is outdated."""
    number, resource = list(FORMS).index(words), FORMS[words][1]
    wanted = ("PASSROLE_001", resource)
    said, shown = (
        {(answer.check_id, answer.resource) for answer in answers if answer.file.startswith(f"form{number}/")}
        for answers in (command_line(forms), checkov(forms))
    )
    assert wanted in said and wanted not in shown


def test_the_table_in_the_readme() -> None:
    """README lists what checkov does not offer, row by row as it is tested here."""
    section = (REPOSITORY / "README.md").read_text().partition("| not in checkov's report |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")]
    assert rows == list(FORMS)


def run(*command: str, folder: Path) -> str:
    asked = {"PASSROLE_CHECKS_SEVERITY": "info", "PASSROLE_CHECKS_ACCOUNT": ACCOUNT, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip(), done.stderr
    return done.stdout


@cache
def command_line(folder: Path = SAMPLES, options: tuple[str, ...] = ()) -> frozenset[Answer]:
    output = run(
        *("passrole_checks", "scan", ".", "--format", "json", "--severity", "info", "--account", ACCOUNT, *options),
        folder=folder,
    )
    return frozenset(
        Answer(finding["check_id"], finding["file"], finding["line"], resource, finding["suppressed"] is not None)
        for finding in json.loads(output)["findings"]
        for resource in finding["uses"]
    )


@cache
def checkov(
    folder: Path = SAMPLES,
    frameworks: tuple[str, ...] = FRAMEWORKS,
    options: tuple[str, ...] = (),
    paths: tuple[str, ...] = ("-d", "."),
) -> frozenset[Answer]:
    leaf = str(LEAVES / "checkov_checks")
    output = run(
        *("checkov.main", *paths, "--external-checks-dir", leaf, "-c", "PASSROLE_*", "--framework", *frameworks),
        *("--skip-download", "-o", "json", *options),
        folder=folder,
    )
    loaded = json.loads(output)
    return frozenset(
        Answer(record["check_id"], file, line, resource, outcome == "skipped")
        for report in (loaded if isinstance(loaded, list) else [loaded])
        for outcome in ("failed", "skipped")
        for record in report.get("results", {}).get(f"{outcome}_checks", ())
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
    if shown.startswith("AWS::"):
        shown = shown.partition(".")[2]  # checkov writes AWS::IAM::Policy.LogicalId
    return [(match[1], int(match[2]), match[3] or shown) for match in found if match]


@cache
def cfn_lint() -> frozenset[Answer]:
    templates = [
        str(path.relative_to(SAMPLES))
        for source in CFN_LINT
        for path in sorted(SAMPLES.glob(f"*/{source}/**/*"))
        if path.suffix in (".yaml", ".json") and "Resources" in path.read_text()  # what a template includes is none
    ]
    output = run(
        *("cfnlint.runner.cli", "-a", str(LEAVES / "cfnlint_rules"), "-c", "I95", "--format", "json", "-t", *templates),
        folder=SAMPLES,
    )
    return frozenset(
        Answer(
            f"PASSROLE_0{match['Rule']['Id'][-2:]}",
            match["Filename"],
            match["Location"]["Start"]["LineNumber"],
            match["Location"]["Path"][1],
        )
        for match in json.loads(output)
        if re.fullmatch(r"[EWI]95\d\d", match["Rule"]["Id"])
    )
