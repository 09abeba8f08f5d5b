"""The examples on each check class are its tests."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from passrole_checks.access.access_change import Beneficiary
from passrole_checks.access.access_model import AccessModel
from passrole_checks.checks import ALL
from passrole_checks.checks.any_role import AnyRole
from passrole_checks.checks.any_service import AnyService
from passrole_checks.checks.base.check import Check, Element, Example, allow
from passrole_checks.checks.base.grant_context import GrantContext
from passrole_checks.checks.ineffective_condition import IneffectiveCondition
from passrole_checks.findings import Severity, Verdict
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.grants.access_comparison import AccessComparison
from passrole_checks.iam.grants.access_set import access_of
from passrole_checks.iam.values.nodes import Position, StringNode, Unresolved, join, text
from passrole_checks.scan.contexts import contexts_of
from passrole_checks.scan.run_checks import evaluate
from passrole_checks.sources.model.configuration import (
    AttachedPolicy,
    Configuration,
    Framework,
    ResourceDefinition,
    RoleDefinition,
)


def document(example: Example) -> StringNode:
    """The policy document of an example, with its unknown texts as unresolved values."""
    written = json.dumps({"Version": "2012-10-17", "Statement": list(example.statements)})
    parts: list[str | Unresolved] = [written]
    for name in example.unknown:
        cut: list[str | Unresolved] = []
        for part in parts:
            pieces = part.split(name) if isinstance(part, str) else [part]
            for index, piece in enumerate(pieces):
                cut.extend([Unresolved(f"var.{name.lower()}"), piece] if index else [piece])
        parts = cut
    return StringNode(join(parts), Position("example.json", 1))


def configuration(example: Example) -> Configuration:
    """The configuration of an example: its policy, the principal's other policy, and the roles."""
    at = Position("example.json", 1)
    holder = next((role.name for role in example.roles if role.is_holder), "deployer")
    policies = [_policy("policy", document(example), holder)]
    if example.beside:
        policies.append(_policy("beside", document(replace(example, statements=example.beside)), holder))
    roles = []
    for role in example.roles:
        resource = ResourceDefinition(role.name, "aws_iam_role", Framework.TERRAFORM, at)
        trust = [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": list(role.trusts)}}]
        written = json.dumps({"Version": "2012-10-17", "Statement": trust})
        roles.append(RoleDefinition(resource, text(role.name, at), trust=text(written, at)))
        if role.statements:
            own = replace(example, statements=role.statements)
            policies.append(_policy(f"of {role.name}", document(own), role.name))
    resources = tuple(role.resource for role in roles)
    return Configuration(Framework.TERRAFORM, (), resources, tuple(policies), tuple(roles))


def _policy(name: str, written: StringNode, holder: str) -> AttachedPolicy:
    resource = ResourceDefinition(name, "aws_iam_user_policy", Framework.TERRAFORM, written.at)
    return AttachedPolicy(resource, "policy", written, principals=(holder,))


def verdicts(check: type[Check], example: Example) -> list[Verdict]:
    model = AccessModel(configuration(example), example.account)
    policy = model.configuration.policies[0]
    if example.managed:
        policy = replace(policy, managed=example.managed)
    assert model.document(policy).problems == ()
    found: list[Verdict] = []
    for context in contexts_of(model, policy, with_change=False):
        if example.before is not None:
            context = changed(check, context, example)
        found += [item.verdict for item in evaluate(check, context, unexpected)]
    return found


def changed(check: type[Check], context: GrantContext, example: Example) -> GrantContext:
    """Return the context of a grant after the change that an example shows."""
    earlier = parse_document(document(replace(example, statements=example.before or ())))
    services = context.model.services
    comparison = AccessComparison(
        access_of(earlier.statements, services), access_of(context.statements, services), services
    )
    gain = comparison.gain_of(context.grant.statement)
    severities = {
        other.id: max((item.verdict.severity for item in found), key=lambda severity: severity.rank)
        for other in ALL
        if other.id in check.depends_on_verdicts_of and (found := evaluate(other, context, unexpected))
    }
    return replace(context, beneficiaries=(Beneficiary("", gain),) if gain else (), other_severities=severities)


def unexpected(check: type[Check], error: Exception) -> None:
    raise error


def examples(kind: str) -> Iterator[object]:
    for check in ALL:
        for example in getattr(check, kind):
            yield pytest.param(check, example, id=f"{check.id}: {example.title}")


@pytest.mark.parametrize(("check", "example"), list(examples("flagged")))
def test_flagged_example_is_flagged_once(check: type[Check], example: Example) -> None:
    """A flagged example gets one verdict, no worse than the severity that the check promises."""
    (verdict,) = verdicts(check, example)
    assert verdict.severity.rank <= check.severity.rank
    assert verdict.message.endswith(".") and verdict.remediation.endswith(".")


@pytest.mark.parametrize(("check", "example"), list(examples("clean")))
def test_clean_example_is_clean(check: type[Check], example: Example) -> None:
    """A clean example gets no verdict from its check."""
    assert verdicts(check, example) == []


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.id)
def test_check_says_what_it_is(check: type[Check]) -> None:
    """Every check has an id, a name, examples of both kinds, and a docstring that cites its source or its cure."""
    assert check.id.startswith("PASSROLE_") and check.name and check.title
    assert check.flagged and check.clean
    assert check.documentation().count("\n\n") >= 2


