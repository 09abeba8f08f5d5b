"""What a review writes on GitLab: one note that is kept up to date, and threads at lines.

Without a token nothing of that is written, and the report of Code Quality (``--format gitlab``) tells it: it is an
artifact of the job, which needs none. GitLab compares the report of a merge request with that of the target branch
itself (GitLab Docs, "Code Quality", section on the merge request widget), so that it holds all findings of HEAD, and
not only the new ones. The verdict is the status of the job.
"""

from passrole_checks.review.gitlab.posting import post
from passrole_checks.review.threads import Posted

__all__ = ["Posted", "post"]
