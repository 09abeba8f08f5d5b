"""Service principals of trust policies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from path_conditions_of_tests import choice

from passrole_checks.iam.documents.trust import names_no_service, possible_services, trusted_services
from passrole_checks.iam.values.nodes import (
    Absent,
    ListNode,
    Node,
    ObjectEntry,
    ObjectNode,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
    text,
)

AT = Position("role.tf", 1)
LAMBDA = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def trusting(accounts: Node) -> Node:
    """A trust policy whose accounts are a node."""
    found: Node = ListNode((accounts,), AT)
    for key in ("AWS", "Principal", "Statement"):
        found = ObjectNode((ObjectEntry(text(key, AT), found),), AT)
    return found


def trust(*statements: dict[str, Any]) -> StringNode:
    return StringNode((json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),), AT)


@pytest.mark.parametrize(
    ("statements", "services"),
    [
        ([LAMBDA], {"lambda.amazonaws.com"}),
        ([{**LAMBDA, "Principal": {"Service": ["a.amazonaws.com", "b.amazonaws.com"]}}],
         {"a.amazonaws.com", "b.amazonaws.com"}),
        ([LAMBDA, {**LAMBDA, "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}], {"lambda.amazonaws.com"}),
        ([LAMBDA, {**LAMBDA, "Action": "sts:TagSession", "Principal": {"Service": "b.amazonaws.com"}}],
         {"lambda.amazonaws.com"}),
    ],
)  # fmt: skip
def test_services_that_may_assume_the_role(statements: list[dict[str, Any]], services: set[str]) -> None:
    """The services are those that an Allow of sts:AssumeRole names."""
    assert trusted_services(trust(*statements)) == services


@pytest.mark.parametrize(
    "document",
    [
        None,
        StringNode((Unresolved("var.trust"),), AT),
        StringNode(("{",), AT),
        trust({**LAMBDA, "Effect": "Deny"}),
        trust({**LAMBDA, "Principal": "*"}),
        trust({"Effect": "Allow", "NotPrincipal": {"Service": "x.amazonaws.com"}, "Action": "sts:AssumeRole"}),
        StringNode(('{"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "',
              Unresolved("var.service"), '"}}]}'), AT),
        choice("IsProd", (("true", trust(LAMBDA)), ("false", trust(LAMBDA))), AT),
        trust({**LAMBDA, "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}),
    ],
)  # fmt: skip
def test_undecidable_trust_policy_is_unknown(document: Any) -> None:
    """A Deny, a wildcard, an unresolved part, an alternative, or no service at all: is unknown who may assume the
    role."""
    assert trusted_services(document) is None


ACCOUNT = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}
PROVIDER = {
    "Effect": "Allow",
    "Action": "sts:AssumeRoleWithSAML",
    "Principal": {"Federated": "arn:aws:iam::111122223333:saml-provider/x"},
}


MEMBERS = {"StringEquals": {"aws:PrincipalOrgID": "o-example"}}
PATHS = {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-example/*"}}


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        (trust(ACCOUNT), (True, False)),
        (trust(ACCOUNT, PROVIDER), (True, True)),
        (trust({**ACCOUNT, "Principal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:role/a"]}}), (True, False)),
        (
            StringNode(
                (
                    '{"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
                    '"Principal": {"AWS": "arn:aws:iam::',
                    Unresolved("account"),
                    ':root"}}]}',
                ),
                AT,
            ),
            (True, False),
        ),
        (choice("known", (("true", trust(ACCOUNT)), ("false", trust(PROVIDER))), AT), (True, True)),
        (choice("known", (("true", trust(ACCOUNT)), ("false", trust(LAMBDA))), AT), (False, False)),
        (choice("known", (("true", trust(ACCOUNT)), ("false", StringNode(("{",), AT))), AT), (False, False)),
        (trusting(choice("known", (("true", text("111122223333", AT)), ("false", Absent(AT))), AT)), (True, False)),
        (trusting(choice("known", (("true", text("111122223333", AT)), ("false", text("*", AT))), AT)), (False, False)),
        (trusting(StringNode((Unresolved("User.Arn", known=("arn:", Unresolved("rest"))),), AT)), (True, False)),
        (trusting(StringNode((Unresolved("AWS::AccountId", UnresolvedKind.ACCOUNT_ID),), AT)), (True, False)),
        (trusting(StringNode((Unresolved("var.account"),), AT)), (False, False)),
        (trusting(StringNode((Unresolved("var.account", known=("*",)),), AT)), (False, False)),
        (trust(ACCOUNT, LAMBDA), (False, False)),
        (trust({**ACCOUNT, "Principal": {"AWS": "*"}}), (False, False)),
        (trust({**ACCOUNT, "Principal": "*"}), (False, False)),
        (trust({**ACCOUNT, "Principal": {"AWS": "*"}, "Condition": MEMBERS}), (True, False)),
        (trust({**ACCOUNT, "Principal": "*", "Condition": MEMBERS}), (True, False)),
        (trust({**ACCOUNT, "Principal": "*", "Condition": PATHS}), (True, False)),
        (
            trust({**ACCOUNT, "Principal": "*", "Condition": {"StringEqualsIfExists": MEMBERS["StringEquals"]}}),
            (False, False),
        ),
        (trust({**ACCOUNT, "Principal": "*", "Condition": {"StringEquals": {"sts:ExternalId": "x"}}}), (False, False)),
        (trust({**LAMBDA, "Condition": MEMBERS}), (False, False)),
        (StringNode((Unresolved("var.trust"),), AT), (False, False)),
        (None, (False, False)),
    ],
)
def test_trust_policy_without_services(document: Any, answer: tuple[bool, bool]) -> None:
    """Accounts, users, roles and identity providers are no services; everybody and what is not known may be one."""
    assert names_no_service(document) == answer


SERVICES = {"lambda.amazonaws.com", "b.amazonaws.com"}
B = {**LAMBDA, "Principal": {"Service": "b.amazonaws.com"}}


@pytest.mark.parametrize(
    ("document", "services"),
    [
        (trust(LAMBDA), {"lambda.amazonaws.com"}),
        (trust(LAMBDA, {**B, "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}), SERVICES),
        (trust(LAMBDA, {**B, "Effect": "Deny"}), {"lambda.amazonaws.com"}),
        (choice("IsProd", (("true", trust(LAMBDA)), ("false", trust(B))), AT), SERVICES),
        (trust(LAMBDA, {**LAMBDA, "Principal": "*"}), None),
        (trust(LAMBDA, {**LAMBDA, "Principal": {"Service": 7}}), None),
        (StringNode(('{"Statement": [', Unresolved("var.more"), "]}"), AT), None),
        (StringNode(('{"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "',
              Unresolved("var.service"), '"}}]}'), AT), None),
        (trust({**LAMBDA, "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}), None),
    ],
)  # fmt: skip
def test_services_of_all_variants_and_conditions(document: Any, services: set[str] | None) -> None:
    """Every service that an Allow names, under whatever condition; None if another principal may be a service."""
    assert possible_services(document) == services
