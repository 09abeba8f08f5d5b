"""Evaluation of Condition blocks: the truth table, constraints, likely typos, unresolved parts and malformed input."""

from __future__ import annotations

from typing import Any

import pytest
from path_conditions_of_tests import choice

from passrole_checks.aws.service_principals import known_services
from passrole_checks.iam.conditions.passed_to_service import ConditionEffect, Constraint, evaluate
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    Ternary,
    Unresolved,
    UnresolvedKind,
    text,
    unresolved,
)

AT = Position("policy.json", 1)
PTS = "iam:PassedToService"
E = "ec2.amazonaws.com"
L = "lambda.amazonaws.com"
C = "ec2.amazonaws.com.cn"
STANDARD = frozenset({E, L, "monitoring.rds.amazonaws.com", "ecs-tasks.amazonaws.com", "events.amazonaws.com"})
CHINA = STANDARD | {C}


def node(value: Any) -> Node:
    """A policy written as Python values; nodes, and tuples of the parts of a text, may stand anywhere in it."""
    if isinstance(value, str):
        return text(value, AT)
    if isinstance(value, tuple):
        return StringNode(value, AT)
    if isinstance(value, list):
        return ListNode(tuple(node(item) for item in value), AT)
    if isinstance(value, dict):
        entries = []
        for key, item in value.items():
            name = node(key)
            assert isinstance(name, StringNode)
            entries.append(ObjectEntry(name, node(item)))
        return ObjectNode(tuple(entries), AT)
    if value is None or isinstance(value, (bool, int, float)):
        return Const(value, AT)
    assert isinstance(value, (StringNode, Const, ListNode, ObjectNode, Choice, Absent))
    return value


def of(condition: Any, services: frozenset[str] = CHINA, *, variables: bool = True) -> ConditionEffect:
    return evaluate(node(condition), services, variables=variables)


@pytest.mark.parametrize("operator", ["NumericNotEquals", "DateNotEquals", "NotIpAddress", "ArnNotLike"])
def test_negated_operator_of_another_type_is_unknown(operator: str) -> None:
    """AWS's pages do not say what becomes of "is not" where a number, a date, an address or an ARN is compared with the
    name of a service: it may let every service through, or none."""
    effect = of({operator: {PTS: "5"}})
    assert (effect.allowed, effect.unknown_service) == (frozenset(), Ternary.UNKNOWN)
    assert effect.possible >= CHINA and effect.constraint is Constraint.INEFFECTIVE
    assert effect.without_key is Ternary.YES


def hole(
    expression: str, kind: UnresolvedKind = UnresolvedKind.ANYTHING, known: tuple[str | Unresolved, ...] | None = None
) -> Unresolved:
    return Unresolved(expression, kind, known=known)


def answer(effect: ConditionEffect, request: str) -> str:
    """Return the table entry for a request: ``+`` allowed, ``-`` not allowed, ``?`` unknown."""
    if request == "0":
        return {Ternary.YES: "+", Ternary.NO: "-", Ternary.UNKNOWN: "?"}[effect.without_key]
    service = {"E": E, "L": L, "C": C}[request]
    if service in effect.allowed:
        return "+"
    return "?" if service in effect.possible else "-"


