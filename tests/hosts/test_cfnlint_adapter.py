"""The adapter in the real cfn-lint, run as a separate process."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fork_server import IS_USABLE, REPOSITORY, ForkServer

pytest.importorskip("cfnlint")

from passrole_checks.checks import ALL
from passrole_checks.findings import Severity

SERVER = ForkServer("cfnlint.runner.cli", "cfnlint.runner.cli.main()")
LEAF = REPOSITORY / "passrole_checks" / "cfnlint_rules"
MODULE = "passrole_checks.cfnlint_rules"
LEVELS = {Severity.HIGH: "E95", Severity.MEDIUM: "W95", Severity.LOW: "W95", Severity.INFO: "I95"}
IDS = {LEVELS[check.severity] + check.id[-2:] for check in ALL if not check.compares_versions}

# The comments say what is expected of the statement that begins on their line.
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  RoleArn:
    Type: String
Resources:
  Several:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: s3:GetObject
            Resource: "*"
          - Sid: AnyRole  # E9501
            Effect: Allow
            Action: iam:PassRole
            Resource: "*"
            Condition: {StringEquals: {"iam:PassedToService": lambda.amazonaws.com}}
          - Effect: Allow  # W9502
            Action: [iam:PassRole, iam:GetRole]
            Resource: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/app-*"
          - Effect: Allow  # W9514
            Action: iam:PassRole
            Resource: !Ref RoleArn
            Condition: {StringEquals: {"iam:PassedToService": lambda.amazonaws.com}}
  InText:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: !Sub |
        {
          "Version": "2012-10-17",
          "Statement": [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
            {
              "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"
            }
          ]
        }
  Clean:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow  # I9512
            Action: iam:PassRole
            Resource: arn:aws:iam::111122223333:role/app
            Condition: {StringEquals: {"iam:PassedToService": lambda.amazonaws.com}}
"""

SILENCED = """\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  ByCfnLint:
    Type: AWS::IAM::ManagedPolicy
    Metadata: {cfn-lint: {config: {ignore_checks: [E9501]}}}
    Properties: {PolicyDocument: {Version: "2012-10-17", Statement: [DOCUMENT]}}
  ByUs:
    Type: AWS::IAM::ManagedPolicy
    # passrole:skip=PASSROLE_001 reviewed
    Properties: {PolicyDocument: {Version: "2012-10-17", Statement: [DOCUMENT]}}
  ByCheckov:
    Type: AWS::IAM::ManagedPolicy
    Metadata: {checkov: {skip: [{id: PASSROLE_001, comment: reviewed}]}}
    Properties: {PolicyDocument: {Version: "2012-10-17", Statement: [DOCUMENT]}}
  ByNobody:
    Type: AWS::IAM::ManagedPolicy
    Properties: {PolicyDocument: {Version: "2012-10-17", Statement: [DOCUMENT]}}
""".replace("DOCUMENT", "{Effect: Allow, Action: iam:PassRole, Resource: '*'}")


@dataclass(frozen=True)
class Run:
    status: int
    output: str
    errors: str

    @property
    def matches(self) -> list[dict[str, Any]]:
        loaded: list[dict[str, Any]] = json.loads(self.output)
        return loaded

    def places(self, prefixes: Sequence[str] = ("E95", "W95", "I95")) -> set[tuple[str, int]]:
        """(rule, line) of our matches."""
        return {
            (match["Rule"]["Id"], match["Location"]["Start"]["LineNumber"])
            for match in self.matches
            if match["Rule"]["Id"].startswith(tuple(prefixes))
        }


def run_cfn_lint(
    folder: Path,
    *arguments: str,
    rules: Sequence[str] = (str(LEAF),),
    start: Sequence[str] = (),
    environment: dict[str, str] | None = None,
    given: str = "",
) -> Run:
    appended = ["-a", *rules] if rules else []
    words = [*appended, "--format", "json", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), **(environment or {})}
    if IS_USABLE and not start:
        done = SERVER.run(words, folder, variables, given)
    else:
        command = [sys.executable, *(start or ("-m", "cfnlint.runner.cli")), *words]
        done = subprocess.run(
            command, cwd=folder, env=variables, input=given, capture_output=True, text=True, check=False
        )
    return Run(done.returncode, done.stdout, done.stderr)


