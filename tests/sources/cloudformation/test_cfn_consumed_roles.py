"""Which resources of a template receive which role.

Sources: AWS CloudFormation Template Reference; AWS SAM Developer Guide, "Generated CloudFormation resources".
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from passrole_checks.iam.partial_values import Choice, StringNode
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.model.configuration import Configuration

Row = tuple[str, str, str, int]


def read(template: str, path: Path | None = None) -> Configuration:
    content = textwrap.dedent(template)
    if path is not None:
        path.write_text(content, encoding="utf-8")
        return load(path, content, boundary=path.parent)
    return load(Path("app.yaml"), content)


def rows(configuration: Configuration) -> list[Row]:
    """Resource, attribute, value and line."""
    return [
        (
            one.resource.address,
            one.attribute,
            "or".join(f" {option} " for _, option in one.value.options).strip()
            if isinstance(one.value, Choice)
            else str(one.value),
            one.at.line,
        )
        for one in configuration.received
    ]


def services(configuration: Configuration) -> list[tuple[str, str, tuple[str, ...]]]:
    return [
        (one.resource.address, str(one.value), tuple(name.split(".amaz")[0] for name in one.receiver.services))
        for one in configuration.received
    ]


def test_received_role_has_the_line_of_its_value() -> None:
    """The position is that of the value, also in a list."""
    found = read("""\
        Resources:
          Rule:
            Type: AWS::Events::Rule
            Properties:
              Targets:
                - Arn: arn:aws:sqs:eu-west-1:111122223333:q
                - Arn: arn:aws:sqs:eu-west-1:111122223333:r
                  RoleArn: arn:aws:iam::111122223333:role/r
    """)
    assert rows(found) == [("Rule", "Targets/1/RoleArn", "arn:aws:iam::111122223333:role/r", 8)]


def test_reference_names_its_role() -> None:
    """``Fn::GetAtt`` and ``Ref`` of a role are unresolved values that name the role."""
    found = read("""\
        Resources:
          Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}
          F: {Type: AWS::Lambda::Function, Properties: {Role: !GetAtt Role.Arn}}
          J: {Type: AWS::Glue::Job, Properties: {Role: !Ref Role}}
    """)
    values = [one.value for one in found.received]
    assert [value.unresolved_parts[0].role for value in values if isinstance(value, StringNode)] == ["Role", "Role"]


def test_conditional_resource_receives_its_role_conditionally() -> None:
    """The received role has the condition of the resource."""
    found = read("""\
        Parameters:
          On: {Type: String, AllowedValues: ["yes", "no"]}
        Conditions:
          Wanted: !Equals [!Ref On, "yes"]
        Resources:
          F:
            Type: AWS::Lambda::Function
            Condition: Wanted
            Properties: {Role: "arn:aws:iam::111122223333:role/f"}
    """)
    value = found.received[0].value
    assert isinstance(value, Choice)
    assert (value.condition, [type(option).__name__ for _, option in value.options]) == ("On", ["StringNode", "Absent"])


def test_no_value_removes_the_role() -> None:
    """``AWS::NoValue`` removes a property."""
    found = read("Resources: {F: {Type: AWS::Lambda::Function, Properties: {Role: !Ref AWS::NoValue}}}")
    assert found.received == ()


def test_instance_profile_has_a_name_and_a_role() -> None:
    """A profile receives its role itself."""
    found = read("""\
        Resources:
          Profile:
            Type: AWS::IAM::InstanceProfile
            Properties: {InstanceProfileName: hosts, Roles: [host]}
    """)
    assert [(one.address, str(one.name), str(one.role)) for one in found.instance_profiles] == [
        ("Profile", "hosts", "host")
    ]
    assert services(found) == [("Profile", "host", ("ec2",))]


def test_nested_stack_receives_roles_of_its_parent(tmp_path: Path) -> None:
    """Addresses are below the stack; a role passed down stays the outer one."""
    (tmp_path / "inner.yaml").write_text(
        textwrap.dedent("""\
            Parameters: {RoleArn: {Type: String}}
            Resources:
              Own: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}
              A: {Type: AWS::Lambda::Function, Properties: {Role: !Ref RoleArn}}
              B: {Type: AWS::Lambda::Function, Properties: {Role: !GetAtt Own.Arn}}
        """),
        encoding="utf-8",
    )
    outer = """\
        Resources:
          Role: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}
          Inner:
            Type: AWS::CloudFormation::Stack
            Properties: {TemplateURL: inner.yaml, Parameters: {RoleArn: !GetAtt Role.Arn}}
    """
    found = read(outer, tmp_path / "app.yaml")
    assert [
        (one.resource.address, one.value.unresolved_parts[0].role)
        for one in found.received
        if isinstance(one.value, StringNode)
    ] == [("Inner.A", "Role"), ("Inner.B", "Inner.Own")]


SAM = "Transform: AWS::Serverless-2016-10-31\n"


@pytest.mark.parametrize("role", ["", "Role: null", "Role: !Ref AWS::NoValue"])
def test_sam_creates_a_role_for_a_function_without_one(role: str) -> None:
    """The function receives the implicit role."""
    found = read(SAM + f"Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {{{role}}}}}}}")
    assert services(found) == [("F", "${FRole}", ("lambda",))]


def test_sam_creates_no_role_if_one_is_named() -> None:
    """The function receives only the named role."""
    role = "arn:aws:iam::111122223333:role/f"
    found = read(SAM + f'Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {{Role: "{role}"}}}}}}')
    assert services(found) == [("F", role, ("lambda",))]


@pytest.mark.parametrize(
    ("kind", "event", "expected"),
    [
        ("Function", "ScheduleV2", ("${XERole}", ("scheduler",))),
        ("Function", "Schedule", None),
        ("Function", "EventBridgeRule", None),
        ("Function", "Api", None),
        ("StateMachine", "ScheduleV2", ("${XERole}", ("scheduler",))),
        ("StateMachine", "Schedule", ("${XERole}", ("events",))),
        ("StateMachine", "CloudWatchEvent", ("${XERole}", ("events",))),
        ("StateMachine", "EventBridgeRule", ("${XERole}", ("events",))),
        ("StateMachine", "Api", ("${XERole}", ("apigateway",))),
    ],
)
def test_sam_creates_roles_for_events(kind: str, event: str, expected: tuple[str, tuple[str, ...]] | None) -> None:
    """Events delivered with a role get an implicit one; those that invoke a function use its permission."""
    found = read(
        SAM + f"Resources: {{X: {{Type: AWS::Serverless::{kind}, Properties: {{Events: {{E: {{Type: {event}}}}}}}}}}}"
    )
    made = [(value, names) for _, value, names in services(found) if value != "${XRole}"]
    assert made == ([expected] if expected is not None else [])


def test_event_role_is_passed_to_the_service_of_its_type() -> None:
    """``RoleArn`` of a ScheduleV2 event is for EventBridge Scheduler, of a Schedule event for EventBridge."""
    found = read(
        SAM
        + textwrap.dedent("""\
            Resources:
              X:
                Type: AWS::Serverless::StateMachine
                Properties:
                  Role: arn:aws:iam::111122223333:role/x
                  Events:
                    A: {Type: Schedule, Properties: {RoleArn: "arn:aws:iam::111122223333:role/a"}}
                    B: {Type: ScheduleV2, Properties: {RoleArn: "arn:aws:iam::111122223333:role/b"}}
        """)
    )
    assert {(value.rpartition("/")[2], names) for _, value, names in services(found)} == {
        ("x", ("states",)),
        ("a", ("events",)),
        ("b", ("scheduler",)),
    }


@pytest.mark.parametrize(
    ("preference", "made"),
    [
        ("{Type: Linear10PercentEvery1Minute}", True),
        ("{Type: Linear10PercentEvery1Minute, Enabled: false}", False),
        ("{Type: Linear10PercentEvery1Minute, Role: !Ref AWS::NoValue}", True),
        ('{Type: Linear10PercentEvery1Minute, Role: "arn:aws:iam::111122223333:role/d"}', False),
    ],
)
def test_sam_creates_a_role_for_codedeploy(preference: str, made: bool) -> None:
    """Enabled gradual deployments without a role use an implicit one."""
    found = read(
        SAM
        + f"Resources: {{F: {{Type: AWS::Serverless::Function, Properties: {{DeploymentPreference: {preference}}}}}}}"
    )
    role = ("F", "${CodeDeployServiceRole}", ("codedeploy",))
    assert (role in services(found)) is made


def test_sam_creates_roles_for_a_graphql_api() -> None:
    """Data sources and logging of a GraphQL API without a role use implicit ones."""
    found = read(
        SAM
        + textwrap.dedent("""\
            Resources:
              G:
                Type: AWS::Serverless::GraphQLApi
                Properties:
                  Logging: {FieldLogLevel: ERROR}
                  DataSources:
                    DynamoDb: {Table: {TableName: t}}
                    Lambda: {Fn: {FunctionArn: "arn:aws:lambda:eu-west-1:111122223333:function:f"}}
        """)
    )
    assert services(found) == [
        ("G", "${GCloudWatchRole}", ("appsync",)),
        ("G", "${GTableDynamoDBDataSourceRole}", ("appsync",)),
        ("G", "${GFnLambdaDataSourceRole}", ("appsync",)),
    ]


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("CALLER_CREDENTIALS", []),
        ("NONE", []),
        ("arn:aws:iam::111122223333:role/invoke", ["arn:aws:iam::111122223333:role/invoke"]),
    ],
)
def test_invoke_role_keywords_are_not_roles(role: str, expected: list[str]) -> None:
    """Two keywords mean no role (AWS SAM Developer Guide, ApiAuth; aws/serverless-application-model#1708)."""
    found = read(f"""\
        Transform: AWS::Serverless-2016-10-31
        Resources:
          Api:
            Type: AWS::Serverless::Api
            Properties:
              StageName: live
              Auth:
                DefaultAuthorizer: AWS_IAM
                InvokeRole: {role}
        """)
    assert [str(one.value) for one in found.received] == expected


def test_sam_uses_given_roles() -> None:
    """SAM creates no role if one is given or none is needed; an unknown event type has the services of all events."""
    found = read("""\
        Transform: AWS::Serverless-2016-10-31
        Resources:
          M:
            Type: AWS::Serverless::StateMachine
            Properties: {Role: m, Events: {Known: {Type: Schedule, Properties: {RoleArn: e}}, Odd: {Type: Odd}}}
          O:
            Type: AWS::Serverless::StateMachine
            Properties: {Role: o, Events: {E: {Type: Odd, Properties: {RoleArn: e}}}}
          G:
            Type: AWS::Serverless::GraphQLApi
            Properties:
              Logging: false
              DataSources: {DynamoDb: {T: {ServiceRoleArn: t}, U: {TableName: u}}, Lambda: {L: {FunctionArn: f}}}
          H:
            Type: AWS::Serverless::GraphQLApi
            Properties: {Logging: {CloudWatchLogsRoleArn: h}}
        """)
    assert services(found) == [
        ("M", "e", ("events",)),
        ("M", "m", ("states",)),
        ("O", "e", ("events", "scheduler")),
        ("O", "o", ("states",)),
        ("G", "t", ("appsync",)),
        ("G", "${GUDynamoDBDataSourceRole}", ("appsync",)),
        ("G", "${GLLambdaDataSourceRole}", ("appsync",)),
        ("H", "h", ("appsync",)),
    ]


def test_instance_profile_of_a_nested_stack_gets_a_role_of_its_parent(tmp_path: Path) -> None:
    """Its address is below the stack."""
    (tmp_path / "inner.yaml").write_text(
        "Parameters: {R: {Type: String}}\nResources:\n"
        "  P: {Type: AWS::IAM::InstanceProfile, Properties: {InstanceProfileName: web, Roles: [!Ref R]}}\n"
    )
    found = read(
        """\
        Resources:
          Role: {Type: AWS::IAM::Role}
          Inner:
            Type: AWS::CloudFormation::Stack
            Properties: {TemplateURL: inner.yaml, Parameters: {R: !Ref Role}}
        """,
        tmp_path / "main.yaml",
    )
    assert [(one.address, str(one.name), str(one.role)) for one in found.instance_profiles] == [
        ("Inner.P", "web", "${Role}")
    ]
