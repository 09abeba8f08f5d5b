"""Known service principals.

``tools.aws_facts`` writes the list (``service_principals.json``): the principals in iam-floyd, those in
``iam:PassedToService`` of AWS managed policies, and a list maintained by hand from trust policies in AWS's guides, the
AWS CDK and Pulumi's examples, without placeholders such as ``someservice.amazonaws.com``. AWS publishes no complete
list: a missing principal is unknown, not invalid.
"""

from __future__ import annotations

from functools import cache

from passrole_checks.aws.data_files import read_json


@cache
def known_services(partition: str = "aws") -> frozenset[str]:
    """Return the known service principals of a partition.

    Nearly every service is called ``name.amazonaws.com`` in every partition. In ``aws-cn`` a few also have a
    ``.amazonaws.com.cn`` name, and both occur in requests: an EC2 launch sends ``ec2.amazonaws.com.cn`` while
    ``AddRoleToInstanceProfile`` sends ``ec2.amazonaws.com`` (aws/karpenter-provider-aws#6843). The others are
    ``application-autoscaling`` (AWS managed policy AmazonDynamoDBFullAccess), ``elasticmapreduce``
    (AmazonElasticMapReduceFullAccess), and the regional names of ``codedeploy`` and ``logs`` (``region-info`` of the
    AWS CDK). Other partitions have the principals of ``aws``.
    """
    lists: dict[str, list[str]] = read_json("service_principals.json")
    return frozenset(lists["aws"]).union(lists["aws-cn"] if partition == "aws-cn" else ())
