"""Statements that move from one template or Terraform root to another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from reviews_of_tests import APP, OPEN, made, policy

from passrole_checks.diff import AccessDifference, compare_paths
from passrole_checks.scan.scanner import ScanOptions

PASS = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/app-*"}
NO_PASS = {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/app-secret"}
GROUPS = ("new", "widened", "narrowed", "removed", "moved")


def attached(*statements: dict[str, Any], to: str = "deployer") -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return {
        "Type": "AWS::IAM::RolePolicy",
        "Properties": {"RoleName": to, "PolicyName": "p", "PolicyDocument": document},
    }


def version(folder: Path, **templates: dict[str, Any]) -> Path:
    folder.mkdir()
    for name in ("a", "b"):
        resources = {"Topic": {"Type": "AWS::SNS::Topic"}, **templates.get(name, {})}
        (folder / f"{name}.json").write_text(json.dumps({"Resources": resources}))
    return folder


def groups(found: AccessDifference) -> list[str]:
    return [name for name in GROUPS for _ in getattr(found, name)]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"P": attached(PASS)}, {"P": attached(PASS)}, ["moved"]),
        ({"P": attached(PASS)}, {"Other": attached(PASS)}, ["moved"]),
        ({"P": attached(PASS)}, {"P": attached(PASS, to="operator")}, ["new", "removed"]),
        ({"P": attached(PASS)}, {"P": attached({**PASS, "Resource": "*"})}, ["widened"]),
        ({"P": attached(PASS), "Q": attached(NO_PASS)}, {"P": attached(PASS)}, ["widened"]),
        ({"P": attached(PASS), "Q": attached(NO_PASS)}, {"P": attached(PASS), "Q": attached(NO_PASS)}, ["moved"]),
        (
            {"P": attached({**PASS, "Resource": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/app"}})},
            {"P": attached({**PASS, "Resource": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:role/app"}})},
            ["moved"],
        ),
    ],
)
def test_a_statement_moves(tmp_path: Path, before: dict[str, Any], after: dict[str, Any], told: list[str]) -> None:
    """It moves where the same names get the same access; what a Deny took away before is wider access."""
    old, new = version(tmp_path / "old", a=before), version(tmp_path / "new", b=after)
    found = compare_paths(old, new, ScanOptions())
    assert groups(found) == told
    for change in found.moved:
        assert change.before is not None
        assert (Path(change.before.grant.at.file).name, Path(change.grant.grant.at.file).name) == ("a.json", "b.json")


def test_a_role_moves_with_its_statement(tmp_path: Path) -> None:
    """A role that is known by its name is the same where it is defined in one unit and named in the other."""
    role = {
        "Type": "AWS::IAM::Role",
        "Properties": {"RoleName": "deployer", "AssumeRolePolicyDocument": {"Statement": []}},
    }
    own = attached(PASS)
    own["Properties"]["RoleName"] = {"Ref": "Deployer"}
    old, new = (
        version(tmp_path / "old", a={"Deployer": role, "P": own}),
        version(tmp_path / "new", b={"P": attached(PASS)}),
    )
    assert groups(compare_paths(old, new, ScanOptions())) == ["moved"]


def test_review_notes_a_moved_statement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A statement that moves between Terraform roots is no item; a note names its old place."""
    repository = made(tmp_path, monkeypatch, capsys)
    said = repository.between(
        {"a/main.tf": policy(APP, OPEN), "b/main.tf": policy(APP, name="other", role="other")},
        {"a/main.tf": policy(APP), "b/main.tf": policy(APP, name="other", role="other") + policy(OPEN)},
    )
    assert (said.items, said.report.less, said.report.fixed) == ([], (), ())
    (note,) = said.report.moved
    assert (note.file, note.line) == ("b/main.tf", 13)
    assert note.reason.startswith("deployer had this access in ") and "a/main.tf:6" in note.reason


MODULE = """
variable "name" {}
variable "roles" { default = "app" }
module "label" { source = "example/label/null" }
resource "aws_iam_role" "this" {
  count              = 1
  name               = module.label.LABEL
  assume_role_policy = "{}"
}
resource "aws_iam_role_policy" "this" {
  role   = "${aws_iam_role.this.id}"
  policy = jsonencode({ Statement = [{
    Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/${var.roles}"
  }] })
}
"""
CALL = 'module "it" {\n  source = "../.."\n  name = "x"\n}\n'


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({}, {"examples/a": CALL}, ["moved"]),
        ({}, {"examples/a": CALL, "examples/b": CALL}, ["moved", "moved"]),
        ({}, {"examples/a": CALL.replace('"x"', '"x"\n  roles = "*"')}, ["widened"]),
        ({"examples/a": CALL}, {}, ["moved"]),
        ({"examples/a": CALL, "examples/b": CALL}, {}, ["moved"]),
        ({"examples/a": CALL.replace('"x"', '"x"\n  roles = "*"')}, {}, ["narrowed", "moved"]),
    ],
)
def test_module_and_its_example_have_the_same_access(
    tmp_path: Path, before: dict[str, str], after: dict[str, str], told: list[str]
) -> None:
    """A module that no root calls is a root, until an example below its folder calls it; expressions may differ."""
    for name, examples, label in (("old", before, "id"), ("new", after, "name")):
        files = {
            "main.tf": MODULE.replace("LABEL", label),
            **{f"{one}/main.tf": code for one, code in examples.items()},
        }
        for file, code in files.items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text(code)
    assert groups(compare_paths(tmp_path / "old", tmp_path / "new", ScanOptions())) == told


def test_a_root_that_calls_a_module_gets_new_access(tmp_path: Path) -> None:
    """Only what is below the folder of a module is an example of it; another root deploys what was not deployed."""
    for name, files in (("old", {}), ("new", {"live/prod/main.tf": CALL.replace("../..", "../../modules/it")})):
        for file, code in {"modules/it/main.tf": MODULE, **files}.items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text(code)
    assert groups(compare_paths(tmp_path / "old", tmp_path / "new", ScanOptions())) == ["new"]
