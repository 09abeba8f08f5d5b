"""Conditions written as blocks of ``test``, ``variable`` and ``values``, as in ``aws_iam_policy_document``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from passrole_checks.iam.values.nodes import ListNode, Node, ObjectEntry, ObjectNode, StringNode

_Key = tuple[object, ...]


def condition_entries(blocks: Iterable[tuple[StringNode, StringNode, Sequence[Node]]]) -> list[ObjectEntry]:
    """Return the entries of a Condition element for (test, variable, values) blocks.

    Values of the same test and variable are merged, as the AWS provider does.
    """
    tests: dict[_Key, tuple[StringNode, dict[_Key, tuple[StringNode, list[Node]]]]] = {}
    for test, variable, values in blocks:
        variables = tests.setdefault(test.parts, (test, {}))[1]
        variables.setdefault(variable.parts, (variable, []))[1].extend(values)
    entries: list[ObjectEntry] = []
    for test, variables in tests.values():
        merged = (ObjectEntry(key, ListNode(tuple(values), key.at)) for key, values in variables.values())
        entries.append(ObjectEntry(test, ObjectNode(tuple(merged), test.at)))
    return entries
