"""Commands that attach or create IAM policies, in every construct of Terraform that runs commands."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.sources.model.configuration import COMMAND, Configuration
from passrole_checks.sources.terraform import load

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
ATTACH = f"aws iam attach-user-policy --user-name joe --policy-arn {ADMIN}"
DOCUMENT = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}'


def configuration(folder: Path, text: str, name: str = "main.tf") -> Configuration:
    (folder / name).write_text(text, encoding="utf-8")
    return load(folder)


def provisioner(command: str, kind: str = "local-exec", attribute: str = "command") -> str:
    body = f"    {attribute} = <<EOT\n{command}\nEOT\n" if attribute == "command" else f"    {attribute} = {command}\n"
    return f'resource "null_resource" "x" {{\n  provisioner "{kind}" {{\n{body}  }}\n}}\n'


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (provisioner(ATTACH), "null_resource.x"),
        (provisioner(f'["{ATTACH}"]', "remote-exec", "inline"), "null_resource.x"),
        (provisioner(f"bash -c '{ATTACH}'"), "null_resource.x"),
        (provisioner(f"set -e; (cd /tmp && {ATTACH} || true)"), "null_resource.x"),
        (provisioner(ATTACH.replace(" --", " \\\n  --")), "null_resource.x"),
        (provisioner(ATTACH.replace("policy-arn ", "policy-arn=")), "null_resource.x"),
        (provisioner(f"AWS_PROFILE=a aws --region b {ATTACH.removeprefix('aws ')}"), "null_resource.x"),
        (
            f'resource "shell_script" "x" {{\n  lifecycle_commands {{\n    create = "{ATTACH}"\n  }}\n}}\n',
            "shell_script.x",
        ),
        (f'data "external" "x" {{\n  program = ["sh", "-c", "{ATTACH}"]\n}}\n', "data.external.x"),
        (
            f'data "local_command" "x" {{\n  command = "sh"\n  arguments = ["-c", "{ATTACH}"]\n}}\n',
            "data.local_command.x",
        ),
        (
            'action "local_command" "x" {\n  config {\n    command = "aws"\n    arguments = '
            f"{str(ATTACH.split()[1:]).replace(chr(39), chr(34))}\n  }}\n}}\n",
            "action.local_command.x",
        ),
    ],
)
def test_managed_policy_in_a_command_is_an_attachment(tmp_path: Path, text: str, address: str) -> None:
    """An AWS managed policy that a command attaches is an attachment, and the command a note."""
    read = configuration(tmp_path, text)
    (attachment,) = read.attached.managed_policies
    assert (str(attachment.policy), attachment.holder) == (ADMIN, "joe")
    assert (attachment.resource.address, attachment.resource.type) == (address, COMMAND)
    assert [(note.line is not None, address in note.reason) for note in read.not_evaluated] == [(True, True)]


@pytest.mark.parametrize(
    ("command", "principals"),
    [
        (f"aws iam create-policy --policy-name p --policy-document '{DOCUMENT}'", ()),
        (f"aws iam create-policy-version --set-as-default --policy-document='{DOCUMENT}' --policy-arn x", ()),
        (f"aws iam put-user-policy --policy-document '{DOCUMENT}' --user-name joe", ("joe",)),
        (
            'aws iam put-role-policy --role-name app --policy-document "' + DOCUMENT.replace('"', '\\"') + '"',
            ("aws_iam_role.r",),
        ),
        (
            f"aws sso-admin put-inline-policy-to-permission-set --inline-policy='{DOCUMENT}'",
            None,
        ),
    ],
)
def test_document_in_a_command_is_a_policy(tmp_path: Path, command: str, principals: tuple[str, ...] | None) -> None:
    """A policy document that a command contains is judged, for the principal that the command names."""
    role = 'resource "aws_iam_role" "r" {\n  name = "app"\n  assume_role_policy = "{}"\n}\n'
    read = configuration(tmp_path, role + provisioner(command))
    policies = [policy for policy in read.policies if policy.resource.type == COMMAND]
    (policy,) = policies
    assert principals is None or policy.principals == principals
    assert len(read.not_evaluated) == 1


@pytest.mark.parametrize(
    "command",
    [
        "aws iam attach-role-policy --role-name x --policy-arn $POLICY",
        "aws iam attach-role-policy --role-name x --policy-arn ${var.x}",
        "aws iam put-role-policy --role-name x --policy-name y --policy-document file://policy.json",
        "aws iam create-policy --cli-input-json file://policy.json",
        "aws iam put-role-policy --policy-document '{not JSON'",
        'aws iam put-group-policy --group-name g --policy-document {\\"Statement\\": []}',  # in several words
    ],
)
def test_command_with_an_unknown_policy_is_noted(tmp_path: Path, command: str) -> None:
    """A command whose policy is not literal is only noted."""
    read = configuration(tmp_path, 'variable "x" {}\n' + provisioner(command.replace("$P", "$$P")))
    assert not read.policies and not read.attached.managed_policies
    assert len(read.not_evaluated) == 1


@pytest.mark.parametrize(
    "command",
    [
        f"aws iam detach-user-policy --user-name joe --policy-arn {ADMIN}",
        "aws s3api put-bucket-policy --bucket b --policy '{}'",
        "aws iam list-attached-role-policies --role-name x",
        f"echo attach-user-policy {ADMIN}",
        f"# {ATTACH}",
    ],
)
def test_other_command_is_not_noted(tmp_path: Path, command: str) -> None:
    """Commands that attach and create no IAM policy leave no note."""
    read = configuration(tmp_path, provisioner(command))
    assert not read.policies and not read.attached.managed_policies and not read.not_evaluated


def test_self_is_the_resource_of_the_provisioner(tmp_path: Path) -> None:
    """``self.name`` in a provisioner of a role is that role."""
    command = f"aws iam attach-role-policy --role-name ${{self.name}} --policy-arn {ADMIN}"
    read = configuration(
        tmp_path,
        'resource "aws_iam_role" "r" {\n  name = "app"\n  assume_role_policy = "{}"\n'
        f'  provisioner "local-exec" {{\n    command = "{command}"\n  }}\n}}\n',
    )
    assert [attachment.holder for attachment in read.attached.managed_policies] == ["aws_iam_role.r"]


def test_each_instance_attaches(tmp_path: Path) -> None:
    """A command attaches once per instance of its resource, and is noted once."""
    text = provisioner(ATTACH.replace("joe", "${each.key}")).replace("{\n", '{\n  for_each = toset(["a", "b"])\n', 1)
    read = configuration(tmp_path, text)
    assert [attachment.holder for attachment in read.attached.managed_policies] == ["a", "b"]
    assert len(read.not_evaluated) == 1


def test_conditional_managed_policy_has_its_path_condition(tmp_path: Path) -> None:
    """Each variant of a command is read under its path condition."""
    command = f'aws iam attach-user-policy --user-name joe --policy-arn ${{var.x ? "{ADMIN}" : "a"}}'
    read = configuration(tmp_path, 'variable "x" {}\n' + provisioner(command))
    (attachment,) = read.attached.managed_policies
    assert len(attachment.when) == 1


@pytest.mark.parametrize(
    "block",
    [
        f'{{"null_resource": {{"x": {{"provisioner": [{{"local-exec": {{"command": "{ATTACH}"}}}}]}}}}}}',
        f'{{"null_resource": {{"x": {{"provisioner": {{"local-exec": {{"command": "{ATTACH}"}}}}}}}}}}',
        f'{{"shell_script": {{"x": {{"lifecycle_commands": [{{"create": "{ATTACH}"}}]}}}}}}',
        f'{{"shell_script": {{"x": {{"lifecycle_commands": {{"create": "{ATTACH}"}}}}}}}}',
    ],
)
def test_json_syntax(tmp_path: Path, block: str) -> None:
    """Commands in Terraform's JSON syntax are read alike."""
    read = configuration(tmp_path, f'{{"resource": {block}}}', "main.tf.json")
    assert [attachment.holder for attachment in read.attached.managed_policies] == ["joe"]
    assert len(read.not_evaluated) == 1


