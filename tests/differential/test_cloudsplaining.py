"""Random accounts: whom cloudsplaining's list of privilege escalations names for passing roles, this package names too.

cloudsplaining looks at one policy at a time. What it names and this package does not is explained by an evaluation of
single requests (IAM User Guide, "Policy evaluation logic"); docs/comparison.md has the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any

import pytest
from made_accounts import MadeAccount, allow, arn

from passrole_checks.findings import Outcome
from passrole_checks.scan.scanner import ScanOptions, scan_paths

pytest.importorskip("cloudsplaining", reason="a dependency of checkov")

pytestmark = pytest.mark.slow
ROLE = arn("role", "admin")  # of any name
SERVICES = {
    "CreateEC2WithExistingIP": "ec2",
    "PassExistingRoleToNewLambdaThenInvoke": "lambda",
    "PassExistingRoleToNewLambdaThenTriggerWithNewDynamo": "lambda",
    "PassExistingRoleToNewLambdaThenTriggerWithExistingDynamo": "lambda",
    "PassExistingRoleToNewGlueDevEndpoint": "glue",
    "PassExistingRoleToCloudFormation": "cloudformation",
    "PassExistingRoleToNewDataPipeline": "datapipeline",
}
"""cloudsplaining's methods that pass a role, each with the service that it is passed to."""

Statement = dict[str, Any]


def methods() -> dict[str, list[str]]:
    from cloudsplaining.shared.constants import PRIVILEGE_ESCALATION_METHODS

    return {name: actions for name, actions in PRIVILEGE_ESCALATION_METHODS.items() if "iam:passrole" in actions}


def random_account(seed: int) -> MadeAccount:
    account = MadeAccount(Random(seed))
    random, ways = account.random, [*methods().values()]

    def statement() -> Statement:
        way = random.choice(ways)
        services = [f"{action.partition(':')[0]}:*" for action in way]
        actions = random.choice([way, way[1:], way[:1], services, ["iam:PassRole"], ["*"]])
        resource = random.choice(["*", "*", "*", arn("role", "*"), arn("role", "app-*")])
        condition = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}} if random.random() < 0.2 else {}
        return {**allow([*actions], resource, **condition), "Effect": "Deny" if random.random() < 0.1 else "Allow"}

    def statements(most: int) -> list[Statement]:
        return [statement() for _ in range(random.randint(0, most))]

    policies = [account.policy(f"p{number}", statement(), *statements(2)) for number in range(8)]
    for number in range(4):
        account.principal("group", f"g{number}", statements(2), tuple(random.sample(policies, random.randint(0, 1))))
    for number in range(25):
        fields: dict[str, Any] = {}
        kind = random.choice(["user", "role"])
        if kind == "user" and random.random() < 0.5:
            fields["GroupList"] = [f"g{random.randrange(4)}"]
        if random.random() < 0.15:
            fields["PermissionsBoundary"] = {"PermissionsBoundaryArn": random.choice(policies)}
        attached = tuple(random.sample(policies, random.randint(0, 2)))
        account.principal(kind, f"{kind}{number}", statements(2), attached, **fields)
    for one in (one for entities in account.details.values() for one in entities):  # fields that cloudsplaining needs
        ids = {f"{kind}Id": "X" for kind in ("Policy", "User", "Group", "Role")}
        counts = {"AttachmentCount": 1, "PermissionsBoundaryUsageCount": 0, "IsAttachable": True}
        one |= {**ids, **counts, "CreateDate": "X", "UpdateDate": "X", "DefaultVersionId": "v3"}
    return account


def named_by_cloudsplaining(account: MadeAccount) -> dict[str, set[str]]:
    """Return the methods that pass a role, by principal."""
    from cloudsplaining.scan.authorization_details import AuthorizationDetails

    details = AuthorizationDetails(account.details)
    found: dict[str, set[str]] = {}

    def add(principal: str, holder: Any) -> None:
        for policy in (*holder.inline_policies, *holder.attached_managed_policies):
            for one in policy.policy_document.allows_privilege_escalation:
                if one["type"] in SERVICES:
                    found.setdefault(principal, set()).add(one["type"])

    users = details.user_detail_list.users
    for holder in (*details.role_detail_list.roles, *details.group_detail_list.groups, *users):
        add(holder.arn, holder)
    for user in users:
        for group in user.groups:
            add(user.arn, group)
    return found


