"""Examine the installation for ``passrole-checks doctor``.

No host (checkov, cfn-lint) and nothing from the working directory is imported into this process. Each host is asked in
a subprocess whether it loads our adapter, since checkov skips an adapter that fails to import and only logs it.

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
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from passrole_checks import __version__
from passrole_checks.distribution import HOSTS, NAME, OPTIONAL, REQUIRED, pip, pip_install
from passrole_checks.errors import SnapshotError
from passrole_checks.iam.fast_dataclass import dataclass

FOLDER = Path(__file__).resolve().parent.parent

ADAPTER_FOLDERS = {"checkov": FOLDER / "checkov_checks", "cfn-lint": FOLDER / "cfnlint_rules"}

_HCL2_DISTRIBUTIONS = ("bc-python-hcl2", "python-hcl2")  # both install the module ``hcl2``; checkov needs the first
_PARSERS = ("tree-sitter", "tree-sitter-hcl")
_OLDEST_GIT = "2.30"
_TIMEOUT = 90  # seconds for importing a host; checkov is slow on a cold disk

# Each prints how many of our checks the host has after loading the adapter in the way its users do.
_PROBES = {
    "checkov": """
from checkov.terraform.checks.resource.registry import resource_registry as registry
from checkov.terraform.runner import Runner
registry.load_external_checks(LEAF)
unavailable = sys.modules["passrole_checks_for_checkov"].unavailable
if unavailable:  # the checks are registered, and always fail
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
    """A problem or a possible surprise, and a one-line remedy."""

    about: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Package:
    """A dependency. ``version``: None if it is not installed; ``required``: False for optional ones."""

    name: str
    version: str | None
    minimum_version: str
    required: bool


@dataclass(frozen=True, slots=True)
class Host:
    """An installed host (checkov or cfn-lint).

    ``checks``: number of our checks after loading the adapter; None if the host or the adapter failed to import.
    """

    name: str
    version: str
    checks: int | None


@dataclass(frozen=True, slots=True)
class Hcl2Package:
    """A package that installs the module ``hcl2``. ``intact``: True if the files on disk are those of this package."""

    name: str
    version: str
    intact: bool


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache on disk. ``folder``: None if caching is disabled; ``current``: entries of this version; ``size``:
    bytes."""

    folder: str | None
    entries: int = 0
    current: int = 0
    size: int = 0


@dataclass(frozen=True)
class Diagnosis:
    """The result. ``problems`` make the exit status 1, ``remarks`` do not.

    Attributes:
        installed: the version in the package metadata; None if there is none (a clone).
        reader: the package that parses Terraform; None if none works.
        git: the version of git; None if it is not installed.
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


def examine() -> Diagnosis:
    """Examine everything, and change nothing. Takes as long as importing the hosts, which run in parallel."""
    problems: list[Trouble] = []
    remarks: list[Trouble] = []
    packages_to_check = [(name, least, True) for name, least in REQUIRED.items()]
    packages_to_check += [(name, least, False) for name, least in (OPTIONAL | HOSTS).items()]
    packages = [Package(name, _installed_version(name), least, needed) for name, least, needed in packages_to_check]
    reader = _terraform_reader()
    problems.extend(_package_problems(packages, reader))
    owners = [owner for name in _HCL2_DISTRIBUTIONS if (owner := _hcl2_package(name)) is not None]
    problems.extend(_hcl2_problems(owners, checkov=_installed_version("checkov") is not None))
    hosts, troubles = _examine_hosts(owners)
    problems.extend(troubles)
    remarks.extend(_other_environments())
    git, trouble = _examine_git()
    remarks.extend(trouble)
    installed = _installed_version(NAME)
    if installed is not None and installed != __version__:
        problem = f"the files have version {__version__}, the package metadata {installed}"
        problems.append(Trouble(NAME, problem, "install it again from where this version comes from"))
    remarks.extend(_speed_remarks())
    cache, trouble = _examine_cache()
    remarks.extend(trouble)
    return Diagnosis(installed, packages, reader, hosts, owners, git, cache, problems, remarks)


