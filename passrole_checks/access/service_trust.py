"""How services use passed roles: who assumes them, whether caller code runs, and the known escalation paths.

Sources: https://pathfinding.cloud for the published paths; the service guides on their service roles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache

from passrole_checks.aws.assuming_services import assuming_principals
from passrole_checks.aws.escalation_paths import escalation_paths
from passrole_checks.aws.passrole_actions import PassingAction, passing_actions
from passrole_checks.aws.required_resources import REQUIRED_RESOURCES
from passrole_checks.iam.documents.trust import KnownRole
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.permissions.escalation import PassedRolePath, normalize_service, service_family
from passrole_checks.iam.values.nodes import Ternary


@cache
def all_paths() -> tuple[PassedRolePath, ...]:
    """Return the published paths, then inferred ones: actions that pass a role to a service that runs caller code.

    Also actions that let the caller choose the calls of the service. Actions that are only hinted at are left out.
    """
    published = tuple(
        PassedRolePath(path.id, path.url, path.actions, path.services, path.trusted, required=_required(path.actions))
        for path in escalation_paths()
    )
    derived = tuple(
        PassedRolePath(item.action, "", actions, *_without_own_work(item), derived=True, required=_required(actions))
        for item in passing_actions().values()
        if item.runs and item.confidence != "hint" and item.services
        for more in _choices(item.also_any)
        for actions in ((item.action, *item.also, *more),)
    )
    return published + derived


def _required(actions: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the actions with the pattern of each resource type that they require."""
    return tuple((name, pattern) for name in actions for pattern in REQUIRED_RESOURCES.get(name, ()))


# Services that do with a role what is their own work and no more (they move data, scale, monitor, replicate, keep an
# environment running): nobody's code runs with it, and nobody chooses the calls. Hand-kept, from the guides of these
# services to their service roles, such as "Amazon ECS infrastructure IAM role", "AWS Batch service IAM role",
# "Service role for Amazon EMR (EMR role)", "Amazon EKS cluster IAM role", "IAM service roles" of AWS Backup, "Allowing
# MediaPackage to access other AWS services", "Give AWS Marketplace access to your AMI". A service that is not listed is
# not taken to be one: Partner Central account management gives roles to people, an agent of the Well-Architected Tool
# may call what it is asked to, clients of a DAX cluster "inherit the permissions" of its role (DynamoDB Developer
# Guide, "DAX access control"), a connector of an OpenSearch domain sends requests that its creator writes (OpenSearch
# Service Developer Guide, "Amazon OpenSearch Service ML connectors for AWS services"), and Elastic Beanstalk creates
# what its caller declares: resources of any type in `.ebextensions` are added to the template of the environment
# (Elastic Beanstalk Developer Guide, "Adding and customizing Elastic Beanstalk environment resources"), and an
# operations role is used for all calls to other services (API Reference, CreateEnvironment: OperationsRole).
_OWN_WORK_SERVICES = frozenset(
    f"{name}.amazonaws.com"
    for name in (
        "access-analyzer", "application-autoscaling", "assets.marketplace", "autoscaling", "backup", "batch",
        "cloudtrail", "cloudwatch", "codedeploy", "comprehend", "config", "datasync", "delivery.logs", "dlm",
        "dms", "ec2fleet", "ecs", "eks-fargate-pods", "elasticfilesystem", "elasticloadbalancing", "elasticmapreduce",
        "elastictranscoder", "export.rds", "firehose", "forecast", "healthlake",
        "inspector", "kafka", "logs", "lookoutequipment", "malware-protection-plan.guardduty",
        "malware-protection.guardduty", "mediaconnect", "mediaconvert", "mediapackage", "medical-imaging",
        "monitoring.rds", "neptune-graph", "personalize", "qldb", "rekognition",
        "replication.s3tables", "resource-snapshot-job.partnercentral-selling", "restore-testing.backup", "s3",
        "spot", "spotfleet", "streams.metrics.cloudwatch", "telemetry-pipelines.observabilityadmin", "textract",
        "transcribe", "translate", "vmie", "vpc-flow-logs",
    )
)  # fmt: skip


# Services that make calls which callers choose, but only with roles that exist for that: launch roles of products
# (Service Catalog Administrator Guide, "AWS Service Catalog Launch Constraints"), roles of an agent's profile
# (Well-Architected Tool), roles of DAX clusters (DynamoDB Developer Guide, "DAX access control"). Roles with the
# permissions of a workload, or of a pipeline, do not trust them.
_ONE_PURPOSE_SERVICES = frozenset(
    f"{name}.amazonaws.com" for name in ("dax", "servicecatalog", "wellarchitected", "agent.wellarchitected")
)

