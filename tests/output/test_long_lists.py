"""Text shows the first of many names, and the beginning of a long one; JSON has all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from passrole_checks.cli import main

ROLE = "arn:aws:iam::111122223333:role/"


def write(folder: Path, roles: list[str], users: int = 1) -> Path:
    folder.mkdir()
    statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": roles}
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "pass",
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "Users": [f"user{number}" for number in range(users)],
        },
    }
    (folder / "template.json").write_text(json.dumps({"Resources": {"Policy": policy}}), "utf-8")
    return folder


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main([*arguments, "--severity", "info"] if arguments[0] == "scan" else list(arguments))
    return capsys.readouterr().out


def test_change_shows_the_first_of_many_roles_and_principals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roles = [f"{ROLE}r{number:04}" for number in range(400)]
    old, new = write(tmp_path / "old", roles[:200], 300), write(tmp_path / "new", roles, 300)
    text = output(capsys, "diff", str(old), str(new))
    assert len(text.splitlines()) < 60 and "user299" not in text and "250 more" in text
    text = output(capsys, "diff", str(old), str(new), "--format", "json")
    assert all(role in text for role in roles) and "user299" in text


@pytest.mark.slow
def test_grants_show_the_first_of_many_roles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roles = [f"{ROLE}r{number:04}" for number in range(400)]
    folder = write(tmp_path / "new", roles, 300)
    text = output(capsys, "grants", str(folder))
    assert roles[49] in text and roles[50] not in text and "350 more" in text and "250 more" in text
    text = output(capsys, "grants", str(folder), "--format", "json")
    assert all(role in text for role in roles)


def test_fifty_roles_are_all_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roles = [f"{ROLE}r{number:04}" for number in range(50)]
    text = output(capsys, "grants", str(write(tmp_path / "new", roles)))
    assert all(role in text for role in roles) and "more" not in text


@pytest.mark.parametrize("command", ["grants", "scan"])
def test_long_role_is_truncated(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    folder = write(tmp_path / "new", [ROLE + "a" * 50_000])
    assert len(output(capsys, command, str(folder))) < 5_000
