"""Merge findings of one cause: a statement that ten resources or three roots use, or that has variants.

Differences between them, such as path conditions and defaults, become part of the message.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile

from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.findings import EVERYTHING, Confidence, Finding
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position
from passrole_checks.iam.values.path_conditions import disjunction_of
from passrole_checks.scan.condition_words import when_in_words
from passrole_checks.sources.model.addresses import module_of, seen_from
from passrole_checks.sources.model.configuration import Framework, HandedTo, ResourceDefinition
from passrole_checks.sources.model.links import is_origin

_LONGEST_PART = 90  # characters of the part of a message that is repeated for other uses
_NO_HOLDER = "Any principal with this policy (none known here)"
_COUNT = lazy_regex(r"\W*\d+\W*")
_CONSUMERS = {
    HandedTo.MODULE: "The policy is handed to {}, whose source is not downloaded.",
    HandedTo.RESOURCE: "The policy is handed to {}, which may transform it before attaching it.",
    HandedTo.OUTPUT: "The policy is handed to {}, which other code may attach.",
    HandedTo.POLICY_DOCUMENT: "No scanned code attaches this policy document.",
    HandedTo.TEST_DOCUMENT: "No scanned code attaches this policy document, which is in a folder of tests.",
}


def shared_positions(places: Iterable[tuple[Position, Hashable, Hashable]]) -> Iterator[Position]:
    """Yield the positions of more than one statement, as in a JSON text of unknown layout.

    ``places``: the position, path and identity of each statement. The same statement included twice in a document
    counts once.
    """
    seen: dict[Position, tuple[Hashable, Hashable]] = {}
    for at, path, identity in places:
        first = seen.setdefault(at, (path, identity))
        if first[0] != path and first[1] != identity:
            yield at


def shared_among(findings: Iterable[Finding]) -> frozenset[Position]:
    """Return the positions of findings about more than one statement."""
    statements = [
        (item.at, item.grant.statement) for item in findings if item.grant is not None and not item.details.managed
    ]
    return frozenset(shared_positions((at, one.path, one.identity) for at, one in statements))


def part_of(finding: Finding, shared: Collection[Position]) -> str:
    """Return what distinguishes the statement of a finding from others at its position; "" if nothing must.

    The statements of an AWS managed policy count as one, and so do those of Terraform that are off by default: of a
    block that makes several, the numbers are unknown. ``shared``: positions of more than one statement.
    """
    if finding.details.managed or _is_switched_off(finding):
        return finding.details.managed
    return finding.grant.statement.path if finding.grant is not None and finding.at in shared else ""


def merge_across_roots(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Merge the findings of one check and verdict about one statement of a module that several roots call.

    A document that one root attaches and that is an output of another one is one finding, with the confidence of the
    attached document. A module that is a root itself is named rather than an example that calls it, then a root with a
    role that may do everything; the fingerprint is that of the first one in any case.
    """
    findings = sorted(findings, key=lambda finding: finding.details.handed_to is HandedTo.OUTPUT)
    shared = shared_among(findings)
    findings = _by_worst_users(_switched_on(findings), shared)
    groups: dict[Hashable, list[Finding]] = {}
    attached: dict[Hashable, Confidence] = {}
    for finding in findings:
        verdict = (finding.check_id, finding.severity, finding.suppressed is None)
        key = (finding.at, part_of(finding, shared), finding.framework, *verdict)
        confidence = finding.confidence
        if finding.details.handed_to is None:
            attached.setdefault(key, confidence)
        elif finding.details.handed_to is HandedTo.OUTPUT:
            confidence = attached.get(key, confidence)
        groups.setdefault((*key, confidence), []).append(finding)
    for group in groups.values():
        same = sorted(group, key=lambda one: (bool(module_of(one.resource.address)), not _reaches_everything(one)))
        elsewhere = [*same[0].details.elsewhere]
        for finding in same[1:]:
            elsewhere += [*_elsewhere(finding, same[0]), *finding.details.elsewhere]
        own = {_name_of(same[0]), *map(shortened, same[0].details.who)}
        with_part = {name.partition(" (")[0] for name in elsewhere if " (" in name}
        others = [name for name in dict.fromkeys(elsewhere) if name not in own | with_part]
        message = f"{same[0].message}{f' Also applies to {listed(others)}.' if others else ''}"
        yield replace(joined(same), message=message, fingerprint=group[0].fingerprint)


def _reaches_everything(finding: Finding) -> bool:
    return any(one.gain == EVERYTHING for one in finding.details.escalations)


