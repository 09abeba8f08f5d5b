"""Corpora of any size, the same on every machine.

A corpus of twice the size begins with the same files and has twice as many: each group of files is drawn from a seed of
its own. How large files are, and how many of them are about IAM, follows public repositories (their names and figures
are in ``tests/benchmarks/README.md``).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from benchmarking import large_plan, template_files, terraform_files


def terraform(folder: Path, systems: int) -> Path:
    """Write the Terraform files of so many systems, :data:`terraform_files.FILES` each."""
    return _write(folder, islice(terraform_files.systems(), systems * terraform_files.FILES))


def templates(folder: Path, files: int) -> Path:
    """Write so many CloudFormation templates, every other one in JSON."""
    return _write(folder, islice(template_files.templates(), files))


def plan(folder: Path, size: int) -> Path:
    """Write a Terraform plan as JSON, on one line as Terraform does, of at least ``size`` bytes."""
    path = folder / "plan.json"
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(large_plan.plan(size))
    return path


def _write(folder: Path, made: Iterable[tuple[str, str]]) -> Path:
    for name, text in made:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder
