"""Passes put together: who passed which role to which service, how often, and when last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from passrole_checks.evidence.model import Outcome, Pass

MOST = 20  # of the names that an edge lists; all are counted


@dataclass(slots=True)
class Listed:
    """Some of the different texts that occur, and how many occur: the first of them, in the order of their times."""

    shown: dict[str, int] = field(default_factory=dict)
    others: int = 0

    def add(self, text: str) -> None:
        """Counts a text; one that is empty does not count."""
        if text in self.shown:
            self.shown[text] += 1
        elif text and len(self.shown) < MOST:
            self.shown[text] = 1
        elif text:
            self.others += 1


@dataclass(slots=True)
class Edge:
    """All passes of a role (or of an instance profile whose role is not known) by a principal to a service.

    `counts` by outcome; `first` and `last` are times of what passed, or, where nothing did, of the attempts. `events`:
    how often by ``eventName``; `resources`, `sources` (IP addresses or services), `source_identities`, `sessions`
    (identities as the events have them), `regions`, `accounts`, `errors` as far as they are listed.
    """

    principal: str
    role: str
    instance_profile: str
    services: tuple[str, ...]
    service: str
    counts: Counter[Outcome] = field(default_factory=Counter)
    first: str = ""
    last: str = ""
    events: Counter[str] = field(default_factory=Counter)
    resources: Listed = field(default_factory=Listed)
    sources: Listed = field(default_factory=Listed)
    sessions: Listed = field(default_factory=Listed)
    source_identities: Listed = field(default_factory=Listed)
    regions: Listed = field(default_factory=Listed)
    accounts: Listed = field(default_factory=Listed)
    errors: Listed = field(default_factory=Listed)

    @property
    def passed(self) -> str:
        """What was passed: the role, else the instance profile."""
        return self.role or self.instance_profile

    def add(self, one: Pass) -> None:
        """Takes a pass in; they come in the order of their times."""
        if one.outcome is Outcome.PASSED and not self.counts[Outcome.PASSED]:
            self.first = self.last = ""  # those of attempts
        if one.outcome is Outcome.PASSED or not self.counts[Outcome.PASSED]:
            self.first = self.first or one.time
            self.last = one.time
        self.counts[one.outcome] += 1
        self.events[one.event] += 1
        for listed, text in (
            (self.resources, one.resource),
            (self.sources, one.source_ip),
            (self.sessions, one.who.arn if one.who.arn != one.who.principal else ""),
            (self.source_identities, one.who.source_identity),
            (self.regions, one.region),
            (self.accounts, one.account),
            (self.errors, one.error_code),
        ):
            listed.add(text)


def summarized(passes: Iterable[Pass]) -> list[Edge]:
    """The edges, by principal, role and service. Memory grows with their number, and not with that of the passes."""
    found: dict[tuple[str, ...], Edge] = {}
    for one in passes:
        profile = "" if one.role else one.instance_profile
        key = (one.who.principal, one.role, profile, ",".join(one.services), "" if one.services else one.service)
        edge = found.get(key)
        if edge is None:
            edge = found[key] = Edge(one.who.principal, one.role, profile, one.services, one.service)
        edge.add(one)
    return [found[key] for key in sorted(found)]
