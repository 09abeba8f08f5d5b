"""Access, locations and severities as Markdown, for the summary and line comments."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from passrole_checks.escaping.markup import code
from passrole_checks.findings import Confidence
from passrole_checks.git_versions.forge_links import Links
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.output.access_graph import ANY_ROLE, ANY_SERVICE
from passrole_checks.review.report import GrantedAccess, IncreasedAccess, Item, Location, ReducedAccess

MAX_NAMES = 3
UNKNOWN_SERVICE = "an unresolved service"

_MAX_PATH = 150  # characters

_ROLE = lazy_regex(r"arn:.+?:iam::.*?:role/(.+)", re.DOTALL)

Coder = Callable[[str], str]


def utf16_length(text: str) -> int:
    """Return the length of a text in UTF-16 units, which is at least that in code points; forges do not document which
    they count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def join_blocks(*blocks: Iterable[str]) -> list[str]:
    """Return the lines of the blocks that are not empty, separated by blank lines."""
    lines: list[str] = []
    for block in map(list, blocks):
        if any(block):
            lines += ["", *block] if lines else block
    return lines


def role_name(pattern: str) -> str:
    """Return the path and name of a role ARN pattern; else the pattern itself."""
    match = _ROLE.fullmatch(pattern)
    return match[1] if match is not None else pattern


def list_names(names: Sequence[str], coder: Coder = code, last: str = "and") -> str:
    """Join at most :data:`MAX_NAMES` names, and count the others."""
    unique = list(dict.fromkeys(names))
    shown = list(map(coder, unique[:MAX_NAMES]))
    if len(unique) > MAX_NAMES:
        return f"{', '.join(shown)} {last} {len(unique) - MAX_NAMES} more"
    return f" {last} ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))


def principals_text(access: GrantedAccess | None, resource: str, coder: Coder = code) -> str:
    """Return the principals of the access; if unknown, those that ``resource`` is attached to."""
    if access is not None and access.principals:
        return list_names(access.principals, coder)
    return f"any principal with {coder(resource)}"


def roles_text(access: GrantedAccess, coder: Coder = code) -> str:
    """Return the roles of the access."""
    names = [role_name(role) for role in access.roles]
    if access.complement:
        return f"any role except {list_names(names, coder)}"
    if access.scope == Scope.ANY_ROLE.value:
        return f"**{ANY_ROLE}**"
    if access.scope == Scope.NOT_A_ROLE.value:
        return f"no role ({list_names(names, coder)})" if names else "no role"
    if access.scope == Scope.UNRESOLVED.value:
        return f"{list_names(names, coder)} (unresolved)" if names else "unresolved roles"
    return list_names(names, coder) or "no role"


def services_text(access: GrantedAccess, coder: Coder = code) -> str:
    """Return the services that the roles can be passed to, according to the condition."""
    values, constraint = access.services, access.constraint
    if constraint == Constraint.ABSENT.value or (constraint == Constraint.INEFFECTIVE.value and not values):
        return f"**{ANY_SERVICE}**"
    if not values and constraint == Constraint.NEVER.value:
        return "no service"
    if not values:
        return UNKNOWN_SERVICE if constraint == Constraint.UNRESOLVED.value else "some services"
    names = list_names(values, coder, "or")
    if constraint == Constraint.EXACT.value:
        return names
    return f"{names} ({_CONSTRAINT_NOTES[constraint] if constraint in _CONSTRAINT_NOTES else coder(constraint)})"


_CONSTRAINT_NOTES = {
    Constraint.EXACT_IF_PRESENT.value: "or requests without the condition key",
    Constraint.PATTERN.value: "pattern",
    Constraint.INEFFECTIVE.value: "ineffective condition",
    Constraint.NEVER.value: "condition never matches",
    Constraint.UNRESOLVED.value: "unresolved",
}


def grants_nothing(access: GrantedAccess) -> bool:
    """True if the access is to no role or to no service."""
    no_role = access.scope == Scope.NOT_A_ROLE.value and not access.complement
    return no_role or access.constraint == Constraint.NEVER.value


def access_text(access: GrantedAccess) -> str:
    """Return the roles, services and conditions of the access, to follow "can pass"."""
    under = f", under a condition on {list_names(access.conditions)}" if access.conditions else ""
    when = f", when {code(access.when)}" if access.when else ""
    return f"{roles_text(access)} to {services_text(access)}{under}{when}"


