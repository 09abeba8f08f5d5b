"""The GitLab API calls of a review of one merge request, and the fields that it needs from the responses.

Sources: GitLab Docs, REST API: "Users" (``GET /user``), "Projects" (``archived``), "Merge requests" (``state``,
``sha``, ``discussion_locked``; versions of the diff), "Notes" (at most 1,000,000 characters), "Discussions" (threads;
``resolved``), "REST API", sections on pagination (``X-Next-Page``) and on paths of projects, "Authentication"
(``PRIVATE-TOKEN``). Fields that a response lacks are empty: its shape is not trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from passrole_checks.files.decoded_json import as_list, get_nested, number_of, text_of
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.review.forge import ForgeThread
from passrole_checks.review.http import Client, Pace, Response, at_page
from passrole_checks.review.summary_comment import folded

if TYPE_CHECKING:
    import requests


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """``head_sha``: the last commit of the source branch; "" if that was deleted."""

    is_open: bool
    head_sha: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """A comment, in a thread or outside. ``author``: the username."""

    id: int
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the diff of a merge request, which positions refer to."""

    id: int
    base_sha: str
    start_sha: str
    head_sha: str


@dataclass(frozen=True, slots=True)
class FileDiff:
    """``diff``: the hunks, without a header; "" where GitLab has none (large and binary files, renames)."""

    old_path: str
    new_path: str
    diff: str
    is_deleted: bool


class _Client(Client):
    """Follows pages by their number: GitLab builds the addresses in ``Link`` from its configuration, and behind a proxy
    their scheme may differ from that of the API."""

    def _answer(self, response: requests.Response, url: str, call: str) -> Response:
        page = response.headers.get("x-next-page")
        if page is None:
            return super()._answer(response, url, call)
        response.headers.pop("link", None)
        answer = super()._answer(response, url, call)
        page = page.strip()
        return replace(answer, next_url=at_page(url, int(page))) if page.isascii() and page.isdigit() else answer


def client(api: str, token: str, *, pace: Pace | None = None, dry_run: Callable[[str], None] | None = None) -> Client:
    """Return a client of GitLab's API at ``api`` (``CI_API_V4_URL``)."""
    return _Client(api, {}, ("PRIVATE-TOKEN", token) if token else None, pace=pace, dry_run=dry_run)


class GitLab:
    """The calls for merge request ``number`` of ``project`` (its number or its path); each raises a
    :class:`~passrole_checks.review.http.ForgeError`."""

    def __init__(self, client: Client, project: int | str, number: int) -> None:
        self._client = client
        self._project = f"/projects/{quote(str(project), safe='')}"
        self._request = f"{self._project}/merge_requests/{number}"

    @property
    def is_dry(self) -> bool:
        return self._client.is_dry

    # -- user and merge request

    def viewer(self) -> str:
        """Return the username that the token belongs to; a project access token has a user of its own."""
        return text_of(self._client.get("/user").document, "username")

    def merge_request(self) -> MergeRequest | None:
        """Return the merge request; None in a dry run without a token."""
        document = self._client.get(self._request).document
        if document is None:
            return None
        labels = tuple(label for label in as_list(get_nested(document, "labels")) if isinstance(label, str))
        return MergeRequest(text_of(document, "state") == "opened", text_of(document, "sha"), labels)

    def labels(self) -> tuple[str, ...]:
        """Return the names of the labels."""
        request = self.merge_request()
        return request.labels if request is not None else ()

    def add_label(self, name: str) -> None:
        """Add a label; GitLab creates it if the project has none of that name."""
        self._client.write("PUT", self._request, {"add_labels": name})

    def remove_label(self, name: str) -> None:
        self._client.write("PUT", self._request, {"remove_labels": name})

    def write_obstacle(self) -> str:
        """Return why GitLab refuses comments, as a clause, where its refusals do not say so; "" if it does not."""
        if get_nested(self._client.get(self._project).document, "archived") is True:
            return "the project is archived, hence read-only"
        if get_nested(self._client.get(self._request).document, "discussion_locked") is True:
            return "the discussion of the merge request is locked to members of the project"
        return ""

    def version(self, head_sha: str) -> Version | None:
        """Return the latest version of the diff if its head is ``head_sha``."""
        for listed in self._client.pages(f"{self._request}/versions"):
            version = Version(
                number_of(listed, "id"),
                text_of(listed, "base_commit_sha"),
                text_of(listed, "start_commit_sha"),
                text_of(listed, "head_commit_sha"),
            )
            return version if version.head_sha == head_sha and version.base_sha and version.start_sha else None
        return None

    def diffs(self, version: int) -> list[FileDiff]:
        """Return the diffs of all files of a version."""
        document = self._client.get(f"{self._request}/versions/{version}").document
        return [
            FileDiff(
                text_of(diff, "old_path"),
                text_of(diff, "new_path"),
                text_of(diff, "diff"),
                diff.get("deleted_file") is True,
            )
            for diff in as_list(get_nested(document, "diffs"))
            if isinstance(diff, dict)
        ]

    # -- the conversation

    def comments(self) -> list[Note]:
        """List all notes, including those in threads and those of GitLab, oldest first."""
        notes = self._client.pages(f"{self._request}/notes", {"sort": "asc", "order_by": "created_at"})
        return sorted(map(_note, notes), key=lambda note: note.id)

    def create_comment(self, body: str) -> int:
        """Create a note and return its id; 0 in a dry run."""
        answer = self._client.write("POST", f"{self._request}/notes", {"body": body})
        return number_of(answer.document, "id")

    def edit_comment(self, id: int, body: str) -> None:
        self._client.write("PUT", f"{self._request}/notes/{id}", {"body": body})

    def delete_comment(self, id: int) -> None:
        self._client.write("DELETE", f"{self._request}/notes/{id}")

    def hide_comment(self, id: int) -> None:
        """Fold a note, since GitLab cannot hide it. Its first line, the marker, stays."""
        body = text_of(self._client.get(f"{self._request}/notes/{id}").document, "body")
        if (text := folded(body)) is not None:
            self.edit_comment(id, text)

    # -- threads

    def threads(self) -> list[ForgeThread]:
        """List all threads, including those that cannot be resolved, oldest first."""
        threads = map(_thread, self._client.pages(f"{self._request}/discussions"))
        return sorted((thread for thread in threads if thread.comments), key=lambda thread: thread.comments[0].id)

    def create_thread(self, body: str, position: Mapping[str, Any] | None) -> None:
        """Start a thread at a position of the diff, or outside it."""
        document: dict[str, Any] = {"body": body}
        if position is not None:
            document["position"] = dict(position)
        self._client.write("POST", f"{self._request}/discussions", document)

    def reply(self, thread: ForgeThread, body: str) -> None:
        self._client.write("POST", f"{self._request}/discussions/{quote(thread.id, safe='')}/notes", {"body": body})

    def resolve_thread(self, id: str) -> None:
        self._client.write("PUT", f"{self._request}/discussions/{quote(id, safe='')}", {"resolved": True})


def _note(document: object) -> Note:
    return Note(
        number_of(document, "id"), text_of(get_nested(document, "author"), "username"), text_of(document, "body")
    )


def _thread(document: object) -> ForgeThread:
    notes = as_list(get_nested(document, "notes"))
    resolvable = [note for note in notes if get_nested(note, "resolvable") is True]
    is_resolved = bool(resolvable) and all(get_nested(note, "resolved") is True for note in resolvable)
    file = text_of(get_nested(notes[0], "position"), "new_path") if notes else ""
    return ForgeThread(text_of(document, "id"), file, sorted(map(_note, notes), key=lambda note: note.id), is_resolved)
