"""Resources that own all policies of a kind of their principals, and remove those that they do not list."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from passrole_checks.iam.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class PolicyOwner:
    """A resource that removes policies which it does not list from its principals ``holders``.

    ``managed``: it owns managed policies, else inline ones. ``listed``: the names of inline policies, or the addresses,
    ARNs and names of managed ones. ``mentioned``: the expressions of unknown elements of its list. ``of_policy``: it
    owns the attachments of the one policy that it lists, and detaches it from all other principals.
    """

    address: str
    holders: frozenset[str]
    managed: bool
    listed: frozenset[str]
    mentioned: str = ""
    of_policy: bool = False

    def removed_from(self, principals: Iterable[str], names: Collection[str], *, managed: bool) -> frozenset[str]:
        """Return the principals that may lose a policy. ``names``: its name, or its address, ARN and name."""
        if managed is not self.managed:
            return frozenset()
        if self.of_policy:
            return frozenset(principals) - self.holders if not self.listed.isdisjoint(names) else frozenset()
        is_listed = not self.listed.isdisjoint(names) or any(map(self._is_mentioned, names))
        return frozenset() if is_listed else self.holders.intersection(principals)

    def _is_mentioned(self, name: str) -> bool:
        """True if an expression refers to the address of a policy."""
        return "." in name and re.search(rf"{re.escape(name)}(?![\w-])", self.mentioned) is not None

    @property
    def reason(self) -> str:
        """Why a Deny of a policy that it removes is not counted."""
        return f"{self.address} {'detaches it from other principals' if self.of_policy else 'does not list it'}"


def policy_names(arn: str) -> tuple[str, ...]:
    """Return the ARN or the address of a managed policy, and the name in the ARN of a customer managed one."""
    _, found, path = arn.rpartition(":policy/")
    return (arn, path.rpartition("/")[2]) if found and ":iam::aws:" not in arn else (arn,)
