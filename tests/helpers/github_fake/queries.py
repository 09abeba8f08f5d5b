"""The GraphQL API, ``POST /graphql``: queries that GitHub's schema (``slice.graphql``) does not allow are refused as
there. The login of an app lacks ``[bot]`` in ``author``, and has it in ``viewer``. Resolving a thread needs
permission to write contents (github/gh-aw#35726, oven-sh/bun#40468, community discussion 44650); hiding a comment
and replying need ``pull-requests: write``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, build_schema, graphql_sync

from github_fake import bodies
from github_fake.reviewing import add_reply
from github_fake.routing import Answer, Refused, Request, refuse
from github_fake.world import Comment, Commit, Pull, Repository, ReviewComment, Thread, User, as_text

SLICE = Path(__file__).with_name("slice.graphql")
_FORBIDDEN = "Resource not accessible by integration"


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    return build_schema(SLICE.read_text(encoding="utf-8"))


def is_mutation(given: Any) -> bool:
    return isinstance(given, dict) and str(given.get("query", "")).lstrip().startswith("mutation")


def answer(request: Request) -> Answer:
    """Return status 200 in any case, as GitHub does; errors are below ``errors``. Only without a token the status is
    401."""
    if request.token is None:
        refuse(401, "This endpoint requires you to be authenticated.")
    given = request.json if isinstance(request.json, dict) else {}
    result = graphql_sync(
        schema(),
        str(given.get("query", "")),
        root_value=_Root(request),
        variable_values=given.get("variables") or {},
        operation_name=given.get("operationName"),
    )
    return Answer(200, _told(result))


def violations(answer: Answer) -> list[str]:
    """Return the parts of a query that are invalid in GitHub's schema: errors without a type."""
    errors = answer.body.get("errors", []) if isinstance(answer.body, dict) else []
    return [f"POST /graphql: {each['message']}" for each in errors if isinstance(each, dict) and "type" not in each]


def _told(result: ExecutionResult) -> dict[str, Any]:
    document: dict[str, Any] = {} if result.data is None else {"data": result.data}
    if result.errors:
        document["errors"] = [_error(each) for each in result.errors]
    return document


def _error(error: GraphQLError) -> dict[str, Any]:
    kind = (error.original_error.args or [None, None])[0] if isinstance(error.original_error, _Failed) else None
    locations = [{"line": each.line, "column": each.column} for each in error.locations or ()]
    document = {"path": error.path, "locations": locations, "message": error.message}
    return (
        {"type": kind, **document} if kind else {name: value for name, value in document.items() if value is not None}
    )


class _Failed(Exception):
    """``args``: GitHub's error type, and the message."""

    def __str__(self) -> str:
        return str(self.args[1])


