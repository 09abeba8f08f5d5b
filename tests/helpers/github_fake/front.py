"""Everything before the operations of the fake: tokens, limits, faults, redirects, the journal, the contract."""

from __future__ import annotations

import json
import re
import threading
import traceback
from typing import Any
from urllib.parse import unquote

from scripted import Fault, Hook, due, run_hooks

from github_fake import checks, contract, conversation, labels_and_teams, pulls, queries, reviewing, uploads
from github_fake.journal import WRITING, Call
from github_fake.routing import DOCUMENTATION, Answer, Refused, Request, handler_of, refuse
from github_fake.world import Repository, Token, World

OPERATIONS = (checks, conversation, labels_and_teams, pulls, reviewing, uploads)  # imported: they declare their routes
_IN_REPOSITORY = re.compile(r"/(?:repos/(?P<owner>[^/]+)/(?P<name>[^/]+)|repositories/(?P<id>\d+))(?P<rest>/.*|)")
_SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


class Dropped(Exception):
    """The connection ends without a response."""


class Front:
    """Serves calls one at a time, from any number of threads. ``violations``: exchanges that do not fit GitHub's
    description, and forbidden acts of clients (sending a token to another host)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.lock = threading.RLock()
        self.faults: list[Fault] = []
        self.hooks: list[Hook] = []
        self.journal: list[Call] = []
        self.violations: list[str] = []
        self._writes: list[float] = []
        self._waiting_until = 0.0
        self._calls = 0

    def answer(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], raw: bytes) -> Answer:
        """Answer a call. Raise Dropped."""
        with self.lock:
            self._calls += 1
            token = self._token_or_none(headers)
            given = _loaded(raw)
            run_hooks(self.hooks, method, path, after=False)
            at = self.world.clock.now()
            fault = due(self.faults, method, path)
            if fault is None or fault.after_effect:
                answer = self._answered(method, path, query, headers, given, raw)
                self._check(method, path, query, raw, answer)
            if fault is not None:
                answer = _of_fault(fault)
            run_hooks(self.hooks, method, path, after=True)
            safe = {name: value for name, value in headers.items() if name != "authorization"}
            dropped = fault is not None and fault.drop
            status = 0 if dropped else answer.status
            document = None if dropped or isinstance(answer.body, bytes) else answer.body
            call = Call(method, path, query, safe, given, token, status, document, at, fault is not None)
            self.journal.append(call)
            if dropped:
                raise Dropped
            answer.headers = self._rate_headers(token) | answer.headers
            return answer

    def _answered(
        self, method: str, path: str, query: dict[str, str], headers: dict[str, str], given: Any, raw: bytes
    ) -> Answer:
        try:
            if not headers.get("user-agent"):
                refuse(
                    403,
                    "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.",
                )
            token = self._token(headers)
            if raw and given is None:
                refuse(400, "Problems parsing JSON")
            if path == "/graphql":
                if queries.is_mutation(given):
                    self._count_write()
                return queries.answer(Request(self.world, method, path, query, headers, given, token))
            repository, rest = self._repository(method, path, token)
            found = handler_of(method, rest)
            if found is None or (repository is None) != (rest == "/user" or rest.startswith("/orgs/")):
                refuse(404, "Not Found")
            if method in WRITING:
                self._count_write()
            handler, names = found
            names = {name: unquote(value) for name, value in names.items()}
            return handler(Request(self.world, method, path, query, headers, given, token, repository), **names)
        except Refused as refused:
            return refused.answer
        except Exception as error:  # a call that the fake was not made for, or a fault of its own: the test fails
            self.violations.append(
                f"{method} {path}: {traceback.format_exception(error)[-1].strip()}, for {raw[:500]!r}"
            )
            return Answer(500, {"message": "Server Error", "status": "500"})

    def _token_or_none(self, headers: dict[str, str]) -> Token | None:
        kind, _, value = headers.get("authorization", "").partition(" ")
        return self.world.tokens.get(value.strip()) if kind.lower() in ("bearer", "token") else None

    def _token(self, headers: dict[str, str]) -> Token | None:
        if "authorization" not in headers:
            return None
        token = self._token_or_none(headers)
        if token is None:
            refuse(401, "Bad credentials")
        return token

    def _repository(self, method: str, path: str, token: Token | None) -> tuple[Repository | None, str]:
        """Return the repository and the rest of the path. A renamed one redirects; a private one is not found without
        access."""
        match = _IN_REPOSITORY.fullmatch(path)
        if match is None:
            return None, path
        for repository in self.world.repositories:
            name = f"{match['owner']}/{match['name']}".lower()
            if str(repository.id) == match["id"] or name == repository.full_name.lower():
                if repository.private and (token is None or not token.may("contents", "read")):
                    break
                return repository, match["rest"]
            if name in {each.lower() for each in repository.former_names}:
                url = f"{self.world.url}/repositories/{repository.id}{match['rest']}"
                body = {"message": "Moved Permanently", "url": url, "documentation_url": "https://docs.github.com/rest"}
                raise Refused(Answer(301 if method == "GET" else 307, body, {"location": url}))
        refuse(404, "Not Found")

    def _count_write(self) -> None:
        """Raise Refused by the secondary limit, and until the wait that it demands is over."""
        now, limits = self.world.clock.now(), self.world.limits
        self._writes = [each for each in self._writes if now - each < 3600]
        minute = sum(now - each < 60 for each in self._writes)
        if (
            now < self._waiting_until
            or minute >= limits.writes_per_minute
            or len(self._writes) >= limits.writes_per_hour
        ):
            if now >= self._waiting_until:
                self._waiting_until = now + 60
            wait = max(int(self._waiting_until - now), 1)
            refuse(403, _SECONDARY, headers={"retry-after": str(wait)})
        self._writes.append(now)

    def _rate_headers(self, token: Token | None) -> dict[str, str]:
        limit = self.world.limits.per_hour if token else 60
        used = min(self._calls, limit)
        numbers = {"limit": limit, "remaining": limit - used, "used": used, "reset": int(self.world.clock.now()) + 3600}
        return {f"x-ratelimit-{name}": str(value) for name, value in numbers.items()} | {
            "x-ratelimit-resource": "core",
            "x-github-request-id": f"FAKE:{self._calls}",
            "x-github-media-type": "github.v3; format=json",
        }

    def _check(self, method: str, path: str, query: dict[str, str], raw: bytes, answer: Answer) -> None:
        if path == "/graphql":
            self.violations += queries.violations(answer)
            return
        kind = answer.headers.get("content-type", "application/json")
        self.violations += contract.violations(method, path, query, raw, answer.status, kind, encoded(answer.body))


def encoded(body: Any) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _loaded(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _of_fault(fault: Fault) -> Answer:
    body = fault.body
    if body is None:
        document = {"message": "scripted", "documentation_url": DOCUMENTATION, "status": str(fault.status)}
        body = b"<html><body>Unicorn!</body></html>" if fault.status >= 500 else document
    kind = {"content-type": "text/html"} if isinstance(body, bytes) else {}
    return Answer(fault.status, body, kind | {name.lower(): value for name, value in (fault.headers or {}).items()})
