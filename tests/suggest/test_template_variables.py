"""Roles of the module in a file that ``templatefile`` renders, as variables of the call.

Source: Terraform language documentation, "templatefile Function".
"""

from __future__ import annotations

from pathlib import Path

import pytest
from edits_of_tests import Workshop
from suggesting import checks, left_for_a_person, only, role, session, task

from passrole_checks.iam.values.nodes import StringNode, Unresolved
from passrole_checks.suggest.edits import edits_for
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.suggestion import StatementChange, TargetRole

STATEMENT = """\
{
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "iam:PassRole",
      "Resource": "*",
      "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    }
  ]
}
"""
TASK = role("task", "ecs-tasks").replace('name = "task"', 'name = "${var.name}-task"')
ROLES = 'variable "name" {}\n' + TASK + task()


def rendered(variables: str, template: str = "${path.module}/pass.tpl", name: str = "deploy") -> str:
    """A policy that a call of ``templatefile`` renders."""
    return (
        f'resource "aws_iam_user_policy" "{name}" {{\n  user   = "bot"\n'
        f'  policy = templatefile("{template}", {variables})\n}}\n'
    )


def after(folder: Path, main: str) -> dict[str, str]:
    """Return the files after the only edit."""
    found = session(folder, {"main.tf": ROLES + main, "pass.tpl": STATEMENT})
    one = only(found)
    assert one.grade is Grade.NARROWED and checks(one) == ["001"]
    return {Path(file).name: text for file, text in found.combine().changed.items()}


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ('{\n    bucket = "a"\n  }', '{\n    bucket   = "a"\n    task_arn = aws_iam_role.task.arn\n  }'),
        ('{\n    bucket = "a",\n  }', '{\n    bucket   = "a",\n    task_arn = aws_iam_role.task.arn,\n  }'),
        ('{ bucket = "a" }', '{ bucket = "a", task_arn = aws_iam_role.task.arn }'),
    ],
    ids=["lines", "commas", "one line"],
)
def test_role_is_a_new_variable(tmp_path: Path, variables: str, expected: str) -> None:
    changed = after(tmp_path, rendered(variables))
    assert '"Resource": "${task_arn}"' in changed["pass.tpl"]
    assert f'templatefile("${{path.module}}/pass.tpl", {expected})' in changed["main.tf"]


def test_variable_that_is_the_role_is_used(tmp_path: Path) -> None:
    changed = after(tmp_path, rendered("{ own = aws_iam_role.task.arn }"))
    assert '"Resource": "${own}"' in changed["pass.tpl"] and "main.tf" not in changed


@pytest.mark.parametrize(
    "main",
    [
        rendered('{ task_arn = "a" }'),
        rendered("var.name"),
        rendered('{ bucket = "a" }') + rendered('{ bucket = "b" }', name="other"),
        rendered('{ bucket = "a" }', "./pass.tpl"),
    ],
    ids=["another value", "no object", "two calls", "another path"],
)
def test_role_that_the_call_cannot_give_needs_manual_review(tmp_path: Path, main: str) -> None:
    files = {"main.tf": ROLES + main, "pass.tpl": STATEMENT}
    assert left_for_a_person(session(tmp_path, files))


def test_role_that_depends_on_the_policy_needs_manual_review(tmp_path: Path) -> None:
    """A reference would be a cycle."""
    cycle = ROLES.replace('name = "${var.name}-task"', 'name = "${aws_iam_user_policy.deploy.name}-task"')
    files = {"main.tf": cycle + rendered('{ bucket = "a" }'), "pass.tpl": STATEMENT}
    assert left_for_a_person(session(tmp_path, files))


def test_two_instances_of_a_role_are_not_one_variable(tmp_path: Path) -> None:
    """A variable has one value, so that the text cannot name two instances of one role."""
    workshop = Workshop(tmp_path)
    workshop.write("main.tf", rendered('{\n    bucket = "a"\n  }'))
    workshop.write("pass.tpl", STATEMENT)
    located = workshop.located()
    arn = StringNode((Unresolved("aws_iam_role.task.arn"),), located.grant.at)
    for keys, is_edited in (("a", True), ("ab", False)):
        roles = tuple(TargetRole(f'aws_iam_role.task["{key}"]', arn) for key in keys)
        found = edits_for(located, StatementChange(roles=roles), workshop.read, [str(tmp_path / "main.tf")])
        assert isinstance(found, tuple) is is_edited
