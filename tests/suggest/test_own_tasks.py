"""Roles of tasks that start other tasks with their own role."""

from __future__ import annotations

from pathlib import Path

from suggesting import allow, policy, role, session, task

from passrole_checks.suggest.grade import Grade

STARTS_TASKS = policy(allow(action='["ecs:RunTask", "iam:PassRole"]')).replace(
    "aws_iam_user_policy", "aws_iam_role_policy"
)
MANAGER = STARTS_TASKS.replace('user   = "bot"', "role   = aws_iam_role.manager.id") + role("manager", "ecs-tasks")
WORKER = role("worker", "ecs-tasks") + task("worker")


def test_a_task_may_start_another_one_with_its_role(tmp_path: Path) -> None:
    """If two tasks have the role, each may start the other, so that the roles of other tasks are not all."""
    second = task("manager").replace('"manager"', '"second"')
    found = session(tmp_path, {"main.tf": MANAGER + task("manager") + second + WORKER})
    asked = [phrase for one in found.suggestions for phrase in one.missing]
    assert any(
        one.startswith("whether this statement is also for aws_ecs_task_definition.manager and ") for one in asked
    )
    assert all(one.grade is not Grade.NARROWED for one in found.suggestions)


def test_a_task_does_not_start_itself(tmp_path: Path) -> None:
    """If one task has the role, the roles of other tasks are those that it passes."""
    found = session(tmp_path, {"main.tf": MANAGER + task("manager") + WORKER})
    (one,) = (one for one in found.suggestions if one.grade is Grade.NARROWED)
    assert "aws_iam_role.worker.arn" in one.statement
