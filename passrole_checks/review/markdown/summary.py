"""The summary of a review, for the comment that is kept up to date and the step summary.

GitHub takes comments of at most 65,536 characters, and summaries of steps of at most 1 MiB; GitLab notes of 1,000,000.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

from passrole_checks.escaping.markup import code, code_in_table, html_code, prose
from passrole_checks.findings import Confidence, Severity
from passrole_checks.git_versions.forge_links import Links
from passrole_checks.output.counts import count_noun, excluded_summary
from passrole_checks.review.markdown.headline import explanation, headline
from passrole_checks.review.markdown.item import acceptance_text, access_change, fix_blocks, remark_lines
from passrole_checks.review.markdown.picture import MAX_EDGES, access_diagram
from passrole_checks.review.markdown.words import (
    access_text,
    cause_link,
    change_sentence,
    differing_first,
    join_blocks,
    location_link,
    principals_text,
    roles_text,
    services_text,
    utf16_length,
)
from passrole_checks.review.report import (
    Fixed,
    GrantedAccess,
    IncreasedAccess,
    Item,
    Location,
    ReducedAccess,
    ReportNote,
    ReviewReport,
)

BUDGET = 60_000
STEP_SUMMARY_BUDGET = 340_000  # a UTF-16 unit is at most three bytes of UTF-8
_MIN_BUDGET = 4_000  # with less, only the headline is written
_MAX_OPEN = 2  # items with unfolded details
_MORE_HEADING = "Wider access that no check flags"
_RESERVED = 400  # for lines about what is omitted

_Entry = TypeVar("_Entry")


def summary(
    report: ReviewReport,
    links: Links,
    *,
    budget: int = BUDGET,
    had_summary: bool = False,
    not_inline: Collection[str] = (),
) -> str:
    """Return the summary in Markdown, without a marker, of at most ``budget`` UTF-16 units. Items beyond that are
    counted, the least severe first.

    ``had_summary``: an earlier version of this summary reported problems, so that none remaining is good news.
    ``not_inline``: keys of items whose line comments could not be written.
    """
    items = sorted(
        report.items, key=lambda item: (item.accepted is not None, -item.severity.rank, item.key not in not_inline)
    )
    first = [f"## {headline(report, had_summary=had_summary)}", "", *explanation(report, had_summary=had_summary)]
    unplaced = sum(item.key in not_inline for item in items)
    if unplaced:
        first += [f"{unplaced} of these could not be posted as line comments: see below.", ""]
    last = list(_provenance(report, links))
    if budget < _MIN_BUDGET:
        return _headline_only(first, last, budget)
    share = budget // 12
    unread = [
        *_section("### Internal errors", report.faults, lambda note: _note_line(note, links), share),
        *_section("### Could not be read", report.unreadable, lambda note: _note_line(note, links), share),
    ]
    rest = [
        *_folded(_count_of_fixed(report), report.fixed, lambda fixed: _fixed_line(fixed, links), share),
        *_folded(_MORE_HEADING, report.more, lambda increased: _increased_line(increased, links), share),
        *_folded("Less access than before", report.less, lambda reduced: _reduced_line(reduced, links), share),
        *_folded("Moved", report.moved, lambda note: _note_line(note, links), share),
        *_folded("Not evaluated", report.not_evaluated, lambda note: _note_line(note, links), share),
        *_section("### Notes", report.notes, lambda note: _note_line(note, links), share),
    ]
    diagram = _diagram(report, share)
    remaining = budget - _RESERVED - sum(utf16_length(line) + 1 for line in (*first, *unread, *diagram, *rest, *last))
    table, details, omitted = _items(items, links, remaining, report.owners)
    text = "\n".join([*first, *unread, *table, *diagram, *details, *omitted, *rest, *last]).strip("\n") + "\n"
    return text if utf16_length(text) <= budget else _headline_only(first, last, budget)


def _items(
    items: Sequence[Item], links: Links, remaining: int, owners: Collection[str]
) -> tuple[list[str], list[str], list[str]]:
    """Return the table, the details, and a count of the items omitted from both."""
    if not items:
        return [], [], []
    table = ["| | principal | can pass | to | location |", "|---|---|---|---|---|"]
    all_details: list[str] = []
    remaining -= sum(map(utf16_length, table)) + 4
    for number, item in enumerate(items):
        opened = number < _MAX_OPEN and item.accepted is None
        row, details = _row(item, links), list(_details(item, links, owners, opened=opened))
        remaining -= sum(utf16_length(line) + 1 for line in (row, *details))
        if remaining < 0:
            return [*table, ""], all_details, _omitted(items[number:], links)
        table.append(row)
        all_details += details
    return [*table, ""], all_details, []


def _row(item: Item, links: Links) -> str:
    now, before = item.access, item.before
    severity = item.severity.value
    level = f"**{severity}**" if item.severity in (Severity.HIGH, Severity.MEDIUM) else severity
    change = "widened" if item.change == "widened" else "worse" if item.group == "worse" else "new"
    confidence = ", low confidence" if item.confidence is Confidence.LOW else ""
    accepted = ", accepted" if item.accepted is not None else ""
    principals = principals_text(now if now is not None else before, item.resource, code_in_table)
    if now is None:
        roles, services = "nothing", ""
    else:
        roles = _arrow(now, before, lambda access: roles_text(access, code_in_table))
        services = _arrow(now, before, lambda access: services_text(access, code_in_table))
    location = location_link(item.at, links, code_in_table, short=True)
    cause = cause_link(item, links, code_in_table, short=True)
    location += f"<br>cause: {cause}" if cause else ""
    return f"| {' | '.join((f'{level}<br>{change}{confidence}{accepted}', principals, roles, services, location))} |"


def _arrow(now: GrantedAccess, before: GrantedAccess | None, text_of: Callable[[GrantedAccess], str]) -> str:
    """Return the text of the access before and after, if they differ."""
    if before is None or text_of(now) == text_of(before):
        return text_of(now)
    return f"{text_of(differing_first(before, now))} → {text_of(differing_first(now, before))}"


def _details(item: Item, links: Links, owners: Collection[str], *, opened: bool) -> Iterator[str]:
    check_ids = ", ".join(dict.fromkeys(remark.check_id for remark in item.remarks))
    sid = f" {html_code(item.sid)}" if item.sid else ""
    level = f"<b>{item.severity.value}</b>{', accepted' if item.accepted is not None else ''}"
    yield f"<details{' open' if opened else ''}><summary>{level}: {html_code(item.resource)}{sid}"
    yield f"{html_code(f'{item.at.file}:{item.at.line}')} ({html_code(check_ids)})</summary>"
    yield ""
    acceptance = [acceptance_text(item, owners)]
    first, last = (acceptance, []) if item.accepted is not None else ([], acceptance)
    yield from join_blocks(first, [access_change(item, links)], remark_lines(item), fix_blocks(item, links), last)
    yield from ("", "</details>", "")


def _omitted(items: Sequence[Item], links: Links) -> list[str]:
    severities = Counter(item.severity for item in items)
    counts = ", ".join(f"{severities[each]} {each.value}" for each in reversed(Severity) if severities[each])
    address = links.run_url()
    where = f" [The run]({address}) lists them." if address else ""
    return [f"**{len(items)} more** omitted for length: {counts}.{where}", ""]


def _diagram(report: ReviewReport, share: int) -> list[str]:
    """Return the diagram with as many arrows as fit into ``share``."""
    most = MAX_EDGES
    while most and (drawn := access_diagram(report, most=most)):
        if utf16_length(drawn) <= share:
            return [drawn, ""]
        most //= 2
    return []


def _count_of_fixed(report: ReviewReport) -> str:
    return f"{count_noun(len(report.fixed), 'finding')} fixed"


def _fixed_line(fixed: Fixed, links: Links) -> str:
    location = location_link(fixed.at, links, in_base=True)
    return f"- {fixed.severity.value} {code(f'{fixed.check_id} {fixed.name}')} {location} {code(fixed.resource)}"


def _reduced_line(reduced: ReducedAccess, links: Links) -> str:
    location = location_link(reduced.at, links, in_base=reduced.change == "removed")
    principals = principals_text(reduced.before, reduced.resource)
    before = access_text(differing_first(reduced.before, reduced.after))
    if reduced.after is None or reduced.change == "removed":
        return f"- {location}: {principals} can no longer pass {before}"
    after = access_text(differing_first(reduced.after, reduced.before))
    because = _because(reduced, links)
    if after == before:
        return f"- {location}: {principals} could pass {before}; now less of that{because}"
    return f"- {location}: {principals} could pass {before}; now {after}{because}"


def _increased_line(increased: IncreasedAccess, links: Links) -> str:
    confidence = " (low confidence)" if increased.confidence is Confidence.LOW else ""
    sentence = change_sentence(increased)
    because = _because(increased, links)
    return f"- {location_link(increased.at, links)}: {sentence[:1].lower()}{sentence[1:]}{because}{confidence}"


def _because(change: IncreasedAccess | ReducedAccess, links: Links) -> str:
    cause = cause_link(change, links)
    return f" (cause: {cause})" if cause else ""


def _note_line(note: ReportNote, links: Links) -> str:
    location = f"{location_link(Location(note.file, note.line, note.line), links)}: " if note.file else ""
    return f"- {location}{prose(note.reason)}"


def _section(heading: str, entries: Sequence[_Entry], line_of: Callable[[_Entry], str], most: int) -> list[str]:
    return [heading, "", *_listed(entries, line_of, most), ""] if entries else []


def _folded(heading: str, entries: Sequence[_Entry], line_of: Callable[[_Entry], str], most: int) -> list[str]:
    """Return a folded list. ``heading`` is trusted text."""
    if not entries:
        return []
    number = "" if heading[:1].isdigit() else f" ({len(entries)})"
    summary_line = f"<details><summary>{heading}{number}</summary>"
    return [summary_line, "", *_listed(entries, line_of, most), "", "</details>", ""]


def _listed(entries: Sequence[_Entry], line_of: Callable[[_Entry], str], most: int) -> Iterator[str]:
    for number, entry in enumerate(entries):
        line = line_of(entry)
        most -= utf16_length(line) + 1
        if most < 0:
            yield f"- and {len(entries) - number} more"
            return
        yield line


def _provenance(report: ReviewReport, links: Links) -> Iterator[str]:
    """Yield what was compared, and by which tool."""
    versions = f"Compared: {_version(report.base, report.base_name)} with {_version(report.head, report.head_name)}"
    unchanged = f"; {count_noun(report.unchanged, 'finding')} in both" if report.unchanged else ""
    excluded = f"; {excluded_summary(report.read.excluded)}" if report.read.excluded else ""
    files = f"{count_noun(report.read.files, 'file')} of infrastructure code"
    affected = " that this change can affect" if report.read.only_affected else ""
    yield f"{versions}, {files}{affected}{unchanged}{excluded}."
    address = links.run_url()
    run = f"[The run]({address}). " if address else ""
    ids = sorted({remark.check_id for item in report.items for remark in item.remarks})
    explain = f" {code(f'passrole-checks explain {ids[0]}')} explains a check." if ids else ""
    yield f"{run}Made by {code(report.tool)}.{explain}"


def _version(commit: str, name: str) -> str:
    short = commit[:12] if len(commit) >= 40 else commit
    if not short or name in ("", commit):
        return code(name or short)
    return f"{code(short)} ({code(name)})"


def _headline_only(first: Sequence[str], last: Sequence[str], budget: int) -> str:
    """Return the headline, its explanation and the provenance, as far as they fit."""
    text = ""
    for line in (*first, *last):
        if utf16_length(text) + utf16_length(line) + 1 <= budget:
            text += f"{line}\n"
    return text
