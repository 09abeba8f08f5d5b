"""Add what is deployed around a configuration to it: the roles, policies and attachments of other configurations.

The configuration wins: what it declares by the same name is left out of its context. A managed policy that it declares
keeps the principals that it is attached to in the context, and a policy, a permissions boundary or a principal that it
only names is the one of that name in the context. The statements of the context are not checked.

What is paired by a name that is not known is a guess. It may add access and takes none away: a principal gets what the
policies of the context allow and nothing that they deny, and roles of the context stay beside those that they may be.

Source: IAM User Guide, "IAM and AWS STS quotas", "IAM name requirements": names of users, groups, roles and policies
are unique within an account, without regard to case and path; names of inline policies within their principal.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property

from passrole_checks.aws.managed_policies import managed_policy
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.identity_cache import cached_by_identity
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.iam.values.nodes import Absent, Choice, ListNode, Node, ObjectNode, Part, StringNode, strings_in
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Attachments,
    BoundaryUse,
    Configuration,
    ContextNames,
    Framework,
    ManagedAttachment,
    NoteKind,
    PolicyKind,
    RoleDefinition,
    Unreadable,
)
from passrole_checks.sources.model.exclusive_policies import without_removed_denial
from passrole_checks.sources.model.looked_up_documents import attached_documents, with_documents
from passrole_checks.sources.model.paired_names import (
    Key,
    address_type,
    generated_names,
    is_managed,
    only_matches,
    partial_names,
)
from passrole_checks.sources.model.policy_owners import policy_names
from passrole_checks.sources.model.principal_names import kind_of

_ARN = lazy_regex(r"arn:([^:]*):iam::([^:]*):policy(?:/.*|\0)?/([^/\0]+)", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Context:
    """A configuration around others, such as the IAM entities of an account, and its origin in words.

    Its principals and policies have their ARN as address, or another address that no configuration has.
    """

    configuration: Configuration
    origin: str

    @property
    def account(self) -> str | None:
        """The account of its entities, if it is known."""
        return self.configuration.account

    @cached_property
    def roles(self) -> Mapping[str, RoleDefinition]:
        """The roles by name in lower case."""
        return {name: role for role in self.configuration.roles if (name := _literal(role.name))}

    @cached_property
    def principals(self) -> Mapping[Key, str]:
        """The addresses of principals by kind and name."""
        named = {("role", name): role.resource.address for name, role in self.roles.items()}
        types = {one.address: one.type for one in self.configuration.resources}
        named |= {
            (kind_of(types.get(address, "user")), name): address
            for address, value in self.configuration.users
            if (name := _literal(value))
        }
        groups = (one for one in self.configuration.resources if kind_of(one.type) == "group")
        return named | {("group", one.address.rpartition("/")[2].lower()): one.address for one in groups}

    @cached_property
    def policies(self) -> tuple[AttachedPolicy, ...]:
        """The policies that grant or limit, without trust and resource policies."""
        whole = self.configuration
        kinds = (PolicyKind.IDENTITY, PolicyKind.BOUNDARY)
        return tuple(
            one for one in (*whole.policies, *whole.change.unchanged, *whole.other_policies) if one.kind in kinds
        )

    @cached_property
    def managed_policies(self) -> Mapping[str, AttachedPolicy]:
        """The customer managed policies by name in lower case."""
        return {
            one.name.lower(): one
            for one in self.policies
            if one.name and is_managed(one) and ":iam::aws:" not in one.resource.address
        }

    @cached_property
    def limited(self) -> frozenset[str]:
        """The addresses of principals with policies, attachments or a boundary."""
        whole = self.configuration
        return frozenset(
            (*(holder for one in self.policies for holder in one.principals), *whole.attached.principals())
        )


def in_context(configuration: Configuration, contexts: Sequence[Context], account: str | None = None) -> Configuration:
    """Return a configuration with what is around it; itself if nothing is.

    ``account``: the account deployed to, if known. Contexts of other accounts are left out, and all of them if the
    account is unknown and they are of several.
    """
    joined = configuration
    for context in contexts_of(configuration, contexts, account):
        joined = _Join(joined, context).result()
    if joined is configuration:
        return configuration
    return replace(
        joined,
        surroundings=replace(joined.surroundings, context=replace(joined.surroundings.context, alone=configuration)),
    )


def contexts_of(
    configuration: Configuration, contexts: Sequence[Context], account: str | None = None
) -> tuple[Context, ...]:
    """Return those of the contexts that are of the account of a configuration; see :func:`in_context`."""
    account = account or configuration.account or configuration.change.home.account
    if account is None and len({context.account for context in contexts}) == 1:
        return tuple(contexts)
    return tuple(context for context in contexts if account is not None and context.account in (None, account))


def with_known_documents(
    configuration: Configuration, contexts: Sequence[Context], account: str | None = None
) -> Configuration:
    """Return a configuration with the documents of the managed policies that it attaches or looks up.

    Nothing else of what is around it is added. Arguments as of :func:`in_context`.
    """
    for context in contexts_of(configuration, contexts, account):
        join = _Join(configuration, context)
        join.find_principals()
        configuration, holders = join.with_known_documents()
        known = configuration.surroundings.context
        names = replace(known, principals=dict.fromkeys(holders, context.origin) | dict(known.principals))
        configuration = (
            replace(configuration, surroundings=replace(configuration.surroundings, context=names))
            if holders
            else configuration
        )
    return configuration


@dataclass(frozen=True)
class PairedNames:
    """The entities of a context that a configuration declares or names, with their addresses in the configuration.

    ``inferred``: those of ``principals`` and ``policies`` that are not paired by a known name.
    """

    principals: Mapping[str, str]
    policies: Mapping[str, str]
    inferred: Mapping[str, str]


def paired_with_context(configuration: Configuration, context: Context) -> PairedNames:
    """Return the principals and the managed policies of a context that are those of a configuration."""
    join = _Join(configuration, context)
    join.find_principals()
    return PairedNames(join.names | join.inferred_principals, join.policies() | join.inferred_policies, join.inferred)


def drift(configuration: Configuration, context: Context) -> Iterator[Unreadable]:
    """Yield a note on each policy that is not in a context as it was before the change that a configuration makes.

    Policies are compared by their statements, those of roles and users whose names are not literal are not compared.
    """
    here = {address: deployed for deployed, address in paired_with_context(configuration, context).principals.items()}
    inline = {(who, one.name): one for one in context.policies if not is_managed(one) for who in one.principals}
    for policy in configuration.change.before or ():
        if not policy.name or policy.kind is not PolicyKind.IDENTITY or not _is_literal(policy.document):
            continue
        if is_managed(policy):
            found, is_known = context.managed_policies.get(policy.name.lower()), True
        else:
            holders = [here[who] for who in policy.principals if who in here]
            found, is_known = next((inline.get((who, policy.name)) for who in holders), None), bool(holders)
        if not is_known or (found is not None and _statements(found) == _statements(policy)):
            continue
        what = "differs from" if found is not None else "is not in"
        at = policy.resource.at
        reason = f"{policy.resource.address}: the policy before this change {what} {context.origin}"
        yield Unreadable(at.file, reason, at.line, kind=NoteKind.DRIFT)


def _is_literal(document: Node) -> bool:
    return all(string.literal is not None for string in strings_in(document))


def _statements(policy: AttachedPolicy) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(sorted(one.identity)) for one in parse_document(policy.document).statements)


def _literal(name: StringNode | None) -> str:
    """Return a name in lower case, "" if it is not known."""
    if name is None:
        return ""
    return (StringNode(expand(name.parts), name.at).literal or "").lower()


@dataclass
class _Join:
    """Joins one configuration with one context. ``names``: addresses in the context with those here, of the same
    principals."""

    whole: Configuration
    context: Context
    names: dict[str, str] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)  # addresses in the context of what is declared here
    holders: dict[str, dict[str, None]] = field(default_factory=dict)  # of policies that both declare
    inferred_principals: dict[str, str] = field(default_factory=dict)  # as `names`, not paired by a known name
    inferred_policies: dict[str, str] = field(default_factory=dict)  # managed ones, not paired by a known name
    inferred_inline: dict[str, str] = field(default_factory=dict)  # the same of inline policies, in words
    inferred_access: set[tuple[str, str]] = field(default_factory=set)  # addresses of policies, with principals
    notes: list[Unreadable] = field(default_factory=list)

    def result(self) -> Configuration:
        """Return the configuration with its context."""
        self.find_principals()
        self.whole, named = self.with_known_documents()
        whole, around = self.whole, self.context.configuration
        attached = self.resolve_attachments()
        managed = {name for policy in self.own_policies() if (name := self.managed_name(policy))}
        inline = self.inline_names()
        added = tuple(self.added_policies(managed, inline))
        by_document = self.replacements() | {id(policy.document): policy for policy in added}
        context_attached = self.context_attachments(by_document)
        attached = self.with_known_boundaries(attached, by_document)
        deployed = self.context.managed_policies.items()
        unattached = {policy.resource.address: name for name, policy in deployed if name in managed}
        added_resources = (one for one in around.resources if kind_of(one.type) and one.address not in self.names)
        own_profiles = {str(one.name) for one in whole.instance_profiles if one.name is not None}
        joined = replace(
            whole,
            resources=(*whole.resources, *added_resources),
            policies=self.with_holders(whole.policies, unattached),
            other_policies=(*self.with_holders(whole.other_policies, unattached), *added),
            roles=(*map(self.with_inferred_name, whole.roles), *self.added_roles()),
            users=(*whole.users, *(pair for pair in around.users if pair[0] not in self.names)),
            instance_profiles=(
                *whole.instance_profiles,
                *(one for one in around.instance_profiles if str(one.name) not in own_profiles),
            ),
            account=whole.account or self.context.account,
            attached=attached.with_others([context_attached]),
            change=replace(
                whole.change,
                unchanged=self.with_holders(whole.change.unchanged, unattached),
                before=None if whole.change.before is None else self.with_holders(whole.change.before, unattached),
                attached_before=whole.change.attached_before
                if whole.change.before is None
                else whole.change.attached_before.with_others([replace(context_attached, managed_policies=())]),
            ),
            surroundings=replace(whole.surroundings, context=self.context_names(named)),
        )
        known = set(self.names.values())  # so that the policies of these groups are
        left = (one for one in whole.notes.not_evaluated if one.resource not in known)
        return replace(joined, notes=replace(joined.notes, not_evaluated=(*left, *dict.fromkeys(self.notes))))

    def with_known_documents(self) -> tuple[Configuration, set[str]]:
        """Return the configuration with the documents of managed policies that it attaches, or looks up by ARN or name,
        and the principals that have these."""
        whole, declared = self.whole, self.replacements()

        def find(value: StringNode) -> tuple[Node, str] | None:
            policy = self.policy_named(value, by_name=True)
            if policy is None:
                return None
            own = declared.get(id(policy.document))
            return (policy.document, self.context.origin) if own is None else (own.document, "")

        def known(policies: Iterable[AttachedPolicy]) -> tuple[AttachedPolicy, ...]:
            return tuple(with_documents(policy, find) for policy in policies)

        looked_up = known(whole.policies)
        pairs = zip(whole.policies, looked_up, strict=True)
        checked, others, attached = self.attached_policies(whole.attached, declared)
        *before, attached_before = self.attached_policies(whole.change.attached_before, declared)
        is_change = whole.change.before is not None
        result = replace(
            whole,
            policies=(*looked_up, *checked),
            other_policies=(*known(whole.other_policies), *(() if is_change else others)),
            attached=attached,
            change=replace(
                whole.change,
                unchanged=(*known(whole.change.unchanged), *(others if is_change else ())),
                before=None if whole.change.before is None else (*known(whole.change.before), *before[0], *before[1]),
                attached_before=attached_before,
            ),
        )
        changed = (*(new for old, new in pairs if new is not old), *checked, *others)
        return result, {who for policy in changed for who in policy.principals}

    def attached_policies(
        self, attached: Attachments, declared: Collection[int]
    ) -> tuple[tuple[AttachedPolicy, ...], tuple[AttachedPolicy, ...], Attachments]:
        """Return the policies of the context that the configuration attaches and does not declare: those to check, the
        others, and the attachments without them. ``declared``: documents of those that it declares."""
        found: dict[bool, list[tuple[ManagedAttachment, AttachedPolicy]]] = {True: [], False: []}
        left: list[ManagedAttachment] = []
        for one in attached.managed_policies:
            policy = self.attached_policy(one)
            if policy is None or id(policy.document) in declared:
                left.append(one)
            else:
                found[one.is_checked].append((one, policy))
        checked, others = (
            tuple(map(self.without_removed_denial, attached_documents(found[key], self.context.origin)))
            for key in (True, False)
        )
        return checked, others, replace(attached, managed_policies=tuple(left)) if checked or others else attached

    def attached_policy(self, attachment: ManagedAttachment) -> AttachedPolicy | None:
        """Return the managed policy of the context that an attachment attaches.

        If the account of the context is not known, that of the attachment may be another one: only what the policy
        allows counts then.
        """
        by_name = "customer" in attachment.path.lower()
        policy = self.policy_named(attachment.policy, by_name=by_name)
        if policy is not None or self.context.account is not None:
            return policy
        policy = self.policy_named(attachment.policy, in_any_account=True)
        return None if policy is None else _allowing(policy)

    def own_policies(self) -> Iterator[AttachedPolicy]:
        """Yield the policies of the configuration, also those that a change removes."""
        whole = self.whole
        yield from (*whole.policies, *whole.change.unchanged, *whole.other_policies, *(whole.change.before or ()))

    def find_principals(self) -> None:
        """Find the principals of the context that the configuration declares, or names by a literal name.

        A role of another context under a path condition is one of several of its name, which are kept apart.
        """
        for role in self.whole.roles:
            if not (role.exists_when and role.resource.address in self.whole.surroundings.context.roles):
                self.add_name("role", _literal(role.name), role.resource.address)
        for address, name in self.whole.users:
            self.add_name(kind_of(address_type(self.whole, address)) or "user", _literal(name), address)
        self.declared.update(self.names)
        for shown, kind, literal in self.whole.literals:
            self.add_name(kind, literal.rpartition("/")[2].lower(), shown)
        if self.context.configuration.framework is Framework.ACCOUNT:  # which has all entities
            self.infer_names()

    def infer_names(self) -> None:
        """Find the entities of the context that the configuration declares by a name which is not known."""
        known = {**self.names, **self.policies()}
        known |= generated_names(self.whole, self.context.configuration, known)
        left = {key: arn for key, arn in self.context.principals.items() if arn not in known}
        managed = {name: policy.resource.address for name, policy in self.context.managed_policies.items()}
        left |= {("policy", name): arn for name, arn in managed.items() if arn not in known}
        here = set(known.values())
        known |= only_matches((one for one in partial_names(self.whole) if one[1] not in here), left)
        for arn in sorted(known.keys() - self.names.keys() - self.policies().keys()):
            inferred = self.inferred_policies if arn in managed.values() else self.inferred_principals
            inferred[arn] = known[arn]

    @property
    def inferred(self) -> dict[str, str]:
        """The principals and managed policies of the context that are not paired by a known name."""
        return {**self.inferred_principals, **self.inferred_policies}

    def managed_name(self, policy: AttachedPolicy) -> str:
        """Return the name that a managed policy of the configuration has in the context, in lower case; "" if it has
        none, and for an inline policy."""
        if not is_managed(policy):
            return ""
        return policy.name.lower() or self.inferred_names.get(policy.resource.address, "")

    @cached_property
    def inferred_names(self) -> Mapping[str, str]:
        """The inferred names of managed policies, in lower case, by their addresses in the configuration.

        Those that deny anything are left out: on an inferred principal, that would take access away.
        """
        inferred, managed = self.inferred_policies, self.context.managed_policies.items()
        if not inferred:
            return {}
        denying = {one.resource.address for one in self.own_policies() if is_managed(one) and not _only_allows(one)}
        names = {inferred[arn]: name for name, one in managed if (arn := one.resource.address) in inferred}
        return {address: name for address, name in names.items() if address not in denying}

    def policies(self) -> dict[str, str]:
        """Return the managed policies of the context that the configuration declares, with their addresses there."""
        whole, deployed = self.whole, self.context.managed_policies
        named = (
            (one, one.name.lower())
            for one in (*whole.policies, *whole.change.unchanged)
            if is_managed(one) and one.name
        )
        return {deployed[name].resource.address: one.resource.address for one, name in named if name in deployed}

    def inline_names(self) -> set[tuple[str, str]]:
        """Return the principals and names of the inline policies that the configuration declares.

        A name with unknown parts is that of the only policy which matches it, of a principal that is declared here:
        others have policies of other code, whose names may be generated too.
        """
        known = {(who, one.name) for one in self.own_policies() if one.name for who in one.principals}
        declared = {self.names[arn] for arn in self.declared} | set(self.inferred_principals.values())
        partial = [
            (who, one.resource.address, one.partial_name)
            for one in self.own_policies()
            if one.partial_name is not None and not is_managed(one)
            for who in one.principals
            if who in declared
        ]
        deployed = {
            (who, one.name)
            for one in (self.context.policies if partial else ())
            if not is_managed(one)
            for who in (*map(self.rename, one.principals), *self.inferred_holders(one.principals))
        }
        matches = only_matches(partial, {one: one for one in deployed - known})
        self.inferred_inline = {f"{name} of {who}": address for (who, name), address in matches.items()}
        return known | matches.keys()

    def add_name(self, kind: str, name: str, address: str) -> None:
        """Record that a principal of the context is one of the configuration."""
        found = self.context.principals.get((kind, name)) if name else None
        if found is not None:
            self.names.setdefault(found, address)

    def rename(self, principal: str) -> str:
        """Return the name that a principal of the context has in the configuration."""
        return self.names.get(principal, principal)

    def inferred_holders(self, principals: Iterable[str]) -> tuple[str, ...]:
        """Return the principals of the configuration that are taken to be some of the context, or users in these."""
        inferred = self._inferred_by_principal
        return tuple(dict.fromkeys(address for who in principals for address in inferred.get(who, ())))

    @cached_property
    def _inferred_by_principal(self) -> Mapping[str, Sequence[str]]:
        found = {arn: [address] for arn, address in self.inferred_principals.items()}
        for group, user in self.context.configuration.attached.members if found else ():
            if user in self.inferred_principals:
                found.setdefault(group, []).append(self.inferred_principals[user])
        return found

    def policy_named(
        self, value: StringNode, *, by_name: bool = False, in_any_account: bool = False
    ) -> AttachedPolicy | None:
        """Return the managed policy of the context that an ARN, or a name, means.

        Of an ARN that is looked up by name, the end is known, which is unique within the account.
        """
        parts: tuple[Part, ...] = expand(value.parts)
        written = "".join(part if isinstance(part, str) else "\0" for part in parts)
        found = _ARN.fullmatch(written)
        if found is not None and (in_any_account or found[2] in ("\0", self.context.account or "")):
            return self.context.managed_policies.get(found[3].lower())
        return self.context.managed_policies.get(written.lower()) if by_name else None

    def resolve_attachments(self) -> Attachments:
        """Return the attachments of the configuration without those of policies that it declares by the same name."""
        left: list[ManagedAttachment] = []
        for one in self.whole.attached.managed_policies:
            policy = self.attached_policy(one)
            if policy is None or one.handed_to is not None:
                left.append(one)
            else:
                self.holders.setdefault(policy.resource.address, {})[one.holder] = None
        return replace(self.whole.attached, managed_policies=tuple(left))

    def added_policies(self, managed: set[str], inline: set[tuple[str, str]]) -> Iterator[AttachedPolicy]:
        """Yield the policies of the context that the configuration does not declare, with its names of principals.

        ``managed``: names of the managed policies that it declares; ``inline``: principals and names of inline ones.
        """
        for policy in self.context.policies:
            if is_managed(policy):
                if policy.name.lower() not in managed:
                    yield self.without_removed_denial(policy.with_principals(self.rename))
                    yield from self._on_inferred(policy, self.inferred_holders(policy.principals))
            else:
                renamed = policy.with_principals(self.rename)
                if not any((who, policy.name) in inline for who in renamed.principals):
                    yield self.without_removed_denial(renamed)
                inferred = self.inferred_holders(policy.principals)
                yield from self._on_inferred(policy, [who for who in inferred if (who, policy.name) not in inline])

    def _on_inferred(self, policy: AttachedPolicy, holders: Collection[str]) -> Iterator[AttachedPolicy]:
        """Yield what a policy allows, for principals that are only taken to have it: a guess takes nothing away."""
        allowing = _allowing(policy) if holders and policy.kind is PolicyKind.IDENTITY else None
        if allowing is not None:
            self.inferred_access.update((policy.resource.address, who) for who in holders)
            yield replace(allowing, principals=tuple(holders), conditional_principals=())

    def without_removed_denial(self, policy: AttachedPolicy) -> AttachedPolicy:
        """Return a policy without the principals from which the configuration removes it, if it has a Deny."""
        owners, address = self.whole.attached.owners, policy.resource.address
        managed = is_managed(policy) or bool(policy.account_policy)
        names = (policy.account_policy or policy.name, address, *(policy_names(address) if managed else ()))
        kept, note = without_removed_denial(policy, owners, names, managed=managed) if owners else (policy, None)
        self.notes += [note] if note is not None else []
        return kept

    def replacements(self) -> dict[int, AttachedPolicy]:
        """Return the managed policies that the configuration declares, by the documents of those in the context."""
        deployed = self.context.managed_policies
        whole = self.whole
        return {
            id(deployed[name].document): one
            for one in (*whole.policies, *whole.change.unchanged, *whole.other_policies)
            if is_managed(one) and (name := one.name.lower()) in deployed
        }

    def with_holders(
        self, policies: Iterable[AttachedPolicy], declared: Mapping[str, str]
    ) -> tuple[AttachedPolicy, ...]:
        """Return policies of the configuration with the principals that have them in the context.

        ``declared``: addresses in the context of managed policies that the configuration declares, with their names.
        """
        by_name = {name: address for address, name in declared.items()}
        return tuple(
            self._with_holders(one, self.context.managed_policies[name])
            if (name := self.managed_name(one)) in by_name
            else one
            for one in policies
        )

    def _with_holders(self, policy: AttachedPolicy, deployed: AttachedPolicy) -> AttachedPolicy:
        own = dict.fromkeys(policy.holders)
        named = dict.fromkeys(
            (*map(self.rename, deployed.principals), *self.holders.get(deployed.resource.address, ()))
        )
        inferred = self.inferred_holders(deployed.principals) if _only_allows(policy) else ()
        further = [who for who in dict.fromkeys((*named, *inferred)) if who not in own]
        is_inferred = policy.resource.address in self.inferred_names
        self.inferred_access.update(
            (policy.resource.address, who) for who in further if is_inferred or who not in named
        )
        if not further or policy.kind is not PolicyKind.IDENTITY:
            return policy
        return self.without_removed_denial(replace(policy, deployed_to=(*policy.deployed_to, *further), presumed=None))

    def context_attachments(self, added: Mapping[int, AttachedPolicy]) -> Attachments:
        """Return the attachments of the context; the configuration decides on boundaries of what it declares."""
        around = self.context.configuration.attached
        boundaries = (one for one in around.boundaries if one.principal not in self.declared)
        managed = [replace(one, holder=self.rename(one.holder), is_checked=False) for one in around.managed_policies]
        for one in around.managed_policies:
            for who in self.inferred_holders([one.holder]) if not _may_deny(one) else ():
                self.inferred_access.add((one.resource.address, who))
                managed.append(replace(one, holder=who, is_checked=False))
        return Attachments(
            tuple(managed),
            tuple((self.rename(group), self.rename(user)) for group, user in around.members),
            tuple(BoundaryUse(self.rename(one.principal), _current(one.policy, added), one.when) for one in boundaries),
        )

    def with_known_boundaries(self, attached: Attachments, added: Mapping[int, AttachedPolicy]) -> Attachments:
        """Return attachments whose permissions boundaries are policies of the context where they name one."""
        boundaries = (replace(one, policy=self._known(one.policy, added)) for one in attached.boundaries)
        return replace(attached, boundaries=tuple(boundaries))

    def _known(
        self, policy: AttachedPolicy | StringNode | None, added: Mapping[int, AttachedPolicy]
    ) -> AttachedPolicy | StringNode | None:
        found = self.policy_named(policy) if isinstance(policy, StringNode) else None
        return _current(found, added) if found is not None else policy

    def with_inferred_name(self, role: RoleDefinition) -> RoleDefinition:
        """Return a role of the configuration with the ARN that it has in the context, if its name is inferred."""
        deployed = self.roles_by_address.get(role.resource.address)
        if deployed is None or not deployed.resource.address.startswith("arn:"):
            return role
        return replace(role, deployed=StringNode((deployed.resource.address,), role.resource.at))

    @cached_property
    def roles_by_address(self) -> Mapping[str, RoleDefinition]:
        """The roles of the context whose names are inferred, by their addresses in the configuration."""
        roles = ((role.resource.address, role) for role in self.context.configuration.roles)
        return {address: role for arn, role in roles if (address := self.inferred_principals.get(arn)) is not None}

    def added_roles(self) -> Iterator[RoleDefinition]:
        """Yield the roles that only the context declares; by the names that the configuration has for them."""
        for role in self.context.configuration.roles:
            address = role.resource.address
            if address not in self.declared:
                named = replace(role.resource, address=self.rename(address))
                yield replace(role, resource=named) if address in self.names else role

    def added_arns(self) -> Iterator[str]:
        """Yield the ARNs of the roles that only the context declares."""
        addresses = (role.resource.address for role in self.context.configuration.roles)
        return (address for address in addresses if address.startswith("arn:") and address not in self.declared)

    def context_names(self, attached: set[str]) -> ContextNames:
        """Return the names that are from this context, and those that were known before.

        ``attached``: principals to which the configuration attaches policies of the context, or their documents.
        """
        origin, known = self.context.origin, self.whole.surroundings.context
        limited = (*map(self.rename, self.context.limited), *self.inferred_holders(self.context.limited))
        principals = dict.fromkeys((*limited, *attached), origin)
        return ContextNames(
            {role.resource.address: origin for role in self.added_roles()} | dict(known.roles),
            principals | dict(known.principals),
            tuple(dict.fromkeys((*known.origins, origin))),
            {self.rename(arn): arn for arn in self.added_arns()} | dict(known.arns),
            (*known.inferred, *self.inferred.items(), *self.inferred_inline.items()),
            known.inferred_access | self.inferred_access,
        )


def _allowing(policy: AttachedPolicy) -> AttachedPolicy | None:
    """Return a policy without its Deny statements: itself without any, and None if nothing is left."""
    document = _without_denials(policy.document)
    return policy if document is policy.document else None if document is None else replace(policy, document=document)


def _only_allows(policy: AttachedPolicy) -> bool:
    """True if a policy surely has no Deny statement."""
    return all(statement.effect == "Allow" for statement in parse_document(policy.document).statements)


def _may_deny(attachment: ManagedAttachment) -> bool:
    """True if an attached managed policy has a Deny statement, or is not known."""
    policy = attachment.version or managed_policy(str(attachment.policy))
    if policy is None:
        return True
    statements = policy.document["Statement"]
    return any(one["Effect"] != "Allow" for one in (statements if isinstance(statements, list) else [statements]))


@cached_by_identity(20_000)  # the policies of an account are around many configurations
def _without_denials(document: Node) -> Node | None:
    """Return a policy document without the statements that may deny; itself without any, None if nothing is left."""
    if isinstance(document, Choice):
        options = [(outcome, _without_denials(option) or Absent(option.at)) for outcome, option in document.options]
        return None if all(isinstance(one, Absent) for _, one in options) else replace(document, options=tuple(options))
    statements = document.get("Statement") if isinstance(document, ObjectNode) else None
    written = statements.items if isinstance(statements, ListNode) else () if statements is None else (statements,)
    allowing = tuple(one for one in written if _surely_allows(one))
    if not isinstance(document, ObjectNode) or not allowing:
        return None
    if len(allowing) == len(written):
        return document
    entries = (
        replace(entry, value=ListNode(allowing, entry.value.at)) if entry.key.literal == "Statement" else entry
        for entry in document.entries
    )
    return replace(document, entries=tuple(entries))


def _surely_allows(statement: Node) -> bool:
    effect = statement.get("Effect") if isinstance(statement, ObjectNode) else None
    return isinstance(effect, StringNode) and effect.literal == "Allow"


def _current(
    policy: AttachedPolicy | StringNode | None, added: Mapping[int, AttachedPolicy]
) -> AttachedPolicy | StringNode | None:
    """Return a policy as it was added to the configuration."""
    return added.get(id(policy.document), policy) if isinstance(policy, AttachedPolicy) else policy
