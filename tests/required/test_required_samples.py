"""The samples of ``required`` print exactly the expected output next to them.

``python -m tools.regenerate`` writes what the command line prints now.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import expected_outputs
import pytest

from passrole_checks.required.required_grants import compute_required
from passrole_checks.scan.scanner import ScanOptions, read_paths

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "sample_templates" / "required"
FORMATS = ("terraform", "plan", "cloudformation", "sam", "cdk", "stacks")
ACCOUNT = "111122223333"


def printed(name: str, *options: str) -> str:
    """Return the output of ``passrole-checks required sample_templates/required/NAME``."""
    return expected_outputs.printed(
        "required", f"sample_templates/required/{name}", "--account", ACCOUNT, *options, status=0
    )


@pytest.mark.parametrize("name", FORMATS)
def test_sample_prints_its_expected_output(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The roles, the services, the resources and the statements of a sample are exactly the expected ones."""
    monkeypatch.chdir(ROOT)
    assert printed(name) == (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def test_a_plan_hands_out_the_roles_that_its_terraform_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan and the Terraform code that it was made from hand the same roles of theirs to the same resources."""
    monkeypatch.chdir(ROOT)

    def own(name: str) -> set[tuple[str, str, str, tuple[str, ...]]]:
        units = read_paths([FOLDER / name], ScanOptions()).units
        found = compute_required([configuration for _, configuration in units], ACCOUNT).received
        return {
            (one.label, one.received.resource.address, one.received.attribute, one.services)
            for one in found
            if one.role is not None
        }

    assert own("plan") == own("terraform")
    assert len(own("plan")) == 5


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the files beside the samples, with the text that the command prints now."""
    for name in FORMATS:
        yield FOLDER / f"{name}.txt", printed(name)
