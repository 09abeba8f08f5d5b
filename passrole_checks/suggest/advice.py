"""What is to be done about one statement, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from passrole_checks.sources.model.addresses import module_of
from passrole_checks.suggest.suggestion import StatementChange, TargetRole

READING = "lets the roles be read, in a statement without the condition on iam:PassedToService"
"""What a statement of its own for iam:GetRole does."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What is to be done about a statement.

    ``wish``: None where a person has to decide; ``says``: what it does, one sentence. ``missing``: what a person has to
    find out, each a phrase; beside a wish, what it leaves open. ``roles`` and ``services``: what is known of the
    statement, for people, also without a wish. ``targets``: the checks whose findings have to be gone with it.
    ``reads``: iam:GetRole gets a statement of its own beside. ``new_statement``: what people write stands beside the
    statement that is there.
    """

    wish: StatementChange | None = None
    says: str = ""
    missing: tuple[str, ...] = ()
    roles: tuple[TargetRole, ...] = ()
    services: tuple[str, ...] = ()
    targets: frozenset[str] = frozenset()
    new_statement: bool = False
    reads: bool = False


def same_advice(found: Sequence[Advice]) -> Advice:
    """One advice for a statement that several resources, or several instances of a module, use: where they need
    different things a person has to decide."""
    first = found[0]
    if all(_key(one) == _key(first) for one in found):
        return first
    people = next((one for one in found if one.wish is None), None)
    if people is not None:
        return people
    missing = "the statement is used in several places, which need different roles or services: part them"
    return replace(first, wish=None, says="", missing=(missing,))


def _key(one: Advice) -> object:
    roles = tuple((role.address.removeprefix(module_of(role.address)) or str(role.arn)) for role in one.roles)
    wish = one.wish
    return roles, one.services, one.missing, None if wish is None else (wish.drop, wish.get_role, wish.apart, one.reads)
