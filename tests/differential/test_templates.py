"""The same cases as CloudFormation templates, scanned as anybody's: what the reports list as a grant is one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random

from second_opinion.cases import ACCOUNT, Case, Json, case
from second_opinion.corrections import corrected
from second_opinion.simulator import Simulator

from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import scan_paths

CASES = 150
OPTIONS = ScanOptions(account=ACCOUNT)


def template(one: Case) -> Json:
    """A user with the policies of a case and its permissions boundary."""
    user: Json = {"Policies": [{"PolicyName": f"p{i}", "PolicyDocument": one} for i, one in enumerate(one.identity)]}
    resources: Json = {"Deployer": {"Type": "AWS::IAM::User", "Properties": user}}
    if one.boundary is not None:
        boundary = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": one.boundary}}
        resources["Boundary"] = boundary
        user["PermissionsBoundary"] = {"Ref": "Boundary"}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


def test_templates(simulator: Simulator, tmp_path: Path) -> None:
    """Where one request of a principal is allowed, a grant of its policies is listed; where none is listed, none is
    allowed."""
    cases = {}
    for seed in range(CASES):
        one = replace(case(Random(seed)), control=())
        plain = tuple(request for request in one.requests if "?" not in request.role)  # as sets of roles have them
        cases[f"{seed}.json"] = replace(one, requests=plain)
        (tmp_path / f"{seed}.json").write_text(json.dumps(template(one)), encoding="utf-8")
    result = scan_paths([tmp_path], OPTIONS)
    assert not result.unreadable
    listed = {
        Path(grant.resource.at.file).name
        for grant in result.grants
        if grant.effect_on_passrole == "allow" and grant.resource.address == "Deployer"
    }
    missed = [
        (name, request)
        for name, one in cases.items()
        if name not in listed
        for request, answer in zip(one.requests, simulator.ask([one])[0], strict=True)
        if answer == "Allowed" and simulator.ask([corrected(replace(one, requests=(request,)))]) == [["Allowed"]]
    ]
    assert not missed
    assert CASES // 4 < len(listed) < CASES  # both happens often enough to say something
