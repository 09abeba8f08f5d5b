"""Index of the edges of some logs by principal and role: of ten thousand edges few concern a grant."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from passrole_checks.access.observed_role import literal_pattern, path_and_name
from passrole_checks.cloudtrail.summary import Edge
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.partial_values import StringNode
from passrole_checks.iam.permissions.principal import PrincipalKind

_PRINCIPAL = lazy_regex(
    r"arn:[^:]+:(?:iam|sts)::(?P<account>\d{12}):(?P<kind>user|role|assumed-role)/(?P<path>.*/)?(?P<name>.+)"
)
KINDS = {"user": PrincipalKind.USER, "role": PrincipalKind.ROLE, "assumed-role": PrincipalKind.ROLE}


class EdgeIndex:
    """Index of the edges of some logs."""

    def __init__(self, edges: Sequence[Edge]) -> None:
        self.edges = edges
        self.of: dict[str, list[int]] = {}
        for number, edge in enumerate(edges):
            self.of.setdefault(edge.principal, []).append(number)
        self.principals = {name: _PRINCIPAL.fullmatch(name) for name in self.of}
        self.named: dict[tuple[PrincipalKind, str], list[str]] = {}
        for name, found in self.principals.items():
            if found is not None:
                self.named.setdefault((KINDS[found["kind"]], found["name"]), []).append(name)
        self._places = sorted((path_and_name(edge.role) or "", number) for number, edge in enumerate(edges))
        self.everything = frozenset(range(len(edges)))
        self._near: dict[str, frozenset[int]] = {}

    def near(self, patterns: Iterable[StringNode]) -> frozenset[int]:
        """Return the numbers of the edges whose roles a pattern may cover, by the literal prefix of the patterns."""
        found: frozenset[int] = frozenset()
        for pattern in patterns:
            written = literal_pattern(pattern.parts)
            if written is None:
                return self.everything
            if written.begins not in self._near:
                first = bisect_left(self._places, (written.begins, 0))
                last = bisect_left(self._places, (written.begins + "\U0010ffff", 0))
                unknown = bisect_left(self._places, ("\0", 0))
                there = (number for _, number in (*self._places[:unknown], *self._places[first:last]))
                self._near[written.begins] = frozenset(there)
            found |= self._near[written.begins]
        return found
