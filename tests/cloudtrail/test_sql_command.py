"""``trail --sql`` prints one statement with a comment, needs no logs, and says what does not go with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks import __version__
from passrole_checks.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The status, standard output and standard error of ``trail``."""
    status = main(["trail", *arguments])
    told = capsys.readouterr()
    return status, told.out, told.err


@pytest.mark.parametrize(("dialect", "quote"), [("athena", '"'), ("spark", "`")])
def test_names_are_as_they_were_given(dialect: str, quote: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Table and view keep their database; the comment names the origin of the statement."""
    status, out, err = run(capsys, "--sql", dialect, "--table", "logs.cloud-trail", "--view", "audit.passed")
    assert (status, err) == (0, "")
    assert f"\nCREATE OR REPLACE VIEW {quote}audit{quote}.{quote}passed{quote} AS\n" in out
    assert f"\nFROM {quote}logs{quote}.{quote}cloud-trail{quote}\n" in out
    assert f"passrole-checks {__version__}" in out.partition("\nCREATE")[0]
    assert out.endswith(";\n")


def test_it_is_written_to_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """And the same as on standard output, every time."""
    assert run(capsys, "--sql", "athena", "--output", str(tmp_path / "view.sql")) == (0, "", "")
    assert (tmp_path / "view.sql").read_text("utf-8") == run(capsys, "--sql", "athena")[1]


def test_bounds_stand_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """--since, --until and --account, as for logs; in the comment as well."""
    options = ("--since", "2026-03-01", "--until", "2026-03-31", "--account", "111122223333")
    _, out, _ = run(capsys, "--sql", "spark", *options)
    where = (
        "WHERE eventtime >= '2026-03-01T00:00:00Z' AND eventtime < '2026-04-01T00:00:00Z'"
        " AND recipientaccountid IN ('111122223333')"
    )
    assert where in out
    assert "-- Only events since 2026-03-01T00:00:00Z and before 2026-04-01T00:00:00Z.\n" in out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "Missing argument 'PATH...'"),
        (("--sql", "athena", "logs"), "takes no PATH"),
        (("--sql", "athena", "--role", "x"), "--role cannot be used with --sql"),
        (("--sql", "athena", "--principal", "x"), "--principal cannot be used with --sql"),
        (("--sql", "athena", "--against", "."), "--against cannot be used with --sql"),
        (("--sql", "athena", "--events"), "--events cannot be used with --sql"),
        (("--sql", "athena", "--var", "a=b"), "--var cannot be used with --sql"),
        (("--sql", "athena", "--allow-empty"), "--allow-empty cannot be used with --sql"),
        (("--sql", "athena", "--format", "json"), "--format cannot be used with --sql"),
        (("--sql", "athena", "--output", "a", "--output", "b"), "at most one --output"),
        (("--sql", "athena", "--table", "a;b"), "'a;b' is not a table name"),
        (("--sql", "athena", "--view", "a.b.c.d"), "'a.b.c.d' is not a table name"),
        (("--sql", "athena", "--since", "2026-02-01", "--until", "2026-01-01"), "--since must be before --until"),
        (("logs", "--table", "a"), "--table requires --sql"),
        (("logs", "--view", "a"), "--view requires --sql"),
        (("--sql", "mysql"), "'mysql' is not one of"),
    ],
)
def test_incompatible_options_are_rejected(
    options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, with exit status 2, and nothing is printed."""
    status, out, err = run(capsys, *options)
    assert (status, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_a_configuration_for_scans_changes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Formats and files in ``pyproject.toml`` are for reports."""
    expected = run(capsys, "--sql", "athena")
    (tmp_path / "pyproject.toml").write_text('[tool.passrole_checks]\nformat = ["json"]\noutput = ["report.json"]\n')
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "--sql", "athena") == expected
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]
