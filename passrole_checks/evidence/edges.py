"""The edges of some logs, to be found by who passed and by what: of ten thousand edges few concern a grant."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from passrole_checks.evidence.summary import Edge
from passrole_checks.iam.principal import PrincipalKind
from passrole_checks.iam.values import Kind, Part, Text, Tri

_PRINCIPAL = re.compile(
    r"arn:[^:]+:(?:iam|sts)::(?P<account>\d{12}):(?P<kind>user|role|assumed-role)/(?P<path>.*/)?(?P<name>.+)"
)
KINDS = {"user": PrincipalKind.USER, "role": PrincipalKind.ROLE, "assumed-role": PrincipalKind.ROLE}


class Log:
    """The edges of some logs, to be found by their principals."""

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
        self._places = sorted((_below(edge.role) or "", number) for number, edge in enumerate(edges))
        self.everything = frozenset(range(len(edges)))
        self._near: dict[str, frozenset[int]] = {}

    def near(self, patterns: Iterable[Text]) -> frozenset[int]:
        """The edges whose roles may be covered by a pattern, by what all roles that it covers begin with."""
        found: frozenset[int] = frozenset()
        for pattern in patterns:
            written = plain(pattern.parts)
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


@dataclass(frozen=True, slots=True)
class Plain:
    """A pattern of roles that is written out up to some place: ``begins`` is what the path and name of all roles begin
    with that it covers (``/app/``), ``whole`` the pattern where nothing but a wildcard at its end is left open."""

    begins: str
    whole: str | None

    def covers(self, role: str) -> Tri | None:
        """Whether it covers the role of an ARN, where that can be seen at a glance."""
        place = _below(role)
        if place is None:
            return None
        if not place.startswith(self.begins):
            return Tri.NO
        if self.whole is None:
            return None
        matches = role.startswith(self.whole[:-1]) if self.whole.endswith("*") else role == self.whole
        return Tri.YES if matches else None


_ANY_ARN = re.compile(r"arn:(?:aws[a-z-]*|\0):iam::(?:\d{12}|\0):role(?P<begins>/[^*?$\0]*)(?P<rest>.*)", re.DOTALL)
_OF_THE_PLACE = frozenset({Kind.ACCOUNT_ID, Kind.PARTITION})


@lru_cache(maxsize=65536)
def plain(parts: tuple[Part, ...]) -> Plain | None:
    """A pattern as far as it is written out, None for one that is not of the usual form."""
    if parts == ("*",):
        return Plain("", "*")
    if any(not isinstance(part, str) and part.kind not in _OF_THE_PLACE for part in parts):
        return None
    found = _ANY_ARN.fullmatch("".join(part if isinstance(part, str) else "\0" for part in parts))
    if found is None:
        return None
    written = found[0] if "\0" not in found[0] and found["rest"] in ("", "*") else None
    return Plain(found["begins"], written)


def _below(role: str) -> str | None:
    """The path and name in the ARN of a role, from its first slash; None where that is not known."""
    found = re.match(r"arn:[^:]+:iam::\d{12}:role(?=/)", role)
    return role[found.end() :] if found is not None else None
