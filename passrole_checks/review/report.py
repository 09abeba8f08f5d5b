"""What a review says, as plain data: made from two versions, kept in a bundle, told on any forge.

Everything that is told is told from these fields alone. All texts are as they were found: whoever writes them somewhere
sends them through :mod:`passrole_checks.escaping.markup`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from enum import Enum

from passrole_checks.findings import Confidence, Severity

VERSION = 1


class ReviewVerdict(str, Enum):
    """``CANNOT_TELL``: one of the two versions could not be read or judged in full, which is never clean."""

    CLEAN = "clean"
    FINDINGS = "findings"
    CANNOT_TELL = "cannot-tell"


@dataclass(frozen=True, slots=True)
class Location:
    """Lines of a file, from the top of the repository, with forward slashes; 1-based, the last one included."""

    file: str
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a comment on HEAD can stand: lines within one hunk of the difference, on its new side. ``line`` 0: the file
    as a whole, which has changed, though not there."""

    file: str
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Replacement:
    """Whole lines of HEAD, and what to write instead: ``text`` without the line break at its end, "" takes them away.

    ``says``: what it does, one sentence. ``of_cause``: it is about the line that is the cause, not about the statement.
    ``old``: the lines as they are, "" where that is not known here. It was proved: with it, the version can be read,
    and the item is not there any more, and nothing else has come.
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
    """What one check says of an item, as in :class:`passrole_checks.findings.Finding`."""

    check_id: str
    name: str
    severity: Severity
    confidence: Confidence
    message: str
    remediation: str


@dataclass(frozen=True, slots=True)
class GrantedAccess:
    """What a statement lets whom do. ``principals``: empty where that is not known here. ``scope`` and ``constraint``
    as in the JSON of ``grants``; ``services`` as written; ``conditions``: other condition keys."""

    principals: tuple[str, ...]
    roles: tuple[str, ...]
    scope: str
    complement: bool
    constraint: str
    services: tuple[str, ...]
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One statement of HEAD with all that is new about it: told once.

    ``key`` stays the same while the same is wrong with the same statement, wherever its lines are moved to. ``group``
    is ``new`` or ``worse`` (it was there, and says more now). ``change`` is ``new``, ``widened``, or nothing where
    access is as before. ``access`` and ``before`` are what the statement grants in both versions, where it does.
    ``cause``: the changed lines that make the difference, where the statement itself is as it was; of BASE, where
    ``cause_removed``. ``anchor``: None where no file of the difference can bear a comment. ``advice``: what a person
    has to write or to fill in, where there is no ``replacement``.
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


@dataclass(frozen=True, slots=True)
class Fixed:
    """A finding of BASE that HEAD does not have; ``at`` is its place in BASE."""

    key: str
    check_id: str
    name: str
    severity: Severity
    at: Location
    resource: str


@dataclass(frozen=True, slots=True)
class Less:
    """Access that is ``narrowed`` or ``removed``. ``at``: in HEAD, or, where it is removed, in BASE."""

    change: str
    at: Location
    resource: str
    sid: str
    before: GrantedAccess
    after: GrantedAccess | None


@dataclass(frozen=True, slots=True)
class More:
    """A statement of HEAD that gives more access than before (``new`` or ``widened``), and of which nothing is as bad
    as what was asked for. ``before`` is None where it gave none. ``confidence``: how sure it is that it is more."""

    change: str
    confidence: Confidence
    at: Location
    resource: str
    sid: str
    access: GrantedAccess
    before: GrantedAccess | None = None


@dataclass(frozen=True, slots=True)
class ReportNote:
    """Something to be known of a file. ``line`` 0: of the file as a whole; ``file`` "": of the comparison."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReviewReport:
    """What BASE and HEAD (ids of commits, or words where there is none) differ in.

    ``items`` are sorted worst first. ``unchanged`` counts the findings that both have. ``unreadable`` is what of either
    could not be read, ``faults`` where this package itself failed, ``not_evaluated`` what is not here or not done,
    ``notes`` what else should be known (the configuration is changed and not used; several merge bases). ``fail_on``:
    the least severity of an item that fails, None for none. ``files``: how many files of HEAD were read as
    infrastructure code. ``more``: access that grows in statements that are no items. ``unlike_head``: the files told of
    that the commit ``head`` has with other lines, because it is its merge with the target that was compared.
    ``excluded``: the paths of either version that were left out by the configuration; a folder, left out as a whole,
    ends in ``/``.
    """

    tool: str
    base: str
    head: str
    base_name: str
    head_name: str
    items: tuple[Item, ...]
    fixed: tuple[Fixed, ...]
    less: tuple[Less, ...]
    unchanged: int
    unreadable: tuple[ReportNote, ...]
    not_evaluated: tuple[ReportNote, ...]
    notes: tuple[ReportNote, ...]
    fail_on: Severity | None
    files: int
    more: tuple[More, ...] = ()
    unlike_head: tuple[str, ...] = ()
    faults: tuple[ReportNote, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[ReportNote, ...]:
        """What was not read or judged in full, and may hold anything."""
        return (*self.faults, *self.unreadable)

    @property
    def failing(self) -> tuple[Item, ...]:
        """The items that are as severe as what fails."""
        least = self.fail_on
        return tuple(item for item in self.items if least is not None and item.severity.rank >= least.rank)

    @property
    def verdict(self) -> ReviewVerdict:
        """What the exit status and the commit status say."""
        if self.unknown:
            return ReviewVerdict.CANNOT_TELL
        return ReviewVerdict.FINDINGS if self.failing else ReviewVerdict.CLEAN

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to tell."""
        told = (self.items, self.fixed, self.less, self.more, self.unknown, self.not_evaluated, self.notes)
        return not any(told)

    @property
    def begins_a_comment(self) -> bool:
        """Whether a request to merge is told of it at all: something is new, or may be, or the change edits what the
        review itself goes by. What got better alone, and more access of which nothing is flagged, begins no comment."""
        return bool(self.items or self.unknown or self.not_evaluated or any(note.file for note in self.notes))


def files_of(value: object) -> set[str]:
    """The files that a report, or a part of one, names."""
    if isinstance(value, tuple):
        return set().union(*map(files_of, value))
    if not is_dataclass(value):
        return set()
    named = {value.file} if isinstance(value, (Location, Anchor, Replacement, ReportNote)) else set()
    return named.union(*(files_of(getattr(value, one.name)) for one in fields(value)))
