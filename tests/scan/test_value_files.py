"""Files with values that no option names: a note on each, and what their values add."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.output.json_output import scan_json
from passrole_checks.scan.cache.cached_scan import scan_with_cache
from passrole_checks.scan.cache.keys import program
from passrole_checks.scan.cache.store import ResultStore
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.cloudformation.parameter_values import parse_parameter_options
from passrole_checks.sources.files import path_states
from passrole_checks.sources.files.exclude_patterns import make_exclusions
from passrole_checks.sources.model.configuration import Inputs

POLICY = """
variable "roles" { default = ["arn:aws:iam::111122223333:role/app"] }
variable "size" { default = 1 }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [{
    Effect = "Allow", Action = "iam:PassRole", Resource = var.roles
    Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
  }] })
}
"""
TEMPLATE = """
Parameters:
  Role: {Type: String, Default: app}
  Size: {Type: Number, Default: 1}
Resources:
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          - Effect: Allow
            Action: iam:PassRole
            Resource: !Sub arn:aws:iam::111122223333:role/${Role}
            Condition: {StringEquals: {iam:PassedToService: lambda.amazonaws.com}}
"""
WIDE = 'roles = ["*"]\n'
PAIRS = '[{"ParameterKey": "Role", "ParameterValue": "*"}]'


@pytest.fixture(autouse=True)
def _working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(files: Mapping[str, str]) -> None:
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")


def scan(files: Mapping[str, str], path: str = ".", **inputs: Any) -> ScanResult:
    write(files)
    return scan_paths([Path(path)], ScanOptions(inputs=Inputs(**inputs)))


def rows(result: ScanResult) -> list[tuple[str, str, str]]:
    return [(finding.check_id[-3:], finding.severity.value, files_of(finding)) for finding in result.findings]


def files_of(finding: Finding) -> str:
    """The files in the path condition of a finding."""
    return ", ".join(sorted({value for when in finding.when for part in when for value in part.values}))


def notes(result: ScanResult) -> dict[str, str]:
    return {Path(note.file).relative_to(Path.cwd()).as_posix(): note.reason for note in result.not_evaluated}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("envs/prod.tfvars", WIDE),
        ("prod.tfvars", WIDE),
        ("envs/prod.tfvars.json", '{"roles": ["*"]}'),
        ("envs/prod/terraform.tfvars", WIDE),
        ("envs/prod/x.auto.tfvars", WIDE),
    ],
)
def test_variables_of_a_file_are_a_variant(name: str, text: str) -> None:
    """The file is named in the path condition, and in a note with its option; one of several may be deployed."""
    result = scan({"main.tf": POLICY, name: text})
    assert rows(result) == [("001", "medium", name)]
    assert result.findings[0].confidence is Confidence.MEDIUM
    assert f"--var-file {name}" in notes(result)[name]
    assert json.loads(scan_json(result))["findings"][0]["when"]


@pytest.mark.parametrize(
    ("name", "text", "label"),
    [
        ("params/prod.json", PAIRS, "params/prod.json"),
        ("params/prod.json", '{"Parameters": {"Role": "*"}, "Tags": {"a": "b"}}', "params/prod.json"),
        ("params/prod.json", '{"Role": "*", "Size": 3}', "params/prod.json"),
        ("params/prod.json", '["Role=*"]', "params/prod.json"),
        ("samconfig.toml", '[default.deploy.parameters]\nparameter_overrides = "Role=*"\n', "samconfig.toml (default)"),
        ("samconfig.toml", '[prod.global.parameters]\nparameter_overrides = ["Role=*"]\n', "samconfig.toml (prod)"),
        ("samconfig.yaml", "prod:\n  deploy:\n    parameters:\n      parameter_overrides: Role=*\n",
         "samconfig.yaml (prod)"),
        ("manifest.yaml", "region: eu-west-1\nversion: 2021-03-15\nresources:\n  - name: x\n    resource_file: t.yaml\n"
         "    parameters: [{parameter_key: Role, parameter_value: '*'}]\n", "manifest.yaml (x)"),
    ],
)  # fmt: skip
def test_parameters_of_a_file_are_a_variant(name: str, text: str, label: str) -> None:
    """Each form of a file with parameters is read, and named in a note."""
    result = scan({"t.yaml": TEMPLATE, "template.yaml" if "samconfig" in name else "t.yaml": TEMPLATE, name: text})
    assert {row for row in rows(result) if row[2]} == {("001", "medium", label)}
    assert "--parameters" in notes(result)[name]


def test_manifest_names_the_template_of_a_parameter_file() -> None:
    """A parameter file that matches two templates is for the one that the manifest names."""
    manifest = (
        "region: eu-west-1\nversion: 2021-03-15\nresources:\n"
        "  - {name: x, resource_file: b.yaml, parameter_file: params/b.json}\n"
    )
    result = scan({"a.yaml": TEMPLATE, "b.yaml": TEMPLATE, "params/b.json": PAIRS, "manifest.yaml": manifest})
    assert [(Path(finding.at.file).name, files_of(finding)) for finding in result.findings] == [
        ("b.yaml", "params/b.json")
    ]


def test_value_looked_up_at_deployment_is_left_out() -> None:
    """CfCT replaces ``$[alfred_ssm_...]`` at deployment."""
    manifest = (
        "region: eu-west-1\nversion: 2021-03-15\nresources:\n  - name: x\n    resource_file: t.yaml\n"
        "    parameters: [{parameter_key: Role, parameter_value: '$[alfred_ssm_/role]'}]\n"
    )
    assert rows(scan({"t.yaml": TEMPLATE, "manifest.yaml": manifest})) == []


def test_files_of_one_statement_are_one_finding() -> None:
    """At most five files are named."""
    files = {f"envs/{number}.tfvars": WIDE for number in range(7)}
    result = scan({"main.tf": POLICY, **files})
    assert rows(result) == [("001", "medium", ", ".join(sorted(files)[:5]))]
    assert "and 2 more" in result.findings[0].message


def test_at_most_twenty_variants_are_evaluated() -> None:
    """Further files are in the notes only."""
    files = {f"envs/{number:02}.tfvars": 'roles = ["x"]\n' for number in range(20)}
    result = scan({"main.tf": POLICY, **files, "envs/99.tfvars": WIDE})
    assert "001" not in {row[0] for row in rows(result)}
    assert "20 other files" in notes(result)["envs/99.tfvars"]


def test_values_that_do_not_widen_add_no_finding() -> None:
    """A statement that is flagged without the file is not flagged again, and a narrower value adds nothing."""
    wide = POLICY.replace('["arn:aws:iam::111122223333:role/app"]', '["*"]')
    files = {"a.tfvars": WIDE, "b.tfvars": 'roles = ["arn:aws:iam::111122223333:role/b"]\n'}
    assert rows(scan({"main.tf": wide, **files})) == [("001", "medium", "")]


def test_more_severe_finding_is_added() -> None:
    """A value that is unresolved without the file is known with it."""
    undecided = POLICY.replace('{ default = ["arn:aws:iam::111122223333:role/app"] }', "{}")
    assert rows(scan({"main.tf": undecided, "a.tfvars": WIDE})) == [("001", "medium", "a.tfvars"), ("014", "low", "")]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"x/main.tf": POLICY, "y/main.tf": POLICY, "envs/a.tfvars": WIDE}, "matches x, y"),
        ({"x/main.tf": POLICY, "envs/a.tfvars": "other = 1\n"}, "matches no scanned"),
        ({"x/main.tf": POLICY, "envs/a.tfvars": "size = 2\n"}, "depends on its values"),
        ({"x/main.tf": POLICY, "envs/a.tfvars": 'roles = ["*"\n'}, "cannot be read"),
        ({"x/main.tf": POLICY, "envs/a.tfvars": 'roles = [file("x")]\n'}, "cannot be read"),
    ],
)
def test_other_files_are_in_the_notes_only(files: dict[str, str], reason: str) -> None:
    """A file for no root module or several, without effect, or with an error is no variant."""
    result = scan(files)
    assert rows(result) == []
    assert reason in notes(result)["envs/a.tfvars"]
    assert result.unreadable == ()


def test_nearest_root_module_is_matched() -> None:
    """Of several root modules with the same variables, the one around the file is meant."""
    result = scan({"x/main.tf": POLICY, "y/main.tf": POLICY, "y/envs/a.tfvars": WIDE})
    assert [Path(finding.at.file).parent.name for finding in result.findings] == ["y"]


def test_parameters_of_two_templates_are_in_the_notes_only() -> None:
    """A parameter file beside two templates that declare its parameters is for neither."""
    result = scan({"a.yaml": TEMPLATE, "b.yaml": TEMPLATE, "p.json": PAIRS})
    assert rows(result) == []
    assert "matches a.yaml, b.yaml" in notes(result)["p.json"]


@pytest.mark.parametrize("text", ['{"name": "x", "version": "1.0"}', '{"a": {"b": 1}}', "[1, 2]", "[]", "{", '"x"'])
def test_other_json_is_no_value_file(text: str) -> None:
    """JSON whose keys no template declares is not named, unless its form is that of parameters only."""
    assert notes(scan({"t.yaml": TEMPLATE, "package.json": text})) == {}


def test_option_wins_and_its_file_is_not_named() -> None:
    """With ``--var-file`` and ``--parameters`` the scan is as before."""
    files = {"x/main.tf": POLICY, "x/a.tfvars": WIDE, "x/b.tfvars": WIDE, "t.yaml": TEMPLATE, "p.json": PAIRS}
    narrow = {"narrow.tfvars": 'roles = ["arn:aws:iam::111122223333:role/b"]\n'}
    given = (Path("narrow.tfvars"),)
    result = scan({**files, **narrow}, var_files=given, parameters=parse_parameter_options(["Role=b"]))
    assert rows(result) == []
    assert notes(result) == {}


def test_excluded_file_is_not_read() -> None:
    """``--exclude`` applies to files with values."""
    exclusions = make_exclusions(("envs/",), [Path.cwd()])
    result = scan({"main.tf": POLICY, "envs/a.tfvars": WIDE}, exclusions=exclusions)
    assert (rows(result), notes(result)) == ([], {})


def test_file_outside_of_the_scanned_folder_is_not_read() -> None:
    """Only what is below the scanned folder counts, and links are not followed."""
    write({"envs/a.tfvars": WIDE, "x/main.tf": POLICY})
    Path("x/link.tfvars").symlink_to(Path("envs/a.tfvars").resolve())
    result = scan({}, "x")
    assert (rows(result), notes(result)) == ([], {})


def test_file_that_terraform_loads_is_no_variant() -> None:
    """``terraform.tfvars`` and ``*.auto.tfvars`` beside the configuration apply in any case."""
    for name in ("terraform.tfvars", "a.auto.tfvars"):
        result = scan({f"{name[0]}/main.tf": POLICY, f"{name[0]}/{name}": WIDE}, name[0])
        assert (rows(result), notes(result)) == ([("001", "medium", "")], {})


def test_values_that_create_resources_are_found() -> None:
    """A value that only ``count``, ``for_each``, a local or a module call uses counts, and an attached AWS policy."""
    text = """
