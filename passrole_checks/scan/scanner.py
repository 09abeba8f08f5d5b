"""Scan paths: find units, read and analyze each, merge the results."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from passrole_checks.checks import ALL
from passrole_checks.errors import InputError, TookTooLongError, internal_error
from passrole_checks.files.access_log import recording_accesses
from passrole_checks.files.gc_pause import gc_paused
from passrole_checks.findings import Finding
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Position
from passrole_checks.scan.account_context import NO_DETAILS, AccountDetails, read_account_details, with_account_details
from passrole_checks.scan.analyze import analyze
from passrole_checks.scan.fingerprint import digest
from passrole_checks.scan.group_findings import group_findings
from passrole_checks.scan.merge_findings import merge_across_roots
from passrole_checks.scan.merge_variants import problems_with, with_variants
from passrole_checks.scan.missing_sources import with_counts
from passrole_checks.scan.other_repositories import NO_INVENTORY, read_inventory
from passrole_checks.scan.result import Analysis as Analysis
from passrole_checks.scan.result import LocatedGrant as LocatedGrant
from passrole_checks.scan.result import ScannedUnit as ScannedUnit
from passrole_checks.scan.result import ScanOptions as ScanOptions
from passrole_checks.scan.result import ScanResult as ScanResult
from passrole_checks.scan.scan_linked import LinkedScan, connected
from passrole_checks.scan.value_files import units_with_values
from passrole_checks.sources.files.path_states import FileFingerprints
from passrole_checks.sources.files.read_boundary import UNBOUNDED, Boundary, repository_around
from passrole_checks.sources.model.configuration import Configuration, Framework, Unreadable, faults_in, without_faults
from passrole_checks.sources.unit_tasks import Distribute
from passrole_checks.sources.value_file import ValueFile

if TYPE_CHECKING:
    from passrole_checks.sources.detect import Discovery, Unit

_TEMPLATES = frozenset({Framework.CLOUDFORMATION, Framework.SAM})


UnitScanner = Callable[[Sequence["Unit"], ScanOptions], Iterable[ScannedUnit]]
"""Scans units, and gives what :func:`scan_unit` gives for each of them, in their order."""


@gc_paused()
def scan_unit(unit: Unit, options: ScanOptions) -> ScannedUnit:
    """Read and analyze one unit. Never raises: parse errors and faults of this package are part of the result."""
    from passrole_checks.sources import detect  # the readers are heavy, and a host that has read brings none

    path = unit.only or unit.path
    accesses = FileFingerprints()
    with recording_accesses(accesses):
        try:
            configuration = detect.load(unit, unchanged=options.unchanged, inputs=options.inputs)
        except InputError as error:
            unreadable = Unreadable(error.file, error.reason, error.line)
            late = isinstance(error, TookTooLongError)
            return ScannedUnit(path, unit.framework, unreadable=unreadable, accesses=accesses, out_of_time=late)
        except Exception as error:
            return ScannedUnit(path, unit.framework, unreadable=_fault(path, error), accesses=accesses)
        found = analyze_or_fault(configuration, options, path)
    return ScannedUnit(
        path,
        configuration.framework,
        found,
        provisioning=configuration.provisioning,
        folders=frozenset(os.path.dirname(item.at.file) for item in configuration.resources),
        excluded=configuration.notes.excluded,
        surface=configuration.surroundings.surface,
        declared=configuration.surroundings.declared,
        accesses=accesses,
    )


def _fault(path: str | Path, error: Exception) -> Unreadable:
    return Unreadable(str(path), internal_error(error), fault=True)


def scan_sequentially(units: Sequence[Unit], options: ScanOptions) -> Iterator[ScannedUnit]:
    """Scan units in this process."""
    return (scan_unit(unit, options) for unit in units)


@gc_paused()
@deadline.pooled()
def scan_paths(
    paths: Sequence[Path],
    options: ScanOptions,
    scanner: UnitScanner = scan_sequentially,
    distribute: Distribute | None = None,
) -> ScanResult:
    """Scan files and folders. What cannot be read is in ``unreadable``, and the rest is scanned all the same.

    ``scanner``: how units are scanned, for example in several processes. ``distribute``: has other processes evaluate
    the values that units pass to each other.
    """
    from passrole_checks.sources import detect  # the readers are heavy, and a host that has read brings none
    from passrole_checks.sources.links.root_texts import LinkTexts

    _read_account_details(options)
    texts = LinkTexts(options.inputs)
    discovery = detect.discover(paths, options.inputs.exclusions, texts)
    scan = LinkedScan(discovery.units, options, scanner)
    discovery = connected(discovery, options, distribute, texts, scan)
    result, shown = merge_units(discovery, scan.results(), options, scanner)
    return with_discovery(result, discovery, options, Evaluated.of(shown))


def merge_units(
    discovery: Discovery, scanned: Sequence[ScannedUnit], options: ScanOptions, scanner: UnitScanner
) -> tuple[ScanResult, list[ScannedUnit]]:
    """Merge the results for the units of ``discovery``, in their order, and those of their value files.

    Returns the result without what discovery itself reports, and the units that no other one nests.
    """
    read = [one for one in zip(discovery.units, scanned, strict=True) if one[1].analysis is not None]
    roots, units, about_values = _roots_with_values(discovery, read, options)
    shown = [found for _, found in roots]
    variants: dict[Path, list[tuple[ValueFile, Analysis]]] = {}
    for unit, found in zip(units, scanner(units, options) if units else (), strict=True):
        unread = Analysis((), (), (found.unreadable,) if found.unreadable is not None else (), (), (), ())
        variants.setdefault(unit.path, []).append((unit.values, found.analysis or unread))
    result = merge_analyses(
        [with_variants(found.analysis, variants.get(found.path, ())) for found in shown if found.analysis is not None],
        options,
    )
    unreadable = (unit.unreadable for unit in scanned if unit.unreadable is not None)
    return (
        replace(
            result,
            unreadable=_sorted_entries([*unreadable, *result.unreadable, *faults_in(about_values)]),
            not_evaluated=(*result.not_evaluated, *without_faults(about_values)),
            excluded=tuple(sorted({path for unit in shown for path in unit.excluded})),
        ),
        shown,
    )


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The evaluated parts of units: ``folders`` of resources, and the ``parameters`` of templates, None without one."""

    folders: frozenset[str] = frozenset()
    parameters: frozenset[str] | None = None

    @classmethod
    def of(cls, units: Sequence[ScannedUnit]) -> Evaluated:
        """Return what some units have evaluated."""
        folders = frozenset(os.path.realpath(folder) for unit in units for folder in unit.folders)
        return cls(folders, _parameters(units))

    @classmethod
    def union(cls, parts: Collection[Evaluated]) -> Evaluated:
        """Return what any of the parts has evaluated."""
        known = [part.parameters for part in parts if part.parameters is not None]
        return cls(
            frozenset[str]().union(*(part.folders for part in parts)), frozenset[str]().union(*known) if known else None
        )


