"""Data of observed use: one `Pass` per role that an event passes to a service, and a summary of the logs."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from enum import Enum

from passrole_checks.iam.fast_dataclass import dataclass


class RequestOutcome(str, Enum):
    """Outcome of a request. `PASSED`: no error. `DENIED`: denied by IAM, and the error names iam:PassRole or no
    permission. `FAILED`: another error, or a permission other than iam:PassRole was missing.
    """

    PASSED = "passed"
    DENIED = "denied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Who:
    """The identity that made a request (CloudTrail User Guide, "CloudTrail userIdentity element").

    `principal` is what policies are attached to: the user, or the role of the session; a service if AWS itself called.
    It is ``arn:aws:sts::ACCOUNT:assumed-role/NAME`` for a role whose path no event in the logs states.
    `arn`: the identity as in the event, with the session name. `session_issuer`: the role or user that issued the
    session's credentials, `source_identity`: the name set at the start of the session, `invoked_by`: the service that
    made the request on behalf of a principal. Empty if the event does not state it.
    """

    principal: str
    type: str = ""
    arn: str = ""
    session_issuer: str = ""
    source_identity: str = ""
    invoked_by: str = ""


@dataclass(frozen=True, slots=True)
class Pass:
    """A role that a request passed to a service, or tried to pass.

    `role` is its ARN, or its name if the log has only that (a path may precede it). It is empty for an instance profile
    whose role the logs do not show; only `instance_profile` is known then. `launch_template`: id or name of the
    template that named the profile. `services`: possible values of ``iam:PassedToService``; of several, any may apply;
    empty if only the error names the role. `service` is the ``eventSource``, `event` the ``eventName`` without a
    version, `action` the IAM action that allows it. `time` is ISO 8601 in UTC, as CloudTrail writes it. `resource`: the
    ARN, name or id of what receives the role. `denied_action`: the action that the error message says was denied;
    `denied_role`: the role, if that is ``iam:PassRole`` and the message names one. `file`: the log file.
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
    denied_action: str = ""
    denied_role: str = ""
    file: str = ""

    @property
    def passed(self) -> str:
        """Return what was passed: the role, else the instance profile."""
        return self.role or self.instance_profile


@dataclass(frozen=True, slots=True)
class UnreadableLog:
    """A file that could not be read completely; events before the break count. `reason` is a phrase for the user.
    `fault`: an internal error on one of its events.
    """

    file: str
    reason: str
    fault: bool = False


@dataclass(slots=True)
class LogSummary:
    """Counts of what was read.

    `others`: files that are not logs of events, by kind; `duplicates`: events that pass roles and were delivered
    repeatedly; `no_parameters`: events that may have passed a role but lack parameters; `no_role`: those without a
    role; `abroad`: roles of other accounts, which cannot be passed; `first` and `last`: times of the events read.
    """

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