variable "on" { default = false }
variable "policies" { default = [] }
locals { n = var.on ? 1 : 0 }
module "m" {
  source = "./m"
  n      = local.n
}
resource "aws_iam_user" "u" { name = "u" }
resource "aws_iam_user_policy_attachment" "a" {
  for_each   = toset(var.policies)
  user       = aws_iam_user.u.name
  policy_arn = each.value
}
"""
    child = (
        'variable "n" {}\nresource "aws_iam_policy" "p" {\n  count = var.n\n  policy = jsonencode({ Statement = [{\n'
    )
    child += '    Effect = "Allow", Action = "iam:PassRole", Resource = "*"\n  }] })\n}\n'
    admin = 'policies = ["arn:aws:iam::aws:policy/AdministratorAccess"]\n'
    result = scan({"main.tf": text, "m/main.tf": child, "a.tfvars": "on = true\n", "b.tfvars": admin})
    assert {(row[0], row[2]) for row in rows(result)} >= {("001", "a.tfvars"), ("013", "b.tfvars")}


def test_suppression_in_a_variant_is_used() -> None:
    """A suppression that only a variant needs is not reported as unused."""
    text = POLICY.replace(
        'resource "aws_iam_policy" "p" {', 'resource "aws_iam_policy" "p" {\n  # passrole:skip=001 ok'
    )
    text = text.replace("skip=001", "skip=PASSROLE_001")
    result = scan({"main.tf": text, "a.tfvars": WIDE})
    assert [finding.suppressed is not None for finding in result.findings] == [True]
    assert result.unused_suppressions == ()
    assert scan({"a.tfvars": "size = 2\n"}).unused_suppressions


def test_values_are_not_printed() -> None:
    """The value of a variable that is no part of what is flagged is in no output."""
    result = scan({"main.tf": POLICY, "a.tfvars": WIDE + 'password = "hunter2"\nsize = 77777\n'})
    output = scan_json(result)
    assert result.findings and "hunter2" not in output and "77777" not in output


def test_added_grants_are_in_the_inventory() -> None:
    """A grant that differs with the values is an entry with the file in its path condition."""
    result = scan({"main.tf": POLICY, "a.tfvars": 'roles = ["arn:aws:iam::111122223333:role/b"]\n'})
    listed = [(str(located.grant.roles[0].pattern)[-4:], bool(located.when)) for located in result.grants]
    assert listed == [("/app", False), ("le/b", True)]
    assert result.findings == ()


def test_cached_scan_depends_on_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed, added or removed file of values changes the result, whatever is cached."""
    for name in ("_FINE", "_COARSE"):
        monkeypatch.setattr(path_states, name, 0)
    store = ResultStore(str(tmp_path / "kept"), program())
    write({"s/x/main.tf": POLICY, "s/y/t.yaml": TEMPLATE, "s/x/a.tfvars": "size = 2\n", "s/y/p.json": '{"Size": "2"}'})

    def scanned() -> list[tuple[str, str, str]]:
        result = scan_with_cache([Path("s")], ScanOptions(), store)
        assert rows(result) == rows(scan_with_cache([Path("s")], ScanOptions(), store))
        assert rows(result) == rows(scan_paths([Path("s")], ScanOptions()))
        return rows(result)

    assert scanned() == []
    write({"s/x/a.tfvars": WIDE})
    assert scanned() == [("001", "medium", "s/x/a.tfvars")]
    write({"s/y/p.json": PAIRS})
    assert len(scanned()) == 2
    write({"s/x/b.tfvars": WIDE})
    assert ("001", "medium", "s/x/a.tfvars, s/x/b.tfvars") in scanned()
    Path("s/x/a.tfvars").unlink()
    Path("s/y/p.json").unlink()
    assert scanned() == [("001", "medium", "s/x/b.tfvars")]


