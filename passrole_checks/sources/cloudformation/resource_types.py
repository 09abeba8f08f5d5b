"""Facts about resource types: the value of ``Ref``, the service of their ARNs, the properties with policies.

Source: AWS CloudFormation Template Reference, "Return values" of each type. The tables only serve to recognize values
that are not role ARNs; a missing type costs precision and never gives a wrong answer.
"""

from __future__ import annotations

# AWS types whose Ref is an ARN. For other types it is a name, an id or a URL.
_REF_IS_ARN = {
    "ACMPCA": ("CertificateAuthority",),
    "AppRunner": ("Service",),
    "AppSync": ("GraphQLApi",),
    "Batch": ("ComputeEnvironment", "JobDefinition", "JobQueue"),
    "CertificateManager": ("Certificate",),
    "CloudFormation": ("Stack",),
    "CloudTrail": ("EventDataStore",),
    "CloudWatch": ("CompositeAlarm",),
    "CodeBuild": ("ReportGroup",),
    "CodeStarConnections": ("Connection",),
    "DMS": ("Endpoint", "ReplicationInstance", "ReplicationTask"),
    "DataSync": ("Task",),
    "ECS": ("Service", "TaskDefinition"),
    "EKS": ("Nodegroup",),
    "ElasticLoadBalancingV2": ("Listener", "ListenerRule", "LoadBalancer", "TargetGroup"),
    "Glue": ("Registry", "Schema"),
    "IAM": ("ManagedPolicy", "OIDCProvider", "SAMLProvider"),
    "KafkaConnect": ("Connector",),
    "Lambda": ("Alias", "CodeSigningConfig", "EventInvokeConfig", "LayerVersion", "Version"),
    "MSK": ("Cluster",),
    "NetworkFirewall": ("Firewall",),
    "Personalize": ("Dataset",),
    "SNS": ("Topic",),
    "SSO": ("PermissionSet",),
    "SageMaker": ("Endpoint", "EndpointConfig", "Model", "NotebookInstance"),
    "SecretsManager": ("Secret",),
    "Serverless": ("Application", "LayerVersion", "StateMachine"),
    "ServiceDiscovery": ("Service",),
    "StepFunctions": ("Activity", "StateMachine", "StateMachineAlias", "StateMachineVersion"),
    "Transfer": ("User",),
    "XRay": ("Group", "SamplingRule"),
}
REF_IS_ARN = frozenset(f"AWS::{service}::{name}" for service, names in _REF_IS_ARN.items() for name in names)

REF_IS_URL = frozenset({"AWS::SQS::Queue"})

# The service part of an ARN if it is not the namespace of the type in lower case.
ARN_SERVICE = {
    "CertificateManager": "acm", "ACMPCA": "acm-pca", "ApiGatewayV2": "apigateway", "AppSync": "appsync",
    "CloudTrail": "cloudtrail", "CloudWatch": "cloudwatch", "CodeStarConnections": "codestar-connections",
    "Cognito": "cognito-idp", "EFS": "elasticfilesystem", "EMR": "elasticmapreduce",
    "EMRContainers": "emr-containers", "EMRServerless": "emr-serverless",
    "ElasticLoadBalancing": "elasticloadbalancing", "ElasticLoadBalancingV2": "elasticloadbalancing",
    "Elasticsearch": "es", "KinesisFirehose": "firehose", "MSK": "kafka", "OpenSearchService": "es",
    "OpenSearchServerless": "aoss", "ServiceDiscovery": "servicediscovery", "StepFunctions": "states",
    "VpcLattice": "vpc-lattice", "AutoScaling": "autoscaling", "ImageBuilder": "imagebuilder",
}  # fmt: skip

# SAM types with the types that they are transformed to.
SAM_TYPES = {
    "AWS::Serverless::Function": "AWS::Lambda::Function",
    "AWS::Serverless::StateMachine": "AWS::StepFunctions::StateMachine",
    "AWS::Serverless::SimpleTable": "AWS::DynamoDB::Table",
    "AWS::Serverless::LayerVersion": "AWS::Lambda::LayerVersion",
    "AWS::Serverless::Api": "AWS::ApiGateway::RestApi",
    "AWS::Serverless::HttpApi": "AWS::ApiGatewayV2::Api",
    "AWS::Serverless::Application": "AWS::CloudFormation::Stack",
    "AWS::Serverless::GraphQLApi": "AWS::AppSync::GraphQLApi",
    "AWS::Serverless::WebSocketApi": "AWS::ApiGatewayV2::Api",
    "AWS::Serverless::CapacityProvider": "AWS::Lambda::CapacityProvider",
}

