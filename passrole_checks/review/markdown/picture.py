"""The picture of what changes: who, which role, to which service; only what is new, and what is gone.

Source: https://mermaid.js.org/syntax/flowchart.html (``==>`` a thick arrow, ``-.->`` a dotted one).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from passrole_checks.escaping.markup import label
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.output.access_graph import ANY_ROLE, ANY_SERVICE, UNKNOWN_SERVICE, Column
from passrole_checks.review.markdown.words import role_name
from passrole_checks.review.report import GrantedAccess, ReviewReport

MOST_EDGES = 24  # more than these nobody follows with the eye
_MOST_WAYS = 20_000
_BOXES = {Column.PRINCIPAL: ('(["', '"])'), Column.ROLE: ('["', '"]'), Column.SERVICE: ('{{"', '"}}')}

_NEW, _GONE, _KEPT = "==>", "-.->", "-->"

Node = tuple[Column, str]
Path = tuple[Node, Node, Node]


def picture(report: ReviewReport, *, most: int = MOST_EDGES) -> str:
    """A flowchart of Mermaid, in its fence: thick arrows for what is new, dotted ones for what is gone, thin ones for
    what such ways have in common with the others. "" where nothing of that kind changes. Of more than ``most`` arrows
    the first, of the worst items, and how many are left out.
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
    thick = ",".join(str(place) for place, (_, _, arrow) in enumerate(drawn) if arrow == _NEW)
    if thick:
        yield f"  linkStyle {thick} stroke:#bb1f33"
    yield "```"
    kinds = {arrow for _, _, arrow in drawn}
    words = "".join(f"; {words}" for arrow, words in ((_NEW, "thick: new"), (_GONE, "dotted: gone")) if arrow in kinds)
    more = f" {number - len(drawn)} more arrows are not drawn." if number > len(drawn) else ""
    yield from ("", f"Who can pass which role to which service{words}.{more}")


def _arrows(report: ReviewReport) -> list[tuple[Node, Node, str]]:
    """The arrows of the ways from somebody over a role to a service that are new, those of the worst items first, then
    of those that are gone. A way that one statement has lost and another has gained is neither, which is why all of
    them are looked at; where they are too many, none is drawn."""
    every = [access for item in report.items if item.change for access in (item.before, item.access)]
    every += [access for less in report.less for access in (less.before, less.after)]
    if sum(map(_ways, every)) > _MOST_WAYS:
        return []
    had: dict[Path, None] = {}
    have: dict[Path, None] = {}
    for item in sorted(report.items, key=lambda one: -one.severity.rank):
        if item.change:
            had.update(dict.fromkeys(_paths(item.before, item.resource)))
            have.update(dict.fromkeys(_paths(item.access, item.resource)))
    for less in report.less:
        had.update(dict.fromkeys(_paths(less.before, less.resource)))
        have.update(dict.fromkeys(_paths(less.after, less.resource)))
    before = {arrow for path in had for arrow in pairwise(path)}
    now = {arrow for path in have for arrow in pairwise(path)}
    changed = [path for path in have if path not in had] + [path for path in had if path not in have]
    arrows = dict.fromkeys(arrow for path in changed for arrow in pairwise(path))
    return [(*arrow, _GONE if arrow not in now else _NEW if arrow not in before else _KEPT) for arrow in arrows]


def _ways(access: GrantedAccess | None) -> int:
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
        return [f"{ANY_ROLE} but {', '.join(names)}"]
    return [ANY_ROLE] if access.scope == Scope.ANY_ROLE.value else names


def _services(access: GrantedAccess) -> list[str]:
    if access.constraint in (Constraint.ABSENT.value, Constraint.INEFFECTIVE.value):
        return [ANY_SERVICE] if not access.services else [f"{', '.join(access.services)} (does not work)"]
    return list(access.services) or [UNKNOWN_SERVICE]
