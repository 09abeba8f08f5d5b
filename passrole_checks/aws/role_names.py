"""Names of roles in public infrastructure code.

``role_names.txt`` lists them, each below the repository that it is from. They stand for the roles of an unknown
account.
"""

from __future__ import annotations

from functools import cache

from passrole_checks.aws.data_files import read_lines


@cache
def common_role_names() -> tuple[str, ...]:
    """Return the names."""
    return tuple(read_lines("role_names.txt"))
