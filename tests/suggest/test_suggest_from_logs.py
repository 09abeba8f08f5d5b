"""Statements are narrowed to what logs show: the roles that were passed, each to its services, and nothing else."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from observing import ACCOUNT, ARN, BOT, ECS, LAMBDA, added, edge, narrowed
from suggesting import USED, allow, checks, only, policy, role

from passrole_checks.cloudtrail import RequestOutcome
from passrole_checks.cloudtrail.summary import Edge
from passrole_checks.iam.values.nodes import Position, text
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.suggest.edits import edits_for
from passrole_checks.suggest.referable_roles import Read
from passrole_checks.suggest.suggestion import Edit, StatementChange, TargetRole

APP, OTHER = f"{ARN}app", f"{ARN}other"
TO_LAMBDA = f'{{ StringEquals = {{ "iam:PassedToService" = "{LAMBDA}" }} }}'
PASS_AND_GET = '["iam:GetRole", "iam:PassRole"]'
WINDOW = "from 2026-01-01 to 2026-04-30 (120 days)"


def test_each_role_is_named_with_its_services(tmp_path: Path) -> None:
    """Roles that went to the same services share a statement; no pair is allowed that was not seen."""
    found = narrowed(
        tmp_path, {"main.tf": policy(allow())}, edge(APP), edge(APP, "ec2.amazonaws.com", times=2), edge(OTHER, ECS)
    )
    (text,) = found.combine().changed.values()
    assert textwrap.dedent(text[text.index("      {\n") : text.index("    ]\n")]) == textwrap.dedent(f"""\
        {{
          Effect = "Allow"
          Action = "iam:PassRole"
          Resource = "{APP}"
          Condition = {{
            StringEquals = {{
              "iam:PassedToService" = ["ec2.amazonaws.com", "lambda.amazonaws.com"]
            }}
          }}
        }},
        {{
          Effect = "Allow"
          Action = "iam:PassRole"
          Resource = "{OTHER}"
          Condition = {{
            StringEquals = {{
              "iam:PassedToService" = "ecs-tasks.amazonaws.com"
            }}
          }}
        }},
        """)
    assert only(found).says == (
        f"Allows its observed use {WINDOW} and nothing else: 4 passes of 2 roles, the last on 2026-03-02"
        " (app to ec2.amazonaws.com and lambda.amazonaws.com; other to ecs-tasks.amazonaws.com); one statement per"
        " set of services."
    )


def test_a_statement_without_findings_is_narrowed_as_well(tmp_path: Path) -> None:
    """Of two named roles the unused one is removed; the suggestion has no finding."""
    found = narrowed(tmp_path, {"main.tf": policy(allow(f'["{APP}", "{OTHER}"]', TO_LAMBDA))}, edge(APP))
    assert (checks(only(found)), only(found).resource) == ([], "aws_iam_user_policy.deploy")
    assert added(found) == [f'Resource = ["{APP}"]']


def test_fully_used_statement_is_unchanged(tmp_path: Path) -> None:
    """Roles one by one, services by name, each pair seen: there is nothing to suggest."""
    assert narrowed(tmp_path, {"main.tf": policy(allow(f'"{APP}"', TO_LAMBDA))}, edge(APP)).suggestions == ()


def test_role_of_the_configuration_is_referenced(tmp_path: Path) -> None:
    """The edit references the role; roles that the configuration passes and the logs do not show are reported."""
    found = narrowed(tmp_path, {"main.tf": policy(allow()) + USED}, edge(f"{ARN}task", ECS))
    assert "Resource = aws_iam_role.task.arn" in added(found)
    assert "the logs do not show (aws_iam_role.function to lambda.amazonaws.com)" in only(found).says


def test_other_actions_keep_their_statement(tmp_path: Path) -> None:
    """iam:PassRole gets statements of its own behind it, under Sids of their own."""
    found = narrowed(
        tmp_path, {"main.tf": policy('Sid = "A"\n' + allow(action=PASS_AND_GET))}, edge(APP), edge(OTHER, ECS)
    )
    lines = added(found)
    assert 'Action = ["iam:GetRole"]' in lines
    assert [line for line in lines if line.startswith("Sid")] == [
        'Sid = "PassRolesToEcsTasks"',
        'Sid = "PassRolesToLambda"',
    ]


HEREDOC = """\
resource "aws_iam_user_policy" "p" {
  user   = "bot"
  policy = <<EOF
{"Version": "2012-10-17", "Statement": [
  {"Sid": "One", "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
]}
EOF
}
"""
DATA = """\
data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
resource "aws_iam_user_policy" "p" {
  user   = "bot"
  policy = data.aws_iam_policy_document.d.json
}
"""
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  App:
    Type: AWS::IAM::Role
    Properties:
      RoleName: app
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]
  P:
    Type: AWS::IAM::UserPolicy
    Properties:
      UserName: bot
      PolicyName: p
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: iam:PassRole
            Resource: !Sub arn:aws:iam::${AWS::AccountId}:role/*
"""
JSON = """\
{"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"P": {"Type": "AWS::IAM::UserPolicy", "Properties": {
  "UserName": "bot", "PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}}}}}}
"""


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "main.tf",
            HEREDOC + role("app", "lambda"),
            ['"Resource": "${aws_iam_role.app.arn}"', f'"Resource": "{OTHER}"'],
        ),
        ("main.tf", DATA + role("app", "lambda"), ["resources = [aws_iam_role.app.arn]", f'resources = ["{OTHER}"]']),
        ("t.yaml", TEMPLATE, ["Resource: !GetAtt App.Arn", "Resource: !Sub arn:aws:iam::${AWS::AccountId}:role/other"]),
        ("t.json", JSON, [f'"Resource": "{APP}"', f'"Resource": "{OTHER}"']),
    ],
)
def test_in_every_format(name: str, content: str, expected: list[str], tmp_path: Path) -> None:
    """Two statements with the roles in the words of the format, each with its service."""
    found = narrowed(tmp_path, {name: content}, edge(APP), edge(OTHER, ECS))
    (text,) = found.combine().changed.values()
    flat = " ".join(text.split())
    assert all(flat.count(" ".join(one.split())) == 1 for one in expected), text
    assert (flat.count(LAMBDA), flat.count(ECS)) == (content.count(LAMBDA) + 1, 1)
    assert checks(only(found)) == ["001"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow(), [f'Resource = ["{ARN}*/byname", "{ARN}byname"]']),
        (allow(f'"{ARN}service/*"'), [f'"{ARN}service/*/byname"', f'"{ARN}service/byname"']),
        (allow(f'"{ARN}by*"'), [f'Resource = "{ARN}byname"']),
        (allow(f'["{ARN}service/byname", "{ARN}other"]'), [f'Resource = ["{ARN}service/byname"]']),
    ],
)
def test_a_role_known_by_its_name(statement: str, expected: list[str], tmp_path: Path) -> None:
    """It may have any path that the statement lets it have, and no other."""
    found = narrowed(tmp_path, {"main.tf": policy(statement)}, edge("byname"))
    lines = added(found)
    assert [line for line in lines if "role/" in line] == expected
    assert "the logs contain the name of byname without its path" in only(found).says


