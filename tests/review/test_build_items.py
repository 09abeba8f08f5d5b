"""Items, fixed findings and unchanged findings of a change."""

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
        ((APP,), (ANY,), [("new", "widened", "main.tf:5", ["001", "015"])]),
        ((APP,), (APP, ANY), [("new", "new", "main.tf:6", ["001", "015"])]),
        ((APP,), (ANY, APP), [("new", "new", "main.tf:5", ["001", "015"])]),
        ((ANY,), (ANY, START), [("worse", "widened", "main.tf:5", ["008", "015"])]),
        ((OPEN,), (OPEN.replace("app-*", "*"),), [("worse", "widened", "main.tf:5", ["001", "015"])]),
        ((OPEN,), (OPEN.replace("app-*", "ap*"),), [("worse", "widened", "main.tf:5", ["015"])]),
        ((APP,), (APP.replace("app-*", "ap*"),), []),
        ((APP,), (APP.replace(MANY, "arn:aws:iam::111122223333:user/x"),), [("new", "", "main.tf:5", ["010"])]),
    ],
)
def test_statement_is_one_item(
    repository: Reviews, before: tuple[str, ...], after: tuple[str, ...], items: list[tuple[str, str, str, list[str]]]
) -> None:
    """A statement is one item, new or worse, with its findings and its access."""
    result = repository.between({"main.tf": policy(*before)}, {"main.tf": policy(*after)})
    assert result.items == items
    assert result.status == int(bool(items))


def test_changed_branch_of_a_conditional_is_wider_access(repository: Reviews) -> None:
    """A change of one branch only is listed as wider access, under the condition of that branch."""
    variable = 'variable "production" {\n  type = bool\n}\n'
    roles = 'var.production ? "arn:aws:iam::111122223333:role/app" : "arn:aws:iam::111122223333:role/{}"'
    before, after = (
        policy(APP.replace(f'"{MANY}"', roles.format(name)), before=variable) for name in ("app2", "admin")
    )
    assert before != after
    result = repository.between({"main.tf": before}, {"main.tf": after})
    (more,) = result.report.more
    assert more.before is not None
    assert (more.before.roles, more.access.roles) == (
        ("arn:aws:iam::111122223333:role/app2",),
        ("arn:aws:iam::111122223333:role/admin",),
    )
    assert more.access.when == "var.production is false"


def test_attached_aws_managed_policy_is_one_item(repository: Reviews) -> None:
    """An attachment of AdministratorAccess is one item: what it lets through, and that it is new."""
    attachment = (
        'resource "aws_iam_user_policy_attachment" "a" {\n  user = "bob"\n'
        '  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"\n}\n'
    )
    result = repository.between({"main.tf": policy(APP)}, {"main.tf": policy(APP) + attachment})
    ((group, change, _, checks),) = result.items
    assert (group, change, sorted(checks)) == ("new", "new", ["013", "015"])


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
def test_moves_and_layout_are_not_new(repository: Reviews, after: dict[str, str | None]) -> None:
    """Comments, layout, moved lines, moved files and renamed resources are not new."""
    before = policy(ANY, START) if "START" in str(after) else policy(ANY)
    if after.get("main.tf") == policy(START, ANY):
        before = policy(ANY, START)
    result = repository.between({"main.tf": before}, after)
    assert (result.items, result.status, result.report.fixed) == ([], 0, ())


def test_shared_policy_document_is_one_item(repository: Reviews) -> None:
    """A policy document that two policies use is one item with both uses."""
    document = 'data "aws_iam_policy_document" "d" {\n  statement {\n    actions   = ["iam:PassRole"]\n'
    document += '    resources = ["%s"]\n  }\n}\n'
    users = "".join(
        f'resource "aws_iam_role_policy" "{name}" {{\n  role   = "{name}"\n'
        "  policy = data.aws_iam_policy_document.d.json\n}\n"
        for name in ("a", "b")
    )
    result = repository.between(
        {"main.tf": document % "arn:aws:iam::111122223333:role/x" + users}, {"main.tf": document % "*" + users}
    )
    (item,) = result.report.items
    assert item.uses == ("aws_iam_role_policy.a", "aws_iam_role_policy.b")
    assert item.access is not None and item.access.principals == ("a", "b")


