"""Folders that other folders call as a module, and that are root modules all the same.

Somebody applies a folder with values of its own; and a module that only its examples or tests call is published: others
call it with its defaults. Sources: Terraform language documentation, "Assign values to root module variables"
(``terraform.tfvars``), "Standard Module Structure" (``examples/``) and "Tests" (``tests/``).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from passrole_checks.files.unsaved_texts import names_in
from passrole_checks.sources.files.exclude_patterns import NO_EXCLUSIONS, Exclusions
from passrole_checks.sources.files.file_types import is_loaded_automatically
from passrole_checks.sources.files.read_boundary import current_boundary
from passrole_checks.sources.terraform.reading.files import MAX_FILE_BYTES, parse_file, terraform_files

EXAMPLE_FOLDERS = frozenset({"example", "examples", "test", "tests"})


def called_roots(calls: Mapping[Path, Collection[Path]], exclusions: Exclusions = NO_EXCLUSIONS) -> Iterator[Path]:
    """Yield the called folders that are root modules as well. ``calls``: the folders that each folder calls."""
    callers: dict[Path, list[Path]] = {}
    for folder, called in calls.items():
        for one in called:
            callers.setdefault(one, []).append(folder)
    for folder, by in callers.items():
        only_examples = all(_is_example(caller, folder) for caller in by)
        if _has_own_values(folder) or (only_examples and _has_wide_default(folder, exclusions)):
            yield folder


def _is_example(caller: Path, called: Path) -> bool:
    """True if a folder that calls a module is in a folder of examples or tests, and the module is not."""
    common = os.path.commonpath((caller, called))
    inside = caller.relative_to(common).parts
    return not EXAMPLE_FOLDERS.isdisjoint(inside)


def _has_own_values(folder: Path) -> bool:
    """True if a folder has a file of values that Terraform loads there by itself."""
    try:
        names = names_in(folder)
    except OSError:
        return False
    return any(map(is_loaded_automatically, names))


def _has_wide_default(folder: Path, exclusions: Exclusions) -> bool:
    """True if the default of a variable has a wildcard."""
    for name in terraform_files(folder, exclusions):
        try:
            data = current_boundary().read(name, MAX_FILE_BYTES)
        except OSError:
            continue
        if b"variable" not in data or b"*" not in data:
            continue
        for block in parse_file(name).body.all("variable"):
            default = block.body.get("default")
            if default is not None and b"*" in default.source_bytes:
                return True
    return False
