"""Sentences and groups that only say what is true of a change, in reviews of real repositories."""

from __future__ import annotations

import json

import pytest
from reviews_of_tests import Reviews

from passrole_checks.git_versions.forge_links import Links
from passrole_checks.review.markdown.summary import summary

ROLE = """\
resource "aws_iam_role" "%s" {
  assume_role_policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}
"""
DEPLOYER = ROLE % "deployer"
ADMINISTRATOR = """\
resource "aws_iam_role_policy_attachment" "administrator" {
  role       = aws_iam_role.deployer.name
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}
"""


def grant(roles: str, action: str = "iam:PassRole", name: str = "pass") -> str:
    statement = f'{{ Effect = "Allow", Action = {json.dumps(action)}, Resource = {json.dumps(roles)} }}'
    return (
        f'resource "aws_iam_role_policy" "{name}" {{\n  role = aws_iam_role.deployer.id\n'
        f"  policy = jsonencode({{\n    Statement = [\n      {statement}\n    ]\n  }})\n}}\n"
    )


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (DEPLOYER, DEPLOYER + ADMINISTRATOR, "had no PassRole access, and can now pass any role"),
        (
            DEPLOYER + grant("*"),
            DEPLOYER + grant("*") + ADMINISTRATOR,
            "No new access: `aws_iam_role.deployer` could already pass **any role** to **any service**.",
        ),
        (DEPLOYER, DEPLOYER + grant("arn:aws:s3:::bucket"), "is not a role ARN"),
    ],
)
def test_a_new_statement_is_never_as_before(repository: Reviews, before: str, after: str, sentence: str) -> None:
    result = repository.between({"main.tf": before}, {"main.tf": after})
    text = summary(result.report, Links())
    assert "As before" not in text and sentence in text
    assert "1 new problem" in text


def test_new_access_is_drawn_where_its_check_is_suppressed(repository: Reviews) -> None:
    """A suppression that BASE has too hides the finding, not the fact."""
    other = DEPLOYER + "# passrole:skip=PASSROLE_015 known\n" + grant("arn:aws:iam::111122223333:role/app")
    result = repository.between(
        {"main.tf": other}, {"main.tf": other.replace("arn:aws:iam::111122223333:role/app", "*")}
    )
    assert [(checks, change) for _, change, _, checks in result.items] == [(["001"], "widened")]


def test_what_an_administrator_could_do_is_not_new(repository: Reviews) -> None:
    """Fewer actions than all are no new way to escalate."""
    actions = ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]
    less = grant("*").replace('"iam:PassRole"', json.dumps(actions))
    result = repository.between({"main.tf": DEPLOYER + grant("*", "*")}, {"main.tf": DEPLOYER + less})
    assert (result.items, result.report.fixed) == ([], ())


def test_a_finding_that_another_includes_is_not_fixed(repository: Reviews) -> None:
    """A statement that allows any role to any service still allows any service."""
    before, after = grant("arn:aws:iam::111122223333:role/app"), grant("*")
    result = repository.between({"main.tf": DEPLOYER + before}, {"main.tf": DEPLOYER + after})
    assert [item.group for item in result.report.items] == ["worse"]
    assert result.report.fixed == ()


def test_variants_of_a_removed_statement_are_one(repository: Reviews) -> None:
    """A statement that is gone under two opposite conditions is gone under none in particular."""
    variable = 'variable "name" {}\n'
    actions = 'var.name == "a" ? ["iam:PassRole"] : ["iam:PassRole", "s3:GetObject"]'
    condition = grant("arn:aws:iam::111122223333:role/a").replace('"iam:PassRole"', actions)
    result = repository.between({"main.tf": variable + DEPLOYER + condition}, {"main.tf": variable + DEPLOYER})
    assert len(result.report.less) == 1


def test_a_cause_names_the_block_of_the_principal(repository: Reviews) -> None:
    """Of added lines that belong together, the block that names the principal is the cause, not the first line."""
    policy = (
        grant("*").replace("aws_iam_role_policy", "aws_iam_policy").replace("  role = aws_iam_role.deployer.id\n", "")
    )
    attachment = (
        'resource "aws_iam_role_policy_attachment" "pass" {\n'
        "  role       = aws_iam_role.deployer.name\n  policy_arn = aws_iam_policy.pass.arn\n}\n"
    )
    before = {"main.tf": DEPLOYER + policy, "more.tf": 'resource "aws_sns_topic" "first" {}\n'}
    after = before["more.tf"] + 'resource "aws_sns_topic" "second" {}\n' + attachment
    result = repository.between(before, {**before, "more.tf": after})
    (item,) = result.report.items
    assert item.cause is not None and (item.cause.file, item.cause.line) == ("more.tf", 3)


def test_a_suggestion_begins_with_the_line_that_it_is_about(repository: Reviews) -> None:
    """A closing bracket alone does not show what is changed."""
    roles = 'Resource = [\n        "arn:aws:iam::111122223333:role/app"\n      ]\n    '
    start = grant("X").replace('"X" }', f'"*" }},\n      {{ Effect = "Allow", Action = "iam:PassRole", {roles}}}')
    start = start.replace('"iam:PassRole", Resource = "*"', '"ecs:RunTask", Resource = "*"')
    result = repository.between({"main.tf": DEPLOYER}, {"main.tf": DEPLOYER + start})
    (item,) = result.report.items
    assert item.replacement is not None
    assert item.replacement.old.lstrip().startswith(("{", "Resource"))


