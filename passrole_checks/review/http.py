"""A small HTTP client for the API of a forge: one host, JSON, sequential, within rate limits.

The token is sent to the host of the API only: redirects and next pages on other hosts are refused, and no message
contains a header. Writes are at least a second apart. Rate-limited calls are repeated when the forge allows it, up to a
total time. Reads are retried after server errors; a write without a response may have happened all the same, and only
the caller can find out (:class:`Uncertain`).

Sources: GitHub Docs, "Best practices for using the REST API" (a second between writes; ``retry-after``, then
``x-ratelimit-reset``, else a minute, and longer each time; redirects), "Rate limits for the REST API" (403 and 429),
"Using pagination in the REST API" (``Link``); GitLab Docs, "Rate limits" (429, ``Retry-After``) and "REST API",
"Pagination"; RFC 9110, 15.4 (redirects) and 10.2.3 (Retry-After); Requests, "Authentication" (an entry in a .netrc
takes the place of a header, but not of an ``auth``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

from passrole_checks import __version__
from passrole_checks.errors import PassRoleChecksError
from passrole_checks.escaping.terminal import sanitize

if TYPE_CHECKING:
    import requests

TIMEOUT = (10, 60)  # seconds: to connect, and between two chunks of a response
MAX_PAGES = 100
_TRIES = 3  # of a read after server errors
_LIMITED_TRIES = 5
_REDIRECTS = (301, 302, 307, 308)
_MAX_REDIRECTS = 3
_MINUTE = 60.0
_MAX_MESSAGE = 300
_LIMIT_WORDS = ("rate limit", "abuse detection")


class ForgeError(PassRoleChecksError):
    """A call that the forge refused or did not answer. ``call``: method and path. ``status``: HTTP status, 0 without a
    response. ``reason``: the forge's message, sanitized and shortened."""

    def __init__(self, call: str, status: int, reason: str) -> None:
        self.call, self.status = call, status
        self.reason = sanitize(" ".join(reason.split()))[:_MAX_MESSAGE] or "no reason given"
        super().__init__(f"{call}: {f'{status}: ' if status else ''}{self.reason}")


class Uncertain(ForgeError):
    """A write without a proper response: it may have happened. List before retrying."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Waiting times in seconds. ``gap``: between two writes; ``patience``: in total, including the calls; ``clock``:
    returns Unix time, as in ``x-ratelimit-reset``."""

    gap: float = 1.0
    patience: float = 600.0
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Response:
    """``document``: the JSON body, None if it is empty."""

    status: int
    document: Any
    next_url: str = ""