# The rows of the truth table that concern conditions on iam:PassedToService. Of the rows that deny (59 to 61) it is the
# Deny's own block that is decided, so ``+`` reads "denied".
TABLE: list[tuple[str, Any, str]] = [
    ("30", {"StringEquals": {PTS: E}}, "E+ L- C- 0-"),
    ("31", {"StringEquals": {PTS: [E, L]}}, "E+ L+ C- 0-"),
    ("32", {"StringEquals": {PTS: "EC2.amazonaws.com"}}, "E- L- C- 0-"),
    ("33", {"StringEqualsIgnoreCase": {PTS: "EC2.AMAZONAWS.COM"}}, "E+ L- C- 0-"),
    ("34a", {"StringEquals": {PTS: "*"}}, "E- L- C- 0-"),
    ("34b", {"StringEquals": {PTS: "ec2.*"}}, "E- L- C- 0-"),
    ("35", {"StringLike": {PTS: "*"}}, "E+ L+ C+ 0-"),
    ("36a", {"StringLike": {PTS: "ec2.*"}}, "E+ C+ L- 0-"),
    ("36b", {"StringLike": {PTS: "ec2.amazonaws.com*"}}, "E+ C+ L- 0-"),
    ("37", {"StringLike": {PTS: "*.amazonaws.com"}}, "E+ L+ C- 0-"),
    ("38", {"StringEqualsIfExists": {PTS: E}}, "E+ L- C- 0+"),
    ("39a", {"StringNotEquals": {PTS: E}}, "E- L+ C+ 0+"),
    ("39b", {"StringNotEqualsIfExists": {PTS: E}}, "E- L+ C+ 0+"),
    ("40", {"StringNotEquals": {PTS: [E, L]}}, "E- L- C+ 0+"),
    ("41", {"StringNotLike": {PTS: "ec2.*"}}, "E- C- L+ 0+"),
    ("42", {"Null": {PTS: "true"}}, "0+ E- L- C-"),
    ("43", {"Null": {PTS: "false"}}, "E+ L+ C+ 0-"),
    ("44", {"StringNotEquals": {PTS: E}, "Null": {PTS: "false"}}, "E- L+ C+ 0-"),
    ("45", {"ForAllValues:StringEquals": {PTS: E}}, "E+ L- C- 0+"),
    ("46", {"ForAnyValue:StringEquals": {PTS: E}}, "E+ L- C- 0-"),
    ("47", {"ForAllValues:StringNotEquals": {PTS: E}}, "E- L+ C+ 0+"),
    ("48", {"ForAnyValue:StringNotEquals": {PTS: E}}, "E- L+ C+ 0-"),
    ("49", {"StringEquals": {"IAM:passedtoservice": E}}, "E+ L- C- 0-"),
    ("51", {"StringEquals": {PTS: E}, "StringNotEquals": {PTS: E}}, "E- L- C- 0-"),
    ("52", {"StringEquals": {PTS: E}}, "E+ L- 0-"),
    ("53", {"StringEqualsIfExists": {PTS: E}}, "E+ L- 0+"),
    ("59a", {"StringNotEquals": {PTS: E}}, "E- L+ 0+"),
    ("59b", {"StringNotEqualsIfExists": {PTS: E}}, "E- L+ 0+"),
    ("60", {"StringEquals": {PTS: E}}, "E+ L- C- 0-"),
    ("61", {"ForAnyValue:StringNotEquals": {PTS: E}}, "E- L+ 0-"),
]


@pytest.mark.parametrize(("row", "condition", "requests"), TABLE, ids=[row[0] for row in TABLE])
def test_truth_table(row: str, condition: Any, requests: str) -> None:
    """Each row of the truth table of the specification holds."""
    effect = of(condition)
    assert [request[0] + answer(effect, request[0]) for request in requests.split()] == requests.split()
    assert effect.problems == () and effect.unresolved == ()


def test_row_50_other_key_is_listed_and_ignored() -> None:
    """A key that has nothing to do with the service is listed, and taken to be satisfiable."""
    effect = of({"StringEquals": {PTS: E, "aws:PrincipalTag/t": "y"}})
    assert (effect.constraint, effect.allowed, effect.others) == (
        Constraint.EXACT,
        frozenset({E}),
        ("aws:PrincipalTag/t",),
    )


@pytest.mark.parametrize(
    ("operator", "value", "shared"),
    [
        ("StringEquals", E, (PTS,)),  # row 52
        ("StringEqualsIfExists", E, ()),  # row 53
        ("StringNotEquals", E, ()),
        ("ForAllValues:StringEquals", E, ()),
        ("ForAnyValue:StringEquals", E, (PTS,)),
        ("ForAnyValue:StringNotEquals", E, (PTS,)),
        ("ForAnyValue:StringEqualsIfExists", E, ()),
        ("Null", "false", (PTS,)),
        ("Null", "true", ()),
    ],
)
def test_shared_keys_are_those_that_a_missing_key_fails(operator: str, value: str, shared: tuple[str, ...]) -> None:
    """A PassRole-only key is shared where a request without the key cannot meet the operator."""
    assert of({operator: {PTS: value}}).shared == shared


