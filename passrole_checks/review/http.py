"""A small HTTP client for the API of a forge: one host, JSON, sequential, within rate limits.

The token is sent to the host of the API only: redirects and next pages on other hosts are refused, and no message
contains a header. Writes are at least a second apart. Rate-limited calls are repeated when the forge allows it, up to a
total time; a longer limit ends all calls (:class:`RateLimited`). Reads are retried after server errors; a write without
a response may have happened all the same, and only the caller can find out (:class:`Uncertain`).

Sources: GitHub Docs, "Best practices for using the REST API" (a second between writes; ``retry-after``, then
``x-ratelimit-reset``, else a minute, and longer each time; redirects), "Rate limits for the REST API" (403 and 429),
"Rate limits and query limits for the GraphQL API" (an error with status 200; counted apart), "Using pagination in the
REST API" (``Link``); GitLab Docs, "Rate limits" (429, ``Retry-After``, ``RateLimit-Reset``) and "REST API",
"Pagination"; RFC 9110, 15.4 (redirects) and 10.2.3 (Retry-After); Requests, "Authentication" (an entry in a .netrc
takes the place of a header, but not of an ``auth``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from passrole_checks import __version__
from passrole_checks.distribution import pip_install
from passrole_checks.errors import PassRoleChecksError
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.files.decoded_json import as_list, as_object, text_of
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.output.counts import count_noun

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
_MAX_RESPONSE = 50_000_000  # bytes, decompressed
_PIECE = 65_536
_TOO_MANY_REQUESTS = 429
_LIMIT_PHRASES = ("rate limit", "abuse detection")
_TOO_QUICK = "submitted too quickly"  # GitHub's limit of content creation, with status 422
_MAX_WAIT = 10 * 366 * 86_400.0  # seconds


class ForgeError(PassRoleChecksError):
    """A call that the forge refused or did not answer. ``call``: method and path. ``status``: HTTP status, 0 without a
    response. ``reason``: the forge's message, sanitized and shortened."""

    def __init__(self, call: str, status: int, reason: str) -> None:
        self.call, self.status = call, status
        self.reason = sanitize(" ".join(reason.split()))[:_MAX_MESSAGE] or "no reason given"
        super().__init__(f"{call}: {f'{status}: ' if status else ''}{self.reason}")


class Uncertain(ForgeError):
    """A write without a proper response: it may have happened. List before retrying."""


class RateLimited(ForgeError):
    """A call that a rate limit refuses for longer than we may wait. ``status`` is 429, which not every forge uses.

    ``answer``: status and message of the forge. ``until``: Unix time at which the limit ends; None if unknown.
    ``seconds``: from now until then.
    """

    def __init__(self, call: str, answer: str, until: float | None, seconds: float) -> None:
        end = "; how long is unknown" if until is None else f" until {_utc(until)} ({_duration(seconds)})"
        reason = f"the rate limit is used up{end}; the answer was {answer.rstrip('.')}"
        super().__init__(call, _TOO_MANY_REQUESTS, reason)


@dataclass(frozen=True, slots=True)
class _Limit:
    """A rate limit: the seconds to wait for it, and True if the forge named them."""

    wait: float
    is_known: bool


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


def repeat_if_uncertain(write: Callable[..., object], *arguments: object) -> None:
    """Write what may be written twice, a second time if the first may or may not have happened."""
    try:
        write(*arguments)
    except Uncertain:
        write(*arguments)


