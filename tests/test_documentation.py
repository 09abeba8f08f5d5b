"""The pages agree with the program: checks, examples, commands, options, and what is evaluated.

``python -m tools.regenerate documentation`` writes the pages of the checks, the tables of checks and severities, and
the outputs of examples.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from command_runs import run_command
from documentation_pages import FENCE, PAGES, README, ROOT, SITE, SITE_PAGES, all_blocks, blocks, name_of

from passrole_checks.checks import ALL
from passrole_checks.cli import cli
from passrole_checks.scan.for_hosts.host_results import CLOUDFORMATION_TYPES
from passrole_checks.scan.scanner import ScanOptions, scan_paths
from passrole_checks.sources.cloudformation.resource_types import CLOUDFORMATION
from passrole_checks.sources.collect import terraform_tables
from passrole_checks.sources.model.exclusive_policies import EXCLUSIVE, OF_POLICY
from passrole_checks.sources.terraform.evaluation.symbolic_values import MAX_ITEMS
from passrole_checks.sources.terraform.functions.call import BUILTIN_NAMES, NOT_EVALUATED
from passrole_checks.sources.terraform.functions.provider import AWS
from passrole_checks.sources.terraform.resources.blocks import MAX_INSTANCES
from tools import check_pages
from tools.api_page import PAGE as API_PAGE
from tools.api_page import api_page
from tools.configuration_keys import keys_table

_TABLE = re.compile(
    r"(?<=^\| check \| name \| severity \| flagged when \|\n\|---\|---\|---\|---\|\n)(?:\|.*\n)*", re.MULTILINE
)
_BY_ROLES = re.compile(r"(?<=\| any service \|\n\|---\|---\|---\|---\|---\|\n)(?:\|.*\n)*")
_BY_HOLDER = re.compile(r"(?<=\| low \|\n\|---\|---\|---\|---\|---\|\n)(?:\|.*\n)*")
_KEYS = re.compile(r"(?<=^\| key \| value \| \|\n\|---\|---\|---\|\n)(?:\|.*\n)*", re.MULTILINE)
_INVOCATION = re.compile(r"passrole-checks ([a-z]+)((?: +[^\s`\"')]+)*)")


def rerun(command: str) -> str:
    """Return the output of a command of this program, run in the folder of the README."""
    program, *arguments = shlex.split(command)
    assert program == "passrole-checks", f"only our own commands can be run again, not {program}"
    done = run_command(*arguments, cwd=ROOT)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def examples() -> list[tuple[str, str]]:
    """Return each command of the console blocks with the output below it."""
    found = {}
    for page, body in all_blocks("console"):
        first, _, output = body.partition("\n")
        assert first.startswith("$ "), f"{page}: a console block starts with a command: {first}"
        found[first[2:], output] = None
    return list(found)


def test_pages_of_checks_are_those_of_the_classes() -> None:
    """Each check has its page, made from its docstring and its examples, and no other page is among them."""
    made = dict(check_pages.pages())
    assert set(made) == set(check_pages.FOLDER.glob("PASSROLE_*.md"))
    for path, text in made.items():
        assert path.read_text("utf-8") == text, f"{path.name} is outdated: python -m tools.regenerate documentation"


def test_sources_of_checks_are_links() -> None:
    """Each title of an AWS page that a docstring cites has an address."""
    assert all(check_pages.cited(check) for check in ALL if "Source" in check.documentation())


def test_the_tables_of_checks_are_those_of_the_classes() -> None:
    """README and site list every check with its number, name, severity and first paragraph, and no other."""
    for page, folder in ((README, "docs/checks/"), (SITE / "checks" / "index.md", "")):
        match = _TABLE.search(page.read_text("utf-8"))
        assert match is not None
        assert match[0] == check_pages.checks_table(folder)


def test_the_tables_of_severities_are_those_of_the_code() -> None:
    """The site has the tables by which all checks of access are rated."""
    text = (SITE / "checks" / "index.md").read_text("utf-8")
    by_roles, by_holder = _BY_ROLES.search(text), _BY_HOLDER.search(text)
    assert by_roles is not None and by_roles[0] == check_pages.roles_table()
    assert by_holder is not None and by_holder[0] == check_pages.holders_table()


def test_the_page_of_the_api_has_the_docstrings() -> None:
    """The page of the Python API has each function with its docstring and example, and each type."""
    assert API_PAGE.read_text("utf-8") == api_page()


def test_the_keys_of_the_configuration_are_those_of_the_code() -> None:
    """The site lists every key that ``pyproject.toml`` may set, with the words of its option."""
    match = _KEYS.search((SITE / "configuration.md").read_text("utf-8"))
    assert match is not None and match[0] == keys_table()


def test_every_command_has_a_page_with_its_help() -> None:
    """The site has a page for each command, with the output of ``--help``."""
    shown = {command for command, _ in examples()}
    assert {f"passrole-checks {name} --help" for name in cli.commands} <= shown
    assert {path.stem for path in (SITE / "commands").glob("*.md")} == set(cli.commands) - {"where"}


@pytest.mark.parametrize(("command", "output"), examples(), ids=[command for command, _ in examples()])
def test_example_prints_the_output_below_it(command: str, output: str) -> None:
    """Each command in a console block prints exactly what the page shows."""
    assert output == rerun(command)


def test_every_page_is_in_the_navigation() -> None:
    """The site's navigation has each page once, and no other."""
    text = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2]
    listed = re.findall(r"([\w/.-]+\.md)$", text, re.MULTILINE)
    assert sorted(listed) == sorted(path.relative_to(SITE).as_posix() for path in SITE_PAGES)


