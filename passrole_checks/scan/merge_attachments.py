"""Merge findings of one cause at several positions: an AWS managed policy, or everything, that many principals with
equal users have; roles that one principal passes by several statements, and can change or start workloads with; copies
of a statement in several files or sibling folders.

For text and Markdown of the command line only, once suppressions and a baseline have been applied and the findings are
grouped: a new attachment then still counts, and machine formats, hosts, editors and reviews keep one finding for each
position.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.escaping.terminal import common_folder, path_in
from passrole_checks.findings import Finding
from passrole_checks.scan.condition_words import when_in_words
from passrole_checks.scan.merge_findings import joined
from passrole_checks.scan.statement_copies import keys_of_copies

_ESCALATION = "PASSROLE_008"
_BY_STATEMENTS = {
    _ESCALATION: "It can also start these workloads with the roles in {}.",
    "PASSROLE_016": "It can also pass and change the roles in {}.",
}


def merge_attachments(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return grouped findings in order; of those of one group, cause and verdict one, with the principals and uses of
    all of them."""
    groups: dict[Hashable, list[Finding]] = {}
    copies: dict[Hashable, dict[Hashable, None]] = {}  # the causes of findings on copies of a statement
    files: dict[Hashable, set[str]] = {}
    for finding in findings:
        cause: Hashable = (finding.group, cause_of_finding(finding))
        keys = [(finding.group, key) for key in keys_of_copies(finding)]
        known = (other for key in keys for other in copies.get(key, ()) if finding.at.file not in files[other])
        cause = next(known, cause)  # equal statements of one file are no copies of one another
        files.setdefault(cause, set()).add(finding.at.file)
        for key in keys:
            copies.setdefault(key, {})[cause] = None
        groups.setdefault(cause, []).append(finding)
    return tuple(_merge(group) if len(group) > 1 else group[0] for group in groups.values())


def cause_of_finding(finding: Finding) -> Hashable:
    """Return a key that findings of one cause at several positions share."""
    verdict = (finding.check_id, finding.severity, finding.suppressed is None, finding.framework)
    if not finding.details.cause:
        place = (finding.resource.address, finding.at.line, finding.statement_path, finding.details.managed)
        return *verdict, finding.confidence, finding.message, finding.remediation, *place
    if is_of_statements(finding):
        return finding.details.cause, *verdict
    says = finding.when if finding.check_id == _ESCALATION else _in_any_case(finding)  # as examples it names roles
    return finding.details.cause, *verdict, finding.confidence, says


def is_of_statements(finding: Finding) -> bool:
    """True if a cause is that one principal passes roles by several statements."""
    return bool(finding.details.cause) and not finding.details.managed and finding.check_id in _BY_STATEMENTS


def _merge(group: Sequence[Finding]) -> Finding:
    """Return the findings of one cause as one. Resources of one name in several files have the file in their use."""
    first = max(group, key=lambda finding: (finding.primary, finding.confidence.rank))
    who = tuple(dict.fromkeys(name for finding in group for name in finding.details.who))
    files = _below_common_folder([finding.at.file for finding in group])
    uses: dict[str, str] = {}
    for finding in group:
        file = finding.at.file
        for use in finding.uses:
            if uses.setdefault(use, file) != file:
                uses[f"{use} in {files[file]}"] = file
    is_apart = is_of_statements(first) and not _are_copies(first, group)
    others = [one.at for one in group if one.at.file != first.at.file or (is_apart and one.at.line != first.at.line)]
    places = list(dict.fromkeys(f"{files[at.file]}:{at.line}" for at in others))
    differ = len(set(map(_circumstance, group))) > 1
    if is_apart:
        where = f"{listed(places)}{', under conditions that differ' if differ else ''}"
        words, also = _predicate(first), _BY_STATEMENTS[first.check_id].format(where)
    else:
        words = f"{_in_any_case(first)} Applies under conditions that differ." if differ else _predicate(first)
        also = f"Also in {listed(places)}."
    elsewhere = f" {also}" if places else ""
    return replace(
        joined([first, *(one for one in group if one is not first)]),
        message=f"{_subject(who)}{words}{elsewhere}",
        when=tuple(dict.fromkeys(when for one in group for when in one.when)) if all(one.when for one in group) else (),
        uses=tuple(uses),
        details=replace(joined([first, *(one for one in group if one is not first)]).details, who=who),
    )


def _are_copies(first: Finding, group: Sequence[Finding]) -> bool:
    """True if all findings are about copies of the statement of the first."""
    keys = set(keys_of_copies(first))
    return all(one is first or not keys.isdisjoint(keys_of_copies(one)) for one in group)


def _below_common_folder(files: Sequence[str]) -> dict[str, str]:
    """Return files as they are named below the folder that they have in common, if they have one."""
    folder = common_folder(files)
    return {file: path_in(file, folder) for file in files}


def _predicate(finding: Finding) -> str:
    """Return the message without the principals at its beginning."""
    return finding.message.removeprefix(_subject(finding.details.who))


def _in_any_case(finding: Finding) -> str:
    """Return the predicate without the sentence on path conditions."""
    return _predicate(finding).replace(_circumstance(finding), "")


def _circumstance(finding: Finding) -> str:
    """Return the sentence on the path conditions of a finding; "" if it always applies."""
    words = when_in_words([finding.grant.statement.when]) if finding.grant is not None else ""
    return f" Applies {words}." if words else ""


def _subject(who: Sequence[str]) -> str:
    return listed([shortened(name) for name in who])
