"""Release checks for all supported versions: ``nox`` runs them, which takes an hour, ``nox --list`` lists the sessions.

Uses every supported Python that is installed, and skips the others unless ``--error-on-missing-interpreters``. Needs a
package index. `.ci/run` has the checks of each change. ``nox -s "smoke-3.12(beside='checkov')"`` runs one session,
``nox -s build`` writes ``dist``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["build", "sbom", "smoke", "fight", "tests", "second_reader", "core"]

ROOT = Path(__file__).resolve().parent
DIST = ROOT / "dist"
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
# The current and the previous minor version of each host; pyproject.toml requires the previous one or later.
HOSTS = {
    "current": ("checkov>=3.3,<3.4", "cfn-lint>=1.58,<1.59"),
    "previous": ("checkov>=3.2.533,<3.3", "cfn-lint>=1.57,<1.58"),
}
BRANCHES = 0.95  # minimum share of the package's branches that tests cover
PORTABLE = ("access", "aws", "checks", "escaping", "iam", "required", "test_api.py", "test_samples.py")
POSIX = ("cli", "diff", "files", "output", "scan", "sources", "suggest", "test_public_names.py", "test_truth_table.py")
BESIDE = {
    "nothing": "", "checkov": "[checkov]", "cfn-lint": "[cfn-lint]", "both": "[all]", "python-hcl2": "[python-hcl2]",
}  # fmt: skip


@nox.session(python=PYTHONS)
@nox.parametrize("hosts", list(HOSTS))
def tests(session: nox.Session, hosts: str) -> None:
    """Run all tests with the current and with the previous minor versions of checkov and cfn-lint."""
    session.install("-e", ".[dev]", *HOSTS[hosts])
    session.run("pytest", "-n", "auto", "-q", *session.posargs)


@nox.session(python=PYTHONS)
def second_reader(session: nox.Session) -> None:
    """Run the tests of Terraform with python-hcl2, which conflicts with checkov."""
    session.install("-e", ".[python-hcl2]", "pytest", "hypothesis")
    session.run("pytest", "-q", "tests/sources/terraform", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build wheel and sdist, and check their metadata and files, and that the sdist builds the same wheel."""
    session.install("build", "twine")
    shutil.rmtree(DIST, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(DIST), str(ROOT), silent=True)
    wheel, sdist = _built_file("*.whl"), _built_file("*.tar.gz")
    session.run("twine", "check", "--strict", str(wheel), str(sdist))
    rebuilt = Path(session.create_tmp()) / "rebuilt"
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(rebuilt.parent / "sources", filter="data")
    (sources,) = (rebuilt.parent / "sources").iterdir()
    session.run("python", "-m", "build", "--wheel", "--outdir", str(rebuilt), str(sources), silent=True)
    (second,) = rebuilt.glob("*.whl")
    differing = _contents(wheel).items() ^ _contents(second).items()
    if differing:
        session.error(f"the sdist builds a different wheel: {sorted({name for name, _ in differing})}")
    for name in (
        "SECURITY.md",
        "THIRD_PARTY.md",
        "Dockerfile",
        "noxfile.py",
        ".ci/run",
        "tests/cli/test_program.py",
        "README.md",
    ):
        if name not in names:
            session.error(f"the sdist does not contain {name}")
    foreign = [name for name in _contents(wheel) if not name.startswith(("passrole_checks/", "passrole_checks-"))]
    unwanted = [name for name in _contents(wheel) if name.endswith(".pyc")]
    if foreign or unwanted:
        session.error(f"the wheel must not contain {[*foreign, *unwanted]}")


@nox.session(python=PYTHONS)
@nox.parametrize("beside", list(BESIDE))
def smoke(session: nox.Session, beside: str) -> None:
    """Test the wheel in a clean environment with each host, both, python-hcl2, and neither; the sdist with neither."""
    _built(session)
    folder = Path(session.create_tmp()).resolve()
    for name in ("sample_templates", "smoke.py"):
        shutil.rmtree(folder / name, ignore_errors=True)
    shutil.copytree(ROOT / "sample_templates", folder / "sample_templates")
    shutil.copy(ROOT / ".ci" / "smoke.py", folder / "smoke.py")
    for file in (_built_file("*.whl"), _built_file("*.tar.gz")) if beside == "nothing" else (_built_file("*.whl"),):
        session.install("--force-reinstall", f"{file}{BESIDE[beside]}")
        with session.chdir(folder):  # outside the sources, so that the wheel is imported
            session.run("python", "smoke.py", beside)


