"""Compare access before and after a change, against a slow and obvious reference."""

from __future__ import annotations

import fnmatch
import json
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import examples

from passrole_checks.iam.conditions.passed_to_service import NO_KEY, UNKNOWN_SERVICE
from passrole_checks.iam.documents.policy import Statement, parse_document
from passrole_checks.iam.grants.access_comparison import AccessComparison
from passrole_checks.iam.grants.access_set import Gain, access_of
from passrole_checks.iam.roles.role_search import Deployment
from passrole_checks.iam.values.nodes import Part, Position, StringNode, Ternary, Unresolved, UnresolvedKind, join
from passrole_checks.iam.values.path_conditions import Assumption

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
LAMBDA, EC2 = "lambda.amazonaws.com", "ec2.amazonaws.com"
SERVICES = {"aws": frozenset({LAMBDA, EC2}), "aws-cn": frozenset({LAMBDA, EC2})}
HERE = Deployment(ACCOUNT)

Policy = list[dict[str, Any]]


def statements(
    policy: Policy, unresolved_parts: dict[str, Unresolved] | None = None, file: str = "policy.json"
) -> tuple[Statement, ...]:
    """Return the statements of a document of Version 2012-10-17, with the keys of the second parameter replaced by
    their unresolved values."""
    parts: list[Part] = [json.dumps({"Version": "2012-10-17", "Statement": policy})]
    for name, hole in (unresolved_parts or {}).items():
        cut: list[Part] = []
        for part in parts:
            pieces = part.split(name) if isinstance(part, str) else [part]
            for index, piece in enumerate(pieces):
                cut.extend([hole, piece] if index else [piece])
        parts = cut
    parsed = parse_document(StringNode(join(parts), Position(file, 1)))
    assert parsed.problems == ()
    return parsed.statements


def allow(resource: str | list[str], services: str | list[str] | None = None, **more: Any) -> dict[str, Any]:
    return _statement("Allow", resource, services, more)


def deny(resource: str | list[str], services: str | list[str] | None = None, **more: Any) -> dict[str, Any]:
    return _statement("Deny", resource, services, more)


def _statement(effect: str, resource: Any, services: Any, more: dict[str, Any]) -> dict[str, Any]:
    found = {"Effect": effect, "Action": "iam:PassRole", "Resource": resource}
    condition = dict(more)
    if services is not None:
        condition["StringEquals"] = {"iam:PassedToService": services, **more.get("StringEquals", {})}
    return {**found, "Condition": condition} if condition else found


def gains(
    before: Policy,
    after: Policy,
    *,
    unresolved_parts: dict[str, Unresolved] | None = None,
    holes_before: dict[str, Unresolved] | None = None,
    where: Deployment = HERE,
) -> list[Gain]:
    """Return the gain of each statement of ``after``."""
    earlier = statements(before, unresolved_parts if holes_before is None else holes_before, "before.json")
    later = statements(after, unresolved_parts)
    comparison = AccessComparison(access_of(earlier, SERVICES), access_of(later, SERVICES), SERVICES, where)
    return [gain for item in later if (gain := comparison.gain_of(item)) is not None]


def is_new(before: Policy, after: Policy, **more: Any) -> Ternary:
    """Return YES for a certain gain, UNKNOWN for a possible one, NO for none."""
    found = gains(before, after, **more)
    if not found:
        return Ternary.NO
    return Ternary.YES if any(gain.certain is Ternary.YES for gain in found) else Ternary.UNKNOWN


@pytest.mark.parametrize("service", ["XLAMBDA.amazonaws.com", "xlambda.AMAZONAWS.com"])
def test_ignore_case_compares_services_without_case(service: str) -> None:
    """Operators that ignore case give the same services for any spelling, also for an unknown service."""
    before = [allow(ROLE + "a", StringEqualsIgnoreCase={"iam:PassedToService": service})]
    assert is_new(before, [allow(ROLE + "a", "xlambda.amazonaws.com")]) is Ternary.NO
    assert is_new(before, [allow(ROLE + "a", "xlambda2.amazonaws.com")]) is Ternary.YES


