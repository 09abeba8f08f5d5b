"""Properties that receive a role.

The table was written by hand. Its services are values of iam:PassedToService in the Service Authorization Reference,
an API reference or an AWS managed policy; for flow logs, CodeDeploy, the scheduler of Redshift and the export of RDS
they are the trusted principals in the guides of these services. The trusted principals are those of the guides' trust
policies; most also occur in public configurations. The roles in the examples of the Terraform provider awscc, in SAM's
integration tests and in the AWS Solutions Constructs were compared.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from passrole_checks.aws.data_files import read_json
from passrole_checks.aws.role_properties import (
    EmbeddedReceiver,
    Receiver,
    embedded_receivers_of,
    receiver_types,
    receivers_of,
    snake_case,
)
from passrole_checks.aws.service_principals import known_services
from tools.aws_facts.overlay import matches, overlay, receiver_rule, split_services

# Type, path, what it is, services, and the trusted principals where those are others.
RECEIVERS = """
AWS::ApiGateway::Method             Integration/Credentials                      role    apigateway
AWS::AppRunner::Service InstanceConfiguration/InstanceRoleArn role apprunner,bullet tasks.apprunner
AWS::AppSync::DataSource            ServiceRoleArn                               role    appsync
AWS::AutoScaling::AutoScalingGroup  LifecycleHookSpecificationList/*/RoleARN     role    autoscaling
AWS::AutoScaling::LaunchConfiguration IamInstanceProfile                         profile ec2
AWS::Backup::BackupSelection        BackupSelection/IamRoleArn                   role    backup
AWS::Batch::ComputeEnvironment      ComputeResources/InstanceRole                profile ec2
AWS::Batch::ComputeEnvironment      ComputeResources/ManagedInstancesProvider/InfrastructureRoleArn role ecs
AWS::Batch::JobDefinition           ContainerProperties/JobRoleArn               role    ecs-tasks
AWS::Bedrock::Agent                 AgentResourceRoleArn                         role    bedrock
AWS::Budgets::BudgetsAction         ExecutionRoleArn                             role    budgets
AWS::CloudTrail::Trail              CloudWatchLogsRoleArn                        role    cloudtrail
AWS::CloudTrail::EventDataStore FederationRoleArn role cloudtrail lakeformation
AWS::CloudWatch::LogAlarm ScheduledQueryConfiguration/ScheduledQueryRoleARN role logs
AWS::CodeBuild::Project             ServiceRole                                  role    codebuild
AWS::CodePipeline::Pipeline         RoleArn                                      role    codepipeline
AWS::Cognito::UserPoolGroup         RoleArn                                      role    cognito-identity  -
AWS::DAX::Cluster                   IAMRoleARN                                   role    dax
AWS::DLM::LifecyclePolicy ExecutionRoleArn role dlm
AWS::DMS::DataMigration             ServiceAccessRoleArn                         role    dms
AWS::Deadline::Queue RoleArn role deadline credentials.deadline
AWS::DevOpsAgent::Association       Configuration/SourceAws/AssumableRoleArn     role    aidevops
AWS::EC2::FlowLog                   DeliverLogsPermissionArn                     role    vpc-flow-logs
AWS::EC2::Instance                  IamInstanceProfile                           profile ec2
AWS::EC2::SpotFleet                 SpotFleetRequestConfigData/IamFleetRole      role    spotfleet
AWS::ECS::Service                   Role                                         role    ecs
AWS::ECS::TaskDefinition            TaskRoleArn                                  role    ecs-tasks
AWS::ECS::TaskDefinition            ExecutionRoleArn                             role    ecs-tasks
AWS::EFS::FileSystem                ReplicationConfiguration/Destinations/*/RoleArn role elasticfilesystem
AWS::EKS::Addon                     PodIdentityAssociations/*/RoleArn            role    pods.eks,eks      pods.eks
AWS::EKS::Cluster                   RoleArn                                      role    eks
AWS::EKS::FargateProfile PodExecutionRoleArn role eks eks-fargate-pods
AWS::EKS::Nodegroup NodeRole role eks ec2
AWS::EKS::PodIdentityAssociation RoleArn role pods.eks
AWS::EMR::Cluster AutoScalingRole role application-autoscaling,elasticmapreduce
AWS::EMR::Cluster                   JobFlowRole                                  profile ec2
AWS::EMR::Cluster                   ServiceRole                                  role    elasticmapreduce
AWS::Events::Rule                   Targets/*/RoleArn                            role    events
AWS::Glue::Job                      Role                                         role    glue
AWS::Grafana::Workspace             RoleArn                                      role    grafana
AWS::GuardDuty::MalwareProtectionPlan Role role malware-protection-plan.guardduty
AWS::IAM::InstanceProfile           Roles/*                                      role    ec2
AWS::ImageBuilder::InfrastructureConfiguration InstanceProfileName               profile ec2
AWS::IoT::RoleAlias RoleArn role iot credentials.iot
AWS::IoTSiteWise::Portal RoleArn role iotsitewise monitor.iotsitewise,iotsitewise
AWS::Logs::Integration ResourceConfig/OpenSearchResourceConfig/DataSourceRoleArn role directquery.opensearchservice
AWS::QBusiness::WebExperience RoleArn role qbusiness application.qbusiness
AWS::SageMaker::Cluster ClusterRole role sagemaker hyperpod.sagemaker,sagemaker
AWS::ServiceCatalog::StackSetConstraint AdminRole role servicecatalog cloudformation,servicecatalog
AWS::Serverless::NetworkConnector OperatorRole role lambda lambda,network-connectors.lambda
AWS::Shield::DRTAccess RoleArn role drt.shield
AWS::IoT::TopicRule                 TopicRulePayload/Actions/*/Sns/RoleArn       role    iot
AWS::Kendra::Index                  RoleArn                                      role    kendra
AWS::KinesisFirehose::DeliveryStream ExtendedS3DestinationConfiguration/RoleARN  role    firehose
AWS::Lambda::Function               Role                                         role    lambda
AWS::MSK::Replicator                ServiceExecutionRoleArn                      role    kafka
AWS::MWAA::Environment ExecutionRoleArn role airflow airflow,airflow-env
AWS::Neptune::DBCluster             AssociatedRoles/*/RoleArn                    role    rds
AWS::Pipes::Pipe                    RoleArn                                      role    pipes
AWS::RDS::DBInstance MonitoringRoleArn role monitoring.rds,rds monitoring.rds
AWS::RDS::DBInstance DomainIAMRoleName role rds directoryservice.rds,rds
AWS::RDS::DBProxy RoleArn role rds
AWS::RedshiftServerless::Namespace IamRoles/* role redshift-serverless redshift-serverless,redshift
AWS::RDS::DBInstance                AssociatedRoles/*/RoleArn                    role    rds
AWS::Redshift::ScheduledAction      IamRole                                      role    scheduler.redshift
AWS::RolesAnywhere::Profile         RoleArns/*                                   role    rolesanywhere
AWS::S3::Bucket                     ReplicationConfiguration/Role                role    s3
AWS::S3Tables::TableBucket          ReplicationConfiguration/Role                role    replication.s3tables
AWS::SageMaker::NotebookInstance    RoleArn                                      role    sagemaker
AWS::Scheduler::Schedule            Target/RoleArn                               role    scheduler
AWS::SecurityLake::DataLake         MetaStoreManagerRoleArn                      role    lambda
AWS::Serverless::Api                Auth/InvokeRole                              role    apigateway
AWS::Serverless::Function           DeploymentPreference/Role                    role    codedeploy
AWS::Serverless::Function           Events/{}/Properties/RoleArn                 role    scheduler
AWS::Serverless::Function           Role                                         role    lambda
AWS::Serverless::GraphQLApi         Logging/CloudWatchLogsRoleArn                role    appsync
AWS::Serverless::StateMachine       Events/{}/Properties/RoleArn                 role    events,scheduler
AWS::Serverless::StateMachine       Role                                         role    states
AWS::ServiceCatalog::LaunchRoleConstraint RoleArn                                role    servicecatalog
AWS::StepFunctions::StateMachine    RoleArn                                      role    states
AWS::Synthetics::Canary             ExecutionRoleArn                             role    lambda,synthetics lambda
AWS::Transfer::User                 Role                                         role    transfer
AWS::ImageBuilder::LifecyclePolicy ExecutionRole role imagebuilder
aws_batch_compute_environment       compute_resources/*/instance_role            profile ec2
aws_cloudformation_stack            iam_role_arn                                 role    cloudformation
aws_cloudformation_type execution_role_arn role resources.cloudformation resources.cloudformation,hooks.cloudformation
aws_cloudwatch_event_target         role_arn                                     role    events
aws_cognito_identity_pool_roles_attachment roles/{}                              role    cognito-identity  -
aws_db_instance monitoring_role_arn role monitoring.rds,rds monitoring.rds
aws_ecs_task_definition             task_role_arn                                role    ecs-tasks
aws_eks_node_group node_role_arn role eks ec2
aws_emr_cluster                     ec2_attributes/*/instance_profile            profile ec2
aws_flow_log                        iam_role_arn                                 role    vpc-flow-logs
aws_glue_crawler                    role                                         role    glue
aws_iam_instance_profile            role                                         role    ec2
aws_instance                        iam_instance_profile                         profile ec2
aws_iot_role_alias role_arn role iot credentials.iot
aws_lambda_function                 role                                         role    lambda
aws_mwaa_environment execution_role_arn role airflow airflow,airflow-env
aws_neptune_cluster                 iam_roles/*                                  role    rds
aws_rds_export_task                 iam_role_arn                                 role    export.rds
aws_s3_bucket_replication_configuration role                                     role    s3
aws_scheduler_schedule              target/*/role_arn                            role    scheduler
aws_sfn_state_machine               role_arn                                     role    states
awscc_ec2_instance                  iam_instance_profile                         profile ec2
awscc_events_rule                   targets/*/role_arn                           role    events
awscc_lambda_function               role                                         role    lambda
awscc_rds_db_instance monitoring_role_arn role monitoring.rds,rds monitoring.rds
aws_lambdacore_network_connector operator_role role lambda lambda,network-connectors.lambda
aws_osis_pipeline pipeline_role_arn role osis-pipelines
aws_prometheus_scraper role_configuration/*/source_role_arn role aps scraper.aps
aws_elasticsearch_domain cognito_options/*/role_arn role es es,opensearchservice
"""
ROWS = [line.split() for line in RECEIVERS.strip().splitlines()]

ALL = [receiver for kind in sorted(receiver_types()) for receiver in receivers_of(kind)]


def _at(kind: str, path: str) -> Receiver:
    (found,) = [receiver for receiver in receivers_of(kind) if "/".join(receiver.path) == path]
    return found


def _principals(short: str) -> tuple[str, ...]:
    return tuple(f"{name}.amazonaws.com" for name in short.split(",") if name != "-")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_a_property_receives_a_role_for_its_service(row: list[str]) -> None:
    """A property has the kind, the services and the trusted principals of the table."""
    found = _at(row[0], row[1])
    assert found.kind == {"role": "role", "profile": "instance_profile"}[row[2]]
    assert found.how == "passed"
    assert found.services == _principals(row[3])
    assert found.trusted == _principals(row[-1])


def test_the_table_is_large_enough() -> None:
    """At least sixty receivers were compared by hand."""
    assert len(ROWS) >= 60


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("AWS::CodePipeline::Pipeline", "Stages/*/Actions/*/RoleArn"),
        ("aws_codepipeline", "stage/*/action/*/role_arn"),
        ("AWS::CloudFormation::StackSet", "ExecutionRoleName"),
        ("aws_cloudformation_stack_set", "execution_role_name"),
        ("AWS::EC2::VPCPeeringConnection", "PeerRoleArn"),
        ("AWS::EC2::FlowLog", "DeliverCrossAccountRole"),
        ("AWS::FIS::TargetAccountConfiguration", "RoleArn"),
        ("AWS::EKS::PodIdentityAssociation", "TargetRoleArn"),
        ("AWS::Pipes::Pipe", "TargetParameters/EcsTaskParameters/Overrides/TaskRoleArn"),
        ("AWS::ResilienceHub::App", "PermissionModel/CrossAccountRoleArns/*"),
        ("AWS::APS::Scraper", "RoleConfiguration/TargetRoleArn"),
        ("AWS::AIOps::InvestigationGroup", "CrossAccountConfigurations/*/SourceRoleArn"),
    ],
)
def test_a_role_that_is_assumed_is_not_passed(kind: str, path: str) -> None:
    """A role that is assumed from another account, or by another role, needs no PassRole and has no service."""
    found = _at(kind, path)
    assert (found.how, found.services, found.trusted) == ("assumed", (), ())


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("AWS::Budgets::BudgetsAction", "Definition/IamActionDefinition/Roles/*"),
        ("AWS::AuditManager::Assessment", "Roles/*/RoleArn"),
        ("AWS::EMR::InstanceGroupConfig", "InstanceRole"),
        ("aws_emr_cluster", "placement_group_config/*/instance_role"),
        ("AWS::CloudFormation::GuardHook", "StackFilters/StackRoles/Include/*"),
        ("AWS::ECR::PullTimeUpdateExclusion", "PrincipalArn"),
        ("AWS::IAM::InstanceProfile", "InstanceProfileName"),
        ("AWS::IAM::RolePolicy", "RoleName"),
        ("aws_iam_role_policy_attachment", "role"),
        ("aws_dms_migration_project", "instance_profile_arn"),
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions/*/Name"),
        ("AWS::S3::Bucket", "BucketName"),
        ("AWS::No::Such", "RoleArn"),
        ("awscc_no_such", "role_arn"),
    ],
)
def test_role_like_properties_are_excluded(kind: str, path: str) -> None:
    """Roles that are selected, changed or filtered, and words that are not IAM roles, receive nothing."""
    assert [r for r in receivers_of(kind) if "/".join(r.path) == path] == []


def test_a_launch_template_is_checked_when_it_is_used() -> None:
    """Making a launch template asks for nothing; launching from it does (Amazon EC2 User Guide)."""
    template = _at("aws_launch_template", "iam_instance_profile/*/arn")
    assert (template.when, template.kind) == ("use", "instance_profile")
    assert [r for r in ALL if r.when == "use" and "launch" not in r.type.lower()] == []