def merge_by_statement(findings: Iterable[Finding], shared: Collection[Position]) -> Iterator[Finding]:
    """Merge the findings of one check, statement and verdict: ten resources become ten uses, and the worst variant
    represents it.

    ``shared``: positions of more than one statement, which are distinguished by their paths."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in _switched_on(list(findings)):
        key = (finding.check_id, finding.at, part_of(finding, shared), finding.suppressed is None)
        groups.setdefault(key, []).append(finding)
    for group in groups.values():
        by_user: dict[tuple[str, tuple[str, ...]], Finding] = {}
        for finding in group:
            user = (finding.resource.address, finding.details.who)
            known = by_user.get(user)
            if known is None or _badness(finding) > _badness(known):
                by_user[user] = finding
        verdicts: dict[tuple[object, ...], list[Finding]] = {}
        for finding in _by_worst_users(by_user.values(), shared):
            verdicts.setdefault((finding.severity, finding.confidence if finding.details.who else None), []).append(
                finding
            )
        for same in verdicts.values():
            yield _merge(same, group)


def _is_switched_off(finding: Finding) -> bool:
    return finding.off_by_default and finding.framework is Framework.TERRAFORM


def _switched_on(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings without those of Terraform that are off by default, where the same block also has another finding
    of their check."""
    on = {(finding.check_id, finding.at) for finding in findings if not _is_switched_off(finding)}
    return [
        finding for finding in findings if not _is_switched_off(finding) or (finding.check_id, finding.at) not in on
    ]


def _by_worst_users(findings: Iterable[Finding], shared: Collection[Position]) -> list[Finding]:
    """Return findings, those about principals of people as severe as those of the same check on the same statement of
    others: it is one finding, rated by the principals that most others can use."""
    findings = list(findings)
    worst: dict[Hashable, Finding] = {}

    def key(finding: Finding) -> Hashable:
        same = (finding.check_id, finding.at, part_of(finding, shared), finding.framework)
        return (*same, finding.confidence, finding.suppressed is None)

    for finding in findings:
        known = worst.setdefault(key(finding), finding)
        if finding.severity.rank > known.severity.rank:
            worst[key(finding)] = finding
    return [
        replace(
            finding,
            severity=other.severity,
            message=other.message,
            details=replace(finding.details, is_of_people=False),
        )
        if finding.details.is_of_people and (other := worst[key(finding)]).severity.rank > finding.severity.rank
        else finding
        for finding in findings
    ]


def _merge(same: Sequence[Finding], group: Sequence[Finding]) -> Finding:
    """Return findings of one verdict as one; ``group``: all findings of its check and statement."""
    who = dict.fromkeys(name for finding in same for name in finding.details.who)
    alike = [finding for finding in group if who.keys() >= set(finding.details.who)]
    several = same[0].details.message_for_several if len(who) > 1 else ""
    message = (several or same[0].message) + _circumstances(alike, same[0])
    if who:
        named = dict.fromkeys(
            name for finding in same if finding.message == same[0].message for name in finding.details.who
        )
        names = [shortened(name) for name in named if name]
        message = f"{listed(names) if names else _NO_HOLDER} {message}"
    when = disjunction_of([item.grant.statement.when for item in alike if item.grant is not None])
    elsewhere = tuple(dict.fromkeys(name for finding in same[1:] for name in _elsewhere(finding, same[0])))
    return replace(
        joined(same),
        message=message,
        when=when,
        details=replace(joined(same).details, who=tuple(who), elsewhere=elsewhere),
    )


def joined(same: Sequence[Finding]) -> Finding:
    """Return the first of some findings with the uses and principals of all."""
    uses = tuple(dict.fromkeys(use for finding in same for use in finding.uses))
    principals = tuple(dict.fromkeys(name for finding in same for name in finding.principals))
    reaches = tuple(dict.fromkeys(role for finding in same for role in finding.details.reaches))
    reached_as = tuple(dict.fromkeys(role for finding in same for role in finding.details.reached_as))
    holders = {(holder, id(grant)): (holder, grant) for finding in same for holder, grant in finding.details.holders}
    return replace(
        same[0],
        uses=uses,
        principals=principals,
        details=replace(
            same[0].details,
            reaches=reaches,
            reached_as=reached_as if all(finding.details.reached_as for finding in same) else (),
            holders=tuple(holders.values()),
            escalations=tuple(
                dict.fromkeys(escalation for finding in same for escalation in finding.details.escalations)
            ),
        ),
    )


