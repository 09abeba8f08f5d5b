"""The evidence beside a configuration: what is used, what never was, what was denied, and who else passes roles."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.access.observed_role import literal_pattern
from passrole_checks.cli import main
from passrole_checks.cloudtrail.grant_usage import EdgeIndex, UsageComparison, match_grants
from passrole_checks.cloudtrail.model import RequestOutcome
from passrole_checks.cloudtrail.summary import Edge
from passrole_checks.iam.roles.arn import included
from passrole_checks.iam.values.nodes import Position, Ternary, text
from passrole_checks.scan.scanner import ScanOptions, read_paths

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "111122223333"
ARN = f"arn:aws:iam::{ACCOUNT}:role/"
DEPLOY = f"{ARN}deploy"
LAMBDA = "lambda.amazonaws.com"


def edge(role: str = f"{ARN}app", *services: str, principal: str = DEPLOY, denied: bool = False) -> Edge:
    """An edge of one request."""
    names = services or (LAMBDA,)
    outcome = RequestOutcome.DENIED if denied else RequestOutcome.PASSED
    made = Edge(
        principal, role, "", names, names[0], Counter({outcome: 1}), "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"
    )
    made.accounts.add(ACCOUNT)
    return made


def statement(resource: Any = f"{ARN}app", service: str | None = LAMBDA, **more: Any) -> dict[str, Any]:
    """A statement that allows passing."""
    found: dict[str, Any] = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": resource}
    if service:
        found["Condition"] = {"StringEquals": {"iam:PassedToService": service}}
    return {**found, **more}


def against(
    tmp_path: Path, statements: list[dict[str, Any]], *edges: Edge, name: str | None = "deploy", **more: Any
) -> UsageComparison:
    """Compare edges with a template that has a role with a policy."""
    properties: dict[str, Any] = {"AssumeRolePolicyDocument": {"Statement": []}, **more}
    if name is not None:
        properties["RoleName"] = name
    policies = [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}]
    role = {"Type": "AWS::IAM::Role", "Properties": {**properties, "Policies": policies}}
    (tmp_path / "t.json").write_text(
        json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Deploy": role}})
    )
    read = read_paths([tmp_path], ScanOptions(account=ACCOUNT))
    return match_grants(edges, [one for _, one in read.units], ACCOUNT)


def verdict(found: UsageComparison) -> tuple[int, int, int]:
    """Return the numbers of used, possibly used, and unused grants."""
    return len(found.used), len(found.perhaps), len(found.unused)


USED, PERHAPS, UNUSED = (1, 0, 0), (0, 1, 0), (0, 0, 1)


@pytest.mark.parametrize(
    ("allowed", "passed", "expected"),
    [
        (statement(), edge(), USED),
        (statement(), edge(f"{ARN}other"), UNUSED),
        (statement(), edge(f"{ARN}app", "ec2.amazonaws.com"), UNUSED),
        (statement(), edge(principal=f"{ARN}another"), UNUSED),
        (statement(), edge(principal=f"arn:aws:iam::{ACCOUNT}:user/deploy"), UNUSED),
        (statement(), edge(principal="autoscaling.amazonaws.com"), UNUSED),
        (statement(f"{ARN}a*"), edge(), USED),
        (statement("*", None), edge(f"{ARN}path/anything", "new.amazonaws.com"), USED),
        (statement("arn:aws:iam::999999999999:role/app"), edge(), UNUSED),
        (statement({"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/app"}), edge(), USED),
        (statement({"Ref": "Which"}), edge(), PERHAPS),
        (statement(), edge("app"), PERHAPS),  # by its name: it may stand below a path
        (statement(f"{ARN}service/app"), edge("app"), PERHAPS),
        (statement(f"{ARN}service/*"), edge("app"), PERHAPS),
        (statement(f"{ARN}service/other"), edge("app"), UNUSED),
        (statement(f"{ARN}*"), edge("app"), USED),
        (statement(), edge("other"), UNUSED),
        (statement(), edge(f"{ARN}app", LAMBDA, "ec2.amazonaws.com"), PERHAPS),
        (statement(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), edge(), PERHAPS),
        (statement(), edge(denied=True), UNUSED),
    ],
)
def test_grant_usage_counts(
    allowed: dict[str, Any], passed: Edge, expected: tuple[int, int, int], tmp_path: Path
) -> None:
    """Usage is matched by principal, role and service; a grant is possibly used if that is undetermined."""
    assert verdict(against(tmp_path, [allowed], passed)) == expected


def test_generated_principal_name_is_unknown(tmp_path: Path) -> None:
    """CloudFormation makes the name of a role that has none."""
    found = against(tmp_path, [statement()], edge(principal=f"{ARN}stack-Deploy-1ABC"), name=None)
    assert verdict(found) == PERHAPS
    assert (found.strangers, found.elsewhere) == ((), ())


def test_a_deny_takes_away(tmp_path: Path) -> None:
    """A pass that another statement denies was not allowed by this one."""
    deny = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": f"{ARN}app"}
    found = against(tmp_path, [statement(f"{ARN}*"), deny], edge(), edge(f"{ARN}b"))
    assert [one.role for one in found.used[0].surely] == [f"{ARN}b"]
    assert [one.role for one in found.elsewhere] == [f"{ARN}app"]


def test_unknown_principals_are_distinguished_from_ungranted_ones(tmp_path: Path) -> None:
    """Unknown principals are distinguished from known ones without a matching grant."""
    stranger, other = edge(principal=f"arn:aws:iam::{ACCOUNT}:user/bob"), edge(f"{ARN}other")
    found = against(tmp_path, [statement()], edge(), stranger, other)
    assert (found.strangers, found.elsewhere) == ((stranger,), (other,))


@pytest.mark.parametrize(
    ("allowed", "answer"),
    [
        (statement(), Ternary.YES),
        (statement(f"{ARN}other"), Ternary.NO),
        (statement({"Ref": "Which"}), Ternary.UNKNOWN),
    ],
)
def test_a_denied_attempt_would_be_allowed_or_not(allowed: dict[str, Any], answer: Ternary, tmp_path: Path) -> None:
    """By what the configuration says now."""
    (attempt,) = against(tmp_path, [allowed], edge(denied=True)).denied
    assert attempt.allowed is answer


def test_roles_of_the_configuration_are_known_by_reference(tmp_path: Path) -> None:
    """A reference stands for the role with its name."""
    (tmp_path / "main.tf").write_text(
        """
        resource "aws_iam_role" "app" {
          name               = "app"
          assume_role_policy = "{}"
        }
        resource "aws_iam_user_policy" "pass" {
          user   = "alice"
          policy = jsonencode({ Version = "2012-10-17", Statement = [
            { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.app.arn }
          ] })
        }
        """
    )
    read = read_paths([tmp_path], ScanOptions())
    alice = f"arn:aws:iam::{ACCOUNT}:user/team/alice"
    edges = [edge(principal=alice), edge(f"{ARN}other", principal=alice), edge()]
    found = match_grants(edges, [one for _, one in read.units])
    assert [one.surely for one in found.used] == [[edges[0]]]
    assert (found.elsewhere, found.strangers) == ((edges[1],), (edges[2],))


TERRAFORM = """
resource "aws_iam_user" "one" { name = NAME }
resource "aws_iam_user_policy" "pass" {
  user   = aws_iam_user.one.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app" }
  ] })
}
"""
TEMPLATE = {"Type": "AWS::IAM::User", "Properties": {"Policies": [{"PolicyName": "p", "PolicyDocument": {
    "Version": "2012-10-17", "Statement": [statement(service=None)],
}}]}}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"), [("alice", (USED, UNUSED)), ("bob", (UNUSED, UNUSED)), ("", (PERHAPS, PERHAPS))]
)
def test_users_are_known_by_the_names_in_their_blocks(
    name: str, expected: tuple[tuple[int, int, int], ...], tmp_path: Path
) -> None:
    """In Terraform, in a plan and in a template; one whose name is not known may be anybody, and a role is no user."""
    passes = edge(principal=f"arn:aws:iam::{ACCOUNT}:user/team/alice"), edge(principal=f"arn:aws:iam::{ACCOUNT}:user/x")
    properties = {**TEMPLATE["Properties"], **({"UserName": name} if name else {})}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement(service=None)]})
    values = {"name": name or None}
    planned = [
        ("aws_iam_user", "one", values), ("aws_iam_user_policy", "pass", {"user": name, "policy": document}),
    ]  # fmt: skip
    texts = {
        "tf/main.tf": TERRAFORM.replace("NAME", json.dumps(name) if name else "var.name"),
        "cfn/t.json": json.dumps({"Resources": {"One": {**TEMPLATE, "Properties": properties}}}),
        "plan/plan.json": json.dumps(plan(planned)),
    }
    for file, written in texts.items():
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text(written)
        if file.startswith("plan") and not name:
            continue
        read = read_paths([tmp_path / file], ScanOptions(account=ACCOUNT))
        found = [verdict(match_grants([one], [unit for _, unit in read.units], ACCOUNT)) for one in passes]
        assert tuple(found) == expected, file


def plan(resources: list[tuple[str, str, dict[str, Any]]]) -> dict[str, Any]:
    """A plan that creates resources."""
    made = [
        {"address": f"{type_}.{name}", "mode": "managed", "type": type_, "name": name, "values": values}
        for type_, name, values in resources
    ]
    changes = [
        {**one, "change": {"actions": ["create"], "before": None, "after": one["values"], "after_unknown": {}}}
        for one in made
    ]
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": made}},
        "resource_changes": changes,
        "configuration": {"root_module": {}},
    }


PATTERNS = (
    f"{ARN}app", f"{ARN}app*", f"{ARN}app-?", f"{ARN}*", f"{ARN}a*p", f"{ARN}path/*", f"{ARN}path/app", "*", "arn:*",
    f"arn:*:iam::{ACCOUNT}:role/app", "arn:aws:iam::*:role/app*", "arn:aws:iam::999999999999:role/app",
    f"arn:aws:iam::{ACCOUNT}:user/app", f"arn:aws:iam::{ACCOUNT}:*", f"arn:aws:iam::{ACCOUNT}:role*",
    f"arn:aws-cn:iam::{ACCOUNT}:role/app", f"{ARN}${{aws:username}}", f"{ARN}app${{aws:username}}", f"{ARN}App",
)  # fmt: skip
ROLES = ("app", "app-1", "path/app", "ap", "other", "path/deeper/app")


@pytest.mark.parametrize("pattern", PATTERNS)
def test_fast_pattern_test_agrees_with_the_exact_one(pattern: str) -> None:
    """The fast test whether a pattern covers a role agrees with the exact one, and never skips an edge that a pattern
    may cover.
    """
    written = text(pattern, Position("", 0))
    for number, name in enumerate(ROLES):
        role = f"{ARN}{name}"
        told = included(text(role, Position("", 0)), [written])
        glance = literal_pattern(written.parts)
        assert glance is None or glance.covers(role) in (None, told)
        near = EdgeIndex([edge(f"{ARN}{one}") for one in ROLES]).near([written])
        assert told is Ternary.NO or number in near


@pytest.mark.parametrize("pattern", ["*", f"{ARN}app*", f"{ARN}app-1"])
def test_the_usual_patterns_are_seen_at_a_glance(pattern: str) -> None:
    """Those that are written out, or end with a wildcard."""
    written = literal_pattern(text(pattern, Position("", 0)).parts)
    assert written is not None and written.covers(f"{ARN}app-1") is Ternary.YES


def test_edges_with_unknown_roles_are_never_skipped() -> None:
    """The log may have only the name of a role, or only its instance profile."""
    edges = [edge("app"), edge(""), edge(f"{ARN}app"), edge(f"{ARN}b")]
    assert EdgeIndex(edges).near([text(f"{ARN}app", Position("", 0))]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("options", "used"),
    [((), "perhaps_used"), (("--var", "name=lambda-app"), "used"), (("--var-file", "values.tfvars"), "unused")],
)
def test_a_configuration_is_evaluated_with_what_is_given(
    options: tuple[str, ...],
    used: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Variables and files of them, as for a scan."""
    pytest.importorskip("duckdb")
    monkeypatch.chdir(tmp_path)
    Path("values.tfvars").write_text('name = "another"\n')
    Path("code").mkdir()
    Path("code/main.tf").write_text(
        """
        variable "name" {}
        resource "aws_iam_role" "deploy" {
          name               = "deploy"
          assume_role_policy = "{}"
        }
        resource "aws_iam_role_policy" "pass" {
          role   = aws_iam_role.deploy.name
          policy = jsonencode({ Version = "2012-10-17", Statement = [{
            Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/${var.name}"
          }] })
        }
        """
    )
    arguments = ["trail", str(ROOT / "sample_templates/evidence/logs"), "--against", "code", "--format", "json"]
    assert main([*arguments, *options]) == 0
    found = json.loads(capsys.readouterr().out)["against"]
    assert [key for key in ("used", "perhaps_used", "unused") if found[key]] == [used]