def test_unresolved_account_stays_unresolved(tmp_path: Path) -> None:
    """Logs of two accounts to which the same code is deployed give one role."""
    statement = allow('"arn:aws:iam::${data.aws_caller_identity.me.account_id}:role/*"')
    other = APP.replace(ACCOUNT, "999999999999")
    found = narrowed(
        tmp_path,
        {"main.tf": policy(statement) + 'data "aws_caller_identity" "me" {}\n'},
        edge(APP),
        edge(other, who=BOT.replace(ACCOUNT, "999999999999")),
    )
    assert 'Resource = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:role/app"' in added(found)


def test_variable_in_a_pattern_is_kept(tmp_path: Path) -> None:
    """The text for the wildcard replaces it, with a note that other values may need more."""
    content = policy(allow('"arn:aws:iam::${var.account}:role/${var.stage}-*"'))
    content += f'variable "account" {{\n  default = "{ACCOUNT}"\n}}\nvariable "stage" {{\n  default = "prod"\n}}\n'
    found = narrowed(tmp_path, {"main.tf": content}, edge(f"{ARN}prod-app"))
    assert 'Resource = "arn:aws:iam::${var.account}:role/${var.stage}-app"' in added(found)
    assert "roles passed with other values of var.account are unknown" in only(found).says


