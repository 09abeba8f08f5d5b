"""The conversation of a pull request, for the summary that is kept in it
(:mod:`passrole_checks.review.summary_comment`).

Sources: GitHub Docs, "REST API endpoints for issue comments", GraphQL API, "minimizeComment".
"""

from __future__ import annotations

from collections.abc import Sequence

from passrole_checks.review.github.api import GitHub, IssueComment


class PullRequestConversation:
    """Of the pull request ``number``. Each call raises a :class:`~passrole_checks.review.http.ForgeError`."""

    def __init__(self, github: GitHub, number: int) -> None:
        self._github, self._number = github, number
        self._node_ids: dict[int, str] = {}  # by which GraphQL knows the comments that were read

    @property
    def is_dry(self) -> bool:
        return self._github.client.is_dry

    def comments(self) -> Sequence[IssueComment]:
        """All of them, oldest first."""
        found = self._github.comments(self._number)
        self._node_ids |= {comment.id: comment.node_id for comment in found}
        return found

    def create_comment(self, body: str) -> int:
        return self._github.create_comment(self._number, body)

    def edit_comment(self, id: int, body: str) -> None:
        self._github.edit_comment(id, body)

    def delete_comment(self, id: int) -> None:
        self._github.delete_comment(id)

    def hide_comment(self, id: int) -> None:
        """Of those that were read."""
        self._github.minimize(self._node_ids[id])