def test_app_runner_has_two_roles() -> None:
    """The role for pulling an image is assumed by another principal than the role of the instances."""
    pulling = "SourceConfiguration/AuthenticationConfiguration/AccessRoleArn"
    assert _at("AWS::AppRunner::Service", pulling).trusted == ("build.apprunner.amazonaws.com",)
    running = "instance_configuration/*/instance_role_arn"
    assert _at("aws_apprunner_service", running).trusted == ("tasks.apprunner.amazonaws.com",)


def test_a_service_account_trusts_no_service() -> None:
    """CreateAddon passes a role to EKS (Service Authorization Reference), which web identity assumes."""
    addon = _at("AWS::EKS::Addon", "ServiceAccountRoleArn")
    assert (addon.services, addon.trusted) == (("eks.amazonaws.com",), ())


def test_every_service_principal_is_known_or_the_receiver_is_a_hint() -> None:
    """A receiver with an unknown service principal is a hint."""
    known = known_services()
    doubtful = [r for r in ALL if not {*r.services, *r.trusted} <= known]
    assert {r.confidence for r in doubtful} == {"hint"}
    assert len(doubtful) < 60


def test_every_receiver_that_passes_has_a_service_or_is_a_hint() -> None:
    """Where no service is known for a role that is passed, the receiver is a hint."""
    assert {r.confidence for r in ALL if r.how == "passed" and not r.services} == {"hint"}


