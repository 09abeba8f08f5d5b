"""Suggestions for statements, and manual review. Source: IAM User Guide, "Grant a user permissions to pass a role to an
AWS service".
"""

from __future__ import annotations

from pathlib import Path

import pytest
from suggesting import (
    USED,
    allow,
    checks,
    function,
    left_for_a_person,
    only,
    policy,
    role,
    session,
    task,
)

from passrole_checks import api
from passrole_checks.findings import Severity

ECS = '{ StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }'

NO_ROLES = "role ARNs: this code does not show which roles this principal passes"
NO_ACTION = "which action needs iam:PassRole: bot has no other permissions here"


def now(folder: Path, *statements: str, more: str = USED, severity: Severity = Severity.LOW) -> str:
    """The statement with the one suggestion that there is, on one line."""
    one = only(session(folder, {"main.tf": policy(*statements) + more}, severity))
    assert one.edits != (), one.missing
    return " ".join(one.statement.split())


def test_named_roles_are_those_that_resources_receive(tmp_path: Path) -> None:
    """Instead of any role, the roles that this configuration passes to services, and these services."""
    assert now(tmp_path, allow()) == (
        '{ Effect = "Allow" Action = "iam:PassRole"'
        " Resource = [aws_iam_role.function.arn, aws_iam_role.task.arn]"
        ' Condition = { StringEquals = { "iam:PassedToService" ='
        ' ["ecs-tasks.amazonaws.com", "lambda.amazonaws.com"] } } }'
    )


def test_existing_condition_selects_the_roles(tmp_path: Path) -> None:
    """If a condition names the service, only roles passed to it are named, and the condition stays."""
    assert now(tmp_path, allow(condition=ECS)) == (
        f'{{ Effect = "Allow" Action = "iam:PassRole" Resource = aws_iam_role.task.arn Condition = {ECS} }}'
    )


def test_description_says_where_roles_come_from(tmp_path: Path) -> None:
    """A suggestion says which roles it names, and that others may be passed from elsewhere."""
    one = only(session(tmp_path, {"main.tf": policy(allow(condition=ECS)) + USED}))
    assert one.says == (
        "Names the role that this configuration passes to ecs-tasks.amazonaws.com (aws_iam_role.task); add roles"
        " that are passed manually or elsewhere."
    )
    assert checks(one) == ["001"]


def test_service_without_a_role_needs_manual_review(tmp_path: Path) -> None:
    """A service in the condition that receives no role here needs manual review."""
    both = '{ StringEquals = { "iam:PassedToService" = ["ecs-tasks.amazonaws.com", "glue.amazonaws.com"] } }'
    found = session(tmp_path, {"main.tf": policy(allow(condition=both)) + USED})
    assert left_for_a_person(found) == ("role ARNs for glue.amazonaws.com",)
    assert (
        'Resource = [aws_iam_role.task.arn, "<role ARN for glue.amazonaws.com>"]\n  Condition = '
        '{ StringEquals = { "iam:PassedToService" = ["ecs-tasks.amazonaws.com", "glue.amazonaws.com"] } }\n'
    ) in only(found).statement


def test_statement_without_role_consumer_has_placeholders(tmp_path: Path) -> None:
    """If no resource receives a role, the statement has placeholders and no edits."""
    found = session(tmp_path, {"main.tf": policy(allow())})
    assert left_for_a_person(found) == (NO_ROLES, NO_ACTION)
    assert only(found).statement == (
        '{\n  Effect = "Allow"\n  Action = "iam:PassRole"\n  Resource = "<role ARN>"\n  Condition = {\n'
        '    StringEquals = {\n      "iam:PassedToService" = "<service>.amazonaws.com"\n    }\n  }\n}'
    )


def test_uncovered_role_is_not_named(tmp_path: Path) -> None:
    """Never wider: passed roles that the tag's statement does not cover are excluded."""
    tagged = allow('"arn:aws:iam::111122223333:role/ta*"', '{ StringEquals = { "iam:ResourceTag/team" = "orders" } }')
    assert "Resource = aws_iam_role.task.arn" in now(tmp_path, tagged)


def test_only_limiting_tag_is_not_dropped(tmp_path: Path) -> None:
    """Without its tags a pattern would be wider; where no role is known to be meant, a person has to name them."""
    tagged = allow('"arn:aws:iam::111122223333:role/app-*"', '{ StringEquals = { "iam:ResourceTag/team" = "orders" } }')
    found = session(tmp_path, {"main.tf": policy(tagged) + USED})
    assert left_for_a_person(found) == (NO_ROLES, NO_ACTION)


def test_a_tag_on_exact_roles_is_dropped(tmp_path: Path) -> None:
    """Tags add no reliable limit to individually named roles."""
    both = '{\n  StringLike = { "aws:ResourceTag/a" = "b" }\n' + ECS[2:-2].join(("  ", "\n}"))
    tagged = allow("aws_iam_role.task.arn", both)
    assert now(tmp_path, tagged) == (
        f'{{ Effect = "Allow" Action = "iam:PassRole" Resource = aws_iam_role.task.arn Condition = {ECS} }}'
    )


