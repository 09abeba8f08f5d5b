"""Limits to the services that the holders of a statement can pass roles to.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service".
"""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import allow, checks, function, graded, left_for_a_person, only, policy, role, session

from passrole_checks.findings import Severity
from passrole_checks.suggest.edits import apply_edits
from passrole_checks.suggest.grade import Grade

APP = '"arn:aws:iam::111122223333:role/app-*"'
SERVICES = '"iam:PassedToService" = '


def other(*actions: str) -> str:
    """A statement that allows other actions."""
    return allow(action=f"[{', '.join(f'{chr(34)}{one}{chr(34)}' for one in actions)}]")


def held_by(name: str, *statements: str) -> str:
    """A policy of a role instead of a user."""
    own = policy(*statements).replace('"aws_iam_user_policy"', '"aws_iam_role_policy"')
    return own.replace('user   = "bot"', f"role   = {name}")


def test_condition_names_what_the_holder_can_use(tmp_path: Path) -> None:
    """Roles stay as written, and each service that an allowed action sends is named."""
    one = only(session(tmp_path, {"main.tf": policy(allow(APP), other("ecs:RunTask", "s3:GetObject"))}))
    assert one.grade is Grade.EQUIVALENT and checks(one) == ["002"] and not one.on_request
    assert f"Resource = {APP}" in one.statement
    assert f'{SERVICES}["ecs-tasks.amazonaws.com", "ecs.amazonaws.com"]' in one.statement


def test_any_role_becomes_less_severe(tmp_path: Path) -> None:
    """A limit of the services does not resolve any-role, which stays for manual review."""
    found = session(tmp_path, {"main.tf": policy(allow(), other("glue:CreateJob"))})
    one = graded(found, Grade.EQUIVALENT)
    assert one.findings == () and [finding.check_id for finding in one.less_severe] == ["PASSROLE_001"]
    (left,) = (each for each in found.suggestions if not each.edits)
    assert "001" in checks(left)


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ('{ StringLike = { "iam:PassedToService" = "*" } }', '"lambda.amazonaws.com"'),
        (
            '{ StringNotEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }',
            '"lambda.amazonaws.com"',
        ),
    ],
)
def test_ineffective_condition_is_replaced(tmp_path: Path, condition: str, named: str) -> None:
    """Services that a condition excludes stay excluded."""
    actions = ("lambda:CreateFunction", *(["ec2:RunInstances"] if "Not" in condition else []))
    found = session(tmp_path, {"main.tf": policy(allow(APP, condition), other(*actions))})
    one = graded(found, Grade.EQUIVALENT)
    assert f"{SERVICES}{named}" in one.statement
    assert one.statement.count("iam:PassedToService") == 1


def test_six_services_are_written_on_request_only(tmp_path: Path) -> None:
    """A longer list is shown, and made only if it is asked for."""
    actions = ("lambda:CreateFunction", "states:CreateStateMachine", "glue:CreateJob", "ec2:RunInstances")
    found = session(tmp_path, {"main.tf": policy(allow(APP), other(*actions, "ecs:RunTask"))})
    one = only(found)
    assert one.statement.count(".amazonaws.com") == 6 and one.on_request
    assert found.combine(on_request=False).made == ()
    assert found.combine().made == (one,)


@pytest.mark.parametrize(
    ("actions", "asked"),
    [
        (("s3:GetObject",), "which action needs iam:PassRole"),
        (("ssm:StartAutomationExecution",), "complete list"),
        (("iam:Get*", "ec2:*", "ecs:*", "glue:*", "lambda:*", "states:*", "events:*", "ecs:*"), " services"),
    ],
)
def test_what_cannot_be_derived_needs_manual_review(tmp_path: Path, actions: tuple[str, ...], asked: str) -> None:
    """An action that takes no role, or may send any service, all actions, and too many services."""
    text = policy(allow(APP)) + policy(other(*actions), name="more")
    assert asked in left_for_a_person(session(tmp_path, {"main.tf": text}))[-1]


def test_limit_does_not_matter_for_an_administrator(tmp_path: Path) -> None:
    """A principal that can change any policy can undo it."""
    found = session(tmp_path, {"main.tf": policy(allow(APP)) + policy(other("*"), name="more")})
    assert "change any policy" in found.suggestions[0].missing[-1]


