"""Statements to be written, with placeholders to fill in, packed into policies.

Source: IAM User Guide, "IAM and AWS STS quotas": a managed policy has at most 6,144 characters, white space not
counted, and a user or a role at most 10 of them, unless that quota is raised.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace

from passrole_checks.access.policy_quotas import MOST_MANAGED
from passrole_checks.iam.fast_dataclass import dataclass

MAX_ATTACHED = 10

_DOCUMENT_LENGTH = 300  # characters of a document around its PassRole statements, including the one that reads roles
_STATEMENT_LENGTH = 150  # characters of a PassRole statement without its Sid and services
_READ_SID = "ReadPassedRoles"


@dataclass(frozen=True, slots=True)
class Blank:
    """A placeholder in an ARN. ``words``: the words of its name; ``description``: what to fill in; ``file``: where it
    is used, if more than one configuration could define it.
    """

    words: tuple[str, ...]
    description: str = ""
    file: str = ""


ACCOUNT = Blank(("AWS", "AccountId"), "the account")
PARTITION = Blank(("AWS", "Partition"), "the partition")

Pattern = tuple[str | Blank, ...]


@dataclass(frozen=True, slots=True)
class RequiredStatement:
    """An Allow statement. ``services``: the values of ``iam:PassedToService``; empty if there is no condition."""

    sid: str
    action: str
    resources: tuple[Pattern, ...]
    services: tuple[str, ...] = ()


Policy = tuple[RequiredStatement, ...]


def pack_into_policies(passing: Sequence[RequiredStatement]) -> tuple[Policy, ...]:
    """Pack PassRole statements into as few policies as their order allows, each within the length of a managed policy.

    Each policy also gets a statement that allows reading the same roles. Repeated Sids get a number.
    """
    drafts: list[_PolicyDraft] = []
    for number, statement in enumerate(passing):
        outline = len(json.dumps([statement.sid, statement.services])) + _STATEMENT_LENGTH
        for pattern in statement.resources:
            length = _estimated_length(pattern) + len('"",')
            draft = drafts[-1] if drafts else _PolicyDraft(remaining=0)
            needed = (length if pattern in draft.read else 2 * length) + (
                0 if number in draft.passrole_patterns else outline
            )
            if draft.remaining < needed:
                draft, needed = _PolicyDraft(), 2 * length + outline
                drafts.append(draft)
            draft.remaining -= needed
            draft.passrole_patterns.setdefault(number, []).append(pattern)
            draft.read[pattern] = None
    return tuple(_with_unique_sids(drafts, passing))


@dataclass
class _PolicyDraft:
    """A policy being filled, with the characters that remain; ``passrole_patterns`` by the number of the statement."""

    passrole_patterns: dict[int, list[Pattern]] = field(default_factory=dict)
    read: dict[Pattern, None] = field(default_factory=dict)
    remaining: int = MOST_MANAGED - _DOCUMENT_LENGTH


def _with_unique_sids(drafts: Sequence[_PolicyDraft], passing: Sequence[RequiredStatement]) -> Iterator[Policy]:
    seen = Counter[str]()
    for policy in drafts:
        statements = [
            replace(passing[number], resources=tuple(each)) for number, each in policy.passrole_patterns.items()
        ]
        named: list[RequiredStatement] = []
        for one in (*statements, RequiredStatement(_READ_SID, "iam:GetRole", sort_patterns(policy.read))):
            seen[one.sid] += 1
            named.append(replace(one, sid=f"{one.sid}{seen[one.sid]}") if seen[one.sid] > 1 else one)
        yield tuple(named)


def sort_patterns(patterns: Iterable[Pattern]) -> tuple[Pattern, ...]:
    """Sort patterns by their text; patterns that are one placeholder come first."""

    def key(pattern: Pattern) -> tuple[bool, str]:
        words = "".join(part if isinstance(part, str) else cloudformation_name(part) for part in pattern)
        return len(pattern) == 1 and isinstance(pattern[0], Blank), words

    return tuple(sorted(patterns, key=key))


def _estimated_length(pattern: Pattern) -> int:
    """Return the length of an ARN; unresolved parts are estimated upwards (a role name has at most 64 characters)."""
    lengths, other = {ACCOUNT: 12, PARTITION: len("aws-us-gov")}, 128 if len(pattern) == 1 else 64
    return sum(len(part) if isinstance(part, str) else lengths.get(part, other) for part in pattern)


def cloudformation_name(blank: Blank) -> str:
    """Return the name of a placeholder in CloudFormation: ``AWS::AccountId`` or letters and digits."""
    if blank in (ACCOUNT, PARTITION):
        return "::".join(blank.words)
    return "".join(word[:1].upper() + word[1:] for word in blank.words)


def terraform_name(blank: Blank) -> str:
    """Return the name of a placeholder in Terraform."""
    return "_".join(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word) for word in blank.words).lower()
