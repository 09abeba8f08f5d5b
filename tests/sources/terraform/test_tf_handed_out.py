"""Policies that leave a Terraform configuration, and policies that are attached to no principal."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.findings import Confidence
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.model.configuration import HandedTo, PolicyKind
from passrole_checks.sources.terraform import load

STATEMENT = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
ENCODED = f'jsonencode({{ Version = "2012-10-17", Statement = [{STATEMENT}] }})'
DATA = """\
data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
"""
ADMINISTRATOR = '"arn:aws:iam::aws:policy/AdministratorAccess"'


def scan(folder: Path, text: str, **files: str) -> ScanResult:
    (folder / "main.tf").write_text(text)
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".tf").write_text(content)
    return scan_paths([folder], ScanOptions())


def notes(result: ScanResult) -> list[int | None]:
    return [note.line for note in result.not_evaluated]


@pytest.mark.parametrize(
    ("block", "handed_to"),
    [
        ('resource "vault_aws_secret_backend_role" "r" {\n  policy_document = DOCUMENT\n}\n', HandedTo.RESOURCE),
        ('resource "aws_ssm_parameter" "r" {\n  value = DOCUMENT\n}\n', HandedTo.RESOURCE),
        ('resource "aws_s3_object" "r" {\n  content = DOCUMENT\n}\n', HandedTo.RESOURCE),
        ('resource "acme_role" "r" {\n  inline {\n    policy = DOCUMENT\n  }\n}\n', HandedTo.RESOURCE),
        ('resource "acme_role" "r" {\n  policies = [{ name = "a", json = DOCUMENT }]\n}\n', HandedTo.RESOURCE),
        (
            'resource "acme_role" "r" {\n  dynamic "inline" {\n    for_each = [DOCUMENT]\n'
            "    content {\n      policy = inline.value\n    }\n  }\n}\n",
            HandedTo.RESOURCE,
        ),
        ('output "r" {\n  value = DOCUMENT\n}\n', HandedTo.OUTPUT),
        ('output "r" {\n  value = { a = DOCUMENT }\n}\n', HandedTo.OUTPUT),
        ('module "r" {\n  source = "acme/role/aws"\n  policy = DOCUMENT\n}\n', HandedTo.MODULE),
    ],
)
@pytest.mark.parametrize("document", [ENCODED, "data.aws_iam_policy_document.d.json", "local.document"])
def test_document_that_leaves_the_configuration_is_judged(
    tmp_path: Path, block: str, handed_to: HandedTo, document: str
) -> None:
    """At medium confidence, as what happens with it is unknown, and without a note that it is unused."""
    more = f"locals {{\n  document = {ENCODED}\n}}\n" if document == "local.document" else ""
    more += DATA if document.startswith("data.") else ""
    result = scan(tmp_path, block.replace("DOCUMENT", document) + more)
    (found,) = result.findings
    assert (found.check_id, found.confidence, found.handed_to) == ("PASSROLE_001", Confidence.MEDIUM, handed_to)
    assert found.resource.address in found.message
    assert not [note for note in result.not_evaluated if not note.subject]


@pytest.mark.parametrize(
    "block",
    [
        'resource "null_resource" "r" {\n  triggers = { policy = DOCUMENT }\n}\n',
        'resource "random_id" "r" {\n  keepers = { policy = DOCUMENT }\n}\n',
        'resource "alicloud_ram_policy" "r" {\n  policy_document = DOCUMENT\n}\n',
        'resource "aws_iot_policy" "r" {\n  policy = DOCUMENT\n}\n',
        'resource "aws_transfer_user" "r" {\n  policy = DOCUMENT\n}\n',
        'resource "acme_role" "r" {\n  permissions_boundary = DOCUMENT\n}\n',
        'output "boundary" {\n  value = DOCUMENT\n}\n',
        'resource "aws_ssm_parameter" "r" {\n  value = jsonencode({ Statement = [{ a = 1 }] })\n}\n',
        'resource "acme_waf" "r" {\n  rules = jsonencode({ Statement = "x" })\n}\n',
    ],
)
def test_document_that_grants_nothing_there_is_no_finding(tmp_path: Path, block: str) -> None:
    """Triggers, policies of other clouds, limits, and objects of other languages."""
    result = scan(tmp_path, block.replace("DOCUMENT", ENCODED))
    assert not result.findings
    assert not result.unreadable


def test_document_with_a_principal_is_no_identity_based_policy(tmp_path: Path) -> None:
    """A trust policy or resource-based policy grants no PassRole, whatever its actions are."""
    document = ENCODED.replace("Effect", 'Principal = "*", Effect')
    (tmp_path / "main.tf").write_text(f'output "trust" {{\n  value = {document}\n}}\n')
    assert [policy.kind for policy in load(tmp_path).policies] == [PolicyKind.RESOURCE]


@pytest.mark.parametrize("value", ["data.aws_iam_policy_document.d.json", "aws_iam_policy.p.policy"])
def test_document_that_is_attached_too_is_judged_once(tmp_path: Path, value: str) -> None:
    """Where it is attached, at high confidence."""
    attached = 'resource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'
    (found,) = scan(tmp_path, DATA + attached + f'output "o" {{\n  value = {value}\n}}\n').findings
    assert (found.resource.address, found.uses, found.confidence) == (
        "aws_iam_policy.p",
        ("aws_iam_policy.p",),
        Confidence.HIGH,
    )


def test_output_of_a_called_module_is_not_handed_out(tmp_path: Path) -> None:
    """Its caller decides; here nothing uses it."""
    child = DATA + 'output "policy" {\n  value = data.aws_iam_policy_document.d.json\n}\n'
    result = scan(tmp_path, 'module "m" {\n  source = "./m"\n}\n', m__main=child)
    assert not result.findings
    assert notes(result) == [1]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (f'resource "vault_aws_secret_backend_role" "r" {{\n  policy_arns = [{ADMINISTRATOR}]\n}}\n', 1),
        (f'resource "acme_role" "r" {{\n  boundary_policy = {ADMINISTRATOR}\n}}\n', 0),
        (f'resource "aws_ssm_parameter" "r" {{\n  value = {ADMINISTRATOR}\n}}\n', 0),
        (f'output "r" {{\n  value = {ADMINISTRATOR}\n}}\n', 0),
    ],
)
def test_aws_managed_policy_of_another_provider_is_flagged(tmp_path: Path, block: str, expected: int) -> None:
    """Only a resource of another provider may attach it; those of AWS that do are known."""
    found = scan(tmp_path, block).findings
    assert [(item.check_id, item.confidence) for item in found] == [("PASSROLE_013", Confidence.MEDIUM)] * expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DATA, [1]),
        (f"locals {{\n  document = {ENCODED}\n}}\n", [2]),
        (DATA.replace("iam:PassRole", "s3:GetObject"), []),
        (DATA + DATA.replace('"d"', '"e"').replace("  statement", "  source_policy_documents = "
         "[data.aws_iam_policy_document.d.json]\n  statement"), [1, 7]),
        (DATA + 'resource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.d.json\n}\n', []),
        (DATA + "locals {\n  json = data.aws_iam_policy_document.d.json\n}\n", [1]),
    ],
)  # fmt: skip
def test_unused_document_gives_a_note(tmp_path: Path, text: str, expected: list[int]) -> None:
    """If it may allow PassRole, also where only another unused document uses it."""
    assert notes(scan(tmp_path, text)) == expected


CHOICE = "CONDITION ? data.aws_iam_policy_document.d.json : null"
FLAG = 'variable "on" {\n  type = bool\n}\n'


@pytest.mark.parametrize(
    ("condition", "user", "expected"),
    [
        ("false", "policy = CHOICE", [1]),
        ("local.off", "policy = CHOICE", [1]),
        ("!local.off", "policy = CHOICE", []),
        ("var.on", "policy = CHOICE", []),
        ("false", "policy = var.on ? null : (CHOICE)", [1]),
        ("false", "policy = try(CHOICE, null)", [1]),
        ("false", "policy = coalesce(data.aws_iam_policy_document.d.json, CHOICE)", []),
        ("each.value", "for_each = { a = false, b = true }\n  policy = CHOICE", []),
        ("count.index == 1", "count = 2\n  policy = CHOICE", []),
        ("false", "policy = local.chosen", [1]),
    ],
)
def test_document_that_a_condition_does_not_choose_gives_a_note(
    tmp_path: Path, condition: str, user: str, expected: list[int]
) -> None:
    """Only if the condition is known, the same for all instances, and the document is not used elsewhere."""
    text = DATA + FLAG + "locals {\n  off    = false\n  chosen = CHOICE\n}\n"
    text = (
        text if "chosen" in user else text.replace("CHOICE", "null")
    ) + f'resource "aws_iam_policy" "p" {{\n  {user}\n}}\n'
    assert notes(scan(tmp_path, text.replace("CHOICE", CHOICE.replace("CONDITION", condition)))) == expected


@pytest.mark.parametrize(("second", "expected"), [("false", [1]), ("true", [])])
def test_a_document_that_one_instance_of_a_module_chooses_is_used(
    tmp_path: Path, second: str, expected: list[int]
) -> None:
    """Each call may choose another one."""
    child = DATA + FLAG + f'resource "aws_iam_policy" "p" {{\n  policy = {CHOICE.replace("CONDITION", "var.on")}\n}}\n'
    calls = (f'module "{name}" {{\n  source = "./m"\n  on = {on}\n}}\n' for name, on in (("a", "false"), ("b", second)))
    assert notes(scan(tmp_path, "".join(calls), m__main=child)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'resource "aws_iam_policy" "p" {{\n  count  = 0\n  policy = {ENCODED}\n}}\n', [1]),
        (f'resource "aws_iam_policy" "p" {{\n  for_each = {{}}\n  policy = {ENCODED}\n}}\n', [1]),
        (f'resource "aws_iam_policy" "p" {{\n  count  = 1\n  policy = {ENCODED}\n}}\n', []),
        (
            'resource "aws_iam_policy" "p" {\n  count  = 0\n  policy = '
            + ENCODED.replace("iam:PassRole", "s3:GetObject")
            + "\n}\n",
            [],
        ),
        (
            f'resource "aws_iam_role_policy_attachment" "p" {{\n  count = 0\n  policy_arn = {ADMINISTRATOR}\n'
            '  role = "x"\n}\n',
            [1],
        ),
        (f'resource "aws_iam_role" "p" {{\n  count = 0\n  inline_policy {{\n    policy = {ENCODED}\n  }}\n}}\n', [1]),
    ],
)
def test_resource_without_instance_gives_a_note(tmp_path: Path, text: str, expected: list[int]) -> None:
    """If it declares or attaches a policy that may allow PassRole."""
    assert notes(scan(tmp_path, text)) == expected


def test_dynamic_statement_without_instance_gives_a_note(tmp_path: Path) -> None:
    """Also in an inline policy of a role."""
    text = DATA.replace(
        "  statement {",
        '  dynamic "statement" {\n    for_each = []\n    content {\n      actions = ["iam:PassRole"]\n'
        '      resources = ["*"]\n    }\n  }\n  statement {',
    ).replace('    actions   = ["iam:PassRole"]', '    actions   = ["s3:GetObject"]')
    attached = 'resource "aws_iam_policy" "p" {\n  policy = data.aws_iam_policy_document.d.json\n}\n'
    assert notes(scan(tmp_path, text + attached)) == [2]


def test_instance_in_another_call_of_the_module_needs_no_note(tmp_path: Path) -> None:
    """A block that is off in one call and on in another is judged."""
    calls = 'module "a" {\n  source = "./m"\n}\nmodule "b" {\n  source = "./m"\n  on = true\n}\n'
    policy = f'resource "aws_iam_policy" "p" {{\n  count  = var.on ? 1 : 0\n  policy = {ENCODED}\n}}\n'
    child = 'variable "on" {\n  default = false\n}\n' + policy
    result = scan(tmp_path, calls, m__main=child)
    assert len(result.findings) == 1
    assert not notes(result)


WIDE = 'variable "roles" {\n  default = ["*"]\n}\nresource "aws_iam_policy" "p" {\n  policy = ' + ENCODED.replace(
    'Resource = "*"', "Resource = var.roles"
)


@pytest.mark.parametrize(
    ("caller", "default", "expected"),
    [
        ("examples__simple__main", '["*"]', 1),
        ("tests__main", '["*"]', 1),
        ("examples__simple__main", '["arn:aws:iam::111122223333:role/app"]', 0),
        ("environments__main", '["*"]', 0),
    ],
)
def test_module_that_only_examples_call_is_a_root(tmp_path: Path, caller: str, default: str, expected: int) -> None:
    """If a default of it has a wildcard: others call it with that."""
    source = "../" * caller.count("__")
    call = f'module "m" {{\n  source = "{source}"\n  roles  = ["arn:aws:iam::111122223333:role/app"]\n}}\n'
    result = scan(tmp_path, WIDE.replace('["*"]', default) + "\n}\n", **{caller: call})
    assert [item.check_id for item in result.findings if item.check_id == "PASSROLE_001"] == ["PASSROLE_001"] * expected


def test_called_folder_with_values_of_its_own_is_a_root(tmp_path: Path) -> None:
    """Somebody applies it with its ``terraform.tfvars``."""
    call = 'module "m" {\n  source = "../app"\n  roles  = ["arn:aws:iam::111122223333:role/app"]\n}\n'
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "terraform.tfvars").write_text('roles = ["*"]\n')
    child = WIDE.replace('["*"]', "[]") + "\n}\n"
    result = scan(tmp_path, "", app__main=child, all__main=call)
    assert "PASSROLE_001" in {item.check_id for item in result.findings}


@pytest.mark.parametrize(
    ("policy", "read"),
    [
        ("data.aws_iam_policy_document.d.json", set()),
        ('var.a == "y" ? data.aws_iam_policy_document.d.json : ""', {"a"}),
    ],
)
def test_only_conditionals_that_decide_what_is_used_are_evaluated(tmp_path: Path, policy: str, read: set[str]) -> None:
    """A conditional about another local says nothing about a document, and no policy depends on its variables."""
    (tmp_path / "main.tf").write_text(
        f'variable "a" {{ default = "x" }}\nvariable "b" {{ default = "y" }}\nlocals {{ n = "z" }}\n{DATA}'
        f'resource "aws_iam_policy" "p" {{\n  count = 1\n  policy = {policy}\n}}\n'
        'resource "aws_sqs_queue" "q" {\n  name = var.b == "y" ? local.n : "o"\n}\n'
    )
    configuration = load(tmp_path)
    assert configuration.parameters_read == read
    assert [note.line for note in configuration.not_evaluated] == ([4] if read else [])


@pytest.mark.parametrize(
    "value", ["{ a = local.l%d, b = local.l%d }", "[local.l%d, local.l%d]", "merge(local.l%d, local.l%d)"]
)
def test_long_chain_of_locals_ends_nothing(tmp_path: Path, value: str) -> None:
    """Each of 300 locals refers twice to the one before; the document elsewhere is found."""
    chain = [f"  l{number} = {value % (number - 1, number - 1)}\n" for number in range(1, 300)]
    text = "locals {\n  l0 = { a = 1 }\n" + "".join(chain) + '}\noutput "x" {\n  value = local.l299\n}\n'
    result = scan(tmp_path, f'{text}output "r" {{\n  value = {ENCODED}\n}}\n')
    assert not result.unreadable
    assert [found.handed_to for found in result.grants] == [HandedTo.OUTPUT]
