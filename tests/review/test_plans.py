"""Reviews with Terraform plans: values of the plan, lines of the source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from plans_of_tests import change, document, plan, statement
from reviews_of_tests import Reviews

from passrole_checks.review.report import Anchor

ROLE = {"name": "deployer", "arn": "arn:aws:iam::111122223333:role/deployer"}
APP, EVERY = "arn:aws:iam::111122223333:role/app-*", "*"
LOGS = {"Sid": "Logs", "Action": "logs:*", "Effect": "Allow", "Resource": "*"}
SOURCE = """\
data "aws_ssm_parameter" "roles" {
  name = "/roles"
}

resource "aws_iam_role" "deployer" {
  name               = "deployer"
  assume_role_policy = "{}"
}

resource "aws_iam_role_policy" "deploy" {
  role = aws_iam_role.deployer.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Logs", Effect = "Allow", Action = "logs:*", Resource = "*" },
      {
        Sid      = "Pass"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "arn:aws:iam::111122223333:role/app-*"
      }
    ]
  })
}
"""
FROM_DATA = SOURCE.replace(f'"{APP}"', "data.aws_ssm_parameter.roles.value")


def policy(resource: str) -> dict[str, str]:
    return {"role": "deployer", "name": "deploy", "policy": document(LOGS, statement(resource, "Pass", ""))}


def of_root(before: str | None, after: str | None) -> str:
    """Return a plan for the source, with other roles in the statement "Pass"; None for no policy."""
    values = [policy(one) if one is not None else None for one in (before, after)]
    return plan(change("aws_iam_role.deployer", ROLE, ROLE), change("aws_iam_role_policy.deploy", *values))


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    """A file for a plan, outside of the repository."""
    folder = tmp_path / "plans"
    folder.mkdir()
    return folder / "plan.json"


def test_a_value_of_the_plan_is_reported_at_the_line_of_the_source(repository: Reviews, plan_file: Path) -> None:
    """The source does not show the value of a data source; the plan does, and the comment is at the changed line."""
    plan_file.write_text(of_root(APP, EVERY))
    result = repository.between({"infra/main.tf": SOURCE}, {"infra/main.tf": FROM_DATA}, f"--plan={plan_file}=infra")
    assert result.items == [("worse", "widened", "infra/main.tf:16", ["001", "015"])]
    (item,) = result.report.items
    assert item.anchor == Anchor("infra/main.tf", 17, 21)  # the hunk begins at the second line of the statement
    assert item.resource == "aws_iam_role_policy.deploy" and item.framework == "terraform"
    assert item.before is not None and item.before.roles == (APP,)
    assert result.status == 1 and not result.report.unreadable and not result.report.not_evaluated


def test_an_item_is_the_same_as_from_the_source(repository: Reviews, plan_file: Path) -> None:
    """If the source shows the same, the item has the same key, position, cause and suggestion."""
    plan_file.write_text(of_root(APP, EVERY))
    wide = SOURCE.replace(APP, EVERY)
    of_source = repository.between({"infra/main.tf": SOURCE}, {"infra/main.tf": wide})
    of_plan = repository.review("HEAD^", "HEAD", f"--plan={plan_file}=infra")
    (item,), (other,) = of_source.report.items, of_plan.report.items
    assert item.replacement is not None
    assert other == item


def test_a_cause_elsewhere_is_the_changed_line(repository: Reviews, plan_file: Path) -> None:
    """A changed default widens an unchanged statement; the comment is at the default, with the revert."""
    plan_file.write_text(of_root(APP, EVERY))
    variable = 'variable "roles" {{\n  default = "{}"\n}}\n'
    source = SOURCE.replace(f'"{APP}"', "var.roles")
    result = repository.between(
        {"infra/main.tf": source, "infra/variables.tf": variable.format(APP)},
        {"infra/variables.tf": variable.format(EVERY)},
        f"--plan={plan_file}=infra",
    )
    (item,) = result.report.items
    assert item.cause is not None and (item.cause.file, item.cause.line) == ("infra/variables.tf", 2)
    assert item.replacement is not None and APP in item.replacement.text


def test_what_the_plan_leaves_as_it_is_is_not_new(repository: Reviews, plan_file: Path) -> None:
    """BASE is what the plan changes, not the source of BASE."""
    plan_file.write_text(of_root(EVERY, EVERY))
    result = repository.between({"infra/main.tf": SOURCE}, {"infra/main.tf": FROM_DATA}, f"--plan={plan_file}=infra")
    assert result.counts[:2] == (0, 0) and result.counts[2] > 0
    assert (result.status, result.report.verdict.value) == (0, "clean")


def test_a_plan_is_compared_although_no_file_differs(repository: Reviews, plan_file: Path) -> None:
    """A value from elsewhere can change without a change of the source."""
    plan_file.write_text(of_root(APP, EVERY))
    repository.commit({"infra/main.tf": FROM_DATA})
    result = repository.review("HEAD", "HEAD", f"--plan={plan_file}=infra")
    assert result.items == [("worse", "widened", "infra/main.tf:16", ["001", "015"])]
    assert result.status == 1


def test_the_plan_of_base_is_what_head_is_compared_with(repository: Reviews, plan_file: Path) -> None:
    """Access that is planned in BASE too is not new, although neither is deployed."""
    before = plan_file.with_name("before.json")
    plan_file.write_text(of_root(None, EVERY))
    repository.commit({"infra/main.tf": SOURCE})
    repository.commit({"infra/main.tf": FROM_DATA})
    options = f"--plan={plan_file}=infra", f"--plan-before={before}=infra"
    for planned, items in (
        (EVERY, []),
        (APP, [("worse", "widened", "infra/main.tf:16", ["001", "015"])]),
        (None, [("new", "new", "infra/main.tf:16", ["001", "015"])]),
    ):
        before.write_text(of_root(None, planned))
        assert repository.review("HEAD^", "HEAD", *options).items == items


def test_a_state_can_be_either_version(repository: Reviews, plan_file: Path) -> None:
    """A state has no changes, so it needs the other one."""
    before = plan_file.with_name("before.json")
    for file, roles in ((plan_file, EVERY), (before, APP)):
        resources = [
            {"address": address, "mode": "managed", "type": address.split(".")[0], "name": address.split(".")[1]}
            | {"values": values}
            for address, values in (("aws_iam_role.deployer", ROLE), ("aws_iam_role_policy.deploy", policy(roles)))
        ]
        file.write_text(json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}))
    alone = repository.between({"infra/main.tf": SOURCE}, {"infra/main.tf": FROM_DATA}, f"--plan={plan_file}=infra")
    assert alone.status == 2 and alone.err.startswith(f"{plan_file}")
    both = repository.review("HEAD^", "HEAD", f"--plan={plan_file}=infra", f"--plan-before={before}=infra")
    assert both.items == [("worse", "widened", "infra/main.tf:16", ["001", "015"])]
