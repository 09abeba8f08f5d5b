"""What of a configuration's access is new: the access of each principal, before the change and after it.

A policy that is attached to nobody here (or nobody knows to whom) stands for itself: it is compared with what stood at
the same address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from passrole_checks.iam import arn
from passrole_checks.iam.access import Access, Comparison, Gain, access_of
from passrole_checks.iam.arn import Deployment
from passrole_checks.iam.policy import Statement, parse_document
from passrole_checks.sources.resource import AttachedPolicy, Configuration, PolicyKind


@dataclass(frozen=True, slots=True)
class Gainer:
    """Who gains by a statement, and what. ``who``: an address or a name; "" for a policy that stands for itself."""

    who: str
    gain: Gain


class Changes:
    """The change that one configuration is, principal by principal.

    ``account``: the account deployed to, where it is stated. ``services_of``: the known service principals of each
    partition.
    """

    def __init__(
        self,
        configuration: Configuration,
        services_of: Mapping[str, Collection[str]],
        account: str | None,
    ) -> None:
        self.services_of = services_of
        self.stated, self.home = account, configuration.home
        self.before = _by_holder(configuration.before or ())
        self.after = _by_holder((*configuration.policies, *configuration.unchanged))
        self._statements: dict[int, tuple[Statement, ...]] = {}
        self._comparisons: dict[tuple[str, Deployment], Comparison] = {}

    def gainers(
        self, policy: AttachedPolicy, statement: Statement, *, many_accounts: bool = False
    ) -> tuple[Gainer, ...]:
        """Who can pass roles by an Allow of ``policy`` that could not before; each with the difference.

        ``many_accounts``: the policy is provisioned into several accounts.
        """
        where = Deployment(None, self.home.partitions) if many_accounts else self._where(statement)
        found = []
        for key in _keys(policy):
            gain = self._comparison(key, where).gain_of(statement)
            if gain is not None:
                found.append(Gainer("" if key.startswith(_ITSELF) else key, gain))
        return tuple(found)

    def loses_a_denial(self, policy: AttachedPolicy) -> bool:
        """Whether a Deny that held for one of a policy's holders may not hold any more."""
        return any(self._comparison(key, self.home).denials_changed for key in _keys(policy))

    def _comparison(self, key: str, where: Deployment) -> Comparison:
        known = self._comparisons.get((key, where))
        if known is None:
            known = self._comparisons[key, where] = Comparison(
                self._access(self.before.get(key, ())), self._access(self.after.get(key, ())), self.services_of, where
            )
        return known

    def _access(self, policies: Iterable[AttachedPolicy]) -> Access:
        statements = [statement for policy in policies for statement in self._read(policy)]
        return access_of(statements, self.services_of)

    def _read(self, policy: AttachedPolicy) -> tuple[Statement, ...]:
        known = self._statements.get(id(policy))
        if known is None:
            known = self._statements[id(policy)] = parse_document(policy.document).statements
        return known

    def _where(self, statement: Statement) -> Deployment:
        """Where the holder stands. An account that is not stated but only seen is not held against one that is named:
        another provider may deploy to it."""
        if self.stated is not None:
            return Deployment(self.stated, self.home.partitions)
        named = {arn.account_of(pattern) for pattern in statement.resources or statement.not_resources or ()}
        return self.home if named <= {None, self.home.account} else Deployment(None, self.home.partitions)


_ITSELF = "\0"  # before the address of a policy that stands for itself


def _keys(policy: AttachedPolicy) -> tuple[str, ...]:
    return tuple(dict.fromkeys(policy.principals)) or (_ITSELF + policy.resource.address,)


def _by_holder(policies: Iterable[AttachedPolicy]) -> dict[str, list[AttachedPolicy]]:
    """The policies of each principal, and those at each address."""
    found: dict[str, list[AttachedPolicy]] = {}
    for policy in policies:
        if policy.kind is PolicyKind.IDENTITY:
            for key in (*dict.fromkeys(policy.principals), _ITSELF + policy.resource.address):
                found.setdefault(key, []).append(policy)
    return found
