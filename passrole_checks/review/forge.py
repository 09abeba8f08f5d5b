"""The calls that a forge (GitHub, GitLab, Gitea) provides for posting a review, and the data that they exchange.

:mod:`passrole_checks.review.posting` is the sequence over this protocol. Each adapter maps it to the API of its forge.
:class:`LabelingForge` and :class:`AcceptingForge` are what a forge may provide beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.review.http import ForgeError
from passrole_checks.review.markdown.markers import CommentMarker
from passrole_checks.review.report import Anchor, ReviewReport


@dataclass(frozen=True, slots=True)
class ForgeTraits:
    """Constants of a forge.

    ``kind``: its name in :mod:`passrole_checks.review.ci_context`. ``request``: its term for a request to merge.
    ``summary_budget``: maximum length of the summary in UTF-16 units, without its marker.
    ``refusals``: HTTP statuses that reject the position of a comment; ``repeated_refusals``: those that reject it when
    a retry fails too. ``permission_statuses``: HTTP statuses for a missing permission. ``comment_permission`` and
    ``resolve_permission``: the permission to write comments, and to resolve threads. ``status_permission``: the one to
    set the verdict on the commit, "" if the status of the job is the verdict. ``has_suggestions``: a comment can
    contain a replacement that the forge applies. ``has_check_runs``: the verdict can be a check run too.
    """

    kind: str
    name: str
    request: str
    summary_budget: int
    refusals: Collection[int]
    repeated_refusals: Collection[int]
    permission_statuses: Collection[int]
    comment_permission: str
    resolve_permission: str
    status_permission: str = ""
    has_suggestions: bool = True
    has_check_runs: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """The request to comment on: its ``number``, or 0 and the reason ``why`` there is none, as a clause."""

    number: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment; ids increase. ``author``: the login name."""

    id: int
    author: str
    body: str


@dataclass(frozen=True, slots=True)
class ForgeThread:
    """A thread of review comments, oldest first.

    ``id``: the forge's id of the thread (GitHub: GraphQL id of the first comment). ``file``: its path, "" for none.
    ``is_resolved``: False on GitHub until :meth:`Forge.thread_states` asks.
    """

    id: str
    file: str
    comments: Sequence[Comment]
    is_resolved: bool = False


@dataclass(frozen=True, slots=True)
class ThreadState:
    """``id``: the id to resolve the thread with."""

    id: str
    is_resolved: bool


@dataclass(frozen=True, slots=True)
class DiffPosition:
    """A position in the diff. ``line``: of HEAD, 0 for the whole file. ``fields``: as the API of the forge takes it."""

    line: int
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DraftThread:
    """A thread to start. ``marker`` contains the keys of its items; the texts are without it. ``file_text``: used
    where the forge has no ``position`` for it or refuses that."""

    marker: CommentMarker
    file: str
    position: DiffPosition | None
    text: str
    file_text: str

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.marker.items)

    def body(self, *, at_position: bool) -> str:
        """Return the text of the comment with its marker."""
        return self.marker.prepend_to(self.text if at_position else self.file_text)


def positioned_comments(drafts: Sequence[DraftThread]) -> list[dict[str, Any]]:
    """Return the comments of a review at the positions of drafts, as the API of GitHub and Gitea takes them."""
    return [
        {**draft.position.fields, "body": draft.body(at_position=True)}
        for draft in drafts
        if draft.position is not None
    ]


class ForgeRequest(Protocol):
    """One request to merge on a forge. Each call raises a :class:`~passrole_checks.review.http.ForgeError`."""

    @property
    def traits(self) -> ForgeTraits: ...

    def obstacle(self, report: ReviewReport) -> str:
        """Return why nothing can be posted, as a sentence, or "". Makes no call."""

    def find_request(self) -> Target:
        """Find the open request whose head is the reviewed commit. Called before the methods that read or write the
        request."""

    def viewer(self) -> str:
        """Return the login that the token belongs to."""


