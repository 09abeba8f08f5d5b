"""Baselines: accepted findings, so that only new ones count.

A JSON file, made to be committed and reviewed::

    {"version": 1,
     "entries": [{"fingerprint": "…", "check_id": "PASSROLE_001", "file": "app/iam.tf",
                  "resource": "aws_iam_role_policy.deploy", "severity": "medium",
                  "reason": "…", "expires": "2027-01-31"}]}

People add ``reason`` and ``expires`` (the last day on which the entry is valid). An entry accepts one finding of at
most its severity: a finding that became worse counts again. Equal statements of equally named resources share one
fingerprint and have as many entries. Fingerprints contain neither line nor message nor file, so an entry follows its
finding; check, file and resource are for people, and the file decides which of several equal findings an entry accepts.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from passrole_checks.errors import ConfigurationError
from passrole_checks.files.safe_read import read_bounded
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.fingerprint import digest
from passrole_checks.scan.group_findings import group_findings
from passrole_checks.scan.matching import Round, match_in_rounds

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
    """An accepted finding, up to and including the day ``expires``, if set. ``file``: relative to the working
    directory."""

    fingerprint: str
    check_id: str
    file: str
    resource: str
    severity: Severity
    reason: str = ""
    expires: date | None = None

    def is_valid(self, today: date) -> bool:
        """True if the entry has not expired on the day ``today``."""
        return self.expires is None or today <= self.expires

    def accepts(self, finding: Finding, today: date) -> bool:
        """True if the entry accepts its finding."""
        return self.is_valid(today) and finding.severity.rank <= self.severity.rank


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of applying a baseline to findings.

    ``accepted``: findings with their entries; ``open``: all others, in order. ``expired``: entries of findings that
    count again; ``worse``: entries of findings that became worse, with these; ``unused``: entries without a finding.
    ``path``: the file.
    """

    path: str
    accepted: tuple[tuple[Finding, BaselineEntry], ...]
    open: tuple[Finding, ...]
    expired: tuple[BaselineEntry, ...]
    worse: tuple[tuple[Finding, BaselineEntry], ...]
    unused: tuple[BaselineEntry, ...]

    def restricted(self, severity: Severity, confidence: Confidence) -> Applied:
        """Return the same without findings below a severity or a confidence. Accepted findings are in groups of their
        own."""
        shown = [
            pair
            for pair in self.accepted
            if pair[0].severity.rank >= severity.rank and pair[0].confidence.rank >= confidence.rank
        ]
        grouped = group_findings(finding for finding, _ in shown)
        return replace(self, accepted=tuple(zip(grouped, (entry for _, entry in shown), strict=True)))

    def notes(self) -> tuple[str, ...]:
        """Yield notes about entries."""
        expired = (f"{_label(one)} was accepted until {one.expires}, and counts again" for one in self.expired)
        unused = (f"{_label(one)} is no longer found: the entry can be removed" for one in self.unused)
        worse = (
            f"{_label(entry)} was accepted as {entry.severity.value}, is {finding.severity.value} now, and counts again"
            for finding, entry in self.worse
        )
        return (*expired, *worse, *unused)


def _label(entry: BaselineEntry) -> str:
    return f"{entry.check_id} of {entry.resource} in {entry.file}"


