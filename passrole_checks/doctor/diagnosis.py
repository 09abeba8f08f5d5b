"""What is installed here, and what of it does not work: for ``passrole-checks doctor``.

Nothing of a host is imported into this process, and nothing from the working directory: each host is asked in a process
of its own whether it loads our leaf, since checkov passes over one that fails to import and says so in its log alone.

Sources: PyPA, "Recording installed projects" (RECORD: paths, and hashes in URL-safe base64 without padding); Python's
documentation of ``importlib.metadata``, and of the option ``-I``; git's history of Documentation/git-rev-parse.txt
("rev-parse: handle --end-of-options", in git 2.30).
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from passrole_checks import __version__
from passrole_checks.errors import SnapshotError

FOLDER = Path(__file__).resolve().parents[1]
DISTRIBUTION = "passrole-checks"

# What pyproject.toml asks for; a test holds both in step. What is run from a clone has no metadata that could be asked.
NEEDED = {
    "click": "8.1", "pathspec": "0.12", "platformdirs": "3.0", "PyYAML": "6.0.1", "rich": "13.7", "tree-sitter": "0.24",
    "tree-sitter-hcl": "1.2",
}  # fmt: skip
if sys.version_info < (3, 11):
    NEEDED["tomli"] = "2.0"
OPTIONAL = {"requests": "2.31", "distributed": "2025.1", "duckdb": "1.1", "python-hcl2": "8.1"}
HOSTS = {"checkov": "3.2.533", "cfn-lint": "1.57"}
LEAVES = {"checkov": FOLDER / "checkov_checks", "cfn-lint": FOLDER / "cfnlint_rules"}

_HCL2 = ("bc-python-hcl2", "python-hcl2")  # both install a module ``hcl2``; checkov works with the first one only
_PARSERS = ("tree-sitter", "tree-sitter-hcl")
_OLDEST_GIT = "2.30"
_TIMEOUT = 90  # seconds, for a host to be imported: on a cold disk checkov takes its time

# Each prints how many of our checks the host has after it has been given the leaf as its users give it.
_PROBES = {
    "checkov": """
from checkov.terraform.checks.resource.registry import resource_registry as registry
from checkov.terraform.runner import Runner
registry.load_external_checks(LEAF)
unavailable = sys.modules["passrole_checks_for_checkov"].unavailable
if unavailable:  # the checks are there, and fail
    sys.exit(unavailable)
ids = {check.id for checks in registry.checks.values() for check in checks}
ids |= {check.id for checks in registry.wildcard_checks.values() for check in checks}
print(len([id for id in ids if id.startswith("PASSROLE_")]))
""",
    "cfn-lint": """
from cfnlint.rules import Rules
rules = Rules.create_from_directory(LEAF)
print(len([id for id in rules if "unavailable" not in rules[id].tags]))
""",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What does not work or may surprise, and in one line what to do."""

    about: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Package:
    """``version`` is None where it is not installed, ``least`` what is asked for, ``needed`` whether nothing works
    without it."""

    name: str
    version: str | None
    least: str
    needed: bool


@dataclass(frozen=True, slots=True)
class Host:
    """A host that is installed. ``checks``: how many of ours it has once it is given ``leaf``; None where it has none,
    because importing one of both failed."""

    name: str
    version: str
    leaf: Path
    checks: int | None


@dataclass(frozen=True, slots=True)
class Hcl2Package:
    """A package that installs the module ``hcl2``; ``intact``: whether the files there are the ones it came with."""

    name: str
    version: str
    intact: bool


@dataclass(frozen=True, slots=True)
class Cache:
    """What scans have left on the disk: ``entries``, of which ``current`` ones are of this very program, and their
    ``size`` in bytes. ``folder`` is None where nothing is kept."""

    folder: str | None
    entries: int = 0
    current: int = 0
    size: int = 0


@dataclass(frozen=True)
class Diagnosis:
    """What was found. ``problems`` make the exit status 1, ``remarks`` do not.

    ``installed``: the version that the metadata of the installed package tell, None where there are none (a clone);
    ``reader``: which package reads Terraform, None where none can; ``git``: its version, None without it.
    """

    installed: str | None
    packages: Sequence[Package]
    reader: str | None
    hosts: Sequence[Host]
    hcl2: Sequence[Hcl2Package]
    git: str | None
    cache: Cache
    problems: Sequence[Trouble] = ()
    remarks: Sequence[Trouble] = ()


