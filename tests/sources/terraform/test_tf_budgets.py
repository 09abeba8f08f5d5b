"""Functions and templates that would exhaust time or memory are unresolved, with a reason."""

from __future__ import annotations

import base64
import gzip
import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest
from work import at_most

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.values.nodes import Choice, ListNode, Node, ObjectNode, StringNode
from passrole_checks.sources.terraform import load
from passrole_checks.sources.terraform.functions import pattern

HEAD = """
locals {
  many = range(1024)
  long = join("", [for i in local.many : "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])
  found = %s
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [local.found] })
}
"""


def reasons(node: Node) -> set[str]:
    seen: set[str] = set()
    pending = [node]
    while pending:
        current = pending.pop()
        if isinstance(current, StringNode):
            seen |= {hole.reason for hole in current.unresolved_parts}
        elif isinstance(current, ListNode):
            pending.extend(current.items)
        elif isinstance(current, ObjectNode):
            pending.extend(entry.value for entry in current.entries)
        elif isinstance(current, Choice):
            pending.extend(option for _, option in current.options)
    return seen


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\\n" + "".join(
    f"{letter}: &{letter} [{', '.join('*' + before for _ in range(9))}]\\n"
    for before, letter in zip("abcdefgh", "bcdefghi", strict=True)
)
EMPTY_LOOPS = "%{ for a in local.many }" * 5 + "%{ endfor }" * 5

CASES = {
    "range": ("range(100000000)", "more than 1024 elements"),
    "width": ('format("%999999999d", 1)', "wider than 1000 characters"),
    "precision": ('format("%.999999999f", 1)', "wider than 1000 characters"),
    "index": ('format("%[99999999999999999999]s", "a")', "too few arguments"),
    "indent": ('indent(999999999, "a\\nb")', "too wide"),
    "power": ("pow(9, pow(9, 9))", "not a finite number"),
    "digits": ('parseint("' + "9" * 5000 + '", 10)', "the number has too many digits"),
    "replace": ('replace(local.long, "a", local.long)', "too long"),
    "empty": ('replace(local.long, "", local.long)', "too long"),
    "pattern": ('replace(local.long, "/a/", local.long)', "too long"),
    "catastrophe": (
        'regex("(a|aa|aaa)+[^a]$", "${local.long}${local.long}${local.long}")',
        "the text is too long for a regular expression",
    ),
    "patterns": ('[for i in local.many : regexall("(a+)+$", local.long)]', "too much to evaluate"),
    "repeats": ('regex("((a{100}){100}){100}", "a")', "invalid regular expression: repetition count out of range"),
    "product": ("setproduct(local.many, local.many, local.many)", "too many elements"),
    "yaml": (f'yamldecode("{LAUGHS}")', "too large"),
    "deep yaml": ('yamldecode("' + "[" * 3000 + '")', "nested too deeply"),
    "cycle": ('yamldecode("a: &a [*a, *a]")', "too large"),
    "bomb": ('base64gunzip("BOMB")', ""),
    "loops": (f'"{EMPTY_LOOPS}"', "too much to evaluate"),
    "lengths": ("[for a in local.many : length([for b in local.many : length(local.long)])]", "too much to evaluate"),
    "brackets": (
        'jsondecode("' + "[" * 5000 + '")',
        "the policy document is not valid JSON: nested more than 64 levels deep",
    ),
    "glob": ('fileset(path.module, "**/**/**/**/**/**/**/**/x")', "unsupported file pattern"),
}


@pytest.mark.parametrize("name", CASES)
def test_excessive_work_ends_unresolved(tmp_path: Path, name: str) -> None:
    """Each expression is evaluated within seconds, with the limit that it exceeded as the reason."""
    expression, reason = CASES[name]
    bomb = base64.b64encode(gzip.compress(b"\0" * 50_000_000)).decode()
    (tmp_path / "main.tf").write_text(HEAD % expression.replace("BOMB", bomb), encoding="utf-8")
    with at_most(20_000_000):
        found = load(tmp_path)
        policy = found.policies[0].document
        parse_document(policy)
    assert any(reason in found for found in reasons(policy)), reasons(policy)


MANY = """
locals {
  r    = range(1000)
  many = flatten([for i in range(9) : [for j in local.r : "a${i}-${j}"]])
  long = join("", [for i in local.r : "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"])
  x    = [for a in local.many : %s]
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [local.x] })
}
"""


@pytest.mark.parametrize(
    "expression",
    [
        "length(toset(local.many))",
        'contains(local.many, "${a}x")',
        'split("a", local.long)',
        "length(setproduct(local.many, local.many))",
        "sha512(local.long)",
        *(
            pytest.param(expression, marks=pytest.mark.nightly)
            for expression in (
                "length(jsonencode(local.many))",
                "length(matchkeys(local.many, local.many, local.many))",
                "local.many == concat(local.many, [])",
                "length({ for i in local.many : i => i })",
                'length(regexall("a", local.long))',
            )
        ),
    ],
)
def test_repeated_work_on_large_values_is_limited(tmp_path: Path, expression: str) -> None:
    """A search of thousands of elements in thousands of iterations is cut off after a fixed amount of work."""
    (tmp_path / "main.tf").write_text(MANY % expression, "utf-8")
    with at_most(15_000_000):
        load(tmp_path)


def test_short_searches_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of searches with a regular expression that take some milliseconds each end unresolved."""
    calls = itertools.count()
    monkeypatch.setattr(pattern, "time", SimpleNamespace(thread_time=lambda: next(calls) * 0.005))
    expression = '[for i in local.many : length([for j in range(9) : regexall("b", "a")])]'
    (tmp_path / "main.tf").write_text(HEAD % expression, "utf-8")
    assert reasons(load(tmp_path).policies[0].document) == {"too much to evaluate"}
    assert 200 < next(calls) < 4_000
