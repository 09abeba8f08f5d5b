"""Policies that only a missing module, state or value decides are counted in one note for each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_runs import run_command
from git_repositories import Repository, git_alone

MODULE = 'module "shared" {\n  source = "acme/shared/aws"\n}\n'
ONE_SERVICE = '{ StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }'


def policy(name: str, value: str) -> str:
    return f'resource "aws_iam_policy" "{name}" {{\n  policy = {value}\n}}\n'


def document(statement: str) -> str:
    return f'jsonencode({{ Version = "2012-10-17", Statement = [{{ {statement} }}] }})'


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PASSROLE_CHECKS_CACHE_DIR", str(tmp_path / "cache"))


def scan(**files: str) -> dict[str, Any]:
    """Return the JSON output of a scan of files in the working directory; it never fails."""
    for name, text in files.items():
        path = Path("root", f"{name.replace('__', '/')}.tf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = run_command("scan", "root", "--format", "json")
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def counts(result: dict[str, Any]) -> list[tuple[str, int]]:
    """Return the kinds of the notes with a number of policies, and that number."""
    words = [(note["kind"], note["reason"].partition("; ")[2]) for note in result["not_evaluated"]]
    return [(kind, int(rest.split()[0])) for kind, rest in words if "depend" in rest]


@pytest.mark.parametrize(
    "value",
    [
        "module.shared.json",
        'jsondecode(module.shared.json)["policy"]',
        'replace(module.shared.json, "ACCOUNT", "111122223333")',
        "data.aws_iam_policy_document.merged.json",
        document('Effect = "Allow", Action = module.shared.actions, Resource = "*"'),
        document('Effect = "Allow", Action = concat(["s3:GetObject"], module.shared.actions), Resource = "*"'),
        'jsonencode({ Statement = concat([{ Effect = "Allow", Action = "s3:*", Resource = "*" }], module.shared.all)})',
    ],
)
def test_policy_of_a_missing_module_is_counted(value: str) -> None:
    """So is one that has known statements about other actions."""
    merged = """\
