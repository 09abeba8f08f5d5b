"""A fake forge as a server on loopback, with a manual clock, scripted faults and events, and a journal of the calls."""

from __future__ import annotations

import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from github_fake.world import Clock
from scripted import Fault, Hook, due, run_hooks


@dataclass
class Answer:
    status: int
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """A call and its response."""

    method: str
    path: str
    query: dict[str, str]
    json: Any
    status: int
    at: float


class ScriptedServer(ABC):
    """Call ``start``, and finally ``stop``. ``prefix``: of the paths of the API, which calls and patterns lack.
    ``writing``: the methods that write."""

    prefix: str
    writing: tuple[str, ...] = ("POST", "PUT", "PATCH", "DELETE")

    def __init__(self) -> None:
        self.clock = Clock()
        self.journal: list[Call] = []
        self._faults: list[Fault] = []
        self._hooks: list[Hook] = []
        self._lock = threading.RLock()
        self._server: ThreadingHTTPServer | None = None

    @abstractmethod
    def respond(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], given: Any) -> Answer:
        """Do what is asked for. ``given``: the JSON of the request; None without any."""

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
    def root(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"{self.root}{self.prefix}"

    # -- what goes wrong, and what others do meanwhile

    def fault(
        self, method: str, pattern: str, *, times: int = 1, status: int = 500, body: Any = None, **more: Any
    ) -> None:
        """Answer the next ``times`` calls whose path matches ``pattern`` as :class:`Fault` describes."""
        body = {"message": f"{status} scripted"} if body is None else body
        self._faults.append(Fault(method, re.compile(pattern), times, status=status, body=body, **more))

    def forget_faults(self) -> None:
        self._faults.clear()

    def when(
        self, method: str, pattern: str, action: Callable[[Any], object], *, after: bool = False, times: int = 1
    ) -> None:
        """Call ``action`` with this server during the next calls: before or after they are executed."""
        self._hooks.append(Hook(method, re.compile(pattern), lambda: action(self), times, after))

    # -- what was called

    def calls(self, method: str = "", pattern: str = "") -> list[Call]:
        return [each for each in self.journal if each.method.startswith(method) and re.search(pattern, each.path)]

    def writes(self) -> list[Call]:
        return [each for each in self.journal if self.is_write(each.method, each.path)]

    def is_write(self, method: str, path: str) -> bool:
        return method in self.writing

    def forget_calls(self) -> None:
        self.journal.clear()

    def assert_spaced(self, seconds: float) -> None:
        times = [each.at for each in self.writes()]
        assert all(b - a >= seconds - 0.001 for a, b in pairwise(times)), times

    def answered(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], raw: bytes) -> Answer:
        with self._lock:
            at = self.clock.now()
            given = json.loads(raw) if raw else None
            run_hooks(self._hooks, method, path, after=False)
            fault = due(self._faults, method, path)
            answer = Answer(500)
            if fault is None or fault.after_effect:
                answer = self.respond(method, path, query, headers, given)
            run_hooks(self._hooks, method, path, after=True)
            if fault is not None:
                answer = Answer(fault.status, fault.body, fault.headers or {})
            self.journal.append(Call(method, path, query, given, answer.status, at))
            return answer


class _Handler(BaseHTTPRequestHandler):
    of: ScriptedServer
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        answer = self.of.answered(self.command, parts.path.removeprefix(self.of.prefix), query, headers, raw)
        data = b"" if answer.document is None else json.dumps(answer.document).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def log_message(self, format: str, *args: object) -> None:
        """Do nothing: the journal has it."""
