"""A baseline: findings that were there before, so that only what is new counts.

A JSON file, made to be committed and read in reviews::

    {"version": 1,
     "entries": [{"fingerprint": "…", "check_id": "PASSROLE_001", "file": "app/iam.tf",
                  "resource": "aws_iam_role_policy.deploy", "severity": "medium",
                  "reason": "…", "expires": "2027-01-31"}]}

``reason`` and ``expires`` (the last day on which the entry holds) are for people to add. An entry stands for one
finding of at most its severity: one that has become worse counts again. Equal statements of equally named resources
have one fingerprint and as many entries. Fingerprints hold neither line nor message nor file, so an entry follows its
finding; check, file and resource are there for people, and the file decides which of several equal findings an entry
means.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from passrole_checks.errors import ConfigurationError
from passrole_checks.files.safe_read import read_bounded
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.scan.fingerprint import digest

VERSION = 1
_LARGEST = 100_000_000  # bytes
_LONGEST = 200  # characters of a value in a message
_REQUIRED = ("fingerprint", "check_id", "file", "resource", "severity")
_OPTIONAL = ("reason", "expires")
_SHAPES = {
    "fingerprint": (re.compile("[0-9a-f]{32}"), "32 hexadecimal digits"),
    "check_id": (re.compile("PASSROLE_[0-9]{3}"), "the id of a check, as PASSROLE_001"),
    "severity": (re.compile("|".join(Severity)), f"one of {', '.join(Severity)}"),
    "expires": (re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}"), "a day, as 2027-01-31"),
}


@dataclass(frozen=True, slots=True)
class BaselineEntry:
    """A finding that is accepted, until and with the day ``expires`` where there is one. ``file`` is relative to the
    working directory, with forward slashes."""

    fingerprint: str
    check_id: str
    file: str
    resource: str
    severity: Severity
    reason: str = ""
    expires: date | None = None

    def holds(self, today: date) -> bool:
        """Whether it has not expired on the day ``today``."""
        return self.expires is None or today <= self.expires

    def accepts(self, finding: Finding, today: date) -> bool:
        """Whether it accepts the finding that it belongs to."""
        return self.holds(today) and finding.severity.rank <= self.severity.rank


@dataclass(frozen=True, slots=True)
class Applied:
    """What a baseline makes of findings: ``accepted``, each with its entry, and ``open``, all others, in their order.
    ``expired`` are entries of findings that count again since their day has passed, ``worse`` those of findings that
    do since they have become worse, each with its finding; ``unused`` are entries that no finding belongs to. ``path``
    is the file."""

    path: str
    accepted: tuple[tuple[Finding, BaselineEntry], ...]
    open: tuple[Finding, ...]
    expired: tuple[BaselineEntry, ...]
    worse: tuple[tuple[Finding, BaselineEntry], ...]
    unused: tuple[BaselineEntry, ...]

    def restricted(self, severity: Severity, confidence: Confidence) -> Applied:
        """The same without what would not be shown anyway, being below a severity or a confidence."""
        shown = [
            pair
            for pair in self.accepted
            if pair[0].severity.rank >= severity.rank and pair[0].confidence.rank >= confidence.rank
        ]
        return replace(self, accepted=tuple(shown))

    def notes(self) -> tuple[str, ...]:
        """What is to be said of entries, in words."""
        expired = (f"{_named(one)} was accepted until {one.expires}, and counts again" for one in self.expired)
        unused = (f"{_named(one)} is no longer found: the entry can be removed" for one in self.unused)
        worse = (
            f"{_named(entry)} was accepted as {entry.severity.value}, is {finding.severity.value} now, and counts again"
            for finding, entry in self.worse
        )
        return (*expired, *worse, *unused)


def _named(entry: BaselineEntry) -> str:
    return f"{entry.check_id} of {entry.resource} in {entry.file}"


def load(path: str) -> tuple[BaselineEntry, ...]:
    """The entries of a baseline file.

    Raises:
        ConfigurationError: it cannot be read, or is no baseline; the message starts with the file.
    """
    try:
        text = read_bounded(path, _LARGEST, pipes=True).decode("utf-8-sig")
        document = json.loads(text)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8") from error
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from error
    except (RecursionError, ValueError) as error:  # nested too deep; a number of too many digits
        raise ConfigurationError(f"{path}: not a baseline: {error}") from error
    if not isinstance(document, dict) or "entries" not in document or "version" not in document:
        raise ConfigurationError(f'{path}: not a baseline: {{"version": {VERSION}, "entries": […]}} is expected')
    if document["version"] != VERSION or isinstance(document["version"], bool):
        raise ConfigurationError(f"{path}: a baseline of version {_cut(document['version'])}, only {VERSION} is known")
    if not isinstance(document["entries"], list):
        raise ConfigurationError(f"{path}: entries must be a list")
    return tuple(_entry(path, number, item) for number, item in enumerate(document["entries"], 1))


def _entry(path: str, number: int, item: object) -> BaselineEntry:
    where = f"{path}: entry {number}"
    if not isinstance(item, dict):
        raise ConfigurationError(f"{where} must be an object")
    for key, value in item.items():
        if key not in _REQUIRED + _OPTIONAL:
            raise ConfigurationError(f"{where}: unknown key {_cut(key)}")
        if not isinstance(value, str):
            raise ConfigurationError(f"{where}: {key} must be a text")
        shape = _SHAPES.get(key)
        if shape is not None and not shape[0].fullmatch(value):
            raise ConfigurationError(f"{where}: {key} must be {shape[1]}, not {_cut(value)}")
    missing = next((key for key in _REQUIRED if key not in item), None)
    if missing is not None:
        raise ConfigurationError(f"{where}: {missing} is missing")
    values: dict[str, Any] = {**item, "severity": Severity(item["severity"])}
    if "expires" in item:
        try:
            values["expires"] = date.fromisoformat(item["expires"])
        except ValueError:
            raise ConfigurationError(f"{where}: expires: there is no day {item['expires']}") from None
    return BaselineEntry(**values)


def _cut(value: object) -> str:
    words = repr(value)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def dump(entries: Iterable[BaselineEntry]) -> str:
    """The text of a baseline file: sorted, and the same for the same entries."""
    items = []
    for entry in sorted(entries, key=_order):
        item = {key: getattr(entry, key) for key in _REQUIRED} | {"severity": entry.severity.value}
        item |= {"reason": entry.reason} if entry.reason else {}
        item |= {"expires": entry.expires.isoformat()} if entry.expires else {}
        items.append(item)
    return json.dumps({"version": VERSION, "entries": items}, indent=2) + "\n"


def _order(entry: BaselineEntry) -> tuple[str, str, str, str, str, str]:
    expires = entry.expires.isoformat() if entry.expires else ""
    return entry.file, entry.check_id, entry.resource, entry.fingerprint, expires, entry.reason


def about(
    paths: Iterable[str],
    checks: Collection[str],
    skip_checks: Collection[str],
    complete: bool,
    excluded: Collection[str] = (),
) -> Callable[[BaselineEntry], bool]:
    """Whether an entry is about what a scan of ``paths`` looked at: a file in one of them that is not ``excluded``, a
    check that was asked for.

    Where the scan is not ``complete``, because a file could not be read, nothing can be said to be gone.
    """
    roots = [Path(os.path.realpath(path)) for path in paths]
    left_out = [Path(path) for path in excluded]

    def concerns(entry: BaselineEntry) -> bool:
        asked = entry.check_id not in skip_checks and (not checks or entry.check_id in checks)
        file = Path(os.path.realpath(entry.file))
        looked_at = any(map(file.is_relative_to, roots)) and not any(map(file.is_relative_to, left_out))
        return complete and asked and looked_at

    return concerns


def apply(
    path: str,
    entries: Sequence[BaselineEntry],
    findings: Sequence[Finding],
    name: Callable[[str], str],
    concerns: Callable[[BaselineEntry], bool],
    today: date,
) -> Applied:
    """Tell apart what the ``entries`` of the baseline ``path`` accept and what they do not.

    ``findings`` are all that a scan has found, whatever of it is shown; those that are suppressed where they stand stay
    what they are. ``name`` says how entries name a file, ``concerns`` whether an entry is about what was scanned at
    all: only such an entry can be unused.
    """
    paired = _paired(entries, findings, name)
    counting = [(finding, paired[number]) for number, finding in enumerate(findings) if number in paired]
    counting = [pair for pair in counting if not pair[0].suppressed]
    accepted = tuple((finding, entry) for finding, entry in counting if entry.accepts(finding, today))
    known = {finding.fingerprint for finding, _ in accepted}
    used = {id(entry) for entry in paired.values()}
    return Applied(
        path=path,
        accepted=accepted,
        open=tuple(finding for finding in findings if finding.fingerprint not in known),
        expired=tuple(sorted((entry for _, entry in counting if not entry.holds(today)), key=_order)),
        worse=tuple((one, entry) for one, entry in counting if entry.holds(today) and not entry.accepts(one, today)),
        unused=tuple(sorted((one for one in entries if id(one) not in used and concerns(one)), key=_order)),
    )


def renewed(
    entries: Sequence[BaselineEntry],
    findings: Sequence[Finding],
    name: Callable[[str], str],
    concerns: Callable[[BaselineEntry], bool],
) -> tuple[BaselineEntry, ...]:
    """The entries of a baseline that accepts ``findings``, as far as they are not suppressed where they stand.

    An old entry of one of them keeps its reason and its last day; one of what was not scanned is kept, one that nothing
    belongs to any more is not.
    """
    paired = _paired(entries, findings, name)
    base = _bases(findings)
    used = {id(entry) for entry in paired.values()}
    new = []
    for number, finding in enumerate(findings):
        if not finding.suppressed:
            old = paired.get(number)
            fingerprint, place = base[finding.fingerprint], name(finding.at.file)
            entry = BaselineEntry(fingerprint, finding.check_id, place, finding.resource.address, finding.severity)
            new.append(replace(entry, reason=old.reason, expires=old.expires) if old else entry)
    kept = [entry for entry in entries if id(entry) not in used and not concerns(entry)]
    return tuple(sorted([*new, *kept], key=_order))


def _bases(findings: Iterable[Finding]) -> dict[str, str]:
    """The fingerprint that each one's is made of: a scan numbers equal ones, beginning with the second."""
    given = {finding.fingerprint for finding in findings}
    bases = {fingerprint: fingerprint for fingerprint in given}
    for fingerprint in given:
        number = 2
        while (numbered := digest(fingerprint, str(number))) in given:
            bases[numbered] = fingerprint
            number += 1
    return bases


def _paired(
    entries: Sequence[BaselineEntry], findings: Sequence[Finding], name: Callable[[str], str]
) -> Mapping[int, BaselineEntry]:
    """The entry of each finding that has one, by the finding's number. Of equal findings, one in the file of an entry
    is that entry's; the others follow in order, as after a renaming."""
    bases = _bases(findings)
    left: dict[str, list[BaselineEntry]] = defaultdict(list)
    for entry in entries:
        left[bases.get(entry.fingerprint, entry.fingerprint)].append(entry)
    paired: dict[int, BaselineEntry] = {}
    for in_place in (True, False):
        for number, finding in enumerate(findings):
            candidates = left.get(bases[finding.fingerprint], [])
            if number in paired or not candidates:
                continue
            file = name(finding.at.file)
            chosen = next((one for one in candidates if not in_place or one.file == file), None)
            if chosen is not None:
                paired[number] = chosen
                candidates.remove(chosen)
    return paired
