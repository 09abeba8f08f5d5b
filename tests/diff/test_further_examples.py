"""Examples that repeat what another example gets from the same module."""

from __future__ import annotations

from pathlib import Path

import pytest
from reviews_of_tests import made

from passrole_checks.diff import compare_paths
from passrole_checks.scan.scanner import ScanOptions

GROUPS = ("new", "widened", "narrowed", "removed", "moved")
MODULE = """
variable "name" {}
variable "roles" { default = "app" }
variable "service" { default = "codebuild.amazonaws.com" }
variable "boundary" { default = null }
variable "denies" { default = [] }
variable "passed" { default = null }
resource "aws_iam_role" "this" {
  name                 = var.name
  permissions_boundary = var.boundary
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = var.service } }
  ] })
}
resource "aws_iam_role_policy" "this" {
  role = aws_iam_role.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = concat([
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/${var.roles}" },
    { Effect = "Allow", Action = "iam:PassRole", Resource = var.passed == null ? aws_iam_role.this.arn : var.passed },
  ], var.denies) })
}
resource "aws_iam_policy" "boundary" {
  name   = "${var.name}-boundary"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }] })
}
output "role" { value = aws_iam_role.this.name }
output "policy" { value = aws_iam_policy.boundary.arn }
"""
DENY = 'denies = [{ Effect = "Deny", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app" }]'
OWN_POLICY = """
resource "aws_iam_role_policy" "own" {
  role   = module.first.role
  policy = jsonencode({ Statement = [{ Effect = "EFFECT", Action = "ACTION", Resource = "*" }] })
}
"""
BOUNDARY = 'boundary = "arn:aws:iam::aws:policy/AmazonS3FullAccess"'
WIDE_BOUNDARY = BOUNDARY.replace("AmazonS3FullAccess", "AdministratorAccess")
UNKNOWN_DENY = DENY.replace("= [", "= var.on ? [") + " : []"
SOME_BOUNDARY = BOUNDARY.replace("= ", "= var.on ? ", 1) + " : null"
ENABLED = '\nvariable "on" {\n  type = bool\n}\n'
ROLE = '\nresource "aws_iam_role" "app" {\n  assume_role_policy = "{}"\n}\n'
PROVIDER = '\nprovider "aws" {\n  profile = "live"\n}\n'


def call(arguments: str = "", *, name: str = "first", source: str = "../..") -> str:
    return f'module "{name}" {{\n  source = "{source}"\n  name   = "{name}"\n  {arguments}\n}}\n'


def own_policy(effect: str, action: str, name: str = "first") -> str:
    return OWN_POLICY.replace("EFFECT", effect).replace("ACTION", action).replace("first", name)


def groups(tmp_path: Path, before: dict[str, str], after: dict[str, str]) -> list[str]:
    for version, examples in (("old", before), ("new", after)):
        for place, code in (("main.tf", MODULE), *((f"{name}/main.tf", code) for name, code in examples.items())):
            file = tmp_path / version / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(code)
    difference = compare_paths(tmp_path / "old", tmp_path / "new", ScanOptions())
    return [name for name in GROUPS for _ in getattr(difference, name)]


SECOND = call(name="second")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (call(), SECOND),
        (call(), call()),
        (call(DENY), call(DENY, name="second")),
        (call(WIDE_BOUNDARY), call(WIDE_BOUNDARY, name="second")),
        (call('roles = "*"') + PROVIDER, call('roles = "*"', name="second") + PROVIDER),
        (call('roles = "*"') + call(name="other"), SECOND),
        (call() + own_policy("Deny", "iam:Delete*"), SECOND + own_policy("Deny", "iam:Delete*", "second")),
    ],
    ids=["other name", "same name", "deny", "boundary", "provider", "one of two calls", "own deny"],
)
def test_one_more_example_repeats_access(tmp_path: Path, first: str, second: str) -> None:
    """A role of the new example gets what that of another example has in both versions."""
    examples = {"examples/first": first}
    found = groups(tmp_path, examples, {**examples, "examples/second": second})
    assert found and set(found) == {"moved"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (call(), call('roles = "*"', name="second")),
        (call('roles = "*"'), SECOND),
        (call(), call('service = "ec2.amazonaws.com"', name="second")),
        (call(DENY), SECOND),
        (call(BOUNDARY), SECOND),
        (call("boundary = var.boundary"), call("boundary = var.boundary", name="second")),
        (call("boundary = module.first.policy"), SECOND),
        (call() + own_policy("Deny", "iam:*"), SECOND),
        (call() + own_policy("Deny", "iam:*").replace("module.first.role", '"first"'), SECOND),
        (call(), SECOND + own_policy("Allow", "lambda:*", "second")),
        (call("passed = aws_iam_role.app.arn") + ROLE, call("passed = aws_iam_role.app.arn", name="second") + ROLE),
        (call() + PROVIDER, SECOND),
        (call("count = var.on ? 1 : 0") + ENABLED, call("count = var.on ? 1 : 0", name="second") + ENABLED),
        (call(UNKNOWN_DENY) + ENABLED, call(UNKNOWN_DENY, name="second") + ENABLED),
        (call(SOME_BOUNDARY) + ENABLED, call(SOME_BOUNDARY, name="second") + ENABLED),
    ],
    ids=[
        "wider",
        "narrower",
        "other trust policy",
        "deny of an argument",
        "boundary",
        "unknown boundary",
        "boundary of the module",
        "own deny",
        "own deny by name",
        "own permissions",
        "role of the example",
        "provider",
        "unknown count",
        "unknown deny",
        "conditional boundary",
    ],
)
def test_an_example_that_differs_has_new_access(tmp_path: Path, first: str, second: str) -> None:
    """Arguments may widen access, and what limits the other example does not limit the new one."""
    examples = {"examples/first": first}
    found = groups(tmp_path, examples, {**examples, "examples/second": second})
    assert found and set(found) == {"new"}


@pytest.mark.parametrize(
    ("first", "second"),
    [("examples/first", "live/second"), ("live/first", "examples/second")],
    ids=["deployed", "example of what is deployed"],
)
def test_only_examples_repeat_access(tmp_path: Path, first: str, second: str) -> None:
    """Another root below the module's folder is a deployment."""
    assert set(groups(tmp_path, {first: call()}, {first: call(), second: SECOND})) == {"new"}


def test_an_example_of_a_widened_module_has_wider_access(tmp_path: Path) -> None:
    """The old version of the other example counts."""
    after = {"examples/first": call('roles = "*"'), "examples/second": call('roles = "*"', name="second")}
    assert groups(tmp_path, {"examples/first": call()}, after) == ["new", "new", "widened"]


def test_an_example_that_is_removed_had_access(tmp_path: Path) -> None:
    """The role of that example is gone."""
    first = {"examples/first": call()}
    assert set(groups(tmp_path, {**first, "examples/second": SECOND}, first)) == {"removed"}


def test_review_notes_repeated_access(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no item; a note names the other example. The findings of a wider call are an item."""
    repository = made(tmp_path, monkeypatch, capsys)
    first = {"main.tf": MODULE, "examples/first/main.tf": call('roles = "*"')}
    told = repository.between(first, {**first, "examples/second/main.tf": call('roles = "*"', name="second")})
    assert (told.items, told.report.less, told.report.fixed) == ([], (), ())
    assert {note.file for note in told.report.moved} == {"main.tf"}
    assert all("examples/first" in note.reason for note in told.report.moved)
