"""What the leaves in other tools share: the engine, asked once a file or module, and its answers, by resource.

It knows no host. A leaf hands in the place of a resource and gets findings back; the options come from the environment,
because hosts have no room for options of ours: ``PASSROLE_CHECKS_SEVERITY``, ``PASSROLE_CHECKS_CONFIDENCE`` and
``PASSROLE_CHECKS_ACCOUNT``, with the meaning of the command line's options of these names.
"""

from __future__ import annotations

import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path

from passrole_checks import suppressions
from passrole_checks.collector import held_back
from passrole_checks.errors import PassRoleChecksError
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.output.paths import harmless, shown
from passrole_checks.scan import (
    ScannedUnit,
    ScanOptions,
    ScanResult,
    one_after_another,
    scan_configurations,
    scan_paths,
)
from passrole_checks.sources.detect import Unit, discover, load
from passrole_checks.sources.names import is_terraform_file
from passrole_checks.sources.policy_attributes import ATTACHMENTS, FLAGGABLE, OWN_ATTACHMENTS
from passrole_checks.sources.resource import NO_INPUTS, Inputs, Unreadable

UNRESOLVED = "PASSROLE_014"  # the check that speaks for everything that cannot be told
GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"

# an attachment can have findings as well: on the AWS managed policy that it attaches
TERRAFORM_TYPES = tuple(sorted({*FLAGGABLE, *ATTACHMENTS, *OWN_ATTACHMENTS}))
DATA_DOCUMENT = "aws_iam_policy_document"
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

_SEGMENT = re.compile(r'([^.\[]+)(\[(?:\d+|"(?:[^"\\]|\\.)*")\])?')
_Segments = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answers:
    """What the engine says of the files that it was asked about; ``fault`` where it failed itself.

    ``stacks``: the addresses of the nested stacks that a template was judged with, each with the file of its template.
    ``local``: of a template that was judged in a stack, the addresses of its resources, each with the logical id.
    """

    result: ScanResult | None
    fault: str = ""
    stacks: Mapping[str, str] = field(default_factory=dict)
    local: Mapping[str, str] = field(default_factory=dict)

    def about(self, check_id: str, address: str) -> tuple[tuple[str, Finding], ...]:
        """The findings of a check on a resource, each with its address there, suppressed ones and infos included.

        An address without an instance key stands for all its instances, on either side.
        """
        segments = _segments(address)
        return tuple(
            (name, finding)
            for name, theirs, finding in self._by_names[check_id, _names(segments)]
            if _alike(segments, theirs)
        )

    def inside(self, check_id: str, stack: str) -> tuple[tuple[str, Finding], ...]:
        """The findings of a check on the resources of a nested stack, each with its address."""
        return tuple(self._by_stacks.get((check_id, stack), ()))

    def elsewhere(self, offered: Iterable[str], modules: Iterable[str]) -> tuple[tuple[str | None, str, Finding], ...]:
        """The findings on resources that a host does not offer to its checks, each with the address of the resource.

        ``offered`` are the addresses of the resources that it offers, ``modules`` those of its ``module`` blocks: the
        innermost of them that the resource lies in comes first, None where there is none.
        """
        known: dict[tuple[str, ...], list[_Segments]] = defaultdict(list)
        for one in map(_segments, offered):
            known[_names(one)].append(one)
        called = [(_segments(address), address) for address in dict.fromkeys(modules)]
        found: list[tuple[str | None, str, Finding]] = []
        for finding in self.result.findings if self.result else ():
            for address in _uses(finding):
                segments = _segments(address)
                if any(_alike(one, segments) for one in known.get(_names(segments), ())):
                    continue
                around = [(one, module) for one, module in called if _holds(one, segments)]
                depth = max((len(one) for one, _ in around), default=0)
                innermost: list[str | None] = [module for one, module in around if len(one) == depth]
                found.extend((module, address, finding) for module in innermost or [None])
        return tuple(found)

    def notes(self, but: Iterable[str] = ()) -> tuple[str, ...]:
        """What could not be read or evaluated, of files other than ``but``, and what is wrong with suppressions."""
        if self.result is None:
            return ()
        known = {os.path.realpath(file) for file in but}
        return (
            *(
                f"{shown(entry.file)}:{entry.line or 1}: cannot be read: {harmless(entry.reason)}"
                for entry in self.result.unreadable
                if os.path.realpath(entry.file) not in known
            ),
            *(
                f"{shown(entry.file)}:{entry.line or 1}: not evaluated: {harmless(entry.reason)}"
                for entry in self.result.not_evaluated
            ),
            *(
                f"{shown(at.file)}:{at.line}: {harmless(words)}"
                for at, words in suppressions.notes(self.result.findings, self.result.unused_suppressions)
            ),
        )

    def of(self, check_id: str) -> tuple[Finding, ...]:
        """All findings of a check."""
        return self._by_checks.get(check_id, ())

    def untold(
        self, file: str, lines: tuple[int, int] | None = None, callers: Sequence[str] = ()
    ) -> tuple[tuple[int, str], ...]:
        """What could not be read of a file that a host reads: the line and the reason of each such place.

        ``lines``, the first and the last line of a resource, leaves out what stands elsewhere in a file that was read.
        ``callers`` are the files whose module calls lead to this one, the nearest first: a module that the engine does
        not read because there is no instance of it (``count = 0``) is told, and one that it could not evaluate is not.
        """
        if self.result is None:
            return ((1, f"passrole_checks failed on this file: {self.fault}"),)
        real = self._real(file)
        read = real in self._files
        reasons = [
            (entry.line or 1, f"passrole_checks cannot read this: {harmless(entry.reason)}")
            for entry in self._unreadable.get(real, ())
            if not (read and lines and entry.line and not lines[0] <= entry.line <= lines[1])
        ]
        if read or reasons:
            return tuple(reasons)
        nearest = next((real for real in map(self._real, callers) if real in self._files), None)
        if nearest is None:
            return ((1, "passrole_checks does not read this file as infrastructure code"),)
        return tuple(
            (1, f"passrole_checks has not evaluated this: {harmless(entry.reason)}")
            for entry in self.result.not_evaluated
            if self._real(entry.file) == nearest
        )

    def _real(self, file: str) -> str:
        """The path behind links, asked of the disk once: each check asks again about each resource."""
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
    def _unreadable(self) -> dict[str, list[Unreadable]]:
        index: dict[str, list[Unreadable]] = defaultdict(list)
        for entry in self.result.unreadable if self.result else ():
            index[self._real(entry.file)].append(entry)
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
                for dot in (place for place, character in enumerate(name) if character == "."):
                    index[finding.check_id, name[:dot]].append((address, finding))
        return index

    @cached_property
    def _by_names(self) -> dict[tuple[str, tuple[str, ...]], list[tuple[str, _Segments, Finding]]]:
        index: dict[tuple[str, tuple[str, ...]], list[tuple[str, _Segments, Finding]]] = defaultdict(list)
        for finding in self.result.findings if self.result else ():
            for address in _uses(finding):
                segments = _segments(self.local.get(address, address))
                index[finding.check_id, _names(segments)].append((address, segments, finding))
        return index