def load(path: str) -> tuple[BaselineEntry, ...]:
    """Return the entries of a baseline file.

    Raises:
        ConfigurationError: the file cannot be read or is no baseline; the message starts with the file.
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
        raise ConfigurationError(
            f"{path}: a baseline of version {_shorten(document['version'])}, only {VERSION} is known"
        )
    if not isinstance(document["entries"], list):
        raise ConfigurationError(f"{path}: entries must be a list")
    return tuple(_entry(path, number, item) for number, item in enumerate(document["entries"], 1))


def _entry(path: str, number: int, item: object) -> BaselineEntry:
    where = f"{path}: entry {number}"
    if not isinstance(item, dict):
        raise ConfigurationError(f"{where} must be an object")
    for key, value in item.items():
        if key not in _REQUIRED + _OPTIONAL:
            raise ConfigurationError(f"{where}: unknown key {_shorten(key)}")
        if not isinstance(value, str):
            raise ConfigurationError(f"{where}: {key} must be a text")
        shape = _SHAPES.get(key)
        if shape is not None and not shape[0].fullmatch(value):
            raise ConfigurationError(f"{where}: {key} must be {shape[1]}, not {_shorten(value)}")
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


def _shorten(value: object) -> str:
    words = repr(value)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def dump(entries: Iterable[BaselineEntry]) -> str:
    """Return the text of a baseline file: sorted, and the same for the same entries."""
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


def covered_by_scan(
    paths: Iterable[str],
    checks: Collection[str],
    skip_checks: Collection[str],
    complete: bool,
    excluded: Collection[str] = (),
) -> Callable[[BaselineEntry], bool]:
    """True if an entry is about what a scan of ``paths`` covered: a file in one of them, a check that was requested.

    Excluded files are not covered. If the scan is not ``complete``, no entry is: a file that could not be read may
    contain its finding.
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
    """Separate the findings that the ``entries`` of the baseline ``path`` accept from the others.

    ``findings``: all of a scan, whatever is shown; suppressed ones stay suppressed. ``name``: returns the file name
    that entries use. ``concerns``: True for entries that the scan covered; only such an entry can be unused.
    """
    paired = _pair_entries(entries, findings, name)
    counting = [(finding, paired[number]) for number, finding in enumerate(findings) if number in paired]
    counting = [pair for pair in counting if not pair[0].suppressed]
    accepted = tuple((finding, entry) for finding, entry in counting if entry.accepts(finding, today))
    known = {finding.fingerprint for finding, _ in accepted}
    used = {id(entry) for entry in paired.values()}
    return Applied(
        path=path,
        accepted=accepted,
        open=tuple(finding for finding in findings if finding.fingerprint not in known),
        expired=tuple(sorted((entry for _, entry in counting if not entry.is_valid(today)), key=_order)),
        worse=tuple((one, entry) for one, entry in counting if entry.is_valid(today) and not entry.accepts(one, today)),
        unused=tuple(sorted((one for one in entries if id(one) not in used and concerns(one)), key=_order)),
    )


def renew_entries(
    entries: Sequence[BaselineEntry],
    findings: Sequence[Finding],
    name: Callable[[str], str],
    concerns: Callable[[BaselineEntry], bool],
) -> tuple[BaselineEntry, ...]:
    """Return the entries of a baseline that accepts all ``findings`` that are not suppressed.

    Existing entries keep their reason and last day. Entries that the scan did not cover are kept, unused ones dropped.
    """
    paired = _pair_entries(entries, findings, name)
    base = _unnumbered_fingerprints(findings)
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


def _unnumbered_fingerprints(findings: Iterable[Finding]) -> dict[str, str]:
    """Return the fingerprint that each finding had before equal ones were numbered, beginning with the second."""
    given = {finding.fingerprint for finding in findings}
    bases = {fingerprint: fingerprint for fingerprint in given}
    for fingerprint in given:
        number = 2
        while (numbered := digest(fingerprint, str(number))) in given:
            bases[numbered] = fingerprint
            number += 1
    return bases


def _pair_entries(
    entries: Sequence[BaselineEntry], findings: Sequence[Finding], name: Callable[[str], str]
) -> Mapping[int, BaselineEntry]:
    """Return the entry of each finding that has one, by the number of the finding.

    Of equal findings, one in the file of an entry and of its severity belongs to it, else one in its file; the others
    follow in order, as after a renaming.
    """
    bases = _unnumbered_fingerprints(findings)

    def of_entry(entry: BaselineEntry) -> str:
        return bases.get(entry.fingerprint, entry.fingerprint)

    def of_finding(finding: Finding) -> str:
        return bases[finding.fingerprint]

    rounds = (
        Round[Finding, BaselineEntry](
            lambda finding: (of_finding(finding), name(finding.at.file), finding.severity),
            lambda entry: (of_entry(entry), entry.file, entry.severity),
        ),
        Round[Finding, BaselineEntry](
            lambda finding: (of_finding(finding), name(finding.at.file)), lambda entry: (of_entry(entry), entry.file)
        ),
        Round[Finding, BaselineEntry](of_finding, of_entry),
    )
    return {finding: entries[entry] for _, finding, entry in match_in_rounds(findings, entries, rounds)}
