"""The fake on loopback: one server for the API and, by another host name, for archives."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from github_fake.front import Dropped, Front, encoded
from github_fake.routing import Answer


class Server:
    """``port`` 0: any free port. ``keep_alive`` False closes each connection after its response."""

    def __init__(self, front: Front, port: int = 0, *, keep_alive: bool = True) -> None:
        class Handler(_Handler):
            of = front
            protocol_version = "HTTP/1.1" if keep_alive else "HTTP/1.0"

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    of: Front
    wbufsize = 1 << 16  # an answer in one packet: in two, the second waits 40 ms for the first to be acknowledged

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            if parts.path.startswith("/archives/"):
                answer = self._archive(parts.path, headers)
            else:
                answer = self.of.answer(self.command, parts.path, query, headers, raw)
        except Dropped:
            self.close_connection = True
            return
        data = encoded(answer.body)
        self.send_response(answer.status)
        if data and "content-type" not in answer.headers:
            self.send_header("content-type", "application/json; charset=utf-8")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle

    def _archive(self, path: str, headers: dict[str, str]) -> Answer:
        """Serve an archive from the other host; a token sent there is leaked."""
        with self.of.lock:
            if "authorization" in headers:
                self.of.violations.append(f"GET {path}: the token was sent to another host")
            for each in self.of.world.artifacts:
                if path == f"/archives/{each.id}":
                    return Answer(200, each.data, {"content-type": "application/zip"})
        return Answer(404, b"", {"content-type": "text/plain"})

    def log_message(self, format: str, *args: object) -> None:
        """Do nothing: the journal has it."""