def test_severity_of_the_worst_file_is_reported() -> None:
    """Of two files, the message is that of the more severe one."""
    text = POLICY.replace(
        '{ "iam:PassedToService" = "lambda.amazonaws.com" }', '{ "iam:PassedToService" = var.services }'
    ).replace('variable "size"', 'variable "services" { default = ["lambda.amazonaws.com"] }\nvariable "size"')
    files = {"a.tfvars": WIDE, "b.tfvars": WIDE + 'services = ["*"]\n'}
    (finding,) = (
        finding
        for finding in scan({"main.tf": text.replace("StringEquals", "StringLike"), **files}).findings
        if finding.check_id == "PASSROLE_001"
    )
    assert finding.severity is Severity.HIGH


STATEMENT = "{Effect: Allow, Action: iam:PassRole, Resource: '*'}"
DOCUMENT = f"PolicyDocument: {{Statement: [{STATEMENT}]}}"
POLICY_OF = "    Type: AWS::IAM::ManagedPolicy\n    Properties: "


@pytest.mark.parametrize(
    "template",
    [
        "Parameters: {V: {Type: String, Default: no}}\nConditions: {C: !Equals [!Ref V, 'yes']}\n"
        f"Resources:\n  P:\n    Condition: C\n{POLICY_OF}{{{DOCUMENT}}}\n",
        "Parameters: {V: {Type: String, Default: low}}\nMappings: {M: {low: {r: x}, high: {r: '*'}}}\n"
        f"Resources:\n  P:\n{POLICY_OF}{{{DOCUMENT.replace(chr(39) + '*' + chr(39), '!FindInMap [M, !Ref V, r]')}}}\n",
        "Parameters: {V: {Type: String, Default: no}}\nResources:\n  N:\n    Type: AWS::CloudFormation::Stack\n"
        "    Properties: {TemplateURL: nested.yaml, Parameters: {V: !Ref V}}\n",
        "Parameters: {V: {Type: CommaDelimitedList, Default: ''}}\nResources:\n  U:\n    Type: AWS::IAM::User\n"
        "    Properties: {ManagedPolicyArns: !Ref V}\n",
    ],
)
def test_parameters_are_read_in_each_place(template: str) -> None:
    """A parameter counts that only a condition, a mapping, a nested stack or an attachment uses."""
    nested = (
        "Parameters: {V: {Type: String}}\nConditions: {C: !Equals [!Ref V, 'yes']}\n"
        f"Resources:\n  P:\n    Condition: C\n{POLICY_OF}{{{DOCUMENT}}}\n"
    )
    files = {"t.yaml": template}
    if "nested.yaml" in template:
        files["nested.yaml"] = nested
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    value = admin if "Comma" in template else "high" if "Mappings" in template else "yes"
    result = scan({**files, "p.json": json.dumps({"Parameters": {"V": value}})})
    assert "no policy" not in notes(result)["p.json"]
    grants = [located for located in result.grants if located.grant.scope is Scope.ANY_ROLE]
    assert grants


