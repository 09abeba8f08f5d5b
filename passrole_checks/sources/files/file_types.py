"""Recognize Terraform files by name alone.

Sources: Terraform's pages "Files and Configuration Structure" and "Input Variables"; OpenTofu's page "Files and
Directories".
"""

from __future__ import annotations

from pathlib import Path

TERRAFORM_SUFFIXES = (".tf", ".tofu", ".tf.json", ".tofu.json")
LOADED_FIRST = ("terraform.tfvars", "terraform.tfvars.json")
"""The values that Terraform loads first, in this order."""
_AUTOMATIC = (".auto.tfvars", ".auto.tfvars.json")


def is_terraform_file(path: Path) -> bool:
    """True if a path is named like a Terraform or OpenTofu configuration file."""
    return is_terraform_name(path.name)


def is_terraform_name(name: str) -> bool:
    """True if a file name is that of a Terraform or OpenTofu configuration file."""
    return name.endswith(TERRAFORM_SUFFIXES) and not name.startswith((".", "#")) and not name.endswith("~")


def is_loaded_automatically(name: str) -> bool:
    """True if Terraform loads a file of values of this name for a root module by itself."""
    return name in LOADED_FIRST or name.endswith(_AUTOMATIC)
