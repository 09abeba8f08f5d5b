"""The access model of one configuration: who can pass which roles to which services."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

from passrole_checks.access.access_change import AccessChange
from passrole_checks.access.known_roles import index_roles
from passrole_checks.access.passable_roles import PassableRoles
from passrole_checks.access.principals import Principals
from passrole_checks.access.role_consumers import RoleConsumers
from passrole_checks.aws.service_principals import known_services
from passrole_checks.iam.documents.policy import PolicyDocument, parse_document
from passrole_checks.iam.grants.effective_grant import EffectiveGrant
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.permissions.principal import Principal
from passrole_checks.sources.collect.terraform_tables import MANY_ACCOUNTS
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, PolicyKind, ResourceDefinition

# a permission set is provisioned into many accounts, so a literal account in it is no mistake
_MANY_ACCOUNTS = MANY_ACCOUNTS | {
    "AWS::CloudFormation::StackSet", "AWS::Organizations::Policy", "AWS::SSO::PermissionSet",
}  # fmt: skip


_ACCESS_KEYS = frozenset({"AWS::IAM::AccessKey", "aws_iam_access_key"})


def serves_many_accounts(resource: ResourceDefinition) -> bool:
    """True if the policies of a resource are deployed to several accounts: permission sets, SCPs and stack sets."""
    return resource.type in _MANY_ACCOUNTS


class AccessModel:
    """Principals, roles and PassRole grants of one configuration, each computed when it is first asked for.

    ``account``: the twelve digits of the account deployed to; default: the one that the configuration states, if any.
    Limits that their holder can remove do not count, unless ``counts_all``. ``is_reversed``: as of
    :class:`AccessChange`.
    """

    def __init__(
        self,
        configuration: Configuration,
        account: str | None = None,
        *,
        counts_all: bool = False,
        is_reversed: bool = False,
    ) -> None:
        self.configuration, self._is_reversed = configuration, is_reversed
        self.account = account or configuration.account
        self.services: dict[str, Collection[str]] = {name: known_services(name) for name in ("aws", "aws-cn")}
        self.roles, self.roles_by_name = index_roles(configuration.roles, configuration.surroundings.context.roles)
        self.principals = Principals(configuration, self.account, counts_all)
        self.role_consumers = RoleConsumers(configuration, self.account)
        self.passable_roles = PassableRoles(
            self.roles, self.roles_by_name, self.services, self.account, self.principals, self.role_consumers
        )
        self._documents: dict[int, PolicyDocument] = {}

    @cached_property
    def as_deployed(self) -> AccessModel:
        """The model in which every limit counts: what principals can do before they remove one."""
        deployed = AccessModel(self.configuration, self.account, counts_all=True)
        deployed.change = self.change
        return deployed

    @cached_property
    def change(self) -> AccessChange | None:
        """The change of access that the configuration makes; None if it does not say what was there before."""
        if self.configuration.change.before is None:
            return None
        return AccessChange(
            self.configuration, self.services, self.account, self.principals, is_reversed=self._is_reversed
        )

    @cached_property
    def creates_access_keys(self) -> bool:
        """True if the configuration creates access keys, with which workloads act as users."""
        return any(resource.type in _ACCESS_KEYS for resource in self.configuration.resources)

    def account_of(self, policy: AttachedPolicy) -> str | None:
        """Return the account that a policy is deployed to; None if unknown, or if there are several."""
        return None if serves_many_accounts(policy.resource) else self.account

    def document(self, policy: AttachedPolicy) -> PolicyDocument:
        """Return the parsed document of a policy."""
        document = self._documents.get(id(policy.document))
        if document is None:
            trust = policy.kind is PolicyKind.TRUST
            document = self._documents[id(policy.document)] = parse_document(policy.document, trust=trust)
        return document

    def grants(self, policy: AttachedPolicy) -> tuple[PassRoleGrant, ...]:
        """Return the grants and denials of PassRole in a policy, less what the policy itself denies."""
        counts = policy.kind is not PolicyKind.IDENTITY or self.principals.counts_denials(policy)
        statements = self.document(policy).statements
        return grants_of(statements, self.services, self.account_of(policy), counts_denials=counts)

    def effective_grant(self, policy: AttachedPolicy, grant: PassRoleGrant, holder: Principal) -> EffectiveGrant:
        """Return what the Deny statements, boundary and SCPs of a holder leave of a grant in one of its policies."""
        return self.passable_roles.passing(holder, grant, many_accounts=serves_many_accounts(policy.resource))
