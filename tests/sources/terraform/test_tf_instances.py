"""``count`` and ``for_each`` of resources and modules: no instance and no value is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from work import at_most

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.terraform import load

BODY = 'policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = %s }] })'


def resources_by_suffix(root: Path, how: str, resource: str = "each.value", extra: str = "") -> dict[str, set[str]]:
    """The Resource elements of every instance, by the suffix of its address."""
    (root / "main.tf").write_text(
        f'variable "x" {{}}\nvariable "y" {{}}\n{extra}\n'
        f'resource "aws_iam_policy" "p" {{\n  {how}\n  {BODY % resource}\n}}\n',
        encoding="utf-8",
    )
    result: dict[str, set[str]] = {}
    for policy in load(root).policies:
        document = parse_document(policy.document)
        assert not document.problems
        suffix = policy.resource.address.removeprefix("aws_iam_policy.p")
        assert suffix not in result
        result[suffix] = {str(text) for statement in document.statements for text in statement.resources or ()}
    return result


@pytest.mark.parametrize(
    ("for_each", "expected"),
    [
        ('{ a = "1", b = "2" }', {'["a"]': {"1"}, '["b"]': {"2"}}),
        ('toset(["a", "b"])', {'["a"]': {"a"}, '["b"]': {"b"}}),
        ('toset(["a", "a"])', {'["a"]': {"a"}}),
        ('tomap({ a = "1" })', {'["a"]': {"1"}}),
        ('{ for k in ["a", "b"] : k => upper(k) }', {'["a"]': {"A"}, '["b"]': {"B"}}),
        ('merge({ a = "1" }, { b = "2" })', {'["a"]': {"1"}, '["b"]': {"2"}}),
        ("{}", {}),
        ('{ "a\\"b" = "1" }', {'["a\\"b"]': {"1"}}),
        ('var.x ? { a = "1" } : { a = "*" }', {'["a"]': {"1", "*"}}),
        ('var.x ? { a = "1" } : { b = "*" }', {'["a"]': {"1"}, '["b"]': {"*"}}),
        ('var.x ? { a = "1" } : {}', {'["a"]': {"1"}}),
        ('var.x ? { a = "1" } : var.y ? { a = "2" } : { a = "*" }', {'["a"]': {"1", "2", "*"}}),
        ('toset([var.x ? "a" : "*"])', {'["a"]': {"a"}, '["*"]': {"*"}}),
        ('toset(concat(["a"], var.x ? ["*"] : []))', {'["a"]': {"a"}, '["*"]': {"*"}}),
    ],
)
def test_for_each_has_every_possible_key(tmp_path: Path, for_each: str, expected: dict[str, set[str]]) -> None:
    """Every possible key has an instance, with all values that it may have."""
    assert resources_by_suffix(tmp_path, f"for_each = {for_each}") == expected


@pytest.mark.parametrize(
    "for_each",
    [
        '{ (var.x) = "1", (var.y) = "*" }',
        '{ "${var.x}-a" = "1", "${var.x}-a" = "*" }',
        '{ (var.x) = "1", b = "*" }',
        'merge({ a = "1" }, { (var.x) = "*" })',
    ],
)
def test_unknown_keys_keep_their_values(tmp_path: Path, for_each: str) -> None:
    """Each entry is an instance of its own, with a known key or not."""
    instances = resources_by_suffix(tmp_path, f"for_each = {for_each}")
    assert set().union(*instances.values()) == {"1", "*"}
    assert len(instances) == 2


def test_partially_unknown_set(tmp_path: Path) -> None:
    """Known elements of a set are instances, and so is each unknown one."""
    instances = resources_by_suffix(tmp_path, 'for_each = toset(concat(["*"], var.x, [for y in var.y : "app-${y}"]))')
    values = set().union(*instances.values())
    assert "*" in values
    assert len(values) == 3


def test_each_key_of_partially_known_key(tmp_path: Path) -> None:
    """``each.key`` keeps the known parts of a key."""
    assert resources_by_suffix(tmp_path, 'for_each = { "${var.x}-app" = 1 }', "each.key") == {
        '["${var.x}-app"]': {"${var.x}-app"}
    }


@pytest.mark.parametrize("how", ["for_each = var.x", "count = var.x", "for_each = toset(var.x)"])
def test_unknown_instances_are_one_without_key(tmp_path: Path, how: str) -> None:
    """Unknown instances are evaluated as one without a key."""
    assert list(resources_by_suffix(tmp_path, how, '"*"')) == [""]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        ("2", ["[0]", "[1]"]),
        ("0", []),
        ("-1", []),
        ('"1"', ["[0]"]),
        ("var.x ? 1 : 0", ["[0]"]),
        ("var.x ? 0 : var.y ? 2 : 1", ["[0]", "[1]"]),
        ('length(["a", "b"])', ["[0]", "[1]"]),
        ("null", [""]),
        ("1000000000000000000000000000000", [""]),
        ("100000000", [""]),
        ("var.x ? 1 : 100000000", [""]),
    ],
)
def test_count_is_its_maximum(tmp_path: Path, count: str, expected: list[str]) -> None:
    """There are as many instances as the maximum of ``count``; very many are evaluated as one."""
    with at_most(300_000):
        assert list(resources_by_suffix(tmp_path, f"count = {count}", '"*"')) == expected


def test_count_index_selects_element(tmp_path: Path) -> None:
    """``count.index`` selects the element of each instance."""
    extra = 'locals {\n  roles = ["a", "*"]\n}\n'
    assert resources_by_suffix(tmp_path, "count = length(local.roles)", "local.roles[count.index]", extra) == {
        "[0]": {"a"},
        "[1]": {"*"},
    }


def test_each_value_attributes(tmp_path: Path) -> None:
    """Attributes of ``each.value`` are those of the entry."""
    assert resources_by_suffix(tmp_path, 'for_each = { a = { arn = "1" }, b = { arn = "*" } }', "each.value.arn") == {
        '["a"]': {"1"},
        '["b"]': {"*"},
    }


def test_huge_for_each_is_one_instance(tmp_path: Path) -> None:
    """More elements than the limit are evaluated as one instance."""
    assert list(resources_by_suffix(tmp_path, "for_each = toset([for n in range(5000) : tostring(n)])", '"*"')) == [""]


def messages(root: Path, text: str, **files: str) -> list[tuple[str, str]]:
    """The address and the message of every finding."""
    (root / "main.tf").write_text(text, encoding="utf-8")
    for name, content in files.items():
        (root / name).mkdir(exist_ok=True)
        (root / name / "main.tf").write_text(content, encoding="utf-8")
    result = scan_paths([root], ScanOptions(checks=frozenset({"PASSROLE_001"})))
    return [(finding.resource.address, finding.message) for finding in result.findings]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("count = var.x ? 1 : 0", "var.x is true"),
        ("count = var.x ? 0 : 1", "var.x is false"),
        ('for_each = var.x ? { a = "1" } : {}', "var.x is true"),
        ("count = var.x ? 1 : 2", ""),
    ],
)
def test_finding_names_condition_of_instance(tmp_path: Path, how: str, words: str) -> None:
    """A finding names the condition under which its instance exists, inside a module too."""
    policy = 'resource "aws_iam_policy" "p" {\n  %s\n  ' + BODY % '"*"' + "\n}\n"
    ((_, message),) = messages(tmp_path, 'variable "x" {}\n' + policy % how)[:1]
    assert ("var.x" in message) is bool(words)
    assert words in message
    call = f'variable "x" {{}}\nmodule "m" {{\n  source = "./child"\n  {how}\n}}\n'
    ((address, message),) = messages(tmp_path, call, child=policy % "")[:1]
    assert address.startswith("module.m[")
    assert ("var.x" in message) is bool(words)
    assert words in message


@pytest.mark.parametrize(
    ("count", "principal"),
    [
        ("1", "aws_iam_role.x[0]"),
        ('"${var.x ? 1 : 0}"', "aws_iam_role.x[0]"),
        ("2", "aws_iam_role.x"),
        ("var.n", "aws_iam_role.x"),
    ],
)
def test_reference_without_index(tmp_path: Path, count: str, principal: str) -> None:
    """Until Terraform 0.11, it is one to the first instance, which is resolved where there is no other."""
    (tmp_path / "main.tf").write_text(
        f'variable "x" {{}}\nvariable "n" {{}}\nresource "aws_iam_role" "x" {{\n  count = {count}\n}}\n'
        'resource "aws_iam_role_policy" "p" {\n  role = "${aws_iam_role.x.name}"\n  ' + BODY % '"*"' + "\n}\n",
        encoding="utf-8",
    )
    (policy,) = load(tmp_path).policies
    assert policy.principals == (principal,)


@pytest.mark.parametrize("key", ["each.key", "count.index"])
def test_instances_with_unknown_keys_are_attached_to_each_other(tmp_path: Path, key: str) -> None:
    """A role with instances under unknown keys is one role, with the policies of all of them."""
    every = "for_each = var.x" if key == "each.key" else "count = var.x"
    (tmp_path / "main.tf").write_text(
        f"""
        variable "x" {{}}
        resource "aws_iam_role" "r" {{
          {every}
          assume_role_policy = "{{}}"
        }}
        resource "aws_iam_policy" "p" {{
          {every}
          {BODY % '"*"'}
        }}
        resource "aws_iam_role_policy_attachment" "a" {{
          {every}
          role       = aws_iam_role.r[{key}].name
          policy_arn = aws_iam_policy.p[{key}].arn
        }}
        """,
        encoding="utf-8",
    )
    (policy,) = (one for one in load(tmp_path).policies if one.resource.type == "aws_iam_policy")
    assert policy.principals == ("aws_iam_role.r",)
