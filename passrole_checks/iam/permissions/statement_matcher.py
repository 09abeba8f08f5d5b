"""Matching of one statement against any action on any resource, not only PassRole.

Sources, in the IAM User Guide: "IAM JSON policy elements: Action", "NotAction", "Resource", "NotResource", "Condition
operators", "Variables and tags", "Identify AWS resources with ARNs" (fewer than six fields are completed with ``*``);
"IAM and AWS STS condition context keys" (the keys that only a request for iam:PassRole carries), "Update permissions
for a role" (a service-linked role cannot be changed in IAM). All ARNs of a policy are evaluated within one partition
and, if the account is unresolved, within the account of its principal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import NamedTuple

from passrole_checks.iam import deadline
from passrole_checks.iam.conditions.condition_implication import ConditionTest, condition_tests
from passrole_checks.iam.conditions.condition_operators import Family, parse_operator
from passrole_checks.iam.documents.policy import Statement
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.identity_cache import BoundedCache, by_identity
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.patterns import glob
from passrole_checks.iam.patterns.glob import ANY_TEXT, STAR
from passrole_checks.iam.patterns.pattern_index import PatternIndex
from passrole_checks.iam.roles.arn_pattern import PARTITIONS, fields_of, has_early_variable
from passrole_checks.iam.values.nodes import Part, StringNode, Ternary, Unresolved, UnresolvedKind, join

PASS_ROLE_LOWERCASE = "iam:passrole"
_PASS_ROLE_ONLY = ("iam:passedtoservice", "iam:associatedresourcearn")
_ACCOUNT = Unresolved(UnresolvedKind.ACCOUNT_ID.value, UnresolvedKind.ACCOUNT_ID)
_VARIABLE = lazy_regex(r"\$\{([^}]*)\}")
_OWN_ACCOUNT = ("aws:principalaccount", "aws:resourceaccount")
# generic expressions that identify nothing by themselves
_GENERIC_EXPRESSIONS = frozenset({"", "…", "id", "path", "generated"})
# keys that the caller controls, so that a Deny conditional on them can be avoided
_CALLER_CONTROLLED = frozenset({
    "aws:requestedregion", "aws:securetransport", "aws:multifactorauthpresent", "aws:multifactorauthage",
    "aws:sourceip", "aws:tagkeys", "aws:useragent", "aws:currenttime", "aws:epochtime",
})  # fmt: skip
# keys that tell which boundary or policy a change is about (IAM User Guide, "IAM and AWS STS condition context keys")
_CHOSEN = ("iam:permissionsboundary", "iam:policyarn")
_EVERY_ACTION = f"{STAR}:{STAR}"
_CACHE_SIZE = 20_000
_INDEX_ABOVE = 8  # statements matched without an index
_MAX_ANSWERS = 256  # remembered per element of a statement

# Services whose actions take resources with ARNs of another service (Service Authorization Reference, the resource
# types of each page); the services whose actions take only ARNs of their own follow.
_FOREIGN_RESOURCES = {
    "sts": ("iam",), "ssm": ("ec2",), "ec2-instance-connect": ("ec2",), "ec2": ("resource-groups", "license-manager"),
    "glue": ("kms",), "ecs": ("servicediscovery",),
}  # fmt: skip
_OWN_RESOURCES_ONLY = frozenset({
    "apprunner", "athena", "autoscaling", "batch", "bedrock", "bedrock-agentcore", "cloudformation", "cloudtrail",
    "cloudwatch", "codebuild", "codepipeline", "cognito-idp", "datapipeline", "dynamodb", "ec2", "ec2-instance-connect",
    "ecr", "ecs", "eks", "elasticmapreduce", "elasticfilesystem", "emr-serverless", "events", "glue", "iam",
    "imagebuilder", "kinesis", "kms", "lambda", "logs", "organizations", "pipes", "rds", "redshift", "s3", "sagemaker",
    "scheduler", "secretsmanager", "sns", "sqs", "ssm", "states", "sts",
})  # fmt: skip

# actions that IAM refuses for service-linked roles (IAM API Reference, error UnmodifiableEntity), and sts:AssumeRole,
# which their trust policies allow to the service only; in lower case
_REFUSED_FOR_LINKED_ROLES = frozenset({
    "iam:addroletoinstanceprofile", "iam:attachrolepolicy", "iam:deleterolepermissionsboundary", "iam:deleterolepolicy",
    "iam:detachrolepolicy", "iam:putrolepermissionsboundary", "iam:putrolepolicy", "iam:updateassumerolepolicy",
    "sts:assumerole",
})  # fmt: skip
_LINKED_ROLES = "role/aws-service-role/"


@dataclass(frozen=True, eq=False)
class Actions:
    """Action patterns in lower case, indexed by service. ``doubtful``: those that match only possibly."""

    every: bool
    names: frozenset[str]
    by_service: dict[str, glob.Patterns]
    doubtful: glob.Patterns
    all: tuple[str, ...]

    @cached_property
    def services(self) -> frozenset[str]:
        """The services that the patterns name."""
        return frozenset(pattern.partition(":")[0] for pattern in self.all)

    @cached_property
    def has_open_service(self) -> bool:
        """True if a pattern does not name its service."""
        return not all(map(is_word, self.services))

    def matches(self, request: str) -> Ternary:
        """Return whether one of the patterns matches an action."""
        return _remembered(self._answers, request, self._match)

    @cached_property
    def _answers(self) -> dict[str, Ternary]:
        return BoundedCache(_MAX_ANSWERS)

    def _match(self, request: str) -> Ternary:
        if self.every or request in self.names:
            return Ternary.YES
        named = self.by_service.get(request.partition(":")[0])
        if named is not None and named.must_match(request):
            return Ternary.YES
        others = self.doubtful if request.isascii() else self._every
        return Ternary.of(others.may_match(request)) & Ternary.UNKNOWN

    @cached_property
    def _every(self) -> glob.Patterns:
        return glob.Patterns(self.all)


def _remembered(answers: dict[str, Ternary], request: str, match: Callable[[str], Ternary]) -> Ternary:
    """Return the answer for a request, computed by ``match`` if it is not known."""
    answer = answers.get(request)
    if answer is None:
        answer = answers[request] = match(request)
    return answer


@dataclass(frozen=True, eq=False)
class Resources:
    """Resource patterns; those in ``doubtful`` match only possibly."""

    sure: tuple[str, ...]
    doubtful: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """All patterns, sure ones first."""
        return (*self.sure, *self.doubtful)

    def matches(self, request: str) -> Ternary:
        """Return whether one of the patterns matches a resource."""
        return _remembered(self._answers, request, self._match)

    @cached_property
    def _answers(self) -> dict[str, Ternary]:
        return BoundedCache(_MAX_ANSWERS)

    def _match(self, request: str) -> Ternary:
        if self._sure.must_match(request):
            return Ternary.YES
        return Ternary.of(self._sure.may_match(request) or self._doubtful.may_match(request)) & Ternary.UNKNOWN

    def near(self, requested: str) -> Iterator[str]:
        """Yield a superset of the sure patterns that may intersect another one, in their order."""
        return iter(self._sure.near(glob.representative(requested)))

    @cached_property
    def _sure(self) -> glob.Patterns:
        return glob.Patterns(self.sure)

    @cached_property
    def _doubtful(self) -> glob.Patterns:
        return glob.Patterns(self.doubtful)


class RequestPair(NamedTuple):
    """An action and a resource pattern, their representatives, and whether a statement matches these.

    ``words``: both as written; the action "" if the statement has it in another form.
    """

    action: str
    resource: str
    request: str
    requested: str
    matches: Ternary
    words: tuple[str, str]


@dataclass(frozen=True, eq=False)
class StatementMatcher:
    """A statement compiled for matching.

    ``account``: the account of its principal, if known; ``owner``: a label that distinguishes its policy variables.
    """

    statement: Statement
    account: str | None = None
    owner: str = ""

    @cached_property
    def actions(self) -> Actions:
        """The Action or NotAction patterns."""
        elements = self.statement.actions if self.statement.actions is not None else self.statement.not_actions
        return _actions(tuple((element.parts, element.optional) for element in elements or ()))

    @cached_property
    def resources(self) -> Resources:
        """The Resource or NotResource patterns: those that surely match, and those that possibly do."""
        elements = self.statement.resources if self.statement.resources is not None else self.statement.not_resources
        patterns: dict[bool, list[str]] = {True: [], False: []}
        for element in elements or ():
            early = self.statement.effect == "Deny" and self.statement.variables and has_early_variable(element.parts)
            patterns[element.optional or early].append(
                resource_glob(element.parts, self.statement.variables, account=self.account, owner=self.owner)
            )
            across = _loose_pattern(element.parts, self.statement.variables, self.owner)
            if across is not None:
                patterns[True].append(across)
        return Resources(tuple(patterns[False]), tuple(patterns[True]))

    @cached_property
    def tests(self) -> tuple[ConditionTest, ...]:
        """The tests of the Condition block."""
        return tuple(sorted(condition_tests(self.statement.condition), key=lambda item: (item.key, item.operator)))

    @cached_property
    def patterns(self) -> dict[str, str]:
        """The Action or NotAction patterns, each mapped to its text as written."""
        elements = self.statement.actions if self.statement.actions is not None else self.statement.not_actions
        spelled = ((action_glob(element.parts), str(element)) for element in elements or ())
        return {pattern: written for pattern, written in spelled if pattern is not None}

    @cached_property
    def is_portable(self) -> bool:
        """True if the same statement, held by another principal, surely allows all that this one allows."""
        statement = self.statement
        if statement.effect != "Allow" or not statement.whole or statement.condition is not None:
            return False
        if statement.actions is None or statement.resources is None:
            return False
        if any(element.optional for element in (*statement.actions, *statement.resources)):
            return False
        literals = (part for element in statement.resources for part in element.parts if isinstance(part, str))
        whose = statement.variables and any("${" in part for part in literals)
        return not whose and not any(
            glob.has_anonymous_part(pattern) for pattern in (*self.actions.all, *self.resources.sure)
        )

    @cached_property
    def pairs(self) -> Mapping[str, Sequence[RequestPair]]:
        """The pairs of an action and a resource pattern of the statement that can apply to each other and can meet its
        condition, by service.

        Of a pattern that meets it for iam:PassRole only, that action is returned.
        """
        found: dict[str, list[RequestPair]] = {}
        for pair in self._pairs():
            found.setdefault(pair.request.partition(":")[0], []).append(pair)
        return found

    def _pairs(self) -> Iterator[RequestPair]:
        resources = self.resources.all if self.statement.resources is not None else (STAR,)
        for pattern in self.patterns if self.statement.actions is not None else (f"{STAR}:{STAR}",):
            for resource, action in ((one, action) for one in resources for action in narrow_to_service(pattern, one)):
                deadline.check()
                if action_applies_to(action, resource) is Ternary.NO:
                    continue
                if self.condition_met(glob.representative(action))[0] is Ternary.NO:
                    if not glob.must_match(action, PASS_ROLE_LOWERCASE):
                        continue
                    action = PASS_ROLE_LOWERCASE
                yield self.pair_of(action, resource)

    def pair_of(self, action: str, resource: str) -> RequestPair:
        """Return a pair with its representative, and whether the statement matches that."""
        request, requested = glob.representative(action), glob.representative(resource)
        matches = self.matches_request(request, requested) & self.condition_met(request)[0]
        matches &= action_applies_to(action, resource)
        words = self.patterns.get(action, ""), glob.to_text(resource)
        return RequestPair(action, resource, request, requested, matches, words)

    def may_match_service(self, service: str) -> bool:
        """True if the statement may match actions of a service."""
        return self.has_open_service or service in self.actions.services or not is_word(service)

    @cached_property
    def has_open_service(self) -> bool:
        """True if the statement does not name the services of its actions."""
        return self.statement.actions is None or self.actions.every or self.actions.has_open_service

    @property
    def effect(self) -> Ternary:
        """YES, or UNKNOWN if it is unknown whether the statement allows or denies."""
        return Ternary.UNKNOWN if self.statement.effect is None else Ternary.YES

    def matches_action(self, action: str) -> Ternary:
        """Return whether the statement matches an action (a request in lower case)."""
        deadline.check()
        answer = self.actions.matches(action)
        return answer if self.statement.actions is not None else ~answer

    def matches_resource(self, resource: str) -> Ternary:
        """Return whether the statement matches a resource."""
        answer = self.resources.matches(resource)
        return answer if self.statement.resources is not None else ~answer

    def matches_request(self, action: str, resource: str) -> Ternary:
        """Return whether the statement matches an action on a resource, ignoring conditions."""
        acts = self.matches_action(action)
        return acts if acts is Ternary.NO else acts & self.matches_resource(resource) & self.effect

    def resources_within(self, requested: str, action: str) -> Iterator[tuple[str, Ternary]]:
        """Yield patterns of the resources within ``requested`` that the statement matches, the most certain first.

        Patterns to which the action cannot apply are left out."""
        if self.statement.resources is None:
            answer = self.matches_resource(glob.representative(requested))
            if answer is not Ternary.NO:
                yield requested, answer
            return
        perhaps = []
        for pattern in self.resources.near(requested):
            deadline.check()
            if action_applies_to(action, pattern) is Ternary.NO:
                continue
            common = glob.intersect(pattern, requested)
            if common is not None:
                yield glob.to_pattern(common), Ternary.YES
            elif glob.may_intersect(pattern, requested):
                perhaps.append(requested)
        if perhaps or any(
            glob.may_intersect(pattern, requested)
            for pattern in self.resources.doubtful
            if action_applies_to(action, pattern) is not Ternary.NO
        ):
            yield requested, Ternary.UNKNOWN

    def condition_met(self, action: str) -> tuple[Ternary, tuple[str, ...]]:
        """Return whether a request for an action can meet the condition, and the keys that it has to set for that."""
        if not self.statement.whole:
            return Ternary.UNKNOWN, ()  # its conditions are unknown as well
        answer, keys = Ternary.YES, dict[str, None]()
        for test in self.tests:
            test_answer = _test_answer(test, action)
            if test_answer is Ternary.NO:
                return Ternary.NO, ()
            if test_answer is None:
                keys[test.written] = None
            else:
                answer &= test_answer
                if test_answer is Ternary.UNKNOWN:
                    keys[test.written] = None
        return answer, tuple(keys)

    def denies(self, action: str, allowed: Sequence[ConditionTest]) -> tuple[Ternary, tuple[str, ...]]:
        """Return whether a Deny applies to an action unavoidably, and if not, the keys by which a caller avoids it.

        ``allowed``: the tests that the request has to meet in any case.
        """
        met, keys = self.condition_met(action)
        if met is Ternary.NO:
            return Ternary.NO, ()
        if not self.tests:
            # AWS's pages differ on the effect of an empty condition
            return Ternary.YES if self.statement.condition is None else Ternary.UNKNOWN, ()
        for test in self.tests:
            if _is_avoidable(test, allowed):
                return Ternary.NO, (test.written,)
        return (Ternary.UNKNOWN if keys else met), ()


def _test_answer(test: ConditionTest, action: str) -> Ternary | None:
    """Return the answer of a test for any request for an action, None if it depends on the request and can be met."""
    operator = parse_operator(test.operator)
    if operator is None or not test.key:
        return Ternary.UNKNOWN
    absent = operator.absent
    if operator.family is Family.NULL and not operator.quantifier:
        absent = Ternary.of("true" in test.values) if test.values <= {"true", "false"} else Ternary.UNKNOWN
    if test.key in _PASS_ROLE_ONLY:
        return None if action == PASS_ROLE_LOWERCASE else absent
    service = test.key.partition(":")[0]
    own = action.partition(":")[0]
    # usually only requests to a service carry the keys with its prefix
    if service != "aws" and service != own and ANY_TEXT not in own and absent is not Ternary.YES:
        return Ternary.UNKNOWN
    return None


def _is_avoidable(test: ConditionTest, allowed: Sequence[ConditionTest]) -> bool:
    """True if the caller can ensure that a request does not meet a test."""
    operator = parse_operator(test.operator)
    if operator is None or operator.quantifier or not test.known:
        return False
    if test.key in _CHOSEN:  # what a Deny excepts stays possible: it acts like a condition of the Allow
        return operator.negated or (operator.family is Family.NULL and test.values == {"true"})
    if test.key not in _CALLER_CONTROLLED and not test.key.startswith("aws:requesttag/"):
        return False
    for own in allowed:
        if own.key != test.key:
            continue
        positive = parse_operator(own.operator)
        if positive is None or positive.negated or positive.family is not Family.STRING or not operator.negated:
            return False
        if not own.values & test.values:
            return False
    return operator.family is not Family.STRING or not any(value.strip("*") == "" for value in test.values)


class MatcherIndex:
    """Statements in order, indexed by resource."""

    def __init__(self, rules: Sequence[StatementMatcher]) -> None:
        self.matchers = tuple(rules)

    def near_resource(self, resource: str) -> Sequence[StatementMatcher]:
        """Return a superset of the statements that may match a resource."""
        if len(self.matchers) <= _INDEX_ABOVE:
            return self.matchers
        index, owners, always = self._index
        positions = always.union(owners[position] for position in index.near(resource))
        return [self.matchers[position] for position in sorted(positions)]

    @cached_property
    def _index(self) -> tuple[PatternIndex, list[int], frozenset[int]]:
        patterns: list[str] = []
        owners: list[int] = []
        always: set[int] = set()
        for position, rule in enumerate(self.matchers):
            if rule.statement.resources is None:
                always.add(position)
            for pattern in rule.resources.all if position not in always else ():
                patterns.append(pattern)
                owners.append(position)
        return glob.build_index(patterns), owners, frozenset(always)


_matchers = by_identity(BoundedCache[tuple[int, str | None, str], StatementMatcher](_CACHE_SIZE))


def matcher_of(statement: Statement, account: str | None, owner: str = "") -> StatementMatcher:
    """Return the compiled statement, from a cache."""
    key = (id(statement), account, owner)
    cached = _matchers.get(key)  # it keeps its statement alive, so that the id stays unique
    if cached is None:
        cached = _matchers[key] = StatementMatcher(statement, account, owner)
    return cached


def action_applies_to(action: str, resource: str) -> Ternary:
    """Return whether an action can apply to a resource: ARNs of other services have no effect for it, and customers
    cannot change or assume service-linked roles.

    Both are requests or patterns. UNKNOWN for services whose resource types are not listed here.
    """
    service = action.partition(":")[0]
    fields = resource.split(":", 5)
    if len(fields) < 3 or fields[0] != "arn" or not is_word(service) or not is_word(fields[2]):
        return Ternary.YES
    if fields[-1].startswith(_LINKED_ROLES) and action in _REFUSED_FOR_LINKED_ROLES:
        return Ternary.NO
    if fields[2] == service or fields[2] in _FOREIGN_RESOURCES.get(service, ()):
        return Ternary.YES
    return Ternary.NO if service in _OWN_RESOURCES_ONLY else Ternary.UNKNOWN


def narrow_to_service(action: str, resource: str) -> Iterator[str]:
    """Yield ``action``, or if it matches every service, one pattern per service whose actions apply to a resource."""
    fields = resource.split(":", 3)
    service = fields[2] if len(fields) >= 3 and fields[0] == "arn" else ""
    if action != _EVERY_ACTION or not is_word(service) or service not in _OWN_RESOURCES_ONLY:
        yield action
        return
    for one in (service, *(name for name, others in _FOREIGN_RESOURCES.items() if service in others)):
        yield f"{one}:{STAR}"


@lru_cache(maxsize=4096)
@lru_cache(maxsize=4096)
def is_word(text: str) -> bool:
    """True if a text is a word, such as the name of a service, without wildcards and unresolved parts."""
    return re.fullmatch(r"[a-z0-9-]+", text) is not None


def action_glob(parts: tuple[Part, ...]) -> str | None:
    """Return an action pattern in lower case; None if it matches nothing.

    A value is ``prefix:name`` or ``*`` (IAM User Guide, "Grammar of the IAM JSON policy language").
    """
    spelled = "".join(
        glob.from_text(part.lower()) if isinstance(part, str) else glob.symbol_for(part) for part in _expand(parts)
    )
    if spelled in (STAR, _EVERY_ACTION):
        return _EVERY_ACTION
    unresolved_parts = any(isinstance(part, Unresolved) for part in parts)
    if spelled.count(":") != 1 and not unresolved_parts:
        return None
    if spelled.startswith("iam:pass") and not unresolved_parts and glob.must_match(spelled, PASS_ROLE_LOWERCASE):
        return PASS_ROLE_LOWERCASE  # the only such action (Service Authorization Reference, "Actions defined by IAM")
    return spelled


@lru_cache(maxsize=8192)
def _actions(given: tuple[tuple[tuple[Part, ...], bool], ...]) -> Actions:
    names: set[str] = set()
    by_service: dict[str, list[str]] = {}
    doubtful: list[str] = []
    every: list[str] = []
    for parts, optional in given:
        pattern = action_glob(parts)
        if pattern is None:
            continue
        every.append(pattern)
        service, colon, name = pattern.partition(":")
        if pattern == _EVERY_ACTION and not optional:
            continue
        # wildcards in the prefix are not documented
        if optional or not colon or not is_word(service) or not name.isascii():
            doubtful.append(pattern)
        if optional or not colon:
            continue
        if glob.representative(pattern) == pattern:
            names.add(pattern)
        elif is_word(service):
            by_service.setdefault(service, []).append(pattern)
    return Actions(
        every=any(parts in _EVERYTHING and not optional for parts, optional in given),
        names=frozenset(names),
        by_service={service: glob.Patterns(patterns) for service, patterns in by_service.items()},
        doubtful=glob.Patterns(doubtful),
        all=tuple(every),
    )


_EVERYTHING = (("*",), ("*:*",))


@lru_cache(maxsize=16384)
def resource_glob(parts: tuple[Part, ...], variables: bool, *, account: str | None = None, owner: str = "") -> str:
    """Return a Resource string as a pattern. ``owner`` distinguishes the policy variables of several principals."""
    if parts == ("*",):
        return STAR
    fields = fields_of(join(tuple(_expand(parts))))
    if len(fields) > 1 and fields[0] == ["arn"]:
        if len(fields[1]) == 1 and (isinstance(fields[1][0], Unresolved) or fields[1][0] in ("*", *PARTITIONS)):
            fields[1] = ["aws"]
        if len(fields) > 4 and len(fields[4]) == 1:
            held = fields[4][0]
            own = (
                held.kind in (UnresolvedKind.ANYTHING, UnresolvedKind.ACCOUNT_ID)
                if isinstance(held, Unresolved)
                else held == account
            )
            if own or (variables and isinstance(held, str) and held[2:-1].lower() in _OWN_ACCOUNT):
                fields[4] = [_ACCOUNT]
        last = fields[-1][-1] if fields[-1] else ""
        # the rest of an ARN
        rest = any(isinstance(part, Unresolved) and part.expression.endswith("/…") for part in fields[-1])
        if len(fields) < 6 and not rest and not (isinstance(last, str) and last.endswith("*")):
            fields += [["*"]] * (6 - len(fields))
    return ":".join("".join(_symbols_of(field, variables, owner)) for field in fields)


@lru_cache(maxsize=16384)
def _loose_pattern(parts: tuple[Part, ...], variables: bool, owner: str) -> str | None:
    """Return a Resource string of fewer than six fields with an inner wildcard as a pattern whose ``*`` crosses colons;
    None for any other string. AWS's pages leave open whether it does."""
    fields = fields_of(join(tuple(_expand(parts))))
    written = "".join(part for field in fields for part in field if isinstance(part, str))
    if not 1 < len(fields) < 6 or "*" not in written.rstrip("*"):
        return None
    return ":".join("".join(_symbols_of(field, variables, owner)) for field in fields)


