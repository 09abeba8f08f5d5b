"""No edit is offered that is not proved: the file can be read, the finding is gone, and nothing new is found."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from suggesting import USED, allow, checks, only, policy, role, session, task

from passrole_checks.findings import Severity
from passrole_checks.scan.result import LocatedGrant, ScanOptions
from passrole_checks.scan.scanner import read_paths, scan_configurations
from passrole_checks.suggest.referable_roles import Read
from passrole_checks.suggest.suggest import Session
from passrole_checks.suggest.suggestion import Edit, StatementChange
from passrole_checks.suggest.verify import StatementSpan, offset_of

Editor = Callable[[LocatedGrant, StatementChange, Read, Sequence[str]], "tuple[Edit, ...] | str"]


def edited(folder: Path, content: str, edit: Editor) -> Session:
    """Return the suggestions for a file with edits made by ``edit``."""
    (folder / "main.tf").write_text(content)
    options = ScanOptions()
    read = read_paths([folder], options)
    result = scan_configurations([configuration for _, configuration in read.units], options)
    return Session(read, result.findings, options, edit=edit)


def replacing(old: str, new: str) -> Editor:
    """Edits that put ``new`` in the place of the first ``old``."""

    def edit(located: LocatedGrant, change: StatementChange, read: Read, files: Sequence[str]) -> tuple[Edit, ...]:
        file = located.grant.at.file
        start = read(file).index(old)
        return (Edit(file, start, start + len(old), new),)

    return edit


CONDITION = ', Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }'
ONE = policy(allow()) + role("task", "ecs-tasks") + task()
OWN = (
    policy(allow(condition=CONDITION.partition("= ")[2]), name="own")
    .replace("aws_iam_user_policy", "aws_iam_role_policy")
    .replace('user   = "bot"', "role   = aws_iam_role.function.id")
)
"""The function may itself pass any role to tasks."""


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ('Resource = "', "the edited file could not be read"),
        ('Resource = "*" # ', "PASSROLE_001 would still be reported"),
        ("Resource = aws_iam_role.task.arn", "the statement would not name the intended services"),
        (
            f'Resource = "arn:aws:iam::111122223333:role/*x"{CONDITION}',
            "the statement would allow passing arn:aws:iam::1111",
        ),
        ('Resource = "arn:aws:s3:::bucket"', "whether this is intended: it would cause PASSROLE_010 not-a-role"),
        (
            'Resource = aws_iam_role.task.arn, Condition = { StringEquals = { "iam:PassedToService" = '
            '"lambda.amazonaws.com" } }',
            "whether this is intended: it would cause PASSROLE_011 trust-mismatch",
        ),
    ],
)
def test_edit_that_keeps_its_finding_is_rejected(tmp_path: Path, new: str, reason: str) -> None:
    """An edit is rejected if the finding remains, a new one appears, the file breaks, or the statement is not the
    requested one."""
    one = only(edited(tmp_path, ONE, replacing('Resource = "*"', new)))
    assert one.edits == ()
    assert one.missing[0].startswith(reason)


def test_edit_with_a_new_finding_elsewhere_is_rejected(tmp_path: Path) -> None:
    """A finding on another statement counts as well, even if it is unrelated to the fixed one."""
    other = policy(allow('"arn:aws:iam::111122223333:role/app"', CONDITION.partition("= ")[2]), name="other")

    def edit(located: LocatedGrant, change: StatementChange, read: Read, files: Sequence[str]) -> tuple[Edit, ...]:
        good = replacing('Resource = "*"', f"Resource = aws_iam_role.task.arn{CONDITION}")(located, change, read, files)
        return (*good, *replacing('role/app"', 'role/*"')(located, change, read, files))

    one = only(edited(tmp_path, ONE + other, edit))
    assert one.missing[0].startswith("whether this is intended: it would cause PASSROLE_001 any-role")
    assert only(
        edited(tmp_path, ONE, replacing('Resource = "*"', f"Resource = aws_iam_role.task.arn{CONDITION}"))
    ).edits


def test_new_finding_of_a_narrowed_statement_is_reported(tmp_path: Path) -> None:
    """A new finding, that the passed roles are more privileged than the principal, needs manual review."""
    one = session(tmp_path, {"main.tf": policy(allow()) + OWN + USED}).suggestions[0]
    assert one.edits == ()
    assert one.missing == (
        "whether this is intended: it would cause PASSROLE_009 stronger-role: bot can pass a more privileged role:"
        " aws_iam_role.function (additional permissions: iam:PassRole).",
    )
    assert "Resource = [aws_iam_role.function.arn, aws_iam_role.task.arn]" in one.statement


def test_the_trial_reads_what_the_configuration_reads(tmp_path: Path) -> None:
    """Modules, template files and values beside the file that is edited are there in the trial too."""
    chosen = policy(allow()).replace("policy = jsonencode", "policy = var.on ? jsonencode")
    main = chosen.replace("})\n}\n", '}) : file("${path.module}/docs/none.json")\n}\n') + USED
    module = 'module "m" {\n  source = "./m"\n}\n'
    files = {
        "main.tf": main + module + 'variable "on" {}\n',
        "terraform.tfvars": "on = true\n",
        "docs/none.json": '{"Statement": []}',
        "m/main.tf": policy(allow('"arn:aws:iam::111122223333:role/x-*"', CONDITION.partition("= ")[2])),
    }
    assert checks(only(session(tmp_path, files))) == ["001"]
    assert only(session(tmp_path, files)).edits != ()


def test_a_policy_in_a_file_of_its_own_is_edited_there(tmp_path: Path) -> None:
    """A policy that file() reads can name roles by whole ARNs only; where it can, the edits are in its file."""
    literal = role("task", "ecs-tasks") + task().replace(
        "aws_iam_role.task.arn", '"arn:aws:iam::111122223333:role/task"'
    )
    user = 'resource "aws_iam_user_policy" "p" {\n  user = "bot"\n  policy = file("${path.module}/p.json")\n}\n'
    found = session(
        tmp_path,
        {
            "main.tf": user + literal,
            "p.json": '{"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}',
        },
    )
    one = only(found)
    assert {os.path.basename(edit.file) for edit in one.edits} == {"p.json"}
    assert one.statement == (
        '{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/task", '
        '"Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}}'
    )


def test_edit_is_verified_in_each_root(tmp_path: Path) -> None:
    """A statement of a module that two roots call is edited only where that is right for both."""
    module = policy(allow(condition='{ StringEquals = { "iam:PassedToService" = var.service } }')) + USED
    module += 'variable "service" {}\n'
    call = 'module "m" {{\n  source = "../m"\n  service = "{}.amazonaws.com"\n}}\n'
    same = {"a/main.tf": call.format("lambda"), "b/main.tf": call.format("lambda"), "m/main.tf": module}
    assert "Resource = aws_iam_role.function.arn" in " ".join(only(session(tmp_path / "1", same)).statement.split())
    other = {**same, "b/main.tf": call.format("ecs-tasks")}
    found = session(tmp_path / "2", other)
    assert {one.edits for one in found.suggestions} == {()}
    assert found.suggestions[0].missing == (
        "several resources share this statement and need different roles or services: split it",
    )


def test_dependent_edits_are_combined(tmp_path: Path) -> None:
    """An edit that causes a new finding alone, but not with another edit, is made with that edit."""
    found = session(tmp_path, {"main.tf": policy(allow()) + OWN + USED})
    assert [bool(one.edits) for one in found.suggestions] == [False, True]
    made = found.combine()
    assert len(made.made) == 2
    (tmp_path / "main.tf").write_text(next(iter(made.changed.values())))
    assert session(tmp_path, {}).suggestions == ()


def test_partially_fixed_statement_does_not_block_next_fix(tmp_path: Path) -> None:
    """A check may be fixed for one statement and still flag another one that is edited as well."""
    if_exists = '{ StringEqualsIfExists = { "iam:PassedToService" = "lambda.amazonaws.com" } }'
    statements = policy(allow(condition=CONDITION.partition("= ")[2]), allow(condition=if_exists))
    found = session(tmp_path, {"main.tf": statements + role("task", "ecs-tasks") + task()})
    assert [checks(one) for one in found.suggestions if one.edits] == [["001"], ["003"]]
    assert [checks(one) for one in found.suggestions if not one.edits] == [["001"]]
    assert [checks(one) for one in found.combine().made] == [["001"], ["003"]]


def test_include_info_adds_get_role(tmp_path: Path) -> None:
    """If 012 would flag the narrowed statement, its fix is included."""
    content = policy(allow(condition=CONDITION.partition("= ")[2])) + role("task", "ecs-tasks") + task()
    assert "iam:GetRole" not in only(session(tmp_path / "1", {"main.tf": content})).statement
    one = only(session(tmp_path / "2", {"main.tf": content}, Severity.INFO))
    assert "iam:GetRole" in one.statement
    assert one.says.endswith(
        "; allows iam:GetRole on the roles in a separate statement without the iam:PassedToService condition."
        " Adds iam:GetRole on aws_iam_role.task.arn."
    )


def test_the_file_counts_as_it_was_read(tmp_path: Path) -> None:
    """Nothing outside of a temporary folder is opened for writing."""
    tmp_path.chmod(0o755)
    found = session(tmp_path, {"main.tf": ONE})
    before = (tmp_path / "main.tf").stat()
    assert found.combine().made == found.suggestions
    after = (tmp_path / "main.tf").stat()
    assert (before.st_mtime_ns, before.st_ino, before.st_nlink) == (after.st_mtime_ns, after.st_ino, after.st_nlink)


def test_offsets_count_a_byte_order_mark() -> None:
    """Lines and columns do not count a byte order mark, offsets do."""
    assert offset_of("\ufeffab\ncd", 1, 2) == 2
    assert offset_of("\ufeffab\ncd", 2, 2) == 5
    assert offset_of("ab\r\ncd", 2, 1) == 4
    assert offset_of("ab", 7, 1) == 2


def test_span_moves_with_preceding_edits() -> None:
    """A statement moves with the edits before it and grows with those in it."""
    place = StatementSpan("f", 10, 20)
    edits = [Edit("f", 0, 1, "abc"), Edit("f", 12, 14, ""), Edit("f", 20, 20, "more"), Edit("g", 0, 0, "x")]
    assert place.after(edits) == StatementSpan("f", 12, 24)


def test_statement_replaced_by_sid_is_not_split(tmp_path: Path) -> None:
    """An edit must not break the replacement of a statement by Sid in another document, which would allow more."""
    documents = """\
