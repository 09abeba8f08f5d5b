"""An event for each that knowledge has, with something at every place that it names, in the forms in which CloudTrail
writes parameters. Unlike `calls`, it follows from the knowledge: it is for holding one reader against another, not for
the truth."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from passrole_checks.aws.cloudtrail_events import RoleLocation, TrailEvent, trail_events

ACCOUNT, OTHER = "111122223333", "999988887777"
START = datetime(2026, 4, 1, tzinfo=timezone.utc)
_ODD: tuple[Any, ...] = (
    None, "", 5, True, 1.5, [], {}, "none", "null", "a b", "5", "true", "{\"roleArn\": \"x\"}", {"items": 3},
    "naïve", "s", "sarn", "\\\"quoted\\\" \t", f"arn:aws:iam::{OTHER}:role/abroad", ["deep", ["deeper"]],
)  # fmt: skip


class Every:
    """Makes the events, drawn with one seed; ``odd``: how often a value is none that should be there."""

    def __init__(self, seed: int, odd: float = 0.0) -> None:
        self.random = random.Random(seed)
        self.odd = odd

    def events(self) -> Iterator[dict[str, Any]]:
        """One or two of each kind, by all names of their sources, some with versions, with errors, delivered twice."""
        number = 0
        for (source, name), event in sorted(trail_events().items()):
            for _ in range(1 if source != event.source else 2):
                number += 1
                one = self._event(source, name, event, number)
                yield one
                if self.random.random() < 0.05:
                    yield dict(one)

    def _event(self, source: str, name: str, event: TrailEvent, number: int) -> dict[str, Any]:
        draw = self.random.random
        parts: dict[bool, Any] = {False: {}, True: {}}
        for place in event.places:
            if draw() < 0.8:
                value = self._value(place, number)
                parts[place.answered] = self._built(parts[place.answered], _beside(place), value)
        for path, answered in event.resources:
            if draw() < 0.6:
                parts[answered] = self._built(parts[answered], path, f"thing-{number}")
        request, response = parts[False], parts[True] if draw() < 0.8 else None
        if draw() < 0.1:
            request, response = {f"{name}Request": request}, {f"{name}response": response}
        found: dict[str, Any] = {
            "userIdentity": self._identity(),
            "eventTime": (START + timedelta(seconds=self.random.randrange(86_400))).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": source,
            "eventName": name + self.random.choice(("", "", "20150331", "2020_05_31", "20150331v2")),
            "awsRegion": "eu-central-1",
            "sourceIPAddress": "203.0.113.7",
            "requestParameters": request,
            "responseElements": response,
            "eventID": f"{self.random.getrandbits(64):016x}",
            "recipientAccountId": ACCOUNT,
        }
        if draw() < 0.1:
            del found["recipientAccountId"]
        if draw() < 0.15:
            found |= self._error(number)
        return found

    def _error(self, number: int) -> dict[str, Any]:
        role = self.random.choice((f"arn:aws:iam::{ACCOUNT}:role/path/role-{number}", f"arn:aws:iam::{OTHER}:role/r"))
        return self.random.choice(
            (
                {"errorCode": "AccessDeniedException", "errorMessage": "no"},
                {"errorCode": "ValidationError", "errorMessage": "Bad"},
                {"errorCode": "Client.UnauthorizedOperation"},
                {
                    "errorCode": "AccessDenied",
                    "errorMessage": f"User: x is not authorized to perform: rds:AddRole on resource: {role}",
                },
                {
                    "errorCode": "AccessDenied",
                    "errorMessage": f"User: x is not authorized to perform: iam:PassRole on resource: {role} because",
                },
            )
        )

    def _identity(self) -> Any:
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/me"
        path = self.random.choice(("x/", "x/", "y/z/"))
        issuer = {"type": "Role", "arn": f"arn:aws:iam::{ACCOUNT}:role/{path}deploy"}
        return self.random.choice(
            (
                {"type": "IAMUser", "arn": f"arn:aws:iam::{ACCOUNT}:user/a", "accountId": ACCOUNT, "userName": "a"},
                {"type": "AssumedRole", "arn": session, "accountId": ACCOUNT},
                {"type": "AssumedRole", "arn": session.replace("deploy", "unknown"), "accountId": ACCOUNT},
                {"type": "AssumedRole", "arn": session.replace(ACCOUNT, OTHER), "accountId": OTHER},
                {"type": "AssumedRole", "arn": session, "sessionContext": {
                    "sessionIssuer": issuer, "sourceIdentity": "me@example.com"}},
                {"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"},
                {"type": "IdentityCenterUser", "onBehalfOf": {"userId": "u-1"}, "accountId": ACCOUNT},
                {"type": "Unknown", "arn": "null", "principalId": "AIDA"},
                None,
            )
        )  # fmt: skip

    def _value(self, place: RoleLocation, number: int) -> Any:
        if self.random.random() < self.odd:
            return self.random.choice(_ODD)
        if place.kind == "launch_template":
            return {"launchTemplateId": f"lt-{number % 7}", "version": self.random.choice(("1", 2, "$Latest"))}
        name = f"{place.kind[0]}-{number}"
        if place.kind == "instance_profile":
            return self.random.choice((name, f"arn:aws:iam::{ACCOUNT}:instance-profile/{name}"))
        account = self.random.choice((ACCOUNT,) * 9 + (OTHER,))
        return self.random.choice((f"role-{number}", f"arn:aws:iam::{account}:role/path/role-{number}"))

    def _built(self, node: Any, path: Sequence[str], value: Any) -> Any:
        """Return a node with a value added at a path below it. ``name=pattern``: a member next to the following one."""
        if not path:
            return value
        step, rest = path[0], path[1:]
        if "=" in step:
            name, _, pattern = step.partition("=")
            return {**self._built(node, rest, value), name: pattern.replace("*", "Lambda")}
        if step == "@json":
            return json.dumps(self._built({}, rest, value))
        if step == "*":
            return self._listed(node, self._built({}, rest, value))
        members = node if isinstance(node, dict) else {}
        if step == "{}":
            name = f"key-{len(members)}"
        else:
            name = step.replace("*", "Lambda")
            name = next((one for one in members if one.lower() == name.lower()), self._spelled(name))
        inner = self._built(members.get(name), rest, value)
        members[name] = [inner] if isinstance(inner, dict) and self.random.random() < 0.03 else inner
        return members

    def _listed(self, node: Any, element: Any) -> Any:
        """A list with an element more, in one of the forms in which there are lists."""
        if isinstance(node, list):
            return [*node, element]
        if isinstance(node, dict) and isinstance(node.get("items"), list):
            return {"items": [*node["items"], element]}
        form = self.random.randrange(6)
        if form == 0:
            return {"items": [{"other": 1}, element]}
        if form == 1:
            return {"tag": 1, "content": element}
        if form == 2 and isinstance(element, dict):
            return {"tag": 1, **element}
        if form == 3:
            return [{"tag": 1, "content": element}]
        return [element]

    def _spelled(self, name: str) -> str:
        return self.random.choice((name, name, name[:1].upper() + name[1:]))


def _beside(place: RoleLocation) -> list[str]:
    """Return the path of a location, with the members required next to the value inserted before its last name."""
    return [*place.path[:-1], *(f"{name}={pattern}" for name, pattern in place.where), place.path[-1]]
