"""Reviews with Terraform plans: values of the plan, lines of the source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from plans_of_tests import change, document, plan, statement
from reviews_of_tests import Reviews

from passrole_checks.review.report import Anchor

ROLE = {"name": "deployer", "arn": "arn:aws:iam::111122223333:role/deployer"}
APP, EVERY = "arn:aws:iam::111122223333:role/app-*", "*"
LOGS = {"Sid": "Logs", "Action": "logs:*", "Effect": "Allow", "Resource": "*"}
SOURCE = """\
data "aws_ssm_parameter" "roles" {
  name = "/roles"
}

resource "aws_iam_role" "deployer" {
  name               = "deployer"
  assume_role_policy = "{}"
}

resource "aws_iam_role_policy" "deploy" {
  role = aws_iam_role.deployer.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Logs", Effect = "Allow", Action = "logs:*", Resource = "*" },
      {
        Sid      = "Pass"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "arn:aws:iam::111122223333:role/app-*"
      }
    ]
  })
}
"""
FROM_DATA = SOURCE.replace(f'"{APP}"', "data.aws_ssm_parameter.roles.value")


def policy(resource: str) -> dict[str, str]:
    return {"role": "deployer", "name": "deploy", "policy": document(LOGS, statement(resource, "Pass", ""))}


def of_root(before: str | None, after: str | None) -> str:
    """Return a plan for the source, with other roles in the statement "Pass"; None for no policy."""
    values = [policy(one) if one is not None else None for one in (before, after)]
    return plan(change("aws_iam_role.deployer", ROLE, ROLE), change("aws_iam_role_policy.deploy", *values))


@pytest.fixture
def plan_file(tmp_path: Path) -> Path:
    """A file for a plan, outside of the repository."""
    folder = tmp_path / "plans"
    folder.mkdir()
    return folder / "plan.json"


def test_a_value_of_the_plan_is_reported_at_the_line_of_the_source(repository: Reviews, plan_file: Path) -> None:
    """The source does not show the value of a data source; the plan does, and the comment is at the changed line."""
    plan_file.write_text(of_root(APP, EVERY))
    result = repository.between({"infra/main.tf": SOURCE}, {"infra/main.tf": FROM_DATA}, f"--plan={plan_file}=infra")
    assert result.items == [("worse", "widened", "infra/main.tf:16", ["001", "015"])]
    (item,) = result.report.items
    assert item.anchor == Anchor("infra/main.tf", 17, 21)  # the hunk begins at the second line of the statement
    assert item.resource == "aws_iam_role_policy.deploy" and item.framework == "terraform"
    assert item.before is not None and item.before.roles == (APP,)
    assert result.status == 1 and not result.report.unreadable and not result.report.not_evaluated


OF_DATA = """\
data "aws_iam_policy_document" "deploy" {
  statement {
    sid       = "Logs"
    actions   = ["logs:*"]
    resources = ["*"]
  }
  statement {
    sid       = "Pass"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::111122223333:role/app-*"]
  }
}

resource "aws_iam_role" "deployer" {
  name               = "deployer"
  assume_role_policy = "{}"
}

