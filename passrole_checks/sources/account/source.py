"""Return the users, groups, roles and policies of an account file as a configuration.

Principals and policies have their ARN as address. Source: IAM API Reference, ``UserDetail``, ``GroupDetail``,
``RoleDetail``, ``ManagedPolicyDetail``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from passrole_checks.aws.managed_policies import aws_managed_name, managed_policy
from passrole_checks.files.decoded_json import as_list, as_text, text_of
from passrole_checks.sources.account.details import (
    AccountFile,
    Entity,
    read_account,
)
from passrole_checks.sources.model.attachments import AttachmentIndex
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Configuration,
    Framework,
    InstanceProfile,
    ManagedAttachment,
    NoteKind,
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
        self.versions = {
            policy.arn: versions for policy in file.of_kind("policy") if (versions := list(_default_versions(policy)))
        }

    def configuration(self) -> Configuration:
        own = [policy for entity in self.file.entities.values() for policy in self.inline_policies(entity)]
        managed = [policy for entity in self.file.of_kind("policy") for policy in self.managed_policy(entity)]
        for kind in ("user", "group", "role"):
            for entity in self.file.of_kind(kind):
                self.attach(entity)
        managed = [policy for policy in managed if self.is_used(policy.resource.address)]
        self.index.add_demanded_boundaries(
            [*own, *managed], lambda arn: [str(arn)] if str(arn) in self.resources else []
        )
        policies = [*own, *map(self.index.join, managed)]
        roles, profiles = tuple(map(self.role, self.file.of_kind("role"))), tuple(self.instance_profiles())
        return Configuration(
            Framework.ACCOUNT,
            (self.file.name,),
            tuple(self.resources.values()),
            tuple(policies),
            roles,
            unreadable=tuple(self.file.unreadable),
            not_evaluated=tuple(self.file.notes),
            account=self.file.owner[1] if self.file.owner is not None else None,
            users=tuple((user.arn, user.node("UserName")) for user in self.file.of_kind("user")),
            instance_profiles=profiles,
            attached=self.index.build(policies),
        )

    def inline_policies(self, entity: Entity) -> Iterator[AttachedPolicy]:
        """Yield the inline policies of a principal."""
        key = _INLINE.get(entity.kind)
        for inline in entity.elements(key) if key is not None else ():
            document = inline.document("PolicyDocument")
            if inline.fields.get("PolicyDocument") is None:
                inline.report("no PolicyDocument")
            elif document is not None:
                path = f"{inline.path}PolicyDocument"
                yield AttachedPolicy(self.resources[entity.arn], path, document, principals=(entity.arn,))

    def managed_policy(self, entity: Entity) -> Iterator[AttachedPolicy]:
        """Yield the default version of a managed policy whose document the file has, see :func:`_default_versions`."""
        for version in self.versions.get(entity.arn, ()):
            document = version.document("Document")
            if document is not None:
                yield AttachedPolicy(self.resources[entity.arn], f"{version.path}Document", document)
        if not entity.fields.get("AttachmentCount") and entity.fields.get("PermissionsBoundaryUsageCount"):
            self.index.boundary_uses.add(entity.arn)

    def is_used(self, policy: str) -> bool:
        """True if a managed policy is the account's own, attached, or a permissions boundary: the file lists AWS
        managed policies that nothing uses, too."""
        return aws_managed_name(policy) is None or policy in self.index.holders or policy in self.index.boundary_uses

    def attach(self, entity: Entity) -> None:
        """Record the managed policies, the groups and the permissions boundary of a principal."""
        for attached in entity.elements("AttachedManagedPolicies"):
            arn = attached.text("PolicyArn")
            if arn in self.versions:
                self.index.attach([arn], [entity.arn])
            else:
                policy = attached.node("PolicyArn")
                self.index.managed_policies.append(
                    ManagedAttachment(
                        entity.arn, policy, self.resources[entity.arn], f"{attached.path}PolicyArn", policy.at
                    )
                )
        names = [as_text(name) or "" for name in as_list(entity.fields.get("GroupList"))]
        self.index.add_members([self.groups[name] for name in names if name in self.groups], [entity.arn], entity.at)
        for name in names:
            if name not in self.groups:
                reason = f"group {name} of {entity.arn}: group not found, its permissions are unknown"
                self.file.note(reason, NoteKind.DEFINED_ELSEWHERE, entity.at.line)
        boundary = text_of(entity.fields.get("PermissionsBoundary"), "PermissionsBoundaryArn")
        if boundary:
            is_own = boundary in self.versions
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
            name = role.node("RoleName")
            for profile in role.elements("InstanceProfileList"):
                yield InstanceProfile(profile.text("Arn"), profile.node("InstanceProfileName"), name)


def _default_versions(policy: Entity) -> Iterator[Entity]:
    """Yield the default version of a managed policy; nothing for an AWS managed policy that this release has in the
    same version."""
    shipped = managed_policy(policy.arn)
    for version in policy.elements("PolicyVersionList"):
        is_default = version.fields.get("IsDefaultVersion") is True
        if is_default and (shipped is None or version.text("VersionId") not in ("", shipped.version)):
            yield version
