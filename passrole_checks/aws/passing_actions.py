"""All values of ``iam:PassedToService`` that an action can send, whether that list is complete, and its source.

``tools.aws_facts`` writes the data (``passing_actions.json``) from ``passing.toml``, ``passrole_actions.json`` and the
AWS managed policies. The first source is the table "API operations" of the Service Authorization Reference, which lists
the values by operation; names of preview and pre-production environments are left out. What a service runs with a role,
and which values matter for that, is in `passrole_actions`.

Some services do not support the key, and AWS does not name them (IAM User Guide, "IAM and AWS STS condition context
keys"). So a key is either sent, by a source, or unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from passrole_checks.aws.data_files import SUFFIX, expand_principals, read_json
from passrole_checks.aws.service_principals import known_services
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.patterns.glob import wildcard_match

_FILE = "passing_actions.json"


@dataclass(frozen=True, slots=True)
class PassedValues:
    """The values of ``iam:PassedToService`` that one action can send.

    `action` is spelled as AWS does. `closed`: no other value is possible. `key_sent`: each request that passes a role
    carries the key. `source` is the evidence, "" if `values` follow only from the name of the service: SAR is the
    Service Authorization Reference, MP an AWS managed policy, UG a user guide.
    """

    action: str
    values: tuple[str, ...]
    closed: bool
    key_sent: bool
    source: str


@cache
def passed_values() -> Mapping[str, PassedValues]:
    """Return all actions that may pass a role, by name in lower case."""
    data = read_json(_FILE)
    sources = data["evidence"]
    return MappingProxyType(
        {
            f"{prefix}:{name}".lower(): PassedValues(
                f"{prefix}:{name}",
                expand_principals(services),
                closed=letters[0] == "c",
                key_sent=letters[1] == "s",
                source=sources[number],
            )
            for prefix, actions in data["actions"].items()
            for name, (letters, services, number) in actions.items()
        }
    )


def values_of(action: str) -> tuple[str, ...]:
    """Return the values of ``iam:PassedToService`` that an action can send; empty if it passes no role."""
    known = passed_values().get(action.lower())
    return known.values if known is not None else ()


def may_pass_role(pattern: str) -> bool:
    """True if an action pattern (``ecs:Run*``) matches an action that may pass a role."""
    wanted = pattern.lower()
    return wanted in passed_values() or any(wildcard_match(wanted, name) for name in passed_values())


@cache
def services_sent() -> frozenset[str]:
    """Return the services for which AWS documents or relies on it that requests carry the key with their name."""
    return frozenset(value for known in passed_values().values() if known.key_sent for value in known.values)


def names_in_partition(values: Iterable[str], partition: str | None) -> tuple[str, ...]:
    """Return values with the names of the same services in a partition; in all partitions if it is None.

    In China, requests carry a ``.amazonaws.com.cn`` name, or the same name as elsewhere: see
    `service_principals.known_services`. In GovCloud, Amazon Cognito is ``cognito-identity-us-gov`` (AWS managed policy
    AmazonESCognitoAccess).
    """
    found: dict[str, None] = {}
    for value in values:
        found[value] = None
        if partition in (None, "aws-cn") and f"{value}.cn" in known_services("aws-cn"):
            found[f"{value}.cn"] = None
        if partition in (None, "aws-us-gov") and value == f"cognito-identity{SUFFIX}":
            found[f"cognito-identity-us-gov{SUFFIX}"] = None
    return tuple(found)
