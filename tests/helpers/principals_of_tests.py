"""Configurations for the tests of checks that look at all policies of a principal: written as data, scanned as a
source would hand them on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from path_conditions_of_tests import pairs

from passrole_checks.findings import Finding, Severity
from passrole_checks.iam.values.nodes import Position, StringNode, text
from passrole_checks.scan.scanner import ScanOptions, scan_configurations
from passrole_checks.sources.model.configuration import (
    UNKNOWN_BOUNDARY,
    AttachedPolicy,
    Attachments,
    BoundaryUse,
    Configuration,
    Framework,
    ManagedAttachment,
    PolicyKind,
    ResourceDefinition,
    RoleDefinition,
)

Statement = dict[str, Any]
AT = Position("main.tf", 1)


def written(value: object, line: int = 1) -> StringNode:
    return text(json.dumps(value), Position("main.tf", line))


def document(*statements: Statement) -> object:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(*services: str) -> object:
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": list(services)}})


def allow(action: str | Sequence[str], resource: str | Sequence[str] = "*", condition: object = None) -> Statement:
    statement: Statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return statement if condition is None else {**statement, "Condition": condition}


def deny(action: str | Sequence[str], resource: str = "*", condition: object = None) -> Statement:
    return {**allow(action, resource, condition), "Effect": "Deny"}


def to(*services: str) -> object:
    return {"StringEquals": {"iam:PassedToService": list(services)}}


def resource(address: str, type_: str = "aws_iam_role_policy", line: int = 1) -> ResourceDefinition:
    return ResourceDefinition(address, type_, Framework.TERRAFORM, Position("main.tf", line))


def configuration(
    policies: Sequence[Sequence[Statement]],
    *,
    roles: Mapping[str, tuple[object, Sequence[Statement]]] | None = None,
    holder: str = "deployer",
    boundary: Sequence[Statement] | None = None,
    managed: Sequence[str] = (),
) -> Configuration:
    """Policies of one principal, each on a line of its own; ``roles`` by name, with trust policy and statements;
    ``managed``: names of AWS managed policies of the principal."""
    attached = [
        AttachedPolicy(resource(f"aws_iam_role_policy.p{number}", line=number), "policy",
                       written(document(*statements), number), principals=(holder,))
        for number, statements in enumerate(policies, 1)
    ]  # fmt: skip
    defined = []
    for number, (name, (trusted, statements)) in enumerate((roles or {}).items(), 100):
        own = resource(name, "aws_iam_role", number)
        defined.append(RoleDefinition(own, text(name, own.at), trust=written(trusted, number)))
        if statements:
            attached.append(AttachedPolicy(own, "inline_policy", written(document(*statements), number),
                                           principals=(name,)))  # fmt: skip
    limits: tuple[BoundaryUse, ...] = ()
    if boundary is not None:
        limit = AttachedPolicy(resource("aws_iam_policy.boundary", "aws_iam_policy", 90), "policy",
                               written(document(*boundary), 90), PolicyKind.BOUNDARY)  # fmt: skip
        limits = (BoundaryUse(holder, limit),)
    attachments = tuple(
        ManagedAttachment(holder, text(f"arn:aws:iam::aws:policy/{name}", Position("main.tf", number)),
                          resource(f"aws_iam_role_policy_attachment.m{number}", line=number), "policy_arn",
                          Position("main.tf", number))
        for number, name in enumerate(managed, 50)
    )  # fmt: skip
    return Configuration(
        Framework.TERRAFORM,
        ("main.tf",),
        tuple(role.resource for role in defined),
        tuple(attached),
        tuple(defined),
        attached=Attachments(attachments, boundaries=limits),
    )


def boundaries_of(configuration: Configuration) -> list[tuple[str, str | None, tuple[tuple[str, str], ...]]]:
    """Return the permissions boundaries: the principal, the address, ARN or name of the policy (None for no boundary,
    ``?`` if it is unknown), and the path condition as pairs."""
    found: list[tuple[str, str | None, tuple[tuple[str, str], ...]]] = []
    for use in configuration.attached.boundaries:
        policy = use.policy
        shown = policy.resource.address if isinstance(policy, AttachedPolicy) else policy and str(policy)
        found.append((use.principal, "?" if policy == UNKNOWN_BOUNDARY else shown, pairs(use.when)))
    return found


def findings(check_id: str, *args: Any, account: str | None = None, **kwargs: Any) -> list[Finding]:
    """Return the findings of one check on a configuration, severity info included."""
    options = ScanOptions(checks=frozenset({check_id}), minimum_severity=Severity.INFO, account=account)
    return list(scan_configurations([configuration(*args, **kwargs)], options).findings)
