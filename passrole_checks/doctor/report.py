"""The diagnosis as text and as JSON. The keys are a stable interface: add keys, never rename any."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from passrole_checks import __version__
from passrole_checks.doctor.diagnosis import ADAPTER_FOLDERS, FOLDER, Cache, Diagnosis, Trouble
from passrole_checks.escaping.markup import json_text
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.output.counts import count_noun
from passrole_checks.output.findings_text import Line, StyledText

VERSION = 1


def doctor_json(diagnosis: Diagnosis, configuration: Sequence[str]) -> str:
    """Return the diagnosis as JSON; ``configuration``: the keys that ``pyproject.toml`` sets."""
    return json_text(
        {
            "version": VERSION,
            "passrole_checks": {"version": __version__, "folder": str(FOLDER), "installed": diagnosis.installed},
            "python": {
                "version": platform.python_version(),
                "implementation": platform.python_implementation(),
                "program": sys.executable,
                "platform": platform.platform(),
            },
            "packages": [
                {"name": entry.name, "version": entry.version, "least": entry.minimum_version, "needed": entry.required}
                for entry in diagnosis.packages
            ],
            "terraform_reader": diagnosis.reader,
            "hosts": [
                {"name": entry.name, "version": entry.version, "checks": entry.checks} for entry in diagnosis.hosts
            ],
            "leaves": {name: str(folder) for name, folder in ADAPTER_FOLDERS.items()},
            "hcl2": [
                {"name": entry.name, "version": entry.version, "intact": entry.intact} for entry in diagnosis.hcl2
            ],
            "git": diagnosis.git,
            "cache": {
                "folder": diagnosis.cache.folder,
                "entries": diagnosis.cache.entries,
                "of_this_version": diagnosis.cache.current,
                "bytes": diagnosis.cache.size,
            },
            "configuration": list(configuration),
            "problems": [_trouble_entry(entry) for entry in diagnosis.problems],
            "remarks": [_trouble_entry(entry) for entry in diagnosis.remarks],
        }
    )


def _trouble_entry(trouble: Trouble) -> Mapping[str, Any]:
    return {"about": trouble.about, "problem": trouble.problem, "remedy": trouble.remedy}


def doctor_lines(diagnosis: Diagnosis, configuration: Sequence[str]) -> Iterator[Line]:
    """Return the diagnosis as lines of text: the installation, then problems and remedies."""
    yield _row("passrole-checks", __version__, str(FOLDER))
    yield _row("Python", platform.python_version(), sys.executable)
    for package in diagnosis.packages:
        if package.name in ADAPTER_FOLDERS:
            continue
        absent = "not installed" if package.required else "not installed (optional)"
        yield _row(package.name, package.version or absent)
    for name, folder in ADAPTER_FOLDERS.items():
        host = next((entry for entry in diagnosis.hosts if entry.name == name), None)
        loads = "" if host is None else "fails to load our checks" if host.checks is None else f"{host.checks} checks"
        yield _row(name, f"{host.version}, {loads}" if host else "not installed (optional)", str(folder))
    hcl2 = (f"{one.name} {one.version}{'' if one.intact else ' (files overwritten)'}" for one in diagnosis.hcl2)
    yield _row("module hcl2", " and ".join(hcl2) or "not installed (needed by checkov only)")
    yield _row("Terraform parser", diagnosis.reader or "none")
    yield _row("git", diagnosis.git or "not installed")
    yield _row("cache", _describe_cache(diagnosis.cache), diagnosis.cache.folder or "")
    yield _row("pyproject.toml", ", ".join(configuration) or "no [tool.passrole_checks] here")
    for troubles, style in ((diagnosis.problems, "high"), (diagnosis.remarks, "low")):
        for entry in troubles:
            yield ()
            yield (StyledText(f"{entry.about}: ", style), StyledText(sanitize(entry.problem)))
            yield (StyledText(f"  {entry.remedy}", "code"),)
    yield ()
    counts = ((len(diagnosis.problems), "problem"), (len(diagnosis.remarks), "warning"))
    words = ", ".join(count_noun(number, noun) for number, noun in counts if number)
    yield (StyledText(words or "no problems found"),)


def _describe_cache(cache: Cache) -> str:
    if cache.folder is None:
        return "disabled"
    if not cache.entries:
        return "empty"
    entries = count_noun(cache.entries, "entry", "entries")
    return f"{entries}, {cache.current} of this version, {cache.size / 1_000_000:.1f} MB"


def _row(name: str, value: str, where: str = "") -> Line:
    return (
        StyledText(f"{name:<21}"),
        StyledText(sanitize(value)),
        StyledText(f"  {sanitize(where)}" if where else "", "quiet"),
    )
