"""Access as Markdown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reports_of_tests import ANY, APP, ARN, NEW, UNLIMITED, WIDENED

from passrole_checks.review.markdown.words import (
    access_text,
    change_sentence,
    differing_first,
    list_names,
    principals_text,
    role_name,
)
from passrole_checks.review.report import GrantedAccess, Item

LAMBDA = "lambda.amazonaws.com"


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("arn:aws:iam::111122223333:role/team/app-*", "team/app-*"),
        (f"{ARN}app", "app"),
        ("arn:aws:iam::*:role/*", "*"),
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket"),
        ("aws_iam_role.app", "aws_iam_role.app"),
        ("*", "*"),
    ],
)
def test_role_name(pattern: str, name: str) -> None:
    """A role ARN is shortened to its path and name."""
    assert role_name(pattern) == name


@pytest.mark.parametrize(
    ("access", "words"),
    [
        (APP, "`app-*` to `lambda.amazonaws.com`"),
        (ANY, "**any role** to `lambda.amazonaws.com`"),
        (UNLIMITED, "`release-*` to **any service**"),
        (replace(APP, complement=True), "any role except `app-*` to `lambda.amazonaws.com`"),
        (replace(APP, scope="unresolved", roles=("${x}",)), "`${x}` (unresolved) to `lambda.amazonaws.com`"),
        (replace(APP, scope="unresolved", roles=()), "unresolved roles to `lambda.amazonaws.com`"),
        (replace(APP, constraint="ineffective", services=("lambda",)),
         "`app-*` to `lambda` (ineffective condition)"),
        (replace(APP, scope="not_a_role", roles=("arn:aws:s3:::b",)),
         "no role (`arn:aws:s3:::b`) to `lambda.amazonaws.com`"),
        (replace(APP, constraint="ineffective", services=()), "`app-*` to **any service**"),
        (replace(APP, constraint="pattern", services=("ec2*",)), "`app-*` to `ec2*` (pattern)"),
        (replace(APP, constraint="exact_if_present"), f"`app-*` to `{LAMBDA}` (or requests without the condition key)"),
        (replace(APP, constraint="unresolved", services=()), "`app-*` to an unresolved service"),
        (replace(APP, constraint="<b>"), f"`app-*` to `{LAMBDA}` (`<b>`)"),
        (replace(APP, conditions=("aws:SourceIp", "aws:RequestedRegion")),
         f"`app-*` to `{LAMBDA}`, under a condition on `aws:SourceIp` and `aws:RequestedRegion`"),
    ],
)  # fmt: skip
def test_access_text(access: GrantedAccess, words: str) -> None:
    """Roles and services are named as far as known, and unresolved ones marked."""
    assert access_text(access) == words


def test_list_names() -> None:
    """At most three distinct names are listed, and the others counted."""
    assert list_names(["a", "b", "a"]) == "`a` and `b`"
    assert list_names(["a", "b", "c"]) == "`a`, `b` and `c`"
    assert list_names(["a", "b", "c", "d", "e"]) == "`a`, `b`, `c` and 2 more"
    assert list_names([]) == ""


def test_principals_text() -> None:
    """The principals are named, or the policy that they have."""
    assert principals_text(APP, "aws_iam_policy.x") == "`aws_iam_role.deployer`"
    assert principals_text(replace(APP, principals=()), "aws_iam_policy.x") == "any principal with `aws_iam_policy.x`"


def test_differing_names_come_first() -> None:
    """Names that the other access lacks come first, so that a short list shows the difference."""
    many = replace(APP, services=tuple("abcde"))
    assert differing_first(many, replace(APP, services=tuple("abcd"))).services == tuple("eabcd")
    assert differing_first(many, None) == many


DEPLOYER = "`aws_iam_role.deployer`"


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (NEW, "With this change `ReleaseRole` can pass `release-*` to **any service**."),
        (WIDENED,
         f"Before, {DEPLOYER} could pass `app-*` to `{LAMBDA}`; with this change, **any role** to `{LAMBDA}`."),
        (replace(WIDENED, access=replace(APP, principals=("b",))),
         f"Before, {DEPLOYER} could pass `app-*` to `{LAMBDA}`; with this change `b` can."),
        (replace(WIDENED, access=replace(ANY, principals=("b",))),
         f"Before, {DEPLOYER} could pass `app-*` to `{LAMBDA}`; "
         f"with this change `b` can pass **any role** to `{LAMBDA}`."),
        (replace(WIDENED, access=APP),
         f"With this change more of this statement takes effect: {DEPLOYER} can pass `app-*` to `{LAMBDA}`."),
        (replace(WIDENED, change=""), f"As before this change, {DEPLOYER} can pass **any role** to `{LAMBDA}`."),
        (replace(WIDENED, before=None), f"With this change {DEPLOYER} can pass **any role** to `{LAMBDA}`."),
        (replace(WIDENED, access=None), f"Before this change {DEPLOYER} could pass `app-*` to `{LAMBDA}`."),
        (replace(WIDENED, access=None, before=None), ""),
    ],
)  # fmt: skip
def test_change_sentence(item: Item, words: str) -> None:
    """One sentence names the access before and after, and the principals."""
    assert change_sentence(item) == words
