"""``passrole-checks suggest`` and ``fix``: their output, the files written, and their exit statuses."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from profiles import examples
from suggesting import USED, allow, policy, suggest_options

from passrole_checks import cli as command_line
from passrole_checks.cli import suggest_runner
from passrole_checks.files import write_atomically
from passrole_checks.findings import Severity

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample_templates" / "suggestions"
ECS = '{ StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }'
FIXABLE = policy(allow(condition=ECS)) + USED
NOT_FIXABLE = policy(allow())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a working directory for the test, from which subprocesses import the same package as the tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(command_line.__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


WRITTEN = ("--grade", "narrowed", "--grade", "repairing")


def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "passrole_checks", *arguments], capture_output=True, env=dict(os.environ), check=False
    )


TRUST = {
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}]
}


def put(content: str, name: str = "main.tf") -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8"))
    return path


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("content", "arguments", "status"),
    [
        (FIXABLE, (), 1),
        (NOT_FIXABLE, (), 1),
        (NOT_FIXABLE, ("--check", "003"), 0),
        (NOT_FIXABLE, ("--skip-check", "any-role"), 0),
        (USED, (), 0),
        ("resource {", (), 2),
        ("", ("--allow-empty",), 0),
    ],
)
def test_exit_status_of_suggest(content: str, arguments: tuple[str, ...], status: int) -> None:
    """1 with findings, with or without suggestions, 0 without, 2 if a file is unreadable."""
    put(content)
    done = run("suggest", ".", *arguments)
    assert done.returncode == status, done.stderr


@pytest.mark.parametrize(
    ("content", "arguments", "status"),
    [
        (FIXABLE, WRITTEN, 0),
        (FIXABLE, (*WRITTEN, "--dry-run"), 0),
        (FIXABLE, (), 1),
        (FIXABLE, ("--dry-run",), 1),
        (NOT_FIXABLE, (), 1),
        (NOT_FIXABLE, ("--dry-run",), 1),
        (NOT_FIXABLE, ("--fail-on", "never"), 0),
        (policy(allow(condition=ECS)), ("--fail-on", "high"), 0),
        (FIXABLE, (*WRITTEN, "--severity", "high"), 1),
        (FIXABLE, (*WRITTEN, "--severity", "high", "--dry-run"), 1),
        (USED, (), 0),
        ("resource {", (), 2),
    ],
)
def test_exit_status_of_fix(content: str, arguments: tuple[str, ...], status: int) -> None:
    """0 if no finding at or above --fail-on remains, otherwise 1; 2 if a file is unreadable."""
    put(content)
    done = run("fix", ".", *arguments)
    assert done.returncode == status, done.stdout


def test_suggest_and_a_dry_run_write_nothing(folder: Path) -> None:
    """Neither suggest, in any format, nor fix --dry-run changes or creates a file."""
    shutil.copytree(SAMPLE, "sample")
    before = everything(folder)
    for arguments in (("suggest",), ("suggest", "--format", "json"), ("suggest", "--format", "patch")):
        assert run(*arguments, "sample").returncode == 1
    assert run("fix", "--dry-run", "sample", *WRITTEN).returncode == 1
    assert everything(folder) == before


def test_fix_reports_changes_and_remaining_findings() -> None:
    """The output has each written statement with its change, and what needs manual review."""
    put(FIXABLE)
    put(NOT_FIXABLE, "other/main.tf")
    assert run("fix", ".", *WRITTEN).stdout.decode() == (
        """\
main.tf:6  aws_iam_user_policy.deploy
  fixed  PASSROLE_001 any-role  (narrowed)
          Names the role that this configuration passes to
          ecs-tasks.amazonaws.com (aws_iam_role.task); add roles that are passed
          manually or elsewhere.

other/main.tf:6  aws_iam_user_policy.deploy
  PASSROLE_001 any-role
          Needs manual review:
          - role ARNs: this code does not show which roles this principal passes
          - which action needs iam:PassRole: bot has no other permissions here
          Suggested statement:
            {
              Effect = "Allow"
              Action = "iam:PassRole"
              Resource = "<role ARN>"
              Condition = {
                StringEquals = {
                  "iam:PassedToService" = "<service>.amazonaws.com"
                }
              }
            }

