"""In the real checkov: what could not be judged never passes, and severities decide the exit status."""

from __future__ import annotations

import ast
import json
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

pytest.importorskip("checkov")

from checkov_runs import LEAF, NOT_INSTALLED, Run, run_checkov, without

from passrole_checks.checks import ALL
from passrole_checks.findings import Severity
from passrole_checks.scan.for_hosts.host_results import CLOUDFORMATION_TYPES, STACK_TYPES, TERRAFORM_TYPES

IDS = {check.id for check in ALL}
SHOWN = {check.id for check in ALL if check.severity is not Severity.INFO}
PARSERS = ("tree_sitter", "tree_sitter_hcl")

SERVICE = ', "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}'
ROLE = "arn:aws:iam::111122223333:role/app-worker"


def document(roles: str = ROLE, more: str = SERVICE) -> str:
    statement = f'{{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "{roles}"{more}}}'
    return f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'


def policy(name: str, text: str) -> str:
    return f'\nresource "aws_iam_policy" "{name}" {{\n  policy = {text}\n}}\n'


CLEAN = policy("clean", f"jsonencode({document()})")
TEMPLATE = "Resources:\n"


def managed_policy(name: str, text: str) -> str:
    return f"  {name}:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument: {text}\n"


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def not_judged(run: Run) -> set[tuple[str, str]]:
    """The blocks on which every check fails, which must be with severity HIGH, and without another record."""
    failed = run.records["failed"]
    blocks = {block for block in places(run, "failed") if all(block in failed[check_id] for check_id in SHOWN)}
    assert {
        record["severity"] for records in failed.values() for block, record in records.items() if block in blocks
    } <= {"HIGH"}
    assert not blocks & (places(run, "passed") | places(run, "skipped"))
    return blocks


def places(run: Run, outcome: str) -> set[tuple[str, str]]:
    return {block for records in run.records[outcome].values() for block in records}


# -- the installation


@pytest.fixture(scope="module")
def one_policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files: dict[str, str | bytes] = {"main.tf": CLEAN, "template.yaml": TEMPLATE + managed_policy("Clean", document())}
    return write(tmp_path_factory.mktemp("one"), files)


def test_a_clone_works_without_installing_it(one_policy: Path) -> None:
    """The folder of a clone is enough where the dependencies are there: nothing has to be on Python's path."""
    start = without(before=NOT_INSTALLED)
    run = run_checkov(one_policy, start=start, environment={"PYTHONPATH": ""})
    assert run.status == 0
    assert run.ids() == SHOWN and not run.records["failed"]


def test_a_clone_without_a_parser_fails_every_check_on_terraform(one_policy: Path) -> None:
    """All ids are registered; Terraform fails with one line on standard error, and templates are judged."""
    start = without(*PARSERS, before=NOT_INSTALLED)
    run = run_checkov(one_policy, start=start, environment={"PYTHONPATH": ""})
    assert run.status == 1
    assert run.ids("terraform") == IDS
    assert not_judged(run) == {("/main.tf", "aws_iam_policy.clean")}
    assert places(run, "passed") == {("/template.yaml", "AWS::IAM::ManagedPolicy.Clean")}
    (line,) = [line for line in run.errors.splitlines() if "passrole" in line]
    assert "tree-sitter-hcl is not installed" in line and "Traceback" not in run.errors


def test_a_clone_without_a_parser_cannot_be_hidden(one_policy: Path) -> None:
    """One check chosen, one left out and one made soft each leave checks that fail."""
    for arguments in (
        ["-c", "PASSROLE_001"],
        ["--skip-check", "CKV*,PASSROLE_014"],
        ["-c", "PASSROLE_*", "--soft-fail-on", "PASSROLE_014"],
        ["-c", "PASSROLE_*", "--soft-fail-on", "MEDIUM"],
    ):
        run = run_checkov(one_policy, *arguments, start=without(*PARSERS), frameworks=["terraform"])
        assert run.status == 1, arguments


