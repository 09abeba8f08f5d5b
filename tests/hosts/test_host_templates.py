"""Templates of a host's run that nest each other, without any host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from passrole_checks.scan.for_hosts import host_results
from passrole_checks.scan.for_hosts.templates import TemplateRun

CHILD = """\
Parameters: {Role: {Type: String}}
Resources:
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          Effect: Allow
          Action: iam:PassRole
          Resource: !Ref Role
          Condition: {StringEquals: {"iam:PassedToService": lambda.amazonaws.com}}
"""
EXACT = "arn:aws:iam::111122223333:role/app"


def stack(name: str, url: str, role: str = EXACT) -> str:
    properties = f"{{TemplateURL: {url}, Parameters: {{Role: '{role}'}}}}"
    return f"  {name}: {{Type: AWS::CloudFormation::Stack, Properties: {properties}}}\n"


def write(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [str(folder / name) for name in files]


def flagged(answers: host_results.HostResult) -> set[tuple[str, str]]:
    """The check and address of each finding of low severity and more."""
    found = answers.result.findings if answers.result else ()
    return {(one.check_id, address) for one in found if one.severity.value != "info" for address in one.uses}


def test_child_is_judged_with_the_parameters_of_its_parent(tmp_path: Path) -> None:
    """A parameter without a default is unresolved in the template alone, and known in its stack."""
    parent, child = write(tmp_path, {"parent.yaml": "Resources:\n" + stack("A", "child.yaml"), "child.yaml": CHILD})
    assert flagged(TemplateRun([child]).findings_of(child)) == {("PASSROLE_014", "P")}
    assert flagged(TemplateRun([parent, child]).findings_of(child)) == set()


def test_findings_of_a_child_are_on_its_own_resources_only(tmp_path: Path) -> None:
    """They are found by the logical id in the child, keep the address in the stack, and are not on the stack too."""
    parent, child = write(
        tmp_path, {"parent.yaml": "Resources:\n" + stack("A", "child.yaml", "*"), "child.yaml": CHILD}
    )
    run = TemplateRun([parent, child])
    ((address, finding),) = run.findings_of(child).findings_of("PASSROLE_001", "P")
    assert address == "A.P" and finding.at.file == child
    assert not run.findings_of(parent).of("PASSROLE_001") and not run.findings_of(parent).inside("PASSROLE_001", "A")
    alone = TemplateRun([parent]).findings_of(parent)
    assert [address for address, _ in alone.inside("PASSROLE_001", "A")] == ["A.P"]


def test_worst_of_several_stacks_applies(tmp_path: Path) -> None:
    """A child of two parents, and one that a parent nests twice, has the findings of every stack."""
    files = {
        "one.yaml": "Resources:\n" + stack("A", "child.yaml") + stack("B", "child.yaml", "*"),
        "two.yaml": "Resources:\n" + stack("C", "child.yaml", "arn:aws:iam::111122223333:role/*"),
        "child.yaml": CHILD,
    }
    *_, child = written = write(tmp_path, files)
    found = TemplateRun(written).findings_of(child).findings_of("PASSROLE_001", "P")
    assert sorted(address for address, _ in found) == ["B.P", "C.P"]


def test_grandchildren_and_the_nearest_template_that_is_shown(tmp_path: Path) -> None:
    """Findings belong to the innermost template of the run; of one that is not shown, to its stack."""
    middle = "Parameters: {Role: {Type: String}}\nResources:\n" + stack("B", "child.yaml").replace(
        f"'{EXACT}'", "!Ref Role"
    )
    files = {"top.yaml": "Resources:\n" + stack("A", "middle.yaml", "*"), "middle.yaml": middle, "child.yaml": CHILD}
    top, between, child = write(tmp_path, files)
    found = TemplateRun([top, between, child]).findings_of(child).findings_of("PASSROLE_001", "P")
    assert [address for address, _ in found] == ["A.B.P"]
    run = TemplateRun([top, between])
    assert [address for address, _ in run.findings_of(between).inside("PASSROLE_001", "B")] == ["A.B.P"]
    assert not run.findings_of(top).inside("PASSROLE_001", "A")


def test_resource_that_a_host_leaves_out_stays_with_the_stack(tmp_path: Path) -> None:
    """A finding on a resource that the host does not show of the child is on the stack of the parent."""
    parent, child = write(
        tmp_path, {"parent.yaml": "Resources:\n" + stack("A", "child.yaml", "*"), "child.yaml": CHILD}
    )
    run = TemplateRun([parent, child], offers=lambda _file, name: name != "P")
    assert [address for address, _ in run.findings_of(parent).inside("PASSROLE_001", "A")] == ["A.P"]


@pytest.mark.parametrize("kind", ['"AWS::CloudFormation::\\x53tack"', "AWS::Serverless::Application"])
def test_stack_is_found_however_it_is_spelled(tmp_path: Path, kind: str) -> None:
    """An escape in the type of the resource, and an application of SAM, nest as well."""
    text = "Transform: AWS::Serverless-2016-10-31\nResources:\n" + stack("A", "child.yaml", "*")
    text = text.replace("AWS::CloudFormation::Stack", kind)
    text = text.replace("TemplateURL", "Location") if "Serverless::A" in kind else text
    parent, child = write(tmp_path, {"parent.yaml": text, "child.yaml": CHILD})
    assert TemplateRun([parent, child]).findings_of(child).findings_of("PASSROLE_001", "P")


def test_templates_that_nest_each_other(tmp_path: Path) -> None:
    """In a circle each template is judged by itself and in the other one."""
    files = {"a.yaml": CHILD + stack("Next", "b.yaml", "*"), "b.yaml": CHILD + stack("Next", "a.yaml", "*")}
    written = write(tmp_path, files)
    run = TemplateRun(written)
    for file in written:
        assert {("PASSROLE_014", "P"), ("PASSROLE_001", "Next.P")} <= flagged(run.findings_of(file))


def test_nothing_outside_of_the_scanned_folder_is_read(tmp_path: Path) -> None:
    """A child in the folder that the host was given is followed, and one outside of it is not."""
    files = {
        "in/stacks/parent.yaml": "Resources:\n" + stack("A", "../child.yaml", "*") + stack("B", "../../out.yaml", "*"),
        "in/child.yaml": CHILD,
        "out.yaml": CHILD,
    }
    parent, *_ = write(tmp_path, files)
    answers = TemplateRun([parent], str(tmp_path / "in")).findings_of(parent)
    assert [address for address, _ in answers.inside("PASSROLE_001", "A")] == ["A.P"]
    assert not answers.inside("PASSROLE_001", "B")
    assert any("out.yaml" in note for note in answers.notes())


def test_unreadable_file_is_reported_by_the_template_that_names_it(tmp_path: Path) -> None:
    """A nested template that cannot be read is failures by itself if the host shows it, and else by its parent."""
    parent, child = write(
        tmp_path, {"parent.yaml": "Resources:\n" + stack("A", "child.yaml"), "child.yaml": CHILD + "\t{"}
    )
    assert TemplateRun([parent, child]).findings_of(child).template_failures(child)
    ((_, reason),) = TemplateRun([parent]).findings_of(parent).template_failures(parent)
    assert "child.yaml" in reason


def test_each_template_is_evaluated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each parent is evaluated once, regardless of the queries; a child that has a parent is never evaluated alone."""
    files = {"parent.yaml": "Resources:\n" + stack("A", "child.yaml"), "child.yaml": CHILD, "other.yaml": CHILD}
    written = write(tmp_path, files)
    counted: Counter[str] = Counter()
    scan = host_results.scan_paths

    def counting(paths: Sequence[Path], *more: Any) -> object:
        counted.update(path.name for path in paths)
        return scan(paths, *more)

    monkeypatch.setattr(host_results, "scan_paths", counting)
    run = TemplateRun(written)
    for file in (*written, *reversed(written)):
        run.findings_of(file)
    assert counted == {"parent.yaml": 1, "other.yaml": 1}


def test_templates_of_a_run_share_one_limit_of_time(tmp_path: Path) -> None:
    """Once it is used up, every further template fails; earlier results stay."""
    first, second = write(tmp_path, {"first.yaml": CHILD, "second.yaml": CHILD.replace("P:", "Q:")})
    run = TemplateRun([first, second])
    before = run.pool.seconds
    assert run.findings_of(first).problems == ()
    assert run.pool.seconds != before
    run.pool.seconds = -2.0
    assert len(run.findings_of(second).template_failures(second)) == 1
    assert run.findings_of(first).problems == ()
    assert TemplateRun([write(tmp_path, {"third.yaml": CHILD})[0]]).pool.seconds == before