def test_fields_have_documented_values() -> None:
    """No field has a value that the docstring does not explain."""
    assert {r.kind for r in ALL} == {"role", "instance_profile"}
    assert {r.how for r in ALL} == {"passed", "assumed"}
    assert {r.confidence for r in ALL} == {"documented", "corroborated", "hint"}
    assert {r.when for r in ALL} == {"create", "use"}
    assert len({(r.type, r.path) for r in ALL}) == len(ALL)


def test_committed_data_matches_the_overlay() -> None:
    """Excluded entries are absent, and overlay facts are included."""
    kinds = {"role": "role", "instance_profile": "instance_profile"}
    for receiver in ALL:
        if receiver.type.startswith("awscc_"):
            continue
        rule = receiver_rule(receiver.type, "/".join(receiver.path))
        assert not rule.get("exclude"), receiver
        if "services" in rule:
            passed, trusted = split_services(rule["services"])
            assert receiver.services == (_principals(passed) if passed else ()), receiver
            assert receiver.trusted == (_principals(trusted) if trusted else ()), receiver
        assert receiver.how == rule.get("how", receiver.how), receiver
        assert receiver.when == rule.get("when", receiver.when), receiver
        assert receiver.kind == kinds.get(rule.get("kind", receiver.kind)), receiver
        assert receiver.confidence == rule.get("confidence", receiver.confidence), receiver


