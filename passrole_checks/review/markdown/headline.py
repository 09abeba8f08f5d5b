"""The result of a review in one line, and its meaning in two or three sentences."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.findings import Severity
from passrole_checks.output.counts import count_noun
from passrole_checks.review.report import ReviewReport

_TITLE = "iam:PassRole"
_RISK = "A principal that can pass a role to an AWS service can use the role's permissions through that service."


def headline(report: ReviewReport, *, had_summary: bool = False) -> str:
    """Return the headline, without heading marks. A review with unreadable files is never called clean."""
    incomplete = _incomplete(report)
    if report.items:
        worse = sum(item.group == "worse" for item in report.open)
        new, accepted = len(report.open) - worse, len(report.accepted)
        parts = [
            f"{count_noun(new, 'new problem')}" if new else "",
            f"{count_noun(worse, 'problem')} got worse" if worse else "",
            (f"{accepted} accepted" if report.open else f"{count_noun(accepted, 'problem')} accepted") * bool(accepted),
        ]
        return f"{_TITLE}: {', '.join(filter(None, (*parts, incomplete)))}"
    if incomplete:
        return f"{_TITLE}: result incomplete, {incomplete}"
    if report.not_evaluated:
        skipped = f"{count_noun(len(report.not_evaluated), 'item')} not evaluated"
        return f"{_TITLE}: {'no remaining problems found' if had_summary else 'nothing new found'}, {skipped}"
    if had_summary:
        return f"{_TITLE}: all fixed"
    if report.more:
        number = sum(not increased.trusted for increased in report.more)
        if not number:
            roles = count_noun(len(report.more), "role that passes roles", "roles that pass roles")
            return f"{_TITLE}: nothing flagged, though more principals can assume {roles}"
        statements = "1 statement grants" if number == 1 else f"{number} statements grant"
        return f"{_TITLE}: nothing flagged, though {statements} more than before"
    if report.fixed:
        return f"{_TITLE}: nothing new, {count_noun(len(report.fixed), 'finding')} fixed"
    return f"{_TITLE}: nothing new"


def _incomplete(report: ReviewReport) -> str:
    files = len({note.file for note in report.unreadable} - {""})
    unread = f"{count_noun(files, 'file')} could not be read" if files else "some input could not be read"
    failed = count_noun(len(report.faults), "internal error") if report.faults else ""
    return ", ".join(filter(None, (failed, unread if report.unreadable else "")))


def explanation(report: ReviewReport, *, had_summary: bool = False) -> Iterator[str]:
    """Yield an explanation of the headline, as blocks of Markdown, each followed by a blank line."""
    if report.items:
        yield from (_consequence(report), "")
    elif had_summary and not report.unknown:
        yield from ("The problems that this comment reported are no longer found.", "")
    if report.faults:
        yield from ("**Incomplete**: after an internal error, what was not evaluated may contain more problems.", "")
    elif report.unreadable:
        yield from (
            "**Incomplete**: unreadable files may contain more problems. The check fails until they can be read, or"
            " are left out with `--exclude`.",
            "",
        )


def _consequence(report: ReviewReport) -> str:
    if not report.open:
        return f"{_RISK} Owners have accepted this{'' if report.unknown else ', so the check does not fail'}."
    minimum, failing = report.fail_on, len(report.failing)
    threshold = "" if minimum is None else minimum.value if minimum is Severity.HIGH else f"{minimum.value} or more"
    sentences = [_RISK]
    if minimum is None:
        sentences.append("The check does not fail.")
    elif not failing:
        sentences.append(f"The check does not fail: its threshold is {threshold}.")
    elif failing == len(report.open):
        sentences.insert(0, f"**{'This fails' if failing == 1 else 'These fail'} the check** ({threshold}).")
    else:
        sentences.insert(0, f"**{failing} of these {'fails' if failing == 1 else 'fail'} the check** ({threshold}).")
    suggested = sum(item.replacement is not None for item in report.open)
    if suggested == len(report.open):
        sentences.append("A suggested change is below." if suggested == 1 else "Suggested changes are below.")
    elif suggested:
        sentences.append(f"For {suggested} of them a suggested change is below.")
    return " ".join(sentences)
