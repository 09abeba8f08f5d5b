"""``passrole-checks diff``: its output, JSON and exit statuses."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_runs import run_command

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
    """Create a working directory for the test."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return run_command("diff", *arguments, cwd=cwd)


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
    """Exit status is 0 without new or widened access, 1 at or above --fail-on, 2 if a side is unreadable."""
    result = run(put("old.yaml", old), put("new.yaml", new), *options)
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    assert bool(result.stderr) is (status == 2)


def test_unreadable_side_is_reported_in_the_output() -> None:
    """If a side cannot be read, the output says so, and the grants of the other side are neither new nor removed."""
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


def test_folder_without_infrastructure_code_is_an_error(folder: Path) -> None:
    """A side without infrastructure code is an error, unless --allow-empty is set."""
    (folder / "empty").mkdir()
    put("full/app.yaml", OPEN)
    assert run("empty", "full").stderr.startswith(
        "empty: no Terraform, plan, CloudFormation, SAM or account files found"
    )
    assert run("empty", "full").returncode == 2
    assert run("empty", "full", "--allow-empty").returncode == 1
    assert run("full", "empty", "--allow-empty").returncode == 0


def test_json_has_the_documented_keys() -> None:
    """JSON contains the groups, a count, and items not evaluated; an entry is a grant with its previous state."""
    result = run(put("old.yaml", NARROW), put("new.yaml", OPEN), "--format", "json")
    found = json.loads(result.stdout)
    groups = ["new", "widened", "narrowed", "removed", "moved"]
    assert list(found) == ["version", *groups, "unchanged", "faults", "not_evaluated", "excluded"]
    assert (found["version"], found["unchanged"], found["faults"], found["not_evaluated"]) == (1, 0, [], [])
    (entry,) = found["widened"]
    assert (entry["file"], entry["line"], entry["sid"], entry["severity"]) == ("new.yaml", 10, "Pass", "medium")
    assert (entry["principals"], entry["services"]["constraint"]) == (["deployer"], "absent")
    assert (entry["before"]["file"], entry["before"]["services"]["values"]) == ("old.yaml", ["lambda.amazonaws.com"])
    assert "cause" not in entry


def test_json_names_the_removed_deny_as_cause() -> None:
    """If a Deny was removed, the entry names its file and line as the cause."""
    denied = NARROW + "          - {Effect: Deny, Action: iam:PassRole, Resource: 'arn:aws:iam::*:role/app-admin'}\n"
    found = json.loads(run(put("old.yaml", denied), put("new.yaml", NARROW), "--format", "json").stdout)
    (entry,) = found["widened"]
    assert entry["cause"] == {"file": "old.yaml", "line": 15, "removed": True}


def diff_of_sample() -> subprocess.CompletedProcess[str]:
    return run("sample_templates/diff/cloudformation/old", "sample_templates/diff/cloudformation/new", cwd=ROOT)


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the file beside the sample, with the text that the command prints now."""
    yield SAMPLE / "diff.txt", diff_of_sample().stdout


def test_sample_gives_the_expected_text() -> None:
    """The sample's two versions give exactly the text beside them."""
    result = diff_of_sample()
    assert result.stdout == (SAMPLE / "diff.txt").read_text("utf-8")
    assert (result.returncode, result.stderr) == (1, "")


def test_text_and_json_are_written_in_one_run(folder: Path) -> None:
    """Text goes to the terminal while JSON goes to a file; --quiet omits the summary."""
    put("old.yaml", NARROW), put("new.yaml", OPEN)
    result = run("old.yaml", "new.yaml", "--quiet", "--format", "json", "--output", "out.json", "--format", "text")
    assert result.stdout.startswith("~ new.yaml:10  Pass  Pass  widened  (medium)\n")
    assert "unchanged" not in result.stdout
    assert len(json.loads((folder / "out.json").read_text("utf-8"))["widened"]) == 1


def test_changed_role_is_listed_among_the_roles(folder: Path) -> None:
    """If only one of several roles differs, it is listed in its position, not after the services."""
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


def test_side_without_code_is_named_in_the_summary() -> None:
    put("new/template.yaml", WIDE)
    Path("old").mkdir()
    done = run("old", "new")
    assert done.returncode == 2
    assert "ERROR: 1 path without infrastructure code; 1 new" in done.stdout
