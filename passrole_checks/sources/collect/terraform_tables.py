"""Attributes of Terraform resources that contain policy documents, attach them, or name their principals.

Source: the argument references of the resource pages of the Terraform Registry: provider ``hashicorp/aws`` (IAM, SSO
Admin, Organizations) and provider ``hashicorp/awscc`` (``docs/resources/iam_*.md``, ``sso_permission_set.md``,
``organizations_policy.md``), whose attributes are CloudFormation's properties.
"""

from __future__ import annotations

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.collect.tables import AccessTables

IDENTITY_POLICIES = {
    "aws_iam_policy": "policy",
    "aws_iam_role_policy": "policy",
    "aws_iam_user_policy": "policy",
    "aws_iam_group_policy": "policy",
    "aws_ssoadmin_permission_set_inline_policy": "inline_policy",
    "awscc_iam_managed_policy": "policy_document",
    "awscc_iam_role_policy": "policy_document",
    "awscc_iam_user_policy": "policy_document",
    "awscc_iam_group_policy": "policy_document",
    "awscc_sso_permission_set": "inline_policy",
}
"""Policies that grant to a user, group, role or permission set."""

POLICY_NAMES = {
    "aws_iam_policy": "name",
    "aws_iam_role_policy": "name",
    "aws_iam_user_policy": "name",
    "aws_iam_group_policy": "name",
    "awscc_iam_managed_policy": "managed_policy_name",
    "awscc_iam_role_policy": "policy_name",
    "awscc_iam_user_policy": "policy_name",
    "awscc_iam_group_policy": "policy_name",
}
"""The attributes of the names of inline and managed policies."""

OPTIONAL_IDENTITY_POLICIES = frozenset(
    {"awscc_iam_role_policy", "awscc_iam_user_policy", "awscc_iam_group_policy", "awscc_sso_permission_set"}
)
"""Types of :data:`IDENTITY_POLICIES` with an optional attribute; without it they grant nothing."""

NESTED_POLICIES = {
    "aws_iam_role": ("inline_policy", "policy"),
    "awscc_iam_role": ("policies", "policy_document"),
    "awscc_iam_user": ("policies", "policy_document"),
    "awscc_iam_group": ("policies", "policy_document"),
}
"""Lists (or repeated blocks) of inline policies: the attribute, and the element's attribute with the document."""

INLINE_NAMES = {"policy": "name", "policy_document": "policy_name"}
"""The attribute of the name of a nested inline policy, by that of its document."""

TRUST_POLICIES = {"aws_iam_role": "assume_role_policy", "awscc_iam_role": "assume_role_policy_document"}
"""Role types with the attribute of their trust policy."""

ORGANIZATION_POLICIES = {"aws_organizations_policy": "content", "awscc_organizations_policy": "content"}
"""Organization policies, which limit and never grant; see :func:`organization_policy_kind`."""

MANAGED_POLICIES = {"aws_iam_policy": "arn", "awscc_iam_managed_policy": "policy_arn"}
"""Managed policy types with the attribute of their ARN (equal to ``id``)."""


@dataclass(frozen=True, slots=True)
class Entity:
    """The kind of an IAM entity type and the attributes of its name and ARN."""

    kind: str
    name: str = "name"
    arn: str = "arn"


ENTITIES = {
    "aws_iam_role": Entity("role"),
    "aws_iam_user": Entity("user"),
    "aws_iam_group": Entity("group"),
    "aws_iam_policy": Entity("policy"),
    "aws_iam_instance_profile": Entity("instance-profile"),
    "awscc_iam_role": Entity("role", "role_name"),
    "awscc_iam_user": Entity("user", "user_name"),
    "awscc_iam_group": Entity("group", "group_name"),
    "awscc_iam_managed_policy": Entity("policy", "managed_policy_name", "policy_arn"),
    "awscc_iam_instance_profile": Entity("instance-profile", "instance_profile_name"),
}
"""IAM entity types: the resource part of their ARNs before the path, and the attributes of name and ARN."""

USERS = frozenset(type_ for type_, entity in ENTITIES.items() if entity.kind in ("user", "group"))
"""Types of users and groups."""

PERMISSION_SET_ARNS = {"aws_ssoadmin_permission_set": "arn", "awscc_sso_permission_set": "permission_set_arn"}
"""Types of permission sets with the attribute of their ARN."""

INSTANCE_PROFILES = {"aws_iam_instance_profile": "role", "awscc_iam_instance_profile": "roles"}
"""Types of instance profiles with the attribute that contains the role."""

HOLDERS = {
    "aws_iam_role_policy": {"role": "role"},
    "aws_iam_user_policy": {"user": "user"},
    "aws_iam_group_policy": {"group": "group"},
    "aws_ssoadmin_permission_set_inline_policy": {"permission_set_arn": "permission-set"},
    "awscc_iam_role_policy": {"role_name": "role"},
    "awscc_iam_user_policy": {"user_name": "user"},
    "awscc_iam_group_policy": {"group_name": "group"},
    "awscc_iam_managed_policy": {"roles": "role", "users": "user", "groups": "group"},
}
"""Policies that name their own principals: the attributes, each with the kind of entity that it names."""

