"""``passrole-checks doctor``: what is installed, and what of it does not work.

Other installations are folders in front of the search path, with the metadata that pip writes (PyPA, "Recording
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
from passrole_checks.doctor import diagnosis
from passrole_checks.doctor.diagnosis import HOSTS, NEEDED, OPTIONAL

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]


Said = dict[str, Any]


def told(capsys: pytest.CaptureFixture[str]) -> Said:
    """What it says of this process's installation as JSON; the exit status goes with it."""
    status = main(["doctor", "--format", "json"])
    found: Said = json.loads(capsys.readouterr().out)
    assert status == (1 if found["problems"] else 0)
    return found


def told_by_a_process(folder: Path, *path: Path) -> Said:
    """What a process in ``folder`` says, before whose search path stands ``path``."""
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
    """A folder before all others in the search path, and a working directory beside it; no host is asked."""
    monkeypatch.setattr(diagnosis, "HOSTS", {})
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def installed(site: Path, name: str, version: str, **files: str) -> None:
    """A package in a folder of the search path, as pip leaves it there; in the names of files, ``__`` is a slash."""
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


def test_here_all_is_well(tmp_path: Path) -> None:
    """In the environment of the tests there is no problem, and both hosts load all checks that they can."""
    pytest.importorskip("checkov")
    found = told_by_a_process(tmp_path)
    assert found["problems"] == []
    assert found["passrole_checks"]["version"] == __version__
    assert found["terraform_reader"] == "tree-sitter-hcl"
    assert {one["name"]: (one["version"], one["checks"]) for one in found["hosts"]} == {
        "checkov": (version("checkov"), sum(check.severity.value != "info" for check in ALL)),
        "cfn-lint": (version("cfn-lint"), sum(not check.compares_versions for check in ALL)),
    }
    assert [(one["name"], one["intact"]) for one in found["hcl2"]] == [("bc-python-hcl2", True)]
    assert {one["name"] for one in found["packages"]} == {*NEEDED, *OPTIONAL, *HOSTS}


