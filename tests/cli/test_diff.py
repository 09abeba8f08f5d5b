"""``passrole-checks diff``: what it prints, its JSON and its exit statuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from passrole_checks import cli as command_line

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_templates" / "diff"
STATEMENT = """\
Resources:
  Pass:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: pass
      Roles: [deployer]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Sid: Pass
            Effect: Allow
            Action: iam:PassRole
            Resource: arn:aws:iam::111122223333:role/ROLE
            Condition: {StringEquals: {"iam:PassedToService": lambda.amazonaws.com}}
"""
NARROW, WIDE, EVERY = (STATEMENT.replace("ROLE", role) for role in ("app-*", "a*", "*"))
OPEN = "\n".join(line for line in NARROW.split("\n") if "Condition" not in line)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of the test's own, from which subprocesses import the same package as the tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(command_line.__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "passrole_checks", "diff", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=dict(os.environ),
        cwd=cwd,
        check=False,
    )


def put(name: str, content: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(content, "utf-8")
    return name


@pytest.mark.parametrize(
    ("old", "new", "options", "status"),
    [
        (NARROW, NARROW, (), 0),
        (NARROW, "# a comment\n" + NARROW, (), 0),
        (OPEN, NARROW, (), 0),
        (NARROW, OPEN, (), 1),
        (NARROW, OPEN, ("--fail-on", "never"), 0),
        (NARROW, WIDE, (), 0),
        (NARROW, WIDE, ("--fail-on", "info"), 1),
        (NARROW, EVERY, (), 1),
        (NARROW, "Resources:\n  A: {Type: AWS::IAM::Role, Properties: [\n", (), 2),
        ("no template", NARROW, (), 2),
        ("no template", NARROW, ("--allow-empty",), 0),
        ("no template", OPEN, ("--allow-empty",), 1),
    ],
)
def test_exit_status(old: str, new: str, options: tuple[str, ...], status: int) -> None:
    """0 where nothing is new or widened, 1 where something is, as severe as asked for, 2 where a side is unreadable."""
    result = run(put("old.yaml", old), put("new.yaml", new), *options)
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    assert bool(result.stderr) is (status == 2)


def test_an_unreadable_side_is_never_clean() -> None:
    """Where a side cannot be read that is said in the output too, and the other side is neither new nor removed."""
    result = run(put("old.yaml", NARROW), put("new.yaml", "Resources: [\n  Type: AWS::IAM::Role"), "--format", "json")
    result_missing = run("old.yaml", "missing.yaml")
    found = json.loads(result.stdout)
    assert (result.returncode, result_missing.returncode) == (2, 2)
    assert {name: found[name] for name in ("new", "widened", "narrowed", "removed")} == {
        "new": [], "widened": [], "narrowed": [], "removed": [],
    }  # fmt: skip
    assert {entry["file"] for entry in found["not_evaluated"]} == {"old.yaml", "new.yaml"}
    assert "ERROR: 1 of 2 files could not be read" in result_missing.stdout
    assert result_missing.stderr == "missing.yaml: no such file or folder\n"


def test_a_folder_without_infrastructure_code_is_named(folder: Path) -> None:
    """A side without any infrastructure code is unusable, unless that is said to be right."""
    (folder / "empty").mkdir()
    put("full/app.yaml", OPEN)
    assert run("empty", "full").stderr.startswith("empty: no Terraform, plan, CloudFormation or SAM files found")
    assert run("empty", "full").returncode == 2
    assert run("empty", "full", "--allow-empty").returncode == 1
    assert run("full", "empty", "--allow-empty").returncode == 0


def test_json_has_the_promised_keys() -> None:
    """The JSON holds the groups, a count and what is not evaluated; an entry is a grant with what was before."""
    result = run(put("old.yaml", NARROW), put("new.yaml", OPEN), "--format", "json")
    found = json.loads(result.stdout)
    groups = ["new", "widened", "narrowed", "removed", "moved"]
    assert list(found) == ["version", *groups, "unchanged", "faults", "not_evaluated", "excluded"]
    assert (found["version"], found["unchanged"], found["faults"], found["not_evaluated"]) == (1, 0, [], [])
    (entry,) = found["widened"]
    assert (entry["file"], entry["line"], entry["sid"], entry["severity"]) == ("new.yaml", 10, "Pass", "high")
    assert (entry["principals"], entry["services"]["constraint"]) == (["deployer"], "absent")
    assert (entry["before"]["file"], entry["before"]["services"]["values"]) == ("old.yaml", ["lambda.amazonaws.com"])
    assert "cause" not in entry


def test_a_cause_elsewhere_is_in_the_json() -> None:
    """Where a Deny is gone the entry names its file and line as the cause."""
    denied = NARROW + "          - {Effect: Deny, Action: iam:PassRole, Resource: 'arn:aws:iam::*:role/app-admin'}\n"
    found = json.loads(run(put("old.yaml", denied), put("new.yaml", NARROW), "--format", "json").stdout)
    (entry,) = found["widened"]
    assert entry["cause"] == {"file": "old.yaml", "line": 15, "removed": True}


def test_the_sample_reads_as_it_stands_there() -> None:
    """The sample's two versions give exactly the text beside them."""
    result = run("sample_templates/diff/cloudformation/old", "sample_templates/diff/cloudformation/new", cwd=ROOT)
    assert result.stdout == (SAMPLE / "diff.txt").read_text("utf-8")
    assert (result.returncode, result.stderr) == (1, "")


def test_both_formats_at_once(folder: Path) -> None:
    """Text goes to the terminal while the JSON goes to a file; --quiet leaves the summary out."""
    put("old.yaml", NARROW), put("new.yaml", OPEN)
    result = run("old.yaml", "new.yaml", "--quiet", "--format", "json", "--output", "out.json", "--format", "text")
    assert result.stdout.startswith("~ new.yaml:10  Pass  Pass  widened  (high)\n")
    assert "unchanged" not in result.stdout
    assert len(json.loads((folder / "out.json").read_text("utf-8"))["widened"]) == 1


def test_each_role_that_differs_stands_among_the_roles(folder: Path) -> None:
    """Of several roles only one differs: it stands in its place among them, not behind the services."""
    for name, roles in (("old", ["a", "b"]), ("new", ["a", "b*"])):
        arns = [f"arn:aws:iam::111122223333:role/{role}" for role in roles]
        statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": arns}
        properties = {"PolicyName": "p", "Roles": ["deployer"], "PolicyDocument": {"Statement": statement}}
        resources = {"P": {"Type": "AWS::IAM::Policy", "Properties": properties}}
        (folder / f"{name}.json").write_text(json.dumps({"Resources": resources}), "utf-8")
    lines = run(str(folder / "old.json"), str(folder / "new.json")).stdout.splitlines()
    assert [line[:4] + line[14:].partition(":role/")[2] for line in lines[2:5]] == [
        "    a  exact",
        "  - b  exact",
        "  + b*  prefix",
    ]
