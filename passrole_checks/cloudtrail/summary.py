"""Aggregate passes: which principal passed which role to which service, how often, and when last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import field

from passrole_checks.cloudtrail.model import Pass, RequestOutcome
from passrole_checks.iam.fast_dataclass import dataclass

MAX_VALUES = 20  # names listed per edge; all are counted


@dataclass(slots=True)
class DistinctValues:
    """The first distinct strings in order of time, with counts; ``others`` counts occurrences of the rest."""

    shown: dict[str, int] = field(default_factory=dict)
    others: int = 0

    def add(self, text: str) -> None:
        """Count a string; empty strings are ignored."""
        if text in self.shown:
            self.shown[text] += 1
        elif text and len(self.shown) < MAX_VALUES:
            self.shown[text] = 1
        elif text:
            self.others += 1

    def merge(self, other: DistinctValues) -> None:
        """Merge the counts of another list."""
        for text, number in other.shown.items():
            if text in self.shown or len(self.shown) < MAX_VALUES:
                self.shown[text] = self.shown.get(text, 0) + number
            else:
                self.others += number
        self.others += other.others


@dataclass(slots=True)
class Edge:
    """All passes of a role (or of an instance profile with an unknown role) by a principal to a service.

    `counts`: by outcome; `first` and `last`: times of successful passes, or, if there are none, of the attempts.
    `events`: counts by ``eventName``; `resources`, `sources` (IP addresses or services), `source_identities`,
    `sessions` (identities as in the events), `regions`, `accounts`, `errors`, `denied_actions`, `denied_roles`: the
    first distinct values.
    """

    principal: str
    role: str
    instance_profile: str
    services: tuple[str, ...]
    service: str
    counts: Counter[RequestOutcome] = field(default_factory=Counter)
    first: str = ""
    last: str = ""
    events: Counter[str] = field(default_factory=Counter)
    resources: DistinctValues = field(default_factory=DistinctValues)
    sources: DistinctValues = field(default_factory=DistinctValues)
    sessions: DistinctValues = field(default_factory=DistinctValues)
    source_identities: DistinctValues = field(default_factory=DistinctValues)
    regions: DistinctValues = field(default_factory=DistinctValues)
    accounts: DistinctValues = field(default_factory=DistinctValues)
    errors: DistinctValues = field(default_factory=DistinctValues)
    denied_actions: DistinctValues = field(default_factory=DistinctValues)
    denied_roles: DistinctValues = field(default_factory=DistinctValues)

    @property
    def passed(self) -> str:
        """Return what was passed: the role, else the instance profile."""
        return self.role or self.instance_profile

    @property
    def _listed(self) -> tuple[DistinctValues, ...]:
        return (
            self.resources, self.sources, self.sessions, self.source_identities, self.regions, self.accounts,
            self.errors, self.denied_actions, self.denied_roles,
        )  # fmt: skip

    def add(self, one: Pass) -> None:
        """Add a pass; passes come in order of time."""
        if one.outcome is RequestOutcome.PASSED and not self.counts[RequestOutcome.PASSED]:
            self.first = self.last = ""  # discard the times of attempts
        if one.outcome is RequestOutcome.PASSED or not self.counts[RequestOutcome.PASSED]:
            self.first = self.first or one.time
            self.last = one.time
        self.counts[one.outcome] += 1
        self.events[one.event] += 1
        texts = (
            one.resource, one.source_ip, one.who.arn if one.who.arn != one.who.principal else "",
            one.who.source_identity, one.region, one.account, one.error_code, one.denied_action, one.denied_role,
        )  # fmt: skip
        for listed, text in zip(self._listed, texts, strict=True):
            listed.add(text)

    def merge(self, other: Edge) -> None:
        """Merge another edge."""
        passed, others = self.counts[RequestOutcome.PASSED], other.counts[RequestOutcome.PASSED]
        if bool(passed) == bool(others):
            self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        elif others:
            self.first, self.last = other.first, other.last
        self.counts += other.counts
        self.events += other.events
        for mine, others_ in zip(self._listed, other._listed, strict=True):
            mine.merge(others_)


def aggregate_passes(passes: Iterable[Pass]) -> list[Edge]:
    """Aggregate passes into edges by principal, role and service. Memory grows with the number of edges, not of passes.

    Names of roles are unique in an account, whatever their paths (IAM User Guide, "IAM and AWS STS quotas", "IAM name
    requirements"), so a role given by name in one event is the role with this name in an ARN of another event.
    """
    found: dict[tuple[str, ...], Edge] = {}
    arns: dict[tuple[str, str], str] = {}
    for one in passes:
        if one.role.startswith("arn:"):
            arns[one.account, one.role.rpartition("/")[2]] = one.role
        key = _key(one.who.principal, one.role, one.instance_profile, one.services, one.service, one.account)
        edge = found.get(key)
        if edge is None:
            profile = "" if one.role else one.instance_profile
            edge = found[key] = Edge(one.who.principal, one.role, profile, one.services, one.service)
        edge.add(one)
    whole: dict[tuple[str, ...], Edge] = {}
    for key, edge in found.items():
        account = key[-1]
        edge.role = arns.get((account, edge.role.rpartition("/")[2]), edge.role) if account else edge.role
        merged = _key(edge.principal, edge.role, edge.instance_profile, edge.services, edge.service, account)
        if merged in whole:
            whole[merged].merge(edge)
        else:
            whole[merged] = edge
    return [whole[key] for key in sorted(whole)]


def _key(
    principal: str, role: str, profile: str, services: tuple[str, ...], service: str, account: str
) -> tuple[str, ...]:
    """Return the key of an edge. An ARN contains the account, a name does not."""
    own = "" if role.startswith("arn:") else account
    return principal, role, "" if role else profile, ",".join(services), "" if services else service, own
