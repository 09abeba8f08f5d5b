"""The truth table of single requests: is this role, passed to this service, allowed by this policy document?

Every row is decided with the same pieces that the checks stand on: the reading of documents and statements, of actions,
of role ARNs, and of Condition blocks. The numbers are the rows of the project's fact sheet on iam:PassRole.

Requests are written ``ROLE/SERVICEanswer``. Roles of account 111122223333: ``W`` role/Worker (the default), ``P``
role/app/Worker, ``S`` a service-linked role. Services: ``E`` ec2.amazonaws.com, ``L`` lambda.amazonaws.com, ``C``
ec2.amazonaws.com.cn, ``0`` a request without iam:PassedToService; none: all four. Answers: ``+`` allowed, ``-`` not
allowed, ``D`` denied by a Deny, ``?`` unknown without the request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from passrole_checks.iam.conditions.passed_to_service import evaluate
from passrole_checks.iam.documents import action
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import Position, Ternary, text

AT = Position("policy.json", 1)
A = "arn:aws:iam::111122223333:"
ROLES = {
    "W": f"{A}role/Worker",
    "P": f"{A}role/app/Worker",
    "S": f"{A}role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
}
SERVICES = {"E": "ec2.amazonaws.com", "L": "lambda.amazonaws.com", "C": "ec2.amazonaws.com.cn", "0": None}
KNOWN = frozenset({"ec2.amazonaws.com", "lambda.amazonaws.com", "ec2.amazonaws.com.cn", "ecs.amazonaws.com"})
E, L = "ec2.amazonaws.com", "lambda.amazonaws.com"
PTS = "iam:PassedToService"
ARA = "iam:AssociatedResourceArn"
INSTANCES = "arn:aws:ec2:*:111122223333:instance/*"


def allow(**changes: Any) -> dict[str, Any]:
    """The base statement (Allow iam:PassRole on every role) with what a row changes."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", **changes}
    if "NotAction" in changes:
        del statement["Action"]
    if "NotResource" in changes:
        del statement["Resource"]
    return statement


def deny(**changes: Any) -> dict[str, Any]:
    return allow(Effect="Deny", **changes)


def when(operator: str, value: Any, key: str = PTS) -> dict[str, Any]:
    return {operator: {key: value}}


@dataclass(frozen=True)
class Row:
    """One alternative of one row. ``note``: why the static answer is not the one of the fact sheet, which knows the
    whole request (tags, the boundary, the resource that the role will serve)."""

    number: int
    requests: str
    statements: tuple[dict[str, Any], ...]
    version: str | None = "2012-10-17"
    note: str = ""

    @property
    def document(self) -> str:
        version = {} if self.version is None else {"Version": self.version}
        return json.dumps({**version, "Statement": list(self.statements)})

    def __str__(self) -> str:
        shown = [{key: value for key, value in item.items() if key != "Effect"} for item in self.statements]
        return f"{self.number}: {json.dumps(shown)}"


def rows(
    number: int, requests: str, *alternatives: Any, note: str = "", version: str | None = "2012-10-17"
) -> list[Row]:
    """One row with its alternatives: each a statement, or a tuple of statements."""
    return [Row(number, requests, item if isinstance(item, tuple) else (item,), version, note) for item in alternatives]


def actions(*values: Any) -> list[dict[str, Any]]:
    return [allow(Action=value) for value in values]


def resources(*values: Any) -> list[dict[str, Any]]:
    return [allow(Resource=value) for value in values]


def conditions(*values: dict[str, Any]) -> list[dict[str, Any]]:
    return [allow(Condition=value) for value in values]


TAG_UNKNOWN = "IAM substitutes a policy variable at request time"
OTHER_KEY = "the key is about the caller, not about the role or the service; it is named as another condition"
ASSOCIATED = "the resource that the role will serve is not part of a configuration's grant"

