"""The verdict on the commit as a commit status.

The verdict follows from the report and the policy only, not from what could be posted. Sources: GitHub Docs, "REST API
endpoints for commit statuses" (descriptions have at most 140 characters); Gitea's API description, CreateStatusOption.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from passrole_checks.escaping.shorten import truncate
from passrole_checks.review.ci_context import Context, PostOptions
from passrole_checks.review.markdown.headline import headline
from passrole_checks.review.report import ReviewReport, ReviewVerdict

CHECK_NAME = "passrole-checks"
_MAX_DESCRIPTION = 140
_STATES = {ReviewVerdict.CLEAN: "success", ReviewVerdict.FINDINGS: "failure", ReviewVerdict.UNDETERMINED: "error"}


def check_name(options: PostOptions) -> str:
    """Return the context of the status and name of the check run: distinct for each review of a pull request."""
    return CHECK_NAME if options.key == PostOptions().key else truncate(f"{CHECK_NAME} ({options.key})", 100)


def status_document(report: ReviewReport, context: Context, options: PostOptions) -> dict[str, str]:
    """Return the status of the reviewed commit, as the API takes it."""
    document = {
        "state": _STATES[report.verdict],
        "context": check_name(options),
        "description": truncate(headline(report), _MAX_DESCRIPTION),
    }
    if target := http_url(context.run.url):
        document["target_url"] = target
    return document


def http_url(url: str) -> str:
    """Return a URL for browsers; "" for any other."""
    return url if urlsplit(url).scheme in ("http", "https") else ""
