"""Events that put roles into instance profiles and profiles into launch templates, and others that use them, in any
order, for holding one reader against another."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

ACCOUNTS, REGIONS = ("111122223333", "444455556666"), ("us-east-1", "eu-central-1")
START = datetime(2026, 5, 1, tzinfo=timezone.utc)
_NAMES = ("a", "b", "c")


class Held:
    """Makes the events, drawn with one seed. A template that is made under a name takes it from the one before."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._number = 0
        self._account = self._region = ""
        self._fails = False
        self._made: Counter[tuple[str, str, str]] = Counter()

    def events(self, count: int) -> Iterator[dict[str, Any]]:
        """So many of them, a second or none apart."""
        kinds = (
            self._role, self._add, self._remove, self._template, self._version, self._version, self._default,
            self._run, self._run, self._run, self._group, self._fleet, self._job,
        )  # fmt: skip
        when = START
        for _ in range(count):
            when += timedelta(seconds=self.random.randrange(3))
            self._account, self._region = self.random.choice(ACCOUNTS), self.random.choice(REGIONS)
            self._fails = self.random.random() < 0.05
            source, name, request, response = self.random.choice(kinds)()
            yield self._event(when, source, name, request, response)

    def _event(self, when: datetime, source: str, name: str, request: Any, response: Any) -> dict[str, Any]:
        self._number += 1
        account = self._account
        found = {
            "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::{account}:user/a", "accountId": account},
            "eventTime": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": f"{source}.amazonaws.com",
            "eventName": name,
            "awsRegion": self._region,
            "sourceIPAddress": "203.0.113.7",
            "requestParameters": request,
            "responseElements": response,
            "eventID": f"{self.random.getrandbits(32):08x}-{self._number}",
            "recipientAccountId": account,
        }
        if self._fails:
            found |= {"errorCode": "LimitExceeded", "errorMessage": "no", "responseElements": None}
        return found

    def _name(self) -> str:
        return self.random.choice(_NAMES)

    def _role(self) -> tuple[str, str, Any, Any]:
        name, path = self._name(), self.random.choice(("", "x/", "y/"))
        arn = f"arn:aws:iam::{self.random.choice(ACCOUNTS)}:role/{path}{name}"
        return "iam", "CreateRole", {"roleName": name}, {"role": {"arn": arn}}

    def _add(self) -> tuple[str, str, Any, Any]:
        return "iam", "AddRoleToInstanceProfile", {"instanceProfileName": self._name(), "roleName": self._name()}, None

    def _remove(self) -> tuple[str, str, Any, Any]:
        return "iam", "RemoveRoleFromInstanceProfile", {"instanceProfileName": self._name(), "roleName": "a"}, None

    def _data(self) -> Any:
        profile = {"Name": self._name()}
        if self.random.random() < 0.3:
            profile = {"Arn": f"arn:aws:iam::{ACCOUNTS[0]}:instance-profile/{self._name()}"}
        return {"ImageId": "i", "IamInstanceProfile": profile} if self.random.random() < 0.7 else {"ImageId": "i"}

    def _id(self, name: str) -> str:
        """The id of the template that has a name now."""
        return f"lt-{name}-{self._made[self._account, self._region, name]}"

    def _template(self) -> tuple[str, str, Any, Any]:
        name = self._name()
        self._made[self._account, self._region, name] += not self._fails
        request = {"LaunchTemplateName": name, "LaunchTemplateData": self._data()}
        answer = {"launchTemplateId": self._id(name), "launchTemplateName": name, "latestVersionNumber": 1}
        return self._wrapped("CreateLaunchTemplate", request, {"launchTemplate": answer})

    def _version(self) -> tuple[str, str, Any, Any]:
        name, number = self._name(), self.random.randrange(2, 12)
        request = {**self._by_any(name), "LaunchTemplateData": self._data()}
        if self.random.random() < 0.5:
            request["SourceVersion"] = str(self.random.randrange(1, 5))
        answer: dict[str, Any] = {"launchTemplateId": self._id(name), "launchTemplateName": name}
        if self.random.random() < 0.8:
            answer["versionNumber"] = number
        return self._wrapped("CreateLaunchTemplateVersion", request, {"launchTemplateVersion": answer})

    def _default(self) -> tuple[str, str, Any, Any]:
        version = self.random.choice((self.random.randrange(1, 12), str(self.random.randrange(1, 12))))
        return self._wrapped("ModifyLaunchTemplate", {**self._by_any(self._name()), "SetDefaultVersion": version}, None)

    def _by_any(self, name: str) -> dict[str, Any]:
        by_id = self.random.random() < 0.5
        return {"LaunchTemplateId": self._id(name)} if by_id else {"LaunchTemplateName": name}

    def _wrapped(self, event: str, request: Any, response: Any) -> tuple[str, str, Any, Any]:
        answer = None if response is None else {f"{event}Response": response}
        return "ec2", event, {f"{event}Request": request}, answer

    def _chosen(self) -> dict[str, Any]:
        named = {name[0].lower() + name[1:]: value for name, value in self._by_any(self._name()).items()}
        version = self.random.choice(("", "1", 2, "3", "$Latest", "$Default", str(self.random.randrange(12))))
        return {**named, "version": version} if version else named

    def _run(self) -> tuple[str, str, Any, Any]:
        request: dict[str, Any] = {"instancesSet": {"items": [{"minCount": 1}]}}
        started: dict[str, Any] = {"instanceId": f"i-{self._number}"}
        if self.random.random() < 0.8:
            request["launchTemplate"] = self._chosen()
        if self.random.random() < 0.3:
            request["iamInstanceProfile"] = {"name": self._name()}
        if self.random.random() < 0.5:
            started["iamInstanceProfile"] = {"arn": f"arn:aws:iam::{ACCOUNTS[0]}:instance-profile/p/{self._name()}"}
        return "ec2", "RunInstances", request, {"instancesSet": {"items": [started, started]}}

    def _group(self) -> tuple[str, str, Any, Any]:
        mixed = {"launchTemplate": {
            "launchTemplateSpecification": self._chosen(),
            "overrides": [{"launchTemplateSpecification": self._chosen()}, {"instanceType": "t3.micro"}],
        }}  # fmt: skip
        request = {"autoScalingGroupName": "g", "mixedInstancesPolicy": mixed}
        return "autoscaling", "UpdateAutoScalingGroup", request, None

    def _fleet(self) -> tuple[str, str, Any, Any]:
        chosen = {name[:1].upper() + name[1:]: value for name, value in self._chosen().items()}
        configs = {"tag": 1, "LaunchTemplateSpecification": chosen}
        return self._wrapped("CreateFleet", {"LaunchTemplateConfigs": configs}, None)

    def _job(self) -> tuple[str, str, Any, Any]:
        return "glue", "CreateJob", {"name": "j", "role": self._name()}, None
