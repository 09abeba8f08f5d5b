"""Each remark of a review says what ``scan`` says of HEAD as a whole: check, severity, message, and location."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
from reviews_of_tests import START, Reviews, policy
from sample_folders import FOLDERS, ROOT, SAMPLES, options_of

from passrole_checks import cli

Row = tuple[str, str, str, str, int]
_OF_CHANGE = "PASSROLE_015"  # compares versions, of which `scan` sees one


def differing_from_scan(repository: Reviews, capture: pytest.CaptureFixture[str], *options: str) -> set[Row]:
    """Return the remarks of a review of the last commit that a scan of the working tree does not have.

    The scan includes unchanged resources of plans and change sets: a review compares two versions of such a file, and
    what was to be changed in BASE may be unchanged in HEAD.
    """
    items = repository.review("HEAD^", "HEAD", *options).report.items
    remarks = {
        (remark.check_id, remark.severity.value, remark.message, item.at.file, item.at.line)
        for item in items
        for remark in item.remarks
        if remark.check_id != _OF_CHANGE
    }
    cli.main(["scan", ".", "--unchanged", "--format", "json", *options])
    findings = json.loads(capture.readouterr().out)["findings"]
    rows = {(one["check_id"], one["severity"], one["message"], one["file"], one["line"]) for one in findings}
    return remarks - rows


def files_with_statements(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.parent != folder and b"PassRole" in path.read_bytes()
    ]


@pytest.mark.slow
@pytest.mark.parametrize("apart", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["all", "each"])
@pytest.mark.parametrize("folder", FOLDERS)
def test_new_statements_of_a_sample(
    folder: str, apart: bool, repository: Reviews, capsys: pytest.CaptureFixture[str]
) -> None:
    """BASE allows no PassRole in the files of a sample, or in one of them."""
    options = [
        word
        for name, value in options_of(folder).items()
        for word in (f"--{name}", str(ROOT / value) if name in ("account-details", "inventory") else value)
    ]
    copy = repository.folder / "sample_templates" / folder
    shutil.copytree(SAMPLES / folder, copy, symlinks=True)
    repository.commit()
    differing = {}
    files = files_with_statements(copy)
    for paths in ([path] for path in files) if apart else [files]:
        texts = {path: path.read_bytes() for path in paths}
        for path, text in texts.items():
            path.write_bytes(text.replace(b"PassRole", b"GetRole"))
        repository.commit()
        for path, text in texts.items():
            path.write_bytes(text)
        repository.commit()
        if rows := differing_from_scan(repository, capsys, *options):
            differing[paths[0].name] = rows
    assert not differing


BACKEND = 'terraform {\n  backend "s3" {\n    bucket = "b"\n    key    = "%s"\n  }\n}\n'
STATE = 'data "terraform_remote_state" "%s" {\n  backend = "s3"\n  config  = { bucket = "b", key = "%s" }\n}\n'
OUTPUT = 'output "%s" {\n  value = %s\n}\n'
ROLE = """\
resource "aws_iam_role" "{label}" {{
  name               = "{name}"
  assume_role_policy = jsonencode({{ Statement = [
    {{ Effect = "Allow", Action = "sts:AssumeRole", Principal = {{ Service = "{service}.amazonaws.com" }} }}
  ] }})
}}
resource "aws_iam_role_policy" "{label}" {{
  role   = aws_iam_role.{label}.name
  policy = jsonencode({{ Statement = [{{ Effect = "Allow", Action = "{action}", Resource = "*" }}] }})
}}
"""
PARAMETER = (
    'resource "aws_ssm_parameter" "p" {\n  name  = "/role"\n  type  = "String"\n  value = aws_iam_role.app.arn\n}\n'
)
PASSES = (
    "data.terraform_remote_state.iam.outputs.role",
    "data.terraform_remote_state.middle.outputs.role",
    "data.aws_ssm_parameter.role.value",
    '"arn:aws:iam::111122223333:role/app-x"',
    "data.aws_iam_role.app.arn",
)
LOOKUPS = (
    STATE % ("iam", "iam") + STATE % ("middle", "middle")
    + 'data "aws_ssm_parameter" "role" {\n  name = "/role"\n}\ndata "aws_iam_role" "app" {\n  name = "app-x"\n}\n'
)  # fmt: skip


def linked_roots(chance: random.Random) -> dict[str, str]:
    """Return roots that pass roles to each other: each file in one of several versions."""

    def statements() -> str:
        condition = ', Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }'
        passed = chance.choice(PASSES)
        pass_role = (
            f'{{ Effect = "Allow", Action = "iam:PassRole", Resource = {passed}{chance.choice(["", condition])} }}'
        )
        return policy(*chance.sample([pass_role, START, '{ Effect = "Allow", Action = "s3:*", Resource = "*" }'], 2))

    actions = ("s3:GetObject", "s3:*", "iam:*", "dynamodb:*")
    roles = ROLE.format(
        label="app", name="app-x", service=chance.choice(["lambda", "ec2"]), action=chance.choice(actions)
    )
    holder = ROLE.format(label="holder", name="deployer", service="codebuild", action=chance.choice(actions))
    outputs = OUTPUT % ("role", "aws_iam_role.app.arn")
    middle = OUTPUT % ("role", "data.terraform_remote_state.iam.outputs.role")
    call = 'module "m" {\n  source = "../%s"\n}\n'
    return {
        "iam/main.tf": BACKEND % "iam" + roles + outputs + chance.choice(["", holder]) + chance.choice(["", PARAMETER]),
        "middle/main.tf": BACKEND % "middle" + STATE % ("iam", "iam") + middle,
        "reader/main.tf": LOOKUPS + statements(),
        "called/main.tf": LOOKUPS + statements(),
        "calling/main.tf": chance.choice(["#\n", call % "called"]),
        "more/main.tf": chance.choice(["#\n", policy(START, name="more"), call % "called"]),
    }


def check_changes(seed: int, count: int, repository: Reviews, capture: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(seed)
    current = linked_roots(chance)
    repository.commit(current)
    for _ in range(count):
        changed = chance.sample(sorted(current), chance.choice([1, 1, 2, 3]))
        new = linked_roots(chance)
        current |= {name: new[name] for name in changed}
        repository.commit(current)
        assert not differing_from_scan(repository, capture, "--severity", "info"), (seed, changed)


def test_changes_of_linked_roots(repository: Reviews, capsys: pytest.CaptureFixture[str]) -> None:
    """Roots read each other's states, parameters and roles; some are modules of others in one version only."""
    check_changes(1, 4, repository, capsys)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(2, 8))
def test_many_changes_of_linked_roots(seed: int, repository: Reviews, capsys: pytest.CaptureFixture[str]) -> None:
    check_changes(seed, 15, repository, capsys)


def test_root_that_is_newly_called_reads_the_states_of_others(
    repository: Reviews, capsys: pytest.CaptureFixture[str]
) -> None:
    """A root that is a module in the other version is compared with the values that others pass to it."""
    role = ROLE.format(label="app", name="app-x", service="lambda", action="s3:GetObject")
    iam = BACKEND % "iam" + role + OUTPUT % ("role", "aws_iam_role.app.arn")
    reader = STATE % ("iam", "iam") + policy(f'{{ Effect = "Allow", Action = "iam:PassRole", Resource = {PASSES[0]} }}')
    repository.commit({"iam/main.tf": iam, "reader/main.tf": reader, "app/main.tf": "#\n"})
    repository.commit({"app/main.tf": 'module "m" {\n  source = "../reader"\n}\n'})
    assert repository.review("HEAD^", "HEAD").items == []
    repository.commit({"reader/main.tf": f"{reader}\n{policy(START, name='start')}", "app/main.tf": "#\n"})
    assert not differing_from_scan(repository, capsys, "--severity", "info")
