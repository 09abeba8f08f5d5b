"""Policies, roles, principals and suppressions of a template."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from passrole_checks.checks import ALL
from passrole_checks.findings import Severity
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.partial_values import Absent, Choice, ObjectNode, StringNode
from passrole_checks.iam.path_conditions import Assumption
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.model.configuration import Configuration, Framework, PolicyKind


def read(content: str) -> Configuration:
    return load(Path("t.yaml"), dedent(content))


def held(configuration: Configuration) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [
        (policy.resource.address, policy.path, policy.kind.value, policy.principals)
        for policy in configuration.policies
    ]


def test_policies_of_iam_resources() -> None:
    """Every property with a document of IAM resources is read, with its principals."""
    configuration = read(
        """\
        Resources:
          R:
            Type: AWS::IAM::Role
            Properties:
              RoleName: worker
              Path: /app/
              AssumeRolePolicyDocument: {Statement: []}
              ManagedPolicyArns: [!Ref M, "arn:aws:iam::aws:policy/ReadOnlyAccess"]
              Policies: [{PolicyName: a, PolicyDocument: {Statement: []}}]
          U: {Type: AWS::IAM::User, Properties: {Policies: [{PolicyDocument: {}}, {PolicyDocument: {}}]}}
          G: {Type: AWS::IAM::Group, Properties: {Policies: [{PolicyName: a, PolicyDocument: "{}"}]}}
          P:
            Type: AWS::IAM::Policy
            Properties: {PolicyDocument: {}, Roles: [!Ref R, other], Users: [!Ref U], Groups: [!Ref G]}
          M: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {}, Users: [!ImportValue user]}}
          RP: {Type: AWS::IAM::RolePolicy, Properties: {PolicyDocument: {}, RoleName: worker}}
          UP: {Type: AWS::IAM::UserPolicy, Properties: {PolicyDocument: {}, UserName: !Ref U}}
          GP: {Type: AWS::IAM::GroupPolicy, Properties: {PolicyDocument: {}, GroupName: {"Fn::GetAtt": [G, GroupName]}}}
          S: {Type: AWS::SSO::PermissionSet, Properties: {InlinePolicy: '{"Statement": []}'}}
        """
    )
    assert held(configuration) == [
        ("R", "Policies/0/PolicyDocument", "identity", ("R",)),
        ("R", "AssumeRolePolicyDocument", "trust", ()),
        ("U", "Policies/0/PolicyDocument", "identity", ("U",)),
        ("U", "Policies/1/PolicyDocument", "identity", ("U",)),
        ("G", "Policies/0/PolicyDocument", "identity", ("G",)),
        ("P", "PolicyDocument", "identity", ("R", "other", "U", "G")),
        ("M", "PolicyDocument", "identity", ("${Fn::ImportValue user}", "R")),
        ("RP", "PolicyDocument", "identity", ("R",)),
        ("UP", "PolicyDocument", "identity", ("U",)),
        ("GP", "PolicyDocument", "identity", ("${G.GroupName}",)),
        ("S", "InlinePolicy", "identity", ("S",)),
    ]
    (role,) = configuration.roles
    assert role.resource.address == "R"
    assert role.name is not None
    assert role.role_path is not None
    assert (role.name.literal, role.role_path.literal) == ("worker", "/app/")
    assert isinstance(role.trust, ObjectNode)
    assert configuration.framework is Framework.CLOUDFORMATION
    assert configuration.account is None


@pytest.mark.parametrize(
    ("resource_type", "prop"),
    [
        ("AWS::S3::BucketPolicy", "PolicyDocument"),
        ("AWS::KMS::Key", "KeyPolicy"),
        ("AWS::EC2::VPCEndpoint", "PolicyDocument"),
        ("AWS::ECR::Repository", "RepositoryPolicyText"),
    ],
)
def test_resource_policies_have_their_kind(resource_type: str, prop: str) -> None:
    """A resource-based policy is not an identity-based one."""
    configuration = read(f"Resources: {{B: {{Type: '{resource_type}', Properties: {{{prop}: {{Statement: []}}}}}}}}")
    assert held(configuration) == [("B", prop, "resource", ())]


def test_conditional_policies_keep_their_condition() -> None:
    """A policy under Fn::If is a variant; its path consists of the template's own keys."""
    configuration = read(
        """\
        Resources:
          R:
            Type: AWS::IAM::Role
            Properties:
              Policies:
                - !If [C, {PolicyDocument: {Statement: !If [C, yes-branch, no-branch]}}, !Ref AWS::NoValue]
          S:
            Type: AWS::IAM::Role
            Properties:
              Policies: !If [C, [{PolicyDocument: {}}], !If [C, [{PolicyDocument: {}}], [{PolicyDocument: {}}]]]
        """
    )
    assert [path for _, path, _, _ in held(configuration)] == [
        "Policies/0/Fn::If/1/PolicyDocument",
        "Policies/Fn::If/1/0/PolicyDocument",
        "Policies/Fn::If/2/Fn::If/2/0/PolicyDocument",
    ]
    first, _, third = (policy.document for policy in configuration.policies)
    assert isinstance(first, Choice)
    (true, document), (false, nothing) = first.options
    assert (true, false) == (Assumption("C"), Assumption("C", negated=True))
    assert isinstance(nothing, Absent)
    assert isinstance(document, ObjectNode)
    statement = document.get("Statement")
    assert isinstance(statement, StringNode)
    assert statement.literal == "yes-branch"
    assert isinstance(third, Choice)
    assert isinstance(third.options[0][1], Absent)


