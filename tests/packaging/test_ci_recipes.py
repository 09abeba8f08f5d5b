"""The recipes in docs/ci: their files fit the services, and their commands, run by bash, find what is flagged only.

A page without an entry in ``RECIPES`` fails; so does a code block that no test reads.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ci_recipes import DOCS, Done, Workbench, files_of
from command_runs import run_command
from git_repositories import Repository
from report_schemas import conforming_run, junit_cases

from passrole_checks.sources.terraform.reading.reader_tree_sitter import read
from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import Body, Fragment, TemplateExpression, Tuple

Tool = Callable[[str], str]
OTHER_PAGES = {"index", "github", "gitlab", "gitea", "pre-commit"}
"""Pages whose examples other modules test."""


@dataclass(frozen=True)
class Reports:
    """Files that a pipeline passes to its service, below the workbench."""

    junit: str = ""
    sarif: str = ""


NO_REPORTS = Reports()


def loaded(page: str, name: str) -> Any:
    """Return the content of a YAML file of a recipe."""
    return yaml.safe_load(files_of(f"ci/{page}")[name].text)


# -- the services: each runs the commands of its file, and returns what it would publish


def run_build(bench: Workbench, specification: Mapping[str, Any], variables: Mapping[str, str]) -> tuple[Done, Reports]:
    """Run a build specification, whose commands share one shell, and read its reports."""
    done = bench.run("\n".join(specification["phases"]["build"]["commands"]), variables)
    for report in specification.get("reports", {}).values():
        assert report["file-format"] == "JUNITXML"
        (name,) = report["files"]
        return done, Reports(junit=f"clone/{report['base-directory']}/{name}")
    return done, NO_REPORTS


def codebuild(bench: Workbench) -> tuple[Done, Reports]:
    bench.check_out(pull_request=False)
    return run_build(bench, loaded("codebuild", "passrole.yml"), {})


def codebuild_review(bench: Workbench) -> tuple[Done, Reports]:
    bench.check_out(pull_request=True)
    variables = {"CODEBUILD_WEBHOOK_BASE_REF": "refs/heads/main"}
    return run_build(bench, loaded("codebuild", "passrole-review.yml"), variables)


class _Template(yaml.SafeLoader):
    """Loads CloudFormation: a short form of an intrinsic function is its argument."""


_Template.add_multi_constructor("!", lambda loader, suffix, node: loader.construct_scalar(node))


def pipeline_resources() -> Any:
    """Return the resources of the template of CodePipeline."""
    return yaml.load(files_of("ci/codepipeline")["pipeline.yaml"].text, _Template)["Resources"]


def codepipeline(bench: Workbench) -> tuple[Done, Reports]:
    bench.check_out(pull_request=False)
    specification = pipeline_resources()["PassRoleChecks"]["Properties"]["Source"]["BuildSpec"]
    return run_build(bench, yaml.safe_load(specification), {})


def jenkins_step() -> tuple[str, Reports]:
    """Return the shell step of the Jenkinsfile, and the reports that it records."""
    text = files_of("ci/jenkins")["Jenkinsfile"].text
    (script,) = re.findall(r"\bsh '''\n(.*?)\n *'''", text, re.DOTALL)
    assert "\\" not in script, "Groovy would replace escapes"
    (sarif,) = re.findall(r"recordIssues\(\s*enabledForFailure: true,\s*tool: sarif\(.*pattern: '(.*?)'", text)
    (junit,) = re.findall(r"junit\(allowEmptyResults: true, testResults: '(.*?)'\)", text)
    return script, Reports(junit=f"clone/{junit}", sarif=f"clone/{sarif}")


def jenkins(bench: Workbench) -> tuple[Done, Reports]:
    bench.check_out(pull_request=False)
    script, reports = jenkins_step()
    return bench.run(script), reports


def jenkins_pull_request(bench: Workbench) -> tuple[Done, Reports]:
    bench.check_out(pull_request=True)
    script, reports = jenkins_step()
    return bench.run(script, {"CHANGE_TARGET": "main"}), Reports(sarif=reports.sarif)


def azure(bench: Workbench, variables: Mapping[str, str]) -> tuple[Done, Reports]:
    """Run the script of the pipeline, and read what its tasks publish from the agent's temporary folder."""
    steps = loaded("azure-devops", "azure-pipelines.yml")["steps"]
    temporary = bench.folder / "agent"
    temporary.mkdir()
    (script,) = [step["bash"] for step in steps if "bash" in step]
    done = bench.run(script, {"AGENT_TEMPDIRECTORY": str(temporary), **variables})
    inputs = {step["task"].partition("@")[0]: step["inputs"] for step in steps if "task" in step}
    artifact, tests = inputs["PublishBuildArtifacts"], inputs["PublishTestResults"]
    assert artifact["ArtifactName"] == "CodeAnalysisLogs"
    folder = artifact["PathtoPublish"].replace("$(Agent.TempDirectory)", "agent")
    assert tests["searchFolder"] == artifact["PathtoPublish"]
    return done, Reports(junit=f"{folder}/{tests['testResultsFiles']}", sarif=f"{folder}/passrole.sarif")


