"""How files are named, where the name alone decides.

Sources: Terraform's page "Files and Configuration Structure"; OpenTofu's page "Files and Directories".
"""

from __future__ import annotations

from pathlib import Path

TERRAFORM_SUFFIXES = (".tf", ".tofu", ".tf.json", ".tofu.json")


def is_terraform_file(path: Path) -> bool:
    """Whether a path is named like a file of Terraform or OpenTofu configuration."""
    return is_terraform_name(path.name)


def is_terraform_name(name: str) -> bool:
    """The same of the name of a file."""
    return name.endswith(TERRAFORM_SUFFIXES) and not name.startswith((".", "#")) and not name.endswith("~")
