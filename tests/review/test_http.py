"""The client against a scripted server on loopback: waits, retries, pages, redirects, secrets."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from passrole_checks.review.http import MAX_PAGES, Client, ForgeError, Pace, Uncertain

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "ghs_notforanyonetosee"


@dataclass
class Reply:
    """``status`` 0: the connection is closed without a response."""

    status: int = 200
    document: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None


@dataclass
class Clock:
    now: float = 1_000_000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def pace(self) -> Pace:
        return Pace(clock=lambda: self.now, sleep=self.sleep)


class Server:
    """Sends ``replies``, repeating the last one, and records the requests."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                server.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                reply = server.replies.pop(0) if len(server.replies) > 1 else server.replies[0]
                if not reply.status:
                    self.close_connection = True
                    return
                data = json.dumps(reply.document).encode() if reply.text is None else reply.text.encode()
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PATCH = do_DELETE = _answer

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.asked]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    made = Server()
    yield made
    made.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(server: Server, clock: Clock) -> Client:
    return Client(server.url, {"X-Api": "1"}, ("Authorization", f"Bearer {TOKEN}"), pace=clock.pace())


def test_each_call_has_the_headers_and_the_token(server: Server, client: Client) -> None:
    """Each call has the token, the given headers and our User-Agent; a write has its JSON."""
    server.replies = [Reply(200, {"a": 1}), Reply(201, {"id": 5})]
    assert client.get("/user?q=a+b").document == {"a": 1}
    assert client.write("POST", "/things", {"body": "x"}).document == {"id": 5}
    (method, path, headers, _), (_, _, _, body) = server.asked
    assert (method, path, headers["authorization"], headers["x-api"]) == ("GET", "/user?q=a+b", f"Bearer {TOKEN}", "1")
    assert headers["user-agent"].startswith("passrole-checks/")
    assert json.loads(body) == {"body": "x"}