def test_equal_statement_of_a_new_root_is_new(repository: Reviews) -> None:
    """An equal statement of another root is new there."""
    result = repository.between({"b/main.tf": policy(ANY)}, {"a/main.tf": policy(ANY), "b/main.tf": "\n" + policy(ANY)})
    assert result.items == [("new", "new", "a/main.tf:5", ["001", "015"])]
    assert result.report.unchanged == 1


def test_removed_one_of_two_equal_statements_is_fixed(repository: Reviews) -> None:
    """Of two equal statements in two roots the one whose file was deleted is fixed."""
    result = repository.between({"a/main.tf": policy(ANY), "b/main.tf": policy(ANY)}, {"a/main.tf": None})
    assert result.items == []
    assert [(one.at, one.check_id) for one in result.report.fixed] == [(Location("a/main.tf", 5, 5), "PASSROLE_001")]
    assert result.report.unchanged == 0  # the change cannot affect the other root


def test_removed_finding_is_fixed(repository: Reviews) -> None:
    """A removed finding is fixed, and its access is reduced."""
    result = repository.between({"main.tf": policy(OPEN)}, {"main.tf": policy(APP)})
    assert (result.items, result.status) == ([], 0)
    assert [one.check_id for one in result.report.fixed] == ["PASSROLE_002"]
    (less,) = result.report.less
    assert (less.change, less.before.services, less.after is not None and less.after.services) == (
        "narrowed", (), ("lambda.amazonaws.com",),
    )  # fmt: skip


def test_superseded_finding_is_not_new_when_the_worse_one_is_gone(repository: Reviews) -> None:
    """A statement for any role to any service has a 002 once its 001 is fixed, which is not new."""
    every = OPEN.replace("arn:aws:iam::111122223333:role/app-*", "*")
    result = repository.between({"main.tf": policy(every)}, {"main.tf": policy(OPEN)})
    assert (result.items, result.status) == ([], 0)
    assert [one.check_id for one in result.report.fixed] == ["PASSROLE_001"]


def test_removed_suppression_makes_the_finding_new(repository: Reviews) -> None:
    """A finding whose suppression was removed is new."""
    result = repository.between(
        {"main.tf": policy(ANY, before="# passrole:skip=PASSROLE_001 known\n")}, {"main.tf": policy(ANY)}
    )
    assert result.items == [("new", "", "main.tf:5", ["001"])]


def test_new_suppression_does_not_hide_a_new_finding(repository: Reviews) -> None:
    """A change cannot suppress its own findings; earlier suppressions remain."""
    skip = "# passrole:skip=PASSROLE_001 known\n"
    result = repository.between({"main.tf": policy(APP)}, {"main.tf": policy(ANY, before=skip)})
    assert result.items == [("new", "widened", "main.tf:6", ["001", "015"])]
    assert [(note.line, note.reason) for note in result.report.notes] == [
        (1, "the suppression of PASSROLE_001 is ignored: it is new in this version")
    ]
    result = repository.between(
        {"main.tf": policy(ANY, before=skip)}, {"main.tf": policy(ANY.replace("lambda", "ec2"), before=skip)}
    )
    assert [checks for _, _, _, checks in result.items] == [["015"]]


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
def test_suppression_follows_its_resource(repository: Reviews, after: dict[str, str | None]) -> None:
    """A renamed or moved resource stays suppressed; another one in its place does not."""
    before = policy(ANY).replace("role =", "# passrole:skip=PASSROLE_001 known\n  role =")
    result = repository.between({"main.tf": before}, after)
    assert (result.items, result.report.notes) == ([], ())
    wider = {name: content and content.replace("lambda", "ec2") for name, content in after.items()}
    repository.git("reset", "--quiet", "--hard", "HEAD^")
    assert "001" in str(repository.between({}, wider).items)


