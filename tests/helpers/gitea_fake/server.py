"""The fake on loopback: tokens, scripted faults, the contract and the journal, before and after each operation."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from github_fake.world import Clock
from scripted import Fault, Hook, due, run_hooks

from gitea_fake import contract
from gitea_fake.api import REPOSITORY, SITE, Answer, Given, World, pull_body, repository
from gitea_fake.world import BOT, SOMEBODY, Call, CodeComment, Comment, Refusal, Review, Token, User, sha_of

WRITING = ("POST", "PATCH", "DELETE")


class GiteaFake(World):
    """The fake that the package docstring describes. Call ``start``, and finally ``stop``."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.tokens = {
            "job": Token("gta-job-0123456789", BOT),
            "read_only": Token("gta-readonly-0123456789", BOT, frozenset()),
            "comments_only": Token("gta-comments-0123456789", BOT, frozenset({"pulls"})),
            "personal": Token("gta-personal-0123456789", SOMEBODY),
        }
        self.journal: list[Call] = []
        self.violations: list[str] = []
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

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}/api/v1"

    def environment(self, folder: Path, *, run_number: int = 1) -> dict[str, str]:
        """Return the variables of a job for the pull request, and write its event into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        event = {"action": "synchronized", "number": self.pull.number, "pull_request": pull_body(self.pull)}
        path = folder / "event.json"
        path.write_text(json.dumps({**event, "repository": repository(REPOSITORY)}), encoding="utf-8")
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "FORGEJO_ACTIONS" if self.is_forgejo else "GITEA_ACTIONS": "true",
            "GITHUB_API_URL": self.url,
            "GITHUB_SERVER_URL": SITE,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(path),
            "GITHUB_SHA": self.pull.head_sha,
            "GITHUB_REF": f"refs/pull/{self.pull.number}/head",
            "GITHUB_RUN_ID": str(9000 + run_number),
            "GITHUB_RUN_NUMBER": str(run_number),
        }

    # -- what others do

    def comment(self, body: str, user: User = SOMEBODY) -> Comment:
        made = Comment(self.next_id(), user, body)
        self.comments.append(made)
        return made

    def code_comment(self, path: str, line: int, body: str, user: User = SOMEBODY) -> CodeComment:
        """Comment on a line in a review of its own, as the page of the diff does."""
        made = CodeComment(self.next_id(), user, body, path, line)
        self.reviews.append(Review(self.next_id(), user, "COMMENT", "", self.pull.head_sha, [made]))
        return made

    def push(self, files: dict[str, str], sha: str = "") -> str:
        """Push a new head with these files, all files of the tree; return it."""
        self.pull.head_files = dict(files)
        self.pull.head_sha = sha or sha_of(files, self.next_id())
        return self.pull.head_sha

    def code_comments(self) -> list[CodeComment]:
        """List the comments on lines that everyone sees, oldest first."""
        found = [each for review in self.reviews if review.state != "PENDING" for each in review.comments]
        return sorted(found, key=lambda each: each.id)

    # -- what goes wrong

    def fault(self, method: str, pattern: str, *, times: int = 1, **more: Any) -> None:
        """Answer the next ``times`` calls whose path matches ``pattern`` as :class:`Fault` describes."""
        self._faults.append(Fault(method, re.compile(pattern), times, **more))

    def forget_faults(self) -> None:
        self._faults.clear()

    def when(
        self, method: str, pattern: str, action: Callable[[GiteaFake], object], *, after: bool = False, times: int = 1
    ) -> None:
        self._hooks.append(Hook(method, re.compile(pattern), lambda: action(self), times, after))

    # -- what was called

    def calls(self, method: str = "", pattern: str = "") -> list[Call]:
        return [each for each in self.journal if each.method.startswith(method) and re.search(pattern, each.path)]

    def writes(self) -> list[Call]:
        return [each for each in self.journal if each.method in WRITING]

    def forget_calls(self) -> None:
        self.journal.clear()

    def assert_spaced(self, seconds: float) -> None:
        times = [each.at for each in self.writes()]
        assert all(b - a >= seconds - 0.001 for a, b in pairwise(times)), times

    # -- the answer

    def answered(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], raw: bytes) -> Answer:
        with self._lock:
            at = self.clock.now()
            given = json.loads(raw) if raw else None
            run_hooks(self._hooks, method, path, after=False)
            fault = due(self._faults, method, path)
            answer = Answer(500)
            if fault is None or fault.after_effect:
                answer = self._real(method, path, query, headers, given)
                self.violations += contract.violations(method, path, query, given, answer.status, answer.document)
            run_hooks(self._hooks, method, path, after=True)
            if fault is not None:
                answer = Answer(fault.status, fault.body or {"message": "scripted"}, fault.headers or {})
            self.journal.append(Call(method, path, query, given, answer.status, at))
            return answer

    def _real(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], given: Any) -> Answer:
        value = headers.get("authorization", "").removeprefix("token ")
        token = next((each for each in self.tokens.values() if each.value == value), None)
        try:
            if token is None:
                raise Refusal(401, "invalid username, password or token")
            return self.answer(method, path, Given(query, given, token))
        except Refusal as refusal:
            return Answer(refusal.status, {"message": refusal.message, "url": f"{SITE}/api/swagger"})


class _Handler(BaseHTTPRequestHandler):
    of: GiteaFake
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        answer = self.of.answered(self.command, parts.path.removeprefix("/api/v1"), query, headers, raw)
        data = b"" if answer.document is None else json.dumps(answer.document).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle

    def log_message(self, format: str, *args: object) -> None:
        """Do nothing: the journal has it."""