def ask(
    file: str,
    others: Iterable[str] = (),
    scanned: str | None = None,
    *,
    inputs: Inputs = NO_INPUTS,
    only: bool = False,
) -> Answers:
    """What the engine says of a template, of a plan, or of the Terraform root that ``file`` stands in.

    Each is evaluated once a process, and again when the file, or one of the ``others`` that belong to it, has changed.
    ``scanned`` is the folder that the host was given, if any: nothing is read outside of it, or of a repository around
    the root or the template. ``inputs`` is what the host knows beside the files. ``only``: of a Terraform root,
    just what stands in ``file``, as the command line does with a file that is given by name. Nothing is raised.
    """
    path = os.path.abspath(file)
    stamps = tuple(_stamp(name) for name in (path, *sorted(others), *map(str, inputs.var_files)))
    asked = options() if inputs is NO_INPUTS else replace(options(), inputs=inputs)
    around = scanned and os.path.abspath(scanned)
    if is_terraform_file(Path(path)):
        return _ask(os.path.dirname(path), around, path if only else None, stamps, asked)
    return _ask(path, around, None, stamps, asked)


@lru_cache(maxsize=256)
def _ask(
    path: str, scanned: str | None, only: str | None, _stamps: tuple[object, ...], scan_options: ScanOptions
) -> Answers:
    try:
        with held_back():
            if os.path.isdir(path):
                unit = _root(path, scanned)
                if only is not None:
                    unit = replace(unit, only=unit.path / Path(only).name)
                return Answers(scan_configurations([load(unit, inputs=scan_options.inputs)], scan_options))
            return _ask_file(path, scanned, scan_options)
    except PassRoleChecksError as error:
        return Answers(None, harmless(str(error)))
    except Exception as error:  # a host drops a check that raises in silence: a fault must become an answer
        return Answers(None, harmless(f"internal error: {type(error).__name__}: {error}"))


