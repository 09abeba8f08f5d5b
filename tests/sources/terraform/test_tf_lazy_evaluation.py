"""Skipping irrelevant evaluation changes no result: evaluating everything gives the same."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from fuzzing import corpus, layout
from fuzzing.targets import changed_tree
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.aws.role_properties import receiver_types, receivers_of
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_paths
from passrole_checks.sources.collect.consumers import ANY, DEEP
from passrole_checks.sources.model.configuration import AttachedPolicy
from passrole_checks.sources.terraform import load
from passrole_checks.sources.terraform.lazy_evaluation import evaluate_everything
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.files import is_override

SAMPLES = Path(__file__).resolve().parents[3] / "sample_templates"
STATEMENT = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
MADE = {  # each way in which a document can come to be, or a part of one
    "encoded": f"jsonencode({{ Statement = [{STATEMENT}] }})",
    "object": f"{{ Statement = [{STATEMENT}] }}",
    "statement": STATEMENT,
    "quoted key": '{ "Statement" : [{ "Effect" = "Allow", "Action" = "*", "Resource" = "*" }] }',
    "for": f'{{ for key in ["State"] : "${{key}}ment" => [{STATEMENT}] }}',
    "computed key": f'{{ (join("", ["State", "ment"])) = [{STATEMENT}] }}',
    "zipped": f'zipmap(["Statement"], [[{STATEMENT}]])',
    "words of a block": '{ effect = "Allow", actions = ["iam:PassRole"], resources = ["*"] }',
    "escaped": '"{\\"Statement\\": [{\\"Action\\": \\"*\\", \\"Resource\\": \\"*\\", \\"Effect\\": \\"Allow\\"}]}"',
    "heredoc": '<<EOT\n{"Statement": [{"Action": "*", "Resource": "*", "Effect": "Allow"}]}\nEOT\n',
    "glued": '"${local.quote}"',
    "quoted": 'format("{%q: [{%q: %q, %q: %q}]}", "Statement", "Action", "*", "Resource", "*")',
    "formatted": f'format("%s", jsonencode({{ Statement = [{STATEMENT}] }}))',
    "read": 'file("${path.module}/policy.json")',
    "rendered": 'templatefile("${path.module}/policy.json", {})',
    "decoded": 'jsondecode(file("${path.module}/policy.json"))',
    "base64": 'base64decode("eyJTdGF0ZW1lbnQiOiBbeyJBY3Rpb24iOiAiKiIsICJSZXNvdXJjZSI6ICIqIn1dfQ==")',
    "data": "data.aws_iam_policy_document.d.json",
    "of a resource": "aws_iam_policy.p.policy",
    "of each resource": 'aws_iam_policy.each["a"].policy',
    "all of a resource": "aws_iam_policy.each",
    "template file": "data.template_file.t.rendered",
    "of a module": "module.here.policy",
    "of its argument": "module.here.given",
    "all of a module": "module.here",
    "of an optional attribute": "var.optional",
    "given": "var.given",
    "of tfvars": "var.tfvars",
    "of itself": "local.itself",
    "nothing": '"none"',
    "a number": "5",
    "a name": "aws_iam_policy.p.name",
    "unknown": "var.unknown",
    "missing": "module.missing.policy",
    "unknown data": "data.aws_ssm_parameter.s.value",
    "in a decoded file": "local.settings.policy",
    "beside a document in a decoded file": "local.settings.plain",
    "decoded for each key": "[for one in local.settings : one]",
    "keys of a decoded file": "keys(local.settings.policy)",
    "of each resource in a loop": "[for one in aws_iam_policy.each : one.policy]",
    "names in a loop": "{ for key, one in aws_iam_policy.each : key => one.name }",
    "of a resource in a local": "local.resource.policy",
    "of a resource with a key in a local": 'local.resources["a"].policy',
    "of a key of a local": "local.names",
    "in another module": "module.settings.policy",
}
WRAPPED = (
    "{0}", "[{0}, {1}]", "{{ a = {0}, b = {1} }}", "var.unknown ? {0} : {1}", "try({0}, {1})", "merge({0}, {1})",
    "[for one in [{0}, {1}] : one]", "[for key, one in {{ a = {0} }} : one if key != {1}]", "concat([{0}], [{1}])",
    '"${{{0}}}"', '"x${{{0}}}${{{1}}}"', "coalesce({0}, {1})", 'lookup({{ a = {0} }}, "a", {1})', "({0})", "one([{0}])",
    "[{0}, {1}][0]", "{{ a = {0} }}.a", "[{{ a = {0} }}][*].a", "flatten([[{0}], {1}])", "element([{0}, {1}], 1)",
    "values({{ a = {0}, b = {1} }})", "{0} == {1}", 'replace("{{x}}", "x", {0})', "tomap({{ a = {0} }})",
    "core::try({0})",
)  # fmt: skip
BESIDE = f"""
locals {{
  quote  = "{{\\"Statement\\": [{{\\"Action\\": \\"*\\", \\"Resource\\": \\"*\\"}}]}}"
  itself = local.itself

  settings  = jsondecode(file("${{path.module}}/settings.json"))
  resource  = aws_iam_policy.p
  resources = aws_iam_policy.each
  names     = {{ for key in ["Statement"] : key => [local.quote] }}
}}
variable "unknown" {{}}
variable "given" {{
  default = {{ Statement = [{STATEMENT}] }}
}}
variable "tfvars" {{
  default = ""
}}
variable "optional" {{
  type    = object({{ Statement = optional(list(any), [{STATEMENT}]), name = optional(string) }})
  default = {{}}
}}
data "aws_iam_policy_document" "d" {{
  statement {{
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }}
}}
data "aws_ssm_parameter" "s" {{
  name = "s"
}}
data "template_file" "t" {{
  template = file("${{path.module}}/policy.json")
}}
resource "aws_iam_policy" "p" {{
  name   = "p"
  policy = jsonencode({{ Statement = [{STATEMENT}] }})
}}
resource "aws_iam_policy" "each" {{
  for_each = {{ a = "{{\\"Statement\\": [{{\\"Action\\": \\"*\\", \\"Resource\\": \\"*\\"}}]}}" }}
  policy   = each.value
}}
module "here" {{
  source = "./here"
  given  = jsonencode({{ Statement = [{STATEMENT}] }})
}}
module "missing" {{
  source = "example.com/some/module"
}}
module "settings" {{
  source = "./here"
  given  = local.settings
}}
"""
HERE = f"""
variable "given" {{}}
output "given" {{
  value = var.given
}}
output "policy" {{
  value = jsonencode({{ Statement = [{STATEMENT}] }})
}}
"""
SHARED = """
variable "given" {}
locals {
  wrapped = { a = { given = var.given, plain = "x" } }
}
module "inner" {
  source = "../here"
  given  = local.wrapped
}
module "away" {
  source = "example.com/some/module"
  x      = var.given
  y      = module.inner.given.a.given
  z      = module.inner.given.a.plain
}
output "given" {
  value = module.inner.given.a.given
}
output "plain" {
  value = module.inner.given.a.plain
}
"""
DOCUMENT = '{"Statement": [{"Action": "*", "Resource": "*", "Effect": "Allow"}]}'


def written(folder: Path, expression: str, through: str) -> Path:
    """Write a configuration that passes an expression to a module that is not downloaded, in one of several ways."""
    (folder / "here").mkdir(parents=True, exist_ok=True)
    (folder / "here" / "main.tf").write_text(HERE, encoding="utf-8")
    (folder / "policy.json").write_text(DOCUMENT, encoding="utf-8")
    (folder / "settings.json").write_text(f'{{"plain": ["x"], "policy": {DOCUMENT}}}', encoding="utf-8")
    (folder / "terraform.tfvars").write_text(f"tfvars = {{ Statement = [{STATEMENT}] }}\n", encoding="utf-8")
    ways = {
        "directly": f"x = {expression}",
        "local": "x = local.x",
        "each": "for_each = { a = local.x }\n  x = each.value",
        "inner": "x = module.inner.given",
    }
    (folder / "main.tf").write_text(
        f"{BESIDE}\nlocals {{\n  x = {expression}\n}}\n"
        f'module "inner" {{\n  source = "./here"\n  given  = {expression}\n}}\n'
        f'module "m" {{\n  source = "example.com/some/module"\n  {ways[through]}\n}}\n',
        encoding="utf-8",
    )
    return folder


def handed_over(folder: Path, boundary: Path | None = None) -> list[AttachedPolicy]:
    policies = load(folder, boundary=boundary).policies
    return [policy for policy in policies if policy.resource.address.startswith("module.m")]


@pytest.mark.parametrize("through", ["directly", "local", "each", "inner"])
@pytest.mark.parametrize("kind", MADE)
def test_every_way_to_build_a_document_is_evaluated(tmp_path: Path, kind: str, through: str) -> None:
    """However a document is built and passed on, the result is the same as with full evaluation."""
    folder = written(tmp_path, MADE[kind], through)
    found = handed_over(folder)
    with evaluate_everything():
        assert found == handed_over(folder)


@pytest.mark.parametrize("kind", ["encoded", "for", "read", "data", "of a module", "of an optional attribute", "given"])
def test_documents_exist(tmp_path: Path, kind: str) -> None:
    """The comparison is not empty: each of these ways leads to a document."""
    assert handed_over(written(tmp_path, MADE[kind], "local"))


EACH_VALUES = {
    "a statement": STATEMENT,
    "in a list": f"[5, [{STATEMENT}]]",
    "under a computed key": '{ (var.unknown) = "x" }',
    "under a quoted key": '{ "a\\"b" = "x" }',
    "a text with quotes": '"{\\"Statement\\": []}"',
    "alternatives": f'var.unknown ? {STATEMENT} : {{ a = "x" }}',
    "of a resource": "aws_iam_policy.p",
    "a plain object": '{ a = "x", b = [1, true, null] }',
    "unknown": "var.unknown",
}


@pytest.mark.parametrize("value", EACH_VALUES.values(), ids=EACH_VALUES.keys())
def test_each_value_passed_to_a_missing_module_is_evaluated(tmp_path: Path, value: str) -> None:
    """``each.value`` of a local module counts if that module passes it to a missing one."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "main.tf").write_text(
        'variable "given" {}\nmodule "away" {\n  source = "./nowhere"\n  policy = var.given\n  plain = var.none\n}\n'
    )
    (tmp_path / "main.tf").write_text(
        f'variable "unknown" {{}}\nresource "aws_iam_policy" "p" {{\n  policy = jsonencode({{ Statement = [] }})\n}}\n'
        f'module "m" {{\n  source = "./here"\n  for_each = {{ a = {value} }}\n'
        "  given = concat([each.value], [])\n}\n"
    )
    found = handed_over(tmp_path)
    with evaluate_everything():
        assert found == handed_over(tmp_path)