@pytest.mark.parametrize("denied", ["arn:aws:iam::*/a", "arn:aws:iam::${aws:PrincipalAccount}:role/a"])
def test_removing_an_uncertain_deny_is_an_uncertain_gain(denied: str) -> None:
    """Wildcards may or may not cross colons, and IAM substitutes no variable before the fifth colon: removing such a
    Deny is no certain gain."""
    assert is_new([allow("*"), deny(denied)], [allow(ROLE + "a")]) is Ternary.UNKNOWN


# -- the reference: request by request

_PATTERNS = ["*", ROLE + "*", ROLE + "a*", ROLE + "ab", ROLE + "a", ROLE + "?b", ROLE + "*b", ROLE + "x/*", ROLE + "b"]
_NAMES = ["".join(letters) for length in (1, 2, 3) for letters in product("abz", repeat=length)]
_ROLES = [*_NAMES, *(f"x/{name}" for name in _NAMES), *(f"a/{name}" for name in ("a", "b", "zz"))]
_ANYBODY = "unheard-of.amazonaws.com"


@dataclass(frozen=True)
class Rule:
    """One statement: effect, patterns (or those left out), and a test on the service."""

    effect: str
    patterns: tuple[str, ...]
    left_out: bool = False
    operator: str | None = None
    values: tuple[str, ...] = field(default=(LAMBDA,))

    def written(self) -> dict[str, Any]:
        found: dict[str, Any] = {"Effect": self.effect, "Action": "iam:PassRole"}
        found["NotResource" if self.left_out else "Resource"] = list(self.patterns)
        if self.operator:
            found["Condition"] = {self.operator: {"iam:PassedToService": list(self.values)}}
        return found

    def speaks_of(self, role: str, service: str | None) -> bool:
        matched = any(fnmatch.fnmatchcase(ROLE + role, pattern) for pattern in self.patterns)
        return matched is not self.left_out and self._meets(service)

    def _meets(self, service: str | None) -> bool:
        if self.operator is None:
            return True
        negated, if_exists = "Not" in self.operator, self.operator.endswith("IfExists")
        if service is None:
            return negated or if_exists
        return any(fnmatch.fnmatchcase(service, value) for value in self.values) is not negated


def allowed(rules: list[Rule], role: str, service: str | None) -> bool:
    found = [rule.effect for rule in rules if rule.speaks_of(role, service)]
    return "Allow" in found and "Deny" not in found


_rules = st.builds(
    Rule,
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.lists(st.sampled_from(_PATTERNS), min_size=1, max_size=2, unique=True).map(tuple),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([None, "StringEquals", "StringNotEquals", "StringLike", "StringEqualsIfExists", "StringNotLike"]),
    st.sampled_from([(LAMBDA,), (EC2,), (LAMBDA, EC2)]),
)
_policies = st.lists(_rules, max_size=4)


@settings(max_examples=examples(200))
@given(_policies, _policies)
def test_gain_agrees_with_requests(before: list[Rule], after: list[Rule]) -> None:
    """A statement gains access to exactly those services for which a request is newly allowed."""
    later = statements([rule.written() for rule in after])
    comparison = AccessComparison(
        access_of(statements([rule.written() for rule in before], file="before.json"), SERVICES),
        access_of(later, SERVICES),
        SERVICES,
        HERE,
    )
    for rule, statement in zip(after, later, strict=True):
        gain = comparison.gain_of(statement)
        requests = product(_ROLES, (LAMBDA, EC2, _ANYBODY, None))
        expected = {
            service
            for role, service in requests
            if rule.effect == "Allow"
            and rule.speaks_of(role, service)
            and allowed(after, role, service)
            and not allowed(before, role, service)
        }
        found: set[str | None] = set()
        for widening in gain.widenings if gain else ():
            assert widening.certain is Ternary.YES
            found.update(widening.services.names)
            if widening.services.others:
                found |= {_ANYBODY, LAMBDA, EC2} - set(widening.services.left_out)
            if widening.services.without_key:
                found.add(None)
        assert found == expected


