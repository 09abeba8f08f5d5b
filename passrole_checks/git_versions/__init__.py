"""Versions of a git repository, read as objects and written as plain files, so that none of their code ever runs."""

from passrole_checks.files.relocate_paths import relocate
from passrole_checks.git_versions.snapshot import Snapshots
from passrole_checks.git_versions.versions import NamedVersion, VersionPair, resolve_versions

__all__ = ["NamedVersion", "Snapshots", "VersionPair", "relocate", "resolve_versions"]
