"""Values of objects are evaluated on first access, with the same results as all at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from work import at_most

from passrole_checks.iam.values.nodes import Node, ObjectEntry, Position, StringNode, nodes_in, text, unresolved_in
from passrole_checks.sources.terraform import load
from passrole_checks.sources.terraform.evaluation.deferred_entries import DeferredEntry
from passrole_checks.sources.terraform.evaluation.scope import EvaluationBudget
from passrole_checks.sources.terraform.evaluation.symbolic_values import known_string
from passrole_checks.sources.terraform.modules.module import Module

AT = Position("main.tf", 1)


def evaluated(folder: Path, code: str, *names: str) -> tuple[list[Node], int]:
    """Return the values of locals, and the number of expressions that were evaluated for them."""
    (folder / "main.tf").write_text(code)
    found: list[tuple[list[Node], int]] = []

    def inspect(root: Module) -> None:
        before = root.run.budget.steps
        values = [root.local(name, AT) for name in names]
        for value in values:
            list(nodes_in(value))
        found.append((values, before - root.run.budget.steps))

    load(folder, inspect=inspect)
    return found[0]


def reasons(value: Node) -> set[str]:
    return {part.reason for part in unresolved_in(value)}


def test_entry_that_is_not_read_is_not_evaluated(tmp_path: Path) -> None:
    code = """
    locals {
      settings = merge({ large = [for number in range(1000) : upper("x${number}")], name = upper("a") }, {})
      name     = local.settings.name
    }
    """
    (name,), steps = evaluated(tmp_path, code, "name")
    assert isinstance(name, StringNode)
    assert name.literal == "A"
    assert steps < 100


def test_converted_entry_that_is_not_read_is_not_evaluated(tmp_path: Path) -> None:
    (tmp_path / "child").mkdir()
    (tmp_path / "child/main.tf").write_text("""
    variable "settings" {
      type = map(object({ large = list(string), name = optional(string, "none"), other = optional(number) }))
    }
    output "name" { value = var.settings["a"].name }
    output "other" { value = var.settings["b"] }
    """)
    code = """
    module "m" {
      source   = "./child"
      settings = { a = { large = [for n in range(1000) : upper("x${n}")], name = upper("a") }, b = { large = [] } }
    }
    locals {
      name  = module.m.name
      text  = jsonencode(module.m.other)
    }
    """
    (name,), steps = evaluated(tmp_path, code, "name")
    assert isinstance(name, StringNode)
    assert name.literal == "A"
    assert steps < 100
    (text,), _ = evaluated(tmp_path, code, "text")
    assert known_string(text) == '{"large":[],"name":"none","other":null}'


def test_value_does_not_contain_itself(tmp_path: Path) -> None:
    code = """
    locals {
      a = { x = local.b, name = upper("a") }
      b = { y = [local.a], other = local.a.name }
    }
    """
    values, _ = evaluated(tmp_path, code, "a", "b")
    reasons = {
        part.reason for node in nodes_in(values[0]) if isinstance(node, StringNode) for part in node.unresolved_parts
    }
    assert reasons == {"refers to itself"}


@pytest.mark.slow
def test_values_that_double_stay_bounded(tmp_path: Path) -> None:
    locals_ = "\n".join(f"l{n} = {{ x = local.l{n - 1}, y = local.l{n - 1} }}" for n in range(1, 24))
    with at_most(5_000_000):
        (value,), _ = evaluated(tmp_path, f'locals {{\nl0 = {{ a = upper("a") }}\n{locals_}\n}}', "l23")
    reasons = {
        part.reason for node in nodes_in(value) if isinstance(node, StringNode) for part in node.unresolved_parts
    }
    assert "too large" in reasons


def test_deferred_entry_equals_its_evaluated_form() -> None:
    calls: list[int] = []

    def build(entry: ObjectEntry) -> Node:
        calls.append(1)
        return text("value", AT)

    deferred = DeferredEntry(text("key", AT), build, EvaluationBudget())
    assert deferred.is_pending
    plain = ObjectEntry(text("key", AT), text("value", AT))
    assert deferred == plain
    assert plain == deferred
    assert hash(deferred) == hash(plain)
    assert not deferred.is_pending
    assert calls == [1]
