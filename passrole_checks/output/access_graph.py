"""The access graph behind the HTML page, the tree and the Mermaid diagram: who may pass which roles to which services.

It has four columns: principals, roles (patterns as written), services, and what principals can do then. A statement
links each of its principals to each of its roles, and each of its roles to each of its services.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from enum import Enum
from functools import cached_property
from itertools import chain, product
from typing import NamedTuple

from passrole_checks.escaping.terminal import common_folder, display_path, path_in, sanitize
from passrole_checks.findings import Escalation, Finding, Severity
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.grant import PassRoleGrant, RoleScope
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.values.nodes import StringNode, UnresolvedKind
from passrole_checks.iam.values.path_conditions import PathCondition, any_compatible
from passrole_checks.output.outcomes import (
    RatedEscalation,
    becomes_administrator,
    outcome_label,
    outcome_note,
    strongest,
)
from passrole_checks.output.principal_names import MODULE, split_address
from passrole_checks.scan.scanner import LocatedGrant, ScanResult
from passrole_checks.sources.model.configuration import Framework, HandedTo

MOST_GROUPS = 40  # per column of principals
ANY_ROLE, ANY_SERVICE = "any role", "any service"
NO_SERVICE, UNKNOWN_SERVICE = "no service", "unknown"

_EVERYWHERE = frozenset(
    {UnresolvedKind.ACCOUNT_ID, UnresolvedKind.PARTITION, UnresolvedKind.REGION, UnresolvedKind.POLICY_VARIABLE}
)
_ROLE = lazy_regex(r"arn:(?P<partition>.+?):iam::(?P<account>.*?):role/(?P<name>.+)", re.DOTALL)


class Column(Enum):
    """The columns, from left to right."""

    PRINCIPAL = 0
    ROLE = 1
    SERVICE = 2
    OUTCOME = 3


@dataclass(frozen=True, slots=True)
class Node:
    """A box of the graph.

    Attributes:
        label: the name.
        note: a short description.
        full: the whole text as written.
        group: the folder, file or module that the box is merged into if its column has too many; "" to never merge it.
        open: True for any role or any service.
        place: the account, file or folder that distinguishes it from others of its name.
    """

    column: Column
    label: str
    note: str = ""
    full: str = ""
    group: str = ""
    open: bool = False
    place: str = ""

    @property
    def description(self) -> str:
        """Return the note and the place."""
        return ", ".join(filter(None, (self.note, self.place)))


class Use(NamedTuple):
    """A pass between two nodes, through a statement. ``passed``: index of the CloudTrail edge; ``surely``: False if
    ambiguous."""

    source: int
    target: int
    passed: int
    surely: bool


@dataclass(frozen=True, slots=True)
class GraphStatement:
    """A statement with its findings, and the indices of its nodes in each column.

    ``outcomes``: pairs of a principal and what it can do then. ``escalations``: the worst one of each principal.
    ``uses``: None if use is not known.
    """

    located: LocatedGrant
    findings: tuple[Finding, ...]
    principals: tuple[int, ...]
    roles: tuple[int, ...]
    services: tuple[int, ...]
    outcomes: tuple[tuple[int, int], ...] = ()
    escalations: Mapping[int, RatedEscalation] = field(default_factory=dict)
    uses: tuple[Use, ...] | None = None

    @property
    def effect(self) -> str:
        """``allow``, ``deny``, or ``none`` if the statement does not affect PassRole or is denied by another one."""
        return "none" if self.located.grant.denied else self.located.effect_on_passrole

    @property
    def severity(self) -> Severity | None:
        """The highest severity of its unsuppressed findings; None if there are none."""
        return worst(finding.severity for finding in self.findings if not finding.suppressed)


@dataclass(frozen=True, slots=True)
class Link:
    """Two linked nodes, with the indices of the statements that link them.

    ``uses``: maps the index of each CloudTrail edge between the nodes to True if it is unambiguous.
    """

    source: int
    target: int
    entries: tuple[int, ...]
    severity: Severity | None
    uses: Mapping[int, bool] = field(default_factory=dict)


class WorstPrincipal(NamedTuple):
    """A principal with its worst escalation, and the index of the statement that has it."""

    principal: int
    rated: RatedEscalation
    statement: int


@dataclass(frozen=True)
class AccessGraph:
    """Nodes and statements refer to each other by index. ``others``: findings that belong to no statement. ``folder``:
    what all files have in common, with a slash at its end; places are below it."""

    nodes: tuple[Node, ...]
    entries: tuple[GraphStatement, ...]
    others: tuple[Finding, ...] = ()
    folder: str = ""

    @cached_property
    def worst_principals(self) -> tuple[WorstPrincipal, ...]:
        """The principals that can change permissions in the end, worst first, each with its worst statement."""
        found: dict[int, WorstPrincipal] = {}
        for number, entry in enumerate(self.entries):
            for principal, rated in entry.escalations.items() if entry.effect == "allow" else ():
                known = found.get(principal)
                if becomes_administrator(rated.escalation) and (known is None or known.rated.rank < rated.rank):
                    found[principal] = WorstPrincipal(principal, rated, number)
        return tuple(sorted(found.values(), key=lambda worst: (*(-part for part in worst.rated.rank), worst.statement)))

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The links of all statements that allow something; most severe first, then by number of statements."""
        pairs = grouped(
            (pair, number)
            for number, entry in enumerate(self.entries)
            if entry.effect == "allow"
            for pair in chain(product(entry.principals, entry.roles), product(entry.roles, entry.services))
        )
        uses: dict[tuple[int, int], dict[int, bool]] = {pair: {} for pair in pairs}
        for entry in self.entries if pairs else ():
            for use in entry.uses or () if entry.effect == "allow" else ():
                passes = uses[use.source, use.target]
                passes[use.passed] = passes.get(use.passed, False) or use.surely
        links = [
            Link(*pair, tuple(numbers), worst(self.entries[number].severity for number in numbers), uses[pair])
            for pair, numbers in pairs.items()
        ]
        return tuple(sorted(links, key=lambda link: (-rank(link.severity), -len(link.entries), link.source)))

    def grouped(self) -> AccessGraph:
        """Return the graph with nodes merged by group; a group of one node stays that node."""
        members = Counter((node.column, node.group) for node in self.nodes if node.group)
        merged: dict[Node, int] = {}
        number_of: list[int] = []
        for node in self.nodes:
            count = members[node.column, node.group]
            if count > 1:
                kind = "principals" if node.column is Column.PRINCIPAL else "roles"
                node = Node(node.column, node.group, f"{count} {kind}", node.group, node.group)
            number_of.append(merged.setdefault(node, len(merged)))

        def moved(numbers: Iterable[int]) -> tuple[int, ...]:
            return tuple(dict.fromkeys(number_of[number] for number in numbers))

        entries = tuple(
            replace(
                entry,
                principals=moved(entry.principals),
                roles=moved(entry.roles),
                services=moved(entry.services),
                outcomes=(),
                escalations={},
                uses=entry.uses
                and tuple(
                    use._replace(source=number_of[use.source], target=number_of[use.target]) for use in entry.uses
                ),
            )
            for entry in self.entries
        )
        return replace(self, nodes=tuple(merged), entries=entries)


