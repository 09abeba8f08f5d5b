"""Notes are those that the change is responsible for; a note alone starts a comment only about what the change adds."""

from __future__ import annotations

import pytest
from reviews_of_tests import ANY, APP, Reviews, policy

CALL = 'module "{name}" {{\n  source  = "example/deployer/aws"\n  version = "{version}"\n}}\n'
MISSING = "module {} (example/deployer/aws) is not in the repository"
CHANGED = f"{MISSING}, and its call has changed"
ROLE = 'resource "aws_iam_role" "deployer" {\n  name               = "deployer"\n  assume_role_policy = "{}"\n}\n'
ATTACHED = 'resource "aws_iam_role_policy_attachment" "x" {\n  role       = aws_iam_role.deployer.name\n%s}\n'
ELSEWHERE = '  policy_arn = "arn:aws:iam::111122223333:policy/Elsewhere"\n'
STACK = """\
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: https://example.com/%s/child.yaml
"""


def call(version: str = "1.0", name: str = "m") -> str:
    return CALL.format(name=name, version=version)


def notes(repository: Reviews) -> list[tuple[str, int, str]]:
    report = repository.review("HEAD^", "HEAD").report
    assert not report.unreadable
    return [(note.file, note.line, note.reason) for note in report.not_evaluated]


def wants_comment(repository: Reviews) -> bool:
    return repository.review("HEAD^", "HEAD").report.warrants_comment


def test_calls_of_one_module_in_several_folders_are_told_apart(repository: Reviews) -> None:
    """Folders that call a module in different ways do not make a change."""
    repository.commit({"a/main.tf": call("1.0"), "b/main.tf": call("2.0"), "main.tf": ""})
    repository.commit({"main.tf": policy(APP)})
    assert notes(repository) == []
    repository.commit({"b/main.tf": call("3.0")})
    assert notes(repository) == [("b/main.tf", 1, CHANGED.format("m"))]


def test_each_changed_call_of_a_module_is_noted(repository: Reviews) -> None:
    """A source is noted at its first call, and a change at each call."""
    repository.commit({"main.tf": call() + call(name="n")})
    repository.commit({"main.tf": call() + call("2.0", "n")})
    assert notes(repository) == [("main.tf", 5, CHANGED.format("n"))]
    repository.commit({"other.tf": call("2.0", "o")})
    assert notes(repository) == [("other.tf", 1, MISSING.format("o"))]


def test_moved_and_renamed_calls_are_not_noted(repository: Reviews) -> None:
    """A call that moves to another file or folder, or gets another name, is the same call."""
    repository.commit({"main.tf": policy(APP) + call(), "b/main.tf": ""})
    for after in (
        {"main.tf": policy(APP), "calls.tf": call()},
        {"calls.tf": None, "b/main.tf": call()},
        {"b/main.tf": call(name="n")},
    ):
        repository.commit(after)
        assert notes(repository) == []
    repository.commit({"b/main.tf": "", "main.tf": policy(APP) + call("2.0", "n")})
    assert notes(repository) == [("main.tf", 9, MISSING.format("n"))]


def test_new_version_in_the_source_is_one_changed_call(repository: Reviews) -> None:
    """A version that is part of the source is a changed call, not a missing module in each version."""
    text = 'module "m" {\n  source = "git::https://example.com/m.git?ref=%s"\n}\n'
    repository.commit({"main.tf": text % "v1"})
    repository.commit({"main.tf": text % "v2"})
    (note,) = notes(repository)
    assert note[2].endswith("?ref=v2) is not in the repository, and its call has changed")
    repository.commit({"main.tf": ""})
    assert notes(repository) == []


def test_module_that_is_removed_from_the_repository_is_noted(repository: Reviews) -> None:
    """A module that disappears is noted at its unchanged call, and one that never was there is not."""
    local = 'module "m" {\n  source = "./m"\n}\n'
    repository.commit({"main.tf": local, "m/main.tf": policy(APP), "lost.tf": local.replace("m", "x", 2)})
    repository.commit({"m/main.tf": None})
    assert notes(repository) == [("main.tf", 1, "module m (./m) contains no .tf files")]
    repository.commit({"lost.tf": "\n" + local.replace("m", "x", 2)})
    assert notes(repository) == []


