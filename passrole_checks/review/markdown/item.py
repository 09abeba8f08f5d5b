"""One item told in full, as the summary and the comments at lines have it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from passrole_checks.checks.base.wording import shortened
from passrole_checks.checks.new_access import NewAccess
from passrole_checks.escaping.markup import code, prose
from passrole_checks.review.markdown.links import Links
from passrole_checks.review.markdown.suggestion import change_block, text_block
from passrole_checks.review.markdown.words import apart, can_pass, cause, how_sure, lines, listed, sentence
from passrole_checks.review.report import Anchor, Item, Location, Remark, Replacement

_MOST = 6_000  # characters of what is wrong, after which remarks are only counted
_LONG_ROLE = 140  # characters of a role, after which checks cut it


def what_is_wrong(item: Item) -> Iterator[str]:
    """A line of a list for each remark that :func:`what_changes` does not tell, worst first; what to do instead only
    where nothing better is known."""
    instead = item.replacement is None and not _own_advice(item)
    left, names = _MOST, names_of(item)
    remarks = sorted((one for one in item.remarks if one != _new_access(item)), key=lambda one: -one.severity.rank)
    for number, remark in enumerate(remarks):
        line = f"- {told(remark, names)}"
        if instead and remark.remediation:
            line += f" **Instead:** {prose(remark.remediation, names)}"
        if number and len(line) > left:
            yield f"- and {len(remarks) - number} more of this statement"
            return
        left -= len(line)
        yield line


def told(remark: Remark, names: Collection[str] = ()) -> str:
    """What one check says, how bad it is, and which check it is. ``names``: as of :func:`service_names`."""
    return f"{prose(remark.message, names)} {_about(remark)}"


def _about(remark: Remark) -> str:
    about = (remark.severity.value, how_sure(remark.confidence), code(f"{remark.check_id} {remark.name}"))
    return f"({', '.join(filter(None, about))})"


def names_of(item: Item) -> frozenset[str]:
    """Whatever of an item somebody else has named, as sentences about it may have it: whole, or cut by a check."""
    names = {item.resource, item.sid, *item.uses}
    for access in (item.access, item.before):
        if access is not None:
            names |= {*access.principals, *access.roles, *access.services, *access.conditions}
    return frozenset({*names, *map(shortened, names), *(shortened(name, _LONG_ROLE) for name in names)} - {""})


def what_changes(item: Item, links: Links, *, anchor: Anchor | None = None) -> str:
    """What the access was and is, and where the change is that makes the difference; "" where there is none of it.
    ``anchor``: where the reader is."""
    new_access = _new_access(item)
    words = [sentence(item) if new_access is None else _growth(item, new_access)]
    because = cause(item, links)
    if because and not (anchor is not None and item.cause is not None and touch(anchor, item.cause)):
        words.append(f"The change that does it: {because}.")
    others = [use for use in item.uses if use != item.resource]
    if others:
        words.append(f"The same statement is also in {listed(others)}.")
    return " ".join(filter(None, words))


def _growth(item: Item, new_access: Remark) -> str:
    """What the check that compares says; where that has several parts, what the statement gives is easier to grasp, if
    that is what differs."""
    now, before = item.access, item.before
    differs = now is not None and (before is None or can_pass(now) != can_pass(before))
    if ";" in new_access.message and differs:
        return f"{sentence(item)} {_about(new_access)}"
    return told(new_access, names_of(item))


def _new_access(item: Item) -> Remark | None:
    """The remark of the check that compares access, which says what changes better than two lists do."""
    return next((remark for remark in item.remarks if remark.check_id == NewAccess.id), None)


def touch(anchor: Anchor, place: Location) -> bool:
    """Whether the lines of the two have one in common."""
    return anchor.file == place.file and anchor.line <= place.end_line and place.line <= anchor.end_line


def what_to_write(item: Item, links: Links) -> list[str]:
    """What to write instead, as blocks that can be read; nothing where the remarks say it."""
    if item.replacement is not None:
        return apart([instruction(item.replacement, links)], [change_block(item.replacement) or ""])
    words, _, statement = _own_advice(item).partition("\n")
    told_words = prose(words, names_of(item))
    return apart([f"**Instead:** {told_words}"] if words.strip() else [], [text_block(statement, item.at.file) or ""])


def _own_advice(item: Item) -> str:
    """The advice, where no remark says the same. Below its first line there may be a statement."""
    told_of = [remark for remark in item.remarks if remark != _new_access(item)]
    if not item.advice and not told_of:
        return "".join(remark.remediation for remark in item.remarks)
    return "" if any(item.advice == remark.remediation for remark in told_of) else item.advice


def instruction(replacement: Replacement, links: Links) -> str:
    """Which lines to write anew, and what that does."""
    where = lines(replacement.file, replacement.line, replacement.end_line, links)
    words = said(replacement)
    if words:
        return f"**Suggestion** for {where}: {words}"
    return f"**Suggestion:** {'change' if replacement.text else 'take out'} {where}."


def said(replacement: Replacement) -> str:
    """What the replacement does."""
    words = replacement.says.strip()
    first = words[:1] if words[1:2].isupper() else words[:1].lower()  # AWS, IAM
    return prose(first + words[1:])
