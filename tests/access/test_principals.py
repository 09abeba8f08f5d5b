"""Principals: who holds what, in Terraform and in templates, and what is known of it.

Sources: Terraform Registry, provider ``hashicorp/aws``; AWS CloudFormation Template Reference; AWS SAM Developer Guide;
IAM User Guide, "Permissions boundaries for IAM entities"; AWS Organizations User Guide, "SCP evaluation".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from path_conditions_of_tests import pairs

from passrole_checks.access.principals import Principals
from passrole_checks.iam.partial_values import Ternary
from passrole_checks.iam.permissions.principal import PrincipalKind
from passrole_checks.sources import cloudformation, terraform
from passrole_checks.sources.model.configuration import Configuration
from tests.helpers.principals_of_tests import boundaries_of

PASS = '{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}'
CREATE = '{"Effect": "Allow", "Action": "lambda:CreateFunction", "Resource": "*"}'
ROLE = 'resource "aws_iam_role" "r" {\n  name = "worker"\n  assume_role_policy = "{}"\n}\n'


def document(*statements: str) -> str:
    return f'{{"Version": "2012-10-17", "Statement": [{", ".join(statements)}]}}'


def read_terraform(folder: Path, code: str) -> Configuration:
    (folder / "main.tf").write_text(code)
    return terraform.load(folder)


def read_template(body: str) -> Configuration:
    return cloudformation.load(Path("t.yaml"), body)


def attached(configuration: Configuration) -> list[tuple[str, str, str]]:
    """Return principal, policy and path of each attachment of a policy outside of the configuration."""
    return [(one.holder, str(one.policy), one.path) for one in configuration.attached.managed_policies]


S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
TERRAFORM_ATTACHMENTS = [
    (f'{ROLE}resource "aws_iam_role_policy_attachment" "a" {{\n  role = aws_iam_role.r.name\n  policy_arn = "{S3}"\n}}',
     [("aws_iam_role.r", S3, "policy_arn")]),
    (f'{ROLE}resource "aws_iam_role_policy_attachment" "a" {{\n  role = "worker"\n  policy_arn = "{S3}"\n}}',
     [("aws_iam_role.r", S3, "policy_arn")]),
    (f'resource "aws_iam_user_policy_attachment" "a" {{\n  user = "uma"\n  policy_arn = "{S3}"\n}}',
     [("uma", S3, "policy_arn")]),
    (f'resource "aws_iam_policy_attachment" "a" {{\n  users = ["uma"]\n  groups = ["devs"]\n  policy_arn = "{S3}"\n}}',
     [("uma", S3, "policy_arn"), ("devs", S3, "policy_arn")]),
    (f'resource "aws_iam_group_policy_attachments_exclusive" "a" {{\n  group_name = "devs"\n'
     f'  policy_arns = ["{S3}"]\n}}',
     [("devs", S3, "policy_arns")]),
    (ROLE.replace('"{}"', f'"{{}}"\n  managed_policy_arns = ["{S3}"]'),
     [("aws_iam_role.r", S3, "managed_policy_arns")]),
    (f'resource "awscc_iam_user" "u" {{\n  managed_policy_arns = ["{S3}"]\n}}',
     [("awscc_iam_user.u", S3, "managed_policy_arns")]),
    ('resource "aws_ssoadmin_permission_set" "p" {\n  name = "p"\n}\n'
     'resource "aws_ssoadmin_managed_policy_attachment" "a" {\n'
     f'  permission_set_arn = aws_ssoadmin_permission_set.p.arn\n  managed_policy_arn = "{S3}"\n}}',
     [("aws_ssoadmin_permission_set.p", S3, "managed_policy_arn")]),
    (f'{ROLE}resource "aws_iam_role_policy_attachment" "a" {{\n  for_each = toset(["A", "B"])\n'
     '  role = aws_iam_role.r.name\n  policy_arn = "arn:aws:iam::aws:policy/${each.key}"\n}',
     [("aws_iam_role.r", "arn:aws:iam::aws:policy/A", "policy_arn"),
      ("aws_iam_role.r", "arn:aws:iam::aws:policy/B", "policy_arn")]),
    (f'{ROLE}variable "arns" {{ type = list(string) }}\nresource "aws_iam_role_policy_attachment" "a" {{\n'
     '  count = 0\n  role = aws_iam_role.r.name\n  policy_arn = "x"\n}', []),
    ('data "aws_iam_policy" "d" {\n  arn = "' + S3 + '"\n}\nresource "aws_iam_user_policy_attachment" "a" {\n'
     '  user = "uma"\n  policy_arn = data.aws_iam_policy.d.arn\n}', [("uma", S3, "policy_arn")]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), TERRAFORM_ATTACHMENTS)
def test_attachments_of_terraform(tmp_path: Path, code: str, expected: list[Any]) -> None:
    """Every kind of attachment tells who gets a managed policy that does not stand in the configuration."""
    assert attached(read_terraform(tmp_path, code)) == expected


def test_policy_of_the_configuration_is_no_external_attachment(tmp_path: Path) -> None:
    """A policy of the configuration, attached by reference or by ARN, is not also listed as an external attachment."""
    code = f"""{ROLE}
    resource "aws_iam_policy" "p" {{
      name   = "own"
      policy = jsonencode({document(PASS)})
    }}
    resource "aws_iam_role_policy_attachment" "a" {{
      role       = aws_iam_role.r.name
      policy_arn = aws_iam_policy.p.arn
    }}
    resource "aws_iam_role_policy_attachment" "b" {{
      role       = aws_iam_role.r.name
      policy_arn = "arn:aws:iam::111122223333:policy/own"
    }}"""
    configuration = read_terraform(tmp_path, code)
    assert not configuration.attached.managed_policies
    role = Principals(configuration, None).role("aws_iam_role.r")
    assert role is not None and role.permissions.allows("iam:PassRole") is not None and role.permissions.complete


def test_attachments_in_modules(tmp_path: Path) -> None:
    """A role that a module is given by name is the role of the root."""
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "main.tf").write_text(
        'variable "role" {}\nresource "aws_iam_role_policy_attachment" "a" {\n'
        f'  role = var.role\n  policy_arn = "{S3}"\n}}'
    )
    code = f'{ROLE}module "m" {{\n  source = "./m"\n  role = aws_iam_role.r.name\n}}'
    assert attached(read_terraform(tmp_path, code)) == [("aws_iam_role.r", S3, "policy_arn")]


TEMPLATE = f"""
Conditions: {{Prod: !Equals [!Ref Env, prod]}}
Parameters: {{Env: {{Type: String}}, Extra: {{Type: String}}}}
Resources:
  Own:
    Type: AWS::IAM::ManagedPolicy
    Properties: {{PolicyDocument: {document(CREATE)}}}
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{}}
      ManagedPolicyArns:
        - {S3}
        - !Sub arn:${{AWS::Partition}}:iam::aws:policy/AWSLambda_FullAccess
        - !Join ["", ["arn:", !Ref AWS::Partition, ":iam::aws:policy/PowerUserAccess"]]
        - !Ref Own
        - !Ref Extra
        - !If [Prod, arn:aws:iam::aws:policy/AdministratorAccess, !Ref AWS::NoValue]
