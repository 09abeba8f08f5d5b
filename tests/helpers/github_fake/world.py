"""The state of the fake: plain, mutable data. Its operations are elsewhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import count
from typing import Any

ACTIONS_APP = "github-actions"


class Clock:
    """A clock that only moves by sleeping. ``slept``: the duration of each sleep."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 5, 10, 0, tzinfo=timezone.utc).timestamp()
        self.slept: list[float] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now += seconds

    def text(self) -> str:
        return as_text(self._now)


def as_text(moment: float) -> str:
    """Format whole seconds, as GitHub's timestamps: two comments can have equal ones."""
    return datetime.fromtimestamp(int(moment), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def sha_of(*words: object) -> str:
    """Return a commit id, equal for equal words."""
    return hashlib.sha1("\0".join(map(str, words)).encode(), usedforsecurity=False).hexdigest()


@dataclass(eq=False)
class User:
    login: str
    id: int
    type: str = "User"


@dataclass(eq=False)
class Token:
    """``permissions``: as in a workflow file, ``read`` or ``write``. ``app``: slug of the GitHub App whose installation
    it belongs to, None for a personal token. ``repository``: the only one it is valid for, as a job's; None for all."""

    value: str
    user: User
    permissions: dict[str, str]
    app: str | None = None
    repository: Repository | None = None

    def may(self, permission: str, access: str) -> bool:
        has = self.permissions.get(permission)
        return has == "write" or (has == "read" and access == "read")


@dataclass(eq=False)
class Repository:
    id: int
    owner: User
    name: str
    private: bool = False
    parent: Repository | None = None
    default_branch: str = "main"
    commits: set[str] = field(default_factory=set)
    former_names: set[str] = field(default_factory=set)
    has_code_scanning: bool = True

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"


@dataclass(eq=False)
class Commit:
    """``author``, ``committer``: logins, None for an address without an account. ``co_authors``: of its trailers.
    ``is_of_web_page``: GitHub committed and signed it."""

    author: str | None
    committer: str | None
    co_authors: tuple[str | None, ...] = ()
    committer_email: str = "someone@example.com"
    is_of_web_page: bool = False


@dataclass(eq=False)
class Pull:
    """``base_files``: those of the merge base. ``shas``: all heads, the present one last; ``history``: their files.
    ``is_listed_whole`` False: its diff is too large to be listed (406). ``commits``: those whose people matter to a
    test; ``unlisted_commits``: the number of more that are not listed."""

    id: int
    repository: Repository
    number: int
    title: str
    user: User
    base_ref: str
    head_ref: str
    head_repository: Repository | None
    base_sha: str
    head_sha: str
    base_files: dict[str, str]
    head_files: dict[str, str]
    created: float
    state: str = "open"
    merged: bool = False
    locked: bool = False
    is_listed_whole: bool = True
    shas: list[str] = field(default_factory=list)
    history: dict[str, dict[str, str]] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    unlisted_commits: int = 0


@dataclass(eq=False)
class Comment:
    """A comment in the conversation. ``minimized``: why it was hidden, or None. ``edited``: when, or None."""

    id: int
    pull: Pull
    user: User
    body: str
    created: float
    updated: float
    app: str | None = None
    minimized: str | None = None
    edited: float | None = None

    @property
    def node_id(self) -> str:
        return f"IC_{self.id}"


@dataclass(eq=False)
class Review:
    id: int
    pull: Pull
    user: User
    body: str
    state: str
    commit_id: str
    submitted: float | None


@dataclass(eq=False)
class ReviewComment:
    """``line`` and ``start_line``: in the present head, None if outdated; ``original_…``: as posted. ``reply_to``: the
    first comment of its thread, None for that one."""

    id: int
    pull: Pull
    review: Review
    user: User
    body: str
    path: str
    subject_type: str
    side: str
    line: int | None
    start_line: int | None
    start_side: str | None
    original_line: int | None
    original_start_line: int | None
    position: int | None
    original_position: int | None
    commit_id: str
    original_commit_id: str
    diff_hunk: str
    created: float
    updated: float
    reply_to: ReviewComment | None = None
    minimized: str | None = None
    edited: float | None = None

    @property
    def node_id(self) -> str:
        return f"PRRC_{self.id}"

    @property
    def is_outdated(self) -> bool:
        return self.subject_type == "line" and self.line is None


@dataclass(eq=False)
class Thread:
    """``resolved_by``: None while it is open."""

    root: ReviewComment
    comments: list[ReviewComment]
    resolved_by: User | None = None

    @property
    def node_id(self) -> str:
        return f"PRRT_{self.root.id}"


@dataclass(eq=False)
class Status:
    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: User
    created: float


@dataclass(eq=False)
class CheckRun:
    id: int
    repository: Repository
    name: str
    head_sha: str
    app: str
    status: str
    conclusion: str | None
    started: float
    completed: float | None
    details_url: str | None
    external_id: str
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, Any]] = field(default_factory=list)


@dataclass(eq=False)
class Upload:
    """SARIF accepted by code scanning; ``sarif``: its contents."""

    id: str
    repository: Repository
    commit_sha: str
    ref: str
    sarif: dict[str, Any]


@dataclass(eq=False)
class Artifact:
    id: int
    repository: Repository
    run_id: int
    name: str
    data: bytes
    created: float
    expired: bool = False


@dataclass
class Limits:
    """Limits that GitHub documents ("Rate limits for the REST API", "Create a check run"), or that threads report."""

    body: int = 65_536
    status_description: int = 140
    statuses: int = 1_000
    comments_per_review: int = 32
    writes_per_minute: int = 80
    writes_per_hour: int = 500
    files: int = 3_000
    per_hour: int = 5_000


@dataclass
class World:
    """The whole state. ``url``: of the API; ``files_url``: of the other host with archives. ``gives_back``: maps the
    written text of a comment to the text that is read. ``teams``: ``organization/team``, with the state of each login's
    membership (``active``, ``pending``)."""

    clock: Clock = field(default_factory=Clock)
    limits: Limits = field(default_factory=Limits)
    url: str = ""
    files_url: str = ""
    users: dict[str, User] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    repositories: list[Repository] = field(default_factory=list)
    pulls: list[Pull] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    threads: list[Thread] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    check_runs: list[CheckRun] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    artifacts: list[Artifact] = field(default_factory=list)
    teams: dict[str, dict[str, str]] = field(default_factory=dict)
    gives_back: Callable[[str], str] = str
    ids: Iterator[int] = field(default_factory=lambda: count(1001))

    def next_id(self) -> int:
        return next(self.ids)

    def review_comments(self, pull: Pull) -> list[ReviewComment]:
        found = [comment for thread in self.threads if thread.root.pull is pull for comment in thread.comments]
        return sorted(found, key=lambda comment: comment.id)

    def thread_of(self, comment: ReviewComment) -> Thread:
        root = comment.reply_to or comment
        return next(thread for thread in self.threads if thread.root is root)