@pytest.mark.parametrize(
    "start",
    [without("passrole_checks"), without("passrole_checks.scan.scanner")],
    ids=["no package", "a part of it is missing"],
)
def test_without_the_package_every_check_fails(one_policy: Path, tmp_path: Path, start: tuple[str, ...]) -> None:
    """A copy of the folder where the package cannot be imported registers every id, to fail with one reason."""
    copy = write(tmp_path / "copy", {file.name: file.read_bytes() for file in LEAF.glob("*.py")})
    run = run_checkov(one_policy, leaves=[copy], start=start)
    assert run.status == 1
    assert run.ids("terraform") == run.ids("cloudformation") == IDS
    assert not_judged(run) == {
        ("/main.tf", "aws_iam_policy.clean"),
        ("/template.yaml", "AWS::IAM::ManagedPolicy.Clean"),
    }
    (line,) = [line for line in run.errors.splitlines() if "passrole" in line]
    assert "-I -m pip" in line and "Traceback" not in run.errors


def test_what_needs_no_package_is_what_the_package_says() -> None:
    """The ids, their severities and the types of the resources that fail without it are those of the checks."""
    tree = ast.parse((LEAF / "passrole_checks_for_checkov.py").read_text())
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    numbers, patterns = (ast.literal_eval(constants[name]) for name in ("_NUMBERS", "_PATTERNS"))
    known = {(f"PASSROLE_{number:03}", level.lower()) for level, all_of in numbers.items() for number in all_of}
    assert known == {(check.id, check.severity.value) for check in ALL}
    types = {"terraform": TERRAFORM_TYPES, "cloudformation": (*CLOUDFORMATION_TYPES, *STACK_TYPES)}
    for host, names in types.items():
        assert all(any(fnmatchcase(name, pattern) for pattern in patterns[host]) for name in names)


# -- Terraform that cannot be read

BROKEN = "locals {\n  a = = 1\n}\n"
MISSING = 'file("nothere.json")'
SKIPPED = """
resource "aws_iam_policy" "skipped" {
  # checkov:skip=PASSROLE_001:reviewed
  # passrole:skip=PASSROLE_002 reviewed
  policy = jsonencode({"Statement": 7})
}
"""
REVIEWED = """
resource "aws_iam_policy" "reviewed" {
  # passrole:skip=PASSROLE_014 the build writes this file
  policy = file("made-by-the-build.json")
}
"""

