"""Posting a review on GitHub: one updated summary comment, line comments, a commit status, a check run."""

from passrole_checks.review.github.posting import accept, post
from passrole_checks.review.posting import Posted

__all__ = ["Posted", "accept", "post"]
