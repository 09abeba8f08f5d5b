"""Analyze one configuration: grants, contexts, verdicts, findings, in one pass over its policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace

from passrole_checks.access.access_model import AccessModel
from passrole_checks.access.policy_quotas import too_long
from passrole_checks.checks import ALL
from passrole_checks.checks.base.check import Check
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.unresolved import UnresolvedScope
from passrole_checks.errors import internal_error
from passrole_checks.escaping.shorten import shortened
from passrole_checks.findings import Finding
from passrole_checks.iam import deadline
from passrole_checks.iam.documents.policy import PolicyDocument, parse_document
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Position
from passrole_checks.scan import suppressions
from passrole_checks.scan.account_context import account_drift, with_account_details
from passrole_checks.scan.build_findings import finding_of
from passrole_checks.scan.contexts import contexts_of, denied_notes
from passrole_checks.scan.inventory import located_grants, widest_of_each_statement
from passrole_checks.scan.merge_findings import merge_by_statement, shared_positions
from passrole_checks.scan.missing_content import findings_without_content, unreadable_files
from passrole_checks.scan.missing_sources import dependent_policies
from passrole_checks.scan.removable_limits import with_removable_limits
from passrole_checks.scan.result import Analysis, DependentPolicy, LocatedGrant, ScanOptions
from passrole_checks.scan.run_checks import CheckVerdict, OnFault, verdicts_of
from passrole_checks.scan.verdicts_alone import without_surroundings
from passrole_checks.sources.model.configuration import (
    EVERY_RESOURCE,
    AttachedPolicy,
    Configuration,
    ManagedAttachment,
    NoteKind,
    PolicyKind,
    Suppression,
    Unreadable,
    faults_in,
)

_MOST_SECONDS = 300.0  # of processor time, for a configuration whose source sets no limit

_CheckFilter = Callable[[type[Check]], bool]

UNKNOWN_POLICY = ": policy not found, its permissions are unknown"
"""End of the note on an attached managed policy whose content is unknown."""


@dataclass(frozen=True, slots=True)
class AnalyzedConfiguration:
    """A configuration with its access model, its grants and its findings.

    ``variant_findings``: one for each policy, statement and variant, with suppressions applied; ``findings``: those
    merged by cause. ``without_content``: files that statements need and that cannot be read. ``notes``: what limits the
    result without failing it. ``dependents``: as in :class:`Analysis`. ``out_of_time``: the rest was not analyzed.
    """

    model: AccessModel
    options: ScanOptions
    variant_findings: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    grants: tuple[LocatedGrant, ...]
    unreadable: tuple[Unreadable, ...]
    without_content: tuple[Unreadable, ...]
    notes: tuple[Unreadable, ...]
    dependents: tuple[DependentPolicy, ...]
    unused_suppressions: tuple[Suppression, ...]
    out_of_time: bool

    @property
    def configuration(self) -> Configuration:
        """The configuration as its source returned it, with its context."""
        return self.model.configuration

    @property
    def statements(self) -> tuple[LocatedGrant, ...]:
        """The widest variant of each statement."""
        return widest_of_each_statement(self.grants)

    @property
    def analysis(self) -> Analysis:
        """The results as plain data."""
        return Analysis(
            self.findings,
            self.grants,
            (*self.unreadable, *self.without_content),
            (*self.configuration.notes.not_evaluated, *self.notes),
            self.unused_suppressions,
            self.configuration.files,
            self.dependents,
            self.out_of_time,
        )


def analyze(
    configuration: Configuration, options: ScanOptions, *, with_severity: bool = True, is_reversed: bool = False
) -> AnalyzedConfiguration:
    """Run the requested checks on all policies of a configuration, within its limit of time.

    A fault of this package in one policy or check is in ``unreadable``, and costs none of the other findings.
    ``with_severity``: as in :func:`verdicts_of`. ``is_reversed``: the configuration is a change of a newer version
    to an older one.
    """
    drifted = account_drift(configuration, options)
    configuration, notes = with_account_details(configuration, options)
    model = AccessModel(configuration, options.account, is_reversed=is_reversed)
    run = _Run(model, options, with_severity)
    run.notes.extend((*notes, *drifted))
    seconds = configuration.seconds_left if configuration.seconds_left is not None else _MOST_SECONDS
    with deadline.limited(seconds) as limit:
        try:
            for policy, includes in _policies_to_check(model, options):
                if limit.is_over:
                    raise deadline.OutOfTimeError
                run.add(policy, includes)
            if any(check.needs_all_policies and options.runs(check) for check in ALL):
                run.notes.extend(map(unknown_policy_note, model.principals.unknown))
        except deadline.OutOfTimeError:
            run.out_of_time = True
            run.unreadable.append(_not_analyzed(configuration, run.policy))
    return run.result()


def _policies_to_check(model: AccessModel, options: ScanOptions) -> Iterator[tuple[AttachedPolicy, _CheckFilter]]:
    """Yield the policies of a configuration, those that its change affects, and attached AWS managed policies."""
    configuration = model.configuration
    for policy in configuration.policies:
        yield policy, _all_checks
    changed_holders = {holder for policy in configuration.policies for holder in policy.principals}
    compares = _compares(options)
    for policy in configuration.change.unchanged:
        includes = _checks_of_unchanged(model, policy, changed_holders, compares)
        if includes is not None:
            yield policy, includes
    for policy in model.principals.managed:
        yield policy, _all_checks


def _all_checks(check: type[Check]) -> bool:
    return True


def _checks_of_unchanged(
    model: AccessModel, policy: AttachedPolicy, changed_holders: set[str], compares: bool
) -> _CheckFilter | None:
    """Return the checks that a change concerns in a policy that it leaves as it is; None for none.

    The change may remove a Deny, add a user to a group, or give a holder of the policy another policy.
    """
    change = model.change if compares else None
    is_widened = change is not None and (change.removes_denial(policy) or change.adds_group_member(policy))
    has_more = not changed_holders.isdisjoint(policy.principals)
    if not is_widened and not has_more:
        return None
    return lambda check: (check.compares_versions and is_widened) or (check.needs_all_policies and has_more)


def _compares(options: ScanOptions) -> bool:
    return any(check.compares_versions and options.runs(check) for check in ALL)


@dataclass
class _Run:
    """The results of one analysis so far."""

    model: AccessModel
    options: ScanOptions
    with_severity: bool
    policy: AttachedPolicy | None = None  # the one under analysis
    found: list[Finding] = field(default_factory=list)
    grants: list[LocatedGrant] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    notes: list[Unreadable] = field(default_factory=list)
    dependents: list[DependentPolicy] = field(default_factory=list)
    without_content: list[Finding] = field(default_factory=list)  # see `missing_content`
    shared: set[Position] = field(default_factory=set)  # positions of more than one statement of a document
    out_of_time: bool = False

    def __post_init__(self) -> None:
        configuration = self.model.configuration
        self.unreadable.extend(configuration.notes.unreadable)
        self.notes.extend(too_long(configuration.policies))
        self._own = {id(policy) for policy in configuration.policies}
        self._with_change = _compares(self.options)
        self._alone = tuple(without_surroundings(self.model))

    def add(self, policy: AttachedPolicy, includes: _CheckFilter) -> None:
        """Add the grants of a policy to the inventory, and the findings of the checks that are included."""
        self.policy = policy
        try:
            is_checked = policy.kind is PolicyKind.IDENTITY or id(policy) not in self._own
            contexts = list(contexts_of(self.model, policy, with_change=self._with_change)) if is_checked else []
            if id(policy) in self._own or policy.managed:
                self._add_grants(policy, contexts)
                self.notes.extend(denied_notes(contexts))
            missing = self._add_dependents(policy, contexts)
            self._add_findings(policy, contexts, includes, missing)
            for context in contexts:
                self.without_content += findings_without_content(context, self._fault_of(context))
        except Exception as error:
            self.unreadable.append(_fault_in(policy, error))

    def _add_grants(self, policy: AttachedPolicy, contexts: Sequence[GrantContext]) -> None:
        document = self.model.document(policy)
        self.shared.update(shared_positions((one.at, one.path, one.identity) for one in document.statements))
        grants = [context.grant for context in contexts] or self.model.grants(policy)
        self.grants.extend(located_grants(self.model, policy, grants, self.notes))
        if policy.kind is PolicyKind.IDENTITY and not policy.managed:
            self.unreadable.extend(unreadable_in(policy, document))

    def _add_dependents(self, policy: AttachedPolicy, contexts: Sequence[GrantContext]) -> tuple[str, ...]:
        """Return the subjects of what is missing if nothing is known of a policy without it, and add the policy."""
        grants = [context.grant for context in contexts]
        found = dependent_policies(self.model.configuration, policy, grants) if grants else ()
        self.dependents.extend(found)
        return tuple(dependent.subject for dependent in found)

    def _verdicts(self, policy: AttachedPolicy, contexts: Sequence[GrantContext]) -> Iterator[CheckVerdict]:
        """Yield the verdicts on the grants of a policy, adjusted if a holder can remove a limit of it."""
        found = [verdict for context in contexts for verdict in self._verdicts_on(context)]
        if any(holder.removable for context in contexts for holder in context.holders):
            limited = contexts_of(self.model.as_deployed, policy, with_change=self._with_change)
            found = with_removable_limits(found, [one for context in limited for one in self._verdicts_on(context)])
        return iter(found)

    def _verdicts_on(self, context: GrantContext) -> Sequence[CheckVerdict]:
        on_fault = self._fault_of(context)
        verdicts = list(verdicts_of(context, self.options, on_fault, with_severity=self.with_severity))
        checks = [check for check in ALL if check.needs_all_policies and self.options.runs(check)]
        for alone in self._alone:
            verdicts += alone.left(context, verdicts, checks, on_fault)
        return verdicts

    def _add_findings(
        self, policy: AttachedPolicy, contexts: Sequence[GrantContext], includes: _CheckFilter, missing: tuple[str, ...]
    ) -> None:
        for item in self._verdicts(policy, contexts):
            if includes(item.check):
                finding = finding_of(item)
                is_unresolved = missing and item.check is UnresolvedScope
                self.found.append(
                    replace(finding, details=replace(finding.details, missing=missing)) if is_unresolved else finding
                )

    def _fault_of(self, context: GrantContext) -> OnFault:
        def on_fault(check: type[Check], error: Exception) -> None:
            self.unreadable.append(_fault_in(context.policy, error, check.id))

        return on_fault

    def result(self) -> AnalyzedConfiguration:
        """Apply suppressions, and merge findings of one cause."""
        own = self.model.configuration.notes.suppressions
        marked, used = suppressions.apply(self.found, own)
        if not self.options.missing_as_findings:
            marked = [finding for finding in marked if not finding.details.missing or finding.suppressed is not None]
        is_complete = not self.out_of_time and not faults_in(self.unreadable)  # else findings may be missing
        ran = {check.id for check in ALL if self.options.runs(check)} if is_complete else set()
        return AnalyzedConfiguration(
            self.model,
            self.options,
            tuple(marked),
            tuple(merge_by_statement(marked, self.shared)),
            tuple(self.grants),
            tuple(self.unreadable),
            tuple(unreadable_files(self.without_content, own)),
            tuple(self.notes),
            tuple(self.dependents),
            tuple(suppressions.unused(own, used, ran)),
            self.out_of_time,
        )


def unknown_policy_note(attachment: ManagedAttachment) -> Unreadable:
    """Return the note on an attached managed policy whose content is unknown; its subject is the policy."""
    policy = attachment.policy
    reason = f"{shortened(str(policy))}, attached to {attachment.holder}{UNKNOWN_POLICY}"
    at = attachment.at
    return Unreadable(at.file, reason, at.line, f"policy {policy}", kind=NoteKind.DEFINED_ELSEWHERE)


def _not_analyzed(configuration: Configuration, policy: AttachedPolicy | None) -> Unreadable:
    """Return the entry for a policy that ran out of time, and all that follow it."""
    if policy is None:
        file = configuration.files[0] if configuration.files else ""
        return Unreadable(file, "analysis stopped: time limit reached", resource=EVERY_RESOURCE)
    at = policy.resource.at
    reason = f"analysis stopped at {policy.resource.address}: time limit reached; later policies were not checked"
    return Unreadable(at.file, reason, at.line, resource=EVERY_RESOURCE)


def _fault_in(policy: AttachedPolicy, error: Exception, check: str = "") -> Unreadable:
    at, address = policy.resource.at, policy.resource.address
    return Unreadable(at.file, internal_error(error, f"{address}: {check}" if check else address), at.line, fault=True)


def unreadable_in(policy: AttachedPolicy, document: PolicyDocument) -> Iterator[Unreadable]:
    """Yield an entry for each error in the document of a policy."""
    for problem in document.problems:
        address = policy.resource.address
        yield Unreadable(problem.at.file, f"{address}: {problem.reason}", problem.at.line, resource=address)


def unreadable_of(configuration: Configuration) -> Iterator[Unreadable]:
    """Yield what a scan of a configuration reports as unreadable: its own entries, and errors in its policies."""
    yield from configuration.notes.unreadable
    documents: dict[int, PolicyDocument] = {}
    for policy in configuration.policies:
        if policy.kind is PolicyKind.IDENTITY:
            try:
                document = documents.get(id(policy.document))
                if document is None:
                    document = documents[id(policy.document)] = parse_document(policy.document)
                yield from unreadable_in(policy, document)
            except Exception as error:
                yield _fault_in(policy, error)
