"""``--exclude`` and the configuration key ``exclude``, in every command that reads infrastructure code."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from passrole_checks import cli
from passrole_checks.scan.cache.keys import program
from passrole_checks.scan.cache.store import ResultStore

JINJA = '{% if wanted %}\nresource "aws_iam_role" "r" {\n'
PASS = """\
resource "aws_iam_role_policy" "NAME" {
  role   = "deployer"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = ROLES }]
  })
}
"""
FUNCTION = """\
resource "aws_lambda_function" "NAME" {
  function_name = "NAME"
  role          = "arn:aws:iam::111122223333:role/NAME"
}
"""

Run = Callable[..., tuple[int, dict[str, Any], str]]


def passing(name: str, roles: str = '"*"') -> str:
    return PASS.replace("NAME", name).replace("ROLES", roles)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a repository with a Jinja template beside a root module, an invalid fixture, and a vendored folder."""
    monkeypatch.chdir(tmp_path)
    Path(".git").mkdir()
    put("app/main.tf", passing("own") + FUNCTION.replace("NAME", "own"))
    put("app/jinja.tf", JINJA)
    put("tests/invalid/template.yaml", "Resources:\n  R: {Type: AWS::IAM::Role, Properties: [\n")
    put("vendor/module/main.tf", passing("vendored") + FUNCTION.replace("NAME", "vendored"))
    return tmp_path


EXCLUDED = ["app/jinja.tf", "tests/invalid/", "vendor/"]
OPTIONS = ["--exclude", "jinja.tf", "--exclude", "/tests/invalid", "--exclude", "vendor/"]
TABLE = '[tool.passrole_checks]\nexclude = ["jinja.tf", "/tests/invalid", "vendor/"]\n'


