"""Differences in PassRole access between two versions of infrastructure code."""

from passrole_checks.diff.change import AccessDifference, GrantChange
from passrole_checks.diff.compare import difference_between, difference_of
from passrole_checks.diff.read_versions import Side

__all__ = ["AccessDifference", "GrantChange", "Side", "difference_between", "difference_of"]