def test_possible_use_is_counted_separately(tmp_path: Path) -> None:
    """By a policy that is attached elsewhere anybody may have passed a role, which stays allowed."""
    content = (
        policy(allow()).replace('"aws_iam_user_policy"', '"aws_iam_policy"').replace('user   = "bot"', 'name = "p"')
    )
    found = narrowed(tmp_path, {"main.tf": content}, edge(APP, times=3), edge(OTHER, who=f"{ARN}somebody", times=2))
    (seen,) = [one.evidence for one in found.suggestions]
    assert seen is not None
    assert (seen.passes, seen.perhaps, seen.roles, seen.last) == (0, 5, 2, "2026-03-02T00:00:00Z")
    assert "possibly 5 passes of 2 roles" in only(found).says


def test_tag_conditions_are_removed(tmp_path: Path) -> None:
    """A role that is named needs no tag."""
    condition = '{ StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com", "iam:ResourceTag/x" = "y" } }'
    found = narrowed(tmp_path, {"main.tf": policy(allow(f'"{ARN}*"', condition))}, edge(APP))
    assert checks(only(found)) == ["001", "004"]
    assert added(found) == [f'Resource = "{APP}"', f"Condition = {TO_LAMBDA}"]


def test_in_china_both_names_of_a_service_are_allowed(tmp_path: Path) -> None:
    """It may send either."""
    there = f"arn:aws-cn:iam::{ACCOUNT}:"
    seen = edge(f"{there}role/app", "ec2.amazonaws.com", who=f"{there}user/bot")
    found = narrowed(tmp_path, {"main.tf": policy(allow(f'"{there}role/*"'))}, seen)
    assert '"iam:PassedToService" = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]' in added(found)


def test_other_conditions_stay(tmp_path: Path) -> None:
    """The logs do not show whether other conditions matched, so that use is only possible."""
    condition = '{ Bool = { "aws:MultiFactorAuthPresent" = "true" } }'
    found = narrowed(tmp_path, {"main.tf": policy(allow(f'"{ARN}*"', condition))}, edge(APP))
    both = f'"aws:MultiFactorAuthPresent" = "true" }}, StringEquals = {{ "iam:PassedToService" = "{LAMBDA}" }} }}'
    assert added(found) == [f'Resource = "{APP}"', f"Condition = {{ Bool = {{ {both}"]


def test_not_resource_becomes_the_observed_roles(tmp_path: Path) -> None:
    """NotResource gives way to Resource."""
    content = policy(allow(f'"{ARN}admin"').replace("Resource", "NotResource"))
    assert f'Resource = "{APP}"' in added(narrowed(tmp_path, {"main.tf": content}, edge(APP)))


def test_a_shared_policy_allows_what_any_of_its_holders_passed(tmp_path: Path) -> None:
    """Strangers do not count."""
    content = (
        policy(allow()).replace('"aws_iam_user_policy"', '"aws_iam_policy"').replace('user   = "bot"', 'name = "p"')
    )
    for name in ("one", "two"):
        content += role(name, "ec2") + (
            f'resource "aws_iam_role_policy_attachment" "{name}" {{\n  role = aws_iam_role.{name}.name\n'
            "  policy_arn = aws_iam_policy.deploy.arn\n}\n"
        )
    found = narrowed(
        tmp_path,
        {"main.tf": content},
        edge(APP, who=f"{ARN}one"),
        edge(OTHER, who=f"{ARN}two"),
        edge(f"{ARN}third", who=f"{ARN}stranger"),
    )
    assert f'Resource = ["{APP}", "{OTHER}"]' in added(found)


