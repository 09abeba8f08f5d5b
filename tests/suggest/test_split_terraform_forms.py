"""iam:PassRole in a statement of its own, in templates, data documents, and statement objects of modules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edits_of_tests import Workshop

from passrole_checks.suggest.edits import apply_edits, edits_for
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.split_statement import split_off_actions
from passrole_checks.suggest.suggestion import StatementChange

SERVICES = ("lambda.amazonaws.com",)
CONDITION = """
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com"]
    }
"""


def split(folder: Path, files: Mapping[str, str], name: str) -> str:
    """Return the text of a file after iam:PassRole has a statement of its own, or the reason why it has none."""
    workshop = Workshop(folder)
    for file, text in files.items():
        workshop.write(file, text)
    located = workshop.located()
    inner = edits_for(
        located,
        StatementChange(services=SERVICES, only_roles=True),
        workshop.read,
        [str(folder / one) for one in files],
    )
    assert isinstance(inner, tuple), inner
    try:
        return apply_edits(files[name], split_off_actions(located, inner, files[name], passing=SERVICES))
    except NotEditableError as reason:
        return str(reason)


def data_document(statement: str) -> str:
    """Return a data document of one statement, and a policy with it."""
    return (
        f'data "aws_iam_policy_document" "d" {{\n  statement {{\n{statement}  }}\n}}\n'
        'resource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'
    )


def document_of_two(first: str, second: str) -> str:
    """Return a data document of two statements, and a policy with it."""
    return data_document(f"{first}  }}\n\n  statement {{\n{second}")


def split_document(folder: Path, statement: str) -> str:
    """Return the text of a data document whose only statement is split, or the reason why it is not."""
    return split(folder, {"main.tf": data_document(statement)}, "main.tf")


def test_empty_sid_is_kept(tmp_path: Path) -> None:
    """An empty Sid is none, and need not be unique."""
    before = '    sid       = ""\n    actions   = ["ecs:*", "iam:PassRole"]\n    resources = ["*"]\n'
    first = before.replace(', "iam:PassRole"', "")
    second = before.replace('"ecs:*", ', "") + CONDITION
    assert split_document(tmp_path, before) == document_of_two(first, second)


def test_resources_that_are_no_roles_stay_behind(tmp_path: Path) -> None:
    """The new statement names roles only; the old one names everything, because its actions may need it."""
    before = """\
    actions = [
      "s3:GetObject", # read
      "iam:PassRole", # pass

      "iam:GetRole"
    ]
    resources = [
      "arn:aws:s3:::bucket/*", # objects
      "arn:aws:iam::111122223333:role/app-*",
      "arn:aws:iam::111122223333:policy/app-*"
    ]
"""
    first = before.replace('      "iam:PassRole", # pass\n', "")
    second = """\
    actions = [
      "iam:PassRole" # pass
    ]
    resources = [
      "arn:aws:iam::111122223333:role/app-*"
    ]
"""
    assert split_document(tmp_path, before) == document_of_two(first, second + CONDITION)


def test_bracket_behind_the_last_element_stays_there(tmp_path: Path) -> None:
    """The last elements go, and the closing bracket follows the one before them."""
    before = """\
    actions = ["ecs:RunTask",
      "ecs:StopTask",
      "iam:PassRole"]
    resources = ["*"]
"""
    first = before.replace('",\n      "iam:PassRole"]', '"]')
    second = '    actions   = ["iam:PassRole"]\n    resources = ["*"]\n'
    assert split_document(tmp_path, before) == document_of_two(first, second + CONDITION)


def test_brace_between_two_objects_is_indented_as_terraform_fmt_does(tmp_path: Path) -> None:
    """In a list that begins with ``[{``, the closing brace in ``}, {`` has the indentation of the members."""
    before = """\
resource "aws_iam_policy" "p" {
  policy = jsonencode({
    Statement = [{
      Effect   = "Allow"
      Action   = ["ecs:RunTask", "iam:PassRole"]
      Resource = "*"
    }]
  })
}
"""
    expected = before.replace(', "iam:PassRole"', "").replace(
        "    }]",
        """\
      }, {
      Effect   = "Allow"
      Action   = ["iam:PassRole"]
      Resource = "*"
      Condition = {
        StringEquals = {
          "iam:PassedToService" = "lambda.amazonaws.com"
        }
      }
    }]""",
    )
    assert split(tmp_path, {"main.tf": before}, "main.tf") == expected


def test_comment_moves_next_to_its_action(tmp_path: Path) -> None:
    """Comments that were aligned with each other are not in the new statement, as terraform fmt writes it."""
    before = """\
    actions = [
      "lambda:GetFunctionConfiguration", # read
      "iam:PassRole",                    # pass
    ]
    resources = ["*"]