def test_the_readme_is_short() -> None:
    """The README has at most 250 lines."""
    assert len(README.read_text("utf-8").splitlines()) <= 250


def invocations() -> Iterator[tuple[str, str, str]]:
    """Every command line of ours in a code block or between backticks, and that of the pre-commit hook."""
    for page in PAGES:
        text = page.read_text("utf-8")
        for code in [body for _, body in FENCE.findall(text)] + re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
            for command, rest in _INVOCATION.findall(code):
                yield name_of(page), command, rest
    hooks = ROOT / ".pre-commit-hooks.yaml"
    for command, rest in _INVOCATION.findall(hooks.read_text("utf-8")):
        yield hooks.name, command, rest


def test_commands_and_options_that_are_named_exist() -> None:
    """Commands and options of this program on the pages exist."""
    shown = list(invocations())
    assert {"scan", "grants", "explain", "where"} <= {command for _, command, _ in shown}
    for page, name, rest in shown:
        command = cli.commands.get(name)
        assert command is not None, f"{page}: there is no command {name}"
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        for word in rest.split():
            option = word.split("=")[0].rstrip(".,;")
            assert not option.startswith("--") or option in known, f"{page}: {name} has no option {option}"


def test_each_option_in_the_running_text_exists() -> None:
    """An option that a page names on its own belongs to a command of ours; those of other programs are listed here."""
    cfn_lint = {"--append-rules"}
    checkov = {"--external-checks-dir", "--soft-fail-on", "--check", "--skip-check", "--framework", "--compact"}
    checkov |= {
        "--var-file",
        "--download-external-modules",
        "--repo-root-for-plan-enrichment",
        "--skip-path",
        "--config-file",
    }
    ours = {option for command in cli.commands.values() for parameter in command.params for option in parameter.opts}
    text = "".join(page.read_text("utf-8") for page in (README, *SITE_PAGES))
    named = set(re.findall(r"`(--[a-z][a-z-]+)", text))
    others = {"--include-property-values", "--target", "--repo-config"}  # of the AWS CLI, docker, Atlantis
    assert named - cfn_lint - checkov - others - {"--help"} <= ours


TERRAFORM, TEMPLATES = SITE / "inputs" / "terraform.md", SITE / "inputs" / "cloudformation.md"


def row(first: str, page: Path = TERRAFORM) -> tuple[str, ...]:
    """Return the cells behind ``first`` of a row of one of the tables of a page."""
    (line,) = re.findall(rf"^\| {re.escape(first)} \|.*\|$", page.read_text("utf-8"), re.MULTILINE)
    return tuple(cell.strip() for cell in line.strip("|").split("|")[1:])


def named(cell: str) -> set[str]:
    """Return the texts between backticks."""
    return set(re.findall(r"`([^`]+)`", cell))


def judged(folder: Path, resource: str, more: str = "") -> list[tuple[str, str]]:
    """Return check and message of each finding about passing the role that an expression evaluates to."""
    policy = f'Statement = [{{ Effect = "Allow", Action = "iam:PassRole", Resource = {resource} }}]'
    (folder / "main.tf").write_text(
        f'resource "aws_iam_policy" "p" {{\n  policy = jsonencode({{ {policy} }})\n}}\n{more}'
    )
    return [(finding.check_id, finding.message) for finding in scan_paths([folder], ScanOptions()).findings]


def test_the_functions_that_are_not_evaluated_are_those_of_the_pages(tmp_path: Path) -> None:
    """The page lists exactly the functions that are always unresolved; findings name each."""
    evaluated, holes = row("functions")
    assert named(holes) == set(NOT_EVALUATED) < BUILTIN_NAMES
    assert named(evaluated) == {f"provider::aws::{name}" for name in AWS}
    for name in NOT_EVALUATED:
        said = dict(judged(tmp_path, f'{name}("x")'))
        assert name == "uuid" or f'{name}("x")' in said["PASSROLE_014"]  # a UUID holds neither "*" nor "/"


