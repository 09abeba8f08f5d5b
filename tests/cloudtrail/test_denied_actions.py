"""The denied action is reported as the error message names it, and never guessed (IAM User Guide, "Access denied error
messages")."""

from __future__ import annotations

import json

import pytest

from passrole_checks.cloudtrail import Pass, RequestOutcome, aggregate_passes
from passrole_checks.cloudtrail.extract import PassExtractor, Row
from passrole_checks.cloudtrail.model import LogSummary

ROLE = "arn:aws:iam::111122223333:role/app"
USER = "User: arn:aws:iam::111122223333:user/a is not authorized to perform:"
BECAUSE = "because no identity-based policy allows the action"


def read(message: str, *, role: str = ROLE) -> Pass:
    """Return the pass of a denied request with an error message."""
    row = Row(
        "e", "t", "glue.amazonaws.com", "CreateJob", "r", "ip", "AccessDenied", message, "111122223333", None,
        json.dumps({"name": "job", "role": role}), None, "f",
    )  # fmt: skip
    (found,) = PassExtractor(LogSummary()).of(row)
    return found


@pytest.mark.parametrize(
    ("message", "action", "role", "outcome"),
    [
        (f"{USER} iam:PassRole on resource: {ROLE} {BECAUSE}", "iam:PassRole", ROLE, RequestOutcome.DENIED),
        (f"{USER} iam:PassRole {BECAUSE}", "iam:PassRole", "", RequestOutcome.DENIED),
        (f"{USER} glue:CreateJob on resource: {ROLE} {BECAUSE}", "glue:CreateJob", "", RequestOutcome.FAILED),
        ("You are not authorized to perform this operation. Encoded message: x", "", "", RequestOutcome.DENIED),
        ("Access denied", "", "", RequestOutcome.DENIED),
        ("", "", "", RequestOutcome.DENIED),
    ],
)
def test_denied_action_is_that_of_the_message(message: str, action: str, role: str, outcome: RequestOutcome) -> None:
    """A message without an action, such as an encoded one of EC2, says nothing of it."""
    found = read(message)
    assert (found.denied_action, found.denied_role, found.outcome) == (action, role, outcome)


def test_role_in_the_message_is_the_denied_one() -> None:
    """It replaces the role that the request names."""
    found = read(f"{USER} iam:PassRole on resource: {ROLE} {BECAUSE}", role=f"{ROLE}-2")
    assert (found.role, found.denied_role) == (ROLE, ROLE)


def test_edges_count_denied_actions() -> None:
    """By action, and the roles that messages name."""
    named = read(f"{USER} iam:PassRole on resource: {ROLE} {BECAUSE}")
    other = read(f"{USER} glue:CreateJob on resource: * {BECAUSE}")
    (edge,) = aggregate_passes([named, other, named])
    assert edge.denied_actions.shown == {"iam:PassRole": 2, "glue:CreateJob": 1}
    assert edge.denied_roles.shown == {ROLE: 2}
