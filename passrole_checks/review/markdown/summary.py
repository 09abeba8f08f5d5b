"""The summary of a review: the comment that is kept up to date, and the summary of a step.

GitHub takes comments of at most 65,536 characters, and summaries of steps of at most 1 MiB; GitLab notes of 1,000,000.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

from passrole_checks.escaping.markup import code, html_code, prose
from passrole_checks.findings import Confidence, Severity
from passrole_checks.output.counts import count_noun
from passrole_checks.output.excluded_files import excluded_summary
from passrole_checks.review.markdown.headline import headline, meaning
from passrole_checks.review.markdown.item import what_changes, what_is_wrong, what_to_write
from passrole_checks.review.markdown.links import Links
from passrole_checks.review.markdown.picture import MOST_EDGES, picture
from passrole_checks.review.markdown.words import (
    apart,
    can_pass,
    cause,
    in_table,
    place,
    roles,
    sentence,
    services,
    told_apart,
    units,
    who,
)
from passrole_checks.review.report import Fixed, GrantedAccess, Item, Less, Location, More, ReportNote, ReviewReport

BUDGET = 60_000
STEP_SUMMARY_BUDGET = 340_000  # a UTF-16 unit is at most three bytes of UTF-8
_LEAST = 4_000  # with less than this there is room for what matters most only
_OPEN = 2  # items whose details are not folded
_MORE = "Also gives more, none of it flagged"
_REST = 400  # for the lines that say what is left out

One = TypeVar("One")


def summary(
    report: ReviewReport,
    links: Links,
    *,
    budget: int = BUDGET,
    told_before: bool = False,
    not_inline: Collection[str] = (),
) -> str:
    """The summary in Markdown, without a marker, of at most ``budget`` characters, counted as code points and as UTF-16
    units; what there is no room for is counted, whole items from the least severe on.

    ``told_before``: an earlier version of this summary told of findings, so that nothing left is good news.
    ``not_inline``: keys of items that a comment at their lines was meant for and could not be written.
    """
    items = sorted(report.items, key=lambda item: (-item.severity.rank, item.key not in not_inline))
    first = [f"## {headline(report, told_before=told_before)}", "", *meaning(report, told_before=told_before)]
    unplaced = sum(item.key in not_inline for item in items)
    if unplaced:
        words = (
            "could not be commented on at its lines" if unplaced == 1 else "could not be commented on at their lines"
        )
        first += [f"{unplaced} of these {words}: see below.", ""]
    last = list(_about(report, links))
    if budget < _LEAST:
        return _fitting(first, last, budget)
    share = budget // 12
    unread = [
        *_section("### Internal errors", report.faults, lambda one: _note(one, links), share),
        *_section("### Could not be read", report.unreadable, lambda one: _note(one, links), share),
    ]
    rest = [
        *_folded(_count_of_fixed(report), report.fixed, lambda one: _fixed(one, links), share),
        *_folded(_MORE, report.more, lambda one: _more(one, links), share),
        *_folded("Less access than before", report.less, lambda one: _less(one, links), share),
        *_folded("Not evaluated", report.not_evaluated, lambda one: _note(one, links), share),
        *_section("### Notes", report.notes, lambda one: _note(one, links), share),
    ]
    drawn = _picture(report, share)
    left = budget - _REST - sum(units(line) + 1 for line in (*first, *unread, *drawn, *rest, *last))
    table, told, more = _items(items, links, left)
    text = "\n".join([*first, *unread, *table, *drawn, *told, *more, *rest, *last]).strip("\n") + "\n"
    return text if units(text) <= budget else _fitting(first, last, budget)


def _items(items: Sequence[Item], links: Links, left: int) -> tuple[list[str], list[str], list[str]]:
    """The table, the details, and what is left out of both."""
    if not items:
        return [], [], []
    table = ["| | who | may pass | to | where |", "|---|---|---|---|---|"]
    told: list[str] = []
    left -= sum(map(units, table)) + 4
    for number, item in enumerate(items):
        row, details = _row(item, links), list(_details(item, links, opened=number < _OPEN))
        left -= sum(units(line) + 1 for line in (row, *details))
        if left < 0:
            return [*table, ""], told, _left_out(items[number:], links)
        table.append(row)
        told += details
    return [*table, ""], told, []


def _row(item: Item, links: Links) -> str:
    now, before = item.access, item.before
    severity = item.severity.value
    first = f"**{severity}**" if item.severity in (Severity.HIGH, Severity.MEDIUM) else severity
    sure = ", not sure" if item.confidence is Confidence.LOW else ""
    what = "widened" if item.change == "widened" else "worse" if item.group == "worse" else "new"
    first += f"<br>{what}{sure}"
    whom = who(now if now is not None else before, item.resource, in_table)
    if now is None:
        passes, to = "nothing", ""
    else:
        passes = _arrow(now, before, lambda access: roles(access, in_table))
        to = _arrow(now, before, lambda access: services(access, in_table))
    where = place(item.at, links, in_table, short=True)
    because = cause(item, links, in_table, short=True)
    where += f"<br>because of {because}" if because else ""
    return f"| {' | '.join((first, whom, passes, to, where))} |"


def _arrow(now: GrantedAccess, before: GrantedAccess | None, words: Callable[[GrantedAccess], str]) -> str:
    """Before and after, where they differ."""
    if before is None or words(now) == words(before):
        return words(now)
    return f"{words(told_apart(before, now))} → {words(told_apart(now, before))}"


def _details(item: Item, links: Links, *, opened: bool) -> Iterator[str]:
    rules = ", ".join(dict.fromkeys(remark.check_id for remark in item.remarks))
    sid = f" {html_code(item.sid)}" if item.sid else ""
    yield f"<details{' open' if opened else ''}><summary><b>{item.severity.value}</b>: {html_code(item.resource)}{sid}"
    yield f"{html_code(f'{item.at.file}:{item.at.line}')} ({html_code(rules)})</summary>"
    yield ""
    yield from apart([what_changes(item, links)], what_is_wrong(item), what_to_write(item, links))
    yield from ("", "</details>", "")


def _left_out(items: Sequence[Item], links: Links) -> list[str]:
    severities = Counter(item.severity for item in items)
    words = ", ".join(f"{severities[one]} {one.value}" for one in reversed(Severity) if severities[one])
    address = links.run_url()
    where = f" [The run]({address}) names them." if address else ""
    return [f"**{len(items)} more** for which there is no room here: {words}.{where}", ""]


def _picture(report: ReviewReport, share: int) -> list[str]:
    """The picture with as many arrows as there is room for."""
    most = MOST_EDGES
    while most and (drawn := picture(report, most=most)):
        if units(drawn) <= share:
            return [drawn, ""]
        most //= 2
    return []


def _count_of_fixed(report: ReviewReport) -> str:
    return f"{count_noun(len(report.fixed), 'finding')} fixed"


def _fixed(one: Fixed, links: Links) -> str:
    where = place(one.at, links, in_base=True)
    return f"- {one.severity.value} {code(f'{one.check_id} {one.name}')} {where} {code(one.resource)}"


def _less(one: Less, links: Links) -> str:
    where = place(one.at, links, in_base=one.change == "removed")
    before = f"{who(one.before, one.resource)} could pass {can_pass(told_apart(one.before, one.after))}"
    if one.after is None or one.change == "removed":
        return f"- {where}: {before}, and cannot any more"
    return f"- {where}: {before}; now {can_pass(told_apart(one.after, one.before))}"


def _more(one: More, links: Links) -> str:
    unsure = " Whether that is more cannot be told for sure." if one.confidence is Confidence.LOW else ""
    words = sentence(one)
    return f"- {place(one.at, links)}: {words[:1].lower()}{words[1:]}{unsure}"


def _note(one: ReportNote, links: Links) -> str:
    where = f"{place(Location(one.file, one.line, one.line), links)}: " if one.file else ""
    return f"- {where}{prose(one.reason)}"


def _section(heading: str, entries: Sequence[One], item: Callable[[One], str], most: int) -> list[str]:
    return [heading, "", *_listed(entries, item, most), ""] if entries else []


def _folded(words: str, entries: Sequence[One], item: Callable[[One], str], most: int) -> list[str]:
    """A list that is not shown at first. ``words`` are our own."""
    if not entries:
        return []
    number = "" if words[:1].isdigit() else f" ({len(entries)})"
    head = f"<details><summary>{words}{number}</summary>"
    return [head, "", *_listed(entries, item, most), "", "</details>", ""]


def _listed(entries: Sequence[One], item: Callable[[One], str], most: int) -> Iterator[str]:
    for number, entry in enumerate(entries):
        line = item(entry)
        most -= units(line) + 1
        if most < 0:
            yield f"- and {len(entries) - number} more"
            return
        yield line


def _about(report: ReviewReport, links: Links) -> Iterator[str]:
    """What was compared, and by whom."""
    versions = f"Compared: {_version(report.base, report.base_name)} with {_version(report.head, report.head_name)}"
    known = f"; {count_noun(report.unchanged, 'finding')} in both" if report.unchanged else ""
    excluded = f"; {excluded_summary(report.excluded)}" if report.excluded else ""
    yield f"{versions}, {count_noun(report.files, 'file')} of infrastructure code{known}{excluded}."
    address = links.run_url()
    run = f"[The run]({address}). " if address else ""
    ids = sorted({remark.check_id for item in report.items for remark in item.remarks})
    explain = f" {code(f'passrole-checks explain {ids[0]}')} says more about a check." if ids else ""
    yield f"{run}Made by {code(report.tool)}.{explain}"


def _version(commit: str, name: str) -> str:
    short = commit[:12] if len(commit) >= 40 else commit
    if not short or name in ("", commit):
        return code(name or short)
    return f"{code(short)} ({code(name)})"


def _fitting(first: Sequence[str], last: Sequence[str], budget: int) -> str:
    """The headline, what it means and where the rest is, as far as there is room."""
    kept = ""
    for line in (*first, *last):
        if units(kept) + units(line) + 1 <= budget:
            kept += f"{line}\n"
    return kept
