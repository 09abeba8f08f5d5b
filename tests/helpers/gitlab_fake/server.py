"""The fake on loopback: tokens, scripted faults, the rate limit and the journal, before each operation."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from github_fake.world import Clock
from scripted import Fault, Hook, due, run_hooks

from gitlab_fake.api import PROJECT, PROJECT_ID, Answer, Given, World
from gitlab_fake.world import (
    DEVELOPER,
    GUEST,
    REPORTER,
    Call,
    Discussion,
    MergeCommit,
    MergeRequest,
    Note,
    Refusal,
    Token,
    User,
    applied,
)

WRITING = ("POST", "PUT", "DELETE")
GRAPHQL = "/api/graphql"
BOT, CONTRIBUTOR, SOMEBODY = User(1, "project_42_bot", is_bot=True), User(2, "contributor"), User(3, "somebody")


class GitLabFake:
    """The fake that the package docstring describes. Call ``start``, and finally ``stop``."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.world = World()
        self.writes_per_minute = 300
        self.tokens = {
            "project": Token("glpat-project-0123456789", BOT),
            "reporter": Token("glpat-reporter-0123456789", BOT, REPORTER),
            "read_only": Token("glpat-readonly-0123456789", BOT, scope="read_api"),
            "personal": Token("glpat-personal-0123456789", SOMEBODY),
            "stranger": Token("glpat-stranger-0123456789", User(9, "stranger"), GUEST),
            "job": Token("glcbt-64_0123456789", CONTRIBUTOR, scope="job"),
            "expired": Token("glpat-expired-0123456789", BOT, is_valid=False),
        }
        self.journal: list[Call] = []
        self._faults: list[Fault] = []
        self._hooks: list[Hook] = []
        self._lock = threading.RLock()
        self._server: ThreadingHTTPServer | None = None

    # -- the server

    def start(self) -> None:
        fake = self

        class Handler(_Handler):
            of = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.world.public_url = self.root

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def root(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/api/v4"

    @property
    def token(self) -> str:
        return self.tokens["project"].value

    def environment(self, *, run_number: int = 1, is_fork: bool = False) -> dict[str, str]:
        """Return the variables of a merge request pipeline's job (GitLab Docs, "Predefined CI/CD variables
        reference")."""
        request = self.request
        return {
            "GITLAB_CI": "true",
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_PROJECT_ID": str(PROJECT_ID),
            "CI_PROJECT_PATH": PROJECT,
            "CI_MERGE_REQUEST_PROJECT_ID": str(PROJECT_ID),
            "CI_MERGE_REQUEST_PROJECT_PATH": PROJECT,
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "43" if is_fork else str(PROJECT_ID),
            "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "contributor/infra" if is_fork else PROJECT,
            "CI_MERGE_REQUEST_IID": str(request.iid),
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": request.base_sha,
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "change",
            "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_SHA": request.head_sha,
            "CI_PIPELINE_IID": str(run_number),
            "CI_PIPELINE_ID": str(9000 + run_number),
            "CI_JOB_URL": f"{self.root}/{PROJECT}/-/jobs/{9000 + run_number}",
            "CI_API_V4_URL": self.url,
            "CI_SERVER_URL": self.root,
            "CI_JOB_TOKEN": self.tokens["job"].value,
        }

    # -- what is there, and what others do

    @property
    def request(self) -> MergeRequest:
        return self.world.request

    @property
    def commands(self) -> list[str]:
        return self.world.commands

    def notes(self) -> list[Note]:
        return [each.notes[0] for each in self.request.discussions if each.individual_note and not each.notes[0].system]

    def threads(self) -> list[Discussion]:
        return [each for each in self.request.discussions if not each.individual_note]

    def note(self, body: str, user: User = SOMEBODY) -> Note:
        return self.world.thread(body, user, None).notes[0]

    def thread(self, body: str, user: User = SOMEBODY) -> Discussion:
        return self.world.thread(body, user, "DiscussionNote")

    def reply(self, thread: Discussion, body: str, user: User = SOMEBODY) -> None:
        thread.notes.append(Note(self.world.next_id(), user, body, "DiscussionNote"))

    def edit(self, note: Note, body: str, user: User | None = None) -> None:
        """Edit a note, as its author or a maintainer can."""
        note.body, note.edited_by = body, user or note.author

    def commit(self, author: User | None, committer: User | None = None) -> None:
        """Add a commit to the merge request, by these people."""
        self.request.commits.append(MergeCommit(author, committer or author))

    def resolve(self, thread: Discussion, user: User = SOMEBODY) -> None:
        for note in thread.notes:
            note.resolved_by = user

    def push(self, files: dict[str, str], sha: str = "", user: User = CONTRIBUTOR) -> str:
        """Push a new head of the merge request with these files, all files of the tree; return it."""
        self.request.head_files = dict(files)
        self.world.push_version()
        if sha:
            self.request.head_sha = sha
            self.request.versions[0] = replace(self.request.versions[0], head_sha=sha)
        self.world.system_note("added 1 commit", user)
        return self.request.head_sha

    def apply_suggestion(self, thread: Discussion) -> None:
        self.push(applied(self.request.head_files, thread.notes[0]))

    # -- what goes wrong

    def fault(
        self,
        method: str,
        pattern: str,
        *,
        status: int,
        times: int = 1,
        skip: int = 0,
        document: Any = None,
        headers: dict[str, str] | None = None,
        after_effect: bool = False,
    ) -> None:
        payload = {"message": f"{status} scripted"} if document is None else document
        self._faults.append(Fault(method, re.compile(pattern), times, skip, status, payload, headers, after_effect))

    def when(
        self, method: str, pattern: str, action: Callable[[GitLabFake], object], *, after: bool = False, times: int = 1
    ) -> None:
        self._hooks.append(Hook(method, re.compile(pattern), lambda: action(self), times, after))

    # -- what was called

    def calls(self, method: str = "", pattern: str = "") -> list[Call]:
        return [each for each in self.journal if each.method.startswith(method) and re.search(pattern, each.path)]

    def writes(self) -> list[Call]:
        return [each for each in self.journal if each.method in WRITING and each.path != GRAPHQL]

    def forget_calls(self) -> None:
        self.journal.clear()

    def assert_spaced(self, seconds: float) -> None:
        times = [each.at for each in self.writes()]
        assert all(b - a >= seconds - 0.001 for a, b in pairwise(times)), times

    # -- the answer

    def answered(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], raw: bytes) -> Answer:
        with self._lock:
            at = self.clock.now()
            run_hooks(self._hooks, method, path, after=False)
            fault = due(self._faults, method, path)
            answer = Answer(500, None)
            if fault is None or fault.after_effect:
                answer = self._real(method, path, query, headers, raw)
            run_hooks(self._hooks, method, path, after=True)
            if fault is not None:
                answer = Answer(fault.status, fault.body, fault.headers or {})
            given = json.loads(raw) if raw else None
            self.journal.append(Call(method, path, query, given, answer.status, at))
            return answer

    def _real(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], raw: bytes) -> Answer:
        try:
            token = self._token(headers)
            if method in WRITING and path != GRAPHQL:
                self._count_write()
                if token.scope != "api":
                    payload = {
                        "error": "insufficient_scope",
                        "error_description": "The request requires higher privileges",
                    }
                    raise Refusal(403, {**payload, "scope": "api"})
            if path.startswith("/projects/") and token.role < REPORTER:
                raise Refusal(404, {"message": "404 Project Not Found"})
            return self.world.answer(Given(method, path, query, json.loads(raw) if raw else {}, token))
        except Refusal as refusal:
            headers = {"Retry-After": "30"} if refusal.status == 429 else {}
            return Answer(refusal.status, refusal.document, headers)

    def _token(self, headers: dict[str, str]) -> Token:
        value = headers.get("private-token") or headers.get("authorization", "").removeprefix("Bearer ")
        for token in self.tokens.values():
            if token.value == value and token.is_valid and token.scope != "job":
                return token
        raise Refusal(401, {"message": "401 Unauthorized"})

    def _count_write(self) -> None:
        now = self.clock.now()
        if sum(now - each.at < 60 and each.status < 400 for each in self.writes()) >= self.writes_per_minute:
            words = "This endpoint has been requested too many times. Try again later."
            raise Refusal(429, {"message": {"error": words}})


class _Handler(BaseHTTPRequestHandler):
    of: GitLabFake
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        answer = self.of.answered(self.command, parts.path.removeprefix("/api/v4"), query, headers, raw)
        data = b"" if answer.document is None else json.dumps(answer.document).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _handle

    def log_message(self, format: str, *args: object) -> None:
        """Do nothing: the journal has it."""


__all__ = ["BOT", "CONTRIBUTOR", "DEVELOPER", "SOMEBODY", "GitLabFake"]
