"""Notes, contributors and groups of a merge request, as GitLab attests them, to accept items by reply.

Sources: GitLab Docs, GraphQL API, "Note" (``lastEditedBy``: null unless the text was edited; ``lastEditedAt`` is never
null, and both it and ``updatedAt`` may change if a thread is resolved: ``app/models/note.rb``), "User" (``bot``),
"MergeRequest" (``committers``: users with the email address of a committer; ``commits``), "Commit" (``author``: the
user with its email address); REST API, "Group and project members API" (``members/all``: inherited and invited members
included; ``state``), "Groups API".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from passrole_checks.files.decoded_json import as_list, get_nested, number_of, text_of
from passrole_checks.review.forge import AttestedComment, Contributors, Discussion
from passrole_checks.review.gitlab.api import GitLab
from passrole_checks.review.graphql import PAGE, data_of, pages_of
from passrole_checks.review.http import ForgeError

_OF_REQUEST = """
query($project: ID!, $iid: String!, $after: String) {
  project(fullPath: $project) { mergeRequest(iid: $iid) { %s } }
}
"""
_USER = "id username bot"
_NOTES = _OF_REQUEST % (
    f"notes(first: 100, after: $after) {{ {PAGE} nodes {{"
    f" id system body lastEditedBy {{ id }} author {{ {_USER} }} discussion {{ id }} }} }}"
)
_COMMITS = _OF_REQUEST % (
    f"author {{ username }} commitCount"
    f" commits(first: 100, after: $after) {{ {PAGE} nodes {{ author {{ username }} }} }}"
)
_COMMITTERS = _OF_REQUEST % f"committers(first: 100, after: $after) {{ {PAGE} nodes {{ username }} }}"


class GitLabDiscussions(GitLab):
    """A merge request that :class:`passrole_checks.review.forge.AcceptingForge` reads too."""

    def acceptance_obstacle(self) -> str:
        if not self.context.can_be_commented:
            return "this pipeline is not for a merge request"
        is_known = bool(self.context.repository)
        return "" if is_known else "the path of the project is unknown (CI_MERGE_REQUEST_PROJECT_PATH)"

    def discussions(self) -> list[Discussion]:
        found: dict[str, list[tuple[int, AttestedComment]]] = {}
        for page in self._pages_of(_NOTES, "notes"):
            for node in as_list(get_nested(page, "notes", "nodes")):
                if get_nested(node, "system") is not False:
                    continue
                id = _number_in(text_of(node, "id"))
                thread = text_of(get_nested(node, "discussion"), "id") or f"note {id}"
                found.setdefault(thread, []).append((id, _comment(node)))
        ordered = [sorted(notes, key=lambda note: note[0]) for notes in found.values()]
        return [Discussion(tuple(comment for _, comment in notes)) for notes in ordered]

    def contributors(self) -> Contributors:
        logins: set[str] = set()
        unattributed = listed = total = 0
        for page in self._pages_of(_COMMITS, "commits"):
            logins.add(text_of(get_nested(page, "author"), "username"))
            total = number_of(page, "commitCount")
            for commit in as_list(get_nested(page, "commits", "nodes")):
                listed += 1
                login = text_of(get_nested(commit, "author"), "username")
                logins.add(login)
                unattributed += not login
        for page in self._pages_of(_COMMITTERS, "committers"):
            logins |= {text_of(user, "username") for user in as_list(get_nested(page, "committers", "nodes"))}
        return Contributors(frozenset(logins - {""}), unattributed, max(total - listed, 0))

    def read_team(self, team: str) -> None:
        self.client.get(_group_path(team))

    def is_member(self, team: str, comment: AttestedComment) -> bool:
        try:
            member = self.client.get(f"{_group_path(team)}/members/all/{comment.author_id}").document
        except ForgeError as error:
            if error.status != 404:
                raise
            return False
        return text_of(member, "state") == "active" and text_of(member, "username").lower() == comment.author.lower()

    def _pages_of(self, query: str, connection: str) -> Iterator[Mapping[str, Any]]:
        """Yield the merge request in each page of a connection. Raise an error if it cannot be read in full."""
        own = {"project": self.context.repository, "iid": str(self.context.number)}
        path = f"{self.context.api_url.removesuffix('/v4')}/graphql"  # beside /api/v4, not below it

        def ask(page: Mapping[str, Any]) -> Mapping[str, Any]:
            return data_of(self.client.query(path, {"query": query, "variables": {**own, **page}}))

        return pages_of(ask, ("project", "mergeRequest"), connection)


def _group_path(group: str) -> str:
    """Return the path of a group's API; a trailing slash distinguishes a top-level group from a user."""
    return f"/groups/{quote(group.rstrip('/'), safe='')}"


def _comment(node: object) -> AttestedComment:
    author = get_nested(node, "author")
    is_person = get_nested(author, "bot") is False
    is_unedited = isinstance(node, dict) and node.get("lastEditedBy", "") is None
    id = str(_number_in(text_of(author, "id")))
    return AttestedComment(text_of(author, "username"), id, not is_person, not is_unedited, text_of(node, "body"))


def _number_in(global_id: str) -> int:
    """Return the number at the end of a global id such as ``gid://gitlab/DiffNote/7``."""
    digits = global_id.rpartition("/")[2]
    return int(digits) if digits.isascii() and digits.isdigit() else 0
