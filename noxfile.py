"""What a maintainer runs before a release: ``nox`` runs all of it, ``nox --list`` tells what there is.

Every supported Python that is found is used; those that are not are skipped, unless
``--error-on-missing-interpreters``. Needs a package index. What each change must hold is in `.ci/run`; this is that for
all versions, and takes an hour. ``nox -s "smoke-3.12(beside='checkov')"`` runs one of them, ``nox -s build`` writes
``dist``.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["build", "smoke", "fight", "tests", "second_reader"]

ROOT = Path(__file__).resolve().parent
DIST = ROOT / "dist"
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
# The current minor version of each host and the one before; pyproject.toml asks for the latter or later.
HOSTS = {
    "current": ("checkov>=3.3,<3.4", "cfn-lint>=1.58,<1.59"),
    "previous": ("checkov>=3.2.533,<3.3", "cfn-lint>=1.57,<1.58"),
}
BRANCHES = 0.95  # of those of the package, the least that tests go through
BESIDE = {
    "nothing": "", "checkov": "[checkov]", "cfn-lint": "[cfn-lint]", "both": "[all]", "python-hcl2": "[python-hcl2]",
}  # fmt: skip


@nox.session(python=PYTHONS)
@nox.parametrize("hosts", list(HOSTS))
def tests(session: nox.Session, hosts: str) -> None:
    """All tests, with the current and with the previous minor versions of checkov and cfn-lint."""
    session.install("-e", ".[dev]", *HOSTS[hosts])
    session.run("pytest", "-n", "auto", "-q", *session.posargs)


@nox.session(python=PYTHONS)
def second_reader(session: nox.Session) -> None:
    """The tests of Terraform with python-hcl2, which does not go with checkov."""
    session.install("-e", ".[python-hcl2]", "pytest", "hypothesis")
    session.run("pytest", "-q", "tests/sources/terraform", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """The wheel and the sdist, looked at: what PyPI would say, what is in them, and that one gives the other."""
    session.install("build", "twine")
    shutil.rmtree(DIST, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(DIST), str(ROOT), silent=True)
    wheel, sdist = _one("*.whl"), _one("*.tar.gz")
    session.run("twine", "check", "--strict", str(wheel), str(sdist))
    again = Path(session.create_tmp()) / "again"
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        archive.extractall(again.parent / "sources", filter="data")
    (sources,) = (again.parent / "sources").iterdir()
    session.run("python", "-m", "build", "--wheel", "--outdir", str(again), str(sources), silent=True)
    (second,) = again.glob("*.whl")
    differing = _contents(wheel).items() ^ _contents(second).items()
    if differing:
        session.error(f"the wheel that the sdist gives is another one: {sorted({name for name, _ in differing})}")
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
            session.error(f"the sdist is without {name}")
    strangers = [name for name in _contents(wheel) if not name.startswith(("passrole_checks/", "passrole_checks-"))]
    unwanted = [name for name in _contents(wheel) if name.endswith(".pyc")]
    if strangers or unwanted:
        session.error(f"the wheel should not hold {[*strangers, *unwanted]}")


@nox.session(python=PYTHONS)
@nox.parametrize("beside", list(BESIDE))
def smoke(session: nox.Session, beside: str) -> None:
    """The wheel in a clean environment, beside each host, both, python-hcl2, and nothing; the sdist beside nothing."""
    _built(session)
    folder = Path(session.create_tmp()).resolve()
    for name in ("sample_templates", "smoke.py"):
        shutil.rmtree(folder / name, ignore_errors=True)
    shutil.copytree(ROOT / "sample_templates", folder / "sample_templates")
    shutil.copy(ROOT / ".ci" / "smoke.py", folder / "smoke.py")
    for file in (_one("*.whl"), _one("*.tar.gz")) if beside == "nothing" else (_one("*.whl"),):
        session.install("--force-reinstall", f"{file}{BESIDE[beside]}")
        with session.chdir(folder):  # away from the sources, so that the wheel is what is imported
            session.run("python", "smoke.py", beside)


@nox.session
def fight(session: nox.Session) -> None:
    """python-hcl2 installed over checkov's parser, really: checkov breaks, doctor tells, and its remedy mends it."""
    _built(session)
    session.install(f"{_one('*.whl')}[checkov]", "pip")  # pip, because the remedies are its commands
    session.run("passrole-checks", "doctor", silent=True)
    session.run("python", "-m", "pip", "install", "--quiet", "python-hcl2")
    told = json.loads(str(session.run("passrole-checks", "doctor", "--format", "json", silent=True, success_codes=[1])))
    about = {one["about"]: one for one in told["problems"]}
    if set(about) != {"module hcl2", "checkov"}:
        session.error(f"doctor should tell of the module and of checkov, not of {sorted(about)}")
    for command in about["module hcl2"]["remedy"].split(", then "):
        words = command.split()
        session.run(*words, *(["--yes"] if "uninstall" in words else []), external=True)
    session.run("passrole-checks", "doctor")


@nox.session
def coverage(session: nox.Session) -> None:
    """Branches of the package that the tests of units and hosts go through: at least what pyproject.toml says."""
    session.install("-e", ".[python-hcl2]", "pytest", "hypothesis", "coverage>=7.10", "pip")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-q", "tests/sources/terraform")  # with python-hcl2
    session.run("python", "-m", "pip", "uninstall", "--quiet", "--yes", "python-hcl2")
    session.install("-e", ".[dev]")
    # Neither is about a unit or a host: benchmarks count what a tracer slows down, and mutated files go anywhere.
    others = [f"--ignore=tests/{name}" for name in ("benchmarks", "fuzz")]
    session.run("coverage", "run", "-m", "pytest", "-q", "-n", "auto", *others, *session.posargs)
    session.run("coverage", "combine", "--quiet")
    told = Path(session.create_tmp()) / "coverage.json"
    session.run("coverage", "json", "--quiet", "--fail-under=0", "-o", str(told))
    totals = json.loads(told.read_text("utf-8"))["totals"]
    session.log(f"branches: {totals['covered_branches']} of {totals['num_branches']}")
    session.run("coverage", "report", "--skip-covered")  # its total, which fail_under is about, counts lines as well
    if totals["covered_branches"] < totals["num_branches"] * BRANCHES:
        session.error(f"less than {BRANCHES:.0%} of the branches")


@nox.session
def nightly(session: nox.Session) -> None:
    """100,000 mutated inputs of every format, with fixed seeds: about half an hour on two processors."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-m", "nightly", "-q", *session.posargs)


def _built(session: nox.Session) -> None:
    if not list(DIST.glob("*.whl")):
        session.error("there is no wheel yet: run `nox -s build` first")


def _one(pattern: str) -> Path:
    (found,) = DIST.glob(pattern)
    return found


def _contents(wheel: Path) -> dict[str, str]:
    """The files of a wheel with their hashes; its own record aside, which lists them in its own order."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if not name.endswith("/RECORD")
        }
