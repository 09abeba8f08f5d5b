"""SAM: policy templates, implicit roles, Globals."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from passrole_checks.aws.sam_policy_templates import policy_templates
from passrole_checks.aws.service_principals import known_services
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.grants.subtract_denials import grants_of
from passrole_checks.iam.values.nodes import ObjectNode, Position, StringNode, strings_in
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, PolicyKind

HEAD = "Transform: AWS::Serverless-2016-10-31\n"


def read(content: str) -> Configuration:
    return load(Path("t.yaml"), HEAD + dedent(content))


def words(policy: AttachedPolicy) -> list[str]:
    return [str(text) for text in strings_in(policy.document)]


def test_policy_template_is_expanded() -> None:
    """Its document has the arguments and the position of its use."""
    configuration = read(
        """\
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties:
              Policies:
                - StepFunctionsExecutionPolicy:
                    StateMachineName: !GetAtt M.Name
                - SQSPollerPolicy: {QueueName: orders}
        """
    )
    first, second = configuration.policies
    assert first.path == "Policies/0/StepFunctionsExecutionPolicy"
    assert first.principals == ("FRole",)
    (statement,) = parse_document(first.document).statements
    assert statement.at == Position("t.yaml", 7, 11, 8, 45)
    assert "states:StartExecution" in words(first)
    assert "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:${M.Name}" in words(first)
    assert "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:orders" in words(second)
    (statement,) = parse_document(second.document).statements
    assert (statement.at.line, statement.at.end_line) == (9, 9)


@pytest.mark.parametrize("name", policy_templates())
def test_no_policy_template_passes_roles(name: str) -> None:
    """Every policy template can be read, and none grants PassRole, whatever its arguments."""
    arguments = ", ".join(f"{parameter}: '*'" for parameter in policy_templates()[name].parameters)
    configuration = read(
        f"Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {{Policies: [{name}: {{{arguments}}}]}}}}}}"
    )
    (policy,) = configuration.policies
    document = parse_document(policy.document)
    assert document.statements and not document.problems
    assert grants_of(document.statements, {"aws": known_services(), "aws-cn": known_services("aws-cn")}) == ()
    assert not [text for text in words(policy) if f"{name}." in text]


def test_missing_argument_is_unresolved() -> None:
    """It is not a parameter of the template with the same name."""
    configuration = read(
        """\
        Parameters: {QueueName: {Type: String, Default: other}}
        Resources: {F: {Type: AWS::Serverless::Function, Properties: {Policies: [SQSPollerPolicy: {}]}}}
        """
    )
    (policy,) = configuration.policies
    assert any("${SQSPollerPolicy.QueueName}" in text for text in words(policy))


def test_argument_may_be_a_parameter_of_the_same_name() -> None:
    """The Ref in an argument is the template's own parameter."""
    configuration = read(
        """\
        Parameters: {QueueName: {Type: String, Default: other}}
        Resources:
          F: {Type: AWS::Serverless::Function, Properties: {Policies: [SQSPollerPolicy: {QueueName: !Ref QueueName}]}}
        """
    )
    (policy,) = configuration.policies
    assert any(text.endswith(":other") for text in words(policy))


def test_invalid_sam_policy_is_unresolved_or_unreadable() -> None:
    """An unknown policy template is unresolved; another mapping is unreadable."""
    configuration = read(
        """\
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties:
              Policies:
                - BrandNewPolicy: {A: b}
                - {PolicyName: a, PolicyDocument: {}}
                - {"Fn::Transform": {Name: X}, Other: y}
        """
    )
    unknown = [policy.document for policy in configuration.policies]
    assert [str(document) for document in unknown if isinstance(document, StringNode)] == [
        "${BrandNewPolicy}",
        "${Fn::Transform, Other}",
    ]
    assert [(entry.line, entry.reason) for entry in configuration.notes.unreadable] == [
        (8, "F: Policies/1 is not a policy document, policy template or managed policy")
    ]


@pytest.mark.parametrize(
    ("element", "known"),
    [
        ("!Ref P", True),
        ("!Sub 'arn:aws:iam::${AWS::AccountId}:policy/p'", True),
        ("!ImportValue p", True),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", True),
        ("!Ref AWS::NoValue", True),
        ("!Include policy.yaml", False),
        ("{'Fn::Transform': {Name: AWS::Include}}", False),
    ],
)
def test_function_in_sam_policies(element: str, known: bool) -> None:
    """A function that returns an ARN is a managed policy; one that inserts something is an unresolved policy."""
    text = f"Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {{Policies: [{element}]}}}}}}"
    documents = [policy.document for policy in read(text).policies]
    assert len(documents) == (0 if known else 1)
    assert all(isinstance(document, StringNode) and document.only_unresolved for document in documents)


def test_conditional_policy_template() -> None:
    """A policy template in Fn::If has its condition."""
    configuration = read(
        """\
        Parameters: {Stage: {Type: String}}
        Conditions: {Prod: !Equals [!Ref Stage, prod]}
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties: {Policies: [!If [Prod, {TextractPolicy: {}}, !Ref AWS::NoValue]]}
        """
    )
    (policy,) = configuration.policies
    assert policy.path == "Policies/0/Fn::If/1/TextractPolicy"
    (statement,) = parse_document(policy.document).statements
    assert statement.when


