"""Role patterns at a glance: what can be said of them without a machine.

Nearly every Resource is the ARN of a role, perhaps with wildcards in its name. Whether two of these have a role in
common, or one holds the other, can mostly be read off their text. Each answer here is sure; where a glance does not
tell, it is for the machines to say (:mod:`passrole_checks.iam.roles.role_search`).

Form of a role's ARN: Service Authorization Reference, list_iam. Wildcards: IAM User Guide,
reference_policies_elements_resource.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from passrole_checks.iam.roles.arn_pattern import PARTITIONS, spelled_out
from passrole_checks.iam.roles.automaton import CONSTANT
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.values import Hole, Kind, Part
from passrole_checks.iam.wildcard import takes

ROLE = ":role/"
VARIABLE = re.compile(r"\$\{[^}]*\}")
LITERALS = ("${*}", "${?}", "${$}")  # variables that stand for one character

_PLACE = {Kind.PARTITION: "\1", Kind.ACCOUNT_ID: "\2"}
_ANY_PLACE = ("*", *_PLACE.values())
_BEGINNING = re.compile("arn:(?P<partition>[a-z-]+|\\*|\1):iam::(?P<account>[0-9]{12}|\\*|\2)")
_NAME = re.compile(r"(?!/)[A-Za-z0-9+=,.@_/*?-]+(?<!/)")
_LITERAL_NAME = re.compile(r"[^*?/]")
_EXAMPLE_NAME = re.compile(rf"(?:[A-Za-z0-9+=,.@_{CONSTANT}-]+/)*[A-Za-z0-9+=,.@_{CONSTANT}-]+")
WILDCARD = re.compile(r"[*?]")
_SPECIAL = re.compile(r"\$\{(?:[*?$]|aws:principalaccount|aws:resourceaccount)\}", re.IGNORECASE)
ANY_NAME, _ONE = "Qz7Qz", "Q"  # what wildcards stand for in an example; hardly a pattern names it


class PlainRole(NamedTuple):
    """A pattern that is nothing but a role's ARN: ``partition`` and ``account`` are "" where any will do; ``name``,
    with its path, may hold wildcards, and always a literal character."""

    partition: str
    account: str
    name: str

    def may_stand(self, where: Deployment) -> bool:
        """Whether it matches roles there."""
        return _stands(self.partition, self.account, where)


class Role(NamedTuple):
    """One role: its partition, its account, its path and name."""

    partition: str
    account: str
    name: str

    @property
    def shape(self) -> Shape:
        """What matches this role only."""
        return Shape(*self, True, self.name, self.name)


class Shape(NamedTuple):
    """What a pattern matches at most: roles of this ``partition`` and ``account`` ("" for any) with a path and name
    that match ``name``, where ``*`` and ``?`` are wildcards. ``exact``: it matches all of them, however it is read.

    ``beginning`` and ``end``: the text before the first and after the last wildcard of the name.
    """

    partition: str
    account: str
    name: str
    exact: bool
    beginning: str
    end: str

    @property
    def literal(self) -> bool:
        """Whether the name holds no wildcard."""
        return self.beginning == self.name

    def may_stand(self, where: Deployment) -> bool:
        """Whether it may match roles there."""
        return _stands(self.partition, self.account, where)

    def holds_name(self, name: str) -> bool:
        """Whether a path and name is of this shape, wherever it stands."""
        return _takes(self.name, name)

    def holds(self, role: Role) -> bool:
        """Whether a role is of this shape."""
        return (
            self.partition in ("", role.partition) and self.account in ("", role.account) and self.holds_name(role.name)
        )


def _stands(partition: str, account: str, where: Deployment) -> bool:
    return partition in ("", *where.partitions) and (not account or where.account in (None, account))


def plain_role(parts: tuple[Part, ...]) -> PlainRole | None:
    """The pattern as a plain role's ARN, None for any other. A plain one matches some role, and not every one."""
    beginning, found, name = _written(spelled_out(parts)).partition(ROLE)
    place = _place(beginning) if found else None
    if place is None or not _NAME.fullmatch(name) or "//" in name or not _LITERAL_NAME.search(name):
        return None
    return PlainRole(*place, name)


def _written(parts: tuple[Part, ...]) -> str:
    return "".join(part if isinstance(part, str) else _PLACE.get(part.kind, "\0") for part in parts)


def _place(beginning: str) -> tuple[str, str] | None:
    """The partition and the account of an ARN's beginning, "" for any; None where they are not to be seen."""
    found = _BEGINNING.fullmatch(beginning)
    if found is None:
        return None
    partition, account = found["partition"], found["account"]
    if partition not in PARTITIONS and partition not in _ANY_PLACE:
        return None
    return "" if partition in _ANY_PLACE else partition, "" if account in _ANY_PLACE else account