def test_source_that_becomes_local_is_noted_for_base(repository: Reviews) -> None:
    """Access of a module that BASE does not have may not be new."""
    repository.commit({"main.tf": call()})
    repository.commit({"main.tf": 'module "m" {\n  source = "./m"\n}\n', "m/main.tf": policy(ANY)})
    assert notes(repository) == [("main.tf", 1, f"in HEAD^: {MISSING.format('m')}")]
    assert repository.review("HEAD^", "HEAD").status == 1


def test_notes_that_move_with_their_template_are_not_new(repository: Reviews) -> None:
    """A template with another name and a note for the same reason has nothing new; another location is a change."""
    repository.commit({"a.template": STACK % "1"})
    repository.commit({"a.template": None, "b.yaml": "# entirely rewritten\n" * 40 + STACK % "1"})
    assert notes(repository) == []
    repository.commit({"b.yaml": STACK % "2"})
    reason = "Child: nested stack template is not available, and its location has changed"
    assert ([note[2] for note in notes(repository)], wants_comment(repository)) == ([reason], False)
    repository.commit({"b.yaml": STACK % "2" + (STACK % "2").partition("\n")[2].replace("Child", "Other")})
    assert [note[2] for note in notes(repository)] == ["Other: nested stack template is not available"]
    assert wants_comment(repository)


def test_attached_policy_that_is_not_found_is_noted(repository: Reviews) -> None:
    """A policy from elsewhere may grant anything to each principal that it is newly attached to."""
    repository.commit({"role.tf": ROLE})
    repository.commit({"attached.tf": ATTACHED % ELSEWHERE})
    assert [note[:2] for note in notes(repository)] == [("attached.tf", 3)]
    assert wants_comment(repository)
    repository.commit({"attached.tf": "\n" + ATTACHED % ELSEWHERE})
    assert notes(repository) == []
    other = (ROLE + ATTACHED % ELSEWHERE).replace("deployer", "other").replace('"x"', '"y"')
    repository.commit({"other.tf": other})
    assert [note[0] for note in notes(repository)] == ["other.tf"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({"main.tf": call()}, {"main.tf": call("2.0")}, False, id="module"),
        pytest.param({"a.tf": ""}, {"x/node_modules/y/main.tf": policy(ANY)}, True, id="skipped"),
        pytest.param({"a.tf": ""}, {"prod.tfvars": "a = 1\n"}, False, id="values"),
        pytest.param({"a.tf": ""}, {"pyproject.toml": "[tool.passrole_checks]\n"}, False, id="same-configuration"),
        pytest.param(
            {"a.tf": ""}, {"pyproject.toml": '[tool.passrole_checks]\nexclude = ["a"]\n'}, True, id="configuration"
        ),
        pytest.param({"main.tf": policy(APP)}, {"main.tf": None, "b/x.tf": policy(APP)}, False, id="moved"),
        pytest.param({"app.yaml": STACK % "1"}, {"app.yaml": None}, False, id="gone"),
    ],
)
def test_comment_is_started_by_what_may_be_access(
    repository: Reviews, before: dict[str, str], after: dict[str, str | None], expected: bool
) -> None:
    """A note alone starts a comment if the change adds what is not evaluated; an update of a module does not."""
    repository.commit(before)
    repository.commit(after)
    report = repository.review("HEAD^", "HEAD").report
    assert not report.items
    assert report.warrants_comment is expected


