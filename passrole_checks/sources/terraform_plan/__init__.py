"""Terraform plans and states as JSON (``terraform show -json``).

Source: Terraform documentation, "JSON Output Format".
"""

from passrole_checks.sources.terraform_plan.source import PlanVersion, load, load_version

__all__ = ["PlanVersion", "load", "load_version"]