def rank(severity: Severity | None) -> int:
    """Return the rank of a severity; -1 for None."""
    return -1 if severity is None else severity.rank


def worst(severities: Iterable[Severity | None]) -> Severity | None:
    """Return the highest of the severities; None if there is none."""
    return max(severities, key=rank, default=None)


def build_graph(result: ScanResult, grants: Sequence[LocatedGrant]) -> AccessGraph:
    """Return the graph of ``grants`` with the findings of ``result``.

    A finding about a statement that is not among ``grants``, such as one of an unchanged policy, adds its statement.
    """
    entries, others = _attach_findings(result, grants)
    files = {located.resource.at.file for located, _ in entries} | {located.grant.at.file for located, _ in entries}
    folder = common_folder([*files, *(finding.at.file for finding in others)])
    return AccessGraph(*_GraphBuilder(entries, folder).build(), tuple(others), folder)


def _attach_findings(
    result: ScanResult, grants: Sequence[LocatedGrant]
) -> tuple[list[tuple[LocatedGrant, list[Finding]]], list[Finding]]:
    """Return each statement with its findings, sorted by file and line, and the findings without a statement."""
    entries: list[tuple[LocatedGrant, list[Finding]]] = [(located, []) for located in grants]
    by_location = grouped(((one.grant.at, one.resource.address), number) for number, one in enumerate(grants))
    others: list[Finding] = []
    for finding in result.findings:
        grant = finding.grant
        if grant is None:
            others.append(finding)
            continue
        at_location = [number for use in finding.uses for number in by_location.get((finding.at, use), ())]
        same = [number for number in at_location if _is_statement_of(entries[number][0], grant)] or at_location
        same = [number for number in same if _overlap(entries[number][0].when, finding.when)] or same
        if not same:  # not among the listed grants: add it for its finding
            place, origin = (
                (finding.resource, finding.statement_path),
                (finding.details.managed, finding.details.handed_to),
            )
            located = LocatedGrant(grant, *place, finding.principals, "allow", finding.when, *origin)
            by_location[finding.at, finding.resource.address] = [len(entries)]
            same = [len(entries)]
            entries.append((located, []))
        for number in same:
            entries[number][1].append(finding)
    entries.sort(key=lambda entry: (entry[0].grant.at.file, entry[0].grant.at.line, entry[0].grant.at.column))
    return entries, others