def examined() -> Diagnosis:
    """Look at everything. Takes as long as the hosts need to be imported, once; changes nothing."""
    problems: list[Trouble] = []
    remarks: list[Trouble] = []
    wanted = [(name, least, True) for name, least in NEEDED.items()]
    wanted += [(name, least, False) for name, least in (OPTIONAL | HOSTS).items()]
    packages = [Package(name, _version(name), least, needed) for name, least, needed in wanted]
    reader = _reader()
    problems.extend(_about_packages(packages, reader))
    owners = [owner for name in _HCL2 if (owner := _owner(name)) is not None]
    problems.extend(_about_hcl2(owners, checkov=_version("checkov") is not None))
    hosts, troubles = _asked(owners)
    problems.extend(troubles)
    remarks.extend(_about_programs(hosts))
    git, trouble = _git()
    remarks.extend(trouble)
    installed = _version(DISTRIBUTION)
    if installed is not None and installed != __version__:
        what = f"the files are of version {__version__}, the metadata of {installed}"
        problems.append(Trouble(DISTRIBUTION, what, _pip("install --force-reinstall --no-deps passrole-checks")))
    remarks.extend(_about_speed())
    cache, trouble = _cache()
    remarks.extend(trouble)
    return Diagnosis(installed, packages, reader, hosts, owners, git, cache, problems, remarks)


# -- packages


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with; what makes it a pre-release is not looked at."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _pip(arguments: str) -> str:
    return f"{sys.executable or 'python'} -m pip {arguments}"


def _reader() -> str | None:
    """Which package reads Terraform: found out by reading a line of it."""
    from passrole_checks.sources.terraform.reading import readers, source

    try:
        reader = readers.reader()
        if reader.read(source.SourceText("doctor.tf", b"a = 1\n")).problems:
            return None
    except (ImportError, OSError, AttributeError, TypeError, ValueError):  # a parser of another version or Python
        return None
    return "python-hcl2" if "python_hcl2" in reader.read.__module__ else "tree-sitter-hcl"


def _about_packages(packages: Sequence[Package], reader: str | None) -> Iterator[Trouble]:
    for one in packages:
        if one.version is None:
            if one.needed and not (reader is not None and one.name in _PARSERS):
                yield Trouble(one.name, "is not installed", _pip(f"install '{one.name}>={one.least}'"))
        elif _numbers(one.version) < _numbers(one.least):
            what = f"{one.version} is older than {one.least}, the oldest that is supported"
            yield Trouble(one.name, what, _pip(f"install '{one.name}>={one.least}'"))
    if reader is None:
        what = "no parser works: neither tree-sitter-hcl nor, in its place, python-hcl2"
        remedy = _pip("install --force-reinstall tree-sitter tree-sitter-hcl")
        yield Trouble("Terraform", what, remedy)


def _about_speed() -> Iterator[Trouble]:
    import yaml

    if not yaml.__with_libyaml__:
        yield Trouble(
            "PyYAML",
            "is without libyaml, so that templates are read several times more slowly",
            _pip("install --force-reinstall --only-binary :all: PyYAML"),
        )


# -- the module hcl2


def _owner(name: str) -> Hcl2Package | None:
    """The package, if it is installed, and whether the module's files are its own."""
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    files = dict(_recorded(distribution))
    intact = bool(files) and all(
        not told or _hash(Path(str(distribution.locate_file(file))), told.partition("=")[0]) == told.partition("=")[2]
        for file, told in files.items()
    )
    return Hcl2Package(name, distribution.version, intact)


def _recorded(distribution: metadata.Distribution) -> Iterator[tuple[str, str]]:
    """The files of the module, each with its hash, as the installer has written them down, there or not:
    ``Distribution.files`` leaves out what is not there since Python 3.12. Source: Python Packaging User Guide,
    "Recording installed projects" (``RECORD``)."""
    for row in csv.reader((distribution.read_text("RECORD") or "").splitlines()):
        if len(row) > 1 and row[0].startswith("hcl2/") and row[0].endswith(".py"):
            yield row[0], row[1]


def _hash(path: Path, algorithm: str) -> str:
    try:
        digest = hashlib.new(algorithm, path.read_bytes()).digest()
    except (OSError, ValueError):
        return ""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _about_hcl2(owners: Sequence[Hcl2Package], *, checkov: bool) -> Iterator[Trouble]:
    if len(owners) > 1:
        there = ", ".join(owner.name for owner in owners if owner.intact) or "neither as it was installed"
        what = f"{' and '.join(owner.name for owner in owners)} both install it, and break each other; there is {there}"
        ours, other = owners
        if checkov:
            yield Trouble(
                "module hcl2", f"{what}; checkov needs that of {ours.name}", f"{_pip(f'uninstall {other.name}')}, then"
                f" {_pip(f'install --force-reinstall --no-deps {ours.name}=={ours.version}')}",
            )  # fmt: skip
        else:
            yield Trouble("module hcl2", what, f"keep one of them: {_pip(f'uninstall {ours.name}')}, or {other.name}")
    for owner in owners if len(owners) == 1 else ():
        if not owner.intact:
            what = f"files of {owner.name} are missing or are those of another package"
            remedy = _pip(f"install --force-reinstall --no-deps {owner.name}=={owner.version}")
            yield Trouble("module hcl2", what, remedy)