MODULE = """\
variable "name" {}
resource "aws_iam_user_policy" "p" {
  user   = var.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    {
      Effect = "Allow"
      Action = "iam:PassRole"
      Resource = RESOURCE
    }
  ] })
}
"""
TWICE = "".join(f'module "{name}" {{\n  source = "./m"\n  name = "{name}"\n}}\n' for name in ("a", "b"))


def test_instances_of_a_module(tmp_path: Path) -> None:
    """One text stands for all of them: it allows what any of them passed, unless that is more than another one may."""
    seen = [edge(f"{ARN}{name}-app", who=f"arn:aws:iam::{ACCOUNT}:user/{name}") for name in ("a", "b")]
    files = {"main.tf": TWICE, "m/main.tf": MODULE.replace("RESOURCE", '"*"')}
    found = narrowed(tmp_path / "any", files, *seen)
    assert f'Resource = ["{ARN}a-app", "{ARN}b-app"]' in added(found)
    assert "shared by 2 resources, each of which then allows the observed use of all" in only(found).says
    files["m/main.tf"] = MODULE.replace("RESOURCE", f'"{ARN}${{var.name}}-*"')
    found = narrowed(tmp_path / "own", files, *seen)
    assert f'Resource = "{ARN}${{var.name}}-app"' in added(found)
    seen[1] = edge(f"{ARN}b-other", who=seen[1].principal)
    found = narrowed(tmp_path / "different", files, *seen)
    assert only(found).missing == ("several resources share this statement and passed different roles: split it",)


def test_module_instances_are_not_widened(tmp_path: Path) -> None:
    """If each instance may pass its own roles, naming all roles would widen each."""
    base = f'locals {{\n  base = "{ARN}${{var.name}}"\n}}\n'
    files = {"main.tf": TWICE, "m/main.tf": base + MODULE.replace("RESOURCE", '"${local.base}-*"')}
    seen = [edge(f"{ARN}{name}-app", who=f"arn:aws:iam::{ACCOUNT}:user/{name}") for name in ("a", "b")]
    assert only(narrowed(tmp_path, files, *seen)).missing == (
        "several resources share this statement and passed different roles: split it",
    )


@pytest.mark.parametrize(
    ("statement", "seen", "expected"),
    [
        (allow(), edge(APP, LAMBDA, ECS), f"which of {LAMBDA} and {ECS} received {APP}: the logs do not say"),
        (allow(), edge(APP, ""), f"the service that received {APP}: the logs do not say"),
        (allow(), edge("", "ec2.amazonaws.com", profile="p"), "the role in the instance profile p"),
        (allow(), edge(f"{ARN}*"), f"the role that {ARN}* denotes"),
        (allow(), edge('a"${b}'), 'the role that a"${b} denotes'),
        (allow(f'"{ARN}${{var.stage}}-*"'), edge(f"{ARN}x-a"), f"whether {ARN}${{var.stage}}-* includes {ARN}x-a"),
        (
            allow(action='"*"'),
            edge(APP),
            "the actions needed: list them, and grant iam:PassRole in a separate statement",
        ),
        (
            allow(
                f'"{ARN}*"', TO_LAMBDA.replace("StringEquals", "StringEqualsIfExists").replace("lambda", "cognito-idp")
            ),
            edge(APP, "cognito-idp.amazonaws.com"),
            "whether requests that pass roles to cognito-idp.amazonaws.com carry iam:PassedToService",
        ),
    ],
)
def test_ambiguous_use_needs_manual_review(statement: str, seen: Edge, expected: str, tmp_path: Path) -> None:
    """With the reason, and without edits."""
    found = narrowed(tmp_path, {"main.tf": policy(statement) + 'variable "stage" {}\n'}, seen)
    assert only(found).edits == ()
    assert [one for one in only(found).missing if one.startswith(expected)], only(found).missing


