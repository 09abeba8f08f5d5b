"""Where modules lie that are no folders of the configuration itself: of a registry, a repository, an archive.

``terraform init`` puts them below ``.terraform/modules`` and keeps the list ``modules.json`` there: of each call, by
the names of the ``module`` blocks on the way to it, the source, the version and the folder, which is relative to that
of the root module. Source: Terraform's ``internal/modsdir`` ("Manifest", "Record"). checkov, with
``--download-external-modules``, puts repositories below ``.external_modules/HOST/PATH/REF`` (its ``git_loader.py``).
Nothing is downloaded here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from passrole_checks.files.safe_read import open_error_reason
from passrole_checks.sources.files.access_log import log_file, log_tree
from passrole_checks.sources.files.read_boundary import Boundary, current_boundary
from passrole_checks.sources.model.configuration import Unreadable

_MANIFEST = os.path.join(".terraform", "modules", "modules.json")
_EXTERNAL = ".external_modules"
_LARGEST = 50_000_000  # bytes of a manifest
_REGISTRY = re.compile(r"(?:(?P<host>[\w-]+(?:\.[\w-]+)+(?::\d+)?)/)?(?P<name>[\w-]+/[\w-]+/[\w-]+)(?P<inner>//.*)?")
_GIT = re.compile(
    r"(?:git::)?(?:(?:https?|ssh|git)://)?(?:[\w.-]+@)?(?P<host>[\w.-]+\.[a-z]+)(?::\d+)?[/:](?P<path>[^?]+?)"
    r"(?:\?(?P<query>.*))?"
)
_EXACT = re.compile(r"\s*=?\s*v?(\d+(?:\.\d+)*(?:-[\w.]+)?)\s*")


@dataclass(frozen=True)
class ModuleLocation:
    """Where a module lies; or, without a folder, why it cannot be evaluated, as words that follow its name."""

    folder: Path | None = None
    reason: str = ""


@dataclass(frozen=True)
class _Record:
    source: str
    version: str
    folder: str


class Installed:
    """What is installed for one root module, in its folder ``root``, within the boundary of what is read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def file(self) -> Path:
        """The list of ``terraform init``, whether it is there or not."""
        return self.root / _MANIFEST

    def find(self, key: tuple[str, ...], source: str, version: str | None) -> ModuleLocation:
        """The place of the module that is called by ``source`` (and ``version``, a constraint) under these names."""
        record = self._records.get(".".join(key))
        if record is None:
            folder = self._external(source)
            return ModuleLocation(folder) if folder is not None else ModuleLocation(reason="is not here")
        if not _same(source, record.source):
            return ModuleLocation(reason=f"is not here: modules.json names {record.source} (terraform init)")
        exact = _EXACT.fullmatch(version) if version is not None else None
        if exact is not None and record.version and exact[1] != record.version:
            return ModuleLocation(reason=f"is not here: version {record.version} is installed (terraform init)")
        folder = Path(os.path.normpath(self.root / record.folder.replace("\\", "/")))
        try:
            current_boundary().check(folder)
        except OSError as error:
            return ModuleLocation(reason=f"is not read: {record.folder} {error.strerror}")
        log_file(folder)
        if not os.path.isdir(folder):
            return ModuleLocation(reason=f"is not here: there is no {record.folder} (terraform init)")
        return ModuleLocation(folder)

    @property
    def unreadable(self) -> Unreadable | None:
        """That the list cannot be used, where it is there."""
        reason = self._read[1]
        return Unreadable(str(self.file), reason) if reason else None

    @property
    def used(self) -> bool:
        """Whether the list is there and names modules."""
        return bool(self._records)

    @cached_property
    def _read(self) -> tuple[dict[str, _Record], str]:
        try:
            document = json.loads(current_boundary().read(self.file, _LARGEST))
        except (FileNotFoundError, NotADirectoryError):
            return {}, ""
        except OSError as error:
            return {}, open_error_reason(self.file, error)
        except (ValueError, RecursionError):
            return {}, "no list of installed modules: not JSON"
        modules = document.get("Modules") if isinstance(document, dict) else None
        if not isinstance(modules, list):
            return {}, "no list of installed modules: it has no Modules"
        return {key: record for module in modules for key, record in _record(module)}, ""

    @property
    def _records(self) -> dict[str, _Record]:
        return self._read[0]

    def _external(self, source: str) -> Path | None:
        """The folder that checkov has downloaded a module into, beside the root module or above it."""
        wanted = _repository(source)
        if wanted is None:
            return None
        for parent, external in self._around:
            downloads = Boundary.around(parent / _EXTERNAL)
            base = Path(os.path.join(parent, _EXTERNAL, wanted.path))
            if not external or not downloads.allows(base):
                continue
            log_tree(base)
            if os.path.isdir(base):
                folder = _at(base, wanted.reference)
                folder = folder / wanted.inner if folder is not None else None
                return folder if folder is not None and downloads.allows(folder) and os.path.isdir(folder) else None
        return None

    @cached_property
    def _around(self) -> list[tuple[Path, bool]]:
        """The folder of the root module and those above it that may be read, and whether checkov has left something."""
        around = list(takewhile(current_boundary().allows, (self.root, *self.root.parents)))
        for parent in around:
            log_file(parent / _EXTERNAL)
        return [(one, current_boundary().allows(one / _EXTERNAL) and os.path.isdir(one / _EXTERNAL)) for one in around]