def test_only_a_changed_command_is_noted(repository: Reviews) -> None:
    """Commands are compared as texts: what they grant is unknown."""
    text = 'locals {\n  a = "aws iam attach-role-policy"\n  b = "aws iam put-role-policy --role-name %s"\n}\n'
    repository.commit({"main.tf": text % "b", "run.sh": "aws iam create-policy\n"})
    repository.commit({"main.tf": f"# a comment\n{text % 'b'}", "run.sh": "# a comment\naws iam create-policy\n"})
    assert notes(repository) == []
    repository.commit({"main.tf": text % "admin", "b.sh": "aws iam create-policy\n"})
    changed, script = notes(repository)
    assert (script[:2], changed[:2]) == (("b.sh", 1), ("main.tf", 2))
    assert changed[2].endswith("not compared; aws iam put-role-policy --role-name admin")
    assert wants_comment(repository)


def test_links_that_lead_to_no_code_are_not_noted(repository: Reviews) -> None:
    """A new link is noted if it leads to infrastructure code, or out of the repository."""
    repository.commit({"main.tf": policy(APP), "tool": "#!/bin/sh\n", "docs/a.md": "x"})
    links = {"a": "tool", "b": "docs", "c": "main.tf", "d": "/etc", "node_modules/.bin/e": "../../main.tf"}
    (repository.folder / "node_modules" / ".bin").mkdir(parents=True)
    for name, target in links.items():
        (repository.folder / name).symlink_to(target)
    repository.commit()
    assert [note[0] for note in notes(repository)] == ["c", "d"]


OFF = 'module "m" {\n  source = "../modules/m"\n  count  = 0\n}\n'
SWITCHED_OFF = "  count  = 0\n"


def test_changed_statement_of_a_module_without_instance_is_noted(repository: Reviews) -> None:
    """The note is at the statement: neither version compares it, in the module itself and in one that only it calls."""
    inner = 'module "inner" {\n  source = "../inner"\n}\n'
    first = {"app/main.tf": OFF, "modules/m/main.tf": policy(APP) + inner, "modules/inner/main.tf": policy(APP)}
    repository.commit(first)
    why = "has changed, but module m (../modules/m) has no instance (count = 0): not compared"
    for name, prefix in (("modules/m/main.tf", ""), ("modules/inner/main.tf", "module.inner.")):
        repository.commit({**first, name: first[name].replace(APP, ANY)})
        ((file, line, reason),) = notes(repository)
        assert (file, line) == (name, 5) and reason.startswith(f"{prefix}aws_iam_role_policy.pass {why}; ")
        repository.commit(first)
    repository.commit({"modules/m/main.tf": first["modules/m/main.tf"] + 'resource "aws_s3_bucket" "b" {}\n'})
    assert notes(repository) == []


def test_changed_statement_without_instance_is_noted(repository: Reviews) -> None:
    """So is one that has no instance itself; with an instance in another root, its change is compared there."""
    off = policy(APP).replace("{\n", "{\n" + SWITCHED_OFF, 1)
    repository.commit({"main.tf": off})
    repository.commit({"main.tf": off.replace(APP, ANY)})
    ((file, line, reason),) = notes(repository)
    assert (file, line) == ("main.tf", 1) and reason.startswith("aws_iam_role_policy.pass has changed")
    repository.commit({"main.tf": off.replace(APP, APP.replace("app-*", "app-x"))})
    ((_, _, reason),) = notes(repository)
    assert "Resource=arn:aws:iam::111122223333:role/app-x" in reason
    other = {"main.tf": 'module "m" {\n  source = "./modules/m"\n}\n', "app/main.tf": OFF}
    repository.commit({**other, "modules/m/main.tf": policy(APP)})
    repository.commit({"modules/m/main.tf": policy(ANY)})
    assert notes(repository) == []


def test_each_changed_statement_without_instance_is_noted(repository: Reviews) -> None:
    """A change that is compared does not hide those in the same file that are not."""
    off = "".join(policy(APP, name=name).replace("{\n", "{\n" + SWITCHED_OFF, 1) for name in ("a", "b"))
    text = off + policy(APP, name="on")
    repository.commit({"main.tf": text})
    repository.commit({"main.tf": text.replace(APP, ANY)})
    assert [(file, line, reason.partition(" ")[0]) for file, line, reason in notes(repository)] == [
        ("main.tf", line, f"aws_iam_role_policy.{x}") for line, x in ((1, "a"), (10, "b"))
    ]


