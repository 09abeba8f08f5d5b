"""Bad, hostile and mutated input: no crashes, no long waits."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from profiles import examples
from work import at_most

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.values.nodes import Choice, ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.sources.terraform import called_folders, load

USE = '\nresource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = [local.a0] })\n}\n'
SAMPLE = """
variable "env" {
  type    = object({ a = optional(string, "x"), b = list(string) })
  default = { b = ["y"] }
}
locals {
  all    = merge({ a = var.env.a }, { for k in var.env.b : k => upper(k) })
  policy = <<-EOT
    {
      "Statement": [
        %{ for k, v in local.all ~}
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::${var.account}:role/${k}"},
        %{ endfor ~}
        {"Effect": "Deny", "Action": "*", "Resource": "*"}
      ]
    }
  EOT
}
data "aws_iam_policy_document" "d" {
  source_policy_documents = [local.policy]
  dynamic "statement" {
    for_each = var.enabled ? toset(["a", "b"]) : []
    content {
      actions   = ["iam:${statement.key}"]
      resources = concat([aws_iam_role.r[0].arn], aws_iam_role.r[*].arn, try(var.x[0], []))
      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = formatlist("%s.amazonaws.com", ["ec2"])
      }
    }
  }
}
resource "aws_iam_role" "r" {
  count              = 2
  name               = "r-${count.index}"
  assume_role_policy = jsonencode({ Statement = [for s in ["ec2"] : { Effect = "Allow" } if s != ""] })
}
resource "aws_iam_policy" "p" {
  # checkov:skip=PASSROLE_001:reason
  for_each = { a = 1 }
  policy   = data.aws_iam_policy_document.d.json
}
module "m" {
  source = "./m"
}
"""


def loaded(root: Path, text: str | bytes, name: str = "main.tf") -> Configuration:
    (root / name).write_bytes(text.encode() if isinstance(text, str) else text)
    called_folders(root)
    found = load(root)
    for policy in found.policies:
        parse_document(policy.document)
    return found


def reasons(found: Configuration) -> set[str]:
    """Return the reasons of all unresolved values in all documents."""
    seen: set[str] = set()
    pending: list[Node] = [policy.document for policy in found.policies]
    while pending:
        node = pending.pop()
        if isinstance(node, StringNode):
            seen |= {hole.reason for hole in node.unresolved_parts}
        elif isinstance(node, ListNode):
            pending.extend(node.items)
        elif isinstance(node, ObjectNode):
            pending.extend(entry.value for entry in node.entries)
        elif isinstance(node, Choice):
            pending.extend(option for _, option in node.options)
    return seen


def chain(number: int, link: str, last: str = '"x"') -> str:
    links = "".join(f"  a{place} = {link.format(n=place + 1)}\n" for place in range(number))
    return f"locals {{\n{links}  a{number} = {last}\n}}\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (chain(60, "[local.a{n}, local.a{n}]"), "too large"),
        (chain(60, '"${{local.a{n}}}${{local.a{n}}}"'), "too long"),
        (chain(2000, "[local.a{n}]"), "nested too deeply"),
        (chain(60, "var.v{n} ? [local.a{n}] : [local.a{n}, 1]"), "too large"),
        ("locals {\n  a0 = [local.a0]\n}\n", "refers to itself"),
        ("locals {\n  a0 = " + "[" * 3000 + "]" * 3000 + "\n}\n", "nested too deeply"),
        ("locals {\n  a0 = " + "(" * 3000 + "1" + ")" * 3000 + "\n}\n", "nested more than 100 levels deep"),
        ("locals {\n  a0 = " + "!" * 3000 + "true\n}\n", "nested too deeply"),
        ("locals {\n  a0 = " + " + ".join(["1"] * 3000) + "\n}\n", "nested too deeply"),
        ("locals {\n  a0 = x" + ".y" * 3000 + "\n}\n", "too many steps"),
        ("locals {\n  a0 = range(100000000000)\n}\n", "more than 1024 elements"),
        ('locals {\n  a0 = format("%999999999d", 1)\n}\n', "wider than 1000 characters"),
        ("locals {\n  a0 = " + "9" * 6000 + "\n}\n", None),
        (chain(0, "", '"' + "%{ if true }" * 300 + "%{ endif }" * 300 + '"'), "directives nested too deeply"),
        ("locals {\n  m = range(999)\n  a0 = [for a in local.m : [for b in local.m : local.m]]\n}\n", "too large"),
    ],
    ids=[
        "lists", "texts", "chain", "choices", "itself", "brackets", "parentheses", "negations", "sum", "steps", "range",
        "width", "digits", "directives", "loops",
    ],
)  # fmt: skip
def test_unbounded_expressions_are_unresolved(tmp_path: Path, text: str, reason: str | None) -> None:
    """Exponential, deep and endless expressions are unresolved with a reason, within seconds."""
    with at_most(20_000_000):
        found = loaded(tmp_path, text + USE)
    assert len(found.policies) == 1
    if reason is not None:
        assert reason in reasons(found)


def test_chain_of_ever_deeper_values_is_cut_off(tmp_path: Path) -> None:
    """Values that grow deeper from policy to policy are cut off before the stack overflows."""
    uses = "".join(
        f'resource "aws_iam_policy" "p{place}" {{\n  policy = jsonencode(local.a{place})\n}}\n'
        for place in range(799, -1, -1)
    )
    found = loaded(tmp_path, chain(800, "[local.a{n}]") + uses)
    assert len(found.policies) == 800
    assert not found.notes.unreadable


@pytest.mark.parametrize("text", ["{" * 5000, "a {\n" * 3000 + "}\n" * 3000, "a" * 100_000, "=\n" * 2000, '"' * 999])
def test_nonsense_is_read_or_reported(tmp_path: Path, text: str) -> None:
    """Nonsense is read or reported quickly."""
    with at_most(3_000_000):
        loaded(tmp_path, text)


@pytest.mark.parametrize("name", ["main.tf", "main.tf.json"])
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_reported(tmp_path: Path, name: str, data: bytes) -> None:
    """No file content raises."""
    loaded(tmp_path, data, name)
    (tmp_path / name).unlink()


def test_unmutated_sample_is_read(tmp_path: Path) -> None:
    """The sample that is mutated below has no problems and has its policies."""
    found = loaded(tmp_path, SAMPLE)
    assert not found.notes.unreadable
    assert len(found.policies) == 3


@pytest.mark.parametrize("seed", range(8))
def test_mutated_code_raises_nothing(tmp_path: Path, seed: int) -> None:
    """Cut, doubled, swapped and inserted pieces of valid code are read or reported."""
    rng = random.Random(seed)
    pieces = [
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        '"',
        "${",
        "%{",
        "~}",
        "<<EOT\n",
        "...",
        "[*]",
        ".*",
        "\n",
        "é",
        "\\",
        "? :",
    ]
    for _ in range(25):
        text = SAMPLE
        for _ in range(rng.randint(1, 4)):
            start = rng.randrange(len(text))
            end = min(len(text), start + rng.choice([1, 1, 2, 5, 40]))
            change = rng.choice(["", rng.choice(pieces), text[start:end] * 2, text[start:end][::-1]])
            text = text[:start] + change + text[end:]
        loaded(tmp_path, text)


def test_truncated_code_keeps_the_blocks_before_the_cut(tmp_path: Path) -> None:
    """A file cut off at any line keeps every complete block, and reports where it ends."""
    lines = SAMPLE.splitlines(keepends=True)
    for count in range(1, len(lines), 3):
        text = "".join(lines[:count])
        complete = sum(line == "}\n" for line in lines[:count])
        begun = sum(line[:1].isalpha() for line in lines[:count])
        found = loaded(tmp_path, text)
        assert bool(found.notes.unreadable) is (begun > complete), count