"""


def test_attachments_of_a_template() -> None:
    """Managed policy ARNs are listed however they are built, each with the conditions of its attachment."""
    configuration = read_template(TEMPLATE)
    assert [(str(one.policy), one.path, pairs(one.when)) for one in configuration.attached.managed_policies] == [
        (S3, "ManagedPolicyArns/0", ()),
        ("arn:${AWS::Partition}:iam::aws:policy/AWSLambda_FullAccess", "ManagedPolicyArns/1", ()),
        ("arn:${AWS::Partition}:iam::aws:policy/PowerUserAccess", "ManagedPolicyArns/2", ()),
        ("${Extra}", "ManagedPolicyArns/4", ()),
        ("arn:aws:iam::aws:policy/AdministratorAccess", "ManagedPolicyArns/5/Fn::If/1", (("Env", '"prod"'),)),
    ]
    principals = Principals(configuration, None)
    role = principals.role("R")
    assert role is not None and role.unknown == ("${Extra}",) and not role.permissions.complete
    assert [str(one.policy) for one in principals.unknown] == ["${Extra}"]
    assert {(one.managed, one.path) for one in principals.managed} == {
        ("AWSLambda_FullAccess", "ManagedPolicyArns/1"),
        ("AdministratorAccess", "ManagedPolicyArns/5/Fn::If/1"),
    }
    passing = role.permissions.ways("iam:PassRole", ())
    assert {pairs(way.when) for way in passing} == {(), (("Env", '"prod"'),)}
    assert not role.permissions.is_administrator_when(())


def test_policies_of_sam() -> None:
    """A name among SAM's Policies is an AWS managed policy; policy templates and documents are none, and where a role
    is named SAM takes none of them."""
    configuration = read_template(
        f"""
