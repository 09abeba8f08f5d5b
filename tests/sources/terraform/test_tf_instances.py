"""``count`` and ``for_each`` of resources and modules: no instance and no value is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from work import at_most

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.sources.terraform import load

BODY = 'policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = %s }] })'


def resources_by_suffix(root: Path, how: str, resource: str = "each.value", extra: str = "") -> dict[str, set[str]]:
    """The Resource elements of every instance, by the suffix of its address."""
    (root / "main.tf").write_text(
        f'variable "x" {{}}\nvariable "y" {{}}\n{extra}\n'
        f'resource "aws_iam_policy" "p" {{\n  {how}\n  {BODY % resource}\n}}\n',
        encoding="utf-8",
    )
    result: dict[str, set[str]] = {}
    for policy in load(root).policies:
        document = parse_document(policy.document)
        assert not document.problems
        suffix = policy.resource.address.removeprefix("aws_iam_policy.p")
        assert suffix not in result
        result[suffix] = {str(text) for statement in document.statements for text in statement.resources or ()}
    return result


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        ("2", ["[0]", "[1]"]),
        ("0", []),
        ("-1", []),
        ('"1"', ["[0]"]),
        ("var.x ? 1 : 0", ["[0]"]),
        ("var.x ? 0 : var.y ? 2 : 1", ["[0]", "[1]"]),
        ('length(["a", "b"])', ["[0]", "[1]"]),
        ("null", [""]),
        ("1000000000000000000000000000000", [""]),
        ("100000000", [""]),
        ("var.x ? 1 : 100000000", [""]),
    ],
)
def test_count_is_its_maximum(tmp_path: Path, count: str, expected: list[str]) -> None:
    """There are as many instances as the maximum of ``count``; very many are evaluated as one."""
    with at_most(300_000):
        assert list(resources_by_suffix(tmp_path, f"count = {count}", '"*"')) == expected
