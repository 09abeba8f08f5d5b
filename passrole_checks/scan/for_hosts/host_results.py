"""The engine for the adapters in other tools: one scan of a file or module, and its results by resource.

It knows no host. An adapter passes the location of a resource and gets findings. Hosts offer no options of ours, so
these come from the environment: ``PASSROLE_CHECKS_SEVERITY``, ``PASSROLE_CHECKS_CONFIDENCE``,
``PASSROLE_CHECKS_ACCOUNT`` and ``PASSROLE_CHECKS_ACCOUNT_DETAILS`` (files, separated as in ``PATH``), with the meaning
of the options of the command line.
"""

from __future__ import annotations

import os
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path

from passrole_checks.checks import ALL
from passrole_checks.checks.base.check import Element
from passrole_checks.checks.unresolved import UnresolvedScope, unresolved_elements
from passrole_checks.errors import PassRoleChecksError
from passrole_checks.escaping.terminal import display_path, sanitize
from passrole_checks.files.gc_pause import gc_paused
from passrole_checks.files.safe_read import OUTSIDE, OutsideError
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.identity_cache import clear_identity_caches
from passrole_checks.iam.patterns.glob import wildcard_match
from passrole_checks.scan import suppressions
from passrole_checks.scan.for_hosts.fail_closed import HostBlock, ShownBlocks
from passrole_checks.scan.group_findings import group_findings
from passrole_checks.scan.missing_content import unreadable_files
from passrole_checks.scan.scanner import (
    ScannedUnit,
    ScanOptions,
    ScanResult,
    UnitScanner,
    scan_configurations,
    scan_paths,
    scan_sequentially,
)
from passrole_checks.sources.collect.terraform_tables import ATTACHMENTS, FLAGGABLE, OWN_ATTACHMENTS
from passrole_checks.sources.detect import Unit, load
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.read_boundary import Boundary, boundary_of_context, repository_around
from passrole_checks.sources.model.addresses import Segments, contains, names_of, same_or_all_instances, segments_of
from passrole_checks.sources.model.configuration import EVERY_RESOURCE, NO_INPUTS, Framework, Inputs, Unreadable
from passrole_checks.sources.recognize import recognize

UNRESOLVED = UnresolvedScope.id
NOT_READ = "not recognized as infrastructure code"

# an attachment can have findings as well: on the AWS managed policy that it attaches
TERRAFORM_TYPES = tuple(sorted({*FLAGGABLE, *ATTACHMENTS, *OWN_ATTACHMENTS}))
CLOUDFORMATION_TYPES = (
    "AWS::CloudFormation::CustomResource",
    "AWS::CloudFormation::StackSet",
    "AWS::IAM::Group",
    "AWS::IAM::GroupPolicy",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::IAM::RolePolicy",
    "AWS::IAM::User",
    "AWS::IAM::UserPolicy",
    "AWS::SSO::PermissionSet",
    "AWS::Serverless::Function",
    "AWS::Serverless::StateMachine",
    "Custom::*",
)
STACK_TYPES = ("AWS::CloudFormation::Stack", "AWS::Serverless::Application")  # hosts do not follow them
TEMPLATE_TYPES = (*CLOUDFORMATION_TYPES, *STACK_TYPES)


@lru_cache(maxsize=4096)
def attaches_policies(resource_type: str) -> bool:
    """True if a resource type of templates is one whose policies hosts ask for."""
    return any(wildcard_match(one, resource_type) for one in TEMPLATE_TYPES)


