"""Facts about resource types: the value of ``Ref``, the service of their ARNs, the properties with policies.

Source: AWS CloudFormation Template Reference, "Return values" of each type. The tables only serve to recognize values
that are not role ARNs; a missing type costs precision and never gives a wrong answer.
"""

from __future__ import annotations

from passrole_checks.sources.cloudformation.sam import ROLES as IMPLICIT_ROLES
from passrole_checks.sources.cloudformation.sam import TYPES_WITH_POLICIES
from passrole_checks.sources.collect.tables import AccessTables

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
    type_: paths
    for paths, types in {
        ("InvestigationGroupPolicy",): ("AWS::AIOps::InvestigationGroup",),
        ("PolicyDocument",): (
            "AWS::APS::ResourcePolicy", "AWS::Bedrock::ResourcePolicy", "AWS::DSQL::Cluster", "AWS::EC2::VPCEndpoint",
            "AWS::IoT::Policy", "AWS::Logs::ResourcePolicy", "AWS::S3::BucketPolicy", "AWS::S3Express::BucketPolicy",
            "AWS::S3ObjectLambda::AccessPointPolicy", "AWS::S3Outposts::BucketPolicy", "AWS::SNS::TopicInlinePolicy",
            "AWS::SNS::TopicPolicy", "AWS::SQS::QueueInlinePolicy", "AWS::SQS::QueuePolicy",
            "AWS::XRay::ResourcePolicy",
        ),
        ("Policy",): (
            "AWS::ApiGateway::DomainNameV2", "AWS::ApiGateway::RestApi", "AWS::BedrockAgentCore::ResourcePolicy",
            "AWS::EKS::PodIdentityAssociation", "AWS::EventSchemas::RegistryPolicy", "AWS::Events::EventBus",
            "AWS::MSK::ClusterPolicy", "AWS::MediaPackageV2::ChannelPolicy",
            "AWS::MediaPackageV2::OriginEndpointPolicy", "AWS::MediaStore::Container",
            "AWS::MediaTailor::ChannelPolicy", "AWS::Oam::Sink", "AWS::PaymentCryptography::Key",
            "AWS::S3::AccessPoint", "AWS::S3::MultiRegionAccessPointPolicy", "AWS::S3Express::AccessPoint",
            "AWS::S3Outposts::AccessPoint", "AWS::SSM::ResourcePolicy", "AWS::Transfer::User",
            "AWS::VpcLattice::AuthPolicy", "AWS::VpcLattice::ResourcePolicy",
        ),
        ("AccessPolicy",): ("AWS::Backup::BackupVault", "AWS::Backup::LogicallyAirGappedBackupVault"),
        ("ResourcePolicy",): (
            "AWS::CloudTrail::ResourcePolicy", "AWS::Kinesis::ResourcePolicy", "AWS::S3Tables::TableBucketPolicy",
            "AWS::S3Tables::TablePolicy", "AWS::SecretsManager::ResourcePolicy",
        ),
        ("PermissionsPolicyDocument",): ("AWS::CodeArtifact::Domain", "AWS::CodeArtifact::Repository"),
        ("ResourcePolicy/PolicyDocument",): (
            "AWS::DynamoDB::GlobalTable", "AWS::DynamoDB::Table", "AWS::Kinesis::Stream", "AWS::RUM::AppMonitor",
        ),
        ("RepositoryPolicyText",): ("AWS::ECR::PublicRepository", "AWS::ECR::Repository"),
        ("PolicyText",): ("AWS::ECR::RegistryPolicy",),
        ("RepositoryPolicy",): ("AWS::ECR::RepositoryCreationTemplate",),
        ("FileSystemPolicy",): ("AWS::EFS::FileSystem",),
        ("AccessPolicies",): ("AWS::Elasticsearch::Domain", "AWS::OpenSearchService::Domain"),
        ("KeyPolicy",): ("AWS::KMS::Key", "AWS::KMS::ReplicaKey"),
        ("Policy", "PolicyDocument"): ("AWS::Lambda::ResourcePolicy",),
        ("DestinationPolicy",): ("AWS::Logs::Destination",),
        ("ResourcePolicyDocument",): ("AWS::Logs::LogGroup",),
        ("ResourcePolicy/Policy",): ("AWS::OSIS::Pipeline",),
        ("Content",): ("AWS::Organizations::ResourcePolicy",),
        ("PolicyTemplate",): ("AWS::RAM::Permission",),
        ("NamespaceResourcePolicy",): ("AWS::Redshift::Cluster", "AWS::RedshiftServerless::Namespace"),
        ("SessionPolicy",): ("AWS::RolesAnywhere::Profile",),
        ("ModelPackageGroupPolicy",): ("AWS::SageMaker::ModelPackageGroup",),
    }.items()
    for type_ in types
}  # fmt: skip

