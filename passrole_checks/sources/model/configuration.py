"""The result of every source: resources, policies, attachments and roles of one unit.

A source knows formats and never a verdict. It reads one unit (a template, a plan, a Terraform root with its modules)
and returns a :class:`Configuration`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.aws.role_properties import Receiver
from passrole_checks.errors import internal_error
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.roles.role_search import ANYWHERE, Deployment
from passrole_checks.iam.values.nodes import ListNode, Node, Position, StringNode, Unresolved, exists_under
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions

if TYPE_CHECKING:
    from passrole_checks.aws.managed_policies import ManagedPolicy  # slow to import
from passrole_checks.sources.model.links import Link, LinkSurface
from passrole_checks.sources.model.policy_owners import PolicyOwner
from passrole_checks.sources.value_file import NO_VALUES, ValueFile


class Framework(str, Enum):
    """The kind of infrastructure code; the values appear in reports."""

    TERRAFORM = "terraform"
    TERRAFORM_PLAN = "terraform_plan"
    CLOUDFORMATION = "cloudformation"
    SAM = "sam"
    POLICY_DOCUMENT = "policy_document"  # a bare IAM policy document
    ACCOUNT = "account"  # the IAM entities of an account, as deployed


class PolicyKind(str, Enum):
    """The effect of a policy document where it is attached."""

    IDENTITY = "identity"  # grants to a user, group or role (also: a managed policy that is not attached)
    TRUST = "trust"  # an assume-role policy
    RESOURCE = "resource"  # a bucket, queue, topic, key, endpoint ... policy: grants no PassRole
    BOUNDARY = "boundary"  # a managed policy used only as a permissions boundary in this configuration
    SCP = "scp"  # a service control policy or other organization policy: limits and never grants


@dataclass(frozen=True, slots=True)
class Inputs:
    """Values given in addition to the scanned files.

    ``var_files`` (in order, later ones win) and ``variables`` (name and text, after the files) are values for
    Terraform's root variables. ``source`` is the folder of the configuration that a plan was made from. ``values`` are
    typed values that win over all others: those that a plan was made with. ``parameters`` (name and text) are values
    for CloudFormation parameters; later ones win. ``exclusions`` are the excluded paths.
    """

    var_files: tuple[Path, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    source: Path | None = None
    values: tuple[tuple[str, Node], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    exclusions: Exclusions = NO_EXCLUSIONS

    def after(self, file: ValueFile) -> Inputs:
        """Return these values with those of a file, which these win over."""
        var_files = (Path(file.path),) if file.is_terraform else ()
        parameters = (*file.parameters, *self.parameters)
        return replace(self, var_files=(*var_files, *self.var_files), parameters=parameters)


NO_INPUTS = Inputs()


MODULE = "module"  # the resource type that represents a module whose source is not available
MODULE_NOT_AVAILABLE = "the module source is not available"  # reason of an unresolved output of a module


POLICY_DOCUMENT = "policy_document"  # the resource type that represents a bare policy document
OUTPUT = "output"  # the resource type that represents an output of a root module or of a template


class HandedTo(str, Enum):
    """The kind of consumer outside of the configuration that gets a policy: what it does with the policy is unknown."""

    MODULE = "module"  # a module whose source is not available
    RESOURCE = "resource"  # a custom resource, or a resource of a type that does not attach IAM policies itself
    OUTPUT = "output"  # an output of a root module or of a template, which other code reads
    POLICY_DOCUMENT = "policy_document"  # a bare policy document, which other code may attach
    TEST_DOCUMENT = "test_document"  # one in a folder of tests, which most likely nothing deploys


@dataclass(frozen=True, slots=True)
class ResourceDefinition:
    """A resource of a configuration: its Terraform address or CloudFormation logical id, its type, its position.

    ``construct``: the path of the AWS CDK construct that a synthesized template's resource is from; empty if none.
    """

    address: str
    type: str
    framework: Framework
    at: Position  # the whole block; ``at.line`` is the line of its header
    construct: str = ""


@dataclass(frozen=True, slots=True)
class AttachedPolicy:
    """A policy document and the resource that defines it.

    ``path`` leads from the resource's properties or attributes to the document, keys joined by ``/``
    (``Policies/0/PolicyDocument``, ``policy``). ``document`` is an object, a JSON text, or an unresolved value.
    ``principals`` are addresses or logical ids (or literal names) of the users, groups and roles that it is
    attached to in this configuration. ``managed`` is the name of the AWS managed policy, empty for others.
    ``conditional_principals`` are the principals that have it only conditionally, once for each path condition.
    ``handed_to`` is the kind of ``resource`` if the policy leaves the configuration there, else None. ``presumed``
    is BOUNDARY or SCP for an identity-based policy that nothing in the configuration attaches and that only a name
    or a description says to be one. ``people``: the kinds of people that alone can use the principals behind
    ``handed_to``, if that is known; ``repositories``: the repositories whose workflows alone can. ``element``: the
    element of a list or map that ``resource`` gets the policy for, in words, such as one of several permission
    sets. ``name``: the name of an inline or a managed policy, if it is known. ``partial_name``: a name with unknown
    parts. ``deployed_to``: further principals that have it according to what is around the configuration.
    ``account_policy``: the name of a customer managed policy that ``resource`` attaches and whose document is from
    what is around the configuration; empty for others.
    """

    resource: ResourceDefinition
    path: str
    document: Node
    kind: PolicyKind = PolicyKind.IDENTITY
    principals: tuple[str, ...] = ()
    managed: str = ""
    conditional_principals: tuple[tuple[str, PathCondition], ...] = ()
    handed_to: HandedTo | None = None
    presumed: PolicyKind | None = None
    people: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    element: str = ""
    name: str = field(default="", compare=False)
    deployed_to: tuple[str, ...] = ()
    partial_name: StringNode | None = field(default=None, compare=False)
    account_policy: str = ""

    @property
    def holders(self) -> tuple[str, ...]:
        """The principals that have it, here or around the configuration."""
        return (*self.principals, *self.deployed_to)

    def with_principals(
        self, rename: Callable[[str], str], condition: Callable[[PathCondition], PathCondition] = lambda when: when
    ) -> AttachedPolicy:
        """Return the policy with its principals renamed and their path conditions changed; itself if both are equal."""
        principals = tuple(map(rename, self.principals))
        conditional = tuple((rename(principal), condition(when)) for principal, when in self.conditional_principals)
        if principals == self.principals and conditional == self.conditional_principals:
            return self
        return replace(self, principals=principals, conditional_principals=conditional)


@dataclass(frozen=True, slots=True)
class ManagedAttachment:
    """An attached managed policy whose document is not in this configuration.

    ``holder`` is the address, logical id or literal name of the principal, as in :attr:`AttachedPolicy.principals`.
    ``policy`` is the ARN or name as written, which may be unresolved. ``resource`` attaches it (the role itself, or
    an attachment resource) in the attribute ``path``, at ``at``. ``when`` is the path condition of the attachment.
    ``is_checked``: false to leave it out of the findings. ``handed_to``, ``people``, ``repositories`` and
    ``element``: as in :class:`AttachedPolicy`; the holder is then unknown, and ``resource`` stands in for it.
    ``version``: the AWS managed policy in a version that this release does not have, as the account has it.
    """

    holder: str
    policy: StringNode
    resource: ResourceDefinition
    path: str
    at: Position
    when: PathCondition = ()
    is_checked: bool = True
    handed_to: HandedTo | None = None
    people: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    element: str = ""
    version: ManagedPolicy | None = None

    def as_policy(self, document: Node, holders: Iterable[str]) -> AttachedPolicy:
        """Return the policy as if its document stood at the attachment, under the path condition of that.

        ``holders``: all principals of the attachment, which are unknown if the policy leaves the configuration.
        """
        return AttachedPolicy(
            self.resource,
            self.path,
            exists_under(self.when, document),
            principals=tuple(holders) if self.handed_to is None else (),
            handed_to=self.handed_to,
            people=self.people,
            repositories=self.repositories,
            element=self.element,
        )


UNKNOWN_BOUNDARY = StringNode((Unresolved("the permissions boundary"),), Position("", 0))
"""A permissions boundary of which nothing is known."""


@dataclass(frozen=True, slots=True)
class BoundaryUse:
    """The permissions boundary of a principal, under the path condition ``when``.

    ``policy`` is a policy of this configuration, the ARN or name of one defined elsewhere, :data:`UNKNOWN_BOUNDARY`, or
    None if the principal has no boundary under this condition.
    """

    principal: str
    policy: AttachedPolicy | StringNode | None
    when: PathCondition = ()

    @property
    def is_known(self) -> bool:
        """True if the principal has this boundary in any case, and it is known which one."""
        return not self.when and self.policy is not None and self.policy != UNKNOWN_BOUNDARY


@dataclass(frozen=True, slots=True)
class Attachments:
    """Attachments of a configuration that its policies do not have themselves.

    ``managed_policies`` are attached managed policies that are not in this configuration. ``members`` are pairs of a
    group and a user. ``boundaries`` are permissions boundaries: one for each principal, or one for each path condition
    that decides on it. ``targets`` are the targets of service control policies, each with its path condition and its
    policy. ``owners`` are the resources that remove what they do not list.
    """

    managed_policies: tuple[ManagedAttachment, ...] = ()
    members: tuple[tuple[str, str], ...] = ()
    boundaries: tuple[BoundaryUse, ...] = ()
    targets: tuple[tuple[StringNode, PathCondition, AttachedPolicy], ...] = ()
    owners: tuple[PolicyOwner, ...] = ()

    def principals(self) -> Iterator[str]:
        """Yield the principals, with repetitions."""
        for pair in self.members:
            yield from pair
        yield from (boundary.principal for boundary in self.boundaries)
        yield from (attachment.holder for attachment in self.managed_policies)
        yield from (holder for owner in self.owners for holder in owner.holders)

    def boundaries_by_principal(self) -> dict[str, list[BoundaryUse]]:
        """Return the boundaries of each principal: the known one, else those under path conditions, else unknown."""
        by_principal: dict[str, list[BoundaryUse]] = {}
        for boundary in self.boundaries:
            by_principal.setdefault(boundary.principal, []).append(boundary)
        for principal, boundaries in by_principal.items():
            known = [boundary for boundary in boundaries if boundary.is_known]
            conditional = [boundary for boundary in boundaries if boundary.when]
            by_principal[principal] = known[-1:] or conditional or boundaries[:1]
        return by_principal

    def renamed(self, rename: Callable[[str], str]) -> Attachments:
        """Return the attachments with their principals renamed."""
        return Attachments(
            tuple(replace(attachment, holder=rename(attachment.holder)) for attachment in self.managed_policies),
            tuple((rename(group), rename(user)) for group, user in self.members),
            tuple(
                BoundaryUse(
                    rename(boundary.principal),
                    boundary.policy.with_principals(rename)
                    if isinstance(boundary.policy, AttachedPolicy)
                    else boundary.policy,
                    boundary.when,
                )
                for boundary in self.boundaries
            ),
            self.targets,
            tuple(replace(owner, holders=frozenset(map(rename, owner.holders))) for owner in self.owners),
        )

    def with_others(self, others: Iterable[Attachments]) -> Attachments:
        """Return these attachments together with others, such as those in the templates of stacks."""
        every = (self, *others)
        return Attachments(
            tuple(attachment for each in every for attachment in each.managed_policies),
            tuple(pair for each in every for pair in each.members),
            tuple(boundary for each in every for boundary in each.boundaries),
            tuple(target for each in every for target in each.targets),
            tuple(owner for each in every for owner in each.owners),
        )


NO_ATTACHMENTS = Attachments()


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """A role of this configuration.

    ``name`` and ``role_path`` are None if AWS generates the name or the default path applies. ``exists_when`` are the
    path conditions under which the role exists, each of them sufficient; empty if it always exists. ``deployed`` is its
    ARN according to what is around the configuration, if that does not follow from its name.
    """

    resource: ResourceDefinition
    name: StringNode | None = None
    role_path: StringNode | None = None
    trust: Node | None = None
    exists_when: tuple[PathCondition, ...] = ()
    deployed: StringNode | None = None


@dataclass(frozen=True, slots=True)
class ReceivedRole:
    """A role, or an instance profile, that is passed to a resource of this configuration.

    ``attribute`` is its path below the resource's properties or attributes (``Targets/0/RoleArn``). ``value`` is a
    reference, a name, an ARN, or variants of these, at ``at``. ``by`` is who passes it: ``deployer``, ``user`` (of the
    resource, later) or ``resource`` (the service, with the role of the resource).
    """

    resource: ResourceDefinition
    attribute: str
    value: Node
    at: Position
    receiver: Receiver
    by: str = "deployer"


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """An instance profile of this configuration. ``name`` is None if AWS generates it.

    ``roles`` is its role, or a list with its role.
    """

    address: str
    name: Node | None
    roles: Node | None

    @property
    def role(self) -> Node | None:
        """The role; an instance profile contains at most one."""
        if isinstance(self.roles, ListNode):
            return self.roles.items[0] if self.roles.items else None
        return self.roles

    def converted(self, address: str, convert: Callable[[Node], Node]) -> InstanceProfile:
        """Return a copy with another address and converted values."""
        return InstanceProfile(address, self.name and convert(self.name), self.roles and convert(self.roles))


@dataclass(frozen=True, slots=True)
class Suppression:
    """A request not to report a check.

    It applies to findings of the resource ``resource``, to findings whose statement is within ``span``, and, if both
    are None, to the whole file. ``check_id`` is always ``PASSROLE_nnn``. ``reason`` may be empty (which is reported).
    ``origin`` is the notation: ``passrole``, ``checkov`` or ``cfn-lint``. ``written`` is the id, or the prefix of
    several ids, in cfn-lint's notation.
    """

    check_id: str
    reason: str
    at: Position
    origin: str
    resource: str | None = None
    span: Position | None = None
    written: str = ""


class NoteKind(str, Enum):
    """Why something is not evaluated; the values appear in JSON."""

    MODULE = "module"  # a module whose source is not available
    NO_INSTANCE = "no_instance"  # a resource, statement or module that exists in no case
    UNUSED_DOCUMENT = "unused_document"  # a policy document that nothing uses
    SKIPPED_PATH = "skipped_path"  # a folder or a symbolic link that is not followed
    SUBMODULE = "submodule"  # a git submodule, whose files are in another repository
    VALUE_FILE = "value_file"  # values of variables or parameters that no option names, or that nothing uses
    COMMAND = "command"  # a command that attaches or creates policies
    DEFINED_ELSEWHERE = "defined_elsewhere"  # a policy, template or group outside of the configuration
    LIMIT_NOT_COUNTED = "limit_not_counted"  # a Deny or a boundary that may not apply
    OTHER_TOOL = "other_tool"  # files and sections that another tool evaluates
    POLICY_DOCUMENT = "policy_document"  # a policy document without a known use
    DUPLICATE_KEY = "duplicate_key"  # a value that a later one of the same key replaces
    INCOMPLETE = "incomplete"  # a plan, a change set or the details of an account that lack a part
    TOO_LONG = "too_long"  # a policy that exceeds a quota of AWS, and is evaluated
    DRIFT = "drift"  # a policy that is not in the account as it was before a change, and is evaluated
    INFERRED_NAME = "inferred_name"  # an entity that is taken to be one of the account, and is evaluated
    DENIED = "denied"  # an Allow of which a Deny, a boundary or an SCP leaves nothing, and that is evaluated
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file or part of a file that looks like infrastructure code and could not be read.

    ``subject``: the source or the folder of a module, if the entry is about that instead of its position; each subject
    is reported once. ``fault``: an internal error. ``resource``: the address of the only affected resource,
    :data:`EVERY_RESOURCE` for all resources, empty if only the position is known. ``kind``: for what is not evaluated.
    ``dependents``: the end of ``reason`` that counts the policies which depend on it. ``content``: the statements about
    PassRole of a policy that exists in no case, or the commands, as texts.
    """

    file: str
    reason: str
    line: int | None = None
    subject: str = ""
    fault: bool = False
    resource: str = ""
    kind: NoteKind = NoteKind.OTHER
    dependents: str = ""
    content: tuple[str, ...] = field(default=(), compare=False)

    @property
    def cause(self) -> str:
        """The reason without the number of policies that depend on it, which may differ between versions."""
        return self.reason.removesuffix(self.dependents)


