"""Access to PassRole as a set, and what of it is new.

What somebody may do is decided by all policies together: a request is allowed if one Allow matches it and no Deny does
(IAM User Guide, reference_policies_evaluation-logic_policy-eval-denyallow). So access is a set of requests: a role, the
service that it is passed to, and what the other conditions ask for. Two sets are compared by meaning: for every service
that makes a difference, is every role that may be passed now one that could be passed before? How the policies are
spelled, split and ordered makes no difference. The comparison itself is in
:mod:`passrole_checks.iam.grants.access_comparison`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from passrole_checks.iam.conditions.condition_implication import Limit, limits_of
from passrole_checks.iam.conditions.passed_to_service import evaluate
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.grants.grant import speaks_of_pass_role
from passrole_checks.iam.partial_values import StringNode, Ternary
from passrole_checks.iam.roles.arn_pattern import has_early_variable
from passrole_checks.iam.roles.role_union import RoleSet


@dataclass(frozen=True)
class Permission:
    """What one statement allows or denies of PassRole, by itself.

    ``certain``: no hole decides whether it speaks of PassRole, and nothing in its condition is malformed. ``limits``
    are the tests of its condition on other keys than ``iam:PassedToService``.
    """

    statement: Statement
    effect: str
    certain: bool
    roles: RoleSet

    @cached_property
    def tests(self) -> frozenset[Limit]:
        """All tests of the condition, those on ``iam:PassedToService`` too."""
        return limits_of(self.statement.condition)

    @cached_property
    def limits(self) -> frozenset[Limit]:
        """The tests on other keys than ``iam:PassedToService``."""
        return frozenset(limit for limit in self.tests if not limit.on_service)


@dataclass(frozen=True)
class Access:
    """What the policies of one principal allow and deny of PassRole."""

    allows: tuple[Permission, ...] = ()
    denies: tuple[Permission, ...] = ()

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """All of them, what is allowed first."""
        return (*self.allows, *self.denies)


@dataclass(frozen=True)
class ServiceSet:
    """Services in words: ``names``; with ``others`` every service that is not known as well, but ``left_out``.

    ``without_key``: requests that do not carry ``iam:PassedToService``.
    """

    names: tuple[str, ...] = ()
    others: bool = False
    left_out: tuple[str, ...] = ()
    without_key: bool = False


@dataclass(frozen=True)
class Widening:
    """One pattern of a grant (None: all roles but those that NotResource names) and the services that are new for it.

    ``certain``: YES, or UNKNOWN where a hole or a changed condition decides. ``kept``: the services that the same roles
    could be passed to before. ``earlier``: patterns of roles that are in this one and could be passed to one of the new
    services before. ``conditions``: keys that were asked for before and are not now, or not in the same way.
    ``denied``: a Deny took this away before.
    """

    role: StringNode | None
    services: ServiceSet
    kept: ServiceSet | None
    certain: Ternary
    earlier: tuple[StringNode, ...] = ()
    conditions: tuple[str, ...] = ()
    denied: bool = False


@dataclass(frozen=True)
class Gain:
    """What one statement gives that was not there before. ``first``: nothing at all could be passed before."""

    first: bool
    widenings: tuple[Widening, ...]

    @property
    def certain(self) -> Ternary:
        """YES where at least one widening is certain, else UNKNOWN."""
        return Ternary.YES if any(item.certain is Ternary.YES for item in self.widenings) else Ternary.UNKNOWN


def access_of(statements: Iterable[Statement], services_of: Mapping[str, Collection[str]]) -> Access:
    """The access that statements give together, of whatever documents they are.

    ``services_of`` gives, for each partition, the service principals known there.
    """
    found = [item for statement in statements if (item := permission_of(statement, services_of)) is not None]
    return Access(
        tuple(item for item in found if item.effect == "Allow"), tuple(item for item in found if item.effect == "Deny")
    )


def permission_of(statement: Statement, services_of: Mapping[str, Collection[str]]) -> Permission | None:
    """What one statement allows or denies of PassRole; None for nothing. ``services_of`` as in :func:`access_of`."""
    certain, effect = speaks_of_pass_role(statement)
    if certain is Ternary.NO:
        return None
    patterns = tuple(dict.fromkeys(statement.resources or statement.not_resources or ()))
    if effect == "Deny" and statement.resources is not None and statement.variables:
        patterns = tuple(replace(one, optional=True) if has_early_variable(str(one)) else one for one in patterns)
    condition = evaluate(statement.condition, services_of["aws"], variables=statement.variables)
    return Permission(
        statement,
        effect,
        certain is Ternary.YES and not condition.problems,
        RoleSet(patterns, statement.variables, statement.resources is None),
    )