def test_policy_that_is_attached_nowhere_needs_manual_review(tmp_path: Path) -> None:
    """The principals that get it may have other policies."""
    text = policy(allow(APP), other("lambda:CreateFunction")).replace("aws_iam_user_policy", "aws_iam_policy")
    (asked,) = left_for_a_person(session(tmp_path, {"main.tf": text.replace('  user   = "bot"\n', "")}))
    assert "attached to none here" in asked


@pytest.mark.parametrize("given", ["name", "id", "arn"])
def test_module_that_gets_the_role_may_attach_policies(tmp_path: Path, given: str) -> None:
    """A module that is not downloaded may attach a policy to a role whose name it gets; an ARN is no use for that."""
    module = f'module "more" {{\n  source = "acme/more/aws"\n  role = aws_iam_role.ci.{given}\n}}\n'
    text = held_by("aws_iam_role.ci.id", allow(APP), other("lambda:CreateFunction")) + role("ci", "codebuild") + module
    found = session(tmp_path, {"main.tf": text})
    assert bool(only(found).edits) is (given == "arn")


@pytest.mark.parametrize(
    "attached_policy", ["aws_iam_policy.more.arn", '"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"']
)
@pytest.mark.parametrize(("default", "is_derived"), [("true", True), ("false", False)])
def test_variable_may_attach_policies(tmp_path: Path, default: str, is_derived: bool, attached_policy: str) -> None:
    """An attachment that does not exist by default may allow other actions with another value."""
    statement = 'Effect = "Allow", Action = "s3:GetObject", Resource = "*"'
    attached = (
        f'variable "on" {{\n  default = {default}\n}}\nresource "aws_iam_policy" "more" {{\n'
        f"  policy = jsonencode({{ Statement = [{{ {statement} }}] }})\n}}\n"
        'resource "aws_iam_role_policy_attachment" "more" {\n  count = var.on ? 1 : 0\n'
        f"  role = aws_iam_role.ci.name\n  policy_arn = {attached_policy}\n}}\n"
    )
    text = held_by("aws_iam_role.ci.id", allow(APP), other("lambda:CreateFunction")) + role("ci", "codebuild")
    assert bool(only(session(tmp_path, {"main.tf": text + attached})).edits) is is_derived


@pytest.mark.parametrize(("default", "is_derived"), [("[1]", True), ("[]", False)])
def test_variable_may_allow_other_actions(tmp_path: Path, default: str, is_derived: bool) -> None:
    """A dynamic block without instances allows further actions with another value."""
    text = f"""\
variable "more" {{
  default = {default}
}}
data "aws_iam_policy_document" "all" {{
  statement {{
    actions   = ["iam:PassRole"]
    resources = [{APP}]
  }}
  statement {{
    actions   = ["lambda:CreateFunction"]
    resources = ["*"]
  }}
  dynamic "statement" {{
    for_each = var.more
    content {{
      actions   = ["glue:CreateJob"]
      resources = ["*"]
    }}
  }}
}}
resource "aws_iam_user_policy" "all" {{
  user   = "bot"
  policy = data.aws_iam_policy_document.all.json
}}
"""
    found = session(tmp_path, {"main.tf": text})
    assert bool(only(found).edits) is is_derived


def test_holder_in_a_module_that_is_not_downloaded(tmp_path: Path) -> None:
    """The module may attach other policies to its role."""
    text = held_by("module.ci.role_name", allow(APP), other("lambda:CreateFunction"))
    found = session(tmp_path, {"main.tf": text + 'module "ci" {\n  source = "acme/ci/aws"\n}\n'})
    assert only(found).edits == ()


def test_all_holders_of_a_shared_document_count(tmp_path: Path) -> None:
    """Two roles share a statement, and each passes roles to another service."""
    document = (
        'data "aws_iam_policy_document" "pass" {\n  statement {\n    actions   = ["iam:PassRole"]\n'
        f"    resources = [{APP}]\n  }}\n}}\n"
    )
    text = document + "".join(
        role(name, "codebuild")
        + f'resource "aws_iam_role_policy" "{name}" {{\n  role   = aws_iam_role.{name}.id\n'
        + "  policy = data.aws_iam_policy_document.pass.json\n}\n"
        + held_by(f"aws_iam_role.{name}.id", other(action)).replace('"deploy"', f'"{name}-more"')
        for name, action in (("a", "lambda:CreateFunction"), ("b", "glue:CreateJob"))
    )
    one = only(session(tmp_path, {"main.tf": text}))
    assert one.grade is Grade.EQUIVALENT
    assert '"glue.amazonaws.com", "lambda.amazonaws.com"' in one.statement


