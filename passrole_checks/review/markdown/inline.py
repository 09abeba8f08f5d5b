"""Comments at lines of a pull request: which items make one, where it stands, and what it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passrole_checks.escaping.markup import code, prose
from passrole_checks.review.markdown.item import (
    instruction,
    names_of,
    said,
    touch,
    what_changes,
    what_is_wrong,
    what_to_write,
)
from passrole_checks.review.markdown.links import Links
from passrole_checks.review.markdown.markers import MOST_KEYS
from passrole_checks.review.markdown.suggestion import can_be_applied, is_at, suggestion_block
from passrole_checks.review.markdown.words import apart, place, units
from passrole_checks.review.report import Anchor, Item, ReviewReport

_BUDGET = 45_000  # UTF-16 units of a comment, beside its marker

Group = tuple[Anchor, tuple[Item, ...]]


def grouped(items: Sequence[Item], max_inline: int = 10) -> list[Group]:
    """Which comments to write: for each the lines that it is on, and the items that it is about, worst first; at most
    ``max_inline``, the worst.

    An item with a replacement that can be applied is on the lines of that, which are within one hunk as its anchor is;
    else on its anchor; one that has neither is in none. Items on the same lines are one comment, and so are those that
    say the same (of the same checks) and have nothing to apply.
    """
    by_lines: dict[Anchor, list[Item]] = {}
    for item in sorted(items, key=lambda one: -one.severity.rank):
        where = place_of(item)
        if where is not None:
            by_lines.setdefault(where, []).append(item)
    groups: list[tuple[Anchor, list[Item]]] = []
    alike: dict[frozenset[str], list[Item]] = {}
    for where, those in by_lines.items():
        rules = frozenset(remark.check_id for item in those for remark in item.remarks)
        applied = any(is_at(item.replacement, where) for item in those)
        earlier = None if applied else alike.get(rules)
        if earlier is not None and len(earlier) + len(those) <= MOST_KEYS:
            earlier += those
            continue
        if not applied:
            alike[rules] = those
        groups.append((where, those))
    return [(where, tuple(those[:MOST_KEYS])) for where, those in groups[: max(max_inline, 0)]]


def place_of(item: Item) -> Anchor | None:
    """Where the comment about one item stands."""
    replacement = item.replacement
    if replacement is not None and can_be_applied(replacement):
        return Anchor(replacement.file, replacement.line, replacement.end_line)
    return item.anchor


def comment(
    items: Sequence[Item], report: ReviewReport, links: Links, anchor: Anchor, *, gitlab_line: int | None = None
) -> str:
    """The text of the comment about ``items`` on the lines of ``anchor``, both as :func:`grouped` has them, without
    a marker; it has room for one within 65,536 characters. ``gitlab_line``: where it is for GitLab, the line of HEAD
    that its position names."""
    first = items[0]
    lines = _of_first(first, links, anchor, gitlab_line)
    left = _BUDGET - sum(map(units, lines)) - len(lines)
    others = list(_of_others(first, items[1:], links, anchor))
    for number, line in enumerate(others):
        left -= units(line) + 1
        if left < 0:
            lines.append(f"- and {len(others) - number} more, which the summary names")
            break
        lines.append(line)
    return "\n".join(lines)


def _of_first(item: Item, links: Links, anchor: Anchor, gitlab_line: int | None) -> list[str]:
    about = f"**{item.severity.value.capitalize()} severity.** "
    if not touch(anchor, item.at):
        start = "This decides" if item.cause is not None and touch(anchor, item.cause) else "This is about"
        about += f"{start} what {code(item.resource)} in {place(item.at, links)} grants. "
    return apart(
        [f"{about}{what_changes(item, links, anchor=anchor)}".strip()],
        what_is_wrong(item),
        _suggestion(item, anchor, gitlab_line) or what_to_write(item, links),
    )


def _suggestion(item: Item, anchor: Anchor, gitlab_line: int | None) -> list[str]:
    """The replacement to be applied, where the comment is on its lines."""
    replacement = item.replacement
    if replacement is None or not is_at(replacement, anchor):
        return []
    block = suggestion_block(replacement, gitlab_line=gitlab_line)
    if block is None:
        return []
    words = said(replacement)
    return apart([f"**Suggestion:** {words}"] if words else [], [block])


def _of_others(first: Item, others: Sequence[Item], links: Links, anchor: Anchor) -> Iterator[str]:
    """The other items, a line each. What has been said of the first is not said again."""
    if not others:
        return
    yield from ("", "The same is so here:" if _all_alike(first, others) else "Also here:", "")
    told = {remark.message for remark in first.remarks}
    for item in others:
        line = f"- {place(item.at, links)} {code(item.resource)}"
        new = [remark for remark in item.remarks if remark.message not in told]
        line += ": " + " ".join(prose(remark.message, names_of(item)) for remark in new[:3]) if new else ""
        if item.replacement is not None and item.replacement != first.replacement:
            line += f" {instruction(item.replacement, links)}"
        yield line


def _all_alike(first: Item, others: Sequence[Item]) -> bool:
    rules = {remark.check_id for remark in first.remarks}
    return all({remark.check_id for remark in item.remarks} == rules for item in others)


def fixed_reply(report: ReviewReport) -> str | None:
    """The answer to a comment whose items are all gone; None where nobody can tell that they are."""
    if report.unknown:
        return None
    return f"Fixed: as of {code(report.head[:12])} this is not found any more."
