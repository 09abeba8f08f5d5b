"""Which blocks of a host a problem concerns, without any host."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.scan.for_hosts import host_results
from passrole_checks.scan.for_hosts.fail_closed import HostBlock, ShownBlocks
from passrole_checks.sources.model.configuration import EVERY_RESOURCE, Inputs, Unreadable

BLOCKS = (
    HostBlock("p", "aws_iam_policy.p", "/main.tf", (1, 3)),
    HostBlock("q", "aws_iam_policy.q", "/main.tf", (5, 7)),
    HostBlock("call", "module.m", "/main.tf", (9, 11), is_resource=False),
    HostBlock("a", 'aws_iam_policy.each["a"]', "/each.tf", (1, 4)),
    HostBlock("b", 'aws_iam_policy.each["b"]', "/each.tf", (1, 4)),
    HostBlock("inner", "module.n.aws_iam_policy.p", "/n/main.tf", (1, 3)),
)
RESOURCES = {"p", "q", "a", "b", "inner"}


@pytest.mark.parametrize(
    ("problem", "concerned"),
    [
        pytest.param(Unreadable("/main.tf", "", 6, resource="aws_iam_policy.p"), {"p"}, id="by address, not by place"),
        pytest.param(Unreadable("/policy.json", "", 1, resource="aws_iam_policy.q"), {"q"}, id="text in another file"),
        pytest.param(Unreadable("/each.tf", "", 2, resource='aws_iam_policy.each["a"]'), {"a"}, id="one instance"),
        pytest.param(Unreadable("/each.tf", "", 2, resource="aws_iam_policy.each"), {"a", "b"}, id="all instances"),
        pytest.param(Unreadable("/m/main.tf", "", 2, resource="module.m.aws_iam_policy.p"), {"call"}, id="the call"),
        pytest.param(Unreadable("/main.tf", "", 6), {"q"}, id="by place"),
        pytest.param(Unreadable("/main.tf", "", 10), {"p", "q"}, id="in a block that is no resource"),
        pytest.param(Unreadable("/main.tf", "", 4), {"p", "q"}, id="between the blocks of a file"),
        pytest.param(Unreadable("/main.tf", ""), {"p", "q"}, id="a whole file"),
        pytest.param(Unreadable("/other.tf", "", 2), RESOURCES, id="a file that is not shown"),
        pytest.param(Unreadable("/main.tf", "", 2, resource=EVERY_RESOURCE), RESOURCES, id="everything"),
        pytest.param(Unreadable("/main.tf", "", 2, resource="aws_s3_bucket.b"), {"p"}, id="of no shown resource"),
    ],
)
def test_a_problem_concerns_the_nearest_blocks(problem: Unreadable, concerned: set[str]) -> None:
    """By address, by lines, in the same file, or else in the whole unit."""
    assert set(ShownBlocks(BLOCKS, str).failed_by([problem])) == concerned


def test_without_resources_the_other_blocks_are_concerned() -> None:
    """A root that shows nothing but module calls fails at these, those of the same file first."""
    blocks = [HostBlock(name, f"module.{name}", f"/{name}.tf", is_resource=False) for name in "ab"]
    assert set(ShownBlocks(blocks, str).failed_by([Unreadable("/a.tf", "", 1)])) == {"a"}
    assert set(ShownBlocks(blocks, str).failed_by([Unreadable("/c.tf", "", 1)])) == {"a", "b"}


def block(file: Path, *callers: Path) -> HostBlock:
    return HostBlock("p", "aws_iam_policy.p", str(file), None, tuple(map(str, callers)))


def test_uninstantiated_module_is_judged_and_unevaluated_one_is_not(tmp_path: Path) -> None:
    """A module behind ``count = 0`` grants nothing; one behind a call that could not be followed is not judged."""
    caller, inner = tmp_path / "main.tf", tmp_path / "inner" / "main.tf"
    inner.parent.mkdir()
    inner.write_text('resource "aws_iam_policy" "p" {\n  policy = "{}"\n}\n')
    caller.write_text('module "m" {\n  source = "./inner"\n  count = 0\n}\n')
    assert host_results.scan_for_host(str(caller)).block_failures([block(inner, caller)]) == {}
    caller.write_text('module "m" {\n  source = "somebody/elsewhere/aws"\n}\n')
    ((reason,),) = host_results.scan_for_host(str(caller)).block_failures([block(inner, caller)]).values()
    assert "not evaluated" in reason


def test_missing_var_file_is_a_problem(tmp_path: Path) -> None:
    """A file that makes the command line exit with 2 is a problem, although no file of the root has an error."""
    file = tmp_path / "main.tf"
    file.write_text("locals {}\n")
    inputs = Inputs(var_files=(tmp_path / "nothere.tfvars",))
    assert set(host_results.scan_for_host(str(file), inputs=inputs).block_failures([block(file)])) == {"p"}
    assert not host_results.scan_for_host(str(file)).block_failures([block(file)])


def test_problems_in_nested_files_are_reported_for_the_template(tmp_path: Path) -> None:
    """For a host that has one place for a whole template: problems in other files stand at its first line."""
    outer, inner = tmp_path / "outer.yaml", tmp_path / "inner.yaml"
    outer.write_text(
        "Resources:\n  Stack:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: inner.yaml}\n"
    )
    inner.write_text(
        "Resources:\n  P:\n    Type: AWS::IAM::ManagedPolicy\n    Properties: {PolicyDocument: {Statement: 7}}\n"
    )
    ((line, reason),) = host_results.scan_for_host(str(outer)).template_failures(str(outer))
    assert line == 1 and "inner.yaml:4" in reason
    ((line, reason),) = host_results.scan_for_host(str(inner)).template_failures(str(inner))
    assert line == 4 and "inner.yaml" not in reason


def test_reasons_hold_no_control_characters(tmp_path: Path) -> None:
    """Hosts print them on a terminal: the name of an unreadable file is foreign text."""
    good = tmp_path / "main.tf"
    good.write_text('resource "aws_iam_policy" "p" {}\n', "utf-8")
    (tmp_path / "\x1b[2J.tf").write_text("{", "utf-8")
    answers = host_results.scan_for_host(str(good))
    (reasons,) = answers.block_failures([HostBlock("p", "aws_iam_policy.p", str(good), (1, 1))]).values()
    said = "".join([*reasons, *answers.notes(), *(reason for _, reason in answers.template_failures(str(good)))])
    assert reasons and "\x1b" not in said
