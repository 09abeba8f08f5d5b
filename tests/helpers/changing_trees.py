"""A folder of infrastructure code of every kind that names other files, and changes at random to it."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

WIDE = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}'
NARROW = WIDE.replace('"*"', '"arn:aws:iam::111122223333:role/app"')
POLICY = """
resource "aws_iam_role_policy" "%s" {
  role   = "x"
  policy = %s
}
"""
STACK = """
Resources:
  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: %s}}
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Fn::Transform: {Name: AWS::Include, Parameters: {Location: %s}}
"""
TEMPLATE = f"""
Resources:
  P: {{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: {WIDE}}}}}
"""
PLAN = json.dumps(
    {"format_version": "1.0", "terraform_version": "1.9.0", "planned_values": {"root_module": {}},
     "resource_changes": [{"address": "aws_iam_policy.p", "mode": "managed", "type": "aws_iam_policy", "name": "p",
                           "change": {"actions": ["create"], "before": None, "after": {"policy": WIDE}}}],
     "configuration": {"root_module": {}}}
)  # fmt: skip
ROOT = """
module "here" {
  source = "../mod"
  policy = file("${path.module}/p.json")
}
module "linked" { source = "../link" }
module "registry" {
  source  = "terraform-aws-modules/iam/aws"
  version = "1.0.0"
}
locals {
  all  = [for name in fileset(path.module, "policies/*.json") : file("${path.module}/policies/${basename(name)}")]
  made = templatefile("${path.module}/p.tftpl", { x = var.x })
}
variable "x" { default = "*" }
resource "aws_iam_policy" "p" {
  for_each = toset(concat([local.made, try(file("${path.module}/../link/p.json"), "")], local.all))
  policy   = fileexists("${path.module}/switch") ? "{}" : each.value
}
"""
FILES = {
    "root/main.tf": ROOT,
    "root/extra.tf": POLICY % ("e", f"<<EOT\n{WIDE}\nEOT"),
    "root/terraform.tfvars": 'x = "*"',
    "root/p.json": WIDE,
    "root/p.tftpl": WIDE.replace('"*"', '"${x}"'),
    "root/policies/one.json": WIDE,
    "root/policies/two.json": NARROW,
    "root/.terraform/modules/modules.json": json.dumps(
        {"Modules": [{"Key": "registry", "Source": "registry.terraform.io/terraform-aws-modules/iam/aws",
                      "Version": "1.0.0", "Dir": ".terraform/modules/registry"}]}
    ),
    "root/.terraform/modules/registry/main.tf": POLICY % ("r", f"<<EOT\n{WIDE}\nEOT"),
    "mod/main.tf": 'variable "policy" {}\n' + POLICY % ("m", "var.policy"),
    "other/main.tf": POLICY % ("o", f"<<EOT\n{NARROW}\nEOT"),
    "other/p.json": NARROW,
    "given.tfvars": 'x = "arn:aws:iam::111122223333:role/given"',
    "app/outer.yaml": STACK % ("inner.yaml", "included.yaml"),
    "app/inner.yaml": TEMPLATE,
    "app/included.yaml": WIDE,
    "app/plan.json": PLAN,
    "cdk.out/manifest.json": json.dumps(
        {"version": "1", "artifacts": {"S": {"type": "aws:cloudformation:stack",
         "environment": "aws://111122223333/x", "properties": {"templateFile": "S.template.json"}}}}
    ),
    "cdk.out/S.template.json": json.dumps({"Resources": {"P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {
        "PolicyDocument": json.loads(WIDE)}}}}),
    "cdk.out/asset.1/copy.json": "",
    "notes.txt": "nothing",
}  # fmt: skip
LINKS = {"link": "mod", "root/linked.tf": "../other/main.tf", "app/far.yaml": "../cdk.out/S.template.json"}
CONTENTS = [*FILES.values(), "", "resource {", "Resources: {", "\xff\0", 'x = "y"']
NAMES = [
    *FILES, *LINKS, "root/override.tf", "root/main.tofu", "root/switch", "root/z.auto.tfvars", "root/policies/3.json",
    "mod/more.tf", "new/main.tf", "app/new.yaml", ".git", "root/.git", "mod/p.json", "x/y/z.json",
]  # fmt: skip
TARGETS = ["mod", "other", "../other", "../mod/main.tf", "nowhere", "link", ".", "../app", "/dev/null", "root"]


_FOLDERS = frozenset(name.rpartition("/")[0].rpartition("/")[2] for name in NAMES if "/" in name)


def planted(top: Path) -> Path:
    """The folder, made."""
    for name, content in FILES.items():
        _write(top / name, content)
    for name, target in LINKS.items():
        (top / name).symlink_to(target)
    return top


def change(top: Path, chance: random.Random) -> str:
    """Change one thing, and say what."""
    name = chance.choice(NAMES)
    kind: Callable[[Path, random.Random], None] = chance.choice(
        [_edit, _edit, _edit, _grow, _delete, _move, _link, _mode]
    )
    with suppress(OSError):  # what a change before has made impossible
        kind(top / name, chance)
    return f"{kind.__name__} {name}"


def restored(top: Path) -> None:
    """As it was planted, so that later changes do not only meet ruins."""
    for entry in top.iterdir():
        _gone(entry)
    planted(top)


def _edit(path: Path, chance: random.Random) -> None:
    _write(path, chance.choice(CONTENTS))


def _grow(path: Path, chance: random.Random) -> None:
    """The same length and another content, or a line more."""
    content = path.read_text("latin-1")
    swapped = content.replace(
        *chance.choice([("Allow", "Deny "), ("*", "x"), ("Deny ", "Allow"), ("role/app", "role/apq")])
    )
    path.write_text(swapped if chance.random() < 0.7 else f"{content}\n", "latin-1")


def _delete(path: Path, chance: random.Random) -> None:
    _gone(_with_folder(path, chance))


def _with_folder(path: Path, chance: random.Random) -> Path:
    """The path, or now and then the folder that it is in (all names are of two parts at least where that is one)."""
    return path.parent if chance.random() < 0.1 and path.parent.name in _FOLDERS else path


def _move(path: Path, chance: random.Random) -> None:
    target = path.with_name(chance.choice(["moved.tf", "main.tf", "moved.json", "moved.yaml", ".hidden"]))
    os.replace(path, target)


def _link(path: Path, chance: random.Random) -> None:
    _gone(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(chance.choice(TARGETS))


def _mode(path: Path, chance: random.Random) -> None:
    mode = chance.choice([0o000, 0o400, 0o644, 0o755])
    if not path.is_symlink():  # its target may be outside of the tree
        path.chmod(mode)


def _write(path: Path, content: str) -> None:
    if path.is_symlink() or path.is_dir():
        _gone(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("latin-1"))


def _gone(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)