def named_here(account: MadeAccount, folder: Path) -> set[str]:
    (folder / "account.json").write_text(json.dumps(account.details))
    findings = scan_paths([folder / "account.json"], ScanOptions()).findings
    return {
        escalation.principal
        for finding in findings
        for escalation in finding.details.escalations
        if escalation.outcome is Outcome.ADMINISTRATOR
    }


class Requests:
    """Evaluates single requests of one principal of an account."""

    def __init__(self, account: MadeAccount, principal: str) -> None:
        self.entities = {one["Arn"]: one for entities in account.details.values() for one in entities}
        self.groups = {one["GroupName"]: one for one in account.details["GroupDetailList"]}
        self.principal = self.entities[principal]

    def statements(self, entity: dict[str, Any]) -> Iterator[Statement]:
        for key in ("UserPolicyList", "GroupPolicyList", "RolePolicyList"):
            for policy in entity.get(key, ()):
                yield from policy["PolicyDocument"]["Statement"]
        for attached in entity["AttachedManagedPolicies"]:
            yield from self.of_policy(attached["PolicyArn"])
        for name in entity.get("GroupList", ()):
            yield from self.statements(self.groups[name])

    def of_policy(self, policy: str) -> list[Statement]:
        versions = self.entities[policy]["PolicyVersionList"]
        return next(one["Document"]["Statement"] for one in versions if one["IsDefaultVersion"])

    def why_not(self, method: str) -> str:
        """Return why a principal cannot use a method; "" if it can."""
        service = f"{SERVICES[method]}.amazonaws.com"
        for action in methods()[method]:
            is_pass = action == "iam:passrole"
            own = [*self.statements(self.principal)]
            matching = [
                one for one in own if _matches(one, action, ROLE if is_pass else "*", service if is_pass else "")
            ]
            if any(one["Effect"] == "Deny" for one in matching):
                return "Deny"
            if not matching:
                return "resource"
            boundary = self.principal.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
            limits = self.of_policy(boundary) if boundary else [allow("*")]
            limit = [
                one for one in limits if _matches(one, action, ROLE if is_pass else "*", service if is_pass else "")
            ]
            if not limit or any(one["Effect"] == "Deny" for one in limit):
                return "boundary"
        return ""


def _matches(statement: Statement, action: str, resource: str, service: str) -> bool:
    """True if a statement applies to a request. ``service``: the value of ``iam:PassedToService``, "" without it."""
    named = any(fnmatchcase(action, pattern.lower()) for pattern in statement["Action"])
    values = statement.get("Condition", {}).get("StringEquals", {}).values()
    return named and fnmatchcase(resource, statement["Resource"]) and all(value == service for value in values)


@pytest.mark.parametrize("seed", [1, 2, 3, pytest.param(4, marks=pytest.mark.nightly)])
def test_principals_that_cloudsplaining_names_are_named_here(seed: int, tmp_path: Path) -> None:
    """Unless a Deny or a boundary excludes it, or no statement matches. A user without own policies is its group."""
    account = random_account(seed)
    theirs, ours = named_by_cloudsplaining(account), named_here(account, tmp_path)
    assert theirs
    for principal, found in theirs.items():
        requests = Requests(account, principal)
        named = {principal, *(arn("group", name) for name in requests.principal.get("GroupList", ()))}
        reasons = {method: requests.why_not(method) for method in found}
        assert not named.isdisjoint(ours) or all(reasons.values()), (principal, reasons)


def test_methods_that_pass_a_role_are_known() -> None:
    """A new release of cloudsplaining may have others."""
    assert methods().keys() == SERVICES.keys()
