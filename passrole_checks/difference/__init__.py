"""What of PassRole access differs between two versions of infrastructure code."""

from passrole_checks.difference.compare import Change, Difference, difference_of

__all__ = ["Change", "Difference", "difference_of"]