TUPLE = 'variable "u" {\n  type = tuple([object({ a = string })])\n}\n'
ODD = (
    "[for one in [{}] : one]", "format(var.u)", "var[0]",
    "data.aws_ssm_parameter[0]", "aws_iam_policy.none.policy", "module.none.x", "count.index",
    "templatestring(\"$${a}\", { a = 1 })", "(" * 70 + "var.u" + ")" * 70, "[" * 70 + "var.u" + "]" * 70,
)  # fmt: skip


@pytest.mark.parametrize("expression", ODD)
def test_unusual_expressions_are_evaluated(tmp_path: Path, expression: str) -> None:
    """Undefined names, too deep expressions and types without names are evaluated like any other."""
    (tmp_path / "main.tf").write_text(
        f'{TUPLE}module "m" {{\n  source = "./nowhere"\n  policy = [var.u, {expression}]\n}}\n'
    )
    found = handed_over(tmp_path)
    with evaluate_everything():
        assert found == handed_over(tmp_path)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    if not depth or draw(st.booleans()):
        return draw(st.sampled_from(sorted(MADE.values())))
    inner = [draw(expressions(depth - 1)) for _ in range(2)]
    return draw(st.sampled_from(WRAPPED)).format(*inner)


def handed_over_by_shared(top: Path, *expressions: str) -> list[list[tuple[str, str]]]:
    """Return the documents that two root modules pass to missing modules, as consumer and path. The first root module
    calls one module twice. Positions depend on what was evaluated first."""
    found: list[list[tuple[str, str]]] = []
    (top / "shared").mkdir(exist_ok=True)
    (top / "shared" / "main.tf").write_text(SHARED, encoding="utf-8")
    written(top, '"none"', "directly")
    for number, calls in enumerate((expressions, expressions[-1:])):
        folder = written(top / f"root{number}", expressions[0], "directly")
        with (folder / "main.tf").open("a", encoding="utf-8") as file:
            for place, expression in enumerate(calls):
                call = f'module "m{place}" {{\n  source = "../shared"\n  given  = {expression}\n}}\n'
                arguments = f"x = module.m{place}.given\n  y = module.m{place}.plain"
                file.write(f'{call}module "m_of_{place}" {{\n  source = "./nowhere"\n  {arguments}\n}}\n')
        found.append([(policy.resource.address, policy.path) for policy in handed_over(folder, top)])
    return found


