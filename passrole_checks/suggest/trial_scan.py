"""Trial scans: read and analyze a configuration with edits, in a temporary copy.

The original files are never changed. A copy is made once per repository, with the files that its configurations were
read from; then one file at a time is replaced and restored.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, replace
from pathlib import Path

from passrole_checks.access.policy_quotas import lengths_over_limit
from passrole_checks.errors import InputError, internal_error
from passrole_checks.files.unsaved_texts import is_folder
from passrole_checks.findings import Finding, Severity
from passrole_checks.iam import deadline
from passrole_checks.iam.partial_values import Position, nodes_in
from passrole_checks.scan.analyze import analyze
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import ReadPaths
from passrole_checks.scan.value_files import unit_with
from passrole_checks.sources.files.read_boundary import current_boundary, repository_around
from passrole_checks.sources.files.walk import walk
from passrole_checks.sources.hcl_files import is_terragrunt
from passrole_checks.sources.model.configuration import Configuration, Framework, Inputs, faults_in
from passrole_checks.suggest.access_effect import AccessEffect, effect_of_edit, merge_effects
from passrole_checks.suggest.observed_use import Narrowing
from passrole_checks.suggest.suggestion import Edit, StatementChange
from passrole_checks.suggest.verify import (
    FindingChanges,
    NotVerifiedError,
    StatementSpan,
    TrialResult,
    TrialUnit,
    compare_findings,
    contains_position,
    is_same_finding,
    verify_change,
)
from passrole_checks.suggest.verify_observed_use import verify_observed_use

_LARGEST = 20_000_000  # bytes of one copied file
_MOST_FILES = 50_000
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
    units = [(path, configuration, None) for path, configuration in read.units]
    variants = [(variant.path, variant.configuration, variant.file) for variant in read.variants]
    for path, configuration, values in (*units, *variants):
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
            found.append(TrialUnit(path, configuration, analyzed, frozenset(own), values))
    return tuple(unit for unit in found if not lost & unit.files)


def _uses_file(configuration: Configuration, files: set[str]) -> bool:
    """True if a part of a policy is in one of these files, read by an expression."""
    return any(node.at.file in files for policy in configuration.policies for node in nodes_in(policy.document))


@dataclass(frozen=True, slots=True)
class VerifiedEdits:
    """``gone``: the resolved findings; ``less_severe``: those that become less severe; ``new_info``: checks of severity
    info with new findings on the edited statements; ``effects``: the effect on access of each edited statement.
    """

    gone: tuple[Finding, ...]
    less_severe: tuple[Finding, ...]
    new_info: frozenset[str]
    effects: tuple[AccessEffect, ...]


class TrialScans:
    """Context manager for units with edits, in a temporary folder. ``texts``: the original files."""

    def __init__(self, units: Sequence[TrialUnit], options: ScanOptions, texts: Map[str, str]) -> None:
        self._units, self._options, self._texts = units, options, texts
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._tops: dict[Path, Path] = {}
        self._copied: set[tuple[Path, str]] = set()
        self._count = 0
        size = sum(map(len, texts.values())) / 1_000_000
        variants = sum(unit.values is not None for unit in units)
        seconds = _MOST_SECONDS + size * _SECONDS_PER_MEGABYTE + variants * _SECONDS_PER_VARIANT
        self._deadline = time.process_time() + seconds
        self._longest = 0.0  # that one trial took

    def __enter__(self) -> TrialScans:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def verify_edits(
        self,
        edits: Sequence[Edit],
        changed: Map[str, str],
        spans: Sequence[StatementSpan],
        targets: Sequence[Finding],
        changes: Sequence[StatementChange | Narrowing],
    ) -> VerifiedEdits:
        """Return the effect of ``edits`` on these ``spans``, in all units that read the files.

        Args:
            changed: the edited files.
            spans: the edited statements.
            targets: the findings that must be resolved.
            changes: the target state of each of these statements.

        Raises:
            NotVerifiedError: a target remains, something is no longer readable, or there is a new finding. A new
                finding of severity info on an edited statement does not count: such checks are silent about statements
                that are wider or have worse findings.
        """
        files = {edit.file for edit in edits}
        found: list[FindingChanges] = []
        tried: list[tuple[TrialUnit, TrialResult]] = []
        for unit in self._units:
            if not files & unit.files:
                continue
            after = self._scan_with(unit, changed)
            found.append(compare_findings(unit, after, edits, spans, changed, self._texts))
            _verify_size(unit, after)
            if unit.values is not None:
                _verify_resolved(targets, unit, found[-1].gone)
            tried.append((unit, after))
        gone, less_severe = _merge_changes(found)
        unresolved = [target for target in targets if not any(is_same_finding(target, other) for other in gone)]
        if unresolved:
            raise NotVerifiedError(f"{unresolved[0].check_id} would still be reported")
        effects = []
        for span, change in zip(spans, changes, strict=True):
            moved = span.after(edits)
            for unit, after in tried:
                if isinstance(change, Narrowing):
                    verify_observed_use(unit, after, change, span, moved, self._texts, changed)
                else:
                    verify_change(unit, after, change, span, moved, self._texts, changed)
            effects.append(merge_effects(self._effect(*one, span, moved, changed) for one in tried))
        new_info = frozenset(check for one in found for check in one.new_info)
        return VerifiedEdits(gone, less_severe, new_info, tuple(effects))

    def _effect(
        self, unit: TrialUnit, after: TrialResult, span: StatementSpan, moved: StatementSpan, changed: Map[str, str]
    ) -> AccessEffect:
        """Return the effect of edits on the access by the statement at a span of one unit."""
        return effect_of_edit(
            unit.analyzed,
            after.analyzed,
            lambda at: contains_position(span, at, self._texts),
            lambda at: contains_position(moved, after.original_position(at), changed),
        )

    # -- a unit once more

    def _scan_with(self, unit: TrialUnit, changed: Map[str, str]) -> TrialResult:
        """Return the unit, analyzed with changed texts of some files; files keep their original names."""
        start = time.process_time()
        if start + self._longest > self._deadline:
            raise NotVerifiedError("verification ran out of time")
        try:
            return self._analyze_with(unit, changed)
        finally:
            self._longest = max(self._longest, time.process_time() - start)

    def _load_copy(self, unit: TrialUnit, top: Path, copy_root: Path) -> Configuration:
        """Read the copy of a unit. Raises :class:`InputError`."""
        from passrole_checks.sources import detect  # the readers are heavy

        path = _path_in_copy(str(unit.path), top, copy_root)
        assert path is not None
        is_terraform = unit.configuration.framework is Framework.TERRAFORM
        single = is_terraform and path.is_file() and not is_terragrunt(path)
        unit_to_read = detect.Unit(
            unit.configuration.framework,
            path.parent if single else path,
            only=path if single else None,
            boundary=copy_root,
        )
        if unit.values is not None:
            values = _path_in_copy(str(unit.values.path), top, copy_root) or unit.values.path
            unit_to_read = unit_with(unit_to_read, replace(unit.values, path=values))
        return detect.load(unit_to_read, unchanged=self._options.unchanged, inputs=self._inputs(top, copy_root))

    def _analyze_with(self, unit: TrialUnit, changed: Map[str, str]) -> TrialResult:
        top = _repository_of(unit)
        copy_root = self._copy_unit(unit, top)
        written = [(file, _path_in_copy(file, top, copy_root)) for file in changed if file in unit.files]
        try:
            for file, path_in_copy in written:
                if path_in_copy is None:
                    raise NotVerifiedError("its file is outside the repository")
                _write(path_in_copy, changed[file])
            found = self._load_copy(unit, top, copy_root)
        except (InputError, OSError) as error:
            raise NotVerifiedError(f"the edited file could not be read ({getattr(error, 'reason', error)})") from None
        except NotVerifiedError:
            raise
        except Exception as error:
            raise NotVerifiedError(internal_error(error)) from None
        finally:
            for file, path_in_copy in written:
                if path_in_copy is not None:
                    _write(path_in_copy, self._texts[file])
        # files outside the repository that were not read before may be missing here
        before = Counter(one.reason for one in unit.configuration.unreadable)
        if Counter(one.reason for one in found.unreadable) - before:
            raise NotVerifiedError("the edited file could not be read")
        analyzed = analyze(found, unit.analyzed.options)
        if analyzed.out_of_time or faults_in(analyzed.unreadable):
            raise NotVerifiedError("the analysis of the edited file did not complete")

        def original_position(at: Position) -> Position:
            prefix = f"{copy_root}{os.sep}"
            return replace(at, file=str(top / at.file[len(prefix) :])) if at.file.startswith(prefix) else at

        findings = (
            replace(finding, at=original_position(finding.at))
            for finding in analyzed.findings
            if finding.suppressed is None
        )
        return TrialResult(tuple(findings), analyzed, original_position)

    def _inputs(self, top: Path, copy_root: Path) -> Inputs:
        def moved(path: Path) -> Path:
            path_in_copy = _path_in_copy(os.path.realpath(path), top, copy_root)
            return path_in_copy if path_in_copy is not None and path_in_copy.exists() else path

        inputs = self._options.inputs
        source = moved(inputs.source) if inputs.source is not None else None
        exclusions = inputs.exclusions.relocated(str(top), str(copy_root))
        return replace(inputs, var_files=tuple(map(moved, inputs.var_files)), source=source, exclusions=exclusions)

    def _copy_unit(self, unit: TrialUnit, top: Path) -> Path:
        """Return the copy of ``top``, with all files that the unit was read from."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="passrole-checks-")
        if top not in self._tops:
            copy_root = Path(os.path.realpath(self._folder.name), str(len(self._tops)))
            (copy_root / ".git").mkdir(parents=True)  # the readers treat it as the boundary of a repository
            self._tops[top] = copy_root
        copy_root = self._tops[top]
        key = unit.path, unit.values.label if unit.values is not None else ""
        if key not in self._copied:
            self._copied.add(key)
            for file in _files_of(unit):
                self._copy(file, top, copy_root)
        return copy_root

    def _copy(self, file: Path, top: Path, copy_root: Path) -> None:
        path_in_copy = _path_in_copy(str(file), top, copy_root)
        if path_in_copy is None or path_in_copy.exists():
            return
        self._count += 1
        if self._count > _MOST_FILES:
            raise NotVerifiedError("too many files for verification")
        try:
            data = current_boundary().read(file, _LARGEST)
            path_in_copy.parent.mkdir(parents=True, exist_ok=True)
            path_in_copy.write_bytes(data)
        except OSError:
            return  # it was unreadable before too