class _Root:
    """Query and Mutation. Values are dicts; fields with arguments are functions."""

    def __init__(self, request: Request) -> None:
        self._request, self._world = request, request.world

    # Queries

    def viewer(self, _info: Any) -> dict[str, Any]:
        return self._user(self._request.viewer.user)

    def rateLimit(self, _info: Any, dryRun: bool = False) -> dict[str, Any]:
        return {"cost": 1, "limit": 5000, "remaining": 4999, "used": 1, "resetAt": self._world.clock.text()}

    def repository(self, _info: Any, owner: str, name: str, followRenames: bool = True) -> dict[str, Any]:
        for each in self._world.repositories:
            if each.full_name.lower() == f"{owner}/{name}".lower():
                return self._repository(each)
        raise _Failed("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")

    def node(self, _info: Any, id: str) -> dict[str, Any]:
        for thread in self._world.threads:
            if thread.node_id == id:
                return self._thread(thread)
            for each in thread.comments:
                if each.node_id == id:
                    return self._review_comment(each)
        for comment in self._world.comments:
            if comment.node_id == id:
                return self._comment(comment)
        raise _Failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{id}'.")

    # Mutations

    def resolveReviewThread(self, _info: Any, input: dict[str, Any]) -> dict[str, Any]:
        return self._set_resolved(input, self._request.viewer.user)

    def unresolveReviewThread(self, _info: Any, input: dict[str, Any]) -> dict[str, Any]:
        return self._set_resolved(input, None)

    def _set_resolved(self, given: dict[str, Any], by: User | None) -> dict[str, Any]:
        thread = self._one_thread(given["threadId"])
        if not self._may_resolve():
            raise _Failed("FORBIDDEN", _FORBIDDEN)
        thread.resolved_by = by
        return {"thread": self._thread(thread), "clientMutationId": given.get("clientMutationId")}

    def minimizeComment(self, _info: Any, input: dict[str, Any]) -> dict[str, Any]:
        return self._set_minimized(input, "minimizedComment", input["classifier"].lower())

    def unminimizeComment(self, _info: Any, input: dict[str, Any]) -> dict[str, Any]:
        return self._set_minimized(input, "unminimizedComment", None)

    def _set_minimized(self, given: dict[str, Any], name: str, reason: str | None) -> dict[str, Any]:
        self._need_write()
        of_reviews: list[Comment | ReviewComment] = [each for one in self._world.threads for each in one.comments]
        for each in [*self._world.comments, *of_reviews]:
            if each.node_id == given["subjectId"]:
                each.minimized = reason
                document = self._comment(each) if isinstance(each, Comment) else self._review_comment(each)
                return {name: document, "clientMutationId": given.get("clientMutationId")}
        raise _Failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{given['subjectId']}'.")

    def addPullRequestReviewThreadReply(self, _info: Any, input: dict[str, Any]) -> dict[str, Any]:
        thread = self._one_thread(input["pullRequestReviewThreadId"])
        self._need_write()
        if thread.root.pull.locked:
            raise _Failed("FORBIDDEN", "Unable to create comment because issue is locked.")
        if len(input["body"]) > self._world.limits.body or not input["body"].strip():
            raise _Failed("UNPROCESSABLE", "Body is too long or blank")
        made = add_reply(self._request, thread, input["body"])
        return {"comment": self._review_comment(made), "clientMutationId": input.get("clientMutationId")}

    def _one_thread(self, id: str) -> Thread:
        for thread in self._world.threads:
            if thread.node_id == id:
                return thread
        raise _Failed("NOT_FOUND", f"Could not resolve to a node with the global id of '{id}'.")

    def _may_resolve(self) -> bool:
        token = self._request.viewer
        return token.may("pull-requests", "write") and token.may("contents", "write")

    def _need_write(self) -> None:
        try:
            self._request.need("pull-requests")
        except Refused:
            raise _Failed("FORBIDDEN", _FORBIDDEN) from None

    # What they give

    def _user(self, one: User, *, as_author: bool = False) -> dict[str, Any]:
        login = one.login.removesuffix("[bot]") if as_author else one.login
        kind = "Bot" if as_author and one.type == "Bot" else "User"
        url = f"{bodies.SITE}/{login}"
        return {"__typename": kind, "login": login, "url": url, "id": f"U_{one.id}", "databaseId": one.id}

    def _repository(self, one: Repository) -> dict[str, Any]:
        def pull(_info: Any, number: int) -> dict[str, Any]:
            for each in self._world.pulls:
                if each.repository is one and each.number == number:
                    return self._pull(each)
            raise _Failed("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")

        return {"id": f"R_{one.id}", "name": one.name, "nameWithOwner": one.full_name, "pullRequest": pull}

    def _pull(self, one: Pull) -> dict[str, Any]:
        return {
            "id": f"PR_{one.id}",
            "number": one.number,
            "state": "MERGED" if one.merged else one.state.upper(),
            "locked": one.locked,
            "headRefOid": one.head_sha,
            "url": f"{bodies.SITE}/{one.repository.full_name}/pull/{one.number}",
            "author": self._user(one.user, as_author=True),
            "commits": _connection(one.commits, self._commit, one.unlisted_commits),
            "comments": _connection([each for each in self._world.comments if each.pull is one], self._comment),
            "reviewThreads": _connection([each for each in self._world.threads if each.root.pull is one], self._thread),
        }

    def _commit(self, one: Commit) -> dict[str, Any]:
        actors = [self._actor(login, "someone@example.com") for login in (one.author, *one.co_authors)]
        committer = self._actor(one.committer, one.committer_email)
        commit = {"id": "C_1", "oid": "c" * 40, "authors": _connection(actors, dict), "committer": committer}
        commit["signature"] = {"__typename": "GpgSignature", "wasSignedByGitHub": True} if one.is_of_web_page else None
        return {"id": "PRC_1", "commit": commit}

    def _actor(self, login: str | None, email: str) -> dict[str, Any]:
        user = None if login is None else self._user(User(login, 1))
        return {"name": "Some One", "email": email, "user": user}

    def _thread(self, one: Thread) -> dict[str, Any]:
        root = one.root
        is_resolved, may = one.resolved_by is not None, self._may_resolve()
        return {
            "__typename": "PullRequestReviewThread",
            "id": one.node_id,
            "isResolved": is_resolved,
            "isOutdated": root.is_outdated,
            "isCollapsed": is_resolved or root.is_outdated,
            "resolvedBy": self._user(one.resolved_by) if one.resolved_by else None,
            "path": root.path,
            "line": root.line,
            "startLine": root.start_line,
            "originalLine": root.original_line,
            "originalStartLine": root.original_start_line,
            "subjectType": root.subject_type.upper(),
            "diffSide": root.side,
            "viewerCanResolve": may and not is_resolved,
            "viewerCanUnresolve": may and is_resolved,
            "viewerCanReply": self._request.viewer.may("pull-requests", "write") and not root.pull.locked,
            "comments": _connection(one.comments, self._review_comment),
        }

    def _any_comment(self, one: Comment | ReviewComment) -> dict[str, Any]:
        mine = one.user is self._request.viewer.user
        return {
            "id": one.node_id,
            "databaseId": one.id,
            "fullDatabaseId": str(one.id),
            "author": self._user(one.user, as_author=True),
            "body": self._world.gives_back(one.body),
            "createdAt": as_text(one.created),
            "lastEditedAt": None if one.edited is None else as_text(one.edited),
            "includesCreatedEdit": one.edited is not None,
            "updatedAt": as_text(one.updated),
            "isMinimized": one.minimized is not None,
            "minimizedReason": one.minimized,
            "viewerDidAuthor": mine,
            "viewerCanUpdate": mine,
            "viewerCanMinimize": self._request.viewer.may("pull-requests", "write"),
        }

    def _comment(self, one: Comment) -> dict[str, Any]:
        url = f"{bodies.SITE}/{one.pull.repository.full_name}/pull/{one.pull.number}#issuecomment-{one.id}"
        return {"__typename": "IssueComment", "url": url} | self._any_comment(one)

    def _review_comment(self, one: ReviewComment) -> dict[str, Any]:
        root = one.reply_to
        return self._any_comment(one) | {
            "__typename": "PullRequestReviewComment",
            "url": f"{bodies.SITE}/{one.pull.repository.full_name}/pull/{one.pull.number}#discussion_r{one.id}",
            "path": one.path,
            "line": one.line,
            "startLine": one.start_line,
            "outdated": one.is_outdated,
            "subjectType": one.subject_type.upper(),
            "replyTo": None if root is None else lambda _info: self._review_comment(root),
        }