@nox.session(python=PYTHONS)
def core(session: nox.Session) -> None:
    """Run the fast tests of the core, without hosts; on Windows those that need no links, modes or pipes of POSIX."""
    session.install("-e", ".[trail]", "pytest", "pytest-xdist", "hypothesis", "jsonschema", "markdown-it-py")
    areas = (*PORTABLE, *(POSIX if os.name == "posix" else ()))
    options = ["-q", "-n", "auto", "-m", "not slow", "--ignore=tests/required/test_required_policies.py"]  # cfn-lint
    session.run("pytest", *options, *(f"tests/{area}" for area in areas), *session.posargs)


@nox.session
def sbom(session: nox.Session) -> None:
    """List the packages that the wheel of ``dist`` is installed with, as CycloneDX beside it."""
    _built(session)
    installed = Path(session.create_tmp()).resolve() / "installed"
    shutil.rmtree(installed, ignore_errors=True)
    session.run("python", "-m", "venv", "--without-pip", str(installed))
    python = installed / ("Scripts" if os.name == "nt" else "bin") / "python"
    session.install("--requirement", str(ROOT / ".ci" / "requirements-release.txt"), "pip")
    session.run("python", "-m", "pip", "--python", str(python), "install", "--quiet", str(_built_file("*.whl")))
    bom = DIST / f"{_built_file('*.whl').name.partition('-py3')[0]}.cdx.json"
    options = ["--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--of", "JSON", "-o", str(bom)]
    session.run("cyclonedx-py", "environment", *options, str(python))
    content = json.loads(bom.read_text("utf-8"))
    version = bom.name.removesuffix(".cdx.json").partition("-")[2]  # dynamic in pyproject.toml
    content["metadata"]["component"].update(version=version, purl=f"pkg:pypi/passrole-checks@{version}")
    bom.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    named = {component["name"] for component in content["components"]}
    if not {"click", "PyYAML", "tree-sitter-hcl", "mdurl"} <= named or "pip" in named:
        session.error(f"{bom.name} lists {sorted(named)}")


@nox.session
def fight(session: nox.Session) -> None:
    """Install python-hcl2 over checkov's parser: checkov breaks, doctor reports it, its commands fix it."""
    _built(session)
    session.install(f"{_built_file('*.whl')}[checkov]", "pip")  # pip, because the remedies are its commands
    session.run("passrole-checks", "doctor", silent=True)
    session.run("python", "-m", "pip", "install", "--quiet", "python-hcl2")
    report = json.loads(
        str(session.run("passrole-checks", "doctor", "--format", "json", silent=True, success_codes=[1]))
    )
    problems = {problem["about"]: problem for problem in report["problems"]}
    if set(problems) != {"module hcl2", "checkov"}:
        session.error(f"doctor should report the module and checkov, not {sorted(problems)}")
    for command in problems["module hcl2"]["remedy"].split(", then "):
        words = command.split()
        session.run(*words, *(["--yes"] if "uninstall" in words else []), external=True)
    session.run("passrole-checks", "doctor")


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure the branches of the package that tests of units and hosts cover; at least the share BRANCHES."""
    session.install("-e", ".[python-hcl2]", "pytest", "hypothesis", "coverage>=7.10", "pip")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-q", "tests/sources/terraform")  # with python-hcl2
    session.run("python", "-m", "pip", "uninstall", "--quiet", "--yes", "python-hcl2")
    session.install("-e", ".[dev]")
    # Not about units or hosts: a tracer slows benchmarks down, and mutated files take any branch.
    others = [f"--ignore=tests/{name}" for name in ("benchmarks", "fuzz")]
    session.run("coverage", "run", "-m", "pytest", "-q", "-n", "auto", *others, *session.posargs)
    session.run("coverage", "combine", "--quiet")
    report = Path(session.create_tmp()) / "coverage.json"
    session.run("coverage", "json", "--quiet", "--fail-under=0", "-o", str(report))
    totals = json.loads(report.read_text("utf-8"))["totals"]
    session.log(f"branches: {totals['covered_branches']} of {totals['num_branches']}")
    session.run("coverage", "report", "--skip-covered")  # its total, which fail_under limits, counts lines as well
    if totals["covered_branches"] < totals["num_branches"] * BRANCHES:
        session.error(f"less than {BRANCHES:.0%} of the branches covered")


@nox.session
def nightly(session: nox.Session) -> None:
    """Run 100,000 mutated inputs, half an hour on two processors, then properties with ten times as many examples."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-m", "nightly", "-q", *session.posargs)
    session.run("pytest", "-m", "not slow", "--hypothesis-profile", "nightly", "-n", "auto", "-q")


def _built(session: nox.Session) -> None:
    if not list(DIST.glob("*.whl")):
        session.error("no wheel found: run `nox -s build` first")


def _built_file(pattern: str) -> Path:
    (file,) = DIST.glob(pattern)
    return file


def _contents(wheel: Path) -> dict[str, str]:
    """Return the files of a wheel with their hashes, except RECORD, whose order varies."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if not name.endswith("/RECORD")
        }