def expected() -> set[tuple[str, int]]:
    """Return the findings named in the comments of TEMPLATE, and the one in the text, which cannot contain comments."""
    lines = TEMPLATE.splitlines()
    found = {(line.rsplit("# ", 1)[1], number) for number, line in enumerate(lines, 1) if "# " in line}
    in_text = next(number for number, line in enumerate(lines, 1) if line == " " * 12 + "{")
    return found | {("E9501", in_text)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "silenced.yaml").write_text(SILENCED)
    return tmp_path


@pytest.mark.parametrize("rules", [str(LEAF), MODULE])
def test_rules_of_folder_and_module(folder: Path, rules: str) -> None:
    """By folder and by module, each check is one rule, whose letter is the check's level, and nothing else is one."""
    listed = run_cfn_lint(folder, "--list-rules", rules=[rules])
    ours = {line.split(":")[0] for line in listed.output.splitlines() if line[1:3] == "95" and line[5:6] == ":"}
    assert ours == IDS


@pytest.mark.parametrize("rules", [str(LEAF), MODULE])
def test_lines_are_the_statements(folder: Path, rules: str) -> None:
    """A match stands where its statement begins, inside a text given to Fn::Sub as well; infos are not shown."""
    run = run_cfn_lint(folder, "-t", "template.yaml", rules=[rules])
    assert run.places() == {place for place in expected() if place[0] != "I9512"}
    assert run.status & 2, "an error is an error for the exit status too"


def test_infos_on_request(folder: Path) -> None:
    """The info rules speak with -c I95, and the environment can ask for more."""
    run = run_cfn_lint(folder, "-c", "I95", "-t", "template.yaml")
    assert {place for place in expected() if place[0] == "I9512"} <= run.places()
    louder = run_cfn_lint(folder, "-t", "template.yaml", environment={"PASSROLE_CHECKS_SEVERITY": "high"})
    assert {rule for rule, _ in louder.places()} == {"E9501"}


def test_a_match_says_what_is_wrong(folder: Path) -> None:
    """A match carries the message, the severity of this very finding, the columns of the statement and the guide."""
    run = run_cfn_lint(folder, "-t", "template.yaml")
    match = next(match for match in run.matches if match["Rule"]["Id"] == "E9501")
    assert match["Message"].endswith("[medium]") and "any role" in match["Message"].lower()
    assert match["Location"]["Start"] == {"ColumnNumber": 13, "LineNumber": 15}
    assert match["Location"]["Path"][:3] == ["Resources", "Several", "Properties"]
    assert match["Rule"]["Source"].startswith("https://docs.aws.amazon.com/")


def test_configuration_file(folder: Path) -> None:
    """append_rules in .cfnlintrc does what -a does."""
    (folder / ".cfnlintrc").write_text(f"append_rules:\n  - {MODULE}\n")
    run = run_cfn_lint(folder, "-t", "template.yaml", rules=[])
    assert ("E9501", 15) in run.places()


def test_suppressions(folder: Path) -> None:
    """Metadata of cfn-lint and of checkov and our own comments silence their resource, and no other."""
    line = SILENCED.splitlines().index("  ByNobody:") + 3
    assert run_cfn_lint(folder, "-t", "silenced.yaml").places(["E9501"]) == {("E9501", line)}


def test_cfn_lints_own_choice_of_rules(folder: Path) -> None:
    """-i silences a rule or a family; --mandatory-checks overrules cfn-lint's own Metadata, as for every rule."""
    assert run_cfn_lint(folder, "-i", "E9501", "-t", "template.yaml").places(["E9501"]) == set()
    assert run_cfn_lint(folder, "-i", "E95", "W95", "-t", "template.yaml").places() == set()
    mandatory = run_cfn_lint(folder, "--mandatory-checks", "E9501", "-t", "silenced.yaml").places(["E9501"])
    assert len(mandatory) == 2


