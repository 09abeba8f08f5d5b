"""Name observed roles in a statement: as it names them already, as roles of the configuration, or by ARN.

No named role exceeds what the statement currently allows. Sources: IAM User Guide, "IAM identifiers" (valid characters
of names and paths) and "IAM and AWS STS quotas" (names of roles are unique in an account).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from passrole_checks.access.observed_role import pattern_covers, replace_reference
from passrole_checks.escaping.shorten import shortened
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.arn_pattern import expand, fields_of
from passrole_checks.iam.values.nodes import Part, StringNode, Ternary, Unresolved, UnresolvedKind, join
from passrole_checks.suggest.observed_use import Observation
from passrole_checks.suggest.passed_roles import PassedRoles
from passrole_checks.suggest.suggestion import TargetRole

SINGLE_ROLE_SCOPES = (Scope.EXACT, Scope.ROLE_IN_TEMPLATE)
"""Scopes that denote a single role."""

_ROLE = lazy_regex(r"arn:(?P<partition>[a-z-]+):iam::(?P<account>\d{12}):role/(?P<rest>[\w+=,.@/-]+)", re.ASCII)
# variables of Terraform; parameters of templates, in Fn::Sub and Ref
_VARYING = lazy_regex(
    r"""\b((?:var|each|count)\.[\w-]+)|\$\{([A-Za-z0-9]+)\}|(?:!Ref|["']?Ref["']?\s*:)\s*["']?([A-Za-z0-9]+)(?!:)\b"""
)
_PATTERN_TEXT = lazy_regex(r"""(?:!Sub\s+)?(?P<quote>["']?)(?P<arn>arn:[^"'*?\\]+)\*(?P=quote)""")
_INTERPOLATION = lazy_regex(r"\$\{\s*([^{}]+?)\s*\}")
_NAME = lazy_regex(r"[\w+=,.@-]+", re.ASCII)


class UnknownRoleError(Exception):
    """Raised if a role cannot be named; the message says what a person must find out."""


class ObservedRoles:
    """Names the roles of observations for one statement of one resource."""

    def __init__(self, over: PassedRoles) -> None:
        self._passed_roles, self._grant = over, over.grant
        self._analyzed = over.analyzed
        self.varying: dict[str, None] = {}
        """The variables in the written roles."""

    def of(self, one: Observation) -> tuple[TargetRole, ...]:
        """Return the role of an observation: usually one; two patterns if its path is unknown; several if several roles
        of the statement may be it. Raises :class:`UnknownRoleError` if it cannot be named.
        """
        if not one.role:
            raise UnknownRoleError(f"the role in the instance profile {shortened(one.profile)}")
        if not (_ROLE if one.role.startswith("arn:") else _NAME).fullmatch(one.role):
            raise UnknownRoleError(f"the role that {shortened(one.role)} denotes")
        if self._grant.complement:
            return (self._named(one, None),)
        model = self._analyzed.model
        known = [
            (role, replace_reference(role.pattern, model.roles, model.roles_by_name)) for role in self._grant.roles
        ]
        found = [(role, pattern_covers(pattern, one.role, one.account)) for role, pattern in known]
        surely = [role for role, answer in found if answer is Ternary.YES]
        exact = [role.pattern for role in surely if role.scope in SINGLE_ROLE_SCOPES]
        if exact:
            return (TargetRole("", exact[0]),)
        if surely:
            fixed = [role.pattern for role in surely if not self._variable_in(role.pattern)]
            return tuple(self._below(one, fixed[0] if fixed else surely[0].pattern))
        perhaps = [role for role, answer in found if answer is Ternary.UNKNOWN]
        wide = [role.pattern for role in perhaps if role.scope not in SINGLE_ROLE_SCOPES]
        by_arn = one.role.startswith("arn:")
        if not perhaps or (wide and by_arn):
            pattern_text = shortened(str(wide[0] if wide else self._grant.roles[0].pattern))
            raise UnknownRoleError(f"whether {pattern_text} includes {shortened(one.role)}")
        kept = [TargetRole("", role.pattern) for role in perhaps if role.scope in SINGLE_ROLE_SCOPES]
        return (*kept, *(role for pattern in wide for role in self._below(one, pattern)))

    def _below(self, one: Observation, pattern: StringNode) -> Iterator[TargetRole]:
        """Yield the role as a part of a pattern that matches more."""
        varies = self._variable_in(pattern)
        if varies and self._referable(one) is None:
            yield self._in_pattern_text(one, pattern, varies)
            return
        if one.role.startswith("arn:") or self._referable(one) is not None:
            yield self._named(one, pattern)
            return
        head = self._head(one, pattern)
        own = [part for part in fields_of(expand(pattern.parts))[-1] if part]
        rest = own[0] if len(own) == 1 and isinstance(own[0], str) else ""
        rest = "role/*" if str(pattern) == "*" or rest == "*" else rest
        beginning = rest.removeprefix("role/").removesuffix("*")
        if not rest.startswith("role/") or not rest.endswith("*") or {"*", "?"} & set(beginning):
            raise UnknownRoleError(f"the path of the role {one.role}")
        path, slash, stub = beginning.rpartition("/")
        if one.role.startswith(stub):
            yield TargetRole("", StringNode(join([*head, f":role/{path}{slash}{one.role}"]), pattern.at))
        if not stub:
            yield TargetRole("", StringNode(join([*head, f":role/{path}{slash}*/{one.role}"]), pattern.at))

    def _in_pattern_text(self, one: Observation, pattern: StringNode, varies: str) -> TargetRole:
        """Return the role in the words of its pattern, with its name instead of the wildcard, so that it follows the
        values of variables.
        """
        words = _PATTERN_TEXT.fullmatch(self._passed_roles.referable.text_at(pattern.at).strip())
        match = _ROLE.fullmatch(one.role)
        last = pattern.parts[-1]
        before, role, tail = last.partition(":role/") if isinstance(last, str) else ("", "", "")
        named = match is not None and tail.endswith("*") and match["rest"].startswith(tail[:-1])
        if words is None or match is None or not named or "$${" in words["arn"] or "%{" in words["arn"]:
            raise UnknownRoleError(
                f"the name of {shortened(one.role)} for other values of {shortened(varies)}: the current pattern"
                " depends on it"
            )
        self.varying[varies] = None
        rest = match["rest"][len(tail) - 1 :]
        pieces = (
            Unresolved(piece) if number % 2 else piece
            for number, piece in enumerate(_INTERPOLATION.split(words["arn"]))
        )
        value = StringNode(join([*pattern.parts[:-1], f"{before}{role}{tail[:-1]}{rest}"]), pattern.at)
        return TargetRole("", StringNode(join([*pieces, rest]), pattern.at), value)

    def _variable_in(self, pattern: StringNode) -> str:
        """Return the variable in the text of a pattern that may differ in another deployment; "" if there is none."""
        if pattern.defaults:
            return pattern.defaults[0]
        found = _VARYING.search(self._passed_roles.referable.text_at(pattern.at))
        return next(filter(None, found.groups()), "") if found is not None else ""

    def _named(self, one: Observation, pattern: StringNode | None) -> TargetRole:
        """Return the role as a reference if it is in the configuration, or else by its ARN."""
        here = self._referable(one)
        if here is not None:
            return here
        match = _ROLE.fullmatch(one.role)
        if match is None:
            raise UnknownRoleError(f"the path of the role {one.role}")
        at = self._grant.at
        return TargetRole("", StringNode(join([*self._head(one, pattern), f":role/{match['rest']}"]), at))

    def _referable(self, one: Observation) -> TargetRole | None:
        """Return the role as one that the statement can refer to; None if it cannot."""
        match = _ROLE.fullmatch(one.role)
        account = match["account"] if match is not None else one.account
        if self._analyzed.model.account not in (None, account):
            return None
        if match is not None:
            known = self._analyzed.model.roles_by_name.get(match["rest"])
        else:
            named = [
                role for name, role in self._analyzed.model.roles_by_name.items() if name.rpartition("/")[2] == one.role
            ]
            known = named[0] if len(named) == 1 else None
        if known is None or known.arn is None or not (self._grant.complement or self._passed_roles.covers(known.arn)):
            return None
        address = self._passed_roles.referable.reference(known.address, self._passed_roles.located)
        return TargetRole(address, known.arn) if address is not None else None

    def _head(self, one: Observation, pattern: StringNode | None) -> list[Part]:
        """Return the parts before ``:role/``: the partition and the account as unresolved values of the statement if it
        has them, else as in the log.
        """
        match = _ROLE.fullmatch(one.role)
        partition = match["partition"] if match is not None else self._passed_roles.partition
        account = match["account"] if match is not None else one.account
        fields = fields_of(expand(pattern.parts)) if pattern is not None else []
        own = _unresolved_field(fields[4], UnresolvedKind.ACCOUNT_ID) if len(fields) > 5 else []
        if not own and not account:
            raise UnknownRoleError(f"the account of the role {one.role}")
        place = _unresolved_field(fields[1], UnresolvedKind.PARTITION) if len(fields) > 5 else []
        return ["arn:", *(place or [partition]), ":iam::", *(own or [account])]


def _unresolved_field(field: Sequence[Part], kind: UnresolvedKind) -> list[Part]:
    """Return an ARN field as written if it is an unresolved value of this kind; else an empty list."""
    found = [part for part in field if part]
    return found if len(found) == 1 and isinstance(found[0], Unresolved) and found[0].kind is kind else []