# -- packages


def _installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _version_numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that a version begins with, ignoring pre-release suffixes."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _terraform_reader() -> str | None:
    """Return the package that parses Terraform, found by parsing a line; None if none works."""
    from passrole_checks.sources.terraform.reading import readers, source

    try:
        reader = readers.reader()
        if reader.read(source.SourceText("doctor.tf", b"a = 1\n")).problems:
            return None
    except (ImportError, OSError, AttributeError, TypeError, ValueError):  # a parser of another version or Python
        return None
    return "python-hcl2" if "python_hcl2" in reader.read.__module__ else "tree-sitter-hcl"


def _package_problems(packages: Sequence[Package], reader: str | None) -> Iterator[Trouble]:
    for package in packages:
        if package.version is None:
            if package.required and not (reader is not None and package.name in _PARSERS):
                yield Trouble(package.name, "is not installed", pip_install(package.name))
        elif _version_numbers(package.version) < _version_numbers(package.minimum_version):
            problem = f"{package.version} is older than {package.minimum_version}, the oldest supported version"
            yield Trouble(package.name, problem, pip_install(package.name))
    if reader is None:
        problem = "no working parser: neither tree-sitter-hcl nor python-hcl2"
        remedy = pip("install --force-reinstall tree-sitter tree-sitter-hcl")
        yield Trouble("Terraform", problem, remedy)


def _speed_remarks() -> Iterator[Trouble]:
    import yaml

    if not yaml.__with_libyaml__:
        yield Trouble(
            "PyYAML",
            "installed without libyaml; parsing templates is several times slower",
            pip("install --force-reinstall --only-binary :all: PyYAML"),
        )


# -- the module hcl2


def _hcl2_package(name: str) -> Hcl2Package | None:
    """Return the package, and whether the module's files are its own; None if it is not installed."""
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    files = dict(_recorded_files(distribution))
    intact = bool(files) and all(
        not recorded
        or _hash(Path(str(distribution.locate_file(file))), recorded.partition("=")[0]) == recorded.partition("=")[2]
        for file, recorded in files.items()
    )
    return Hcl2Package(name, distribution.version, intact)


def _recorded_files(distribution: metadata.Distribution) -> Iterator[tuple[str, str]]:
    """Yield the files of the module with their hashes, as recorded by the installer, whether or not they exist.

    ``Distribution.files`` omits missing files since Python 3.12. Source: Python Packaging User Guide, "Recording
    installed projects" (``RECORD``).
    """
    for row in csv.reader((distribution.read_text("RECORD") or "").splitlines()):
        if len(row) > 1 and row[0].startswith("hcl2/") and row[0].endswith(".py"):
            yield row[0], row[1]


def _hash(path: Path, algorithm: str) -> str:
    try:
        digest = hashlib.new(algorithm, path.read_bytes()).digest()
    except (OSError, ValueError):
        return ""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _hcl2_problems(owners: Sequence[Hcl2Package], *, checkov: bool) -> Iterator[Trouble]:
    if len(owners) > 1:
        intact = ", ".join(owner.name for owner in owners if owner.intact) or "a mix of both"
        names = " and ".join(owner.name for owner in owners)
        problem = f"{names} both install it and overwrite each other; files on disk: {intact}"
        ours, other = owners
        if checkov:
            yield Trouble(
                "module hcl2", f"{problem}; checkov needs {ours.name}", f"{pip(f'uninstall {other.name}')}, then"
                f" {pip(f'install --force-reinstall --no-deps {ours.name}=={ours.version}')}",
            )  # fmt: skip
        else:
            yield Trouble("module hcl2", problem, f"keep one of them: {pip(f'uninstall {ours.name}')}, or {other.name}")
    for owner in owners if len(owners) == 1 else ():
        if not owner.intact:
            problem = f"files of {owner.name} are missing or from another package"
            remedy = pip(f"install --force-reinstall --no-deps {owner.name}=={owner.version}")
            yield Trouble("module hcl2", problem, remedy)


