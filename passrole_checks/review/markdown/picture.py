"""A diagram of the change: which principal can pass which role to which service; only new and removed access.

Source: https://mermaid.js.org/syntax/flowchart.html (``==>`` a thick arrow, ``-.->`` a dotted one).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from passrole_checks.escaping.markup import label
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.output.access_graph import ANY_ROLE, ANY_SERVICE, NO_SERVICE, UNKNOWN_SERVICE, Column
from passrole_checks.review.markdown.words import role_name
from passrole_checks.review.report import GrantedAccess, Item, ReducedAccess, ReviewReport

MAX_EDGES = 24  # more are hard to follow
_MAX_PATHS = 20_000
_BOXES = {Column.PRINCIPAL: ('(["', '"])'), Column.ROLE: ('["', '"]'), Column.SERVICE: ('{{"', '"}}')}

_NEW, _GONE, _UNCHANGED = "==>", "-.->", "-->"

Node = tuple[Column, str]
Path = tuple[Node, Node, Node]


def access_diagram(report: ReviewReport, *, most: int = MAX_EDGES) -> str:
    """Return a Mermaid flowchart in a fence: thick arrows for new access, dotted ones for removed access, thin ones for
    the unchanged parts of such paths. "" if nothing changes. Of more than ``most`` arrows, only the first, of the worst
    items, are drawn, and the others counted.
    """
    arrows = _arrows(report)
    return "\n".join(_lines(arrows[:most], len(arrows))) if arrows and most > 0 else ""


def _lines(drawn: list[tuple[Node, Node, str]], number: int) -> Iterator[str]:
    yield from ("```mermaid", "flowchart LR")
    nodes: dict[Node, int] = {}
    for source, target, _ in drawn:
        nodes.setdefault(source, len(nodes))
        nodes.setdefault(target, len(nodes))
    for (column, name), node_number in nodes.items():
        before, after = _BOXES[column]
        yield f"  n{node_number}{before}{label(name)}{after}"
    for source, target, arrow in drawn:
        yield f"  n{nodes[source]} {arrow} n{nodes[target]}"
    thick = ",".join(str(index) for index, (_, _, arrow) in enumerate(drawn) if arrow == _NEW)
    if thick:
        yield f"  linkStyle {thick} stroke:#bb1f33"
    yield "```"
    kinds = {arrow for _, _, arrow in drawn}
    legend = "".join(f"; {text}" for arrow, text in ((_NEW, "thick: new"), (_GONE, "dotted: gone")) if arrow in kinds)
    more = f" {number - len(drawn)} more arrows are not drawn." if number > len(drawn) else ""
    yield from ("", f"Who can pass which role to which service{legend}.{more}")


def _arrows(report: ReviewReport) -> list[tuple[Node, Node, str]]:
    """Return the arrows of the new paths from a principal through a role to a service, those of the worst items first,
    then of the removed paths. A path that one statement lost and another gained is neither, so all paths are compared;
    none if there are too many. What a statement that only grows granted before is not gone, and what is left of one
    that only shrinks is not new."""
    accesses = [access for item in report.items if item.change for access in (item.before, item.access)]
    accesses += [access for reduced in report.less for access in (reduced.before, reduced.after)]
    if sum(map(_path_count, accesses)) > _MAX_PATHS:
        return []
    grown = {_place(item) for item in report.items if item.change}
    shrunk = {_place(reduced) for reduced in report.less}
    old_paths: dict[Path, None] = {}
    new_paths: dict[Path, None] = {}
    for item in sorted(report.items, key=lambda item: -item.severity.rank):
        if item.change:
            before = dict.fromkeys(_paths(item.before, item.resource))
            old_paths.update(before)
            new_paths.update(dict.fromkeys(_paths(item.access, item.resource)))
            new_paths.update(before if _place(item) not in shrunk else {})
    left: dict[Path, None] = {}
    for reduced in report.less:
        after = dict.fromkeys(_paths(reduced.after, reduced.resource))
        old_paths.update(dict.fromkeys(_paths(reduced.before, reduced.resource)))
        new_paths.update(after)
        left.update(after if _place(reduced) not in grown else {})
    old_paths.update(left)
    then = {arrow for path in old_paths for arrow in pairwise(path)}
    now = {arrow for path in new_paths for arrow in pairwise(path)}
    changed = [path for path in new_paths if path not in old_paths]
    gone = [path for path in old_paths if path not in new_paths]
    changed += [*gone, *(left if gone else ())]
    arrows = dict.fromkeys(arrow for path in changed for arrow in pairwise(path))
    return [(*arrow, _GONE if arrow not in now else _NEW if arrow not in then else _UNCHANGED) for arrow in arrows]


def _place(change: Item | ReducedAccess) -> tuple[str, int, str]:
    return change.at.file, change.at.line, change.resource


def _path_count(access: GrantedAccess | None) -> int:
    if access is None:
        return 0
    return max(len(access.principals), 1) * max(len(access.roles), 1) * max(len(access.services), 1)


def _paths(access: GrantedAccess | None, resource: str) -> Iterator[Path]:
    if access is None:
        return
    for name in access.principals or (resource,):
        for role in _roles(access):
            for service in _services(access):
                yield (Column.PRINCIPAL, name), (Column.ROLE, role), (Column.SERVICE, service)


def _roles(access: GrantedAccess) -> list[str]:
    names = [role_name(role) for role in access.roles]
    if access.complement:
        return [f"{ANY_ROLE} except {', '.join(names)}"]
    return [ANY_ROLE] if access.scope == Scope.ANY_ROLE.value else names


def _services(access: GrantedAccess) -> list[str]:
    if access.constraint in (Constraint.ABSENT.value, Constraint.INEFFECTIVE.value):
        return [ANY_SERVICE] if not access.services else [f"{', '.join(access.services)} (ineffective)"]
    if access.constraint == Constraint.NEVER.value:
        return [NO_SERVICE]
    return list(access.services) or [UNKNOWN_SERVICE]