DATA_SOURCES = {  # what a role may be named after, of the data sources whose form is known
    "aws_caller_identity": "account_id",
    "aws_partition": "partition",
    "aws_region": "region",
    "aws_service_principal": "suffix",
    "aws_iam_role": "name",
    "aws_iam_user": "user_name",
    "aws_iam_group": "group_name",
    "aws_iam_instance_profile": "role_name",
    "aws_iam_policy": "policy_id",
    "aws_iam_session_context": "issuer_name",
    "aws_iam_roles": "names",
    "aws_iam_users": "names",
}


def test_the_data_sources_are_those_of_the_pages(tmp_path: Path) -> None:
    """Of the data sources on the page's left the form of what they say is known, of those on its right nothing."""
    evaluated, later = row("data sources")
    known = {name for name in named(evaluated) if name.startswith("aws_")} - {"aws_iam_policy_document"}
    assert known == set(DATA_SOURCES)
    for type_, attribute in DATA_SOURCES.items():
        value = f"data.{type_}.x.{attribute}"
        pattern = (
            f'[for one in {value} : "arn:aws:iam::111122223333:role/${{one}}"]'
            if attribute == "names"
            else (f'"arn:aws:iam::111122223333:role/${{{value}}}"')
        )
        said = dict(judged(tmp_path, pattern, f'data "{type_}" "x" {{}}\n'))
        expected = "PASSROLE_001" if type_ == "aws_iam_roles" else "PASSROLE_002"  # the names of all roles
        assert expected in said and "PASSROLE_014" not in said, type_
    for type_ in named(later):
        said = dict(judged(tmp_path, f"data.{type_}.x.value", f'data "{type_}" "x" {{}}\n'))
        assert f"data.{type_}.x.value" in said["PASSROLE_014"], type_


def test_the_resources_are_those_of_the_pages() -> None:
    """The page names every type of resource that holds, attaches or limits policies, and no other."""

    def types(first: str) -> set[str]:
        return {name for name in named(row(first)[0]) if name.startswith(("aws_", "awscc_"))}

    assert types("policies") == {*terraform_tables.IDENTITY_POLICIES, *terraform_tables.NESTED_POLICIES}
    attachments = {*terraform_tables.ATTACHMENTS, *terraform_tables.NAMED_ATTACHMENTS}
    assert types("attachments") == attachments - types("policies")
    own = {name for name in terraform_tables.BOUNDED if not name.endswith(("_role", "_user", "_permission_set"))}
    assert types("limits") == {*terraform_tables.ORGANIZATION_POLICIES, *own}
    assert types("limits that do not count") == {*EXCLUSIVE, OF_POLICY, "aws_iam_role"}
    assert all(terraform_tables.not_read_reason(name, None) for name in types("not read, and said so"))


def test_the_limits_are_those_of_the_pages() -> None:
    """The page of Terraform has the limits of instances and elements."""
    text = TERRAFORM.read_text("utf-8")
    assert f"more than {MAX_INSTANCES} instances" in text
    assert f"more than {MAX_ITEMS:,}\nelements" in text


def test_unresolved_terraform_expressions_are_those_of_the_pages(tmp_path: Path) -> None:
    """Expressions that the page calls unresolved are named in findings."""
    for expression in (
        "terraform.workspace",
        "self.arn",
        "ephemeral.aws_secretsmanager_secret_version.x.secret_string",
    ):
        assert expression.split(".")[0] in row("expressions")[1]
        said = judged(tmp_path, expression if expression.startswith(("self", "eph")) else f'"*${{{expression}}}"')
        assert any(expression in message for _, message in said), expression


