"""Service names in the ARNs of resource types."""

from __future__ import annotations

_SERVICES = {
    "accessanalyzer": "access-analyzer", "acm": "acm", "alb": "elasticloadbalancing", "ami": "ec2",
    "api_gateway": "apigateway", "apigatewayv2": "apigateway", "apprunner": "apprunner", "appsync": "appsync",
    "athena": "athena", "autoscaling": "autoscaling", "backup": "backup", "batch": "batch", "bedrock": "bedrock",
    "cloudformation": "cloudformation", "cloudfront": "cloudfront", "cloudtrail": "cloudtrail",
    "cloudwatch_event": "events", "cloudwatch_log": "logs", "cloudwatch_metric": "cloudwatch",
    "codeartifact": "codeartifact", "codebuild": "codebuild", "codecommit": "codecommit", "codedeploy": "codedeploy",
    "codepipeline": "codepipeline", "cognito_identity": "cognito-identity", "cognito_user": "cognito-idp",
    "db": "rds", "docdb": "rds", "dynamodb": "dynamodb", "ebs": "ec2", "ecr": "ecr", "ecs": "ecs",
    "efs": "elasticfilesystem", "eip": "ec2", "eks": "eks", "elasticache": "elasticache",
    "elasticsearch": "es", "glue": "glue", "guardduty": "guardduty", "imagebuilder": "imagebuilder", "instance": "ec2",
    "kinesis": "kinesis", "kinesis_firehose": "firehose", "kinesisanalyticsv2": "kinesisanalytics", "kms": "kms",
    "lambda": "lambda", "launch_template": "ec2", "lb": "elasticloadbalancing", "mq": "mq", "msk": "kafka",
    "neptune": "rds", "network_interface": "ec2", "opensearch": "es", "organizations": "organizations",
    "pipes": "pipes", "rds": "rds", "redshift": "redshift", "route53": "route53", "s3": "s3", "sagemaker": "sagemaker",
    "scheduler": "scheduler", "secretsmanager": "secretsmanager", "security_group": "ec2",
    "servicecatalog": "servicecatalog", "ses": "ses", "sesv2": "ses", "sfn": "states", "sns": "sns", "sqs": "sqs",
    "ssm": "ssm", "ssoadmin": "sso", "subnet": "ec2", "transfer": "transfer", "vpc": "ec2", "wafv2": "wafv2",
    "workspaces": "workspaces", "xray": "xray",
}  # fmt: skip


def service_of(type_: str) -> str | None:
    """Return the service in the ARNs of a resource type (``aws_cloudwatch_log_group``: ``logs``); None if unknown."""
    parts = type_.removeprefix("aws_").split("_") if type_.startswith("aws_") else []
    for length in (3, 2, 1):
        service = _SERVICES.get("_".join(parts[:length])) if parts else None
        if service is not None:
            return service
    return None
