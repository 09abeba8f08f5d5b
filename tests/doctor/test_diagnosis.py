"""``passrole-checks doctor``: the installation and its problems.

Other installations are folders at the start of the search path, with the metadata that pip writes (PyPA, "Recording
installed projects").
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from passrole_checks import __version__
from passrole_checks.checks import ALL
from passrole_checks.cli import main
from passrole_checks.distribution import HOSTS, OPTIONAL, REQUIRED
from passrole_checks.doctor import diagnosis

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]


Said = dict[str, Any]


def diagnose(capsys: pytest.CaptureFixture[str]) -> Said:
    """Return the JSON of this process's diagnosis, and verify the exit status."""
    status = main(["doctor", "--format", "json"])
    found: Said = json.loads(capsys.readouterr().out)
    assert status == (1 if found["problems"] else 0)
    return found


def diagnose_in_subprocess(folder: Path, *path: Path) -> Said:
    """Return the diagnosis of a process in ``folder`` with ``path`` prepended to its search path."""
    search = os.pathsep.join(map(str, (*path, ROOT)))
    done = subprocess.run(
        [sys.executable, "-m", "passrole_checks", "doctor", "--format", "json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    found: Said = json.loads(done.stdout)
    assert done.returncode == (1 if found["problems"] else 0), done.stderr
    return found


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prepend a folder to the search path, with a working directory beside it; no host is asked."""
    monkeypatch.setattr(diagnosis, "HOSTS", {})
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def install(site: Path, name: str, version: str, **files: str) -> None:
    """Create a package on the search path, with the metadata that pip writes; ``__`` in file names is a slash."""
    records = []
    for file, text in files.items():
        path = (site / file.replace("__", "/", 1)).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        records.append(f"{path.relative_to(site).as_posix()},sha256={digest},{len(text)}\n")
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text("".join(records) + f"{info.name}/RECORD,,\n")
    importlib.invalidate_caches()


def about(found: Said, name: str, kind: str = "problems") -> list[dict[str, str]]:
    return [one for one in found[kind] if one["about"] == name]


def test_test_environment_has_no_problems(tmp_path: Path) -> None:
    """Both hosts load all checks that they support."""
    pytest.importorskip("checkov")
    found = diagnose_in_subprocess(tmp_path)
    assert found["problems"] == []
    assert found["passrole_checks"]["version"] == __version__
    assert found["terraform_reader"] == "tree-sitter-hcl"
    assert {one["name"]: (one["version"], one["checks"]) for one in found["hosts"]} == {
        "checkov": (version("checkov"), sum(check.severity.value != "info" for check in ALL)),
        "cfn-lint": (version("cfn-lint"), sum(not check.compares_versions for check in ALL)),
    }
    assert [(one["name"], one["intact"]) for one in found["hcl2"]] == [("bc-python-hcl2", True)]
    assert {one["name"] for one in found["packages"]} == {*REQUIRED, *OPTIONAL, *HOSTS}


def test_text_lists_packages_and_problems(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text has a line per package, each problem with its remedy, and the number of problems."""
    install(site, "click", "7.0")
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert re.search(rf"^passrole-checks +{re.escape(__version__)}  \S", text)
    assert re.search(r"^click +7\.0$", text, re.MULTILINE)
    assert text.endswith(
        "click: 7.0 is older than 8.1, the oldest supported version\n"
        f"  {sys.executable} -I -m pip install 'click>=8.1'\n\n1 problem\n"
    )


def test_minimum_versions_match_pyproject_toml() -> None:
    """The minimum versions are those of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]

    def asked(entries: list[str]) -> dict[str, str]:
        pairs = (re.match(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", entry) for entry in entries)
        return {match[1]: match[2] for match in pairs if match is not None}

    needed = asked(project["dependencies"])
    assert needed == {**REQUIRED, "tomli": "2.0"}
    optional = ("bot", "dask", "trail", "lsp", "mcp", "python-hcl2", "checkov", "cfn-lint")
    assert asked([entry for extra in optional for entry in extras[extra]]) == {**OPTIONAL, **HOSTS}


def test_conflicting_hcl2_packages_are_a_problem(tmp_path: Path) -> None:
    """python-hcl2 installed over checkov's parser: the diagnosis names the intact package, checkov's failure, and the
    remedy."""
    pytest.importorskip("checkov")
    site = tmp_path / "site"
    install(site, "bc-python-hcl2", "0.4.3", hcl2____init__="from .api import load\n", hcl2__api="load = 1\n")
    install(site, "python-hcl2", "8.1.4", hcl2____init__="def parses_to_tree(text): ...\n")
    found = diagnose_in_subprocess(tmp_path, site)
    assert found["hcl2"] == [
        {"name": "bc-python-hcl2", "version": "0.4.3", "intact": False},
        {"name": "python-hcl2", "version": "8.1.4", "intact": True},
    ]
    (fight,) = about(found, "module hcl2")
    assert "on disk: python-hcl2; checkov needs bc-python-hcl2" in fight["problem"]
    assert fight["remedy"].endswith("install --force-reinstall --no-deps bc-python-hcl2==0.4.3")
    (broken,) = about(found, "checkov")
    assert "ImportError" in broken["problem"]
    assert broken["remedy"] == "see module hcl2"


def test_conflicting_hcl2_packages_without_checkov(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without checkov, either of the two may be kept."""
    install(site, "bc-python-hcl2", "0.4.3", hcl2____init__="load = 1\n")
    install(site, "python-hcl2", "8.1.4", hcl2____init__="load = 1\n")
    troubles = list(
        diagnosis._hcl2_problems(
            [diagnosis.Hcl2Package(name, "1", True) for name in diagnosis._HCL2_DISTRIBUTIONS], checkov=False
        )
    )
    assert [one.remedy.partition(":")[0] for one in troubles] == ["keep one of them"]
    assert [one["name"] for one in diagnose(capsys)["hcl2"]] == ["bc-python-hcl2", "python-hcl2"]


def test_incomplete_hcl2_package_is_a_problem(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If the other package was uninstalled with shared files, the remaining one is reported as broken."""
    install(site, "bc-python-hcl2", "0.4.3", hcl2____init__="", hcl2__api="load = 1\n")
    (site / "hcl2" / "api.py").unlink()
    (one,) = about(diagnose(capsys), "module hcl2")
    assert one["problem"] == "files of bc-python-hcl2 are missing or from another package"
    assert one["remedy"].endswith("-m pip install --force-reinstall --no-deps bc-python-hcl2==0.4.3")


@pytest.mark.parametrize(
    ("start", "rules", "problem"),
    [
        ("raise ImportError('no such thing')\n", "", "ImportError: no such thing"),
        (
            "",
            "class Rules:\n    create_from_directory = staticmethod(lambda folder: [])\n",
            "exit status 0, no checks loaded",
        ),
        ("import os\nos._exit(9)\n", "", "exit status 9, no checks loaded"),
        ("import time\ntime.sleep(60)\n", "", "no answer within 1 seconds"),
    ],
    ids=["cannot be imported", "takes nothing", "ends", "hangs"],
)
def test_host_that_does_not_load_the_checks_is_a_problem(
    site: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    start: str,
    rules: str,
    problem: str,
) -> None:
    """A host of a supported version that does not load our checks is a problem, with its error."""
    install(site, "cfn-lint", "1.58.0", cfnlint____init__=start, cfnlint__rules=rules)
    monkeypatch.setattr(diagnosis, "HOSTS", {"cfn-lint": "1.58"})
    monkeypatch.setattr(diagnosis, "_TIMEOUT", 1 if "sleep" in start else 60)
    found = diagnose(capsys)
    (one,) = about(found, "cfn-lint")
    assert one["problem"].endswith(f"cfnlint_rules: {problem}")
    assert found["hosts"] == [{"name": "cfn-lint", "version": "1.58.0", "checks": None}]


def test_working_directory_is_not_imported(tmp_path: Path) -> None:
    """A folder in the working directory that is named like a host or a parser is not imported."""
    pytest.importorskip("checkov")
    for name in ("checkov", "cfnlint", "hcl2", "networkx"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write('{name}')\n")
    found = diagnose_in_subprocess(tmp_path, tmp_path)  # not even if it is in PYTHONPATH
    assert found["problems"] == []
    assert not (tmp_path / "ran").exists()


def test_host_of_another_environment_is_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host on the PATH from another environment is a remark: it does not load our checks."""
    program = tmp_path / "checkov"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (one,) = diagnosis._other_environments()
    assert one.problem == f"{program} belongs to a different environment than this Python ({sys.executable})"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("git version 2.25.1", "2.25.1 is older than 2.30, which diff and review need"),
        ("git version 2.47.3", None),
        ("git version 2.51.0.windows.1", None),
    ],
)
def test_old_git_is_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, problem: str | None) -> None:
    """A git without --end-of-options for rev-parse is a remark; scans work without git."""
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    git, remarks = diagnosis._examine_git()
    assert git == answer.split()[2]
    assert [one.problem for one in remarks] == ([] if problem is None else [problem])