def test_resource_condition_applies_to_its_properties() -> None:
    """Fn::If on the condition of the resource has one outcome, and its policies are conditional."""
    configuration = read(
        """\
        Resources:
          P: {Type: AWS::IAM::Policy, Condition: C, Properties: {PolicyDocument: {Statement: !If [C, a, b]}}}
        """
    )
    found = configuration.policies[0].document
    assert isinstance(found, Choice)
    assert found.condition == "C"
    (_, document), (_, other) = found.options
    assert isinstance(document, ObjectNode)
    assert str(document.get("Statement")) == "a"
    assert isinstance(other, Absent)


def test_policies_of_unknown_functions_are_unresolved() -> None:
    """They are one unresolved document, not silence."""
    configuration = read(
        """\
        Resources:
          R: {Type: AWS::IAM::Role, Properties: {Policies: !FindInMap [A, b, c]}}
          P: {Type: AWS::IAM::Policy, Properties: {PolicyDocument: {"Fn::Transform": {Name: "AWS::Include"}}}}
          Q: {Type: AWS::IAM::Policy, Properties: {PolicyDocument: {Statement: [], "Fn::Transform": {Name: X}}}}
        """
    )
    assert [path for _, path, _, _ in held(configuration)] == [
        "Policies", "PolicyDocument", "PolicyDocument", "PolicyDocument/Fn::Transform",
    ]  # fmt: skip
    holes = [policy.document for policy in configuration.policies if isinstance(policy.document, StringNode)]
    assert len(holes) == 3
    assert all(text.only_unresolved for text in holes)


BOUNDARY = """\
        Resources:
          M:
            Type: AWS::IAM::ManagedPolicy
            Properties: {{ManagedPolicyName: edge, PolicyDocument: {{}}}}
          R: {{Type: AWS::IAM::Role, Properties: {{{role}}}}}
          O: {{Type: AWS::IAM::Policy, Properties: {{PolicyDocument: {{Statement: {{Condition: {condition}}}}}}}}}
        Outputs:
          M: {{Value: !Ref M}}
        """


