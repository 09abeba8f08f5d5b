"""As many checks as ours, of the same resources, which pass whatever they are asked about."""

from __future__ import annotations

from typing import Any

from checkov.cloudformation.checks.resource.base_resource_check import BaseResourceCheck as CloudFormationCheck
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck as TerraformCheck

from passrole_checks.checks import ALL
from passrole_checks.findings import Severity
from passrole_checks.scan.for_hosts.host_results import TEMPLATE_TYPES, TERRAFORM_TYPES


class _IdleOnTerraform(TerraformCheck):
    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        return CheckResult.PASSED


class _IdleOnTemplates(CloudFormationCheck):
    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        return CheckResult.PASSED


for _check in ALL:
    if _check.severity is not Severity.INFO:  # which checkov does not get by default
        _IdleOnTerraform(_check.title, f"IDLE_{_check.id}", [CheckCategories.IAM], TERRAFORM_TYPES)
        _IdleOnTemplates(_check.title, f"IDLE_{_check.id}", [CheckCategories.IAM], TEMPLATE_TYPES)
