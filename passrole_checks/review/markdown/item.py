"""The full text of one item, for the summary and line comments."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from passrole_checks.checks.new_access import NewAccess
from passrole_checks.escaping.markup import code, prose
from passrole_checks.escaping.shorten import shortened
from passrole_checks.findings import check_page_url
from passrole_checks.git_versions.forge_links import Links
from passrole_checks.output.finding_items import first_sentence
from passrole_checks.review.markdown.suggestion import change_block, text_block
from passrole_checks.review.markdown.words import (
    access_text,
    cause_link,
    change_sentence,
    confidence_text,
    join_blocks,
    lines_link,
    list_names,
)
from passrole_checks.review.report import ACCEPT, Anchor, Item, Location, Remark, Replacement

_MAX_REMARKS = 6_000  # characters of remarks, after which they are only counted
_LONG_ROLE = 140  # characters of a role, after which checks shorten it


def remark_lines(item: Item) -> Iterator[str]:
    """Yield a list item for each remark that :func:`access_change` does not include: the primary ones, worst first,
    then the first sentence of the others. Remediations of the primary ones are included only if the item has neither a
    replacement nor advice of its own."""
    instead = item.replacement is None and not _distinct_advice(item)
    budget, names = _MAX_REMARKS, untrusted_names(item)
    remarks = sorted(_other_remarks(item), key=lambda remark: (not remark.primary, -remark.severity.rank))
    for number, remark in enumerate(remarks):
        line = f"- {remark_text(remark, names)}"
        if instead and remark.primary and remark.remediation:
            line += f" **Instead:** {prose(remark.remediation, names)}"
        if number and len(line) > budget:
            yield f"- and {len(remarks) - number} more of this statement"
            return
        budget -= len(line)
        yield line


def remark_text(remark: Remark, names: Collection[str] = ()) -> str:
    """Return a remark with its severity and check, in short if it is not primary. ``names``: from
    :func:`untrusted_names`."""
    words = remark.message if remark.primary else first_sentence(remark.message)
    return f"{prose(words, names)} {_about(remark)}"


def _about(remark: Remark) -> str:
    address = check_page_url(remark.check_id)
    check = code(f"{remark.check_id} {remark.name}")
    about = (remark.severity.value, confidence_text(remark.confidence), f"[{check}]({address})" if address else check)
    return f"({', '.join(filter(None, about))})"


def untrusted_names(item: Item) -> frozenset[str]:
    """Return the names in an item that users chose, as its messages may contain them: in full, or shortened by a
    check."""
    names = {item.resource, item.sid, *item.uses}
    for access in (item.access, item.before):
        if access is not None:
            names |= {*access.principals, *access.roles, *access.services, *access.conditions, access.when}
    return frozenset({*names, *map(shortened, names), *(shortened(name, _LONG_ROLE) for name in names)} - {""})


def access_change(item: Item, links: Links, *, anchor: Anchor | None = None) -> str:
    """Return how the access changes, and the cause; "" if there is neither. ``anchor``: the lines of the comment."""
    new_access = _new_access(item)
    sentences = [change_sentence(item) if new_access is None else _new_access_text(item, new_access)]
    because = cause_link(item, links)
    if because and not (anchor is not None and item.cause is not None and overlaps(anchor, item.cause)):
        sentences.append(f"Cause: {because}.")
    others = [use for use in item.uses if use != item.resource]
    if others:
        sentences.append(f"The same statement is also in {list_names(others)}.")
    return " ".join(filter(None, sentences))


def _new_access_text(item: Item, new_access: Remark) -> str:
    """Return the message of the check that compares access; if that has several parts and the access of the statement
    differs, the shorter description of that."""
    now, before = item.access, item.before
    differs = now is not None and (before is None or access_text(now) != access_text(before))
    if ";" in new_access.message and differs:
        return f"{change_sentence(item)} {_about(new_access)}"
    return remark_text(new_access, untrusted_names(item))


def _new_access(item: Item) -> Remark | None:
    """Return the remark of the check that compares access, which describes the change better than two lists."""
    return next((remark for remark in item.remarks if remark.check_id == NewAccess.id), None)


def overlaps(anchor: Anchor, location: Location) -> bool:
    """True if both have a line in common."""
    return anchor.file == location.file and anchor.line <= location.end_line and location.line <= anchor.end_line


def acceptance_text(item: Item, owners: Collection[str]) -> str:
    """Return who accepted an item and why, or else how one of the ``owners`` can; "" if there are none."""
    if item.accepted is not None:
        return f"**Accepted** by {code(item.accepted.by)}: {code(item.accepted.reason)}"
    if not (owners and item.short_key):
        return ""
    return f"To accept this, an owner comments {code(f'{ACCEPT} {item.short_key} REASON')}."


def fix_blocks(item: Item, links: Links) -> list[str]:
    """Return the fix as readable blocks; empty if the remarks contain it."""
    if item.replacement is not None:
        return join_blocks([instruction(item.replacement, links)], [change_block(item.replacement) or ""])
    advice, _, statement = _distinct_advice(item).partition("\n")
    sentence = [f"**Instead:** {prose(advice, untrusted_names(item))}"] if advice.strip() else []
    return join_blocks(sentence, [text_block(statement, item.at.file) or ""])


def _distinct_advice(item: Item) -> str:
    """Return the advice, unless it is that of a remark. A statement may follow its first line."""
    others = _other_remarks(item)
    if not item.advice and not others:
        return "".join(remark.remediation for remark in item.remarks)
    return "" if any(item.advice == remark.remediation for remark in others) else item.advice


def _other_remarks(item: Item) -> list[Remark]:
    return [remark for remark in item.remarks if remark != _new_access(item)]


def instruction(replacement: Replacement, links: Links) -> str:
    """Return the lines to replace, and the effect."""
    where = lines_link(replacement.file, replacement.line, replacement.end_line, links)
    effect = effect_of(replacement)
    if effect:
        return f"**Suggestion** for {where}: {effect}"
    return f"**Suggestion:** {'change' if replacement.text else 'remove'} {where}."


def effect_of(replacement: Replacement) -> str:
    """Return the effect of the replacement."""
    effect = replacement.says.strip()
    first = effect[:1] if effect[1:2].isupper() else effect[:1].lower()  # AWS, IAM
    return prose(first + effect[1:])
