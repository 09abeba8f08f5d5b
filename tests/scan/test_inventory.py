"""The inventory: one entry for each variant of a statement that differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.output.json_output import grants_json
from passrole_checks.scan.condition_words import condition_text
from passrole_checks.scan.inventory import MAX_ENTRIES
from passrole_checks.scan.scanner import LocatedGrant, ScanOptions, ScanResult, scan_paths

ROLE = "arn:aws:iam::111122223333:role/"
LAMBDA = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}


def scan(folder: Path, count: int, **statement: Any) -> ScanResult:
    """Scan a template with a statement whose elements may refer to the conditions ``C0`` to ``C<count - 1>``."""
    names = [f"P{number}" for number in range(count)]
    template = {
        "Parameters": {name: {"Type": "String"} for name in names},
        "Conditions": {f"C{number}": {"Fn::Equals": [{"Ref": name}, "yes"]} for number, name in enumerate(names)},
        "Resources": {"Pass": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", **statement}],
        }}}},
    }  # fmt: skip
    path = folder / "template.json"
    path.write_text(json.dumps(template), "utf-8")
    return scan_paths([path], ScanOptions())


def shown(entry: LocatedGrant) -> tuple[list[str], str, str]:
    roles = [str(role.pattern).removeprefix(ROLE) for role in entry.grant.roles]
    return roles, entry.grant.services.constraint.value, condition_text(entry.when)


def test_each_branch_of_a_role_is_an_entry(tmp_path: Path) -> None:
    """A conditional role gives two entries, each with its condition."""
    result = scan(tmp_path, 1, Resource={"Fn::If": ["C0", ROLE + "app", ROLE + "admin"]}, Condition=LAMBDA)
    assert [shown(entry) for entry in result.grants] == [
        (["app"], "exact", 'P0 = "yes"'),
        (["admin"], "exact", 'P0 is not "yes"'),
    ]


def test_each_branch_of_a_condition_is_an_entry(tmp_path: Path) -> None:
    """A Condition element that may be left out gives an entry without it."""
    nothing = {"Ref": "AWS::NoValue"}
    result = scan(tmp_path, 1, Resource=ROLE + "app", Condition={"Fn::If": ["C0", LAMBDA, nothing]})
    assert sorted(shown(entry) for entry in result.grants) == [
        (["app"], "absent", 'P0 is not "yes"'),
        (["app"], "exact", 'P0 = "yes"'),
    ]


def test_equal_branches_are_one_entry_without_a_condition(tmp_path: Path) -> None:
    """Variants that do not differ are one entry that always applies."""
    action = {"Fn::If": ["C0", "iam:PassRole", "iam:passrole"]}
    result = scan(tmp_path, 1, Action=action, Resource=ROLE + "app", Condition=LAMBDA)
    assert [shown(entry) for entry in result.grants] == [(["app"], "exact", "")]


@pytest.mark.parametrize(("count", "entries"), [(5, MAX_ENTRIES), (20, 1)])
def test_many_variants_are_one_entry_with_their_union(count: int, entries: int, tmp_path: Path) -> None:
    """Up to 32 variants are listed; more are one entry with all roles, no condition, and a note."""
    nothing = {"Ref": "AWS::NoValue"}
    roles = [{"Fn::If": [f"C{number}", f"{ROLE}r{number}", nothing]} for number in range(count)]
    services = {"Fn::If": ["C0", LAMBDA, {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}]}
    result = scan(tmp_path, count, Resource=[ROLE + "app", *roles], Condition=services)
    if entries > 1:
        assert len(result.grants) == entries
        assert not result.not_evaluated
        return
    (entry,) = result.grants
    assert entry.when == ()
    listed = {str(role.pattern).removeprefix(ROLE) for role in entry.grant.roles}
    assert listed == {"app", *(f"r{number}" for number in range(count))}
    assert set(entry.grant.services.values) == {"lambda.amazonaws.com", "ec2.amazonaws.com"}
    (note,) = result.not_evaluated
    assert (note.line, "variants" in note.reason) == (1, True)


def test_what_is_not_evaluated_has_a_kind(tmp_path: Path) -> None:
    """The JSON says why something is not evaluated, in a word that tools can compare."""
    (tmp_path / "main.tf").write_text(
        'module "m" {\n  source = "example.com/a/b"\n}\n'
        'resource "aws_iam_policy" "none" {\n  count = 0\n'
        '  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })\n}\n',
        "utf-8",
    )
    result = scan_paths([tmp_path], ScanOptions())
    entries = json.loads(grants_json(result, result.grants))["not_evaluated"]
    assert {(entry["line"], entry["kind"]) for entry in entries} == {(1, "module"), (4, "no_instance")}