EVERY_RESOURCE = "*"


def faults_in(entries: Iterable[Unreadable]) -> tuple[Unreadable, ...]:
    """Return the entries that are internal errors."""
    return tuple(entry for entry in entries if entry.fault)


@contextmanager
def recording_faults(file: str, faults: list[Unreadable]) -> Iterator[None]:
    """Record an unexpected exception as an internal error in ``file``, and continue."""
    try:
        yield
    except Exception as error:
        faults.append(Unreadable(file, internal_error(error), fault=True))


def without_faults(entries: Iterable[Unreadable]) -> tuple[Unreadable, ...]:
    """Return the entries that are not internal errors."""
    return tuple(entry for entry in entries if not entry.fault)


@dataclass(frozen=True, slots=True)
class StackResource:
    """A deployed entity that a CloudFormation stack has created, with the name of the stack and its logical id."""

    address: str
    stack: str
    logical_id: str


@dataclass(frozen=True, slots=True)
class ContextNames:
    """The names in a configuration that are, in whole or in part, from configurations around it.

    ``roles``: the addresses of roles that only these contain. ``principals``: the principals that have policies or
    permissions boundaries from these. Each has its origin in words (``the account file of 2026-11-01``). ``origins``:
    all origins. ``arns``: the ARNs of ``roles``, as far as they are known. ``inferred``: entities around the
    configuration (ARNs, and inline policies in words), with the addresses of those in it that have no known name and
    are taken to be the same. ``inferred_access``: addresses of resources with policies, each with a principal that has
    them only if such an entity is the same. ``alone``: the configuration without what is around it; None if nothing is.
    """

    roles: Mapping[str, str] = field(default_factory=dict)
    principals: Mapping[str, str] = field(default_factory=dict)
    origins: tuple[str, ...] = ()
    arns: Mapping[str, str] = field(default_factory=dict)
    inferred: tuple[tuple[str, str], ...] = ()
    inferred_access: frozenset[tuple[str, str]] = frozenset()
    alone: Configuration | None = field(default=None, repr=False, compare=False)


