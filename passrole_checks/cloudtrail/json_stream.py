"""Reads the events of a file one after the other, in bounded memory, and as many of a damaged file as there are.

DuckDB reads what is as CloudTrail delivers it many times faster, but a file whole or not at all; this is for the
others: very large ones, truncated or malformed ones, and other forms of JSON. Nothing but the decoder of the standard
library is needed, which takes one value off the beginning of a text.
"""

from __future__ import annotations

import codecs
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Protocol

_CHUNK, _PACKED = 1 << 20, 1 << 16
LARGEST_EVENT = 16 << 20  # characters; CloudTrail's own limit of an event is 256 KB (User Guide, "Quotas")
_LIST = re.compile(r'"(?:Records|Events)"\s*:\s*\[')
_HEAD = 65_536
_BETWEEN = " \t\r\n,"


class Damaged(Exception):
    """The rest of a file cannot be read; the message says why, for people."""


def events_of(path: str, packed: bool) -> Iterator[Mapping[str, Any]]:
    """The events in a file of JSON: those of a list ``Records`` or ``Events``, or one value after the other.

    Raises `Damaged` behind the last event that could be read, and OSError where the file cannot be opened.
    """
    with open(path, "rb") as raw:
        for value in _values(_Window(_Unpacked(raw) if packed else raw)):
            yield from _unwrapped(value)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Unpacked:
    """What a gzip file holds. Unlike the standard library's, it gives all that there is before a break."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw, self._member, self._left = raw, zlib.decompressobj(wbits=31), b""
        self._begun = False

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end. Raises EOFError where the file breaks off, and zlib.error."""
        while True:
            if self._member.eof:  # another member may follow
                self._left = self._member.unused_data or self._left
                self._member, self._begun = zlib.decompressobj(wbits=31), False
            packed = self._left or self._raw.read(_PACKED)
            if not packed:
                if self._begun:
                    raise EOFError
                return b""
            if not self._begun:
                packed = packed.lstrip(b"\0")  # padding between and behind members
                if not packed:
                    self._left = b""
                    continue
                self._begun = True
            data = self._member.decompress(packed, size)
            self._left = self._member.unconsumed_tail
            if data:
                return data


class _Window:
    """The part of a text that was read and not yet taken."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self.text, self.at, self.ended, self.damage = "", 0, False, ""

    def more(self) -> bool:
        """Reads on; whether there was anything. The end of a damaged file is noted in `damage`."""
        if self.ended:
            return False
        try:
            data = self._stream.read(_CHUNK)
        except EOFError:
            data, self.damage = b"", "truncated gzip"
        except (OSError, zlib.error) as error:
            data, self.damage = b"", f"damaged gzip ({error})"
        self.ended = not data
        self.text = self.text[self.at :] + self._decoder.decode(data, final=self.ended)
        self.at = 0
        return True


def _values(window: _Window) -> Iterator[Any]:
    while len(window.text) < _HEAD and window.more():
        pass
    decoder = json.JSONDecoder()
    listed = _LIST.search(window.text, 0, _HEAD) if window.text.lstrip().startswith("{") else None
    count = 0
    window.at = listed.end() if listed else 0
    array = listed is not None or window.text.lstrip().startswith("[")
    if array and listed is None:
        window.at = window.text.index("[") + 1
    while True:
        start = _next(window)
        if start == "":
            if window.damage or array:
                raise Damaged(f"{window.damage or 'it ends within its list'}: read as far as its {count} events go")
            return
        if array and start == "]":
            if window.damage:
                raise Damaged(f"{window.damage}: read as far as its {count} events go")
            return
        try:
            value, window.at = decoder.raw_decode(window.text, window.at)
        except RecursionError:
            raise Damaged(f"nested too deeply: read as far as its {count} events go") from None
        except ValueError:
            if len(window.text) - window.at > LARGEST_EVENT:
                raise Damaged(
                    f"an event of more than 16 MB, or no JSON: read as far as its {count} events go"
                ) from None
            if window.more() and not (window.ended and window.damage):
                continue
            why = window.damage or "malformed JSON"
            raise Damaged(f"{why}: read as far as its {count} events go") from None
        count += 1
        yield value


def _next(window: _Window) -> str:
    """The first character of the next value; empty at the end."""
    while True:
        text, at = window.text, window.at
        while at < len(text) and text[at] in _BETWEEN:
            at += 1
        window.at = at
        if at < len(text):
            return text[at]
        if not window.more():
            return ""


def _unwrapped(value: Any) -> Iterator[Mapping[str, Any]]:
    """The event in a value: itself, the text that ``lookup-events`` has it in, or the detail of an EventBridge
    event."""
    if not isinstance(value, Mapping):
        return
    if isinstance(value.get("CloudTrailEvent"), str):
        try:
            inner = json.loads(value["CloudTrailEvent"])
        except (ValueError, RecursionError):
            return
        if isinstance(inner, Mapping):
            yield inner
    elif isinstance(value.get("detail"), Mapping) and "eventName" not in value:
        yield value["detail"]
    elif isinstance(value.get("Records"), list):  # a whole file on each line
        for one in value["Records"]:
            yield from _unwrapped(one)
    else:
        yield value
