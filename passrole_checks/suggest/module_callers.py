"""Find the Terraform folders that call a module, among all readable folders, scanned or not."""

from __future__ import annotations

import os
from collections import defaultdict
from functools import cached_property
from pathlib import Path

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.read_boundary import Boundary
from passrole_checks.sources.files.walk import find_files_to_scan

_SOURCE = lazy_regex(rb'"source"\s*:\s*"(\.\.?/[^"\n]*|\.\.?)"|\bsource\s*=\s*"(\.\.?/[^"\n]*|\.\.?)"')
_MOST_FILES = 20_000
_MOST_NAMES = 200_000  # of files of any kind
_LARGEST = 2_000_000  # bytes of one file


class ModuleCallers:
    """The folders within a boundary whose files call local modules, found by matching the text of ``module`` blocks."""

    def __init__(self, boundary: Boundary) -> None:
        self._boundary = boundary

    def of(self, folder: str) -> frozenset[str]:
        """Return the folders that call the module in ``folder`` directly."""
        return frozenset(self._known[0].get(os.path.realpath(folder), ()))

    @property
    def is_complete(self) -> bool:
        """True if all files could be read and the limits were not exceeded."""
        return self._known[1]

    @cached_property
    def _known(self) -> tuple[dict[str, set[str]], bool]:
        found: dict[str, set[str]] = defaultdict(set)
        broken: list[Path] = []
        names = files = 0
        for top in self._boundary.folders or ():
            for file in map(Path, find_files_to_scan(Path(top), lambda path, _: broken.append(path))):
                names += 1
                files += is_terraform_file(file)
                if names > _MOST_NAMES or files > _MOST_FILES:
                    return found, False
                if not is_terraform_file(file):
                    continue
                try:
                    data = self._boundary.read(file, _LARGEST)
                except OSError:
                    broken.append(file)
                    continue
                for json, hcl in _SOURCE.findall(data):
                    called = os.path.join(file.parent, os.fsdecode(json or hcl))
                    found[os.path.realpath(called)].add(str(file.parent))
        return found, not broken
