"""The advice for one statement, before any edit is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from passrole_checks.sources.model.addresses import module_of
from passrole_checks.suggest.suggestion import StatementChange, TargetRole

SEPARATE_GET_ROLE = "allows iam:GetRole on the roles in a separate statement without the iam:PassedToService condition"
"""Description of a separate statement for iam:GetRole."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Advice for one statement.

    ``change``: the change to make; None if it needs manual review; ``says``: its description, one sentence.
    ``missing``: what a person must find out, each a phrase; with a change, what it leaves open. ``roles`` and
    ``services``: what is known of the statement, for display, even without a change. ``targets``: the checks whose
    findings the change must resolve. ``reads``: iam:GetRole gets a separate statement. ``new_statement``: the proposed
    statement is an addition to the existing one.
    """

    change: StatementChange | None = None
    says: str = ""
    missing: tuple[str, ...] = ()
    roles: tuple[TargetRole, ...] = ()
    services: tuple[str, ...] = ()
    targets: frozenset[str] = frozenset()
    new_statement: bool = False
    reads: bool = False


def merge_advice(found: Sequence[Advice]) -> Advice:
    """Return one advice for a statement that several resources, or several instances of a module, use; if they need
    different changes, it needs manual review.
    """
    first = found[0]
    if all(_key(one) == _key(first) for one in found):
        return first
    people = next((one for one in found if one.change is None), None)
    if people is not None:
        return people
    missing = "several resources share this statement and need different roles or services: split it"
    return replace(first, change=None, says="", missing=(missing,))


def _key(one: Advice) -> object:
    roles = tuple((role.address.removeprefix(module_of(role.address)) or str(role.arn)) for role in one.roles)
    change = one.change
    return (
        roles,
        one.services,
        one.missing,
        None if change is None else (change.drop, change.get_role, change.separate, one.reads),
    )
