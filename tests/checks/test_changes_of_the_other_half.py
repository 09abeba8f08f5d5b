"""A change that adds the other half to a policy that it leaves alone."""

from __future__ import annotations

from dataclasses import replace

from principals_of_tests import allow, configuration, to

from passrole_checks.scan.scanner import ScanOptions, scan_configurations

PASS = allow("iam:PassRole", "*", to("lambda.amazonaws.com"))
START = allow(["lambda:CreateFunction", "lambda:InvokeFunction"])


def test_the_other_half_is_new() -> None:
    """Where a change gives the actions to somebody who may already pass roles, that is found at the old statement."""
    whole = configuration([[PASS], [START]])
    old, new = whole.policies
    change = replace(whole, policies=(new,), change=replace(whole.change, unchanged=(old,), before=(old,)))
    found = scan_configurations([change], ScanOptions()).findings
    assert [(finding.check_id, finding.at.line) for finding in found] == [("PASSROLE_008", 1)]


def test_an_unrelated_change_says_nothing_of_it() -> None:
    """A change to another principal leaves what stands as it is."""
    whole, other = configuration([[PASS], [START]]), configuration([[allow("s3:GetObject")]], holder="other")
    change = replace(
        whole, policies=other.policies, change=replace(whole.change, unchanged=whole.policies, before=whole.policies)
    )
    assert scan_configurations([change], ScanOptions()).findings == ()
