"""The fake as tests use it; the package docstring describes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from scripted import Fault, Hook

from github_fake import contract, events, reviewing
from github_fake.front import Front
from github_fake.journal import Call
from github_fake.proxy import Proxy
from github_fake.routing import Request
from github_fake.server import Server
from github_fake.world import (
    ACTIONS_APP,
    Artifact,
    CheckRun,
    Clock,
    Comment,
    Commit,
    Limits,
    Pull,
    Repository,
    Review,
    ReviewComment,
    Status,
    Thread,
    Token,
    Upload,
    User,
    World,
    sha_of,
)

BASE = 'variable "roles" {\n  default = "arn:aws:iam::111122223333:role/app-*"\n}\n'
HEAD = 'variable "roles" {\n  default = "*"\n}\n'

_COMMENTS_ONLY = {"contents": "read", "pull-requests": "write", "actions": "read"}
_BOT = {**_COMMENTS_ONLY, "issues": "write", "statuses": "write", "checks": "write", "security-events": "write"}


class GitHubFake:
    """Begin with ``start``, end with ``stop``. ``proxy``: True if clients go through another checking program."""

    def __init__(self) -> None:
        self.world = World()
        self._front = Front(self.world)
        self.proxy = Proxy.of_environment()
        self._server = Server(self._front, self.proxy.port if self.proxy else 0, keep_alive=self.proxy is None)
        self.world.url = self.proxy.url if self.proxy else f"http://127.0.0.1:{self._server.port}"
        self.world.files_url = f"http://localhost:{self._server.port}"
        bot = self.new_user("github-actions[bot]")
        self.repository = self.new_repository("octo-org/infra")
        self.pull = self.new_pull({"main.tf": BASE}, {"main.tf": HEAD})
        person = self.new_user("passrole-bot")
        self.tokens: dict[str, Token] = {
            "bot": self.new_token(bot, _BOT, app=ACTIONS_APP),
            "comments_only": self.new_token(bot, _COMMENTS_ONLY, app=ACTIONS_APP),
            "read_only": self.new_token(bot, dict.fromkeys(_BOT, "read"), app=ACTIONS_APP),
            "resolver": self.new_token(bot, {**_BOT, "contents": "write"}, app=ACTIONS_APP),
            "members": self.new_token(self.new_user("passrole[bot]"), {**_BOT, "members": "read"}, app="passrole"),
            "personal": self.new_token(person, {**_BOT, "contents": "write"}),
        }
        self.token = self.tokens["bot"].value

    # Running

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        return self.world.url

    @property
    def clock(self) -> Clock:
        return self.world.clock

    @property
    def limits(self) -> Limits:
        return self.world.limits

    @property
    def violations(self) -> list[str]:
        return self._front.violations

    def gives_back(self, change: Callable[[str], str]) -> None:
        """Return texts of comments as changed by ``change`` from now on."""
        self.world.gives_back = change

    # What there is

    def new_user(self, login: str) -> User:
        """Return the user of that name. A name that ends in ``[bot]`` is an app's."""
        kind = "Bot" if login.endswith("[bot]") else "User"
        if login not in self.world.users:
            self.world.users[login] = User(login, self.world.next_id(), kind)
        return self.world.users[login]

    def new_token(self, user: User | str, permissions: Mapping[str, str], app: str | None = None) -> Token:
        """Create a token: an app's for the repository only, a personal one for all."""
        owner = self.new_user(user) if isinstance(user, str) else user
        value = f"ghs_{sha_of('token', self.world.next_id())}"
        self.world.tokens[value] = Token(value, owner, dict(permissions), app, self.repository if app else None)
        return self.world.tokens[value]

    def new_repository(self, full_name: str, *, private: bool = False, parent: Repository | None = None) -> Repository:
        owner, name = full_name.split("/")
        made = Repository(self.world.next_id(), self.new_user(owner), name, private, parent)
        self.world.repositories.append(made)
        return made

    def new_pull(
        self,
        base: dict[str, str],
        head: dict[str, str],
        *,
        number: int = 7,
        user: str = "contributor",
        head_ref: str = "change",
        head_repository: Repository | None = None,
        base_sha: str | None = None,
        head_sha: str | None = None,
    ) -> Pull:
        """Create a pull request. ``base`` and ``head``: files of the merge base and the head. ``head_repository``: by
        default the repository itself."""
        where = head_repository or self.repository
        base_sha = base_sha or sha_of("base", number, sorted(base.items()))
        head_sha = head_sha or sha_of("head", number, sorted(head.items()))
        made = Pull(
            id=self.world.next_id(),
            repository=self.repository,
            number=number,
            title="Let more roles be passed",
            user=self.new_user(user),
            base_ref="main",
            head_ref=head_ref,
            head_repository=where,
            base_sha=base_sha,
            head_sha=head_sha,
            base_files=dict(base),
            head_files=dict(head),
            created=self.clock.now(),
            shas=[head_sha],
            history={head_sha: dict(head)},
        )
        self.repository.commits.add(base_sha)
        where.commits.add(head_sha)
        self.world.pulls.append(made)
        return made

    def rename(self, repository: Repository, name: str) -> None:
        self._only_without_proxy("follows redirects itself")
        repository.former_names.add(repository.full_name)
        repository.name = name

    def artifact(self, run_id: int, name: str, data: bytes) -> Artifact:
        """Add an artifact, whose archive is behind a redirect."""
        self._only_without_proxy("follows redirects itself")
        made = Artifact(self.world.next_id(), self.repository, run_id, name, data, self.clock.now())
        self.world.artifacts.append(made)
        return made

    def comments(self, pull: Pull | None = None) -> list[Comment]:
        return [each for each in self.world.comments if each.pull is (pull or self.pull)]

    def reviews(self, pull: Pull | None = None) -> list[Review]:
        return [each for each in self.world.reviews if each.pull is (pull or self.pull)]

    def review_comments(self, pull: Pull | None = None) -> list[ReviewComment]:
        return self.world.review_comments(pull or self.pull)

    def threads(self, pull: Pull | None = None) -> list[Thread]:
        return [each for each in self.world.threads if each.root.pull is (pull or self.pull)]

    def statuses(self, sha: str | None = None) -> list[Status]:
        return [each for each in self.world.statuses if each.sha == (sha or self.pull.head_sha)]

    def check_runs(self, sha: str | None = None) -> list[CheckRun]:
        return [each for each in self.world.check_runs if each.head_sha == (sha or self.pull.head_sha)]

    @property
    def uploads(self) -> list[Upload]:
        return self.world.uploads

    # What others do

    def comment(self, pull: Pull, body: str, user: str = "other-user", *, app: str | None = None) -> Comment:
        now = self.clock.now()
        made = Comment(self.world.next_id(), pull, self.new_user(user), body, now, now, app)
        self.world.comments.append(made)
        return made

    def _as(self, user: str) -> Request:
        token = Token("", self.new_user(user), {"pull-requests": "write", "contents": "write"})
        return Request(self.world, "", "", {}, {}, None, token, self.repository)

    def review_comment(self, pull: Pull, path: str, line: int, body: str, user: str = "other-user") -> ReviewComment:
        request = self._as(user)
        request.json = {"body": body, "commit_id": pull.head_sha, "path": path, "line": line, "side": "RIGHT"}
        reviewing.create(request, str(pull.number))
        return self.review_comments(pull)[-1]

    def reply(self, comment: ReviewComment, body: str, user: str = "other-user") -> ReviewComment:
        return reviewing.add_reply(self._as(user), self.world.thread_of(comment), body)

    def edit(self, comment: Comment | ReviewComment, body: str) -> None:
        """Edit a comment, as its author or a maintainer can, within the second in which it was written."""
        comment.body, comment.edited = body, self.clock.now()

    def commit(
        self, author: str | None, committer: str | None = None, *, co_authors: tuple[str | None, ...] = ()
    ) -> None:
        """Add a commit to the pull request, by these people."""
        self.pull.commits.append(Commit(author, committer or author, co_authors))

    def resolve(self, comment: ReviewComment, user: str = "other-user") -> None:
        self.world.thread_of(comment).resolved_by = self.new_user(user)

    def push(self, pull: Pull, files: Mapping[str, str], sha: str | None = None, *, forced: bool = False) -> str:
        """Push a new head with ``files``, all files of the tree. Comments move with their lines; those whose lines
        changed, or are in no hunk any more, are outdated. ``forced``: earlier heads leave the pull request."""
        before, pull.head_files = pull.head_files, dict(files)
        pull.head_sha = sha or sha_of("head", pull.number, sorted(files.items()), len(pull.shas))
        pull.shas = [pull.head_sha] if forced else [*pull.shas, pull.head_sha]
        pull.history[pull.head_sha] = pull.head_files
        if pull.head_repository is not None:
            pull.head_repository.commits.add(pull.head_sha)
        for comment in self.world.review_comments(pull):
            if comment.subject_type == "line" and comment.line is not None:
                reviewing.move(comment, before)
        return pull.head_sha

    def apply_suggestion(self, comment: ReviewComment) -> str:
        """Apply a suggestion as its button does; return the new head. Raise ValueError if there is none, or its lines
        are gone."""
        fence = re.search(r"^(`{3,})suggestion[^\n]*\n(.*?)^\1`*[ \t]*$", comment.body, re.MULTILINE | re.DOTALL)
        if fence is None or comment.line is None:
            raise ValueError("no suggestion can be applied")
        pull, path = comment.pull, comment.path
        lines = pull.head_files[path].splitlines(keepends=True)
        lines[(comment.start_line or comment.line) - 1 : comment.line] = [fence[2]] if fence[2] else []
        return self.push(pull, {**pull.head_files, path: "".join(lines)})

    def environment(self, pull: Pull, folder: Path, event: str = "pull_request", **more: int) -> dict[str, str]:
        return events.environment(self.world, pull, folder, event, **more)

    def payload(self, pull: Pull, event: str = "pull_request", **more: Any) -> dict[str, Any]:
        return events.payload(self.world, pull, event, **more)

    # What goes wrong

    def fault(self, method: str, pattern: str, *, times: int = 1, **more: Any) -> Fault:
        """Answer the next ``times`` calls whose path matches ``pattern`` as :class:`Fault` describes."""
        fault = Fault(method, re.compile(pattern), times, **more)
        if fault.drop or fault.status not in contract.GENERAL:
            self._only_without_proxy("answers in another way")
        self._front.faults.append(fault)
        return fault

    def when(
        self, method: str, pattern: str, action: Callable[[GitHubFake], object], *, after: bool = False, times: int = 1
    ) -> None:
        """Call ``action`` during the next calls: before or after they are executed."""
        self._front.hooks.append(Hook(method, re.compile(pattern), lambda: action(self), times, after))

    # What was called

    def calls(self, method: str = "", pattern: str = "") -> list[Call]:
        found = [call for call in self._front.journal if not method or call.method == method]
        return [call for call in found if re.search(pattern, call.path)]

    def writes(self) -> list[Call]:
        return [call for call in self._front.journal if call.is_write]

    def forget_calls(self) -> None:
        self._front.journal.clear()

    def assert_spaced(self, seconds: float) -> None:
        """Assert that no two writes were closer by the clock ("Best practices for using the REST API")."""
        moments = [call.at for call in self.writes()]
        gaps = [later - sooner for sooner, later in pairwise(moments)]
        assert all(gap >= seconds for gap in gaps), f"writes are {gaps} seconds apart: {list(map(str, self.writes()))}"

    def assert_described(self) -> None:
        """Assert that all exchanges fit GitHub's description of its API."""
        found = [*self.violations, *(self.proxy.complaints() if self.proxy else ())]
        assert not found, "\n".join(found)

    def _only_without_proxy(self, what: str) -> None:
        if self.proxy is not None:
            pytest.skip(f"not through the proxy, which {what}")
