"""Fixes: what is suggested, and that it works."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from git_repositories import template
from reviews_of_tests import ANY, APP, FROM_VARIABLE, OPEN, OPEN_VARIABLE, SERVICE, START, VARIABLE, Reviews, policy

from passrole_checks.findings import Severity
from passrole_checks.review import find_fix
from passrole_checks.review.report import Replacement
from passrole_checks.suggest.grade import Grade
from passrole_checks.suggest.suggest import Session
from passrole_checks.suggest.suggestion import Suggestion

ROLES = "arn:aws:iam::111122223333:role/app-*"
WORKER = """\
resource "aws_iam_role" "worker" {
  name               = "worker"
  assume_role_policy = jsonencode({
    Version = "2012-10-17", Statement = [
      { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }
    ]
  })
}

resource "aws_lambda_function" "worker" {
  function_name = "worker"
  role          = aws_iam_role.worker.arn
  handler       = "main.handler"
  runtime       = "python3.12"
  filename      = "worker.zip"
}
"""


def apply(repository: Reviews, replacement: Replacement) -> None:
    """Do what a forge does with a suggestion, and commit it."""
    path = repository.folder / replacement.file
    lines = path.read_bytes().decode().split("\n")
    text = replacement.text.split("\n") if replacement.text else []
    lines[replacement.line - 1 : replacement.end_line] = text
    path.write_bytes("\n".join(lines).encode())
    repository.commit()


def offered(repository: Reviews, before: dict[str, str | None], after: dict[str, str | None]) -> Replacement | None:
    """Return the replacement of the only item; if there is one, it is applied, and nothing is reported after it."""
    first = repository.commit(before)
    repository.commit(after)
    (item,) = repository.review(first, "HEAD").report.items
    if item.replacement is not None:
        assert item.advice == ""
        apply(repository, item.replacement)
        result = repository.review(first, "HEAD")
        assert (result.items, result.status) == ([], 0)
    else:
        assert item.advice
    return item.replacement


def test_widening_default_is_reverted(repository: Reviews) -> None:
    """A changed variable default that widens PassRole is reverted at its line."""
    before = {"main.tf": policy(OPEN_VARIABLE), "variables.tf": VARIABLE % ROLES}
    found = offered(repository, before, {"variables.tf": VARIABLE % "*"})
    assert found == Replacement(
        "variables.tf",
        3,
        3,
        f'  default = "{ROLES}"',
        "Reverts the change of this line.",
        of_cause=True,
        old='  default = "*"',
    )


def test_narrower_statement_is_suggested(repository: Reviews) -> None:
    """A new statement for any role is narrowed to the passed role and its service."""
    found = offered(
        repository,
        {"worker.tf": WORKER},
        {"main.tf": policy('{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }')},
    )
    assert found is not None
    assert (found.file, found.line, found.end_line, found.of_cause) == ("main.tf", 5, 5, False)
    assert found.text == (
        '      { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.worker.arn,'
        ' Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } }'
    )
    assert found.old == '      { Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'


def test_narrower_statement_keeps_what_the_base_allowed(repository: Reviews) -> None:
    """A statement that was widened is not narrowed to other roles than it named before: the change is reverted."""
    statement = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "%s" }'
    named = statement % "arn:aws:iam::111122223333:role/releases"
    found = offered(repository, {"worker.tf": WORKER, "main.tf": policy(named)}, {"main.tf": policy(statement % "*")})
    assert found is not None
    assert found.text == f"      {named}"


def test_only_the_causing_change_is_reverted(repository: Reviews) -> None:
    """Of several changes only the one that causes the item is reverted."""
    before = {
        "main.tf": policy(OPEN_VARIABLE),
        "variables.tf": VARIABLE % ROLES,
        "other.tf": 'locals {\n  a = "x"\n}\n',
    }
    found = offered(repository, before, {"variables.tf": VARIABLE % "*", "other.tf": 'locals {\n  a = "y"\n}\n'})
    assert found is not None
    assert (found.file, found.line) == ("variables.tf", 3)


def test_added_line_is_removed(repository: Reviews) -> None:
    """An added line that widens a policy is removed."""
    module = {"mod/main.tf": policy(OPEN_VARIABLE) + VARIABLE % ROLES}
    call = 'module "m" {\n  source = "./mod"\n}\n'
    found = offered(repository, {**module, "main.tf": call}, {"main.tf": call.replace("}", '  roles  = "*"\n}')})
    says = "Removes the lines added here."
    assert found == Replacement("main.tf", 3, 3, "", says, of_cause=True, old='  roles  = "*"')


def test_removed_line_is_restored(repository: Reviews) -> None:
    """A removed line that narrowed a policy is restored, next to an existing line."""
    module = {"mod/main.tf": policy(OPEN_VARIABLE) + VARIABLE % "*"}
    call = f'module "m" {{\n  source = "./mod"\n  roles  = "{ROLES}"\n}}\n'
    after = 'module "m" {\n  source = "./mod"\n}\n'
    found = offered(repository, {**module, "main.tf": call}, {"main.tf": after})
    says = "Restores the lines removed here."
    assert found == Replacement("main.tf", 3, 3, f'  roles  = "{ROLES}"\n}}', says, of_cause=True, old="}")


def test_parameter_default_is_reverted(repository: Reviews) -> None:
    """A parameter default is reverted too."""
    parameters = "Parameters:\n  Roles:\n    Type: String\n    Default: '%s'\n"
    stack = re.sub(r" *Condition: .*\n", "", template("X").replace('"X"', "!Ref Roles"))
    found = offered(repository, {"app.yaml": parameters % ROLES + stack}, {"app.yaml": parameters % "*" + stack})
    assert found is not None
    assert (found.line, found.text) == (4, f"    Default: '{ROLES}'")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_uniform_line_endings_are_supported(repository: Reviews, ending: str) -> None:
    """A change is reverted in a file with uniform line endings, which the forge writes."""
    one, other = ((VARIABLE % value).replace("\n", ending) for value in (ROLES, "*"))
    repository.commit({"main.tf": policy(OPEN_VARIABLE), "variables.tf": one})
    repository.commit({"variables.tf": other})
    (item,) = repository.review("HEAD^", "HEAD").report.items
    assert item.replacement is not None and item.replacement.text == f'  default = "{ROLES}"'


def test_mixed_line_endings_have_no_suggestion(repository: Reviews) -> None:
    """Nothing is suggested in a file with mixed line endings, since no forge preserves them."""
    one, other = ((VARIABLE % value).replace("string\n", "string\r\n") for value in (ROLES, "*"))
    assert offered(repository, {"main.tf": policy(OPEN_VARIABLE), "variables.tf": one}, {"variables.tf": other}) is None


def test_revert_that_adds_another_item_is_rejected(repository: Reviews) -> None:
    """A revert that fixes one statement and widens another is not suggested."""
    other = 'Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }'
    resource = f'var.roles == "*" ? "{ROLES}" : "*"'
    first = f'{{ Effect = "Allow", Action = "iam:PassRole", Resource = {resource}, {other} }}'
    before = {"main.tf": policy(OPEN_VARIABLE), "variables.tf": VARIABLE % ROLES}
    after = {"main.tf": policy(OPEN_VARIABLE), "more.tf": policy(first, name="more"), "variables.tf": VARIABLE % "*"}
    assert offered(repository, before, after) is None


def test_long_change_is_only_named_as_cause(repository: Reviews) -> None:
    """A change of many lines is the cause, and its revert is not suggested."""
    many = "".join(f'  x{number} = "*"\n' for number in range(30))
    few = "".join(f'  x{number} = "{ROLES}"\n' for number in range(3))
    use = policy(OPEN_VARIABLE.replace("var.roles", "local.x0"))
    found = offered(repository, {"main.tf": use, "l.tf": f"locals {{\n{few}}}\n"}, {"l.tf": f"locals {{\n{many}}}\n"})
    assert found is None


def test_only_change_of_a_statement_is_reverted(repository: Reviews) -> None:
    """The only change of an existing statement is reverted; a new statement is not."""
    multiline = '{\n      Effect = "Allow"\n      Action = "iam:PassRole"\n      Resource = "%s"\n      }'
    found = offered(repository, {"main.tf": policy(multiline % ROLES)}, {"main.tf": policy(multiline % "*")})
    says = "Reverts the change of this line."
    assert found == Replacement("main.tf", 8, 8, f'      Resource = "{ROLES}"', says, old='      Resource = "*"')
    assert offered(repository, {"other.tf": "# nothing\n"}, {"more.tf": policy(OPEN, name="more")}) is None


def test_fix_of_one_of_two_equal_items_is_suggested(repository: Reviews) -> None:
    """If two roots are widened in the same way, a fix of one is suggested, though it leaves the other."""
    before = {
        f"{name}/{file}.tf": text
        for name in "ab"
        for file, text in (("m", policy(OPEN_VARIABLE)), ("v", VARIABLE % ROLES))
    }
    first = repository.commit(dict(before))
    repository.commit({"a/v.tf": VARIABLE % "*", "b/v.tf": VARIABLE % "*"})
    items = repository.review(first, "HEAD").report.items
    assert [item.replacement and item.replacement.file for item in items] == ["a/v.tf", "b/v.tf"]


def test_advice_says_what_to_fill_in(repository: Reviews) -> None:
    """If the passed roles are unknown, the advice says so and shows the statement to fill in."""
    (item,) = repository.between({"main.tf": policy(APP)}, {"main.tf": policy(APP, OPEN)}).report.items
    words, _, statement = item.advice.partition("\n")
    assert words.startswith("Add a condition on iam:PassedToService") or "Unknown: " in words
    assert "<service>.amazonaws.com" in statement


def test_advice_is_about_reported_findings(repository: Reviews) -> None:
    """Fixes of unreported findings of the statement are not advice."""
    able = policy('{ Effect = "Allow", Action = "s3:*", Resource = "*" }', name="able", role="worker")
    passes = '{ Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.worker.arn, %s }'
    (item,) = repository.between(
        {"other.tf": WORKER.replace("worker", "other")},
        {"worker.tf": WORKER, "able.tf": able, "main.tf": policy(passes % SERVICE)},
    ).report.items
    assert [one.name for one in item.remarks] == ["stronger-role"]
    assert "permissions" in item.advice and "condition" not in item.advice


def test_trials_do_not_touch_the_repository(repository: Reviews) -> None:
    """Trials run elsewhere, so that the repository is unchanged."""
    repository.commit({"main.tf": policy(OPEN_VARIABLE), "variables.tf": VARIABLE % ROLES})
    repository.commit({"variables.tf": VARIABLE % "*", "more.tf": policy(ANY, START, name="more")})
    before = repository.state()
    assert repository.review("HEAD^", "HEAD").status == 1
    assert repository.state() == before


def test_new_value_file_is_tried_by_removing_it(repository: Reviews) -> None:
    """A new JSON value file is found to be the cause by removing it, since an empty one would be invalid."""
    repository.commit({"main.tf": policy(OPEN_VARIABLE), "variables.tf": VARIABLE % ROLES})
    repository.commit({"x.auto.tfvars.json": '{"roles": "*"}\n'})
    (item,) = repository.review("HEAD^", "HEAD").report.items
    assert item.cause is not None
    assert (item.cause.file, item.cause.line) == ("x.auto.tfvars.json", 1)


@pytest.mark.parametrize(
    ("rest", "expected"), [('other = "x"\n', (1, 1, f'other = "x"\nroles = "{ROLES}"')), ("", None)], ids=["end", "all"]
)
def test_removed_last_line_is_restored_after_the_one_before(
    repository: Reviews, rest: str, expected: tuple[int, int, str] | None
) -> None:
    """A removed last line is restored after the line before it; an empty file cannot have a comment."""
    before = {
        "main.tf": policy(OPEN_VARIABLE),
        "variables.tf": VARIABLE % "*" + 'variable "other" {\n  default = ""\n}\n',
        "terraform.tfvars": f'{rest}roles = "{ROLES}"\n',
    }
    found = offered(repository, before, {"terraform.tfvars": rest})
    assert (found and (found.line, found.end_line, found.text)) == expected


def test_unchanged_statement_is_fixed_at_its_cause(repository: Reviews) -> None:
    """Unchanged lines of a statement cannot have a comment, so the default is reverted; if that is not possible, the
    advice shows the narrower statement."""
    before = {"worker.tf": WORKER, "main.tf": policy(OPEN_VARIABLE), "variables.tf": VARIABLE % ROLES}
    found = offered(repository, before, {"variables.tf": VARIABLE % "*"})
    assert found is not None and found.of_cause
    mixed = [(VARIABLE % value).replace("string\n", "string\r\n") for value in (ROLES, "*")]
    (item,) = repository.between({**before, "variables.tf": mixed[0]}, {"variables.tf": mixed[1]}).report.items
    assert item.replacement is None
    assert "aws_iam_role.worker.arn" in item.advice


def test_statements_with_the_same_position_have_no_fix(repository: Reviews) -> None:
    """Two statements in one quoted text have the same position, so no edit can be assigned to either."""
    arns = [f"arn:aws:iam::111122223333:role/{name}" for name in "ab"]
    statements = [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": arn} for arn in arns]
    text = json.dumps(json.dumps({"Statement": statements}))
    quoted = f'resource "aws_iam_user_policy" "p" {{\n  user   = "u"\n  policy = {text}\n}}\n'
    items = repository.between({"a.tf": "# nothing\n"}, {"p.tf": quoted}).report.items
    assert [(item.at.line, item.replacement) for item in items] == [(3, None), (3, None)]


def test_narrower_statement_in_mixed_line_endings_is_advice(repository: Reviews) -> None:
    """In a file with mixed line endings a narrower statement is advice, not a suggestion."""
    text = policy('{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }').replace(
        '"deployer"\n', '"deployer"\r\n'
    )
    assert offered(repository, {"worker.tf": WORKER}, {"main.tf": text}) is None


def test_change_that_causes_a_medium_finding_is_not_reverted(repository: Reviews) -> None:
    """Below high, the author may mean what the change says."""
    before = {"main.tf": policy(FROM_VARIABLE), "variables.tf": VARIABLE % ROLES}
    (item,) = repository.between(before, {"variables.tf": VARIABLE % "*"}).report.items
    assert (item.severity, item.replacement) == (Severity.MEDIUM, None)
    assert item.cause is not None and item.cause.file == "variables.tf"


def test_change_in_a_generated_file_is_not_reverted(repository: Reviews) -> None:
    """The tool that generates a file would overwrite the suggestion."""
    mark = "# generated by a tool, do not edit\n"
    before = {"main.tf": policy(OPEN_VARIABLE), "variables.tf": mark + VARIABLE % ROLES}
    assert offered(repository, before, {"variables.tf": mark + VARIABLE % "*"}) is None


def with_suggestions(monkeypatch: pytest.MonkeyPatch, changed: Callable[[Suggestion], tuple[Suggestion, ...]]) -> None:
    """Let reviews have other suggestions instead of those with edits."""

    class Changed(Session):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.suggestions = tuple(two for one in self.suggestions for two in (changed(one) if one.edits else (one,)))

    monkeypatch.setattr(find_fix, "Session", Changed)


def worker(repository: Reviews) -> tuple[Replacement | None, str]:
    """Return the suggestion and the advice of a review that adds a statement for any role."""
    statement = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
    (item,) = repository.between({"worker.tf": WORKER}, {"main.tf": policy(statement)}).report.items
    return item.replacement, item.advice


def test_safest_edit_is_suggested(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several edits for a statement, the equivalent one is suggested."""
    with_suggestions(monkeypatch, lambda one: (one, replace(one, says="Equivalent.", grade=Grade.EQUIVALENT)))
    replacement, _ = worker(repository)
    assert replacement is not None and replacement.says == "Equivalent."


def test_edit_that_adds_access_is_advice_only(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit that repairs a statement is described, not offered to be applied."""
    with_suggestions(monkeypatch, lambda one: (replace(one, says="Repairs it.", grade=Grade.REPAIRING),))
    replacement, advice = worker(repository)
    assert replacement is None
    assert advice.startswith("Write the statement as below: it repairs it.\n")


def test_equivalent_edit_that_makes_an_item_less_severe_is_suggested(repository: Reviews) -> None:
    """If no edit fixes the item, the services that the principal can pass roles to anyway are suggested."""
    statement = '{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
    start = '{ Effect = "Allow", Action = "glue:CreateJob", Resource = "*" }'
    first = repository.commit({"main.tf": policy(start)})
    repository.commit({"main.tf": policy(start, statement)})
    (item,) = repository.review(first, "HEAD").report.items
    assert item.severity is Severity.HIGH
    assert item.replacement is not None and '"iam:PassedToService" = "glue.amazonaws.com"' in item.replacement.text
    assert "less severe" in item.replacement.says
    apply(repository, item.replacement)
    (item,) = repository.review(first, "HEAD").report.items
    assert (item.severity, item.replacement) == (Severity.MEDIUM, None)
