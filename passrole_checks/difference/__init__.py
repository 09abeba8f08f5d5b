"""What of PassRole access differs between two versions of infrastructure code."""

from passrole_checks.difference.change import Change, Difference
from passrole_checks.difference.compare import difference_between, difference_of
from passrole_checks.difference.reading import Side

__all__ = ["Change", "Difference", "Side", "difference_between", "difference_of"]
