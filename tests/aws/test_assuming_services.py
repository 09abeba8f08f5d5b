"""Service principals that assume passed roles."""

from __future__ import annotations

import pytest

from passrole_checks.aws.assuming_services import assuming_principals


@pytest.mark.parametrize(
    ("service", "trusted"),
    [
        ("lambda", ["lambda", "network-connectors.lambda"]),
        ("ec2", ["ec2"]),
        ("ecs-tasks", ["ecs-tasks"]),
        ("ecs", ["ecs"]),
        ("cloudformation", ["cloudformation"]),
        ("codebuild", ["codebuild"]),
        ("codepipeline", ["codepipeline"]),
        ("batch", ["batch"]),
        ("datapipeline", ["datapipeline"]),
        ("cognito-identity", ["cognito-identity"]),
        ("es", ["es", "opensearchservice"]),
        ("aps", ["scraper.aps"]),
        ("deadline", ["credentials.deadline"]),
        ("cloudtrail", ["cloudtrail", "lakeformation"]),
        ("vpc-flow-logs", ["vpc-flow-logs"]),
        ("elasticmapreduce", ["elasticmapreduce"]),
        ("application-autoscaling", ["application-autoscaling"]),
        ("iot", ["credentials.iot", "iot"]),
        ("airflow", ["airflow", "airflow-env"]),
        ("apprunner", ["build.apprunner", "tasks.apprunner"]),
        ("bullet", ["build.apprunner", "tasks.apprunner"]),
        ("rds", ["directoryservice.rds", "monitoring.rds", "rds"]),
        ("monitoring.rds", ["monitoring.rds"]),
        ("synthetics", ["lambda"]),
        ("gamelift", ["gamelift"]),
        ("eks", ["capabilities.eks", "ec2", "eks", "eks-fargate-pods", "pods.eks"]),
    ],
)
def test_assuming_principals_of_a_service(service: str, trusted: list[str]) -> None:
    """Not those that are merely in the same list."""
    assert assuming_principals()[f"{service}.amazonaws.com"] == {f"{name}.amazonaws.com" for name in trusted}
