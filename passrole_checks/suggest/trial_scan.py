"""Trial scans: read and analyze a configuration with edits. No file is written."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Map
from dataclasses import replace
from pathlib import Path

from passrole_checks.access.policy_quotas import lengths_over_limit
from passrole_checks.errors import InputError, internal_error
from passrole_checks.files.unsaved_texts import is_folder, reading_texts
from passrole_checks.findings import Finding, Severity
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import nodes_in
from passrole_checks.scan.analyze import AnalyzedConfiguration, analyze
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import ReadPaths
from passrole_checks.sources.files.read_boundary import current_boundary, repository_around
from passrole_checks.sources.hcl_files import is_terragrunt
from passrole_checks.sources.model.configuration import Configuration, Framework, faults_in
from passrole_checks.suggest.access_effect import AccessEffect, effect_of_edit, merge_effects
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.observed_use import Narrowing
from passrole_checks.suggest.suggestion import Edit
from passrole_checks.suggest.verify import (
    EditedStatement,
    FindingChanges,
    TrialUnit,
    compare_findings,
    is_same_finding,
    open_findings,
    verify_change,
)
from passrole_checks.suggest.verify_observed_use import verify_observed_use

_MOST_SECONDS = 10.0  # processor time for all trials, plus some per megabyte of text
_SECONDS_PER_MEGABYTE = 40.0
_UNRESOLVED_LENGTH = 12  # characters, those of an account id
_SECONDS_PER_VARIANT = 0.5  # units with the values of a file


@deadline.pooled()
def analyze_units(read: ReadPaths, options: ScanOptions, files: Iterable[str] | None = None) -> tuple[TrialUnit, ...]:
    """Return the analyzed configurations; with ``files`` only those read from one of them.

    Configurations that cause an internal error, and those that share files with them, are left out: their edits cannot
    be verified.
    """
    every = replace(options, checks=frozenset(), minimum_severity=Severity.INFO)
    wanted = None if files is None else set(files)
    found, lost = [], set[str]()
    for path, configuration in (*read.units, *read.variants):
        own = {*configuration.files, *(resource.at.file for resource in configuration.resources)}
        if wanted is not None and not wanted & own and not _uses_file(configuration, wanted):
            continue
        try:
            analyzed = analyze(configuration, every)
        except Exception as error:  # the scan has reported it
            internal_error(error)
            lost |= own
            continue
        own |= {grant.grant.at.file for grant in analyzed.statements}
        if wanted is None or wanted & own:
            found.append(TrialUnit(path, configuration, analyzed, frozenset(own)))
    return tuple(unit for unit in found if not lost & unit.files)


def _uses_file(configuration: Configuration, files: set[str]) -> bool:
    """True if a part of a policy is in one of these files, read by an expression."""
    return any(node.at.file in files for policy in configuration.policies for node in nodes_in(policy.document))


@dataclass(frozen=True, slots=True)
class VerifiedEdits:
    """``statements``: those that ``edits`` change. ``gone``: the resolved findings; ``less_severe``: those that become
    less severe; ``new_info``: checks of severity info with new findings on the statements; ``effects``: the effect on
    access of each statement.
    """

    edits: tuple[Edit, ...]
    statements: Sequence[EditedStatement]
    gone: tuple[Finding, ...]
    less_severe: tuple[Finding, ...]
    new_info: frozenset[str]
    effects: tuple[AccessEffect, ...]


class TrialScans:
    """Scan units with edits, within a limit of time. ``texts``: the original files."""

    def __init__(self, units: Sequence[TrialUnit], options: ScanOptions, texts: Map[str, str]) -> None:
        self._units, self._options, self._texts = units, options, texts
        size = sum(map(len, texts.values())) / 1_000_000
        variants = sum(bool(unit.configuration.surroundings.values.path) for unit in units)
        seconds = _MOST_SECONDS + size * _SECONDS_PER_MEGABYTE + variants * _SECONDS_PER_VARIANT
        self._left = seconds
        self._longest = 0.0  # that one trial took

    def verify_edits(
        self,
        edits: Sequence[Edit],
        changed: Map[str, str],
        statements: Sequence[EditedStatement],
        targets: Sequence[Finding],
    ) -> VerifiedEdits:
        """Return the effect of ``edits`` on these statements, in all units that read the ``changed`` files.

        Raises:
            NotEditableError: a finding in ``targets`` remains, something is no longer readable, or there is a new
                finding. A new finding of severity info on an edited statement does not count: such checks are silent
                about statements that are wider or have worse findings.
        """
        found: list[FindingChanges] = []
        tried: list[tuple[AnalyzedConfiguration, AnalyzedConfiguration]] = []
        for unit in self._units:
            if unit.files.isdisjoint(changed):
                continue
            after = self._scan_with(unit, changed)
            found.append(compare_findings(unit, after, statements))
            _verify_size(unit, after)
            if unit.configuration.surroundings.values.path:
                own = [one for one in targets if _is_among(one, open_findings(unit.analyzed))]
                _verify_resolved(
                    own, found[-1].gone, f" with the values of {unit.configuration.surroundings.values.label}"
                )
            tried.append((unit.analyzed, after))
        unchanged = [one for changes in found for one in changes.unchanged]
        less = [one for changes in found for one in changes.less_severe if not _is_among(one, unchanged)]
        gone = [one for changes in found for one in changes.gone if not _is_among(one, (*unchanged, *less))]
        _verify_resolved(targets, gone)
        effects = []
        for one in statements:
            for before, after in tried:
                if isinstance(one.change, Narrowing):
                    verify_observed_use(before, after, one, one.change)
                else:
                    verify_change(before, after, one, one.change)
            effects.append(merge_effects(effect_of_edit(*versions, one.was_at, one.is_at) for versions in tried))
        new_info = frozenset(check for changes in found for check in changes.new_info)
        return VerifiedEdits(tuple(edits), statements, tuple(gone), tuple(less), new_info, tuple(effects))

    # -- a unit once more

    def _scan_with(self, unit: TrialUnit, changed: Map[str, str]) -> AnalyzedConfiguration:
        """Return the unit, analyzed with changed texts of some files; files keep their original names."""
        start = time.process_time()
        if self._longest > self._left:
            raise NotEditableError("verification ran out of time")
        try:
            return self._analyze_with(unit, changed)
        finally:
            took = time.process_time() - start
            self._longest, self._left = max(self._longest, took), self._left - took

    def _load(self, unit: TrialUnit) -> Configuration:
        """Read a unit once more. Raises :class:`InputError`."""
        from passrole_checks.sources import detect  # the readers are heavy

        path, boundary = unit.path, current_boundary()
        is_terraform = unit.configuration.framework is Framework.TERRAFORM
        single = is_terraform and not is_folder(path) and not is_terragrunt(path)
        unit_to_read = detect.Unit(
            unit.configuration.framework,
            path.parent if single else path,
            only=path if single else None,
            boundary=_repository_of(unit),
            beside=tuple(map(Path, boundary.folders or ())),
            links=unit.configuration.surroundings.links,
            entities=unit.configuration.surroundings.entities,
            values=unit.configuration.surroundings.values,
        )
        return detect.load(unit_to_read, unchanged=self._options.unchanged, inputs=self._options.inputs)

    def _analyze_with(self, unit: TrialUnit, changed: Map[str, str]) -> AnalyzedConfiguration:
        try:
            with reading_texts({file: text for file, text in changed.items() if file in unit.files}):
                found = self._load(unit)
        except InputError as error:
            raise NotEditableError(f"the edited file could not be read ({error.reason})") from None
        except Exception as error:
            raise NotEditableError(internal_error(error)) from None
        before = Counter(one.reason for one in unit.configuration.notes.unreadable)
        if Counter(one.reason for one in found.notes.unreadable) - before:
            raise NotEditableError("the edited file could not be read")
        analyzed = analyze(found, unit.analyzed.options)
        if analyzed.out_of_time or faults_in(analyzed.unreadable):
            raise NotEditableError("the analysis of the edited file did not complete")
        return analyzed


def _is_among(one: Finding, others: Iterable[Finding]) -> bool:
    return any(is_same_finding(one, other) for other in others)


def _verify_size(unit: TrialUnit, after: AnalyzedConfiguration) -> None:
    """Raise :class:`NotEditableError` if a policy that gets longer probably exceeds AWS's size quota."""
    before, now = (
        {
            (policy.resource.address, policy.path): (length, most)
            for policy, length, most in lengths_over_limit(one.policies, unresolved=_UNRESOLVED_LENGTH)
        }
        for one in (unit.configuration, after.configuration)
    )
    for key, (length, most) in now.items():
        if key not in before or length > before[key][0]:
            raise NotEditableError(
                f"where to allow it: with the edit {key[0]} has about {length:,} characters, and AWS allows {most:,}"
            )


def _verify_resolved(targets: Sequence[Finding], gone: Sequence[Finding], where: str = "") -> None:
    """Raise :class:`NotEditableError` if a target remains."""
    for target in targets:
        if not _is_among(target, gone):
            raise NotEditableError(f"{target.check_id} would still be reported{where}")


# -- files of a unit


def _repository_of(unit: TrialUnit) -> Path:
    """Return the repository of a unit, or else the common folder of its files and the scanned folder around it."""
    own = unit.path if is_folder(unit.path) else unit.path.parent
    repository = repository_around(own)
    if repository is not None:
        return repository
    scanned = [folder for folder in current_boundary().folders or () if own.is_relative_to(folder)]
    folders = {os.path.dirname(file) for file in unit.files if os.path.isabs(file)} | {str(own), *map(str, scanned)}
    return Path(os.path.commonpath(sorted(folders)))