ATTACHMENTS: dict[str, tuple[str, dict[str, str]]] = {
    "aws_iam_role_policy_attachment": ("policy_arn", {"role": "role"}),
    "aws_iam_user_policy_attachment": ("policy_arn", {"user": "user"}),
    "aws_iam_group_policy_attachment": ("policy_arn", {"group": "group"}),
    "aws_iam_policy_attachment": ("policy_arn", {"roles": "role", "users": "user", "groups": "group"}),
    "aws_iam_role_policy_attachments_exclusive": ("policy_arns", {"role_name": "role"}),
    "aws_iam_user_policy_attachments_exclusive": ("policy_arns", {"user_name": "user"}),
    "aws_iam_group_policy_attachments_exclusive": ("policy_arns", {"group_name": "group"}),
    "aws_ssoadmin_managed_policy_attachment": ("managed_policy_arn", {"permission_set_arn": "permission-set"}),
    "aws_ssoadmin_managed_policy_attachments_exclusive": (
        "managed_policy_arns",
        {"permission_set_arn": "permission-set"},
    ),
    "aws_quicksight_iam_policy_assignment": ("policy_arn", {}),
}
"""Attachments: the attribute of the ARNs of managed policies, and the attributes of the principals.

Without the latter the resource itself is listed as the principal: an assignment of QuickSight names users and groups of
QuickSight, which are no IAM principals."""

INACTIVE = {"aws_quicksight_iam_policy_assignment": ("assignment_status", frozenset({"DISABLED", "DRAFT"}))}
"""Attachments that have no effect: the attribute of their status, and its values (Amazon QuickSight API Reference,
"CreateIAMPolicyAssignment")."""

MEMBERSHIPS = {
    "aws_iam_group_membership": ("group", "users"),
    "aws_iam_user_group_membership": ("groups", "user"),
    "awscc_iam_user": ("groups", ""),
}
"""Group memberships: the attributes of the groups and of the users, empty if the resource is the user."""

OWN_ATTACHMENTS = {
    "aws_iam_role": "managed_policy_arns",
    "awscc_iam_role": "managed_policy_arns",
    "awscc_iam_user": "managed_policy_arns",
    "awscc_iam_group": "managed_policy_arns",
    "awscc_sso_permission_set": "managed_policies",
}
"""Principal types with their own attribute for the ARNs of managed policies."""

NAMED_ATTACHMENTS = {
    "aws_ssoadmin_customer_managed_policy_attachment": ("customer_managed_policy_reference", "permission_set_arn"),
    "aws_ssoadmin_customer_managed_policy_attachments_exclusive": (
        "customer_managed_policy_reference",
        "permission_set_arn",
    ),
    "awscc_sso_permission_set": ("customer_managed_policy_references", ""),
}
"""Attachments of managed policies by ``name``: the attribute of the references and that of the permission set, empty if
the resource is one."""

BOUNDED: dict[str, dict[str, str]] = {
    "aws_iam_role": {},
    "aws_iam_user": {},
    "awscc_iam_role": {},
    "awscc_iam_user": {},
    "awscc_sso_permission_set": {},
    "aws_ssoadmin_permissions_boundary_attachment": {"permission_set_arn": "permission-set"},
}
"""Types with ``permissions_boundary``: an ARN, or for permission sets ``managed_policy_arn`` or
``customer_managed_policy_reference`` with a ``name``. The values are the attributes of the principals, empty if the
resource is the principal."""

_STACKS = frozenset({
    "aws_cloudformation_stack", "aws_cloudformation_stack_set", "awscc_cloudformation_stack",
    "awscc_cloudformation_stack_set",
})  # fmt: skip
_CLOUD_CONTROL = frozenset({"aws_cloudcontrolapi_resource"})
_PRODUCTS = {
    "aws_serverlessapplicationrepository_cloudformation_stack": "AWS Serverless Application Repository",
    "aws_servicecatalog_product": "Service Catalog",
    "aws_servicecatalog_provisioned_product": "Service Catalog",
    "aws_servicecatalog_provisioning_artifact": "Service Catalog",
    "awscc_servicecatalog_cloudformation_product": "Service Catalog",
    "awscc_servicecatalog_cloudformation_provisioned_product": "Service Catalog",
}
_HOLDING_TYPES = ("AWS::IAM::", "AWS::SSO::PermissionSet", "AWS::CloudFormation::")


def not_read_reason(type_: str, type_name: str | None) -> str | None:
    """Return why the policies inside a resource are not read; None if the resource cannot contain any.

    They are not read in a resource of the Cloud Control API whose ``type_name`` (None if unknown) can contain policies,
    and in products, whose templates are stored elsewhere.
    """
    if type_ in _PRODUCTS:
        return f"{_PRODUCTS[type_]}: template is not available"
    if type_ in _CLOUD_CONTROL and (type_name is None or type_name.startswith(_HOLDING_TYPES)):
        return "desired state of a Cloud Control API resource"
    return None


