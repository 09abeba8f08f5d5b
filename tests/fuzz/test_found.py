"""Failures found by fuzzing, each as its smallest sample."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from fuzzing import commands, running
from fuzzing.targets import GOOD
from work import at_most

from passrole_checks.cli import main
from passrole_checks.errors import ConfigurationError
from passrole_checks.iam.values.nodes import StringNode, unresolved_in
from passrole_checks.output.destination import pair_with_formats
from passrole_checks.scan import settings
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import scan_paths
from passrole_checks.sources.terraform import load


def user_policy(text: str) -> str:
    return f'resource "aws_iam_user_policy" "p" {{\n  user   = "u"\n  policy = {text}\n}}\n'


@pytest.mark.parametrize("written", ["one line", "lines"])
def test_statements_of_a_text_on_one_line_are_told_apart(tmp_path: Path, written: str) -> None:
    """A way that another statement of the same line opens is a way: privilege-escalation does not depend on layout."""
    everything = {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:iam::111122223333:*"}
    start = {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [everything, start]}
    text = (
        json.dumps(json.dumps(document)) if written == "one line" else f"<<EOT\n{json.dumps(document, indent=1)}\nEOT"
    )
    (tmp_path / "main.tf").write_text(user_policy(text))
    found = scan_paths([tmp_path], ScanOptions()).findings
    assert [(one.check_id, one.statement_path) for one in found] == [
        ("PASSROLE_001", "policy/Statement/0"),
        ("PASSROLE_008", "policy/Statement/0"),
    ]


@pytest.mark.parametrize("depth", [25, 60])
def test_json_in_json_in_json_ends_in_a_hole(tmp_path: Path, depth: int) -> None:
    """Each jsonencode around another doubles the backslashes: such a text ends where it is too long."""
    (tmp_path / "main.tf").write_text(user_policy("jsonencode(" * depth + '"*"' + ")" * depth))
    with at_most(2_000_000):
        (policy,) = load(tmp_path).policies
    assert isinstance(policy.document, StringNode)
    assert [hole.reason for hole in policy.document.unresolved_parts] == ["too long"]


def test_a_template_that_ends_in_the_middle_is_named_at_its_last_line(tmp_path: Path) -> None:
    """libyaml tells an error at the end of a text without a last line break one line too late."""
    (tmp_path / "t.yaml").write_text("Resources:\n  A: {Type: AWS::IAM::Role, Properties: {")
    (one,) = scan_paths([tmp_path], ScanOptions()).unreadable
    assert (Path(one.file).name, one.line) == ("t.yaml", 2)


def test_exponents_are_numbers(tmp_path: Path) -> None:
    """A number such as 1e5, which tree-sitter-hcl does not read, hides nothing."""
    (tmp_path / "main.tf").write_text("locals {\n  threshold = 1e-5\n}\n" + user_policy('file("p.json")'))
    (tmp_path / "p.json").write_text("{}")
    found = scan_paths([tmp_path], ScanOptions())
    assert found.unreadable == ()


def test_a_link_that_leads_round_in_a_circle_is_named_once(tmp_path: Path) -> None:
    """The walk leaves it to the reader of the folder."""
    (tmp_path / "main.tf").write_text("locals {\n}\n")
    (tmp_path / "loop.tf").symlink_to("loop.tf")
    assert [Path(one.file).name for one in scan_paths([tmp_path], ScanOptions()).unreadable] == ["loop.tf"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = 1" + b"0" * 5000, "pyproject.toml: not valid TOML: "),
        (
            b"[tool.passrole_checks]\n" + b"x" * 5000 + b" = 1",
            f"pyproject.toml: [tool.passrole_checks] knows no option '{'x' * 59}…'",
        ),
    ],
)
def test_a_configuration_with_too_long_a_number_or_a_name(content: bytes, message: str) -> None:
    """A number that Python does not convert is no fault of ours, and no message is as long as a name may be."""
    with pytest.raises(ConfigurationError) as caught:
        settings.checked(settings.table_in(content), {}, Path())
    assert str(caught.value).startswith(message)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("index", ["1e999", "0.5", '"1_0"', '"0.5"'])
def test_an_index_that_is_no_whole_number_is_no_index(tmp_path: Path, index: str) -> None:
    """A number beyond all bounds, a fraction, or what is no number in Terraform leads to no element."""
    (tmp_path / "main.tf").write_text(user_policy(f'{{ Statement = [{{ Action = ["iam:PassRole"][{index}] }}] }}'))
    (policy,) = load(tmp_path).policies
    assert "the index is no integer" in {hole.reason for hole in unresolved_in(policy.document)}


def test_a_reason_is_one_line_whatever_it_quotes(tmp_path: Path) -> None:
    """Words of a document with a line break in them, which stand in the reason why it cannot be read, stay one line."""
    (tmp_path / "main.tf").write_text(user_policy('jsonencode({ Statement = [{ Effect = "A\\nllow" }] })'))
    (one,) = scan_paths([tmp_path], ScanOptions()).unreadable
    assert one.reason == "aws_iam_user_policy.p: Effect is 'A llow'; it must be Allow or Deny"


@pytest.mark.parametrize("key", ["a\nb", "a\rb", "\x1b[2J"])
def test_an_instance_key_is_quoted_as_in_hcl(tmp_path: Path, key: str) -> None:
    """A line break in the key of an instance is an escape in its address, so that a reason stays one line."""
    quoted = json.dumps(key)
    text = user_policy('jsonencode({ Statement = ["x"] })').replace("{\n", f"{{\n  for_each = [{quoted}]\n", 1)
    unknown = user_policy('jsonencode({ Statement = ["x"] })').replace(
        "{\n", f'{{\n  for_each = ["${{var.x}}${{{quoted}}}"]\n', 1
    )
    for number, content in enumerate((text, unknown)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "main.tf").write_text('variable "x" {}\n' + content)
        (one,) = scan_paths([folder], ScanOptions()).unreadable
        assert one.reason.isprintable()
        assert json.dumps(key)[1:-1] in one.reason


def test_a_folder_deeper_than_python_recurses_is_scanned_with_a_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The path to a file contains a loop of links, and the second scan gives the same result."""
    monkeypatch.setenv("PASSROLE_CHECKS_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "code").mkdir()
    monkeypatch.chdir(tmp_path / "code")
    folder = "/".join(["d"] * 350)
    os.makedirs(folder)
    Path(folder, "t.yaml").write_text("Resources:\n  A: {Type: AWS::IAM::Role, Properties: {}}\n")
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(500)  # of which less than half is used before the scan; paths take quadratic time
    try:
        first = main(["scan", "."]), capsys.readouterr()
        assert first[0] == 0
        assert (main(["scan", "."]), capsys.readouterr()) == first
    finally:
        sys.setrecursionlimit(usual)


def test_a_git_folder_that_leads_outside_is_not_read_for_the_cache() -> None:
    """Of .git only the presence counts. The program runs under the observers of the fuzzer."""
    (target,) = (target for target in running.TARGETS if target.name == "command")
    tree = {"main.tf": GOOD, "@link .git": b"../../outside/main.tf", "@arguments": b"scan\n."}
    assert running.fails(target, tree) is None
    commands.leave()


def test_two_names_of_one_output_are_refused() -> None:
    """The second format would replace the first one."""
    with pytest.raises(ConfigurationError, match="two formats"):
        pair_with_formats(["json", "html"], ["./report.json", "report.json"])


LONG = "9" * 5000  # no file can have such a name


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("plan.json", '{"format_version": "2\\n.0", "planned_values": {}, "terraform_version": "1.9.0"}'),
        ("main.tf", f'locals {{\n  a = fileset("{LONG}", "*")\n  b = fileexists("{LONG}")\n}}\n'),
        ("main.tf", 'locals {\n  a = lookup([for e in "${var.x}" : e if var.y]...)\n}\n'),
        ("main.tf", f'resource "aws_iam_policy" "p" {{\n  policy = file("{LONG}")\n}}\n'),
        ("main.tf", f'module "m" {{\n  source = "./{LONG}"\n}}\n'),
        (
            "template.yaml",
            f"{{Resources: {{S: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {LONG}}}}}}}}}",
        ),
    ],
    ids=["a plan version of two lines", "fileset", "any number of arguments", "file", "module", "nested template"],
)
def test_odd_names_are_no_internal_errors(
    file: str, content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names longer than a file can have, and texts of several lines where a reason quotes them."""
    monkeypatch.chdir(tmp_path)
    Path(file).write_text(content, "utf-8")
    assert main(["scan", ".", "--no-cache"]) in (0, 1, 2)
    assert all(line.startswith((file, "note")) for line in capsys.readouterr().err.splitlines())


def test_long_values_of_parameters_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("template.yaml").write_text(
        "Resources: {T: {Type: AWS::SNS::Topic}}\nParameters: {A: {Type: String}}\n", "utf-8"
    )
    for argument, status in ((f"A={LONG}", 0), (f"={LONG}", 2)):
        assert main(["scan", "template.yaml", "--no-cache", "--parameters", argument]) == status
    capsys.readouterr()
