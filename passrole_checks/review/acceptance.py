"""Items that owners have accepted by a comment: ``passrole: accept REASON``.

Owners are named in the configuration of BASE (``accept_owners``). An owner answers in the thread of one of our line
comments, or quotes short keys of items in a comment: ``passrole: accept KEY REASON``. An acceptance holds for one
state of an item, its fingerprint, which our comment's marker or the quoted key names: whatever changes the item makes
it count again. The comment counts if it was never edited, and if its author is a person who has neither opened the
request nor written or committed one of its commits. All comments are untrusted text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

from passrole_checks.escaping.shorten import listed, truncate
from passrole_checks.escaping.terminal import sanitize
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.output.counts import count_noun
from passrole_checks.review.forge import AcceptingForge, AttestedComment, Contributors, Discussion
from passrole_checks.review.http import ForgeError
from passrole_checks.review.markdown.markers import INLINE, SUMMARY, parse_marker
from passrole_checks.review.owners import SETTING
from passrole_checks.review.report import (
    ACCEPT,
    SHORT_FINGERPRINT_DIGITS,
    SHORT_KEY_DIGITS,
    Acceptance,
    Item,
    ReportNote,
    ReviewReport,
)

_HOW = f"reply to the inline comment about it, or write `{ACCEPT} KEY REASON` with the key in the summary"
_COMMAND = lazy_regex(r" {0,3}passrole:[ \t]*accept(?:[ \t]+(?P<words>\S.*))?[ \t]*", re.IGNORECASE)
_QUOTATIONS = lazy_regex(r"(?:[ \t]*\n|(?: {0,3}>[^\n]*\n)+[ \t]*\n)*")  # each ends in a blank line; else it continues
_SHORT_KEY = lazy_regex(rf"[0-9a-f]{{{SHORT_KEY_DIGITS}}}-[0-9a-f]{{{SHORT_FINGERPRINT_DIGITS}}}")
_OWNER = lazy_regex(r"@?(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)*/?)")
_MAX_REASON = 1_000
_MAX_NOTES = 20
_MAX_OWNERS = 100
_MAX_LOOKUPS = 50  # people whose membership in teams is looked up


@dataclass(frozen=True, slots=True)
class _Command:
    """A comment that asks to accept items. ``keys``: the short keys that it quotes; ``named``: the fingerprints of
    items by key, as the marker of the thread names them; ``obstacle``: why it cannot count, or ""."""

    comment: AttestedComment
    keys: tuple[str, ...]
    reason: str
    named: Mapping[str, str]
    obstacle: str = ""


def with_former_owners(report: ReviewReport, former: Sequence[str]) -> ReviewReport:
    """Return the report with a note on owners of BASE whom the target branch does not name any more."""
    if not (former and report.items):
        return report
    reason = f"Not owners any more: the target branch does not name {listed(former)} in {SETTING}."
    return replace(report, notes=(*report.notes, ReportNote("", 0, reason)))


def with_unknown_acceptance(report: ReviewReport, why: str) -> ReviewReport:
    """Return the report with a note that it is unknown which items are accepted; ``why``: a clause."""
    if not (report.owners and report.items):
        return report
    reason = f"Acceptance by owners ({SETTING}) is unknown, so every finding counts: {why}."
    return replace(report, notes=(*report.notes, ReportNote("", 0, reason)))


def accept_items(report: ReviewReport, forge: AcceptingForge, key: str, author: str = "") -> ReviewReport:
    """Return the report with the items that owners have accepted on a forge, and with notes on what does not count.

    ``key`` and ``author``: as in :class:`~passrole_checks.review.ci_context.PostOptions`. Raises no
    :class:`~passrole_checks.review.http.ForgeError`: what cannot be read accepts nothing.
    """
    if not (report.owners and report.items):
        return report
    try:
        target = forge.find_request()
        if not target.number:
            return with_unknown_acceptance(report, target.why)
        ours = author or forge.viewer()
        return _Decision(report, forge, ours).apply(_commands(forge.discussions(), key, ours))
    except ForgeError as error:
        return with_unknown_acceptance(report, f"could not read comments from {forge.traits.name} ({error})")


# -- comments


def _commands(discussions: Sequence[Discussion], key: str, ours: str) -> Iterator[_Command]:
    """Yield the commands in comments, oldest first in each discussion. ``ours``: the author of our comments."""
    for discussion in discussions:
        for number, comment in enumerate(discussion.comments):
            parsed = _parse(comment.body)
            if parsed is None:
                continue
            keys, reason = parsed
            command = _Command(comment, keys, reason, {})
            if number == 0:
                yield command
            else:
                yield from _reply(discussion.comments[0], command, key, ours)


def _reply(first: AttestedComment, reply: _Command, key: str, ours: str) -> Iterator[_Command]:
    """Yield the command in a reply to the comment ``first``, unless that is of another review of ours."""
    marker = parse_marker(first.body) if first.author.lower() == ours.lower() else None
    if marker is None or marker.kind not in (INLINE, SUMMARY):
        yield replace(reply, obstacle=f"it is in a thread that {ours} did not start")
    elif marker.key != key:
        return
    elif reply.keys or marker.kind == SUMMARY:
        yield reply
    else:
        named = dict(zip_longest(marker.items, marker.states[: len(marker.items)], fillvalue=""))
        obstacle = "the comment that it answers has been edited" if first.is_edited else ""
        yield replace(reply, named=named, obstacle=obstacle)


def _parse(body: str) -> tuple[tuple[str, ...], str] | None:
    """Return the quoted short keys and the reason of a command, which is the first line of a comment that is neither
    blank nor in a quotation before it; None if there is no command."""
    text = body.replace("\r\n", "\n").replace("\N{NO-BREAK SPACE}", " ")
    match = _COMMAND.fullmatch(_QUOTATIONS.sub("", text, count=1).partition("\n")[0])
    if match is None:
        return None
    words = (match["words"] or "").split()
    quoted = 0
    while quoted < len(words) and _SHORT_KEY.fullmatch(_unquoted(words[quoted])):
        quoted += 1
    keys = tuple(map(_unquoted, words[:quoted]))
    reason = " ".join(words[quoted:])
    return keys, truncate(sanitize(reason), _MAX_REASON) if any(map(str.isalnum, reason)) else ""


def _unquoted(word: str) -> str:
    """Return a word as a key is compared: without code quotes and the punctuation that may follow it."""
    return word.rstrip(",:").strip("`").lower()


# -- the decision


class _Decision:
    """Which of the items of a report are accepted. ``ours``: the account of the token, which is never an owner."""

    def __init__(self, report: ReviewReport, forge: AcceptingForge, ours: str) -> None:
        self._report, self._forge, self._ours = report, forge, ours
        self._base = report.base_name or report.base[:12]
        self._logins, teams, notes = _owners(report.owners)
        self._notes: list[str] = [*notes]
        self._teams = [team for team in teams if self._is_readable(team)]
        self._members: dict[str, bool] = {}  # of a team, by login
        self._contributors: Contributors | None = None

    def apply(self, commands: Iterable[_Command]) -> ReviewReport:
        accepted: dict[str, Acceptance] = {}
        refused: list[tuple[Item, str]] = []
        aimless: list[str] = []
        for command in commands:
            named = list(self._items(command))
            if not (command.keys or command.named):
                aimless.append(f"The comment by {_name(command.comment)} names no finding: {_HOW}.")
            refusal = self._refusal(command) if named else ""
            for item, is_same in named:
                why = refusal or ("" if is_same else self._changed(item))
                if why:
                    start = f"The comment by {_name(command.comment)} does not accept {_of(item)}"
                    refused.append((item, f"{start}: {why}."))
                else:
                    accepted.setdefault(item.key, Acceptance(command.comment.author, command.reason))
        self._notes += dict.fromkeys(words for item, words in refused if item.key not in accepted)
        if len(accepted) < len(self._report.items):
            self._notes += dict.fromkeys(aimless)
        if accepted:
            self._note_unattributed()
        items = tuple(replace(item, accepted=accepted.get(item.key)) for item in self._report.items)
        return replace(self._report, items=items, notes=(*self._report.notes, *self._report_notes()))

    def _items(self, command: _Command) -> Iterator[tuple[Item, bool]]:
        """Yield the items that a command is about, each with True if it is in the state that the command names."""
        for item in self._report.items:
            if item.key in command.named:
                yield item, bool(item.fingerprint) and item.fingerprint == command.named[item.key]
            elif item.short_key and any(key.startswith(f"{item.key[:SHORT_KEY_DIGITS]}-") for key in command.keys):
                yield item, item.short_key in command.keys

    def _refusal(self, command: _Command) -> str:
        """Return why a command does not count, as a clause, or ""."""
        comment = command.comment
        if command.obstacle:
            return command.obstacle
        if comment.is_bot or not comment.author or comment.author.lower() == self._ours.lower():
            return "only persons can accept, not bots or the account that posts this review"
        contributors = self._contributed()
        if contributors.unlisted:
            missing = count_noun(contributors.unlisted, "commit")
            return f"{missing} of this {self._forge.traits.request} cannot be listed, so their authors are unknown"
        if comment.author.lower() in contributors.logins:
            request = self._forge.traits.request
            return f"its author opened this {request}, or is author or committer of one of its commits"
        if comment.is_edited:
            return "it has been edited; write a new one"
        if not command.reason:
            return f"it gives no reason; write `{ACCEPT} REASON`"
        if not self._is_owner(comment):
            return f"its author is not among the owners in {SETTING} of {self._base}"
        return ""

    def _changed(self, item: Item) -> str:
        return f"the finding is not as it was then; look again, and then write `{ACCEPT} {item.short_key} REASON`"

    # -- people

    def _is_owner(self, comment: AttestedComment) -> bool:
        login = comment.author.lower()
        if login in self._logins or not self._teams:
            return login in self._logins
        if login not in self._members:
            is_looked_up = len(self._members) < _MAX_LOOKUPS
            self._members[login] = is_looked_up and any(self._forge.is_member(team, comment) for team in self._teams)
        return self._members[login]

    def _is_readable(self, team: str) -> bool:
        try:
            self._forge.read_team(team)
        except ForgeError as error:
            self._notes.append(f"The owner {team} in {SETTING} is not usable: the token cannot read it ({error}).")
            return False
        return True

    def _contributed(self) -> Contributors:
        if self._contributors is None:
            found = self._forge.contributors()
            self._contributors = replace(found, logins=frozenset(map(str.lower, found.logins)))
        return self._contributors

    def _note_unattributed(self) -> None:
        number = self._contributed().unattributed
        if number:
            commits = "1 commit has an author" if number == 1 else f"{number} commits have an author"
            name = self._forge.traits.name
            self._notes.append(f"{commits} or committer without an account on {name}, who may be an owner.")

    def _report_notes(self) -> Iterator[ReportNote]:
        notes = self._notes[:_MAX_NOTES]
        if len(self._notes) > len(notes):
            notes.append(f"{len(self._notes) - len(notes)} more comments do not accept a finding.")
        return (ReportNote("", 0, words) for words in notes)


def _owners(configured: Sequence[str]) -> tuple[frozenset[str], list[str], list[str]]:
    """Return the logins in lower case, the teams, and notes on what is neither."""
    logins: set[str] = set()
    teams, notes = [], []
    for owner in configured[:_MAX_OWNERS]:
        match = _OWNER.fullmatch(owner.strip())
        if match is None:
            notes.append(f"{SETTING}: {truncate(sanitize(owner), 60)!r} is neither a login nor ORGANIZATION/TEAM.")
        elif "/" in match["name"]:
            teams.append(match["name"])
        else:
            logins.add(match["name"].lower())
    if len(configured) > _MAX_OWNERS:
        notes.append(f"{SETTING}: only the first {_MAX_OWNERS} owners are used.")
    return frozenset(logins), teams, notes


def _name(comment: AttestedComment) -> str:
    return truncate(sanitize(comment.author), 60) or "a deleted account"


def _of(item: Item) -> str:
    return f"{item.resource} ({item.short_key})" if item.short_key else item.resource


__all__ = ["SETTING", "accept_items", "with_former_owners", "with_unknown_acceptance"]