class Forge(ForgeRequest, Protocol):
    """One request to merge, to post on."""

    @property
    def is_dry(self) -> bool:
        """True in a dry run, which writes nothing."""

    def is_current(self) -> bool:
        """True if the reviewed commit is still the head of the request."""

    # -- the conversation

    def comments(self) -> Sequence[Comment]:
        """List all comments, oldest first."""

    def create_comment(self, body: str) -> int:
        """Create a comment and return its id; 0 in a dry run."""

    def edit_comment(self, id: int, body: str) -> None: ...

    def delete_comment(self, id: int) -> None: ...

    def hide_comment(self, id: int) -> None:
        """Collapse a listed comment as outdated."""

    # -- threads

    def threads(self) -> Sequence[ForgeThread]:
        """List all threads, oldest first."""

    def positions(self, anchors: Sequence[Anchor]) -> Sequence[DiffPosition | None]:
        """Return the position of each anchor in the forge's diff; None where it is not in the diff, or (GitHub) the
        whole file."""

    def batches(self, drafts: Sequence[DraftThread]) -> list[list[DraftThread]]:
        """Split drafts into groups to write in one request each, in order."""

    def start_threads(self, drafts: Sequence[DraftThread], *, at_position: bool) -> None:
        """Start the threads in one request: at their positions, or (a single draft) at the file or outside the
        diff."""

    def delete_thread(self, thread: ForgeThread) -> None:
        """Delete a thread that has a single comment."""

    def thread_states(self, threads: Sequence[ForgeThread]) -> Mapping[str, ThreadState]:
        """Return the state of each thread by :attr:`ForgeThread.id`; threads without an entry cannot be resolved."""

    def reply(self, thread: ForgeThread, body: str) -> None: ...

    def resolve_thread(self, id: str) -> None:
        """Resolve the thread with this :attr:`ThreadState.id`."""

    # -- the commit

    def publish_verdict(self, report: ReviewReport, on_error: Callable[[str, str, ForgeError], None]) -> None:
        """Set the verdict on the commit, if the forge has one beside the job. Call ``on_error`` with the name of what
        could not be written, the permission it needs, and the error."""

    def permission_warning(self, missing: Mapping[str, Sequence[str]], refusal: str) -> str:
        """Return a warning that names the ``missing`` permissions, each with what could not be written without it.
        ``refusal``: the first refusal, status and message."""


@runtime_checkable
class LabelingForge(Protocol):
    """A forge with labels on requests. Each call raises a :class:`~passrole_checks.review.http.ForgeError`."""

    def labels(self) -> Collection[str]:
        """Return the labels of the request."""

    def add_label(self, name: str) -> None:
        """Add a label to the request; other labels stay."""

    def remove_label(self, name: str) -> None:
        """Remove a label from the request; other labels stay."""


# -- accepting items by reply


@dataclass(frozen=True, slots=True)
class AttestedComment:
    """A comment with what the forge knows about it. ``author``: the login, "" if the account is deleted; ``author_id``:
    for :meth:`AcceptingForge.is_member`. ``is_bot``: True unless a person wrote it. ``is_edited``: True unless the
    forge says that it was never changed."""

    author: str
    author_id: str
    is_bot: bool
    is_edited: bool
    body: str


@dataclass(frozen=True, slots=True)
class Discussion:
    """Comments that belong together, oldest first. A comment in the conversation without replies is a discussion of its
    own."""

    comments: tuple[AttestedComment, ...]


@dataclass(frozen=True, slots=True)
class Contributors:
    """Whose change a request is: the ``logins`` of its author, and of the authors and committers of its commits, as far
    as the forge knows their accounts. ``unattributed``: the number of commits with an author or committer without an
    account; ``unlisted``: of commits that the forge does not list."""

    logins: frozenset[str]
    unattributed: int = 0
    unlisted: int = 0


class AcceptingForge(ForgeRequest, Protocol):
    """One request, read to find the items that owners have accepted. Nothing is written. A team (GitLab: group) is
    ``organization/name``."""

    def acceptance_obstacle(self) -> str:
        """Return why there is no request, as a clause, or "". Makes no call."""

    def discussions(self) -> Sequence[Discussion]:
        """List all comments."""

    def contributors(self) -> Contributors:
        """Return whose change the request is."""

    def read_team(self, team: str) -> None:
        """Raise an error if the token may not read the members of a team, or there is no such team."""

    def is_member(self, team: str, comment: AttestedComment) -> bool:
        """True if the author of a comment is an active member of a team."""