1 finding fixed in 1 file
1 finding needs manual review
"""
    )


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_patch_equals_fix(folder: Path, ends: str, last: str, mark: str) -> None:
    """git apply and patch -p1 give the same files as fix, for all line endings."""
    content = mark + (USED + policy(allow(condition=ECS))).rstrip("\n").replace("\n", ends) + last.replace("\n", ends)
    for tool in ("git", "patch", "fix"):
        put(content, f"{tool}/a b/main.tf")
    os.chdir("git")
    written = run("suggest", ".", "--format", "patch", "--output", "../found.patch", *WRITTEN)
    assert written.returncode == 1
    subprocess.run(["git", "init", "-q", "."], check=True)
    subprocess.run(["git", "apply", "../found.patch"], check=True)
    os.chdir("../patch")
    subprocess.run(["patch", "-p1", "--binary", "-s", "-i", "../found.patch"], check=True)
    os.chdir("../fix")
    assert run("fix", ".", *WRITTEN).returncode == 0
    os.chdir("..")
    results = {tool: Path(tool, "a b", "main.tf").read_bytes() for tool in ("git", "patch", "fix")}
    assert results["git"] == results["patch"] == results["fix"] != content.encode()


def test_sample_is_fixed_completely(folder: Path) -> None:
    """fix edits HCL, JSON in a heredoc, YAML and JSON; a second run changes nothing."""
    shutil.copytree(SAMPLE, "sample")
    assert run("fix", "sample", *WRITTEN).returncode == 1
    after = everything(folder)
    before = {name: (SAMPLE / Path(name).relative_to("sample")).read_bytes() for name in after}
    assert {name for name in after if after[name] != before[name]} == {
        "sample/cloudformation/app.json",
        "sample/cloudformation/app.yaml",
        "sample/terraform/main.tf",
    }
    again = run("fix", "sample", *WRITTEN).stdout.decode()
    assert again.endswith("\n\n2 findings need manual review\n")
    assert everything(folder) == after


def test_json_has_all_data(folder: Path) -> None:
    """JSON has findings, edits, missing values, and the patch."""
    file = put(FIXABLE)
    found = json.loads(run("suggest", ".", "--format", "json", *WRITTEN).stdout)
    assert {key: found[key] for key in ("version", "unreadable", "not_evaluated")} == {
        "version": 1,
        "unreadable": [],
        "not_evaluated": [],
    }
    (one,) = found["suggestions"]
    start = file.read_text().index('"*"')
    assert one["edits"] == [{"file": "main.tf", "start": start, "end": start + 3, "text": "aws_iam_role.task.arn"}]
    assert {key: one[key] for key in ("file", "line", "end_line", "resource", "sid", "missing")} == {
        "file": "main.tf",
        "line": 6,
        "end_line": 11,
        "resource": "aws_iam_user_policy.deploy",
        "sid": None,
        "missing": [],
    }
    assert [item["check_id"] for item in one["findings"]] == ["PASSROLE_001"]
    assert one["statement"].splitlines()[3] == "  Resource = aws_iam_role.task.arn"
    assert found["patch"] == run("suggest", ".", "--format", "patch", *WRITTEN).stdout.decode()


def test_patch_without_changes_is_empty() -> None:
    """If nothing can be fixed, the patch is empty."""
    put(NOT_FIXABLE)
    assert run("suggest", ".", "--format", "patch").stdout == b""


def test_baseline_findings_are_not_fixed(folder: Path) -> None:
    """Findings in the baseline get no suggestion and no fix."""
    file = put(FIXABLE)
    assert run("scan", ".", "--write-baseline", "baseline.json").returncode == 0
    assert run("suggest", ".", "--baseline", "baseline.json").returncode == 0
    assert run("fix", ".", "--baseline", "baseline.json", *WRITTEN).returncode == 0
    assert file.read_text() == FIXABLE


def test_suppressed_findings_are_not_fixed() -> None:
    """A finding suppressed by a comment is not fixed."""
    file = put(FIXABLE.replace('"bot"\n', '"bot" # passrole:skip=PASSROLE_001 reviewed\n'))
    before = file.read_text()
    assert run("fix", ".", *WRITTEN).stdout == b"nothing to fix\n"
    assert file.read_text() == before


def test_symbolic_link_is_not_written(folder: Path) -> None:
    """A symbolic link is named, and neither it nor its target is changed."""
    target = put(FIXABLE, "root/elsewhere/real.txt")
    Path("root/main.tf").symlink_to(target.resolve())
    done = run("fix", "root", *WRITTEN)
    assert done.returncode == 2
    assert done.stderr.decode() == "root/main.tf: not written, because it is a symbolic link\n"
    assert Path("root/main.tf").is_symlink()
    assert target.read_text() == FIXABLE
    assert done.stdout.decode().endswith("\n\n1 finding needs manual review\n")


def test_read_only_file_is_not_written() -> None:
    """A read-only file, such as a generated one, is named and not changed."""
    file = put(FIXABLE)
    file.chmod(0o444)
    done = run("fix", ".", *WRITTEN)
    assert (done.returncode, done.stderr.decode()) == (2, "main.tf: not written, because it is read-only\n")
    assert file.read_text() == FIXABLE


def test_long_line_is_shown_around_the_change() -> None:
    """For a one-line template, the change is shown with some context."""
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}}
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
    group = {"Type": "AWS::IAM::GroupPolicy", "Properties": {"PolicyDocument": {"Statement": [statement]}}}
    resources = {"Role": role, "Function": function, "Group": group}
    put(json.dumps({"Description": "x" * 500, "Resources": resources}), "app.json")
    shown = run("suggest", ".").stdout.decode().splitlines()
    assert shown[2] == '  - …  [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}}}}}'


def test_concurrently_modified_file_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes made since the file was read are not lost."""
    file = put(FIXABLE)
    found = suggest_runner.find_suggestions(["."], suggest_options("narrowed", "repairing"), severity())
    file.write_text(FIXABLE + "# more\n")
    written = suggest_runner.write_fixes(found, dry_run=False)
    assert [reason for _, reason in written.refused] == ["not written, because it was changed since it was read"]
    assert written.made == ()
    assert file.read_text() == FIXABLE + "# more\n"