def with_discovery(result: ScanResult, discovery: Discovery, options: ScanOptions, evaluated: Evaluated) -> ScanResult:
    """Return the result for units with what discovery reports, without notes on what was ``evaluated`` after all."""
    complaints, notes = _check_inputs(discovery, options, evaluated.parameters)
    return replace(
        result,
        unreadable=_sorted_entries([*discovery.unreadable, *complaints, *result.unreadable]),
        not_evaluated=distinct_notes(
            [*result.not_evaluated, *notes, *_of_unread(discovery, frozenset(result.files))], evaluated.folders
        ),
        excluded=tuple(sorted({*discovery.excluded, *result.excluded})),
    )


@dataclass(frozen=True, slots=True)
class ReadPaths:
    """Configurations that were read from paths.

    ``units``: each configuration with its file or Terraform root folder. ``notes``: inputs that nothing uses, and
    skipped paths. ``excluded``: the paths left out; folders end in ``/``. ``boundary``: the folders whose files may be
    read and changed. ``variants``: units with the values of a file that no option names, by the paths of the units;
    ``value_notes``: a note on each such file, and on what cannot be read with its values.
    """

    units: tuple[tuple[Path, Configuration], ...]
    unreadable: tuple[Unreadable, ...]
    notes: tuple[Unreadable, ...]
    excluded: tuple[str, ...] = ()
    boundary: Boundary = UNBOUNDED
    variants: tuple[tuple[Path, Configuration], ...] = ()
    value_notes: tuple[Unreadable, ...] = ()

    @property
    def faults(self) -> tuple[Unreadable, ...]:
        """The entries of ``unreadable`` that are faults of this package."""
        return faults_in(self.unreadable)

    @property
    def used_values(self) -> frozenset[str]:
        """The files whose values are those of a variant."""
        return frozenset(variant.surroundings.values.path for _, variant in self.variants)

    def variants_of(self, unit: Configuration) -> tuple[Configuration, ...]:
        """Return a unit with the values of each of its files."""
        paths = [path for path, other in self.units if other is unit] if self.variants else ()
        return tuple(variant for path, variant in self.variants if path in paths)


