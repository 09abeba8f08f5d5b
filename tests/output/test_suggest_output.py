"""Suggestions as text and as a patch."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from passrole_checks.findings import Finding
from passrole_checks.iam.partial_values import Position
from passrole_checks.output.findings_text import to_plain_text
from passrole_checks.output.suggest import fixed_lines, patch_of, suggestion_lines
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.suggest.suggestion import Edit, Suggestion

TEMPLATE = """\
Resources:
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Users: [ann]
      PolicyDocument:
        Statement:
          - {Sid: Pass, Effect: Allow, Action: [iam:GetRole, iam:PassRole], Resource: "*"}
"""
AT = Position("iam.yaml", 8)
EDIT = Edit("iam.yaml", 0, 0, "")


@pytest.fixture
def finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Finding:
    monkeypatch.chdir(tmp_path)
    Path("iam.yaml").write_text(TEMPLATE, "utf-8")
    return scan_paths([Path("iam.yaml")], ScanOptions(checks=frozenset({"PASSROLE_001"}))).findings[0]


def lines(one: Suggestion, old: dict[str, str], new: dict[str, str]) -> list[str]:
    return to_plain_text(suggestion_lines([one], old.__getitem__, lambda _: new, width=60)).splitlines()


def test_a_change_is_shown_as_its_lines(finding: Finding) -> None:
    """Lines that are far from each other are told apart, and another file than that of the statement is named."""
    old = "".join(f"line {number}\n" for number in range(30))
    new = old.replace("line 2\n", "changed\n").replace("line 20\n", "")
    one = Suggestion((finding,), AT, (EDIT,), "Names the role.", (), "")
    found = lines(one, {"iam.yaml": old, "more.tf": "a\n"}, {"iam.yaml": new, "more.tf": "b\n"})
    assert found[:2] == ["iam.yaml:8  P  Pass", "  PASSROLE_001 any-role"]
    assert {"  - line 2", "  + changed", "    …", "  - line 20", "  in more.tf", "  - a", "  + b"} <= set(found)
    assert found[-3:] == [
        "          Names the role.",
        "",
        "1 finding can be fixed (passrole-checks fix); 0 left for a person",
    ]


def test_of_long_lines_what_differs_is_shown(finding: Finding) -> None:
    """Of a line that is too long to be read only what differs stands there, unless several differ."""
    one = Suggestion((finding,), AT, (EDIT,), "x", (), "")
    long = "a" * 300 + "OLD" + "b" * 300
    found = lines(one, {"iam.yaml": f"{long}\n"}, {"iam.yaml": long.replace("OLD", "NEW") + "\n"})
    assert any("OLD" in line and "…" in line and len(line) < 300 for line in found)
    both = lines(one, {"iam.yaml": f"{long}\n{long}\n"}, {"iam.yaml": f"{long}x\n{long}y\n"})
    assert f"  - {long}" in both


def test_what_is_left_for_a_person(finding: Finding) -> None:
    """What has to be found out is listed, and how the statement would read where that can be said."""
    one = Suggestion(
        (finding,), AT, (), "", ("the role that is meant, which nobody has written down anywhere",), "a\nb"
    )
    found = lines(one, {}, {})
    assert found[2:7] == [
        "          Left for a person:",
        "          - the role that is meant, which nobody has written",
        "            down anywhere",
        "          It would read:",
        "            a",
    ]
    assert "          It would read:" not in lines(replace(one, statement=""), {}, {})
    assert to_plain_text(suggestion_lines([], str, lambda _: {})) == "nothing to suggest\n"
    assert to_plain_text(suggestion_lines([], str, lambda _: {}, quiet=True)) == ""


def test_what_was_fixed(finding: Finding) -> None:
    """What is written, or would be, is told before what is left; and nothing of it where nobody wants to hear."""
    made = Suggestion((finding,), AT, (EDIT,), "Names the role.", (), "")
    left = Suggestion((finding,), AT, (), "", ("the role",), "")
    told = to_plain_text(fixed_lines([made], [left], dry_run=True)).splitlines()
    assert told[1] == "  would fix  PASSROLE_001 any-role"
    assert told[-1] == "1 finding would be fixed in 1 file; 1 left for a person"
    assert (
        to_plain_text(fixed_lines([made], [], dry_run=False)).splitlines()[-1]
        == "1 finding fixed in 1 file; 0 left for a person"
    )
    assert to_plain_text(fixed_lines([], [], dry_run=False)) == "nothing to fix\n"
    assert "left for a person" not in to_plain_text(fixed_lines([made], [], dry_run=False, quiet=True))


@pytest.mark.parametrize("name", ["a.tf", "a b.tf", 'q"uote.tf', "tab\tbed.tf", "back\\slash.tf", "bell\a.tf"])
def test_a_patch_is_one_for_git(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git applies the patch to a file of any name, with or without a line break at its end."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("one\ntwo", "utf-8")
    patch = patch_of({name: "one\nthree", "same.tf": "x"}, lambda file: "x" if file == "same.tf" else "one\ntwo")
    assert "same.tf" not in patch
    subprocess.run(["git", "apply", "-"], input=patch.encode(), check=True)
    assert Path(name).read_text("utf-8") == "one\nthree"
