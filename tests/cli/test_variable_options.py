"""The options ``--var-file`` and ``--var``: their effect, and errors in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from passrole_checks.cli import main

ROOT = """\
variable "role" {
  default = "*"
}
resource "aws_iam_role_policy" "deploy" {
  role = "deployer"
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = ["iam:GetRole", "iam:PassRole"], Resource = var.role }]
  })
}
"""
EXACT = "arn:aws:iam::111122223333:role/app"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a working directory with one root module."""
    monkeypatch.chdir(tmp_path)
    Path("root").mkdir()
    Path("root/main.tf").write_text(ROOT)
    return tmp_path


def messages_by_check(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    """Return the messages of a scan of the root module, by check."""
    main(["scan", "--format", "json", "root", *arguments])
    return {item["check_id"]: item["message"] for item in json.loads(capsys.readouterr().out)["findings"]}


def test_message_names_a_default_but_not_a_given_value(capsys: pytest.CaptureFixture[str]) -> None:
    """The finding mentions the default only if the value is one."""
    assert "Using the default of `var.role`" in messages_by_check(capsys)["PASSROLE_001"]
    assert "Using the default" not in messages_by_check(capsys, "--var", "role=*")["PASSROLE_001"]


def test_values_change_the_findings(capsys: pytest.CaptureFixture[str]) -> None:
    """A given role, from a file or an option, replaces the default; the option takes precedence."""
    Path("prod.tfvars").write_text(f'role = "{EXACT}"\n')
    assert list(messages_by_check(capsys, "--var-file", "prod.tfvars")) == ["PASSROLE_002"]
    assert list(messages_by_check(capsys, "--var", f"role={EXACT}")) == ["PASSROLE_002"]
    assert list(messages_by_check(capsys, "--var", "role=*", "--var-file", "prod.tfvars")) == ["PASSROLE_001"]


def test_grants_accepts_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """The inventory names the given role."""
    assert main(["grants", "--format", "json", "root", "--var", f"role={EXACT}"]) == 0
    (grant,) = json.loads(capsys.readouterr().out)["grants"]
    assert [role["pattern"] for role in grant["roles"]] == [EXACT]


def test_configuration_sets_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """``var_file`` and ``var`` in pyproject.toml; the same option on the command line takes precedence."""
    Path("prod.tfvars").write_text(f'role = "{EXACT}"\n')
    Path("pyproject.toml").write_text('[tool.passrole_checks]\nvar_file = "prod.tfvars"\n')
    assert list(messages_by_check(capsys)) == ["PASSROLE_002"]
    Path("pyproject.toml").write_text('[tool.passrole_checks]\nvar_file = "prod.tfvars"\nvar = ["role=*"]\n')
    assert list(messages_by_check(capsys)) == ["PASSROLE_001"]
    assert list(messages_by_check(capsys, "--var", f"role={EXACT}")) == ["PASSROLE_002"]


@pytest.mark.parametrize("value", ["role", "=x", "", "a b=x", "1=x"])
def test_value_without_a_name_is_an_error(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on standard error, status 2, and nothing is scanned."""
    assert main(["scan", "root", "--var", value]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "is not NAME=VALUE" in captured.err


@pytest.mark.parametrize(
    ("content", "start"),
    [
        (None, "given.tfvars: variable file not found"),
        (b"role = = 1\n", "given.tfvars:1: "),
        (b"\nrole = var.x\n", "given.tfvars:2: role: "),
        (b"\xff", "given.tfvars:1: not UTF-8 text"),
    ],
)
def test_unreadable_value_file_is_one_line(
    content: bytes | None, start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line starts with the file, status 2, and the rest is scanned, also without Terraform."""
    if content is not None:
        Path("given.tfvars").write_bytes(content)
    assert main(["scan", "root", "--var-file", "given.tfvars"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(start)
    assert error.count("\n") == 1
    Path("template.yaml").write_text("Resources:\n  Q:\n    Type: AWS::SQS::Queue\n")
    assert main(["scan", "template.yaml", "--var-file", "given.tfvars"]) == 2
    assert capsys.readouterr().err.startswith(start)


def test_folder_as_value_file_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder cannot be opened, which is one line."""
    assert main(["scan", "root", "--var-file", "root"]) == 2
    assert capsys.readouterr().err.startswith("root: cannot be opened")


def test_invalid_expression_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """If the variable's type requires an expression, an invalid one is named with the variable."""
    Path("root/main.tf").write_text(ROOT.replace("default =", "type = list(string)\n  default ="))
    assert main(["scan", "root", "--var", "role=[x"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("--var role: '[x' is not an HCL expression")
    assert error.count("\n") == 1


def test_undeclared_variable_is_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    """It is one note for any number of roots, and no failure."""
    for name in ("one", "two"):
        Path(name).mkdir()
        Path(name, "main.tf").write_text('variable "a" {}\n')
    Path("given.tfvars").write_text('\nslip = 1\nrole = "x"\n')
    assert main(["scan", "one", "two", "--var-file", "given.tfvars", "--var", "a=1", "--var", "slop=1"]) == 0
    output = capsys.readouterr().out
    assert output.count("declares the variable slip") == 1
    assert "given.tfvars:2: note: " in output
    assert "given.tfvars:3: note: " in output
    assert output.count("--var slop: note: ") == 1
    assert "variable a," not in output
    assert main(["scan", "one", "root", "--var-file", "given.tfvars", "--fail-on", "never"]) == 0
    assert "given.tfvars:3" not in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--var-file", "--baseline", "--source"])
def test_link_to_a_file_outside_of_the_repository_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pull request could replace a file that the pipeline names by a link."""
    Path("outside").write_text('role = "arn:aws:iam::111122223333:role/secret"\n')
    Path("root/.git").mkdir()
    Path("root/named").symlink_to(tmp_path / "outside")
    status = main(["scan", "root", option, "root/named"])
    printed = capsys.readouterr()
    assert status == 2 and printed.err.startswith("root/named: ")
    assert "secret" not in printed.out + printed.err