def test_excluding_a_service_by_a_deny_does_not_scope_the_services() -> None:
    """A Deny that excludes only one service does not lower findings: 001 stays high, 002 stays."""
    exclude = {
        "Effect": "Deny",
        "Action": "iam:PassRole",
        "Resource": "*",
        "Condition": {"StringEquals": {"iam:PassedToService": "robomaker.amazonaws.com"}},
    }
    (wide,) = verdicts(AnyRole, Example("", (allow("iam:PassRole", "*"), exclude)))
    assert wide.severity is Severity.HIGH
    role = "arn:aws:iam::111122223333:role/app-*"
    (_,) = verdicts(AnyService, Example("", (allow("iam:PassRole", role), exclude)))


def test_every_known_service_in_pieces_is_every_service() -> None:
    """A list of wildcards that leaves no known service out limits nothing."""
    letters = [f"{letter}*" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"]
    condition = {"StringLike": {"iam:PassedToService": letters}}
    example = Example("", (allow("iam:PassRole", "arn:aws:iam::111122223333:role/app-*", condition),))
    (verdict,) = verdicts(IneffectiveCondition, example)
    assert verdict.severity is Severity.MEDIUM


def _with_unknown(example: Example, element: Element) -> Example | None:
    """The example with an unresolved element in its first statement; None if it has none there."""
    first, *others = copy.deepcopy(example.statements)
    if element is Element.ROLES and "Resource" in first:
        first["Resource"] = "OPEN"
    elif element is Element.SERVICES:
        for keys in first.setdefault("Condition", {"StringEquals": {"iam:PassedToService": "OPEN"}}).values():
            keys.update({key: "OPEN" for key in keys if key.lower() == "iam:passedtoservice"})
    else:
        return None
    return replace(example, statements=(first, *others), unknown=(*example.unknown, "OPEN"))


@pytest.mark.parametrize("check", [check for check in ALL if check.independent_of], ids=lambda check: check.id)
def test_check_is_independent_of_its_declared_elements(check: type[Check]) -> None:
    """A check flags an example also if an element that the check is independent of is unresolved."""
    if check.checks_managed_policies:
        return  # it looks at statements of AWS, in which nothing is unresolved
    asked = 0
    for example in (example for other in ALL for example in (*other.flagged, *other.clean) if not example.managed):
        for element in check.independent_of:
            opened = _with_unknown(example, element)
            if opened is not None and opened.statements != example.statements and verdicts(check, example):
                assert verdicts(check, opened), (example.title, element)
                asked += 1
    assert asked
