"""Deny statements and boundaries that a deployment may remove, or leave as they are in the account, exclude nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import scan_paths

PRINCIPALS = """\
resource "aws_iam_role" "role" {
  name                 = "app"
  assume_role_policy   = "{}"
  permissions_boundary = BOUNDARY
  ROLE_LIFECYCLE
}
resource "aws_iam_policy" "boundary" {
  name   = "boundary"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }] })
}
resource "aws_iam_user" "user" {
  name = "dev"
}
resource "aws_iam_group" "group" {
  name = "devs"
}
resource "aws_iam_KIND_policy" "allow" {
  name   = "allow"
  KIND   = aws_iam_KIND.KIND.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}
"""
INLINE = """\
resource "aws_iam_KIND_policy" "deny" {
  name   = "deny"
  KIND   = aws_iam_KIND.KIND.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Deny", Action = "iam:PassRole", Resource = "*" }] })
  LIFECYCLE
}
resource "aws_iam_KIND_policies_exclusive" "only" {
  KIND_name    = aws_iam_KIND.KIND.name
  policy_names = LIST
}
"""
MANAGED = """\
resource "aws_iam_policy" "deny" {
  name   = "deny"
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Deny", Action = "iam:PassRole", Resource = "*" }] })
}
resource "aws_iam_KIND_policy_attachment" "deny" {
  KIND       = aws_iam_KIND.KIND.name
  policy_arn = aws_iam_policy.deny.arn
}
resource "aws_iam_KIND_policy_attachments_exclusive" "only" {
  KIND_name   = aws_iam_KIND.KIND.name
  policy_arns = LIST
}
"""


def checks_of(tmp_path: Path, content: str, kind: str = "role", **words: str) -> tuple[list[str], list[str]]:
    """Return the findings of a configuration, and the reasons of its notes."""
    words = {"BOUNDARY": "null", "ROLE_LIFECYCLE": "", "LIFECYCLE": "", **words}
    for word, text in words.items():
        content = content.replace(word, text)
    (tmp_path / "main.tf").write_text(content.replace("KIND", kind), encoding="utf-8")
    result = scan_paths([tmp_path], ScanOptions())
    notes = [entry.reason for entry in result.not_evaluated if "not counted" in entry.reason]
    return [finding.check_id for finding in result.findings], notes


@pytest.mark.parametrize("kind", ["role", "user", "group"])
@pytest.mark.parametrize(
    ("content", "listed", "counts"),
    [
        (INLINE, "[aws_iam_KIND_policy.allow.name]", False),
        (INLINE, '["allow"]', False),
        (INLINE, "[]", False),
        (INLINE, "[aws_iam_KIND_policy.allow.name, aws_iam_KIND_policy.deny.name]", True),
        (INLINE, '["allow", "deny"]', True),
        (INLINE, "var.names", False),
        (MANAGED, "[]", False),
        (MANAGED, '["arn:aws:iam::aws:policy/ReadOnlyAccess"]', False),
        (MANAGED, "[aws_iam_policy.deny.arn]", True),
        (MANAGED, "var.names", False),
        (MANAGED, "[var.name]", False),
    ],
)
def test_deny_that_an_exclusive_resource_does_not_list(
    kind: str, content: str, listed: str, counts: bool, tmp_path: Path
) -> None:
    """The resource removes the policy at each deployment; an unknown list does not surely contain it."""
    variables = 'variable "names" {\n  type = list(string)\n}\nvariable "name" {}\n'
    found, notes = checks_of(tmp_path, PRINCIPALS + content + variables, kind, LIST=listed)
    assert found == ([] if counts else ["PASSROLE_001"])
    assert [("exclusive.only" in note) for note in notes] == ([] if counts else [True])


ONLY_INLINE = INLINE.partition('resource "aws_iam_KIND_policies_exclusive"')[0]
ONLY_MANAGED = MANAGED.partition('resource "aws_iam_KIND_policy_attachments_exclusive"')[0]
OF_POLICY = """\
resource "aws_iam_policy_attachment" "only" {
  name       = "only"
  policy_arn = aws_iam_policy.deny.arn
  roles      = LIST
}
"""


@pytest.mark.parametrize(
    ("content", "words", "counts"),
    [
        (ONLY_INLINE, {"ROLE_LIFECYCLE": "inline_policy {}"}, False),
        (ONLY_INLINE, {"ROLE_LIFECYCLE": 'inline_policy {\n name = "other"\n policy = "{}"\n }'}, False),
        (ONLY_INLINE, {"ROLE_LIFECYCLE": 'inline_policy {\n name = "deny"\n policy = "{}"\n }'}, True),
        (ONLY_INLINE, {"ROLE_LIFECYCLE": "managed_policy_arns = []"}, True),
        (ONLY_MANAGED, {"ROLE_LIFECYCLE": "managed_policy_arns = []"}, False),
        (ONLY_MANAGED, {"ROLE_LIFECYCLE": "managed_policy_arns = var.names"}, False),
        (ONLY_MANAGED, {"ROLE_LIFECYCLE": "managed_policy_arns = null"}, True),
        (ONLY_MANAGED, {"ROLE_LIFECYCLE": "managed_policy_arns = [aws_iam_policy.deny.arn]"}, True),
        (ONLY_MANAGED, {"ROLE_LIFECYCLE": "inline_policy {}"}, True),
        (ONLY_MANAGED + OF_POLICY, {"LIST": '["other"]'}, False),
        (ONLY_MANAGED + OF_POLICY, {"LIST": "var.names"}, False),
        (ONLY_MANAGED + OF_POLICY, {"LIST": "[aws_iam_role.role.name]"}, True),
        (ONLY_MANAGED + OF_POLICY.replace("aws_iam_policy.deny", "aws_iam_policy.boundary"), {"LIST": "[]"}, True),
    ],
)
def test_deny_that_two_resources_fight_over(content: str, words: dict[str, str], counts: bool, tmp_path: Path) -> None:
    """A resource attaches the Deny, and another one, which owns policies of its kind, removes it: a note says so."""
    found, notes = checks_of(tmp_path, PRINCIPALS + content + 'variable "names" {}\n', **words)
    assert (found, len(notes)) == (([], 0) if counts else (["PASSROLE_001"], 1))


def test_generated_name_that_the_list_mentions(tmp_path: Path) -> None:
    """A policy without a name in the code is listed by its reference."""
    content = (PRINCIPALS + INLINE).replace('  name   = "deny"\n', "")
    listed = "[aws_iam_KIND_policy.allow.name, aws_iam_KIND_policy.deny.name]"
    assert checks_of(tmp_path, content, LIST=listed) == ([], [])
    assert checks_of(tmp_path, content, LIST="[aws_iam_KIND_policy.allow.name]")[0] == ["PASSROLE_001"]


@pytest.mark.parametrize(
    ("lifecycle", "counts"),
    [
        ("", True),
        ("lifecycle {\n ignore_changes = [permissions_boundary]\n}", False),
        ('lifecycle {\n ignore_changes = ["permissions_boundary", tags]\n}', False),
        ("lifecycle {\n ignore_changes = all\n}", False),
        ("lifecycle {\n ignore_changes = [tags, description]\n}", True),
        ("lifecycle {\n prevent_destroy = true\n}", True),
    ],
)
def test_boundary_under_ignore_changes(lifecycle: str, counts: bool, tmp_path: Path) -> None:
    """The role may have another boundary in the account, or none."""
    content = PRINCIPALS
    found, notes = checks_of(tmp_path, content, BOUNDARY="aws_iam_policy.boundary.arn", ROLE_LIFECYCLE=lifecycle)
    assert (found, len(notes)) == (([], 0) if counts else (["PASSROLE_001"], 1))


def test_deny_under_ignore_changes(tmp_path: Path) -> None:
    """The document in the account may be an older one."""
    ignored = "lifecycle {\n ignore_changes = [policy]\n}"
    found, notes = checks_of(tmp_path, PRINCIPALS + INLINE, LIFECYCLE=ignored, LIST='["allow", "deny"]')
    assert found == ["PASSROLE_001"] and len(notes) == 1


def test_ignore_changes_in_json(tmp_path: Path) -> None:
    """JSON configuration has the same meaning."""

    def policy(action: str) -> str:
        return json.dumps({"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})

    role = {
        "assume_role_policy": "{}",
        "permissions_boundary": "${aws_iam_policy.b.arn}",
        "lifecycle": {"ignore_changes": ["permissions_boundary"]},
    }
    resources = {
        "aws_iam_policy": {"b": {"name": "b", "policy": policy("s3:*")}},
        "aws_iam_role": {"r": role},
        "aws_iam_role_policy": {"p": {"role": "${aws_iam_role.r.name}", "policy": policy("iam:*")}},
    }
    (tmp_path / "main.tf.json").write_text(json.dumps({"resource": resources}), encoding="utf-8")
    assert "PASSROLE_001" in [finding.check_id for finding in scan_paths([tmp_path], ScanOptions()).findings]