def test_thresholds_and_selected_checks_apply(repository: Reviews) -> None:
    """Findings below the severity, or of checks that are not selected, are not reported."""
    repository.commit({"main.tf": policy(APP)})
    repository.commit({"main.tf": policy(APP.replace("app-*", "ap*"))})
    assert repository.review("HEAD^", "HEAD").items == []
    result = repository.review("HEAD^", "HEAD", "--severity", "info")
    assert (result.items, result.status) == ([("worse", "widened", "main.tf:5", ["015"])], 0)
    assert repository.review("HEAD^", "HEAD", "--severity", "info", "--fail-on", "info").status == 1
    assert repository.review("HEAD^", "HEAD", "--severity", "info", "--skip-check", "015").items == []


def test_keys_are_stable_while_lines_move(repository: Reviews) -> None:
    """The key of an item is stable across commits while its lines move, its file is renamed or its text is edited, as
    long as the same checks report it; two items have different keys."""
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


def test_equal_statements_have_distinct_stable_keys(repository: Reviews) -> None:
    """Of two equal statements, in two roots or one policy, the remaining one keeps its key or gets a new one, never
    that of the other."""
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
    """A default that widens a statement is its cause; the item is at the statement."""
    result = repository.between(
        {"main.tf": policy(FROM_VARIABLE), "variables.tf": VARIABLE % MANY}, {"variables.tf": VARIABLE % "*"}
    )
    (item,) = result.report.items
    assert (item.at, item.cause) == (Location("main.tf", 5, 5), Location("variables.tf", 3, 3))


def test_cause_of_a_finding_about_a_principal(repository: Reviews) -> None:
    """The cause of a finding about what a principal may pass is the change that lets it start something."""
    result = repository.between({"main.tf": policy(ANY)}, {"more.tf": policy(START, name="more")})
    (item,) = result.report.items
    assert (item.group, item.change, item.remarks[0].check_id) == ("worse", "widened", "PASSROLE_008")
    assert (item.at, item.cause, item.cause_removed) == (Location("main.tf", 5, 5), Location("more.tf", 1, 1), False)


def test_removed_deny_is_the_cause(repository: Reviews) -> None:
    """A removed Deny is the cause, in BASE."""
    deny = '{ Effect = "Deny", Action = "iam:PassRole", Resource = "*" }'
    result = repository.between({"main.tf": policy(OPEN, deny)}, {"main.tf": policy(OPEN)})
    (item,) = result.report.items
    assert (item.at.line, item.cause_removed) == (5, True)
    assert item.cause == Location("main.tf", 6, 6)


def test_templates_are_reviewed(repository: Reviews) -> None:
    """Templates are reviewed as Terraform is."""
    result = repository.between({"app.yaml": template(MANY)}, {"app.yaml": template("*")})
    (item,) = result.report.items
    assert (item.framework, item.resource, item.group) == ("cloudformation", "Pass", "new")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"main.tf": policy(OPEN)}, {"main.tf": "resource {{"}),
        ({"app.yaml": template("*")}, {"app.yaml": "Resources: [\n  Type: AWS::IAM::Role"}),
        ({"app.yaml": template("*")}, {"app.yaml": "Resour: ["}),
        ({"app.yaml": template("*")}, {"app.yaml": "{"}),
        ({"app.yaml": template("*")}, {"app.yaml": "a: 1\n\tb: 2\n"}),
    ],
)
def test_unreadable_version_is_never_clean(repository: Reviews, before: dict[str, str], after: dict[str, str]) -> None:
    """If a version cannot be read, nothing in it is fixed or reduced, and the verdict is undetermined."""
    result = repository.between(before, after)
    report = result.report
    assert (report.verdict.value, result.status) == ("cannot-tell", 2)
    assert (report.fixed, report.less) == ((), ())
    assert [note.file for note in report.unreadable] == list(after)
    assert result.err.startswith(f"{next(iter(after))}:")


