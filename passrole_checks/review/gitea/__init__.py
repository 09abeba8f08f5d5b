"""Posting a review on Gitea or Forgejo: one updated summary comment, line comments, a commit status.

Both have GitHub's calls for pull requests, comments and statuses (:mod:`passrole_checks.review.repository_api`).
"""

from passrole_checks.review.gitea.posting import post
from passrole_checks.review.posting import Posted

__all__ = ["Posted", "post"]
