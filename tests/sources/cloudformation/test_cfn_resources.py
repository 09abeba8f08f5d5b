"""Resources with policies: organizations, permission sets, stack sets, boundaries."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from passrole_checks.scan.for_hosts.host_results import CLOUDFORMATION_TYPES
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_configurations
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.cloudformation.resource_types import RESOURCE_POLICIES
from passrole_checks.sources.model.configuration import Configuration, PolicyKind
from tests.helpers.principals_of_tests import boundaries_of

WIDE = "{Version: '2012-10-17', Statement: [{Effect: Allow, Action: iam:PassRole, Resource: '*'}]}"


def read(content: str) -> Configuration:
    return load(Path("t.yaml"), dedent(content).replace("WIDE", WIDE))


def scanned(content: str) -> ScanResult:
    return scan_configurations([read(content)], ScanOptions(account="111122223333"))


def test_organization_policy_grants_nothing() -> None:
    """Written as an object or as text."""
    result = scanned(
        """\
        Resources:
          A: {Type: AWS::Organizations::Policy, Properties: {Type: SERVICE_CONTROL_POLICY, Content: WIDE}}
          B:
            Type: AWS::Organizations::Policy
            Properties:
              Type: RESOURCE_CONTROL_POLICY
              Content: '{"Statement": {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*"}}'
          C: {Type: AWS::Organizations::Policy, Properties: {Type: TAG_POLICY, Content: '{"tags": {}}'}}
        """
    )
    assert not result.findings and not result.unreadable
    assert [(grant.resource.address, grant.effect_on_passrole) for grant in result.grants] == [
        ("A", "none"),
        ("B", "none"),
    ]


@pytest.mark.parametrize(
    "document",
    [
        WIDE,
        '!Sub |\n        {"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}',
        '\'{"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}\'',
    ],
)
def test_inline_policy_of_a_permission_set_is_checked(document: str) -> None:
    """As an object and as text."""
    result = scanned(
        f"Resources:\n  S:\n    Type: AWS::SSO::PermissionSet\n    Properties:\n      InlinePolicy: {document}\n"
    )
    assert [(finding.check_id, finding.principals) for finding in result.findings] == [("PASSROLE_001", ("S",))]


def test_permission_set_gets_managed_policies_by_name() -> None:
    """A boundary grants it nothing."""
    configuration = read(
        """\
        Resources:
          Given: {Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: given, PolicyDocument: WIDE}}
          Edge: {Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: edge, PolicyDocument: WIDE}}
          S:
            Type: AWS::SSO::PermissionSet
            Properties:
              CustomerManagedPolicyReferences: [{Name: given, Path: /}]
              PermissionsBoundary: {CustomerManagedPolicyReference: {Name: edge}}
        """
    )
    found = {policy.resource.address: (policy.kind, policy.principals) for policy in configuration.policies}
    assert found == {"Given": (PolicyKind.IDENTITY, ("S",)), "Edge": (PolicyKind.BOUNDARY, ())}


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("deployer", "deployer"),
        ("!Sub '${AWS::StackName}-deployer'", "!Join ['-', [!Ref AWS::StackName, deployer]]"),
        ("!Ref Name", "!Sub '${Name}'"),
    ],
)
def test_role_is_found_by_its_name(name: str, reference: str) -> None:
    """A role referred to by its RoleName, unresolved parts included."""
    configuration = read(
        f"""\
        Parameters: {{Name: {{Type: String}}}}
        Resources:
          R: {{Type: AWS::IAM::Role, Properties: {{RoleName: {name}}}}}
          P: {{Type: AWS::IAM::RolePolicy, Properties: {{RoleName: {reference}, PolicyDocument: WIDE}}}}
        """
    )
    assert [policy.principals for policy in configuration.policies] == [("R",)]


@pytest.mark.parametrize(
    "holder",
    [
        "Type: AWS::RolesAnywhere::Profile, Properties: {ManagedPolicyArns: [!Ref M], SessionPolicy: '{}'}",
        "Type: Custom::Attach, Properties: {Policy: !Ref M}",
    ],
)
def test_only_users_groups_and_roles_get_policies(holder: str) -> None:
    """A resource that names a managed policy and is no principal does not get it; the policy still counts."""
    configuration = read(
        f"""\
        Resources:
          M: {{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: WIDE}}}}
          R: {{Type: AWS::IAM::Role, Properties: {{PermissionsBoundary: !Ref M}}}}
          H: {{{holder}}}
        """
    )
    managed = next(policy for policy in configuration.policies if policy.resource.address == "M")
    assert (managed.kind, managed.principals) == (PolicyKind.IDENTITY, ())


@pytest.mark.parametrize(
    ("resource_type", "path"), [(kind, path) for kind, paths in RESOURCE_POLICIES.items() for path in paths]
)
def test_resource_endpoint_and_session_policies_grant_nothing(resource_type: str, path: str) -> None:
    """A policy of a resource, an endpoint or a session is read, and grants no PassRole."""
    value = WIDE
    for key in reversed(path.split("/")):
        value = f"{{{key}: {value}}}"
    result = scanned(f"Resources: {{B: {{Type: '{resource_type}', Properties: {value}}}}}")
    assert not result.findings and not result.unreadable
    assert [grant.effect_on_passrole for grant in result.grants] == ["none"]


def test_trust_policy_grants_nothing() -> None:
    """PassRole in a trust policy grants nothing."""
    result = scanned("Resources: {R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: WIDE}}}")
    assert not result.findings
    assert [grant.effect_on_passrole for grant in result.grants] == ["none"]


STACK_SET = """\
Resources:
  R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Statement: []}}}
  S:
    Type: AWS::CloudFormation::StackSet
    Properties:
      Parameters:
        - {ParameterKey: Prefix, ParameterValue: app-}
        - {ParameterKey: Other, ParameterValue: !Ref AWS::StackName}
      TemplateBody: |
        Parameters:
          Prefix: {Type: String, Default: "*"}
          Other: {Type: String, Default: "*"}
        Resources:
          R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Statement: [TRUST]}}}
          P:
            Type: AWS::IAM::RolePolicy
            Properties:
              RoleName: !Ref R
              PolicyDocument:
                Statement:
                  - {Effect: Allow, Action: iam:PassRole, Resource: !Sub "arn:aws:iam::111111111111:role/${Prefix}*"}
                  - {Effect: Allow, Action: iam:PassRole, Resource: !Sub "arn:aws:iam::111111111111:role/${Other}"}
                  - {Effect: Allow, Action: iam:PassRole, Resource: !GetAtt R.Arn}