@lru_cache(maxsize=65536)
def shape_of(parts: tuple[Part, ...], variables: bool) -> Shape:
    """The shape of a pattern. ``variables``: whether ``${...}`` in it are policy variables.

    A role's ARN holds ``:role/`` once, so what stands behind it in the pattern is the path and the name, whatever
    comes before; a pattern without it may match any role.
    """
    parts = spelled_out(parts)
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += VARIABLE.sub("*", part) if variables else part
        else:
            text += "*" if ROLE in text else _PLACE.get(part.kind, "\0")
    if ROLE not in text:
        return Shape("", "", "*", parts == ("*",), "", "")
    beginning, _, name = text.partition(ROLE)
    pieces = WILDCARD.split(name)
    exact = plain_role(parts) is not None or _all_of_a_place(parts)
    return Shape(*(_place(beginning) or ("", "")), name, exact, pieces[0], pieces[-1])


def _all_of_a_place(parts: tuple[Part, ...]) -> bool:
    """Whether a pattern is all roles of an account, written as ``role/*``."""
    beginning, found, name = _written(parts).partition(ROLE)
    return bool(found) and name == "*" and _place(beginning) is not None


def meet(first: Shape, second: Shape) -> bool:
    """Whether two shapes may have a role in common; False is sure."""
    if first.partition and second.partition and first.partition != second.partition:
        return False
    if first.account and second.account and first.account != second.account:
        return False
    if first.literal:
        return _takes(second.name, first.name)
    if second.literal:
        return _takes(first.name, second.name)
    one, other = sorted((first.beginning, second.beginning), key=len)
    if not other.startswith(one):
        return False
    one, other = sorted((first.end, second.end), key=len)
    return other.endswith(one)


def name_in_both(first: Shape, second: Shape) -> str | None:
    """A path and name that may match both of two names with wildcards; None where a glance gives none."""
    for one, other in ((first, second), (second, first)):
        if one.name.endswith("*") and other.name.startswith("*"):
            name = (one.name[:-1] + ANY_NAME + other.name[1:]).replace("*", ANY_NAME).replace("?", _ONE)
            return name if _EXAMPLE_NAME.fullmatch(name) else None
    return None


def covers(outer: Shape, inner: Shape) -> bool:
    """Whether one shape surely matches all that another one may match; False where a glance does not tell."""
    return (
        outer.exact
        and outer.partition in ("", inner.partition)
        and outer.account in ("", inner.account)
        and _takes(outer.name, inner.name)
    )


def _takes(glob: str, name: str) -> bool:
    """Whether a name matches; a wildcard in the name is a character that only ``*`` takes, or both the same."""
    return glob in (name, "*") or takes(glob, name, but="*")


@lru_cache(maxsize=65536)
def example_name(parts: tuple[Part, ...], variables: bool, wide: bool) -> str | None:
    """A path and name of roles, of every place that the shape gives, that a pattern which is spelled out matches; None
    where that is not to be seen.

    ``wide``: its holes are read as wide as they may be; else a name that is not known is one constant.
    """
    if parts == ("*",):
        return ANY_NAME
    if wide and len(parts) == 1 and isinstance(parts[0], Hole) and parts[0].kind is Kind.ANYTHING:
        return ANY_NAME
    constant = ANY_NAME if wide else CONSTANT
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += _filled(part, constant) if variables else part
        elif ROLE not in text:
            text += _PLACE.get(part.kind, "\0")
        elif part.kind is Kind.ACCOUNT_ID or (part.kind is Kind.ANYTHING and not wide):
            return None
        else:
            text += constant
    beginning, found, name = text.partition(ROLE)
    name = name.replace("*", ANY_NAME).replace("?", _ONE)
    return name if found and _place(beginning) is not None and _EXAMPLE_NAME.fullmatch(name) else None


def names_one(parts: tuple[Part, ...], variables: bool) -> bool | None:
    """Whether a pattern that is spelled out names one role of an account (True) or several (False), each hole being one
    text; None where that is not to be seen."""
    if (len(parts) == 1 and isinstance(parts[0], Hole)) or example_name(parts, variables, True) is None:
        return None
    name = _written(parts).partition(ROLE)[2]
    return not WILDCARD.search(VARIABLE.sub("", name) if variables else name)


def _filled(text: str, constant: str) -> str:
    """A text with something in the place of its policy variables; those that are not any name stay."""
    return VARIABLE.sub(lambda found: found[0] if _SPECIAL.fullmatch(found[0]) else constant, text)
