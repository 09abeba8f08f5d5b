"""Which services work with the roles that are passed to them: by whose wish, by whom such a role is assumed, and the
ways to act as one.

Sources: https://pathfinding.cloud for the published ways; the guides of the services to their service roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache

from passrole_checks.aws.assuming_services import assuming_principals
from passrole_checks.aws.escalation_paths import escalation_paths
from passrole_checks.aws.passrole_actions import PassingAction, passing_actions
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.partial_values import Ternary
from passrole_checks.iam.permissions.escalation import Way, family, plain_name


@cache
def ways() -> tuple[Way, ...]:
    """The published ways, then those that follow from what an API does: an action that hands a role to a service which
    runs the caller's code, or calls what the caller chooses. What is only a hint is none."""
    published = tuple(Way(path.id, path.url, path.actions, path.services, path.trusted) for path in escalation_paths())
    derived = tuple(
        Way(item.action, "", (item.action, *item.also, *more), *_for_the_caller(item), derived=True)
        for item in passing_actions().values()
        if item.runs and item.confidence != "hint" and item.services
        for more in _one_of(item.also_any)
    )
    return published + derived


# Services that do with a role what is their own work and no more (they move data, scale, monitor, replicate, keep an
# environment running): nobody's code runs with it, and nobody chooses the calls. Hand-kept, from the guides of these
# services to their service roles, such as "Amazon ECS infrastructure IAM role", "AWS Batch service IAM role", "Elastic
# Beanstalk service roles", "Service role for Amazon EMR (EMR role)", "Amazon EKS cluster IAM role", "IAM service roles"
# of AWS Backup. A service that is not listed is not taken to be one.
_FOR_THEMSELVES = frozenset(
    f"{name}.amazonaws.com"
    for name in (
        "access-analyzer", "application-autoscaling", "autoscaling", "backup", "batch", "cloudtrail", "cloudwatch",
        "codedeploy", "comprehend", "config", "datasync", "dax", "delivery.logs", "dlm", "dms", "ec2fleet", "ecs",
        "eks-fargate-pods", "elasticbeanstalk", "elasticfilesystem", "elasticloadbalancing", "elasticmapreduce",
        "elastictranscoder", "es", "export.rds", "firehose", "forecast", "inspector", "kafka", "logs",
        "malware-protection-plan.guardduty", "malware-protection.guardduty", "mediaconvert", "monitoring.rds",
        "opensearchservice", "personalize", "rekognition", "replication.s3tables", "restore-testing.backup", "s3",
        "spotfleet", "streams.metrics.cloudwatch", "textract", "transcribe", "translate", "vmie", "vpc-flow-logs",
    )
)  # fmt: skip


def _for_the_caller(item: PassingAction) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The services and the trusted principals of an action by which a role gets into the hands of the caller's code."""
    services = tuple(name for name in item.services if name not in _FOR_THEMSELVES)
    if not services:
        return item.services, item.trusted
    return services, tuple(name for name in item.trusted if name not in _FOR_THEMSELVES)


def _one_of(names: Sequence[str]) -> list[tuple[str, ...]]:
    """The ways to choose one of several names; of none there is one, which is nothing."""
    return [(name,) for name in names] or [()]


@cache
def _counterparts() -> Mapping[str, frozenset[str]]:
    """For each value of iam:PassedToService the service principals that the role has to trust, as far as known."""
    found: dict[str, set[str]] = {}
    for service, trusted in assuming_principals().items():
        found.setdefault(plain_name(service), set()).update(map(plain_name, trusted))
    return {service: frozenset(trusted) for service, trusted in found.items()}


def is_documented(service: str) -> bool:
    """Whether it is known which service principals assume the roles that are passed to a service."""
    return plain_name(service) in _counterparts()


def works_for_callers(service: str) -> bool:
    """Whether a service to which a role is passed may run its caller's code, or make the calls that it chooses."""
    return plain_name(service) not in _FOR_THEMSELVES


def acts_for_callers(principal: str) -> bool:
    """The same of a service principal that assumes a role: EKS is handed the roles of pods and of instances, but what
    ``eks.amazonaws.com`` itself assumes is the role of a cluster."""
    return works_for_callers(principal) and plain_name(principal) != "eks.amazonaws.com"


def assumes(role: KnownRole, services: Iterable[str]) -> Ternary:
    """Whether a role that is passed to one of the services can be assumed there, by its trust policy.

    A service may assume a role under another name than it is passed to (``iot.amazonaws.com`` and
    ``credentials.iot.amazonaws.com``); of names of one family that are not known to belong together it cannot be told.
    """
    names = set(map(plain_name, services))
    return trusts(role, names.union(*(_counterparts().get(name, ()) for name in names)))


def trusts(role: KnownRole, names: Iterable[str]) -> Ternary:
    """Whether a role trusts one of these service principals, by its trust policy."""
    return _trusts(role.trusted, role.no_service, role.federated, frozenset(names))


@lru_cache(maxsize=4096)
def _trusts(own: frozenset[str] | None, no_service: bool, federated: bool, names: frozenset[str]) -> Ternary:
    wanted = set(map(plain_name, names))
    if no_service:
        # these work with roles whose trust policies name an identity provider
        provided = {f"{name}.amazonaws.com" for name in ("cognito-identity", "eks", "pods.eks")} & wanted
        return Ternary.UNKNOWN if federated and provided else Ternary.NO
    if own is None:
        return Ternary.UNKNOWN
    trusted = set(map(plain_name, own))
    if trusted & wanted:
        return Ternary.YES
    return Ternary.UNKNOWN if set(map(family, trusted)) & set(map(family, wanted)) else Ternary.NO


def passed_as(trusted: Iterable[str]) -> tuple[str, ...]:
    """The values of iam:PassedToService by which the services that a role trusts are asked for, in order."""
    return _passed_as(frozenset(trusted))


@lru_cache(maxsize=4096)
def _passed_as(trusted: frozenset[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    by_service = _counterparts()
    for name in sorted(trusted):
        plain = plain_name(name)
        others = sorted(service for service, names in by_service.items() if plain in names)
        found.update(dict.fromkeys([name] if plain in by_service or not others else others))
    return tuple(found)
