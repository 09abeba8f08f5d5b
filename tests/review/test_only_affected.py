"""A review that reads only what the change can affect says what a review of everything says."""

from __future__ import annotations

import json
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from changing_trees import change, planted
from reviews_of_tests import ANY, APP, START, Reviews, policy

from passrole_checks.review import build_report
from passrole_checks.review.report import ReadInput, ReviewReport

LEFT_OUT = ("root/.terraform", "cdk.out/asset.1", ".git", "root/.git")
"""Paths that make a review read everything, and those that git does not add."""


def reports(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> list[ReviewReport]:
    """Return the reports of the last commit: of what it can affect, and of everything."""
    found = [repository.review("HEAD^", "HEAD").report]
    with monkeypatch.context() as context:
        context.setattr(build_report, "_select", lambda *_: None)
        found.append(repository.review("HEAD^", "HEAD").report)
    some, everything = found
    assert set(some.unreadable) <= set(everything.unreadable)  # of files that the change does not affect
    return [_comparable(report) for report in found]


def _comparable(report: ReviewReport) -> ReviewReport:
    """Return a report without the numbers of what was read, and without the keys of fixed findings and the fingerprints
    of others: equal ones are numbered among all that were read."""
    fixed = tuple(replace(one, key="") for one in report.fixed)
    items = tuple(replace(one, fingerprint="") for one in report.items)
    counted = replace(report, unchanged=0, read=ReadInput(0))
    return replace(counted, not_evaluated=(), notes=(), unreadable=(), fixed=fixed, items=items)


@pytest.mark.parametrize("seed", range(3))
def test_random_changes(seed: int, repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reports are equal after random changes to files that refer to each other."""
    check(seed, repository, monkeypatch, changes=6)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100, 104))
def test_many_random_changes(seed: int, repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reports are equal after random changes to files that refer to each other."""
    check(seed, repository, monkeypatch, changes=15)


def check(seed: int, repository: Reviews, monkeypatch: pytest.MonkeyPatch, changes: int) -> None:
    chance = random.Random(seed)
    top = repository.folder / "tree"
    planted(top)
    _add(repository, top)
    repository.git("commit", "-q", "-m", "planted")
    for _ in range(changes):
        said = [change(top, chance) for _ in range(chance.choice([1, 1, 1, 2, 4]))]
        _add(repository, top)
        repository.git("commit", "-q", "--allow-empty", "-m", "changed")
        some, everything = reports(repository, monkeypatch)
        assert some == everything, said


def _add(repository: Reviews, top: Path) -> None:
    for path in (top / name for name in LEFT_OUT):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif os.path.lexists(path):
            path.unlink()
    repository.git("add", "--all")


def test_statement_in_a_module_of_several_roots(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root that newly calls a module whose statement other roots have."""
    module = {"modules/m/main.tf": policy(ANY)}
    call = 'module "m" {\n  source = "../modules/m"\n}\n'
    repository.commit({**module, "a/main.tf": call, "b/main.tf": call, "c/main.tf": ""})
    repository.commit({"c/main.tf": call})
    some, everything = reports(repository, monkeypatch)
    assert some == everything


def test_template_that_several_roots_deploy(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the roots drops a template with a finding, which the others still deploy."""
    stack = 'resource "aws_cloudformation_stack" "s" {\n  name          = "s"\n  template_body = file("../c.json")\n}\n'
    document = {"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}
    policy_of_role = {"PolicyName": "p", "RoleName": "r", "PolicyDocument": document}
    template = {"Resources": {"P": {"Type": "AWS::IAM::RolePolicy", "Properties": policy_of_role}}}
    repository.commit({"c.json": json.dumps(template), **{f"{name}/main.tf": stack for name in "abd"}})
    repository.commit({"a/main.tf": "#"})
    some, everything = reports(repository, monkeypatch)
    assert some == everything


def test_only_affected_roots_are_read(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that cannot be read in another root does not matter; SARIF needs all of HEAD."""
    repository.commit({"a/main.tf": policy(APP), "b/main.tf": "resource {"})
    repository.commit({"a/main.tf": policy(ANY)})
    assert repository.review("HEAD^", "HEAD").report.read.files == 1


def test_values_of_an_excluded_root(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values beside a root whose files are excluded may be for another one."""
    root = 'variable "roles" {\n  default = "arn:aws:iam::111122223333:role/app"\n}\n' + policy(
        '{ Effect = "Allow", Action = "iam:PassRole", Resource = var.roles }'
    )
    exclude = '[tool.passrole_checks]\nexclude = ["old/*.tf"]\n'
    values = 'roles = "arn:aws:iam::111122223333:role/%s"\n'
    before = {"pyproject.toml": exclude, "new/main.tf": root, "old/main.tf": root, "old/envs/x.tfvars": values % "app"}
    repository.commit(before)
    repository.commit({"old/envs/x.tfvars": values % "*"})
    some, everything = reports(repository, monkeypatch)
    assert some == everything
    assert len(some.items) == 1


def test_symbolic_links_do_not_make_everything_read(repository: Reviews) -> None:
    """Links are not read, wherever they are."""
    repository.put({"a/main.tf": policy(APP), "b/main.tf": policy(APP), "versions.tf": ""})
    (repository.folder / "b" / "versions.tf").symlink_to("../versions.tf")
    repository.commit()
    result = repository.between({}, {"a/main.tf": policy(ANY)})
    assert (result.report.read.only_affected, result.report.read.files) == (True, 1)


def test_values_that_another_root_passes_values(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """A root that reads the state of a changed one is affected, with the value of a third root that did not change."""
    backend = 'terraform {\n  backend "s3" {\n    bucket = "b"\n    key    = "%s"\n  }\n}\n'
    read = 'data "terraform_remote_state" "%s" {\n  backend = "s3"\n  config = { bucket = "b", key = "%s" }\n}\n'
    output = 'output "role" {\n  value = "arn:aws:iam::111122223333:role/%s"\n}\n'
    statement = '{ Effect = "Allow", Action = "iam:PassRole", Resource = data.terraform_remote_state.%s.outputs.role }'
    reads = "".join(read % (name, f"{name}/state") for name in "ac")
    files = {
        "a/main.tf": backend % "a/state" + output % "app",
        "c/main.tf": backend % "c/state" + output % "other",
        "reader/main.tf": reads + policy(statement % "a", statement % "c"),
        "beside/main.tf": policy(APP),
    }
    repository.commit(files)
    repository.commit({"a/main.tf": backend % "a/state" + output % "*"})
    some, everything = reports(repository, monkeypatch)
    assert some == everything
    places = [(item.at.file, item.at.line, item.cause and (item.cause.file, item.cause.line)) for item in some.items]
    assert places == [("reader/main.tf", 13, ("a/main.tf", 8))]
    assert repository.review("HEAD^", "HEAD").report.read.files == 2


def test_roles_that_another_root_declares(repository: Reviews, monkeypatch: pytest.MonkeyPatch) -> None:
    """A principal of one root can escalate after a change to a role that another root declares."""
    role = 'resource "aws_iam_role" "r" {\n  name = "app-x"\n  assume_role_policy = jsonencode({ Statement = [{'
    role += ' Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })\n}\n'
    lookup = 'data "aws_iam_role" "r" {\n  name = "app-x"\n}\n'
    reader = lookup + policy(APP.replace('"arn:aws:iam::111122223333:role/app-*"', "data.aws_iam_role.r.arn"), START)
    own = policy('{ Effect = "Allow", Action = "%s", Resource = "*" }').replace('"deployer"', "aws_iam_role.r.name")
    repository.commit(
        {"roles/main.tf": role + own % "s3:GetObject", "reader/main.tf": reader, "z/main.tf": policy(APP)}
    )
    repository.commit({"roles/main.tf": role + own % "iam:*"})
    some, everything = reports(repository, monkeypatch)
    assert some == everything
    assert [item.at.file for item in some.items if "PASSROLE_008" in {one.check_id for one in item.remarks}] == [
        "reader/main.tf"
    ]