Transform: AWS::Serverless-2016-10-31
Globals: {{Function: {{PermissionsBoundary: arn:aws:iam::aws:policy/PowerUserAccess}}}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Policies: [AWSLambda_FullAccess, {S3}, S3ReadPolicy: {{BucketName: b}}, {document(CREATE)}]
  G:
    Type: AWS::Serverless::Function
    Properties: {{Role: arn:aws:iam::111122223333:role/x, Policies: AdministratorAccess}}
"""
    )
    assert attached(configuration) == [("FRole", "AWSLambda_FullAccess", "Policies/0"), ("FRole", S3, "Policies/1")]
    role = Principals(configuration, None).role("FRole")
    assert role is not None and role.kind is PrincipalKind.ROLE
    assert role.permissions.allows("lambda:CreateFunction") is not None
    assert role.permissions.allows("iam:PassRole") is None  # PowerUserAccess does not allow it


def test_a_permission_set() -> None:
    """A customer managed policy that a permission set refers to by name is never one of AWS with that name."""
    configuration = read_template(
        """
Resources:
  P:
    Type: AWS::SSO::PermissionSet
    Properties:
      ManagedPolicies: [arn:aws:iam::aws:policy/AdministratorAccess]
      CustomerManagedPolicyReferences: [{Name: ReadOnlyAccess}]
"""
    )
    principals = Principals(configuration, None)
    assert [one.managed for one in principals.managed] == ["AdministratorAccess"]
    found = principals.of(principals.managed[0])
    assert [(one.name, one.kind, one.unknown) for one in found] == [
        ("P", PrincipalKind.PERMISSION_SET, ("ReadOnlyAccess",))
    ]
    assert found[0].permissions.is_administrator_when(())


GROUP = f"""
resource "aws_iam_user" "u" {{
  name = "uma"
}}
resource "aws_iam_user" "v" {{
  name = "vera"
}}
resource "aws_iam_group" "g" {{
  name = "devs"
}}
resource "aws_iam_group_membership" "m" {{
  name  = "m"
  group = aws_iam_group.g.name
  users = [aws_iam_user.u.name, aws_iam_user.v.name]
}}
resource "aws_iam_group_policy" "g" {{
  group  = aws_iam_group.g.name
  policy = jsonencode({document(PASS)})
}}
resource "aws_iam_user_policy" "u" {{
  user   = aws_iam_user.u.name
  policy = jsonencode({document(CREATE)})
}}
"""


def test_a_user_holds_what_its_groups_hold(tmp_path: Path) -> None:
    """A policy of a group is held by the group, and by those of its users who hold something else as well."""
    configuration = read_terraform(tmp_path, GROUP)
    principals = Principals(configuration, None)
    policy = next(one for one in configuration.policies if one.resource.type == "aws_iam_group_policy")
    found = principals.of(policy)
    assert [(one.name, one.kind) for one in found] == [
        ("aws_iam_group.g", PrincipalKind.GROUP),
        ("aws_iam_user.u", PrincipalKind.USER),
    ]
    asked = [("iam:PassRole", ()), ("lambda:CreateFunction", ())]
    assert [one.permissions.together(asked) is not None for one in found] == [False, True]


def test_unattached_policy_is_its_own_principal(tmp_path: Path) -> None:
    """A policy without attachments is its own principal."""
    code = f'resource "aws_iam_policy" "p" {{\n  policy = jsonencode({document(PASS)})\n}}'
    configuration = read_terraform(tmp_path, code)
    (found,) = Principals(configuration, None).of(configuration.policies[0])
    assert (found.name, found.kind) == ("aws_iam_policy.p", PrincipalKind.POLICY)


def bounded(boundary: str) -> str:
    return (
        ROLE.replace('"{}"', f'"{{}}"\n  permissions_boundary = {boundary}')
        + f'variable "b" {{}}\nresource "aws_iam_policy" "b" {{\n  policy = jsonencode({document(CREATE)})\n}}\n'
        + 'resource "aws_iam_role_policy" "p" {\n  role = aws_iam_role.r.id\n'
        + f"  policy = jsonencode({document(PASS, CREATE)})\n}}"
    )


@pytest.mark.parametrize(
    ("boundary", "passing", "creating"),
    [
        ("aws_iam_policy.b.arn", None, Ternary.YES),
        ('"arn:aws:iam::aws:policy/PowerUserAccess"', None, Ternary.YES),
        ('"arn:aws:iam::111122223333:policy/elsewhere"', Ternary.UNKNOWN, Ternary.UNKNOWN),
        ("var.b", Ternary.UNKNOWN, Ternary.UNKNOWN),
        ("null", Ternary.YES, Ternary.YES),
        ('""', Ternary.YES, Ternary.YES),
    ],
)
def test_permissions_boundaries(tmp_path: Path, boundary: str, passing: Ternary | None, creating: Ternary) -> None:
    """A boundary of the configuration, or an AWS managed one, limits the role; the effect of any other is unknown."""
    role = Principals(read_terraform(tmp_path, bounded(boundary)), None).role("aws_iam_role.r")
    assert role is not None
    found = [role.permissions.allows(name) for name in ("iam:PassRole", "lambda:CreateFunction")]
    assert [one.certain if one is not None else None for one in found] == [passing, creating]


@pytest.mark.parametrize(
    ("target", "account", "allowed"),
    [
        ("data.aws_caller_identity.me.account_id", None, True),
        ("data.aws_caller_identity.me.account_id\n  provider = aws.organization", None, False),
        ('"111122223333"', "111122223333", False),
        ('"111122223333"', None, True),
        ('"444455556666"', "111122223333", True),
        ('"ou-abcd-12345678"', "111122223333", True),
    ],
)
def test_service_control_policies(tmp_path: Path, target: str, account: str | None, allowed: bool) -> None:
    """A service control policy takes away only where it is attached, here, to the account that is deployed to."""
    code = f"""{ROLE}
    data "aws_caller_identity" "me" {{}}
    resource "aws_organizations_policy" "p" {{
      name    = "no-passing"
      content = jsonencode({document(PASS.replace("Allow", "Deny"))})
    }}
    resource "aws_organizations_policy_attachment" "a" {{
      policy_id = aws_organizations_policy.p.id
      target_id = {target}
    }}
    resource "aws_iam_role_policy" "p" {{
      role   = aws_iam_role.r.id
      policy = jsonencode({document(PASS, CREATE)})
    }}"""
    role = Principals(read_terraform(tmp_path, code), account).role("aws_iam_role.r")
    assert role is not None and role.permissions.allows("lambda:CreateFunction") is not None
    assert (role.permissions.allows("iam:PassRole") is not None) is allowed


@pytest.mark.parametrize(
    "attachment",
    [
        'policy_id = var.on ? aws_organizations_policy.p.id : "p-examplepolicyid111"\n target_id = "111122223333"',
        'policy_id = aws_organizations_policy.p.id\n target_id = var.on ? "111122223333" : "444455556666"',
        'count = var.on ? 1 : 0\n policy_id = aws_organizations_policy.p.id\n target_id = "111122223333"',
    ],
)
def test_conditionally_attached_service_control_policy(tmp_path: Path, attachment: str) -> None:
    """A service control policy limits the role under the conditions of its attachment only."""
    code = f"""{ROLE}
    variable "on" {{}}
    resource "aws_organizations_policy" "p" {{
      name    = "no-passing"
      content = jsonencode({document(PASS.replace("Allow", "Deny"))})
    }}
    resource "aws_organizations_policy_attachment" "a" {{
      {attachment}
    }}
    resource "aws_iam_role_policy" "p" {{
      role   = aws_iam_role.r.id
      policy = jsonencode({document(PASS)})
    }}"""
    role = Principals(read_terraform(tmp_path, code), "111122223333").role("aws_iam_role.r")
    assert role is not None
    assert [(way.certain, pairs(way.when)) for way in role.permissions.ways("iam:PassRole")] == [
        (Ternary.YES, (("var.on", "false"),))
    ]


def test_a_service_control_policy_of_a_template_that_is_attached_in_one_case() -> None:
    """The same of a target that stands in ``Fn::If``."""
    configuration = read_template(
        f"""
Parameters: {{On: {{Type: String}}}}
Conditions: {{IsOn: !Equals [!Ref On, "yes"]}}
Resources:
  S:
    Type: AWS::Organizations::Policy
    Properties:
      Name: no-passing
      Type: SERVICE_CONTROL_POLICY
      Content: {document(PASS.replace("Allow", "Deny"))}
      TargetIds: [!If [IsOn, "111122223333", !Ref AWS::NoValue]]
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{}}
      Policies: [{{PolicyName: p, PolicyDocument: {document(PASS)}}}]