def _ask_file(path: str, scanned: str | None, scan_options: ScanOptions) -> Answers:
    stacks: dict[str, str] = {}

    def scanner(units: Sequence[Unit], chosen: ScanOptions) -> Iterator[ScannedUnit]:
        for found in one_after_another([_bounded(unit, unit.path.parent, scanned) for unit in units], chosen):
            stacks.update(found.stacks)
            yield found

    return Answers(scan_paths([Path(path)], scan_options, scanner), stacks=stacks)


def _root(folder: str, scanned: str | None) -> Unit:
    """A folder as a root module. It is not walked: what stands below it is somebody else's question."""
    (unit,) = discover([next(path for path in Path(folder).iterdir() if is_terraform_file(path))]).units
    return replace(_bounded(unit, unit.path, scanned), only=None)


def _bounded(unit: Unit, folder: Path, scanned: str | None) -> Unit:
    """A unit in ``folder`` that may read files in the repository around it, or else in the folder that is scanned."""
    in_repository = unit.boundary != folder or os.path.lexists(folder / ".git")
    around = Path(scanned).resolve() if scanned else folder
    return unit if in_repository or not folder.is_relative_to(around) else replace(unit, boundary=around)


_CONFIDENCES = [level.value for level in Confidence]


def options() -> ScanOptions:
    """The options that the environment asks for. Infos are always asked for: :func:`wanted` says what is shown."""
    return _options(
        os.environ.get("PASSROLE_CHECKS_ACCOUNT") or None,
        Confidence(_chosen("PASSROLE_CHECKS_CONFIDENCE", _CONFIDENCES) or "low"),
    )


@lru_cache(maxsize=16)  # asked for with each resource and check
def _options(account: str | None, confidence: Confidence) -> ScanOptions:
    if account is not None and not re.fullmatch(r"[0-9]{12}", account):
        complain(f"PASSROLE_CHECKS_ACCOUNT={account} is not an account id of twelve digits and is ignored")
        account = None
    return ScanOptions(account=account, minimum_severity=Severity.INFO, minimum_confidence=confidence)


def least_severity() -> Severity | None:
    """The least severity that the environment asks for, or None where it says nothing (which means low)."""
    value = _chosen("PASSROLE_CHECKS_SEVERITY", [level.value for level in Severity])
    return Severity(value) if value else None


def wanted(finding: Finding) -> bool:
    """Whether a finding is severe enough to be shown."""
    return finding.severity.rank >= (least_severity() or Severity.LOW).rank


def words(finding: Finding) -> str:
    """A finding's message and remedy, and the construct of the AWS CDK if there is one, on one line, safe to print."""
    construct = f" Construct: {finding.resource.construct}." if finding.resource.construct else ""
    return harmless(f"{finding.message} {finding.remediation}{construct}")


def named(file: str) -> str:
    """A file as the command line names it."""
    return shown(file)


def place(finding: Finding) -> str:
    """Where the statement of a finding stands, as ``file:line``."""
    return harmless(f"{shown(finding.at.file)}:{finding.at.line}")


def _chosen(variable: str, choices: list[str]) -> str:
    value = os.environ.get(variable, "")
    if value and value.lower() not in choices:
        complain(f"{variable}={value} is none of {', '.join(choices)} and is ignored")
        return ""
    return value.lower()


@lru_cache(maxsize=256)  # said once a process
def complain(message: str) -> None:
    """One line on standard error."""
    print(f"passrole_checks: {harmless(message)}", file=sys.stderr)


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _uses(finding: Finding) -> Iterable[str]:
    return dict.fromkeys((finding.resource.address, *finding.uses))


def _segments(address: str) -> _Segments:
    return tuple((match[1], match[2] or "") for match in _SEGMENT.finditer(address))


def _alike(some: _Segments, others: _Segments) -> bool:
    """Whether two addresses mean the same, or one stands for all instances of the other."""
    return _names(some) == _names(others) and all(
        ours == other or not ours or not other for (_, ours), (_, other) in zip(some, others, strict=True)
    )


def _holds(module: _Segments, address: _Segments) -> bool:
    """Whether an address lies in a module, or is that of its call (of a module that is not here)."""
    return len(module) <= len(address) and _alike(module, address[: len(module)])


def _names(segments: _Segments) -> tuple[str, ...]:
    return tuple(name for name, _ in segments)