def test_samconfig_is_for_the_template_that_it_names() -> None:
    """``template_file`` decides, also where another template declares the same parameters, or none is scanned."""
    config = '[a.deploy.parameters]\nparameter_overrides = "Role=*"\ntemplate_file = "b.yaml"\n'
    result = scan({"a.yaml": TEMPLATE, "b.yaml": TEMPLATE, "samconfig.toml": config})
    assert [Path(finding.at.file).name for finding in result.findings] == ["b.yaml"]
    Path("b.yaml").unlink()
    result = scan({})
    assert (rows(result), "matches no scanned" in notes(result)["samconfig.toml"]) == ([], True)


def test_samconfig_without_its_template_is_matched_by_names() -> None:
    """A template under another name that declares the parameters is meant."""
    config = '[a.deploy.parameters]\nparameter_overrides = "Role=*"\n'
    assert rows(scan({"x.yaml": TEMPLATE, "samconfig.toml": config})) == [("001", "medium", "samconfig.toml (a)")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("samconfig.toml", "= 1"),
        ("samconfig.yaml", "a: [b"),
        ("samconfig.toml", '[a.deploy.parameters]\nparameter_overrides = "Role"\n'),
        ("p.json", '[{"ParameterKey": "Role", "ParameterValue": {"a": 1}}]'),
    ],
)
def test_broken_parameter_file_is_a_note(name: str, text: str) -> None:
    """A file that cannot be read fails nothing, since no option names it."""
    result = scan({"t.yaml": TEMPLATE, name: text})
    assert "cannot be read" in notes(result)[name]
    assert result.unreadable == ()


@pytest.mark.parametrize(
    "text", ["a: b", "[", "resources: 7", "region: a\nversion: b\nresources: [1, {resource_file: 2}]"]
)
def test_other_manifest_is_ignored(text: str) -> None:
    """Many tools call a file ``manifest.yaml``."""
    assert notes(scan({"t.yaml": TEMPLATE, "manifest.yaml": text})) == {}
