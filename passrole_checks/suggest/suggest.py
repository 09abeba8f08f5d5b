"""Suggestions for flagged statements, each verified before it is offered.

A statement may get several suggestions with edits, of different grades, of which one can be made: a limit to the
services that its holders can use anyway, and one that also names the roles. Findings that none of them resolves are in
one more suggestion, for manual review.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from pathlib import Path

from passrole_checks.errors import internal_error
from passrole_checks.escaping.shorten import listed
from passrole_checks.findings import Finding
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.partial_values import Position
from passrole_checks.iam.permissions.escalation import normalize_service
from passrole_checks.scan.result import LocatedGrant, ScanOptions
from passrole_checks.scan.scanner import ReadPaths
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.read_boundary import UNBOUNDED, Boundary, boundary_of_context
from passrole_checks.sources.model.configuration import Unreadable
from passrole_checks.sources.recognize import LARGEST_PLAN
from passrole_checks.suggest.access_effect import AccessEffect
from passrole_checks.suggest.action_advice import ACTION_CHECKS, action_advice
from passrole_checks.suggest.advice import SEPARATE_GET_ROLE, Advice, combine_advice, merge_advice
from passrole_checks.suggest.derived_limit import MOST_WRITTEN, DerivedLimit, derive_limit
from passrole_checks.suggest.draft_statement import draft_statement, drafted_change
from passrole_checks.suggest.edits import edited_files, edits_for
from passrole_checks.suggest.from_logs.suggest import UsageSuggester
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.module_callers import ModuleCallers
from passrole_checks.suggest.module_roles import ModuleRoles
from passrole_checks.suggest.observed_use import Evidence, Narrowing
from passrole_checks.suggest.propose import ANY_SERVICE, FIXABLE_CHECKS, GET_ROLE, INEFFECTIVE, TAGS, Proposer
from passrole_checks.suggest.referable_roles import Read, ReferableRoles
from passrole_checks.suggest.render_statement import dedented_text
from passrole_checks.suggest.split_statement import sids_of, split_off_actions
from passrole_checks.suggest.suggestion import Edit, SharedFileUsers, StatementChange, Suggestion
from passrole_checks.suggest.trial_scan import TrialScans, VerifiedEdits, analyze_units
from passrole_checks.suggest.verify import NotVerifiedError, TrialUnit, edited_span, is_same_finding

# these by a limit only
_EDITABLE_CHECKS = FIXABLE_CHECKS | ACTION_CHECKS | {"PASSROLE_008", "PASSROLE_009", "PASSROLE_016"}
_PASSROLE_KEYS = ("iam:PassedToService", "iam:AssociatedResourceArn")  # keys that only requests passing roles carry
_NARROW_CHECKS = frozenset({ANY_SERVICE, INEFFECTIVE, GET_ROLE})  # checks that Resource does not decide
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


@dataclass(frozen=True, slots=True)
class CombinedSuggestions:
    """Compatible suggestions: the ones applied (``made``), and the resulting text of each file in ``changed``."""

    made: tuple[Suggestion, ...]
    changed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _FlaggedStatement:
    """A statement with findings, to be edited.

    ``unit`` and ``located``: its first use. ``limit``: the services that its holders can pass roles to; None if they
    cannot be derived. ``trials``: of all units that use it.
    """

    findings: tuple[Finding, ...]
    unit: TrialUnit
    located: LocatedGrant
    limit: DerivedLimit | None
    trials: TrialScans

    @property
    def has_complete_limit(self) -> bool:
        return self.limit is not None and self.limit.is_complete


class Session:
    """Suggestions for findings, and the compatible ones among them.

    Args:
        read: what was scanned.
        findings: the findings to suggest fixes for.
        options: those of the scan.
        include_info: also report findings of severity info that an edit makes visible.
        evidence: observed use: narrow statements to what was passed, even if they have no findings.
        without: files whose statements get no suggestions.
        edit: makes edits; the default is :func:`passrole_checks.suggest.edits.edits_for`.
    """

    def __init__(
        self,
        read: ReadPaths,
        findings: Sequence[Finding],
        options: ScanOptions,
        *,
        include_info: bool = False,
        edit: Editor = edits_for,
        evidence: Evidence | None = None,
        without: Collection[str] = (),
    ) -> None:
        self._findings = [one for one in findings if one.suppressed is None and one.at.file not in without]
        self._options, self._edit, self._evidence = options, edit, evidence
        # iam:GetRole is a new permission: it is added only if its check is asked for by name
        self._grants_get_role = GET_ROLE in options.checks and GET_ROLE not in options.skip_checks
        self._include_info = include_info and self._grants_get_role
        self.boundary, self.texts = read.boundary, FileTexts(read.boundary)
        self._callers, self._module_roles = ModuleCallers(read.boundary), ModuleRoles(self.texts)
        self.faults: list[Unreadable] = []  # internal errors in suggestions
        files = {finding.at.file for finding in self._findings} if evidence is None else None
        self._units = analyze_units(read, options, files)
        self._at: dict[Position, list[tuple[TrialUnit, LocatedGrant]]] = {}
        for unit in self._units:
            for grant in (one for one in unit.analyzed.statements if one.grant.at.file not in without):
                self._at.setdefault(grant.grant.at, []).append((unit, grant))
        self._referable = {id(unit): ReferableRoles(unit.configuration, self.texts) for unit in self._units}
        self._proposers = {id(unit): Proposer(unit.analyzed, self._referable[id(unit)]) for unit in self._units}
        self._dependent: list[Suggestion] = []  # suggestions that may verify after other edits
        self._changes: dict[tuple[Edit, ...], StatementChange | Narrowing] = {}
        self._usage_suggester = None if evidence is None else UsageSuggester(self, evidence, self._at, self._proposers)
        self._sids: dict[tuple[int, str], set[str]] = {}  # Sids of the policies of each resource, including new ones
        with boundary_of_context(read.boundary):
            self.suggestions = self._suggest_all()

    def _suggest_all(self) -> tuple[Suggestion, ...]:
        groups: dict[tuple[Position, str], list[Finding]] = {}
        for finding in self._findings:
            within = finding.grant.statement.path if finding.grant is not None and not finding.at.end_line else ""
            groups.setdefault((finding.at, finding.managed or within), []).append(finding)
        if self._evidence is not None and not self._options.checks:
            flagged = {
                finding.at for unit in self._units for finding in unit.analyzed.findings if finding.severity.rank
            }
            flagged |= {at for at, _ in groups}
            groups.update({(at, ""): [] for at in self._at if at not in flagged})
            groups = dict(sorted(groups.items(), key=lambda group: _group_order(group[0])))
        if not groups:
            return ()
        trials = TrialScans(self._units, self._options, self.texts.known)
        return tuple(one for (at, _), group in groups.items() for one in self._isolated(at, group, trials))

    def _isolated(self, at: Position, findings: Sequence[Finding], trials: TrialScans) -> Sequence[Suggestion]:
        """Return the suggestions for a statement; after an internal error, the remedies of its findings, and record the
        error.
        """
        try:
            return tuple(self._suggest_at(at, findings, trials))
        except Exception as error:
            self.faults.append(Unreadable(at.file, internal_error(error), at.line, fault=True))
            remedies = tuple(dict.fromkeys(finding.remediation for finding in findings))
            return (Suggestion(tuple(findings), at, (), "", remedies, ""),) if findings else ()

    def _suggest_at(self, at: Position, findings: Sequence[Finding], trials: TrialScans) -> Iterable[Suggestion]:
        """Return the suggestions for a statement: from observed use if there is any, else from its configuration."""
        found = self._usage_suggester.of(at, findings, trials) if self._usage_suggester is not None else None
        return found if found is not None else self._for_statement(findings, trials) if findings else ()

    def combine(
        self,
        without: Collection[str] = (),
        grades: Collection[Grade] = tuple(Grade),
        *,
        on_request: bool = True,
        chosen: Collection[Suggestion] | None = None,
    ) -> CombinedSuggestions:
        """Return compatible suggestions of these grades, none of them in the files ``without``; for each statement at
        most one, the strongest that verifies with the others. ``on_request``: also those that are not written without
        being asked for. ``chosen``: only these, of any grade.

        All if they verify together; else one by one those that do, then those that verify only after others.
        """
        able, later = (
            sorted(
                (
                    one
                    for one in some
                    if one.edits
                    and (one in chosen if chosen is not None else one.grade in grades)
                    and (on_request or chosen is not None or not one.on_request)
                    and not _touches(one, without)
                ),
                key=lambda one: -(one.grade or Grade.EQUIVALENT).rank,
            )
            for some in (self.suggestions, self._dependent)
        )
        chosen_so_far: list[Suggestion] = []
        changed: Mapping[str, str] = {}
        trials = TrialScans(self._units, self._options, self.texts.known)
        with boundary_of_context(self.boundary):
            first = set(map(id, {one.at: one for one in reversed(able)}.values()))  # of each statement
            strongest = [one for one in self.suggestions if id(one) in first]
            whole = self._verify_all(strongest, trials) if strongest else None
            if whole is not None:
                chosen_so_far, changed, able = strongest, whole, []
            while True:
                before = len(chosen_so_far)
                for one in (*able, *later):
                    if any(one.at == other.at for other in chosen_so_far):
                        continue
                    attempt = self._verify_all([*chosen_so_far, one], trials)
                    if attempt is not None:
                        chosen_so_far, changed = [*chosen_so_far, one], attempt
                taken = {one.at for one in chosen_so_far}
                able, later = ([one for one in some if one.at not in taken] for some in (able, later))
                if len(chosen_so_far) == before or not (able or later):
                    return CombinedSuggestions(tuple(chosen_so_far), changed)

    def _verify_all(self, chosen: Sequence[Suggestion], trials: TrialScans) -> Mapping[str, str] | None:
        """Return the files with the edits of several suggestions; None if they do not verify together."""
        edits = tuple(dict.fromkeys(edit for one in chosen for edit in one.edits))
        try:
            changed = edited_files(edits, self.texts)
            spans = [edited_span(one.at, self.texts(one.at.file), one.edits) for one in chosen]
            changes = [self._changes[one.edits] for one in chosen]
            targets = [finding for one in chosen for finding in one.findings]
            proved = trials.verify_edits(edits, changed, spans, targets, changes)
            better = (*proved.gone, *proved.less_severe)
            for one, effect in zip(chosen, proved.effects, strict=True):
                if not _keeps_grade(one, effect):
                    return None
                if not all(any(is_same_finding(less, other) for other in better) for less in one.less_severe):
                    return None
        except (NotVerifiedError, ValueError):
            return None
        except Exception as error:
            at = chosen[-1].at
            self.faults.append(Unreadable(at.file, internal_error(error), at.line, fault=True))
            return None
        return changed

    def _for_statement(self, findings: Sequence[Finding], trials: TrialScans) -> Iterable[Suggestion]:
        at = findings[0].at
        own = [finding for finding in findings if not finding.managed and finding.check_id in _EDITABLE_CHECKS]
        located = self._at.get(at, [])
        try:
            text = self.texts(at.file)
        except (OSError, ValueError):
            text = ""
        if not own or not located or not text:
            yield _remedies(findings)
            return
        granting = [(unit, one) for unit, one in located if one.effect_on_passrole != "none"] or located
        unit, first = granting[0]
        statement = _FlaggedStatement(tuple(findings), unit, first, self._limit(granting), trials)
        yield from self._for_uses(statement, granting, {one.check_id for one in own})

    def _for_uses(
        self,
        statement: _FlaggedStatement,
        granting: Sequence[tuple[TrialUnit, LocatedGrant]],
        checks: Collection[str],
    ) -> Iterable[Suggestion]:
        """Yield the suggestions for a statement that these checks flag, from all of its uses."""
        unit, located, limit = statement.unit, statement.located, statement.limit
        limited = limit.advice(unit.analyzed, located) if limit is not None else Advice()
        asked = frozenset(checks) & FIXABLE_CHECKS
        without_reading = self._advice(granting, asked - {GET_ROLE}, limit)
        wants_to_read = GET_ROLE in asked and self._grants_get_role
        advice = self._advice(granting, asked, limit) if wants_to_read else without_reading
        done: list[Suggestion] = []
        reason = ""
        is_complete = statement.has_complete_limit
        ordered = (without_reading, advice, *action_advice(unit.analyzed, located, checks))
        # a limit that may deny something comes last
        for one in dict.fromkeys((limited, *ordered) if is_complete else (*ordered, limited)):
            if one.change is None or (one is limited and done and not is_complete):
                continue
            try:
                made = self._proved(statement, one, one.change, keeps_use=one is limited and is_complete)
            except NotVerifiedError as error:
                reason = str(error)
                continue
            if not any(_is_same(made, other) for other in done):
                done.append(made)
                yield made
        for made in done:
            self.reserve_sids(located, made.edits)
        left = [finding for finding in statement.findings if not any(finding in made.findings for made in done)]
        if left and not done and not asked:
            yield _remedies(left, reason)
        elif left:
            advice = combine_advice(advice, limited, is_limited=limited.change is not None and not reason)
            yield self._manual(replace(statement, findings=tuple(left)), advice, reason, done=bool(done))

    def _limit(self, granting: Sequence[tuple[TrialUnit, LocatedGrant]]) -> DerivedLimit | None:
        """Return the services that the holders of a statement can pass roles to, from all of its uses."""
        unknown = (
            name
            for unit, one in granting
            for principal in one.principals
            for name in (
                *self._referable[id(unit)].unknown_attachments(principal),
                *self._referable[id(unit)].conditional_actions(principal),
            )
        )
        return derive_limit(((unit.analyzed, one) for unit, one in granting), unknown, self._module_roles)

    def _advice(
        self, granting: Sequence[tuple[TrialUnit, LocatedGrant]], checks: Collection[str], limit: DerivedLimit | None
    ) -> Advice:
        """Return the advice by what the configuration passes, merged over all uses of the statement."""
        if not checks:
            return Advice()
        found: list[Advice] = []
        variants: list[tuple[str, Advice]] = []
        for unit, one in granting:
            advice = self._proposers[id(unit)].advice(one, checks, limit)
            if unit.values.path:
                variants.append((unit.values.label, advice))
            else:
                found.append(advice)
        return merge_advice(found or [advice for _, advice in variants], variants)

    def _proved(
        self, statement: _FlaggedStatement, advice: Advice, change: StatementChange, *, keeps_use: bool
    ) -> Suggestion:
        """Return the suggestion with edits for the change of an advice. ``keeps_use``: they must keep all that can be
        used. Raises :class:`NotVerifiedError` if there are none, or they cannot be verified.
        """
        wanted = Grade.EQUIVALENT if keeps_use else Grade.NARROWED
        edits, proved, says = self._verified_edits(statement, advice, change, wanted)
        (effect,) = proved.effects
        grade = _grade_of(effect, change, has_complete_limit=statement.has_complete_limit)
        if keeps_use and grade is not Grade.EQUIVALENT:
            raise NotVerifiedError("whether a service that can be used would be excluded")
        if effect.added:
            says += f" Adds {listed(effect.added)}{', whatever its tags' if change.drop else ''}."
        many = len({normalize_service(service) for service in change.services or ()}) > MOST_WRITTEN
        made = Suggestion(
            statement.findings,
            statement.located.grant.at,
            edits,
            says,
            (),
            "",
            grade=grade,
            on_request=many and grade is Grade.EQUIVALENT,
            added=effect.added,
        )
        made = self.finish(made, proved)
        if not made.findings and not made.less_severe:
            raise NotVerifiedError("no finding would be resolved or become less severe")
        return made

    def _verified_edits(
        self, statement: _FlaggedStatement, advice: Advice, change: StatementChange, grade: Grade
    ) -> tuple[tuple[Edit, ...], VerifiedEdits, str]:
        """Return the edits with their effect and description, with a statement for iam:GetRole where it is wanted and
        can be verified. Raises :class:`NotVerifiedError` if there are none, or they cannot be verified.
        """
        reads, says = advice.reads, advice.says
        try:
            edits, proved = self._attempt(statement, advice, change, grade, reads=reads)
        except NotVerifiedError:
            if not reads or change == StatementChange():
                raise
            reads = False
            edits, proved = self._attempt(statement, advice, change, grade, reads=False)
        if GET_ROLE in proved.new_info and not reads and self._include_info:
            # the check is silent about wider statements
            with suppress(NotVerifiedError):
                edits, proved = self._attempt(statement, advice, change, grade, reads=True)
                says = f"{says.rstrip('.')}; {SEPARATE_GET_ROLE}."
        return edits, proved, says

    def finish(self, one: Suggestion, proved: VerifiedEdits) -> Suggestion:
        """Return a verified suggestion with the findings it resolves, and the text of the statement."""
        at, changed = one.at, edited_files(one.edits, self.texts)
        after = edited_span(at, self.texts(at.file), one.edits).after(one.edits)
        statement = dedented_text(changed[at.file], after.start, after.end) if at.file in changed else ""
        gone, less_severe = (
            tuple(finding for finding in one.findings if any(is_same_finding(finding, other) for other in others))
            for others in (proved.gone, proved.less_severe)
        )
        return replace(one, findings=gone, less_severe=less_severe, statement=statement, shared=self._shared(one))

    def _shared(self, one: Suggestion) -> SharedFileUsers | None:
        """Return the users of the edited files, if there is more than one root or template."""
        files = {edit.file for edit in one.edits}
        units = sorted({str(unit.path) for unit in self._units if files & unit.files})
        read = {os.path.dirname(file) for unit in self._units for file in unit.files}
        folders = {os.path.dirname(file) for file in files if is_terraform_file(Path(file))}
        callers = sorted({caller for folder in folders for caller in self._callers.of(folder)} - read)
        is_complete = not folders or self._callers.is_complete
        called = not folders <= set(units)
        if len(units) < 2 and not callers and (is_complete or not called):
            return None
        return SharedFileUsers(tuple(units), tuple(callers), is_complete)

    def _attempt(
        self, statement: _FlaggedStatement, advice: Advice, change: StatementChange, grade: Grade, *, reads: bool
    ) -> tuple[tuple[Edit, ...], VerifiedEdits]:
        """Return the edits and their effect. Raises :class:`NotVerifiedError` if there are none, or they cannot be
        verified.
        """
        located = statement.located
        change = _with_name(located, change)
        found = self._edits(statement.unit, located, change, advice.services, reads=reads)
        if isinstance(found, str):
            raise NotVerifiedError(found)
        if not found:
            raise NotVerifiedError("the statement already matches the suggestion")
        fixable = advice.targets if reads or change.get_role else advice.targets - {GET_ROLE}
        targets = tuple(finding for finding in statement.findings if finding.check_id in fixable)
        attempt = Suggestion(targets, located.grant.at, found, advice.says, (), "", grade=grade)
        return found, self.verify_suggestion(attempt, change, located, statement.trials)

    def verify_suggestion(
        self, one: Suggestion, change: StatementChange | Narrowing, located: LocatedGrant, trials: TrialScans
    ) -> VerifiedEdits:
        """Return the effect of the edits of a suggestion.

        Raises :class:`NotVerifiedError` if they do not resolve its findings; they are tried again after other edits.
        """
        self._changes[one.edits] = change
        span = edited_span(one.at, self.texts(one.at.file), one.edits)
        try:
            changed = edited_files(one.edits, self.texts)
        except ValueError as error:
            raise NotVerifiedError(str(error)) from None
        try:
            return trials.verify_edits(one.edits, changed, [span], one.findings, [change])
        except NotVerifiedError:
            if one.findings or isinstance(change, Narrowing):
                self._dependent.append(one)
                self.reserve_sids(located, one.edits)
            raise

    def _edits(
        self,
        unit: TrialUnit,
        located: LocatedGrant,
        change: StatementChange,
        services: Sequence[str],
        *,
        reads: bool,
    ) -> tuple[Edit, ...] | str:
        """Return the edits for an advice, or the reason why there are none."""
        only_roles = change.separate and change.roles is None
        own_change = replace(change, separate=False, free_others=False, only_roles=only_roles)
        found = self.edits_in(unit, located, own_change) if change != StatementChange() else ()
        if isinstance(found, str) or not (change.separate or reads):
            return found
        freeing = self.edits_in(unit, located, StatementChange(drop=_PASSROLE_KEYS)) if change.free_others else ()
        if isinstance(freeing, str):
            return freeing
        reading: tuple[Edit, ...] | None = None
        if reads:
            reading_edits = self.edits_in(
                unit, located, StatementChange(roles=change.roles, drop=(*_PASSROLE_KEYS, *change.drop))
            )
            if isinstance(reading_edits, str):
                return reading_edits
            reading = reading_edits
        services = change.services or services or located.grant.services.values
        text = self.texts(located.grant.at.file)
        passing = services if change.separate else None
        taken = set().union(*self.sids_by_policy(located))
        return split_off_actions(located, found, text, passing=passing, reading=reading, freeing=freeing, taken=taken)

    def edits_in(self, unit: TrialUnit, located: LocatedGrant, change: StatementChange) -> tuple[Edit, ...] | str:
        """Return the edits of the statement itself for a change, or the reason why there are none."""
        return self._edit(located, change, self.texts, unit.configuration.files)

    def sids_by_policy(self, located: LocatedGrant) -> Iterable[set[str]]:
        """Yield the Sids in the policies of each resource that uses a statement.

        Sids are unique within a policy (IAM User Guide, "IAM JSON policy elements: Sid"), whose statements may be in
        several files.
        """
        for unit in self._units:
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
        for known in self.sids_by_policy(located) if new else ():
            known |= new

    def _manual(self, statement: _FlaggedStatement, advice: Advice, reason: str, *, done: bool) -> Suggestion:
        """Return the suggestion for manual review of findings that no edit resolves. ``reason``: why an edit was
        refused; ``done``: other findings of the statement have edits."""
        findings, located = statement.findings, statement.located
        at, grant = located.grant.at, located.grant
        others = tuple(dict.fromkeys(finding.remediation for finding in findings))
        only_get_role = {finding.check_id for finding in findings} == {GET_ROLE}
        is_open = bool(advice.missing) and any(finding.check_id in FIXABLE_CHECKS for finding in findings)
        if done and not is_open and not only_get_role:
            return _remedies(findings)
        missing = tuple(dict.fromkeys([*advice.missing, *([reason] if reason else [])])) or others
        if grant.effect != "Allow" or not grant.only_pass_role or not grant.statement.whole:
            return Suggestion(findings, at, (), "", missing, "")
        roles = advice.change.roles if advice.change is not None else None
        if only_get_role:
            change = StatementChange(roles=roles if done else None, drop=_PASSROLE_KEYS)
        else:
            wide = any(finding.check_id in FIXABLE_CHECKS - _NARROW_CHECKS for finding in findings)
            tags = TAGS in {finding.check_id for finding in findings}
            change = drafted_change(located, advice, statement.limit, wide=wide, tags=tags)
        words = self.draft(statement.unit, located, change, reads=only_get_role)
        return Suggestion(findings, at, (), "", missing, words)

    def draft(self, unit: TrialUnit, located: LocatedGrant, change: StatementChange, *, reads: bool = False) -> str:
        """Return the text to paste for a change that no edit makes; ``reads``: as in :func:`draft_statement`."""
        text, taken = self.texts(located.grant.at.file), set[str]().union(*self.sids_by_policy(located))
        change = change if reads else _with_name(located, change)
        return draft_statement(
            located, change, text, lambda wanted: self._own_edits(unit, located, wanted), reads=reads, taken=taken
        )

    def _own_edits(self, unit: TrialUnit, located: LocatedGrant, change: StatementChange) -> tuple[Edit, ...] | str:
        """Return the edits for a change, or the reason why there are none; none that needs edits of another file."""
        found = self.edits_in(unit, located, change)
        if isinstance(found, str) or all(edit.file == located.grant.at.file for edit in found):
            return found
        return "the change extends beyond the statement"


def _grade_of(effect: AccessEffect, change: StatementChange, *, has_complete_limit: bool) -> Grade:
    """Return the grade of an edit. ``has_complete_limit``: the services that holders can pass roles to are known."""
    if effect.added:
        return Grade.REPAIRING
    is_equivalent = effect.keeps_use and (change.keeps_access or has_complete_limit) and not change.free_others
    return Grade.EQUIVALENT if is_equivalent else Grade.NARROWED


def _with_name(located: LocatedGrant, change: StatementChange) -> StatementChange:
    """Return a change that also names iam:PassRole if a wildcard grants it."""
    is_narrow = not located.grant.explicit and located.grant.only_pass_role
    return replace(change, name_action=True) if is_narrow and change != StatementChange() else change


def _remedies(findings: Sequence[Finding], reason: str = "") -> Suggestion:
    """Return a suggestion for manual review that says what each finding asks for, and why it was not edited."""
    remedies = tuple(dict.fromkeys(finding.remediation for finding in findings))
    return Suggestion(tuple(findings), findings[0].at, (), "", (*remedies, *([reason] if reason else [])), "")


def _is_same(one: Suggestion, other: Suggestion) -> bool:
    """True if one suggestion makes another one for the same statement superfluous."""
    equivalent = one.grade is Grade.EQUIVALENT and other.grade is Grade.EQUIVALENT
    return one.edits == other.edits or (equivalent and set(map(id, one.findings)) <= set(map(id, other.findings)))


def _keeps_grade(one: Suggestion, effect: AccessEffect) -> bool:
    """True if the effect of edits together with others is that of their grade, and they add only what is said."""
    if one.grade is Grade.EQUIVALENT and not effect.keeps_use:
        return False
    return one.grade is Grade.OBSERVED or set(effect.added) <= set(one.added)


def _group_order(key: tuple[Position, str]) -> tuple[str, int, int, str]:
    return key[0].file, key[0].line, key[0].column, key[1]


def _touches(one: Suggestion, files: Collection[str]) -> bool:
    return any(edit.file in files for edit in one.edits)
