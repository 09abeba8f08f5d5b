"""Lists and notes of messages: what matters most is said, and nothing that is always true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_runs import run_command

from passrole_checks.escaping.shorten import cut_at_word

BUILD = {"Service": "codebuild.amazonaws.com"}


def template(resources: dict[str, Any], **sections: Any) -> str:
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", **sections, "Resources": resources}, indent=1)


def role(*statements: dict[str, Any], **properties: Any) -> dict[str, Any]:
    trust = {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": BUILD}}
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    policies = [{"PolicyName": "p", "PolicyDocument": document}]
    properties = {"AssumeRolePolicyDocument": trust, "Policies": policies, **properties}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def messages(folder: Path, text: str) -> dict[str, str]:
    (folder / "t.json").write_text(text, encoding="utf-8")
    done = run_command("scan", "t.json", "--severity", "low", "--format", "json", cwd=folder)
    return {one["check_id"]: one["message"] for one in json.loads(done.stdout)["findings"]}


def test_own_role_is_first_in_a_list(tmp_path: Path) -> None:
    """Of four roles the principal's own one is named, although it is the last."""
    names = ["a-*", "b-*", "c-*", "deployer"]
    actions = ["iam:PassRole", "iam:PutRolePolicy", "ec2:RunInstances"]
    arns = [f"arn:aws:iam::111122223333:role/{name}" for name in names]
    statements = [
        {"Effect": "Allow", "Action": actions[:2], "Resource": arns},
        {"Effect": "Allow", "Action": actions[2], "Resource": "*"},
    ]
    found = messages(tmp_path, template({"Deployer": role(*statements, RoleName="deployer")}))
    for check in ("PASSROLE_008", "PASSROLE_016"):
        assert found[check].index("role/deployer") < found[check].find("role/a-") % len(found[check]), check


@pytest.mark.parametrize("is_opposite_flagged", [True, False])
def test_a_finding_in_every_case_names_no_condition(tmp_path: Path, is_opposite_flagged: bool) -> None:
    """If the variants of a condition and of its opposite are flagged alike, the message says neither."""
    arns = [f"arn:aws:iam::111122223333:role/{name * 20}-*" for name in ("app", "task")]
    others = [arn.replace("aws", "aws-us-gov") for arn in arns] if is_opposite_flagged else "arn:aws:s3:::bucket"
    resource = {"Fn::If": ["Gov", others, arns]}
    gov = {"Gov": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-gov-west-1"]}}
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": resource}
    said = messages(tmp_path, template({"Deployer": role(statement)}, Conditions=gov))["PASSROLE_002"]
    assert "Also flagged" not in said
    assert ("Applies when" in said) is not is_opposite_flagged


def test_a_text_is_cut_after_a_word_and_not_within_code() -> None:
    """Backticks stay in pairs, and a single long word is cut anywhere."""
    assert cut_at_word("one two three", 13) == "one two three"
    assert cut_at_word("one two three", 12) == "one two…"
    assert cut_at_word("a word `of code` more", 17) == "a word `of code`…"
    assert cut_at_word("a long word, `of code` more", 18) == "a long word…"
    assert cut_at_word("abcdefghij", 5) == "abcd…"


def test_the_published_path_stays_in_one_line(tmp_path: Path) -> None:
    """A line for a finding beside another one names the path that its message begins with."""
    actions = ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction", "cloudformation:CreateStack"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    (tmp_path / "t.json").write_text(template({"Deployer": role(statement)}), encoding="utf-8")
    lines = run_command("scan", "t.json", cwd=tmp_path).stdout.splitlines()
    (line,) = (one for one in lines if "+ PASSROLE_008" in one)
    assert line.endswith("(path lambda-001)") and line.count("`") % 2 == 0
