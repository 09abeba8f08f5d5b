"""Answers of this package about a case, from each of its evaluation paths."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from passrole_checks.iam.conditions.passed_to_service import ConditionEffect, evaluate
from passrole_checks.iam.documents import action
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.grants.access_comparison import AccessComparison
from passrole_checks.iam.grants.access_set import access_of
from passrole_checks.iam.grants.effective_grant import EffectiveGrant
from passrole_checks.iam.grants.grant import PassRoleGrant
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.permissions.permissions import Permissions
from passrole_checks.iam.permissions.statement_matcher import matcher_of
from passrole_checks.iam.roles import arn
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.values.nodes import Position, StringNode, Ternary, text
from second_opinion.cases import ACCOUNT, SERVICES, Case, Json, Request

AT = Position("policy.json", 1)
SERVICES_OF = {"aws": frozenset(SERVICES), "aws-cn": frozenset(SERVICES)}
_PASS_ROLE = "iam:PassRole"


def statements_of(documents: Iterable[Json]) -> tuple[Statement, ...]:
    """The statements of some documents, none of which is malformed."""
    found = [parse_document(text(json.dumps(one), AT)) for one in documents]
    assert not any(one.problems for one in found)
    return tuple(statement for one in found for statement in one.statements)


class Ours:
    """One case, read."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.identity = statements_of(case.identity)
        boundary = () if case.boundary is None else (statements_of((case.boundary,)),)
        self.limits = (*boundary, *(statements_of(level) for level in case.control))
        self.permissions = Permissions(self.identity, self.limits, account=ACCOUNT)

    def claims(self, view: str) -> list[Ternary]:
        """Return what one of the :data:`VIEWS` claims of each request: YES (allowed), NO (not allowed) or UNKNOWN (no
        claim)."""
        return VIEWS[view](self)

    def statements(self) -> list[Ternary]:
        """One request at a time: what each statement says of it, by the pieces that the checks stand on."""
        return [self._decided(request) for request in self.case.requests]

    def _decided(self, request: Request) -> Ternary:
        answer = _allowed(self.identity, request)
        for limit in self.limits:
            answer &= _allowed(limit, request)
        denials = (one for part in (self.identity, *self.limits) for one in part if one.effect == "Deny")
        for one in denials if answer is not Ternary.NO else ():
            answer &= ~_speaks(one, request)
        return answer

    @cached_property
    def _grants(self) -> list[PassRoleGrant]:
        found = (grants_of(statements_of((one,)), SERVICES_OF, ACCOUNT) for one in self.case.identity)
        return [grant for grants in found for grant in grants if grant.effect == "Allow"]

    def grants(self) -> list[Ternary]:
        """The grants of each policy by itself, as the reports list them: what is in none of them is not allowed."""
        return [
            self._in_a_grant(one) & Ternary.UNKNOWN if _is_plain(one) and not self._elsewhere else Ternary.UNKNOWN
            for one in self.case.requests
        ]

    @cached_property
    def _elsewhere(self) -> bool:
        """True if a policy names only partitions other than that of the roles, and so is not meant for them."""
        here = _partition_of(self.case)
        return any(named and here not in named for named in map(_partitions_in, self.case.documents))

    def _in_a_grant(self, request: Request) -> Ternary:
        answer = Ternary.NO
        for grant in self._grants:
            if not grant.denied and grant.scope is not Scope.NOT_A_ROLE:
                variables = grant.statement.variables
                named = _matches([role.pattern for role in grant.roles], request.role, variables)
                answer |= (~named if grant.complement else named) & _lets(grant.statement, request)
        return answer

    @cached_property
    def _passing(self) -> list[EffectiveGrant]:
        return [EffectiveGrant(grant, self.permissions, SERVICES_OF, ACCOUNT) for grant in self._grants]

    def left(self) -> list[Ternary]:
        """Return what remains of the grants after all policies, for one service at a time."""
        return [
            self._passes(one) if one.service and _is_plain(one) and not self._elsewhere else Ternary.UNKNOWN
            for one in self.case.requests
        ]

    def _passes(self, request: Request) -> Ternary:
        assert request.service is not None
        answer = Ternary.NO
        for passing in self._passing:
            passed = passing.for_service(request.service)
            if passed is None:
                continue
            variables = passing.grant.statement.variables
            inside = _matches(passed.roles, request.role, variables)
            if passed.complement:
                inside = ~inside
            if passed.denied:
                inside &= ~_included(passed.denied, request, variables)
            if _depends(passing.grant.condition):
                inside &= Ternary.UNKNOWN
            answer |= inside & passed.certain
        # in China a service is asked for by either of two names, and this was asked by one of them
        two_names = ":aws-cn:" in request.role and f"{request.service}.cn" in SERVICES
        return answer & Ternary.UNKNOWN if two_names else answer

    def anything_left(self) -> list[Ternary]:
        """Return NO for each request if nothing remains of the grants, otherwise UNKNOWN."""
        left = Ternary.of(any(one.for_any_service is not None for one in self._passing)) & Ternary.UNKNOWN
        return [left if _is_plain(one) and not self._elsewhere else Ternary.UNKNOWN for one in self.case.requests]

    def permitted(self) -> list[Ternary]:
        """Return whether the permissions of the principal allow passing the role of each request to its service."""
        if _names_two_partitions(self.case):
            return [Ternary.UNKNOWN] * len(self.case.requests)
        found = []
        for request in self.case.requests:
            asked = matcher_of(_request_statement(request), ACCOUNT)
            found.append(self.permissions.decide(_PASS_ROLE.lower(), asked.resources.sure[0], asked.tests))
        return found

    def permitted_somehow(self) -> list[Ternary]:
        """The permissions of the principal: a role that may be passed in no way may not be passed to any service."""
        if _names_two_partitions(self.case):
            return [Ternary.UNKNOWN] * len(self.case.requests)
        roles = [text(one.role.replace("?", "${?}"), AT) for one in self.case.requests]
        ways = [self.permissions.allows(_PASS_ROLE, (role,)) for role in roles]
        return [Ternary.NO if way is None else Ternary.UNKNOWN for way in ways]

    def compared(self) -> list[Ternary]:
        """The comparison of accesses: a request is allowed if a policy that allows it would bring nothing new."""
        if self.limits:
            return [Ternary.UNKNOWN] * len(self.case.requests)
        before = access_of(self.identity, SERVICES_OF)
        found = []
        for request in self.case.requests:
            asked = _request_statement(request)
            where = Deployment(ACCOUNT, (request.role.split(":")[1],))
            gain = AccessComparison(before, access_of((asked,), SERVICES_OF), SERVICES_OF, where).gain_of(asked)
            answer = Ternary.YES if gain is None else ~gain.certain
            if answer is Ternary.NO and any(_depends(_effect(one, request)) for one in self.identity):
                answer = Ternary.UNKNOWN  # new is that it is allowed whatever other keys the request carries
            found.append(answer if _is_plain(request) else Ternary.UNKNOWN)
        return found


