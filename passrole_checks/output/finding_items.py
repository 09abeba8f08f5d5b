"""Findings as outputs for people show them: one item per group, worst first, by file and statement."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Protocol

from passrole_checks.escaping.shorten import cut_at_word
from passrole_checks.escaping.terminal import display_path
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.scan.group_findings import by_rank, findings_by_statement

BY_FILE, BY_CHECK, BY_SEVERITY = GROUPINGS = ("file", "check", "severity")
IN_SHORT = 160  # characters of a message in one line
_SEGMENT = r"(?:\$\{[^}]*\}|[^\s:])*"
_ROLE_ARN = lazy_regex(rf"\barn:{_SEGMENT}:iam::{_SEGMENT}:role/")
_PRINCIPALS = lazy_regex(r"^.*?\s(?=can (?:escalate|pass)\b)")
_PATH = lazy_regex(r"\((?:path |\d+ published paths, e\.g\. )([a-z0-9]+-\d{3})\b")
_END_OF_SENTENCE = lazy_regex(r"(?<=[^.]\.)\s+(?=[A-Z`\"])")


@dataclass(frozen=True, slots=True)
class FindingItem:
    """The findings of one group: the ``primary``, and the ``others``, most severe first."""

    primary: Finding
    others: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class StatementItems:
    """A statement and its items, worst first. ``uses``: the addresses of all resources that use it."""

    items: tuple[FindingItem, ...]
    uses: tuple[str, ...]

    @property
    def first(self) -> Finding:
        """The worst finding."""
        return self.items[0].primary

    @property
    def text(self) -> tuple[tuple[str, ...], ...]:
        """The texts of its findings, which several statements may have in common."""
        findings = [finding for item in self.items for finding in (item.primary, *item.others)]
        return tuple((label_of(one), one.message, one.remediation) for one in findings)


@dataclass(frozen=True, slots=True)
class Section:
    """Statements below one heading; "" for none."""

    heading: str
    statements: tuple[StatementItems, ...]


def items_of(findings: Iterable[Finding]) -> tuple[FindingItem, ...]:
    """Return an item for each group, worst first, else in the order of their primary findings."""
    members = grouped((finding.group or finding.fingerprint, finding) for finding in findings)
    items = [FindingItem(first, tuple(others)) for first, *others in map(by_rank, members.values())]
    return tuple(sorted(items, key=lambda item: badness(item.primary)))


def badness(finding: Finding) -> tuple[int, int]:
    """Return a key that is least for the most severe and most certain findings."""
    return -finding.severity.rank, -finding.confidence.rank


def statements_of(findings: Sequence[Finding]) -> list[StatementItems]:
    """Return the statements by file, both worst first; equally bad ones by name and line, after those that say the
    same."""
    statements = []
    by_statement = findings_by_statement(findings)
    elsewhere = _shown_elsewhere(by_statement)
    moved = {id(one) for others in elsewhere.values() for one in others}
    for about in by_statement:
        own = [one for one in about if id(one) not in moved]
        if own:
            items = items_of([*own, *(other for one in own if one.primary for other in elsewhere.get(one.group, ()))])
            uses = dict.fromkeys((items[0].primary.resource.address, *(use for one in own for use in one.uses)))
            statements.append(StatementItems(items, tuple(uses)))
    worst: dict[str, tuple[int, int]] = {}
    alike: dict[Hashable, int] = {}
    for statement in sorted(statements, key=lambda statement: statement.first.at.line):
        alike.setdefault((statement.first.at.file, statement.text), statement.first.at.line)
        file, rank = statement.first.at.file, badness(statement.first)
        worst[file] = min(worst.get(file, rank), rank)

    def order(statement: StatementItems) -> tuple[object, ...]:
        at = statement.first.at
        first_line = alike[at.file, statement.text]
        return worst[at.file], at.file, badness(statement.first), first_line, statement.text, at.line, at.column

    return sorted(statements, key=order)


def _shown_elsewhere(statements: Iterable[Sequence[Finding]]) -> dict[str, list[Finding]]:
    """Return by group the findings whose primary is about another statement: they are shown with it."""
    found: dict[str, list[Finding]] = {}
    shown: set[str] = set()
    for about in statements:
        own = {one.group for one in about if one.primary}
        shown |= own
        for finding in about:
            if finding.group not in own:
                found.setdefault(finding.group, []).append(finding)
    return {group: findings for group, findings in found.items() if group in shown}


def sections_of(findings: Sequence[Finding], group_by: str = BY_FILE) -> list[Section]:
    """Return the statements in one section, or in one for each check or severity of their items, worst first."""
    statements = statements_of(findings)
    if group_by == BY_FILE:
        return [Section("", tuple(statements))]
    found: dict[str, list[StatementItems]] = {}
    worst: dict[str, tuple[int, str]] = {}
    for statement in statements:
        primaries = [(item.primary, item) for item in statement.items]
        by_check = group_by == BY_CHECK
        headings = ((f"{one.check_id} {one.name}" if by_check else one.severity.value, item) for one, item in primaries)
        for name, items in grouped(headings).items():
            found.setdefault(name, []).append(StatementItems(tuple(items), statement.uses))
            rank = (-items[0].primary.severity.rank, name)
            worst[name] = min(worst.get(name, rank), rank)
    return [Section(name, tuple(sorted(found[name], key=_by_badness))) for name in sorted(found, key=worst.__getitem__)]


def worst_statements(findings: Sequence[Finding], most: int) -> list[StatementItems]:
    """Return the worst statements, at most ``most``."""
    return sorted(statements_of(findings), key=_by_badness)[:most]


def _by_badness(statement: StatementItems) -> tuple[int, int]:
    return badness(statement.first)


class Labeled(Protocol):
    """A finding, or the remark of a review."""

    @property
    def check_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def confidence(self) -> Confidence: ...
    @property
    def message(self) -> str: ...


def label_of(finding: Labeled) -> str:
    """Return check, severity and, if it is not high, confidence: ``PASSROLE_007 implicit-grant (low)``."""
    sure = "" if finding.confidence is Confidence.HIGH else f", {finding.confidence.value} confidence"
    return f"{finding.check_id} {finding.name} ({finding.severity.value}{sure})"


def others_in_short(
    item: FindingItem, most: int | None = None, name: Callable[[str], str] = display_path
) -> Iterator[tuple[str, str]]:
    """Yield label and first sentence of each finding of an item that is not primary, with the statement and the
    principals if they are others. ``most``: characters of both, if not of another statement. ``name``: returns the name
    of a file."""
    primary = item.primary
    others = [((one.at.file, one.at.line) != (primary.at.file, primary.at.line), one) for one in item.others]
    for is_elsewhere, other in sorted(others, key=lambda pair: pair[0]):
        label = label_of(other)
        if is_elsewhere:
            label += f" at {name(other.at.file)}:{other.at.line}"
        is_same = set(other.principals) <= set(primary.principals)
        room = IN_SHORT if most is None or label != label_of(other) else most - len(label)
        words = in_short(other, room, with_principals=not is_same)
        yield label, words


def in_short(finding: Labeled, most: int = IN_SHORT, *, with_principals: bool = False) -> str:
    """Return the first sentence of the message on one line of at most ``most`` characters, without the principals of
    its group, and with names of roles instead of ARNs. A published path is named in any case."""
    sentence = first_sentence(finding.message)
    sentence = sentence if with_principals else _PRINCIPALS.sub("", sentence)
    words = _ROLE_ARN.sub("role/", sentence)
    path = _PATH.search(words)
    if len(words) <= most or path is None:
        return cut_at_word(words, most)
    name = f" (path {path[1]})"
    return cut_at_word(words[: path.start()].rstrip(), most - len(name)) + name


def first_sentence(message: str) -> str:
    """Return the first sentence of a message on one line."""
    return _END_OF_SENTENCE.split(" ".join(message.split()), maxsplit=1)[0]
