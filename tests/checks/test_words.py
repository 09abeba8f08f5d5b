"""The words that checks share."""

from __future__ import annotations

from passrole_checks.check import shortened


def test_the_name_of_a_role_behind_a_long_expression() -> None:
    """What is filled in is cut before the name of the role is."""
    account = 'jsondecode(data.aws_secretsmanager_secret_version.accounts.secret_string).account_ids["data-production"]'
    words = shortened(f"arn:aws:iam::${{{account}}}:role/reader", 90)
    assert words == 'arn:aws:iam::${jsondecode(data.aw…ds["data-production"]}:role/reader'
    assert shortened("x" * 100, 90) == "x" * 89 + "…"
