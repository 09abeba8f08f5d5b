"""SAM's policy templates, as the data has them."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from passrole_checks.aws import sam_policy_templates
from passrole_checks.aws.sam_policy_templates import generate, policy_templates, version

DATA = Path(sam_policy_templates.__file__).with_name("sam_policy_templates.json")


def test_templates_of_the_guide() -> None:
    """Templates that the SAM Developer Guide lists are known, with the parameters that it names for them."""
    known = {name: set(policy_templates()[name].parameters) for name in ("SQSPollerPolicy", "EKSDescribePolicy")}
    assert known == {"SQSPollerPolicy": {"QueueName"}, "EKSDescribePolicy": set()}
    assert len(policy_templates()) > 75


def test_every_template_has_statements_and_uses_its_parameters() -> None:
    """A policy template is a document with statements, and each of its parameters stands somewhere in it."""
    for template in policy_templates().values():
        assert template.definition["Statement"], template.name
        for parameter in template.parameters:
            assert f"{{'Ref': '{parameter}'}}" in repr(template.definition), template.name


def test_the_notice_names_the_release() -> None:
    """NOTICE has the copyright, the license and the release of the data."""
    notice = DATA.with_name("NOTICE").read_text(encoding="utf-8")
    assert f"aws-sam-translator {version()}" in notice
    assert "Apache License, Version 2.0" in notice and "Copyright" in notice


def test_data_matches_the_installed_package() -> None:
    """If the release of the data is installed, it generates the same data."""
    pytest.importorskip("samtranslator")
    if importlib.metadata.version("aws-sam-translator") != version():
        pytest.skip("another release of aws-sam-translator")
    assert generate() == DATA.read_text(encoding="utf-8")
