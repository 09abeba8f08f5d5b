"""Suggestions: what is written instead of statements that were found wrong, each proved before it is offered.

Of a statement that can be rewritten for a part of its findings only there are two suggestions: one with edits, and one
that says what a person has to do about the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from passrole_checks.errors import internal_error
from passrole_checks.findings import Finding
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.partial_values import Position
from passrole_checks.scan.result import LocatedGrant, ScanOptions
from passrole_checks.scan.scanner import ReadPaths
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.read_boundary import UNBOUNDED, Boundary, boundary_of_context
from passrole_checks.sources.model.configuration import Unreadable
from passrole_checks.sources.recognize import LARGEST_PLAN
from passrole_checks.suggest.advice import READING, Advice, same_advice
from passrole_checks.suggest.edits import apply, edits_for
from passrole_checks.suggest.from_logs.suggest import ByUse
from passrole_checks.suggest.module_callers import Callers
from passrole_checks.suggest.observed_use import Evidence, Narrowing
from passrole_checks.suggest.propose import GET_ROLE, MENDED, Narrower
from passrole_checks.suggest.referable_roles import Read, ReferableRoles
from passrole_checks.suggest.render_statement import statement_for, words_at, written_in
from passrole_checks.suggest.split_statement import apart, sids_of
from passrole_checks.suggest.suggestion import Edit, Shared, StatementChange, Suggestion
from passrole_checks.suggest.trial_scan import Proved, Trials, judged
from passrole_checks.suggest.verify import NotProvedError, TrialUnit, place_of, region_of

_PASSED_ONLY = ("iam:PassedToService", "iam:AssociatedResourceArn")  # keys of requests that pass roles
Editor = Callable[[LocatedGrant, StatementChange, Read, Sequence[str]], "tuple[Edit, ...] | str"]


@dataclass
class Texts:
    """The files as they were read: characters with a BOM and carriage returns, and for each the bytes. Files outside of
    the ``boundary`` are not read."""

    boundary: Boundary = UNBOUNDED
    data: dict[str, bytes] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def __call__(self, file: str) -> str:
        """The text of a file. Raises OSError, and ValueError where it is not UTF-8."""
        if file not in self.known:
            self.data[file] = self.boundary.read(file, LARGEST_PLAN)
            self.known[file] = self.data[file].decode("utf-8")
        return self.known[file]


def suggestions(read: ReadPaths, findings: Sequence[Finding], options: ScanOptions) -> tuple[Suggestion, ...]:
    """What is suggested for the statements of these ``findings`` of a scan of what was ``read``, in their order.

    Each finding that is not suppressed is in one suggestion. Nothing is written but to a temporary folder. Never raises
    for what is in the files.
    """
    return Session(read, findings, options).suggestions


@dataclass(frozen=True, slots=True)
class Together:
    """What of several suggestions can be written at once: ``made`` of these, each file of ``changed`` as it then is."""

    made: tuple[Suggestion, ...]
    changed: Mapping[str, str]


class Session:
    """The suggestions for findings, and what of them goes together.

    Args:
        read: what was scanned.
        findings: those that something is to be suggested for.
        options: those of the scan.
        informs: whoever asks also wants to hear of what only informs, as soon as that has something to say.
        evidence: what logs show: statements are narrowed to what was passed, also those that nothing is found of.
        edit: what makes edits, as :func:`passrole_checks.suggest.edits.edits_for` does, which is the default.
    """

    def __init__(
        self,
        read: ReadPaths,
        findings: Sequence[Finding],
        options: ScanOptions,
        *,
        informs: bool = False,
        edit: Editor = edits_for,
        evidence: Evidence | None = None,
    ) -> None:
        self._findings = [one for one in findings if one.suppressed is None]
        self._options, self._edit, self._evidence = options, edit, evidence
        asked = (not options.checks or GET_ROLE in options.checks) and GET_ROLE not in options.skip_checks
        self._informs = informs and asked
        self.boundary, self.texts = read.boundary, Texts(read.boundary)
        self._callers = Callers(read.boundary)
        self.faults: list[Unreadable] = []  # of this package, in what is suggested
        files = {one.at.file for one in self._findings} if evidence is None else None
        self._units = judged(read, options, files)
        self._at: dict[Position, list[tuple[TrialUnit, LocatedGrant]]] = {}
        for unit in self._units:
            for one in unit.analyzed.grants:
                self._at.setdefault(one.grant.at, []).append((unit, one))
        self._narrowers = {
            id(unit): Narrower(unit.analyzed, ReferableRoles(unit.configuration, self.texts)) for unit in self._units
        }
        self._not_alone: list[Suggestion] = []  # what may be right once other edits are made
        self._wishes: dict[tuple[Edit, ...], StatementChange | Narrowing] = {}
        self._by_use = None if evidence is None else ByUse(self, evidence, self._at, self._narrowers)
        self._sids: dict[tuple[int, str], set[str]] = {}  # of the policies of a unit's resources, with those to come
        with boundary_of_context(read.boundary):
            self.suggestions = self._found()

    def _found(self) -> tuple[Suggestion, ...]:
        groups: dict[tuple[Position, str], list[Finding]] = {}
        for one in self._findings:
            within = one.grant.statement.path if one.grant is not None and not one.at.end_line else ""
            groups.setdefault((one.at, one.managed or within), []).append(one)
        if self._evidence is not None and not self._options.checks:
            flagged = {one.at for unit in self._units for one in unit.analyzed.findings if one.severity.rank}
            flagged |= {at for at, _ in groups}
            groups.update({(at, ""): [] for at in self._at if at not in flagged})
            groups = dict(sorted(groups.items(), key=lambda group: _in_order(group[0])))
        if not groups:
            return ()
        with Trials(self._units, self._options, self.texts.known) as trials:
            return tuple(one for (at, _), group in groups.items() for one in self._isolated(at, group, trials))

    def _isolated(self, at: Position, findings: Sequence[Finding], trials: Trials) -> Sequence[Suggestion]:
        """What is suggested for a statement; where this package fails, what the checks say, and a fault."""
        try:
            return tuple(self._at_place(at, findings, trials))
        except Exception as error:
            self.faults.append(Unreadable(at.file, internal_error(error), at.line, fault=True))
            remedies = tuple(dict.fromkeys(one.remediation for one in findings))
            return (Suggestion(tuple(findings), at, (), "", remedies, ""),) if findings else ()

    def _at_place(self, at: Position, findings: Sequence[Finding], trials: Trials) -> Iterable[Suggestion]:
        """What is suggested for a statement: by the logs, if they say anything, else by its configuration."""
        found = self._by_use.of(at, findings, trials) if self._by_use is not None else None
        return found if found is not None else self._of(findings, trials) if findings else ()

    def together(self, without: Collection[str] = ()) -> Together:
        """The suggestions that go together, none of them in the files ``without``: all if that is proved, else one
        after the other those that are; and then those that are right only once others are made."""
        able = [one for one in self.suggestions if one.edits and not _touches(one, without)]
        later = [one for one in self._not_alone if not _touches(one, without)]
        kept: list[Suggestion] = []
        changed: Mapping[str, str] = {}
        with boundary_of_context(self.boundary), Trials(self._units, self._options, self.texts.known) as trials:
            whole = self._works(able, trials) if able else None
            if whole is not None:
                kept, changed, able = able, whole, []
            while True:
                before = len(kept)
                for one in (*able, *later):
                    tried = self._works([*kept, one], trials)
                    if tried is not None:
                        kept, changed = [*kept, one], tried
                able, later = ([one for one in some if one not in kept] for some in (able, later))
                if len(kept) == before or not (able or later):
                    return Together(tuple(kept), changed)

    def _works(self, chosen: Sequence[Suggestion], trials: Trials) -> Mapping[str, str] | None:
        """The files with the edits of several suggestions; None where these are not proved together."""
        edits = tuple(dict.fromkeys(edit for one in chosen for edit in one.edits))
        try:
            changed = _changed(edits, self.texts)
            places = [region_of(one.at, self.texts(one.at.file), one.edits) for one in chosen]
            wishes = [self._wishes[one.edits] for one in chosen]
            trials.mended(edits, changed, places, [finding for one in chosen for finding in one.findings], wishes)
        except (NotProvedError, ValueError):
            return None
        except Exception as error:
            at = chosen[-1].at
            self.faults.append(Unreadable(at.file, internal_error(error), at.line, fault=True))
            return None
        return changed

    def _of(self, findings: Sequence[Finding], trials: Trials) -> Iterable[Suggestion]:
        at = findings[0].at
        mended = [one for one in findings if one.check_id in MENDED and not one.managed]
        located = self._at.get(at, [])
        try:
            text = self.texts(at.file)
        except (OSError, ValueError):
            text = ""
        if not mended or not located or not text:
            yield Suggestion(tuple(findings), at, (), "", tuple(dict.fromkeys(one.remediation for one in findings)), "")
            return
        checks = {one.check_id for one in mended}
        asked = [(unit, one) for unit, one in located if one.effect_on_passrole != "none"] or located
        advice = same_advice([self._narrowers[id(unit)].advice(one, checks) for unit, one in asked])
        unit, first = asked[0]
        done: Suggestion | None = None
        reason = ""
        if advice.wish is not None:
            try:
                done = self._proved(findings, unit, first, advice, trials)
                self.take_sids(first, done.edits)
                yield done
            except NotProvedError as error:
                reason = str(error)
        left = [one for one in findings if done is None or one not in done.findings]
        if left:
            yield self._for_a_person(left, first, advice, reason, text, done=done is not None)

    def _proved(
        self, findings: Sequence[Finding], unit: TrialUnit, located: LocatedGrant, advice: Advice, trials: Trials
    ) -> Suggestion:
        """The suggestion with edits. Raises :class:`NotProvedError` where there are none, or they are not proved."""
        wants_to_read = advice.reads
        try:
            found, proved = self._tried(findings, unit, located, advice, trials, reads=wants_to_read)
        except NotProvedError:
            if not wants_to_read or advice.wish == StatementChange():
                raise
            wants_to_read = False
            found, proved = self._tried(findings, unit, located, advice, trials, reads=False)
        if GET_ROLE in proved.informs and not wants_to_read and self._informs:
            # it had nothing to say of a statement that was wider
            with suppress(NotProvedError):
                found, proved = self._tried(findings, unit, located, advice, trials, reads=True)
                advice = replace(advice, says=f"{advice.says.rstrip('.')}; {READING}.")
        return self.done(Suggestion(tuple(findings), located.grant.at, found, advice.says, (), ""), proved)

    def done(self, one: Suggestion, proved: Proved) -> Suggestion:
        """A suggestion that was proved, with those of its findings that are gone, and the words of the statement."""
        at, changed = one.at, _changed(one.edits, self.texts)
        after = region_of(at, self.texts(at.file), one.edits).after(one.edits)
        statement = words_at(at, changed[at.file], after.start, after.end) if at.file in changed else ""
        keys = {gone.check_id for gone in proved.gone}
        own = tuple(finding for finding in one.findings if finding.check_id in keys)
        return replace(one, findings=own, statement=statement, shared=self._shared(one))

    def _shared(self, one: Suggestion) -> Shared | None:
        """Return who uses the edited files, where that is more than one root or template."""
        files = {edit.file for edit in one.edits}
        units = sorted({str(unit.path) for unit in self._units if files & unit.files})
        read = {os.path.dirname(file) for unit in self._units for file in unit.files}
        folders = {os.path.dirname(file) for file in files if is_terraform_file(Path(file))}
        callers = sorted({caller for folder in folders for caller in self._callers.of(folder)} - read)
        is_complete = not folders or self._callers.is_complete
        called = not folders <= set(units)
        if len(units) < 2 and not callers and (is_complete or not called):
            return None
        return Shared(tuple(units), tuple(callers), is_complete)

    def _tried(
        self,
        findings: Sequence[Finding],
        unit: TrialUnit,
        located: LocatedGrant,
        advice: Advice,
        trials: Trials,
        *,
        reads: bool,
    ) -> tuple[tuple[Edit, ...], Proved]:
        """The edits, and what they do. Raises :class:`NotProvedError` where there are none, or they are not proved."""
        wish = advice.wish or StatementChange()
        found = self._edits(unit, located, wish, advice.services, reads=reads)
        if isinstance(found, str):
            raise NotProvedError(found)
        if not found:
            raise NotProvedError("the statement says so already")
        mended = advice.targets if reads or wish.get_role else advice.targets - {GET_ROLE}
        targets = tuple(one for one in findings if one.check_id in mended)
        tried = Suggestion(targets, located.grant.at, found, advice.says, (), "")
        return found, self.proof_of(tried, wish, located, trials)

    def proof_of(
        self, one: Suggestion, wish: StatementChange | Narrowing, located: LocatedGrant, trials: Trials
    ) -> Proved:
        """What the edits of a suggestion do. Raises :class:`NotProvedError` where they do not mend its findings; they
        may once others are made."""
        self._wishes[one.edits] = wish
        place = region_of(one.at, self.texts(one.at.file), one.edits)
        try:
            changed = _changed(one.edits, self.texts)
        except ValueError as error:
            raise NotProvedError(str(error)) from None
        try:
            return trials.mended(one.edits, changed, [place], one.findings, [wish])
        except NotProvedError:
            self._not_alone.append(one)
            self.take_sids(located, one.edits)
            raise

    def _edits(
        self, unit: TrialUnit, located: LocatedGrant, wish: StatementChange, services: Sequence[str], *, reads: bool
    ) -> tuple[Edit, ...] | str:
        """The edits of what is advised, or the reason why there are none."""
        found = self.edits_in(unit, located, replace(wish, apart=False)) if wish != StatementChange() else ()
        if isinstance(found, str) or not (wish.apart or reads):
            return found
        reading: tuple[Edit, ...] | None = None
        if reads:
            told = self.edits_in(unit, located, StatementChange(roles=wish.roles, drop=(*_PASSED_ONLY, *wish.drop)))
            if isinstance(told, str):
                return told
            reading = told
        services = wish.services or services or located.grant.services.values
        text = self.texts(located.grant.at.file)
        passing = services if wish.apart else None
        taken = set().union(*self.policies_of(located))
        return apart(located, found, text, passing=passing, reading=reading, taken=taken)

    def edits_in(self, unit: TrialUnit, located: LocatedGrant, wish: StatementChange) -> tuple[Edit, ...] | str:
        """The edits by which a statement says what is wished itself, or the reason why there are none."""
        return self._edit(located, wish, self.texts, unit.configuration.files)

    def policies_of(self, located: LocatedGrant) -> Iterable[set[str]]:
        """The Sids in the policies of each resource that uses a statement. Within a policy they have to be unique (IAM
        User Guide, "IAM JSON policy elements: Sid"), and its statements may stand in several files."""
        for unit in self._units:
            for address in {one.resource.address for one in unit.analyzed.grants if one.grant.at == located.grant.at}:
                key = (id(unit), address)
                if key not in self._sids:
                    own = [one for one in unit.configuration.policies if one.resource.address == address]
                    statements = [one for policy in own for one in parse_document(policy.document).statements]
                    self._sids[key] = {one.sid for one in statements if one.sid}
                yield self._sids[key]

    def take_sids(self, located: LocatedGrant, edits: Iterable[Edit]) -> None:
        """Remember the Sids that edits of a statement bring."""
        new = sids_of(edits)
        for known in self.policies_of(located) if new else ():
            known |= new

    def _for_a_person(
        self,
        findings: Sequence[Finding],
        located: LocatedGrant,
        advice: Advice,
        reason: str,
        text: str,
        *,
        done: bool,
    ) -> Suggestion:
        at, grant = located.grant.at, located.grant
        others = tuple(dict.fromkeys(one.remediation for one in findings))
        only_get_role = {one.check_id for one in findings} == {GET_ROLE}
        if done and not advice.missing and not only_get_role:
            return Suggestion(tuple(findings), at, (), "", others, "")
        missing = tuple(dict.fromkeys([*advice.missing, *([reason] if reason else [])])) or others
        place = place_of(at, text)
        language = written_in(located, text[place.start : place.end])
        if grant.effect != "Allow" or not grant.explicit or not grant.statement.whole:
            return Suggestion(tuple(findings), at, (), "", missing, "")
        wide = any(one.check_id in MENDED - {"PASSROLE_002", "PASSROLE_003", GET_ROLE} for one in findings)
        stays = tuple(role.pattern for role in grant.roles)
        if only_get_role:
            roles = advice.wish.roles if done and advice.wish is not None else None
            words = statement_for(language, None, "iam:GetRole", stays if roles is None else roles, None)
        else:
            services = advice.services or (
                grant.services.values if grant.services.constraint is not Constraint.ABSENT else ()
            )
            sid = None if advice.new_statement else grant.sid
            words = statement_for(language, sid, "iam:PassRole", advice.roles if wide else stays, services)
        return Suggestion(tuple(findings), at, (), "", missing, words)


def _in_order(key: tuple[Position, str]) -> tuple[str, int, int, str]:
    return key[0].file, key[0].line, key[0].column, key[1]


def _touches(one: Suggestion, files: Collection[str]) -> bool:
    return any(edit.file in files for edit in one.edits)


def _changed(edits: Iterable[Edit], texts: Read) -> dict[str, str]:
    """The files with edits made. Raises ValueError where two are of one place."""
    found: dict[str, list[Edit]] = {}
    for edit in edits:
        found.setdefault(edit.file, []).append(edit)
    return {file: apply(texts(file), own) for file, own in found.items()}
