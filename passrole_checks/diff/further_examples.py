"""Find access that one more example of a module repeats.

An example below the folder of a module shows how to call it (Terraform documentation, "Standard Module Structure"). If
a new example gets from the module what another example had in the old version and still has, the module grants its
callers nothing more. This is decided for a call as a whole: its roles with their trust policies, all policies,
attachments and permissions boundaries, and the credentials of its provider. If any of these differs, or an unknown
value decides on whether a call has it, the access of the new example is new.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from passrole_checks.diff.compared_unit import ComparedUnit
from passrole_checks.diff.moved_resources import calls_in_examples, known_names, share_an_account
from passrole_checks.diff.moved_statements import PLACES, unresolved_values
from passrole_checks.iam.conditions.passed_to_service import without_positions
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Node, Part, StringNode, map_strings
from passrole_checks.scan.scanner import LocatedGrant
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, PolicyKind

_LIMITING_OR_GRANTING = frozenset({PolicyKind.IDENTITY, PolicyKind.BOUNDARY, PolicyKind.SCP})


def separate_repeated_access(units: Sequence[ComparedUnit], same: Sequence[ComparedUnit] = ()) -> None:
    """Move those new statements of new examples that another example of the same module has to ``moved``, with the
    statement of the other example in ``before``. ``same``: unchanged units that are not in ``units``."""
    for unit in units:
        if unit.pair.old.files or not unit.new or unit.pair.new.notes.unreadable:
            continue
        others = (other for other in (*units, *same) if other is not unit)
        pairs = [pair for other in others for pair in _equal_calls(other, unit)]
        changes, unit.new = unit.new, []
        for change in changes:
            found = ((other, place) for old, new, place in pairs if (other := old.counterpart(change.grant, new)))
            before, place = next(found, (None, ""))
            if before is None:
                unit.new.append(change)
                continue
            values = tuple(unresolved_values(change.grant, known_names(unit.pair.new)))
            unit.moved.append(replace(change, before=before, cause=None, repeats=place, values=values))


def _equal_calls(other: ComparedUnit, unit: ComparedUnit) -> Iterator[tuple[_ModuleCall, _ModuleCall, str]]:
    """Yield the calls of modules in the old version of one example, and those in another one, if they grant the same,
    with the path of the former."""
    old, new = other.pair.old, unit.pair.new
    if not other.pair.new.files or old.notes.unreadable or not share_an_account(old, new):
        return
    for before, after in calls_in_examples(other.pair, unit.pair):
        calls = [call for prefix in before if (call := _ModuleCall(old, other.pair.old_place, prefix)).is_certain]
        for call in (_ModuleCall(new, unit.pair.place, prefix) for prefix in after):
            same = next((one for one in calls if call.is_certain and one.content == call.content), None)
            if same is not None:
                yield same, call, other.pair.place


@dataclass(frozen=True, eq=False)
class _ModuleCall:
    """A call of a module in a unit at a path. ``prefix`` begins the addresses of its resources."""

    unit: Configuration
    place: str
    prefix: str

    def contains(self, address: str) -> bool:
        """True if a resource or principal is in the module."""
        return address.startswith(self.prefix)

    def shortened(self, address: str) -> str:
        """Return an address without the call."""
        return address.removeprefix(self.prefix)

    @cached_property
    def policies(self) -> list[AttachedPolicy]:
        """Return the policies in the module, and those attached to its principals."""
        return [
            policy
            for policy in (*self.unit.policies, *self.unit.change.unchanged)
            if policy.kind in _LIMITING_OR_GRANTING
            and any(map(self.contains, (policy.resource.address, *self._holders(policy))))
        ]

    @staticmethod
    def _holders(policy: AttachedPolicy) -> Iterator[str]:
        yield from policy.principals
        yield from (holder for holder, _ in policy.conditional_principals)

    @cached_property
    def is_certain(self) -> bool:
        """True if no path condition decides on what the module grants, and its principals are in no group."""
        attached = self.unit.attached
        return not (
            any(policy.conditional_principals for policy in self.policies)
            or any(role.exists_when for role in self.unit.roles if self.contains(role.resource.address))
            or any(one.when for one in attached.managed_policies if self.contains(one.holder))
            or any(one.when for one in attached.boundaries if self.contains(one.principal))
            or any(map(self.contains, (name for pair in attached.members for name in pair)))
            or attached.targets
        )

    @cached_property
    def content(self) -> Hashable:
        """Return all that decides on the access of the module's principals, without positions and the call's name."""
        attached = self.unit.attached
        entries: list[tuple[Hashable, ...]] = [
            ("role", self.shortened(role.resource.address), self._plain(role.trust))
            for role in self.unit.roles
            if self.contains(role.resource.address)
        ]
        entries += [("policy", *self._identity(policy)) for policy in self.policies]
        entries += [
            ("managed", self.shortened(one.holder), self._plain(one.policy), one.handed_to)
            for one in attached.managed_policies
            if self.contains(one.holder) or self.contains(one.resource.address)
        ]
        entries += [
            ("boundary", self.shortened(one.principal), *self._identity(one.policy))
            if isinstance(one.policy, AttachedPolicy)
            else ("boundary", self.shortened(one.principal), self._plain(one.policy))
            for one in attached.boundaries
            if self.contains(one.principal)
        ]
        entries += [
            ("provider", self.shortened(address), text)
            for address, text, _ in self.unit.provisioning.own_credentials
            if address.startswith(self.prefix.removesuffix("."))
        ]
        return frozenset(entries)

    def _identity(self, policy: AttachedPolicy) -> Iterator[Hashable]:
        statements = parse_document(policy.document).statements
        is_plain_grant = bool(statements) and all(one.effect == "Allow" and one.whole for one in statements)
        yield from (self.shortened(policy.resource.address), policy.path, policy.kind, policy.managed)
        yield from (policy.handed_to, policy.presumed, policy.people, policy.repositories, policy.element)
        yield frozenset(map(self.shortened, policy.principals))
        yield self._plain(policy.document, may_be_unknown=policy.kind is PolicyKind.IDENTITY and is_plain_grant)

    def _plain(self, node: Node | None, *, may_be_unknown: bool = False) -> Hashable:
        """Return a value without positions. Unknown values of two units are equal only if they ``may_be_unknown``, and
        references to roles only if these are in the module."""

        def plain(part: Part, is_whole: bool) -> Part:
            if isinstance(part, str) or part.kind in PLACES:
                return part
            if part.role is not None and self.contains(part.role):
                expression, role = part.expression.replace(self.prefix, ""), self.shortened(part.role)
                # a pattern may begin with the name of a role
                return replace(part, expression=expression, role=role, known=None if is_whole else part.known)
            if part.role is None and may_be_unknown:
                return replace(part, expression=part.expression.replace(self.prefix, ""))
            return replace(part, expression=f"{self.place}: {part.expression}")

        def changed(string: StringNode) -> StringNode:
            return replace(string, parts=tuple(plain(part, len(string.parts) == 1) for part in string.parts))

        def qualified(subject: str) -> str:
            return f"{self.place}: {subject}"

        copy = without_positions(map_strings(node, changed, subject=qualified)) if node is not None else None
        assert isinstance(copy, Hashable)
        return copy

    def counterpart(self, located: LocatedGrant, other: _ModuleCall) -> LocatedGrant | None:
        """Return the statement of this call that a statement of the ``other`` one repeats; None if a principal of the
        latter is no role in the module."""
        own = {other.shortened(role.resource.address): role.resource.address for role in other.unit.roles}
        roles = [other.shortened(name) for name in located.principals if other.contains(name)]
        if located.managed or not roles or len(roles) < len(located.principals) or not own.keys() >= set(roles):
            return None
        for policy in self.policies:
            if self.shortened(policy.resource.address) != other.shortened(located.resource.address):
                continue
            for statement in parse_document(policy.document).statements:
                if located.statement_path == "/".join(filter(None, (policy.path, statement.path))):
                    grant = replace(located.grant, statement=statement)
                    holders = tuple(f"{self.prefix}{role}" for role in roles)
                    return replace(located, grant=grant, resource=policy.resource, principals=holders)
        return None
