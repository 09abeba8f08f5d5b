"""Services that do their own work with a role, and roles that only such services can assume."""

from __future__ import annotations

import pytest

from passrole_checks.access.service_trust import works_for_callers


@pytest.mark.parametrize(
    "service",
    [
        "assets.marketplace.amazonaws.com",
        "resource-snapshot-job.partnercentral-selling.amazonaws.com",
        "application-autoscaling.amazonaws.com*",
        "dms.*.amazonaws.com",
    ],
)
def test_own_work(service: str) -> None:
    """Marketplace, Partner Central and AWS's patterns for Regions and suffixes."""
    assert not works_for_callers(service)


@pytest.mark.parametrize(
    "service",
    [
        "partnercentral-account-management.amazonaws.com",
        "agent.wellarchitected.amazonaws.com",
        "servicecatalog.amazonaws.com",
        "elasticbeanstalk.amazonaws.com",
        "dax.amazonaws.com",
        "es.amazonaws.com",
        "opensearchservice.amazonaws.com",
        "ec2.amazonaws.com*",
        "ec2.*",
        "s3*.amazonaws.com",
        "*.amazonaws.com",
        "*",
    ],
)
def test_work_for_callers(service: str) -> None:
    """Services that give roles to people, deploy or send what callers write, and wider patterns.

    Elastic Beanstalk Developer Guide, "Adding and customizing Elastic Beanstalk environment resources".
    """
    assert works_for_callers(service)
