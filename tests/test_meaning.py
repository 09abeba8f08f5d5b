"""Findings follow what a policy means, not how it is spelled: properties over generated statements."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.findings import Finding, Severity
from passrole_checks.iam.values.nodes import Position, StringNode, Unresolved, join
from passrole_checks.scan.scanner import ScanOptions, scan_configurations
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, Framework, ResourceDefinition

AT = Position("policy.json", 1)
A = "arn:aws:iam::111122223333:"

actions = st.sampled_from(
    ["iam:PassRole", "iam:Pass*", "iam:*", "*", "iam:GetRole", "s3:GetObject", "IAM:PASSROLE", "iam:?assRole"]
)
resources = st.sampled_from(
    ["*", f"{A}role/*", f"{A}role/app", f"{A}role/app-*", f"{A}role/team/app", f"{A}*", "arn:aws:iam::*:role/app",
     "arn:aws:s3:::app", f"{A}instance-profile/app", "arn:*:iam::*:role/a*"]
)  # fmt: skip
keys = st.sampled_from(
    ["iam:PassedToService", "aws:MultiFactorAuthPresent", "iam:ResourceTag/team", "iam:AssociatedResourceArn"]
)
operators = st.sampled_from(
    ["StringEquals", "StringLike", "StringNotEquals", "StringEqualsIfExists", "ForAllValues:StringEquals",
     "ForAnyValue:StringLike"]
)  # fmt: skip
values = st.lists(
    st.sampled_from(["lambda.amazonaws.com", "ec2.amazonaws.com", "*", "ec2.*", "lambda", "*.amazonaws.com"]),
    min_size=1, max_size=2, unique=True,
)  # fmt: skip
conditions = st.dictionaries(operators, st.dictionaries(keys, values, min_size=1, max_size=2), max_size=2)
statements = st.fixed_dictionaries(
    {
        "Effect": st.just("Allow"),
        "Action": st.lists(actions, min_size=1, max_size=2, unique=True),
        "Resource": st.lists(resources, min_size=1, max_size=2, unique=True),
        "Condition": conditions,
    }
)


def scan(text: StringNode) -> tuple[Finding, ...]:
    resource = ResourceDefinition("Policy", "AWS::IAM::ManagedPolicy", Framework.CLOUDFORMATION, AT)
    policy = AttachedPolicy(resource, "PolicyDocument", text)
    configuration = Configuration(Framework.CLOUDFORMATION, ("policy.json",), policies=(policy,))
    result = scan_configurations([configuration], ScanOptions(minimum_severity=Severity.INFO))
    assert result.unreadable == ()
    return result.findings


def document(*written: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(written)})


def found(*written: dict[str, Any]) -> set[tuple[str, Severity]]:
    return {(item.check_id, item.severity) for item in scan(StringNode((document(*written),), AT))}


def ids(*written: dict[str, Any]) -> set[str]:
    return {check_id for check_id, _ in found(*written)}


@given(statements)
def test_scalar_and_list_are_the_same(statement: dict[str, Any]) -> None:
    """A list of one and the scalar in it give the same findings."""
    scalar = {
        key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in statement.items()
    }
    assert found(scalar) == found(statement)


@given(statements)
def test_letter_case_of_actions_and_keys_makes_no_difference(statement: dict[str, Any]) -> None:
    """Actions and condition keys compare without case."""
    swapped = {
        **statement,
        "Action": [item.swapcase() for item in statement["Action"]],
        "Condition": {
            operator: {key.swapcase(): value for key, value in block.items()}
            for operator, block in statement["Condition"].items()
        },
    }
    assert found(swapped) == found(statement)


@given(statements, st.sampled_from(["role", "action", "condition"]), st.integers(0, 40))
def test_widening_never_removes_a_finding(statement: dict[str, Any], what: str, place: int) -> None:
    """A star more in a Resource, all actions, or no condition: what was flagged as a grant stays flagged."""
    about_grants = ids(statement) - {"PASSROLE_010", "PASSROLE_012"}
    assume(about_grants)
    wider = dict(statement)
    if what == "role":
        first, *others = statement["Resource"]
        wider["Resource"] = [first[:place] + "*" + first[place:], *others]
        assume(not first.startswith("arn:aws:s3") and place >= len("arn:aws:iam::111122223333:"))
    elif what == "action":
        wider["Action"] = ["*"]
    else:
        wider["Condition"] = {}
    after = ids(wider)
    assert after
    if "PASSROLE_001" in about_grants:
        assert "PASSROLE_001" in after


@settings(max_examples=examples(300))
@given(statements, st.data())
def test_an_unknown_never_turns_a_finding_into_silence(statement: dict[str, Any], data: st.DataObject) -> None:
    """With an unknown value in place of a literal, a flagged statement stays flagged or becomes unresolved."""
    about_grants = ids(statement) - {"PASSROLE_010", "PASSROLE_012"}
    assume(about_grants)
    written = document(statement)
    literals = [json.dumps(item) for item in [*statement["Action"], *statement["Resource"]]]
    for operator, block in statement["Condition"].items():
        literals.append(json.dumps(operator))
        for key, items in block.items():
            literals += [json.dumps(key), *map(json.dumps, items)]
    literal = data.draw(st.sampled_from(literals))
    start = data.draw(st.integers(1, len(literal) - 1))
    end = data.draw(st.integers(start, len(literal) - 1))
    before, _, after = written.partition(literal)
    parts = (before + literal[:start], Unresolved("var.x"), literal[end:] + after)
    assert {item.check_id for item in scan(StringNode(join(parts), AT))}


@given(st.lists(statements, min_size=1, max_size=3))
def test_every_path_leads_to_its_statement(written: list[dict[str, Any]]) -> None:
    """The statement path of a finding leads to a statement of the document."""
    tree = {"PolicyDocument": json.loads(document(*written))}
    for item in scan(StringNode((document(*written),), AT)):
        place: Any = tree
        for key in item.statement_path.split("/"):
            place = place[int(key) if isinstance(place, list) else key]
        assert place["Effect"] == "Allow"


@given(statements)
def test_a_fingerprint_survives_moves(statement: dict[str, Any]) -> None:
    """A statement that only moves within its file keeps its fingerprints."""
    other = {"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::app"}
    alone = {item.fingerprint for item in scan(StringNode((document(statement),), AT))}
    moved = {item.fingerprint for item in scan(StringNode((document(other, statement),), AT))}
    assert alone == moved