def test_a_pattern_keeps_its_roles_and_gets_a_service(tmp_path: Path) -> None:
    """A prefix is a way to approve roles; what is missing is the service that its roles are handed to here."""
    wild = '"arn:aws:iam::111122223333:role/task*"'
    assert now(tmp_path, allow(wild)) == (
        f'{{ Effect = "Allow" Action = "iam:PassRole" Resource = {wild} Condition = {{ StringEquals = {{'
        ' "iam:PassedToService" = "ecs-tasks.amazonaws.com" } } }'
    )


def test_unreceived_role_goes_to_services_that_it_trusts(tmp_path: Path) -> None:
    """The trust policy of a role that no resource receives shows its services."""
    more = role("idle", "glue")
    found = session(tmp_path, {"main.tf": policy(allow("aws_iam_role.idle.arn")) + more}, Severity.INFO)
    assert checks(only(found)) == ["002", "012"]
    assert '"iam:PassedToService" = "glue.amazonaws.com"' in only(found).statement
    assert only(found).says == (
        "Limits iam:PassedToService to glue.amazonaws.com, as in the trust policies of the roles; allows"
        " iam:GetRole on the roles in a separate statement without the iam:PassedToService condition."
        " Adds iam:GetRole on aws_iam_role.idle.arn."
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("lambda", '"lambda.amazonaws.com"'),
        ("Lambda.amazonaws.com", '"lambda.amazonaws.com"'),
        ("lambda.amazon.com", '"lambda.amazonaws.com"'),
    ],
)
def test_a_misspelled_service_is_written_in_full(tmp_path: Path, written: str, meant: str) -> None:
    """A value that can mean one service only is written as that service is called."""
    condition = f'{{ StringEquals = {{ "iam:PassedToService" = "{written}" }} }}'
    said = now(tmp_path, allow('"arn:aws:iam::111122223333:role/app"', condition), more="")
    assert f'"iam:PassedToService" = {meant} ' in said


@pytest.mark.parametrize("written", ["lamda", "my-service", "arn:aws:lambda:::function:x"])
def test_ambiguous_service_name_needs_manual_review(tmp_path: Path, written: str) -> None:
    """A typing mistake is not guessed at."""
    condition = f'{{ StringEquals = {{ "iam:PassedToService" = "{written}" }} }}'
    found = session(tmp_path, {"main.tf": policy(allow('"arn:aws:iam::111122223333:role/app"', condition))})
    assert left_for_a_person(found) == (f'the full name of the service meant by "{written}"',)


def test_service_wildcard_becomes_services_of_the_roles(tmp_path: Path) -> None:
    """A condition that leaves no service out is written for those that the roles are handed to."""
    wild = '{ StringLike = { "iam:PassedToService" = "*" } }'
    assert now(tmp_path, allow("aws_iam_role.task.arn", wild)) == (
        f'{{ Effect = "Allow" Action = "iam:PassRole" Resource = aws_iam_role.task.arn Condition = {ECS} }}'
    )


def test_if_exists_is_removed_only_if_the_service_sends_the_key(tmp_path: Path) -> None:
    """IfExists is taken away where AWS documents that the key is sent, and is asked about elsewhere."""
    condition = '{{ StringEqualsIfExists = {{ "iam:PassedToService" = "{}.amazonaws.com" }} }}'
    named = '"arn:aws:iam::111122223333:role/app"'
    for service in ("lambda", "codebuild"):
        known = now(tmp_path / service, allow(named, condition.format(service)), more="")
        assert f'{{ StringEquals = {{ "iam:PassedToService" = "{service}.amazonaws.com" }} }}' in known
    found = session(tmp_path / "asked", {"main.tf": policy(allow(named, condition.format("cognito-idp")))})
    assert left_for_a_person(found) == (
        "whether requests that pass roles to cognito-idp.amazonaws.com carry iam:PassedToService (some services do not"
        " send it)",
    )


def test_a_service_of_another_partition_is_a_full_name(tmp_path: Path) -> None:
    """In China, the service name that launching an instance sends is listed beside the other one."""
    condition = '{ StringEqualsIfExists = { "iam:PassedToService" = ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"] } }'
    said = now(tmp_path, allow('"arn:${data.aws_partition.current.partition}:iam::*:role/app"', condition), more="")
    assert "StringEquals = " in said and "ec2.amazonaws.com.cn" in said


def test_get_role_is_added_to_a_statement_without_condition(tmp_path: Path) -> None:
    """For 012 alone, where the service is unknown, iam:GetRole goes into the statement, as AWS writes it."""
    found = session(tmp_path, {"main.tf": policy(allow('"arn:aws:iam::111122223333:role/app"'))}, Severity.INFO)
    assert [checks(one) for one in found.suggestions] == [["002", "012"]]
    assert found.suggestions[0].edits == ()