def test_every_rule_of_the_overlay_says_something() -> None:
    """Each pattern of a rule that does not exclude fits a type in the data."""
    dead = [
        pattern
        for rule in overlay()["receiver"]
        if not rule.get("exclude")
        for pattern in rule["types"]
        if not any(matches(pattern, kind) for kind in read_json("role_properties.json")["types"])
    ]
    assert dead == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("RoleArn", "role_arn"),
        ("RoleARN", "role_arn"),
        ("IAMServiceRole", "iam_service_role"),
        ("DBInstance", "db_instance"),
        ("S3Config", "s3_config"),
        ("EventSourceMapping", "event_source_mapping"),
        ("*", "*"),
        ("{}", "{}"),
    ],
)
def test_names_of_awscc(name: str, expected: str) -> None:
    """The Terraform provider awscc spells CloudFormation's names in snake case."""
    assert snake_case(name) == expected


def test_awscc_has_what_cloudformation_has() -> None:
    """A resource of awscc receives what its type in CloudFormation does."""
    for theirs, ours in (
        ("AWS::EKS::Nodegroup", "awscc_eks_nodegroup"),
        ("AWS::RDS::DBCluster", "awscc_rds_db_cluster"),
    ):
        assert [(r.services, r.trusted) for r in receivers_of(ours)] == [
            (r.services, r.trusted) for r in receivers_of(theirs)
        ]
    assert receivers_of("awscc_serverless_function") == ()


