"""The adapter of :class:`passrole_checks.review.forge.Forge` for GitLab: the API calls for one merge request, and the
fields that a review needs from the responses.

GitLab refuses a position outside its diff (400; some versions fail with 500); the comment is then a thread without a
position. The verdict is the status of the job, so that no commit status is set.

Sources: GitLab Docs, "CI/CD job token" (it can read notes, and write none), "Project access tokens" (scope ``api``),
"CI/CD variables" (a protected one is given to protected branches only), "Merge request pipelines" (one from a fork runs
in the fork); REST API: "Users" (``GET /user``), "Projects" (``archived``), "Merge requests" (``state``, ``sha``,
``discussion_locked``; versions of the diff), "Notes" (at most 1,000,000 characters), "Discussions" (threads;
``resolved``, which needs the Developer role), "REST API", sections on pagination (``X-Next-Page``) and on paths of
projects, "Authentication" (``PRIVATE-TOKEN``). Fields that a response lacks are empty: its shape is not trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from passrole_checks.files.decoded_json import as_list, get_nested, number_of, text_of
from passrole_checks.git_versions.forge_links import GITLAB
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.review.ci_context import GITLAB_TOKEN, Context, PostOptions
from passrole_checks.review.forge import (
    Comment,
    DiffPosition,
    DraftThread,
    ForgeThread,
    ForgeTraits,
    Target,
    ThreadState,
)
from passrole_checks.review.gitlab.positions import FileDiff, Positions, Version
from passrole_checks.review.http import Client, ForgeError, Response, at_page
from passrole_checks.review.posting import is_report_of
from passrole_checks.review.report import Anchor, ReviewReport
from passrole_checks.review.summary_comment import folded

if TYPE_CHECKING:
    import requests


BUDGET = 990_000  # of the 1,000,000 characters of a note, less the marker and the element that folds an outdated note
_JOB_TOKEN_PREFIX = "glcbt-"  # of a CI_JOB_TOKEN


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """``head_sha``: the last commit of the source branch; "" if that was deleted."""

    is_open: bool
    head_sha: str
    labels: tuple[str, ...] = ()


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


class GitLab:
    """A merge request. Each call raises a :class:`~passrole_checks.review.http.ForgeError`."""

    traits = ForgeTraits(
        kind=GITLAB,
        name="GitLab",
        request="merge request",
        summary_budget=BUDGET,
        refusals=(400, 413, 422),
        repeated_refusals=(500,),
        permission_statuses=(401, 403, 404),
        comment_permission="api",
        resolve_permission="the Developer role",
    )

    def __init__(self, context: Context, options: PostOptions, **how: Any) -> None:
        self.context = context
        secret = ("PRIVATE-TOKEN", context.token) if context.token else None
        self.client: Client = _Client(context.api_url, {}, secret, **how)
        self._project = f"/projects/{quote(str(context.project_id or context.repository), safe='')}"
        self._request = f"{self._project}/merge_requests/{context.number}"

    @property
    def is_dry(self) -> bool:
        return self.client.is_dry

    def obstacle(self, report: ReviewReport) -> str:
        context = self.context
        if not (context.has_token or self.is_dry):
            fork = ", which pipelines in a fork do not receive" if context.is_fork else ""
            return (
                f"no token ({GITLAB_TOKEN}, a project access token with scope api{fork}). CI_JOB_TOKEN cannot write"
                " comments; the Code Quality report needs no token."
            )
        if context.token.startswith(_JOB_TOKEN_PREFIX):
            reason = f"{GITLAB_TOKEN} is a CI_JOB_TOKEN, which cannot write notes."
            return f"{reason} Use a project access token with scope api."
        if not ((context.project_id or context.repository) and context.api_url):
            return "unknown project (CI_PROJECT_ID)."
        if not context.head_sha:
            return "unknown commit (CI_COMMIT_SHA)."
        if not is_report_of(report, context):
            return "the report is about another commit than this pipeline."
        return ""

    # -- user and merge request

    def viewer(self) -> str:
        """Return the username that the token belongs to; a project access token has a user of its own."""
        return text_of(self.client.get("/user").document, "username")

    def merge_request(self) -> MergeRequest | None:
        """Return the merge request; None in a dry run without a token."""
        document = self.client.get(self._request).document
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
        self.client.write("PUT", self._request, {"add_labels": name})

    def remove_label(self, name: str) -> None:
        self.client.write("PUT", self._request, {"remove_labels": name})

    def find_request(self) -> Target:
        request, context = self.merge_request(), self.context
        if request is None or (request.is_open and request.head_sha == context.head_sha):
            return Target(context.number)
        if not request.is_open:
            return Target(0, "the merge request is not open")
        return Target(0, f"the merge request has a newer commit than {context.head_sha[:12]}; a later run posts")

    def is_current(self) -> bool:
        return bool(self.find_request().number)

    def publish_verdict(self, report: ReviewReport, on_error: Callable[[str, str, ForgeError], None]) -> None:
        """Nothing: the status of the job is the verdict."""

    def permission_warning(self, missing: Mapping[str, Sequence[str]], refusal: str) -> str:
        uses = " and ".join(use for uses in missing.values() for use in uses)
        try:
            obstacle = self._write_obstacle()
        except ForgeError:
            obstacle = ""
        if obstacle:
            return f"Could not post {uses} to GitLab: {obstacle} ({refusal})."
        return (
            f"warning: the token cannot post {uses}. GitLab answered {refusal}. Use a valid token with scope api and"
            " the Developer role in the project of the merge request."
        )

    def _write_obstacle(self) -> str:
        """Return why GitLab refuses comments, as a clause, where its refusals do not say so; "" if it does not."""
        if get_nested(self.client.get(self._project).document, "archived") is True:
            return "the project is archived, hence read-only"
        if get_nested(self.client.get(self._request).document, "discussion_locked") is True:
            return "the discussion of the merge request is locked to members of the project"
        return ""

    # -- the diff

    def positions(self, anchors: Sequence[Anchor]) -> list[DiffPosition | None]:
        version = self._version()
        if version is None:
            return [None] * len(anchors)
        positions = Positions(version, self._diffs(version.id))
        return [positions.at(anchor) for anchor in anchors]

    def _version(self) -> Version | None:
        """Return the latest version of the diff if its head is the reviewed commit."""
        for listed in self.client.pages(f"{self._request}/versions"):
            version = Version(
                number_of(listed, "id"),
                text_of(listed, "base_commit_sha"),
                text_of(listed, "start_commit_sha"),
                text_of(listed, "head_commit_sha"),
            )
            is_current = version.head_sha == self.context.head_sha
            return version if is_current and version.base_sha and version.start_sha else None
        return None

    def _diffs(self, version: int) -> list[FileDiff]:
        """Return the diffs of all files of a version."""
        document = self.client.get(f"{self._request}/versions/{version}").document
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

    def comments(self) -> list[Comment]:
        """List all notes, including those in threads and those of GitLab, oldest first."""
        notes = self.client.pages(f"{self._request}/notes", {"sort": "asc", "order_by": "created_at"})
        return sorted(map(_note, notes), key=lambda note: note.id)

    def create_comment(self, body: str) -> int:
        """Create a note and return its id; 0 in a dry run."""
        answer = self.client.write("POST", f"{self._request}/notes", {"body": body})
        return number_of(answer.document, "id")

    def edit_comment(self, id: int, body: str) -> None:
        self.client.write("PUT", f"{self._request}/notes/{id}", {"body": body})

    def delete_comment(self, id: int) -> None:
        self.client.write("DELETE", f"{self._request}/notes/{id}")

    def hide_comment(self, id: int) -> None:
        """Fold a note, since GitLab cannot hide it. Its first line, the marker, stays."""
        body = text_of(self.client.get(f"{self._request}/notes/{id}").document, "body")
        if (text := folded(body)) is not None:
            self.edit_comment(id, text)

    # -- threads

    def threads(self) -> list[ForgeThread]:
        """List all threads, including those that cannot be resolved, oldest first."""
        threads = map(_thread, self.client.pages(f"{self._request}/discussions"))
        return sorted((thread for thread in threads if thread.comments), key=lambda thread: thread.comments[0].id)

    def thread_states(self, threads: Sequence[ForgeThread]) -> Mapping[str, ThreadState]:
        return {thread.id: ThreadState(thread.id, thread.is_resolved) for thread in threads}

    def batches(self, drafts: Sequence[DraftThread]) -> list[list[DraftThread]]:
        return [[draft] for draft in drafts]

    def start_threads(self, drafts: Sequence[DraftThread], *, at_position: bool) -> None:
        for draft in drafts:
            document: dict[str, Any] = {"body": draft.body(at_position=at_position)}
            if at_position and draft.position is not None:
                document["position"] = dict(draft.position.fields)
            self.client.write("POST", f"{self._request}/discussions", document)

    def delete_thread(self, thread: ForgeThread) -> None:
        self.delete_comment(thread.comments[0].id)

    def reply(self, thread: ForgeThread, body: str) -> None:
        self.client.write("POST", f"{self._request}/discussions/{quote(thread.id, safe='')}/notes", {"body": body})

    def resolve_thread(self, id: str) -> None:
        self.client.write("PUT", f"{self._request}/discussions/{quote(id, safe='')}", {"resolved": True})


def _note(document: object) -> Comment:
    return Comment(
        number_of(document, "id"), text_of(get_nested(document, "author"), "username"), text_of(document, "body")
    )


def _thread(document: object) -> ForgeThread:
    notes = as_list(get_nested(document, "notes"))
    resolvable = [note for note in notes if get_nested(note, "resolvable") is True]
    is_resolved = bool(resolvable) and all(get_nested(note, "resolved") is True for note in resolvable)
    file = text_of(get_nested(notes[0], "position"), "new_path") if notes else ""
    return ForgeThread(text_of(document, "id"), file, sorted(map(_note, notes), key=lambda note: note.id), is_resolved)
