"""Texts of the page of grants that several statements share: each is in the page once, and rows refer to it.

All texts are HTML, already escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from passrole_checks.escaping.shorten import cut_in_the_middle
from passrole_checks.escaping.terminal import display_path, sanitize
from passrole_checks.findings import Confidence, Finding, check_page_url
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.output.access_graph import GraphStatement
from passrole_checks.output.excerpt import statement_lines
from passrole_checks.output.finding_items import FindingItem, items_of, others_in_short
from passrole_checks.scan.condition_words import condition_text
from passrole_checks.scan.scanner import LocatedGrant

MOST_LINES, MOST_COLUMNS = 60, 800  # of a statement
MOST_CHARACTERS = 2_000  # of a message; names are shorter
LONGEST_NAME = 300
NO_FINDING = "none"
_IN_A_CARD = 60

# link our own references only; URLs in scanned names stay text
_REFERENCE = lazy_regex(r"https://(?:pathfinding\.cloud/paths/[\w-]+|docs\.aws\.amazon\.com/[\w./-]*\w)")
_CODE = lazy_regex("`([^`]+)`")
_SEPARATOR = lazy_regex(r"(?<=[/:._=-])(?=[^/:._=-]{4})")
_BREAKABLE = 16  # characters of a name that may be broken after a separator


class SharedTexts:
    """Texts with numbers, each text once."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Return the number of a text, the same for equal texts; the first is 1."""
        return self._numbers.setdefault(text, len(self._numbers) + 1)

    def html(self) -> str:
        """Return all texts, each in an element that has its number in its id."""
        return "\n".join(
            f'<div class="text" id="{self.kind}{number}">{text}</div>' for text, number in self._numbers.items()
        )


def escape_text(text: str, most: int = LONGEST_NAME) -> str:
    """Escape untrusted text for the page: sanitize, truncate and escape HTML."""
    text = sanitize(text)
    return escape(text if len(text) <= most else f"{text[: most - 1]}… ({len(text):,} characters)")


def escape_name(name: str, most: int = 120) -> str:
    """Escape an untrusted name: shortened in its middle if too long, and broken after separators only."""
    name = cut_in_the_middle(sanitize(name), most)
    return escape(name) if len(name) <= _BREAKABLE else "<wbr>".join(map(escape, _SEPARATOR.split(name)))


def badge(severity: str, words: str) -> str:
    """Return a label in the color of a severity, or of another style."""
    return f'<span class="badge {severity}">{words}</span>'


def finding_texts(findings: Iterable[Finding]) -> list[str]:
    """Return a text for each group of findings, worst first, and for each suppressed finding."""
    findings = list(findings)
    shown = [finding for finding in findings if not finding.suppressed]
    return [*map(_item, items_of(shown)), *(finding_text(finding) for finding in findings if finding.suppressed)]


def _item(item: FindingItem) -> str:
    """Return the primary finding of a group in full, and the others in one line each."""
    others = "".join(f"<li>{escape(label)}: {_prose(words)}</li>" for label, words in others_in_short(item))
    return finding_text(item.primary, others=f"<ul>{others}</ul>" if others else "")


def finding_text(finding: Finding, *, place: str = "", others: str = "") -> str:
    """Return a finding with its remedy. ``place``: HTML that says where it is; ``others``: HTML of related ones."""
    sure = "" if finding.confidence is Confidence.HIGH else f" ({finding.confidence.value} confidence)"
    suppressed, style = "", finding.severity.value
    if finding.suppressed is not None:
        reason = finding.suppressed.reason.strip()
        suppressed = f'<p class="quiet">Suppressed{": " + escape_text(reason, MOST_CHARACTERS) if reason else ""}</p>'
        style = NO_FINDING
    return (
        f'<section class="finding {style}"><h4>{badge(style, finding.severity.value)} '
        f"{_check(finding)}{sure}</h4>{place}{suppressed}"
        f"<p>{_prose(finding.message)}</p><p><b>Instead:</b> {_prose(finding.remediation)}</p>{others}</section>"
    )


def _check(finding: Finding) -> str:
    name, address = escape(f"{finding.check_id} {finding.name}"), check_page_url(finding.check_id)
    return f'<a href="{escape(address)}" rel="noopener noreferrer">{name}</a>' if address else name


def _prose(words: str) -> str:
    text = _CODE.sub(r"<code>\1</code>", escape_text(" ".join(words.split()), MOST_CHARACTERS))
    return _REFERENCE.sub(lambda match: f'<a href="{match[0]}" rel="noopener noreferrer">{match[0]}</a>', text)


def statement_text(entry: GraphStatement, more: Sequence[tuple[str, str]]) -> str:
    """Return what a statement says, as a list and as its source. ``more``: further labels and values, as HTML."""
    located, grant = entry.located, entry.located.grant
    rows = [
        ("Effect", f"{escape(grant.effect)} <code>{escape_text(grant.granted_by)}</code>{_effect_note(entry)}"),
        ("All roles except" if grant.complement else "Roles", name_list([str(role.pattern) for role in grant.roles])),
        ("Services", _services(located)),
        ("Condition", name_list(grant.other_conditions)),
        ("When", escape_text(condition_text(located.when))),
        ("Policy", escape_text(located.managed_in_words)),
        *more,
    ]
    listed = "".join(f"<dt>{label}</dt><dd>{value}</dd>" for label, value in rows if value)
    code = "\n".join(escape(line, quote=False) for line in statement_lines(grant.at, grant, MOST_LINES, MOST_COLUMNS))
    return f"<dl>{listed}</dl><pre>{code}</pre>"


def _effect_note(entry: GraphStatement) -> str:
    if entry.located.grant.denied:
        return " (denied by a Deny statement or a permissions boundary)"
    return " (no effect on PassRole)" if entry.effect == "none" else ""


def name_list(names: Sequence[str]) -> str:
    """Return names as code, of many the first ones and how many more there are."""
    listed = "".join(f"<code>{escape_text(name)}</code> " for name in names[:_IN_A_CARD])
    return listed + (f"and {len(names) - _IN_A_CARD} more" if len(names) > _IN_A_CARD else "")


_CONSTRAINTS = {
    Constraint.ABSENT: "any service (missing iam:PassedToService condition)",
    Constraint.INEFFECTIVE: "any service (the condition does not restrict the service)",
    Constraint.NEVER: "none (the condition never matches)",
    Constraint.EXACT_IF_PRESENT: "and requests without the key",
    Constraint.UNRESOLVED: "unresolved",
    Constraint.PATTERN: "pattern",
}


def _services(located: LocatedGrant) -> str:
    grant = located.grant
    words = _CONSTRAINTS.get(grant.services.constraint, "")
    if grant.open_to_other_services:
        words = "any service except these"
    return name_list(grant.services.values) + (f'<span class="quiet">{words}</span>' if words else "")


def location(file: str, line: int | None) -> str:
    """Return a file and a line as HTML."""
    return escape_text(display_path(file)) + (f":{line}" if line else "")
