"""Nested blocks, with ``dynamic`` blocks expanded.

Source: Terraform language documentation, "dynamic Blocks".
"""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.iam.documents.policy import alternatives_of
from passrole_checks.iam.partial_values import Node, ObjectEntry, ObjectNode, Position, text
from passrole_checks.iam.path_conditions import PathCondition, Predicate
from passrole_checks.sources.terraform.evaluation.loops import iterations_of
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.reading.syntax import Block, Body, Name

_MAX_BLOCKS = 200  # per dynamic block


def blocks_of(body: Body, type_: str, scope: EvaluationScope) -> Iterator[tuple[PathCondition, Block, EvaluationScope]]:
    """Yield the blocks of a type as (path condition, block, scope), a ``dynamic`` block once per element.

    The path condition is empty for a block that exists in every case. A ``dynamic`` block over unknown elements is
    yielded once, with an unresolved element, under the condition that there are any.
    """
    for block in body.blocks:
        if block.type == type_:
            yield (), block, scope.in_source(block.source)
        elif block.type == "dynamic" and block.labels[:1] == (type_,):
            yield from expand_dynamic(block, scope.in_source(block.source))


def expand_dynamic(block: Block, scope: EvaluationScope) -> Iterator[tuple[PathCondition, Block, EvaluationScope]]:
    """Yield the blocks that a ``dynamic`` block generates."""
    contents = list(block.body.all("content"))
    for_each = block.body.get("for_each")
    if not contents or for_each is None:
        return
    name = iterator_name(block)
    value = evaluate(for_each.value, scope.in_source(for_each.source))
    subject = scope.unique_text(for_each.value.span)
    for when, collection in alternatives_of(value):
        rounds = iterations_of(collection) or []
        for round_ in rounds[:_MAX_BLOCKS]:
            inner = scope.with_variables(
                {name: each_object(round_.key, round_.value, value.at)}, round_.labels(None, name, subject)
            )
            uncertain = round_.repeated and not round_.when
            nonempty = (scope.assume(subject, Predicate.NOT_EMPTY),) if uncertain else ()
            yield when + round_.when + nonempty, contents[0], inner
        if len(rounds) > _MAX_BLOCKS:
            yield (*when, scope.assume(subject, Predicate.LONGER, str(_MAX_BLOCKS))), contents[0], scope


def iterator_name(block: Block) -> str:
    """Return the name of the variable of a ``dynamic`` block."""
    iterator = block.body.get("iterator")
    return iterator.value.name if iterator is not None and isinstance(iterator.value, Name) else block.labels[0]


def each_object(key: Node, value: Node, at: Position) -> ObjectNode:
    """Return the object with ``key`` and ``value`` that ``each`` or the iterator of a dynamic block refers to."""
    return ObjectNode((ObjectEntry(text("key", at), key), ObjectEntry(text("value", at), value)), at)
