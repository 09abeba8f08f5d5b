"""Differences in PassRole access between two versions of infrastructure code."""

from passrole_checks.diff.change import AccessDifference, GrantChange
from passrole_checks.diff.compare import compare_paths, compare_versions
from passrole_checks.diff.read_versions import Side

__all__ = ["AccessDifference", "GrantChange", "Side", "compare_paths", "compare_versions"]
