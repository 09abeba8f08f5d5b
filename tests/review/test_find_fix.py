"""What is offered to mend an item, and that it does."""

from __future__ import annotations

import json

import pytest
from git_repositories import template
from reviews_of_tests import ANY, APP, FROM_VARIABLE, OPEN, SERVICE, START, VARIABLE, Reviews, policy

from passrole_checks.review.report import Replacement

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
    """The replacement of the only item; where there is one, it is applied, and nothing is told any more."""
    first = repository.commit(before)
    repository.commit(after)
    (item,) = repository.review(first, "HEAD").report.items
    if item.replacement is not None:
        assert item.advice == ""
        apply(repository, item.replacement)
        said = repository.review(first, "HEAD")
        assert (said.items, said.status) == ([], 0)
    else:
        assert item.advice
    return item.replacement


def test_a_default_that_widens_a_policy(repository: Reviews) -> None:
    """The change of a variable's default that widens PassRole is offered to be taken back at the default's line."""
    before = {"main.tf": policy(FROM_VARIABLE), "variables.tf": VARIABLE % ROLES}
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


def test_a_narrower_statement(repository: Reviews) -> None:
    """A new statement that passes any role is offered as one that names the role which is passed, and its service."""
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


def test_the_lines_of_the_change_alone(repository: Reviews) -> None:
    """Of several changes only the one that makes the difference is taken back."""
    before = {
        "main.tf": policy(FROM_VARIABLE),
        "variables.tf": VARIABLE % ROLES,
        "other.tf": 'locals {\n  a = "x"\n}\n',
    }
    found = offered(repository, before, {"variables.tf": VARIABLE % "*", "other.tf": 'locals {\n  a = "y"\n}\n'})
    assert found is not None
    assert (found.file, found.line) == ("variables.tf", 3)


def test_a_value_that_is_added(repository: Reviews) -> None:
    """A line that was added, and widens a policy, is offered to be taken away."""
    module = {"mod/main.tf": policy(FROM_VARIABLE) + VARIABLE % ROLES}
    call = 'module "m" {\n  source = "./mod"\n}\n'
    found = offered(repository, {**module, "main.tf": call}, {"main.tf": call.replace("}", '  roles  = "*"\n}')})
    says = "Removes the lines added here."
    assert found == Replacement("main.tf", 3, 3, "", says, of_cause=True, old='  roles  = "*"')


def test_a_value_that_is_gone(repository: Reviews) -> None:
    """A line that is gone, and narrowed a policy, is offered to be put back, beside a line that is there."""
    module = {"mod/main.tf": policy(FROM_VARIABLE) + VARIABLE % "*"}
    call = f'module "m" {{\n  source = "./mod"\n  roles  = "{ROLES}"\n}}\n'
    after = 'module "m" {\n  source = "./mod"\n}\n'
    found = offered(repository, {**module, "main.tf": call}, {"main.tf": after})
    says = "Restores the lines removed here."
    assert found == Replacement("main.tf", 3, 3, f'  roles  = "{ROLES}"\n}}', says, of_cause=True, old="}")


def test_a_parameter_of_a_template(repository: Reviews) -> None:
    """A default of a parameter is taken back too."""
    parameters = "Parameters:\n  Roles:\n    Type: String\n    Default: '%s'\n"
    stack = template("X").replace('"X"', "!Ref Roles")
    found = offered(repository, {"app.yaml": parameters % ROLES + stack}, {"app.yaml": parameters % "*" + stack})
    assert found is not None
    assert (found.line, found.text) == (4, f"    Default: '{ROLES}'")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_endings(repository: Reviews, ending: str) -> None:
    """In a file of one kind of line endings a change is taken back; the forge writes the endings."""
    one, other = ((VARIABLE % value).replace("\n", ending) for value in (ROLES, "*"))
    repository.commit({"main.tf": policy(FROM_VARIABLE), "variables.tf": one})
    repository.commit({"variables.tf": other})
    (item,) = repository.review("HEAD^", "HEAD").report.items
    assert item.replacement is not None and item.replacement.text == f'  default = "{ROLES}"'


