"""Random accounts: which roles a statement lets its principal pass, against a count of all of them one by one."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any

import pytest

from passrole_checks.scan.scanner import ScanOptions, scan_paths

ARN = "arn:aws:iam::111122223333"
ROLES = [f"{ARN}:role/{name}" for name in ("a", "b", "x/c", "other", "x/other")]
RESOURCES = [*ROLES[:3], f"{ARN}:role/*", f"{ARN}:role/x/*", "*"]
PASSING = ["iam:PassRole", "iam:Pass*"]  # with these no principal can remove a limit
ACTIONS = [*PASSING, "iam:*", "*"]
POLICIES = ["p0", "p1", "p2"]
LISTS = {"user": "UserPolicyList", "role": "RolePolicyList", "group": "GroupPolicyList"}

Statement = dict[str, str]


def statements(random: Random, least: int, denials: float) -> list[Statement]:
    def statement() -> Statement:
        effect = "Deny" if random.random() < denials else "Allow"
        action = random.choice(ACTIONS if effect == "Deny" else PASSING)
        return {"Effect": effect, "Action": action, "Resource": random.choice(RESOURCES)}

    return [statement() for _ in range(random.randint(least, 2))]


def principal(random: Random, kind: str, name: str) -> dict[str, Any]:
    own = statements(random, int(kind != "group"), 0.2)
    boundary = random.choice([None, *POLICIES]) if kind != "group" else None
    return {
        f"{kind.capitalize()}Name": name,
        "Arn": f"{ARN}:{kind}/{name}",
        LISTS[kind]: [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": own}}],
        "AttachedManagedPolicies": [{"PolicyArn": f"{ARN}:policy/{p}"} for p in random.sample(POLICIES, 1)],
        **({"PermissionsBoundary": {"PermissionsBoundaryArn": f"{ARN}:policy/{boundary}"}} if boundary else {}),
        **({"GroupList": random.sample(["g0", "g1"], random.randrange(3))} if kind == "user" else {}),
    }


def account(random: Random) -> dict[str, list[dict[str, Any]]]:
    def policy(name: str) -> dict[str, Any]:
        document = {"Version": "2012-10-17", "Statement": statements(random, 1, 0.4)}
        versions = [{"VersionId": "v1", "IsDefaultVersion": True, "Document": document}]
        return {"PolicyName": name, "Arn": f"{ARN}:policy/{name}", "PolicyVersionList": versions}

    return {
        "UserDetailList": [principal(random, "user", f"u{number}") for number in range(3)],
        "GroupDetailList": [principal(random, "group", f"g{number}") for number in range(2)],
        "RoleDetailList": [principal(random, "role", f"r{number}") for number in range(2)],
        "Policies": list(map(policy, POLICIES)),
    }


def remaining_roles(statement: Statement, own: list[Statement], boundary: list[Statement] | None) -> list[str]:
    """Return the roles that a statement lets a principal with these statements and this boundary pass."""

    def matches(effect: str, among: list[Statement], role: str) -> bool:
        return any(one["Effect"] == effect and fnmatchcase(role, one["Resource"]) for one in among)

    return [
        role
        for role in ROLES
        if fnmatchcase(role, statement["Resource"])
        and not matches("Deny", own, role)
        and (boundary is None or (matches("Allow", boundary, role) and not matches("Deny", boundary, role)))
    ]


@pytest.mark.parametrize("seed", range(25))
def test_grant_that_leaves_a_role_is_never_denied(seed: int, tmp_path: Path) -> None:
    """Denials and boundaries count however a principal has them: inline, attached, or by a group.

    A grant of one role that leaves none is denied. One of a pattern need not be: a Deny and a boundary that together
    leave nothing are compared with it one by one.
    """
    content = account(Random(seed))
    (tmp_path / "account.json").write_text(json.dumps(content))
    found = {
        (grant.resource.address, grant.statement_path): grant.grant.denied
        for grant in scan_paths([tmp_path / "account.json"], ScanOptions()).grants
    }
    managed = {one["Arn"]: one["PolicyVersionList"][0]["Document"]["Statement"] for one in content["Policies"]}

    def all_of(one: dict[str, Any], kind: str) -> list[Statement]:
        attached = [s for policy in one["AttachedManagedPolicies"] for s in managed[policy["PolicyArn"]]]
        groups = [group for group in content["GroupDetailList"] if group["GroupName"] in one.get("GroupList", ())]
        inherited = [s for group in groups for s in all_of(group, "group")]
        return [*one[LISTS[kind]][0]["PolicyDocument"]["Statement"], *attached, *inherited]

    for kind, principals in (("user", content["UserDetailList"]), ("role", content["RoleDetailList"])):
        for one in principals:
            boundary = managed.get(one.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"))
            for number, statement in enumerate(one[LISTS[kind]][0]["PolicyDocument"]["Statement"]):
                if statement["Effect"] == "Allow":
                    is_denied = found[one["Arn"], f"{LISTS[kind]}/0/PolicyDocument/Statement/{number}"]
                    remaining = remaining_roles(statement, all_of(one, kind), boundary)
                    assert not (is_denied and remaining), statement
                    assert is_denied or remaining or "*" in statement["Resource"], statement
