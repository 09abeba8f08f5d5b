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
from typing import Any

from passrole_checks.errors import InputError
from passrole_checks.escaping.markup import json_text
from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.review.report import (
    VERSION,
    Acceptance,
    Anchor,
    Fixed,
    GrantedAccess,
    IncreasedAccess,
    Item,
    Location,
    ReducedAccess,
    Remark,
    Replacement,
    ReportNote,
    ReviewReport,
)

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
    return json_text({**document, **_plain(report)})


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


def _object(kind: type[Any]) -> _Loader:
    def load(value: object, where: str) -> Any:
        if not isinstance(value, dict):
            raise _InvalidBundle(f"{where}: not an object")
        loaders = _FIELDS[kind]
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


_SEVERITY, _CONFIDENCE = _one_of(*Severity), _one_of(*Confidence)
_TEXTS = _list(_text(), _MAX_TEXTS)
_LINE, _LINE_OR_NONE = _number(1, _MAX_LINE), _number(0, _MAX_LINE)
_FILE = {"file": _path, "line": _LINE, "end_line": _LINE}

_FIELDS: dict[type[Any], dict[str, _Loader]] = {
    Location: _FILE,
    Anchor: {"file": _path, "line": _LINE_OR_NONE, "end_line": _LINE_OR_NONE},
    Replacement: {**_FILE, "text": _text(_MAX_PROSE), "says": _text(), "of_cause": _flag, "old": _text(_MAX_PROSE)},
    Remark: {
        "check_id": _text(20, _CHECK, empty=False),
        "name": _text(50, _WORD, empty=False),
        "severity": _SEVERITY,
        "confidence": _CONFIDENCE,
        "message": _text(_MAX_PROSE),
        "remediation": _text(_MAX_PROSE),
        "primary": _flag,
    },
    GrantedAccess: {
        "principals": _TEXTS,
        "roles": _TEXTS,
        "scope": _text(50, _WORD),
        "complement": _flag,
        "constraint": _text(50, _WORD),
        "services": _TEXTS,
        "conditions": _TEXTS,
        "when": _text(),
    },
    Fixed: {
        "key": _text(32, _KEY, empty=False),
        "check_id": _text(20, _CHECK, empty=False),
        "name": _text(50, _WORD, empty=False),
        "severity": _SEVERITY,
        "at": _object(Location),
        "resource": _text(),
    },
    ReducedAccess: {
        "change": _one_of("narrowed", "removed"),
        "at": _object(Location),
        "resource": _text(),
        "sid": _text(),
        "before": _object(GrantedAccess),
        "after": _or_none(_object(GrantedAccess)),
        "cause": _or_none(_object(Location)),
    },
    IncreasedAccess: {
        "change": _one_of("new", "widened"),
        "confidence": _CONFIDENCE,
        "at": _object(Location),
        "resource": _text(),
        "sid": _text(),
        "access": _object(GrantedAccess),
        "before": _or_none(_object(GrantedAccess)),
        "cause": _or_none(_object(Location)),
        "cause_removed": _flag,
        "trusted": _TEXTS,
    },
    ReportNote: {
        "file": _path,
        "line": _LINE_OR_NONE,
        "reason": _text(_MAX_PROSE),
        "kind": _text(50, _WORD),
        "starts_comment": _flag,
    },
    Acceptance: {"by": _text(_MAX_PROSE, empty=False), "reason": _text(_MAX_PROSE, empty=False)},
    Item: {
        "key": _text(32, _KEY, empty=False),
        "group": _one_of("new", "worse"),
        "change": _one_of("", "new", "widened"),
        "severity": _SEVERITY,
        "confidence": _CONFIDENCE,
        "at": _object(Location),
        "framework": _text(50, _WORD),
        "resource": _text(),
        "uses": _TEXTS,
        "sid": _text(),
        "remarks": _list(_object(Remark), 50),
        "access": _or_none(_object(GrantedAccess)),
        "before": _or_none(_object(GrantedAccess)),
        "cause": _or_none(_object(Location)),
        "cause_removed": _flag,
        "anchor": _or_none(_object(Anchor)),
        "replacement": _or_none(_object(Replacement)),
        "advice": _text(_MAX_PROSE),
        "fingerprint": _text(32, _KEY),
        "accepted": _or_none(_object(Acceptance)),
    },
    ReviewReport: {
        "tool": _text(50),
        "base": _text(200, _ID),
        "head": _text(200, _ID),
        "base_name": _text(),
        "head_name": _text(),
        "items": _list(_object(Item), _MAX_ENTRIES),
        "fixed": _list(_object(Fixed), _MAX_ENTRIES),
        "less": _list(_object(ReducedAccess), _MAX_ENTRIES),
        "unchanged": _number(0, 10**9),
        "unreadable": _list(_object(ReportNote), _MAX_ENTRIES),
        "not_evaluated": _list(_object(ReportNote), _MAX_ENTRIES),
        "notes": _list(_object(ReportNote), _MAX_ENTRIES),
        "fail_on": _or_none(_SEVERITY),
        "files": _number(0, 10**9),
        "more": _list(_object(IncreasedAccess), _MAX_ENTRIES),
        "unlike_head": _list(_path, _MAX_TEXTS),
        "faults": _list(_object(ReportNote), _MAX_ENTRIES),
        "excluded": _list(_excluded, _MAX_ENTRIES),
        "moved": _list(_object(ReportNote), _MAX_ENTRIES),
        "owners": _list(_text(_MAX_PROSE), _MAX_ENTRIES),
        "plans": _list(_path, _MAX_TEXTS),
        "only_affected": _flag,
    },
}