def azure_devops(bench: Workbench) -> tuple[Done, Reports]:
    bench.check_out(pull_request=False)
    return azure(bench, {"BUILD_REASON": "IndividualCI"})


def azure_devops_pull_request(bench: Workbench) -> tuple[Done, Reports]:
    bench.check_out(pull_request=True)
    target = {"BUILD_REASON": "PullRequest", "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main"}
    done, reports = azure(bench, target)
    return done, Reports(sarif=reports.sarif)


def bitbucket_script(*keys: str) -> str:
    """Return the commands of the only step of a pipeline, which share one shell."""
    pipelines = loaded("bitbucket", "bitbucket-pipelines.yml")["pipelines"]
    for key in keys:
        pipelines = pipelines[key]
    (entry,) = pipelines
    return "\n".join(entry["step"]["script"])


def bitbucket(bench: Workbench) -> tuple[Done, Reports]:
    bench.check_out(pull_request=False)
    return bench.run(bitbucket_script("branches", "main")), Reports(junit="clone/test-results/passrole.xml")


def bitbucket_pull_request(bench: Workbench) -> tuple[Done, Reports]:
    bench.check_out(pull_request=True)
    variables = {"BITBUCKET_PR_DESTINATION_BRANCH": "main"}
    return bench.run(bitbucket_script("pull-requests", "**"), variables), NO_REPORTS


def atlantis_stage(bench: Workbench, stage: str) -> tuple[Done, Reports]:
    """Run a stage of the server's workflow on a plan of a pull request."""
    bench.check_out_project("plan")
    configuration = loaded("atlantis", "repos.yaml")
    (server,) = configuration["repos"]
    assert (server["allowed_overrides"], server["allow_custom_workflows"]) == ([], False)
    built_in = {
        "init": ":",
        "plan": ': > "$PLANFILE"',
        "show": 'terraform show -json "$PLANFILE" > "$SHOWFILE"',
        "apply": ': > "$FAKES/went-on"',
    }
    steps = configuration["workflows"][server["workflow"]][stage]["steps"]
    (bench.folder / "atlantis.tfplan").touch()
    variables = {name: str(bench.folder / f"atlantis.{name}") for name in ("PLANFILE", "SHOWFILE")}
    Path(variables["PLANFILE"]).touch()
    script = "\n".join(built_in[step] if isinstance(step, str) else f"({step['run']})" for step in steps)
    return bench.run(script, variables), NO_REPORTS


def atlantis_plan(bench: Workbench) -> tuple[Done, Reports]:
    return atlantis_stage(bench, "plan")


def atlantis_apply(bench: Workbench) -> tuple[Done, Reports]:
    done, reports = atlantis_stage(bench, "apply")
    assert bench.went_on is not bench.flagged
    return done, reports


def attribute_texts(body: Body, name: str) -> list[str]:
    """Return the strings of an attribute of a Terraform block that is a list of literals."""
    attribute = body.get(name)
    assert attribute is not None and isinstance(attribute.value, Tuple)
    texts = []
    for item in attribute.value.items:
        assert isinstance(item, TemplateExpression)
        (part,) = item.parts
        assert isinstance(part, Fragment)
        texts.append(part.value)
    return texts


def spacelift(bench: Workbench) -> tuple[Done, Reports]:
    """Run the hooks like Spacelift, which joins those of a phase with && and wraps each in curly brackets."""
    parsed = read(SourceText("passrole.tf", files_of("ci/spacelift")["passrole.tf"].text.encode()))
    assert not parsed.problems
    blocks = {block.labels[0]: block.body for block in parsed.body.blocks}
    context, stack = blocks["spacelift_context"], blocks["spacelift_stack"]
    (label,) = attribute_texts(context, "labels")
    assert label.removeprefix("autoattach:") in attribute_texts(stack, "labels")
    assert "feature:ignore_runtime_config" in attribute_texts(stack, "labels")
    bench.check_out_project("plan")
    (bench.clone / "spacelift.plan").touch()
    hooks = attribute_texts(context, "after_plan")
    script = " && ".join(f"{{ {hook}; }}" for hook in [*hooks, "test -f spacelift.plan"])  # the shell goes on there
    return bench.run(script), NO_REPORTS


