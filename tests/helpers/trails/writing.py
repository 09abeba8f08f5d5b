"""Logs made of the table of calls: who, when and where are drawn with a seed, and what was passed is noted as the
truth."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

from trails.calls import CALLS, NOISE, Call, filled

START = datetime(2026, 3, 1, tzinfo=timezone.utc)
ACCOUNTS = ("111122223333", "444455556666")
REGIONS = ("us-east-1", "eu-central-1")
LINKED = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"


@dataclass(frozen=True, order=True)
class Truth:
    """A pass written to the logs. ``service`` is the short name of a service that the results must include;
    ``resource`` is empty where the log does not name it, ``*`` where it does not matter."""

    event_id: str
    time: str
    principal: str
    source_identity: str
    passed: str
    service: str
    outcome: str
    resource: str
    account: str
    region: str


@dataclass
class Log:
    """Events, and the truth about them."""

    events: list[dict[str, Any]] = field(default_factory=list)
    truth: list[Truth] = field(default_factory=list)


class Maker:
    """Makes events, all of them drawn with one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._number = 0

    def log(self, calls: Iterable[Call] = CALLS, *, noise: int = 0, repeat: int = 1) -> Log:
        """Each call ``repeat`` times with another outcome now and then, among ``noise`` that passes nothing."""
        found = Log()
        for _ in range(repeat):
            for call in calls:
                outcome = self.random.choices(("passed", "denied", "failed", "null"), (8, 1, 1, 1))[0]
                self.add(found, call, outcome)
        for _ in range(noise):
            source, name, request = self.random.choice(NOISE)
            names = self._names()
            found.events.append(self._event(f"{source}.amazonaws.com", name, filled(request, names), None, names)[0])
        self.random.shuffle(found.events)  # files are not in the order of their events
        return found

    def add(self, log: Log, call: Call, outcome: str = "passed") -> dict[str, Any]:
        """Add one event of a call. ``null``: denied, without its parameters."""
        names = self._names()
        response = filled(call.response, names) if outcome == "passed" else None
        event, who = self._event(call.source, call.name, filled(call.request, names), response, names)
        if outcome in ("denied", "null"):
            event |= {"errorCode": "AccessDenied", "errorMessage": f"User: {who[0]} is not authorized to perform: it"}
        if outcome == "failed":
            event |= {"errorCode": "InvalidParameterValueException", "errorMessage": "no such thing"}
        if outcome == "null":
            event["requestParameters"] = None
            if self.random.random() < 0.5 and len(call.passes) == 1 and call.passes[0][0] == "R":
                event["errorMessage"] = (
                    f"User: {who[0]} is not authorized to perform: iam:PassRole on resource: {names['R']} because no"
                    " identity-based policy allows the iam:PassRole action"
                )
                self._note(log, event, who, call, names, "denied", "")
        else:
            resource = filled(call.resource, names)
            if outcome != "passed" and call.response is not None:
                resource = "*"  # another name of it, the one that was asked for
            self._note(log, event, who, call, names, outcome, resource)
        log.events.append(event)
        return event

    def _note(
        self,
        log: Log,
        event: dict[str, Any],
        who: Sequence[str],
        call: Call,
        names: dict[str, str],
        outcome: str,
        resource: str,
    ) -> None:
        for letter, service in call.passes:
            log.truth.append(
                Truth(
                    event["eventID"], event["eventTime"], who[1], who[2], names[letter], f"{service}.amazonaws.com",
                    outcome, resource, names["A"], names["G"],
                )
            )  # fmt: skip

    def _names(self) -> dict[str, str]:
        account, region = self.random.choice(ACCOUNTS), self.random.choice(REGIONS)
        number = self.random.randrange(10_000)
        role, profile = f"app-{number}", f"profile-{number}"
        return {
            "A": account,
            "G": region,
            "X": f"thing-{number}",
            "N": role,
            "R": f"arn:aws:iam::{account}:role/service-role/{role}",
            "L": f"arn:aws:iam::{account}:role/{LINKED}",
            "Q": profile,
            "P": f"arn:aws:iam::{account}:instance-profile/{profile}",
            "E": "AWSCloudFormationStackSetExecutionRole",
        }

    def _event(
        self, source: str, name: str, request: Any, response: Any, names: dict[str, str]
    ) -> tuple[dict[str, Any], tuple[str, str, str]]:
        self._number += 1
        identity, who = self._identity(names["A"])
        when = START + timedelta(seconds=self.random.randrange(20 * 86_400))
        event = {
            "eventVersion": self.random.choice(("1.05", "1.08", "1.11")),
            "userIdentity": identity,
            "eventTime": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": source,
            "eventName": name,
            "awsRegion": names["G"],
            "sourceIPAddress": self.random.choice(("203.0.113.7", "cloudformation.amazonaws.com", "2001:db8::1")),
            "userAgent": 'aws-cli/2.0 "quoted", with {braces} and [brackets] \\ é',
            "requestParameters": request,
            "responseElements": response,
            "requestID": str(UUID(int=self.random.getrandbits(128))),
            "eventID": str(UUID(int=self.random.getrandbits(128))),
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": names["A"],
            "eventCategory": "Management",
        }
        return event, who

    def _identity(self, account: str) -> tuple[dict[str, Any], tuple[str, str, str]]:
        """A userIdentity, with its ARN, the principal that it acts as, and its source identity."""
        kind = self.random.choice(("user", "role", "role", "sso", "service"))
        if kind == "user":
            arn = f"arn:aws:iam::{account}:user/dev/alice"
            return {"type": "IAMUser", "principalId": "AIDA", "arn": arn, "accountId": account, "userName": "alice"}, (
                arn, arn, "",
            )  # fmt: skip
        if kind == "service":
            name = "autoscaling.amazonaws.com"
            return {"type": "AWSService", "invokedBy": name}, ("", name, "")
        role = "deploy" if kind == "role" else "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1"
        issuer = f"arn:aws:iam::{account}:role/{role}"
        arn = f"arn:aws:sts::{account}:assumed-role/{role.rpartition('/')[2]}/session"
        source = "alice@example.com" if kind == "sso" else ""
        context: dict[str, Any] = {"sessionIssuer": {"type": "Role", "arn": issuer, "accountId": account}}
        if source:
            context["sourceIdentity"] = source
        identity = {"type": "AssumedRole", "principalId": "AROA:session", "arn": arn, "accountId": account}
        return {**identity, "sessionContext": context}, (arn, issuer, source)


def write(folder: Path, events: Sequence[dict[str, Any]], *, organisation: str = "", each: int = 50) -> list[Path]:
    """Writes events as a trail delivers them: by account, Region and day; some files packed, some not."""
    by_place: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for event in events:
        key = (event["recipientAccountId"], event["awsRegion"], event["eventTime"][:10])
        by_place.setdefault(key, []).append(event)
    files = []
    for (account, region, day), there in sorted(by_place.items()):
        place = folder / "AWSLogs" / organisation / account / "CloudTrail" / region / day.replace("-", "/")
        place.mkdir(parents=True, exist_ok=True)
        for number in range(0, len(there), each):
            name = f"{account}_CloudTrail_{region}_{day.replace('-', '')}T0000Z_{len(files):016d}.json"
            text = json.dumps({"Records": there[number : number + each]}, separators=(",", ":"))
            if len(files) % 3:
                files.append(place / f"{name}.gz")
                files[-1].write_bytes(gzip.compress(text.encode()))
            else:
                files.append(place / name)
                files[-1].write_text(text)
    return files