resource "aws_iam_role_policy" "deploy" {
  role   = aws_iam_role.deployer.name
  policy = data.aws_iam_policy_document.deploy.json
}
"""


@pytest.mark.parametrize("source", [SOURCE, OF_DATA], ids=["jsonencode", "data"])
def test_an_item_is_the_same_as_from_the_source(repository: Reviews, plan_file: Path, source: str) -> None:
    """If the source shows the same, the item has the same key, position, cause and suggestion."""
    plan_file.write_text(of_root(APP, EVERY))
    wide = source.replace(APP, EVERY)
    of_source = repository.between({"infra/main.tf": source}, {"infra/main.tf": wide})
    of_plan = repository.review("HEAD^", "HEAD", f"--plan={plan_file}=infra")
    (item,), (other,) = of_source.report.items, of_plan.report.items
    assert item.replacement is not None
    assert other == item


def test_findings_keep_their_identity(repository: Reviews, plan_file: Path) -> None:
    """Code scanning sees the same alerts at the same lines, from the plan as from the source."""
    plan_file.write_text(of_root(APP, EVERY))
    repository.commit({"infra/main.tf": SOURCE})
    repository.commit({"infra/main.tf": SOURCE.replace(APP, EVERY)})
    options = "HEAD^", "HEAD", "--format=sarif"
    of_source, of_plan = (
        json.loads(repository.review(*options, *plans, text=True).out)["runs"][0]["results"]
        for plans in ((), (f"--plan={plan_file}=infra",))
    )
    assert of_source and of_plan == of_source


def test_a_cause_elsewhere_is_the_changed_line(repository: Reviews, plan_file: Path) -> None:
    """A changed default widens an unchanged statement; the comment is at the default, with the revert."""
    plan_file.write_text(of_root(APP, EVERY))
    variable = 'variable "roles" {{\n  default = "{}"\n}}\n'
    source = SOURCE.replace(f'"{APP}"', "var.roles")
    result = repository.between(
        {"infra/main.tf": source, "infra/variables.tf": variable.format(APP)},
        {"infra/variables.tf": variable.format(EVERY)},
        f"--plan={plan_file}=infra",
    )
    (item,) = result.report.items
    assert item.cause is not None and (item.cause.file, item.cause.line) == ("infra/variables.tf", 2)
    assert item.replacement is not None and APP in item.replacement.text


def test_what_the_plan_leaves_as_it_is_is_not_new(repository: Reviews, plan_file: Path) -> None:
    """BASE is what the plan changes, not the source of BASE."""
    plan_file.write_text(of_root(EVERY, EVERY))
    result = repository.between({"infra/main.tf": SOURCE}, {"infra/main.tf": FROM_DATA}, f"--plan={plan_file}=infra")
    assert result.counts[:2] == (0, 0) and result.counts[2] > 0
    assert (result.status, result.report.verdict.value) == (0, "clean")


def test_a_plan_is_compared_although_no_file_differs(repository: Reviews, plan_file: Path) -> None:
    """A value from elsewhere can change without a change of the source."""
    plan_file.write_text(of_root(APP, EVERY))
    repository.commit({"infra/main.tf": FROM_DATA})
    result = repository.review("HEAD", "HEAD", f"--plan={plan_file}=infra")
    assert result.items == [("worse", "widened", "infra/main.tf:16", ["001", "015"])]
    assert result.status == 1


def test_the_plan_of_base_is_what_head_is_compared_with(repository: Reviews, plan_file: Path) -> None:
    """Access that is planned in BASE too is not new, although neither is deployed."""
    before = plan_file.with_name("before.json")
    plan_file.write_text(of_root(None, EVERY))
    repository.commit({"infra/main.tf": SOURCE})
    repository.commit({"infra/main.tf": FROM_DATA})
    options = f"--plan={plan_file}=infra", f"--plan-before={before}=infra"
    for planned, items in (
        (EVERY, []),
        (APP, [("worse", "widened", "infra/main.tf:16", ["001", "015"])]),
        (None, [("new", "new", "infra/main.tf:16", ["001", "015"])]),
    ):
        before.write_text(of_root(None, planned))
        assert repository.review("HEAD^", "HEAD", *options).items == items


def test_a_state_can_be_either_version(repository: Reviews, plan_file: Path) -> None:
    """A state has no changes, so it needs the other one."""
    before = plan_file.with_name("before.json")
    for file, roles in ((plan_file, EVERY), (before, APP)):
        resources = [
            {"address": address, "mode": "managed", "type": address.split(".")[0], "name": address.split(".")[1]}
            | {"values": values}
            for address, values in (("aws_iam_role.deployer", ROLE), ("aws_iam_role_policy.deploy", policy(roles)))
        ]
        file.write_text(json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": resources}}}))
    alone = repository.between({"infra/main.tf": SOURCE}, {"infra/main.tf": FROM_DATA}, f"--plan={plan_file}=infra")
    assert alone.status == 2 and alone.err.startswith(f"{plan_file}")
    both = repository.review("HEAD^", "HEAD", f"--plan={plan_file}=infra", f"--plan-before={before}=infra")
    assert both.items == [("worse", "widened", "infra/main.tf:16", ["001", "015"])]


def test_drift_is_no_change_of_the_plan(repository: Reviews, plan_file: Path) -> None:
    """A policy that was widened outside of Terraform is not new, and the plan that reverts it narrows it."""
    drift = [change("aws_iam_role_policy.deploy", policy(APP), policy(EVERY))]
    plan_file.write_text(json.dumps({**json.loads(of_root(EVERY, APP)), "resource_drift": drift}))
    result = repository.between({"infra/main.tf": FROM_DATA}, {"infra/main.tf": SOURCE}, f"--plan={plan_file}=infra")
    assert not result.items and [less.change for less in result.report.less] == ["narrowed"]


def test_what_a_target_leaves_out_is_in_both_versions(repository: Reviews, plan_file: Path) -> None:
    """With -target, resources that the plan does not mention are in its prior state only."""
    values = {"address": "aws_iam_role_policy.deploy", "mode": "managed", "type": "aws_iam_role_policy"}
    values |= {"name": "deploy", "values": policy(EVERY)}
    targeted = plan(
        change("aws_iam_role.deployer", ROLE, ROLE),
        blocks=["aws_iam_role.deployer", "aws_iam_role_policy.deploy"],
        prior_state={"format_version": "1.0", "values": {"root_module": {"resources": [values]}}},
    )
    plan_file.write_text(targeted)
    result = repository.between({"infra/main.tf": SOURCE}, {"infra/main.tf": FROM_DATA}, f"--plan={plan_file}=infra")
    assert result.counts[0] == 0 and result.counts[2] > 0


def test_removed_access_is_at_its_lines_in_base(repository: Reviews, plan_file: Path) -> None:
    """A policy that the plan deletes is listed with its former place."""
    plan_file.write_text(of_root(EVERY, None))
    head = SOURCE[: SOURCE.index('resource "aws_iam_role_policy"')]
    result = repository.between({"infra/main.tf": SOURCE}, {"infra/main.tf": head}, f"--plan={plan_file}=infra")
    assert not result.items
    ((less, fixed),) = [(result.report.less[0], result.report.fixed[0])]
    assert (less.change, less.at.file, less.at.line) == ("removed", "infra/main.tf", 16)
    assert (fixed.check_id, fixed.at.file, fixed.at.line) == ("PASSROLE_001", "infra/main.tf", 16)


def test_a_root_that_moves_has_no_new_access(repository: Reviews, plan_file: Path) -> None:
    """The plan of a root in another folder changes nothing, so nothing is new there."""
    plan_file.write_text(of_root(EVERY, EVERY))
    result = repository.between(
        {"infra/main.tf": SOURCE},
        {"infra/main.tf": None, "platform/main.tf": FROM_DATA},
        f"--plan={plan_file}=platform",
    )
    assert (result.items, result.report.more, result.status) == ([], (), 0)


def test_workspaces_of_one_root_have_a_plan_each(repository: Reviews, plan_file: Path) -> None:
    """Access that is new in one of them is new."""
    other = plan_file.with_name("other.json")
    plan_file.write_text(of_root(APP, APP))
    other.write_text(of_root(APP, EVERY))
    options = f"--plan={plan_file}=infra", f"--plan={other}=infra"
    result = repository.between({"infra/main.tf": SOURCE}, {"infra/main.tf": FROM_DATA}, *options)
    assert result.items == [("worse", "widened", "infra/main.tf:16", ["001", "015"])]


# -- where resources are in the source


MODULE_CALL = 'module "app" {\n  source = "./app"\n  roles  = "%s"\n}\n'
IN_MODULE = 'variable "roles" {}\n\n' + SOURCE.replace(f'"{APP}"', "var.roles")


def test_a_resource_of_a_module_is_at_its_lines(repository: Reviews, plan_file: Path) -> None:
    """One module called twice has its statement once; a key of an instance does not matter."""
    calls = MODULE_CALL % APP + (MODULE_CALL % APP).replace('"app"', '"other"').replace("./app", "./app")
    addresses = "module.app.aws_iam_role_policy.deploy", 'module.other["a.b"].aws_iam_role_policy.deploy'
    for_each = calls.replace('module "other" {', 'module "other" {\n  for_each = toset(["a.b"])')
    plan_file.write_text(plan(*(change(address, policy(APP), policy(EVERY)) for address in addresses)))
    before = {"infra/main.tf": for_each, "infra/app/main.tf": IN_MODULE}
    result = repository.between(before, {"infra/main.tf": for_each.replace(APP, EVERY)}, f"--plan={plan_file}=infra")
    assert result.items == [("worse", "widened", "infra/app/main.tf:18", ["001", "015"])]
    (item,) = result.report.items
    assert set(item.uses) == set(addresses)


def test_the_source_of_an_unchanged_root_is_read(repository: Reviews, plan_file: Path) -> None:
    """Only another root changes; the modules of the root with a plan are found all the same."""
    modules = {"modules/app/main.tf": 'module "inner" {\n  source = "../inner"\n}\n', "modules/inner/main.tf": SOURCE}
    roots = {f"roots/{name}/main.tf": 'module "app" {\n  source = "../../modules/app"\n}\n' for name in ("one", "two")}
    address = "module.app.module.inner.aws_iam_role_policy.deploy"
    plan_file.write_text(plan(change(address, policy(APP), policy(EVERY))))
    before = {**modules, **roots, "other/main.tf": "# one\n", "templates/a.json": "{}"}
    result = repository.between(before, {"other/main.tf": "# two\n"}, f"--plan={plan_file}=roots/one")
    assert [place for _, _, place, _ in result.items] == ["modules/inner/main.tf:16"]


def test_a_policy_in_a_file_is_at_its_lines_there(repository: Reviews, plan_file: Path) -> None:
    """The file is read although nothing that changes refers to it."""
    source = (
        'resource "aws_iam_role_policy" "deploy" {\n  policy = file("${path.module}/../../policies/deploy.json")\n}\n'
    )
    text = json.dumps(json.loads(document(LOGS, statement(EVERY, "Pass", ""))), indent=1)
    plan_file.write_text(plan(change("aws_iam_role_policy.deploy", policy(APP), policy(EVERY))))
    before = {"roots/one/main.tf": source, "policies/deploy.json": text, "other/main.tf": "# one\n"}
    result = repository.between(before, {"other/main.tf": "# two\n"}, f"--plan={plan_file}=roots/one")
    line = text[: text.index('"Pass"')].count("\n")
    assert [place for _, _, place, _ in result.items] == [f"policies/deploy.json:{line}"]


def test_a_resource_of_a_missing_module_is_at_the_call(repository: Reviews, plan_file: Path) -> None:
    """Registry modules are not in the repository; the plan shows their resources."""
    call = 'module "app" {\n  source  = "acme/app/aws"\n  version = "%s"\n}\n'
    plan_file.write_text(plan(change("module.app.module.inner[0].aws_iam_role_policy.deploy", None, policy(EVERY))))
    result = repository.between(
        {"infra/main.tf": call % "1.0.0"}, {"infra/main.tf": call % "2.0.0"}, f"--plan={plan_file}=infra"
    )
    assert result.items == [("new", "new", "infra/main.tf:1", ["001", "015"])]
    (item,) = result.report.items
    assert item.resource == "module.app.module.inner[0].aws_iam_role_policy.deploy"
    assert item.anchor == Anchor("infra/main.tf", 1, 4)
    assert not result.report.not_evaluated  # the plan shows what is in the module


def test_an_attached_managed_policy_is_at_its_attachment(repository: Reviews, plan_file: Path) -> None:
    """An attachment of the plan has the line of its argument."""
    attachment = 'resource "aws_iam_role_policy_attachment" "admin" {\n  role = "deployer"\n  policy_arn = %s\n}\n'
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    values = {"role": "deployer", "policy_arn": arn}
    plan_file.write_text(
        plan(
            change("aws_iam_role.deployer", ROLE, ROLE),
            change("aws_iam_role_policy_attachment.admin", None, values),
            blocks=["aws_iam_role.deployer", "aws_iam_role_policy_attachment.admin", "aws_iam_role_policy.deploy"],
        )
    )
    before = {"infra/main.tf": SOURCE}
    result = repository.between(before, {"infra/a.tf": attachment % f'"{arn}"'}, f"--plan={plan_file}=infra")
    (item,) = [item for item in result.report.items if item.at.file == "infra/a.tf"]
    assert item.at.line == 3 and "PASSROLE_013" in {remark.check_id for remark in item.remarks}


def test_several_roots_have_a_plan_each(repository: Reviews, plan_file: Path) -> None:
    """Roots without a plan are compared as before."""
    other = plan_file.with_name("other.json")
    plan_file.write_text(of_root(APP, EVERY))
    other.write_text(of_root(APP, APP))
    roots = {f"{root}/main.tf": SOURCE for root in ("one", "two", "three")}
    heads = {"one/main.tf": FROM_DATA, "two/main.tf": FROM_DATA, "three/main.tf": SOURCE.replace(APP, EVERY)}
    result = repository.between(roots, heads, f"--plan={plan_file}=one", f"--plan={other}=two/")
    assert [(place, checks) for _, _, place, checks in result.items] == [
        ("one/main.tf:16", ["001", "015"]),
        ("three/main.tf:16", ["001", "015"]),
    ]


@pytest.mark.parametrize("existed", [True, False])
def test_a_note_on_a_resource_is_at_its_block(repository: Reviews, plan_file: Path, existed: bool) -> None:
    """A stack whose template the plan does not have is noted if it is new."""
    stack = {"name": "app", "template_url": "https://bucket.s3.amazonaws.com/app.yaml"}
    plan_file.write_text(plan(change("aws_cloudformation_stack.app", stack if existed else None, stack)))
    block = '\nresource "aws_cloudformation_stack" "app" {\n  name = "app"\n  template_url = var.url\n}\n'
    before = {"infra/main.tf": block if existed else "# nothing yet\n"}
    result = repository.between(before, {"infra/main.tf": f"\n{block}"}, f"--plan={plan_file}=infra")
    notes = [(note.file, note.line) for note in result.report.not_evaluated]
    assert notes == ([] if existed else [("infra/main.tf", 3)])


# -- plans that do not fit


def test_a_resource_without_a_line_is_named_by_its_address(
    repository: Reviews, plan_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its root in the repository, nothing of a plan has a line; the comment links to none."""
    plan_file.write_text(of_root(APP, EVERY))
    repository.commit({"README.md": "one\n"})
    repository.commit({"README.md": "two\n"})
    result = repository.review("HEAD^", "HEAD", f"--plan={plan_file}=gone")
    (item,) = result.report.items
    assert (item.at.file, item.anchor, item.resource) == ("plan.json", None, "aws_iam_role_policy.deploy")
    assert result.report.read.plans == ("plan.json",)
    assert [note.file for note in result.report.not_evaluated] == ["gone"]
    for name, value in {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "acme/infra"}.items():
        monkeypatch.setenv(name, value)
    options = ("HEAD^", "HEAD", f"--plan={plan_file}=gone", "--post=none")
    markdown = repository.review(*options, "--format=markdown", text=True).out
    assert "plan.json" in markdown and "blob/" not in markdown.partition("plan.json")[2].partition("\n")[0]
    commands = repository.review(*options, "--format=github", text=True).out
    assert "::error" in commands and "file=plan.json" not in commands