def terragrunt(bench: Workbench) -> tuple[Done, Reports]:
    bench.check_out_project("plan")
    done = bench.run(files_of("ci/terragrunt")["passrole-terragrunt.sh"].text)
    assert ("\nlive/deployer/tfplan.json:" in f"\n{done.output}") is bench.flagged
    return done, NO_REPORTS


def hcp_terraform(bench: Workbench) -> tuple[Done, Reports]:
    bench.check_out_project("plan")
    return bench.run(files_of("ci/hcp-terraform")["passrole-plan.sh"].text), NO_REPORTS


def cdk(bench: Workbench) -> tuple[Done, Reports]:
    bench.check_out_project("assembly")
    done = bench.run(files_of("ci/cdk")["deploy.sh"].text)
    assert bench.went_on is not bench.flagged
    assert ("Pipeline/Jobs/StartPolicy" in done.output) is bench.flagged
    return done, NO_REPORTS


Service = Callable[[Workbench], tuple[Done, Reports]]
RECIPES: dict[str, tuple[tuple[str, ...], tuple[Service, ...]]] = {
    "atlantis": (("repos.yaml", "install.sh"), (atlantis_plan, atlantis_apply)),
    "azure-devops": (("azure-pipelines.yml",), (azure_devops, azure_devops_pull_request)),
    "bitbucket": (("bitbucket-pipelines.yml",), (bitbucket, bitbucket_pull_request)),
    "cdk": (("deploy.sh",), (cdk,)),
    "codebuild": (("passrole.yml", "passrole-review.yml"), (codebuild, codebuild_review)),
    "codepipeline": (("pipeline.yaml",), (codepipeline,)),
    "hcp-terraform": (("passrole-plan.sh",), (hcp_terraform,)),
    "jenkins": (("Jenkinsfile",), (jenkins, jenkins_pull_request)),
    "spacelift": (("passrole.tf",), (spacelift,)),
    "terragrunt": (("passrole-terragrunt.sh",), (terragrunt,)),
}
"""The files of each page, and the services that run them."""
SERVICES = [service for _, services in RECIPES.values() for service in services]


@pytest.mark.parametrize("flagged", [False, True], ids=["clean", "flagged"])
@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.__name__)
def test_commands_fail_on_flagged_code_only(
    repository: Repository, tmp_path: Path, service: Service, flagged: bool
) -> None:
    """The exit status and the reports have the findings, whatever the configuration, modules and links of a pull
    request."""
    bench = Workbench(tmp_path / "bench", repository, flagged)
    done, reports = service(bench)
    assert done.status == int(flagged), done.output
    assert ("PASSROLE_001 any-role" in done.output) is flagged, done.output
    assert bench.installed or (bench.fakes / "passrole-checks").exists()
    bench.assert_untouched()
    if reports.junit:
        cases = junit_cases((bench.folder / reports.junit).read_text("utf-8"))
        failed = {name for (_, name), child in cases.items() if child is not None and child.tag != "skipped"}
        assert cases and failed == ({"PASSROLE_001 any-role"} if flagged else set())
    if reports.sarif:
        run = conforming_run(json.loads((bench.folder / reports.sarif).read_text("utf-8")))
        assert ("PASSROLE_001" in {result["ruleId"] for result in run["results"]}) is flagged


def test_a_scan_in_the_folder_of_a_pull_request_would_pass(repository: Repository, tmp_path: Path) -> None:
    """The configuration of the workbench's pull request hides its findings from a scan in its folder."""
    bench = Workbench(tmp_path / "bench", repository, flagged=True)
    bench.check_out(pull_request=True)
    bench.add_installed_program()
    assert bench.run("passrole-checks scan .").status == 0


# -- the pages


def test_each_page_is_tested() -> None:
    """Each page has an entry here or a module of its own, and each of its files is read."""
    pages = {path.stem for path in (DOCS / "ci").glob("*.md")}
    assert pages - OTHER_PAGES == set(RECIPES)
    for page, (names, _) in RECIPES.items():
        assert set(files_of(f"ci/{page}")) == set(names)


def test_the_overview_links_each_page() -> None:
    """The table of recipes has every page, and those of other modules."""
    linked = set(re.findall(r"^\| \[[^]]*\]\(([\w-]+)\.md\)", (DOCS / "ci/index.md").read_text("utf-8"), re.MULTILINE))
    assert linked == {*RECIPES, *OTHER_PAGES} - {"index"}