TABLE: list[Row] = [
    *rows(1, "W+ P+ S+", allow()),
    *rows(
        2, "W+",
        *actions("IAM:passROLE", "iam:*", "*", "iam:Pass*", "iam:*Role", "iam:?assRole", "iam:PassRole*"),
    ),
    *rows(3, "W-", *actions("iam:PassRole?", "iam:GetRole", "sts:PassRole", "iam:AddRoleToInstanceProfile")),
    *rows(4, "W+", *actions(["iam:GetRole", "iam:PassRole"])),
    *rows(5, "W-", *actions("PassRole"), note="invalid: IAM refuses an action without a prefix"),
    *rows(5, "W?", *actions("*:PassRole"), note="unsure: a wildcard in the service prefix"),
    *rows(6, "W+", allow(NotAction="s3:*"), allow(NotAction="iam:Get*")),
    *rows(7, "W-", allow(NotAction="iam:*"), allow(NotAction=["s3:*", "iam:passrole"]), allow(NotAction="*")),
    *rows(8, "WD", (allow(), deny(NotAction="iam:GetRole"))),
    *rows(9, "W+ P-", *resources(f"{A}role/Worker")),
    *rows(10, "W- P+", *resources(f"{A}role/app/Worker")),
    *rows(11, "W+ P+ S+", *resources(f"{A}role/*")),
    *rows(12, "W- P+", *resources(f"{A}role/app/*", f"{A}role/*/Worker", f"{A}role/?pp/Worker")),
    *rows(13, "W+ P+ S-", *resources(f"{A}role/*Worker")),
    *rows(14, "W+ P-", *resources(f"{A}role/W?rker", f"{A}role/Work*")),
    *rows(15, "W-", *resources(f"{A}role/worker", f"{A}role/Work")),
    *rows(16, "W+ P-", *resources("arn:aws:iam::*:role/Worker", "arn:aws:iam::11112222????:role/Worker")),
    *rows(17, "W-", *resources("arn:aws:iam::999999999999:role/*", "arn:aws-cn:iam::*:role/*")),
    *rows(18, "W+ P-", *resources("arn:*:iam::*:role/Worker"), note="forbidden in the text, used by AWS: match (9.3)"),
    *rows(19, "W+ P+", *resources(f"{A}*", "arn:aws:iam::*", "arn:aws:iam")),
    *rows(20, "W-", *resources("arn:aws:iam:::role/Worker"), note="unsure: no account is no account's role"),
    *rows(20, "W+", *resources(f"{A}r*"), note="invalid, by AWS's text; matched, as wildcards elsewhere are (9.3)"),
    *rows(
        21, "W- P- S-",
        *resources(f"{A}instance-profile/*", "arn:aws:sts::111122223333:assumed-role/*", "arn:aws:s3:::*"),
    ),
    *rows(22, "W+ P-", *resources(["arn:aws:s3:::b", f"{A}role/Worker"])),
    *rows(23, "S+ W-", *resources(f"{A}role/aws-service-role/*")),
    *rows(23, "S- W-", *resources(f"{A}role/aws-service-role/ECS.amazonaws.com/*")),
    *rows(24, "W- P+", allow(NotResource=f"{A}role/Worker")),
    *rows(24, "W- P-", allow(NotResource="*")),
    *rows(25, "WD P+", (allow(), deny(NotResource=f"{A}role/app/*"))),
    *rows(26, "W?", *resources(f"{A}role/${{aws:PrincipalTag/t}}"), note=TAG_UNKNOWN),
    *rows(27, "W?", *resources(f"{A}role/${{aws:PrincipalTag/t}}"), note=f"{TAG_UNKNOWN}; absent, it would be W-"),
    *rows(27, "W- P-", *resources(f"{A}role/${{aws:PrincipalTag/t}}"), version="2008-10-17"),
    *rows(27, "W- P-", *resources(f"{A}role/${{aws:PrincipalTag/t}}"), version=None, note="as the old version (9.1)"),
    *rows(28, "W?", *resources(f"{A}role/${{aws:PrincipalTag/t, 'Worker'}}"), note=TAG_UNKNOWN),
    *rows(29, "W-", *resources(f"{A}role/Work${{*}}")),
    *rows(30, "E+ L- C- 0-", *conditions(when("StringEquals", E))),
    *rows(31, "E+ L+ C- 0-", *conditions(when("StringEquals", [E, L]))),
    *rows(32, "E- L- C- 0-", *conditions(when("StringEquals", "EC2.amazonaws.com"))),
    *rows(33, "E+ L- 0-", *conditions(when("StringEqualsIgnoreCase", "EC2.AMAZONAWS.COM"))),
    *rows(34, "E- L- C- 0-", *conditions(when("StringEquals", "*"), when("StringEquals", "ec2.*"))),
    *rows(35, "E+ L+ C+ 0-", *conditions(when("StringLike", "*"))),
    *rows(36, "E+ C+ L- 0-", *conditions(when("StringLike", "ec2.*"), when("StringLike", "ec2.amazonaws.com*"))),
    *rows(37, "E+ L+ C- 0-", *conditions(when("StringLike", "*.amazonaws.com"))),
    *rows(38, "E+ L- 0+", *conditions(when("StringEqualsIfExists", E))),
    *rows(39, "E- L+ 0+", *conditions(when("StringNotEquals", E), when("StringNotEqualsIfExists", E))),
    *rows(40, "E- L- C+ 0+", *conditions(when("StringNotEquals", [E, L]))),
    *rows(41, "E- C- L+ 0+", *conditions(when("StringNotLike", "ec2.*"))),
    *rows(42, "0+ E- L- C-", *conditions(when("Null", "true"), when("Null", True))),
    *rows(43, "E+ L+ 0-", *conditions(when("Null", "false"), when("Null", False))),
    *rows(44, "E- L+ 0-", *conditions({**when("StringNotEquals", E), **when("Null", "false")})),
    *rows(45, "E+ L- 0+", *conditions(when("ForAllValues:StringEquals", E))),
    *rows(46, "E+ L- 0-", *conditions(when("ForAnyValue:StringEquals", E))),
    *rows(47, "E- L+ 0+", *conditions(when("ForAllValues:StringNotEquals", E))),
    *rows(48, "E- L+ 0-", *conditions(when("ForAnyValue:StringNotEquals", E))),
    *rows(49, "E+ L- 0-", *conditions(when("StringEquals", E, key="IAM:passedtoservice"))),
    *rows(
        50, "E? L- 0-",
        *conditions({"StringEquals": {PTS: E, "aws:PrincipalTag/t": "y"}}),
        note=f"{OTHER_KEY}; with the tag absent, it would be E-",
    ),
    *rows(51, "E- L- 0-", *conditions({**when("StringEquals", E), **when("StringNotEquals", E)})),
    *rows(52, "E+ L- iam:GetRole-", allow(Action="iam:*", Condition=when("StringEquals", E))),
    *rows(53, "E+ L- iam:GetRole+", allow(Action="iam:*", Condition=when("StringEqualsIfExists", E))),
    *rows(54, "E?", *conditions(when("ArnLike", INSTANCES, key=ARA)), note=f"{ASSOCIATED}: instance +, volume -"),
    *rows(54, "iam:GetRole-", allow(Action="iam:*", Condition=when("ArnLike", INSTANCES, key=ARA)), note="key absent"),
    *rows(
        55, "E?",
        *conditions(when("ArnLike", "arn:aws:ec2:us-east-1:111122223333:instance/*", key=ARA)),
        note=f"unsure; {ASSOCIATED}",
    ),
    *rows(56, "E?", *conditions(when("ArnNotLike", "arn:aws:ec2:*:*:instance/*", key=ARA)), note=ASSOCIATED),
    *rows(
        56, "iam:GetRole+",
        allow(Action="iam:*", Condition=when("ArnNotLike", "arn:aws:ec2:*:*:instance/*", key=ARA)),
        note="key absent",
    ),
    *rows(
        57, "W?",
        *conditions(
            when("Bool", "true", key="aws:ViaAWSService"),
            when("ForAnyValue:StringEquals", "cloudformation.amazonaws.com", key="aws:CalledVia"),
        ),
        note=f"{OTHER_KEY}; a direct call is -",
    ),
    *rows(
        58, "W?",
        *conditions(
            when("IpAddress", "203.0.113.0/24", key="aws:SourceIp"),
            when("NotIpAddress", "203.0.113.0/24", key="aws:SourceIp"),
        ),
        note=f"{OTHER_KEY}; through a VPC endpoint they are - and +",
    ),
    *rows(
        59, "E+ LD 0D",
        (allow(), deny(Condition=when("StringNotEquals", E))),
        (allow(), deny(Condition=when("StringNotEqualsIfExists", E))),
    ),
    *rows(60, "ED L+ C+ 0+", (allow(), deny(Condition=when("StringEquals", E)))),
    *rows(61, "E+ LD 0+", (allow(), deny(Condition=when("ForAnyValue:StringNotEquals", E)))),
    *rows(
        62, "W/E+ P/L+ W/L- P/E-",
        (
            allow(Resource=ROLES["W"], Condition=when("StringEquals", E)),
            allow(Resource=ROLES["P"], Condition=when("StringEquals", L)),
        ),
    ),
    *rows(
        63, "W+", allow(),
        note="boundaries, SCPs and session policies are not looked at yet: the answer of the identity policy alone",
    ),
    *rows(
        64, "E+ L+ 0-", *conditions(when("StringEquals", [E, L])),
        note="the identity policy alone; a boundary that allows E only would make it E+ L- 0-",
    ),
    *rows(
        65, "W?", *conditions(when("StringEquals", "y", key="iam:ResourceTag/x")),
        note="AWS: no reliable results (9.5)",
    ),
]  # fmt: skip

