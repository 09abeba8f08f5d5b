"""What a review writes on GitHub: one comment that is kept up to date, comments at lines, a status, a check run."""

from passrole_checks.review.github.posting import post
from passrole_checks.review.threads import Posted

__all__ = ["Posted", "post"]
