"""Called modules: their location, notes on missing ones, their arguments and outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.values.nodes import StringNode, Unresolved
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.sources.terraform import load

TRUST = 'assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole" }] })'
PASS = 'jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = %s }] })'
POLICY = f'resource "aws_iam_policy" "p" {{\n  policy = {PASS}\n}}\n'
ROLE = f'variable "name" {{\n  default = "app"\n}}\nresource "aws_iam_role" "r" {{\n  name = var.name\n  {TRUST}\n}}\n'
ROLE += 'output "arn" {\n  value = aws_iam_role.r.arn\n}\n'


def put(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".tf")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def installed(root: Path, *records: dict[str, Any]) -> None:
    manifest = root / ".terraform" / "modules" / "modules.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"Modules": [{"Key": "", "Source": "", "Dir": "."}, *records]}))


def addresses(configuration: Configuration) -> list[str]:
    return [role.resource.address for role in configuration.roles]


def texts(configuration: Configuration, address: str = "aws_iam_policy.p") -> list[StringNode]:
    (policy,) = [item for item in configuration.policies if item.resource.address == address]
    document = parse_document(policy.document)
    assert not document.problems
    return [text for statement in document.statements for text in statement.resources or ()]


def roles_in(configuration: Configuration) -> list[str | None]:
    """The roles that the Resource elements of the one policy name."""
    holes = [text.only_unresolved for text in texts(configuration)]
    return [hole.role if isinstance(hole, Unresolved) else None for hole in holes]


def notes(root: Path, **options: Any) -> list[str]:
    return [note.reason for note in load(root, **options).notes.not_evaluated]


# installed modules

CALL = 'module "role" {\n  source  = "acme/role/aws"\n  version = "1.2.3"\n}\n'
RECORD = {
    "Key": "role",
    "Source": "registry.terraform.io/acme/role/aws",
    "Version": "1.2.3",
    "Dir": ".terraform/modules/role",
}


def test_registry_module_is_read_where_it_is_installed(tmp_path: Path) -> None:
    """modules.json lists its folder; positions and files are those of the installed files."""
    put(tmp_path, main=CALL + POLICY % "module.role.arn")
    file = tmp_path / ".terraform/modules/role/main.tf"
    put(tmp_path, **{".terraform__modules__role__main": ROLE})
    installed(tmp_path, RECORD)
    found = load(tmp_path)
    assert addresses(found) == ["module.role.aws_iam_role.r"]
    assert roles_in(found) == ["module.role.aws_iam_role.r"]
    assert found.roles[0].resource.at.file == str(file)
    assert {str(file), str(tmp_path / ".terraform/modules/modules.json")} <= set(found.files)
    assert found.notes.not_evaluated == ()


def test_calls_inside_installed_modules_are_resolved(tmp_path: Path) -> None:
    """The key of a nested call has all names from the root; a local module is relative to its caller."""
    put(tmp_path, main='module "a" {\n  source = "git::https://example.com/a.git?ref=v1"\n  count = 2\n}\n')
    put(tmp_path, **{
        ".terraform__modules__a__main": 'module "b" {\n  source = "acme/role/aws//modules/inner"\n}\n'
        'module "c" {\n  source = "./local"\n}\n',
        ".terraform__modules__a__local__main": ROLE,
        ".terraform__modules__a.b__modules__inner__main": ROLE,
    })  # fmt: skip
    installed(
        tmp_path,
        {"Key": "a", "Source": "git::https://example.com/a.git?ref=v1", "Dir": ".terraform/modules/a"},
        {"Key": "a.b", "Source": "registry.terraform.io/acme/role/aws//modules/inner", "Version": "1.0.0",
         "Dir": ".terraform\\modules\\a.b\\modules\\inner"},
        {"Key": "a.c", "Source": "./local", "Dir": ".terraform/modules/a/local"},
    )  # fmt: skip
    assert sorted(addresses(load(tmp_path))) == [
        "module.a[0].module.b.aws_iam_role.r",
        "module.a[0].module.c.aws_iam_role.r",
        "module.a[1].module.b.aws_iam_role.r",
        "module.a[1].module.c.aws_iam_role.r",
    ]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({**RECORD, "Dir": ".terraform/modules/gone"}, ".terraform/modules/gone does not exist"),
        ({**RECORD, "Dir": "../outside"}, "../outside is outside of"),
        ({**RECORD, "Dir": "link"}, "link is a symbolic link to"),
        ({**RECORD, "Source": "registry.terraform.io/other/role/aws"}, "modules.json lists"),
        ({**RECORD, "Version": "1.2.4"}, "version 1.2.4 is installed"),
        ({**RECORD, "Key": "other"}, "is not downloaded"),
        ({**RECORD, "Dir": 3}, "is not downloaded"),
        ({**RECORD, "Dir": "a\0b"}, "is not downloaded"),
    ],
)
def test_unreadable_module_is_reported(tmp_path: Path, record: dict[str, Any], words: str) -> None:
    """A missing, stale or outside module is not read, and its call is reported."""
    root = tmp_path / "root"
    put(tmp_path, outside__main=ROLE)
    put(root, main=CALL + POLICY % "module.role.arn", **{".terraform__modules__role__main": ROLE})
    (root / "link").symlink_to(tmp_path / "outside")
    installed(root, record)
    found = load(root)
    assert addresses(found) == []
    (note,) = found.notes.not_evaluated
    assert (note.file, note.line) == (str(root / "main.tf"), 1)
    assert note.reason.startswith("module role (acme/role/aws) ")
    assert words in note.reason
    assert str(texts(found)[0]) == "${module.role.arn}"


def test_module_installed_within_the_boundary_is_read(tmp_path: Path) -> None:
    """A folder outside the root module but within the boundary is read."""
    put(tmp_path, shared__main=ROLE, root__main=CALL)
    installed(tmp_path / "root", {**RECORD, "Dir": "../shared"})
    assert addresses(load(tmp_path / "root", boundary=tmp_path)) == ["module.role.aws_iam_role.r"]


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"{}", b'{"Modules": 1}', b"\xff", b"[" * 100_000, b'{"Modules": [1]}']
)
def test_broken_manifest_is_reported(tmp_path: Path, content: bytes) -> None:
    """An unusable modules.json is reported, and so is the module."""
    put(tmp_path, main=CALL)
    installed(tmp_path)
    (tmp_path / ".terraform/modules/modules.json").write_bytes(content)
    found = notes(tmp_path)
    assert any("module role (acme/role/aws) is not downloaded" in reason for reason in found)
    assert len(found) == (1 if content.endswith(b"[1]}") else 2)


def test_manifest_linked_from_outside_is_not_read(tmp_path: Path) -> None:
    """A symbolic link to a manifest outside the boundary is not followed."""
    root = put(tmp_path / "root", main=CALL, **{".terraform__modules__role__main": ROLE})
    installed(tmp_path / "other", RECORD)
    (root / ".terraform/modules/modules.json").symlink_to(tmp_path / "other/.terraform/modules/modules.json")
    reason, module = notes(root)
    assert reason.startswith("is a symbolic link to ")
    assert module.startswith("module role (acme/role/aws) is not downloaded")


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("git::https://example.com/team/role.git?ref=v1", "example.com/team/role/v1"),
        ("git::https://example.com/team/role.git", "example.com/team/role/HEAD"),
        ("git::ssh://git@example.com/team/role.git//inner?ref=v1", "example.com/team/role/v1/inner"),
        ("github.com/acme/role", "github.com/acme/role/HEAD"),
        ("acme/role/aws", "github.com/acme/terraform-aws-role/0123abcd"),
        ("acme/role/aws//modules/inner", "github.com/acme/terraform-aws-role/0123abcd/modules/inner"),
    ],
)
def test_module_downloaded_by_checkov_is_read(tmp_path: Path, source: str, folder: str) -> None:
    """``.external_modules`` is searched beside the root module and above it."""
    root = put(tmp_path / "env" / "dev", main=f'module "m" {{\n  source = "{source}"\n}}\n')
    put(tmp_path / ".external_modules" / folder, main=ROLE)
    assert addresses(load(root, boundary=tmp_path)) == ["module.m.aws_iam_role.r"]
    assert addresses(load(root)) == []


def test_download_that_leads_outside_is_not_read(tmp_path: Path) -> None:
    """``..`` in a source, and symbolic links in the downloads, are not followed."""
    put(tmp_path, secret__main=ROLE, main='module "m" {\n  source = "github.com/acme/role//../../../../secret"\n}\n')
    (tmp_path / ".external_modules/github.com/acme/role").mkdir(parents=True)
    (tmp_path / ".external_modules/github.com/acme/role/HEAD").symlink_to(tmp_path / "secret")
    assert addresses(load(tmp_path)) == []
    put(tmp_path, main='module "m" {\n  source = "github.com/acme/role"\n}\n')
    assert addresses(load(tmp_path)) == []


# accounts

LIMITED = 'provider "aws" {\n  allowed_account_ids = ["111122223333"]\n}\n'
OTHER = 'provider "aws" {\n  alias = "other"\n}\n'
SAME = 'provider "aws" {\n  alias = "us"\n  allowed_account_ids = ["111122223333"]\n}\n'


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ('module "m" {\n  source = "./child"\n  providers = { aws = aws.other }\n}\n', None),
        ('module "m" {\n  source = "./child"\n  providers = { aws = aws.us }\n}\n', "111122223333"),
        ('module "m" {\n  source = "./child"\n  providers = { aws = aws }\n}\n', "111122223333"),
        ('module "m" {\n  source = "./aliased"\n  providers = { aws = aws, aws.x = aws.other }\n}\n', None),
        ('module "m" {\n  source = "./own"\n}\n', None),
    ],
)
def test_another_provider_makes_the_account_unknown(tmp_path: Path, text: str, account: str | None) -> None:
    """The account of the default provider applies only if it creates all roles and policies."""
    put(
        tmp_path,
        main=LIMITED + OTHER + SAME + text,
        child__main=ROLE,
        own__main='provider "aws" {\n  region = "eu-west-1"\n}\n' + ROLE,
        aliased__main=ROLE.replace("  name =", "  provider = aws.x\n  name ="),
    )
    assert load(tmp_path).account == account
