"""Services of the Serverless Framework: the roles that it makes of their statements."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.findings import Severity
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.model.configuration import Framework
from passrole_checks.sources.recognize import recognize

STATEMENT = "{Effect: Allow, Action: iam:PassRole, Resource: RESOURCE}"
SINCE = "provider:\n  name: aws\n  iam: {role: {name: orders, statements: [" + STATEMENT + "]}}\n"
BEFORE = "provider:\n  name: aws\n  iamRoleStatements:\n    - " + STATEMENT + "\n"


def grants(folder: Path, content: str, resource: str = '"*"') -> list[tuple[str, int, str]]:
    (folder / "serverless.yml").write_text("service: orders\n" + content.replace("RESOURCE", resource))
    found = scan_paths([folder], ScanOptions())
    assert not found.unreadable
    return [(one.resource.address, one.grant.at.line, str(one.grant.roles[0].pattern)) for one in found.grants]


@pytest.mark.parametrize(("provider", "line"), [(SINCE, 4), (BEFORE, 5)])
@pytest.mark.parametrize("functions", ["", "functions:\n  hello: {handler: a.b}\n  own: {handler: a.b, role: x}\n"])
def test_provider_statements_belong_to_the_shared_role(
    tmp_path: Path, provider: str, line: int, functions: str
) -> None:
    """In every format, with their positions."""
    assert grants(tmp_path, provider + functions) == [("IamRoleLambdaExecution", line, "*")]


@pytest.mark.parametrize(
    "content",
    [
        BEFORE + "  role: arn:aws:iam::111122223333:role/own\n",
        BEFORE + "  iam: {role: arn:aws:iam::111122223333:role/own}\n",
        BEFORE + "functions:\n  hello: {handler: a.b, role: x}\n",
    ],
)
def test_no_shared_role_if_every_function_has_one(tmp_path: Path, content: str) -> None:
    """The statements then grant nothing."""
    assert grants(tmp_path, content) == []


@pytest.mark.parametrize(("inherit", "more"), [("", 0), ("    iamRoleStatementsInherit: true\n", 1)])
def test_function_may_have_its_own_role(tmp_path: Path, inherit: str, more: int) -> None:
    """The plugin gives it the function's statements, and the shared ones if configured."""
    content = f"{BEFORE}functions:\n  hand-over_it:\n    handler: a.b\n{inherit}    iamRoleStatements: [{STATEMENT}]\n"
    found = grants(tmp_path, content)
    own = [line for address, line, _ in found if address == "HandDashoverUnderscoreitIamRoleLambdaExecution"]
    assert own == [5] * more + [9 + more]
    assert ("IamRoleLambdaExecution", 5, "*") in found


@pytest.mark.parametrize(
    ("resource", "written"),
    [
        ('"arn:aws:iam::#{AWS::AccountId}:role/app-${self:service}"', "${AWS::AccountId}:role/app-orders"),
        ("!GetAtt Worker.Arn", "${Worker.Arn}"),
        ('"${file(roles.yml):arn}"', "${file(roles.yml):arn}"),
    ],
)
def test_values_of_statements(tmp_path: Path, resource: str, written: str) -> None:
    """References of CloudFormation stay, variables of the framework are resolved, missing files are unresolved."""
    assert grants(tmp_path, BEFORE, resource)[0][2].endswith(written)


def test_service_resources_are_a_template(tmp_path: Path) -> None:
    """Roles under ``resources`` are those that the statements may pass; other files are not evaluated."""
    content = BEFORE + (
        "resources:\n  - ${file(more.yml)}\n  - Resources:\n      Worker:\n        Type: AWS::IAM::Role\n"
        "        Properties:\n          ManagedPolicyArns: [arn:aws:iam::aws:policy/AdministratorAccess]\n"
        "          AssumeRolePolicyDocument: {Statement: {Effect: Allow, Action: sts:AssumeRole,\n"
        "            Principal: {Service: states.amazonaws.com}}}\n"
    )
    own, attached = ("IamRoleLambdaExecution", 5, "${Worker.Arn}"), ("Worker", 12, "*")
    assert grants(tmp_path, content, "!GetAtt Worker.Arn") == [own, attached]
    found = scan_paths([tmp_path], ScanOptions())
    assert ("PASSROLE_009", Severity.HIGH) in {(one.check_id, one.severity) for one in found.findings}
    (note,) = found.not_evaluated
    assert (note.line, "${file(more.yml)}" in note.reason) == (7, True)


@pytest.mark.parametrize(
    ("content", "framework"),
    [
        ("service: a\n" + BEFORE, Framework.CLOUDFORMATION),
        ("service: a\nprovider: {name: aws}\nfunctions: {f: {handler: a.b}}\n", None),
        ("service: a\nprovider: {name: aws}\nresources:\n  Resources: {B: {Type: AWS::S3::Bucket}}\n", None),
        ("services:\n  provider:\n    statements: []\n", None),
    ],
)
def test_service_without_policies_is_skipped(tmp_path: Path, content: str, framework: Framework | None) -> None:
    """A service without statements and IAM resources is not infrastructure code to check."""
    file = tmp_path / "serverless.yml"
    file.write_text(content)
    assert recognize(file).framework is framework


@pytest.mark.parametrize("empty", ["    iamRoleStatements: # none yet\n", "    iamRoleStatements: ~\n"])
def test_an_entry_without_statements_is_an_empty_list(tmp_path: Path, empty: str) -> None:
    """An entry without a value grants nothing, and makes nothing unreadable; a function with one has its own role."""
    content = "functions:\n  first:\n    handler: a.b\n" + empty + "  second:\n    handler: a.b\n"
    content += f"    iamRoleStatements: [{STATEMENT}]\n"
    assert grants(tmp_path, "provider:\n  name: aws\n" + content) == [("SecondIamRoleLambdaExecution", 10, "*")]
    alone = (
        "provider: {name: aws, iam: {role: {statements: , managedPolicies: }}}\nfunctions: {first: {handler: a.b}}\n"
    )
    assert grants(tmp_path, alone) == []
    inherited = BEFORE + "functions:\n  first:\n    handler: a.b\n    iamRoleStatementsInherit: true\n" + empty
    found = [address for address, _, _ in grants(tmp_path, inherited)]
    assert sorted(found) == ["FirstIamRoleLambdaExecution", "IamRoleLambdaExecution"]


def test_rules_about_services_are_no_service(tmp_path: Path) -> None:
    """A file with the keys of a service and a mapping in place of the provider's name describes services."""
    rules = "provider:\n  name: {type: enum}\n  iamRoleStatements: {type: list, example: [1]}\nresources: {type: any}\n"
    assert grants(tmp_path, rules) == []
