"""Variable values that Terraform always loads for a root module.

Source: Terraform's page "Input Variables", "Variable Definition Precedence": ``terraform.tfvars``, then
``terraform.tfvars.json``, then ``*.auto.tfvars`` and ``*.auto.tfvars.json`` by name; later ones
win.
"""

from __future__ import annotations

import os
from pathlib import Path

from passrole_checks.sources.terraform.files import parse_file
from passrole_checks.sources.terraform.syntax import ParsedFile

_FIRST = ("terraform.tfvars", "terraform.tfvars.json")
_AUTOMATIC = (".auto.tfvars", ".auto.tfvars.json")


def read_tfvars(folder: Path) -> list[ParsedFile]:
    """The files of variable values of a root module, in the order in which Terraform loads them. Never raises."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    found = [name for name in _FIRST if name in names] + [name for name in names if name.endswith(_AUTOMATIC)]
    return [parse_file(folder / name) for name in found if not (folder / name).is_dir()]