def test_advice_is_in_the_language_of_an_embedded_template(repository: Reviews) -> None:
    """A YAML template in a Terraform file gets YAML."""
    template = (
        "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n"
        "      AssumeRolePolicyDocument: { Statement: [] }\n      Policies:\n        - PolicyName: p\n"
        "          PolicyDocument:\n            Statement:\n              - Effect: Allow\n"
        "                Action: [iam:PassRole, lambda:CreateFunction]\n                Resource: '*'\n"
    )
    stack = f'resource "aws_cloudformation_stack" "s" {{\n  name = "s"\n  template_body = <<EOT\n{template}EOT\n}}\n'
    result = repository.between({"main.tf": ""}, {"main.tf": stack})
    (item,) = result.report.items
    assert "\n- Effect: Allow\n" in item.advice and '"Effect"' not in item.advice


APP = "arn:aws:iam::111122223333:role/app-*"


def test_narrower_statement_is_not_worse(repository: Reviews) -> None:
    """Issues that an administrator has not, because that is worse, are not new when its statement becomes narrower."""
    wide = DEPLOYER + grant("*", "iam:*")
    narrow = wide.replace('"iam:*"', '["iam:PassRole", "iam:PutRolePolicy"]').replace('"*"', f'"{APP}"')
    result = repository.between({"main.tf": wide}, {"main.tf": narrow})
    assert (result.items, result.status) == ([], 0)


def test_roles_are_listed_without_other_arns(repository: Reviews) -> None:
    """ARNs that are no roles are in the findings, not in the roles that can be passed."""
    roles = grant("X").replace('"X"', '["arn:aws:ecs:*:*:cluster/app", "arn:aws:iam::111122223333:role/app"]')
    result = repository.between({"main.tf": DEPLOYER}, {"main.tf": DEPLOYER + roles})
    (item,) = result.report.items
    assert item.access is not None and item.access.roles == ("arn:aws:iam::111122223333:role/app",)


def test_instances_of_a_module_have_their_own_roles(repository: Reviews) -> None:
    """The access of a statement in a module is that of all its instances."""
    module = 'variable "role" {}\n' + grant("${var.role}").replace("aws_iam_role.deployer.id", "var.role")
    calls = "".join(
        f'module "{name}" {{\n  source = "./m"\n  role   = "arn:aws:iam::111122223333:role/{name}"\n}}\n'
        for name in "ab"
    )
    result = repository.between({"main.tf": ""}, {"main.tf": calls, "m/main.tf": module})
    (access,) = [one.access for one in (*result.report.items, *result.report.more)]
    assert access is not None
    assert access.roles == tuple(f"arn:aws:iam::111122223333:role/{name}" for name in "ab")


def test_widened_instances_have_their_own_principals(repository: Reviews) -> None:
    """The principals of a statement in a module are those of all its instances, in both versions."""
    module = 'variable "holder" {}\n' + grant("*").replace("aws_iam_role.deployer.id", "var.holder")
    calls = "".join(f'module "{name}" {{\n  source = "./m"\n  holder = "{name}"\n}}\n' for name in "ab")
    before = {"main.tf": calls, "m/main.tf": module.replace('"*"', '"arn:aws:iam::111122223333:role/app"')}
    (item,) = repository.between(before, {"main.tf": calls, "m/main.tf": module}).report.items
    assert item.access is not None and item.before is not None
    assert item.access.principals == item.before.principals == ("a", "b")


def test_other_account_is_named(repository: Reviews) -> None:
    """Roles that differ in the account only are written with it."""
    before, after = (DEPLOYER + grant(f"arn:aws:iam::{account}:role/app-*") for account in ("111122223333", "*"))
    result = repository.between({"main.tf": before}, {"main.tf": after})
    assert "could pass `arn:aws:iam::111122223333:role/app-*`; with this change" in summary(result.report, Links())


def test_one_of_two_equal_statements_that_is_removed_fixes_nothing(repository: Reviews) -> None:
    """The other one is still reported."""
    statement = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
    both = DEPLOYER + grant("*").replace(statement, f"{statement},\n      {statement}")
    result = repository.between({"main.tf": both}, {"main.tf": DEPLOYER + grant("*")})
    assert (result.items, result.report.fixed) == ([], ())


def test_access_may_be_in_a_new_nested_stack(repository: Reviews) -> None:
    """Nothing is less or fixed where a new nested template, which is not available, may contain it."""
    statement = "{Effect: Allow, Action: iam:PassRole, Resource: '*'}"
    policy = f"  P: {{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: {{Statement: [{statement}]}}}}}}\n"
    nested = (
        "  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: https://s3.amazonaws.com/b/policies.yaml}}\n"
    )
    topic = "Resources:\n  T: {Type: AWS::SNS::Topic}\n"
    result = repository.between({"t.yaml": topic + policy}, {"t.yaml": topic + nested})
    assert (result.report.fixed, result.report.less) == ((), ())
    assert len(result.report.not_evaluated) == 1
    result = repository.between({"t.yaml": topic + policy + nested}, {"t.yaml": topic + nested})
    assert (len(result.report.fixed), len(result.report.less)) == (1, 1)
