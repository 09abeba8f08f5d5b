"""Suppressions: apply them to findings, and report those without a reason or an effect."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from passrole_checks.findings import Finding
from passrole_checks.iam.values.nodes import Position
from passrole_checks.sources.model.configuration import Suppression


def apply(findings: Sequence[Finding], suppressions: Sequence[Suppression]) -> tuple[list[Finding], set[Suppression]]:
    """Return the findings, each with its suppression if there is one, and the suppressions that were used."""
    used: set[Suppression] = set()
    marked: list[Finding] = []
    for finding in findings:
        matching = [item for item in suppressions if item.check_id == finding.check_id and _holds(item, finding)]
        used.update(matching)
        # a reason is worth more than none
        chosen = next((item for item in matching if item.reason), matching[0] if matching else None)
        marked.append(replace(finding, suppressed=chosen) if chosen else finding)
    return marked, used


def unused(
    suppressions: Sequence[Suppression], used: Collection[Suppression], ran: Collection[str]
) -> Iterator[Suppression]:
    """Return the unused suppressions of checks that ``ran``; the first of an entry that names several checks."""
    working = {_entry(item) for item in suppressions if item in used or item.check_id not in ran}
    for item in suppressions:
        if _entry(item) not in working:
            working.add(_entry(item))
            yield item


def notes(findings: Iterable[Finding], unused: Iterable[Suppression]) -> Iterator[tuple[Position, str]]:
    """Return notes on suppressions with their locations, each once in a run: those without a reason, then unused ones.

    A module is part of each root that calls it, and a nested template of each stack.
    """
    applied = {finding.suppressed for finding in findings if finding.suppressed}
    bare = [item for item in applied if not item.reason.strip()]
    bare.sort(key=lambda item: (item.at.file, item.at.line, item.check_id))
    said = [(item.at, f"{item.check_id} is suppressed without a reason") for item in bare]
    said += [(item.at, f"this suppression of {item.written or item.check_id} suppresses nothing") for item in unused]
    yield from {(at.file, at.line, words): (at, words) for at, words in said}.values()


def _entry(suppression: Suppression) -> tuple[object, ...]:
    """Return what identifies a suppression: a template that is nested twice contains it twice."""
    if suppression.written:
        return suppression.at, suppression.written
    return suppression.at, suppression.check_id


def _holds(suppression: Suppression, finding: Finding) -> bool:
    address = finding.resource.address
    # one in a module block holds for everything in that call, instances included
    if suppression.resource is not None and (
        suppression.resource == address or address.startswith((f"{suppression.resource}.", f"{suppression.resource}["))
    ):
        return True
    span = suppression.span
    if span is not None:
        return span.file == finding.at.file and span.covers(finding.at.line)
    return suppression.resource is None and suppression.at.file == finding.at.file