def differing_first(now: GrantedAccess, other: GrantedAccess | None) -> GrantedAccess:
    """Return the access ``now`` with the names that ``other`` lacks first."""
    if other is None:
        return now

    def first(names: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(names, key=frozenset(others).__contains__))

    return replace(
        now,
        principals=first(now.principals, other.principals),
        roles=first(now.roles, other.roles),
        services=first(now.services, other.services),
        conditions=first(now.conditions, other.conditions),
    )


def change_sentence(item: Item | IncreasedAccess) -> str:
    """Return one sentence on what changes for which principals; "" if the statement grants nothing."""
    if isinstance(item, IncreasedAccess) and item.trusted:
        role, names = code(item.resource), list_names(item.trusted)
        return f"The role {role}, which can pass {access_text(item.access)}, can now also be assumed by {names}."
    now, before = item.access, item.before
    if now is not None and before is not None:
        now, before = differing_first(now, before), differing_first(before, now)
    if now is None:
        if before is None:
            return ""
        return f"Before this change {principals_text(before, item.resource)} could pass {access_text(before)}."
    subject = principals_text(now, item.resource)
    if item.change == "new" or (item.change and before is None):
        return f"With this change {subject} can pass {access_text(now)}."
    if not item.change and (grants_nothing(now) or (isinstance(item, Item) and item.group == "new" and before is None)):
        return "" if grants_nothing(now) else f"No new access: {subject} could already pass {access_text(now)}."
    if not item.change or before is None:
        return f"As before this change, {subject} can pass {access_text(now)}."
    subject_before = principals_text(before, item.resource)
    if access_text(before) == access_text(now) and before.roles != now.roles and now.scope == before.scope:
        # they differ in the account only
        return (
            f"Before, {subject_before} could pass {list_names(before.roles)}; with this change {subject} can pass"
            f" {list_names(now.roles)}."
        )
    if access_text(before) != access_text(now):
        earlier = f"Before, {subject_before} could pass {access_text(before)}"
        if subject_before == subject:
            return f"{earlier}; with this change, {access_text(now)}."
        return f"{earlier}; with this change {subject} can pass {access_text(now)}."
    if subject_before != subject:
        return f"Before, {subject_before} could pass {access_text(now)}; with this change {subject} can."
    return f"With this change more of this statement takes effect: {subject} can pass {access_text(now)}."


def location_link(
    at: Location, links: Links, coder: Coder = code, *, in_base: bool = False, short: bool = False
) -> str:
    """Return ``file:line``, with a link if possible. ``short``: without the folders if there is a link."""
    address = links.blob(at.file, at.line, at.end_line, in_base=in_base)
    file = at.file.rpartition("/")[2] if short and address is not None else at.file
    text = coder(f"{_shorten_path(file)}:{at.line}" if at.line else _shorten_path(file))
    return f"[{text}]({address})" if address is not None else text


def lines_link(file: str, line: int, end_line: int, links: Links) -> str:
    """Return ``file:line-line``, with a link if possible."""
    text = code(f"{_shorten_path(file)}:{line}-{end_line}" if end_line > line else f"{_shorten_path(file)}:{line}")
    address = links.blob(file, line, end_line)
    return f"[{text}]({address})" if address is not None else text


def _shorten_path(file: str) -> str:
    """Return the end of a very long path, which is more specific than its start."""
    return file if len(file) <= _MAX_PATH else "…" + file[1 - _MAX_PATH :]


def cause_link(
    item: Item | IncreasedAccess | ReducedAccess, links: Links, coder: Coder = code, *, short: bool = False
) -> str:
    """Return the location of the cause of a change; "" if that is the statement itself."""
    if item.cause is None:
        return ""
    is_removed = not isinstance(item, ReducedAccess) and item.cause_removed
    removed = " (removed)" if is_removed else ""
    return location_link(item.cause, links, coder, in_base=is_removed, short=short) + removed


def confidence_text(confidence: Confidence) -> str:
    """Return "" for high confidence."""
    return "" if confidence is Confidence.HIGH else f"{confidence.value} confidence"
