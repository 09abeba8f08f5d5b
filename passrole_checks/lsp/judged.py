"""Judge a scope, and answer about it: related places, statements, suggestions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field, replace

from passrole_checks.access.access_model import AccessModel
from passrole_checks.access.role_consumers import ASSUMED
from passrole_checks.escaping.shorten import listed
from passrole_checks.files.access_log import FileAccessLog, recording_accesses
from passrole_checks.files.gc_pause import gc_paused
from passrole_checks.findings import Finding
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Position
from passrole_checks.lsp.scopes import Scope
from passrole_checks.scan.result import ScanOptions, ScanResult
from passrole_checks.scan.scanner import ReadPaths, read_discovered, scan_read
from passrole_checks.sources.files.tree_difference import TreeDifference
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.sources.recognize import LARGEST_TEMPLATE
from passrole_checks.suggest.suggest import Session
from passrole_checks.suggest.suggestion import Suggestion

_MOST_ROLES = 3  # with related places, of one finding
_MOST_PLACES = 3  # where one role is passed


@dataclass
class Judged:
    """A scope with its result. ``accesses``: every file and folder that was read or listed for it."""

    options: ScanOptions
    read: ReadPaths
    result: ScanResult
    accesses: FileAccessLog
    _models: dict[int, AccessModel] = field(default_factory=dict)
    _suggestions: dict[tuple[Position, ...], tuple[Suggestion, ...]] = field(default_factory=dict)

    def is_changed_by(self, modified: Sequence[str], others: Sequence[str]) -> bool:
        """True if a file that was read is among those with other content, or those that appeared or vanished."""
        return TreeDifference(modified, others).concerns(self.accesses)

    def suggestions(self, findings: Sequence[Finding]) -> tuple[Suggestion, ...]:
        """Return the suggestions for statements with findings, verified in all units of the scope."""
        key = tuple(sorted({finding.at for finding in findings}, key=lambda at: (at.file, at.line, at.column)))
        if key not in self._suggestions:
            with deadline.pooled():
                self._suggestions[key] = Session(self.read, findings, self.options).suggestions
        return self._suggestions[key]

    def text(self, file: str) -> str:
        """Return the text of a file of the scope. Raises OSError, and ValueError if it is not UTF-8."""
        return self.read.boundary.read(file, LARGEST_TEMPLATE).decode("utf-8")

    def related(self, finding: Finding) -> Iterator[tuple[Position, str]]:
        """Yield places that a finding is about besides its statement: where the policy leaves the code, where roles in
        scope are trusted, and where they are passed."""
        if finding.details.handed_to is not None:
            yield finding.resource.at, f"leaves the configuration here: {finding.resource.address}"
        if finding.grant is None:
            return
        for _, configuration in self.read.units:
            if finding.at.file in configuration.files or finding.resource.at.file in configuration.files:
                yield from self._about_roles(finding, configuration)
                return

    def _about_roles(self, finding: Finding, configuration: Configuration) -> Iterator[tuple[Position, str]]:
        model = self._models.get(id(configuration))
        if model is None:
            model = self._models[id(configuration)] = AccessModel(configuration, self.options.account)
        definitions = {role.resource.address: role for role in configuration.roles}
        for address in _passable(finding, model)[:_MOST_ROLES]:
            definition, known = definitions.get(address), model.roles.get(address)
            if definition is not None and definition.trust is not None and known is not None and known.trusted:
                services = listed(sorted(known.trusted), _MOST_PLACES)
                yield definition.trust.at, f"trusted there: {address} trusts {services}"
            uses = [one for one in model.role_consumers.roles if one.role == address and one.how != ASSUMED]
            for use in uses[:_MOST_PLACES]:
                yield use.received.at, f"passed here: {use.received.resource.address} receives {address}"


def _passable(finding: Finding, model: AccessModel) -> list[str]:
    """Return the roles of the configuration that the statement lets its holders pass, those named by the finding
    first."""
    assert finding.grant is not None
    named = {reached.rpartition(" ")[2] for reached in finding.details.reaches}
    found = dict.fromkeys(role for role in model.roles if role in named)
    used = {finding.resource.address, *finding.uses}
    for policy in model.configuration.policies:
        if policy.resource.address in used:
            for holder in model.principals.of(policy):
                group = model.passable_roles.passable(model.effective_grant(policy, finding.grant, holder))
                found.update(dict.fromkeys(role.address for role in group.roles))
                if len(found) >= _MOST_ROLES:
                    return list(found)
    return list(found)


@gc_paused()
def judge(scope: Scope, options: ScanOptions) -> Judged:
    """Read and check the units of a scope. Never raises for what is in the files."""
    accesses = FileAccessLog()
    with recording_accesses(accesses), deadline.pooled():
        read = read_discovered(scope.discovery, options)
        result = scan_read(read, options)
    unread = tuple(dict.fromkeys([*read.unreadable, *result.unreadable]))
    notes = tuple(dict.fromkeys([*result.not_evaluated, *read.notes, *read.value_notes]))
    return Judged(options, read, replace(result, unreadable=unread, not_evaluated=notes), accesses)
