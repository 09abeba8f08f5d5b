"""A fault of the program in one unit, policy, check or format is named, the rest is reported, and the status is 3."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from reviews_of_tests import ANY, APP, made, policy

from passrole_checks.access import access_model
from passrole_checks.checks.any_role import AnyRole
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.cli import main
from passrole_checks.cloudtrail.extract import PassExtractor, Row
from passrole_checks.diff.blame import CauseFinder
from passrole_checks.findings import Finding, Verdict
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.output import json_output
from passrole_checks.output.destination import Destination
from passrole_checks.review.find_fix import FixFinder
from passrole_checks.scan.for_hosts import host_results
from passrole_checks.scan.for_hosts.fail_closed import HostBlock
from passrole_checks.scan.parallel import processes
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources import detect
from passrole_checks.sources.files.path_states import PathStates
from passrole_checks.sources.model.configuration import Configuration
from passrole_checks.suggest.suggest import Session

TEMPLATE = """\
Resources:
  {name}:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: p
      Roles: [deployer]
      PolicyDocument:
        Version: '2012-10-17'
        Statement:
          - {{Effect: Allow, Action: 'iam:PassRole', Resource: '*'}}
"""
ROOT = policy('{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }')
LOG = {
    "Records": [
        {
            "eventVersion": "1.08",
            "userIdentity": {"type": "IAMUser", "arn": f"arn:aws:iam::111122223333:user/{name}"},
            "eventTime": "2026-03-01T00:00:00Z",
            "eventSource": "lambda.amazonaws.com",
            "eventName": "CreateFunction20150331",
            "awsRegion": "eu-west-1",
            "sourceIPAddress": "192.0.2.1",
            "requestParameters": {"functionName": name, "role": "arn:aws:iam::111122223333:role/app"},
            "responseElements": None,
            "eventID": name,
            "recipientAccountId": "111122223333",
        }
        for name in ("good", "bad")
    ]
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Templates and Terraform roots, a good and a bad one each."""
    monkeypatch.delenv("PASSROLE_CHECKS_DEBUG", raising=False)
    monkeypatch.setenv("PASSROLE_CHECKS_CACHE_DIR", str(tmp_path / "cache"))
    top = tmp_path / "code"
    for name in ("good", "bad"):
        (top / name).mkdir(parents=True)
        (top / name / "main.tf").write_text(ROOT, "utf-8")
        (top / f"{name}.yaml").write_text(TEMPLATE.format(name=name.title()), "utf-8")
    monkeypatch.chdir(top)
    yield top
    host_results._ask.cache_clear()


def a_reader_fails(monkeypatch: pytest.MonkeyPatch, error: type[BaseException] = KeyError) -> None:
    real = detect.load

    def load(unit: detect.Unit, **how: Any) -> Configuration:
        if "bad" in unit.path.name:
            raise error("a fault")
        return real(unit, **how)

    monkeypatch.setattr(detect, "load", load)


def a_check_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    real = AnyRole.evaluate

    def evaluate(self: AnyRole, subject: GrantContext) -> Iterator[Verdict]:
        if "bad" in subject.grant.at.file:
            raise KeyError("a fault")
        return iter(real(self, subject))

    monkeypatch.setattr(AnyRole, "evaluate", evaluate)