@pytest.mark.parametrize("stale", ["resource", "value", "name"])
def test_a_plan_of_another_commit_hides_nothing(repository: Reviews, plan_file: Path, stale: str) -> None:
    """If the source of HEAD has resources or policies that the plan does not have, it is compared as well."""
    plan_file.write_text(of_root(APP, APP))
    added = SOURCE[SOURCE.index('resource "aws_iam_role_policy"') :].replace('"deploy"', '"later"').replace(APP, EVERY)
    head = SOURCE + added if stale == "resource" else SOURCE.replace(APP, EVERY)
    if stale == "name":  # with a policy that neither knows
        unknown = {"role": "deployer", "name": "earlier"}
        entry = change("aws_iam_role_policy.deploy", unknown, unknown, {"policy": True})
        plan_file.write_text(plan(change("aws_iam_role.deployer", ROLE, ROLE), entry))
        head = head.replace("  policy =", '  name = "later"\n  policy =')
    result = repository.between({"infra/main.tf": SOURCE}, {"infra/main.tf": head}, f"--plan={plan_file}=infra")
    ((_, _, place, checks),) = result.items
    line = {"resource": 31, "value": 16, "name": 17}[stale]
    assert (place, checks) == (f"infra/main.tf:{line}", ["001", "015"])
    assert [note.file for note in result.report.not_evaluated] == ["infra/main.tf"]