SCP_TARGETS = {
    "aws_organizations_policy_attachment": ("policy_id", "target_id"),
    "awscc_organizations_policy": ("", "target_ids"),
}
"""Attachments of organization policies: the attributes of the policy, empty if the resource is one, and of the target
roots, organizational units and accounts."""

PERMISSION_SETS = frozenset({
    "aws_ssoadmin_permission_set_inline_policy", "awscc_sso_permission_set", "AWS::SSO::PermissionSet",
})  # fmt: skip
"""Types whose policies belong to a permission set; the roles that it provisions are in other accounts."""

MANY_ACCOUNTS = frozenset({
    "aws_ssoadmin_permission_set_inline_policy", "awscc_sso_permission_set", "aws_organizations_policy",
    "awscc_organizations_policy", "aws_cloudformation_stack_set", "awscc_cloudformation_stack_set",
})  # fmt: skip
"""Types whose policies are provisioned into many accounts, so that a literal account id in them is no mistake."""

FLAGGABLE = tuple(sorted({*IDENTITY_POLICIES, *NESTED_POLICIES, *_STACKS}))
"""Types whose resources can have findings."""

RESOURCE_POLICIES = {
    type_: attribute
    for attribute, types in {
        "policy": (
            "aws_api_gateway_rest_api", "aws_api_gateway_rest_api_policy", "aws_backup_vault_policy",
            "aws_cloudwatch_event_bus_policy", "aws_codebuild_resource_policy", "aws_dynamodb_resource_policy",
            "aws_ecr_registry_policy", "aws_ecr_repository_policy", "aws_ecrpublic_repository_policy",
            "aws_efs_file_system_policy", "aws_eks_pod_identity_association", "aws_glue_resource_policy",
            "aws_iot_policy", "aws_kinesis_resource_policy", "aws_kms_external_key", "aws_kms_key",
            "aws_kms_key_policy", "aws_kms_replica_key", "aws_media_store_container_policy", "aws_msk_cluster_policy",
            "aws_networkfirewall_resource_policy", "aws_s3_access_point", "aws_s3_bucket", "aws_s3_bucket_policy",
            "aws_s3control_access_point_policy", "aws_s3control_bucket_policy",
            "aws_s3control_multi_region_access_point_policy", "aws_secretsmanager_secret",
            "aws_secretsmanager_secret_policy", "aws_ses_identity_policy", "aws_sesv2_email_identity_policy",
            "aws_sns_topic", "aws_sns_topic_policy", "aws_sqs_queue", "aws_sqs_queue_policy", "aws_ssmcontacts_contact",
            "aws_transfer_access", "aws_transfer_user", "aws_vpc_endpoint", "aws_vpc_endpoint_policy",
            "aws_vpclattice_auth_policy", "aws_vpclattice_resource_policy", "awscc_eks_pod_identity_association",
            "awscc_transfer_user",
        ),
        "access_policy": ("aws_cloudwatch_log_destination_policy", "aws_glacier_vault"),
        "policy_document": (
            "aws_cloudwatch_log_resource_policy", "aws_codeartifact_domain_permissions_policy",
            "aws_codeartifact_repository_permissions_policy", "awscc_ec2_vpc_endpoint", "awscc_iot_policy",
        ),
        "access_policies": (
            "aws_elasticsearch_domain", "aws_elasticsearch_domain_policy", "aws_opensearch_domain",
            "aws_opensearch_domain_policy",
        ),
        "content": ("aws_organizations_resource_policy",),
        "policy_template": ("aws_ram_permission",),
        "session_policy": ("aws_rolesanywhere_profile", "awscc_rolesanywhere_profile"),
        "resource_policy": ("aws_s3tables_table_bucket_policy",),
    }.items()
    for type_ in types
}  # fmt: skip
"""Resource-based, endpoint and session policies, which grant no PassRole; most of the attributes are optional."""

KNOWN_TYPES = frozenset({
    *IDENTITY_POLICIES, *RESOURCE_POLICIES, *ORGANIZATION_POLICIES, *NESTED_POLICIES, *ATTACHMENTS, *NAMED_ATTACHMENTS,
    *BOUNDED, *MEMBERSHIPS, *SCP_TARGETS,
})  # fmt: skip
"""Types whose policies and attachments are read; a resource of any other type hands policies out."""

TERRAFORM = AccessTables(
    identity=IDENTITY_POLICIES,
    optional=OPTIONAL_IDENTITY_POLICIES,
    holders=HOLDERS,
    trust=TRUST_POLICIES,
    organization={type_: (attribute, "type") for type_, attribute in ORGANIZATION_POLICIES.items()},
    resource={type_: (attribute,) for type_, attribute in RESOURCE_POLICIES.items()},
    nested=NESTED_POLICIES,
    attachments=ATTACHMENTS,
    own_attachments=OWN_ATTACHMENTS,
    named_attachments=NAMED_ATTACHMENTS,
    inactive=INACTIVE,
    memberships=MEMBERSHIPS,
    bounded=BOUNDED,
    scp_targets=SCP_TARGETS,
)
