"""Compare two versions of a trust policy: the principals that may assume a role in the new one only.

Source: IAM User Guide, "AWS JSON policy elements: Principal": an account id and the ARN of its root user are the same
principal, and delegate to the whole account; ``*`` names everyone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from passrole_checks.iam.conditions.condition_implication import ConditionTest, condition_tests, implies, single_values
from passrole_checks.iam.documents.action import best_match
from passrole_checks.iam.documents.trust import as_list, options_of, possible_statements
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Node, ObjectNode, Position, StringNode, Ternary

_ASSUMING = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")
_ACCOUNT = lazy_regex(r"\d{12}")
_ROOT = lazy_regex(r"arn:[^:]+:iam::([^:]+):root")
_EVERYONE = "*"


@dataclass(frozen=True, slots=True)
class TrustedPrincipal:
    """A principal that a statement ``at`` a position lets assume a role. ``name``: as written, except that an account
    is ``arn:aws:iam::ACCOUNT:root``. ``limits``: keys of conditions that the old version tests and the new one does
    not, or not as strictly."""

    kind: str
    name: str
    at: Position
    tests: frozenset[ConditionTest]
    is_known: bool
    limits: tuple[str, ...] = ()


def newly_trusted(old: Node | None, new: Node | None) -> list[TrustedPrincipal]:
    """Return the principals that may assume a role with the trust policy ``new``, and could not with ``old``.

    Only those that are surely new: none if one of the policies is unknown in part, or if a value before may be the same
    as the one now, such as an ARN in the place of which a reference is written. Access that the same condition limits,
    in other words or in several statements, is not new.
    """
    before, after = _trusted(old), _trusted(new)
    if before is None or after is None:
        return []
    names = {entry.name for entry in after}
    gone = {(entry.kind, entry.is_known) for entry in before if entry.name not in names}
    found: dict[tuple[str, str], TrustedPrincipal] = {}
    for entry in after:
        limits = _limits_removed(entry, before)
        may_be_old = (entry.kind, False) in gone or (not entry.is_known and (entry.kind, True) in gone)
        if limits is not None and (not may_be_old or entry.name == _EVERYONE):
            found.setdefault((entry.kind, entry.name), replace(entry, limits=limits))
    return list(found.values())


def _limits_removed(entry: TrustedPrincipal, before: Sequence[TrustedPrincipal]) -> tuple[str, ...] | None:
    """Return the keys of conditions that limited a principal before, empty if it was not trusted; None if it is not
    new."""
    limits: tuple[str, ...] = ()
    for one in before:
        if one.kind != entry.kind or not _covers(one.name, entry.name):
            continue
        answer, keys = implies(entry.tests, one.tests)
        is_wider = answer is Ternary.NO or (
            answer is Ternary.UNKNOWN and implies(one.tests, entry.tests)[0] is Ternary.YES
        )
        if not is_wider:
            return None
        limits = limits or keys
    return None if limits and _is_covered_in_parts(entry, before) else limits


def _is_covered_in_parts(entry: TrustedPrincipal, before: Sequence[TrustedPrincipal]) -> bool:
    """True if statements of the old version, one for each value of a condition, together allow what ``entry`` does."""
    covering = [one.tests for one in before if one.kind == entry.kind and _covers(one.name, entry.name)]
    return len(covering) > 1 and any(
        all(
            any(implies({*entry.tests - {test}, part}, tests)[0] is Ternary.YES for tests in covering) for part in parts
        )
        for test in entry.tests
        if (parts := single_values(test))
    )


def _covers(wide: str, narrow: str) -> bool:
    if wide in (narrow, _EVERYONE):
        return True
    account = _ROOT.fullmatch(wide)
    return account is not None and narrow.split(":")[4:5] == [account[1]]


def _trusted(document: Node | None) -> list[TrustedPrincipal] | None:
    """Return the principals in all variants of a trust policy; None if they are not all known to be allowed."""
    found: list[TrustedPrincipal] = []
    statements = possible_statements(document)
    for statement in statements:
        effect = statement.get("Effect") if isinstance(statement, ObjectNode) else None
        if not isinstance(statement, ObjectNode) or not isinstance(effect, StringNode) or effect.literal != "Allow":
            return None
        actions = [one for one in options_of(as_list(statement.get("Action"))) if isinstance(one, StringNode)]
        if all(best_match(actions, name)[0] is Ternary.NO for name in _ASSUMING):
            continue
        principals = list(_principals(statement))
        if not principals:
            return None
        found += principals
    return found if statements else None


def _principals(statement: ObjectNode) -> Iterator[TrustedPrincipal]:
    tests = condition_tests(statement.get("Condition"))
    principal = statement.get("Principal")
    if isinstance(principal, StringNode) and principal.literal == _EVERYONE:
        yield TrustedPrincipal("AWS", _EVERYONE, statement.at, tests, True)
    for entry in principal.entries if isinstance(principal, ObjectNode) else ():
        for value in options_of(as_list(entry.value)):
            if isinstance(value, StringNode):
                name = str(value)
                name = f"arn:aws:iam::{name}:root" if _ACCOUNT.fullmatch(name) else name
                is_known = value.literal is not None
                yield TrustedPrincipal(entry.key.literal or "", name, statement.at, tests, is_known)