def _connection(
    things: Sequence[Any], tell: Callable[[Any], dict[str, Any]], unlisted: int = 0
) -> Callable[..., dict[str, Any]]:
    """Return a page of a connection; ``unlisted``: things that are only counted. Cursors are indexes. GitHub requires
    ``first`` or ``last``, of at most 100
    ("Pagination" of its GraphQL API)."""

    def page(
        _info: Any,
        first: int | None = None,
        last: int | None = None,
        after: str | None = None,
        before: str | None = None,
        **_others: Any,
    ) -> dict[str, Any]:
        size = first if first is not None else last
        if size is None:
            raise _Failed(
                "MISSING_PAGINATION_BOUNDARIES", "You must provide a `first` or `last` value to properly paginate."
            )
        if not 1 <= size <= 100:
            raise _Failed("EXCESSIVE_PAGINATION", f"Requesting {size} records exceeds the limit of 100 records.")
        start, end = int(after or 0), int(before) - 1 if before else len(things)
        chosen = range(start, end)[:size] if first is not None else range(start, end)[-size:]
        info = {
            "hasNextPage": bool(chosen) and chosen[-1] + 1 < len(things),
            "hasPreviousPage": bool(chosen) and chosen[0] > 0,
            "startCursor": str(chosen[0] + 1) if chosen else None,
            "endCursor": str(chosen[-1] + 1) if chosen else None,
        }
        nodes = [tell(things[index]) for index in chosen]
        return {"nodes": nodes, "pageInfo": info, "totalCount": len(things) + unlisted}

    return page