@settings(max_examples=examples(100))
@given(_policies, st.randoms(use_true_random=False))
def test_reordered_statements_gain_nothing(rules: list[Rule], random: Any) -> None:
    """Statements in another order give nothing new."""
    shuffled = list(rules)
    random.shuffle(shuffled)
    assert gains([rule.written() for rule in rules], [rule.written() for rule in shuffled]) == []


# -- unresolved values: the answer is correct for every value of them

_WITH_HOLES = [*_PATTERNS, ROLE + "HOLE", ROLE + "HOLE*", ROLE + "aHOLE", ROLE + "x/HOLE", ROLE + "*HOLE", "HOLE"]
_rules_with_holes = st.builds(
    Rule,
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.lists(st.sampled_from(_WITH_HOLES), min_size=1, max_size=2, unique=True).map(tuple),
    st.sampled_from([False, False, False, True]),
)
_policies_with_holes = st.lists(_rules_with_holes, min_size=1, max_size=3)
_NAMED = ["a", "b", "ab", "zzz"]
_ANYTHING = [*_NAMED, "", "*", "a*", "?", "x/a", ROLE + "a", ROLE + "*"]


@settings(max_examples=examples(100))
@given(_policies_with_holes, _policies_with_holes, st.sampled_from([UnresolvedKind.NAME, UnresolvedKind.ANYTHING]))
def test_no_gain_holds_for_all_values_of_unresolved_parts(
    before: list[Rule], after: list[Rule], kind: UnresolvedKind
) -> None:
    """If there is no gain, there is none for any string in place of the unresolved part on both sides."""
    written, later = [rule.written() for rule in before], [rule.written() for rule in after]
    if is_new(written, later, unresolved_parts={"HOLE": Unresolved("var.x", kind)}) is not Ternary.NO:
        return
    for value in _NAMED if kind is UnresolvedKind.NAME else _ANYTHING:
        filled = [json.loads(json.dumps(policy).replace("HOLE", value)) for policy in (written, later)]
        assert is_new(filled[0], filled[1]) is Ternary.NO, value


@settings(max_examples=examples(40))
@given(_policies_with_holes, _policies_with_holes, st.sampled_from([UnresolvedKind.NAME, UnresolvedKind.ANYTHING]))
def test_different_unresolved_parts_are_different_strings(
    before: list[Rule], after: list[Rule], kind: UnresolvedKind
) -> None:
    """The same for an unresolved part before and another one after."""
    written, later = [rule.written() for rule in before], [rule.written() for rule in after]
    unresolved_parts, earlier = {"HOLE": Unresolved("var.x", kind)}, {"HOLE": Unresolved("var.y", kind)}
    if is_new(written, later, unresolved_parts=unresolved_parts, holes_before=earlier) is not Ternary.NO:
        return
    values = _NAMED if kind is UnresolvedKind.NAME else _ANYTHING
    for one, other in product(values, values):
        filled = [
            json.loads(json.dumps(policy).replace("HOLE", value)) for policy, value in ((written, one), (later, other))
        ]
        assert is_new(filled[0], filled[1]) is Ternary.NO, (one, other)


# -- by hand