ROLE = "arn:aws:iam::111122223333:role/app"
FUNCTIONS = {  # what is evaluated, each giving a role, a list with a role, or a part of its name
    "Ref": "!Sub ['${Given}', {Given: !Ref Role}]",
    "Fn::GetAtt": "!GetAtt App.Arn",
    "Fn::Sub": "!Sub 'arn:${AWS::Partition}:iam::111122223333:role/app'",
    "Fn::Join": "!Join ['/', ['arn:aws:iam::111122223333:role', app]]",
    "Fn::Split": f"!Split ['|', '{ROLE}|{ROLE}-2']",
    "Fn::Select": f"!Select [1, ['*', '{ROLE}']]",
    "Fn::FindInMap": "!FindInMap [Roles, app, Arn]",
    "Fn::If": f"!If [Never, '*', '{ROLE}']",
    "Fn::Length": "!Sub ['arn:aws:iam::111122223333:role/app-${N}', {N: !Length [1, 2]}]",
    "Fn::ToJsonString": f"{{'Fn::ToJsonString': ['{ROLE}']}}",
    "Fn::Base64": "!Sub ['arn:aws:iam::111122223333:role/${N}', {N: !Base64 app}]",
}
HOLES = {  # what is not
    "Fn::ImportValue": "!ImportValue role",
    "Fn::GetStackOutput": "{'Fn::GetStackOutput': {StackName: roles, OutputName: Role}}",
    "Fn::GetAZs": "!Select [0, !GetAZs us-east-1]",
    "Fn::Cidr": "!Select [0, !Cidr [10.0.0.0/16, 1, 8]]",
    "{{resolve:ssm:…}}": "'{{resolve:ssm:/role}}'",
}
TEMPLATE = f"""\
Transform: AWS::LanguageExtensions
Parameters: {{Role: {{Type: String, Default: '{ROLE}'}}}}
Conditions: {{Never: !Equals [a, b]}}
Mappings: {{Roles: {{app: {{Arn: '{ROLE}'}}}}}}
Resources:
  App: {{Type: AWS::IAM::Role, Properties: {{RoleName: app, AssumeRolePolicyDocument: {{Statement: []}}}}}}
  P:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Statement:
          - Effect: Allow
            Action: iam:PassRole
            Resource: """


def said_of(folder: Path, resource: str) -> list[tuple[str, str]]:
    """Return check and message of each finding about passing the role that a template's expression evaluates to."""
    (folder / "template.yaml").write_text(f"{TEMPLATE}{resource}\n")
    result = scan_paths([folder], ScanOptions())
    assert not result.unreadable
    return [(finding.check_id, finding.message) for finding in result.findings]


def test_the_intrinsic_functions_are_those_of_the_pages(tmp_path: Path) -> None:
    """The page lists the functions that are evaluated, and those that are unresolved, which findings name."""
    evaluated, holes = row("intrinsic functions", TEMPLATES)
    assert named(evaluated) == set(FUNCTIONS)
    for name, expression in FUNCTIONS.items():
        ((check, message),) = said_of(tmp_path, expression)
        assert check == "PASSROLE_002" and re.match(r".*:role/[\w-]+ can |\$\{App\.Arn\} ", message), name
    assert named(holes) == set(HOLES)
    for name, expression in HOLES.items():
        said = dict(said_of(tmp_path, expression))
        assert name.rstrip("…}") in said["PASSROLE_014"], name


def test_the_resources_of_templates_are_those_of_the_pages() -> None:
    """The page names every type of resource of a template that holds policies, and no other."""
    assert named(row("policies", TEMPLATES)[0]) == set(CLOUDFORMATION_TYPES)
    limits = {name for name in named(row("limits", TEMPLATES)[0]) if name.startswith("AWS::")}
    assert limits == set(CLOUDFORMATION.organization)


def test_the_configuration_that_is_shown_is_accepted(tmp_path: Path) -> None:
    """Each table for pyproject.toml on the pages can be used as it stands."""
    sample = ROOT / "sample_templates" / "001-any-role" / "cloudformation" / "clean.yaml"
    for _, shown in all_blocks("toml"):
        (tmp_path / "pyproject.toml").write_text(shown, "utf-8")
        done = run_command("scan", str(sample), cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_links_lead_somewhere() -> None:
    """Every relative link of the pages leads to a file."""
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{name_of(page)}: {target}"


def test_every_command_has_help() -> None:
    """Every command and every option says in words what it is for."""
    for command in cli.commands.values():
        assert command.help
        assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))


def _replaced(pattern: re.Pattern[str], table: str, text: str) -> str:
    return pattern.sub(lambda _: table, text)


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the pages with their tables and examples as they are now."""
    yield from check_pages.pages()
    yield API_PAGE, api_page()
    for page in (README, *SITE_PAGES):
        if page.stem.startswith("PASSROLE_") or page == API_PAGE:
            continue
        text = page.read_text("utf-8")
        folder = "docs/checks/" if page == README else ""
        text = _replaced(_TABLE, check_pages.checks_table(folder), text)
        text = _replaced(_BY_ROLES, check_pages.roles_table(), text)
        text = _replaced(_BY_HOLDER, check_pages.holders_table(), text)
        text = _replaced(_KEYS, keys_table(), text)
        for body in blocks(page, "console"):
            first = body.partition("\n")[0]
            text = text.replace(f"```console\n{body}```", f"```console\n{first}\n{rerun(first[2:])}```")
        yield page, text