@dataclass(frozen=True)
class HostResult:
    """The results for the files that a host asked about; ``fault`` if the engine failed.

    ``asked``: the file or folder. ``unresolved``: all findings of 014, also those of too little confidence. ``stacks``:
    the addresses of the nested stacks that a template was scanned with, each with the file of its template. ``local``:
    for a template that was scanned in a stack, the addresses of its resources, each with the logical id.
    """

    result: ScanResult | None
    fault: str = ""
    asked: str = ""
    unresolved: tuple[Finding, ...] = ()
    stacks: Mapping[str, str] = field(default_factory=dict)
    local: Mapping[str, str] = field(default_factory=dict)

    def once_per_missing_source(self, offers: Callable[[str], bool]) -> HostResult:
        """Return the results with one finding for each module or other source that is missing: on the first resource
        that the host ``offers``, with the number of the others. These stay undecided."""
        if self.result is None or not any(finding.details.missing for finding in self.unresolved):
            return self
        return replace(self, result=replace(self.result, findings=tuple(_once_each(self.result.findings, offers))))

    def findings_of(self, check_id: str, address: str) -> tuple[tuple[str, Finding], ...]:
        """Return the findings of a check on a resource, as :meth:`findings_at` does."""
        return tuple(found for found in self.findings_at(address) if found[1].check_id == check_id)

    def findings_at(self, address: str) -> tuple[tuple[str, Finding], ...]:
        """Return the findings of all checks on a resource, each with its address, with suppressed ones and infos.

        An address without an instance key matches all instances, on either side.
        """
        segments = segments_of(address)
        return tuple(
            (name, finding)
            for name, theirs, finding in self._by_names.get(names_of(segments), ())
            if same_or_all_instances(segments, theirs)
        )

    def handed_out(self, address: str) -> tuple[tuple[str, Finding], ...]:
        """Return the findings of all checks on policies that leave the configuration at a resource."""
        return tuple(found for found in self.findings_at(address) if found[1].details.handed_to is not None)

    def inside(self, check_id: str, stack: str) -> tuple[tuple[str, Finding], ...]:
        """Return the findings of a check on the resources of a nested stack, each with its address."""
        return tuple(self._by_stacks.get((check_id, stack), ()))

    def elsewhere(self, offered: Iterable[str], modules: Iterable[str]) -> tuple[tuple[str | None, str, Finding], ...]:
        """Return the findings on resources that a host does not offer to its checks, each with the address of the
        resource.

        ``offered``: the addresses of the resources that it offers. ``modules``: those of its ``module`` blocks; the
        innermost one that contains the resource comes first, None if there is none."""
        known: dict[tuple[str, ...], list[Segments]] = defaultdict(list)
        for one in map(segments_of, offered):
            known[names_of(one)].append(one)
        called = [(segments_of(address), address) for address in dict.fromkeys(modules)]
        found: list[tuple[str | None, str, Finding]] = []
        for finding in self.result.findings if self.result else ():
            for address in _uses(finding):
                segments = segments_of(self.local.get(address, address))
                if any(same_or_all_instances(one, segments) for one in known.get(names_of(segments), ())):
                    continue
                around = [(one, module) for one, module in called if contains(one, segments)]
                depth = max((len(one) for one, _ in around), default=0)
                innermost: list[str | None] = [module for one, module in around if len(one) == depth]
                found.extend((module, address, finding) for module in innermost or [None])
        return tuple(found)

    def notes(self) -> tuple[str, ...]:
        """Return what could not be read or evaluated, and problems of suppressions, one line each."""
        unreadable = (f"{_at(entry)}: {entry.reason}" for entry in self.problems if not _lacks_parser(entry))
        return (*map(sanitize, unreadable), *self.remarks())

    def remarks(self) -> tuple[str, ...]:
        """Return the notes that fail nothing."""
        if self.result is None:
            return ()
        wrong = suppressions.notes(self.result.findings, self.result.unused_suppressions)
        return (
            *(f"{_at(entry)}: not evaluated: {sanitize(entry.reason)}" for entry in self.result.not_evaluated),
            *(f"{display_path(at.file)}:{at.line}: {sanitize(words)}" for at, words in wrong),
        )

    def of(self, check_id: str) -> tuple[Finding, ...]:
        """Return all findings of a check."""
        return self._by_checks.get(check_id, ())

    def is_undecided(self, check_id: str, address: str) -> bool:
        """True if an unresolved value could make the check flag a resource, or one in a nested stack."""
        segments = segments_of(address)
        undecided = self._undecided.get((check_id, names_of(segments)), {})
        return segments in undecided or any(same_or_all_instances(segments, theirs) for theirs in undecided)

    @cached_property
    def problems(self) -> tuple[Unreadable, ...]:
        """Everything that could not be analyzed, for which the command line exits with 2 or 3."""
        if self.result is None:
            return (Unreadable(self.asked, f"passrole_checks failed: {self.fault}", resource=EVERY_RESOURCE),)
        unreadable = (
            entry if entry.fault else replace(entry, reason=f"cannot be read: {entry.reason}")
            for entry in (*self.result.unreadable, *unreadable_files(self.unresolved, reasons={OUTSIDE}))
        )
        return tuple(replace(one, resource=self.local.get(one.resource, one.resource)) for one in unreadable)

    def template_failures(self, file: str) -> tuple[tuple[int, str], ...]:
        """Problems of a template and the files that it includes or nests: each line, and why it could not be analyzed.

        Every check of ours must fail the template.
        """
        real = self._real(file)
        if not self.problems and real not in self._files:
            return ((1, NOT_READ),)
        return tuple(
            (entry.line or 1, sanitize(entry.reason))
            if self._real(entry.file) == real
            else (1, f"{_at(entry)}: {sanitize(entry.reason)}")
            for entry in self.problems
        )

    def block_failures(self, blocks: Sequence[HostBlock]) -> dict[Hashable, tuple[str, ...]]:
        """Return why blocks were not analyzed, by their keys. Every check of ours must fail those blocks."""
        failed = ShownBlocks(blocks, self._real).failed_by(self.problems)
        reasons: dict[Hashable, tuple[str, ...]] = {
            key: tuple(dict.fromkeys(f"{sanitize(entry.reason)} ({_at(entry)})" for entry in entries))
            for key, entries in failed.items()
        }
        for block in blocks:
            unread = self._why_unread(block) if block.is_resource and block.key not in reasons else ()
            if unread:
                reasons[block.key] = unread
        return reasons

    def _why_unread(self, block: HostBlock) -> tuple[str, ...]:
        """Return why the file of a block was not read; "" if it was, or if no module call instantiates it."""
        if self.result is None or self._real(block.file) in self._files:
            return ()
        nearest = next((real for real in map(self._real, block.callers) if real in self._files), None)
        if nearest is None:
            return (NOT_READ,)
        return tuple(
            f"not evaluated: {sanitize(entry.reason)} ({_at(entry)})"
            for entry in self.result.not_evaluated
            if self._real(entry.file) == nearest
        )

    def _real(self, file: str) -> str:
        """Return the resolved path, looked up once: each check asks again for each resource."""
        if file not in self._reals:
            self._reals[file] = os.path.realpath(file)
        return self._reals[file]

    @cached_property
    def _reals(self) -> dict[str, str]:
        return {}

    @cached_property
    def _files(self) -> frozenset[str]:
        return frozenset(map(self._real, self.result.files)) if self.result else frozenset()

    @cached_property
    def _undecided(self) -> dict[tuple[str, tuple[str, ...]], dict[Segments, None]]:
        """The resources, and the stacks around them, by check and names."""
        index: dict[tuple[str, tuple[str, ...]], dict[Segments, None]] = defaultdict(dict)
        for finding in self.unresolved:
            elements = unresolved_elements(finding.grant) if finding.grant is not None else frozenset(Element)
            checks = [check.id for check in ALL if not elements <= check.independent_of]
            for segments in (segments_of(self.local.get(address, address)) for address in _uses(finding)):
                for around in (segments[:depth] for depth in range(1, len(segments) + 1)):
                    for check_id in checks:
                        index[check_id, names_of(around)][around] = None
        return index

    @cached_property
    def _by_checks(self) -> dict[str, tuple[Finding, ...]]:
        index: dict[str, list[Finding]] = defaultdict(list)
        for finding in self.result.findings if self.result else ():
            index[finding.check_id].append(finding)
        return {check_id: tuple(findings) for check_id, findings in index.items()}

    @cached_property
    def _by_stacks(self) -> dict[tuple[str, str], list[tuple[str, Finding]]]:
        index: dict[tuple[str, str], list[tuple[str, Finding]]] = defaultdict(list)
        for finding in self.result.findings if self.result else ():
            for address in _uses(finding):
                name = self.local.get(address, address)
                for dot in (index for index, character in enumerate(name) if character == "."):
                    index[finding.check_id, name[:dot]].append((address, finding))
        return index

    @cached_property
    def _by_names(self) -> dict[tuple[str, ...], list[tuple[str, Segments, Finding]]]:
        index: dict[tuple[str, ...], list[tuple[str, Segments, Finding]]] = defaultdict(list)
        for finding in self.result.findings if self.result else ():
            for address in _uses(finding):
                segments = segments_of(self.local.get(address, address))
                index[names_of(segments)].append((address, segments, finding))
        return index


