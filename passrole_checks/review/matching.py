"""Which findings of HEAD were there in BASE: the same words first, then the same statement in other words.

A fingerprint holds neither lines nor files, so that it follows a statement wherever it is moved to; addresses that were
taken for the same are one. Of findings that are equal in all of this, as those of two roots are, each belongs to one
other, those in the same file first. What is silenced in BASE, by a suppression or a baseline, was not there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from passrole_checks.checks import ALL
from passrole_checks.findings import Finding
from passrole_checks.iam.partial_values import Position
from passrole_checks.scan.fingerprint import digest

# What a finding leaves unsaid of its statement, because it says it more strongly: what is said when it is gone was so
# before.
_SAYS_AS_WELL = {
    "PASSROLE_001": frozenset({"PASSROLE_002", "PASSROLE_006", "PASSROLE_007", "PASSROLE_012"}),
    "PASSROLE_003": frozenset({"PASSROLE_002"}),
}
# What a check leaves to others where they say it no less surely: what it says once they are less sure was so before.
_YIELDS_TO = {check.id: frozenset(check.superseded_by) for check in ALL if check.superseded_by}


@dataclass(frozen=True, slots=True)
class Names:
    """How both versions name things. ``old`` and ``new`` say how a file of either is called in HEAD, so that those of
    one file are equal; ``addresses``: those of BASE with those of HEAD, where they differ."""

    old: Callable[[str], str]
    new: Callable[[str], str]
    addresses: Mapping[str, str] = field(default_factory=dict)

    def uses(self, finding: Finding) -> frozenset[str]:
        """The addresses of a finding of BASE, as HEAD has them."""
        return frozenset(self.addresses.get(use, use) for use in finding.uses)

    def print_of(self, finding: Finding, *, old: bool = False) -> str:
        """A fingerprint without the number by which a scan tells equal ones apart; of BASE with HEAD's addresses."""
        address = finding.resource.address
        statement = (finding.managed,) if finding.managed or finding.grant is None else finding.grant.statement.identity
        if old and self.addresses:
            address = self.addresses.get(address, address)
            statement = tuple(self._renamed(words) for words in statement)
        return digest(finding.check_id, finding.framework.value, address, *statement)

    def _renamed(self, words: str) -> str:
        for old, new in self.addresses.items():
            if old in words:
                words = re.sub(rf"(?<![\w.]){re.escape(old)}(?![\w-])", new.replace("\\", r"\\"), words)
        return words


@dataclass(frozen=True, slots=True)
class Matched:
    """``pairs``: findings of HEAD, by their number, with those of BASE that they were; ``reworded``: those of them
    whose statement is written otherwise now; ``gone``: the findings of BASE that are no more; ``unsaid``: those of HEAD
    that were so before, and were not said because of one that is gone."""

    pairs: Mapping[int, Finding]
    reworded: frozenset[int]
    gone: tuple[Finding, ...]
    unsaid: frozenset[int]


HasGrown = Callable[[Finding], bool]
"""Whether the statement of a finding of HEAD gives more access than in BASE."""

Counterpart = Callable[[Finding], "tuple[Position, str] | None"]
"""For a finding of HEAD: where its statement stood in BASE (and by which path), as far as that is known."""


