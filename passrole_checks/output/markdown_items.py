"""Markdown list items used by several pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passrole_checks.escaping.markup import code, prose
from passrole_checks.escaping.terminal import display_path
from passrole_checks.findings import Confidence, Severity, check_page_url
from passrole_checks.output.finding_items import FindingItem, others_in_short
from passrole_checks.sources.model.configuration import Unreadable

MOST_ROWS = 300  # per table and list; GitHub renders files up to some hundred kilobytes


def emphasize(severity: Severity | None) -> str:
    """Return a severity, in bold if it is high or medium; "" for None."""
    word = severity.value if severity is not None else ""
    return f"**{word}**" if severity in (Severity.HIGH, Severity.MEDIUM) else word


def finding_item(item: FindingItem) -> str:
    """Return a group of findings as a list item: the primary finding, and the others in one line each."""
    finding = item.primary
    sure = "" if finding.confidence is Confidence.HIGH else f" ({finding.confidence.value} confidence)"
    location = code(f"{display_path(finding.at.file)}:{finding.at.line}")
    return (
        f"- **{check_link(finding.check_id, finding.name)}**{sure} {location} {code(finding.resource.address)}"
        f"<br>{prose(finding.message)} *Instead:* {prose(finding.remediation)}"
        + "".join(f"<br>+ {prose(label)}: {prose(words)}" for label, words in others_in_short(item))
    )


def check_link(check_id: str, name: str) -> str:
    """Return the id and name of a check, as a link to its page if the documentation is published."""
    address = check_page_url(check_id)
    return f"[{check_id} {name}]({address})" if address else f"{check_id} {name}"


def note_item(entry: Unreadable) -> str:
    """Return a note about a file as a list item."""
    location = display_path(entry.file) + (f":{entry.line}" if entry.line else "")
    return f"- {code(location)}: {prose(entry.reason)}"


def note_section(title: str, entries: Sequence[Unreadable]) -> Iterator[str]:
    """Yield a section with the first notes, and the number of the others; nothing if there are none."""
    if not entries:
        return
    yield from ("", f"### {title}", "")
    yield from map(note_item, entries[:MOST_ROWS])
    if len(entries) > MOST_ROWS:
        yield f"- and {len(entries) - MOST_ROWS} more"
