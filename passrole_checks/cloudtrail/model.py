"""What the evidence is made of: passes of roles, one for each role that an event gives to a service, and what was
read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum


class RequestOutcome(str, Enum):
    """What became of a request. `PASSED`: it was answered without an error. `DENIED`: IAM did not allow it, and the
    error names iam:PassRole, or does not say which permission was missing. `FAILED`: it ended in another error, or
    lacked a permission other than iam:PassRole."""

    PASSED = "passed"
    DENIED = "denied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Who:
    """Who made a request (CloudTrail User Guide, "CloudTrail userIdentity element").

    `principal` is whom policies are attached to: the user, or the role of the session; a service where AWS itself
    called. `arn` is the identity as the event has it, with the name of the session. `session_issuer` is the role or
    user that the session's credentials came from, `source_identity` the name that was set when the session began,
    `invoked_by` the service that made the request on somebody's behalf. Empty where the event does not tell.
    """

    principal: str
    type: str = ""
    arn: str = ""
    session_issuer: str = ""
    source_identity: str = ""
    invoked_by: str = ""


@dataclass(frozen=True, slots=True)
class Pass:
    """A role that a request passed to a service, or tried to.

    `role` is its ARN, or its name where only that is in the log: a path may belong before it. It is empty where an
    instance profile was given whose role the logs do not show; `instance_profile` is then all that is known.
    `launch_template` is the id or name of the one that the profile came from. `services` are the values of
    ``iam:PassedToService``: of several, any may be meant; none is known where only the error names the role. `service`
    is the ``eventSource``, `event` the ``eventName`` without a version, `action` what IAM allows with it. `time` is ISO
    8601 in UTC, as CloudTrail writes it. `resource` is the ARN, name or id of what receives the role. `file`: where it
    stands.
    """

    event_id: str
    time: str
    who: Who
    role: str
    services: tuple[str, ...]
    service: str
    event: str
    action: str
    outcome: RequestOutcome
    instance_profile: str = ""
    launch_template: str = ""
    resource: str = ""
    region: str = ""
    account: str = ""
    source_ip: str = ""
    error_code: str = ""
    file: str = ""

    @property
    def passed(self) -> str:
        """What was passed: the role, else the instance profile."""
        return self.role or self.instance_profile


@dataclass(frozen=True, slots=True)
class UnreadableLog:
    """A file that could not be read to its end, or not at all; `reason` is a phrase for people. What was read of it
    before counts. `fault`: this package itself failed on an event of it."""

    file: str
    reason: str
    fault: bool = False


@dataclass(slots=True)
class LogSummary:
    """What was read, counted. `others` are files that are no logs of events, by what they are; `duplicates` events that
    pass roles and were delivered more than once; `no_parameters` events that may have passed a role, without the
    parameters that would tell it, `no_role` those without one; `abroad` roles of other accounts, which cannot be
    passed; `first` and `last` the times of the events that were looked at."""

    files: int = 0
    events: int = 0
    duplicates: int = 0
    no_parameters: int = 0
    denied_without_role: int = 0
    no_role: int = 0
    abroad: int = 0
    first: str = ""
    last: str = ""
    problems: list[UnreadableLog] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    not_logs: list[str] = field(default_factory=list)