@pytest.mark.parametrize(
    ("role", "condition", "kind"),
    [
        ("PermissionsBoundary: !Ref M", "{}", PolicyKind.BOUNDARY),
        ("PermissionsBoundary: !Sub 'arn:aws:iam::${AWS::AccountId}:policy/edge'", "{}", PolicyKind.BOUNDARY),
        ("PermissionsBoundary: !GetAtt M.PolicyArn", "{}", PolicyKind.BOUNDARY),
        ("PermissionsBoundary: 'arn:aws:iam::111122223333:policy/team/edge'", "{}", PolicyKind.BOUNDARY),
        ("", "{StringEquals: {'iam:PermissionsBoundary': !Ref M}}", PolicyKind.BOUNDARY),
        (
            "",
            "{StringEquals: {'iam:PermissionsBoundary': !Sub 'arn:aws:iam::${AWS::AccountId}:policy/edge'}}",
            PolicyKind.BOUNDARY,
        ),
        ("PermissionsBoundary: !Ref M, ManagedPolicyArns: [!Ref M]", "{}", PolicyKind.IDENTITY),
        ("PermissionsBoundary: !Ref M, Tags: [!Ref M]", "{}", PolicyKind.IDENTITY),
        ("PermissionsBoundary: 'arn:aws:iam::aws:policy/edge'", "{}", PolicyKind.IDENTITY),
        ("", "{}", PolicyKind.IDENTITY),
    ],
)
def test_managed_policy_used_as_boundary_has_its_kind(role: str, condition: str, kind: PolicyKind) -> None:
    """A managed policy used only as a boundary, or in a condition, has kind BOUNDARY."""
    configuration = read(dedent(BOUNDARY).format(role=role, condition=condition))
    assert next(policy.kind for policy in configuration.policies if policy.resource.address == "M") is kind


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        ("{Type: AWS::SSO::PermissionSet, Properties: {CustomerManagedPolicyReferences: [{Name: edge}]}}", "identity"),
        (
            "{Type: AWS::IAM::User, Properties: {ManagedPolicyArns: !Split [',', !Sub '${M}']}}",
            "identity",
        ),
        ("{Type: Custom::Attach, Properties: {Arns: ['arn:aws:iam::111122223333:policy/edge']}}", "identity"),
        ("{Type: Custom::Attach, Properties: {PolicyName: edge}}", "identity"),
        ("{Type: AWS::S3::Bucket, Properties: {BucketName: edge}}", "boundary"),
        ("{Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref M}}", "boundary"),
        ("{Type: AWS::SSM::Parameter, Properties: {Value: 'arn:aws:iam::111122223333:policy/edge'}}", "boundary"),
        ("{Type: AWS::CloudFormation::Stack, Properties: {Parameters: !If [C, {A: !Ref M}, {}]}}", "identity"),
        (
            "{Type: AWS::SSO::PermissionSet, Properties: {PermissionsBoundary: "
            "{CustomerManagedPolicyReference: {Name: edge}}}}",
            "boundary",
        ),
        (
            "{Type: AWS::IAM::Policy, Properties: {PolicyDocument: {Statement: {Effect: Deny, Action: '*', "
            "Resource: 'arn:aws:iam::111122223333:policy/edge'}}}}",
            "boundary",
        ),
    ],
)
def test_boundary_with_another_use_grants(other: str, kind: str) -> None:
    """A managed policy with any other reference may be attached there."""
    configuration = read(
        "Resources:\n"
        "  M: {Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: edge, PolicyDocument: {}}}\n"
        "  R: {Type: AWS::IAM::Role, Properties: {PermissionsBoundary: !Ref M}}\n"
        f"  O: {other}\n"
    )
    assert next(policy.kind.value for policy in configuration.policies if policy.resource.address == "M") == kind


def test_equal_duplicates_are_read_once() -> None:
    """A key, section or resource repeated with equal content is not unreadable."""
    configuration = read(
        """\
        Parameters: {A: {Type: String, Default: "1", Default: "1"}, A: {Type: String, Default: "1", Default: "1"}}
        Mappings: {M: {a: {k: v, k: v}, a: {k: v, k: v}}}
        x: {Statement: &s {Effect: Deny, Action: iam:PassRole, Resource: "*", Resource: "*"}}
        Resources:
          P: {Type: AWS::IAM::Policy, Properties: {PolicyDocument: {Statement: *s}}}
          P: {Type: AWS::IAM::Policy, Properties: {PolicyDocument: {Statement: *s}}}
        """
    )
    assert configuration.unreadable == ()
    documents = [parse_document(policy.document) for policy in configuration.policies]
    assert [(len(document.statements), document.problems) for document in documents] == [(1, ())]
    assert [(policy.resource.address, policy.resource.at.line) for policy in configuration.policies] == [("P", 6)]


def test_macro_inside_a_statement_adds_an_unresolved_key() -> None:
    """Fn::Transform beside a statement's keys may change any of them."""
    configuration = read(
        """\
        Resources:
          P:
            Type: AWS::IAM::Policy
            Properties:
              PolicyDocument:
                Statement:
                  - {Effect: Allow, Action: "s3:*", Resource: "*", "Fn::Transform": {Name: AWS::Include}}
        """
    )
    (statement,) = parse_document(configuration.policies[0].document).statements
    assert not statement.whole
    assert statement.unresolved_parts[0].expression.startswith("Fn::Transform")


def test_unread_inner_templates_are_not_evaluated() -> None:
    """Rain modules, and bodies of stack sets that are not plain text, are reported."""
    configuration = read(
        """\
        Resources:
          A: {Type: {"Rain::Module": "../x.yml"}, Properties: {B: 1}}
          B: {Type: !Rain::Module "../x.yml"}
          C: {Type: AWS::CloudFormation::StackSet, Properties: {TemplateBody: !Sub "{}"}}
        """
    )
    assert [item.reason.split(":")[0] for item in configuration.not_evaluated] == ["A", "B", "C"]
    assert configuration.unreadable == ()


