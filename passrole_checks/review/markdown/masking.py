"""A report without the ids of accounts, for pull requests that more people read than should know them.

Source: AWS Account Management Reference Guide, "View AWS account identifiers": an account id has twelve digits, and is
no secret, though AWS asks for care with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from passrole_checks.review.report import (
    Fixed,
    GrantedAccess,
    Item,
    Less,
    More,
    Remark,
    Replacement,
    ReportNote,
    ReviewReport,
)

_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])[0-9]{12}(?![0-9A-Za-z])")


def masked(report: ReviewReport) -> ReviewReport:
    """The same report with each account id written as ACCOUNT-1, ACCOUNT-2, …, equal ones alike.

    Left as they are: paths, since links are made of them, and the text of replacements, which are lines of the change
    itself and have to be right. The old lines of one are left out where they hold an id.
    """
    numbers: dict[str, int] = {}

    def numbered(found: re.Match[str]) -> str:
        return f"ACCOUNT-{numbers.setdefault(found[0], len(numbers) + 1)}"

    return _masked(report, lambda text: _ACCOUNT.sub(numbered, text))


Mask = Callable[[str], str]


def _masked(report: ReviewReport, mask: Mask) -> ReviewReport:
    return replace(
        report,
        items=tuple(_item(item, mask) for item in report.items),
        fixed=tuple(_fixed(one, mask) for one in report.fixed),
        less=tuple(_less(one, mask) for one in report.less),
        more=tuple(_more(one, mask) for one in report.more),
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


def _replacement(one: Replacement, mask: Mask) -> Replacement:
    return replace(one, says=mask(one.says), old=one.old if mask(one.old) == one.old else "")


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


def _fixed(one: Fixed, mask: Mask) -> Fixed:
    return replace(one, resource=mask(one.resource))


def _less(one: Less, mask: Mask) -> Less:
    return replace(
        one,
        resource=mask(one.resource),
        sid=mask(one.sid),
        before=_access(one.before, mask),
        after=_access(one.after, mask) if one.after is not None else None,
    )


def _more(one: More, mask: Mask) -> More:
    return replace(
        one,
        resource=mask(one.resource),
        sid=mask(one.sid),
        access=_access(one.access, mask),
        before=_access(one.before, mask) if one.before is not None else None,
    )


def _notes(notes: tuple[ReportNote, ...], mask: Mask) -> tuple[ReportNote, ...]:
    return tuple(replace(note, reason=mask(note.reason)) for note in notes)
