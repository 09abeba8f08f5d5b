"""The ``trail`` report without a configuration as one self-contained HTML page: a table with details for each row.

The page has no script, and its Content-Security-Policy allows none. It is ASCII, and so independent of encodings.
"""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks.cloudtrail import Edge, RequestOutcome
from passrole_checks.cloudtrail.report import UsageReport
from passrole_checks.escaping.terminal import display_path
from passrole_checks.output.cloudtrail_text import (
    UNKNOWN_PROFILE_ROLE,
    describe_services,
    edge_details,
    report_notes,
    summarize,
)
from passrole_checks.output.grants_html import content_hash
from passrole_checks.output.page_texts import escape_text

_STYLE = """
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 78rem; padding: 0 1rem }
code { font: 0.92em ui-monospace, monospace; overflow-wrap: anywhere }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.7rem; border-bottom: 1px solid #8886 }
td:last-child { white-space: nowrap }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
tr.tried { background: #e0a02022 }
.bad { border-left: 4px solid #bb1f33; padding-left: 1rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; margin: 0.4rem 0 } dd { margin: 0 }
@media print { details { display: block } }
"""


def trail_html(report: UsageReport) -> str:
    """Return the whole page."""
    policy = f"default-src 'none'; style-src '{content_hash(_STYLE)}'; base-uri 'none'; form-action 'none'"
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width"><title>Roles passed to services</title>'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(_body(report)) + "\n</body></html>\n"
    )
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _body(report: UsageReport) -> Iterator[str]:
    yield f"<h1>Roles passed to services</h1><p>{escape_text(summarize(report))}.</p>"
    if report.unknown:
        items = "".join(
            f"<li><code>{escape_text(display_path(entry.file))}</code>: {escape_text(entry.reason)}</li>"
            for entry in report.unknown
        )
        yield f'<div class="bad"><h2>Could not be read</h2><ul>{items}</ul></div>'
    if report.edges:
        yield '<table><thead><tr><th scope="col">who</th><th scope="col">passed</th><th scope="col">to</th>'
        yield "".join(f'<th scope="col" class="n">{entry.value}</th>' for entry in RequestOutcome)
        yield '<th scope="col">last</th></tr></thead><tbody>'
        yield from map(_row, report.edges)
        yield "</tbody></table>"
    notes = [f"<li>{escape_text(note)}</li>" for note in report_notes(report)]
    if notes:
        yield f"<h2>Notes</h2><ul>{''.join(notes)}</ul>"


def _row(edge: Edge) -> str:
    tried = "" if edge.counts[RequestOutcome.PASSED] else ' class="tried"'
    counts = "".join(f'<td class="n">{edge.counts[outcome]:,}</td>' for outcome in RequestOutcome)
    profile = "" if edge.role else f" ({UNKNOWN_PROFILE_ROLE})"
    listed_details = "".join(f"<dt>{word}</dt><dd>{escape_text(text, 4_000)}</dd>" for word, text in edge_details(edge))
    return (
        f"<tr{tried}><td><code>{escape_text(edge.principal or '?')}</code></td>"
        f"<td><code>{escape_text(edge.passed)}</code>{profile}"
        f"<details><summary>details</summary><dl>{listed_details}</dl></details></td>"
        f"<td>{escape_text(describe_services(edge))}</td>{counts}<td>{escape_text(edge.last[:10])}</td></tr>"
    )
