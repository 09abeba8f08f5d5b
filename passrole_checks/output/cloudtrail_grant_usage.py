"""Usage of a configuration's grants, in each format of ``trail --against``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from passrole_checks.cloudtrail import Edge, RequestOutcome
from passrole_checks.cloudtrail.grant_usage import DeniedAttempt, GrantUsage, UsageComparison
from passrole_checks.escaping.markup import code
from passrole_checks.escaping.terminal import display_path, sanitize, typed_path
from passrole_checks.iam.values.nodes import Ternary
from passrole_checks.output.cloudtrail_text import describe_denied, times
from passrole_checks.output.findings_text import Line, StyledText
from passrole_checks.output.json_output import grant_entry
from passrole_checks.scan.condition_words import condition_text

MOST_EDGES = 10  # of a grant
MOST_ROWS = 300
_ALLOWED = {
    Ternary.YES: "allowed by this code",
    Ternary.NO: "not allowed by this code",
    Ternary.UNKNOWN: "unknown whether this code allows it",
}
_WORDS = {Ternary.YES: "yes", Ternary.NO: "no", Ternary.UNKNOWN: "unknown"}


def against_json(against: UsageComparison, edges: Sequence[Edge]) -> dict[str, Any]:
    """Return the JSON of grant usage.

    ``uses`` and ``perhaps`` of a grant, and ``pass``, are indices into ``passes``. ``edges`` of a grant are the passes,
    also denied ones, that it certainly covers, with the matching principals and patterns.
    """
    numbers = {id(edge): number for number, edge in enumerate(edges)}

    def grant(used: GrantUsage) -> dict[str, Any]:
        passed = [edge.last for edge in used.surely]
        return {
            **grant_entry(used.grant, used.resource, used.path, tuple(used.holders)),
            "managed_policy": used.managed or None,
            "when": condition_text(used.when) or None,
            "edges": [
                {
                    "pass": numbers[id(through.edge)],
                    "principals": list(through.holders),
                    "patterns": list(through.roles),
                    "passed": through.edge.counts[RequestOutcome.PASSED],
                    "denied": through.edge.counts[RequestOutcome.DENIED],
                    "last": through.edge.last or None,
                }
                for through in used.ways
                if through.surely
            ],
            "passed": sum(edge.counts[RequestOutcome.PASSED] for edge in used.surely),
            "last": max(passed, default=None),
            "uses": [numbers[id(edge)] for edge in used.surely],
            "perhaps": [numbers[id(edge)] for edge in used.perhaps],
        }

    return {
        "used": [grant(item) for item in against.used],
        "perhaps_used": [grant(item) for item in against.perhaps],
        "unused": [grant(item) for item in against.unused],
        "denied": [{"pass": numbers[id(item.edge)], "allowed": _WORDS[item.allowed]} for item in against.denied],
        "unknown_principals": [numbers[id(edge)] for edge in against.strangers],
        "granted_elsewhere": [numbers[id(edge)] for edge in against.elsewhere],
    }


Section = tuple[str, Sequence[GrantUsage | DeniedAttempt | Edge]]


def sections(against: UsageComparison) -> Iterator[Section]:
    """Yield the non-empty sections, each with its heading."""
    for heading, items in (
        ("Used", against.used),
        ("Possibly used", against.perhaps),
        ("Never used in these logs", against.unused),
        ("Denied", against.denied),
        ("Principals not defined in this code", against.strangers),
        ("Passed, but not granted by this code", against.elsewhere),
    ):
        if items:
            yield heading, items


def count_usage(against: UsageComparison) -> Iterator[tuple[str, int]]:
    """Yield what counts most, each with its number: grants by use, then denied passes, and those that the code does not
    explain."""
    for words, items in (("used", against.used), ("possibly used", against.perhaps), ("never used", against.unused)):
        yield words, len(items)
    yield "denied", sum(item.edge.counts[RequestOutcome.DENIED] for item in against.denied)
    for words, edges in (("by unknown principals", against.strangers), ("not granted here", against.elsewhere)):
        yield words, sum(edge.counts[RequestOutcome.PASSED] for edge in edges)


def summarize_usage(against: UsageComparison) -> str:
    """Return the counts of :func:`count_usage` in two sentences."""
    counts = [f"{number:,} {words}" for words, number in count_usage(against)]
    return f"Grants: {', '.join(counts[:3])}. Passes: {', '.join(counts[3:])}."


def against_lines(against: UsageComparison) -> Iterator[Line]:
    """Return the counts and the sections as lines of text."""
    yield (StyledText(summarize_usage(against)),)
    yield ()
    for heading, items in sections(against):
        yield (StyledText(heading, "place"),)
        for item in items:
            first, *rest = describe_item(item, typed_path)
            yield (StyledText("  "), StyledText(sanitize(first)))
            yield from ((StyledText("     "), StyledText(sanitize(line), "quiet")) for line in rest)
        yield ()


def against_markdown(against: UsageComparison) -> Iterator[str]:
    """Return the counts and the sections as Markdown."""
    yield from ("", summarize_usage(against))
    for heading, items in sections(against):
        yield from ("", f"### {heading}: {len(items):,}", "")
        for item in items[:MOST_ROWS]:
            first, *rest = describe_item(item)
            yield f"- {code(first)}" + "".join(f"<br>{code(line)}" for line in rest)
        if len(items) > MOST_ROWS:
            yield f"- and {len(items) - MOST_ROWS:,} more"


def describe_item(item: GrantUsage | DeniedAttempt | Edge, name: Callable[[str], str] = display_path) -> list[str]:
    """Return a description of an item: its title, then a line for each fact. ``name``: returns the name of a file."""
    if isinstance(item, GrantUsage):
        return list(_describe_grant(item, name))
    if isinstance(item, DeniedAttempt):
        denied = f"denied {times(item.edge.counts[RequestOutcome.DENIED])}: {_ALLOWED[item.allowed]}"
        action = [f"denied action: {describe_denied(item.edge)}"] if item.edge.denied_actions.shown else []
        return [describe_edge(item.edge), denied, *action]
    return [describe_edge(item), _describe_passes(item)]


def _describe_grant(used: GrantUsage, name: Callable[[str], str]) -> Iterator[str]:
    grant = used.grant
    sid = f"  {grant.sid}" if grant.sid else ""
    yield f"{name(grant.at.file)}:{grant.at.line}  {used.resource.address}{sid}"
    if used.managed:
        yield f"policy {used.managed} (AWS managed)"
    if used.when:
        yield f"when {condition_text(used.when)}"
    if used.holders:
        yield f"who {', '.join(list(used.holders)[:3])}" + (" and others" if len(used.holders) > 3 else "")
    for edges, words in ((used.surely, ""), (used.perhaps, "possibly through this grant: ")):
        yield from (f"{describe_edge(edge)}: {words}{_describe_passes(edge)}" for edge in edges[:MOST_EDGES])
        if len(edges) > MOST_EDGES:
            yield f"and {len(edges) - MOST_EDGES:,} more"


def describe_edge(edge: Edge, arrow: str = "->") -> str:
    """Return who passed which role to which service."""
    services = " or ".join(edge.services) or f"unknown service (through {edge.service})"
    return f"{edge.principal or '?'} {arrow} {edge.passed} {arrow} {services}"


def _describe_passes(edge: Edge) -> str:
    return f"passed {times(edge.counts[RequestOutcome.PASSED])}, last {edge.last[:10]}"
