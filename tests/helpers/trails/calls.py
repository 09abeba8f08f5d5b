"""The calls that the synthetic logs hold: what CloudTrail writes of them, and what they pass to which service.

``R`` stands for the ARN of the role, ``N`` for its name, ``P`` for the ARN of an instance profile, ``Q`` for its name,
``X`` for the name of the resource, ``A`` for the account, ``G`` for the Region; `filled` puts them in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """One kind of API call. ``passes``: which of R, N, P,
    Q it passes to which service. ``resource``: the expected resource."""

    source: str
    name: str
    request: dict[str, Any]
    passes: tuple[tuple[str, str], ...]
    resource: str = "X"
    response: dict[str, Any] | None = None


def _call(
    event: str, request: dict[str, Any], passes: str, resource: str = "X", response: dict[str, Any] | None = None
) -> Call:
    """``event``: source and name; ``passes``: ``"R lambda, N ec2"``."""
    source, name = event.split()
    listed = tuple((one.split()[0], one.split()[1]) for one in passes.split(","))
    return Call(f"{source}.amazonaws.com", name, request, listed, resource, response)


CALLS = (
    # AWS's page "Grant a user permissions to pass a role to an AWS service" names the first five.
    _call("lambda CreateFunction20150331", {"functionName": "X", "runtime": "python3.12", "role": "R", "handler": "a.b",
          "code": {}, "memorySize": 128}, "R lambda", "arn:aws:lambda:G:A:function:X",
          {"functionName": "X", "functionArn": "arn:aws:lambda:G:A:function:X", "role": "R"}),
    _call("ec2 RunInstances", {"instancesSet": {"items": [{"imageId": "ami-1", "minCount": 1, "maxCount": 1}]},
          "iamInstanceProfile": {"name": "Q"}, "instanceType": "t3.micro", "blockDeviceMapping": {}}, "Q ec2", "i-X",
          {"instancesSet": {"items": [{"instanceId": "i-X", "iamInstanceProfile": {"arn": "P", "id": "AIPA"}}]}}),
    _call("rds CreateDBInstance", {"dBInstanceIdentifier": "X", "engine": "mysql", "monitoringInterval": 60,
          "monitoringRoleArn": "R", "masterUserPassword": "****"}, "R monitoring.rds", "arn:aws:rds:G:A:db:X",
          {"dBInstanceArn": "arn:aws:rds:G:A:db:X", "dBInstanceIdentifier": "X"}),
    _call("rds ModifyDBInstance", {"dBInstanceIdentifier": "X", "monitoringInterval": 1, "monitoringRoleArn": "R",
          "applyImmediately": True}, "R monitoring.rds"),
    _call("autoscaling CreateAutoScalingGroup", {"autoScalingGroupName": "X", "minSize": 1, "maxSize": 2,
          "serviceLinkedRoleARN": "L", "vPCZoneIdentifier": "subnet-1"}, "L autoscaling"),
    _call("lambda UpdateFunctionConfiguration20150331v2", {"functionName": "X", "role": "R"}, "R lambda",
          "arn:aws:lambda:G:A:function:X", {"functionArn": "arn:aws:lambda:G:A:function:X"}),
    _call("ec2 AssociateIamInstanceProfile", {"AssociateIamInstanceProfileRequest": {"InstanceId": "i-X",
          "IamInstanceProfile": {"Arn": "P"}}}, "P ec2", "i-X"),
    _call("ec2 ReplaceIamInstanceProfileAssociation", {"ReplaceIamInstanceProfileAssociationRequest": {
          "AssociationId": "iip-assoc-X", "IamInstanceProfile": {"Name": "Q"}}}, "Q ec2", "iip-assoc-X"),
    _call("ec2 CreateFlowLogs", {"CreateFlowLogsRequest": {"ResourceId": {"tag": 1, "content": "vpc-X"},
          "TrafficType": "ALL",
          "ResourceType": "VPC", "LogGroupName": "flow", "DeliverLogsPermissionArn": "R"}},
          "R vpc-flow-logs", "vpc-X", {"CreateFlowLogsResponse": {"unsuccessful": "", "requestId": "1"}}),
    _call("ec2 RequestSpotFleet", {"RequestSpotFleetRequest": {"SpotFleetRequestConfig": {"IamFleetRole": "R",
          "TargetCapacity": 1, "LaunchSpecifications": {"tag": 1, "ImageId": "ami-1",
          "IamInstanceProfile": {"Arn": "P"}}}}}, "R spotfleet, P ec2", ""),
    _call("ec2 RequestSpotInstances", {"spotPrice": "0.1", "launchSpecification": {"imageId": "ami-1",
          "iamInstanceProfile": {"arn": "P"}}}, "P ec2", ""),
    _call("autoscaling CreateLaunchConfiguration", {"launchConfigurationName": "X", "imageId": "ami-1",
          "iamInstanceProfile": "Q"}, "Q ec2"),
    _call("autoscaling PutLifecycleHook", {"autoScalingGroupName": "X", "lifecycleHookName": "hook", "roleARN": "R",
          "notificationTargetARN": "arn:aws:sns:G:A:t"}, "R autoscaling"),
    _call("application-autoscaling RegisterScalableTarget", {"serviceNamespace": "ecs", "resourceId": "service/X",
          "scalableDimension": "ecs:service:DesiredCount", "roleARN": "R"}, "R application-autoscaling", "service/X"),
    _call("ecs RegisterTaskDefinition", {"family": "X", "taskRoleArn": "R", "executionRoleArn": "R",
          "containerDefinitions": [{"name": "a", "image": "b"}]}, "R ecs-tasks", "arn:aws:ecs:G:A:task-definition/X:1",
          {"taskDefinition": {"taskDefinitionArn": "arn:aws:ecs:G:A:task-definition/X:1"}}),
    _call("ecs RunTask", {"cluster": "c", "taskDefinition": "X:1", "overrides": {"taskRoleArn": "R"}}, "R ecs-tasks",
          "arn:aws:ecs:G:A:task/c/X", {"tasks": [{"taskArn": "arn:aws:ecs:G:A:task/c/X"}], "failures": []}),
    _call("ecs CreateService", {"serviceName": "X", "taskDefinition": "t", "role": "N", "volumeConfigurations": [
          {"name": "v", "managedEBSVolume": {"roleArn": "R"}}]}, "N ecs, R ecs", "arn:aws:ecs:G:A:service/c/X",
          {"service": {"serviceArn": "arn:aws:ecs:G:A:service/c/X"}}),
    _call("eks CreateCluster", {"name": "X", "roleArn": "R", "resourcesVpcConfig": {"subnetIds": ["s"]}}, "R eks",
          "arn:aws:eks:G:A:cluster/X", {"cluster": {"name": "X", "arn": "arn:aws:eks:G:A:cluster/X"}}),
    _call("eks CreateNodegroup", {"clusterName": "c", "nodegroupName": "X", "nodeRole": "R", "subnets": ["s"]}, "R eks",
          "arn:aws:eks:G:A:nodegroup/c/X/1", {"nodegroup": {"nodegroupArn": "arn:aws:eks:G:A:nodegroup/c/X/1"}}),
    _call("eks CreateFargateProfile", {"clusterName": "c", "fargateProfileName": "X", "podExecutionRoleArn": "R"},
          "R eks"),
    _call("eks CreatePodIdentityAssociation", {"clusterName": "X", "namespace": "n", "serviceAccount": "s",
          "roleArn": "R"},
          "R pods.eks"),
    _call("states CreateStateMachine", {"name": "X", "roleArn": "R", "type": "STANDARD",
          "definition": "HIDDEN_DUE_TO_SECURITY_REASONS"}, "R states", "arn:aws:states:G:A:stateMachine:X",
          {"stateMachineArn": "arn:aws:states:G:A:stateMachine:X"}),
    _call("states UpdateStateMachine", {"stateMachineArn": "arn:aws:states:G:A:stateMachine:X", "roleArn": "R"},
          "R states", "arn:aws:states:G:A:stateMachine:X"),
    _call("glue CreateJob", {"name": "X", "role": "N", "command": {"name": "glueetl"}}, "N glue"),
    _call("glue CreateCrawler", {"name": "X", "role": "R", "targets": {"s3Targets": [{"path": "s3://b"}]}}, "R glue"),
    _call("glue CreateDevEndpoint", {"endpointName": "X", "roleArn": "R", "publicKeys": []}, "R glue"),
    _call("codebuild CreateProject", {"name": "X", "serviceRole": "R", "source": {"type": "NO_SOURCE"}}, "R codebuild",
          "arn:aws:codebuild:G:A:project/X", {"project": {"arn": "arn:aws:codebuild:G:A:project/X"}}),
    _call("codebuild UpdateProject", {"name": "X", "serviceRole": "R"}, "R codebuild"),
    _call("codepipeline CreatePipeline", {"pipeline": {"name": "X", "roleArn": "R", "stages": []}}, "R codepipeline",
          ""),
    _call("codedeploy CreateDeploymentGroup", {"applicationName": "a", "deploymentGroupName": "X",
          "serviceRoleArn": "R"},
          "R codedeploy"),
    _call("cloudformation CreateStack", {"stackName": "X", "roleARN": "R", "templateURL": "https://b"},
          "R cloudformation",
          "arn:aws:cloudformation:G:A:stack/X/1", {"stackId": "arn:aws:cloudformation:G:A:stack/X/1"}),
    _call("cloudformation DeleteStack", {"stackName": "X", "roleARN": "R"}, "R cloudformation"),
    _call("cloudformation CreateStackSet", {"stackSetName": "X", "administrationRoleARN": "R",
          "executionRoleName": "E"},
          "R cloudformation"),
    _call("events PutRule", {"name": "X", "scheduleExpression": "rate(1 day)", "roleArn": "R"}, "R events",
          "arn:aws:events:G:A:rule/X", {"ruleArn": "arn:aws:events:G:A:rule/X"}),
    _call("events PutTargets", {"rule": "X", "targets": [{"id": "1", "arn": "arn:aws:states:G:A:stateMachine:s",
          "roleArn": "R"}, {"id": "2", "arn": "arn:aws:lambda:G:A:function:f"}]}, "R events"),
    _call("scheduler CreateSchedule", {"name": "X", "target": {"arn": "arn:aws:lambda:G:A:function:f", "roleArn": "R"}},
          "R scheduler", "arn:aws:scheduler:G:A:schedule/default/X",
          {"scheduleArn": "arn:aws:scheduler:G:A:schedule/default/X"}),
    _call("pipes CreatePipe", {"name": "X", "roleArn": "R", "source": "s", "target": "t"}, "R pipes",
          "arn:aws:pipes:G:A:pipe/X", {"arn": "arn:aws:pipes:G:A:pipe/X", "name": "X"}),
    _call("sagemaker CreateNotebookInstance", {"notebookInstanceName": "X", "roleArn": "R",
          "instanceType": "ml.t3.medium"},
          "R sagemaker", "arn:aws:sagemaker:G:A:notebook-instance/X",
          {"notebookInstanceArn": "arn:aws:sagemaker:G:A:notebook-instance/X"}),
    _call("sagemaker CreateTrainingJob", {"trainingJobName": "X", "roleArn": "R"}, "R sagemaker",
          "arn:aws:sagemaker:G:A:training-job/X", {"trainingJobArn": "arn:aws:sagemaker:G:A:training-job/X"}),
    _call("sagemaker CreateModel", {"modelName": "X", "executionRoleArn": "R"}, "R sagemaker",
          "arn:aws:sagemaker:G:A:model/X", {"modelArn": "arn:aws:sagemaker:G:A:model/X"}),
    _call("elasticmapreduce RunJobFlow", {"name": "X", "serviceRole": "N", "jobFlowRole": "Q", "releaseLabel": "emr-7"},
          "N elasticmapreduce, Q ec2", "X", {"jobFlowId": "j-1"}),
    _call("emr-serverless StartJobRun", {"applicationId": "X", "executionRoleArn": "R"}, "R emr-serverless",
          "arn:aws:emr-serverless:G:A:/applications/X/jobruns/1",
          {"arn": "arn:aws:emr-serverless:G:A:/applications/X/jobruns/1"}),
    _call("firehose CreateDeliveryStream", {"deliveryStreamName": "X", "extendedS3DestinationConfiguration": {
          "roleARN": "R", "bucketARN": "arn:aws:s3:::b"}}, "R firehose", "arn:aws:firehose:G:A:deliverystream/X",
          {"deliveryStreamARN": "arn:aws:firehose:G:A:deliverystream/X"}),
    _call("logs PutSubscriptionFilter", {"logGroupName": "g", "filterName": "X", "roleArn": "R", "filterPattern": "",
          "destinationArn": "arn:aws:kinesis:G:A:stream/s"}, "R logs", "*"),
    _call("cloudtrail CreateTrail", {"name": "X", "s3BucketName": "b", "cloudWatchLogsRoleArn": "R"}, "R cloudtrail",
          "arn:aws:cloudtrail:G:A:trail/X", {"trailARN": "arn:aws:cloudtrail:G:A:trail/X", "name": "X"}),
    _call("config PutConfigurationRecorder", {"configurationRecorder": {"name": "X", "roleARN": "R"}}, "R config", ""),
    _call("s3 PutBucketReplication", {"bucketName": "X", "Host": "X.s3.amazonaws.com", "replication": "",
          "ReplicationConfiguration": {"xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "Role": "R", "Rule": {}}},
          "R s3"),
    _call("redshift CreateCluster", {"clusterIdentifier": "X", "nodeType": "ra3", "iamRoles": ["R"],
          "masterUserPassword": "****"}, "R redshift", "X"),
    _call("rds AddRoleToDBCluster", {"dBClusterIdentifier": "X", "roleArn": "R", "featureName": "s3Import"}, "R rds"),
    _call("rds StartExportTask", {"exportTaskIdentifier": "X", "iamRoleArn": "R", "s3BucketName": "b"},
          "R export.rds", "*"),
    _call("rds CreateDBCluster", {"dBClusterIdentifier": "X", "engine": "aurora-mysql", "domain": "d-1",
          "domainIAMRoleName": "N"}, "N directoryservice.rds", "*"),
    _call("apigateway PutIntegration", {"restApiId": "X", "resourceId": "r", "httpMethod": "POST",
          "putIntegrationInput": {},
          "credentials": "R"}, "R apigateway"),
    _call("appsync CreateDataSource", {"apiId": "a", "name": "X", "type": "AWS_LAMBDA", "serviceRoleArn": "R"},
          "R appsync",
          "arn:aws:appsync:G:A:apis/a/datasources/X",
          {"dataSource": {"dataSourceArn": "arn:aws:appsync:G:A:apis/a/datasources/X"}}),
    _call("batch CreateComputeEnvironment", {"computeEnvironmentName": "X", "type": "MANAGED", "serviceRole": "R",
          "computeResources": {"type": "EC2", "instanceRole": "P"}}, "R batch, P ec2",
          "arn:aws:batch:G:A:compute-environment/X",
          {"computeEnvironmentArn": "arn:aws:batch:G:A:compute-environment/X"}),
    _call("batch RegisterJobDefinition", {"jobDefinitionName": "X", "type": "container", "containerProperties": {
          "jobRoleArn": "R", "executionRoleArn": "R"}}, "R ecs-tasks", "arn:aws:batch:G:A:job-definition/X:1",
          {"jobDefinitionArn": "arn:aws:batch:G:A:job-definition/X:1"}),
    _call("ssm StartAutomationExecution", {"documentName": "X", "parameters": {"AutomationAssumeRole": ["R"]}},
          "R ssm", "*"),
    _call("ssm CreateActivation", {"iamRole": "N", "defaultInstanceName": "X"}, "N ssm", "*"),
    _call("iot CreateTopicRule", {"ruleName": "X", "topicRulePayload": {"sql": "SELECT *", "actions": [
          {"s3": {"roleArn": "R", "bucketName": "b", "key": "k"}}]}}, "R iot"),
    _call("iot CreateRoleAlias", {"roleAlias": "X", "roleArn": "R"}, "R iot", "arn:aws:iot:G:A:rolealias/X",
          {"roleAliasArn": "arn:aws:iot:G:A:rolealias/X", "roleAlias": "X"}),
    _call("elasticbeanstalk CreateEnvironment", {"applicationName": "a", "environmentName": "X", "optionSettings": [
          {"namespace": "aws:autoscaling:launchconfiguration", "optionName": "IamInstanceProfile", "value": "Q"},
          {"namespace": "aws:elasticbeanstalk:environment", "optionName": "ServiceRole", "value": "N"},
          {"namespace": "aws:autoscaling:asg", "optionName": "MaxSize", "value": "4"}]}, "Q ec2, N elasticbeanstalk",
          "*"),
    _call("sns SetTopicAttributes", {"topicArn": "X", "attributeName": "LambdaSuccessFeedbackRoleArn",
          "attributeValue": "R"}, "R sns"),
    _call("servicecatalog CreateConstraint", {"portfolioId": "p", "productId": "X", "type": "LAUNCH",
          "parameters": '{"RoleArn": "R"}'}, "R servicecatalog", "*"),
    _call("transfer CreateUser", {"serverId": "s", "userName": "X", "role": "R"}, "R transfer", "*"),
    _call("dms CreateEndpoint", {"endpointIdentifier": "X", "endpointType": "target", "engineName": "s3",
          "s3Settings": {
          "serviceAccessRoleArn": "R", "bucketName": "b"}}, "R dms", "*"),
    _call("airflow CreateEnvironment", {"name": "X", "executionRoleArn": "R", "dagS3Path": "dags"}, "R airflow",
          "arn:aws:airflow:G:A:environment/X", {"arn": "arn:aws:airflow:G:A:environment/X"}),
    _call("bedrock CreateAgent", {"agentName": "X", "agentResourceRoleArn": "R"}, "R bedrock", "*",
          {"agent": {"agentArn": "arn:aws:bedrock:G:A:agent/X"}}),
    _call("cognito-idp CreateGroup", {"groupName": "X", "userPoolId": "p", "roleArn": "R"}, "R cognito-identity"),
    _call("iam AddRoleToInstanceProfile", {"instanceProfileName": "X", "roleName": "N"}, "N ec2"),
    # Roles in lists of keys and values, in JSON patches, and in JSON texts.
    _call("apigateway PutIntegration", {"restApiId": "X", "resourceId": "r", "httpMethod": "POST", "template": False,
          "putIntegrationInput": {"type": "AWS", "uri": "arn:aws:apigateway:G:sqs:path/q", "credentials": "R"}},
          "R apigateway"),
    _call("apigateway CreateAuthorizer", {"restApiId": "X", "createAuthorizerInput": {"name": "a", "type": "TOKEN",
          "authorizerCredentials": "R"}, "template": False}, "R apigateway", "*"),
    _call("apigateway UpdateAccount", {"patchOperations": [{"op": "replace", "path": "/cloudwatchRoleArn",
          "value": "R"}]}, "R apigateway", ""),
    _call("apigateway UpdateAccount", {"updateAccountInput": {"patchOperations": [
          {"op": "replace", "path": "/cloudwatchRoleArn", "value": "R"}]}, "template": False}, "R apigateway", ""),
    _call("apigateway UpdateIntegration", {"restApiId": "X", "httpMethod": "POST", "patchOperations": [
          {"op": "replace", "path": "/requestParameters/integration.request.header.credentials", "value": "N"},
          {"op": "replace", "path": "/credentials", "value": "R"}]}, "R apigateway", "*"),
    _call("apigateway UpdateAuthorizer", {"restApiId": "X", "authorizerId": "a", "patchOperations": [
          {"op": "replace", "path": "/authorizerCredentials", "value": "R"}]}, "R apigateway", "*"),
    _call("datapipeline PutPipelineDefinition", {"pipelineId": "X", "pipelineObjects": [
          {"id": "Default", "name": "Default", "fields": [{"key": "role", "stringValue": "N"},
           {"key": "resourceRole", "stringValue": "Q"}, {"key": "failureAndRerunMode", "stringValue": "CASCADE"}]},
          {"id": "Worker", "name": "Worker", "fields": [{"key": "schedule", "refValue": "Default"},
           {"key": "type", "stringValue": "Ec2Resource"}, {"key": "role", "stringValue": "#{myRole}"}]}]},
          "N datapipeline, Q ec2", "*"),
    _call("eks CreateAccessEntry", {"clusterName": "c", "principalArn": "R", "type": "EC2_LINUX"}, "R ec2", "*"),
    _call("firehose CreateDeliveryStream", {"deliveryStreamName": "X", "httpEndpointDestinationConfiguration": {
          "processingConfiguration": {"enabled": True, "processors": [{"type": "Lambda", "parameters": [
          {"parameterName": "LambdaArn", "parameterValue": "arn:aws:lambda:G:A:function:f"},
          {"parameterName": "RoleArn", "parameterValue": "R"}]}]}}}, "R firehose", "X"),
    _call("logs PutAccountPolicy", {"policyName": "X", "policyType": "SUBSCRIPTION_FILTER_POLICY",
          "policyDocument": '{"RoleArn": "R", "FilterPattern": ""}'}, "R logs", "*"),
    _call("batch SubmitServiceJob", {"jobName": "X", "serviceJobType": "SAGEMAKER_TRAINING",
          "serviceRequestPayload": '{"TrainingJobName": "t", "RoleArn": "R"}'}, "R sagemaker", "*"),
    _call("servicecatalog UpdateConstraint", {"id": "X", "parameters": '{"RoleArn": "R"}'}, "R servicecatalog",
          "*"),
    _call("sns Subscribe", {"topicArn": "X", "protocol": "firehose", "attributes": {"SubscriptionRoleArn": "R"}},
          "R sns", "*"),
    _call("sns SetSubscriptionAttributes", {"subscriptionArn": "X", "attributeName": "SubscriptionRoleArn",
          "attributeValue": "R"}, "R sns", "*"),
    _call("ssm UpdateServiceSetting", {"settingId": "/ssm/managed-instance/default-ec2-instance-management-role",
          "settingValue": "N"}, "N ssm", "*"),
    _call("ssm RegisterTaskWithMaintenanceWindow", {"windowId": "X", "taskType": "AUTOMATION",
          "taskInvocationParameters": {"automation": {"parameters": {"AutomationAssumeRole": ["R"]}}}}, "R ssm", "*"),
    _call("glue CreateConnection", {"connectionInput": {"name": "X", "connectionProperties": {"ROLE_ARN": "R"}}},
          "R glue", "*"),
    _call("codebuild UpdateProjectVisibility", {"projectArn": "X", "projectVisibility": "PUBLIC_READ",
          "resourceAccessRole": "R"}, "R codebuild"),
    _call("codebuild StartBuild", {"projectName": "X", "serviceRoleOverride": "R"}, "R codebuild", "*"),
    # Services that AWS has retired.
    _call("opsworks CreateStack", {"name": "X", "region": "G", "serviceRoleArn": "R", "defaultInstanceProfileArn": "P"},
          "R opsworks, P ec2"),
    _call("robomaker CreateSimulationJob", {"iamRole": "R", "maxJobDurationInSeconds": 60}, "R robomaker", "*"),
    _call("iotanalytics CreateDataset", {"datasetName": "X", "actions": [{"actionName": "a", "containerAction": {
          "executionRoleArn": "R"}}]}, "R iotanalytics", "*"),
)  # fmt: skip


# Calls that pass nothing, and look as if they might.
NOISE: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
    ("sts", "AssumeRole", {"roleArn": "R", "roleSessionName": "s"}),
    ("iam", "CreateRole", {"roleName": "N", "assumeRolePolicyDocument": "{}"}),
    ("iam", "AttachRolePolicy", {"roleName": "N", "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    ("iam", "GetRole", {"roleName": "N"}),
    ("iam", "CreateServiceLinkedRole", {"aWSServiceName": "autoscaling.amazonaws.com"}),
    ("ec2", "DescribeInstances", {"instancesSet": {}, "filterSet": {}}),
    ("ec2", "RunInstances", {"instancesSet": {"items": [{"imageId": "ami-1"}]}, "instanceType": "t3.micro"}),
    ("ec2", "DisassociateIamInstanceProfile", {"DisassociateIamInstanceProfileRequest": {"AssociationId": "a"}}),
    ("lambda", "UpdateFunctionConfiguration20150331v2", {"functionName": "X", "memorySize": 256}),
    ("lambda", "Invoke", {"functionName": "X"}),
    ("lambda", "ListFunctions20150331", None),
    ("rds", "ModifyDBInstance", {"dBInstanceIdentifier": "X", "monitoringInterval": 0, "monitoringRoleArn": ""}),
    ("rds", "RemoveRoleFromDBCluster", {"dBClusterIdentifier": "X", "roleArn": "R"}),
    ("autoscaling", "CreateAutoScalingGroup", {"autoScalingGroupName": "X", "minSize": 1, "maxSize": 1}),
    ("redshift", "ModifyClusterIamRoles", {"clusterIdentifier": "X", "removeIamRoles": ["R"]}),
    ("s3", "GetObject", {"bucketName": "b", "key": "role/R"}),
    ("kms", "Decrypt", {"encryptionContext": {"role": "R"}}),
    ("cloudformation", "CreateStack", {"stackName": "X"}),
    ("sns", "SetTopicAttributes", {"topicArn": "X", "attributeName": "DisplayName", "attributeValue": "N"}),
    ("eks", "CreateAccessEntry", {"clusterName": "X", "principalArn": "R"}),
    ("eks", "CreateAccessEntry", {"clusterName": "X", "principalArn": "R", "type": "STANDARD"}),
    ("apigateway", "UpdateAccount", {"patchOperations": [{"op": "replace", "path": "/features", "value": "N"}]}),
    ("apigateway", "UpdateIntegration", {"patchOperations": [{"op": "add", "path": "/x/credentials", "value": "N"}]}),
    ("logs", "PutAccountPolicy", {"policyName": "X", "policyDocument": '{"Name": "R"}'}),
    (
        "sns",
        "SetSubscriptionAttributes",
        {"subscriptionArn": "X", "attributeName": "RawMessageDelivery", "attributeValue": "N"},
    ),
    ("ssm", "UpdateServiceSetting", {"settingId": "/ssm/managed-instance/activation-tier", "settingValue": "N"}),
    ("rolesanywhere", "EnableProfile", {"profileId": "X"}),
    ("logs", "CreateLogStream", {"logGroupName": "g", "logStreamName": "R"}),
)


def filled(node: Any, names: dict[str, str]) -> Any:
    """A template with its one-letter names put in."""
    if isinstance(node, dict):
        return {key: filled(value, names) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(value, names) for value in node]
    if isinstance(node, str):
        if node in names:
            return names[node]
        if node.startswith("arn:") or node.startswith(("{", "i-", "vpc-", "iip-", "service/")):
            for letter in ("A", "G", "X", "R"):
                node = _put(node, letter, names[letter])
        return node
    return node


def _put(text: str, letter: str, value: str) -> str:
    """A letter that stands for itself between marks, replaced."""
    return re.sub(rf"(?<![A-Za-z]){letter}(?![A-Za-z])", lambda _: value, text)