def test_a_resource_that_only_the_plan_has_is_reported(repository: Reviews, plan_file: Path) -> None:
    """It has no line, and the plan is said to be of another commit."""
    gone = change("aws_iam_role_policy.gone", None, policy(EVERY))
    plan_file.write_text(plan(*json.loads(of_root(APP, APP))["resource_changes"], gone))
    result = repository.between(
        {"infra/main.tf": SOURCE}, {"infra/main.tf": f"# \n{SOURCE}"}, f"--plan={plan_file}=infra"
    )
    (item,) = result.report.items
    assert (item.at.file, item.anchor, item.resource) == ("plan.json", None, "aws_iam_role_policy.gone")
    assert len(result.report.not_evaluated) == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        ("{", ""),
        ('{"format_version": "1.2", "resource_changes": 3, "planned_values": ', ""),
        ('{"format_version": "9.0", "planned_values": {}, "resource_changes": []}', "unsupported plan format version"),
        ('{"Resources": {"A": {"Type": "AWS::IAM::Role"}}}', "not a Terraform plan"),
        ("PK\x03\x04", ""),
    ],
)
def test_an_unusable_plan_ends_the_review(
    repository: Reviews, plan_file: Path, content: str | None, reason: str
) -> None:
    """The status is 2, with one line that begins with the file."""
    if content is not None:
        plan_file.write_text(content)
    result = repository.between({"infra/main.tf": SOURCE}, {"infra/main.tf": FROM_DATA}, f"--plan={plan_file}=infra")
    assert result.status == 2 and not result.out
    (line,) = result.err.splitlines()
    assert line.startswith(str(plan_file)) and reason in line