NO_CONTEXT = ContextNames()


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """The configuration before a change, as a plan or a change set has it.

    ``before`` are all identity-based policies before the change, with addresses and principals named as in
    ``policies``; None if there is nothing to compare with. ``handed_out_before``: the kinds of consumers for which
    ``before`` has the policies that leave the configuration. ``home`` is the account and partition of these, as far as
    ARNs show. ``unchanged`` are the policies that the change leaves unchanged; ``policies`` are then only the others.
    ``incomplete`` are principals whose other policies are unknown, since the change names only what it changes.
    ``attached_before`` are the attachments before the change.
    """

    before: tuple[AttachedPolicy, ...] | None = None
    unchanged: tuple[AttachedPolicy, ...] = ()
    home: Deployment = ANYWHERE
    incomplete: frozenset[str] = frozenset()
    attached_before: Attachments = NO_ATTACHMENTS
    handed_out_before: frozenset[HandedTo] = frozenset()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Facts that a configuration has from others: other scanned roots, value files, the account, the inventory.

    ``links``, ``entities``: values that other scanned roots pass, and roles and policies that they declare, with which
    it was read; ``values``: the file with whose values it was. ``surface``: what it reads of other roots and passes to
    them, without values; None if not asked. ``declared``: for each request of others, the roles and policies of the
    configuration that it names. ``context``: the names from configurations around it, such as what is deployed in the
    account; see :mod:`passrole_checks.sources.model.context`.
    """

    links: tuple[Link, ...] = ()
    entities: tuple[NamedEntities, ...] = ()
    values: ValueFile = NO_VALUES
    surface: LinkSurface | None = field(default=None, compare=False)
    declared: tuple[NamedEntities | None, ...] = field(default=(), compare=False)
    context: ContextNames = field(default=NO_CONTEXT, compare=False)


@dataclass(frozen=True, slots=True)
class Notes:
    """The parts that are not evaluated, or not reported.

    ``not_evaluated`` has reasons. ``excluded`` are files that are excluded on request. ``missing`` are the addresses of
    modules, data sources and stacks whose content is not available, each with a note.
    """

    suppressions: tuple[Suppression, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    not_evaluated: tuple[Unreadable, ...] = ()
    excluded: tuple[str, ...] = ()
    missing: tuple[tuple[str, Unreadable], ...] = ()


@dataclass(frozen=True, slots=True)
class Provisioning:
    """How a configuration is deployed.

    ``parameters`` are the declared parameters of a template or the variables of a Terraform root module,
    ``parameters_read`` those whose values were read; the values of the others change nothing here. ``credentials``:
    what decides on the account, where that is stated; ``own_credentials``: the same of resources and calls with
    providers named. ``moves``: old and new addresses that the configuration declares to be the same.

    CloudFormation: ``stack`` is the name of the stack if known, ``stacks`` are the addresses of nested stacks with
    their templates, ``nested`` the templates of nested stacks at any depth. ``stack_resources`` are deployed entities
    that stacks have created.
    """

    parameters: tuple[str, ...] = ()
    parameters_read: frozenset[str] = frozenset()
    credentials: tuple[tuple[str, Position], ...] = ()
    own_credentials: tuple[tuple[str, str, Position], ...] = ()
    moves: tuple[tuple[str, str], ...] = ()
    stack: str = ""
    stacks: tuple[tuple[str, str], ...] = ()
    nested: tuple[str, ...] = ()
    stack_resources: tuple[StackResource, ...] = ()


NO_CHANGE, NO_SURROUNDINGS, NO_NOTES = PlannedChange(), Surroundings(), Notes()
NO_PROVISIONING = Provisioning()


@dataclass(frozen=True, slots=True)
class Configuration:
    """One unit of infrastructure code.

    ``files`` are all files read for it. ``account`` is the target account, if the configuration states it.
    ``other_policies`` are policies of the same configuration that are not asked for, such as those in other files.

    Principals: ``attached`` are their attachments. ``literals`` are principals known by a literal name: the displayed
    name (with the kind if it is ambiguous), the kind, and the name. ``users`` are the users and groups of this
    configuration whose names are known.

    Roles: ``received`` are the roles passed to resources, ``other_received`` those passed to resources that are not
    asked for, ``instance_profiles`` the instance profiles of this configuration. ``stack_roles`` are the roles in the
    templates of stack sets in Terraform, by their names in other accounts.

    ``seconds_left``: processor time for the analysis; None: no limit.
    """

    framework: Framework
    files: tuple[str, ...]
    resources: tuple[ResourceDefinition, ...] = ()
    policies: tuple[AttachedPolicy, ...] = ()
    roles: tuple[RoleDefinition, ...] = ()
    account: str | None = None
    attached: Attachments = NO_ATTACHMENTS
    other_policies: tuple[AttachedPolicy, ...] = ()
    users: tuple[tuple[str, StringNode], ...] = ()
    literals: tuple[tuple[str, str, str], ...] = ()
    received: tuple[ReceivedRole, ...] = ()
    other_received: tuple[ReceivedRole, ...] = ()
    instance_profiles: tuple[InstanceProfile, ...] = ()
    stack_roles: tuple[RoleDefinition, ...] = ()
    provisioning: Provisioning = NO_PROVISIONING
    change: PlannedChange = NO_CHANGE
    surroundings: Surroundings = NO_SURROUNDINGS
    notes: Notes = NO_NOTES
    seconds_left: float | None = field(default=None, compare=False)


@dataclass(frozen=True, eq=False)
class NamedEntities:
    """Principals and managed policies of another root that a configuration names.

    ``origin``: that root, in words. The others: as in its configuration.
    """

    origin: str
    framework: Framework
    account: str | None
    policies: tuple[AttachedPolicy, ...]
    roles: tuple[RoleDefinition, ...]
    attached: Attachments
    resources: tuple[ResourceDefinition, ...] = ()
    users: tuple[tuple[str, StringNode], ...] = ()

    @property
    def configuration(self) -> Configuration:
        """The entities as a configuration."""
        return Configuration(
            self.framework,
            (),
            self.resources,
            self.policies,
            self.roles,
            account=self.account,
            attached=self.attached,
            users=self.users,
        )
