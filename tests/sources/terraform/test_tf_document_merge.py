"""Merging documents by Sid, compared with a plain version of the provider's loop."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from path_conditions_of_tests import choice, outcome_of
from profiles import examples

from passrole_checks.iam.values.nodes import Absent, Choice, ListNode, Node, ObjectEntry, ObjectNode, Position, text
from passrole_checks.sources.terraform.resources.document_merge import merge_by_sid

AT = Position("main.tf", 1)
CONDITIONS = ("var.a", "var.b")

Plain = tuple[str, int]  # Sid and a number that distinguishes statements
Optional = tuple[Plain, str | None]  # a statement and its condition


def node(item: Optional) -> Node:
    (sid, number), condition = item
    entries = [ObjectEntry(text("Action", AT), text(f"s3:{number}", AT))]
    if sid:
        entries.append(ObjectEntry(text("Sid", AT), text(sid, AT)))
    statement = ObjectNode(tuple(entries), AT)
    if condition is None:
        return statement
    return choice(condition, (("true", statement), ("false", Absent(AT))), AT)


def resolved(nodes: list[Node], truth: dict[str, str]) -> list[Plain]:
    """The statements that exist if the conditions have these outcomes."""
    found: list[Plain] = []
    for item in nodes:
        while isinstance(item, Choice):
            item = {outcome_of(outcome): option for outcome, option in item.options}[truth[item.condition]]
        if isinstance(item, ListNode):
            found.extend(resolved(list(item.items), truth))
        elif isinstance(item, ObjectNode):
            sid, action = item.get("Sid"), item.get("Action")
            found.append((str(sid) if sid is not None else "", int(str(action).removeprefix("s3:"))))
    return found


def merged(statements: list[Plain], added: list[Plain]) -> list[Plain]:
    """The provider's algorithm (``policy_model.go``, ``Merge``)."""
    result = list(statements)
    for sid, number in added:
        place = next((place for place, old in enumerate(result) if sid and old[0] == sid), None)
        if place is None:
            result.append((sid, number))
        else:
            result[place] = (sid, number)
    return result


def existing(items: list[Optional], truth: dict[str, str]) -> list[Plain]:
    return [plain for plain, condition in items if condition is None or truth[condition] == "true"]


@st.composite
def documents(draw: st.DrawFn) -> list[list[Optional]]:
    """Documents whose statements are numbered, some of them conditional."""
    count = iter(range(100))
    sids = st.sampled_from(["", "A", "B", "C"])
    conditions = st.sampled_from([None, None, *CONDITIONS])
    listed = draw(st.lists(st.lists(st.tuples(sids, conditions), max_size=4), min_size=1, max_size=3))
    return [[((sid, next(count)), condition) for sid, condition in document] for document in listed]


@settings(max_examples=examples(100))
@given(documents())
def test_merge_equals_provider_under_every_outcome(found: list[list[Optional]]) -> None:
    """Under every outcome of the conditions, the statements are those of the provider."""
    first, *overrides = found
    unique: list[Optional] = []
    for item in first:  # of a source, the provider accepts every Sid only once
        if not item[0][0] or all(item[0][0] != other[0][0] for other in unique):
            unique.append(item)
    statements = [node(item) for item in unique]
    for override in overrides:
        for item in override:
            statements = merge_by_sid(statements, [node(item)])
    for values in product(("true", "false"), repeat=len(CONDITIONS)):
        truth = dict(zip(CONDITIONS, values, strict=True))
        expected = existing(unique, truth)
        for override in overrides:
            expected = merged(expected, existing(override, truth))
        assert sorted(resolved(statements, truth)) == sorted(expected)
