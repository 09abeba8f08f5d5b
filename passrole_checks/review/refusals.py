"""Refusals of a forge that no permission of the token changes, recognized by their messages.

Sources: GitHub Docs, "Locking conversations", "Archiving repositories", "Managing allowed IP addresses for your
organization", "About authentication with SAML single sign-on", "Blocking a user from your organization", "Limiting
interactions in your repository"; GitLab Docs, "Restrict group access by IP address", "Account and limit settings".
"""

from __future__ import annotations

import re

from passrole_checks.review.http import ForgeError, RateLimited

_CAUSES = (
    (r"\barchived\b", "the repository is archived, hence read-only"),
    (r"\blocked\b", "the conversation is locked"),
    (
        r"\bip allow ?list\b|\bip address\b",
        "only some IP addresses may use the API, and that of this job is none of them",
    ),
    (r"\bsaml\b|\bsso\b", "the organization requires single sign-on, and the token is not authorized for that"),
    (r"\baccess blocked\b", "access to the repository is blocked"),
    (r"\bblocked\b", "the owner of the token is blocked"),
    (r"\bsuspended\b", "the account of the token is suspended"),
    (r"\binteractions?\b.*\b(?:restricted|limited|limits?)\b", "interactions with the repository are limited"),
    (r"\bterms of (?:service|use)\b", "the owner of the token has not accepted the terms of service"),
)


def refusal_cause(error: ForgeError) -> str | None:
    """Return why the forge refuses, as a clause; None if a permission may be missing, or for any other error."""
    if isinstance(error, RateLimited):
        return error.reason
    if error.status < 400 or error.status >= 500:
        return None
    for pattern, cause in _CAUSES:
        if re.search(pattern, error.reason, re.IGNORECASE):
            return f"{cause} ({error.status}: {error.reason})"
    return None
