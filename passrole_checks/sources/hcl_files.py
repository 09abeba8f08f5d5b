"""Files in HCL beside Terraform's configuration files, recognized by name.

Sources: Terraform documentation, "Tests" (``.tftest.hcl``) and "Stacks" (``.tfcomponent.hcl``, ``.tfdeploy.hcl``,
formerly ``.tfstack.hcl``); OpenTofu documentation, "Command: test"; Terragrunt documentation, "Explicit Stacks".
"""

from __future__ import annotations

from pathlib import Path

from passrole_checks.sources.model.configuration import NoteKind, Unreadable

TERRAGRUNT = "terragrunt.hcl"
_NOT_EVALUATED = {
    (".tftest.hcl", ".tofutest.hcl", ".tftest.json", ".tofutest.json"): "Terraform tests are not evaluated",
    (".tfcomponent.hcl", ".tfstack.hcl", ".tfdeploy.hcl"): "components and deployments of Terraform Stacks are not "
    "evaluated",
    ("terragrunt.stack.hcl",): "units of Terragrunt stacks are not evaluated",
}


def is_terragrunt(file: Path) -> bool:
    """True for a unit of Terragrunt."""
    return file.name == TERRAGRUNT


def note_on(file: Path) -> Unreadable | None:
    """Return a note on a file that may give values to modules and is not evaluated; None for any other file.

    Of several such files in a folder one is named.
    """
    for suffixes, reason in _NOT_EVALUATED.items():
        if file.name.endswith(suffixes):
            return Unreadable(str(file), reason, subject=f"{file.parent}/ {reason}", kind=NoteKind.OTHER_TOOL)
    return None
