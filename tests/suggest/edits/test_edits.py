"""Edits of texts, and the reasons why a statement has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from edits_of_tests import ROLES_TF, Workshop, change, framed

from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.suggest.edits import apply_edits, edits_for
from passrole_checks.suggest.suggestion import Edit, StatementChange

POLICY = """resource "aws_iam_policy" "deploy" {
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}
"""
ANY_APP = "roles: arn:{partition}:iam::{account}:role/app-*"


def edit(start: int, end: int, text: str) -> Edit:
    """An edit of some file."""
    return Edit("main.tf", start, end, text)


def test_edits_are_applied_in_text_order() -> None:
    """Edits may be given in any order; an insertion may touch the replacement before it."""
    assert apply_edits("abcdef", [edit(4, 5, "E"), edit(0, 1, ""), edit(1, 1, "x")]) == "xbcdEf"


@pytest.mark.parametrize(
    "edits",
    [
        [edit(0, 3, "x"), edit(2, 4, "y")],
        [edit(1, 1, "x"), edit(1, 1, "y")],
        [edit(1, 1, "x"), edit(1, 2, "y")],
        [edit(2, 1, "x")],
        [edit(5, 9, "x")],
        [edit(-1, 1, "x")],
    ],
)
def test_overlapping_or_out_of_range_edits_are_rejected(edits: list[Edit]) -> None:
    """The order of two edits at one offset is ambiguous."""
    with pytest.raises(ValueError, match="overlaps another"):
        apply_edits("abcdef", edits)


def test_empty_change_makes_no_edit(tmp_path: Path) -> None:
    """A statement that is to stay as it is needs no edits."""
    workshop = Workshop(tmp_path)
    workshop.write("main.tf", POLICY)
    assert edits_for(workshop.located(), StatementChange(), workshop.read) == ()


def test_a_data_source_in_another_file_of_the_module_is_found(tmp_path: Path) -> None:
    """In the files that were read with it, and, where these are not told, in its folder."""
    workshop = Workshop(tmp_path)
    workshop.write("main.tf", POLICY)
    workshop.write("data.tf", 'data "aws_caller_identity" "me" {}\n')
    files = [str(tmp_path / "main.tf"), str(tmp_path / "data.tf")]
    for known in (files, ()):
        edits = edits_for(workshop.located(), change(ANY_APP), workshop.read, known)
        assert isinstance(edits, tuple)
        assert [one.text for one in edits] == ['"arn:aws:iam::${data.aws_caller_identity.me.account_id}:role/app-*"']


def test_a_data_source_of_another_module_is_not_taken(tmp_path: Path) -> None:
    """A module sees its own data sources only."""
    workshop = Workshop(tmp_path)
    workshop.write("main.tf", 'module "deploy" {\n  source = "./deploy"\n}\ndata "aws_caller_identity" "current" {}\n')
    workshop.write("deploy/main.tf", POLICY)
    files = [str(tmp_path / "main.tf"), str(tmp_path / "deploy" / "main.tf")]
    reason = edits_for(workshop.located(), change(ANY_APP), workshop.read, files)
    assert reason == 'the account id is unknown there: add data "aws_caller_identity" "current" {}'


def test_a_role_of_the_same_module_is_named_without_the_module(tmp_path: Path) -> None:
    """Inside a module the addresses of its resources do not begin with its own."""
    workshop = Workshop(tmp_path)
    workshop.write("main.tf", 'module "deploy" {\n  source = "./deploy"\n}\n')
    workshop.write("deploy/main.tf", ROLES_TF + POLICY)
    edits = edits_for(workshop.located(), change("roles: module.deploy.aws_iam_role.app"), workshop.read)
    assert isinstance(edits, tuple)
    assert [one.text for one in edits] == ["aws_iam_role.app.arn"]


def test_policy_file_names_only_arns(tmp_path: Path) -> None:
    """A file read with ``file()`` is not a template."""
    workshop = Workshop(tmp_path)
    workshop.write("main.tf", 'resource "aws_iam_policy" "p" {\n  policy = file("${path.module}/pass.json")\n}\n')
    document = '{"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}'
    workshop.write("pass.json", document)
    located = workshop.located()
    refused = edits_for(located, change("roles: aws_iam_role.app"), workshop.read)
    assert refused == "its text cannot contain references"
    edits = edits_for(located, change("roles: arn:aws:iam::111122223333:role/app"), workshop.read)
    assert isinstance(edits, tuple)
    assert {Path(one.file).name for one in edits} == {"pass.json"}
    assert apply_edits(document, edits) == document.replace('"*"', '"arn:aws:iam::111122223333:role/app"')


def test_a_loop_of_a_template_is_left_alone(tmp_path: Path) -> None:
    """A statement in ``Fn::ForEach`` is written once for several resources."""
    text = """Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Policies:
    - Name
    - [One]
    - Policy${Name}:
        Type: AWS::IAM::ManagedPolicy
        Properties:
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: iam:PassRole
                Resource: '*'