def test_mixed_line_endings(repository: Reviews) -> None:
    """In a file that mixes line endings nothing is offered, since no forge writes it as it was."""
    one, other = ((VARIABLE % value).replace("string\n", "string\r\n") for value in (ROLES, "*"))
    assert offered(repository, {"main.tf": policy(FROM_VARIABLE), "variables.tf": one}, {"variables.tf": other}) is None


def test_nothing_is_offered_that_brings_something_else(repository: Reviews) -> None:
    """A change that mends one statement and widens another is not offered to be taken back."""
    other = 'Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }'
    resource = f'var.roles == "*" ? "{ROLES}" : "*"'
    first = f'{{ Effect = "Allow", Action = "iam:PassRole", Resource = {resource}, {other} }}'
    before = {"main.tf": policy(FROM_VARIABLE), "variables.tf": VARIABLE % ROLES}
    after = {"main.tf": policy(FROM_VARIABLE), "more.tf": policy(first, name="more"), "variables.tf": VARIABLE % "*"}
    assert offered(repository, before, after) is None


def test_a_change_of_many_lines(repository: Reviews) -> None:
    """A change of many lines is named, and not offered to be taken back."""
    many = "".join(f'  x{number} = "*"\n' for number in range(30))
    few = "".join(f'  x{number} = "{ROLES}"\n' for number in range(3))
    use = policy(FROM_VARIABLE.replace("var.roles", "local.x0"))
    found = offered(repository, {"main.tf": use, "l.tf": f"locals {{\n{few}}}\n"}, {"l.tf": f"locals {{\n{many}}}\n"})
    assert found is None


def test_a_statement_that_was_narrower(repository: Reviews) -> None:
    """The one change of a statement that was there before is offered to be taken back; a new statement is not."""
    multiline = (
        f'{{\n      Effect = "Allow"\n      Action = "iam:PassRole"\n      Resource = "%s"\n      {SERVICE}\n      }}'
    )
    found = offered(repository, {"main.tf": policy(multiline % ROLES)}, {"main.tf": policy(multiline % "*")})
    says = "Reverts the change of this line."
    assert found == Replacement("main.tf", 8, 8, f'      Resource = "{ROLES}"', says, old='      Resource = "*"')
    assert offered(repository, {"other.tf": "# nothing\n"}, {"more.tf": policy(OPEN, name="more")}) is None


def test_one_of_two_that_are_alike(repository: Reviews) -> None:
    """Where two roots are widened alike, what mends one of them is offered, though it leaves the other as it is."""
    before = {
        f"{name}/{file}.tf": text
        for name in "ab"
        for file, text in (("m", policy(FROM_VARIABLE)), ("v", VARIABLE % ROLES))
    }
    first = repository.commit(dict(before))
    repository.commit({"a/v.tf": VARIABLE % "*", "b/v.tf": VARIABLE % "*"})
    items = repository.review(first, "HEAD").report.items
    assert [item.replacement and item.replacement.file for item in items] == ["a/v.tf", "b/v.tf"]


def test_advice_says_what_to_fill_in(repository: Reviews) -> None:
    """Where nobody here knows which roles are passed, the advice says so, and how the statement would read."""
    (item,) = repository.between({"main.tf": policy(APP)}, {"main.tf": policy(APP, OPEN)}).report.items
    words, _, statement = item.advice.partition("\n")
    assert words.startswith("Add a condition on iam:PassedToService") or "Unknown: " in words
    assert "<service>.amazonaws.com" in statement


def test_advice_is_about_what_is_told(repository: Reviews) -> None:
    """What would mend something else of the statement, of which nothing is told, is no advice."""
    able = policy('{ Effect = "Allow", Action = "s3:*", Resource = "*" }', name="able", role="worker")
    passes = '{ Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.worker.arn, %s }'
    (item,) = repository.between(
        {"other.tf": WORKER.replace("worker", "other")},
        {"worker.tf": WORKER, "able.tf": able, "main.tf": policy(passes % SERVICE)},
    ).report.items
    assert [one.name for one in item.remarks] == ["stronger-role"]
    assert item.advice.startswith("Take from the role what its work does not need")


