"""The words that checks share."""

from __future__ import annotations

from path_conditions_of_tests import assume

from passrole_checks.escaping.shorten import condition_in_short, shortened
from passrole_checks.scan.condition_words import when_in_words


def test_role_name_after_a_long_expression_is_kept() -> None:
    """A long account is shortened before the name of the role is."""
    account = 'jsondecode(data.aws_secretsmanager_secret_version.accounts.secret_string).account_ids["data-production"]'
    words = shortened(f"arn:aws:iam::${{{account}}}:role/reader", 90)
    assert words == "arn:aws:iam::${…}:role/reader"
    assert shortened("x" * 100, 90) == "x" * 89 + "…"


LONG = 'substr(terraform.workspace, length(local.application_name), length(terraform.workspace)) == "-production"'


def test_a_long_condition_keeps_its_end() -> None:
    """A shortened condition keeps the compared value at its end, so that two conditions stay distinct."""
    words = condition_in_short(LONG)
    assert words.startswith("substr(terraform.workspace, ") and words.endswith('== "-production"') and len(words) == 90
    assert condition_in_short(LONG.replace("production", "test")) != words


def test_facts_that_read_the_same_are_told_once() -> None:
    """Sets of facts that differ in what is not shown only are one."""
    shown = (assume("var.a"), assume("var.b"))
    assert when_in_words([(*shown, assume("var.c")), (*shown, assume("var.d"))]) == (
        "when var.a is true and var.b is true and one more condition holds"
    )