"""
    )
    role = Principals(configuration, "111122223333").role("R")
    assert role is not None
    assert [(way.certain, pairs(way.when)) for way in role.permissions.ways("iam:PassRole")] == [
        (Ternary.YES, (("On", 'not "yes"'),))
    ]


def test_members_and_boundaries_of_a_template() -> None:
    """Group members come from `Groups` of users and from UserToGroupAddition; boundaries from references and names."""
    configuration = read_template(
        f"""
Resources:
  G: {{Type: AWS::IAM::Group}}
  U: {{Type: AWS::IAM::User, Properties: {{Groups: [!Ref G, admins], PermissionsBoundary: !Ref B}}}}
  A: {{Type: AWS::IAM::UserToGroupAddition, Properties: {{GroupName: !Ref G, Users: [bob]}}}}
  B: {{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: {document(CREATE)}}}}}
  C: {{Type: AWS::IAM::User, Properties: {{PermissionsBoundary: !ImportValue shared}}}}
"""
    )
    assert configuration.attached.members == (("G", "U"), ("admins", "U"), ("G", "bob"))
    assert boundaries_of(configuration) == [("U", "B", ()), ("C", "${Fn::ImportValue shared}", ())]


def test_a_boundary_that_is_there_under_a_condition_only() -> None:
    """Where a template has a boundary only if one is given, the role can do what its policies say where none is."""
    configuration = read_template(
        f"""