def put(name: str, content: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(content, "utf-8")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command with JSON output; return the exit status, the document, and standard error."""

    def ran(*arguments: str) -> tuple[int, dict[str, Any], str]:
        status = cli.main([*arguments, "--format", "json"])
        out, err = capsys.readouterr()
        return status, json.loads(out) if out else {}, err

    return ran


def reported_files(command: str, document: dict[str, Any]) -> set[str]:
    """Return the files that a command reports on."""
    names = {"scan": "findings", "grants": "grants", "required": "required", "suggest": "suggestions"}
    return {entry["file"] for entry in document[names[command]]}


@pytest.mark.parametrize("configured", [False, True], ids=["option", "configuration"])
@pytest.mark.parametrize(("command", "status"), [("scan", 1), ("grants", 0), ("required", 0), ("suggest", 1)])
def test_excluded_paths_are_skipped_and_named(run: Run, command: str, status: int, configured: bool) -> None:
    assert run(command, ".")[0] == 2
    if configured:
        put("pyproject.toml", TABLE)
    result = run(command, ".", *([] if configured else OPTIONS))
    assert (result[0], result[1]["excluded"], result[1]["unreadable"], result[2]) == (status, EXCLUDED, [], "")
    assert reported_files(command, result[1]) == {"app/main.tf"}


def test_options_add_to_the_configuration(run: Run) -> None:
    """Patterns of the command line come after those of the configuration, and so take precedence."""
    put("pyproject.toml", TABLE)
    put("more/jinja.tf", JINJA)
    assert run("scan", ".", "--exclude", "more/")[1]["excluded"] == sorted([*EXCLUDED, "more/"])
    result = run("scan", ".", "--exclude", "!vendor/", "--exclude", "more/")[1]
    assert reported_files("scan", result) == {"app/main.tf", "vendor/module/main.tf"}


def test_fix_writes_no_excluded_file(capsys: pytest.CaptureFixture[str]) -> None:
    narrow = '"arn:aws:iam::111122223333:role/app"'
    function = 'resource "aws_lambda_function" "f" {\n  role = "arn:aws:iam::111122223333:role/app"\n}\n'
    for name in ("app/main.tf", "vendor/module/main.tf"):
        put(name, passing("p", narrow) + function)
    before = Path("vendor/module/main.tf").read_text("utf-8")
    assert cli.main(["fix", ".", "--grade", "narrowed", *OPTIONS]) == 0
    assert "2 folders and 1 file excluded" in capsys.readouterr().out
    assert "iam:PassedToService" in Path("app/main.tf").read_text("utf-8")
    assert Path("vendor/module/main.tf").read_text("utf-8") == before


def test_edits_are_verified_without_excluded_files(run: Run) -> None:
    """The trial copy is scanned with the same exclusions, such as ./app if the working directory is above."""
    put("app/main.tf", passing("p", '"arn:aws:iam::111122223333:role/app"'))
    with open("app/main.tf", "a", encoding="utf-8") as file:
        file.write('resource "aws_lambda_function" "f" {\n  role = "arn:aws:iam::111122223333:role/app"\n}\n')
    Path("app/.git").mkdir()
    _, document, _ = run("suggest", "app", "--exclude", "/app/jinja.tf")
    (suggestion,) = document["suggestions"]
    assert suggestion["edits"] and document["excluded"] == ["app/jinja.tf"]


def test_trail_compares_with_files_that_are_not_excluded(run: Run) -> None:
    Path("logs").mkdir()
    with gzip.open("logs/111122223333_CloudTrail_us-east-1_20260101T0000Z_a.json.gz", "wt") as file:
        file.write('{"Records": []}')
    pytest.importorskip("duckdb")
    assert run("trail", "logs", "--against", ".")[0] == 2
    status, document, _ = run("trail", "logs", "--against", ".", *OPTIONS)
    assert (status, document["excluded"], document["unreadable"]) == (0, EXCLUDED, [])
    assert {grant["file"] for grant in document["against"]["unused"]} == {"app/main.tf"}
    assert run("trail", "logs", *OPTIONS)[0] == 2


# -- what is scanned all the same


def test_excluded_module_is_evaluated_if_a_root_calls_it(run: Run) -> None:
    put("app/calls.tf", 'module "vendored" {\n  source = "../vendor/module"\n}\n')
    _, document, _ = run("grants", ".", *OPTIONS)
    assert [entry["resource"] for entry in document["grants"]] == [
        "aws_iam_role_policy.own",
        "module.vendored.aws_iam_role_policy.vendored",
    ]
    assert document["excluded"] == EXCLUDED


@pytest.mark.parametrize("pattern", ["vendor/", "vendor/**", "vendor/module/*.tf", "/vendor/module"])
def test_module_is_read_completely_despite_excluded_files(run: Run, pattern: str) -> None:
    put("app/calls.tf", 'module "vendored" {\n  source = "../vendor/module"\n}\n')
    _, document, _ = run("grants", "app", "--exclude", "jinja.tf", "--exclude", pattern)
    assert len(document["grants"]) == 2


def test_excluded_file_of_a_module_is_skipped(run: Run) -> None:
    """The other files of the module are evaluated."""
    put("app/calls.tf", 'module "m" {\n  source = "../modules/m"\n}\n')
    put("modules/m/main.tf", passing("inner"))
    put("modules/m/jinja.tf", JINJA)
    status, document, _ = run("grants", ".", *OPTIONS)
    assert (status, document["excluded"]) == (0, sorted([*EXCLUDED, "modules/m/jinja.tf"]))
    assert [entry["resource"] for entry in document["grants"]] == [
        "aws_iam_role_policy.own",
        "module.m.aws_iam_role_policy.inner",
    ]


@pytest.mark.parametrize("command", ["scan", "grants", "required", "suggest"])
def test_excluded_files_of_external_modules_are_named(run: Run, command: str) -> None:
    """Covers a module outside of the scanned folder, and one installed by `terraform init`."""
    put("app/calls.tf", CALLS)
    put("app/.terraform/modules/modules.json", INSTALLED)
    for folder in ("modules/m", "app/.terraform/modules/r"):
        put(f"{folder}/main.tf", passing("inner"))
        put(f"{folder}/jinja.tf", JINJA)
    everything = ["app/.terraform/modules/r/jinja.tf", "app/jinja.tf", "modules/m/jinja.tf"]
    assert run(command, "app", "--exclude", "jinja.tf")[1]["excluded"] == everything
    given = ["app/.terraform/modules/r/jinja.tf", "modules/m/jinja.tf"]
    Path("app/jinja.tf").unlink()
    status, document, _ = run(command, "app/main.tf", "--exclude", "jinja.tf")
    assert (status in (0, 1), document["excluded"]) == (True, given)


CALLS = """\
module "m" {
  source = "../modules/m"
}
module "r" {
  source  = "terraform-aws-modules/iam/aws"
  version = "1.0.0"
}
"""
INSTALLED = json.dumps(
    {
        "Modules": [
            {"Key": "", "Source": "", "Dir": "."},
            {
                "Key": "r",
                "Source": "registry.terraform.io/terraform-aws-modules/iam/aws",
                "Version": "1.0.0",
                "Dir": ".terraform/modules/r",
            },
        ]
    }
)


def test_a_module_that_only_an_excluded_file_calls_is_a_root(run: Run) -> None:
    put("app/jinja.tf", 'module "m" {\n  source = "../modules/m"\n}\n')
    put("modules/m/main.tf", passing("inner"))
    _, document, _ = run("grants", ".", *OPTIONS)
    assert [entry["resource"] for entry in document["grants"]] == [
        "aws_iam_role_policy.own",
        "aws_iam_role_policy.inner",
    ]


def test_an_excluded_nested_template_is_evaluated_in_its_stack(run: Run) -> None:
    put("stack/parent.yaml", CALLER)
    put("stack/nested/child.yaml", CHILD)
    _, document, _ = run("grants", "stack", "--exclude", "nested/")
    (grant,) = document["grants"]
    assert (grant["file"], grant["roles"][0]["pattern"]) == ("stack/nested/child.yaml", "arn:aws:iam::*:role/app")
    assert document["excluded"] == ["stack/nested/"]


CALLER = """\
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: nested/child.yaml, Parameters: {Role: "arn:aws:iam::*:role/app"}}
"""
CHILD = """\
Parameters:
  Role: {Type: String}