def test_a_plan_of_base_needs_one_of_head(repository: Reviews, plan_file: Path) -> None:
    """A folder outside of the repository, and a plan of BASE alone, are refused."""
    plan_file.write_text(of_root(APP, EVERY))
    repository.commit({"infra/main.tf": SOURCE})
    for options in ([f"--plan-before={plan_file}=infra"], [f"--plan={plan_file}=../elsewhere"]):
        result = repository.review("HEAD", "HEAD", *options)
        assert result.status == 2 and len(result.err.splitlines()) == 1


# -- untrusted plans


def test_text_of_a_plan_stays_text(repository: Reviews, plan_file: Path) -> None:
    """Addresses and Sids of a plan are escaped in comments, and in workflow commands."""
    hostile = "x\n::error::no <!-- --> @team [l](https://e.example)"
    values = {"role": "deployer", "name": "x", "policy": document(statement("*", hostile, ""))}
    address = f'aws_iam_role_policy.deploy["{hostile}"]'
    plan_file.write_text(plan(change(address, None, values), blocks=["aws_iam_role_policy.deploy"]))
    repository.commit({"infra/main.tf": 'resource "aws_iam_role_policy" "deploy" {}\n'})
    options = ("HEAD", "HEAD", f"--plan={plan_file}=infra")
    for output_format in ("markdown", "github", "text"):
        out = repository.review(*options, f"--format={output_format}", text=True).out
        assert out.count("\n::error::no") == 0 and out.startswith("::error::no") is False
        assert "<!-- -->" not in out or output_format != "markdown"
    assert repository.review(*options).report.items


