"""Access, places and severities in words, as Markdown: what the summary and the comments at lines have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from passrole_checks.escaping.markup import code
from passrole_checks.findings import Confidence
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.output.access_graph import ANY_ROLE, ANY_SERVICE
from passrole_checks.review.markdown.links import Links
from passrole_checks.review.report import GrantedAccess, Item, Location, More

MOST_NAMES = 3
UNKNOWN_SERVICE = "a service that cannot be told"

_PATH = 150  # characters of a path

_ROLE = re.compile(r"arn:.+?:iam::.*?:role/(.+)", re.DOTALL)

Coder = Callable[[str], str]


def units(text: str) -> int:
    """The length of a text in UTF-16 units, of which it has at least as many as code points: nobody says which of the
    two forges count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def apart(*blocks: Iterable[str]) -> list[str]:
    """The lines of blocks with a blank line between any two; what is empty is left out."""
    lines: list[str] = []
    for block in map(list, blocks):
        if any(block):
            lines += ["", *block] if lines else block
    return lines


def role_name(pattern: str) -> str:
    """A role without what all roles of the account have in common; else the pattern itself."""
    found = _ROLE.fullmatch(pattern)
    return found[1] if found is not None else pattern


def listed(names: Sequence[str], coder: Coder = code, last: str = "and") -> str:
    """At most :data:`MOST_NAMES` names, and how many more there are."""
    unique = list(dict.fromkeys(names))
    shown = list(map(coder, unique[:MOST_NAMES]))
    if len(unique) > MOST_NAMES:
        return f"{', '.join(shown)} {last} {len(unique) - MOST_NAMES} more"
    return f" {last} ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def who(access: GrantedAccess | None, resource: str, coder: Coder = code) -> str:
    """Who holds the access: the principals, or whoever ``resource`` is attached to."""
    if access is not None and access.principals:
        return listed(access.principals, coder)
    return f"whoever holds {coder(resource)}"


def roles(access: GrantedAccess, coder: Coder = code) -> str:
    """The roles of the access."""
    names = [role_name(role) for role in access.roles]
    if access.complement:
        return f"any role but {listed(names, coder)}"
    if access.scope == Scope.ANY_ROLE.value:
        return f"**{ANY_ROLE}**"
    if access.scope == Scope.NOT_A_ROLE.value:
        return f"no role ({listed(names, coder)})" if names else "no role"
    if access.scope == Scope.UNRESOLVED.value:
        return f"{listed(names, coder)} (cannot be told)" if names else "roles that cannot be told"
    return listed(names, coder) or "no role"


def services(access: GrantedAccess, coder: Coder = code) -> str:
    """The services that the roles can be passed to, as far as the condition on them tells."""
    values, constraint = access.services, access.constraint
    if constraint == Constraint.ABSENT.value or (constraint == Constraint.INEFFECTIVE.value and not values):
        return f"**{ANY_SERVICE}**"
    if not values:
        return UNKNOWN_SERVICE if constraint == Constraint.UNRESOLVED.value else "some services"
    names = listed(values, coder, "or")
    if constraint == Constraint.EXACT.value:
        return names
    return f"{names} ({_HOW[constraint] if constraint in _HOW else coder(constraint)})"


_HOW = {
    Constraint.EXACT_IF_PRESENT.value: "or a request that names no service",
    Constraint.PATTERN.value: "as a pattern",
    Constraint.INEFFECTIVE.value: "in a condition that does not work",
    Constraint.UNRESOLVED.value: "cannot be told",
}


def can_pass(access: GrantedAccess) -> str:
    """What the access is, after the word "pass"."""
    under = f", under a condition on {listed(access.conditions)}" if access.conditions else ""
    return f"{roles(access)} to {services(access)}{under}"


def told_apart(now: GrantedAccess, other: GrantedAccess | None) -> GrantedAccess:
    """The same access, with the names that ``other`` has not before those that both have."""
    if other is None:
        return now

    def first(names: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
        known = frozenset(others)
        return tuple(sorted(names, key=known.__contains__))

    return replace(
        now,
        principals=first(now.principals, other.principals),
        roles=first(now.roles, other.roles),
        services=first(now.services, other.services),
        conditions=first(now.conditions, other.conditions),
    )


def sentence(item: Item | More) -> str:
    """What changes for whom, in one sentence; "" where the statement grants nothing."""
    now, before = item.access, item.before
    if now is not None and before is not None:
        now, before = told_apart(now, before), told_apart(before, now)
    if now is None:
        if before is None:
            return ""
        return f"Before this change {who(before, item.resource)} could pass {can_pass(before)}."
    subject = who(now, item.resource)
    if item.change == "new" or (item.change and before is None):
        return f"With this change {subject} can pass {can_pass(now)}."
    if not item.change or before is None:
        return f"Here {subject} can pass {can_pass(now)}: as before this change."
    if can_pass(before) != can_pass(now):
        if who(before, item.resource) == subject:
            return f"Before, {subject} could pass {can_pass(before)}; with this change, {can_pass(now)}."
        earlier = f"{who(before, item.resource)} could pass {can_pass(before)}"
        return f"Before, {earlier}; with this change {subject} can pass {can_pass(now)}."
    if who(before, item.resource) != subject:
        return f"Before, {who(before, item.resource)} could pass {can_pass(now)}; with this change {subject} can."
    return f"With this change more comes through of what the statement says: {subject} can pass {can_pass(now)}."


def place(at: Location, links: Links, coder: Coder = code, *, in_base: bool = False, short: bool = False) -> str:
    """``file:line``, linked where a link can be made. ``short``: without the folders, where the link knows them."""
    address = links.blob(at.file, at.line, at.end_line, in_base=in_base)
    file = at.file.rpartition("/")[2] if short and address is not None else at.file
    words = coder(f"{_end_of(file)}:{at.line}" if at.line else _end_of(file))
    return f"[{words}]({address})" if address is not None else words


def lines(file: str, line: int, end_line: int, links: Links) -> str:
    """``file:line-line``, linked as :func:`place`."""
    words = code(f"{_end_of(file)}:{line}-{end_line}" if end_line > line else f"{_end_of(file)}:{line}")
    address = links.blob(file, line, end_line)
    return f"[{words}]({address})" if address is not None else words


def _end_of(file: str) -> str:
    """The end of a very long path, which tells more than its beginning."""
    return file if len(file) <= _PATH else "…" + file[1 - _PATH :]


def cause(item: Item, links: Links, coder: Coder = code, *, short: bool = False) -> str:
    """Where the change is that makes the difference; "" where that is the statement itself."""
    if item.cause is None:
        return ""
    removed = " (removed)" if item.cause_removed else ""
    return place(item.cause, links, coder, in_base=item.cause_removed, short=short) + removed


def how_sure(confidence: Confidence) -> str:
    """ "" where it is sure."""
    return "" if confidence is Confidence.HIGH else f"{confidence.value} confidence"


def in_table(text: str) -> str:
    """A code span within a table."""
    return code(text, in_table=True)
