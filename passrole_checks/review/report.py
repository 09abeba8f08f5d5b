"""The report of a review as plain data: built from two versions, stored in a bundle, rendered for any forge.

Renderers use these fields only. Texts are unescaped: escape them with :mod:`passrole_checks.escaping.markup`.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum

from passrole_checks.findings import Confidence, Severity
from passrole_checks.iam.fast_dataclass import dataclass

VERSION = 1
ACCEPT = "passrole: accept"  # the command of an owner, followed by a reason
SHORT_KEY_DIGITS, SHORT_FINGERPRINT_DIGITS = 8, 20


class ReviewVerdict(str, Enum):
    """``UNDETERMINED``: one of the versions could not be read or evaluated in full, which is never clean."""

    CLEAN = "clean"
    FINDINGS = "findings"
    UNDETERMINED = "cannot-tell"


@dataclass(frozen=True, slots=True)
class Location:
    """Lines of a file, 1-based and inclusive. ``file``: relative to the repository root, with forward slashes."""

    file: str
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """Lines of HEAD that a comment can be on: within one hunk of the diff, on its new side. ``line`` 0: the whole file,
    which has changed elsewhere."""

    file: str
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Replacement:
    """Whole lines of HEAD and their replacement: ``text`` without its last line break, "" to delete the lines.

    ``says``: one sentence that describes the change. ``of_cause``: True if it edits the line that is the cause instead
    of the statement. ``old``: the present lines, "" if unknown. A trial has verified it: HEAD can be read with it, the
    item is gone, and no other item is new.
    """

    file: str
    line: int
    end_line: int
    text: str
    says: str
    of_cause: bool = False
    old: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """The finding of one check about an item, as in :class:`passrole_checks.findings.Finding`.

    ``primary``: False if another remark has the same cause and is more severe.
    """

    check_id: str
    name: str
    severity: Severity
    confidence: Confidence
    message: str
    remediation: str
    primary: bool = True


@dataclass(frozen=True, slots=True)
class GrantedAccess:
    """The access that a statement grants. ``principals``: empty if unknown. ``scope`` and ``constraint`` as in the JSON
    of ``grants``; ``complement``: True for NotResource; ``services`` as written; ``conditions``: other condition
    keys; ``when``: the path condition of this variant of the statement, "" if it always applies."""

    principals: tuple[str, ...]
    roles: tuple[str, ...]
    scope: str
    complement: bool
    constraint: str
    services: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    when: str = ""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The acceptance of an item by an owner: their login ``by``, and the ``reason`` that they gave."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Item:
    """One statement of HEAD with everything that is new about it.

    ``key``: stable while the same checks report the same statement, also if its lines move. ``group``: ``new`` or
    ``worse`` (reported in BASE too, less severely). ``change``: ``new``, ``widened``, or "" if access is unchanged.
    ``access`` and ``before``: what the statement grants in HEAD and BASE, if it does. ``cause``: the changed lines
    that make the difference if the statement itself is unchanged; lines of BASE if ``cause_removed``. ``anchor``: None
    if no file of the diff can have a comment. ``advice``: what to write or fill in, if there is no ``replacement``.

    ``fingerprint``: differs if anything differs that an acceptance depends on: checks, severities, messages, access.
    ``accepted``: by an owner of the base's configuration; None if it counts.
    """

    key: str
    group: str
    change: str
    severity: Severity
    confidence: Confidence
    at: Location
    framework: str
    resource: str
    uses: tuple[str, ...]
    sid: str
    remarks: tuple[Remark, ...]
    access: GrantedAccess | None = None
    before: GrantedAccess | None = None
    cause: Location | None = None
    cause_removed: bool = False
    anchor: Anchor | None = None
    replacement: Replacement | None = None
    advice: str = ""
    fingerprint: str = ""
    accepted: Acceptance | None = None

    @property
    def short_key(self) -> str:
        """The key and fingerprint as owners quote them; "" without a fingerprint. So many digits of the fingerprint
        that a change cannot be made to have the same ones."""
        if not self.fingerprint:
            return ""
        return f"{self.key[:SHORT_KEY_DIGITS]}-{self.fingerprint[:SHORT_FINGERPRINT_DIGITS]}"


@dataclass(frozen=True, slots=True)
class Fixed:
    """A finding of BASE that HEAD does not have. ``at``: its location in BASE."""

    key: str
    check_id: str
    name: str
    severity: Severity
    at: Location
    resource: str


@dataclass(frozen=True, slots=True)
class ReducedAccess:
    """Access that is ``narrowed`` or ``removed``. ``at``: in HEAD if narrowed, in BASE if removed. ``cause``: the Deny
    or permissions boundary that narrows it, if the statement itself is unchanged."""

    change: str
    at: Location
    resource: str
    sid: str
    before: GrantedAccess
    after: GrantedAccess | None
    cause: Location | None = None


@dataclass(frozen=True, slots=True)
class IncreasedAccess:
    """A statement of HEAD that grants more access than in BASE (``new`` or ``widened``), below the thresholds of items.
    ``before``: None if it granted none. ``confidence``: that the access really grows. ``cause`` and ``cause_removed``:
    as for an :class:`Item`. ``trusted``: instead of the access, the principals grow that may assume the role
    ``resource``, by its trust policy ``at`` a location."""

    change: str
    confidence: Confidence
    at: Location
    resource: str
    sid: str
    access: GrantedAccess
    before: GrantedAccess | None = None
    cause: Location | None = None
    cause_removed: bool = False
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportNote:
    """A note about a file. ``line`` 0: about the whole file; ``file`` "": about the comparison. ``kind``: a
    :class:`~passrole_checks.sources.model.configuration.NoteKind` for what is not evaluated. ``starts_comment``: the
    note alone is worth a comment."""

    file: str
    line: int
    reason: str
    kind: str = ""
    starts_comment: bool = False


@dataclass(frozen=True, slots=True)
class ReadInput:
    """The input of a review.

    ``files``: the number of files of HEAD read as infrastructure code. ``only_affected``: only what the change can
    affect was read; then ``files`` is the number of that. ``excluded``: paths of either version that the configuration
    excludes; those of whole folders end in ``/``. ``plans``: names of the Terraform plans that were compared, which are
    no files of the repository; locations in them are of what has no line there.
    """

    files: int
    excluded: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    only_affected: bool = False


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """The differences between BASE and HEAD (commit ids, or a description where there is none).

    ``items``: sorted worst first. ``unchanged``: the number of findings in both versions. ``unreadable``: what could
    not be read in either version; ``faults``: internal errors; ``not_evaluated``: what was skipped; ``notes``: other
    remarks (the configuration changed and is not used; several merge bases). ``fail_on``: minimum severity of an item
    that fails, None for none. ``read``: what was read; its fields are keys of the report in JSON. ``more``: access
    that grows in statements without an item. ``unlike_head``: reported files whose lines differ in the commit
    ``head``, because its merge with the target was compared. ``moved``: statements that grant what another unit
    granted in BASE, each with where that was. ``owners``: who may accept items, as in the base's configuration.
    """

    tool: str
    base: str
    head: str
    base_name: str
    head_name: str
    items: tuple[Item, ...]
    fixed: tuple[Fixed, ...]
    less: tuple[ReducedAccess, ...]
    unchanged: int
    unreadable: tuple[ReportNote, ...]
    not_evaluated: tuple[ReportNote, ...]
    notes: tuple[ReportNote, ...]
    fail_on: Severity | None
    read: ReadInput
    more: tuple[IncreasedAccess, ...] = ()
    unlike_head: tuple[str, ...] = ()
    faults: tuple[ReportNote, ...] = ()
    moved: tuple[ReportNote, ...] = ()
    owners: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[ReportNote, ...]:
        """Input that was not read or evaluated in full, and may contain anything."""
        return (*self.faults, *self.unreadable)

    @property
    def open(self) -> tuple[Item, ...]:
        """The items that no owner accepted."""
        return tuple(item for item in self.items if item.accepted is None)

    @property
    def accepted(self) -> tuple[Item, ...]:
        """The items that an owner has accepted."""
        return tuple(item for item in self.items if item.accepted is not None)

    @property
    def failing(self) -> tuple[Item, ...]:
        """The items at or above ``fail_on`` that no owner accepted."""
        minimum = self.fail_on
        return tuple(item for item in self.open if minimum is not None and item.severity.rank >= minimum.rank)

    @property
    def verdict(self) -> ReviewVerdict:
        """The result behind the exit status and the commit status."""
        if self.unknown:
            return ReviewVerdict.UNDETERMINED
        return ReviewVerdict.FINDINGS if self.failing else ReviewVerdict.CLEAN

    @property
    def warrants_comment(self) -> bool:
        """True if a pull request without a comment should get one: something is or may be new, or the change edits the
        review's own configuration. Improvements, and more access that no check flags, do not start a comment, nor do
        notes on files that the change does not touch."""
        notes = (*self.not_evaluated, *self.notes)
        return bool(self.items or self.unknown or any(note.starts_comment for note in notes))


def named_files(value: object) -> set[str]:
    """Return the files that a report, or a part of one, names."""
    if isinstance(value, tuple):
        return set().union(*map(named_files, value))
    if not is_dataclass(value):
        return set()
    files = {value.file} if isinstance(value, (Location, Anchor, Replacement, ReportNote)) else set()
    return files.union(*(named_files(getattr(value, field.name)) for field in fields(value)))