def _is_statement_of(located: LocatedGrant, grant: PassRoleGrant) -> bool:
    own = located.grant.statement
    return own.path == grant.statement.path or own.identity == grant.statement.identity


def _overlap(first: Sequence[PathCondition], second: Sequence[PathCondition]) -> bool:
    """True if two path conditions, each given as alternatives, can hold together."""
    return not first or any(any_compatible(second, when) for when in first)


class _GraphBuilder:
    """Builds the nodes of statements, each once."""

    def __init__(self, entries: Sequence[tuple[LocatedGrant, list[Finding]]], folder: str) -> None:
        self.statements = entries
        self.folder = folder
        self.numbers: dict[tuple[object, ...], int] = {}
        self.nodes: list[Node] = []
        locations = {
            (self._unit(located, name), name): _location_path(located, name)
            for located, _ in entries
            for name in located.principals or (located.resource.address,)
        }
        self.units = len({unit for unit, _ in locations})
        self.group_of = _assign_groups(locations)

    def build(self) -> tuple[tuple[Node, ...], tuple[GraphStatement, ...]]:
        entries = tuple(self._statement(located, findings) for located, findings in self.statements)
        owners: dict[int, set[str]] = {}
        for entry in entries:
            for number in (*entry.roles, *(outcome for _, outcome in entry.outcomes)):
                owners.setdefault(number, set()).update(self.nodes[owner].group for owner in entry.principals)
        for number, groups in owners.items():
            if not self.nodes[number].open:  # group roles and outcomes with the principals that they are of
                group = next(iter(groups)) if len(groups) == 1 else "passed from several locations"
                self.nodes[number] = replace(self.nodes[number], group=group)
        return tuple(self.nodes), entries

    def _statement(self, located: LocatedGrant, findings: Sequence[Finding]) -> GraphStatement:
        principals, roles = self._principals(located), self._roles(located)
        services = tuple(dict.fromkeys(self._node(("service",), node) for node in _service_nodes(located.grant)))
        names = {self.nodes[number].full: number for number in principals}
        worst = {names[name]: rated for name, rated in strongest(findings, list(names)).items()}
        outcomes = tuple((number, self._outcome(rated.escalation)) for number, rated in worst.items())
        return GraphStatement(located, tuple(findings), principals, roles, services, outcomes, worst)

    def _outcome(self, escalation: Escalation) -> int:
        label, note = outcome_label(escalation), outcome_note(escalation)
        roles = ", ".join(escalation.roles)
        full = f"act as {roles}" if roles else label
        return self._node((roles, note), Node(Column.OUTCOME, label, note, full, open=not roles))

    def _node(self, key: tuple[object, ...], node: Node) -> int:
        number = self.numbers.setdefault((*key, node.column, node.label), len(self.nodes))
        if number == len(self.nodes):
            self.nodes.append(node)
        return number

    @staticmethod
    def _unit(located: LocatedGrant, name: str = "") -> str:
        """Return the scope in which an address is unique: a template or plan file, or a Terraform folder.

        A resource of a Terraform module may belong to several root modules. They are not distinguished here, so that it
        has one name in all of them.
        """
        file = display_path(located.resource.at.file)
        if located.resource.framework is not Framework.TERRAFORM:
            return file
        within = located.resource.address.startswith("module.") or name.startswith("module.")
        return "" if within else posixpath.dirname(file) or "."

    def _principals(self, located: LocatedGrant) -> tuple[int, ...]:
        names = located.principals or (located.resource.address,)
        numbers = []
        for name in dict.fromkeys(names):
            unit = self._unit(located, name)
            split = split_address(name)
            reason = "unresolved module" if located.handed_to is HandedTo.MODULE else "not attached here"
            note = ", ".join(filter(None, ("" if located.principals else reason, split.beside)))
            node = Node(Column.PRINCIPAL, split.name, note, name, self.group_of[unit, name], place=self._place(unit))
            numbers.append(self._node((unit, name), node))
        return tuple(dict.fromkeys(numbers))

    def _place(self, unit: str) -> str:
        place = path_in(unit, self.folder) if unit and self.units > 1 else ""
        return "" if place == "." else place

    def _roles(self, located: LocatedGrant) -> tuple[int, ...]:
        grant = located.grant
        if grant.complement:
            left_out = ", ".join(str(role.pattern) for role in grant.roles)
            short = ", ".join(_role_label(role.pattern)[0] for role in grant.roles)
            node = Node(
                Column.ROLE, f"{ANY_ROLE} except {short}", "NotResource", f"any role except {left_out}", "", True
            )
            return (self._node(("but", left_out), node),)
        if grant.scope is Scope.ANY_ROLE:
            return (self._node(("role",), Node(Column.ROLE, ANY_ROLE, "in the account", ANY_ROLE, "", True)),)
        roles = [role for role in grant.roles if role.scope is not Scope.NOT_A_ROLE] or list(grant.roles)
        return tuple(dict.fromkeys(self._role(located, role) for role in roles))

    def _role(self, located: LocatedGrant, role: RoleScope) -> int:
        label, account = _role_label(role.pattern)
        local = any(unresolved.kind not in _EVERYWHERE for unresolved in role.pattern.unresolved_parts)
        unit = self._unit(located, label) if local else ""
        place = ", ".join(filter(None, (account, self._place(unit))))
        full = str(role.pattern)
        return self._node((unit, full), Node(Column.ROLE, label, _SCOPE_NOTES[role.scope], full, place=place))