"""
    first = before.replace('      "iam:PassRole",                    # pass\n', "")
    second = '    actions = [\n      "iam:PassRole", # pass\n    ]\n    resources = ["*"]\n'
    assert split_document(tmp_path, before) == document_of_two(first, second + CONDITION)


def test_template_is_split(tmp_path: Path) -> None:
    """Expressions are copied, and a statement may follow a directive."""
    main = """\
resource "aws_iam_policy" "p" {
  policy = templatefile("pass.json.tftpl", { account_id = "111122223333", many = true })
}
"""
    template = """\
{
  "Statement": [
    %{~ if many ~}
    {
      "Sid": "Deploy",
      "Effect": "Allow",
      "Action": ["lambda:Update*", "iam:PassRole"],
      "Resource": ["arn:aws:iam::${account_id}:role/app-*", "arn:aws:lambda:*:${account_id}:function:*"]
    }
    %{~ endif ~}
  ]
}
"""
    expected = template.replace(', "iam:PassRole"', "").replace(
        "    }\n    %{~ endif",
        """\
    },
    {
      "Sid": "PassRolesToLambda",
      "Effect": "Allow",
      "Action": ["iam:PassRole"],
      "Resource": ["arn:aws:iam::${account_id}:role/app-*"],
      "Condition": {
        "StringEquals": {
          "iam:PassedToService": "lambda.amazonaws.com"
        }
      }
    }
    %{~ endif""",
    )
    assert split(tmp_path, {"main.tf": main, "pass.json.tftpl": template}, "pass.json.tftpl") == expected


MODULE = """\
module "function" {
  source = "terraform-aws-modules/lambda/aws"

  policy_statements = {
@@@
  }
}
"""


def test_object_of_statements_gets_one_more_entry(tmp_path: Path) -> None:
    """The name of the new entry is written like the other one, and the separators as well."""
    before = """\
    deploy = {
      effect    = "Allow"
      actions   = ["lambda:UpdateFunctionCode", "iam:PassRole"]
      resources = ["*"]
    },
    read-logs = { effect = "Allow", actions = ["logs:Get*"], resources = ["*"] }"""
    expected = before.replace(', "iam:PassRole"', "").replace(
        "    },\n",
        """\
    },
    pass_roles = {
      effect    = "Allow"
      actions   = ["iam:PassRole"]
      resources = ["*"]
      condition = [
        {
          test     = "StringEquals"
          variable = "iam:PassedToService"
          values   = ["lambda.amazonaws.com"]
        },
      ]
    },
""",
        1,
    )
    assert split(tmp_path, {"main.tf": MODULE.replace("@@@", before)}, "main.tf") == MODULE.replace("@@@", expected)


def test_module_that_is_read_shows_the_notation(tmp_path: Path) -> None:
    """The name of a new entry is free; statements without commas between them get none."""
    child = """\
variable "statements" {
  type = any
}
data "aws_iam_policy_document" "d" {
  dynamic "statement" {
    for_each = var.statements
    content {
      actions   = statement.value.actions
      resources = statement.value.resources
      dynamic "condition" {
        for_each = lookup(statement.value, "conditions", [])
        content {
          test     = condition.value.test
          variable = condition.value.variable
          values   = condition.value.values
        }
      }
    }
  }
}
resource "aws_iam_policy" "p" {
  policy = data.aws_iam_policy_document.d.json
}
"""
    main = """\
locals {
  statements = {
    PassRoles = {
      actions   = ["iam:GetRole", "iam:PassRole"]
      resources = ["*"]
    }
  }
}
module "policy" {
  source     = "./policy"
  statements = local.statements
}
"""
    after = split(tmp_path, {"main.tf": main, "policy/main.tf": child}, "main.tf")
    assert after == main.replace(', "iam:PassRole"', "").replace(
        "    }\n  }\n",
        """\
    }
    PassRoles2 = {
      actions   = ["iam:PassRole"]
      resources = ["*"]
      conditions = [
        {
          test     = "StringEquals"
          variable = "iam:PassedToService"
          values   = ["lambda.amazonaws.com"]
        },
      ]
    }
  }
""",
        1,
    )
