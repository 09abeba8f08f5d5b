"""What a review comes to, in one line, and what that means, in two or three sentences."""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.findings import Severity
from passrole_checks.output.counts import count_noun
from passrole_checks.review.report import ReviewReport

_TITLE = "iam:PassRole"
_WHY = "Whoever can pass a role to an AWS service can have the service do what the role may do."


def headline(report: ReviewReport, *, told_before: bool = False) -> str:
    """One line, without marks of a heading. What could not be read is never called clean."""
    could_not = _could_not(report)
    if report.items:
        worse = sum(item.group == "worse" for item in report.items)
        new = len(report.items) - worse
        words = [
            f"{count_noun(new, 'new problem')}" if new else "",
            f"{count_noun(worse, 'problem')} got worse" if worse else "",
        ]
        return f"{_TITLE}: {', '.join(filter(None, (*words, could_not)))}"
    if could_not:
        return f"{_TITLE}: cannot be told, {could_not}"
    if report.not_evaluated:
        missing = f"{count_noun(len(report.not_evaluated), 'place')} not evaluated"
        return f"{_TITLE}: {'all fixed as far as can be told' if told_before else 'nothing new found'}, {missing}"
    if told_before:
        return f"{_TITLE}: all fixed"
    if report.more:
        which = "1 statement gives" if len(report.more) == 1 else f"{len(report.more)} statements give"
        return f"{_TITLE}: nothing to flag, though {which} more than before"
    if report.fixed:
        return f"{_TITLE}: nothing new, {count_noun(len(report.fixed), 'finding')} fixed"
    return f"{_TITLE}: nothing new"


def _could_not(report: ReviewReport) -> str:
    files = len({note.file for note in report.unreadable} - {""})
    unread = f"{count_noun(files, 'file')} could not be read" if files else "not all could be read"
    failed = count_noun(len(report.faults), "internal error") if report.faults else ""
    return ", ".join(filter(None, (failed, unread if report.unreadable else "")))


def meaning(report: ReviewReport, *, told_before: bool = False) -> Iterator[str]:
    """What the headline means, as blocks of Markdown, each with a blank line after it."""
    if report.items:
        yield from (_consequence(report), "")
    elif told_before and not report.unknown:
        yield from ("What this comment told of before is not found any more.", "")
    if report.faults:
        yield from ("**This is not all**: passrole_checks failed, and what it did not judge may hold more.", "")
    elif report.unreadable:
        yield from ("**This is not all**: what could not be read may hold more. The check fails until it can be.", "")


def _consequence(report: ReviewReport) -> str:
    least, failing = report.fail_on, len(report.failing)
    degree = "" if least is None else least.value if least is Severity.HIGH else f"{least.value} or more"
    words = [_WHY]
    if least is None:
        words.append("The check does not fail because of it.")
    elif not failing:
        words.append(f"The check does not fail: it does at {degree}.")
    elif failing == len(report.items):
        words.insert(0, f"**{'This fails' if failing == 1 else 'These fail'} the check** ({degree}).")
    else:
        words.insert(0, f"**{failing} of these {'fails' if failing == 1 else 'fail'} the check** ({degree}).")
    suggested = sum(item.replacement is not None for item in report.items)
    if suggested == len(report.items):
        words.append("A suggested change is below." if suggested == 1 else "A suggested change for each is below.")
    elif suggested:
        words.append(f"For {suggested} of them a suggested change is below.")
    return " ".join(words)