def test_missing_git_is_a_remark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The remark says what does not work without git."""
    monkeypatch.setenv("PATH", str(tmp_path))
    git, (one,) = diagnosis._examine_git()
    assert git is None
    assert one.problem.startswith("not installed")


@pytest.mark.parametrize(
    ("text", "configured", "problem"),
    [
        ('[tool.passrole_checks]\nfail_on = "high"\naccount = "111122223333"\n', ["account", "fail_on"], None),
        ("[tool.passrole_checks]\nfail = 1\n", [], "[tool.passrole_checks] knows no option 'fail'"),
        ("[tool\n", [], "not valid TOML"),
    ],
)
@pytest.mark.usefixtures("site")
def test_configuration_is_validated(
    capsys: pytest.CaptureFixture[str], text: str, configured: list[str], problem: str | None
) -> None:
    """The configured keys are listed; an invalid one is a problem, and does not end the diagnosis."""
    Path("pyproject.toml").write_text(text)
    found = diagnose(capsys)
    assert found["configuration"] == configured
    problems = about(found, "pyproject.toml")
    assert [one["problem"].startswith(problem or "") for one in problems] == ([] if problem is None else [True])


def test_mismatched_metadata_is_a_problem(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files and metadata of different versions, as after an interrupted installation, are a problem."""
    install(site, "passrole-checks", "0.0.9")
    (one,) = about(diagnose(capsys), "passrole-checks")
    assert one["problem"] == f"the files have version {__version__}, the package metadata 0.0.9"


def test_missing_required_package_is_a_problem(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing required package is a problem, a missing optional one is not."""
    monkeypatch.setitem(REQUIRED, "no-such-package", "1.2")
    monkeypatch.setitem(OPTIONAL, "no-such-option", "1.2")
    found = diagnose(capsys)
    assert [(one["about"], one["problem"]) for one in found["problems"]] == [("no-such-package", "is not installed")]
    packages = {one["name"]: (one["version"], one["needed"]) for one in found["packages"]}
    assert (packages["no-such-package"], packages["no-such-option"]) == ((None, True), (None, False))


def test_missing_terraform_parser_is_a_problem(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With python-hcl2, tree-sitter is not required."""
    monkeypatch.setattr(diagnosis, "_terraform_reader", lambda: None)
    (one,) = about(diagnose(capsys), "Terraform")
    assert one["problem"].startswith("no working parser")
    packages = [diagnosis.Package(name, None, "1", True) for name in ("click", "tree-sitter", "tree-sitter-hcl")]
    assert [one.about for one in diagnosis._package_problems(packages, "python-hcl2")] == ["click"]
