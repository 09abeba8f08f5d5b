"""Bounds of role patterns: fast answers without an automaton.

Nearly every Resource is the ARN of a role, possibly with wildcards in its name. Whether two of these have a role in
common, or one includes the other, can mostly be decided from their text. Each answer here is certain; undecided cases
are left to the automata (:mod:`passrole_checks.iam.roles.role_search`).

Form of a role's ARN: Service Authorization Reference, list_iam. Wildcards: IAM User Guide,
reference_policies_elements_resource.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.patterns.automaton import UNKNOWN_NAME
from passrole_checks.iam.patterns.glob import from_text, must_match, representative
from passrole_checks.iam.roles.arn_pattern import PARTITIONS, expand
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.values.nodes import Part, Unresolved, UnresolvedKind

ROLE = ":role/"
VARIABLE = lazy_regex(r"\$\{[^}]*\}")
LITERALS = ("${*}", "${?}", "${$}")  # variables for one literal character

_LOCATION_SYMBOLS = {UnresolvedKind.PARTITION: "\1", UnresolvedKind.ACCOUNT_ID: "\2"}
_ANY_LOCATION = ("*", *_LOCATION_SYMBOLS.values())
_PREFIX = lazy_regex("arn:(?P<partition>[a-z-]+|\\*|\1):iam::(?P<account>[0-9]{12}|\\*|\2)")
_NAME = lazy_regex(r"(?!/)[A-Za-z0-9+=,.@_/*?-]+(?<!/)")
_LITERAL_NAME = lazy_regex(r"[^*?/]")
_EXAMPLE_NAME = lazy_regex(rf"(?:[A-Za-z0-9+=,.@_{UNKNOWN_NAME}-]+/)*[A-Za-z0-9+=,.@_{UNKNOWN_NAME}-]+")
WILDCARD = lazy_regex(r"[*?]")
_SPECIAL = lazy_regex(r"\$\{(?:[*?$]|aws:principalaccount|aws:resourceaccount)\}", re.IGNORECASE)
ANY_NAME, _ONE = "Qz7Qz", "Q"  # replace wildcards in examples; hardly any pattern contains them


class Role(NamedTuple):
    """One role: its partition, account, and path with name."""

    partition: str
    account: str
    name: str

    @property
    def bounds(self) -> ArnBounds:
        """The bounds that match this role only."""
        return ArnBounds(*self, True, self.name, self.name)


class ArnBounds(NamedTuple):
    """An upper bound of the roles that a pattern matches.

    These have this ``partition`` and ``account`` ("" for any), and a path and name that match ``name``, in which ``*``
    and ``?`` are wildcards. ``exact``: the pattern surely matches all of them. ``beginning`` and ``end``: the name
    before its first and after its last wildcard.
    """

    partition: str
    account: str
    name: str
    exact: bool
    beginning: str
    end: str

    @property
    def literal(self) -> bool:
        """True if the name contains no wildcard."""
        return self.beginning == self.name

    def overlaps_deployment(self, where: Deployment) -> bool:
        """True if the pattern may match roles of that deployment."""
        if self.partition not in ("", *where.partitions):
            return False
        return not self.account or where.account in (None, self.account)

    def contains_name(self, name: str) -> bool:
        """True if a path and name match, in any account."""
        return _name_matches(self.name, name)

    def contains(self, role: Role) -> bool:
        """True if a role is within the bounds."""
        return (
            self.partition in ("", role.partition)
            and self.account in ("", role.account)
            and self.contains_name(role.name)
        )


def plain_role(parts: tuple[Part, ...]) -> Role | None:
    """Return a pattern that is simply a role's ARN, None for any other; it matches some role, and not every one.

    ``partition`` and ``account`` are "" for any; ``name`` may contain wildcards and has a literal character.
    """
    beginning, separator, name = _to_text(expand(parts)).partition(ROLE)
    location = _location(beginning) if separator else None
    if location is None or not _NAME.fullmatch(name) or "//" in name or not _LITERAL_NAME.search(name):
        return None
    return Role(*location, name)


def _to_text(parts: tuple[Part, ...]) -> str:
    return "".join(part if isinstance(part, str) else _LOCATION_SYMBOLS.get(part.kind, "\0") for part in parts)


def _location(beginning: str) -> tuple[str, str] | None:
    """Return partition and account of an ARN's prefix, "" for any; None if they cannot be determined."""
    match = _PREFIX.fullmatch(beginning)
    if match is None:
        return None
    partition, account = match["partition"], match["account"]
    if partition not in PARTITIONS and partition not in _ANY_LOCATION:
        return None
    return "" if partition in _ANY_LOCATION else partition, "" if account in _ANY_LOCATION else account