@pytest.mark.parametrize("options", [("--var", "a=b"), ("--var-file", "x"), ("--parameters", "a=b"), ("--source", "x")])
def test_values_are_for_a_configuration(options: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Without one they are refused in one line, and no log is read."""
    assert main(["trail", str(ROOT / "sample_templates/evidence/logs"), *options]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert f"{options[0]} requires --against" in told.err


def test_two_configurations_are_evaluated_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each grant is reported once, also if a configuration is named twice; what is not evaluated is a note."""
    pytest.importorskip("duckdb")
    sample, other = ROOT / "sample_templates/evidence/terraform", tmp_path / "main.tf"
    other.write_text('module "missing" { source = "example.com/a/b/c" }\n')
    arguments = ["trail", str(ROOT / "sample_templates/evidence/logs"), "--format", "text", "--verbose"]
    for path in (sample, sample, other):
        arguments += ["--against", str(path)]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert out.count("Machines") == 1
    assert re.search(r"main\.tf:1:\s+not\s+evaluated:\s+module\s+missing", out)


def test_sample_is_reported_in_every_format(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which grants were used, which never, and what was denied."""
    pytest.importorskip("duckdb")
    monkeypatch.chdir(ROOT)
    arguments = ["trail", "sample_templates/evidence/logs", "--against", "sample_templates/evidence/terraform"]
    assert main([*arguments, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = told["against"]
    assert {key: [one["sid"] for one in found[key]] for key in ("used", "perhaps_used", "unused")} == {
        "used": ["Functions"], "perhaps_used": ["Instances"], "unused": ["Machines"],
    }  # fmt: skip
    assert (found["used"][0]["passed"], found["used"][0]["last"]) == (2, "2026-03-09T15:30:21Z")
    (attempt,) = found["denied"]
    assert (told["passes"][attempt["pass"]]["role"], attempt["allowed"]) == (f"{ARN}admin", "no")
    assert [told["passes"][number]["principal"] for number in found["unknown_principals"]] == [f"{ARN}dba"]
    assert [told["passes"][number]["services"] for number in found["granted_elsewhere"]] == [
        ["autoscaling.amazonaws.com"]
    ]
    assert found["used"][0]["edges"] == [
        {
            "pass": told["passes"].index(next(one for one in told["passes"] if one["role"] == f"{ARN}lambda-app")),
            "principals": ["aws_iam_role.deploy"],
            "patterns": [f"{ARN}lambda-*"],
            "passed": 2,
            "denied": 0,
            "last": "2026-03-09T15:30:21Z",
        }
    ]
    for output_format in ("text", "markdown", "html"):
        assert main([*arguments, "--format", output_format]) == 0
        out = capsys.readouterr().out
        assert all(sid in out for sid in ("Functions", "Instances", "Machines"))


def test_unreadable_configuration_is_reported(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The exit status is 2, and the results of the logs are still reported."""
    pytest.importorskip("duckdb")
    assert main(["trail", str(ROOT / "sample_templates/evidence/logs"), "--against", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert "lambda-app" in told.out
    assert "no Terraform, plan, CloudFormation, SAM or account files found" in told.err
    other = tmp_path / "other.json"
    other.write_text("{}")
    main(["trail", str(ROOT / "sample_templates/evidence/logs"), "--against", str(other)])
    assert capsys.readouterr().err.count(other.name) == 1


@pytest.mark.parametrize("output_format", ["text", "json", "markdown", "html"])
def test_unreadable_policy_document_is_reported(
    output_format: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A malformed statement is named as a scan names it, with status 2, in every format that lists such things."""
    pytest.importorskip("duckdb")
    statement = '{Effect: Maybe, Action: "iam:PassRole", Resource: "*"}'
    properties = f"{{PolicyDocument: {{Statement: {statement}}}}}"
    (tmp_path / "t.yaml").write_text(
        f"Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties: {properties}\n"
    )
    logs = str(ROOT / "sample_templates/evidence/logs")
    assert main(["trail", logs, "--against", str(tmp_path), "--format", output_format]) == 2
    told = capsys.readouterr()
    assert "t.yaml:4: P: Effect is 'Maybe'; it must be Allow or Deny" in told.err
    assert ("it must be Allow or Deny" in told.out) is (output_format != "text")


@pytest.mark.parametrize(
    ("pattern", "covered"), [("*x3-*", True), ("app/*x?-a", True), ("*x4-*", False), ("app/x3-a", True), ("*", True)]
)
def test_wildcard_only_patterns_use_the_fast_path(pattern: str, covered: bool) -> None:
    seen = literal_pattern((f"arn:aws:iam::111122223333:role/{pattern}",))
    assert seen is not None
    assert seen.covers("arn:aws:iam::111122223333:role/app/x3-a") is Ternary.of(covered)


@pytest.mark.parametrize("pattern", ["${aws:username}*", "a${*}"])
def test_patterns_with_variables_do_not_use_the_fast_path(pattern: str) -> None:
    seen = literal_pattern((f"arn:aws:iam::111122223333:role/{pattern}",))
    assert seen is None or seen.whole is None
