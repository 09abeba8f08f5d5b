"""SCPs that are attached to the account that runs the configuration.

Only the management account (or a delegated administrator) attaches SCPs, and they do not restrict its principals. AWS
Organizations User Guide, "Service control policies (SCPs)": "SCPs affect only member accounts in the organization. They
have no effect on users or roles in the management account."
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from passrole_checks.findings import Finding
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import scan_paths

DENY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:PassRole", "Resource": "DENIED"}]}
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}
CALLER = "data.aws_caller_identity.current.account_id"
TERRAFORM = f"""\
data "aws_caller_identity" "current" {{}}
resource "aws_organizations_policy" "deny" {{
  name    = "deny"
  content = jsonencode({json.dumps(DENY)})
}}
resource "aws_organizations_policy_attachment" "deny" {{
  policy_id = aws_organizations_policy.deny.id
  target_id = TARGET
}}
resource "aws_iam_user_policy" "p" {{
  user   = "dev"
  policy = jsonencode({json.dumps(ALLOW)})
}}
"""
TEMPLATE = f"""\
Resources:
  Deny:
    Type: AWS::Organizations::Policy
    Properties: {{Name: deny, Type: SERVICE_CONTROL_POLICY, TargetIds: [TARGET], Content: {json.dumps(DENY)}}}
  P: {{Type: AWS::IAM::UserPolicy, Properties: {{UserName: dev, PolicyDocument: {json.dumps(ALLOW)}}}}}
"""


def findings_of(
    tmp_path: Path, name: str, content: str, account: str | None = None
) -> tuple[tuple[Finding, ...], list[str]]:
    """Return the findings of a file, and the effects of the statements in its inventory."""
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    result = scan_paths([path], ScanOptions(account=account))
    return result.findings, [located.effect_on_passrole for located in result.grants]


def plan(provider: str) -> str:
    """Return a plan of the configuration above, with the account known."""
    provided = {"provider_config_key": provider}
    content = {"name": "deny", "content": json.dumps(DENY), "type": "SERVICE_CONTROL_POLICY", "id": "p-1"}
    attached = {"policy_id": "p-1", "target_id": "111122223333"}
    resources = [
        ("aws_organizations_policy", "deny", content, {}),
        ("aws_organizations_policy_attachment", "deny", attached, {"target_id": {"references": [CALLER]}}),
        ("aws_iam_user_policy", "p", {"user": "dev", "policy": json.dumps(ALLOW)}, {}),
    ]
    caller = {"address": "data.aws_caller_identity.current", "mode": "data", "type": "aws_caller_identity"}
    changes = [
        {"address": f"{kind}.{name}", "mode": "managed", "type": kind, "name": name,
         "change": {"actions": ["create"], "before": None, "after": after, "after_unknown": {}}}
        for kind, name, after, _ in resources
    ]  # fmt: skip
    written = [
        {"address": f"{kind}.{name}", "mode": "managed", "type": kind, "name": name, "expressions": expressions,
         **(provided if "attachment" in kind else {"provider_config_key": "aws"})}
        for kind, name, _, expressions in resources
    ]  # fmt: skip
    return json.dumps(
        {
            "format_version": "1.2",
            "terraform_version": "1.9.0",
            "planned_values": {"root_module": {}},
            "prior_state": {
                "format_version": "1.0",
                "values": {"root_module": {"resources": [
                    {**caller, "name": "current", "values": {"account_id": "111122223333"}}]}},
            },
            "resource_changes": changes,
            "configuration": {"root_module": {"resources": [
                *written, {**caller, "name": "current", "provider_config_key": "aws"}]}},
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("main.tf", TERRAFORM.replace("TARGET", CALLER).replace("DENIED", "*")),
        ("main.tf", TERRAFORM.replace("TARGET", CALLER).replace("DENIED", "arn:aws:iam::111122223333:role/admin")),
        ("t.yaml", TEMPLATE.replace("TARGET", "!Ref AWS::AccountId").replace("DENIED", "*")),
        ("plan.json", plan("aws").replace("DENIED", "*")),
    ],
    ids=["terraform", "one role", "cloudformation", "plan"],
)
def test_scp_at_the_own_account_denies_nothing(name: str, content: str, tmp_path: Path) -> None:
    """The grant is reported, with the reason why the SCP does not deny it; the SCP has no effect in the inventory."""
    findings, effects = findings_of(tmp_path, name, content)
    (finding,) = [finding for finding in findings if finding.check_id == "PASSROLE_001"]
    assert "SCPs do not restrict the management account" in finding.message
    assert sorted(effects) == ["allow", "none"]


@pytest.mark.parametrize(
    ("name", "content", "account"),
    [
        ("main.tf", TERRAFORM.replace("TARGET", '"111122223333"'), "111122223333"),
        ("main.tf", TERRAFORM.replace("TARGET", f"{CALLER}\n  provider = aws.organization"), None),
        ("t.yaml", TEMPLATE.replace("TARGET", '"111122223333"'), "111122223333"),
        ("plan.json", plan("aws.organization"), None),
    ],
    ids=["literal", "provider", "cloudformation", "plan"],
)
def test_scp_at_a_member_account_denies(name: str, content: str, account: str | None, tmp_path: Path) -> None:
    """A literal account, and an attachment by another provider, are those of a member account."""
    findings, effects = findings_of(tmp_path, name, content.replace("DENIED", "*"), account)
    assert not findings and sorted(effects) == ["deny", "none"]


def test_scp_that_denies_something_else_is_not_named(tmp_path: Path) -> None:
    """The message names only an SCP that would have denied the grant."""
    content = TERRAFORM.replace("TARGET", CALLER).replace("iam:PassRole", "s3:*", 1)
    (finding,), _ = findings_of(tmp_path, "main.tf", content.replace("DENIED", "*"))
    assert "SCP" not in finding.message
