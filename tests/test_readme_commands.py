"""Each command line that README and site give to be pasted does what it should, in a repository of somebody else.

Those marked ``ci:`` in the README are run by `.ci/run`, those of pipelines in `tests/packaging`. A block that cannot be
run anywhere (an address that stands for another) has the language ``text``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from documentation_pages import FENCE, README, ROOT, SITE_PAGES, all_blocks

SAMPLES = ROOT / "sample_templates"
_MARKED = re.compile(r"<!-- ci: \w+ -->\n```sh\n.*?^```$", re.MULTILINE | re.DOTALL)
# Not run here: AWS, a code assistant, the engine of containers (tests/packaging/test_dockerfile.py does what it would
# do), and pip, which would change the environment of the tests (.ci/run installs the wheel with its extras).
ELSEWHERE = ("docker ", ".venv/bin/pip ", "aws ", "claude ")


def lines() -> Iterator[str]:
    """Yield each command line once, without the comment behind it."""
    seen: dict[str, None] = {}
    for page in (README, *SITE_PAGES):
        if page.parent.name == "ci":
            continue  # tests/packaging
        for body in FENCE.findall(_MARKED.sub("", page.read_text("utf-8"))):
            if body[0] in ("sh", "fish"):
                seen.update((re.sub(r"  +#.*$", "", line), None) for line in body[1].splitlines())
    yield from seen


LINES = [line for line in lines() if not line.startswith(ELSEWHERE)]


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with Terraform and templates, two releases, a branch with a change, and another one staged."""
    folder = tmp_path_factory.mktemp("upstream")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=someone", "-c", "user.email=someone@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=folder, env=environment, check=True)

    def add(sample: str, name: str) -> None:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLES / sample, folder / name)
        git("add", "--all")

    git("init", "--quiet", "--initial-branch=main")
    add("001-any-role/terraform/clean/main.tf", "main.tf")
    add("suggestions/terraform/main.tf", "orders/main.tf")
    git("commit", "--quiet", "--message=one")
    git("tag", "v1.4")
    add("001-any-role/cloudformation/flagged.yaml", "templates/app/roles.yaml")
    git("commit", "--quiet", "--message=two")
    git("tag", "v1.5")
    git("checkout", "--quiet", "-b", "change")
    add("001-any-role/terraform/flagged/main.tf", "main.tf")
    git("commit", "--quiet", "--message=three")
    add("002-any-service/terraform/flagged/main.tf", "more/main.tf")
    return folder


@pytest.fixture
def repository(upstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a copy of it, with our program in the PATH."""
    program = tmp_path / "bin" / "passrole-checks"
    program.parent.mkdir()
    command = f"{shlex.quote(sys.executable)} -m passrole_checks"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {command} "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    hosts = os.path.dirname(sys.executable)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{hosts}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("GITHUB_", "GITLAB_", "CI_"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "repository"
    shutil.copytree(upstream, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return folder


def ran(line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, encoding="utf-8", check=False)


HOSTS = {"checkov": "PASSROLE_001", "cfn-lint": "E9501"}


@pytest.mark.parametrize("line", [line for line in LINES if line.split()[0] not in HOSTS])
@pytest.mark.usefixtures("repository")
def test_a_command_line_does_something(line: str) -> None:
    """It ends with one of the statuses that are no failure, complains of nothing, and prints or writes something."""
    if line.endswith("| source"):
        line = line.removesuffix(" | source")  # only fish knows it; what it is given is tested with completion
    if " trail " in line or "--evidence" in line:
        pytest.importorskip("duckdb")
        shutil.copytree(ROOT / "sample_templates/evidence/logs", "logs")
    if " account.json" in line:
        shutil.copy(SAMPLES / "account-details" / "account" / "deployed.json", "account.json")
    if "--baseline " in line:
        assert ran(next(one for one in LINES if "--write-baseline" in one)).returncode in (0, 1)
    if "--inventory" in line and "--update-inventory" not in line:
        assert ran(next(one for one in LINES if "--update-inventory" in one)).returncode == 0
    done = ran(line)
    has_summary = "--dry-run" in line or "--update-inventory" in line  # on standard error, beside the output
    assert ("" if has_summary else done.stderr, done.returncode in (0, 1)) == ("", True)
    written = re.findall(r"--(?:output|write-baseline) ([\w.-]+)", line)
    assert all(Path(name).stat().st_size for name in written if name != "-")
    assert done.stdout or written or line.endswith("git apply") or line.startswith("eval ")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.usefixtures("repository")
def test_the_line_for_a_host_runs_our_checks(host: str) -> None:
    """The command lines for checkov and cfn-lint find what this program finds."""
    if find_spec(host.replace("-", "")) is None:
        pytest.skip(f"{host} is not installed")
    (line,) = [one for one in LINES if one.split()[0] == host]
    assert HOSTS[host] in ran(line).stdout


def test_the_patch_changes_files(repository: Path) -> None:
    """git applies the suggested patch, and fewer findings remain."""
    (line,) = [one for one in LINES if one.endswith("git apply")]
    count = "passrole-checks scan orders --format json"
    before = json.loads(ran(count).stdout)["summary"]["findings"]
    done = ran(line)
    assert (done.stderr, done.returncode) == ("", 1)  # 1 of suggest, since there is something to change
    assert ran("git diff --quiet").returncode == 1
    assert json.loads(ran(count).stdout)["summary"]["findings"] < before


def test_the_comment_that_silences(repository: Path) -> None:
    """The comment that the page shows, in the block, suppresses the finding, and its reason is reported."""
    (comment,) = (body.strip() for page, body in all_blocks("hcl") if page.stem == "configuration")
    file = repository / "main.tf"
    text = file.read_text()
    file.write_text(re.sub(r'^(resource "aws_iam_.*\{)$', rf"\1\n  {comment}", text, flags=re.MULTILINE))
    found = json.loads(ran("passrole-checks scan main.tf --check 001 --format json").stdout)["findings"]
    assert found
    assert {one["suppressed"]["reason"] for one in found} == {"the break-glass role, reviewed every quarter"}


def test_the_configuration_of_cfn_lint(repository: Path) -> None:
    """With the shown .cfnlintrc the rules are there without an option."""
    if find_spec("cfnlint") is None:
        pytest.skip("cfn-lint is not installed")
    (rules,) = (body for page, body in all_blocks("yaml") if body.startswith("append_rules:"))
    (repository / ".cfnlintrc").write_text(rules)
    assert "E9501" in ran("cfn-lint -t templates/app/roles.yaml").stdout
