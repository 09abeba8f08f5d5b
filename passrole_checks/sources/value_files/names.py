"""Recognize files with values by their names.

Sources: Terraform's page "Input Variables", "Variable Definitions (.tfvars) Files"; AWS SAM Developer Guide, "AWS SAM
CLI configuration file"; AWS Control Tower User Guide, "The CfCT manifest file".
"""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path

from passrole_checks.sources.files.file_types import is_loaded_automatically

SAMCONFIG = frozenset({"samconfig.toml", "samconfig.yaml", "samconfig.yml"})
MANIFEST = frozenset({"manifest.yaml", "manifest.yml"})


def is_terraform_values(path: Path) -> bool:
    """True if a file has values of Terraform variables."""
    return path.name.endswith((".tfvars", ".tfvars.json"))


def is_loaded_by_terraform(path: Path, folders: Container[Path]) -> bool:
    """True if Terraform loads a file of values without an option. ``folders`` are those with configuration."""
    return path.parent in folders and is_loaded_automatically(path.name)


def may_have_parameters(path: Path) -> bool:
    """True if a file that is not infrastructure code may have values of CloudFormation parameters."""
    return path.suffix == ".json" or path.name in SAMCONFIG or path.name in MANIFEST
