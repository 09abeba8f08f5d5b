"""Posting a review on GitHub: one updated summary comment, line comments, a commit status, a check run."""

from functools import partial

from passrole_checks.review import posting
from passrole_checks.review.github.discussion import GitHubDiscussions

post, accept = partial(posting.post, GitHubDiscussions), partial(posting.accept, GitHubDiscussions)
