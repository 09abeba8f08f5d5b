"""Write a report as JSON (``--format json``), and read one that another pipeline wrote (a bundle).

Bundles are untrusted: a pull request may have produced them. Only the fields of a report are accepted, with their
types, limited lengths, paths below the repository root, and valid ids. Derived values (the verdict, the counts) are
computed again. A zip file, GitHub's format of artifacts, is read in memory: one member with a fixed name and a declared
size that is checked before and while reading. Nothing is written to disk. Source: GitHub REST API, "Download an
artifact" (a zip archive).
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import MISSING, fields, replace
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

from passrole_checks.errors import InputError
from passrole_checks.escaping.markup import json_text
from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.review.report import VERSION, ReadInput, Remark, Replacement, ReviewReport

ZIP_MEMBER = "passrole-checks-review.json"
MAX_JSON_BYTES = 20_000_000
MAX_BUNDLE_BYTES = MAX_JSON_BYTES  # of a bundle, compressed or not
_MAX_COMPRESSION = 200  # maximum ratio; the JSON of a report compresses by 10 to 20

_MAX_PROSE, _MAX_TEXT, _MAX_ENTRIES, _MAX_TEXTS = 20_000, 2_000, 10_000, 500
_MAX_PATH = 5_000
_MAX_LINE = 10_000_000
_PROSE = frozenset({"message", "remediation", "reason", "advice"})
_ID = lazy_regex(r"[0-9a-f]{40}(?:[0-9a-f]{24})?|[ -~]{1,200}")
_KEY = lazy_regex(r"[0-9a-f]{32}")
_CHECK = lazy_regex(r"PASSROLE_[0-9]{3}")
_WORD = lazy_regex(r"[a-z][a-z_-]{0,40}")

_Loader = Callable[[object, str], Any]


class _InvalidBundle(Exception):
    """An error in a bundle: its location, and the reason."""


def to_json(report: ReviewReport) -> str:
    """Return the report as a JSON document."""
    document = {"version": VERSION, "verdict": report.verdict.value, "counts": _counts(report)}
    plain = _plain(report)
    read = plain.pop("read")
    return json_text({**document, **plain, **read})


def _counts(report: ReviewReport) -> dict[str, int]:
    return {
        "new": sum(item.group == "new" for item in report.items),
        "worse": sum(item.group == "worse" for item in report.items),
        "fixed": len(report.fixed),
        "unchanged": report.unchanged,
        "failing": len(report.failing),
        "moved": len(report.moved),
        "accepted": len(report.accepted),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, (Severity, Confidence)):
        return value.value
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value


def truncate_to_limits(report: ReviewReport) -> ReviewReport:
    """Truncate texts and lists to the limits of a bundle, which realistic reports do not reach."""
    truncated: ReviewReport = _truncated(report, _MAX_TEXT)
    return truncated


def _truncated(value: Any, limit: int) -> Any:
    if isinstance(value, (Severity, Confidence)):
        return value
    if isinstance(value, str):
        return value if len(value) <= limit else value[: limit - 1] + "…"
    if isinstance(value, tuple):
        maximum = _MAX_TEXTS if value and isinstance(value[0], str) else _MAX_ENTRIES
        return tuple(_truncated(element, limit) for element in value[:maximum])
    if isinstance(value, Replacement):
        if len(value.text) > _MAX_PROSE:
            return None
        return value if len(value.old) <= _MAX_PROSE else replace(value, old="")
    if not hasattr(value, "__dataclass_fields__"):
        return value
    changed = {}
    for field in fields(value):
        old = getattr(value, field.name)
        if field.name == "file":
            continue
        new = (
            old[:_MAX_ENTRIES]
            if field.name == "excluded"
            else _truncated(old, _MAX_PROSE if field.name in _PROSE else _MAX_TEXT)
        )
        if new is not old and new != old:
            changed[field.name] = new
    return replace(value, **changed) if changed else value


def read_bundle(data: bytes, name: str = "bundle") -> ReviewReport:
    """Read the report in a bundle: JSON, or a zip file that contains it as :data:`ZIP_MEMBER`.

    Raise an :class:`InputError` with one line that starts with ``name`` if it is invalid.
    """
    try:
        if len(data) > MAX_BUNDLE_BYTES:
            raise _InvalidBundle(f"larger than {MAX_BUNDLE_BYTES:,} bytes")
        text = _unzip(data) if data[:2] == b"PK" else data
        return _load_report(_parse_json(text))
    except _InvalidBundle as error:
        raise InputError(name, f"not a valid review bundle: {error}") from None


def _unzip(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if [member.filename for member in members] != [ZIP_MEMBER]:
                raise _InvalidBundle(f"the zip file does not contain exactly {ZIP_MEMBER}")
            member = members[0]
            if member.flag_bits & 1:
                raise _InvalidBundle("the zip file is encrypted")
            if member.file_size > MAX_JSON_BYTES or member.file_size > _MAX_COMPRESSION * max(member.compress_size, 1):
                raise _InvalidBundle("the zip file is too large")
            with archive.open(member) as stream:
                text = stream.read(MAX_JSON_BYTES + 1)
    # everything that zipfile raises for untrusted bytes: damage, unknown methods, passwords, truncation
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, EOFError, OSError):
        raise _InvalidBundle("the zip file is damaged") from None
    if len(text) != member.file_size:
        raise _InvalidBundle("the zip file declares a wrong size")
    return text


def _parse_json(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(
            data.decode("utf-8"), object_pairs_hook=_reject_duplicate_keys, parse_constant=_reject_constant
        )
    except UnicodeDecodeError:
        raise _InvalidBundle("not UTF-8") from None
    except (ValueError, RecursionError):
        raise _InvalidBundle("not valid JSON") from None
    if not isinstance(document, dict):
        raise _InvalidBundle("not a JSON object")
    return document


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise _InvalidBundle("duplicate key in an object")
    return document


def _reject_constant(_: str) -> Any:
    raise ValueError


def _load_report(document: dict[str, Any]) -> ReviewReport:
    version = document.pop("version", None)
    if version != VERSION or isinstance(version, bool):
        raise _InvalidBundle(f"unsupported version {str(version)[:20]} (supported: {VERSION})")
    document.pop("verdict", None)
    document.pop("counts", None)
    if "read" in document:
        raise _InvalidBundle("report: unknown key 'read'")
    names = [field.name for field in fields(ReadInput)]
    document["read"] = {name: document.pop(name) for name in names if name in document}
    report: ReviewReport = _object(ReviewReport)(document, "report")
    keys = [item.key for item in report.items]
    if len(set(keys)) != len(keys):
        raise _InvalidBundle("items: duplicate key")
    return report


# -- fields


def _text(maximum: int = _MAX_TEXT, shape: re.Pattern[str] | None = None, *, empty: bool = True) -> _Loader:
    def load(value: object, where: str) -> str:
        if not isinstance(value, str):
            raise _InvalidBundle(f"{where}: not a string")
        if len(value) > maximum:
            raise _InvalidBundle(f"{where}: longer than {maximum:,} characters")
        if not (value or empty) or (shape is not None and value and not shape.fullmatch(value)):
            raise _InvalidBundle(f"{where}: invalid format")
        return value

    return load


def _number(minimum: int, maximum: int) -> _Loader:
    def load(value: object, where: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
            raise _InvalidBundle(f"{where}: not an integer from {minimum} to {maximum:,}")
        return value

    return load


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise _InvalidBundle(f"{where}: not true or false")
    return value


def _one_of(*values: Any) -> _Loader:
    by_name = {getattr(value, "value", value): value for value in values}

    def load(value: object, where: str) -> Any:
        if not isinstance(value, str) or value not in by_name:
            raise _InvalidBundle(f"{where}: not one of {', '.join(by_name)}")
        return by_name[value]

    return load


def _list(load_element: _Loader, maximum: int) -> _Loader:
    def load(value: object, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > maximum:
            raise _InvalidBundle(f"{where}: not a list of at most {maximum:,}")
        return tuple(load_element(item, f"{where}[{number}]") for number, item in enumerate(value))

    return load


def _or_none(load_element: _Loader) -> _Loader:
    return lambda value, where: None if value is None else load_element(value, where)


def _path(value: object, where: str) -> str:
    path: str = _text(_MAX_PATH)(value, where)
    if path and (path[0] == "/" or "\0" in path or re.match(r"[A-Za-z]:[/\\]", path)):
        raise _InvalidBundle(f"{where}: not a path below the repository root")
    if any(part in ("", ".", "..") for part in path.split("/")) and path:
        raise _InvalidBundle(f"{where}: not a path below the repository root")
    return path


def _excluded(value: object, where: str) -> str:
    """Load the path of a file, or of a folder with a trailing slash."""
    path: str = _text(_MAX_PATH, empty=False)(value, where)
    if path == "/":
        raise _InvalidBundle(f"{where}: not a path below the repository root")
    return f"{_path(path.removesuffix('/'), where)}{'/' if path.endswith('/') else ''}"


def _object(kind: Any) -> _Loader:
    def load(value: object, where: str) -> Any:
        if not isinstance(value, dict):
            raise _InvalidBundle(f"{where}: not an object")
        loaders = _loaders(kind)
        unknown = next((key for key in value if key not in loaders), None)
        if unknown is not None:
            raise _InvalidBundle(f"{where}: unknown key {ascii(unknown)[:60]}")
        values = {}
        for field in fields(kind):
            if field.name in value:
                values[field.name] = loaders[field.name](value[field.name], f"{where}.{field.name}")
            elif field.default is MISSING:
                raise _InvalidBundle(f"{where}: {field.name} is missing")
        loaded = kind(**values)
        line, end = getattr(loaded, "line", None), getattr(loaded, "end_line", None)
        if line is not None and end is not None and end < line:
            raise _InvalidBundle(f"{where}: ends before it begins")
        return loaded

    return load


_PROSE_TEXT, _NUMBER = _text(_MAX_PROSE), _number(0, 10**9)
_LINE, _LINE_OR_NONE = _number(1, _MAX_LINE), _number(0, _MAX_LINE)
_CODE_WORD, _FILES = _text(50, _WORD), _list(_path, _MAX_TEXTS)
_LOADERS: dict[str, _Loader] = {
    **dict.fromkeys(_PROSE, _PROSE_TEXT),
    "text": _PROSE_TEXT,
    "old": _PROSE_TEXT,
    "by": _text(_MAX_PROSE, empty=False),
    "Acceptance.reason": _text(_MAX_PROSE, empty=False),
    "owners": _list(_PROSE_TEXT, _MAX_ENTRIES),
    "file": _path,
    "unlike_head": _FILES,
    "plans": _FILES,
    "excluded": _list(_excluded, _MAX_ENTRIES),
    "line": _LINE,
    "end_line": _LINE,
    "Anchor.line": _LINE_OR_NONE,
    "Anchor.end_line": _LINE_OR_NONE,
    "ReportNote.line": _LINE_OR_NONE,
    "unchanged": _NUMBER,
    "files": _NUMBER,
    "check_id": _text(20, _CHECK, empty=False),
    "name": _text(50, _WORD, empty=False),
    **dict.fromkeys(("scope", "constraint", "framework", "kind"), _CODE_WORD),
    "key": _text(32, _KEY, empty=False),
    "fingerprint": _text(32, _KEY),
    "base": _text(200, _ID),
    "head": _text(200, _ID),
    "tool": _text(50),
    "group": _one_of("new", "worse"),
    "Item.change": _one_of("", "new", "widened"),
    "IncreasedAccess.change": _one_of("new", "widened"),
    "ReducedAccess.change": _one_of("narrowed", "removed"),
    "remarks": _list(_object(Remark), 50),
}
"""The loaders of fields, by name or by class and name, that accept less than their type."""


@cache
def _loaders(kind: Any) -> dict[str, _Loader]:
    """Return the loader of each field of a class of a report."""
    return {
        name: _LOADERS.get(f"{kind.__name__}.{name}") or _LOADERS.get(name) or _loader(type_)
        for name, type_ in get_type_hints(kind).items()
    }


def _loader(type_: Any) -> _Loader:
    """Return the loader of the values of a type."""
    if type_ in (Severity, Confidence):
        return _one_of(*type_)
    if get_origin(type_) is tuple:
        element = get_args(type_)[0]
        return _list(_loader(element), _MAX_TEXTS if element is str else _MAX_ENTRIES)
    if arguments := get_args(type_):  # or None
        return _or_none(_loader(arguments[0]))
    return _text() if type_ is str else _flag if type_ is bool else _object(type_)