def test_template_replaced_by_other_text_is_removed(repository: Reviews) -> None:
    """A template replaced by other text is removed, and its access with it."""
    result = repository.between({"app.yaml": template("*")}, {"app.yaml": "a: 1\n"})
    assert (result.status, len(result.report.fixed), [one.change for one in result.report.less]) == (0, 1, ["removed"])


def test_new_access_of_a_plan_is_reported_once(repository: Reviews) -> None:
    """New access of a plan, which is a change itself, is reported once."""

    def plan(roles: str) -> str:
        result = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": roles}
        values = {"role": "deployer", "policy": json.dumps({"Version": "2012-10-17", "Statement": [result]})}
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

    result = repository.between({"plan.json": plan("arn:aws:iam::111122223333:role/app")}, {"plan.json": plan("*")})
    assert result.items == [("worse", "widened", "plan.json:1", ["001", "015"])]


def test_renamed_role_is_not_reduced_access(repository: Reviews) -> None:
    """A renamed role is not reported as reduced access with equal text on both sides."""
    role = 'resource "aws_iam_role" "app" {\n  name = "%s"\n  assume_role_policy = jsonencode({})\n}\n'
    only = APP.replace(f'"{MANY}"', "aws_iam_role.app.arn")
    result = repository.between({"main.tf": policy(only), "role.tf": role % "app"}, {"role.tf": role % "app-2"})
    assert (result.status, result.items, result.report.less) == (0, [], ())


def test_unchanged_unreadable_file_hides_nothing(repository: Reviews) -> None:
    """An unchanged file that was unreadable before does not hide items."""
    result = repository.between({"a/main.tf": "resource {{", "b/main.tf": policy(APP)}, {"b/main.tf": policy(ANY)})
    assert (len(result.items), result.report.unreadable, result.status) == (1, (), 1)


@pytest.mark.slow
def test_no_finding_is_lost(repository: Reviews) -> None:
    """For any change each finding of HEAD is in an item or counted as unchanged, and each finding of BASE is fixed or
    matched; a version compared with itself has no items."""
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
        result = sum(len(item.remarks) for item in report.items)
        assert result + report.unchanged == states["new"] + states["updated"] + states["unchanged"], versions
        assert len(report.fixed) == states["absent"], versions
        assert states["new"] <= result
        same = repository.review("HEAD", "HEAD")
        assert (same.items, same.report.fixed, same.report.less, same.report.more, same.status) == ([], (), (), (), 0)


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
def test_unflagged_growth_is_listed_separately(
    repository: Reviews, before: str, after: str | list[str], more: list[tuple[str, str, str]]
) -> None:
    """Access that grows below the thresholds is listed separately and is no item."""
    statements = [after] if isinstance(after, str) else after
    said = repository.between({"main.tf": policy(before)}, {"main.tf": policy(*statements)})
    result = [(one.change, f"{one.at.file}:{one.at.line}", one.resource.split(".")[1]) for one in said.report.more]
    assert result == more
    assert bool(said.items) == (after == ANY)


def test_growth_next_to_unreadable_statements(repository: Reviews) -> None:
    """Beside a malformed statement in a new file the others grow; if BASE has the file, they may be unchanged."""
    broken = '{ Effect = "Allow", Action = 5, Resource = "*" }'
    result = repository.between({"main.tf": policy(START)}, {"more/main.tf": policy(APP, broken)})
    assert [(one.change, f"{one.at.file}:{one.at.line}") for one in result.report.more] == [("new", "more/main.tf:5")]
    again = repository.between({"more/main.tf": policy(START, broken)}, {"more/main.tf": policy(START, broken, APP)})
    assert again.report.more == ()


