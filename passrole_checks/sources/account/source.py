"""Return the users, groups, roles and policies of an account file as a configuration.

Principals and policies have their ARN as address. Source: IAM API Reference, ``UserDetail``, ``GroupDetail``,
``RoleDetail``, ``ManagedPolicyDetail``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from passrole_checks.aws.managed_policies import managed_policy
from passrole_checks.sources.account.details import (
    AccountFile,
    Entity,
    as_fields,
    as_list,
    as_text,
    read_account,
)
from passrole_checks.sources.model.attachments import AttachmentIndex
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Configuration,
    Framework,
    InstanceProfile,
    ManagedAttachment,
    ResourceDefinition,
    RoleDefinition,
)

_TYPES = {
    "user": "AWS::IAM::User",
    "group": "AWS::IAM::Group",
    "role": "AWS::IAM::Role",
    "policy": "AWS::IAM::ManagedPolicy",
}
_INLINE = {"user": "UserPolicyList", "group": "GroupPolicyList", "role": "RolePolicyList"}


def load(path: Path, content: str) -> Configuration:
    """Read an account file. What cannot be read of it is in ``unreadable``; the rest is returned."""
    return _Loader(read_account(path, content)).configuration()


class _Loader:
    def __init__(self, file: AccountFile) -> None:
        self.file = file
        self.index = AttachmentIndex()
        self.resources = {
            entity.arn: ResourceDefinition(entity.arn, _TYPES[entity.kind], Framework.ACCOUNT, entity.at)
            for entity in file.entities.values()
        }
        self.groups = {entity.text("GroupName"): entity.arn for entity in file.of_kind("group")}

    def configuration(self) -> Configuration:
        own = [policy for entity in self.file.entities.values() for policy in self.inline_policies(entity)]
        managed = [policy for entity in self.file.of_kind("policy") for policy in self.managed_policy(entity)]
        for kind in ("user", "group", "role"):
            for entity in self.file.of_kind(kind):
                self.attach(entity)
        self.index.add_demanded_boundaries(
            [*own, *managed], lambda arn: [str(arn)] if str(arn) in self.resources else []
        )
        policies = [*own, *map(self.index.join, managed)]
        return Configuration(
            Framework.ACCOUNT,
            (self.file.name,),
            tuple(self.resources.values()),
            tuple(policies),
            tuple(map(self.role, self.file.of_kind("role"))),
            unreadable=tuple(self.file.unreadable),
            not_evaluated=tuple(self.file.notes),
            account=self.file.account,
            users=tuple((user.arn, user.node("UserName")) for user in self.file.of_kind("user")),
            instance_profiles=tuple(self.instance_profiles()),
            attached=self.index.build(policies),
        )

    def inline_policies(self, entity: Entity) -> Iterator[AttachedPolicy]:
        """Yield the inline policies of a principal."""
        key = _INLINE.get(entity.kind, "")
        for number, _ in enumerate(as_list(entity.fields.get(key))):
            document = entity.document(key, number, "PolicyDocument")
            if document is not None:
                path = f"{key}/{number}/PolicyDocument"
                yield AttachedPolicy(self.resources[entity.arn], path, document, principals=(entity.arn,))

    def managed_policy(self, entity: Entity) -> Iterator[AttachedPolicy]:
        """Yield the default version of a customer managed policy, or of an AWS managed one that this release lacks."""
        if managed_policy(entity.arn) is not None:
            return
        for number, version in enumerate(as_list(entity.fields.get("PolicyVersionList"))):
            if as_fields(version).get("IsDefaultVersion") is True:
                document = entity.document("PolicyVersionList", number, "Document")
                if document is not None:
                    path = f"PolicyVersionList/{number}/Document"
                    yield AttachedPolicy(self.resources[entity.arn], path, document)
        if not entity.fields.get("AttachmentCount") and entity.fields.get("PermissionsBoundaryUsageCount"):
            self.index.boundary_uses.add(entity.arn)

    def attach(self, entity: Entity) -> None:
        """Record the managed policies, the groups and the permissions boundary of a principal."""
        for number, attached in enumerate(as_list(entity.fields.get("AttachedManagedPolicies"))):
            arn = as_text(as_fields(attached).get("PolicyArn"))
            if arn in self.resources and managed_policy(arn) is None:
                self.index.attach([arn], [entity.arn])
            elif arn:
                policy = entity.node("AttachedManagedPolicies", number, "PolicyArn")
                path = f"AttachedManagedPolicies/{number}/PolicyArn"
                self.index.managed_policies.append(
                    ManagedAttachment(entity.arn, policy, self.resources[entity.arn], path, policy.at)
                )
        groups = [
            self.groups[name] for name in map(as_text, as_list(entity.fields.get("GroupList"))) if name in self.groups
        ]
        self.index.add_members(groups, [entity.arn], entity.at)
        boundary = as_text(as_fields(entity.fields.get("PermissionsBoundary")).get("PermissionsBoundaryArn"))
        if boundary:
            is_own = boundary in self.resources and managed_policy(boundary) is None
            at = entity.node("PermissionsBoundary", "PermissionsBoundaryArn")
            self.index.add_boundary(entity.arn, [((), boundary if is_own else at)])
            self.index.boundary_uses.update([boundary] if is_own else [])

    def role(self, entity: Entity) -> RoleDefinition:
        return RoleDefinition(
            self.resources[entity.arn],
            entity.node("RoleName"),
            entity.node("Path"),
            entity.document("AssumeRolePolicyDocument"),
        )

    def instance_profiles(self) -> Iterator[InstanceProfile]:
        for role in self.file.of_kind("role"):
            for number, profile in enumerate(as_list(role.fields.get("InstanceProfileList"))):
                arn = as_text(as_fields(profile).get("Arn"))
                name = role.node("InstanceProfileList", number, "InstanceProfileName")
                yield InstanceProfile(arn, name, role.node("RoleName"))
