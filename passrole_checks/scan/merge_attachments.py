"""Merge findings of one cause at several positions: an AWS managed policy, or everything, that many principals with
equal users have, and changes of roles by one principal that passes them by several statements.

For text and Markdown of the command line only, once suppressions and a baseline have been applied: a new attachment
then still counts, and machine formats, hosts, editors and reviews keep one finding for each position.
"""

from __future__ import annotations

import os.path
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.findings import Finding
from passrole_checks.scan.condition_words import when_in_words

_ESCALATION, _SELF_PASS = "PASSROLE_008", "PASSROLE_016"


def merge_attachments(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings in order; of those with an equal cause and verdict the first, with the principals and uses of
    all of them."""
    groups: dict[Hashable, list[Finding]] = {}
    for number, finding in enumerate(findings):
        groups.setdefault(cause_of_attachment(finding) or number, []).append(finding)
    return tuple(_merge(group) if len(group) > 1 else group[0] for group in groups.values())


def cause_of_attachment(finding: Finding) -> Hashable:
    """Return a key that findings of one cause at several positions share; None if there is no such cause."""
    if not finding.cause:
        return None
    verdict = (finding.check_id, finding.severity, finding.confidence, finding.suppressed is None)
    names_roles = finding.check_id in (_ESCALATION, _SELF_PASS)  # as examples, or those of each statement
    says = finding.when if names_roles else _in_any_case(finding)
    return finding.cause, finding.framework, *verdict, says


def _merge(group: Sequence[Finding]) -> Finding:
    """Return the findings of one cause as one. Resources of one name in several files have the file in their use."""
    first = group[0]
    who = tuple(dict.fromkeys(name for finding in group for name in finding.who))
    files = _below_common_folder([finding.at.file for finding in group])
    uses: dict[str, str] = {}
    for finding in group:
        file = finding.at.file
        for use in finding.uses:
            if uses.setdefault(use, file) != file:
                uses[f"{use} in {files[file]}"] = file
    is_apart = first.check_id == _SELF_PASS  # statements, each with its roles
    others = [one.at for one in group if one.at.file != first.at.file or (is_apart and one.at.line != first.at.line)]
    places = dict.fromkeys(f"{files[at.file]}:{at.line}" for at in others)
    elsewhere = (
        f" {'The same holds for the roles' if is_apart else 'Also'} in {listed(list(places))}." if places else ""
    )
    conditions = dict.fromkeys(map(_circumstance, group))
    words = (
        _predicate(first) if len(conditions) == 1 else f"{_in_any_case(first)} Applies under conditions that differ."
    )
    return replace(
        first,
        message=f"{_subject(who)}{words}{elsewhere}",
        when=tuple(dict.fromkeys(when for one in group for when in one.when)) if all(one.when for one in group) else (),
        uses=tuple(uses),
        principals=tuple(dict.fromkeys(name for finding in group for name in finding.principals)),
        who=who,
    )


def _below_common_folder(files: Sequence[str]) -> dict[str, str]:
    """Return files as they are named below the folder that they have in common, if they have one."""
    try:
        folder = os.path.commonpath([os.path.dirname(file) for file in files])
    except ValueError:  # several drives; absolute and relative paths
        return {file: file for file in files}
    return {file: file.removeprefix(folder).lstrip("/" + os.sep).replace(os.sep, "/") for file in files}


def _predicate(finding: Finding) -> str:
    """Return the message without the principals at its beginning."""
    return finding.message.removeprefix(_subject(finding.who))


def _in_any_case(finding: Finding) -> str:
    """Return the predicate without the sentence on path conditions."""
    return _predicate(finding).replace(_circumstance(finding), "")


def _circumstance(finding: Finding) -> str:
    """Return the sentence on the path conditions of a finding; "" if it always applies."""
    words = when_in_words([finding.grant.statement.when]) if finding.grant is not None else ""
    return f" Applies {words}." if words else ""


def _subject(who: Sequence[str]) -> str:
    return listed([shortened(name) for name in who])