_SCOPE_NOTES = {
    Scope.ANY_ROLE: "any role",
    Scope.UNRESOLVED: "unresolved",
    Scope.PREFIX: "name pattern",
    Scope.EXACT: "one role",
    Scope.ROLE_IN_TEMPLATE: "defined in this code",
    Scope.NOT_A_ROLE: "not a role",
}


def _role_label(pattern: StringNode) -> tuple[str, str]:
    """Return the label of a role pattern, and the account that it names."""
    last = pattern.parts[-1]
    if len(pattern.parts) == 1 and not isinstance(last, str):
        return (last.role or last.expression), ""
    match = _ROLE.fullmatch(str(pattern))
    if match is None:
        return str(pattern), ""
    account = match["account"]
    return match["name"], account if account.isdigit() else ""


def _service_nodes(grant: PassRoleGrant) -> list[Node]:
    """Return the boxes of the services that a statement allows."""
    constraint, values = grant.services.constraint, grant.services.values

    def node(label: str, note: str = "", *, opened: bool = False) -> Node:
        return Node(Column.SERVICE, label, note, label, "", opened)

    if grant.condition.dead:
        return [node(NO_SERVICE, "condition never matches")]
    if constraint in (Constraint.ABSENT, Constraint.INEFFECTIVE):
        return [node(ANY_SERVICE, opened=True)]
    if not values:
        return [node(UNKNOWN_SERVICE if constraint is Constraint.UNRESOLVED else "some services")]
    if grant.open_to_other_services:
        return [node(f"{ANY_SERVICE} except {', '.join(values)}", opened=True)]
    return [node(value, "unresolved" if "${" in value else "") for value in values]