# Each root: its files, and the resources that must fail, as (file, address); every other one is clean.
ROOTS: dict[str, tuple[dict[str, str | bytes], set[tuple[str, str]]]] = {
    "nul-in-a-comment": ({"main.tf": "# a\0b" + CLEAN}, {("main.tf", "aws_iam_policy.clean")}),
    "nul-in-another-file": ({"main.tf": CLEAN, "other.tf": "# \0\n"}, {("main.tf", "aws_iam_policy.clean")}),
    "nul-in-another-file-with-policies": (
        {"main.tf": CLEAN, "other.tf": "# \0" + policy("other", f"jsonencode({document()})")},
        {("other.tf", "aws_iam_policy.other")},
    ),
    "syntax-error-in-another-file": ({"main.tf": CLEAN, "other.tf": BROKEN}, {("main.tf", "aws_iam_policy.clean")}),
    "values": ({"main.tf": CLEAN, "terraform.tfvars": "a = = 1\n"}, {("main.tf", "aws_iam_policy.clean")}),
    "missing-file": ({"main.tf": CLEAN + policy("missing", MISSING)}, {("main.tf", "aws_iam_policy.missing")}),
    "missing-template": (
        {"main.tf": CLEAN + policy("missing", 'templatefile("nothere.tpl", {})')},
        {("main.tf", "aws_iam_policy.missing")},
    ),
    "no-text-in-a-file": (
        {"main.tf": CLEAN + policy("missing", 'file("${path.module}/p.json")'), "p.json": b"\xff"},
        {("main.tf", "aws_iam_policy.missing")},
    ),
    "no-document": (
        {"main.tf": CLEAN + policy("wrong", 'jsonencode({"Statement": 7})')},
        {("main.tf", "aws_iam_policy.wrong")},
    ),
    "no-json-in-a-file": (
        {"main.tf": CLEAN + policy("wrong", 'file("${path.module}/p.json")'), "p.json": "{"},
        {("main.tf", "aws_iam_policy.wrong")},
    ),
    "given-twice": (
        {"main.tf": CLEAN + policy("twice", 'jsonencode({})\n  name = "a"\n  name = "b"')},
        {("main.tf", "aws_iam_policy.twice")},
    ),
    "module": (
        {
            "main.tf": CLEAN + 'module "m" {\n  source = "./m"\n}\n',
            "m/main.tf": policy("inner", 'jsonencode({"Statement": 7})'),
        },
        {("m/main.tf", "module.m.aws_iam_policy.inner")},
    ),
    "module-with-a-nul": (
        {
            "main.tf": CLEAN + 'module "m" {\n  source = "./m"\n}\n',
            "m/main.tf": "# \0" + policy("inner", "jsonencode({})"),
        },
        {("m/main.tf", "module.m.aws_iam_policy.inner")},
    ),
    "installed-module": (
        {
            "main.tf": CLEAN + 'module "m" {\n  source = "example/deployer/aws"\n}\n',
            ".terraform/modules/modules.json": json.dumps(
                {
                    "Modules": [
                        {"Key": "", "Source": "", "Dir": "."},
                        {
                            "Key": "m",
                            "Source": "registry.terraform.io/example/deployer/aws",
                            "Version": "1.0.0",
                            "Dir": ".terraform/modules/m",
                        },
                    ]
                }
            ),
            ".terraform/modules/m/main.tf": policy("inner", 'jsonencode({"Statement": 7})'),
        },
        {("main.tf", "m")},
    ),
    "nothing-but-a-module": (
        {"main.tf": 'module "m" {\n  source = "example/nowhere/aws"\n}\n', "other.tf": "# \0\n"},
        {("main.tf", "m")},
    ),
    "shadowed": ({"main.tf": CLEAN, "main.tofu": "locals {}\n"}, {("main.tf", "aws_iam_policy.clean")}),
    "suppressed": ({"main.tf": CLEAN + SKIPPED + REVIEWED}, {("main.tf", "aws_iam_policy.skipped")}),
    "unrelated": ({"main.tf": CLEAN}, set()),
}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("roots")
    for name, (files, _) in ROOTS.items():
        write(folder / name, files)
    return folder


@pytest.fixture(scope="module")
def terraform(roots: Path) -> Run:
    return run_checkov(roots, frameworks=["terraform"])


@pytest.mark.parametrize("name", ROOTS)
def test_terraform_that_cannot_be_read_fails_every_check(terraform: Run, name: str) -> None:
    """The blocks that a problem concerns fail, and no others: not those of other roots, or of other resources."""
    expected = {(f"/{name}/{file}", address) for file, address in ROOTS[name][1]}
    assert {block for block in not_judged(terraform) if block[0].startswith(f"/{name}/")} == expected


def test_a_reviewed_file_that_is_missing_is_suppressed(terraform: Run) -> None:
    """A person who suppressed 014 knows that the file is made later; nothing passes because of that."""
    block = ("/suppressed/main.tf", "aws_iam_policy.reviewed")
    assert block in terraform.records["skipped"]["PASSROLE_014"]
    assert block not in places(terraform, "failed")
    assert {check_id for check_id, records in terraform.records["passed"].items() if block in records} == {
        "PASSROLE_013"
    }


# -- templates, plans, Terraform in JSON, files given by name