Resources:
  Pass:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: pass
      Roles: [deployer]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: "iam:PassRole", Resource: !Ref Role}]
"""


def test_excluded_value_files_are_read(run: Run) -> None:
    """Terraform reads them; without their values, different access would be reported."""
    put("app/main.tf", passing("own", "var.roles") + 'variable "roles" {}\n')
    put("app/terraform.tfvars", 'roles = "arn:aws:iam::111122223333:role/app"\n')
    _, document, _ = run("grants", "app", "--exclude", "jinja.tf", "--exclude", "*.tfvars")
    assert [role["pattern"] for role in document["grants"][0]["roles"]] == ["arn:aws:iam::111122223333:role/app"]


@pytest.mark.parametrize(
    ("roles", "beside"),
    [
        ("var.roles", 'variable "roles" {\n  default = "arn:aws:iam::111122223333:role/app"\n}\n'),
        ("local.roles", 'locals {\n  roles = "arn:aws:iam::111122223333:role/app"\n}\n'),
        ("data.aws_iam_role.app.arn", 'data "aws_iam_role" "app" {\n  name = "app"\n}\n'),
    ],
)
def test_a_reference_into_an_excluded_file_is_unresolved(run: Run, roles: str, beside: str) -> None:
    put("app/main.tf", passing("own", roles))
    put("app/jinja.tf", beside)
    before = run("scan", "app", "--check", "014")[1]["findings"]
    after = run("scan", "app", "--check", "014", "--exclude", "jinja.tf")[1]["findings"]
    assert ([one["check_id"] for one in before], [one["check_id"] for one in after]) == ([], ["PASSROLE_014"])


def test_a_plan_is_read_with_its_source_as_a_scan_reads_it(run: Run) -> None:
    plan = {"format_version": "1.2", "terraform_version": "1.9.0", "resource_changes": []}
    put("plan.json", json.dumps(plan))
    assert run("scan", "plan.json", "--source", "app")[1]["unreadable"]
    _, document, _ = run("scan", "plan.json", "--source", "app", "--exclude", "jinja.tf")
    assert (document["unreadable"], document["excluded"]) == ([], ["app/jinja.tf"])


# -- paths that are given


@pytest.mark.parametrize("path", ["vendor", "vendor/module", "vendor/module/main.tf"])
def test_given_path_can_be_excluded(run: Run, path: str) -> None:
    """Hooks pass files by name. If nothing else is left, that is an error, unless --allow-empty is set."""
    status, document, error = run("scan", path, *OPTIONS)
    assert (status, document["findings"], len(document["excluded"])) == (2, [], 1)
    assert error.startswith(f"{path}: ") and "excluded" in error
    assert run("scan", path, *OPTIONS, "--allow-empty")[0] == 0


def test_a_file_beside_an_excluded_one_is_reported(run: Run) -> None:
    status, document, _ = run("scan", "app/main.tf", "app/jinja.tf", "vendor/module/main.tf", *OPTIONS)
    assert (status, document["excluded"]) == (1, ["app/jinja.tf", "vendor/module/main.tf"])
    assert reported_files("scan", document) == {"app/main.tf"}


def test_git_ignore_rules_exclude_nothing(run: Run) -> None:
    put(".gitignore", "app/\n")
    assert reported_files("scan", run("scan", ".", *OPTIONS)[1]) == {"app/main.tf"}


@pytest.mark.parametrize("command", ["scan", "grants", "required", "suggest", "fix", "diff", "review"])
def test_a_pattern_that_cannot_be_used_ends_the_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    paths = ("app", "vendor") if command in ("diff", "review") else ("app",)
    assert cli.main([command, *paths, "--exclude", "./app"]) == 2
    assert "./app" in capsys.readouterr().err
    if command != "review":
        put("pyproject.toml", '[tool.passrole_checks]\nexclude = ["!"]\n')
        assert cli.main([command, *paths]) == 2
        assert capsys.readouterr().err.startswith("pyproject.toml: ")


# -- outputs


@pytest.mark.parametrize("command", ["scan", "grants", "required", "suggest", "fix"])
def test_the_summary_counts_what_is_excluded(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([command, "app/main.tf", "tests", *OPTIONS])
    assert "1 folder and 1 file excluded" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(("command", "format_"), [("scan", "markdown"), ("grants", "markdown"), ("grants", "html")])
def test_pages_count_what_is_excluded(command: str, format_: str, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([command, ".", *OPTIONS, "--format", format_])
    assert "2 folders and 1 file excluded" in capsys.readouterr().out


def test_sarif_names_what_is_excluded(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["scan", ".", *OPTIONS, "--format", "sarif"])
    (invocation,) = json.loads(capsys.readouterr().out)["runs"][0]["invocations"]
    named = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in invocation[NOTES]]
    assert (invocation["executionSuccessful"], sorted(name.rstrip("/") for name in named)) == (
        True,
        [name.rstrip("/") for name in EXCLUDED],
    )


NOTES = "toolExecutionNotifications"


def test_baseline_keeps_entries_of_excluded_files(run: Run) -> None:
    """An entry about an excluded file is neither unused nor removed."""
    put("app/jinja.tf", "")
    put("tests/invalid/template.yaml", "")
    cli.main(["scan", ".", "--quiet", "--write-baseline", "b.json"])
    everything = json.loads(Path("b.json").read_text("utf-8"))
    _, document, _ = run("scan", ".", *OPTIONS, "--baseline", "b.json")
    assert document["baseline"]["unused"] == []
    cli.main(["scan", ".", "--quiet", *OPTIONS, "--write-baseline", "b.json"])
    assert json.loads(Path("b.json").read_text("utf-8")) == everything


# -- the cache


def test_cache_distinguishes_exclusions(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each set of patterns has its own cache entry, also if an excluded file or folder is created later."""
    from passrole_checks.sources.files import path_states

    monkeypatch.setattr(path_states, "_FINE", 0)
    monkeypatch.setattr(path_states, "_COARSE", 0)
    cache = tmp_path / "kept"
    monkeypatch.setenv("PASSROLE_CHECKS_CACHE_DIR", str(cache))
    asked = ([], OPTIONS, OPTIONS[:2], [*OPTIONS, "--exclude", "main.tf", "--exclude", "!app/main.tf"])

    def answers(*more: str) -> list[tuple[int, dict[str, Any]]]:
        return [run("scan", "app", "vendor", *options, *more)[:2] for options in asked]

    put("app/calls.tf", CALLS)
    put("modules/m/main.tf", passing("inner"))
    put("modules/m/jinja.tf", JINJA)

    fresh = answers("--no-cache")
    assert answers() == fresh
    assert ResultStore(str(cache), program()).stats().entries
    assert answers() == fresh
    put("app/sub/jinja.tf", "")
    put("app/sub/vendor/x.tf", "")
    later = answers()
    assert later == answers("--no-cache")
    more = ["app/sub/jinja.tf", "app/sub/vendor/", "modules/m/jinja.tf"]
    assert later[1][1]["excluded"] == sorted(["app/jinja.tf", *more, "vendor/"])


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_worker_processes_apply_exclusions(run: Run, jobs: str) -> None:
    for number in range(4):
        put(f"more/{number}/main.tf", passing(f"p{number}"))
        put(f"more/{number}/jinja.tf", JINJA)
    status, document, _ = run("scan", ".", *OPTIONS, "--jobs", jobs)
    assert (status, document["unreadable"]) == (1, [])
    assert reported_files("scan", document) == {"app/main.tf", *(f"more/{number}/main.tf" for number in range(4))}