def test_sam_implicit_roles() -> None:
    """Resources without a role get one with the logical id and service of their type; those with one, also by Globals,
    get none."""
    configuration = read(
        """\
        Resources:
          Fn: {Type: AWS::Serverless::Function}
          Machine: {Type: AWS::Serverless::StateMachine}
          Web: {Type: AWS::Serverless::WebFunction}
          Capacity: {Type: AWS::Serverless::CapacityProvider}
          Named: {Type: AWS::Serverless::CapacityProvider, Properties: {OperatorRole: !GetAtt R.Arn}}
          WebNamed: {Type: AWS::Serverless::WebFunction, Properties: {ExecutionRoleArn: !GetAtt R.Arn}}
        """
    )
    services = {role.resource.address: repr(role.trust) for role in configuration.roles}
    assert set(services) == {"FnRole", "MachineRole", "WebRole", "CapacityOperatorRole"}
    named = read(
        """\
        Globals: {CapacityProvider: {OperatorRole: "arn:aws:iam::111122223333:role/operator"}}
        Resources: {Capacity: {Type: AWS::Serverless::CapacityProvider}}
        """
    )
    assert not named.roles
    assert [name for name, trust in services.items() if "states.amazonaws.com" in trust] == ["MachineRole"]
    assert all("lambda.amazonaws.com" in services[name] for name in services if name != "MachineRole")


def test_globals_apply_to_functions() -> None:
    """RolePath, PermissionsBoundary and AssumeRolePolicyDocument in Globals apply unless a function has its own."""
    configuration = read(
        """\
        Globals:
          Function:
            RolePath: /shared/
            PermissionsBoundary: !Ref Edge
            AssumeRolePolicyDocument: {Statement: [{Principal: {Service: lambda.amazonaws.com}}]}
        Resources:
          A: {Type: AWS::Serverless::Function}
          B:
            Type: AWS::Serverless::Function
            Properties:
              RolePath: /own/
              AssumeRolePolicyDocument: {Statement: [{Principal: {Service: edgelambda.amazonaws.com}}]}
          Machine: {Type: AWS::Serverless::StateMachine}
          Edge: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {Statement: []}}}
          P:
            Type: AWS::IAM::Policy
            Properties: {PolicyDocument: {Statement: [{Resource: [!GetAtt ARole.Arn, !GetAtt BRole.Arn]}]}}
        """
    )
    roles = {role.resource.address: role for role in configuration.roles}
    assert [str(roles[name].role_path) for name in ("ARole", "BRole", "MachineRole")] == ["/shared/", "/own/", "None"]
    assert "edgelambda" not in repr(roles["ARole"].trust)
    assert all(service in repr(roles["BRole"].trust) for service in ("'lambda.amazonaws.com", "edgelambda"))
    assert "states.amazonaws.com" in repr(roles["MachineRole"].trust)
    kinds = {policy.resource.address: policy.kind for policy in configuration.policies if policy.path[:4] == "Poli"}
    assert kinds["Edge"] is PolicyKind.BOUNDARY
    document = next(policy.document for policy in configuration.policies if policy.resource.address == "P")
    assert isinstance(document, ObjectNode)
    known = [hole.known for text in strings_in(document) for hole in text.unresolved_parts]
    assert ["role/shared/" in repr(parts) for parts in known] == [True, False]
    assert ["role/own/" in repr(parts) for parts in known] == [False, True]


def test_connectors_grant_no_passrole() -> None:
    """The boundary of an event's role is a boundary."""
    configuration = read(
        """\
        Resources:
          F:
            Type: AWS::Serverless::Function
            Connectors: {C: {Properties: {Destination: {Id: T}, Permissions: [Read, Write]}}}
            Properties:
              Events: {E: {Type: ScheduleV2, Properties: {PermissionsBoundary: !Ref Edge}}}
          C:
            Type: AWS::Serverless::Connector
            Properties: {Source: {Id: F}, Destination: {Id: T}, Permissions: [Read]}
          T: {Type: AWS::Serverless::SimpleTable}
          Edge: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {Statement: []}}}
        """
    )
    assert [(policy.resource.address, policy.kind) for policy in configuration.policies] == [
        ("Edge", PolicyKind.BOUNDARY)
    ]
    assert not configuration.notes.unreadable and not configuration.notes.not_evaluated


def test_policy_referenced_in_a_document_is_not_attached() -> None:
    """One in the list of policies is."""
    configuration = read(
        """\
        Resources:
          F:
            Type: AWS::Serverless::Function
            Properties:
              Policies:
                - !Ref Given
                - Statement: [{Effect: Deny, Action: "iam:*", Resource: !Ref Named}]
          Given: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {}}}
          Named: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {}}}
        """
    )
    principals = {policy.resource.address: policy.principals for policy in configuration.policies}
    assert principals == {"F": ("FRole",), "Given": ("FRole",), "Named": ()}