# Properties (paths of keys) with resource-based, endpoint or session policies, which grant no PassRole.
RESOURCE_POLICIES = {
    "AWS::AIOps::InvestigationGroup": ("InvestigationGroupPolicy",),
    "AWS::APS::ResourcePolicy": ("PolicyDocument",),
    "AWS::ApiGateway::DomainNameV2": ("Policy",),
    "AWS::ApiGateway::RestApi": ("Policy",),
    "AWS::Backup::BackupVault": ("AccessPolicy",),
    "AWS::Backup::LogicallyAirGappedBackupVault": ("AccessPolicy",),
    "AWS::Bedrock::ResourcePolicy": ("PolicyDocument",),
    "AWS::BedrockAgentCore::ResourcePolicy": ("Policy",),
    "AWS::CloudTrail::ResourcePolicy": ("ResourcePolicy",),
    "AWS::CodeArtifact::Domain": ("PermissionsPolicyDocument",),
    "AWS::CodeArtifact::Repository": ("PermissionsPolicyDocument",),
    "AWS::DSQL::Cluster": ("PolicyDocument",),
    "AWS::DynamoDB::GlobalTable": ("ResourcePolicy/PolicyDocument",),
    "AWS::DynamoDB::Table": ("ResourcePolicy/PolicyDocument",),
    "AWS::EC2::VPCEndpoint": ("PolicyDocument",),
    "AWS::ECR::PublicRepository": ("RepositoryPolicyText",),
    "AWS::ECR::RegistryPolicy": ("PolicyText",),
    "AWS::ECR::Repository": ("RepositoryPolicyText",),
    "AWS::ECR::RepositoryCreationTemplate": ("RepositoryPolicy",),
    "AWS::EFS::FileSystem": ("FileSystemPolicy",),
    "AWS::EKS::PodIdentityAssociation": ("Policy",),
    "AWS::Elasticsearch::Domain": ("AccessPolicies",),
    "AWS::EventSchemas::RegistryPolicy": ("Policy",),
    "AWS::Events::EventBus": ("Policy",),
    "AWS::IoT::Policy": ("PolicyDocument",),
    "AWS::KMS::Key": ("KeyPolicy",),
    "AWS::KMS::ReplicaKey": ("KeyPolicy",),
    "AWS::Kinesis::ResourcePolicy": ("ResourcePolicy",),
    "AWS::Kinesis::Stream": ("ResourcePolicy/PolicyDocument",),
    "AWS::Lambda::ResourcePolicy": ("Policy", "PolicyDocument"),
    "AWS::Logs::Destination": ("DestinationPolicy",),
    "AWS::Logs::LogGroup": ("ResourcePolicyDocument",),
    "AWS::Logs::ResourcePolicy": ("PolicyDocument",),
    "AWS::MSK::ClusterPolicy": ("Policy",),
    "AWS::MediaPackageV2::ChannelPolicy": ("Policy",),
    "AWS::MediaPackageV2::OriginEndpointPolicy": ("Policy",),
    "AWS::MediaStore::Container": ("Policy",),
    "AWS::MediaTailor::ChannelPolicy": ("Policy",),
    "AWS::OSIS::Pipeline": ("ResourcePolicy/Policy",),
    "AWS::Oam::Sink": ("Policy",),
    "AWS::OpenSearchService::Domain": ("AccessPolicies",),
    "AWS::Organizations::ResourcePolicy": ("Content",),
    "AWS::PaymentCryptography::Key": ("Policy",),
    "AWS::RAM::Permission": ("PolicyTemplate",),
    "AWS::RUM::AppMonitor": ("ResourcePolicy/PolicyDocument",),
    "AWS::Redshift::Cluster": ("NamespaceResourcePolicy",),
    "AWS::RedshiftServerless::Namespace": ("NamespaceResourcePolicy",),
    "AWS::RolesAnywhere::Profile": ("SessionPolicy",),
    "AWS::S3::AccessPoint": ("Policy",),
    "AWS::S3::BucketPolicy": ("PolicyDocument",),
    "AWS::S3::MultiRegionAccessPointPolicy": ("Policy",),
    "AWS::S3Express::AccessPoint": ("Policy",),
    "AWS::S3Express::BucketPolicy": ("PolicyDocument",),
    "AWS::S3ObjectLambda::AccessPointPolicy": ("PolicyDocument",),
    "AWS::S3Outposts::AccessPoint": ("Policy",),
    "AWS::S3Outposts::BucketPolicy": ("PolicyDocument",),
    "AWS::S3Tables::TableBucketPolicy": ("ResourcePolicy",),
    "AWS::S3Tables::TablePolicy": ("ResourcePolicy",),
    "AWS::SNS::TopicInlinePolicy": ("PolicyDocument",),
    "AWS::SNS::TopicPolicy": ("PolicyDocument",),
    "AWS::SQS::QueueInlinePolicy": ("PolicyDocument",),
    "AWS::SQS::QueuePolicy": ("PolicyDocument",),
    "AWS::SSM::ResourcePolicy": ("Policy",),
    "AWS::SageMaker::ModelPackageGroup": ("ModelPackageGroupPolicy",),
    "AWS::SecretsManager::ResourcePolicy": ("ResourcePolicy",),
    "AWS::Transfer::User": ("Policy",),
    "AWS::VpcLattice::AuthPolicy": ("Policy",),
    "AWS::VpcLattice::ResourcePolicy": ("Policy",),
    "AWS::XRay::ResourcePolicy": ("PolicyDocument",),
}

# Organization policies, which limit and never grant.
LIMITS = {"AWS::Organizations::Policy": ("Content",)}


def service_of(resource_type: str) -> str | None:
    """Return the service part of the ARNs of an AWS type (``AWS::Lambda::Function``: ``lambda``); None for other
    types."""
    words = SAM_TYPES.get(resource_type, resource_type).split("::")
    if len(words) < 3 or words[0] != "AWS":
        return None
    return ARN_SERVICE.get(words[1], words[1].lower())
