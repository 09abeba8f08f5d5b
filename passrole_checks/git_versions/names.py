"""Rewrite paths in results from a temporary folder to the names that users know."""

from passrole_checks.files.relocate_paths import relocate

__all__ = ["relocate"]
