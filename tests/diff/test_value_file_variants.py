"""Changed files with values that no option names: what they give is compared like the configuration itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from passrole_checks.diff import compare_paths
from passrole_checks.findings import Confidence
from passrole_checks.scan.scanner import ScanOptions

POLICY = """
variable "roles" { default = ["arn:aws:iam::111122223333:role/app"] }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [{
    Effect = "Allow", Action = "iam:PassRole", Resource = var.roles
    Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
  }] })
}
"""
WIDE, NARROW = 'roles = ["*"]\n', 'roles = ["arn:aws:iam::111122223333:role/b"]\n'
OTHER = POLICY.replace("role/app", "role/c")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"main.tf": POLICY, "a.tfvars": NARROW}, {"main.tf": POLICY, "a.tfvars": WIDE}, [("widened", "a.tfvars")]),
        ({"main.tf": POLICY}, {"main.tf": POLICY, "a.tfvars": WIDE}, [("widened", "a.tfvars")]),
        ({"main.tf": POLICY, "a.tfvars": WIDE}, {"main.tf": POLICY, "a.tfvars": WIDE}, []),
        ({"main.tf": POLICY, "a.tfvars": WIDE}, {"main.tf": POLICY, "a.tfvars": NARROW}, []),
        ({"main.tf": POLICY, "a.tfvars": WIDE}, {"main.tf": OTHER, "a.tfvars": WIDE}, [("new", "")]),
        ({}, {"main.tf": POLICY, "a.tfvars": WIDE}, [("new", ""), ("new", "a.tfvars")]),
        (
            {"main.tf": POLICY},
            {"main.tf": POLICY, "a.tfvars": WIDE, "b.tfvars": WIDE},
            [("widened", "a.tfvars, b.tfvars")],
        ),
    ],
)
def test_changes_of_variants(
    tmp_path: Path, old: Mapping[str, str], new: Mapping[str, str], expected: list[tuple[str, str]]
) -> None:
    """Access that only the values of a file give names the file; that of the unit itself is reported once."""
    for name, files in (("old", old), ("new", new)):
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(text)
    difference = compare_paths(tmp_path / "old", tmp_path / "new", ScanOptions())
    found = [
        (group, ", ".join(sorted(value for when in change.grant.when for one in when for value in one.values)))
        for group in ("new", "widened")
        for change in getattr(difference, group)
    ]
    assert sorted(found) == expected
    assert all(change.confidence is not Confidence.HIGH for change in difference.widened if change.grant.when)
    assert not difference.unreadable


def test_review_reports_a_changed_file(tmp_path: Path) -> None:
    """A commit that changes nothing but values is reported, with the file in the repository."""

    def git(*words: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True, capture_output=True
        )

    git("init", "-q", "-b", "main")
    (tmp_path / "envs").mkdir()
    (tmp_path / "main.tf").write_text(POLICY)
    for text in (NARROW, WIDE):
        (tmp_path / "envs" / "prod.tfvars").write_text(text)
        git("add", ".")
        git("commit", "-q", "-m", "x")
    command = ["passrole_checks", "review", "HEAD~1", "HEAD", "--format", "json"]
    ran = subprocess.run([sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "envs/prod.tfvars" in ran.stdout, ran.stderr