def test_calls_of_one_module_are_told_apart(tmp_path: Path) -> None:
    """A document that one call of a module passes is not one of another call, in this root module or another."""
    first, second = handed_over_by_shared(tmp_path, MADE["encoded"], MADE["nothing"])
    assert [address for address, _ in first] == ["module.m", "module.m_of_0", *["module.m0.module.away"] * 2]
    assert [address for address, _ in second] == ["module.m"]


@pytest.mark.slow
@settings(max_examples=examples(50))
@given(expressions(2), expressions(2))
def test_calls_of_one_module_with_different_arguments(
    tmp_path_factory: pytest.TempPathFactory, first: str, second: str
) -> None:
    """The arguments of one call of a module decide nothing about another call, also in another root module."""
    top = tmp_path_factory.mktemp("m")
    found = handed_over_by_shared(top, first, second)
    with evaluate_everything():
        assert found == handed_over_by_shared(top, first, second)


@settings(max_examples=examples(150))
@given(expressions(), st.sampled_from(["directly", "local", "each", "inner"]))
def test_documents_inside_any_expression_are_found(
    tmp_path_factory: pytest.TempPathFactory, expression: str, through: str
) -> None:
    """In lists, objects, conditionals, loops and calls."""
    folder = written(tmp_path_factory.mktemp("m"), expression, through)
    found = handed_over(folder)
    with evaluate_everything():
        assert found == handed_over(folder)


