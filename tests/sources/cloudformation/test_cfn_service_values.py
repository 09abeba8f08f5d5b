"""Variables of the Serverless Framework are resolved, or stay unresolved with a note."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

import pytest

from passrole_checks.scan.result import ScanResult
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.cloudformation.service_values import MAX_VARIANTS

STATEMENT = "- {Effect: Allow, Action: iam:PassRole, Resource: RESOURCE}\n"
HEAD = "service: orders\nprovider:\n  name: aws\n  stage: ${opt:stage, 'dev'}\n  iamRoleStatements:\n    " + STATEMENT
FULL_ACCESS = "arn:aws:iam::aws:policy/IAMFullAccess"
ARN = "arn:aws:iam::111122223333:role/"


def scan(folder: Path, content: str, **files: str) -> ScanResult:
    for name, text in {"serverless.yml": content, **files}.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text))
    (folder / ".git").mkdir(exist_ok=True)
    return scan_paths([folder], ScanOptions())


def roles(result: ScanResult) -> list[str]:
    return [str(pattern.pattern) for grant in result.grants for pattern in grant.grant.roles]


def messages(result: ScanResult, check: str) -> list[str]:
    return [finding.message for finding in result.findings if finding.check_id == f"PASSROLE_{check}"]


def reasons(result: ScanResult) -> list[str]:
    return [note.reason for note in result.not_evaluated]


@pytest.mark.parametrize(
    ("resource", "more", "expected"),
    [
        ("${self:custom.arn}", f"custom: {{arn: '{ARN}a'}}", f"{ARN}a"),
        ("${self:custom.arn}", f"custom: {{arn: '${{self:custom.other}}', other: '{ARN}b'}}", f"{ARN}b"),
        (f"{ARN}${{self:service}}-x", "", f"{ARN}orders-x"),
        ("${self:custom.list.1.arn}", f"custom: {{list: [a, {{arn: '{ARN}c'}}]}}", f"{ARN}c"),
        ("${self:custom.no, self:custom.nor, '*'}", "", "*"),
        ("${opt:role, '*'}", "", "*"),
        ("${env:ROLE, self:custom.arn}", f"custom: {{arn: '{ARN}d'}}", f"{ARN}d"),
        (f"{ARN}${{sls:stage}}-*", "", f"{ARN}dev-*"),
        (f"{ARN}${{opt:stage, self:provider.stage}}-*", "", f"{ARN}dev-*"),
        ("${param:role}", f"params: {{default: {{role: '{ARN}e'}}}}", f"{ARN}e"),
        ("${param:role}", f"stages: {{default: {{params: {{role: '{ARN}f'}}}}}}", f"{ARN}f"),
        ("${param:role, '*'}", "params: {default: {other: x}}", "*"),
        ("!Sub 'arn:aws:iam::${AWS::AccountId}:role/${self:service}'", "", "${AWS::AccountId}:role/orders"),
        (f"{ARN}${{strToBool(1)}}", "", f"{ARN}true"),
        ("${aws:accountId}", "", "${aws:accountId}"),
        (f"{ARN}${{self:custom.id}}", "custom: {id: '${ssm:/id}'}", f"{ARN}${{ssm:/id}}"),
        (f"{ARN}${{self:custom.a}}", "custom: {a: '${self:custom.b}', b: '${self:custom.a}'}", f"{ARN}${{self:"),
    ],
)
def test_variable_is_resolved(tmp_path: Path, resource: str, more: str, expected: str) -> None:
    """Through other variables, with defaults; what has no value here stays unresolved."""
    quoted = resource if resource.startswith("!") else f'"{resource}"'
    (role,) = roles(scan(tmp_path, HEAD.replace("RESOURCE", quoted) + more + "\n"))
    assert role.endswith(expected) or role.startswith(expected)


def test_default_is_named(tmp_path: Path) -> None:
    """A finding that depends on the default of an option or environment variable says so."""
    assert all(
        "env:ROLE" in text for text in messages(scan(tmp_path, HEAD.replace("RESOURCE", "\"${env:ROLE, '*'}\"")), "001")
    )
    assert "sls:stage" in messages(scan(tmp_path, HEAD.replace("RESOURCE", f'"{ARN}${{sls:stage}}-*"')), "002")[0]


@pytest.mark.parametrize(
    ("resource", "more", "files"),
    [
        ("${param:role}", f"params: {{default: {{role: '{ARN}a'}}, prod: {{role: '*'}}}}", {}),
        ("${param:role}", f"stages: {{dev: {{params: {{role: '{ARN}a'}}}}, prod: {{params: {{role: '*'}}}}}}", {}),
        ("${self:custom.roles.${sls:stage}}", f"custom: {{roles: {{dev: '{ARN}a', prod: '*'}}}}", {}),
        ("${self:custom.${opt:stage, 'dev'}-role}", f"custom: {{dev-role: '{ARN}a', prod-role: '*'}}", {}),
        ("${self:custom.roles.${self:provider.stage}}", f"custom: {{roles: {{dev: '{ARN}a', prod: '*'}}}}", {}),
        ("${self:custom.r}", f"custom: {{r: '${{self:custom.${{sls:stage}}}}', dev: '{ARN}a', prod: '*'}}", {}),
        (
            "${file(env/${sls:stage}.yml):role}",
            "",
            {"env__dev_yml": f"role: {ARN}a\n", "env__prod_yml": "role: '*'\n", "env__prod_js": "x"},
        ),
        (
            "${file(./${opt:stage, 'dev'}/role.json):role}",
            "",
            {"dev__role_json": f'{{"role": "{ARN}a"}}', "prod__role_json": '{"role": "*"}'},
        ),
    ],
)
def test_each_value_is_a_variant(tmp_path: Path, resource: str, more: str, files: dict[str, str]) -> None:
    """Where an option selects the value, other stages are checked, and the finding names the stage."""
    result = scan(tmp_path, HEAD.replace("RESOURCE", f'"{resource}"') + more + "\n", **files)
    (wide,) = messages(result, "001")
    assert "sls:stage" in wide and "prod" in wide
    (narrow,) = messages(result, "002")
    assert "not" in narrow and "default" not in narrow
    assert not result.not_evaluated and not result.unreadable


@pytest.mark.parametrize("resource", ["!Sub 'TEXT'", "{'Fn::Sub': 'TEXT'}"])
def test_variants_of_a_function(tmp_path: Path, resource: str) -> None:
    """In its short and its full form."""
    text = "${self:custom.${sls:stage}}"
    custom = "custom: {dev: 'arn:aws:iam::${AWS::AccountId}:role/a', prod: '*'}\n"
    result = scan(tmp_path, HEAD.replace("RESOURCE", resource.replace("TEXT", text)) + custom)
    assert len(messages(result, "001")) == 1 and not messages(result, "014")


def test_variants_without_a_default(tmp_path: Path) -> None:
    """If the option must be given, one of the values is deployed."""
    content = HEAD.replace("RESOURCE", '"${self:custom.${opt:env}}"') + f"custom: {{a: '{ARN}a', b: '*'}}\n"
    result = scan(tmp_path, content)
    assert len(messages(result, "001")) == 1 and not messages(result, "014")


def test_equal_values_are_no_variants(tmp_path: Path) -> None:
    """A stage with the same value adds no condition."""
    content = HEAD.replace("RESOURCE", '"${self:custom.${sls:stage}}"') + "custom: {dev: '*', prod: '*'}\n"
    (message,) = messages(scan(tmp_path, content), "001")
    assert "prod" not in message


def test_too_many_variants_are_a_note(tmp_path: Path) -> None:
    """At most twenty values of a variable are evaluated."""
    stages = ", ".join(f"s{number}: '{ARN}{number}'" for number in range(MAX_VARIANTS + 5))
    result = scan(tmp_path, HEAD.replace("RESOURCE", '"${self:custom.${opt:x}}"') + f"custom: {{{stages}}}\n")
    assert str(MAX_VARIANTS) in reasons(result)[0]


def test_statements_from_a_file_keep_their_positions(tmp_path: Path) -> None:
    """Findings are in the file with the statement, and comments there suppress them."""
    content = "service: a\nprovider:\n  name: aws\n  iam: {role: {statements: '${file(iam.yml):statements}'}}\n"
    text = "statements:\n" + indent(STATEMENT.replace("RESOURCE", '"*"'), "  ")
    (finding,) = [one for one in scan(tmp_path, content, iam_yml=text).findings if one.check_id == "PASSROLE_001"]
    assert (Path(finding.at.file).name, finding.at.line) == ("iam.yml", 2)
    result = scan(tmp_path, content, iam_yml=f"# passrole:skip=PASSROLE_001 reviewed\n{text}")
    assert all(one.suppressed for one in result.findings if one.check_id == "PASSROLE_001")
    assert not result.unused_suppressions


@pytest.mark.parametrize(
    "content",
    [
        "service: a\nprovider: {name: aws, iam: {role: {managedPolicies: ['" + FULL_ACCESS + "']}}}\n",
        "service: a\nprovider:\n  name: aws\n  iamManagedPolicies: '${file(p.json):managed}'\n",
        "'service': a\n\"provider\":\n  name: aws\n  'iam': {'role': {'managedPolicies': '${file(p.json):managed}'}}\n",
        "service: a\nprovider: ${file(provider.yml)}\n",
        '{"service": "a", "provider": {"name": "aws", "iam": "${file(iam.yml)}"}}',
        "service: a\nprovider: {name: aws}\nfunctions: ['${file(functions.yml)}']\n",
    ],
)
def test_managed_policies_of_roles(tmp_path: Path, content: str) -> None:
    """In each file that may contain the setting, and in JSON."""
    result = scan(
        tmp_path,
        content,
        p_json=f'{{"managed": ["{FULL_ACCESS}"]}}',
        provider_yml="name: aws\niam: ${file(iam.yml)}\n",
        iam_yml=f"role: {{managedPolicies: ['{FULL_ACCESS}']}}\n",
        functions_yml=f"f: {{handler: a.b, iam: {{role: {{managedPolicies: ['{FULL_ACCESS}']}}}}}}\n",
    )
    assert len(messages(result, "013")) == 1
    assert not result.not_evaluated


def test_per_function_roles(tmp_path: Path) -> None:
    """In the mode perFunction each function inherits the statements unless it says otherwise."""
    content = (
        "service: a\nprovider:\n  name: aws\n  iam:\n    role:\n      mode: perFunction\n      statements:\n        "
        + STATEMENT.replace("RESOURCE", '"*"')
        + "functions:\n  one: {handler: a.b}\n  two: {handler: a.b, iam: {inheritStatements: false}}\n"
        "  three: {handler: a.b, role: arn:aws:iam::111122223333:role/x}\n"
    )
    assert [grant.resource.address for grant in scan(tmp_path, content).grants] == ["OneIamRoleLambdaExecution"]


@pytest.mark.parametrize("section", ["extensions", "Resources"])
def test_generated_role_is_extended(tmp_path: Path, section: str) -> None:
    """An extension replaces a property; a resource of the same name adds its policies to the generated ones."""
    policy = "{PolicyName: x, PolicyDocument: {Statement: [{Effect: Allow, Action: iam:PassRole, Resource: '*'}]}}"
    content = HEAD.replace("RESOURCE", f'"{ARN}a"') + (
        f"resources:\n  {section}:\n    IamRoleLambdaExecution:\n      Properties: {{Policies: [{policy}]}}\n"
    )
    assert sorted(roles(scan(tmp_path, content))) == ["*", f"{ARN}a"][: 1 if section == "extensions" else 2]


@pytest.mark.parametrize(
    "resources", ["${file(r.yml)}", "\n  - ${file(r.yml)}", "\n  Resources: ${file(r.yml):Resources}"]
)
def test_resources_from_a_file(tmp_path: Path, resources: str) -> None:
    """A template that is part of a service is judged there only."""
    template = f"""\
    Resources:
      P:
        Type: AWS::IAM::ManagedPolicy
        Properties:
          PolicyDocument:
            Statement: {{Effect: Allow, Action: iam:PassRole, Resource: "{ARN}${{self:service}}-*"}}
    """
    result = scan(tmp_path, f"service: a\nprovider: {{name: aws}}\nresources: {resources}\n", r_yml=template)
    assert roles(result) == [f"{ARN}a-*"]
    assert not result.not_evaluated


def test_template_that_is_no_part_of_the_resources(tmp_path: Path) -> None:
    """Is judged on its own."""
    policy = "{Statement: {Effect: Allow, Action: iam:PassRole, Resource: '*'}}"
    template = f"Resources:\n  P: {{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: {policy}}}}}\n"
    content = HEAD.replace("RESOURCE", f'"{ARN}${{self:custom.Resources.P.Type}}"') + "custom: ${file(t.yml)}\n"
    assert "*" in roles(scan(tmp_path, content, t_yml=template))


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("${file(roles.js)}", "is a program"),
        ("${file(roles.ts):x}", "is a program"),
        ("${file(gone.yml)}", "does not exist"),
        ("${file(../outside.yml)}", "is outside"),
        ("${file(/etc/hostname)}", "is outside"),
        ("${ssm:/x}", "known at deployment"),
        ("${self:custom.nothing}", "is not defined"),
        ("${file(${ssm:/x}.yml)}", "known at deployment"),
        ("${param:x}", "is not defined"),
        ("${opt:x}", "no default"),
    ],
)
@pytest.mark.parametrize(
    "content",
    [
        "provider: {name: aws, iam: {role: {statements: 'WHERE'}}}",
        "provider: {name: aws, iam: {role: {statements: ['WHERE']}}}",
        "provider: {name: aws, iam: {role: {managedPolicies: 'WHERE'}}}",
        "provider: {name: aws, iam: {role: 'WHERE'}}",
        "provider: {name: aws, iam: 'WHERE'}",
        "provider: 'WHERE'",
        "provider: {name: aws}\nfunctions: 'WHERE'",
        "provider: {name: aws}\nfunctions: ['WHERE']",
        "provider: {name: aws}\nresources: 'WHERE'",
        "provider: {name: aws}\nresources: ['WHERE']",
        "provider: {name: aws}\nresources: {Resources: 'WHERE'}",
        "provider: {name: aws}\nresources: {Resources: {A: 'WHERE', B: {Type: AWS::IAM::Role, Properties: {}}}}",
        "provider: {name: aws}\nresources: {extensions: 'WHERE'}",
    ],
)
def test_unresolved_section_is_a_note(tmp_path: Path, content: str, where: str, reason: str) -> None:
    """Beside other infrastructure code, too."""
    (tmp_path / "outside.yml").write_text("statements: []")
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "main.tf").write_text('resource "aws_iam_role" "r" {}\n')
    found = reasons(scan(folder, f"service: a\n{content}\n".replace("WHERE", where)))
    expected = [text for text in found if where in text and reason in text]
    assert expected or ("managed" in content and found)


@pytest.mark.parametrize("value", ["{a: {iamRoleStatements: [STATEMENT]}}", "{a: '${file(a.yml)}'}", "{a: {type: x}}"])
def test_statements_of_a_plugin_are_a_note(tmp_path: Path, value: str) -> None:
    """In a section that is not the framework's own."""
    statement = STATEMENT.replace("RESOURCE", "'*'").removeprefix("- ").strip()
    content = HEAD.replace("RESOURCE", f'"{ARN}a"') + f"stepFunctions: {value.replace('STATEMENT', statement)}\n"
    found = reasons(scan(tmp_path, content, a_yml=f"role: [{statement}]\n"))
    assert [text.partition(":")[0] for text in found] == (["stepFunctions"] if "type" not in value else [])