def test_the_source_of_a_plan_is_read_in_the_repository_only(repository: Reviews, plan_file: Path) -> None:
    """Files that the source names outside of the repository are not read for a plan either."""
    (plan_file.parent / "secret.json").write_text(document(statement("*")))
    source = f'resource "aws_iam_role_policy" "deploy" {{\n  policy = file("{plan_file.parent}/secret.json")\n}}\n'
    plan_file.write_text(plan(change("aws_iam_role_policy.deploy", None, {"role": "deployer"}, {"policy": True})))
    result = repository.between({"README.md": ""}, {"infra/main.tf": source}, f"--plan={plan_file}=infra")
    assert {check for _, _, _, checks in result.items for check in checks} <= {"014", "015"}


@pytest.mark.parametrize("trusted", [True, False])
def test_suppressions_are_those_of_base(repository: Reviews, plan_file: Path, trusted: bool) -> None:
    """A suppression in the source counts for a plan if BASE has it too."""
    plan_file.write_text(of_root(APP, EVERY))
    comment = "  # passrole:skip=PASSROLE_001,PASSROLE_015 reviewed\n  role ="
    head = FROM_DATA.replace("  role =", comment)
    base = SOURCE.replace("  role =", comment) if trusted else SOURCE
    result = repository.between({"infra/main.tf": base}, {"infra/main.tf": head}, f"--plan={plan_file}=infra")
    assert bool(result.items) is not trusted
    assert any("is ignored" in note.reason for note in result.report.notes) is not trusted