SPELLINGS = [
    ([allow("*")], [allow("arn:aws:iam::*:role/*")]),
    ([allow(ROLE + "app-*")], [allow("arn:aws:iam::*:role/app-*")]),
    ([allow(ROLE + "app-*")], [allow([ROLE + "app-a*", ROLE + "app-?"])]),
    ([allow(ROLE + "app-*", [LAMBDA, EC2])], [allow(ROLE + "app-*", EC2), allow(ROLE + "app-*", LAMBDA)]),
    ([allow(ROLE + "*")], [{"Effect": "Allow", "NotAction": "s3:*", "NotResource": ROLE + "admin"}]),
    ([allow("*"), deny(ROLE + "admin")], [{"Effect": "Allow", "Action": "iam:*", "NotResource": ROLE + "admin"}]),
    ([allow(ROLE + "a", StringEquals={"aws:username": ["x", "y"]})],
     [allow(ROLE + "a", StringEquals={"aws:UserName": "x"})]),
    ([allow(ROLE + "a", StringNotEquals={"aws:username": "x"})],
     [allow(ROLE + "a", StringNotEquals={"aws:username": ["x", "y"]})]),
    ([allow(ROLE + "a", BoolIfExists={"aws:MultiFactorAuthPresent": "true"})],
     [allow(ROLE + "a", Bool={"aws:MultiFactorAuthPresent": "true"})]),
    ([allow(ROLE + "${aws:username}-*")], [allow(ROLE + "${aws:username}-b")]),
    ([allow("*"), deny("*", Bool={"aws:MultiFactorAuthPresent": "false"})],
     [deny("*", Bool={"aws:MultiFactorAuthPresent": "false"}), allow(ROLE + "a")]),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), SPELLINGS)
def test_equivalent_or_narrower_access_is_no_gain(before: Policy, after: Policy) -> None:
    """Another spelling, an added condition, or fewer values gain nothing."""
    assert is_new(before, after) is Ternary.NO


WIDER = [
    ([], [allow(ROLE + "a")]),
    ([allow(ROLE + "a")], [allow(ROLE + "b")]),
    ([allow(ROLE + "app-*")], [allow("*")]),
    ([allow(ROLE + "a", LAMBDA)], [allow(ROLE + "a")]),
    ([allow(ROLE + "a", LAMBDA)], [allow(ROLE + "a", StringEqualsIfExists={"iam:PassedToService": LAMBDA})]),
    ([allow("*"), deny(ROLE + "admin")], [allow("*")]),
    ([allow("*"), deny("*", Bool={"aws:MultiFactorAuthPresent": "false"})], [allow("*")]),
    ([allow(ROLE + "a", Bool={"aws:MultiFactorAuthPresent": "true"})], [allow(ROLE + "a")]),
    ([allow(ROLE + "a", StringLike={"iam:PassedToService": "zeta-a*"})],
     [allow(ROLE + "a", StringLike={"iam:PassedToService": "zeta-*"})]),
    ([allow(ROLE + "${aws:username}-a")], [allow(ROLE + "${aws:username}-*")]),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), WIDER)
def test_wider_access_is_a_certain_gain(before: Policy, after: Policy) -> None:
    """Another role, another service, a removed condition or a removed Deny is a certain gain."""
    assert is_new(before, after) is Ternary.YES


@pytest.mark.parametrize(("after", "before"), [pair for pair in WIDER if pair[0] and pair[0] != [allow(ROLE + "a")]])
def test_narrowing_is_no_gain(before: Policy, after: Policy) -> None:
    """The way back from each widening gives nothing new."""
    assert is_new(before, after) is Ternary.NO


def test_changed_condition_is_an_uncertain_gain() -> None:
    """A test on the same key with other values is neither surely narrower nor surely wider."""
    before = [allow(ROLE + "a", IpAddress={"aws:SourceIp": "198.51.100.0/24"})]
    after = [allow(ROLE + "a", IpAddress={"aws:SourceIp": "203.0.113.0/24"})]
    assert is_new(before, after) is Ternary.UNKNOWN
    (gain,) = gains(before, after)
    assert gain.widenings[0].conditions == ("aws:SourceIp",)


def test_widening_describes_the_difference() -> None:
    """A widening contains the new services, the previous ones, narrower previous roles, and a removed Deny."""
    (services,) = gains([allow(ROLE + "a", LAMBDA)], [allow(ROLE + "a", [LAMBDA, EC2])])
    (widening,) = services.widenings
    assert widening.services.names == (EC2,) and widening.kept is not None and widening.kept.names == (LAMBDA,)
    (roles,) = gains([allow(ROLE + "app-*")], [allow("*")])
    assert [str(item) for item in roles.widenings[0].earlier] == [ROLE + "app-*"]
    assert roles.widenings[0].services.others and roles.widenings[0].services.left_out == ()
    (gone,) = gains([allow("*"), deny(ROLE + "admin")], [allow("*")])
    assert gone.widenings[0].denied


