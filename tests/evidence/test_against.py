"""The evidence beside a configuration: what is used, what never was, what was denied, and who else passes roles."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.cli import main
from passrole_checks.evidence.against import Against, held_against
from passrole_checks.evidence.model import Outcome
from passrole_checks.evidence.summary import Edge
from passrole_checks.iam.values import Tri
from passrole_checks.scan import ScanOptions, read_paths

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "111122223333"
ARN = f"arn:aws:iam::{ACCOUNT}:role/"
DEPLOY = f"{ARN}deploy"
LAMBDA = "lambda.amazonaws.com"


def edge(role: str = f"{ARN}app", *services: str, principal: str = DEPLOY, denied: bool = False) -> Edge:
    """An edge of one request."""
    names = services or (LAMBDA,)
    outcome = Outcome.DENIED if denied else Outcome.PASSED
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
) -> Against:
    """What edges say of a role with a policy, in a template."""
    properties: dict[str, Any] = {"AssumeRolePolicyDocument": {"Statement": []}, **more}
    if name is not None:
        properties["RoleName"] = name
    policies = [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}]
    role = {"Type": "AWS::IAM::Role", "Properties": {**properties, "Policies": policies}}
    (tmp_path / "t.json").write_text(
        json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Deploy": role}})
    )
    read = read_paths([tmp_path], ScanOptions(account=ACCOUNT))
    return held_against(edges, [one for _, one in read.units], ACCOUNT)


def verdict(found: Against) -> tuple[int, int, int]:
    """How many grants are used, perhaps used, and unused."""
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
def test_a_grant_is_used_or_not(
    allowed: dict[str, Any], passed: Edge, expected: tuple[int, int, int], tmp_path: Path
) -> None:
    """By principal, role and service; what cannot be told is perhaps."""
    assert verdict(against(tmp_path, [allowed], passed)) == expected


def test_a_principal_whose_name_is_made_may_be_anybody(tmp_path: Path) -> None:
    """CloudFormation makes the name of a role that has none."""
    found = against(tmp_path, [statement()], edge(principal=f"{ARN}stack-Deploy-1ABC"), name=None)
    assert verdict(found) == PERHAPS
    assert (found.strangers, found.elsewhere) == ((), ())


def test_a_deny_takes_away(tmp_path: Path) -> None:
    """What another statement denies was not passed by this one."""
    deny = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": f"{ARN}app"}
    found = against(tmp_path, [statement(f"{ARN}*"), deny], edge(), edge(f"{ARN}b"))
    assert [one.role for one in found.used[0].surely] == [f"{ARN}b"]
    assert [one.role for one in found.elsewhere] == [f"{ARN}app"]


def test_strangers_and_what_is_granted_elsewhere(tmp_path: Path) -> None:
    """Whoever the configuration does not know is told apart from whom it knows and does not allow it."""
    stranger, other = edge(principal=f"arn:aws:iam::{ACCOUNT}:user/bob"), edge(f"{ARN}other")
    found = against(tmp_path, [statement()], edge(), stranger, other)
    assert (found.strangers, found.elsewhere) == ((stranger,), (other,))


@pytest.mark.parametrize(
    ("allowed", "answer"),
    [
        (statement(), Tri.YES),
        (statement(f"{ARN}other"), Tri.NO),
        (statement({"Ref": "Which"}), Tri.UNKNOWN),
    ],
)
def test_a_denied_attempt_would_be_allowed_or_not(allowed: dict[str, Any], answer: Tri, tmp_path: Path) -> None:
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
    found = held_against(edges, [one for _, one in read.units])
    assert [one.surely for one in found.used] == [[edges[0]]]
    assert (found.elsewhere, found.strangers) == ((edges[1],), (edges[2],))


def test_the_sample_is_told_in_every_format(
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
    for output_format in ("text", "markdown", "html"):
        assert main([*arguments, "--format", output_format]) == 0
        out = capsys.readouterr().out
        for words in ("Granted and used", "never used in these logs", "Denied", "does not know", "Machines"):
            assert words in out


def test_a_configuration_that_cannot_be_read_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The status is 2; what the logs say is told all the same."""
    pytest.importorskip("duckdb")
    assert main(["trail", str(ROOT / "sample_templates/evidence/logs"), "--against", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert "lambda-app" in told.out
    assert "no Terraform, plan, CloudFormation or SAM file here" in told.err
