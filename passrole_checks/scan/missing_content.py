"""Files that policies name with ``file`` or ``templatefile`` and that have no content to analyze."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.unresolved import UnresolvedScope, open_question
from passrole_checks.escaping.shorten import shortened
from passrole_checks.files.safe_read import OUTSIDE, WITHOUT_CONTENT
from passrole_checks.findings import Finding
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.scan import suppressions
from passrole_checks.scan.build_findings import finding_of
from passrole_checks.scan.run_checks import OnFault, evaluate
from passrole_checks.sources.model.configuration import Suppression, Unreadable

# a file outside of what was given is not read on purpose: its content is an unresolved value
UNREADABLE = WITHOUT_CONTENT - {OUTSIDE}


def findings_without_content(context: GrantContext, on_fault: OnFault) -> Iterator[Finding]:
    """Yield the findings of 014 on a grant that depends on the content of a file that cannot be read, even if that
    check is not requested."""
    if _missing(context.grant, UNREADABLE):
        yield from map(finding_of, evaluate(UnresolvedScope, context, on_fault))


def unreadable_files(
    findings: Sequence[Finding], own: Sequence[Suppression] = (), reasons: Collection[str] = UNREADABLE
) -> Iterator[Unreadable]:
    """Yield the files without content, for one of ``reasons``, at the statements of findings of 014 that need them.

    A suppressed finding was reviewed by a person, who knows that the file is created later. ``own``: suppressions that
    are not applied yet.
    """
    for finding in suppressions.apply(findings, own)[0]:
        if finding.grant is None or finding.suppressed is not None:
            continue
        for file in _missing(finding.grant, reasons):
            for address in dict.fromkeys((finding.resource.address, *finding.uses)):
                yield Unreadable(finding.at.file, file, finding.at.line, resource=address)


def _missing(grant: PassRoleGrant, reasons: Collection[str]) -> tuple[str, ...]:
    """Return the files without content that a grant depends on, with the reasons."""
    question = open_question(grant)
    missing = [hole for hole in question.unresolved_parts if hole.reason in reasons] if question is not None else []
    return tuple(dict.fromkeys(f"{shortened(hole.expression)}: {hole.reason}" for hole in missing))
