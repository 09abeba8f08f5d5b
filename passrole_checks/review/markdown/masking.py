"""Mask account ids in a report, for pull requests with readers who should not know them.

Source: AWS Account Management Reference Guide, "View AWS account identifiers": account ids have twelve digits and are
not secret, though AWS recommends to share them with care.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.review.report import Replacement, ReviewReport

_ACCOUNT = lazy_regex(r"(?<![0-9A-Za-z])[0-9]{12}(?![0-9A-Za-z])")
_MASKED_FIELDS = frozenset({
    "resource", "uses", "sid", "message", "remediation", "principals", "roles", "services", "conditions", "says",
    "advice", "reason", "when", "trusted",
})  # fmt: skip


def mask_accounts(report: ReviewReport) -> ReviewReport:
    """Return the report with each account id replaced by ACCOUNT-1, ACCOUNT-2, …, consistently.

    Paths keep them, since links are built from paths, and so does the text of replacements, which must be exact. Old
    lines of a replacement that contain an id are removed.
    """
    numbers: dict[str, int] = {}

    def placeholder(match: re.Match[str]) -> str:
        return f"ACCOUNT-{numbers.setdefault(match[0], len(numbers) + 1)}"

    masked: ReviewReport = _masked(report, lambda text: _ACCOUNT.sub(placeholder, text))
    return masked


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    """Mask the fields :data:`_MASKED_FIELDS` of a dataclass and of the dataclasses in it."""
    if isinstance(value, tuple):
        return tuple(_masked(element, mask) for element in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changes: dict[str, Any] = {}
    for field in fields(value):
        content = getattr(value, field.name)
        if field.name not in _MASKED_FIELDS:
            changes[field.name] = _masked(content, mask)
        else:
            changes[field.name] = tuple(map(mask, content)) if isinstance(content, tuple) else mask(content)
    if isinstance(value, Replacement) and mask(value.old) != value.old:
        changes["old"] = ""
    return replace(value, **changes)
