"""Code actions for statements with findings: edits of ``suggest`` by grade, a suppression, and the page of a check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from lsprotocol import types

from passrole_checks.escaping.shorten import cut_at_word
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.findings import Finding
from passrole_checks.iam.values.nodes import Position
from passrole_checks.lsp.diagnostics import PositionsOf
from passrole_checks.lsp.judged import Judged
from passrole_checks.lsp.suppress import suppression
from passrole_checks.scan.group_findings import findings_by_statement
from passrole_checks.sources.files.read_boundary import boundary_of_context
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.suggestion import Edit, Suggestion

EXPLAIN = "passrole-checks.explain"
"""The command of the server that shows the page of a check; its argument is the id."""
_LONGEST = 160  # characters of a title

EditsOf = Callable[[Iterable[Edit]], types.WorkspaceEdit]
"""Returns edits of files as the client understands them."""


def statements_in(judged: Judged, file: str, start: int, end: int, positions: PositionsOf) -> list[list[Finding]]:
    """Return the findings of each statement of a file that touches a range of offsets, without suppressed ones."""
    own = [one for one in judged.result.findings if one.at.file == file and one.suppressed is None]
    found = []
    for statement in findings_by_statement(own):
        first, last = positions(file).span(statement[0].at)
        if first <= end and start <= last:
            found.append(list(statement))
    return found


def actions_of(
    judged: Judged,
    statement: Sequence[Finding],
    edits: EditsOf,
    diagnostics: Callable[[Position], list[types.Diagnostic]],
    *,
    with_disabled: bool,
) -> Iterator[types.CodeAction]:
    """Yield the actions for one statement. ``with_disabled``: the client shows actions that cannot be done, with the
    reason."""
    about = diagnostics(statement[0].at) or None
    suggestions = judged.suggestions(statement)
    safest = next((one for one in suggestions if one.edits and one.grade is Grade.EQUIVALENT), None)
    for one in suggestions:
        if one.edits:
            title = cut_at_word(sanitize(f"{_fixed(one)}: {one.says}"), _LONGEST)
            grade = one.grade.value if one.grade is not None else ""
            yield types.CodeAction(
                f"{title} ({grade})",
                kind=types.CodeActionKind.QuickFix,
                diagnostics=about,
                edit=edits(one.edits),
                is_preferred=one is safest or None,
            )
        elif with_disabled and one.missing:
            yield types.CodeAction(
                f"{_fixed(one)}: needs manual review",
                kind=types.CodeActionKind.QuickFix,
                diagnostics=about,
                disabled=types.CodeActionDisabled(sanitize("; ".join(one.missing))),
            )
    checks = sorted({finding.check_id for finding in statement})
    with boundary_of_context(judged.read.boundary):
        for ids in [[check] for check in checks] + ([checks] if len(checks) > 1 else []):
            edit = suppression(statement[0], ids, judged.text)
            if edit is not None:
                yield types.CodeAction(
                    f"Suppress {', '.join(ids)} here (write the reason after the id)",
                    kind=types.CodeActionKind.QuickFix,
                    diagnostics=about,
                    edit=edits([edit]),
                )
    for check in checks:
        title = f"Explain {check}"
        yield types.CodeAction(title, kind=types.CodeActionKind.QuickFix, diagnostics=about,
                               command=types.Command(title, EXPLAIN, arguments=[check]))  # fmt: skip


def _fixed(one: Suggestion) -> str:
    """Return the checks that a suggestion is about."""
    return ", ".join(dict.fromkeys(finding.check_id for finding in (*one.findings, *one.less_severe)))
