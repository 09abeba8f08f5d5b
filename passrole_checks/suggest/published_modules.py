"""The services that published modules can pass roles to, for modules that are not available.

Hand-kept, from the resources of the modules of ``terraform-aws-modules`` (Terraform Registry): the services of the
roles that these receive, whether the module creates the roles or gets their ARNs.
Left out: modules that combine several of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.terraform.modules.downloaded_modules import NOT_DOWNLOADED

_NONE = (
    "acm", "alb", "elasticache", "elb", "iam", "key-pair", "kms", "route53", "secrets-manager",
    "security-group", "sqs", "ssm-parameter", "transit-gateway", "vpn-gateway",
)  # fmt: skip
_SERVICES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    **dict.fromkeys(_NONE, ()),
    "cloudwatch": ("streams.metrics.cloudwatch",),
    "dynamodb-table": ("application-autoscaling", "dynamodb"),
    "ec2-instance": ("ec2",),
    "ecr": ("ecr", "ecr.replication", "templates.ecr"),
    "ecs": ("application-autoscaling", "codedeploy", "ec2", "ecs", "ecs-tasks", "vpc-lattice"),
    "eventbridge": ("apidestinations.events", "ecs-tasks", "events", "pipes", "scheduler", "schemas"),
    "lambda": ("edgelambda", "lambda"),
    "rds": ("directoryservice.rds", "monitoring.rds", "rds"),
    "rds-aurora": ("application-autoscaling", "directoryservice.rds", "monitoring.rds", "rds"),
    "s3-bucket": ("batchoperations.s3", "s3"),
    "sns": ("sns",),
    "step-functions": ("states",),
    "vpc": ("delivery.logs", "vpc-flow-logs"),
})  # fmt: skip
_MISSING = lazy_regex(rf"module \S+ \((.*)\) {re.escape(NOT_DOWNLOADED)}", re.DOTALL)
_SOURCE = lazy_regex(
    r"(?:(?:registry\.(?:terraform\.io|opentofu\.org)/)?terraform-aws-modules/(?P<registry>[\w-]+)/aws"
    r"|(?:git::)?(?:https://|ssh://git@|git@)?github\.com[/:]terraform-aws-modules/terraform-aws-(?P<git>[\w-]+)"
    r"(?:\.git)?)(?://(?P<inner>[^?]*))?(?:\?.*)?"
)


def published_module(source: str) -> tuple[str, str] | None:
    """Return the name of a module of ``terraform-aws-modules`` and the folder inside of it ("" for the module itself);
    None for other sources."""
    found = _SOURCE.fullmatch(source)
    return (found["registry"] or found["git"], found["inner"] or "") if found is not None else None


def services_of_missing_module(reason: str) -> tuple[str, ...] | None:
    """Return the services that the module of a note on a missing one can pass roles to; None if that is not known."""
    missing = _MISSING.match(reason)
    module = published_module(missing[1]) if missing is not None else None
    services = _SERVICES.get(module[0]) if module is not None else None
    return tuple(f"{service}.amazonaws.com" for service in services) if services is not None else None
