"""Which Terraform folders call a module, in all that may be read and not only in what was scanned."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from functools import cached_property
from pathlib import Path

from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.read_boundary import Boundary
from passrole_checks.sources.files.walk import find_files_to_scan

_SOURCE = re.compile(rb'"source"\s*:\s*"(\.\.?/[^"\n]*|\.\.?)"|\bsource\s*=\s*"(\.\.?/[^"\n]*|\.\.?)"')
_MOST_FILES = 20_000
_MOST_NAMES = 200_000  # of files of any kind
_LARGEST = 2_000_000  # bytes of one file


class Callers:
    """The folders within a boundary whose files call local modules. Their ``module`` blocks are found by their text."""

    def __init__(self, boundary: Boundary) -> None:
        self._boundary = boundary

    def of(self, folder: str) -> frozenset[str]:
        """Return the folders that call the module in ``folder`` directly."""
        return frozenset(self._known[0].get(os.path.realpath(folder), ()))

    @property
    def is_complete(self) -> bool:
        """True where there are not too many files to look at, and all can be read."""
        return self._known[1]

    @cached_property
    def _known(self) -> tuple[dict[str, set[str]], bool]:
        found: dict[str, set[str]] = defaultdict(set)
        broken: list[Path] = []
        names = files = 0
        for top in self._boundary.folders or ():
            for file in find_files_to_scan(Path(top), lambda path, _: broken.append(path)):
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