data "aws_iam_policy_document" "merged" {
  source_policy_documents = [module.shared.json]
  statement {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}
"""
    result = scan(main=MODULE + merged + policy("p", value) + policy("q", "module.shared.other"))
    assert result["findings"] == []
    assert counts(result) == [("module", 2)]


@pytest.mark.parametrize(
    "value",
    [
        "module.shared.pass_role_json",
        "module.shared.json == null ? module.shared.PassRole : module.shared.json",
        document(f'Effect = "Allow", Action = "iam:PassRole", Resource = module.shared.arn, Condition = {ONE_SERVICE}'),
        document('Effect = "Allow", Action = module.shared.all, Resource = "arn:aws:iam::111122223333:role/app"'),
        document('Effect = "Allow", Action = module.shared.all, Resource = aws_iam_role.app.arn'),
        document('Effect = "Allow", Action = "iam:${module.shared.verb}", Resource = "*"'),
        document('Effect = "Allow", NotAction = module.shared.all, Resource = "*"'),
        document(f'Effect = "Allow", Action = module.shared.all, Resource = "*", Condition = {ONE_SERVICE}'),
        document('Effect = module.shared.effect, Action = "iam:PassRole", Resource = "*"'),
        'jsonencode({ Statement = concat([{ Effect = "Deny", Action = "iam:PassRole", '
        'Resource = "arn:aws:iam::*:role/x" }], module.shared.all) })',
        'jsonencode({ Statement = concat([{ Effect = "Allow", Action = "*", Resource = "arn:aws:s3:::app" }],'
        " module.shared.all) })",
        "var.document",
    ],
)
def test_visible_sign_of_pass_role_is_a_finding(value: str) -> None:
    """A name, an action that can be it, a role, a condition, another statement of the document."""
    role = 'resource "aws_iam_role" "app" {\n  assume_role_policy = "{}"\n}\nvariable "document" {}\n'
    result = scan(main=MODULE + role + policy("p", value))
    assert {finding["check_id"] for finding in result["findings"]} == {"PASSROLE_014"}
    assert counts(result) == []


@pytest.mark.parametrize(
    ("block", "value"),
    [
        ('data "terraform_remote_state" "x" {\n  backend = "s3"\n}\n', "data.terraform_remote_state.x.outputs.policy"),
        ('data "terraform_remote_state" "x" {\n  count = 1\n}\n', 'data.terraform_remote_state.x[0].outputs["p"].json'),
        ('data "aws_ssm_parameter" "x" {\n  name = "x"\n}\n', "data.aws_ssm_parameter.x.value"),
        ('data "aws_iam_policy" "x" {\n  name = "x"\n}\n', "data.aws_iam_policy.x.policy"),
    ],
)
def test_policy_of_a_data_source_outside_is_counted(block: str, value: str) -> None:
    """The note stands at the data source."""
    result = scan(main=block + policy("p", value) + policy("q", value))
    assert result["findings"] == []
    assert counts(result) == [("defined_elsewhere", 2)]
    (note,) = result["not_evaluated"]
    assert (note["file"], note["line"]) == ("root/main.tf", 1)


def test_roots_that_call_one_module_have_one_note() -> None:
    """It counts the policies of all of them; a note without policies stays as it was."""
    result = scan(
        one__main=MODULE + policy("p", "module.shared.json"), two__main=MODULE + policy("q", "module.shared.x")
    )
    assert result["findings"] == []
    assert counts(result) == [("module", 2)]
    assert len(result["not_evaluated"]) == 1
    assert counts(scan(one__main=MODULE, two__main="")) == []


def test_cached_scan_counts_the_same() -> None:
    """The second scan takes its result from the cache."""
    text = MODULE + policy("p", "module.shared.json")
    assert scan(main=text) == scan(main=text)


def test_suppressed_policy_of_a_missing_module_stays_suppressed() -> None:
    """Its suppression is in use."""
    text = policy("p", "module.shared.json").replace("{\n", "{\n  # passrole:skip=PASSROLE_014 reviewed\n", 1)
    result = scan(main=MODULE + text)
    assert result["unused_suppressions"] == []
    assert [finding["suppressed"]["reason"] for finding in result["findings"] if finding["suppressed"]] == ["reviewed"]


def test_baseline_with_such_findings_is_accepted() -> None:
    """An entry of a finding that is a note now can be removed, as any other entry without a finding."""
    text = MODULE + policy("p", "module.shared.json")
    scan(main=text)
    entry = {
        "fingerprint": "0" * 32, "check_id": "PASSROLE_014", "file": "root/main.tf",
        "resource": "aws_iam_policy.p", "severity": "low",
    }  # fmt: skip
    Path("baseline.json").write_text(json.dumps({"version": 1, "entries": [entry]}))
    done = run_command("scan", "root", "--baseline", "baseline.json", "--fail-on", "low")
    assert done.returncode == 0
    assert done.stderr == ""


def test_diff_and_review_count_policies_in_the_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another policy of the module is no finding; the access that it may grant is listed as information."""
    git_alone(monkeypatch)
    repository = Repository(tmp_path / "repository", capsys)
    first, second = (policy(name, f"module.shared.{name}") for name in ("p", "q"))
    base = repository.commit({"main.tf": MODULE + first})
    head = repository.commit({"main.tf": MODULE + first + second})
    done = run_command("review", base, head, "--format", "json", cwd=repository.folder)
    report = json.loads(done.stdout)
    assert (done.returncode, report["items"]) == (0, [])
    assert [note["reason"].partition("; ")[2][:1] for note in report["not_evaluated"]] == ["2"]
    done = run_command("diff", base, head, "--format", "json", cwd=repository.folder)
    changes = json.loads(done.stdout)
    assert [change["severity"] for change in changes["new"]] == ["info"]
    assert [note["reason"].partition("; ")[2][:1] for note in changes["not_evaluated"]] == ["2"]
