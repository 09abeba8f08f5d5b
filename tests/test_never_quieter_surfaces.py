"""Each surface shows a statement that a limit, a guess or a missing part could hide: `scan`, `grants`, `diff`,
`review`, checkov and cfn-lint.

Other tests have the variants of each case; here are one or two of each.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from account_files import ACCOUNT, account_file, arn, attached, document, managed, role
from checkov_runs import run_checkov
from fork_server import REPOSITORY, ForkServer
from reviews_of_tests import Reviews, made

from passrole_checks import api
from passrole_checks.findings import Severity
from passrole_checks.sources.model.configuration import NoteKind

A = arn("role", "")
PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
NO_PASS = PASS | {"Effect": "Deny"}
CREDENTIALS = "credentials.iot.amazonaws.com"
TRUST = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": CREDENTIALS}})
DEPLOY, LIMIT = arn("policy", "deploy"), arn("policy", "limit")
ENTITIES: dict[str, list[dict[str, Any]]] = {
    "Policies": [managed("deploy", PASS), managed("limit", NO_PASS)],
    "RoleDetailList": [role("legacy-deployer", NO_PASS), role("ci", AttachedManagedPolicies=attached("limit"))],
}
"""An account with a policy that allows passing any role, and two roles that may not pass any."""


class Case(NamedTuple):
    """Files with a finding of each of ``checks`` on ``resource``.

    ``before``: the files while a limit holds. ``account``: with the account file. ``checkov``: False for what it does
    not read (docs/hosts, "differs from the command line").
    """

    files: Mapping[str, str]
    resource: str
    before: Mapping[str, str] | None = None
    checks: tuple[str, ...] = ("001",)
    account: bool = False
    checkov: bool = True


def block(kind: str, label: str, /, **values: Any) -> str:
    """Return a resource of Terraform. A value that begins with "=" is an expression."""
    written = {key: value[1:] if str(value).startswith("=") else json.dumps(value) for key, value in values.items()}
    return f'resource "{kind}" "{label}" {{\n' + "".join(f"  {key} = {text}\n" for key, text in written.items()) + "}\n"


def encoded(*statements: Any) -> str:
    return f"=jsonencode({json.dumps(document(*statements)).replace('${', '$${')})"


def role_policy(of: str, *statements: Any) -> str:
    return block("aws_iam_role_policy", "p", role=of, policy=encoded(*statements))


def role_block(name: str, **values: Any) -> str:
    return block("aws_iam_role", "r", name=name, assume_role_policy=encoded(*TRUST["Statement"]), **values)


def template(more: Any = None, **resources: Any) -> dict[str, str]:
    return {"template.json": json.dumps({"Resources": resources, **(more or {})}, indent=1)}


def terraform(*texts: str) -> dict[str, str]:
    return {"main.tf": "".join(texts)}


def statements(name: str, *head: Any, before: tuple[Any, ...] = (), checks: tuple[str, ...] = ("001",)) -> Any:
    """Return the cases of a user policy in Terraform and CloudFormation, beside a role that trusts AWS IoT."""

    def in_terraform(*of: Any) -> dict[str, str]:
        return terraform(block("aws_iam_user_policy", "p", user="ann", policy=encoded(*of)), role_block("thing"))

    def in_template(*of: Any) -> dict[str, str]:
        own = [{"PolicyName": "p", "PolicyDocument": document(*of)}]
        user = {"Type": "AWS::IAM::User", "Properties": {"UserName": "ann", "Policies": own}}
        properties = {"RoleName": "thing", "AssumeRolePolicyDocument": TRUST}
        return template(P=user, Thing={"Type": "AWS::IAM::Role", "Properties": properties})

    forms = (("terraform", in_terraform, "aws_iam_user_policy.p"), ("template", in_template, "P"))
    return {
        f"{name}, {form}": Case(code(*head), resource, code(*before) if before else None, checks)
        for form, code, resource in forms
    }


def to(resource: str, **more: Any) -> dict[str, Any]:
    return PASS | {"Resource": resource, **more}


ATTACHMENT, POLICY = "aws_iam_user_policy_attachment.a", "aws_iam_role_policy.p"
ATTACHED = terraform(block("aws_iam_user_policy_attachment", "a", user="ann", policy_arn=DEPLOY))
DECLARED = block("aws_iam_policy", "p", name="deploy", policy=encoded(PASS))
DETACHED = block("aws_iam_policy_attachment", "only", name="only", policy_arn=LIMIT, roles=["other"])
CI, OF_ROLE = role_policy("ci", PASS), role_policy("=aws_iam_role.r.name", PASS)
BOUNDED = block("aws_iam_policy", "b", name="b", policy=encoded(PASS | {"Action": "iam:Delete*"}))
BOUNDED += role_block("r", permissions_boundary="=aws_iam_policy.b.arn")
FREED = to("*", Action=["iam:PassRole", "iam:DeleteRolePermissionsBoundary"])
NO_APPS = NO_PASS | {"Resource": f"{A}app-*"}
SPARED = NO_PASS | {"Condition": {"ArnNotLike": {"aws:ResourceArn": f"{A}app-*"}}}
TO_CREDENTIALS = {"StringEquals": {"iam:PassedToService": CREDENTIALS}}
MANAGED = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document(PASS)}}
LOOP = {"Fn::ForEach::Each": ["Name", ["A", "B"], {"P${Name}": MANAGED}]}
EPHEMERAL = 'variable "e" {\n  ephemeral = true\n  default   = "arn:aws:iam::111122223333:role/x"\n}\n'
NULLED = role_policy("ann", to("NULLED")).replace('"NULLED"', 'coalesce(ephemeralasnull(var.e), "*")')
# fmt: off
CASES = {
    "attached policy of the account": Case(ATTACHED, ATTACHMENT, account=True),
    "attached policy of the account, template": Case(
        template(U={"Type": "AWS::IAM::User", "Properties": {"ManagedPolicyArns": [DEPLOY]}}), "U", account=True),
    "attached policy of another root": Case({**ATTACHED, "policies/main.tf": DECLARED}, ATTACHMENT, checkov=False),
    "Deny that the role removes": Case(
        terraform(CI, role_block("ci", managed_policy_arns=[])), POLICY, terraform(CI, role_block("ci")), account=True),
    "Deny that an attachment removes": Case(terraform(CI, DETACHED), POLICY, terraform(CI), account=True),
    "Deny of a role with such a name": Case(
        terraform('variable "team" {}\n', role_block("${var.team}-deployer"), OF_ROLE), POLICY, account=True),
    **statements("removable Deny", to("*", Action="iam:*"), NO_PASS, before=(PASS, NO_PASS)),
    "removable boundary": Case(terraform(BOUNDED, role_policy("r", FREED)), POLICY, terraform(BOUNDED, OF_ROLE)),
    **statements("Deny with five fields", PASS, NO_PASS | {"Resource": "arn:aws:iam:*:role/*"},
                 before=(PASS, NO_PASS | {"Resource": "arn:aws:iam::*:role/*"}), checks=("001", "010")),
    **statements("no role, beside a Deny", to(arn("instance-profile", "x")), NO_APPS, checks=("010",)),
    **statements("Deny that spares roles", PASS, SPARED, before=(PASS, NO_PASS)),
    "resource without a type": Case(template(P={"Properties": {"PolicyDocument": document(PASS)}}), "P"),
    "loop": Case(template({"Transform": "AWS::LanguageExtensions"}, **LOOP), "PA"),
    "empty resource": Case(template(P=MANAGED, C=None), "P"),
    **statements("tag that may be empty", to(f"{A}${{aws:PrincipalTag/x}}*")),
    **statements("question marks", to(f"{A}???*")),
    **statements("letters of several statements", *(to(f"{A}*{letter}*") for letter in "eaiot")),
    "ephemeral value": Case(terraform(EPHEMERAL, NULLED), POLICY),
    **statements("principal of a trust policy", to(f"{A}thing", Condition=TO_CREDENTIALS), checks=("003",)),
}
# fmt: on
EMPTY = {**terraform("# nothing\n"), **template(T={"Type": "AWS::SNS::Topic"})}
NEW = [(name, case, {path: EMPTY.get(path, text) for path, text in case.files.items()}) for name, case in CASES.items()]
LIMITED = [(f"{name}, limited", case, case.before) for name, case in CASES.items() if case.before is not None]
BASES = [pytest.param(case, base, id=name) for name, case, base in (*NEW, *LIMITED)]


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def options(case: Case, top: Path) -> api.ScanOptions:
    details = (account_file(top / "account.json", **ENTITIES),) if case.account else ()
    return api.ScanOptions(account=ACCOUNT, account_details=details, minimum_severity=Severity.INFO)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_scan_and_grants_show_the_statement(case: Case, tmp_path: Path) -> None:
    """With a finding of each check, and as a grant that nothing denies."""
    result = api.scan(write(tmp_path / "code", case.files), options(case, tmp_path))
    assert {f"PASSROLE_{check}" for check in case.checks} <= {
        one.check_id for one in result.findings if one.resource.address == case.resource
    }
    own = [one for one in api.inventory(result, without_effect=True) if one.resource.address == case.resource]
    allowed = [one for one in own if one.grant.effect == "Allow"]
    assert allowed and not any(one.grant.denied for one in allowed)


# what grants nothing is no access
@pytest.mark.parametrize(("case", "base"), [each for each in BASES if each.values[0].checks != ("010",)])
def test_diff_shows_the_statement(case: Case, base: dict[str, str], tmp_path: Path) -> None:
    """As new, or as wider than before; a note, if the code removes a limit of the account, whose access is not
    compared."""
    old, new = write(tmp_path / "old", base), write(tmp_path / "new", case.files)
    difference = api.diff(old, new, options(case, tmp_path))
    if case.account and base is case.before:
        assert [note.kind for note in difference.not_evaluated] == [NoteKind.LIMIT_NOT_COUNTED]
    else:
        changes = (*difference.new, *difference.widened)
        assert case.resource in {change.grant.resource.address for change in changes}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Reviews:
    return made(tmp_path / "repository", monkeypatch, capsys)


@pytest.mark.parametrize(("case", "base"), BASES)
def test_review_shows_the_statement(case: Case, base: dict[str, str], tmp_path: Path, repository: Reviews) -> None:
    """As an item with each check."""
    details = [f"--account-details={path}" for path in options(case, tmp_path).account_details]
    report = repository.between(base, case.files, "--severity", "info", "--account", ACCOUNT, *details).report
    remarks = {one.check_id for item in report.items if item.resource == case.resource for one in item.remarks}
    assert {f"PASSROLE_{check}" for check in case.checks} <= remarks


def failed_by_checkov(folder: Path, environment: dict[str, str]) -> set[tuple[str, ...]]:
    """Return folder, check and resource of failed records. That of a template which checkov does not show names the
    resources in its details."""
    return {
        (path.split("/")[1], check_id[-3:], named)
        for check_id, records in run_checkov(folder, environment=environment).records["failed"].items()
        for (path, resource), record in records.items()
        for named in (
            re.sub(r"^AWS::IAM::\w+\.", "", resource),
            *re.findall(r", (\S+)\)$", "\n".join(record["check_result"]["details"]), re.M),
        )
    }


def matched_by_cfn_lint(folder: Path, environment: dict[str, str]) -> set[tuple[str, ...]]:
    """Return folder, check and resource of our matches."""
    templates = [str(path.relative_to(folder)) for path in sorted(folder.glob("*/template.json"))]
    rules = str(REPOSITORY / "passrole_checks" / "cfnlint_rules")
    arguments = ["-a", rules, "-c", "I95", "--format", "json", "-t", *templates]
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}
    output = ForkServer("cfnlint.runner.cli", "cfnlint.runner.cli.main()").run(arguments, folder, variables).stdout
    return {
        (match["Filename"].split("/")[0], f"0{match['Rule']['Id'][-2:]}", *match["Location"]["Path"][1:2])
        for match in json.loads(output)
        if match["Rule"]["Id"][1:3] == "95"
    }


@pytest.mark.slow
@pytest.mark.parametrize("host", ["checkov", "cfnlint"])
@pytest.mark.parametrize("account", [False, True])
def test_hosts_show_the_statement(host: str, account: bool, tmp_path: Path) -> None:
    """With all checks, for each case that the host reads."""
    pytest.importorskip(host)
    read = [case for case in CASES.values() if (case.checkov if host == "checkov" else "template.json" in case.files)]
    cases = {str(number): case for number, case in enumerate(read) if case.account is account}
    for number, case in cases.items():
        write(tmp_path / "code" / number, case.files)
    environment = {"PASSROLE_CHECKS_SEVERITY": "info", "PASSROLE_CHECKS_ACCOUNT": ACCOUNT}
    if account:
        environment["PASSROLE_CHECKS_ACCOUNT_DETAILS"] = str(account_file(tmp_path / "account.json", **ENTITIES))
    shown = (failed_by_checkov if host == "checkov" else matched_by_cfn_lint)(tmp_path / "code", environment)
    expected = {(number, check, case.resource) for number, case in cases.items() for check in case.checks}
    assert expected and not expected - shown
