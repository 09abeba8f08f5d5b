"""Reports of reviews, written by hand: what the bot has to tell in the tests of its texts."""

from __future__ import annotations

from dataclasses import replace

from passrole_checks.findings import Confidence, Severity
from passrole_checks.git_versions.forge_links import Links
from passrole_checks.review.report import (
    Anchor,
    Fixed,
    GrantedAccess,
    IncreasedAccess,
    Item,
    Location,
    ReadInput,
    ReducedAccess,
    Remark,
    Replacement,
    ReportNote,
    ReviewReport,
)

HEAD, BASE = "f00d" * 10, "ba5e" * 10
LINKS = Links("https://github.com", "acme/infra", HEAD, BASE, "https://github.com/acme/infra/actions/runs/7")
ARN = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/"

APP = GrantedAccess(("aws_iam_role.deployer",), (f"{ARN}app-*",), "prefix", False, "exact", ("lambda.amazonaws.com",))
ANY = replace(APP, roles=("*",), scope="any_role")
UNLIMITED = GrantedAccess(("ReleaseRole",), (f"{ARN}release-*",), "prefix", False, "absent", ())

ANY_ROLE = Remark(
    "PASSROLE_001",
    "any-role",
    Severity.MEDIUM,
    Confidence.HIGH,
    "Any role of the account can be passed, also one that can do more than the policy's holder.",
    "Name the roles that are passed in Resource and the service in a condition on iam:PassedToService.",
)
ANY_SERVICE = Remark(
    "PASSROLE_002",
    "any-service",
    Severity.MEDIUM,
    Confidence.HIGH,
    f"{ARN}release-* can be passed to any service: no condition on iam:PassedToService.",
    'Add "Condition": {"StringEquals": {"iam:PassedToService": "SERVICE.amazonaws.com"}} with the service that uses '
    "the role.",
)
ESCALATION = Remark(
    "PASSROLE_008",
    "privilege-escalation",
    Severity.HIGH,
    Confidence.HIGH,
    "aws_iam_role.deployer can act as any role of the account by passing it to lambda.amazonaws.com, with "
    "lambda:CreateFunction, lambda:InvokeFunction (lambda-001). See https://pathfinding.cloud/paths/lambda-001.",
    "Limit Resource to roles that can do no more than this principal and name the service in a condition on "
    "iam:PassedToService, or take away the actions that start something with the role.",
)

NEW_ACCESS = Remark(
    "PASSROLE_015",
    "new-access",
    Severity.HIGH,
    Confidence.HIGH,
    "aws_iam_role.deployer could pass arn:aws:iam::111122223333:role/app-* to lambda.amazonaws.com, and now any role "
    "of the account.",
    "Confirm the change is intended; otherwise revert it.",
)

# A default of a variable widens a statement that is as it was.
WIDENED = Item(
    "1" * 32,
    "worse",
    "widened",
    Severity.HIGH,
    Confidence.HIGH,
    Location("modules/deployer/iam.tf", 12, 20),
    "terraform",
    "module.deployer.aws_iam_role_policy.deploy",
    ("module.deployer.aws_iam_role_policy.deploy",),
    "PassToLambda",
    (ESCALATION, NEW_ACCESS, ANY_ROLE),
    access=ANY,
    before=APP,
    cause=Location("modules/deployer/variables.tf", 4, 4),
    anchor=Anchor("modules/deployer/variables.tf", 4, 4),
    replacement=Replacement(
        "modules/deployer/variables.tf",
        4,
        4,
        '  default     = ["arn:aws:iam::111122223333:role/app-*"]',
        "Takes back the change of the default of var.roles.",
        of_cause=True,
        old='  default     = ["*"]',
    ),
)
# A new statement of a template, without a condition.
NEW = Item(
    "2" * 32,
    "new",
    "new",
    Severity.MEDIUM,
    Confidence.HIGH,
    Location("release/template.yaml", 31, 34),
    "cloudformation",
    "ReleasePolicy",
    ("ReleasePolicy",),
    "",
    (ANY_SERVICE,),
    access=UNLIMITED,
    anchor=Anchor("release/template.yaml", 31, 34),
    replacement=Replacement(
        "release/template.yaml",
        32,
        34,
        "            Action: iam:PassRole\n"
        "            Resource: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/release-*\n"
        "            Condition:\n"
        "              StringEquals:\n"
        "                iam:PassedToService: codebuild.amazonaws.com",
        "Names the service that this configuration passes these roles to.",
    ),
)
# The role is unknown: needs manual review.
UNKNOWN = Item(
    "3" * 32,
    "new",
    "new",
    Severity.LOW,
    Confidence.LOW,
    Location("legacy/orders.json", 8, 8),
    "cloudformation",
    "OrdersPolicy",
    ("OrdersPolicy", "OrdersPolicyCopy"),
    "PassTaskRole",
    (
        Remark(
            "PASSROLE_014",
            "unresolved",
            Severity.LOW,
            Confidence.LOW,
            "Which roles can be passed cannot be told before deployment: it depends on Fn::ImportValue "
            "orders-task-role-arn (exported by another stack).",
            "Bound the value, or look at it and suppress this with a reason.",
        ),
    ),
    access=GrantedAccess(
        (), ("${Fn::ImportValue orders-task-role-arn}",), "unresolved", False, "exact", ("ecs-tasks.amazonaws.com",)
    ),
    anchor=Anchor("legacy/orders.json", 0, 0),
    advice="Find out which role orders-task-role-arn is, and name it in Resource.",
)
EMPTY = ReviewReport(
    tool="passrole-checks 1.2.0",
    base=BASE,
    head=HEAD,
    base_name="main",
    head_name="feature/queue",
    items=(),
    fixed=(),
    less=(),
    unchanged=0,
    unreadable=(),
    not_evaluated=(),
    notes=(),
    fail_on=Severity.MEDIUM,
    read=ReadInput(14),
)
ALL_KINDS = replace(
    EMPTY,
    items=(WIDENED, NEW, UNKNOWN),
    fixed=(
        Fixed(
            "4" * 32,
            "PASSROLE_004",
            "tag-condition",
            Severity.MEDIUM,
            Location("old/iam.tf", 3, 9),
            "aws_iam_policy.tags",
        ),
    ),
    less=(
        ReducedAccess(
            "narrowed", Location("ci/iam.tf", 5, 9), "aws_iam_role_policy.ci", "", replace(ANY, principals=("ci",)), APP
        ),
        ReducedAccess("removed", Location("ci/old.tf", 1, 4), "aws_iam_role_policy.old", "", APP, None),
    ),
    more=(
        IncreasedAccess(
            "widened",
            Confidence.HIGH,
            Location("ci/iam.tf", 31, 35),
            "aws_iam_role_policy.ci",
            "PassToBuild",
            replace(APP, principals=("ci",), services=("lambda.amazonaws.com", "states.amazonaws.com")),
            replace(APP, principals=("ci",)),
        ),
    ),
    unchanged=12,
    not_evaluated=(ReportNote("main.tf", 40, "the module registry.example.com/net/vpc is not here"),),
    notes=(
        ReportNote(".checkov.yaml", 0, "this change edits the configuration; the one of main was used"),
        ReportNote("", 0, "there are several merge bases; the best one was taken"),
    ),
)