def test_changed_statement_that_is_off_by_default_is_compared(repository: Reviews) -> None:
    """It needs no note: the change is an item of the review."""
    off = 'variable "on" { default = false }\n' + policy(APP).replace("{\n", "{\n  count  = var.on ? 1 : 0\n", 1)
    repository.commit({"main.tf": off})
    repository.commit({"main.tf": off.replace(APP, ANY)})
    assert notes(repository) == []
    (item,) = repository.review("HEAD^", "HEAD").report.items
    assert "var.on" in str(item)


DATA = """\
data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["%s"]
  }
}
"""
JSON = '{"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "%s"}]}'
OFF_POLICY = (
    'variable "on" { default = %s }\nresource "aws_iam_role_policy" "p" {\n  count  = var.on ? 1 : 0\n'
    '  role   = "deployer"\n  policy = %%s\n}\n'
)
OFF_LITERAL = (
    (OFF_POLICY % "false")
    .replace('variable "on" { default = false }', "locals { on = false }")
    .replace("var.", "local.")
)
ENCODED = 'jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = %s }] })'
NEVER = """\
Conditions:
  Never: !Equals [a, b]
Resources:
  P:
    Type: AWS::IAM::RolePolicy
    Condition: Never
    Properties:
      PolicyName: p
      RoleName: deployer
      PolicyDocument: %s
"""
CALL_OFF = 'module "m" {\n  source = "./m"\n  on     = false\n%s}\n'
CALL_NONE = 'module "m" {\n  source = "./m"\n  count  = 0\n}\n'
ALWAYS = 'resource "aws_iam_role_policy" "p" {\n  role   = "deployer"\n  policy = %s\n}\n'
OFF_FORMS = {
    "data source": {"main.tf": OFF_LITERAL % "data.aws_iam_policy_document.d.json" + DATA},
    "data source without an instance": {
        "main.tf": OFF_LITERAL % "data.aws_iam_policy_document.d[0].json"
        + DATA.replace("{\n", "{\n  count = local.on ? 1 : 0\n", 1)
    },
    "jsonencode": {"main.tf": OFF_LITERAL % (ENCODED % '"%s"')},
    "heredoc": {"main.tf": OFF_LITERAL % f"<<EOT\n{JSON}\nEOT"},
    "template": {
        "main.tf": OFF_LITERAL % 'templatefile("${path.module}/p.tftpl", {})', "p.tftpl": JSON
    },
    "local": {"main.tf": OFF_LITERAL % (ENCODED % "local.arn") + 'locals {\n  arn = "%s"\n}\n'},
    "default": {"main.tf": OFF_LITERAL % (ENCODED % "var.arn") + 'variable "arn" {\n  default = "%s"\n}\n'},
    "module that is off": {
        "main.tf": CALL_OFF % "", "m/main.tf": OFF_POLICY % "true" % "data.aws_iam_policy_document.d.json" + DATA
    },
    "argument of a module that is off": {
        "main.tf": CALL_OFF % '  arn    = "%s"\n',
        "m/main.tf": OFF_POLICY % "true" % (ENCODED % "var.arn") + 'variable "arn" {}\n',
    },
    "data source in a module without an instance": {
        "main.tf": CALL_NONE, "m/main.tf": ALWAYS % "data.aws_iam_policy_document.d.json" + DATA
    },
    "local in a module without an instance": {
        "main.tf": CALL_NONE, "m/main.tf": ALWAYS % (ENCODED % "local.arn") + 'locals {\n  arn = "%s"\n}\n'
    },
    "template of a module without an instance": {
        "main.tf": CALL_NONE,
        "m/main.tf": ALWAYS % 'templatefile("${path.module}/p.tftpl", {})',
        "m/p.tftpl": "${%s}" % (ENCODED % '"%s"'),  # as JSON alone it would be a policy document of its own
    },
    "condition that is false": {"template.yaml": NEVER % JSON},
}  # fmt: skip


