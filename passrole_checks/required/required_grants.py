"""Compute the PassRole permissions that a deployment needs: which roles, to which services, and no more.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service": exact roles in ``Resource``,
``iam:PassedToService`` in ``Condition``, ``iam:GetRole`` beside ``iam:PassRole``; a service-linked role is passed only
if it is named. IAM API Reference, CreateRole (``RoleName``: letters, digits and ``_+=,.@-``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from passrole_checks.access.policy_quotas import MOST_MANAGED
from passrole_checks.access.role_consumers import GENERATED, PASSED, STACK_NAME, RoleConsumers, RoleUse, distinct
from passrole_checks.aws.service_principals import known_services
from passrole_checks.findings import Confidence
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Part, StringNode, Unresolved, UnresolvedKind
from passrole_checks.required.policy_statements import (
    ACCOUNT,
    MAX_ATTACHED,
    PARTITION,
    Blank,
    Pattern,
    Policy,
    RequiredStatement,
    pack_into_policies,
    sort_patterns,
)
from passrole_checks.sources.model.configuration import Configuration, Framework
from passrole_checks.sources.value_file import added_by_files, with_values_of

_CONFIDENCE = {"documented": Confidence.HIGH, "corroborated": Confidence.MEDIUM, "hint": Confidence.LOW}
_WORDS = lazy_regex(r"[A-Za-z0-9]+")
_NO_NAMES = frozenset({"aws", "var", "local", "data", "module", "resolve", "ssm", "fn"})
_RESERVED = frozenset({
    "awsaccountid", "awspartition",
    # reserved names of variables (Terraform documentation, "Input Variables")
    "count", "dependson", "foreach", "lifecycle", "locals", "providers", "source", "version",
})  # fmt: skip
_POLICY_NAMES = lazy_regex(r"passroles\d*")  # names of the policies themselves
_LONGEST_WORD = 40
_LONGEST_NOTE = 200  # characters of an expression or a name in a note
_MOST_NOTES = 10  # of one kind
# characters of a role ARN; others are invalid in role names, or special in a policy
_ARN_PART = lazy_regex(r"[A-Za-z0-9_+=,.@:/-]*")
_NO_ACCOUNT = lazy_regex(r"arn:[^:]*:iam::(?!\d{12}:|\d*\Z)")
_MOST_IN_A_SID = 3
_SUFFIX = ".amazonaws.com"


@dataclass(frozen=True, slots=True)
class Required:
    """PassRole permissions that a deployment needs.

    ``received``: the attributes through which a resource receives a role; ``policies``: the policies to write (several
    if one would be too long); ``blanks``: their placeholders; ``notes``: remarks for the user.
    """

    received: tuple[RoleUse, ...]
    policies: tuple[Policy, ...]
    blanks: tuple[Blank, ...]
    notes: tuple[str, ...]

    @property
    def statements(self) -> tuple[RequiredStatement, ...]:
        """Return the statements of all policies."""
        return tuple(one for policy in self.policies for one in policy)


def confidence_of(one: RoleUse) -> Confidence:
    """Return the confidence that this role is passed to this service."""
    stated = _CONFIDENCE.get(one.received.receiver.confidence, Confidence.LOW)
    if one.arn is None or one.arn.only_unresolved is not None or not one.services:
        return Confidence.LOW
    return stated


@dataclass(frozen=True, slots=True)
class _Deployment:
    """The roles that the resources of a configuration receive. ``base``: the same without the values of a file."""

    base: Configuration
    consumers: RoleConsumers
    roles: tuple[RoleUse, ...]


def compute_required(
    configurations: Sequence[Configuration],
    account: str | None = None,
    variants_of: Callable[[Configuration], Sequence[Configuration]] = lambda configuration: (),
) -> Required:
    """Return the permissions that deploying these configurations together needs, with the values of any file.

    ``variants_of``: returns a configuration with the values of each of its files. Roles that only they pass name the
    files in ``when``.
    """
    configurations = _deployed(configurations)
    deployments = [
        deployment
        for configuration in configurations
        for deployment in _with_variants(configuration, variants_of(configuration), account)
    ]
    ordered = sorted((one for deployment in deployments for one in deployment.roles), key=_position_key)
    role_uses = tuple({_identity(one): one for one in ordered}.values())
    partition = _only_partition(role_uses, configurations)
    namer = _Namer(partition, many=len(configurations) > 1)
    needs: dict[str, dict[Pattern, None]] = {}
    unknown_services: list[RoleUse] = []
    invalid_names: list[RoleUse] = []
    for deployment in deployments:
        for one in deployment.roles:
            if one.how != PASSED:
                continue
            if not _has_valid_arn(one):
                invalid_names.append(one)
                continue
            if not one.services:
                unknown_services.append(one)
            pattern = namer.pattern(one, deployment)
            for service in _services(one, partition):
                needs.setdefault(service, {})[pattern] = None
    policies = pack_into_policies(_statements(needs))
    notes = (
        *(
            f"{label}: not a valid role name or account; the role of {resource} is not in any statement"
            for label, resource in _roles_with_resource(invalid_names)
        ),
        *(
            f"{label}: the service that uses it through {resource} is unknown; it is not in any statement"
            for label, resource in _roles_with_resource(unknown_services)
        ),
        *_generated_name_notes(role_uses),
        *_policy_count_notes(policies),
    )
    return Required(role_uses, policies, _blanks(policies), notes)


def _with_variants(
    configuration: Configuration, variants: Sequence[Configuration], account: str | None
) -> Iterable[_Deployment]:
    """Yield a configuration with its roles, and its variants with those that they add."""
    consumers = RoleConsumers(configuration, account)
    base = _Deployment(configuration, consumers, distinct(consumers.requested))
    yield base
    roles_by_file = ((one.surroundings.values.label, _roles_of(one, account)) for one in variants)
    known = set(map(_identity, base.roles))
    for ((consumers, role), *_), labels in added_by_files(known, roles_by_file, lambda pair: _identity(pair[1])):
        yield _Deployment(configuration, consumers, (replace(role, when=(*role.when, with_values_of(labels))),))


def _roles_of(configuration: Configuration, account: str | None) -> Iterator[tuple[RoleConsumers, RoleUse]]:
    """Yield the roles that the resources of a configuration receive."""
    consumers = RoleConsumers(configuration, account)
    return ((consumers, role) for role in distinct(consumers.requested))


def _identity(one: RoleUse) -> object:
    """Return what is equal for one role that is received at one position."""
    return _position_key(one), one.label, str(one.arn), one.services, one.how


def _deployed(configurations: Sequence[Configuration]) -> Sequence[Configuration]:
    """Return the configurations except templates that another one deploys; these are read as its nested stacks."""
    stacks = {
        one.at.file
        for configuration in configurations
        for one in configuration.received
        if one.attribute.startswith("template_body/") and one.at.file != one.resource.at.file
    }
    deployed = {os.path.realpath(file) for file in stacks}
    own = (Framework.CLOUDFORMATION, Framework.SAM)
    return [one for one in configurations if one.framework not in own or os.path.realpath(one.files[0]) not in deployed]


def _position_key(one: RoleUse) -> tuple[object, ...]:
    """Return the position at which a role is received; two roots that call one module share it."""
    received = one.received
    at = received.at
    return at.file, at.line, at.column, received.resource.address, received.attribute


def _services(one: RoleUse, partition: str | None) -> tuple[str, ...]:
    """Return the services of a role. In China some send another name, depending on the call: both are listed."""
    if partition != "aws-cn":
        return one.services
    known = known_services(partition)
    return tuple(
        name for service in one.services for name in (service, f"{service}.cn") if name in known or name == service
    )


def _only_partition(found: Iterable[RoleUse], configurations: Iterable[Configuration]) -> str | None:
    """Return the only partition that ARNs or configurations state; None if there are none or several."""
    homes = (configuration.change.home.partitions for configuration in configurations)
    stated = {partitions[0] for partitions in homes if len(partitions) == 1}
    stated |= {match[1] for one in found if (match := re.match(r"arn:(aws[\w-]*):", str(one.arn)))}
    return stated.pop() if len(stated) == 1 else None


def _statements(needs: dict[str, dict[Pattern, None]]) -> tuple[RequiredStatement, ...]:
    """Build one statement for all services that receive the same roles."""
    services_by_roles: dict[frozenset[Pattern], list[str]] = {}
    for service in sorted(needs):
        services_by_roles.setdefault(frozenset(needs[service]), []).append(service)
    return tuple(
        RequiredStatement(_sid(services), "iam:PassRole", sort_patterns(patterns), tuple(services))
        for patterns, services in services_by_roles.items()
    )


def _sid(services: Sequence[str]) -> str:
    names = [
        "".join(word[:1].upper() + word[1:] for word in _WORDS.findall(service.removesuffix(_SUFFIX)))
        for service in services
    ]
    shown = names if len(names) <= _MOST_IN_A_SID else [*names[: _MOST_IN_A_SID - 1], f"{len(names) - 2}More"]
    return "PassRolesTo" + "And".join(shown)


class _Namer:
    """Convert ARNs with unresolved values into patterns with placeholders, each with a unique name."""

    def __init__(self, partition: str | None, *, many: bool) -> None:
        self._many = many
        self._partition: str | Blank = partition or PARTITION
        self._known: dict[tuple[object, str], Blank] = {}
        self._taken = set(_RESERVED)

    def pattern(self, one: RoleUse, deployment: _Deployment) -> Pattern:
        arn = one.arn or StringNode((Unresolved(f"role in {one.profile}"),), one.received.at)
        parts: list[str | Blank] = []
        for part in self._parts(arn.parts, one, deployment):
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part != "":
                parts.append(part)
        return tuple(parts)

    def _parts(self, given: Iterable[Part], one: RoleUse, deployment: _Deployment) -> Iterable[str | Blank]:
        unit = deployment.consumers
        for part in given:
            if isinstance(part, str):
                yield part
            elif part == GENERATED:
                yield "*"
            elif part.known:
                yield from self._parts(part.known, one, deployment)
            elif part.kind is UnresolvedKind.PARTITION:
                yield self._partition
            elif part.kind is UnresolvedKind.ACCOUNT_ID and not self._is_supplied(part, unit):
                yield unit.account or ACCOUNT
            else:
                yield self._blank(part, one, deployment.base)

    @staticmethod
    def _is_supplied(part: Unresolved, unit: RoleConsumers) -> bool:
        """True if the deployment supplies this account id, so that it need not be the account deployed to."""
        return part.expression.startswith("var.") or part.expression in unit.configuration.provisioning.parameters

    def _blank(self, part: Unresolved, one: RoleUse, base: Configuration) -> Blank:
        key = (id(base), part.expression)
        if key not in self._known:
            words = tuple(word for word in _WORDS.findall(part.expression) if word.lower() not in _NO_NAMES)
            words = tuple(word[:_LONGEST_WORD] for word in words[-4:]) or ("Value",)
            if words[0][0].isdigit() or _POLICY_NAMES.fullmatch("".join(words).lower()):
                words = ("Value", *words)
            name, number = words, 2
            while (joined := "".join(name).lower()) in self._taken:
                name, number = (*words, str(number)), number + 1
            self._taken.add(joined)
            file = one.received.resource.at.file if self._many else ""
            self._known[key] = Blank(name, _describe_blank(part, one), file)
        return self._known[key]


def _blanks(policies: Sequence[Policy]) -> tuple[Blank, ...]:
    """Return the placeholders in policies, each once, without the account and the partition."""
    patterns = (pattern for policy in policies for one in policy for pattern in one.resources)
    used = [part for pattern in patterns for part in pattern if isinstance(part, Blank)]
    return tuple(dict.fromkeys(part for part in used if part not in (ACCOUNT, PARTITION)))


def _describe_blank(part: Unresolved, one: RoleUse) -> str:
    reason = f" ({part.reason})" if part.reason else ""
    words = _shorten(part.expression)
    if part.expression.rpartition(".")[2] == STACK_NAME.expression:
        where = f" of {words.rpartition('.')[0]}" if "." in words else ""
        return f"the name of the stack{where}; if it is longer than 24 characters, the first 24 and an asterisk"
    if part.expression == f"role in {one.profile}":
        return f"the ARN of the role in the instance profile {_shorten(one.profile)}"
    if one.arn is not None and one.arn.only_unresolved == part:
        return f"the role ARN {words}{reason}"
    if part.expression.endswith(".path"):
        return f"{words}, with a trailing slash; empty if the role has no path"
    return f"the value of {words}{reason}"


def _has_valid_arn(one: RoleUse) -> bool:
    """True if the known parts of the ARN are valid in a role ARN and literal in a policy.

    A role cannot be called ``*``, and as a Resource this would match all roles.
    """
    arn = one.arn
    if arn is None:
        return True
    pending, literals = list(arn.parts), list[str]()
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            literals.append(part)
        else:
            pending.extend(part.known or ())
    first = arn.parts[0]
    return all(map(_ARN_PART.fullmatch, literals)) and not (isinstance(first, str) and _NO_ACCOUNT.match(first))


def _roles_with_resource(found: Iterable[RoleUse]) -> Iterable[tuple[str, str]]:
    """Yield each role with the first resource that receives it, up to a limit; the last label counts the remaining
    ones.
    """
    first: dict[str, str] = {}
    for one in found:
        first.setdefault(one.label, one.received.resource.address)
    shown = list(first.items())[:_MOST_NOTES]
    for number, (label, resource) in enumerate(shown, 1):
        more = f" (and {len(first) - number} similar roles)" if number == len(shown) < len(first) else ""
        yield _shorten(label) + more, _shorten(resource)


def _shorten(words: str) -> str:
    return words if len(words) <= _LONGEST_NOTE else f"{words[:_LONGEST_NOTE]}…"


def _policy_count_notes(policies: Sequence[Policy]) -> Iterable[str]:
    if len(policies) > 1:
        yield f"a managed policy is limited to {MOST_MANAGED:,} characters, so this is {len(policies)} policies"
    if len(policies) > MAX_ATTACHED:
        yield (
            f"this exceeds the quota of {MAX_ATTACHED} managed policies per user or role: "
            "give all roles a common path or name prefix to cover them with one statement"
        )


def _generated_name_notes(found: Iterable[RoleUse]) -> Iterable[str]:
    roles = dict.fromkeys(one.label for one in found if one.how == PASSED and one.generated)
    if roles:
        names = ", ".join(list(roles)[:5]) + (f" and {len(roles) - 5} more" if len(roles) > 5 else "")
        yield f"the name of {names} is generated at deployment: the statements contain its prefix"