_REQUEST = re.compile(r"(?:(?P<role>[WPS])?/?(?P<service>[ELC0])?|(?P<action>\w+:\w+))(?P<answer>[-+D?])")


def requests_of(row: Row) -> Iterator[tuple[str, str, str | None, str]]:
    """Yield action, role, service and expected answer of every request of a row."""
    for word in row.requests.split():
        match = _REQUEST.fullmatch(word)
        assert match is not None, word
        role = ROLES[match["role"] or "W"]
        if match["action"]:
            yield match["action"], role, None, match["answer"]
            continue
        for letter in match["service"] or "ELC0":
            yield "iam:PassRole", role, SERVICES[letter], match["answer"]


def statements_of(row: Row) -> tuple[Statement, ...]:
    document = parse_document(text(row.document, AT))
    assert not document.problems
    return document.statements


def decide(statements: tuple[Statement, ...], name: str, role: str, service: str | None) -> str:
    """The answer for one request: any Deny wins, then any Allow, else it is not allowed."""
    allowed = denied = Ternary.NO
    for statement in statements:
        answer = _action(statement, name) & _resource(statement, role) & _condition(statement, name, service)
        if statement.effect == "Deny":
            denied = denied | answer
        else:
            allowed = allowed | answer
    if denied is Ternary.YES:
        return "D"
    return {Ternary.YES: "+", Ternary.NO: "-", Ternary.UNKNOWN: "?"}[allowed & ~denied]