def _merge_changes(found: Sequence[FindingChanges]) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return the findings that are resolved in all units that have them, and those that are less severe in all."""

    def without(findings: Iterable[Finding], others: Iterable[Finding]) -> tuple[Finding, ...]:
        others = list(others)
        return tuple(one for one in findings if not any(is_same_finding(one, other) for other in others))

    unchanged = [one for changes in found for one in changes.unchanged]
    less = without((one for changes in found for one in changes.less_severe), unchanged)
    gone = without((one for changes in found for one in changes.gone), (*unchanged, *less))
    return gone, less


def _verify_size(unit: TrialUnit, after: TrialResult) -> None:
    """Raise :class:`NotVerifiedError` if a policy that gets longer probably exceeds AWS's size quota."""
    before, now = (
        {
            (policy.resource.address, policy.path): (length, most)
            for policy, length, most in lengths_over_limit(one.policies, unresolved=_UNRESOLVED_LENGTH)
        }
        for one in (unit.configuration, after.analyzed.configuration)
    )
    for key, (length, most) in now.items():
        if key not in before or length > before[key][0]:
            raise NotVerifiedError(
                f"where to allow it: with the edit {key[0]} has about {length:,} characters, and AWS allows {most:,}"
            )


def _verify_resolved(targets: Sequence[Finding], unit: TrialUnit, gone: Sequence[Finding]) -> None:
    """Raise :class:`NotVerifiedError` if a target remains in a unit that has it."""
    for target in targets:
        own = [finding for finding in unit.findings if is_same_finding(target, finding)]
        if own and not any(is_same_finding(target, finding) for finding in gone):
            where = f" with the values of {unit.values.label}" if unit.values is not None else ""
            raise NotVerifiedError(f"{target.check_id} would still be reported{where}")


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