@deadline.pooled()
def read_paths(
    paths: Sequence[Path],
    options: ScanOptions,
    load: Callable[[Unit], Configuration] | None = None,
    *,
    ahead: Callable[[Sequence[Unit]], None] | None = None,
    narrow: Callable[[Discovery], Discovery] | None = None,
    distribute: Distribute | None = None,
) -> ReadPaths:
    """Read files and folders without checking them. Never raises: what cannot be read is in ``unreadable``.

    ``load``: reads one unit (default: its source), and may raise an :class:`InputError`. ``ahead``: is called with
    units that ``load`` reads next. ``narrow``: chooses what to read of what was found. ``distribute``: as of
    :func:`scan_paths`.
    """
    from passrole_checks.sources import detect  # the readers are heavy, and a host that has read brings none
    from passrole_checks.sources.links.root_texts import LinkTexts

    texts = LinkTexts(options.inputs) if narrow is None else None
    discovery = detect.discover(paths, options.inputs.exclusions, texts)
    discovery = narrow(discovery) if narrow is not None else connected(discovery, options, distribute, texts)
    return read_discovered(discovery, options, load, ahead=ahead)


def read_discovered(
    discovery: Discovery,
    options: ScanOptions,
    load: Callable[[Unit], Configuration] | None = None,
    *,
    ahead: Callable[[Sequence[Unit]], None] | None = None,
) -> ReadPaths:
    """Read what was found, without checking it. Parameters as of :func:`read_paths`."""
    from passrole_checks.sources import detect  # the readers are heavy, and a host that has read brings none

    _read_account_details(options)
    load = load or (lambda unit: detect.load(unit, unchanged=options.unchanged, inputs=options.inputs))
    ahead = ahead or (lambda units: None)
    ahead(discovery.units)
    unreadable = list(discovery.unreadable)
    loaded = [(unit, found) for unit in discovery.units if (found := _loaded(unit, load, unreadable)) is not None]
    roots, further, about_values = _roots_with_values(discovery, loaded, options)
    units = [(unit.only or unit.path, found) for unit, found in roots]
    by_path = dict(units)
    unreadable += faults_in(about_values)
    value_notes = [*without_faults(about_values)]
    if further:
        ahead(further)
    variants: list[tuple[Path, Configuration]] = []
    for unit in further:
        problems: list[Unreadable] = []
        if (variant := _loaded(unit, load, problems)) is not None:
            variants.append((unit.path, variant))
            problems += variant.notes.unreadable
        about = [*problems_with(unit.values, problems, by_path[unit.path].notes.unreadable)]
        unreadable += faults_in(about)
        value_notes += without_faults(about)
    complaints, notes = _check_inputs(discovery, options, _parameters([unit for _, unit in units]))
    files = {file for _, unit in units for file in unit.files}  # of modules and nested templates too
    return ReadPaths(
        tuple(units),
        (*unreadable, *complaints),
        (*notes, *_of_unread(discovery, files)),
        tuple(sorted({*discovery.excluded, *(path for _, unit in units for path in unit.notes.excluded)})),
        _boundary(discovery, options),
        tuple(variants),
        tuple(value_notes),
    )


def _loaded(unit: Unit, load: Callable[[Unit], Configuration], unreadable: list[Unreadable]) -> Configuration | None:
    """Return what was read of a unit; None if it cannot be read, for the reason that is added to ``unreadable``."""
    try:
        return load(unit)
    except InputError as error:
        unreadable.append(Unreadable(error.file, error.reason, error.line))
    except Exception as error:
        unreadable.append(_fault(unit.only or unit.path, error))
    return None


def _boundary(discovery: Discovery, options: ScanOptions) -> Boundary:
    folders = [folder for unit in discovery.units for folder in (unit.boundary or unit.path, *unit.beside)]
    if options.inputs.source is not None:
        source = Path(os.path.realpath(options.inputs.source))
        folders.append(repository_around(source) or source)
    return Boundary.around(*folders)


def read_with_account_details(read: ReadPaths, options: ScanOptions) -> ReadPaths:
    """Return what was read with the IAM entities of its account as context; see
    :func:`~passrole_checks.scan.account_context.with_account_details`."""
    joined = [(path, *with_account_details(unit, options)) for path, unit in read.units]
    return replace(
        read,
        units=tuple((path, unit) for path, unit, _ in joined),
        variants=tuple((path, with_account_details(variant, options)[0]) for path, variant in read.variants),
        notes=(*read.notes, *(note for *_, notes in joined for note in notes)),
    )


