"""The calls of GitLab's API that a review makes, for one merge request, and what of the answers it needs.

Sources: GitLab Docs, REST API: "Users" (``GET /user``), "Merge requests" (``state``, ``sha``; versions of the
difference), "Notes" (at most 1,000,000 characters), "Discussions" (threads; ``resolved``), "REST API", sections on
pagination (``X-Next-Page``) and on paths of projects, "Authentication" (``PRIVATE-TOKEN``). What an answer lacks is
taken as empty: nothing here trusts its shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from passrole_checks.review.api_fields import items_of, number_of, text_of, within
from passrole_checks.review.http import Answer, Client, Pace

if TYPE_CHECKING:
    import requests

_OUTDATED = "<details><summary>Outdated: a later run has said more</summary>"


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """``head_sha``: the last commit of the source branch; "" where that is gone."""

    is_open: bool
    head_sha: str


@dataclass(frozen=True, slots=True)
class Note:
    """A comment, within a thread or without. ``author``: the name of the user."""

    id: int
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class GitLabThread:
    """``notes``: oldest first. ``is_resolved``: all of it is, and it can be. ``file``:
    which it is at, "" for none."""

    id: str
    notes: tuple[Note, ...]
    is_resolved: bool
    file: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the difference of a merge request, which positions are named in."""

    id: int
    base_sha: str
    start_sha: str
    head_sha: str


@dataclass(frozen=True, slots=True)
class FileDiff:
    """``diff``: hunks, without a head; "" where GitLab keeps none (large and binary files, renames)."""

    old_path: str
    new_path: str
    diff: str
    is_deleted: bool


class _Client(Client):
    """GitLab makes the addresses in ``Link`` of its configuration, and behind a proxy their scheme may be another one
    than that of the API; the number of the page is the same everywhere."""

    def _answer(self, response: requests.Response, url: str, call: str) -> Answer:
        page = response.headers.get("x-next-page")
        if page is None:
            return super()._answer(response, url, call)
        response.headers.pop("link", None)
        answer = super()._answer(response, url, call)
        page = page.strip()
        return replace(answer, next_url=_at_page(url, page)) if page.isascii() and page.isdigit() else answer


def _at_page(url: str, page: str) -> str:
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "page"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("page", page)])))


def client(api: str, token: str, *, pace: Pace | None = None, dry_run: Callable[[str], None] | None = None) -> Client:
    """A client of GitLab's API at ``api`` (``CI_API_V4_URL``)."""
    return _Client(api, {}, ("PRIVATE-TOKEN", token) if token else None, pace=pace, dry_run=dry_run)


class GitLab:
    """The calls for the merge request ``number`` of ``project`` (its number or its path); each raises a
    :class:`~passrole_checks.review.http.ForgeError`."""

    def __init__(self, client: Client, project: int | str, number: int) -> None:
        self._client = client
        self._request = f"/projects/{quote(str(project), safe='')}/merge_requests/{number}"

    @property
    def is_dry(self) -> bool:
        return self._client.is_dry

    # -- who and what

    def viewer(self) -> str:
        """The name of the user that the token belongs to; a token of a project has one of its own."""
        return text_of(self._client.get("/user").document, "username")

    def merge_request(self) -> MergeRequest | None:
        """None where nothing is asked (a dry run without a token)."""
        document = self._client.get(self._request).document
        if document is None:
            return None
        return MergeRequest(text_of(document, "state") == "opened", text_of(document, "sha"))

    def version(self, head_sha: str) -> Version | None:
        """The latest version of the difference, where it is that of ``head_sha``."""
        for listed in self._client.pages(f"{self._request}/versions"):
            found = Version(
                number_of(listed, "id"),
                text_of(listed, "base_commit_sha"),
                text_of(listed, "start_commit_sha"),
                text_of(listed, "head_commit_sha"),
            )
            return found if found.head_sha == head_sha and found.base_sha and found.start_sha else None
        return None

    def diffs(self, version: int) -> list[FileDiff]:
        """The difference itself, all files of it."""
        document = self._client.get(f"{self._request}/versions/{version}").document
        return [
            FileDiff(
                text_of(each, "old_path"),
                text_of(each, "new_path"),
                text_of(each, "diff"),
                each.get("deleted_file") is True,
            )
            for each in items_of(within(document, "diffs"))
            if isinstance(each, dict)
        ]

    # -- the conversation

    def comments(self) -> list[Note]:
        """All notes, those in threads and those of GitLab too, oldest first."""
        asked = {"sort": "asc", "order_by": "created_at"}
        listed = self._client.pages(f"{self._request}/notes", asked)
        return sorted(map(_note, listed), key=lambda note: note.id)

    def create_comment(self, body: str) -> int:
        """Gives its number; 0 in a dry run."""
        answer = self._client.write("POST", f"{self._request}/notes", {"body": body})
        return number_of(answer.document, "id")

    def edit_comment(self, id: int, body: str) -> None:
        self._client.write("PUT", f"{self._request}/notes/{id}", {"body": body})

    def delete_comment(self, id: int) -> None:
        self._client.write("DELETE", f"{self._request}/notes/{id}")

    def hide_comment(self, id: int) -> None:
        """Folds it: GitLab has nothing like GitHub's hiding. Its first line, by which it is ours, stays."""
        body = text_of(self._client.get(f"{self._request}/notes/{id}").document, "body")
        first, _, rest = body.partition("\n")
        if rest:
            self.edit_comment(id, f"{first}\n{_OUTDATED}\n\n{rest.strip()}\n\n</details>")

    # -- threads

    def threads(self) -> list[GitLabThread]:
        """Oldest first; those that can be resolved, and others."""
        listed = (_thread(each) for each in self._client.pages(f"{self._request}/discussions"))
        return sorted((thread for thread in listed if thread.notes), key=lambda thread: thread.notes[0].id)

    def create_thread(self, body: str, position: Mapping[str, Any] | None) -> None:
        """Begins one at a place of the difference, or beside it."""
        document: dict[str, Any] = {"body": body}
        if position is not None:
            document["position"] = dict(position)
        self._client.write("POST", f"{self._request}/discussions", document)

    def reply(self, thread: str, body: str) -> None:
        self._client.write("POST", f"{self._request}/discussions/{quote(thread, safe='')}/notes", {"body": body})

    def resolve(self, thread: str) -> None:
        self._client.write("PUT", f"{self._request}/discussions/{quote(thread, safe='')}", {"resolved": True})


def _note(document: object) -> Note:
    return Note(number_of(document, "id"), text_of(within(document, "author"), "username"), text_of(document, "body"))


def _thread(document: object) -> GitLabThread:
    notes = items_of(within(document, "notes"))
    can_be = [note for note in notes if within(note, "resolvable") is True]
    is_resolved = bool(can_be) and all(within(note, "resolved") is True for note in can_be)
    file = text_of(within(notes[0], "position"), "new_path") if notes else ""
    return GitLabThread(
        text_of(document, "id"), tuple(sorted(map(_note, notes), key=lambda note: note.id)), is_resolved, file
    )