def _files_of(unit: TrialUnit) -> Iterator[Path]:
    """Yield the files that a unit may be read from: its files, and for Terraform everything in and below
    its folders.
    """
    yield from (Path(file) for file in sorted(unit.files))
    own = unit.path if is_folder(unit.path) else unit.path.parent
    if unit.configuration.framework is not Framework.TERRAFORM:
        yield own / "manifest.json"  # of a cloud assembly; it contains the account
        return
    if is_terragrunt(unit.path):  # it includes files of other folders
        yield from (file for file in walk(_repository_of(unit), lambda *_: None) if file.suffix == ".hcl")
    folders = sorted({str(own), *(os.path.dirname(file) for file in unit.configuration.files)})
    outer = [one for one in folders if not any(one.startswith(f"{other}{os.sep}") for other in folders)]
    for folder in outer:
        yield from walk(Path(folder), lambda *_: None)


def _path_in_copy(file: str, top: Path, copy_root: Path) -> Path | None:
    """Return the path in the copy of a file below ``top``; None for a file elsewhere."""
    relative = os.path.relpath(file, top)
    return None if relative.split(os.sep)[0] == os.pardir else copy_root / relative


def _write(path_in_copy: Path, text: str) -> None:
    path_in_copy.write_bytes(text.encode("utf-8"))
