"""Functions that encode, decode and hash.

``jsonencode`` keeps its value as a tree, with the positions of its parts. Hashes are computed for known strings only.
Source: Terraform language documentation, "Functions", "Encoding Functions" and "Hash and Crypto Functions".
"""

from __future__ import annotations

import base64
import binascii
import codecs
import csv
import gzip
import io
import urllib.parse
import uuid
import zlib
from collections.abc import Callable

from passrole_checks.iam.documents.json_document import MalformedDocument, parse_json
from passrole_checks.iam.values.nodes import (
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Part,
    StringNode,
    Unresolved,
    join,
    text,
)
from passrole_checks.iam.values.variants import defaults_of
from passrole_checks.sources.terraform.evaluation.symbolic_values import MAX_ITEMS, MAX_TEXT, Encoded
from passrole_checks.sources.terraform.functions.signature import (
    Function,
    FunctionCall,
    declare,
    exact_text,
    is_untyped,
)

_ENCODINGS = frozenset({
    "utf-8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "iso-8859-1", "windows-1252", "shift_jis", "euc-jp", "gbk",
    "big5", "euc-kr",
})  # fmt: skip
_NAMESPACES = {"dns": uuid.NAMESPACE_DNS, "url": uuid.NAMESPACE_URL, "oid": uuid.NAMESPACE_OID,
               "x500": uuid.NAMESPACE_X500}  # fmt: skip


def json_encode(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``jsonencode`` and ``yamlencode``: the value is kept as a tree, so that unresolved values and positions
    survive; its text form is JSON, a subset of YAML."""
    value = arguments[0]
    return Encoded((Unresolved(call.text),), call.at, value=value, defaults=defaults_of([value]))


def json_decode(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``jsondecode``: the tree of a JSON text, unresolved parts included; an error if the text is not JSON."""
    value = arguments[0]
    if isinstance(value, Encoded):
        return value.value
    if not isinstance(value, StringNode):
        return None
    if value.only_unresolved is not None and not value.only_unresolved.known:
        return None
    try:
        return parse_json(value)
    except MalformedDocument as error:
        return call.fail(error.reason) if value.literal is not None else call.unresolved(error.reason)


def csv_decode(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``csvdecode`` for a known text: a list with one object per row."""
    content = exact_text(arguments[0])
    if content is None:
        return None
    try:
        rows = [row for row in csv.reader(io.StringIO(content, newline=""), strict=True) if row]
    except csv.Error:
        return call.fail("not CSV")
    if not rows or len(set(rows[0])) < len(rows[0]) or any(len(row) != len(rows[0]) for row in rows):
        return call.fail("rows of different lengths, or duplicate columns")
    if len(rows) * len(rows[0]) > MAX_ITEMS:
        return call.unresolved("too many elements")
    named = (zip(rows[0], row, strict=True) for row in rows[1:])
    objects = (tuple(ObjectEntry(text(k, call.at), text(v, call.at)) for k, v in pairs) for pairs in named)
    return ListNode(tuple(ObjectNode(entries, call.at) for entries in objects), call.at)


def _on_strings(change: Callable[..., str | None]) -> Function:
    """Return a function of known strings. ``change`` returns None for a result that cannot be computed."""

    def run(call: FunctionCall, arguments: list[Node]) -> Node | None:
        strings = [exact_text(argument) for argument in arguments]
        if any(value is None for value in strings):
            return None
        try:
            changed = change(*strings)
        except (ValueError, LookupError, OverflowError, binascii.Error, zlib.error, EOFError, OSError):
            return call.fail("not possible for this text")
        return StringNode((changed,), call.at, defaults=defaults_of(arguments)) if changed is not None else None

    return run


def url_encode(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``urlencode``: known parts are encoded, unresolved parts stay in place."""
    value = arguments[0]
    is_plain = isinstance(value, StringNode) and not isinstance(value, Encoded)
    if not isinstance(value, StringNode) or not is_plain or exact_text(value) is not None or is_untyped(value):
        return _on_strings(lambda string: urllib.parse.quote_plus(string))(call, arguments)
    parts: list[Part] = [
        urllib.parse.quote_plus(part)
        if isinstance(part, str)
        else Unresolved(f"urlencode({part.expression})", part.kind)
        for part in value.parts
    ]
    return StringNode(join(parts), call.at, defaults=value.defaults)


def _url_decode(value: str) -> str:
    decoded = urllib.parse.unquote_plus(value, errors="strict")
    if any(len(piece) < 2 or not all(character in "0123456789abcdefABCDEF" for character in piece[:2])
           for piece in value.split("%")[1:]):  # fmt: skip
        raise ValueError
    return decoded


def _decode_base64(value: str) -> bytes:
    return base64.b64decode(value, validate=True)


def _gunzip(value: str) -> str | None:
    with gzip.GzipFile(fileobj=io.BytesIO(_decode_base64(value))) as packed:
        content = packed.read(MAX_TEXT + 1)
    return content.decode("utf-8") if len(content) <= MAX_TEXT else None


def _text_encode(value: str, encoding: str) -> str | None:
    name = encoding.lower()
    return base64.b64encode(codecs.encode(value, name)).decode() if name in _ENCODINGS - {"utf-16"} else None


def _text_decode(value: str, encoding: str) -> str | None:
    name = encoding.lower()
    return _decode_base64(value).decode(name) if name in _ENCODINGS else None


def _uuid5(space: str, name: str) -> str:
    return str(uuid.uuid5(_NAMESPACES.get(space) or uuid.UUID(space), name))


def digest(algorithm: str, content: bytes, *, encoded: bool = False) -> str:
    """Return the hash of ``content``, hexadecimal or, if ``encoded``, in Base64."""
    import hashlib  # slow to import, and seldom needed

    hash_ = hashlib.new(algorithm, content, usedforsecurity=False)
    return base64.b64encode(hash_.digest()).decode() if encoded else hash_.hexdigest()


def _hasher(algorithm: str, *, encoded: bool = False) -> Function:
    return _on_strings(lambda value: digest(algorithm, value.encode(), encoded=encoded))


ENCODING = declare({
    "jsonencode": (json_encode, "A"), "jsondecode": (json_decode, "s"), "csvdecode": (csv_decode, "s"),
    "base64encode": (_on_strings(lambda value: base64.b64encode(value.encode()).decode()), "s"),
    "base64decode": (_on_strings(lambda value: _decode_base64(value).decode("utf-8")), "s"),
    "base64gunzip": (_on_strings(_gunzip), "s"),
    "textencodebase64": (_on_strings(_text_encode), "ss"), "textdecodebase64": (_on_strings(_text_decode), "ss"),
    "urlencode": (url_encode, "s"), "urldecode": (_on_strings(_url_decode), "s"),
    "md5": (_hasher("md5"), "s"), "sha1": (_hasher("sha1"), "s"), "sha256": (_hasher("sha256"), "s"),
    "sha512": (_hasher("sha512"), "s"), "base64sha256": (_hasher("sha256", encoded=True), "s"),
    "base64sha512": (_hasher("sha512", encoded=True), "s"), "uuidv5": (_on_strings(_uuid5), "ss"),
})  # fmt: skip
