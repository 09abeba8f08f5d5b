"""Drafts: what is printed where no edit can be written, in the language and the style of the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import USED, allow, function, policy, role, session, task

from passrole_checks.findings import Severity
from passrole_checks.suggest.suggestion import Suggestion

PREFIX = '"arn:aws:iam::111122223333:role/app-*"'


def draft(folder: Path, text: str, name: str = "main.tf", **more: str) -> Suggestion:
    """Return the only suggestion that needs manual review for a file."""
    found = session(folder, {name: text, **{key.replace("_", "."): value for key, value in more.items()}})
    (one,) = (one for one in found.suggestions if not one.edits)
    return one


def unattached(*statements: str) -> str:
    """A customer managed policy that is attached to nothing, so that its holders are unknown."""
    text = policy(*statements).replace('"aws_iam_user_policy"', '"aws_iam_policy"')
    return text.replace('user   = "bot"', 'name   = "p"')


@pytest.mark.parametrize(
    "resource",
    [
        "concat(var.roles, var.more)",
        '[for name in var.names : "arn:aws:iam::${var.accounts["data"]}:role/${name}"]',
        "var.environments[*].role_arn",
        "[module.app.role_arn]",
    ],
)
def test_resource_is_left_as_written_if_only_the_condition_is_missing(tmp_path: Path, resource: str) -> None:
    """A Resource that is computed is never evaluated for display."""
    text = unattached(allow(resource)) + "".join(
        f'variable "{name}" {{\n  default = {default}\n}}\n'
        for name, default in (
            ("roles", '["arn:aws:iam::111122223333:role/a"]'),
            ("more", "[]"),
            ("names", '["a", "b"]'),
            ("accounts", '{ data = "111122223333" }'),
            ("environments", '[{ role_arn = "arn:aws:iam::111122223333:role/a" }]'),
        )
    )
    one = draft(tmp_path, text + 'module "app" {\n  source = "example.com/app"\n}\n')
    assert one.statement == (
        'Condition = {\n  StringEquals = {\n    "iam:PassedToService" = "<service>.amazonaws.com"\n  }\n}'
    )


def test_separate_statement_repeats_the_resource_as_written(tmp_path: Path) -> None:
    """The statement for iam:PassRole is a copy of the existing one, without its other actions."""
    statement = allow("concat(var.roles, var.more)", action='["ecs:RunTask", "iam:PassRole", "iam:GetUser"]')
    values = 'variable "roles" {\n  default = ["arn:aws:iam::111122223333:role/a"]\n}\n'
    values += 'variable "more" {\n  default = []\n}\n'
    one = draft(tmp_path, unattached(statement) + values)
    assert one.statement.startswith(
        '{\n  Effect = "Allow"\n  Action = ["iam:PassRole"]\n  Resource = concat(var.roles, var.more)\n'
    )


@pytest.mark.parametrize(
    ("actions", "services"),
    [
        ('"lambda:CreateFunction", "s3:*"', ["lambda.amazonaws.com"]),
        ('"ecs:RunTask", "glue:*"', ["ecs-tasks.amazonaws.com"]),
    ],
)
def test_services_follow_from_the_other_actions_likeliest_first(
    tmp_path: Path, actions: str, services: list[str]
) -> None:
    """Actions that are allowed by name show the intended service better than those of a wildcard."""
    one = draft(tmp_path, unattached(allow(PREFIX), f'Effect = "Allow"\nAction = [{actions}]\nResource = "*"'))
    values = one.statement.partition('"iam:PassedToService" = ')[2]
    assert values.lstrip("[ \n").startswith(f'"{services[0]}"') and "<service>" not in values


def test_many_services_are_cut_off(tmp_path: Path) -> None:
    """Five services are named, with a placeholder for the others."""
    every = ", ".join(f'"{name}:*"' for name in ("batch", "codebuild", "ecs", "glue", "lambda", "sagemaker", "states"))
    one = draft(tmp_path, unattached(allow(PREFIX), f'Effect = "Allow"\nAction = [{every}]\nResource = "*"'))
    assert one.statement.count(".amazonaws.com") == 5 and '"<' in one.statement and "…" not in one.statement


def test_service_under_a_misspelled_key_is_kept(tmp_path: Path) -> None:
    """The key is corrected in the draft; its values say which service is meant."""
    condition = '{ StringEquals = { "iamPassedToService" = "ecs-tasks.amazonaws.com" } }'
    one = draft(tmp_path, policy(allow(condition=condition)))
    assert 'Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }' in one.statement
    assert "iamPassedToService" not in one.statement


def test_only_roles_that_cannot_be_named_are_placeholders(tmp_path: Path) -> None:
    """A role whose ARN needs an account id that the module does not know has no reference; the other one has."""
    cycle = role("function", "lambda", tags="{ policy = aws_iam_user_policy.deploy.id }") + function()
    one = draft(tmp_path, policy(allow()) + role("task", "ecs-tasks") + task() + cycle)
    assert 'Resource = ["<ARN of the role function>", aws_iam_role.task.arn]' in one.statement


def of_another_module(folder: Path, roles: str) -> Suggestion:
    """Return the suggestion for a statement in one module, where another module passes roles."""
    inner = 'resource "aws_iam_user_policy" "deploy" {\n  user   = "bot"\n  policy = jsonencode({ Statement = [{\n'
    inner += '    Effect = "Allow"\n    Action = "iam:PassRole"\n    Resource = "*"\n  }] })\n}\n'
    files = {
        "main.tf": 'module "access" {\n  source = "./access"\n}\nmodule "app" {\n  source = "./app"\n}\n',
        "access/main.tf": inner,
        "app/main.tf": roles,
    }
    (one,) = (one for one in session(folder, files).suggestions if not one.edits)
    return one


def test_role_of_another_module_is_a_placeholder(tmp_path: Path) -> None:
    """No module can refer to a resource of another one; the draft says which role is passed there."""
    one = of_another_module(tmp_path, role("task", "ecs-tasks") + task())
    assert 'Resource = "<ARN of the role task>"' in one.statement
    assert "module.app.aws_iam_role.task" in one.missing[0] and "module.app.aws_iam_role.task.arn" not in one.statement


def test_many_placeholders_are_one(tmp_path: Path) -> None:
    """Five roles have a placeholder each, the others have one together."""
    names = [f"task{number}" for number in range(8)]
    one = of_another_module(tmp_path, "".join(role(name, "ecs-tasks") + task(name) for name in names))
    assert one.statement.count("<ARN of the role task") == 5 and '"<ARNs of 3 more roles>"' in one.statement


def test_draft_of_a_data_document_is_a_block(tmp_path: Path) -> None:
    """A ``statement`` block gets a ``condition`` block."""
    text = (
        'data "aws_iam_policy_document" "p" {\n  statement {\n    actions   = ["iam:PassRole"]\n'
        f'    resources = [{PREFIX}]\n  }}\n}}\nresource "aws_iam_policy" "p" {{\n  name   = "p"\n'
        "  policy = data.aws_iam_policy_document.p.json\n}\n"
    )
    assert draft(tmp_path, text).statement == (
        'condition {\n  test     = "StringEquals"\n  variable = "iam:PassedToService"\n'
        '  values   = ["<service>.amazonaws.com"]\n}'
    )


def test_draft_for_a_template_of_terraform_has_no_intrinsic_function(tmp_path: Path) -> None:
    """A template file is JSON whose expressions are those of Terraform."""
    template = (
        '{"Statement": [{\n  "Effect": "Allow",\n  "Action": ["iam:PassRole", "ecs:RunTask"],\n'
        '  "Resource": ["arn:aws:iam::${account}:role/app-*", "arn:aws:ecs:*:${account}:task-definition/*"]\n}]}\n'
    )
    text = (
        'variable "account" {}\nresource "aws_iam_policy" "p" {\n  name   = "p"\n'
        '  policy = templatefile("${path.module}/policy.json.tpl", { account = var.account })\n}\n'
    )
    found = session(tmp_path, {"main.tf": text, "policy.json.tpl": template})
    (one,) = (one for one in found.suggestions if not one.edits)
    assert "Fn::" not in one.statement and '"ecs-tasks.amazonaws.com"' in one.statement


def test_draft_of_yaml_is_an_element_of_a_list(tmp_path: Path) -> None:
    """A statement of a list in YAML has its dash, whether it is changed or new."""
    template = (
        "Resources:\n  Policy:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      PolicyDocument:\n"
        '        Statement:\n          - Effect: Allow\n            Action: {}\n            Resource: "*"\n'
    )
    for action in ("iam:PassRole", "[iam:PassRole, 'ecs:RunTask']"):
        one = draft(tmp_path / action[:3], template.format(action), "app.yaml")
        assert one.statement.startswith("- Effect: Allow\n  Action: ")
        assert "\n  Resource: '<role ARN>'\n  Condition:\n    StringEquals:\n" in one.statement


def test_empty_sid_does_not_prevent_a_separate_statement(tmp_path: Path) -> None:
    """An empty Sid is none (AWS accepts it), so that both statements may have it."""
    statement = 'Sid = ""\n' + allow(action='["iam:PassRole", "ecs:RunTask"]')
    (one,) = (one for one in session(tmp_path, {"main.tf": policy(statement) + USED}, Severity.LOW).suggestions[:1])
    assert 'Action = ["iam:PassRole"]' in one.statement and 'Sid = ""' in one.statement


def test_separate_statement_has_only_the_roles(tmp_path: Path) -> None:
    """Resources of the other actions stay behind in the existing statement."""
    both = f'[{PREFIX}, "arn:aws:ecs:*:*:task-definition/*"]'
    one = draft(tmp_path, unattached(allow(both, action='["iam:PassRole", "ecs:RunTask"]')))
    assert f"Resource = [{PREFIX}]\n" in one.statement


def test_services_of_the_statement_itself_come_first(tmp_path: Path) -> None:
    """An action beside iam:PassRole shows the intended service better than those of other statements."""
    own = allow(action='["iam:PassRole", "glue:*"]')
    one = draft(tmp_path, unattached(own, 'Effect = "Allow"\nAction = "lambda:CreateFunction"\nResource = "*"'))
    values = one.statement.partition('"iam:PassedToService" = ')[2]
    assert values.index("glue.amazonaws.com") < values.index("lambda.amazonaws.com")