def a_configuration_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it can be judged at all."""
    monkeypatch.setattr(access_model, "Principals", failing_for_bad(access_model.Principals))


def failing_for_bad(make: Callable[..., Any]) -> Callable[..., Any]:
    def made_unless_bad(configuration: Configuration, *rest: Any) -> Any:
        if any("bad" in file for file in configuration.files):
            raise KeyError("a fault")
        return make(configuration, *rest)

    return made_unless_bad


FAULTS = [a_reader_fails, a_check_fails, a_configuration_fails]
Fault = Callable[[pytest.MonkeyPatch], None]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, list[str]]:
    status = main(list(arguments))
    said = capsys.readouterr()
    return status, said.out, said.err.splitlines()


def the_bad_ones_are_named(lines: list[str]) -> bool:
    assert all("internal error: KeyError: 'a fault'" in line for line in lines)
    assert "Traceback" not in "".join(lines)
    return {Path(line.partition(":")[0]).parts[0] for line in lines} == {"bad", "bad.yaml"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("how", [("--no-cache",), (), ("--no-cache", "--jobs", "2")])
def test_fault_in_one_unit_costs_no_finding_of_others(
    fault: Fault, how: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With and without the cache and worker processes; once the fault is gone, what it hid is found."""
    if "--jobs" in how:
        if sys.platform != "linux":
            pytest.skip("a process that is not forked has no fault")
        monkeypatch.setattr(processes, "start_method", lambda: processes.FORK)
    with monkeypatch.context() as patched:
        fault(patched)
        for _ in range(2):  # the second one would be answered by the cache
            status, out, err = run(capsys, "scan", ".", "--format", "json", *how)
            found = json.loads(out)
            assert status == 3
            assert the_bad_ones_are_named(err)
            files = {one["file"] for one in found["findings"] if one["check_id"] == "PASSROLE_001"}
            assert files == {"good.yaml", "good/main.tf"}
            assert {Path(one["file"]).parts[0] for one in found["faults"]} == {"bad", "bad.yaml"}
            assert found["unreadable"] == []
    status, out, err = run(capsys, "scan", ".", "--format", "json", *how)
    assert (status, err, json.loads(out)["faults"]) == (1, [], [])
    assert {one["file"] for one in json.loads(out)["findings"]} >= {"bad.yaml", "bad/main.tf"}