@pytest.mark.parametrize("page", RECIPES)
def test_a_page_has_the_parts_of_a_recipe(page: str) -> None:
    """A page says what the user sees, has three notes at most, and ends with links to the vendor's pages."""
    text = (DOCS / f"ci/{page}.md").read_text("utf-8")
    _, _, rest = text.partition("\n**You see** ")
    _, _, notes = rest.partition("\n**Notes**\n\n")
    listed, _, vendor = notes.rstrip().rpartition("\n\n")
    assert 1 <= len(re.findall(r"^- ", listed, re.MULTILINE)) <= 3
    assert re.fullmatch(r"[\w ]+:\s(?:\[[^]]+\]\(https://[^)]+\)[,.\s]*)+", vendor)


def test_the_image_of_atlantis_gets_the_program(repository: Repository, tmp_path: Path) -> None:
    """The commands for the image install the program and add it to PATH."""
    bench = Workbench(tmp_path / "bench", repository, flagged=False)
    bench.clone.mkdir()
    done = bench.run(files_of("ci/atlantis")["install.sh"].text + "/usr/local/bin/passrole-checks --version\n")
    assert done.status == 0 and done.output.startswith("passrole-checks"), done.output
    assert bench.installed


# -- the forms of the files


@pytest.mark.parametrize(
    ("page", "name", "schema", "key"),
    [
        ("azure-devops", "azure-pipelines.yml", "vendor.azure-pipelines", "steps:"),
        ("bitbucket", "bitbucket-pipelines.yml", "vendor.bitbucket-pipelines", "step:"),
    ],
)
def test_file_fits_the_schema_of_its_service(
    tool: Tool, tmp_path: Path, page: str, name: str, schema: str, key: str
) -> None:
    """The file fits, and no longer does with another name for a key."""
    text = files_of(f"ci/{page}")[name].text
    for content, status in ((text, 0), (text.replace(key, "other:"), 1)):
        path = tmp_path / name
        path.write_text(content, "utf-8")
        command = [tool("check-jsonschema"), "--regex-variant=nonunicode", "--builtin-schema", schema, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == status and "validation" in done.stdout, done.stdout + done.stderr


PHASES = {"install", "pre_build", "build", "post_build"}


@pytest.mark.parametrize("name", ["passrole.yml", "passrole-review.yml"])
def test_build_specification_has_the_documented_keys(name: str) -> None:
    """Source: AWS CodeBuild User Guide, "Build specification reference"."""
    specification = loaded("codebuild", name)
    assert set(specification) <= {"version", "env", "phases", "reports"}
    assert specification["version"] == 0.2
    assert set(specification["env"]) <= {"shell", "variables", "git-credential-helper"}
    assert all(isinstance(value, str) for value in specification["env"]["variables"].values())
    for phase, content in specification["phases"].items():
        assert phase in PHASES and set(content) <= {"runtime-versions", "commands"}
    for report in specification.get("reports", {}).values():
        assert set(report) == {"base-directory", "files", "file-format"}


def test_pipeline_template_is_valid_and_clean(tmp_path: Path) -> None:
    """cfn-lint and this program find nothing in it, and the stage with the build is between source and deployment."""
    pytest.importorskip("cfnlint")
    path = tmp_path / "pipeline.yaml"
    path.write_text(files_of("ci/codepipeline")["pipeline.yaml"].text, "utf-8")
    command = [str(Path(sys.executable).with_name("cfn-lint")), "-t", str(path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert run_command("scan", str(path)).returncode == 0
    stages = pipeline_resources()["Pipeline"]["Properties"]["Stages"]
    providers = [action["ActionTypeId"]["Provider"] for stage in stages for action in stage["Actions"]]
    assert providers == ["CodeStarSourceConnection", "CodeBuild", "CloudFormation"]


def test_the_build_of_the_pipeline_is_that_of_codebuild() -> None:
    """Both pages have the same build specification."""
    text = pipeline_resources()["PassRoleChecks"]["Properties"]["Source"]["BuildSpec"]
    assert yaml.safe_load(text) == loaded("codebuild", "passrole.yml")


def test_jenkinsfile_is_balanced() -> None:
    """Brackets outside of the shell step are closed in order, and every section is one of declarative pipelines."""
    text = re.sub(r"(?s:'''.*?''')|'[^'\n]*'|//.*", "", files_of("ci/jenkins")["Jenkinsfile"].text)
    open_brackets: list[str] = []
    for bracket in re.findall(r"[][(){}]", text):
        if bracket in "([{":
            open_brackets.append(bracket)
        else:
            assert open_brackets.pop() + bracket in ("()", "[]", "{}")
    assert not open_brackets
    sections = re.findall(r"(\w+)(?:\(\))? \{", text)
    assert set(sections) == {"pipeline", "stages", "stage", "steps", "post", "always"}
