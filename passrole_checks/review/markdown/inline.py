"""Line comments on a pull request: their items, positions and texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from passrole_checks.escaping.markup import code, prose
from passrole_checks.git_versions.forge_links import Links
from passrole_checks.review.markdown.item import (
    access_change,
    effect_of,
    fix_blocks,
    instruction,
    overlaps,
    remark_lines,
    untrusted_names,
)
from passrole_checks.review.markdown.markers import MAX_KEYS
from passrole_checks.review.markdown.suggestion import is_applicable, replaces_lines_of, suggestion_block
from passrole_checks.review.markdown.words import join_blocks, location_link, utf16_length
from passrole_checks.review.report import ACCEPT, Anchor, Item, ReviewReport

_BUDGET = 45_000  # UTF-16 units of a comment, without its marker

CommentGroup = tuple[Anchor, tuple[Item, ...]]


def group_items(items: Sequence[Item], max_inline: int = 10) -> list[CommentGroup]:
    """Return the comments to write, worst first and at most ``max_inline``: for each its lines and its items.

    An item with an applicable replacement is on the lines of that, which are within one hunk; else on its anchor; an
    item with neither has no comment. Items on the same lines share a comment. If there are more lines than comments,
    the least severe repeats of the same checks share the comment of an earlier one.
    """
    by_lines: dict[Anchor, list[Item]] = {}
    for item in sorted(items, key=lambda item: -item.severity.rank):
        anchor = comment_anchor(item)
        if anchor is not None:
            by_lines.setdefault(anchor, []).append(item)
    groups = [(anchor, group[:MAX_KEYS]) for anchor, group in by_lines.items()]
    limit = max(max_inline, 0)
    _merge_repeats(groups, limit)
    return [(anchor, tuple(group)) for anchor, group in groups[:limit]]


def _merge_repeats(groups: list[tuple[Anchor, list[Item]]], limit: int) -> None:
    """Merge groups of the same checks, the last ones first, until there are at most ``limit`` groups or no repeats."""
    check_ids = [frozenset(remark.check_id for item in group for remark in item.remarks) for _, group in groups]
    for last in range(len(groups) - 1, 0, -1):
        if len(groups) <= limit:
            return
        group = groups[last][1]
        for earlier in range(last - 1, -1, -1):
            if check_ids[earlier] == check_ids[last] and len(groups[earlier][1]) + len(group) <= MAX_KEYS:
                groups[earlier][1].extend(group)
                del groups[last]
                break


def comment_anchor(item: Item) -> Anchor | None:
    """Return the lines of the comment about an item."""
    replacement = item.replacement
    if replacement is not None and is_applicable(replacement):
        return Anchor(replacement.file, replacement.line, replacement.end_line)
    return item.anchor


def comment_text(
    items: Sequence[Item],
    report: ReviewReport,
    links: Links,
    anchor: Anchor,
    *,
    gitlab_line: int | None = None,
    has_suggestions: bool = True,
) -> tuple[str, Sequence[Item]]:
    """Return the text of a comment about ``items`` on the lines of ``anchor``, both from :func:`group_items`, without a
    marker, and the first items, which it shows: the others it only counts. With a marker it is within 65,536
    characters. ``gitlab_line``: for GitLab, the line of HEAD that its position names. ``has_suggestions``: the forge
    can apply a suggestion."""
    suggestion = _suggestion(items[0], anchor, gitlab_line) if has_suggestions else []
    lines, shown = _comment_lines(items, links, anchor, suggestion)
    if len(shown) < len(items):
        lines.append(f"- and {len(items) - len(shown)} more, listed in the summary")
    if report.owners:
        these = "this" if len(items) == 1 else "the findings listed here"
        lines += ["", f"To accept {these}, an owner replies {code(f'{ACCEPT} REASON')}."]
    return "\n".join(lines), shown


def _comment_lines(
    items: Sequence[Item], links: Links, anchor: Anchor, suggestion: Sequence[str]
) -> tuple[list[str], Sequence[Item]]:
    """Return the lines of a comment within its budget, and the items that they show."""
    lines = _of_first(items[0], links, anchor, suggestion)
    remaining = _BUDGET - sum(map(utf16_length, lines)) - len(lines)
    for number, more in enumerate(_of_others(items[0], items[1:], links), start=1):
        remaining -= sum(utf16_length(line) + 1 for line in more)
        if remaining < 0:
            return lines, items[:number]
        lines += more
    return lines, items


def _of_first(item: Item, links: Links, anchor: Anchor, suggestion: Sequence[str]) -> list[str]:
    about = f"**{item.severity.value.capitalize()} severity.** "
    if not overlaps(anchor, item.at):
        start = "This determines" if item.cause is not None and overlaps(anchor, item.cause) else "This is about"
        about += f"{start} what {code(item.resource)} in {location_link(item.at, links)} grants. "
    return join_blocks(
        [f"{about}{access_change(item, links, anchor=anchor)}".strip()],
        remark_lines(item),
        suggestion or fix_blocks(item, links),
    )


def _suggestion(item: Item, anchor: Anchor, gitlab_line: int | None) -> list[str]:
    """Return the applicable replacement, if the comment is on its lines."""
    replacement = item.replacement
    if replacement is None or not replaces_lines_of(replacement, anchor):
        return []
    block = suggestion_block(replacement, gitlab_line=gitlab_line)
    if block is None:
        return []
    effect = effect_of(replacement)
    return join_blocks([f"**Suggestion:** {effect}"] if effect else [], [block])


def _of_others(first: Item, others: Sequence[Item], links: Links) -> Iterator[list[str]]:
    """Yield the lines of each other item, without what the first item says already."""
    heading = ["", "Same problem:" if _have_same_checks(first, others) else "Also:", ""]
    known = {remark.message for remark in first.remarks}
    for item in others:
        line = f"- {location_link(item.at, links)} {code(item.resource)}"
        new = [remark for remark in item.remarks if remark.message not in known]
        line += ": " + " ".join(prose(remark.message, untrusted_names(item)) for remark in new[:3]) if new else ""
        if item.replacement is not None and item.replacement != first.replacement:
            line += f" {instruction(item.replacement, links)}"
        yield [*heading, line]
        heading = []


def _have_same_checks(first: Item, others: Sequence[Item]) -> bool:
    check_ids = {remark.check_id for remark in first.remarks}
    return all({remark.check_id for remark in item.remarks} == check_ids for item in others)


def fixed_reply(report: ReviewReport) -> str | None:
    """Return the reply to a comment whose items are all gone; None if that is uncertain."""
    if report.unknown:
        return None
    return f"Fixed in {code(report.head[:12])}: no longer found."