def test_sam_documents_and_roles() -> None:
    """SAM's documents and policy templates belong to the implicit role; names and ARNs are not documents."""
    configuration = read(
        """\
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Fn:
            Type: AWS::Serverless::Function
            Properties:
              RolePath: /sam/
              Policies:
                - AWSLambdaExecute
                - !Ref Managed
                - S3ReadPolicy: {BucketName: b}
                - Statement: []
                - !If [C, {Statement: []}, !Ref AWS::NoValue]
          One: {Type: AWS::Serverless::Function, Properties: {Policies: {Statement: []}}}
          Machine: {Type: AWS::Serverless::StateMachine, Properties: {Policies: [{Statement: []}]}}
          Given: {Type: AWS::Serverless::Function, Properties: {Role: !GetAtt R.Arn, Policies: [{Statement: []}]}}
          Maybe:
            Type: AWS::Serverless::Function
            Properties: {Role: !If [C, x, !Ref AWS::NoValue], Policies: [{Statement: []}]}
          Trusted: {Type: AWS::Serverless::Function, Properties: {AssumeRolePolicyDocument: {Statement: [x]}}}
          R: {Type: AWS::IAM::Role}
          Managed: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {}}}
        """
    )
    assert held(configuration) == [
        ("Fn", "Policies/2/S3ReadPolicy", "identity", ("FnRole",)),
        ("Fn", "Policies/3", "identity", ("FnRole",)),
        ("Fn", "Policies/4/Fn::If/1", "identity", ("FnRole",)),
        ("One", "Policies", "identity", ("OneRole",)),
        ("Machine", "Policies/0", "identity", ("MachineRole",)),
        ("Maybe", "Policies/0", "identity", ("MaybeRole",)),
        ("Trusted", "AssumeRolePolicyDocument", "trust", ()),
        ("Managed", "PolicyDocument", "identity", ("FnRole",)),
    ]
    assert {resource.framework for resource in configuration.resources} == {Framework.SAM}
    roles = {role.resource.address: role for role in configuration.roles}
    assert set(roles) == {"FnRole", "OneRole", "MachineRole", "MaybeRole", "TrustedRole", "R"}
    assert str(roles["FnRole"].role_path) == "/sam/"
    for name, service in (("FnRole", "lambda.amazonaws.com"), ("MachineRole", "states.amazonaws.com")):
        assert service in repr(roles[name].trust)
    fn = next(resource for resource in configuration.resources if resource.address == "Fn")
    assert roles["FnRole"].resource.at == fn.at
    assert "lambda" not in repr(roles["TrustedRole"].trust)


def test_policies_in_globals() -> None:
    """A document in Globals belongs to every function's own role."""
    configuration = read(
        """\
        Transform: AWS::Serverless-2016-10-31
        Globals: {Function: {Policies: [{Statement: []}]}}
        Resources:
          A: {Type: AWS::Serverless::Function}
          B: {Type: AWS::Serverless::Function}
        """
    )
    assert held(configuration) == [("Globals", "Function/Policies/0", "identity", ("ARole", "BRole"))]


def test_missing_modules_and_stacks_are_not_evaluated() -> None:
    """Nested stacks, modules and macros are listed with their line."""
    configuration = read(
        """\
        Transform: [AWS::LanguageExtensions, MyMacro]
        Resources:
          Stack: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: x}}
          Module: {Type: My::Own::Thing::MODULE}
          Fn::Transform: {Name: AWS::Include}
        """
    )
    assert [entry.line for entry in configuration.not_evaluated] == [1, 3, 4, 5]
    assert not configuration.unreadable


SUPPRESSED = """\
# checkov:skip=PASSROLE_012:whole file
Metadata: {cfn-lint: {config: {ignore_checks: [W9502, E3001]}}}
Resources:
  # passrole:skip=PASSROLE_003 above its header
  A:
    Type: AWS::IAM::Role
    Metadata:
      checkov: {skip: [{id: PASSROLE_001, comment: agreed}, {id: CKV_AWS_1}]}
      cfn-lint: {config: {ignore_checks: [E9501, I9512, W95]}}  # reviewed
    Properties:
      # checkov:skip=PASSROLE_002:inside
      Description: "# checkov:skip=PASSROLE_004:quoted"
      Script: |
        # checkov:skip=PASSROLE_005:a script
        echo
      # passrole:skip=PASSROLE_006, PASSROLE_007
  B:
    Type: AWS::IAM::Role # checkov:skip=PASSROLE_010
Outputs:
  # passrole:skip=PASSROLE_014 too late
  X: {Value: x}
"""


