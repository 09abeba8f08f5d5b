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


def test_change_is_shown_as_a_diff(finding: Finding) -> None:
    """Distant lines are separated, and a file other than the statement's is named."""
    old = "".join(f"line {number}\n" for number in range(30))
    new = old.replace("line 2\n", "changed\n").replace("line 20\n", "")
    one = Suggestion((finding,), AT, (EDIT,), "Names the role.", (), "")
    found = lines(one, {"iam.yaml": old, "more.tf": "a\n"}, {"iam.yaml": new, "more.tf": "b\n"})
    assert found[:2] == ["iam.yaml:8  P  Pass", "  PASSROLE_001 any-role"]
    assert {"  - line 2", "  + changed", "    …", "  - line 20", "  in more.tf", "  - a", "  + b"} <= set(found)
    assert found[-3:] == [
        "          Names the role.",
        "",
        "1 finding can be fixed (passrole-checks fix); 0 need manual review",
    ]


def test_long_lines_are_cut_to_the_difference(finding: Finding) -> None:
    """Of a long line only the difference is shown, unless several lines differ."""
    one = Suggestion((finding,), AT, (EDIT,), "x", (), "")
    long = "a" * 300 + "OLD" + "b" * 300
    found = lines(one, {"iam.yaml": f"{long}\n"}, {"iam.yaml": long.replace("OLD", "NEW") + "\n"})
    assert any("OLD" in line and "…" in line and len(line) < 300 for line in found)
    both = lines(one, {"iam.yaml": f"{long}\n{long}\n"}, {"iam.yaml": f"{long}x\n{long}y\n"})
    assert f"  - {long}" in both


def test_manual_review_lists_missing_values(finding: Finding) -> None:
    """Missing values are listed, with the suggested statement if there is one."""
    one = Suggestion(
        (finding,), AT, (), "", ("the role that is meant, which nobody has written down anywhere",), "a\nb"
    )
    found = lines(one, {}, {})
    assert found[2:7] == [
        "          Needs manual review:",
        "          - the role that is meant, which nobody has written",
        "            down anywhere",
        "          Suggested statement:",
        "            a",
    ]
    assert "          Suggested statement:" not in lines(replace(one, statement=""), {}, {})
    assert to_plain_text(suggestion_lines([], str, lambda _: {})) == "nothing to suggest\n"
    assert to_plain_text(suggestion_lines([], str, lambda _: {}, quiet=True)) == ""


def test_fixed_statements_come_before_remaining_ones(finding: Finding) -> None:
    """Written changes, or those of a dry run, come first; --quiet omits the summary."""
    made = Suggestion((finding,), AT, (EDIT,), "Names the role.", (), "")
    left = Suggestion((finding,), AT, (), "", ("the role",), "")
    rows = to_plain_text(fixed_lines([made], [left], dry_run=True)).splitlines()
    assert rows[1] == "  would fix  PASSROLE_001 any-role"
    assert rows[-1] == "1 finding would be fixed in 1 file; 1 needs manual review"
    assert (
        to_plain_text(fixed_lines([made], [], dry_run=False)).splitlines()[-1]
        == "1 finding fixed in 1 file; 0 need manual review"
    )
    assert to_plain_text(fixed_lines([], [], dry_run=False)) == "nothing to fix\n"
    assert "manual review" not in to_plain_text(fixed_lines([made], [], dry_run=False, quiet=True))


@pytest.mark.parametrize("name", ["a.tf", "a b.tf", 'q"uote.tf', "tab\tbed.tf", "back\\slash.tf", "bell\a.tf"])
def test_patch_applies_with_git(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git applies the patch to a file of any name, with or without a final line break."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("one\ntwo", "utf-8")
    patch = patch_of({name: "one\nthree", "same.tf": "x"}, lambda file: "x" if file == "same.tf" else "one\ntwo")
    assert "same.tf" not in patch
    subprocess.run(["git", "apply", "-"], input=patch.encode(), check=True)
    assert Path(name).read_text("utf-8") == "one\nthree"
