"""The inventory says of a statement without effect why it has none: a Deny, a condition that never matches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.cli import main

TEMPLATE = """\
Resources:
  Policy:
    Type: AWS::IAM::UserPolicy
    Properties:
      UserName: dev
      PolicyDocument:
        Statement:
          - {Effect: Allow, Action: iam:PassRole, Resource: "RESOURCE", Condition: CONDITION}
          - {Effect: Deny, Action: iam:PassRole, Resource: "DENIED"}
"""
ROLE = "arn:aws:iam::111122223333:role/app"
OPERATOR = '{StringEquals: {"iam:PassedToService": SERVICE}}'


def grants_of(
    resource: str, denied: str, condition: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> dict[str, Any]:
    """Return the entry of the Allow in the inventory of the template."""
    path = tmp_path / "t.yaml"
    content = TEMPLATE.replace("RESOURCE", resource).replace("CONDITION", condition).replace("DENIED", denied)
    path.write_text(content, encoding="utf-8")
    assert main(["grants", "--no-cache", "--format", "json", *options, str(path)]) == 0
    entries = json.loads(capsys.readouterr().out)["grants"]
    return next(entry for entry in entries if entry["effect"] == "Allow")


@pytest.mark.parametrize(
    ("resource", "scope"), [("*", "any_role"), ("arn:aws:iam::111122223333:role/app-*", "prefix"), (ROLE, "exact")]
)
def test_denied_statement_keeps_its_scope(
    resource: str, scope: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The scope is what is written; `denied` says that nothing of it is left."""
    entry = grants_of(resource, "*", "{}", tmp_path, capsys)
    assert (entry["denied"], entry["scope"], entry["effect_on_passrole"]) == (True, scope, "none")


def test_partly_denied_statement_has_the_scope_of_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A Deny on other roles takes nothing away."""
    entry = grants_of(ROLE, "arn:aws:iam::111122223333:role/admin", "{}", tmp_path, capsys)
    assert (entry["denied"], entry["scope"], entry["effect_on_passrole"]) == (False, "exact", "allow")


@pytest.mark.parametrize(
    ("condition", "constraint", "effect"),
    [
        (OPERATOR.replace("SERVICE", "lambda"), "never", "none"),
        ('{StringLike: {"iam:PassedToService": "*"}}', "ineffective", "allow"),
        ('{"Null": {"iam:PassedToService": "true"}}', "ineffective", "allow"),
        (OPERATOR.replace("SERVICE", "lambda.amazonaws.com"), "exact", "allow"),
    ],
)
def test_condition_that_never_matches_is_not_ineffective(
    condition: str, constraint: str, effect: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`ineffective` allows every service, `never` none; such a statement is still listed."""
    entry = grants_of(ROLE, "arn:aws:iam::111122223333:role/admin", condition, tmp_path, capsys)
    assert (entry["services"]["constraint"], entry["effect_on_passrole"]) == (constraint, effect)


def test_condition_that_starts_to_match_is_a_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`diff` shows the statement, before and after; one that never matches is no unchanged grant."""
    sides = []
    for name, service in (("base", "lambda"), ("head", "lambda.amazonaws.com")):
        path = tmp_path / name
        path.mkdir()
        condition = OPERATOR.replace("SERVICE", service)
        content = TEMPLATE.replace("RESOURCE", ROLE).replace("CONDITION", condition).replace("DENIED", ROLE + "2")
        (path / "t.yaml").write_text(content, encoding="utf-8")
        sides.append(str(path))
    main(["diff", "--format", "json", *sides])
    printed = json.loads(capsys.readouterr().out)
    constraints = [
        (change["before"]["services"]["constraint"], change["services"]["constraint"]) for change in printed["widened"]
    ]
    assert constraints == [("never", "exact")]
    main(["diff", "--format", "json", sides[0], sides[0]])
    assert json.loads(capsys.readouterr().out)["unchanged"] == 0


def test_text_has_the_notes_of_the_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Code that was not evaluated may contain grants, so every format names it, unless --quiet."""
    path = tmp_path / "main.tf"
    path.write_text('module "net" {\n  source = "git::https://example.com/net.git"\n}\n', encoding="utf-8")
    main(["grants", "--no-cache", "--format", "json", str(path)])
    reasons = [entry["reason"] for entry in json.loads(capsys.readouterr().out)["not_evaluated"]]
    main(["grants", "--no-cache", str(path)])
    printed = capsys.readouterr().out
    assert reasons and all(f"main.tf:1: note: not evaluated: {reason}" in printed for reason in reasons)
    main(["grants", "--no-cache", "--quiet", str(path)])
    assert "note" not in capsys.readouterr().out