def test_account_from_the_environment(folder: Path) -> None:
    """PASSROLE_CHECKS_ACCOUNT makes 005 speak."""
    run = run_cfn_lint(folder, "-t", "template.yaml", environment={"PASSROLE_CHECKS_ACCOUNT": "444455556666"})
    assert {rule for rule, _ in run.places(["W9505"])} == {"W9505"}


def test_standard_input(folder: Path) -> None:
    """From standard input, as editors send it, the rules see the same: the lines inside a text, and comments."""
    assert run_cfn_lint(folder, given=TEMPLATE).places() == {place for place in expected() if place[0] != "I9512"}
    given = run_cfn_lint(folder, given=SILENCED).places(["E9501"])
    assert given == run_cfn_lint(folder, "-t", "silenced.yaml").places(["E9501"]) and len(given) == 1


@pytest.mark.parametrize("transform", ["", "Transform: AWS::LanguageExtensions\n"])
def test_text_of_programs(folder: Path, transform: str) -> None:
    """Programs that hand cfn-lint a text, or two before the first is linted, have the findings of that text."""
    program = (
        "import json, sys",
        "from cfnlint.config import ConfigMixIn",
        "from cfnlint.decode import decode_str",
        "from cfnlint.runner import Runner",
        f"runner = Runner(ConfigMixIn(append_rules=[{str(LEAF)!r}], regions=['us-east-1']))",
        "texts = [sys.stdin.read(), 'Resources: {A: {Type: AWS::SNS::Topic}}']",
        "decoded = [decode_str(text)[0] for text in texts]",
        "found = [(m.rule.id, m.linenumber) for m in runner.validate_template(decoded[0]) if m.rule.id[1:3] == '95']",
        "print(json.dumps(found))",
    )
    text = transform + SILENCED
    run = run_cfn_lint(folder, rules=(), start=["-c", "\n".join(program)], given=text)
    line = text.splitlines().index("  ByNobody:") + 3
    assert json.loads(run.output) == [["E9501", line]]


def test_language_extensions(tmp_path: Path) -> None:
    """With a transform that cfn-lint expands, statements keep their own lines."""
    text = TEMPLATE.replace("Parameters:", "Transform: AWS::LanguageExtensions\nParameters:", 1)
    (tmp_path / "template.yaml").write_text(text)
    run = run_cfn_lint(tmp_path, "-t", "template.yaml")
    assert run.places() == {(rule, line + 1) for rule, line in expected() if rule != "I9512"}


@pytest.mark.parametrize("resources", ["", " {}", " []", "\n  A:", "\n  A: {Type: AWS::IAM::Policy}"])
def test_odd_templates_do_not_fail_a_rule(tmp_path: Path, resources: str) -> None:
    """No rule of this package fails on a template without resources, regardless of what cfn-lint reports."""
    (tmp_path / "odd.yaml").write_text(f'AWSTemplateFormatVersion: "2010-09-09"\nResources:{resources}\n')
    run = run_cfn_lint(tmp_path, "-t", "odd.yaml")
    assert not re.search(r"processing rule [EWI]95", run.output)
    assert "passrole" not in run.errors


@pytest.mark.parametrize("section", ["Parameters", "Mappings", "Rules"])
def test_null_sections(tmp_path: Path, section: str) -> None:
    """A section that holds nothing changes nothing of what is found in the others."""
    resource = SILENCED[SILENCED.index("  ByNobody:") :]
    (tmp_path / "null.yaml").write_text(f'AWSTemplateFormatVersion: "2010-09-09"\n{section}:\nResources:\n{resource}')
    run = run_cfn_lint(tmp_path, "-t", "null.yaml")
    assert run.places() == {("E9501", 6)}
    assert not re.search(r"processing rule [EWI]95", run.output)


