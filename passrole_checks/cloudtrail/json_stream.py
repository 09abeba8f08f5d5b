"""Read the events of a file one by one, in bounded memory, up to the damage in a damaged file.

DuckDB reads files as CloudTrail delivers them many times faster, but only completely or not at all. This module reads
the others: very large, truncated or malformed files, and other forms of JSON. It needs only the decoder of the standard
library, which decodes one value at the start of a text.
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


class DamagedLogError(Exception):
    """Raised if the rest of a file cannot be read; the message says why."""


def events_of(path: str, packed: bool) -> Iterator[Mapping[str, Any]]:
    """Yield the events in a JSON file: those of a list ``Records`` or ``Events``, or one value after the other.

    Raises `DamagedLogError` after the last readable event, and OSError if the file cannot be opened.
    """
    with open(path, "rb") as raw:
        for value in _values(_Window(_GzipStream(raw) if packed else raw)):
            yield from _events_in_value(value)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _GzipStream:
    """Decompress a gzip file. Unlike the standard library, it returns all data before a break."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw, self._member, self._left = raw, zlib.decompressobj(wbits=31), b""
        self._begun = False

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; empty at the end. Raises EOFError if the file is truncated, and zlib.error."""
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
                packed = packed.lstrip(b"\0")  # padding between and after members
                if not packed:
                    self._left = b""
                    continue
                self._begun = True
            data = self._member.decompress(packed, size)
            self._left = self._member.unconsumed_tail
            if data:
                return data


class _Window:
    """The part of a text that was read and not yet decoded."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self.text, self.at, self.ended, self.damage = "", 0, False, ""

    def more(self) -> bool:
        """Read more text; False at the end. The cause of an early end is stored in `damage`."""
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
        start = _next_character(window)
        if start == "":
            if window.damage or array:
                raise DamagedLogError(f"{window.damage or 'unterminated list'}: {count} events read before the break")
            return
        if array and start == "]":
            if window.damage:
                raise DamagedLogError(f"{window.damage}: {count} events read before the break")
            return
        try:
            value, window.at = decoder.raw_decode(window.text, window.at)
        except RecursionError:
            raise DamagedLogError(f"nested too deeply: {count} events read before the break") from None
        except ValueError:
            if len(window.text) - window.at > LARGEST_EVENT:
                raise DamagedLogError(
                    f"event larger than 16 MB, or not JSON: {count} events read before the break"
                ) from None
            if window.more() and not (window.ended and window.damage):
                continue
            why = window.damage or "malformed JSON"
            raise DamagedLogError(f"{why}: {count} events read before the break") from None
        count += 1
        yield value


def _next_character(window: _Window) -> str:
    """Return the first character of the next value; empty at the end."""
    while True:
        text, at = window.text, window.at
        while at < len(text) and text[at] in _BETWEEN:
            at += 1
        window.at = at
        if at < len(text):
            return text[at]
        if not window.more():
            return ""


def _events_in_value(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the event in a value: itself, the text in ``lookup-events`` output, or the detail of an
    EventBridge event.
    """
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
            yield from _events_in_value(one)
    else:
        yield value