@pytest.mark.parametrize(
    ("operator", "shared"),
    [
        ("ArnLike", True),  # rows 54 and 55
        ("ArnNotLike", False),  # row 56
        ("StringLike", True),
        ("ArnLikeIfExists", False),
    ],
)
def test_rows_54_to_56_associated_resource_arn(operator: str, shared: bool) -> None:
    """iam:AssociatedResourceArn is reported, shared if a missing key fails, and does not restrict the service."""
    effect = of({operator: {"iam:associatedresourcearn": "arn:aws:ec2:*:111122223333:instance/*"}})
    assert effect.associated_resource_arn
    assert effect.shared == (("iam:associatedresourcearn",) if shared else ())
    assert (effect.constraint, effect.allowed, effect.without_key) == (Constraint.ABSENT, CHINA, Ternary.YES)
    assert effect.others == effect.tags == ()


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:ViaAWSService": "true"}},
        {"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}},
        {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
        {"NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}},
    ],
)
def test_rows_57_and_58_other_keys(condition: dict[str, dict[str, Any]]) -> None:
    """Conditions on other keys leave the service open and are named."""
    effect = of(condition)
    assert effect.constraint is Constraint.ABSENT and effect.allowed == CHINA
    assert [*effect.others] == [key for keys in condition.values() for key in keys]


CONSTRAINTS: list[tuple[Any, Constraint]] = [
    ({}, Constraint.ABSENT),
    ({"StringEquals": {}}, Constraint.ABSENT),
    ({"Bool": {"aws:MultiFactorAuthPresent": True}}, Constraint.ABSENT),
    ({"StringEquals": {PTS: E}}, Constraint.EXACT),
    ({"StringLike": {PTS: [E, L]}}, Constraint.EXACT),
    ({"StringEqualsIgnoreCase": {PTS: E}}, Constraint.EXACT),
    ({"ForAnyValue:StringEquals": {PTS: [E]}}, Constraint.EXACT),
    ({"StringEquals": {PTS: E, "aws:SourceVpc": "vpc-1"}}, Constraint.EXACT),
    ({"StringEquals": {PTS: "brand-new.amazonaws.com"}}, Constraint.EXACT),
    ({"StringEquals": {PTS: [E, L]}, "StringNotEquals": {PTS: L}}, Constraint.EXACT),
    ({"StringEquals": {PTS: E}, "StringLike": {PTS: "ec2*"}}, Constraint.EXACT),
    ({"StringEqualsIfExists": {PTS: E}, "Null": {PTS: False}}, Constraint.EXACT),
    ({"StringEquals": {PTS: E}, "StringEqualsIfExists": {PTS: [E, L]}}, Constraint.EXACT),
    ({"StringLike": {PTS: "ec2${*}"}, "StringEquals": {PTS: E}}, Constraint.NEVER),
    ({"StringEqualsIfExists": {PTS: E}}, Constraint.EXACT_IF_PRESENT),
    ({"ForAllValues:StringEquals": {PTS: E}}, Constraint.EXACT_IF_PRESENT),
    ({"ForAnyValue:StringEqualsIfExists": {PTS: E}}, Constraint.EXACT_IF_PRESENT),
    ({"StringLike": {PTS: "ec2*"}}, Constraint.PATTERN),
    ({"StringLike": {PTS: [E, "lambda*"]}}, Constraint.PATTERN),
    ({"StringLike": {PTS: "dms.*.amazonaws.com"}}, Constraint.PATTERN),
    ({"StringNotEquals": {PTS: E}}, Constraint.PATTERN),
    ({"StringNotEquals": {PTS: "brand-new.amazonaws.com"}}, Constraint.PATTERN),
    ({"StringNotLike": {PTS: "brand-new.*"}}, Constraint.PATTERN),
    ({"StringNotEquals": {PTS: E}, "Null": {PTS: "false"}}, Constraint.PATTERN),
    ({"StringLike": {PTS: "*"}}, Constraint.INEFFECTIVE),
    ({"StringLike": {PTS: "*.amazonaws.com*"}}, Constraint.INEFFECTIVE),
    ({"StringLike": {PTS: ["ec2*", "*"]}}, Constraint.INEFFECTIVE),
    ({"StringNotEquals": {PTS: "lambda"}}, Constraint.INEFFECTIVE),
    ({"StringEquals": {PTS: "lambda"}}, Constraint.NEVER),
    ({"StringEqualsIfExists": {PTS: "lambda"}}, Constraint.INEFFECTIVE),
    ({"Null": {PTS: "false"}}, Constraint.INEFFECTIVE),
    ({"Null": {PTS: "true"}}, Constraint.INEFFECTIVE),
    ({"Null": {PTS: ["true", "false"]}}, Constraint.INEFFECTIVE),
    ({"ForAllValues:Null": {PTS: "true"}}, Constraint.INEFFECTIVE),
    ({"ForAnyValue:Null": {PTS: "false"}}, Constraint.NEVER),
    ({"StringEquals": {PTS: E}, "StringNotEquals": {PTS: E}}, Constraint.NEVER),
    ({"NumericEquals": {PTS: "1"}}, Constraint.NEVER),
    ({"NumericNotEquals": {PTS: 1}}, Constraint.INEFFECTIVE),
    ({"Bool": {PTS: True}}, Constraint.NEVER),
    ({"ArnLike": {PTS: "ec2.*"}}, Constraint.UNRESOLVED),
]


@pytest.mark.parametrize(("condition", "constraint"), CONSTRAINTS, ids=[str(condition) for condition, _ in CONSTRAINTS])
def test_constraint(condition: Any, constraint: Constraint) -> None:
    """The constraint says what the block means, however it is written."""
    assert of(condition).constraint is constraint


def test_list_of_all_services_of_a_partition_is_ineffective() -> None:
    """`*.amazonaws.com` leaves no service of `aws` out, and leaves out those of `aws-cn` with a name of their own."""
    condition = {"StringLike": {PTS: "*.amazonaws.com"}}
    standard = of(condition, STANDARD)
    assert (standard.constraint, standard.unknown_service) == (Constraint.INEFFECTIVE, Ternary.YES)
    china = of(condition, CHINA)
    assert (china.constraint, china.unknown_service) == (Constraint.PATTERN, Ternary.UNKNOWN)


@pytest.mark.parametrize(
    ("patterns", "constraint"),
    [
        (["???*.amazonaws.com"], Constraint.INEFFECTIVE),
        (["*a*.amazonaws.com", "*b*.amazonaws.com", "????????*.amazonaws.com"], Constraint.PATTERN),
        (["?*-?*.amazonaws.com"], Constraint.PATTERN),
    ],
)
def test_wildcards_that_leave_out_few_services_are_ineffective(patterns: list[str], constraint: Constraint) -> None:
    """A pattern that nearly every service matches restricts nothing, even if a few short names do not match."""
    services = known_services()
    assert of({"StringLike": {PTS: patterns}}, services).constraint is constraint
    both = of({"StringLike": {PTS: patterns}, "StringNotEquals": {PTS: E}}, services)
    assert both.constraint is Constraint.PATTERN


def test_missing_condition_allows_every_service() -> None:
    """Without a block every request passes and nothing is demanded."""
    for effect in (evaluate(None, STANDARD), of({}, STANDARD)):
        assert effect.constraint is Constraint.ABSENT and not effect.dead
        assert effect.allowed == effect.possible == STANDARD
        assert effect.unknown_service is effect.without_key is Ternary.YES


@pytest.mark.parametrize(
    ("condition", "dead"),
    [
        ({"StringEquals": {PTS: E}, "StringNotEquals": {PTS: E}}, True),
        ({"StringEquals": {PTS: E}, "ForAllValues:StringEquals": {PTS: L}}, True),
        ({"StringEquals": {PTS: "lambda"}}, True),
        ({"StringLike": {PTS: "arn:aws:*"}}, True),
        ({"StringEquals": {PTS: E}, "Null": {PTS: "true"}}, True),
        ({"ForAnyValue:Null": {PTS: "false"}}, True),
        ({"DateGreaterThan": {PTS: "2026-01-01T00:00:00Z"}}, True),
        ({"StringEqualsIfExists": {PTS: "lambda"}}, False),
        ({"Null": {PTS: "true"}}, False),
        ({"StringEquals": {PTS: "brand-new.amazonaws.com"}}, False),
        ({"StringLike": {PTS: "brand-new.*"}}, False),
        ({"StringLike": {PTS: "brand-new.amazonaws.com.??"}}, False),
        ({"StringEquals": {PTS: ("states.", hole("AWS::Region", UnresolvedKind.REGION), ".amazonaws.com")}}, False),
        ({"StringEquals": {PTS: (hole("var.service"),)}}, False),
        ({"StringEquals": {"iam:PassToService": E}}, False),
    ],
)
def test_dead(condition: Any, dead: bool) -> None:
    """A block is dead where no request can meet what it says of the service."""
    assert of(condition).dead is dead


@pytest.mark.parametrize(
    ("condition", "negated_only"),
    [
        ({"StringNotEquals": {PTS: E}}, True),
        ({"StringNotEquals": {PTS: E}, "Null": {PTS: "false"}}, True),
        ({"ForAnyValue:StringNotLike": {PTS: "e*"}, "StringNotEquals": {PTS: L}}, True),
        ({"StringNotEquals": {PTS: E}, "StringLike": {PTS: "*"}}, False),
        ({"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}, False),
        ({"Null": {PTS: "false"}}, False),
        ({"StringEquals": {PTS: E}}, False),
    ],
)
def test_negated_only(condition: Any, negated_only: bool) -> None:
    """A block is negated only where the service stands under negated operators, presence apart."""
    assert of(condition).negated_only is negated_only


def test_other_keys_are_listed_as_written_and_in_order() -> None:
    """Role tags and other keys are listed separately, spelled as written, without repeats; values keep their order."""
    effect = of(
        {
            "StringLike": {PTS: [L, "ec2*", L], "AWS:ResourceTag/Team": "x", "aws:RequestedRegion": "eu-*"},
            "StringEquals": {"iam:ResourceTag/env": "prod", "aws:PrincipalTag/a": "b", PTS: [L]},
            "Null": {"aws:RequestedRegion": "false", PTS: "false"},
        }
    )
    assert effect.tags == ("AWS:ResourceTag/Team", "iam:ResourceTag/env")
    assert effect.others == ("aws:RequestedRegion", "aws:PrincipalTag/a")
    assert effect.values == (L, "ec2*")
    assert effect.shared == (PTS,)
    assert effect.allowed == {L}


SUSPICIONS: list[tuple[Any, str, str]] = [
    (
        {"StringEquals": {PTS: "lambda"}},
        "lambda",
        "can never match: it has no domain; did you mean lambda.amazonaws.com?",
    ),
    ({"StringEquals": {PTS: "lambda.amazon.com"}}, "lambda.amazon.com", "did you mean lambda.amazonaws.com?"),
    ({"StringEquals": {PTS: "events.amazonaws"}}, "events.amazonaws", "did you mean events.amazonaws.com?"),
    ({"StringEquals": {PTS: f"https://{E}"}}, f"https://{E}", f"did you mean {E}?"),
    (
        {"StringEquals": {PTS: "EC2.amazonaws.com"}},
        "EC2.amazonaws.com",
        f"lower case, without spaces; did you mean {E}?",
    ),
    ({"StringEquals": {PTS: f"{E} "}}, f"{E} ", f"without spaces; did you mean {E}?"),
    ({"StringEquals": {PTS: "ec2.*"}}, "ec2.*", "a wildcard is a plain character; did you mean StringLike?"),
    ({"StringNotEquals": {PTS: "ec2.*"}}, "ec2.*", "does not restrict the service: under StringNotEquals"),
    (
        {"StringEquals": {PTS: "arn:aws:iam::111122223333:role/x"}},
        "arn:aws:iam::111122223333:role/x",
        "an ARN is not a service",
    ),
    ({"StringLike": {PTS: "arn:aws:lambda:*"}}, "arn:aws:lambda:*", f"did you mean {L}?"),
    ({"StringEquals": {PTS: ""}}, "", "it is empty"),
    ({"StringEquals": {PTS: "lamda"}}, "lamda", f"it has no domain; did you mean {L}?"),
    ({"StringEquals": {PTS: ".amazonaws.com"}}, ".amazonaws.com", "service principals end in .amazonaws.com"),
    ({"StringEquals": {PTS: "-.amazonaws.com"}}, "-.amazonaws.com", "service principals end in .amazonaws.com"),
    ({"StringEquals": {PTS: True}}, "true", "it has no domain, such as .amazonaws.com"),
    ({"NumericEquals": {PTS: E}}, "NumericEquals", "compares numbers and can never match"),
    ({"ArnEquals": {PTS: E}}, "ArnEquals", "did you mean StringEquals?"),
    ({"stringEquals": {PTS: E}}, "stringEquals", "did you mean StringEquals?"),
    ({"StringEqualIfExists": {PTS: E}}, "StringEqualIfExists", "did you mean StringEqualsIfExists?"),
    ({"StringEquals": {"iam:PassToService": E}}, "iam:PassToService", f"did you mean {PTS}?"),
    ({"StringEquals": {"aws:PassedToService": E}}, "aws:PassedToService", f"did you mean {PTS}?"),
    ({"StringEquals": {"PassedToService": E}}, "PassedToService", f"did you mean {PTS}?"),
    ({"StringEquals": {"iam:PassedToService ": E}}, "iam:PassedToService ", f"did you mean {PTS}?"),
]


@pytest.mark.parametrize(("condition", "value", "reason"), SUSPICIONS, ids=[row[1] for row in SUSPICIONS])
def test_likely_typo_has_reason_and_suggestion(condition: Any, value: str, reason: str) -> None:
    """A value that can never match or has no effect is reported with a reason and the likely correct spelling."""
    (suspicion,) = of(condition).likely_typos
    assert suspicion.value == value
    assert reason in suspicion.reason


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {PTS: [E, L, C, "brand-new.amazonaws.com", "ops.new.amazonaws.com", "dms.c2s.ic.gov"]}},
        {"StringEqualsIgnoreCase": {PTS: "EC2.AmazonAWS.com"}},
        {"StringEquals": {"IAM:PASSEDTOSERVICE": E}},
        {"StringLike": {PTS: ["*", "ec2*", "*.amazonaws.com", "ec2.amazonaws.*", "??2.amazonaws.com"]}},
        {"StringEquals": {PTS: ("ec2.", hole("AWS::URLSuffix"))}},
        {"StringEquals": {PTS: "${aws:PrincipalTag/service}"}},
        {"StringEquals": {"aws:CalledVia": E, "iam:AWSServiceName": E, "sts:RoleSessionName": "x"}},
        {"Null": {PTS: "false"}},
    ],
)
def test_value_that_can_match_is_no_typo(condition: Any) -> None:
    """A service that is merely not known, a pattern that can match, and an unresolved part raise no likely typo."""
    assert of(condition).likely_typos == ()


