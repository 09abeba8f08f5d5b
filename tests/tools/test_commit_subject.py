"""The commit-msg hook accepts subjects with an area and at most 72 characters, and refuses others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.commit_subject import MAX_LENGTH, problems

ROOT = Path(__file__).resolve().parents[2]
LONGEST = "iam: " + "x" * (MAX_LENGTH - len("iam: "))


@pytest.mark.parametrize(
    "message",
    [
        "terraform: speed up managed-policy detection\n",
        "iam, access: move service trust\n\nWhy it moved.\n",
        "cfn-lint: report info rules\n",
        LONGEST,
        f"\n# Please enter the commit message\n{LONGEST}\n# On branch main\n",
        f"review: fix labels\n# ------------------------ >8 ------------------------\n{'x' * 100}\n",
        "Merge branch 'main' of a repository with an address that is longer than seventy-two characters\n",
        'Revert "A subject from the time before there were areas, which is longer than that"\n\nThis reverts 1.\n',
        "fixup! terraform: speed up managed-policy detection\n",
        "# nothing but comments\n",
    ],
)
def test_good_message_is_accepted(message: str) -> None:
    """An area, a short subject and an empty line before the body are enough; git's own messages stay as they are."""
    assert problems(message) == []


@pytest.mark.parametrize(
    "message",
    [
        LONGEST + "x",
        "Speed up managed-policy detection",
        "Terraform: speed up managed-policy detection",
        "terraform:speed up",
        "terraform: ",
        "iam,access: move service trust",
        "terraform: speed up managed-policy detection.",
        "terraform: speed up\nmanaged-policy detection",
        "Merged branch",
    ],
)
def test_bad_message_has_one_problem(message: str) -> None:
    """Each rule is broken alone here, and reported once."""
    assert len(problems(message)) == 1


def test_hook_names_every_problem_and_fails(tmp_path: Path) -> None:
    """The script that git runs prints one line for each problem, and ends with exit status 1; else with 0."""
    file = tmp_path / "COMMIT_EDITMSG"
    command = [sys.executable, ROOT / "tools" / "commit_subject.py", file]
    file.write_text("Speed up" + "." * MAX_LENGTH + "\nmore\n", "utf-8")
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 4)
    file.write_text("terraform: speed up\n", "utf-8")
    accepted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (accepted.returncode, accepted.stderr) == (0, "")


def test_hook_is_installed_as_commit_msg() -> None:
    """`pre-commit install` installs the hook, since the configuration names its type."""
    yaml = pytest.importorskip("yaml")
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert "commit-msg" in configuration["default_install_hook_types"]
    (hook,) = [
        hook for repo in configuration["repos"] for hook in repo["hooks"] if "commit-msg" in hook.get("stages", ())
    ]
    assert hook["entry"] == "python tools/commit_subject.py"
