"""The policies of a principal with the actions that remove them, on its own ARN or on that of the policy.

Sources: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management
(IAM)"; IAM Identity Center User Guide, "Permission sets" (IAM refuses changes of the roles that they provision).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from passrole_checks.access.known_roles import role_arn
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.permissions.principal import PrincipalKind
from passrole_checks.iam.permissions.removable_limits import HeldPolicy, Removal
from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.iam.values.nodes import Part, Position, StringNode, Unresolved, UnresolvedKind, join
from passrole_checks.sources.model.configuration import (
    UNKNOWN_BOUNDARY,
    AttachedPolicy,
    BoundaryUse,
    Configuration,
    ManagedAttachment,
    RoleDefinition,
)
from passrole_checks.sources.model.paired_names import is_managed

_NOWHERE = Position("", 0)
_AWS_POLICY = ":iam::aws:policy/"
_ENTITIES = {
    PrincipalKind.ROLE: (PrincipalKind.ROLE,),
    PrincipalKind.USER: (PrincipalKind.USER,),
    PrincipalKind.GROUP: (PrincipalKind.GROUP,),
    PrincipalKind.PERMISSION_SET: (),
    PrincipalKind.POLICY: (PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.GROUP),
}  # of IAM that a principal can be


class EntityNames:
    """The names of the roles, users and groups of a configuration. ``account``: the account deployed to, if known."""

    def __init__(self, configuration: Configuration, account: str | None) -> None:
        self._configuration, self.account = configuration, account

    def arn_of(self, address: str, kind: PrincipalKind, named: Sequence[StringNode]) -> StringNode:
        """Return the ARN of an entity as far as it is known. ``named``: resources that policies name."""
        if kind is PrincipalKind.ROLE and address in self._roles:
            written = self._roles[address]
            known = next((one for one in named if _is_reference(one, address)), None)
            _, _, name = str(written).partition(":role/")
            return known or _only_named(named, kind.value, name, self.account, with_path=True) or written
        return _arn_in(named, kind.value, address, self._names.get(address), self.account)

    @cached_property
    def _roles(self) -> dict[str, StringNode]:
        return {role.resource.address: role.deployed or role_arn(_named(role)) for role in self._configuration.roles}

    @cached_property
    def _names(self) -> dict[str, tuple[Part, ...]]:
        names: dict[str, tuple[Part, ...]] = {shown: (name,) for shown, _, name in self._configuration.literals}
        return {**names, **{address: name.parts for address, name in self._configuration.users}}


class PolicyHolder:
    """A principal that has policies, directly or by its groups.

    ``kind``: POLICY if the principal is unknown. ``named``: the resources and the values of conditions in all its
    policies, which may name itself or a policy by another path than ``/``.
    """

    def __init__(self, entities: EntityNames, name: str, kind: PrincipalKind, named: Sequence[StringNode]) -> None:
        self._entities, self.name, self.kind, self._named = entities, name, kind, named

    def policy(
        self, policy: AttachedPolicy | ManagedAttachment, statements: tuple[Statement, ...], owner: str
    ) -> HeldPolicy:
        """Return a policy that ``owner`` has: the principal, or one of its groups."""
        group = owner if owner != self.name else ""
        if isinstance(policy, ManagedAttachment):  # of AWS, which alone changes it
            detachments = tuple(self._detachments(group, "Detach"))
            return HeldPolicy(str(policy.policy), statements, detachments, policy.policy, group)
        is_inline = not is_managed(policy)
        arn = None if is_inline and policy.handed_to is None else self._policy_arn(policy)
        removals = [*self._detachments(group, "Delete" if is_inline else "Detach"), *_new_versions(arn)]
        if is_inline:
            removals += (Removal(f"iam:Put{kind}Policy", own) for kind, own in self._owners(group))
        address = policy.resource.address
        return HeldPolicy(address, statements, tuple(removals), arn, group, document=policy.document)

    def boundary(self, uses: Sequence[BoundaryUse], statements: tuple[Statement, ...]) -> HeldPolicy:
        """Return the permissions boundary."""
        policy = next((use.policy for use in uses if use.policy is not None), UNKNOWN_BOUNDARY)
        is_own = isinstance(policy, AttachedPolicy)
        arn = self._policy_arn(policy) if isinstance(policy, AttachedPolicy) else policy
        removals = [
            Removal(f"iam:{verb}{kind}PermissionsBoundary", own)
            for kind, own in self._owners("")
            for verb in ("Delete", "Put")
            if kind != "Group"
        ]
        removals += _new_versions(arn if is_own or _AWS_POLICY not in str(arn) else None)
        name = policy.resource.address if isinstance(policy, AttachedPolicy) else str(policy)
        known = None if policy == UNKNOWN_BOUNDARY else arn
        return HeldPolicy(name, statements, tuple(removals), known, is_boundary=True)

    def _detachments(self, group: str, verb: str) -> Iterator[Removal]:
        for kind, own in self._owners(group):
            yield Removal(f"iam:{verb}{kind}Policy", own, detaches=True)
            if group:
                yield Removal("iam:RemoveUserFromGroup", own, detaches=True, leaves_group=True)

    def _owners(self, group: str) -> Iterator[tuple[str, StringNode]]:
        """Yield the kinds of entity that have a policy, as in the names of actions, each with its ARN."""
        kinds = (PrincipalKind.GROUP,) if group else _ENTITIES[self.kind]
        for kind in kinds:
            yield kind.value.title(), self._entities.arn_of(group or self.name, kind, self._named)

    def _policy_arn(self, policy: AttachedPolicy) -> StringNode:
        """Return the ARN of a managed policy as far as it is known."""
        partial = policy.partial_name.parts if policy.partial_name is not None else None
        name = (policy.name,) if policy.name else partial
        return _arn_in(self._named, "policy", policy.resource.address, name, self._entities.account)


def _named(role: RoleDefinition) -> RoleDefinition:
    """Return a role whose name contains no slash where it is unresolved: only a path does (IAM API Reference,
    CreateRole: RoleName, Path)."""
    parts = role.name.parts if role.name is not None else ()
    names = (
        replace(part, kind=UnresolvedKind.NAME)
        if isinstance(part, Unresolved) and part.kind is _ANYTHING and not part.known
        else part
        for part in parts
    )
    return replace(role, name=replace(role.name, parts=tuple(names))) if role.name is not None else role


def _new_versions(arn: StringNode | None) -> list[Removal]:
    """Return the actions that replace the document of a managed policy."""
    actions = ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion") if arn is not None else ()
    return [Removal(action, arn) for action in actions if arn is not None]


def _arn_in(
    named: Sequence[StringNode], kind: str, address: str, name: tuple[Part, ...] | None, account: str | None
) -> StringNode:
    """Return the ARN of an entity: the one in ``named`` that refers to it, else the only one that ends in its name,
    which is unique within its kind and account, else one with an unknown path."""
    if address.startswith("arn:"):
        return StringNode((address,), _NOWHERE)
    literal = name[0] if name is not None and len(name) == 1 and isinstance(name[0], str) else None
    known = next((one for one in named if _is_reference(one, address)), None)
    known = known or (_only_named(named, kind, literal, account) if literal is not None else None)
    if known is not None:
        return known
    own: tuple[Part, ...] = name if name is not None else (Unresolved(f"{address}.name"),)
    path = (Unresolved(f"{address}.path"),) if name is not None else ()
    place = (Unresolved("partition", UnresolvedKind.PARTITION), Unresolved("account id", UnresolvedKind.ACCOUNT_ID))
    return StringNode(join(["arn:", place[0], ":iam::", place[1], f":{kind}/", *path, *own]), _NOWHERE)


def _is_reference(resource: StringNode, address: str) -> bool:
    """True if a resource is a reference to the ARN of an entity of the configuration."""
    only = resource.only_unresolved
    names = (address, f"{address}.arn", f"{address}.Arn")
    return only is not None and (only.role == address or only.expression in names) and only.kind is _ANYTHING


def _only_named(
    named: Sequence[StringNode], kind: str, name: str, account: str | None, *, with_path: bool = False
) -> StringNode | None:
    """Return the ARN without wildcards after its kind that ends in a name, or (``with_path``) in a path and a name.

    ARNs of another account than ``account``, if that is known, do not count. None if several differ in their paths, or
    if ARNs of this kind are of several accounts: which is meant is unknown.
    """
    accounts: set[str] = set()
    found: dict[str, StringNode] = {}
    for resource in named:
        last = expand(resource.parts)[-1]
        start, separator, path = last.partition(f":{kind}/") if isinstance(last, str) else ("", "", "")
        own = start.rpartition(":")[2]
        if separator and (account is None or not own.isdigit() or own == account):
            accounts.add(own)
            if (path if with_path else path.rpartition("/")[2]) == name and not {"*", "?"} & set(path):
                found[path] = resource
    return next(iter(found.values())) if len(found) == 1 and len(accounts - {"", "*"}) <= 1 else None


_ANYTHING = UnresolvedKind.ANYTHING