def test_services_of_a_pattern_are_shown_as_the_pattern() -> None:
    """A pattern that no known service matches is shown itself, never an invented service."""
    before = [allow(ROLE + "a", StringLike={"iam:PassedToService": "zeta-a*"})]
    after = [allow(ROLE + "a", StringLike={"iam:PassedToService": ["zeta-*", "lamb*"]})]
    (gain,) = gains(before, after)
    found = {name for widening in gain.widenings for name in widening.services.names}
    assert found == {"zeta-*", "lamb*", LAMBDA}
    assert {name for widening in gain.widenings if widening.kept for name in widening.kept.names} == {"zeta-a*"}


def test_remaining_deny_prevents_a_gain() -> None:
    """Access that a Deny in any policy excludes after the change is no gain."""
    assert is_new([deny(ROLE + "admin")], [allow(ROLE + "admin"), deny(ROLE + "*")]) is Ternary.NO
    # under a condition that may not hold, a Deny takes nothing away
    guard = deny("*", Bool={"aws:MultiFactorAuthPresent": "false"})
    assert is_new([guard], [allow(ROLE + "admin"), guard]) is Ternary.YES


NAME = Unresolved("aws_iam_role.app.name", UnresolvedKind.NAME)
OPEN = Unresolved("var.role")


def test_equal_unresolved_parts_are_equal() -> None:
    """Unresolved parts with the same expression are equal on both sides."""
    for hole in (NAME, OPEN):
        unresolved_parts = {"HOLE": hole}
        assert is_new([allow("HOLE")], [allow("HOLE")], unresolved_parts=unresolved_parts) is Ternary.NO
        assert (
            is_new([allow(ROLE + "x-HOLE-*")], [allow(ROLE + "x-HOLE-a")], unresolved_parts=unresolved_parts)
            is Ternary.NO
        )
        assert (
            is_new([allow(ROLE + "a", "HOLE")], [allow(ROLE + "a", "HOLE")], unresolved_parts=unresolved_parts)
            is Ternary.NO
        )
    assert is_new([allow(ROLE + "a-?")], [allow(ROLE + "a-HOLE")], unresolved_parts={"HOLE": NAME}) is not Ternary.NO


def test_unresolved_part_is_not_one_character() -> None:
    """A name that is not known is not taken to be as long as one ``?``."""
    unresolved_parts = {"HOLE": NAME}
    assert (
        is_new([allow(ROLE + "?"), allow(ROLE + "HOLE-x")], [allow(ROLE + "HOLE")], unresolved_parts=unresolved_parts)
        is not Ternary.NO
    )


def test_removed_deny_of_a_possible_role_counts() -> None:
    """That a Deny is gone counts where the unknown name may be the role that it named."""
    before = [allow(ROLE + "HOLE"), deny(ROLE + "app")]
    assert is_new(before, [allow(ROLE + "HOLE")], unresolved_parts={"HOLE": NAME}) is not Ternary.NO
    assert is_new(before, [allow(ROLE + "HOLE"), deny(ROLE + "a*")], unresolved_parts={"HOLE": NAME}) is Ternary.NO


def test_known_structure_of_unresolved_part_counts() -> None:
    """The ARN of a role that is spelled out as far as its account equals the literal one in that account only."""
    parts: tuple[Part, ...] = (
        "arn:",
        Unresolved("partition", UnresolvedKind.PARTITION),
        ":iam::",
        Unresolved("account", UnresolvedKind.ACCOUNT_ID),
        ":role/app",
    )
    unresolved_parts = {"HOLE": Unresolved("aws_iam_role.app.arn", role="aws_iam_role.app", known=parts)}
    before, after = [allow(ROLE + "app")], [allow("HOLE")]
    assert is_new(before, after, unresolved_parts=unresolved_parts) is Ternary.NO
    assert is_new(before, after, unresolved_parts=unresolved_parts, where=Deployment("444455556666")) is Ternary.YES
    assert is_new([allow(ROLE + "other")], after, unresolved_parts=unresolved_parts) is Ternary.YES