@pytest.mark.parametrize(
    ("ignored", "notes"),
    [
        ("[E9501]", ["PASSROLE_001 is suppressed without a reason"]),
        ("[E95]", ["PASSROLE_001 is suppressed without a reason"]),
        ("[E9501]  # reviewed", []),
        ("[E9501, W9502, W95]  # reviewed", ["W9502 suppresses nothing", "W95 suppresses nothing"]),
    ],
)
def test_suppressions_of_the_template(tmp_path: Path, ignored: str, notes: list[str]) -> None:
    """ignore_checks in the template's own Metadata silences an id, or a family of ours, in the whole template; it is
    reported without a reason, and where it suppresses nothing."""
    metadata = f"Metadata:\n  cfn-lint:\n    config:\n      ignore_checks: {ignored}\n"
    (tmp_path / "template.yaml").write_text(metadata + SILENCED)
    run = run_cfn_lint(tmp_path, "-t", "template.yaml")
    assert run.places() == set()
    said = run.errors.splitlines()
    assert all(note in line for note, line in zip(notes, [one for one in said if ":4:" in one], strict=True))


def test_a_template_cannot_ignore_our_rules_by_a_letter(tmp_path: Path) -> None:
    """`E` in a template's Metadata is for cfn-lint's own rules, as on our command line; `-i E` is for all."""
    (tmp_path / "template.yaml").write_text("Metadata: {cfn-lint: {config: {ignore_checks: [E]}}}\n" + SILENCED)
    assert {rule for rule, _ in run_cfn_lint(tmp_path, "-t", "template.yaml").places()} == {"E9501"}
    assert run_cfn_lint(tmp_path, "-i", "E", "-t", "template.yaml").places() == set()


def test_commands_of_a_template_are_a_note(tmp_path: Path) -> None:
    """Commands that attach policies are reported once on standard error, and match no rule."""
    commands = "aws iam attach-role-policy --role-name r; aws iam put-role-policy --role-name r"
    host = {"Type": "AWS::EC2::Instance", "Properties": {"UserData": commands}}
    (tmp_path / "t.json").write_text(json.dumps({"Resources": {"A": host, "B": host}}, indent=1))
    run = run_cfn_lint(tmp_path, "-t", "t.json")
    assert re.findall(r"(\S+): not evaluated: a file that calls `(.*)`", run.errors) == [
        ("t.json:6", "aws iam attach-role-policy")
    ]
    assert run.places() == set()


def test_serverless_and_stack_sets(tmp_path: Path) -> None:
    """A policy template, a document of SAM and the template in a stack set's body are matched where they stand."""
    document = "{Statement: [{Effect: Allow, Action: iam:PassRole, Resource: '*'}]}"
    (tmp_path / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\n"
        "Resources:\n"
        "  F:\n"
        "    Type: AWS::Serverless::Function\n"
        "    Properties:\n"
        "      Handler: a.b\n"
        "      Policies:\n"
        "        - SQSPollerPolicy: {QueueName: q}\n"
        "        - UnheardOfPolicy: {QueueName: q}\n"
        f"        - {document}\n"
        "  S:\n"
        "    Type: AWS::CloudFormation::StackSet\n"
        "    Properties:\n"
        "      TemplateBody: |\n"
        "        Resources:\n"
        "          P:\n"
        f"            Properties: {{PolicyDocument: {document}}}\n"
        "            Type: AWS::IAM::Policy\n"
    )
    run = run_cfn_lint(tmp_path, "-t", "template.yaml")
    assert run.places() == {("W9514", 9), ("E9501", 10), ("E9501", 17)}
    paths = {tuple(match["Location"]["Path"][:2]) for match in run.matches if match["Rule"]["Id"][1:3] == "95"}
    assert paths == {("Resources", "F"), ("Resources", "S")}


UNREADABLE = """\
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Malformed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: '{"Statement": ['
"""


@pytest.mark.parametrize(
    ("arguments", "hidden"), [((), ()), (("-i", "W9514"), ("W9514",)), (("-c", "I95"), ()), (("-i", "E95"), ("E95",))]
)
def test_what_cannot_be_read_is_a_match_of_every_rule(
    tmp_path: Path, arguments: Sequence[str], hidden: Sequence[str]
) -> None:
    """No choice of rules hides it but one that leaves none; the info rule is shown to those who ask for infos."""
    (tmp_path / "template.yaml").write_text(UNREADABLE)
    run = run_cfn_lint(tmp_path, *arguments, "-t", "template.yaml")
    infos = "-c" in arguments
    shown = {one for one in IDS if not one.startswith(tuple(hidden)) and (infos or not one.startswith("I"))}
    assert run.places() == {(one, 6) for one in shown} and run.status