def test_netrc_does_not_replace_the_token(
    server: Server, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry for the host in .netrc does not replace the token."""
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    server.replies = [Reply(200, {})]
    client.get("/user")
    assert server.asked[0][2]["authorization"] == f"Bearer {TOKEN}"


def test_writes_are_spaced(server: Server, client: Client, clock: Clock) -> None:
    """Writes start at least a second apart; reads do not wait."""
    server.replies = [Reply(200, {})]
    client.get("/a")
    client.get("/b")
    assert clock.slept == []
    client.write("POST", "/a")
    clock.now += 0.25
    client.write("POST", "/b")
    clock.now += 5
    client.write("POST", "/c")
    assert clock.slept == [0.75]


@pytest.mark.parametrize(
    ("headers", "message", "waits"),
    [
        ({"retry-after": "7"}, "You have exceeded a secondary rate limit.", [7.0]),
        ({}, "You have exceeded a secondary rate limit.", [60.0]),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1000090"}, "API rate limit exceeded", [91.0]),
    ],
)
@pytest.mark.parametrize("status", [403, 429])
def test_rate_limited_call_is_repeated(
    server: Server,
    client: Client,
    clock: Clock,
    headers: Mapping[str, str],
    message: str,
    waits: list[float],
    status: int,
) -> None:
    """A rate-limited call is repeated when the forge allows it, or after a minute."""
    server.replies = [Reply(status, {"message": message}, headers), Reply(201, {"id": 1})]
    assert client.write("POST", "/things", {}).document == {"id": 1}
    gap = [1.0] if waits[0] < 1 else []
    assert clock.slept == [*waits, *gap]
    assert len(server.asked) == 2


def test_limit_waits_grow(server: Server, client: Client, clock: Clock) -> None:
    """Without a given time the wait doubles each time, up to a limit."""
    server.replies = [Reply(429, {"message": "too many"})]
    with pytest.raises(ForgeError) as caught:
        client.get("/user")
    assert caught.value.status == 429
    assert clock.slept == [60.0, 120.0, 240.0]  # the next would be 480, and 600 in all is the limit


def test_wait_beyond_the_total_is_refused(server: Server, client: Client, clock: Clock) -> None:
    """A wait beyond the total time is not started."""
    server.replies = [Reply(429, {"message": "too many"}, {"retry-after": "3600"})]
    with pytest.raises(ForgeError, match=r"the rate limit is used up until 1970-01-12 14:46:40 UTC \(60 minutes\)"):
        client.write("POST", "/things")
    assert clock.slept == []


def test_other_403_is_an_error_at_once(server: Server, client: Client, clock: Clock) -> None:
    """A 403 that is not about a rate limit is an error with the forge's message."""
    server.replies = [Reply(403, {"message": "Resource not accessible by integration"})]
    with pytest.raises(ForgeError) as caught:
        client.write("POST", "/things")
    assert (caught.value.status, caught.value.reason) == (403, "Resource not accessible by integration")
    assert not isinstance(caught.value, Uncertain)
    assert (clock.slept, len(server.asked)) == ([], 1)


def test_reads_are_retried(server: Server, client: Client, clock: Clock) -> None:
    """A read that fails with a server error, or has no response, is retried twice."""
    server.replies = [Reply(502, text="<html>"), Reply(0), Reply(200, [1])]
    assert client.get("/list").document == [1]
    assert clock.slept == [1.0, 2.0]
    server.replies = [Reply(503, {"message": "unavailable"})]
    with pytest.raises(ForgeError) as caught:
        client.get("/list")
    assert (caught.value.status, len(server.asked)) == (503, 6)


@pytest.mark.parametrize("reply", [Reply(502, text="<html>"), Reply(504, {"message": "timeout"}), Reply(0)])
def test_writes_are_not_retried(server: Server, client: Client, reply: Reply) -> None:
    """A write without a proper response is not retried, since it may have happened."""
    server.replies = [reply]
    with pytest.raises(Uncertain):
        client.write("POST", "/things", {})
    assert len(server.asked) == 1


def test_pages_are_followed_by_link(server: Server, client: Client) -> None:
    """Pages are followed by the URL of the forge, whatever its path."""
    following = f'<{server.url}/repositories/1/list?page=2>; rel="next", <{server.url}/x?page=2>; rel="last"'
    server.replies = [Reply(200, [1, 2], {"link": following}), Reply(200, [3])]
    assert list(client.pages("/list", {"state": "open"})) == [1, 2, 3]
    assert server.paths == ["/list?per_page=100&state=open", "/repositories/1/list?page=2"]


def test_endless_pages_are_an_error(server: Server, client: Client) -> None:
    """Endless pages are an error, not a loop."""
    server.replies = [Reply(200, [1], {"link": f'<{server.url}/list>; rel="next"'})]
    with pytest.raises(ForgeError, match="more than 100 pages"):
        list(client.pages("/list"))
    assert len(server.asked) == MAX_PAGES


def test_other_hosts_are_refused(server: Server, client: Client) -> None:
    """Redirects and next pages on another host or port are refused, and nothing is sent there."""
    other = Server()
    other.replies = [Reply(200, [])]
    try:
        server.replies = [Reply(302, None, {"location": f"{other.url}/caught"})]
        with pytest.raises(ForgeError, match="another host"):
            client.get("/user")
        with pytest.raises(ForgeError, match="another host"):
            client.write("POST", "/user")
        server.replies = [Reply(200, [1], {"link": f'<{other.url}/caught>; rel="next"'})]
        with pytest.raises(ForgeError, match="another host"):
            list(client.pages("/list"))
        assert other.asked == []
    finally:
        other.close()


def test_redirect_on_the_same_host_keeps_method_and_body(server: Server, client: Client) -> None:
    """A redirect on the same host, as of renamed repositories, keeps the method and the body."""
    server.replies = [Reply(307, None, {"location": "/repositories/1/things"}), Reply(201, {"id": 1})]
    assert client.write("POST", "/repos/a/b/things", {"body": "x"}).document == {"id": 1}
    assert [(method, path) for method, path, _, _ in server.asked][1] == ("POST", "/repositories/1/things")
    assert json.loads(server.asked[1][3]) == {"body": "x"}
    server.replies = [Reply(302, None, {"location": "/again"})]
    with pytest.raises(ForgeError) as caught:
        client.get("/again")
    assert caught.value.status == 302


@pytest.mark.parametrize(
    ("reply", "words"), [(Reply(200, text="<html>"), "not JSON"), (Reply(200, {"a": 1}), "not a list")]
)
def test_unexpected_responses_are_errors(server: Server, client: Client, reply: Reply, words: str) -> None:
    """A response that is not JSON, or not a list where one is expected, is an error and never empty."""
    server.replies = [reply]
    with pytest.raises(ForgeError, match=words):
        list(client.pages("/list"))


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_response_above_the_limit_is_an_error(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """A response is read up to a limit."""
    monkeypatch.setattr("passrole_checks.review.http._MAX_RESPONSE", 1000)
    server.replies = [Reply(200, "x" * 990)]
    assert client.get("/large").document == "x" * 990
    server.replies = [Reply(200, "x" * 1_000_000)]
    with pytest.raises(ForgeError, match=r"the response is larger than 1,000 bytes"):
        client.get("/large") if method == "GET" else client.write(method, "/large", {})


def test_messages_contain_no_secret(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """No message contains the token, a proxy's password or the query of a URL; the forge's message is sanitized."""
    server.replies = [Reply(422, {"message": "bad\x1b[31m\n::error::x", "errors": [{"message": "line"}, "other"]})]
    with pytest.raises(ForgeError) as caught:
        client.get("/things?secret=q")
    assert str(caught.value) == "GET /things: 422: bad\\x1b[31m \\x3a:error::x; line; other"
    server.close()
    monkeypatch.setenv("http_proxy", "http://me:hidden@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(ForgeError) as unanswered:
        Client("http://forge.invalid", {}, ("Authorization", TOKEN), pace=Clock().pace()).get("/things")
    assert str(unanswered.value) == "GET /things: no response from forge.invalid (ProxyError)"
    assert TOKEN not in repr(client) + repr(vars(caught.value))


@pytest.mark.parametrize(
    "address", ["http://[", "http://a:b/", "//other/x", "https://[::1", "\x00", "http://user@other/"]
)
def test_invalid_urls_are_not_followed(server: Server, client: Client, address: str) -> None:
    """An invalid URL is not followed, as a redirect, a next page or the API itself."""
    server.replies = [Reply(302, None, {"location": address})]
    with pytest.raises(ForgeError):
        client.get("/user")
    server.replies = [Reply(200, [1], {"link": f'<{address}>; rel="next"'})]
    with pytest.raises(ForgeError):
        list(client.pages("/list"))
    assert {path.partition("?")[0] for path in server.paths} <= {"/user", "/list", "/%00", "/"}


@pytest.mark.parametrize("api", ["http://[", "http://a:b", "http://forge.invalid:99999", "nowhere"])
def test_invalid_api_url_is_an_error(api: str) -> None:
    """An invalid URL of the API is an error of the call."""
    with pytest.raises(ForgeError):
        Client(api, {}, ("Authorization", TOKEN), pace=Clock().pace()).get("/user")


@pytest.mark.parametrize("token", ["a\nb", "\u1234", "\ud800", "a\r\nX-Other: 1"])
def test_invalid_token_is_not_in_the_error(server: Server, clock: Clock, token: str) -> None:
    """A token that is invalid in a header is an error without the token."""
    server.replies = [Reply(200, {})]
    with pytest.raises(ForgeError, match=r"^GET /user: no response from 127\.0\.0\.1 \([A-Za-z]+\)$"):
        Client(server.url, {}, ("Authorization", token), pace=clock.pace()).get("/user")
    assert server.asked == []


def test_without_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without requests a call says what to install, and a dry run without a token does not need it."""
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(ForgeError, match=r"-I -m pip install 'requests>=2\.31'"):
        Client("http://forge.invalid", {}, ("Authorization", TOKEN)).get("/user")
    result: list[str] = []
    Client("http://forge.invalid", {}, dry_run=result.append).write("POST", "/things")
    assert len(result) == 1


def test_requests_is_not_loaded_early() -> None:
    """Neither the command line nor the posting modules import requests before a call."""
    code = "import sys, passrole_checks.cli, passrole_checks.review.github; print('requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "False\n"


def test_dry_run_prints_writes(server: Server, clock: Clock) -> None:
    """A dry run prints each write as one line of JSON and sends none; with a token it reads."""
    result: list[str] = []
    dry = Client(server.url, {}, ("Authorization", TOKEN), pace=clock.pace(), dry_run=result.append)
    server.replies = [Reply(200, [1])]
    assert list(dry.pages("/list")) == [1]
    assert dry.write("POST", "/things", {"body": "ä\n"}).document == {}
    assert [method for method, _, _, _ in server.asked] == ["GET"]
    assert result == ['{"method": "POST", "path": "/things", "body": {"body": "\\u00e4\\n"}}']


def test_dry_run_without_token_skips_reads(server: Server) -> None:
    """Without a token a dry run skips reads."""
    result: list[str] = []
    dry = Client(server.url, {}, dry_run=result.append)
    assert (dry.get("/user").document, list(dry.pages("/list")), dry.query("/graphql", {}).document) == (None, [], None)
    dry.write("DELETE", "/things/1")
    assert (server.asked, result) == ([], ['{"method": "DELETE", "path": "/things/1", "body": null}'])