@pytest.mark.parametrize("name", ["main.tf", "main.tf.json"])
def test_command_in_another_attribute_is_noted(tmp_path: Path, name: str) -> None:
    """A command in any attribute of a resource, such as ``user_data``, is noted."""
    text = f'resource "aws_instance" "x" {{\n  ami = "a"\n  user_data = "{ATTACH}"\n}}\n'
    if name.endswith(".json"):
        text = f'{{"resource": {{"aws_instance": {{"x": {{\n"user_data": "{ATTACH}"}}}}}}}}'
    read = configuration(tmp_path, text, name)
    assert not read.attached.managed_policies
    assert [(note.file.endswith(name), note.line) for note in read.not_evaluated] == [
        (True, 2 if name.endswith(".json") else 3)
    ]


@pytest.mark.parametrize(
    ("command", "noted"),
    [
        ("${path.module}/scripts/grant.sh app", True),
        ("bash scripts/grant.sh", True),
        ("cd scripts && ./other.sh", False),
        ("echo grant.sh", False),
    ],
)
def test_script_file_is_noted(tmp_path: Path, command: str, noted: bool) -> None:
    """A script file that a command names and that attaches policies is a note at the line in that file."""
    script = tmp_path / "scripts" / "grant.sh"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\n{ATTACH}\n", encoding="utf-8")
    notes = configuration(tmp_path, provisioner(command)).not_evaluated
    assert [(note.file, note.line) for note in notes] == ([(str(script), 2)] if noted else [])
