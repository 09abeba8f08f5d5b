"""Paths are resolved folder by folder to what os.path.realpath returns."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from passrole_checks.files.safe_read import OutsideError, resolve_inside

NAMES = ("a", "b", "c", "link", "chain", "loop", "out", "file", "gone", "missing", ".", "..")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree").resolve()
    (root / "a" / "b" / "c").mkdir(parents=True)
    (root / "a" / "b" / "file").touch()
    links = {"a/link": "b", "a/chain": "../a/link/c", "loop": "loop", "out": "..", "a/b/gone": "nowhere"}
    for name, target in links.items():
        (root / name).symlink_to(target)
    return root


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6), max_size=5))
@example([["loop", "..", "out"]])
@example([["a", "link", "c"], ["loop", "..", "a", "link"]])
def test_same_as_realpath(tree: Path, paths: list[list[str]]) -> None:
    """The result does not depend on what was resolved before."""
    known: dict[str, str] = {}
    for names in paths:
        path = os.path.join(tree, *names)
        assert resolve_inside(path, lambda real: True, known) == os.path.realpath(path)


def test_link_that_leads_out_is_refused(tree: Path) -> None:
    """As the last name of a path, and as one of its folders."""
    inside, known = (lambda real: Path(real).is_relative_to(tree / "a")), dict[str, str]()
    assert resolve_inside(tree / "a" / "chain", inside, known) == str(tree / "a" / "b" / "c")
    for name in ("out", "out/tree", "loop"):
        with pytest.raises(OutsideError):
            resolve_inside(tree / name, inside, known)


def test_invalid_name_raises_an_os_error(tree: Path) -> None:
    """A NUL byte is in no path."""
    with pytest.raises(OSError, match="null byte"):
        resolve_inside(f"{tree}/a\0b", lambda real: True, {})