@pytest.mark.parametrize("files", OFF_FORMS.values(), ids=OFF_FORMS)
def test_wider_document_of_a_policy_without_instance_is_noted(files: dict[str, str], repository: Reviews) -> None:
    """The note names the policy and the roles, wherever the changed text is; one that grants no more has none."""
    narrow, wide = (
        {name: text.replace("%s", roles) for name, text in files.items()}
        for roles in ("arn:aws:iam::111122223333:role/app", "arn:aws:iam::111122223333:role/*")
    )
    repository.commit(narrow)
    repository.commit(wide)
    named = [reason for _, _, reason in notes(repository) if "has changed" in reason]
    assert len(named) == 1
    assert named[0].startswith(("aws_iam_role_policy.p has changed", "P has changed"))
    assert "role/*" in named[0] or "any role" in named[0]
    assert named[0] in repository.diff("HEAD^", "HEAD", text=True).out
    repository.commit({"other/main.tf": policy(APP)})
    assert notes(repository) == []


def test_equal_policies_without_instance_are_told_apart(repository: Reviews) -> None:
    """Of two modules with equal names, the note is on the one whose document has changed."""
    module = OFF_POLICY % "true" % (ENCODED % '"%s"')
    wide, narrow = (module % name for name in ("*", "arn:aws:iam::111122223333:role/app"))
    calls = "".join(CALL_OFF.replace('"m"', f'"{name}"').replace("./m", f"./{name}") % "" for name in "ab")
    repository.commit({"main.tf": calls, "a/main.tf": wide, "b/main.tf": narrow})
    repository.commit({"b/main.tf": wide})
    assert [file for file, _, _ in notes(repository)] == ["b/main.tf"]


def test_changed_file_that_no_version_can_be_read_of_is_noted(repository: Reviews) -> None:
    """The placeholder of another tool makes a template unreadable; a change of permissions there starts a comment."""
    template = "Resources:\n  Role:\n    Type: AWS::IAM::Role\n  {{MoreResources}}\n"
    repository.commit({"cfn.yaml": template, "main.tf": policy(APP)})
    repository.commit({"main.tf": policy(ANY)})
    assert notes(repository) == []
    repository.commit({"cfn.yaml": f"# Deployed every day\n{template}"})
    ((file, line, reason),) = notes(repository)
    assert (file, line) == ("cfn.yaml", 5) and reason.endswith("; it has changed") and not wants_comment(repository)
    repository.commit({"cfn.yaml": f"{template}  # may do iam:PassRole\n"})
    ((_, _, reason),) = notes(repository)
    assert reason.endswith("; its change mentions permissions") and wants_comment(repository)


VALUES = """\
locals {
  known = {
    ecs = ["ecs:RunTask"%s]
  }
}
variable "chosen" { default = "%s" }
data "aws_iam_policy_document" "p" {
  statement {
    actions   = lookup(local.known, var.chosen, ["sns:Publish"])
    resources = ["*"]
  }
}
resource "aws_iam_role_policy" "p" {
  role   = "r"
  policy = data.aws_iam_policy_document.p.json
}
"""


def test_changed_value_that_no_statement_has_is_noted(repository: Reviews) -> None:
    """A module that keeps the permissions to choose from in locals grants none of them by itself."""
    repository.commit({"main.tf": VALUES % ("", "none")})
    repository.commit({"main.tf": VALUES % (', "iam:PassRole"', "none")})
    reason = "locals names iam:PassRole in a changed line, and no evaluated statement has it: not compared"
    assert notes(repository) == [("main.tf", 3, reason)] and not wants_comment(repository)
    repository.commit({"main.tf": VALUES % (', "iam:PassRole"', "ecs")})
    assert notes(repository) == [] and wants_comment(repository)
    repository.commit({"main.tf": VALUES % (', "iam:PassRole", "ecs:StopTask"', "ecs")})
    assert notes(repository) == []
