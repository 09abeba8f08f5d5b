"""Results about files in a temporary folder, told with the names that people know them by."""

from passrole_checks.places import with_known_names

__all__ = ["with_known_names"]