def test_the_configuration_of_base_names_no_plans(repository: Reviews, plan_file: Path) -> None:
    """Only the job decides which files outside of the repository are read."""
    plan_file.write_text(of_root(APP, EVERY))
    repository.commit({"pyproject.toml": f'[tool.passrole_checks]\nplan = ["{plan_file}"]\n', "infra/main.tf": SOURCE})
    result = repository.review("HEAD", "HEAD")
    assert result.status == 2 and "--plan" in result.err


def test_a_plan_in_the_working_directory_is_no_unit_of_its_own(repository: Reviews) -> None:
    """A plan that a job left in the clone is compared once, as the plan."""
    repository.commit({"infra/main.tf": SOURCE})
    Path("plan.json").write_text(of_root(APP, EVERY))
    Path("infra/main.tf").write_text(FROM_DATA)
    result = repository.review("HEAD", "--plan=plan.json=infra")
    assert result.items == [("worse", "widened", "infra/main.tf:16", ["001", "015"])]


def test_a_file_that_is_named_like_the_option_is_not_the_plan(repository: Reviews) -> None:
    """A pull request cannot put a plan of its own in place of the given one; a name may contain "=" nevertheless."""
    repository.commit({"infra/main.tf": SOURCE})
    repository.commit({"infra/main.tf": FROM_DATA, "plan.json=infra": of_root(APP, APP)})
    Path("plan.json").write_text(of_root(APP, EVERY))
    result = repository.review("HEAD^", "HEAD", "--plan=plan.json=infra")
    assert result.items == [("worse", "widened", "infra/main.tf:16", ["001", "015"])]
    Path("infra=plan.json").write_text(of_root(APP, EVERY))
    assert repository.review("HEAD^", "HEAD", "--plan=infra=plan.json").json["plans"] == ["infra=plan.json"]