Parameters: {{Bound: {{Type: String, Default: ""}}}}
Conditions: {{HasBound: !Not [!Equals [!Ref Bound, ""]]}}
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {{}}
      PermissionsBoundary: !If [HasBound, !Ref Bound, !Ref AWS::NoValue]
      Policies: [{{PolicyName: p, PolicyDocument: {document(CREATE)}}}]
"""
    )
    role = Principals(configuration, None).role("R")
    assert role is not None
    assert [(way.certain, pairs(way.when)) for way in role.permissions.ways("lambda:CreateFunction")] == [
        (Ternary.YES, (("Bound", '""'),)),
        (Ternary.UNKNOWN, (("Bound", 'not ""'),)),
    ]


def test_nested_stacks(tmp_path: Path) -> None:
    """Attachments in a nested stack, also of policies of the parent template, have the names of the parent stack."""
    inner = """
Parameters: {Policy: {Type: String}}
Resources:
  R:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {}
      ManagedPolicyArns: [!Ref Policy, arn:aws:iam::aws:policy/AdministratorAccess]
  U: {Type: AWS::IAM::User, Properties: {Groups: [devs]}}
"""
    outer = f"""
Resources:
  Own: {{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: {document(PASS)}}}}}
  S: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: inner.yaml, Parameters: {{Policy: !Ref Own}}}}}}