def test_likely_typos_have_positions() -> None:
    """A likely typo has the position of its value, key or operator."""
    key_at, value_at, operator_at = (Position("a.json", line) for line in (2, 3, 4))
    value = ListNode((text(E, AT), text("lambda", value_at)), AT)
    misspelt = ObjectEntry(text("iam:PassToService", key_at), text(E, AT))
    strings = ObjectEntry(text("StringEquals", AT), ObjectNode((ObjectEntry(text(PTS, AT), value), misspelt), AT))
    dates = ObjectEntry(text("DateEquals", operator_at), ObjectNode((ObjectEntry(text(PTS, AT), text(E, AT)),), AT))
    effect = evaluate(ObjectNode((strings, dates), AT), STANDARD)
    assert [suspicion.at for suspicion in effect.likely_typos] == [value_at, key_at, operator_at]


def test_likely_typo_has_the_position_in_its_own_file() -> None:
    """The same words in two files raise the same likely typo, each time with the place in that file."""
    for place in (Position("a.json", 3), Position("b.json", 7)):
        value = ObjectEntry(text(PTS, AT), text("lambda", place))
        effect = evaluate(ObjectNode((ObjectEntry(text("StringEquals", AT), ObjectNode((value,), AT)),), AT), STANDARD)
        assert [suspicion.at for suspicion in effect.likely_typos] == [place]