class Client:
    """``api``: the base URL. ``headers``: sent with each call; ``secret``: name and value of one more, the token.

    ``dry_run`` receives each write as one line of JSON (``method``, ``path``, ``body``) instead of the forge. Without a
    ``secret``, a dry run skips reads.
    """

    page_size: ClassVar[Mapping[str, str | int]] = {"per_page": 100}  # the parameter of lists

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
        self._limited: dict[bool, tuple[float, RateLimited]] = {}  # for GraphQL or not: until when, and the error

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
        url = self._url(path, {**self.page_size, **(query or {})})
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
        until, refusal = self._limited.get(_is_graphql(url), (0.0, None))
        if refusal is not None and self._pace.clock() < until:
            raise refusal
        while True:
            response = send(method, url, document)
            call, status = self._call(method, url), response.status_code
            if (limit := _rate_limit(response, limited, self._pace.clock(), url)) is not None:
                limited += 1
                self._wait_for_limit(limit, response, call, url, is_last=limited >= _LIMITED_TRIES)
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
            response = session.request(method, url, json=document, timeout=TIMEOUT, allow_redirects=False, stream=True)
            content = bytearray()
            for piece in response.iter_content(_PIECE):
                content += piece
                if len(content) > _MAX_RESPONSE:
                    response.close()
                    reason = f"the response is larger than {_MAX_RESPONSE:,} bytes"
                    raise ForgeError(self._call(method, url), response.status_code, reason)
            response._content = bytes(content)  # as without stream=True
            return response
        except (requests.RequestException, ValueError) as error:  # its message may contain a secret
            reason = f"no response from {_split(url).hostname} ({type(error).__name__})"
            raise ForgeError(self._call(method, url), 0, reason) from None

    def _opened(self) -> requests.Session:
        if self._session is None:
            try:
                import requests
            except ImportError:
                raise ForgeError(self._api, 0, f"requests is not installed; run: {pip_install('requests')}") from None
            self._session = requests.Session()
            self._session.headers.update(self._headers)
            self._session.auth = self._authorize  # otherwise requests would send an entry in .netrc
        return self._session

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._secret is not None and request.url is not None and _is_same_origin(request.url, self._api):
            name, value = self._secret
            request.headers[name] = value
        return request

    def _wait_for_limit(
        self, limit: _Limit, response: requests.Response, call: str, url: str, *, is_last: bool
    ) -> None:
        """Wait for a rate limit. Beyond the total time, or after the last try, refuse all calls until it ends."""
        now = self._pace.clock()
        until = now + limit.wait
        if is_last or self._is_beyond_deadline(until):
            answer = sanitize(f"{response.status_code}: {_error_message(response)}")
            refusal = RateLimited(call, answer, until if limit.is_known else None, limit.wait)
            self._limited[_is_graphql(url)] = (until, refusal)
            raise refusal
        self._pace.sleep(limit.wait)

    def _is_beyond_deadline(self, when: float) -> bool:
        if self._deadline is None:
            self._deadline = self._pace.clock() + self._pace.patience
        return when > self._deadline

    def _wait(self, seconds: float, call: str, status: int) -> None:
        if self._is_beyond_deadline(self._pace.clock() + seconds):
            reason = (
                f"would have to wait {seconds:.0f} more seconds, beyond the limit of {self._pace.patience:.0f} in total"
            )
            raise ForgeError(call, status, reason)
        self._pace.sleep(seconds)


def _rate_limit(response: requests.Response, limited: int, now: float, url: str) -> _Limit | None:
    """Return the limit that a response is about, after ``limited`` earlier ones of this call; None if it is about
    none. GraphQL reports it in an error with status 200."""
    headers, status = response.headers, response.status_code
    is_used_up = "0" in {headers.get(f"{prefix}ratelimit-remaining", "").strip() for prefix in ("x-", "")}
    after = _retry_after(headers.get("retry-after", "").strip(), now)
    if status == 200 and _is_graphql(url):
        is_limit = _has_limit_message(response)
    elif status == 403:
        is_limit = after is not None or is_used_up or _has_limit_message(response)
    else:
        is_limit = status == _TOO_MANY_REQUESTS or (status == 422 and _TOO_QUICK in _error_message(response))
    if not is_limit:
        return None
    if after is not None:
        return _Limit(after, True)
    for reset in (headers.get(f"{prefix}ratelimit-reset", "").strip() for prefix in ("x-", "")):
        if is_used_up and reset.isascii() and reset.isdigit():
            return _Limit(min(max(float(reset) - now, 0.0), _MAX_WAIT) + 1.0, True)
    return _Limit(_MINUTE * 2.0**limited, False)


def _retry_after(value: str, now: float) -> float | None:
    """Return the seconds of a ``Retry-After`` header, which contains a number or a date; None if neither."""
    if value.isascii() and value.isdigit():
        return min(float(value), _MAX_WAIT)
    try:
        return min(max(parsedate_to_datetime(value).timestamp() - now, 0.0), _MAX_WAIT) if value else None
    except (ValueError, TypeError, OverflowError):
        return None


def _has_limit_message(response: requests.Response) -> bool:
    types = [text_of(error, "type") for error in as_list(_json_object(response).get("errors"))]
    message = _error_message(response).lower()
    return "RATE_LIMITED" in types or any(phrase in message for phrase in _LIMIT_PHRASES)


def _is_graphql(url: str) -> bool:
    return _split(url).path.endswith("/graphql")


def _utc(time: float) -> str:
    return datetime.fromtimestamp(min(time, 253_402_300_799.0), timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def _duration(seconds: float) -> str:
    return count_noun(round(seconds), "second") if seconds < 90 else count_noun(round(seconds / 60), "minute")


def _error_message(response: requests.Response) -> str:
    """Return the message of an error: ``message`` and ``errors`` of its JSON, or the reason phrase of the status."""
    document = _json_object(response)
    if not document:
        return str(response.reason or "")
    message = document.get("message") or document.get("error") or ""
    messages = [message.get("error") or "" if isinstance(message, dict) else message]
    for error in as_list(document.get("errors"))[:5]:
        messages.append((error.get("message") or error.get("code") or "") if isinstance(error, dict) else error)
    return "; ".join(str(message) for message in messages if message)


def _json_object(response: requests.Response) -> Mapping[str, Any]:
    """Return the JSON object of a response; empty if it is none."""
    try:
        return as_object(response.json())
    except (ValueError, RecursionError):
        return {}


def at_page(url: str, page: int) -> str:
    """Return the URL of another page of a list, for forges that count pages."""
    parts = urlsplit(url)
    query = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "page"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("page", page)])))


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
