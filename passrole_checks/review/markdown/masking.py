"""Mask account ids in a report, for pull requests with readers who should not know them.

Source: AWS Account Management Reference Guide, "View AWS account identifiers": account ids have twelve digits and are
not secret, though AWS recommends to share them with care.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from passrole_checks.review.report import (
    Fixed,
    GrantedAccess,
    IncreasedAccess,
    Item,
    ReducedAccess,
    Remark,
    Replacement,
    ReportNote,
    ReviewReport,
)

_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])[0-9]{12}(?![0-9A-Za-z])")


def mask_accounts(report: ReviewReport) -> ReviewReport:
    """Return the report with each account id replaced by ACCOUNT-1, ACCOUNT-2, …, consistently.

    Paths keep them, since links are built from paths, and so does the text of replacements, which must be exact. Old
    lines of a replacement that contain an id are removed.
    """
    numbers: dict[str, int] = {}

    def placeholder(match: re.Match[str]) -> str:
        return f"ACCOUNT-{numbers.setdefault(match[0], len(numbers) + 1)}"

    return _masked(report, lambda text: _ACCOUNT.sub(placeholder, text))


Mask = Callable[[str], str]


def _masked(report: ReviewReport, mask: Mask) -> ReviewReport:
    return replace(
        report,
        items=tuple(_item(item, mask) for item in report.items),
        fixed=tuple(_fixed(fixed, mask) for fixed in report.fixed),
        less=tuple(_reduced(reduced, mask) for reduced in report.less),
        more=tuple(_increased(increased, mask) for increased in report.more),
        unreadable=_notes(report.unreadable, mask),
        faults=_notes(report.faults, mask),
        not_evaluated=_notes(report.not_evaluated, mask),
        notes=_notes(report.notes, mask),
    )


def _item(item: Item, mask: Mask) -> Item:
    replacement = _replacement(item.replacement, mask) if item.replacement is not None else None
    return replace(
        item,
        resource=mask(item.resource),
        uses=tuple(map(mask, item.uses)),
        sid=mask(item.sid),
        remarks=tuple(_remark(remark, mask) for remark in item.remarks),
        access=_access(item.access, mask) if item.access is not None else None,
        before=_access(item.before, mask) if item.before is not None else None,
        replacement=replacement,
        advice=mask(item.advice),
    )


def _replacement(replacement: Replacement, mask: Mask) -> Replacement:
    old = replacement.old if mask(replacement.old) == replacement.old else ""
    return replace(replacement, says=mask(replacement.says), old=old)


def _remark(remark: Remark, mask: Mask) -> Remark:
    return replace(remark, message=mask(remark.message), remediation=mask(remark.remediation))


def _access(access: GrantedAccess, mask: Mask) -> GrantedAccess:
    return replace(
        access,
        principals=tuple(map(mask, access.principals)),
        roles=tuple(map(mask, access.roles)),
        services=tuple(map(mask, access.services)),
        conditions=tuple(map(mask, access.conditions)),
    )


def _fixed(fixed: Fixed, mask: Mask) -> Fixed:
    return replace(fixed, resource=mask(fixed.resource))


def _reduced(reduced: ReducedAccess, mask: Mask) -> ReducedAccess:
    return replace(
        reduced,
        resource=mask(reduced.resource),
        sid=mask(reduced.sid),
        before=_access(reduced.before, mask),
        after=_access(reduced.after, mask) if reduced.after is not None else None,
    )


def _increased(increased: IncreasedAccess, mask: Mask) -> IncreasedAccess:
    return replace(
        increased,
        resource=mask(increased.resource),
        sid=mask(increased.sid),
        access=_access(increased.access, mask),
        before=_access(increased.before, mask) if increased.before is not None else None,
    )


def _notes(notes: tuple[ReportNote, ...], mask: Mask) -> tuple[ReportNote, ...]:
    return tuple(replace(note, reason=mask(note.reason)) for note in notes)