def test_runtime_role_passes_roles_at_run_time(tmp_path: Path) -> None:
    """Roles of the deployment are offered, not written, for a role that only services assume: they may be others."""
    holder = role("function", "lambda") + function() + role("other", "lambda") + function("other")
    own = policy(allow()).replace('"aws_iam_user_policy"', '"aws_iam_role_policy"')
    own = own.replace('user   = "bot"', "role   = aws_iam_role.function.id")
    found = session(tmp_path, {"main.tf": own + holder})
    asked, *_ = left_for_a_person(found)
    assert asked.startswith("role ARNs: whether this statement is for aws_iam_role.other, ")
    assert "Resource = aws_iam_role.other.arn\n" in only(found).statement


def test_edit_creates_no_reference_cycle(tmp_path: Path) -> None:
    """A role whose block depends on the statement is named by its ARN, if the account can be written, or not at all."""
    dependent = role("task", "ecs-tasks", tags="{ policy = aws_iam_user_policy.deploy.id }") + task()
    found = session(tmp_path, {"main.tf": policy(allow()) + dependent})
    assert only(found).edits == ()
    assert only(found).missing == ('the account id is unknown there: add data "aws_caller_identity" "current" {}',)
    account = 'data "aws_caller_identity" "current" {}\n'
    assert 'Resource = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/task"' in now(
        tmp_path / "with", allow(), more=dependent + account
    )


def test_conditional_instance_is_not_referenced(tmp_path: Path) -> None:
    """A role with a count is named by its index only where the statement's own block has the same count."""
    counted = role("task", "ecs-tasks", count="var.on ? 1 : 0") + task().replace(".arn", "[0].arn")
    counted += 'variable "on" { default = true }\n'
    assert only(session(tmp_path / "not", {"main.tf": policy(allow()) + counted})).edits == ()
    same = policy(allow()).replace("  user ", "  count = var.on ? 1 : 0\n  user ")
    one = only(session(tmp_path / "same", {"main.tf": same + counted}))
    assert "Resource = aws_iam_role.task[0].arn" in one.statement


def test_a_deny_is_left_alone(tmp_path: Path) -> None:
    """The intent of a Deny needs manual review."""
    deny = allow('"*"', '{ StringEquals = { "iam:ResourceTag/a" = "b" } }').replace('"Allow"', '"Deny"')
    found = session(tmp_path, {"main.tf": policy(deny) + USED})
    assert left_for_a_person(found) == ("the role ARNs, or a path, that the Deny covers",)


def test_an_administrator_is_left_alone(tmp_path: Path) -> None:
    """The permissions needed instead of full access are unknown."""
    found = session(tmp_path, {"main.tf": policy(allow(action='"*"')) + USED})
    assert left_for_a_person(found) == (
        "the actions needed: list them, and grant iam:PassRole in a separate statement",
    )
    assert only(found).statement == ""


def test_shared_statement_gets_the_needs_of_both_modules(tmp_path: Path) -> None:
    """A statement of a module that is called twice names the module's own role, whichever instance it is."""
    module = policy(allow()) + role("task", "ecs-tasks").replace('"task"\n', "var.name\n", 1) + task()
    found = session(
        tmp_path,
        {
            "main.tf": "".join(f'module "{one}" {{\n  source = "./m"\n  name = "{one}"\n}}\n' for one in "ab"),
            "m/main.tf": module + 'variable "name" {}\n',
        },
    )
    assert "Resource = aws_iam_role.task.arn" in " ".join(only(found).statement.split())


def test_unfixable_finding_has_the_remedy_of_its_check(tmp_path: Path) -> None:
    """Findings that no edit resolves get a suggestion with the remedy of the check."""
    found = session(tmp_path, {"main.tf": policy(allow('"arn:aws:s3:::bucket"'))})
    assert checks(only(found)) == ["010"]
    assert len(left_for_a_person(found)) == 1


def test_suggest_writes_no_files(tmp_path: Path) -> None:
    """Suggesting leaves the files and their folder as they are."""
    session(tmp_path, {"main.tf": policy(allow()) + USED})
    assert [path.name for path in tmp_path.iterdir()] == ["main.tf"]
    assert (tmp_path / "main.tf").read_text() == policy(allow()) + USED


def test_single_file_gets_the_suggestions_that_its_folder_gets(tmp_path: Path) -> None:
    """A role that another file passes counts."""
    (tmp_path / "roles.tf").write_text(
        'resource "aws_iam_role" "app" {\n  name = "app"\n}\n'
        'resource "aws_lambda_function" "f" {\n  role = aws_iam_role.app.arn\n}\n'
    )
    statement = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
    policy = tmp_path / "policy.tf"
    policy.write_text(
        'resource "aws_iam_user_policy" "p" {\n  user = "dev"\n'
        f"  policy = jsonencode({{ Statement = [{statement}] }})\n}}\n"
    )
    whole, single = api.suggest(tmp_path), api.suggest(policy)
    assert single.suggestions == whole.suggestions
    assert [one.grade for one in single.suggestions] == [api.Grade.NARROWED]
    assert api.required(policy).required.received == ()  # which are those of the file
