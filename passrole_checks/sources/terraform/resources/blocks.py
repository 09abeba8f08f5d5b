"""Nested blocks, ``dynamic`` ones expanded.

Source: Terraform language documentation, "dynamic Blocks".
"""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.iam.partial_values import Choice, Node, ObjectEntry, ObjectNode, StringNode
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.sources.terraform.evaluation.loops import iterations_of
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.reading.syntax import Block, Body, Name

_ROUNDS = 200  # blocks that one dynamic block expands to


def blocks_of(body: Body, type_: str, scope: EvaluationScope) -> Iterator[tuple[PathCondition, Block, EvaluationScope]]:
    """The blocks of a type as (when, block, scope), ``dynamic`` ones once for each of their elements.

    ``when`` is empty for a block that is surely there. One whose elements are not known comes once, with holes for
    what its element holds, under the condition that there are any.
    """
    for block in body.blocks:
        if block.type == type_:
            yield (), block, scope.in_source(block.source)
        elif block.type == "dynamic" and block.labels[:1] == (type_,):
            yield from _dynamic(block, scope.in_source(block.source))


def _dynamic(block: Block, scope: EvaluationScope) -> Iterator[tuple[PathCondition, Block, EvaluationScope]]:
    contents = list(block.body.all("content"))
    for_each = block.body.get("for_each")
    if not contents or for_each is None:
        return
    iterator = block.body.get("iterator")
    name = block.labels[0]
    if iterator is not None and isinstance(iterator.value, Name):
        name = iterator.value.name
    value = evaluate(for_each.value, scope.in_source(for_each.source))
    words = scope.unique_text(for_each.value.span)
    for when, collection in _readings(value):
        rounds = iterations_of(collection) or []
        for one in rounds[:_ROUNDS]:
            at = value.at
            each = ObjectNode(
                (ObjectEntry(StringNode(("key",), at), one.key), ObjectEntry(StringNode(("value",), at), one.value)), at
            )
            inner = scope.with_variables({name: each}, one.labels(None, name, words))
            many = ((scope.condition(f"{words} is not empty"), "true"),) if one.repeated and not one.when else ()
            yield when + one.when + many, contents[0], inner
        if len(rounds) > _ROUNDS:
            more = ((scope.condition(f"{words} has more than {_ROUNDS} elements"), "true"),)
            yield when + more, contents[0], scope


def _readings(value: Node) -> Iterator[tuple[PathCondition, Node]]:
    """A collection, or its alternatives with the conditions of each."""
    pending: list[tuple[PathCondition, Node]] = [((), value)]
    while pending:
        when, node = pending.pop(0)
        if isinstance(node, Choice):
            pending.extend(((*when, (node.condition, outcome)), option) for outcome, option in node.options)
        else:
            yield when, node
