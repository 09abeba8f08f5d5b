"""What every source hands on: resources, the policies that they hold, the roles that they define.

A source knows formats and never a verdict. It reads one unit (a template, a plan, a Terraform root with its modules)
and returns a :class:`Configuration`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from passrole_checks.aws.role_properties import Receiver
from passrole_checks.errors import internal_error
from passrole_checks.iam.partial_values import Node, Position, StringNode
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.iam.roles.arn import ANYWHERE, Deployment
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions


class Framework(str, Enum):
    """What a file is written for; the values stand in reports."""

    TERRAFORM = "terraform"
    TERRAFORM_PLAN = "terraform_plan"
    CLOUDFORMATION = "cloudformation"
    SAM = "sam"


class PolicyKind(str, Enum):
    """What a policy document does where it is attached."""

    IDENTITY = "identity"  # grants to a user, group or role (also: a managed policy that is not attached here)
    TRUST = "trust"  # an assume-role policy
    RESOURCE = "resource"  # a bucket, queue, topic, key, endpoint ... policy: grants no PassRole
    BOUNDARY = "boundary"  # a managed policy that this configuration uses only as a permissions boundary
    SCP = "scp"  # a service control policy (or another organization policy): limits, and grants nothing


@dataclass(frozen=True, slots=True)
class Inputs:
    """What whoever scans knows beside the files.

    ``var_files`` (in their order, later ones win) and ``variables`` (name and text as given, after the files) are
    values for Terraform's root variables, ``source`` the folder of the configuration that a plan was made from.
    ``values`` are values of a type of their own, which win over all others: those that a plan was made with.
    ``parameters`` (name and text) are values for the parameters of CloudFormation templates; later ones win.
    ``exclusions``: the paths that are left out.
    """

    var_files: tuple[Path, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    source: Path | None = None
    values: tuple[tuple[str, Node], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    exclusions: Exclusions = NO_EXCLUSIONS


NO_INPUTS = Inputs()


MODULE = "module"  # the type of what stands for a module that is not here
MODULE_NOT_AVAILABLE = "the module source is not available"  # reason of an unresolved output of a module


def uses_in_its_own_way(resource_type: str) -> bool:
    """Whether it is not known what a resource of a type makes of a policy that it is given: a module that is not here,
    or a custom resource of CloudFormation."""
    return resource_type in (MODULE, "AWS::CloudFormation::CustomResource") or resource_type.startswith("Custom::")


@dataclass(frozen=True, slots=True)
class ResourceDefinition:
    """A resource of a configuration: its Terraform address or CloudFormation logical id, its type, its place.

    ``construct``: the path of the AWS CDK construct that a synthesized template's resource is from, if any.
    """

    address: str
    type: str
    framework: Framework
    at: Position  # the whole block; ``at.line`` is the line of its header
    construct: str = ""


@dataclass(frozen=True, slots=True)
class AttachedPolicy:
    """A policy document and the resource that holds it.

    ``path`` leads from the resource's properties or attributes to the document, keys joined by ``/``
    (``Policies/0/PolicyDocument``, ``policy``). ``document`` is a mapping, a JSON text, or a hole. ``principals`` are
    addresses or logical ids (or literal names) of the users, groups and roles that it is attached to here. ``managed``
    is the name of the AWS managed policy that it is, if it is one. ``held``: of those principals that it is attached to
    under some facts only, each with the facts, once for each set of them.
    """

    resource: ResourceDefinition
    path: str
    document: Node
    kind: PolicyKind = PolicyKind.IDENTITY
    principals: tuple[str, ...] = ()
    managed: str = ""
    held: tuple[tuple[str, PathCondition], ...] = ()


@dataclass(frozen=True, slots=True)
class ManagedAttachment:
    """A managed policy that is attached here, and that this configuration does not hold.

    ``holder`` is the address, logical id or literal name of who gets it, as in :attr:`AttachedPolicy.principals`;
    ``policy`` its ARN, or its name, as written, holes included. ``resource`` attaches it (the role itself, or an
    attachment resource) in the attribute ``path``; ``at`` is where it is named. ``when``: the facts under which it is
    attached.
    """

    holder: str
    policy: StringNode
    resource: ResourceDefinition
    path: str
    at: Position
    when: PathCondition = ()
    judged: bool = True


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """A role of this configuration. ``name``/``role_path``: None where AWS generates it or the default holds.
    ``there``: the facts under which it is there, in sets of which each suffices; none where it is whatever holds."""

    resource: ResourceDefinition
    name: StringNode | None = None
    role_path: StringNode | None = None
    trust: Node | None = None
    there: tuple[PathCondition, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceivedRole:
    """A role, or an instance profile, that a resource of this configuration is given.

    ``attribute`` leads to it, below the resource's properties or attributes (``Targets/0/RoleArn``). ``value`` is what
    stands there: a reference, a name, an ARN, alternatives. ``at`` is where. ``by`` says who passes it: ``deployer``,
    ``user`` (whoever uses the resource later) or ``resource`` (the service, under the resource's own role).
    """

    resource: ResourceDefinition
    attribute: str
    value: Node
    at: Position
    receiver: Receiver
    by: str = "deployer"


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """An instance profile of this configuration, and the role in it. ``name``: None where AWS generates it."""

    address: str
    name: StringNode | None
    role: Node | None
    at: Position


@dataclass(frozen=True, slots=True)
class Suppression:
    """A wish not to hear of a check.

    It holds for findings of the resource ``resource``, for findings whose statement stands within ``span``, and, where
    both are None, for the whole file. ``check_id`` is always written ``PASSROLE_nnn``. ``reason`` may be empty (which
    is reported). ``origin`` says whose notation it is: ``passrole``, ``checkov`` or ``cfn-lint``. ``written`` is what
    cfn-lint's notation names instead: its id, or the beginning of several.
    """

    check_id: str
    reason: str
    at: Position
    origin: str
    resource: str | None = None
    span: Position | None = None
    written: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file, or a part of one, that looks like infrastructure code and could not be read.

    ``subject``: what it is about, where it is something else than its place: the source of a module, or its folder.
    Of a subject is told once. ``fault``: this package itself failed there. ``resource``: the address of the only
    resource that it concerns; :data:`EVERY_RESOURCE` if it concerns all of them; empty if only its place says so.
    """

    file: str
    reason: str
    line: int | None = None
    subject: str = ""
    fault: bool = False
    resource: str = ""


EVERY_RESOURCE = "*"


def faults_in(entries: Iterable[Unreadable]) -> tuple[Unreadable, ...]:
    """Return the entries that are faults of this package."""
    return tuple(entry for entry in entries if entry.fault)


@contextmanager
def noting_faults(file: str, faults: list[Unreadable]) -> Iterator[None]:
    """Note an exception that this package did not expect as a fault in ``file``, and go on."""
    try:
        yield
    except Exception as error:
        faults.append(Unreadable(file, internal_error(error), fault=True))


def without_faults(entries: Iterable[Unreadable]) -> tuple[Unreadable, ...]:
    """Return the entries that are about the input itself."""
    return tuple(entry for entry in entries if not entry.fault)


@dataclass(frozen=True, slots=True)
class Configuration:
    """One unit of infrastructure code. ``files`` are all files that were read for it.

    ``before``: where the unit is a change (a plan), all identity-based policies that stood before it, with addresses
    and principals named as in ``policies``; None where there is nothing to compare with. ``home`` is then where they
    stood, as far as their ARNs tell, and ``unchanged`` are the policies that the change leaves as they are, where
    ``policies`` are only the others. ``incomplete`` are principals of which not all policies are known, because the
    change names only what it touches. ``members`` are groups, each with a user in it; ``boundaries`` principals, each
    with the managed policy that is its permissions boundary; ``…_before`` is what held before the change.
    ``boundary_unknown`` are principals whose permissions boundary this configuration does not hold; its ARN or name
    stands in ``boundary_names`` where it is told. ``boundary_readings`` are principals of whom facts decide what bounds
    them: a policy of this configuration, one that stands elsewhere, or nothing. ``attachments`` are the managed
    policies that are attached here and do not stand here, and ``targets`` the targets of service control policies, each
    with the facts under which it is one, and its policy. ``beside`` are policies of the same configuration that are not
    asked for, as those in other files.
    ``parameters`` are the names of the parameters that a template declares, ``nested`` the templates of its nested
    stacks, at any depth, that were read with it, ``stacks`` the addresses of these nested stacks, each with its
    template, and ``stack`` is the name of the stack that it makes, where that is known. ``received`` are the roles
    that resources are given, and ``instance_profiles`` those of this configuration. ``stack_roles`` are the roles in
    the templates of CloudFormation stack sets that Terraform describes, by the names that they have in other accounts.
    ``literals`` are the principals that are known by a literal name: what they are called here (the name, and their
    kind where it means two), their kind, and the name. ``users`` are the users of this configuration with their names,
    where these are told. ``excluded`` are the files that belong to it and are left out on request.
    """

    framework: Framework
    files: tuple[str, ...]
    resources: tuple[ResourceDefinition, ...] = ()
    policies: tuple[AttachedPolicy, ...] = ()
    roles: tuple[RoleDefinition, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    account: str | None = None  # the account deployed to, where the configuration itself states it
    not_evaluated: tuple[Unreadable, ...] = field(default=())  # modules and nested stacks that are not here
    before: tuple[AttachedPolicy, ...] | None = None
    unchanged: tuple[AttachedPolicy, ...] = ()
    home: Deployment = ANYWHERE
    incomplete: frozenset[str] = frozenset()
    members: tuple[tuple[str, str], ...] = ()
    members_before: tuple[tuple[str, str], ...] = ()
    boundaries: tuple[tuple[str, AttachedPolicy], ...] = ()
    boundaries_before: tuple[tuple[str, AttachedPolicy], ...] = ()
    boundary_unknown: tuple[str, ...] = ()
    boundary_names: tuple[tuple[str, StringNode], ...] = ()
    boundary_names_before: tuple[tuple[str, StringNode], ...] = ()
    boundary_readings: tuple[tuple[str, PathCondition, AttachedPolicy | StringNode | None], ...] = ()
    attachments: tuple[ManagedAttachment, ...] = ()
    attachments_before: tuple[ManagedAttachment, ...] = ()
    targets: tuple[tuple[StringNode, PathCondition, AttachedPolicy], ...] = ()
    beside: tuple[AttachedPolicy, ...] = ()
    parameters: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()
    stacks: tuple[tuple[str, str], ...] = ()
    stack: str = ""
    received: tuple[ReceivedRole, ...] = ()
    instance_profiles: tuple[InstanceProfile, ...] = ()
    stack_roles: tuple[RoleDefinition, ...] = ()
    literals: tuple[tuple[str, str, str], ...] = ()
    users: tuple[tuple[str, StringNode], ...] = ()
    excluded: tuple[str, ...] = ()
    seconds_left: float | None = field(default=None, compare=False)  # of processor time, to judge it