def scan_for_host(
    file: str, others: Iterable[str] = (), scanned: str | None = None, *, inputs: Inputs = NO_INPUTS, only: bool = False
) -> HostResult:
    """Scan a template, a plan, or the Terraform root that contains ``file``. Never raises.

    Each is scanned once a process, and again if the file or one of the ``others`` that belong to it has changed.
    ``scanned``: the folder that the host was given, if any; nothing is read outside of it, or of a repository around
    the root or the template. ``inputs``: what the host was given beside the files. ``only``: of a Terraform root, only
    what is in ``file``, as the command line does with a file.
    """
    path, around = os.path.abspath(file), os.path.abspath(scanned) if scanned else None
    asked = options() if inputs is NO_INPUTS else replace(options(), inputs=inputs)
    named = map(str, (*inputs.var_files, *asked.account_details))
    stamps = tuple(_stamp(name) for name in (path, *sorted(others), *named))
    if is_terraform_file(Path(path)):
        return _ask(os.path.dirname(path), around, path if only else None, stamps, asked)
    return _ask(path, around, None, stamps, asked)


def is_template(file: str, scanned: str | None = None) -> bool:
    """True if a file is a template or a change set, or looks like one that cannot be read.

    ``scanned``: as for :func:`scan_for_host`. A service of the Serverless Framework is none: hosts show the templates
    that it includes.
    """
    from passrole_checks.sources.cloudformation import looks_like_service  # slow to import

    contents: list[bytes] = []
    folder, around = os.path.dirname(os.path.abspath(file)), os.path.abspath(scanned) if scanned else None
    with boundary_of_context(Boundary.around(_boundary(folder, around))):
        recognized = recognize(Path(file), contents=contents)
    if recognized.framework not in (Framework.CLOUDFORMATION, Framework.SAM):
        return recognized.unreadable is not None
    return not any(looks_like_service(content.decode("utf-8-sig", "replace")) for content in contents)