def test_who_can_change_policies_is_not_contained(tmp_path: Path) -> None:
    """The description says that such a holder can undo the limit."""
    changing = other("iam:PutRolePolicy").replace('"*"', APP)
    one = only(session(tmp_path, {"main.tf": policy(allow(APP), changing, other("lambda:CreateFunction"))}))
    assert "(iam:PutRolePolicy)" in one.says


def test_roles_that_trust_the_service_are_named(tmp_path: Path) -> None:
    """Instead of any role, the few roles of the configuration that the service can assume; never the holder itself."""
    text = policy(allow(), other("glue:CreateJob")) + role("etl", "glue") + role("web", "ec2")
    found = session(tmp_path, {"main.tf": text})
    one = graded(found, Grade.NARROWED)
    assert "001" in checks(one) and "Resource = aws_iam_role.etl.arn" in one.statement
    assert found.combine().made == (one,)
    assert found.combine(grades=[Grade.EQUIVALENT]).made == (graded(found, Grade.EQUIVALENT),)


@pytest.mark.parametrize(("more", "is_named"), [((), True), (("glue:CreateJob",), False)])
def test_each_action_needs_a_role(tmp_path: Path, more: tuple[str, ...], is_named: bool) -> None:
    """One of the services that an action may send suffices; an action without a role here passes one from elsewhere."""
    text = policy(allow(), other("ecs:RunTask", *more)) + role("task", "ecs-tasks")
    found = session(tmp_path, {"main.tf": text})
    assert [one.grade for one in found.suggestions if one.edits] == [
        Grade.EQUIVALENT,
        *([Grade.NARROWED] if is_named else []),
    ]


def test_many_roles_that_trust_the_service_are_not_named(tmp_path: Path) -> None:
    """Which of them are meant is not known."""
    many = "".join(role(f"etl{number}", "glue") for number in range(6))
    found = session(tmp_path, {"main.tf": policy(allow(), other("glue:CreateJob")) + many})
    assert [one.grade for one in found.suggestions if one.edits] == [Grade.EQUIVALENT]


def test_role_without_a_known_name_is_not_named(tmp_path: Path) -> None:
    """A policy file cannot refer to a role with a generated name: a draft has a placeholder for it."""
    document = '{"Statement": [\n  {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"},\n' + (
        '  {"Effect": "Allow", "Action": "glue:CreateJob", "Resource": "*"}\n]}\n'
    )
    text = policy().replace("jsonencode({", 'file("${path.module}/pass.json")\n}\n/*').replace("})\n}", "*/")
    files = {"main.tf": text + role("etl", "glue").replace('name = "etl"', 'name_prefix = "e"'), "pass.json": document}
    found = session(tmp_path, files)
    assert [one.grade for one in found.suggestions if one.edits] == [Grade.EQUIVALENT]
    (left,) = (one for one in found.suggestions if not one.edits)
    assert "<ARN of aws_iam_role.etl>" in left.statement


def test_only_roles_that_the_holder_can_use_are_named(tmp_path: Path) -> None:
    """A role that another principal passes to a function is not for a holder that only runs jobs."""
    text = policy(allow(), other("glue:CreateJob")) + role("function", "lambda") + function() + role("etl", "glue")
    one = graded(session(tmp_path, {"main.tf": text}), Grade.NARROWED)
    assert "aws_iam_role.etl.arn" in one.statement and "function" not in one.statement


def test_repaired_condition_adds_access(tmp_path: Path) -> None:
    """A dead condition allows nothing, so that to correct it adds access, which the description names."""
    dead = '{ StringEquals = { "iam:PassedToService" = "lambda" } }'
    found = session(tmp_path, {"main.tf": policy(allow(APP, dead))})
    one = graded(found, Grade.REPAIRING)
    assert "Adds iam:PassRole on arn:aws:iam::111122223333:role/app-* to lambda.amazonaws.com." in one.says
    assert found.combine(grades=[Grade.EQUIVALENT, Grade.NARROWED]).made == ()


def test_get_role_is_added_only_if_asked_for(tmp_path: Path) -> None:
    """At severity info all findings are shown; the permission is a change that only its own check asks for."""
    text = policy(allow(APP), other("lambda:CreateFunction"))
    found = session(tmp_path, {"main.tf": text}, Severity.INFO)
    for one in found.suggestions:
        new = apply_edits(text, one.edits)
        assert ("iam:GetRole" in new) is (one.grade is Grade.REPAIRING)
    assert {one.grade for one in found.suggestions if one.edits} >= {Grade.EQUIVALENT}