def test_suppressions() -> None:
    """Comments belong to the resource around them or to the file; both tools' Metadata count, as far as these tools go
    (cfn-lint takes W95 in the template's Metadata only); scripts do not."""
    configuration = load(Path("t.yaml"), SUPPRESSED)
    spans = {resource.address: resource.at for resource in configuration.resources}
    found = {
        (entry.check_id, entry.origin): (entry.reason, entry.resource, entry.span, entry.at.line)
        for entry in configuration.suppressions
    }
    reason, resource, late, _ = found.pop(("PASSROLE_014", "passrole"))
    assert found == {
        ("PASSROLE_012", "checkov"): ("whole file", None, None, 1),
        ("PASSROLE_002", "cfn-lint"): ("", None, None, 2),
        ("PASSROLE_003", "passrole"): ("above its header", "A", spans["A"], 4),
        ("PASSROLE_001", "checkov"): ("agreed", "A", None, 8),
        ("PASSROLE_001", "cfn-lint"): ("reviewed", "A", None, 9),
        ("PASSROLE_012", "cfn-lint"): ("reviewed", "A", None, 9),
        ("PASSROLE_002", "checkov"): ("inside", "A", spans["A"], 11),
        ("PASSROLE_006", "passrole"): ("", "A", spans["A"], 16),
        ("PASSROLE_007", "passrole"): ("", "A", spans["A"], 16),
        ("PASSROLE_010", "checkov"): ("", "B", spans["B"], 18),
    }
    assert (reason, resource) == ("too late", None)
    assert late is not None
    assert (late.line, late.end_line) == (20, 20)


def test_cfn_lint_id_prefix_suppresses_its_checks() -> None:
    """A prefix of cfn-lint ids in Metadata (E95, W95, I95) suppresses only the checks of that level."""
    template = "Metadata: {{cfn-lint: {{config: {{ignore_checks: [{letter}95]}}}}}}\nResources: {{}}\n"
    silenced = {
        letter: {item.check_id for item in read(template.format(letter=letter)).suppressions} for letter in "EWI"
    }
    letters = {Severity.HIGH: "E", Severity.MEDIUM: "W", Severity.LOW: "W", Severity.INFO: "I"}
    for check in ALL:
        assert [letter for letter in "EWI" if check.id in silenced[letter]] == [letters[check.severity]], check.id


@pytest.mark.parametrize(
    ("rest", "unreadable", "skipped"),
    [
        ("Fn::Transform: {Name: AWS::Include}", "", "Fn::Transform adds sections at deployment"),
        (
            "  Fn::ForEach::L: [X, [a], c]",
            "Fn::ForEach::L is malformed: expected identifier, collection and template",
            "",
        ),
        ("  T: {Type: !Sub 'AWS::IAM::User'}", "", "T: its type is a placeholder of another tool"),
        ("  ? [a]\n  : {Type: AWS::IAM::User}", "a key in Resources is not a string", ""),
        (
            "  T: {Type: AWS::IAM::User, Properties: {Fn::Transform: {Name: x}}}",
            "",
            "T: Fn::Transform adds properties at deployment",
        ),
        (
            "  T: {Type: AWS::IAM::User, Properties: {Fn::Transform: {Name: x}, UserName: a}}",
            "",
            "T: Fn::Transform adds properties at deployment",
        ),
    ],
)
def test_additions_of_macros_are_reported_once(rest: str, unreadable: str, skipped: str) -> None:
    """Other resources are read."""
    found = load(Path("t.yaml"), f"Resources:\n  R: {{Type: AWS::IAM::User}}\n{rest}\n")
    assert [one.reason for one in found.unreadable] == [unreadable] * bool(unreadable)
    assert [one.reason for one in found.not_evaluated] == [skipped] * bool(skipped)


def test_policy_of_a_macro_is_unresolved() -> None:
    """An inline policy without a document, added by a transform, may allow anything."""
    found = read("Resources: {U: {Type: AWS::IAM::User, Properties: {Policies: [{Fn::Transform: {}, PolicyName: a}]}}}")
    (policy,) = found.policies
    assert isinstance(policy.document, StringNode)
    assert policy.document.only_unresolved is not None
    assert policy.document.only_unresolved.reason == "inserted at deployment"


def test_loop_without_a_string_identifier_is_not_expanded() -> None:
    """Its content, including inner loops, is read once."""
    found = read(
        """\
        Resources:
          Fn::ForEach::L:
            - [X]
            - [a, b]
            - U: {Type: AWS::IAM::User, Properties: {Policies: [{PolicyDocument: {}}]}}
              Fn::ForEach::M: [[Y], [c], {V: {Type: AWS::IAM::User, Properties: {Policies: [{PolicyDocument: {}}]}}}]
        """
    )
    assert [principals for *_, principals in held(found)] == [("U",), ("V",)]