_LISTS = {"Roles": "role", "Users": "user", "Groups": "group"}
_ROLES = ("AWS::IAM::Role", "AWS::IAM::User", "AWS::IAM::Group")

CLOUDFORMATION = AccessTables(
    identity={
        **dict.fromkeys(("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"), "PolicyDocument"),
        **dict.fromkeys(("AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy", "AWS::IAM::GroupPolicy"), "PolicyDocument"),
        "AWS::SSO::PermissionSet": "InlinePolicy",
    },
    optional=frozenset({
        "AWS::IAM::GroupPolicy", "AWS::IAM::Role", "AWS::IAM::RolePolicy", "AWS::IAM::UserPolicy",
        "AWS::Organizations::Policy", "AWS::SSO::PermissionSet",
    }),
    holders={
        "AWS::IAM::Policy": _LISTS,
        "AWS::IAM::ManagedPolicy": _LISTS,
        "AWS::IAM::RolePolicy": {"RoleName": "role"},
        "AWS::IAM::UserPolicy": {"UserName": "user"},
        "AWS::IAM::GroupPolicy": {"GroupName": "group"},
    },
    trust={"AWS::IAM::Role": "AssumeRolePolicyDocument"},
    organization={"AWS::Organizations::Policy": ("Content", "Type")},
    resource=RESOURCE_POLICIES,
    nested=dict.fromkeys(_ROLES, ("Policies", "PolicyDocument")),
    attachments={},
    own_attachments={
        **dict.fromkeys(_ROLES, "ManagedPolicyArns"),
        "AWS::SSO::PermissionSet": "ManagedPolicies",
        **dict.fromkeys(TYPES_WITH_POLICIES, "Policies"),
    },
    named_attachments={"AWS::SSO::PermissionSet": ("CustomerManagedPolicyReferences", "")},
    inactive={},
    memberships={"AWS::IAM::User": ("Groups", ""), "AWS::IAM::UserToGroupAddition": ("GroupName", "Users")},
    bounded={key: {} for key in ("AWS::IAM::Role", "AWS::IAM::User", "AWS::SSO::PermissionSet", *IMPLICIT_ROLES)},
    scp_targets={"AWS::Organizations::Policy": ("", "TargetIds")},
)  # fmt: skip
"""Source: AWS CloudFormation Template Reference, AWS::IAM::*, AWS::SSO::PermissionSet (``InlinePolicy`` is an object or
its JSON text), AWS::Organizations::Policy; AWS SAM Developer Guide (``Policies``, ``PermissionsBoundary``)."""


def policy_properties(resource_type: str) -> frozenset[str]:
    """Return the properties with resource-based and organization policies of a type."""
    organization = CLOUDFORMATION.organization.get(resource_type, ())[:1]
    return frozenset(path.partition("/")[0] for path in (*RESOURCE_POLICIES.get(resource_type, ()), *organization))


def service_of(resource_type: str) -> str | None:
    """Return the service part of the ARNs of an AWS type (``AWS::Lambda::Function``: ``lambda``); None for other
    types."""
    words = SAM_TYPES.get(resource_type, resource_type).split("::")
    if len(words) < 3 or words[0] != "AWS":
        return None
    return ARN_SERVICE.get(words[1], words[1].lower())
