"""The grants as a tree for terminals."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.cli import main
from passrole_checks.output.findings_text import to_colored_text, to_plain_text
from passrole_checks.output.grants_tree import tree_lines
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths

ACCOUNT = "arn:aws:iam::111122223333"
LAMBDA = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def scanned(**holders: list[dict[str, Any]]) -> ScanResult:
    """Return the result for a template in which each user has a policy of Allow statements on iam:PassRole."""
    usual = {"Effect": "Allow", "Action": "iam:PassRole"}
    resources = {
        f"P{number}": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "Users": [user],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [usual | one for one in statements]},
            },
        }
        for number, (user, statements) in enumerate(holders.items())
    }
    Path("t.json").write_text(json.dumps({"Resources": resources}, indent=1), "utf-8")
    return scan_paths([Path("t.json")], ScanOptions())


def tree(result: ScanResult) -> list[str]:
    return to_plain_text(tree_lines(result, result.grants, quiet=True)).splitlines()


def test_worst_principals_roles_and_services_come_first() -> None:
    """Principals and the roles of each are in order of severity, then by name; denied ones are last."""
    found = tree(
        scanned(
            zoe=[{"Resource": f"{ACCOUNT}:role/app", "Condition": LAMBDA}],
            ann=[
                {"Effect": "Deny", "Resource": f"{ACCOUNT}:role/admin"},
                {"Resource": f"{ACCOUNT}:role/app", "Condition": LAMBDA},
                {"Resource": "*"},
            ],
        )
    )
    assert re.findall(r"^[│├└─ ]*\S+(?: \S+)*", "\n".join(found), re.MULTILINE) == [
        "ann",
        "├─ any role",
        "│  └─ any service",
        "├─ app",
        "│  └─ lambda.amazonaws.com",
        "└─ deny: admin",
        "   └─ any service",
        "zoe",
        "└─ app",
        "   └─ lambda.amazonaws.com",
    ]


def test_principals_say_what_they_can_do_then() -> None:
    """Below a principal stands its worst escalation."""
    start = {"Action": ["lambda:CreateFunction", "lambda:InvokeFunction"], "Resource": "*"}
    found = tree(scanned(ann=[{"Resource": "*", "Condition": LAMBDA}, start]))
    assert found[1].startswith("can act as any role") and found[1].endswith("(lambda-001)")


def test_hostile_names_stay_on_their_lines() -> None:
    """No escape sequence and no line break of a scanned name is printed."""
    result = scanned(**{"ann\x1b[31m\n└─ forged": [{"Resource": f"{ACCOUNT}:role/a\u202eb\x07*", "Sid": "x"}]})
    text = to_plain_text(tree_lines(result, result.grants))
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert not any(line.startswith("└─ forged") for line in text.splitlines())


def test_tree_is_plain_in_files_and_colored_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    """``grants --format tree`` writes plain text to files and pipes; severities have styles for terminals."""
    result = scanned(ann=[{"Resource": "*"}])
    assert main(["grants", "t.json", "--format", "tree", "--output", "tree.txt"]) == 0
    assert main(["grants", "t.json", "--format", "tree"]) == 0
    text = Path("tree.txt").read_text("utf-8")
    assert text == capsys.readouterr().out == to_plain_text(tree_lines(result, result.grants))
    styles = {span.text: span.style for line in tree_lines(result, result.grants) for span in line}
    assert (styles["high"], styles["any role"], styles["ann"]) == ("high", "high", "place")
    assert "ann" in to_colored_text(tree_lines(result, result.grants))


def test_files_are_named_as_they_were_typed(capsys: pytest.CaptureFixture[str]) -> None:
    """Below an absolute path, files have absolute names."""
    scanned(ann=[{"Resource": "*"}])
    folder = os.getcwd()
    for typed, shown in (("t.json", "t.json"), ("./t.json", "./t.json"), (f"{folder}/t.json", f"{folder}/t.json")):
        assert main(["grants", typed, "--format", "tree", "--quiet"]) == 0
        assert re.findall(r"\S+t\.json:|t\.json:", capsys.readouterr().out) == [f"{shown}:"]


def test_no_grants_are_stated(capsys: pytest.CaptureFixture[str]) -> None:
    """Without grants, the tree is the sentence that says so."""
    Path("t.json").write_text('{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}', "utf-8")
    assert main(["grants", "t.json", "--format", "tree"]) == 0
    assert capsys.readouterr().out == "no PassRole grants in 1 file\n"
