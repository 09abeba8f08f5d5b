"""Policy documents with a verdict that follows from AWS's documentation alone, written without looking at any tool.

``unsafe``: the document lets its holder pass every role of the account, or roles that nothing reliable limits, or to
nearly every service. ``safe``: it grants no PassRole, or names roles (or a name or path prefix) and services. AWS's two
examples without a condition on the service are in neither set, since tools may well differ about them.

Pages of the IAM User Guide: passing roles (id_roles_use_passrole), the policy elements (reference_policies_elements_…),
the condition keys of IAM (reference_policies_iam-condition-keys), the evaluation (reference_policies_evaluation-logic).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ACCOUNT = "arn:aws:iam::111122223333"
WORKER = f"{ACCOUNT}:role/Worker"


@dataclass(frozen=True, slots=True)
class Judged:
    """A policy document, its verdict, and the page that it follows from."""

    name: str
    unsafe: bool
    document: dict[str, Any]
    page: str


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: str | list[str] = "iam:PassRole", resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def service(operator: str, value: str | list[str], key: str = "iam:PassedToService") -> dict[str, Any]:
    return {operator: {key: value}}


_PASSING, _KEYS = "id_roles_use_passrole", "reference_policies_iam-condition-keys"
_ACTION, _RESOURCE = "reference_policies_elements_action", "reference_policies_elements_resource"
_OPERATORS = "reference_policies_elements_condition_operators"


def _unsafe(name: str, page: str, *statements: dict[str, Any]) -> Judged:
    return Judged(name, True, document(*statements), page)


def _safe(name: str, page: str, *statements: dict[str, Any]) -> Judged:
    return Judged(name, False, document(*statements), page)


STATEMENTS = (
    _unsafe("every-role", _PASSING, allow()),
    _unsafe("every-role-by-arn", _RESOURCE, allow(resource=f"{ACCOUNT}:role/*")),
    _unsafe("every-role-of-any-account-field", _RESOURCE, allow(resource="arn:aws:iam::*:role/*")),
    _unsafe("other-letter-case", _ACTION, allow("IAM:passROLE")),
    _unsafe("action-prefix", _ACTION, allow("iam:Pass*")),
    _unsafe("all-actions-of-iam", _ACTION, allow("iam:*")),
    _unsafe("all-actions", _ACTION, allow("*")),
    _unsafe(
        "not-action",
        "reference_policies_elements_notaction",
        {"Effect": "Allow", "NotAction": ["s3:*", "ec2:*"], "Resource": "*"},
    ),
    _unsafe(
        "not-resource",
        "reference_policies_elements_notresource",
        {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": f"{ACCOUNT}:role/Admin"},
    ),
    _unsafe("any-service-by-wildcard", _OPERATORS, allow(Condition=service("StringLike", "*"))),
    _unsafe(
        "all-services-but-one",
        _OPERATORS,
        allow(resource=f"{ACCOUNT}:role/app-*", Condition=service("StringNotEquals", "ec2.amazonaws.com")),
    ),
    _unsafe("role-tag-only", _PASSING, allow(Condition={"StringEquals": {"iam:ResourceTag/team": "orders"}})),
    _safe(
        "one-role-one-service",
        _PASSING,
        allow(resource=WORKER, Condition=service("StringEquals", "lambda.amazonaws.com")),
    ),
    _safe(
        "name-prefix-one-service",
        _PASSING,
        allow("iam:GetRole", f"{ACCOUNT}:role/EC2-roles-for-XYZ-*"),
        allow(resource=f"{ACCOUNT}:role/EC2-roles-for-XYZ-*", Condition=service("StringEquals", "ec2.amazonaws.com")),
    ),
    _safe(
        "path-one-service",
        _RESOURCE,
        allow(resource=f"{ACCOUNT}:role/tasks/*", Condition=service("StringEquals", "ecs-tasks.amazonaws.com")),
    ),
    _safe(
        "two-roles-two-services",
        _KEYS,
        allow(
            resource=[WORKER, f"{ACCOUNT}:role/Reader"],
            Condition=service("StringEquals", ["lambda.amazonaws.com", "states.amazonaws.com"]),
        ),
    ),
    _safe(
        "key-in-other-letter-case",
        "reference_policies_elements_condition",
        allow(resource=WORKER, Condition=service("StringEquals", "ec2.amazonaws.com", "IAM:passedtoservice")),
    ),
    _safe(
        "value-in-other-letter-case",
        _OPERATORS,
        allow(resource=WORKER, Condition=service("StringEqualsIgnoreCase", "EC2.amazonaws.com")),
    ),
    _safe(
        "service-by-pattern", _OPERATORS, allow(resource=WORKER, Condition=service("StringLike", "ec2.amazonaws.com*"))
    ),
    _safe(
        "more-conditions",
        "reference_policies_condition-logic-multiple-context-keys-or-values",
        allow(
            resource=WORKER,
            Condition={
                "StringEquals": {"iam:PassedToService": "glue.amazonaws.com"},
                "Bool": {"aws:MultiFactorAuthPresent": "true"},
            },
        ),
    ),
    _safe(
        "explicit-deny-wins",
        "reference_policies_evaluation-logic",
        allow(),
        {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"},
    ),
    _safe("deny-only", "reference_policies_elements_effect", {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}),
    _safe("reading-only", _ACTION, allow(["iam:GetRole", "iam:ListRoles"])),
    _safe(
        "not-action-of-iam",
        "reference_policies_elements_notaction",
        {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
    ),
)
