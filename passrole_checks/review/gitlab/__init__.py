"""Posting a review on GitLab: one updated summary note, and threads on lines.

Without a token only the Code Quality report (``--format gitlab``) shows the findings: an artifact of the job. GitLab
compares it with the report of the target branch itself (GitLab Docs, "Code Quality", section on the merge request
widget), so it contains all findings of HEAD, not only new ones. The verdict is the status of the job.
"""

from functools import partial

from passrole_checks.review import posting
from passrole_checks.review.gitlab.discussion import GitLabDiscussions

post, accept = partial(posting.post, GitLabDiscussions), partial(posting.accept, GitLabDiscussions)