class Client:
    """``api``: the base URL. ``headers``: sent with each call; ``secret``: name and value of one more, the token.

    ``dry_run`` receives each write as one line of JSON (``method``, ``path``, ``body``) instead of the forge. Without a
    ``secret``, a dry run skips reads.
    """

    def __init__(
        self,
        api: str,
        headers: Mapping[str, str],
        secret: tuple[str, str] | None = None,
        *,
        pace: Pace | None = None,
        dry_run: Callable[[str], None] | None = None,
    ) -> None:
        self._api = api.rstrip("/")
        self._headers = {"User-Agent": f"passrole-checks/{__version__}", "Accept": "application/json", **headers}
        self._secret = secret
        self._pace = pace or Pace()
        self._dry_run = dry_run
        self._session: requests.Session | None = None
        self._deadline: float | None = None
        self._written: float | None = None

    @property
    def is_dry(self) -> bool:
        return self._dry_run is not None

    @property
    def skips_reads(self) -> bool:
        """True if reads return nothing."""
        return self.is_dry and self._secret is None

    # -- calls: each raises a ForgeError

    def get(self, path: str) -> Response:
        """Get ``path``. The response has no document if :attr:`skips_reads`."""
        if self.skips_reads:
            return Response(200, None)
        return self._read("GET", self._url(path), None)

    def pages(self, path: str, query: Mapping[str, str | int] | None = None, within: str = "") -> Iterator[Any]:
        """Yield the elements of a list, page by page. ``within``: the key of the list, if it is in an object."""
        url = self._url(path, {"per_page": 100, **(query or {})})
        for _ in range(MAX_PAGES):
            if self.skips_reads:
                return
            response = self._read("GET", url, None)
            page = (
                response.document.get(within) if within and isinstance(response.document, dict) else response.document
            )
            if not isinstance(page, list):
                raise ForgeError(self._call("GET", url), response.status, "the response is not a list")
            yield from page
            if not response.next_url:
                return
            url = response.next_url
        raise ForgeError(self._call("GET", url), 0, f"more than {MAX_PAGES} pages")

    def query(self, path: str, document: object) -> Response:
        """Read by POST, as GraphQL queries are."""
        if self.skips_reads:
            return Response(200, None)
        return self._read("POST", self._url(path), document)

    def write(self, method: str, path: str, document: object | None = None) -> Response:
        """Write once. Raise :class:`Uncertain` if it may or may not have happened."""
        if self._dry_run is not None:
            call = {"method": method, "path": path, "body": document}
            self._dry_run(json.dumps(call))  # ASCII, hence one line wherever it is printed
            return Response(200, {})
        return self._exchange(method, self._url(path), document, self._write_once)

    # -- internals

    def _url(self, path: str, query: Mapping[str, str | int] | None = None) -> str:
        url = path if "://" in path else self._api + path
        return f"{url}?{urlencode(query)}" if query else url

    def _call(self, method: str, url: str) -> str:
        """Return method and path, without host and query."""
        return sanitize(f"{method} {_split(url).path}")

    def _read(self, method: str, url: str, document: object) -> Response:
        return self._exchange(method, url, document, self._read_patiently)

    def _exchange(
        self, method: str, url: str, document: object, send: Callable[[str, str, object], requests.Response]
    ) -> Response:
        """Send a call, follow redirects on this host, and wait for rate limits."""
        redirects = limited = 0
        while True:
            response = send(method, url, document)
            call, status = self._call(method, url), response.status_code
            if (wait := _rate_limit_wait(response, limited, self._pace.clock())) is not None:
                limited += 1
                if limited >= _LIMITED_TRIES:
                    raise ForgeError(call, status, _error_message(response))
                self._wait(wait, call, status)
            elif status in _REDIRECTS and redirects < _MAX_REDIRECTS:
                redirects += 1
                url = self._on_this_host(_join(url, response.headers.get("location", "")), call, status)
            elif status >= 300:
                raise ForgeError(call, status, _error_message(response))
            else:
                return self._answer(response, url, call)

    def _answer(self, response: requests.Response, url: str, call: str) -> Response:
        following = response.links.get("next", {}).get("url", "")
        if following:
            following = self._on_this_host(_join(url, following), call, response.status_code)
        document: Any = None
        if response.content:
            try:
                document = response.json()
            except (ValueError, RecursionError):
                raise ForgeError(call, response.status_code, "the response is not JSON") from None
        return Response(response.status_code, document, following)

    def _on_this_host(self, url: str, call: str, status: int) -> str:
        if not _is_same_origin(url, self._api):
            raise ForgeError(call, status, f"refused to follow a link to another host ({_split(url).hostname})")
        return url

    def _read_patiently(self, method: str, url: str, document: object) -> requests.Response:
        for tried in range(_TRIES - 1):
            try:
                response = self._send(method, url, document)
                if response.status_code < 500:
                    return response
            except ForgeError:
                pass
            self._wait(2.0**tried, self._call(method, url), 0)
        return self._send(method, url, document)

    def _write_once(self, method: str, url: str, document: object) -> requests.Response:
        now = self._pace.clock()
        if self._written is not None and now < self._written + self._pace.gap:
            self._wait(self._written + self._pace.gap - now, self._call(method, url), 0)
        try:
            response = self._send(method, url, document)
        except ForgeError as error:
            raise Uncertain(error.call, error.status, error.reason) from None
        finally:
            self._written = self._pace.clock()
        if response.status_code >= 500:
            raise Uncertain(self._call(method, url), response.status_code, _error_message(response))
        return response

    def _send(self, method: str, url: str, document: object) -> requests.Response:
        session = self._opened()
        import requests

        try:
            return session.request(method, url, json=document, timeout=TIMEOUT, allow_redirects=False)
        except (
            requests.RequestException,
            ValueError,
        ) as error:  # its message may contain a secret
            reason = f"no response from {_split(url).hostname} ({type(error).__name__})"
            raise ForgeError(self._call(method, url), 0, reason) from None

    def _opened(self) -> requests.Session:
        if self._session is None:
            try:
                import requests
            except ImportError:
                raise ForgeError(
                    self._api, 0, "requests is not installed; run: pip install 'passrole-checks[bot]'"
                ) from None
            self._session = requests.Session()
            self._session.headers.update(self._headers)
            self._session.auth = self._authorize  # otherwise requests would send an entry in .netrc
        return self._session

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._secret is not None and request.url is not None and _is_same_origin(request.url, self._api):
            name, value = self._secret
            request.headers[name] = value
        return request

    def _wait(self, seconds: float, call: str, status: int) -> None:
        now = self._pace.clock()
        if self._deadline is None:
            self._deadline = now + self._pace.patience
        if now + seconds > self._deadline:
            reason = (
                f"would have to wait {seconds:.0f} more seconds, beyond the limit of {self._pace.patience:.0f} in total"
            )
            raise ForgeError(call, status, reason)
        self._pace.sleep(seconds)


def _rate_limit_wait(response: requests.Response, limited: int, now: float) -> float | None:
    """Return the seconds to wait before the next call; None if the response is not about a rate limit."""
    headers, status = response.headers, response.status_code
    after = headers.get("retry-after", "").strip()
    is_used_up = headers.get("x-ratelimit-remaining", "").strip() == "0"
    message = _error_message(response).lower()
    is_limit = status == 429 or bool(after) or is_used_up or any(phrase in message for phrase in _LIMIT_WORDS)
    if status not in (403, 429) or not is_limit:
        return None
    if after.isascii() and after.isdigit():
        return float(after)
    reset = headers.get("x-ratelimit-reset", "").strip()
    if is_used_up and reset.isascii() and reset.isdigit():
        return max(float(reset) - now, 0.0) + 1.0
    return _MINUTE * 2.0**limited


def _error_message(response: requests.Response) -> str:
    """Return the message of an error: ``message`` and ``errors`` of its JSON, or the reason phrase of the status."""
    try:
        document = response.json()
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        return str(response.reason or "")
    messages = [document.get("message") or document.get("error") or ""]
    errors = document.get("errors")
    for error in errors[:5] if isinstance(errors, list) else ():
        messages.append((error.get("message") or error.get("code") or "") if isinstance(error, dict) else error)
    return "; ".join(str(message) for message in messages if message)


def _is_same_origin(url: str, other: str) -> bool:
    origins = [(parts.scheme, parts.hostname, _port(parts)) for parts in map(_split, (url, other))]
    return origins[0] == origins[1] and bool(origins[0][1])


def _join(url: str, other: str) -> str:
    try:
        return urljoin(url, other)
    except ValueError:
        return ""


def _split(url: str) -> SplitResult:
    """Return the parts of a URL; all empty if it is invalid."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None