def _elsewhere(finding: Finding, shown: Finding) -> Iterator[str]:
    """Yield what a finding is about if its message differs from that of the one shown: its principals or its resource,
    and the part of the message that differs, if it is short."""
    message, other = _seen_from_module(finding), _seen_from_module(shown)
    if message != other:
        name, part = _name_of(finding), _differing_part(message, other)
        full, shown_name = _full_name(finding), _full_name(shown)
        if full.removeprefix(module_of(full)) == shown_name.removeprefix(module_of(shown_name)):
            name = full  # it is its module that differs
        yield f"{name} ({part})" if part and not part.startswith((name, shortened(full))) else name


def _name_of(finding: Finding) -> str:
    """Return the principals that a finding is about, or its resource."""
    return listed([shortened(name) for name in finding.details.who if name], 1) or shortened(finding.resource.address)


def _full_name(finding: Finding) -> str:
    """Return the only principal that a finding is about, or its resource, whatever its length."""
    return (
        finding.details.who[0] if len(finding.details.who) == 1 and finding.details.who[0] else finding.resource.address
    )


def _seen_from_module(finding: Finding) -> str:
    """Return the message without the module's own address: two roots call it by two names."""
    return seen_from(module_of(finding.resource.address), finding.message)


def _differing_part(message: str, other: str) -> str:
    """Return the words of a message that another one does not have in the same place; "" if they are many, or cannot be
    understood alone: a number, half of what is in brackets or quotes, or a sentence."""
    words, others = message.split(), other.split()
    start = _common_length(words, others)
    end = len(words) - _common_length(words[start:][::-1], others[start:][::-1])
    part = " ".join(words[start:end]).strip(",.;:")
    for opening, closing in ("()", "[]", "{}"):
        surplus = part.count(opening) - part.count(closing)
        part = part.removeprefix(opening) if surplus == 1 else part.removesuffix(closing) if surplus == -1 else part
    halved = any(part.count(one) != part.count(other) for one, other in ("()", "[]", "{}"))
    if len(part) > _LONGEST_PART or halved or part.count('"') % 2 or part.count("`") % 2 or _COUNT.fullmatch(part):
        return ""
    if words[start - 1 : start] and words[start - 1].endswith(".") and " " in part:
        return ""
    return part


def _common_length(words: Sequence[str], others: Sequence[str]) -> int:
    """Return the number of words at the start that both have."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(words, others, strict=False)))


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
    others = [item for item in own if item.message != shown.message] if not shown.details.managed else []
    parts = dict.fromkeys(filter(None, (_differing_part(item.message, shown.message) for item in others)))
    if others and not parts and not _when_in_words(own):  # the same in every case
        said, others = "", []
    if said and _is_switched_off(shown):
        said += " (off by default)"
    words = f" Applies {said}{'' if alike else f' for {shown.resource.address}'}." if said else ""
    if shown.details.handed_to is not None:
        words += f" {_CONSUMERS[shown.details.handed_to].format(shown.resource.address + _kind_of(shown.resource))}"
        words += f" It is for {shown.details.element}." if shown.details.element else ""
    if others:
        when = _when_in_words(others)
        words += f" Also flagged{f' {when}' if when else ''}{f': {listed(list(parts))}' if parts else ''}."
    origins = [one for one in shown.grant.statement.defaults if is_origin(one)]
    defaults = [one for one in shown.grant.statement.defaults if not is_origin(one)]
    if origins:
        words += f" With a value from {listed(origins[:3])}{', …' if len(origins) > 3 else ''}."
    if defaults:
        words += f" Using the default of {', '.join(f'`{one}`' for one in defaults[:3])}"
        words += f"{', …' if len(defaults) > 3 else ''}."
    return words


def _kind_of(resource: ResourceDefinition) -> str:
    """Return the type of a resource in parentheses; "" if its address or a module's says it."""
    kind = resource.type
    if "::" not in kind:
        return ""
    is_custom = kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"
    return f" (custom resource, {kind})" if is_custom else f" ({kind})"


def _is_about(finding: Finding, other: Finding) -> bool:
    return finding.resource.address == other.resource.address and finding.message == other.message


def _when_in_words(findings: Sequence[Finding]) -> str:
    """Return ``when`` and the path conditions of some findings; "" if they always apply."""
    return when_in_words([finding.grant.statement.when for finding in findings if finding.grant is not None])


def _badness(finding: Finding) -> tuple[int, int]:
    return finding.severity.rank, finding.confidence.rank