_Answer = TypeVar("_Answer")


def isolate_faults(
    read: ReadPaths, ask: Callable[[Sequence[Configuration]], _Answer]
) -> tuple[_Answer, tuple[Unreadable, ...]]:
    """Call ``ask`` with all configurations, or, if that fails, with those that it does not fail for.

    Returns its result, and a fault for each of the other configurations.
    """
    try:
        return ask([configuration for _, configuration in read.units]), ()
    except Exception:
        sound: list[Configuration] = []
        faults: list[Unreadable] = []
        for path, configuration in read.units:
            try:
                ask([configuration])
            except Exception as error:
                faults.append(_fault(path, error))
            else:
                sound.append(configuration)
        if not faults:
            raise
        return ask(sound), tuple(faults)


def _check_inputs(
    discovery: Discovery, options: ScanOptions, declared: frozenset[str] | None
) -> tuple[tuple[Unreadable, ...], tuple[Unreadable, ...]]:
    """Return the inputs that cannot be read, and those that nothing uses."""
    from passrole_checks.sources import detect

    unreadable, notes = detect.check_inputs(discovery.units, options.inputs, declared)
    details = _read_account_details(options)
    inventory = read_inventory(options.inventory) if options.inventory else NO_INVENTORY
    return (*unreadable, *details.unreadable, *inventory.unreadable), (*notes, *details.notes)


def _read_account_details(options: ScanOptions) -> AccountDetails:
    """Read the context once, before worker processes are forked."""
    return read_account_details(options.account_details) if options.account_details else NO_DETAILS


_Read = TypeVar("_Read", Configuration, ScannedUnit)


def _roots_with_values(
    discovery: Discovery, read: Sequence[tuple[Unit, _Read]], options: ScanOptions
) -> tuple[list[tuple[Unit, _Read]], list[Unit], list[Unreadable]]:
    """Return the units that no other one nests, as they were read, and as of
    :func:`~passrole_checks.scan.value_files.units_with_values` what to read in addition, and notes."""
    roots = root_templates({str(unit.only or unit.path): frozenset(found.provisioning.nested) for unit, found in read})
    shown = [(unit, found) for unit, found in read if str(unit.only or unit.path) in roots]
    further, notes = units_with_values(discovery, shown, options)
    return shown, further, notes


def _parameters(units: Collection[Configuration] | Collection[ScannedUnit]) -> frozenset[str] | None:
    """Return the parameters of the templates among units; None without a template."""
    templates = [unit for unit in units if unit.framework in _TEMPLATES]
    return frozenset(name for unit in templates for name in unit.provisioning.parameters) if templates else None


def root_templates(nested: Mapping[str, Collection[str]]) -> set[str]:
    """Return the templates that no other one nests, and those that nest each other in a circle.

    ``nested``: each template with those that it nests, at any depth.
    """
    left, roots = set(nested), set[str]()
    while left:  # what a root does not reach, because it lies too deep, is one itself
        called = {file for path in left for file in nested[path] if path not in nested.get(file, ())}
        found = (left - called) or left
        roots |= found
        left = left.difference(found, *(nested[path] for path in found))
    return roots


def _of_unread(discovery: Discovery, files: Collection[str]) -> Iterator[Unreadable]:
    """Yield the notes on files and folders that were found and that no unit has read."""
    return (note for note in discovery.not_evaluated if note.subject not in files)


def distinct_notes(notes: Iterable[Unreadable], evaluated: Collection[str] = ()) -> tuple[Unreadable, ...]:
    """Return one note for each subject, without those about folders and files that were ``evaluated`` after all."""
    told: dict[object, Unreadable] = {}
    for note in _sorted_entries(notes):
        if note.subject not in evaluated:
            told.setdefault(note.subject or note, note)
    return tuple(told.values())


def analyze_or_fault(configuration: Configuration, options: ScanOptions, path: str | Path | None = None) -> Analysis:
    """Analyze one configuration. Never raises: a fault of this package is in the result, for ``path``.

    ``path``: default is the first file of the configuration.
    """
    try:
        return analyze(configuration, options).analysis
    except Exception as error:
        fault = _fault(path or next(iter(configuration.files), "."), error)
        unreadable = (*configuration.notes.unreadable, fault)
        return Analysis((), (), unreadable, configuration.notes.not_evaluated, (), configuration.files)


