"""The hidden first line by which our comments are found again, and what it tells.

A marker is a comment of HTML on a line of its own, the first one. Nothing else that we write holds ``<!--``
(:mod:`passrole_checks.escaping.markup` spells it out), so that no name in a pull request can make one; that its author
is ours is for the caller to see. Source: GitHub Flavored Markdown Spec, "HTML blocks", kind 2 (``<!--`` to ``-->``), of
which forges show nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

SUMMARY, INLINE, FIXED = "summary", "inline", "fixed"
MOST_KEYS = 300  # of items that one comment can be about

_TOOL = "passrole-checks"
_LINE = re.compile(
    rf"<!-- {_TOOL}:(?P<kind>[a-z]{{1,20}}) v=[0-9]{{1,4}}(?P<fields>(?: [a-z]{{1,20}}=[A-Za-z0-9._~%,]*)*) -->"
)
_NUMBER = re.compile(r"[0-9]{1,15}")
_COMMIT = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True, slots=True)
class CommentMarker:
    """``kind``: :data:`SUMMARY`, :data:`INLINE` (a comment at lines) or :data:`FIXED` (the answer that it is fixed).
    ``key`` tells several reviews of one pull request apart, ``head`` is the commit that was scanned, ``run`` and
    ``attempt`` are the run's, for which of two is newer. ``items``: the keys of the items that it is about, ``files``
    short words for the files that these stand in."""

    kind: str
    key: str = "default"
    head: str = ""
    run: int = 0
    attempt: int = 0
    items: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, int]:
        """Later runs have greater ones."""
        return self.run, self.attempt

    def is_one_with(self, other: CommentMarker) -> bool:
        """Whether both are of the same kind and of the same review."""
        return (self.kind, self.key) == (other.kind, other.key)

    def line(self) -> str:
        """The line itself. Whatever is in the fields, it is one comment that ends at its end."""
        fields = [("key", _written([self.key])), ("head", self.head if _COMMIT.fullmatch(self.head) else "")]
        fields += [("run", str(max(self.run, 0))), ("attempt", str(max(self.attempt, 0)))]
        if self.items:
            fields.append(("items", _written(self.items[:MOST_KEYS])))
        if self.files:
            fields.append(("files", _written(self.files[:MOST_KEYS])))
        return f"<!-- {_TOOL}:{self.kind} v=1 {' '.join(f'{name}={value}' for name, value in fields)} -->"

    def on(self, text: str) -> str:
        """``text`` with this marker as its first line."""
        return f"{self.line()}\n{text}"


def parse(body: str) -> CommentMarker | None:
    """The marker that is the first line of ``body``; None where that is anything else."""
    first = body.split("\n", 1)[0].rstrip("\r")
    found = _LINE.fullmatch(first)
    if found is None or found["kind"] not in (SUMMARY, INLINE, FIXED):
        return None
    fields: dict[str, str] = {}
    for word in found["fields"].split():
        name, _, value = word.partition("=")
        if name in fields:
            return None  # not ours
        fields[name] = value
    head, run, attempt = fields.get("head", ""), fields.get("run", "0"), fields.get("attempt", "0")
    if (head and not _COMMIT.fullmatch(head)) or not _NUMBER.fullmatch(run) or not _NUMBER.fullmatch(attempt):
        return None
    items, files = (tuple(map(unquote, filter(None, fields.get(name, "").split(",")))) for name in ("items", "files"))
    return CommentMarker(found["kind"], unquote(fields.get("key", "")), head, int(run), int(attempt), items, files)


def without(body: str) -> str:
    """``body`` without its marker, with one kind of line breaks, and without what forges take off at both ends."""
    text = body.replace("\r\n", "\n")
    if parse(text) is not None:
        text = text.partition("\n")[2]
    return text.strip()


def says_the_same(body: str, other: str) -> bool:
    """Whether two comments tell a reader the same."""
    return without(body) == without(other)


def _written(words: Iterable[str]) -> str:
    return ",".join(quote(word, safe="", errors="replace").replace("-", "%2D") for word in words)