def test_program_is_never_run(tmp_path: Path) -> None:
    """Not even read."""
    marker = tmp_path / "ran"
    program = f"require('fs').writeFileSync('{marker}', 'x'); module.exports = {{}}"
    scan(tmp_path, HEAD.replace("RESOURCE", '"${file(a.js):x}"'), a_js=program)
    assert not marker.exists()


@pytest.mark.parametrize(
    "custom",
    [
        "{a: '${self:custom.a}${self:custom.a}'}",
        "{a: {b: '${self:custom.a}'}}",
        "{a: '${self:custom}'}",
        "{a: '${self:}'}",
        "{a: '${file(serverless.yml)}'}",
        "{" + ", ".join(f"a{n}: '${{self:custom.a{n + 1}}}${{self:custom.a{n + 1}}}'" for n in range(30)) + ", a30: x}",
    ],
)
def test_hostile_references_end(tmp_path: Path, custom: str) -> None:
    """Cycles and exponential growth."""
    name = "a0" if "a0" in custom else "a"
    content = HEAD.replace("RESOURCE", f'"${{self:custom.{name}}}"') + f"custom: {custom}\n"
    result = scan(tmp_path, content)
    assert not [entry for entry in result.unreadable if entry.fault]


def test_broken_file_is_unreadable(tmp_path: Path) -> None:
    """With its own position."""
    result = scan(tmp_path, HEAD.replace("RESOURCE", '"${file(a.yml):x}"'), a_yml="x: [\n")
    assert [Path(entry.file).name for entry in result.unreadable] == ["a.yml"]


def test_section_uses_one_stage(tmp_path: Path) -> None:
    """A note names the others."""
    files = {"r_dev_yml": "Resources: {}\n", "r_prod_yml": "Resources: {}\n"}
    content = "service: a\nprovider: {name: aws}\nresources: ${file(r.${sls:stage}.yml)}\n"
    (note,) = reasons(scan(tmp_path, content, **files))
    assert "dev" in note and "prod" in note