# Unresolved values.


def test_unresolved_block_is_unresolved() -> None:
    """Of a block that is not known nothing is known, and its unresolved part is named."""
    effect = evaluate(unresolved("var.condition", AT), STANDARD)
    assert effect.constraint is Constraint.UNRESOLVED and not effect.dead
    assert (effect.allowed, effect.possible) == (frozenset(), STANDARD)
    assert effect.unknown_service is effect.without_key is Ternary.UNKNOWN
    assert [hole.expression for hole in effect.unresolved] == ["var.condition"]
    assert effect.problems == ()


@pytest.mark.parametrize(
    "condition",
    [
        {(hole("x"),): {PTS: E}},
        {"StringEquals": (hole("x"),)},
        {"StringEquals": {(hole("x"),): E}},
        {"StringEquals": {("iam:", hole("x")): E}},
        {"StringEquals": {PTS: (hole("x"),)}},
        {"StringEquals": {PTS: [E, (hole("x"),)]}},
        {"StringEquals": {PTS: (hole("x", UnresolvedKind.NAME), ".amazonaws.com")}},
        {"StringNotEquals": {PTS: (hole("x"),)}},
        {"Null": {PTS: (hole("x"),)}},
        {"StringLike": {PTS: "*"}, "StringEquals": (hole("x"),)},
    ],
    ids=str,
)
def test_deciding_unresolved_part_is_listed(condition: Any) -> None:
    """An unresolved part at any level keeps services possible, allows none that depend on it, and is named."""
    effect = of(condition, STANDARD)
    assert effect.constraint is Constraint.UNRESOLVED
    assert [hole.expression for hole in effect.unresolved] == ["x"]
    assert E in effect.possible and L not in effect.allowed
    assert effect.problems == () and effect.likely_typos == ()


