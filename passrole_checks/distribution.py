"""How to get this package: its name, what it depends on, and the commands that install that.

Every message that says how to install takes the command from here. Commands name dependencies only: before the first
release others could register the name or the address of this package, and ``.`` would install the scanned folder. A
test searches all shipped text.
"""

from __future__ import annotations

import sys

NAME = "passrole-checks"

# Minimum versions, as in pyproject.toml (a test compares them); a clone has no package metadata to read them from.
REQUIRED = {
    "click": "8.1", "pathspec": "0.12", "platformdirs": "3.0", "PyYAML": "6.0.1", "regex": "2024.11.6", "rich": "13.7",
    "tree-sitter": "0.24", "tree-sitter-hcl": "1.2",
}  # fmt: skip
if sys.version_info < (3, 11):
    REQUIRED["tomli"] = "2.0"
OPTIONAL = {
    "requests": "2.31", "distributed": "2025.1", "duckdb": "1.1", "mcp": "2.0", "pygls": "2.0", "python-hcl2": "8.1",
}  # fmt: skip
HOSTS = {"checkov": "3.2.533", "cfn-lint": "1.57"}


def pip(arguments: str) -> str:
    """Return a command of pip for this environment that runs nothing of the folder in which it is pasted.

    ``-I`` because Python otherwise imports ``pip`` from the working directory first ("Command line and environment").
    """
    return f"{sys.executable or 'python'} -I -m pip {arguments}"


def pip_install(package: str) -> str:
    """Return the command that installs a dependency in a version that this package accepts."""
    return pip(f"install '{package}>={(REQUIRED | OPTIONAL | HOSTS)[package]}'")