def _location_path(located: LocatedGrant, name: str) -> tuple[str, ...]:
    """Return the path to a principal: folders (with a slash), file, modules, and a final ""."""
    *folders, file = sanitize(display_path(located.resource.at.file)).split("/")
    modules = MODULE.findall(name if located.principals else located.resource.address)
    return (*(f"{folder}/" for folder in folders), file, *(f" {sanitize(module)}" for module in modules), "")


def _assign_groups(locations: Mapping[tuple[str, str], tuple[str, ...]]) -> dict[tuple[str, str], str]:
    """Return a group for each principal. The largest group is split repeatedly, by folder, file and module, up to the
    limit.

    If a folder has too many parts, its largest parts become groups, and the others share one.
    """
    groups: dict[tuple[str, ...], list[tuple[str, str]]] = {(): list(locations)}
    done: set[tuple[str, ...]] = set()
    while candidates := [path for path in groups if path not in done]:
        path = max(candidates, key=lambda candidate: (len(groups[candidate]), candidate))
        parts = grouped((locations[key][: len(path) + 1], key) for key in groups[path])
        available = MOST_GROUPS - (len(groups) - 1)
        if any(not part[-1] for part in parts) or (len(parts) > available and available < 3):
            done.add(path)
            continue
        del groups[path]
        if len(parts) > available:
            largest = sorted(parts, key=lambda part: (-len(parts[part]), part))
            others = (*path, _OTHER_LOCATIONS)
            parts[others] = [key for part in largest[available - 1 :] for key in parts.pop(part)]
            done.add(others)
        groups.update(parts)
    return {key: _group_name(path, groups) for path, keys in groups.items() for key in keys}


_OTHER_LOCATIONS = " others/"


def _group_name(path: tuple[str, ...], paths: Collection[tuple[str, ...]]) -> str:
    """Return a group's path without the folders shared by all groups, and with file and modules only where needed to
    distinguish it."""
    short = path
    while len(short) > 1 and not short[-1].endswith("/"):
        if sum(other[: len(short) - 1] == short[:-1] for other in paths) > 1:
            break
        short = short[:-1]
    shared = 0
    while len(paths) > 1 and len(short) > shared + 1 and len({other[: shared + 1] for other in paths}) == 1:
        shared += 1
    if short[-1:] == (_OTHER_LOCATIONS,):
        return f"other locations in {''.join(short[shared:-1]).rstrip('/')}".removesuffix(" in ")
    return "".join(short[shared:]).strip("/ ") or "all"


def stacks_of(graph: AccessGraph) -> dict[int, int]:
    """Return the number of its stack for each principal and role that has an identical one elsewhere: of the same name
    and kind, with the same roles, services, findings and outcomes."""
    own: dict[int, set[Hashable]] = {}
    for entry in graph.entries:
        services, verdict = frozenset(entry.services), (entry.severity, entry.effect)
        roles = frozenset(_name(graph, number) for number in entry.roles)
        outcomes = dict(entry.outcomes)
        for number in entry.principals:
            own.setdefault(number, set()).add((roles, services, verdict, outcomes.get(number)))
    principals = _numbered(graph, own)
    own = {}
    for entry in graph.entries:
        services, verdict = frozenset(entry.services), (entry.severity, entry.effect)
        holders = frozenset(principals.get(number, (number,)) for number in entry.principals)
        for number in entry.roles if not entry.located.grant.complement else ():
            own.setdefault(number, set()).add((holders, services, verdict))
    found = principals | _numbered(graph, own)
    numbers = {key: number for number, key in enumerate(dict.fromkeys(found.values()))}
    return {node: numbers[key] for node, key in found.items()}


def _name(graph: AccessGraph, number: int) -> tuple[Column, str, str]:
    node = graph.nodes[number]
    return node.column, node.label, node.note


def _numbered(graph: AccessGraph, own: dict[int, set[Hashable]]) -> dict[int, Hashable]:
    """Return a key for each node that shares its name and access with others."""
    members = grouped(((_name(graph, number), frozenset(access)), number) for number, access in own.items())
    return {number: key for key, numbers in members.items() if len(numbers) > 1 for number in numbers}