def test_growth_needs_the_comparing_check(repository: Reviews) -> None:
    """If the comparing check is disabled, or reports info as well, no growth is listed separately."""
    files = {"main.tf": policy(APP)}, {"main.tf": policy(APP.replace("app-*", "ap*"))}
    result = repository.between(*files, "--skip-check", "015")
    assert (result.items, result.report.more) == ([], ())
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


def test_switch_between_008_and_009_is_neither_worse_nor_fixed(repository: Reviews) -> None:
    """If 009 reports what 008 is less sure of now, or the other way round, the item is neither new nor fixed."""
    wide = {"main.tf": policy(PASS_WORKER, START) + WORKER}
    narrow = {"main.tf": policy(PASS_WORKER, START, LIMIT) + WORKER}
    result = repository.between(wide, narrow)
    assert (result.items, result.report.fixed) == ([], ())
    again = repository.between(narrow, wide)
    assert again.report.fixed == ()
    grown = repository.between(wide, {"main.tf": policy(PASS_WORKER.replace("worker", "*"), START, LIMIT) + WORKER})
    assert [(group, line) for group, _, line, _ in grown.items] == [("worse", "main.tf:5")]


MANAGED = """
resource "aws_iam_role_policy_attachment" "a" {
  role       = "deployer"
  policy_arn = "arn:aws:iam::aws:policy/AWSLambda_FullAccess"
}
"""


@pytest.mark.parametrize(
    ("statements", "beside"),
    [((PASS_WORKER, START), ""), ((PASS_WORKER,), policy(START, name="more")), ((PASS_WORKER,), MANAGED)],
    ids=["same policy", "other policy", "attachment"],
)
def test_launch_permission_beside_an_old_pass_is_worse(
    statements: tuple[str, ...], beside: str, repository: Reviews
) -> None:
    """The statement was reported for its role (009), and is reported as severely for the escalation (008)."""
    files = {"main.tf": policy(*statements) + WORKER + beside}
    result = repository.between({"main.tf": policy(PASS_WORKER) + WORKER}, files)
    (item,) = (item for item in result.report.items if item.at.line == 5)
    assert (item.group, [one.check_id for one in item.remarks]) == ("worse", ["PASSROLE_008", "PASSROLE_015"])
    assert result.status == 1
    less = repository.between(files, {"main.tf": policy(PASS_WORKER) + WORKER})
    assert (less.items, less.status) == ([], 0)


def test_launch_permission_for_one_more_service_is_worse(repository: Reviews) -> None:
    """The statement was and is reported for an escalation (008), now through more services."""
    wide, run = (
        policy(ANY.split(", Condition")[0] + " }", START),
        '{ Effect = "Allow", Action = "ec2:RunInstances", Resource = "*" }',
    )
    result = repository.between({"main.tf": wide}, {"more.tf": policy(run, name="more")})
    (item,) = result.report.items
    assert (item.group, item.change, item.cause and item.cause.file) == ("worse", "widened", "more.tf")


def test_role_that_more_principals_may_assume_is_wider_access(repository: Reviews) -> None:
    """Of a role that can pass roles, more principals are wider access; of another role they are none."""
    trust = '{ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "%s" } }] }'
    role = 'resource "aws_iam_role" "%s" {\n  name = "%s"\n  assume_role_policy = jsonencode(' + trust + ")\n}\n"
    before, after = (
        policy(APP) + role % ("d", "deployer", account) + role % ("o", "other", account)
        for account in ("arn:aws:iam::111122223333:root", "*")
    )
    report = repository.between({"main.tf": before}, {"main.tf": after}).report
    (more,) = report.more
    assert (more.resource, more.trusted, more.change) == ("aws_iam_role.d", ("*",), "widened")
    assert more.before == more.access and not report.items
