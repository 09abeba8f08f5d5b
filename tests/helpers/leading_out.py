"""A tree in which every kind of reference leads out, and a program that tells which files outside were opened."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CANARY = "canary7f3a"
"""A word in every file outside: in its first line, its values and its names."""

_STATEMENT = {"Sid": CANARY, "Effect": "Allow", "Action": "iam:PassRole", "Resource": f"arn:aws:iam::1:role/{CANARY}-*"}
_DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": [_STATEMENT]})
_WIDE = _DOCUMENT.replace(f"arn:aws:iam::1:role/{CANARY}-*", "*")
_RESOURCES = {CANARY: {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": json.loads(_WIDE)}}}
_TEMPLATE = json.dumps({"Description": CANARY, "Resources": _RESOURCES})
_HCL = f'resource "aws_iam_policy" "{CANARY}" {{\n  policy = jsonencode({_WIDE})\n}}\n'

OUTSIDE = {
    "mod/main.tf": _HCL,
    "main.tf": _HCL,
    "main.tf.json": json.dumps({"resource": {"aws_iam_policy": {CANARY: {"policy": _WIDE}}}}),
    "secret.txt": f"{CANARY} root:x:0:0\n",
    "terraform.tfvars": f'role = "arn:aws:iam::1:role/{CANARY}"\n',
    "terraform.tfvars.json": json.dumps({"role": CANARY}),
    "document.json": _DOCUMENT,
    "template.tftpl": _DOCUMENT,
    "template.json": _TEMPLATE,
    "properties.json": json.dumps({"PolicyDocument": json.loads(_WIDE)}),
    "manifest.json": json.dumps({"version": CANARY, "artifacts": {}}),
    "App.template.json": _TEMPLATE,
    "App.assets.json": json.dumps({"version": "1", "files": {}}),
    "modules.json": json.dumps({"Modules": [{"Key": CANARY, "Source": "x", "Dir": "m"}]}),
    ".git/HEAD": f"ref: refs/heads/{CANARY}\n",
}

MAIN = """\
variable "role" {
  default = "arn:aws:iam::111122223333:role/app"
}

module "linked" {
  source = "./linked"
}

module "above" {
  source = "../outside/mod"
}

module "inner" {
  source = "./outside_folder/mod"
}

module "circle" {
  source = "./circle"
}

module "installed" {
  source = "acme/installed/aws"
}

module "downloaded" {
  source = "github.com/acme/downloaded"
}

resource "aws_iam_policy" "values" {
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = [var.role, "*"] }]
  })
}

resource "aws_iam_policy" "file" {
  policy = file("document.json")
}

resource "aws_iam_policy" "through" {
  policy = file("outside_folder/document.json")
}

resource "aws_iam_policy" "absolute" {
  policy = file("OUTSIDE/document.json")
}

resource "aws_iam_policy" "template" {
  policy = templatefile("template.tftpl", {})
}

resource "aws_iam_policy" "set" {
  for_each = fileset("outside_folder", "**")
  policy   = file("outside_folder/${each.value}")
}

resource "aws_iam_policy" "hash" {
  name   = filesha256("document.json")
  policy = filebase64("document.json")
}

resource "aws_cloudformation_stack" "stack" {
  name          = "stack"
  template_body = file("template.json")
}
"""

STACK = """\
Resources:
  Nested:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: template.json}
  Through:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: outside_folder/template.json}
  Application:
    Type: AWS::Serverless::Application
    Properties: {Location: template.json}
  Included:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Fn::Transform: {Name: AWS::Include, Parameters: {Location: properties.json}}
  Function:
    Type: AWS::Serverless::Function
    Properties: {DefinitionUri: document.json, CodeUri: outside_folder, Policies: [AdministratorAccess]}
Fn::Transform: {Name: AWS::Include, Parameters: {Location: template.json}}
"""

SERVICE = """\
service: app
provider:
  name: aws
  iamRoleStatements: ${file(document.json)}
