"""Edits of statements: made, verified by trials, and, where none can be made, drafted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from pathlib import Path

from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.result import LocatedGrant, ScanOptions
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.read_boundary import UNBOUNDED, Boundary
from passrole_checks.sources.recognize import LARGEST_PLAN
from passrole_checks.suggest.draft_statement import draft_statement
from passrole_checks.suggest.edits import edited_files
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.module_callers import ModuleCallers
from passrole_checks.suggest.observed_use import Narrowing
from passrole_checks.suggest.referable_roles import Read
from passrole_checks.suggest.render_statement import dedented_text
from passrole_checks.suggest.split_statement import sids_of, split_off_actions
from passrole_checks.suggest.suggestion import Edit, SharedFileUsers, StatementChange, Suggestion
from passrole_checks.suggest.trial_scan import TrialScans, VerifiedEdits
from passrole_checks.suggest.verify import EditedStatement, TrialUnit, edited_span, is_same_finding

UNCHANGED = "the statement already matches the suggestion"
PASSROLE_KEYS = ("iam:PassedToService", "iam:AssociatedResourceArn")
"""Condition keys that only requests passing roles carry."""
Editor = Callable[[LocatedGrant, StatementChange, Read, Sequence[str]], "tuple[Edit, ...] | str"]


@dataclass
class FileTexts:
    """The files as read: characters including a BOM and carriage returns, and the bytes of each. Files outside the
    ``boundary`` are not read.
    """

    boundary: Boundary = UNBOUNDED
    data: dict[str, bytes] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def __call__(self, file: str) -> str:
        """Return the text of a file. Raises OSError, and ValueError if it is not UTF-8."""
        if file not in self.known:
            self.data[file] = self.boundary.read(file, LARGEST_PLAN)
            self.known[file] = self.data[file].decode("utf-8")
        return self.known[file]


class StatementEdits:
    """Edits of the statements of some units. ``dependent``: suggestions that may verify after other edits."""

    def __init__(
        self, units: Sequence[TrialUnit], options: ScanOptions, boundary: Boundary, texts: FileTexts, edit: Editor
    ) -> None:
        self.units, self.texts = units, texts
        self.dependent: list[Suggestion] = []
        self._options, self._edit, self._callers = options, edit, ModuleCallers(boundary)
        self._changes: dict[tuple[Edit, ...], StatementChange | Narrowing] = {}
        self._sids: dict[tuple[int, str], set[str]] = {}  # Sids of the policies of each resource, including new ones
        self.restart()

    def restart(self) -> None:
        """Allow the trials their full time again."""
        self._trials = TrialScans(self.units, self._options, self.texts.known)

    def verify(self, chosen: Sequence[Suggestion]) -> VerifiedEdits:
        """Return the effect of the edits of suggestions together. Raises :class:`NotEditableError` if they do not
        resolve all findings."""
        edits = tuple(dict.fromkeys(edit for one in chosen for edit in one.edits))
        try:
            changed = edited_files(edits, self.texts)
        except ValueError as error:
            raise NotEditableError(str(error)) from None
        statements = []
        for one in chosen:
            span = edited_span(one.at, self.texts(one.at.file), one.edits)
            change = self._changes[one.edits]
            statements.append(EditedStatement(span, span.after(edits), self.texts.known, changed, change))
        return self._trials.verify_edits(
            edits, changed, statements, [finding for one in chosen for finding in one.findings]
        )

    def finish(self, one: Suggestion, proved: VerifiedEdits) -> Suggestion:
        """Return a verified suggestion with the findings it resolves, and the text of the statement."""
        edited, file = proved.statements[0], one.at.file
        text = edited.changed.get(file)
        statement = dedented_text(text, edited.moved.start, edited.moved.end) if text is not None else ""
        gone, less_severe = (
            tuple(finding for finding in one.findings if any(is_same_finding(finding, other) for other in others))
            for others in (proved.gone, proved.less_severe)
        )
        return replace(one, findings=gone, less_severe=less_severe, statement=statement, shared=self._shared(one))

    def _shared(self, one: Suggestion) -> SharedFileUsers | None:
        """Return the users of the edited files, if there is more than one root or template."""
        files = {edit.file for edit in one.edits}
        units = sorted({str(unit.path) for unit in self.units if files & unit.files})
        read = {os.path.dirname(file) for unit in self.units for file in unit.files}
        folders = {os.path.dirname(file) for file in files if is_terraform_file(Path(file))}
        callers = sorted({caller for folder in folders for caller in self._callers.of(folder)} - read)
        is_complete = not folders or self._callers.is_complete
        called = not folders <= set(units)
        if len(units) < 2 and not callers and (is_complete or not called):
            return None
        return SharedFileUsers(tuple(units), tuple(callers), is_complete)

    def verify_suggestion(
        self, one: Suggestion, change: StatementChange | Narrowing, located: LocatedGrant
    ) -> VerifiedEdits:
        """Return the effect of the edits of a suggestion.

        Raises :class:`NotEditableError` if they do not resolve its findings; they are tried again after other edits.
        """
        if not one.edits:
            raise NotEditableError(UNCHANGED)
        self._changes[one.edits] = change
        try:
            return self.verify([one])
        except NotEditableError:
            if one.findings or isinstance(change, Narrowing):
                self.dependent.append(one)
                self.reserve_sids(located, one.edits)
            raise

    def edits_of(
        self, unit: TrialUnit, located: LocatedGrant, change: StatementChange, services: Sequence[str], *, reads: bool
    ) -> tuple[Edit, ...]:
        """Return the edits for an advice. Raises :class:`NotEditableError` with the reason why there are none."""
        only_roles = change.separate and change.roles is None
        own_change = replace(change, separate=False, free_others=False, only_roles=only_roles)
        edits = self.edits_in(unit, located, own_change) if change != StatementChange() else ()
        if not (change.separate or reads):
            return edits
        freeing = self.edits_in(unit, located, StatementChange(drop=PASSROLE_KEYS)) if change.free_others else ()
        read_change = StatementChange(roles=change.roles, drop=(*PASSROLE_KEYS, *change.drop))
        reading = self.edits_in(unit, located, read_change) if reads else None
        passing = (change.services or services or located.grant.services.values) if change.separate else None
        text, taken = self.texts(located.grant.at.file), self.taken_sids(located)
        return split_off_actions(located, edits, text, passing=passing, reading=reading, freeing=freeing, taken=taken)

    def edits_in(self, unit: TrialUnit, located: LocatedGrant, change: StatementChange) -> tuple[Edit, ...]:
        """Return the edits of the statement itself for a change. Raises :class:`NotEditableError` with the reason why
        there are none."""
        found = self._edit(located, change, self.texts, unit.configuration.files)
        if isinstance(found, str):
            raise NotEditableError(found)
        return found

    def taken_sids(self, located: LocatedGrant) -> set[str]:
        """Return the Sids that no new statement may have beside an existing one."""
        return set().union(*self._sids_by_policy(located))

    def _sids_by_policy(self, located: LocatedGrant) -> Iterable[set[str]]:
        """Yield the Sids in the policies of each resource that uses a statement.

        Sids are unique within a policy (IAM User Guide, "IAM JSON policy elements: Sid"), whose statements may be in
        several files.
        """
        for unit in self.units:
            for address in {
                grant.resource.address for grant in unit.analyzed.statements if grant.grant.at == located.grant.at
            }:
                key = (id(unit), address)
                if key not in self._sids:
                    own = [one for one in unit.configuration.policies if one.resource.address == address]
                    statements = [
                        statement for policy in own for statement in parse_document(policy.document).statements
                    ]
                    self._sids[key] = {statement.sid for statement in statements if statement.sid}
                yield self._sids[key]

    def reserve_sids(self, located: LocatedGrant, edits: Iterable[Edit]) -> None:
        """Record the Sids that edits of a statement add."""
        new = sids_of(edits)
        for known in self._sids_by_policy(located) if new else ():
            known |= new

    def draft(self, unit: TrialUnit, located: LocatedGrant, change: StatementChange, *, reads: bool = False) -> str:
        """Return the text to paste for a change that no edit makes; ``reads``: as in :func:`draft_statement`."""
        file, taken = located.grant.at.file, self.taken_sids(located)

        def edits_of(wanted: StatementChange) -> tuple[Edit, ...]:
            edits = self.edits_in(unit, located, wanted)
            if any(edit.file != file for edit in edits):
                raise NotEditableError("the change extends beyond the statement")
            return edits

        change = change if reads else with_name(located, change)
        return draft_statement(located, change, self.texts(file), edits_of, reads=reads, taken=taken)


def with_name(located: LocatedGrant, change: StatementChange) -> StatementChange:
    """Return a change that also names iam:PassRole if a wildcard grants it."""
    is_narrow = not located.grant.explicit and located.grant.only_pass_role
    return replace(change, name_action=True) if is_narrow and change != StatementChange() else change