def test_roles_inside_json_have_a_location() -> None:
    """The job of AWS Batch names its roles in JSON, and the data has their paths."""
    found = embedded_receivers_of("aws_batch_job_definition")
    assert found[0] == EmbeddedReceiver(
        type="aws_batch_job_definition",
        path=("container_properties",),
        form="json",
        where=(),
        inside=("jobRoleArn",),
        kind="role",
        services=("ecs-tasks.amazonaws.com",),
        trusted=("ecs-tasks.amazonaws.com",),
        confidence="documented",
    )


@pytest.mark.parametrize(
    ("kind", "path", "form", "inside", "service", "by"),
    [
        (
            "aws_api_gateway_rest_api",
            "body",
            "json",
            "**/x-amazon-apigateway-integration/credentials",
            "apigateway",
            "deployer",
        ),
        ("aws_elastic_beanstalk_environment", "setting/*", "pair", "value", "elasticbeanstalk", "deployer"),
        ("AWS::ElasticBeanstalk::Environment", "OptionSettings/*", "pair", "Value", "ec2", "deployer"),
        ("aws_config_remediation_configuration", "parameter/*", "pair", "static_value", "ssm", "deployer"),
        ("aws_servicecatalog_constraint", "parameters", "json", "LocalRoleName", "servicecatalog", "deployer"),
        ("aws_ssm_document", "content", "json", "assumeRole", "ssm", "user"),
        ("aws_sfn_state_machine", "definition", "json", "**/Parameters/Overrides/TaskRoleArn", "ecs-tasks", "resource"),
        ("AWS::EKS::AccessEntry", "", "pair", "PrincipalArn", "ec2", "deployer"),
        ("aws_osis_pipeline", "pipeline_configuration_body", "json", "**/sts_role_arn", "osis-pipelines", "deployer"),
        ("AWS::OSIS::Pipeline", "PipelineConfigurationBody", "json", "**/sts_role_arn", "osis-pipelines", "deployer"),
        ("aws_flow_log", "", "pair", "iam_role_arn", "delivery.logs", "deployer"),
        ("aws_cloudformation_stack", "template_body", "template", "", "", "deployer"),
        ("aws_cloudcontrolapi_resource", "desired_state", "properties", "type_name", "", "deployer"),
    ],
)
def test_embedded_receivers(kind: str, path: str, form: str, inside: str, service: str, by: str) -> None:
    """Roles inside JSON, templates and settings have a service and the party that passes them."""
    found = {
        ("/".join(r.path), r.form, "/".join(r.inside), ",".join(r.services).removesuffix(".amazonaws.com"), r.by)
        for r in embedded_receivers_of(kind)
    }
    assert (path, form, inside, service, by) in found


def test_data_is_loaded_lazily() -> None:
    """Importing the loader reads no data."""
    code = "import passrole_checks.aws.role_properties as r; print(r._data.cache_info().currsize)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"
