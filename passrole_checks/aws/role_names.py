"""Names of roles in public infrastructure code.

``role_names.txt`` lists them, each below the repository that it is from. They stand for the roles of an unknown
account.
"""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def common_role_names() -> tuple[str, ...]:
    """Return the names."""
    data = resources.files("passrole_checks.aws").joinpath("role_names.txt").read_text(encoding="utf-8")
    return tuple(line for line in data.splitlines() if line and not line.startswith("#"))
