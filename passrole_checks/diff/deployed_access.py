"""Compare code with the IAM entities of an account, as deployed: one side is an account file, the other is code.

Each unit of the code is compared with the access that the account gives to the principals which the unit declares or
names, and to the managed policies that it declares; see :mod:`passrole_checks.sources.model.context`. Access of other
principals is counted in a note.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from passrole_checks.access.access_model import serves_many_accounts
from passrole_checks.access.principals import Principals
from passrole_checks.aws.service_principals import known_services
from passrole_checks.diff.change import GrantChange
from passrole_checks.diff.units import UnitPair
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.iam.values.nodes import Node, Part, StringNode, Unresolved, UnresolvedKind, join, map_strings
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Attachments,
    BoundaryUse,
    Configuration,
    Framework,
    ManagedAttachment,
    NoteKind,
    PolicyKind,
    Unreadable,
)
from passrole_checks.sources.model.context import Context, contexts_of, paired_with_context, with_known_documents
from passrole_checks.sources.model.paired_names import is_managed

_IAM = lazy_regex(r"arn:[\w-]*:iam::")


@dataclass(frozen=True)
class Deployed:
    """The comparison of code with accounts. ``number``: the side of the accounts, 0 for the old one.

    ``pairs``: one for each unit of the code. ``names``: for each pair, the ARNs of the principals and of the managed
    policies that it is about, by their addresses in the unit. ``inferred``: ARNs with the addresses of principals that
    are not paired by a known name. ``unreadable`` and ``notes``: what cannot be read or
    compared of the accounts.
    """

    number: int
    pairs: tuple[UnitPair, ...]
    names: tuple[Mapping[str, str], ...]
    inferred: tuple[tuple[str, str], ...]
    unreadable: tuple[Unreadable, ...]
    notes: tuple[Unreadable, ...]

    def only_deployed(self, changes: Sequence[Sequence[GrantChange]]) -> list[list[GrantChange]]:
        """Return the access that only the accounts give, each statement once.

        ``changes``: of each pair, the access that the account gives and this unit does not. What another unit gives to
        the same principal is left out, as is access of principals that the code does not declare, such as groups of its
        users.
        """
        units = Counter(arn for names in self.names for arn in set(names.values()))
        missing = Counter(
            key
            for names, own in zip(self.names, changes, strict=True)
            for key in {key for change in own for key in _keys(change, names)}
        )
        seen: set[object] = set()
        result = []
        for names, own in zip(self.names, changes, strict=True):
            kept = [
                change
                for change in own
                if any(missing[key] == units[key[1]] and key not in seen for key in _keys(change, names))
            ]
            seen.update(key for change in kept for key in _keys(change, names))
            result.append(kept)
        return result


def _keys(change: GrantChange, names: Mapping[str, str]) -> Iterator[tuple[object, str]]:
    """Yield the place of a statement with the ARN of each principal, or of its policy if it has none."""
    grant = change.grant
    for holder in grant.principals or (grant.resource.address,):
        if holder in names:
            yield (grant.statement_path, grant.grant.at), names[holder]


def compare_with_account(sides: Sequence[Mapping[str, Configuration]], account: str | None = None) -> Deployed | None:
    """Return the pairs to compare if one side is account files and the other is code, else None.

    ``sides``: the units of the old and of the new version. ``account``: the account deployed to, if known.
    """
    is_account = [bool(side) and all(unit.framework is Framework.ACCOUNT for unit in side.values()) for side in sides]
    if is_account[0] == is_account[1] or not all(sides):
        return None
    number = is_account.index(True)
    contexts = [Context(unit, "the account file") for unit in sides[number].values()]
    pairs: list[UnitPair] = []
    names: list[Mapping[str, str]] = []
    inferred: list[tuple[str, str]] = []
    notes = [note for context in contexts for note in context.configuration.notes.not_evaluated]
    for place, unit in sides[1 - number].items():
        used = contexts_of(unit, contexts, account)
        if not used:
            reason = "not compared: its account is in no account file, or not known (--account)"
            notes.append(Unreadable(next(iter(unit.files), place), reason, kind=NoteKind.DEFINED_ELSEWHERE))
        for context in used:
            part = _Part(unit, context)
            policies = (one for one in (*unit.policies, *unit.change.unchanged) if one.kind is PolicyKind.IDENTITY)
            left_out = [policy for policy in policies if not part.is_of_iam(policy)]
            if left_out:
                first = left_out[0].resource.address
                reason = f"policies that are not of IAM entities are not compared ({len(left_out)}, such as {first})"
                notes.append(Unreadable(left_out[0].resource.at.file, reason, kind=NoteKind.DEFINED_ELSEWHERE))
            both = (part.deployed(), part.declared())
            pairs.append(UnitPair(*(both if number == 0 else both[::-1]), place, from_plan=True))
            names.append(part.arns)
            inferred += part.inferred.items()
    paired = {arn for one in names for arn in one.values()}
    notes += (note for context in contexts for note in _others(context, paired))
    unreadable = tuple(entry for context in contexts for entry in context.configuration.notes.unreadable)
    return Deployed(number, tuple(pairs), tuple(names), tuple(inferred), unreadable, tuple(notes))


def _others(context: Context, paired: set[str]) -> Iterator[Unreadable]:
    """Yield a note on the principals of an account that no code declares, if some of them can pass roles."""
    whole = context.configuration
    services: dict[str, Collection[str]] = {name: known_services(name) for name in ("aws", "aws-cn")}
    found: dict[str, None] = {}
    for policy in (*whole.policies, *Principals(whole, whole.account).managed):
        holders = [holder for holder in policy.principals if holder not in paired]
        if policy.kind is PolicyKind.IDENTITY and holders and not found.keys() >= set(holders):
            grants = grants_of(parse_document(policy.document).statements, services, whole.account)
            if any(grant.effect == "Allow" and not grant.condition.dead for grant in grants):
                found.update(dict.fromkeys(holders))
    if found:
        reason = f"access of principals that the code does not declare is not compared ({len(found)} can pass roles)"
        yield Unreadable(next(iter(whole.files), ""), reason, kind=NoteKind.DEFINED_ELSEWHERE)


class _Part:
    """One unit of code, and the part of an account that is about it.

    ``names``: the addresses of principals in the account, each with that in the unit. ``policies``: the same of managed
    policies.
    """

    def __init__(self, unit: Configuration, context: Context) -> None:
        self.unit, self.context = with_known_documents(unit, [context]), context
        paired = paired_with_context(unit, context)
        self.names, self.policies, self.inferred = paired.principals, paired.policies, paired.inferred
        self.arns = {address: arn for arn, address in reversed([*self.names.items(), *self.policies.items()])}

    def deployed(self) -> Configuration:
        """Return the part of the account, with the names that the unit has for its principals."""
        whole = self.context.configuration
        attached = whole.attached
        members = [(group, user) for group, user in attached.members if user in self.names or group in self.names]
        holders = {*self.names, *(group for group, _ in members)}
        return replace(
            whole,
            resources=tuple(
                replace(one, address=self.rename(one.address)) for one in whole.resources if one.address in holders
            ),
            policies=tuple(self._policies(holders)),
            roles=tuple(
                replace(role, resource=replace(role.resource, address=self.rename(role.resource.address)))
                for role in whole.roles
                if role.resource.address in self.names
            ),
            users=tuple((self.rename(user), name) for user, name in whole.users if user in self.names),
            instance_profiles=(),
            attached=Attachments(
                tuple(one for one in attached.managed_policies if one.holder in holders),
                tuple(members),
                tuple(one for one in attached.boundaries if one.principal in holders),
            ).renamed(self.rename),
            notes=replace(whole.notes, unreadable=(), not_evaluated=()),
        )

    def _policies(self, holders: set[str]) -> Iterator[AttachedPolicy]:
        """Yield the policies of some principals, and those that the unit declares, attached or not."""
        loose = {
            policy.resource.address
            for policy in (*self.unit.policies, *self.unit.change.unchanged)
            if is_managed(policy) and not policy.principals
        }
        for policy in self.context.configuration.policies:
            own = tuple(self.rename(holder) for holder in policy.principals if holder in holders)
            address = self.policies.get(policy.resource.address)
            if own:
                yield replace(policy, principals=own)
            if address in loose:
                yield replace(policy, resource=replace(policy.resource, address=address), principals=())

    def declared(self) -> Configuration:
        """Return the unit with the values that the account has: account id, partition, names of its roles."""
        unit = self.unit
        documents: dict[int, Node] = {}

        def known(policy: AttachedPolicy) -> AttachedPolicy:
            document = documents.get(id(policy.document))
            if document is None:
                document = documents[id(policy.document)] = map_strings(policy.document, self._with_values)
            return policy if document is policy.document else replace(policy, document=document)

        boundaries = tuple(
            BoundaryUse(one.principal, known(one.policy), one.when) if isinstance(one.policy, AttachedPolicy) else one
            for one in unit.attached.boundaries
        )
        attached = tuple(one for one in unit.attached.managed_policies if self.is_of_iam(one))
        literals = {shown for shown, _, _ in unit.literals}  # other code may declare them: here the account does
        return replace(
            unit,
            resources=tuple(one for one in unit.resources if one.address not in literals),
            roles=tuple(role for role in unit.roles if role.resource.address not in literals),
            policies=tuple(known(policy) for policy in unit.policies if self.is_of_iam(policy)),
            account=unit.account or self.context.account,
            attached=replace(unit.attached, boundaries=boundaries, managed_policies=attached),
            change=replace(
                unit.change,
                unchanged=tuple(known(policy) for policy in unit.change.unchanged if self.is_of_iam(policy)),
                before=None,
            ),
        )

    def is_of_iam(self, held: AttachedPolicy | ManagedAttachment) -> bool:
        """True for a policy of IAM entities of this account: not of permission sets, stack sets or other services, and
        not passed out of the unit."""
        holders = held.principals if isinstance(held, AttachedPolicy) else (held.holder,)
        kinds = {kind for shown, kind, _ in self.unit.literals if shown in holders}
        return (
            held.handed_to is None
            and not serves_many_accounts(held.resource)
            and "permission-set" not in kinds
            and not any("permission_set" in holder for holder in holders)
        )

    def rename(self, principal: str) -> str:
        """Return the name that a principal of the account has in the unit."""
        return self.names.get(principal, principal)

    def _with_values(self, value: StringNode) -> StringNode:
        parts = self._in_account(join([known for part in value.parts for known in self._values(part)]))
        return value if parts == value.parts else replace(value, parts=parts)

    def _in_account(self, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        """Return an ARN of IAM with an unknown account id as one of this account: no other role can be passed."""
        account = self.context.account
        if account is None or not isinstance(parts[0], str) or _IAM.fullmatch(parts[0]) is None or len(parts) < 3:
            return parts
        rest = parts[2]
        is_id = isinstance(parts[1], Unresolved) and isinstance(rest, str) and rest.startswith(":")
        return join([parts[0], account, *parts[2:]]) if is_id else parts

    def _values(self, part: Part) -> Iterable[Part]:
        """Return the value that the account has for a part of a string."""
        if isinstance(part, str):
            return (part,)
        arn = self.arns.get(part.role or "")
        if arn is not None:
            return (arn.rpartition("/")[2] if part.kind is UnresolvedKind.NAME else arn,)
        if part.known is not None:
            known = tuple(self._simple(inner) for inner in expand(part.known))
            return known if all(isinstance(inner, str) for inner in known) else (replace(part, known=join(known)),)
        return (self._simple(part),)

    def _simple(self, part: Part) -> Part:
        if isinstance(part, Unresolved) and self.context.account is not None:
            if part.kind is UnresolvedKind.ACCOUNT_ID:
                return self.context.account
            if part.kind is UnresolvedKind.PARTITION:
                return next((arn.split(":")[1] for arn in self.names), "aws")
        return part