def matched(
    old: Sequence[Finding], new: Sequence[Finding], names: Names, counterpart: Counterpart, has_grown: HasGrown
) -> Matched:
    """Pair the findings of two versions."""
    pairs: dict[int, Finding] = {}
    by_words: dict[str, list[int]] = defaultdict(list)
    for number, finding in enumerate(old):
        by_words[names.print_of(finding, old=True)].append(number)
    prints = [names.print_of(finding) for finding in new]
    for in_place in (True, False):
        for number, finding in enumerate(new):
            candidates = by_words.get(prints[number], [])
            if number in pairs or not candidates:
                continue
            file = names.new(finding.at.file)
            chosen = next((one for one in candidates if not in_place or names.old(old[one].at.file) == file), None)
            if chosen is not None:
                pairs[number] = old[chosen]
                candidates.remove(chosen)
    left = sorted(number for numbers in by_words.values() for number in numbers)

    reworded: set[int] = set()
    for likeness in _LIKENESSES:
        for number, finding in enumerate(new):
            if number in pairs:
                continue
            there = counterpart(finding)
            for one in left:
                if old[one].check_id == finding.check_id and likeness(old[one], finding, names, there):
                    pairs[number] = old[one]
                    reworded.add(number)
                    left.remove(one)
                    break

    gone = tuple(old[number] for number in left)
    unsaid = {
        number
        for number, finding in enumerate(new)
        if number not in pairs
        and (
            any(
                finding.check_id in _SAYS_AS_WELL.get(other.check_id, ())
                and _is_same_statement(other, finding, names, counterpart(finding))
                for other in gone
            )
            or (said_by(old, finding, names, counterpart) and not has_grown(finding))
        )
    }
    return Matched(pairs, frozenset(reworded), gone, frozenset(unsaid))


def said_by(old: Iterable[Finding], finding: Finding, names: Names, counterpart: Counterpart) -> bool:
    """Whether in BASE another check, to which this one leaves it, said as much of the statement."""
    others = [one for one in old if one.check_id in _YIELDS_TO.get(finding.check_id, ())]
    found = were_at(others, finding, names, counterpart) if others else ()
    return any(one.severity.rank >= finding.severity.rank for one in found)


def is_still_said(gone: Finding, new: Iterable[Finding], names: Names, counterpart: Counterpart) -> bool:
    """Whether what a finding of BASE said is said in HEAD by a check to which its own leaves it."""
    return any(
        one.check_id in _YIELDS_TO.get(gone.check_id, ())
        and one.severity.rank >= gone.severity.rank
        and were_at([gone], one, names, counterpart)
        for one in new
    )


def were_at(old: Iterable[Finding], finding: Finding, names: Names, counterpart: Counterpart) -> list[Finding]:
    """The findings of BASE at the statement of a finding of HEAD."""
    there = counterpart(finding)
    return [other for other in old if _is_same_statement(other, finding, names, there)]


def _is_counterpart(old: Finding, _new: Finding, _names: Names, there: tuple[Position, str] | None) -> bool:
    return there is not None and (old.at, old.statement_path) == there


def _is_named_alike(old: Finding, new: Finding, names: Names, _there: object) -> bool:
    """Whether one policy holds both, under one Sid or, where they have none, in one place."""
    if old.framework is not new.framework or names.uses(old).isdisjoint(new.uses) or old.managed != new.managed:
        return False
    if old.sid or new.sid:
        return old.sid == new.sid
    return old.statement_path == new.statement_path and _likeness(old) == _likeness(new)


def _is_in_place(old: Finding, new: Finding, names: Names, _there: object) -> bool:
    """Whether the same stands in the same place of one file, in the hands of others."""
    return (
        old.framework is new.framework
        and names.old(old.at.file) == names.new(new.at.file)
        and old.managed == new.managed
        and (old.sid or "") == (new.sid or "")
        and old.grant is not None
        and new.grant is not None
        and old.grant.statement.identity == new.grant.statement.identity
    )


_LIKENESSES = (_is_counterpart, _is_named_alike, _is_in_place)


def _is_same_statement(old: Finding, new: Finding, names: Names, there: tuple[Position, str] | None) -> bool:
    return any(likeness(old, new, names, there) for likeness in _LIKENESSES)


def _likeness(finding: Finding) -> Hashable:
    """What of a statement without a Sid is likely to stay while it is edited: what it is about, its actions."""
    if finding.grant is None:
        return None
    statement = finding.grant.statement
    return statement.effect, statement.actions is None, statement.resources is None
