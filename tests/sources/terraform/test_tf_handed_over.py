"""Policy documents that are handed to modules that are not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.sources.resource import AttachedPolicy, PolicyKind
from passrole_checks.sources.terraform import load

ANY_ROLE = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
TRUST = '{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "*" } }'


def handed_over(tmp_path: Path, arguments: str) -> list[AttachedPolicy]:
    (tmp_path / "main.tf").write_text(
        f'variable "x" {{}}\nmodule "m" {{\n  source = "example.com/some/module"\n{arguments}\n}}\n', encoding="utf-8"
    )
    return list(load(tmp_path).policies)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (f"policy = jsonencode({{ Statement = [{ANY_ROLE}] }})", "policy"),
        (f"policy = {{ Statement = [{ANY_ROLE}] }}", "policy"),
        (f"policies = [jsonencode({{ Statement = {ANY_ROLE} }})]", "policies/0"),
        (f"roles = {{ app = {{ inline = jsonencode({{ Statement = [{ANY_ROLE}] }}) }} }}", "roles/app/inline"),
        (f"policy = var.x ? jsonencode({{ Statement = [{ANY_ROLE}] }}) : null", "policy"),
        ('policy = "{\\"Statement\\": [{\\"Action\\": \\"*\\", \\"Resource\\": \\"${var.x}\\"}]}"', "policy"),
    ],
)
def test_a_document_without_principal_is_an_identity_policy(tmp_path: Path, arguments: str, path: str) -> None:
    """A document that names no Principal is judged as the policy of whoever will hold it, however it is handed over."""
    (policy,) = handed_over(tmp_path, arguments)
    assert (policy.kind, policy.path, policy.resource.address) == (PolicyKind.IDENTITY, path, "module.m")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (f"trust = jsonencode({{ Statement = [{TRUST}] }})", PolicyKind.RESOURCE),
        (f"trust = jsonencode({{ Statement = [{ANY_ROLE}, {TRUST}] }})", PolicyKind.RESOURCE),
        (f"permissions_boundary_policy = jsonencode({{ Statement = [{ANY_ROLE}] }})", PolicyKind.BOUNDARY),
    ],
)
def test_other_documents_grant_nothing(tmp_path: Path, arguments: str, kind: PolicyKind) -> None:
    """A document with a Principal is a trust or a resource-based policy, and one that is called a boundary is one."""
    (policy,) = handed_over(tmp_path, arguments)
    assert policy.kind is kind


@pytest.mark.parametrize("arguments", ["policy = var.x", 'name = "Statement"', "depends_on = [aws_iam_role.a]"])
def test_what_is_no_document_is_none(tmp_path: Path, arguments: str) -> None:
    """Arguments that hold no policy document, or one of which nothing is known, give no policy."""
    assert handed_over(tmp_path, arguments) == []