VIEWS: dict[str, Callable[[Ours], list[Ternary]]] = {
    "statements": Ours.statements,
    "grants": Ours.grants,
    "left of the grants": Ours.left,
    "anything left of the grants": Ours.anything_left,
    "permissions": Ours.permitted,
    "permissions, somehow": Ours.permitted_somehow,
    "comparison": Ours.compared,
}


def is_wrong(claim: Ternary, answer: str) -> bool:
    """True if an answer of the simulator contradicts a claim."""
    return claim is not Ternary.UNKNOWN and claim is not Ternary.of(answer == "Allowed")


def _is_plain(request: Request) -> bool:
    """True if the sets of roles can contain the role: they exclude paths with wildcards."""
    return "?" not in request.role


def _names_two_partitions(case: Case) -> bool:
    """True if policies name roles in partitions other than that of the request: permissions are evaluated within one
    partition."""
    return not _partitions_in(case.documents) <= {_partition_of(case)}


def _partitions_in(documents: object) -> frozenset[str]:
    return frozenset(re.findall(r'"arn:(aws[a-z-]*):', json.dumps(documents)))


def _partition_of(case: Case) -> str:
    return case.requests[0].role.split(":")[1]


def _request_statement(request: Request) -> Statement:
    """A statement that allows the one request."""
    carries = {"Null": {"iam:PassedToService": "true"}}
    if request.service is not None:
        carries = {"StringEquals": {"iam:PassedToService": request.service}}
    role = request.role.replace("?", "${?}")
    asked = {"Effect": "Allow", "Action": _PASS_ROLE, "Resource": role, "Condition": carries}
    return statements_of(({"Version": "2012-10-17", "Statement": asked},))[0]


def _speaks(statement: Statement, request: Request) -> Ternary:
    """Return YES if a statement covers a request, NO if it does not, UNKNOWN if that is undetermined."""
    if statement.actions is None:
        acts = action.not_action_covers(statement.not_actions or (), _PASS_ROLE)
    else:
        acts = action.best_match(statement.actions, _PASS_ROLE)[0]
    if acts is Ternary.NO:
        return acts
    named = _matches(statement.resources or statement.not_resources or (), request.role, statement.variables)
    if statement.effect == "Deny" and statement.resources and "?" not in request.role:
        named = _included(statement.resources, request, statement.variables)
    return acts & (named if statement.resources is not None else ~named) & _lets(statement, request)


def _allowed(statements: Iterable[Statement], request: Request) -> Ternary:
    answer = Ternary.NO
    for one in statements:
        if one.effect == "Allow":
            answer |= _speaks(one, request)
    return answer


def _included(patterns: Sequence[StringNode], request: Request, variables: bool) -> Ternary:
    where = Deployment(ACCOUNT, (request.role.split(":")[1],))
    return arn.included(text(request.role, AT), patterns, variables=variables, where=where)


def _matches(patterns: Iterable[StringNode], role: str, variables: bool) -> Ternary:
    answer = Ternary.NO
    for pattern in patterns:
        answer |= arn.matches(pattern, role, variables=variables)
    return answer


def _lets(statement: Statement, request: Request) -> Ternary:
    """Return the result of the Condition block for a request; other keys are not evaluated."""
    effect = _effect(statement, request)
    answer = effect.without_key
    if request.service is not None:
        answer = Ternary.of(request.service in effect.possible)
        if request.service not in effect.allowed:
            answer &= Ternary.UNKNOWN
    return answer & Ternary.UNKNOWN if _depends(effect) else answer


def _effect(statement: Statement, request: Request) -> ConditionEffect:
    known = () if request.service is None else (request.service,)
    return evaluate(statement.condition, known, variables=statement.variables)


def _depends(effect: ConditionEffect) -> bool:
    """True if a Condition block tests more than the service."""
    return bool(effect.others or effect.tags or effect.associated_resource_arn or effect.problems)
