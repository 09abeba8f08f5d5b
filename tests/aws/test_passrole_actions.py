"""Actions that pass a role, and what the service runs with it.

The table was written by hand. Its services are values of iam:PassedToService in the Service Authorization Reference,
an API reference or an AWS managed policy, else the trusted principals in the guides.
"""

from __future__ import annotations

import pytest

from passrole_checks.aws.passrole_actions import PassingAction, passing_actions
from passrole_checks.aws.service_principals import known_services
from tools.aws_facts.overlay import action_rule

# Action, one of its services, what it runs.
ACTIONS = """
airflow:CreateEnvironment                    airflow           code
amplify:CreateApp                            amplify           code
apigateway:PUT                               apigateway        calls
apprunner:CreateService                      bullet            code
appsync:CreateDataSource                     appsync           calls
athena:CreateWorkGroup                       athena            code
autoscaling:CreateAutoScalingGroup           ec2               code
autoscaling:CreateLaunchConfiguration        ec2               code
batch:RegisterJobDefinition                  ecs-tasks         code
bedrock-agentcore:CreateAgentRuntime         bedrock-agentcore code
bedrock-agentcore:CreateCodeInterpreter      bedrock-agentcore code
bedrock:CreateAgent                          bedrock           -
braket:CreateJob                             braket            code
cloudformation:CreateChangeSet               cloudformation    calls
cloudformation:CreateStack                   cloudformation    calls
cloudformation:CreateStackSet                cloudformation    calls
cloudformation:DeleteStack                   cloudformation    -
cloudformation:RegisterType                  resources.cloudformation code
cloudtrail:CreateTrail                       cloudtrail        -
cloudtrail:EnableFederation                  cloudtrail        -
codebuild:CreateProject                      codebuild         code
codebuild:StartBuild                         codebuild         code
codepipeline:CreatePipeline                  codepipeline      code
cognito-identity:SetIdentityPoolRoles        cognito-identity  code
config:PutConfigurationRecorder              config            -
datapipeline:PutPipelineDefinition           datapipeline      code
deadline:CreateQueue                         deadline          code
dms:CreateDataMigration                      dms               -
ec2:AssociateIamInstanceProfile              ec2               code
ec2:CreateFlowLogs                           vpc-flow-logs     -
ec2:RequestSpotInstances                     ec2               code
ec2:RunInstances                             ec2               code
ecs:CreateService                            ecs-tasks         code
ecs:RegisterTaskDefinition                   ecs-tasks         code
ecs:RunTask                                  ecs-tasks         code
eks:CreateAccessEntry                        ec2               -
eks:CreateAddon                              eks               -
eks:CreateCluster                            eks               -
eks:CreateFargateProfile                     eks               -
eks:CreateNodegroup                          eks               code
eks:CreatePodIdentityAssociation             pods.eks          code
elasticbeanstalk:CreateEnvironment           ec2               code
elasticbeanstalk:AssociateEnvironmentOperationsRole elasticbeanstalk calls
elasticmapreduce:RunJobFlow                  elasticmapreduce  code
emr-containers:StartJobRun                   pods.eks          code
emr-serverless:StartJobRun                   emr-serverless    code
events:PutTargets                            events            calls
gamelift:CreateFleet                         gamelift          code
glue:CreateDevEndpoint                       glue              code
glue:CreateJob                               glue              code
glue:UpdateJob                               glue              code
iam:AddRoleToInstanceProfile                 ec2               code
imagebuilder:CreateInfrastructureConfiguration ec2             code
iot:CreateRoleAlias                          iot               code
kinesisanalytics:CreateApplication           kinesisanalytics  code
lambda:CreateFunction                        lambda            code
lambda:CreateNetworkConnector                lambda            -
lambda:RunMicrovm                            lambda            code
lambda:UpdateFunctionConfiguration           lambda            code
omics:StartRun                               omics             code
pipes:CreatePipe                             pipes             calls
logs:PutIntegration                          directquery.opensearchservice -
osis:CreatePipeline                          osis-pipelines    -
rds:AddRoleToDBInstance                      rds               -
rds:CreateBlueGreenDeployment                rds               -
rds:CreateDBInstance                         rds               -
rds:StartExportTask                          export.rds        -
redshift:CreateCluster                       redshift          -
sagemaker:CreateNotebookInstance             sagemaker         code
sagemaker:CreateProcessingJob                sagemaker         code
sagemaker:CreateTrainingJob                  sagemaker         code
scheduler:CreateSchedule                     scheduler         calls
ssm:StartAutomationExecution                 ssm               code
states:CreateStateMachine                    states            calls
states:TestState                             states            calls
states:UpdateStateMachine                    states            calls
wafv2:CreateWebACL                           wafv2             -
"""
ROWS = [line.split() for line in ACTIONS.strip().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_an_action_passes_a_role_to_its_service(row: list[str]) -> None:
    """An action has the service of the table, and runs what the table says."""
    found = passing_actions()[row[0].lower()]
    assert found.action == row[0]
    assert f"{row[1]}.amazonaws.com" in found.services
    assert found.runs == row[2].removeprefix("-")


def test_the_table_is_large_enough() -> None:
    """At least forty actions were compared by hand."""
    assert len(ROWS) >= 40


@pytest.mark.parametrize(
    "action",
    [
        "iam:PassRole",
        "iam:CreateRole",
        "iam:PutRolePolicy",
        "sts:AssumeRole",
        "lambda:InvokeFunction",
        "lambda:UpdateFunctionCode",
        "ec2:CreateLaunchTemplate",
        "ec2:DescribeInstances",
        "cloudformation:EstimateTemplateCost",
        "cloudformation:SetStackPolicy",
        "opsworks:DeleteUserProfile",
        "rds:RemoveRoleFromDBCluster",
        "s3:GetObject",
        "securityhub:CreateInsight",
        "ssm:CreateDocument",
    ],
)
def test_other_actions_pass_none(action: str) -> None:
    """Changing, assuming, taking away or writing down a role passes none."""
    assert action.lower() not in passing_actions()


def test_passing_action_fields() -> None:
    """An action has its parameters, its services, and what else is needed before something runs."""
    assert passing_actions()["lambda:createfunction"] == PassingAction(
        action="lambda:CreateFunction",
        parameters=("Role",),
        services=("lambda.amazonaws.com",),
        trusted=("lambda.amazonaws.com",),
        confidence="documented",
        runs="code",
        also=(),
        also_any=(
            "lambda:InvokeFunction",
            "lambda:InvokeAsync",
            "lambda:CreateEventSourceMapping",
            "lambda:AddPermission",
        ),
    )


@pytest.mark.parametrize(
    ("action", "also", "also_any"),
    [
        ("autoscaling:CreateAutoScalingGroup", [], ["autoscaling:CreateLaunchConfiguration", "ec2:RunInstances"]),
        ("ec2:CreateFleet", ["ec2:CreateLaunchTemplate", "ec2:RunInstances"], []),
        ("ec2:RequestSpotFleet", ["ec2:RunInstances"], []),
        ("ec2:RunInstances", [], []),
        ("eks:CreateNodegroup", ["ec2:CreateLaunchTemplate", "ec2:RunInstances"], []),
        ("eks:CreatePodIdentityAssociation", ["eks:CreateAccessEntry", "eks:AssociateAccessPolicy"], []),
        ("fis:CreateExperimentTemplate", ["fis:StartExperiment", "ssm:CreateDocument"], []),
        ("ecs:RegisterDaemonTaskDefinition", [], ["ecs:CreateDaemon", "ecs:UpdateDaemon"]),
    ],
)
def test_additional_actions(action: str, also: list[str], also_any: list[str]) -> None:
    """Actions needed before something runs, as in the user guides of the services."""
    found = passing_actions()[action.lower()]
    assert (list(found.also), list(found.also_any)) == (also, also_any)


def test_a_pipeline_runs_its_commands_under_its_own_role() -> None:
    """Of the roles that codepipeline:CreatePipeline passes, only that of the pipeline gets into the caller's hands."""
    pipeline = passing_actions()["codepipeline:createpipeline"]
    assert pipeline.services == pipeline.trusted == ("codepipeline.amazonaws.com",)


def test_least_nested_parameter_comes_first() -> None:
    """Of several parameters with a role, the least nested one is first."""
    assert passing_actions()["glue:createjob"].parameters[0] == "Role"
    assert passing_actions()["ecs:registertaskdefinition"].parameters == ("executionRoleArn", "taskRoleArn")


def test_the_role_of_an_iot_alias_is_assumed_by_another_principal() -> None:
    """iot:CreateRoleAlias passes to iot.amazonaws.com, and the role trusts credentials.iot.amazonaws.com."""
    alias = passing_actions()["iot:createrolealias"]
    assert (alias.services, alias.trusted) == (("iot.amazonaws.com",), ("credentials.iot.amazonaws.com",))


def test_every_service_principal_is_known() -> None:
    """Unknown services are omitted."""
    known = known_services()
    assert [a.action for a in passing_actions().values() if not {*a.services, *a.trusted} <= known] == []


def test_running_action_has_a_service() -> None:
    """An action that runs something has a service, and is more than a hint or is in the overlay."""
    for action in passing_actions().values():
        assert action.runs in ("code", "calls", "")
        assert action.confidence in ("documented", "corroborated", "hint")
        if action.runs:
            assert action.services, action
        else:
            assert (action.also, action.also_any) == ((), ()), action


def test_committed_data_matches_the_overlay() -> None:
    """Excluded entries are absent, and overlay facts are included."""
    for action in passing_actions().values():
        rule = action_rule(action.action)
        assert not rule.get("exclude"), action
        assert action.runs == rule.get("runs", ""), action
        assert list(action.also) == rule.get("also", []), action
        assert list(action.also_any) == rule.get("also_any", []), action
        assert action.confidence == rule.get("confidence", action.confidence), action


def test_nothing_of_the_service_authorization_reference_is_lost() -> None:
    """At least 240 actions are documented, of the 254 that the Service Authorization Reference lists."""
    assert sum(a.confidence == "documented" for a in passing_actions().values()) >= 240
