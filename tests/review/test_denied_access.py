"""Denies and permissions boundaries change what an unchanged statement grants, in both directions."""

from __future__ import annotations

import pytest
from reviews_of_tests import ANY, APP, Reviews, policy

from passrole_checks.findings import Severity

ROLE = """\
resource "aws_iam_role" "deployer" {
  name               = "deployer"
  assume_role_policy = jsonencode({})
%s}
"""
POLICY = policy(APP, role="${aws_iam_role.deployer.name}")
ADMIN = "arn:aws:iam::111122223333:role/app-admin"
DENY = f'{{ Effect = "Deny", Action = "iam:PassRole", Resource = "{ADMIN}" }}'
WIDE_DENY = DENY.replace("app-admin", "app-a*")
NOT_ACTION = '{ Effect = "Deny", NotAction = "s3:*", Resource = "*" }'
BOUNDARY = """\
resource "aws_iam_policy" "limit" {
  name   = "limit"
  policy = jsonencode({
    Version = "2012-10-17", Statement = [
      { Effect = "Allow", Action = "iam:PassRole", Resource = "%s" }
    ]
  })
}
"""
LIMITED = {"role.tf": ROLE % "  permissions_boundary = aws_iam_policy.limit.arn\n"}
WITHOUT, WITH, WITH_WIDE = ({"deny.tf": policy(*said, name="deny")} for said in ((), (DENY,), (WIDE_DENY,)))


@pytest.mark.parametrize(
    ("before", "after", "cause"),
    [
        pytest.param(WITHOUT, WITH, "deny.tf:5", id="new"),
        pytest.param(WITH, WITH_WIDE, "deny.tf:5", id="wider"),
        pytest.param(WITHOUT, {"deny.tf": policy(NOT_ACTION, name="deny")}, "deny.tf:5", id="not-action"),
    ],
)
def test_deny_is_reduced_access(repository: Reviews, before: dict[str, str], after: dict[str, str], cause: str) -> None:
    """A new or wider Deny is less access, with its line, in every format that lists it."""
    repository.commit({"main.tf": policy(APP), **before})
    repository.commit(after)
    result = repository.review("HEAD^", "HEAD")
    (less,) = result.report.less
    assert (less.change, less.at.file, less.before == less.after, less.cause is not None) == (
        "narrowed", "main.tf", True, True
    )  # fmt: skip
    assert less.cause is not None and f"{less.cause.file}:{less.cause.line}" == cause
    assert not result.report.more and result.status == 0
    assert f"narrowed  because of {cause}" in repository.review("HEAD^", "HEAD", text=True).out
    page = repository.review("HEAD^", "HEAD", "--format", "markdown", text=True).out
    assert f"(cause: `{cause}`)" in page


def test_less_denied_access_is_increased_access(repository: Reviews) -> None:
    """A Deny that is removed, or denies less, is more access in a statement whose text is unchanged."""
    for before, after, removed in ((WITH, WITHOUT, True), (WITH_WIDE, WITH, False)):
        repository.commit({"main.tf": policy(APP), **before})
        repository.commit(after)
        result = repository.review("HEAD^", "HEAD")
        (more,) = result.report.more
        assert (more.change, more.at.file, more.cause_removed) == ("widened", "main.tf", removed)
        assert more.cause is not None and (more.cause.file, more.cause.line) == ("deny.tf", 5)
        assert not result.report.less
        said = repository.review("HEAD^", "HEAD", text=True).out
        assert f"widened  because of deny.tf:5{' (removed)' if removed else ''}" in said


def test_deny_does_not_hide_wider_access_beside_it(repository: Reviews) -> None:
    """A statement that grants more is an item, with a new Deny beside it too."""
    repository.commit({"main.tf": policy(APP)})
    repository.commit({"main.tf": policy(ANY, DENY)})
    result = repository.review("HEAD^", "HEAD")
    assert (result.status, [item[:2] for item in result.items]) == (1, [("new", "widened")])


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        pytest.param({"role.tf": ROLE % "", "limit.tf": BOUNDARY % ADMIN}, LIMITED, 1, id="new"),
        pytest.param({**LIMITED, "limit.tf": BOUNDARY % "*"}, {"limit.tf": BOUNDARY % ADMIN}, 5, id="narrower"),
    ],
)
def test_boundary_is_reduced_access(
    repository: Reviews, before: dict[str, str], after: dict[str, str], line: int
) -> None:
    """A permissions boundary that is new, or allows less, is less access."""
    repository.commit({"main.tf": POLICY, **before})
    repository.commit(after)
    (less,) = (less for less in repository.review("HEAD^", "HEAD").report.less if less.at.file == "main.tf")
    assert less.cause is not None and (less.cause.file, less.cause.line) == ("limit.tf", line)


def test_wider_boundary_is_increased_access(repository: Reviews) -> None:
    """A permissions boundary that is removed, or allows more, is more access."""
    repository.commit({"main.tf": POLICY, **LIMITED, "limit.tf": BOUNDARY % ADMIN})
    for after in ({"limit.tf": BOUNDARY % "*"}, {"role.tf": ROLE % ""}):
        repository.commit(after)
        more = [more for more in repository.review("HEAD^", "HEAD").report.more if more.at.file == "main.tf"]
        assert [(one.change, one.cause is not None) for one in more] == [("widened", True)]
        repository.commit({**LIMITED, "limit.tf": BOUNDARY % ADMIN})


def test_deny_that_its_holder_can_remove_fixes_nothing(repository: Reviews) -> None:
    """Adding such a Deny is not less access; with the Allow it is new, at low severity; removing it is more access."""
    everything = '{ Effect = "Allow", Action = "iam:*", Resource = "*" }'
    denial = {"deny.tf": policy(DENY.replace(ADMIN, "*"), name="deny")}
    allow, nothing = {"main.tf": policy(everything)}, {"main.tf": policy(), **WITHOUT}
    added = repository.between({**nothing, **allow}, denial)
    assert added.counts == (0, 0, 1) and not added.report.less and added.status == 0
    removed = repository.between(denial, WITHOUT)
    assert [(item[0], item[1]) for item in removed.items] == [("worse", "widened")] and removed.status == 1
    both = repository.between(nothing, {**allow, **denial})
    (item,) = both.report.items
    assert {remark.check_id: remark.severity for remark in item.remarks} == {
        "PASSROLE_001": Severity.LOW, "PASSROLE_015": Severity.LOW,
    }  # fmt: skip
