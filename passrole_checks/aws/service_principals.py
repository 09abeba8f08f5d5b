"""The service principals that are known.

The list (``service_principals.json``) is written by ``tools.aws_facts``: the principals that
iam-floyd lists, those in ``iam:PassedToService`` of AWS managed policies, and those of a list kept by hand from trust
policies in AWS's guides, the AWS CDK and Pulumi's examples, without placeholders such as
``someservice.amazonaws.com``. AWS publishes no complete list: what is missing here is not wrong, only not known.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources


@cache
def _lists() -> dict[str, list[str]]:
    data = resources.files("passrole_checks.aws").joinpath("service_principals.json").read_text(encoding="utf-8")
    lists: dict[str, list[str]] = json.loads(data)
    return lists


@cache
def known_services(partition: str = "aws") -> frozenset[str]:
    """The service principals that are known in a partition.

    Nearly every service is called ``name.amazonaws.com`` in every partition. In ``aws-cn`` a few have a
    ``.amazonaws.com.cn`` name besides, and both can be sent: an EC2 launch sends ``ec2.amazonaws.com.cn`` while
    ``AddRoleToInstanceProfile`` sends ``ec2.amazonaws.com`` (aws/karpenter-provider-aws#6843). The others are
    ``application-autoscaling`` (AWS managed policy AmazonDynamoDBFullAccess), ``elasticmapreduce``
    (AmazonElasticMapReduceFullAccess), and the regional names of ``codedeploy`` and ``logs`` (``region-info`` of the
    AWS CDK). For every other partition the answer is that of ``aws``.
    """
    lists = _lists()
    return frozenset(lists["aws"]).union(lists["aws-cn"] if partition == "aws-cn" else ())
