"""Results for the templates of a host's run, each scanned in the stacks that nest it, as the command line does.

A host shows one template after the other to its checks. A template that another one of the run nests is scanned there,
with its parameters; its findings belong to its own resources, and not to the stack's as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from passrole_checks.files.safe_read import read_bounded
from passrole_checks.findings import Finding
from passrole_checks.iam import deadline
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.scan.for_hosts import host_results
from passrole_checks.scan.for_hosts.host_results import HostResult
from passrole_checks.scan.scanner import ScanResult, root_templates
from passrole_checks.sources.model.configuration import EVERY_RESOURCE, Unreadable
from passrole_checks.sources.recognize import LARGEST_TEMPLATE

# A file that matches is only evaluated earlier: an escape, an include or a loop can spell the type differently.
_MAY_NEST = lazy_regex(
    rb"AWS::CloudFormation::Stack\b|AWS::Serverless::Application\b|AWS::Include|Fn::ForEach|\\(?:[xuU]|\r?\n)"
)


class TemplateRun:
    """The templates that a host shows to its checks in one run.

    ``scanned`` is the folder that the host was given, if any. ``offers``: True for a logical id of a template (by its
    real path) that the host shows; findings on any other resource stay with the nested stack of the parent template.
    """

    def __init__(
        self,
        files: Iterable[str],
        scanned: str | None = None,
        offers: Callable[[str, str], bool] = lambda _file, _logical_id: True,
    ) -> None:
        self._files = {os.path.realpath(file): os.path.abspath(file) for file in files}
        self._scanned = scanned
        self._offers = offers
        self._answers: dict[str, HostResult] = {}
        self._real: dict[str, str] = {}  # by the name that the host uses
        self.pool = deadline.Pool()  # of time, for all templates together

    def findings_of(self, file: str) -> HostResult:
        """Return the answers about a template: through each stack that nests it, or else about the file alone."""
        if file not in self._real:
            self._real[file] = os.path.realpath(file)
        real = self._real[file]
        if real not in self._answers:
            with deadline.pooled(self.pool):
                answers = self._results_for(file, real)
            self._answers[real] = answers.once_per_missing_source(
                lambda address: self._offers(real, answers.local.get(address, address).partition(".")[0])
            )
        return self._answers[real]

    def _results_for(self, file: str, real: str) -> HostResult:
        if real not in self._files:
            return host_results.scan_for_host(file, scanned=self._scanned)
        parents = [root for root in self._roots if root != real and real in self._parents[root].stacks.values()]
        parts = [self._part(root, self._parents[root], real) for root in sorted(parents)]
        if not parents or real in self._roots:
            own = self._candidates.get(real) or host_results.scan_for_host(file, scanned=self._scanned)
            parts.insert(0, self._part(real, own, real))
        known = [part.result for part in parts if part.result is not None]
        if len(known) < len(parts):
            return next(part for part in parts if part.result is None)
        local = {address: name for part in parts for address, name in part.local.items()}
        unresolved = tuple(finding for part in parts for finding in part.unresolved)
        return HostResult(_joined(known), asked=file, unresolved=unresolved, stacks=parts[0].stacks, local=local)

    @cached_property
    def _candidates(self) -> dict[str, HostResult]:
        """The results for the templates that may nest others, by real path."""
        others = tuple(self._files.values())
        return {
            real: host_results.scan_for_host(file, others, self._scanned)
            for real, file in self._files.items()
            if _may_nest(file)
        }

    @cached_property
    def _parents(self) -> dict[str, HostResult]:
        return {real: answers for real, answers in self._candidates.items() if answers.stacks}

    @cached_property
    def _roots(self) -> Collection[str]:
        """The parent templates that no other one nests."""
        nested = {real: frozenset(answers.stacks.values()) for real, answers in self._parents.items()}
        return root_templates(nested) & nested.keys()

    def _part(self, root: str, answers: HostResult, real: str) -> HostResult:
        """Return the part of a parent template's results (``root``) about a template of its stack, or about itself."""
        if answers.result is None:
            return answers
        local: dict[str, str] = {}
        findings = tuple(self._findings(answers.result.findings, root, answers, real, local))
        unresolved = tuple(self._findings(answers.unresolved, root, answers, real, local))
        unreadable = tuple(
            entry for entry in answers.result.unreadable if self._concerns(entry, root, answers, real, local)
        )
        result = replace(answers.result, findings=findings, unreadable=unreadable)
        return replace(answers, result=result, unresolved=unresolved, local=local)

    def _findings(
        self, findings: Iterable[Finding], root: str, answers: HostResult, real: str, local: dict[str, str]
    ) -> Iterator[Finding]:
        """Return the findings on resources of one template, and note these in ``local``."""
        for finding in findings:
            addresses = dict.fromkeys((finding.resource.address, *finding.uses))
            uses = tuple(address for address in addresses if self._is_in(address, root, answers, real, local))
            if uses:
                yield replace(finding, resource=replace(finding.resource, address=uses[0]), uses=uses)

    def _is_in(self, address: str, root: str, answers: HostResult, real: str, local: dict[str, str]) -> bool:
        template, name = self._template_of(root, answers, address)
        if template == real != root:
            local[address] = name
        return template == real

    def _concerns(self, entry: Unreadable, root: str, answers: HostResult, real: str, local: dict[str, str]) -> bool:
        """True if a template must report what could not be analyzed: the parent also does so for files that are not
        shown."""
        if entry.resource == EVERY_RESOURCE:
            return True
        if entry.resource:
            return self._is_in(entry.resource, root, answers, real, local)
        file = os.path.realpath(entry.file)
        return file == real or (real == root and file not in self._files)

    def _template_of(self, root: str, answers: HostResult, address: str) -> tuple[str, str]:
        """Return the innermost template that shows a resource, or the stack around it, and the address there."""
        keys = address.split(".")
        for depth in range(len(keys) - 1, 0, -1):
            template = answers.stacks.get(".".join(keys[:depth]))
            if template in self._files and self._offers(template, keys[depth]):
                return template, ".".join(keys[depth:])
        return root, address


def _may_nest(file: str) -> bool:
    try:
        return _MAY_NEST.search(read_bounded(Path(file), LARGEST_TEMPLATE)) is not None
    except OSError:
        return False


def _joined(results: Iterable[ScanResult]) -> ScanResult:
    known = list(results)
    if len(known) == 1:
        return known[0]
    return ScanResult(
        findings=tuple(finding for one in known for finding in one.findings),
        grants=(),
        unreadable=tuple(dict.fromkeys(entry for one in known for entry in one.unreadable)),
        not_evaluated=tuple(dict.fromkeys(entry for one in known for entry in one.not_evaluated)),
        unused_suppressions=tuple(dict.fromkeys(item for one in known for item in one.unused_suppressions)),
        files=tuple(sorted({file for one in known for file in one.files})),
    )
