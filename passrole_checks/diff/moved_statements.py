"""Find statements that moved from one unit to another, and compare them with what they were there.

Each unit is compared with itself, so a statement that moves to another template or Terraform root is new there and
removed here. If the same principals have it in both (:mod:`passrole_checks.diff.moved_resources`), the unit that gained
it is compared again, with the statement in its old version: what it grants more than before is then wider access, and
the rest has moved.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from passrole_checks.access.access_model import serves_many_accounts
from passrole_checks.diff.change import GrantChange
from passrole_checks.diff.compared_unit import ComparedUnit
from passrole_checks.diff.moved_resources import example_names, known_names, moved_names, name_in_code, principal_names
from passrole_checks.diff.renames import relabel_policy
from passrole_checks.diff.statements import CARRIED, StatementVersion
from passrole_checks.diff.units import UnitPair
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    StringNode,
    UnresolvedKind,
    map_strings,
    strings_in,
    text,
)
from passrole_checks.scan.scanner import LocatedGrant, ScanOptions
from passrole_checks.sources.model.configuration import AttachedPolicy, BoundaryUse, Configuration, ManagedAttachment

PLACES = frozenset({UnresolvedKind.PARTITION, UnresolvedKind.ACCOUNT_ID, UnresolvedKind.REGION})
_VALUE = lazy_regex(r"\$\{[^{}]*\}")  # in the name of a principal that is known by an expression


def with_moved_statements(units: Sequence[ComparedUnit], options: ScanOptions) -> list[ComparedUnit]:
    """Return the units; those that gained statements which others lost are compared again. Statements that granted the
    same there are ``moved``, with the old one in ``before``."""
    result = list(units)
    if not any(unit.new for unit in result):
        return result
    lost: list[tuple[ComparedUnit, GrantChange]] = [
        (unit, change) for unit in result for change in unit.removed if _is_comparable(unit, change)
    ]
    labels = {id(change): _labels(unit.pair.old, [change]) for unit, change in lost}
    taken: dict[int, list[_Lost]] = {id(unit): [] for unit in units}
    for number, unit in enumerate(units):
        gained = _labels(unit.pair.new, unit.new) if unit.new and lost else set()
        others = [(other, change) for other, change in lost if other is not unit and gained & labels[id(change)]]
        carried = _Carried(unit.pair, others) if others else None
        if carried is None or not carried.origins:
            continue
        again = ComparedUnit(carried.pair, options)
        covered = carried.settle(unit, again) if again.is_complete else []
        for one in covered:
            taken[id(one.unit)].append(one)
            if example_names(one.unit.pair, unit.pair):
                continue  # other examples call the module too
            lost = [(other, change) for other, change in lost if change is not one.change]
            rest = _without(one.change, one.holders)
            if rest is not None:
                labels[id(rest)] = labels[id(one.change)]
                lost.append((one.unit, rest))
        if covered:
            result[number] = again
    for unit, final in zip(units, result, strict=True):
        for gone in taken[id(unit)]:
            same = [change for change in final.removed if _place(change.grant) == _place(gone.change.grant)]
            left = [rest for change in same if (rest := _without(change, gone.holders)) is not None]
            final.removed = [*(change for change in final.removed if change not in same), *left]
    return result


@dataclass(frozen=True, eq=False)
class _Lost:
    """A statement that a unit lost, and its principals that another unit has."""

    unit: ComparedUnit
    change: GrantChange
    holders: tuple[str, ...]


def _without(change: GrantChange, holders: Collection[str]) -> GrantChange | None:
    """Return a change for its other principals; None if there are none."""
    others = tuple(holder for holder in change.grant.principals if holder not in holders)
    return replace(change, grant=replace(change.grant, principals=others)) if others else None


def _labels(side: Configuration, changes: Iterable[GrantChange]) -> set[object]:
    """Return the names, in the code and in AWS, that the principals of changes (or their resources) may share with
    those of another unit."""
    names = principal_names(side)
    addresses = {one for change in changes for one in change.grant.principals or (change.grant.resource.address,)}
    return {*map(name_in_code, addresses), *(names[one] for one in addresses if one in names)}


def _is_comparable(unit: ComparedUnit, change: GrantChange) -> bool:
    """True if what decides on the access that a removed statement granted can be carried over to another unit."""
    located, attached = change.grant, unit.pair.old.attached
    statement = located.grant.statement
    if serves_many_accounts(located.resource) or located.handed_to is not None or attached.targets:
        return False
    if unit.pair.new.notes.unreadable:
        return False  # it may still be there
    if not {user for _, user in attached.members}.isdisjoint(located.principals):
        return False
    limits = (_limit for holder in located.principals or ("",) for _limit in _limits(unit, located, holder))
    return all(_is_plain(each) for each in (statement, *(each.variants[0].statement for each in limits)))


def _is_plain(statement: Statement) -> bool:
    return not statement.when and statement.whole and statement.effect is not None


def _limits(unit: ComparedUnit, located: LocatedGrant, holder: str) -> Iterator[StatementVersion]:
    """Yield the Deny statements that are gone and limited a principal, or a policy without any."""
    for item in unit.old_statements():
        if item.variants[0].effect != "Deny":
            continue
        policy = item.policy
        applies = holder in policy.principals if holder else policy.resource.address == located.resource.address
        if applies and not unit.keeps(holder, item):
            yield item


class _Carried:
    """Statements that other units lost, in the old version of a unit.

    ``origins``: each by the path of its policy there. ``pair``: the unit with them.
    """

    def __init__(self, pair: UnitPair, lost: Iterable[tuple[ComparedUnit, GrantChange]]) -> None:
        self.origins: dict[str, _Lost] = {}
        self._policies: dict[tuple[object, ...], AttachedPolicy] = {}
        self._managed: list[ManagedAttachment] = []
        self._boundaries: dict[str, BoundaryUse] = {}
        names: dict[int, dict[str, str]] = {}
        for unit, change in lost:
            if id(unit) not in names:
                names[id(unit)] = moved_names(unit.pair, pair)
            self._add(unit, change, names[id(unit)])
        self.pair = replace(pair, old=self._carried_to(pair.old, pair.new))

    def _add(self, unit: ComparedUnit, change: GrantChange, names: Mapping[str, str]) -> None:
        located = change.grant
        holders = [holder for holder in located.principals if holder in names]
        if not holders and (located.principals or located.resource.address not in names):
            return
        path = f"{CARRIED} {len(self.origins)}"
        if located.managed:
            self._managed += (
                replace(one, holder=names[one.holder], path=path)
                for one in unit.pair.old.attached.managed_policies
                if one.holder in holders and one.resource == located.resource and one.at == located.grant.at
            )
        else:
            policy = AttachedPolicy(
                located.resource, path, document_of(located.grant.statement), principals=tuple(holders)
            )
            self._policies[(path,)] = _renamed(policy, unit.pair.place, names)
        self.origins[path] = _Lost(unit, change, tuple(holders))
        for holder in holders or [""]:
            for item in _limits(unit, located, holder):
                policy = replace(item.policy, path=f"{CARRIED} limit", document=document_of(item.variants[0].statement))
                policy = replace(policy, principals=(holder,) if holder else ())
                self._policies[id(item), holder] = _renamed(policy, unit.pair.place, names)
        self._boundaries.update((names[holder], boundary) for holder, boundary in _lost_boundaries(unit, holders))

    def _carried_to(self, old: Configuration, new: Configuration) -> Configuration:
        attached = old.attached
        bounded = {boundary.principal for boundary in attached.boundaries}
        boundaries = (replace(one, principal=who) for who, one in self._boundaries.items() if who not in bounded)
        holders = {name for policy in self._policies.values() for name in policy.principals}
        holders |= {one.holder for one in self._managed}
        known = {shown for shown, *_ in old.literals}
        literals = (one for one in new.literals if one[0] in holders and one[0] not in known)
        return replace(
            old,
            policies=(*old.policies, *self._policies.values()),
            literals=tuple(sorted((*old.literals, *literals))),
            attached=replace(
                attached,
                managed_policies=(*attached.managed_policies, *self._managed),
                boundaries=(*attached.boundaries, *boundaries),
            ),
        )

    # -- the result

    def settle(self, unit: ComparedUnit, again: ComparedUnit) -> list[_Lost]:
        """Complete the second comparison: set ``moved``, and name old statements as in the units that lost them.

        Return the removed statements of other units that it covers.
        """
        moved = list(self._moved(unit, again))
        alone = {path for change in again.removed if (path := self._path(change.grant))}
        paired = {
            path for change in (*moved, *again.widened, *again.narrowed) if (path := self._path(change.before))
        }  # fmt: skip
        taken = paired | (self.origins.keys() - alone)
        again.removed = [
            replace(change, grant=self._named(change.grant))
            for change in again.removed
            if (path := self._path(change.grant)) == "" or path in taken
        ]
        again.widened, again.narrowed, again.moved = (
            [
                replace(change, before=self._named(change.before)) if change.before is not None else change
                for change in one
            ]
            for one in (again.widened, again.narrowed, moved)
        )
        changed = {_place(change.grant) for change in (*again.new, *again.widened, *again.narrowed)}
        again.unchanged -= len({_place(change.grant) for change in moved} - changed)
        return [self.origins[path] for path in self.origins if path in taken]

    def _moved(self, unit: ComparedUnit, again: ComparedUnit) -> Iterator[GrantChange]:
        """Yield the new statements of the first comparison that are not new or wider in the second, each with the
        principals for which that is so."""
        left: dict[object, set[str]] = {}
        for change in (*again.new, *again.widened):
            left.setdefault(_place(change.grant), set()).update(change.grant.principals or ("",))
        for change in unit.new:
            gained = left.get(_place(change.grant), set())
            holders = tuple(holder for holder in change.grant.principals or ("",) if holder not in gained)
            if not holders:
                continue
            grant = replace(change.grant, principals=tuple(filter(None, holders)))
            before = again.counterpart_of(grant)
            if before is None:  # several others grant the same
                path, first = next(iter(self.origins.items()))
                before = replace(first.change.grant, statement_path=path)
            values = tuple(unresolved_values(grant, known_names(unit.pair.new)))
            yield replace(change, grant=grant, before=before, cause=None, cause_removed=False, values=values)

    def _path(self, located: LocatedGrant | None) -> str:
        """Return the path in ``origins`` of a statement of the second comparison; "" if it is of its own unit."""
        path = located.statement_path.split("/", 1)[0] if located is not None else ""
        return path if path in self.origins else ""

    def _named(self, located: LocatedGrant) -> LocatedGrant:
        """Return a statement as in the unit that lost it."""
        path = self._path(located)
        if not path:
            return located
        origin = self.origins[path].change.grant
        principals = origin.principals if len(located.principals) > 1 else located.principals
        return replace(located, resource=origin.resource, statement_path=origin.statement_path, principals=principals)


def _place(located: LocatedGrant) -> object:
    return located.resource.address, located.statement_path, located.grant.at, located.grant.statement.when


def _lost_boundaries(unit: ComparedUnit, holders: Iterable[str]) -> Iterator[tuple[str, BoundaryUse]]:
    """Yield the permissions boundaries that principals had and have no longer, with the principals."""
    sides = [side.attached.boundaries_by_principal() for side in (unit.pair.old, unit.pair.new)]
    for holder in holders:
        before, after = (side.get(holder, []) for side in sides)
        if after != before:
            yield from ((holder, boundary) for boundary in before)


def document_of(statement: Statement) -> Node:
    """Return a policy document with one statement, whose effect is known."""
    at = statement.at
    elements: list[tuple[str, Node]] = [("Effect", text(statement.effect or "", at))]
    if statement.sid is not None:
        elements.append(("Sid", text(statement.sid, at)))
    for key, strings in (
        ("Action", statement.actions),
        ("NotAction", statement.not_actions),
        ("Resource", statement.resources),
        ("NotResource", statement.not_resources),
    ):
        if strings is not None:
            elements.append((key, ListNode(tuple(strings), at)))
    if statement.condition is not None:
        elements.append(("Condition", statement.condition))
    entries = tuple(ObjectEntry(text(key, at), value) for key, value in elements)
    version = "2012-10-17" if statement.variables else "2008-10-17"
    whole = (("Version", text(version, at)), ("Statement", ListNode((ObjectNode(entries, at),), at)))
    return ObjectNode(tuple(ObjectEntry(text(key, at), value) for key, value in whole), at)


def _renamed(policy: AttachedPolicy, place: str, names: Mapping[str, str]) -> AttachedPolicy:
    """Return a policy of the unit at ``place`` with the names of another one. A role that stays there is not the one
    that has its name in the other unit."""

    def renamed(part: Part, of_role: str | None = None) -> Part:
        if isinstance(part, str) or part.kind in PLACES:
            return part
        role = part.role or of_role
        known = tuple(renamed(inner, role) for inner in part.known) if part.known is not None else None
        if role is None:
            return replace(part, known=known)
        if role in names:
            word = re.compile(rf"(?<![\w.]){re.escape(role)}(?![\w-])")
            expression, new = word.sub(lambda _: names[role], part.expression), names[role]
        else:
            expression, new = f"{place}: {part.expression}", f"{place}: {role}"
        return replace(part, expression=expression, role=new if part.role else None, known=known)

    document = map_strings(
        policy.document, lambda string: replace(string, parts=tuple(renamed(part) for part in string.parts))
    )
    return relabel_policy(replace(policy, document=document), names)


def unresolved_values(located: LocatedGrant, names: Mapping[str, StringNode]) -> Iterator[str]:
    """Yield the unresolved expressions in a statement, and in the ``names`` of its principals, whose values may be
    others in another unit."""
    statement = located.grant.statement
    strings = [*(statement.actions or ()), *(statement.not_actions or ())]
    strings += [*(statement.resources or ()), *(statement.not_resources or ())]
    strings += strings_in(statement.condition) if statement.condition is not None else ()
    strings += (names[principal] for principal in located.principals if principal in names)
    parts = (part for string in strings for part in string.unresolved_parts)
    written = [part.written for part in parts if part.kind not in PLACES and part.role is None]
    yield from dict.fromkeys([*written, *(value for name in located.principals for value in _VALUE.findall(name))])
