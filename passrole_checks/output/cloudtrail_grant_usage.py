"""What the evidence says of a configuration, in the parts of each format that ``trail --against`` adds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from passrole_checks.cloudtrail import Edge, RequestOutcome
from passrole_checks.cloudtrail.grant_usage import DeniedAttempt, GrantMatch, GrantUsage, UsageComparison
from passrole_checks.escaping.markup import code
from passrole_checks.escaping.terminal import harmless, shown
from passrole_checks.iam.partial_values import Ternary
from passrole_checks.output.cloudtrail_text import times
from passrole_checks.output.findings_text import Line, StyledText
from passrole_checks.output.json_output import grant_entry

MOST_EDGES = 10  # of a grant
MOST_ROWS = 300
_ALLOWED = {
    Ternary.YES: "this configuration allows it",
    Ternary.NO: "this configuration does not allow it",
    Ternary.UNKNOWN: "it cannot be told whether this configuration allows it",
}
_WORDS = {Ternary.YES: "yes", Ternary.NO: "no", Ternary.UNKNOWN: "unknown"}


def against_json(against: UsageComparison, edges: Sequence[Edge]) -> dict[str, Any]:
    """``uses`` and ``perhaps`` of a grant, and ``pass``, are numbers of entries in ``passes``, from 0. ``edges`` are
    those that a grant surely lets through, denied ones too: by whom of its principals, and by which pattern."""
    numbers = {id(edge): number for number, edge in enumerate(edges)}

    def grant(used: GrantUsage) -> dict[str, Any]:
        passed = [edge.last for edge in used.surely]
        return {
            **grant_entry(used.grant, used.resource, used.path, tuple(used.holders)),
            "edges": [_way(numbers[id(way.edge)], way) for way in used.ways if way.surely],
            "passed": sum(edge.counts[RequestOutcome.PASSED] for edge in used.surely),
            "last": max(passed, default=None),
            "uses": [numbers[id(edge)] for edge in used.surely],
            "perhaps": [numbers[id(edge)] for edge in used.perhaps],
        }

    return {
        "used": [grant(one) for one in against.used],
        "perhaps_used": [grant(one) for one in against.perhaps],
        "unused": [grant(one) for one in against.unused],
        "denied": [{"pass": numbers[id(one.edge)], "allowed": _WORDS[one.allowed]} for one in against.denied],
        "unknown_principals": [numbers[id(edge)] for edge in against.strangers],
        "granted_elsewhere": [numbers[id(edge)] for edge in against.elsewhere],
    }


def _way(number: int, way: GrantMatch) -> dict[str, Any]:
    edge = way.edge
    return {
        "pass": number,
        "principals": list(way.holders),
        "patterns": list(way.roles),
        "passed": edge.counts[RequestOutcome.PASSED],
        "denied": edge.counts[RequestOutcome.DENIED],
        "last": edge.last or None,
    }


Section = tuple[str, Sequence[GrantUsage | DeniedAttempt | Edge]]


def sections(against: UsageComparison) -> Iterator[Section]:
    """The parts that are told, those in which there is something, each with its heading."""
    for heading, items in (
        ("Granted and used", against.used),
        ("Granted, and perhaps used", against.perhaps),
        ("Granted and never used in these logs", against.unused),
        ("Denied", against.denied),
        ("Passed by principals that this configuration does not know", against.strangers),
        ("Passed, and not granted by this configuration", against.elsewhere),
    ):
        if items:
            yield heading, items


def against_lines(against: UsageComparison) -> Iterator[Line]:
    """For people, in a terminal."""
    for heading, items in sections(against):
        yield (StyledText(heading, "place"),)
        for one in items:
            first, *rest = facts_of(one)
            yield (StyledText("  "), StyledText(harmless(first)))
            yield from ((StyledText("     "), StyledText(harmless(line), "quiet")) for line in rest)
        yield ()


def against_markdown(against: UsageComparison) -> Iterator[str]:
    """The same in Markdown."""
    for heading, items in sections(against):
        yield from ("", f"### {heading}: {len(items):,}", "")
        for one in items[:MOST_ROWS]:
            first, *rest = facts_of(one)
            yield f"- {code(first)}" + "".join(f"<br>{code(line)}" for line in rest)
        if len(items) > MOST_ROWS:
            yield f"- and {len(items) - MOST_ROWS:,} more"


def facts_of(one: GrantUsage | DeniedAttempt | Edge) -> list[str]:
    """An item in words: what it is, then a line for each of its facts."""
    if isinstance(one, GrantUsage):
        return list(_grant(one))
    if isinstance(one, DeniedAttempt):
        return [
            edge_in_words(one.edge),
            f"denied {times(one.edge.counts[RequestOutcome.DENIED])}: {_ALLOWED[one.allowed]}",
        ]
    return [edge_in_words(one), _passed(one)]


def _grant(used: GrantUsage) -> Iterator[str]:
    grant = used.grant
    sid = f"  {grant.sid}" if grant.sid else ""
    yield f"{shown(grant.at.file)}:{grant.at.line}  {used.resource.address}{sid}"
    if used.holders:
        yield f"who {', '.join(list(used.holders)[:3])}" + (" and others" if len(used.holders) > 3 else "")
    for edges, words in ((used.surely, _passed), (used.perhaps, _perhaps)):
        yield from (f"{edge_in_words(edge)}: {words(edge)}" for edge in edges[:MOST_EDGES])
        if len(edges) > MOST_EDGES:
            yield f"and {len(edges) - MOST_EDGES:,} more"


def edge_in_words(edge: Edge, arrow: str = "->") -> str:
    """Who passed what to which service."""
    services = " or ".join(edge.services) or f"whoever {edge.service} hands it to"
    return f"{edge.principal or '?'} {arrow} {edge.passed} {arrow} {services}"


def _passed(edge: Edge) -> str:
    return f"passed {times(edge.counts[RequestOutcome.PASSED])}, last {edge.last[:10]}"


def _perhaps(edge: Edge) -> str:
    return f"perhaps by this: {_passed(edge)}"
