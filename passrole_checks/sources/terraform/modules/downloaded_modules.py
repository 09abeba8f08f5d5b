"""Locate downloaded modules: from a registry, a repository or an archive.

``terraform init`` stores them below ``.terraform/modules`` with a manifest, ``modules.json``. The manifest lists each
call by the names of the ``module`` blocks from the root to it, with the source, the version and the folder, which is
relative to the root module. Source: Terraform's ``internal/modsdir`` ("Manifest", "Record"). checkov, with
``--download-external-modules``, stores repositories below ``.external_modules/HOST/PATH/REF`` (its ``git_loader.py``).
This module downloads nothing.
"""

from __future__ import annotations

import json
import os
import re
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from passrole_checks.files.decoded_json import get_nested, text_of
from passrole_checks.files.safe_read import open_error_reason
from passrole_checks.files.unsaved_texts import is_folder, names_in
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.read_boundary import Boundary, current_boundary
from passrole_checks.sources.model.configuration import NoteKind, Unreadable

_MANIFEST = os.path.join(".terraform", "modules", "modules.json")
_EXTERNAL = ".external_modules"
_MAX_BYTES = 50_000_000  # bytes of a manifest
_REGISTRY = lazy_regex(r"(?:(?P<host>[\w-]+(?:\.[\w-]+)+(?::\d+)?)/)?(?P<name>[\w-]+/[\w-]+/[\w-]+)(?P<inner>//.*)?")
_GIT = lazy_regex(
    r"(?:git::)?(?:(?:https?|ssh|git)://)?(?:[\w.-]+@)?(?P<host>[\w.-]+\.[a-z]+)(?::\d+)?[/:](?P<path>[^?]+?)"
    r"(?:\?(?P<query>.*))?"
)
_EXACT = lazy_regex(r"\s*=?\s*v?(\d+(?:\.\d+)*(?:-[\w.]+)?)\s*")

NOT_DOWNLOADED = "is not downloaded (run `terraform init`)"  # follows the name of a module


@dataclass(frozen=True)
class _Record:
    source: str
    version: str
    folder: str


class InstalledModules:
    """Modules installed for the root module in the folder ``root``, within the read boundary."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def file(self) -> Path:
        """Path of the manifest; it may not exist."""
        return self.root / _MANIFEST

    def find(self, key: tuple[str, ...], source: str, version: str | None) -> Path | str:
        """Return the folder of a called module, or the reason why it cannot be evaluated (follows its name in a
        message).

        ``key``: names of the ``module`` blocks from the root to the call. ``version``: version constraint.
        """
        record = self._read[0].get(".".join(key))
        if record is None:
            return self._external(source) or NOT_DOWNLOADED
        if not _is_same_source(source, record.source):
            return f"{NOT_DOWNLOADED}: modules.json lists {record.source}"
        exact = _EXACT.fullmatch(version) if version is not None else None
        if exact is not None and record.version and exact[1] != record.version:
            return f"{NOT_DOWNLOADED}: version {record.version} is installed"
        folder = Path(os.path.normpath(self.root / record.folder.replace("\\", "/")))
        try:
            current_boundary().check(folder)
        except OSError as error:
            return f"is not read: {record.folder} {error.strerror}"
        return folder if is_folder(folder) else f"{NOT_DOWNLOADED}: {record.folder} does not exist"

    @property
    def unreadable(self) -> Unreadable | None:
        """Error of an existing manifest that cannot be used, else None."""
        reason = self._read[1]
        return Unreadable(str(self.file), reason, kind=NoteKind.MODULE) if reason else None

    @property
    def used(self) -> bool:
        """True if the manifest exists and lists modules."""
        return bool(self._read[0])

    @cached_property
    def _read(self) -> tuple[dict[str, _Record], str]:
        try:
            document = json.loads(current_boundary().read(self.file, _MAX_BYTES))
        except (FileNotFoundError, NotADirectoryError):
            return {}, ""
        except OSError as error:
            return {}, open_error_reason(self.file, error)
        except (ValueError, RecursionError):
            return {}, "invalid manifest of installed modules: not JSON"
        modules = get_nested(document, "Modules")
        if not isinstance(modules, list):
            return {}, "invalid manifest of installed modules: no Modules"
        records: dict[str, _Record] = {}
        for module in modules:
            key, folder = text_of(module, "Key"), get_nested(module, "Dir")
            if key and isinstance(folder, str) and "\0" not in folder:
                records[key] = _Record(text_of(module, "Source"), text_of(module, "Version"), folder)
        return records, ""

    def _external(self, source: str) -> Path | None:
        """Return the folder into which checkov downloaded a module, next to the root module or above it."""
        repository = _repository(source)
        if repository is None:
            return None
        for parent in self._with_downloads:
            downloads = Boundary.around(parent / _EXTERNAL)
            base = Path(os.path.join(parent, _EXTERNAL, repository.path))
            if not downloads.allows(base):
                continue
            if is_folder(base):
                folder = _reference_folder(base, repository.reference)
                folder = folder / repository.inner if folder is not None else None
                return folder if folder is not None and downloads.allows(folder) and is_folder(folder) else None
        return None

    @cached_property
    def _with_downloads(self) -> list[Path]:
        """The folders, of the root module and above it, that may be read and where checkov stored modules."""
        folders = list(takewhile(current_boundary().allows, (self.root, *self.root.parents)))
        return [
            folder
            for folder in folders
            if is_folder(folder / _EXTERNAL) and current_boundary().allows(folder / _EXTERNAL)
        ]


def _is_same_source(written: str, recorded: str) -> bool:
    """True if a source may be the recorded one: Terraform records it with its host."""
    match = _REGISTRY.fullmatch(written)
    if match is None:
        return True
    short = f"{match['name']}{match['inner'] or ''}".lower()
    if match["host"] is not None:
        return recorded.lower() == f"{match['host'].lower()}/{short}"
    return recorded.lower() == short or recorded.lower().endswith(f"/{short}")


@dataclass(frozen=True)
class _Repository:
    path: str
    inner: str
    reference: str | None  # None: the only one downloaded


def _repository(source: str) -> _Repository | None:
    """Return the repository of a module source by the rules of Terraform's page "Module Sources", or None.

    The repository of a module in the public registry is ``terraform-PROVIDER-NAME`` of its namespace on GitHub.
    """
    registry = _REGISTRY.fullmatch(source)
    if registry is not None and registry["host"] in (None, "registry.terraform.io"):
        namespace, name, provider = registry["name"].split("/")
        inner, reference = (registry["inner"] or "").lstrip("/"), None
        path = f"github.com/{namespace}/terraform-{provider}-{name}"
    else:
        git = _GIT.fullmatch(source)
        if git is None:
            return None
        path, _, inner = git["path"].partition("//")
        path = f"{git['host']}/{path.removesuffix('.git')}"
        stated = re.search(r"(?:^|&)ref=([^&]+)", git["query"] or "")
        reference = stated[1] if stated is not None else "HEAD"
    is_unsafe = ".." in "/".join((path, inner, reference or "")).split("/") or "\0" in path + inner
    return None if is_unsafe else _Repository(path, inner, reference)


def _reference_folder(base: Path, reference: str | None) -> Path | None:
    """Return the folder of a reference; without a reference, the only folder, or None."""
    if reference is not None:
        return base / reference
    try:
        folders = [base / name for name in names_in(base) if is_folder(base / name)]
    except OSError:
        return None
    return folders[0] if len(folders) == 1 else None
