"""Policy documents that are handed to modules that are not here."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.partial_values import ObjectNode, texts_in
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind
from passrole_checks.sources.terraform import load
from passrole_checks.sources.terraform.lazy_evaluation import none_taken

ANY_ROLE = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
TRUST = '{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "*" } }'


def handed_over(tmp_path: Path, arguments: str) -> list[AttachedPolicy]:
    (tmp_path / "main.tf").write_text(
        f'variable "x" {{}}\nmodule "m" {{\n  source = "example.com/some/module"\n{arguments}\n}}\n', encoding="utf-8"
    )
    return list(load(tmp_path).policies)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (f"policy = jsonencode({{ Statement = [{ANY_ROLE}] }})", "policy"),
        (f"policy = {{ Statement = [{ANY_ROLE}] }}", "policy"),
        (f"policies = [jsonencode({{ Statement = {ANY_ROLE} }})]", "policies/0"),
        (f"roles = {{ app = {{ inline = jsonencode({{ Statement = [{ANY_ROLE}] }}) }} }}", "roles/app/inline"),
        (f"policy = var.x ? jsonencode({{ Statement = [{ANY_ROLE}] }}) : null", "policy"),
        ('policy = "{\\"Statement\\": [{\\"Action\\": \\"*\\", \\"Resource\\": \\"${var.x}\\"}]}"', "policy"),
    ],
)
def test_a_document_without_principal_is_an_identity_policy(tmp_path: Path, arguments: str, path: str) -> None:
    """A document that names no Principal is judged as the policy of whoever will hold it, however it is handed over."""
    (policy,) = handed_over(tmp_path, arguments)
    assert (policy.kind, policy.path, policy.resource.address) == (PolicyKind.IDENTITY, path, "module.m")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (f"trust = jsonencode({{ Statement = [{TRUST}] }})", PolicyKind.RESOURCE),
        (f"trust = jsonencode({{ Statement = [{ANY_ROLE}, {TRUST}] }})", PolicyKind.RESOURCE),
        (f"permissions_boundary_policy = jsonencode({{ Statement = [{ANY_ROLE}] }})", PolicyKind.BOUNDARY),
    ],
)
def test_other_documents_grant_nothing(tmp_path: Path, arguments: str, kind: PolicyKind) -> None:
    """A document with a Principal is a trust or a resource-based policy, and one that is called a boundary is one."""
    (policy,) = handed_over(tmp_path, arguments)
    assert policy.kind is kind


@pytest.mark.parametrize("arguments", ["policy = var.x", 'name = "Statement"', "depends_on = [aws_iam_role.a]"])
def test_what_is_no_document_is_none(tmp_path: Path, arguments: str) -> None:
    """Arguments that hold no policy document, or one of which nothing is known, give no policy."""
    assert handed_over(tmp_path, arguments) == []


def statements(tmp_path: Path, arguments: str) -> list[Statement]:
    found = [parse_document(policy.document) for policy in handed_over(tmp_path, arguments)]
    assert not [problem for one in found for problem in one.problems]
    return [statement for one in found for statement in one.statements]


PASS = 'actions = ["iam:PassRole"], resources = ["*"]'


@pytest.mark.parametrize(
    ("arguments", "effect"),
    [
        (f"policy_statements = {{ pass = {{ {PASS} }} }}", "Allow"),
        (f'policy_statements = {{ pass = {{ effect = "Deny", {PASS} }} }}', "Deny"),
        (f"iam_policy = [{{ statements = [{{ effect = null, {PASS}, principals = [] }}] }}]", "Allow"),
        (f"statements = [{ANY_ROLE}]", "Allow"),
        ('statement = { effect = "Allow", actions = var.x, resources = ["*"], not_actions = null }', "Allow"),
        (f"statements = var.x ? [{{ {PASS} }}] : []", "Allow"),
    ],
)
def test_a_statement_as_an_object(tmp_path: Path, arguments: str, effect: str) -> None:
    """An object in the words of a statement block, or of a document, is a statement; without an effect it allows."""
    (statement,) = statements(tmp_path, arguments)
    assert (statement.effect, [str(one) for one in statement.resources or ()]) == (effect, ["*"])


@pytest.mark.parametrize(
    "condition",
    [
        'condition = { TEST }', 'condition = [{ TEST }]', 'conditions = { a = { TEST } }',
        'condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }',
    ],
)  # fmt: skip
def test_the_condition_of_a_statement_as_an_object(tmp_path: Path, condition: str) -> None:
    """Conditions are objects with a test, a variable and values, one, a list or a map of them, or as in a document."""
    test = 'test = "StringEquals", variable = "iam:PassedToService", values = ["lambda.amazonaws.com"]'
    (statement,) = statements(tmp_path, f"s = {{ {PASS}, {condition.replace('TEST', test)} }}")
    assert isinstance(statement.condition, ObjectNode)
    (entry,) = statement.condition.entries
    assert str(entry.key) == "StringEquals"
    assert [str(text) for text in texts_in(entry.value)] == ["iam:PassedToService", "lambda.amazonaws.com"]


def test_a_condition_that_is_not_known_is_not_forgotten(tmp_path: Path) -> None:
    """A condition of which nothing is known leaves a hole, so that the statement is not taken for one without."""
    (statement,) = statements(tmp_path, f"s = {{ {PASS}, conditions = var.x }}")
    assert statement.condition is not None
    assert [hole.expression for hole in statement.holes] == ["var.x"]


def test_resources_that_are_empty_are_still_to_be_given(tmp_path: Path) -> None:
    """A statement without resources is one that the module completes: which roles it names is not known."""
    (statement,) = statements(tmp_path, 's = { actions = ["iam:PassRole"], resources = [] }')
    assert [hole.reason for hole in statement.holes] == ["empty, which AWS refuses"]


@pytest.mark.parametrize(
    "arguments",
    [
        'rules = [{ resources = ["pods"], verbs = ["get"] }]',
        'alarm = { actions = [var.x], resources = ["a"] }',
        's = { effect = "Allow", actions = [], resources = [] }',
    ],
)
def test_objects_that_are_no_statements(tmp_path: Path, arguments: str) -> None:
    """Objects that only share a word with a statement are none."""
    assert handed_over(tmp_path, arguments) == []


def test_a_statement_with_principals_grants_nothing(tmp_path: Path) -> None:
    """A statement with principals belongs to a resource-based or a trust policy."""
    (policy,) = handed_over(tmp_path, f's = {{ {PASS}, principals = [{{ type = "AWS", identifiers = ["*"] }}] }}')
    assert policy.kind is PolicyKind.RESOURCE


def test_statements_side_by_side_are_one_document(tmp_path: Path) -> None:
    """What a list or a map of statements denies or adds counts for all of them; those with principals stand apart."""
    trust = f's = {{ {PASS}, principals = [{{ type = "AWS", identifiers = ["*"] }}] }}'
    found = handed_over(
        tmp_path,
        f'p = {{ a = {{ {PASS} }}, b = {{ effect = "Deny", {PASS} }}, {trust}, c = var.x ? {{ {PASS} }} : null }}',
    )
    assert [(one.kind, one.path, len(parse_document(one.document).statements)) for one in found] == [
        (PolicyKind.IDENTITY, "p", 3),
        (PolicyKind.RESOURCE, "p", 1),
    ]


@pytest.mark.parametrize(
    ("inside", "told"),
    [
        (f"{{ policy = jsonencode({{ Statement = [{ANY_ROLE}] }}) }}", True),
        (f"{{ statement = {{ {PASS} }} }}", True),
        (f"{{ more = var.x ? [{{ Statement = [{ANY_ROLE}] }}] : [] }}", True),
        ('{ g = { h = ["text"] }, actions = "x" }', False),
    ],
)
def test_what_lies_too_deep_is_told(tmp_path: Path, inside: str, told: bool) -> None:
    """Where a policy document may stand deeper than is looked, the place is named, and nothing else is."""
    assert handed_over(tmp_path, f"p = {{ a = {{ b = {{ c = {{ d = {{ e = {{ f = {inside} }} }} }} }} }} }}") == []
    notes = [(one.line, one.reason) for one in load(tmp_path).not_evaluated if "too deep" in one.reason]
    place = "module.m: p/a/b/c/d/e/f: nested too deeply to search for policy documents"
    assert notes == ([(4, place)] if told else [])


ADMIN = '"arn:aws:iam::aws:policy/AdministratorAccess"'


@pytest.mark.parametrize(
    ("arguments", "attached"),
    [
        (f"policy_arns = [{ADMIN}]", [("policy_arns/0", ())]),
        (f"sets = {{ admin = {{ attach = [{ADMIN}] }} }}", [("sets/admin/attach/0", ())]),
        (f"policy_arns = var.x ? [{ADMIN}] : []", [("policy_arns/0", (("var.x", "true"),))]),
        ('arn = "arn:${data.aws_partition.p.partition}:iam::aws:policy/AdministratorAccess"', [("arn", ())]),
        (f"permissions_boundary = {ADMIN}", []),
        (f"limits = {{ boundary = {ADMIN} }}", []),
        ('policy_arns = ["arn:aws:iam::111122223333:policy/own"]', []),
    ],
)
def test_aws_managed_policies(tmp_path: Path, arguments: str, attached: list[tuple[str, object]]) -> None:
    """One that is handed over is attached to somebody there, but for a permissions boundary."""
    (tmp_path / "main.tf").write_text(
        f'variable "x" {{}}\nmodule "m" {{\n  source = "example.com/some/module"\n{arguments}\n}}\n', encoding="utf-8"
    )
    found = load(tmp_path).attachments
    assert [(one.path, one.when) for one in found] == attached
    assert {one.holder for one in found} <= {"module.m"}


def test_aws_managed_policies_are_judged_each_by_itself(tmp_path: Path) -> None:
    """Nobody knows who gets what in a module that is not here, so two policies are not put together."""
    (tmp_path / "main.tf").write_text(
        'module "m" {\n  source = "example.com/some/module"\n'
        '  policies = ["arn:aws:iam::aws:policy/AWSLambda_FullAccess",'
        ' "arn:aws:iam::aws:policy/AmazonEC2FullAccess", "arn:aws:iam::aws:policy/AmazonEventBridgeFullAccess"]\n}\n'
    )
    found = scan_paths([tmp_path], ScanOptions()).findings
    assert [(one.check_id, one.severity, one.confidence) for one in found] == [
        ("PASSROLE_013", Severity.MEDIUM, Confidence.MEDIUM),
        ("PASSROLE_013", Severity.MEDIUM, Confidence.MEDIUM),
    ]
    assert all(one.message.endswith("The policy is handed to module.m, which is not here.") for one in found)


@pytest.mark.parametrize(
    ("value", "line"),
    [("local.arns", 1), ("var.arns", 2), ("[for one in local.arns : one]", 1), ("module.here.given", 1)],
)
def test_aws_managed_policies_are_found_behind_references(tmp_path: Path, value: str, line: int) -> None:
    """One that stands in a local, a variable or an output of a module is handed over as well, also out of a module."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "main.tf").write_text(
        'variable "given" {}\noutput "given" {\n  value = var.given\n}\n'
        'module "away" {\n  source = "./nowhere"\n  arns = var.given\n}\n'
    )
    given = "each.value\n  for_each = { a = " + value + " }" if value != "module.here.given" else "local.arns"
    (tmp_path / "main.tf").write_text(
        f'locals {{ arns = [{ADMIN}] }}\nvariable "arns" {{ default = [{ADMIN}] }}\n'
        f'module "here" {{\n  source = "./here"\n  given = {given}\n}}\n'
        f'module "m" {{\n  source = "example.com/some/module"\n  arns = {value}\n}}\n'
    )
    found = load(tmp_path).attachments
    assert {(one.path, one.at.line) for one in found} == {("arns/0", line)}
    assert len({one.holder for one in found}) == 2
    with none_taken():
        assert load(tmp_path).attachments == found