@pytest.mark.parametrize("error", [KeyError, RecursionError, MemoryError, ValueError, OSError])
def test_any_exception_in_a_unit_is_a_fault(
    error: type[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_reader_fails(monkeypatch, error)
    status, out, _ = run(capsys, "scan", ".", "--format", "json", "--no-cache")
    assert (status, len(json.loads(out)["faults"])) == (3, 2)


def test_debug_lets_the_exception_of_a_unit_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    a_reader_fails(monkeypatch)
    monkeypatch.setenv("PASSROLE_CHECKS_DEBUG", "1")
    with pytest.raises(KeyError):
        main(["scan", ".", "--no-cache"])


def test_fault_in_one_check_does_not_affect_other_checks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Findings of the other checks on the same statement are reported."""
    a_check_fails(monkeypatch)
    with_tag = TEMPLATE.replace("'*'}}", "'*', Condition: {{StringEquals: {{'iam:ResourceTag/a': b}}}}}}")
    Path("bad.yaml").write_text(with_tag.format(name="Bad"), "utf-8")
    _, out, _ = run(capsys, "scan", "bad.yaml", "--format", "json", "--no-cache")
    assert {one["check_id"] for one in json.loads(out)["findings"]} == {"PASSROLE_004"}
    (entry,) = json.loads(out)["faults"]
    assert entry["line"] and "Bad" in entry["reason"] and "PASSROLE_001" in entry["reason"]


def test_fault_in_one_policy_costs_no_other_policy(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = access_model.parse_document

    def parse(document: Any, **how: Any) -> Any:
        if document.at.line > 6:
            raise RecursionError
        return real(document, **how)

    both = ROOT + ROOT.replace('"pass"', '"other"')
    (folder / "good" / "main.tf").write_text(both, "utf-8")
    monkeypatch.setattr(access_model, "parse_document", parse)
    status, out, err = run(capsys, "scan", "good", "--format", "json", "--no-cache")
    found = json.loads(out)
    assert (status, len(err)) == (3, 1)
    assert {one["resource"] for one in found["findings"]} == {"aws_iam_role_policy.pass"}
    assert "aws_iam_role_policy.other" in found["faults"][0]["reason"]


def test_fault_while_looking_for_files_costs_no_other_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = detect.recognize

    def recognize(path: Path, **how: Any) -> Any:
        if path.name == "bad.yaml":
            raise KeyError("a fault")
        return real(path, **how)

    monkeypatch.setattr(detect, "recognize", recognize)
    status, out, err = run(capsys, "scan", ".", "--format", "json", "--no-cache")
    assert (status, len(err)) == (3, 1) and err[0].startswith("bad.yaml: internal error")
    assert {one["file"] for one in json.loads(out)["findings"]} == {"good.yaml", "good/main.tf", "bad/main.tf"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "arguments",
    [
        ("grants", ".", "--no-cache", "--format", "json"),
        ("grants", ".", "--no-cache", "--format", "text"),
        ("grants", ".", "--no-cache", "--format", "markdown"),
        ("grants", ".", "--no-cache", "--format", "html"),
        ("suggest", ".", "--format", "json"),
        ("suggest", "."),
        ("fix", "."),
    ],
)
def test_every_command_reports_the_other_units(
    fault: Fault, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fault(monkeypatch)
    status, out, err = run(capsys, *arguments)
    assert status == 3
    assert the_bad_ones_are_named(err)
    assert "good.yaml" in out and "good/main.tf" in out
    if "json" in arguments:
        assert len(json.loads(out)["faults"]) == 2
    else:
        assert "2 internal errors" in out


@pytest.mark.parametrize("output_format", ["text", "markdown", "github", "gitlab", "junit", "sarif"])
def test_every_format_of_scan_names_the_fault(
    output_format: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_reader_fails(monkeypatch)
    status, out, _ = run(capsys, "scan", ".", "--no-cache", "--format", output_format)
    assert status == 3
    assert "good" in out and ("internal error" in out.lower() or output_format == "text")
    if output_format == "text":
        assert "ERROR: 2 internal errors" in out
    if output_format == "junit":
        assert ElementTree.fromstring(out).get("errors") == "2"
    if output_format == "sarif":
        (invocation,) = json.loads(out)["runs"][0]["invocations"]
        assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)
        levels = [one["level"] for one in invocation["toolExecutionNotifications"]]
        assert levels.count("error") == 2


RECEIVER = """\
resource "aws_lambda_function" "f" {
  function_name = "f"
  role          = "arn:aws:iam::111122223333:role/app"
}
"""


def test_required_reports_the_other_units(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from passrole_checks.required import required_grants

    for name in ("good", "bad"):
        (folder / name / "main.tf").write_text(RECEIVER, "utf-8")
    monkeypatch.setattr(required_grants, "RoleConsumers", failing_for_bad(required_grants.RoleConsumers))
    status, out, err = run(capsys, "required", "good", "bad", "--format", "json")
    found = json.loads(out)
    assert status == 3 and len(err) == 1 and err[0].startswith("bad: internal error")
    assert [one["file"] for one in found["required"]] == ["good/main.tf"]
    assert [one["file"] for one in found["faults"]] == ["bad"]


def test_fault_in_a_suggestion_costs_no_other_suggestion(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = Session._for_statement

    def of_findings(self: Session, findings: Sequence[Finding]) -> Any:
        if "bad" in findings[0].at.file:
            raise KeyError("a fault")
        return real(self, findings)

    monkeypatch.setattr(Session, "_for_statement", of_findings)
    status, out, err = run(capsys, "suggest", ".", "--format", "json")
    assert status == 3
    assert the_bad_ones_are_named(err)
    assert {one["file"] for one in json.loads(out)["suggestions"]} >= {"good.yaml", "good/main.tf"}


def test_edit_is_not_offered_if_its_trial_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A check that fails on the edited file says nothing, which must not pass for a finding that is gone."""
    (folder / "app").mkdir()
    (folder / "app" / "main.tf").write_text(ROOT + RECEIVER, "utf-8")
    _, out, _ = run(capsys, "suggest", "app", "--format", "json", "--grade", "narrowed")
    assert json.loads(out)["patch"]
    real = AnyRole.evaluate

    def evaluate(self: AnyRole, subject: GrantContext) -> Iterator[Verdict]:
        if subject.grant.scope is not Scope.ANY_ROLE:  # as edited
            raise KeyError("a fault")
        return iter(real(self, subject))

    monkeypatch.setattr(AnyRole, "evaluate", evaluate)
    _, out, _ = run(capsys, "suggest", "app", "--format", "json", "--grade", "narrowed")
    assert json.loads(out)["patch"] == ""


@pytest.mark.parametrize("fault", [a_reader_fails, a_configuration_fails])
@pytest.mark.parametrize("output_format", ["json", "text"])
def test_diff_compares_the_other_units(
    output_format: str,
    fault: Fault,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing of the failing unit passes for removed, in either version."""
    old, new = tmp_path / "old", tmp_path / "new"
    for side in (old, new):
        side.mkdir()
    for name in ("good", "bad"):
        (old / f"{name}.yaml").write_text(TEMPLATE.format(name=name.title()), "utf-8")
        (new / f"{name}.yaml").write_text(TEMPLATE.format(name=name.title()).replace("'*'", "'arn:aws:iam::*:role/a'"))
    fault(monkeypatch)
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, "diff", "old", "new", "--format", output_format)
    assert status == 3 and err and all("bad.yaml: internal error" in line for line in err)
    if output_format == "text":
        assert "internal error" in out and "no change" not in out
        return
    found = json.loads(out)
    assert found["faults"] and all("bad.yaml" in one["file"] for one in found["faults"])
    changes = [one["file"] for name in ("new", "widened", "narrowed", "removed") for one in found[name]]
    assert changes == ["new/good.yaml"]


def test_fault_in_the_search_for_a_cause_costs_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def named(*_: Any) -> Any:
        raise KeyError("a fault")

    monkeypatch.setattr(CauseFinder, "named", named)
    (tmp_path / "old.yaml").write_text(TEMPLATE.format(name="A").replace("'*'", "'arn:aws:iam::*:role/a'"), "utf-8")
    (tmp_path / "new.yaml").write_text(TEMPLATE.format(name="A"), "utf-8")
    monkeypatch.chdir(tmp_path)
    status, out, _ = run(capsys, "diff", "old.yaml", "new.yaml", "--format", "json")
    found = json.loads(out)
    assert (status, len(found["widened"]), len(found["faults"])) == (3, 1, 1)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("side", ["both", "new"])
def test_review_compares_the_other_units(
    fault: Fault, side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing that the fault hides passes for fixed, and what is new elsewhere is reported."""
    repository = made(tmp_path / "repository", monkeypatch, capsys)
    name = "bad.tf" if side == "new" else "main.tf"
    before = {"good/main.tf": policy(APP), "bad/main.tf": policy(ANY, name="one") + policy(APP, name="two")}
    after = {"good/main.tf": policy(ANY), "bad/main.tf": None, f"bad/{name}": policy(ANY, name="one") + "\n"}
    fault(monkeypatch)
    said = repository.between(before, after)
    assert said.status == 3
    report = said.report
    assert report.faults and all(note.file.startswith("bad") for note in report.faults)
    assert [item.at.file for item in report.items] == ["good/main.tf"]
    assert (report.fixed, report.less, report.verdict.value) == ((), (), "cannot-tell")
    text = repository.review("HEAD^", "HEAD", text=True)
    assert text.status == 3 and "internal error" in text.out


def test_trail_reports_the_other_events_and_configurations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("duckdb")

    (tmp_path / "log.json").write_text(json.dumps(LOG), "utf-8")
    arguments = ("trail", str(tmp_path / "log.json"), "--format", "json", "--against", ".")
    with monkeypatch.context() as patched:
        patched.setattr(access_model, "Principals", failing_for_bad(access_model.Principals))
        status, out, err = run(capsys, *arguments)
    found = json.loads(out)
    assert status == 3 and the_bad_ones_are_named(err)
    assert len(found["passes"]) == 2 and len(found["faults"]) == 2
    assert {one["file"] for kind in ("used", "perhaps_used", "unused") for one in found["against"][kind]} == {
        "good.yaml", "good/main.tf",
    }  # fmt: skip
    real = PassExtractor.of

    def of(self: PassExtractor, row: Row) -> Any:
        if row.event_id == "bad":
            raise KeyError("a fault")
        return real(self, row)

    monkeypatch.setattr(PassExtractor, "of", of)
    status, out, err = run(capsys, "trail", str(tmp_path / "log.json"), "--format", "json")
    found = json.loads(out)
    assert (status, len(err), len(found["passes"]), len(found["faults"])) == (3, 1, 1, 1)


def test_fault_is_reported_to_hosts_for_every_resource(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_check_fails(monkeypatch)
    answers = host_results.scan_for_host(str(folder / "bad" / "main.tf"))
    assert answers.result is not None and answers.result.faults
    blocks = [HostBlock(n, f"aws_iam_user_policy.p{n}", str(folder / "bad" / "main.tf"), (n, n)) for n in (100, 200)]
    reasons = answers.block_failures(blocks)
    assert set(reasons) == {100, 200} and all("internal error" in why for whys in reasons.values() for why in whys)
    good = str(folder / "good" / "main.tf")
    assert not host_results.scan_for_host(good).block_failures(
        [HostBlock("good", "aws_iam_user_policy.p", good, (1, 120))]
    )


def test_fault_in_one_format_costs_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> str:
        raise KeyError("a fault")

    monkeypatch.setattr(json_output, "scan_json", fail)
    formats = ("--format", "json", "--output", "out.json", "--format", "sarif", "--output", "out.sarif")
    status, out, err = run(capsys, "scan", "good.yaml", "--no-cache", *formats, "--format", "text")
    assert status == 3 and len(err) == 1 and err[0].startswith("out.json: json: internal error")
    assert "PASSROLE_001" in out and json.loads((folder / "out.sarif").read_text("utf-8"))["runs"]


def test_destination_that_cannot_be_written_any_more_costs_no_other(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Destination, "check", lambda _: None)  # before the scan it could be written
    formats = ("--format", "json", "--output", "missing/out.json", "--format", "text")
    status, out, err = run(capsys, "scan", "good.yaml", "--no-cache", *formats)
    assert (status, len(err)) == (2, 1) and err[0].startswith("missing/out.json: ")
    assert "PASSROLE_001" in out


def test_fault_of_a_unit_is_in_the_result() -> None:
    """For those who use the package: ``faults`` are part of ``unreadable``, so that nobody overlooks them."""
    with pytest.MonkeyPatch.context() as patched:
        a_reader_fails(patched)
        result = scan_paths([Path()], ScanOptions())
    assert len(result.faults) == 2 and set(result.faults) <= set(result.unreadable)


@pytest.mark.parametrize("part", ["unchanged", "first_difference"])
def test_fault_in_the_cache_loses_no_finding(
    part: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Units are scanned if the cache fails."""

    def fail(*_: Any) -> Any:
        raise KeyError("a fault")

    run(capsys, "scan", ".")
    monkeypatch.setattr(PathStates, part, fail)
    status, out, err = run(capsys, "scan", ".", "--format", "json")
    assert (status, err) == (1, [])
    assert {one["file"] for one in json.loads(out)["findings"]} >= {"good.yaml", "good/main.tf", "bad.yaml"}


@pytest.mark.parametrize("part", ["prepare_suggestions", "with_cause", "narrower_statement"])
def test_fault_in_what_a_review_suggests_costs_no_item(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> Any:
        raise KeyError("a fault")

    repository = made(tmp_path / "repository", monkeypatch, capsys)
    monkeypatch.setattr(FixFinder, part, fail)
    said = repository.between({"main.tf": policy(APP)}, {"main.tf": policy(ANY)})
    assert said.status == 3
    assert [item.at.file for item in said.report.items] == ["main.tf"]
    assert said.report.items[0].advice or said.report.items[0].replacement
    assert len(said.report.faults) == 1
