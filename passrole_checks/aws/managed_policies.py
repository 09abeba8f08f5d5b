"""Complete documents of the AWS managed policies.

Source: IAM User Guide, "AWS managed policies"; AWS Managed Policy Reference Guide. ``tools.aws_facts`` takes the data
(``managed_policies.json.xz``) from the package moto (see ``NOTICE``). AWS changes its policies without notice: a
document is valid as of its `version`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from passrole_checks.aws.data_files import read_json
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

_FILE = "managed_policies.json.xz"
_ARN = lazy_regex(r"arn:[\w-]+:iam::aws:policy/(?:[^/\s]+/)*([\w+=,.@-]+)")


@dataclass(frozen=True, slots=True, eq=False)
class ManagedPolicy:
    """An AWS managed policy: its name, its ARN in the partition ``aws`` (including a path such as ``service-role/``),
    its version, and its document. Two are equal if they are the same object."""

    name: str
    arn: str
    version: str
    document: Mapping[str, Any]


@cache
def managed_policies() -> Mapping[str, ManagedPolicy]:
    """Return all known AWS managed policies by name. The first call takes about a tenth of a second."""
    return MappingProxyType(
        {
            name: ManagedPolicy(name, f"arn:aws:iam::aws:policy/{path}{name}", version, document)
            for name, (path, version, document) in read_json(_FILE)["policies"].items()
        }
    )


def managed_policy(arn_or_name: str) -> ManagedPolicy | None:
    """Return the AWS managed policy with an ARN (of any partition; its path must match) or a bare name; None if
    unknown."""
    if not arn_or_name.startswith("arn:"):
        return managed_policies().get(arn_or_name)
    name = aws_managed_name(arn_or_name)
    policy = managed_policies().get(name) if name is not None else None
    if policy is None or policy.arn.partition("::")[2] != arn_or_name.partition("::")[2]:
        return None
    return policy


def aws_managed_name(arn: str) -> str | None:
    """Return the policy name in the ARN of an AWS managed policy of any partition, known or not; None for other
    ARNs."""
    match = _ARN.fullmatch(arn)
    return match[1] if match else None