@pytest.mark.parametrize("place", ["template", "resource"])
def test_a_template_cannot_ignore_that_it_was_not_judged(tmp_path: Path, place: str) -> None:
    """ignore_checks in the Metadata of what is scanned suppresses findings, not what could not be read."""
    metadata = "Metadata: {cfn-lint: {config: {ignore_checks: [E95, W95, E9501, W9514]}}}\n"
    header = "    Type: AWS::IAM::ManagedPolicy\n"
    text = metadata + UNREADABLE if place == "template" else UNREADABLE.replace(header, f"{header}    {metadata}")
    (tmp_path / "template.yaml").write_text(text)
    run = run_cfn_lint(tmp_path, "-t", "template.yaml")
    assert {rule for rule, _ in run.places()} == {one for one in IDS if not one.startswith("I")}


def test_a_template_cannot_hide_that_no_rule_ran(tmp_path: Path) -> None:
    """cfn-lint's own errors on what it cannot transform or parse are not for a template to ignore, nor for another."""
    loop = "  Fn::ForEach::Each: [Name, [a]]\n"
    transform = "Transform: AWS::LanguageExtensions\n"
    for name, ignored, text in (
        ("a.yaml", "E0001", transform + SILENCED + loop),
        ("b.yaml", "E0000", SILENCED),
        ("c.yaml", "E0000", SILENCED + "    Type: AWS::IAM::ManagedPolicy\n" * 2),
    ):
        metadata = f"Metadata: {{cfn-lint: {{config: {{ignore_checks: [{ignored}]}}}}}}\n"
        (tmp_path / name).write_text(metadata + text)
    run = run_cfn_lint(tmp_path, "-t", "a.yaml", "b.yaml", "c.yaml")
    found = {(match["Rule"]["Id"], match["Filename"]) for match in run.matches}
    assert {("E0001", "a.yaml"), ("E0000", "c.yaml")} <= found and run.status
    chosen = run_cfn_lint(tmp_path, "-i", "E0001", "-t", "a.yaml")
    assert chosen.status == 0 and not chosen.matches


def starting(*lines: str) -> list[str]:
    """Options that start cfn-lint after some lines of Python."""
    return ["-c", "\n".join(["import sys", *lines, "from cfnlint.runner.cli import main", "main()"])]


def test_a_fault_of_the_engine_is_a_match_of_every_rule(folder: Path) -> None:
    """An exception inside the engine fails every rule."""
    fault = ("from passrole_checks.scan.for_hosts import host_results as hosts", "hosts.scan_paths = None")
    run = run_cfn_lint(folder, "-i", "W9514", "-t", "template.yaml", start=starting(*fault))
    assert {rule for rule, _ in run.places()} == {one for one in IDS if not one.startswith("I")} - {"W9514"}


def test_rules_of_other_packages_are_loaded_as_well(folder: Path, tmp_path: Path) -> None:
    """Rules of somebody else are loaded beside ours."""
    others = tmp_path / "others"
    others.mkdir()
    (others / "other_rule.py").write_text(
        "from cfnlint.rules import CloudFormationLintRule, RuleMatch\n"
        "class Other(CloudFormationLintRule):\n"
        "    id = 'E9999'\n"
        "    shortdesc = description = 'other'\n"
        "    def match(self, cfn):\n"
        "        return [RuleMatch(['Resources'], 'other')]\n"
    )
    run = run_cfn_lint(folder, "-t", "template.yaml", rules=[str(others), str(LEAF)])
    assert ("E9501", 15) in run.places()
    assert any(match["Rule"]["Id"] == "E9999" for match in run.matches)