def test_unknown_account_may_be_the_literal_one() -> None:
    """Where nobody says which account it is, a role of a literal account may be the same as one of "this account"."""
    nowhere = Deployment()
    here = {"HOLE": Unresolved("data.aws_caller_identity.current.account_id", UnresolvedKind.ACCOUNT_ID)}
    before = [allow(ROLE + "app")]
    assert (
        is_new(before, [allow("arn:aws:iam::HOLE:role/app")], unresolved_parts=here, where=nowhere) is Ternary.UNKNOWN
    )
    assert is_new(before, [allow("arn:aws:iam::HOLE:role/app")], unresolved_parts=here) is Ternary.NO
    assert is_new([allow("arn:aws:iam::HOLE:role/app")], before, unresolved_parts=here, where=nowhere) is Ternary.NO
    assert is_new(before, [allow("arn:aws:iam::HOLE:role/*")], unresolved_parts=here, where=nowhere) is Ternary.YES


def test_unresolved_pattern_is_an_uncertain_gain() -> None:
    """An unresolved pattern is neither surely new nor surely old; without previous access everything is new."""
    unresolved_parts = {"HOLE": OPEN}
    assert is_new([allow(ROLE + "a")], [allow("HOLE")], unresolved_parts=unresolved_parts) is Ternary.UNKNOWN
    assert is_new([allow("HOLE")], [allow(ROLE + "a")], unresolved_parts=unresolved_parts) is Ternary.UNKNOWN
    assert is_new([allow("*")], [allow("HOLE")], unresolved_parts=unresolved_parts) is Ternary.NO
    assert is_new([], [allow("HOLE")], unresolved_parts=unresolved_parts) is Ternary.YES
    assert (
        is_new([allow(ROLE + "a", LAMBDA)], [allow(ROLE + "a", "HOLE")], unresolved_parts=unresolved_parts)
        is Ternary.UNKNOWN
    )
    assert (
        is_new([allow(ROLE + "a", "HOLE")], [allow(ROLE + "a", LAMBDA)], unresolved_parts=unresolved_parts)
        is Ternary.UNKNOWN
    )
    assert is_new([allow(ROLE + "a")], [allow(ROLE + "a", "HOLE")], unresolved_parts=unresolved_parts) is Ternary.NO


def test_role_of_another_account_is_no_gain() -> None:
    """A role that can only be in another account than the principal is no gain."""
    assert is_new([], [allow("arn:aws:iam::999999999999:role/a")]) is Ternary.NO
    assert is_new([], [allow("arn:aws:s3:::bucket")]) is Ternary.NO
    assert is_new([], [allow("arn:aws:iam::999999999999:role/a")], where=Deployment()) is Ternary.YES


def test_placeholders_are_no_service_names() -> None:
    """The two stand-ins can be no service principal."""
    assert "\0" in UNKNOWN_SERVICE and "\0" in NO_KEY


def test_access_in_other_cases_is_not_wider() -> None:
    """Roles that could be passed in the other case only are new in this one, whatever the patterns look like."""
    on, off = Assumption("var.on"), Assumption("var.on", negated=True)
    earlier = [replace(one, when=(on,)) for one in statements([allow("*")], file="before.json")]
    (later,) = (replace(one, when=(off,)) for one in statements([allow("arn:aws:iam::*:role/*")]))
    comparison = AccessComparison(access_of(earlier, SERVICES), access_of([later], SERVICES), SERVICES, HERE)
    gain = comparison.gain_of(later)
    assert gain is not None and gain.certain is Ternary.YES and not gain.first
    assert [widening.other_cases for widening in gain.widenings] == [True]