"""
    (tmp_path / "inner.yaml").write_text(inner)
    configuration = cloudformation.load(tmp_path / "outer.yaml", outer, boundary=tmp_path)
    assert attached(configuration) == [("S.R", "arn:aws:iam::aws:policy/AdministratorAccess", "ManagedPolicyArns/1")]
    assert configuration.attached.members == (("devs", "S.U"),)
    assert [policy.principals for policy in configuration.policies if policy.resource.address == "Own"] == [("S.R",)]


def test_one_file_of_a_folder(tmp_path: Path) -> None:
    """Where one file is asked for, what stands in the others still counts for its principals, and is not judged."""
    (tmp_path / "role.tf").write_text(
        f'{ROLE}resource "aws_iam_role_policy_attachment" "a" {{\n  role = aws_iam_role.r.name\n'
        '  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"\n}\n'
        'resource "aws_iam_role_policy" "c" {\n  role = aws_iam_role.r.id\n'
        f"  policy = jsonencode({document(CREATE)})\n}}"
    )
    only = tmp_path / "policy.tf"
    only.write_text(
        'resource "aws_iam_role_policy" "p" {\n  role = aws_iam_role.r.id\n'
        f"  policy = jsonencode({document(PASS)})\n}}"
    )
    configuration = terraform.load(tmp_path, only=only)
    principals = Principals(configuration, None)
    assert [policy.resource.address for policy in configuration.policies] == ["aws_iam_role_policy.p"]
    assert principals.managed == ()
    (holder,) = principals.of(configuration.policies[0])
    assert holder.permissions.is_administrator_when(()) and len(holder.permissions.statements) == 3


def test_a_change_set(tmp_path: Path) -> None:
    """A change set tells attachments and boundaries as they will be, and both as they were."""
    from passrole_checks.sources import change_set

    after = {"Properties": {"AssumeRolePolicyDocument": {}, "ManagedPolicyArns": [S3], "RoleName": "worker"}}
    change = {"Action": "Add", "LogicalResourceId": "R", "ResourceType": "AWS::IAM::Role",
              "AfterContext": json.dumps(after)}  # fmt: skip
    content = {"ChangeSetName": "c", "StackName": "s", "Changes": [{"Type": "Resource", "ResourceChange": change}]}
    configuration = change_set.load(tmp_path / "c.json", json.dumps(content))
    assert attached(configuration) == [("R", S3, "ManagedPolicyArns/0")]


def test_statements_of_managed_policies_are_read_once() -> None:
    """Two roles with the same AWS managed policy share its statements, and only those that contain PassRole are
    evaluated."""
    roles = "".join(
        f"  R{number}:\n    Type: AWS::IAM::Role\n    Properties: {{AssumeRolePolicyDocument: {{}}, "
        f"ManagedPolicyArns: [{S3}]}}\n"
        for number in range(2)
    )
    principals = Principals(read_template(f"Resources:\n{roles}"), None)
    first, second = principals.role("R0"), principals.role("R1")
    assert first is not None and second is not None and not principals.managed
    assert first.permissions.statements[0] is second.permissions.statements[0]


def plan(values: dict[str, Any], *types: tuple[str, str, dict[str, Any]]) -> str:
    """A plan that creates resources: type, name, values."""
    changes = [
        {"address": f"{kind}.{name}", "mode": "managed", "type": kind, "name": name,
         "provider_name": "registry.terraform.io/hashicorp/aws",
         "change": {"actions": ["create"], "before": None, "after": after, "after_unknown": {}}}
        for kind, name, after in types
    ]  # fmt: skip
    return json.dumps({"format_version": "1.2", "terraform_version": "1.9.0", "resource_changes": changes, **values})


def test_attachments_of_a_plan(tmp_path: Path) -> None:
    """A plan tells attachments, groups and boundaries by the values that it knows."""
    from passrole_checks.sources import terraform_plan

    content = plan(
        {},
        ("aws_iam_role", "r", {"name": "worker", "assume_role_policy": "{}",
                               "permissions_boundary": "arn:aws:iam::aws:policy/PowerUserAccess"}),
        ("aws_iam_role_policy_attachment", "a", {"role": "worker", "policy_arn": S3}),
        ("aws_iam_user_group_membership", "m", {"user": "uma", "groups": ["devs"]}),
        ("aws_iam_group_policy_attachment", "g",
         {"group": "devs", "policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    )  # fmt: skip
    configuration = terraform_plan.load(tmp_path / "plan.json", content)
    assert attached(configuration) == [
        ("aws_iam_role.r", S3, "policy_arn"),
        ("devs", "arn:aws:iam::aws:policy/AdministratorAccess", "policy_arn"),
    ]
    assert configuration.attached.members == (("devs", "uma"),)
    assert [principal for principal, _, _ in boundaries_of(configuration)] == ["aws_iam_role.r"]
    principals = Principals(configuration, None)
    assert [(one.managed, one.principals) for one in principals.managed] == [("AdministratorAccess", ("devs",))]
    role, uma = principals.role("aws_iam_role.r"), principals.named("uma")
    assert role is not None and role.permissions.allows("s3:GetObject") is not None
    assert uma.permissions.is_administrator_when(()) and uma.kind is PrincipalKind.USER
