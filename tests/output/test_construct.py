"""The AWS CDK construct of a resource, in all outputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from passrole_checks.cli import main
from passrole_checks.scan.for_hosts import host_results

TEMPLATE = {
    "Resources": {
        "DeployRoleDefaultPolicy12AB": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Metadata": {"aws:cdk:path": "Stack/DeployRole/DefaultPolicy/Resource"},
            "Properties": {"PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}},
        },
        "Plain": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}},
        },
    }
}
CONSTRUCT = "Stack/DeployRole/DefaultPolicy"


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("stack.template.json").write_text(json.dumps(TEMPLATE, indent=1), encoding="utf-8")
    return "stack.template.json"


@pytest.mark.parametrize("command", ["scan", "grants"])
def test_text_shows_the_construct(template: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Text shows the construct beside the logical id, and nothing without one."""
    main([command, template])
    shown = capsys.readouterr().out
    assert f"  DeployRoleDefaultPolicy12AB ({CONSTRUCT})\n" in shown
    assert "  Plain\n" in shown


@pytest.mark.parametrize(("command", "key"), [("scan", "findings"), ("grants", "grants")])
def test_json_has_the_construct(template: str, command: str, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has the construct, null without one."""
    main([command, template, "--format", "json"])
    found = {entry["resource"]: entry["construct"] for entry in json.loads(capsys.readouterr().out)[key]}
    assert found == {"DeployRoleDefaultPolicy12AB": CONSTRUCT, "Plain": None}


def test_hosts_name_the_construct(template: str) -> None:
    """The message in another tool ends with the construct."""
    words = {
        finding.resource.address: host_results.one_line(finding)
        for finding in host_results.scan_for_host(template).of("PASSROLE_001")
    }
    assert words["DeployRoleDefaultPolicy12AB"].endswith(f" Construct: {CONSTRUCT}.")
    assert "Construct" not in words["Plain"]
