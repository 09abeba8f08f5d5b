"""Accounts as ``aws iam get-account-authorization-details`` writes them, made with known escalation paths.

A path is a principal that can pass an administrator role to a service and launch a workload there, by its own policies,
managed ones, or those of its groups. Beside each path stand principals that lack one part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from passrole_checks.aws.managed_policies import managed_policies

ACCOUNT = "111122223333"
Document = dict[str, Any]

# services with the actions that launch a workload with a role (pathfinding.cloud, paths lambda-001, ec2-001, …)
LAUNCHES = {
    "lambda": ["lambda:CreateFunction", "lambda:InvokeFunction"],
    "ec2": ["ec2:RunInstances"],
    "glue": ["glue:CreateJob", "glue:StartJobRun"],
    "codebuild": ["codebuild:CreateProject", "codebuild:StartBuild"],
    "cloudformation": ["cloudformation:CreateStack"],
}


def arn(kind: str, name: str) -> str:
    """Return an ARN of the account."""
    return f"arn:aws:iam::{ACCOUNT}:{kind}/{name}"


def allow(actions: str | list[str], resource: str | list[str] = "*", **condition: Any) -> Document:
    """Return a statement that allows actions."""
    found: Document = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return {**found, "Condition": condition} if condition else found


def document(*statements: Document) -> Document:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def trust(service: str) -> Document:
    """Return a trust policy for a service."""
    principal = {"Service": f"{service}.amazonaws.com"}
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


@dataclass
class MadeAccount:
    """The lists of an account file, and what is known of its principals.

    ``paths``: pairs of a principal and the administrator role that it can use. ``passes``: the same of principals that
    can pass the role, and launch nothing with it. ``administrators``: principals that may do everything.
    """

    random: Random
    details: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    )
    paths: set[tuple[str, str]] = field(default_factory=set)
    passes: set[tuple[str, str]] = field(default_factory=set)
    administrators: set[str] = field(default_factory=set)

    @classmethod
    def empty(cls) -> MadeAccount:
        """Return an account without entities."""
        return cls(Random(0))

    def policy(self, name: str, *statements: Document) -> str:
        """Add a managed policy, with two old versions that allow everything; return its ARN."""
        everything = document(allow("*"))
        versions = [
            {"VersionId": "v3", "IsDefaultVersion": True, "Document": document(*statements)},
            *({"VersionId": f"v{n}", "IsDefaultVersion": False, "Document": everything} for n in (2, 1)),
        ]
        self.details["Policies"].append(
            {"PolicyName": name, "Arn": arn("policy", name), "Path": "/", "PolicyVersionList": versions}
        )
        return arn("policy", name)

    def principal(
        self, kind: str, name: str, statements: list[Document], policies: tuple[str, ...] = (), **fields: Any
    ) -> str:
        """Add a user, group or role with one inline policy for each statement; return its ARN."""
        title = kind.capitalize()
        own = [{"PolicyName": f"p{n}", "PolicyDocument": document(one)} for n, one in enumerate(statements)]
        attached = [{"PolicyName": one.rpartition("/")[2], "PolicyArn": one} for one in policies]
        trusted = {"AssumeRolePolicyDocument": trust("ec2"), "InstanceProfileList": []} if kind == "role" else {}
        self.details[f"{title}DetailList"].append(
            {
                f"{title}Name": name,
                "Path": "/",
                "Arn": arn(kind, name),
                f"{title}PolicyList": own,
                "AttachedManagedPolicies": attached,
                **trusted,
                **fields,
            }
        )
        return arn(kind, name)


def made_account(seed: int, roles: int = 2000, policies: int = 500, *, width: int = 12) -> MadeAccount:
    """Return an account of some roles and customer managed policies. ``width``: the actions of ordinary statements."""
    account = MadeAccount(Random(seed))
    admins = {
        service: account.principal("role", f"admin-{service}", [allow("*")], AssumeRolePolicyDocument=trust(service))
        for service in LAUNCHES
    }
    account.administrators |= {*admins.values()}
    reader = account.principal("role", "reader", [allow("s3:GetObject")], AssumeRolePolicyDocument=trust("lambda"))
    ways = [*_ways(account, admins, reader)]
    for number in range(roles // 20):
        way = ways[number % len(ways)]
        way(number, account.random.choice([*LAUNCHES]))
    ordinary = list(_ordinary_policies(account, policies - len(account.details["Policies"]), width))
    actions = _ordinary_actions()
    for number in range(roles - len(account.details["RoleDetailList"])):
        own = [allow(account.random.sample(actions, width), arn("role", "app-*"))]
        attached = tuple(account.random.sample(ordinary, account.random.randrange(4)))
        service = account.random.choice(["ec2", "lambda", "ecs-tasks", "glue"])
        account.principal("role", f"app-{number}", own, attached, AssumeRolePolicyDocument=trust(service))
    return account


def _ways(account: MadeAccount, admins: dict[str, str], reader: str) -> Iterator[Callable[[int, str], None]]:
    """Yield functions that add one principal each: first those with a path, then those without one."""

    def passes(service: str, role: str | None = None, to: str = "") -> Document:
        condition = {"StringEquals": {"iam:PassedToService": f"{to or service}.amazonaws.com"}}
        return allow("iam:PassRole", role or admins[service], **condition)

    def inline(number: int, service: str) -> None:
        who = account.principal("role", f"inline-{number}", [passes(service), allow(LAUNCHES[service])])
        account.paths.add((who, admins[service]))

    def managed(number: int, service: str) -> None:
        both = (
            account.policy(f"pass-{number}", passes(service)),
            account.policy(f"go-{number}", allow(LAUNCHES[service])),
        )
        who = account.principal("user", f"managed-{number}", [], both)
        account.paths.add((who, admins[service]))

    def by_group(number: int, service: str) -> None:
        account.principal("group", f"launch-{number}", [allow(LAUNCHES[service])])
        who = account.principal("user", f"member-{number}", [passes(service)], GroupList=[f"launch-{number}"])
        account.paths.add((who, admins[service]))

    def by_pattern(number: int, service: str) -> None:
        pattern = passes(service, arn("role", f"admin-{service[:3]}*"))
        who = account.principal("role", f"pattern-{number}", [pattern, allow([f"{service}:*"])])
        account.paths.add((who, admins[service]))

    def denied(number: int, service: str) -> None:
        deny = {**passes(service), "Effect": "Deny"}
        account.principal("role", f"denied-{number}", [passes(service), allow(LAUNCHES[service]), deny])

    def bounded(number: int, service: str) -> None:
        limit = account.policy(f"limit-{number}", allow(["s3:*", *LAUNCHES[service]]))
        boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": limit}
        own = [passes(service), allow(LAUNCHES[service])]
        account.principal("role", f"bounded-{number}", own, PermissionsBoundary=boundary)

    def without_launch(number: int, service: str) -> None:
        who = account.principal("role", f"pass-only-{number}", [passes(service), allow(f"{service}:Describe*")])
        account.passes.add((who, admins[service]))

    def without_pass(number: int, service: str) -> None:
        account.principal("role", f"launch-only-{number}", [allow(LAUNCHES[service])])

    def to_another_service(number: int, service: str) -> None:
        own = [passes(service, to="backup"), allow(LAUNCHES[service])]
        account.principal("role", f"elsewhere-{number}", own)

    def of_a_lesser_role(number: int, service: str) -> None:
        own = [passes("lambda", reader), allow([*LAUNCHES["lambda"], "s3:*"])]
        account.principal("role", f"reads-{number}", own)

    yield from (inline, managed, by_group, by_pattern)
    yield from (denied, bounded, without_launch, without_pass, to_another_service, of_a_lesser_role)


def _ordinary_policies(account: MadeAccount, count: int, width: int) -> Iterator[str]:
    """Add managed policies without iam:PassRole, and yield their ARNs."""
    actions = _ordinary_actions()
    for number in range(count):
        statements = [allow(account.random.sample(actions, width)) for _ in range(account.random.randint(1, 3))]
        yield account.policy(f"ordinary-{number}", *statements)


def _ordinary_actions() -> list[str]:
    """Return actions that only read."""
    statements = managed_policies()["ReadOnlyAccess"].document["Statement"]
    actions = sorted(action for statement in statements for action in statement["Action"])
    return [action for action in actions if not action.startswith(("iam:", "sts:")) and not action.endswith(":*")]