@pytest.mark.parametrize(
    ("condition", "constraint"),
    [
        ({"StringLike": {PTS: ["*", (hole("x"),)]}}, Constraint.INEFFECTIVE),
        ({"StringEquals": {PTS: "lambda"}, "StringLike": {PTS: (hole("x"),)}}, Constraint.NEVER),
        ({"StringEquals": {PTS: E, ("aws:PrincipalTag/", hole("x")): "y"}}, Constraint.EXACT),
        ({"StringEquals": {PTS: E, "aws:PrincipalTag/t": (hole("x"),)}}, Constraint.EXACT),
        ({"StringEquals": {PTS: E, ("aws:ResourceTag/", hole("x")): "y"}}, Constraint.EXACT),
        ({"StringEquals": {PTS: ("ec2.", hole("x", known=("amazonaws.com",)))}}, Constraint.EXACT),
        (
            {(hole("x", known=("StringEquals",)),): {(hole("x", known=("iam:", "PassedToService")),): E}},
            Constraint.EXACT,
        ),
        ({"StringEquals": {PTS: ("states.", hole("x", UnresolvedKind.REGION), ".amazonaws.com")}}, Constraint.EXACT),
        (
            {"StringNotEquals": {PTS: ("states.", hole("x", UnresolvedKind.REGION), ".amazonaws.com")}},
            Constraint.PATTERN,
        ),
        ({"StringLike": {PTS: ("*.", hole("x", UnresolvedKind.REGION), ".amazonaws.com")}}, Constraint.PATTERN),
    ],
)
def test_irrelevant_unresolved_part_is_not_listed(condition: Any, constraint: Constraint) -> None:
    """Literals, a Region in the name of one service, and parts without effect are not listed as unresolved."""
    effect = of(condition, STANDARD)
    assert (effect.constraint, effect.unresolved, effect.problems) == (constraint, (), ())


