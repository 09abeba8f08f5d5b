"""Resources with policies: organizations, permission sets, stack sets, boundaries."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from principals_of_tests import boundaries_of

from passrole_checks.scan.for_hosts.host_results import CLOUDFORMATION_TYPES
from passrole_checks.scan.scanner import ScanOptions, ScanResult, scan_configurations
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.cloudformation.resource_types import RESOURCE_POLICIES
from passrole_checks.sources.model.configuration import Configuration, PolicyKind

WIDE = "{Version: '2012-10-17', Statement: [{Effect: Allow, Action: iam:PassRole, Resource: '*'}]}"


def read(content: str) -> Configuration:
    return load(Path("t.yaml"), dedent(content).replace("WIDE", WIDE))


def scanned(content: str) -> ScanResult:
    return scan_configurations([read(content)], ScanOptions(account="111122223333"))


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
