"""What of a change is told, and what is not: items, what is fixed, what is the same."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from git_repositories import template
from reviews_of_tests import ANY, APP, FROM_VARIABLE, OPEN, START, VARIABLE, Reviews, policy

from passrole_checks.review.report import Location

MANY = "arn:aws:iam::111122223333:role/app-*"


@pytest.mark.parametrize(
    ("before", "after", "items"),
    [
        ((APP,), (ANY,), [("new", "widened", "main.tf:5", ["015", "001"])]),
        ((APP,), (APP, ANY), [("new", "new", "main.tf:6", ["015", "001"])]),
        ((APP,), (ANY, APP), [("new", "new", "main.tf:5", ["015", "001"])]),
        ((ANY,), (ANY, START), [("worse", "", "main.tf:5", ["008"])]),
        ((OPEN,), (OPEN.replace("app-*", "*"),), [("worse", "widened", "main.tf:5", ["001", "015"])]),
        ((OPEN,), (OPEN.replace("app-*", "ap*"),), [("worse", "widened", "main.tf:5", ["015"])]),
        ((APP,), (APP.replace("app-*", "ap*"),), []),
        ((APP,), (APP.replace(MANY, "arn:aws:iam::111122223333:user/x"),), [("new", "", "main.tf:5", ["010"])]),
    ],
)
def test_what_is_told(
    repository: Reviews,
    before: tuple[str, ...],
    after: tuple[str, ...],
    items: list[tuple[str, str, str, list[str]]],
) -> None:
    """A statement is one item, new or worse, with what is found of it and the access that it gives."""
    said = repository.between({"main.tf": policy(*before)}, {"main.tf": policy(*after)})
    assert said.items == items
    assert said.status == int(bool(items))


@pytest.mark.parametrize(
    "after",
    [
        {"main.tf": policy(ANY, before="# a comment\n\n")},
        {"main.tf": policy(ANY).replace("  role =", "  role   =")},
        {"main.tf": policy(ANY).replace("Effect = ", "Effect   =   ")},
        {"main.tf": policy(ANY, name="renamed")},
        {"main.tf": None, "elsewhere.tf": policy(ANY)},
        {"main.tf": None, "deep/er/main.tf": "\n\n" + policy(ANY)},
        {"main.tf": policy(START, ANY)},
        {"readme.md": "nothing"},
        {},
    ],
)
def test_what_is_the_same(repository: Reviews, after: dict[str, str | None]) -> None:
    """Comments, layout, moved lines, moved files and renamed resources make nothing new."""
    before = policy(ANY, START) if "START" in str(after) else policy(ANY)
    if after.get("main.tf") == policy(START, ANY):
        before = policy(ANY, START)
    said = repository.between({"main.tf": before}, after)
    assert (said.items, said.status, said.report.fixed) == ([], 0, ())


def test_a_statement_that_is_told_twice_by_the_checks_is_one_item(repository: Reviews) -> None:
    """A policy document that two policies use is one item, with both uses."""
    document = 'data "aws_iam_policy_document" "d" {\n  statement {\n    actions   = ["iam:PassRole"]\n'
    document += '    resources = ["%s"]\n  }\n}\n'
    users = "".join(
        f'resource "aws_iam_role_policy" "{name}" {{\n  role   = "{name}"\n'
        "  policy = data.aws_iam_policy_document.d.json\n}\n"
        for name in ("a", "b")
    )
    said = repository.between(
        {"main.tf": document % "arn:aws:iam::111122223333:role/x" + users}, {"main.tf": document % "*" + users}
    )
    (item,) = said.report.items
    assert item.uses == ("aws_iam_role_policy.a", "aws_iam_role_policy.b")
    assert item.access is not None and item.access.principals == ("a", "b")


def test_equal_statements_of_several_roots(repository: Reviews) -> None:
    """Where another root brings a statement that is in one already, that of the new root is told."""
    said = repository.between({"b/main.tf": policy(ANY)}, {"a/main.tf": policy(ANY), "b/main.tf": "\n" + policy(ANY)})
    assert said.items == [("new", "new", "a/main.tf:5", ["015", "001"])]
    assert said.report.unchanged == 1


def test_one_of_two_equal_statements_is_gone(repository: Reviews) -> None:
    """Of two equal statements in two roots the one whose file is gone is fixed."""
    said = repository.between({"a/main.tf": policy(ANY), "b/main.tf": policy(ANY)}, {"a/main.tf": None})
    assert said.items == []
    assert [(one.at, one.check_id) for one in said.report.fixed] == [(Location("a/main.tf", 5, 5), "PASSROLE_001")]
    assert said.report.unchanged == 1


def test_what_is_fixed(repository: Reviews) -> None:
    """A finding that is gone is fixed, and the access that it gave is less."""
    said = repository.between({"main.tf": policy(OPEN)}, {"main.tf": policy(APP)})
    assert (said.items, said.status) == ([], 0)
    assert [one.check_id for one in said.report.fixed] == ["PASSROLE_002"]
    (less,) = said.report.less
    assert (less.change, less.before.services, less.after is not None and less.after.services) == (
        "narrowed", (), ("lambda.amazonaws.com",),
    )  # fmt: skip


def test_what_was_there_all_the_time_is_not_new_once_it_is_said(repository: Reviews) -> None:
    """A statement that passes some roles to any service did so when it passed any role: that it is said now, since the
    worse is gone, is no news."""
    every = OPEN.replace("arn:aws:iam::111122223333:role/app-*", "*")
    said = repository.between({"main.tf": policy(every)}, {"main.tf": policy(OPEN)})
    assert (said.items, said.status) == ([], 0)
    assert [one.check_id for one in said.report.fixed] == ["PASSROLE_001"]


def test_a_suppression_that_goes(repository: Reviews) -> None:
    """What was suppressed, and is not any more, is new."""
    said = repository.between(
        {"main.tf": policy(ANY, before="# passrole:skip=PASSROLE_001 known\n")}, {"main.tf": policy(ANY)}
    )
    assert said.items == [("new", "", "main.tf:5", ["001"])]


def test_a_suppression_that_comes(repository: Reviews) -> None:
    """A change cannot suppress what is found of it; what was suppressed before stays so."""
    skip = "# passrole:skip=PASSROLE_001 known\n"
    said = repository.between({"main.tf": policy(APP)}, {"main.tf": policy(ANY, before=skip)})
    assert said.items == [("new", "widened", "main.tf:6", ["015", "001"])]
    assert [(note.line, note.reason) for note in said.report.notes] == [
        (1, "the suppression of PASSROLE_001 is ignored: it is new in this version")
    ]
    said = repository.between(
        {"main.tf": policy(ANY, before=skip)}, {"main.tf": policy(ANY.replace("lambda", "ec2"), before=skip)}
    )
    assert [checks for _, _, _, checks in said.items] == [["015"]]


@pytest.mark.parametrize(
    "after",
    [
        {"main.tf": policy(ANY, name="other").replace("role =", "# passrole:skip=PASSROLE_001 known\n  role =")},
        {
            "main.tf": None,
            "x/y.tf": policy(ANY, name="other").replace("role =", "# passrole:skip=PASSROLE_001 known\n  role ="),
        },
    ],
)
def test_a_suppression_goes_with_its_resource(repository: Reviews, after: dict[str, str | None]) -> None:
    """A resource that is renamed, or moved as well, stays suppressed; another one in its place does not."""
    before = policy(ANY).replace("role =", "# passrole:skip=PASSROLE_001 known\n  role =")
    said = repository.between({"main.tf": before}, after)
    assert (said.items, said.report.notes) == ([], ())
    wider = {name: content and content.replace("lambda", "ec2") for name, content in after.items()}
    repository.git("reset", "--quiet", "--hard", "HEAD^")
    assert "001" in str(repository.between({}, wider).items)


def test_severity_and_checks(repository: Reviews) -> None:
    """What is below the severity, or of a check that is not asked for, is not told."""
    repository.commit({"main.tf": policy(APP)})
    repository.commit({"main.tf": policy(APP.replace("app-*", "ap*"))})
    assert repository.review("HEAD^", "HEAD").items == []
    told = repository.review("HEAD^", "HEAD", "--severity", "info")
    assert (told.items, told.status) == ([("worse", "widened", "main.tf:5", ["015"])], 0)
    assert repository.review("HEAD^", "HEAD", "--severity", "info", "--fail-on", "info").status == 1
    assert repository.review("HEAD^", "HEAD", "--severity", "info", "--skip-check", "015").items == []


def test_keys_stay_while_lines_move(repository: Reviews) -> None:
    """An item has the same key in the next commits of a request, though its lines are moved, its file is renamed, or
    its words are changed, as long as the same is wrong; two items have different ones."""
    first = repository.commit({"main.tf": policy(APP)})
    repository.commit({"main.tf": policy(APP, ANY, OPEN)})
    one, other = (item.key for item in repository.review(first, "HEAD").report.items)
    repository.commit(
        {"main.tf": "\n\n# moved\n" + policy(START.replace("lambda:CreateFunction", "s3:Get*"), APP, OPEN, ANY)}
    )
    keys = {item.key for item in repository.review(first, "HEAD").report.items}
    assert keys == {one, other} and one != other
    repository.commit({"main.tf": None, "other.tf": policy(APP, ANY.replace("lambda", "ec2"), OPEN)})
    assert {item.key for item in repository.review(first, "HEAD").report.items} == {one, other}


def test_keys_of_statements_that_are_alike(repository: Reviews) -> None:
    """Of two alike statements, in two roots or in one policy, the one that is left keeps its key, or gets one of its
    own: never that of the other."""
    empty = repository.git("hash-object", "-t", "tree", "/dev/null")
    repository.commit({"a/main.tf": policy(ANY), "b/main.tf": policy(ANY)})
    first, second = (item.key for item in repository.review(empty, "HEAD").report.items)
    repository.commit({"a/main.tf": policy(APP)})
    assert [item.key for item in repository.review(empty, "HEAD").report.items] == [second] != [first]
    ec2 = ANY.replace("lambda", "ec2")
    repository.commit({"a/main.tf": policy(ANY, ec2), "b/main.tf": None})
    first, second = (item.key for item in repository.review(empty, "HEAD").report.items)
    repository.commit({"a/main.tf": policy(ec2)})
    (left,) = (item.key for item in repository.review(empty, "HEAD").report.items)
    assert left != first


def test_a_cause_in_another_file(repository: Reviews) -> None:
    """A default that widens a statement is its cause; the item stands at the statement."""
    said = repository.between(
        {"main.tf": policy(FROM_VARIABLE), "variables.tf": VARIABLE % MANY}, {"variables.tf": VARIABLE % "*"}
    )
    (item,) = said.report.items
    assert (item.at, item.cause) == (Location("main.tf", 5, 5), Location("variables.tf", 3, 3))


def test_a_cause_of_a_finding_that_is_about_a_principal(repository: Reviews) -> None:
    """What makes a principal able to start something is the cause of what is then found of what it may pass."""
    said = repository.between({"main.tf": policy(ANY)}, {"more.tf": policy(START, name="more")})
    (item,) = said.report.items
    assert (item.group, item.change, [one.check_id for one in item.remarks]) == ("worse", "", ["PASSROLE_008"])
    assert (item.at, item.cause, item.cause_removed) == (Location("main.tf", 5, 5), Location("more.tf", 1, 1), False)


def test_a_cause_that_is_gone(repository: Reviews) -> None:
    """A Deny that is gone is the cause, in BASE."""
    deny = '{ Effect = "Deny", Action = "iam:PassRole", Resource = "*" }'
    said = repository.between({"main.tf": policy(OPEN, deny)}, {"main.tf": policy(OPEN)})
    (item,) = said.report.items
    assert (item.at.line, item.cause_removed) == (5, True)
    assert item.cause == Location("main.tf", 6, 6)


def test_templates(repository: Reviews) -> None:
    """Templates are reviewed as Terraform is."""
    said = repository.between({"app.yaml": template(MANY)}, {"app.yaml": template("*")})
    (item,) = said.report.items
    assert (item.framework, item.resource, item.group) == ("cloudformation", "Pass", "new")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"main.tf": policy(OPEN)}, {"main.tf": "resource {{"}),
        ({"main.tf": "resource {{"}, {"main.tf": policy(OPEN)}),
        ({"app.yaml": template("*")}, {"app.yaml": "Resources: [\n  Type: AWS::IAM::Role"}),
        ({"app.yaml": template("*")}, {"app.yaml": "Resour: ["}),
        ({"app.yaml": template("*")}, {"app.yaml": "{"}),
        ({"app.yaml": template("*")}, {"app.yaml": "a: 1\n\tb: 2\n"}),
    ],
)
def test_what_cannot_be_read_is_never_clean(repository: Reviews, before: dict[str, str], after: dict[str, str]) -> None:
    """Where a version cannot be read nothing of it is fixed or less, and the review cannot tell."""
    said = repository.between(before, after)
    report = said.report
    assert (report.verdict.value, said.status) == ("cannot-tell", 2)
    assert (report.fixed, report.less) == ((), ())
    assert [note.file for note in report.unreadable] == list(after)
    assert said.err.startswith(f"{next(iter(after))}:")


def test_what_is_something_else_now(repository: Reviews) -> None:
    """A template that has become another text is gone, and what it gave with it."""
    said = repository.between({"app.yaml": template("*")}, {"app.yaml": "a: 1\n"})
    assert (said.status, len(said.report.fixed), [one.change for one in said.report.less]) == (0, 1, ["removed"])


def test_a_plan_is_a_change_of_its_own(repository: Reviews) -> None:
    """Of a plan, which is judged on what it changes as well, new access is told once."""

    def plan(roles: str) -> str:
        said = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": roles}
        values = {"role": "deployer", "policy": json.dumps({"Version": "2012-10-17", "Statement": [said]})}
        change = {"actions": ["create"], "before": None, "after": values, "after_unknown": {}}
        address = {
            "address": "aws_iam_role_policy.pass",
            "mode": "managed",
            "type": "aws_iam_role_policy",
            "name": "pass",
        }
        return json.dumps(
            {
                "format_version": "1.2",
                "terraform_version": "1.9.0",
                "planned_values": {"root_module": {"resources": [{**address, "values": values}]}},
                "resource_changes": [{**address, "change": change}],
                "configuration": {"root_module": {}},
            }
        )

    said = repository.between({"plan.json": plan("arn:aws:iam::111122223333:role/app")}, {"plan.json": plan("*")})
    assert said.items == [("worse", "widened", "plan.json:1", ["001", "015"])]


def test_a_role_of_another_name(repository: Reviews) -> None:
    """A role that only gets another name is not told as access that is less, where the same words would stand on both
    sides."""
    role = 'resource "aws_iam_role" "app" {\n  name = "%s"\n  assume_role_policy = jsonencode({})\n}\n'
    only = APP.replace(f'"{MANY}"', "aws_iam_role.app.arn")
    said = repository.between({"main.tf": policy(only), "role.tf": role % "app"}, {"role.tf": role % "app-2"})
    assert (said.status, said.items, said.report.less) == (0, [], ())


def test_what_could_not_be_read_before_either_is_as_it_was(repository: Reviews) -> None:
    """A file that nobody has touched, and that was unreadable before, is no reason to tell nothing."""
    said = repository.between({"a/main.tf": "resource {{", "b/main.tf": policy(APP)}, {"b/main.tf": policy(ANY)})
    assert (len(said.items), said.report.unreadable, said.status) == (1, (), 1)


def test_no_finding_is_lost(repository: Reviews) -> None:
    """Whatever changes, each finding of HEAD is told in an item or counted as unchanged, and each one of BASE is fixed
    or stands for one of HEAD; and a version compared with itself is silent."""
    chance = random.Random(11)
    pool = [
        APP,
        ANY,
        OPEN,
        START,
        OPEN.replace("app-*", "app"),
        ANY.replace("lambda", "ec2"),
        OPEN.replace("app-*", "*"),
    ]
    for _ in range(25):
        versions = []
        for _ in range(2):
            files: dict[str, str | None] = {}
            for name in ("a", "b"):
                said = chance.sample(pool, chance.randrange(4))
                files[f"{name}.tf"] = policy(*said, name=name, role=chance.choice("xy")) if said else "# nothing\n"
            versions.append(files)
            repository.commit(files)
        report = repository.review("HEAD^", "HEAD", "--skip-check", "015").report
        results = json.loads(
            repository.review("HEAD^", "HEAD", "--skip-check", "015", "--format", "sarif", text=True).out
        )
        states = Counter(one["baselineState"] for one in results["runs"][0]["results"])
        told = sum(len(item.remarks) for item in report.items)
        assert told + report.unchanged == states["new"] + states["updated"] + states["unchanged"], versions
        assert len(report.fixed) == states["absent"], versions
        assert states["new"] <= told
        same = repository.review("HEAD", "HEAD")
        assert (same.items, same.report.is_silent, same.status) == ([], True, 0)


SERVICES = '["lambda.amazonaws.com", "ec2.amazonaws.com"]'


@pytest.mark.parametrize(
    ("before", "after", "more"),
    [
        (APP, APP.replace('"lambda.amazonaws.com"', SERVICES), [("widened", "main.tf:5", "pass")]),
        (APP, APP.replace("app-*", "ap*"), [("widened", "main.tf:5", "pass")]),
        (APP, [APP, APP.replace("app-*", "ops")], [("new", "main.tf:6", "pass")]),
        (APP, ANY, []),  # an item
        (ANY, APP, []),
        (APP, APP, []),
    ],
)
def test_more_that_is_not_flagged(
    repository: Reviews, before: str, after: str | list[str], more: list[tuple[str, str, str]]
) -> None:
    """Access that grows where nothing is as severe as what is asked for is told apart, and is no item."""
    statements = [after] if isinstance(after, str) else after
    said = repository.between({"main.tf": policy(before)}, {"main.tf": policy(*statements)})
    told = [(one.change, f"{one.at.file}:{one.at.line}", one.resource.split(".")[1]) for one in said.report.more]
    assert told == more
    assert bool(said.items) == (after == ANY)


def test_more_beside_what_cannot_be_read(repository: Reviews) -> None:
    """In a new file with a malformed statement the others give more; where BASE has that file, it may be as it was."""
    broken = '{ Effect = "Allow", Action = 5, Resource = "*" }'
    said = repository.between({"main.tf": policy(START)}, {"more/main.tf": policy(APP, broken)})
    assert [(one.change, f"{one.at.file}:{one.at.line}") for one in said.report.more] == [("new", "more/main.tf:5")]
    again = repository.between({"more/main.tf": policy(START, broken)}, {"more/main.tf": policy(START, broken, APP)})
    assert again.report.more == ()


def test_more_where_access_is_not_compared(repository: Reviews) -> None:
    """Where the check that compares is not run, or tells of information as well, nothing is left to be told apart."""
    files = {"main.tf": policy(APP)}, {"main.tf": policy(APP.replace("app-*", "ap*"))}
    said = repository.between(*files, "--skip-check", "015")
    assert (said.items, said.report.more) == ([], ())
    again = repository.review("HEAD^", "HEAD", "--severity", "info")
    assert (again.items, again.report.more) == ([("worse", "widened", "main.tf:5", ["015"])], ())


WORKER = (
    policy('{ Effect = "Allow", Action = "iam:CreateUser", Resource = "*" }', name="worker", role="worker")
    + """
resource "aws_iam_role" "worker" {
  name               = "worker"
  assume_role_policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }
  ] })
}
"""
)
PASS_WORKER = APP.replace("app-*", "worker")
LIMIT = """{ Effect = "Deny", Action = "lambda:*", Resource = "*",
      Condition = { StringNotEquals = { "lambda:VpcIds" = "vpc-1" } } }"""


def test_which_check_speaks_makes_nothing_worse_or_better(repository: Reviews) -> None:
    """What 008 is less sure of, since less is possible, is said by 009 then, which is neither news nor, the other way
    round, mended."""
    wide = {"main.tf": policy(PASS_WORKER, START) + WORKER}
    narrow = {"main.tf": policy(PASS_WORKER, START, LIMIT) + WORKER}
    said = repository.between(wide, narrow)
    assert (said.items, said.report.fixed) == ([], ())
    again = repository.between(narrow, wide)
    assert again.report.fixed == ()
    grown = repository.between(wide, {"main.tf": policy(PASS_WORKER.replace("worker", "*"), START, LIMIT) + WORKER})
    assert [(group, line) for group, _, line, _ in grown.items] == [("worse", "main.tf:5")]