def test_unknown_test_beside_finite_list_stays_exact() -> None:
    """Beside a finite list, an unknown operator can only deny: the list stays, and the unresolved part is named."""
    effect = of({"StringEquals": {PTS: [E, L]}, "StringLike": (hole("x"),)})
    assert effect.constraint is Constraint.EXACT
    assert effect.allowed == frozenset() and effect.possible == {E, L}
    assert [hole.expression for hole in effect.unresolved] == ["x"]


@pytest.mark.parametrize(
    ("parts", "possible"),
    [
        (("ec2.", hole("x")), {E, C}),
        (("ec2.", hole("x", UnresolvedKind.NAME)), {E, C}),
        ((hole("x", UnresolvedKind.NAME), ".amazonaws.com"), CHINA - {C} | {"pinpoint.us-east-1.amazonaws.com"}),
        ((hole("x", UnresolvedKind.REGION), ".amazonaws.com"), set()),
        (("pinpoint.", hole("x", UnresolvedKind.REGION), ".amazonaws.com"), {"pinpoint.us-east-1.amazonaws.com"}),
        (("lambda.", hole("x", known=("amazonaws.", hole("y")))), {L}),
        ((hole("x", UnresolvedKind.ACCOUNT_ID), ".amazonaws.com"), set()),
    ],
)
def test_unresolved_part_matches_values_of_its_kind(parts: tuple[str | Unresolved, ...], possible: set[str]) -> None:
    """A value that is partly known keeps possible what its kind of unresolved part can complete, and nothing is surely
    allowed."""
    effect = of({"StringEquals": {PTS: parts}}, CHINA | {"pinpoint.us-east-1.amazonaws.com"})
    assert effect.possible == possible
    assert effect.allowed == frozenset()


# Policy variables.


@pytest.mark.parametrize(
    "value",
    [
        "${aws:PrincipalTag/service}",
        "${aws:PrincipalTag/service, 'ec2.amazonaws.com'}",
        "${aws:PrincipalTag/service}.amazonaws.com",
        (hole("aws:PrincipalTag/service", UnresolvedKind.POLICY_VARIABLE), ".amazonaws.com"),
        ("${aws:PrincipalTag/", hole("var.tag"), "}.amazonaws.com"),
    ],
)
def test_policy_variable_is_unknown(value: Any) -> None:
    """With variables a value that holds one is unknown; without them it is plain text that names no service."""
    with_variables = of({"StringEquals": {PTS: value}}, STANDARD)
    assert with_variables.constraint is Constraint.UNRESOLVED and with_variables.possible == STANDARD
    assert with_variables.unresolved[-1].kind is UnresolvedKind.POLICY_VARIABLE
    assert with_variables.unresolved[-1].expression.startswith("aws:PrincipalTag/")
    without = of({"StringEquals": {PTS: value}}, STANDARD, variables=False)
    assert without.possible == frozenset() and without.constraint is Constraint.NEVER