def test_file_mode_is_kept_and_no_temporary_file_remains(folder: Path) -> None:
    """A written file keeps its mode, and no other file remains."""
    file = put(FIXABLE)
    file.chmod(0o640)
    assert run("fix", ".", *WRITTEN).returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in folder.iterdir()] == ["main.tf"]


def test_unwritable_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """If no file can be created in the folder, the file is named and not changed."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    file = put(FIXABLE)
    found = suggest_runner.find_suggestions(["."], suggest_options("narrowed", "repairing"), severity())
    monkeypatch.setattr(write_atomically, "replace_file", refuse)
    written = suggest_runner.write_fixes(found, dry_run=False)
    assert [reason for _, reason in written.refused] == ["not written: Permission denied"]
    assert [bool(one.edits) for one in written.left] == [False]
    assert file.read_text() == FIXABLE


def test_escape_sequences_in_files_are_neutralized() -> None:
    """Escape sequences in displayed file content are escaped."""
    put(FIXABLE.replace('Effect = "Allow"', 'Sid = "\x1b[31mred"\n        Effect = "Allow" # \x1b[2J', 1))
    assert b"\x1b" not in run("suggest", ".").stdout
    assert b"\x1b" not in run("fix", ".").stdout


def severity(least: str = "low") -> Severity:
    return Severity(least)


STATEMENTS = st.lists(
    st.builds(
        lambda resource, condition, action: allow(resource, condition, action),
        st.sampled_from(
            ['"*"', '"arn:aws:iam::*:role/*"', "aws_iam_role.task.arn", '"arn:aws:iam::111122223333:role/task*"']
        ),
        st.sampled_from(
            [
                "",
                ECS,
                '{ StringLike = { "iam:PassedToService" = "*" } }',
                '{ StringEquals = { "iam:PassedToService" = ["lambda"] } }',
                '{ StringEqualsIfExists = { "iam:PassedToService" = "glue.amazonaws.com" } }',
                '{ StringEquals = { "iam:ResourceTag/a" = "b" } }',
            ]
        ),
        st.sampled_from(['"iam:PassRole"', '["iam:PassRole"]', '["iam:GetRole", "iam:PassRole"]', '"iam:*"']),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STATEMENTS, st.sampled_from(["low", "info"]))
def test_fix_is_idempotent(tmp_path: Path, statements: list[str], least: str) -> None:
    """For any input, fix leaves nothing that fix would change, and no new finding."""
    file = put(policy(*statements) + USED)
    asked = [str(tmp_path)], suggest_options("narrowed", "repairing"), severity(least)
    first = suggest_runner.find_suggestions(*asked)
    before = {one.check_id for one in first.findings}
    suggest_runner.write_all_fixes(first, *asked, dry_run=False)
    text = file.read_text()
    second = suggest_runner.find_suggestions(*asked)
    assert suggest_runner.write_all_fixes(second, *asked, dry_run=False).made == ()
    assert file.read_text() == text
    assert {one.check_id for one in second.findings if one.severity.rank} <= before


def test_follow_up_suggestions_are_written(tmp_path: Path) -> None:
    """One statement allows iam:GetRole on all roles; after it is narrowed, another statement lacks it."""
    condition = '{ StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }'
    put(policy(allow(), allow('"*"', condition, '["iam:GetRole", "iam:PassRole"]')) + USED)
    asked = [str(tmp_path)], {**suggest_options("narrowed", "repairing"), "check": ("001", "012")}, severity("info")
    suggest_runner.write_all_fixes(suggest_runner.find_suggestions(*asked), *asked, dry_run=False)
    assert "PASSROLE_012" not in {one.check_id for one in suggest_runner.find_suggestions(*asked).findings}


def template(statements: list[dict[str, object]], form: str) -> str:
    """Draw a task with its role, and a user's policy, as YAML in block or flow style, or as JSON."""
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = {"RoleName": "orders-task", "AssumeRolePolicyDocument": {"Statement": [trust]}}
    document = {"Version": "2012-10-17", "Statement": statements if len(statements) > 1 else statements[0]}
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"TaskRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}}},
        "Policy": {
            "Type": "AWS::IAM::UserPolicy",
            "Properties": {"UserName": "bot", "PolicyName": "bot", "PolicyDocument": document},
        },
    }
    if form.startswith("json"):
        return json.dumps({"Resources": resources}, indent=2 if form == "json" else None)
    return str(yaml.safe_dump({"Resources": resources}, default_flow_style=form == "flow", sort_keys=False))