def _record(module: object) -> Iterator[tuple[str, _Record]]:
    if not isinstance(module, dict):
        return
    key, folder = module.get("Key"), module.get("Dir")
    source, version = module.get("Source"), module.get("Version")
    if isinstance(key, str) and key and isinstance(folder, str) and "\0" not in folder:
        yield (
            key,
            _Record(source if isinstance(source, str) else "", version if isinstance(version, str) else "", folder),
        )


def _same(written: str, recorded: str) -> bool:
    """Whether a source as it is written may be the one that was installed: Terraform completes what it records."""
    found = _REGISTRY.fullmatch(written)
    if found is None:
        return True
    short = f"{found['name']}{found['inner'] or ''}".lower()
    if found["host"] is not None:
        return recorded.lower() == f"{found['host'].lower()}/{short}"
    return recorded.lower() == short or recorded.lower().endswith(f"/{short}")


@dataclass(frozen=True)
class _Repository:
    path: str
    inner: str
    reference: str | None  # None: whichever is there


def _repository(source: str) -> _Repository | None:
    """The repository of a module source, by the rules of Terraform's page "Module Sources".

    A module of the public registry is kept in the repository ``terraform-PROVIDER-NAME`` of its namespace on GitHub.
    """
    registry = _REGISTRY.fullmatch(source)
    if registry is not None and registry["host"] in (None, "registry.terraform.io"):
        namespace, name, provider = registry["name"].split("/")
        inner = (registry["inner"] or "").lstrip("/")
        return _safe(f"github.com/{namespace}/terraform-{provider}-{name}", inner, None)
    found = _GIT.fullmatch(source)
    if found is None:
        return None
    path, _, inner = found["path"].partition("//")
    reference = re.search(r"(?:^|&)ref=([^&]+)", found["query"] or "")
    return _safe(f"{found['host']}/{path.removesuffix('.git')}", inner, reference[1] if reference else "HEAD")


def _safe(path: str, inner: str, reference: str | None) -> _Repository | None:
    steps = "/".join((path, inner, reference or "")).split("/")
    return None if ".." in steps or "\0" in path + inner else _Repository(path, inner, reference)


def _at(base: Path, reference: str | None) -> Path | None:
    """The folder of a reference; where none is asked for, the one that is there."""
    if reference is not None:
        return base / reference
    try:
        there = [entry for entry in sorted(base.iterdir()) if entry.is_dir()]
    except OSError:
        return None
    return there[0] if len(there) == 1 else None