def test_escaped_characters_are_plain() -> None:
    """${*}, ${?} and ${$} are the characters themselves, under every operator."""
    for value in ("ec2${*}", "ec?.amazonaws.co${?}", "${$}*"):
        assert of({"StringLike": {PTS: value}}).possible == frozenset()
    assert of({"StringLike": {PTS: "ec2*"}}).allowed == {E, C}


def test_policy_variable_without_name_is_a_problem() -> None:
    """`${}` is no policy variable: told, and the answer is unknown."""
    effect = of({"StringEquals": {PTS: "${}"}})
    assert effect.constraint is Constraint.UNRESOLVED and "without a name" in effect.problems[0]


# Bad input.


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("StringEquals", "the Condition block is not an object of operators"),
        ([{"StringEquals": {PTS: E}}], "the Condition block is not an object of operators"),
        (None, "the Condition block is not an object of operators"),
        (("String", hole("x")), "the Condition block is not an object of operators"),
        ({"StringEquals": E}, "the value of StringEquals is not an object of keys"),
        ({"StringEquals": [{PTS: E}]}, "the value of StringEquals is not an object of keys"),
        ({"StringEquals": {PTS: []}}, f"{PTS} under StringEquals has no values"),
        ({"StringEquals": {PTS: {"a": "b"}}}, f"a value of {PTS} under StringEquals is not a string"),
        ({"StringEquals": {PTS: [[E]]}}, f"a value of {PTS} under StringEquals is not a string"),
        ({"StringEquals": {PTS: None}}, f"a value of {PTS} under StringEquals is not a string"),
        ({"StringEquals": {PTS: Absent(AT)}}, f"a value of {PTS} under StringEquals is not a string"),
        ({"StringEquals": {PTS: [choice("c", (("true", text(E, AT)),), AT), E]}}, f"a value of {PTS} under"),
        ({"StringLike": choice("c", (("true", text(E, AT)),), AT)}, "the value of StringLike is not an object of keys"),
        ({"Null": {PTS: "maybe"}}, f"the value maybe of {PTS} under Null is neither true nor false"),
        ({"NullIfExists": {PTS: "true"}}, "there is no condition operator NullIfExists"),
        ({"stringequals": {PTS: E}}, "there is no condition operator stringequals; did you mean StringEquals?"),
        (
            {"ForAnyValues:StringEquals": {PTS: E}},
            "there is no condition operator ForAnyValues:StringEquals; did you mean",
        ),
        ({"": {PTS: E}}, "there is no condition operator "),
    ],
)
def test_malformed_block_is_a_problem_and_unknown(condition: Any, problem: str) -> None:
    """A malformed part never crashes: it is reported as a problem, and everything that depends on it is unknown."""
    effect = of(condition, STANDARD)
    assert len(effect.problems) == 1 and effect.problems[0].startswith(problem)
    assert effect.constraint is Constraint.UNRESOLVED and not effect.dead
    assert (effect.allowed, effect.possible) == (frozenset(), STANDARD)


def test_unknown_operator_on_other_key_is_irrelevant() -> None:
    """A malformed operator on another key is reported and does not change the result."""
    effect = of({"stringLike": {"aws:SourceVpc": "vpc-*"}, "StringEquals": {PTS: E}})
    assert effect.constraint is Constraint.EXACT and effect.allowed == {E}
    assert effect.others == ("aws:SourceVpc",) and len(effect.problems) == 1 and effect.likely_typos == ()


def test_duplicate_key_is_a_problem_and_both_tests_apply() -> None:
    """The same key with other capitals is a problem, and both tests must be met."""
    effect = of({"StringEquals": {PTS: [E, L], PTS.upper(): [L]}})
    assert effect.allowed == {L}
    assert effect.problems == ("the key IAM:PASSEDTOSERVICE is duplicated under StringEquals",)


def test_duplicate_operator_is_a_problem_and_both_tests_apply() -> None:
    """The same operator twice is a problem, and both must be met."""
    entries = [ObjectEntry(text("StringEquals", AT), node({PTS: values})) for values in ([E, L], [L])]
    effect = evaluate(ObjectNode(tuple(entries), AT), STANDARD)
    assert effect.allowed == {L}
    assert effect.problems == ("the condition operator StringEquals is duplicated",)


def test_many_wildcards_are_evaluated_in_bounded_time() -> None:
    """A value made to exhaust a backtracking matcher is decided at once."""
    effect = of({"StringLike": {PTS: "*a" * 40 + "*b"}}, frozenset({"a" * 60 + ".amazonaws.com"}))
    assert effect.allowed == frozenset()
