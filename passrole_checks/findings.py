"""What a check says, and how bad and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from passrole_checks.iam.outcomes import When
from passrole_checks.iam.values import Position
from passrole_checks.sources.resource import Framework, ResourceDefinition, Suppression

if TYPE_CHECKING:
    from passrole_checks.iam.passing.passrole import PassRoleGrant


class _Ordered(str, Enum):
    """Members in ascending order, comparable with ``rank``."""

    rank: int

    def __init__(self, _: str) -> None:
        self.rank = len(type(self).__members__)


class Severity(_Ordered):
    """How much it matters; the order is that of the members."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Confidence(_Ordered):
    """How sure it is; low is what cannot be told before deployment."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check says of one grant: ``message`` (what is wrong and why it matters) and ``remediation`` (what to
    write instead), both whole sentences in plain words.

    ``who``: the principals that it holds for, where it is about them and not about the statement alone. The message
    then begins with the verb that they are put before ("can act as …"). ``when``: facts under which it holds, beside
    those of the grant.
    """

    severity: Severity
    message: str
    remediation: str
    confidence: Confidence = Confidence.HIGH
    who: tuple[str, ...] = ()
    when: When = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict at its place, as the command line, the hosts and every output format carry it.

    ``at`` is the statement; ``resource`` the first resource that uses it and ``uses`` the addresses of all of them.
    ``suppressed`` is the suppression that silences it, if any: such findings are kept, and shown only to who asks.
    ``gainers``: of a finding about a change, those of ``principals`` that get what they did not have. ``who``: of a
    finding about principals, those that it holds for, before they are put into ``message``. ``managed``: the name of
    the AWS managed policy that the statement stands in, if it does; ``at`` is then where that is attached.
    """

    check_id: str
    name: str
    severity: Severity
    confidence: Confidence
    message: str
    remediation: str
    at: Position
    framework: Framework
    resource: ResourceDefinition
    uses: tuple[str, ...]
    statement_path: str
    sid: str | None
    principals: tuple[str, ...]
    grant: PassRoleGrant | None
    fingerprint: str
    suppressed: Suppression | None = None
    gainers: tuple[str, ...] = ()
    who: tuple[str, ...] = ()
    managed: str = ""
