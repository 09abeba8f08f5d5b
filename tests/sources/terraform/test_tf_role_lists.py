"""Roles that a data source lists: all of them are any role, some of them a pattern."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.iam.roles.arn import Scope
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import scan_paths
from passrole_checks.sources.terraform.resources.name_regex import to_wildcards

POLICY = """\
resource "aws_iam_user_policy" "p" {
  user   = "dev"
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = RESOURCE }] })
}
"""
NAMES = '[for n in data.KIND.x.names : "arn:aws:iam::111122223333:role/${n}"]'


@pytest.mark.parametrize(
    ("kind", "arguments", "resource", "scope"),
    [
        ("aws_iam_roles", "", NAMES, Scope.ANY_ROLE),
        ("aws_iam_roles", 'path_prefix = "/"', NAMES, Scope.ANY_ROLE),
        ("aws_iam_roles", 'name_regex = ".*"', NAMES, Scope.ANY_ROLE),
        ("aws_iam_roles", 'name_regex = "^app-"', NAMES, Scope.PREFIX),
        ("aws_iam_roles", 'path_prefix = "/app/"', NAMES, Scope.EXACT),
        ("aws_iam_roles", 'name_regex = "^(app|web)$"', NAMES, Scope.EXACT),
        ("aws_iam_users", "", NAMES, Scope.EXACT),
        ("awscc_iam_roles", "", NAMES.replace("names", "ids"), Scope.ANY_ROLE),
        ("aws_iam_roles", "", "data.KIND.x.arns", Scope.ANY_ROLE),
        ("aws_iam_roles", "", "tolist(data.KIND.x.arns)", Scope.ANY_ROLE),
        ("aws_iam_roles", 'path_prefix = "/app/"', "data.KIND.x.arns", Scope.PREFIX),
        ("aws_iam_roles", 'name_regex = "^app-"', "data.KIND.x.arns", Scope.PREFIX),
    ],
)
def test_scope_of_listed_roles(kind: str, arguments: str, resource: str, scope: Scope, tmp_path: Path) -> None:
    """The data source returns every role of the account that matches its arguments."""
    content = f'data "{kind}" "x" {{\n  {arguments}\n}}\n' + POLICY.replace("RESOURCE", resource.replace("KIND", kind))
    (tmp_path / "main.tf").write_text(content, encoding="utf-8")
    (located,) = scan_paths([tmp_path], ScanOptions()).grants
    assert located.grant.scope is scope


@pytest.mark.parametrize(
    ("regex", "pattern"),
    [
        ("", "*"),
        (".*", "*"),
        ("^.+$", "*"),
        ("^app-.*", "app-*"),
        ("app", "*app*"),
        ("^app-[a-z0-9]+$", "app-*"),
        (r"^app\.v\d$", "app.v*"),
        ("^a.c$", "a?c"),
        ("^[a-z]+$", None),
        ("^(app|web)-", None),
        ("a|b", None),
        ("^ab*$", None),
        (r"^a\$", None),
        (None, None),
    ],
)
def test_wildcards_for_a_regular_expression(regex: str | None, pattern: str | None) -> None:
    """The pattern covers all names that the expression matches; an expression that is too complex has none."""
    assert to_wildcards(regex) == pattern