@lru_cache(maxsize=256)
def _ask(
    path: str, scanned: str | None, only: str | None, _stamps: tuple[object, ...], scan_options: ScanOptions
) -> HostResult:
    # 014 has low confidence, and says what was not decided
    asked = replace(scan_options, minimum_confidence=Confidence.LOW, missing_as_findings=True)
    stacks: dict[str, str] = {}
    try:
        with gc_paused():
            if os.path.isdir(path):
                unit = _root(path, scanned)
                if only is not None:
                    unit = replace(unit, only=unit.path / Path(only).name)
                result = scan_configurations([load(unit, inputs=scan_options.inputs)], asked)
            else:
                if scanned is not None:
                    Boundary.around(_boundary(os.path.dirname(path), scanned)).check(path)
                result = scan_paths([Path(path)], asked, _noting_stacks(stacks, scanned))
            unresolved = tuple(finding for finding in result.findings if finding.check_id == UNRESOLVED)
            findings = group_findings(filter(scan_options.shows, result.findings))
            shown = replace(result, findings=findings, grants=())  # hosts list no grants
            return HostResult(shown, asked=path, unresolved=unresolved, stacks=stacks)
    except PassRoleChecksError as error:
        return HostResult(None, sanitize(str(error)), path)
    except OutsideError as error:
        return HostResult(None, sanitize(f"it {error.strerror}"), path)
    except Exception as error:  # a host silently drops a check that raises: a fault must become a result
        return HostResult(None, sanitize(f"internal error: {type(error).__name__}: {error}"), path)


def release_parsed_files() -> None:
    """Release what is kept for further roots that share files: a host's garbage collector visits it in vain."""
    from passrole_checks.sources.terraform.reading.files import parse_bytes  # the readers are heavy

    parse_bytes.clear()
    clear_identity_caches()


def _once_each(findings: Sequence[Finding], offers: Callable[[str], bool]) -> Iterator[Finding]:
    """Yield the findings, those about a missing source once, on the first of the resources that a host offers."""
    depending: dict[str, list[tuple[int, str]]] = {}  # by subject: the numbers of findings, each with a resource
    for number, finding in enumerate(findings):
        for subject in finding.details.missing if finding.suppressed is None else ():
            depending.setdefault(subject, []).extend((number, address) for address in _uses(finding))
    shown: dict[int, str] = {}
    for uses in depending.values():
        number, address = next((use for use in uses if offers(use[1])), uses[0])
        shown.setdefault(number, address)
    for number, finding in enumerate(findings):
        if not finding.details.missing or finding.suppressed is not None:
            yield finding
        elif number in shown:
            others = {address for subject in finding.details.missing for _, address in depending[subject]} - {
                shown[number]
            }
            words = "1 other resource depends" if len(others) == 1 else f"{len(others)} other resources depend"
            more = f" {words} on the same source, without a record." if others else ""
            resource = replace(finding.resource, address=shown[number])
            yield replace(finding, resource=resource, uses=(shown[number],), message=finding.message + more)


def _noting_stacks(stacks: dict[str, str], scanned: str | None) -> UnitScanner:
    """Scan units that may read what they name in the folder that was scanned, and note their nested stacks.

    A template that another tool completes is a note if it is one of a folder, as on the command line.
    """

    def scanner(units: Sequence[Unit], chosen: ScanOptions) -> Iterator[ScannedUnit]:
        bounded = [
            replace(unit, boundary=_boundary(os.path.dirname(unit.path), scanned), named=scanned is None)
            for unit in units
        ]
        for found in scan_sequentially(bounded, chosen):
            stacks.update(found.provisioning.stacks)
            yield found

    return scanner


