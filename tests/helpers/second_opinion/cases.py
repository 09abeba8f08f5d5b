"""Principals and requests at random: policies of every form that IAM takes, and iam:PassRole asked of them.

A case is made from a ``random.Random``, so that the same seed gives the same case, and hypothesis (which can generate
such an object) can shrink a failing one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

Json = dict[str, Any]

ACCOUNT = "111122223333"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/deployer"
PASSED_TO_SERVICE = "iam:PassedToService"
ASSOCIATED = "iam:AssociatedResourceArn"
NAMES = (
    "Worker",
    "worker",
    "Work",
    "app/Worker",
    "app/db/Reader_1",
    "blue/Worker",
    "deployer-role",
    "service-role/a+b=c,d.e@f-g",
    "wh?t/Worker",
    "aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
)
SERVICES = (
    "ec2.amazonaws.com",
    "ec2.amazonaws.com.cn",
    "lambda.amazonaws.com",
    "ecs-tasks.amazonaws.com",
    "states.eu-west-1.amazonaws.com",
    "Lambda.amazonaws.com",
)
_TAG = "aws:PrincipalTag/team"
_KEYS = (
    _TAG, "aws:PrincipalTag/stage", "aws:RequestedRegion", "aws:SourceIp", "aws:MultiFactorAuthPresent",
    "aws:ViaAWSService", "aws:CalledVia", ASSOCIATED,
)  # fmt: skip


@dataclass(frozen=True)
class Request:
    """A role to be passed. ``service`` is the value of iam:PassedToService (None: the request does not carry the key),
    ``context`` the other keys that the request carries."""

    role: str
    service: str | None
    context: tuple[tuple[str, str | tuple[str, ...]], ...] = ()

    def plain(self) -> Json:
        """The request as the simulator takes it."""
        service = {} if self.service is None else {PASSED_TO_SERVICE: self.service}
        partition = self.role.split(":")[1]
        return {
            "principal": CALLER.replace("arn:aws:", f"arn:{partition}:", 1),
            "action": "iam:PassRole",
            "resource": self.role,
            "context": {"aws:username": "deployer", **dict(self.context), **service},
        }


@dataclass(frozen=True)
class Case:
    """A principal: its identity-based policies, its permissions boundary, the service control policies of each level of
    its organization; and what is asked of it."""

    identity: tuple[Json, ...]
    boundary: Json | None
    control: tuple[tuple[Json, ...], ...]
    requests: tuple[Request, ...]

    @property
    def documents(self) -> tuple[Json, ...]:
        """All policies that count."""
        boundary = () if self.boundary is None else (self.boundary,)
        return (*self.identity, *boundary, *(one for level in self.control for one in level))

    def plain(self) -> Json:
        """The case as the simulator takes it."""
        return {**asdict(self), "requests": [one.plain() for one in self.requests]}

    def map(self, change: Callable[[Json], Json]) -> Case:
        """The same case with every policy changed."""
        return Case(
            tuple(map(change, self.identity)),
            None if self.boundary is None else change(self.boundary),
            tuple(tuple(map(change, level)) for level in self.control),
            self.requests,
        )


def case(random: Random) -> Case:
    """A case at random. Its roles are in one partition, which most of its policies are written for."""
    cn = random.random() < 0.15
    return _in_china(_case(random), random) if cn else _case(random)


def _case(random: Random) -> Case:
    return Case(
        identity=tuple(document(random) for _ in range(random.choice((1, 1, 1, 2, 3)))),
        boundary=document(random, wide=True) if random.random() < 0.25 else None,
        control=tuple(
            tuple(document(random, wide=True) for _ in range(random.choice((1, 1, 2))))
            for _ in range(random.choice((0, 0, 0, 0, 1, 2)))
        ),
        requests=tuple(request(random) for _ in range(8)),
    )


def _in_china(case: Case, random: Random) -> Case:
    """The same case for China, some of its statements apart."""

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: one if key == "Condition" else moved(one) for key, one in value.items()}
        if isinstance(value, list):
            return [moved(one) for one in value]
        swapped = value.startswith("arn:aws:") and random.random() < 0.9
        return value.replace("arn:aws:", "arn:aws-cn:", 1) if swapped else value

    requests = tuple(replace(one, role=one.role.replace("arn:aws:", "arn:aws-cn:")) for one in case.requests)
    return replace(case.map(moved), requests=requests)


def request(random: Random) -> Request:
    """A role and a service, with some of the keys that a request may carry."""
    context: dict[str, str | tuple[str, ...]] = {}
    for key in _KEYS:
        if random.random() < 0.5:
            value = random.choice(_values_of(key))
            context[key] = (value,) if key == "aws:CalledVia" else value
    return Request(
        f"arn:aws:iam::{ACCOUNT}:role/{random.choice(NAMES)}", random.choice((*SERVICES, None)), tuple(context.items())
    )


def document(random: Random, *, wide: bool = False) -> Json:
    """A policy document. ``wide``: one that lets much through, so that not everything is denied by it."""
    statements = [statement(random) for _ in range(random.choice((1, 1, 2, 2, 3, 4)))]
    if wide and random.random() < 0.7:
        everything = random.choice(("*",) * 8 + ("arn:aws:iam",))
        statements.append({"Effect": "Allow", "Action": "*", "Resource": everything})
    random.shuffle(statements)
    version = random.choice(("2012-10-17", "2012-10-17", "2012-10-17", "2008-10-17", None))
    found: Json = {} if version is None else {"Version": version}
    return {**found, "Statement": statements[0] if len(statements) == 1 and random.random() < 0.5 else statements}


def statement(random: Random) -> Json:
    """A statement, one in three of which denies."""
    found: Json = {"Effect": random.choice(("Allow", "Allow", "Deny"))}
    found[random.choice(("Action", "Action", "Action", "NotAction"))] = _some(random, action)
    found[random.choice(("Resource", "Resource", "Resource", "NotResource"))] = _some(random, resource)
    if random.random() < 0.55:
        found["Condition"] = condition(random)
    return found


def _some(random: Random, make: Callable[[Random], str]) -> str | list[str]:
    values = [make(random) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    return values[0] if len(values) == 1 and random.random() < 0.5 else values


def action(random: Random) -> str:
    """An action pattern, most often one that may take iam:PassRole."""
    if random.random() < 0.6:
        return random.choice(
            ("iam:PassRole", "iam:PassRole", "iam:*", "*", "iam:Pass*", "iam:*Role", "IAM:passrole", "iam:?assRole")
        )
    if random.random() < 0.4:
        return random.choice(("s3:*", "iam:Get*", "iam:GetRole", "sts:PassRole", "iam:PassRole?", "iam:Pass"))
    return "iam:" + _with_wildcards(random, random.choice(("PassRole", "passrole", "PASSROLE")))


def _with_wildcards(random: Random, name: str) -> str:
    """The name with one or two pieces replaced by wildcards, or one letter by another."""
    for _ in range(random.choice((0, 1, 1, 2))):
        start = random.randrange(len(name) + 1)
        end = random.randrange(start, len(name) + 1)
        name = name[:start] + random.choice(("*", "*", "?" * (end - start), "?", "**")) + name[end:]
    return name if name and random.random() < 0.95 else "x" + name


def resource(random: Random) -> str:
    """A resource pattern: most often an ARN of roles, in all forms that one may have."""
    if random.random() < 0.2:
        return "*"
    if random.random() < 0.15:
        return random.choice((
            "arn:aws:s3:::*", f"arn:aws:iam::{ACCOUNT}:user/*", f"arn:aws:iam::{ACCOUNT}:instance-profile/*",
            f"arn:aws:sts::{ACCOUNT}:assumed-role/*", f"arn:aws:iam::{ACCOUNT}:*", "arn:aws:iam::*", "arn:aws:iam",
            "arn:aws:iam::*:*", f"arn:aws:iam::{ACCOUNT}", "arn:aws:*", "arn:*", "arn:aws:iam:*", "**",
            "arn:aws:*:role/Worker", "arn:aws:iam::*/Worker",
        ))  # fmt: skip
    partition = random.choice(("aws",) * 20 + ("aws-cn", "*", "aws*"))
    service = random.choice(("iam",) * 12 + ("*", "s3"))
    region = random.choice(("",) * 12 + ("*", "us-east-1"))
    account = random.choice((
        *(ACCOUNT,) * 8, "*", "*", "11112222????", "1111*", "*3333", "999999999999", "", "${aws:PrincipalAccount}",
    ))  # fmt: skip
    return f"arn:{partition}:{service}:{region}:{account}:role/{_role_name(random)}"


def _role_name(random: Random) -> str:
    kind = random.random()
    if kind < 0.12:
        return "*"
    name = random.choice(NAMES)
    if kind < 0.7:
        return _with_wildcards(random, name)
    if kind < 0.75:
        return random.choice((name.lower(), name.upper(), f"{name}/", f"/{name}"))
    if kind < 0.9:
        variable = random.choice((
            "${aws:PrincipalTag/team}", "${aws:principaltag/TEAM}", "${aws:PrincipalTag/team, 'Worker'}",
            "${aws:username}", "${aws:PrincipalTag/nobody}", "${aws:PrincipalTag/nobody, 'app'}",
        ))  # fmt: skip
        return random.choice((f"{variable}/Worker", variable, f"{variable}*", f"app/{variable}", f"{variable}-role"))
    return random.choice(("wh${?}t/*", "Work${*}", "${$}Worker", "*${?}*", "app/*${*}"))


STRING_OPERATORS = (
    "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike",
    "StringNotLike",
)  # fmt: skip
OTHER_OPERATORS = (
    "ArnEquals", "ArnNotEquals", "ArnLike", "ArnNotLike", "NumericEquals", "NumericNotEquals", "Bool", "DateEquals",
    "DateNotEquals", "DateGreaterThan", "IpAddress", "NotIpAddress", "BinaryEquals",
)  # fmt: skip


def condition(random: Random) -> Json:
    """A Condition block of one to three tests, most of them of iam:PassedToService."""
    found: Json = {}
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if random.random() < 0.72:
            key = random.choice((PASSED_TO_SERVICE, PASSED_TO_SERVICE, "IAM:passedtoservice"))
            operator, values = _test_of_service(random)
        else:
            key = random.choice(_KEYS)
            operator, values = _test_of(random, key)
        tests = found.setdefault(operator, {})
        if key.lower() not in map(str.lower, tests):
            tests[key] = values
    return found


def _operator(random: Random, base: str) -> str:
    quantifier = random.choice(("",) * 5 + ("ForAnyValue:", "ForAllValues:"))
    return quantifier + base + random.choice(("", "", "", "IfExists"))


def _test_of_service(random: Random) -> tuple[str, str | bool | list[str]]:
    kind = random.random()
    if kind < 0.12:
        values = random.choice(("true", "false", True, False, ["true"], ["true", "false"], "True"))
        return random.choice(("Null", "Null", "Null", "ForAllValues:Null", "ForAnyValue:Null")), values
    if kind < 0.19:
        base = random.choice(OTHER_OPERATORS)
        return _operator(random, base), random.choice(_values_for(base))
    base = random.choice(STRING_OPERATORS)
    return _operator(random, base), _some(random, lambda random: service(random, base))


def service(random: Random, base: str) -> str:
    """A value that a service is compared with."""
    kind = random.random()
    if kind < 0.5:
        return random.choice(SERVICES)
    if kind < 0.6:
        return random.choice(SERVICES).upper()
    if kind < 0.7:
        return random.choice(("*", "ec2.*", "*.amazonaws.com", "*.com.cn", "?c2.amazonaws.com*", "*.eu-west-1.*"))
    if kind < 0.77:
        return random.choice((
            "${aws:PrincipalTag/team}.amazonaws.com", "${aws:PrincipalTag/nobody, 'ec2'}.amazonaws.com",
            "${aws:PrincipalTag/nobody}", "ec2.${*}", "${aws:PrincipalTag/team}*",
        ))  # fmt: skip
    return _with_wildcards(random, random.choice(SERVICES))


def _values_for(base: str) -> Sequence[str]:
    if base.startswith("Arn"):
        return ("arn:aws:iam::*:role/*", "*", "arn:aws:ec2:*:*:instance/*")
    if base.startswith("Numeric"):
        return ("5", "0")
    if base.startswith("Date"):
        return ("2030-01-01T00:00:00Z",)
    if base == "Bool":
        return ("true", "false")
    if base == "BinaryEquals":
        return ("QmFzZTY0",)
    return ("203.0.113.0/24", "10.0.0.0/8")


def _values_of(key: str) -> Sequence[str]:
    """The values of a key that requests carry and policies compare with."""
    return {
        _TAG: ("Worker", "blue", "ec2", "app"),
        "aws:PrincipalTag/stage": ("prod", "test"),
        "aws:RequestedRegion": ("eu-west-1", "us-east-1"),
        "aws:SourceIp": ("203.0.113.7", "198.51.100.9"),
        "aws:MultiFactorAuthPresent": ("true", "false"),
        "aws:ViaAWSService": ("true", "false"),
        "aws:CalledVia": ("cloudformation.amazonaws.com", "athena.amazonaws.com"),
        ASSOCIATED: (f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/i-1", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f"),
    }[key]


def _test_of(random: Random, key: str) -> tuple[str, str | list[str]]:
    """A test of another key, with an operator of its type."""
    values = list(_values_of(key))
    value: str | list[str] = random.choice((*values, values))
    if key == "aws:SourceIp":
        return _operator(random, random.choice(("IpAddress", "NotIpAddress"))), "203.0.113.0/24"
    if key in ("aws:MultiFactorAuthPresent", "aws:ViaAWSService"):
        return random.choice(("Bool", "BoolIfExists", "Null")), random.choice(("true", "false"))
    if key == "aws:CalledVia":
        quantifier = random.choice(("ForAnyValue:", "ForAllValues:"))
        return quantifier + random.choice(("StringEquals", "StringNotEquals")), value
    if key == ASSOCIATED:
        base = random.choice(("ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals"))
        value = random.choice((f"arn:aws:ec2:*:{ACCOUNT}:instance/*", "arn:aws:lambda:*:*:function:*"))
        return _operator(random, base), value
    return _operator(random, random.choice(STRING_OPERATORS)), value
