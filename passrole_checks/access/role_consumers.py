"""Role consumers: which role a resource receives, with references, names, ARNs and instance profiles resolved.

Sources: IAM User Guide, "Grant a user permissions to pass a role to an AWS service" and "IAM identifiers" (the ARN of a
role consists of its path and its name); Amazon EC2 User Guide, "IAM roles for Amazon EC2" (passing an instance profile
passes its role); Template Reference, AWS::IAM::Role (``RoleName``): without a name, CloudFormation generates one from
the stack's name, the logical id and twelve random characters. AWS does not document how it shortens long names; in
observed names, each half kept at least 24 characters (KensioSoftware/yulin#1113).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Choice, ListNode, Node, Part, StringNode, Unresolved, UnresolvedKind, join
from passrole_checks.iam.values.path_conditions import PathCondition, consistent, extend
from passrole_checks.sources.model.configuration import (
    Configuration,
    Framework,
    InstanceProfile,
    ReceivedRole,
    RoleDefinition,
)

GENERATED = Unresolved("generated", UnresolvedKind.NAME)  # the part of a role's name that is unknown before deployment
STACK_NAME = Unresolved("AWS::StackName", UnresolvedKind.NAME)
_ACCOUNT, _PARTITION = (
    Unresolved("AWS::AccountId", UnresolvedKind.ACCOUNT_ID),
    Unresolved("AWS::Partition", UnresolvedKind.PARTITION),
)
_KEPT_OF_A_NAME = 24
_HEAD = lazy_regex(r"arn:[^:]*:iam::[^:]*:role/(?:.*/)?", re.DOTALL)
_OTHER_ARN = lazy_regex(r"arn:[^:]*:(?!iam:)[^:]+:")
_ROLE = lazy_regex(r"arn:([^:]+):iam::([^:]*):role/(.+)", re.DOTALL)
_PROFILE_NAME = lazy_regex(r"(?:.*:instance-profile/(?:.*/)?)?([^/:]+)", re.DOTALL)
_PROFILE_ATTRIBUTES = (".arn", ".name", ".id", ".Arn", ".instance_profile_name")
_TERRAFORM_NAMES = "terraform-"  # what the provider begins a name with that is not given
_LAUNCHERS = frozenset({
    "AWS::AutoScaling::AutoScalingGroup", "AWS::Batch::ComputeEnvironment", "AWS::EC2::EC2Fleet", "AWS::EC2::Instance",
    "AWS::EC2::SpotFleet", "AWS::EKS::Nodegroup", "aws_autoscaling_group", "aws_batch_compute_environment",
    "aws_ec2_fleet", "aws_eks_node_group", "aws_instance", "aws_spot_fleet_request", "aws_spot_instance_request",
    "awscc_autoscaling_auto_scaling_group", "awscc_ec2_instance", "awscc_eks_nodegroup",
})  # fmt: skip

PASSED, ASSUMED, LATER, UNCHANGED = "passed", "assumed", "later", "unchanged"


@dataclass(frozen=True, slots=True)
class RoleUse:
    """A role that a resource receives, or may receive.

    ``label``: its display name, an address, a logical id, an ARN or an expression. ``role``: its address, if it is a
    role of this configuration. ``arn``: its ARN with unresolved values, None if nothing is known. ``how``: ``passed``
    (by the deploying principal), ``assumed`` (not passed), ``later`` (passed by the user of the resource, or by the
    service) or ``unchanged`` (exists already). ``when``: the path condition of this variant. ``profile``: the
    instance profile that contains the role.
    """

    received: ReceivedRole
    label: str
    role: str | None
    arn: StringNode | None
    how: str
    when: PathCondition = ()
    profile: str = ""

    @property
    def services(self) -> tuple[str, ...]:
        return self.received.receiver.services

    @property
    def generated(self) -> bool:
        """True if the name of the role is generated at deployment."""
        return self.arn is not None and GENERATED in self.arn.unresolved_parts


class RoleConsumers:
    """The roles that resources of one configuration receive. ``account``: the account deployed to, if known."""

    def __init__(self, configuration: Configuration, account: str | None = None) -> None:
        self.configuration = configuration
        self.account = account or configuration.account
        roles = (*configuration.roles, *configuration.stack_roles)
        self._roles = {role.resource.address: role for role in roles}
        self._profiles = {profile.address: profile for profile in configuration.instance_profiles}
        self._templates = configuration.framework in (Framework.CLOUDFORMATION, Framework.SAM)

    @cached_property
    def roles(self) -> tuple[RoleUse, ...]:
        """Each role that a resource receives, one for each variant, in the order of the configuration; then those of
        resources that are not asked for."""
        return (*self.requested, *(one for received in self.configuration.other_received for one in self._of(received)))

    @cached_property
    def requested(self) -> tuple[RoleUse, ...]:
        """The roles that resources receive which are asked for."""
        return tuple(one for received in self.configuration.received for one in self._of(received))

    def generated_arn(self, address: str) -> StringNode | None:
        """Return the ARN of a role of a template with the name that is generated for it, as far as known; None if it
        has another name."""
        definition = self._roles.get(address)
        if not self._templates or definition is None or definition.name is not None:
            return None
        return self._arn_of(address, None, StringNode((), definition.resource.at))

    def services_of(self, role: str) -> tuple[str, ...]:
        """Return the services that resources pass a role of this configuration to, sorted."""
        return self._services.get(role, ())

    @cached_property
    def services(self) -> dict[str, tuple[str, ...]]:
        """The services that resources pass roles of this configuration to, by role."""
        return dict(self._services)

    @cached_property
    def _services(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        for one in self.roles:
            if one.role is not None and one.how != ASSUMED:
                found.setdefault(one.role, set()).update(one.services)
        return {role: tuple(sorted(services)) for role, services in found.items() if services}

    def _of(self, received: ReceivedRole) -> Iterator[RoleUse]:
        profile = received.receiver.kind == "instance_profile"
        for when, value in _alternatives(received.value):
            for one in self._in_profile(received, value) if profile else self._role(received, value):
                yield replace(one, when=when) if when and not one.when else one

    # instance profiles

    def _in_profile(self, received: ReceivedRole, value: StringNode) -> Iterator[RoleUse]:
        found = self._profile(value)
        if found is None:
            label = f"the role in the instance profile {_shown(value)}"
            yield RoleUse(received, label, None, None, self._how(received, None), profile=_shown(value))
            return
        for when, role in _alternatives(found.role) if found.role is not None else ():
            for one in self._role(received, role):
                yield replace(one, when=when, profile=found.address)

    def _profile(self, value: StringNode) -> InstanceProfile | None:
        only = value.only_unresolved
        if only is not None:
            for ending in ("", *_PROFILE_ATTRIBUTES):
                if only.expression.endswith(ending):
                    found = self._profiles.get(only.expression.removesuffix(ending) if ending else only.expression)
                    if found is not None:
                        return found
            return None
        named = _PROFILE_NAME.fullmatch(str(value))
        same = [one for one in self._profiles.values() if named and one.name and str(one.name) == named[1]]
        return same[0] if len(same) == 1 else None

    # roles

    def _role(self, received: ReceivedRole, value: StringNode) -> Iterator[RoleUse]:
        only = value.only_unresolved
        known = only.known if only is not None and only.known else None
        last = value.parts[-1]
        ends_in_name = only is None and _HEAD.fullmatch("".join(map(_word, value.parts[:-1]))) is not None
        role = last.role if isinstance(last, Unresolved) and (only is not None or ends_in_name) else None
        if role is None and known is not None and _OTHER_ARN.match("".join(map(_word, known))):
            return  # the ARN of something else
        if role is not None:
            yield RoleUse(received, role, role, self._arn_of(role, known, value), self._how(received, None))
            return
        arn = self._arn(StringNode(known, value.at) if known is not None else value)
        if arn is None and only is None:
            return  # not a role: API Gateway takes the ARN of any user for the caller's own credentials
        role = self._named(arn) if arn is not None and only is None else None
        label = role or _shown(value)
        deployed = self.configuration.surroundings.context.arns.get(role or "")
        arn = StringNode((deployed,), value.at) if deployed is not None else arn
        yield RoleUse(received, label, role, arn or StringNode(value.parts, value.at), self._how(received, arn))

    def _how(self, received: ReceivedRole, arn: StringNode | None) -> str:
        if received.receiver.how == "assumed":
            return ASSUMED
        if received.by == "user" and self._launches and received.receiver.kind == "instance_profile":
            return PASSED
        if received.by != "deployer":
            return UNCHANGED if received.by == "unchanged" else LATER
        account = _account(arn) if arn is not None else None
        return ASSUMED if account and self.account and account != self.account else PASSED

    def _arn_of(self, address: str, known: tuple[Part, ...] | None, value: StringNode) -> StringNode:
        """Return the ARN of a role of this configuration, with its name or the prefix of its name."""
        definition = self._roles.get(address)
        deployed = self.configuration.surroundings.context.arns.get(address)
        if deployed is not None:
            return StringNode((deployed,), value.at)
        if known is not None and str(known[0]).startswith("arn:") and all(isinstance(part, str) for part in known):
            return StringNode(known, value.at)  # of an existing role
        path: tuple[Part, ...] = ("/",)
        if definition is not None and definition.role_path is not None:
            path = definition.role_path.parts
        name = definition.name.parts if definition is not None and definition.name is not None else ()
        if not any(name) or name == (GENERATED,):  # an empty name, or beginning of one, is none
            name = self._generated(address, definition)
        before = path if isinstance(path[0], Unresolved) or path[0].startswith("/") else ("/", *path)
        return StringNode(join(["arn:", _PARTITION, ":iam::", _ACCOUNT, ":role", *before, *name]), value.at)

    def _generated(self, address: str, definition: RoleDefinition | None) -> tuple[Part, ...]:
        if not self._templates:
            if definition is not None and definition.resource.type == "awscc_iam_role":  # AWS makes its name
                return (Unresolved(f"{address}.role_name", UnresolvedKind.NAME),)
            return (_TERRAFORM_NAMES, GENERATED)
        *stacks, logical_id = address.split(".")
        # the name of a nested stack is made of that of the stack around it, and much of it is cut off
        stack: Part = self.configuration.provisioning.stack[:_KEPT_OF_A_NAME] or STACK_NAME
        cut = bool(stacks) or self.configuration.provisioning.stack != stack != STACK_NAME
        kept = logical_id[:_KEPT_OF_A_NAME]
        return (stack, *((GENERATED, "-") if cut else ("-",)), f"{kept}-" if kept == logical_id else kept, GENERATED)

    def _arn(self, value: StringNode) -> StringNode | None:
        """Return a value as a role ARN; None if it is none, or its form is unknown."""
        if value.only_unresolved is not None:
            return None
        words = str(value)
        literal = value.literal
        if literal is not None and literal.startswith("arn:"):
            return value if _ROLE.fullmatch(literal) else None
        if ":role/" in words or words.startswith("arn:"):
            return value if ":role/" in words else None
        if literal is not None and (":" in literal or not literal.strip("/ \t\r\n")):
            return None
        name = value.parts[0].lstrip("/") if isinstance(value.parts[0], str) else value.parts[0]
        before: list[Part] = ["arn:", _PARTITION, ":iam::", _ACCOUNT, ":role/", name]
        return StringNode(join([*before, *value.parts[1:]]), value.at, defaults=value.defaults)

    def _named(self, arn: StringNode) -> str | None:
        """Return the role of this configuration with the path and name of an ARN; none for an ARN of another
        account."""
        account = _account(arn)
        if account and self.account and account != self.account:
            return None
        return self._by_name.get(str(arn).partition(":role/")[2])

    @cached_property
    def _launches(self) -> bool:
        """True if this configuration launches instances, so that the deploying principal uses its launch templates.

        Source: Amazon EC2 User Guide, "Control access to launch templates with IAM permissions".
        """
        return any(resource.type in _LAUNCHERS for resource in self.configuration.resources)

    @cached_property
    def _by_name(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for address, role in self._roles.items():
            name = _path_and_name(role)
            if name is not None:
                found.setdefault(name, address)
            if name is not None and address in self.configuration.surroundings.context.roles:  # where names are unique
                found.setdefault(name.rpartition("/")[2], address)
        return found


def _path_and_name(role: RoleDefinition) -> str | None:
    if role.name is None or GENERATED in role.name.unresolved_parts:
        return None
    path = str(role.role_path).strip("/") if role.role_path is not None else ""
    return f"{path}/{role.name}".lstrip("/")


def _alternatives(value: Node, when: PathCondition = ()) -> Iterator[tuple[PathCondition, StringNode]]:
    """Yield the strings that a value can be, each with its path condition."""
    if isinstance(value, StringNode):
        if value.literal != "":
            yield when, value
    elif isinstance(value, ListNode):
        for item in value.items:
            yield from _alternatives(item, when)
    elif isinstance(value, Choice):
        for outcome, option in value.options:
            if consistent(when, outcome):
                yield from _alternatives(option, extend(when, outcome))


def _word(part: Part) -> str:
    return part if isinstance(part, str) else "…"


def _account(arn: StringNode) -> str | None:
    """Return the literal account in an ARN."""
    found = _ROLE.fullmatch(str(arn))
    return found[2] if found and re.fullmatch(r"\d{12}", found[2]) else None


def _shown(value: StringNode) -> str:
    """Return a value as text; a single unresolved value as its expression."""
    only = value.only_unresolved
    return only.expression if only is not None else str(value)


def distinct(found: Iterable[RoleUse]) -> tuple[RoleUse, ...]:
    """Return one use for each location and role: instances of a block with the same role share the block's address."""

    def key(one: RoleUse) -> Hashable:
        received = one.received
        is_plan = received.resource.framework is Framework.TERRAFORM_PLAN  # each instance stands at its own place
        place = _block(received.resource.address) if is_plan else received.at
        attribute = "/".join("*" if step.isdecimal() else step for step in received.attribute.split("/"))
        return place, attribute, one.label, one.services, one.how

    return tuple(map(_together, grouped((key(one), one) for one in found).values()))


def _together(group: list[RoleUse]) -> RoleUse:
    first = group[0]
    addresses = {one.received.resource.address for one in group}
    shared = set(map(_block, addresses))
    if len(addresses) == 1 or len(shared) != 1:
        return first
    resource = replace(first.received.resource, address=shared.pop())
    return replace(first, received=replace(first.received, resource=resource))


def _block(address: str) -> str:
    """Return the address of the block of an instance."""
    return re.sub(r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]$', "", address)