def _root(folder: str, scanned: str | None) -> Unit:
    """Return a folder as a root module, without walking it.

    Raises :class:`OutsideError` if a symbolic link places it outside of what the host was given.
    """
    boundary = _boundary(folder, scanned)
    return Unit(Framework.TERRAFORM, Path(os.path.realpath(folder)), boundary=boundary)


def _boundary(folder: str, scanned: str | None) -> Path:
    """Return the folder below which files are read.

    That is the repository around ``folder``, or the scanned folder if it contains ``folder``, or else ``folder``.
    Raises :class:`OutsideError` if ``folder`` is named inside of the scanned folder but leads out of it and of the
    repository.
    """
    real = Path(os.path.realpath(folder))
    around = Path(os.path.realpath(scanned)) if scanned is not None else real
    if scanned is not None and Path(folder).is_relative_to(scanned):
        Boundary.around(repository_around(around) or around).check(folder)
    return repository_around(real) or (around if real.is_relative_to(around) else real)


_CONFIDENCES = [level.value for level in Confidence]


def options() -> ScanOptions:
    """Return the options that the environment sets. Infos are always included: :func:`wanted` decides what is shown."""
    return _options(
        os.environ.get("PASSROLE_CHECKS_ACCOUNT") or None,
        Confidence(_chosen("PASSROLE_CHECKS_CONFIDENCE", _CONFIDENCES) or "low"),
        os.environ.get("PASSROLE_CHECKS_ACCOUNT_DETAILS", ""),
    )


@lru_cache(maxsize=16)  # asked for with each resource and check
def _options(account: str | None, confidence: Confidence, details: str) -> ScanOptions:
    if account is not None and not re.fullmatch(r"[0-9]{12}", account):
        warn(f"PASSROLE_CHECKS_ACCOUNT={account} is not an account id of twelve digits and is ignored")
        account = None
    files = tuple(map(Path, filter(None, details.split(os.pathsep))))
    return ScanOptions(
        account=account, minimum_severity=Severity.INFO, minimum_confidence=confidence, account_details=files
    )


def minimum_severity_set() -> Severity | None:
    """Return the minimum severity that the environment sets, or None if it sets none (which means low)."""
    value = _chosen("PASSROLE_CHECKS_SEVERITY", [level.value for level in Severity])
    return Severity(value) if value else None


def is_shown(finding: Finding) -> bool:
    """True if a finding is severe enough to be shown."""
    return finding.severity.rank >= (minimum_severity_set() or Severity.LOW).rank


def one_line(finding: Finding) -> str:
    """Return the message and remedy of a finding, and its AWS CDK construct, on one line that is safe to print."""
    construct = f" Construct: {finding.resource.construct}." if finding.resource.construct else ""
    return sanitize(f"{finding.message} {finding.remediation}{construct}")


def location(finding: Finding) -> str:
    """Return the location of a finding's statement, as ``file:line``."""
    return sanitize(f"{display_path(finding.at.file)}:{finding.at.line}")


def _chosen(variable: str, choices: list[str]) -> str:
    value = os.environ.get(variable, "")
    if value and value.lower() not in choices:
        warn(f"{variable}={value} is none of {', '.join(choices)} and is ignored")
        return ""
    return value.lower()


@lru_cache(maxsize=256)  # said once a process
def warn(message: str) -> None:
    """Print one line on standard error."""
    print(f"passrole_checks: {sanitize(message)}", file=sys.stderr)


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=1)
def missing_parser_reason() -> str:
    """Return why no Terraform can be read here; "" if a parser is installed."""
    if all(find_spec(name) for name in ("tree_sitter", "tree_sitter_hcl")):
        return ""  # which is worth no import
    from passrole_checks.sources.terraform.reading.readers import missing_parser_reason

    return missing_parser_reason()


def _lacks_parser(entry: Unreadable) -> bool:
    """True if an entry only repeats that there is no parser."""
    return bool(missing_parser_reason()) and entry.reason.endswith(missing_parser_reason())


def _at(entry: Unreadable) -> str:
    return sanitize(f"{display_path(entry.file)}:{entry.line or 1}")


def _uses(finding: Finding) -> Iterable[str]:
    return dict.fromkeys((finding.resource.address, *finding.uses))