def _symbols_of(field: list[Part], variables: bool, owner: str) -> Iterator[str]:
    for part in field:
        if isinstance(part, Unresolved):
            yield glob.symbol_for(part)
            continue
        position = 0
        for match in _VARIABLE.finditer(part) if variables else ():
            yield glob.from_text(part[position : match.start()])
            inside = match.group(1)
            if inside in ("*", "?", "$"):
                yield inside
            elif inside.lower() in _OWN_ACCOUNT:
                yield glob.symbol_for(_ACCOUNT)
            else:
                yield glob.symbol_for(Unresolved(match.group()), f"{owner}{match.group()}")
            position = match.end()
        yield glob.from_text(part[position:])


def _expand(parts: tuple[Part, ...], around: str = "") -> Iterator[Part]:
    """Yield the parts with each unresolved part replaced by its known structure; generic ones in there are named after
    it."""
    for part in parts:
        if not isinstance(part, Unresolved):
            yield part
        elif part.known is not None:
            yield from _expand(part.known, part.role or part.expression)
        elif part.kind is UnresolvedKind.PARTITION or part.kind is UnresolvedKind.ACCOUNT_ID:
            yield replace(part, expression=part.kind.value, role=None, reason="")
        elif part.expression in _GENERIC_EXPRESSIONS:
            yield replace(part, expression=f"{around}/{part.expression}")
        elif part.expression == around:  # the rest of an ARN whose service is known
            yield replace(part, expression=f"{around}/…")
        else:
            yield part


def requested_resource(resource: StringNode, account: str | None = None) -> str:
    """Return a requested resource as a pattern."""
    return resource_glob(resource.parts, True, account=account)
