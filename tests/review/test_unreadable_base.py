"""A change that fixes what BASE could not be read: HEAD is known, and all that it grants there counts as new."""

from __future__ import annotations

import pytest
from git_repositories import template
from reviews_of_tests import ANY, APP, OPEN, Reviews, policy

ROLES = "arn:aws:iam::111122223333:role/app-*"
BROKEN = "resource {{"
BROKEN_TEMPLATE = "Resources: [\n  Type: AWS::IAM::Role"
MODULE = 'module "m" {\n  source = "./m"\n}\n'


@pytest.mark.parametrize(
    ("before", "after", "items"),
    [
        pytest.param({"main.tf": BROKEN}, {"main.tf": policy(OPEN)}, ["main.tf:5"], id="terraform"),
        pytest.param({"main.tf": BROKEN}, {"main.tf": "# nothing\n"}, [], id="nothing"),
        pytest.param({"app.yaml": BROKEN_TEMPLATE}, {"app.yaml": template("*")}, ["app.yaml:10"], id="template"),
        pytest.param(
            {"main.tf": policy(OPEN, '{ Effect = "Alow" }')}, {"main.tf": policy(OPEN)}, ["main.tf:5"], id="json"
        ),
        pytest.param({"main.tf": policy(OPEN), "b.tf": BROKEN}, {"b.tf": None}, ["main.tf:5"], id="removed"),
        pytest.param({"main.tf": MODULE, "m/m.tf": BROKEN}, {"m/m.tf": policy(OPEN)}, ["m/m.tf:5"], id="module"),
    ],
)
def test_fixed_file_is_new(
    repository: Reviews, before: dict[str, str], after: dict[str, str | None], items: list[str]
) -> None:
    """Access of HEAD where BASE could not be read is new, with a note; nothing is fixed or reduced."""
    result = repository.between(before, after)
    report = result.report
    assert (result.status, [item[2] for item in result.items]) == (1 if items else 0, items)
    assert (report.unreadable, report.fixed, report.less) == ((), (), ())
    (note,) = report.not_evaluated
    assert note.reason.startswith("in HEAD^: could not be read (") and not note.starts_comment


def test_denied_access_of_an_unreadable_base_is_not_missed(repository: Reviews) -> None:
    """An unreadable file of BASE may have denied what HEAD allows."""
    deny = '{ Effect = "Deny", Action = "iam:PassRole", Resource = "*" }'
    before = {"main.tf": policy(OPEN), "deny.tf": policy(deny, name="deny") + BROKEN}
    result = repository.between(before, {"deny.tf": "# nothing\n"})
    assert (result.status, [item[:3] for item in result.items]) == (1, [("new", "new", "main.tf:5")])


def test_unreadable_head_is_not_clean(repository: Reviews) -> None:
    """A file of HEAD that cannot be read is incomplete, whatever BASE was; an unchanged file elsewhere is neither."""
    repository.commit({"b/main.tf": BROKEN, "a/b.tf": BROKEN, "app.yaml": template(ROLES)})
    repository.commit({"b/main.tf": f"{BROKEN}\n"})
    assert [note.file for note in repository.review("HEAD^", "HEAD").report.unreadable] == ["b/main.tf"]
    repository.commit({"app.yaml": template("*")})
    result = repository.review("HEAD^", "HEAD")
    assert (result.status, result.report.unreadable, result.report.not_evaluated) == (1, (), ())


def test_file_in_the_place_of_a_link_is_new(repository: Reviews) -> None:
    """A link or a submodule of BASE was not read, so that a file in its place is new."""
    (repository.folder / "app.yaml").symlink_to("other.txt")
    repository.commit({"other.txt": "x", "main.tf": policy(APP)})
    (repository.folder / "app.yaml").unlink()
    repository.commit({"app.yaml": template("*")})
    result = repository.review("HEAD^", "HEAD")
    assert (result.status, [item[2] for item in result.items]) == (1, ["app.yaml:10"])


def test_readable_units_are_compared_as_ever(repository: Reviews) -> None:
    """A fixed file makes nothing new in another root."""
    before = {"a/main.tf": BROKEN, "b/main.tf": policy(ANY)}
    result = repository.between(before, {"a/main.tf": "", "b/other.tf": ""})
    assert (result.status, result.items, result.report.unchanged) == (0, [], 1)


def test_strict_review_of_a_fixed_file_passes(repository: Reviews) -> None:
    """A file that cannot be read in BASE is no changed code that cannot be evaluated."""
    repository.commit({"main.tf": BROKEN})
    repository.commit({"main.tf": policy(APP)})
    assert repository.review("HEAD^", "HEAD", "--strict").report.unreadable == ()
