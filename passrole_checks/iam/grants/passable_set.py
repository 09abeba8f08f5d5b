"""PassableSet: the roles that a principal can pass to one service."""

from __future__ import annotations

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.partial_values import StringNode, Ternary
from passrole_checks.iam.path_conditions import PathCondition
from passrole_checks.iam.roles.arn import Scope


@dataclass(frozen=True, slots=True)
class PassableSet:
    """The roles that can be passed to one service: ``roles``, or if ``complement`` all except these; without
    ``denied``.

    ``denied`` are the patterns that a Deny excludes. ``when`` is the path condition.
    """

    roles: tuple[StringNode, ...]
    complement: bool
    scope: Scope
    certain: Ternary
    denied: tuple[StringNode, ...] = ()
    when: PathCondition = ()