def test_text(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As text a package is a line, then each problem with what to do, then their number."""
    installed(site, "click", "7.0")
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert re.search(rf"^passrole-checks +{re.escape(__version__)}  \S", text)
    assert re.search(r"^click +7\.0$", text, re.MULTILINE)
    assert text.endswith(
        "click: 7.0 is older than 8.1, the oldest that is supported\n"
        f"  {sys.executable} -m pip install 'click>=8.1'\n\n1 problem\n"
    )


def test_what_is_asked_for_is_what_the_project_asks_for() -> None:
    """The oldest versions that it tells are those of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]

    def asked(entries: list[str]) -> dict[str, str]:
        pairs = (re.match(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", entry) for entry in entries)
        return {match[1]: match[2] for match in pairs if match is not None}

    needed = asked(project["dependencies"])
    assert needed == {**NEEDED, "tomli": "2.0"}
    optional = ("bot", "dask", "trail", "python-hcl2", "checkov", "cfn-lint")
    assert asked([entry for extra in optional for entry in extras[extra]]) == {
        **OPTIONAL,
        **HOSTS,
    }


def test_two_packages_that_fight_over_a_module(tmp_path: Path) -> None:
    """python-hcl2 over checkov's parser is told, with whose files are there, that checkov is broken, and the remedy."""
    pytest.importorskip("checkov")
    site = tmp_path / "site"
    installed(site, "bc-python-hcl2", "0.4.3", hcl2____init__="from .api import load\n", hcl2__api="load = 1\n")
    installed(site, "python-hcl2", "8.1.4", hcl2____init__="def parses_to_tree(text): ...\n")
    found = told_by_a_process(tmp_path, site)
    assert found["hcl2"] == [
        {"name": "bc-python-hcl2", "version": "0.4.3", "intact": False},
        {"name": "python-hcl2", "version": "8.1.4", "intact": True},
    ]
    (fight,) = about(found, "module hcl2")
    assert "there is python-hcl2; checkov needs that of bc-python-hcl2" in fight["problem"]
    assert fight["remedy"].endswith("install --force-reinstall --no-deps bc-python-hcl2==0.4.3")
    (broken,) = about(found, "checkov")
    assert "does not load the leaf" in broken["problem"] and "ImportError" in broken["problem"]
    assert broken["remedy"] == "see module hcl2"


def test_two_packages_without_checkov(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where checkov is not concerned, either of the two may be kept."""
    installed(site, "bc-python-hcl2", "0.4.3", hcl2____init__="load = 1\n")
    installed(site, "python-hcl2", "8.1.4", hcl2____init__="load = 1\n")
    troubles = list(
        diagnosis._about_hcl2([diagnosis.Hcl2Package(name, "1", True) for name in diagnosis._HCL2], checkov=False)
    )
    assert [one.remedy.partition(":")[0] for one in troubles] == ["keep one of them"]
    assert [one["name"] for one in told(capsys)["hcl2"]] == ["bc-python-hcl2", "python-hcl2"]


def test_what_is_left_of_a_module(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the other package was taken away again, with files of both, the one that is left is told to be broken."""
    installed(site, "bc-python-hcl2", "0.4.3", hcl2____init__="", hcl2__api="load = 1\n")
    (site / "hcl2" / "api.py").unlink()
    (one,) = about(told(capsys), "module hcl2")
    assert one["problem"] == "files of bc-python-hcl2 are missing or are those of another package"
    assert one["remedy"].endswith("-m pip install --force-reinstall --no-deps bc-python-hcl2==0.4.3")


@pytest.mark.parametrize(
    ("start", "rules", "said"),
    [
        ("raise ImportError('no such thing')\n", "", "ImportError: no such thing"),
        (
            "",
            "class Rules:\n    create_from_directory = staticmethod(lambda folder: [])\n",
            "exit status 0, and no check of ours",
        ),
        ("import os\nos._exit(9)\n", "", "exit status 9, and no check of ours"),
        ("import time\ntime.sleep(60)\n", "", "no answer within 1 seconds"),
    ],
    ids=["cannot be imported", "takes nothing", "ends", "hangs"],
)
def test_a_host_that_does_not_load_our_checks(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, start: str, rules: str, said: str
) -> None:
    """A host that is there in the right version and does not load our checks is a problem, with what it said."""
    installed(site, "cfn-lint", "1.58.0", cfnlint____init__=start, cfnlint__rules=rules)
    monkeypatch.setattr(diagnosis, "HOSTS", {"cfn-lint": "1.58"})
    monkeypatch.setattr(diagnosis, "_TIMEOUT", 1 if "sleep" in start else 60)
    found = told(capsys)
    (one,) = about(found, "cfn-lint")
    assert one["problem"].endswith(f"cfnlint_rules: {said}")
    assert found["hosts"] == [{"name": "cfn-lint", "version": "1.58.0", "checks": None}]


def test_nothing_of_the_working_directory_is_run(tmp_path: Path) -> None:
    """A folder of the working directory that is called like a host or a parser is not imported by the hosts."""
    pytest.importorskip("checkov")
    for name in ("checkov", "cfnlint", "hcl2", "networkx"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write('{name}')\n")
    found = told_by_a_process(tmp_path, tmp_path)  # not even where it stands in PYTHONPATH
    assert found["problems"] == []
    assert not (tmp_path / "ran").exists()


def test_programs_of_other_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host's program in the PATH that belongs to another environment is remarked: our checks are not there."""
    program = tmp_path / "checkov"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (one,) = diagnosis._about_programs([])
    assert one.what == f"{program} is of another environment than this Python ({sys.executable})"
    assert one.remedy == "install passrole-checks there, or its checks do not run in that checkov"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("git version 2.25.1", "2.25.1 is older than 2.30, which diff and review need"),
        ("git version 2.47.3", None),
        ("git version 2.51.0.windows.1", None),
    ],
)
def test_git_that_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, said: str | None) -> None:
    """A git that does not know --end-of-options for rev-parse is remarked; scans do without git."""
    program = tmp_path / "git"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    git, remarks = diagnosis._git()
    assert git == answer.split()[2]
    assert [one.what for one in remarks] == ([] if said is None else [said])


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without git it is remarked what does not work without it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    git, (one,) = diagnosis._git()
    assert git is None
    assert (
        one.what
        == "not installed, and commits are compared with it; diff and review compare versions of a repository with it"
    )


@pytest.mark.parametrize(
    ("text", "configured", "said"),
    [
        ('[tool.passrole_checks]\nfail_on = "high"\naccount = "111122223333"\n', ["account", "fail_on"], None),
        ("[tool.passrole_checks]\nfail = 1\n", [], "[tool.passrole_checks] knows no option 'fail'"),
        ("[tool\n", [], "not valid TOML"),
    ],
)
@pytest.mark.usefixtures("site")
def test_the_configuration_is_looked_at(
    capsys: pytest.CaptureFixture[str], text: str, configured: list[str], said: str | None
) -> None:
    """The keys of the configuration are told, and one that cannot be used is a problem and no end of the diagnosis."""
    Path("pyproject.toml").write_text(text)
    found = told(capsys)
    assert found["configuration"] == configured
    problems = about(found, "pyproject.toml")
    assert [one["problem"].startswith(said or "") for one in problems] == ([] if said is None else [True])


def test_metadata_of_another_version(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files and metadata of different versions, as an interrupted installation leaves them, are a problem."""
    installed(site, "passrole-checks", "0.0.9")
    (one,) = about(told(capsys), "passrole-checks")
    assert one["problem"] == f"the files are of version {__version__}, the metadata of 0.0.9"


def test_a_package_that_is_missing(
    site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nothing works without is a problem where it is missing, and what is optional is not."""
    monkeypatch.setattr(diagnosis, "NEEDED", {"no-such-package": "1.2"})
    monkeypatch.setattr(diagnosis, "OPTIONAL", {"no-such-option": "1.2"})
    found = told(capsys)
    assert [(one["about"], one["problem"]) for one in found["problems"]] == [("no-such-package", "is not installed")]
    assert [(one["name"], one["version"], one["needed"]) for one in found["packages"]] == [
        ("no-such-package", None, True),
        ("no-such-option", None, False),
    ]


def test_without_a_parser(site: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no parser of Terraform works, that is a problem; with python-hcl2, tree-sitter need not be there."""
    monkeypatch.setattr(diagnosis, "_reader", lambda: None)
    (one,) = about(told(capsys), "Terraform")
    assert one["problem"].startswith("no parser works")
    packages = [diagnosis.Package(name, None, "1", True) for name in ("click", "tree-sitter", "tree-sitter-hcl")]
    assert [one.about for one in diagnosis._about_packages(packages, "python-hcl2")] == ["click"]