TEMPLATES: dict[str, tuple[str, set[str]]] = {
    "document.yaml": (managed_policy("Clean", document()) + managed_policy("Wrong", '{"Statement": 7}'), {"Wrong"}),
    "resource.yaml": (managed_policy("Clean", document()) + "  Wrong:\n    Properties: {}\n", {"Clean"}),
    "included.yaml": (
        managed_policy("Clean", document())
        + managed_policy(
            "Wrong", "\n        Fn::Transform: {Name: AWS::Include, Parameters: {Location: nothere.yaml}}"
        ),
        {"Wrong"},
    ),
    "parameters.yaml": (managed_policy("Clean", document()) + "Mappings: [1]\n", {"Clean"}),
    "stack.yaml": (
        managed_policy("Clean", document())
        + "  Stack:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: document.yaml\n",
        set(),  # the nested template is in the run, and its own resource fails
    ),
    "clean.yaml": (managed_policy("Clean", document()), set()),
}


def test_templates_that_cannot_be_read_fail_every_check(tmp_path: Path) -> None:
    """The resource that a problem concerns fails, and all of the template where no resource is named."""
    write(tmp_path, {name: TEMPLATE + text for name, (text, _) in TEMPLATES.items()})
    run = run_checkov(tmp_path, frameworks=["cloudformation"])
    failed = {(file.lstrip("/"), name.rpartition(".")[2]) for file, name in not_judged(run)}
    assert failed == {(name, address) for name, (_, addresses) in TEMPLATES.items() for address in addresses}


def plan(*policies: tuple[str, object], indent: int | None = 2, version: str = "1.2") -> str:
    resources = [
        {
            "address": f"aws_iam_policy.{name}",
            "mode": "managed",
            "type": "aws_iam_policy",
            "name": name,
            "values": {"policy": text},
        }
        for name, text in policies
    ]
    changes = [
        {**one, "change": {"actions": ["create"], "before": None, "after": one["values"], "after_unknown": {}}}
        for one in resources
    ]
    planned = {"root_module": {"resources": resources}}
    return json.dumps(
        {
            "format_version": version,
            "terraform_version": "1.9.0",
            "planned_values": planned,
            "resource_changes": changes,
            "configuration": {"root_module": {}},
        },
        indent=indent,
    )


def test_plans_that_cannot_be_read_fail_every_check(tmp_path: Path) -> None:
    """By address, since a plan in one line gives every resource the same line; and all of a plan of another version."""
    policies = ("clean", document()), ("wrong", "{"), ("number", 7)
    files = {
        "plan.json": plan(*policies),
        "line.json": plan(*policies, indent=None),
        "new.json": plan(*policies, version="9"),
    }
    run = run_checkov(write(tmp_path, dict(files)), frameworks=["terraform_plan"])
    wrong = {
        (f"/{file}", f"aws_iam_policy.{name}") for file in ("plan.json", "line.json") for name in ("wrong", "number")
    }
    assert not_judged(run) == wrong | {("/new.json", f"aws_iam_policy.{name}") for name, _ in policies}


def test_terraform_in_json_that_cannot_be_read_fails_every_check(tmp_path: Path) -> None:
    """checkov's runner for .tf.json, which shows neither addresses nor modules, fails by type and name."""
    policies = {
        "clean": {"policy": document()},
        "wrong": {"policy": "{"},
        "missing": {"policy": '${file("nothere.json")}'},
    }
    write(
        tmp_path,
        {
            "document/main.tf.json": json.dumps({"resource": {"aws_iam_policy": policies}}, indent=2),
            "other/main.tf.json": json.dumps({"resource": {"aws_iam_policy": {"clean": policies["clean"]}}}, indent=2),
            "other/other.tf": BROKEN,
            "module/main.tf.json": json.dumps({"module": {"m": {"source": "./nowhere"}}}, indent=2),
            "module/other.tf": BROKEN,
        },
    )
    run = run_checkov(tmp_path, frameworks=["terraform_json"])
    assert not_judged(run) == {
        ("/document/main.tf.json", "resource.wrong"),
        ("/document/main.tf.json", "resource.missing"),
        ("/other/main.tf.json", "resource.clean"),
        ("/module/main.tf.json", "module.m"),
    }


