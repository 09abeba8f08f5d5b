"""Read the events of a file one by one, in bounded memory, up to the damage in a damaged file.

DuckDB reads files as CloudTrail delivers them many times faster, but only completely or not at all. This module reads
the others: very large, truncated or malformed files, and other forms of JSON. CloudTrail's own limit of an event is
256 KB (User Guide, "Quotas").
"""

from __future__ import annotations

import errno
import json
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Protocol

from passrole_checks.files.json_window import JsonWindow, TooLargeValueError, decoded_pieces
from passrole_checks.files.safe_read import RefusedError
from passrole_checks.iam.lazy_regex import lazy_regex

_PACKED = 1 << 16
_LIST = lazy_regex(r'"(?:Records|Events)"\s*:\s*\[')
_HEAD = 65_536
_BETWEEN = " \t\r\n,"
# Limits of decompression. CloudTrail's files have ratios of 10 to 30; deflate allows 1,032 (zlib, "Technical Details")
LARGEST_LOG = 10_000_000_000
MOST_COMPRESSION = 200
_ALWAYS_ALLOWED = 64 << 20  # bytes, whatever the ratio


class DamagedLogError(Exception):
    """Raised if the rest of a file cannot be read; the message says why."""


def events_of(path: str, packed: bool) -> Iterator[Mapping[str, Any]]:
    """Yield the events in a JSON file: those of a list ``Records`` or ``Events``, or one value after the other.

    Raises `DamagedLogError` after the last readable event, and OSError if the file cannot be opened.
    """
    with open(path, "rb") as raw:
        for value in _values(_Window(GzipStream(raw) if packed else raw)):
            yield from _events_in_value(value)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class GzipStream:
    """Decompress a gzip file. Unlike the standard library, it returns all data before a break.

    ``size``: the bytes returned so far.
    """

    def __init__(self, raw: BinaryIO) -> None:
        self._raw, self._member, self._left = raw, zlib.decompressobj(wbits=31), b""
        self._begun = False
        self.size = 0

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; empty at the end.

        Raises EOFError if the file is truncated, zlib.error if it is damaged, and a
        :class:`~passrole_checks.files.safe_read.RefusedError` after `LARGEST_LOG` bytes, or `MOST_COMPRESSION` times
        those that the file has up to there.
        """
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
                self.size += len(data)
                check_expansion(self.size, self._raw.tell())
                return data


def check_expansion(size: int, packed: int) -> None:
    """Raise a :class:`RefusedError` if ``packed`` bytes of a file decompress to more than the limits."""
    if size > LARGEST_LOG:
        raise RefusedError(errno.EFBIG, f"larger than {LARGEST_LOG / 1e9:g} GB when decompressed")
    if size > max(_ALWAYS_ALLOWED, MOST_COMPRESSION * packed):
        raise RefusedError(errno.EFBIG, f"decompresses to more than {MOST_COMPRESSION} times its size")


class _Window(JsonWindow):
    """The part of a log that was read and not yet decoded. ``damage``: the cause of an early end."""

    def __init__(self, stream: _Stream) -> None:
        self._stream, self.damage = stream, ""
        super().__init__(decoded_pieces(self._read, "replace"))

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except EOFError:
            self.damage = "truncated gzip"
        except RefusedError as error:
            self.damage = str(error.strerror)
        except (OSError, zlib.error) as error:
            self.damage = f"damaged gzip ({error})"
        return b""


def _values(window: _Window) -> Iterator[Any]:
    while len(window.text) < _HEAD and window.more():
        pass
    listed = _LIST.search(window.text, 0, _HEAD) if window.text.lstrip().startswith("{") else None
    count = 0
    window.at = listed.end() if listed else 0
    array = listed is not None or window.text.lstrip().startswith("[")
    if array and listed is None:
        window.at = window.text.index("[") + 1
    while True:
        start = window.peek(_BETWEEN)
        if start == "":
            if window.damage or array:
                raise DamagedLogError(f"{window.damage or 'unterminated list'}: {count} events read before the break")
            return
        if array and start == "]":
            window.at += 1
            follows = window.peek(" \t\r\n}") if listed is not None else ""
            while len(window.text) - window.at < _HEAD and window.more():
                pass
            if window.damage:
                raise DamagedLogError(f"{window.damage}: {count} events read before the break")
            listed = _LIST.search(window.text, window.at, window.at + _HEAD) if follows == "{" else None
            if listed is None:  # no other object with a list follows
                return
            window.at = listed.end()
            continue
        try:
            value = window.decode()
        except RecursionError:
            raise DamagedLogError(f"nested too deeply: {count} events read before the break") from None
        except TooLargeValueError:
            raise DamagedLogError(
                f"event larger than 16 MB, or not JSON: {count} events read before the break"
            ) from None
        except ValueError:
            why = window.damage or "malformed JSON"
            raise DamagedLogError(f"{why}: {count} events read before the break") from None
        count += 1
        yield value


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
