"""Comments, contributors and teams of a pull request, as GitHub attests them, to accept items by reply.

Sources: GitHub Docs, GraphQL API: "PullRequestReviewComment" and "IssueComment" (``lastEditedAt``,
``includesCreatedEdit``), "Commit" (``authors``: the git author, then those in Co-authored-by trailers), "GitActor"
(``user``: null for an address without an account), "GitSignature" (``wasSignedByGitHub``); REST API: "Get a team by
name", "Get team membership for a user" (state ``active`` or ``pending``; inherited ones included). ``updated_at`` of
the REST API changes without an edit, for example if a pending review is submitted.
"""

from __future__ import annotations

from urllib.parse import quote

from passrole_checks.files.decoded_json import as_list, get_nested, number_of, text_of
from passrole_checks.review.forge import AttestedComment, Contributors, Discussion
from passrole_checks.review.github.api import GitHub
from passrole_checks.review.graphql import PAGE
from passrole_checks.review.http import ForgeError

_COMMENT = "author { __typename login } body lastEditedAt includesCreatedEdit"
_OF_REQUEST = """
query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) { %s } }
}
"""
_THREADS = _OF_REQUEST % (
    f"reviewThreads(first: 50, after: $after) {{ {PAGE}"
    f" nodes {{ comments(first: 100) {{ nodes {{ {_COMMENT} }} }} }} }}"
)
_COMMENTS = _OF_REQUEST % f"comments(first: 100, after: $after) {{ {PAGE} nodes {{ {_COMMENT} }} }}"
_COMMITS = _OF_REQUEST % (
    f"author {{ login }} commits(first: 100, after: $after) {{ {PAGE} totalCount nodes {{ commit {{"
    " authors(first: 20) { nodes { user { login } } } committer { email user { login } }"
    " signature { wasSignedByGitHub } } } }"
)
_WEB_COMMITTER = "noreply@github.com"  # GitHub itself: a commit of its web pages


class GitHubDiscussions(GitHub):
    """A pull request that :class:`passrole_checks.review.forge.AcceptingForge` reads too. Of a thread the first 100
    comments are read."""

    def acceptance_obstacle(self) -> str:
        is_request = self.context.can_be_commented or self.context.queued
        return "" if is_request else "this run is not about a pull request"

    def discussions(self) -> list[Discussion]:
        threads = [
            Discussion(tuple(map(_comment, as_list(get_nested(thread, "comments", "nodes")))))
            for page in self.pages_of(_THREADS, "reviewThreads")
            for thread in as_list(get_nested(page, "reviewThreads", "nodes"))
        ]
        alone = [
            Discussion((_comment(comment),))
            for page in self.pages_of(_COMMENTS, "comments")
            for comment in as_list(get_nested(page, "comments", "nodes"))
        ]
        return [discussion for discussion in (*threads, *alone) if discussion.comments]

    def contributors(self) -> Contributors:
        logins: set[str] = set()
        unattributed = listed = total = 0
        for page in self.pages_of(_COMMITS, "commits"):
            logins.add(text_of(get_nested(page, "author"), "login"))
            total = number_of(get_nested(page, "commits"), "totalCount")
            for node in as_list(get_nested(page, "commits", "nodes")):
                listed += 1
                users = _users(get_nested(node, "commit"))
                logins |= users
                unattributed += "" in users
        return Contributors(frozenset(logins - {""}), unattributed, max(total - listed, 0))

    def read_team(self, team: str) -> None:
        self.client.get(self._team_path(team))

    def is_member(self, team: str, comment: AttestedComment) -> bool:
        path = f"{self._team_path(team)}/memberships/{quote(comment.author, safe='')}"
        try:
            return text_of(self.client.get(path).document, "state") == "active"
        except ForgeError as error:
            if error.status != 404:
                raise
            return False

    def _team_path(self, team: str) -> str:
        organization, _, slug = team.partition("/")
        if not slug or "/" in slug:
            raise ForgeError("GET /orgs", 0, "not the name of a team, which is ORGANIZATION/TEAM")
        return f"/orgs/{quote(organization, safe='')}/teams/{quote(slug, safe='')}"


def _comment(node: object) -> AttestedComment:
    author = get_nested(node, "author")
    is_person = get_nested(author, "__typename") == "User"
    login = text_of(author, "login")
    is_unedited = (
        isinstance(node, dict) and node.get("lastEditedAt", "") is None and node.get("includesCreatedEdit") is False
    )
    # GraphQL leaves out the suffix that distinguishes the login of an app from that of a person
    if login and get_nested(author, "__typename") == "Bot" and not login.endswith("[bot]"):
        login += "[bot]"
    return AttestedComment(login, "", not is_person, not is_unedited, text_of(node, "body"))


def _users(commit: object) -> set[str]:
    """Return the logins of the authors and the committer of a commit; "" for one without an account."""
    authors = as_list(get_nested(commit, "authors", "nodes"))
    users = {text_of(get_nested(author, "user"), "login") for author in authors[:1]} or {""}
    users |= {text_of(get_nested(author, "user"), "login") for author in authors[1:]} - {""}  # trailers prove nothing
    committer = get_nested(commit, "committer")
    is_of_web_page = get_nested(commit, "signature", "wasSignedByGitHub") is True
    if not (is_of_web_page and text_of(committer, "email").lower() == _WEB_COMMITTER):
        users.add(text_of(get_nested(committer, "user"), "login"))
    return users
