"""Suggestions for flagged statements, each verified before it is offered.

A statement may get several suggestions with edits, of different grades, of which one can be made: a limit to the
services that its holders can use anyway, and one that also names the roles. Findings that none of them resolves are in
one more suggestion, for manual review.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from passrole_checks.errors import internal_error
from passrole_checks.escaping.shorten import listed
from passrole_checks.findings import Finding
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.permissions.escalation import normalize_service
from passrole_checks.iam.values.nodes import Position
from passrole_checks.scan.result import LocatedGrant, ScanOptions
from passrole_checks.scan.scanner import ReadPaths
from passrole_checks.sources.files.read_boundary import boundary_of_context
from passrole_checks.sources.model.configuration import Unreadable
from passrole_checks.suggest.action_advice import ACTION_CHECKS, action_advice
from passrole_checks.suggest.advice import SEPARATE_GET_ROLE, Advice, combine_advice, merge_advice
from passrole_checks.suggest.derived_limit import MOST_WRITTEN, DerivedLimit, derive_limit
from passrole_checks.suggest.draft_statement import drafted_change
from passrole_checks.suggest.edits import edits_for
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.from_logs.suggest import suggestions_by_use
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.module_roles import ModuleRoles
from passrole_checks.suggest.observed_use import Evidence
from passrole_checks.suggest.passed_roles import PassedRoles
from passrole_checks.suggest.propose import ANY_SERVICE, FIXABLE_CHECKS, GET_ROLE, INEFFECTIVE, TAGS, propose
from passrole_checks.suggest.referable_roles import ReferableRoles
from passrole_checks.suggest.statement_edits import PASSROLE_KEYS, Editor, FileTexts, StatementEdits, with_name
from passrole_checks.suggest.suggestion import StatementChange, Suggestion
from passrole_checks.suggest.trial_scan import VerifiedEdits, analyze_units
from passrole_checks.suggest.verify import TrialUnit, is_same_finding

# these by a limit only
_EDITABLE_CHECKS = FIXABLE_CHECKS | ACTION_CHECKS | {"PASSROLE_008", "PASSROLE_009", "PASSROLE_016"}
_NARROW_CHECKS = frozenset({ANY_SERVICE, INEFFECTIVE, GET_ROLE})  # checks that Resource does not decide


@dataclass(frozen=True, slots=True)
class CombinedSuggestions:
    """Compatible suggestions: the ones applied (``made``), and the resulting text of each file in ``changed``."""

    made: tuple[Suggestion, ...]
    changed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _FlaggedStatement:
    """A statement with findings, to be edited.

    ``uses``: all of its uses that grant something. ``limit``: the services that its holders can pass roles to; None if
    they cannot be derived.
    """

    findings: tuple[Finding, ...]
    uses: Sequence[tuple[TrialUnit, LocatedGrant]]
    limit: DerivedLimit | None

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
        self._options, self._evidence = options, evidence
        # iam:GetRole is a new permission: it is added only if its check is asked for by name
        self._grants_get_role = GET_ROLE in options.checks and GET_ROLE not in options.skip_checks
        self._include_info = include_info and self._grants_get_role
        self.boundary, self.texts = read.boundary, FileTexts(read.boundary)
        self._module_roles = ModuleRoles(self.texts)
        self.faults: list[Unreadable] = []  # internal errors in suggestions
        files = {finding.at.file for finding in self._findings} if evidence is None else None
        self._units = analyze_units(read, options, files)
        self._at: dict[Position, list[tuple[TrialUnit, LocatedGrant]]] = {}
        for unit in self._units:
            for grant in (one for one in unit.analyzed.statements if one.grant.at.file not in without):
                self._at.setdefault(grant.grant.at, []).append((unit, grant))
        self._referable = {id(unit): ReferableRoles(unit.configuration, self.texts) for unit in self._units}
        self._edits = StatementEdits(self._units, options, read.boundary, self.texts, edit)
        with boundary_of_context(read.boundary):
            self.suggestions = self._suggest_all()

    def _suggest_all(self) -> tuple[Suggestion, ...]:
        groups: dict[tuple[Position, str], list[Finding]] = {}
        for finding in self._findings:
            within = finding.grant.statement.path if finding.grant is not None and not finding.at.end_line else ""
            groups.setdefault((finding.at, finding.details.managed or within), []).append(finding)
        if self._evidence is not None and not self._options.checks:
            flagged = {
                finding.at for unit in self._units for finding in unit.analyzed.findings if finding.severity.rank
            }
            flagged |= {at for at, _ in groups}
            groups.update({(at, ""): [] for at in self._at if at not in flagged})
            order = sorted(groups, key=lambda key: (key[0].file, key[0].line, key[0].column, key[1]))
            groups = {key: groups[key] for key in order}
        if not groups:
            return ()
        self._edits.restart()
        return tuple(one for (at, _), group in groups.items() for one in self._isolated(at, group))

    def _isolated(self, at: Position, findings: Sequence[Finding]) -> Sequence[Suggestion]:
        """Return the suggestions for a statement: from observed use if there is any, else from its configuration. After
        an internal error, return the remedies of its findings, and record the error.
        """
        try:
            if self._evidence is not None:
                uses = [(unit, one, self._passed_roles(unit, one)) for unit, one in self._at.get(at, ())]
                found = suggestions_by_use(self._edits, self._evidence, uses, findings)
                if found is not None:
                    return found
            return tuple(self._for_statement(findings)) if findings else ()
        except Exception as error:
            self.faults.append(Unreadable(at.file, internal_error(error), at.line, fault=True))
            return (_remedies(findings),) if findings else ()

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

        def may_be_made(one: Suggestion) -> bool:
            if not one.edits or any(edit.file in without for edit in one.edits):
                return False
            return one in chosen if chosen is not None else one.grade in grades and (on_request or not one.on_request)

        able, later = (
            sorted(filter(may_be_made, some), key=lambda one: -(one.grade or Grade.EQUIVALENT).rank)
            for some in (self.suggestions, self._edits.dependent)
        )
        made: dict[Position, Suggestion] = {}
        changed: Mapping[str, str] = {}
        self._edits.restart()
        with boundary_of_context(self.boundary):
            first = {one.at: one for one in reversed(able)}
            strongest = [one for one in self.suggestions if first.get(one.at) is one]
            whole = self._verify_all(strongest) if strongest else None
            if whole is not None:
                made, changed, able = {one.at: one for one in strongest}, whole, []
            before, left = -1, [*able, *later]
            while left and len(made) > before:
                before = len(made)
                for one in left:
                    attempt = self._verify_all([*made.values(), one]) if one.at not in made else None
                    if attempt is not None:
                        made[one.at], changed = one, attempt
                left = [one for one in left if one.at not in made]
        return CombinedSuggestions(tuple(made.values()), changed)

    def _verify_all(self, chosen: Sequence[Suggestion]) -> Mapping[str, str] | None:
        """Return the files with the edits of several suggestions; None if they do not verify together."""
        try:
            proved = self._edits.verify(chosen)
        except NotEditableError:
            return None
        except Exception as error:
            at = chosen[-1].at
            self.faults.append(Unreadable(at.file, internal_error(error), at.line, fault=True))
            return None
        better = (*proved.gone, *proved.less_severe)
        for one, effect in zip(chosen, proved.effects, strict=True):
            if one.grade is Grade.EQUIVALENT and not effect.keeps_use:
                return None
            if one.grade is not Grade.OBSERVED and not set(effect.added) <= set(one.added):
                return None
            if not all(any(is_same_finding(less, other) for other in better) for less in one.less_severe):
                return None
        return proved.statements[0].changed

    def _for_statement(self, findings: Sequence[Finding]) -> Iterable[Suggestion]:
        """Yield the suggestions for a statement with findings, from all of its uses."""
        file, uses = findings[0].at.file, self._at.get(findings[0].at, [])
        checks = {one.check_id for one in findings if not one.details.managed and one.check_id in _EDITABLE_CHECKS}
        try:
            text = self.texts(file)
        except (OSError, ValueError):
            text = ""
        if not checks or not uses or not text:
            return (_remedies(findings),)
        granting = [(unit, one) for unit, one in uses if one.effect_on_passrole != "none"] or uses
        return self._for_uses(_FlaggedStatement(tuple(findings), granting, self._limit(granting)), checks)

    def _for_uses(self, statement: _FlaggedStatement, checks: Collection[str]) -> Iterable[Suggestion]:
        """Yield the suggestions for a statement that these checks flag."""
        (unit, located), limit = statement.uses[0], statement.limit
        limited = limit.advice(unit.analyzed, located) if limit is not None else Advice()
        asked = frozenset(checks) & FIXABLE_CHECKS
        without_reading = self._advice(statement, asked - {GET_ROLE})
        wants_to_read = GET_ROLE in asked and self._grants_get_role
        advice = self._advice(statement, asked) if wants_to_read else without_reading
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
            except NotEditableError as error:
                reason = str(error)
                continue
            if not any(_is_same(made, other) for other in done):
                done.append(made)
                yield made
        for made in done:
            self._edits.reserve_sids(located, made.edits)
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

    def _advice(self, statement: _FlaggedStatement, checks: Collection[str]) -> Advice:
        """Return the advice by what the configuration passes, merged over all uses of the statement."""
        if not checks:
            return Advice()
        found: list[Advice] = []
        variants: list[tuple[str, Advice]] = []
        for unit, one in statement.uses:
            advice = propose(self._passed_roles(unit, one), checks, statement.limit)
            if unit.configuration.surroundings.values.path:
                variants.append((unit.configuration.surroundings.values.label, advice))
            else:
                found.append(advice)
        return merge_advice(found or [advice for _, advice in variants], variants)

    def _proved(
        self, statement: _FlaggedStatement, advice: Advice, change: StatementChange, *, keeps_use: bool
    ) -> Suggestion:
        """Return the suggestion with edits for the change of an advice. ``keeps_use``: they must keep all that can be
        used. Raises :class:`NotEditableError` if there are none, or they cannot be verified.
        """
        proved, says = self._verified_edits(statement, advice, change, keeps_use=keeps_use)
        (effect,) = proved.effects
        is_notation = change == StatementChange(name_action=True)
        keeps_access = is_notation or (statement.has_complete_limit and not change.free_others)
        grade = Grade.EQUIVALENT if effect.keeps_use and keeps_access else Grade.NARROWED
        grade = Grade.REPAIRING if effect.added else grade
        if keeps_use and grade is not Grade.EQUIVALENT:
            raise NotEditableError("whether a service that can be used would be excluded")
        if effect.added:
            says += f" Adds {listed(effect.added)}{', whatever its tags' if change.drop else ''}."
        many = len({normalize_service(service) for service in change.services or ()}) > MOST_WRITTEN
        at = statement.uses[0][1].grant.at
        made = Suggestion(statement.findings, at, proved.edits, says, (), "", grade=grade, added=effect.added)
        on_request = many and grade is Grade.EQUIVALENT
        made = self._edits.finish(replace(made, on_request=on_request), proved)
        if not made.findings and not made.less_severe:
            raise NotEditableError("no finding would be resolved or become less severe")
        return made

    def _verified_edits(
        self, statement: _FlaggedStatement, advice: Advice, change: StatementChange, *, keeps_use: bool
    ) -> tuple[VerifiedEdits, str]:
        """Return the edits with their effect, and a description, with a statement for iam:GetRole where it is wanted
        and can be verified. Raises :class:`NotEditableError` if there are none, or they cannot be verified.
        """
        reads, says = advice.reads, advice.says
        grade = Grade.EQUIVALENT if keeps_use else Grade.NARROWED
        try:
            proved = self._attempt(statement, advice, change, grade, reads=reads)
        except NotEditableError:
            if not reads or change == StatementChange():
                raise
            reads = False
            proved = self._attempt(statement, advice, change, grade, reads=False)
        if GET_ROLE in proved.new_info and not reads and self._include_info:
            # the check is silent about wider statements
            with suppress(NotEditableError):
                proved = self._attempt(statement, advice, change, grade, reads=True)
                says = f"{says.rstrip('.')}; {SEPARATE_GET_ROLE}."
        return proved, says

    def _attempt(
        self, statement: _FlaggedStatement, advice: Advice, change: StatementChange, grade: Grade, *, reads: bool
    ) -> VerifiedEdits:
        """Return the edits and their effect. Raises :class:`NotEditableError` if there are none, or they cannot be
        verified.
        """
        unit, located = statement.uses[0]
        change = with_name(located, change)
        edits = self._edits.edits_of(unit, located, change, advice.services, reads=reads)
        fixable = advice.targets if reads or change.get_role else advice.targets - {GET_ROLE}
        targets = tuple(finding for finding in statement.findings if finding.check_id in fixable)
        attempt = Suggestion(targets, located.grant.at, edits, advice.says, (), "", grade=grade)
        return self._edits.verify_suggestion(attempt, change, located)

    def _passed_roles(self, unit: TrialUnit, located: LocatedGrant) -> PassedRoles:
        """Return the roles that a configuration passes, from the view of a statement."""
        return PassedRoles(unit.analyzed, self._referable[id(unit)], located)

    def _manual(self, statement: _FlaggedStatement, advice: Advice, reason: str, *, done: bool) -> Suggestion:
        """Return the suggestion for manual review of findings that no edit resolves. ``reason``: why an edit was
        refused; ``done``: other findings of the statement have edits."""
        findings, (unit, located) = statement.findings, statement.uses[0]
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
            change = StatementChange(roles=roles if done else None, drop=PASSROLE_KEYS)
        else:
            wide = any(finding.check_id in FIXABLE_CHECKS - _NARROW_CHECKS for finding in findings)
            tags = TAGS in {finding.check_id for finding in findings}
            change = drafted_change(located, advice, statement.limit, wide=wide, tags=tags)
        words = self._edits.draft(unit, located, change, reads=only_get_role)
        return Suggestion(findings, at, (), "", missing, words)


def _remedies(findings: Sequence[Finding], reason: str = "") -> Suggestion:
    """Return a suggestion for manual review that says what each finding asks for, and why it was not edited."""
    remedies = tuple(dict.fromkeys(finding.remediation for finding in findings))
    return Suggestion(tuple(findings), findings[0].at, (), "", (*remedies, *([reason] if reason else [])), "")


def _is_same(one: Suggestion, other: Suggestion) -> bool:
    """True if one suggestion makes another one for the same statement superfluous."""
    equivalent = one.grade is Grade.EQUIVALENT and other.grade is Grade.EQUIVALENT
    return one.edits == other.edits or (equivalent and set(map(id, one.findings)) <= set(map(id, other.findings)))