def answers(folder: Path) -> tuple[ScanResult, list[object]]:
    """Return the result of a scan, and its parts that do not depend on lazy evaluation.

    Duplicate attributes are left out: they are reported only in bodies that were evaluated.
    """
    found = scan_paths([folder], ScanOptions())
    unreadable = [entry for entry in found.unreadable if not entry.reason.startswith("duplicate attribute ")]
    return found, [found.findings, found.grants, unreadable, found.not_evaluated, found.files]


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir() if path.is_dir()))
def test_samples_give_the_same_result(name: str) -> None:
    """Every sample has the same findings, grants and errors."""
    found = scan_paths([SAMPLES / name], ScanOptions())
    with evaluate_everything():
        other = scan_paths([SAMPLES / name], ScanOptions())
    if name == "value-files":  # a file is evaluated if a variable that it sets was read
        found, other = (replace(one, not_evaluated=(), files=()) for one in (found, other))
    assert found == other


def test_broken_files_give_the_same_result(tmp_path: Path) -> None:
    """Mutated files of the samples and tests have the same results."""
    rng = random.Random(7)
    compared = 0
    for number in range(120):
        tree = changed_tree(rng)
        if not any(corpus.format_of(name) == "hcl" for name in tree):
            continue
        folder = tmp_path / str(number)
        layout.write(tree, folder)
        found, told = answers(folder)
        with evaluate_everything():
            assert told == answers(folder)[1], sorted(tree)
        compared += bool(found.files)
    assert compared > 20