# -- hosts


def _examine_hosts(owners: Sequence[Hcl2Package]) -> tuple[list[Host], list[Trouble]]:
    """Ask all installed hosts in parallel whether they load our adapter."""
    versions = {name: version for name in HOSTS if (version := _installed_version(name)) is not None}
    hosts: list[Host] = []
    troubles: list[Trouble] = []
    with TemporaryDirectory() as folder:
        running = {name: _start_probe(name, folder) for name in versions}
        for name, process in running.items():
            checks, reason = _read_probe(process)
            hosts.append(Host(name, versions[name], checks))
            if checks is None:
                problem = f"fails to load our checks from {ADAPTER_FOLDERS[name]}: {reason}"
                hcl2_conflict = name == "checkov" and any(owner.name == "python-hcl2" for owner in owners)
                remedy = "see module hcl2" if hcl2_conflict else pip(f"install --upgrade {name}")
                troubles.append(Trouble(name, problem, remedy))
    return hosts, troubles


def _start_probe(name: str, folder: str) -> subprocess.Popen[str]:
    # Same search path as here, without the untrusted working directory. Our own package comes last, since in a clone it
    # is in the working directory.
    code = f"import sys\nsys.path[:] = {_search_path()!r}\nLEAF = {str(ADAPTER_FOLDERS[name])!r}\n{_PROBES[name]}"
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
        working_directory = os.path.realpath(os.getcwd())
    except OSError:  # deleted
        working_directory = ""
    own = str(FOLDER.parent)
    others = [path for path in sys.path if os.path.isabs(path) and os.path.realpath(path) != working_directory]
    return [*(path for path in others if path != own), own]


def _read_probe(process: subprocess.Popen[str]) -> tuple[int | None, str]:
    """Return the number of checks, or None and the reason."""
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
    return None, lines[-1] if lines else f"exit status {process.returncode}, no checks loaded"


def _other_environments() -> Iterator[Trouble]:
    """Yield a remark for each host on the PATH that is not from this environment, as with pipx."""
    own_folders = set(map(os.path.realpath, (sysconfig.get_path("scripts"), os.path.dirname(sys.executable))))
    for name in HOSTS:
        program = shutil.which(name)
        if program is None or os.path.realpath(os.path.dirname(program)) in own_folders:
            continue
        problem = f"{program} belongs to a different environment than this Python ({sys.executable})"
        yield Trouble(name, problem, f"use the {name} of this environment: that one does not load the checks")


# -- git


def _examine_git() -> tuple[str | None, list[Trouble]]:
    from passrole_checks.git_versions.git import Repository

    with TemporaryDirectory() as folder:
        try:
            words = Repository(Path(folder)).output(["version"]).decode("utf-8", "replace").split()
        except SnapshotError as error:
            problem = f"{str(error).removeprefix('git: ')}; diff and review need git"
            return None, [Trouble("git", problem, f"install git {_OLDEST_GIT} or later")]
    version = words[2] if len(words) > 2 else ""
    if _version_numbers(version) < _version_numbers(_OLDEST_GIT):
        problem = f"{version or 'an unknown version'} is older than {_OLDEST_GIT}, which diff and review need"
        return version or None, [Trouble("git", problem, f"install git {_OLDEST_GIT} or later")]
    return version, []


# -- cache


def _examine_cache() -> tuple[Cache, list[Trouble]]:
    from passrole_checks.scan.cache.keys import program
    from passrole_checks.scan.cache.store import ENVIRONMENT, store_of

    store = store_of(program())
    if store is None:
        return Cache(None), []
    held = store.stats()
    folder, _, problem = store.problem.partition(": ")
    remedy = f"make it a folder owned by you, or set {ENVIRONMENT} to another one"
    troubles = [Trouble(f"cache {folder}", problem, remedy)] if store.problem else []
    return Cache(store.folder, held.entries, held.current, held.size), troubles