@pytest.mark.parametrize("missing", ["passrole_checks", "passrole_checks.scan.scanner"])
@pytest.mark.parametrize("metadata", ["", "Metadata: {cfn-lint: {config: {ignore_checks: [E95, W95]}}}\n"])
def test_without_the_engine_every_rule_fails(tmp_path: Path, missing: str, metadata: str) -> None:
    """Where passrole_checks, or something that it needs, cannot be imported, each id is a rule that says so."""
    (tmp_path / "template.yaml").write_text(metadata + TEMPLATE)
    copy = tmp_path / "leaf_elsewhere"
    shutil.copytree(LEAF, copy, ignore=shutil.ignore_patterns("__pycache__"))
    start = starting(f"sys.modules[{missing!r}] = None")
    run = run_cfn_lint(tmp_path, "-t", "template.yaml", rules=[str(copy)], start=start)
    assert run.status and {rule for rule, _ in run.places()} == {one for one in IDS if not one.startswith("I")}
    (line,) = run.errors.splitlines()
    assert f"{sys.executable} -I -m pip" in line
    listed = run_cfn_lint(tmp_path, "--list-rules", rules=[str(copy)], start=start)
    assert {line.split(":")[0] for line in listed.output.splitlines() if line[1:3] == "95" and line[5:6] == ":"} == IDS


def test_from_a_clone_that_is_not_installed(folder: Path) -> None:
    """The folder is enough: it brings the rest of its clone along."""
    package = "os.path.isfile(os.path.join(one, 'passrole_checks', '__init__.py'))"
    missing = f"sys.path[:] = [one for one in sys.path if not {package}]"
    start = starting("import os", missing)
    run = run_cfn_lint(folder, "-t", "template.yaml", start=start, environment={"PYTHONPATH": ""})
    assert run.places() == {place for place in expected() if place[0] != "I9512"}


@pytest.mark.parametrize("rules", [[str(LEAF), MODULE], [MODULE, str(LEAF)], [str(LEAF), str(LEAF)]])
def test_folder_and_module_together(folder: Path, rules: list[str]) -> None:
    """Given twice, each rule is there once."""
    run = run_cfn_lint(folder, "-t", "template.yaml", rules=rules)
    ours = [match for match in run.matches if match["Rule"]["Id"][1:3] == "95"]
    assert run.places() == {place for place in expected() if place[0] != "I9512"} and len(ours) == len(run.places())


def test_rule_id_of_another_package_is_an_error(folder: Path, tmp_path: Path) -> None:
    """A rule of another package does not silently replace the rule of this package with the same ID."""
    others = tmp_path / "others"
    others.mkdir()
    (others / "other_rule.py").write_text(
        "from cfnlint.rules import CloudFormationLintRule\n"
        "class Other(CloudFormationLintRule):\n"
        "    id = 'E9501'\n"
        "    shortdesc = description = 'other'\n"
    )
    assert run_cfn_lint(folder, "-t", "template.yaml", rules=[str(others), str(LEAF)]).status


def test_sarif(folder: Path) -> None:
    """cfn-lint's SARIF output works with what our extra installs, and contains our rules."""
    pytest.importorskip("sarif_om")
    run = run_cfn_lint(folder, "--format", "sarif", "-t", "template.yaml")
    results = json.loads(run.output)["runs"][0]["results"]
    assert {"E9501", "W9502", "W9514"} <= {result["ruleId"] for result in results}


def test_nested_template_is_judged_in_its_stack(tmp_path: Path) -> None:
    """Given with its parent, a template has the findings of its stack, at its own resource; suppressions work there."""
    child = "Parameters: {Role: {Type: String}}\n" + SILENCED.replace("'*'", "!Ref Role")
    (tmp_path / "child.yaml").write_text(child)
    (tmp_path / "parent.yaml").write_text(
        "Resources:\n  A:\n    Type: AWS::CloudFormation::Stack\n"
        "    Properties: {TemplateURL: child.yaml, Parameters: {Role: '*'}}\n"
    )
    run = run_cfn_lint(tmp_path, "-t", "parent.yaml", "child.yaml")
    ours = [match for match in run.matches if match["Rule"]["Id"][1:3] == "95"]
    assert {(match["Rule"]["Id"], match["Filename"], *match["Location"]["Path"][:2]) for match in ours} == {
        ("E9501", "child.yaml", "Resources", "ByNobody")
    }
    assert {rule for rule, _ in run_cfn_lint(tmp_path, "-t", "child.yaml").places()} == {"W9502", "W9514"}