PASSED = "iam:PassedToService"
IN_TEMPLATES = st.lists(
    st.builds(
        lambda resource, condition, action: {
            "Effect": "Allow",
            "Action": action,
            "Resource": resource,
            **({"Condition": condition} if condition else {}),
        },
        st.sampled_from(["*", ["arn:aws:iam::*:role/*"], "arn:aws:iam::111122223333:role/orders-*"]),
        st.sampled_from(
            [
                None,
                {"StringEquals": {PASSED: "ecs-tasks.amazonaws.com"}},
                {"StringLike": {PASSED: ["*"]}},
                {"StringEquals": {"aws:RequestedRegion": "eu-central-1", PASSED: "ecs-tasks"}},
                {"StringEquals": {"iam:ResourceTag/a": "b"}, "Bool": {"aws:MultiFactorAuthPresent": "true"}},
            ]
        ),
        st.sampled_from(["iam:PassRole", ["iam:PassRole"], ["iam:GetRole", "iam:PassRole"], ["iam:PassRole", "s3:*"]]),
    ),
    min_size=1,
    max_size=2,
)


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(IN_TEMPLATES, st.sampled_from(["block", "flow", "json", "json in a line"]), st.sampled_from(["low", "info"]))
def test_fix_of_templates_is_idempotent(
    tmp_path: Path, statements: list[dict[str, object]], form: str, least: str
) -> None:
    """Also for templates; actions other than iam:PassRole stay allowed."""
    if least == "info":  # one of several statements may allow iam:GetRole for another, which is reported only then
        statements = statements[:1]
    file = put(template(statements, form), "app.json" if form.startswith("json") else "app.yaml")
    asked = [str(file)], suggest_options("narrowed", "repairing"), severity(least)
    suggest_runner.write_all_fixes(suggest_runner.find_suggestions(*asked), *asked, dry_run=False)
    text = file.read_text()
    policy_ = yaml.safe_load(text.replace("!GetAtt ", ""))["Resources"]["Policy"]["Properties"]
    found = as_list(policy_["PolicyDocument"]["Statement"])
    allowed = {name for one in found for name in as_list(one["Action"])}
    assert {name for one in statements for name in as_list(one["Action"])} <= allowed
    assert allowed <= {"iam:PassRole", "iam:GetRole", "s3:*"}
    assert suggest_runner.write_fixes(suggest_runner.find_suggestions(*asked), dry_run=False).made == ()
    assert file.read_text() == text


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]
