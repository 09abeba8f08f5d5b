"""Attributes, names, paths and ARNs of IAM entities in a configuration.

Forms of ARNs: Service Authorization Reference, "Resource types defined by AWS Identity and Access Management".
"""

from __future__ import annotations

from passrole_checks.iam.values.nodes import Node, Part, StringNode, Unresolved, UnresolvedKind, join, unresolved
from passrole_checks.sources.collect.terraform_tables import ENTITIES, Entity
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import Reference, is_null, limit_size
from passrole_checks.sources.terraform.reading.syntax import Block

ACCOUNT = Unresolved("account id", UnresolvedKind.ACCOUNT_ID)
PARTITION = Unresolved("partition", UnresolvedKind.PARTITION)
# services in the ARNs of resource types, by the words after the provider
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


def value_of(block: Block, name: str, scope: EvaluationScope) -> Node | None:
    """Return the value of an attribute; None if the block does not set it, or sets it to null."""
    attribute = block.body.get(name)
    if attribute is None:
        return None
    value = limit_size(evaluate(attribute.value, scope.in_source(attribute.source)), name)
    return None if is_null(value) else value


def entity_name(block: Block, scope: EvaluationScope) -> StringNode | None:
    """Return the name of an IAM entity; None if AWS or Terraform generates it."""
    value = value_of(block, ENTITIES.get(block.labels[0], Entity("")).name, scope)
    if value is not None:
        return value if isinstance(value, StringNode) else None
    prefix = value_of(block, "name_prefix", scope)
    if isinstance(prefix, StringNode):
        return StringNode(
            join((*prefix.parts, Unresolved("generated", UnresolvedKind.NAME))), prefix.at, defaults=prefix.defaults
        )
    return None


def entity_path(block: Block, scope: EvaluationScope) -> StringNode | None:
    """Return the path of an IAM entity; None for the default ``/``."""
    value = value_of(block, "path", scope)
    if isinstance(value, StringNode):
        return value
    return unresolved("path", value.at) if value is not None else None


def iam_arn(kind: str, *rest: Part) -> tuple[Part, ...]:
    """Return the ARN of an IAM entity: ``arn:PARTITION:iam::ACCOUNT:KIND``, followed by ``rest`` (path and name)."""
    return join(["arn:", PARTITION, ":iam::", ACCOUNT, f":{kind}", *rest])


def service_arn(type_: str, expression: str) -> tuple[Part, ...] | None:
    """Return the known prefix of the ARN of a resource type, up to its service; None if the service is unknown."""
    provider, *words = type_.replace("awscc_", "aws_", 1).split("_")
    names = ("_".join(words[:length]) for length in (3, 2, 1)) if provider == "aws" else ()
    service = next((_SERVICES[name] for name in names if name in _SERVICES), None)
    return ("arn:", PARTITION, f":{service}:", Unresolved(expression)) if service is not None else None


def text_of(value: Reference) -> str:
    """Return the source text of a reference: its block, and the attribute if it has one."""
    return value.unresolved_parts[0].expression