"""
    assert (
        Workshop(tmp_path).edited("template.yaml", text, change("services: ec2.amazonaws.com")) == "a loop generates it"
    )


def test_cdk_output_is_not_edited(tmp_path: Path) -> None:
    """The next synthesis would undo the edit."""
    workshop = Workshop(tmp_path)
    statement = '{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}'
    workshop.write("template.json", framed("statements.json", statement))
    located = workshop.located()
    located = replace(located, resource=replace(located.resource, construct="App/Deploy/Policy"))
    reason = edits_for(located, change("services: ec2.amazonaws.com"), workshop.read)
    assert reason == "the AWS CDK generates this file: change the construct App/Deploy/Policy"


@pytest.mark.parametrize(
    ("sample", "begins"), [("001-any-role/plan", "this is a plan: "), ("change-sets", "this is a change set: ")]
)
def test_plans_and_change_sets_are_not_edited(sample: str, begins: str) -> None:
    """A plan or a change set is no place to edit."""
    folder = Path(__file__).resolve().parents[3] / "sample_templates" / sample
    grants = scan_paths([folder], ScanOptions()).grants
    found = {edits_for(one, change("services: ec2.amazonaws.com"), Workshop.read) for one in grants}
    assert any(isinstance(one, str) and one.startswith(begins) for one in found)
    assert all(isinstance(one, str) for one in found)


def test_missing_file_gives_a_reason(tmp_path: Path) -> None:
    """A file that cannot be read gives a reason and no error."""
    workshop = Workshop(tmp_path)
    workshop.write("main.tf", POLICY)
    located = workshop.located()
    (tmp_path / "main.tf").unlink()
    reason = edits_for(located, change("services: ec2.amazonaws.com"), workshop.read)
    assert reason == "its file cannot be read"


@pytest.mark.parametrize("now", ["", "resource {", "{}", "\ufeff", "# nothing\n" * 40, '"' * 400, "x = <<EOF\n"])
def test_a_file_that_has_changed_gives_a_reason(now: str, tmp_path: Path) -> None:
    """If the statement is no longer in the file, nothing is edited or raised."""
    workshop = Workshop(tmp_path)
    for name, text in (("main.tf", POLICY), ("template.yaml", _yaml())):
        for other in ("main.tf", "template.yaml"):
            (tmp_path / other).unlink(missing_ok=True)
        workshop.write(name, text)
        found = edits_for(workshop.located(), change("services: ec2.amazonaws.com"), lambda _: now)
        assert isinstance(found, str), (name, found)


def _yaml() -> str:
    return framed("statements.yaml", "- {Effect: Allow, Action: iam:PassRole, Resource: '*'}")


def test_edits_for_does_not_split_statements(tmp_path: Path) -> None:
    """A change that needs a second statement has no edits of the first."""
    workshop = Workshop(tmp_path)
    workshop.write("main.tf", POLICY)
    reason = edits_for(workshop.located(), StatementChange(separate=True), workshop.read)
    assert reason == "its other actions must first be split from iam:PassRole"