# wildcards that AWS uses for suffixes and Regions: "elasticmapreduce.amazonaws.com*", "dms.*.amazonaws.com"
_ANY_SUFFIX = lazy_regex(r"(?<=\.amazonaws\.com)\*$|(?<=[a-z0-9])\.\*(?=\.amazonaws\.com)")


def _without_own_work(item: PassingAction) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the services and trusted principals of an action by which a role reaches caller code."""
    services = tuple(name for name in item.services if name not in _OWN_WORK_SERVICES)
    if not services:
        return item.services, item.trusted
    return services, tuple(name for name in item.trusted if name not in _OWN_WORK_SERVICES)


def _choices(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the ways to choose one of several names; one empty choice if there are none."""
    return [(name,) for name in names] or [()]


@cache
def _trusted_by_service() -> Mapping[str, frozenset[str]]:
    """Return the service principals that a role must trust for each value of iam:PassedToService, as far as known."""
    found: dict[str, set[str]] = {}
    for service, trusted in assuming_principals().items():
        found.setdefault(normalize_service(service), set()).update(map(normalize_service, trusted))
    return {service: frozenset(trusted) for service, trusted in found.items()}


def is_documented(service: str) -> bool:
    """True if it is known which service principals assume the roles that are passed to a service."""
    return normalize_service(service) in _trusted_by_service()


def works_for_callers(service: str) -> bool:
    """True if a service may run code of its callers with a passed role, or make calls that they choose."""
    return normalize_service(_ANY_SUFFIX.sub("", service)) not in _OWN_WORK_SERVICES


def has_roles_of_one_purpose(service: str) -> bool:
    """True if only roles made for a service trust it, all of which serve one purpose."""
    return normalize_service(service) in _ONE_PURPOSE_SERVICES


def acts_for_callers(principal: str) -> bool:
    """True if a service principal that assumes a role may run caller code.

    Roles of pods and instances are passed to EKS, but what ``eks.amazonaws.com`` assumes is the role of a cluster.
    """
    return works_for_callers(principal) and normalize_service(principal) != "eks.amazonaws.com"


def assumes(role: KnownRole, services: Iterable[str]) -> Ternary:
    """Return YES if one of the services can assume a role that is passed to it, by the trust policy of the role.

    A service may assume a role under another name than it is passed to (``iot.amazonaws.com`` and
    ``credentials.iot.amazonaws.com``); UNKNOWN for names of one family that are not known to belong together.
    """
    names = set(map(normalize_service, services))
    return trusts(role, names.union(*(_trusted_by_service().get(name, ()) for name in names)))


def trusts(role: KnownRole, names: Iterable[str]) -> Ternary:
    """Return YES if the trust policy of a role allows one of these service principals."""
    return _trusts(role.trusted, role.no_service, role.federated, frozenset(names))


def surely_excludes(role: KnownRole, names: Iterable[str]) -> bool:
    """True if a role trusts only services of known use, and none of these service principals.

    A cluster's role trusts ``eks.amazonaws.com``, which is known not to be what gives roles to pods.
    """
    trusted = set(map(normalize_service, role.may_trust))
    return bool(trusted) and trusted <= _known_principals() and trusted.isdisjoint(map(normalize_service, names))


@cache
def _known_principals() -> frozenset[str]:
    """Return the service principals that are known to assume passed roles, or to receive them."""
    by_service = _trusted_by_service()
    return frozenset(by_service).union(*by_service.values())


@lru_cache(maxsize=4096)
def _trusts(own: frozenset[str] | None, no_service: bool, federated: bool, names: frozenset[str]) -> Ternary:
    wanted = set(map(normalize_service, names))
    if no_service:
        # these work with roles whose trust policies name an identity provider
        provided = {f"{name}.amazonaws.com" for name in ("cognito-identity", "eks", "pods.eks")} & wanted
        return Ternary.UNKNOWN if federated and provided else Ternary.NO
    if own is None:
        return Ternary.UNKNOWN
    trusted = set(map(normalize_service, own))
    if trusted & wanted:
        return Ternary.YES
    return Ternary.UNKNOWN if set(map(service_family, trusted)) & set(map(service_family, wanted)) else Ternary.NO


def passed_to_service_values(trusted: Iterable[str]) -> tuple[str, ...]:
    """Return the values of iam:PassedToService under which the trusted services of a role receive it, in order."""
    return _passed_as(frozenset(trusted))


@lru_cache(maxsize=4096)
def _passed_as(trusted: frozenset[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    by_service = _trusted_by_service()
    for name in sorted(trusted):
        plain = normalize_service(name)
        others = sorted(service for service, names in by_service.items() if plain in names)
        found.update(dict.fromkeys([name] if plain in by_service or not others else others))
    return tuple(found)
