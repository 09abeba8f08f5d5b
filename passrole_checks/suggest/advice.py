"""The advice for one statement, before any edit is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from passrole_checks.escaping.shorten import shortened
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.model.addresses import module_of
from passrole_checks.suggest.service_names import sends_the_key
from passrole_checks.suggest.suggestion import StatementChange, TargetRole

MAX_NAMED_ROLES = 20  # roles named individually
_SHOWN = 3  # names in a phrase

SEPARATE_GET_ROLE = "allows iam:GetRole on the roles in a separate statement without the iam:PassedToService condition"
"""Description of a separate statement for iam:GetRole."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Advice for one statement.

    ``change``: the change to make; None if it needs manual review; ``says``: its description, one sentence.
    ``missing``: what a person must find out, each a phrase; with a change, what it leaves open. ``asks_services``: the
    first of these asks for the services only. ``takes_no_role``: no allowed action takes a role. ``roles`` and
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
    asks_services: bool = False
    takes_no_role: bool = False


def merge_advice(found: Sequence[Advice], variants: Sequence[tuple[str, Advice]] = ()) -> Advice:
    """Return one advice for a statement that several resources, or several instances of a module, use; if they need
    different changes, it needs manual review.

    ``variants``: the advice with the values of a file, and the name of the file.
    """
    first = found[0]
    if all(_key(one) == _key(first) for one in found):
        different = [label for label, one in variants if _key(one) != _key(first)]
        if different:
            return _merge_variants(first, [one for _, one in variants], different)
        if first.change is None or first.change.roles is None:
            return first
        also = tuple(dict.fromkeys(role for _, one in variants for role in one.roles))
        return replace(first, change=replace(first.change, also=also))
    people = next((one for one in found if one.change is None), None)
    if people is not None:
        return people
    missing = "several resources share this statement and need different roles or services: split it"
    return replace(first, change=None, says="", missing=(missing,))


def combine_advice(advice: Advice, limited: Advice, *, is_limited: bool) -> Advice:
    """Return the advice for manual review of a statement, with what is known of its services from the other actions of
    its holders.

    ``limited``: the advice that limits it to these services. ``is_limited``: that was done, so that its reasons do not
    matter.
    """
    missing = advice.missing
    if advice.asks_services and (limited.missing or limited.change is not None):
        missing = missing[1:]
    if not is_limited and (limited.takes_no_role or not advice.services):
        missing = tuple(dict.fromkeys((*missing, *limited.missing)))
    return replace(advice, missing=missing, services=advice.services or limited.services)


def _merge_variants(base: Advice, variants: Sequence[Advice], labels: Sequence[str]) -> Advice:
    """Return the advice for a statement that needs other roles or services with the values of some files."""
    every = (base, *variants)
    roles = tuple({(role.address, str(role.arn)): role for one in every for role in one.roles}.values())
    services = tuple(dict.fromkeys(service for one in every for service in one.services))
    names = listed_names(list(dict.fromkeys(labels)))
    point = f"the roles and services with the values of {names}: narrow these values, or name the roles of every file"
    missing = dict.fromkeys([*base.missing, *(phrase for one in variants for phrase in one.missing), point])
    return replace(base, change=None, says="", missing=tuple(missing), roles=roles, services=services)


def listed_names(names: Sequence[str]) -> str:
    """Return the first three names as a phrase, with the number of the others."""
    shown = [shortened(name) for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        return f"{', '.join(shown)} and {len(names) - _SHOWN} more"
    return " and ".join(shown) if len(shown) < 3 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def unsent_key(services: Sequence[str]) -> str:
    """Return what to find out about services whose requests may lack ``iam:PassedToService``; "" if there are none."""
    silent = [service for service in services if not sends_the_key(service)]
    if not silent:
        return ""
    return (
        f"whether requests that pass roles to {listed_names(silent)} carry iam:PassedToService (some services do not"
        " send it)"
    )


def untested_services(services: Sequence[str]) -> list[str]:
    """Return a phrase about services for which AWS does not document ``iam:PassedToService``, if there are any."""
    unsure = [service for service in services if not sends_the_key(service)]
    names = listed_names(unsure)
    return [f"test it first: AWS does not document that requests for {names} carry this key"] if unsure else []


def _key(one: Advice) -> object:
    roles = tuple((role.address.removeprefix(module_of(role.address)) or str(role.arn)) for role in one.roles)
    change = one.change
    return (
        roles,
        one.services,
        one.missing,
        None if change is None else (change.drop, change.get_role, change.separate, one.reads),
    )
