"""Merge findings of one cause: a statement that ten resources or three roots use, or that has variants.

Differences between them, such as path conditions and defaults, become part of the message.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import starmap

from passrole_checks.checks.base.wording import condition_in_short, listed, shortened
from passrole_checks.findings import Finding
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.partial_values import Position
from passrole_checks.iam.path_conditions import PathCondition, simplify
from passrole_checks.sources.model.addresses import module_of, seen_from
from passrole_checks.sources.model.configuration import COMMAND, MODULE, POLICY_DOCUMENT, is_opaque_consumer


def shared_places(statements: Iterable[Statement]) -> Iterator[Position]:
    """Yield the positions of more than one statement, as in a JSON text of unknown layout.

    The same statement included twice in a document counts once.
    """
    seen: dict[Position, Statement] = {}
    for statement in statements:
        first = seen.setdefault(statement.at, statement)
        if first.path != statement.path and first.identity != statement.identity:
            yield statement.at


def one_for_all_roots(findings: Iterable[Finding]) -> Iterator[Finding]:
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


def one_for_each_statement(findings: Iterable[Finding], shared: Collection[Position]) -> Iterator[Finding]:
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
            yield _united(same, group)


def _united(same: Sequence[Finding], group: Sequence[Finding]) -> Finding:
    """Return findings of one verdict as one; ``group``: all findings of its check and statement."""
    uses = tuple(dict.fromkeys(finding.resource.address for finding in same))
    principals = tuple(dict.fromkeys(name for finding in same for name in finding.principals))
    who = tuple(dict.fromkeys(name for finding in same for name in finding.who))
    alike = [finding for finding in group if set(finding.who) <= set(who)]
    message = same[0].message + _circumstances(alike, same[0])
    if who:
        names = [shortened(name) for name in who if name]
        message = f"{listed(names) if names else 'Every principal with this policy'} {message}"
    return replace(same[0], uses=uses, principals=principals, who=who, message=message)


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
    if shown.resource.type == MODULE:
        words += f" The policy is passed to {shown.resource.address}, whose source is not downloaded."
    elif shown.resource.type == COMMAND:
        words += f" {shown.resource.address} runs a command that applies this policy."
    elif shown.resource.type == POLICY_DOCUMENT:
        words += " No scanned code attaches this policy document."
    elif is_opaque_consumer(shown.resource.type):
        words += f" The policy is passed to {shown.resource.address}, which may transform it before attaching it."
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


def when_in_words(alternatives: Sequence[PathCondition]) -> str:
    """Return ``when`` and the path conditions, one of which must hold; "" if one of them is empty."""
    readings = simplify(alternatives)
    if not readings or () in readings:
        return ""
    told = list(dict.fromkeys(" and ".join(starmap(_fact_in_words, when[:2])) + _more(when) for when in readings))
    more = len(told) - 2
    return f"when {', or '.join(told[:2])}" + (
        f", and in {'one more case' if more == 1 else f'{more} more cases'}" if more > 0 else ""
    )


# conditions that are sentences, and how their opposites begin
_SENTENCE = re.compile(
    r"(?P<subject>.+) (?P<verb>is not empty|is aws-cn|is set|exists|can be evaluated|holds|replaces|looks for"
    r"|has more than)(?: (?P<rest>.+))?",
    re.DOTALL,
)
_OPPOSITES = {
    "is not empty": "is empty", "is aws-cn": "is not aws-cn", "is set": "is not set", "exists": "does not exist",
    "can be evaluated": "cannot be evaluated", "holds": "does not hold", "replaces": "does not replace",
    "looks for": "does not look for", "has more than": "has no more than",
}  # fmt: skip


def _fact_in_words(condition: str, outcome: str) -> str:
    sentence = _SENTENCE.fullmatch(condition) if outcome in ("true", "false") else None
    if sentence is not None and sentence["subject"].count('"') % 2 == 0:  # else the verb stands in a string
        verb = sentence["verb"] if outcome == "true" else _OPPOSITES[sentence["verb"]]
        rest = sentence["rest"]
        return f"{shortened(sentence['subject'])} {verb}" + (f" {shortened(rest)}" if rest else "")
    if outcome.startswith("not ") and " or " in outcome:
        outcome = "neither " + outcome.removeprefix("not ").replace(" or ", " nor ")
    is_value = outcome not in ("true", "false") and " " not in outcome
    return f"{condition_in_short(condition)} {'=' if is_value else 'is'} {outcome}"


def _more(when: PathCondition) -> str:
    if len(when) <= 2:
        return ""
    return " and one more condition holds" if len(when) == 3 else f" and {len(when) - 2} more conditions hold"


def _badness(finding: Finding) -> tuple[int, int]:
    return finding.severity.rank, finding.confidence.rank
