"""Copies of a statement in sibling folders are one item, also where unrelated actions differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_runs import run_command
from role_templates import ACCOUNT, BUILD, CLOUDFORMATION, allow, groups, role, write

PASS = "iam:PassRole"
USERS, NAMED = {"AWS": f"{ACCOUNT}:user/ann"}, {"AWS": f"{ACCOUNT}:root"}


def test_copies_in_environments_are_one_item(tmp_path: Path) -> None:
    """Other actions, other lines, names of the environment and of the account do not make it another decision."""
    for environment, account, more in (("staging", "111122223333", "s3:*"), ("prod", "444455556666", "sqs:*")):
        passed = f"arn:aws:iam::{account}:role/app-{environment}-*"
        policy = role(BUILD, allow(more), allow([PASS, more], passed))
        write(tmp_path / environment / "roles.json", Other=role(BUILD, allow(more)), Deployer=policy)
    assert groups(tmp_path) == [["002 Deployer", "002 Deployer"]]
    text = run_command("scan", ".", cwd=tmp_path).stdout
    assert text.count("PASSROLE_002 any-service\n") == 1 and "Also in staging/roles.json:" in " ".join(text.split())


def test_copies_that_start_workloads_are_named_as_copies(tmp_path: Path) -> None:
    """One principal of each folder starts workloads with one statement: that is not several statements of one."""
    for version, more in (("v1", "s3:*"), ("v2", "sqs:*")):
        statement = allow([PASS, "ec2:RunInstances", more], f"{ACCOUNT}:role/app-*") | {"Resource": "*"}
        named = allow(PASS, f"{ACCOUNT}:role/app-*")
        starts = statement | {"Action": ["ec2:RunInstances", more]}
        write(tmp_path / version / "roles.json", Deployer=role(BUILD, starts, named))
    (group,) = groups(tmp_path)
    assert group == ["008 Deployer", "002 Deployer", "002 Deployer", "008 Deployer"]
    text = " ".join(run_command("scan", ".", cwd=tmp_path).stdout.split())
    assert "Also in v2/roles.json:" in text and "It can also start" not in text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(allow(PASS, f"{ACCOUNT}:role/a-*"), allow(PASS, f"{ACCOUNT}:role/b-*"), id="roles"),
        pytest.param(
            allow(PASS), allow(PASS) | {"Condition": {"StringLike": {"iam:PassedToService": "*"}}}, id="condition"
        ),
        pytest.param(allow(PASS), allow("iam:*"), id="wildcard"),
        pytest.param(allow(PASS), allow(PASS, {"Ref": "Unknown"}), id="severity"),
    ],
)
def test_statements_that_pass_other_roles_are_apart(
    tmp_path: Path, one: dict[str, object], other: dict[str, object]
) -> None:
    """Other roles, another condition, or a wildcard instead of the name are another decision."""
    write(tmp_path / "dev" / "t.json", Deployer=role(BUILD, one))
    write(tmp_path / "prod" / "t.json", Deployer=role(BUILD, other))
    assert all(len(set(group)) == len(group) for group in groups(tmp_path))


def test_principals_of_other_names_or_users_are_apart(tmp_path: Path) -> None:
    """A role of another name is another principal; so is one that others can assume."""
    everything = allow("*")
    write(tmp_path / "dev" / "t.json", Admin=role(USERS, everything), Worker=role(BUILD, allow(PASS)))
    write(tmp_path / "prod" / "t.json", Admin=role(NAMED, everything), Builder=role(BUILD, allow(PASS)))
    assert groups(tmp_path) == [["001 Admin"], ["001 Admin"], ["001 Builder"], ["001 Worker"]]


def test_files_in_folders_that_differ_twice_are_apart(tmp_path: Path) -> None:
    """Only siblings are copies of one another: equal names in unrelated places say nothing."""
    for folder in ("a/b", "c/d"):
        (tmp_path / folder).mkdir(parents=True)
        write(tmp_path / folder / "t.json", **{"Worker": role(BUILD, allow([PASS, f"s3:{folder[0]}*"]))})
    (tmp_path / "c/d/t.json").write_text("\n" + (tmp_path / "c/d/t.json").read_text())
    assert groups(tmp_path) == [["001 Worker"], ["001 Worker"]]


def test_baseline_of_one_copy_does_not_accept_the_others(tmp_path: Path) -> None:
    """Each copy has a fingerprint of its own: joining them hides none from a baseline or `--fail-on`."""
    write(tmp_path / "dev" / "t.json", Worker=role(BUILD, allow(PASS)))
    assert run_command("scan", ".", "--write-baseline", "b.json", cwd=tmp_path).returncode in (0, 1)
    write(tmp_path / "prod" / "t.json", Worker=role(BUILD, allow(PASS)))
    done = run_command("scan", "dev", "prod", "--baseline", "b.json", cwd=tmp_path)
    assert done.returncode == 1 and "prod/t.json" in done.stdout


def test_suppressed_copy_is_apart(tmp_path: Path) -> None:
    """A suppression of one copy leaves the others reported."""
    reviewed = role(BUILD, allow(PASS))
    reviewed["Metadata"] = {"checkov": {"skip": [{"id": "PASSROLE_001", "comment": "reviewed"}]}}
    write(tmp_path / "dev" / "t.json", Worker=reviewed)
    write(tmp_path / "prod" / "t.json", Worker=role(BUILD, allow(PASS)))
    assert groups(tmp_path) == [["001 Worker"], ["001 Worker"]]


def test_statements_of_one_document_without_known_principal_are_one_item(tmp_path: Path) -> None:
    """The future principals of a document get all of its statements, as a principal that has a policy does."""
    starts = allow("ec2:RunInstances")
    passes = [allow(PASS, f"{ACCOUNT}:role/{name}-*") for name in ("a", "b")]
    (tmp_path / "p.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": [starts, *passes]}, indent=1))
    (group,) = groups(tmp_path)
    assert sorted(words[:3] for words in group) == ["002", "002", "008", "008"]


def test_role_that_only_cloudformation_can_assume_is_listed_with_who_passes_it(tmp_path: Path) -> None:
    """Only principals that pass the role to CloudFormation can use it, as an administrator or to pass any role."""
    deploy = allow([PASS, "cloudformation:CreateStack"], {"Fn::GetAtt": ["Execution", "Arn"]})
    execution = role(CLOUDFORMATION, allow([PASS, "iam:PutRolePolicy", "s3:*"]))
    write(tmp_path / "t.json", Deployer=role(BUILD, deploy, allow("cloudformation:*")), Execution=execution)
    (group,) = groups(tmp_path)
    assert group[0] == "008 Deployer" and "001 Execution" in group


def test_equal_statements_of_one_file_keep_their_places(tmp_path: Path) -> None:
    """The second of them is listed with its line, beside the first one, which has its copy in the other folder."""
    statement = allow(PASS, f"{ACCOUNT}:role/app-*")
    both = [statement | {"Sid": "One"}, statement | {"Sid": "Two"}]
    for environment, more in (("dev", "s3:*"), ("prod", "sqs:*")):
        write(tmp_path / environment / "t.json", Deployer=role(BUILD, allow(more), *both))
    assert groups(tmp_path) == [["002 Deployer"] * 4]
    lines = run_command("scan", ".", cwd=tmp_path).stdout.splitlines()
    listed = [line for line in lines if "+ PASSROLE_002" in line]
    assert len(listed) == 1 and " at dev/t.json:" in listed[0]
    assert "Also in prod/t.json:" in " ".join(" ".join(lines).split())


def test_copies_of_a_template_are_one_item_wherever_they_are(tmp_path: Path) -> None:
    """A stack of Terraform and a template elsewhere, with other parameters; the same element at another line is not."""
    folders = [tmp_path / name for name in ("stacks/shared", "scripts", "other/old/now")]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        write(folder / "stack.json", Deployer=role(BUILD, allow("iam:PassRole", f"{ACCOUNT}:role/*")))
        if number == 2:
            (folder / "stack.json").write_text("\n" + (folder / "stack.json").read_text())
    body = 'template_body = file("${path.module}/stack.json")'
    (folders[0] / "main.tf").write_text(f'resource "aws_cloudformation_stack" "it" {{\n  name = "it"\n  {body}\n}}\n')
    assert sorted(map(len, groups(tmp_path))) == [1, 2]
