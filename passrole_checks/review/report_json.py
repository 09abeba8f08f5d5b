"""A report as JSON, and back: what ``--format json`` prints, and what one pipeline hands to another.

What is read is hostile data: a pull request may have made it. Nothing is taken but the fields of a report, each of its
type, each text and list of a length that a report has, paths that stay below the top of a repository, ids that are ids.
What can be worked out (the verdict, the counts) is worked out again. A zip file, as GitHub hands out artifacts, is read
in memory: one member, of a known name, of a size that is known before and holds while reading; nothing is written to a
disk. Source: GitHub REST API, "Download an artifact" (a zip archive).
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
from passrole_checks.review.report import (
    VERSION,
    Anchor,
    Fixed,
    GrantedAccess,
    Item,
    Less,
    Location,
    More,
    Remark,
    Replacement,
    ReportNote,
    ReviewReport,
)

MEMBER = "passrole-checks-review.json"
LARGEST = 20_000_000  # bytes of JSON
LARGEST_FILE = LARGEST  # bytes of a bundle, packed or not
_MOST_PACKED = 200  # times that a member may be larger than it is packed: JSON of a report is some 10 to 20

_LONG, _NAME, _MANY, _SOME = 20_000, 2_000, 10_000, 500
_LONGEST_PATH = 5_000
_MOST_LINE = 10_000_000
_PROSE = frozenset({"message", "remediation", "reason", "advice"})
_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?|[ -~]{1,200}")
_KEY = re.compile(r"[0-9a-f]{32}")
_CHECK = re.compile(r"PASSROLE_[0-9]{3}")
_WORD = re.compile(r"[a-z][a-z_-]{0,40}")

_Loader = Callable[[object, str], Any]


class _Refused(Exception):
    """What is wrong with a bundle: where in it, and why."""


def dump(report: ReviewReport) -> str:
    """The report as a JSON document."""
    document = {"version": VERSION, "verdict": report.verdict.value, "counts": _counts(report)}
    return json_text({**document, **_plain(report)})


def _counts(report: ReviewReport) -> dict[str, int]:
    return {
        "new": sum(item.group == "new" for item in report.items),
        "worse": sum(item.group == "worse" for item in report.items),
        "fixed": len(report.fixed),
        "unchanged": report.unchanged,
        "failing": len(report.failing),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, (Severity, Confidence)):
        return value.value
    if hasattr(value, "__dataclass_fields__"):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return value


def fitted(report: ReviewReport) -> ReviewReport:
    """The report with texts and lists cut to what a bundle may hold, which only what nobody writes is longer than."""
    fitted_report: ReviewReport = _fitted(report, _NAME)
    return fitted_report


def _fitted(value: Any, most: int) -> Any:
    if isinstance(value, (Severity, Confidence)):
        return value
    if isinstance(value, str):
        return value if len(value) <= most else value[: most - 1] + "…"
    if isinstance(value, tuple):
        return tuple(_fitted(one, most) for one in value[: _SOME if value and isinstance(value[0], str) else _MANY])
    if isinstance(value, Replacement):
        whole = value if len(value.old) <= _LONG else replace(value, old="")
        return whole if len(value.text) <= _LONG else None
    if not hasattr(value, "__dataclass_fields__"):
        return value
    changed = {}
    for one in fields(value):
        old = getattr(value, one.name)
        new = (
            old
            if one.name == "file"
            else old[:_MANY]
            if one.name == "excluded"
            else _fitted(old, _LONG if one.name in _PROSE else _NAME)
        )
        if new is not old and new != old:
            changed[one.name] = new
    return replace(value, **changed) if changed else value


def read_bundle(data: bytes, name: str = "bundle") -> ReviewReport:
    """The report in a bundle: JSON, or a zip file that holds it as :data:`MEMBER`.

    Raises an :class:`InputError` with one line, which begins with ``name``, for whatever is no such thing.
    """
    try:
        if len(data) > LARGEST_FILE:
            raise _Refused(f"larger than {LARGEST_FILE:,} bytes")
        text = _unpacked(data) if data[:2] == b"PK" else data
        return _report(_json(text))
    except _Refused as error:
        raise InputError(name, f"no bundle of a review: {error}") from None


def _unpacked(data: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if [one.filename for one in members] != [MEMBER]:
                raise _Refused(f"the zip file holds something else than {MEMBER}")
            member = members[0]
            if member.flag_bits & 1:
                raise _Refused("the zip file is encrypted")
            if member.file_size > LARGEST or member.file_size > _MOST_PACKED * max(member.compress_size, 1):
                raise _Refused("the zip file holds too much")
            with archive.open(member) as stream:
                text = stream.read(LARGEST + 1)
    # all that zipfile raises for bytes that anybody may have made: damage, unknown methods, passwords, early ends
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, EOFError, OSError):
        raise _Refused("a broken zip file") from None
    if len(text) != member.file_size:
        raise _Refused("the zip file holds another size than it says")
    return text


def _json(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise _Refused("not UTF-8") from None
    except (ValueError, RecursionError):
        raise _Refused("not valid JSON") from None
    if not isinstance(document, dict):
        raise _Refused("not a JSON object")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Refused("a key stands twice in one object")
    return found


def _no_constant(_: str) -> Any:
    raise ValueError


def _report(document: dict[str, Any]) -> ReviewReport:
    version = document.pop("version", None)
    if version != VERSION or isinstance(version, bool):
        raise _Refused(f"of version {str(version)[:20]}, only {VERSION} is known")
    document.pop("verdict", None)
    document.pop("counts", None)
    report: ReviewReport = _of(ReviewReport)(document, "report")
    keys = [item.key for item in report.items]
    if len(set(keys)) != len(keys):
        raise _Refused("items: two have one key")
    return report


# -- fields


def _text(most: int = _NAME, shape: re.Pattern[str] | None = None, *, empty: bool = True) -> _Loader:
    def load(value: object, where: str) -> str:
        if not isinstance(value, str):
            raise _Refused(f"{where}: not a text")
        if len(value) > most:
            raise _Refused(f"{where}: longer than {most:,} characters")
        if not (value or empty) or (shape is not None and value and not shape.fullmatch(value)):
            raise _Refused(f"{where}: not of the right form")
        return value

    return load


def _number(least: int, most: int) -> _Loader:
    def load(value: object, where: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise _Refused(f"{where}: not a whole number from {least} to {most:,}")
        return value

    return load


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise _Refused(f"{where}: not true or false")
    return value


def _one_of(*values: Any) -> _Loader:
    known = {getattr(value, "value", value): value for value in values}

    def load(value: object, where: str) -> Any:
        if not isinstance(value, str) or value not in known:
            raise _Refused(f"{where}: not one of {', '.join(known)}")
        return known[value]

    return load


def _listed(load_one: _Loader, most: int) -> _Loader:
    def load(value: object, where: str) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > most:
            raise _Refused(f"{where}: not a list of at most {most:,}")
        return tuple(load_one(item, f"{where}[{number}]") for number, item in enumerate(value))

    return load


def _or_none(load_one: _Loader) -> _Loader:
    return lambda value, where: None if value is None else load_one(value, where)


def _path(value: object, where: str) -> str:
    path: str = _text(_LONGEST_PATH)(value, where)
    if path and (path[0] == "/" or "\0" in path or re.match(r"[A-Za-z]:[/\\]", path)):
        raise _Refused(f"{where}: not a path below the top of a repository")
    if any(part in ("", ".", "..") for part in path.split("/")) and path:
        raise _Refused(f"{where}: not a path below the top of a repository")
    return path


def _excluded(value: object, where: str) -> str:
    """The path of a file, or with a slash at the end that of a folder."""
    path: str = _text(_LONGEST_PATH, empty=False)(value, where)
    if path == "/":
        raise _Refused(f"{where}: not a path below the top of a repository")
    return f"{_path(path.removesuffix('/'), where)}{'/' if path.endswith('/') else ''}"


def _of(kind: type[Any]) -> _Loader:
    def load(value: object, where: str) -> Any:
        if not isinstance(value, dict):
            raise _Refused(f"{where}: not an object")
        loaders = _FIELDS[kind]
        unknown = next((key for key in value if key not in loaders), None)
        if unknown is not None:
            raise _Refused(f"{where}: unknown key {ascii(unknown)[:60]}")
        given = {}
        for one in fields(kind):
            if one.name in value:
                given[one.name] = loaders[one.name](value[one.name], f"{where}.{one.name}")
            elif one.default is MISSING:
                raise _Refused(f"{where}: {one.name} is missing")
        made = kind(**given)
        line, end = getattr(made, "line", None), getattr(made, "end_line", None)
        if line is not None and end is not None and end < line:
            raise _Refused(f"{where}: ends before it begins")
        return made

    return load


_SEVERITY, _CONFIDENCE = _one_of(*Severity), _one_of(*Confidence)
_TEXTS = _listed(_text(), _SOME)
_LINE, _LINE_OR_NONE = _number(1, _MOST_LINE), _number(0, _MOST_LINE)
_FILE = {"file": _path, "line": _LINE, "end_line": _LINE}

_FIELDS: dict[type[Any], dict[str, _Loader]] = {
    Location: _FILE,
    Anchor: {"file": _path, "line": _LINE_OR_NONE, "end_line": _LINE_OR_NONE},
    Replacement: {**_FILE, "text": _text(_LONG), "says": _text(), "of_cause": _flag, "old": _text(_LONG)},
    Remark: {
        "check_id": _text(20, _CHECK, empty=False),
        "name": _text(50, _WORD, empty=False),
        "severity": _SEVERITY,
        "confidence": _CONFIDENCE,
        "message": _text(_LONG),
        "remediation": _text(_LONG),
    },
    GrantedAccess: {
        "principals": _TEXTS,
        "roles": _TEXTS,
        "scope": _text(50, _WORD),
        "complement": _flag,
        "constraint": _text(50, _WORD),
        "services": _TEXTS,
        "conditions": _TEXTS,
    },
    Fixed: {
        "key": _text(32, _KEY, empty=False),
        "check_id": _text(20, _CHECK, empty=False),
        "name": _text(50, _WORD, empty=False),
        "severity": _SEVERITY,
        "at": _of(Location),
        "resource": _text(),
    },
    Less: {
        "change": _one_of("narrowed", "removed"),
        "at": _of(Location),
        "resource": _text(),
        "sid": _text(),
        "before": _of(GrantedAccess),
        "after": _or_none(_of(GrantedAccess)),
    },
    More: {
        "change": _one_of("new", "widened"),
        "confidence": _CONFIDENCE,
        "at": _of(Location),
        "resource": _text(),
        "sid": _text(),
        "access": _of(GrantedAccess),
        "before": _or_none(_of(GrantedAccess)),
    },
    ReportNote: {"file": _path, "line": _LINE_OR_NONE, "reason": _text(_LONG)},
    Item: {
        "key": _text(32, _KEY, empty=False),
        "group": _one_of("new", "worse"),
        "change": _one_of("", "new", "widened"),
        "severity": _SEVERITY,
        "confidence": _CONFIDENCE,
        "at": _of(Location),
        "framework": _text(50, _WORD),
        "resource": _text(),
        "uses": _TEXTS,
        "sid": _text(),
        "remarks": _listed(_of(Remark), 50),
        "access": _or_none(_of(GrantedAccess)),
        "before": _or_none(_of(GrantedAccess)),
        "cause": _or_none(_of(Location)),
        "cause_removed": _flag,
        "anchor": _or_none(_of(Anchor)),
        "replacement": _or_none(_of(Replacement)),
        "advice": _text(_LONG),
    },
    ReviewReport: {
        "tool": _text(50),
        "base": _text(200, _ID),
        "head": _text(200, _ID),
        "base_name": _text(),
        "head_name": _text(),
        "items": _listed(_of(Item), _MANY),
        "fixed": _listed(_of(Fixed), _MANY),
        "less": _listed(_of(Less), _MANY),
        "unchanged": _number(0, 10**9),
        "unreadable": _listed(_of(ReportNote), _MANY),
        "not_evaluated": _listed(_of(ReportNote), _MANY),
        "notes": _listed(_of(ReportNote), _MANY),
        "fail_on": _or_none(_SEVERITY),
        "files": _number(0, 10**9),
        "more": _listed(_of(More), _MANY),
        "unlike_head": _listed(_path, _SOME),
        "faults": _listed(_of(ReportNote), _MANY),
        "excluded": _listed(_excluded, _MANY),
    },
}