@lru_cache(maxsize=65536)
def bounds_of(parts: tuple[Part, ...], variables: bool) -> ArnBounds:
    """Return the bounds of a pattern. ``variables``: ``${...}`` are policy variables.

    A role's ARN contains ``:role/`` once, so the text after it is path and name, whatever comes before; a pattern
    without it may match any role.
    """
    parts = expand(parts)
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += VARIABLE.sub("*", part) if variables else part
        else:
            text += "*" if ROLE in text else _LOCATION_SYMBOLS.get(part.kind, "\0")
    if ROLE not in text:
        return ArnBounds("", "", "*", parts == ("*",), "", "")
    beginning, _, name = text.partition(ROLE)
    pieces = WILDCARD.split(name)
    exact = plain_role(parts) is not None or _is_every_role_of_account(parts)
    return ArnBounds(*(_location(beginning) or ("", "")), name, exact, pieces[0], pieces[-1])


def _is_every_role_of_account(parts: tuple[Part, ...]) -> bool:
    """True if a pattern is all roles of an account, written as ``role/*``."""
    beginning, separator, name = _to_text(parts).partition(ROLE)
    return bool(separator) and name == "*" and _location(beginning) is not None


def may_intersect(first: ArnBounds, second: ArnBounds) -> bool:
    """True if patterns with these bounds may have a role in common; False is certain."""
    if first.partition and second.partition and first.partition != second.partition:
        return False
    if first.account and second.account and first.account != second.account:
        return False
    if first.literal:
        return _name_matches(second.name, first.name)
    if second.literal:
        return _name_matches(first.name, second.name)
    shorter, longer = sorted((first.beginning, second.beginning), key=len)
    if not longer.startswith(shorter):
        return False
    shorter, longer = sorted((first.end, second.end), key=len)
    return longer.endswith(shorter)


def common_name(first: ArnBounds, second: ArnBounds) -> str | None:
    """Return a path and name within both bounds; None if there is no simple one."""
    for left, right in ((first, second), (second, first)):
        if left.name.endswith("*") and right.name.startswith("*"):
            name = (left.name[:-1] + ANY_NAME + right.name[1:]).replace("*", ANY_NAME).replace("?", _ONE)
            return name if _EXAMPLE_NAME.fullmatch(name) else None
    return None


def covers(outer: ArnBounds, inner: ArnBounds) -> bool:
    """True if a pattern surely matches all that is within ``inner``; False if undecided."""
    return (
        outer.exact
        and outer.partition in ("", inner.partition)
        and outer.account in ("", inner.account)
        and _name_matches(outer.name, inner.name)
    )


def _name_matches(glob: str, name: str) -> bool:
    """True if a name matches; a wildcard in the name is matched by ``*`` or by itself only."""
    return glob in (name, "*") or must_match(from_text(glob), representative(from_text(name)))


@lru_cache(maxsize=65536)
def example_name(parts: tuple[Part, ...], variables: bool, wide: bool) -> str | None:
    """Return a path and name that an expanded pattern matches, in every location within its bounds; None if undecided.

    ``wide``: unresolved parts can have any value; else an unknown name is one constant.
    """
    if parts == ("*",):
        return ANY_NAME
    if wide and len(parts) == 1 and isinstance(parts[0], Unresolved) and parts[0].kind is UnresolvedKind.ANYTHING:
        return ANY_NAME
    constant = ANY_NAME if wide else UNKNOWN_NAME
    text = ""
    for part in parts:
        if isinstance(part, str):
            text += _fill_variables(part, constant) if variables else part
        elif ROLE not in text:
            text += _LOCATION_SYMBOLS.get(part.kind, "\0")
        elif part.kind is UnresolvedKind.ACCOUNT_ID or (part.kind is UnresolvedKind.ANYTHING and not wide):
            return None
        else:
            text += constant
    beginning, separator, name = text.partition(ROLE)
    name = name.replace("*", ANY_NAME).replace("?", _ONE)
    return name if separator and _location(beginning) is not None and _EXAMPLE_NAME.fullmatch(name) else None


def names_single_role(parts: tuple[Part, ...], variables: bool) -> bool | None:
    """Return whether an expanded pattern names one role of an account (True) or several (False); None if undecided.

    Each unresolved part counts as one string. A policy variable in the path or name can match several roles.
    """
    if (len(parts) == 1 and isinstance(parts[0], Unresolved)) or example_name(parts, variables, True) is None:
        return None
    if variables and depends_on_request(parts):
        return False
    name = _to_text(parts).partition(ROLE)[2]
    return not WILDCARD.search(VARIABLE.sub("", name) if variables else name)


def depends_on_request(parts: tuple[Part, ...]) -> bool:
    """True if the path or name in an expanded pattern contains a policy variable.

    IAM substitutes it in each request, for example by a tag of the principal (IAM User Guide, "IAM policy elements:
    Variables and tags"), so the pattern covers one role for each value.
    """
    name = _to_text(parts).partition(ROLE)[2]
    return any(not _SPECIAL.fullmatch(variable) for variable in VARIABLE.findall(name))


def _fill_variables(text: str, constant: str) -> str:
    """Replace policy variables by ``constant``; keep those with a special meaning."""
    return VARIABLE.sub(lambda found: found[0] if _SPECIAL.fullmatch(found[0]) else constant, text)
