"""Corpora of any size, the same on every machine.

A corpus of twice the size begins with the same files and has twice as many: each group of files is drawn from a seed of
its own. How large files are, and how many of them are about IAM, follows public repositories (their names and figures
are in ``tests/benchmarks/README.md``).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from benchmarking import large_plan, shared_modules, template_files, terraform_files


def terraform(folder: Path, systems: int) -> Path:
    """Write the Terraform files of so many systems, :data:`terraform_files.FILES` each."""
    return _write(folder, islice(terraform_files.systems(), systems * terraform_files.FILES))


def shared_modules_corpus(folder: Path, roots: int) -> Path:
    """Write so many Terraform roots that call the same modules."""
    return _write(folder, islice(shared_modules.roots(), shared_modules.files(roots)))


def history(folder: Path, systems: int) -> Path:
    """Write a repository of so many systems, whose last commit changes one root."""
    terraform(folder, systems)
    _commit(folder, "init", "--quiet")
    root = next((folder / "systems").glob("*-4" if systems > 4 else "*"))
    for change in (
        "",
        '\nresource "aws_iam_role_policy" "more" {\n  role   = "more"\n  policy = jsonencode({\n'
        '    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]\n  })\n}\n',
    ):
        with (root / "iam.tf").open("a", encoding="utf-8") as file:
            file.write(change)
        _commit(folder, "add", "--all")
        _commit(folder, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "change")
    return folder


def _commit(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def templates(folder: Path, files: int) -> Path:
    """Write so many CloudFormation templates, every other one in JSON."""
    return _write(folder, islice(template_files.templates(), files))


def root(folder: Path, files: int) -> Path:
    """Write a root module of so many files: functions with their roles, and in each fifth file a policy."""
    return _write(folder, ((f"file{number:02}.tf", _file_of_root(number)) for number in range(files)))


def _file_of_root(number: int) -> str:
    principal = '{ Service = "lambda.amazonaws.com" }'
    trust = f'{{ Effect = "Allow", Action = "sts:AssumeRole", Principal = {principal} }}'
    parts = [
        f'resource "aws_lambda_function" "f{number}_{part}" {{\n  function_name = "f{number}-{part}"\n'
        f"  role          = aws_iam_role.r{number}_{part}.arn\n}}\n"
        f'resource "aws_iam_role" "r{number}_{part}" {{\n  name               = "app-{number}-{part}"\n'
        f"  assume_role_policy = jsonencode({{ Statement = [{trust}] }})\n}}\n"
        f'resource "aws_s3_bucket" "b{number}_{part}" {{\n  bucket = "b-{number}-{part}"\n}}\n'
        for part in range(4)
    ]
    if number % 5 == 0:
        actions = '["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]'
        parts.append(
            f'resource "aws_iam_role_policy" "p{number}" {{\n  role   = aws_iam_role.r{number}_0.id\n'
            f"  policy = jsonencode({{\n    Statement = [{{\n"
            f'      Effect   = "Allow"\n      Action   = {actions}\n      Resource = "*"\n    }}]\n  }})\n}}\n'
        )
    return "".join(parts)


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
