"""A diagnosis of the installation as text and as JSON. The keys are promises: they may be added to, never renamed."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from passrole_checks import __version__
from passrole_checks.doctor.diagnosis import ADAPTER_FOLDERS, FOLDER, Cache, Diagnosis, Hcl2Package, Trouble
from passrole_checks.escaping.markup import json_text
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.output.findings_text import Line, StyledText

VERSION = 1


def doctor_json(found: Diagnosis, configuration: Sequence[str]) -> str:
    """All of it; ``configuration``: the keys that ``pyproject.toml`` sets."""
    return json_text(
        {
            "version": VERSION,
            "passrole_checks": {"version": __version__, "folder": str(FOLDER), "installed": found.installed},
            "python": {
                "version": platform.python_version(),
                "implementation": platform.python_implementation(),
                "program": sys.executable,
                "platform": platform.platform(),
            },
            "packages": [
                {"name": one.name, "version": one.version, "least": one.least, "needed": one.needed}
                for one in found.packages
            ],
            "terraform_reader": found.reader,
            "hosts": [{"name": one.name, "version": one.version, "checks": one.checks} for one in found.hosts],
            "leaves": {name: str(folder) for name, folder in ADAPTER_FOLDERS.items()},
            "hcl2": [{"name": one.name, "version": one.version, "intact": one.intact} for one in found.hcl2],
            "git": found.git,
            "cache": {
                "folder": found.cache.folder,
                "entries": found.cache.entries,
                "of_this_version": found.cache.current,
                "bytes": found.cache.size,
            },
            "configuration": list(configuration),
            "problems": [_trouble_entry(one) for one in found.problems],
            "remarks": [_trouble_entry(one) for one in found.remarks],
        }
    )


def _trouble_entry(one: Trouble) -> Mapping[str, Any]:
    return {"about": one.about, "problem": one.what, "remedy": one.remedy}


def doctor_lines(found: Diagnosis, configuration: Sequence[str]) -> Iterator[Line]:
    """The same for people: what is there, then what to do."""
    yield _row("passrole-checks", __version__, str(FOLDER))
    yield _row("Python", platform.python_version(), sys.executable)
    for package in found.packages:
        if package.name in ADAPTER_FOLDERS:
            continue
        absent = "not installed" if package.needed else "not installed (optional)"
        yield _row(package.name, package.version or absent)
    for name, folder in ADAPTER_FOLDERS.items():
        host = next((one for one in found.hosts if one.name == name), None)
        loads = "" if host is None else "fails to load our checks" if host.checks is None else f"{host.checks} checks"
        yield _row(name, f"{host.version}, {loads}" if host else "not installed (optional)", str(folder))
    yield _row(
        "module hcl2", " and ".join(map(_describe_package, found.hcl2)) or "not installed (needed by checkov only)"
    )
    yield _row("Terraform is read by", found.reader or "nothing")
    yield _row("git", found.git or "not installed")
    yield _row("cache", _describe_cache(found.cache), found.cache.folder or "")
    yield _row("pyproject.toml", ", ".join(configuration) or "no [tool.passrole_checks] here")
    for troubles, style in ((found.problems, "high"), (found.remarks, "low")):
        for one in troubles:
            yield ()
            yield (StyledText(f"{one.about}: ", style), StyledText(sanitize(one.what)))
            yield (StyledText(f"  {one.remedy}", "code"),)
    yield ()
    counts = ((len(found.problems), "problem"), (len(found.remarks), "warning"))
    words = ", ".join(f"{number} {noun}{'s' if number > 1 else ''}" for number, noun in counts if number)
    yield (StyledText(words or "no problems found"),)


def _describe_cache(found: Cache) -> str:
    if found.folder is None:
        return "none is kept"
    if not found.entries:
        return "empty"
    entries = f"{found.entries} entr{'ies' if found.entries > 1 else 'y'}"
    return f"{entries}, {found.current} of this version, {found.size / 1_000_000:.1f} MB"


def _describe_package(one: Hcl2Package) -> str:
    return f"{one.name} {one.version}" + ("" if one.intact else " (not its own files)")


def _row(name: str, value: str, where: str = "") -> Line:
    return (
        StyledText(f"{name:<21}"),
        StyledText(sanitize(value)),
        StyledText(f"  {sanitize(where)}" if where else "", "quiet"),
    )
