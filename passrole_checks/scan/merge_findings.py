"""Merge findings of one cause: a statement that ten resources or three roots use, or that has variants.

Differences between them, such as path conditions and defaults, become part of the message.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.findings import Finding
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.partial_values import Position
from passrole_checks.iam.path_conditions import disjunction_of
from passrole_checks.scan.condition_words import when_in_words
from passrole_checks.sources.model.addresses import module_of, seen_from
from passrole_checks.sources.model.configuration import HandedTo

_CONSUMERS = {
    HandedTo.MODULE: "The policy is handed to {}, whose source is not downloaded.",
    HandedTo.RESOURCE: "The policy is handed to {}, which may transform it before attaching it.",
    HandedTo.OUTPUT: "The policy is handed to {}, which other code may attach.",
    HandedTo.COMMAND: "{} runs a command that applies this policy.",
    HandedTo.POLICY_DOCUMENT: "No scanned code attaches this policy document.",
}


def shared_places(statements: Iterable[Statement]) -> Iterator[Position]:
    """Yield the positions of more than one statement, as in a JSON text of unknown layout.

    The same statement included twice in a document counts once.
    """
    seen: dict[Position, Statement] = {}
    for statement in statements:
        first = seen.setdefault(statement.at, statement)
        if first.path != statement.path and first.identity != statement.identity:
            yield statement.at


def merge_across_roots(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Merge equal findings about one statement of a module that several roots call."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        silenced = finding.suppressed is not None
        module = module_of(finding.resource.address)  # two roots call it by two names
        identity = [seen_from(module, words) for words in finding.grant.statement.identity] if finding.grant else []
        message = seen_from(module, finding.message)
        verdict = (finding.check_id, finding.severity, finding.confidence, message)
        groups.setdefault((finding.at, finding.framework, *verdict, silenced, *identity), []).append(finding)
    for same in groups.values():
        uses = tuple(dict.fromkeys(use for finding in same for use in finding.uses))
        principals = tuple(dict.fromkeys(name for finding in same for name in finding.principals))
        yield replace(same[0], uses=uses, principals=principals) if len(same) > 1 else same[0]


def merge_by_statement(findings: Iterable[Finding], shared: Collection[Position]) -> Iterator[Finding]:
    """Merge the findings of one check and statement: ten resources become ten uses, and the worst variant represents
    it.

    ``shared``: positions of more than one statement, which are distinguished by their paths."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        within = finding.grant.statement.path if finding.grant is not None and finding.at in shared else ""
        within = finding.managed or within  # the statements of an AWS managed policy count as one
        groups.setdefault((finding.check_id, finding.at, within, finding.suppressed is None), []).append(finding)
    for group in groups.values():
        by_user: dict[tuple[str, tuple[str, ...]], Finding] = {}
        for finding in group:
            user = (finding.resource.address, finding.who)
            known = by_user.get(user)
            if known is None or _badness(finding) > _badness(known):
                by_user[user] = finding
        verdicts: dict[tuple[object, ...], list[Finding]] = {}
        for finding in by_user.values():
            said = (finding.confidence, finding.message) if finding.who else ()
            verdicts.setdefault((finding.severity, *said), []).append(finding)
        for same in verdicts.values():
            yield _merge(same, group)


def _merge(same: Sequence[Finding], group: Sequence[Finding]) -> Finding:
    """Return findings of one verdict as one; ``group``: all findings of its check and statement."""
    uses = tuple(dict.fromkeys(finding.resource.address for finding in same))
    principals = tuple(dict.fromkeys(name for finding in same for name in finding.principals))
    who = tuple(dict.fromkeys(name for finding in same for name in finding.who))
    alike = [finding for finding in group if set(finding.who) <= set(who)]
    several = same[0].message_for_several if len(who) > 1 else ""
    message = (several or same[0].message) + _circumstances(alike, same[0])
    if who:
        names = [shortened(name) for name in who if name]
        message = f"{listed(names) if names else 'Every principal with this policy'} {message}"
    when = disjunction_of([item.grant.statement.when for item in alike if item.grant is not None])
    return replace(same[0], uses=uses, principals=principals, who=who, message=message, when=when)


def _circumstances(group: Sequence[Finding], shown: Finding) -> str:
    """Return sentences with the path conditions of a finding, its defaults, and other variants that are flagged.

    ``group``: all findings of this check for the statement.
    """
    if shown.grant is None:
        return ""
    equal = [item for item in group if item.severity is shown.severity]
    own = [item for item in equal if item.resource.address == shown.resource.address]
    said = _when_in_words([item for item in own if item.message == shown.message])
    elsewhere = {item.resource.address: item for item in equal if item.message == shown.message}.values()
    alike = all(
        _when_in_words([item for item in equal if _is_about(item, other)]) == said
        for other in elsewhere
        if other is not shown
    )
    words = f" Applies {said}{'' if alike else f' for {shown.resource.address}'}." if said else ""
    if shown.handed_to is not None:
        words += f" {_CONSUMERS[shown.handed_to].format(shown.resource.address)}"
    others = [item for item in own if item.message != shown.message]
    if others and not shown.managed:
        when = _when_in_words(others)
        words += f" Another variant is flagged as well{f', {when}' if when else ''}."
    defaults = shown.grant.statement.defaults
    if defaults:
        words += f" Using the default of {', '.join(f'`{one}`' for one in defaults[:3])}"
        words += f"{', …' if len(defaults) > 3 else ''}."
    return words


def _is_about(finding: Finding, other: Finding) -> bool:
    return finding.resource.address == other.resource.address and finding.message == other.message


def _when_in_words(findings: Sequence[Finding]) -> str:
    """Return ``when`` and the path conditions of some findings; "" if they always apply."""
    return when_in_words([finding.grant.statement.when for finding in findings if finding.grant is not None])


def _badness(finding: Finding) -> tuple[int, int]:
    return finding.severity.rank, finding.confidence.rank
