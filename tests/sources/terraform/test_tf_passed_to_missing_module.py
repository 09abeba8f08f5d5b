"""Policy documents that are passed to modules whose source is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from path_conditions_of_tests import pairs

from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.partial_values import ObjectNode, strings_in
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.model.configuration import AttachedPolicy, PolicyKind
from passrole_checks.sources.terraform import load
from passrole_checks.sources.terraform.lazy_evaluation import evaluate_everything

ANY_ROLE = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
TRUST = '{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "*" } }'


def policies_of_call(tmp_path: Path, arguments: str) -> list[AttachedPolicy]:
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
def test_document_without_principal_is_identity_policy(tmp_path: Path, arguments: str, path: str) -> None:
    """A document without a Principal is checked as an identity-based policy, in any kind of argument."""
    (policy,) = policies_of_call(tmp_path, arguments)
    assert (policy.kind, policy.path, policy.resource.address) == (PolicyKind.IDENTITY, path, "module.m")


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (f"trust = jsonencode({{ Statement = [{TRUST}] }})", PolicyKind.RESOURCE),
        (f"trust = jsonencode({{ Statement = [{ANY_ROLE}, {TRUST}] }})", PolicyKind.RESOURCE),
        (f"permissions_boundary_policy = jsonencode({{ Statement = [{ANY_ROLE}] }})", PolicyKind.BOUNDARY),
    ],
)
def test_document_with_principal_or_named_boundary_grants_nothing(
    tmp_path: Path, arguments: str, kind: PolicyKind
) -> None:
    """A document with a Principal is a trust or resource-based policy; one named boundary is a boundary."""
    (policy,) = policies_of_call(tmp_path, arguments)
    assert policy.kind is kind


@pytest.mark.parametrize("arguments", ["policy = var.x", 'name = "Statement"', "depends_on = [aws_iam_role.a]"])
def test_other_arguments_are_no_policies(tmp_path: Path, arguments: str) -> None:
    """Arguments without a policy document, and completely unknown ones, give no policy."""
    assert policies_of_call(tmp_path, arguments) == []


def statements(tmp_path: Path, arguments: str) -> list[Statement]:
    found = [parse_document(policy.document) for policy in policies_of_call(tmp_path, arguments)]
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
def test_statement_object(tmp_path: Path, arguments: str, effect: str) -> None:
    """An object with the keys of a statement block or of a document is a statement; its default effect is Allow."""
    (statement,) = statements(tmp_path, arguments)
    assert (statement.effect, [str(one) for one in statement.resources or ()]) == (effect, ["*"])


@pytest.mark.parametrize(
    "condition",
    [
        'condition = { TEST }', 'condition = [{ TEST }]', 'conditions = { a = { TEST } }',
        'condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }',
    ],
)  # fmt: skip
def test_condition_of_statement_object(tmp_path: Path, condition: str) -> None:
    """Conditions are objects with test, variable and values (one, a list, a map), or as in a document."""
    test = 'test = "StringEquals", variable = "iam:PassedToService", values = ["lambda.amazonaws.com"]'
    (statement,) = statements(tmp_path, f"s = {{ {PASS}, {condition.replace('TEST', test)} }}")
    assert isinstance(statement.condition, ObjectNode)
    (entry,) = statement.condition.entries
    assert str(entry.key) == "StringEquals"
    assert [str(text) for text in strings_in(entry.value)] == ["iam:PassedToService", "lambda.amazonaws.com"]


def test_unknown_condition_is_unresolved(tmp_path: Path) -> None:
    """An unknown condition is unresolved, so that the statement does not count as unconditional."""
    (statement,) = statements(tmp_path, f"s = {{ {PASS}, conditions = var.x }}")
    assert statement.condition is not None
    assert [hole.expression for hole in statement.unresolved_parts] == ["var.x"]


def test_missing_resources_are_unresolved(tmp_path: Path) -> None:
    """A statement without resources is completed by the module: its roles are unresolved."""
    (statement,) = statements(tmp_path, 's = { actions = ["iam:PassRole"], resources = [] }')
    assert [hole.reason for hole in statement.unresolved_parts] == ["empty, which AWS rejects"]


@pytest.mark.parametrize(
    "arguments",
    [
        'rules = [{ resources = ["pods"], verbs = ["get"] }]',
        'alarm = { actions = [var.x], resources = ["a"] }',
        's = { effect = "Allow", actions = [], resources = [] }',
    ],
)
def test_other_objects_are_no_statements(tmp_path: Path, arguments: str) -> None:
    """Objects that only share a key with a statement are not statements."""
    assert policies_of_call(tmp_path, arguments) == []


def test_statement_with_principals_grants_nothing(tmp_path: Path) -> None:
    """A statement with principals belongs to a resource-based or trust policy."""
    (policy,) = policies_of_call(tmp_path, f's = {{ {PASS}, principals = [{{ type = "AWS", identifiers = ["*"] }}] }}')
    assert policy.kind is PolicyKind.RESOURCE


def test_statements_in_collection_are_one_document(tmp_path: Path) -> None:
    """Statements in a list or map form one document; those with principals form another."""
    trust = f's = {{ {PASS}, principals = [{{ type = "AWS", identifiers = ["*"] }}] }}'
    found = policies_of_call(
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
def test_document_below_maximum_depth_is_reported(tmp_path: Path, inside: str, told: bool) -> None:
    """A possible policy document below the maximum depth is reported, and nothing else is."""
    assert policies_of_call(tmp_path, f"p = {{ a = {{ b = {{ c = {{ d = {{ e = {{ f = {inside} }} }} }} }} }} }}") == []
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
def test_aws_managed_policy_is_attached(tmp_path: Path, arguments: str, attached: list[tuple[str, object]]) -> None:
    """An AWS managed policy in an argument counts as attached, unless it is a permissions boundary."""
    (tmp_path / "main.tf").write_text(
        f'variable "x" {{}}\nmodule "m" {{\n  source = "example.com/some/module"\n{arguments}\n}}\n', encoding="utf-8"
    )
    found = load(tmp_path).attached.managed_policies
    assert [(one.path, pairs(one.when)) for one in found] == attached
    assert {one.holder for one in found} <= {"module.m"}


def test_aws_managed_policies_are_not_combined(tmp_path: Path) -> None:
    """The principals in a missing module are unknown, so two policies are not combined."""
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
    assert all("module.m" in one.message for one in found)


@pytest.mark.parametrize(
    ("value", "line"),
    [("local.arns", 1), ("var.arns", 2), ("[for one in local.arns : one]", 1), ("module.here.given", 1)],
)
def test_aws_managed_policy_is_found_through_references(tmp_path: Path, value: str, line: int) -> None:
    """A policy in a local, variable or module output is found too, also from another module."""
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
    found = load(tmp_path).attached.managed_policies
    assert {(one.path, one.at.line) for one in found} == {("arns/0", line)}
    assert len({one.holder for one in found}) == 2
    with evaluate_everything():
        assert load(tmp_path).attached.managed_policies == found
