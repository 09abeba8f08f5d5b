"""The list of known service principals."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from passrole_checks.aws.service_principals import known_services

# IAM.md section 5: values of iam:PassedToService that the Service Authorization Reference documents.
DOCUMENTED = [
    "states",
    "events",
    "scheduler",
    "ec2",
    "autoscaling",
    "ecs-tasks",
    "ecs",
    "elasticmapreduce",
    "application-autoscaling",
    "eks",
    "cloudformation",
    "codebuild",
    "codepipeline",
    "iot",
    "dms",
    "airflow",
    "lambda",
]


@pytest.mark.parametrize("service", [*DOCUMENTED, "monitoring.rds"])
def test_documented_values_are_known(service: str) -> None:
    """AWS's documented values of iam:PassedToService are known."""
    assert f"{service}.amazonaws.com" in known_services()


def test_every_name_is_a_service_principal_of_the_standard_partition() -> None:
    """In `aws` every name is in lower case and ends in .amazonaws.com."""
    form = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)*\.amazonaws\.com")
    assert [name for name in known_services() if not form.fullmatch(name)] == []
    assert len(known_services()) > 250


def test_placeholders_are_left_out() -> None:
    """Placeholders for a service in examples are not included."""
    assert not known_services() & {f"{name}.amazonaws.com" for name in ("service", "someservice", "beep-boop")}


def test_china_has_both_names_of_a_few_services() -> None:
    """In `aws-cn` some services have a .amazonaws.com.cn name besides their .amazonaws.com one."""
    china = known_services("aws-cn")
    assert {"ec2.amazonaws.com", "ec2.amazonaws.com.cn", "elasticmapreduce.amazonaws.com.cn"} <= china
    assert "lambda.amazonaws.com.cn" not in china
    assert known_services() < china


@pytest.mark.parametrize("partition", ["aws-us-gov", "aws-iso", "somewhere"])
def test_other_partitions_answer_as_the_standard_one(partition: str) -> None:
    """A partition without names of its own has those of `aws`."""
    assert known_services(partition) == known_services("aws")


def test_data_is_loaded_lazily() -> None:
    """Importing the loader reads no data."""
    code = "import passrole_checks.aws.service_principals as s; print(s.known_services.cache_info().currsize)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"
