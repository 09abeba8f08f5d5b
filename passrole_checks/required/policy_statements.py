"""Statements that are to be written, with what has to be filled in, and the policies that hold them.

Source: IAM User Guide, "IAM and AWS STS quotas": a managed policy has at most 6,144 characters, white space not
counted, and a user or a role at most 10 of them, unless that quota is raised.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

MAX_LENGTH = 6_144
MAX_ATTACHED = 10

_ROOM = 300  # for the outline of a document with the statement that reads roles
_OUTLINE = 150  # of a statement that passes roles, without its name and services
_READ = "ReadPassedRoles"
_LENGTHS = {True: 128, False: 64}  # of a whole ARN that is not known, and of a part of one


@dataclass(frozen=True, slots=True)
class Blank:
    """A part of an ARN that has to be filled in. ``words`` are those that its name is made of; ``about`` says what it
    stands for, and ``file`` where, if there is more than one place that it could be of."""

    words: tuple[str, ...]
    about: str = ""
    file: str = ""


ACCOUNT = Blank(("AWS", "AccountId"), "the account")
PARTITION = Blank(("AWS", "Partition"), "the partition")

Pattern = tuple[str | Blank, ...]


@dataclass(frozen=True, slots=True)
class RequiredStatement:
    """An Allow statement. ``services``: the values of ``iam:PassedToService``, none where there is no condition."""

    sid: str
    action: str
    resources: tuple[Pattern, ...]
    services: tuple[str, ...] = ()


Policy = tuple[RequiredStatement, ...]


def in_policies(passing: Sequence[RequiredStatement]) -> tuple[Policy, ...]:
    """The statements that pass roles in as few policies as their order allows, none longer than a managed policy may
    be, each with a statement that lets the same roles be read. Names that come again end in a number."""
    found: list[_Open] = []
    for number, statement in enumerate(passing):
        outline = len(json.dumps([statement.sid, statement.services])) + _OUTLINE
        for pattern in statement.resources:
            length = _length_of(pattern) + len('"",')
            last = found[-1] if found else _Open(left=0)
            needed = (length if pattern in last.read else 2 * length) + (0 if number in last.passed else outline)
            if last.left < needed:
                last, needed = _Open(), 2 * length + outline
                found.append(last)
            last.left -= needed
            last.passed.setdefault(number, []).append(pattern)
            last.read[pattern] = None
    return tuple(_finished(found, passing))


@dataclass
class _Open:
    """A policy that is being filled, with the room that is left in it; ``passed`` by the number of the statement."""

    passed: dict[int, list[Pattern]] = field(default_factory=dict)
    read: dict[Pattern, None] = field(default_factory=dict)
    left: int = MAX_LENGTH - _ROOM


def _finished(found: Sequence[_Open], passing: Sequence[RequiredStatement]) -> Iterator[Policy]:
    seen = Counter[str]()
    for policy in found:
        statements = [replace(passing[number], resources=tuple(each)) for number, each in policy.passed.items()]
        named: list[RequiredStatement] = []
        for one in (*statements, RequiredStatement(_READ, "iam:GetRole", in_order(policy.read))):
            seen[one.sid] += 1
            named.append(replace(one, sid=f"{one.sid}{seen[one.sid]}") if seen[one.sid] > 1 else one)
        yield tuple(named)


def in_order(patterns: Iterable[Pattern]) -> tuple[Pattern, ...]:
    """In the order of their words, those that are wholly blank behind."""

    def key(pattern: Pattern) -> tuple[bool, str]:
        words = "".join(part if isinstance(part, str) else camel(part) for part in pattern)
        return len(pattern) == 1 and isinstance(pattern[0], Blank), words

    return tuple(sorted(patterns, key=key))


def _length_of(pattern: Pattern) -> int:
    """The length of an ARN; of what is not known an estimate on the safe side (a role's name has at most 64)."""
    return sum(len(part) if isinstance(part, str) else _length_filled(part, len(pattern) == 1) for part in pattern)


def _length_filled(blank: Blank, whole: bool) -> int:
    if blank == ACCOUNT:
        return 12
    return len("aws-us-gov") if blank == PARTITION else _LENGTHS[whole]


def camel(blank: Blank) -> str:
    """A blank's name in CloudFormation: ``AWS::AccountId`` for the account, else letters and digits."""
    if blank in (ACCOUNT, PARTITION):
        return "::".join(blank.words)
    return "".join(word[:1].upper() + word[1:] for word in blank.words)


def snake(blank: Blank) -> str:
    """A blank's name in Terraform."""
    return "_".join(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word) for word in blank.words).lower()