def _action(statement: Statement, name: str) -> Ternary:
    if statement.actions is None:
        return action.not_action_covers(statement.not_actions or (), name)
    answer = Ternary.NO
    for pattern in statement.actions:
        answer = answer | action.matches(pattern, name)
    return answer


def _resource(statement: Statement, role: str) -> Ternary:
    answer = Ternary.NO
    for pattern in statement.resources if statement.resources is not None else statement.not_resources or ():
        answer = answer | arn.matches(pattern, role, variables=statement.variables)
    return answer if statement.resources is not None else ~answer


def _condition(statement: Statement, name: str, service: str | None) -> Ternary:
    effect = evaluate(statement.condition, KNOWN, variables=statement.variables)
    if name != "iam:PassRole":  # requests of other actions carry neither of the two keys
        return effect.without_key & Ternary.of(not effect.shared)
    if service is None:
        answer = effect.without_key
    elif service in effect.allowed:
        answer = Ternary.YES
    else:
        answer = Ternary.UNKNOWN if service in effect.possible else Ternary.NO
    depends = bool(effect.others or effect.tags or effect.associated_resource_arn)
    return answer & Ternary.UNKNOWN if depends else answer


def test_every_row_is_here() -> None:
    """The table has its 65 rows."""
    assert {row.number for row in TABLE} == set(range(1, 66))


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_requests_of_a_row(row: Row) -> None:
    """Every request of a row is answered as by IAM, or unknown where the row says so."""
    statements = statements_of(row)
    wrong = [
        f"{name} {role} to {service or 'no service'}: {answer} instead of {expected}"
        for name, role, service, expected in requests_of(row)
        if (answer := decide(statements, name, role, service)) != expected
    ]
    assert not wrong


@pytest.mark.parametrize("row", [row for row in TABLE if "GetRole" not in row.requests.split()[0]], ids=str)
def test_grants_keep_what_is_allowed(row: Row) -> None:
    """If some request is allowed or unknown, an Allow is live; if all are certainly denied, none is."""
    grants = [
        grant
        for grant in grants_of(statements_of(row), {"aws": KNOWN})
        if grant.effect == "Allow" and not grant.denied and not grant.condition.dead
        and grant.scope is not Scope.NOT_A_ROLE
    ]  # fmt: skip
    answers = {answer for name, _, _, answer in requests_of(row) if name == "iam:PassRole"}
    if answers & {"+", "?"}:
        assert grants
        return
    for grant in grants:  # a grant that is left must be about other requests than the row's
        for _, role, service, _ in requests_of(row):
            effect = grant.condition
            through = effect.without_key if service is None else Ternary.of(service in effect.allowed)
            kept = Ternary.NO
            for item in grant.roles:
                kept = kept | arn.matches(item.pattern, role, variables=grant.statement.variables)
            assert through & (~kept if grant.complement else kept) is not Ternary.YES


@pytest.mark.parametrize("row", [row for row in TABLE if len(row.statements) > 1], ids=str)
def test_order_of_statements_does_not_matter(row: Row) -> None:
    """The same statements in the other order give the same answers."""
    statements = tuple(reversed(statements_of(row)))
    for name, role, service, expected in requests_of(row):
        assert decide(statements, name, role, service) == expected


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_one_and_a_list_of_one_are_the_same(row: Row) -> None:
    """A scalar and a list with this one element mean the same, wherever the grammar has both."""
    elements = {"Action", "NotAction", "Resource", "NotResource"}
    listed = tuple(
        {key: [value] if key in elements and isinstance(value, str) else value for key, value in item.items()}
        for item in row.statements
    )
    statements = statements_of(Row(row.number, row.requests, listed, row.version))
    for name, role, service, expected in requests_of(row):
        assert decide(statements, name, role, service) == expected
