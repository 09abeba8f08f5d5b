"""The command line's ``--var-file`` and ``--var``: what they change, and what is said of a mistake in them."""

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
    """A working directory with one root module."""
    monkeypatch.chdir(tmp_path)
    Path("root").mkdir()
    Path("root/main.tf").write_text(ROOT)
    return tmp_path


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    """The messages of a scan of the root, by check."""
    main(["scan", "--format", "json", "root", *arguments])
    return {item["check_id"]: item["message"] for item in json.loads(capsys.readouterr().out)["findings"]}


def test_a_default_is_called_one_and_a_given_value_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    """The finding says "By default" where the value came from a default only."""
    assert "By default (var.role)" in found(capsys)["PASSROLE_001"]
    assert "By default" not in found(capsys, "--var", "role=*")["PASSROLE_001"]


def test_values_change_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    """A role that is given, by a file or alone, is judged in place of the default; the single value wins."""
    Path("prod.tfvars").write_text(f'role = "{EXACT}"\n')
    assert list(found(capsys, "--var-file", "prod.tfvars")) == ["PASSROLE_002"]
    assert list(found(capsys, "--var", f"role={EXACT}")) == ["PASSROLE_002"]
    assert list(found(capsys, "--var", "role=*", "--var-file", "prod.tfvars")) == ["PASSROLE_001"]


def test_grants_takes_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    """The inventory names the role that was given."""
    assert main(["grants", "--format", "json", "root", "--var", f"role={EXACT}"]) == 0
    (grant,) = json.loads(capsys.readouterr().out)["grants"]
    assert [role["pattern"] for role in grant["roles"]] == [EXACT]


def test_the_configuration_gives_values(capsys: pytest.CaptureFixture[str]) -> None:
    """``var_file`` and ``var`` in pyproject.toml; the same option on the command line comes first."""
    Path("prod.tfvars").write_text(f'role = "{EXACT}"\n')
    Path("pyproject.toml").write_text('[tool.passrole_checks]\nvar_file = "prod.tfvars"\n')
    assert list(found(capsys)) == ["PASSROLE_002"]
    Path("pyproject.toml").write_text('[tool.passrole_checks]\nvar_file = "prod.tfvars"\nvar = ["role=*"]\n')
    assert list(found(capsys)) == ["PASSROLE_001"]
    assert list(found(capsys, "--var", f"role={EXACT}")) == ["PASSROLE_002"]


@pytest.mark.parametrize("value", ["role", "=x", "", "a b=x", "1=x"])
def test_a_value_without_a_name_is_a_mistake_in_the_options(value: str, capsys: pytest.CaptureFixture[str]) -> None:
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
def test_a_file_of_values_that_cannot_be_read_is_one_line(
    content: bytes | None, start: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line starts with the file, the status is 2, and the rest is scanned: also where there is no Terraform."""
    if content is not None:
        Path("given.tfvars").write_bytes(content)
    assert main(["scan", "root", "--var-file", "given.tfvars"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(start)
    assert error.count("\n") == 1
    Path("template.yaml").write_text("Resources:\n  Q:\n    Type: AWS::SQS::Queue\n")
    assert main(["scan", "template.yaml", "--var-file", "given.tfvars"]) == 2
    assert capsys.readouterr().err.startswith(start)


def test_a_folder_as_a_file_of_values(capsys: pytest.CaptureFixture[str]) -> None:
    """It cannot be opened, which is one line."""
    assert main(["scan", "root", "--var-file", "root"]) == 2
    assert capsys.readouterr().err.startswith("root: cannot be opened")


def test_a_value_that_is_no_expression_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the type of the variable asks for an expression, what is none is named with the variable."""
    Path("root/main.tf").write_text(ROOT.replace("default =", "type = list(string)\n  default ="))
    assert main(["scan", "root", "--var", "role=[x"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("--var role: '[x' is not an HCL expression")
    assert error.count("\n") == 1


def test_a_name_that_no_root_declares_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """It is a note, whatever the number of roots, and no failure."""
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
def test_named_link_that_leads_out_of_its_repository_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pull request can make a link of a file that the pipeline names."""
    Path("outside").write_text('role = "arn:aws:iam::111122223333:role/secret"\n')
    Path("root/.git").mkdir()
    Path("root/named").symlink_to(tmp_path / "outside")
    status = main(["scan", "root", option, "root/named"])
    printed = capsys.readouterr()
    assert status == 2 and printed.err.startswith("root/named: ")
    assert "secret" not in printed.out + printed.err
