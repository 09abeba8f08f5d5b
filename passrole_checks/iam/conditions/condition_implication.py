"""Implication between conditions: does every request that meets one Condition block meet another?

Two blocks are compared test by test (an operator on a key), since tests are ANDed; the values of a positive operator
are ORed, those of a negated one NORed (IAM User Guide, "Conditions with multiple context keys or values").
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import field, replace

from passrole_checks.iam import deadline
from passrole_checks.iam.conditions.condition_block import PASSED_TO_SERVICE
from passrole_checks.iam.conditions.condition_operators import Family, expand_known_parts, parse_operator
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.values.nodes import Const, ListNode, Node, ObjectNode, StringNode, Ternary, unresolved_in


@dataclass(frozen=True, slots=True)
class ConditionTest:
    """One test of a Condition block: ``operator`` as written, ``key`` in lower case, ``values`` as strings.

    ``written`` is the key as written. ``known``: the test has no unresolved part.
    """

    operator: str
    key: str
    values: frozenset[str]
    written: str = field(compare=False)
    known: bool = field(compare=False, default=True)

    @property
    def is_on_service(self) -> bool:
        """True if it tests ``iam:PassedToService``."""
        return self.key == PASSED_TO_SERVICE.lower()


def condition_tests(condition: Node | None) -> frozenset[ConditionTest]:
    """Return the tests of a Condition block without alternatives; unresolved and malformed parts are tests of their
    own."""
    return frozenset(_tests(condition)) if condition is not None else frozenset()


def _tests(condition: Node) -> Iterator[ConditionTest]:
    if not isinstance(condition, ObjectNode):
        yield _opaque_test("", condition)
        return
    for entry in condition.entries:
        operator = _to_text(entry.key)
        if not isinstance(entry.value, ObjectNode):
            yield _opaque_test(operator, entry.value)
            continue
        for pair in entry.value.entries:
            key = _to_text(pair.key)
            nodes = pair.value.items if isinstance(pair.value, ListNode) else (pair.value,)
            yield ConditionTest(
                operator,
                key.lower(),
                frozenset(map(_value_text, nodes)),
                str(pair.key),
                not any((*entry.key.unresolved_parts, *pair.key.unresolved_parts, *unresolved_in(pair.value))),
            )


def _opaque_test(operator: str, node: Node) -> ConditionTest:
    return ConditionTest(operator, "", frozenset({_value_text(node)}), _value_text(node), known=False)


def _to_text(node: StringNode) -> str:
    return str(StringNode(expand_known_parts(node.parts), node.at))


def _value_text(node: Node) -> str:
    if isinstance(node, StringNode):
        return _to_text(node)
    if isinstance(node, Const):
        return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)
    return ", ".join(sorted(f"${{{unresolved.expression}}}" for unresolved in unresolved_in(node)))


def implies(narrow: Collection[ConditionTest], wide: Collection[ConditionTest]) -> tuple[Ternary, tuple[str, ...]]:
    """Return whether each request that meets ``narrow`` meets ``wide``, and the keys of ``wide`` for which it may not.

    NO if ``narrow`` has no test on the key of a test of ``wide``; UNKNOWN if it has a different one.
    """
    answer = Ternary.YES
    keys: dict[str, None] = {}
    by_key = grouped((own.key, own) for own in narrow)
    unknown = any(not own.known for own in narrow)
    for limit in sorted(wide, key=lambda item: (item.key, item.operator)):
        deadline.check()
        same_key = by_key.get(limit.key, ())
        if any(_implies(own, limit) for own in same_key):
            continue
        keys[limit.written] = None
        answer &= Ternary.UNKNOWN if same_key or unknown or not limit.known else Ternary.NO
    return answer, tuple(keys)


def single_values(test: ConditionTest) -> list[ConditionTest]:
    """Return tests with one value each, of which a request meets one exactly if it meets ``test``; none if unknown."""
    operator = parse_operator(test.operator)
    if operator is None or operator.negated or operator.family is Family.NULL or operator.quantifier == "ForAllValues":
        return []
    return [replace(test, values=frozenset({value})) for value in sorted(test.values)]


def _implies(narrow: ConditionTest, wide: ConditionTest) -> bool:
    """True if each request that meets ``narrow`` surely meets ``wide``."""
    if narrow == wide:
        return True
    ours, theirs = parse_operator(narrow.operator), parse_operator(wide.operator)
    if ours is None or theirs is None or narrow.key != wide.key or not narrow.key:
        return False
    if (ours.quantifier, ours.base) != (theirs.quantifier, theirs.base) or (ours.if_exists and not theirs.if_exists):
        return False
    if ours.family is Family.NULL or not narrow.values or not wide.values:
        return False
    return narrow.values >= wide.values if theirs.negated else narrow.values <= wide.values