""".replace("TRUST", "{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}")


def test_template_of_a_stack_set_is_read() -> None:
    """With positions in TemplateBody and the stack set's parameters; its roles are in other accounts, and an account id
    in it is no mistake."""
    configuration = read(STACK_SET)
    assert not configuration.not_evaluated and not configuration.unreadable
    assert {policy.principals for policy in configuration.policies if policy.kind is PolicyKind.IDENTITY} == {("S.R",)}
    assert {role.resource.address for role in configuration.roles} == {"R", "S.R"}
    result = scan_configurations([configuration], ScanOptions(account="444455556666"))
    assert {
        (finding.check_id, finding.at.line, finding.at.column, finding.resource.address) for finding in result.findings
    } == {
        ("PASSROLE_002", 21, 21, "S"),
        ("PASSROLE_002", 22, 21, "S"),
        ("PASSROLE_014", 22, 21, "S"),
        ("PASSROLE_016", 23, 21, "S"),  # its own role; that trusts a single service, so 002 is an info
    }
    assert all(
        finding.statement_path.startswith("TemplateBody/Resources/P/Properties/PolicyDocument/")
        for finding in result.findings
    )


def test_conditional_stack_set_has_conditional_findings() -> None:
    """Findings in its template have the condition of the stack set."""
    head = "Parameters: {Stage: {Type: String}}\nConditions: {Prod: !Equals [!Ref Stage, prod]}\n"
    text = head + STACK_SET.replace("StackSet\n", "StackSet\n    Condition: Prod\n")
    messages = [finding.message for finding in scan_configurations([read(text)], ScanOptions()).findings]
    assert messages and all('Applies when Stage = "prod".' in message for message in messages)


@pytest.mark.parametrize("indent", [None, 1])
def test_template_of_a_stack_set_in_escaped_json_is_read(indent: int | None) -> None:
    """A string of JSON in a template of JSON has escapes: what is in it is at the line of the string."""
    document = {"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}
    inner = {"Resources": {"P": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": document}}}}
    stack_set = {
        "Type": "AWS::CloudFormation::StackSet",
        "Properties": {"TemplateBody": json.dumps(inner, indent=indent)},
    }
    configuration = read(json.dumps({"Resources": {"S": stack_set}}, indent=1))
    assert not configuration.not_evaluated and not configuration.unreadable
    (finding,) = (
        finding
        for finding in scan_configurations([configuration], ScanOptions()).findings
        if finding.check_id == "PASSROLE_001"
    )
    assert (finding.at.line, finding.resource.address) == (6, "S")
    assert finding.statement_path == "TemplateBody/Resources/P/Properties/PolicyDocument/Statement/0"


@pytest.mark.parametrize("indent", [None, 1])
def test_notes_in_escaped_json_have_the_line_of_the_string(indent: int | None) -> None:
    """Lines of the text with escapes are no lines of the file: notes, documents in it, and what cannot be read."""
    document = json.dumps({"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]})
    policies = {
        "P": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": document}},
        "Q": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Fn::GetAtt": []}}},
        "S": {"Type": "AWS::CloudFormation::StackSet", "Properties": {"TemplateURL": "https://example.com/t.yaml"}},
    }
    bodies = [json.dumps({"Resources": inner}, indent=indent) for inner in (policies, [], {"P": policies["S"]})]
    stack_sets = {
        f"S{n}": {"Type": "AWS::CloudFormation::StackSet", "Properties": {"TemplateBody": body}}
        for n, body in enumerate(bodies)
    }
    text = json.dumps({"Resources": stack_sets}, indent=1)
    configuration = read(text)
    lines = {number for number, line in enumerate(text.splitlines(), 1) if "TemplateBody" in line}
    found = [*configuration.not_evaluated, *configuration.unreadable]
    assert len(found) >= 3 and {entry.line for entry in found} <= lines
    assert {policy.document.at.line for policy in configuration.policies} <= lines


def test_computed_stack_set_template_is_not_evaluated() -> None:
    """Computed or remote bodies are reported once; an invalid one is unreadable with its line."""
    configuration = read(
        """\
        Resources:
          A: {Type: AWS::CloudFormation::StackSet, Properties: {TemplateBody: !Sub "Resources: {}"}}
          B: {Type: AWS::CloudFormation::StackSet, Properties: {TemplateURL: "https://example.com/t.yaml"}}
          C: {Type: AWS::CloudFormation::StackSet, Properties: {TemplateBody: "Resources: ["}}
          D: {Type: AWS::CloudFormation::StackSet, Properties: {}}
          E:
            Type: AWS::CloudFormation::StackSet
            Properties:
              TemplateBody: |
                Resources:
                  P: {Type: AWS::IAM::Policy}
        """
    )
    assert [(entry.line, entry.reason[:2]) for entry in configuration.not_evaluated] == [(2, "A:"), (3, "B:")]
    assert [(entry.line, entry.reason.split(":")[0]) for entry in configuration.unreadable] == [(4, "C"), (11, "E")]
    assert configuration.unreadable[1].reason == "E: P has no PolicyDocument"


@pytest.mark.parametrize(
    ("path", "construct"),
    [
        ("Stack/Role/DefaultPolicy/Resource", "Stack/Role/DefaultPolicy"),
        ("Stack/Bucket/Default", "Stack/Bucket"),
        ("Stack/Policy", "Stack/Policy"),
        ("{Ref: X}", ""),
    ],
)
def test_resource_has_its_cdk_construct(path: str, construct: str) -> None:
    """Without the part that represents the resource itself."""
    configuration = read(
        f'Resources: {{P: {{Type: AWS::IAM::Policy, Metadata: {{"aws:cdk:path": {path}}}, '
        f"Properties: {{PolicyDocument: WIDE}}}}}}"
    )
    (resource,) = configuration.resources
    assert resource.construct == construct


def test_adapters_cover_every_type_with_policies() -> None:
    """The adapters ask for every type whose policies are checked."""
    body = f'"Resources: {{P: {{Type: AWS::IAM::Policy, Properties: {{PolicyDocument: {WIDE}}}}}}}"'
    held = f"PolicyDocument: WIDE, InlinePolicy: WIDE, Content: WIDE, Policy: WIDE, TemplateBody: {body}"
    others = {"Function", "StateMachine", "WebFunction", "Connector", "Api", "Application"}
    types = {
        *CLOUDFORMATION_TYPES,
        *(f"AWS::Serverless::{name}" for name in others),
        *RESOURCE_POLICIES,
        "AWS::CloudFormation::Stack",
        "AWS::IAM::InstanceProfile",
        "AWS::Organizations::Policy",
        "Acme::Cloud::Thing",
    }
    judged = set()
    for kind in types:
        policies = "[WIDE]" if "Serverless" in kind else "[{PolicyName: a, PolicyDocument: WIDE}]"
        configuration = read(f"Resources: {{X: {{Type: '{kind}', Properties: {{Policies: {policies}, {held}}}}}}}")
        opaque = kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"
        if any(
            policy.kind is PolicyKind.IDENTITY and (opaque or policy.handed_to is None)
            for policy in configuration.policies
        ):
            judged.add(kind)
    assert judged == set(CLOUDFORMATION_TYPES)


def test_scp_has_its_targets() -> None:
    """Known or not."""
    configuration = read(
        """\
        Parameters: {Unit: {Type: String}}
        Resources:
          S:
            Type: AWS::Organizations::Policy
            Properties: {Type: SERVICE_CONTROL_POLICY, Content: WIDE, TargetIds: ["111122223333", !Ref Unit]}
        """
    )
    assert [(str(target), policy.resource.address) for target, _, policy in configuration.attached.targets] == [
        ("111122223333", "S"),
        ("${Unit}", "S"),
    ]


def test_stack_set_principals_keep_policies_and_boundaries() -> None:
    """With addresses below the stack set."""
    configuration = read(
        """\
        Parameters: {Given: {Type: String}}
        Resources:
          S:
            Type: AWS::CloudFormation::StackSet
            Properties:
              Parameters:
                - {ParameterKey: Undeclared, ParameterValue: !Ref Given}
                - {ParameterKey: Open, ParameterValue: !Ref Given}
                - {ParameterValue: nameless}
              TemplateBody: |
                Parameters: {Open: {Type: String, Default: "arn:aws:iam::aws:policy/ReadOnlyAccess"}}
                Resources:
                  R: {Type: AWS::IAM::Role, Properties: {ManagedPolicyArns: [!Ref Open]}}
                  U: {Type: AWS::IAM::User, Properties: {PermissionsBoundary: !Ref Open}}
          Set:
            Type: AWS::SSO::PermissionSet
            Properties: {PermissionsBoundary: {CustomerManagedPolicyReference: {Path: /}}}
        """
    )
    assert [(one.holder, str(one.policy)) for one in configuration.attached.managed_policies] == [("S.R", "${Open}")]
    assert boundaries_of(configuration) == [("S.U", "?", ())]