def test_files_given_by_name_fail_for_their_root(roots: Path) -> None:
    """A file of the same root that cannot be read counts although it was not given."""
    given = ("nul-in-another-file/main.tf", "unrelated/main.tf")
    run = run_checkov(roots, frameworks=["terraform"], files=given)
    assert {(Path(file).parent.name, name) for file, name in not_judged(run)} == {
        ("nul-in-another-file", "aws_iam_policy.clean")
    }


# -- faults of our own

FAULTS = {
    "the engine": (
        "from passrole_checks.scan.for_hosts import host_results as h; h.scan_configurations = h.scan_paths = None"
    ),
    "the adapter": "from passrole_checks.scan.for_hosts import checkov_blocks as b; b.callers_of = b.lines_of = None",
    "no time": "from passrole_checks.iam import deadline; deadline.Deadline.is_over = True",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails_every_check(one_policy: Path, fault: str) -> None:
    """An exception in the engine or in the adapter, and a scan that ran out of time, leave no check that passes."""
    run = run_checkov(one_policy, start=without(before=FAULTS[fault]))
    assert run.status == 1
    assert not_judged(run) == {
        ("/main.tf", "aws_iam_policy.clean"),
        ("/template.yaml", "AWS::IAM::ManagedPolicy.Clean"),
    }


def test_a_fault_while_a_finding_is_worded_fails_its_check(severities: Path) -> None:
    """checkov leaves out the record of a check that raises, and with it the finding."""
    start = without(before="from passrole_checks.scan.for_hosts import host_results as hosts; hosts.one_line = None")
    run = run_checkov(severities / "low", "-c", "PASSROLE_002", start=start, frameworks=["terraform"])
    (record,) = run.records["failed"]["PASSROLE_002"].values()
    assert run.status == 1 and record["severity"] == "HIGH"
    assert "TypeError" in " ".join(record["details"])


# -- unresolved values

UNRESOLVED = {
    "roles": (f"jsonencode({document('${var.x}')})", {"PASSROLE_002", "PASSROLE_003", "PASSROLE_004", "PASSROLE_017"}),
    "services": (
        f"jsonencode({document(more=SERVICE.replace('lambda.amazonaws.com', '${var.x}'))})",
        {"PASSROLE_001", "PASSROLE_005", "PASSROLE_006", "PASSROLE_007", "PASSROLE_010"},
    ),
    "document": ("var.x", set()),
}


def test_checks_that_an_unresolved_value_could_decide_have_no_record(tmp_path: Path) -> None:
    """014 fails with its own severity; of the others those pass that the value cannot make flag the statement."""
    write(
        tmp_path,
        {"main.tf": 'variable "x" {}\n' + "".join(policy(name, text) for name, (text, _) in UNRESOLVED.items())},
    )
    for environment in ({}, {"PASSROLE_CHECKS_CONFIDENCE": "high"}, {"PASSROLE_CHECKS_SEVERITY": "high"}):
        run = run_checkov(tmp_path, frameworks=["terraform"], environment=environment)
        failed = run.records["failed"]
        assert set(failed) == (set() if environment else {"PASSROLE_014"})
        assert all(record["severity"] == "LOW" for record in failed["PASSROLE_014"].values())
        for name, (_, independent) in UNRESOLVED.items():
            block = ("/main.tf", f"aws_iam_policy.{name}")
            passed = {check_id for check_id, records in run.records["passed"].items() if block in records}
            assert passed == independent | {"PASSROLE_013"}, name


# -- severities and the exit status

SEVERITIES = {"high": document("*", ""), "medium": document("*"), "low": document(more="")}


@pytest.fixture(scope="module")
def severities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files: dict[str, str | bytes] = {
        f"{name}/main.tf": policy(name, f"jsonencode({text})") for name, text in SEVERITIES.items()
    }
    return write(tmp_path_factory.mktemp("severities"), files)


def test_a_record_has_the_severity_of_its_worst_finding(severities: Path) -> None:
    """A failed record has the severity of its worst finding; a passed one has the severity of the check."""
    run = run_checkov(severities, frameworks=["terraform"])
    levels = {
        (check_id, block[1].rpartition(".")[2]): record["severity"]
        for check_id, records in run.records["failed"].items()
        for block, record in records.items()
    }
    assert levels == {
        ("PASSROLE_001", "high"): "HIGH",
        ("PASSROLE_001", "medium"): "MEDIUM",
        ("PASSROLE_002", "low"): "LOW",
    }
    assert {record["severity"] for record in run.records["passed"]["PASSROLE_001"].values()} == {"HIGH"}


@pytest.mark.parametrize(
    ("folder", "arguments", "status"),
    [
        ("low", ["--soft-fail-on", "LOW"], 0),
        ("low", ["--soft-fail-on", "PASSROLE_014"], 1),
        ("low", ["--check", "PASSROLE_001"], 0),
        ("medium", ["--soft-fail-on", "LOW"], 1),
        ("medium", ["--soft-fail-on", "MEDIUM"], 0),
        ("high", ["--soft-fail-on", "MEDIUM"], 1),
        ("high", ["--soft-fail-on", "HIGH"], 0),
    ],
)
def test_exit_status_by_severity(severities: Path, folder: str, arguments: list[str], status: int) -> None:
    """checkov's own options decide by the severity of what was found."""
    chosen = arguments if "--check" in arguments else ["-c", "PASSROLE_*", *arguments]
    assert run_checkov(severities / folder, *chosen, frameworks=["terraform"]).status == status


def test_a_severity_as_check_chooses_by_that_of_the_check(severities: Path) -> None:
    """A finding that is less severe than its check does not change which checks run on the next resource."""
    run = run_checkov(severities, "-c", "HIGH", frameworks=["terraform"])
    assert {block[1] for block in places(run, "failed")} == {"aws_iam_policy.high", "aws_iam_policy.medium"}
    assert {block[1] for block in run.records["passed"]["PASSROLE_001"]} == {"aws_iam_policy.low"}


@pytest.mark.parametrize(
    ("root", "arguments"),
    [
        ("missing-file", ["--check", "PASSROLE_001,PASSROLE_002"]),
        ("missing-file", ["--check", "PASSROLE_*", "--soft-fail-on", "PASSROLE_014"]),
        ("nul-in-a-comment", ["--check", "PASSROLE_001"]),
        ("nul-in-a-comment", ["--check", "HIGH"]),
        ("nul-in-a-comment", ["--skip-check", "CKV*,PASSROLE_014"]),
        ("nul-in-a-comment", ["--check", "PASSROLE_*", "--soft-fail-on", "MEDIUM"]),
    ],
)
def test_one_id_hides_no_file_that_cannot_be_read(roots: Path, root: str, arguments: list[str]) -> None:
    """The run fails whichever check is chosen, left out, or made soft, and at each severity below HIGH."""
    assert run_checkov(roots / root, *arguments, frameworks=["terraform"]).status == 1


@pytest.mark.parametrize("severity", ["info", "high"])
def test_a_least_severity_hides_no_file_that_cannot_be_read(roots: Path, severity: str) -> None:
    """Every registered check fails whatever the environment asks for."""
    environment = {"PASSROLE_CHECKS_SEVERITY": severity, "PASSROLE_CHECKS_CONFIDENCE": "high"}
    run = run_checkov(roots / "nul-in-a-comment", frameworks=["terraform"], environment=environment)
    assert run.status == 1
    assert set(run.records["failed"]) == (IDS if severity == "info" else SHOWN)
