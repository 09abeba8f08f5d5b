"""Suggestions as text and as a patch."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from passrole_checks.findings import Finding
from passrole_checks.iam.values.nodes import Position
from passrole_checks.output.findings_text import Line, to_plain_text
from passrole_checks.output.suggest import fixed_lines, patch_of, suggestion_lines
from passrole_checks.output.suggest_summary import fix_summary, suggest_summary
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.suggest.grade import Grade
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
    one = Suggestion((finding,), AT, (EDIT,), "Names the role.", (), "", grade=Grade.NARROWED)
    found = lines(one, {"iam.yaml": old, "more.tf": "a\n"}, {"iam.yaml": new, "more.tf": "b\n"})
    assert found[:2] == ["iam.yaml:8  P  Pass", "  PASSROLE_001 any-role  (narrowed)"]
    assert {"  - line 2", "  + changed", "    …", "  - line 20", "  in more.tf", "  - a", "  + b"} <= set(found)
    assert found[-2:] == ["          Names the role.", ""]


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


def test_fixed_statements_come_before_remaining_ones(finding: Finding) -> None:
    """Written changes come first, then those that were not asked for, with the option that writes them."""
    made = Suggestion((finding,), AT, (EDIT,), "Names the role.", (), "", grade=Grade.EQUIVALENT)
    left = replace(made, grade=Grade.NARROWED)
    manual = Suggestion((finding,), AT, (), "", ("the role",), "")
    rows = to_plain_text(fixed_lines([made], [left, manual], (Grade.EQUIVALENT,))).splitlines()
    assert rows[1] == "  fixed  PASSROLE_001 any-role  (equivalent)"
    assert rows[5:7] == ["  PASSROLE_001 any-role  (narrowed)", "          Not written: use --grade narrowed."]
    assert rows[-2] == "          - the role"


def summary(lines_: list[Line]) -> list[str]:
    return to_plain_text(lines_).splitlines()


def test_summary_counts_findings_by_grade(finding: Finding) -> None:
    """Each finding is counted once, at the safest grade; findings of no grade need manual review."""
    other, third, fourth = (replace(finding, message=name) for name in "abc")
    made = Suggestion((finding,), AT, (EDIT,), "", (), "", grade=Grade.EQUIVALENT)
    narrowed = replace(made, findings=(finding, other), grade=Grade.NARROWED)
    repairing = replace(
        made, findings=(third,), grade=Grade.REPAIRING, added=("s3:GetObject on *", "s3:PutObject on *")
    )
    manual = Suggestion((fourth,), AT, (), "", ("the role",), "")
    assert summary(suggest_summary([made, narrowed, repairing, manual])) == [
        "1 finding can be fixed (passrole-checks fix)",
        "1 finding can be fixed (passrole-checks fix --grade narrowed)",
        "1 finding can be fixed (passrole-checks fix --grade repairing)",
        "  adds s3:GetObject on *",
        "  adds s3:PutObject on *",
        "1 finding needs manual review",
    ]
    assert summary(suggest_summary([])) == ["nothing to suggest"]


def test_summary_names_what_was_written_and_what_it_adds(finding: Finding) -> None:
    """``fix`` counts the fixed findings and those that are less severe, and names each permission that edits add."""
    made = Suggestion((finding,), AT, (EDIT,), "", (), "", grade=Grade.REPAIRING, added=("s3:GetObject on *",))
    limited = Suggestion((), AT, (EDIT,), "", (), "", grade=Grade.EQUIVALENT, less_severe=(finding,))
    assert summary(fix_summary([made, limited], [], dry_run=False)) == [
        "1 finding fixed in 1 file",
        "1 finding became less severe",
        "  adds s3:GetObject on *",
    ]
    assert summary(fix_summary([made], [limited], dry_run=True)) == [
        "1 finding would be fixed in 1 file",
        "  adds s3:GetObject on *",
        "1 finding can become less severe (passrole-checks fix)",
    ]
    assert summary(fix_summary([], [], dry_run=False)) == ["nothing to fix"]


@pytest.mark.parametrize("name", ["a.tf", "a b.tf", 'q"uote.tf', "tab\tbed.tf", "back\\slash.tf", "bell\a.tf"])
def test_patch_applies_with_git(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git applies the patch to a file of any name, with or without a final line break."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("one\ntwo", "utf-8")
    patch = patch_of({name: "one\nthree", "same.tf": "x"}, lambda file: "x" if file == "same.tf" else "one\ntwo")
    assert "same.tf" not in patch
    subprocess.run(["git", "apply", "-"], input=patch.encode(), check=True)
    assert Path(name).read_text("utf-8") == "one\nthree"
