"""Nothing is read or written outside of the repository or the folder that was given, whatever the tree refers to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from leading_out import ASK, CANARY, COMMAND, OUTSIDE, make, run

from passrole_checks.cli.options import GRADES

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs symbolic links and pipes")

FORMATS = ("text", "json", "sarif", "junit", "github", "gitlab", "markdown")
COMMANDS = [
    ["scan", ".", "--no-cache", *(word for name in FORMATS for word in ("--format", name, "--output", f"out.{name}"))],
    ["scan", "."],
    ["scan", ".", "second", "third", "cdk.out/manifest.json", "stack.yaml", "main.tf"],
    ["scan", ".", "--no-cache", "--var-file", "../given.tfvars"],
    ["grants", ".", "--all", "--format", "json"],
    ["grants", ".", "--format", "html"],
    ["required", ".", "--format", "json"],
    ["suggest", ".", "--format", "json"],
    ["fix", ".", *(word for name in GRADES if name != "observed" for word in ("--grade", name))],
    ["diff", "../before", ".", "--format", "json"],
    ["diff", ".", "../before", "--format", "json"],
]


@pytest.fixture(params=["folder", "repository"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A hostile tree and what is outside of it, in a repository and without one."""
    inside, outside = make(tmp_path)
    if request.param == "repository":
        (inside / ".git").mkdir()
    before = tmp_path / "before"
    shutil.copytree(inside, before, symlinks=True)
    (tmp_path / "given.tfvars").write_text('role = "arn:aws:iam::111122223333:role/app"\nother = "x"\n')
    (before / "main.tf").write_text((inside / "main.tf").read_text().replace('[var.role, "*"]', "[var.role]"))
    for path in sorted(before.rglob("*")):
        if path.is_symlink() and path.suffix == ".tf":
            path.unlink()
            path.write_text("# a regular file before\n")
    return inside, outside


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command)[:60])
def test_no_command_reads_or_writes_outside(tree: tuple[Path, Path], command: list[str]) -> None:
    """No file outside is opened, none changes, and no output quotes one."""
    inside, outside = tree
    status, printed, opened = run(COMMAND, outside, *command, cwd=inside)
    assert opened == []
    assert CANARY not in printed
    reports = sorted(inside.glob("out.*"))
    assert len(reports) == (len(FORMATS) if "out.json" in command else 0)
    assert all(CANARY not in report.read_text() for report in reports)
    assert "Traceback" not in printed
    assert status == 2 or command[0] in ("suggest", "diff", "grants", "required")
    assert {name: (outside / name).read_text() for name in OUTSIDE} == OUTSIDE
    assert sorted(str(path.relative_to(outside)) for path in outside.rglob("*") if path.is_file()) == sorted(OUTSIDE)


def test_adapters_read_nothing_outside(tree: tuple[Path, Path]) -> None:
    """Answers to checkov and cfn-lint about files in the given folder use no file outside it."""
    inside, outside = tree
    status, printed, opened = run(ASK, outside, inside, cwd=inside)
    assert (status, opened) == (0, [])
    assert CANARY not in printed


@pytest.mark.parametrize("becomes", ["main.tf", "mod", "values.auto.tfvars"])
def test_what_is_kept_of_a_scan_leads_nowhere(tmp_path: Path, becomes: str) -> None:
    """After a scan that is kept, a file or folder is replaced by a link: its target is not opened to compare it."""
    inside, outside = tmp_path / "tree", tmp_path / "outside"
    for top in (inside, outside):
        (top / "mod").mkdir(parents=True)
        (top / "mod/main.tf").write_text(f"# {CANARY if top == outside else ''}\n")
        (top / "main.tf").write_text('variable "x" {}\nmodule "m" {\n  source = "./mod"\n}\n')
        (top / "values.auto.tfvars").write_text('x = "y"\n')
    assert run(COMMAND, outside, "scan", ".", cwd=inside)[0] == 0
    assert any(path.is_file() for path in (tmp_path / "cache").rglob("*"))  # so that it is used
    (inside / becomes).rename(tmp_path / "gone")
    (inside / becomes).symlink_to(outside / becomes)
    status, printed, opened = run(COMMAND, outside, "scan", ".", cwd=inside)
    assert opened == []
    assert becomes in printed
    assert CANARY not in printed
    assert status == (0 if becomes == "mod" else 2)  # a module outside is a note, like a missing one
