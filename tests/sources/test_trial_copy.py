"""A temporary copy in which files are replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from passrole_checks.sources.files.trial_copy import TrialCopy


@pytest.mark.parametrize("link", [False, True])
def test_files_are_replaced_and_restored(tmp_path: Path, link: bool) -> None:
    for name in ("main.tf", "a/b.tf", "gone.tf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    copy = TrialCopy(tmp_path, link=link)
    with copy.with_texts({"a/b.tf": "other", "gone.tf": None, "new/c.tf": "new"}) as top:
        assert (top / "a/b.tf").read_bytes() == b"other"
        assert not (top / "gone.tf").exists()
        assert (top / "new/c.tf").read_bytes() == b"new"
        assert (top / "main.tf").read_bytes() == b"main.tf"
        assert (tmp_path / "a/b.tf").read_bytes() == b"a/b.tf"
    with copy.with_texts({}) as top:
        assert {str(path.relative_to(top)) for path in top.rglob("*.tf")} == {"main.tf", "a/b.tf", "gone.tf"}
        assert (top / "a/b.tf").read_bytes() == b"a/b.tf"
    copy.delete()
    assert not top.exists()
    assert not (tmp_path / "new").exists()


def test_one_file_is_copied(tmp_path: Path) -> None:
    file = tmp_path / "main.tf"
    file.write_text("a", "utf-8")
    copy = TrialCopy(file, link=False)
    with copy.with_texts({"": "b"}) as path:
        assert (path.name, path.read_text("utf-8"), file.read_text("utf-8")) == ("main.tf", "b", "a")
    assert copy.path.read_text("utf-8") == "a"
    copy.delete()
