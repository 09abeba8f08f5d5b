"""PassRole access as a set of requests, and the difference between two such sets.

All policies together decide a request: it is allowed if one Allow matches it and no Deny does (IAM User Guide,
reference_policies_evaluation-logic_policy-eval-denyallow). So access is a set of requests: a role, the service that it
is passed to, and the other condition keys. Sets are compared by meaning: for every service that makes a difference, is
every role that can be passed now one that could be passed before? Spelling, splitting and order of policies make no
difference. :mod:`passrole_checks.iam.grants.access_comparison` compares them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import cached_property, partial

from passrole_checks.iam.conditions.condition_implication import ConditionTest, condition_tests
from passrole_checks.iam.conditions.passed_to_service import evaluate
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.grants.grant import covers_pass_role
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.role_union import RoleSet
from passrole_checks.iam.values.nodes import StringNode, Ternary


@dataclass(frozen=True)
class Permission:
    """The PassRole permission or denial of one statement.

    ``certain``: no unresolved value decides whether it covers PassRole, and its condition is well-formed. ``limits``
    are the tests of its condition on keys other than ``iam:PassedToService``.
    """

    statement: Statement
    effect: str
    certain: bool
    roles: RoleSet

    @cached_property
    def tests(self) -> frozenset[ConditionTest]:
        """All tests of the condition, including those on ``iam:PassedToService``."""
        return condition_tests(self.statement.condition)

    @cached_property
    def limits(self) -> frozenset[ConditionTest]:
        """The tests on keys other than ``iam:PassedToService``."""
        return frozenset(limit for limit in self.tests if not limit.is_on_service)


@dataclass(frozen=True)
class Access:
    """The PassRole permissions and denials of one principal."""

    allows: tuple[Permission, ...] = ()
    denies: tuple[Permission, ...] = ()

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """All of them, Allow before Deny."""
        return (*self.allows, *self.denies)


@dataclass(frozen=True)
class ServiceSet:
    """A set of services for display: ``names``; if ``others``, also every unknown service except ``left_out``.

    ``without_key``: also requests without ``iam:PassedToService``.
    """

    names: tuple[str, ...] = ()
    others: bool = False
    left_out: tuple[str, ...] = ()
    without_key: bool = False


@dataclass(frozen=True)
class Widening:
    """One pattern of a grant (None: all roles except those in NotResource) and the services that are new for it.

    ``certain``: YES, or UNKNOWN if an unresolved value or a changed condition decides. ``kept``: the services to which
    the same roles could be passed before. ``earlier``: patterns of roles within this one that could be passed to one of
    the new services before. ``conditions``: keys that were tested before and are not now, or not in the same way.
    ``denied``: a Deny excluded this before. ``other_cases``: the same roles could be passed to one of the new services
    before, but in other cases only (in those without this statement).
    """

    role: StringNode | None
    services: ServiceSet
    kept: ServiceSet | None
    certain: Ternary
    earlier: tuple[StringNode, ...] = ()
    conditions: tuple[str, ...] = ()
    denied: bool = False
    other_cases: bool = False


@dataclass(frozen=True)
class Gain:
    """The access that one statement adds. ``first``: no role could be passed before."""

    first: bool
    widenings: tuple[Widening, ...]

    @property
    def certain(self) -> Ternary:
        """YES if at least one widening is certain, else UNKNOWN."""
        return Ternary.YES if any(widening.certain is Ternary.YES for widening in self.widenings) else Ternary.UNKNOWN


def access_of(statements: Iterable[Statement], services_of: Mapping[str, Collection[str]]) -> Access:
    """Return the combined access of statements from any documents.

    ``services_of`` maps each partition to its known service principals.
    """
    permissions = [
        permission for statement in statements if (permission := permission_of(statement, services_of)) is not None
    ]
    return Access(
        tuple(permission for permission in permissions if permission.effect == "Allow"),
        tuple(permission for permission in permissions if permission.effect == "Deny"),
    )


def permission_of(statement: Statement, services_of: Mapping[str, Collection[str]]) -> Permission | None:
    """Return the PassRole permission or denial of one statement, None if it has none. ``services_of`` as in
    :func:`access_of`."""
    certain, effect = covers_pass_role(statement)
    if certain is Ternary.NO:
        return None
    patterns = tuple(dict.fromkeys(statement.resources or statement.not_resources or ()))
    if effect == "Deny" and statement.resources is not None:
        excludes_none = partial(arn.excludes_no_role, variables=statement.variables)
        patterns = tuple(replace(text, optional=True) if excludes_none(text) else text for text in patterns)
    condition = evaluate(statement.condition, services_of["aws"], variables=statement.variables)
    return Permission(
        statement,
        effect,
        certain is Ternary.YES and not condition.problems,
        RoleSet(patterns, statement.variables, statement.resources is None),
    )
