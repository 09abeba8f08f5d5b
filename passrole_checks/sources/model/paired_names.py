"""Pair the IAM entities that a configuration declares with those of an account, where their names are not known before
deployment.

Entities of CloudFormation are paired by the stack and the logical id in their tags, or in the form of a generated name;
others by the name with unknown parts that they have in code, if a single entity of the account matches it.

Sources: CloudFormation User Guide, "Resource type tags" (``aws:cloudformation:logical-id``), "Name type" (generated
names).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.iam.values.nodes import StringNode, Unresolved
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, Framework
from passrole_checks.sources.model.principal_names import kind_of

_ROLE = "AWS::IAM::Role"
_GENERATED = r"-[A-Z0-9]{8,13}"  # the end of a name that CloudFormation generates
_LEAST_KNOWN = 3  # characters of a name with unknown parts

MANAGED_TYPES = frozenset({"aws_iam_policy", "awscc_iam_managed_policy", "AWS::IAM::ManagedPolicy"})
"""Types of customer managed policies in every format."""

Key = tuple[str, str]
"""Kind and name, in lower case."""

_Here = TypeVar("_Here")
_There = TypeVar("_There")


def is_managed(policy: AttachedPolicy) -> bool:
    """True if a policy is a customer managed policy, not an inline policy."""
    return policy.resource.type in MANAGED_TYPES


def address_type(configuration: Configuration, address: str) -> str:
    """Return the type of a resource; of one of Terraform that the configuration does not list, by its address."""
    listed = next((one.type for one in configuration.resources if one.address == address), "")
    segments = address.split(".")
    return listed or next((one for one in segments if one.startswith(("aws_iam_", "awscc_iam_"))), "")


def partial_names(configuration: Configuration) -> Iterator[tuple[str, str, StringNode]]:
    """Yield kind, address and name of the roles, users, groups and managed policies of a configuration that have a name
    with unknown parts."""
    for role in configuration.roles:
        if role.name is not None:
            yield "role", role.resource.address, role.name
    for address, name in configuration.users:
        yield kind_of(address_type(configuration, address)) or "user", address, name
    for policy in (*configuration.policies, *configuration.change.unchanged, *configuration.other_policies):
        if policy.partial_name is not None and is_managed(policy):
            yield "policy", policy.resource.address, policy.partial_name


def only_matches(
    named: Iterable[tuple[str, _Here, StringNode]], candidates: Mapping[Key, _There]
) -> dict[_There, _Here]:
    """Return the candidates that are the only ones to match a name with unknown parts, with what has this name.

    A candidate that one name alone matches is out of the question for the other names. Names with less than three known
    characters in a row are left out.
    """
    patterns = {here: (kind, pattern) for kind, here, name in named if (pattern := _pattern(name)) is not None}
    matching = {
        here: {key for key in candidates if key[0] == kind and pattern.fullmatch(key[1])}
        for here, (kind, pattern) in patterns.items()
    }
    found: dict[_There, _Here] = {}
    while True:
        claims = Counter(next(iter(keys)) for keys in matching.values() if len(keys) == 1)
        sure = {here: key for here, keys in matching.items() if len(keys) == 1 and claims[key := next(iter(keys))] == 1}
        if not sure:
            return found
        found |= {candidates[key]: here for here, key in sure.items()}
        taken = set(sure.values())
        matching = {here: keys - taken for here, keys in matching.items() if here not in sure}


def _pattern(name: StringNode) -> re.Pattern[str] | None:
    parts = expand(name.parts)
    is_partial = any(isinstance(part, Unresolved) for part in parts)
    if not is_partial or not any(isinstance(part, str) and len(part) >= _LEAST_KNOWN for part in parts):
        return None
    text = "".join(re.escape(part) if isinstance(part, str) else ".+" for part in parts)
    return re.compile(text, re.IGNORECASE)


def generated_names(
    configuration: Configuration, account: Configuration, known: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield entities of the account that a template declares without a name, with their logical ids.

    They have the tags of CloudFormation, or names of the form that it generates; only where that is unambiguous.
    ``known``: the entities whose names are known, with their logical ids.
    """
    if configuration.framework not in (Framework.CLOUDFORMATION, Framework.SAM):
        return
    types = {one.address: one.type for one in account.resources}
    made = {one.address: one for one in account.provisioning.stack_resources}
    declared = {one.address: one.type for one in configuration.resources if one.type in types.values()}
    declared |= {role.resource.address: _ROLE for role in configuration.roles}
    declared |= {one.resource.address: one.resource.type for one in configuration.policies if is_managed(one)}
    for address, type_ in declared.items():
        if address in known.values():
            continue
        *stacks, logical_id = address.split(".")
        stack = (re.escape(configuration.provisioning.stack) or ".+") + "".join(
            f"-{re.escape(one)}{_GENERATED}" for one in stacks
        )
        name = re.compile(f"{stack}-{re.escape(logical_id)}{_GENERATED}")
        left = [arn for arn, of in types.items() if of == type_ and arn not in known]
        tagged = [
            arn
            for arn in left
            if arn in made and made[arn].logical_id == logical_id and re.fullmatch(stack, made[arn].stack)
        ]
        found = tagged or [arn for arn in left if name.fullmatch(arn.rpartition("/")[2])]
        if len(found) == 1:
            yield found[0], address