# -- hosts


def _asked(owners: Sequence[Hcl2Package]) -> tuple[list[Host], list[Trouble]]:
    """Ask each host that is installed, all at the same time, whether it takes our leaf."""
    versions = {name: version for name in HOSTS if (version := _version(name)) is not None}
    hosts: list[Host] = []
    troubles: list[Trouble] = []
    with TemporaryDirectory() as folder:
        running = {name: _started(name, folder) for name in versions}
        for name, process in running.items():
            checks, reason = _answer(process)
            hosts.append(Host(name, versions[name], LEAVES[name], checks))
            if checks is None:
                what = f"does not load the leaf in {LEAVES[name]}: {reason}"
                known = name == "checkov" and any(owner.name == "python-hcl2" for owner in owners)
                remedy = "see module hcl2" if known else _pip(f"install --upgrade {name}")
                troubles.append(Trouble(name, what, remedy))
    return hosts, troubles


def _started(name: str, folder: str) -> subprocess.Popen[str]:
    # What is importable here is importable there, but for the working directory, which may hold anything; our own
    # package comes last, since in a clone it lies in the working directory.
    code = f"import sys\nsys.path[:] = {_search_path()!r}\nLEAF = {str(LEAVES[name])!r}\n{_PROBES[name]}"
    return subprocess.Popen(
        [sys.executable or "python", "-I", "-c", code],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )


def _search_path() -> list[str]:
    try:
        here = os.path.realpath(os.getcwd())
    except OSError:  # it has been deleted
        here = ""
    own = str(FOLDER.parent)
    others = [path for path in sys.path if os.path.isabs(path) and os.path.realpath(path) != here]
    return [*(path for path in others if path != own), own]


def _answer(process: subprocess.Popen[str]) -> tuple[int | None, str]:
    """How many checks, or None and why not."""
    try:
        output, complaints = process.communicate(timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None, f"no answer within {_TIMEOUT} seconds"
    last = output.strip().rpartition("\n")[2]
    if process.returncode == 0 and last.isdigit() and int(last):
        return int(last), ""
    lines = [line.strip() for line in complaints.splitlines() if line.strip()]
    return None, lines[-1] if lines else f"exit status {process.returncode}, and no check of ours"


def _about_programs(hosts: Sequence[Host]) -> Iterator[Trouble]:
    """Programs of hosts in the PATH that are not those of this environment, as pipx installs them."""
    here = {os.path.realpath(folder) for folder in (sysconfig.get_path("scripts"), os.path.dirname(sys.executable))}
    for name in HOSTS:
        found = shutil.which(name)
        if found is None or os.path.realpath(os.path.dirname(found)) in here:
            continue
        beside = "as well" if any(host.name == name for host in hosts) else "there"
        what = f"{found} is of another environment than this Python ({sys.executable})"
        yield Trouble(name, what, f"install passrole-checks {beside}, or its checks do not run in that {name}")


# -- git


def _git() -> tuple[str | None, list[Trouble]]:
    from passrole_checks.git_versions.git import Repository

    with TemporaryDirectory() as folder:
        try:
            told = Repository(Path(folder)).output(["version"]).decode("utf-8", "replace").split()
        except SnapshotError as error:
            what = f"{str(error).removeprefix('git: ')}; diff and review compare versions of a repository with it"
            return None, [Trouble("git", what, f"install git {_OLDEST_GIT} or later")]
    version = told[2] if len(told) > 2 else ""
    if _numbers(version) < _numbers(_OLDEST_GIT):
        what = f"{version or 'an unknown version'} is older than {_OLDEST_GIT}, which diff and review need"
        return version or None, [Trouble("git", what, f"install git {_OLDEST_GIT} or later")]
    return version, []


# -- cache


def _cache() -> tuple[Cache, list[Trouble]]:
    from passrole_checks.scan.cache.keys import program
    from passrole_checks.scan.cache.store import ENVIRONMENT, store_of

    store = store_of(program())
    if store is None:
        return Cache(None), []
    held = store.held()
    folder, _, what = store.trouble.partition(": ")
    remedy = f"make it a folder of your own, or name another one in {ENVIRONMENT}"
    troubles = [Trouble(f"cache {folder}", what, remedy)] if store.trouble else []
    return Cache(store.folder, held.entries, held.current, held.size), troubles
