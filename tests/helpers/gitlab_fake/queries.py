"""GitLab's GraphQL API, ``POST /api/graphql``: the types and fields of its reference that the bot reads. Queries that
these do not allow are answered with errors, with status 200."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from graphql import GraphQLSchema, build_schema, graphql_sync

from gitlab_fake.world import MergeCommit, Note, User

if TYPE_CHECKING:
    from gitlab_fake.api import World

_TIME = "2026-11-26T10:00:00Z"
_PAGED = "(after: String, before: String, first: Int, last: Int)"
_SCHEMA = f"""
scalar Time
scalar NoteID
scalar UserID
scalar DiscussionID
type Query {{ project(fullPath: ID!): Project }}
type Project {{ mergeRequest(iid: String!): MergeRequest }}
type MergeRequest {{
  author: User
  commitCount: Int
  commits{_PAGED}: CommitConnection
  committers{_PAGED}: UserConnection
  notes{_PAGED}: NoteConnection!
}}
type PageInfo {{ endCursor: String hasNextPage: Boolean! }}
type CommitConnection {{ nodes: [Commit] pageInfo: PageInfo! }}
type Commit {{ author: User }}
type UserConnection {{ nodes: [User] pageInfo: PageInfo! }}
type User {{ id: UserID! username: String! bot: Boolean! }}
type NoteConnection {{ nodes: [Note] pageInfo: PageInfo! }}
type Note {{
  id: NoteID!
  system: Boolean!
  body: String!
  author: User
  createdAt: Time!
  updatedAt: Time!
  lastEditedAt: Time
  lastEditedBy: User
  discussion: Discussion
  position: DiffPosition
}}
type Discussion {{ id: DiscussionID! }}
type DiffPosition {{ filePath: String! }}
"""


@lru_cache(maxsize=1)
def _schema() -> GraphQLSchema:
    return build_schema(_SCHEMA)


def answer(world: World, project: str, given: Any) -> dict[str, Any]:
    """Return the response to a query about the merge request of ``project``."""
    root = {"project": lambda _info, fullPath: _project(world) if fullPath == project else None}
    document = given if isinstance(given, dict) else {}
    result = graphql_sync(_schema(), str(document.get("query", "")), root, variable_values=document.get("variables"))
    errors = [{"message": error.message} for error in result.errors or ()]
    return {"data": result.data, **({"errors": errors} if errors else {})}


def _project(world: World) -> dict[str, Any]:
    request = world.request

    def merge_request(_info: Any, iid: str) -> dict[str, Any] | None:
        if iid != str(request.iid):
            return None
        committers = list(dict.fromkeys(commit.committer for commit in request.commits if commit.committer))
        notes = [(note, each.id) for each in request.discussions for note in each.notes]
        return {
            "author": _user(request.author),
            "commitCount": len(request.commits) + request.unlisted_commits,
            "commits": _connection(request.commits, _commit),
            "committers": _connection(committers, _user),
            "notes": _connection(sorted(notes, key=lambda pair: -pair[0].id), lambda pair: _note(*pair)),
        }

    return {"mergeRequest": merge_request}


def _commit(commit: MergeCommit) -> dict[str, Any]:
    return {"author": None if commit.author is None else _user(commit.author)}


def _user(user: User) -> dict[str, Any]:
    return {"id": f"gid://gitlab/User/{user.id}", "username": user.username, "bot": user.is_bot}


def _note(note: Note, discussion: str) -> dict[str, Any]:
    position = None if note.position is None else {"filePath": note.position["new_path"]}
    return {
        "id": f"gid://gitlab/{note.type or 'Note'}/{note.id}",
        "system": note.system,
        "body": note.body,
        "author": _user(note.author),
        "createdAt": _TIME,
        "updatedAt": _TIME,
        "lastEditedAt": _TIME,  # of updates: not null for a note that was never edited
        "lastEditedBy": None if note.edited_by is None else _user(note.edited_by),
        "discussion": {"id": f"gid://gitlab/Discussion/{discussion}"},
        "position": position,
    }


def _connection(things: Sequence[Any], tell: Callable[[Any], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return a page of a connection, of at most 100. Cursors are indexes."""

    def page(_info: Any, first: int | None = None, after: str | None = None, **_others: Any) -> dict[str, Any]:
        start = int(after or 0)
        end = start + min(first or 100, 100)
        info = {"endCursor": str(end), "hasNextPage": end < len(things)}
        return {"nodes": [tell(thing) for thing in things[start:end]], "pageInfo": info}

    return page