def test_nothing_is_left_behind(repository: Reviews) -> None:
    """Trials are made elsewhere: the repository is as it was."""
    repository.commit({"main.tf": policy(FROM_VARIABLE), "variables.tf": VARIABLE % ROLES})
    repository.commit({"variables.tf": VARIABLE % "*", "more.tf": policy(ANY, START, name="more")})
    before = repository.state()
    assert repository.review("HEAD^", "HEAD").status == 1
    assert repository.state() == before


def test_a_new_file_of_values(repository: Reviews) -> None:
    """A new JSON file of values is found to be the cause by doing without it, not by an empty one, which would be
    wrong."""
    repository.commit({"main.tf": policy(FROM_VARIABLE), "variables.tf": VARIABLE % ROLES})
    repository.commit({"x.auto.tfvars.json": '{"roles": "*"}\n'})
    (item,) = repository.review("HEAD^", "HEAD").report.items
    assert item.cause is not None
    assert (item.cause.file, item.cause.line) == ("x.auto.tfvars.json", 1)


@pytest.mark.parametrize(
    ("rest", "expected"), [('other = "x"\n', (1, 1, f'other = "x"\nroles = "{ROLES}"')), ("", None)], ids=["end", "all"]
)
def test_what_is_gone_at_the_end_of_a_file(
    repository: Reviews, rest: str, expected: tuple[int, int, str] | None
) -> None:
    """A last line that is gone is put back behind the one before it; in a file that is empty no comment can stand."""
    before = {
        "main.tf": policy(FROM_VARIABLE),
        "variables.tf": VARIABLE % "*" + 'variable "other" {\n  default = ""\n}\n',
        "terraform.tfvars": f'{rest}roles = "{ROLES}"\n',
    }
    found = offered(repository, before, {"terraform.tfvars": rest})
    assert (found and (found.line, found.end_line, found.text)) == expected


def test_a_narrower_statement_where_no_comment_can_stand(repository: Reviews) -> None:
    """A statement that a default widens is as it was: its own lines cannot be commented on, so that the default is
    taken back; where that cannot be offered either, the advice says how the statement would be narrower."""
    before = {"worker.tf": WORKER, "main.tf": policy(FROM_VARIABLE), "variables.tf": VARIABLE % ROLES}
    found = offered(repository, before, {"variables.tf": VARIABLE % "*"})
    assert found is not None and found.of_cause
    mixed = [(VARIABLE % value).replace("string\n", "string\r\n") for value in (ROLES, "*")]
    (item,) = repository.between({**before, "variables.tf": mixed[0]}, {"variables.tf": mixed[1]}).report.items
    assert item.replacement is None
    assert "aws_iam_role.worker.arn" in item.advice


def test_statements_of_one_place_are_told_and_not_mended(repository: Reviews) -> None:
    """Two statements in one quoted text stand in the same place, where nobody could tell which one is meant."""
    arns = [f"arn:aws:iam::111122223333:role/{name}" for name in "ab"]
    statements = [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": arn} for arn in arns]
    text = json.dumps(json.dumps({"Statement": statements}))
    quoted = f'resource "aws_iam_user_policy" "p" {{\n  user   = "u"\n  policy = {text}\n}}\n'
    items = repository.between({"a.tf": "# nothing\n"}, {"p.tf": quoted}).report.items
    assert [(item.at.line, item.replacement) for item in items] == [(3, None), (3, None)]


def test_a_new_statement_among_mixed_line_endings(repository: Reviews) -> None:
    """In a file that mixes line endings a narrower statement is told, and not offered."""
    text = policy('{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }').replace(
        '"deployer"\n', '"deployer"\r\n'
    )
    assert offered(repository, {"worker.tf": WORKER}, {"main.tf": text}) is None