# -- two paths compared


def test_diff_applies_exclusions_in_both_folders(run: Run) -> None:
    """Patterns are relative to the compared folder."""
    for side, roles in (("old", '"arn:aws:iam::111122223333:role/app"'), ("new", '"*"')):
        put(f"{side}/app/main.tf", passing("own", roles))
        put(f"{side}/vendor/main.tf", passing("vendored", roles))
        put(f"{side}/app/jinja.tf", JINJA)
    status, document, _ = run("diff", "old", "new", "--exclude", "/vendor", "--exclude", "jinja.tf")
    assert (status, [entry["file"] for entry in document["widened"]]) == (1, ["new/app/main.tf"])
    assert document["excluded"] == ["new/app/jinja.tf", "new/vendor/", "old/app/jinja.tf", "old/vendor/"]
    (change,) = document["widened"]
    assert change["before"]["file"] == "old/app/main.tf"


def test_diff_of_files_excludes_them(run: Run) -> None:
    put("old.yaml", CHILD.replace("!Ref Role", '"arn:aws:iam::111122223333:role/app"'))
    put("new.yaml", CHILD.replace("!Ref Role", '"*"'))
    assert run("diff", "old.yaml", "new.yaml")[0] == 1
    status, document, _ = run("diff", "old.yaml", "new.yaml", "--exclude", "*.yaml")
    assert (status, document["excluded"]) == (2, ["new.yaml", "old.yaml"])
    assert run("diff", "old.yaml", "new.yaml", "--exclude", "*.yaml", "--allow-empty")[0] == 0


def test_a_cause_is_found_with_exclusions(run: Run) -> None:
    for side, roles in (("old", "arn:aws:iam::111122223333:role/app"), ("new", "*")):
        put(f"{side}/main.tf", passing("own", "var.roles"))
        put(f"{side}/variables.tf", f'variable "roles" {{\n  default = "{roles}"\n}}\n')
        put(f"{side}/jinja.tf", JINJA)
    _, document, _ = run("diff", "old", "new", "--exclude", "/jinja.tf")
    (change,) = document["widened"]
    assert (change["cause"]["file"], change["cause"]["line"]) == ("new/variables.tf", 2)