data "aws_iam_policy_document" "deploy" {
  statement {
    sid       = "Deploy"
    actions   = ["iam:PassRole", "lambda:CreateFunction"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "read" {
  source_policy_documents = [data.aws_iam_policy_document.deploy.json]
  statement {
    sid       = "Deploy"
    actions   = ["lambda:GetFunction"]
    resources = ["*"]
  }
}
"""
    users = "".join(
        f'resource "aws_iam_user_policy" "{name}" {{\n  user   = "{name}"\n'
        f"  policy = data.aws_iam_policy_document.{name}.json\n}}\n"
        for name in ("deploy", "read")
    )
    found = session(tmp_path, {"main.tf": documents + users + USED})
    assert only(found).missing == (
        "whether aws_iam_user_policy.read, which excludes the statement by its Sid, should pass roles too",
    )
    assert found.combine().made == ()


def test_deny_derived_from_a_statement_stays_as_wide(tmp_path: Path) -> None:
    """A statement that a Deny is derived from is not narrowed: the Deny would deny less."""
    shared = f"locals {{\n  pass = {{\n{allow()}\n  }}\n}}\n"
    uses = "".join(
        f'resource "aws_iam_{kind}_policy" "{kind}" {{\n  {kind}   = "some-{kind}"\n'
        f"  policy = jsonencode({{ Statement = [{statement}] }})\n}}\n"
        for kind, statement in (("user", "local.pass"), ("group", 'merge(local.pass, { Effect = "Deny" })'))
    )
    found = session(tmp_path, {"main.tf": shared + uses + USED})
    assert only(found).missing == (
        "whether another statement of aws_iam_group_policy.group, derived from this one, should change too",
    )
    assert found.combine().made == ()
