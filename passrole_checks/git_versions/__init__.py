"""Versions of a git repository, read as objects and laid out as plain files, so that nothing of them is ever run."""

from passrole_checks.git_versions.names import with_known_names
from passrole_checks.git_versions.snapshot import Snapshots
from passrole_checks.git_versions.versions import Asked, Comparison, asked_for

__all__ = ["Asked", "Comparison", "Snapshots", "asked_for", "with_known_names"]