def test_override_files_are_known_by_name() -> None:
    """The name alone decides which files are overrides."""
    assert is_override("override.tf.json")
    assert is_override("x_override.tofu")
    assert not is_override("overrides.tf")


def nested(path: tuple[str, ...]) -> str:
    """Return an expression with a role at the end of a path."""
    if not path:
        return '"arn:aws:iam::111122223333:role/r"'
    step, inner = path[0], nested(path[1:])
    return f"[{inner}]" if step == "*" else f"{{ {'k' if step in (ANY, DEEP) else step} = {inner} }}"


def test_every_role_attribute_is_evaluated(tmp_path: Path) -> None:
    """For each type that takes a role, every attribute gives the same result as without skipping types by name."""
    blocks = []
    for type_ in sorted(receiver_types()):
        for number, receiver in enumerate(receivers_of(type_)) if "::" not in type_ else ():
            name = "any" if receiver.path[0] == ANY else receiver.path[0]
            blocks.append(f'resource "{type_}" "r{number}" {{\n  {name} = {nested(receiver.path[1:])}\n}}\n')
    (tmp_path / "main.tf").write_text("".join(blocks), encoding="utf-8")
    found = load(tmp_path).received
    assert len(found) > 500
    with evaluate_everything():
        assert found == load(tmp_path).received


RECEIVED_ELSEWHERE = {
    "in an override file": {
        "main.tf": 'resource "aws_lambda_function" "f" {\n  function_name = "f"\n}\n',
        "override.tf": 'resource "aws_lambda_function" "f" {\n  role = "arn:aws:iam::111122223333:role/r"\n}\n',
    },
    "in JSON, escaped": {
        "main.tf.json": '{"resource": {"aws_lambda_function": {"f": {"r\\u006fle": "arn:aws:iam::1:role/r"}}}}',
    },
    "in blocks that are made": {
        "main.tf": 'resource "aws_codepipeline" "p" {\n  dynamic "stage" {\n    for_each = ["x"]\n    content {\n'
        '      dynamic "action" {\n        for_each = ["y"]\n        content {\n'
        '          role_arn = "arn:aws:iam::111122223333:role/r"\n        }\n      }\n    }\n  }\n}\n',
    },
    "in a local": {
        "main.tf": 'locals {\n  d = [{ iam_role = "r" }]\n}\nresource "aws_transfer_server" "s" {\n'
        '  logging_role = local.d[0].iam_role\n}\n',
    },
}  # fmt: skip


@pytest.mark.parametrize("files", RECEIVED_ELSEWHERE.values(), ids=RECEIVED_ELSEWHERE.keys())
def test_role_in_override_or_json_is_received(tmp_path: Path, files: dict[str, str]) -> None:
    """Attributes that the text of a block lacks (overrides, JSON) are evaluated."""
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert len(load(tmp_path).received) == 1


def test_resource_without_role_attribute_is_not_evaluated(tmp_path: Path) -> None:
    """A resource of a type that may take a role, but without such an attribute, is skipped."""
    (tmp_path / "main.tf").write_text('resource "aws_instance" "i" {\n  count = 3\n  ami   = "ami-1"\n}\n')
    looked: list[bool] = []

    def look(module: Module) -> None:
        looked.append("body" in vars(module.folder.resources[0]))

    load(tmp_path, inspect=look)
    with evaluate_everything():
        load(tmp_path, inspect=look)
    assert looked == [False, True]
