"""Return the users, groups, roles and policies of an account file as a configuration.

Principals and policies have their ARN as address. The file is read in one pass: of each entity only what the
configuration needs is kept. Source: IAM API Reference, ``UserDetail``, ``GroupDetail``, ``RoleDetail``,
``ManagedPolicyDetail``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import field, replace
from hashlib import blake2b
from pathlib import Path

from passrole_checks.aws.managed_policies import ManagedPolicy, aws_managed_name, managed_policy
from passrole_checks.files.decoded_json import as_list, as_text
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import ObjectNode, Position, StringNode
from passrole_checks.sources.account.details import AccountFile, Entity
from passrole_checks.sources.collect.attachments import AttachmentIndex
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Configuration,
    Framework,
    InstanceProfile,
    ManagedAttachment,
    NoteKind,
    Notes,
    PolicyKind,
    Provisioning,
    ResourceDefinition,
    RoleDefinition,
    StackResource,
    Unreadable,
)

_TYPES = {
    "user": "AWS::IAM::User",
    "group": "AWS::IAM::Group",
    "role": "AWS::IAM::Role",
    "policy": "AWS::IAM::ManagedPolicy",
}
_INLINE = {"user": "UserPolicyList", "group": "GroupPolicyList", "role": "RolePolicyList"}


def load(*files: tuple[Path, Iterator[str]]) -> Configuration:
    """Read the files of an account, each given piece by piece. What cannot be read of them is in ``unreadable``; the
    rest is returned."""
    loader = _Loader()
    for path, pieces in files:
        loader.add_file(AccountFile(str(path)), pieces)
    return loader.configuration()


@dataclass(slots=True)
class _Read:
    """The kept parts of an entity.

    ``policies`` are the inline policies, or the default version of a managed policy. ``version``: that of an AWS
    managed policy. ``may_be_used``: False if AWS counts no use of a managed policy.
    """

    kind: str
    resource: ResourceDefinition
    digest: bytes
    name: StringNode
    policies: list[AttachedPolicy] = field(default_factory=list)
    attached: list[tuple[StringNode, str]] = field(default_factory=list)  # ARNs, each with its path
    groups: tuple[str, ...] = ()
    boundary: StringNode | None = None
    role: RoleDefinition | None = None
    profiles: list[InstanceProfile] = field(default_factory=list)
    version: ManagedPolicy | None = None
    is_boundary: bool = False  # and nothing else, as far as AWS counts
    stack: StackResource | None = None


class _Loader:
    def __init__(self) -> None:
        self.files: list[AccountFile] = []
        self.notes: list[Unreadable] = []
        self.index = AttachmentIndex()
        self.read: dict[str, _Read] = {}

    def add_file(self, file: AccountFile, pieces: Iterator[str]) -> None:
        """Keep the entities of a file."""
        self.files.append(file)
        for entity in file.entities(pieces):
            self.add(entity)

    def add(self, entity: Entity) -> None:
        """Keep an entity. The last of several with one ARN counts, which is noted."""
        digest = blake2b(entity.text.encode(), digest_size=16).digest()
        earlier = self.read.get(entity.arn)
        if earlier is not None and earlier.digest == digest:
            return
        if earlier is not None:
            reason = f"{entity.arn}: listed twice with different contents; the last one counts"
            self.note(entity.at, reason, NoteKind.DUPLICATE_KEY)
        resource = ResourceDefinition(entity.arn, _TYPES[entity.kind], Framework.ACCOUNT, entity.at)
        read = _Read(entity.kind, resource, digest, entity.node(f"{entity.kind.capitalize()}Name"))
        if entity.kind == "policy":
            _read_managed_policy(entity, read)
        else:
            read.policies += _inline_policies(entity, resource)
            _read_attachments(entity, read)
        if entity.kind == "role":
            trust = entity.document("AssumeRolePolicyDocument")
            read.role = RoleDefinition(resource, read.name, entity.node("Path"), trust)
            read.profiles += (
                InstanceProfile(profile.get_text("Arn"), profile.node("InstanceProfileName"), read.name)
                for profile in entity.elements("InstanceProfileList")
            )
        tags = {tag.get_text("Key"): tag.get_text("Value") for tag in entity.elements("Tags")}
        if logical_id := tags.get("aws:cloudformation:logical-id"):
            read.stack = StackResource(entity.arn, tags.get("aws:cloudformation:stack-name", ""), logical_id)
        self.read[entity.arn] = read

    def note(self, at: Position, reason: str, kind: NoteKind) -> None:
        """Record what is missing, or not clear, in a file that can be read."""
        self.notes.append(Unreadable(at.file, reason, at.line, kind=kind))

    def truncated(self) -> Iterator[Unreadable]:
        """Yield a note if no file is the last page of the account."""
        last = self.files[-1]
        if all(file.more for file in self.files):
            reason = f"truncated output ({last.more}): entities on later pages are missing"
            yield Unreadable(last.name, reason, kind=NoteKind.INCOMPLETE)

    def of_kind(self, *kinds: str) -> Iterator[_Read]:
        """Yield the entities of some kinds in the order of the file."""
        return (read for read in self.read.values() if read.kind in kinds)

    def configuration(self) -> Configuration:
        own = [policy for read in self.of_kind("user", "group", "role") for policy in read.policies]
        managed = [read for read in self.of_kind("policy") if read.policies]
        groups = {str(group.name): group.resource.address for group in self.of_kind("group")}
        for read in self.of_kind("user", "group", "role"):
            self.attach(read, groups)
        self.index.boundary_uses.update(read.resource.address for read in managed if read.is_boundary)
        written = [*own, *(policy for read in managed for policy in read.policies)]
        self.index.add_demanded_boundaries(written, lambda arn: [str(arn)] if str(arn) in self.read else [])
        policies = [*own, *(policy for read in managed for policy in self.joined(read))]
        return Configuration(
            Framework.ACCOUNT,
            tuple(file.name for file in self.files),
            tuple(read.resource for read in self.read.values()),
            tuple(policies),
            tuple(read.role for read in self.of_kind("role") if read.role is not None),
            account=next((file.owner[1] for file in self.files if file.owner is not None), None),
            users=tuple((one.resource.address, one.name) for one in self.of_kind("user", "group")),
            instance_profiles=tuple(profile for role in self.of_kind("role") for profile in role.profiles),
            attached=self.index.build(policies),
            notes=Notes(
                unreadable=tuple(dict.fromkeys(entry for file in self.files for entry in file.unreadable)),
                not_evaluated=tuple(dict.fromkeys((*self.truncated(), *self.notes))),
            ),
            provisioning=Provisioning(
                stack_resources=tuple(read.stack for read in self.read.values() if read.stack is not None)
            ),
        )

    def joined(self, read: _Read) -> Iterator[AttachedPolicy]:
        """Yield the document of a managed policy with its principals. One of AWS has none: see :meth:`attach`."""
        for policy in read.policies:
            if read.version is None:
                yield self.index.join(policy)
            elif read.resource.address in self.index.boundary_uses:
                yield replace(policy, kind=PolicyKind.BOUNDARY)

    def attach(self, read: _Read, groups: dict[str, str]) -> None:
        """Record the managed policies, the groups and the permissions boundary of a principal.

        ``groups``: their ARNs by name.
        """
        address, resource = read.resource.address, read.resource
        for policy, path in read.attached:
            known = self.read.get(str(policy))
            if known is not None and known.policies and known.version is None:
                self.index.attach([str(policy)], [address])
            else:
                version = known.version if known is not None else None
                attachment = ManagedAttachment(address, policy, resource, path, policy.at, version=version)
                self.index.managed_policies.append(attachment)
        members = [groups[name] for name in read.groups if name in groups]
        self.index.add_members(members, [address], resource.at)
        for name in read.groups:
            if name not in groups:
                reason = f"group {name} of {address}: group not found, its permissions are unknown"
                self.note(resource.at, reason, NoteKind.DEFINED_ELSEWHERE)
        if read.boundary is not None:
            limit = self.read.get(str(read.boundary))
            is_own = limit is not None and bool(limit.policies)
            self.index.add_boundary(address, [((), str(read.boundary) if is_own else read.boundary)])
            self.index.boundary_uses.update([str(read.boundary)] if is_own else [])


def _inline_policies(entity: Entity, resource: ResourceDefinition) -> Iterator[AttachedPolicy]:
    """Yield the inline policies of a principal."""
    for inline in entity.elements(_INLINE[entity.kind]):
        document = inline.document("PolicyDocument")
        if inline.get("PolicyDocument") is None:
            inline.report("no PolicyDocument")
        elif document is not None:
            path, name = f"{inline.path}PolicyDocument", inline.get_text("PolicyName")
            yield AttachedPolicy(resource, path, document, principals=(entity.arn,), name=name)


def _read_attachments(entity: Entity, read: _Read) -> None:
    """Keep what is attached to a principal."""
    read.attached += (
        (attached.node("PolicyArn"), f"{attached.path}PolicyArn")
        for attached in entity.elements("AttachedManagedPolicies")
    )
    read.groups = tuple(as_text(name) or "" for name in as_list(entity.get("GroupList")))
    limit = entity.part("PermissionsBoundary")
    read.boundary = limit.node("PermissionsBoundaryArn") if limit and limit.get_text("PermissionsBoundaryArn") else None


def _read_managed_policy(entity: Entity, read: _Read) -> None:
    """Keep the default version of a managed policy.

    Nothing is kept of an AWS managed policy that this release has in the same version, or that nothing uses, since the
    file lists those too.
    """
    is_of_aws = aws_managed_name(entity.arn) is not None
    shipped = managed_policy(entity.arn) if is_of_aws else None
    counts = [entity.get(key) for key in ("AttachmentCount", "PermissionsBoundaryUsageCount")]
    read.is_boundary = not counts[0] and bool(counts[1])
    if is_of_aws and counts == [0, 0]:
        return
    versions = [one for one in entity.elements("PolicyVersionList") if one.get("IsDefaultVersion") is True]
    if not versions and not is_of_aws:
        entity.report("no default version in PolicyVersionList")
    for version in versions[:1]:
        number = version.get_text("VersionId")
        if shipped is not None and number in ("", shipped.version):
            continue
        document = version.document("Document")
        if version.get("Document") is None:
            version.report("no Document")
        elif isinstance(document, ObjectNode):
            read.policies.append(
                AttachedPolicy(read.resource, f"{version.path}Document", document, name=str(read.name))
            )
            if is_of_aws:
                content = json.loads(version.document_text("Document") or "", strict=False)
                read.version = ManagedPolicy(aws_managed_name(entity.arn) or "", entity.arn, number, content)
        elif document is not None:
            version.report("Document is not an object")