def test_statement_in_a_loop_needs_manual_review(tmp_path: Path) -> None:
    """One text makes a statement for each service, so that it cannot say what each of them is to say."""
    content = policy(allow(f'"{ARN}*"', TO_LAMBDA.replace(f'"{LAMBDA}"', '"${s}.amazonaws.com"')))
    content = content.replace("Statement = [", 'Statement = [ for s in ["lambda", "ecs-tasks"] :').replace(
        "},\n    ]", "}\n    ]"
    )
    found = narrowed(tmp_path, {"main.tf": content}, edge(APP), edge(OTHER, ECS))
    assert only(found).missing == ("a loop generates several statements from it: write them individually",)


def test_draft_has_a_statement_for_each_set_of_services(tmp_path: Path) -> None:
    """Where no edit can be made, the statements are printed as elements of one list."""
    edges = (edge(APP), edge(OTHER, ECS))
    one = only(narrowed(tmp_path, {"main.tf": policy(allow())}, *edges, edit=lambda *_: "it is computed"))
    assert not one.edits and "it is computed" in one.missing
    first, second = one.statement.split("\n},\n{\n")
    assert f'Resource  = "{OTHER}"' in first and ECS in first
    assert f'Resource  = "{APP}"' in second and LAMBDA in second


def test_roles_of_two_accounts_need_manual_review(tmp_path: Path) -> None:
    """If the account is unknown, --account specifies it."""
    other = OTHER.replace(ACCOUNT, "999999999999")
    content = policy(allow()).replace('user   = "bot"', "user   = aws_iam_user.bot.name")
    content += 'resource "aws_iam_user" "bot" {\n  name = "bot"\n}\n'
    seen = (edge(APP), edge(other, who=BOT.replace(ACCOUNT, "999999999999")))
    missing = only(narrowed(tmp_path / "unknown", {"main.tf": content}, *seen)).missing
    assert missing == (f"the account deployed to ({ACCOUNT} and 999999999999): specify --account",)
    found = narrowed(tmp_path / "known", {"main.tf": content}, *seen, account=ACCOUNT)
    assert f'Resource = "{APP}"' in added(found)


@pytest.mark.parametrize(
    "seen", [(), (edge(APP, outcome=RequestOutcome.DENIED),), (edge(APP, who=f"arn:aws:iam::{ACCOUNT}:user/another"),)]
)
def test_unused_statement_is_reported_and_kept(seen: tuple[Edge, ...], tmp_path: Path) -> None:
    """Attempts that were denied, and what others passed, are no use of it."""
    found = narrowed(tmp_path, {"main.tf": policy(allow())}, *seen)
    one = only(found)
    assert (one.edits, one.statement, one.missing[0]) == ((), "", f"whether it is needed: it was not used {WINDOW}")
    assert one.evidence is not None and (one.evidence.passes, one.evidence.last) == (0, "")
    assert one.missing[2] == "roles passed in 2 events whose parameters the logs do not contain"
    assert found.combine().changed == {}


def test_statement_with_accepted_finding_is_unchanged(tmp_path: Path) -> None:
    """A statement with a finding that is suppressed is not narrowed, nor one that another check was asked about."""
    suppressed = policy("# passrole:skip=PASSROLE_001 wanted\n" + allow())
    assert narrowed(tmp_path / "a", {"main.tf": suppressed}, edge(APP)).suggestions == ()
    wide = {"main.tf": policy(allow(f'["{APP}", "{OTHER}"]', TO_LAMBDA)) + policy(allow(), name="any")}
    found = narrowed(tmp_path / "b", wide, edge(APP), checks=["PASSROLE_001"])
    assert [one.resource for one in found.suggestions] == ["aws_iam_user_policy.any"]


