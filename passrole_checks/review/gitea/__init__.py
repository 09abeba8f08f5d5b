"""Posting a review on Gitea or Forgejo: one updated summary comment, line comments, a commit status.

Both have GitHub's calls for pull requests, comments and statuses (:mod:`passrole_checks.review.repository_api`).
"""

from functools import partial

from passrole_checks.review import posting
from passrole_checks.review.gitea.api import Gitea

post = partial(posting.post, Gitea)
