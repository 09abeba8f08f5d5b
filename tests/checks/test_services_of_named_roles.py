"""PASSROLE_008: the roles that a message names trust a service that it names."""

from __future__ import annotations

from principals_of_tests import allow, findings, to, trust

ID = "PASSROLE_008"
ACCOUNT = "arn:aws:iam::111122223333:role/"


def test_the_principal_that_assumes_the_role_is_named() -> None:
    """A role of nodes is passed to EKS and trusts EC2."""
    roles = {"app-node": (trust("ec2.amazonaws.com"), [allow("s3:*")])}
    statements = [[allow("iam:PassRole", ACCOUNT + "app-node", to("eks.amazonaws.com"))], [allow(["eks:*", "ec2:*"])]]
    (found,) = findings(ID, statements, roles=roles)
    assert "`eks.amazonaws.com` (assumed by `ec2.amazonaws.com`)" in found.message
