"""No check reports permissions that another policy of the principal denies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from principals_of_tests import allow, configuration, deny, to

from passrole_checks.scan.scanner import ScanOptions, scan_configurations, scan_paths
from passrole_checks.sources.model.configuration import NoteKind

PASS = allow("iam:PassRole")


def checks(*args: Any, **kwargs: Any) -> list[str]:
    found = scan_configurations([configuration(*args, **kwargs)], ScanOptions()).findings
    return [finding.check_id for finding in found]


def test_a_deny_in_another_policy() -> None:
    """A grant that a Deny in another policy of all its holders takes away is not flagged."""
    assert checks([[PASS]]) == ["PASSROLE_001"]
    assert checks([[PASS], [deny("iam:PassRole")]]) == []
    assert checks([[PASS], [deny("iam:PassRole", "*", {"Bool": {"aws:MultiFactorAuthPresent": "false"}})]]) != []
    assert checks([[PASS], [deny("iam:PassRole", "*", to("ec2.amazonaws.com"))]]) != []


def test_a_permissions_boundary() -> None:
    """A grant that is outside of the permissions boundary is not flagged."""
    assert checks([[PASS]], boundary=[allow("s3:*")]) == []
    assert checks([[PASS]], boundary=[allow("*")]) == ["PASSROLE_001"]


def test_the_inventory_says_what_is_taken_away() -> None:
    """In the inventory a grant that a boundary or another policy's Deny takes away whole is denied, one that is left
    is not, and NotResource "*" is without effect."""

    def listed(*args: Any, **kwargs: Any) -> list[tuple[str, bool]]:
        found = scan_configurations([configuration(*args, **kwargs)], ScanOptions()).grants
        return [(one.effect_on_passrole, one.grant.denied) for one in found if one.grant.effect == "Allow"]

    assert listed([[PASS]]) == [("allow", False)]
    assert listed([[PASS]], boundary=[allow("s3:*")]) == [("none", True)]
    assert listed([[PASS], [deny("iam:PassRole")]]) == [("none", True)]
    nothing = {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": "*"}
    assert listed([[nothing]]) == [("none", False)]


@pytest.mark.parametrize(
    ("target", "account", "effect"),
    [
        ("var.unit", "111122223333", "deny"),
        ('"111122223333"', "111122223333", "deny"),
        ('"111122223333"', None, "deny"),
        ('"444455556666"', "111122223333", "none"),
        (None, "111122223333", "none"),
    ],
)
def test_the_inventory_lists_what_service_control_policies_deny(
    tmp_path: Path, target: str | None, account: str | None, effect: str
) -> None:
    """A Deny in one that is attached to what is, or may hold, the account is one; elsewhere it does nothing here."""
    attached = f"""resource "aws_organizations_policy_attachment" "a" {{
  policy_id = aws_organizations_policy.p.id
  target_id = {target}
}}
"""
    (tmp_path / "main.tf").write_text(
        """variable "unit" {}
resource "aws_organizations_policy" "p" {
  name    = "p"
  content = jsonencode({ Statement = [{ Effect = "Deny", Action = "iam:PassRole", Resource = "*" }] })
}
"""
        + (attached if target is not None else "")
    )
    (listed,) = scan_paths([tmp_path], ScanOptions(account=account)).grants
    assert listed.effect_on_passrole == effect


@pytest.mark.parametrize(
    ("policies", "boundary", "denied"),
    [
        ([[PASS, deny("iam:PassRole")]], None, True),
        ([[PASS], [deny("iam:PassRole")]], None, True),
        ([[allow("*")], [deny("iam:*")]], None, True),
        ([[PASS]], [allow("s3:*")], True),
        ([[allow("iam:PassRole", "arn:aws:iam::*:role/x"), deny("iam:PassRole", "arn:aws:iam::*:role/*")]], None, True),
        ([[PASS, deny("iam:PassRole", "arn:aws:iam::*:role/x")]], None, False),
        ([[PASS, deny("iam:PassRole", "*", to("ec2.amazonaws.com"))]], None, False),
        ([[allow("iam:PassRole", "arn:aws:s3:::app"), deny("iam:PassRole")]], None, False),
        ([[deny("iam:PassRole")]], None, False),
    ],
)
def test_a_note_names_what_leaves_nothing_of_an_allow(policies: Any, boundary: Any, denied: bool) -> None:
    """No check reports such an Allow, so that a note does: at the Allow, with the Deny or the kind of limit."""
    limits = {} if boundary is None else {"boundary": boundary}
    result = scan_configurations([configuration(policies, **limits)], ScanOptions())
    notes = [note for note in result.not_evaluated if note.kind is NoteKind.DENIED]
    assert len(notes) == denied
    assert all(("Deny" in note.reason) is (boundary is None) for note in notes)
    assert all(not finding.grant or finding.grant.effect == "Deny" for finding in result.findings) or not denied
