"""``python -m tools.regenerate`` covers every test module that compares expected outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import regenerate

ROOT = Path(__file__).resolve().parents[2]


def test_every_module_with_outputs_is_listed() -> None:
    """Test modules that define ``outputs`` are exactly those that the command loads."""
    defining = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
        if "\ndef outputs() -> " in path.read_text("utf-8")
    ]
    assert sorted(defining) == sorted(regenerate.MODULES)


@pytest.mark.parametrize("check", [True, False])
def test_outdated_file_is_named_and_written_unless_checked(
    check: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files that differ are named; ``--check`` leaves them as they are and ends with 1, else they are written."""
    monkeypatch.setattr(regenerate, "ROOT", tmp_path)
    monkeypatch.setattr(regenerate, "MODULES", ("a.py", "b.py"))
    monkeypatch.setattr(regenerate, "prepare", lambda: None)
    (tmp_path / "a.py").write_text(
        "from pathlib import Path\nHERE = Path(__file__).parent\n"
        "def outputs():\n    yield HERE / 'same.txt', 'same'\n    yield HERE / 'old.txt', 'new'\n"
    )
    (tmp_path / "b.py").write_text("raise AssertionError('not asked for')\n")
    (tmp_path / "same.txt").write_text("same")
    (tmp_path / "old.txt").write_text("old")
    assert regenerate.main(["a.py", *(["--check"] if check else [])]) == (1 if check else 0)
    assert capsys.readouterr().out.splitlines() == ["old.txt", "1 file outdated" if check else "1 file written"]
    assert (tmp_path / "old.txt").read_text() == ("old" if check else "new")