resources: ${file(template.json)}
"""

LINKS = {
    "linked": "mod",
    "outside_folder": ".",
    "linked.tf": "main.tf",
    "linked.tofu": "main.tf",
    "linked.tf.json": "main.tf.json",
    "linked_override.tf": "main.tf",
    "secret.tf": "secret.txt",
    "pipe.tf": "pipe",
    "terraform.tfvars": "terraform.tfvars",
    "terraform.tfvars.json": "terraform.tfvars.json",
    "more.auto.tfvars": "secret.txt",
    "more.auto.tfvars.json": "terraform.tfvars.json",
    "document.json": "document.json",
    "template.tftpl": "template.tftpl",
    "template.json": "template.json",
    "properties.json": "properties.json",
    ".terraform/modules/installed": "mod",
    ".external_modules/github.com/acme/downloaded/HEAD": "mod",
    "second/.terraform/modules/modules.json": "modules.json",
    "third/.external_modules": ".",
    "cdk.out/App.template.json": "App.template.json",
    "cdk.out/App.assets.json": "App.assets.json",
    "cdk.out/assembly-Stage": ".",
    "other.out/manifest.json": "manifest.json",
}
"""Links of the tree, by what they lead to outside; half of them are relative."""


def make(folder: Path) -> tuple[Path, Path]:
    """Make a tree and what is outside of it, and return both. Outside has a pipe that nothing writes to."""
    tree, outside = folder / "tree", folder / "outside"
    for name, content in OUTSIDE.items():
        (outside / name).parent.mkdir(parents=True, exist_ok=True)
        (outside / name).write_text(content)
    os.mkfifo(outside / "pipe")
    call = 'module "m" {\n  source = "acme/installed/aws"\n}\n' + MAIN.split("\n\n")[-2] + "\n"
    record = {"Key": "installed", "Source": "acme/installed/aws", "Dir": ".terraform/modules/installed"}
    stage = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Stage"}}
    stack = {"type": "aws:cloudformation:stack", "properties": {"templateFile": "App.template.json"}}
    real = {**stack, "properties": {"templateFile": "Real.template.json"}}
    inside = {
        "main.tf": MAIN.replace("OUTSIDE", str(outside)),
        "stack.yaml": STACK,
        "serverless.yml": SERVICE,
        ".terraform/modules/modules.json": json.dumps({"Modules": [record]}),
        "second/main.tf": call,
        "third/main.tf": call.replace("acme/installed/aws", "github.com/acme/downloaded"),
        "cdk.out/manifest.json": json.dumps({"version": "1", "artifacts": {"a": stage, "b": stack, "c": real}}),
        "cdk.out/Real.template.json": _TEMPLATE.replace(CANARY, "Real"),
        "other.out/Real.template.json": _TEMPLATE.replace(CANARY, "Other"),
    }
    for name, content in inside.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    for number, (name, target) in enumerate(LINKS.items()):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        to = outside / target
        (tree / name).symlink_to(os.path.relpath(to, (tree / name).parent) if number % 2 else to)
    (tree / "circle").symlink_to("circle")
    (tree / "zero.tf").symlink_to("/dev/zero")
    return tree, outside


_PROGRAM = """\
import os, sys
outside, opened = sys.argv[1], []

def hook(event, arguments):
    if event in ("open", "os.scandir", "os.listdir") and isinstance(arguments[0], (str, bytes)):
        real = os.path.realpath(os.fsdecode(arguments[0]))
        if real == outside or real.startswith(outside + os.sep) or real == "/dev/zero":
            opened.append(f"{event} {os.fsdecode(arguments[0])}")

sys.addaudithook(hook)
sys.argv = ["passrole-checks", *sys.argv[2:]]
try:
    PROGRAM
finally:
    print("OPENED", opened, file=sys.stderr)
"""
COMMAND = "from passrole_checks.cli import main; sys.exit(main())"
ASK = """\
from pathlib import Path
    from passrole_checks.scan.for_hosts.host_results import scan_for_host
    top = Path(sys.argv[1])
    for file in sorted(top.rglob("*")):
        if file.is_file() or file.is_symlink():
            answers = scan_for_host(str(file), [str(file)], str(top))
            print(file, answers.fault, answers.result)
"""


def run(program: str, outside: Path, *arguments: str | Path, cwd: Path) -> tuple[int, str, list[str]]:
    """Run a program in a process of its own, and return its exit status, all that it prints, and what it opened outside
    of the tree."""
    here = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.replace("PROGRAM", program), str(outside), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": here, "PASSROLE_CHECKS_CACHE_DIR": str(outside.parent / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    told, _, opened = done.stderr.rpartition("OPENED ")
    assert opened, done.stderr
    return done.returncode, done.stdout + told, json.loads(opened.replace("'", '"'))
