"""The hidden first line that identifies our comments, and its fields.

A marker is an HTML comment on the first line. No other text that we write contains ``<!--``
(:mod:`passrole_checks.escaping.markup` escapes it), so no name in a pull request can forge one; callers check the
author. Source: GitHub Flavored Markdown Spec, "HTML blocks", kind 2 (``<!--`` to ``-->``), which forges do not show.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote, unquote

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

SUMMARY, INLINE, FIXED = "summary", "inline", "fixed"
MAX_KEYS = 300  # items per comment
_MAX_STATES = 100

_TOOL = "passrole-checks"
_LINE = lazy_regex(
    rf"<!-- {_TOOL}:(?P<kind>[a-z]{{1,20}}) v=[0-9]{{1,4}}(?P<fields>(?: [a-z]{{1,20}}=[A-Za-z0-9._~%,]*)*) -->"
)
_NUMBER = lazy_regex(r"[0-9]{1,15}")
_COMMIT = lazy_regex(r"[0-9a-f]{1,64}")


@dataclass(frozen=True, slots=True)
class CommentMarker:
    """``kind``: :data:`SUMMARY`, :data:`INLINE` (a line comment) or :data:`FIXED` (the reply that it is fixed).
    ``key``: distinguishes several reviews of one pull request. ``head``: the scanned commit. ``run`` and ``attempt``:
    of the run, to find the newer of two. ``items``: the keys of its items; ``files``: the marks of their files;
    ``states``: the fingerprints of the first of the items, which its text shows."""

    kind: str
    key: str = "default"
    head: str = ""
    run: int = 0
    attempt: int = 0
    items: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    states: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, int]:
        """Greater for later runs."""
        return self.run, self.attempt

    def is_same_comment(self, other: CommentMarker) -> bool:
        """True if both are of the same kind and review."""
        return (self.kind, self.key) == (other.kind, other.key)

    def line(self) -> str:
        """Return the marker as a line: one HTML comment, whatever its fields contain."""
        fields = [("key", _encode_list([self.key])), ("head", self.head if _COMMIT.fullmatch(self.head) else "")]
        fields += [("run", str(max(self.run, 0))), ("attempt", str(max(self.attempt, 0)))]
        if self.items:
            fields.append(("items", _encode_list(self.items[:MAX_KEYS])))
        if self.files:
            fields.append(("files", _encode_list(self.files[:MAX_KEYS])))
        if self.states:
            fields.append(("states", _encode_list(self.states[:_MAX_STATES])))
        return f"<!-- {_TOOL}:{self.kind} v=1 {' '.join(f'{name}={value}' for name, value in fields)} -->"

    def prepend_to(self, text: str) -> str:
        """Return ``text`` with this marker as its first line."""
        return f"{self.line()}\n{text}"


def parse_marker(body: str) -> CommentMarker | None:
    """Parse the marker on the first line of ``body``; None if there is none."""
    first = body.split("\n", 1)[0].rstrip("\r")
    match = _LINE.fullmatch(first)
    if match is None or match["kind"] not in (SUMMARY, INLINE, FIXED):
        return None
    fields: dict[str, str] = {}
    for field in match["fields"].split():
        name, _, value = field.partition("=")
        if name in fields:
            return None  # not ours
        fields[name] = value
    head, run, attempt = fields.get("head", ""), fields.get("run", "0"), fields.get("attempt", "0")
    if (head and not _COMMIT.fullmatch(head)) or not _NUMBER.fullmatch(run) or not _NUMBER.fullmatch(attempt):
        return None
    items, files, states = (
        tuple(map(unquote, filter(None, fields.get(name, "").split(",")))) for name in ("items", "files", "states")
    )
    key = unquote(fields.get("key", ""))
    return CommentMarker(match["kind"], key, head, int(run), int(attempt), items, files, states)


def without_marker(body: str) -> str:
    """Return ``body`` without its marker, with LF line breaks, and stripped as forges do."""
    text = body.replace("\r\n", "\n")
    if parse_marker(text) is not None:
        text = text.partition("\n")[2]
    return text.strip()


def is_same_text(body: str, other: str) -> bool:
    """True if two comments have the same text."""
    return without_marker(body) == without_marker(other)


def _encode_list(values: Iterable[str]) -> str:
    return ",".join(quote(value, safe="", errors="replace").replace("-", "%2D") for value in values)
