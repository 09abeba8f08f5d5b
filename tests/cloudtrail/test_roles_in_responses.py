"""Roles that only the response names: the request passes those of a resource that was configured before."""

from __future__ import annotations

import json
from typing import Any

from passrole_checks.cloudtrail.extract import PassExtractor, Row
from passrole_checks.cloudtrail.model import LogSummary, Pass

ROLES = [f"arn:aws:iam::111122223333:role/{name}" for name in ("a", "b")]


def read(response: Any, error: str = "") -> list[Pass]:
    """Return the passes of an EnableProfile event with a response."""
    row = Row(
        "e", "t", "rolesanywhere.amazonaws.com", "EnableProfile", "r", "ip", error, "", "111122223333", None,
        json.dumps({"profileId": "p"}), json.dumps(response), "f",
    )  # fmt: skip
    return list(PassExtractor(LogSummary()).of(row))


def test_roles_of_an_enabled_profile_are_passed() -> None:
    """IAM Roles Anywhere requires iam:PassRole for them, as for those of a new profile (Service Authorization
    Reference)."""
    passes = read({"profile": {"profileArn": "arn:p", "enabled": True, "roleArns": ROLES}})
    assert [one.role for one in passes] == ROLES
    assert {one.services for one in passes} == {("rolesanywhere.amazonaws.com",)}
    assert {one.action for one in passes} == {"rolesanywhere:EnableProfile"}


def test_failed_request_has_no_response_to_read() -> None:
    """Nothing is known of the roles of the profile then."""
    assert read(None, error="ResourceNotFoundException") == []
