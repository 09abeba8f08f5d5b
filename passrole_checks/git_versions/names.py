"""Results about files in a temporary folder, told with the names that people know them by."""

from passrole_checks.files.relocate_paths import relocate

__all__ = ["relocate"]
