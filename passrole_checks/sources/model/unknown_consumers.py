"""Policy documents that leave the configuration: what gets them may attach them, or do anything else with them.

The document shows its kind: a resource-based policy or a trust policy names a Principal, an identity-based policy never
does (IAM User Guide, "AWS JSON policy elements: Principal").
"""

from __future__ import annotations

import json

from passrole_checks.aws.managed_policies import managed_policy
from passrole_checks.iam.documents.policy import parse_document
from passrole_checks.iam.grants.grant import covers_pass_role
from passrole_checks.iam.partial_values import Choice, ListNode, Node, ObjectNode, Position, StringNode, Ternary, text
from passrole_checks.sources.model.configuration import PolicyKind

TOO_DEEP = "nested too deeply to search for policy documents"

# resources whose arguments decide when something is replaced, or are read by other blocks (terraform_data.x.output)
_KEEPERS = ("null_resource", "random_", "terraform_data", "time_")
# providers with policies of the same form that grant nothing in AWS (Alibaba Cloud RAM, Tencent Cloud CAM, MinIO, ...)
_OTHER_CLOUDS = (
    "alicloud_", "bytepluscc_", "flexibleengine_", "g42cloud_", "huaweicloud_", "minio_", "opentelekomcloud_", "ovh_",
    "sbercloud_", "scaleway_", "tencentcloud_", "volcengine_", "volcenginecc_", "wasabi_",
)  # fmt: skip
_PRINCIPALS = frozenset({"Principal", "NotPrincipal"})


def hands_nothing_out(type_: str) -> bool:
    """True if Terraform resources of a type hand no policy document out of the configuration."""
    return type_.startswith((*_KEEPERS, *_OTHER_CLOUDS))


def infer_policy_kind(path: str, document: Node) -> PolicyKind:
    """Return the kind of a document passed at ``path`` (keys joined by ``/``)."""
    if "boundary" in path.lower():
        return PolicyKind.BOUNDARY
    return PolicyKind.RESOURCE if names_principal(document) else PolicyKind.IDENTITY


def names_principal(node: Node | None) -> bool:
    """True if a statement anywhere in a document names a Principal."""
    if isinstance(node, StringNode):
        return any(isinstance(part, str) and f'"{name}"' in part for part in node.parts for name in _PRINCIPALS)
    if isinstance(node, Choice):
        return any(names_principal(option) for _, option in node.options)
    if isinstance(node, ListNode):
        return any(names_principal(item) for item in node.items)
    if isinstance(node, ObjectNode):
        named = any(entry.key.literal in _PRINCIPALS for entry in node.entries)
        return named or names_principal(node.get("Statement"))
    return False


def may_grant_pass_role(document: Node) -> bool:
    """True if an identity-based policy allows PassRole, or may allow it."""
    return not names_principal(document) and any(
        statement.effect != "Deny" and covers_pass_role(statement)[0] is not Ternary.NO
        for statement in parse_document(document).statements
    )


def managed_policy_may_grant(arn: str) -> bool:
    """True if an AWS managed policy allows PassRole, or if nothing is known of a managed policy."""
    _, mark, name = arn.partition(":iam::aws:policy/")
    policy = managed_policy(f"arn:aws{mark}{name}")  # the partition may be unresolved
    return policy is None or may_grant_pass_role(text(json.dumps(dict(policy.document)), Position("", 1)))
