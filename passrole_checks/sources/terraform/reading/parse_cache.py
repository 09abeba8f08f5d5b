"""Cache of parsed texts.

Several roots call the same module, and folders contain copies of the same file. A text is therefore parsed once, as
long as the cache keeps it, and another file with the same text gets the same expressions. A parsed text takes about 70
times its size in memory, so the cache is bounded, and drops the text that was not read for the longest time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from threading import Lock

from passrole_checks.sources.terraform.reading.source import SourceText
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block, Body, ParsedFile

_MAX_BYTES = 900_000  # total size of the texts: 60 to 80 MB of memory
_OF_EACH = 180  # added for each text: those of thousands of units of Terragrunt are short and dense
_Key = tuple[str, bytes]


class ParseCache:
    """Parsed files by their text. ``parse`` parses the content of a file; ``parsed`` counts its calls."""

    def __init__(self, parse: Callable[[str, bytes], ParsedFile]) -> None:
        self._parse, self.parsed = parse, 0
        self._known: OrderedDict[_Key, ParsedFile] = OrderedDict()  # the one read last is last
        self._size = 0
        self._lock = Lock()

    def __call__(self, file: str, data: bytes) -> ParsedFile:
        """Return the parsed content of a file."""
        key = _key(file, data)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
        if known is not None:
            return known if known.source.file == file else _of_file(known, file)
        parsed = self._parse(file, data)
        self.parsed += 1
        with self._lock:
            self._store(key, parsed)
        return parsed

    def __contains__(self, file: tuple[str, bytes]) -> bool:
        return _key(*file) in self._known

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._known.clear()
            self._size = self.parsed = 0

    def _store(self, key: _Key, parsed: ParsedFile) -> None:
        if key not in self._known:
            self._size += len(key[1]) + _OF_EACH
        self._known[key] = parsed
        while self._size > _MAX_BYTES:
            (_, data), _ = self._known.popitem(last=False)
            self._size -= len(data) + _OF_EACH


def _key(file: str, data: bytes) -> _Key:
    """Return what the content of a file is known by. Nodes of JSON know their file, and values have no blocks."""
    if file.endswith(".json"):
        return file, data
    return file[file.rfind(".") :], data


def _of_file(parsed: ParsedFile, file: str) -> ParsedFile:
    """Return the same content as that of another file."""
    source = parsed.source.of_file(file)
    return ParsedFile(source, _body_of(parsed.body, source), parsed.problems)


def _body_of(body: Body, source: SourceText) -> Body:
    attributes = tuple(
        Attribute(attribute.name, attribute.span, source, partial(getattr, attribute, "value"), attribute.place)
        for attribute in body.attributes
    )
    blocks = tuple(
        Block(block.type, block.labels, block.span, source, partial(_inner_body_of, block, source), place=block.place)
        for block in body.blocks
    )
    return Body(attributes, blocks)


def _inner_body_of(block: Block, source: SourceText) -> Body:
    return _body_of(block.body, source)