def test_narrowing_with_a_new_finding_needs_manual_review(tmp_path: Path) -> None:
    """A role that its service cannot assume, by this configuration, is not named on the word of the logs."""
    found = narrowed(tmp_path, {"main.tf": policy(allow(f'"{ARN}*"', TO_LAMBDA)) + role("app", "ec2")}, edge(APP))
    assert only(found).edits == ()
    assert "PASSROLE_011 trust-mismatch" in only(found).missing[0]


def other(arn: str) -> TargetRole:
    """A role that is written by its ARN."""
    return TargetRole("", text(arn, Position("", 0)))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda change: replace(change, roles=change.roles[:1]), "how to keep allowing the observed passing of"),
        (lambda change: replace(change, roles=(*change.roles, other(f"{ARN}more"))), "would allow passing"),
        (lambda change: replace(change, roles=(other(f"{ARN}*"),)), "PASSROLE_001 would still be reported"),
        (lambda change: replace(change, services=(LAMBDA, ECS)), "would not name the intended services"),
        (lambda change: replace(change, services=(ECS,)), "would not name the intended services"),
        (lambda change: replace(change, services=None), "PASSROLE_002 any-service"),
        (lambda change: replace(change, get_role=True), "PASSROLE_017 shared-condition"),
        (lambda change: replace(change, drop=("aws:MultiFactorAuthPresent",)), "would have other conditions"),
    ],
)
def test_edits_with_another_effect_are_rejected(
    wrong: Callable[[StatementChange], StatementChange], reason: str, tmp_path: Path
) -> None:
    """Each edit is parsed again, and the grant that it makes is verified."""

    def edit(
        located: LocatedGrant, change: StatementChange, read: Read, files: Sequence[str]
    ) -> tuple[Edit, ...] | str:
        return edits_for(located, wrong(change), read, files)

    condition = '{ Bool = { "aws:MultiFactorAuthPresent" = "true" } }'
    files = {"main.tf": policy(allow(f'"{ARN}*"', condition))}
    assert only(narrowed(tmp_path / "right", files, edge(APP), edge(OTHER))).edits
    found = narrowed(tmp_path / "wrong", files, edge(APP), edge(OTHER), edit=edit)
    assert only(found).edits == ()
    assert reason in only(found).missing[0]


def test_roles_are_grouped_only_on_request(tmp_path: Path) -> None:
    """By the beginning of their names or their path, and never beyond what the statement allows."""
    names = ("app/a", "app/b", "orders-api", "orders-web", "x")
    seen = [edge(f"{ARN}{name}") for name in names]
    files = {"main.tf": policy(allow(f'"{ARN}*"'))}
    assert [line for line in added(narrowed(tmp_path / "a", files, *seen)) if "role/" in line] == [
        f'"{ARN}{name}"' for name in names
    ]
    found = narrowed(tmp_path / "b", files, *seen, grouped=True)
    assert [line for line in added(found) if "role/" in line] == [
        f'"{ARN}{name}"' for name in ("app/*", "orders-*", "x")
    ]
    assert "and other roles matching app/* and orders-*" in only(found).says
    files = {"main.tf": policy(allow(f'["{ARN}orders-api", "{ARN}orders-web"]'))}
    assert not [line for line in added(narrowed(tmp_path / "c", files, *seen, grouped=True)) if "role/" in line]
    files = {"main.tf": policy(allow(f'"{ARN}orders-*"', TO_LAMBDA))}
    assert narrowed(tmp_path / "d", files, *seen, grouped=True).suggestions == ()


def test_too_long_policy_needs_manual_review(tmp_path: Path) -> None:
    """The inline policies of a user have 2,048 characters together, those of a role 10,240; patterns are shorter."""
    seen = [edge(f"{ARN}orders-{number}") for number in range(60)]
    files = {"main.tf": policy(allow(f'"{ARN}*"'))}
    (reason,) = only(narrowed(tmp_path / "a", files, *seen)).missing
    assert reason.startswith(
        "a path or prefix that the 60 roles share: listed individually they exceed the policy size limit"
    )
    assert f'Resource = "{ARN}orders-*"' in added(narrowed(tmp_path / "b", files, *seen, grouped=True))
