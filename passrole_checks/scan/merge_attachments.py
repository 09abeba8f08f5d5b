"""Merge findings of one cause at several positions: an AWS managed policy, or everything, that many principals with
equal users have.

For text, Markdown and JSON of the command line only, once suppressions and a baseline have been applied: a new
attachment then still counts, and hosts, editors, reviews and code scanning keep one finding for each position.
"""

from __future__ import annotations

import os.path
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.findings import Finding

_ESCALATION = "PASSROLE_008"


def merge_attachments(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings in order; of those with an equal cause and verdict the first, with the principals and uses of
    all of them."""
    groups: dict[Hashable, list[Finding]] = {}
    for number, finding in enumerate(findings):
        verdict = (finding.check_id, finding.severity, finding.confidence, finding.suppressed is None)
        says = finding.when if finding.check_id == _ESCALATION else _predicate(finding)  # it names roles as examples
        key = (finding.cause, finding.framework, *verdict, says) if finding.cause else number
        groups.setdefault(key, []).append(finding)
    return tuple(_merge(group) if len(group) > 1 else group[0] for group in groups.values())


def _merge(group: Sequence[Finding]) -> Finding:
    """Return the findings of one cause as one. Resources of one name in several files have the file in their use."""
    first = group[0]
    who = tuple(dict.fromkeys(name for finding in group for name in finding.who))
    folder = os.path.commonpath([os.path.dirname(one.at.file) for one in group])
    files = {one.at.file: os.path.relpath(one.at.file, folder or ".").replace(os.sep, "/") for one in group}
    uses: dict[str, str] = {}
    for finding in group:
        file = finding.at.file
        for use in finding.uses:
            if uses.setdefault(use, file) != file:
                uses[f"{use} in {files[file]}"] = file
    places = dict.fromkeys(f"{files[one.at.file]}:{one.at.line}" for one in group if one.at.file != first.at.file)
    elsewhere = f" Also in {listed(list(places))}." if places else ""
    return replace(
        first,
        message=f"{_subject(who)}{_predicate(first)}{elsewhere}",
        uses=tuple(uses),
        principals=tuple(dict.fromkeys(name for finding in group for name in finding.principals)),
        who=who,
    )


def _predicate(finding: Finding) -> str:
    """Return the message without the principals at its beginning."""
    return finding.message.removeprefix(_subject(finding.who))


def _subject(who: Sequence[str]) -> str:
    return listed([shortened(name) for name in who])
