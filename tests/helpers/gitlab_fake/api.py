"""The operations of the fake: responses of GitLab's API for one project and one merge request."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode

from scripted_server import Answer

from gitlab_fake import queries
from gitlab_fake.world import (
    DEVELOPER,
    REPORTER,
    Discussion,
    MergeRequest,
    Note,
    Refusal,
    Token,
    User,
    Version,
    differences,
    sha_of,
    without_commands,
)

LONGEST_NOTE = 1_000_000
PROJECT_ID, PROJECT = 42, "acme/platform/infra"
_TIME = "2026-11-26T10:00:00.000Z"


@dataclass
class Given:
    """A call: ``query`` and ``json`` together are GitLab's parameters."""

    method: str
    path: str
    query: dict[str, str]
    json: dict[str, Any]
    token: Token

    def text(self, name: str) -> str:
        value = self.json.get(name, self.query.get(name))
        if not isinstance(value, str):
            raise Refusal(400, {"error": f"{name} is missing"})
        if not value.strip():
            raise Refusal(400, {"message": '400 Bad request - Note {:note=>["can\'t be blank"]}'})
        return value


class World:
    def __init__(self) -> None:
        self.request = MergeRequest(7, {}, {})
        self.commands: list[str] = []
        self.knows_file_positions = True
        self.public_url = ""
        self.groups: dict[str, dict[User, str]] = {}
        self.is_archived = False
        self._last_id = 1000
        self.push_version()

    # -- state

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def push_version(self) -> None:
        request = self.request
        request.head_sha = sha_of(request.head_files, len(request.versions))
        id = self.next_id()
        files = differences(request)
        request.versions.insert(0, Version(id, request.base_sha, request.base_sha, request.head_sha, files))

    def thread(self, body: str, user: User, kind: str | None, position: dict[str, Any] | None = None) -> Discussion:
        """Start a discussion; ``kind`` None: a single note."""
        note = Note(self.next_id(), user, body, kind, position=position)
        found = Discussion(sha_of(note.id), kind is None, [note])
        self.request.discussions.append(found)
        return found

    def system_note(self, body: str, user: User) -> None:
        self.thread(body, user, None).notes[0].system = True

    # -- operations

    def answer(self, given: Given) -> Answer:
        for method, pattern, operation in _OPERATIONS:
            match = pattern.fullmatch(given.path)
            if match is not None and method == given.method:
                named = match.groupdict()
                if named.pop("project", PROJECT) not in (str(PROJECT_ID), PROJECT, PROJECT.replace("/", "%2F")):
                    raise Refusal(404, {"message": "404 Project Not Found"})
                if int(named.pop("iid", self.request.iid)) != self.request.iid:
                    raise Refusal(404, {"message": "404 Not found"})
                return operation(self, given, **{name: unquote(value) for name, value in named.items()})
        raise Refusal(404, {"error": "404 Not Found"})

    def user(self, given: Given) -> Answer:
        return Answer(200, _user(given.token.user))

    def project(self, given: Given) -> Answer:
        return Answer(200, {"id": PROJECT_ID, "path_with_namespace": PROJECT, "archived": self.is_archived})

    def merge_request(self, given: Given) -> Answer:
        request = self.request
        refs = {"base_sha": request.base_sha, "start_sha": request.base_sha, "head_sha": request.head_sha}
        payload = {"id": 700, "iid": request.iid, "project_id": PROJECT_ID, "state": request.state}
        payload |= {"labels": list(request.labels), "title": "A change", "discussion_locked": request.is_locked}
        return Answer(200, {**payload, "sha": request.head_sha, "diff_refs": refs})

    def update_merge_request(self, given: Given) -> Answer:
        self._may(given, REPORTER)
        labels = self.request.labels
        added, removed = (given.json.get(f"{verb}_labels", "").split(",") for verb in ("add", "remove"))
        labels += [name for name in added if name and name not in labels]
        labels[:] = [name for name in labels if name not in removed]
        return self.merge_request(given)

    def graphql(self, given: Given) -> Answer:
        return Answer(200, queries.answer(self, PROJECT, given.json))

    def group(self, given: Given, group: str) -> Answer:
        self._members(group)
        return Answer(200, {"id": 5, "full_path": group})

    def member(self, given: Given, group: str, user: str) -> Answer:
        for each, state in self._members(group).items():
            if each.id == int(user):
                return Answer(200, {**_user(each), "state": state, "access_level": 30})
        raise Refusal(404, {"message": "404 Not found"})

    def _members(self, group: str) -> dict[User, str]:
        if group not in self.groups:
            raise Refusal(404, {"message": "404 Group Not Found"})
        return self.groups[group]

    def versions(self, given: Given) -> Answer:
        return self._page(given, [_version(each) for each in self.request.versions])

    def version(self, given: Given, id: str) -> Answer:
        for each in self.request.versions:
            if each.id == int(id):
                diffs = [
                    {
                        "old_path": file.old_path,
                        "new_path": file.new_path,
                        "diff": file.diff,
                        "new_file": file.new_file,
                        "deleted_file": file.deleted_file,
                        "renamed_file": file.old_path != file.new_path,
                        "collapsed": False,
                        "too_large": False,
                    }
                    for file in each.files
                ]
                return Answer(200, {**_version(each), "commits": [], "diffs": diffs})
        raise Refusal(404, {"message": "404 Not found"})

    def notes(self, given: Given) -> Answer:
        listed = [note for each in self.request.discussions for note in each.notes]
        listed.sort(key=lambda note: note.id, reverse=given.query.get("sort", "desc") == "desc")
        return self._page(given, [_note(note) for note in listed])

    def note(self, given: Given, id: str) -> Answer:
        return Answer(200, _note(self._found(id)[1]))

    def create_note(self, given: Given) -> Answer:
        self._may(given, REPORTER)
        body = self._body(given)
        if not body.strip():
            return Answer(202, {"commands_changes": {}, "summary": ["Commands applied"]})
        return Answer(201, _note(self.thread(body, given.token.user, None).notes[0]))

    def edit_note(self, given: Given, id: str) -> Answer:
        note = self._own(given, id)[1]
        note.body, note.edited_by = self._body(given), given.token.user
        return Answer(200, _note(note))

    def delete_note(self, given: Given, id: str) -> Answer:
        discussion, note = self._own(given, id)
        discussion.notes.remove(note)
        if not discussion.notes:
            self.request.discussions.remove(discussion)
        return Answer(204, None)

    def discussions(self, given: Given) -> Answer:
        return self._page(given, [_discussion(each) for each in self.request.discussions])

    def create_discussion(self, given: Given) -> Answer:
        self._may(given, REPORTER)
        given.text("body")
        position = given.json.get("position")
        if position is not None:
            shas = tuple(position.get(name) for name in ("base_sha", "start_sha", "head_sha"))
            if not all(shas):
                raise Refusal(400, {"error": "position[base_sha] is missing"})
            known = {(each.base_sha, each.start_sha, each.head_sha): each for each in self.request.versions}
            if shas not in known:
                raise Refusal(400, {"message": '400 Bad request - Note {:line_code=>["can\'t be blank"]}'})
            known[shas].check(position, knows_files=self.knows_file_positions)
        kind = "DiffNote" if position is not None else "DiscussionNote"
        return Answer(201, _discussion(self.thread(self._body(given), given.token.user, kind, position)))

    def resolve(self, given: Given, id: str) -> Answer:
        discussion = self._discussion(id)
        self._may(given, DEVELOPER)
        value = given.json.get("resolved", given.query.get("resolved"))
        if value not in (True, False, "true", "false"):
            raise Refusal(400, {"error": "resolved is missing"})
        for note in discussion.notes:
            if note.is_resolvable:
                note.resolved_by = given.token.user if value in (True, "true") else None
        return Answer(200, _discussion(discussion))

    def reply(self, given: Given, id: str) -> Answer:
        discussion = self._discussion(id)
        self._may(given, REPORTER)
        if discussion.individual_note:
            discussion.individual_note = False
            discussion.notes[0].type = "DiscussionNote"
        first = discussion.notes[0]
        kind = "DiffNote" if first.position is not None else "DiscussionNote"
        note = Note(self.next_id(), given.token.user, self._body(given), kind, resolved_by=first.resolved_by)
        discussion.notes.append(note)
        return Answer(201, _note(note))

    # -- what they stand on

    def _may(self, given: Given, role: int) -> None:
        least = max(role, DEVELOPER if self.request.is_locked else 0)
        if self.is_archived or given.token.role < least:
            raise Refusal(403, {"message": "403 Forbidden"})

    def _body(self, given: Given) -> str:
        body = given.text("body")
        if len(body) > LONGEST_NOTE:
            words = '400 Bad request - Note {:note=>["is too long (maximum is 1000000 characters)"]}'
            raise Refusal(400, {"message": words})
        body, commands = without_commands(body)
        self.commands += commands
        if any(command.startswith("/close") for command in commands):
            self.request.state = "closed"
        return body

    def _found(self, id: str) -> tuple[Discussion, Note]:
        for discussion in self.request.discussions:
            for note in discussion.notes:
                if note.id == int(id):
                    return discussion, note
        raise Refusal(404, {"message": "404 Not found"})

    def _own(self, given: Given, id: str) -> tuple[Discussion, Note]:
        discussion, note = self._found(id)
        if note.author != given.token.user:
            raise Refusal(403, {"message": "403 Forbidden"})
        return discussion, note

    def _discussion(self, id: str) -> Discussion:
        for each in self.request.discussions:
            if each.id == id:
                return each
        raise Refusal(404, {"message": "404 Discussion Not Found"})

    def _page(self, given: Given, listed: list[Any]) -> Answer:
        """Return a page, with the next one by number, and by a URL from GitLab's configuration."""
        page, size = int(given.query.get("page", 1)), min(int(given.query.get("per_page", 20)), 100)
        pages = max(-(-len(listed) // size), 1)
        following = str(page + 1) if page < pages else ""
        headers = {
            "X-Page": str(page),
            "X-Per-Page": str(size),
            "X-Next-Page": following,
            "X-Prev-Page": str(page - 1) if page > 1 else "",
            "X-Total": str(len(listed)),
            "X-Total-Pages": str(pages),
        }
        if following:
            query = urlencode({**given.query, "page": following})
            headers["Link"] = f'<{self.public_url}/api/v4{given.path}?{query}>; rel="next"'
        return Answer(200, listed[(page - 1) * size : page * size], headers)


Operation = Callable[..., Answer]
_REQUEST = r"/projects/(?P<project>[^/]+)/merge_requests/(?P<iid>\d+)"
_OPERATIONS: list[tuple[str, re.Pattern[str], Operation]] = [
    (method, re.compile(pattern), operation)
    for method, pattern, operation in (
        ("GET", "/user", World.user),
        ("POST", "/api/graphql", World.graphql),
        ("GET", "/groups/(?P<group>[^/]+)", World.group),
        ("GET", r"/groups/(?P<group>[^/]+)/members/all/(?P<user>\d+)", World.member),
        ("PUT", _REQUEST, World.update_merge_request),
        ("GET", "/projects/(?P<project>[^/]+)", World.project),
        ("GET", _REQUEST, World.merge_request),
        ("GET", f"{_REQUEST}/versions", World.versions),
        ("GET", rf"{_REQUEST}/versions/(?P<id>\d+)", World.version),
        ("GET", f"{_REQUEST}/notes", World.notes),
        ("POST", f"{_REQUEST}/notes", World.create_note),
        ("GET", rf"{_REQUEST}/notes/(?P<id>\d+)", World.note),
        ("PUT", rf"{_REQUEST}/notes/(?P<id>\d+)", World.edit_note),
        ("DELETE", rf"{_REQUEST}/notes/(?P<id>\d+)", World.delete_note),
        ("GET", f"{_REQUEST}/discussions", World.discussions),
        ("POST", f"{_REQUEST}/discussions", World.create_discussion),
        ("PUT", f"{_REQUEST}/discussions/(?P<id>[0-9a-f]+)", World.resolve),
        ("POST", f"{_REQUEST}/discussions/(?P<id>[0-9a-f]+)/notes", World.reply),
    )
]


def _user(user: User) -> dict[str, Any]:
    return {"id": user.id, "username": user.username, "name": user.username.title(), "state": "active"}


def _version(version: Version) -> dict[str, Any]:
    return {
        "id": version.id,
        "head_commit_sha": version.head_sha,
        "base_commit_sha": version.base_sha,
        "start_commit_sha": version.start_sha,
        "created_at": _TIME,
        "merge_request_id": 700,
        "state": "collected",
        "real_size": str(len(version.files)),
    }


def _note(note: Note) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "id": note.id,
        "type": note.type,
        "body": note.body,
        "author": _user(note.author),
        "created_at": _TIME,
        "updated_at": _TIME,
        "system": note.system,
        "noteable_type": "MergeRequest",
        "noteable_iid": 7,
        "project_id": PROJECT_ID,
        "resolvable": note.is_resolvable,
    }
    if note.is_resolvable:
        payload |= {"resolved": note.resolved_by is not None}
        payload["resolved_by"] = _user(note.resolved_by) if note.resolved_by is not None else None
    if note.position is not None:
        payload["position"] = note.position
    return payload


def _discussion(discussion: Discussion) -> dict[str, Any]:
    notes = [_note(note) for note in discussion.notes]
    return {"id": discussion.id, "individual_note": discussion.individual_note, "notes": notes}