def scan_configurations(configurations: Sequence[Configuration], options: ScanOptions) -> ScanResult:
    """Analyze configurations that a source has read, in their context."""
    details = _read_account_details(options)
    result = merge_analyses([analyze_or_fault(configuration, options) for configuration in configurations], options)
    return replace(
        result,
        unreadable=_sorted_entries([*details.unreadable, *result.unreadable]),
        not_evaluated=_sorted_entries([*details.notes, *result.not_evaluated]),
    )


def scan_read(
    read: ReadPaths, options: ScanOptions, known: Mapping[int, Analysis] = MappingProxyType({})
) -> ScanResult:
    """Analyze what was read, and add what its variants add. Paths that were not read are not in the result.

    ``known``: known results, by the ids of their configurations.
    """

    def analysis_of(unit: Configuration) -> Analysis:
        return known.get(id(unit)) or analyze_or_fault(unit, options)

    analyses = (
        with_variants(
            analysis_of(unit), [(one.surroundings.values, analysis_of(one)) for one in read.variants_of(unit)]
        )
        for _, unit in read.units
    )
    return merge_analyses([*analyses], options)


def _start(at: Position) -> tuple[str, int, int]:
    return at.file, at.line, at.column


def merge_analyses(units: Sequence[Analysis], options: ScanOptions) -> ScanResult:
    """Merge the results of configurations."""
    findings = sorted(
        merge_across_roots(finding for unit in units for finding in unit.findings),
        key=lambda item: (*_start(item.at), item.statement_path, item.check_id, item.resource.address),
    )
    return ScanResult(
        findings=group_findings(_with_distinct_fingerprints(item for item in findings if options.shows(item))),
        grants=tuple(
            sorted(
                _distinct_grants(grant for unit in units for grant in unit.grants),
                key=lambda item: (*_start(item.grant.at), item.resource.address, item.statement_path),
            )
        ),
        unreadable=_sorted_entries(item for unit in units for item in unit.unreadable),
        not_evaluated=_sorted_entries(
            with_counts(
                (item for unit in units for item in unit.not_evaluated),
                (item for unit in units for item in unit.dependents),
            )
        ),
        unused_suppressions=tuple(item for unit in units for item in unit.unused_suppressions),
        files=tuple(sorted({file for unit in units for file in unit.files})),
    )


def findings_of_change(
    configuration: Configuration, options: ScanOptions, *, with_severity: bool = True, is_reversed: bool = False
) -> tuple[tuple[Finding, ...], tuple[Unreadable, ...], bool]:
    """Return the findings of the checks that compare versions, one for each policy, statement and variant.

    Also what cannot be read, and True if the time limit was not reached. ``with_severity`` and ``is_reversed``: as of
    :func:`analyze`.
    """
    comparing = frozenset(check.id for check in ALL if check.compares_versions)
    analyzed = analyze(
        configuration,
        replace(options, checks=comparing, skip_checks=frozenset()),
        with_severity=with_severity,
        is_reversed=is_reversed,
    )
    return analyzed.variant_findings, analyzed.unreadable, not analyzed.out_of_time


def _distinct_grants(grants: Iterable[LocatedGrant]) -> Iterator[LocatedGrant]:
    """Yield the grants without equal ones of other roots."""
    seen: set[tuple[object, ...]] = set()
    for located in grants:
        grant = located.grant
        roles = tuple(str(role.pattern) for role in grant.roles)
        effect = (located.effect_on_passrole, grant.denied, grant.scope, grant.services, grant.other_conditions)
        key = (grant.at, located.resource, located.statement_path, located.principals, roles, *effect)
        if key not in seen:
            seen.add(key)
            yield located


def _with_distinct_fingerprints(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings with distinct fingerprints: equal ones are numbered from the second on."""
    seen: dict[str, int] = {}
    for finding in findings:
        count = seen[finding.fingerprint] = seen.get(finding.fingerprint, 0) + 1
        yield finding if count == 1 else replace(finding, fingerprint=digest(finding.fingerprint, str(count)))


def _sorted_entries(items: Iterable[Unreadable]) -> tuple[Unreadable, ...]:
    """Return the entries by location, each once; one that concerns several resources names none of them."""
    merged: dict[Unreadable, Unreadable] = {}
    for item in items:
        key = replace(item, resource="")
        merged[key] = item if merged.get(key, item) == item else key
    return tuple(sorted(merged.values(), key=lambda item: (item.file, item.line or 0, item.reason)))
