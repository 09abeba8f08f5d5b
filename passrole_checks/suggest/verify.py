"""Verify edits: which findings are resolved, whether there are new ones, and what the statement now says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from passrole_checks.findings import Finding, Severity
from passrole_checks.iam.documents.action import matches_only_pass_role
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position, StringNode
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.sources.model.addresses import module_of
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.observed_use import Narrowing
from passrole_checks.suggest.suggestion import Edit, StatementChange, TargetRole

_OTHER_BRANCH = lazy_regex(
    r"""(?:[\s,-]|\#[^\n]*\n)*(?:!Ref\s+|Ref\s*:\s*|\{\s*"?Ref"?\s*:\s*)(["']?)AWS::NoValue\1[ \t}\]]*(?:[ \t]\#[^\n]*)?
    (?:\s*[}\]])*""",
    re.VERBOSE,
)  # the rest of an Fn::If after its first branch


@dataclass(frozen=True, slots=True)
class StatementSpan:
    """A statement in the text of a file, by offsets in characters, as in :class:`Edit`."""

    file: str
    start: int
    end: int

    def after(self, edits: Iterable[Edit]) -> StatementSpan:
        """Return the span after the edits, including text inserted right after the statement."""
        own = [edit for edit in edits if edit.file == self.file]
        before = sum(map(_growth, (edit for edit in own if edit.end <= self.start and edit.start < self.start)))
        within = sum(map(_growth, (edit for edit in own if edit.start >= self.start and edit.end <= self.end)))
        return StatementSpan(self.file, self.start + before, self.end + before + within)

    def contains(self, at: Position, texts: Mapping[str, str]) -> bool:
        """True if a position, in files with these texts, is within."""
        if at.file != self.file or at.file not in texts:
            return False
        return self.start <= offset_of(texts[at.file], at.line, at.column) < self.end


def _growth(edit: Edit) -> int:
    return len(edit.text) - (edit.end - edit.start)


def offset_of(text: str, line: int, column: int) -> int:
    """Return the offset of a line and a column, both 1-based; a BOM counts as a character but not as a column."""
    starts = _line_starts(text)
    if line > len(starts):
        return len(text)
    bom = 1 if line == 1 and text.startswith("\ufeff") else 0
    return starts[line - 1] + bom + column - 1


@lru_cache(maxsize=16)
def _line_starts(text: str) -> tuple[int, ...]:
    return (0, *(found.end() for found in re.finditer("\n", text)))


def statement_span(at: Position, text: str) -> StatementSpan:
    """Return the span of the statement at a position."""
    start = offset_of(text, at.line, at.column)
    end = offset_of(text, at.end_line, at.end_column) if at.end_line >= at.line else start
    return StatementSpan(at.file, start, max(start, end))


def edited_span(at: Position, text: str, edits: Iterable[Edit]) -> StatementSpan:
    """Return the span of the statement at a position, including its own insertions after it on its last line, or after
    the ``Fn::If`` that it is a branch of.
    """
    span = statement_span(at, text)
    line = text.find("\n", span.end)
    last = len(text) if line < 0 else line
    ends = [
        edit.end
        for edit in edits
        if edit.file == at.file
        and span.start <= edit.start
        and (edit.end <= last or _OTHER_BRANCH.fullmatch(text, span.end, edit.start))
    ]
    return StatementSpan(span.file, span.start, max([span.end, *ends]))


@dataclass(frozen=True, slots=True)
class EditedStatement:
    """A statement before and after edits, and the ``change`` that they are to make. ``span`` is in ``texts``, ``moved``
    in the ``changed`` ones."""

    span: StatementSpan
    moved: StatementSpan
    texts: Mapping[str, str]
    changed: Mapping[str, str]
    change: StatementChange | Narrowing

    def was_at(self, at: Position) -> bool:
        """True if a position is within the statement before the edits."""
        return self.span.contains(at, self.texts)

    def is_at(self, at: Position) -> bool:
        """True if a position is within the statement after the edits."""
        return self.moved.contains(at, self.changed)


@dataclass(frozen=True, slots=True)
class TrialUnit:
    """A configuration as read from ``path``, analyzed by all checks."""

    path: Path
    configuration: Configuration
    analyzed: AnalyzedConfiguration
    files: frozenset[str]


def open_findings(analyzed: AnalyzedConfiguration) -> tuple[Finding, ...]:
    """Return the findings that are not suppressed."""
    return tuple(finding for finding in analyzed.findings if finding.suppressed is None)


@dataclass(frozen=True, slots=True)
class FindingChanges:
    """The findings at some statements: those that edits resolve, those that they make less severe, and the others.

    ``new_info``: checks of severity info with new findings there.
    """

    gone: tuple[Finding, ...]
    less_severe: tuple[Finding, ...]
    unchanged: tuple[Finding, ...]
    new_info: frozenset[str]


def compare_findings(
    unit: TrialUnit, after: AnalyzedConfiguration, statements: Sequence[EditedStatement]
) -> FindingChanges:
    """Return what becomes of the findings at edited statements. Raises :class:`NotEditableError` if there is a new
    finding, or a more severe one, or if another statement would change: one derived from the text of an edited one,
    such as a Deny that would deny less. New findings of severity info at the statements are accepted.
    """
    sides = ((unit.analyzed, [one.was_at for one in statements]), (after, [one.is_at for one in statements]))
    inside, now = (
        [[finding for finding in open_findings(analyzed) if is_there(finding.at)] for is_there in places]
        for analyzed, places in sides
    )
    new_info: set[str] = set()
    excused: set[int] = set()
    changes = {-1: list[Finding](), 0: list[Finding](), 1: list[Finding]()}
    for before, here in zip(inside, now, strict=True):
        was, left = (_ranks(findings, "check_id") for findings in (before, here))
        for one in here:
            if one.severity is Severity.INFO or one.severity.rank <= was.get(one.check_id, -1):
                excused.add(id(one))
                new_info |= {one.check_id} - was.keys()
        for one in before:
            rank = left.get(one.check_id, -1)
            changes[-1 if rank < 0 else 0 if rank < one.severity.rank else 1].append(one)
    known = Counter(finding.fingerprint for finding in open_findings(unit.analyzed))
    ranks = _ranks(open_findings(unit.analyzed), "fingerprint")
    for one in open_findings(after):
        if id(one) not in excused:
            known[one.fingerprint] -= 1
            if known[one.fingerprint] < 0 or one.severity.rank > ranks[one.fingerprint]:
                cause = f"{one.check_id} {one.name}: {one.message}"
                raise NotEditableError(f"whether this is intended: it would cause {cause}")
    others = [
        Counter(
            (one.resource.address, *one.grant.statement.identity)
            for one in analyzed.statements
            if not any(is_there(one.grant.at) for is_there in places)
        )
        for analyzed, places in sides
    ]
    other = sorted((others[0] - others[1]) | (others[1] - others[0]))
    if other:
        raise NotEditableError(f"whether another statement of {other[0][0]}, derived from this one, should change too")
    return FindingChanges(tuple(changes[-1]), tuple(changes[0]), tuple(changes[1]), frozenset(new_info))


def _ranks(findings: Iterable[Finding], key: str) -> dict[str, int]:
    """Return the highest severity of findings, as a rank, by an attribute."""
    return {getattr(one, key): one.severity.rank for one in sorted(findings, key=lambda one: one.severity.rank)}


def verify_change(
    before: AnalyzedConfiguration, after: AnalyzedConfiguration, edited: EditedStatement, change: StatementChange
) -> None:
    """Raise :class:`NotEditableError` if a statement does not match the target state: its roles, services or
    actions."""
    was = [one for one in before.statements if edited.was_at(one.grant.at)]
    now = [one for one in after.statements if edited.is_at(one.grant.at)]
    if not was and not now:
        return  # this configuration uses the file for something else
    old, new = ([one.grant for one in found] for found in (was, now))
    if not new or any(grant.effect != "Allow" for grant in new):
        raise NotEditableError("the statement would not allow passing any role")
    more = sorted({one.resource.address for one in now} - {one.resource.address for one in was})
    if more:  # it was replaced by its Sid
        raise NotEditableError(f"whether {more[0]}, which excludes the statement by its Sid, should pass roles too")
    known = {role.pattern.parts for grant in old for role in grant.roles} if change.roles is None else set()
    wanted = (*change.roles, *change.also) if change.roles is not None else ()
    allowed = {"iam:getrole", *(["iam:passrole"] if change.name_action else [])}
    allowed.update(name for one in old for name in actions_of(one))
    for grant in new:
        for role in grant.roles:
            if role.pattern.parts not in known and not any(names_role(role.pattern, one) for one in wanted):
                raise NotEditableError(f"the statement would allow passing {role.pattern}")
        if change.services is not None and set(grant.services.values) != set(change.services):
            raise NotEditableError("the statement would not name the intended services")
        if not allowed.issuperset(actions_of(grant)):
            raise NotEditableError("the statement would allow other actions")
    if change.separate:
        verify_other_actions(old, after, edited)


def verify_other_actions(old: Sequence[PassRoleGrant], after: AnalyzedConfiguration, edited: EditedStatement) -> None:
    """Raise :class:`NotEditableError` if an action other than iam:PassRole would no longer be allowed."""
    others = {name for grant in old for name in actions_of(grant) if not matches_only_pass_role(name)}
    left = {
        str(name).lower()
        for policy in after.configuration.policies
        for statement in parse_document(policy.document).statements
        if edited.is_at(statement.at)
        for name in statement.actions or ()
    }
    if not others <= left:
        raise NotEditableError("the statement would no longer allow its other actions")


def actions_of(grant: PassRoleGrant) -> list[str]:
    """Return the actions that a statement names, in lower case."""
    return [str(name).lower() for name in grant.statement.actions or ()]


def names_role(pattern: StringNode, role: TargetRole) -> bool:
    """True if a Resource is a target role, in any instance of a module."""
    unresolved, wanted = pattern.only_unresolved, role.arn.only_unresolved
    if role.value is not None and _without_account(pattern) == _without_account(role.value):
        return True
    if unresolved is not None and role.address:
        name = role.address.removeprefix(module_of(role.address))
        own = unresolved.role or ""
        return name in (own.removeprefix(module_of(own)), own.rpartition(".")[2])
    if unresolved is not None and wanted is not None:
        return unresolved.expression.endswith(wanted.expression) or (
            unresolved.role is not None and unresolved.role == wanted.role
        )
    return _without_account(pattern) == _without_account(role.arn)


def _without_account(text: StringNode) -> str:
    """Return a role ARN without the partition and the account, which are written in several ways."""
    written = "".join(part if isinstance(part, str) else "\0" for part in text.parts)
    return re.sub(r"\Aarn:[^:]*:iam::[^:]*:", "", written)


def is_same_finding(one: Finding, other: Finding) -> bool:
    """True if two findings are the same, reported by units that share the file."""
    return one.check_id == other.check_id and (one.at.file, one.at.line, one.at.column) == (
        other.at.file,
        other.at.line,
        other.at.column,
    )
