"""Called modules: their location, notes on missing ones, their arguments and outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.partial_values import StringNode, Unresolved
from passrole_checks.scan.scanner import ScanOptions, scan_paths
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
    return [note.reason for note in load(root, **options).not_evaluated]


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
    assert found.not_evaluated == ()


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
    (note,) = found.not_evaluated
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


def test_downloads_and_installed_modules_are_no_roots(tmp_path: Path) -> None:
    """A folder below .terraform or .external_modules is evaluated only where it is called."""
    flagged = ROLE + POLICY % '"*"'
    put(tmp_path, main=CALL, **{".terraform__modules__role__main": flagged, ".external_modules__x__main": flagged})
    installed(tmp_path, RECORD)
    result = scan_paths([tmp_path], ScanOptions())
    assert {finding.resource.address for finding in result.findings} == {"module.role.aws_iam_policy.p"}


def test_computed_source_is_followed(tmp_path: Path) -> None:
    """OpenTofu evaluates sources early: locals and defaults are followed, an unknown source is reported."""
    put(
        tmp_path,
        child__main=ROLE,
        main='locals {\n  base = "./ch"\n}\nmodule "m" {\n  source = "${local.base}ild"\n}\n',
    )
    assert addresses(load(tmp_path)) == ["module.m.aws_iam_role.r"]
    put(tmp_path, main='variable "x" {}\nmodule "m" {\n  source = var.x\n}\n')
    assert notes(tmp_path) == ["module m (unknown source) cannot be resolved"]


# reported once


def test_missing_source_is_reported_once_per_scan(tmp_path: Path) -> None:
    """Many root modules that call one missing module give one note, at the first call."""
    for name in ("b", "a", "c"):
        put(tmp_path / name, main=CALL + 'module "again" {\n  source = "acme/role/aws"\n}\n')
    result = scan_paths([tmp_path], ScanOptions())
    assert [(Path(note.file).parent.name, note.line) for note in result.not_evaluated] == [("a", 1)]


# modules without an instance


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("count = 0", "count = 0"),
        ("count = var.on ? 1 : 0", "count = var.on ? 1 : 0"),
        ("for_each = {}", "for_each = {}"),
        ("for_each = toset([])", "for_each = toset([])"),
    ],
)
def test_uninstantiated_module_is_reported(tmp_path: Path, call: str, words: str) -> None:
    """A module that no call instantiates is not evaluated, and reported with the reason."""
    variable = 'variable "on" {\n  default = false\n}\n'
    put(tmp_path, main=f'{variable}module "m" {{\n  source = "./child"\n  {call}\n}}\n', child__main=POLICY % '"*"')
    result = scan_paths([tmp_path], ScanOptions())
    assert result.findings == ()
    assert [(note.reason, note.line) for note in result.not_evaluated] == [
        (f"module m (./child) has no instance ({words})", 4)
    ]


def test_module_instantiated_elsewhere_is_not_reported(tmp_path: Path) -> None:
    """One instance is enough, even from another call or root module."""
    off, on = 'module "m" {\n  source = "%schild"\n  count = 0\n}\n', 'module "n" {\n  source = "%schild"\n}\n'
    put(tmp_path, child__main=POLICY % '"*"', main=(off + on) % ("./", "./"))
    assert scan_paths([tmp_path], ScanOptions()).not_evaluated == ()
    (tmp_path / "main.tf").unlink()
    put(tmp_path, a__main=off % "../", b__main=on % "../")
    result = scan_paths([tmp_path], ScanOptions())
    assert result.not_evaluated == ()
    assert [finding.resource.address for finding in result.findings] == ["module.n.aws_iam_policy.p"]


def test_module_with_unknown_instances_is_evaluated(tmp_path: Path) -> None:
    """A module that may have instances is evaluated as if it had one."""
    put(
        tmp_path,
        child__main=POLICY % '"*"',
        main='variable "n" {}\nmodule "m" {\n  source = "./child"\n  count = var.n\n}\n',
    )
    result = scan_paths([tmp_path], ScanOptions())
    assert [finding.resource.address for finding in result.findings] == ["module.m.aws_iam_policy.p"]


# outputs

TWO = 'module "x" {\n  source = "./child"\n  for_each = toset(["a", "b"])\n  name = each.key\n}\n'
ONE = 'module "one" {\n  source = "./child"\n}\n'
COUNTED = 'module "n" {\n  source = "./child"\n  count = 2\n}\n'
BOTH = ['module.x["a"].aws_iam_role.r', 'module.x["b"].aws_iam_role.r']


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('module.x["a"].arn', BOTH[:1]),
        ('module.x["b"]["arn"]', BOTH[1:]),
        ("values(module.x)[*].arn", BOTH),
        ("[for m in module.x : m.arn]", BOTH),
        ('[for k, m in module.x : m.arn if k == "b"]', BOTH[1:]),
        ("values({ for k, m in module.x : k => m.arn })", BOTH),
        ('[for k in ["a"] : module.x[k].arn]', BOTH[:1]),
        ("module.n[*].arn", ["module.n[0].aws_iam_role.r", "module.n[1].aws_iam_role.r"]),
        ("module.n.*.arn", ["module.n[0].aws_iam_role.r", "module.n[1].aws_iam_role.r"]),
        ("module.n[1].arn", ["module.n[1].aws_iam_role.r"]),
        ("module.n[length(module.n) - 1].arn", ["module.n[1].aws_iam_role.r"]),
        ("module.one.arn", ["module.one.aws_iam_role.r"]),
        ('module.one["arn"]', ["module.one.aws_iam_role.r"]),
        ("module.one[*].arn", ["module.one.aws_iam_role.r"]),
        ("one(module.one[*].arn)", ["module.one.aws_iam_role.r"]),
        ("local.whole.arn", ["module.one.aws_iam_role.r"]),
        ('local.all["b"].arn', BOTH[1:]),
        ("try(module.one[0].arn, module.one.arn)", ["module.one.aws_iam_role.r"]),
        ('try(module.x["c"].arn, module.x["a"].arn)', BOTH[:1]),
        ("try(module.one.nothing, module.one.arn)", ["module.one.aws_iam_role.r"]),
    ],
)
def test_module_outputs_resolve_to_their_role(tmp_path: Path, expression: str, expected: list[str]) -> None:
    """Every way to reference an output of a module resolves to its role."""
    extra = "locals {\n  whole = module.one\n  all = module.x\n}\n"
    put(tmp_path, main=TWO + ONE + COUNTED + extra + POLICY % expression, child__main=ROLE)
    assert roles_in(load(tmp_path)) == expected


def test_module_as_an_output_is_resolved(tmp_path: Path) -> None:
    """A module, or all its instances, as an output is resolved in the caller."""
    outputs = 'output "whole" {\n  value = module.one\n}\noutput "all" {\n  value = module.x\n}\n'
    wanted = '[module.up.whole.arn, module.up.all["a"].arn]'
    put(
        tmp_path,
        main='module "up" {\n  source = "./up"\n}\n' + POLICY % wanted,
        up__main=(TWO + ONE).replace("./child", "../child") + outputs,
        child__main=ROLE,
    )
    assert roles_in(load(tmp_path)) == [
        "module.up.module.one.aws_iam_role.r",
        'module.up.module.x["a"].aws_iam_role.r',
    ]


def test_module_passed_to_another_is_resolved(tmp_path: Path) -> None:
    """A module passed as an argument is resolved in the called module."""
    put(
        tmp_path,
        main=ONE + 'module "user" {\n  source = "./user"\n  roles = { a = module.one }\n}\n',
        user__main='variable "roles" {\n  type = any\n}\n' + POLICY % "[for r in var.roles : r.arn]",
        child__main=ROLE,
    )
    holes = [text.only_unresolved for text in texts(load(tmp_path), "module.user.aws_iam_policy.p")]
    assert [hole.role for hole in holes if hole is not None] == ["module.one.aws_iam_role.r"]


def test_terraform_workspace_is_a_name(tmp_path: Path) -> None:
    """The workspace is chosen at run time, and is a name: it does not turn one role into any role."""
    put(tmp_path, main=POLICY % '"arn:aws:iam::111122223333:role/app-${terraform.workspace}"')
    (text,) = texts(load(tmp_path))
    assert [(hole.expression, hole.kind.name) for hole in text.unresolved_parts] == [("terraform.workspace", "NAME")]


# accounts

LIMITED = 'provider "aws" {\n  allowed_account_ids = ["111122223333"]\n}\n'
OTHER = 'provider "aws" {\n  alias = "other"\n}\n'
SAME = 'provider "aws" {\n  alias = "us"\n  allowed_account_ids = ["111122223333"]\n}\n'


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("", "111122223333"),
        (f'resource "aws_iam_role" "r" {{\n  provider = aws.other\n  {TRUST}\n}}\n', None),
        (f'resource "aws_iam_role" "r" {{\n  provider = aws.us\n  {TRUST}\n}}\n', "111122223333"),
        (f'resource "aws_iam_role" "r" {{\n  provider = aws\n  {TRUST}\n}}\n', "111122223333"),
        ('resource "aws_acm_certificate" "c" {\n  provider = aws.other\n}\n', "111122223333"),
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


def test_modules_beyond_the_limit_are_reported(tmp_path: Path) -> None:
    """Of very many instances, the excess ones are skipped and reported."""
    calls = "".join(f'module "m{number}" {{\n  source = "./child"\n  count = 90\n}}\n' for number in range(4))
    put(tmp_path, main=calls, child__main=POLICY % '"*"')
    result = scan_paths([tmp_path], ScanOptions())
    assert [note.reason for note in result.not_evaluated] == [
        "module m3 (./child) is not evaluated: more than 300 modules"
    ]
    assert len(result.findings) == 1
