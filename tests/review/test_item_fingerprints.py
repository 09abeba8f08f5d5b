"""Fingerprints of items: an acceptance ends if what decides on the access changes, in the statement or elsewhere."""

from __future__ import annotations

import pytest
from reviews_of_tests import Reviews, policy

ANY = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
DENY = policy('{ Effect = "Deny", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/admin" }', name="limit")
PROVIDER = 'provider "aws" {\n  profile = "%s"\n}\n'
ALIASES = "".join(PROVIDER.replace("{\n", f'{{\n  alias = "{name}"\n') % name for name in ("dev", "prod"))
OWN = policy(ANY).replace("{\n", "{\n  provider = aws.%s\n", 1)
ALIASES += "".join(
    OWN.replace('"pass"', f'"{name}"').replace("iam:PassRole", "s3:GetObject") % name for name in ("dev", "prod")
)
GROUP = policy(ANY, role="g").replace('"aws_iam_role_policy"', '"aws_iam_group_policy"').replace("role =", "group =")
MEMBER = 'resource "aws_iam_user_group_membership" "%s" {\n  user   = "%s"\n  groups = ["g"]\n}\n'
DATA = 'data "aws_iam_role" "task" {\n  name = "%s"\n}\n' + policy(ANY.replace('"*"', "data.aws_iam_role.task.arn"))


def fingerprints(repository: Reviews, text: str) -> list[str]:
    """Return the fingerprints of the items of a change that adds a file."""
    result = repository.between({"main.tf": "locals {}\n"}, {"main.tf": text})
    return [item.fingerprint for item in result.report.items]


@pytest.mark.parametrize(
    ("accepted", "now"),
    [
        pytest.param(policy(ANY) + DENY, policy(ANY), id="Deny"),
        pytest.param(GROUP + MEMBER % ("a", "ann"), GROUP + MEMBER % ("a", "ann") + MEMBER % ("b", "bob"), id="member"),
        pytest.param(PROVIDER % "dev" + policy(ANY), PROVIDER % "prod" + policy(ANY), id="credentials"),
        pytest.param(ALIASES + OWN % "dev", ALIASES + OWN % "prod", id="provider"),
        pytest.param(DATA % "task", DATA % "admin", id="data source"),
    ],
)
def test_a_change_elsewhere_is_another_state(repository: Reviews, accepted: str, now: str) -> None:
    before, after = fingerprints(repository, accepted), fingerprints(repository, now)
    assert len(before) == len(after) == 1
    assert before != after


def test_an_unrelated_change_is_the_same_state(repository: Reviews) -> None:
    unrelated = policy(ANY.replace('"*"', '"arn:aws:iam::111122223333:role/x"'), name="x", role="x")
    unrelated += DENY.replace('"limit"', '"other"').replace('"deployer"', '"other"')
    before, after = (
        fingerprints(repository, policy(ANY) + DENY),
        fingerprints(repository, unrelated + policy(ANY) + DENY),
    )
    assert len(before) == 1
    assert set(before) <= set(after)


def test_an_equal_finding_elsewhere_is_the_same_state(repository: Reviews) -> None:
    """Equal findings of several roots are numbered; another root must not change the number of an accepted one."""
    repository.commit({"main.tf": "locals {}\n"})
    repository.commit({"main.tf": policy(ANY)})
    before = repository.review("HEAD^", "HEAD").report.items
    repository.commit({"a/main.tf": policy(ANY)})
    after = repository.review("HEAD~2", "HEAD").report.items
    assert len(before) == 1
    assert before[0].fingerprint in [item.fingerprint for item in after]
